//! Everything about who may do what, in one listing.

use iamd_api::iam;
use iamd_authz::{Access, AccessList, Permit};
use iamd_directory::{
    Account, AwsPolicy, Catalogue, Group, Managed, ManagedPolicy, Role, Usage, User,
};
use iamd_operation::{Entry, Operation, Query, View};
use iamd_types::{Error, UniqueId};

use crate::page::Paging;
use crate::{render, trust};

pub(crate) const OPERATIONS: &[Entry] = &[Entry::query::<GetAccountAuthorizationDetails>()];

/// `iam:GetAccountAuthorizationDetails`: users, groups, roles, the account's own policies, and those of
/// AWS's that are attached to something. The pages go through all kinds in this order.
pub(crate) struct GetAccountAuthorizationDetails;

impl Operation for GetAccountAuthorizationDetails {
    const NAME: &'static str = "GetAccountAuthorizationDetails";
    type Input = iam::GetAccountAuthorizationDetailsRequest;
    type Output = iam::GetAccountAuthorizationDetailsResponse;

    fn access<'a>(_: &Self::Input, _: &View<'a>) -> Result<AccessList<'a>, Error> {
        Ok(AccessList::one(Access::on_all("iam:GetAccountAuthorizationDetails")))
    }
}

/// One entry of the listing.
enum Entity<'a> {
    User(&'a User),
    Group(&'a Group),
    Role(&'a Role),
    Own(&'a ManagedPolicy),
    Aws(&'static AwsPolicy),
}

impl Entity<'_> {
    fn key(&self) -> String {
        match self {
            Self::User(user) => user.id().to_string(),
            Self::Group(group) => group.id().to_string(),
            Self::Role(role) => role.id().to_string(),
            Self::Own(policy) => policy.id().to_string(),
            Self::Aws(policy) => policy.arn.clone(),
        }
    }
}

impl Query for GetAccountAuthorizationDetails {
    fn run(input: &Self::Input, _: &Permit<Self>, view: &View<'_>) -> Result<Self::Output, Error> {
        let (account, usage) = (view.account, view.tools.directory.usage());
        let page = Paging::new(&input.marker, input.max_items)
            .of(entities(account, input.filter.as_deref().unwrap_or_default()), Entity::key)?;
        let (is_truncated, marker) = (page.is_truncated(), page.marker);
        let (mut users, mut groups, mut roles, mut policies) = (vec![], vec![], vec![], vec![]);
        for entity in page.items {
            match entity {
                Entity::User(user) => users.push(user_detail(account, user)),
                Entity::Group(group) => groups.push(group_detail(account, group)),
                Entity::Role(role) => roles.push(role_detail(account, usage, role)),
                Entity::Own(policy) => policies.push(own_policy(account, policy)),
                Entity::Aws(policy) => policies.push(aws_policy(account, policy)),
            }
        }
        Ok(iam::GetAccountAuthorizationDetailsResponse {
            user_detail_list: Some(users),
            group_detail_list: Some(groups),
            role_detail_list: Some(roles),
            policies: Some(policies),
            is_truncated,
            marker,
        })
    }
}

fn entities<'a>(account: &'a Account, filter: &[iam::EntityType]) -> Vec<Entity<'a>> {
    let wants = |kind: iam::EntityType| filter.is_empty() || filter.contains(&kind);
    let mut entities = Vec::new();
    if wants(iam::EntityType::User) {
        entities.extend(account.users().iter().map(Entity::User));
    }
    if wants(iam::EntityType::Group) {
        entities.extend(account.groups().iter().map(Entity::Group));
    }
    if wants(iam::EntityType::Role) {
        entities.extend(account.roles().iter().map(Entity::Role));
    }
    if wants(iam::EntityType::LocalManagedPolicy) {
        entities.extend(account.policies().iter().map(Entity::Own));
    }
    if wants(iam::EntityType::AwsManagedPolicy) {
        let in_use = account.policies_in_use();
        entities
            .extend(in_use.filter_map(|policy| Catalogue::get().by_ref(policy)).map(Entity::Aws));
    }
    entities
}

fn inline(account: &Account, owner: UniqueId) -> Vec<iam::PolicyDetail> {
    account
        .inline_policies(owner)
        .map(|policy| iam::PolicyDetail {
            policy_name: Some(policy.name().to_owned()),
            policy_document: Some(policy.document().into()),
        })
        .collect()
}

fn attached(
    account: &Account,
    policies: impl Iterator<Item = iamd_directory::PolicyRef>,
) -> Option<Vec<iam::AttachedPolicy>> {
    Some(policies.filter_map(|policy| render::attached(account, policy)).collect())
}

fn user_detail(account: &Account, user: &User) -> iam::UserDetail {
    let policies = inline(account, user.id());
    iam::UserDetail {
        path: Some(user.path().to_owned()),
        user_name: Some(user.name().to_owned()),
        user_id: Some(user.id().to_string()),
        arn: Some(account.user_arn(user)),
        create_date: Some(user.created()),
        user_policy_list: (!policies.is_empty()).then_some(policies),
        group_list: Some(account.groups_of(user).map(|group| group.name().to_owned()).collect()),
        attached_managed_policies: attached(account, user.attached().iter()),
        permissions_boundary: render::boundary(account, user.boundary()),
        tags: Some(render::tags(user.tags())),
    }
}

fn group_detail(account: &Account, group: &Group) -> iam::GroupDetail {
    iam::GroupDetail {
        path: Some(group.path().to_owned()),
        group_name: Some(group.name().to_owned()),
        group_id: Some(group.id().to_string()),
        arn: Some(account.group_arn(group)),
        create_date: Some(group.created()),
        group_policy_list: Some(inline(account, group.id())),
        attached_managed_policies: attached(account, group.attached().iter()),
    }
}

fn role_detail(account: &Account, usage: &Usage, role: &Role) -> iam::RoleDetail {
    let profiles = account.instance_profiles_of(role.id());
    iam::RoleDetail {
        path: Some(role.path().to_owned()),
        role_name: Some(role.name().to_owned()),
        role_id: Some(role.id().to_string()),
        arn: Some(account.role_arn(role)),
        create_date: Some(role.created()),
        assume_role_policy_document: Some(trust::shown(account, role).into()),
        instance_profile_list: Some(
            profiles.map(|profile| render::instance_profile(account, profile)).collect(),
        ),
        role_policy_list: Some(inline(account, role.id())),
        attached_managed_policies: attached(account, role.attached().iter()),
        permissions_boundary: render::boundary(account, role.boundary()),
        tags: Some(render::tags(role.tags())),
        role_last_used: Some(render::role_last_used(usage, role)),
    }
}

fn own_policy(account: &Account, policy: &ManagedPolicy) -> iam::ManagedPolicyDetail {
    let versions = account.policy_versions(policy.id()).rev().map(|version| iam::PolicyVersion {
        document: Some(version.document().into()),
        version_id: Some(version.version_id()),
        is_default_version: Some(version.version() == policy.default_version()),
        create_date: Some(version.created()),
    });
    let description = policy.description().map(str::to_owned);
    detail(render::managed(account, Managed::Customer(policy)), description, versions.collect())
}

fn aws_policy(account: &Account, policy: &'static AwsPolicy) -> iam::ManagedPolicyDetail {
    let version = iam::PolicyVersion {
        document: policy.document().map(|document| document.text().into()),
        version_id: Some(policy.default_version.to_owned()),
        is_default_version: Some(true),
        create_date: Some(policy.updated),
    };
    detail(render::managed(account, Managed::Aws(policy)), None, vec![version])
}

fn detail(
    policy: iam::Policy,
    description: Option<String>,
    versions: Vec<iam::PolicyVersion>,
) -> iam::ManagedPolicyDetail {
    iam::ManagedPolicyDetail {
        policy_name: policy.policy_name,
        policy_id: policy.policy_id,
        arn: policy.arn,
        path: policy.path,
        default_version_id: policy.default_version_id,
        attachment_count: policy.attachment_count,
        permissions_boundary_usage_count: policy.permissions_boundary_usage_count,
        is_attachable: policy.is_attachable,
        description,
        create_date: policy.create_date,
        update_date: policy.update_date,
        policy_version_list: Some(versions),
    }
}
