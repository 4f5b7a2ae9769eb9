//! Wakes that nothing would come of.
//!
//! HTTP/1.1 wakes a connection's task whenever a piece of a request's body is taken, so that it reads the
//! next one. After the last piece there is none: every request with a body would run the task a second
//! time, in vain. So whoever takes a piece holds the wakes back, and gives them on where more may come.

use std::cell::Cell;
use std::sync::Arc;
use std::task::{Wake, Waker};

use crate::watch::Watch;

thread_local! {
    /// What becomes of a wake that this thread gives to a connection.
    static WAKES: Cell<Wakes> = const { Cell::new(Wakes::Given) };
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Wakes {
    Given,
    /// A piece of a body is being taken. No wake has come of it.
    Held,
    /// One has.
    Missed,
}

/// Wakes the task of a connection.
struct ConnectionWaker {
    task: Waker,
    watch: Arc<Watch>,
}

/// The waker of a connection. `task` is that of the task which the connection has for all its life.
pub(crate) fn connection_waker(task: &Waker, watch: &Arc<Watch>) -> Waker {
    let waker = ConnectionWaker { task: task.clone(), watch: Arc::clone(watch) };
    Waker::from(Arc::new(waker))
}

impl Wake for ConnectionWaker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        // The connection of an HTTP/2 stream is another task, which tells the peer to send more.
        if WAKES.get() == Wakes::Given || self.watch.is_http2() {
            self.task.wake_by_ref();
        } else {
            WAKES.set(Wakes::Missed);
        }
    }
}

/// Takes a piece of a body. Whether the connection was to be woken for it, and was not, comes with the result.
pub(crate) fn hold_wakes<T>(take: impl FnOnce() -> T) -> (T, bool) {
    let _given_after = GiveWakes;
    WAKES.set(Wakes::Held);
    let taken = take();
    (taken, WAKES.get() == Wakes::Missed)
}

/// Ends [`hold_wakes`], also when what it runs panics.
struct GiveWakes;

impl Drop for GiveWakes {
    fn drop(&mut self) {
        WAKES.set(Wakes::Given);
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::pin::pin;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::Context;

    use http_body_util::Full;
    use hyper::body::{Bytes, Incoming};
    use hyper::server::conn::http1;
    use hyper::service::service_fn;
    use hyper_util::rt::TokioIo;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;
    use crate::Limits;
    use crate::body::{Bounds, Budget, receive};
    use crate::watch::Watches;

    #[derive(Default)]
    struct Count(AtomicUsize);

    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    async fn echo(
        request: hyper::Request<Incoming>,
    ) -> Result<hyper::Response<Full<Bytes>>, Infallible> {
        let limits = Limits::default();
        let (bytes, large) = (Budget::new(100), Budget::new(1));
        let bounds = Bounds { limit: 100, limits: &limits, bytes: &bytes, large: &large };
        let (body, _share) = receive(request.into_body(), &bounds).await.unwrap();
        Ok(hyper::Response::new(Full::new(body)))
    }

    /// Runs a connection once for each of these pieces of a request; its answer, and how often each run has
    /// it woken.
    async fn converse(pieces: &[&str]) -> (String, Vec<usize>) {
        let (mut client, server) = tokio::io::duplex(1000);
        let count = Arc::new(Count::default());
        let watch = Watches::new(Limits::default()).watch();
        let waker = connection_waker(&Waker::from(Arc::clone(&count)), &watch);
        let mut served =
            pin!(http1::Builder::new().serve_connection(TokioIo::new(server), service_fn(echo)));
        let mut wakes = Vec::new();
        for piece in pieces {
            client.write_all(piece.as_bytes()).await.unwrap();
            count.0.store(0, Ordering::Relaxed);
            assert!(served.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
            wakes.push(count.0.load(Ordering::Relaxed));
        }
        let mut answer = vec![0; 1000];
        let length = client.read(&mut answer).await.unwrap();
        answer.truncate(length);
        (String::from_utf8(answer).unwrap(), wakes)
    }

    const HEAD: &str = "POST / HTTP/1.1\r\nhost: localhost\r\ncontent-length: 5\r\n\r\n";

    #[tokio::test]
    async fn a_connection_is_not_woken_for_a_body_that_it_has_given_whole() {
        let (answer, wakes) = converse(&[&format!("{HEAD}hello")]).await;
        assert!(answer.ends_with("\r\n\r\nhello"), "{answer}");
        assert_eq!(wakes, [0]);
    }

    #[tokio::test]
    async fn a_connection_is_woken_for_the_rest_of_a_body() {
        let (answer, wakes) = converse(&[&format!("{HEAD}hel"), "lo"]).await;
        assert!(answer.ends_with("\r\n\r\nhello"), "{answer}");
        assert_eq!(wakes.first(), Some(&1));
    }
}
