//! S3 over another S3-compatible store: what was decided here is asked of the store under its own
//! credentials, and streamed through in both directions.
//!
//! A request to the store is **built, not forwarded**: [`request`] writes it from the decoded
//! input along the model's tables, and [`answer`] writes the answer from the store's along the
//! same tables. So nothing that a caller sent and the model does not name reaches the store, the
//! operation decided is the operation asked for, and nothing of the store that the model does not
//! name reaches the caller. XML bodies are written anew for the same reason: two parsers may read
//! one document differently.
//!
//! The last piece of a body is held back until all of it has arrived and is verified
//! ([`sending`]): until then the store has an incomplete request, which no store makes an object of.
//!
//! This crate must not know accounts' records, signatures of callers, or how decisions are made.

mod answer;
mod document;
mod endpoint;
mod exchange;
mod failure;
mod request;
mod reshape;
mod seen;
mod sending;
mod settings;
mod store;
mod unmeasured;

pub use endpoint::Endpoint;
pub use settings::{BodySigning, Settings, SettingsError};
pub use store::Upstream;
