//! What our checks add to a small `GetObject`, and what streams cost: processor time of the whole binary against
//! the same listener over the same files without a check. Each server is a process of its own, on one core, and the
//! load is on the other; rounds are interleaved, figures are medians.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::indexing_slicing,
    reason = "a benchmark that fails may panic, and what it finds it prints"
)]

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::thread;
use std::time::{SystemTime, UNIX_EPOCH};

use futures_util::StreamExt;
use http::{HeaderMap, StatusCode};
use iamd_credentials::Keyring;
use iamd_gateway::{
    Arriving, Handler, Head, Limits, Listener, Payload, Plan, Refusal, Request, Response, serve,
};
use iamd_objects::{
    Attributes, BucketName, Declared, Get, Key, Objects, Portion, Put, ReadCondition, Tools,
    Versioning, WriteCondition,
};
use iamd_sigv4::{Credentials, Payload as Signed, RequestParts, Settings, sign};
use iamd_testkit::{FixedClock, SeededEntropy};
use iamd_types::Clock;
use tempfile::TempDir;

mod cores;
mod load;
mod program;

use program::end;

const CONNECTIONS: usize = 16;
const REQUESTS: usize = 8_000;
const ROUNDS: usize = 7;
/// Bytes of the small object.
const SMALL: usize = 1024;
/// Streams at once, and bytes of each.
const STREAMS: usize = 64;
const LARGE: usize = 32 << 20;

const KEY: &str = "AKIAIOSFODNN7EXAMPLE";
const SECRET: &str = "only-for-this-benchmark";
const BARE: &str = "--bare-objects";

struct Server {
    name: &'static str,
    child: Child,
    address: String,
    times: Vec<f64>,
}

impl Server {
    /// Starts a server that prints `… at http://ADDRESS`.
    fn start(name: &'static str, command: &mut Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        let address = line.trim_end().split_once(" at http://").unwrap().1.to_owned();
        Self { name, child, address, times: Vec::new() }
    }

    fn signed(&self, line: &str, body: &[u8]) -> Vec<u8> {
        signed_s3(&self.address, KEY, SECRET, line, body)
    }

    fn send(&self, request: &[u8]) {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        stream.write_all(request).unwrap();
        let mut space = [0; 8192];
        let read = stream.read(&mut space).unwrap();
        assert!(space.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&space[..read]));
    }

    /// Nanoseconds on processors so far, all threads together, ended ones too.
    fn time(&self) -> u64 {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.child.id())).unwrap();
        let fields: Vec<&str> = stat.rsplit_once(')').unwrap().1.split_ascii_whitespace().collect();
        let ticks = |at: usize| fields[at].parse::<u64>().unwrap();
        (ticks(11) + ticks(12)) * 10_000_000
    }

    /// The most memory that it has had resident, in bytes.
    fn peak(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
        line.split_ascii_whitespace().nth(1).unwrap().parse::<u64>().unwrap() * 1024
    }

    /// Reads the small object many times over, and keeps the nanoseconds per request.
    fn round(&mut self, keep: bool) {
        let request = self.signed("GET /bench/small", b"");
        let mut streams: Vec<_> =
            (0..CONNECTIONS).map(|_| TcpStream::connect(&self.address).unwrap()).collect();
        let before = self.time();
        for _ in 0..REQUESTS / CONNECTIONS {
            for stream in &mut streams {
                stream.write_all(&request).unwrap();
            }
            for stream in &mut streams {
                read_answer(stream, SMALL);
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

/// Reads an answer of 200 whose body has this length.
fn read_answer(stream: &mut TcpStream, length: usize) {
    let mut space = [0; 65536];
    let (mut read, mut head) = (0, 0);
    while head == 0 || read < head + length {
        let at = if head == 0 { read } else { 0 };
        let more = stream.read(&mut space[at..]).unwrap();
        assert!(more > 0, "the answer ended early");
        read += more;
        if head == 0 {
            let end = space[..read].windows(4).position(|four| four == b"\r\n\r\n");
            head = end.map_or(0, |end| end + 4);
            assert!(head == 0 || space.starts_with(b"HTTP/1.1 200"));
        }
    }
}

/// Serves one bucket's objects to everybody.
struct Bare {
    objects: Objects,
}

impl Handler for Bare {
    type Mark = ();

    async fn handle(&self, _: Request) -> Response {
        self.refuse(Refusal::Failed, ())
    }

    fn plan(&self, _: &Head<'_>) -> Plan<()> {
        Plan { streams: true, ..Plan::default() }
    }

    async fn stream(&self, request: Request<Arriving>) -> Response {
        let key = request.target.path().rsplit('/').next().unwrap();
        let get = Get {
            key: Key::new(key).unwrap(),
            version: None,
            condition: ReadCondition::default(),
            portion: Portion::Whole,
            seen: None,
        };
        let object = self.objects.bucket(&bucket()).unwrap().get(get).await.unwrap();
        let length = Some(object.info.size);
        let bytes = object.body.map(|piece| piece.map_err(Into::into)).boxed();
        let body = Payload::Stream { length, bytes };
        Response { status: StatusCode::OK, headers: HeaderMap::new(), body }
    }

    fn refuse(&self, _: Refusal, (): ()) -> Response {
        let body = Payload::from(Vec::new());
        Response { status: StatusCode::BAD_REQUEST, headers: HeaderMap::new(), body }
    }
}

fn bucket() -> BucketName {
    BucketName::new("bench").unwrap()
}

async fn bare(folder: &Path) {
    let clock: Arc<dyn Clock> = Arc::new(FixedClock::new());
    let entropy = Arc::new(SeededEntropy::new(1));
    let keyring = Arc::new(Keyring::generate(&*entropy, clock.now()));
    let objects = Objects::open(folder, Tools { clock, entropy, keyring }).unwrap();
    let bucket = objects.create_bucket(&bucket()).await.unwrap();
    let put = Put {
        key: Key::new("small").unwrap(),
        attributes: Attributes::default(),
        declared: Declared::default(),
        condition: WriteCondition::default(),
        versioning: Versioning::Off,
        encrypt: true,
    };
    let body = [Ok::<_, std::io::Error>(bytes::Bytes::from(vec![b'x'; SMALL]))];
    bucket.put(put, futures_util::stream::iter(body)).await.unwrap();
    let listener = Listener::tcp("127.0.0.1:0".parse().unwrap()).await.unwrap();
    println!("objects at http://{}", listener.address().unwrap());
    serve(listener, Arc::new(Bare { objects }), Limits::default(), std::future::pending()).await;
}

/// iamd with its objects in this folder, where they go with it.
fn iamd(folder: &Path, words: &[&str]) -> Command {
    let mut command = cores::server(program::path());
    command.env("TMPDIR", folder);
    command.args(["serve", "--listen", "127.0.0.1:0", "--ephemeral", "--log", "warn"]).args(words);
    command.env("IAMD_ROOT_ACCESS_KEY_ID", KEY).env("IAMD_ROOT_SECRET_ACCESS_KEY", SECRET);
    command
}

/// A request for S3, `METHOD PATH`, signed for now with its body's hash.
#[expect(clippy::disallowed_methods, reason = "a client signs for the time that it is")]
fn signed_s3(address: &str, key: &str, secret: &str, line: &str, body: &[u8]) -> Vec<u8> {
    let (method, target) = line.split_once(' ').unwrap_or_default();
    let headers = [("host", address.as_bytes())];
    let parts = RequestParts { method, target, headers: &headers };
    let credentials =
        Credentials { access_key_id: key, secret_access_key: secret, session_token: None };
    let settings = Settings::s3(Some("us-east-1"));
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let payload = Signed::Bytes(body);
    let added = sign(&parts, payload, &credentials, now.try_into().unwrap(), &settings).unwrap();
    let mut head = format!("{method} {target} HTTP/1.1\r\nhost: {address}\r\n");
    head.push_str(&format!("content-length: {}\r\n", body.len()));
    for (name, value) in added {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    [head.as_bytes(), b"\r\n", body].concat()
}

/// Uploads on all streams at once, then downloads.
fn streams(server: &Server) {
    let body = vec![b'x'; LARGE];
    let memory = server.peak();
    let all = |what: &str, method: &str, body: &[u8], answered: usize| {
        // The most from now on (proc(5)).
        fs::write(format!("/proc/{}/clear_refs", server.child.id()), "5").unwrap();
        let time = server.time();
        thread::scope(|scope| {
            for number in 0..STREAMS {
                scope.spawn(move || {
                    let request = server.signed(&format!("{method} /bench/large-{number}"), body);
                    let mut stream = TcpStream::connect(&server.address).unwrap();
                    stream.write_all(&request).unwrap();
                    read_answer(&mut stream, answered);
                });
            }
        });
        println!(
            "{STREAMS} {what} of {} MiB at once: {} KiB of memory each, {:.2} ns of processor time a byte",
            LARGE >> 20,
            (server.peak().saturating_sub(memory) / STREAMS as u64) >> 10,
            (server.time() - time) as f64 / (STREAMS * LARGE) as f64,
        );
    };
    all("uploads", "PUT", &body, 0);
    all("downloads", "GET", b"", LARGE);
}

/// A server in front of another one, which keeps the bucket `bench`.
fn in_front_of(store: &str, folder: &Path) -> Command {
    use std::os::unix::fs::PermissionsExt;
    let secret = folder.join("store.secret");
    fs::write(&secret, SECRET).unwrap();
    fs::set_permissions(&secret, fs::Permissions::from_mode(0o600)).unwrap();
    let text = format!(
        "[s3_stores.behind]\nurl = \"http://{store}\"\naccess_key_id = \"{KEY}\"\n\
         secret_access_key_file = \"{}\"\nbody_signing = \"never\"\n\
         [s3_stores.behind.buckets]\nbench = \"{ACCOUNT}\"\n",
        secret.display()
    );
    let config = folder.join("front.toml");
    fs::write(&config, text).unwrap();
    let mut command = iamd(folder, &["--audit", "off", "--account-id", ACCOUNT]);
    command.arg("--config").arg(config);
    command
}

const ACCOUNT: &str = "111122223333";

fn main() {
    let mut words = std::env::args().skip_while(|word| word != BARE).skip(1);
    if let Some(folder) = words.next() {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
        runtime.unwrap().block_on(bare(Path::new(&folder)));
        return;
    }
    let _kept = load::keep();
    let folder = TempDir::new().unwrap();
    let audit = folder.path().join("audit");
    let mut bare = cores::server(std::env::current_exe().unwrap());
    let store = Server::start("the store", &mut iamd(folder.path(), &["--audit", "off"]));
    let mut front = in_front_of(&store.address, folder.path());
    let mut servers = [
        Server::start("the files alone", bare.arg(BARE).arg(folder.path().join("objects"))),
        Server::start("audit off", &mut iamd(folder.path(), &["--audit", "off"])),
        Server::start(
            "audit on",
            &mut iamd(folder.path(), &["--audit-dir", audit.to_str().unwrap()]),
        ),
        Server::start("through a store", &mut front),
    ];
    for server in [&store, &servers[1], &servers[2]] {
        server.send(&server.signed("PUT /bench", b""));
        server.send(&server.signed("PUT /bench/small", &[b'x'; SMALL]));
    }
    servers.iter_mut().for_each(|server| server.round(false));
    for _ in 0..ROUNDS {
        servers.iter_mut().for_each(|server| server.round(true));
    }
    let floor = servers[0].median();
    for server in &mut servers {
        let time = server.median();
        print!("{:16} {:6.1} us per GetObject of {SMALL} bytes", server.name, time / 1000.0);
        match server.name {
            // The store's own time is the store's.
            "through a store" => println!(", the store's aside"),
            _ => println!(": {:.1} us added", (time - floor) / 1000.0),
        }
    }
    streams(&servers[1]);
}
