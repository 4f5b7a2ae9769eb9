//! Operations on buckets themselves: they read or change a record of the owner's account. Operations on
//! objects are the [`crate::Backend`]'s.

use futures_util::future::BoxFuture;
use iamd_authz::{Authorized, Permit};
use iamd_directory::principals::Named;
use iamd_directory::{Account, Bucket, BucketFields, Directory, Transaction};
use iamd_types::{AccountId, Code, Error};
use iamd_wire::query::from_parameters;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::backend::Answer;
use crate::call::Call;

/// What an operation on a bucket sees.
#[derive(Clone, Copy)]
pub struct View<'a> {
    /// The account that owns the bucket; of ListBuckets the caller's.
    pub owner: &'a Account,
    /// The bucket, for all operations but ListBuckets.
    pub bucket: Option<&'a Bucket>,
    /// All accounts, for the principals that a policy names.
    pub directory: &'a Directory,
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
pub trait BucketCommand: BucketOperation<Output = ()> {
    /// The status of success, where S3 answers another than its model says.
    const STATUS: Option<u16> = None;

    /// The policy in the request, whose principals are to be looked up before the account's writer is
    /// reached.
    fn policy(_input: &Self::Input) -> Option<&str> {
        None
    }

    /// Changes the record, or refuses to. It is all that is written.
    ///
    /// # Errors
    /// The operation's own.
    fn change(
        input: &Self::Input,
        by: &Change<'_, Self>,
        bucket: &mut BucketFields,
    ) -> Result<(), Error>;
}

/// What a change sees besides its input and the bucket.
pub struct Change<'a, C> {
    /// That it is allowed, and who makes it.
    pub permit: &'a Permit<C>,
    /// The policy of [`BucketCommand::policy`], looked up.
    pub policy: Option<&'a Named>,
    /// The bucket's account, in the state that is changed.
    pub owner: &'a Account,
}

/// The operations of a table.
pub type Table = &'static [Entry];

/// What a command found out before the account's writer was reached.
#[derive(Default)]
pub struct Prepared(Option<Named>);

type Prepare = for<'a> fn(&'a Call, &'a View<'a>) -> BoxFuture<'a, Result<Prepared, Error>>;
/// The change of a bucket's record, and the answer to it.
pub type Run = fn(&Call, &Prepared, Authorized, &Bucket, &mut Transaction) -> Result<Answer, Error>;

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
        run: Run,
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
                        let Some(text) = C::policy(&input) else {
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
                    let policy = prepared.0.as_ref();
                    let by = Change { permit: &permit, policy, owner: tx };
                    let mut fields = bucket.fields();
                    C::change(&input, &by, &mut fields)?;
                    tx.put_bucket(&fields);
                    let answer = Answer::of(call.operation, &())?;
                    let status = C::STATUS.unwrap_or(answer.status);
                    Ok(Answer { status, ..answer })
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
