//! Requests for S3, whose bodies are streams. Read [`Service::run_s3`] top to bottom; its order is S3's
//! order of errors.

mod answer;
mod authenticate;
mod bucket;
mod change;
mod claim;
mod errors;
mod form;
mod record;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::TryStreamExt;
use iamd_api::Operation;
use iamd_api::s3::SERVICE;
use iamd_audit::EventId;
use iamd_authz::{AccessList, Authorized, Caller, authorize, reads_key};
use iamd_directory::Account;
use iamd_operation::RequestFacts;
use iamd_s3::backend::{Allowed, Answer, AnswerBody, Backend, Body, Seen};
use iamd_s3::operation::{View, Work};
use iamd_s3::place::{Located, locate};
use iamd_s3::policy::is_about_policy;
use iamd_s3::rules::{self, Place, Scene};
use iamd_s3::{Call, CopySource, cors, digests};
use iamd_types::{AccountId, Code, Error, Timestamp};
use iamd_wire::query::Parameters;
use iamd_wire::rest_xml;

use crate::pipeline::{Service, Trail};
use crate::record::{Ending, Event};
use crate::request::Request;
use crate::stopwatch::Stopwatch;

use authenticate::{Authenticated, Reading, presented};
use bucket::FoundBucket;
use form::Form;
use record::Named;

pub use answer::Reply as S3Reply;
pub(crate) use claim::scope;

/// The refusal of a form that is signed as a request too.
const ONE_MECHANISM: &str = "Only one auth mechanism allowed; a form is signed by its fields.";

/// Where buckets and objects are.
pub struct S3 {
    /// The names under which buckets are hosts.
    pub domains: Vec<String>,
    /// The store on this machine.
    pub local: Arc<dyn Backend>,
    /// Other stores.
    pub upstreams: Vec<Upstream>,
}

/// A store elsewhere, and whose the buckets in it are.
pub struct Upstream {
    /// The name that buckets' records call it by; not empty.
    pub name: String,
    /// The store.
    pub backend: Arc<dyn Backend>,
    /// Names of buckets, or beginnings of names with `*` behind them, each with the owning account.
    pub buckets: Vec<(String, AccountId)>,
}

/// A body that is still on its way, as it is on the wire.
pub struct Arriving {
    /// The bytes.
    pub bytes: Body,
    /// How many there will be, where the head says so.
    pub length: Option<u64>,
}

/// A request that was authenticated and decoded.
struct Taken {
    who: Authenticated,
    call: Arc<Call>,
    body: Body,
    /// How many bytes the decoded body has.
    length: Option<u64>,
}

/// An authenticated request whose operation, bucket and input are known.
struct Asked<'a> {
    call: Arc<Call>,
    who: &'a Authenticated,
    found: Option<FoundBucket>,
    source: Option<FoundBucket>,
    facts: RequestFacts,
}

impl Service {
    /// Answers a request for S3, and writes its log line.
    pub async fn handle_s3(&self, request: &Request<'_>, body: Arriving) -> S3Reply {
        let watch = Stopwatch::start();
        let request_id = EventId::random(&*self.tools.entropy);
        let mut trail = Trail { service: Some(&SERVICE), ..Trail::default() };
        let result = self.run_s3(request, body, request_id, &mut trail).await;
        let mut reply = match result {
            Ok(answer) => S3Reply::success(answer, request_id),
            Err(error) => {
                crate::pipeline::log_internal(request_id, &error);
                trail.decision.get_or_insert("refused");
                S3Reply::failure(&error, request, request_id)
            }
        };
        if let Some(origin) = request.header("origin").filter(|_| request.method != "OPTIONS") {
            reply.headers.extend(self.shared_with(request, origin).await);
        }
        trail.log_line(reply.status, &reply.request_id, reply.error_code, watch);
        reply
    }

    async fn run_s3(
        &self,
        request: &Request<'_>,
        body: Arriving,
        request_id: EventId,
        trail: &mut Trail,
    ) -> Result<Answer, Error> {
        let s3 = self.s3.as_ref().ok_or_else(|| rules::not_implemented("S3"))?;

        // What signs the request is read first: a signature that is none is refused as that, whatever else
        // the query says.
        let presented = presented(request)?;

        // Identify: which bucket and key, and which operation.
        let host = request.header("host").unwrap_or_default();
        let Located { bucket, key } = locate(host, request.path(), &s3.domains)?;
        let query = rest_xml::query(request.query())?;
        let line = rest_xml::Request {
            method: request.method,
            bucket: bucket.as_deref(),
            key: key.as_deref(),
            query: &query,
            headers: request.headers,
        };
        let now = self.clock.now();
        let operation = match rest_xml::identify(&SERVICE, &line)? {
            rest_xml::Asked::Operation(operation) => operation,
            rest_xml::Asked::Preflight => return self.preflight(request, bucket).await,
            rest_xml::Asked::Form => {
                if presented.is_some() {
                    return Err(Error::invalid_argument(ONE_MECHANISM));
                }
                trail.operation = Some("PutObject");
                let form = self.take_form(request, bucket.unwrap_or_default(), body, now);
                let form = Box::pin(form).await?;
                let Form { who, call, file, told } = form;
                let taken = Taken { who, call, body: file, length: None };
                let answer = self.serve_s3(s3, request, request_id, taken, now, trail).await?;
                return Ok(told.answer(answer));
            }
        };
        trail.operation = Some(operation.name);

        // Authenticate: who signed, and what the body must be.
        let mut who = self.authenticate_s3(request, presented, now).await?;

        // Decode: the body when it is a document, then the input.
        let reading = who.read(body);
        let decoded = self.decode_s3(operation, &line, &who, reading).await;
        let decoded = decoded.and_then(|(parameters, body, length)| {
            Ok((Call::new(operation, bucket, key, parameters)?, body, length))
        });
        let (call, body, length) = match decoded {
            Ok(decoded) => decoded,
            Err(error) => {
                let located = locate(host, request.path(), &s3.domains)?;
                let asked = (operation, &located);
                return Err(self.undecoded(request, request_id, asked, (&who, now), error, trail));
            }
        };
        let taken = Taken { who, call: Arc::new(call), body, length };
        self.serve_s3(s3, request, request_id, taken, now, trail).await
    }

    /// The input, and what is to be streamed of the body.
    async fn decode_s3(
        &self,
        operation: &'static Operation,
        line: &rest_xml::Request<'_>,
        who: &Authenticated,
        Reading { bytes, length }: Reading,
    ) -> Result<(Parameters<'static>, Body, Option<u64>), Error> {
        let (document, body) = match iamd_s3::streams(operation) {
            true if length.is_none() => return Err(Error::s3(Code::MissingContentLength)),
            true => (Bytes::new(), bytes),
            false => {
                let document = self.document(operation.name, who, bytes).await?;
                digests::ensure(operation.name, line, who.trailer.as_ref(), &document)?;
                (document, empty())
            }
        };
        let parameters = rest_xml::read(&SERVICE, operation, line, &document)?;
        Ok((parameters, body, length))
    }

    /// Records a request of a known caller whose input cannot be read; the error to answer with.
    fn undecoded(
        &self,
        request: &Request<'_>,
        request_id: EventId,
        (operation, located): (&'static Operation, &Located),
        (who, now): (&Authenticated, Timestamp),
        error: Error,
        trail: &mut Trail,
    ) -> Error {
        let caller = match self.s3_caller(who, None) {
            Ok(caller) => caller,
            Err(_) => return error,
        };
        trail.caller = Some(Arc::clone(&caller));
        let facts = self.s3_facts(request, who, now);
        who.note_use(self, &caller, &facts, operation.name);
        let named = Named {
            operation,
            bucket: located.bucket.as_deref(),
            key: located.key.as_deref(),
            copied: None,
        };
        let event = self.event_of(request, request_id, &named, (who, facts), Vec::new);
        self.record_failure(&event, &caller, error)
    }

    /// Records a failure, of somebody who did not sign up to an allowance of the address; the error to answer
    /// with.
    fn fail_s3(&self, asked: &Asked<'_>, event: &Event, caller: &Caller, error: Error) -> Error {
        let facts = &asked.facts;
        let may =
            asked.who.signed.is_some() || self.failures.draw(facts.source_ip, facts.now).is_ok();
        if may { self.record_failure(event, caller, error) } else { error }
    }

    /// Reads the document of a request, a long one in its turn.
    async fn document(
        &self,
        operation: &str,
        who: &Authenticated,
        body: Body,
    ) -> Result<Bytes, Error> {
        let most = longest_document(operation, who.signed.is_some());
        let _turn = match most > SMALL_DOCUMENT {
            true => Some(self.documents.acquire().await.map_err(Error::internal)?),
            false => None,
        };
        collect(body, most).await
    }

    /// Serves a request whose caller and input are known.
    async fn serve_s3(
        &self,
        s3: &S3,
        request: &Request<'_>,
        request_id: EventId,
        taken: Taken,
        now: Timestamp,
        trail: &mut Trail,
    ) -> Result<Answer, Error> {
        let Taken { who, call, body, length } = taken;
        let facts = self.s3_facts(request, &who, now);

        // Find the bucket, and the one that is copied from.
        let signed = who.signed.is_some();
        let found = self.find_bucket(s3, &call, call.bucket.as_deref(), signed).await;
        let source = match &call.source {
            Some(source) => self.find_bucket(s3, &call, Some(&source.bucket), signed).await,
            None => Ok(None),
        };
        let (found, source, missing) = match (found, source) {
            (Ok(found), Ok(source)) => (found, source, None),
            (Err(error), _) => (None, None, Some(error)),
            (Ok(found), Err(error)) => (found, None, Some(error)),
        };
        let caller = match self.s3_caller(&who, found.as_ref()) {
            Ok(caller) => caller,
            Err(error) => return Err(missing.unwrap_or(error)),
        };
        trail.caller = Some(Arc::clone(&caller));
        who.note_use(self, &caller, &facts, call.operation.name);
        let asked = Asked { call, who: &who, found, source, facts };
        let event = self.s3_event(request, request_id, &asked);
        if let Some(error) = missing {
            return Err(self.fail_s3(&asked, &event, &caller, error));
        }

        // Authorize, run, record.
        let done = self.answer_s3(s3, &asked, &caller, &event, (body, length), trail).await;
        done.map_err(|error| self.fail_s3(&asked, &event, &caller, error))
    }

    /// What the answer to a page of another origin carries, be it an error: without it a browser keeps even
    /// that from the page.
    async fn shared_with(&self, request: &Request<'_>, origin: &str) -> cors::Headers {
        let Some(s3) = &self.s3 else { return Vec::new() };
        let host = request.header("host").unwrap_or_default();
        let Ok(Located { bucket: Some(bucket), .. }) = locate(host, request.path(), &s3.domains)
        else {
            return Vec::new();
        };
        match self.bucket_called(&bucket).await {
            Ok(Some(found)) => cors::answer(&cors::rules(&found.bucket), origin, request.method),
            _ => Vec::new(),
        }
    }

    /// Whether a page of another origin may send a request: no one is asked who they are.
    async fn preflight(
        &self,
        request: &Request<'_>,
        bucket: Option<String>,
    ) -> Result<Answer, Error> {
        let (Some(origin), Some(method)) =
            (request.header("origin"), request.header("access-control-request-method"))
        else {
            let message = "Insufficient information. Origin request header needed.";
            return Err(Error::new(Code::InvalidRequest, message));
        };
        let found = self.bucket_called(bucket.as_deref().unwrap_or_default()).await?;
        let found = found.ok_or_else(|| Error::s3(Code::NoSuchBucket))?;
        let headers = request.header("access-control-request-headers");
        let asked = cors::Preflight { origin, method, headers };
        let headers = cors::preflight(&cors::rules(&found.bucket), &asked)
            .ok_or_else(|| Error::s3(Code::AccessForbidden))?;
        Ok(Answer { status: 200, headers, body: AnswerBody::Whole(Bytes::new()) })
    }

    async fn answer_s3(
        &self,
        s3: &S3,
        asked: &Asked<'_>,
        caller: &Arc<Caller>,
        event: &Event,
        (body, length): (Body, Option<u64>),
        trail: &mut Trail,
    ) -> Result<Answer, Error> {
        let name = asked.call.operation.name;
        // Changes of buckets are seldom and large: in boxes, so that every other request is small.
        match name {
            "CreateBucket" => {
                return Box::pin(self.create_bucket(s3, asked, caller, event, trail)).await;
            }
            "DeleteBucket" => {
                return Box::pin(self.delete_bucket(s3, asked, caller, event, trail)).await;
            }
            _ => {}
        }
        asked.ensure_expected_owners()?;
        asked.ensure_own_policy(caller)?;
        let home = asked.who.home(asked.found.as_ref())?;

        // Objects are the backend's. A decision that depends on an object's tags is one about the object that
        // had them: where it is another by then, it is looked at and decided on again.
        let Some(entry) = iamd_s3::operation(name) else {
            let (mut body, mut looks) = (Some(body), 1);
            let mut seen = self.look_at_objects(s3, asked, caller, &home).await?;
            let answer = loop {
                let authorized = asked.decide_on(caller, &home, &seen, trail)?;
                let body = (body.take().unwrap_or_else(empty), length);
                let done =
                    self.run_allowed(s3, asked, (caller, &home), &authorized, &seen, body).await;
                match done {
                    Err(error) if seen.may_differ(&asked.call, &error) && looks < MAX_LOOKS => {
                        let newer = self.look_at_objects(s3, asked, caller, &home).await?;
                        if newer == seen && error.code() == Code::PreconditionFailed {
                            return Err(error);
                        }
                        (seen, looks) = (newer, looks + 1);
                    }
                    Err(error) => return Err(self.shown(error, asked, caller, &home)),
                    Ok(answer) => break answer,
                }
            };
            self.record(event, caller, Ending::Done)?;
            return Ok(answer);
        };

        // Buckets themselves are records of their owner's account.
        let seen = self.look_at_objects(s3, asked, caller, &home).await?;
        let authorized = asked.decide_on(caller, &home, &seen, trail)?;
        let owner = asked.owner(&home);
        let view = View {
            owner: &owner,
            bucket: asked.found.as_ref().map(|found| &found.bucket),
            directory: &self.tools.directory,
        };
        match entry.work {
            Work::Query(run) => {
                if matches!(name, "GetObjectAcl" | "PutObjectAcl") {
                    self.ensure_object(s3, asked, caller, &home).await?;
                }
                let answer = run(&asked.call, authorized, &view)?;
                self.record(event, caller, Ending::Done)?;
                Ok(answer)
            }
            Work::Command { prepare, run } => {
                let prepared = prepare(&asked.call, &view).await?;
                Box::pin(self.change_bucket(asked, caller, event, prepared, run)).await
            }
        }
    }

    /// Has the backend do what was allowed, to the objects that were seen.
    async fn run_allowed(
        &self,
        s3: &S3,
        asked: &Asked<'_>,
        (caller, home): (&Arc<Caller>, &Account),
        authorized: &Authorized,
        seen: &SeenObjects,
        (body, length): (Body, Option<u64>),
    ) -> Result<Answer, Error> {
        let name = asked.call.operation.name;
        let found = asked.found.as_ref().ok_or_else(|| rules::not_implemented(name))?;
        let mut allowed = Allowed::new(
            authorized,
            &asked.call,
            &found.bucket,
            found.owner.id(),
            asked.facts.now,
        )?;
        allowed.signed = asked.who.signed.is_some();
        allowed.initiator = caller.user_id.clone();
        allowed.length = length;
        allowed.sha256 = asked.who.sha256;
        allowed.trailer = asked.who.trailer.clone();
        allowed.source = match (&asked.call.source, &asked.source) {
            (Some(source), Some(found)) => Some((source, &found.bucket)),
            _ => None,
        };
        if name == "DeleteObjects" {
            allowed.denied = self.denied_deletions(s3, asked, caller, home).await?;
        }
        (allowed.seen, allowed.seen_source) = (seen.object.as_ref(), seen.source.as_ref());
        self.ensure_log_works()?;
        s3.backend(&found.bucket)?.run(allowed, body).await
    }

    /// The error as the caller may see it: that an object is not there is told to those alone who may list
    /// the bucket (S3 API reference, GetObject, "Permissions").
    fn shown(
        &self,
        error: Error,
        asked: &Asked<'_>,
        caller: &Arc<Caller>,
        home: &Account,
    ) -> Error {
        if !hides(error.code()) {
            return error;
        }
        match self.may_list(asked, caller, home) {
            Ok(true) => error,
            Ok(false) => Error::s3(Code::AccessDenied),
            Err(error) => error,
        }
    }

    /// Refuses a request about an object that is not there.
    async fn ensure_object(
        &self,
        s3: &S3,
        asked: &Asked<'_>,
        caller: &Arc<Caller>,
        home: &Account,
    ) -> Result<(), Error> {
        let (Some(found), Some(key)) = (&asked.found, &asked.call.key) else { return Ok(()) };
        let version = asked.call.version();
        match s3.backend(&found.bucket)?.look(&found.bucket, key, version).await?.tags {
            Some(_) => Ok(()),
            None => Err(self.shown(Error::s3(Code::NoSuchKey), asked, caller, home)),
        }
    }

    /// Whether the caller may list the bucket: only then is it told that an object is not there.
    fn may_list(
        &self,
        asked: &Asked<'_>,
        caller: &Arc<Caller>,
        home: &Account,
    ) -> Result<bool, Error> {
        let seen = SeenObjects::default();
        let scene = asked.scene(caller, &seen);
        // Of a copy it is the source that is missing.
        let (bucket, place) = match (&asked.call.source, scene.source) {
            (Some(source), Some(place)) => (source.bucket.as_str(), place),
            _ => (asked.call.bucket.as_deref().unwrap_or_default(), scene.place),
        };
        let access = rules::listing(bucket, &place, &asked.who.signing)?;
        Ok(asked.allows(caller, home, &AccessList::one(access)))
    }

    /// The places in a DeleteObjects request that the caller is not allowed.
    async fn denied_deletions(
        &self,
        s3: &S3,
        asked: &Asked<'_>,
        caller: &Arc<Caller>,
        home: &Account,
    ) -> Result<Vec<usize>, Error> {
        let reads_tags = asked.reads_tags(caller, home)?;
        let mut denied = Vec::new();
        for (at, doomed) in rules::objects_to_delete(&asked.call).enumerate() {
            let object = match (&asked.found, reads_tags) {
                (Some(found), true) if rules::may_read_doomed_tags(&doomed) => {
                    let backend = s3.backend(&found.bucket)?;
                    Some(backend.look(&found.bucket, doomed.key, doomed.version).await?)
                }
                _ => None,
            };
            let seen = SeenObjects { object, source: None };
            let scene = asked.scene(caller, &seen);
            let accesses = rules::deletion(&asked.call, &scene, &doomed)?;
            if !asked.allows(caller, home, &accesses) {
                denied.push(at);
            }
            // A thousand decisions are no reason to keep others waiting.
            tokio::task::consume_budget().await;
        }
        Ok(denied)
    }

    /// Looks at the objects that the request is about, when a policy asks for their tags or they are copied.
    async fn look_at_objects(
        &self,
        s3: &S3,
        asked: &Asked<'_>,
        caller: &Caller,
        home: &Account,
    ) -> Result<SeenObjects, Error> {
        let mut seen = SeenObjects::default();
        let call = &asked.call;
        if let (Some(source), Some(found)) = (&call.source, &asked.source) {
            let CopySource { key, version, .. } = source;
            let backend = s3.backend(&found.bucket)?;
            seen.source = Some(backend.look(&found.bucket, key, version.as_deref()).await?);
        }
        let (Some(key), Some(found)) = (&call.key, &asked.found) else { return Ok(seen) };
        if rules::may_read_tags(call) && asked.reads_tags(caller, home)? {
            let backend = s3.backend(&found.bucket)?;
            seen.object = Some(backend.look(&found.bucket, key, call.version()).await?);
        }
        Ok(seen)
    }
}

/// How often a request looks at objects that are replaced under its eyes.
const MAX_LOOKS: usize = 8;

/// The objects that a request is about, as far as they were looked at.
#[derive(Default, PartialEq)]
struct SeenObjects {
    object: Option<Seen>,
    source: Option<Seen>,
}

impl SeenObjects {
    /// Whether an error may say that they are others by now. A body that is a stream cannot be sent again.
    fn may_differ(&self, call: &Call, error: &Error) -> bool {
        let named = self.source.as_ref().is_some_and(|source| source.etag.is_some());
        let looked = self.object.is_some() || self.source.is_some();
        match error.code() {
            Code::ConditionalRequestConflict => looked && !iamd_s3::streams(call.operation),
            // Whether of the ETag that was seen or of the caller's own condition, the store does not say.
            Code::PreconditionFailed => named,
            _ => false,
        }
    }
}

impl Asked<'_> {
    /// Decides on the objects as they were seen.
    fn decide_on(
        &self,
        caller: &Arc<Caller>,
        home: &Account,
        seen: &SeenObjects,
        trail: &mut Trail,
    ) -> Result<Authorized, Error> {
        let accesses = rules::accesses(&self.call, &self.scene(caller, seen))?;
        self.decide(caller, home, &accesses, trail)
    }

    /// Decides, and notes what was decided.
    fn decide(
        &self,
        caller: &Arc<Caller>,
        home: &Account,
        accesses: &AccessList<'_>,
        trail: &mut Trail,
    ) -> Result<Authorized, Error> {
        trail.note(authorize(self.call.operation.name, caller, home, accesses, &self.facts))
    }

    /// Whether this is allowed too.
    fn allows(&self, caller: &Arc<Caller>, home: &Account, accesses: &AccessList<'_>) -> bool {
        authorize(self.call.operation.name, caller, home, accesses, &self.facts).is_ok()
    }

    fn scene<'s>(&'s self, caller: &Caller, seen: &'s SeenObjects) -> Scene<'s> {
        let operation = self.call.operation.name;
        let place = |found: &'s FoundBucket, seen: &'s Option<Seen>| Place {
            owner: found.owner.id(),
            bucket: Some(&found.bucket),
            policy: found.policy_takes_part(operation, caller),
            tags: seen.as_ref().and_then(|seen| seen.tags.as_deref()),
        };
        let nowhere = Place { owner: caller.account, bucket: None, policy: false, tags: None };
        Scene {
            place: self.found.as_ref().map_or(nowhere, |found| place(found, &seen.object)),
            source: self.source.as_ref().map(|found| place(found, &seen.source)),
            signing: &self.who.signing,
        }
    }

    /// As [`Self::scene`], for a bucket that is to be the caller's.
    fn scene_of_new(&self, caller: &Caller) -> Scene<'_> {
        let place = Place { owner: caller.account, bucket: None, policy: false, tags: None };
        Scene { place, source: None, signing: &self.who.signing }
    }

    /// Whether a decision about the request can depend on an object's tags.
    fn reads_tags(&self, caller: &Caller, home: &Account) -> Result<bool, Error> {
        let policy = self.found.as_ref().and_then(|found| found.bucket.policy_document());
        let policy = policy.flatten().map(|document| &**document);
        reads_key(caller, home, policy, "s3:ExistingObjectTag/")
    }

    /// The account whose records the operation reads: the bucket's owner, or the caller's own.
    fn owner(&self, home: &Arc<Account>) -> Arc<Account> {
        self.found.as_ref().map_or_else(|| Arc::clone(home), |found| Arc::clone(&found.owner))
    }

    /// `x-amz-expected-bucket-owner` and its like for the source.
    fn ensure_expected_owners(&self) -> Result<(), Error> {
        let pairs =
            [("ExpectedBucketOwner", &self.found), ("ExpectedSourceBucketOwner", &self.source)];
        for (member, found) in pairs {
            let Some(expected) = self.call.get(member) else { continue };
            let owner = found.as_ref().map(|found| found.owner.id().to_string());
            if owner.as_deref() != Some(expected) {
                return Err(Error::s3(Code::AccessDenied));
            }
        }
        Ok(())
    }

    /// A bucket policy is the affair of the owner's account, whatever it says about others (S3 API
    /// reference, PutBucketPolicy: 405 for others).
    fn ensure_own_policy(&self, caller: &Caller) -> Result<(), Error> {
        let about_policy = is_about_policy(self.call.operation.name);
        let owner = self.found.as_ref().map(|found| found.owner.id());
        if about_policy && self.who.signed.is_none() {
            return Err(Error::s3(Code::AccessDenied));
        }
        if about_policy && owner.is_some_and(|owner| owner != caller.account) {
            let message = "The specified method is not allowed against this resource.";
            return Err(Error::new(Code::MethodNotAllowed, message));
        }
        Ok(())
    }
}

/// Codes that tell that an object is not there.
fn hides(code: Code) -> bool {
    matches!(code, Code::NoSuchKey | Code::NoSuchVersion)
}

/// A document up to this size needs no turn: what is in flight of them is bounded by the connections.
const SMALL_DOCUMENT: usize = 256 << 10;

/// How many longer documents are read at a time.
pub(crate) const LARGE_DOCUMENTS: usize = 32;

/// How long a document may take.
const DOCUMENT_TIMEOUT: Duration = Duration::from_secs(30);

/// The longest document that is read of a request for this operation: 10,000 parts, 1,000 keys, or a
/// configuration. Of those who signed nothing no more than a configuration.
fn longest_document(operation: &str, signed: bool) -> usize {
    match operation {
        "CompleteMultipartUpload" if signed => rest_xml::MAX_BODY_BYTES,
        "DeleteObjects" if signed => 4 << 20,
        _ => SMALL_DOCUMENT,
    }
}

/// A whole document of at most so many bytes.
async fn collect(mut body: Body, most: usize) -> Result<Bytes, Error> {
    let collecting = async {
        let mut whole = Vec::new();
        while let Some(piece) = body.try_next().await? {
            if piece.len() > most.saturating_sub(whole.len()) {
                return Err(Error::s3(Code::MaxMessageLengthExceeded));
            }
            whole.extend_from_slice(&piece);
        }
        Ok(whole.into())
    };
    let collected = tokio::time::timeout(DOCUMENT_TIMEOUT, collecting).await;
    collected.unwrap_or_else(|_| Err(Error::s3(Code::RequestTimeout)))
}

fn empty() -> Body {
    Box::pin(futures_util::stream::empty())
}
