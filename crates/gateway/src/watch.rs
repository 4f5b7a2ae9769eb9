//! How long each connection has been waiting for its peer, and the reaper that ends the waits.
//!
//! A connection writes only its own [`Watch`], with plain stores; the clock is one word that the
//! reaper advances. So requests take no lock, arm no timer and share no cache line that another
//! core writes.

use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Context;
use std::time::Duration;

use futures_util::task::AtomicWaker;

use crate::Limits;

/// How often the reaper looks. Timeouts are exact to about this much.
pub(crate) const TICK: Duration = Duration::from_millis(250);

/// What a connection without a request in work waits for. Kept in the upper half of a word, with
/// the tick at which the wait began in the lower.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wait {
    /// The next request; nothing of it has come.
    Idle,
    /// The rest of a request head (or of a TLS handshake).
    Head,
    /// The peer's last bytes, after our last.
    Close,
    /// The peer, to take the next piece of a streamed answer.
    Transfer,
}

/// What the reaper or a stop tells a connection to do. Only ever rises.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Order {
    /// Go on.
    Serve,
    /// Finish what is in work, take nothing new.
    Drain,
    /// Close now.
    Cut,
}

/// The state of one connection.
pub(crate) struct Watch {
    clock: Arc<AtomicU32>,
    wait: AtomicU64,
    requests: AtomicU32,
    /// Streamed answers among them.
    transfers: AtomicU32,
    http2: AtomicBool,
    order: AtomicU8,
    waker: AtomicWaker,
}

impl Watch {
    /// The peer sent something.
    pub(crate) fn bytes_arrived(&self) {
        // HTTP/2 peers send frames outside requests (pings, window updates); only new requests
        // count for them.
        let (wait, _) = unpack(self.wait.load(Relaxed));
        if wait == Wait::Idle && self.requests.load(Relaxed) == 0 && !self.http2.load(Relaxed) {
            self.begin(Wait::Head);
        }
    }

    /// A whole request head is there. It is in work until the result is dropped.
    pub(crate) fn request(&self, http2: bool) -> InWork<'_> {
        if http2 {
            self.http2.store(true, Relaxed);
        }
        self.requests.fetch_add(1, Relaxed);
        InWork(self)
    }

    pub(crate) fn is_http2(&self) -> bool {
        self.http2.load(Relaxed)
    }

    /// A streamed answer begins: the request is in work until the result is dropped.
    pub(crate) fn transfer(self: &Arc<Self>) -> Transfer {
        self.requests.fetch_add(1, Relaxed);
        self.transfers.fetch_add(1, Relaxed);
        self.begin(Wait::Transfer);
        Transfer(Arc::clone(self))
    }

    /// We have sent our last byte and wait for the peer's.
    pub(crate) fn closing(&self) {
        self.begin(Wait::Close);
    }

    /// What to do now; the task of `cx` is woken when that changes.
    pub(crate) fn order(&self, cx: &Context<'_>) -> Order {
        self.waker.register(cx.waker());
        match self.order.load(Relaxed) {
            0 => Order::Serve,
            1 => Order::Drain,
            _ => Order::Cut,
        }
    }

    fn give(&self, order: Order) {
        if self.order.fetch_max(order as u8, Relaxed) < order as u8 {
            self.waker.wake();
        }
    }

    fn begin(&self, wait: Wait) {
        self.wait.store(pack(wait, self.clock.load(Relaxed)), Relaxed);
    }

    fn verdict(&self, now: u32, limits: &Limits) -> Order {
        let (wait, since) = unpack(self.wait.load(Relaxed));
        let waited = TICK.saturating_mul(now.wrapping_sub(since));
        match wait {
            Wait::Transfer if waited > limits.stall_timeout => Order::Cut,
            _ if self.requests.load(Relaxed) > 0 => Order::Serve,
            Wait::Head if waited > limits.head_timeout => Order::Cut,
            Wait::Close if waited > limits.linger => Order::Cut,
            Wait::Idle if waited > limits.idle_timeout + limits.linger => Order::Cut,
            Wait::Idle if waited > limits.idle_timeout => Order::Drain,
            _ => Order::Serve,
        }
    }
}

/// A request in work: its handler runs or its body is on the way.
pub(crate) struct InWork<'a>(&'a Watch);

impl Drop for InWork<'_> {
    fn drop(&mut self) {
        // A streamed answer beside it goes on waiting for its peer since when it last moved.
        if self.0.transfers.load(Relaxed) == 0 {
            self.0.begin(Wait::Idle);
        }
        self.0.requests.fetch_sub(1, Relaxed);
    }
}

/// A streamed answer on its way.
pub(crate) struct Transfer(Arc<Watch>);

impl Transfer {
    /// A piece of it moved on.
    pub(crate) fn moved(&self) {
        self.0.begin(Wait::Transfer);
    }
}

impl Drop for Transfer {
    fn drop(&mut self) {
        if self.0.transfers.fetch_sub(1, Relaxed) == 1 {
            self.0.begin(Wait::Idle);
        }
        self.0.requests.fetch_sub(1, Relaxed);
    }
}

fn pack(wait: Wait, tick: u32) -> u64 {
    (wait as u64) << 32 | u64::from(tick)
}

fn unpack(word: u64) -> (Wait, u32) {
    let wait = match word >> 32 {
        0 => Wait::Idle,
        1 => Wait::Head,
        2 => Wait::Close,
        _ => Wait::Transfer,
    };
    (wait, (word & u64::from(u32::MAX)) as u32)
}

/// All connections of one listener.
pub(crate) struct Watches {
    clock: Arc<AtomicU32>,
    limits: Limits,
    open: Mutex<Vec<Arc<Watch>>>,
}

impl Watches {
    pub(crate) fn new(limits: Limits) -> Self {
        Self { clock: Arc::default(), limits, open: Mutex::default() }
    }

    /// Watches a new connection, until all but the register's reference are gone.
    pub(crate) fn watch(&self) -> Arc<Watch> {
        let watch = Arc::new(Watch {
            clock: Arc::clone(&self.clock),
            wait: AtomicU64::new(pack(Wait::Head, self.clock.load(Relaxed))),
            requests: AtomicU32::new(0),
            transfers: AtomicU32::new(0),
            http2: AtomicBool::new(false),
            order: AtomicU8::new(Order::Serve as u8),
            waker: AtomicWaker::new(),
        });
        self.with_open(|open| open.push(Arc::clone(&watch)));
        watch
    }

    /// Tells every connection.
    pub(crate) fn order(&self, order: Order) {
        self.with_open(|open| open.iter().for_each(|watch| watch.give(order)));
    }

    /// Advances the clock and ends the waits that are over, for ever.
    pub(crate) async fn reap(&self) {
        let mut ticks = tokio::time::interval(TICK);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            let now = self.clock.fetch_add(1, Relaxed).wrapping_add(1);
            self.with_open(|open| {
                open.retain(|watch| Arc::strong_count(watch) > 1);
                for watch in open {
                    watch.give(watch.verdict(now, &self.limits));
                }
            });
        }
    }

    fn with_open<T>(&self, run: impl FnOnce(&mut Vec<Arc<Watch>>) -> T) -> T {
        // A panic while the lock is held leaves a list of references, which is never half-made.
        run(&mut self.open.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
