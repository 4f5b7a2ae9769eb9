//! The log in front of sinks that work, wait, fail and panic.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a failing test may panic")]

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, mpsc};

use iamd_audit::{Appended, Discard, EventId, Health, LINE_LIMIT, Line, Log, Lost, Refused, Sink};

/// What a test sees of its sink.
#[derive(Clone, Default)]
struct Seen {
    lines: Arc<Mutex<Vec<Line>>>,
    failing: Arc<AtomicBool>,
}

impl Seen {
    fn texts(&self) -> Vec<String> {
        let lines = self.lines.lock().unwrap();
        lines.iter().map(|line| String::from_utf8(line.json.to_vec()).unwrap()).collect()
    }

    fn fail(&self, failing: bool) {
        self.failing.store(failing, Ordering::SeqCst);
    }
}

struct Probe {
    seen: Seen,
    /// Each append waits for a message, if there is somebody to send one.
    gate: Option<mpsc::Receiver<()>>,
    /// Dropped when the sink is.
    _alive: Option<mpsc::Sender<()>>,
}

impl Sink for Probe {
    fn append(&mut self, lines: &[Line]) -> io::Result<Appended> {
        if let Some(gate) = &self.gate {
            let _ = gate.recv();
        }
        if self.seen.failing.load(Ordering::SeqCst) {
            return Err(io::Error::other("disk on fire"));
        }
        let bytes = lines.iter().map(|line| line.json.len() as u64).sum();
        self.seen.lines.lock().unwrap().extend_from_slice(lines);
        Ok(Appended { lines: lines.len() as u64, bytes, duplicates: 0 })
    }

    fn describe(&self) -> String {
        "probe".to_owned()
    }
}

fn start() -> (Log, Seen) {
    let seen = Seen::default();
    (Log::start(Probe { seen: seen.clone(), gate: None, _alive: None }).unwrap(), seen)
}

fn gated() -> (Log, Seen, mpsc::Sender<()>) {
    let (open, gate) = mpsc::channel();
    let seen = Seen::default();
    (Log::start(Probe { seen: seen.clone(), gate: Some(gate), _alive: None }).unwrap(), seen, open)
}

fn id(number: u8) -> EventId {
    EventId::from_bytes([number; 16])
}

/// What is delivered of a change.
fn change(number: u8, text: &str) -> (EventId, Arc<[u8]>) {
    (id(number), text.as_bytes().into())
}

#[tokio::test]
async fn a_flush_makes_lines_durable_in_order() {
    let (log, seen) = start();
    for text in ["a", "b", "c"] {
        log.submit(text.into()).unwrap();
    }
    log.flush().await.unwrap();
    assert_eq!(seen.texts(), ["a", "b", "c"]);
    let counts = log.counts();
    assert_eq!((counts.lines, counts.bytes, counts.waiting, counts.refused), (3, 3, 0, 0));
    log.flush().await.unwrap();
    assert_eq!(log.health(), Health::Working);
}

#[tokio::test]
async fn a_delivery_returns_by_itself_when_durable() {
    let (log, seen) = start();
    log.submit("read".into()).unwrap();
    log.deliver([change(1, "change"), change(2, "other")]).await.unwrap();
    assert_eq!(seen.texts(), ["read", "change", "other"]);
    let ids: Vec<_> = seen.lines.lock().unwrap().iter().map(|line| line.id).collect();
    assert_eq!(ids, [None, Some(id(1)), Some(id(2))]);
}

#[tokio::test]
async fn a_delivery_may_be_empty_or_longer_than_what_waits_at_once() {
    let (log, seen) = start();
    log.deliver([]).await.unwrap();
    log.deliver((0..5000).map(|_| change(1, "change"))).await.unwrap();
    assert_eq!(seen.texts().len(), 5000);
}

#[tokio::test]
async fn a_full_buffer_refuses_until_there_is_room() {
    let (log, seen, open) = gated();
    let line = vec![b'x'; LINE_LIMIT];
    let taken = (0..).take_while(|_| log.submit(line.clone()).is_ok()).count();
    assert_eq!(taken, 128, "32 MiB of lines that are not durable");
    assert_eq!(log.submit(line.clone()), Err(Refused::Full));
    assert_eq!(log.counts().refused, 2);
    drop(open);
    log.flush().await.unwrap();
    assert_eq!(log.submit(line), Ok(()));
    log.shutdown().await.unwrap();
    assert_eq!(seen.texts().len(), 129, "what was taken is kept, what was refused is not");
}

#[tokio::test]
async fn many_small_lines_fill_the_buffer_too() {
    let (log, _, open) = gated();
    while log.submit(Vec::new()).is_ok() {}
    assert_eq!(log.counts().waiting, 65_536);
    assert_eq!(log.health(), Health::Full);
    drop(open);
    log.shutdown().await.unwrap();
}

#[tokio::test]
async fn a_failing_sink_refuses_and_recovers_without_losing_a_line() {
    let (log, seen) = start();
    seen.fail(true);
    log.submit("a".into()).unwrap();
    assert_eq!(log.flush().await, Err(Refused::Failing));
    assert_eq!(log.health(), Health::Failing("disk on fire".to_owned()));
    assert_eq!(log.submit("b".into()), Err(Refused::Failing));
    assert_eq!(log.flush().await, Err(Refused::Failing), "it stays that way");
    assert_eq!(log.counts().waiting, 1);

    seen.fail(false);
    log.flush().await.unwrap();
    assert_eq!(log.health(), Health::Working);
    log.submit("c".into()).unwrap();
    log.flush().await.unwrap();
    assert_eq!(seen.texts(), ["a", "c"]);
    let counts = log.counts();
    assert_eq!((counts.lines, counts.refused), (2, 1));
    assert!(counts.failures >= 2);
}

#[tokio::test]
async fn a_sink_that_works_again_is_found_without_being_asked() {
    let (log, seen) = start();
    seen.fail(true);
    log.submit("a".into()).unwrap();
    assert_eq!(log.flush().await, Err(Refused::Failing));
    seen.fail(false);
    // Taken although the log is failing, and kept as soon as it is not.
    log.deliver([change(1, "b")]).await.unwrap();
    assert_eq!(seen.texts(), ["a", "b"]);
    assert_eq!(log.health(), Health::Working);
}

#[tokio::test]
async fn shutdown_keeps_what_was_taken_and_takes_no_more() {
    let (log, seen) = start();
    log.submit("a".into()).unwrap();
    log.shutdown().await.unwrap();
    assert_eq!(seen.texts(), ["a"]);
    assert_eq!(log.submit("b".into()), Err(Refused::Closed));
    assert_eq!(log.deliver([change(1, "b")]).await, Err(Refused::Closed));
    assert_eq!(log.flush().await, Err(Refused::Closed));
    assert_eq!(log.health(), Health::Closed);
    assert_eq!(log.shutdown().await, Ok(()));
}

#[tokio::test]
async fn shutdown_says_what_is_lost() {
    let (log, seen, open) = gated();
    log.submit("a".into()).unwrap();
    log.submit("b".into()).unwrap();
    seen.fail(true);
    drop(open);
    assert_eq!(log.shutdown().await, Err(Lost(2)));
}

#[tokio::test]
async fn a_delivery_that_waits_at_the_end_is_told() {
    let (log, seen) = start();
    seen.fail(true);
    let delivery = log.deliver([change(1, "a")]);
    let end = async {
        // The delivery is polled first, so its line is in the queue by now.
        let _ = log.shutdown().await;
    };
    let (delivered, ()) = tokio::join!(delivery, end);
    assert_eq!(delivered, Err(Refused::Closed));
}

#[tokio::test]
async fn a_dropped_log_still_keeps_what_was_taken() {
    let (alive, ended) = mpsc::channel();
    let seen = Seen::default();
    let log = Log::start(Probe { seen: seen.clone(), gate: None, _alive: Some(alive) }).unwrap();
    log.submit("a".into()).unwrap();
    drop(log);
    assert!(ended.recv().is_err(), "nothing is sent; the sender is dropped with the sink");
    assert_eq!(seen.texts(), ["a"]);
}

#[tokio::test]
async fn a_panicking_sink_closes_the_log() {
    struct Panicking;

    impl Sink for Panicking {
        fn append(&mut self, _: &[Line]) -> io::Result<Appended> {
            panic!("on purpose")
        }

        fn describe(&self) -> String {
            String::new()
        }
    }

    let log = Log::start(Panicking).unwrap();
    log.submit("a".into()).unwrap();
    assert_eq!(log.deliver([change(1, "b")]).await, Err(Refused::Closed));
    assert_eq!(log.submit("c".into()), Err(Refused::Closed));
    assert!(log.shutdown().await.is_err());
}

#[tokio::test]
async fn lines_longer_than_any_record_are_refused() {
    let (log, _) = start();
    assert_eq!(log.submit(vec![b'x'; LINE_LIMIT + 1]), Err(Refused::TooLong));
    assert_eq!(log.health(), Health::Working);
}

#[tokio::test]
async fn without_a_log_nothing_is_kept_and_it_says_so() {
    let log = Log::start(Discard).unwrap();
    assert!(!log.keeps());
    assert_eq!(log.describe(), "audit log off: records are discarded");
    log.submit(vec![b'x'; LINE_LIMIT + 1]).unwrap();
    log.deliver([change(1, "a")]).await.unwrap();
    assert_eq!(log.counts(), iamd_audit::Counts::default());
    log.shutdown().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_submit_at_once_and_each_line_is_kept_once_in_its_order() {
    let (log, seen) = start();
    let log = Arc::new(log);
    let threads: Vec<_> = (0u8..8)
        .map(|thread| {
            let log = Arc::clone(&log);
            tokio::spawn(async move {
                for number in 0..500 {
                    let text = format!("{thread} {number:03}");
                    if number % 50 == 0 {
                        log.deliver([change(thread, &text)]).await.unwrap();
                    } else {
                        log.submit(text.into()).unwrap();
                    }
                }
            })
        })
        .collect();
    for thread in threads {
        thread.await.unwrap();
    }
    log.shutdown().await.unwrap();
    let texts = seen.texts();
    for thread in 0..8 {
        let prefix = format!("{thread} ");
        let own: Vec<_> = texts.iter().filter(|text| text.starts_with(&prefix)).collect();
        assert_eq!(own.len(), 500);
        assert!(own.is_sorted());
    }
}
