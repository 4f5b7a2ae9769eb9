//! One type for the three kinds of socket, watched: so that the HTTP machinery is compiled once.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, UnixStream};
use tokio_rustls::server::TlsStream;

use crate::limits::MAX_LINGER;
use crate::watch::Watch;

/// A connected socket.
pub(crate) enum Socket {
    Tcp(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
    Unix(UnixStream),
}

/// A socket that reports to its connection's [`Watch`], and that closes in a way that lets the
/// peer read our last answer.
pub(crate) struct Stream {
    socket: Socket,
    watch: Arc<Watch>,
    shut: bool,
    thrown_away: usize,
}

impl Stream {
    pub(crate) fn new(socket: Socket, watch: Arc<Watch>) -> Self {
        Self { socket, watch, shut: false, thrown_away: 0 }
    }
}

macro_rules! with_socket {
    ($stream:expr, $socket:ident => $result:expr) => {
        match &mut $stream.socket {
            Socket::Tcp($socket) => $result,
            Socket::Tls($socket) => $result,
            Socket::Unix($socket) => $result,
        }
    };
}

impl AsyncRead for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let result = with_socket!(self, socket => Pin::new(socket).poll_read(cx, buffer));
        if buffer.filled().len() > before {
            self.watch.bytes_arrived();
        }
        result
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        with_socket!(self, socket => Pin::new(socket).poll_write(cx, bytes))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        with_socket!(self, socket => Pin::new(socket).poll_write_vectored(cx, slices))
    }

    fn is_write_vectored(&self) -> bool {
        match &self.socket {
            Socket::Tcp(socket) => socket.is_write_vectored(),
            Socket::Tls(socket) => socket.is_write_vectored(),
            Socket::Unix(socket) => socket.is_write_vectored(),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        with_socket!(self, socket => Pin::new(socket).poll_flush(cx))
    }

    /// Says that we are done, then reads what the peer still sends until it is done too.
    ///
    /// Closing a socket with unread bytes resets it, and a reset makes the peer's kernel throw
    /// away our answer: a client that sent too much would see "connection reset" instead of why.
    /// The [`Watch`] bounds the wait.
    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if !self.shut {
            ready!(with_socket!(self, socket => Pin::new(socket).poll_shutdown(cx)))?;
            self.shut = true;
            self.watch.closing();
        }
        let mut space = [0; 4096];
        while self.thrown_away < MAX_LINGER {
            let mut buffer = ReadBuf::new(&mut space);
            let read = with_socket!(self, socket => Pin::new(socket).poll_read(cx, &mut buffer));
            if ready!(read).is_err() || buffer.filled().is_empty() {
                break;
            }
            self.thrown_away += buffer.filled().len();
        }
        Poll::Ready(Ok(()))
    }
}
