//! X.509 certificates and their private keys, as they are uploaded: PEM.
//!
//! What a certificate vouches for is none of its business: it says whether texts are what they claim
//! to be and belong together.

use aws_lc_rs::rsa;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P384_SHA384_ASN1_SIGNING, ECDSA_P521_SHA512_ASN1_SIGNING,
    EcdsaKeyPair, KeyPair,
};
use iamd_types::{Secret, Timestamp};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use sha2::{Digest, Sha256};
use x509_parser::prelude::{FromDer, X509Certificate};

/// The most certificates of a chain that are looked at. Chains of the public web have two or three.
pub const MAX_CHAIN: usize = 20;
/// What a PEM text begins with.
const BEGIN: &str = "-----BEGIN ";

/// A certificate that was read.
#[derive(Debug, Clone)]
pub struct Certificate {
    der: Vec<u8>,
    /// When it begins to count.
    pub not_before: Timestamp,
    /// When it stops to count.
    pub not_after: Timestamp,
    /// The public key's bits: an RSAPublicKey, or a point of a curve.
    public_key: Vec<u8>,
}

/// Why a chain is not one: the place of the certificate that did not sign the one before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BrokenAt(pub usize);

impl Certificate {
    /// Reads a text with exactly one certificate; `None` when it is anything else.
    pub fn from_pem(text: &str) -> Option<Self> {
        let mut all = read_all(text, 1)?;
        all.pop()
    }

    fn from_der(der: &[u8]) -> Option<Self> {
        let (rest, read) = X509Certificate::from_der(der).ok()?;
        if !rest.is_empty() {
            return None;
        }
        let validity = read.validity();
        Some(Self {
            der: der.to_owned(),
            not_before: Timestamp::from_seconds(validity.not_before.timestamp()),
            not_after: Timestamp::from_seconds(validity.not_after.timestamp()),
            public_key: read.public_key().subject_public_key.data.to_vec(),
        })
    }

    /// Whether the certificate counts at this instant.
    pub fn is_valid_at(&self, now: Timestamp) -> bool {
        self.not_before <= now && now <= self.not_after
    }

    /// SHA-256 of the certificate itself, which no other form of its text changes.
    pub fn digest(&self) -> Vec<u8> {
        Sha256::digest(&self.der).to_vec()
    }

    /// Whether this is the certificate's private key, not encrypted, in PKCS #8, PKCS #1 or SEC 1. RSA
    /// of 2,048 to 8,192 bits, or a curve of NIST of 256, 384 or 521 bits. `None` when the text is no
    /// such key.
    pub fn has_private_key(&self, text: &Secret<String>) -> Option<bool> {
        let key = PrivateKeyDer::from_pem_slice(text.expose().as_bytes()).ok()?;
        Some(public_half(&key)? == self.public_key)
    }

    fn is_signed_by(&self, issuer: &Self) -> bool {
        let (own, issuer) =
            (X509Certificate::from_der(&self.der), X509Certificate::from_der(&issuer.der));
        let (Ok((_, own)), Ok((_, issuer))) = (own, issuer) else { return false };
        own.issuer() == issuer.subject() && own.verify_signature(Some(issuer.public_key())).is_ok()
    }

    /// Checks that each certificate of the chain signed the one before it, this one first. `None` when
    /// the text holds anything else than certificates.
    pub fn check_chain(&self, text: &str) -> Option<Result<(), BrokenAt>> {
        let chain = read_all(text, MAX_CHAIN)?;
        let signed = std::iter::once(self).chain(&chain);
        let broken = signed.zip(&chain).position(|(signed, issuer)| !signed.is_signed_by(issuer));
        Some(broken.map_or(Ok(()), |at| Err(BrokenAt(at))))
    }
}

/// All certificates of a text, of which there must be some, and no more than `most`.
fn read_all(text: &str, most: usize) -> Option<Vec<Certificate>> {
    if !text.trim_start().starts_with(BEGIN) {
        return None;
    }
    // Other sections than certificates would be passed over.
    let sections = text.matches(BEGIN).count();
    let ders: Vec<CertificateDer<'_>> = CertificateDer::pem_slice_iter(text.as_bytes())
        .take(most + 1)
        .collect::<Result<_, _>>()
        .ok()?;
    if ders.is_empty() || ders.len() > most || ders.len() != sections {
        return None;
    }
    ders.iter().map(|der| Certificate::from_der(der)).collect()
}

fn public_half(key: &PrivateKeyDer<'_>) -> Option<Vec<u8>> {
    let der = key.secret_der();
    let rsa = match key {
        PrivateKeyDer::Pkcs1(_) => rsa::KeyPair::from_der(der),
        _ => rsa::KeyPair::from_pkcs8(der),
    };
    if let Ok(pair) = rsa {
        return Some(pair.public_key().as_ref().to_vec());
    }
    let curves = [
        &ECDSA_P256_SHA256_ASN1_SIGNING,
        &ECDSA_P384_SHA384_ASN1_SIGNING,
        &ECDSA_P521_SHA512_ASN1_SIGNING,
    ];
    let pair =
        curves.into_iter().find_map(|curve| EcdsaKeyPair::from_private_key_der(curve, der).ok())?;
    Some(pair.public_key().as_ref().to_vec())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa};

    use super::*;

    fn authority() -> CertifiedIssuer<'static, rcgen::KeyPair> {
        let mut params = CertificateParams::new(vec![]).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        CertifiedIssuer::self_signed(params, rcgen::KeyPair::generate().unwrap()).unwrap()
    }

    fn signed_by(issuer: &CertifiedIssuer<'static, rcgen::KeyPair>) -> (String, Secret<String>) {
        let key = rcgen::KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec!["www.example.com".to_owned()]).unwrap();
        let text = params.signed_by(&key, issuer).unwrap().pem();
        (text, Secret::new(key.serialize_pem()))
    }

    #[test]
    fn a_key_belongs_to_its_certificate_alone() {
        let issuer = authority();
        let ((first, first_key), (second, second_key)) = (signed_by(&issuer), signed_by(&issuer));
        let (first, second) =
            (Certificate::from_pem(&first).unwrap(), Certificate::from_pem(&second).unwrap());
        assert_eq!(first.has_private_key(&first_key), Some(true));
        assert_eq!(first.has_private_key(&second_key), Some(false));
        assert_eq!(second.has_private_key(&second_key), Some(true));
        assert_eq!(first.has_private_key(&Secret::new("no key".to_owned())), None);
        assert_ne!(first.digest(), second.digest());
        assert!(first.is_valid_at(first.not_before) && first.is_valid_at(first.not_after));
        assert!(!first.is_valid_at(first.not_after.plus_seconds(1)));
        assert!(!first.is_valid_at(first.not_before.plus_seconds(-1)));
    }

    #[test]
    fn a_chain_is_in_order() {
        let (issuer, stranger) = (authority(), authority());
        let certificate = Certificate::from_pem(&signed_by(&issuer).0).unwrap();
        let (good, bad) = (issuer.pem(), stranger.pem());
        assert_eq!(certificate.check_chain(&good), Some(Ok(())));
        assert_eq!(certificate.check_chain(&bad), Some(Err(BrokenAt(0))));
        assert_eq!(certificate.check_chain(&format!("{good}{bad}")), Some(Err(BrokenAt(1))));
        assert_eq!(certificate.check_chain("nothing"), None);
        let many = good.repeat(MAX_CHAIN + 1);
        assert_eq!(certificate.check_chain(&many), None);
        assert!(Certificate::from_pem(&format!("{good}{good}")).is_none());
    }

    proptest! {
        #[test]
        fn any_text_is_a_certificate_or_none(text: String, bytes: Vec<u8>) {
            prop_assert!(Certificate::from_pem(&text).is_none());
            let _ = Certificate::from_der(&bytes);
            use base64::Engine;
            let body = base64::engine::general_purpose::STANDARD.encode(&bytes);
            let pem = format!("-----BEGIN CERTIFICATE-----\n{body}\n-----END CERTIFICATE-----\n");
            let _ = Certificate::from_pem(&pem);
        }
    }
}
