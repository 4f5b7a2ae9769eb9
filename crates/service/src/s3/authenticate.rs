//! Who asks S3 for something, and what the body must be.

use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use futures_util::StreamExt;
use iamd_authz::{Caller, Signed};
use iamd_directory::Account;
use iamd_operation::RequestFacts;
use iamd_s3::backend::{Body, Trailer};
use iamd_s3::{AuthType, Signing};
use iamd_sigv4::{BodyCheck, BodyReader, Presented, RequestParts, Settings};
use iamd_types::{Code, Error, Timestamp};

use super::Arriving;
use super::bucket::FoundBucket;
use super::errors::{of_body, of_signature, unverified};
use crate::pipeline::Service;
use crate::request::Request;

/// A request whose signature holds, or that has none.
pub(super) struct Authenticated {
    /// Who signed; `None` for an anonymous request.
    pub(super) signed: Option<Signed>,
    /// What policies can ask about the signature.
    pub(super) signing: Signing,
    /// The scope's region and service, for last-used times.
    scope: Option<(String, String)>,
    /// The checksum that follows the body.
    pub(super) trailer: Option<Trailer>,
    /// The SHA-256 that is declared of the body.
    pub(super) sha256: Option<[u8; 32]>,
    check: Option<BodyCheck>,
}

/// A body to be read: decoded, and verified once it has ended without an error.
pub(super) struct Reading {
    pub(super) bytes: Body,
    /// How many bytes it has, decoded.
    pub(super) length: Option<u64>,
}

fn parts<'a>(request: &Request<'a>) -> RequestParts<'a> {
    RequestParts { method: request.method, target: request.target, headers: request.headers }
}

/// What signs a request; `None` for an anonymous one.
pub(super) fn presented<'a>(request: &Request<'a>) -> Result<Option<Presented<'a>>, Error> {
    let in_query = request.query().contains("X-Amz-");
    iamd_sigv4::present(&parts(request)).map_err(|error| of_signature(&error, in_query))
}

impl Service {
    /// Verifies the head of a request, with what it presents.
    pub(super) async fn authenticate_s3(
        &self,
        request: &Request<'_>,
        presented: Option<Presented<'_>>,
        now: Timestamp,
    ) -> Result<Authenticated, Error> {
        let tls_version = tls_version(request);
        let Some(presented) = presented else {
            let check = BodyCheck::anonymous(&parts(request))
                .map_err(|error| of_signature(&error, false))?;
            return Ok(Authenticated {
                signed: None,
                signing: Signing { tls_version, ..Signing::default() },
                scope: None,
                trailer: trailer(&check),
                sha256: check.sha256().copied(),
                check: Some(check),
            });
        };
        self.ensure_region(presented.scope().region())?;
        let verified = self.authenticator.verify_head(&presented, &Settings::s3(None), now).await;
        let (signed, check) = verified.map_err(|error| unverified(error, &presented))?;
        let signing = Signing {
            auth_type: Some(match presented.presigned() {
                true => AuthType::Query,
                false => AuthType::Header,
            }),
            age_ms: Some(age_ms(presented.signed_at(), now)),
            content_sha256: Some(check.content_sha256()),
            tls_version,
        };
        let scope = presented.scope();
        Ok(Authenticated {
            signed: Some(signed),
            signing,
            scope: Some((scope.region().to_owned(), scope.service().to_owned())),
            trailer: trailer(&check),
            sha256: check.sha256().copied(),
            check: Some(check),
        })
    }

    /// The caller: who signed, or nobody at the bucket's door.
    pub(super) fn s3_caller(
        &self,
        who: &Authenticated,
        found: Option<&FoundBucket>,
    ) -> Result<Arc<Caller>, Error> {
        let caller = match (&who.signed, found) {
            (Some(signed), _) => Caller::resolve(&signed.proof, &signed.account)
                .map_err(|_| Error::s3(Code::InvalidAccessKeyId))?,
            (None, Some(found)) => Caller::anonymous(&found.owner),
            (None, None) => return Err(Error::s3(Code::AccessDenied)),
        };
        Ok(Arc::new(caller))
    }

    /// The circumstances of a request.
    pub(super) fn s3_facts(
        &self,
        request: &Request<'_>,
        who: &Authenticated,
        now: Timestamp,
    ) -> RequestFacts {
        let region = who.scope.as_ref().map_or("us-east-1", |(region, _)| region);
        RequestFacts { now, ..self.facts_in(request, region.to_owned().into()) }
    }
}

impl Authenticated {
    /// Whoever signed a form's policy, or nobody.
    pub(super) fn by_form(
        signed: Option<Signed>,
        signing: Signing,
        scope: Option<(String, String)>,
    ) -> Self {
        Self { signed, signing, scope, trailer: None, sha256: None, check: None }
    }

    /// Starts to read the body, through the check that the head asks for.
    pub(super) fn read(&mut self, body: Arriving) -> Reading {
        let Arriving { bytes, length } = body;
        let Some(check) = self.check.take() else {
            return Reading { bytes: Box::pin(futures_util::stream::empty()), length: Some(0) };
        };
        let length = check.length().or(length);
        let checking = Checking {
            bytes: Some(bytes),
            reader: Some(check.reader()),
            ready: Vec::new(),
            trailer: self.trailer.clone(),
        };
        Reading { bytes: checking.stream(), length }
    }

    /// The caller's account; of an anonymous request the bucket's owner.
    pub(super) fn home(&self, found: Option<&FoundBucket>) -> Result<Arc<Account>, Error> {
        match (&self.signed, found) {
            (Some(signed), _) => Ok(Arc::clone(&signed.account)),
            (None, Some(found)) => Ok(Arc::clone(&found.owner)),
            (None, None) => Err(Error::s3(Code::AccessDenied)),
        }
    }

    /// Notes when the key was used, and what its principal did.
    pub(super) fn note_use(
        &self,
        service: &Service,
        caller: &Caller,
        facts: &RequestFacts,
        operation: &'static str,
    ) {
        let usage = service.tools.directory.usage();
        let key = self.signed.as_ref().and_then(|signed| signed.key.as_ref());
        if let (Some(key), Some((region, name))) = (key, &self.scope) {
            usage.note(key, facts.now, name, region);
        }
        if let Some(principal) = caller.principal_id() {
            usage.accesses().record(principal, "s3", operation, &facts.region, facts.now);
        }
    }
}

/// `s3:signatureAge`
pub(super) fn age_ms(signed_at: i64, now: Timestamp) -> i64 {
    now.seconds().saturating_sub(signed_at).max(0).saturating_mul(1000)
}

/// `s3:TlsVersion`
pub(super) fn tls_version(request: &Request<'_>) -> Option<&'static str> {
    match request.tls?.version {
        "TLSv1.2" => Some("1.2"),
        "TLSv1.3" => Some("1.3"),
        _ => None,
    }
}

fn trailer(check: &BodyCheck) -> Option<Trailer> {
    check.trailer().map(|name| Trailer { name: name.to_owned(), value: Arc::new(OnceLock::new()) })
}

/// A body on its way through its check.
struct Checking {
    bytes: Option<Body>,
    reader: Option<BodyReader>,
    /// Pieces that came out, the next one last.
    ready: Vec<Bytes>,
    trailer: Option<Trailer>,
}

impl Checking {
    fn stream(self) -> Body {
        Box::pin(futures_util::stream::unfold(self, |mut checking| async move {
            match checking.next().await {
                Ok(Some(piece)) => Some((Ok(piece), checking)),
                Ok(None) => None,
                Err(error) => {
                    // After a failure there is nothing more, and no end that could be taken for a good one.
                    checking.bytes = None;
                    checking.reader = None;
                    checking.ready.clear();
                    Some((Err(error), checking))
                }
            }
        }))
    }

    async fn next(&mut self) -> Result<Option<Bytes>, Error> {
        loop {
            if let Some(piece) = self.ready.pop() {
                return Ok(Some(piece));
            }
            let (Some(bytes), Some(reader)) = (&mut self.bytes, &mut self.reader) else {
                return Ok(None);
            };
            match bytes.next().await {
                Some(piece) => {
                    reader.push(piece?, &mut self.ready).map_err(|error| of_body(&error))?;
                }
                None => {
                    self.bytes = None;
                    let Some(reader) = self.reader.take() else { return Ok(None) };
                    let finished =
                        reader.finish(&mut self.ready).map_err(|error| of_body(&error))?;
                    if let (Some(trailer), Some((_, value))) = (&self.trailer, finished.trailer) {
                        let _ = trailer.value.set(value);
                    }
                }
            }
            self.ready.reverse();
        }
    }
}
