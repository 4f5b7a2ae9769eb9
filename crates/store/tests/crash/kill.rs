//! SIGKILL at any moment: creation, commit, flush, compaction, recovery.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::process::Stdio;

use iamd_store::{Embedded, History, Partition, Revision, Store};

use crate::model::{batch, partitions, read_and_check};
use crate::{CHILD_DIR, CHILD_SEED, Random, block_on, rounds, scratch, seeded, this_test};

/// A child is killed after at most so many acknowledged batches.
const MOST_ACKS: u64 = 1500;

#[test]
fn nothing_acknowledged_is_lost_when_the_process_is_killed() {
    let mut random = seeded("kill");
    let dir = scratch();
    let path = dir.path().join("store");
    let mut acknowledged = BTreeMap::<String, u64>::new();
    for round in 0..16 * rounds() {
        // Some die while they create or recover the store, some after having written a lot.
        let lines = match round % 4 {
            0 => random.below(2),
            1 => random.below(40),
            _ => random.below(MOST_ACKS),
        };
        run_and_kill(&path, random.next(), lines, &mut acknowledged);
        block_on(async {
            let store = Embedded::open(&path, History::default()).unwrap();
            for partition in partitions() {
                let found = read_and_check(&store, &partition).await.unwrap();
                let acknowledged = acknowledged.get(partition.as_str()).copied().unwrap_or(0);
                assert!(
                    found.0 >= acknowledged,
                    "round {round}: {partition} is at {found}, {acknowledged} was acknowledged"
                );
                assert_eq!(store.head(&partition).await.unwrap(), found);
            }
        });
    }
    println!("acknowledged at the end: {acknowledged:?}");
}

/// Lets a child write until it has printed so many lines, then kills it and reads the rest.
fn run_and_kill(
    path: &std::path::Path,
    seed: u64,
    lines: u64,
    acknowledged: &mut BTreeMap<String, u64>,
) {
    let mut child = this_test("kill::child_that_writes")
        .env(CHILD_DIR, path)
        .env(CHILD_SEED, seed.to_string())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut output = BufReader::new(child.stdout.take().unwrap());
    let mut seen = 0;
    loop {
        if seen == lines {
            child.kill().unwrap();
        }
        let mut line = String::new();
        if output.read_line(&mut line).unwrap() == 0 {
            break;
        }
        seen += 1;
        // A line cut short by the kill does not count; its commit may.
        let Some(ack) = line.strip_prefix("ack ").and_then(|l| l.strip_suffix('\n')) else {
            continue;
        };
        let (partition, revision) = ack.split_once(' ').unwrap();
        acknowledged.insert(partition.to_owned(), revision.parse().unwrap());
    }
    let status = child.wait().unwrap();
    assert!(seen >= lines && status.code().is_none(), "the child ended by itself: {status}");
}

/// Not a test of its own: the process that gets killed.
#[test]
#[ignore = "run by another test"]
fn child_that_writes() {
    let Some(path) = std::env::var_os(CHILD_DIR) else { return };
    let seed: u64 = std::env::var(CHILD_SEED).unwrap().parse().unwrap();
    block_on(async {
        let store = Embedded::open(path, History::default()).unwrap();
        let writers = partitions()
            .into_iter()
            .zip(0..)
            .map(|(partition, number)| write_forever(&store, partition, Random(seed ^ number)));
        futures_util::future::join_all(writers).await;
    });
}

async fn write_forever(store: &Embedded, partition: Partition, mut random: Random) {
    let mut head: Revision = store.head(&partition).await.unwrap();
    loop {
        let batch = batch(&partition, head, 1 + random.below(4));
        head = store.commit(&partition, batch).await.unwrap();
        // One write, so that lines of different tasks do not mix.
        let line = format!("ack {partition} {head}\n");
        std::io::stdout().write_all(line.as_bytes()).unwrap();
    }
}
