//! The outbox: what is committed with a change and moved on afterwards.

use std::collections::BTreeSet;
use std::sync::Arc;

use iamd_directory::{OutboxEntry, Receipt, Transaction};
use iamd_store::{Batch, Op, Partition, Revision, Store, Txn, TxnId};
use iamd_types::{Code, Error};
use proptest::collection::vec;
use proptest::prelude::*;
use tokio::runtime::Builder;

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
        tx.put_outbox(name.as_bytes());
        Ok(())
    }
}

/// The outbox entries in the store.
async fn waiting(store: &dyn Store) -> Vec<String> {
    let entries = entries(store, id(0)).await;
    let waiting = entries.iter().filter(|entry| entry.key.starts_with(b"x/"));
    let mut waiting: Vec<String> =
        waiting.map(|entry| String::from_utf8(entry.value.to_vec()).unwrap()).collect();
    waiting.sort();
    waiting
}

fn receipts(entries: Vec<OutboxEntry>) -> Vec<Receipt> {
    entries.into_iter().map(|entry| entry.receipt).collect()
}

/// Says that everything that came out was moved on.
async fn move_all_on(opened: &Opened) {
    let receipts = receipts(opened.sent_entries());
    opened.moved_on(id(0), receipts).await;
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
        tx.put_outbox(*b"refused");
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
    let mut moved = opened.sent_entries();
    moved.retain(|entry| *entry.value != *keep.as_bytes());
    opened.moved_on(id(0), receipts(moved)).await;
    assert!(opened.tidy_outbox(id(0)).await.unwrap());
    assert_eq!(waiting(&*store).await.len(), 200, "others might have come in their places");
    assert!(!opened.tidy_outbox(id(0)).await.unwrap());
    assert_eq!(waiting(&*store).await, [keep]);
    let again = open(Arc::clone(&store)).await;
    again.recover_outbox().await.unwrap();
    assert_eq!(again.sent(), [keep]);
    assert!(opened.sent().is_empty(), "removing sends nothing");

    // Their places are there for others.
    for number in 200..300 {
        create(&opened, number).await.unwrap();
    }
    assert_eq!(waiting(&*store).await.len(), 101);
    move_all_on(&opened).await;
    opened.clear_outboxes().await.unwrap();
    assert_eq!(waiting(&*store).await, [keep]);
}

#[tokio::test]
async fn an_entry_takes_the_place_of_one_that_was_moved_on() {
    let store = memory();
    let opened = open_with_account(Arc::clone(&store)).await;
    for number in 0..10 {
        create(&opened, number).await.unwrap();
        assert_eq!(waiting(&*store).await, [format!("user-{number}")]);
        move_all_on(&opened).await;
    }
    // Several wait at a time, and the first ones are moved on.
    for number in 10..20 {
        create(&opened, number).await.unwrap();
    }
    let mut sent = opened.sent_entries();
    opened.moved_on(id(0), receipts(sent.drain(..5).collect())).await;
    for number in 20..25 {
        create(&opened, number).await.unwrap();
    }
    let expected: Vec<String> = (15..25).map(|number| format!("user-{number}")).collect();
    assert_eq!(waiting(&*store).await, expected);
}

#[tokio::test]
async fn a_receipt_is_good_for_what_was_sent_with_it_and_for_nothing_that_came_later() {
    let store = Scripted::new();
    let opened = open_with_account(Arc::clone(&store) as _).await;
    create(&opened, 1).await.unwrap();
    let first = receipts(opened.sent_entries());
    // The account is read again, and what waits is sent again.
    store.expect([Act::Conflict]);
    create(&opened, 2).await.unwrap();
    let again = receipts(opened.sent_entries());
    assert_eq!(again.len(), 2);
    opened.moved_on(id(0), first.clone()).await;
    create(&opened, 3).await.unwrap();
    assert_eq!(waiting(&*store).await, ["user-1", "user-2", "user-3"]);
    opened.moved_on(id(0), again.clone()).await;
    create(&opened, 4).await.unwrap();
    create(&opened, 5).await.unwrap();
    assert_eq!(waiting(&*store).await, ["user-3", "user-4", "user-5"]);
    opened.moved_on(id(0), [first, again].concat()).await;
    create(&opened, 6).await.unwrap();
    assert_eq!(waiting(&*store).await, ["user-3", "user-4", "user-5", "user-6"]);
}

#[tokio::test]
async fn entries_of_earlier_versions_are_sent_and_their_places_removed() {
    let store = memory();
    let opened = open_with_account(Arc::clone(&store)).await;
    let partition = Partition::new(&id(0).to_string()).unwrap();
    let op = |key: &[u8], value: &[u8]| Op::put([b"x/", key].concat(), value);
    let numbered = [
        op(&[0, 0, 0, 0], b"place 0"),
        op(&[0, 0, 0, 5], b"place 5"),
        op(&[0xff; 4], b"the last place"),
    ];
    // More than go with one change.
    let by_event_id = (0..97).map(|number| op(&[number; 16], b"by event id"));
    let ops = numbered.into_iter().chain(by_event_id).collect();
    let txn = Txn { id: TxnId([9; 16]), ops };
    store.commit(&partition, Batch::one(Revision(1), txn)).await.unwrap();
    let found = ["by event id", "place 0", "place 5", "the last place"];
    let again = open(Arc::clone(&store)).await;
    again.recover_outbox().await.unwrap();
    for number in 1..=9 {
        create(&again, number).await.unwrap();
    }
    let all: BTreeSet<String> = waiting(&*store).await.into_iter().collect();
    let created = (1..=9).map(|number| format!("user-{number}"));
    let expected: BTreeSet<String> = found.map(str::to_owned).into_iter().chain(created).collect();
    assert_eq!(all, expected);
    assert_eq!(again.sent().into_iter().collect::<BTreeSet<_>>(), expected);
    drop(opened);
    let last = open(Arc::clone(&store)).await;
    last.recover_outbox().await.unwrap();
    move_all_on(&last).await;
    // Earlier versions take such a key for the id of what stands there.
    create(&last, 10).await.unwrap();
    let entries = entries(&*store, id(0)).await;
    let mut old = entries.iter().filter(|it| it.key.starts_with(b"x/") && it.key.len() == 18);
    assert!(old.all(|entry| *entry.value == *b"by event id"));
    last.clear_outboxes().await.unwrap();
    assert_eq!(waiting(&*store).await, ["user-10"]);
}

/// What happens to an outbox.
#[derive(Debug, Clone)]
enum Step {
    /// So many changes at once, of which each puts an entry; the commit does this.
    Create(usize, Act),
    /// The same, and what became of it cannot be asked for.
    CreateBlindly(Act),
    /// Of what came out lately these are moved on, counted from the end; perhaps not for the first time.
    MoveOn(Vec<usize>),
    Tidy,
    Restart,
}

fn step() -> impl Strategy<Value = Step> {
    let act = prop_oneof![
        6 => Just(Act::Commit),
        1 => Just(Act::Conflict),
        1 => (0..4_usize).prop_map(Act::ConflictAfter),
        1 => (0..4_usize).prop_map(Act::UnknownAfter),
        1 => Just(Act::Unavailable),
    ];
    prop_oneof![
        6 => (1..4_usize, act.clone()).prop_map(|(count, act)| Step::Create(count, act)),
        1 => act.prop_map(Step::CreateBlindly),
        6 => vec(0..12_usize, 0..8).prop_map(Step::MoveOn),
        2 => Just(Step::Tidy),
        1 => Just(Step::Restart),
    ]
}

/// Does the steps. No entry that was committed is gone before it came out and was moved on.
async fn nothing_is_lost(steps: Vec<Step>) -> Result<(), TestCaseError> {
    let store = Scripted::new();
    let mut opened = open_with_account(Arc::clone(&store) as _).await;
    let (mut next, mut created) = (0, BTreeSet::new());
    let (mut out, mut moved): (Vec<OutboxEntry>, BTreeSet<String>) = (Vec::new(), BTreeSet::new());
    for step in steps {
        match step {
            Step::Create(count, act) => {
                store.expect([act]);
                let numbers: Vec<u64> = (next..).take(count).collect();
                next += count as u64;
                let writes = numbers.iter().map(|number| create(&opened, *number));
                let done = futures_util::future::join_all(writes).await;
                let done = numbers.iter().zip(done).filter(|(_, done)| done.is_ok());
                created.extend(done.map(|(number, _)| format!("user-{number}")));
            }
            Step::CreateBlindly(act) => {
                store.expect([act]);
                store.hide_outcomes(true);
                if create(&opened, next).await.is_ok() {
                    created.insert(format!("user-{next}"));
                }
                next += 1;
                store.hide_outcomes(false);
            }
            Step::MoveOn(which) => {
                out.extend(opened.sent_entries());
                let of = |at: &usize| out.len().checked_sub(at + 1).and_then(|at| out.get(at));
                let entries: Vec<OutboxEntry> = which.iter().filter_map(of).cloned().collect();
                moved.extend(entries.iter().map(text));
                opened.moved_on(id(0), receipts(entries)).await;
            }
            Step::Tidy => drop(opened.tidy_outbox(id(0)).await),
            Step::Restart => {
                opened = open(Arc::clone(&store) as _).await;
                opened.recover_outbox().await.unwrap();
                out.clear();
            }
        }
        let left: BTreeSet<String> = waiting(&*store).await.into_iter().collect();
        let lost: Vec<&String> =
            created.iter().filter(|it| !left.contains(*it) && !moved.contains(*it)).collect();
        prop_assert!(lost.is_empty(), "{lost:?}");
    }
    // A change finds out what the store did when nobody could tell; then everything comes out.
    create(&opened, next).await.unwrap();
    out.extend(opened.sent_entries());
    let all: BTreeSet<String> = out.iter().map(text).chain(moved).collect();
    prop_assert!(created.iter().all(|it| all.contains(it)));
    opened.moved_on(id(0), receipts(out)).await;
    opened.clear_outboxes().await.unwrap();
    prop_assert_eq!(waiting(&*store).await, Vec::<String>::new());
    Ok(())
}

fn text(entry: &OutboxEntry) -> String {
    String::from_utf8(entry.value.to_vec()).unwrap()
}

proptest! {
    #[test]
    fn what_was_committed_is_there_until_it_was_moved_on(steps in vec(step(), 0..40)) {
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(nothing_is_lost(steps))?;
    }
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
