//! Durable commits: what the engine adds to the disk's own price, and what sharing a sync is worth.
//!
//! The floor is what no engine can be faster than: overwriting a few blocks of a file that is already
//! there, and `fdatasync`. Everything is measured in rounds, in turn, and compared within the round.
//!
//! `cargo bench -p iamd-store`; `IAMD_BENCH_DIR` chooses the disk, `IAMD_BENCH_ROUNDS` the rounds.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::indexing_slicing,
    reason = "a benchmark prints, and fails by panicking"
)]

use std::fs::{self, File};
use std::io::{Seek, SeekFrom, Write};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use iamd_store::{Batch, Embedded, History, Op, Partition, Revision, Store, Txn, TxnId};
use redb::{Database, TableDefinition};

/// Bytes of a value.
const VALUE: usize = 1024;
/// Commits by one client in a round.
const COMMITS: usize = 400;
/// Clients, each with a partition of its own.
const CLIENTS: usize = 64;
/// Commits by each of them in a round.
const COMMITS_EACH: usize = 60;
/// The file of the floor, all of it written beforehand.
const FLOOR_FILE: usize = 8 * 1024 * 1024;

fn main() {
    let rounds = std::env::var("IAMD_BENCH_ROUNDS").map_or(5, |value| value.parse().unwrap());
    let parent = std::env::var_os("IAMD_BENCH_DIR").map_or_else(std::env::temp_dir, Into::into);
    let dir = tempfile::tempdir_in(parent).unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread();
    let runtime = { runtime }.worker_threads(2).enable_all().build().unwrap();
    let mut subjects = [
        Subject::new("floor", Box::new(Floor::new(&dir.path().join("floor")))),
        Subject::new("fjall alone", Box::new(Fjall::new(&dir.path().join("fjall")))),
        Subject::new("redb alone", Box::new(Redb::new(&dir.path().join("redb")))),
        Subject::new("embedded", Box::new(Engine::new(&dir.path().join("engine"), runtime))),
    ];
    for _ in 0..rounds {
        for subject in &mut subjects {
            subject.round();
        }
    }
    report(&subjects);
}

/// Something that makes records durable.
trait Durable {
    /// One record, durable when it returns.
    fn one(&mut self);

    /// Records of many clients, durable when it returns.
    fn many(&mut self, clients: usize, each: usize);
}

struct Subject {
    name: &'static str,
    durable: Box<dyn Durable>,
    /// Of one client: median and 99th percentile of each round.
    latencies: Vec<(Duration, Duration)>,
    /// Of all clients: records per second of each round.
    rates: Vec<f64>,
}

impl Subject {
    fn new(name: &'static str, durable: Box<dyn Durable>) -> Self {
        Self { name, durable, latencies: Vec::new(), rates: Vec::new() }
    }

    fn round(&mut self) {
        let mut times: Vec<_> = (0..COMMITS)
            .map(|_| {
                let start = Instant::now();
                self.durable.one();
                start.elapsed()
            })
            .collect();
        times.sort_unstable();
        self.latencies.push((times[COMMITS / 2], times[COMMITS * 99 / 100]));
        let start = Instant::now();
        self.durable.many(CLIENTS, COMMITS_EACH);
        self.rates.push((CLIENTS * COMMITS_EACH) as f64 / start.elapsed().as_secs_f64());
    }
}

fn report(subjects: &[Subject]) {
    let micros = |duration: Duration| duration.as_secs_f64() * 1e6;
    println!("{VALUE} B records; medians over {} rounds", subjects[0].rates.len());
    println!(
        "{:>12} {:>9} {:>9} {:>14} {:>13} {:>10}",
        "", "p50 µs", "p99 µs", "over floor µs", "64 clients/s", "× one"
    );
    for subject in subjects {
        let pairs = subject.latencies.iter().zip(&subjects[0].latencies);
        let over = median(pairs.map(|(own, floor)| micros(own.0) - micros(floor.0)));
        let p50 = median(subject.latencies.iter().map(|own| micros(own.0)));
        let p99 = median(subject.latencies.iter().map(|own| micros(own.1)));
        let rate = median(subject.rates.iter().copied());
        let gains = subject.rates.iter().zip(&subject.latencies);
        let gain = median(gains.map(|(rate, own)| rate * own.0.as_secs_f64()));
        println!(
            "{:>12} {p50:>9.0} {p99:>9.0} {over:>14.0} {rate:>13.0} {gain:>10.1}",
            subject.name
        );
    }
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<_> = values.collect();
    values.sort_unstable_by(f64::total_cmp);
    values[values.len() / 2]
}

struct Floor {
    file: File,
    at: usize,
}

impl Floor {
    fn new(path: &Path) -> Self {
        fs::write(path, vec![1; FLOOR_FILE]).unwrap();
        let file = File::options().write(true).open(path).unwrap();
        file.sync_all().unwrap();
        Self { file, at: 0 }
    }

    fn overwrite(&mut self, len: usize) {
        if self.at + len > FLOOR_FILE {
            self.at = 0;
        }
        self.file.seek(SeekFrom::Start(self.at as u64)).unwrap();
        self.file.write_all(&vec![2; len]).unwrap();
        self.file.sync_data().unwrap();
        self.at += len;
    }
}

impl Durable for Floor {
    fn one(&mut self) {
        self.overwrite(VALUE);
    }

    fn many(&mut self, clients: usize, each: usize) {
        (0..each).for_each(|_| self.overwrite(clients * VALUE));
    }
}

struct Fjall {
    db: fjall::Database,
    data: fjall::Keyspace,
    count: u64,
}

impl Fjall {
    fn new(path: &Path) -> Self {
        let db = fjall::Database::builder(path).open().unwrap();
        let data = db.keyspace("data", fjall::KeyspaceCreateOptions::default).unwrap();
        Self { db, data, count: 0 }
    }

    fn write(&mut self, records: usize) {
        let mut batch = self.db.batch().durability(Some(fjall::PersistMode::SyncData));
        for _ in 0..records {
            self.count += 1;
            batch.insert(&self.data, self.count.to_be_bytes(), [3; VALUE]);
        }
        batch.commit().unwrap();
    }
}

impl Durable for Fjall {
    fn one(&mut self) {
        self.write(1);
    }

    fn many(&mut self, clients: usize, each: usize) {
        (0..each).for_each(|_| self.write(clients));
    }
}

struct Redb {
    db: Database,
    count: u64,
}

const REDB_DATA: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("data");

impl Redb {
    fn new(path: &Path) -> Self {
        Self { db: Database::create(path).unwrap(), count: 0 }
    }

    fn write(&mut self, records: usize) {
        let txn = self.db.begin_write().unwrap();
        {
            let mut table = txn.open_table(REDB_DATA).unwrap();
            for _ in 0..records {
                self.count += 1;
                table.insert(self.count, &[4; VALUE][..]).unwrap();
            }
        }
        txn.commit().unwrap();
    }
}

impl Durable for Redb {
    fn one(&mut self) {
        self.write(1);
    }

    fn many(&mut self, clients: usize, each: usize) {
        (0..each).for_each(|_| self.write(clients));
    }
}

struct Engine {
    store: Arc<dyn Store>,
    runtime: tokio::runtime::Runtime,
    writers: Vec<Writer>,
}

#[derive(Clone)]
struct Writer {
    partition: Partition,
    head: Revision,
}

impl Engine {
    fn new(path: &Path, runtime: tokio::runtime::Runtime) -> Self {
        let store = Arc::new(Embedded::open(path, History::default()).unwrap());
        let names = (0..CLIENTS).map(|number| format!("{number:012}"));
        let partitions = names.map(|name| Partition::new(&name).unwrap());
        let writers = partitions.map(|partition| Writer { partition, head: Revision(0) }).collect();
        Self { store, runtime, writers }
    }
}

impl Writer {
    async fn write(&mut self, store: &dyn Store) {
        let number = self.head.0;
        let account: u128 = self.partition.as_str().parse().unwrap();
        let id = TxnId((account << 64 | u128::from(number)).to_be_bytes());
        let ops = vec![Op::put(number.to_be_bytes(), vec![5; VALUE])];
        let batch = Batch::one(self.head, Txn { id, ops });
        self.head = store.commit(&self.partition, batch).await.unwrap();
    }
}

impl Durable for Engine {
    fn one(&mut self) {
        self.runtime.block_on(self.writers[0].write(&*self.store));
    }

    fn many(&mut self, clients: usize, each: usize) {
        let tasks: Vec<_> = self.writers[..clients]
            .iter()
            .cloned()
            .map(|mut writer| {
                let store = Arc::clone(&self.store);
                self.runtime.spawn(async move {
                    for _ in 0..each {
                        writer.write(&*store).await;
                    }
                    writer
                })
            })
            .collect();
        let done = self.runtime.block_on(futures_util::future::join_all(tasks));
        for (writer, after) in self.writers.iter_mut().zip(done) {
            *writer = after.unwrap();
        }
    }
}
