//! A backend with one bucket, and requests to it that are allowed already.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt, stream};
use iamd_api::s3::SERVICE;
use iamd_credentials::Keyring;
use iamd_directory::{BucketFields, Versioning};
use iamd_objects::{Objects, Tools};
use iamd_s3::{
    Allowed, AnswerBody, Backend, Body, Call, LocalBackend, Seen, Trailer, create, place,
};
use iamd_types::{Clock, Entropy, Error, Timestamp};
use iamd_wire::rest_xml;
use tempfile::TempDir;

/// A second passes at each look.
struct Ticking(AtomicU64);

impl Clock for Ticking {
    fn now(&self) -> Timestamp {
        let seconds = self.0.fetch_add(1, Ordering::SeqCst);
        Timestamp::from_seconds(1_770_888_600 + i64::try_from(seconds).unwrap())
    }
}

/// Numbers that look random and repeat.
struct Counting(AtomicU64);

impl Entropy for Counting {
    fn fill(&self, buffer: &mut [u8]) {
        for byte in buffer {
            let number = self.0.fetch_add(1, Ordering::SeqCst);
            *byte = number.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes()[0];
        }
    }
}

pub(crate) struct S3 {
    backend: LocalBackend,
    pub(crate) bucket: BucketFields,
    pub(crate) signed: bool,
    pub(crate) trailer: Option<(&'static str, &'static str)>,
    pub(crate) denied: Vec<usize>,
    pub(crate) seen: Option<Seen>,
    pub(crate) seen_source: Option<Seen>,
    /// Makes bodies end with an error.
    pub(crate) breaks: bool,
    _dir: TempDir,
}

/// An answer, read to its end.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
    /// The length that HEAD tells.
    pub(crate) length: u64,
}

impl Reply {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(own, _)| own == name).map(|(_, value)| value.as_str())
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    /// The texts of all elements of this name.
    pub(crate) fn all(&self, element: &str) -> Vec<&str> {
        let (start, end) = (format!("<{element}>"), format!("</{element}>"));
        self.text().split(&start).skip(1).map(|rest| rest.split(&end).next().unwrap()).collect()
    }

    pub(crate) fn one(&self, element: &str) -> &str {
        let all = self.all(element);
        assert_eq!(all.len(), 1, "{element} in {}", self.text());
        all[0]
    }
}

impl S3 {
    pub(crate) async fn new() -> Self {
        let dir = tempfile::tempdir_in("/dev/shm").unwrap_or_else(|_| tempfile::tempdir().unwrap());
        let entropy = Arc::new(Counting(AtomicU64::new(1)));
        let keyring = Arc::new(Keyring::generate(&*entropy, Timestamp::from_seconds(0)));
        let tools = Tools { clock: Arc::new(Ticking(AtomicU64::new(0))), entropy, keyring };
        let objects = Objects::open(&dir.path().join("s3"), tools).unwrap();
        let backend = LocalBackend::new(Arc::new(objects));
        backend.create_bucket("photos").await.unwrap();
        let bucket = create::adopted("photos", "", Timestamp::from_seconds(0));
        Self {
            backend,
            bucket,
            signed: true,
            trailer: None,
            denied: Vec::new(),
            seen: None,
            seen_source: None,
            breaks: false,
            _dir: dir,
        }
    }

    pub(crate) async fn versioned() -> Self {
        let mut s3 = Self::new().await;
        s3.bucket.versioning = Versioning::Enabled;
        s3
    }

    pub(crate) fn backend(&self) -> &LocalBackend {
        &self.backend
    }

    /// Asks as `METHOD /bucket/key?query`.
    pub(crate) async fn ask(
        &self,
        line: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Result<Reply, Error> {
        let (method, target) = line.split_once(' ').unwrap();
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let located = place::locate("localhost", path, &[]).unwrap();
        let query = rest_xml::query(query).unwrap();
        let headers: Vec<_> =
            headers.iter().map(|(name, value)| (*name, value.as_bytes())).collect();
        let request = rest_xml::Request {
            method,
            bucket: located.bucket.as_deref(),
            key: located.key.as_deref(),
            query: &query,
            headers: &headers,
        };
        let rest_xml::Asked::Operation(operation) = rest_xml::identify(&SERVICE, &request)? else {
            panic!("{line}")
        };
        let streams = iamd_s3::streams(operation);
        let document = if streams { &[] } else { body };
        let parameters = rest_xml::read(&SERVICE, operation, &request, document)?;
        let call = Call::new(operation, located.bucket, located.key, parameters)?;
        let bucket = self.bucket.pack();
        let trailer = self.trailer.map(|(name, value)| Trailer {
            name: name.to_owned(),
            value: Arc::new(OnceLock::from(value.to_owned())),
        });
        let allowed = Allowed {
            call: &call,
            bucket: &bucket,
            owner: "123456789012".parse().unwrap(),
            source: call.source.as_ref().map(|source| (source, &bucket)),
            now: Timestamp::from_seconds(0),
            signed: self.signed,
            initiator: "AIDAEXAMPLE".to_owned(),
            length: Some(body.len() as u64),
            sha256: None,
            trailer,
            denied: self.denied.clone(),
            seen: self.seen.as_ref(),
            seen_source: self.seen_source.as_ref(),
        };
        let answer = self.backend.run(allowed, self.body(body)).await?;
        let (mut length, mut whole) = (0, Vec::new());
        match answer.body {
            AnswerBody::Whole(bytes) => whole.extend_from_slice(&bytes),
            AnswerBody::Head(of) => length = of,
            AnswerBody::Stream(of, pieces) => {
                length = of;
                pieces
                    .try_for_each(|piece| {
                        whole.extend_from_slice(&piece);
                        std::future::ready(Ok(()))
                    })
                    .await?;
                assert_eq!(whole.len() as u64, length);
            }
        }
        let headers = answer.headers.into_iter().map(|(name, value)| (name.into_owned(), value));
        Ok(Reply { status: answer.status, headers: headers.collect(), body: whole, length })
    }

    fn body(&self, bytes: &[u8]) -> Body {
        let pieces: Vec<_> = bytes.chunks(50_000).map(Bytes::copy_from_slice).map(Ok).collect();
        let end =
            self.breaks.then(|| Err(Error::invalid_request("the chunk's signature is wrong")));
        stream::iter(pieces.into_iter().chain(end)).boxed()
    }

    /// As [`Self::ask`], for what must succeed.
    pub(crate) async fn done(&self, line: &str, headers: &[(&str, &str)], body: &[u8]) -> Reply {
        self.ask(line, headers, body).await.unwrap_or_else(|error| panic!("{line}: {error:?}"))
    }

    /// As [`Self::ask`], for what must be refused; the code.
    pub(crate) async fn refused(
        &self,
        line: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> &'static str {
        match self.ask(line, headers, body).await {
            Ok(reply) => panic!("{line} {headers:?}: {} {}", reply.status, reply.text()),
            Err(error) => rest_xml::error_type(error.code()).0,
        }
    }

    pub(crate) async fn put(&self, key: &str, body: &[u8]) -> Reply {
        self.done(&format!("PUT /photos/{key}"), &[], body).await
    }
}
