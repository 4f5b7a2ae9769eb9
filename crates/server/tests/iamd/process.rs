//! The running binary, and the least client that can talk to it.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::time::{SystemTime, UNIX_EPOCH};

use iamd_sigv4::{Credentials, Payload, RequestParts, Settings, sign};
use tempfile::TempDir;

/// A folder to work in, gone afterwards.
pub(crate) struct Folder(TempDir);

impl Folder {
    pub(crate) fn new() -> Self {
        Self(TempDir::new().unwrap())
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// `iamd` in this folder, without the variables of whoever runs the tests.
    pub(crate) fn iamd(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_iamd"));
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("IAMD_")) {
            command.env_remove(name);
        }
        command.args(words).current_dir(self.0.path());
        command
    }

    /// Runs a command to its end, which must be a success; its standard output.
    pub(crate) fn run(&self, words: &[&str]) -> String {
        let output = self.iamd(words).output().unwrap();
        let errors = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.success(), "{words:?}: {errors}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// Runs a command that must be refused: exit code 1, one line. The line.
    pub(crate) fn refused(&self, words: &[&str]) -> String {
        refused(&mut self.iamd(words))
    }

    /// Starts a server, on a port of its own unless told where.
    pub(crate) fn serve(&self, words: &[&str]) -> Server {
        let port: &[&str] =
            if words.contains(&"--listen") { &[] } else { &["--listen", "127.0.0.1:0"] };
        let words = [&["serve"], port, words].concat();
        Server::start(self.iamd(&words))
    }

    pub(crate) fn dir(&self) -> &Path {
        self.0.path()
    }
}

/// Runs a command that must be refused: exit code 1, one line on standard error, nothing on
/// standard output. The line without the log lines before it.
pub(crate) fn refused(command: &mut Command) -> String {
    let output = command.output().unwrap();
    let errors = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{errors}");
    assert_eq!(String::from_utf8(output.stdout).unwrap(), "");
    let lines: Vec<_> = errors.lines().collect();
    assert_eq!(lines.len(), 1, "{errors}");
    lines[0].strip_prefix("iamd: ").expect(lines[0]).to_owned()
}

/// A running server.
pub(crate) struct Server {
    child: Child,
    out: BufReader<ChildStdout>,
    /// `127.0.0.1:PORT`
    pub(crate) address: String,
}

impl Server {
    /// Starts it and waits until it says where it is.
    pub(crate) fn start(mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        out.read_line(&mut line).unwrap();
        let Some((_, address)) = line.trim_end().split_once(" at http://") else {
            let mut errors = String::new();
            child.stderr.unwrap().read_to_string(&mut errors).unwrap();
            panic!("{line:?}: {errors}");
        };
        let address = address.to_owned();
        Self { child, out, address }
    }

    /// Sends a signal by its name.
    pub(crate) fn signal(&self, name: &str) {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args(["-s", name, &id]).status().unwrap().success());
    }

    /// Waits for the end: how it ended, and the rest of standard output and standard error.
    pub(crate) fn ended(mut self) -> (ExitStatus, String, String) {
        let (mut out, mut errors) = (String::new(), String::new());
        self.out.read_to_string(&mut out).unwrap();
        self.child.stderr.take().unwrap().read_to_string(&mut errors).unwrap();
        (self.child.wait().unwrap(), out, errors)
    }

    /// Stops it in good order; what it had printed.
    pub(crate) fn stop(self) -> String {
        self.signal("TERM");
        let (status, out, errors) = self.ended();
        assert!(status.success(), "{errors}");
        out
    }

    /// Reads on until a line that begins so; the lines so far.
    pub(crate) fn read_until(&mut self, start: &str) -> String {
        let mut text = String::new();
        loop {
            let before = text.len();
            assert!(self.out.read_line(&mut text).unwrap() > 0, "no line {start:?}: {text}");
            if text[before..].starts_with(start) {
                return text;
            }
        }
    }

    /// Reads the log until a line with this text.
    pub(crate) fn read_log_until(&mut self, part: &str) {
        // Byte by byte: what comes after is for others.
        let log = self.child.stderr.as_mut().unwrap();
        let mut text = Vec::new();
        while !String::from_utf8_lossy(&text).contains(part) {
            let mut byte = [0];
            log.read_exact(&mut byte).unwrap();
            text.push(byte[0]);
        }
    }

    /// Status and body of the answer to a GET.
    pub(crate) fn get(&self, target: &str) -> (u16, String) {
        self.ask(&format!("GET {target} HTTP/1.1\r\nhost: iamd\r\nconnection: close\r\n\r\n"))
    }

    /// The answer to a signed call of STS's GetCallerIdentity.
    pub(crate) fn who_am_i(&self, id: &str, secret: &str) -> (u16, String) {
        let body = "Action=GetCallerIdentity&Version=2011-06-15";
        let host = ("host", self.address.as_bytes());
        let form = ("content-type", b"application/x-www-form-urlencoded".as_slice());
        let headers = [host, form];
        let parts = RequestParts { method: "POST", target: "/", headers: &headers };
        let credentials =
            Credentials { access_key_id: id, secret_access_key: secret, session_token: None };
        let settings = Settings::query("sts", Some("us-east-1"));
        let payload = Payload::Bytes(body.as_bytes());
        let signed = sign(&parts, payload, &credentials, now(), &settings).unwrap();
        let mut head =
            format!("POST / HTTP/1.1\r\nconnection: close\r\ncontent-length: {}\r\n", body.len());
        for (name, value) in headers {
            head.push_str(&format!("{name}: {}\r\n", String::from_utf8_lossy(value)));
        }
        for (name, value) in signed {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        self.ask(&format!("{head}\r\n{body}"))
    }

    fn ask(&self, request: &str) -> (u16, String) {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        (head[9..12].parse().unwrap(), body.to_owned())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Seconds since the epoch: the server's clock is the system's.
#[expect(clippy::disallowed_methods, reason = "signatures must be fresh for a real server")]
fn now() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs().try_into().unwrap()
}

/// The values of the `export NAME=VALUE` lines.
pub(crate) fn exports(text: &str) -> BTreeMap<&str, &str> {
    text.lines()
        .filter_map(|line| line.strip_prefix("export "))
        .flat_map(|line| line.split(' '))
        .filter_map(|pair| pair.split_once('='))
        .collect()
}
