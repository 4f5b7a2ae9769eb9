//! A handler that tells what it saw, and a server around it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream;
use http::{HeaderMap, HeaderValue, StatusCode};
use iamd_gateway::{
    Arriving, Drained, Handler, Head, Limits, Listener, Payload, Plan, Refusal, Request, Response,
    serve,
};
use tokio::sync::{Notify, oneshot};
use tokio::task::JoinHandle;

/// Answers `METHOD TARGET VERSION body-length host` with the body's bytes after it.
#[derive(Default)]
pub(crate) struct Mirror {
    /// Requests that reached the handler.
    pub(crate) seen: AtomicUsize,
    /// Lets requests for `/wait` go on.
    pub(crate) go: Notify,
    /// Told when a request for `/wait` has come.
    pub(crate) waiting: Notify,
}

impl Handler for Mirror {
    /// How long the path is.
    type Mark = usize;

    async fn handle(&self, request: Request) -> Response {
        self.seen.fetch_add(1, Ordering::SeqCst);
        match request.target.path() {
            "/panic" => panic!("as asked"),
            "/wait" => {
                self.waiting.notify_one();
                self.go.notified().await;
            }
            "/client" => {
                let names = request.client.as_deref().unwrap_or_default().join("|");
                return respond(StatusCode::OK, names.into_bytes());
            }
            "/trailers" => {
                let mut trailers = HeaderMap::new();
                trailers.insert("grpc-status", HeaderValue::from_static("0"));
                let body = Payload::Trailed(request.body, trailers);
                return Response { status: StatusCode::OK, headers: HeaderMap::new(), body };
            }
            // Of the paused clock of these tests.
            "/minute" => tokio::time::sleep(Duration::from_secs(60)).await,
            "/for-ever" => {
                self.waiting.notify_one();
                std::future::pending::<()>().await;
            }
            _ => {}
        }
        let host = request.headers.get("host").and_then(|host| host.to_str().ok());
        let head = format!(
            "{} {} {:?} {} {} {:?} {:?}\n",
            request.method,
            request.target.path_and_query().map_or("", |target| target.as_str()),
            request.version,
            request.body.len(),
            host.unwrap_or("-"),
            request.peer,
            request.tls,
        );
        respond(StatusCode::OK, [head.as_bytes(), &request.body].concat())
    }

    fn plan(&self, head: &Head<'_>) -> Plan<usize> {
        let path = head.target.path();
        let large = head.target.query() == Some("large");
        Plan { streams: path.starts_with("/stream/"), large, mark: path.len() }
    }

    /// `/stream/early` answers before the body is read, `/stream/long` with a body as long as its query
    /// says, `/stream/breaks` with one that breaks off; all else counts the body.
    async fn stream(&self, mut request: Request<Arriving>) -> Response {
        self.seen.fetch_add(1, Ordering::SeqCst);
        let headers = HeaderMap::new();
        let length = request.target.query().and_then(|query| query.parse().ok()).unwrap_or(0);
        let piece = |at: u64| Ok(Bytes::from(vec![b'x'; usize::try_from(at.min(65536)).unwrap()]));
        match request.target.path() {
            "/stream/early" => return respond(StatusCode::FORBIDDEN, b"no".to_vec()),
            "/stream/head" => {
                let body = Payload::Head { length: Some(length) };
                return Response { status: StatusCode::OK, headers, body };
            }
            "/stream/long" => {
                let pieces = (0..length).step_by(65536).map(move |at| piece(length - at));
                let body =
                    Payload::Stream { length: Some(length), bytes: Box::pin(stream::iter(pieces)) };
                return Response { status: StatusCode::OK, headers, body };
            }
            "/stream/breaks" => {
                let pieces = [piece(10), Err("broken".into())];
                let body =
                    Payload::Stream { length: Some(100), bytes: Box::pin(stream::iter(pieces)) };
                return Response { status: StatusCode::OK, headers, body };
            }
            _ => {}
        }
        let mut counted = 0;
        while let Some(piece) = request.body.next().await {
            match piece {
                Ok(piece) => counted += piece.len(),
                Err(broken) => {
                    return respond(StatusCode::BAD_REQUEST, broken.to_string().into_bytes());
                }
            }
        }
        respond(StatusCode::OK, counted.to_string().into_bytes())
    }

    fn refuse(&self, refusal: Refusal, mark: usize) -> Response {
        let status = match refusal {
            Refusal::BodyTooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            Refusal::BodyTimeout => StatusCode::REQUEST_TIMEOUT,
            Refusal::TooManyHeaders { .. } => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            Refusal::MalformedBody | Refusal::ConflictingHost => StatusCode::BAD_REQUEST,
            Refusal::Busy => StatusCode::SERVICE_UNAVAILABLE,
            Refusal::Failed => StatusCode::INTERNAL_SERVER_ERROR,
        };
        let mut response = respond(status, refusal.to_string().into_bytes());
        response.headers.insert("mark", HeaderValue::from(mark));
        response
    }
}

fn respond(status: StatusCode, body: Vec<u8>) -> Response {
    let mut headers = HeaderMap::new();
    headers.insert("content-type", HeaderValue::from_static("text/plain"));
    Response { status, headers, body: body.into() }
}

/// A running server; stops when told.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    pub(crate) handler: Arc<Mirror>,
    stop: Option<oneshot::Sender<()>>,
    task: JoinHandle<Drained>,
}

impl Server {
    pub(crate) async fn start() -> Self {
        Self::with(Limits::default()).await
    }

    pub(crate) async fn with(limits: Limits) -> Self {
        let listener = Listener::tcp(SocketAddr::from(([127, 0, 0, 1], 0))).await.unwrap();
        Self::on(listener, limits)
    }

    pub(crate) fn on(listener: Listener, limits: Limits) -> Self {
        let address = listener.address().unwrap_or(SocketAddr::from(([0, 0, 0, 0], 0)));
        let handler = Arc::new(Mirror::default());
        let (stop, stopped) = oneshot::channel();
        let task = tokio::spawn(serve(listener, Arc::clone(&handler), limits, until(stopped)));
        Self { address, handler, stop: Some(stop), task }
    }

    /// Asks the server to stop; [`Server::ended`] tells how it did.
    pub(crate) fn ask_to_stop(&mut self) {
        self.stop.take().unwrap().send(()).unwrap();
    }

    pub(crate) async fn ended(self) -> Drained {
        self.task.await.unwrap()
    }

    pub(crate) fn seen(&self) -> usize {
        self.handler.seen.load(Ordering::SeqCst)
    }
}

/// A test that ends without asking drops the sender together with the runtime.
async fn until(stopped: oneshot::Receiver<()>) {
    if stopped.await.is_err() {
        std::future::pending::<()>().await;
    }
}
