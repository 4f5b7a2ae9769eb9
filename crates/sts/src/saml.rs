//! Taking on a role with a SAML assertion: refused by rule, since assertions are not verified yet.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use futures_util::future::BoxFuture;
use iamd_api::sts;
use iamd_authz::{AccessList, Bearer, Permit, RequestFacts};
use iamd_directory::Account;
use iamd_operation::{Entry, Operation, Query, Tools, UnsignedQuery, View};
use iamd_types::{AccountId, Arn, Code, Error};

use crate::web_identity::role_arn;

pub(crate) const OPERATIONS: &[Entry] = &[Entry::unsigned::<AssumeRoleWithSAML>()];

/// Checks its input as AWS does, and then lets nobody in: this server does not verify the signatures of
/// assertions, so none is good enough.
pub(crate) struct AssumeRoleWithSAML;

impl Operation for AssumeRoleWithSAML {
    const NAME: &'static str = "AssumeRoleWithSAML";
    type Input = sts::AssumeRoleWithSAMLRequest;
    type Output = sts::AssumeRoleWithSAMLResponse;

    fn access<'a>(_: &Self::Input, _: &View<'a>) -> Result<AccessList<'a>, Error> {
        Err(unverified())
    }
}

fn unverified() -> Error {
    let message = "This server does not verify SAML assertions.";
    Error::new(Code::InvalidIdentityToken, message)
}

impl UnsignedQuery for AssumeRoleWithSAML {
    fn account(input: &Self::Input) -> Option<AccountId> {
        Arn::parse(&input.role_arn).ok()?.account_id()
    }

    fn prove<'a>(
        input: &'a Self::Input,
        account: &'a Account,
        _: &'a RequestFacts,
        _: &'a Tools,
    ) -> BoxFuture<'a, Result<Bearer, Error>> {
        Box::pin(async move {
            role_arn(&input.role_arn)?;
            let rejected = |message| Error::new(Code::InvalidIdentityToken, message);
            if STANDARD.decode(input.saml_assertion.expose()).is_err() {
                return Err(rejected("Invalid base64 SAMLResponse"));
            }
            if account.saml_provider(&input.principal_arn).is_err() {
                return Err(rejected("Specified provider doesn't exist."));
            }
            Err(unverified())
        })
    }
}

impl Query for AssumeRoleWithSAML {
    fn run(_: &Self::Input, _: &Permit<Self>, _: &View<'_>) -> Result<Self::Output, Error> {
        Err(unverified())
    }
}
