//! Access advisor: which services and actions policies grant, and who used them last.
//!
//! AWS: what grants is told from Allow statements alone. A report is one of a user, group, role or policy; of a
//! group or policy it tells of the users and roles that have it. The report is made when it is fetched, from what
//! was noted until then, so every job is completed at once.

use std::collections::BTreeMap;
use std::sync::Arc;

use iamd_api::iam;
use iamd_authz::{AccessList, Permit};
use iamd_directory::{Accessed, Account, Job};
use iamd_operation::{Entry, Operation, Query, View};
use iamd_policy::{Document, vocabulary};
use iamd_types::{Code, Error, Kind, Timestamp, entropy};

use crate::held;
use crate::managed_policy;
use crate::owner::{Owner, managed_ref};
use crate::page::Paging;
use crate::render::count;
use crate::simulate::access;

pub(crate) const OPERATIONS: &[Entry] = &[
    Entry::query::<GenerateServiceLastAccessedDetails>(),
    Entry::query::<GetServiceLastAccessedDetails>(),
    Entry::query::<GetServiceLastAccessedDetailsWithEntities>(),
    Entry::query::<ListPoliciesGrantingServiceAccess>(),
];

/// How long uses are told, in seconds: 400 days (IAM User Guide).
const TRACKING_PERIOD: i64 = 400 * 24 * 60 * 60;

/// The services whose actions are tracked: those that this server has.
const TRACKED: [&str; 3] = ["access-analyzer", "iam", "sts"];

/// What a report is about.
struct Subject {
    /// The policies that grant.
    documents: Vec<Arc<Document>>,
    /// The users and roles that have them, with what they used within the tracking period.
    entities: Vec<(Owner, Vec<Accessed>)>,
}

impl Subject {
    /// # Errors
    /// `NoSuchEntity` when it is not (or no longer) there; `InvalidInput` for ARNs of anything else.
    fn find(view: &View<'_>, arn: &str) -> Result<Self, Error> {
        let account = view.account;
        let (documents, entities) = if is_policy(arn) {
            let policy = account
                .managed_by_arn(arn)
                .ok_or_else(|| Error::no_such_entity(Kind::Policy, arn))?;
            let policy = managed_ref(policy);
            let owners = account.attached_to(policy).filter_map(|id| Owner::by_id(account, id));
            let mut entities: Vec<Owner> =
                owners.flat_map(|it| users_and_roles(account, it)).collect();
            entities.sort_by_key(Owner::id);
            entities.dedup_by_key(|it| it.id());
            (vec![Arc::clone(held::managed(account, policy)?.2)], entities)
        } else {
            let owner = held::entity(account, arn)?;
            let held = held::policies(account, &owner)?;
            let documents = held.iter().map(|it| Arc::clone(it.document)).collect();
            (documents, users_and_roles(account, owner))
        };
        let oldest = view.facts.now.seconds().saturating_sub(TRACKING_PERIOD);
        let accesses = view.tools.directory.usage().accesses();
        let used = |owner: Owner| {
            let mut used = accesses.of(owner.id());
            used.retain(|it| it.at.seconds() >= oldest);
            (owner, used)
        };
        Ok(Self { documents, entities: entities.into_iter().map(used).collect() })
    }

    /// The services that the policies grant, in the order of their namespaces.
    fn services(&self) -> impl Iterator<Item = &'static vocabulary::Service> {
        let granted = |prefix: &&str| {
            self.documents.iter().any(|document| document.may_allow_service(prefix))
        };
        vocabulary::services().filter(granted).filter_map(vocabulary::service)
    }

    /// The last use of a service, or of one of its actions, by each entity that used it.
    fn uses<'s>(
        &'s self,
        service: &'s str,
        action: Option<&'s str>,
    ) -> impl Iterator<Item = (&'s Owner, &'s Accessed)> {
        self.entities.iter().filter_map(move |(owner, used)| {
            let of_service = used.iter().filter(|it| &*it.service == service);
            let asked = of_service.filter(|it| action.is_none_or(|action| action == &*it.action));
            asked.max_by_key(|it| it.at).map(|it| (owner, it))
        })
    }

    fn service(
        &self,
        account: &Account,
        service: &vocabulary::Service,
        tells_actions: bool,
    ) -> iam::ServiceLastAccessed {
        let last = self.uses(service.prefix, None).max_by_key(|(_, used)| used.at);
        let tracked = tells_actions && TRACKED.contains(&service.prefix);
        iam::ServiceLastAccessed {
            service_name: service.name.to_owned(),
            last_authenticated: last.map(|(_, used)| used.at),
            service_namespace: service.prefix.to_owned(),
            last_authenticated_entity: last.map(|(owner, _)| owner_arn(account, owner)),
            last_authenticated_region: last.map(|(_, used)| used.region.to_string()),
            total_authenticated_entities: Some(count(self.uses(service.prefix, None).count())),
            tracked_actions_last_accessed: tracked.then(|| self.actions(account, service)),
        }
    }

    fn actions(
        &self,
        account: &Account,
        service: &vocabulary::Service,
    ) -> Vec<iam::TrackedActionLastAccessed> {
        let granted = service.actions().iter().filter(|action| {
            let name = format!("{}:{}", service.prefix, action.name);
            self.documents.iter().any(|document| document.may_allow(&name))
        });
        let told = granted.map(|action| {
            let uses = self.uses(service.prefix, Some(action.name));
            let last = uses.max_by_key(|(_, used)| used.at);
            iam::TrackedActionLastAccessed {
                action_name: Some(action.name.to_owned()),
                last_accessed_entity: last.map(|(owner, _)| owner_arn(account, owner)),
                last_accessed_time: last.map(|(_, used)| used.at),
                last_accessed_region: last.map(|(_, used)| used.region.to_string()),
            }
        });
        told.collect()
    }
}

fn is_policy(arn: &str) -> bool {
    arn.splitn(6, ':').nth(5).is_some_and(|resource| resource.starts_with("policy/"))
}

fn owner_arn(account: &Account, owner: &Owner) -> String {
    account.arn(owner.kind().noun(), owner.path(), owner.name())
}

/// A user or role itself; the members of a group.
fn users_and_roles(account: &Account, owner: Owner) -> Vec<Owner> {
    match owner {
        Owner::Group(group) => account.members(group.id()).cloned().map(Owner::User).collect(),
        user_or_role => vec![user_or_role],
    }
}

/// `iam:GenerateServiceLastAccessedDetails`, on a user, group, role or policy.
pub(crate) struct GenerateServiceLastAccessedDetails;

impl Operation for GenerateServiceLastAccessedDetails {
    const NAME: &'static str = "GenerateServiceLastAccessedDetails";
    type Input = iam::GenerateServiceLastAccessedDetailsRequest;
    type Output = iam::GenerateServiceLastAccessedDetailsResponse;

    fn access<'a>(input: &Self::Input, view: &View<'a>) -> Result<AccessList<'a>, Error> {
        let action = "iam:GenerateServiceLastAccessedDetails";
        Ok(match is_policy(&input.arn) {
            true => AccessList::one(managed_policy::access(action, view, &input.arn)),
            false => access(action, view, &input.arn),
        })
    }
}

impl Query for GenerateServiceLastAccessedDetails {
    fn run(input: &Self::Input, _: &Permit<Self>, view: &View<'_>) -> Result<Self::Output, Error> {
        Subject::find(view, &input.arn)?;
        let actions = iam::AccessAdvisorUsageGranularityType::ActionLevel;
        let id = uuid(entropy::random(&*view.tools.entropy));
        view.tools.directory.usage().jobs().put(Job {
            id: id.clone(),
            account: view.account.id(),
            subject: input.arn.clone(),
            tells_actions: input.granularity == Some(actions),
            created: view.facts.now.whole_seconds(),
        });
        Ok(iam::GenerateServiceLastAccessedDetailsResponse { job_id: Some(id) })
    }
}

/// A random UUID (RFC 9562, version 4).
fn uuid(random: [u8; 16]) -> String {
    let bits = u128::from_be_bytes(random);
    let bits = bits & !(0xf << 76) & !(0b11 << 62) | 4 << 76 | 0b10 << 62;
    let (a, b, c) = (bits >> 96, bits >> 80 & 0xffff, bits >> 64 & 0xffff);
    let (d, e) = (bits >> 48 & 0xffff, bits & 0xffff_ffff_ffff);
    format!("{a:08x}-{b:04x}-{c:04x}-{d:04x}-{e:012x}")
}

/// The account's job of this id. That the text is ours is a reading; the code is AWS's.
fn job(view: &View<'_>, id: &str) -> Result<Job, Error> {
    let jobs = view.tools.directory.usage().jobs();
    jobs.find(view.account.id(), id, view.facts.now).ok_or_else(|| {
        Error::new(Code::NoSuchEntity, format!("The job with id {id} cannot be found."))
    })
}

/// `iam:GetServiceLastAccessedDetails`.
pub(crate) struct GetServiceLastAccessedDetails;

impl Operation for GetServiceLastAccessedDetails {
    const NAME: &'static str = "GetServiceLastAccessedDetails";
    type Input = iam::GetServiceLastAccessedDetailsRequest;
    type Output = iam::GetServiceLastAccessedDetailsResponse;

    fn access<'a>(_: &Self::Input, _: &View<'a>) -> Result<AccessList<'a>, Error> {
        let access = iamd_authz::Access::on_all("iam:GetServiceLastAccessedDetails");
        Ok(AccessList::one(access))
    }
}

impl Query for GetServiceLastAccessedDetails {
    fn run(input: &Self::Input, _: &Permit<Self>, view: &View<'_>) -> Result<Self::Output, Error> {
        use iam::AccessAdvisorUsageGranularityType as Granularity;
        let job = job(view, &input.job_id)?;
        let subject = Subject::find(view, &job.subject)?;
        let page = Paging::new(&input.marker, input.max_items)
            .of(subject.services(), |service| service.prefix.to_owned())?
            .map(|service| subject.service(view.account, service, job.tells_actions));
        Ok(iam::GetServiceLastAccessedDetailsResponse {
            job_status: iam::JobStatusType::Completed,
            job_type: Some(match job.tells_actions {
                true => Granularity::ActionLevel,
                false => Granularity::ServiceLevel,
            }),
            job_creation_date: job.created,
            job_completion_date: job.created,
            is_truncated: page.is_truncated(),
            services_last_accessed: page.items,
            marker: page.marker,
            error: None,
        })
    }
}

/// `iam:GetServiceLastAccessedDetailsWithEntities`: the users and roles of a report, and when each last used one
/// service; those that did first, the newest before the others.
pub(crate) struct GetServiceLastAccessedDetailsWithEntities;

impl Operation for GetServiceLastAccessedDetailsWithEntities {
    const NAME: &'static str = "GetServiceLastAccessedDetailsWithEntities";
    type Input = iam::GetServiceLastAccessedDetailsWithEntitiesRequest;
    type Output = iam::GetServiceLastAccessedDetailsWithEntitiesResponse;

    fn access<'a>(_: &Self::Input, _: &View<'a>) -> Result<AccessList<'a>, Error> {
        let access = iamd_authz::Access::on_all("iam:GetServiceLastAccessedDetailsWithEntities");
        Ok(AccessList::one(access))
    }
}

impl Query for GetServiceLastAccessedDetailsWithEntities {
    fn run(input: &Self::Input, _: &Permit<Self>, view: &View<'_>) -> Result<Self::Output, Error> {
        let job = job(view, &input.job_id)?;
        let service = known_service(&input.service_namespace)?;
        let subject = Subject::find(view, &job.subject)?;
        let used: BTreeMap<_, _> =
            subject.uses(service.prefix, None).map(|(owner, used)| (owner.id(), used.at)).collect();
        let mut entities: Vec<(&Owner, Option<Timestamp>)> = subject
            .entities
            .iter()
            .map(|(owner, _)| (owner, used.get(&owner.id()).copied()))
            .collect();
        entities.sort_by_key(|(owner, at)| (std::cmp::Reverse(*at), owner.name().to_owned()));
        let page = Paging::new(&input.marker, input.max_items)
            .of(entities, |(owner, _)| owner.id().to_string())?
            .map(|(owner, at)| iam::EntityDetails {
                entity_info: entity_info(view.account, owner),
                last_authenticated: at,
            });
        Ok(iam::GetServiceLastAccessedDetailsWithEntitiesResponse {
            job_status: iam::JobStatusType::Completed,
            job_creation_date: job.created,
            job_completion_date: job.created,
            is_truncated: page.is_truncated(),
            entity_details_list: page.items,
            marker: page.marker,
            error: None,
        })
    }
}

fn entity_info(account: &Account, owner: &Owner) -> iam::EntityInfo {
    iam::EntityInfo {
        arn: owner_arn(account, owner),
        name: owner.name().to_owned(),
        r#type: entity_type(owner),
        id: owner.id().to_string(),
        path: Some(owner.path().to_owned()),
    }
}

fn entity_type(owner: &Owner) -> iam::PolicyOwnerEntityType {
    match owner {
        Owner::User(_) => iam::PolicyOwnerEntityType::User,
        Owner::Group(_) => iam::PolicyOwnerEntityType::Group,
        Owner::Role(_) => iam::PolicyOwnerEntityType::Role,
    }
}

fn known_service(namespace: &str) -> Result<&'static vocabulary::Service, Error> {
    vocabulary::service(namespace)
        .ok_or_else(|| Error::invalid_input(format!("Invalid service namespace: {namespace}")))
}

/// `iam:ListPoliciesGrantingServiceAccess`: for each service the policies of a user (with its groups), group or
/// role that grant something of it.
pub(crate) struct ListPoliciesGrantingServiceAccess;

impl Operation for ListPoliciesGrantingServiceAccess {
    const NAME: &'static str = "ListPoliciesGrantingServiceAccess";
    type Input = iam::ListPoliciesGrantingServiceAccessRequest;
    type Output = iam::ListPoliciesGrantingServiceAccessResponse;

    fn access<'a>(input: &Self::Input, view: &View<'a>) -> Result<AccessList<'a>, Error> {
        Ok(access("iam:ListPoliciesGrantingServiceAccess", view, &input.arn))
    }
}

impl Query for ListPoliciesGrantingServiceAccess {
    fn run(input: &Self::Input, _: &Permit<Self>, view: &View<'_>) -> Result<Self::Output, Error> {
        let owner = held::entity(view.account, &input.arn)?;
        let held = held::policies(view.account, &owner)?;
        for namespace in &input.service_namespaces {
            known_service(namespace)?;
        }
        let namespaces = input.service_namespaces.iter().cloned();
        let page =
            Paging::new(&input.marker, None).of(namespaces, String::clone)?.map(|namespace| {
                let granting = held.iter().filter(|it| it.document.may_allow_service(&namespace));
                iam::ListPoliciesGrantingServiceAccessEntry {
                    policies: Some(granting.map(granting_policy).collect()),
                    service_namespace: Some(namespace),
                }
            });
        Ok(iam::ListPoliciesGrantingServiceAccessResponse {
            is_truncated: page.is_truncated(),
            policies_granting_service_access: page.items,
            marker: page.marker,
        })
    }
}

/// AWS: the ARN of managed policies, the owner of inline ones.
fn granting_policy(held: &held::Held<'_>) -> iam::PolicyGrantingServiceAccess {
    let inline = held.arn.is_none();
    iam::PolicyGrantingServiceAccess {
        policy_name: held.name.to_owned(),
        policy_type: if inline { iam::PolicyType::Inline } else { iam::PolicyType::Managed },
        policy_arn: held.arn.map(str::to_owned),
        entity_type: inline.then(|| entity_type(&held.owner)),
        entity_name: inline.then(|| held.owner.name().to_owned()),
    }
}
