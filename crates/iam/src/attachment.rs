//! Managed policies attached to users, groups and roles.

use iamd_api::iam;
use iamd_authz::{Access, AccessList, Permit};
use iamd_directory::{Account, Managed, PolicyRef, Transaction};
use iamd_operation::{Command, Entry, Operation, Query, View};
use iamd_types::{Arn, Code, Error, Kind};

use crate::owner::{Owner, access, access_with_boundary, managed_ref};
use crate::page::Paging;
use crate::render;

/// Access to change the policies of a user, group or role.
fn change_access<'a>(
    action: &'static str,
    view: &View<'_>,
    kind: Kind,
    name: &str,
    policy_arn: &str,
) -> Access<'a> {
    access_with_boundary(action, view, kind, name).with("iam:PolicyARN", policy_arn)
}

fn attach(tx: &mut Transaction, kind: Kind, name: &str, arn: &str) -> Result<(), Error> {
    Arn::parse(arn).map_err(|_| Error::validation(format!("ARN {arn} is not valid.")))?;
    let owner = Owner::find(tx, kind, name)?;
    owner.ensure_modifiable()?;
    let managed = tx.managed_by_arn(arn).ok_or_else(|| Error::not_attachable(arn))?;
    if matches!(managed, Managed::Aws(policy) if policy.is_for_service_linked_roles()) {
        let message = "Cannot attach a Service Role Policy to a Customer Role.";
        return Err(Error::new(Code::PolicyNotAttachable, message));
    }
    let policy = managed_ref(managed);
    if owner.attached().contains(policy) {
        return Ok(());
    }
    let quotas = tx.quotas();
    let (limit, quota) = match kind {
        Kind::Group => ("PoliciesPerGroup", quotas.attached_policies_per_group),
        Kind::Role => ("PoliciesPerRole", quotas.attached_policies_per_role),
        _ => ("PoliciesPerUser", quotas.attached_policies_per_user),
    };
    if owner.attached().len() as u64 >= quota {
        return Err(Error::quota(limit, quota));
    }
    owner.put_attached(tx, owner.attached().iter().chain([policy]).collect());
    Ok(())
}

fn detach(tx: &mut Transaction, kind: Kind, name: &str, arn: &str) -> Result<(), Error> {
    let owner = Owner::find(tx, kind, name)?;
    owner.ensure_modifiable()?;
    let policy = tx
        .managed_by_arn(arn)
        .map(managed_ref)
        .filter(|policy| owner.attached().contains(*policy))
        .ok_or_else(|| Error::no_such_entity(Kind::Policy, arn))?;
    owner.put_attached(tx, owner.attached().iter().filter(|other| *other != policy).collect());
    Ok(())
}

/// The policies attached to an entity that lie under a path prefix.
fn under<'a>(
    account: &'a Account,
    owner: &'a Owner,
    path_prefix: &'a Option<String>,
) -> impl Iterator<Item = PolicyRef> + 'a {
    let prefix = path_prefix.as_deref().unwrap_or_default();
    owner.attached().iter().filter(move |policy| {
        let path = match account.managed(*policy) {
            Some(Managed::Customer(policy)) => policy.path(),
            Some(Managed::Aws(policy)) => policy.path,
            None => return false,
        };
        path.starts_with(prefix)
    })
}

/// Attaching, detaching and listing for one kind of entity.
macro_rules! attachment_operations {
    ($($kind:expr, $name:ident:
        $attach:ident($attach_action:literal, $attach_input:ident)
        $detach:ident($detach_action:literal, $detach_input:ident)
        $list:ident($list_action:literal, $list_input:ident, $list_output:ident);)*) => {
        $(
            #[doc = concat!("`", $attach_action, "`. A policy that is attached already stays so.")]
            pub(crate) struct $attach;

            impl Operation for $attach {
                const NAME: &'static str = stringify!($attach);
                type Input = iam::$attach_input;
                type Output = ();

                fn access<'a>(
                    input: &Self::Input,
                    view: &View<'a>,
                ) -> Result<AccessList<'a>, Error> {
                    let (name, policy) = (&input.$name, &input.policy_arn);
                    let access = change_access($attach_action, view, $kind, name, policy);
                    Ok(AccessList::one(access))
                }
            }

            impl Command for $attach {
                fn run(
                    input: &Self::Input,
                    _: &Permit<Self>,
                    tx: &mut Transaction,
                ) -> Result<(), Error> {
                    attach(tx, $kind, &input.$name, &input.policy_arn)
                }
            }

            #[doc = concat!("`", $detach_action, "`.")]
            pub(crate) struct $detach;

            impl Operation for $detach {
                const NAME: &'static str = stringify!($detach);
                type Input = iam::$detach_input;
                type Output = ();

                fn access<'a>(
                    input: &Self::Input,
                    view: &View<'a>,
                ) -> Result<AccessList<'a>, Error> {
                    let (name, policy) = (&input.$name, &input.policy_arn);
                    let access = change_access($detach_action, view, $kind, name, policy);
                    Ok(AccessList::one(access))
                }
            }

            impl Command for $detach {
                fn run(
                    input: &Self::Input,
                    _: &Permit<Self>,
                    tx: &mut Transaction,
                ) -> Result<(), Error> {
                    detach(tx, $kind, &input.$name, &input.policy_arn)
                }
            }

            #[doc = concat!("`", $list_action, "`, in the order of attachment.")]
            pub(crate) struct $list;

            impl Operation for $list {
                const NAME: &'static str = stringify!($list);
                type Input = iam::$list_input;
                type Output = iam::$list_output;

                fn access<'a>(
                    input: &Self::Input,
                    view: &View<'a>,
                ) -> Result<AccessList<'a>, Error> {
                    Ok(AccessList::one(access($list_action, view, $kind, &input.$name)))
                }
            }

            impl Query for $list {
                fn run(
                    input: &Self::Input,
                    _: &Permit<Self>,
                    view: &View<'_>,
                ) -> Result<Self::Output, Error> {
                    let owner = Owner::find(view.account, $kind, &input.$name)?;
                    let policies = under(view.account, &owner, &input.path_prefix)
                        .filter_map(|policy| render::attached(view.account, policy));
                    let page = Paging::new(&input.marker, input.max_items)
                        .of(policies, |policy| policy.policy_arn.clone().unwrap_or_default())?;
                    Ok(iam::$list_output {
                        is_truncated: page.is_truncated(),
                        attached_policies: Some(page.items),
                        marker: page.marker,
                    })
                }
            }
        )*

        pub(crate) const OPERATIONS: &[Entry] = &[$(
            Entry::command::<$attach>(),
            Entry::command::<$detach>(),
            Entry::query::<$list>(),
        )*];
    };
}

attachment_operations! {
    Kind::User, user_name:
        AttachUserPolicy("iam:AttachUserPolicy", AttachUserPolicyRequest)
        DetachUserPolicy("iam:DetachUserPolicy", DetachUserPolicyRequest)
        ListAttachedUserPolicies("iam:ListAttachedUserPolicies", ListAttachedUserPoliciesRequest, ListAttachedUserPoliciesResponse);
    Kind::Group, group_name:
        AttachGroupPolicy("iam:AttachGroupPolicy", AttachGroupPolicyRequest)
        DetachGroupPolicy("iam:DetachGroupPolicy", DetachGroupPolicyRequest)
        ListAttachedGroupPolicies("iam:ListAttachedGroupPolicies", ListAttachedGroupPoliciesRequest, ListAttachedGroupPoliciesResponse);
    Kind::Role, role_name:
        AttachRolePolicy("iam:AttachRolePolicy", AttachRolePolicyRequest)
        DetachRolePolicy("iam:DetachRolePolicy", DetachRolePolicyRequest)
        ListAttachedRolePolicies("iam:ListAttachedRolePolicies", ListAttachedRolePoliciesRequest, ListAttachedRolePoliciesResponse);
}
