//! Temporary credentials for the caller itself.

use futures_util::future::BoxFuture;
use iamd_api::sts;
use iamd_authz::{AccessList, Permit, Principal};
use iamd_credentials::{Session, SessionKind, SessionPrincipal};
use iamd_operation::{Entry, Operation, PreparedQuery, View};
use iamd_types::{Code, Error, Timestamp};

use crate::issue::issue;
use crate::mfa::Factor;

pub(crate) const OPERATIONS: &[Entry] = &[Entry::prepared_query::<GetSessionToken>()];

/// Seconds that a user's session lasts when nothing else is asked for.
const DEFAULT_SECONDS: i64 = 43_200;
/// The longest session of a root user, in seconds; more is cut.
const MAX_ROOT_SECONDS: i64 = 3600;

/// `sts:GetSessionToken`. Every user and the root user may call it, with long-term credentials. With a
/// second factor its session counts as authenticated with MFA.
pub(crate) struct GetSessionToken;

impl Operation for GetSessionToken {
    const NAME: &'static str = "GetSessionToken";
    type Input = sts::GetSessionTokenRequest;
    type Output = sts::GetSessionTokenResponse;

    fn access<'a>(input: &Self::Input, view: &View<'a>) -> Result<AccessList<'a>, Error> {
        if view.caller.session().is_some() {
            let message = "Cannot call GetSessionToken with session credentials";
            return Err(Error::new(Code::AccessDenied, message));
        }
        factor(input)?;
        Ok(AccessList::unrestricted())
    }
}

fn factor(input: &sts::GetSessionTokenRequest) -> Result<Option<Factor<'_>>, Error> {
    Factor::of(input.serial_number.as_deref(), input.token_code.as_ref())
}

impl PreparedQuery for GetSessionToken {
    /// When the second factor was presented.
    type Prepared = Timestamp;

    fn prepare<'a>(
        input: &'a Self::Input,
        view: &'a View<'a>,
    ) -> Option<BoxFuture<'a, Result<Timestamp, Error>>> {
        // Half a factor was refused before.
        factor(input).ok().flatten().map(|factor| factor.use_up(view))
    }

    fn run(
        input: &Self::Input,
        authenticated: Option<&Timestamp>,
        permit: &Permit<Self>,
        view: &View<'_>,
    ) -> Result<Self::Output, Error> {
        let asked = input.duration_seconds.map_or(DEFAULT_SECONDS, i64::from);
        let (principal, seconds) = match &permit.caller().principal {
            Principal::Root => (SessionPrincipal::Root, asked.min(MAX_ROOT_SECONDS)),
            Principal::User(user) => (SessionPrincipal::User { id: user.id() }, asked),
            Principal::Role { .. } | Principal::Federated { .. } | Principal::Bearer(_) => {
                let message = "Cannot call GetSessionToken with session credentials";
                return Err(Error::new(Code::AccessDenied, message));
            }
        };
        let issued = view.facts.now.whole_seconds();
        let session = |secret_access_key| Session {
            kind: SessionKind::SessionToken,
            account: view.account.id(),
            secret_access_key,
            principal,
            issued,
            expires: issued.plus_seconds(seconds),
            policy: None,
            policy_arns: Vec::new(),
            tags: Vec::new(),
            transitive_tag_keys: Vec::new(),
            source_identity: None,
            mfa_authenticated_at: authenticated.copied(),
            federated_provider: None,
        };
        let issued = issue(view.tools, session, input.minimum_session_token_size)?;
        Ok(sts::GetSessionTokenResponse {
            credentials: Some(issued.credentials),
            session_token_utilization: None,
            session_token_size: issued.token_size,
        })
    }
}
