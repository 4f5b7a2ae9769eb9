//! The log: a bounded buffer in front of a sink, emptied by a thread of its own.
//!
//! It keeps lines or says that it does not; it never waits on a request's behalf and never drops a
//! line that it took. INVARIANT: a line is counted as waiting until the sink has made it durable,
//! so what waits is bounded, and a sink that fails turns new lines away until it works again.

use std::io;
use std::mem;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use thiserror::Error;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use crate::sink::{Appended, Line, Sink};
use crate::{EventId, LINE_LIMIT};

/// How long a line waits for others before all go to the sink together. With the time of the write
/// itself it stays below 100 ms.
const GATHER: Duration = Duration::from_millis(50);
/// How long after a failure the sink is tried again.
const RETRY: Duration = Duration::from_millis(500);
/// How many bytes of submitted lines may wait.
const WAITING_BYTES: usize = 32 * 1024 * 1024;
/// How many lines may wait.
const WAITING_LINES: usize = 65_536;
/// The sink is called at once when so many bytes wait.
const HURRY_BYTES: usize = WAITING_BYTES / 4;
/// How many lines of deliveries may wait; others wait for their turn.
const DELIVERED: u32 = 4096;

/// Takes records, and has a sink keep them. Dropping it ends the thread once the sink was given
/// what waits; [`Log::shutdown`] also tells how that went.
pub struct Log {
    shared: Arc<Shared>,
    deliveries: Arc<Semaphore>,
    ended: Mutex<Option<oneshot::Receiver<Result<(), Lost>>>>,
    description: String,
    keeps: bool,
}

/// The log did not take a line. What it records must not happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Refused {
    /// As much waits as may.
    #[error("the audit log's buffer is full")]
    Full,
    /// The sink failed, and has not worked since.
    #[error("the audit log cannot be written")]
    Failing,
    /// The log was shut down.
    #[error("the audit log is closed")]
    Closed,
    /// The line is longer than any record.
    #[error("longer than an audit record can be")]
    TooLong,
}

/// Lines that were taken and could not be kept before the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("{0} audit records could not be written before the end")]
pub struct Lost(pub usize);

/// Whether the log takes lines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Health {
    /// It does.
    Working,
    /// It does not: as much waits as may.
    Full,
    /// It does not: the sink failed for this reason, which is for the operator alone.
    Failing(String),
    /// It does not: it was shut down.
    Closed,
}

/// What happened since the start.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Lines that are durable.
    pub lines: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Deliveries that the sink had already.
    pub duplicates: u64,
    /// Lines that were not taken.
    pub refused: u64,
    /// Calls of the sink that failed.
    pub failures: u64,
    /// Lines that wait now.
    pub waiting: u64,
}

/// Somebody who waits for lines to be durable.
struct Delivery {
    durable: oneshot::Sender<()>,
    /// Frees the lines' places when dropped.
    _places: OwnedSemaphorePermit,
}

#[derive(Default)]
struct State {
    /// What the thread has not taken.
    lines: Vec<Line>,
    deliveries: Vec<Delivery>,
    flushes: Vec<oneshot::Sender<Result<(), Refused>>>,
    /// Lines and bytes that are not durable: those here and those that the thread has.
    waiting_lines: usize,
    waiting_bytes: usize,
    failure: Option<String>,
    closed: bool,
    counts: Counts,
}

struct Shared {
    state: Mutex<State>,
    wake: Condvar,
}

impl Log {
    /// Starts the log and its thread. Fails when the system gives no thread.
    pub fn start(sink: impl Sink + 'static) -> io::Result<Self> {
        let shared = Arc::new(Shared { state: Mutex::new(State::default()), wake: Condvar::new() });
        let (end, ended) = oneshot::channel();
        let (keeps, description) = (sink.keeps(), sink.describe());
        let shared_too = Arc::clone(&shared);
        let writer = Writer { shared: shared_too, sink, lines: Vec::new(), deliveries: Vec::new() };
        std::thread::Builder::new().name("audit".to_owned()).spawn(move || {
            // Nobody may have asked how it ends.
            let _ = end.send(writer.run());
        })?;
        let deliveries = Arc::new(Semaphore::new(DELIVERED as usize));
        let ended = Mutex::new(Some(ended));
        Ok(Self { shared, deliveries, ended, description, keeps })
    }

    /// Whether records are kept at all. If not, none need be made.
    pub fn keeps(&self) -> bool {
        self.keeps
    }

    /// For the start-up message: where records go.
    pub fn describe(&self) -> &str {
        &self.description
    }

    /// Takes the line of a read or a denial, to be durable within 100 ms. Refused when it cannot
    /// be kept, and then the request is to be refused as well.
    pub fn submit(&self, json: Vec<u8>) -> Result<(), Refused> {
        if !self.keeps {
            return Ok(());
        }
        let wake = self.shared.lock().take(json)?;
        if wake {
            self.shared.wake.notify_one();
        }
        Ok(())
    }

    /// Delivers the lines of outbox entries; returns when all are durable, at once if they were before.
    /// A failing sink only delays it. Dropping the future does not take lines back.
    ///
    /// # Errors
    /// [`Refused::Closed`] when the log ended before; the entries stay where they are.
    pub async fn deliver(
        &self,
        lines: impl IntoIterator<Item = (EventId, Arc<[u8]>)>,
    ) -> Result<(), Refused> {
        if !self.keeps {
            return Ok(());
        }
        let line = |(id, json)| Line { id: Some(id), json: Bytes::from_owner(json) };
        let lines: Vec<Line> = lines.into_iter().map(line).collect();
        if lines.is_empty() {
            return Ok(());
        }
        let places = u32::try_from(lines.len()).unwrap_or(DELIVERED).min(DELIVERED);
        let places = Arc::clone(&self.deliveries).acquire_many_owned(places).await;
        let places = places.map_err(|_| Refused::Closed)?;
        let (durable, kept) = oneshot::channel();
        let mut wake = false;
        {
            let mut state = self.shared.lock();
            if state.closed {
                return Err(Refused::Closed);
            }
            state.deliveries.push(Delivery { durable, _places: places });
            lines.into_iter().for_each(|line| wake |= state.push(line));
        }
        if wake {
            self.shared.wake.notify_one();
        }
        kept.await.map_err(|_| Refused::Closed)
    }

    /// Has everything taken so far made durable now. A failing sink is tried again at once.
    ///
    /// # Errors
    /// [`Refused::Failing`] when the sink failed; the lines are kept for the next attempt.
    pub async fn flush(&self) -> Result<(), Refused> {
        let (done, outcome) = oneshot::channel();
        {
            let mut state = self.shared.lock();
            if state.closed {
                return Err(Refused::Closed);
            }
            state.flushes.push(done);
        }
        self.shared.wake.notify_one();
        outcome.await.map_err(|_| Refused::Closed)?
    }

    /// Takes no more lines, and has those it took made durable, in one attempt.
    ///
    /// # Errors
    /// How many lines the sink did not take. Outbox entries among them are not lost.
    pub async fn shutdown(&self) -> Result<(), Lost> {
        self.close();
        let ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner).take();
        match ended {
            Some(ended) => match ended.await {
                Ok(outcome) => outcome,
                // The thread panicked.
                Err(_) => Err(Lost(self.shared.lock().waiting_lines)),
            },
            None => Ok(()),
        }
    }

    /// Whether lines are taken.
    pub fn health(&self) -> Health {
        let state = self.shared.lock();
        match state.refusal(0) {
            None | Some(Refused::TooLong) => Health::Working,
            Some(Refused::Full) => Health::Full,
            Some(Refused::Failing) => Health::Failing(state.failure.clone().unwrap_or_default()),
            Some(Refused::Closed) => Health::Closed,
        }
    }

    /// What happened since the start.
    pub fn counts(&self) -> Counts {
        let state = self.shared.lock();
        Counts { waiting: state.waiting_lines as u64, ..state.counts }
    }

    fn close(&self) {
        self.deliveries.close();
        self.shared.lock().closed = true;
        self.shared.wake.notify_one();
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        self.close();
    }
}

impl Shared {
    /// The state stays whole when a thread panics: no change of it can.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Takes a line; whether the thread is to be woken.
    fn take(&mut self, json: Vec<u8>) -> Result<bool, Refused> {
        if let Some(refused) = self.refusal(json.len()) {
            self.counts.refused += 1;
            return Err(refused);
        }
        Ok(self.push(Line { id: None, json: json.into() }))
    }

    /// Why a line of this length is not taken, if it is not.
    fn refusal(&self, bytes: usize) -> Option<Refused> {
        if self.closed {
            Some(Refused::Closed)
        } else if self.failure.is_some() {
            Some(Refused::Failing)
        } else if bytes > LINE_LIMIT {
            Some(Refused::TooLong)
        } else if self.waiting_lines >= WAITING_LINES || self.waiting_bytes + bytes > WAITING_BYTES
        {
            Some(Refused::Full)
        } else {
            None
        }
    }

    /// Adds a line; whether the thread is to be woken. It sleeps when there is none, and gathers
    /// until there is a hurry. Waking it for every line would cost more than the line.
    fn push(&mut self, line: Line) -> bool {
        let hurried = self.in_hurry();
        self.waiting_lines += 1;
        self.waiting_bytes += line.json.len();
        self.lines.push(line);
        self.lines.len() == 1 || (!hurried && self.in_hurry())
    }

    fn is_idle(&self) -> bool {
        self.lines.is_empty() && !self.is_called()
    }

    fn in_hurry(&self) -> bool {
        self.is_called() || self.waiting_bytes >= HURRY_BYTES
    }

    fn is_called(&self) -> bool {
        self.closed || !self.flushes.is_empty()
    }
}

/// The thread's side.
struct Writer<S> {
    shared: Arc<Shared>,
    sink: S,
    /// Taken, and not durable yet.
    lines: Vec<Line>,
    deliveries: Vec<Delivery>,
}

impl<S: Sink> Writer<S> {
    /// Works until the log is closed; then tries once more.
    fn run(mut self) -> Result<(), Lost> {
        loop {
            let (flushes, closed) = self.gather();
            let kept = self.keep();
            for flush in flushes {
                // A caller that went away needs no answer.
                let _ = flush.send(if kept { Ok(()) } else { Err(Refused::Failing) });
            }
            if closed {
                return if kept { Ok(()) } else { Err(Lost(self.lines.len())) };
            }
        }
    }

    /// Waits until there is something to do, and takes it.
    fn gather(&mut self) -> (Vec<oneshot::Sender<Result<(), Refused>>>, bool) {
        let Shared { wake, .. } = &*self.shared;
        let state = self.shared.lock();
        let outcome = if self.lines.is_empty() {
            let state = wake.wait_while(state, |state| state.is_idle());
            let state = state.unwrap_or_else(PoisonError::into_inner);
            wake.wait_timeout_while(state, GATHER, |state| !state.in_hurry())
        } else {
            wake.wait_timeout_while(state, RETRY, |state| !state.is_called())
        };
        let (mut state, _) = outcome.unwrap_or_else(PoisonError::into_inner);
        self.lines.append(&mut state.lines);
        self.deliveries.append(&mut state.deliveries);
        (mem::take(&mut state.flushes), state.closed)
    }

    /// Gives the lines to the sink; `false` when they stay here.
    fn keep(&mut self) -> bool {
        if self.lines.is_empty() {
            return true;
        }
        match self.sink.append(&self.lines) {
            Ok(appended) => self.settle(appended),
            Err(error) => self.fail(&error),
        }
        self.lines.is_empty()
    }

    fn settle(&mut self, appended: Appended) {
        let mut state = self.shared.lock();
        state.waiting_lines -= self.lines.len();
        state.waiting_bytes -= self.lines.iter().map(|line| line.json.len()).sum::<usize>();
        state.counts.lines += appended.lines;
        state.counts.bytes += appended.bytes;
        state.counts.duplicates += appended.duplicates;
        let recovered = state.failure.take().is_some();
        drop(state);
        self.lines.clear();
        for delivery in self.deliveries.drain(..) {
            // A caller that went away delivers again some time, and the sink will know the line.
            let _ = delivery.durable.send(());
        }
        if recovered {
            tracing::info!("the audit log is written again");
        }
    }

    fn fail(&self, error: &io::Error) {
        let mut state = self.shared.lock();
        state.counts.failures += 1;
        let first = state.failure.replace(error.to_string()).is_none();
        drop(state);
        if first {
            tracing::error!(%error, "the audit log cannot be written: requests are refused");
        }
    }
}

/// However the thread ends, a panic of the sink included: nothing is taken any more, and nobody
/// waits.
impl<S> Drop for Writer<S> {
    fn drop(&mut self) {
        let mut state = self.shared.lock();
        state.closed = true;
        state.flushes.clear();
        state.deliveries.clear();
    }
}
