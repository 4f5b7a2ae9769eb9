//! Encryption at rest: nothing readable on the disk, nothing altered accepted.

use std::fs;
use std::sync::Arc;

use iamd_objects::*;

use crate::fixture::*;
use crate::uploads::{complete_of, named, part, upload_of};

const SECRET: &[u8] = b"the quick brown fox jumps over the lazy dog";

fn holds(data: &[u8], what: &[u8]) -> bool {
    data.windows(what.len()).any(|window| window == what)
}

#[tokio::test]
async fn the_disk_holds_no_plain_text() {
    let fixture = Fixture::new().await;
    for encrypt in [true, false] {
        for size in [1, 5_000] {
            let put = Put { encrypt, ..put_of("key") };
            fixture.bucket.put(put, body(&SECRET.repeat(size), 999)).await.unwrap();
            let found = fixture.files().iter().any(|file| holds(&fs::read(file).unwrap(), SECRET));
            assert_eq!(found, !encrypt, "{size}");
        }
    }
    delete(&fixture.bucket, "key", Versioning::Off).await;
    let upload = fixture
        .bucket
        .create_upload(NewUpload { encrypt: true, ..upload_of("key") })
        .await
        .unwrap();
    let stored = part(&fixture.bucket, &upload, 1, &SECRET.repeat(5_000)).await;
    for _ in 0..2 {
        for file in fixture.files() {
            assert!(!holds(&fs::read(&file).unwrap(), SECRET), "{file:?}");
        }
        let _ = fixture
            .bucket
            .complete_upload(complete_of(&upload, vec![named(1, &stored)]))
            .await
            .unwrap();
    }
}

async fn assert_damaged(bucket: &Arc<Bucket>, name: &str, why: &str) {
    let error = match bucket.get(get_of(name, None, Portion::Whole)).await {
        Ok(object) => collect(object).await.expect_err(why),
        Err(error) => error,
    };
    assert!(matches!(error, Error::Damaged(_)), "{why}: {error}");
}

#[tokio::test]
async fn segments_cannot_be_cut_moved_or_exchanged() {
    const FRAMED: usize = 65_536 + 16;
    let fixture = Fixture::new().await;
    let data = Random(6).bytes(4 * 65_536);
    let put = |name: &str| Put { encrypt: true, ..put_of(name) };
    fixture.bucket.put(put("a"), body(&data, 9_999)).await.unwrap();
    let file_a = fixture
        .files()
        .into_iter()
        .find(|it| it.components().any(|c| c.as_os_str() == "data"))
        .unwrap();
    fixture.bucket.put(put("b"), body(&data, 9_999)).await.unwrap();
    let file_b = fixture
        .files()
        .into_iter()
        .find(|it| *it != file_a && it.components().any(|c| c.as_os_str() == "data"))
        .unwrap();
    let whole = fs::read(&file_a).unwrap();
    assert_eq!(whole.len(), 4 * FRAMED);
    let mut swapped = whole.clone();
    swapped[..FRAMED].copy_from_slice(&whole[FRAMED..2 * FRAMED]);
    swapped[FRAMED..2 * FRAMED].copy_from_slice(&whole[..FRAMED]);
    for (why, bytes) in [
        ("cut after a segment", whole[..3 * FRAMED].to_vec()),
        ("cut within one", whole[..FRAMED + 5].to_vec()),
        ("longer", [whole.as_slice(), &whole[..FRAMED]].concat()),
        ("swapped", swapped),
        ("another file's", fs::read(&file_b).unwrap()),
    ] {
        fs::write(&file_a, bytes).unwrap();
        assert_damaged(&fixture.bucket, "a", why).await;
    }
    for at in [0, 65_535, 65_536, FRAMED, 4 * FRAMED - 1] {
        let mut flipped = whole.clone();
        flipped[at] ^= 1;
        fs::write(&file_a, flipped).unwrap();
        assert_damaged(&fixture.bucket, "a", "flipped").await;
    }
    // What is whole is still given out: a range reads its own segments alone.
    let range = Portion::Between(65_536, 65_600);
    let mut flipped = whole.clone();
    flipped[3 * FRAMED] ^= 1;
    fs::write(&file_a, flipped).unwrap();
    let object = fixture.bucket.get(get_of("a", None, range)).await.unwrap();
    assert!(collect(object).await.unwrap() == data[65_536..=65_600]);
    fs::write(&file_a, whole).unwrap();
    assert!(read(&fixture.bucket, "a").await.unwrap() == data);
}

/// Somebody who can write to the disk changes a record and computes its checksum anew.
fn forge(record: &[u8], from: &str, to: &str) -> Vec<u8> {
    assert_eq!(from.len(), to.len());
    let at = record.windows(from.len()).position(|it| it == from.as_bytes()).expect(from);
    let mut forged = record.to_vec();
    forged[at..at + to.len()].copy_from_slice(to.as_bytes());
    let length = |at: usize| u32::from_be_bytes(forged[at..at + 4].try_into().unwrap()) as usize;
    let end = 17 + length(9) + length(13);
    let check = xxhash_rust::xxh3::xxh3_64(&forged[..end]).to_be_bytes();
    forged[end..end + 8].copy_from_slice(&check);
    forged
}

#[tokio::test]
async fn a_record_cannot_be_forged() {
    let fixture = Fixture::new().await;
    let attributes =
        Attributes { content_type: Some("text/plain".to_owned()), ..Attributes::default() };
    let put = Put { encrypt: true, attributes, ..put_of("key") };
    fixture.bucket.put(put, body(b"data", 9)).await.unwrap();
    let file = fixture.files().remove(0);
    let record = fs::read(&file).unwrap();
    for (from, to) in
        [("text/plain", "text/htmlx"), ("\"size\":4", "\"size\":3"), ("STANDARD", "STANDARB")]
    {
        fs::write(&file, forge(&record, from, to)).unwrap();
        assert_damaged(&fixture.bucket, "key", from).await;
        let refused = fixture.bucket.tags(&key("key"), None).await;
        assert!(matches!(refused, Err(Error::Damaged(_))), "{from}");
    }
    fs::write(&file, &record).unwrap();
    assert_eq!(read(&fixture.bucket, "key").await.unwrap(), b"data");
}
