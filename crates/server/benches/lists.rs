//! What the long answers cost in an account of 5,000 users and 1,000 roles: a page of a list, and everything that
//! `GetAccountAuthorizationDetails` tells, as one client sees them over HTTP; and the memory that it takes.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::indexing_slicing,
    reason = "a benchmark that fails may panic, and what it finds it prints"
)]

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

mod client;
mod program;

use client::signed;
use program::end;

/// AWS's default quotas of users and roles in an account.
const USERS: usize = 5_000;
const ROLES: usize = 1_000;
const ROUNDS: usize = 5;

const KEY: &str = "AKIAIOSFODNN7EXAMPLE";
const SECRET: &str = "only-for-this-benchmark";
/// `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:Get*","Resource":"*"}]}`
const POLICY: &str = "%7B%22Version%22%3A%222012-10-17%22%2C%22Statement%22%3A%5B%7B%22Effect%22%3A%22Allow%22%2C\
    %22Action%22%3A%22s3%3AGet*%22%2C%22Resource%22%3A%22*%22%7D%5D%7D";
/// `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}]}`
const TRUST: &str = "%7B%22Version%22%3A%222012-10-17%22%2C%22Statement%22%3A%5B%7B%22Effect%22%3A%22Allow%22%2C\
    %22Principal%22%3A%7B%22Service%22%3A%22ec2.amazonaws.com%22%7D%2C%22Action%22%3A%22sts%3AAssumeRole%22%7D%5D%7D";

struct Server {
    child: Child,
    address: String,
    stream: TcpStream,
}

impl Server {
    fn start() -> Self {
        let mut command = Command::new(program::path());
        command.args([
            "serve",
            "--listen",
            "127.0.0.1:0",
            "--ephemeral",
            "--audit",
            "off",
            "--log",
            "warn",
        ]);
        command.env("IAMD_ROOT_ACCESS_KEY_ID", KEY).env("IAMD_ROOT_SECRET_ACCESS_KEY", SECRET);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        let address = line.trim_end().split_once(" at http://").unwrap().1.to_owned();
        let stream = TcpStream::connect(&address).unwrap();
        stream.set_nodelay(true).unwrap();
        Self { child, address, stream }
    }

    /// The body of the answer.
    fn ask(&mut self, body: &str) -> String {
        let body = format!("{body}&Version=2010-05-08");
        self.stream.write_all(&signed(&self.address, KEY, SECRET, &body)).unwrap();
        let mut reader = BufReader::with_capacity(1 << 16, &self.stream);
        let mut status = String::new();
        reader.read_line(&mut status).unwrap();
        let mut length = 0;
        loop {
            let mut line = String::new();
            reader.read_line(&mut line).unwrap();
            let Some((name, value)) = line.split_once(": ") else { break };
            if name.eq_ignore_ascii_case("content-length") {
                length = value.trim_end().parse().unwrap();
            }
        }
        let mut answer = vec![0; length];
        reader.read_exact(&mut answer).unwrap();
        let answer = String::from_utf8(answer).unwrap();
        assert!(status.starts_with("HTTP/1.1 200"), "{body}: {status}{answer}");
        answer
    }

    /// Follows the markers to the end: what each page took, and how many bytes came.
    fn pages(&mut self, action: &str, size: usize) -> (Vec<Duration>, usize) {
        let (mut times, mut bytes, mut marker) = (vec![], 0, String::new());
        loop {
            let request = format!("Action={action}&MaxItems={size}{marker}");
            let started = Instant::now();
            let answer = self.ask(&request);
            times.push(started.elapsed());
            bytes += answer.len();
            let Some((_, rest)) = answer.split_once("<Marker>") else { return (times, bytes) };
            marker = format!("&Marker={}", encoded(rest.split_once('<').unwrap().0));
        }
    }

    /// What the kernel says of the process's memory, in MiB: `VmRSS` now, `VmHWM` at the most.
    fn memory(&self, name: &str) -> usize {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find(|line| line.starts_with(name)).unwrap();
        line.split_ascii_whitespace().nth(1).unwrap().parse::<usize>().unwrap() / 1024
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        end(&mut self.child);
    }
}

fn encoded(marker: &str) -> String {
    marker.replace('%', "%25").replace('+', "%2B").replace('/', "%2F").replace('=', "%3D")
}

fn fill(server: &mut Server) {
    for number in 0..USERS {
        let user = format!("user-{number:04}");
        let tag = "Tags.member.1.Key=team&Tags.member.1.Value=blue";
        server.ask(&format!("Action=CreateUser&UserName={user}&Path=%2Fstaff%2F&{tag}"));
        server.ask(&format!(
            "Action=PutUserPolicy&UserName={user}&PolicyName=Reads&PolicyDocument={POLICY}"
        ));
    }
    for number in 0..ROLES {
        let role = format!("role-{number:04}");
        server.ask(&format!("Action=CreateRole&RoleName={role}&AssumeRolePolicyDocument={TRUST}"));
        server.ask(&format!(
            "Action=PutRolePolicy&RoleName={role}&PolicyName=Reads&PolicyDocument={POLICY}"
        ));
    }
}

fn report(server: &mut Server, action: &str, size: usize) {
    let (mut pages, mut totals, mut bytes) = (vec![], vec![], 0);
    for _ in 0..ROUNDS {
        let (times, read) = server.pages(action, size);
        totals.push(times.iter().sum::<Duration>());
        pages.extend(times);
        bytes = read;
    }
    let count = pages.len() / ROUNDS;
    pages.sort();
    totals.sort();
    println!(
        "{action:31} MaxItems={size:4}: {count:3} pages of {:6.2} ms (slowest {:6.2}); all of it {:7.1} ms, {:5} KiB",
        pages[pages.len() / 2].as_secs_f64() * 1e3,
        pages[pages.len() - 1].as_secs_f64() * 1e3,
        totals[ROUNDS / 2].as_secs_f64() * 1e3,
        bytes / 1024,
    );
}

fn main() {
    let mut server = Server::start();
    fill(&mut server);
    let before = server.memory("VmRSS");
    for size in [100, 1_000] {
        for action in ["ListUsers", "ListRoles", "GetAccountAuthorizationDetails"] {
            report(&mut server, action, size);
        }
    }
    println!(
        "memory: {before} MiB with {USERS} users and {ROLES} roles; {} MiB at the most while they were listed",
        server.memory("VmHWM")
    );
}
