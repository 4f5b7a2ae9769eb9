//! JSON Web Tokens: taken apart, and verified.
//!
//! A [`Token`] tells no more than what is needed to find the key. Its claims come out of
//! [`Token::verify`] alone.

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, ECDSA_P521_SHA512_FIXED,
    RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_2048_8192_SHA384, RSA_PKCS1_2048_8192_SHA512,
    RsaParameters, VerificationAlgorithm,
};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};
use thiserror::Error;

use crate::claims::Claims;
use crate::json;
use crate::jwk::Jwk;

/// The longest token, in bytes (STS API reference: `WebIdentityToken`).
const MAX_TOKEN: usize = 20_000;
/// The most keys that are tried for a token that names none.
const MAX_TRIED: usize = 8;

/// The signature algorithms that AWS takes in tokens of OIDC providers. There is no `none` here, and
/// nothing with a shared secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Algorithm {
    /// RSA PKCS #1 v1.5 with SHA-256.
    Rs256,
    /// RSA PKCS #1 v1.5 with SHA-384.
    Rs384,
    /// RSA PKCS #1 v1.5 with SHA-512.
    Rs512,
    /// ECDSA on P-256 with SHA-256.
    Es256,
    /// ECDSA on P-384 with SHA-384.
    Es384,
    /// ECDSA on P-521 with SHA-512.
    Es512,
}

/// How a key of an algorithm is used.
pub(crate) enum Scheme {
    Rsa(&'static RsaParameters),
    Ecdsa { curve: &'static str, verification: &'static dyn VerificationAlgorithm },
}

impl Algorithm {
    /// The algorithm of this name in `alg`.
    pub fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "RS256" => Self::Rs256,
            "RS384" => Self::Rs384,
            "RS512" => Self::Rs512,
            "ES256" => Self::Es256,
            "ES384" => Self::Es384,
            "ES512" => Self::Es512,
            _ => return None,
        })
    }

    /// Its name in `alg`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Rs256 => "RS256",
            Self::Rs384 => "RS384",
            Self::Rs512 => "RS512",
            Self::Es256 => "ES256",
            Self::Es384 => "ES384",
            Self::Es512 => "ES512",
        }
    }

    pub(crate) fn scheme(self) -> Scheme {
        let ecdsa = |curve, verification| Scheme::Ecdsa { curve, verification };
        match self {
            Self::Rs256 => Scheme::Rsa(&RSA_PKCS1_2048_8192_SHA256),
            Self::Rs384 => Scheme::Rsa(&RSA_PKCS1_2048_8192_SHA384),
            Self::Rs512 => Scheme::Rsa(&RSA_PKCS1_2048_8192_SHA512),
            Self::Es256 => ecdsa("P-256", &ECDSA_P256_SHA256_FIXED),
            Self::Es384 => ecdsa("P-384", &ECDSA_P384_SHA384_FIXED),
            Self::Es512 => ecdsa("P-521", &ECDSA_P521_SHA512_FIXED),
        }
    }
}

/// The text is no token that could be verified: not in the form, or of an algorithm that is never
/// taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("not a signed JSON Web Token")]
pub struct Malformed;

/// A token in its form, not verified.
pub struct Token<'t> {
    signed: &'t str,
    signature: Vec<u8>,
    algorithm: Algorithm,
    key_id: Option<String>,
    claims: Map<String, Value>,
}

impl<'t> Token<'t> {
    /// Takes a token apart: the compact form (RFC 7515 §7.1) with an object of claims.
    ///
    /// # Errors
    /// When it is not of that form, is too long, has a key twice, names an algorithm that is not
    /// taken, has critical headers, or says that it is an access token.
    pub fn parse(text: &'t str) -> Result<Self, Malformed> {
        if text.len() > MAX_TOKEN {
            return Err(Malformed);
        }
        let (signed, signature) = text.rsplit_once('.').ok_or(Malformed)?;
        let (header, payload) = signed.split_once('.').ok_or(Malformed)?;
        let header = object(header)?;
        let text = |name: &str| header.get(name).and_then(Value::as_str);
        let algorithm = text("alg").and_then(Algorithm::parse).ok_or(Malformed)?;
        let is_jwt = match header.get("typ") {
            None => true,
            Some(kind) => kind.as_str().is_some_and(|kind| kind.eq_ignore_ascii_case("jwt")),
        };
        // RFC 7515 §4.1.11: what is critical and not understood is refused. Nothing is understood.
        if !is_jwt || header.contains_key("crit") || header.contains_key("b64") {
            return Err(Malformed);
        }
        Ok(Self {
            signed,
            signature: bytes(signature)?,
            algorithm,
            key_id: text("kid").map(str::to_owned),
            claims: object(payload)?,
        })
    }

    /// Who the token claims to be from: good for finding keys, and for nothing else.
    pub fn claimed_issuer(&self) -> Option<&str> {
        self.claims.get("iss")?.as_str()
    }

    /// Whether one of the keys could have signed the token, by its name and kind.
    pub fn has_candidate(&self, keys: &[Jwk]) -> bool {
        self.candidates(keys).next().is_some()
    }

    fn candidates<'k>(&self, keys: &'k [Jwk]) -> impl Iterator<Item = &'k Jwk> {
        let (algorithm, id) = (self.algorithm, self.key_id.clone());
        keys.iter().filter(move |key| key.fits(algorithm, id.as_deref())).take(MAX_TRIED)
    }

    /// The claims, if one of the keys signed them.
    pub fn verify(self, keys: &[Jwk]) -> Option<Claims> {
        let signed = self.signed.as_bytes();
        let good =
            self.candidates(keys).any(|key| key.verifies(self.algorithm, signed, &self.signature));
        good.then(|| Claims::new(self.claims))
    }
}

fn bytes(part: &str) -> Result<Vec<u8>, Malformed> {
    URL_SAFE_NO_PAD.decode(part).map_err(|_| Malformed)
}

fn object(part: &str) -> Result<Map<String, Value>, Malformed> {
    json::object(&bytes(part)?).ok_or(Malformed)
}
