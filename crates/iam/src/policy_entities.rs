//! Who has a managed policy.

use iamd_api::iam;
use iamd_authz::{AccessList, Permit};
use iamd_operation::{Entry, Operation, Query, View};
use iamd_types::{Error, Kind};

use crate::managed_policy;
use crate::owner::{Owner, managed_ref};
use crate::page::Paging;

pub(crate) const OPERATIONS: &[Entry] = &[Entry::query::<ListEntitiesForPolicy>()];

/// `iam:ListEntitiesForPolicy`: users, groups and roles that a policy is attached to or bounds.
pub(crate) struct ListEntitiesForPolicy;

impl Operation for ListEntitiesForPolicy {
    const NAME: &'static str = "ListEntitiesForPolicy";
    type Input = iam::ListEntitiesForPolicyRequest;
    type Output = iam::ListEntitiesForPolicyResponse;

    fn access<'a>(input: &Self::Input, view: &View<'a>) -> Result<AccessList<'a>, Error> {
        let arn = &input.policy_arn;
        Ok(AccessList::one(managed_policy::access("iam:ListEntitiesForPolicy", view, arn)))
    }
}

impl Query for ListEntitiesForPolicy {
    fn run(input: &Self::Input, _: &Permit<Self>, view: &View<'_>) -> Result<Self::Output, Error> {
        let (account, arn) = (view.account, &input.policy_arn);
        let policy = account.managed_by_arn(arn).ok_or_else(|| Error::not_attachable(arn))?;
        let policy = managed_ref(policy);
        let usage = input.policy_usage_filter;
        let attached = account
            .attached_to(policy)
            .filter(|_| usage != Some(iam::PolicyUsageType::PermissionsBoundary));
        let bounded = account
            .bounded_by(policy)
            .filter(|_| usage != Some(iam::PolicyUsageType::PermissionsPolicy));
        let mut ids: Vec<_> = attached.chain(bounded).collect();
        ids.sort_unstable();
        ids.dedup();
        let prefix = input.path_prefix.as_deref().unwrap_or_default();
        let owners = ids
            .into_iter()
            .filter_map(|id| Owner::by_id(account, id))
            .filter(|owner| owner.path().starts_with(prefix))
            .filter(|owner| is_asked_for(owner.kind(), input.entity_filter));
        let page = Paging::new(&input.marker, input.max_items)
            .of(owners, |owner| owner.id().to_string())?;
        Ok(answer(page.is_truncated(), page.marker, &page.items))
    }
}

fn is_asked_for(kind: Kind, filter: Option<iam::EntityType>) -> bool {
    match filter {
        None => true,
        Some(iam::EntityType::User) => kind == Kind::User,
        Some(iam::EntityType::Group) => kind == Kind::Group,
        Some(iam::EntityType::Role) => kind == Kind::Role,
        Some(iam::EntityType::LocalManagedPolicy | iam::EntityType::AwsManagedPolicy) => false,
    }
}

fn answer(
    is_truncated: Option<bool>,
    marker: Option<String>,
    owners: &[Owner],
) -> iam::ListEntitiesForPolicyResponse {
    let of = |kind: Kind| {
        owners
            .iter()
            .filter(move |owner| owner.kind() == kind)
            .map(|owner| (Some(owner.name().to_owned()), Some(owner.id().to_string())))
    };
    let groups =
        of(Kind::Group).map(|(group_name, group_id)| iam::PolicyGroup { group_name, group_id });
    let users = of(Kind::User).map(|(user_name, user_id)| iam::PolicyUser { user_name, user_id });
    let roles = of(Kind::Role).map(|(role_name, role_id)| iam::PolicyRole { role_name, role_id });
    iam::ListEntitiesForPolicyResponse {
        policy_groups: Some(groups.collect()),
        policy_users: Some(users.collect()),
        policy_roles: Some(roles.collect()),
        is_truncated,
        marker,
    }
}
