//! Credentials that others' decisions give: a management account's over its members' root users, and
//! those of an accepted delegation request. On this server nobody can have either yet: both operations
//! check their request and its permission, and then refuse.

use iamd_api::sts;
use iamd_authz::{Access, AccessList, Permit};
use iamd_directory::{AwsPolicy, Catalogue};
use iamd_operation::{Entry, Operation, Query, View};
use iamd_types::{AccountId, Arn, Code, Error};

pub(crate) const OPERATIONS: &[Entry] =
    &[Entry::query::<AssumeRoot>(), Entry::query::<GetDelegatedAccessToken>()];

/// The path of the policies that say what a root session is for.
const TASK_PATH: &str = "/root-task/";

/// `sts:AssumeRoot` on the root user of a member account. The caller's account is not in an organization,
/// so there is no member account: always refused (AWS's text is not recorded).
pub(crate) struct AssumeRoot;

impl Operation for AssumeRoot {
    const NAME: &'static str = "AssumeRoot";
    type Input = sts::AssumeRootRequest;
    type Output = sts::AssumeRootResponse;

    fn access<'a>(input: &Self::Input, _: &View<'a>) -> Result<AccessList<'a>, Error> {
        let target = target(&input.target_principal)?;
        let task = task(input)?;
        let access = Access {
            // A member account's root user has no policy of its own that would have to agree.
            resource_account: None,
            ..Access::new("sts:AssumeRoot", target.root_arn(), target)
        };
        Ok(AccessList::one(access.with("sts:TaskPolicyArn", task.arn.as_str())))
    }
}

/// The account whose root user is meant: its id or the root user's ARN.
fn target(text: &str) -> Result<AccountId, Error> {
    let of_arn = || Arn::parse(text).ok()?.account_id().filter(|id| id.root_arn() == text);
    text.parse().ok().or_else(of_arn).ok_or_else(|| Error::validation(format!("{text} is invalid")))
}

/// The policy that says what the session is for.
fn task(input: &sts::AssumeRootRequest) -> Result<&'static AwsPolicy, Error> {
    let arn = input.task_policy_arn.arn.as_deref().unwrap_or_default();
    let policy = Catalogue::get().by_arn(arn).filter(|policy| policy.path == TASK_PATH);
    policy.ok_or_else(|| Error::validation(format!("{arn} is not a task policy.")))
}

impl Query for AssumeRoot {
    fn run(
        input: &Self::Input,
        permit: &Permit<Self>,
        _: &View<'_>,
    ) -> Result<Self::Output, Error> {
        let message = format!(
            "User: {} is not authorized to perform: sts:AssumeRoot on resource: {} because the account \
             is not in an organization",
            permit.caller().arn,
            target(&input.target_principal)?.root_arn()
        );
        Err(Error::new(Code::AccessDenied, message))
    }
}

/// `sts:GetDelegatedAccessToken`. Trade-in tokens come from SendDelegationToken, which needs a delegation
/// request, which needs a product provider that AWS registered: this server has none, so no token is one
/// of its own (AWS's text for others is not recorded; the code is the operation's only one).
pub(crate) struct GetDelegatedAccessToken;

impl Operation for GetDelegatedAccessToken {
    const NAME: &'static str = "GetDelegatedAccessToken";
    type Input = sts::GetDelegatedAccessTokenRequest;
    type Output = sts::GetDelegatedAccessTokenResponse;

    fn access<'a>(_: &Self::Input, _: &View<'a>) -> Result<AccessList<'a>, Error> {
        Ok(AccessList::one(Access::on_all("sts:GetDelegatedAccessToken")))
    }
}

impl Query for GetDelegatedAccessToken {
    fn run(_: &Self::Input, _: &Permit<Self>, _: &View<'_>) -> Result<Self::Output, Error> {
        let message = "The trade-in token is not valid or has expired.";
        Err(Error::new(Code::ExpiredTradeInToken, message))
    }
}
