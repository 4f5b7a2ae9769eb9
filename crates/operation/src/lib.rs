//! What an operation is: its input and output, what it asks permission for, and whether it reads or
//! changes. An [`Entry`] keeps one without its types, so that the pipeline is one plain function
//! over a table.
//!
//! This crate must not know any particular operation, nor where requests come from.

mod entry;
mod invocation;
mod output;
mod slow;
mod tools;

use futures_util::future::BoxFuture;
use iamd_authz::{AccessList, Bearer, Caller, Permit};
use iamd_directory::{Account, Transaction};
use iamd_types::{AccountId, Error};
use serde::Serialize;
use serde::de::DeserializeOwned;

pub use entry::Entry;
pub use iamd_authz::RequestFacts;
pub use invocation::{Call, CommandCall, QueryCall, Work};
pub use output::Output;
pub use slow::{SLOW_AT_ONCE, slowly};
pub use tools::Tools;

/// What an operation sees of the world while it is authorized or answers.
#[derive(Clone, Copy)]
pub struct View<'a> {
    /// Who calls.
    pub caller: &'a Caller,
    /// The caller's account.
    pub account: &'a Account,
    /// The account that [`Operation::other_account`] named, if there is one.
    pub other: Option<&'a Account>,
    /// The request's circumstances.
    pub facts: &'a RequestFacts,
    /// What the server lends.
    pub tools: &'a Tools,
}

/// The input of operations that take nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Deserialize)]
pub struct NoInput {}

/// An operation of an API, as a type without values.
pub trait Operation: Sized + Send + Sync + 'static {
    /// The name in the model.
    const NAME: &'static str;

    /// The decoded request.
    type Input: DeserializeOwned + Send + Sync + 'static;

    /// The answer; `()` for operations that only succeed.
    type Output: Serialize + Send + 'static;

    /// An account besides the caller's that the operation looks at.
    fn other_account(_input: &Self::Input) -> Option<AccountId> {
        None
    }

    /// Everything the caller must be allowed for this request.
    ///
    /// # Errors
    /// What AWS refuses before it looks at policies.
    fn access<'a>(input: &Self::Input, view: &View<'a>) -> Result<AccessList<'a>, Error>;
}

/// An operation that only reads: it gets a snapshot and cannot write.
pub trait Query: Operation {
    /// Answers from the snapshot.
    fn run(
        input: &Self::Input,
        permit: &Permit<Self>,
        view: &View<'_>,
    ) -> Result<Self::Output, Error>;
}

/// A [`Query`] that has something to settle first, such as using up a one-time code: the one kind of
/// change that does not wait for the answer.
pub trait PreparedQuery: Operation {
    /// What settling it gives.
    type Prepared: Send + Sync + 'static;

    /// Settles it, once, after the caller was allowed. `None`: there is nothing to settle.
    fn prepare<'a>(
        input: &'a Self::Input,
        view: &'a View<'a>,
    ) -> Option<BoxFuture<'a, Result<Self::Prepared, Error>>>;

    /// Answers from the snapshot.
    fn run(
        input: &Self::Input,
        prepared: Option<&Self::Prepared>,
        permit: &Permit<Self>,
        view: &View<'_>,
    ) -> Result<Self::Output, Error>;
}

/// A [`Query`] whose caller signs nothing: a token in the request says who it is.
pub trait UnsignedQuery: Query {
    /// The account that the request is for.
    fn account(input: &Self::Input) -> Option<AccountId>;

    /// Whom the token speaks of, once it is verified.
    fn prove<'a>(
        input: &'a Self::Input,
        account: &'a Account,
        facts: &'a RequestFacts,
        tools: &'a Tools,
    ) -> BoxFuture<'a, Result<Bearer, Error>>;
}

/// An operation that changes the caller's account. It may be run again on a newer state, so it
/// takes everything by reference and depends on its arguments alone.
pub trait Command: Operation {
    /// Makes the change, or refuses it.
    fn run(
        input: &Self::Input,
        permit: &Permit<Self>,
        tx: &mut Transaction,
    ) -> Result<Self::Output, Error>;
}

/// A [`Command`] with work that must not be done by the account's writer: drawing secrets, hashing,
/// asking other accounts.
pub trait PreparedCommand: Operation {
    /// What the work gives.
    type Prepared: Send + Sync + 'static;

    /// Does the work, once, after the caller was allowed.
    fn prepare<'a>(
        input: &'a Self::Input,
        view: &'a View<'a>,
    ) -> BoxFuture<'a, Result<Self::Prepared, Error>>;

    /// Makes the change, or refuses it.
    fn run(
        input: &Self::Input,
        prepared: &Self::Prepared,
        permit: &Permit<Self>,
        tx: &mut Transaction,
    ) -> Result<Self::Output, Error>;
}
