//! Requests for the operations that take no signature: their caller is whom a token speaks of.

use std::sync::Arc;

use iamd_audit::EventId;
use iamd_authz::{Caller, authorize};
use iamd_operation::{View, Work};
use iamd_types::{Code, Error};
use iamd_wire::query::Parameters;

use crate::Service;
use crate::pipeline::Trail;
use crate::record::{Ending, Event};
use crate::request::{Reply, Request};
use crate::respond::{self, Format};
use crate::table::Served;

/// The region of requests that name none.
const REGION: &str = "us-east-1";

pub(crate) fn unsigned() -> Error {
    Error::new(Code::MissingAuthenticationToken, "Request is missing Authentication Token")
}

impl Service {
    /// Answers a request for such an operation. A signature that it may have counts for nothing.
    pub(crate) async fn run_unsigned(
        &self,
        request: &Request<'_>,
        request_id: EventId,
        served: &Served,
        (operation, parameters): (&'static iamd_api::Operation, &Parameters<'_>),
        trail: &mut Trail,
    ) -> Result<Reply, Error> {
        trail.operation = Some(operation.name);
        let Work::Query(query) = self.decode(served, operation, parameters)? else {
            return Err(unsigned());
        };
        let refusal = || {
            let message = format!("Not authorized to perform sts:{}", operation.name);
            Error::new(Code::AccessDenied, message)
        };
        let id = query.account().ok_or_else(refusal)?;
        // Whether there is such an account is not told: one that is not there has no providers.
        let account = self.tools.directory.account_or_empty(id).await?;
        let facts = self.facts(request, served, REGION);
        let event = self.event(request, request_id, served, operation, facts, parameters);
        let nobody = Caller::anonymous(&account);
        let Some(proof) = query.prove(&account, &event.facts, &self.tools) else {
            return Err(unsigned());
        };
        let bearer = proof.await.map_err(|error| self.fail_unsigned(&event, &nobody, error))?;
        let caller = Arc::new(Caller::bearer(Some(bearer), &account));
        trail.caller = Some(Arc::clone(&caller));
        let fail = |error| self.fail_unsigned(&event, &caller, error);
        let view = View {
            caller: &caller,
            account: &account,
            other: None,
            facts: &event.facts,
            tools: &self.tools,
        };
        let accesses = query.access(&view).map_err(fail)?;
        let decided = authorize(operation.name, &caller, &account, &accesses, &event.facts);
        let authorized = trail.note(decided).map_err(fail)?;
        let output = query.run(authorized, &view).map_err(fail)?;
        self.record(&event, &caller, Ending::Success(&*output))?;
        let format = Format::of(served.api, request);
        respond::success(format, served.api, operation, request_id, &*output)
    }
    /// Records a failure of somebody who did not sign, unless there were too many from the same address; the
    /// error to answer with.
    fn fail_unsigned(&self, event: &Event, caller: &Caller, error: Error) -> Error {
        match self.failures.draw(event.facts.source_ip, event.facts.now) {
            Ok(()) => self.record_failure(event, caller, error),
            Err(throttled) => throttled,
        }
    }
}
