//! A disk that fills up in the middle of a write: an error that says so, nothing half, nothing left.

use std::fs;
use std::path::Path;
use std::process::Command;

use iamd_objects::*;

use crate::fixture::*;
use crate::uploads::{complete_of, named, part, upload_of};

const CHILD_DIR: &str = "IAMD_OBJECTS_FULL_DISK_DIR";
const SMALL_DISK: &str = "mount -t tmpfs -o size=4m tmpfs \"$0\" && exec \"$@\"";

#[test]
fn a_full_disk_is_an_error_and_no_loss() {
    let dir = tempfile::tempdir().unwrap();
    let probe = Command::new("unshare")
        .args(["-rm", "mount", "-t", "tmpfs", "tmpfs"])
        .arg(dir.path())
        .status();
    if !probe.is_ok_and(|status| status.success()) {
        println!("SKIPPED: a small file system cannot be mounted here");
        return;
    }
    let output = Command::new("unshare")
        .args(["-rm", "sh", "-c", SMALL_DISK])
        .arg(dir.path())
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "full_disk::child_with_a_small_disk", "--nocapture", "--include-ignored"])
        .env(CHILD_DIR, dir.path())
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && text.contains("the disk was full"), "{text}");
}

fn is_full<T>(result: Result<T, WriteError<&'static str>>) -> bool {
    matches!(result, Err(WriteError::Store(Error::DiskFull)))
}

/// Not a test of its own: the process whose disk is small.
#[test]
#[ignore = "run by another test"]
fn child_with_a_small_disk() {
    let Some(dir) = std::env::var_os(CHILD_DIR) else { return };
    let root = Path::new(&dir).join("s3");
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
    runtime.block_on(async {
        let objects = open(&root);
        let bucket = objects.create_bucket(&bucket_name()).await.unwrap();
        let old = Random(1).bytes(500_000);
        put(&bucket, "key", &old).await;
        let upload = bucket.create_upload(upload_of("parts")).await.unwrap();
        let stored = part(&bucket, &upload, 1, b"part").await;
        let put_part = PutPart {
            key: key("parts"),
            upload: upload.id,
            number: 1,
            declared: Declared::default(),
        };
        let large = Random(2).bytes(8_000_000);
        for encrypt in [false, true] {
            let put = Put { encrypt, ..put_of("key") };
            assert!(is_full(bucket.put(put, body(&large, 50_000)).await));
            assert!(is_full(bucket.put_part(put_part.clone(), body(&large, 50_000)).await));
        }
        assert!(read(&bucket, "key").await.unwrap() == old);
        // What was written of them is gone: there is room again.
        put(&bucket, "another", &old).await;
        // Now to the last byte, so that not even a record can be written.
        let ballast = Path::new(&dir).join("ballast");
        let _ = fs::write(&ballast, vec![1; 8_000_000]);
        let refused = bucket.put(put_of("key"), body(b"small", 9)).await;
        assert!(is_full(refused));
        let refused = bucket.set_tags(&key("key"), None, Vec::new(), None).await;
        assert!(matches!(refused, Err(Error::DiskFull)));
        let refused = bucket.complete_upload(complete_of(&upload, vec![named(1, &stored)])).await;
        assert!(matches!(refused, Err(Error::DiskFull)));
        assert!(matches!(bucket.create_upload(upload_of("x")).await, Err(Error::DiskFull)));
        assert!(read(&bucket, "key").await.unwrap() == old);
        // A delete needs no room.
        delete(&bucket, "another", Versioning::Off).await;
        fs::remove_file(&ballast).unwrap();
        bucket.complete_upload(complete_of(&upload, vec![named(1, &stored)])).await.unwrap();
        drop((bucket, objects));
        let objects = open(&root);
        let bucket = objects.bucket(&bucket_name()).unwrap();
        assert_eq!(keys(&bucket), ["key", "parts"]);
        assert!(read(&bucket, "key").await.unwrap() == old);
        assert_eq!(read(&bucket, "parts").await.unwrap(), b"part");
        println!("the disk was full");
    });
}
