//! Which accounts there are, and how they are loaded.

use std::sync::Arc;

use iamd_store::{Batch, Op, Partition, Revision, Txn, TxnId};
use iamd_types::Code;

use crate::fixture::{
    code, create_user, id, memory, open, open_with_account, origin, put_account, user_names,
};
use crate::scripted::Scripted;

#[tokio::test]
async fn accounts_are_found_again() {
    let store = memory();
    let opened = open(Arc::clone(&store)).await;
    assert!(opened.accounts().is_empty());
    for number in 0..3 {
        opened.create_account(id(number), origin(number), put_account).await.unwrap();
    }
    let again = open(Arc::clone(&store)).await;
    let mut accounts = again.accounts();
    accounts.sort();
    assert_eq!(accounts, [id(0), id(1), id(2)]);
    assert!(again.loaded(id(1)).is_none(), "nothing is loaded before it is asked for");
    let account = again.account(id(1)).await.unwrap().unwrap();
    assert_eq!(account.id(), id(1));
    assert_eq!(account.record().unwrap().email(), "root@example.com");
    assert!(again.loaded(id(1)).is_some());
    assert!(again.loaded(id(2)).is_none());
}

#[tokio::test]
async fn more_accounts_than_a_page_of_partitions_are_found() {
    let store = memory();
    for number in 0..2100_u64 {
        let partition = Partition::new(&id(number).to_string()).unwrap();
        let txn = Txn { id: TxnId([1; 16]), ops: vec![Op::put(*b"x/", *b"")] };
        store.commit(&partition, Batch::one(Revision(0), txn)).await.unwrap();
    }
    let opened = open(store).await;
    assert_eq!(opened.accounts().len(), 2100);
}

#[tokio::test]
async fn an_account_that_is_not_there_is_none() {
    let opened = open(memory()).await;
    assert!(opened.account(id(0)).await.unwrap().is_none());
    assert!(opened.loaded(id(0)).is_none());
    let written = opened.write(id(0), origin(1), |tx| create_user(tx, "alice")).await;
    assert_eq!(code(written), Some(Code::ServiceFailure));
}

#[tokio::test]
async fn an_account_is_made_once() {
    let store = memory();
    let opened = open_with_account(Arc::clone(&store)).await;
    let again = opened.create_account(id(0), origin(1), put_account).await;
    assert_eq!(code(again), Some(Code::EntityAlreadyExists));
    let reopened = open(store).await;
    let again = reopened.create_account(id(0), origin(2), put_account).await;
    assert_eq!(code(again), Some(Code::EntityAlreadyExists));
}

#[tokio::test]
async fn of_many_who_make_an_account_one_succeeds() {
    let opened = open(memory()).await;
    let makers = (0..32).map(|number| {
        let directory = Arc::clone(&opened.directory);
        tokio::spawn(
            async move { directory.create_account(id(0), origin(number), put_account).await },
        )
    });
    let mut made = 0;
    for maker in makers.collect::<Vec<_>>() {
        match maker.await.unwrap() {
            Ok(()) => made += 1,
            Err(error) => assert_eq!(error.code(), Code::EntityAlreadyExists),
        }
    }
    assert_eq!(made, 1);
}

#[tokio::test]
async fn an_account_that_could_not_be_made_is_not_there_and_can_be_made_later() {
    let opened = open(memory()).await;
    let refused = opened
        .create_account(id(0), origin(1), |_| -> Result<(), _> {
            Err(iamd_types::Error::validation("refused"))
        })
        .await;
    assert_eq!(code(refused), Some(Code::ValidationError));
    assert!(opened.account(id(0)).await.unwrap().is_none());
    opened.create_account(id(0), origin(2), put_account).await.unwrap();
    assert!(opened.account(id(0)).await.unwrap().is_some());
}

#[tokio::test]
async fn an_account_is_loaded_once_whoever_asks() {
    let store = Scripted::new();
    open_with_account(Arc::clone(&store) as _).await;
    let opened = open(Arc::clone(&store) as _).await;
    let before = store.loads();
    let askers: Vec<_> = (0..32)
        .map(|_| {
            let directory = Arc::clone(&opened.directory);
            tokio::spawn(async move { directory.account(id(0)).await.unwrap().unwrap() })
        })
        .collect();
    let mut accounts = Vec::new();
    for asker in askers {
        accounts.push(asker.await.unwrap());
    }
    assert_eq!(store.loads() - before, 1);
    assert!(accounts.windows(2).all(|pair| Arc::ptr_eq(&pair[0], &pair[1])));
}

#[tokio::test]
async fn an_account_that_cannot_be_read_is_an_error_not_an_absence() {
    let store = memory();
    open_with_account(Arc::clone(&store)).await;
    let partition = Partition::new(&id(0).to_string()).unwrap();
    let txn = Txn { id: TxnId([1; 16]), ops: vec![Op::put(*b"u/damaged", *b"damaged")] };
    store.commit(&partition, Batch::one(Revision(1), txn)).await.unwrap();
    let opened = open(store).await;
    assert_eq!(code(opened.account(id(0)).await), Some(Code::ServiceFailure));
    assert!(opened.loaded(id(0)).is_none());
    let written = opened.write(id(0), origin(1), |tx| create_user(tx, "alice")).await;
    assert_eq!(code(written), Some(Code::ServiceFailure));
}

#[tokio::test]
async fn a_kind_of_record_that_is_not_known_is_not_passed_over() {
    let store = memory();
    open_with_account(Arc::clone(&store)).await;
    let partition = Partition::new(&id(0).to_string()).unwrap();
    let txn = Txn { id: TxnId([1; 16]), ops: vec![Op::put(*b"z/new", *b"")] };
    store.commit(&partition, Batch::one(Revision(1), txn)).await.unwrap();
    assert_eq!(code(open(store).await.account(id(0)).await), Some(Code::ServiceFailure));
}

#[tokio::test]
async fn accounts_do_not_touch_each_other() {
    let opened = open(memory()).await;
    for number in 0..64 {
        opened.create_account(id(number), origin(number), put_account).await.unwrap();
    }
    let writers: Vec<_> = (0..64)
        .map(|number| {
            let directory = Arc::clone(&opened.directory);
            let work = move |tx: &mut _| create_user(tx, &format!("user-{number}"));
            tokio::spawn(async move { directory.write(id(number), origin(7), work).await })
        })
        .collect();
    for writer in writers {
        writer.await.unwrap().unwrap();
    }
    for number in 0..64 {
        let account = opened.account(id(number)).await.unwrap().unwrap();
        assert_eq!(user_names(&account), [format!("user-{number}")]);
        assert_eq!(account.revision(), Revision(2));
    }
}
