//! Writing, reading, copying, deleting, tagging.

use std::sync::{Arc, OnceLock};

use iamd_objects::*;
use iamd_types::Timestamp;

use crate::fixture::*;

const MD5_OF_ABC: &str = "900150983cd24fb0d6963f7d28e17f72";

#[tokio::test]
async fn what_is_written_is_read() {
    let fixture = Fixture::new().await;
    for encrypt in [false, true] {
        let sizes = [0, 1, 32_768, 32_769, 65_535, 65_536, 65_537, 131_072, 400_000, 1_048_576];
        for (size, chunk) in sizes.into_iter().flat_map(|size| [(size, 1_000_000), (size, 777)]) {
            let data = Random(size as u64).bytes(size);
            let put = Put { encrypt, ..put_of("key") };
            let stored = fixture.bucket.put(put, body(&data, chunk)).await.unwrap();
            assert_eq!((stored.size, stored.encrypted), (size as u64, encrypt));
            assert_eq!(read(&fixture.bucket, "key").await.unwrap(), data, "{size} {encrypt}");
        }
    }
    // Each replaced the one before, and left nothing of it.
    assert!(fixture.files().len() <= 2, "{:?}", fixture.files());
}

#[tokio::test]
async fn attributes_and_checksums_are_kept() {
    let fixture = Fixture::new().await;
    let attributes = Attributes {
        content_type: Some("text/plain".to_owned()),
        expires: Some("tomorrow".to_owned()),
        metadata: vec![("café".to_owned(), "ü".to_owned())],
        tags: vec![("Team".to_owned(), "x".to_owned())],
        class: StorageClass::StandardIa,
        ..Attributes::default()
    };
    let put = Put { attributes: attributes.clone(), ..put_of("key") };
    let stored = fixture.bucket.put(put, body(b"abc", 1)).await.unwrap();
    assert_eq!(stored.etag.to_string(), MD5_OF_ABC);
    let fixture = fixture.reopen();
    let head = fixture.bucket.head(get_of("key", None, Portion::Whole)).await.unwrap();
    assert_eq!(head.info.attributes, attributes);
    assert_eq!(head.info.checksum.as_ref().unwrap().algorithm, Algorithm::Crc64Nvme);
    assert_eq!(head.info.checksum, stored.checksum);
    assert_eq!((head.length, head.info.modified), (3, stored.modified));
    assert!(collect(Object { length: 0, ..head }).await.unwrap().is_empty());
    let listed =
        &fixture.bucket.list(&List { limit: 1, ..List::default() }).await.unwrap().objects[0];
    assert_eq!(listed.class, StorageClass::StandardIa);
    assert_eq!(listed.checksum, Some((Algorithm::Crc64Nvme, ChecksumType::FullObject)));
}

#[tokio::test]
async fn what_is_not_as_declared_is_refused() {
    let fixture = Fixture::new().await;
    put(&fixture.bucket, "key", b"old").await;
    let other = Algorithm::ALL.map(|it| {
        // Checksums of no bytes.
        let empty = match it {
            Algorithm::Crc32 | Algorithm::Crc32c => 4,
            Algorithm::Crc64Nvme | Algorithm::Xxhash64 | Algorithm::Xxhash3 => 8,
            Algorithm::Md5 | Algorithm::Xxhash128 => 16,
            Algorithm::Sha1 => 20,
            Algorithm::Sha256 => 32,
            Algorithm::Sha512 => 64,
        };
        use base64::Engine;
        let text = base64::engine::general_purpose::STANDARD.encode(vec![7; empty]);
        Checksum::parse(it, &text).unwrap()
    });
    let mut declared = vec![
        Declared { length: Some(4), ..Declared::default() },
        Declared { length: Some(2), ..Declared::default() },
        Declared { length: Some(MAX_SINGLE + 1), ..Declared::default() },
        Declared { md5: Some([1; 16]), ..Declared::default() },
    ];
    for checksum in other {
        let trailer = |text| Declared {
            trailer: Some((checksum.algorithm, Arc::new(text))),
            ..Declared::default()
        };
        declared.push(trailer(OnceLock::from(checksum.value.clone())));
        declared.push(trailer(OnceLock::from("x".to_owned())));
        declared.push(trailer(OnceLock::new()));
        declared.push(Declared { checksum: Some(checksum), ..Declared::default() });
    }
    let before = fixture.files();
    for declared in declared {
        let put = Put { declared: declared.clone(), ..put_of("key") };
        let refused = fixture.bucket.put(put, body(b"abc", 2)).await;
        assert!(matches!(refused, Err(WriteError::Store(_))), "{declared:?}");
    }
    assert_eq!(read(&fixture.bucket, "key").await.unwrap(), b"old");
    assert_eq!(fixture.files(), before);
}

#[tokio::test]
async fn a_body_that_breaks_off_changes_nothing() {
    let fixture = Fixture::new().await;
    put(&fixture.bucket, "key", b"old").await;
    let before = fixture.files();
    for size in [0, 10, 200_000, 1_000_000] {
        let refused = fixture.bucket.put(put_of("key"), broken(&vec![1; size])).await;
        assert!(matches!(refused, Err(WriteError::Body("the client is gone"))));
    }
    assert_eq!(read(&fixture.bucket, "key").await.unwrap(), b"old");
    // The last block may still be on its way to the disk; a reopening waits for nobody.
    let fixture = fixture.reopen();
    assert_eq!(fixture.files(), before);
}

#[tokio::test]
async fn ranges() {
    let fixture = Fixture::new().await;
    let data = Random(1).bytes(300_000);
    for encrypt in [false, true] {
        let put = Put { encrypt, ..put_of("key") };
        fixture.bucket.put(put, body(&data, 10_000)).await.unwrap();
        for (portion, first, last) in [
            (Portion::From(0), 0, 299_999),
            (Portion::From(299_999), 299_999, 299_999),
            (Portion::Between(0, 0), 0, 0),
            (Portion::Between(65_535, 65_536), 65_535, 65_536),
            (Portion::Between(65_536, 131_071), 65_536, 131_071),
            (Portion::Between(100, 999_999), 100, 299_999),
            (Portion::Last(1), 299_999, 299_999),
            (Portion::Last(999_999), 0, 299_999),
            (Portion::Part(1), 0, 299_999),
        ] {
            let object = fixture.bucket.get(get_of("key", None, portion)).await.unwrap();
            assert_eq!(object.range, Some((first, last)), "{portion:?}");
            let found = collect(object).await.unwrap();
            assert!(found == data[first as usize..=last as usize], "{portion:?}");
        }
        for portion in
            [Portion::From(300_000), Portion::Last(0), Portion::Between(300_000, 300_001)]
        {
            let refused = fixture.bucket.get(get_of("key", None, portion)).await;
            assert!(matches!(refused, Err(Error::InvalidRange { size: 300_000 })), "{portion:?}");
        }
        let refused = fixture.bucket.head(get_of("key", None, Portion::Part(2))).await;
        assert!(matches!(refused, Err(Error::InvalidPartNumber)));
    }
    put(&fixture.bucket, "empty", b"").await;
    for portion in [Portion::From(0), Portion::Last(5)] {
        let refused = fixture.bucket.get(get_of("empty", None, portion)).await;
        assert!(matches!(refused, Err(Error::InvalidRange { size: 0 })), "{portion:?}");
    }
}

#[tokio::test]
async fn conditions_are_those_of_the_moment_of_writing() {
    let fixture = Fixture::new().await;
    let create = WriteCondition { if_none_match: Some(Tags::Any), if_match: None };
    let first = Put { condition: create.clone(), ..put_of("key") };
    let stored = fixture.bucket.put(first.clone(), body(b"abc", 9)).await.unwrap();
    // The body must not even be read when it is clear before.
    let unread = futures_util::stream::poll_fn(|_| -> std::task::Poll<Option<Result<_, ()>>> {
        panic!("read")
    });
    let refused = fixture.bucket.put(first.clone(), unread).await;
    assert!(matches!(refused, Err(WriteError::Store(Error::PreconditionFailed("If-None-Match")))));
    // It is clear only afterwards when somebody was quicker.
    let bucket = Arc::clone(&fixture.bucket);
    let racing = futures_util::stream::once(async move {
        put(&bucket, "other", b"quick").await;
        Ok::<_, ()>(bytes::Bytes::from_static(b"slow"))
    });
    let second = Put { condition: create, ..put_of("other") };
    let refused = fixture.bucket.put(second, racing).await;
    assert!(matches!(refused, Err(WriteError::Store(Error::PreconditionFailed("If-None-Match")))));
    assert_eq!(read(&fixture.bucket, "other").await.unwrap(), b"quick");
    let same =
        WriteCondition { if_match: Some(Tags::These(vec![stored.etag])), if_none_match: None };
    let replace = Put { condition: same, ..put_of("key") };
    fixture.bucket.put(replace.clone(), body(b"xyz", 9)).await.unwrap();
    let refused = fixture.bucket.put(replace, body(b"xyz", 9)).await;
    assert!(matches!(refused, Err(WriteError::Store(Error::PreconditionFailed("If-Match")))));
}

#[tokio::test]
async fn a_copy_is_an_object_of_its_own() {
    let fixture = Fixture::new().await;
    let other = fixture.objects.create_bucket(&BucketName::new("other").unwrap()).await.unwrap();
    let data = Random(3).bytes(200_000);
    let attributes = Attributes {
        content_type: Some("a/b".to_owned()),
        tags: vec![("k".to_owned(), "v".to_owned())],
        ..Attributes::default()
    };
    let source = Put {
        attributes,
        encrypt: true,
        declared: Declared { algorithm: Some(Algorithm::Sha256), ..Declared::default() },
        ..put_of("from")
    };
    let stored = fixture.bucket.put(source, body(&data, 10_000)).await.unwrap();
    let source = CopySource {
        bucket: Arc::clone(&fixture.bucket),
        key: key("from"),
        version: None,
        condition: ReadCondition::default(),
        seen: None,
    };
    let changes = Changes {
        key: key("to"),
        attributes: None,
        tags: None,
        class: StorageClass::Standard,
        algorithm: None,
        condition: WriteCondition::default(),
        versioning: Versioning::Off,
        encrypt: false,
    };
    let (copy, _) = other.copy(&source, changes.clone()).await.unwrap();
    assert_eq!((copy.etag, copy.checksum), (stored.etag, stored.checksum));
    let replaced = Changes {
        key: key("replaced"),
        attributes: Some(Attributes::default()),
        tags: Some(Vec::new()),
        encrypt: true,
        ..changes.clone()
    };
    other.copy(&source, replaced).await.unwrap();
    delete(&fixture.bucket, "from", Versioning::Off).await;
    assert!(read(&other, "to").await.unwrap() == data);
    let head = other.head(get_of("to", None, Portion::Whole)).await.unwrap().info;
    assert_eq!(head.attributes.content_type.as_deref(), Some("a/b"));
    assert_eq!(other.tags(&key("to"), None).await.unwrap().1.len(), 1);
    assert!(other.tags(&key("replaced"), None).await.unwrap().1.is_empty());
    // Onto itself.
    let source = CopySource { bucket: Arc::clone(&other), key: key("to"), ..source };
    let (copy, _) = other.copy(&source, changes.clone()).await.unwrap();
    assert!(read(&other, "to").await.unwrap() == data);
    let unchanged =
        ReadCondition { if_none_match: Some(Tags::These(vec![copy.etag])), ..Default::default() };
    let source = CopySource { condition: unchanged, ..source };
    let refused = other.copy(&source, changes).await;
    assert!(matches!(refused, Err(Error::PreconditionFailed(_))));
}

#[tokio::test]
async fn tags_change_and_nothing_else() {
    let fixture = Fixture::new().await;
    for (name, size, encrypt) in [
        ("small", 100, false),
        ("sealed", 100, true),
        ("large", 200_000, false),
        ("both", 200_000, true),
    ] {
        let data = Random(4).bytes(size);
        let put = Put { encrypt, ..put_of(name) };
        let stored = fixture.bucket.put(put, body(&data, 999)).await.unwrap();
        let tags = vec![("a".to_owned(), "b".to_owned()), ("c".to_owned(), String::new())];
        fixture.bucket.set_tags(&key(name), None, tags.clone(), None).await.unwrap();
        assert_eq!(fixture.bucket.tags(&key(name), None).await.unwrap(), (VersionId::Null, tags));
        assert!(read(&fixture.bucket, name).await.unwrap() == data, "{name}");
        let head = fixture.bucket.head(get_of(name, None, Portion::Whole)).await.unwrap().info;
        assert_eq!((head.modified, head.etag), (stored.modified, stored.etag));
        fixture.bucket.set_tags(&key(name), None, Vec::new(), None).await.unwrap();
        assert!(fixture.bucket.tags(&key(name), None).await.unwrap().1.is_empty());
    }
    let refused = fixture.bucket.set_tags(&key("none"), None, Vec::new(), None).await;
    assert!(matches!(refused, Err(Error::NoSuchKey { marker: None })));
}

#[tokio::test]
async fn versions_markers_and_null() {
    let fixture = Fixture::new().await;
    let bucket = &fixture.bucket;
    let write = async |versioning, data: &'static [u8]| {
        let put = Put { versioning, ..put_of("key") };
        bucket.put(put, body(data, 9)).await.unwrap().version
    };
    assert_eq!(write(Versioning::Off, b"0").await, VersionId::Null);
    let one = write(Versioning::Enabled, b"1").await;
    assert_ne!(one, VersionId::Null);
    let marker = delete(bucket, "key", Versioning::Enabled).await;
    assert!(marker.delete_marker);
    let refused = read(bucket, "key").await;
    assert!(matches!(refused, Err(Error::NoSuchKey { marker: it }) if it == marker.version));
    let refused = bucket.get(get_of("key", marker.version, Portion::Whole)).await;
    assert!(matches!(refused, Err(Error::IsDeleteMarker { .. })));
    assert!(keys(bucket).is_empty());
    let of = async |version| {
        collect(bucket.get(get_of("key", Some(version), Portion::Whole)).await.unwrap())
            .await
            .unwrap()
    };
    assert_eq!((of(VersionId::Null).await, of(one).await), (b"0".to_vec(), b"1".to_vec()));
    // Suspended: the null version is replaced, by an object and by a marker.
    assert_eq!(write(Versioning::Suspended, b"2").await, VersionId::Null);
    assert_eq!((of(VersionId::Null).await, of(one).await), (b"2".to_vec(), b"1".to_vec()));
    let null = delete(bucket, "key", Versioning::Suspended).await;
    assert_eq!(null, Deleted { version: Some(VersionId::Null), delete_marker: true });
    let all =
        bucket.list_versions(&ListVersions { limit: 9, ..Default::default() }).unwrap().versions;
    let order: Vec<_> = all.iter().map(|it| (it.version, it.is_latest)).collect();
    assert_eq!(order, [(VersionId::Null, true), (marker.version.unwrap(), false), (one, false)]);
    // Taking the markers away brings the version back.
    for version in [VersionId::Null, marker.version.unwrap()] {
        let delete = Delete {
            key: key("key"),
            version: Some(version),
            versioning: Versioning::Enabled,
            if_match: None,
        };
        let deleted = bucket.delete(delete.clone()).await.unwrap();
        assert_eq!(deleted, Deleted { version: Some(version), delete_marker: true });
        let again = bucket.delete(delete).await.unwrap();
        assert_eq!(again, Deleted { version: Some(version), delete_marker: false });
    }
    assert_eq!(read(bucket, "key").await.unwrap(), b"1");
    let refused = bucket.get(get_of("key", Some(VersionId::Null), Portion::Whole)).await;
    assert!(matches!(refused, Err(Error::NoSuchVersion)));
}

#[tokio::test]
async fn deletes_under_a_condition() {
    let fixture = Fixture::new().await;
    let stored = put(&fixture.bucket, "key", b"abc").await;
    let delete = |if_match: &str| Delete {
        key: key("key"),
        version: None,
        versioning: Versioning::Off,
        if_match: Some(Tags::parse(if_match)),
    };
    let refused = fixture.bucket.delete(delete("\"0\"")).await;
    assert!(matches!(refused, Err(Error::PreconditionFailed("If-Match"))));
    fixture.bucket.delete(delete(&stored.etag.to_string())).await.unwrap();
    let refused = fixture.bucket.delete(delete("*")).await;
    assert!(matches!(refused, Err(Error::PreconditionFailed("If-Match"))));
}

#[tokio::test]
async fn conditional_reads_answer_from_the_record() {
    let fixture = Fixture::new().await;
    let stored = put(&fixture.bucket, "key", b"abc").await;
    let condition = ReadCondition {
        if_none_match: Some(Tags::These(vec![stored.etag])),
        if_modified_since: Some(Timestamp::from_seconds(0)),
        ..ReadCondition::default()
    };
    let get = Get { condition, ..get_of("key", None, Portion::Whole) };
    let Err(Error::NotModified { etag, modified, .. }) = fixture.bucket.get(get).await else {
        panic!("modified")
    };
    assert_eq!((etag, modified), (stored.etag, stored.modified));
}

#[tokio::test]
async fn buckets_come_and_go() {
    let fixture = Fixture::new().await;
    let name = bucket_name();
    // Once more is fine while it is empty.
    fixture.objects.create_bucket(&name).await.unwrap();
    put(&fixture.bucket, "key", b"abc").await;
    assert!(matches!(fixture.objects.create_bucket(&name).await, Err(Error::BucketExists)));
    assert!(matches!(fixture.objects.remove_bucket(&name).await, Err(Error::BucketNotEmpty)));
    delete(&fixture.bucket, "key", Versioning::Enabled).await;
    assert!(matches!(fixture.objects.remove_bucket(&name).await, Err(Error::BucketNotEmpty)));
    for version in fixture
        .bucket
        .list_versions(&ListVersions { limit: 9, ..Default::default() })
        .unwrap()
        .versions
    {
        let (key, version) = (version.key, Some(version.version));
        let delete = Delete { key, version, versioning: Versioning::Off, if_match: None };
        fixture.bucket.delete(delete).await.unwrap();
    }
    let upload = NewUpload {
        key: key("key"),
        initiator: String::new(),
        attributes: Attributes::default(),
        algorithm: None,
        kind: None,
        encrypt: false,
    };
    let upload = fixture.bucket.create_upload(upload).await.unwrap();
    assert!(matches!(fixture.objects.remove_bucket(&name).await, Err(Error::BucketNotEmpty)));
    fixture.bucket.abort_upload(&key("key"), upload.id).await.unwrap();
    fixture.objects.remove_bucket(&name).await.unwrap();
    // Whoever still holds it writes into nothing, also when it is there again.
    fixture.objects.create_bucket(&name).await.unwrap();
    let refused = fixture.bucket.put(put_of("key"), body(b"abc", 9)).await;
    assert!(matches!(refused, Err(WriteError::Store(Error::NoSuchBucket))));
    assert!(keys(&fixture.objects.bucket(&name).unwrap()).is_empty());
    assert_eq!(fixture.objects.names(), [name]);
    let second = Objects::open(&fixture.root(), tools());
    assert!(matches!(second, Err(OpenError::Locked(_))));
}
