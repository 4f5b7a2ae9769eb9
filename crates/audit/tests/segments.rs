//! The directory of segments: what is kept, cut, dropped and begun.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "a failing test may panic"
)]

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use iamd_audit::{Appended, EventId, Health, JsonLines, Line, Log, OpenError, Refused, Sink};
use iamd_types::{Clock, Timestamp};
use proptest::prelude::*;
use tempfile::TempDir;

/// Seconds since the epoch, set by the test.
#[derive(Clone)]
struct Hand(Arc<AtomicI64>);

impl Hand {
    fn new() -> Self {
        Self(Arc::new(AtomicI64::new(1_770_888_600)))
    }

    fn turn(&self, seconds: i64) {
        self.0.fetch_add(seconds, Ordering::SeqCst);
    }
}

impl Clock for Hand {
    fn now(&self) -> Timestamp {
        Timestamp::from_seconds(self.0.load(Ordering::SeqCst))
    }
}

fn open_with(directory: &Path, clock: &Hand, limit: u64) -> JsonLines {
    JsonLines::open(directory, Arc::new(clock.clone()), limit).unwrap()
}

fn open(directory: &Path) -> JsonLines {
    open_with(directory, &Hand::new(), JsonLines::SEGMENT_LIMIT)
}

fn id(number: u8) -> EventId {
    EventId::from_bytes([number; 16])
}

fn json(number: u8, read_only: bool) -> String {
    format!(r#"{{"eventID":"{}","readOnly":{read_only}}}"#, id(number))
}

/// The line of a change, from an outbox.
fn change(number: u8) -> Line {
    Line { id: Some(id(number)), json: json(number, false).into() }
}

fn read(number: u8) -> Line {
    Line { id: None, json: json(number, true).into() }
}

fn segments(directory: &Path) -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> = directory
        .read_dir()
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "jsonl"))
        .collect();
    paths.sort();
    paths
}

fn names(directory: &Path) -> Vec<String> {
    let name = |path: &PathBuf| path.file_name().unwrap().to_str().unwrap().to_owned();
    segments(directory).iter().map(name).collect()
}

fn contents(directory: &Path) -> String {
    segments(directory).iter().map(|path| fs::read_to_string(path).unwrap()).collect()
}

#[test]
fn lines_are_appended_to_one_file() {
    let directory = TempDir::new().unwrap();
    let mut sink = open(directory.path());
    assert!(segments(directory.path()).is_empty(), "no segment before the first line");
    let appended = sink.append(&[read(1), change(2)]).unwrap();
    sink.append(&[read(3)]).unwrap();
    assert_eq!(names(directory.path()), ["audit-20260212T093000Z-0001.jsonl"]);
    let expected = format!("{}\n{}\n{}\n", json(1, true), json(2, false), json(3, true));
    assert_eq!(contents(directory.path()), expected);
    let bytes = json(1, true).len() + json(2, false).len() + 2;
    assert_eq!(appended, Appended { lines: 2, bytes: bytes as u64, duplicates: 0 });
    assert!(sink.describe().ends_with(directory.path().to_str().unwrap()));
}

#[cfg(unix)]
#[test]
fn only_the_owner_may_read_it() {
    use std::os::unix::fs::PermissionsExt;
    let parent = TempDir::new().unwrap();
    let directory = parent.path().join("audit");
    open(&directory).append(&[read(1)]).unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&directory), 0o700);
    assert_eq!(mode(&segments(&directory)[0]), 0o600);
}

#[test]
fn a_directory_has_one_writer() {
    let directory = TempDir::new().unwrap();
    let first = open(directory.path());
    let clock = Arc::new(Hand::new());
    let second = JsonLines::open(directory.path(), clock.clone(), 1);
    assert!(matches!(second, Err(OpenError::Locked(_))));
    drop(first);
    assert!(JsonLines::open(directory.path(), clock, 1).is_ok());
}

#[test]
fn a_torn_last_line_is_cut_at_reopening() {
    let directory = TempDir::new().unwrap();
    open(directory.path()).append(&[change(1), change(2)]).unwrap();
    let whole = contents(directory.path());
    let path = segments(directory.path()).remove(0);
    let torn = json(3, false);
    for tail in [&torn[..torn.len() / 2], &torn, "{}\n", "\0\0\0\0", "\0\n\0\n", "}\n"] {
        let mut file = fs::OpenOptions::new().append(true).open(&path).unwrap();
        file.write_all(tail.as_bytes()).unwrap();
        let mut sink = open(directory.path());
        assert_eq!(contents(directory.path()), whole, "{tail:?}");
        // What was cut was never acknowledged, so it can come again.
        let appended = sink.append(&[change(3)]).unwrap();
        assert_eq!(appended.lines, 1, "{tail:?}");
        drop(sink);
        assert_eq!(contents(directory.path()), format!("{whole}{}\n", json(3, false)));
        fs::write(&path, &whole).unwrap();
    }
}

#[test]
fn duplicates_are_written_once() {
    let directory = TempDir::new().unwrap();
    let mut sink = open(directory.path());
    let first = sink.append(&[change(1), change(2), change(1)]).unwrap();
    assert_eq!((first.lines, first.duplicates), (2, 1));
    let second = sink.append(&[change(2)]).unwrap();
    assert_eq!(second, Appended { lines: 0, bytes: 0, duplicates: 1 });
    drop(sink);
    let third = open(directory.path()).append(&[change(1), change(3)]).unwrap();
    assert_eq!((third.lines, third.duplicates), (1, 1));
    assert_eq!(contents(directory.path()).lines().count(), 3);
}

#[test]
fn ids_of_the_segment_before_the_newest_are_remembered_too() {
    let directory = TempDir::new().unwrap();
    let clock = Hand::new();
    let mut sink = open_with(directory.path(), &clock, 1);
    for number in 1..=3 {
        sink.append(&[change(number)]).unwrap();
    }
    drop(sink);
    let mut sink = open_with(directory.path(), &clock, 1);
    let appended = sink.append(&[change(1), change(2), change(3)]).unwrap();
    assert_eq!((appended.lines, appended.duplicates), (1, 2), "the first is too long ago");
}

#[test]
fn an_event_id_within_a_parameter_is_not_the_records() {
    let directory = TempDir::new().unwrap();
    let inner = format!(r#"{{"requestParameters":{{"eventID":"{}","#, id(7));
    let text =
        format!(r#""x":"\"eventID\":\"{}\""}},"eventID":"{}","readOnly":false}}"#, id(8), id(9));
    let line = Line { id: Some(id(9)), json: format!("{inner}{text}").into() };
    open(directory.path()).append(&[line]).unwrap();
    let mut sink = open(directory.path());
    for (number, duplicates) in [(7, 0), (8, 0), (9, 1)] {
        assert_eq!(sink.append(&[change(number)]).unwrap().duplicates, duplicates, "{number}");
    }
}

#[test]
fn a_segment_ends_before_it_grows_beyond_the_limit() {
    let directory = TempDir::new().unwrap();
    let clock = Hand::new();
    let limit = 2 * (json(1, true).len() as u64 + 1);
    let mut sink = open_with(directory.path(), &clock, limit);
    for number in 1..=5 {
        sink.append(&[read(number)]).unwrap();
        clock.turn(1);
    }
    assert_eq!(
        names(directory.path()),
        [
            "audit-20260212T093000Z-0001.jsonl",
            "audit-20260212T093002Z-0001.jsonl",
            "audit-20260212T093004Z-0001.jsonl",
        ]
    );
    assert_eq!(contents(directory.path()).lines().count(), 5);
}

#[test]
fn names_ascend_whatever_the_clock_does() {
    let directory = TempDir::new().unwrap();
    let clock = Hand::new();
    for step in [0, 0, -3600, 7200] {
        clock.turn(step);
        open_with(directory.path(), &clock, 1).append(&[read(1)]).unwrap();
    }
    assert_eq!(
        names(directory.path()),
        [
            "audit-20260212T093000Z-0001.jsonl",
            "audit-20260212T093000Z-0002.jsonl",
            "audit-20260212T093000Z-0003.jsonl",
            "audit-20260212T103000Z-0001.jsonl",
        ]
    );
}

#[test]
fn other_files_are_left_alone() {
    let directory = TempDir::new().unwrap();
    let others = ["audit-20260212T093000Z-1.jsonl", "audit-x-0001.jsonl", "notes.txt"];
    for name in others {
        fs::write(directory.path().join(name), "mine").unwrap();
    }
    open(directory.path()).append(&[read(1)]).unwrap();
    for name in others {
        assert_eq!(fs::read_to_string(directory.path().join(name)).unwrap(), "mine");
    }
}

#[test]
fn a_line_feed_cannot_split_a_record() {
    let directory = TempDir::new().unwrap();
    let line = Line { id: None, json: "{\"a\":\n1}".into() };
    open(directory.path()).append(&[line]).unwrap();
    assert_eq!(contents(directory.path()), "{\"a\": 1}\n");
}

#[tokio::test]
async fn the_log_outlives_a_directory_that_goes_away() {
    let parent = TempDir::new().unwrap();
    let directory = parent.path().join("audit");
    let log = Log::start(open_with(&directory, &Hand::new(), 1)).unwrap();
    log.submit(json(1, true).into()).unwrap();
    log.flush().await.unwrap();

    let away = parent.path().join("away");
    fs::rename(&directory, &away).unwrap();
    log.submit(json(2, true).into()).unwrap();
    assert_eq!(log.flush().await, Err(Refused::Failing));
    assert_eq!(log.submit(json(3, true).into()), Err(Refused::Failing));
    assert!(matches!(log.health(), Health::Failing(_)));

    fs::rename(&away, &directory).unwrap();
    log.flush().await.unwrap();
    log.submit(json(4, true).into()).unwrap();
    log.shutdown().await.unwrap();
    let expected: String = [1, 2, 4].map(|number| json(number, true) + "\n").concat();
    assert_eq!(contents(&directory), expected);
}

#[tokio::test]
async fn a_delivery_repeated_after_a_crash_is_written_once() {
    let directory = TempDir::new().unwrap();
    for expected in [(1, 0), (0, 1)] {
        let log = Log::start(open(directory.path())).unwrap();
        log.deliver([(id(1), json(1, false).into_bytes().into())]).await.unwrap();
        let counts = log.counts();
        assert_eq!((counts.lines, counts.duplicates), expected);
        log.shutdown().await.unwrap();
    }
    assert_eq!(contents(directory.path()), json(1, false) + "\n");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    /// A crash leaves any beginning of the last batch behind, then perhaps noise.
    #[test]
    fn whatever_a_crash_leaves_the_acknowledged_lines_stay(
        cut: prop::sample::Index, noise in prop::collection::vec(any::<u8>(), 0..60),
    ) {
        let directory = TempDir::new().unwrap();
        open(directory.path()).append(&[change(1), read(2)]).unwrap();
        let path = segments(directory.path()).remove(0);
        let acknowledged = fs::read(&path).unwrap();
        let next = format!("{}\n{}\n", json(3, false), json(4, true));
        let left = &next.as_bytes()[..cut.index(next.len())];
        fs::write(&path, [&acknowledged, left, &noise].concat()).unwrap();

        open(directory.path()).append(&[change(3), change(1)]).unwrap();
        let contents = fs::read(&path).unwrap();
        prop_assert!(contents.starts_with(&acknowledged));
        let lines: Vec<&[u8]> = contents.split(|byte| *byte == b'\n').collect();
        let third = json(3, false);
        prop_assert_eq!(lines.iter().filter(|line| **line == third.as_bytes()).count(), 1);
        prop_assert_eq!(contents.last(), Some(&b'\n'));
    }
}
