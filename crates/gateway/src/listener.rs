//! Where connections come from: TCP, TLS over TCP, or a Unix socket.

use std::fs;
use std::io;
use std::net::SocketAddr;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};
use tokio_rustls::TlsAcceptor;

use crate::stream::Socket;
use crate::{Peer, Tls, TlsInfo, tls};

/// A bound socket that [`crate::serve`] accepts from.
pub struct Listener(Kind);

enum Kind {
    Tcp(TcpListener),
    Tls(TcpListener, Arc<Tls>),
    Unix(UnixListener, OwnerId),
}

/// The user that a Unix socket's file belongs to: this process's.
#[derive(Clone, Copy)]
pub(crate) struct OwnerId(u32);

/// Why a listener cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// Another process listens there.
    #[error("cannot listen on {address}: the port is in use by another process")]
    InUse {
        /// The address.
        address: SocketAddr,
    },
    /// The system refuses the address.
    #[error("cannot listen on {address}")]
    Address {
        /// The address.
        address: SocketAddr,
        /// The system's reason.
        source: io::Error,
    },
    /// The Unix socket cannot be made.
    #[error("cannot make the socket `{path}`")]
    Socket {
        /// The socket's file.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
}

impl Listener {
    /// Listens for plain HTTP.
    pub async fn tcp(address: SocketAddr) -> Result<Self, BindError> {
        Ok(Self(Kind::Tcp(bind(address).await?)))
    }

    /// Listens for HTTPS.
    pub async fn tls(address: SocketAddr, tls: Arc<Tls>) -> Result<Self, BindError> {
        Ok(Self(Kind::Tls(bind(address).await?, tls)))
    }

    /// Listens on a Unix socket that only this process's user (and root) can connect to. A stale
    /// socket of a former run is replaced: whoever calls must hold the lock on its directory.
    pub fn unix(path: &Path) -> Result<Self, BindError> {
        bind_unix(path)
            .map(|(listener, owner)| Self(Kind::Unix(listener, owner)))
            .map_err(|source| BindError::Socket { path: path.to_owned(), source })
    }

    /// The address, with the port that the system chose when none was asked for. `None` for a
    /// Unix socket.
    pub fn address(&self) -> Option<SocketAddr> {
        match &self.0 {
            Kind::Tcp(listener) | Kind::Tls(listener, _) => listener.local_addr().ok(),
            Kind::Unix(..) => None,
        }
    }

    pub(crate) async fn accept(&self) -> io::Result<Accepted> {
        match &self.0 {
            Kind::Tcp(listener) => {
                let (stream, peer) = listener.accept().await?;
                Ok(Accepted::Tcp(stream, peer))
            }
            Kind::Tls(listener, tls) => {
                let (stream, peer) = listener.accept().await?;
                Ok(Accepted::Tls(stream, peer, tls.acceptor()))
            }
            Kind::Unix(listener, owner) => {
                let (stream, _) = listener.accept().await?;
                Ok(Accepted::Unix(stream, *owner))
            }
        }
    }
}

/// A connection to speak HTTP on.
pub(crate) struct Ready {
    pub(crate) socket: Socket,
    pub(crate) peer: Peer,
    pub(crate) tls: Option<TlsInfo>,
    pub(crate) client: Option<Arc<[String]>>,
}

/// A connection whose peer has not been looked at yet.
pub(crate) enum Accepted {
    Tcp(TcpStream, SocketAddr),
    Tls(TcpStream, SocketAddr, TlsAcceptor),
    Unix(UnixStream, OwnerId),
}

impl Accepted {
    /// Makes a socket to speak HTTP on: the TLS handshake, or the check of a local peer's user.
    pub(crate) async fn ready(self) -> io::Result<Ready> {
        match self {
            Self::Tcp(stream, peer) => {
                stream.set_nodelay(true)?;
                let socket = Socket::Tcp(stream);
                Ok(Ready { socket, peer: Peer::Net(peer), tls: None, client: None })
            }
            Self::Tls(stream, peer, acceptor) => {
                stream.set_nodelay(true)?;
                let stream = acceptor.accept(stream).await?;
                let (tls, client) = {
                    let connection = stream.get_ref().1;
                    (Some(tls::info(connection)), tls::client(connection))
                };
                let socket = Socket::Tls(Box::new(stream));
                Ok(Ready { socket, peer: Peer::Net(peer), tls, client })
            }
            Self::Unix(stream, OwnerId(owner)) => {
                let uid = stream.peer_cred()?.uid();
                if uid != 0 && uid != owner {
                    return Err(io::ErrorKind::PermissionDenied.into());
                }
                let socket = Socket::Unix(stream);
                Ok(Ready { socket, peer: Peer::Local { uid }, tls: None, client: None })
            }
        }
    }
}

async fn bind(address: SocketAddr) -> Result<TcpListener, BindError> {
    TcpListener::bind(address).await.map_err(|source| match source.kind() {
        io::ErrorKind::AddrInUse => BindError::InUse { address },
        _ => BindError::Address { address, source },
    })
}

/// Binds under a temporary name and renames, so that nobody finds the socket before its mode is
/// set, and so that a stale one is replaced in one step.
fn bind_unix(path: &Path) -> io::Result<(UnixListener, OwnerId)> {
    let mut name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?.to_owned();
    name.push(".new");
    let unborn = path.with_file_name(name);
    match fs::remove_file(&unborn) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let listener = UnixListener::bind(&unborn)?;
    fs::set_permissions(&unborn, fs::Permissions::from_mode(0o600))?;
    let owner = OwnerId(fs::metadata(&unborn)?.uid());
    fs::rename(&unborn, path)?;
    Ok((listener, owner))
}
