//! Work that takes milliseconds of a processor and megabytes: hashing passwords.

use std::sync::atomic::{AtomicUsize, Ordering};

use iamd_types::{Code, Error};
use tokio::sync::Semaphore;

/// How many pieces of such work run at once in this process; each takes up to 64 MiB.
pub const SLOW_AT_ONCE: usize = 4;
/// How many may wait for their turn.
const WAITING: usize = 64;

// Of the process and not of a server: memory is the process's.
static TURNS: Semaphore = Semaphore::const_new(SLOW_AT_ONCE);
static WAITERS: AtomicUsize = AtomicUsize::new(0);

/// Somebody who waits for a turn.
struct Waiter;

impl Waiter {
    fn enter() -> Option<Self> {
        let waiter = Self;
        (WAITERS.fetch_add(1, Ordering::Relaxed) < WAITING).then_some(waiter)
    }
}

impl Drop for Waiter {
    fn drop(&mut self) {
        WAITERS.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Runs the work on a thread where it holds up no request.
///
/// # Errors
/// `Throttling` when too much of it waits already.
pub async fn slowly<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Error> {
    let Some(waiter) = Waiter::enter() else {
        return Err(Error::new(Code::Throttling, "Rate exceeded"));
    };
    let turn = TURNS.acquire().await.map_err(Error::internal)?;
    drop(waiter);
    // The turn goes with the work: a caller that hangs up does not make room for more of it.
    let work = move || {
        let _turn = turn;
        work()
    };
    tokio::task::spawn_blocking(work).await.map_err(Error::internal)
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    /// Whoever asks and hangs up, over and over, must not get more work done at once than others.
    #[tokio::test]
    async fn who_hangs_up_does_not_free_a_turn() {
        let (started, mut starts) = tokio::sync::mpsc::unbounded_channel();
        let mut ends = Vec::new();
        for _ in 0..SLOW_AT_ONCE {
            let (end, wait) = mpsc::channel::<()>();
            let started = started.clone();
            let asked = tokio::spawn(slowly(move || {
                started.send(()).unwrap();
                wait.recv().ok()
            }));
            starts.recv().await.unwrap();
            asked.abort();
            assert!(asked.await.unwrap_err().is_cancelled());
            ends.push(end);
        }
        assert_eq!(TURNS.available_permits(), 0);
        let next = tokio::spawn(slowly(|| "done"));
        drop(ends);
        assert_eq!(next.await.unwrap().unwrap(), "done");
    }
}
