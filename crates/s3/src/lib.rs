//! S3: what its operations ask permission for, the configuration of buckets, and the backends that keep
//! objects.
//!
//! A request is read once, into a [`Call`]; what is decided on ([`rules`]) and what a [`Backend`] does are
//! both taken from it, so the operation decided is the operation performed.
//!
//! This crate must not know sockets, signatures, or how the pipeline records.

mod access;
pub mod backend;
mod buckets;
mod call;
pub mod cors;
mod cors_configuration;
pub mod create;
pub mod digests;
mod keys;
pub mod local;
pub mod operation;
pub mod owner;
pub mod place;
pub mod policy;
pub mod public;
pub mod rules;
mod settings;
pub mod tagging;

pub use backend::{Allowed, Answer, AnswerBody, Backend, Body, BoxFuture, Seen, Trailer};
pub use call::{Call, CopySource, MAX_KEY_BYTES};
pub use local::LocalBackend;
pub use rules::{AuthType, Signing};

/// The operations on buckets that are built, but for those that make and remove them.
pub const OPERATIONS: &[operation::Table] = &[
    access::OPERATIONS,
    buckets::OPERATIONS,
    cors_configuration::OPERATIONS,
    policy::OPERATIONS,
    settings::OPERATIONS,
    tagging::OPERATIONS,
];

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

#[cfg(test)]
mod tests {
    use super::*;

    /// The checked-in list of what is missing names nothing that is built here.
    #[test]
    fn what_is_built_is_of_the_model_and_not_listed_as_missing() {
        let missing = include_str!("../../service/unimplemented/s3.txt");
        for entry in OPERATIONS.iter().copied().flatten() {
            assert!(iamd_api::s3::SERVICE.operation(entry.name).is_some(), "{}", entry.name);
            assert!(missing.lines().all(|name| name != entry.name), "{}", entry.name);
        }
    }

    #[test]
    fn no_operation_has_two_entries() {
        let mut names: Vec<_> = OPERATIONS.iter().copied().flatten().map(|it| it.name).collect();
        names.sort_unstable();
        assert!(names.array_windows().all(|[left, right]| left != right));
    }
}
