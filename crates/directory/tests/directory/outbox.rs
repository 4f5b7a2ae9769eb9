//! The outbox: what is committed with a change and moved on afterwards.

use std::sync::Arc;

use iamd_directory::Transaction;
use iamd_store::Store;
use iamd_types::{Code, Error};

use crate::fixture::{
    Opened, code, create_user, entries, id, memory, open, open_with_account, origin, put_account,
};
use crate::scripted::{Act, Scripted};

/// Makes a user, and puts an outbox entry of the same name.
async fn create(opened: &Opened, number: u64) -> Result<(), Error> {
    opened.write(id(0), origin(number), work(number)).await
}

fn work(number: u64) -> impl FnMut(&mut Transaction) -> Result<(), Error> + Send + 'static {
    move |tx| {
        let name = format!("user-{number}");
        create_user(tx, &name)?;
        tx.put_outbox(name.as_bytes(), b"record");
        Ok(())
    }
}

/// The outbox entries in the store.
async fn waiting(store: &dyn Store) -> Vec<String> {
    let entries = entries(store, id(0)).await;
    let waiting = entries.iter().filter_map(|entry| entry.key.strip_prefix(b"x/"));
    waiting.map(|key| String::from_utf8(key.to_vec()).unwrap()).collect()
}

#[tokio::test]
async fn an_entry_is_sent_once_and_when_it_is_durable() {
    let store = Scripted::new();
    let opened = open_with_account(Arc::clone(&store) as _).await;
    store.close_gate();
    let directory = Arc::clone(&opened.directory);
    let write = tokio::spawn(async move { directory.write(id(0), origin(1), work(1)).await });
    store.arrival().await;
    assert!(opened.sent().is_empty());
    store.let_through(1);
    write.await.unwrap().unwrap();
    assert_eq!(opened.sent(), ["user-1"]);
    assert_eq!(waiting(&*store).await, ["user-1"]);
}

#[tokio::test]
async fn entries_of_refused_changes_are_not_sent() {
    let store = memory();
    let opened = open_with_account(Arc::clone(&store)).await;
    create(&opened, 1).await.unwrap();
    assert_eq!(code(create(&opened, 1).await), Some(Code::EntityAlreadyExists));
    assert_eq!(opened.sent(), ["user-1"]);
    let refused = opened.write(id(0), origin(2), |tx| -> Result<(), _> {
        tx.put_outbox(b"refused", b"record");
        Err(Error::validation("refused"))
    });
    assert!(refused.await.is_err());
    assert!(opened.sent().is_empty());
    assert_eq!(waiting(&*store).await, ["user-1"]);
}

#[tokio::test]
async fn an_entry_is_sent_once_however_often_its_change_is_computed() {
    let store = Scripted::new();
    let opened = open_with_account(Arc::clone(&store) as _).await;
    store.expect([Act::Conflict, Act::UnknownAfter(0), Act::Conflict, Act::UnknownAfter(1)]);
    create(&opened, 1).await.unwrap();
    assert_eq!(opened.sent(), ["user-1"]);
}

#[tokio::test]
async fn entries_left_behind_are_sent_after_the_next_start() {
    let store = memory();
    let opened = open_with_account(Arc::clone(&store)).await;
    opened.create_account(id(1), origin(9), put_account).await.unwrap();
    create(&opened, 1).await.unwrap();
    create(&opened, 2).await.unwrap();
    opened.write(id(1), origin(3), work(3)).await.unwrap();
    let again = open(Arc::clone(&store)).await;
    assert!(again.sent().is_empty());
    again.recover_outbox().await.unwrap();
    let mut sent = again.sent();
    sent.sort();
    assert_eq!(sent, ["user-1", "user-2", "user-3"]);
    let record = again.account(id(0)).await.unwrap().unwrap();
    assert_eq!(record.users().len(), 2, "entries are no part of the account");
}

#[tokio::test]
async fn entries_that_were_moved_on_are_removed() {
    let store = memory();
    let opened = open_with_account(Arc::clone(&store)).await;
    for number in 0..200 {
        create(&opened, number).await.unwrap();
    }
    let keep = "user-77";
    let moved = opened.sent().into_iter().filter(|key| key != keep);
    let moved = moved.map(|key| key.into_bytes().into()).collect();
    opened.remove_outbox(id(0), moved).await.unwrap();
    assert_eq!(waiting(&*store).await, [keep]);
    opened.remove_outbox(id(0), vec![Box::from(*b"not there")]).await.unwrap();
    let again = open(store).await;
    again.recover_outbox().await.unwrap();
    assert_eq!(again.sent(), [keep]);
    assert!(opened.sent().is_empty(), "removing sends nothing");
}

#[tokio::test]
async fn the_entry_of_a_change_whose_fate_was_not_known_is_sent_when_the_account_is_read_again() {
    let store = Scripted::new();
    let opened = open_with_account(Arc::clone(&store) as _).await;
    store.expect([Act::UnknownAfter(1)]);
    store.hide_outcomes(true);
    assert_eq!(code(create(&opened, 1).await), Some(Code::ServiceUnavailable));
    assert!(opened.sent().is_empty());
    store.hide_outcomes(false);
    // It is in the store; the next change finds out.
    create(&opened, 2).await.unwrap();
    assert_eq!(opened.sent(), ["user-1", "user-2"]);
}
