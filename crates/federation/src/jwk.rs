//! JSON Web Keys: the public keys that an issuer shows.

use aws_lc_rs::signature::{RsaPublicKeyComponents, UnparsedPublicKey};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;

use crate::jwt::{Algorithm, Scheme};

/// The most keys of a set that are read.
const MAX_KEYS: usize = 100;
/// The longest exponent of an RSA key, in bytes: larger ones only make work.
const MAX_EXPONENT: usize = 4;

/// A public key that signatures are verified with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Jwk {
    id: Option<String>,
    algorithm: Option<String>,
    material: Material,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Material {
    Rsa {
        modulus: Vec<u8>,
        exponent: Vec<u8>,
    },
    /// The point as `04 X Y`.
    Ec {
        curve: String,
        point: Vec<u8>,
    },
}

/// As it stands in a set. What is unknown is passed over (RFC 7517 §5).
#[derive(Deserialize)]
struct Raw {
    kty: String,
    kid: Option<String>,
    alg: Option<String>,
    #[serde(rename = "use")]
    usage: Option<String>,
    key_ops: Option<Vec<String>>,
    crv: Option<String>,
    n: Option<String>,
    e: Option<String>,
    x: Option<String>,
    y: Option<String>,
}

#[derive(Deserialize)]
struct RawSet {
    keys: Vec<serde_json::Value>,
}

impl Jwk {
    /// The usable keys of a JSON Web Key Set; `None` when the text is not one.
    pub fn read_set(text: &[u8]) -> Option<Vec<Self>> {
        let set: RawSet = serde_json::from_slice(text).ok()?;
        let keys = set.keys.into_iter().take(MAX_KEYS);
        Some(keys.filter_map(|key| Self::read(serde_json::from_value(key).ok()?)).collect())
    }

    fn read(raw: Raw) -> Option<Self> {
        let verifies = raw.usage.as_deref().is_none_or(|usage| usage == "sig")
            && raw.key_ops.is_none_or(|ops| ops.iter().any(|op| op == "verify"));
        if !verifies {
            return None;
        }
        let material = match raw.kty.as_str() {
            "RSA" => {
                let (modulus, exponent) = (decode(raw.n)?, decode(raw.e)?);
                (exponent.len() <= MAX_EXPONENT).then_some(Material::Rsa { modulus, exponent })?
            }
            "EC" => {
                let curve = raw.crv?;
                let size = coordinate_size(&curve)?;
                let (x, y) = (decode(raw.x)?, decode(raw.y)?);
                if x.len() != size || y.len() != size {
                    return None;
                }
                Material::Ec { curve, point: [&[4], &*x, &*y].concat() }
            }
            _ => return None,
        };
        Some(Self { id: raw.kid, algorithm: raw.alg, material })
    }

    /// Whether a token of this algorithm that names this key could be signed with it.
    pub(crate) fn fits(&self, algorithm: Algorithm, id: Option<&str>) -> bool {
        let is_kind = match (&self.material, algorithm.scheme()) {
            (Material::Rsa { .. }, Scheme::Rsa(_)) => true,
            (Material::Ec { curve, .. }, Scheme::Ecdsa { curve: wanted, .. }) => curve == wanted,
            _ => false,
        };
        is_kind
            && self.algorithm.as_deref().is_none_or(|only| only == algorithm.name())
            && id.is_none_or(|id| self.id.as_deref() == Some(id))
    }

    /// Whether the key signed the message with this algorithm.
    pub(crate) fn verifies(&self, algorithm: Algorithm, message: &[u8], signature: &[u8]) -> bool {
        match (&self.material, algorithm.scheme()) {
            (Material::Rsa { modulus, exponent }, Scheme::Rsa(parameters)) => {
                let key = RsaPublicKeyComponents { n: modulus, e: exponent };
                key.verify(parameters, message, signature).is_ok()
            }
            (Material::Ec { curve, point }, Scheme::Ecdsa { curve: wanted, verification })
                if curve == wanted =>
            {
                UnparsedPublicKey::new(verification, point).verify(message, signature).is_ok()
            }
            _ => false,
        }
    }
}

fn decode(text: Option<String>) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text?).ok()
}

/// The bytes of one coordinate (RFC 7518 §6.2.1.2).
fn coordinate_size(curve: &str) -> Option<usize> {
    match curve {
        "P-256" => Some(32),
        "P-384" => Some(48),
        "P-521" => Some(66),
        _ => None,
    }
}
