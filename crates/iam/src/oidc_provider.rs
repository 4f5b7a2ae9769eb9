//! OpenID Connect providers: whose tokens AssumeRoleWithWebIdentity takes.

use futures_util::future::BoxFuture;
use iamd_api::iam;
use iamd_authz::{Access, AccessList, Permit};
use iamd_directory::{Account, OidcProvider, OidcProviderFields, Transaction};
use iamd_federation::IssuerUrl;
use iamd_operation::{Command, Entry, Operation, PreparedCommand, Query, View};
use iamd_types::tag::KeyCase;
use iamd_types::{Code, Error};

use crate::{render, tags};

pub(crate) const OPERATIONS: &[Entry] = &[
    Entry::command::<AddClientIDToOpenIDConnectProvider>(),
    Entry::prepared::<CreateOpenIDConnectProvider>(),
    Entry::command::<DeleteOpenIDConnectProvider>(),
    Entry::query::<GetOpenIDConnectProvider>(),
    Entry::query::<ListOpenIDConnectProviders>(),
    Entry::command::<RemoveClientIDFromOpenIDConnectProvider>(),
    Entry::command::<UpdateOpenIDConnectProviderThumbprint>(),
];

/// The most thumbprints of a provider (CreateOpenIDConnectProvider, IAM API reference).
const MAX_THUMBPRINTS: usize = 5;

/// Access to the provider with this ARN, with its tags as condition keys.
pub(crate) fn access<'a>(action: &'static str, view: &View<'_>, arn: &str) -> Access<'a> {
    let access = Access::new(action, arn.to_owned(), view.account.id());
    match view.account.oidc_provider(arn) {
        Ok(provider) => access.with_resource_tags(provider.tags()),
        Err(_) => access,
    }
}

/// The issuer's URL.
///
/// # Errors
/// `ValidationError` in AWS's words when it is not one of `https`, or has a query.
fn issuer_url(text: &str) -> Result<IssuerUrl, Error> {
    let invalid = |_| Error::validation("Invalid Open ID Connect Provider URL");
    IssuerUrl::parse(text).map_err(invalid)
}

fn checked_client_ids(account: &Account, ids: Vec<String>) -> Result<Vec<String>, Error> {
    let mut distinct: Vec<String> = Vec::with_capacity(ids.len());
    for id in ids {
        if !distinct.contains(&id) {
            distinct.push(id);
        }
    }
    let quota = account.quotas().client_ids_per_oidc_provider;
    if distinct.len() as u64 > quota {
        return Err(Error::quota("ClientIdsPerOpenIdConnectProvider", quota));
    }
    Ok(distinct)
}

/// The texts for thumbprints that are not hexadecimal are not recorded.
fn checked_thumbprints(thumbprints: &[String]) -> Result<Vec<String>, Error> {
    if thumbprints.len() > MAX_THUMBPRINTS {
        let message = "Thumbprint list must contain fewer than 5 entries.";
        return Err(Error::invalid_input(message));
    }
    let is_hex = |text: &String| text.bytes().all(|byte| byte.is_ascii_hexdigit());
    if !thumbprints.iter().all(is_hex) {
        return Err(Error::invalid_input("Thumbprint must be 40 hexadecimal digits."));
    }
    Ok(thumbprints.iter().map(|text| text.to_ascii_lowercase()).collect())
}

/// `iam:CreateOpenIDConnectProvider`, and `iam:TagOpenIDConnectProvider` when tags are given.
///
/// Without thumbprints the provider's server is asked for its certificates, as on AWS. Unlike there, a
/// chain that leads to no trusted certificate authority is refused: nothing vouches for it.
///
/// AWS takes port 443 alone; here a port may stand in the URL when the configuration lists the host
/// with it, since private issuers often have one.
pub(crate) struct CreateOpenIDConnectProvider;

impl Operation for CreateOpenIDConnectProvider {
    const NAME: &'static str = "CreateOpenIDConnectProvider";
    type Input = iam::CreateOpenIDConnectProviderRequest;
    type Output = iam::CreateOpenIDConnectProviderResponse;

    fn access<'a>(input: &Self::Input, view: &View<'a>) -> Result<AccessList<'a>, Error> {
        let url = input.url.strip_prefix("https://").unwrap_or(&input.url);
        let arn = view.account.arn("oidc-provider", "/", url);
        let access = Access::new("iam:CreateOpenIDConnectProvider", arn, view.account.id());
        let given = input.tags.as_deref();
        Ok(tags::with_tags_at_creation(access, "iam:TagOpenIDConnectProvider", given))
    }
}

impl PreparedCommand for CreateOpenIDConnectProvider {
    /// The thumbprints.
    type Prepared = Vec<String>;

    fn prepare<'a>(
        input: &'a Self::Input,
        view: &'a View<'a>,
    ) -> BoxFuture<'a, Result<Self::Prepared, Error>> {
        Box::pin(async move {
            let url = issuer_url(&input.url)?;
            let issuers = &view.tools.issuers;
            if url.port() != 443 && !issuers.allows(&url) {
                return Err(Error::validation("Invalid Open ID Connect Provider URL"));
            }
            ensure_new(view.account, &url)?;
            match input.thumbprint_list.as_deref().unwrap_or_default() {
                [] => issuers.thumbprint(&url).await.map(|it| vec![it]).map_err(|_| {
                    // AWS's text is not recorded.
                    let message = "The certificates of the provider's server cannot be retrieved.";
                    Error::new(Code::OpenIdIdpCommunicationError, message)
                }),
                given => checked_thumbprints(given),
            }
        })
    }

    fn run(
        input: &Self::Input,
        thumbprints: &Vec<String>,
        _: &Permit<Self>,
        tx: &mut Transaction,
    ) -> Result<Self::Output, Error> {
        let url = issuer_url(&input.url)?;
        let tags = tags::checked(tx, input.tags.as_deref(), KeyCase::Sensitive)?;
        let client_ids = input.client_id_list.clone().unwrap_or_default();
        let client_ids = checked_client_ids(tx, client_ids)?;
        ensure_new(tx, &url)?;
        let quota = tx.quotas().oidc_providers;
        if tx.oidc_providers().len() as u64 >= quota {
            return Err(Error::quota("OpenIdConnectProvidersPerAccount", quota));
        }
        let provider = tx.put_oidc_provider(&OidcProviderFields {
            url: url.name().to_owned(),
            created: tx.now(),
            client_ids,
            thumbprints: thumbprints.clone(),
            tags,
        });
        Ok(iam::CreateOpenIDConnectProviderResponse {
            open_id_connect_provider_arn: Some(tx.oidc_provider_arn(&provider)),
            tags: render::some_tags(provider.tags()),
        })
    }
}

fn ensure_new(account: &Account, url: &IssuerUrl) -> Result<(), Error> {
    if account.oidc_provider_of(url.name()).is_none() {
        return Ok(());
    }
    let message = format!("Provider with url {} already exists.", url.to_url());
    Err(Error::new(Code::EntityAlreadyExists, message))
}

/// `iam:GetOpenIDConnectProvider`.
pub(crate) struct GetOpenIDConnectProvider;

impl Operation for GetOpenIDConnectProvider {
    const NAME: &'static str = "GetOpenIDConnectProvider";
    type Input = iam::GetOpenIDConnectProviderRequest;
    type Output = iam::GetOpenIDConnectProviderResponse;

    fn access<'a>(input: &Self::Input, view: &View<'a>) -> Result<AccessList<'a>, Error> {
        let arn = &input.open_id_connect_provider_arn;
        Ok(AccessList::one(access("iam:GetOpenIDConnectProvider", view, arn)))
    }
}

impl Query for GetOpenIDConnectProvider {
    fn run(input: &Self::Input, _: &Permit<Self>, view: &View<'_>) -> Result<Self::Output, Error> {
        let provider = view.account.oidc_provider(&input.open_id_connect_provider_arn)?;
        Ok(iam::GetOpenIDConnectProviderResponse {
            url: Some(provider.url().to_owned()),
            client_id_list: Some(provider.client_ids().map(str::to_owned).collect()),
            thumbprint_list: Some(provider.thumbprints().map(str::to_owned).collect()),
            create_date: Some(provider.created()),
            tags: Some(render::tags(provider.tags())),
        })
    }
}

/// `iam:ListOpenIDConnectProviders`: all of them, in one answer.
pub(crate) struct ListOpenIDConnectProviders;

impl Operation for ListOpenIDConnectProviders {
    const NAME: &'static str = "ListOpenIDConnectProviders";
    type Input = iam::ListOpenIDConnectProvidersRequest;
    type Output = iam::ListOpenIDConnectProvidersResponse;

    fn access<'a>(_: &Self::Input, _: &View<'a>) -> Result<AccessList<'a>, Error> {
        Ok(AccessList::one(Access::on_all("iam:ListOpenIDConnectProviders")))
    }
}

impl Query for ListOpenIDConnectProviders {
    fn run(_: &Self::Input, _: &Permit<Self>, view: &View<'_>) -> Result<Self::Output, Error> {
        let entry = |provider: &OidcProvider| iam::OpenIDConnectProviderListEntry {
            arn: Some(view.account.oidc_provider_arn(provider)),
        };
        Ok(iam::ListOpenIDConnectProvidersResponse {
            open_id_connect_provider_list: Some(view.account.oidc_providers().map(entry).collect()),
        })
    }
}

/// `iam:AddClientIDToOpenIDConnectProvider`. One that is there already is no error.
pub(crate) struct AddClientIDToOpenIDConnectProvider;

impl Operation for AddClientIDToOpenIDConnectProvider {
    const NAME: &'static str = "AddClientIDToOpenIDConnectProvider";
    type Input = iam::AddClientIDToOpenIDConnectProviderRequest;
    type Output = ();

    fn access<'a>(input: &Self::Input, view: &View<'a>) -> Result<AccessList<'a>, Error> {
        let arn = &input.open_id_connect_provider_arn;
        Ok(AccessList::one(access("iam:AddClientIDToOpenIDConnectProvider", view, arn)))
    }
}

impl Command for AddClientIDToOpenIDConnectProvider {
    fn run(input: &Self::Input, _: &Permit<Self>, tx: &mut Transaction) -> Result<(), Error> {
        let mut fields = tx.oidc_provider(&input.open_id_connect_provider_arn)?.fields();
        fields.client_ids.push(input.client_id.clone());
        fields.client_ids = checked_client_ids(tx, fields.client_ids)?;
        tx.put_oidc_provider(&fields);
        Ok(())
    }
}

/// `iam:RemoveClientIDFromOpenIDConnectProvider`. One that is not there is no error.
pub(crate) struct RemoveClientIDFromOpenIDConnectProvider;

impl Operation for RemoveClientIDFromOpenIDConnectProvider {
    const NAME: &'static str = "RemoveClientIDFromOpenIDConnectProvider";
    type Input = iam::RemoveClientIDFromOpenIDConnectProviderRequest;
    type Output = ();

    fn access<'a>(input: &Self::Input, view: &View<'a>) -> Result<AccessList<'a>, Error> {
        let arn = &input.open_id_connect_provider_arn;
        Ok(AccessList::one(access("iam:RemoveClientIDFromOpenIDConnectProvider", view, arn)))
    }
}

impl Command for RemoveClientIDFromOpenIDConnectProvider {
    fn run(input: &Self::Input, _: &Permit<Self>, tx: &mut Transaction) -> Result<(), Error> {
        let mut fields = tx.oidc_provider(&input.open_id_connect_provider_arn)?.fields();
        fields.client_ids.retain(|id| *id != input.client_id);
        tx.put_oidc_provider(&fields);
        Ok(())
    }
}

/// `iam:UpdateOpenIDConnectProviderThumbprint`: replaces the whole list.
pub(crate) struct UpdateOpenIDConnectProviderThumbprint;

impl Operation for UpdateOpenIDConnectProviderThumbprint {
    const NAME: &'static str = "UpdateOpenIDConnectProviderThumbprint";
    type Input = iam::UpdateOpenIDConnectProviderThumbprintRequest;
    type Output = ();

    fn access<'a>(input: &Self::Input, view: &View<'a>) -> Result<AccessList<'a>, Error> {
        let arn = &input.open_id_connect_provider_arn;
        Ok(AccessList::one(access("iam:UpdateOpenIDConnectProviderThumbprint", view, arn)))
    }
}

impl Command for UpdateOpenIDConnectProviderThumbprint {
    fn run(input: &Self::Input, _: &Permit<Self>, tx: &mut Transaction) -> Result<(), Error> {
        let mut fields = tx.oidc_provider(&input.open_id_connect_provider_arn)?.fields();
        fields.thumbprints = checked_thumbprints(&input.thumbprint_list)?;
        tx.put_oidc_provider(&fields);
        Ok(())
    }
}

/// `iam:DeleteOpenIDConnectProvider`. Roles that trust the provider stay as they are; nobody can take them
/// on through it any more.
pub(crate) struct DeleteOpenIDConnectProvider;

impl Operation for DeleteOpenIDConnectProvider {
    const NAME: &'static str = "DeleteOpenIDConnectProvider";
    type Input = iam::DeleteOpenIDConnectProviderRequest;
    type Output = ();

    fn access<'a>(input: &Self::Input, view: &View<'a>) -> Result<AccessList<'a>, Error> {
        let arn = &input.open_id_connect_provider_arn;
        Ok(AccessList::one(access("iam:DeleteOpenIDConnectProvider", view, arn)))
    }
}

impl Command for DeleteOpenIDConnectProvider {
    fn run(input: &Self::Input, _: &Permit<Self>, tx: &mut Transaction) -> Result<(), Error> {
        let arn = &input.open_id_connect_provider_arn;
        let provider = tx.oidc_provider(arn).cloned().map_err(|_| {
            Error::new(Code::NoSuchEntity, "OpenId connect Provider ARN cannot be found.")
        })?;
        tx.remove_oidc_provider(&provider);
        Ok(())
    }
}
