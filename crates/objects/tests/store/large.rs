//! Long streams: what they hold in memory does not grow with them.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use iamd_objects::*;

use crate::fixture::*;

/// The bytes that are alive of a body: each chunk counts until it is dropped.
struct Chunk(Vec<u8>, Arc<AtomicUsize>);

impl AsRef<[u8]> for Chunk {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl Drop for Chunk {
    fn drop(&mut self) {
        self.1.fetch_sub(self.0.len(), Ordering::SeqCst);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn chunks_are_not_held() {
    let fixture = Fixture::new().await;
    let (alive, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    for chunk in [100, 64 * 1024, 300_000] {
        most.store(0, Ordering::SeqCst);
        let chunks = 20_000_000 / chunk.max(10_000);
        let body = stream::iter(0..chunks).map(|_| {
            let now = alive.fetch_add(chunk, Ordering::SeqCst) + chunk;
            most.fetch_max(now, Ordering::SeqCst);
            Ok::<_, ()>(Bytes::from_owner(Chunk(vec![1; chunk], Arc::clone(&alive))))
        });
        let stored = fixture.bucket.put(put_of("key"), body).await.unwrap();
        assert_eq!(stored.size, (chunks * chunk) as u64);
        assert_eq!(alive.load(Ordering::SeqCst), 0);
        let most = most.load(Ordering::SeqCst);
        assert!(most <= 2 * chunk, "{most} bytes of chunks of {chunk}");
    }
    // Reading gives small pieces.
    let mut body = fixture.bucket.get(get_of("key", None, Portion::Whole)).await.unwrap().body;
    while let Some(chunk) = body.next().await {
        assert!(chunk.unwrap().len() <= 64 * 1024);
    }
}
