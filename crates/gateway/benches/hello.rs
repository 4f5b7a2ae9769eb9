//! What the gateway adds to bare hyper: processor time per request of a constant answer to a signed
//! `GetUser` over keep-alive HTTP/1.1, as a ratio of medians from interleaved rounds.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::indexing_slicing,
    reason = "a benchmark that fails may panic, and what it finds it prints"
)]

use std::convert::Infallible;
use std::fs;
use std::future::pending;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::mpsc;
use std::thread;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, StatusCode};
use http_body_util::Full;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use iamd_gateway::{Handler, Limits, Listener, Refusal, Request, Response, serve};
use tokio::net::TcpListener;

const CONNECTIONS: usize = 32;
const REQUESTS: usize = 20_000;
const ROUNDS: usize = 9;

const BODY: &str = "Action=GetUser&Version=2010-05-08&UserName=alice";
const ANSWER: &[u8] = &[b'x'; 600];

/// Answers without looking.
struct Hello;

impl Handler for Hello {
    type Mark = ();

    async fn handle(&self, _: Request) -> Response {
        let mut headers = HeaderMap::with_capacity(4);
        headers.insert("content-type", HeaderValue::from_static("text/xml"));
        Response { status: StatusCode::OK, headers, body: Bytes::from_static(ANSWER).into() }
    }

    fn refuse(&self, _: Refusal, (): ()) -> Response {
        Response {
            status: StatusCode::BAD_REQUEST,
            headers: HeaderMap::new(),
            body: Bytes::new().into(),
        }
    }
}

/// A server on a thread of its own, whose processor time can be read.
struct Server {
    address: SocketAddr,
    schedstat: String,
}

impl Server {
    fn start<F: Future<Output = ()>>(
        name: &str,
        run: impl FnOnce(mpsc::Sender<SocketAddr>) -> F + Send + 'static,
    ) -> Self {
        let (told, address) = mpsc::channel();
        let (named, thread) = mpsc::channel();
        let serve = move || {
            named.send(fs::read_link("/proc/thread-self").unwrap()).unwrap();
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.unwrap().block_on(run(told));
        };
        thread::Builder::new().name(name.to_owned()).spawn(serve).unwrap();
        let schedstat = format!("/proc/{}/schedstat", thread.recv().unwrap().display());
        Self { address: address.recv().unwrap(), schedstat }
    }

    /// Nanoseconds on a processor so far.
    fn time(&self) -> u64 {
        let text = fs::read_to_string(&self.schedstat).unwrap();
        text.split_ascii_whitespace().next().unwrap().parse().unwrap()
    }

    /// Nanoseconds of processor time per request.
    fn round(&self, request: &[u8]) -> f64 {
        let connect = |_| {
            let stream = TcpStream::connect(self.address).unwrap();
            stream.set_nodelay(true).unwrap();
            stream
        };
        let mut streams: Vec<_> = (0..CONNECTIONS).map(connect).collect();
        let mut space = [0; 4096];
        let before = self.time();
        for _ in 0..REQUESTS / CONNECTIONS {
            for stream in &mut streams {
                stream.write_all(request).unwrap();
            }
            for stream in &mut streams {
                let read = stream.read(&mut space).unwrap();
                assert!(
                    space[..read].starts_with(b"HTTP/1.1 200") && space[..read].ends_with(b"x")
                );
            }
        }
        (self.time() - before) as f64 / REQUESTS as f64
    }
}

async fn bare_hyper(told: mpsc::Sender<SocketAddr>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    told.send(listener.local_addr().unwrap()).unwrap();
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        stream.set_nodelay(true).unwrap();
        tokio::spawn(async move {
            let service = service_fn(|_| async {
                let mut response = http::Response::new(Full::new(Bytes::from_static(ANSWER)));
                let content_type = HeaderValue::from_static("text/xml");
                response.headers_mut().insert("content-type", content_type);
                Ok::<_, Infallible>(response)
            });
            let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

async fn gateway(told: mpsc::Sender<SocketAddr>) {
    let listener = Listener::tcp(SocketAddr::from(([127, 0, 0, 1], 0))).await.unwrap();
    told.send(listener.address().unwrap()).unwrap();
    serve(listener, Arc::new(Hello), Limits::default(), pending()).await;
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn main() {
    let signature = "ab".repeat(32);
    let request = format!(
        "POST / HTTP/1.1\r\nHost: localhost:4260\r\nAccept-Encoding: identity\r\n\
         Content-Type: application/x-www-form-urlencoded; charset=utf-8\r\n\
         User-Agent: aws-cli/2.17.0 md/awscrt#0.20.11 ua/2.0 os/linux#6.1.0 md/arch#x86_64\r\n\
         X-Amz-Date: 20260101T000000Z\r\n\
         Authorization: AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20260101/us-east-1/iam/aws4_request, \
         SignedHeaders=content-type;host;x-amz-date, Signature={signature}\r\n\
         Content-Length: {}\r\n\r\n{BODY}",
        BODY.len()
    );
    let servers = [Server::start("bare", bare_hyper), Server::start("gateway", gateway)];
    for server in &servers {
        server.round(request.as_bytes());
    }
    let mut times = [Vec::new(), Vec::new()];
    for _ in 0..ROUNDS {
        for (server, times) in servers.iter().zip(&mut times) {
            times.push(server.round(request.as_bytes()));
        }
    }
    let [bare, gateway] = times.map(median);
    println!(
        "bare hyper {bare:.0} ns, gateway {gateway:.0} ns per request: {:.3}x",
        gateway / bare
    );
}
