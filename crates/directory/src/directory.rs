//! All accounts of this node: found, loaded on first use, read without locks, written in order.

use std::collections::BTreeSet;
use std::sync::Arc;

use arc_swap::ArcSwap;
use futures_util::future::try_join_all;
use iamd_store::{At, KeyRange, PageLimit, Partition, Store, TxnId};
use iamd_types::{AccountId, Code, Entropy, Error, entropy};
use imbl::HashMap;
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{OnceCell, mpsc, oneshot};

use crate::account::Account;
use crate::keys;
use crate::outbox::{Outbox, OutboxEntry, Receipt};
use crate::quotas::QuotaTable;
use crate::routing::{Route, Routing};
use crate::transaction::{Origin, Transaction};
use crate::usage::Usage;
use crate::writer::{Change, MAX_WAITING, Work, Writer, load, read_error};

/// How many partitions are asked for at a time.
const PARTITIONS_PAGE: usize = 1000;

/// The name of this node in the store. There is one node.
const NODE: &str = "local";

/// The accounts of a store.
pub struct Directory {
    store: Arc<dyn Store>,
    quotas: QuotaTable,
    entropy: Arc<dyn Entropy>,
    outbox: mpsc::UnboundedSender<OutboxEntry>,
    slots: ArcSwap<HashMap<AccountId, Arc<Slot>>>,
    routing: Routing,
    usage: Usage,
}

/// A known account, loaded or not yet.
struct Slot {
    id: AccountId,
    loaded: OnceCell<Loaded>,
}

struct Loaded {
    published: Arc<ArcSwap<Account>>,
    queue: mpsc::Sender<Work>,
}

impl Directory {
    /// Finds out which accounts there are; reads none of them yet. Committed outbox entries are
    /// sent to `outbox`.
    pub async fn open(
        store: Arc<dyn Store>,
        quotas: impl Into<QuotaTable>,
        entropy: Arc<dyn Entropy>,
        outbox: mpsc::UnboundedSender<OutboxEntry>,
    ) -> Result<Self, Error> {
        let mut slots = HashMap::new();
        let mut after = None;
        loop {
            let page =
                store.partitions(after.as_ref(), PARTITIONS_PAGE).await.map_err(read_error)?;
            let known = page.iter().filter_map(|partition| partition.as_str().parse().ok());
            slots.extend(known.map(|id| (id, Slot::new(id))));
            if page.len() < PARTITIONS_PAGE {
                break;
            }
            after = page.into_iter().next_back();
        }
        let routing = Routing::open(Arc::clone(&store)).await?;
        let usage = Usage::open(Arc::clone(&store), NODE).await?;
        let slots = ArcSwap::from_pointee(slots);
        Ok(Self { store, quotas: quotas.into(), entropy, outbox, slots, routing, usage })
    }

    /// The ids of all accounts, in no particular order.
    pub fn accounts(&self) -> Vec<AccountId> {
        self.slots.load().keys().copied().collect()
    }

    /// Where ids and names that do not tell their account lead.
    pub fn routing(&self) -> &Routing {
        &self.routing
    }

    /// Registers a name for an account, unless it leads to another one for which `is_taken` holds.
    /// Returns whether the name now leads to this account.
    pub async fn register(
        &self,
        route: Route,
        name: &str,
        account: AccountId,
        is_taken: impl Fn(AccountId) -> bool,
    ) -> Result<bool, Error> {
        let txn = TxnId(entropy::random(&*self.entropy));
        self.routing.register(route, name, account, txn, is_taken).await
    }

    /// When access keys were last used.
    pub fn usage(&self) -> &Usage {
        &self.usage
    }

    /// Writes down when access keys were last used.
    pub async fn flush_usage(&self) -> Result<(), Error> {
        self.usage.flush(&*self.entropy).await
    }

    /// The newest durable state of an account; `None` when there is no such account. Loads it on
    /// first use; afterwards this takes no lock and does no I/O.
    pub async fn account(&self, id: AccountId) -> Result<Option<Arc<Account>>, Error> {
        let Some(slot) = self.slot(id) else { return Ok(None) };
        let account = self.load(&slot).await?.published.load_full();
        Ok(account.record().is_some().then_some(account))
    }

    /// As [`Directory::account`]; an account that is not there looks like one in which there is nothing.
    pub async fn account_or_empty(&self, id: AccountId) -> Result<Arc<Account>, Error> {
        let found = self.account(id).await?;
        Ok(found.unwrap_or_else(|| Arc::new(Account::new(id, self.quotas.of(id)))))
    }

    /// The newest state, if the account is loaded already.
    pub fn loaded(&self, id: AccountId) -> Option<Arc<Account>> {
        let slots = self.slots.load();
        let account = slots.get(&id)?.loaded.get()?.published.load_full();
        account.record().is_some().then_some(account)
    }

    /// Runs a change on the newest state of an account and returns its output once it is durable.
    /// The closure may be run several times; it must depend on its arguments alone.
    pub async fn write<T, F>(&self, id: AccountId, origin: Origin, work: F) -> Result<T, Error>
    where
        T: Send + 'static,
        F: FnMut(&mut Transaction) -> Result<T, Error> + Send + 'static,
    {
        let slot = self.slot(id).ok_or_else(|| Error::internal(NoSuchAccount(id)))?;
        self.write_to(&slot, origin, work).await
    }

    async fn write_to<T, F>(&self, slot: &Slot, origin: Origin, work: F) -> Result<T, Error>
    where
        T: Send + 'static,
        F: FnMut(&mut Transaction) -> Result<T, Error> + Send + 'static,
    {
        let (caller, answer) = oneshot::channel();
        let id = TxnId(entropy::random(&*self.entropy));
        let change = Change { origin, id, work, outcome: None, caller };
        let queue = &self.load(slot).await?.queue;
        queue.try_send(Work::Change(Box::new(change))).map_err(|error| match error {
            TrySendError::Full(_) => Error::new(Code::Throttling, "Rate exceeded"),
            TrySendError::Closed(_) => Error::internal(WriterStopped),
        })?;
        let (output, _revision) = answer.await.map_err(Error::internal)??;
        Ok(output)
    }

    /// Makes an account: `work` puts its record. Refused when the account is there already.
    pub async fn create_account<T, F>(
        &self,
        id: AccountId,
        origin: Origin,
        mut work: F,
    ) -> Result<T, Error>
    where
        T: Send + 'static,
        F: FnMut(&mut Transaction) -> Result<T, Error> + Send + 'static,
    {
        let slot = Slot::new(id);
        self.slots.rcu(|slots| {
            let mut slots = HashMap::clone(slots);
            slots.entry(id).or_insert_with(|| Arc::clone(&slot));
            slots
        });
        let slot = self.slot(id).ok_or_else(|| Error::internal(NoSuchAccount(id)))?;
        self.write_to(&slot, origin, move |tx| {
            if tx.record().is_some() {
                let message = format!("Account {id} already exists.");
                return Err(Error::new(Code::EntityAlreadyExists, message));
            }
            work(tx)
        })
        .await
    }

    /// Says of entries of an account's outbox that they were moved on: others may stand in their places then.
    pub async fn moved_on(&self, account: AccountId, receipts: Vec<Receipt>) {
        // Entries come from accounts that are loaded.
        let slot = self.slot(account);
        if let Some(loaded) = slot.as_ref().and_then(|slot| slot.loaded.get()) {
            // Nobody is there only while the server stops.
            let _ = loaded.queue.send(Work::MovedOn(receipts)).await;
        }
    }

    /// Removes from an account's partition the places of its outbox in which nothing was put since the last call.
    /// Returns whether there are others, which the next call would remove.
    pub async fn tidy_outbox(&self, account: AccountId) -> Result<bool, Error> {
        let origin = Origin { now: iamd_types::Timestamp::default(), seed: [0; 32] };
        loop {
            let left = self.write(account, origin, |tx| Ok(tx.tidy_outbox())).await?;
            if left.stale == 0 {
                return Ok(left.spare > 0);
            }
        }
    }

    /// Removes all places of the outboxes of loaded accounts whose entries were moved on.
    pub async fn clear_outboxes(&self) -> Result<(), Error> {
        let slots = self.slots.load_full();
        let loaded = || slots.values().filter(|slot| slot.loaded.initialized());
        // What was spare only lately goes with the second call.
        for _ in 0..2 {
            try_join_all(loaded().map(|slot| self.tidy_outbox(slot.id))).await?;
        }
        Ok(())
    }

    /// Loads the accounts in whose outboxes an earlier run left something, which is sent then. Some of it may have been
    /// moved on.
    pub async fn recover_outbox(&self) -> Result<(), Error> {
        let waiting = KeyRange::prefix(keys::OUTBOX);
        let first = PageLimit { entries: 1, ..PageLimit::default() };
        for account in self.accounts() {
            let partition = partition(account)?;
            let page = self.store.range(&partition, waiting.clone(), first, At::Latest).await;
            let is_empty = page.map_err(read_error)?.entries.is_empty();
            if let Some(slot) = self.slot(account).filter(|_| !is_empty) {
                self.load(&slot).await?;
            }
        }
        Ok(())
    }

    pub(crate) fn store(&self) -> &dyn Store {
        &*self.store
    }

    /// The partitions that a follower must look at when it does not know what has changed.
    pub(crate) fn followed(&self) -> BTreeSet<Partition> {
        let accounts = self.accounts().into_iter().filter_map(|id| partition(id).ok());
        accounts.chain(Partition::new(crate::routing::PARTITION)).collect()
    }

    /// Reads an account again, if it is loaded and the store has a newer state of it; knows it from now on in
    /// any case. Returns whether there is a newer state.
    pub(crate) async fn renew(&self, id: AccountId) -> Result<bool, Error> {
        let slot = Slot::new(id);
        self.slots.rcu(|slots| {
            let mut slots = HashMap::clone(slots);
            slots.entry(id).or_insert_with(|| Arc::clone(&slot));
            slots
        });
        let Some(slot) = self.slot(id) else { return Ok(false) };
        // One that is loaded later reads the newest state by itself.
        let Some(loaded) = slot.loaded.get() else { return Ok(true) };
        let (account, _) = load(&*self.store, &partition(id)?, &loaded.published.load()).await?;
        let account = Arc::new(account);
        let before = loaded.published.rcu(|published| {
            let newer = published.revision() < account.revision();
            Arc::clone(if newer { &account } else { published })
        });
        Ok(before.revision() < account.revision())
    }

    fn slot(&self, id: AccountId) -> Option<Arc<Slot>> {
        self.slots.load().get(&id).cloned()
    }

    async fn load<'a>(&self, slot: &'a Slot) -> Result<&'a Loaded, Error> {
        if let Some(loaded) = slot.loaded.get() {
            return Ok(loaded);
        }
        let loading = slot.loaded.get_or_try_init(|| async {
            let partition = partition(slot.id)?;
            let empty = Account::new(slot.id, self.quotas.of(slot.id));
            let (account, in_outbox) = load(&*self.store, &partition, &empty).await?;
            let published = Arc::new(ArcSwap::from_pointee(account));
            let (queue, waiting) = mpsc::channel(MAX_WAITING);
            let writer = Writer {
                store: Arc::clone(&self.store),
                partition,
                published: Arc::clone(&published),
                outbox: Outbox::new(slot.id, self.outbox.clone(), in_outbox),
            };
            tokio::spawn(writer.run(waiting));
            Ok(Loaded { published, queue })
        });
        // In a box: the future of every request would have room for this one, several times over, and
        // is moved as a whole.
        Box::pin(loading).await
    }
}

impl Slot {
    fn new(id: AccountId) -> Arc<Self> {
        Arc::new(Self { id, loaded: OnceCell::new() })
    }
}

fn partition(id: AccountId) -> Result<Partition, Error> {
    Partition::new(&id.to_string()).map_err(Error::internal)
}

#[derive(Debug, thiserror::Error)]
#[error("account {0} is not known here")]
struct NoSuchAccount(AccountId);

#[derive(Debug, thiserror::Error)]
#[error("the account's writer has stopped")]
struct WriterStopped;
