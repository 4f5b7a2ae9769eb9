//! Versions of managed policies.

use iamd_api::iam;
use iamd_authz::{AccessList, Permit};
use iamd_directory::{
    Account, Managed, ManagedPolicy, PolicyVersion, PolicyVersionFields, Transaction,
};
use iamd_operation::{Command, Entry, Operation, Query, View};
use iamd_types::{Code, Error};

use crate::documents;
use crate::managed_policy::{access, own};
use crate::page::Paging;

pub(crate) const OPERATIONS: &[Entry] = &[
    Entry::command::<CreatePolicyVersion>(),
    Entry::command::<DeletePolicyVersion>(),
    Entry::query::<GetPolicyVersion>(),
    Entry::query::<ListPolicyVersions>(),
    Entry::command::<SetDefaultPolicyVersion>(),
];

fn no_such_version(arn: &str, version: &str) -> Error {
    let message = format!("Policy {arn} version {version} does not exist or is not attachable.");
    Error::new(Code::NoSuchEntity, message)
}

/// The version of this id, such as `v3`.
fn find<'a>(
    account: &'a Account,
    policy: &ManagedPolicy,
    arn: &str,
    id: &str,
) -> Result<&'a PolicyVersion, Error> {
    id.strip_prefix('v')
        .and_then(|number| number.parse().ok())
        .and_then(|number| account.policy_version(policy.id(), number))
        .filter(|version| version.version_id() == id)
        .ok_or_else(|| no_such_version(arn, id))
}

fn render(policy: &ManagedPolicy, version: &PolicyVersion) -> iam::PolicyVersion {
    iam::PolicyVersion {
        document: None,
        version_id: Some(version.version_id()),
        is_default_version: Some(version.version() == policy.default_version()),
        create_date: Some(version.created()),
    }
}

/// `iam:CreatePolicyVersion`. Version numbers go on from the highest ever made.
pub(crate) struct CreatePolicyVersion;

impl Operation for CreatePolicyVersion {
    const NAME: &'static str = "CreatePolicyVersion";
    type Input = iam::CreatePolicyVersionRequest;
    type Output = iam::CreatePolicyVersionResponse;

    fn access<'a>(input: &Self::Input, view: &View<'a>) -> Result<AccessList<'a>, Error> {
        Ok(AccessList::one(access("iam:CreatePolicyVersion", view, &input.policy_arn)))
    }
}

impl Command for CreatePolicyVersion {
    fn run(
        input: &Self::Input,
        _: &Permit<Self>,
        tx: &mut Transaction,
    ) -> Result<Self::Output, Error> {
        let mut fields = own(tx, &input.policy_arn, "update", Error::not_attachable)?.fields();
        documents::check_managed(tx, &input.policy_document)?;
        let quota = tx.quotas().versions_per_policy;
        if tx.policy_versions(fields.id).count() as u64 >= quota {
            let message = format!(
                "A managed policy can have up to {quota} versions. Before you create a new version, \
                 you must delete an existing version."
            );
            return Err(Error::new(Code::LimitExceeded, message));
        }
        let number = fields.latest_version.saturating_add(1);
        let created = tx.now();
        let version = tx.put_version(&PolicyVersionFields {
            policy: fields.id,
            version: number,
            created,
            document: input.policy_document.clone(),
        });
        fields.latest_version = number;
        fields.updated = created;
        if input.set_as_default == Some(true) {
            fields.default_version = number;
        }
        let policy = tx.put_policy(&fields);
        Ok(iam::CreatePolicyVersionResponse { policy_version: Some(render(&policy, &version)) })
    }
}

/// `iam:GetPolicyVersion`. Of AWS's policies the default version alone is known.
pub(crate) struct GetPolicyVersion;

impl Operation for GetPolicyVersion {
    const NAME: &'static str = "GetPolicyVersion";
    type Input = iam::GetPolicyVersionRequest;
    type Output = iam::GetPolicyVersionResponse;

    fn access<'a>(input: &Self::Input, view: &View<'a>) -> Result<AccessList<'a>, Error> {
        Ok(AccessList::one(access("iam:GetPolicyVersion", view, &input.policy_arn)))
    }
}

impl Query for GetPolicyVersion {
    fn run(input: &Self::Input, _: &Permit<Self>, view: &View<'_>) -> Result<Self::Output, Error> {
        let (arn, id) = (&input.policy_arn, &input.version_id);
        let version = match view.account.managed_by_arn(arn) {
            Some(Managed::Customer(policy)) => {
                let version = find(view.account, policy, arn, id)?;
                let document = Some(version.document().into());
                iam::PolicyVersion { document, ..render(policy, version) }
            }
            Some(Managed::Aws(policy)) if policy.default_version == id => iam::PolicyVersion {
                document: policy.document().map(|document| document.text().into()),
                version_id: Some(id.clone()),
                is_default_version: Some(true),
                create_date: Some(policy.updated),
            },
            _ => return Err(no_such_version(arn, id)),
        };
        Ok(iam::GetPolicyVersionResponse { policy_version: Some(version) })
    }
}

/// `iam:ListPolicyVersions`, newest first.
pub(crate) struct ListPolicyVersions;

impl Operation for ListPolicyVersions {
    const NAME: &'static str = "ListPolicyVersions";
    type Input = iam::ListPolicyVersionsRequest;
    type Output = iam::ListPolicyVersionsResponse;

    fn access<'a>(input: &Self::Input, view: &View<'a>) -> Result<AccessList<'a>, Error> {
        Ok(AccessList::one(access("iam:ListPolicyVersions", view, &input.policy_arn)))
    }
}

impl Query for ListPolicyVersions {
    fn run(input: &Self::Input, _: &Permit<Self>, view: &View<'_>) -> Result<Self::Output, Error> {
        let arn = &input.policy_arn;
        let versions: Vec<_> = match view.account.managed_by_arn(arn) {
            Some(Managed::Customer(policy)) => view
                .account
                .policy_versions(policy.id())
                .rev()
                .map(|version| render(policy, version))
                .collect(),
            Some(Managed::Aws(policy)) => vec![iam::PolicyVersion {
                document: None,
                version_id: Some(policy.default_version.to_owned()),
                is_default_version: Some(true),
                create_date: Some(policy.updated),
            }],
            None => return Err(Error::not_attachable(arn)),
        };
        let page = Paging::new(&input.marker, input.max_items)
            .of(versions, |version| version.version_id.clone().unwrap_or_default())?;
        Ok(iam::ListPolicyVersionsResponse {
            is_truncated: page.is_truncated(),
            versions: Some(page.items),
            marker: page.marker,
        })
    }
}

/// `iam:SetDefaultPolicyVersion`.
pub(crate) struct SetDefaultPolicyVersion;

impl Operation for SetDefaultPolicyVersion {
    const NAME: &'static str = "SetDefaultPolicyVersion";
    type Input = iam::SetDefaultPolicyVersionRequest;
    type Output = ();

    fn access<'a>(input: &Self::Input, view: &View<'a>) -> Result<AccessList<'a>, Error> {
        Ok(AccessList::one(access("iam:SetDefaultPolicyVersion", view, &input.policy_arn)))
    }
}

impl Command for SetDefaultPolicyVersion {
    fn run(input: &Self::Input, _: &Permit<Self>, tx: &mut Transaction) -> Result<(), Error> {
        let (arn, id) = (&input.policy_arn, &input.version_id);
        let policy = own(tx, arn, "update", |arn| no_such_version(arn, id))?;
        let mut fields = policy.fields();
        fields.default_version = find(tx, policy, arn, id)?.version();
        tx.put_policy(&fields);
        Ok(())
    }
}

/// `iam:DeletePolicyVersion`. Refuses the default version.
pub(crate) struct DeletePolicyVersion;

impl Operation for DeletePolicyVersion {
    const NAME: &'static str = "DeletePolicyVersion";
    type Input = iam::DeletePolicyVersionRequest;
    type Output = ();

    fn access<'a>(input: &Self::Input, view: &View<'a>) -> Result<AccessList<'a>, Error> {
        Ok(AccessList::one(access("iam:DeletePolicyVersion", view, &input.policy_arn)))
    }
}

impl Command for DeletePolicyVersion {
    fn run(input: &Self::Input, _: &Permit<Self>, tx: &mut Transaction) -> Result<(), Error> {
        let (arn, id) = (&input.policy_arn, &input.version_id);
        let policy = own(tx, arn, "delete policy versions for", |arn| no_such_version(arn, id))?;
        let version = find(tx, policy, arn, id)?.clone();
        if version.version() == policy.default_version() {
            let message = "Cannot delete the default version of a policy.";
            return Err(Error::new(Code::DeleteConflict, message));
        }
        tx.remove_version(&version);
        Ok(())
    }
}
