//! Damage to any byte of any file of a closed store, in which every commit was acknowledged: reopening
//! and reading give either exactly what was there, or an error that says so.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use iamd_store::{Embedded, History, OpenError, Partition, ReadError, Revision, Store};

use crate::model::{batch, partitions, read_and_check};
use crate::{Random, block_on, rounds, scratch, seeded};

/// Ends each batch in fjall's journal.
const JOURNAL_TRAILER: &[u8] = b"FJL\x03";
/// Bytes of the head that begins the next: tag, count of items, sequence number.
const JOURNAL_HEAD: u64 = 13;

/// Panics inside the storage library that were caught and reported as damage.
static CAUGHT_PANICS: AtomicU64 = AtomicU64::new(0);

#[derive(Debug, Clone, Copy)]
enum Damage {
    /// The file ends here.
    Cut(u64),
    /// This bit of this byte is the other way round.
    Flip(u64, u8),
    /// Zeroes from here on: blocks that never reached the disk.
    Zero(u64),
    /// The file is not there.
    Remove,
}

/// What became of a damaged store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Found {
    /// All is there.
    Whole,
    /// Opening says that it is damaged.
    RefusedToOpen,
    /// Reading a partition says that it is damaged.
    RefusedToRead,
}

#[test]
fn damage_to_any_file_is_recovered_from_or_reported() {
    let mut random = seeded("damage");
    count_panics();
    let dir = scratch();
    let heads = [("journal only", 40, 1), ("tables and journal", 500, 3)];
    for (name, txns, opens) in heads {
        let original = dir.path().join(name);
        let heads = block_on(fill(&original, txns, opens));
        let mut found = BTreeMap::<(String, Found), u64>::new();
        let files = files(&original);
        for damaged in &files {
            for damage in cases(damaged, &mut random) {
                let context = format!("{name}: {} {damage:?}", damaged.name.display());
                if std::env::var_os("IAMD_CRASH_TRACE").is_some() {
                    println!("{context}");
                }
                let copy = dir.path().join("copy");
                for file in &files {
                    let harm = (file.name == damaged.name).then_some(damage);
                    file.write_to(&copy, harm);
                }
                let result = examine(&copy, &heads, &context);
                *found.entry((damaged.kind(damage), result)).or_default() += 1;
                fs::remove_dir_all(&copy).unwrap();
            }
        }
        println!("{name}:");
        for ((kind, result), count) in found {
            println!("  {kind}: {result:?} {count}");
        }
    }
    println!("panics caught inside the library: {}", CAUGHT_PANICS.load(Ordering::Relaxed));
}

/// Counts instead of printing each: they are expected here, and turned into errors by the engine.
fn count_panics() {
    let print = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        let library = info.location().is_some_and(|l| l.file().contains("registry"));
        if library {
            CAUGHT_PANICS.fetch_add(1, Ordering::Relaxed);
        } else {
            print(info);
        }
    }));
}

/// Makes a store with so many transactions in each partition, over several runs.
async fn fill(path: &Path, txns: u64, opens: u64) -> BTreeMap<Partition, Revision> {
    let mut heads = BTreeMap::new();
    for _ in 0..opens {
        let store = Embedded::open(path, History::default()).unwrap();
        for partition in partitions() {
            let mut head = store.head(&partition).await.unwrap();
            for _ in 0..txns / opens / 4 {
                head = store.commit(&partition, batch(&partition, head, 4)).await.unwrap();
            }
            heads.insert(partition, head);
        }
    }
    heads
}

/// A file of the undamaged store.
struct Original {
    /// Relative to the store.
    name: PathBuf,
    /// Up to the last byte that is not zero: of a file that ends in reserved space, the written part.
    bytes: Vec<u8>,
    len: u64,
}

/// All files of a store, in order.
fn files(dir: &Path) -> Vec<Original> {
    let (mut found, mut todo) = (Vec::new(), vec![dir.to_owned()]);
    while let Some(next) = todo.pop() {
        for entry in fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                todo.push(path);
                continue;
            }
            let mut bytes = fs::read(&path).unwrap();
            let len = bytes.len() as u64;
            let written = bytes.chunks(4096).rposition(|chunk| *chunk != [0; 4096][..chunk.len()]);
            bytes.truncate(written.map_or(0, |chunk| (chunk + 1) * 4096));
            bytes.truncate(bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1));
            found.push(Original { name: path.strip_prefix(dir).unwrap().to_owned(), bytes, len });
        }
    }
    found.sort_by(|a, b| a.name.cmp(&b.name));
    found
}

/// What is done to a file: a little at both ends, and at random places in between.
fn cases(file: &Original, random: &mut Random) -> Vec<Damage> {
    let used = file.bytes.len() as u64;
    let mut cases = vec![Damage::Remove];
    if used == 0 {
        return cases;
    }
    cases.extend([0, 1, used - 1].map(Damage::Cut));
    cases.extend([0, used - 1].map(|at| Damage::Flip(at, 0)));
    for _ in 0..2 * rounds() {
        cases.push(Damage::Cut(random.below(used)));
        cases.push(Damage::Zero(random.below(used)));
        for _ in 0..2 {
            cases.push(Damage::Flip(random.below(used), random.below(8) as u8));
        }
    }
    // The heads of batches in the journal, which its own checksum leaves out.
    let trailers: Vec<_> = memmem(&file.bytes, JOURNAL_TRAILER);
    for _ in 0..20 * rounds() {
        if let Some(end) = trailers.get(random.below(trailers.len() as u64) as usize) {
            let at = end + random.below(JOURNAL_HEAD);
            cases.extend((at < used).then_some(Damage::Flip(at, random.below(8) as u8)));
        }
    }
    cases
}

/// Where the bytes end, wherever they occur.
fn memmem(bytes: &[u8], wanted: &[u8]) -> Vec<u64> {
    let windows = bytes.windows(wanted.len()).zip(wanted.len() as u64..);
    windows.filter_map(|(window, end)| (window == wanted).then_some(end)).collect()
}

impl Original {
    /// Writes the file to a copy of the store, damaged or not.
    fn write_to(&self, copy: &Path, damage: Option<Damage>) {
        let path = copy.join(&self.name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let (mut bytes, mut len) = (self.bytes.clone(), self.len);
        match damage {
            Some(Damage::Remove) => return,
            Some(Damage::Cut(cut)) => {
                bytes.truncate(cut as usize);
                len = cut;
            }
            Some(Damage::Flip(at, bit)) => bytes[at as usize] ^= 1 << bit,
            Some(Damage::Zero(from)) => bytes[from as usize..].fill(0),
            None => {}
        }
        let mut file = fs::File::create(path).unwrap();
        file.write_all(&bytes).unwrap();
        file.set_len(len).unwrap();
    }

    /// The kind of damage and of file, for the summary.
    fn kind(&self, damage: Damage) -> String {
        let damage = match damage {
            Damage::Cut(_) => "cut",
            Damage::Flip(..) => "flip",
            Damage::Zero(_) => "zero",
            Damage::Remove => "remove",
        };
        let digits = |c: char| c.is_ascii_digit();
        let parts = self.name.iter().map(|part| part.to_str().unwrap().replace(digits, ""));
        format!("{damage} {}", parts.collect::<Vec<_>>().join("/"))
    }
}

/// Opens and reads everything.
fn examine(path: &Path, heads: &BTreeMap<Partition, Revision>, context: &str) -> Found {
    let store = match Embedded::open(path, History::default()) {
        Ok(store) => store,
        Err(OpenError::Corrupt { .. } | OpenError::Format { .. }) => return Found::RefusedToOpen,
        Err(error) => panic!("{context}: {error:?}"),
    };
    block_on(async {
        let mut found = Found::Whole;
        for (partition, head) in heads {
            match read_and_check(&store, partition).await {
                Ok(revision) => assert_eq!(revision, *head, "{context}: {partition}"),
                Err(ReadError::Corrupt(_)) => found = Found::RefusedToRead,
                Err(error) => panic!("{context}: {partition}: {error:?}"),
            }
        }
        found
    })
}
