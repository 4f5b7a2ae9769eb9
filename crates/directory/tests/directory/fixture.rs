//! An account to work on, and the records that tests put in it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use iamd_directory::{
    AccountFields, Directory, Origin, OutboxEntry, OwnedList, Quotas, Transaction, User, UserFields,
};
use iamd_store::{Entry, KeyRange, Memory, Partition, Store, read_range};
use iamd_types::{AccountId, Code, Entropy, Error, IdKind, Kind, Timestamp};
use tokio::sync::mpsc;

/// An open directory, and what came out of its outbox.
pub(crate) struct Opened {
    pub(crate) directory: Arc<Directory>,
    pub(crate) outbox: Mutex<mpsc::UnboundedReceiver<OutboxEntry>>,
}

impl std::ops::Deref for Opened {
    type Target = Arc<Directory>;

    fn deref(&self) -> &Arc<Directory> {
        &self.directory
    }
}

impl Opened {
    /// What came out of the outbox since the last call.
    pub(crate) fn sent_entries(&self) -> Vec<OutboxEntry> {
        let mut receiver = self.outbox.lock().unwrap();
        std::iter::from_fn(|| receiver.try_recv().ok()).collect()
    }

    /// The same, as texts.
    pub(crate) fn sent(&self) -> Vec<String> {
        let text = |entry: OutboxEntry| String::from_utf8(entry.value.to_vec()).unwrap();
        self.sent_entries().into_iter().map(text).collect()
    }
}

pub(crate) fn memory() -> Arc<dyn Store> {
    Arc::new(Memory::default())
}

pub(crate) async fn open(store: Arc<dyn Store>) -> Opened {
    let (sender, receiver) = mpsc::unbounded_channel();
    let directory = Directory::open(store, Quotas::default(), Arc::new(Numbers), sender).await;
    let directory = directory.unwrap();
    Opened { directory: Arc::new(directory), outbox: Mutex::new(receiver) }
}

/// A directory on this store with the account [`id`]`(0)`.
pub(crate) async fn open_with_account(store: Arc<dyn Store>) -> Opened {
    let opened = open(store).await;
    opened.create_account(id(0), origin(u64::MAX), put_account).await.unwrap();
    opened
}

/// The accounts of the tests.
pub(crate) fn id(number: u64) -> AccountId {
    AccountId::from_number(123_456_789_000 + number).unwrap()
}

pub(crate) fn origin(number: u64) -> Origin {
    let mut seed = [0; 32];
    seed[..8].copy_from_slice(&number.to_le_bytes());
    Origin { now: Timestamp::from_millis(1_770_888_600_999), seed }
}

pub(crate) fn put_account(tx: &mut Transaction) -> Result<(), Error> {
    tx.put_account(&AccountFields {
        name: "Example".to_owned(),
        email: "root@example.com".to_owned(),
        created: tx.now(),
        root_password: String::new(),
        access_keys: Vec::new(),
        alias: None,
        token_version: None,
        properties: Vec::new(),
        deletion_tasks: Vec::new(),
    });
    Ok(())
}

/// Makes a user, as CreateUser does: refused when the name is taken.
pub(crate) fn create_user(tx: &mut Transaction, name: &str) -> Result<User, Error> {
    if tx.users().named(name).is_some() {
        return Err(Error::already_exists(Kind::User, name));
    }
    let id = tx.new_id(IdKind::User);
    let created = tx.now();
    Ok(tx.put_user(&UserFields {
        id,
        name: name.to_owned(),
        path: "/".to_owned(),
        created,
        boundary: None,
        groups: OwnedList::default(),
        attached: OwnedList::default(),
        access_keys: Vec::new(),
        tags: Vec::new(),
    }))
}

/// All names of users, in order.
pub(crate) fn user_names(account: &iamd_directory::Account) -> Vec<String> {
    account.users().iter().map(|user| user.name().to_owned()).collect()
}

/// What the store holds for an account.
pub(crate) async fn entries(store: &dyn Store, account: AccountId) -> Vec<Entry> {
    let partition = Partition::new(&account.to_string()).unwrap();
    read_range(store, &partition, &KeyRange::all()).await.unwrap().1
}

pub(crate) fn code<T>(result: Result<T, Error>) -> Option<Code> {
    result.err().map(|error| error.code())
}

/// Gives bytes that were not given before, by this source or another: transactions of two
/// directories on one store must not share ids.
pub(crate) struct Numbers;

static NEXT: AtomicU64 = AtomicU64::new(1);

impl Entropy for Numbers {
    fn fill(&self, buffer: &mut [u8]) {
        let number = NEXT.fetch_add(1, Ordering::Relaxed).to_le_bytes();
        buffer.iter_mut().zip(number.iter().cycle()).for_each(|(to, from)| *to = *from);
    }
}
