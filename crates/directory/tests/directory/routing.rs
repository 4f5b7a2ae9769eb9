//! Names that do not tell their account, and where they lead.

use std::sync::Arc;

use iamd_directory::Route;
use iamd_store::conformance::{Faults, Faulty};
use iamd_types::Code;

use crate::fixture::{code, id, memory, open};
use crate::scripted::{Act, Scripted};

const ALIAS: &str = "example";

#[tokio::test]
async fn a_registered_name_leads_to_its_account() {
    let store = memory();
    let opened = open(Arc::clone(&store)).await;
    assert_eq!(opened.routing().find(Route::Alias, ALIAS), None);
    let registered = opened.register(Route::Alias, ALIAS, id(1), |_| true).await;
    assert!(registered.unwrap());
    assert_eq!(opened.routing().find(Route::Alias, ALIAS), Some(id(1)));
    assert_eq!(opened.routing().find(Route::AccessKey, ALIAS), None, "kinds are apart");
    assert_eq!(opened.routing().find(Route::Alias, "exampl"), None);
    let again = open(store).await;
    assert_eq!(again.routing().find(Route::Alias, ALIAS), Some(id(1)));
}

#[tokio::test]
async fn a_name_in_use_is_not_taken_from_its_account() {
    let opened = open(memory()).await;
    assert!(opened.register(Route::Alias, ALIAS, id(1), |_| true).await.unwrap());
    assert!(opened.register(Route::Alias, ALIAS, id(1), |_| true).await.unwrap(), "its own");
    let taken = opened.register(Route::Alias, ALIAS, id(2), |owner| owner == id(1)).await;
    assert!(!taken.unwrap());
    assert_eq!(opened.routing().find(Route::Alias, ALIAS), Some(id(1)));
    let free = opened.register(Route::Alias, ALIAS, id(2), |_| false).await;
    assert!(free.unwrap(), "its account no longer uses it");
    assert_eq!(opened.routing().find(Route::Alias, ALIAS), Some(id(2)));
}

#[tokio::test]
async fn of_many_who_want_a_name_one_has_it() {
    let store: Arc<_> = Faulty::new(memory(), 7, Faults::default()).into();
    let opened = open(Arc::clone(&store) as _).await;
    let askers: Vec<_> = (0..32)
        .map(|number| {
            let directory = Arc::clone(&opened.directory);
            tokio::spawn(async move {
                directory.register(Route::Alias, ALIAS, id(number), |_| true).await.unwrap()
            })
        })
        .collect();
    let mut owners = Vec::new();
    for (number, asker) in askers.into_iter().enumerate() {
        owners.extend(asker.await.unwrap().then(|| id(number as u64)));
    }
    assert_eq!(owners.len(), 1);
    assert_eq!(opened.routing().find(Route::Alias, ALIAS), Some(owners[0]));
    assert_eq!(open(store as _).await.routing().find(Route::Alias, ALIAS), Some(owners[0]));
}

#[tokio::test]
async fn another_nodes_registration_is_seen() {
    let store = memory();
    let (one, other) = (open(Arc::clone(&store)).await, open(store).await);
    assert!(one.register(Route::Alias, ALIAS, id(1), |_| true).await.unwrap());
    assert!(!other.register(Route::Alias, ALIAS, id(2), |_| true).await.unwrap());
    assert!(other.register(Route::Alias, "other", id(2), |_| true).await.unwrap());
}

#[tokio::test]
async fn a_name_that_was_not_written_is_not_there() {
    let store = Scripted::new();
    let opened = open(Arc::clone(&store) as _).await;
    store.expect([Act::Unavailable]);
    let failed = opened.register(Route::AccessKey, "KEY", id(1), |_| true).await;
    assert_eq!(code(failed), Some(Code::ServiceUnavailable));
    assert_eq!(opened.routing().find(Route::AccessKey, "KEY"), None);
    store.expect([Act::UnknownAfter(0), Act::UnknownAfter(1)]);
    assert!(opened.register(Route::AccessKey, "KEY", id(1), |_| true).await.unwrap());
    assert!(opened.register(Route::AccessKey, "KEY2", id(2), |_| true).await.unwrap());
    assert_eq!(opened.routing().find(Route::AccessKey, "KEY"), Some(id(1)));
}

#[tokio::test]
async fn a_registration_whose_fate_was_not_known_does_not_stop_the_next() {
    let store = Scripted::new();
    let opened = open(Arc::clone(&store) as _).await;
    store.expect([Act::UnknownAfter(1)]);
    store.hide_outcomes(true);
    let unknown = opened.register(Route::Alias, ALIAS, id(1), |_| true).await;
    assert_eq!(code(unknown), Some(Code::ServiceUnavailable));
    store.hide_outcomes(false);
    // It was written after all, which shows as soon as the routes are read again.
    assert!(!opened.register(Route::Alias, ALIAS, id(2), |_| true).await.unwrap());
}
