//! Private keys that assertions are decrypted with.

use aws_lc_rs::rsa::{KeyPair, PrivateDecryptingKey};
use rustls_pki_types::PrivateKeyDer;
use rustls_pki_types::pem::PemObject;

/// Whether the text is a PEM file with one RSA key of 2048 to 8192 bits that is not itself encrypted.
pub fn is_private_key(pem: &str) -> bool {
    match PrivateKeyDer::from_pem_slice(pem.as_bytes()) {
        Ok(PrivateKeyDer::Pkcs8(key)) => {
            PrivateDecryptingKey::from_pkcs8(key.secret_pkcs8_der()).is_ok()
        }
        Ok(PrivateKeyDer::Pkcs1(key)) => KeyPair::from_der(key.secret_pkcs1_der()).is_ok(),
        _ => false,
    }
}
