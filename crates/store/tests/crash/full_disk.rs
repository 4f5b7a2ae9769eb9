//! A disk that fills up in the middle of commits: nothing is half applied, nothing acknowledged is lost,
//! and the store takes no more until it is opened again.

use std::fs;
use std::path::Path;
use std::process::Command;

use iamd_store::{At, CommitError, Embedded, History, Partition, ReadError, Revision, Store};

use crate::model::{batch, partition, read_and_check, txn_id};
use crate::{CHILD_DIR, block_on, this_test};

/// Makes a small file system that nobody else sees and that goes away with the process.
const SMALL_DISK: &str = "mount -t tmpfs -o size=40m tmpfs \"$0\" && exec \"$@\"";
/// Where that is not allowed: no file may grow past this many KiB. (Reserved space needs 64 MiB.)
const SMALL_FILES: &str = "trap '' XFSZ && ulimit -f 67584 && exec \"$@\"";
/// Taken up before, and given back after the disk was full.
const BALLAST: usize = 8 * 1024 * 1024;

#[test]
fn a_full_disk_stops_commits_and_loses_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let mut child = this_test("full_disk::child_that_fills_the_disk");
    child.env(CHILD_DIR, dir.path());
    let run = |shell: &mut Command, script: &str| {
        shell.arg("sh").arg("-c").arg(script).arg(dir.path());
        shell.arg(child.get_program()).args(child.get_args()).env(CHILD_DIR, dir.path());
        shell.output()
    };
    let probe = Command::new("unshare")
        .args(["-rm", "mount", "-t", "tmpfs", "tmpfs"])
        .arg(dir.path())
        .status();
    let output = match probe {
        Ok(status) if status.success() => run(Command::new("unshare").arg("-rm"), SMALL_DISK),
        _ => run(&mut Command::new("env"), SMALL_FILES),
    }
    .unwrap();
    let text = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && text.contains("the disk was full"), "{text}");
}

/// Not a test of its own: the process whose disk is small.
#[test]
#[ignore = "run by another test"]
fn child_that_fills_the_disk() {
    let Some(dir) = std::env::var_os(CHILD_DIR) else { return };
    let (ballast, path) = (Path::new(&dir).join("ballast"), Path::new(&dir).join("store"));
    fs::write(&ballast, vec![1; BALLAST]).unwrap();
    let account = partition(1);
    block_on(async {
        let store = Embedded::open(&path, History::default()).unwrap();
        let acknowledged = fill(&store, &account).await;
        assert_refuses_everything(&store, &account, acknowledged).await;
        drop(store);
        fs::remove_file(&ballast).unwrap();
        let store = Embedded::open(&path, History::default()).unwrap();
        let found = read_and_check(&store, &account).await.unwrap();
        // The commit that nobody knew about is in or not, as a whole.
        assert!([acknowledged, acknowledged.plus(2)].contains(&found), "{acknowledged} {found}");
        for revision in acknowledged.0 + 1..=acknowledged.0 + 2 {
            let outcome = store.outcome(&account, txn_id(&account, revision)).await.unwrap();
            assert_eq!(outcome.is_some(), found > acknowledged);
        }
        println!("the disk was full after {acknowledged} transactions");
    });
}

/// Commits until that fails; answers with the last revision that was acknowledged.
async fn fill(store: &Embedded, account: &Partition) -> Revision {
    let mut head = Revision(0);
    loop {
        match store.commit(account, batch(account, head, 2)).await {
            Ok(revision) => head = revision,
            Err(CommitError::Unknown | CommitError::Unavailable(_)) => return head,
            Err(error) => panic!("{error:?}"),
        }
    }
}

async fn assert_refuses_everything(store: &Embedded, account: &Partition, head: Revision) {
    for base in [head, head.plus(2)] {
        let refused = store.commit(account, batch(account, base, 2)).await;
        assert!(matches!(refused, Err(CommitError::Unavailable(_))), "{refused:?}");
    }
    // Nobody knows what is in, so nobody is told.
    let refused = store.head(account).await;
    assert!(matches!(refused, Err(ReadError::Unavailable(_))), "{refused:?}");
    let refused = store.outcome(account, txn_id(account, head.0 + 1)).await;
    assert!(matches!(refused, Err(ReadError::Unavailable(_))), "{refused:?}");
    let refused = store.get(account, b"last", At::Latest).await;
    assert!(matches!(refused, Err(ReadError::Unavailable(_))), "{refused:?}");
    let stale = store.get(account, b"last", At::Stale).await.unwrap();
    assert_eq!(stale.as_deref(), Some(&head.0.to_be_bytes()[..]));
}
