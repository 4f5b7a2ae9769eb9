//! Instance profiles: how a role is handed to an instance.

use iamd_api::iam;
use iamd_authz::{Access, AccessList, Permit};
use iamd_directory::{InstanceProfileFields, Transaction};
use iamd_operation::{Command, Entry, Operation, Query, View};
use iamd_types::name::ROOT_PATH;
use iamd_types::tag::KeyCase;
use iamd_types::{Code, Error, IdKind, Kind};

use crate::page::Paging;
use crate::{owner, render, tags};

pub(crate) const OPERATIONS: &[Entry] = &[
    Entry::command::<AddRoleToInstanceProfile>(),
    Entry::command::<CreateInstanceProfile>(),
    Entry::command::<DeleteInstanceProfile>(),
    Entry::query::<GetInstanceProfile>(),
    Entry::query::<ListInstanceProfiles>(),
    Entry::query::<ListInstanceProfilesForRole>(),
    Entry::command::<RemoveRoleFromInstanceProfile>(),
];

/// The service that instance profiles hand roles to.
const PASSED_TO: &str = "ec2.amazonaws.com";

/// Access to the instance profile of this name, with its tags as condition keys.
pub(crate) fn access<'a>(action: &'static str, view: &View<'_>, name: &str) -> Access<'a> {
    let account = view.account;
    match account.instance_profiles().named(name) {
        Some(profile) => Access::new(action, account.instance_profile_arn(profile), account.id())
            .with_resource_tags(profile.tags()),
        None => Access::new(action, account.arn("instance-profile", "/", name), account.id()),
    }
}

/// `iam:CreateInstanceProfile`, and `iam:TagInstanceProfile` when tags are given.
pub(crate) struct CreateInstanceProfile;

impl Operation for CreateInstanceProfile {
    const NAME: &'static str = "CreateInstanceProfile";
    type Input = iam::CreateInstanceProfileRequest;
    type Output = iam::CreateInstanceProfileResponse;

    fn access<'a>(input: &Self::Input, view: &View<'a>) -> Result<AccessList<'a>, Error> {
        let path = input.path.as_deref().unwrap_or(ROOT_PATH);
        let arn = view.account.arn("instance-profile", path, &input.instance_profile_name);
        let access = Access::new("iam:CreateInstanceProfile", arn, view.account.id());
        let given = input.tags.as_deref();
        Ok(tags::with_tags_at_creation(access, "iam:TagInstanceProfile", given))
    }
}

impl Command for CreateInstanceProfile {
    fn run(
        input: &Self::Input,
        _: &Permit<Self>,
        tx: &mut Transaction,
    ) -> Result<Self::Output, Error> {
        let tags = tags::checked(tx, input.tags.as_deref(), KeyCase::Sensitive)?;
        let name = &input.instance_profile_name;
        if tx.instance_profiles().named(name).is_some() {
            return Err(Error::already_exists(Kind::InstanceProfile, name));
        }
        let quota = tx.quotas().instance_profiles;
        if tx.instance_profiles().len() as u64 >= quota {
            return Err(Error::quota("InstanceProfilesPerAccount", quota));
        }
        let fields = InstanceProfileFields {
            id: tx.new_id(IdKind::InstanceProfile),
            name: name.clone(),
            path: input.path.clone().unwrap_or_else(|| ROOT_PATH.to_owned()),
            created: tx.now(),
            role: None,
            tags,
        };
        let profile = tx.put_instance_profile(&fields);
        let instance_profile = iam::InstanceProfile {
            tags: render::some_tags(profile.tags()),
            ..render::instance_profile(tx, &profile)
        };
        Ok(iam::CreateInstanceProfileResponse { instance_profile })
    }
}

/// `iam:GetInstanceProfile`.
pub(crate) struct GetInstanceProfile;

impl Operation for GetInstanceProfile {
    const NAME: &'static str = "GetInstanceProfile";
    type Input = iam::GetInstanceProfileRequest;
    type Output = iam::GetInstanceProfileResponse;

    fn access<'a>(input: &Self::Input, view: &View<'a>) -> Result<AccessList<'a>, Error> {
        let name = &input.instance_profile_name;
        Ok(AccessList::one(access("iam:GetInstanceProfile", view, name)))
    }
}

impl Query for GetInstanceProfile {
    fn run(input: &Self::Input, _: &Permit<Self>, view: &View<'_>) -> Result<Self::Output, Error> {
        let profile = view.account.instance_profile(&input.instance_profile_name)?;
        let instance_profile = iam::InstanceProfile {
            tags: Some(render::tags(profile.tags())),
            ..render::instance_profile(view.account, profile)
        };
        Ok(iam::GetInstanceProfileResponse { instance_profile })
    }
}

/// `iam:ListInstanceProfiles`.
pub(crate) struct ListInstanceProfiles;

impl Operation for ListInstanceProfiles {
    const NAME: &'static str = "ListInstanceProfiles";
    type Input = iam::ListInstanceProfilesRequest;
    type Output = iam::ListInstanceProfilesResponse;

    fn access<'a>(input: &Self::Input, view: &View<'a>) -> Result<AccessList<'a>, Error> {
        let prefix = input.path_prefix.as_deref().unwrap_or(ROOT_PATH);
        let arn = view.account.arn("instance-profile", prefix, "");
        Ok(AccessList::one(Access::new("iam:ListInstanceProfiles", arn, view.account.id())))
    }
}

impl Query for ListInstanceProfiles {
    fn run(input: &Self::Input, _: &Permit<Self>, view: &View<'_>) -> Result<Self::Output, Error> {
        let page = Paging::new(&input.marker, input.max_items)
            .of_entities(view.account.instance_profiles(), &input.path_prefix)?
            .map(|profile| render::instance_profile(view.account, profile));
        Ok(iam::ListInstanceProfilesResponse {
            is_truncated: page.is_truncated(),
            instance_profiles: page.items,
            marker: page.marker,
        })
    }
}

/// `iam:ListInstanceProfilesForRole`, on the role.
pub(crate) struct ListInstanceProfilesForRole;

impl Operation for ListInstanceProfilesForRole {
    const NAME: &'static str = "ListInstanceProfilesForRole";
    type Input = iam::ListInstanceProfilesForRoleRequest;
    type Output = iam::ListInstanceProfilesForRoleResponse;

    fn access<'a>(input: &Self::Input, view: &View<'a>) -> Result<AccessList<'a>, Error> {
        let action = "iam:ListInstanceProfilesForRole";
        Ok(AccessList::one(owner::access(action, view, Kind::Role, &input.role_name)))
    }
}

impl Query for ListInstanceProfilesForRole {
    fn run(input: &Self::Input, _: &Permit<Self>, view: &View<'_>) -> Result<Self::Output, Error> {
        let role = view.account.role(&input.role_name)?;
        let profiles = view.account.instance_profiles_of(role.id());
        let page = Paging::new(&input.marker, input.max_items)
            .of(profiles, |profile| profile.id().to_string())?
            .map(|profile| render::instance_profile(view.account, profile));
        Ok(iam::ListInstanceProfilesForRoleResponse {
            is_truncated: page.is_truncated(),
            instance_profiles: page.items,
            marker: page.marker,
        })
    }
}

/// `iam:AddRoleToInstanceProfile`, and `iam:PassRole` on the role.
pub(crate) struct AddRoleToInstanceProfile;

impl Operation for AddRoleToInstanceProfile {
    const NAME: &'static str = "AddRoleToInstanceProfile";
    type Input = iam::AddRoleToInstanceProfileRequest;
    type Output = ();

    fn access<'a>(input: &Self::Input, view: &View<'a>) -> Result<AccessList<'a>, Error> {
        let profile = access("iam:AddRoleToInstanceProfile", view, &input.instance_profile_name);
        let role = owner::access("iam:PassRole", view, Kind::Role, &input.role_name)
            .with("iam:PassedToService", PASSED_TO);
        Ok(AccessList::one(profile).and(role))
    }
}

impl Command for AddRoleToInstanceProfile {
    fn run(input: &Self::Input, _: &Permit<Self>, tx: &mut Transaction) -> Result<(), Error> {
        let mut profile = tx.instance_profile(&input.instance_profile_name)?.fields();
        let role = tx.role(&input.role_name)?.clone();
        owner::ensure_role_modifiable(&role)?;
        if profile.role.is_some() {
            return Err(Error::quota("InstanceSessionsPerInstanceProfile", 1));
        }
        profile.role = Some(role.id());
        tx.put_instance_profile(&profile);
        Ok(())
    }
}

/// `iam:RemoveRoleFromInstanceProfile`, on the instance profile.
pub(crate) struct RemoveRoleFromInstanceProfile;

impl Operation for RemoveRoleFromInstanceProfile {
    const NAME: &'static str = "RemoveRoleFromInstanceProfile";
    type Input = iam::RemoveRoleFromInstanceProfileRequest;
    type Output = ();

    fn access<'a>(input: &Self::Input, view: &View<'a>) -> Result<AccessList<'a>, Error> {
        let name = &input.instance_profile_name;
        Ok(AccessList::one(access("iam:RemoveRoleFromInstanceProfile", view, name)))
    }
}

impl Command for RemoveRoleFromInstanceProfile {
    fn run(input: &Self::Input, _: &Permit<Self>, tx: &mut Transaction) -> Result<(), Error> {
        let mut profile = tx.instance_profile(&input.instance_profile_name)?.fields();
        let role = tx.role(&input.role_name)?.id();
        if profile.role != Some(role) {
            let message = format!(
                "Role {} in Instance Profile {} cannot be found.",
                input.role_name, input.instance_profile_name
            );
            return Err(Error::new(Code::NoSuchEntity, message));
        }
        profile.role = None;
        tx.put_instance_profile(&profile);
        Ok(())
    }
}

/// `iam:DeleteInstanceProfile`. Refuses a profile that holds a role.
pub(crate) struct DeleteInstanceProfile;

impl Operation for DeleteInstanceProfile {
    const NAME: &'static str = "DeleteInstanceProfile";
    type Input = iam::DeleteInstanceProfileRequest;
    type Output = ();

    fn access<'a>(input: &Self::Input, view: &View<'a>) -> Result<AccessList<'a>, Error> {
        let name = &input.instance_profile_name;
        Ok(AccessList::one(access("iam:DeleteInstanceProfile", view, name)))
    }
}

impl Command for DeleteInstanceProfile {
    fn run(input: &Self::Input, _: &Permit<Self>, tx: &mut Transaction) -> Result<(), Error> {
        let profile = tx.instance_profile(&input.instance_profile_name)?.clone();
        if profile.role().is_some() {
            return Err(Error::delete_conflict("remove roles from instance profile"));
        }
        tx.remove_instance_profile(&profile);
        Ok(())
    }
}
