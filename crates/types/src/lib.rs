//! ARNs, ids, names, tags, limits, time and errors of IAM
