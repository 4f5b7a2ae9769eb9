//! Durable changes through the directory: what it adds to the disk's own price, and what sharing a
//! sync is worth.
//!
//! A change does what CreateUser does: looks whether the name is free, draws an id, puts the user
//! and an audit record of about a kilobyte in the outbox. The floor is what nothing can be faster
//! than: overwriting as many bytes of a file that is already there, and `fdatasync`. A single
//! client's changes and overwrites take turns; everything is measured in rounds in one directory and
//! compared within the round.
//!
//! `cargo bench -p iamd-directory --bench commit`; `IAMD_BENCH_DIR` chooses the disk,
//! `IAMD_BENCH_ROUNDS` the rounds.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::indexing_slicing,
    reason = "a benchmark prints, and fails by panicking"
)]

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{Seek, SeekFrom, Write};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use iamd_directory::{
    AccountFields, Directory, Origin, OutboxEntry, OwnedList, Quotas, Transaction, UserFields,
};
use iamd_store::{Embedded, History};
use iamd_types::{AccountId, Entropy, Error, IdKind, Kind, Tag, Timestamp};
use tokio::sync::mpsc;

/// Changes by one client in a round.
const ALONE: u64 = 400;
/// Clients, each with an account of its own.
const CLIENTS: u64 = 64;
/// Changes by each of them in a round.
const EACH: u64 = 100;
/// Bytes of an audit record.
const RECORD: usize = 1024;
/// Bytes that a change puts: the user, the audit record, and their keys.
const WRITTEN: usize = RECORD + 200;
/// The file of the floor, all of it written beforehand.
const FLOOR_FILE: usize = 8 * 1024 * 1024;
/// Outbox entries that are moved on at once, as the service does.
const WINDOW: usize = 1024;

fn main() {
    let rounds = std::env::var("IAMD_BENCH_ROUNDS").map_or(5, |value| value.parse().unwrap());
    let parent = std::env::var_os("IAMD_BENCH_DIR").map_or_else(std::env::temp_dir, Into::into);
    let dir = tempfile::tempdir_in(parent).unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread();
    let runtime = { runtime }.worker_threads(2).enable_all().build().unwrap();
    let mut floor = Floor::new(&dir.path().join("floor"));
    let (kept, outbox) = mpsc::unbounded_channel();
    drop(outbox);
    let kept = runtime.block_on(open(&dir.path().join("kept"), kept));
    let (moved, outbox) = mpsc::unbounded_channel();
    let moved = runtime.block_on(open(&dir.path().join("moved"), moved));
    runtime.spawn(move_on(Arc::clone(&moved), outbox));
    let mut results = Results::default();
    for _ in 0..rounds {
        let times = runtime.block_on(runtime.spawn(alone(Arc::clone(&kept), floor)));
        let (own, below);
        (own, below, floor) = times.unwrap();
        results.alone.push(percentiles(own));
        results.floor.push(percentiles(below));
        results.together.push(runtime.block_on(together(&kept)));
        results.moved.push(runtime.block_on(together(&moved)));
    }
    results.report();
}

/// Of each round.
#[derive(Default)]
struct Results {
    /// Median and 99th percentile.
    floor: Vec<(Duration, Duration)>,
    alone: Vec<(Duration, Duration)>,
    together: Vec<Rate>,
    moved: Vec<Rate>,
}

struct Rate {
    /// Changes per second.
    changes: f64,
    /// Processor time of a change, in microseconds.
    busy: f64,
}

impl Results {
    fn report(&self) {
        let micros = |duration: Duration| duration.as_secs_f64() * 1e6;
        println!("{WRITTEN} B changes; medians over {} rounds", self.floor.len());
        println!("{:>28} {:>9} {:>9} {:>14}", "one client", "p50 µs", "p99 µs", "over floor µs");
        let pairs = || self.alone.iter().zip(&self.floor);
        for (name, times) in [("floor", &self.floor), ("directory", &self.alone)] {
            let over = pairs().map(|(own, floor)| micros(own.0) - micros(floor.0));
            let over = if name == "floor" { 0.0 } else { median(over) };
            let p50 = median(times.iter().map(|own| micros(own.0)));
            let p99 = median(times.iter().map(|own| micros(own.1)));
            println!("{name:>28} {p50:>9.0} {p99:>9.0} {over:>14.0}");
        }
        println!(
            "{:>28} {:>9} {:>9} {:>14}",
            "64 clients, 64 accounts", "a second", "× floor", "CPU µs"
        );
        let rows = [("records stay in the outbox", &self.together), ("moved on", &self.moved)];
        for (name, rates) in rows {
            let rate = median(rates.iter().map(|rate| rate.changes));
            let busy = median(rates.iter().map(|rate| rate.busy));
            let floors = rates.iter().zip(&self.floor);
            let gain = median(floors.map(|(rate, floor)| rate.changes * floor.0.as_secs_f64()));
            println!("{name:>28} {rate:>9.0} {gain:>9.1} {busy:>14.0}");
        }
    }
}

fn percentiles(mut times: Vec<Duration>) -> (Duration, Duration) {
    times.sort_unstable();
    (times[times.len() / 2], times[times.len() * 99 / 100])
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<_> = values.collect();
    values.sort_unstable_by(f64::total_cmp);
    values[values.len() / 2]
}

struct Floor {
    file: File,
    at: usize,
    bytes: Vec<u8>,
}

impl Floor {
    fn new(path: &Path) -> Self {
        fs::write(path, vec![1; FLOOR_FILE]).unwrap();
        let file = File::options().write(true).open(path).unwrap();
        file.sync_all().unwrap();
        Self { file, at: 0, bytes: vec![2; WRITTEN] }
    }

    fn overwrite(&mut self) -> Duration {
        let start = Instant::now();
        if self.at + self.bytes.len() > FLOOR_FILE {
            self.at = 0;
        }
        self.file.seek(SeekFrom::Start(self.at as u64)).unwrap();
        self.file.write_all(&self.bytes).unwrap();
        self.file.sync_data().unwrap();
        self.at += self.bytes.len();
        start.elapsed()
    }
}

async fn open(path: &Path, outbox: mpsc::UnboundedSender<OutboxEntry>) -> Arc<Directory> {
    let store = Arc::new(Embedded::open(path, History::default()).unwrap());
    let quotas = Quotas { users: u64::MAX, ..Quotas::default() };
    let directory = Directory::open(store, quotas, Arc::new(Numbers), outbox).await.unwrap();
    for client in 0..CLIENTS {
        let work = |tx: &mut Transaction| {
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
        };
        directory.create_account(account_id(client), origin(0), work).await.unwrap();
    }
    Arc::new(directory)
}

/// One change after the other, each answered when it is durable, and each beside its floor: the
/// disk's price changes from minute to minute.
async fn alone(
    directory: Arc<Directory>,
    mut floor: Floor,
) -> (Vec<Duration>, Vec<Duration>, Floor) {
    let (mut own, mut below) = (Vec::new(), Vec::new());
    for _ in 0..ALONE {
        below.push(floor.overwrite());
        let start = Instant::now();
        create_user(&directory, 0).await;
        own.push(start.elapsed());
    }
    (own, below, floor)
}

/// All clients at once.
async fn together(directory: &Arc<Directory>) -> Rate {
    let (start, busy) = (Instant::now(), processor_time());
    let clients = (0..CLIENTS).map(|client| {
        let directory = Arc::clone(directory);
        tokio::spawn(async move {
            for _ in 0..EACH {
                create_user(&directory, client).await;
            }
        })
    });
    for client in clients.collect::<Vec<_>>() {
        client.await.unwrap();
    }
    let count = (CLIENTS * EACH) as f64;
    let busy = (processor_time() - busy).as_secs_f64() * 1e6 / count;
    Rate { changes: count / start.elapsed().as_secs_f64(), busy }
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

/// Says of what comes out of the outbox, window by window, that it was moved on.
async fn move_on(directory: Arc<Directory>, mut outbox: mpsc::UnboundedReceiver<OutboxEntry>) {
    let mut window = Vec::with_capacity(WINDOW);
    while outbox.recv_many(&mut window, WINDOW).await > 0 {
        let mut receipts: HashMap<_, Vec<_>> = HashMap::new();
        for entry in window.drain(..) {
            receipts.entry(entry.account).or_default().push(entry.receipt);
        }
        for (account, receipts) in receipts {
            directory.moved_on(account, receipts).await;
        }
    }
}

async fn create_user(directory: &Directory, client: u64) {
    let number = next();
    let work = move |tx: &mut Transaction| put_user(tx, number);
    directory.write(account_id(client), origin(number), work).await.unwrap();
}

fn put_user(tx: &mut Transaction, number: u64) -> Result<(), Error> {
    let name = format!("given.family.{number:06}");
    if tx.users().named(&name).is_some() {
        return Err(Error::already_exists(Kind::User, &name));
    }
    let id = tx.new_id(IdKind::User);
    let created = tx.now();
    tx.put_user(&UserFields {
        id,
        name,
        path: "/engineering/".to_owned(),
        created,
        boundary: None,
        groups: OwnedList::default(),
        attached: OwnedList::default(),
        access_keys: Vec::new(),
        tags: vec![Tag::new("team", "payments")],
    });
    tx.put_outbox([b'r'; RECORD]);
    Ok(())
}

fn account_id(number: u64) -> AccountId {
    AccountId::from_number(123_456_789_000 + number).unwrap()
}

fn origin(number: u64) -> Origin {
    let mut seed = [0; 32];
    seed[..8].copy_from_slice(&number.to_le_bytes());
    Origin { now: Timestamp::from_seconds(1_770_888_600), seed }
}

fn next() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

/// Gives other bytes each time, which is all that transaction ids need here.
struct Numbers;

impl Entropy for Numbers {
    fn fill(&self, buffer: &mut [u8]) {
        let number = next().to_le_bytes();
        buffer.iter_mut().zip(number.iter().cycle()).for_each(|(to, from)| *to = *from);
    }
}
