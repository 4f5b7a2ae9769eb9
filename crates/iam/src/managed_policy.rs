//! Managed policies: the customer's own, and the listing of AWS's.

use iamd_api::iam;
use iamd_authz::{Access, AccessList, Permit};
use iamd_directory::{
    Account, Catalogue, Managed, ManagedPolicy, ManagedPolicyFields, PolicyRef,
    PolicyVersionFields, Transaction,
};
use iamd_operation::{Command, Entry, Operation, Query, View};
use iamd_types::name::ROOT_PATH;
use iamd_types::tag::KeyCase;
use iamd_types::{Arn, Code, Error, IdKind, Kind};

use crate::owner::managed_ref;
use crate::page::Paging;
use crate::{documents, render, tags};

pub(crate) const OPERATIONS: &[Entry] = &[
    Entry::command::<CreatePolicy>(),
    Entry::command::<DeletePolicy>(),
    Entry::query::<GetPolicy>(),
    Entry::query::<ListPolicies>(),
];

/// Access to the managed policy with this ARN. AWS's own belong to `aws`.
pub(crate) fn access<'a>(action: &'static str, view: &View<'_>, arn: &str) -> Access<'a> {
    let account = view.account;
    let resource = arn.to_owned();
    match account.managed_by_arn(arn) {
        Some(Managed::Customer(policy)) => {
            Access::new(action, resource, account.id()).with_resource_tags(policy.tags())
        }
        Some(Managed::Aws(_)) => {
            Access { resource, ..Access::on_all(action) }.with("aws:ResourceAccount", "aws")
        }
        None => {
            let owner = Arn::parse(arn).ok().and_then(|arn| arn.account_id());
            Access::new(action, resource, owner.unwrap_or(account.id()))
        }
    }
}

/// The customer managed policy with this ARN, to be changed.
///
/// # Errors
/// `AccessDenied` for one of AWS's, in the words for `verb`; `NoSuchEntity` in `missing`'s words.
pub(crate) fn own<'a>(
    account: &'a Account,
    arn: &str,
    verb: &'static str,
    missing: impl FnOnce(&str) -> Error,
) -> Result<&'a ManagedPolicy, Error> {
    match account.managed_by_arn(arn) {
        Some(Managed::Customer(policy)) => Ok(policy),
        Some(Managed::Aws(_)) => {
            let message = format!("Cannot {verb} policies outside your own account.");
            Err(Error::new(Code::AccessDenied, message))
        }
        None => Err(missing(arn)),
    }
}

/// `iam:CreatePolicy`, and `iam:TagPolicy` when tags are given.
pub(crate) struct CreatePolicy;

impl Operation for CreatePolicy {
    const NAME: &'static str = "CreatePolicy";
    type Input = iam::CreatePolicyRequest;
    type Output = iam::CreatePolicyResponse;

    fn access<'a>(input: &Self::Input, view: &View<'a>) -> Result<AccessList<'a>, Error> {
        let path = input.path.as_deref().unwrap_or(ROOT_PATH);
        let arn = view.account.arn("policy", path, &input.policy_name);
        let access = Access::new("iam:CreatePolicy", arn, view.account.id());
        Ok(tags::with_tags_at_creation(access, "iam:TagPolicy", input.tags.as_deref()))
    }
}

impl Command for CreatePolicy {
    fn run(
        input: &Self::Input,
        _: &Permit<Self>,
        tx: &mut Transaction,
    ) -> Result<Self::Output, Error> {
        documents::check_managed(tx, &input.policy_document)?;
        let tags = tags::checked(tx, input.tags.as_deref(), KeyCase::Sensitive)?;
        if tx.policies().named(&input.policy_name).is_some() {
            return Err(Error::already_exists(Kind::Policy, &input.policy_name));
        }
        let quota = tx.quotas().policies;
        if tx.policies().len() as u64 >= quota {
            return Err(Error::quota("PoliciesPerAccount", quota));
        }
        let fields = ManagedPolicyFields {
            id: tx.new_id(IdKind::Policy),
            name: input.policy_name.clone(),
            path: input.path.clone().unwrap_or_else(|| ROOT_PATH.to_owned()),
            created: tx.now(),
            updated: tx.now(),
            default_version: 1,
            latest_version: 1,
            tags,
            description: input.description.clone(),
        };
        let policy = tx.put_policy(&fields);
        let created = tx.now();
        tx.put_version(&PolicyVersionFields {
            policy: policy.id(),
            version: 1,
            created,
            document: input.policy_document.clone(),
        });
        let policy =
            iam::Policy { tags: render::some_tags(policy.tags()), ..render::policy(tx, &policy) };
        Ok(iam::CreatePolicyResponse { policy: Some(policy) })
    }
}

/// `iam:GetPolicy`.
pub(crate) struct GetPolicy;

impl Operation for GetPolicy {
    const NAME: &'static str = "GetPolicy";
    type Input = iam::GetPolicyRequest;
    type Output = iam::GetPolicyResponse;

    fn access<'a>(input: &Self::Input, view: &View<'a>) -> Result<AccessList<'a>, Error> {
        Ok(AccessList::one(access("iam:GetPolicy", view, &input.policy_arn)))
    }
}

impl Query for GetPolicy {
    fn run(input: &Self::Input, _: &Permit<Self>, view: &View<'_>) -> Result<Self::Output, Error> {
        let arn = &input.policy_arn;
        let managed = view
            .account
            .managed_by_arn(arn)
            .ok_or_else(|| Error::no_such_entity(Kind::Policy, arn))?;
        let (description, tags) = match managed {
            Managed::Customer(policy) => {
                (policy.description().map(str::to_owned), render::tags(policy.tags()))
            }
            Managed::Aws(_) => (None, Vec::new()),
        };
        let policy =
            iam::Policy { description, tags: Some(tags), ..render::managed(view.account, managed) };
        Ok(iam::GetPolicyResponse { policy: Some(policy) })
    }
}

/// `iam:ListPolicies`: the customer's own by name, then AWS's in the order in which AWS made them.
pub(crate) struct ListPolicies;

impl Operation for ListPolicies {
    const NAME: &'static str = "ListPolicies";
    type Input = iam::ListPoliciesRequest;
    type Output = iam::ListPoliciesResponse;

    fn access<'a>(input: &Self::Input, _: &View<'a>) -> Result<AccessList<'a>, Error> {
        // What AWS's messages name is no ARN, so only policies for every resource allow it.
        let prefix = input.path_prefix.as_deref().unwrap_or(ROOT_PATH);
        let resource = format!("policy path {prefix}");
        Ok(AccessList::one(Access { resource, ..Access::on_all("iam:ListPolicies") }))
    }
}

impl Query for ListPolicies {
    fn run(input: &Self::Input, _: &Permit<Self>, view: &View<'_>) -> Result<Self::Output, Error> {
        let account = view.account;
        let scope = input.scope.unwrap_or(iam::PolicyScopeType::All);
        let own = account.policies().iter().map(Managed::Customer);
        let aws = Catalogue::get().iter().map(Managed::Aws);
        let policies = own
            .filter(|_| scope != iam::PolicyScopeType::Aws)
            .chain(aws.filter(|_| scope != iam::PolicyScopeType::Local))
            .filter(|policy| is_asked_for(account, *policy, input));
        let page = Paging::new(&input.marker, input.max_items)
            .of(policies, |policy| arn_of(account, *policy).to_owned())?
            .map(|policy| render::managed(account, policy));
        Ok(iam::ListPoliciesResponse {
            is_truncated: page.is_truncated(),
            policies: Some(page.items),
            marker: page.marker,
        })
    }
}

fn is_asked_for(account: &Account, policy: Managed<'_>, input: &iam::ListPoliciesRequest) -> bool {
    let path = match policy {
        Managed::Customer(policy) => policy.path(),
        Managed::Aws(policy) => policy.path,
    };
    let prefix = input.path_prefix.as_deref().unwrap_or_default();
    if !path.starts_with(prefix) {
        return false;
    }
    let reference = managed_ref(policy);
    let is_attached = || account.attached_to(reference).next().is_some();
    let is_boundary = || account.bounded_by(reference).next().is_some();
    if input.only_attached == Some(true) && !is_attached() && !is_boundary() {
        return false;
    }
    match input.policy_usage_filter {
        None => true,
        Some(iam::PolicyUsageType::PermissionsPolicy) => is_attached(),
        Some(iam::PolicyUsageType::PermissionsBoundary) => is_boundary(),
    }
}

fn arn_of<'a>(account: &Account, policy: Managed<'a>) -> &'a str {
    match policy {
        Managed::Customer(policy) => account.policy_arn(policy),
        Managed::Aws(policy) => &policy.arn,
    }
}

/// `iam:DeletePolicy`. Refuses a policy that is attached, is a boundary, or has other versions.
pub(crate) struct DeletePolicy;

impl Operation for DeletePolicy {
    const NAME: &'static str = "DeletePolicy";
    type Input = iam::DeletePolicyRequest;
    type Output = ();

    fn access<'a>(input: &Self::Input, view: &View<'a>) -> Result<AccessList<'a>, Error> {
        Ok(AccessList::one(access("iam:DeletePolicy", view, &input.policy_arn)))
    }
}

impl Command for DeletePolicy {
    fn run(input: &Self::Input, _: &Permit<Self>, tx: &mut Transaction) -> Result<(), Error> {
        let missing = |arn: &str| Error::no_such_entity(Kind::Policy, arn);
        let policy = own(tx, &input.policy_arn, "delete", missing)?.clone();
        let reference = PolicyRef::customer(policy.id());
        let in_use = tx.attached_to(reference).chain(tx.bounded_by(reference)).next().is_some();
        if in_use {
            let message = "Cannot delete a policy attached to entities.";
            return Err(Error::new(Code::DeleteConflict, message));
        }
        let versions: Vec<_> = tx.policy_versions(policy.id()).cloned().collect();
        if versions.len() > 1 {
            let message = "This policy has more than one version. Before you delete a policy, you \
                           must delete the policy's versions. The default version is deleted with \
                           the policy.";
            return Err(Error::new(Code::DeleteConflict, message));
        }
        versions.iter().for_each(|version| tx.remove_version(version));
        tx.remove_policy(&policy);
        Ok(())
    }
}
