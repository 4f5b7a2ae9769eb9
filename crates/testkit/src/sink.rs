//! An audit sink that tests can read.

use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use iamd_audit::{Appended, Line, Sink};
use tokio::sync::Notify;

/// How long a test waits for a record before it fails.
const PATIENCE: Duration = Duration::from_secs(20);

/// The records that were kept, in order, as JSON lines. Clones share them.
#[derive(Clone, Default)]
pub struct Recorded(Arc<Shared>);

#[derive(Default)]
struct Shared {
    lines: Mutex<Vec<Line>>,
    appended: Notify,
}

impl Recorded {
    /// The records so far.
    pub fn lines(&self) -> Vec<String> {
        let lines = self.0.lines.lock().unwrap();
        lines.iter().map(|line| String::from_utf8(line.json.to_vec()).unwrap()).collect()
    }

    /// The first record that holds all of these texts, once it is there.
    pub async fn wait_for(&self, texts: &[&str]) -> String {
        let found = async {
            loop {
                let appended = self.0.appended.notified();
                let lines = self.lines();
                let mut matching =
                    lines.into_iter().filter(|line| texts.iter().all(|text| line.contains(text)));
                if let Some(line) = matching.next() {
                    return line;
                }
                appended.await;
            }
        };
        match tokio::time::timeout(PATIENCE, found).await {
            Ok(line) => line,
            Err(_) => panic!("no record with {texts:?} among {:#?}", self.lines()),
        }
    }
}

impl Sink for Recorded {
    fn append(&mut self, lines: &[Line]) -> io::Result<Appended> {
        let mut kept = self.0.lines.lock().unwrap();
        let mut appended = Appended::default();
        for line in lines {
            if line.id.is_some() && kept.iter().any(|other| other.id == line.id) {
                appended.duplicates += 1;
                continue;
            }
            appended.lines += 1;
            appended.bytes += line.json.len() as u64;
            kept.push(line.clone());
        }
        self.0.appended.notify_one();
        Ok(appended)
    }

    fn describe(&self) -> String {
        "kept for the test".to_owned()
    }
}
