//! Tokens of our own: who the caller is, signed by its account for somebody else.

use iamd_api::sts;
use iamd_authz::{Access, AccessList, Caller, Permit, Principal};
use iamd_directory::TokenKey;
use iamd_federation::{Algorithm, sign};
use iamd_operation::{Entry, Operation, Query, View};
use iamd_types::tag::KeyCase;
use iamd_types::{Code, Error, Secret, entropy};
use serde_json::{Map, Value, json};

use crate::session_tags::session_tags;

pub(crate) const OPERATIONS: &[Entry] = &[Entry::query::<GetWebIdentityToken>()];

/// Seconds that a token lasts when nothing else is asked for (STS API reference).
const DEFAULT_SECONDS: i32 = 300;
/// The largest payload, in bytes of JSON. AWS's limit is not documented; this one keeps a token within the
/// usual limit of a header line.
const MAX_PAYLOAD: usize = 5 << 10;
/// The claim that holds what AWS adds.
const NAMESPACE: &str = "https://sts.amazonaws.com/";

/// `sts:GetWebIdentityToken`, and `sts:TagGetWebIdentityToken` when tags are given. The account must issue
/// tokens (`iam:EnableOutboundWebIdentityFederation`), and a session's token does not outlast it.
pub(crate) struct GetWebIdentityToken;

impl Operation for GetWebIdentityToken {
    const NAME: &'static str = "GetWebIdentityToken";
    type Input = sts::GetWebIdentityTokenRequest;
    type Output = sts::GetWebIdentityTokenResponse;

    fn access<'a>(input: &Self::Input, _: &View<'a>) -> Result<AccessList<'a>, Error> {
        let tags = input.tags.as_deref().unwrap_or_default();
        let pairs = tags.iter().map(|tag| (tag.key.as_str(), tag.value.as_str()));
        let own = Access::on_all("sts:GetWebIdentityToken")
            .with_many("sts:IdentityTokenAudience", input.audience.clone())
            .with("sts:DurationSeconds", seconds(input).to_string())
            .with("sts:SigningAlgorithm", input.signing_algorithm.as_str())
            .with_request_tags(pairs.clone());
        if tags.is_empty() {
            return Ok(AccessList::one(own));
        }
        let tagging = Access::on_all("sts:TagGetWebIdentityToken").with_request_tags(pairs);
        Ok(AccessList::one(own).and(tagging))
    }
}

fn seconds(input: &sts::GetWebIdentityTokenRequest) -> i64 {
    i64::from(input.duration_seconds.unwrap_or(DEFAULT_SECONDS))
}

impl Query for GetWebIdentityToken {
    fn run(
        input: &Self::Input,
        permit: &Permit<Self>,
        view: &View<'_>,
    ) -> Result<Self::Output, Error> {
        let caller = permit.caller();
        let algorithm = match input.signing_algorithm.as_str() {
            "RS256" => Algorithm::Rs256,
            "ES384" => Algorithm::Es384,
            // AWS's texts are recorded neither here nor below.
            _ => return Err(Error::validation("SigningAlgorithm must be RS256 or ES384.")),
        };
        let key = key(view, algorithm)?;
        let issued = view.facts.now.whole_seconds();
        let expires = issued.plus_seconds(seconds(input));
        if caller.session().is_some_and(|session| expires > session.expires) {
            let message = "The token must not outlast the session that asks for it.";
            return Err(Error::new(Code::SessionDurationEscalation, message));
        }
        let tags = session_tags(input.tags.as_deref(), None, None)?.tags;
        let audience = match input.audience.as_slice() {
            [only] => json!(only),
            several => json!(several),
        };
        let claims = json!({
            "iss": view.tools.token_issuer(view.account.id()),
            "aud": audience,
            "sub": caller.principal_arn(),
            "iat": issued.seconds(),
            "exp": expires.seconds(),
            "jti": token_id(view),
            NAMESPACE: context(caller, view, tags.iter().map(|tag| (&*tag.key, &*tag.value))),
        });
        if claims.to_string().len() > MAX_PAYLOAD {
            let message = "The payload of the token is too large: give fewer tags or audiences.";
            return Err(Error::new(Code::JwtPayloadSizeExceeded, message));
        }
        let context = TokenKey::seal_context(view.account.id(), key.id());
        let private = view.tools.keyring.open(&context, key.sealed()).map_err(Error::internal)?;
        let token = sign(algorithm, key.id(), &private, &claims).map_err(Error::internal)?;
        Ok(sts::GetWebIdentityTokenResponse {
            web_identity_token: Some(Secret::new(token)),
            expiration: Some(expires),
        })
    }
}

/// The key in use.
fn key<'a>(view: &View<'a>, algorithm: Algorithm) -> Result<&'a TokenKey, Error> {
    let issues = view.account.token_issuer().is_some_and(|issuer| issuer.enabled());
    let mut keys = view.account.token_keys();
    let key = keys.find(|key| key.retired().is_none() && key.algorithm() == algorithm.name());
    key.filter(|_| issues).ok_or_else(|| {
        let message = "Outbound web identity federation is not enabled for this account.";
        Error::new(Code::OutboundWebIdentityFederationDisabled, message)
    })
}

fn token_id(view: &View<'_>) -> String {
    format!("{:032x}", u128::from_be_bytes(entropy::random(&*view.tools.entropy)))
}

/// What AWS says about the caller ("Understanding token claims", IAM User Guide).
fn context<'t>(
    caller: &Caller,
    view: &View<'_>,
    request_tags: impl Iterator<Item = (&'t str, &'t str)>,
) -> Value {
    let mut context = Map::new();
    let mut put = |name: &str, value: Value| context.insert(name.to_owned(), value);
    put("aws_account", view.account.id().to_string().into());
    put("source_region", view.facts.region.as_ref().into());
    let mut principal_tags = match &caller.principal {
        Principal::User(user) => object(user.tags()),
        Principal::Role { role, .. } => object(role.tags()),
        _ => Map::new(),
    };
    if let Some(session) = caller.session() {
        put("original_session_exp", session.expires.to_string().into());
        let tags = session.tags.iter().map(|tag| (&*tag.key, &*tag.value));
        // As in conditions, a session's tag takes the place of the role's, whatever its case.
        let replaced =
            |key: &str| session.tags.iter().any(|tag| KeyCase::Insensitive.same(&tag.key, key));
        principal_tags.retain(|key, _| !replaced(key));
        principal_tags.extend(object(tags));
        if let Some(identity) = &session.source_identity {
            put("source_identity", identity.as_str().into());
        }
        if let Some(provider) = &session.federated_provider {
            put("federated_provider", provider.as_str().into());
        }
    }
    for (name, tags) in [("principal_tags", principal_tags), ("request_tags", object(request_tags))]
    {
        if !tags.is_empty() {
            put(name, tags.into());
        }
    }
    context.into()
}

fn object<'t>(tags: impl Iterator<Item = (&'t str, &'t str)>) -> Map<String, Value> {
    tags.map(|(key, value)| (key.to_owned(), value.into())).collect()
}
