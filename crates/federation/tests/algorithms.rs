//! Every algorithm that tokens are taken with, and every pair of two that must not be taken for each other.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that goes wrong fails")]

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING,
    ECDSA_P521_SHA512_FIXED_SIGNING, EcdsaKeyPair, EcdsaSigningAlgorithm, KeyPair,
    RSA_PKCS1_SHA256, RSA_PKCS1_SHA384, RSA_PKCS1_SHA512, RsaEncoding, RsaKeyPair,
};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use iamd_federation::{Algorithm, Jwk, Token, mint};
use serde_json::{Value, json};

enum Signer {
    Rsa(RsaKeyPair, &'static dyn RsaEncoding),
    Ecdsa(EcdsaKeyPair),
}

/// A key of an algorithm, and what its issuer shows of it.
struct Key {
    name: &'static str,
    signer: Signer,
    shown: Value,
}

fn encode(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

impl Key {
    fn rsa(name: &'static str, encoding: &'static dyn RsaEncoding) -> Self {
        let minted = mint(Algorithm::Rs256).unwrap();
        let mut shown: Value = serde_json::from_str(&minted.public).unwrap();
        shown.as_object_mut().unwrap().remove("alg");
        let pair = RsaKeyPair::from_pkcs8(minted.private.expose()).unwrap();
        Self { name, signer: Signer::Rsa(pair, encoding), shown }
    }

    fn ecdsa(name: &'static str, curve: &str, scheme: &'static EcdsaSigningAlgorithm) -> Self {
        let pair = EcdsaKeyPair::generate(scheme).unwrap();
        let point = pair.public_key().as_ref().get(1..).unwrap().to_owned();
        let (x, y) = point.split_at(point.len() / 2);
        let shown = json!({"kty": "EC", "crv": curve, "x": encode(x), "y": encode(y)});
        Self { name, signer: Signer::Ecdsa(pair), shown }
    }

    /// A token that says it was signed with this algorithm.
    fn token(&self, algorithm: &str) -> String {
        let parts = [json!({"alg": algorithm}), json!({"sub": "pod-1"})];
        let signed = parts.map(|part| encode(part.to_string().as_bytes())).join(".");
        let random = SystemRandom::new();
        let signature = match &self.signer {
            Signer::Rsa(pair, encoding) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(*encoding, &random, signed.as_bytes(), &mut signature).unwrap();
                signature
            }
            Signer::Ecdsa(pair) => pair.sign(&random, signed.as_bytes()).unwrap().as_ref().to_vec(),
        };
        format!("{signed}.{}", encode(&signature))
    }

    fn set(&self, algorithm: Option<&str>) -> Vec<Jwk> {
        let mut shown = self.shown.clone();
        if let Some(algorithm) = algorithm {
            shown.as_object_mut().unwrap().insert("alg".to_owned(), algorithm.into());
        }
        let set = Jwk::read_set(json!({"keys": [shown]}).to_string().as_bytes()).unwrap();
        assert_eq!(set.len(), 1);
        set
    }
}

fn is_taken(token: &str, keys: &[Jwk]) -> bool {
    let claims = Token::parse(token).unwrap().verify(keys);
    claims.is_some_and(|claims| claims.text("sub") == Some("pod-1"))
}

#[test]
fn each_algorithm_is_taken_and_none_for_another() {
    let keys = [
        Key::rsa("RS256", &RSA_PKCS1_SHA256),
        Key::rsa("RS384", &RSA_PKCS1_SHA384),
        Key::rsa("RS512", &RSA_PKCS1_SHA512),
        Key::ecdsa("ES256", "P-256", &ECDSA_P256_SHA256_FIXED_SIGNING),
        Key::ecdsa("ES384", "P-384", &ECDSA_P384_SHA384_FIXED_SIGNING),
        Key::ecdsa("ES512", "P-521", &ECDSA_P521_SHA512_FIXED_SIGNING),
    ];
    for key in &keys {
        let token = key.token(key.name);
        assert!(is_taken(&token, &key.set(None)), "{}", key.name);
        assert!(is_taken(&token, &key.set(Some(key.name))), "{}", key.name);
        let (signed, signature) = token.rsplit_once('.').unwrap();
        let mut other = URL_SAFE_NO_PAD.decode(signature).unwrap();
        *other.last_mut().unwrap() ^= 1;
        assert!(!is_taken(&format!("{signed}.{}", encode(&other)), &key.set(None)), "{}", key.name);
        assert!(!is_taken(&format!("{signed}."), &key.set(None)), "{}", key.name);
        for another in keys.iter().filter(|another| another.name != key.name) {
            let (own, name) = (key.name, another.name);
            let (set, limited) = (key.set(None), key.set(Some(name)));
            assert!(!is_taken(&key.token(name), &set), "{own} said to be {name}");
            assert!(!is_taken(&token, &limited), "{own} with a key for {name}");
            assert!(!is_taken(&token, &another.set(None)), "{own} with another's key, {name}");
        }
        for name in ["none", "HS256", "PS256", "EdDSA", "rs256", ""] {
            assert!(Token::parse(&key.token(name)).is_err(), "{name}");
        }
    }
}
