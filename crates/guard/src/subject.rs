//! May this principal do this: the question of every asker that tells of no HTTP request.

use std::borrow::Cow;

use iamd_authz::{Access, RequestFacts, ResourcePolicy};
use iamd_policy::Values;
use iamd_service::{Asker, Decided, Known, Question};
use iamd_types::{AccountId, Arn, Code, Error};
use serde_json::json;

use crate::context::{BadContext, Told};
use crate::guard::Guard;
use crate::points::Point;

/// Who asks.
#[derive(Clone, Copy)]
pub(crate) enum Asking<'a> {
    /// A configured point, about principals of its account.
    Point(&'a Point, AccountId),
    /// A principal, about those on whom it may do `iamd:Authorize`.
    Principal(&'a Known, &'a RequestFacts),
}

impl Asking<'_> {
    /// The account that the asker is of.
    pub(crate) fn account(&self) -> AccountId {
        match self {
            Self::Point(_, account) => *account,
            Self::Principal(asker, _) => asker.caller().account,
        }
    }
}

/// What is asked.
pub(crate) struct Subject {
    pub(crate) action: String,
    pub(crate) resource: String,
    pub(crate) resource_account: Option<AccountId>,
    pub(crate) told: Told,
    pub(crate) traced: bool,
    /// Whether the resource is in another store, whatever is of its name here.
    pub(crate) elsewhere: bool,
}

/// Why there is no decision. `Display` is for the asker.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NoDecision {
    #[error("{0}")]
    Malformed(String),
    #[error("{0}")]
    Error(#[from] Error),
}

impl From<BadContext> for NoDecision {
    fn from(bad: BadContext) -> Self {
        Self::Malformed(bad.to_string())
    }
}

impl NoDecision {
    pub(crate) fn code(&self) -> &'static str {
        match self {
            Self::Malformed(_) => Code::ValidationError.as_str(),
            Self::Error(error) => error.code().as_str(),
        }
    }
}

pub(crate) fn malformed(message: impl Into<String>) -> NoDecision {
    NoDecision::Malformed(message.into())
}

impl Guard {
    /// The principal of this ARN, if the asker may ask about it. That is settled first, so that nobody learns
    /// who exists.
    pub(crate) async fn named(&self, asking: Asking<'_>, arn: &str) -> Result<Known, NoDecision> {
        let account = Arn::parse(arn).ok().and_then(|arn| arn.account_id());
        let account =
            account.ok_or_else(|| malformed("the principal is not an ARN of an account"))?;
        match asking {
            Asking::Point(_, own) if own == account => {}
            Asking::Point(..) => return Err(foreign().into()),
            Asking::Principal(..) => self.ensure_may_ask(asking, arn, Some(account))?,
        }
        Ok(self.service.principal(arn).await?)
    }

    /// Whoever of the asker's account holds this long-term key, if the asker may ask about them. A key of another
    /// account is answered as one that there is not.
    pub(crate) async fn holder(&self, asking: Asking<'_>, key: &str) -> Result<Known, NoDecision> {
        self.ensure_may_ask(asking, "*", None)?;
        let known = self.service.key_holder(key).await?;
        if known.caller().account == asking.account() { Ok(known) } else { Err(foreign().into()) }
    }

    /// The user of this name in the account of the point that asks.
    pub(crate) async fn user(&self, asking: Asking<'_>, name: &str) -> Result<Known, NoDecision> {
        let Asking::Point(_, account) = asking else {
            return Err(malformed("a name means nothing without an account"));
        };
        Ok(self.service.user(account, name).await?)
    }

    /// Refuses principals that may not ask about this one; a refusal is recorded.
    pub(crate) fn ensure_may_ask(
        &self,
        asking: Asking<'_>,
        about: &str,
        account: Option<AccountId>,
    ) -> Result<(), NoDecision> {
        let Asking::Principal(asker, facts) = asking else { return Ok(()) };
        let access = match account {
            Some(account) => Access::new("iamd:Authorize", about.to_owned(), account),
            None => Access::on_all("iamd:Authorize"),
        };
        let denied = match self.service.ensure_allowed(asker, access, facts) {
            Ok(()) => return Ok(()),
            Err(error) if error.code() != Code::AccessDenied => return Err(error.into()),
            Err(denied) => denied,
        };
        let question = Question {
            asker: Asker::Itself,
            service: "iamd",
            event: "Authorize",
            action: "iamd:Authorize".into(),
            resource: about.to_owned(),
            owner: account,
            policy: ResourcePolicy::None,
            keys: Vec::<(_, Values)>::new(),
            facts,
            parameters: json!({ "principalArn": about }),
            traced: false,
            hides_policy: false,
        };
        self.service.decide(asker, question)?;
        Err(denied.into())
    }

    /// Decides whether somebody whom the asker may ask about may do this, with the policy of the resource where that is
    /// kept here.
    pub(crate) async fn decide(
        &self,
        asking: Asking<'_>,
        who: &Known,
        subject: Subject,
    ) -> Result<Decided, NoDecision> {
        let Subject { action, resource, resource_account, told, traced, elsewhere } = subject;
        ensure_action(&action)?;
        let kept = match elsewhere {
            true => None,
            false => self.service.kept(who, &action, &resource).await?,
        };
        let owner = match (&kept, resource_account) {
            (Some(kept), Some(told)) if kept.owner != told => return Err(of_another()),
            (Some(kept), _) => kept.owner,
            (None, told) => owner(&resource, told, asking.account())?,
        };
        let api = self.checks().apis.by_arn(&resource);
        let protects = |id: &str| match asking {
            Asking::Point(point, _) => point.apis.contains(id),
            Asking::Principal(..) => false,
        };
        let hides_policy = owner != asking.account() && !api.is_some_and(|api| protects(&api.id));
        let policy = match (&kept, api) {
            (Some(kept), _) => kept.policy(),
            (None, Some(api)) => ResourcePolicy::Resource(api.policy.as_ref()),
            (None, None) => ResourcePolicy::None,
        };
        let asker = match asking {
            Asking::Point(point, _) => Asker::Point(&point.name),
            Asking::Principal(asker, _) => Asker::Principal(asker),
        };
        let parameters = json!({
            "principalArn": who.caller().arn,
            "action": action,
            "resource": resource,
        });
        let question = Question {
            asker,
            service: "iamd",
            event: "Authorize",
            action: Cow::Owned(action),
            resource,
            owner: Some(owner),
            policy,
            keys: told.keys,
            facts: &told.facts,
            parameters,
            traced,
            hides_policy,
        };
        Ok(self.service.decide(who, question)?)
    }
}

fn foreign() -> Error {
    Error::new(Code::AccessDenied, "There is no such principal, or it cannot be asked about.")
}

fn of_another() -> NoDecision {
    malformed("the resource is of another account than `resourceAccount`")
}

/// `service:Name`, without wildcards: a question is about one action.
fn ensure_action(action: &str) -> Result<(), NoDecision> {
    let well_formed = action.len() <= 128
        && action.split_once(':').is_some_and(|(service, name)| {
            let plain = |text: &str, also: &[u8]| {
                !text.is_empty()
                    && text.bytes().all(|it| it.is_ascii_alphanumeric() || also.contains(&it))
            };
            plain(service, b"-") && plain(name, b"")
        });
    if well_formed { Ok(()) } else { Err(malformed("the action must be `service:Name`")) }
}

/// The account that owns a resource: the one in its ARN, or the one that is told, or the asker's, whose resources it
/// protects.
fn owner(resource: &str, told: Option<AccountId>, own: AccountId) -> Result<AccountId, NoDecision> {
    if resource == "*" {
        return Ok(told.unwrap_or(own));
    }
    let arn = Arn::parse(resource).map_err(|_| malformed("the resource must be an ARN or `*`"))?;
    match (arn.account_id(), told) {
        (Some(account), Some(told)) if account != told => Err(of_another()),
        (Some(account), _) => Ok(account),
        (None, told) => Ok(told.unwrap_or(own)),
    }
}
