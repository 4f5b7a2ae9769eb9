//! How the store is reached, and what it can do.

use std::time::Duration;

use iamd_types::Secret;
use rustls_pki_types::CertificateDer;

use crate::endpoint::Endpoint;

/// A store and the credentials for it.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where it is.
    pub endpoint: Endpoint,
    /// The region that its signatures are for.
    pub region: String,
    /// The access key that iamd has there.
    pub access_key_id: String,
    /// Its secret.
    pub secret_access_key: Secret<String>,
    /// Whether buckets are part of the host's name there, instead of the path.
    pub virtual_hosts: bool,
    /// Whether bodies are signed on the way there.
    pub body_signing: BodySigning,
    /// Whether the store takes a checksum behind the body (`x-amz-trailer`) and checks it. Without,
    /// it is checked here and goes no further.
    pub trailers: bool,
    /// Whether the store keeps all keys apart: also those with empty segments and segments of
    /// dots, which a store that treats keys as paths takes for others. Without, they are refused.
    pub any_key: bool,
    /// The location named when a bucket is made.
    pub location_constraint: Option<String>,
    /// How long a connection may take.
    pub connect_timeout: Duration,
    /// How long the store may say and take nothing.
    pub idle_timeout: Duration,
    /// Whether the certificate authorities of the system are trusted.
    pub system_authorities: bool,
    /// Certificate authorities that are trusted besides.
    pub authorities: Vec<CertificateDer<'static>>,
}

/// Whether bodies are signed on the way to the store, chunk by chunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum BodySigning {
    /// Where the way is not protected otherwise: neither by TLS nor by staying on this machine.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

impl Settings {
    /// A store at this URL with these credentials; all else as it is by default.
    ///
    /// # Errors
    /// A URL that is none.
    pub fn new(
        url: &str,
        access_key_id: &str,
        secret_access_key: Secret<String>,
    ) -> Result<Self, SettingsError> {
        Ok(Self {
            endpoint: Endpoint::parse(url)?,
            region: "us-east-1".to_owned(),
            access_key_id: access_key_id.to_owned(),
            secret_access_key,
            virtual_hosts: false,
            body_signing: BodySigning::Auto,
            trailers: true,
            any_key: false,
            location_constraint: None,
            connect_timeout: Duration::from_secs(5),
            idle_timeout: Duration::from_secs(60),
            system_authorities: true,
            authorities: Vec::new(),
        })
    }

    pub(crate) fn signs_bodies(&self) -> bool {
        match self.body_signing {
            BodySigning::Auto => !self.endpoint.is_secure() && !self.endpoint.is_loopback(),
            BodySigning::Always => true,
            BodySigning::Never => false,
        }
    }
}

/// What is wrong with settings.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// The URL.
    #[error("expected `http://HOST[:PORT]` or `https://HOST[:PORT]`")]
    Url,
    /// TLS, such as a certificate that is none of an authority.
    #[error("TLS: {0}")]
    Tls(#[from] rustls::Error),
}
