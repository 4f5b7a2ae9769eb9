//! The accept loop, one connection's life, and stopping.

use std::future::{Future, poll_fn};
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use tokio::sync::Semaphore;

use crate::body::Budget;
use crate::exchange::{Connection, Shared, exchange};
use crate::limits::{HTTP2_CONNECTION_WINDOW, HTTP2_STREAM_WINDOW, MAX_STREAMS};
use crate::listener::{Accepted, Ready};
use crate::stream::Stream;
use crate::waker::connection_waker;
use crate::watch::{Order, Watch, Watches};
use crate::{Handler, Limits, Listener};

/// How long to wait when the system has no more sockets for us.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// The smallest head buffer that the HTTP/1.1 parser works with.
const MIN_HEAD: usize = 8 << 10;

/// How a listener ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Drained {
    /// Every request in work was answered.
    Clean,
    /// The drain bound passed; connections were cut.
    Cut,
}

/// Serves until `stop` is done, then lets the requests in work finish within [`Limits::drain`].
/// The listener is closed first, so new connections are refused by the system.
pub async fn serve<H: Handler>(
    listener: Listener,
    handler: Arc<H>,
    limits: Limits,
    stop: impl Future<Output = ()>,
) -> Drained {
    let budget = Budget::new(limits.bodies_in_flight);
    let large = Budget::new(limits.large_bodies);
    let shared = Arc::new(Shared { handler, limits, budget, large });
    let watches = Watches::new(limits);
    let slots = Arc::new(Semaphore::new(limits.connections as usize));
    let mut reaping = pin!(watches.reap());

    tokio::select! {
        () = accept(&listener, &shared, &watches, &slots) => {}
        () = &mut reaping => {}
        () = stop => {}
    }
    drop(listener);
    watches.order(Order::Drain);
    // All slots are free when no connection is left.
    let drained = tokio::select! {
        _ = slots.acquire_many(limits.connections) => Drained::Clean,
        () = tokio::time::sleep(limits.drain) => Drained::Cut,
        () = reaping => Drained::Cut,
    };
    watches.order(Order::Cut);
    drained
}

async fn accept<H: Handler>(
    listener: &Listener,
    shared: &Arc<Shared<H>>,
    watches: &Watches,
    slots: &Arc<Semaphore>,
) {
    let http = Arc::new(protocol(&shared.limits));
    // The semaphore is never closed.
    while let Ok(slot) = Arc::clone(slots).acquire_owned().await {
        let accepted = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(error) => {
                if !concerns_one_peer(&error) {
                    tracing::warn!(%error, "cannot accept connections");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
                continue;
            }
        };
        let watch = watches.watch();
        let http = Arc::clone(&http);
        let shared = Arc::clone(shared);
        tokio::spawn(async move {
            converse(&http, accepted, shared, watch).await;
            drop(slot);
        });
    }
}

/// Errors of `accept` that say something about the connection at hand and nothing about the next.
fn concerns_one_peer(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionRefused
            | io::ErrorKind::Interrupted
    )
}

/// One connection, from its first byte to its last.
async fn converse<H: Handler>(
    http: &Builder<TokioExecutor>,
    accepted: Accepted,
    shared: Arc<Shared<H>>,
    watch: Arc<Watch>,
) {
    let Some(Ok(ready)) = unless_cut(&watch, accepted.ready()).await else {
        return;
    };
    let Ready { socket, peer, tls, client } = ready;
    let stream = TokioIo::new(Stream::new(socket, Arc::clone(&watch)));
    let connection = Arc::new(Connection { shared, watch: Arc::clone(&watch), peer, tls, client });
    let service = service_fn(move |request| exchange(Arc::clone(&connection), request));
    let mut served = pin!(http.serve_connection(stream, service));
    let mut draining = false;
    let waker = poll_fn(|cx| Poll::Ready(connection_waker(cx.waker(), &watch))).await;
    let ended = poll_fn(|cx| {
        match watch.order(cx) {
            Order::Cut => return Poll::Ready(Ok(())),
            Order::Drain if !draining => {
                draining = true;
                served.as_mut().graceful_shutdown();
            }
            Order::Drain | Order::Serve => {}
        }
        served.as_mut().poll(&mut Context::from_waker(&waker))
    })
    .await;
    if let Err(error) = ended {
        // Peers that vanish or speak nonsense are daily business.
        tracing::debug!(?peer, error, "connection ended early");
    }
}

/// The future's output, unless the connection is to be cut first.
async fn unless_cut<T>(watch: &Watch, future: impl Future<Output = T>) -> Option<T> {
    let mut future = pin!(future);
    poll_fn(|cx| match watch.order(cx) {
        Order::Cut => Poll::Ready(None),
        Order::Drain | Order::Serve => future.as_mut().poll(cx).map(Some),
    })
    .await
}

/// HTTP/1.1 and HTTP/2 by what the peer's first bytes are. The parser's own timers stay off: they
/// cost an allocation per request, and the [`Watch`] does their work.
fn protocol(limits: &Limits) -> Builder<TokioExecutor> {
    let head = limits.head.max(MIN_HEAD);
    let mut http = Builder::new(TokioExecutor::new());
    // Peers may close their side once the request is sent; they still get the answer.
    // One buffer for head and body: copying a small body costs less than a vectored write.
    http.http1().header_read_timeout(None).max_buf_size(head).half_close(true).writev(false);
    http.http2()
        .max_concurrent_streams(MAX_STREAMS)
        .max_header_list_size(u32::try_from(head).unwrap_or(u32::MAX))
        .initial_connection_window_size(HTTP2_CONNECTION_WINDOW)
        .initial_stream_window_size(HTTP2_STREAM_WINDOW);
    http
}
