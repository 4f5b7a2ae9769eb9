//! A store in a directory of its own, and short ways to ask it.

use std::path::Path;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use futures_util::{FutureExt, Stream, StreamExt, stream};
use iamd_credentials::Keyring;
use iamd_objects::*;
use iamd_types::{Clock, Entropy, Timestamp};
use tempfile::TempDir;

/// A clock that moves on by a second at each look.
pub(crate) struct Ticking(AtomicI64);

impl Clock for Ticking {
    fn now(&self) -> Timestamp {
        Timestamp::from_seconds(1_770_888_600 + self.0.fetch_add(1, Ordering::SeqCst))
    }
}

/// SplitMix64, so that a seed gives the same run everywhere.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ z >> 31
    }

    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound.max(1)
    }

    pub(crate) fn bytes(&mut self, count: usize) -> Vec<u8> {
        (0..count.div_ceil(8)).flat_map(|_| self.next().to_le_bytes()).take(count).collect()
    }
}

pub(crate) struct Seeded(Mutex<Random>);

impl Entropy for Seeded {
    fn fill(&self, buffer: &mut [u8]) {
        let bytes = self.0.lock().unwrap().bytes(buffer.len());
        buffer.copy_from_slice(&bytes);
    }
}

/// Each opening draws other ids, as a process does.
static OPENINGS: AtomicU64 = AtomicU64::new(1);

fn seeded(seed: u64) -> Seeded {
    Seeded(Mutex::new(Random(seed)))
}

/// One keyring for all tests.
pub(crate) fn keyring() -> Arc<Keyring> {
    Arc::new(Keyring::generate(&seeded(7), Timestamp::from_seconds(0)))
}

pub(crate) fn tools() -> Tools {
    let opening =
        OPENINGS.fetch_add(1, Ordering::SeqCst) + u64::from(std::process::id()) * 1_000_003;
    Tools {
        clock: Arc::new(Ticking(AtomicI64::new(0))),
        entropy: Arc::new(seeded(opening)),
        keyring: keyring(),
    }
}

pub(crate) fn open(path: &Path) -> Objects {
    Objects::open(path, tools()).unwrap()
}

/// A directory in memory where there is one: what is tested here does not depend on the disk.
pub(crate) fn scratch() -> TempDir {
    tempfile::tempdir_in("/dev/shm").unwrap_or_else(|_| tempfile::tempdir().unwrap())
}

/// How much more than usual is done.
pub(crate) fn rounds() -> usize {
    std::env::var("IAMD_OBJECTS_ROUNDS").map_or(1, |it| it.parse().unwrap())
}

/// A store with one bucket, `bucket`.
pub(crate) struct Fixture {
    pub(crate) dir: TempDir,
    pub(crate) objects: Objects,
    pub(crate) bucket: Arc<Bucket>,
}

pub(crate) fn bucket_name() -> BucketName {
    BucketName::new("bucket").unwrap()
}

impl Fixture {
    pub(crate) async fn new() -> Self {
        let dir = scratch();
        let objects = open(&dir.path().join("s3"));
        let bucket = objects.create_bucket(&bucket_name()).await.unwrap();
        Self { dir, objects, bucket }
    }

    pub(crate) fn root(&self) -> std::path::PathBuf {
        self.dir.path().join("s3")
    }

    /// The same directory, opened again.
    pub(crate) fn reopen(self) -> Self {
        let Self { dir, objects, bucket } = self;
        drop((objects, bucket));
        let objects = open(&dir.path().join("s3"));
        let bucket = objects.bucket(&bucket_name()).unwrap();
        Self { dir, objects, bucket }
    }

    /// All files of the store but its lock and format, relative to its directory.
    pub(crate) fn files(&self) -> Vec<std::path::PathBuf> {
        let mut found = Vec::new();
        walk(&self.root().join("buckets"), &mut found);
        found.sort();
        found
    }
}

fn walk(path: &Path, found: &mut Vec<std::path::PathBuf>) {
    for entry in std::fs::read_dir(path).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { walk(&path, found) } else { found.push(path) }
    }
}

pub(crate) fn key(text: &str) -> Key {
    Key::new(text).unwrap()
}

/// A body in chunks of some bytes.
pub(crate) fn body(
    data: &[u8],
    chunk: usize,
) -> impl Stream<Item = Result<Bytes, &'static str>> + use<> {
    let chunks: Vec<_> =
        data.chunks(chunk.max(1)).map(|it| Ok(Bytes::copy_from_slice(it))).collect();
    stream::iter(chunks)
}

/// A body that breaks off.
pub(crate) fn broken(data: &[u8]) -> impl Stream<Item = Result<Bytes, &'static str>> + use<> {
    body(data, 10_000).chain(stream::once(async { Err("the client is gone") }))
}

pub(crate) fn put_of(name: &str) -> Put {
    Put {
        key: key(name),
        attributes: Attributes::default(),
        declared: Declared::default(),
        condition: WriteCondition::default(),
        versioning: Versioning::Off,
        encrypt: false,
    }
}

pub(crate) async fn put(bucket: &Arc<Bucket>, name: &str, data: &[u8]) -> Stored {
    bucket.put(put_of(name), body(data, 10_000)).await.unwrap()
}

pub(crate) fn get_of(name: &str, version: Option<VersionId>, portion: Portion) -> Get {
    Get { key: key(name), version, condition: ReadCondition::default(), portion, seen: None }
}

pub(crate) async fn collect(object: Object) -> Result<Vec<u8>, Error> {
    let length = object.length;
    let mut all = Vec::new();
    let mut body = object.body;
    while let Some(chunk) = body.next().await {
        all.extend_from_slice(&chunk?);
    }
    assert_eq!(all.len() as u64, length);
    Ok(all)
}

pub(crate) async fn read(bucket: &Arc<Bucket>, name: &str) -> Result<Vec<u8>, Error> {
    collect(bucket.get(get_of(name, None, Portion::Whole)).await?).await
}

pub(crate) async fn delete(bucket: &Arc<Bucket>, name: &str, versioning: Versioning) -> Deleted {
    bucket
        .delete(Delete { key: key(name), version: None, versioning, if_match: None })
        .await
        .unwrap()
}

/// What a list comes to that takes a single step, as short ones do.
pub(crate) fn at_once<T>(list: impl Future<Output = T>) -> T {
    list.now_or_never().expect("one step")
}

pub(crate) fn keys(bucket: &Bucket) -> Vec<String> {
    let listing = at_once(bucket.list(&List { limit: 10_000, ..List::default() })).unwrap();
    listing.objects.iter().map(|it| it.key.as_str().to_owned()).collect()
}
