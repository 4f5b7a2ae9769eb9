//! Certificates and keys to upload, made for each test.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};

/// A certificate, its key and its issuer, as PEM.
#[derive(Clone, Debug)]
pub struct Pem {
    /// The certificate.
    pub certificate: String,
    /// Its private key.
    pub key: String,
    /// The certificate of who signed it.
    pub issuer: String,
}

impl Pem {
    /// A certificate that counts between these years.
    pub fn between(first: i32, last: i32) -> Self {
        let issuer_key = KeyPair::generate().unwrap();
        let mut authority = CertificateParams::new(vec![]).unwrap();
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let issuer = authority.self_signed(&issuer_key).unwrap().pem();
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(vec!["www.example.com".to_owned()]).unwrap();
        params.not_before = rcgen::date_time_ymd(first, 1, 1);
        params.not_after = rcgen::date_time_ymd(last, 1, 1);
        let signed = params.signed_by(&key, &Issuer::new(authority, issuer_key)).unwrap();
        Self { certificate: signed.pem(), key: key.serialize_pem(), issuer }
    }

    /// A certificate that counts today.
    pub fn new() -> Self {
        Self::between(2025, 2030)
    }
}

impl Default for Pem {
    fn default() -> Self {
        Self::new()
    }
}

/// An SSH public key of 2,048 bits, another one for each number.
pub fn ssh_key(number: u8) -> String {
    let mut modulus = [0xc5; 257];
    modulus[0] = 0;
    modulus[9] = number;
    let mut blob = vec![];
    for part in [b"ssh-rsa".as_slice(), &[1, 0, 1], &modulus] {
        blob.extend(u32::try_from(part.len()).unwrap().to_be_bytes());
        blob.extend(part);
    }
    format!("ssh-rsa {}", STANDARD.encode(blob))
}
