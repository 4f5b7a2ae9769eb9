//! Users, groups and roles as holders of policies, and what a request for one asks permission for.

use iamd_authz::Access;
use iamd_directory::{
    Account, Group, List, Managed, OwnedList, PolicyRef, Role, Tags, Transaction, User,
};
use iamd_operation::View;
use iamd_types::{Error, Kind, UniqueId};

/// A user, group or role.
#[derive(Clone)]
pub(crate) enum Owner {
    User(User),
    Group(Group),
    Role(Role),
}

impl Owner {
    /// The user, group or role of this name, or `NoSuchEntity`.
    pub(crate) fn find(account: &Account, kind: Kind, name: &str) -> Result<Self, Error> {
        match kind {
            Kind::Group => account.group(name).cloned().map(Self::Group),
            Kind::Role => account.role(name).cloned().map(Self::Role),
            _ => account.user(name).cloned().map(Self::User),
        }
    }

    pub(crate) fn by_id(account: &Account, id: UniqueId) -> Option<Self> {
        let user = account.users().get(id).cloned().map(Self::User);
        user.or_else(|| account.groups().get(id).cloned().map(Self::Group))
            .or_else(|| account.roles().get(id).cloned().map(Self::Role))
    }

    pub(crate) fn kind(&self) -> Kind {
        match self {
            Self::User(_) => Kind::User,
            Self::Group(_) => Kind::Group,
            Self::Role(_) => Kind::Role,
        }
    }

    pub(crate) fn id(&self) -> UniqueId {
        match self {
            Self::User(user) => user.id(),
            Self::Group(group) => group.id(),
            Self::Role(role) => role.id(),
        }
    }

    pub(crate) fn name(&self) -> &str {
        match self {
            Self::User(user) => user.name(),
            Self::Group(group) => group.name(),
            Self::Role(role) => role.name(),
        }
    }

    pub(crate) fn path(&self) -> &str {
        match self {
            Self::User(user) => user.path(),
            Self::Group(group) => group.path(),
            Self::Role(role) => role.path(),
        }
    }

    pub(crate) fn attached(&self) -> List<'_, PolicyRef> {
        match self {
            Self::User(user) => user.attached(),
            Self::Group(group) => group.attached(),
            Self::Role(role) => role.attached(),
        }
    }

    /// The permissions boundary; groups cannot have one.
    pub(crate) fn boundary(&self) -> Option<PolicyRef> {
        match self {
            Self::User(user) => user.boundary(),
            Self::Group(_) => None,
            Self::Role(role) => role.boundary(),
        }
    }

    /// The tags; groups cannot have any.
    pub(crate) fn tags(&self) -> Option<Tags<'_>> {
        match self {
            Self::User(user) => Some(user.tags()),
            Self::Group(_) => None,
            Self::Role(role) => Some(role.tags()),
        }
    }

    pub(crate) fn put_attached(&self, tx: &mut Transaction, policies: Vec<PolicyRef>) {
        let attached = OwnedList(policies);
        match self {
            Self::User(user) => {
                let mut fields = user.fields();
                fields.attached = attached;
                tx.put_user(&fields);
            }
            Self::Group(group) => {
                let mut fields = group.fields();
                fields.attached = attached;
                tx.put_group(&fields);
            }
            Self::Role(role) => {
                let mut fields = role.fields();
                fields.attached = attached;
                tx.put_role(&fields);
            }
        }
    }

    pub(crate) fn put_boundary(&self, tx: &mut Transaction, boundary: Option<PolicyRef>) {
        match self {
            Self::User(user) => {
                let mut fields = user.fields();
                fields.boundary = boundary;
                tx.put_user(&fields);
            }
            Self::Role(role) => {
                let mut fields = role.fields();
                fields.boundary = boundary;
                tx.put_role(&fields);
            }
            Self::Group(_) => {}
        }
    }

    /// Refuses changes to a role that only its service may change.
    pub(crate) fn ensure_modifiable(&self) -> Result<(), Error> {
        match self {
            Self::Role(role) => ensure_role_modifiable(role),
            Self::User(_) | Self::Group(_) => Ok(()),
        }
    }
}

/// Refuses changes to a role that only its service may change.
pub(crate) fn ensure_role_modifiable(role: &Role) -> Result<(), Error> {
    if !role.is_service_linked() {
        return Ok(());
    }
    let message = format!(
        "Cannot perform the operation on the protected role '{}' - this role is only modifiable by AWS",
        role.name()
    );
    Err(Error::new(iamd_types::Code::UnmodifiableEntity, message))
}

/// Access to the user, group or role of this name: its ARN with its path and its tags as condition
/// keys. For a name that is not there, the ARN that it would have at the root path.
pub(crate) fn access<'a>(
    action: &'static str,
    view: &View<'_>,
    kind: Kind,
    name: &str,
) -> Access<'a> {
    let account = view.account;
    let Ok(owner) = Owner::find(account, kind, name) else {
        let arn = account.arn(kind.noun(), "/", name);
        return Access::new(action, arn, account.id());
    };
    let arn = account.arn(kind.noun(), owner.path(), owner.name());
    let access = Access::new(action, arn, account.id());
    match owner.tags() {
        Some(tags) => tags.fold(access.with_resource_tags(tags), |access, (key, value)| {
            access.with(format!("iam:ResourceTag/{key}"), value)
        }),
        None => access,
    }
}

/// As [`access`], with the boundary that the user or role has now as `iam:PermissionsBoundary`
/// (Service Authorization Reference: a key of most operations on roles, and of those that change a
/// user's policies).
pub(crate) fn access_with_boundary<'a>(
    action: &'static str,
    view: &View<'_>,
    kind: Kind,
    name: &str,
) -> Access<'a> {
    let boundary = Owner::find(view.account, kind, name).ok().and_then(|owner| owner.boundary());
    let arn = boundary.and_then(|policy| managed_arn(view.account, policy));
    access(action, view, kind, name).with_some("iam:PermissionsBoundary", arn)
}

/// The ARN of a managed policy.
pub(crate) fn managed_arn(account: &Account, policy: PolicyRef) -> Option<String> {
    account.managed(policy).map(|managed| match managed {
        Managed::Customer(policy) => account.policy_arn(policy).to_owned(),
        Managed::Aws(policy) => policy.arn.clone(),
    })
}

/// The reference of a managed policy.
pub(crate) fn managed_ref(managed: Managed<'_>) -> PolicyRef {
    match managed {
        Managed::Customer(policy) => PolicyRef::customer(policy.id()),
        Managed::Aws(policy) => policy.policy_ref(),
    }
}

/// The name of the user that a request is about: the one it names, or the calling user.
///
/// # Errors
/// `ValidationError` when it names none and the caller is not an IAM user.
pub(crate) fn user_name<'a>(
    named: &'a Option<String>,
    caller: &'a iamd_authz::Caller,
) -> Result<&'a str, Error> {
    named.as_deref().or_else(|| caller.user().map(User::name)).ok_or_else(no_user_name)
}

/// The refusal of a request that names no user and comes from none.
pub(crate) fn no_user_name() -> Error {
    Error::validation("Must specify userName when calling with non-User credentials")
}
