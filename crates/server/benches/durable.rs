//! What durability costs: `CreateUser` with its audit record on disk, for one client against the floor
//! (overwrite in a preallocated file, then fdatasync, on the same disk), and for 64 clients over 64
//! accounts, in rounds of both on servers of their own; and how long a start takes, on an empty directory
//! and on 100,000 users in 20 accounts.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::indexing_slicing,
    reason = "a benchmark that fails may panic, and what it finds it prints"
)]

use std::cmp::Ordering;
use std::fs::{self, File, OpenOptions};
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

mod client;
mod load;
mod program;

use client::signed;
use program::end;

const ROUNDS: usize = 5;
const CLIENTS: usize = 64;
/// So many changes in a round by the one client, and by each of many.
const ALONE: usize = 1000;
const EACH: usize = 500;
const ACCOUNTS_AT_START: usize = 20;
const USERS_AT_START: usize = 5000;

#[derive(Clone)]
struct Key {
    id: String,
    secret: String,
}

struct Server {
    child: Child,
    address: String,
    key: Option<Key>,
}

impl Server {
    /// Starts iamd on a data directory; the key is that of the first account if this start made it.
    fn start(data: &Path) -> Self {
        let mut child = Command::new(program::path())
            .args(["serve", "--listen", "127.0.0.1:0", "--log", "warn", "--data-dir"])
            .arg(data)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.as_mut().unwrap()).lines();
        let first = lines.next().unwrap().unwrap();
        let address = first.split_once(" at http://").unwrap().1.to_owned();
        let csv = data.join("rootkey.csv");
        let key = csv.exists().then(|| {
            let text = fs::read_to_string(csv).unwrap();
            let (id, secret) = text.lines().nth(1).unwrap().split_once(',').unwrap();
            Key { id: id.to_owned(), secret: secret.to_owned() }
        });
        Self { child, address, key }
    }

    fn new_account(&self, data: &Path, number: usize) -> Key {
        let made = Command::new(program::path())
            .args(["account", "create", "--name", &format!("bench {number}")])
            .args(["--email", &format!("root{number}@bench.example"), "--data-dir"])
            .arg(data)
            .output()
            .unwrap();
        let text = String::from_utf8(made.stdout).unwrap();
        let value = |name: &str| {
            let line = text.lines().find_map(|line| line.split_once(&format!("{name}=")));
            line.unwrap_or_else(|| panic!("{text}")).1.to_owned()
        };
        Key { id: value("AWS_ACCESS_KEY_ID"), secret: value("AWS_SECRET_ACCESS_KEY") }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        end(&mut self.child);
    }
}

fn create_users(address: &str, key: &Key, prefix: &str, count: usize) -> Vec<Vec<u8>> {
    let body = |n| format!("Action=CreateUser&Version=2010-05-08&UserName={prefix}-{n}");
    (0..count).map(|n| signed(address, &key.id, &key.secret, &body(n))).collect()
}

/// Sends the requests one after the other; the time of each.
fn send_all(address: &str, requests: &[Vec<u8>]) -> Vec<Duration> {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_nodelay(true).unwrap();
    let mut space = [0; 8192];
    let times = requests.iter().map(|request| {
        let started = Instant::now();
        stream.write_all(request).unwrap();
        let read = stream.read(&mut space).unwrap();
        check(&space[..read]);
        started.elapsed()
    });
    times.collect()
}

fn check(answer: &[u8]) {
    assert!(answer.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(answer));
}

/// The floor: 1 KB over itself in a preallocated file, then fdatasync.
struct Floor(File);

impl Floor {
    fn new(folder: &Path) -> Self {
        let mut file =
            OpenOptions::new().create_new(true).write(true).open(folder.join("floor")).unwrap();
        file.write_all(&vec![1; 1024 * 1024]).unwrap();
        file.sync_all().unwrap();
        Self(file)
    }

    fn once(&mut self, n: usize) -> Duration {
        let started = Instant::now();
        self.0.seek(SeekFrom::Start((n % 1024) as u64 * 1024)).unwrap();
        self.0.write_all(&[2; 1024]).unwrap();
        self.0.sync_data().unwrap();
        started.elapsed()
    }
}

/// The middle one; sorts the values.
fn median<T: Copy>(values: &mut [T], compare: impl Fn(&T, &T) -> Ordering) -> T {
    values.sort_unstable_by(compare);
    values[values.len() / 2]
}

/// What was measured, round by round.
#[derive(Default)]
struct Measured {
    /// From starting the process on an empty directory to the first answer.
    starts: Vec<Duration>,
    ours: Vec<Duration>,
    floors: Vec<Duration>,
    /// Changes per second of the one client, and of many.
    alone: Vec<f64>,
    many: Vec<f64>,
}

impl Measured {
    /// On a new server: one client, interleaved with the floor, and then many.
    fn round(&mut self, folder: &Path) {
        let (server, started) = start_time(&folder.join("data"), None);
        self.starts.push(started);
        let mut keys = vec![server.key.clone().unwrap()];
        keys.extend((1..CLIENTS).map(|it| server.new_account(&folder.join("data"), it)));
        let _kept = load::keep();
        let mut floor = Floor::new(folder);
        let requests = create_users(&server.address, &keys[0], "alone", ALONE);
        let before = self.ours.len();
        for (n, chunk) in requests.chunks(10).enumerate() {
            self.ours.extend(send_all(&server.address, chunk));
            self.floors.extend((0..10).map(|k| floor.once(n * 10 + k)));
        }
        let took: Duration = self.ours[before..].iter().sum();
        self.alone.push(ALONE as f64 / took.as_secs_f64());
        self.many.push(many_clients(&server, &keys));
    }

    fn report(mut self) {
        let start = median(&mut self.starts, Ord::cmp);
        println!("start on an empty directory to the first answer: {start:?}");
        let ours = median(&mut self.ours, Ord::cmp);
        let floor = median(&mut self.floors, Ord::cmp);
        let above = ours.saturating_sub(floor);
        println!("one client: {ours:?} a CreateUser, floor {floor:?}: {above:?} above");
        let mut ratios: Vec<f64> =
            self.many.iter().zip(&self.alone).map(|(many, alone)| many / alone).collect();
        let ratio = median(&mut ratios, f64::total_cmp);
        let alone = median(&mut self.alone, f64::total_cmp);
        let many = median(&mut self.many, f64::total_cmp);
        println!("one client: {alone:.0}/s");
        println!(
            "{CLIENTS} clients over as many accounts: {many:.0}/s, {ratio:.1}x one client ({:.1}-{:.1})",
            ratios[0],
            ratios[ROUNDS - 1]
        );
    }
}

/// Sends the requests of one connection, one after the other, in a thread that waits for the answers of many: a thread
/// for each takes a sixth of what the server could use.
async fn send_beside_others(mut stream: tokio::net::TcpStream, requests: &[Vec<u8>]) {
    let mut space = [0; 8192];
    for request in requests {
        stream.write_all(request).await.unwrap();
        let read = stream.read(&mut space).await.unwrap();
        check(&space[..read]);
    }
}

/// The changes per second of many clients.
fn many_clients(server: &Server, keys: &[Key]) -> f64 {
    let work: Vec<_> =
        keys.iter().map(|key| create_users(&server.address, key, "many", EACH)).collect();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build().unwrap();
    runtime.block_on(async {
        let mut clients = Vec::new();
        for requests in &work {
            let stream = tokio::net::TcpStream::connect(&server.address).await.unwrap();
            stream.set_nodelay(true).unwrap();
            clients.push(send_beside_others(stream, requests));
        }
        let started = Instant::now();
        join_all(clients).await;
        (keys.len() * EACH) as f64 / started.elapsed().as_secs_f64()
    })
}

/// From starting the process to the answer of a signed request.
fn start_time(data: &Path, key: Option<&Key>) -> (Server, Duration) {
    let started = Instant::now();
    let server = Server::start(data);
    let key = key.or(server.key.as_ref()).unwrap();
    let body = "Action=ListUsers&Version=2010-05-08&MaxItems=1";
    let request = signed(&server.address, &key.id, &key.secret, body);
    send_all(&server.address, &[request]);
    (server, started.elapsed())
}

fn main() {
    let folder = TempDir::new_in(std::env::current_dir().unwrap()).unwrap();
    let mut measured = Measured::default();
    for number in 0..ROUNDS {
        let folder = folder.path().join(number.to_string());
        fs::create_dir(&folder).unwrap();
        measured.round(&folder);
    }
    measured.report();

    let data = folder.path().join("large");
    let server = Server::start(&data);
    let mut keys = vec![server.key.clone().unwrap()];
    keys.extend((1..ACCOUNTS_AT_START).map(|number| server.new_account(&data, number)));
    thread::scope(|scope| {
        for key in &keys {
            let requests = create_users(&server.address, key, "user", USERS_AT_START);
            let address = &server.address;
            scope.spawn(move || send_all(address, &requests));
        }
    });
    drop(server);
    let (_server, time) = start_time(&data, keys.last());
    let users = ACCOUNTS_AT_START * USERS_AT_START;
    println!(
        "start on {users} users in {ACCOUNTS_AT_START} accounts to the first answer: {time:?}"
    );
}
