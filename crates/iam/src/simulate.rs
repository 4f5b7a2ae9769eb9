//! The policy simulator: what policies would allow, and the condition keys that they ask for.
//!
//! Nothing is done and nobody's permissions matter but those in the simulation.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use iamd_api::iam;
use iamd_authz::{Access, AccessList, Permit};
use iamd_directory::Account;
use iamd_operation::{Entry, Operation, Query, View};
use iamd_policy::{Document, PolicyType, PrincipalKind, check};
use iamd_types::{Arn, Error, Kind};

use crate::held::{self, Held};
use crate::owner::{self, Owner};
use crate::page::Paging;
use crate::simulation::{Named, SimulatedCaller, Simulation};
use crate::simulation_input::{check_actions, check_handling, context};

pub(crate) const OPERATIONS: &[Entry] = &[
    Entry::query::<GetContextKeysForCustomPolicy>(),
    Entry::query::<GetContextKeysForPrincipalPolicy>(),
    Entry::query::<SimulateCustomPolicy>(),
    Entry::query::<SimulatePrincipalPolicy>(),
];

/// Access to the user, group or role of this ARN, with its tags when it is there.
pub(crate) fn access<'a>(action: &'static str, view: &View<'_>, arn: &str) -> AccessList<'a> {
    AccessList::one(match held::entity(view.account, arn) {
        Ok(found) => owner::access(action, view, found.kind(), found.name()),
        Err(_) => Access::new(action, arn.to_owned(), view.account.id()),
    })
}

/// Parses the documents of a list; they are called after it: `PolicyInputList.1`.
///
/// # Errors
/// `InvalidInput` with CreatePolicy's words for what is no policy.
fn parsed(list: &str, texts: &[String], policy_type: PolicyType) -> Result<Vec<Named>, Error> {
    let parse = |(at, text): (usize, &String)| {
        let document = check(text, policy_type, false)
            .map_err(|refusal| Error::invalid_input(refusal.message))?;
        Ok(Named { id: format!("{list}.{}", at + 1), document: Arc::new(document) })
    };
    texts.iter().enumerate().map(parse).collect()
}

fn input_list(texts: &[String]) -> Result<Vec<Named>, Error> {
    parsed("PolicyInputList", texts, PolicyType::Identity)
}

/// The boundary to simulate. AWS: a list, of which an entity can have one.
fn boundary(texts: Option<&Vec<String>>) -> Result<Option<Named>, Error> {
    let list = "PermissionsBoundaryPolicyInputList";
    let mut parsed = parsed(list, texts.map_or(&[], Vec::as_slice), PolicyType::Identity)?;
    if parsed.len() > 1 {
        let message = format!("{list} can hold only one policy.");
        return Err(Error::invalid_input(message));
    }
    Ok(parsed.pop())
}

/// A resource's policy: of a role, too, so only what all kinds have in common is asked of it.
fn resource_policy(text: Option<&String>) -> Result<Option<Named>, Error> {
    let Some(text) = text else { return Ok(None) };
    let document =
        Document::parse(text).map_err(|_| Error::invalid_input("Syntax errors in policy."))?;
    Ok(Some(Named { id: "ResourcePolicy".to_owned(), document: Arc::new(document) }))
}

/// The account that `ResourceOwner` names: an account id, or an ARN of the account.
fn resource_owner(named: Option<&String>) -> Result<Option<String>, Error> {
    let Some(named) = named else { return Ok(None) };
    let account = match Arn::parse(named) {
        Ok(arn) => arn.account().to_owned(),
        Err(_) => named.clone(),
    };
    let is_account = account.len() == 12 && account.bytes().all(|byte| byte.is_ascii_digit());
    if !is_account {
        return Err(Error::invalid_input(format!("Invalid ResourceOwner: {named}")));
    }
    Ok(Some(account))
}

/// The user in `CallerArn`, who need not exist. AWS: roles, sessions and services cannot be given.
fn caller(arn: Option<&String>) -> Result<Option<SimulatedCaller>, Error> {
    let Some(arn) = arn else { return Ok(None) };
    let account = Arn::parse(arn).ok().and_then(|arn| arn.account_id());
    let is_user = matches!(held::parts(arn), Some((Kind::User, ..)));
    let Some(account) = account.filter(|_| is_user) else {
        return Err(Error::invalid_input(format!("Invalid CallerArn: {arn}")));
    };
    let (arn, account) = (arn.clone(), account.to_string());
    Ok(Some(SimulatedCaller { kind: PrincipalKind::User, arn, account }))
}

fn page(
    simulation: &Simulation,
    (actions, resources): (&[String], &[String]),
    paging: &Paging<'_>,
) -> Result<iam::SimulatePolicyResponse, Error> {
    let numbered = actions.iter().enumerate();
    let page = paging.of(numbered, |(at, _)| at.to_string())?;
    simulation.ensure_bounded(page.items.len(), resources.len())?;
    let is_truncated = page.is_truncated();
    let results = page.items.iter().map(|(_, action)| simulation.result(action, resources));
    Ok(iam::SimulatePolicyResponse {
        is_truncated,
        evaluation_results: Some(results.collect::<Result<_, Error>>()?),
        marker: page.marker,
    })
}

/// `iam:SimulateCustomPolicy`: policies given as texts. `CallerArn` must be given with a resource policy.
pub(crate) struct SimulateCustomPolicy;

impl Operation for SimulateCustomPolicy {
    const NAME: &'static str = "SimulateCustomPolicy";
    type Input = iam::SimulateCustomPolicyRequest;
    type Output = iam::SimulatePolicyResponse;

    fn access<'a>(_: &Self::Input, _: &View<'a>) -> Result<AccessList<'a>, Error> {
        Ok(AccessList::one(Access::on_all("iam:SimulateCustomPolicy")))
    }
}

impl Query for SimulateCustomPolicy {
    fn run(input: &Self::Input, _: &Permit<Self>, view: &View<'_>) -> Result<Self::Output, Error> {
        let resources = input.resource_arns.as_deref().unwrap_or_default();
        check_actions(&input.action_names)?;
        check_handling(input.resource_handling_option.as_deref(), resources)?;
        let caller = caller(input.caller_arn.as_ref())?;
        if input.resource_policy.is_some() && caller.is_none() {
            return Err(caller_missing());
        }
        let simulation = Simulation {
            context: context(None, caller.as_ref().map(|it| &*it.arn), &input.context_entries)?,
            caller: caller.unwrap_or_else(|| SimulatedCaller {
                kind: PrincipalKind::User,
                arn: String::new(),
                account: view.account.id().to_string(),
            }),
            identity: input_list(&input.policy_input_list)?,
            boundary: boundary(input.permissions_boundary_policy_input_list.as_ref())?,
            resource: resource_policy(input.resource_policy.as_ref())?,
            organization: organization(input.ordered_organization_policy_input_list.as_deref())?,
            resource_owner: resource_owner(input.resource_owner.as_ref())?,
            compiled: OnceLock::new(),
        };
        let paging = Paging::new(&input.marker, input.max_items);
        page(&simulation, (&input.action_names, resources), &paging)
    }
}

fn caller_missing() -> Error {
    Error::invalid_input("CallerArn is required when ResourcePolicy is specified.")
}

fn organization(
    levels: Option<&[iam::OrderedOrganizationPolicyType]>,
) -> Result<Option<Vec<Vec<Named>>>, Error> {
    let level = |(at, level): (usize, &iam::OrderedOrganizationPolicyType)| {
        let list =
            format!("OrderedOrganizationPolicyInputList.{}.ServiceControlPolicyInputList", at + 1);
        let texts = level.service_control_policy_input_list.as_deref().unwrap_or_default();
        parsed(&list, texts, PolicyType::ServiceControl)
    };
    levels.map(|levels| levels.iter().enumerate().map(level).collect()).transpose()
}

/// `iam:SimulatePrincipalPolicy`: the policies of a user (with its groups), group or role, and more given as
/// texts. A boundary given as text takes the place of the entity's own. The account is outside of any
/// organization, so there is no organization's decision.
pub(crate) struct SimulatePrincipalPolicy;

impl Operation for SimulatePrincipalPolicy {
    const NAME: &'static str = "SimulatePrincipalPolicy";
    type Input = iam::SimulatePrincipalPolicyRequest;
    type Output = iam::SimulatePolicyResponse;

    fn access<'a>(input: &Self::Input, view: &View<'a>) -> Result<AccessList<'a>, Error> {
        Ok(access("iam:SimulatePrincipalPolicy", view, &input.policy_source_arn))
    }
}

impl Query for SimulatePrincipalPolicy {
    fn run(input: &Self::Input, _: &Permit<Self>, view: &View<'_>) -> Result<Self::Output, Error> {
        let account = view.account;
        let source = held::entity(account, &input.policy_source_arn)?;
        let resources = input.resource_arns.as_deref().unwrap_or_default();
        check_actions(&input.action_names)?;
        check_handling(input.resource_handling_option.as_deref(), resources)?;
        let named = caller(input.caller_arn.as_ref())?;
        if input.resource_policy.is_some() && named.is_none() && source.kind() != Kind::User {
            return Err(caller_missing());
        }
        let excluded = input.policy_exclusion_list.as_deref().unwrap_or_default();
        let caller = named.unwrap_or_else(|| caller_of(account, &source));
        let mut identity = entity_policies(account, &source, excluded)?;
        identity.extend(input_list(input.policy_input_list.as_deref().unwrap_or_default())?);
        let given = boundary(input.permissions_boundary_policy_input_list.as_ref())?;
        let simulation = Simulation {
            context: context(
                Some(&source).filter(|_| caller.arn == input.policy_source_arn),
                Some(&caller.arn),
                &input.context_entries,
            )?,
            caller,
            identity,
            boundary: match given {
                Some(given) => Some(given),
                None => entity_boundary(account, &source, excluded)?,
            },
            resource: resource_policy(input.resource_policy.as_ref())?,
            organization: None,
            resource_owner: resource_owner(input.resource_owner.as_ref())?,
            compiled: OnceLock::new(),
        };
        let paging = Paging::new(&input.marker, input.max_items);
        page(&simulation, (&input.action_names, resources), &paging)
    }
}

/// The entity itself as the caller: a role as a session of it, a group as one of its users.
fn caller_of(account: &Account, source: &Owner) -> SimulatedCaller {
    let kind = match source {
        Owner::Role(_) => PrincipalKind::RoleSession,
        Owner::User(_) | Owner::Group(_) => PrincipalKind::User,
    };
    let arn = account.arn(source.kind().noun(), source.path(), source.name());
    SimulatedCaller { kind, arn, account: account.id().to_string() }
}

/// The entity's policies by the ids that AWS gives them (recorded): a managed policy's name;
/// `user_NAME_POLICY` and its like for an inline one.
fn entity_policies(
    account: &Account,
    source: &Owner,
    excluded: &[iam::PolicyIdentifier],
) -> Result<Vec<Named>, Error> {
    let named = |it: Held<'_>| {
        let id = match it.arn {
            Some(_) => it.name.to_owned(),
            None => format!("{}_{}_{}", it.owner.kind().noun(), it.owner.name(), it.name),
        };
        Named { id, document: Arc::clone(it.document) }
    };
    let held = held::policies(account, source)?.into_iter();
    let kept = held.filter(|it| !excluded.iter().any(|excluded| excludes(excluded, it)));
    Ok(kept.map(named).collect())
}

fn entity_boundary(
    account: &Account,
    source: &Owner,
    excluded: &[iam::PolicyIdentifier],
) -> Result<Option<Named>, Error> {
    let Some(policy) = source.boundary() else { return Ok(None) };
    let (name, arn, document) = held::managed(account, policy)?;
    let boundaries = Some(iam::PolicyIdentifierPolicyType::PermissionBoundary);
    let left_out = excluded.iter().any(|excluded| {
        excluded.policy_type == boundaries || excluded.policy_arn.as_deref() == Some(arn)
    });
    let named = Named { id: name.to_owned(), document: Arc::clone(document) };
    Ok(Some(named).filter(|_| !left_out))
}

fn excludes(excluded: &iam::PolicyIdentifier, held: &Held<'_>) -> bool {
    use iam::PolicyIdentifierPolicyType as Type;
    let is_aws = held.arn.map(|arn| arn.starts_with("arn:aws:iam::aws:"));
    let by_type = match excluded.policy_type {
        Some(Type::Inline) => is_aws.is_none(),
        Some(Type::AwsManaged) => is_aws == Some(true),
        Some(Type::UserManaged) => is_aws == Some(false),
        Some(Type::PermissionBoundary | Type::Scp | Type::Rcp) | None => false,
    };
    let by_arn = excluded.policy_arn.as_deref().is_some_and(|arn| held.arn == Some(arn));
    let by_name = excluded.inline_policy_identifier.as_ref().is_some_and(|inline| {
        held.arn.is_none()
            && inline.policy_name == held.name
            && inline.attachment_type.as_str() == held.owner.kind().noun()
            && inline.attachment_name.eq_ignore_ascii_case(held.owner.name())
    });
    by_type || by_arn || by_name
}

fn context_keys(policies: &[Named]) -> iam::GetContextKeysForPolicyResponse {
    let mut names = BTreeMap::new();
    for name in policies.iter().flat_map(|named| named.document.context_keys()) {
        names.entry(name.to_ascii_lowercase()).or_insert_with(|| name.to_owned());
    }
    iam::GetContextKeysForPolicyResponse { context_key_names: Some(names.into_values().collect()) }
}

/// `iam:GetContextKeysForCustomPolicy`.
pub(crate) struct GetContextKeysForCustomPolicy;

impl Operation for GetContextKeysForCustomPolicy {
    const NAME: &'static str = "GetContextKeysForCustomPolicy";
    type Input = iam::GetContextKeysForCustomPolicyRequest;
    type Output = iam::GetContextKeysForPolicyResponse;

    fn access<'a>(_: &Self::Input, _: &View<'a>) -> Result<AccessList<'a>, Error> {
        Ok(AccessList::one(Access::on_all("iam:GetContextKeysForCustomPolicy")))
    }
}

impl Query for GetContextKeysForCustomPolicy {
    fn run(input: &Self::Input, _: &Permit<Self>, _: &View<'_>) -> Result<Self::Output, Error> {
        Ok(context_keys(&input_list(&input.policy_input_list)?))
    }
}

/// `iam:GetContextKeysForPrincipalPolicy`: of the policies of a user (with its groups), group or role, and of
/// those given.
pub(crate) struct GetContextKeysForPrincipalPolicy;

impl Operation for GetContextKeysForPrincipalPolicy {
    const NAME: &'static str = "GetContextKeysForPrincipalPolicy";
    type Input = iam::GetContextKeysForPrincipalPolicyRequest;
    type Output = iam::GetContextKeysForPolicyResponse;

    fn access<'a>(input: &Self::Input, view: &View<'a>) -> Result<AccessList<'a>, Error> {
        Ok(access("iam:GetContextKeysForPrincipalPolicy", view, &input.policy_source_arn))
    }
}

impl Query for GetContextKeysForPrincipalPolicy {
    fn run(input: &Self::Input, _: &Permit<Self>, view: &View<'_>) -> Result<Self::Output, Error> {
        let source = held::entity(view.account, &input.policy_source_arn)?;
        let mut policies = entity_policies(view.account, &source, &[])?;
        policies.extend(input_list(input.policy_input_list.as_deref().unwrap_or_default())?);
        Ok(context_keys(&policies))
    }
}
