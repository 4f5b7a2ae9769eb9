//! The one error of operations: a code, the caller's message, and what only the log may see.

use std::borrow::Cow;
use std::sync::Arc;

use crate::Code;

/// Why a request was refused. `Display` is the caller's message; the source is for the log alone.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{message}")]
pub struct Error {
    code: Code,
    message: Cow<'static, str>,
    /// What few errors have, in one place, so that the others stay small.
    rest: Option<Arc<Rest>>,
}

#[derive(Debug, Clone, Default)]
struct Rest {
    source: Option<Arc<dyn std::error::Error + Send + Sync>>,
    headers: Vec<(&'static str, String)>,
    elements: Vec<(&'static str, String)>,
}

impl Rest {
    fn of(source: impl std::error::Error + Send + Sync + 'static) -> Option<Arc<Self>> {
        Some(Arc::new(Self { source: Some(Arc::new(source)), ..Self::default() }))
    }
}

/// The kinds of entity whose errors have AWS's fixed wordings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// An IAM user.
    User,
    /// A user group.
    Group,
    /// A role.
    Role,
    /// An instance profile.
    InstanceProfile,
    /// A managed policy.
    Policy,
}

impl Kind {
    /// The kind in the middle of a sentence.
    pub const fn noun(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Group => "group",
            Self::Role => "role",
            Self::InstanceProfile => "instance profile",
            Self::Policy => "policy",
        }
    }

    const fn title(self) -> &'static str {
        match self {
            Self::User => "User",
            Self::Group => "Group",
            Self::Role => "Role",
            Self::InstanceProfile => "Instance Profile",
            Self::Policy => "Policy",
        }
    }
}

impl Error {
    /// An error with this message for the caller.
    pub fn new(code: Code, message: impl Into<Cow<'static, str>>) -> Self {
        Self { code, message: message.into(), rest: None }
    }

    /// A failure of ours: the caller learns only that there was one; the log gets the source.
    pub fn internal(source: impl std::error::Error + Send + Sync + 'static) -> Self {
        Self {
            code: Code::ServiceFailure,
            message: Cow::Borrowed(
                "The request processing has failed because of an unknown error, exception or failure.",
            ),
            rest: Rest::of(source),
        }
    }

    /// The service cannot answer now; clients retry.
    pub fn unavailable(source: impl std::error::Error + Send + Sync + 'static) -> Self {
        Self {
            code: Code::ServiceUnavailable,
            message: Cow::Borrowed(
                "The request has failed due to a temporary failure of the server.",
            ),
            rest: Rest::of(source),
        }
    }

    /// The code.
    pub fn code(&self) -> Code {
        self.code
    }

    /// The caller's message.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The same error, whose answer says more in its head: S3 tells there which delete marker hides an object.
    #[must_use]
    pub fn with_header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        Arc::make_mut(self.rest.get_or_insert_default()).headers.push((name, value.into()));
        self
    }

    /// What the answer's head says.
    pub fn headers(&self) -> &[(&'static str, String)] {
        self.rest.as_ref().map_or(&[], |rest| &rest.headers)
    }

    /// The same error, whose answer says more in its body: S3 tells there which argument it does not take.
    #[must_use]
    pub fn with_element(mut self, name: &'static str, value: impl Into<String>) -> Self {
        Arc::make_mut(self.rest.get_or_insert_default()).elements.push((name, value.into()));
        self
    }

    /// What the answer's body says beside code and message.
    pub fn elements(&self) -> &[(&'static str, String)] {
        self.rest.as_ref().map_or(&[], |rest| &rest.elements)
    }

    /// What went wrong inside, for the log.
    pub fn internal_source(&self) -> Option<&(dyn std::error::Error + Send + Sync)> {
        self.rest.as_ref()?.source.as_deref()
    }

    /// `NoSuchEntity`: the entity of this name is not there.
    pub fn no_such_entity(kind: Kind, name: &str) -> Self {
        let message = match kind {
            Kind::InstanceProfile => format!("Instance Profile {name} cannot be found."),
            Kind::Policy => format!("Policy {name} was not found."),
            Kind::User | Kind::Group | Kind::Role => {
                format!("The {} with name {name} cannot be found.", kind.noun())
            }
        };
        Self::new(Code::NoSuchEntity, message)
    }

    /// `EntityAlreadyExists`: the name is taken.
    pub fn already_exists(kind: Kind, name: &str) -> Self {
        let message = match kind {
            Kind::InstanceProfile => format!("Instance Profile {name} already exists."),
            Kind::Policy => {
                format!("A policy called {name} already exists. Duplicate names are not allowed.")
            }
            Kind::User | Kind::Group | Kind::Role => {
                format!("{} with name {name} already exists.", kind.title())
            }
        };
        Self::new(Code::EntityAlreadyExists, message)
    }

    /// `NoSuchEntity`: the policy does not exist, or not in a form that can be attached.
    pub fn not_attachable(arn: &str) -> Self {
        Self::new(Code::NoSuchEntity, format!("Policy {arn} does not exist or is not attachable."))
    }

    /// `NoSuchEntity`: the inline policy is not there.
    pub fn no_such_inline_policy(owner: Kind, name: &str) -> Self {
        Self::new(
            Code::NoSuchEntity,
            format!("The {} policy with name {name} cannot be found.", owner.noun()),
        )
    }

    /// `DeleteConflict`, with what must go first: "must detach all policies first".
    pub fn delete_conflict(what: &str) -> Self {
        Self::new(Code::DeleteConflict, format!("Cannot delete entity, must {what} first."))
    }

    /// `LimitExceeded` for a counted quota, by AWS's name of the limit.
    pub fn quota(limit: &str, quota: u64) -> Self {
        Self::new(Code::LimitExceeded, format!("Cannot exceed quota for {limit}: {quota}"))
    }

    /// `ValidationError` with this message.
    pub fn validation(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Code::ValidationError, message)
    }

    /// `MalformedPolicyDocument` with this message.
    pub fn malformed_policy(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Code::MalformedPolicyDocument, message)
    }

    /// `InvalidInput` with this message.
    pub fn invalid_input(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Code::InvalidInput, message)
    }
}
