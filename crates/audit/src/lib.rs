//! What happened: CloudTrail records, and the log that keeps them.
//!
//! It decides nothing and knows no HTTP, no operations and no store. A [`Record`] becomes one line of
//! JSON. Records of reads and denials go to the [`Log`]'s bounded buffer; when that is full or the
//! [`Sink`] fails they are refused, and so is the request. The record of a change waits in the
//! store ([`outbox`]), committed with the change, until the log has it.

mod event_id;
mod identity;
mod log;
mod object;
pub mod outbox;
mod recent;
mod record;
mod segments;
mod sink;

pub use event_id::{EventId, InvalidEventId};
pub use identity::{Federated, IssuerType, Principal, SessionContext, SessionIssuer, UserIdentity};
pub use log::{Counts, Health, Log, Lost, Refused};
pub use record::{Category, EventType, LINE_LIMIT, Part, Record, Resource, TlsDetails};
pub use segments::{JsonLines, OpenError};
pub use sink::{Appended, Discard, Line, Sink};
