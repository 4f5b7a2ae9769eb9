//! Taking on a role.

use futures_util::future::BoxFuture;
use iamd_api::sts;
use iamd_authz::{Access, AccessList, Caller, Permit, Principal};
use iamd_credentials::{Session, SessionKind, SessionPrincipal};
use iamd_directory::{Account, Role};
use iamd_operation::{Entry, Operation, PreparedQuery, View};
use iamd_types::tag::is_reserved;
use iamd_types::{AccountId, Arn, Code, Error, Timestamp};

use crate::issue::{issue, packed_size};
use crate::mfa::Factor;
use crate::session_policy::{checked, checked_arns};
use crate::session_tags::{inherited, session_tags};

pub(crate) const OPERATIONS: &[Entry] = &[Entry::prepared_query::<AssumeRole>()];

/// Seconds that a session lasts when nothing else is asked for.
const DEFAULT_SECONDS: i32 = 3600;
/// The longest session that a role session can get, in seconds (role chaining).
const MAX_CHAINED_SECONDS: i32 = 3600;

/// `sts:AssumeRole` on the role, decided by the caller's policies and the role's trust policy together;
/// `sts:TagSession` and `sts:SetSourceIdentity` too when the session is to have tags or a source
/// identity. A role that is not there is refused like one that does not trust the caller. A second factor
/// counts in this request alone: the session knows nothing of it.
pub(crate) struct AssumeRole;

impl Operation for AssumeRole {
    const NAME: &'static str = "AssumeRole";
    type Input = sts::AssumeRoleRequest;
    type Output = sts::AssumeRoleResponse;

    fn other_account(input: &Self::Input) -> Option<AccountId> {
        Arn::parse(&input.role_arn).ok()?.account_id()
    }

    fn access<'a>(input: &Self::Input, view: &View<'a>) -> Result<AccessList<'a>, Error> {
        let arn = role_arn(&input.role_arn)?;
        view.caller.ensure_may_assume()?;
        let owner = arn.account_id().ok_or_else(invalid_request_arn)?;
        let role = target(&arn, view).map(|(_, role)| role);
        let with_mfa = match factor(input)? {
            Some(factor) => factor.check(view).map(|_| true)?,
            None => false,
        };
        let access = |action| {
            let access = Access::new(action, input.role_arn.clone(), owner)
                .trusting(role.and_then(Role::trust_document).map(|document| &**document));
            let access = with_keys(access, input, view.caller, role);
            if with_mfa { with_mfa_keys(access) } else { access }
        };
        let mut list = AccessList::one(access("sts:AssumeRole"));
        let has_tags = input.tags.as_ref().is_some_and(|tags| !tags.is_empty())
            || inherited(view.caller.session()).next().is_some();
        if has_tags {
            list = list.and(access("sts:TagSession"));
        }
        if source_identity(input, view.caller).is_some() {
            list = list.and(access("sts:SetSourceIdentity"));
        }
        Ok(list)
    }
}

/// The role's ARN in its parts.
///
/// # Errors
/// `ValidationError` in AWS's words: for what is no ARN, and for one of something else than a role.
fn role_arn(text: &str) -> Result<Arn, Error> {
    let arn = Arn::parse(text).map_err(|_| Error::validation(format!("{text} is invalid")))?;
    let is_role = arn.partition() == "aws"
        && arn.service() == "iam"
        && arn.region().is_empty()
        && arn.resource().starts_with("role/");
    if is_role { Ok(arn) } else { Err(invalid_request_arn()) }
}

fn invalid_request_arn() -> Error {
    Error::validation("Request ARN is invalid")
}

/// The role with exactly this ARN, and its account.
fn target<'a>(arn: &Arn, view: &View<'a>) -> Option<(&'a Account, &'a Role)> {
    let owner = arn.account_id()?;
    let account =
        [Some(view.account), view.other].into_iter().flatten().find(|a| a.id() == owner)?;
    let name = arn.resource().rsplit('/').next()?;
    let role = account.roles().named(name)?;
    (account.role_arn(role) == arn.as_str()).then_some((account, role))
}

/// With the condition keys of the AssumeRole actions (Service Authorization Reference: STS).
fn with_keys<'a>(
    access: Access<'a>,
    input: &sts::AssumeRoleRequest,
    caller: &Caller,
    role: Option<&Role>,
) -> Access<'a> {
    let given = input.tags.as_deref().unwrap_or_default();
    let given = given.iter().map(|tag| (tag.key.as_str(), tag.value.as_str()));
    let handed_on = inherited(caller.session()).map(|tag| (tag.key.as_str(), tag.value.as_str()));
    let mut access = access
        .with("sts:RoleSessionName", input.role_session_name.as_str())
        .with_some("sts:ExternalId", input.external_id.as_deref())
        .with_some("sts:SourceIdentity", source_identity(input, caller))
        .with_many("sts:TransitiveTagKeys", input.transitive_tag_keys.clone().unwrap_or_default())
        .with_request_tags(given.chain(handed_on));
    if let Some(role) = role {
        access = access.with_resource_tags(role.tags());
        for (key, value) in role.tags() {
            access = access.with(format!("iam:ResourceTag/{key}"), value);
        }
    }
    access
}

/// With what a second factor in the request itself tells policies (global condition keys).
fn with_mfa_keys(access: Access<'_>) -> Access<'_> {
    access.with("aws:MultiFactorAuthPresent", "true").with("aws:MultiFactorAuthAge", "0")
}

fn factor(input: &sts::AssumeRoleRequest) -> Result<Option<Factor<'_>>, Error> {
    Factor::of(input.serial_number.as_deref(), input.token_code.as_ref())
}

/// The source identity that the session will have: once set, it stays through role chaining.
fn source_identity<'a>(input: &'a sts::AssumeRoleRequest, caller: &'a Caller) -> Option<&'a str> {
    let kept = caller.session().and_then(|session| session.source_identity.as_deref());
    kept.or(input.source_identity.as_deref())
}

impl PreparedQuery for AssumeRole {
    type Prepared = Timestamp;

    fn prepare<'a>(
        input: &'a Self::Input,
        view: &'a View<'a>,
    ) -> Option<BoxFuture<'a, Result<Timestamp, Error>>> {
        // Half a factor was refused before.
        factor(input).ok().flatten().map(|factor| factor.use_up(view))
    }

    fn run(
        input: &Self::Input,
        _: Option<&Timestamp>,
        permit: &Permit<Self>,
        view: &View<'_>,
    ) -> Result<Self::Output, Error> {
        let caller = permit.caller();
        let arn = role_arn(&input.role_arn)?;
        let (account, role) = target(&arn, view).ok_or_else(invalid_request_arn)?;
        let seconds = seconds(input, caller, role)?;
        ensure_source_identity_stays(input, caller)?;
        if input.provided_contexts.as_ref().is_some_and(|contexts| !contexts.is_empty()) {
            let message = "ProvidedContexts are not supported: no context provider is configured.";
            return Err(Error::new(Code::InvalidParameterValue, message));
        }
        let tags = session_tags(
            input.tags.as_deref(),
            input.transitive_tag_keys.as_deref(),
            caller.session(),
        )?;
        let policy = checked(input.policy.as_deref())?;
        let policy_arns = checked_arns(account, input.policy_arns.as_deref())?;
        let has_limits = policy.is_some() || !policy_arns.is_empty() || !tags.tags.is_empty();
        let issued_at = view.facts.now.whole_seconds();
        let source_identity = source_identity(input, caller).map(str::to_owned);
        let mut percent = 0;
        let session = |secret_access_key| {
            let session = Session {
                kind: SessionKind::Role,
                account: account.id(),
                secret_access_key,
                principal: SessionPrincipal::Role {
                    id: role.id(),
                    session_name: input.role_session_name.clone(),
                },
                issued: issued_at,
                expires: issued_at.plus_seconds(seconds),
                policy,
                policy_arns,
                tags: tags.tags,
                transitive_tag_keys: tags.transitive,
                source_identity: source_identity.clone(),
                mfa_authenticated_at: None,
                federated_provider: None,
            };
            percent = session.packed_size();
            session
        };
        let issued = issue(view.tools, session, input.minimum_session_token_size)?;
        let session_name = &input.role_session_name;
        Ok(sts::AssumeRoleResponse {
            credentials: Some(issued.credentials),
            assumed_role_user: Some(sts::AssumedRoleUser {
                assumed_role_id: format!("{}:{session_name}", role.id()),
                arn: format!(
                    "arn:aws:sts::{}:assumed-role/{}/{session_name}",
                    account.id(),
                    role.name()
                ),
            }),
            packed_policy_size: packed_size(has_limits, percent),
            source_identity,
            session_token_utilization: None,
            session_token_size: issued.token_size,
        })
    }
}

/// How long the session lasts.
///
/// # Errors
/// `ValidationError` when that is longer than the role, or role chaining, allows.
fn seconds(input: &sts::AssumeRoleRequest, caller: &Caller, role: &Role) -> Result<i64, Error> {
    let asked = input.duration_seconds.unwrap_or(DEFAULT_SECONDS);
    let is_chained = matches!(caller.principal, Principal::Role { .. });
    if is_chained && asked > MAX_CHAINED_SECONDS {
        return Err(Error::validation(
            "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by \
             role chaining.",
        ));
    }
    if i64::from(asked) > i64::from(role.max_session()) {
        return Err(Error::validation(
            "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.",
        ));
    }
    Ok(i64::from(asked))
}

/// A source identity is set once: a session that has one cannot get another, and none may claim to be
/// AWS's (AWS's texts are not recorded).
fn ensure_source_identity_stays(
    input: &sts::AssumeRoleRequest,
    caller: &Caller,
) -> Result<(), Error> {
    let Some(asked) = input.source_identity.as_deref() else { return Ok(()) };
    if is_reserved(asked) {
        return Err(Error::validation("SourceIdentity must not begin with aws:."));
    }
    match caller.session().and_then(|session| session.source_identity.as_deref()) {
        Some(kept) if kept != asked => {
            let message = "The source identity of the calling session cannot be changed.";
            Err(Error::new(Code::AccessDenied, message))
        }
        _ => Ok(()),
    }
}
