//! SIGKILL at any moment: what was acknowledged is there, what was not is there as a whole or not at all, and
//! nothing else is left.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;

use iamd_objects::*;

use crate::fixture::*;
use crate::uploads::{complete_of, named, part, upload_of};

const CHILD_DIR: &str = "IAMD_OBJECTS_CHILD_DIR";
const CHILD_FROM: &str = "IAMD_OBJECTS_CHILD_FROM";
const WRITERS: u64 = 4;

/// What a writer's key holds after its operation of this number; nothing after a delete.
fn after(writer: u64, number: u64) -> Option<Vec<u8>> {
    let mut random = Random(writer << 32 | number);
    match random.below(6) {
        0 => None,
        1 => Some(random.bytes(100)),
        2 => Some(random.bytes(32_768)),
        3 => Some(random.bytes(70_000)),
        4 => Some(random.bytes(300_000)),
        _ => Some(random.bytes(40)),
    }
}

fn name(writer: u64) -> String {
    format!("writer/{writer}")
}

async fn carry_out(bucket: &Arc<Bucket>, writer: u64, number: u64) {
    let name = name(writer);
    let Some(data) = after(writer, number) else {
        delete(bucket, &name, Versioning::Off).await;
        return;
    };
    let encrypt = number.is_multiple_of(2);
    if number.is_multiple_of(3) {
        let upload = bucket.create_upload(NewUpload { encrypt, ..upload_of(&name) }).await.unwrap();
        part(bucket, &upload, 2, b"replaced").await;
        part(bucket, &upload, 3, b"left out").await;
        let stored = part(bucket, &upload, 2, &data).await;
        bucket.complete_upload(complete_of(&upload, vec![named(2, &stored)])).await.unwrap();
    } else {
        bucket.put(Put { encrypt, ..put_of(&name) }, body(&data, 20_000)).await.unwrap();
    }
}

#[test]
fn nothing_acknowledged_is_lost_when_the_process_is_killed() {
    let dir = scratch();
    let root = dir.path().join("s3");
    let runtime = tokio::runtime::Builder::new_multi_thread().build().unwrap();
    runtime.block_on(async { open(&root).create_bucket(&bucket_name()).await.unwrap() });
    let mut random = Random(1);
    // For each writer, the number of the operation that its key shows.
    let mut reached: BTreeMap<u64, u64> = (0..WRITERS).map(|writer| (writer, 0)).collect();
    for round in 0..16 * rounds() {
        let acknowledged = run_and_kill(&root, &reached, random.below(120));
        runtime.block_on(async {
            let objects = open(&root);
            assert!(objects.damage().is_empty(), "{:?}", objects.damage());
            let bucket = objects.bucket(&bucket_name()).unwrap();
            for (writer, last) in &mut reached {
                *last = acknowledged.get(writer).copied().unwrap_or(*last);
                let found = read(&bucket, &name(*writer)).await.ok();
                let shows = |number: u64| match number {
                    0 => found.is_none(),
                    _ => found == after(*writer, number),
                };
                // The one that was under way is in or not.
                assert!(
                    shows(*last) || shows(*last + 1),
                    "round {round}: writer {writer} after {last}"
                );
                if !shows(*last) {
                    *last += 1;
                }
            }
            // Uploads that were under way can be given up, and then nothing is left but the objects.
            let list = ListUploads { limit: 999, ..Default::default() };
            for upload in bucket.list_uploads(&list).await.unwrap().uploads {
                bucket.abort_upload(&upload.key, upload.upload).await.unwrap();
            }
            let listed =
                bucket.list(&List { limit: 999, ..Default::default() }).await.unwrap().objects;
            assert_eq!(
                listed.len(),
                (0..WRITERS).filter(|it| after(*it, reached[it]).is_some()).count()
            );
            drop((bucket, objects));
            let mut files = 0;
            count(&root.join("buckets"), &mut files);
            assert!(
                files <= 2 * listed.len(),
                "round {round}: {files} files of {} objects",
                listed.len()
            );
        });
    }
    println!("reached: {reached:?}");
}

fn count(path: &Path, files: &mut usize) {
    for entry in std::fs::read_dir(path).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { count(&path, files) } else { *files += 1 }
    }
}

fn run_and_kill(root: &Path, reached: &BTreeMap<u64, u64>, lines: u64) -> BTreeMap<u64, u64> {
    let from: Vec<_> = reached.values().map(u64::to_string).collect();
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "kill::child_that_writes", "--nocapture", "--include-ignored"])
        .env(CHILD_DIR, root)
        .env(CHILD_FROM, from.join(","))
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut output = BufReader::new(child.stdout.take().unwrap());
    let mut acknowledged = BTreeMap::new();
    let mut seen = 0;
    loop {
        if seen == lines {
            child.kill().unwrap();
        }
        let mut line = String::new();
        if output.read_line(&mut line).unwrap() == 0 {
            break;
        }
        seen += 1;
        // A line cut short by the kill does not count; its operation may.
        let Some(ack) = line.strip_prefix("ack ").and_then(|it| it.strip_suffix('\n')) else {
            continue;
        };
        let (writer, number) = ack.split_once(' ').unwrap();
        acknowledged.insert(writer.parse().unwrap(), number.parse().unwrap());
    }
    let status = child.wait().unwrap();
    assert!(seen >= lines && status.code().is_none(), "the child ended by itself: {status}");
    acknowledged
}

/// Not a test of its own: the process that gets killed.
#[test]
#[ignore = "run by another test"]
fn child_that_writes() {
    let Some(root) = std::env::var_os(CHILD_DIR) else { return };
    let from = std::env::var(CHILD_FROM).unwrap();
    let from: Vec<u64> = from.split(',').map(|it| it.parse().unwrap()).collect();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
    runtime.block_on(async {
        let objects = open(Path::new(&root));
        let bucket = objects.bucket(&bucket_name()).unwrap();
        let mut writers = tokio::task::JoinSet::new();
        for (writer, last) in (0..).zip(from) {
            let bucket = Arc::clone(&bucket);
            writers.spawn(async move {
                for number in last + 1.. {
                    carry_out(&bucket, writer, number).await;
                    // One write, so that lines of different tasks do not mix.
                    let line = format!("ack {writer} {number}\n");
                    std::io::stdout().write_all(line.as_bytes()).unwrap();
                }
            });
        }
        writers.join_all().await;
    });
}
