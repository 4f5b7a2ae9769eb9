//! The account itself: its alias and its summary.

use std::collections::BTreeMap;

use futures_util::future::BoxFuture;
use iamd_api::iam;
use iamd_authz::{Access, AccessList, Permit};
use iamd_directory::{Account, Holder, Route, Transaction};
use iamd_operation::{Command, Entry, NoInput, Operation, PreparedCommand, Query, View};
use iamd_types::{Code, Error};

use crate::page::Paging;
use crate::render::count;

pub(crate) const OPERATIONS: &[Entry] = &[
    Entry::prepared::<CreateAccountAlias>(),
    Entry::command::<DeleteAccountAlias>(),
    Entry::query::<GetAccountSummary>(),
    Entry::query::<ListAccountAliases>(),
];

/// `iam:CreateAccountAlias`. An account has one alias: a second one takes its place. Aliases are
/// unique over all accounts of the server.
pub(crate) struct CreateAccountAlias;

impl Operation for CreateAccountAlias {
    const NAME: &'static str = "CreateAccountAlias";
    type Input = iam::CreateAccountAliasRequest;
    type Output = ();

    fn access<'a>(_: &Self::Input, _: &View<'a>) -> Result<AccessList<'a>, Error> {
        Ok(AccessList::one(Access::on_all("iam:CreateAccountAlias")))
    }
}

impl PreparedCommand for CreateAccountAlias {
    type Prepared = ();

    /// Reserves the alias: it leads here from now on. A reservation that is never confirmed by the
    /// account's own record can be taken by another account.
    fn prepare<'a>(input: &'a Self::Input, view: &'a View<'a>) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(async move {
            let alias = &input.account_alias;
            if alias.parse::<iamd_types::AccountId>().is_ok() {
                // Documented: an alias cannot be twelve digits. The text is not recorded.
                return Err(Error::invalid_input("The account alias must not be an account id."));
            }
            let directory = &view.tools.directory;
            if let Some(owner) = directory.routing().find(Route::Alias, alias) {
                // So that its record can be asked below.
                directory.account(owner).await?;
            }
            let is_taken = |owner| {
                let account = directory.loaded(owner);
                account.is_some_and(|account| alias_of(&account) == Some(alias))
            };
            let account = view.account.id();
            let reserved = directory.register(Route::Alias, alias, account, is_taken).await?;
            if reserved {
                return Ok(());
            }
            let message = format!("The account alias {alias} already exists.");
            Err(Error::new(Code::EntityAlreadyExists, message))
        })
    }

    fn run(
        input: &Self::Input,
        (): &(),
        _: &Permit<Self>,
        tx: &mut Transaction,
    ) -> Result<(), Error> {
        put_alias(tx, Some(input.account_alias.clone()));
        Ok(())
    }
}

fn alias_of(account: &Account) -> Option<&str> {
    account.record().and_then(|record| record.alias())
}

fn put_alias(tx: &mut Transaction, alias: Option<String>) {
    if let Some(record) = tx.record() {
        let mut fields = record.fields();
        fields.alias = alias;
        tx.put_account(&fields);
    }
}

/// `iam:DeleteAccountAlias`.
pub(crate) struct DeleteAccountAlias;

impl Operation for DeleteAccountAlias {
    const NAME: &'static str = "DeleteAccountAlias";
    type Input = iam::DeleteAccountAliasRequest;
    type Output = ();

    fn access<'a>(_: &Self::Input, _: &View<'a>) -> Result<AccessList<'a>, Error> {
        Ok(AccessList::one(Access::on_all("iam:DeleteAccountAlias")))
    }
}

impl Command for DeleteAccountAlias {
    fn run(input: &Self::Input, _: &Permit<Self>, tx: &mut Transaction) -> Result<(), Error> {
        let alias = &input.account_alias;
        if alias_of(tx) != Some(alias) {
            let message = format!("The account alias {alias} cannot be found.");
            return Err(Error::new(Code::NoSuchEntity, message));
        }
        put_alias(tx, None);
        Ok(())
    }
}

/// `iam:ListAccountAliases`: the one there is, or none.
pub(crate) struct ListAccountAliases;

impl Operation for ListAccountAliases {
    const NAME: &'static str = "ListAccountAliases";
    type Input = iam::ListAccountAliasesRequest;
    type Output = iam::ListAccountAliasesResponse;

    fn access<'a>(_: &Self::Input, _: &View<'a>) -> Result<AccessList<'a>, Error> {
        Ok(AccessList::one(Access::on_all("iam:ListAccountAliases")))
    }
}

impl Query for ListAccountAliases {
    fn run(input: &Self::Input, _: &Permit<Self>, view: &View<'_>) -> Result<Self::Output, Error> {
        let alias = alias_of(view.account).map(str::to_owned);
        let page = Paging::new(&input.marker, input.max_items).of(alias, String::clone)?;
        Ok(iam::ListAccountAliasesResponse {
            is_truncated: page.is_truncated(),
            account_aliases: page.items,
            marker: page.marker,
        })
    }
}

/// `iam:GetAccountSummary`: what the account holds, and its quotas.
pub(crate) struct GetAccountSummary;

impl Operation for GetAccountSummary {
    const NAME: &'static str = "GetAccountSummary";
    type Input = NoInput;
    type Output = iam::GetAccountSummaryResponse;

    fn access<'a>(_: &Self::Input, _: &View<'a>) -> Result<AccessList<'a>, Error> {
        Ok(AccessList::one(Access::on_all("iam:GetAccountSummary")))
    }
}

impl Query for GetAccountSummary {
    fn run(_: &Self::Input, _: &Permit<Self>, view: &View<'_>) -> Result<Self::Output, Error> {
        let mut summary = quotas(view.account);
        summary.extend(usage(view.account));
        Ok(iam::GetAccountSummaryResponse { summary_map: Some(summary) })
    }
}

fn quotas(account: &Account) -> BTreeMap<String, i32> {
    let quotas = account.quotas();
    [
        ("AccessKeysPerUserQuota", quotas.access_keys_per_user),
        ("AssumeRolePolicySizeQuota", quotas.assume_role_policy_size),
        ("AttachedPoliciesPerGroupQuota", quotas.attached_policies_per_group),
        ("AttachedPoliciesPerRoleQuota", quotas.attached_policies_per_role),
        ("AttachedPoliciesPerUserQuota", quotas.attached_policies_per_user),
        ("GroupPolicySizeQuota", quotas.group_policy_size),
        ("GroupsPerUserQuota", quotas.groups_per_user),
        ("GroupsQuota", quotas.groups),
        ("InstanceProfilesQuota", quotas.instance_profiles),
        ("PoliciesQuota", quotas.policies),
        ("PolicySizeQuota", quotas.policy_size),
        ("PolicyVersionsInUseQuota", quotas.policy_versions_in_use),
        ("RolePolicySizeQuota", quotas.role_policy_size),
        ("RolesQuota", quotas.roles),
        ("ServerCertificatesQuota", quotas.server_certificates),
        ("SigningCertificatesPerUserQuota", quotas.signing_certificates_per_user),
        ("UserPolicySizeQuota", quotas.user_policy_size),
        ("UsersQuota", quotas.users),
        ("VersionsPerPolicyQuota", quotas.versions_per_policy),
    ]
    .into_iter()
    .map(|(name, quota)| (name.to_owned(), i32::try_from(quota).unwrap_or(i32::MAX)))
    .collect()
}

fn usage(account: &Account) -> impl Iterator<Item = (String, i32)> {
    let record = account.record();
    let credentials = account.credentials();
    let root_certificates = credentials.signing_certificates.has(Holder::Root);
    let mfa_in_use =
        credentials.mfa_devices.iter().filter(|device| device.assigned_to().is_some()).count();
    let root_keys = record.is_some_and(|record| record.access_keys().next().is_some());
    let token_version = record.and_then(|record| record.token_version()).unwrap_or(1);
    let token_version = i32::try_from(token_version).unwrap_or(i32::MAX);
    let root_password = record.is_some_and(|record| !record.root_password().is_empty());
    [
        ("AccountAccessKeysPresent", i32::from(root_keys)),
        ("AccountMFAEnabled", i32::from(credentials.mfa_devices.has(Holder::Root))),
        ("AccountPasswordPresent", i32::from(root_password)),
        ("AccountSigningCertificatesPresent", i32::from(root_certificates)),
        ("GlobalEndpointTokenVersion", token_version),
        ("Groups", count(account.groups().len())),
        ("InstanceProfiles", count(account.instance_profiles().len())),
        ("MFADevices", count(credentials.mfa_devices.len())),
        ("MFADevicesInUse", count(mfa_in_use)),
        ("Policies", count(account.policies().len())),
        ("PolicyVersionsInUse", count(account.policy_version_count())),
        ("Providers", count(account.oidc_providers().len() + account.saml_providers().len())),
        ("Roles", count(account.roles().len())),
        ("ServerCertificates", count(credentials.server_certificates.len())),
        ("Users", count(account.users().len())),
    ]
    .into_iter()
    .map(|(name, value)| (name.to_owned(), value))
}
