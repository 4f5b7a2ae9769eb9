//! Signing keys: derived once for a day, region and service, with the HMAC state prepared.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::TERMINATOR;
use crate::canonical::hex_text;

pub(crate) type HmacSha256 = Hmac<Sha256>;

/// A key derived from a secret for one (date, region, service). Signs and verifies without the
/// secret. Kept as prepared HMAC state, wiped when dropped, without `Debug`.
#[derive(Clone)]
pub struct SigningKey(HmacSha256);

impl SigningKey {
    /// Derives the key. `date` is `YYYYMMDD`, as in the credential scope.
    pub fn derive(secret: &str, date: &str, region: &str, service: &str) -> Self {
        let mut first = Zeroizing::new(Vec::with_capacity(4 + secret.len()));
        first.extend_from_slice(b"AWS4");
        first.extend_from_slice(secret.as_bytes());
        let by_date = mac(&first, date);
        let by_region = mac(by_date.as_slice(), region);
        let by_service = mac(by_region.as_slice(), service);
        let key = mac(by_service.as_slice(), TERMINATOR);
        Self(keyed(key.as_slice()))
    }

    /// The signature of a form's policy, as `x-amz-signature` holds it. `policy` is in Base64, as the form
    /// holds it.
    pub fn sign_policy(&self, policy: &str) -> String {
        let mut hmac = self.hmac();
        hmac.update(policy.as_bytes());
        hex_text(&hmac.finalize().into_bytes().into())
    }

    /// The HMAC state, ready for the string to sign.
    pub(crate) fn hmac(&self) -> HmacSha256 {
        self.0.clone()
    }
}

fn mac(key: &[u8], data: &str) -> Zeroizing<[u8; 32]> {
    let mut hmac = keyed(key);
    hmac.update(data.as_bytes());
    Zeroizing::new(hmac.finalize().into_bytes().into())
}

#[expect(clippy::expect_used, reason = "HMAC takes keys of every length")]
fn keyed(key: &[u8]) -> HmacSha256 {
    HmacSha256::new_from_slice(key).expect("HMAC takes keys of every length")
}

/// What a client signs with. No `Debug`: it holds the secret.
#[derive(Clone, Copy)]
pub struct Credentials<'a> {
    /// `AKIA…` or `ASIA…`.
    pub access_key_id: &'a str,
    /// The secret access key.
    pub secret_access_key: &'a str,
    /// The session token of temporary credentials.
    pub session_token: Option<&'a str>,
}
