//! A decision for somebody who asks about it: with what decided, and on demand how.
//!
//! The same gathering, the same engine and the same answer as [`crate::authorize`]; what is added is only told.

use std::sync::Arc;

use iamd_directory::Account;
use iamd_policy::{Action, Effect, Evaluator, Policies, PolicyKind, Reference, Trace};
use iamd_types::{Code, Error};
use serde_json::Value;

use crate::access::AccessList;
use crate::authorize::{Deciding, authorize, question};
use crate::caller::Caller;
use crate::context::{RequestFacts, context};
use crate::gather::gather;

/// What was decided about one access.
#[derive(Debug)]
pub struct Examined {
    /// What is told on a denial; `None` when the access is allowed.
    pub denied: Option<Error>,
    /// Whether a statement denies, rather than none allowing.
    pub explicit: bool,
    /// What decided.
    pub deciding: Deciding,
    /// Condition keys that statements about the action asked for and the request does not have.
    pub missing: Vec<String>,
    /// Every policy and statement that was looked at, if that was asked for.
    pub trace: Option<Value>,
}

/// Decides about one access, and tells how. `account` is the caller's, in the state that `caller` was resolved in.
/// Where the resource's own policy is not the asker's to see (`hides_resource_policy`) it decides all the same, and neither
/// the trace nor the missing keys tell of it; [`Examined::deciding`] does, for the log.
///
/// # Errors
/// A policy that applies cannot be read: nothing is decided.
pub fn examine(
    caller: &Arc<Caller>,
    account: &Account,
    accesses: &AccessList<'_>,
    facts: &RequestFacts,
    traced: bool,
    hides_resource_policy: bool,
) -> Result<Examined, Error> {
    let (denied, deciding) = match authorize("", caller, account, accesses, facts) {
        Ok(mut authorized) => (None, authorized.take_deciding()),
        Err(denied) if denied.error.code() == Code::AccessDenied => {
            (Some(denied.error), denied.deciding)
        }
        Err(failed) => return Err(failed.error),
    };
    let mut examined =
        Examined { denied, explicit: false, deciding, missing: Vec::new(), trace: None };
    if examined.denied.is_none() && !traced {
        return Ok(examined);
    }
    let gathered = gather(caller, account)?;
    for access in &accesses.0 {
        let context = context(caller, facts, access);
        let owner = access.resource_account.map(|account| caller.digits_of(account));
        let action = Action::new(&access.action);
        let request = question(caller, &action, access, owner.as_deref(), &context);
        let policies = gathered.policies(access);
        let shown =
            Policies { resource: policies.resource.filter(|_| !hides_resource_policy), ..policies };
        examined.explicit |= Reference.decide(&request, &policies).effect == Effect::ExplicitDeny;
        let missing = Reference.decide(&request, &shown).missing;
        examined.missing.extend(missing.iter().map(|key| (*key).to_owned()));
        if traced {
            let mut trace = Trace::of(&request, &policies);
            if hides_resource_policy {
                trace.gates.retain(|gate| !is_of_resource(gate.kind));
                trace.missing = missing;
            }
            examined.trace = Some(serde_json::to_value(&trace).map_err(Error::internal)?);
        }
    }
    Ok(examined)
}

impl Examined {
    /// Forgets which policy and statement decided, where that is the resource's own.
    pub fn forget_resource_policy(&mut self) {
        if self.deciding.kind.is_some_and(is_of_resource) {
            (self.deciding.policy, self.deciding.sid) = (None, None);
        }
    }
}

fn is_of_resource(kind: PolicyKind) -> bool {
    matches!(kind, PolicyKind::Resource | PolicyKind::RoleTrust)
}
