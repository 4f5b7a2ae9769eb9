//! A store: it checks the signature of each request and reads its body to the end, keeps what was
//! put, and answers what it is told to.

use std::collections::{BTreeMap, VecDeque};
use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use futures_util::StreamExt;
use http_body_util::{BodyExt, StreamBody, combinators::BoxBody};
use hyper::body::{Frame, Incoming};
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use iamd_sigv4::{RequestParts, Settings, SigningKey, present};
use iamd_types::Clock;
use md5::{Digest, Md5};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio_rustls::TlsAcceptor;

pub(crate) const ID: &str = "AKIASTORESTORESTORE1";
pub(crate) const SECRET: &str = "the store's own secret";
pub(crate) const NOW: i64 = 1_767_225_600;

pub(crate) struct At(pub(crate) i64);

impl Clock for At {
    fn now(&self) -> iamd_types::Timestamp {
        iamd_types::Timestamp::from_seconds(self.0)
    }
}

/// A request as the store saw it.
pub(crate) struct Seen {
    pub(crate) line: String,
    /// Sorted, without those that every request has.
    pub(crate) headers: Vec<String>,
    pub(crate) content_sha256: String,
    /// The decoded body, or why there is none.
    pub(crate) body: Result<Bytes, String>,
    pub(crate) trailer: Option<(String, String)>,
}

impl Seen {
    /// Everything in one text.
    pub(crate) fn text(&self) -> String {
        let mut text = format!("{}\n", self.line);
        for header in &self.headers {
            text.push_str(header);
            text.push('\n');
        }
        match &self.body {
            Ok(body) => text.push_str(std::str::from_utf8(body).unwrap_or("(bytes)")),
            Err(error) => text.push_str(error),
        }
        text
    }
}

/// What the store says next.
pub(crate) enum Said {
    /// Status, headers and body.
    Answer(u16, Vec<(&'static str, String)>, Vec<Bytes>),
    /// So many bytes are announced and fewer sent.
    Cut(u64, Bytes),
    /// Nothing: the connection ends.
    Hangup,
    /// Nothing, ever.
    Silence,
}

impl Said {
    pub(crate) fn xml(status: u16, body: &str) -> Self {
        let body = Bytes::copy_from_slice(body.as_bytes());
        Self::Answer(status, vec![("content-type", "application/xml".to_owned())], vec![body])
    }

    pub(crate) fn status(status: u16) -> Self {
        Self::Answer(status, Vec::new(), Vec::new())
    }
}

#[derive(Default)]
struct State {
    says: Mutex<VecDeque<Said>>,
    objects: Mutex<BTreeMap<String, Bytes>>,
}

pub(crate) struct Store {
    pub(crate) url: String,
    state: Arc<State>,
    seen: tokio::sync::Mutex<UnboundedReceiver<Seen>>,
}

impl Store {
    pub(crate) async fn start() -> Self {
        Self::start_with(None).await
    }

    pub(crate) async fn start_with(tls: Option<TlsAcceptor>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let scheme = if tls.is_some() { "https" } else { "http" };
        let url = format!("{scheme}://localhost:{port}");
        let state = Arc::new(State::default());
        let (sender, seen) = unbounded_channel();
        let shared = Arc::clone(&state);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (state, sender) = (Arc::clone(&shared), sender.clone());
                let tls = tls.clone();
                tokio::spawn(async move {
                    match tls {
                        None => serve(stream, state, sender).await,
                        Some(tls) => {
                            if let Ok(stream) = tls.accept(stream).await {
                                serve(stream, state, sender).await;
                            }
                        }
                    }
                });
            }
        });
        Self { url, state, seen: tokio::sync::Mutex::new(seen) }
    }

    /// What is said to the next requests, one after the other.
    pub(crate) fn says(&self, said: impl IntoIterator<Item = Said>) {
        self.state.says.lock().unwrap().extend(said);
    }

    pub(crate) async fn seen(&self) -> Seen {
        self.seen.lock().await.recv().await.unwrap()
    }

    /// A request that was not looked at yet, if there is one.
    pub(crate) async fn seen_now(&self) -> Option<Seen> {
        self.seen.lock().await.try_recv().ok()
    }

    /// Whether anything was asked that was not looked at yet.
    pub(crate) async fn was_asked(&self) -> bool {
        self.seen_now().await.is_some()
    }

    pub(crate) fn object(&self, path: &str) -> Option<Bytes> {
        self.state.objects.lock().unwrap().get(path).cloned()
    }
}

async fn serve<S>(stream: S, state: Arc<State>, sender: UnboundedSender<Seen>)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let service = hyper::service::service_fn(move |request| {
        answer(request, Arc::clone(&state), sender.clone())
    });
    let served = hyper::server::conn::http1::Builder::new();
    // A connection that breaks is a thing that tests do.
    let _ = served.serve_connection(TokioIo::new(stream), service).await;
}

type Body = BoxBody<Bytes, std::io::Error>;

async fn answer(
    request: Request<Incoming>,
    state: Arc<State>,
    sender: UnboundedSender<Seen>,
) -> Result<Response<Body>, std::io::Error> {
    let (head, body) = request.into_parts();
    let headers: Vec<(&str, &[u8])> =
        head.headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect();
    let target = head.uri.path_and_query().unwrap().as_str();
    let parts = RequestParts { method: head.method.as_str(), target, headers: &headers };
    let settings = Settings::s3(Some("us-east-1"));
    let presented = present(&parts).unwrap().expect("signed");
    assert_eq!(presented.access_key_id(), ID);
    let scope = presented.scope();
    let key = SigningKey::derive(SECRET, scope.date(), scope.region(), scope.service());
    presented.check(NOW, &settings).unwrap();
    if target.ends_with("/early") {
        return Ok(Response::new(boxed(futures_util::stream::empty())));
    }
    let mut reader = presented.verify_head(&key, &settings).unwrap().reader();
    let mut gathered = Vec::new();
    let mut trailer = None;
    let read = async {
        let mut body = body;
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|error| format!("broken off: {error}"))?;
            let data = frame.into_data().unwrap_or_default();
            reader.push(data, &mut gathered).map_err(|error| error.to_string())?;
            // A large body is only counted by its pieces.
            if gathered.len() > 64 {
                let all = gathered.concat();
                gathered = vec![if all.len() > 1 << 20 { Bytes::new() } else { all.into() }];
            }
        }
        trailer = reader.finish(&mut gathered).map_err(|error| error.to_string())?.trailer;
        Ok(Bytes::from(gathered.concat()))
    };
    let read = read.await;
    const USUAL: [&str; 6] = [
        "authorization",
        "host",
        "user-agent",
        "x-amz-content-sha256",
        "x-amz-date",
        "content-length",
    ];
    let text = |value: &[u8]| String::from_utf8_lossy(value).into_owned();
    let mut shown: Vec<String> = headers
        .iter()
        .filter(|(name, _)| !USUAL.contains(name))
        .map(|(name, value)| format!("{name}: {}", text(value)))
        .collect();
    if let Ok(body) = &read {
        let md5 = format!("content-md5: {}", BASE64_STANDARD.encode(Md5::digest(body)));
        let right = shown.iter_mut().filter(|header| **header == md5);
        right.for_each(|header| *header = "content-md5: (right)".to_owned());
    }
    shown.sort();
    let content_sha256 = head.headers["x-amz-content-sha256"].to_str().unwrap().to_owned();
    if let (Ok(body), "PUT") = (&read, head.method.as_str()) {
        let path = head.uri.path().to_owned();
        state.objects.lock().unwrap().insert(path, body.clone());
    }
    let line = format!("{} {target}", head.method);
    let failed = read.is_err();
    let _ = sender.send(Seen { line, headers: shown, content_sha256, body: read, trailer });
    if failed {
        return Err(std::io::Error::other("the body broke off"));
    }
    let said = state.says.lock().unwrap().pop_front();
    match said.unwrap_or(Said::status(200)) {
        Said::Answer(status, headers, pieces) => {
            let mut response = Response::builder().status(status);
            let length: usize = pieces.iter().map(Bytes::len).sum();
            let mut announced = false;
            for (name, value) in headers {
                announced |= name == "content-length";
                response = response.header(name, value);
            }
            if !announced && status != 204 && status != 304 {
                response = response.header("content-length", length);
            }
            let frames = pieces.into_iter().map(|piece| Ok(Frame::data(piece)));
            Ok(response.body(boxed(futures_util::stream::iter(frames))).unwrap())
        }
        Said::Cut(length, piece) => {
            // A pause, in which what there is goes out.
            let broken = async {
                tokio::task::yield_now().await;
                Err(std::io::Error::other("cut"))
            };
            let first = futures_util::stream::iter([Ok(Frame::data(piece))]);
            let frames = first.chain(futures_util::stream::once(broken));
            let response = Response::builder().status(200).header("content-length", length);
            Ok(response.body(boxed(frames)).unwrap())
        }
        Said::Hangup => Err(std::io::Error::other("hangs up")),
        Said::Silence => {
            std::future::pending::<Infallible>().await;
            unreachable!()
        }
    }
}

fn boxed(
    frames: impl futures_util::Stream<Item = Result<Frame<Bytes>, std::io::Error>>
    + Send
    + Sync
    + 'static,
) -> Body {
    BodyExt::boxed(StreamBody::new(frames.fuse()))
}
