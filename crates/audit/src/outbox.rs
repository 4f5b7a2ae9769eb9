//! The record of a change on its way to the log.
//!
//! It is put into the change's own batch, so that there is no change without its record. What was
//! committed is handed to [`crate::Log::deliver`]; when that says that the log has it, the entry is
//! removed. Whatever happens between, the entry is delivered again, and the log drops what it has.

use crate::{EventId, Record};

/// The longest value, in bytes: what the store takes.
pub const VALUE_LIMIT: usize = 64 * 1024;

/// The key of an entry, behind the outbox's own prefix. Keys order by time.
pub fn key(id: &EventId) -> [u8; 16] {
    id.to_bytes()
}

/// The event id in a key; `None` when it is not one.
pub fn event_id(key: &[u8]) -> Option<EventId> {
    key.try_into().ok().map(EventId::from_bytes)
}

/// The value of an entry: the record's line, cut to [`VALUE_LIMIT`].
pub fn value(record: &Record<'_>) -> Vec<u8> {
    record.line_within(VALUE_LIMIT)
}
