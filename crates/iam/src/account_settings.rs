//! What an account is set to: its properties, and the tokens of the global STS endpoint.

use std::collections::BTreeSet;

use iamd_api::iam;
use iamd_authz::{Access, AccessList, Permit};
use iamd_directory::{Account, Transaction};
use iamd_operation::{Command, Entry, Operation, Query, View};
use iamd_types::{Error, Tag};

pub(crate) const OPERATIONS: &[Entry] = &[
    Entry::query::<GetAccountProperties>(),
    Entry::command::<PutAccountProperties>(),
    Entry::command::<SetSecurityTokenServicePreferences>(),
];

/// The most properties that an account has. AWS's number is not known.
const MAX_PROPERTIES: usize = 50;

/// The namespaces of property keys: what is before the first slash.
fn namespaces<'k>(keys: impl Iterator<Item = &'k str>) -> Vec<String> {
    let names: BTreeSet<&str> = keys.filter_map(|key| key.split('/').next()).collect();
    names.into_iter().map(str::to_owned).collect()
}

fn properties(account: &Account) -> impl Iterator<Item = (&str, &str)> {
    account.record().into_iter().flat_map(|record| record.properties())
}

/// `iam:GetAccountProperties`: all of them. `iam:AccountPropertyNamespaces` has the namespaces that the
/// account has properties in.
pub(crate) struct GetAccountProperties;

impl Operation for GetAccountProperties {
    const NAME: &'static str = "GetAccountProperties";
    type Input = iam::GetAccountPropertiesRequest;
    type Output = iam::GetAccountPropertiesResponse;

    fn access<'a>(_: &Self::Input, view: &View<'a>) -> Result<AccessList<'a>, Error> {
        let names = namespaces(properties(view.account).map(|(key, _)| key));
        let access = Access::on_all("iam:GetAccountProperties");
        Ok(AccessList::one(access.with_many("iam:AccountPropertyNamespaces", names)))
    }
}

impl Query for GetAccountProperties {
    fn run(_: &Self::Input, _: &Permit<Self>, view: &View<'_>) -> Result<Self::Output, Error> {
        let all = properties(view.account).map(|(key, value)| (key.to_owned(), value.to_owned()));
        Ok(iam::GetAccountPropertiesResponse { properties: Some(all.collect()) })
    }
}

/// `iam:PutAccountProperties`, with the namespaces of the given keys as `iam:AccountPropertyNamespaces`.
/// A property that is there is replaced, others stay: AWS does not say which properties there are, so any
/// well-formed key is taken. At most fifty.
pub(crate) struct PutAccountProperties;

impl Operation for PutAccountProperties {
    const NAME: &'static str = "PutAccountProperties";
    type Input = iam::PutAccountPropertiesRequest;
    type Output = iam::PutAccountPropertiesResponse;

    fn access<'a>(input: &Self::Input, _: &View<'a>) -> Result<AccessList<'a>, Error> {
        let names = namespaces(input.properties.keys().map(String::as_str));
        let access = Access::on_all("iam:PutAccountProperties");
        Ok(AccessList::one(access.with_many("iam:AccountPropertyNamespaces", names)))
    }
}

impl Command for PutAccountProperties {
    fn run(
        input: &Self::Input,
        _: &Permit<Self>,
        tx: &mut Transaction,
    ) -> Result<Self::Output, Error> {
        let Some(record) = tx.record() else { return Ok(iam::PutAccountPropertiesResponse {}) };
        let mut fields = record.fields();
        for (key, value) in &input.properties {
            match fields.properties.iter_mut().find(|property| property.key == *key) {
                Some(property) => property.value.clone_from(value),
                None => fields.properties.push(Tag::new(key, value)),
            }
        }
        if fields.properties.len() > MAX_PROPERTIES {
            let message = format!("An account can have at most {MAX_PROPERTIES} properties.");
            return Err(Error::invalid_input(message));
        }
        tx.put_account(&fields);
        Ok(iam::PutAccountPropertiesResponse {})
    }
}

/// `iam:SetSecurityTokenServicePreferences`. The version is kept and shown in the account summary; the
/// tokens themselves are the same for all regions.
pub(crate) struct SetSecurityTokenServicePreferences;

impl Operation for SetSecurityTokenServicePreferences {
    const NAME: &'static str = "SetSecurityTokenServicePreferences";
    type Input = iam::SetSecurityTokenServicePreferencesRequest;
    type Output = ();

    fn access<'a>(_: &Self::Input, _: &View<'a>) -> Result<AccessList<'a>, Error> {
        Ok(AccessList::one(Access::on_all("iam:SetSecurityTokenServicePreferences")))
    }
}

impl Command for SetSecurityTokenServicePreferences {
    fn run(input: &Self::Input, _: &Permit<Self>, tx: &mut Transaction) -> Result<(), Error> {
        let Some(record) = tx.record() else { return Ok(()) };
        let mut fields = record.fields();
        fields.token_version = Some(match input.global_endpoint_token_version {
            iam::GlobalEndpointTokenVersion::V1Token => 1,
            iam::GlobalEndpointTokenVersion::V2Token => 2,
        });
        tx.put_account(&fields);
        Ok(())
    }
}
