//! Getting a document from an issuer, over HTTPS and nothing else.
//!
//! A caller chooses where this goes, so it goes nowhere by default but to public addresses: the host
//! must be allowed, its addresses are looked at after they were resolved, and the connection is made to
//! the very address that was looked at. Redirects are not followed; time and size are bounded.

use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, HOST, USER_AGENT};
use http::{Request, StatusCode};
use http_body_util::{BodyExt, Empty, Limited};
use hyper_util::rt::TokioIo;
use ipnet::IpNet;
use rustls::RootCertStore;
use rustls::client::WebPkiServerVerifier;
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls_pki_types::{CertificateDer, ServerName};
use thiserror::Error;
use tokio::net::{TcpStream, lookup_host};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::address::is_public;
use crate::tls::{self, THUMBPRINT_MISMATCH};
use crate::url::{HTTPS, IssuerUrl};

/// From the name to the last byte of the answer.
const TIMEOUT: Duration = Duration::from_secs(5);
/// The largest document, in bytes.
const MAX_DOCUMENT: usize = 256 << 10;
/// The most addresses of a name that are looked at.
const MAX_ADDRESSES: usize = 16;

/// Where documents may be fetched from, and who is trusted to vouch for a host.
#[derive(Debug, Clone, Default)]
pub struct FetchSettings {
    /// The hosts that may be asked; empty for every host on port 443.
    pub hosts: Vec<HostPattern>,
    /// Networks that may be reached although they are not public.
    pub internal_networks: Vec<IpNet>,
    /// Whether the certificate authorities of the system are trusted.
    pub system_authorities: bool,
    /// Certificate authorities that are trusted besides.
    pub authorities: Vec<CertificateDer<'static>>,
}

/// A host that may be asked: `HOST`, `*.DOMAIN`, each also with `:PORT`. Without a port it is 443.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostPattern {
    host: String,
    port: u16,
}

impl FromStr for HostPattern {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const FORM: &str = "expected HOST or HOST:PORT, where the host may begin with `*.`";
        let url = IssuerUrl::parse(&format!("https://{}", text.strip_prefix("*.").unwrap_or(text)));
        let url = url.map_err(|_| FORM)?;
        if url.name().contains('/') {
            return Err(FORM);
        }
        let star = if text.starts_with("*.") { "*." } else { "" };
        Ok(Self { host: format!("{star}{}", url.host()).to_ascii_lowercase(), port: url.port() })
    }
}

impl std::fmt::Display for HostPattern {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.port {
            HTTPS => f.write_str(&self.host),
            port => write!(f, "{}:{port}", self.host),
        }
    }
}

impl HostPattern {
    fn covers(&self, url: &IssuerUrl) -> bool {
        let host = url.host().to_ascii_lowercase();
        let is_named = match self.host.strip_prefix('*') {
            Some(domain) => host.ends_with(domain) && host.len() > domain.len(),
            None => host == self.host,
        };
        is_named && self.port == url.port()
    }
}

/// Why a document was not fetched. For the log: callers of the API learn less.
#[derive(Debug, Error)]
pub enum FetchError {
    /// The configuration does not list the host.
    #[error("the host is not among those that may be asked")]
    HostNotAllowed,
    /// The name leads to no address that may be reached.
    #[error("the host has no address that may be reached")]
    AddressNotAllowed,
    /// The URL is not one of HTTPS.
    #[error("not an https URL")]
    Url,
    /// The host's certificate leads to none of the registered thumbprints.
    #[error("the host's certificate does not lead to a registered thumbprint")]
    Thumbprint,
    /// The host's certificate is not trusted, or TLS failed otherwise.
    #[error("TLS: {0}")]
    Tls(rustls::Error),
    /// The host cannot be reached.
    #[error("cannot connect")]
    Connect(#[source] std::io::Error),
    /// The host did not answer in time.
    #[error("no answer within {} seconds", TIMEOUT.as_secs())]
    Timeout,
    /// The answer is not HTTP, breaks off or is too large.
    #[error("the answer is not HTTP, breaks off or is too large")]
    Answer,
    /// The answer is not 200; redirects are not followed.
    #[error("the answer's status is {0}")]
    Status(StatusCode),
    /// The document is not what it should be.
    #[error("the document is not {0}")]
    Document(&'static str),
}

impl FetchError {
    /// Whether the host's certificate leads to none of the registered thumbprints.
    pub fn is_thumbprint(&self) -> bool {
        matches!(self, Self::Thumbprint)
    }

    /// Whether the host was not reached at all: trying again may help.
    pub fn is_unreachable(&self) -> bool {
        matches!(self, Self::Connect(_) | Self::Timeout)
    }
}

/// A client for documents of issuers.
pub(crate) struct Fetch {
    settings: FetchSettings,
    provider: Arc<CryptoProvider>,
    /// `None`: none are trusted.
    authorities: Option<Arc<WebPkiServerVerifier>>,
}

impl Fetch {
    /// A client that trusts the certificate authorities of the settings.
    ///
    /// # Errors
    /// When a certificate of the settings cannot be one of an authority.
    pub(crate) fn new(settings: FetchSettings) -> Result<Self, FetchError> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let mut roots = RootCertStore::empty();
        if settings.system_authorities {
            // A system without any, or with some that cannot be read, is no reason not to start.
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        }
        for authority in &settings.authorities {
            roots.add(authority.clone()).map_err(FetchError::Tls)?;
        }
        let roots = Arc::new(roots);
        // Building one fails only without any authority.
        let authorities =
            WebPkiServerVerifier::builder_with_provider(roots, Arc::clone(&provider)).build().ok();
        Ok(Self { settings, provider, authorities })
    }

    /// Whether the configuration lets the host be asked.
    pub(crate) fn allows(&self, url: &IssuerUrl) -> bool {
        match self.settings.hosts.as_slice() {
            [] => url.port() == HTTPS,
            hosts => hosts.iter().any(|pattern| pattern.covers(url)),
        }
    }

    /// The document at this URL.
    pub(crate) async fn get(&self, url: &str, thumbprints: &[String]) -> Result<Bytes, FetchError> {
        let work = self.get_unbounded(url, thumbprints);
        tokio::time::timeout(TIMEOUT, work).await.map_err(|_| FetchError::Timeout)?
    }

    async fn get_unbounded(&self, url: &str, thumbprints: &[String]) -> Result<Bytes, FetchError> {
        let target = IssuerUrl::parse(url).map_err(|_| FetchError::Url)?;
        let stream = self.connect(&target, thumbprints).await?;
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
            .await
            .map_err(|_| FetchError::Answer)?;
        let (authority, path) = target.name().split_once('/').unwrap_or((target.name(), ""));
        let request = Request::get(format!("/{path}"))
            .header(HOST, authority)
            .header(ACCEPT, "application/json")
            .header(USER_AGENT, "iamd")
            .body(Empty::<Bytes>::new())
            .map_err(|_| FetchError::Url)?;
        let exchange = async {
            let response = sender.send_request(request).await.map_err(|_| FetchError::Answer)?;
            if response.status() != StatusCode::OK {
                return Err(FetchError::Status(response.status()));
            }
            let body = Limited::new(response.into_body(), MAX_DOCUMENT).collect().await;
            Ok(body.map_err(|_| FetchError::Answer)?.to_bytes())
        };
        tokio::pin!(connection, exchange);
        // The connection must be driven while the exchange goes on; it may end first.
        tokio::select! {
            biased;
            document = &mut exchange => document,
            _ = &mut connection => exchange.await,
        }
    }

    /// The thumbprint of the last certificate of the chain that the host presents.
    pub(crate) async fn thumbprint(&self, url: &IssuerUrl) -> Result<String, FetchError> {
        let connect = self.connect(url, &[]);
        let stream =
            tokio::time::timeout(TIMEOUT, connect).await.map_err(|_| FetchError::Timeout)??;
        let chain = stream.get_ref().1.peer_certificates().unwrap_or_default();
        chain.last().map(tls::thumbprint).ok_or(FetchError::Answer)
    }

    async fn connect(
        &self,
        url: &IssuerUrl,
        thumbprints: &[String],
    ) -> Result<TlsStream<TcpStream>, FetchError> {
        if !self.allows(url) {
            return Err(FetchError::HostNotAllowed);
        }
        let host = url.host().trim_start_matches('[').trim_end_matches(']');
        let address = self.resolve(host, url.port()).await?;
        let name = ServerName::try_from(host.to_owned()).map_err(|_| FetchError::Url)?;
        let config =
            tls::client_config(self.authorities.as_ref(), &self.provider, thumbprints.to_vec())?;
        let stream = TcpStream::connect(address).await.map_err(FetchError::Connect)?;
        let connector = TlsConnector::from(Arc::new(config));
        connector.connect(name, stream).await.map_err(tls_error)
    }

    /// An address of the host that may be reached. Every other one is as if it were not there.
    async fn resolve(&self, host: &str, port: u16) -> Result<SocketAddr, FetchError> {
        let found = lookup_host((host, port)).await.map_err(FetchError::Connect)?;
        let mut found = found.take(MAX_ADDRESSES);
        found.find(|address| self.may_reach(address.ip())).ok_or(FetchError::AddressNotAllowed)
    }

    fn may_reach(&self, address: IpAddr) -> bool {
        let listed = |network: &IpNet| network.contains(&address);
        is_public(address) || self.settings.internal_networks.iter().any(listed)
    }
}

fn tls_error(error: std::io::Error) -> FetchError {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
    match inner {
        Some(rustls::Error::General(text)) if text == THUMBPRINT_MISMATCH => FetchError::Thumbprint,
        Some(inner) => FetchError::Tls(inner.clone()),
        None => FetchError::Connect(error),
    }
}
