//! The vocabulary of IAM that every other crate shares: ARNs, account and unique ids, tags, paths,
//! time, secrets and errors.
//!
//! It knows no service, no wire format and no storage. Nothing here reads a clock or draws
//! randomness: both are traits ([`Clock`], [`Entropy`]) whose system sources live in the binary.

pub mod account;
pub mod arn;
mod base32;
pub mod blob;
pub mod code;
pub mod entropy;
pub mod error;
pub mod id;
pub mod name;
pub mod s3;
pub mod secret;
pub mod tag;
pub mod time;

pub use account::AccountId;
pub use arn::Arn;
pub use blob::Blob;
pub use code::Code;
pub use entropy::Entropy;
pub use error::{Error, Kind};
pub use id::{AccessKeyId, IdKind, UniqueId};
pub use secret::Secret;
pub use tag::Tag;
pub use time::{Clock, Timestamp};
