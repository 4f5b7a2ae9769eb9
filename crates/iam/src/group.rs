//! User groups.

use iamd_api::iam;
use iamd_authz::{Access, AccessList, Permit};
use iamd_directory::{GroupFields, OwnedList, Transaction};
use iamd_operation::{Command, Entry, Operation, Query, View};
use iamd_types::name::{self, ROOT_PATH};
use iamd_types::{Error, IdKind, Kind};

use crate::page::Paging;
use crate::{owner, render};

pub(crate) const OPERATIONS: &[Entry] = &[
    Entry::command::<CreateGroup>(),
    Entry::command::<DeleteGroup>(),
    Entry::query::<GetGroup>(),
    Entry::query::<ListGroups>(),
    Entry::command::<UpdateGroup>(),
];

/// `iam:CreateGroup`.
pub(crate) struct CreateGroup;

impl Operation for CreateGroup {
    const NAME: &'static str = "CreateGroup";
    type Input = iam::CreateGroupRequest;
    type Output = iam::CreateGroupResponse;

    fn access<'a>(input: &Self::Input, view: &View<'a>) -> Result<AccessList<'a>, Error> {
        let path = input.path.as_deref().unwrap_or(ROOT_PATH);
        let arn = view.account.arn("group", path, &input.group_name);
        Ok(AccessList::one(Access::new("iam:CreateGroup", arn, view.account.id())))
    }
}

impl Command for CreateGroup {
    fn run(
        input: &Self::Input,
        _: &Permit<Self>,
        tx: &mut Transaction,
    ) -> Result<Self::Output, Error> {
        if tx.groups().named(&input.group_name).is_some() {
            return Err(Error::already_exists(Kind::Group, &input.group_name));
        }
        let quota = tx.quotas().groups;
        if tx.groups().len() as u64 >= quota {
            return Err(Error::quota("GroupsPerAccount", quota));
        }
        let fields = GroupFields {
            id: tx.new_id(IdKind::Group),
            name: input.group_name.clone(),
            path: input.path.clone().unwrap_or_else(|| ROOT_PATH.to_owned()),
            created: tx.now(),
            attached: OwnedList::default(),
        };
        let group = tx.put_group(&fields);
        Ok(iam::CreateGroupResponse { group: render::group(tx, &group) })
    }
}

/// `iam:GetGroup`: the group, and its members in pages, by name.
pub(crate) struct GetGroup;

impl Operation for GetGroup {
    const NAME: &'static str = "GetGroup";
    type Input = iam::GetGroupRequest;
    type Output = iam::GetGroupResponse;

    fn access<'a>(input: &Self::Input, view: &View<'a>) -> Result<AccessList<'a>, Error> {
        Ok(AccessList::one(owner::access("iam:GetGroup", view, Kind::Group, &input.group_name)))
    }
}

impl Query for GetGroup {
    fn run(input: &Self::Input, _: &Permit<Self>, view: &View<'_>) -> Result<Self::Output, Error> {
        let group = view.account.group(&input.group_name)?;
        let mut members: Vec<_> = view.account.members(group.id()).collect();
        members.sort_by(|one, other| name::compare(one.name().as_bytes(), other.name().as_bytes()));
        let page = Paging::new(&input.marker, input.max_items)
            .of(members, |user| user.id().to_string())?
            .map(|user| render::user(view.account, user));
        Ok(iam::GetGroupResponse {
            group: render::group(view.account, group),
            is_truncated: page.is_truncated(),
            users: page.items,
            marker: page.marker,
        })
    }
}

/// `iam:ListGroups`.
pub(crate) struct ListGroups;

impl Operation for ListGroups {
    const NAME: &'static str = "ListGroups";
    type Input = iam::ListGroupsRequest;
    type Output = iam::ListGroupsResponse;

    fn access<'a>(input: &Self::Input, view: &View<'a>) -> Result<AccessList<'a>, Error> {
        let prefix = input.path_prefix.as_deref().unwrap_or(ROOT_PATH);
        let arn = view.account.arn("group", prefix, "");
        Ok(AccessList::one(Access::new("iam:ListGroups", arn, view.account.id())))
    }
}

impl Query for ListGroups {
    fn run(input: &Self::Input, _: &Permit<Self>, view: &View<'_>) -> Result<Self::Output, Error> {
        let page = Paging::new(&input.marker, input.max_items)
            .of_entities(view.account.groups(), &input.path_prefix)?
            .map(|group| render::group(view.account, group));
        Ok(iam::ListGroupsResponse {
            is_truncated: page.is_truncated(),
            groups: page.items,
            marker: page.marker,
        })
    }
}

/// `iam:UpdateGroup`, on the group's present and its new ARN. Its id and members stay.
pub(crate) struct UpdateGroup;

impl Operation for UpdateGroup {
    const NAME: &'static str = "UpdateGroup";
    type Input = iam::UpdateGroupRequest;
    type Output = ();

    fn access<'a>(input: &Self::Input, view: &View<'a>) -> Result<AccessList<'a>, Error> {
        let present = owner::access("iam:UpdateGroup", view, Kind::Group, &input.group_name);
        let Some(group) = view.account.groups().named(&input.group_name) else {
            return Ok(AccessList::one(present));
        };
        let path = input.new_path.as_deref().unwrap_or(group.path());
        let name = input.new_group_name.as_deref().unwrap_or(group.name());
        let new = view.account.arn("group", path, name);
        let new = Access::new("iam:UpdateGroup", new, view.account.id());
        Ok(AccessList::one(present).and(new))
    }
}

impl Command for UpdateGroup {
    fn run(input: &Self::Input, _: &Permit<Self>, tx: &mut Transaction) -> Result<(), Error> {
        let mut fields = tx.group(&input.group_name)?.fields();
        if let Some(name) = &input.new_group_name {
            if tx.groups().named(name).is_some_and(|other| other.id() != fields.id) {
                return Err(Error::already_exists(Kind::Group, name));
            }
            fields.name.clone_from(name);
        }
        if let Some(path) = &input.new_path {
            fields.path.clone_from(path);
        }
        tx.put_group(&fields);
        Ok(())
    }
}

/// `iam:DeleteGroup`. Refuses a group that still has members or policies.
pub(crate) struct DeleteGroup;

impl Operation for DeleteGroup {
    const NAME: &'static str = "DeleteGroup";
    type Input = iam::DeleteGroupRequest;
    type Output = ();

    fn access<'a>(input: &Self::Input, view: &View<'a>) -> Result<AccessList<'a>, Error> {
        Ok(AccessList::one(owner::access("iam:DeleteGroup", view, Kind::Group, &input.group_name)))
    }
}

impl Command for DeleteGroup {
    fn run(input: &Self::Input, _: &Permit<Self>, tx: &mut Transaction) -> Result<(), Error> {
        let group = tx.group(&input.group_name)?.clone();
        if tx.members(group.id()).next().is_some() {
            return Err(Error::delete_conflict("remove users from group"));
        }
        if !group.attached().is_empty() {
            return Err(Error::delete_conflict("detach all policies"));
        }
        if tx.inline_policies(group.id()).next().is_some() {
            return Err(Error::delete_conflict("delete policies"));
        }
        tx.remove_group(&group);
        Ok(())
    }
}
