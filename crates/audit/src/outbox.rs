//! The record of a change on its way to the log.
//!
//! It is put into the change's own batch, so that there is no change without its record. What was
//! committed is handed to [`crate::Log::deliver`]; when that says that the log has it, the entry is
//! forgotten. Whatever happens between, the entry is delivered again, and the log drops what it has.

use crate::{EventId, Record};

/// The longest value, in bytes: what the store takes.
pub const VALUE_LIMIT: usize = 64 * 1024;

/// The event id in an entry's value; `None` when it is no record.
pub fn event_id(value: &[u8]) -> Option<EventId> {
    EventId::in_record(value).map(|(id, _)| id)
}

/// The value of an entry: the record's line, cut to [`VALUE_LIMIT`].
pub fn value(record: &Record<'_>) -> Vec<u8> {
    record.line_within(VALUE_LIMIT)
}
