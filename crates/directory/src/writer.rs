//! The one writer of an account: runs changes one after the other on the newest state, makes them
//! durable together, publishes the result, and only then answers.
//!
//! INVARIANT: a state that is not durable is never published, and no answer that was computed on
//! such a state leaves before it is. Whatever cannot be committed is run again from the state that
//! is durable.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use arc_swap::ArcSwap;
use iamd_store::{
    Batch, CommitError, Entry, KeyRange, Partition, ReadError, Revision, Store, Txn, TxnId,
};
use iamd_types::Error;
use tokio::sync::{mpsc, oneshot};

use crate::account::Account;
use crate::keys;
use crate::outbox::{Outbox, Plan, Receipt};
use crate::transaction::{Finished, Origin, Transaction};

/// How many changes go down together at most.
const MAX_JOBS: usize = 256;
/// A batch is closed when its operations hold this many bytes.
const CLOSE_AT_BYTES: usize = 4 * 1024 * 1024;
/// How often a batch is computed again after conflicts before its callers are told to retry.
const MAX_ATTEMPTS: usize = 8;
/// How many changes may wait for one account.
pub(crate) const MAX_WAITING: usize = 4096;

/// What the writer of an account is asked for.
pub(crate) enum Work {
    /// To run a change.
    Change(Box<dyn Job>),
    /// To know that entries of the outbox were moved on.
    MovedOn(Vec<Receipt>),
}

/// One waiting change.
pub(crate) trait Job: Send {
    fn origin(&self) -> &Origin;

    fn id(&self) -> TxnId;

    /// Computes the change; `false` when it was refused and nothing is to be committed.
    fn run(&mut self, tx: &mut Transaction) -> bool;

    /// Replaces the outcome by a failure.
    fn fail(&mut self, error: Error);

    /// Hands the outcome to the caller.
    fn answer(self: Box<Self>, revision: Revision);
}

/// What a caller gets back: the output, and the revision at which it is durable.
pub(crate) type Answer<T> = Result<(T, Revision), Error>;

/// A change as the caller's closure, with a place for what it returns.
pub(crate) struct Change<T, F> {
    pub(crate) origin: Origin,
    pub(crate) id: TxnId,
    pub(crate) work: F,
    pub(crate) outcome: Option<Result<T, Error>>,
    pub(crate) caller: oneshot::Sender<Answer<T>>,
}

impl<T, F> Job for Change<T, F>
where
    T: Send,
    F: FnMut(&mut Transaction) -> Result<T, Error> + Send,
{
    fn origin(&self) -> &Origin {
        &self.origin
    }

    fn id(&self) -> TxnId {
        self.id
    }

    fn run(&mut self, tx: &mut Transaction) -> bool {
        let outcome = (self.work)(tx);
        let accepted = outcome.is_ok();
        self.outcome = Some(outcome);
        accepted
    }

    fn fail(&mut self, error: Error) {
        self.outcome = Some(Err(error));
    }

    fn answer(self: Box<Self>, revision: Revision) {
        if let Some(outcome) = self.outcome {
            // A caller that went away does not take its change back.
            let _ = self.caller.send(outcome.map(|output| (output, revision)));
        }
    }
}

/// The writer's side of a loaded account.
pub(crate) struct Writer {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) partition: Partition,
    pub(crate) published: Arc<ArcSwap<Account>>,
    pub(crate) outbox: Outbox,
}

/// A batch computed on the published state.
struct Computed {
    base: Revision,
    txns: Vec<Txn>,
    /// How many of the jobs were run.
    jobs: usize,
    /// What they make of the account; none if they change nothing.
    tip: Option<Arc<Account>>,
    outbox: Plan,
}

enum Committed {
    Yes,
    Again,
    Failed(Error),
}

impl Writer {
    /// Works until all senders are gone.
    pub(crate) async fn run(mut self, mut queue: mpsc::Receiver<Work>) {
        let mut waiting = Vec::with_capacity(MAX_JOBS);
        let mut jobs: Vec<Box<dyn Job>> = Vec::with_capacity(MAX_JOBS);
        while !jobs.is_empty() || queue.recv_many(&mut waiting, MAX_JOBS).await > 0 {
            for work in waiting.drain(..) {
                match work {
                    Work::Change(job) => jobs.push(job),
                    Work::MovedOn(receipts) => self.outbox.moved_on(receipts),
                }
            }
            let (done, revision) = self.settle(&mut jobs).await;
            jobs.drain(..done).for_each(|job| job.answer(revision));
        }
    }

    /// Brings the first jobs to an end: how many, and the revision to answer them with.
    async fn settle(&mut self, jobs: &mut [Box<dyn Job>]) -> (usize, Revision) {
        for _ in 0..MAX_ATTEMPTS {
            let computed = self.compute(jobs);
            let (count, revision) = (computed.jobs, computed.base.plus(computed.txns.len()));
            match self.commit(computed).await {
                Committed::Yes => return (count, revision),
                Committed::Again => {}
                Committed::Failed(error) => return self.give_up(jobs, count, &error),
            }
        }
        let count = jobs.len();
        self.give_up(jobs, count, &Error::unavailable(CommitError::Unknown))
    }

    fn give_up(&self, jobs: &mut [Box<dyn Job>], count: usize, error: &Error) -> (usize, Revision) {
        jobs.iter_mut().take(count).for_each(|job| job.fail(error.clone()));
        (count, self.published.load().revision())
    }

    fn compute(&self, jobs: &mut [Box<dyn Job>]) -> Computed {
        let published = self.published.load_full();
        let mut computed = Computed {
            base: published.revision(),
            txns: Vec::new(),
            jobs: 0,
            tip: None,
            outbox: Plan::default(),
        };
        let mut bytes = 0;
        for job in jobs.iter_mut() {
            computed.jobs += 1;
            let tip = computed.tip.as_ref().unwrap_or(&published);
            let leftovers = self.outbox.leftovers(&computed.outbox);
            let mut tx = Transaction::new(Account::clone(tip), leftovers, job.origin());
            match catch_unwind(AssertUnwindSafe(|| job.run(&mut tx))) {
                Ok(true) => {}
                Ok(false) => continue,
                Err(_) => {
                    job.fail(Error::internal(Panicked));
                    continue;
                }
            }
            let Finished { mut account, mut ops, outbox, tidies_outbox } = tx.finish();
            let planned = self.outbox.plan(&computed.outbox, outbox, tidies_outbox);
            ops.extend(planned.ops());
            if ops.is_empty() {
                computed.outbox.extend(planned);
                continue;
            }
            let txn = Txn { id: job.id(), ops };
            if let Err(too_large) = txn.check() {
                job.fail(Error::internal(too_large));
                continue;
            }
            bytes += txn.size();
            computed.outbox.extend(planned);
            computed.txns.push(txn);
            account.revision = computed.base.plus(computed.txns.len());
            computed.tip = Some(Arc::new(account));
            if bytes >= CLOSE_AT_BYTES {
                break;
            }
        }
        computed
    }

    async fn commit(&mut self, computed: Computed) -> Committed {
        let Computed { base, txns, tip, outbox, .. } = computed;
        let Some(tip) = tip else {
            self.outbox.committed(outbox);
            return Committed::Yes;
        };
        let ends = txns.first().map(|txn| txn.id).zip(txns.last().map(|txn| txn.id));
        let result = self.store.commit(&self.partition, Batch { base, txns }).await;
        let committed = match result {
            Ok(_) => Committed::Yes,
            Err(CommitError::Conflict { applied: 0, .. }) => self.reload().await,
            Err(CommitError::Conflict { .. }) => self.reload_half().await,
            Err(CommitError::Unknown) => self.resolve(ends).await,
            Err(CommitError::TooLarge(error)) => Committed::Failed(Error::internal(error)),
            Err(error @ CommitError::Unavailable(_)) => {
                Committed::Failed(Error::unavailable(error))
            }
        };
        if matches!(committed, Committed::Yes) {
            self.published.store(tip);
            self.outbox.committed(outbox);
        }
        committed
    }

    /// The store lost track of a commit. A batch is applied from its front, so when its last
    /// transaction is in, all are, and when its first is not, none is.
    async fn resolve(&mut self, ends: Option<(TxnId, TxnId)>) -> Committed {
        let Some((first, last)) = ends else { return Committed::Again };
        let outcome = |id| self.store.outcome(&self.partition, id);
        match (outcome(first).await, outcome(last).await) {
            (Ok(_), Ok(Some(_))) => Committed::Yes,
            (Ok(None), Ok(None)) => self.reload().await,
            (Ok(Some(_)), Ok(None)) => self.reload_half().await,
            (Err(error), _) | (_, Err(error)) => Committed::Failed(Error::unavailable(error)),
        }
    }

    /// Some of a batch is in, and would run twice if it were computed anew: its callers are told
    /// that the outcome is not known.
    async fn reload_half(&mut self) -> Committed {
        match self.reload().await {
            Committed::Again => Committed::Failed(Error::unavailable(CommitError::Unknown)),
            other => other,
        }
    }

    /// The store has moved on: read the account again. Outbox entries of a commit whose fate was not
    /// known can be among what is new, so all that wait are sent again.
    async fn reload(&mut self) -> Committed {
        match load(&*self.store, &self.partition, &self.published.load()).await {
            Ok((account, waiting)) => {
                self.published.store(Arc::new(account));
                self.outbox.reload(waiting);
                Committed::Again
            }
            Err(error) => Committed::Failed(error),
        }
    }
}

/// Reads an account whole, with the id and quotas of `template`, and what waits in its outbox.
pub(crate) async fn load(
    store: &dyn Store,
    partition: &Partition,
    template: &Account,
) -> Result<(Account, Vec<Entry>), Error> {
    let (revision, mut entries) =
        iamd_store::read_range(store, partition, &KeyRange::all()).await.map_err(read_error)?;
    let account = Account::load(template.id(), *template.quotas(), revision, &entries)
        .map_err(Error::internal)?;
    entries.retain(|entry| entry.key.starts_with(keys::OUTBOX));
    Ok((account, entries))
}

/// A failed read as the caller's error.
pub(crate) fn read_error(error: ReadError) -> Error {
    match error {
        ReadError::Corrupt(_) => Error::internal(error),
        ReadError::Gone(_) | ReadError::Unavailable(_) => Error::unavailable(error),
    }
}

#[derive(Debug, thiserror::Error)]
#[error("computing the change panicked")]
struct Panicked;
