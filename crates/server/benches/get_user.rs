//! What a verified and authorized `GetUser` costs: processor time per request of the whole binary,
//! as a ratio to bare hyper that answers the same bytes with a constant. Each server is a process
//! of its own, on one core, and the load is on the other; rounds are interleaved, figures are medians.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::indexing_slicing,
    reason = "a benchmark that fails may panic, and what it finds it prints"
)]

use std::convert::Infallible;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use bytes::Bytes;
use http::HeaderValue;
use http_body_util::Full;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tempfile::TempDir;
use tokio::net::TcpListener;

mod client;
mod cores;
mod load;
mod program;

use client::signed;
use program::end;

const CONNECTIONS: usize = 32;
const REQUESTS: usize = 20_000;
const ROUNDS: usize = 7;

const KEY: &str = "AKIAIOSFODNN7EXAMPLE";
const SECRET: &str = "only-for-this-benchmark";
const BARE: &str = "--bare-hyper";

struct Server {
    name: &'static str,
    child: Child,
    address: String,
    request: Vec<u8>,
    times: Vec<f64>,
}

impl Server {
    /// Starts a server that prints `… at http://ADDRESS`.
    fn start(name: &'static str, command: &mut Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        let address = line.trim_end().split_once(" at http://").unwrap().1.to_owned();
        let request =
            signed(&address, KEY, SECRET, "Action=GetUser&Version=2010-05-08&UserName=alice");
        Self { name, child, address, request, times: Vec::new() }
    }

    fn send(&self, request: &[u8]) -> String {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        stream.write_all(request).unwrap();
        let mut space = [0; 8192];
        let read = stream.read(&mut space).unwrap();
        String::from_utf8(space[..read].to_vec()).unwrap()
    }

    /// Nanoseconds on processors so far, all threads together.
    fn time(&self) -> u64 {
        let tasks = fs::read_dir(format!("/proc/{}/task", self.child.id())).unwrap();
        tasks
            .map(|task| {
                let text = fs::read_to_string(task.unwrap().path().join("schedstat")).unwrap();
                text.split_ascii_whitespace().next().unwrap().parse::<u64>().unwrap()
            })
            .sum()
    }

    /// Runs a round and keeps its nanoseconds per request.
    fn round(&mut self, keep: bool) {
        let mut streams: Vec<_> =
            (0..CONNECTIONS).map(|_| TcpStream::connect(&self.address).unwrap()).collect();
        let mut space = [0; 8192];
        let before = self.time();
        for _ in 0..REQUESTS / CONNECTIONS {
            for stream in &mut streams {
                stream.write_all(&self.request).unwrap();
            }
            for stream in &mut streams {
                let read = stream.read(&mut space).unwrap();
                assert!(space[..read].starts_with(b"HTTP/1.1 200"), "{}", self.name);
            }
        }
        let spent = (self.time() - before) as f64 / REQUESTS as f64;
        if keep {
            self.times.push(spent);
        }
    }

    fn median(&mut self) -> f64 {
        self.times.sort_by(f64::total_cmp);
        self.times[self.times.len() / 2]
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        end(&mut self.child);
    }
}

/// iamd with what it keeps in this folder, where it goes with it.
fn iamd(folder: &Path, words: &[&str]) -> Command {
    let mut command = cores::server(program::path());
    command.env("TMPDIR", folder);
    command.args(["serve", "--listen", "127.0.0.1:0", "--ephemeral"]).args(words);
    command.env("IAMD_ROOT_ACCESS_KEY_ID", KEY).env("IAMD_ROOT_SECRET_ACCESS_KEY", SECRET);
    command
}

async fn bare_hyper() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    println!("hyper at http://{}", listener.local_addr().unwrap());
    let answer = Bytes::from(vec![b'x'; 500]);
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        stream.set_nodelay(true).unwrap();
        let answer = answer.clone();
        tokio::spawn(async move {
            let service = service_fn(|_| {
                let mut response = http::Response::new(Full::new(answer.clone()));
                let content_type = HeaderValue::from_static("text/xml");
                response.headers_mut().insert("content-type", content_type);
                async { Ok::<_, Infallible>(response) }
            });
            let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

fn main() {
    if std::env::args().any(|word| word == BARE) {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
        runtime.unwrap().block_on(bare_hyper());
    }
    let _kept = load::keep();
    let folder = TempDir::new().unwrap();
    let folder = folder.path();
    let audit = folder.to_str().unwrap();
    let mut bare = cores::server(std::env::current_exe().unwrap());
    let mut servers = [
        Server::start("bare hyper", bare.arg(BARE)),
        Server::start(
            "audit off, log warn",
            &mut iamd(folder, &["--audit", "off", "--log", "warn"]),
        ),
        Server::start(
            "audit on, log warn",
            &mut iamd(folder, &["--audit-dir", audit, "--log", "warn"]),
        ),
        Server::start("audit off, log info", &mut iamd(folder, &["--audit", "off"])),
    ];
    for server in &mut servers {
        if server.name != "bare hyper" {
            let create = signed(
                &server.address,
                KEY,
                SECRET,
                "Action=CreateUser&Version=2010-05-08&UserName=alice",
            );
            let answer = server.send(&create);
            assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        }
        server.round(false);
    }
    for _ in 0..ROUNDS {
        servers.iter_mut().for_each(|server| server.round(true));
    }
    let floor = servers[0].median();
    for server in &mut servers {
        let time = server.median();
        println!("{:20} {time:6.0} ns per request: {:.2}x", server.name, time / floor);
    }
}
