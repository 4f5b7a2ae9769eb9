//! Permissions boundaries of users and roles.

use iamd_api::iam;
use iamd_authz::{AccessList, Permit};
use iamd_directory::{Account, PolicyRef, Transaction};
use iamd_operation::{Command, Entry, Operation, View};
use iamd_types::{Arn, Code, Error, Kind};

use crate::owner::{Owner, access, access_with_boundary, managed_ref};

/// The managed policy that is to be a boundary.
///
/// # Errors
/// `InvalidInput` for what is not a policy's ARN; `NoSuchEntity` when the policy is not there.
pub(crate) fn find(account: &Account, arn: Option<&str>) -> Result<Option<PolicyRef>, Error> {
    let Some(arn) = arn else { return Ok(None) };
    let is_policy = Arn::parse(arn)
        .is_ok_and(|arn| arn.service() == "iam" && arn.resource().starts_with("policy/"));
    if !is_policy {
        return Err(Error::invalid_input(format!("ARN {arn} is not valid.")));
    }
    let policy = account.managed_by_arn(arn).ok_or_else(|| {
        let message = format!("Scope ARN: {arn} does not exist or is not attachable.");
        Error::new(Code::NoSuchEntity, message)
    })?;
    Ok(Some(managed_ref(policy)))
}

/// Putting and removing the boundary of one kind of entity.
macro_rules! boundary_operations {
    ($($kind:expr, $name:ident:
        $put:ident($put_action:literal, $put_input:ident)
        $delete:ident($delete_action:literal, $delete_input:ident);)*) => {
        $(
            #[doc = concat!("`", $put_action, "`, with the new boundary as `iam:PermissionsBoundary`.")]
            pub(crate) struct $put;

            impl Operation for $put {
                const NAME: &'static str = stringify!($put);
                type Input = iam::$put_input;
                type Output = ();

                fn access<'a>(
                    input: &Self::Input,
                    view: &View<'a>,
                ) -> Result<AccessList<'a>, Error> {
                    let access = access($put_action, view, $kind, &input.$name);
                    let boundary = input.permissions_boundary.as_str();
                    Ok(AccessList::one(access.with("iam:PermissionsBoundary", boundary)))
                }
            }

            impl Command for $put {
                fn run(
                    input: &Self::Input,
                    _: &Permit<Self>,
                    tx: &mut Transaction,
                ) -> Result<(), Error> {
                    let owner = Owner::find(tx, $kind, &input.$name)?;
                    owner.ensure_modifiable()?;
                    let boundary = find(tx, Some(&input.permissions_boundary))?;
                    owner.put_boundary(tx, boundary);
                    Ok(())
                }
            }

            #[doc = concat!("`", $delete_action, "`, with the present boundary as `iam:PermissionsBoundary`.")]
            pub(crate) struct $delete;

            impl Operation for $delete {
                const NAME: &'static str = stringify!($delete);
                type Input = iam::$delete_input;
                type Output = ();

                fn access<'a>(
                    input: &Self::Input,
                    view: &View<'a>,
                ) -> Result<AccessList<'a>, Error> {
                    let access = access_with_boundary($delete_action, view, $kind, &input.$name);
                    Ok(AccessList::one(access))
                }
            }

            impl Command for $delete {
                fn run(
                    input: &Self::Input,
                    _: &Permit<Self>,
                    tx: &mut Transaction,
                ) -> Result<(), Error> {
                    let owner = Owner::find(tx, $kind, &input.$name)?;
                    owner.ensure_modifiable()?;
                    if owner.boundary().is_none() {
                        // AWS's text is not recorded.
                        let message = format!(
                            "The {} with name {} has no permissions boundary.",
                            $kind.noun(), owner.name()
                        );
                        return Err(Error::new(Code::NoSuchEntity, message));
                    }
                    owner.put_boundary(tx, None);
                    Ok(())
                }
            }
        )*

        pub(crate) const OPERATIONS: &[Entry] = &[$(
            Entry::command::<$put>(),
            Entry::command::<$delete>(),
        )*];
    };
}

boundary_operations! {
    Kind::User, user_name:
        PutUserPermissionsBoundary("iam:PutUserPermissionsBoundary", PutUserPermissionsBoundaryRequest)
        DeleteUserPermissionsBoundary("iam:DeleteUserPermissionsBoundary", DeleteUserPermissionsBoundaryRequest);
    Kind::Role, role_name:
        PutRolePermissionsBoundary("iam:PutRolePermissionsBoundary", PutRolePermissionsBoundaryRequest)
        DeleteRolePermissionsBoundary("iam:DeleteRolePermissionsBoundary", DeleteRolePermissionsBoundaryRequest);
}
