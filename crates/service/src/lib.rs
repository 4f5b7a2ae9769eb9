//! The request pipeline: from bytes to an answer, in AWS's order of errors.
//!
//! [`pipeline`] reads top to bottom as one request goes. Nothing above it decides, nothing below it
//! records. This crate must not know sockets.

mod account_record;
mod accounts;
mod decide;
mod dialect;
mod failures;
mod hardware_tokens;
mod identify;
mod issuer;
mod kept;
mod outbox;
mod pipeline;
mod record;
mod request;
mod respond;
mod s3;
mod stopwatch;
mod table;
mod unsigned;

pub use accounts::{AccountSummary, NewAccount, RootCredentials, RootKey};
pub use decide::{Asker, Decided, Described, Known, Question};
pub use dialect::{Dialect, HeadLine, Refused};
pub use kept::Kept;
pub use pipeline::{Service, Settings};
pub use request::{Reply, Request, Tls};
pub use s3::{Arriving, S3, S3Reply, Upstream};
pub use table::Table;
