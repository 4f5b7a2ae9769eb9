//! Cases that must come out right whatever goes wrong on the way: they use the store as its users do.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures_util::future::join_all;
use futures_util::stream::StreamExt;

use super::{Client, account, cases, named};
use crate::feed::{Change, Since};
use crate::partition::Partition;
use crate::range::{KeyRange, PageLimit};
use crate::store::{At, Store};
use crate::txn::{Key, Op, Revision, Value};

cases![
    no_update_is_lost_and_none_is_done_twice,
    many_partitions_at_once,
    a_name_is_taken_once,
    readers_see_whole_transactions,
    a_replica_follows,
];

const CLIENTS: u64 = 8;
const UPDATES: u64 = 15;

async fn no_update_is_lost_and_none_is_done_twice(store: Arc<dyn Store>) {
    let account = account();
    let clients = (0..CLIENTS).map(|number| {
        let (client, account) = (Client::new(Arc::clone(&store), number), account.clone());
        tokio::spawn(async move { count_up(&client, &account, UPDATES).await })
    });
    join_all(clients).await.into_iter().for_each(|done| done.unwrap());
    let (revision, contents) = Client::new(store, CLIENTS).snapshot(&account).await;
    assert_eq!(number(&contents, b"count"), CLIENTS * UPDATES);
    assert_eq!(revision, Revision(CLIENTS * UPDATES));
}

async fn many_partitions_at_once(store: Arc<dyn Store>) {
    let partitions: Vec<_> = (0..16).map(|n| named(&format!("{n:012}"))).collect();
    let clients = partitions.iter().zip(0..).map(|(partition, number)| {
        let (client, partition) = (Client::new(Arc::clone(&store), number), partition.clone());
        tokio::spawn(async move { count_up(&client, &partition, UPDATES).await })
    });
    join_all(clients).await.into_iter().for_each(|done| done.unwrap());
    let reader = Client::new(Arc::clone(&store), 99);
    for partition in &partitions {
        let (revision, contents) = reader.snapshot(partition).await;
        assert_eq!((revision, number(&contents, b"count")), (Revision(UPDATES), UPDATES));
    }
    assert_eq!(store.partitions(None, 99).await.unwrap(), partitions);
}

async fn a_name_is_taken_once(store: Arc<dyn Store>) {
    let account = account();
    for name in ["alice", "bob", "carol"] {
        let clients = (0..CLIENTS).map(|number| {
            let client =
                Client::new(Arc::clone(&store), number + u64::from(name.as_bytes()[0]) * 100);
            let account = account.clone();
            tokio::spawn(async move {
                let claim = |contents: &BTreeMap<Key, Value>| {
                    let free = !contents.contains_key(name.as_bytes());
                    free.then(|| vec![Op::put(name.as_bytes(), number.to_be_bytes())])
                };
                client.update(&account, claim).await.map(|_| number)
            })
        });
        let owners = join_all(clients).await.into_iter().filter_map(|done| done.unwrap());
        let (_, contents) = Client::new(Arc::clone(&store), 999_999).snapshot(&account).await;
        assert_eq!(owners.collect::<Vec<_>>(), [number(&contents, name.as_bytes())], "{name}");
    }
}

async fn readers_see_whole_transactions(store: Arc<dyn Store>) {
    let account = account();
    // Money moves between keys: every snapshot has the same sum.
    let writer = Client::new(Arc::clone(&store), 1);
    let open = |_: &BTreeMap<Key, Value>| {
        Some((0..10).map(|n: u8| Op::put([n], 100_u64.to_be_bytes())).collect())
    };
    writer.update(&account, open).await.unwrap();
    let moving = tokio::spawn({
        let account = account.clone();
        async move {
            for n in 0..60_u32 {
                let [from, to] = [n % 10, (n * 7 + 3) % 10].map(|key| key as u8);
                let transfer = |contents: &BTreeMap<Key, Value>| {
                    let mut balances: BTreeMap<_, _> =
                        [from, to].map(|k| (k, number(contents, &[k]))).into();
                    *balances.get_mut(&from).unwrap() -= 1;
                    *balances.get_mut(&to).unwrap() += 1;
                    Some(balances.iter().map(|(k, b)| Op::put([*k], b.to_be_bytes())).collect())
                };
                writer.update(&account, transfer).await.unwrap();
            }
        }
    });
    let (mut last, mut reads) = (Revision(0), 0);
    while !moving.is_finished() || reads == 0 {
        if let Some((revision, sum)) = sum_by_pages(&*store, &account).await {
            assert_eq!(sum, 1000, "at revision {revision}");
            assert!(revision >= last);
            (last, reads) = (revision, reads + 1);
        }
        tokio::task::yield_now().await;
    }
    moving.await.unwrap();
}

/// The sum of all balances, read in small pages; none when the revision was let go on the way.
async fn sum_by_pages(store: &dyn Store, account: &Partition) -> Option<(Revision, u64)> {
    let limit = PageLimit { entries: 3, bytes: usize::MAX };
    let (mut rest, mut at, mut sum) = (KeyRange::all(), At::Latest, 0);
    loop {
        let page = store.range(account, rest, limit, at).await.ok()?;
        for entry in &page.entries {
            sum += u64::from_be_bytes((&*entry.value).try_into().unwrap());
        }
        match page.next {
            Some(next) => (rest, at) = (next, At::Revision(page.revision)),
            None => return Some((page.revision, sum)),
        }
    }
}

async fn a_replica_follows(store: Arc<dyn Store>) {
    let account = account();
    let writing = tokio::spawn({
        let (client, account) = (Client::new(Arc::clone(&store), 1), account.clone());
        async move {
            for n in 0..80_u64 {
                let change = |_: &BTreeMap<Key, Value>| {
                    let put = Op::put([(n % 7) as u8], n.to_be_bytes());
                    Some(vec![put, Op::delete([(n % 11) as u8 + 7])])
                };
                client.update(&account, change).await.unwrap();
            }
        }
    });
    let reader = Client::new(Arc::clone(&store), 2);
    let (mut at, mut replica) = reader.snapshot(&account).await;
    let mut feed = store.changes(Since::Revision(account.clone(), at));
    while at < Revision(80) {
        match feed.next().await.unwrap() {
            Change::Commit(commit) if commit.revision <= at => {} // At least once.
            Change::Commit(commit) => {
                assert_eq!(commit.revision, at.plus(1));
                at = commit.revision;
                for op in &commit.ops {
                    match op.value() {
                        Some(value) => drop(replica.insert(op.key().into(), Arc::clone(value))),
                        None => drop(replica.remove(op.key())),
                    }
                }
            }
            Change::Progress(_) => {}
            Change::Reset => {
                (at, replica) = reader.snapshot(&account).await;
                feed = store.changes(Since::Revision(account.clone(), at));
            }
        }
    }
    writing.await.unwrap();
    assert_eq!((at, replica), reader.snapshot(&account).await);
}

async fn count_up(client: &Client, partition: &Partition, times: u64) {
    for _ in 0..times {
        let add = |contents: &BTreeMap<Key, Value>| {
            let count = number(contents, b"count") + 1;
            Some(vec![Op::put(*b"count", count.to_be_bytes())])
        };
        client.update(partition, add).await.unwrap();
    }
}

/// The number under a key, 0 when there is none.
fn number(contents: &BTreeMap<Key, Value>, key: &[u8]) -> u64 {
    contents.get(key).map_or(0, |value| u64::from_be_bytes((&**value).try_into().unwrap()))
}
