//! A whole server in a test's process, with a clock that stands still and entropy that repeats.
//!
//! Tests drive it as clients do: signed requests in, answers out. For tests only; it panics where a
//! test should fail.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "only tests use this")]

mod answer;
mod ask;
mod clock;
mod device;
mod entropy;
mod issuer;
mod looks;
mod pem;
mod s3;
mod server;
mod sink;

pub use answer::Answer;
pub use ask::in_line;
pub use clock::FixedClock;
pub use device::Device;
pub use entropy::SeededEntropy;
pub use issuer::TestIssuer;
pub use looks::Looks;
pub use pem::{Pem, ssh_key};
pub use s3::{S3_HOST, S3Answer, S3Request};
pub use server::{Credentials, Kept, TestServer};
pub use sink::Recorded;

/// The metadata of a SAML provider, `https://idp.example.com/metadata`, with tabs for blanks and ends of lines so that
/// it can stand in the lines of [`TestServer::ask`].
pub fn saml_metadata() -> String {
    include_str!("../data/saml-metadata.xml").trim().replace([' ', '\n'], "\t")
}
