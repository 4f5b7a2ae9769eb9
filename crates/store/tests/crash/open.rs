//! Opening: whose directory it is, what is in it, and what is not.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Stdio;
use std::sync::{Arc, Mutex};

use iamd_store::{Embedded, History, OpenError, RestoreError, Revision, Store};

use crate::model::{batch, partition, partitions, read_and_check, txn_id};
use crate::{CHILD_DIR, block_on, this_test};

fn open(path: &Path) -> Result<Embedded, OpenError> {
    Embedded::open(path, History::default())
}

#[test]
fn a_dropped_store_opens_again_with_everything() {
    let dir = tempfile::tempdir().unwrap();
    block_on(async {
        for round in 0..5 {
            let store = open(dir.path()).unwrap();
            for partition in partitions() {
                let head = read_and_check(&store, &partition).await.unwrap();
                assert_eq!(head, Revision(round * 3));
                store.commit(&partition, batch(&partition, head, 3)).await.unwrap();
            }
            assert_eq!(store.partitions(None, 99).await.unwrap(), partitions());
        }
    });
}

#[test]
fn a_commit_whose_caller_went_away_is_whole_or_absent() {
    let dir = tempfile::tempdir().unwrap();
    block_on(async {
        let store = Arc::new(open(dir.path()).unwrap());
        let callers = partitions().into_iter().map(|partition| {
            let store = Arc::clone(&store);
            tokio::spawn(async move {
                let batch = batch(&partition, Revision(0), 4);
                store.commit(&partition, batch).await
            })
        });
        for caller in callers.collect::<Vec<_>>() {
            caller.abort();
            drop(caller.await);
        }
        drop(store);
        let store = open(dir.path()).unwrap();
        for partition in partitions() {
            let head = read_and_check(&store, &partition).await.unwrap();
            assert!([0, 4].contains(&head.0), "{partition} is at {head}");
        }
    });
}

#[test]
fn outcomes_survive_reopening() {
    let dir = tempfile::tempdir().unwrap();
    let account = partition(1);
    block_on(async {
        let store = open(dir.path()).unwrap();
        store.commit(&account, batch(&account, Revision(0), 5)).await.unwrap();
        drop(store);
        let store = open(dir.path()).unwrap();
        for revision in 1..=5 {
            let found = store.outcome(&account, txn_id(&account, revision)).await.unwrap();
            assert_eq!(found, Some(Revision(revision)));
        }
        assert_eq!(store.outcome(&account, txn_id(&account, 6)).await.unwrap(), None);
    });
}

#[test]
fn a_second_process_is_kept_out() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).unwrap();
    let locked = |result| matches!(result, Err(OpenError::Locked { path }) if path == dir.path());
    assert!(locked(open(dir.path())), "in this process");
    let other = || {
        let mut child = this_test("open::child_that_opens");
        child.env(CHILD_DIR, dir.path()).stdout(Stdio::null()).stderr(Stdio::null());
        child.status().unwrap().success()
    };
    assert!(!other(), "another process opened a store that is in use");
    drop(store);
    assert!(other(), "another process could not open a store that is not in use");
    open(dir.path()).unwrap();
}

/// Not a test of its own: the other process.
#[test]
#[ignore = "run by another test"]
fn child_that_opens() {
    let Some(path) = std::env::var_os(CHILD_DIR) else { return };
    open(path.as_ref()).unwrap();
}

#[test]
fn files_are_private() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a/store");
    drop(open(&path).unwrap());
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    for directory in ["", "data"] {
        assert_eq!(mode(&path.join(directory)), 0o700, "{directory:?}");
    }
    for file in ["lock", "format", "witness"] {
        assert_eq!(mode(&path.join(file)), 0o600, "{file}");
    }
}

#[test]
fn what_is_not_a_store_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("store");
    drop(open(&path).unwrap());

    fs::write(path.join("format"), "iamd-store 2\n").unwrap();
    let refused = open(&path).err().unwrap();
    assert_eq!(refused.to_string(), "the store has format `iamd-store 2`, supported is 1");
    fs::remove_file(path.join("format")).unwrap();
    assert!(matches!(open(&path), Err(OpenError::Corrupt { .. })));

    let file = dir.path().join("file");
    fs::write(&file, "").unwrap();
    assert!(matches!(open(&file), Err(OpenError::Unreadable { .. })));
    let foreign = dir.path().join("foreign");
    fs::create_dir(&foreign).unwrap();
    fs::write(foreign.join("letter"), "dear diary").unwrap();
    assert!(matches!(open(&foreign), Err(OpenError::Corrupt { .. })));
    assert_eq!(fs::read_to_string(foreign.join("letter")).unwrap(), "dear diary");
}

#[test]
fn an_unfinished_creation_is_begun_again() {
    let dir = tempfile::tempdir().unwrap();
    drop(open(dir.path()).unwrap());
    fs::rename(dir.path().join("format"), dir.path().join("creating")).unwrap();
    fs::remove_file(dir.path().join("witness")).unwrap();
    let store = open(dir.path()).unwrap();
    block_on(async {
        let account = partition(1);
        store.commit(&account, batch(&account, Revision(0), 1)).await.unwrap();
    });
}

#[test]
fn an_older_copy_of_the_data_is_noticed() {
    let dir = tempfile::tempdir().unwrap();
    let (path, account) = (dir.path().join("store"), partition(1));
    let write = || {
        block_on(async {
            let store = open(&path).unwrap();
            let head = store.head(&account).await.unwrap();
            store.commit(&account, batch(&account, head, 3)).await.unwrap();
        })
    };
    write();
    let copy = std::process::Command::new("cp")
        .args(["-r", "--sparse=always"])
        .args([path.join("data"), dir.path().join("old")])
        .status();
    assert!(copy.unwrap().success());
    write();
    fs::remove_dir_all(path.join("data")).unwrap();
    fs::rename(dir.path().join("old"), path.join("data")).unwrap();
    let error = open(&path).err().unwrap().to_string();
    assert!(error.ends_with("6 transactions were acknowledged, 3 are there"), "{error}");
}

#[test]
fn a_backup_is_restored_whole_or_not_at_all() {
    let dir = tempfile::tempdir().unwrap();
    let target = dir.path().join("target");
    let backup = block_on(async {
        let store = open(&dir.path().join("source")).unwrap();
        for (n, partition) in partitions().into_iter().enumerate() {
            let batch = batch(&partition, Revision(0), n as u64 * 20);
            store.commit(&partition, batch).await.unwrap();
        }
        let out = Output::default();
        store.backup(Box::new(out.clone())).await.unwrap();
        out.0.lock().unwrap().clone()
    });
    let cut = &backup[..backup.len() - 1];
    assert!(matches!(Embedded::restore(&target, cut), Err(RestoreError::Input(_))));
    let mut flipped = backup.clone();
    flipped[backup.len() / 2] ^= 1;
    assert!(Embedded::restore(&target, &flipped[..]).is_err());

    Embedded::restore(&target, &backup[..]).unwrap();
    assert!(matches!(Embedded::restore(&target, &backup[..]), Err(RestoreError::Target(_))));
    block_on(async {
        let store = open(&target).unwrap();
        for (n, partition) in partitions().into_iter().enumerate() {
            let (revision, entries) =
                iamd_store::read_range(&store, &partition, &iamd_store::KeyRange::all())
                    .await
                    .unwrap();
            assert_eq!(revision, Revision(n as u64 * 20));
            assert_eq!(entries.is_empty(), n == 0);
            // Life goes on, with outcomes from here on.
            store.commit(&partition, batch(&partition, revision, 2)).await.unwrap();
            let outcome = store.outcome(&partition, txn_id(&partition, revision.0 + 1)).await;
            assert_eq!(outcome.unwrap(), Some(revision.plus(1)));
            let unknown = store.outcome(&partition, txn_id(&partition, revision.0)).await;
            assert_eq!(unknown.unwrap(), None);
        }
        drop(store);
        open(&target).unwrap();
    });
}

#[derive(Clone, Default)]
struct Output(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Output {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
