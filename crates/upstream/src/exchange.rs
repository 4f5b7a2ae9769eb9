//! One request to the store: signed, sent, watched, and tried again where that is safe.

use std::borrow::Cow;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::{Bytes, BytesMut};
use futures_util::{StreamExt, TryStreamExt};
use http::header::{CONTENT_LENGTH, HOST, HeaderMap, USER_AGENT};
use http::{HeaderValue, Method, Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use iamd_objects::{Algorithm, Hasher};
use iamd_s3::backend::Body;
use iamd_sigv4::{
    ChunkWriter, ChunkedBody, Credentials, Payload, RequestParts, Streaming, sign, sign_chunked,
};
use iamd_types::{Clock, Code, Error};
use rustls::RootCertStore;
use rustls::crypto::aws_lc_rs;
use std::time::Duration;

use crate::failure::Failure;
use crate::request::{Outgoing, not_implemented};
use crate::sending::{Progress, Sending, Slot, Source, Stream, ensure_checksum};
use crate::settings::{Settings, SettingsError};

/// The longest document in an answer.
const MAX_DOCUMENT: usize = 8 << 20;
/// The size of chunks to the store.
const CHUNK: u32 = 64 << 10;
/// Connections that are kept open without a request on them.
const IDLE_CONNECTIONS: usize = 64;
/// How long they are kept.
const IDLE_CONNECTION: Duration = Duration::from_secs(30);
/// Operations for which the store first does work that grows with the object's size.
const SLOW: [&str; 3] = ["CompleteMultipartUpload", "CopyObject", "UploadPartCopy"];
/// They may take so many times as long.
const SLOW_FACTOR: u32 = 10;

/// A client of one store.
pub(crate) struct Exchange {
    pub(crate) settings: Settings,
    /// For the log.
    pub(crate) url: String,
    clock: Arc<dyn Clock>,
    client: Client<HttpsConnector<HttpConnector>, Sending>,
}

/// The head of an answer, with its body still to come.
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    body: Incoming,
    idle: Duration,
    url: String,
}

impl Exchange {
    pub(crate) fn new(settings: Settings, clock: Arc<dyn Clock>) -> Result<Self, SettingsError> {
        let mut roots = RootCertStore::empty();
        if settings.system_authorities {
            // A system without any, or with some that cannot be read, is no reason not to start.
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        }
        for authority in &settings.authorities {
            roots.add(authority.clone())?;
        }
        let provider = Arc::new(aws_lc_rs::default_provider());
        let tls = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let mut http = HttpConnector::new();
        http.enforce_http(false);
        http.set_nodelay(true);
        http.set_connect_timeout(Some(settings.connect_timeout));
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(tls)
            .https_or_http()
            .enable_http1()
            .wrap_connector(http);
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE_CONNECTION)
            .pool_max_idle_per_host(IDLE_CONNECTIONS)
            .build(connector);
        let place = settings.endpoint.locate(false, "", None);
        let url = format!("{}://{}", settings.endpoint.scheme(), place.host);
        Ok(Self { settings, url, clock, client })
    }

    /// Asks the store. A body that is a stream goes with it; without one the request's document.
    ///
    /// # Errors
    /// What makes the body wrong; `ServiceUnavailable` when there is no answer.
    pub(crate) async fn ask(
        &self,
        operation: &str,
        outgoing: &Outgoing,
        source: Option<Source>,
    ) -> Result<Reply, Error> {
        let factor = if SLOW.contains(&operation) { SLOW_FACTOR } else { 1 };
        let idle = self.settings.idle_timeout * factor;
        let source = match source {
            // Nothing could be held back of it.
            Some(source) if source.length == 0 && !self.sends_trailer(&source) => {
                drain(source).await?;
                None
            }
            other => other,
        };
        let stream = source.as_ref().map(Shape::of).transpose()?;
        let slot: Slot = Arc::new(Mutex::new(source));
        let is_read = matches!(outgoing.method, "GET" | "HEAD");
        let mut again = true;
        loop {
            let progress = Arc::new(Progress::default());
            let request = self.request(outgoing, stream.as_ref(), &slot, &progress)?;
            let failure = match self.watched(request, &progress, idle).await {
                Ok(response) => {
                    // A success before the body is whole is none: it may yet turn out wrong.
                    let early = response.status().is_success() && !progress.is_whole();
                    if stream.is_some() && early {
                        let what = "a success before the body was whole".to_owned();
                        let failure = Failure::Answer { url: self.url.clone(), what };
                        return Err(progress
                            .refused()
                            .cloned()
                            .unwrap_or_else(|| failure.into_error()));
                    }
                    let (head, body) = response.into_parts();
                    let (status, headers) = (head.status.as_u16(), head.headers);
                    return Ok(Reply { status, headers, body, idle, url: self.url.clone() });
                }
                Err(failure) => failure,
            };
            if let Some(refused) = progress.refused() {
                return Err(refused.clone());
            }
            // Nothing may have been done yet: no byte of a body was taken, and either there was no
            // connection or the request only reads.
            let untouched =
                stream.is_none() || slot.lock().unwrap_or_else(PoisonError::into_inner).is_some();
            if !again || !untouched || !(failure.before_connection || is_read) {
                return Err(failure.failure.into_error());
            }
            again = false;
        }
    }

    fn sends_trailer(&self, source: &Source) -> bool {
        source.trailer.is_some() && self.settings.trailers
    }

    async fn watched(
        &self,
        request: Request<Sending>,
        progress: &Progress,
        idle: Duration,
    ) -> Result<Response<Incoming>, Unanswered> {
        let answer = self.client.request(request);
        tokio::pin!(answer);
        let mut mark = progress.mark();
        loop {
            match tokio::time::timeout(idle, &mut answer).await {
                Ok(Ok(response)) => return Ok(response),
                Ok(Err(error)) => {
                    let before_connection = error.is_connect();
                    let failure =
                        Failure::Exchange { url: self.url.clone(), source: Box::new(error) };
                    return Err(Unanswered { failure, before_connection });
                }
                Err(_) => {
                    let now = progress.mark();
                    if now.is_some() && now == mark {
                        let failure = idle_failure(&self.url, idle);
                        return Err(Unanswered { failure, before_connection: false });
                    }
                    mark = now;
                }
            }
        }
    }

    /// The request, signed now.
    fn request(
        &self,
        outgoing: &Outgoing,
        stream: Option<&Shape>,
        slot: &Slot,
        progress: &Arc<Progress>,
    ) -> Result<Request<Sending>, Error> {
        let mut headers: Vec<(Cow<'static, str>, String)> = outgoing.headers.clone();
        let settings = iamd_sigv4::Settings::s3(Some(&self.settings.region));
        let credentials = Credentials {
            access_key_id: &self.settings.access_key_id,
            secret_access_key: self.settings.secret_access_key.expose(),
            session_token: None,
        };
        let now = self.clock.now().seconds();
        let streaming = stream.and_then(|shape| shape.streaming(&self.settings));
        if streaming.is_some() {
            chunk_encoding(&mut headers);
        }
        let mut to_sign: Vec<(&str, &[u8])> = vec![("host", outgoing.host.as_bytes())];
        to_sign.extend(headers.iter().map(|(name, value)| (&**name, value.as_bytes())));
        let (method, target) = (outgoing.method, &*outgoing.target);
        let parts = RequestParts { method, target, headers: &to_sign };
        let unsigned = |error: iamd_sigv4::Error| self.unsent(&error.to_string());
        let (added, length, body) = match (stream, streaming) {
            (None, _) => {
                let document = outgoing.document.clone();
                let payload = Payload::Bytes(&document);
                let added = sign(&parts, payload, &credentials, now, &settings);
                let length = document.len() as u64;
                (added.map_err(unsigned)?, length, Sending::Whole(Full::new(document)))
            }
            (Some(shape), None) => {
                let payload = shape.sha256.map_or(Payload::Unsigned, Payload::Sha256);
                let added = sign(&parts, payload, &credentials, now, &settings);
                let stream = self.stream(shape, (slot, progress), shape.length, None);
                (added.map_err(unsigned)?, shape.length, stream)
            }
            (Some(shape), Some(streaming)) => {
                let trailer = shape.sent(&self.settings);
                let chunked = ChunkedBody {
                    streaming,
                    length: shape.length,
                    chunk_size: CHUNK,
                    // Base64.
                    trailer: trailer.map(|(name, it)| (&**name, it.size().div_ceil(3) * 4)),
                };
                let signed = sign_chunked(&parts, &chunked, &credentials, now, &settings);
                let (added, writer) = signed.map_err(unsigned)?;
                let length = chunked.encoded_length();
                let stream = self.stream(shape, (slot, progress), length, Some(writer));
                (added, length, stream)
            }
        };
        headers.extend(added.into_iter().map(|(name, value)| (Cow::Borrowed(name), value)));
        let uri = format!("{}://{}{target}", self.settings.endpoint.scheme(), outgoing.host);
        let mut request = Request::builder()
            .method(Method::from_bytes(method.as_bytes()).unwrap_or(Method::GET))
            .uri(uri)
            .header(HOST, &outgoing.host)
            .header(USER_AGENT, "iamd");
        if matches!(method, "PUT" | "POST") {
            request = request.header(CONTENT_LENGTH, length);
        }
        for (name, value) in &headers {
            let value = HeaderValue::from_bytes(value.as_bytes()).map_err(|_| {
                Error::new(Code::InvalidArgument, format!("Header {name} is not valid."))
            })?;
            request = request.header(&**name, value);
        }
        request.body(body).map_err(|error| self.unsent(&error.to_string()))
    }

    fn stream(
        &self,
        shape: &Shape,
        (slot, progress): (&Slot, &Arc<Progress>),
        encoded: u64,
        writer: Option<ChunkWriter>,
    ) -> Sending {
        let stream = Stream::new(Arc::clone(slot), Arc::clone(progress), encoded, writer);
        let checked = shape.trailer.as_ref().filter(|_| !self.settings.trailers);
        Sending::Stream(Box::new(match checked {
            Some((_, algorithm)) => stream.checked(*algorithm),
            None => stream,
        }))
    }

    fn unsent(&self, what: &str) -> Error {
        Failure::Request { url: self.url.clone(), what: what.to_owned() }.into_error()
    }
}

/// What is known of a body that is a stream before it begins.
struct Shape {
    length: u64,
    /// Its hash, handed on as it was declared.
    sha256: Option<[u8; 32]>,
    /// The name of the checksum that follows, and how it is computed.
    trailer: Option<(String, Algorithm)>,
}

impl Shape {
    fn of(source: &Source) -> Result<Self, Error> {
        let trailer = source.trailer.as_ref().map(|trailer| {
            let name = trailer.name.strip_prefix("x-amz-checksum-").map(str::to_ascii_uppercase);
            let algorithm = name.and_then(|name| Algorithm::parse(&name));
            Ok::<_, Error>((trailer.name.clone(), algorithm.ok_or_else(not_implemented)?))
        });
        let Source { length, sha256, .. } = *source;
        Ok(Self { length, sha256, trailer: trailer.transpose()? })
    }

    /// The trailer to the store.
    fn sent(&self, settings: &Settings) -> Option<&(String, Algorithm)> {
        self.trailer.as_ref().filter(|_| settings.trailers)
    }

    /// How the body is cut in chunks, if it is.
    fn streaming(&self, settings: &Settings) -> Option<Streaming> {
        // A hash in the head signs the body as well, and costs nothing.
        let signs = settings.signs_bodies() && self.sha256.is_none();
        match (signs, self.sent(settings).is_some()) {
            (true, true) => Some(Streaming::SignedTrailer),
            (true, false) => Some(Streaming::Signed),
            (false, true) => Some(Streaming::UnsignedTrailer),
            (false, false) => None,
        }
    }
}

/// Says in `Content-Encoding` that the body goes in chunks.
fn chunk_encoding(headers: &mut Vec<(Cow<'static, str>, String)>) {
    match headers.iter_mut().find(|(name, _)| name == "content-encoding") {
        Some((_, value)) => *value = format!("aws-chunked,{value}"),
        None => headers.push((Cow::Borrowed("content-encoding"), "aws-chunked".to_owned())),
    }
}

/// Why there was no answer.
struct Unanswered {
    failure: Failure,
    /// Whether there was not even a connection.
    before_connection: bool,
}

fn idle_failure(url: &str, idle: Duration) -> Failure {
    Failure::Idle { url: url.to_owned(), seconds: idle.as_secs() }
}

/// Reads an empty body to its end, and checks the checksum that follows it.
async fn drain(source: Source) -> Result<(), Error> {
    let shape = Shape::of(&source)?;
    let Source { mut body, trailer, .. } = source;
    while let Some(piece) = body.try_next().await? {
        if !piece.is_empty() {
            let message = "You did not provide the number of bytes specified by the Content-Length HTTP header";
            return Err(Error::new(Code::IncompleteBody, message));
        }
    }
    match shape.trailer {
        Some((_, algorithm)) => ensure_checksum(Hasher::new(algorithm), trailer.as_ref()),
        None => Ok(()),
    }
}

impl Reply {
    /// A header that is there once and text.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// `Content-Length`.
    pub(crate) fn length(&self) -> Option<u64> {
        self.header("content-length")?.parse().ok()
    }

    /// The body as it comes; `length` bytes or an error.
    pub(crate) fn stream(self, length: u64) -> Body {
        let Self { body, idle, url, .. } = self;
        let state = Some((body, length));
        let pieces = futures_util::stream::unfold(state, move |state| {
            let url = url.clone();
            async move {
                let (mut body, remaining) = state?;
                match next(&mut body, idle, &url).await {
                    Ok(Some(piece)) => match remaining.checked_sub(piece.len() as u64) {
                        Some(remaining) => Some((Ok(piece), Some((body, remaining)))),
                        None => Some((Err(wrong_length(&url)), None)),
                    },
                    Ok(None) if remaining == 0 => None,
                    Ok(None) => Some((Err(wrong_length(&url)), None)),
                    Err(error) => Some((Err(error), None)),
                }
            }
        });
        // The answer has begun: nobody else can say what became of it.
        let pieces = pieces.inspect_err(|error: &Error| {
            if let Some(cause) = error.internal_source() {
                tracing::warn!(target: "iamd::upstream", %cause, "an object breaks off");
            }
        });
        pieces.boxed()
    }

    /// The whole body, when it is a document.
    pub(crate) async fn document(self) -> Result<(u16, HeaderMap, Bytes), Error> {
        let Self { status, headers, mut body, idle, url } = self;
        let mut whole = BytesMut::new();
        while let Some(piece) = next(&mut body, idle, &url).await? {
            if piece.len() > MAX_DOCUMENT - whole.len() {
                let what = "a document that is too long".to_owned();
                return Err(Failure::Answer { url, what }.into_error());
            }
            whole.extend_from_slice(&piece);
        }
        Ok((status, headers, whole.freeze()))
    }
}

fn wrong_length(url: &str) -> Error {
    let what = "an object of another length than announced".to_owned();
    Failure::Answer { url: url.to_owned(), what }.into_error()
}

/// The next piece of an answer's body.
async fn next(body: &mut Incoming, idle: Duration, url: &str) -> Result<Option<Bytes>, Error> {
    loop {
        let frame = tokio::time::timeout(idle, body.frame()).await;
        let frame = frame.map_err(|_| idle_failure(url, idle).into_error())?;
        let Some(frame) = frame else { return Ok(None) };
        let frame = frame.map_err(|error| {
            Failure::Exchange { url: url.to_owned(), source: Box::new(error) }.into_error()
        })?;
        // Trailers say nothing here.
        if let Ok(data) = frame.into_data() {
            return Ok(Some(data));
        }
    }
}
