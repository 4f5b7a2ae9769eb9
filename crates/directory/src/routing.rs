//! Where access key ids and names that do not tell their account lead: the `routing` partition.
//!
//! It holds only what came from outside (keys given on the command line or imported) and what must
//! be unique over all accounts (aliases), so it stays small and is kept in memory whole.

use std::sync::Arc;

use arc_swap::ArcSwap;
use iamd_store::{Batch, CommitError, KeyRange, Op, Partition, Revision, Store, Txn, TxnId};
use iamd_types::{AccountId, Error};
use imbl::OrdMap;
use smallvec::SmallVec;

use crate::writer::read_error;

/// The kinds of name that are routed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Route {
    /// An access key id that does not carry its account.
    AccessKey,
    /// An account alias.
    Alias,
    /// The e-mail address of a root user, in lower case.
    Email,
    /// An S3 bucket.
    Bucket,
}

impl Route {
    /// The name's key; on the stack for all names but absurd ones, since each signed request asks for one.
    fn key(self, name: &str) -> SmallVec<[u8; 64]> {
        let prefix: &[u8] = match self {
            Self::AccessKey => b"k/",
            Self::Alias => b"a/",
            Self::Email => b"e/",
            Self::Bucket => b"b/",
        };
        let mut key = SmallVec::from_slice(prefix);
        key.extend_from_slice(name.as_bytes());
        key
    }
}

/// The routes of a store. Reading takes no lock.
pub struct Routing {
    store: Arc<dyn Store>,
    routes: ArcSwap<OrdMap<Box<[u8]>, AccountId>>,
    /// Writers take turns; the value is the partition's revision.
    head: tokio::sync::Mutex<Revision>,
}

pub(crate) const PARTITION: &str = "routing";

impl Routing {
    pub(crate) async fn open(store: Arc<dyn Store>) -> Result<Self, Error> {
        let (head, routes) = read(&*store).await?;
        Ok(Self {
            store,
            routes: ArcSwap::from_pointee(routes),
            head: tokio::sync::Mutex::new(head),
        })
    }

    /// The account that a name leads to.
    pub fn find(&self, route: Route, name: &str) -> Option<AccountId> {
        self.routes.load().get(&*route.key(name)).copied()
    }

    /// Registers a name for an account, unless it leads to another one for which `is_taken` holds.
    /// Returns whether the name now leads to this account.
    pub(crate) async fn register(
        &self,
        route: Route,
        name: &str,
        account: AccountId,
        txn: TxnId,
        is_taken: impl Fn(AccountId) -> bool,
    ) -> Result<bool, Error> {
        let mut head = self.head.lock().await;
        loop {
            match self.find(route, name) {
                Some(owner) if owner == account => return Ok(true),
                Some(owner) if is_taken(owner) => return Ok(false),
                Some(_) | None => {}
            }
            let op = Op::put(&*route.key(name), account.to_string().into_bytes());
            if self.commit(&mut head, Txn { id: txn, ops: vec![op] }).await? {
                return Ok(true);
            }
        }
    }

    /// Reads the routes again: others have written to the store.
    pub(crate) async fn renew(&self) -> Result<(), Error> {
        let mut head = self.head.lock().await;
        let (newest, routes) = read(&*self.store).await?;
        *head = newest;
        self.routes.store(Arc::new(routes));
        Ok(())
    }

    /// Commits one change; `false` when the routes had moved on and were read again instead.
    async fn commit(&self, head: &mut Revision, txn: Txn) -> Result<bool, Error> {
        let (partition, id) = (partition()?, txn.id);
        let ops = txn.ops.clone();
        let committed = match self.store.commit(&partition, Batch::one(*head, txn)).await {
            Ok(_) => true,
            Err(CommitError::Conflict { .. }) => false,
            Err(CommitError::Unknown) => {
                self.store.outcome(&partition, id).await.map_err(read_error)?.is_some()
            }
            Err(error) => return Err(Error::unavailable(error)),
        };
        if committed {
            *head = head.plus(1);
            self.routes.rcu(|routes| apply(routes, &ops));
        } else {
            let (newest, routes) = read(&*self.store).await?;
            *head = newest;
            self.routes.store(Arc::new(routes));
        }
        Ok(committed)
    }
}

type Routes = OrdMap<Box<[u8]>, AccountId>;

fn apply(routes: &Routes, ops: &[Op]) -> Routes {
    let mut routes = routes.clone();
    for op in ops {
        match op.value().and_then(|value| account_of(value)) {
            Some(account) => routes.insert(op.key().into(), account),
            None => routes.remove(op.key()),
        };
    }
    routes
}

fn account_of(value: &[u8]) -> Option<AccountId> {
    std::str::from_utf8(value).ok()?.parse().ok()
}

async fn read(store: &dyn Store) -> Result<(Revision, Routes), Error> {
    let (head, entries) =
        iamd_store::read_range(store, &partition()?, &KeyRange::all()).await.map_err(read_error)?;
    let routes = entries
        .into_iter()
        .filter_map(|entry| account_of(&entry.value).map(|account| (entry.key, account)))
        .collect();
    Ok((head, routes))
}

fn partition() -> Result<Partition, Error> {
    Partition::new(PARTITION).map_err(Error::internal)
}
