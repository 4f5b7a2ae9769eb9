//! Replicas: directories on a store that others write to.

use std::sync::Arc;

use iamd_directory::{Follower, Route};
use iamd_store::{History, Memory, Store};

use crate::fixture::{
    Opened, create_user, id, memory, open, open_with_account, origin, put_account, user_names,
};

/// Follows until the replica has what the writer has of account 0.
async fn catch_up(follower: &mut Follower, replica: &Opened, writer: &Opened) {
    let newest = writer.account(id(0)).await.unwrap().unwrap().revision();
    while replica.account(id(0)).await.unwrap().is_none_or(|it| it.revision() < newest) {
        follower.next().await;
    }
}

async fn add(writer: &Opened, name: &'static str) {
    let origin = origin(u64::from(name.as_bytes()[0]));
    writer.write(id(0), origin, move |tx| create_user(tx, name).map(drop)).await.unwrap();
}

#[tokio::test]
async fn a_replica_takes_over_what_others_commit() {
    let store = memory();
    let writer = open_with_account(Arc::clone(&store)).await;
    let replica = open(store).await;
    let mut follower = Follower::new(Arc::clone(&replica));
    let before = replica.account(id(0)).await.unwrap().unwrap();
    add(&writer, "alice").await;
    assert!(replica.account(id(0)).await.unwrap().unwrap().users().is_empty());
    catch_up(&mut follower, &replica, &writer).await;
    let after = replica.account(id(0)).await.unwrap().unwrap();
    assert_eq!(user_names(&after), ["alice"]);
    assert!(before.users().is_empty(), "a snapshot does not change");
    let alice = after.users().named("alice").unwrap().clone();
    let remove = move |tx: &mut iamd_directory::Transaction| {
        tx.remove_user(&alice);
        Ok(())
    };
    writer.write(id(0), origin(2), remove).await.unwrap();
    catch_up(&mut follower, &replica, &writer).await;
    assert!(replica.account(id(0)).await.unwrap().unwrap().users().is_empty());
}

#[tokio::test]
async fn accounts_and_names_that_are_new_are_known() {
    let store = memory();
    let writer = open(Arc::clone(&store)).await;
    let replica = open(store).await;
    let mut follower = Follower::new(Arc::clone(&replica));
    writer.create_account(id(0), origin(1), put_account).await.unwrap();
    assert!(writer.register(Route::Alias, "example", id(0), |_| true).await.unwrap());
    assert!(replica.account(id(0)).await.unwrap().is_none());
    let mut renewed = Vec::new();
    while replica.routing().find(Route::Alias, "example").is_none() {
        renewed.extend(follower.next().await);
    }
    assert!(renewed.contains(&id(0)));
    assert!(replica.account(id(0)).await.unwrap().is_some());
}

#[tokio::test]
async fn a_replica_that_is_too_far_behind_reads_everything_again() {
    let store: Arc<dyn Store> = Arc::new(Memory::new(History { txns: 2, ..History::default() }));
    let writer = open_with_account(Arc::clone(&store)).await;
    let replica = open(store).await;
    replica.account(id(0)).await.unwrap();
    let mut follower = Follower::new(Arc::clone(&replica));
    for name in ["a", "b", "c", "d", "e", "f"] {
        add(&writer, name).await;
    }
    catch_up(&mut follower, &replica, &writer).await;
    let account = replica.account(id(0)).await.unwrap().unwrap();
    assert_eq!(account.users().len(), 6);
    add(&writer, "g").await;
    catch_up(&mut follower, &replica, &writer).await;
}
