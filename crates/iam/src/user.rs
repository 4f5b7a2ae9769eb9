//! Users.

use iamd_api::iam;
use iamd_authz::{Access, AccessList, Permit};
use iamd_directory::{Account, Holder, OwnedList, Transaction, UserFields};
use iamd_operation::{Command, Entry, Operation, Query, View};
use iamd_types::name::ROOT_PATH;
use iamd_types::tag::KeyCase;
use iamd_types::{Error, IdKind, Kind};

use crate::page::Paging;
use crate::{boundary, owner, render, tags};

pub(crate) const OPERATIONS: &[Entry] = &[
    Entry::command::<CreateUser>(),
    Entry::command::<DeleteUser>(),
    Entry::query::<GetUser>(),
    Entry::query::<ListUsers>(),
    Entry::command::<UpdateUser>(),
];

/// `iam:CreateUser`, and `iam:TagUser` when tags are given.
pub(crate) struct CreateUser;

impl Operation for CreateUser {
    const NAME: &'static str = "CreateUser";
    type Input = iam::CreateUserRequest;
    type Output = iam::CreateUserResponse;

    fn access<'a>(input: &Self::Input, view: &View<'a>) -> Result<AccessList<'a>, Error> {
        let path = input.path.as_deref().unwrap_or(ROOT_PATH);
        let arn = view.account.arn("user", path, &input.user_name);
        let access = Access::new("iam:CreateUser", arn, view.account.id())
            .with_some("iam:PermissionsBoundary", input.permissions_boundary.as_deref());
        Ok(tags::with_tags_at_creation(access, "iam:TagUser", input.tags.as_deref()))
    }
}

impl Command for CreateUser {
    fn run(
        input: &Self::Input,
        _: &Permit<Self>,
        tx: &mut Transaction,
    ) -> Result<Self::Output, Error> {
        let boundary = boundary::find(tx, input.permissions_boundary.as_deref())?;
        let tags = tags::checked(tx, input.tags.as_deref(), KeyCase::Insensitive)?;
        if tx.users().named(&input.user_name).is_some() {
            return Err(Error::already_exists(Kind::User, &input.user_name));
        }
        let quota = tx.quotas().users;
        if tx.users().len() as u64 >= quota {
            return Err(Error::quota("UsersPerAccount", quota));
        }
        let fields = UserFields {
            id: tx.new_id(IdKind::User),
            name: input.user_name.clone(),
            path: input.path.clone().unwrap_or_else(|| ROOT_PATH.to_owned()),
            created: tx.now(),
            boundary,
            groups: OwnedList::default(),
            attached: OwnedList::default(),
            access_keys: Vec::new(),
            tags,
        };
        let user = tx.put_user(&fields);
        Ok(iam::CreateUserResponse { user: Some(render::user_in_full(tx, &user)) })
    }
}

/// `iam:GetUser`. Without a name: the caller; the root user shows the account.
pub(crate) struct GetUser;

impl Operation for GetUser {
    const NAME: &'static str = "GetUser";
    type Input = iam::GetUserRequest;
    type Output = iam::GetUserResponse;

    fn access<'a>(input: &Self::Input, view: &View<'a>) -> Result<AccessList<'a>, Error> {
        if input.user_name.is_none() && view.caller.is_root() {
            let root = Access::new("iam:GetUser", view.account.id().root_arn(), view.account.id());
            return Ok(AccessList::one(root));
        }
        let name = owner::user_name(&input.user_name, view.caller)?;
        Ok(AccessList::one(owner::access("iam:GetUser", view, Kind::User, name)))
    }
}

impl Query for GetUser {
    fn run(
        input: &Self::Input,
        permit: &Permit<Self>,
        view: &View<'_>,
    ) -> Result<Self::Output, Error> {
        if input.user_name.is_none() && permit.caller().is_root() {
            return Ok(iam::GetUserResponse { user: render::root_user(view.account) });
        }
        let user = view.account.user(owner::user_name(&input.user_name, permit.caller())?)?;
        Ok(iam::GetUserResponse { user: render::user_in_full(view.account, user) })
    }
}

/// `iam:ListUsers`.
pub(crate) struct ListUsers;

impl Operation for ListUsers {
    const NAME: &'static str = "ListUsers";
    type Input = iam::ListUsersRequest;
    type Output = iam::ListUsersResponse;

    fn access<'a>(input: &Self::Input, view: &View<'a>) -> Result<AccessList<'a>, Error> {
        let prefix = input.path_prefix.as_deref().unwrap_or(ROOT_PATH);
        let arn = view.account.arn("user", prefix, "");
        Ok(AccessList::one(Access::new("iam:ListUsers", arn, view.account.id())))
    }
}

impl Query for ListUsers {
    fn run(input: &Self::Input, _: &Permit<Self>, view: &View<'_>) -> Result<Self::Output, Error> {
        let page = Paging::new(&input.marker, input.max_items)
            .of_entities(view.account.users(), &input.path_prefix)?
            .map(|user| render::user(view.account, user));
        Ok(iam::ListUsersResponse {
            is_truncated: page.is_truncated(),
            users: page.items,
            marker: page.marker,
        })
    }
}

/// `iam:UpdateUser`, on the user's present and its new ARN. The unique id and all that hangs on it stay.
pub(crate) struct UpdateUser;

impl Operation for UpdateUser {
    const NAME: &'static str = "UpdateUser";
    type Input = iam::UpdateUserRequest;
    type Output = ();

    fn access<'a>(input: &Self::Input, view: &View<'a>) -> Result<AccessList<'a>, Error> {
        let present = owner::access("iam:UpdateUser", view, Kind::User, &input.user_name);
        let Some(user) = view.account.users().named(&input.user_name) else {
            return Ok(AccessList::one(present));
        };
        let path = input.new_path.as_deref().unwrap_or(user.path());
        let name = input.new_user_name.as_deref().unwrap_or(user.name());
        let new = Access {
            resource: view.account.arn("user", path, name),
            ..owner::access("iam:UpdateUser", view, Kind::User, &input.user_name)
        };
        Ok(AccessList::one(present).and(new))
    }
}

impl Command for UpdateUser {
    fn run(input: &Self::Input, _: &Permit<Self>, tx: &mut Transaction) -> Result<(), Error> {
        let mut fields = tx.user(&input.user_name)?.fields();
        if let Some(name) = &input.new_user_name {
            let taken = tx.users().named(name).is_some_and(|other| other.id() != fields.id);
            if taken {
                return Err(Error::already_exists(Kind::User, name));
            }
            fields.name.clone_from(name);
        }
        if let Some(path) = &input.new_path {
            fields.path.clone_from(path);
        }
        tx.put_user(&fields);
        Ok(())
    }
}

/// `iam:DeleteUser`. Refuses a user that still has policies, credentials or groups.
pub(crate) struct DeleteUser;

impl Operation for DeleteUser {
    const NAME: &'static str = "DeleteUser";
    type Input = iam::DeleteUserRequest;
    type Output = ();

    fn access<'a>(input: &Self::Input, view: &View<'a>) -> Result<AccessList<'a>, Error> {
        Ok(AccessList::one(owner::access("iam:DeleteUser", view, Kind::User, &input.user_name)))
    }
}

impl Command for DeleteUser {
    fn run(input: &Self::Input, _: &Permit<Self>, tx: &mut Transaction) -> Result<(), Error> {
        let user = tx.user(&input.user_name)?.clone();
        if !user.attached().is_empty() {
            return Err(Error::delete_conflict("detach all policies"));
        }
        if tx.inline_policies(user.id()).next().is_some() {
            return Err(Error::delete_conflict("delete policies"));
        }
        if user.access_keys().next().is_some() {
            return Err(Error::delete_conflict("delete access keys"));
        }
        ensure_no_credentials(tx, Holder::User(user.id()))?;
        if !user.groups().is_empty() {
            return Err(Error::delete_conflict("remove user from all groups"));
        }
        tx.remove_user(&user);
        Ok(())
    }
}

/// Refuses while the user has anything to prove itself with.
fn ensure_no_credentials(account: &Account, user: Holder) -> Result<(), Error> {
    let credentials = account.credentials();
    if credentials.login_profiles.has(user) {
        return Err(Error::delete_conflict("delete login profile"));
    }
    if credentials.mfa_devices.has(user) {
        return Err(Error::delete_conflict("delete MFA device"));
    }
    if credentials.signing_certificates.has(user) {
        return Err(Error::delete_conflict("delete signing certificates"));
    }
    if credentials.ssh_public_keys.has(user) || credentials.service_credentials.has(user) {
        return Err(Error::delete_conflict("remove referenced objects"));
    }
    Ok(())
}
