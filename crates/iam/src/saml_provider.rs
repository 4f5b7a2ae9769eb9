//! SAML providers: their metadata, and the keys that their assertions are decrypted with.

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use futures_util::future::BoxFuture;
use iamd_api::iam;
use iamd_authz::{Access, AccessList, Permit};
use iamd_directory::{SamlProvider, SamlProviderFields, Transaction};
use iamd_federation::is_private_key;
use iamd_federation::metadata::Metadata;
use iamd_operation::{Command, Entry, Operation, PreparedCommand, Query, View};
use iamd_types::tag::KeyCase;
use iamd_types::{Code, Error, Secret, Timestamp, entropy};

use crate::{render, tags};

pub(crate) const OPERATIONS: &[Entry] = &[
    Entry::prepared::<CreateSAMLProvider>(),
    Entry::command::<DeleteSAMLProvider>(),
    Entry::query::<GetSAMLProvider>(),
    Entry::query::<ListSAMLProviders>(),
    Entry::prepared::<UpdateSAMLProvider>(),
];

/// The most private keys of a provider (IAM model: `privateKeyList`).
const MAX_PRIVATE_KEYS: usize = 2;
/// The longest metadata document, in bytes. AWS's model has ten million characters; here a record, its audit record
/// and all else of a change go down in one transaction of at most 1 MiB, which every store engine takes.
const MAX_METADATA: usize = 800 << 10;
/// How long a provider may be used whose metadata do not say, in seconds: a hundred years of 365 days.
/// AWS answers a time a century away.
const NO_END_SECONDS: i64 = 100 * 365 * 86_400;

/// Access to the provider with this ARN, with its tags as condition keys.
pub(crate) fn access<'a>(action: &'static str, view: &View<'_>, arn: &str) -> Access<'a> {
    let access = Access::new(action, arn.to_owned(), view.account.id());
    match view.account.saml_provider(arn) {
        Ok(provider) => access.with_resource_tags(provider.tags()),
        Err(_) => access,
    }
}

/// Until when a provider with this document may be used.
///
/// # Errors
/// `LimitExceeded` for a document that is too long, `InvalidInput` for one that cannot be read, or whose time is
/// over.
fn checked_metadata(document: &str, now: Timestamp) -> Result<Timestamp, Error> {
    if document.len() > MAX_METADATA {
        let message = format!("Cannot exceed quota for SAMLMetadataDocumentSize: {MAX_METADATA}");
        return Err(Error::new(Code::LimitExceeded, message));
    }
    let metadata = Metadata::parse(document).map_err(|error| {
        // AWS says the first sentence.
        Error::invalid_input(format!("Could not parse metadata: {error}"))
    })?;
    match metadata.valid_until {
        None => Ok(now.plus_seconds(NO_END_SECONDS)),
        Some(end) if end > now => Ok(end.whole_seconds()),
        // AWS's text is not recorded.
        Some(_) => Err(Error::invalid_input("The metadata document is no longer valid.")),
    }
}

/// What is drawn and sealed before the account's writer is reached.
pub(crate) struct Drawn {
    /// A new id.
    uuid: String,
    /// The private key that is added: its id, and it sealed.
    key: Option<(String, Vec<u8>)>,
}

fn draw(view: &View<'_>, key: Option<&Secret<String>>) -> Result<Drawn, Error> {
    let entropy = &*view.tools.entropy;
    let seal = |key: &Secret<String>| {
        if !is_private_key(key.expose()) {
            // AWS's text is not recorded.
            return Err(Error::invalid_input("The private key is not a PEM file with an RSA key."));
        }
        let id = new_id(entropy);
        let context = SamlProvider::seal_context(view.account.id(), &id);
        let sealed = view.tools.keyring.seal(&context, key.expose().as_bytes(), entropy);
        Ok((id, sealed))
    };
    Ok(Drawn { uuid: new_id(entropy), key: key.map(seal).transpose()? })
}

/// An id of 26 capitals and digits, 128 random bits.
fn new_id(source: &dyn iamd_types::Entropy) -> String {
    const DIGITS: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let bits = u128::from_be_bytes(entropy::random(source));
    let digit = |place: u32| DIGITS.get((bits >> (5 * place) & 31) as usize).copied();
    (0..26).rev().filter_map(digit).map(char::from).collect()
}

/// A private key's entry in its provider's record.
fn key_entry(drawn: &Drawn, now: Timestamp) -> Option<String> {
    let (id, sealed) = drawn.key.as_ref()?;
    Some(format!("{id} {} {}", now.seconds(), STANDARD_NO_PAD.encode(sealed)))
}

fn key_id(entry: &str) -> &str {
    entry.split(' ').next().unwrap_or_default()
}

fn mode_name(mode: iam::AssertionEncryptionModeType) -> String {
    match mode {
        iam::AssertionEncryptionModeType::Required => "Required",
        iam::AssertionEncryptionModeType::Allowed => "Allowed",
    }
    .to_owned()
}

/// `iam:CreateSAMLProvider`, and `iam:TagSAMLProvider` when tags are given.
pub(crate) struct CreateSAMLProvider;

impl Operation for CreateSAMLProvider {
    const NAME: &'static str = "CreateSAMLProvider";
    type Input = iam::CreateSAMLProviderRequest;
    type Output = iam::CreateSAMLProviderResponse;

    fn access<'a>(input: &Self::Input, view: &View<'a>) -> Result<AccessList<'a>, Error> {
        let arn = view.account.arn("saml-provider", "/", &input.name);
        let access = Access::new("iam:CreateSAMLProvider", arn, view.account.id());
        let given = input.tags.as_deref();
        Ok(tags::with_tags_at_creation(access, "iam:TagSAMLProvider", given))
    }
}

impl PreparedCommand for CreateSAMLProvider {
    type Prepared = Drawn;

    fn prepare<'a>(
        input: &'a Self::Input,
        view: &'a View<'a>,
    ) -> BoxFuture<'a, Result<Drawn, Error>> {
        Box::pin(async move { draw(view, input.add_private_key.as_ref()) })
    }

    fn run(
        input: &Self::Input,
        drawn: &Drawn,
        _: &Permit<Self>,
        tx: &mut Transaction,
    ) -> Result<Self::Output, Error> {
        let valid_until = checked_metadata(&input.saml_metadata_document, tx.now())?;
        let tags = tags::checked(tx, input.tags.as_deref(), KeyCase::Sensitive)?;
        if tx.saml_provider_named(&input.name).is_some() {
            let message = format!("Provider with name {} already exists.", input.name);
            return Err(Error::new(Code::EntityAlreadyExists, message));
        }
        let quota = tx.quotas().saml_providers;
        if tx.saml_providers().len() as u64 >= quota {
            return Err(Error::quota("SAMLProvidersPerAccount", quota));
        }
        let provider = tx.put_saml_provider(&SamlProviderFields {
            name: input.name.clone(),
            uuid: drawn.uuid.clone(),
            created: tx.now(),
            valid_until,
            metadata: input.saml_metadata_document.clone(),
            tags,
            encryption_mode: input.assertion_encryption_mode.map(mode_name),
            private_keys: key_entry(drawn, tx.now()).into_iter().collect(),
        });
        Ok(iam::CreateSAMLProviderResponse {
            saml_provider_arn: Some(tx.saml_provider_arn(&provider)),
            tags: render::some_tags(provider.tags()),
        })
    }
}

/// `iam:UpdateSAMLProvider`: replaces the metadata or the mode, adds a private key and removes one, as
/// given. The removal comes first, so that a key can be changed for another at the limit of two.
pub(crate) struct UpdateSAMLProvider;

impl Operation for UpdateSAMLProvider {
    const NAME: &'static str = "UpdateSAMLProvider";
    type Input = iam::UpdateSAMLProviderRequest;
    type Output = iam::UpdateSAMLProviderResponse;

    fn access<'a>(input: &Self::Input, view: &View<'a>) -> Result<AccessList<'a>, Error> {
        let arn = &input.saml_provider_arn;
        Ok(AccessList::one(access("iam:UpdateSAMLProvider", view, arn)))
    }
}

impl PreparedCommand for UpdateSAMLProvider {
    type Prepared = Drawn;

    fn prepare<'a>(
        input: &'a Self::Input,
        view: &'a View<'a>,
    ) -> BoxFuture<'a, Result<Drawn, Error>> {
        Box::pin(async move { draw(view, input.add_private_key.as_ref()) })
    }

    fn run(
        input: &Self::Input,
        drawn: &Drawn,
        _: &Permit<Self>,
        tx: &mut Transaction,
    ) -> Result<Self::Output, Error> {
        let mut fields = tx.saml_provider(&input.saml_provider_arn)?.fields();
        if let Some(document) = &input.saml_metadata_document {
            fields.valid_until = checked_metadata(document, tx.now())?;
            fields.metadata = document.clone();
        }
        if let Some(mode) = input.assertion_encryption_mode {
            fields.encryption_mode = Some(mode_name(mode));
        }
        if let Some(id) = &input.remove_private_key {
            let before = fields.private_keys.len();
            fields.private_keys.retain(|entry| key_id(entry) != id);
            if fields.private_keys.len() == before {
                // AWS's text is not recorded.
                let message = format!("The private key with id {id} cannot be found.");
                return Err(Error::new(Code::NoSuchEntity, message));
            }
        }
        fields.private_keys.extend(key_entry(drawn, tx.now()));
        if fields.private_keys.len() > MAX_PRIVATE_KEYS {
            return Err(Error::quota("PrivateKeysPerSAMLProvider", MAX_PRIVATE_KEYS as u64));
        }
        let provider = tx.put_saml_provider(&fields);
        let saml_provider_arn = Some(tx.saml_provider_arn(&provider));
        Ok(iam::UpdateSAMLProviderResponse { saml_provider_arn })
    }
}

/// `iam:GetSAMLProvider`.
pub(crate) struct GetSAMLProvider;

impl Operation for GetSAMLProvider {
    const NAME: &'static str = "GetSAMLProvider";
    type Input = iam::GetSAMLProviderRequest;
    type Output = iam::GetSAMLProviderResponse;

    fn access<'a>(input: &Self::Input, view: &View<'a>) -> Result<AccessList<'a>, Error> {
        let arn = &input.saml_provider_arn;
        Ok(AccessList::one(access("iam:GetSAMLProvider", view, arn)))
    }
}

impl Query for GetSAMLProvider {
    fn run(input: &Self::Input, _: &Permit<Self>, view: &View<'_>) -> Result<Self::Output, Error> {
        let provider = view.account.saml_provider(&input.saml_provider_arn)?;
        let mode = match provider.encryption_mode() {
            Some("Required") => iam::AssertionEncryptionModeType::Required,
            _ => iam::AssertionEncryptionModeType::Allowed,
        };
        Ok(iam::GetSAMLProviderResponse {
            saml_provider_uuid: Some(provider.uuid().to_owned()),
            saml_metadata_document: Some(provider.metadata().to_owned()),
            create_date: Some(provider.created()),
            valid_until: Some(provider.valid_until()),
            tags: Some(render::tags(provider.tags())),
            assertion_encryption_mode: Some(mode),
            private_key_list: Some(provider.private_keys().map(private_key).collect()),
        })
    }
}

fn private_key(entry: &str) -> iam::SAMLPrivateKey {
    let seconds = entry.split(' ').nth(1).and_then(|text| text.parse().ok());
    iam::SAMLPrivateKey {
        key_id: Some(key_id(entry).to_owned()),
        timestamp: seconds.map(|seconds| Timestamp::from_millis(0).plus_seconds(seconds)),
    }
}

/// `iam:ListSAMLProviders`: all of them, in one answer.
pub(crate) struct ListSAMLProviders;

impl Operation for ListSAMLProviders {
    const NAME: &'static str = "ListSAMLProviders";
    type Input = iam::ListSAMLProvidersRequest;
    type Output = iam::ListSAMLProvidersResponse;

    fn access<'a>(_: &Self::Input, _: &View<'a>) -> Result<AccessList<'a>, Error> {
        Ok(AccessList::one(Access::on_all("iam:ListSAMLProviders")))
    }
}

impl Query for ListSAMLProviders {
    fn run(_: &Self::Input, _: &Permit<Self>, view: &View<'_>) -> Result<Self::Output, Error> {
        let entry = |provider: &SamlProvider| iam::SAMLProviderListEntry {
            arn: Some(view.account.saml_provider_arn(provider)),
            valid_until: Some(provider.valid_until()),
            create_date: Some(provider.created()),
        };
        Ok(iam::ListSAMLProvidersResponse {
            saml_provider_list: Some(view.account.saml_providers().map(entry).collect()),
        })
    }
}

/// `iam:DeleteSAMLProvider`. Roles that trust the provider stay as they are.
pub(crate) struct DeleteSAMLProvider;

impl Operation for DeleteSAMLProvider {
    const NAME: &'static str = "DeleteSAMLProvider";
    type Input = iam::DeleteSAMLProviderRequest;
    type Output = ();

    fn access<'a>(input: &Self::Input, view: &View<'a>) -> Result<AccessList<'a>, Error> {
        let arn = &input.saml_provider_arn;
        Ok(AccessList::one(access("iam:DeleteSAMLProvider", view, arn)))
    }
}

impl Command for DeleteSAMLProvider {
    fn run(input: &Self::Input, _: &Permit<Self>, tx: &mut Transaction) -> Result<(), Error> {
        let provider = tx.saml_provider(&input.saml_provider_arn)?.clone();
        tx.remove_saml_provider(&provider);
        Ok(())
    }
}
