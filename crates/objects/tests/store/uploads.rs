//! Multipart uploads.

use std::sync::Arc;

use iamd_objects::*;

use crate::fixture::*;

const FIVE_MIB: usize = 5 * 1024 * 1024;

pub(crate) fn upload_of(name: &str) -> NewUpload {
    NewUpload {
        key: key(name),
        initiator: String::new(),
        attributes: Attributes::default(),
        algorithm: None,
        kind: None,
        encrypt: false,
    }
}

pub(crate) async fn part(
    bucket: &Arc<Bucket>,
    upload: &Upload,
    number: u16,
    data: &[u8],
) -> StoredPart {
    let (key, upload) = (upload.key.clone(), upload.id);
    let put = PutPart { key, upload, number, declared: Declared::default() };
    bucket.put_part(put, body(data, 100_000)).await.unwrap()
}

pub(crate) fn named(number: u16, part: &StoredPart) -> CompletedPart {
    CompletedPart {
        number,
        etag: Some(part.etag),
        checksums: part.checksum.clone().into_iter().collect(),
    }
}

pub(crate) fn complete_of(upload: &Upload, parts: Vec<CompletedPart>) -> Complete {
    Complete {
        key: upload.key.clone(),
        upload: upload.id,
        parts,
        checksum: None,
        kind: None,
        size: None,
        condition: WriteCondition::default(),
        versioning: Versioning::Off,
    }
}

#[tokio::test]
async fn parts_become_an_object() {
    let fixture = Fixture::new().await;
    let bucket = &fixture.bucket;
    let data = Random(1).bytes(2 * FIVE_MIB + 1000);
    for encrypt in [false, true] {
        let upload = bucket.create_upload(NewUpload { encrypt, ..upload_of("key") }).await.unwrap();
        let third = part(bucket, &upload, 9, &data[2 * FIVE_MIB..]).await;
        part(bucket, &upload, 1, b"replaced").await;
        let first = part(bucket, &upload, 1, &data[..FIVE_MIB]).await;
        let second = part(bucket, &upload, 2, &data[FIVE_MIB..2 * FIVE_MIB]).await;
        part(bucket, &upload, 3, b"left out").await;
        let parts = vec![named(1, &first), named(2, &second), named(9, &third)];
        let complete = Complete { size: Some(data.len() as u64), ..complete_of(&upload, parts) };
        let stored = bucket.complete_upload(complete.clone()).await.unwrap();
        assert!(stored.etag.to_string().ends_with("-3"));
        // The checksum of the whole is that of the same bytes written at once.
        let single = put(bucket, "single", &data).await;
        assert_eq!(stored.checksum, single.checksum);
        assert!(read(bucket, "key").await.unwrap() == data);
        // The answer got lost.
        assert_eq!(bucket.complete_upload(complete.clone()).await.unwrap(), stored);
        let other = Complete { parts: complete.parts[..2].to_vec(), ..complete };
        assert!(matches!(bucket.complete_upload(other).await, Err(Error::NoSuchUpload)));
        for (number, from, to) in
            [(1, 0, FIVE_MIB), (2, FIVE_MIB, 2 * FIVE_MIB), (9, 2 * FIVE_MIB, data.len())]
        {
            let object = bucket.get(get_of("key", None, Portion::Part(number))).await.unwrap();
            assert_eq!(object.range, Some((from as u64, to as u64 - 1)));
            assert_eq!(object.info.parts.len(), 3);
            assert!(collect(object).await.unwrap() == data[from..to]);
        }
        let across = Portion::Between(FIVE_MIB as u64 - 10, 2 * FIVE_MIB as u64 + 9);
        let object = bucket.get(get_of("key", None, across)).await.unwrap();
        assert!(collect(object).await.unwrap() == data[FIVE_MIB - 10..2 * FIVE_MIB + 10]);
        let missing = bucket.get(get_of("key", None, Portion::Part(3))).await;
        assert!(matches!(missing, Err(Error::InvalidPartNumber)));
        assert!(
            bucket
                .list_uploads(&ListUploads { limit: 9, ..Default::default() })
                .await
                .unwrap()
                .uploads
                .is_empty()
        );
    }
    let fixture = fixture.reopen();
    assert!(read(&fixture.bucket, "key").await.unwrap() == data);
    // A record and three parts; a record and its data.
    assert_eq!(fixture.files().len(), 6, "{:?}", fixture.files());
}

#[tokio::test]
async fn completion_is_checked() {
    let fixture = Fixture::new().await;
    let bucket = &fixture.bucket;
    let upload = bucket.create_upload(upload_of("key")).await.unwrap();
    let small = part(bucket, &upload, 1, b"small").await;
    let last = part(bucket, &upload, 2, b"last").await;
    let (small, last) = (named(1, &small), named(2, &last));
    let try_with = async |complete: Complete| bucket.complete_upload(complete).await.unwrap_err();
    let with = |parts: &[&CompletedPart]| {
        complete_of(&upload, parts.iter().map(|it| (*it).clone()).collect())
    };
    assert!(matches!(try_with(with(&[])).await, Error::NoParts));
    let error = try_with(with(&[&small, &last])).await;
    assert!(matches!(error, Error::PartTooSmall { number: 1, size: 5, .. }), "{error}");
    assert!(matches!(try_with(with(&[&last, &small])).await, Error::InvalidPartOrder));
    assert!(matches!(try_with(with(&[&last, &last])).await, Error::InvalidPartOrder));
    let missing = CompletedPart { number: 7, ..last.clone() };
    assert!(matches!(try_with(with(&[&missing])).await, Error::InvalidPart(7)));
    let other = CompletedPart { etag: small.etag, ..last.clone() };
    assert!(matches!(try_with(with(&[&other])).await, Error::InvalidPart(2)));
    let none = CompletedPart { etag: None, ..last.clone() };
    assert!(matches!(try_with(with(&[&none])).await, Error::InvalidPart(2)));
    let sums = CompletedPart { checksums: small.checksums.clone(), ..last.clone() };
    assert!(matches!(try_with(with(&[&sums])).await, Error::InvalidPart(2)));
    let size = Complete { size: Some(5), ..with(&[&last]) };
    assert!(matches!(try_with(size).await, Error::WrongObjectSize { declared: 5, actual: 4 }));
    let sum = Complete { checksum: small.checksums.first().cloned(), ..with(&[&last]) };
    assert!(matches!(try_with(sum).await, Error::ChecksumMismatch(Algorithm::Crc64Nvme)));
    let elsewhere = Complete { key: key("other"), ..with(&[&last]) };
    assert!(matches!(try_with(elsewhere).await, Error::NoSuchUpload));
    put(bucket, "key", b"there").await;
    let condition = WriteCondition { if_none_match: Some(Tags::Any), if_match: None };
    let create = Complete { condition, ..with(&[&last]) };
    assert!(matches!(try_with(create).await, Error::PreconditionFailed(_)));
    assert_eq!(read(bucket, "key").await.unwrap(), b"there");
    bucket.complete_upload(with(&[&last])).await.unwrap();
    assert_eq!(read(bucket, "key").await.unwrap(), b"last");
}

#[tokio::test]
async fn checksums_of_parts() {
    let fixture = Fixture::new().await;
    let bucket = &fixture.bucket;
    for (algorithm, kind, good) in [
        (Algorithm::Crc32, None, true),
        (Algorithm::Crc32, Some(ChecksumType::FullObject), true),
        (Algorithm::Sha256, None, true),
        (Algorithm::Sha256, Some(ChecksumType::FullObject), false),
        (Algorithm::Crc64Nvme, Some(ChecksumType::Composite), false),
    ] {
        let new = NewUpload { algorithm: Some(algorithm), kind, ..upload_of("key") };
        let upload = match bucket.create_upload(new).await {
            Ok(upload) => upload,
            Err(error) => {
                assert!(matches!(error, Error::ChecksumType(_)) && !good, "{algorithm:?} {error}");
                continue;
            }
        };
        assert!(good);
        let stored = part(bucket, &upload, 1, b"data").await;
        let declared = Declared { algorithm: Some(Algorithm::Sha1), ..Declared::default() };
        let other = PutPart { key: key("key"), upload: upload.id, number: 2, declared };
        let refused = bucket.put_part(other, body(b"x", 1)).await;
        assert!(matches!(refused, Err(WriteError::Store(Error::OtherChecksum { .. }))));
        let bare = CompletedPart { checksums: Vec::new(), ..named(1, &stored) };
        let done = bucket.complete_upload(complete_of(&upload, vec![bare])).await;
        if upload.checksum.1 == ChecksumType::Composite {
            assert!(matches!(done, Err(Error::PartChecksumMissing { number: 1, .. })));
            let complete = complete_of(&upload, vec![named(1, &stored)]);
            let checksum = bucket.complete_upload(complete).await.unwrap().checksum.unwrap();
            assert!(checksum.value.ends_with("-1"));
        } else {
            assert_eq!(done.unwrap().checksum, stored.checksum);
        }
    }
    // When nothing was chosen, parts may bring what they like.
    let upload = bucket.create_upload(upload_of("key")).await.unwrap();
    let declared = Declared { algorithm: Some(Algorithm::Sha1), ..Declared::default() };
    let free = PutPart { key: key("key"), upload: upload.id, number: 1, declared };
    let stored = bucket.put_part(free, body(b"data", 1)).await.unwrap();
    assert_eq!(stored.checksum.as_ref().unwrap().algorithm, Algorithm::Sha1);
    let done = bucket.complete_upload(complete_of(&upload, vec![named(1, &stored)])).await.unwrap();
    assert_eq!(done.checksum, put(bucket, "single", b"data").await.checksum);
}

#[tokio::test]
async fn uploads_survive_and_are_given_up() {
    let fixture = Fixture::new().await;
    let first = fixture
        .bucket
        .create_upload(NewUpload { encrypt: true, ..upload_of("a/1") })
        .await
        .unwrap();
    let second = fixture.bucket.create_upload(upload_of("a/1")).await.unwrap();
    let third = fixture.bucket.create_upload(upload_of("b")).await.unwrap();
    for number in [1, 2, 4] {
        part(&fixture.bucket, &first, number, b"data").await;
    }
    let stored = part(&fixture.bucket, &first, 2, b"newer").await;
    let fixture = fixture.reopen();
    let bucket = &fixture.bucket;
    let list = ListUploads { limit: 9, ..Default::default() };
    let ids = |list: &ListUploads| {
        let page = at_once(bucket.list_uploads(list)).unwrap();
        (page.uploads.iter().map(|it| it.upload).collect::<Vec<_>>(), page.prefixes, page.next)
    };
    assert_eq!(ids(&list).0, [first.id, second.id, third.id]);
    let (page, _, next) = ids(&ListUploads { limit: 1, ..list.clone() });
    assert_eq!(page, [first.id]);
    let (after, after_upload) = next.unwrap();
    let behind = ListUploads { after: Some(after.clone()), after_upload, ..list.clone() };
    assert_eq!(ids(&behind).0, [second.id, third.id]);
    let behind = ListUploads { after: Some(after), after_upload: None, ..list.clone() };
    assert_eq!(ids(&behind).0, [third.id]);
    let rolled = ListUploads { delimiter: Some("/".to_owned()), limit: 1, ..list.clone() };
    let (page, prefixes, next) = ids(&rolled);
    assert_eq!((page, prefixes), (vec![], vec!["a/".to_owned()]));
    let behind = ListUploads { after: next.map(|it| it.0), ..rolled };
    assert_eq!(ids(&behind).0, [third.id]);

    let parts = bucket.parts(&first.key, first.id, 0, 2).unwrap();
    assert_eq!(parts.parts.iter().map(|it| it.number).collect::<Vec<_>>(), [1, 2]);
    assert!(parts.truncated);
    assert_eq!(parts.parts[1].etag, stored.etag);
    let parts = bucket.parts(&first.key, first.id, 2, 2).unwrap();
    assert!(!parts.truncated && parts.parts.len() == 1 && parts.parts[0].number == 4);
    let done = complete_of(&first, vec![named(2, &stored)]);
    bucket.complete_upload(done).await.unwrap();
    assert_eq!(read(bucket, "a/1").await.unwrap(), b"newer");
    bucket.abort_upload(&second.key, second.id).await.unwrap();
    assert!(matches!(bucket.abort_upload(&second.key, second.id).await, Err(Error::NoSuchUpload)));
    let wrong_key = bucket.abort_upload(&key("x"), third.id).await;
    assert!(matches!(wrong_key, Err(Error::NoSuchUpload)));
    bucket.abort_upload(&third.key, third.id).await.unwrap();
    delete(bucket, "a/1", Versioning::Off).await;
    assert!(fixture.files().is_empty(), "{:?}", fixture.files());
}

#[tokio::test]
async fn parts_that_come_too_late_come_to_nothing() {
    let fixture = Fixture::new().await;
    let bucket = Arc::clone(&fixture.bucket);
    let upload = bucket.create_upload(upload_of("key")).await.unwrap();
    let put =
        PutPart { key: key("key"), upload: upload.id, number: 1, declared: Declared::default() };
    let late = futures_util::stream::once(async move {
        bucket.abort_upload(&key("key"), upload.id).await.unwrap();
        Ok::<_, ()>(bytes::Bytes::from(vec![0; 300_000]))
    });
    let refused = fixture.bucket.put_part(put.clone(), late).await;
    assert!(matches!(refused, Err(WriteError::Store(Error::NoSuchUpload))));
    assert!(fixture.files().is_empty());
    for number in [0, 10_001] {
        let refused =
            fixture.bucket.put_part(PutPart { number, ..put.clone() }, body(b"", 1)).await;
        assert!(matches!(refused, Err(WriteError::Store(Error::PartNumberOutOfRange))));
    }
}

#[tokio::test]
async fn parts_are_copied_from_objects() {
    let fixture = Fixture::new().await;
    let data = Random(5).bytes(200_000);
    fixture.bucket.put(Put { encrypt: true, ..put_of("from") }, body(&data, 999)).await.unwrap();
    let upload = fixture.bucket.create_upload(upload_of("to")).await.unwrap();
    let source = CopySource {
        bucket: Arc::clone(&fixture.bucket),
        key: key("from"),
        version: None,
        condition: ReadCondition::default(),
        seen: None,
    };
    let copy = |range| CopyPart { key: key("to"), upload: upload.id, number: 1, range };
    for range in [(0, 200_000), (200_000, 200_001)] {
        let refused = fixture.bucket.copy_part(&source, copy(Some(range))).await;
        assert!(matches!(refused, Err(Error::InvalidRange { size: 200_000 })), "{range:?}");
    }
    let (stored, _) = fixture.bucket.copy_part(&source, copy(Some((100, 70_000)))).await.unwrap();
    fixture.bucket.complete_upload(complete_of(&upload, vec![named(1, &stored)])).await.unwrap();
    assert!(read(&fixture.bucket, "to").await.unwrap() == data[100..=70_000]);
}
