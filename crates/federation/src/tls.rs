//! Whom an issuer's TLS connection is trusted by: certificate authorities first, and where none vouches,
//! the thumbprints that were registered for the provider (IAM User Guide, "Obtain the thumbprint").

use std::sync::Arc;

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme,
};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};

use crate::fetch::FetchError;

/// A configuration that trusts these authorities, and else chains that lead to a certificate with one of
/// these thumbprints.
pub(crate) fn client_config(
    authorities: Option<&Arc<WebPkiServerVerifier>>,
    provider: &Arc<CryptoProvider>,
    thumbprints: Vec<String>,
) -> Result<ClientConfig, FetchError> {
    let verifier = Arc::new(Verifier {
        authorities: authorities.cloned(),
        provider: Arc::clone(provider),
        thumbprints,
    });
    let config = ClientConfig::builder_with_provider(Arc::clone(provider))
        .with_safe_default_protocol_versions()
        .map_err(FetchError::Tls)?;
    Ok(config.dangerous().with_custom_certificate_verifier(verifier).with_no_client_auth())
}

/// SHA-1 of a certificate, in lower-case hexadecimal.
pub(crate) fn thumbprint(certificate: &CertificateDer<'_>) -> String {
    let hash = digest(&SHA1_FOR_LEGACY_USE_ONLY, certificate);
    hash.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The text of the error for a chain without any of the thumbprints.
pub(crate) const THUMBPRINT_MISMATCH: &str = "no registered thumbprint";

#[derive(Debug)]
struct Verifier {
    /// `None`: none are trusted.
    authorities: Option<Arc<WebPkiServerVerifier>>,
    provider: Arc<CryptoProvider>,
    thumbprints: Vec<String>,
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let verify = |verifier: &WebPkiServerVerifier| {
            verifier.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
        };
        let unknown = rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer);
        let known = match &self.authorities {
            Some(authorities) => verify(authorities),
            None => Err(unknown.clone()),
        };
        if self.thumbprints.is_empty() || known.as_ref().err() != Some(&unknown) {
            return known;
        }
        // The certificate with the thumbprint becomes the authority: names, times and signatures below
        // it are checked as ever.
        let chain = [end_entity].into_iter().chain(intermediates);
        let mut pinned = chain.filter(|certificate| {
            let presented = thumbprint(certificate);
            self.thumbprints.iter().any(|known| known.eq_ignore_ascii_case(&presented))
        });
        let Some(pinned) = pinned.next() else {
            return Err(rustls::Error::General(THUMBPRINT_MISMATCH.to_owned()));
        };
        let mut roots = RootCertStore::empty();
        roots.add(pinned.clone().into_owned())?;
        let provider = Arc::clone(&self.provider);
        let verifier =
            WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider).build();
        let verifier = verifier.map_err(|_| unknown)?;
        verify(&verifier)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
