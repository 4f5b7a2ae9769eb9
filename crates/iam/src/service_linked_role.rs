//! Service-linked roles: roles that belong to an AWS service. They are made whole, by the name of the
//! service, and nobody but the service changes them.

use std::sync::LazyLock;

use iamd_api::iam;
use iamd_authz::{Access, AccessList, Permit};
use iamd_directory::{Account, Catalogue, OwnedList, PolicyRef, RoleFields, Transaction};
use iamd_operation::{Command, Entry, Operation, Query, View};
use iamd_types::{Code, Error, IdKind, Kind, UniqueId};

use crate::{owner, render};

pub(crate) const OPERATIONS: &[Entry] = &[
    Entry::command::<CreateServiceLinkedRole>(),
    Entry::command::<DeleteServiceLinkedRole>(),
    Entry::query::<GetServiceLinkedRoleDeletionStatus>(),
];

/// Seconds of the longest session of every service-linked role (recorded).
const MAX_SESSION: u32 = 3600;
/// How many deletions an account remembers.
const MAX_TASKS: usize = 100;

/// The services that have such a role. A line each: the service, the role's name, whether a suffix is
/// allowed, and the names of its policies (recorded from CreateServiceLinkedRole's answers).
const SERVICES: &str = include_str!("service_linked_roles.txt");

struct Service {
    name: &'static str,
    role: &'static str,
    takes_suffix: bool,
    policies: Vec<&'static str>,
}

impl Service {
    fn parse(line: &'static str) -> Option<Self> {
        let mut words = line.split(' ');
        let (name, role, suffix, policies) =
            (words.next()?, words.next()?, words.next()?, words.next()?);
        let policies = policies.split(',').collect();
        Some(Self { name, role, takes_suffix: suffix == "suffix", policies })
    }

    fn find(name: &str) -> Option<&'static Self> {
        static ALL: LazyLock<Vec<Service>> =
            LazyLock::new(|| SERVICES.lines().filter_map(Service::parse).collect());
        ALL.iter().find(|service| service.name == name)
    }

    fn role_name(&self, suffix: Option<&str>) -> String {
        suffix.map_or_else(|| self.role.to_owned(), |suffix| format!("{}_{suffix}", self.role))
    }

    fn policies(&self) -> Vec<PolicyRef> {
        let arn = |name: &&str| format!("arn:aws:iam::aws:policy/aws-service-role/{name}");
        let found = self.policies.iter().filter_map(|name| Catalogue::get().by_arn(&arn(name)));
        found.map(|policy| policy.policy_ref()).collect()
    }
}

fn path(service: &str) -> String {
    format!("/aws-service-role/{service}/")
}

fn trust_policy(service: &str) -> String {
    format!(
        r#"{{"Version":"2012-10-17","Statement":[{{"Action":["sts:AssumeRole"],"Effect":"Allow","Principal":{{"Service":["{service}"]}}}}]}}"#
    )
}

/// `iam:CreateServiceLinkedRole` on the role, with the service as `iam:AWSServiceName`. Such roles count
/// towards the quota of roles, but can be made beyond it (IAM User Guide, "Create a service-linked role").
pub(crate) struct CreateServiceLinkedRole;

impl Operation for CreateServiceLinkedRole {
    const NAME: &'static str = "CreateServiceLinkedRole";
    type Input = iam::CreateServiceLinkedRoleRequest;
    type Output = iam::CreateServiceLinkedRoleResponse;

    fn access<'a>(input: &Self::Input, view: &View<'a>) -> Result<AccessList<'a>, Error> {
        let service = &input.aws_service_name;
        let known = Service::find(service);
        let name = known.map(|known| known.role_name(input.custom_suffix.as_deref()));
        let arn = view.account.arn("role", &path(service), &name.unwrap_or_default());
        let access = Access::new("iam:CreateServiceLinkedRole", arn, view.account.id());
        Ok(AccessList::one(access.with("iam:AWSServiceName", service.as_str())))
    }
}

impl Command for CreateServiceLinkedRole {
    fn run(
        input: &Self::Input,
        _: &Permit<Self>,
        tx: &mut Transaction,
    ) -> Result<Self::Output, Error> {
        let name = &input.aws_service_name;
        let service = Service::find(name).ok_or_else(|| {
            // AWS's text is not recorded.
            Error::invalid_input(format!("{name} is not a service with a service-linked role."))
        })?;
        let suffix = input.custom_suffix.as_deref();
        if suffix.is_some() && !service.takes_suffix {
            return Err(Error::invalid_input(format!("Custom suffix is not allowed for {name}")));
        }
        let role_name = service.role_name(suffix);
        if role_name.len() > MAX_NAME {
            // AWS's text is not recorded.
            let message =
                format!("The role name {role_name} is longer than {MAX_NAME} characters.");
            return Err(Error::invalid_input(message));
        }
        if tx.roles().named(&role_name).is_some() {
            return Err(Error::invalid_input(format!(
                "Service role name {role_name} has been taken in this account, please try a \
                 different suffix."
            )));
        }
        let fields = RoleFields {
            id: tx.new_id(IdKind::Role),
            name: role_name,
            path: path(name),
            created: tx.now(),
            max_session: MAX_SESSION,
            trust_policy: trust_policy(name),
            boundary: None,
            attached: OwnedList(service.policies()),
            tags: Vec::new(),
            description: input.description.clone(),
            foreign_principals: Vec::new(),
        };
        let role = tx.put_role(&fields);
        Ok(iam::CreateServiceLinkedRoleResponse { role: Some(render::created_role(tx, &role)) })
    }
}

/// The longest name of a role, in characters (IAM model: `roleNameType`).
const MAX_NAME: usize = 64;

/// `iam:DeleteServiceLinkedRole`. On AWS the service is asked whether it still needs the role, and the role
/// goes later. No service has anything here, so it goes at once; the deletion's state can be asked for.
pub(crate) struct DeleteServiceLinkedRole;

impl Operation for DeleteServiceLinkedRole {
    const NAME: &'static str = "DeleteServiceLinkedRole";
    type Input = iam::DeleteServiceLinkedRoleRequest;
    type Output = iam::DeleteServiceLinkedRoleResponse;

    fn access<'a>(input: &Self::Input, view: &View<'a>) -> Result<AccessList<'a>, Error> {
        let role = &input.role_name;
        let access = owner::access("iam:DeleteServiceLinkedRole", view, Kind::Role, role);
        Ok(AccessList::one(access))
    }
}

impl Command for DeleteServiceLinkedRole {
    fn run(
        input: &Self::Input,
        _: &Permit<Self>,
        tx: &mut Transaction,
    ) -> Result<Self::Output, Error> {
        let role = tx.role(&input.role_name)?.clone();
        if !role.is_service_linked() {
            return Err(Error::no_such_entity(Kind::Role, &input.role_name));
        }
        let uuid = uuid(tx.new_id(IdKind::Role));
        let task = format!("task{}{}/{uuid}", role.path(), role.name());
        if let Some(record) = tx.record() {
            let mut fields = record.fields();
            let excess = (fields.deletion_tasks.len() + 1).saturating_sub(MAX_TASKS);
            fields.deletion_tasks.drain(..excess);
            fields.deletion_tasks.push(task.clone());
            tx.put_account(&fields);
        }
        tx.remove_role(&role);
        Ok(iam::DeleteServiceLinkedRoleResponse { deletion_task_id: task })
    }
}

/// The random bits of a fresh id as a UUID of version 4. The id itself is given to nothing.
fn uuid(id: UniqueId) -> String {
    let bits = u128::from_be_bytes(id.to_bytes());
    // The id's 85 random bits are its low ones: folded, so that no group of digits is always the same.
    let spread = bits << 64 ^ bits << 43 ^ bits;
    let bits = spread & !(0xf << 76) & !(0x3 << 62) | 0x4 << 76 | 0x2 << 62;
    let hex = format!("{bits:032x}");
    let groups: Vec<String> = [(0, 8), (8, 4), (12, 4), (16, 4), (20, 12)]
        .into_iter()
        .map(|(start, length)| hex.chars().skip(start).take(length).collect())
        .collect();
    groups.join("-")
}

/// `iam:GetServiceLinkedRoleDeletionStatus` on the role that the task deletes. An account remembers its
/// latest hundred deletions; each has succeeded.
pub(crate) struct GetServiceLinkedRoleDeletionStatus;

impl Operation for GetServiceLinkedRoleDeletionStatus {
    const NAME: &'static str = "GetServiceLinkedRoleDeletionStatus";
    type Input = iam::GetServiceLinkedRoleDeletionStatusRequest;
    type Output = iam::GetServiceLinkedRoleDeletionStatusResponse;

    fn access<'a>(input: &Self::Input, view: &View<'a>) -> Result<AccessList<'a>, Error> {
        let action = "iam:GetServiceLinkedRoleDeletionStatus";
        let arn = view.account.arn("role", "/", role_of_task(&input.deletion_task_id));
        Ok(AccessList::one(Access::new(action, arn, view.account.id())))
    }
}

/// The role's path without its first slash, and its name; the whole text when it is no task's.
fn role_of_task(task: &str) -> &str {
    let role = task.strip_prefix("task/").and_then(|rest| rest.rsplit_once('/'));
    role.map_or(task, |(role, _)| role)
}

impl Query for GetServiceLinkedRoleDeletionStatus {
    fn run(input: &Self::Input, _: &Permit<Self>, view: &View<'_>) -> Result<Self::Output, Error> {
        let task = &input.deletion_task_id;
        if !is_remembered(view.account, task) {
            // AWS's text is not recorded.
            let message = format!("The deletion task {task} cannot be found.");
            return Err(Error::new(Code::NoSuchEntity, message));
        }
        Ok(iam::GetServiceLinkedRoleDeletionStatusResponse {
            status: iam::DeletionTaskStatusType::Succeeded,
            reason: None,
        })
    }
}

fn is_remembered(account: &Account, task: &str) -> bool {
    account.record().is_some_and(|record| record.deletion_tasks().any(|known| known == task))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_services_policies_are_in_the_catalogue() {
        let mut without = vec![];
        for line in SERVICES.lines() {
            let service = Service::parse(line).unwrap();
            assert!(service.role_name(None).len() <= MAX_NAME, "{line}");
            if service.policies().len() != service.policies.len() {
                without.push(service.name);
            }
        }
        // AWS has withdrawn its policy.
        assert_eq!(without, ["lex.amazonaws.com"]);
        assert!(Service::find("autoscaling.amazonaws.com").unwrap().takes_suffix);
        assert!(Service::find("example.amazonaws.com").is_none());
    }

    #[test]
    fn tasks_tell_their_role() {
        assert_eq!(role_of_task("task/aws-service-role/x.com/R/1-2"), "aws-service-role/x.com/R");
        assert_eq!(role_of_task("nonsense"), "nonsense");
        assert_eq!(role_of_task("task/"), "task/");
    }

    #[test]
    fn uuids_have_their_form() {
        let text = uuid(UniqueId::from_random(IdKind::Role, [0xa7; 16]));
        let lengths: Vec<usize> = text.split('-').map(str::len).collect();
        assert_eq!(lengths, [8, 4, 4, 4, 12]);
        assert!(
            text.chars().nth(14) == Some('4') && "89ab".contains(text.chars().nth(19).unwrap())
        );
    }
}
