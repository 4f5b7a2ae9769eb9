//! One request, from bytes to answer. Read [`Service::run`] top to bottom: its order is AWS's order of
//! errors.

use std::borrow::Cow;
use std::sync::{Arc, OnceLock};

use iamd_audit::{Category, EventId, Health, Log, Refused, outbox};
use iamd_authz::{Authenticator, Authorized, Caller, Deciding, Denied, Signed, authorize, explain};
use iamd_directory::{Account, Directory, Origin, Revision};
use iamd_operation::{Call, CommandCall, Output, QueryCall, RequestFacts, Tools, View, Work};
use iamd_sigv4::{Payload, Presented, RequestParts};
use iamd_types::{Clock, Code, Error, entropy};
use iamd_wire::query::{Parameters, check};

use crate::failures::Failures;
use crate::identify;
use crate::record::{Connection, Ending, Event, Recipient, Shared, request_parameters};
use crate::request::{Reply, Request};
use crate::respond::{self, Format};
use crate::s3::{LARGE_DOCUMENTS, S3};
use crate::stopwatch::Stopwatch;
use crate::table::{Served, Table};
use crate::unsigned::unsigned;

/// How the service is set up.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// The regions that a credential scope may name; empty takes any well-formed one.
    pub regions: Vec<String>,
    /// Whether a denial carries an encoded message for `sts:DecodeAuthorizationMessage`.
    pub encode_denials: bool,
}

/// Everything that answers requests. Shared by all connections.
pub struct Service {
    pub(crate) tools: Arc<Tools>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) log: Log,
    /// Accounts are made one after the other, so that two cannot get the same e-mail address.
    pub(crate) making: tokio::sync::Mutex<()>,
    pub(crate) authenticator: Authenticator,
    pub(crate) failures: Failures,
    pub(crate) s3: Option<S3>,
    /// Turns at reading long documents of S3.
    pub(crate) documents: tokio::sync::Semaphore,
    pub(crate) table: Table,
    settings: Settings,
}

/// What became known about a request, for its log line, however far it got.
#[derive(Default)]
pub(crate) struct Trail {
    pub(crate) service: Option<&'static iamd_api::Service>,
    pub(crate) operation: Option<&'static str>,
    pub(crate) caller: Option<Arc<Caller>>,
    pub(crate) decision: Option<&'static str>,
    pub(crate) deciding: Deciding,
}

/// A change that its caller may make.
struct Admitted {
    /// The state of the account that it was decided on.
    revision: Revision,
    caller: Arc<Caller>,
    authorized: Authorized,
}

/// A request whose caller is identified.
struct Identified<'a> {
    caller: &'a Arc<Caller>,
    signed: &'a Signed,
    event: &'a Event,
}

impl Service {
    /// A service over these accounts.
    pub fn new(tools: Tools, clock: Arc<dyn Clock>, log: Log, settings: Settings) -> Self {
        let authenticator =
            Authenticator::new(Arc::clone(&tools.directory), Arc::clone(&tools.keyring));
        let tools = Arc::new(tools);
        Self {
            tools,
            clock,
            log,
            making: tokio::sync::Mutex::default(),
            authenticator,
            failures: Failures::default(),
            s3: None,
            documents: tokio::sync::Semaphore::new(LARGE_DOCUMENTS),
            table: Table::new(),
            settings,
        }
    }

    /// With S3.
    #[must_use]
    pub fn with_s3(mut self, s3: S3) -> Self {
        self.s3 = Some(s3);
        self
    }

    /// The accounts.
    pub fn directory(&self) -> &Arc<Directory> {
        &self.tools.directory
    }

    /// The audit log.
    pub fn log(&self) -> &Log {
        &self.log
    }

    /// Answers a request, and writes its log line.
    pub async fn handle(&self, request: &Request<'_>) -> Reply {
        let watch = Stopwatch::start();
        let request_id = EventId::random(&*self.tools.entropy);
        let mut trail = Trail::default();
        let result = self.run(request, request_id, &mut trail).await;
        let reply = result.unwrap_or_else(|error| {
            log_internal(request_id, &error);
            let service = trail.service.unwrap_or(self.table.service_of_version(None).api);
            trail.decision.get_or_insert("refused");
            let request_id = request_id.to_string();
            respond::failure(Format::of(service, request), service, request_id, &error)
        });
        trail.log_line(reply.status, &reply.request_id, reply.error_code, watch);
        reply
    }

    async fn run(
        &self,
        request: &Request<'_>,
        request_id: EventId,
        trail: &mut Trail,
    ) -> Result<Reply, Error> {
        // Identify: which service and operation.
        let parts = RequestParts {
            method: request.method,
            target: request.target,
            headers: request.headers,
        };
        let presented = self.authenticator.present(&parts)?;
        let form = identify::form(request);
        let parameters = form.and_then(identify::parameters);
        let served = self.identify(request, presented.as_ref(), parameters.as_ref().ok());
        trail.service = Some(served.api);

        let asked = identify::asked(served, request, parameters);

        // What takes no signature goes a way of its own.
        if let Ok((operation, parameters)) = &asked
            && operation.unsigned
        {
            let asked = (*operation, parameters);
            return Box::pin(self.run_unsigned(request, request_id, served, asked, trail)).await;
        }

        // Authenticate: who signed, and who that is now.
        let presented = presented.as_ref().ok_or_else(unsigned)?;
        let facts = self.facts(request, served, presented.scope().region());
        let signed = self.authenticate(request, served, presented, &facts).await?;
        let caller = Arc::new(Caller::resolve(&signed.proof, &signed.account)?);
        trail.caller = Some(Arc::clone(&caller));
        if let Some(key) = &signed.key {
            let scope = presented.scope();
            let usage = self.tools.directory.usage();
            usage.note(key, facts.now, scope.service(), scope.region());
        }

        // Decode: a typed input, every constraint of the model checked.
        let (operation, parameters) = asked?;
        trail.operation = Some(operation.name);
        if let Some(principal) = caller.principal_id() {
            let accesses = self.tools.directory.usage().accesses();
            accesses.record(principal, served.api.name, operation.name, &facts.region, facts.now);
        }
        let event = self.event(request, request_id, served, operation, facts, &parameters);
        let work = self
            .decode(served, operation, &parameters)
            .map_err(|error| self.record_failure(&event, &caller, error))?;

        // Authorize, prepare, execute, record.
        let format = Format::of(served.api, request);
        let output = match work {
            Work::Query(query) => {
                let identified = Identified { caller: &caller, signed: &signed, event: &event };
                self.answer_query(&identified, query, trail).await
            }
            // In a box: the future of a request is moved as a whole, and most are queries.
            Work::Command(command) => {
                let event = Arc::new(event);
                Box::pin(self.answer_command(&caller, &signed, event, command, trail)).await
            }
        }?;

        // Encode.
        respond::success(format, served.api, operation, request_id, &*output)
    }

    /// The service that a request is for: its credential scope says so, as for AWS's own front ends; of an
    /// unsigned one, its path or version.
    fn identify(
        &self,
        request: &Request<'_>,
        presented: Option<&Presented<'_>>,
        parameters: Option<&Parameters<'_>>,
    ) -> &Served {
        presented
            .and_then(|presented| self.table.service(presented.scope().service()))
            .or_else(|| self.table.service_of_route(request.method, request.path()))
            .unwrap_or_else(|| {
                self.table.service_of_version(parameters.and_then(Parameters::version))
            })
    }

    async fn authenticate(
        &self,
        request: &Request<'_>,
        served: &Served,
        presented: &Presented<'_>,
        facts: &RequestFacts,
    ) -> Result<Signed, Error> {
        self.ensure_region(presented.scope().region())?;
        let mut settings = iamd_sigv4::Settings::query(served.api.name, None);
        if served.api.name == "sts" {
            // Kubernetes log-ins present GetCallerIdentity URLs for longer than their X-Amz-Expires.
            settings.presigned_at_least = 900;
        }
        let body = Payload::Bytes(request.body);
        self.authenticator.verify(presented, body, &settings, facts.now).await
    }

    /// Refuses scopes of regions other than the configured ones.
    pub(crate) fn ensure_region(&self, region: &str) -> Result<(), Error> {
        let regions = &self.settings.regions;
        if !regions.is_empty() && !regions.iter().any(|allowed| allowed == region) {
            let message = format!("Credential should be scoped to a valid region, not '{region}'.");
            return Err(Error::new(Code::SignatureDoesNotMatch, message));
        }
        Ok(())
    }

    pub(crate) fn decode(
        &self,
        served: &Served,
        operation: &'static iamd_api::Operation,
        parameters: &Parameters<'_>,
    ) -> Result<Work, Error> {
        let entry = served.entry(operation)?;
        check(parameters, served.api, operation)?;
        Ok(entry.decode(parameters)?)
    }

    async fn answer_query(
        &self,
        identified: &Identified<'_>,
        mut query: Box<dyn QueryCall>,
        trail: &mut Trail,
    ) -> Result<Box<dyn Output>, Error> {
        let other = self.other_account(identified, &*query).await?;
        let view = self.view(identified, other.as_deref());
        let authorized = self.admit(identified, &*query, &view, trail)?;
        let fail = |error| self.record_failure(identified.event, identified.caller, error);
        if let Some(settling) = query.prepare(&view) {
            settling.await.map_err(fail)?;
        }
        let output = query.run(authorized, &view).map_err(fail)?;
        self.record(identified.event, identified.caller, Ending::Success(&*output))
            .map_err(fail)?;
        Ok(output)
    }

    async fn answer_command(
        &self,
        caller: &Arc<Caller>,
        signed: &Signed,
        event: Arc<Event>,
        mut command: Box<dyn CommandCall>,
        trail: &mut Trail,
    ) -> Result<Box<dyn Output>, Error> {
        let identified = Identified { caller, signed, event: &event };
        let other = self.other_account(&identified, &*command).await?;
        let view = self.view(&identified, other.as_deref());
        // Allowed here, it is prepared; on a newer state it is authorized again where it is done.
        let authorized = self.admit(&identified, &*command, &view, trail)?;
        let fail = |error| self.record_failure(&event, caller, error);
        if let Some(preparing) = command.prepare(&view) {
            preparing.await.map_err(fail)?;
        }
        let (revision, caller) = (signed.account.revision(), Arc::clone(caller));
        let admitted = Admitted { revision, caller, authorized };
        let done = self.execute(command, signed, admitted, other, Arc::clone(&event)).await;
        done.map_err(fail)
    }

    /// The account besides the caller's that the request looks at.
    async fn other_account(
        &self,
        identified: &Identified<'_>,
        call: &dyn Call,
    ) -> Result<Option<Arc<Account>>, Error> {
        let Some(other) = call.other_account().filter(|other| *other != identified.caller.account)
        else {
            return Ok(None);
        };
        let other = self.tools.directory.account(other).await?;
        if let Some(other) = &other {
            identified.event.shared.get_or_init(|| self.shared(other, identified.event));
        }
        Ok(other)
    }

    fn view<'a>(&'a self, identified: &'a Identified<'_>, other: Option<&'a Account>) -> View<'a> {
        View {
            caller: identified.caller,
            account: &identified.signed.account,
            other,
            facts: &identified.event.facts,
            tools: &self.tools,
        }
    }

    /// Decides whether the caller may; records that they may not.
    fn admit(
        &self,
        identified: &Identified<'_>,
        call: &dyn Call,
        view: &View<'_>,
        trail: &mut Trail,
    ) -> Result<Authorized, Error> {
        trail.note(authorize_call(identified, call, view)).map_err(|error| {
            let error = self.with_encoded_message(error, call, view);
            self.record_failure(identified.event, identified.caller, error)
        })
    }

    /// A denial with the encoded message that AWS's compute services give, if it is asked for.
    fn with_encoded_message(&self, error: Error, call: &dyn Call, view: &View<'_>) -> Error {
        if !self.settings.encode_denials || error.code() != Code::AccessDenied {
            return error;
        }
        let encoded = call.access(view).ok().and_then(|accesses| {
            let explained = explain(view.caller, view.account, &accesses, view.facts)?;
            let (keyring, entropy) = (&self.tools.keyring, &*self.tools.entropy);
            keyring.seal_denial(view.caller.account, &explained, entropy)
        });
        let Some(encoded) = encoded else { return error };
        let message =
            format!("{}. Encoded authorization failure message: {encoded}", error.message());
        Error::new(Code::AccessDenied, message)
    }

    /// Gives a change to the account's writer. If it finally runs on a newer state, the caller is read and
    /// allowed once more: no change is accepted after one that took the permission away. Its record goes
    /// down with it.
    async fn execute(
        &self,
        command: Box<dyn CommandCall>,
        signed: &Signed,
        admitted: Admitted,
        other: Option<Arc<Account>>,
        event: Arc<Event>,
    ) -> Result<Box<dyn Output>, Error> {
        self.ensure_log_works()?;
        let origin = Origin { now: event.facts.now, seed: entropy::random(&*self.tools.entropy) };
        let (proof, tools) = (signed.proof.clone(), Arc::clone(&self.tools));
        let records = self.log.keeps();
        let mut admitted = Some(admitted);
        let work = move |tx: &mut iamd_directory::Transaction| {
            let still_admitted = admitted.take().filter(|it| it.revision == tx.revision());
            let (caller, authorized) = if let Some(admitted) = still_admitted {
                (admitted.caller, admitted.authorized)
            } else {
                let caller = Arc::new(Caller::resolve(&proof, tx)?);
                let view = View {
                    caller: &caller,
                    account: tx,
                    other: other.as_deref(),
                    facts: &event.facts,
                    tools: &tools,
                };
                let accesses = command.access(&view)?;
                let authorized =
                    authorize(event.operation.name, &caller, tx, &accesses, &event.facts)
                        .map_err(|denied| denied.error)?;
                (caller, authorized)
            };
            let output = command.run(authorized, tx)?;
            if records {
                let value = event.line(
                    &caller,
                    Ending::Success(&*output),
                    Recipient::Caller,
                    outbox::value,
                )?;
                tx.put_outbox(value);
            }
            Ok(output)
        };
        self.tools.directory.write(signed.account.id(), origin, work).await
    }

    /// A change is not made while its record could not be moved on.
    pub(crate) fn ensure_log_works(&self) -> Result<(), Error> {
        let refused = match self.log.health() {
            Health::Working => return Ok(()),
            Health::Full => Refused::Full,
            Health::Failing(_) => Refused::Failing,
            Health::Closed => Refused::Closed,
        };
        Err(Error::unavailable(refused))
    }

    /// Records a read or a refusal, for the other account too if it concerns one. A request whose record cannot be kept fails.
    pub(crate) fn record(
        &self,
        event: &Event,
        caller: &Caller,
        ending: Ending<'_>,
    ) -> Result<(), Error> {
        if !self.log.keeps() {
            return Ok(());
        }
        let owner = event.shared.get().map(Recipient::Owner);
        for recipient in [Recipient::Caller].into_iter().chain(owner) {
            let line = event.line(caller, ending, recipient, |record| record.to_line())?;
            self.log.submit(line).map_err(Error::unavailable)?;
        }
        Ok(())
    }

    pub(crate) fn shared(&self, owner: &Account, event: &Event) -> Shared {
        let id = || EventId::new(event.facts.now, &*self.tools.entropy);
        Shared { owner: owner.id(), event_id: id(), id: id() }
    }

    /// Records a refusal; the error to answer with.
    pub(crate) fn record_failure(&self, event: &Event, caller: &Caller, error: Error) -> Error {
        match self.record(event, caller, Ending::Failure(&error)) {
            Ok(()) => error,
            Err(unrecorded) => unrecorded,
        }
    }

    pub(crate) fn facts(
        &self,
        request: &Request<'_>,
        served: &Served,
        region: &str,
    ) -> RequestFacts {
        match served.api.name {
            // IAM is a global service: its region is us-east-1 wherever it is called.
            "iam" => self.facts_in(request, Cow::Borrowed("us-east-1")),
            _ => self.facts_in(request, Cow::Owned(region.to_owned())),
        }
    }

    /// The circumstances of a request in this region.
    pub(crate) fn facts_in(
        &self,
        request: &Request<'_>,
        region: Cow<'static, str>,
    ) -> RequestFacts {
        RequestFacts {
            now: self.clock.now(),
            source_ip: request.source_ip,
            user_agent: request.header("user-agent").map(str::to_owned),
            referer: request.header("referer").map(str::to_owned),
            secure_transport: request.secure,
            region,
        }
    }

    pub(crate) fn event(
        &self,
        request: &Request<'_>,
        request_id: EventId,
        served: &Served,
        operation: &'static iamd_api::Operation,
        facts: RequestFacts,
        parameters: &Parameters<'_>,
    ) -> Event {
        let records = self.log.keeps();
        Event {
            // Nobody sees the id of an event that is not recorded, and random bytes cost something.
            id: if records {
                EventId::new(facts.now, &*self.tools.entropy)
            } else {
                EventId::from_bytes([0; 16])
            },
            request_id,
            service: served.api,
            operation,
            facts,
            connection: request.tls.filter(|_| records).map(|tls| Connection {
                version: tls.version.to_owned(),
                cipher_suite: tls.cipher_suite.to_owned(),
                host: request.header("host").unwrap_or_default().to_owned(),
            }),
            parameters: records.then(|| request_parameters(parameters, operation)).flatten(),
            shared: OnceLock::new(),
            category: Category::Management,
            resources: Vec::new(),
            additional: None,
        }
    }
}

impl Trail {
    /// Notes what was decided.
    pub(crate) fn note(
        &mut self,
        decided: Result<Authorized, Denied>,
    ) -> Result<Authorized, Error> {
        match decided {
            Ok(mut authorized) => {
                self.decision = Some("allow");
                self.deciding = authorized.take_deciding();
                Ok(authorized)
            }
            Err(denied) => {
                self.decision = Some("deny");
                self.deciding = denied.deciding;
                Err(denied.error)
            }
        }
    }

    /// The one line that each request leaves.
    pub(crate) fn log_line(
        &self,
        status: u16,
        request_id: &str,
        error_code: Option<Code>,
        watch: Stopwatch,
    ) {
        tracing::info!(
            target: "iamd::request",
            request_id,
            service = self.service.map(|service| service.name),
            operation = self.operation,
            caller = self.caller.as_ref().map(|caller| caller.arn.as_str()),
            decision = self.decision,
            decided_by = self.deciding.kind.map(|kind| kind.to_string()),
            deciding_policy = self.deciding.policy,
            deciding_statement = self.deciding.sid,
            status,
            error = error_code.map(Code::as_str),
            latency_us = watch.micros(),
        );
    }
}

fn authorize_call(
    identified: &Identified<'_>,
    call: &dyn Call,
    view: &View<'_>,
) -> Result<Authorized, Denied> {
    let Identified { caller, event, .. } = identified;
    let operation = event.operation.name;
    iamd_authz::ensure_session_may_call(caller, event.service.name, operation)?;
    authorize(operation, caller, view.account, &call.access(view)?, view.facts)
}

/// What the caller is not told.
pub(crate) fn log_internal(request_id: EventId, error: &Error) {
    let Some(source) = error.internal_source() else { return };
    let mut causes = source.to_string();
    let mut cause = source.source();
    while let Some(inner) = cause {
        causes.push_str(": ");
        causes.push_str(&inner.to_string());
        cause = inner.source();
    }
    tracing::error!(target: "iamd::request", %request_id, error = %error.code(), causes);
}
