//! An operation in a table.

use iamd_wire::DecodeError;
use iamd_wire::query::{Parameters, from_parameters};

use crate::invocation::{Asked, AskedPrepared, AskedPreparedQuery, AskedUnsigned, Work};
use crate::{Command, Operation, PreparedCommand, PreparedQuery, Query, UnsignedQuery};

/// An operation without its types: its name, and how to read a request for it.
#[derive(Clone, Copy)]
pub struct Entry {
    /// The name in the model.
    pub name: &'static str,
    decode: fn(&Parameters<'_>) -> Result<Work, DecodeError>,
}

impl Entry {
    /// An operation that reads.
    pub const fn query<Q: Query>() -> Self {
        Self {
            name: Q::NAME,
            decode: |form| Ok(Work::Query(Box::new(Asked::<Q>(input::<Q>(form)?)))),
        }
    }

    /// An operation that reads, and whose caller shows a token instead of signing.
    pub const fn unsigned<Q: UnsignedQuery>() -> Self {
        Self {
            name: Q::NAME,
            decode: |form| Ok(Work::Query(Box::new(AskedUnsigned::<Q>(input::<Q>(form)?)))),
        }
    }

    /// An operation that reads, once something is settled.
    pub const fn prepared_query<Q: PreparedQuery>() -> Self {
        Self {
            name: Q::NAME,
            decode: |form| {
                let input = input::<Q>(form)?;
                Ok(Work::Query(Box::new(AskedPreparedQuery::<Q> { input, prepared: None })))
            },
        }
    }

    /// An operation that changes.
    pub const fn command<C: Command>() -> Self {
        Self {
            name: C::NAME,
            decode: |form| Ok(Work::Command(Box::new(Asked::<C>(input::<C>(form)?)))),
        }
    }

    /// An operation that changes after some preparation.
    pub const fn prepared<C: PreparedCommand>() -> Self {
        Self {
            name: C::NAME,
            decode: |form| {
                let input = input::<C>(form)?;
                Ok(Work::Command(Box::new(AskedPrepared::<C> { input, prepared: None })))
            },
        }
    }

    /// Reads a request whose parameters were checked against the model.
    pub fn decode(&self, form: &Parameters<'_>) -> Result<Work, DecodeError> {
        (self.decode)(form)
    }
}

fn input<O: Operation>(form: &Parameters<'_>) -> Result<O::Input, DecodeError> {
    from_parameters(form)
}
