//! What the crash tests write: contents that follow from the revision alone, so that a partition found
//! at revision `r` has exactly one right state, and any mixture of two commits shows.

use std::collections::BTreeMap;

use iamd_store::{
    Batch, Embedded, KeyRange, Op, Partition, ReadError, Revision, Store, Txn, TxnId, read_range,
};

use crate::Random;

pub(crate) const PARTITIONS: u64 = 8;
/// Keys of a partition, apart from `last`.
const KEYS: u64 = 50;

pub(crate) fn partitions() -> Vec<Partition> {
    (0..PARTITIONS).map(partition).collect()
}

pub(crate) fn partition(number: u64) -> Partition {
    Partition::new(&format!("{number:012}")).unwrap()
}

fn key(number: u64) -> Vec<u8> {
    format!("key/{:02}", number % KEYS).into_bytes()
}

/// Mostly small values, some that fill many blocks.
fn value(partition: &Partition, revision: u64) -> Vec<u8> {
    let mut random = Random(revision ^ partition.as_str().parse::<u64>().unwrap() << 32);
    let len =
        if revision.is_multiple_of(7) { 20_000 + random.below(40_000) } else { random.below(900) };
    (0..len / 8 + 1).flat_map(|_| random.next().to_be_bytes()).collect()
}

pub(crate) fn txn_id(partition: &Partition, revision: u64) -> TxnId {
    let number: u128 = partition.as_str().parse().unwrap();
    TxnId((number << 64 | u128::from(revision)).to_be_bytes())
}

/// The transaction that leads to a revision: it sets two keys and removes one.
fn txn(partition: &Partition, revision: u64) -> Txn {
    let ops = vec![
        Op::put(key(revision), value(partition, revision)),
        Op::put(*b"last", revision.to_be_bytes()),
        Op::delete(key(revision + KEYS / 2)),
    ];
    Txn { id: txn_id(partition, revision), ops }
}

/// `count` transactions on top of `base`.
pub(crate) fn batch(partition: &Partition, base: Revision, count: u64) -> Batch {
    let txns = (1..=count).map(|n| txn(partition, base.0 + n)).collect();
    Batch { base, txns }
}

/// The one right state at a revision.
fn state(partition: &Partition, revision: u64) -> BTreeMap<Vec<u8>, Vec<u8>> {
    let mut state = BTreeMap::new();
    for r in revision.saturating_sub(KEYS)..=revision {
        if r > 0 {
            state.insert(key(r), value(partition, r));
            state.insert(b"last".to_vec(), r.to_be_bytes().to_vec());
            state.remove(&key(r + KEYS / 2));
        }
    }
    state
}

/// Reads a partition and compares it with the one right state at the revision found.
///
/// # Panics
/// When the state is another one.
pub(crate) async fn read_and_check(
    store: &Embedded,
    partition: &Partition,
) -> Result<Revision, ReadError> {
    let (revision, entries) = read_range(store, partition, &KeyRange::all()).await?;
    let found: BTreeMap<_, _> =
        entries.into_iter().map(|entry| (entry.key.to_vec(), entry.value.to_vec())).collect();
    let right = state(partition, revision.0);
    if found != right {
        let differing: Vec<_> = found
            .keys()
            .chain(right.keys())
            .filter(|key| found.get(*key) != right.get(*key))
            .map(|key| key.escape_ascii().to_string())
            .collect();
        panic!("{partition} at {revision} is in a state that was never committed: {differing:?}");
    }
    for back in 0..revision.0.min(3) {
        let revision = Revision(revision.0 - back);
        let id = txn_id(partition, revision.0);
        assert_eq!(store.outcome(partition, id).await?, Some(revision), "{partition}");
    }
    Ok(revision)
}
