//! Policies embedded in one user, group or role.

use iamd_api::iam;
use iamd_authz::{AccessList, Permit};
use iamd_directory::{Account, InlinePolicy, InlinePolicyFields, Transaction};
use iamd_operation::{Command, Entry, Operation, Query, View};
use iamd_types::{Error, Kind};

use crate::documents;
use crate::owner::{Owner, access, access_with_boundary};
use crate::page::Paging;

fn put(
    tx: &mut Transaction,
    kind: Kind,
    owner: &str,
    name: &str,
    document: &str,
) -> Result<(), Error> {
    let owner = Owner::find(tx, kind, owner)?;
    owner.ensure_modifiable()?;
    documents::check_inline(tx, kind, (owner.id(), owner.name()), name, document)?;
    tx.put_inline(&InlinePolicyFields {
        owner: owner.id(),
        name: name.to_owned(),
        document: document.to_owned(),
    });
    Ok(())
}

fn delete(tx: &mut Transaction, kind: Kind, owner: &str, name: &str) -> Result<(), Error> {
    let owner = Owner::find(tx, kind, owner)?;
    owner.ensure_modifiable()?;
    let policy = tx
        .inline_policy(owner.id(), name)
        .cloned()
        .ok_or_else(|| Error::no_such_inline_policy(kind, name))?;
    tx.remove_inline(&policy);
    Ok(())
}

fn find<'a>(
    account: &'a Account,
    kind: Kind,
    owner: &str,
    name: &str,
) -> Result<(Owner, &'a InlinePolicy), Error> {
    let owner = Owner::find(account, kind, owner)?;
    let policy = account
        .inline_policy(owner.id(), name)
        .ok_or_else(|| Error::no_such_inline_policy(kind, name))?;
    Ok((owner, policy))
}

/// Putting, reading, listing and removing for one kind of entity.
macro_rules! inline_operations {
    ($($kind:expr, $name:ident:
        $put:ident($put_action:literal, $put_input:ident)
        $delete:ident($delete_action:literal, $delete_input:ident)
        $get:ident($get_action:literal, $get_input:ident, $get_output:ident)
        $list:ident($list_action:literal, $list_input:ident, $list_output:ident);)*) => {
        $(
            #[doc = concat!("`", $put_action, "`. A policy of the same name is replaced.")]
            pub(crate) struct $put;

            impl Operation for $put {
                const NAME: &'static str = stringify!($put);
                type Input = iam::$put_input;
                type Output = ();

                fn access<'a>(
                    input: &Self::Input,
                    view: &View<'a>,
                ) -> Result<AccessList<'a>, Error> {
                    let access = access_with_boundary($put_action, view, $kind, &input.$name);
                    Ok(AccessList::one(access))
                }
            }

            impl Command for $put {
                fn run(
                    input: &Self::Input,
                    _: &Permit<Self>,
                    tx: &mut Transaction,
                ) -> Result<(), Error> {
                    put(tx, $kind, &input.$name, &input.policy_name, &input.policy_document)
                }
            }

            #[doc = concat!("`", $delete_action, "`.")]
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
                    delete(tx, $kind, &input.$name, &input.policy_name)
                }
            }

            #[doc = concat!("`", $get_action, "`.")]
            pub(crate) struct $get;

            impl Operation for $get {
                const NAME: &'static str = stringify!($get);
                type Input = iam::$get_input;
                type Output = iam::$get_output;

                fn access<'a>(
                    input: &Self::Input,
                    view: &View<'a>,
                ) -> Result<AccessList<'a>, Error> {
                    Ok(AccessList::one(access($get_action, view, $kind, &input.$name)))
                }
            }

            impl Query for $get {
                fn run(
                    input: &Self::Input,
                    _: &Permit<Self>,
                    view: &View<'_>,
                ) -> Result<Self::Output, Error> {
                    let (owner, policy) =
                        find(view.account, $kind, &input.$name, &input.policy_name)?;
                    Ok(iam::$get_output {
                        $name: owner.name().to_owned(),
                        policy_name: policy.name().to_owned(),
                        policy_document: policy.document().into(),
                    })
                }
            }

            #[doc = concat!("`", $list_action, "`, in the order of the names.")]
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
                    let names = view.account.inline_policies(owner.id()).map(|policy| policy.name().to_owned());
                    let page = Paging::new(&input.marker, input.max_items).of(names, String::clone)?;
                    Ok(iam::$list_output {
                        is_truncated: page.is_truncated(),
                        policy_names: page.items,
                        marker: page.marker,
                    })
                }
            }
        )*

        pub(crate) const OPERATIONS: &[Entry] = &[$(
            Entry::command::<$put>(),
            Entry::command::<$delete>(),
            Entry::query::<$get>(),
            Entry::query::<$list>(),
        )*];
    };
}

inline_operations! {
    Kind::User, user_name:
        PutUserPolicy("iam:PutUserPolicy", PutUserPolicyRequest)
        DeleteUserPolicy("iam:DeleteUserPolicy", DeleteUserPolicyRequest)
        GetUserPolicy("iam:GetUserPolicy", GetUserPolicyRequest, GetUserPolicyResponse)
        ListUserPolicies("iam:ListUserPolicies", ListUserPoliciesRequest, ListUserPoliciesResponse);
    Kind::Group, group_name:
        PutGroupPolicy("iam:PutGroupPolicy", PutGroupPolicyRequest)
        DeleteGroupPolicy("iam:DeleteGroupPolicy", DeleteGroupPolicyRequest)
        GetGroupPolicy("iam:GetGroupPolicy", GetGroupPolicyRequest, GetGroupPolicyResponse)
        ListGroupPolicies("iam:ListGroupPolicies", ListGroupPoliciesRequest, ListGroupPoliciesResponse);
    Kind::Role, role_name:
        PutRolePolicy("iam:PutRolePolicy", PutRolePolicyRequest)
        DeleteRolePolicy("iam:DeleteRolePolicy", DeleteRolePolicyRequest)
        GetRolePolicy("iam:GetRolePolicy", GetRolePolicyRequest, GetRolePolicyResponse)
        ListRolePolicies("iam:ListRolePolicies", ListRolePoliciesRequest, ListRolePoliciesResponse);
}
