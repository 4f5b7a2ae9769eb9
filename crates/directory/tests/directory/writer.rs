//! The writer: what is answered is durable, what is durable is shown, and nothing else is.

use std::collections::BTreeSet;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};

use futures_util::FutureExt;
use iamd_directory::{Account, Transaction, User};
use iamd_store::conformance::{Faults, Faulty};
use iamd_store::{Revision, Store};
use iamd_types::{Code, Error, UniqueId};

use crate::fixture::{
    Opened, code, create_user, id, memory, open, open_with_account, origin, put_account, user_names,
};
use crate::scripted::{Act, Scripted};

/// How many changes may wait for one account.
const MAX_WAITING: u64 = 4096;

type Writing<T> = Pin<Box<dyn Future<Output = Result<T, Error>> + Send>>;

/// A change that is in the queue: it has been asked for, and is not answered yet.
fn queue<T: Send + 'static>(
    opened: &Opened,
    number: u64,
    work: impl FnMut(&mut Transaction) -> Result<T, Error> + Send + 'static,
) -> Writing<T> {
    let directory = Arc::clone(&opened.directory);
    let mut writing: Writing<T> =
        Box::pin(async move { directory.write(id(0), origin(number), work).await });
    assert!(writing.as_mut().now_or_never().is_none());
    writing
}

fn queue_user(opened: &Opened, number: u64, name: &'static str) -> Writing<User> {
    queue(opened, number, move |tx| create_user(tx, name))
}

/// A store whose gate is closed, with one change waiting at it and others to come in one batch.
async fn held() -> (Arc<Scripted>, Opened, Writing<User>) {
    let store = Scripted::new();
    let opened = open_with_account(Arc::clone(&store) as _).await;
    opened.account(id(0)).await.unwrap();
    store.close_gate();
    let first = queue_user(&opened, 0, "first");
    store.arrival().await;
    (store, opened, first)
}

async fn newest(opened: &Opened) -> Arc<Account> {
    opened.account(id(0)).await.unwrap().unwrap()
}

async fn names(opened: &Opened) -> Vec<String> {
    user_names(&*newest(opened).await)
}

/// The names that another process would find.
async fn stored_names(store: &Arc<Scripted>) -> Vec<String> {
    names(&open(Arc::clone(store) as _).await).await
}

#[tokio::test]
async fn nothing_is_answered_or_shown_before_it_is_durable() {
    let (store, opened, mut first) = held().await;
    for _ in 0..100 {
        tokio::task::yield_now().await;
        assert!(first.as_mut().now_or_never().is_none());
        assert!(names(&opened).await.is_empty());
    }
    store.let_through(1);
    first.await.unwrap();
    assert_eq!(names(&opened).await, ["first"], "shown as soon as it is answered");
    assert_eq!(stored_names(&store).await, ["first"]);
}

#[tokio::test]
async fn a_reader_keeps_its_snapshot() {
    let opened = open_with_account(memory()).await;
    let before = newest(&opened).await;
    opened.write(id(0), origin(1), |tx| create_user(tx, "alice")).await.unwrap();
    assert!(before.users().is_empty());
    assert_eq!(names(&opened).await, ["alice"]);
}

#[tokio::test]
async fn changes_that_wait_go_down_together() {
    let (store, opened, first) = held().await;
    let before = store.batches().len();
    let rest: Vec<_> = (1..=100)
        .map(|number| queue(&opened, number, move |tx| create_user(tx, &format!("u{number:03}"))))
        .collect();
    store.let_through(2);
    first.await.unwrap();
    for writing in rest {
        writing.await.unwrap();
    }
    assert_eq!(store.batches()[before..], [100]);
    assert_eq!(newest(&opened).await.revision(), Revision(102), "each has its own revision");
    assert_eq!(stored_names(&store).await.len(), 101);
}

#[tokio::test]
async fn changes_are_computed_one_on_top_of_the_other() {
    let (store, opened, first) = held().await;
    let one = queue_user(&opened, 1, "alice");
    let other = queue_user(&opened, 2, "ALICE");
    let remove = queue(&opened, 3, |tx| {
        let user = tx.user("alice")?.clone();
        tx.remove_user(&user);
        Ok(())
    });
    let again = queue_user(&opened, 4, "Alice");
    store.let_through(2);
    first.await.unwrap();
    let first_alice = one.await.unwrap();
    assert_eq!(code(other.await), Some(Code::EntityAlreadyExists));
    remove.await.unwrap();
    assert_ne!(again.await.unwrap().id(), first_alice.id(), "another principal");
    assert_eq!(stored_names(&store).await, ["Alice", "first"]);
}

#[tokio::test]
async fn a_refusal_that_follows_from_a_failed_change_is_not_given() {
    let (store, opened, first) = held().await;
    store.expect([Act::Commit, Act::Unavailable]);
    let one = queue_user(&opened, 1, "alice");
    let other = queue_user(&opened, 2, "alice");
    store.let_through(2);
    first.await.unwrap();
    assert_eq!(code(one.await), Some(Code::ServiceUnavailable));
    assert_eq!(code(other.await), Some(Code::ServiceUnavailable), "there is no alice");
    assert_eq!(stored_names(&store).await, ["first"]);
    assert_eq!(names(&opened).await, ["first"]);
}

#[tokio::test]
async fn a_refused_change_leaves_nothing() {
    let store = Scripted::new();
    let opened = open_with_account(Arc::clone(&store) as _).await;
    let before = store.batches().len();
    let refused = opened.write(id(0), origin(1), |tx| -> Result<(), _> {
        create_user(tx, "alice")?;
        Err(Error::validation("refused"))
    });
    assert_eq!(code(refused.await), Some(Code::ValidationError));
    let unchanged = opened.write(id(0), origin(2), |tx| Ok(tx.users().len()));
    assert_eq!(unchanged.await.unwrap(), 0);
    assert_eq!(store.batches().len(), before, "nothing is committed for them");
    assert_eq!(newest(&opened).await.revision(), Revision(1));
}

#[tokio::test]
async fn a_change_that_panics_fails_alone() {
    let (store, opened, first) = held().await;
    let before = queue_user(&opened, 1, "before");
    let panics = queue(&opened, 2, |tx| -> Result<(), Error> {
        create_user(tx, "half")?;
        panic!("on purpose");
    });
    let after = queue_user(&opened, 3, "later");
    store.let_through(2);
    first.await.unwrap();
    before.await.unwrap();
    assert_eq!(code(panics.await), Some(Code::ServiceFailure));
    after.await.unwrap();
    assert_eq!(stored_names(&store).await, ["before", "first", "later"]);
    assert_eq!(names(&opened).await, ["before", "first", "later"]);
}

#[tokio::test]
async fn a_change_that_panics_when_it_runs_again_is_not_answered_with_what_it_was_before() {
    let store = Scripted::new();
    let opened = open_with_account(Arc::clone(&store) as _).await;
    store.expect([Act::Conflict]);
    let mut runs = 0;
    let panics = opened.write(id(0), origin(1), move |tx| {
        runs += 1;
        assert!(runs < 2, "on purpose");
        create_user(tx, "alice")
    });
    assert_eq!(code(panics.await), Some(Code::ServiceFailure));
    assert!(stored_names(&store).await.is_empty());
}

#[tokio::test]
async fn a_change_that_runs_again_makes_the_same_ids() {
    let store = Scripted::new();
    let opened = open_with_account(Arc::clone(&store) as _).await;
    store.expect([Act::Conflict, Act::UnknownAfter(0), Act::Conflict]);
    let runs = Arc::new(Mutex::new(Vec::<UniqueId>::new()));
    let seen = Arc::clone(&runs);
    let user = opened
        .write(id(0), origin(7), move |tx| {
            let user = create_user(tx, "alice")?;
            seen.lock().unwrap().push(user.id());
            Ok(user)
        })
        .await
        .unwrap();
    assert_eq!(*runs.lock().unwrap(), [user.id(); 4]);
    let stored = newest(&open(Arc::clone(&store) as _).await).await;
    assert_eq!(stored.user("alice").unwrap().bytes(), user.bytes());
    // Elsewhere, the same origin gives the same record.
    let elsewhere = open_with_account(memory()).await;
    let same = elsewhere.write(id(0), origin(7), |tx| create_user(tx, "alice")).await.unwrap();
    assert_eq!(same.bytes(), user.bytes());
    let other = elsewhere.write(id(0), origin(8), |tx| create_user(tx, "bob")).await.unwrap();
    assert_ne!(other.id(), user.id());
}

#[tokio::test]
async fn an_unknown_commit_that_happened_is_answered_and_not_run_again() {
    let store = Scripted::new();
    let opened = open_with_account(Arc::clone(&store) as _).await;
    store.expect([Act::UnknownAfter(1)]);
    opened.write(id(0), origin(1), |tx| create_user(tx, "alice")).await.unwrap();
    assert_eq!(names(&opened).await, ["alice"]);
    assert_eq!(stored_names(&store).await, ["alice"]);
    assert_eq!(newest(&opened).await.revision(), Revision(2));
}

#[tokio::test]
async fn an_unknown_commit_that_did_not_happen_is_made_again() {
    let store = Scripted::new();
    let opened = open_with_account(Arc::clone(&store) as _).await;
    store.expect([Act::UnknownAfter(0), Act::UnknownAfter(0)]);
    opened.write(id(0), origin(1), |tx| create_user(tx, "alice")).await.unwrap();
    assert_eq!(stored_names(&store).await, ["alice"]);
}

#[tokio::test]
async fn callers_of_a_batch_that_is_half_in_are_told_that_it_is_not_known() {
    for act in [Act::UnknownAfter(1), Act::ConflictAfter(1)] {
        let (store, opened, first) = held().await;
        store.expect([Act::Commit, act]);
        let writing = [(1, "a"), (2, "b"), (3, "c")];
        let writing = writing.map(|(number, name)| queue_user(&opened, number, name));
        store.let_through(10);
        first.await.unwrap();
        for writing in writing {
            assert_eq!(code(writing.await), Some(Code::ServiceUnavailable), "{act:?}");
        }
        assert_eq!(stored_names(&store).await, ["a", "first"], "{act:?}: nothing is in twice");
        assert_eq!(names(&opened).await, ["a", "first"]);
        let again = opened.write(id(0), origin(9), |tx| create_user(tx, "b")).await;
        assert!(again.is_ok());
    }
}

#[tokio::test]
async fn a_store_that_keeps_refusing_is_not_asked_for_ever() {
    let store = Scripted::new();
    let opened = open_with_account(Arc::clone(&store) as _).await;
    let before = store.batches().len();
    store.expect([Act::Conflict; 8]);
    let failed = opened.write(id(0), origin(1), |tx| create_user(tx, "alice")).await;
    assert_eq!(code(failed), Some(Code::ServiceUnavailable));
    assert_eq!(store.batches().len() - before, 8);
    assert!(names(&opened).await.is_empty());
    opened.write(id(0), origin(2), |tx| create_user(tx, "alice")).await.unwrap();
    assert_eq!(stored_names(&store).await, ["alice"]);
}

#[tokio::test]
async fn changes_of_another_node_are_seen_before_the_own() {
    let store = memory();
    let (one, other) = (open_with_account(Arc::clone(&store)).await, open(store).await);
    newest(&other).await;
    for (number, writer) in [&one, &other, &other, &one].into_iter().enumerate() {
        let work = move |tx: &mut _| create_user(tx, &format!("user-{number}"));
        writer.write(id(0), origin(number as u64), work).await.unwrap();
    }
    assert_eq!(names(&one).await, ["user-0", "user-1", "user-2", "user-3"]);
    let taken = other.write(id(0), origin(9), |tx| create_user(tx, "user-3")).await;
    assert_eq!(code(taken), Some(Code::EntityAlreadyExists));
}

#[tokio::test]
async fn too_many_waiting_changes_are_throttled() {
    let (store, opened, first) = held().await;
    let waiting: Vec<_> = (1..=MAX_WAITING)
        .map(|number| queue(&opened, number, move |tx| create_user(tx, &format!("u{number}"))))
        .collect();
    let late = || opened.write(id(0), origin(u64::MAX), |tx| create_user(tx, "late"));
    assert_eq!(code(late().now_or_never().unwrap()), Some(Code::Throttling));
    store.let_through(1000);
    first.await.unwrap();
    for writing in waiting {
        writing.await.unwrap();
    }
    late().await.unwrap();
    assert_eq!(names(&opened).await.len() as u64, MAX_WAITING + 2);
}

#[tokio::test]
async fn a_caller_that_goes_away_does_not_take_its_change_back() {
    let (store, opened, first) = held().await;
    drop(queue_user(&opened, 1, "abandoned"));
    let last = queue_user(&opened, 2, "last");
    store.let_through(2);
    first.await.unwrap();
    last.await.unwrap();
    assert_eq!(stored_names(&store).await, ["abandoned", "first", "last"]);
}

/// What became of the changes of one writer.
#[derive(Default)]
struct Outcome {
    accepted: BTreeSet<(String, UniqueId)>,
    refused: usize,
    unknown: BTreeSet<String>,
}

/// Makes users, some of names that others make too.
async fn write_some(
    directory: Arc<iamd_directory::Directory>,
    account: u64,
    writer: u64,
) -> Outcome {
    let mut outcome = Outcome::default();
    for round in 0..4_u64 {
        let name = match round {
            0 => "contended".to_owned(),
            _ => format!("user-{writer}-{round}"),
        };
        let number = writer * 100 + round;
        let work = {
            let name = name.clone();
            move |tx: &mut Transaction| create_user(tx, &name)
        };
        match directory.write(id(account), origin(number), work).await {
            Ok(user) => drop(outcome.accepted.insert((name, user.id()))),
            Err(error) if error.code() == Code::EntityAlreadyExists => outcome.refused += 1,
            Err(error) => {
                assert_eq!(error.code(), Code::ServiceUnavailable);
                outcome.unknown.insert(name);
            }
        }
    }
    outcome
}

/// 64 writers at once on a store that fails; account `n` gets those with `n` modulo `accounts`.
async fn write_much(store: Arc<dyn Store>, accounts: u64) {
    let opened = open(Arc::clone(&store)).await;
    for account in 0..accounts {
        opened.create_account(id(account), origin(u64::MAX), put_account).await.unwrap();
    }
    let writers: Vec<_> = (0..64)
        .map(|writer| {
            let directory = Arc::clone(&opened.directory);
            tokio::spawn(write_some(directory, writer % accounts, writer))
        })
        .collect();
    let mut outcomes: Vec<Outcome> = (0..accounts).map(|_| Outcome::default()).collect();
    for (writer, outcome) in writers.into_iter().enumerate() {
        let outcome = outcome.await.unwrap();
        let all = &mut outcomes[writer % accounts as usize];
        all.accepted.extend(outcome.accepted);
        all.unknown.extend(outcome.unknown);
        all.refused += outcome.refused;
    }
    let again = open(store).await;
    for (account, outcome) in outcomes.into_iter().enumerate() {
        let account = id(account as u64);
        let shown = opened.account(account).await.unwrap().unwrap();
        let stored = again.account(account).await.unwrap().unwrap();
        let of = |account: &Account| -> BTreeSet<_> {
            account.users().iter().map(|user| (user.name().to_owned(), user.id())).collect()
        };
        assert_eq!(of(&shown), of(&stored));
        assert_eq!(shown.revision(), stored.revision());
        assert!(outcome.unknown.is_empty(), "a batch of these stores is in whole or not at all");
        assert_eq!(of(&stored), outcome.accepted);
        assert_eq!(outcome.refused as u64, 64 / accounts - 1);
        let revision = Revision(1 + outcome.accepted.len() as u64);
        assert_eq!(stored.revision(), revision, "nothing was committed twice");
    }
}

#[tokio::test]
async fn what_is_answered_on_a_failing_store_is_true() {
    for seed in 0..8 {
        write_much(Arc::new(Faulty::new(memory(), seed, Faults::default())), 1).await;
        write_much(Arc::new(Faulty::new(memory(), seed, Faults::default())), 8).await;
        write_much(Arc::new(Faulty::new(memory(), seed, Faults::default())), 64).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn writers_of_all_accounts_run_beside_each_other() {
    for accounts in [1, 64] {
        write_much(memory(), accounts).await;
        write_much(Arc::new(Faulty::new(memory(), 9, Faults::default())), accounts).await;
    }
}
