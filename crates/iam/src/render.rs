//! Records as the shapes of answers. Which members an answer holds is the operation's business:
//! these give the least, and operations add to it.

use iamd_api::iam;
use iamd_directory::{
    Account, Group, Holder, InstanceProfile, Managed, ManagedPolicy, PolicyRef, Role, Tags, Usage,
    User,
};

use crate::trust;

pub(crate) fn user(account: &Account, user: &User) -> iam::User {
    iam::User {
        path: user.path().to_owned(),
        user_name: user.name().to_owned(),
        user_id: user.id().to_string(),
        arn: account.user_arn(user),
        create_date: user.created(),
        password_last_used: account
            .credentials()
            .login_profiles
            .of(Holder::User(user.id()))
            .find_map(|profile| profile.last_used()),
        permissions_boundary: None,
        tags: None,
    }
}

/// The root user has no name and no path of its own.
pub(crate) fn root_user(account: &Account) -> iam::User {
    iam::User {
        user_id: account.id().to_string(),
        arn: account.id().root_arn(),
        create_date: account.record().map(|record| record.created()).unwrap_or_default(),
        ..iam::User::default()
    }
}

/// With what only CreateUser and GetUser show.
pub(crate) fn user_in_full(account: &Account, record: &User) -> iam::User {
    iam::User {
        permissions_boundary: boundary(account, record.boundary()),
        tags: some_tags(record.tags()),
        ..user(account, record)
    }
}

pub(crate) fn group(account: &Account, group: &Group) -> iam::Group {
    iam::Group {
        path: group.path().to_owned(),
        group_name: group.name().to_owned(),
        group_id: group.id().to_string(),
        arn: account.group_arn(group),
        create_date: group.created(),
    }
}

/// What all answers with a role have.
pub(crate) fn role(account: &Account, role: &Role) -> iam::Role {
    iam::Role {
        path: role.path().to_owned(),
        role_name: role.name().to_owned(),
        role_id: role.id().to_string(),
        arn: account.role_arn(role),
        create_date: role.created(),
        assume_role_policy_document: Some(trust::shown(account, role).into()),
        ..iam::Role::default()
    }
}

/// What CreateRole shows.
pub(crate) fn created_role(account: &Account, record: &Role) -> iam::Role {
    iam::Role {
        permissions_boundary: boundary(account, record.boundary()),
        tags: some_tags(record.tags()),
        ..role(account, record)
    }
}

/// When and where a role was last used; an empty element when it never was (recorded).
pub(crate) fn role_last_used(usage: &Usage, role: &Role) -> iam::RoleLastUsed {
    let last = usage.accesses().last(role.id());
    iam::RoleLastUsed {
        last_used_date: last.as_ref().map(|used| used.at),
        region: last.map(|used| used.region.into()),
    }
}

pub(crate) fn instance_profile(
    account: &Account,
    profile: &InstanceProfile,
) -> iam::InstanceProfile {
    let holds = profile.role().and_then(|id| account.roles().get(id));
    iam::InstanceProfile {
        path: profile.path().to_owned(),
        instance_profile_name: profile.name().to_owned(),
        instance_profile_id: profile.id().to_string(),
        arn: account.instance_profile_arn(profile),
        create_date: profile.created(),
        roles: holds.map(|record| role(account, record)).into_iter().collect(),
        tags: None,
    }
}

/// What all answers with a customer managed policy have.
pub(crate) fn policy(account: &Account, policy: &ManagedPolicy) -> iam::Policy {
    let reference = PolicyRef::customer(policy.id());
    iam::Policy {
        policy_name: Some(policy.name().to_owned()),
        policy_id: Some(policy.id().to_string()),
        arn: Some(account.policy_arn(policy).to_owned()),
        path: Some(policy.path().to_owned()),
        default_version_id: Some(format!("v{}", policy.default_version())),
        attachment_count: Some(count(account.attached_to(reference).count())),
        permissions_boundary_usage_count: Some(count(account.bounded_by(reference).count())),
        is_attachable: Some(true),
        description: None,
        create_date: Some(policy.created()),
        update_date: Some(policy.updated()),
        tags: None,
    }
}

/// What all answers with a managed policy have.
pub(crate) fn managed(account: &Account, managed: Managed<'_>) -> iam::Policy {
    let aws = match managed {
        Managed::Customer(record) => return policy(account, record),
        Managed::Aws(aws) => aws,
    };
    let reference = aws.policy_ref();
    iam::Policy {
        policy_name: Some(aws.name.to_owned()),
        policy_id: aws.id.map(|id| id.to_string()),
        arn: Some(aws.arn.clone()),
        path: Some(aws.path.to_owned()),
        default_version_id: Some(aws.default_version.to_owned()),
        attachment_count: Some(count(account.attached_to(reference).count())),
        permissions_boundary_usage_count: Some(count(account.bounded_by(reference).count())),
        is_attachable: Some(true),
        description: None,
        create_date: Some(aws.created),
        update_date: Some(aws.updated),
        tags: None,
    }
}

pub(crate) fn attached(account: &Account, policy: PolicyRef) -> Option<iam::AttachedPolicy> {
    let (name, arn) = match account.managed(policy)? {
        Managed::Customer(policy) => (policy.name(), account.policy_arn(policy)),
        Managed::Aws(policy) => (policy.name, policy.arn.as_str()),
    };
    Some(iam::AttachedPolicy {
        policy_name: Some(name.to_owned()),
        policy_arn: Some(arn.to_owned()),
    })
}

pub(crate) fn boundary(
    account: &Account,
    policy: Option<PolicyRef>,
) -> Option<iam::AttachedPermissionsBoundary> {
    let arn = attached(account, policy?)?.policy_arn;
    Some(iam::AttachedPermissionsBoundary {
        permissions_boundary_type: Some(
            iam::PermissionsBoundaryAttachmentType::PermissionsBoundaryPolicy,
        ),
        permissions_boundary_arn: arn,
    })
}

pub(crate) fn tags(tags: Tags<'_>) -> Vec<iam::Tag> {
    tags.map(|(key, value)| iam::Tag { key: key.to_owned(), value: value.to_owned() }).collect()
}

/// The tags, or nothing when there are none: what most answers do.
pub(crate) fn some_tags(list: Tags<'_>) -> Option<Vec<iam::Tag>> {
    (!list.is_empty()).then(|| tags(list))
}

/// A count as the API's integers have it.
pub(crate) fn count(number: usize) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}
