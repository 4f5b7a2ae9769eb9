//! Tokens of our own: keys, and signing with them.
//!
//! The keys' randomness and that of signatures is the cryptographic library's own: it takes no other.

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der, PublicKeyX509Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, KeyPair, RSA_PKCS1_SHA256, RsaKeyPair,
};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use iamd_types::Secret;
use serde_json::{Value, json};
use thiserror::Error;
use x509_parser::prelude::FromDer;
use x509_parser::public_key::PublicKey;
use x509_parser::x509::SubjectPublicKeyInfo;

use crate::jwt::Algorithm;

/// A new key.
pub struct MintedKey {
    /// `kid`: the key's thumbprint (RFC 7638).
    pub id: String,
    /// The public key as a JSON Web Key.
    pub public: String,
    /// The private key as PKCS #8.
    pub private: Secret<Vec<u8>>,
}

/// A key cannot be made, or not signed with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum SigningError {
    /// Tokens are not signed with this algorithm here.
    #[error("tokens are not signed with this algorithm")]
    Algorithm,
    /// The cryptographic library refuses.
    #[error("the cryptographic library refuses the key")]
    Refused,
}

/// Makes a key for RS256 (2048 bits) or ES384. Takes up to a second for RSA.
///
/// # Errors
/// For any other algorithm.
pub fn mint(algorithm: Algorithm) -> Result<MintedKey, SigningError> {
    let refused = |_| SigningError::Refused;
    match algorithm {
        Algorithm::Rs256 => {
            let pair = aws_lc_rs::rsa::KeyPair::generate(KeySize::Rsa2048).map_err(refused)?;
            let private = AsDer::<Pkcs8V1Der<'_>>::as_der(&pair).map_err(refused)?;
            let spki = AsDer::<PublicKeyX509Der<'_>>::as_der(pair.public_key()).map_err(refused)?;
            let (_, spki) =
                SubjectPublicKeyInfo::from_der(spki.as_ref()).map_err(|_| SigningError::Refused)?;
            let Ok(PublicKey::RSA(key)) = spki.parsed() else { return Err(SigningError::Refused) };
            let [n, e] = [key.modulus, key.exponent].map(|number| encode(without_zeros(number)));
            let thumbprint = format!(r#"{{"e":"{e}","kty":"RSA","n":"{n}"}}"#);
            let key = json!({"kty": "RSA", "n": n, "e": e});
            Ok(minted(algorithm, &thumbprint, key, private.as_ref()))
        }
        Algorithm::Es384 => {
            let pair = EcdsaKeyPair::generate(&ECDSA_P384_SHA384_FIXED_SIGNING).map_err(refused)?;
            let private = pair.to_pkcs8v1().map_err(refused)?;
            let point = pair.public_key().as_ref().split_first().map(|(_, point)| point);
            let (x, y) =
                point.and_then(|point| point.split_at_checked(48)).ok_or(SigningError::Refused)?;
            let [x, y] = [x, y].map(encode);
            let thumbprint = format!(r#"{{"crv":"P-384","kty":"EC","x":"{x}","y":"{y}"}}"#);
            let key = json!({"kty": "EC", "crv": "P-384", "x": x, "y": y});
            Ok(minted(algorithm, &thumbprint, key, private.as_ref()))
        }
        _ => Err(SigningError::Algorithm),
    }
}

fn minted(algorithm: Algorithm, thumbprint: &str, mut key: Value, private: &[u8]) -> MintedKey {
    let hash = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, thumbprint.as_bytes());
    let id = encode(hash.as_ref());
    if let Some(members) = key.as_object_mut() {
        members.insert("kid".to_owned(), id.as_str().into());
        members.insert("alg".to_owned(), algorithm.name().into());
        members.insert("use".to_owned(), "sig".into());
    }
    MintedKey { id, public: key.to_string(), private: Secret::new(private.to_vec()) }
}

/// Signs claims into a token in the compact form.
///
/// # Errors
/// When the key is not one of the algorithm.
pub fn sign(
    algorithm: Algorithm,
    key_id: &str,
    private: &Secret<Vec<u8>>,
    claims: &Value,
) -> Result<String, SigningError> {
    let header = json!({"alg": algorithm.name(), "kid": key_id, "typ": "JWT"});
    let [header, payload] = [&header, claims].map(|part| encode(part.to_string().as_bytes()));
    let signed = format!("{header}.{payload}");
    let random = SystemRandom::new();
    let refused = |_| SigningError::Refused;
    let signature = match algorithm {
        Algorithm::Rs256 => {
            let pair =
                RsaKeyPair::from_pkcs8(private.expose()).map_err(|_| SigningError::Refused)?;
            let mut signature = vec![0; pair.public_modulus_len()];
            pair.sign(&RSA_PKCS1_SHA256, &random, signed.as_bytes(), &mut signature)
                .map_err(refused)?;
            signature
        }
        Algorithm::Es384 => {
            let scheme = &ECDSA_P384_SHA384_FIXED_SIGNING;
            let pair = EcdsaKeyPair::from_pkcs8(scheme, private.expose())
                .map_err(|_| SigningError::Refused)?;
            pair.sign(&random, signed.as_bytes()).map_err(refused)?.as_ref().to_vec()
        }
        _ => return Err(SigningError::Algorithm),
    };
    Ok(format!("{signed}.{}", encode(&signature)))
}

fn encode(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// A number of DER as JSON Web Keys have it: without the zero that keeps it positive.
fn without_zeros(number: &[u8]) -> &[u8] {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    number.get(zeros..).unwrap_or_default()
}
