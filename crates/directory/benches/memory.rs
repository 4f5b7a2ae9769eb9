//! What a million users cost: bytes for each, and the time until the first and until the last of
//! them is there.
//!
//! 200 accounts of 5,000 users, each user with a path, three tags and one access key. The accounts
//! are made in one process, and measured in others, so that what making them left on the heap does
//! not count. Memory is what the operating system sees (resident pages) before and after. First and
//! all are from the opening of the directory until one account, and until every account, is there.
//!
//! `cargo bench -p iamd-directory --bench memory`; `IAMD_BENCH_USERS` is the number of users.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::indexing_slicing,
    reason = "a benchmark prints, and fails by panicking"
)]

use std::fs::{self, File};
use std::io::{BufReader, BufWriter};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use iamd_directory::{
    AccessKeyFields, Account, AccountFields, Directory, Origin, OwnedList, Quotas, Transaction,
    UserFields,
};
use iamd_store::{Embedded, History, Memory, Store};
use iamd_types::{AccessKeyId, AccountId, Entropy, IdKind, Tag, Timestamp};
use tokio::sync::mpsc;

const ACCOUNTS: u64 = 200;
/// Users made in one transaction: two operations each, below the store's limit.
const USERS_AT_ONCE: u64 = 45;
/// Bytes of a sealed secret (formats of `iamd-credentials`: 45 and the secret's 40).
const SEALED: usize = 85;
const BYTES_PER_PAGE: usize = 4096;

fn main() {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let runtime = tokio::runtime::Builder::new_multi_thread();
    let runtime = { runtime }.worker_threads(2).enable_all().build().unwrap();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["make", backup] => runtime.block_on(make(Path::new(backup))),
        ["restore", backup, to] => Embedded::restore(to, open(backup)).unwrap(),
        ["memory", backup] => {
            let store = Memory::restore(open(backup), History::default()).unwrap();
            runtime.block_on(measure("memory", Arc::new(store)));
        }
        ["embedded", from] => {
            let store = Embedded::open(from, History::default()).unwrap();
            runtime.block_on(measure("embedded", Arc::new(store)));
        }
        // `cargo bench` gives options of its own.
        _ => run_all(),
    }
}

fn run_all() {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name).to_str().unwrap().to_owned();
    let (backup, embedded) = (path("backup"), path("embedded"));
    again(&["make", &backup]);
    again(&["restore", &backup, &embedded]);
    println!("{} users in {ACCOUNTS} accounts", users());
    println!(
        "{:>9} {:>9} {:>11} {:>9} {:>8} {:>10} {:>9} {:>9}",
        "store",
        "B a user",
        "of records",
        "RSS MiB",
        "first ms",
        "all s",
        "all CPU s",
        "look-up ns"
    );
    again(&["memory", &backup]);
    again(&["embedded", &embedded]);
}

/// Runs this benchmark again with these arguments, as a process of its own.
fn again(arguments: &[&str]) {
    let status = Command::new(std::env::current_exe().unwrap()).args(arguments).status().unwrap();
    assert!(status.success(), "{arguments:?}");
}

fn users() -> u64 {
    std::env::var("IAMD_BENCH_USERS").map_or(1_000_000, |number| number.parse().unwrap())
}

fn open(path: &str) -> BufReader<File> {
    BufReader::new(File::open(path).unwrap())
}

async fn directory(store: Arc<dyn Store>) -> Directory {
    let (outbox, _) = mpsc::unbounded_channel();
    let quotas = Quotas { users: users(), ..Quotas::default() };
    Directory::open(store, quotas, Arc::new(Numbers::default()), outbox).await.unwrap()
}

async fn measure(name: &str, store: Arc<dyn Store>) {
    let before = resident();
    let (start, busy) = (Instant::now(), processor_time());
    let directory = directory(store).await;
    let first = directory.account(account_id(0)).await.unwrap().unwrap();
    assert!(first.users().named(&user_name(0)).is_some());
    let first_read = start.elapsed();
    for number in 1..ACCOUNTS {
        directory.account(account_id(number)).await.unwrap().unwrap();
    }
    let (all, busy) = (start.elapsed(), processor_time() - busy);
    let after = resident();
    let accounts: Vec<_> =
        (0..ACCOUNTS).map(|number| directory.loaded(account_id(number)).unwrap()).collect();
    let found: usize = accounts.iter().map(|account| account.users().len()).sum();
    assert_eq!(found as u64, users());
    let records: usize = accounts.iter().map(|account| record_bytes(account)).sum();
    println!(
        "{name:>9} {:>9} {:>11} {:>9} {:>8.1} {:>10.2} {:>9.2} {:>9.0}",
        (after - before) / found,
        records / found,
        after / 1024 / 1024,
        first_read.as_secs_f64() * 1e3,
        all.as_secs_f64(),
        busy.as_secs_f64(),
        look_up(&accounts),
    );
}

/// Bytes of the records of all users and their keys, without anything around them.
fn record_bytes(account: &Account) -> usize {
    let of_keys = |key: &str| account.access_key(key).unwrap().bytes().len();
    let of_user = |user: &iamd_directory::User| {
        user.bytes().len() + user.access_keys().map(of_keys).sum::<usize>()
    };
    account.users().iter().map(of_user).sum()
}

/// Nanoseconds of processor time from an access key's id to its user's record, over random keys.
fn look_up(accounts: &[Arc<Account>]) -> f64 {
    const COUNT: usize = 500_000;
    let mut state = 1u64;
    let mut random = || {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize
    };
    let keys: Vec<Vec<String>> = accounts
        .iter()
        .map(|account| {
            account.users().iter().flat_map(|user| user.access_keys()).map(str::to_owned).collect()
        })
        .collect();
    let chosen: Vec<(&Account, &str)> = (0..COUNT)
        .map(|_| {
            let at = random() % accounts.len();
            (&*accounts[at], keys[at][random() % keys[at].len()].as_str())
        })
        .collect();
    let start = processor_time();
    let mut tags = 0;
    for (account, key) in &chosen {
        let user = account.access_key(key).unwrap().user().unwrap();
        tags += account.users().get(user).unwrap().tags().count();
    }
    assert_eq!(tags, 3 * COUNT);
    (processor_time() - start).as_nanos() as f64 / COUNT as f64
}

/// Bytes of this process that are in memory.
fn resident() -> usize {
    let statm = fs::read_to_string("/proc/self/statm").unwrap();
    statm.split(' ').nth(1).unwrap().parse::<usize>().unwrap() * BYTES_PER_PAGE
}

/// The processor time of all threads that there are.
fn processor_time() -> Duration {
    let threads = fs::read_dir("/proc/self/task").unwrap();
    let nanos = threads.filter_map(|thread| {
        let times = fs::read_to_string(thread.unwrap().path().join("schedstat")).ok()?;
        times.split(' ').next()?.parse::<u64>().ok()
    });
    Duration::from_nanos(nanos.sum())
}

/// Makes all accounts, and a backup of them.
async fn make(backup: &Path) {
    let store = Arc::new(Memory::default());
    let directory = directory(Arc::clone(&store) as Arc<dyn Store>).await;
    let each = users() / ACCOUNTS;
    for account in 0..ACCOUNTS {
        let id = account_id(account);
        directory.create_account(id, origin(account, u64::MAX), put_account).await.unwrap();
        for first in (0..each).step_by(USERS_AT_ONCE as usize) {
            let numbers = first..each.min(first + USERS_AT_ONCE);
            let put = move |tx: &mut Transaction| {
                numbers.clone().for_each(|number| put_user(tx, account * each + number));
                Ok(())
            };
            directory.write(id, origin(account, first), put).await.unwrap();
        }
    }
    store.backup(Box::new(BufWriter::new(File::create(backup).unwrap()))).await.unwrap();
}

fn put_account(tx: &mut Transaction) -> Result<(), iamd_types::Error> {
    tx.put_account(&AccountFields {
        name: "Benchmark".to_owned(),
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

fn put_user(tx: &mut Transaction, number: u64) {
    let id = tx.new_id(IdKind::User);
    let mut random = [0; 8];
    random.copy_from_slice(&tx.new_id(IdKind::User).to_bytes()[8..]);
    let key = AccessKeyId::long_term(tx.account_id(), random);
    tx.put_user(&UserFields {
        id,
        name: user_name(number),
        path: format!("/division-{}/", number % 10),
        created: tx.now(),
        boundary: None,
        groups: OwnedList::default(),
        attached: OwnedList::default(),
        access_keys: vec![key.to_string()],
        tags: vec![
            Tag::new("team", format!("payments-{}", number % 100)),
            Tag::new("cost-center", (4000 + number % 1000).to_string()),
            Tag::new("environment", "production"),
        ],
    });
    tx.put_access_key(&AccessKeyFields {
        id: key.to_string(),
        user: Some(id),
        created: tx.now(),
        active: true,
        sealed_secret: vec![number as u8; SEALED],
    });
}

fn user_name(number: u64) -> String {
    // Neighbours by number are not neighbours by name.
    format!("given.family.{:06}", number.wrapping_mul(7919) % 1_000_000)
}

fn account_id(number: u64) -> AccountId {
    AccountId::from_number(100_000_000_000 + number * 4_000_000_007).unwrap()
}

fn origin(account: u64, number: u64) -> Origin {
    let mut seed = [0; 32];
    seed[..8].copy_from_slice(&account.to_le_bytes());
    seed[8..16].copy_from_slice(&number.to_le_bytes());
    Origin { now: Timestamp::from_seconds(1_770_888_600), seed }
}

/// Gives other bytes each time, which is all that transaction ids need here.
#[derive(Default)]
struct Numbers(AtomicU64);

impl Entropy for Numbers {
    fn fill(&self, buffer: &mut [u8]) {
        let number = self.0.fetch_add(1, Ordering::Relaxed).to_le_bytes();
        buffer.iter_mut().zip(number.iter().cycle()).for_each(|(to, from)| *to = *from);
    }
}
