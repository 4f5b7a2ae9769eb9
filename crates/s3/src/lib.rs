//! S3: what its operations ask permission for, the configuration of buckets, and the backends that keep
//! objects.
//!
//! A request is read once, into a [`Call`]; what is decided on ([`rules`]) and what a [`Backend`] does are
//! both taken from it, so the operation decided is the operation performed.
//!
//! This crate must not know sockets, signatures, or how the pipeline records.

pub mod backend;
mod call;
pub mod cors;
pub mod create;
mod keys;
pub mod operation;
pub mod place;
pub mod policy;
pub mod public;
pub mod rules;

pub use backend::{Allowed, Answer, AnswerBody, Backend, Body, BoxFuture, Trailer};
pub use call::{Call, CopySource, MAX_KEY_BYTES};
pub use rules::{AuthType, Signing};

/// The operations on buckets that are built, but for those that make and remove them.
pub const OPERATIONS: &[operation::Table] = &[];

/// The operation on buckets of this name, if it is built.
pub fn operation(name: &str) -> Option<operation::Entry> {
    OPERATIONS.iter().copied().flatten().find(|entry| entry.name == name).copied()
}

/// Whether the body of a request for this operation is an object's bytes, not a document.
pub fn streams(operation: &iamd_api::Operation) -> bool {
    let is_body = |member: &iamd_api::Member| {
        matches!(member.place, Some(iamd_api::Place::Body))
            && matches!(member.shape.kind, iamd_api::Kind::Blob)
    };
    operation.input.members().iter().any(is_body)
}
