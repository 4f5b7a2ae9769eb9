//! The operations of STS
