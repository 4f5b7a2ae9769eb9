//! Whether what a request presents holds: scope, time, signature, in AWS's order.

use crate::canonical::{Canonical, ToSign, hex, same};
use crate::payload::Covered;
use crate::present::Form;
use crate::time::Timestamp;
use crate::uri::Reading;
use crate::{Error, Payload, Presented, Scope, SigningKey, TERMINATOR, names, same_name};

/// A request's date may differ from the server's by 15 minutes either way.
const MAX_SKEW: i64 = 15 * 60;
/// The longest region name that is well-formed.
const MAX_REGION: usize = 64;

/// How the service that is asked reads signatures. Start from [`Settings::query`] or
/// [`Settings::s3`].
#[derive(Clone, Copy, Debug)]
pub struct Settings<'a> {
    /// The service's signing name, which the scope must have.
    pub service: &'a str,
    /// The region the scope must have; `None` takes any that is well-formed.
    pub region: Option<&'a str>,
    /// The path is encoded once more than on the wire (all services but S3).
    pub double_encode_path: bool,
    /// Dot segments and empty segments are removed from the path (all services but S3).
    pub normalize_path: bool,
    /// Every `x-amz-…` header, and a session token in the query, must be signed (S3).
    pub sign_all_amz: bool,
    /// `x-amz-content-sha256` says what is signed of the body (S3).
    pub content_sha256: bool,
    /// A presigned request lives at least so many seconds, whatever `X-Amz-Expires` says. 0
    /// takes `X-Amz-Expires` at its word. STS on AWS takes presigned GetCallerIdentity requests
    /// for 15 minutes: Kubernetes log-ins use them with `X-Amz-Expires=60` for that long.
    pub presigned_at_least: u32,
}

impl<'a> Settings<'a> {
    /// For all services but S3.
    pub const fn query(service: &'a str, region: Option<&'a str>) -> Self {
        Self {
            service,
            region,
            double_encode_path: true,
            normalize_path: true,
            sign_all_amz: false,
            content_sha256: false,
            presigned_at_least: 0,
        }
    }

    /// For S3.
    pub const fn s3(region: Option<&'a str>) -> Self {
        Self {
            service: "s3",
            region,
            double_encode_path: false,
            normalize_path: false,
            sign_all_amz: true,
            content_sha256: true,
            presigned_at_least: 0,
        }
    }
}

/// What a verifier computes on the way, for finding out why a signature differs. The signature
/// is a valid one: not for answers, not for logs. No `Debug`.
pub struct Digests {
    /// SHA-256 of the canonical request.
    pub canonical_request: [u8; 32],
    /// SHA-256 of the string to sign.
    pub string_to_sign: [u8; 32],
    /// The signature that the key gives.
    pub signature: [u8; 32],
}

impl Presented<'_> {
    /// Scope and time, which need no key: a caller that keeps derived keys checks this first, so
    /// that nobody makes it derive keys for days and regions of their choice.
    ///
    /// # Errors
    /// In this order: region, service, terminator, date of the scope; expired, not yet current;
    /// headers that must be signed and are not.
    pub fn check(&self, now_unix_seconds: i64, settings: &Settings<'_>) -> Result<(), Error> {
        self.scope.check(self.time, &self.stamp, settings)?;
        self.check_time(Timestamp::from_unix_seconds(now_unix_seconds), settings)?;
        self.check_signed(settings)
    }

    /// Everything: [`Presented::check`], then the signature. `key` is the key derived for
    /// [`Presented::scope`].
    ///
    /// # Errors
    /// Those of [`Presented::check`]; a signature that differs; on S3 a body that is not the one
    /// declared.
    pub fn verify(
        &self,
        key: &SigningKey,
        payload: Payload<'_>,
        now_unix_seconds: i64,
        settings: &Settings<'_>,
    ) -> Result<(), Error> {
        self.check(now_unix_seconds, settings)?;
        self.verify_signature(key, payload, settings)
    }

    /// The signature alone, for whoever has called [`Presented::check`] already.
    ///
    /// # Errors
    /// A signature that differs; on S3 a body that is not the one declared.
    pub fn verify_signature(
        &self,
        key: &SigningKey,
        payload: Payload<'_>,
        settings: &Settings<'_>,
    ) -> Result<(), Error> {
        self.verify_covered(key, payload, settings).map(|_| ())
    }

    /// The same; what the signature says of the body.
    pub(crate) fn verify_covered(
        &self,
        key: &SigningKey,
        payload: Payload<'_>,
        settings: &Settings<'_>,
    ) -> Result<Covered, Error> {
        let covered = self.covered(payload, settings)?;
        if self.matching(key, covered, settings).is_none() {
            return Err(Error::SignatureMismatch);
        }
        if settings.content_sha256 {
            payload.ensure_is(covered)?;
        }
        Ok(covered)
    }

    /// What is computed for this request, whatever signature it presents.
    ///
    /// # Errors
    /// As [`Presented::verify`] for the payload and absent headers.
    pub fn digests(
        &self,
        key: &SigningKey,
        payload: Payload<'_>,
        settings: &Settings<'_>,
    ) -> Result<Digests, Error> {
        let covered = self.covered(payload, settings)?;
        let reading = self.matching(key, covered, settings).unwrap_or(Reading::DOCUMENTED);
        let to_sign = self.to_sign(covered, settings, reading).ok_or(Error::SignatureMismatch)?;
        Ok(Digests {
            canonical_request: to_sign.canonical_request,
            string_to_sign: to_sign.digest(),
            signature: to_sign.signature(key),
        })
    }

    fn check_time(&self, now: Timestamp, settings: &Settings<'_>) -> Result<(), Error> {
        let request = self.time;
        request.ensure_current(now)?;
        if let Form::Query(Some(expires)) = self.form {
            let seconds = expires.max(settings.presigned_at_least);
            let over = now > request.plus(i64::from(seconds));
            return if over { Err(Error::RequestExpired) } else { Ok(()) };
        }
        if self.presigned() && settings.content_sha256 {
            return Err(Error::ExpiresMissing);
        }
        let oldest = now.plus(-MAX_SKEW);
        if request < oldest {
            return Err(Error::Expired { request, limit: oldest, now });
        }
        Ok(())
    }

    fn check_signed(&self, settings: &Settings<'_>) -> Result<(), Error> {
        let signed = |name: &str| {
            names(&self.signed_headers).any(|s| s.eq_ignore_ascii_case(name.as_bytes()))
        };
        for &(name, _) in self.parts.headers {
            if settings.sign_all_amz && is_amz(name) && !signed(name) {
                return Err(Error::HeadersNotSigned { name: name.to_ascii_lowercase() });
            }
            // It names the operation of a JSON service. AWS's clients sign it; left out, anyone
            // on the way could turn the request into another.
            if same_name(name.as_bytes(), TARGET.as_bytes()) && !signed(name) {
                return Err(Error::HeaderNotSigned { name: TARGET });
            }
        }
        Ok(())
    }

    fn covered(&self, payload: Payload<'_>, settings: &Settings<'_>) -> Result<Covered, Error> {
        if settings.content_sha256 { self.declared() } else { payload.covered() }
    }

    /// What `x-amz-content-sha256` says. On S3 alone.
    pub(crate) fn declared(&self) -> Result<Covered, Error> {
        Covered::declared(&self.parts, self.presigned(), self.content_sha256.as_deref())
    }

    /// The reading under which the signature is right. The documented one comes first; the
    /// others cost a client that signs wrongly a little more hashing.
    fn matching(
        &self,
        key: &SigningKey,
        covered: Covered,
        settings: &Settings<'_>,
    ) -> Option<Reading> {
        let presented: &[u8; 64] = self.signature.as_bytes().try_into().ok()?;
        let token_optional = self.presigned() && !settings.sign_all_amz;
        [(false, false), (true, false), (false, true), (true, true)]
            .into_iter()
            .filter(|&(_, without_token)| !without_token || token_optional)
            .map(|(as_sent, without_token)| Reading { as_sent, without_token })
            .find(|&reading| {
                let to_sign = self.to_sign(covered, settings, reading);
                to_sign.is_some_and(|to_sign| same(&hex(&to_sign.signature(key)), presented))
            })
    }

    fn to_sign(
        &self,
        covered: Covered,
        settings: &Settings<'_>,
        reading: Reading,
    ) -> Option<ToSign<'_>> {
        let canonical = Canonical {
            parts: &self.parts,
            signed_headers: &self.signed_headers,
            covered,
            presigned: self.presigned(),
            settings,
        };
        Some(ToSign {
            time: self.stamp,
            scope: [
                self.scope.date(),
                self.scope.region(),
                self.scope.service(),
                self.scope.terminator(),
            ],
            canonical_request: canonical.digest(reading)?,
        })
    }
}

impl Scope<'_> {
    /// Whether a request of this time may be signed for this scope. `stamp` is the time as text.
    pub(crate) fn check(
        &self,
        time: Timestamp,
        stamp: &[u8; 16],
        settings: &Settings<'_>,
    ) -> Result<(), Error> {
        let region = self.region();
        if !settings.region.map_or_else(|| well_formed(region), |expected| expected == region) {
            return Err(Error::Region { region: region.to_owned() });
        }
        if self.service() != settings.service {
            return Err(Error::Service { expected: settings.service.to_owned() });
        }
        if self.terminator() != TERMINATOR {
            return Err(Error::Terminator { terminator: self.terminator().to_owned() });
        }
        if stamp[..8] != *self.date().as_bytes() {
            return Err(Error::ScopeDate { scope: self.date().to_owned(), request: time });
        }
        Ok(())
    }
}

impl Timestamp {
    /// A request's date may be a little ahead of the server's, and no more.
    pub(crate) fn ensure_current(self, now: Self) -> Result<(), Error> {
        let limit = now.plus(MAX_SKEW);
        if self > limit { Err(Error::NotYetCurrent { request: self, limit, now }) } else { Ok(()) }
    }
}

/// The header that names a JSON service's operation.
const TARGET: &str = "x-amz-target";

fn is_amz(name: &str) -> bool {
    name.as_bytes().get(..6).is_some_and(|start| start.eq_ignore_ascii_case(b"x-amz-"))
}

/// Lower-case letters, digits and hyphens, as in all of AWS's region names.
fn well_formed(region: &str) -> bool {
    (1..=MAX_REGION).contains(&region.len())
        && region.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}
