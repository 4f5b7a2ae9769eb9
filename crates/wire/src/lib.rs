//! AWS's wire protocols: what requests say and how answers are written.
//!
//! The Query protocol is read in three steps: [`query::Parameters`] takes a form apart,
//! [`query::check`] holds it against the constraint tables of `iamd-api`, and
//! [`query::from_parameters`] makes the operation's input of it. Answers are serde formats:
//! [`xml`], [`json`], [`rest_json`] and [`rest_xml`] (whose requests become the same parameters), and [`cloudtrail`]
//! for what audit records say about a request.
//!
//! No operation is known here by name, nothing is read from sockets, and a refused request never
//! repeats a secret.

pub mod cloudtrail;
mod error;
mod form;
pub mod json;
pub mod query;
pub mod rest_json;
pub mod rest_xml;
mod ser;
pub mod xml;

pub use error::{DecodeError, EncodeError};
