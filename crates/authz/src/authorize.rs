//! The decision about a request: all of its accesses, against every policy that applies.

use std::sync::Arc;

use iamd_credentials::SessionKind;
use iamd_directory::Account;
use iamd_policy::{
    Action, Context, Decision, Document, Evaluator, Policies, PolicyKind, PolicySet, Reference,
    Request, Resource, Slot, Verdict,
};
use iamd_types::{Code, Error};
use smallvec::SmallVec;

use crate::access::{Access, AccessList, ResourcePolicy};
use crate::caller::{Caller, Principal};
use crate::context::{RequestFacts, context};
use crate::gather::{Gathered, gather};
use crate::permit::Authorized;
use crate::sets::set_of;

/// What decided, for the log.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Deciding {
    /// The kind of policy, in AWS's words.
    pub kind: Option<PolicyKind>,
    /// The policy's ARN, or its name when it is an inline one.
    pub policy: Option<String>,
    /// The statement's Sid.
    pub sid: Option<String>,
}

/// A refusal, and what decided it.
#[derive(Debug)]
pub struct Denied {
    /// `AccessDenied` for the caller, or a failure of ours.
    pub error: Error,
    /// What decided, for the log.
    pub deciding: Deciding,
}

impl From<Error> for Denied {
    fn from(error: Error) -> Self {
        Self { error, deciding: Deciding::default() }
    }
}

/// Refuses what certain sessions may never do (IAM User Guide, "Compare AWS STS credentials"): sessions
/// of GetSessionToken cannot call IAM without MFA, nor STS except AssumeRole and GetCallerIdentity;
/// federated sessions cannot call IAM, nor STS except GetCallerIdentity.
///
/// # Errors
/// `InvalidClientTokenId` on IAM; `AccessDenied` on STS.
pub fn ensure_session_may_call(
    caller: &Caller,
    service: &str,
    operation: &str,
) -> Result<(), Error> {
    let Some(session) = caller.session() else { return Ok(()) };
    let allowed = match (session.kind, service) {
        (SessionKind::SessionToken, "iam") => session.mfa_authenticated_at.is_some(),
        (SessionKind::Federation, "iam") => false,
        (SessionKind::SessionToken, "sts") => {
            matches!(operation, "AssumeRole" | "GetCallerIdentity" | "GetSessionToken")
        }
        (SessionKind::Federation, "sts") => operation == "GetCallerIdentity",
        _ => true,
    };
    if allowed {
        return Ok(());
    }
    Err(match service {
        "iam" => Error::new(
            Code::InvalidClientTokenId,
            "The security token included in the request is invalid.",
        ),
        _ => Error::new(
            Code::AccessDenied,
            format!("Cannot call {operation} with session credentials"),
        ),
    })
}

/// Decides whether the caller may do all of this. `operation` is what the permit will be good for;
/// `account` is the caller's, in the state that `caller` was resolved in.
pub fn authorize(
    operation: &'static str,
    caller: &Arc<Caller>,
    account: &Account,
    accesses: &AccessList<'_>,
    facts: &RequestFacts,
) -> Result<Authorized, Denied> {
    let gathered = gather(caller, account)?;
    let sets = gathered.sets();
    let mut deciding = Deciding::default();
    for access in &accesses.0 {
        deciding = decide(caller, &gathered, &sets, access, facts)?;
    }
    Ok(Authorized::new(operation, Arc::clone(caller), deciding))
}

/// Whether a policy that applies to the caller, or this one, reads condition keys whose names begin so:
/// what costs something to find out is found out only then.
///
/// # Errors
/// As [`authorize`] for policies that cannot be read.
pub fn reads_key(
    caller: &Caller,
    account: &Account,
    resource: Option<&Document>,
    prefix: &str,
) -> Result<bool, Error> {
    let gathered = gather(caller, account)?;
    Ok(gathered.documents().chain(resource).any(|document| document.reads_key(prefix)))
}

fn decide(
    caller: &Caller,
    gathered: &Gathered<'_>,
    sets: &[Option<Arc<PolicySet>>],
    access: &Access<'_>,
    facts: &RequestFacts,
) -> Result<Deciding, Denied> {
    let context = if gathered.reads_context(access) {
        context(caller, facts, access)
    } else {
        Context::new()
    };
    let owner = access.resource_account.map(|account| caller.digits_of(account));
    let action = Action::new(&access.action);
    let request = question(caller, &action, access, owner.as_deref(), &context);
    let policies = gathered.policies(access);
    let Policies { resource, resource_kind, .. } = policies;
    let of_resource = set_of(resource.map(|it| (Slot::Resource(resource_kind), it)).into_iter());
    let sets: SmallVec<[&PolicySet; 3]> =
        sets.iter().chain([&of_resource]).flatten().map(|it| &**it).collect();
    let verdict = iamd_policy::decide(&request, resource_kind, &sets);
    debug_assert_eq!(
        verdict.is_allowed(),
        Reference.decide(&request, &policies).is_allowed(),
        "the compiled engine and the reference disagree about {request:?}"
    );
    if verdict.is_allowed() {
        return Ok(deciding(&verdict, gathered, &policies));
    }
    // Only a refusal is explained; the reference knows all the statements that it takes.
    let decision = Reference.decide(&request, &policies);
    let deciding = deciding_of(&decision);
    Err(Denied { error: access_denied(caller, access, &decision), deciding })
}

/// What the engine is asked about an access, whose action it is. `owner` is the resource's account.
pub(crate) fn question<'a>(
    caller: &'a Caller,
    action: &'a Action,
    access: &'a Access<'_>,
    owner: Option<&'a str>,
    context: &'a Context,
) -> Request<'a> {
    let resource = Resource { arn: &access.resource, account: owner, management_account: false };
    Request { principal: caller.for_policies(), action, resource, context }
}

fn deciding(verdict: &Verdict, gathered: &Gathered<'_>, policies: &Policies<'_>) -> Deciding {
    let found = verdict.statement.and_then(|place| {
        let policy =
            gathered.policy(verdict.decided_by, place.document).or(policies.resource.filter(
                |_| matches!(verdict.decided_by, PolicyKind::RoleTrust | PolicyKind::Resource),
            ))?;
        Some((policy.source, policy.document.statements().get(place.statement)?))
    });
    Deciding {
        kind: Some(verdict.decided_by),
        policy: found.map(|(source, _)| source.arn.unwrap_or(source.name).to_owned()),
        sid: found.and_then(|(_, statement)| Some(statement.sid.as_ref()?.value.clone())),
    }
}

fn deciding_of(decision: &Decision<'_>) -> Deciding {
    let first = decision.matched.first();
    Deciding {
        kind: decision.decided_by,
        policy: first.map(|found| found.policy.arn.unwrap_or(found.policy.name).to_owned()),
        sid: first.and_then(|found| found.sid).map(str::to_owned),
    }
}

/// AWS's sentence. Whether a role exists is not told to those whom it does not trust, and S3 tells the
/// reason only to callers of the bucket's own account (S3 User Guide, "Troubleshoot access denied (403
/// Forbidden) errors").
fn access_denied(caller: &Caller, access: &Access<'_>, decision: &Decision<'_>) -> Error {
    let is_s3 = access.action.starts_with("s3:");
    let owns = access.resource_account.is_none_or(|owner| owner == caller.account);
    if is_s3 && (!owns || matches!(caller.principal, Principal::Bearer(_))) {
        return Error::new(Code::AccessDenied, "Access Denied");
    }
    if let Principal::Bearer(_) = caller.principal {
        let message = format!("Not authorized to perform {}", access.action);
        return Error::new(Code::AccessDenied, message);
    }
    let hides_existence = matches!(access.resource_policy, ResourcePolicy::Trust(_))
        && decision.effect == iamd_policy::Effect::ImplicitDeny
        && decision.decided_by == Some(PolicyKind::RoleTrust);
    let reason =
        if hides_existence { String::new() } else { decision.denial_reason(&access.action) };
    let resource = match access.resource.as_str() {
        "*" | "arn:aws:s3:::*" => String::new(),
        arn if is_s3 => format!(" on resource: \"{arn}\""),
        arn => format!(" on resource: {arn}"),
    };
    let message = format!(
        "User: {} is not authorized to perform: {}{resource}{reason}",
        caller.arn, access.action
    );
    Error::new(Code::AccessDenied, message)
}
