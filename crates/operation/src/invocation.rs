//! A request for an operation, without its types.

use futures_util::future::BoxFuture;
use iamd_authz::{AccessList, Authorized, Bearer, Permit, RequestFacts};
use iamd_directory::{Account, Transaction};
use iamd_types::{AccountId, Error};

use crate::output::{Output, Typed};
use crate::{
    Command, Operation, PreparedCommand, PreparedQuery, Query, Tools, UnsignedQuery, View,
};

/// A decoded request.
pub enum Work {
    /// It reads.
    Query(Box<dyn QueryCall>),
    /// It changes the caller's account.
    Command(Box<dyn CommandCall>),
}

/// A request that can be authorized.
pub trait Call: Send + Sync {
    /// See [`Operation::other_account`].
    fn other_account(&self) -> Option<AccountId>;

    /// See [`Operation::access`].
    fn access<'a>(&self, view: &View<'a>) -> Result<AccessList<'a>, Error>;
}

/// A request that reads.
pub trait QueryCall: Call {
    /// Settles what must be settled first; `None` when that is nothing.
    fn prepare<'a>(&'a mut self, _view: &'a View<'a>) -> Option<BoxFuture<'a, Result<(), Error>>> {
        None
    }

    /// See [`UnsignedQuery::account`].
    fn account(&self) -> Option<AccountId> {
        None
    }

    /// See [`UnsignedQuery::prove`]; `None` for operations that must be signed.
    fn prove<'a>(
        &'a self,
        _account: &'a Account,
        _facts: &'a RequestFacts,
        _tools: &'a Tools,
    ) -> Option<BoxFuture<'a, Result<Bearer, Error>>> {
        None
    }

    /// Answers from the snapshot.
    fn run(&self, authorized: Authorized, view: &View<'_>) -> Result<Box<dyn Output>, Error>;
}

/// A request that changes.
pub trait CommandCall: Call {
    /// Does what must be done before the account's writer is reached; `None` when that is nothing.
    fn prepare<'a>(&'a mut self, _view: &'a View<'a>) -> Option<BoxFuture<'a, Result<(), Error>>> {
        None
    }

    /// Makes the change. May be called again with a newer state.
    fn run(&self, authorized: Authorized, tx: &mut Transaction) -> Result<Box<dyn Output>, Error>;
}

/// A request for `O`.
pub(crate) struct Asked<O: Operation>(pub(crate) O::Input);

/// A request for `Q`, which nobody signed.
pub(crate) struct AskedUnsigned<Q: UnsignedQuery>(pub(crate) Q::Input);

/// A request for `Q`, with what was settled.
pub(crate) struct AskedPreparedQuery<Q: PreparedQuery> {
    pub(crate) input: Q::Input,
    pub(crate) prepared: Option<Q::Prepared>,
}

/// A request for `C`, with what was prepared.
pub(crate) struct AskedPrepared<C: PreparedCommand> {
    pub(crate) input: C::Input,
    pub(crate) prepared: Option<C::Prepared>,
}

impl<O: Operation> Call for Asked<O> {
    fn other_account(&self) -> Option<AccountId> {
        O::other_account(&self.0)
    }

    fn access<'a>(&self, view: &View<'a>) -> Result<AccessList<'a>, Error> {
        O::access(&self.0, view)
    }
}

impl<Q: PreparedQuery> Call for AskedPreparedQuery<Q> {
    fn other_account(&self) -> Option<AccountId> {
        Q::other_account(&self.input)
    }

    fn access<'a>(&self, view: &View<'a>) -> Result<AccessList<'a>, Error> {
        Q::access(&self.input, view)
    }
}

impl<C: PreparedCommand> Call for AskedPrepared<C> {
    fn other_account(&self) -> Option<AccountId> {
        C::other_account(&self.input)
    }

    fn access<'a>(&self, view: &View<'a>) -> Result<AccessList<'a>, Error> {
        C::access(&self.input, view)
    }
}

impl<Q: UnsignedQuery> Call for AskedUnsigned<Q> {
    fn other_account(&self) -> Option<AccountId> {
        Q::other_account(&self.0)
    }

    fn access<'a>(&self, view: &View<'a>) -> Result<AccessList<'a>, Error> {
        Q::access(&self.0, view)
    }
}

impl<Q: UnsignedQuery> QueryCall for AskedUnsigned<Q> {
    fn account(&self) -> Option<AccountId> {
        Q::account(&self.0)
    }

    fn prove<'a>(
        &'a self,
        account: &'a Account,
        facts: &'a RequestFacts,
        tools: &'a Tools,
    ) -> Option<BoxFuture<'a, Result<Bearer, Error>>> {
        Some(Q::prove(&self.0, account, facts, tools))
    }

    fn run(&self, authorized: Authorized, view: &View<'_>) -> Result<Box<dyn Output>, Error> {
        let output = Q::run(&self.0, &permit::<Q>(authorized)?, view)?;
        Ok(Box::new(Typed(output)))
    }
}

impl<Q: Query> QueryCall for Asked<Q> {
    fn run(&self, authorized: Authorized, view: &View<'_>) -> Result<Box<dyn Output>, Error> {
        let output = Q::run(&self.0, &permit::<Q>(authorized)?, view)?;
        Ok(Box::new(Typed(output)))
    }
}

impl<Q: PreparedQuery> QueryCall for AskedPreparedQuery<Q> {
    fn prepare<'a>(&'a mut self, view: &'a View<'a>) -> Option<BoxFuture<'a, Result<(), Error>>> {
        let Self { input, prepared } = self;
        let settling = Q::prepare(input, view)?;
        Some(Box::pin(async move {
            *prepared = Some(settling.await?);
            Ok(())
        }))
    }

    fn run(&self, authorized: Authorized, view: &View<'_>) -> Result<Box<dyn Output>, Error> {
        let permit = permit::<Q>(authorized)?;
        Ok(Box::new(Typed(Q::run(&self.input, self.prepared.as_ref(), &permit, view)?)))
    }
}

impl<C: Command> CommandCall for Asked<C> {
    fn run(&self, authorized: Authorized, tx: &mut Transaction) -> Result<Box<dyn Output>, Error> {
        let output = C::run(&self.0, &permit::<C>(authorized)?, tx)?;
        Ok(Box::new(Typed(output)))
    }
}

impl<C: PreparedCommand> CommandCall for AskedPrepared<C> {
    fn prepare<'a>(&'a mut self, view: &'a View<'a>) -> Option<BoxFuture<'a, Result<(), Error>>> {
        Some(Box::pin(async move {
            self.prepared = Some(C::prepare(&self.input, view).await?);
            Ok(())
        }))
    }

    fn run(&self, authorized: Authorized, tx: &mut Transaction) -> Result<Box<dyn Output>, Error> {
        let permit = permit::<C>(authorized)?;
        let prepared = self.prepared.as_ref().ok_or_else(|| Error::internal(OutOfOrder))?;
        Ok(Box::new(Typed(C::run(&self.input, prepared, &permit, tx)?)))
    }
}

fn permit<O: Operation>(authorized: Authorized) -> Result<Permit<O>, Error> {
    authorized.permit(O::NAME).ok_or_else(|| Error::internal(OutOfOrder))
}

/// The pipeline ran a step without the one before it.
#[derive(Debug)]
struct OutOfOrder;

impl std::fmt::Display for OutOfOrder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the request was run before it was authorized or prepared")
    }
}

impl std::error::Error for OutOfOrder {}
