//! Users in groups.

use iamd_api::iam;
use iamd_authz::{AccessList, Permit};
use iamd_directory::Transaction;
use iamd_operation::{Command, Entry, Operation, Query, View};
use iamd_types::{Error, Kind};

use crate::page::Paging;
use crate::{owner, render};

pub(crate) const OPERATIONS: &[Entry] = &[
    Entry::command::<AddUserToGroup>(),
    Entry::query::<ListGroupsForUser>(),
    Entry::command::<RemoveUserFromGroup>(),
];

/// `iam:AddUserToGroup`, on the group. A member stays one.
pub(crate) struct AddUserToGroup;

impl Operation for AddUserToGroup {
    const NAME: &'static str = "AddUserToGroup";
    type Input = iam::AddUserToGroupRequest;
    type Output = ();

    fn access<'a>(input: &Self::Input, view: &View<'a>) -> Result<AccessList<'a>, Error> {
        let group = &input.group_name;
        Ok(AccessList::one(owner::access("iam:AddUserToGroup", view, Kind::Group, group)))
    }
}

impl Command for AddUserToGroup {
    fn run(input: &Self::Input, _: &Permit<Self>, tx: &mut Transaction) -> Result<(), Error> {
        let mut user = tx.user(&input.user_name)?.fields();
        let group = tx.group(&input.group_name)?.id();
        if user.groups.0.contains(&group) {
            return Ok(());
        }
        let quota = tx.quotas().groups_per_user;
        if user.groups.0.len() as u64 >= quota {
            return Err(Error::quota("GroupsPerUser", quota));
        }
        user.groups.0.push(group);
        tx.put_user(&user);
        Ok(())
    }
}

/// `iam:RemoveUserFromGroup`, on the group. The user is looked up before the group; one who is not a
/// member is removed without complaint.
pub(crate) struct RemoveUserFromGroup;

impl Operation for RemoveUserFromGroup {
    const NAME: &'static str = "RemoveUserFromGroup";
    type Input = iam::RemoveUserFromGroupRequest;
    type Output = ();

    fn access<'a>(input: &Self::Input, view: &View<'a>) -> Result<AccessList<'a>, Error> {
        let group = &input.group_name;
        Ok(AccessList::one(owner::access("iam:RemoveUserFromGroup", view, Kind::Group, group)))
    }
}

impl Command for RemoveUserFromGroup {
    fn run(input: &Self::Input, _: &Permit<Self>, tx: &mut Transaction) -> Result<(), Error> {
        let mut user = tx.user(&input.user_name)?.fields();
        let group = tx.group(&input.group_name)?.id();
        if user.groups.0.contains(&group) {
            user.groups.0.retain(|other| *other != group);
            tx.put_user(&user);
        }
        Ok(())
    }
}

/// `iam:ListGroupsForUser`, in the order in which the groups were joined.
pub(crate) struct ListGroupsForUser;

impl Operation for ListGroupsForUser {
    const NAME: &'static str = "ListGroupsForUser";
    type Input = iam::ListGroupsForUserRequest;
    type Output = iam::ListGroupsForUserResponse;

    fn access<'a>(input: &Self::Input, view: &View<'a>) -> Result<AccessList<'a>, Error> {
        let user = &input.user_name;
        Ok(AccessList::one(owner::access("iam:ListGroupsForUser", view, Kind::User, user)))
    }
}

impl Query for ListGroupsForUser {
    fn run(input: &Self::Input, _: &Permit<Self>, view: &View<'_>) -> Result<Self::Output, Error> {
        let user = view.account.user(&input.user_name)?;
        let page = Paging::new(&input.marker, input.max_items)
            .of(view.account.groups_of(user), |group| group.id().to_string())?
            .map(|group| render::group(view.account, group));
        Ok(iam::ListGroupsForUserResponse {
            is_truncated: page.is_truncated(),
            groups: page.items,
            marker: page.marker,
        })
    }
}
