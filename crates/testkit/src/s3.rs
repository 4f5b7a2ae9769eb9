//! S3 for tests: buckets and objects in a directory that goes with the server, and requests signed as S3
//! wants them.

use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use iamd_credentials::Keyring;
use iamd_objects::{Algorithm, Hasher, Objects, Tools};
use iamd_s3::{AnswerBody, LocalBackend};
use iamd_service::{Arriving, Request, S3, Tls};
use iamd_sigv4::{
    ChunkedBody, Payload, RequestParts, Settings, SigningKey, Streaming, presign, sign,
    sign_chunked,
};
use iamd_types::{Clock, Code, Entropy, Error};
use iamd_wire::rest_xml;

use crate::looks::Watched;
use crate::{Credentials, Looks, TestServer};

/// The host that requests go to; buckets are hosts under it.
pub const S3_HOST: &str = "s3.example.com";

/// An answer of S3.
#[derive(Debug, Clone)]
pub struct S3Answer {
    /// The HTTP status.
    pub status: u16,
    /// The headers in their order.
    pub headers: Vec<(String, String)>,
    /// The body, or why it broke off.
    pub body: Result<Vec<u8>, String>,
}

impl S3Answer {
    /// The value of a header; empty when it is not there.
    pub fn header(&self, name: &str) -> &str {
        let found = self.headers.iter().find(|(sent, _)| sent == name);
        found.map_or("", |(_, value)| value)
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8(self.body.clone().unwrap()).unwrap()
    }

    /// The text of the first element of this name; empty when there is none.
    pub fn element(&self, name: &str) -> String {
        let text = self.text();
        let (start, end) = (format!("<{name}>"), format!("</{name}>"));
        let rest = text.split_once(&start).map_or("", |(_, rest)| rest);
        rest.split_once(&end).map_or("", |(inner, _)| inner).to_owned()
    }

    /// The error's code; empty when the request succeeded.
    pub fn code(&self) -> String {
        if self.text().contains("<Error>") { self.element("Code") } else { String::new() }
    }

    /// The answer, which must be a success.
    #[track_caller]
    pub fn ok(self) -> Self {
        assert!((200..300).contains(&self.status), "{}: {}", self.status, self.text());
        self
    }

    /// Checks that the request was refused with this code, and the code's status.
    #[track_caller]
    pub fn refused(self, code: &str) -> Self {
        assert_eq!(self.code(), code, "{}", self.text());
        let known = Code::ALL.iter().find(|known| rest_xml::error_type(**known).0 == code);
        assert_eq!(known.map(|known| rest_xml::error_type(*known).1), Some(self.status));
        self
    }
}

/// A request for S3, put together piece by piece.
#[derive(Debug, Clone)]
pub struct S3Request {
    /// The method.
    pub method: String,
    /// Path and query.
    pub target: String,
    /// The headers; `host` first.
    pub headers: Vec<(String, String)>,
    /// The body as on the wire.
    pub body: Vec<u8>,
}

impl S3Request {
    /// A request without headers but `host`, which nobody signed. `line`: `GET /bucket/key?query`
    pub fn new(line: &str) -> Self {
        let (method, target) = line.split_once(' ').unwrap();
        Self {
            method: method.to_owned(),
            target: target.to_owned(),
            headers: vec![("host".to_owned(), S3_HOST.to_owned())],
            body: Vec::new(),
        }
    }

    /// With a header.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// With this body, and its `Content-Length`.
    #[must_use]
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        let length = self.body.len().to_string();
        self.with("content-length", &length)
    }

    /// With the digest of the body that some requests must have; nothing for an empty one.
    #[must_use]
    pub fn digest(self) -> Self {
        if self.body.is_empty() {
            return self;
        }
        let mut hasher = Hasher::new(Algorithm::Md5);
        hasher.update(&self.body);
        let digest = hasher.finish().value;
        self.with("content-md5", &digest)
    }

    /// Signed in a header, the body's hash with it.
    #[must_use]
    pub fn signed(mut self, server: &TestServer, credentials: &Credentials) -> Self {
        let headers = self.borrowed();
        let parts = RequestParts { method: &self.method, target: &self.target, headers: &headers };
        let (now, settings) = (server.clock.now().seconds(), Settings::s3(Some("us-east-1")));
        let signer = signer(credentials);
        let added = sign(&parts, Payload::Bytes(&self.body), &signer, now, &settings).unwrap();
        let added = added.into_iter().map(|(name, value)| (name.to_owned(), value));
        self.headers.extend(added.collect::<Vec<_>>());
        self
    }

    /// Signed in a header, with this body in signed chunks of so many bytes.
    #[must_use]
    pub fn chunked(
        mut self,
        server: &TestServer,
        credentials: &Credentials,
        data: &[u8],
        chunk_size: u32,
    ) -> Self {
        let body = ChunkedBody {
            streaming: Streaming::Signed,
            length: data.len() as u64,
            chunk_size,
            trailer: None,
        };
        self = self.with("content-encoding", "aws-chunked");
        let headers = self.borrowed();
        let parts = RequestParts { method: &self.method, target: &self.target, headers: &headers };
        let (now, settings) = (server.clock.now().seconds(), Settings::s3(Some("us-east-1")));
        let signer = signer(credentials);
        let (added, mut writer) = sign_chunked(&parts, &body, &signer, now, &settings).unwrap();
        let mut written = Vec::new();
        writer.push(Bytes::copy_from_slice(data), &mut written).unwrap();
        writer.finish(None, &mut written).unwrap();
        let added = added.into_iter().map(|(name, value)| (name.to_owned(), value));
        self.headers.extend(added.collect::<Vec<_>>());
        self.body(written.concat())
    }

    /// Signed in the query, for so many seconds. The body is not signed.
    #[must_use]
    pub fn presigned(
        mut self,
        server: &TestServer,
        credentials: &Credentials,
        seconds: u32,
    ) -> Self {
        let only_host: Vec<(&str, &[u8])> =
            self.borrowed().into_iter().filter(|(name, _)| *name != "content-length").collect();
        let parts =
            RequestParts { method: &self.method, target: &self.target, headers: &only_host };
        let (now, settings) = (server.clock.now().seconds(), Settings::s3(Some("us-east-1")));
        let signer = signer(credentials);
        self.target = presign(&parts, Payload::Unsigned, &signer, now, seconds, &settings).unwrap();
        self
    }

    fn borrowed(&self) -> Vec<(&str, &[u8])> {
        self.headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect()
    }
}

fn signer(credentials: &Credentials) -> iamd_sigv4::Credentials<'_> {
    iamd_sigv4::Credentials {
        access_key_id: &credentials.access_key_id,
        secret_access_key: &credentials.secret_access_key,
        session_token: credentials.session_token.as_deref(),
    }
}

impl TestServer {
    /// The fields of a form under a policy with these conditions, good for an hour.
    pub fn post_policy(
        &self,
        credentials: &Credentials,
        conditions: &str,
    ) -> Vec<(String, String)> {
        let now = self.clock.now();
        let stamp: String =
            now.to_string().chars().filter(|char| !matches!(char, '-' | ':')).collect();
        let day = stamp.get(..8).unwrap();
        let credential = format!("{}/{day}/us-east-1/s3/aws4_request", credentials.access_key_id);
        let mut fields = vec![
            ("x-amz-algorithm".to_owned(), "AWS4-HMAC-SHA256".to_owned()),
            ("x-amz-credential".to_owned(), credential),
            ("x-amz-date".to_owned(), stamp.clone()),
        ];
        let named = fields.iter().map(|(name, value)| format!(r#"{{"{name}":"{value}"}}"#));
        let named: Vec<String> = named.collect();
        let policy = format!(
            r#"{{"expiration":"{}","conditions":[{conditions},{}]}}"#,
            now.plus_seconds(3600),
            named.join(",")
        );
        let policy = STANDARD.encode(policy);
        let key = SigningKey::derive(&credentials.secret_access_key, day, "us-east-1", "s3");
        fields.push(("x-amz-signature".to_owned(), key.sign_policy(&policy)));
        fields.push(("policy".to_owned(), policy));
        fields
    }

    /// Sends a request to S3. The body arrives in pieces of 1,000 bytes.
    pub async fn s3(&self, request: &S3Request) -> S3Answer {
        let headers = request.borrowed();
        let head = Request {
            method: &request.method,
            target: &request.target,
            headers: &headers,
            body: &[],
            source_ip: Some(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 7))),
            secure: true,
            tls: Some(Tls { version: "TLSv1.3", cipher_suite: "TLS_AES_128_GCM_SHA256" }),
        };
        let pieces: Vec<Result<Bytes, Error>> =
            request.body.chunks(1000).map(|piece| Ok(Bytes::copy_from_slice(piece))).collect();
        let length = Some(request.body.len() as u64);
        let arriving = Arriving { bytes: Box::pin(stream::iter(pieces)), length };
        let reply = self.service.handle_s3(&head, arriving).await;
        let body = match reply.body {
            AnswerBody::Whole(body) => Ok(body.to_vec()),
            AnswerBody::Head(_) => Ok(Vec::new()),
            AnswerBody::Stream(length, mut pieces) => {
                let mut whole = Ok(Vec::new());
                while let Some(piece) = pieces.next().await {
                    match (piece, &mut whole) {
                        (Ok(piece), Ok(whole)) => whole.extend_from_slice(&piece),
                        (Err(error), _) => whole = Err(error.to_string()),
                        (Ok(_), Err(_)) => {}
                    }
                }
                if let Ok(whole) = &whole {
                    assert_eq!(whole.len() as u64, length);
                }
                whole
            }
        };
        let headers = reply.headers.into_iter().map(|(name, value)| (name.into_owned(), value));
        S3Answer { status: reply.status, headers: headers.collect(), body }
    }

    /// Sends what a line says, signed by somebody.
    pub async fn s3_as(&self, credentials: &Credentials, line: &str, body: &str) -> S3Answer {
        self.s3(&S3Request::new(line).body(body).digest().signed(self, credentials)).await
    }
}

/// S3 over files in this directory.
pub(crate) fn s3(
    directory: &Path,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    keyring: Arc<Keyring>,
    looks: Arc<Looks>,
) -> S3 {
    let objects = Objects::open(directory, Tools { clock, entropy, keyring }).unwrap();
    S3 {
        domains: vec![S3_HOST.to_owned()],
        local: Arc::new(Watched { backend: LocalBackend::new(Arc::new(objects)), looks }),
        upstreams: Vec::new(),
    }
}
