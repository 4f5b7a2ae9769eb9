//! Decisions for others: what enforcement points in front of foreign services, and programs that ask, are told.
//!
//! It is the way of [`Service::handle`] without an operation: who is calling, may they, and a record of the answer.
//! Whom a question may be about, and who may ask it, is settled by those who call this.

use std::borrow::Cow;
use std::sync::Arc;

use iamd_audit::{Category, EventId, EventType, Part, Record, Resource, UserIdentity};
use iamd_authz::{
    Access, AccessList, Caller, Deciding, Examined, RequestFacts, ResourcePolicy, authorize,
    examine,
};
use iamd_credentials::SessionKind;
use iamd_directory::Account;
use iamd_policy::Values;
use iamd_sigv4::{Payload, RequestParts};
use iamd_types::{AccessKeyId, AccountId, Arn, Code, Error, Timestamp};
use serde_json::{Value, json};

use crate::Service;
use crate::pipeline::log_internal;
use crate::record::{Issuer, address_text, user_identity};
use crate::stopwatch::Stopwatch;

/// A request that somebody else received, as its signature covers it.
#[derive(Clone, Copy)]
pub struct Described<'a> {
    /// Method, target and headers, as they were on the wire.
    pub parts: RequestParts<'a>,
    /// What is known of the body.
    pub payload: Payload<'a>,
}

/// Somebody whom a decision can be about, in one state of their account.
#[derive(Clone)]
pub struct Known {
    caller: Arc<Caller>,
    account: Arc<Account>,
}

impl Known {
    /// Who it is.
    pub fn caller(&self) -> &Caller {
        &self.caller
    }
}

/// Who asks, for the record.
#[derive(Clone, Copy)]
pub enum Asker<'a> {
    /// A configured enforcement point, by its name. The one whom the question is about acts.
    Point(&'a str),
    /// A principal that asks about another.
    Principal(&'a Known),
    /// The one whom the question is about.
    Itself,
}

/// What is asked about somebody.
pub struct Question<'a> {
    /// Who asks.
    pub asker: Asker<'a>,
    /// The service in whose name it is recorded: `execute-api`.
    pub service: &'static str,
    /// The name of the recorded event: `Invoke`.
    pub event: &'static str,
    /// `service:Name`.
    pub action: Cow<'static, str>,
    /// The resource's ARN, or `*`.
    pub resource: String,
    /// The account that owns the resource.
    pub owner: Option<AccountId>,
    /// How the resource's own policy takes part.
    pub policy: ResourcePolicy<'a>,
    /// Condition keys beyond those that are known here.
    pub keys: Vec<(Cow<'static, str>, Values)>,
    /// What is known of the request.
    pub facts: &'a RequestFacts,
    /// `requestParameters` of the record.
    pub parameters: Value,
    /// Whether every policy and statement is to be told.
    pub traced: bool,
    /// Whether the resource's own policy is not the asker's to see. It decides all the same.
    pub hides_policy: bool,
}

/// The answer to a question.
#[derive(Debug)]
pub struct Decided {
    /// The id of the decision, the same as in log and record.
    pub request_id: EventId,
    /// What was decided, and by what.
    pub examined: Examined,
}

impl Decided {
    /// Whether it is allowed.
    pub fn is_allowed(&self) -> bool {
        self.examined.denied.is_none()
    }
}

impl Service {
    /// The time by the server's clock.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Whoever signed a described request; `None` when nobody did.
    ///
    /// # Errors
    /// As for requests of one's own: unknown keys, expired sessions, wrong scopes, signatures that do not hold.
    pub async fn signer(
        &self,
        described: &Described<'_>,
        settings: &iamd_sigv4::Settings<'_>,
        now: Timestamp,
    ) -> Result<Option<Known>, Error> {
        let Some(presented) = self.authenticator.present(&described.parts)? else {
            return Ok(None);
        };
        self.ensure_region(presented.scope().region())?;
        let signed =
            self.authenticator.verify(&presented, described.payload, settings, now).await?;
        let caller = Arc::new(Caller::resolve(&signed.proof, &signed.account)?);
        if let Some(key) = &signed.key {
            let scope = presented.scope();
            self.tools.directory.usage().note(key, now, scope.service(), scope.region());
        }
        Ok(Some(Known { caller, account: signed.account }))
    }

    /// Somebody who signed nothing, at the door of this account.
    ///
    /// # Errors
    /// `AccessDenied` when there is no such account.
    pub async fn anonymous(&self, account: AccountId) -> Result<Known, Error> {
        let account = self.tools.directory.account(account).await?.ok_or_else(nobody)?;
        Ok(Known { caller: Arc::new(Caller::anonymous(&account)), account })
    }

    /// The user, root user or role session of this ARN.
    ///
    /// # Errors
    /// `AccessDenied` when there is nobody of that name.
    pub async fn principal(&self, arn: &str) -> Result<Known, Error> {
        let id = Arn::parse(arn).ok().and_then(|arn| arn.account_id()).ok_or_else(nobody)?;
        let account = self.tools.directory.account(id).await?.ok_or_else(nobody)?;
        let caller = Arc::new(Caller::named(arn, &account).ok_or_else(nobody)?);
        Ok(Known { caller, account })
    }

    /// The user of this name.
    ///
    /// # Errors
    /// `AccessDenied` when there is no user of exactly this name.
    pub async fn user(&self, account: AccountId, name: &str) -> Result<Known, Error> {
        let account = self.tools.directory.account(account).await?.ok_or_else(nobody)?;
        let user = account.users().named(name).filter(|user| user.name() == name);
        let arn = account.user_arn(user.ok_or_else(nobody)?);
        let caller = Arc::new(Caller::named(&arn, &account).ok_or_else(nobody)?);
        Ok(Known { caller, account })
    }

    /// Whoever holds this long-term access key.
    ///
    /// # Errors
    /// `AccessDenied` when there is no such active key.
    pub async fn key_holder(&self, id: &str) -> Result<Known, Error> {
        let id = AccessKeyId::parse(id).map_err(|_| nobody())?;
        let account = self.authenticator.account_of(&id).ok_or_else(nobody)?;
        let account = self.tools.directory.account(account).await?.ok_or_else(nobody)?;
        let caller = Arc::new(Caller::holder(&id, &account).ok_or_else(nobody)?);
        Ok(Known { caller, account })
    }

    /// Whether somebody may do something, without a record: for what is recorded with the answer itself.
    ///
    /// # Errors
    /// `AccessDenied`; a policy that cannot be read.
    pub fn ensure_allowed(
        &self,
        known: &Known,
        access: Access<'_>,
        facts: &RequestFacts,
    ) -> Result<(), Error> {
        let accesses = AccessList::one(access);
        authorize("", &known.caller, &known.account, &accesses, facts)
            .map(drop)
            .map_err(|denied| denied.error)
    }

    /// Decides, records and logs.
    ///
    /// # Errors
    /// Nothing could be decided: a policy cannot be read, or the record cannot be kept.
    pub fn decide(&self, known: &Known, question: Question<'_>) -> Result<Decided, Error> {
        let watch = Stopwatch::start();
        let request_id = EventId::random(&*self.tools.entropy);
        let decided = self.decided(known, question, request_id, watch);
        if let Err(error) = &decided {
            log_internal(request_id, error);
        }
        decided
    }

    fn decided(
        &self,
        known: &Known,
        mut question: Question<'_>,
        request_id: EventId,
        watch: Stopwatch,
    ) -> Result<Decided, Error> {
        let access = Access {
            action: question.action.clone(),
            resource: question.resource.clone(),
            resource_account: question.owner,
            keys: std::mem::take(&mut question.keys),
            resource_policy: std::mem::replace(&mut question.policy, ResourcePolicy::None),
        };
        let accesses = AccessList::one(access);
        let Known { caller, account } = known;
        let (traced, hides) = (question.traced, question.hides_policy);
        let mut examined = examine(caller, account, &accesses, question.facts, traced, hides)?;
        self.record_decision(known, &mut question, request_id, &examined)?;
        question.log(caller, request_id, &examined, watch);
        if hides {
            examined.forget_resource_policy();
        }
        Ok(Decided { request_id, examined })
    }

    /// In the record of the caller's account; that of a request for an API also in the record of the API's account,
    /// where that is another.
    fn record_decision(
        &self,
        known: &Known,
        question: &mut Question<'_>,
        request_id: EventId,
        examined: &Examined,
    ) -> Result<(), Error> {
        if !self.log.keeps() {
            return Ok(());
        }
        let id = || EventId::new(question.facts.now, &*self.tools.entropy);
        let acting = match question.asker {
            Asker::Point(_) | Asker::Itself => known,
            Asker::Principal(asker) => asker,
        };
        let caller = &*acting.caller;
        let other = match question.asker {
            // A request that came to the resource. Of a question about it its owner learns nothing: whoever asks
            // says whose it is.
            Asker::Point(_) if question.service == "execute-api" => {
                question.owner.filter(|owner| *owner != caller.account)
            }
            Asker::Point(_) | Asker::Principal(_) | Asker::Itself => None,
        };
        let shared = other.map(|_| id());
        let address = question.facts.source_ip.map(address_text).unwrap_or_default();
        let issuer = Issuer::of(caller);
        let answer = if examined.denied.is_none() { "allow" } else { "deny" };
        // Who learns that another may not do something has not failed.
        let asks = matches!(question.asker, Asker::Principal(_));
        let denied = examined.denied.as_ref().filter(|_| !asks);
        let mut record = Record {
            user_identity: user_identity(caller, issuer.as_ref()),
            event_time: question.facts.now,
            service: question.service,
            event_name: question.event,
            aws_region: &question.facts.region,
            source_ip_address: &address,
            user_agent: question.facts.user_agent.as_deref(),
            error_code: denied.map(|error| error.code().as_str()),
            error_message: denied.map(Error::message),
            request_parameters: Some(std::mem::take(&mut question.parameters).into()),
            response_elements: None,
            additional_event_data: additional(question.asker, &known.caller, answer)
                .map(Part::from),
            request_id,
            event_id: id(),
            read_only: false,
            resources: resource(&question.resource, question.owner).into_iter().collect(),
            event_type: EventType::AwsApiCall,
            recipient_account_id: caller.account,
            shared_event_id: shared,
            event_category: Category::Data,
            tls_details: None,
            session_credential_from_console: caller.session_kind() == Some(SessionKind::Console),
        };
        self.log.submit(record.to_line()).map_err(Error::unavailable)?;
        if let Some(owner) = other {
            // All that another account learns of a caller.
            record.user_identity =
                UserIdentity::AwsAccount { principal_id: &caller.user_id, account: caller.account };
            record.recipient_account_id = owner;
            record.event_id = id();
            self.log.submit(record.to_line()).map_err(Error::unavailable)?;
        }
        Ok(())
    }
}

/// What CloudTrail has no member for.
fn additional(asker: Asker<'_>, about: &Caller, answer: &str) -> Option<Value> {
    match asker {
        Asker::Point(name) => Some(json!({ "enforcementPoint": name, "decision": answer })),
        Asker::Principal(_) => Some(json!({ "principalArn": about.arn, "decision": answer })),
        Asker::Itself => None,
    }
}

fn resource(arn: &str, owner: Option<AccountId>) -> Option<Resource<'_>> {
    let parsed = Arn::parse(arn).ok()?;
    let resource_type = match parsed.service() {
        "execute-api" => "AWS::ApiGateway::Stage",
        "s3" if parsed.resource().contains('/') => "AWS::S3::Object",
        "s3" => "AWS::S3::Bucket",
        _ => return None,
    };
    Some(Resource { arn, account: owner.or(parsed.account_id())?, resource_type })
}

impl Question<'_> {
    /// The one line that each decision leaves.
    fn log(&self, about: &Caller, id: EventId, examined: &Examined, watch: Stopwatch) {
        let asker = match self.asker {
            Asker::Point(name) => name,
            Asker::Principal(known) => &known.caller.arn,
            Asker::Itself => &about.arn,
        };
        let Deciding { kind, policy, sid } = &examined.deciding;
        tracing::info!(
            target: "iamd::request",
            request_id = %id,
            asker,
            service = self.service,
            operation = self.event,
            caller = about.arn.as_str(),
            action = &*self.action,
            resource = self.resource.as_str(),
            decision = if examined.denied.is_none() { "allow" } else { "deny" },
            decided_by = kind.map(|kind| kind.to_string()),
            deciding_policy = policy,
            deciding_statement = sid,
            latency_us = watch.micros(),
        );
    }
}

/// Whoever is asked about is not there, or is not told to be.
fn nobody() -> Error {
    Error::new(Code::AccessDenied, "There is no such principal, or it cannot be asked about.")
}
