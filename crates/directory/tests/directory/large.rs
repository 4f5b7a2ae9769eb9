//! Values larger than the store takes: cut in pieces, and put together again.

use std::sync::Arc;

use iamd_directory::{InlinePolicyFields, Transaction};
use iamd_store::{MAX_VALUE_BYTES, Store};
use iamd_types::{Code, Error, IdKind, UniqueId};

use crate::fixture::{Opened, code, entries, id, memory, open, open_with_account, origin};

/// The largest piece (`docs/records.md`).
const PIECE: usize = MAX_VALUE_BYTES - 1024;

fn owner() -> UniqueId {
    UniqueId::from_random(IdKind::Role, [3; 16])
}

fn inline(tx: &mut Transaction, document: String) {
    tx.put_inline(&InlinePolicyFields { owner: owner(), name: "p".to_owned(), document });
}

/// A text that differs in all its parts.
fn text(length: usize) -> String {
    (0..length).map(|at| char::from(b'a' + (at / 7 % 26) as u8)).collect()
}

async fn put(opened: &Opened, number: u64, length: usize) -> Result<(), Error> {
    opened
        .write(id(0), origin(number), move |tx| {
            inline(tx, text(length));
            Ok(())
        })
        .await
}

async fn document(store: &Arc<dyn Store>) -> Option<String> {
    let account = open(Arc::clone(store)).await.account(id(0)).await.unwrap().unwrap();
    account.inline_policy(owner(), "p").map(|policy| policy.document().to_owned())
}

/// The lengths of the stored values under the policy's key and in its further pieces.
async fn pieces(store: &Arc<dyn Store>) -> Vec<usize> {
    let entries = entries(&**store, id(0)).await;
    let of = |prefix: &[u8]| {
        let found = entries.iter().filter(|entry| entry.key.starts_with(prefix));
        found.map(|entry| entry.value.len()).collect::<Vec<_>>()
    };
    [of(b"n/"), of(b"c/")].concat()
}

#[tokio::test]
async fn documents_of_all_sizes_are_read_again() {
    let store = memory();
    let opened = open_with_account(Arc::clone(&store)).await;
    // Bytes that the record has beside its document.
    put(&opened, 0, PIECE).await.unwrap();
    let frame = pieces(&store).await.into_iter().sum::<usize>() - PIECE;
    let lengths = [0, PIECE - 1, PIECE, PIECE + 1, 3 * PIECE, 3 * PIECE + 1]
        .into_iter()
        // The same around the sizes at which the record itself is cut.
        .flat_map(|length| [length, length.saturating_sub(frame)]);
    for (number, length) in lengths.enumerate() {
        put(&opened, number as u64 + 1, length).await.unwrap();
        assert_eq!(document(&store).await, Some(text(length)), "{length} bytes");
        let stored = pieces(&store).await;
        let whole: usize = stored.iter().sum();
        assert!(whole >= length && whole - length <= frame);
        assert_eq!(
            stored.len(),
            whole.div_ceil(PIECE),
            "{length} bytes, no more pieces than it has"
        );
        assert!(stored.iter().all(|piece| (1..=PIECE).contains(piece)));
    }
}

#[tokio::test]
async fn a_value_that_shrinks_leaves_no_pieces() {
    let store = memory();
    let opened = open_with_account(Arc::clone(&store)).await;
    put(&opened, 1, 4 * PIECE).await.unwrap();
    assert_eq!(pieces(&store).await.len(), 5);
    put(&opened, 2, 2 * PIECE).await.unwrap();
    assert_eq!(pieces(&store).await.len(), 3);
    put(&opened, 3, 1).await.unwrap();
    assert_eq!(pieces(&store).await.len(), 1);
    assert_eq!(document(&store).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_removed_value_leaves_no_pieces() {
    let store = memory();
    let opened = open_with_account(Arc::clone(&store)).await;
    put(&opened, 1, 4 * PIECE).await.unwrap();
    let remove = |tx: &mut Transaction| {
        let policy = tx.inline_policy(owner(), "p").unwrap().clone();
        tx.remove_inline(&policy);
        Ok(())
    };
    opened.write(id(0), origin(2), remove).await.unwrap();
    assert!(pieces(&store).await.is_empty());
    assert_eq!(document(&store).await, None);
}

#[tokio::test]
async fn the_accounts_own_record_leaves_no_pieces_either() {
    let store = memory();
    let opened = open_with_account(Arc::clone(&store)).await;
    for (number, length) in [3 * PIECE, 10].into_iter().enumerate() {
        let name = text(length);
        let work = move |tx: &mut Transaction| {
            let mut fields = tx.record().unwrap().fields();
            fields.name.clone_from(&name);
            tx.put_account(&fields);
            Ok(())
        };
        opened.write(id(0), origin(number as u64), work).await.unwrap();
        let again = open(Arc::clone(&store)).await.account(id(0)).await.unwrap().unwrap();
        assert_eq!(again.record().unwrap().name(), text(length));
    }
    assert_eq!(entries(&*store, id(0)).await.len(), 1);
}

#[tokio::test]
async fn a_change_larger_than_a_transaction_is_refused_alone() {
    let store = memory();
    let opened = open_with_account(Arc::clone(&store)).await;
    let (before, too_large, after) =
        tokio::join!(put(&opened, 1, 10), put(&opened, 2, 2 * 1024 * 1024), put(&opened, 3, 20));
    assert_eq!((code(before), code(after)), (None, None));
    assert_eq!(code(too_large), Some(Code::ServiceFailure));
    assert_eq!(document(&store).await, Some(text(20)));
}
