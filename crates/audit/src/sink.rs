//! Where the log's lines go.

use std::io;

use bytes::Bytes;

use crate::EventId;

/// One record on its way to a sink.
#[derive(Debug, Clone)]
pub struct Line {
    /// Set when the line may come again (it was delivered from an outbox): a sink that already
    /// has a line of this id drops it.
    pub id: Option<EventId>,
    /// JSON, without a line end.
    pub json: Bytes,
}

/// What an append did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Appended {
    /// Lines written.
    pub lines: u64,
    /// Bytes written.
    pub bytes: u64,
    /// Lines that were there already.
    pub duplicates: u64,
}

/// Keeps lines. Used by one thread, which it may block.
pub trait Sink: Send {
    /// Appends the lines and makes them durable. After an error none of them counts as kept: the
    /// log gives the same lines, perhaps more, again.
    fn append(&mut self, lines: &[Line]) -> io::Result<Appended>;

    /// Whether anything is kept at all; without, the log takes no lines.
    fn keeps(&self) -> bool {
        true
    }

    /// For the start-up message: where records go.
    fn describe(&self) -> String;
}

/// The audit log is off: keeps nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Discard;

impl Sink for Discard {
    fn append(&mut self, _: &[Line]) -> io::Result<Appended> {
        Ok(Appended::default())
    }

    fn keeps(&self) -> bool {
        false
    }

    fn describe(&self) -> String {
        "audit log off: records are discarded".to_owned()
    }
}
