//! TLS: one certificate and its key from PEM files, which can be read again while serving.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;
use rustls::{CipherSuite, ProtocolVersion, RootCertStore, ServerConfig, ServerConnection};
use rustls_pki_types::pem::{Error as PemError, PemObject};
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::TlsAcceptor;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer, X509Certificate};

use crate::TlsInfo;

/// A certificate chain with its key, ready to accept TLS 1.2 and 1.3 for HTTP/2 and HTTP/1.1.
pub struct Tls {
    certificate: PathBuf,
    key: PathBuf,
    client_ca: Option<PathBuf>,
    acceptor: RwLock<TlsAcceptor>,
}

/// Why a certificate and key cannot be served with.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// The file cannot be read.
    #[error("cannot read `{path}`")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// The file is not PEM.
    #[error("`{path}` is not a PEM file")]
    NotPem {
        /// The file.
        path: PathBuf,
    },
    /// The file has no `CERTIFICATE` section.
    #[error("`{path}` holds no certificate")]
    NoCertificate {
        /// The file.
        path: PathBuf,
    },
    /// The file's certificates are none of authorities.
    #[error("`{path}` holds a certificate that is none of an authority")]
    Authority {
        /// The file.
        path: PathBuf,
    },
    /// The file has no private key section.
    #[error("`{path}` holds no private key (encrypted keys are not supported)")]
    NoKey {
        /// The file.
        path: PathBuf,
    },
    /// The certificate is for another key.
    #[error("the key in `{key}` does not belong to the certificate in `{certificate}`")]
    Mismatch {
        /// The certificate's file.
        certificate: PathBuf,
        /// The key's file.
        key: PathBuf,
    },
    /// The certificate or the key is of a kind that TLS cannot use.
    #[error("the certificate in `{certificate}` with the key in `{key}` cannot be used")]
    Unusable {
        /// The certificate's file.
        certificate: PathBuf,
        /// The key's file.
        key: PathBuf,
        /// The reason.
        source: rustls::Error,
    },
}

impl Tls {
    /// Reads a PEM certificate chain, the server's own first, and its PEM key.
    pub fn load(certificate: &Path, key: &Path) -> Result<Self, TlsError> {
        Self::load_for(certificate, key, None)
    }

    /// As [`Tls::load`], and takes certificates of clients for which an authority in `client_ca` vouches. A
    /// client that shows none is served too; one with another certificate is not.
    pub fn load_with_clients(
        certificate: &Path,
        key: &Path,
        client_ca: &Path,
    ) -> Result<Self, TlsError> {
        Self::load_for(certificate, key, Some(client_ca))
    }

    fn load_for(
        certificate: &Path,
        key: &Path,
        client_ca: Option<&Path>,
    ) -> Result<Self, TlsError> {
        let acceptor = RwLock::new(read(certificate, key, client_ca)?);
        let client_ca = client_ca.map(Path::to_owned);
        Ok(Self { certificate: certificate.to_owned(), key: key.to_owned(), client_ca, acceptor })
    }

    /// Reads the files again; connections accepted from now on use what they hold. On an error
    /// the former certificate stays in use.
    pub fn reload(&self) -> Result<(), TlsError> {
        let acceptor = read(&self.certificate, &self.key, self.client_ca.as_deref())?;
        *self.acceptor.write().unwrap_or_else(PoisonError::into_inner) = acceptor;
        Ok(())
    }

    pub(crate) fn acceptor(&self) -> TlsAcceptor {
        self.acceptor.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

fn read(certificate: &Path, key: &Path, client_ca: Option<&Path>) -> Result<TlsAcceptor, TlsError> {
    let chain = read_chain(certificate)?;
    let private = read_key(key)?;
    let unusable = |source| match source {
        rustls::Error::InconsistentKeys(_) => {
            TlsError::Mismatch { certificate: certificate.to_owned(), key: key.to_owned() }
        }
        source => {
            TlsError::Unusable { certificate: certificate.to_owned(), key: key.to_owned(), source }
        }
    };
    let provider = Arc::new(aws_lc_rs::default_provider());
    let verifier = match client_ca {
        Some(path) => client_verifier(path, &provider)?,
        None => WebPkiClientVerifier::no_client_auth(),
    };
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(unusable)?
        .with_client_cert_verifier(verifier)
        .with_single_cert(chain, private)
        .map_err(unusable)?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}

fn client_verifier(
    path: &Path,
    provider: &Arc<CryptoProvider>,
) -> Result<Arc<dyn ClientCertVerifier>, TlsError> {
    let unusable = || TlsError::Authority { path: path.to_owned() };
    let mut roots = RootCertStore::empty();
    for authority in read_chain(path)? {
        roots.add(authority).map_err(|_| unusable())?;
    }
    WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider))
        .allow_unauthenticated()
        .build()
        .map_err(|_| unusable())
}

/// Whom a client's certificate names: see [`crate::Request::client`].
pub(crate) fn client(connection: &ServerConnection) -> Option<Arc<[String]>> {
    let certificate = connection.peer_certificates()?.first()?;
    let (_, certificate) = X509Certificate::from_der(certificate).ok()?;
    let mut names = Vec::new();
    // A name whose text could be read as that of another is not told.
    let subject = certificate.subject().to_string();
    if subject.matches(['=', '+']).count() == certificate.subject().iter_attributes().count() {
        names.push(format!("subject:{subject}"));
    }
    if let Ok(Some(extension)) = certificate.subject_alternative_name() {
        names.extend(extension.value.general_names.iter().filter_map(|name| match name {
            GeneralName::DNSName(name) => Some(format!("dns:{name}")),
            GeneralName::URI(uri) => Some(format!("uri:{uri}")),
            _ => None,
        }));
    }
    Some(names.into())
}

fn read_chain(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let chain: Vec<_> = CertificateDer::pem_file_iter(path)
        .and_then(Iterator::collect)
        .map_err(|error| pem_error(path, error))?;
    if chain.is_empty() {
        return Err(TlsError::NoCertificate { path: path.to_owned() });
    }
    Ok(chain)
}

fn read_key(path: &Path) -> Result<PrivateKeyDer<'static>, TlsError> {
    PrivateKeyDer::from_pem_file(path).map_err(|error| match error {
        PemError::NoItemsFound => TlsError::NoKey { path: path.to_owned() },
        error => pem_error(path, error),
    })
}

fn pem_error(path: &Path, error: PemError) -> TlsError {
    let path = path.to_owned();
    match error {
        PemError::Io(source) => TlsError::Unreadable { path, source },
        _ => TlsError::NotPem { path },
    }
}

/// The parameters of an accepted connection. A name is missing only for suites and versions that
/// we do not offer.
pub(crate) fn info(connection: &ServerConnection) -> TlsInfo {
    let version = match connection.protocol_version() {
        Some(ProtocolVersion::TLSv1_3) => "TLSv1.3",
        Some(ProtocolVersion::TLSv1_2) => "TLSv1.2",
        _ => "",
    };
    let suite = connection.negotiated_cipher_suite().map(|suite| suite.suite());
    TlsInfo { version, cipher_suite: suite.map_or("", suite_name) }
}

fn suite_name(suite: CipherSuite) -> &'static str {
    match suite {
        // rustls names TLS 1.3's suites `TLS13_…`; IANA and CloudTrail do not.
        CipherSuite::TLS13_AES_128_GCM_SHA256 => "TLS_AES_128_GCM_SHA256",
        CipherSuite::TLS13_AES_256_GCM_SHA384 => "TLS_AES_256_GCM_SHA384",
        CipherSuite::TLS13_CHACHA20_POLY1305_SHA256 => "TLS_CHACHA20_POLY1305_SHA256",
        suite => suite.as_str().unwrap_or_default(),
    }
}
