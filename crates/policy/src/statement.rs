//! Whether one statement applies to a request, and if not, which element says so.

use crate::operator::{Truth, expand};
use crate::pattern::{Pattern, Token};
use crate::principal::{Naming, Namings};
use crate::variable::{self, Expansion};
use crate::{
    Actions, Context, PolicyKind, Principals, Request, Resources, Statement, StatementEffect, Text,
    Version,
};

/// Why a statement does not apply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mismatch<'a> {
    /// The first element that does not hold.
    pub element: Element<'a>,
    /// Whether the element makes no sense, rather than not fitting the request. Only an Allow fails by that.
    pub unreadable: bool,
}

/// An element of a statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Element<'a> {
    /// `Principal` or `NotPrincipal`.
    Principal,
    /// `Action` or `NotAction`.
    Action,
    /// `Resource` or `NotResource`.
    Resource,
    /// A condition.
    Condition {
        /// The operator as written.
        operator: &'a str,
        /// The key as written.
        key: &'a str,
        /// The values that the statement compares with.
        expected: &'a [Text],
        /// The values that the request has; none when the key is missing.
        actual: Vec<String>,
    },
}

/// A request as one policy sees it.
#[derive(Clone, Copy)]
pub(crate) struct View<'r> {
    pub(crate) request: &'r Request<'r>,
    /// The kind of the policy.
    pub(crate) kind: PolicyKind,
    pub(crate) version: Version,
    /// Whether the caller has a permissions boundary.
    pub(crate) bounded: bool,
}

impl View<'_> {
    /// How an applying statement names the caller, or why it does not apply.
    pub(crate) fn judge<'a>(&self, statement: &'a Statement) -> Result<Namings, Mismatch<'a>> {
        let (namings, principal) = self.principal(statement);
        let mut unreadable = None;
        for (element, truth) in [
            (Element::Principal, principal),
            (Element::Action, self.action(statement.actions.as_ref())),
            (Element::Resource, self.resource(statement.resources.as_ref())),
        ]
        .into_iter()
        .chain(self.conditions(statement))
        {
            match truth {
                Truth::Yes => {}
                Truth::No => return Err(Mismatch { element, unreadable: false }),
                Truth::Unreadable => unreadable = unreadable.or(Some(element)),
            }
        }
        // What cannot be understood must not weaken a Deny, nor widen an Allow.
        match (unreadable, statement.effect) {
            (Some(element), StatementEffect::Allow) => Err(Mismatch { element, unreadable: true }),
            _ => Ok(namings),
        }
    }

    /// Only policies of resources name principals; there, one that names none makes no sense.
    fn principal(&self, statement: &Statement) -> (Namings, Truth) {
        let of_resource = matches!(
            self.kind,
            PolicyKind::Resource | PolicyKind::RoleTrust | PolicyKind::ResourceControl
        );
        let caller = &self.request.principal;
        let namings =
            |principals: &Principals| principals.namings(caller, statement.effect, self.bounded);
        match (&statement.principals, of_resource) {
            (Some(principals), true) => {
                let namings = namings(principals);
                let truth = (!namings.is_empty()).into();
                (namings, truth)
            }
            (None, false) => (Naming::Caller.into(), Truth::Yes),
            (Some(_), false) | (None, true) => (Naming::Caller.into(), Truth::Unreadable),
        }
    }

    pub(crate) fn action(&self, actions: Option<&Actions>) -> Truth {
        let Some(actions) = actions.filter(|actions| !actions.patterns.is_empty()) else {
            return Truth::Unreadable;
        };
        let action = self.request.action.name().to_ascii_lowercase();
        let named = actions
            .patterns
            .iter()
            .any(|pattern| Pattern::of(&pattern.value.to_ascii_lowercase()).matches(&action));
        (named != actions.negated).into()
    }

    fn resource(&self, resources: Option<&Resources>) -> Truth {
        match resources {
            // A trust policy speaks of the role that it belongs to.
            None if self.kind == PolicyKind::RoleTrust => Truth::Yes,
            None => Truth::Unreadable,
            Some(resources) if resources.patterns.is_empty() => Truth::Unreadable,
            Some(resources) => {
                let arn = self.request.resource.arn;
                let named = Truth::any(resources.patterns.iter().map(|pattern| {
                    resource_matches(&pattern.value, arn, self.version, self.request.context)
                }));
                if resources.negated { named.not() } else { named }
            }
        }
    }

    fn conditions<'a>(
        &self,
        statement: &'a Statement,
    ) -> impl Iterator<Item = (Element<'a>, Truth)> {
        let (version, context) = (self.version, self.request.context);
        statement.conditions.iter().map(move |condition| {
            let element = Element::Condition {
                operator: &condition.operator.value,
                key: &condition.key.value,
                expected: &condition.values,
                actual: context
                    .get(&condition.key.value)
                    .map(|values| values.as_slice().to_vec())
                    .unwrap_or_default(),
            };
            (element, condition.holds(version, context))
        })
    }
}

/// One glob over the whole text: a star crosses `/` and `:`. In a short ARN the missing fields count as `*`, too
/// (our reading).
fn resource_matches(pattern: &str, arn: &str, version: Version, context: &Context) -> Truth {
    let matches = |pattern: &str| match expand(pattern, version, context, Token::of) {
        Expansion::Tokens(tokens) => Pattern::from_tokens(tokens).matches(arn).into(),
        Expansion::Unresolved => Truth::No,
        Expansion::Unreadable => Truth::Unreadable,
    };
    let fields = variable::fields(pattern, version).len();
    if (2..6).contains(&fields) {
        let padded = [pattern, &":*".repeat(6 - fields)].concat();
        return Truth::any([matches(pattern), matches(&padded)]);
    }
    matches(pattern)
}
