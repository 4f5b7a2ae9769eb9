//! Many at once: one writer wins whole, readers see whole objects, a slow client holds nobody.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use iamd_objects::*;

use crate::fixture::*;
use crate::uploads::{complete_of, named, part, upload_of};

/// An object of one repeated byte.
fn uniform(value: u8) -> Vec<u8> {
    vec![value; 100_000 + usize::from(value)]
}

fn is_uniform(data: &[u8]) -> bool {
    data.first().is_some_and(|value| *data == uniform(*value))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn readers_see_whole_objects() {
    let fixture = Fixture::new().await;
    put(&fixture.bucket, "key", &uniform(0)).await;
    let done = Arc::new(AtomicBool::new(false));
    let mut readers = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let (bucket, done) = (Arc::clone(&fixture.bucket), Arc::clone(&done));
        readers.spawn(async move {
            let mut count = 0;
            while !done.load(Ordering::Relaxed) {
                let object = bucket.get(get_of("key", None, Portion::Whole)).await.unwrap();
                let etag = object.info.etag;
                let data = collect(object).await.unwrap();
                assert!(is_uniform(&data), "mixed");
                let head = bucket.head(get_of("key", None, Portion::Whole)).await.unwrap();
                assert!(head.info.etag != etag || head.length == data.len() as u64);
                count += 1;
            }
            count
        });
    }
    let mut writers = tokio::task::JoinSet::new();
    for writer in 0..4u8 {
        let bucket = Arc::clone(&fixture.bucket);
        writers.spawn(async move {
            for number in 0..30 {
                let put = Put { encrypt: number % 2 == 0, ..put_of("key") };
                bucket.put(put, body(&uniform(writer * 30 + number), 5_000)).await.unwrap();
                let tags = vec![("n".to_owned(), number.to_string())];
                bucket.set_tags(&key("key"), None, tags, None).await.unwrap();
            }
        });
    }
    writers.join_all().await;
    done.store(true, Ordering::Relaxed);
    println!("reads: {:?}", readers.join_all().await);
    let fixture = fixture.reopen();
    assert!(is_uniform(&read(&fixture.bucket, "key").await.unwrap()));
    assert_eq!(fixture.files().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_of_many_creators_wins() {
    let fixture = Fixture::new().await;
    let mut creators = tokio::task::JoinSet::new();
    for value in 0..16 {
        let bucket = Arc::clone(&fixture.bucket);
        creators.spawn(async move {
            let condition = WriteCondition { if_none_match: Some(Tags::Any), if_match: None };
            let put = Put { condition, ..put_of("key") };
            let created = bucket.put(put, body(&uniform(value), 5_000)).await;
            created.is_ok().then_some(value)
        });
    }
    let winners: Vec<_> = creators.join_all().await.into_iter().flatten().collect();
    assert_eq!(winners.len(), 1);
    assert_eq!(read(&fixture.bucket, "key").await.unwrap(), uniform(winners[0]));
    assert_eq!(fixture.files().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_being_read_stays_until_it_was_read() {
    let fixture = Fixture::new().await;
    let bucket = &fixture.bucket;
    let data = Random(2).bytes(2 * MIN_PART as usize);
    let upload = bucket.create_upload(upload_of("parts")).await.unwrap();
    let first = part(bucket, &upload, 1, &data[..MIN_PART as usize]).await;
    let second = part(bucket, &upload, 2, &data[MIN_PART as usize..]).await;
    let parts = vec![named(1, &first), named(2, &second)];
    bucket.complete_upload(complete_of(&upload, parts)).await.unwrap();
    put(bucket, "single", &data).await;
    let mut reading = Vec::new();
    for name in ["parts", "single"] {
        reading.push(bucket.get(get_of(name, None, Portion::Whole)).await.unwrap());
        delete(bucket, name, Versioning::Off).await;
    }
    for object in reading {
        assert!(collect(object).await.unwrap() == data);
    }
    let fixture = fixture.reopen();
    assert!(fixture.files().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_clients_hold_nobody() {
    let fixture = Fixture::new().await;
    let data = Random(3).bytes(400_000);
    put(&fixture.bucket, "key", &data).await;
    // More than the runtime has blocking threads, all in the middle of a body.
    let mut stuck = Vec::new();
    for number in 0..600 {
        let bucket = Arc::clone(&fixture.bucket);
        let begun = stream::once(async { Ok::<_, ()>(Bytes::from(vec![0; 200_000])) });
        let endless = begun.chain(stream::pending());
        let name = format!("slow {number}");
        stuck.push(tokio::spawn(async move { bucket.put(put_of(&name), endless).await }));
    }
    let mut readers = Vec::new();
    for _ in 0..600 {
        let mut object = fixture.bucket.get(get_of("key", None, Portion::Whole)).await.unwrap();
        object.body.next().await.unwrap().unwrap();
        readers.push(object);
    }
    assert!(read(&fixture.bucket, "key").await.unwrap() == data);
    put(&fixture.bucket, "other", b"quick").await;
    for task in stuck {
        task.abort();
        assert!(task.await.unwrap_err().is_cancelled());
    }
    drop(readers);
    assert_eq!(keys(&fixture.bucket), ["key", "other"]);
    let fixture = fixture.reopen();
    assert_eq!(fixture.files().len(), 3);
}
