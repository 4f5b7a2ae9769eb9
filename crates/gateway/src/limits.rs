//! What a peer may cost, in bytes, connections and seconds.

use std::time::Duration;

/// The limits of one listener. [`Limits::default`] is what a production server wants.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// The longest request body in bytes.
    pub body: usize,
    /// The longest request body where the handler takes large ones, in bytes.
    pub large_body: usize,
    /// How many bodies above [`Limits::body`] may be received or in the handler's hands at once; what a
    /// handler makes of one may take several times its size.
    pub large_bodies: usize,
    /// The longest request head (request line and header fields together) in bytes; HTTP/1.1
    /// answers 431 beyond. Not below 8 KiB.
    pub head: usize,
    /// Bytes of bodies that may be received or in the handler's hands, over all connections; bodies that
    /// arrive in one piece, as small ones do, are not counted.
    pub bodies_in_flight: usize,
    /// Connections open at once; more wait in the kernel's queue.
    pub connections: u32,
    /// From the first byte of a request head to its last; also from accepting a connection to
    /// its first whole head, TLS handshake included.
    pub head_timeout: Duration,
    /// From the end of the head to the end of the body.
    pub body_timeout: Duration,
    /// How long the peer of a streamed body may take for its next piece, either way.
    pub stall_timeout: Duration,
    /// How long a connection may stay without a request in work.
    pub idle_timeout: Duration,
    /// How long the rest of what a refused peer sends is read and thrown away, so that it gets to
    /// see the refusal.
    pub linger: Duration,
    /// How long requests in work may take to finish after a stop is asked for.
    pub drain: Duration,
}

/// Header fields in one request. HTTP/1.1 answers 431 beyond, before the handler is asked.
pub(crate) const MAX_HEADERS: usize = 100;

/// Streams that one HTTP/2 connection may have open.
pub(crate) const MAX_STREAMS: u32 = 100;

/// Bytes that one HTTP/2 connection, and one of its streams, may send ahead of being read.
pub(crate) const HTTP2_CONNECTION_WINDOW: u32 = 1 << 20;
pub(crate) const HTTP2_STREAM_WINDOW: u32 = 1 << 18;

/// Bytes of a refused request that are read and thrown away, so that the peer sees the refusal.
pub(crate) const MAX_LINGER: usize = 4 << 20;

impl Default for Limits {
    fn default() -> Self {
        Self {
            body: 1 << 20,
            large_body: 16 << 20,
            large_bodies: 4,
            head: 64 << 10,
            bodies_in_flight: 256 << 20,
            connections: 10_000,
            head_timeout: Duration::from_secs(10),
            body_timeout: Duration::from_secs(30),
            stall_timeout: Duration::from_secs(60),
            idle_timeout: Duration::from_secs(75),
            linger: Duration::from_secs(2),
            drain: Duration::from_secs(20),
        }
    }
}
