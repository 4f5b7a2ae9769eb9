//! When access keys were last used.

use std::sync::Arc;

use iamd_directory::{AccessKeyFields, LastUsed};
use iamd_store::Store;
use iamd_types::{Code, IdKind, Timestamp, UniqueId};

use crate::fixture::{Opened, code, id, memory, open, open_with_account, origin};
use crate::scripted::{Act, Scripted};

/// Puts so many access keys.
async fn put_keys(opened: &Opened, count: usize) {
    for first in (0..count).step_by(50) {
        let work = move |tx: &mut iamd_directory::Transaction| {
            for number in first..count.min(first + 50) {
                let created = tx.now();
                let id = key_id(number);
                tx.put_access_key(&AccessKeyFields {
                    id,
                    user: None,
                    created,
                    active: true,
                    sealed_secret: Vec::new(),
                });
            }
            Ok(())
        };
        opened.write(id(0), origin(first as u64), work).await.unwrap();
    }
}

fn key_id(number: usize) -> String {
    format!("AKIAEXAMPLE{number:05}")
}

/// Notes a use of a key as a request that was signed with it does.
async fn note(opened: &Opened, number: usize, seconds: i64, service: &str, region: &str) {
    let account = opened.account(id(0)).await.unwrap().unwrap();
    let key = account.access_key(&key_id(number)).unwrap();
    opened.usage().note(key, Timestamp::from_millis(seconds * 1000 + 999), service, region);
}

fn used(seconds: i64, service: &str, region: &str) -> Option<LastUsed> {
    let at = Timestamp::from_seconds(seconds);
    Some(LastUsed { at, service: service.into(), region: region.into() })
}

async fn with_keys(store: Arc<dyn Store>, count: usize) -> Opened {
    let opened = open_with_account(store).await;
    put_keys(&opened, count).await;
    opened
}

#[tokio::test]
async fn the_last_use_survives() {
    let store = memory();
    let opened = with_keys(Arc::clone(&store), 250).await;
    assert_eq!(opened.usage().last_used(&key_id(0)), None);
    for number in 0..250 {
        note(&opened, number, 1_000_000 + number as i64, "iam", "us-east-1").await;
    }
    assert_eq!(opened.usage().last_used(&key_id(7)), used(1_000_007, "iam", "us-east-1"));
    let early = open(Arc::clone(&store)).await;
    assert_eq!(early.usage().last_used(&key_id(7)), None, "not written down yet");
    opened.flush_usage().await.unwrap();
    let again = open(Arc::clone(&store)).await;
    for number in 0..250 {
        let expected = used(1_000_000 + number as i64, "iam", "us-east-1");
        assert_eq!(again.usage().last_used(&key_id(number)), expected);
    }
    assert_eq!(again.usage().last_used("AKIAOTHER"), None);
}

#[tokio::test]
async fn uses_close_together_are_noted_once() {
    let opened = with_keys(memory(), 2).await;
    note(&opened, 0, 1_000_000, "iam", "us-east-1").await;
    note(&opened, 0, 1_000_059, "iam", "us-east-1").await;
    assert_eq!(opened.usage().last_used(&key_id(0)), used(1_000_000, "iam", "us-east-1"));
    note(&opened, 0, 1_000_060, "iam", "us-east-1").await;
    assert_eq!(opened.usage().last_used(&key_id(0)), used(1_000_060, "iam", "us-east-1"));
    note(&opened, 0, 1_000_061, "sts", "us-east-1").await;
    assert_eq!(opened.usage().last_used(&key_id(0)), used(1_000_061, "sts", "us-east-1"));
    note(&opened, 0, 1_000_062, "sts", "eu-west-1").await;
    assert_eq!(opened.usage().last_used(&key_id(0)), used(1_000_062, "sts", "eu-west-1"));
    assert_eq!(opened.usage().last_used(&key_id(1)), None);
}

#[tokio::test]
async fn what_could_not_be_written_is_written_the_next_time() {
    for act in [Act::Unavailable, Act::Conflict, Act::UnknownAfter(0), Act::UnknownAfter(1)] {
        let store = Scripted::new();
        let opened = with_keys(Arc::clone(&store) as _, 100).await;
        for number in 0..100 {
            note(&opened, number, 1_000_000, "iam", "us-east-1").await;
        }
        store.expect([act]);
        assert_eq!(code(opened.flush_usage().await), Some(Code::ServiceUnavailable), "{act:?}");
        assert_eq!(opened.usage().last_used(&key_id(0)), used(1_000_000, "iam", "us-east-1"));
        opened.flush_usage().await.unwrap();
        let again = open(Arc::clone(&store) as _).await;
        for number in 0..100 {
            let found = again.usage().last_used(&key_id(number));
            assert_eq!(found, used(1_000_000, "iam", "us-east-1"), "{act:?}");
        }
    }
}

#[tokio::test]
async fn what_is_written_is_not_written_again() {
    let store = Scripted::new();
    let opened = with_keys(Arc::clone(&store) as _, 100).await;
    let before = store.batches().len();
    opened.flush_usage().await.unwrap();
    assert_eq!(store.batches().len(), before, "nothing was noted");
    note(&opened, 0, 1_000_000, "iam", "us-east-1").await;
    opened.flush_usage().await.unwrap();
    opened.flush_usage().await.unwrap();
    assert_eq!(store.batches().len(), before + 1);
    let again = open(Arc::clone(&store) as _).await;
    again.flush_usage().await.unwrap();
    assert_eq!(store.batches().len(), before + 1, "what was read is written already");
}

#[tokio::test]
async fn uses_of_actions_survive() {
    let store = memory();
    let opened = with_keys(Arc::clone(&store), 1).await;
    let principal = UniqueId::from_random(IdKind::Role, [7; 16]);
    let at = Timestamp::from_seconds(1_000_000);
    opened.usage().accesses().record(principal, "sts", "AssumeRole", "eu-west-1", at);
    opened.flush_usage().await.unwrap();
    let again = open(store).await;
    let last = again.usage().accesses().last(principal).unwrap();
    assert_eq!((&*last.service, &*last.action, last.at), ("sts", "AssumeRole", at));
    assert_eq!(&*last.region, "eu-west-1");
    assert_eq!(again.usage().last_used(&key_id(0)), None);
}
