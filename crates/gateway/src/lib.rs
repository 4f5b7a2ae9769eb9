//! Listeners: HTTP/1.1, HTTP/2 and TLS in front of a [`Handler`].
//!
//! It turns sockets into bounded [`Request`]s, whole or with a body that arrives, and writes
//! [`Response`]s back. It knows no
//! AWS service, no protocol above HTTP and no rule about who may do what; what a refusal looks
//! like on the wire is asked of the handler too.
//!
//! The one idea: whatever a peer does costs us a bounded amount of memory and time, and a peer
//! that behaves pays for none of the bookkeeping. So there is no timer per request: each
//! connection keeps a few words of state in a [`watch`], and one reaper looks at them all.
//!
//! The future that [`Handler::handle`] returns is dropped when the peer goes away or the drain
//! bound has passed: work that must be finished once begun belongs into a task of its own.

mod body;
mod exchange;
mod forwarded;
mod limits;
mod listener;
mod request;
mod serve;
mod stream;
mod tls;
mod transfer;
mod waker;
mod watch;

pub use forwarded::{Caller, caller};
pub use limits::Limits;
pub use listener::{BindError, Listener};
pub use request::{
    Handler, Head, Payload, Peer, Plan, Refusal, Request, Response, StreamError, TlsInfo,
};
pub use serve::{Drained, serve};
pub use tls::{Tls, TlsError};
pub use transfer::{Arriving, Broken};
