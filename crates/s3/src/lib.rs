//! S3: what its operations ask permission for, the configuration of buckets, and the backends that keep
//! objects.
//!
//! A request is read once, into a [`Call`]; what is decided on ([`rules`]) and what a [`Backend`] does are
//! both taken from it, so the operation decided is the operation performed.
//!
//! This crate must not know sockets, signatures, or how the pipeline records.

pub mod backend;
mod call;
pub mod create;
mod keys;
pub mod place;
pub mod policy;
pub mod public;
pub mod rules;

pub use backend::{Allowed, Answer, AnswerBody, Backend, Body, BoxFuture, Trailer};
pub use call::{Call, CopySource, MAX_KEY_BYTES};
pub use rules::{AuthType, Signing};
