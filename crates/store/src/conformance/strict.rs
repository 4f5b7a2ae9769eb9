//! Cases about exact answers: revisions, refusals, limits, reads.

use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use super::{Client, account, cases, named};
use crate::error::{CommitError, ReadError};
use crate::feed::{History, Since, lock};
use crate::memory::Memory;
use crate::partition::Partition;
use crate::range::{KeyRange, Page, PageLimit};
use crate::store::{At, OUTCOMES_KEPT, Store};
use crate::txn::{
    Batch, Limit, MAX_BATCH_TXNS, MAX_KEY_BYTES, MAX_TXN_BYTES, MAX_TXN_OPS, MAX_VALUE_BYTES, Op,
    Revision, TooLarge, TxnId,
};

cases![
    an_unknown_partition_is_empty,
    revisions_grow_by_one,
    a_commit_on_another_base_is_refused,
    of_two_commits_on_one_base_one_wins,
    what_was_absent_in_the_snapshot_is_still_absent,
    a_batch_is_applied_in_order,
    operations_are_applied_in_order,
    empty_transactions_and_batches,
    limits_are_exact,
    nothing_of_a_batch_that_is_too_large_is_applied,
    ranges_are_ordered_and_half_open,
    pages_are_cut_by_count_and_by_bytes,
    pages_show_one_revision,
    reads_at_other_revisions_are_gone,
    partitions_do_not_touch_each_other,
    partitions_are_listed_in_pages,
    outcomes_are_kept_for_the_latest,
    a_backup_holds_everything,
];

async fn an_unknown_partition_is_empty(store: Arc<dyn Store>) {
    let account = account();
    assert_eq!(store.head(&account).await.unwrap(), Revision(0));
    assert_eq!(store.get(&account, b"a", At::Latest).await.unwrap(), None);
    let page = all(&*store, &account).await;
    assert_eq!(page, Page { revision: Revision(0), entries: vec![], next: None });
    assert_eq!(store.outcome(&account, TxnId([7; 16])).await.unwrap(), None);
    assert_eq!(store.partitions(None, 10).await.unwrap(), []);
}

async fn revisions_grow_by_one(store: Arc<dyn Store>) {
    let (client, account) = (Client::new(store, 1), account());
    for revision in 1..=5 {
        let value = revision.to_string();
        assert_eq!(client.put(&account, "a", &value).await.unwrap(), Revision(revision));
        assert_eq!(client.store().head(&account).await.unwrap(), Revision(revision));
        assert_eq!(text(&*client.store().clone(), &account, "a").await, Some(value));
    }
}

async fn a_commit_on_another_base_is_refused(store: Arc<dyn Store>) {
    let (client, account) = (Client::new(Arc::clone(&store), 1), account());
    client.put(&account, "a", "1").await.unwrap();
    client.put(&account, "a", "2").await.unwrap();
    for base in [0, 1, 3, u64::MAX] {
        let txn = client.txn([Op::put(*b"a", *b"lost"), Op::put(*b"b", *b"lost")]);
        let id = txn.id;
        let refused = store.commit(&account, Batch::one(Revision(base), txn)).await;
        assert_conflict(&refused, 2);
        assert_eq!(store.outcome(&account, id).await.unwrap(), None);
    }
    assert_eq!(store.head(&account).await.unwrap(), Revision(2));
    assert_eq!(text(&*store, &account, "a").await.as_deref(), Some("2"));
    assert_eq!(text(&*store, &account, "b").await, None);
}

async fn of_two_commits_on_one_base_one_wins(store: Arc<dyn Store>) {
    let (client, account) = (Client::new(Arc::clone(&store), 1), account());
    let base = client.put(&account, "count", "0").await.unwrap();
    let write = |value: &str| Batch::one(base, client.txn([Op::put(*b"count", value.as_bytes())]));
    let (one, two) = (write("one"), write("two"));
    let (one, two) = tokio::join!(store.commit(&account, one), store.commit(&account, two));
    let (won, lost, value) = if one.is_ok() { (one, two, "one") } else { (two, one, "two") };
    assert_eq!(won.unwrap(), Revision(2));
    assert_conflict(&lost, 2);
    assert_eq!(text(&*store, &account, "count").await.as_deref(), Some(value));
}

async fn what_was_absent_in_the_snapshot_is_still_absent(store: Arc<dyn Store>) {
    let (client, account) = (Client::new(Arc::clone(&store), 1), account());
    client.put(&account, "user/alice", "1").await.unwrap();
    let (base, contents) = client.snapshot(&account).await;
    assert!(!contents.contains_key(&b"user/bob"[..]));
    // Somebody else creates a key that the snapshot's range does not show.
    client.put(&account, "user/bob", "theirs").await.unwrap();
    let create = client.txn([Op::put(*b"user/bob", *b"ours")]);
    assert_conflict(&store.commit(&account, Batch::one(base, create)).await, 2);
    assert_eq!(text(&*store, &account, "user/bob").await.as_deref(), Some("theirs"));
}

async fn a_batch_is_applied_in_order(store: Arc<dyn Store>) {
    let (client, account) = (Client::new(Arc::clone(&store), 1), account());
    client.put(&account, "a", "0").await.unwrap();
    let txns = vec![
        client.txn([Op::put(*b"a", *b"1"), Op::put(*b"b", *b"1")]),
        client.txn([Op::delete(*b"b"), Op::put(*b"c", *b"2")]),
        client.txn([Op::put(*b"a", *b"3")]),
    ];
    let ids: Vec<_> = txns.iter().map(|txn| txn.id).collect();
    let batch = Batch { base: Revision(1), txns };
    assert_eq!(store.commit(&account, batch).await.unwrap(), Revision(4));
    for (id, revision) in ids.into_iter().zip(2..) {
        assert_eq!(store.outcome(&account, id).await.unwrap(), Some(Revision(revision)));
    }
    assert_eq!(keys(&all(&*store, &account).await), ["a", "c"]);
    assert_eq!(text(&*store, &account, "a").await.as_deref(), Some("3"));
}

async fn operations_are_applied_in_order(store: Arc<dyn Store>) {
    let (client, account) = (Client::new(Arc::clone(&store), 1), account());
    let txn = client.txn([
        Op::put(*b"twice", *b"1"),
        Op::put(*b"twice", *b"2"),
        Op::put(*b"gone", *b"1"),
        Op::delete(*b"gone"),
        Op::delete(*b"back"),
        Op::put(*b"back", *b"1"),
        Op::delete(*b"never"),
        Op::put(*b"empty", *b""),
    ]);
    store.commit(&account, Batch::one(Revision(0), txn)).await.unwrap();
    assert_eq!(keys(&all(&*store, &account).await), ["back", "empty", "twice"]);
    assert_eq!(text(&*store, &account, "twice").await.as_deref(), Some("2"));
    assert_eq!(text(&*store, &account, "empty").await.as_deref(), Some(""));
}

async fn empty_transactions_and_batches(store: Arc<dyn Store>) {
    let (client, account) = (Client::new(Arc::clone(&store), 1), account());
    let nothing = |base| Batch { base: Revision(base), txns: vec![] };
    assert_eq!(store.commit(&account, nothing(0)).await.unwrap(), Revision(0));
    assert_eq!(store.partitions(None, 10).await.unwrap(), []);
    let txn = client.txn([]);
    let id = txn.id;
    assert_eq!(store.commit(&account, Batch::one(Revision(0), txn)).await.unwrap(), Revision(1));
    assert_eq!(store.outcome(&account, id).await.unwrap(), Some(Revision(1)));
    assert_eq!(store.commit(&account, nothing(1)).await.unwrap(), Revision(1));
    assert_conflict(&store.commit(&account, nothing(0)).await, 1);
}

async fn limits_are_exact(store: Arc<dyn Store>) {
    let (client, account) = (Client::new(Arc::clone(&store), 1), account());
    let key = |len: usize| vec![b'k'; len];
    let op = |key_len, value_len: usize| Op::put(key(key_len), vec![b'v'; value_len]);
    let many = |count: usize, value_len| -> Vec<Op> {
        (0..count).map(|n| Op::put(format!("{n:04}").into_bytes(), vec![0; value_len])).collect()
    };
    // 16 × (4 + 65,532) bytes is exactly the limit of a transaction.
    let full = many(16, MAX_TXN_BYTES / 16 - 4);
    let over = [full.clone(), vec![Op::delete(*b"x")]].concat();
    let cases = [
        (vec![op(MAX_KEY_BYTES, MAX_VALUE_BYTES)], None),
        (vec![op(MAX_KEY_BYTES + 1, 0)], Some(Limit::Key)),
        (vec![Op::delete(key(MAX_KEY_BYTES + 1))], Some(Limit::Key)),
        (vec![op(1, MAX_VALUE_BYTES + 1)], Some(Limit::Value)),
        (many(MAX_TXN_OPS, 1), None),
        (many(MAX_TXN_OPS + 1, 1), Some(Limit::TxnOps)),
        (full, None),
        (over, Some(Limit::TxnBytes)),
    ];
    for (ops, limit) in cases {
        let base = store.head(&account).await.unwrap();
        let result = store.commit(&account, Batch::one(base, client.txn(ops))).await;
        match (result, limit) {
            (Ok(revision), None) => assert_eq!(revision, base.plus(1)),
            (Err(CommitError::TooLarge(error)), Some(limit)) => {
                assert_eq!((error.limit, error.txn), (limit, Some(0)));
                assert_eq!(store.head(&account).await.unwrap(), base);
            }
            (result, limit) => panic!("{result:?}, expected limit: {limit:?}"),
        }
    }
    let (_, contents) = client.snapshot(&account).await;
    assert_eq!(contents[&key(MAX_KEY_BYTES)[..]].len(), MAX_VALUE_BYTES);
    let txns = (0..=MAX_BATCH_TXNS).map(|_| client.txn([])).collect();
    let base = store.head(&account).await.unwrap();
    let refused = store.commit(&account, Batch { base, txns }).await;
    let expected = TooLarge { limit: Limit::BatchTxns, found: MAX_BATCH_TXNS + 1, txn: None };
    assert!(matches!(refused, Err(CommitError::TooLarge(error)) if error == expected));
}

async fn nothing_of_a_batch_that_is_too_large_is_applied(store: Arc<dyn Store>) {
    let (client, account) = (Client::new(Arc::clone(&store), 1), account());
    let txns = vec![
        client.txn([Op::put(*b"a", *b"1")]),
        client.txn([Op::put(*b"b", vec![0; MAX_VALUE_BYTES + 1])]),
        client.txn([Op::put(*b"c", *b"1")]),
    ];
    let ids: Vec<_> = txns.iter().map(|txn| txn.id).collect();
    let refused = store.commit(&account, Batch { base: Revision(0), txns }).await;
    let expected = TooLarge { limit: Limit::Value, found: MAX_VALUE_BYTES + 1, txn: Some(1) };
    assert!(matches!(refused, Err(CommitError::TooLarge(error)) if error == expected));
    assert_eq!(store.head(&account).await.unwrap(), Revision(0));
    assert_eq!(all(&*store, &account).await.entries, []);
    for id in ids {
        assert_eq!(store.outcome(&account, id).await.unwrap(), None);
    }
}

async fn ranges_are_ordered_and_half_open(store: Arc<dyn Store>) {
    let (client, account) = (Client::new(Arc::clone(&store), 1), account());
    let names: [&[u8]; 8] = [b"", b"\0", b"a", b"a\0", b"a/1", b"a/\xff", b"b", b"\xff\xff"];
    let ops: Vec<_> = names.iter().rev().map(|name| Op::put(*name, *b"v")).collect();
    store.commit(&account, Batch::one(Revision(0), client.txn(ops))).await.unwrap();
    let cases: [(KeyRange, &[&[u8]]); 7] = [
        (KeyRange::all(), &names),
        (KeyRange::prefix(b"a/"), &[b"a/1", b"a/\xff"]),
        (KeyRange::prefix(b"a"), &[b"a", b"a\0", b"a/1", b"a/\xff"]),
        (KeyRange::prefix(b"\xff"), &[b"\xff\xff"]),
        (KeyRange::between(*b"a", *b"b"), &[b"a", b"a\0", b"a/1", b"a/\xff"]),
        (KeyRange::between(*b"b", *b"a"), &[]),
        (KeyRange::all().after(b"a/1"), &[b"a/\xff", b"b", b"\xff\xff"]),
    ];
    for (range, expected) in cases {
        let page = store.range(&account, range.clone(), PageLimit::default(), At::Latest).await;
        let page = page.unwrap();
        let found: Vec<&[u8]> = page.entries.iter().map(|entry| &*entry.key).collect();
        assert_eq!((&found[..], page.next), (expected, None), "{range:?}");
    }
}

async fn pages_are_cut_by_count_and_by_bytes(store: Arc<dyn Store>) {
    let (client, account) = (Client::new(Arc::clone(&store), 1), account());
    let ops: Vec<_> =
        (0..10).map(|n: usize| Op::put([b'0' + n as u8], vec![b'v'; 9 + 10 * (n % 2)])).collect();
    store.commit(&account, Batch::one(Revision(0), client.txn(ops))).await.unwrap();
    // Entries are 10 and 20 bytes in turn.
    let check = async |entries, bytes, expected: &[&str]| {
        let limit = PageLimit { entries, bytes };
        let (mut found, mut rest, mut at) = (Vec::new(), Some(KeyRange::all()), At::Latest);
        while let Some(range) = rest {
            let page = store.range(&account, range, limit, at).await.unwrap();
            found.push(keys(&page).concat());
            (rest, at) = (page.next, At::Revision(page.revision));
        }
        assert_eq!(found, expected, "{limit:?}");
    };
    check(4, usize::MAX, &["0123", "4567", "89"]).await;
    check(5, usize::MAX, &["01234", "56789"]).await;
    check(10, usize::MAX, &["0123456789"]).await;
    check(usize::MAX, 30, &["01", "23", "45", "67", "89"]).await;
    check(usize::MAX, 59, &["012", "345", "678", "9"]).await;
    check(0, 0, &["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"]).await;
}

async fn pages_show_one_revision(store: Arc<dyn Store>) {
    let (client, account) = (Client::new(Arc::clone(&store), 1), account());
    let fill = client.txn((0..10).map(|n| Op::put([b'0' + n], *b"old")).collect::<Vec<_>>());
    store.commit(&account, Batch::one(Revision(0), fill)).await.unwrap();
    let limit = PageLimit { entries: 3, bytes: usize::MAX };
    let mut page = store.range(&account, KeyRange::all(), limit, At::Latest).await.unwrap();
    let (at, mut entries) = (page.revision, page.entries);
    while let Some(rest) = page.next {
        // Every commit touches what is still to be read.
        let base = store.head(&account).await.unwrap();
        let ops = [Op::put(*b"5", *b"new"), Op::delete(*b"9"), Op::put(*b"95", *b"new")];
        store.commit(&account, Batch::one(base, client.txn(ops))).await.unwrap();
        page = store.range(&account, rest, limit, At::Revision(at)).await.unwrap();
        assert_eq!(page.revision, at);
        entries.append(&mut page.entries);
    }
    assert_eq!(entries.len(), 10);
    assert!(entries.iter().all(|entry| &*entry.value == b"old"));
    let held = store.get(&account, b"5", At::Revision(at)).await.unwrap();
    assert_eq!(held.as_deref(), Some(&b"old"[..]));
    assert_eq!(text(&*store, &account, "5").await.as_deref(), Some("new"));
}

async fn reads_at_other_revisions_are_gone(store: Arc<dyn Store>) {
    let (client, account) = (Client::new(Arc::clone(&store), 1), account());
    for value in ["1", "2", "3"] {
        client.put(&account, "a", value).await.unwrap();
    }
    let at = |revision| At::Revision(Revision(revision));
    assert_eq!(store.get(&account, b"a", at(3)).await.unwrap().as_deref(), Some(&b"3"[..]));
    for revision in [0, 2, 4] {
        let gone = store.get(&account, b"a", at(revision)).await;
        assert!(matches!(gone, Err(ReadError::Gone(Revision(r))) if r == revision));
        let limit = PageLimit::default();
        let gone = store.range(&account, KeyRange::all(), limit, at(revision)).await;
        assert!(matches!(gone, Err(ReadError::Gone(Revision(r))) if r == revision));
    }
}

async fn partitions_do_not_touch_each_other(store: Arc<dyn Store>) {
    let client = Client::new(Arc::clone(&store), 1);
    // Names of which one begins another, and keys at both ends of the key space.
    let names = ["org", "org-a", "orga", "stats/a", "stats/a.b", "000000000000", "000000000001"];
    for (n, name) in names.iter().enumerate() {
        let partition = named(name);
        for (value, key) in [&b""[..], b"\0", b"-a", b"\xff\xff"].into_iter().enumerate() {
            let txn = client.txn([Op::put(key, format!("{name} {value}").into_bytes())]);
            let base = Revision(value as u64);
            store.commit(&partition, Batch::one(base, txn)).await.unwrap();
        }
        let delete = client.txn(vec![Op::delete(*b"-a"); n % 2]);
        store.commit(&partition, Batch::one(Revision(4), delete)).await.unwrap();
    }
    for (n, name) in names.iter().enumerate() {
        let page = all(&*store, &named(name)).await;
        assert_eq!((page.revision, page.entries.len()), (Revision(5), 4 - n % 2), "{name}");
        let start = format!("{name} ");
        assert!(page.entries.iter().all(|entry| entry.value.starts_with(start.as_bytes())));
    }
}

async fn partitions_are_listed_in_pages(store: Arc<dyn Store>) {
    let client = Client::new(Arc::clone(&store), 1);
    let mut names = ["routing", "111111111111", "org", "stats/b", "stats/a", "222222222222"];
    for name in names {
        client.put(&named(name), "a", "1").await.unwrap();
    }
    names.sort_unstable();
    for count in 1..=7 {
        let mut found = Vec::new();
        loop {
            let page = store.partitions(found.last(), count).await.unwrap();
            assert!(page.len() <= count);
            if page.is_empty() {
                break;
            }
            found.extend(page);
        }
        assert!(found.iter().map(Partition::as_str).eq(names), "{count} at a time: {found:?}");
    }
    assert_eq!(store.partitions(None, 0).await.unwrap(), []);
}

async fn outcomes_are_kept_for_the_latest(store: Arc<dyn Store>) {
    let (client, account) = (Client::new(Arc::clone(&store), 1), account());
    let (mut ids, more) = (Vec::new(), 100);
    for size in [OUTCOMES_KEPT, more] {
        let txns: Vec<_> = (0..size).map(|n| client.txn([Op::put(*b"a", [n as u8])])).collect();
        ids.extend(txns.iter().map(|txn| txn.id));
        let base = store.head(&account).await.unwrap();
        store.commit(&account, Batch { base, txns }).await.unwrap();
    }
    for (index, id) in ids.iter().enumerate().skip(more) {
        let revision = Revision(index as u64 + 1);
        assert_eq!(store.outcome(&account, *id).await.unwrap(), Some(revision));
    }
    assert_eq!(store.outcome(&named("222222222222"), ids[more]).await.unwrap(), None);
    // Trimming is about the feed.
    store.trim(0).await.unwrap();
    assert!(store.outcome(&account, ids[more]).await.unwrap().is_some());
}

async fn a_backup_holds_everything(store: Arc<dyn Store>) {
    let client = Client::new(Arc::clone(&store), 1);
    let names = ["123456789012", "org", "stats/a"];
    for (n, name) in names.iter().enumerate() {
        for revision in 0..=n {
            let key = format!("key {revision}");
            client.put(&named(name), &key, name).await.unwrap();
        }
    }
    let out = Output::default();
    let cursor = store.backup(Box::new(out.clone())).await.unwrap();
    client.put(&account(), "later", "1").await.unwrap();
    let bytes = lock(&out.0).clone();
    let restored = Memory::restore(&bytes[..], History::default()).unwrap();
    for (n, name) in names.iter().enumerate() {
        let page = all(&restored, &named(name)).await;
        assert_eq!((page.revision, page.entries.len()), (Revision(n as u64 + 1), n + 1));
        assert!(page.entries.iter().all(|entry| *entry.value == *name.as_bytes()));
    }
    let later = super::feed::commits(&*store, Since::Everything(cursor)).await.unwrap();
    assert_eq!(later.last().map(|commit| commit.revision), Some(Revision(2)));
    for len in 0..bytes.len() {
        assert!(Memory::restore(&bytes[..len], History::default()).is_err(), "cut at {len}");
        let mut flipped = bytes.clone();
        flipped[len] ^= 1 << (len % 8);
        assert!(Memory::restore(&flipped[..], History::default()).is_err(), "flip at {len}");
    }
}

/// Where a backup goes, so that it can be read afterwards.
#[derive(Clone, Default)]
struct Output(Arc<Mutex<Vec<u8>>>);

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        lock(&self.0).write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

async fn all(store: &dyn Store, partition: &Partition) -> Page {
    store.range(partition, KeyRange::all(), PageLimit::default(), At::Latest).await.unwrap()
}

async fn text(store: &dyn Store, partition: &Partition, key: &str) -> Option<String> {
    let value = store.get(partition, key.as_bytes(), At::Latest).await.unwrap()?;
    Some(String::from_utf8(value.to_vec()).unwrap())
}

fn keys(page: &Page) -> Vec<String> {
    page.entries.iter().map(|entry| String::from_utf8(entry.key.to_vec()).unwrap()).collect()
}

fn assert_conflict(result: &Result<Revision, CommitError>, expected: u64) {
    let head = Revision(expected);
    let right = matches!(result, Err(CommitError::Conflict { head: h, applied: 0 }) if *h == head);
    assert!(right, "{result:?}, expected a conflict at {expected}");
}
