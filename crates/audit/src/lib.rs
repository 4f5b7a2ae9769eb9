//! CloudTrail records, and the ways they are kept
