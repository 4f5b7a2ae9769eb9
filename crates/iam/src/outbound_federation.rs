//! The account as an issuer of tokens that other services take (outbound web identity federation).

use futures_util::future::BoxFuture;
use iamd_api::iam;
use iamd_authz::{Access, AccessList, Permit};
use iamd_directory::{Account, TokenIssuerFields, TokenKey, TokenKeyFields, Transaction};
use iamd_federation::{Algorithm, mint};
use iamd_operation::{Command, Entry, NoInput, Operation, PreparedCommand, Query, View, slowly};
use iamd_types::{Code, Error};

pub(crate) const OPERATIONS: &[Entry] = &[
    Entry::command::<DisableOutboundWebIdentityFederation>(),
    Entry::prepared::<EnableOutboundWebIdentityFederation>(),
    Entry::query::<GetOutboundWebIdentityFederationInfo>(),
];

fn is_enabled(account: &Account) -> bool {
    account.token_issuer().is_some_and(|issuer| issuer.enabled())
}

/// The texts of these two errors are not recorded.
fn ensure_disabled(account: &Account) -> Result<(), Error> {
    if !is_enabled(account) {
        return Ok(());
    }
    let message = "Outbound web identity federation is already enabled for this account.";
    Err(Error::new(Code::FeatureEnabled, message))
}

fn ensure_enabled(account: &Account) -> Result<(), Error> {
    if is_enabled(account) {
        return Ok(());
    }
    let message = "Outbound web identity federation is not enabled for this account.";
    Err(Error::new(Code::FeatureDisabled, message))
}

/// `iam:EnableOutboundWebIdentityFederation`. Makes new signing keys; turning federation off and on again
/// is how keys are rotated. Keys that signed the last token more than [`TokenKey::SHOWN_SECONDS`] ago go.
pub(crate) struct EnableOutboundWebIdentityFederation;

impl Operation for EnableOutboundWebIdentityFederation {
    const NAME: &'static str = "EnableOutboundWebIdentityFederation";
    type Input = NoInput;
    type Output = iam::EnableOutboundWebIdentityFederationResponse;

    fn access<'a>(_: &Self::Input, _: &View<'a>) -> Result<AccessList<'a>, Error> {
        Ok(AccessList::one(Access::on_all("iam:EnableOutboundWebIdentityFederation")))
    }
}

/// What is made before the account's writer is reached.
pub(crate) struct Made {
    issuer: String,
    keys: Vec<TokenKeyFields>,
}

impl PreparedCommand for EnableOutboundWebIdentityFederation {
    type Prepared = Made;

    fn prepare<'a>(_: &'a NoInput, view: &'a View<'a>) -> BoxFuture<'a, Result<Made, Error>> {
        Box::pin(async move {
            ensure_disabled(view.account)?;
            let mut keys = Vec::new();
            for algorithm in [Algorithm::Rs256, Algorithm::Es384] {
                let key = slowly(move || mint(algorithm)).await?.map_err(Error::internal)?;
                let context = TokenKey::seal_context(view.account.id(), &key.id);
                let (tools, secret) = (view.tools, key.private.expose());
                keys.push(TokenKeyFields {
                    id: key.id.clone(),
                    algorithm: algorithm.name().to_owned(),
                    created: view.facts.now.whole_seconds(),
                    retired: None,
                    public: key.public.clone(),
                    sealed: tools.keyring.seal(&context, secret, &*tools.entropy),
                });
            }
            Ok(Made { issuer: view.tools.token_issuer(view.account.id()), keys })
        })
    }

    fn run(
        _: &NoInput,
        made: &Made,
        _: &Permit<Self>,
        tx: &mut Transaction,
    ) -> Result<Self::Output, Error> {
        ensure_disabled(tx)?;
        let old: Vec<TokenKey> =
            tx.token_keys().filter(|key| !key.is_shown(tx.now())).cloned().collect();
        old.iter().for_each(|key| tx.remove_token_key(key));
        made.keys.iter().for_each(|key| tx.put_token_key(key));
        let created = tx.token_issuer().map_or(tx.now(), |issuer| issuer.created());
        tx.put_token_issuer(&TokenIssuerFields { created, enabled: true });
        let issuer_identifier = Some(made.issuer.clone());
        Ok(iam::EnableOutboundWebIdentityFederationResponse { issuer_identifier })
    }
}

/// `iam:DisableOutboundWebIdentityFederation`. No more tokens are signed; those that were can be verified
/// until they end.
pub(crate) struct DisableOutboundWebIdentityFederation;

impl Operation for DisableOutboundWebIdentityFederation {
    const NAME: &'static str = "DisableOutboundWebIdentityFederation";
    type Input = NoInput;
    type Output = ();

    fn access<'a>(_: &Self::Input, _: &View<'a>) -> Result<AccessList<'a>, Error> {
        Ok(AccessList::one(Access::on_all("iam:DisableOutboundWebIdentityFederation")))
    }
}

impl Command for DisableOutboundWebIdentityFederation {
    fn run(_: &NoInput, _: &Permit<Self>, tx: &mut Transaction) -> Result<(), Error> {
        ensure_enabled(tx)?;
        let used: Vec<TokenKeyFields> = tx
            .token_keys()
            .filter(|key| key.retired().is_none())
            .map(|key| TokenKeyFields { retired: Some(tx.now()), ..key.fields() })
            .collect();
        used.iter().for_each(|key| tx.put_token_key(key));
        let created = tx.token_issuer().map_or(tx.now(), |issuer| issuer.created());
        tx.put_token_issuer(&TokenIssuerFields { created, enabled: false });
        Ok(())
    }
}

/// `iam:GetOutboundWebIdentityFederationInfo`.
pub(crate) struct GetOutboundWebIdentityFederationInfo;

impl Operation for GetOutboundWebIdentityFederationInfo {
    const NAME: &'static str = "GetOutboundWebIdentityFederationInfo";
    type Input = NoInput;
    type Output = iam::GetOutboundWebIdentityFederationInfoResponse;

    fn access<'a>(_: &Self::Input, _: &View<'a>) -> Result<AccessList<'a>, Error> {
        Ok(AccessList::one(Access::on_all("iam:GetOutboundWebIdentityFederationInfo")))
    }
}

impl Query for GetOutboundWebIdentityFederationInfo {
    fn run(_: &NoInput, _: &Permit<Self>, view: &View<'_>) -> Result<Self::Output, Error> {
        ensure_enabled(view.account)?;
        Ok(iam::GetOutboundWebIdentityFederationInfoResponse {
            issuer_identifier: Some(view.tools.token_issuer(view.account.id())),
            jwt_vending_enabled: Some(true),
        })
    }
}
