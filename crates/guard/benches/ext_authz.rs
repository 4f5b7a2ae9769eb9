//! What a check costs: processor time of `Authorization/Check` by the guard (a signature verified, a policy that
//! allows, a record), as a ratio to bare tonic that answers the same message with a constant. Both are asked by the same
//! client over HTTP/2; rounds are interleaved, figures are medians. It is to be at most 2.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::indexing_slicing,
    reason = "a benchmark that fails may panic, and what it finds it prints"
)]

use std::convert::Infallible;
use std::fs;
use std::future::{Future, pending, ready};
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::mpsc;
use std::task::{Context, Poll};
use std::thread;

use bytes::Bytes;
use http::uri::PathAndQuery;
use http::{HeaderMap, StatusCode};
use iamd_audit::{Appended, Line, Log, Sink};
use iamd_gateway::{Handler, Limits, Listener, Payload, Refusal, Request, Response, serve};
use iamd_guard::messages::{
    AttributeContext, CheckRequest, CheckResponse, HeaderValue, HeaderValueOption, HttpRequest,
    HttpResponse, OVERWRITE, OkHttpResponse, Request as Told, Status as Answered,
};
use iamd_guard::{Files, Guard, GuardSettings, Incoming};
use iamd_testkit::TestServer;
use iamd_types::Secret;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tonic::body::Body;
use tonic::client::Grpc;
use tonic::server::{NamedService, UnaryService};
use tonic::transport::server::TcpIncoming;
use tonic::transport::{Channel, Server as Tonic};
use tonic_prost::ProstCodec;

const IN_FLIGHT: usize = 32;
const CHECKS: usize = 20_000;
const ROUNDS: usize = 7;

const TOKEN: &str = "only-for-this-benchmark-and-nothing-else";
const CHECK: &str = "/envoy.service.auth.v3.Authorization/Check";

/// What a server tells about itself.
struct Started {
    address: SocketAddr,
    request: CheckRequest,
}

/// A server on a thread of its own, whose processor time can be read.
struct Server {
    started: Started,
    schedstat: String,
    channel: Channel,
}

impl Server {
    async fn start<F: Future<Output = ()>>(
        run: impl FnOnce(mpsc::Sender<Started>) -> F + Send + 'static,
    ) -> Self {
        let (told, started) = mpsc::channel();
        let (named, thread) = mpsc::channel();
        thread::spawn(move || {
            named.send(fs::read_link("/proc/thread-self").unwrap()).unwrap();
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.unwrap().block_on(run(told));
        });
        let schedstat = format!("/proc/{}/schedstat", thread.recv().unwrap().display());
        let started = started.recv().unwrap();
        let uri = format!("http://{}", started.address);
        let channel = Channel::from_shared(uri).unwrap().connect().await.unwrap();
        Self { started, schedstat, channel }
    }

    /// Nanoseconds on a processor so far.
    fn time(&self) -> u64 {
        let text = fs::read_to_string(&self.schedstat).unwrap();
        text.split_ascii_whitespace().next().unwrap().parse().unwrap()
    }

    /// Nanoseconds of processor time per check.
    async fn round(&self) -> f64 {
        let before = self.time();
        let mut askers = JoinSet::new();
        for _ in 0..IN_FLIGHT {
            let (channel, request) = (self.channel.clone(), self.started.request.clone());
            askers.spawn(async move {
                for _ in 0..CHECKS / IN_FLIGHT {
                    let mut asked = tonic::Request::new(request.clone());
                    asked.metadata_mut().insert("x-iamd-guard-token", TOKEN.parse().unwrap());
                    let mut grpc = Grpc::new(channel.clone());
                    grpc.ready().await.unwrap();
                    let codec = ProstCodec::<CheckRequest, CheckResponse>::default();
                    let path = PathAndQuery::from_static(CHECK);
                    let answer = grpc.unary(asked, path, codec).await.unwrap().into_inner();
                    assert_eq!(answer.status.unwrap().code, 0);
                }
            });
        }
        askers.join_all().await;
        (self.time() - before) as f64 / CHECKS as f64
    }
}

/// Bare tonic.
#[derive(Clone)]
struct Echo;

impl NamedService for Echo {
    const NAME: &'static str = "envoy.service.auth.v3.Authorization";
}

impl UnaryService<CheckRequest> for Echo {
    type Response = CheckResponse;
    type Future = std::future::Ready<Result<tonic::Response<CheckResponse>, tonic::Status>>;

    fn call(&mut self, _: tonic::Request<CheckRequest>) -> Self::Future {
        let names =
            ["x-iamd-principal-arn", "x-iamd-account", "x-iamd-principal-type", "x-iamd-user-id"];
        let headers = names.map(|name| HeaderValueOption {
            header: Some(HeaderValue {
                key: name.to_owned(),
                value: "arn:aws:iam::111122223333:user/alice".to_owned(),
                raw_value: Vec::new(),
            }),
            append_action: OVERWRITE,
        });
        let ok = OkHttpResponse { headers: headers.to_vec(), headers_to_remove: Vec::new() };
        ready(Ok(tonic::Response::new(CheckResponse {
            status: Some(Answered::default()),
            http_response: Some(HttpResponse::Ok(ok)),
        })))
    }
}

impl tower::Service<http::Request<Body>> for Echo {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        Box::pin(async move {
            let codec = ProstCodec::<CheckResponse, CheckRequest>::default();
            Ok(tonic::server::Grpc::new(codec).unary(Echo, request).await)
        })
    }
}

async fn bare_tonic(told: mpsc::Sender<Started>, request: CheckRequest) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    told.send(Started { address, request }).unwrap();
    let incoming = TcpIncoming::from(listener).with_nodelay(Some(true));
    Tonic::builder().add_service(Echo).serve_with_incoming(incoming).await.unwrap();
}

/// The guard behind the gateway, as in the server.
struct Behind(Arc<Guard>);

impl Handler for Behind {
    type Mark = ();

    async fn handle(&self, request: Request) -> Response {
        let target = request.target.path_and_query().map_or("", PathAndQuery::as_str).to_owned();
        let incoming = Incoming {
            method: request.method,
            target,
            headers: request.headers,
            body: request.body,
            address: None,
            certificate: request.client,
        };
        let outgoing = self.0.handle(incoming).await;
        let body = match outgoing.trailers {
            Some(trailers) => Payload::Trailed(outgoing.body, trailers),
            None => outgoing.body.into(),
        };
        Response { status: outgoing.status, headers: outgoing.headers, body }
    }

    fn refuse(&self, _: Refusal, (): ()) -> Response {
        let (headers, body) = (HeaderMap::new(), Bytes::new().into());
        Response { status: StatusCode::BAD_REQUEST, headers, body }
    }
}

/// Takes records, so that they are made.
struct Taken;

impl Sink for Taken {
    fn append(&mut self, lines: &[Line]) -> io::Result<Appended> {
        Ok(Appended { lines: lines.len() as u64, ..Appended::default() })
    }

    fn describe(&self) -> String {
        "nowhere".to_owned()
    }
}

struct NoFiles;

impl Files for NoFiles {
    fn secret(&self, _: &Path) -> Result<Secret<String>, String> {
        Ok(Secret::new(TOKEN.to_owned()))
    }

    fn text(&self, _: &Path) -> Result<String, String> {
        Err("none".to_owned())
    }
}

const SETTINGS: &str = r#"{
    "points": [{"name": "edge", "token_file": "edge", "kinds": ["envoy"], "apis": ["pets"], "hands_over_bodies": true}],
    "apis": [{"id": "pets", "account": "111122223333", "region": "us-east-1", "stage": "prod", "hosts": ["api.example.com"]}]}"#;

const POLICY: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"execute-api:Invoke","Resource":"arn:aws:execute-api:us-east-1:111122223333:pets/prod/GET/*"}]}"#;

/// A request as a proxy tells of it, signed.
async fn told_of(server: &TestServer) -> CheckRequest {
    let alice = server.user("alice").await;
    server.allow("alice", "calls", POLICY).await;
    let mut headers = vec![
        ("host".to_owned(), "api.example.com".to_owned()),
        ("accept".to_owned(), "application/json".to_owned()),
        ("user-agent".to_owned(), "python-requests/2.32".to_owned()),
    ];
    server.sign(&alice, "execute-api", ("GET", "/pets/3?limit=2"), &mut headers, b"");
    headers.remove(0);
    let more = [
        (":authority", "api.example.com"),
        (":method", "GET"),
        (":path", "/pets/3?limit=2"),
        (":scheme", "https"),
        ("x-request-id", "6f2e9d3c-7d51-4a38-9d6c-3c4b2f1a0e5d"),
        ("x-forwarded-proto", "https"),
    ];
    headers.extend(more.map(|(name, value)| (name.to_owned(), value.to_owned())));
    let http = HttpRequest {
        method: "GET".to_owned(),
        headers: headers.into_iter().collect(),
        path: "/pets/3?limit=2".to_owned(),
        host: "api.example.com".to_owned(),
        scheme: "https".to_owned(),
        protocol: "HTTP/1.1".to_owned(),
        ..HttpRequest::default()
    };
    let request = Some(Told { http: Some(http) });
    CheckRequest { attributes: Some(AttributeContext { source: None, request }) }
}

async fn guard(told: mpsc::Sender<Started>) {
    let server = TestServer::start_with_log(Log::start(Taken).unwrap()).await;
    let request = told_of(&server).await;
    let settings: GuardSettings = serde_json::from_str(SETTINGS).unwrap();
    let guard = Guard::new(Arc::clone(&server.service), &settings, &NoFiles).unwrap();
    let listener = Listener::tcp(SocketAddr::from(([127, 0, 0, 1], 0))).await.unwrap();
    told.send(Started { address: listener.address().unwrap(), request }).unwrap();
    serve(listener, Arc::new(Behind(Arc::new(guard))), Limits::default(), pending()).await;
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let guard = Server::start(guard).await;
    let request = guard.started.request.clone();
    let servers = [Server::start(|told| bare_tonic(told, request)).await, guard];
    for server in &servers {
        server.round().await;
    }
    let mut times = [Vec::new(), Vec::new()];
    for _ in 0..ROUNDS {
        for (server, times) in servers.iter().zip(&mut times) {
            times.push(server.round().await);
        }
    }
    let [bare, guard] = times.map(median);
    println!("bare tonic {bare:.0} ns, guard {guard:.0} ns per check: {:.3}x", guard / bare);
}
