//! Taking on a role with a token of an OpenID Connect provider.

use futures_util::future::BoxFuture;
use iamd_api::sts;
use iamd_authz::{Access, AccessList, Bearer, Permit, Principal, RequestFacts};
use iamd_credentials::{Session, SessionKind, SessionPrincipal};
use iamd_directory::{Account, OidcProvider, Role};
use iamd_federation::{ClaimError, Claims, IssuerUrl, KeyError, Token, WebIdentity};
use iamd_operation::{Entry, Operation, Query, Tools, UnsignedQuery, View};
use iamd_policy::Values;
use iamd_types::tag::is_reserved;
use iamd_types::{AccountId, Arn, Code, Error, Tag};

use crate::issue::{issue, packed_size};
use crate::provider_claims::claims_of;
use crate::session_policy::{checked, checked_arns};
use crate::session_tags::session_tags;

pub(crate) const OPERATIONS: &[Entry] = &[Entry::unsigned::<AssumeRoleWithWebIdentity>()];

/// Seconds that a session lasts when nothing else is asked for.
const DEFAULT_SECONDS: i32 = 3600;
/// The longest key and value of a session tag, in characters, and the most of them (IAM User Guide).
const MAX_TAG_KEY: usize = 128;
const MAX_TAG_VALUE: usize = 256;
const MAX_TAGS: usize = 50;

/// `sts:AssumeRoleWithWebIdentity` on the role, granted by its trust policy alone; `sts:TagSession` and
/// `sts:SetSourceIdentity` too when the token asks for tags or a source identity. Nobody signs: the token
/// of a provider that is registered in the role's account says who calls.
pub(crate) struct AssumeRoleWithWebIdentity;

impl Operation for AssumeRoleWithWebIdentity {
    const NAME: &'static str = "AssumeRoleWithWebIdentity";
    type Input = sts::AssumeRoleWithWebIdentityRequest;
    type Output = sts::AssumeRoleWithWebIdentityResponse;

    fn access<'a>(input: &Self::Input, view: &View<'a>) -> Result<AccessList<'a>, Error> {
        let bearer = bearer(view.caller)?;
        let arn = role_arn(&input.role_arn)?;
        let role = target(&arn, view.account);
        let access = |action| {
            let access = Access::new(action, input.role_arn.clone(), view.account.id())
                .trusting(role.and_then(Role::trust_document).map(|document| &**document));
            with_keys(access, input, bearer, role)
        };
        let mut list = AccessList::one(access("sts:AssumeRoleWithWebIdentity"));
        if !bearer.tags.is_empty() {
            list = list.and(access("sts:TagSession"));
        }
        if bearer.source_identity.is_some() {
            list = list.and(access("sts:SetSourceIdentity"));
        }
        Ok(list)
    }
}

/// The role's ARN in its parts.
///
/// # Errors
/// `ValidationError` in AWS's words.
pub(crate) fn role_arn(text: &str) -> Result<Arn, Error> {
    let arn = Arn::parse(text).map_err(|_| Error::validation(format!("{text} is invalid")))?;
    let is_role = arn.partition() == "aws"
        && arn.service() == "iam"
        && arn.region().is_empty()
        && arn.resource().starts_with("role/");
    if is_role { Ok(arn) } else { Err(Error::validation("Request ARN is invalid")) }
}

/// The role with exactly this ARN.
fn target<'a>(arn: &Arn, account: &'a Account) -> Option<&'a Role> {
    let role = account.roles().named(arn.resource().rsplit('/').next()?)?;
    (account.role_arn(role) == arn.as_str()).then_some(role)
}

/// With the condition keys of the actions (Service Authorization Reference: STS).
fn with_keys<'a>(
    access: Access<'a>,
    input: &sts::AssumeRoleWithWebIdentityRequest,
    bearer: &Bearer,
    role: Option<&Role>,
) -> Access<'a> {
    let tags = bearer.tags.iter().map(|tag| (tag.key.as_str(), tag.value.as_str()));
    let mut access = access
        .with("sts:RoleSessionName", input.role_session_name.as_str())
        .with_some("sts:SourceIdentity", bearer.source_identity.as_deref())
        .with_many("sts:TransitiveTagKeys", bearer.transitive_tag_keys.clone())
        .with_request_tags(tags);
    for (key, values) in &bearer.keys {
        access.keys.push((key.clone().into(), values.clone()));
    }
    if let Some(role) = role {
        access = access.with_resource_tags(role.tags());
        for (key, value) in role.tags() {
            access = access.with(format!("iam:ResourceTag/{key}"), value);
        }
    }
    access
}

fn bearer(caller: &iamd_authz::Caller) -> Result<&Bearer, Error> {
    match &caller.principal {
        Principal::Bearer(Some(bearer)) => Ok(bearer),
        _ => Err(rejected("The request carries no token.".to_owned())),
    }
}

impl UnsignedQuery for AssumeRoleWithWebIdentity {
    fn account(input: &Self::Input) -> Option<AccountId> {
        Arn::parse(&input.role_arn).ok()?.account_id()
    }

    fn prove<'a>(
        input: &'a Self::Input,
        account: &'a Account,
        facts: &'a RequestFacts,
        tools: &'a Tools,
    ) -> BoxFuture<'a, Result<Bearer, Error>> {
        Box::pin(async move {
            ensure_no_provider_id(input.provider_id.as_deref())?;
            let now = facts.now.seconds();
            let token = Token::parse(input.web_identity_token.expose()).map_err(|_| malformed())?;
            let issuer = token.claimed_issuer().ok_or_else(malformed)?;
            let url = IssuerUrl::parse(issuer).map_err(|_| malformed())?;
            let provider = account.oidc_provider_of(url.name()).ok_or_else(|| {
                let message =
                    format!("No OpenIDConnect provider found in your account for {issuer}");
                rejected(message)
            })?;
            let thumbprints: Vec<String> = provider.thumbprints().map(str::to_owned).collect();
            let keys = tools.issuers.keys_for(&token, &url, &thumbprints, now).await;
            let keys = keys.map_err(|error| no_keys(&url, &error))?;
            // AWS's text is not recorded.
            let invalid = || rejected("The signature of the ID Token is not valid.".to_owned());
            let claims = token.verify(&keys).ok_or_else(invalid)?;
            let client_ids: Vec<&str> = provider.client_ids().collect();
            let identity = claims.identify(now, &client_ids).map_err(|it| refused(&it, now))?;
            vouched_for(account, provider, &claims, identity)
        })
    }
}

/// `ProviderId` is for access tokens of two providers that are not spoken to here.
fn ensure_no_provider_id(provider: Option<&str>) -> Result<(), Error> {
    match provider {
        None => Ok(()),
        Some("www.amazon.com") => {
            Err(rejected("Provided Token is not a Login With Amazon token".to_owned()))
        }
        Some(other) => {
            Err(Error::validation(format!("The provider {other} is not one for access tokens.")))
        }
    }
}

fn rejected(message: String) -> Error {
    Error::new(Code::InvalidIdentityToken, message)
}

fn malformed() -> Error {
    rejected(
        "The ID Token provided is not a valid JWT. (You may see this error if you sent an Access \
         Token)"
            .to_owned(),
    )
}

/// What the caller learns about keys that cannot be had. Where the server looked, and why it failed, is for
/// the log.
fn no_keys(issuer: &IssuerUrl, error: &KeyError) -> Error {
    let cause = match error {
        KeyError::Fetch(cause) => cause.to_string(),
        KeyError::Unknown => String::new(),
    };
    tracing::warn!(issuer = issuer.name(), %error, cause, "a token cannot be verified");
    match error {
        KeyError::Fetch(cause) if cause.is_unreachable() => {
            // AWS's text is not recorded.
            let message = "The identity provider cannot be reached.";
            Error::new(Code::IdpCommunicationError, message)
        }
        KeyError::Fetch(cause) if cause.is_thumbprint() => rejected(
            "OpenIDConnect provider's HTTPS certificate doesn't match configured thumbprint"
                .to_owned(),
        ),
        _ => rejected(
            "Couldn't retrieve verification key from your identity provider,  please reference \
             AssumeRoleWithWebIdentity documentation for requirements"
                .to_owned(),
        ),
    }
}

/// Texts other than those on time and audience are not recorded.
fn refused(error: &ClaimError, now: i64) -> Error {
    match error {
        ClaimError::Expired { expires } => Error::new(
            Code::ExpiredTokenException,
            format!(
                "Token expired: current date/time {now} must be before the expiration date/time \
                 {expires}"
            ),
        ),
        ClaimError::Audience => rejected("Incorrect token audience".to_owned()),
        ClaimError::Missing(claim) => rejected(format!("Missing a required claim: {claim}")),
        ClaimError::NotYet => rejected("The ID Token is not valid yet.".to_owned()),
        ClaimError::Malformed(claim) => rejected(format!("The claim {claim} is malformed.")),
    }
}

/// The bearer of the token, with the condition keys that AWS documents ("Available keys for AWS OIDC
/// federation", IAM User Guide).
fn vouched_for(
    account: &Account,
    provider: &OidcProvider,
    claims: &Claims,
    identity: WebIdentity,
) -> Result<Bearer, Error> {
    ensure_source_identity(identity.source_identity.as_deref())?;
    let tags = checked_tags(&identity)?;
    let url = provider.url();
    let mut keys = Vec::new();
    let mut put = |name: &str, value: Option<&str>| {
        let value = value.map(|value| (format!("{url}:{name}"), Values::Single(value.to_owned())));
        keys.extend(value);
    };
    for claim in claims_of(url) {
        put(claim, claims.scalar(claim).as_deref());
    }
    put("sub", Some(&identity.subject));
    put("aud", Some(&identity.audience));
    put("oaud", identity.original_audience.as_deref());
    put("email", identity.email.as_deref());
    if !identity.amr.is_empty() {
        keys.push((format!("{url}:amr"), Values::Multiple(identity.amr)));
    }
    let arn = account.oidc_provider_arn(provider);
    Ok(Bearer {
        principal_id: format!("{arn}:{}:{}", identity.audience, identity.subject),
        provider: arn,
        subject: identity.subject,
        audience: identity.audience,
        keys,
        tags,
        transitive_tag_keys: identity.transitive_tag_keys,
        source_identity: identity.source_identity,
    })
}

fn ensure_source_identity(identity: Option<&str>) -> Result<(), Error> {
    let Some(identity) = identity else { return Ok(()) };
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "_+=,.@-".contains(letter);
    let fits = (2..=64).contains(&identity.len()) && identity.chars().all(plain);
    if fits && !is_reserved(identity) {
        return Ok(());
    }
    let message = "Source Identity must match [a-zA-Z_0-9+=,.@-]{2,64} and not begin with \"aws:\"";
    Err(rejected(message.to_owned()))
}

/// The model does not check what comes in a token.
fn checked_tags(identity: &WebIdentity) -> Result<Vec<Tag>, Error> {
    let plain = |text: &str, most: usize| {
        text.chars().count() <= most
            && text.chars().all(|it| it.is_alphanumeric() || it == ' ' || "_.:/=+-@".contains(it))
    };
    let fits = identity.tags.len() <= MAX_TAGS
        && identity.tags.iter().all(|(key, value)| {
            !key.is_empty() && plain(key, MAX_TAG_KEY) && plain(value, MAX_TAG_VALUE)
        });
    if !fits {
        return Err(rejected("The session tags in the ID Token are not valid.".to_owned()));
    }
    let tags = identity.tags.iter().cloned().map(|(key, value)| sts::Tag { key, value });
    let tags: Vec<sts::Tag> = tags.collect();
    Ok(session_tags(Some(&tags), Some(&identity.transitive_tag_keys), None)?.tags)
}

impl Query for AssumeRoleWithWebIdentity {
    fn run(
        input: &Self::Input,
        permit: &Permit<Self>,
        view: &View<'_>,
    ) -> Result<Self::Output, Error> {
        let bearer = bearer(permit.caller())?;
        let account = view.account;
        let role = target(&role_arn(&input.role_arn)?, account)
            .ok_or_else(|| Error::validation("Request ARN is invalid"))?;
        let seconds = input.duration_seconds.unwrap_or(DEFAULT_SECONDS);
        if i64::from(seconds) > i64::from(role.max_session()) {
            return Err(Error::validation(
                "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.",
            ));
        }
        let policy = checked(input.policy.as_deref())?;
        let policy_arns = checked_arns(account, input.policy_arns.as_deref())?;
        let has_limits = policy.is_some() || !policy_arns.is_empty() || !bearer.tags.is_empty();
        let issued = view.facts.now.whole_seconds();
        let session_name = &input.role_session_name;
        let mut percent = 0;
        let session = |secret_access_key| {
            let session = Session {
                kind: SessionKind::Role,
                account: account.id(),
                secret_access_key,
                principal: SessionPrincipal::Role {
                    id: role.id(),
                    session_name: session_name.clone(),
                },
                issued,
                expires: issued.plus_seconds(i64::from(seconds)),
                policy,
                policy_arns,
                tags: bearer.tags.clone(),
                transitive_tag_keys: bearer.transitive_tag_keys.clone(),
                source_identity: bearer.source_identity.clone(),
                mfa_authenticated_at: None,
                federated_provider: Some(bearer.provider.clone()),
            };
            percent = session.packed_size();
            session
        };
        let issued = issue(view.tools, session, input.minimum_session_token_size)?;
        let id = account.id();
        Ok(sts::AssumeRoleWithWebIdentityResponse {
            credentials: Some(issued.credentials),
            subject_from_web_identity_token: Some(bearer.subject.clone()),
            assumed_role_user: Some(sts::AssumedRoleUser {
                assumed_role_id: format!("{}:{session_name}", role.id()),
                arn: format!("arn:aws:sts::{id}:assumed-role/{}/{session_name}", role.name()),
            }),
            packed_policy_size: packed_size(has_limits, percent),
            provider: Some(bearer.provider.clone()),
            audience: Some(bearer.audience.clone()),
            source_identity: bearer.source_identity.clone(),
            session_token_utilization: None,
            session_token_size: issued.token_size,
        })
    }
}
