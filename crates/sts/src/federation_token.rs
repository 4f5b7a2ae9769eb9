//! Temporary credentials for somebody whom the caller vouches for.

use iamd_api::sts;
use iamd_authz::{Access, AccessList, Permit, Principal};
use iamd_credentials::{Issuer, Session, SessionKind, SessionPrincipal};
use iamd_operation::{Entry, Operation, Query, View};
use iamd_types::{Code, Error};

use crate::issue::issue;
use crate::session_policy::{checked, checked_arns};
use crate::session_tags::session_tags;

pub(crate) const OPERATIONS: &[Entry] = &[Entry::query::<GetFederationToken>()];

/// Seconds that a session lasts when nothing else is asked for.
const DEFAULT_SECONDS: i64 = 43_200;
/// The longest session that the root user can give, in seconds; more is cut.
const MAX_ROOT_SECONDS: i64 = 3600;

/// `sts:GetFederationToken` on the federated user, and `sts:TagSession` when tags are given. Users and
/// the root user may call it, with long-term credentials. The session may do what both the caller's own
/// policies and the session policies allow, and what policies of resources grant to the federated
/// user's ARN.
pub(crate) struct GetFederationToken;

impl Operation for GetFederationToken {
    const NAME: &'static str = "GetFederationToken";
    type Input = sts::GetFederationTokenRequest;
    type Output = sts::GetFederationTokenResponse;

    fn access<'a>(input: &Self::Input, view: &View<'a>) -> Result<AccessList<'a>, Error> {
        if view.caller.session().is_some() {
            return Err(session_credentials());
        }
        let account = view.account.id();
        let arn = format!("arn:aws:sts::{account}:federated-user/{}", input.name);
        let tags = input.tags.as_deref().unwrap_or_default();
        let tags = tags.iter().map(|tag| (tag.key.as_str(), tag.value.as_str()));
        let access =
            |action| Access::new(action, arn.clone(), account).with_request_tags(tags.clone());
        let list = AccessList::one(access("sts:GetFederationToken"));
        if tags.len() == 0 { Ok(list) } else { Ok(list.and(access("sts:TagSession"))) }
    }
}

fn session_credentials() -> Error {
    let message = "Cannot call GetFederationToken with session credentials";
    Error::new(Code::AccessDenied, message)
}

impl Query for GetFederationToken {
    fn run(
        input: &Self::Input,
        permit: &Permit<Self>,
        view: &View<'_>,
    ) -> Result<Self::Output, Error> {
        let asked = input.duration_seconds.map_or(DEFAULT_SECONDS, i64::from);
        let (issuer, seconds) = match &permit.caller().principal {
            Principal::Root => (Issuer::Root, asked.min(MAX_ROOT_SECONDS)),
            Principal::User(user) => (Issuer::User { id: user.id() }, asked),
            Principal::Role { .. } | Principal::Federated { .. } | Principal::Bearer(_) => {
                return Err(session_credentials());
            }
        };
        let tags = session_tags(input.tags.as_deref(), None, None)?;
        let policy = checked(input.policy.as_deref())?;
        let policy_arns = checked_arns(view.account, input.policy_arns.as_deref())?;
        let issued_at = view.facts.now.whole_seconds();
        let mut percent = 0;
        let session = |secret_access_key| {
            let session = Session {
                kind: SessionKind::Federation,
                account: view.account.id(),
                secret_access_key,
                principal: SessionPrincipal::Federated { issuer, name: input.name.clone() },
                issued: issued_at,
                expires: issued_at.plus_seconds(seconds),
                policy,
                policy_arns,
                tags: tags.tags,
                transitive_tag_keys: Vec::new(),
                source_identity: None,
                mfa_authenticated_at: None,
                federated_provider: None,
            };
            percent = session.packed_size();
            session
        };
        let issued = issue(view.tools, session, input.minimum_session_token_size)?;
        let account = view.account.id();
        Ok(sts::GetFederationTokenResponse {
            credentials: Some(issued.credentials),
            federated_user: Some(sts::FederatedUser {
                federated_user_id: format!("{account}:{}", input.name),
                arn: format!("arn:aws:sts::{account}:federated-user/{}", input.name),
            }),
            // Unlike AssumeRole's, it is there also when there is nothing to pack (recorded).
            packed_policy_size: i32::try_from(percent).ok(),
            session_token_utilization: None,
            session_token_size: issued.token_size,
        })
    }
}
