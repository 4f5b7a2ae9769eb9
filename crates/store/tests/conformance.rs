//! Every engine passes the conformance suite, also with faults injected around it.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

use std::sync::Arc;

use futures_util::StreamExt;
use futures_util::future::join_all;
use iamd_store::conformance::{Client, Faults, Faulty, check_engine, check_robust};
use iamd_store::{
    At, Batch, Change, CommitError, Embedded, History, Memory, Op, Partition, Revision, Since,
    Store,
};
use tempfile::TempDir;

fn memory() -> Arc<dyn Store> {
    Arc::new(Memory::default())
}

/// Makes embedded stores in directories that are removed at the end.
struct Directories(TempDir);

impl Directories {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn embedded(&self) -> Arc<dyn Store> {
        let path = tempfile::tempdir_in(&self.0).unwrap().keep();
        Arc::new(Embedded::open(path, History::default()).unwrap())
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn memory_conforms() {
    check_engine(memory).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn embedded_conforms() {
    let directories = Directories::new();
    check_engine(|| directories.embedded()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn memory_is_used_right_under_faults() {
    for seed in 0..8 {
        check_robust(|| Arc::new(Faulty::new(memory(), seed, Faults::default()))).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn embedded_is_used_right_under_faults() {
    let directories = Directories::new();
    check_robust(|| Arc::new(Faulty::new(directories.embedded(), 1, Faults::default()))).await;
}

#[tokio::test(start_paused = true)]
async fn progress_comes_every_second_with_and_without_commits() {
    let store = memory();
    let client = Client::new(Arc::clone(&store), 1);
    let account = Partition::new("123456789012").unwrap();
    for since in [Since::Now, Since::Revision(account.clone(), store.head(&account).await.unwrap())]
    {
        let start = tokio::time::Instant::now();
        let mut feed = store.changes(since);
        for second in 0..5 {
            assert!(matches!(feed.next().await, Some(Change::Progress(_))));
            assert_eq!(start.elapsed().as_secs(), second);
        }
        // Another partition's commits wake the follower, but are not a sign of life for this one.
        for _ in 0..3 {
            client.put(&Partition::new("org").unwrap(), "a", "1").await.unwrap();
        }
        let next = feed.by_ref().filter(|c| std::future::ready(matches!(c, Change::Progress(_))));
        assert!(std::pin::pin!(next).next().await.is_some());
        assert_eq!(start.elapsed().as_secs(), 5);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_feed_ends_with_its_store() {
    let store = memory();
    let mut feed = store.changes(Since::Now);
    assert!(matches!(feed.next().await, Some(Change::Progress(_))));
    drop(store);
    assert_eq!(feed.next().await, None);
}

/// The writer takes what waits as one group.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn batches_of_a_partition_that_wait_together_stand_one_on_the_other() {
    let directories = Directories::new();
    let store = directories.embedded();
    let (client, account) =
        (Client::new(Arc::clone(&store), 1), Partition::new("123456789012").unwrap());
    let batch = |base: u64, op| Batch::one(Revision(base), client.txn([op]));
    let changes = (0..100).map(|base: u64| match base % 3 {
        0 => batch(base, Op::put(*b"a", base.to_string().into_bytes())),
        1 => batch(base, Op::put(*b"b", base.to_string().into_bytes())),
        _ => batch(base, Op::delete(*b"a")),
    });
    let stale = batch(50, Op::put(*b"b", *b"stale"));
    let commits = changes.chain([stale]).map(|it| store.commit(&account, it));
    let mut outcomes = join_all(commits).await;
    let stale = outcomes.pop().unwrap();
    assert!(matches!(stale, Err(CommitError::Conflict { head: Revision(100), .. })), "{stale:?}");
    let revisions: Vec<u64> = outcomes.into_iter().map(|it| it.unwrap().0).collect();
    assert!(revisions.into_iter().eq(1..=100));
    // The first read compares what is there with the digest.
    let read = async |key: &[u8]| store.get(&account, key, At::Latest).await.unwrap();
    assert_eq!(read(b"a").await.as_deref(), Some(&b"99"[..]));
    assert_eq!(read(b"b").await.as_deref(), Some(&b"97"[..]));
}

#[tokio::test]
async fn a_store_that_remembers_nothing_resets_its_followers() {
    let store: Arc<dyn Store> = Arc::new(Memory::new(History { txns: 0, bytes: 0 }));
    let (client, account) =
        (Client::new(Arc::clone(&store), 1), Partition::new("123456789012").unwrap());
    let mut feed = store.changes(Since::Now);
    assert!(matches!(feed.next().await, Some(Change::Progress(_))));
    assert_eq!(client.put(&account, "a", "1").await.unwrap(), Revision(1));
    assert_eq!(feed.next().await, Some(Change::Reset));
    assert_eq!(store.head(&account).await.unwrap(), Revision(1));
}
