//! Cases about the feed: order, resuming, resets, trimming.

use std::sync::Arc;

use futures_util::stream::StreamExt;

use super::{Client, account, cases, named};
use crate::feed::{Change, Commit, Since};
use crate::memory::Memory;
use crate::partition::Partition;
use crate::store::Store;
use crate::txn::{Batch, Op, Revision};

cases![
    a_partition_is_followed_from_a_revision,
    everything_is_followed_from_a_cursor,
    a_commit_is_delivered_after_it_is_visible,
    following_resumes_where_it_stopped,
    a_trimmed_feed_is_reset,
    a_cursor_from_elsewhere_is_reset,
];

async fn a_partition_is_followed_from_a_revision(store: Arc<dyn Store>) {
    let (client, account, other) = (Client::new(Arc::clone(&store), 1), account(), named("org"));
    let txns = vec![
        client.txn([Op::put(*b"a", *b"1"), Op::delete(*b"b")]),
        client.txn([Op::put(*b"a", *b"2")]),
    ];
    store.commit(&account, Batch { base: Revision(0), txns: txns.clone() }).await.unwrap();
    client.put(&other, "a", "other").await.unwrap();
    client.put(&account, "a", "3").await.unwrap();

    let found = commits(&*store, Since::Revision(account.clone(), Revision(0))).await.unwrap();
    assert_eq!(revisions(&found, &account), [1, 2, 3]);
    assert_eq!(found.len(), 3);
    // Whole transactions, with their ids.
    for (commit, txn) in found.iter().zip(&txns) {
        assert_eq!((commit.txn, &commit.ops), (txn.id, &txn.ops));
    }
    let rest = commits(&*store, Since::Revision(account.clone(), Revision(2))).await.unwrap();
    assert_eq!(revisions(&rest, &account), [3]);
    let none = commits(&*store, Since::Revision(account.clone(), Revision(3))).await.unwrap();
    assert_eq!(none, []);
    let none = commits(&*store, Since::Revision(named("keys"), Revision(0))).await.unwrap();
    assert_eq!(none, []);
}

async fn everything_is_followed_from_a_cursor(store: Arc<dyn Store>) {
    let (client, account, other) = (Client::new(Arc::clone(&store), 1), account(), named("org"));
    client.put(&account, "a", "before").await.unwrap();
    let mut feed = store.changes(Since::Now);
    let Some(Change::Progress(start)) = feed.next().await else { panic!("no progress first") };
    for partition in [&account, &other, &account, &other] {
        client.put(partition, "a", "after").await.unwrap();
    }
    let found = commits(&*store, start.clone()).await.unwrap();
    assert_eq!(found.len(), 4);
    assert_eq!(revisions(&found, &account), [2, 3]);
    assert_eq!(revisions(&found, &other), [1, 2]);
    let rest = commits(&*store, Since::Everything(found[1].cursor)).await.unwrap();
    assert_eq!(rest, found[2..]);
}

async fn a_commit_is_delivered_after_it_is_visible(store: Arc<dyn Store>) {
    let (client, account) = (Arc::new(Client::new(Arc::clone(&store), 1)), account());
    let mut feed = store.changes(Since::Revision(account.clone(), Revision(0)));
    let writer = tokio::spawn({
        let (client, account) = (Arc::clone(&client), account.clone());
        async move {
            for n in 0..50 {
                client.put(&account, "a", &n.to_string()).await.unwrap();
            }
        }
    });
    let mut seen = 0;
    while seen < 50 {
        match feed.next().await.unwrap() {
            Change::Commit(commit) => {
                seen += 1;
                assert_eq!(commit.revision, Revision(seen));
                assert!(store.head(&account).await.unwrap() >= commit.revision);
            }
            Change::Progress(since) => {
                assert_eq!(since, Since::Revision(account.clone(), Revision(seen)));
            }
            Change::Reset => panic!("reset after {seen}"),
        }
    }
    writer.await.unwrap();
}

async fn following_resumes_where_it_stopped(store: Arc<dyn Store>) {
    let (client, account) = (Client::new(Arc::clone(&store), 1), account());
    let Some(Change::Progress(mut since)) = store.changes(Since::Now).next().await else {
        panic!("no progress first");
    };
    let mut seen = Vec::new();
    for round in 0..5_u64 {
        for _ in 0..3 {
            client.put(&account, "a", "1").await.unwrap();
        }
        // Each time a part is taken, and the rest left to the next.
        let mut feed = store.changes(since.clone());
        while seen.len() < (round as usize + 1) * 2 {
            match feed.next().await.unwrap() {
                Change::Commit(commit) => {
                    since = Since::Everything(commit.cursor);
                    seen.push(commit.revision.0);
                }
                Change::Progress(next) => since = next,
                Change::Reset => panic!("reset after {seen:?}"),
            }
        }
    }
    let rest = commits(&*store, since).await.unwrap();
    seen.extend(revisions(&rest, &account));
    assert!(seen.iter().copied().eq(1..=15), "{seen:?}");
}

async fn a_trimmed_feed_is_reset(store: Arc<dyn Store>) {
    let (client, account, other) = (Client::new(Arc::clone(&store), 1), account(), named("org"));
    let Some(Change::Progress(start)) = store.changes(Since::Now).next().await else {
        panic!("no progress first");
    };
    let mut slow = store.changes(Since::Revision(account.clone(), Revision(0)));
    for _ in 0..6 {
        client.put(&account, "a", "1").await.unwrap();
    }
    client.put(&other, "a", "1").await.unwrap();
    store.trim(3).await.unwrap();

    assert_eq!(commits(&*store, start).await, None);
    assert_eq!(slow.next().await, Some(Change::Reset));
    assert_eq!(slow.next().await, None);
    let since = |revision| Since::Revision(account.clone(), Revision(revision));
    assert_eq!(commits(&*store, since(3)).await, None);
    let kept = commits(&*store, since(4)).await.unwrap();
    assert_eq!(revisions(&kept, &account), [5, 6]);

    store.trim(0).await.unwrap();
    assert_eq!(commits(&*store, since(5)).await, None);
    assert_eq!(commits(&*store, since(6)).await, Some(vec![]));
    client.put(&account, "a", "1").await.unwrap();
    assert_eq!(revisions(&commits(&*store, since(6)).await.unwrap(), &account), [7]);
}

async fn a_cursor_from_elsewhere_is_reset(store: Arc<dyn Store>) {
    let (client, account) = (Client::new(Arc::clone(&store), 1), account());
    client.put(&account, "a", "1").await.unwrap();
    let future = Since::Revision(account.clone(), Revision(2));
    assert_eq!(commits(&*store, future).await, None);
    let elsewhere = Memory::default();
    let Some(Change::Progress(foreign)) = elsewhere.changes(Since::Now).next().await else {
        panic!("no progress first");
    };
    assert_eq!(commits(&*store, foreign).await, None);
}

/// All that the feed has now; none when it is reset.
pub(super) async fn commits(store: &dyn Store, since: Since) -> Option<Vec<Arc<Commit>>> {
    let mut feed = store.changes(since);
    let mut commits = Vec::new();
    loop {
        match feed.next().await.unwrap() {
            Change::Commit(commit) => commits.push(commit),
            Change::Progress(_) => return Some(commits),
            Change::Reset => return None,
        }
    }
}

fn revisions(commits: &[Arc<Commit>], partition: &Partition) -> Vec<u64> {
    let of_partition = commits.iter().filter(|commit| commit.partition == *partition);
    of_partition.map(|commit| commit.revision.0).collect()
}
