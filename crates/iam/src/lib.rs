//! The operations of IAM
