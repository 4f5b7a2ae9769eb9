//! Damage to any file: what is read is what was written, or an error; never a panic, never another's data.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use iamd_objects::*;

use crate::fixture::*;
use crate::uploads::{complete_of, named, part, upload_of};

#[derive(Debug, Clone, Copy)]
enum Harm {
    Cut(usize),
    Flip(usize, u8),
    Zero(usize),
    Append,
    Remove,
}

impl Harm {
    fn all(size: usize, random: &mut Random) -> Vec<Self> {
        let mut harms = vec![Self::Append, Self::Remove, Self::Cut(0), Self::Zero(0)];
        for _ in 0..12 {
            let at = random.below(size as u64) as usize;
            harms.extend([Self::Cut(at), Self::Flip(at, random.below(8) as u8), Self::Zero(at)]);
        }
        // The head of a record, byte by byte.
        harms.extend((0..size.min(40)).map(|at| Self::Flip(at, 3)));
        harms
    }

    fn apply(self, path: &Path, whole: &[u8]) {
        let mut bytes = whole.to_vec();
        match self {
            Self::Cut(at) => bytes.truncate(at),
            Self::Flip(at, bit) => bytes[at] ^= 1 << bit,
            Self::Zero(at) => bytes[at..].fill(0),
            Self::Append => bytes.extend_from_slice(b"more"),
            Self::Remove => return fs::remove_file(path).unwrap(),
        }
        fs::write(path, bytes).unwrap();
    }
}

/// Objects of every shape, with what they hold.
async fn filled() -> (Fixture, BTreeMap<String, Vec<u8>>) {
    let fixture = Fixture::new().await;
    let mut random = Random(8);
    let mut expected = BTreeMap::new();
    for encrypt in [false, true] {
        for (shape, size) in [("small", 50), ("large", 150_000)] {
            let (name, data) = (format!("{shape} {encrypt}"), random.bytes(size));
            let put = Put { encrypt, ..put_of(&name) };
            fixture.bucket.put(put, body(&data, 9_999)).await.unwrap();
            expected.insert(name, data);
        }
    }
    let upload = fixture.bucket.create_upload(upload_of("parts")).await.unwrap();
    let data = random.bytes(MIN_PART as usize + 10);
    let first = part(&fixture.bucket, &upload, 1, &data[..MIN_PART as usize]).await;
    let second = part(&fixture.bucket, &upload, 2, &data[MIN_PART as usize..]).await;
    let parts = vec![named(1, &first), named(2, &second)];
    fixture.bucket.complete_upload(complete_of(&upload, parts)).await.unwrap();
    expected.insert("parts".to_owned(), data);
    let open = fixture.bucket.create_upload(upload_of("open")).await.unwrap();
    part(&fixture.bucket, &open, 1, b"unfinished").await;
    (fixture, expected)
}

/// Each object is as it was, or refused; at most one is refused. Lists are whole or refused.
async fn check(objects: &Objects, expected: &BTreeMap<String, Vec<u8>>, context: &str) -> usize {
    let bucket = objects.bucket(&bucket_name()).unwrap();
    let mut refused = 0;
    for (name, data) in expected {
        match read(&bucket, name).await {
            Ok(found) => assert!(found == *data, "{context}: {name} is another"),
            Err(Error::Damaged(_)) => refused += 1,
            // Its record is gone: to whoever looks now, it was never there.
            Err(Error::NoSuchKey { .. }) if context.contains("Remove") => refused += 1,
            Err(error) => panic!("{context}: {name}: {error}"),
        }
    }
    assert!(refused <= 1, "{context}: {refused} refused");
    match at_once(bucket.list(&List { limit: 99, ..List::default() })) {
        Ok(list) => assert!(list.objects.len() >= expected.len() - refused, "{context}"),
        Err(Error::Damaged(_)) => {}
        Err(error) => panic!("{context}: {error}"),
    }
    refused
}

#[tokio::test(flavor = "multi_thread")]
async fn damage_is_found() {
    let (fixture, expected) = filled().await;
    let mut random = Random(9);
    let mut counts = BTreeMap::<&str, (usize, usize)>::new();
    let files = fixture.files();
    let root = fixture.root();
    // Files of the open store are damaged under it first.
    for file in &files {
        let whole = fs::read(file).unwrap();
        for harm in Harm::all(whole.len(), &mut random) {
            harm.apply(file, &whole);
            let count = counts.entry("open").or_default();
            count.0 += 1;
            count.1 +=
                check(&fixture.objects, &expected, &format!("open: {harm:?} {file:?}")).await;
            fs::write(file, &whole).unwrap();
        }
    }
    let Fixture { dir, objects, bucket } = fixture;
    drop((objects, bucket));
    // A start may remove what it takes for leftovers, so each start has a copy.
    let original: Vec<_> = files.iter().map(|file| (file, fs::read(file).unwrap())).collect();
    for (file, whole) in &original {
        for harm in Harm::all(whole.len(), &mut random).into_iter().take(24) {
            harm.apply(file, whole);
            let objects = open(&root);
            let context = format!("closed: {harm:?} {file:?}");
            let count = counts.entry("closed").or_default();
            count.0 += 1;
            count.1 += check(&objects, &expected, &context).await;
            drop(objects);
            for (file, whole) in &original {
                fs::create_dir_all(file.parent().unwrap()).unwrap();
                fs::write(file, whole).unwrap();
            }
        }
    }
    println!("cases and refusals: {counts:?}");
    drop(dir);
}

#[tokio::test]
async fn a_damaged_object_can_be_replaced_and_deleted() {
    for heal in ["put", "delete", "version"] {
        let fixture = Fixture::new().await;
        put(&fixture.bucket, "key", &Random(1).bytes(100_000)).await;
        put(&fixture.bucket, "other", b"other").await;
        let record = fixture
            .files()
            .into_iter()
            .find(|it| {
                fs::read(it).unwrap().windows(5).any(|it| it == b"\"key\"")
                    && !fs::read(it).unwrap().windows(7).any(|it| it == b"\"other\"")
            })
            .unwrap();
        fs::write(&record, b"IAMDOBJ1O garbage").unwrap();
        let fixture = fixture.reopen();
        let bucket = &fixture.bucket;
        assert_eq!(fixture.objects.damage().len(), 1);
        assert_eq!(fixture.objects.damage()[0].file, record);
        assert!(matches!(read(bucket, "key").await, Err(Error::Damaged(_))));
        assert!(matches!(at_once(bucket.list(&List::default())), Err(Error::Damaged(_))));
        assert!(matches!(
            fixture.objects.remove_bucket(&bucket_name()).await,
            Err(Error::BucketNotEmpty)
        ));
        assert_eq!(read(bucket, "other").await.unwrap(), b"other");
        let condition = WriteCondition { if_none_match: Some(Tags::Any), if_match: None };
        let create = Put { condition, ..put_of("key") };
        let refused = bucket.put(create, body(b"new", 9)).await;
        assert!(matches!(refused, Err(WriteError::Store(Error::Damaged(_)))));
        match heal {
            "put" => drop(put(bucket, "key", b"new").await),
            "delete" => drop(delete(bucket, "key", Versioning::Off).await),
            _ => {
                let delete = Delete {
                    key: key("key"),
                    version: Some(VersionId::Null),
                    versioning: Versioning::Enabled,
                    if_match: None,
                };
                bucket.delete(delete).await.unwrap();
            }
        }
        assert_eq!(keys(bucket).len(), if heal == "put" { 2 } else { 1 });
        let fixture = fixture.reopen();
        assert!(fixture.objects.damage().is_empty());
        // The data of the damaged record was kept as long as it was damaged.
        assert_eq!(fixture.files().len(), if heal == "put" { 2 } else { 1 });
    }
}

#[tokio::test]
async fn a_damaged_upload_is_refused_and_its_data_kept() {
    let fixture = Fixture::new().await;
    let upload = fixture.bucket.create_upload(upload_of("key")).await.unwrap();
    let stored = part(&fixture.bucket, &upload, 1, b"data").await;
    let file = fixture.files().into_iter().find(|it| it.ends_with("00001")).unwrap();
    let whole = fs::read(&file).unwrap();
    fs::write(&file, &whole[..20]).unwrap();
    let fixture = fixture.reopen();
    let complete = complete_of(&upload, vec![named(1, &stored)]);
    let refused = fixture.bucket.complete_upload(complete.clone()).await;
    assert!(matches!(refused, Err(Error::Damaged(_))), "{refused:?}");
    let refused = fixture.objects.remove_bucket(&bucket_name()).await;
    assert!(matches!(refused, Err(Error::BucketNotEmpty)));
    fs::write(&file, whole).unwrap();
    let fixture = fixture.reopen();
    fixture.bucket.complete_upload(complete).await.unwrap();
    assert_eq!(read(&fixture.bucket, "key").await.unwrap(), b"data");
}

#[tokio::test]
async fn what_is_no_store_is_refused() {
    let dir = scratch();
    fs::write(dir.path().join("letter.txt"), "dear").unwrap();
    let refused = Objects::open(dir.path(), tools());
    assert!(matches!(refused, Err(OpenError::Format { .. })));
    let fixture = Fixture::new().await;
    fs::write(fixture.root().join("format"), "iamd-objects 9\n").unwrap();
    let Fixture { dir, objects, bucket } = fixture;
    drop((objects, bucket));
    let refused = Objects::open(&dir.path().join("s3"), tools());
    assert!(matches!(refused, Err(OpenError::Format { found, .. }) if found == "iamd-objects 9"));
}
