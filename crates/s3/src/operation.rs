//! Operations on buckets themselves: they read or change a record of the owner's account. Operations on
//! objects are the [`crate::Backend`]'s.

use futures_util::future::BoxFuture;
use iamd_authz::{Authorized, Caller, Permit};
use iamd_directory::principals::Named;
use iamd_directory::{Account, Bucket, Directory, Transaction};
use iamd_types::{AccountId, Code, Error, Timestamp};
use iamd_wire::query::from_parameters;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::backend::Answer;
use crate::call::Call;

/// What an operation on a bucket sees.
#[derive(Clone, Copy)]
pub struct View<'a> {
    /// Who calls.
    pub caller: &'a Caller,
    /// The account that owns the bucket; of ListBuckets the caller's.
    pub owner: &'a Account,
    /// The bucket, for all operations but ListBuckets.
    pub bucket: Option<&'a Bucket>,
    /// All accounts, for the principals that a policy names.
    pub directory: &'a Directory,
    /// When the request was taken.
    pub now: Timestamp,
}

/// The bucket that an operation is about.
///
/// # Errors
/// `NoSuchBucket`.
pub(crate) fn bucket_of<'a>(view: &View<'a>) -> Result<&'a Bucket, Error> {
    view.bucket.ok_or_else(|| Error::s3(Code::NoSuchBucket))
}

/// An operation on a bucket, as a type without values.
pub trait BucketOperation: Sized + 'static {
    /// The name in the model.
    const NAME: &'static str;

    /// The decoded request.
    type Input: DeserializeOwned + Send + Sync;

    /// The answer; `()` when there is nothing to say.
    type Output: Serialize;
}

/// An operation that only reads.
pub trait BucketQuery: BucketOperation {
    /// Answers from the snapshot.
    ///
    /// # Errors
    /// The operation's own.
    fn run(
        input: &Self::Input,
        permit: &Permit<Self>,
        view: &View<'_>,
    ) -> Result<Self::Output, Error>;
}

/// An operation that changes a bucket's record. It may be run again on a newer state.
pub trait BucketCommand: BucketOperation {
    /// The policy in the request, whose principals are to be looked up before the account's writer is
    /// reached.
    ///
    /// # Errors
    /// Those of a policy that is refused.
    fn policy<'i>(_input: &'i Self::Input, _view: &View<'_>) -> Result<Option<&'i str>, Error> {
        Ok(None)
    }

    /// Makes the change, or refuses it. `policy` is the one of [`Self::policy`], looked up.
    ///
    /// # Errors
    /// The operation's own.
    fn run(
        input: &Self::Input,
        policy: Option<&Named>,
        permit: &Permit<Self>,
        bucket: &Bucket,
        tx: &mut Transaction,
    ) -> Result<Self::Output, Error>;
}

/// The operations of a table.
pub type Table = &'static [Entry];

/// What a command found out before the account's writer was reached.
#[derive(Default)]
pub struct Prepared(Option<Named>);

type Prepare = for<'a> fn(&'a Call, &'a View<'a>) -> BoxFuture<'a, Result<Prepared, Error>>;
type Change = fn(&Call, &Prepared, Authorized, &Bucket, &mut Transaction) -> Result<Answer, Error>;

/// An operation on a bucket, without its types.
#[derive(Clone, Copy)]
pub struct Entry {
    /// The name in the model.
    pub name: &'static str,
    /// What it does.
    pub work: Work,
}

/// Whether it reads or changes.
#[derive(Clone, Copy)]
pub enum Work {
    /// It reads.
    Query(fn(&Call, Authorized, &View<'_>) -> Result<Answer, Error>),
    /// It changes.
    Command {
        /// What is done before the account's writer is reached.
        prepare: Prepare,
        /// The change.
        run: Change,
    },
}

impl Entry {
    /// An operation that reads.
    pub const fn query<Q: BucketQuery>() -> Self {
        Self {
            name: Q::NAME,
            work: Work::Query(|call, authorized, view| {
                let input: Q::Input = from_parameters(&call.parameters)?;
                let output = Q::run(&input, &permit::<Q>(authorized)?, view)?;
                Answer::of(call.operation, &output)
            }),
        }
    }

    /// An operation that changes.
    pub const fn command<C: BucketCommand>() -> Self {
        Self {
            name: C::NAME,
            work: Work::Command {
                prepare: |call, view| {
                    Box::pin(async move {
                        let input: C::Input = from_parameters(&call.parameters)?;
                        let Some(text) = C::policy(&input, view)? else {
                            return Ok(Prepared::default());
                        };
                        let document = crate::policy::checked(text)?;
                        let owner: AccountId = view.owner.id();
                        let named = Named::look_up(document, owner, view.directory).await?;
                        Ok(Prepared(Some(named)))
                    })
                },
                run: |call, prepared, authorized, bucket, tx| {
                    let input: C::Input = from_parameters(&call.parameters)?;
                    let permit = permit::<C>(authorized)?;
                    let output = C::run(&input, prepared.0.as_ref(), &permit, bucket, tx)?;
                    Answer::of(call.operation, &output)
                },
            },
        }
    }
}

fn permit<O: BucketOperation>(authorized: Authorized) -> Result<Permit<O>, Error> {
    authorized.permit(O::NAME).ok_or_else(|| Error::internal(OutOfOrder))
}

#[derive(Debug, thiserror::Error)]
#[error("the request was run before it was authorized")]
struct OutOfOrder;
