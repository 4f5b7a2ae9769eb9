//! Roles and their trust policies.

use futures_util::future::BoxFuture;
use iamd_api::iam;
use iamd_authz::{Access, AccessList, Permit};
use iamd_directory::{OwnedList, RoleFields, Transaction};
use iamd_operation::{Command, Entry, Operation, PreparedCommand, Query, View};
use iamd_types::name::ROOT_PATH;
use iamd_types::tag::KeyCase;
use iamd_types::{Error, IdKind, Kind};

use crate::owner::ensure_role_modifiable;
use crate::page::Paging;
use crate::trust::{self, CheckedTrust};
use crate::{boundary, owner, render, tags};

pub(crate) const OPERATIONS: &[Entry] = &[
    Entry::prepared::<CreateRole>(),
    Entry::command::<DeleteRole>(),
    Entry::query::<GetRole>(),
    Entry::query::<ListRoles>(),
    Entry::prepared::<UpdateAssumeRolePolicy>(),
    Entry::command::<UpdateRole>(),
    Entry::command::<UpdateRoleDescription>(),
];

/// The longest session of a role that does not say otherwise, in seconds.
const DEFAULT_MAX_SESSION: u32 = 3600;

/// `iam:CreateRole`, and `iam:TagRole` when tags are given.
pub(crate) struct CreateRole;

impl Operation for CreateRole {
    const NAME: &'static str = "CreateRole";
    type Input = iam::CreateRoleRequest;
    type Output = iam::CreateRoleResponse;

    fn access<'a>(input: &Self::Input, view: &View<'a>) -> Result<AccessList<'a>, Error> {
        let path = input.path.as_deref().unwrap_or(ROOT_PATH);
        let arn = view.account.arn("role", path, &input.role_name);
        let access = Access::new("iam:CreateRole", arn, view.account.id())
            .with_some("iam:PermissionsBoundary", input.permissions_boundary.as_deref());
        Ok(tags::with_tags_at_creation(access, "iam:TagRole", input.tags.as_deref()))
    }
}

impl PreparedCommand for CreateRole {
    type Prepared = CheckedTrust;

    fn prepare<'a>(
        input: &'a Self::Input,
        view: &'a View<'a>,
    ) -> BoxFuture<'a, Result<CheckedTrust, Error>> {
        let directory = &view.tools.directory;
        let document = &input.assume_role_policy_document;
        Box::pin(trust::checked(document, view.account.id(), directory))
    }

    fn run(
        input: &Self::Input,
        trust: &CheckedTrust,
        _: &Permit<Self>,
        tx: &mut Transaction,
    ) -> Result<Self::Output, Error> {
        let path = input.path.clone().unwrap_or_else(|| ROOT_PATH.to_owned());
        if path.starts_with("/aws-service-role/") {
            // AWS's text is not recorded.
            let message = "The path /aws-service-role/ is reserved for service-linked roles.";
            return Err(Error::invalid_input(message));
        }
        let boundary = boundary::find(tx, input.permissions_boundary.as_deref())?;
        let tags = tags::checked(tx, input.tags.as_deref(), KeyCase::Insensitive)?;
        if tx.roles().named(&input.role_name).is_some() {
            return Err(Error::already_exists(Kind::Role, &input.role_name));
        }
        let quota = tx.quotas().roles;
        if tx.roles().len() as u64 >= quota {
            return Err(Error::quota("RolesPerAccount", quota));
        }
        let trust = trust.store(tx)?;
        let fields = RoleFields {
            id: tx.new_id(IdKind::Role),
            name: input.role_name.clone(),
            path,
            created: tx.now(),
            max_session: max_session(input.max_session_duration).unwrap_or(DEFAULT_MAX_SESSION),
            trust_policy: trust.text,
            boundary,
            attached: OwnedList::default(),
            tags,
            description: input.description.clone(),
            foreign_principals: trust.foreign_principals,
        };
        let role = tx.put_role(&fields);
        Ok(iam::CreateRoleResponse { role: render::created_role(tx, &role) })
    }
}

/// Seconds as the record has them; the model's constraint has checked the range.
fn max_session(seconds: Option<i32>) -> Option<u32> {
    seconds.and_then(|seconds| u32::try_from(seconds).ok())
}

/// `iam:GetRole`.
pub(crate) struct GetRole;

impl Operation for GetRole {
    const NAME: &'static str = "GetRole";
    type Input = iam::GetRoleRequest;
    type Output = iam::GetRoleResponse;

    fn access<'a>(input: &Self::Input, view: &View<'a>) -> Result<AccessList<'a>, Error> {
        let role = &input.role_name;
        let access = owner::access_with_boundary("iam:GetRole", view, Kind::Role, role);
        Ok(AccessList::one(access))
    }
}

impl Query for GetRole {
    fn run(input: &Self::Input, _: &Permit<Self>, view: &View<'_>) -> Result<Self::Output, Error> {
        let record = view.account.role(&input.role_name)?;
        let role = iam::Role {
            description: record.description().map(str::to_owned),
            max_session_duration: i32::try_from(record.max_session()).ok(),
            role_last_used: Some(render::role_last_used(view.tools.directory.usage(), record)),
            ..render::created_role(view.account, record)
        };
        Ok(iam::GetRoleResponse { role })
    }
}

/// `iam:ListRoles`.
pub(crate) struct ListRoles;

impl Operation for ListRoles {
    const NAME: &'static str = "ListRoles";
    type Input = iam::ListRolesRequest;
    type Output = iam::ListRolesResponse;

    fn access<'a>(input: &Self::Input, view: &View<'a>) -> Result<AccessList<'a>, Error> {
        let prefix = input.path_prefix.as_deref().unwrap_or(ROOT_PATH);
        let arn = view.account.arn("role", prefix, "");
        Ok(AccessList::one(Access::new("iam:ListRoles", arn, view.account.id())))
    }
}

impl Query for ListRoles {
    fn run(input: &Self::Input, _: &Permit<Self>, view: &View<'_>) -> Result<Self::Output, Error> {
        let page = Paging::new(&input.marker, input.max_items)
            .of_entities(view.account.roles(), &input.path_prefix)?
            .map(|role| iam::Role {
                description: role.description().map(str::to_owned),
                max_session_duration: i32::try_from(role.max_session()).ok(),
                ..render::role(view.account, role)
            });
        Ok(iam::ListRolesResponse {
            is_truncated: page.is_truncated(),
            roles: page.items,
            marker: page.marker,
        })
    }
}

/// `iam:UpdateAssumeRolePolicy`: another trust policy.
pub(crate) struct UpdateAssumeRolePolicy;

impl Operation for UpdateAssumeRolePolicy {
    const NAME: &'static str = "UpdateAssumeRolePolicy";
    type Input = iam::UpdateAssumeRolePolicyRequest;
    type Output = ();

    fn access<'a>(input: &Self::Input, view: &View<'a>) -> Result<AccessList<'a>, Error> {
        let role = &input.role_name;
        let action = "iam:UpdateAssumeRolePolicy";
        Ok(AccessList::one(owner::access_with_boundary(action, view, Kind::Role, role)))
    }
}

impl PreparedCommand for UpdateAssumeRolePolicy {
    type Prepared = CheckedTrust;

    fn prepare<'a>(
        input: &'a Self::Input,
        view: &'a View<'a>,
    ) -> BoxFuture<'a, Result<CheckedTrust, Error>> {
        Box::pin(async move {
            // A role that is not there is told before anything is said about the document.
            view.account.role(&input.role_name)?;
            trust::checked(&input.policy_document, view.account.id(), &view.tools.directory).await
        })
    }

    fn run(
        input: &Self::Input,
        trust: &CheckedTrust,
        _: &Permit<Self>,
        tx: &mut Transaction,
    ) -> Result<(), Error> {
        let role = tx.role(&input.role_name)?.clone();
        ensure_role_modifiable(&role)?;
        let trust = trust.store(tx)?;
        let mut fields = role.fields();
        fields.trust_policy = trust.text;
        fields.foreign_principals = trust.foreign_principals;
        tx.put_role(&fields);
        Ok(())
    }
}

/// `iam:UpdateRole`: description and longest session. What is not given stays. Of a service-linked role the
/// description alone can be changed (IAM User Guide, "Using service-linked roles").
pub(crate) struct UpdateRole;

impl Operation for UpdateRole {
    const NAME: &'static str = "UpdateRole";
    type Input = iam::UpdateRoleRequest;
    type Output = iam::UpdateRoleResponse;

    fn access<'a>(input: &Self::Input, view: &View<'a>) -> Result<AccessList<'a>, Error> {
        let role = &input.role_name;
        let access = owner::access_with_boundary("iam:UpdateRole", view, Kind::Role, role);
        Ok(AccessList::one(access))
    }
}

impl Command for UpdateRole {
    fn run(
        input: &Self::Input,
        _: &Permit<Self>,
        tx: &mut Transaction,
    ) -> Result<Self::Output, Error> {
        let role = tx.role(&input.role_name)?.clone();
        if input.max_session_duration.is_some() {
            ensure_role_modifiable(&role)?;
        }
        let mut fields = role.fields();
        if let Some(description) = &input.description {
            fields.description = Some(description.clone());
        }
        if let Some(seconds) = max_session(input.max_session_duration) {
            fields.max_session = seconds;
        }
        tx.put_role(&fields);
        Ok(iam::UpdateRoleResponse {})
    }
}

/// `iam:UpdateRoleDescription`. Service-linked roles too.
pub(crate) struct UpdateRoleDescription;

impl Operation for UpdateRoleDescription {
    const NAME: &'static str = "UpdateRoleDescription";
    type Input = iam::UpdateRoleDescriptionRequest;
    type Output = iam::UpdateRoleDescriptionResponse;

    fn access<'a>(input: &Self::Input, view: &View<'a>) -> Result<AccessList<'a>, Error> {
        let role = &input.role_name;
        let action = "iam:UpdateRoleDescription";
        Ok(AccessList::one(owner::access_with_boundary(action, view, Kind::Role, role)))
    }
}

impl Command for UpdateRoleDescription {
    fn run(
        input: &Self::Input,
        _: &Permit<Self>,
        tx: &mut Transaction,
    ) -> Result<Self::Output, Error> {
        let mut fields = tx.role(&input.role_name)?.fields();
        fields.description = Some(input.description.clone());
        let role = tx.put_role(&fields);
        let role = iam::Role {
            description: role.description().map(str::to_owned),
            ..render::created_role(tx, &role)
        };
        Ok(iam::UpdateRoleDescriptionResponse { role: Some(role) })
    }
}

/// `iam:DeleteRole`. Refuses a role that still has policies or is in an instance profile.
pub(crate) struct DeleteRole;

impl Operation for DeleteRole {
    const NAME: &'static str = "DeleteRole";
    type Input = iam::DeleteRoleRequest;
    type Output = ();

    fn access<'a>(input: &Self::Input, view: &View<'a>) -> Result<AccessList<'a>, Error> {
        let role = &input.role_name;
        let access = owner::access_with_boundary("iam:DeleteRole", view, Kind::Role, role);
        Ok(AccessList::one(access))
    }
}

impl Command for DeleteRole {
    fn run(input: &Self::Input, _: &Permit<Self>, tx: &mut Transaction) -> Result<(), Error> {
        let role = tx.role(&input.role_name)?.clone();
        ensure_role_modifiable(&role)?;
        if tx.instance_profiles_of(role.id()).next().is_some() {
            return Err(Error::delete_conflict("remove roles from instance profile"));
        }
        if !role.attached().is_empty() {
            return Err(Error::delete_conflict("detach all policies"));
        }
        if tx.inline_policies(role.id()).next().is_some() {
            return Err(Error::delete_conflict("delete policies"));
        }
        tx.remove_role(&role);
        Ok(())
    }
}
