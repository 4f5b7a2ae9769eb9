//! What AWS refuses when a policy is written, with AWS's texts, in AWS's order: the first group that finds
//! fault answers.
//!
//! Not a linter: what is merely useless passes. Whether the principals and policies named exist is for the
//! caller to say, and so are size limits, since they have other error codes.

#[cfg(feature = "vocabulary")]
mod bucket;
mod principal;
mod resource;

use std::collections::BTreeSet;

use crate::error::{ParseError, ParseErrorKind};
use crate::operator::{Operator, Test};
use crate::parse::{self, Draft};
use crate::pattern::Pattern;
use crate::{Document, Statement, StatementEffect, Version, value};

/// The kinds of policy, as far as they may hold different things.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PolicyType {
    /// An identity policy, inline or managed, or a permissions boundary.
    Identity,
    /// A role's trust policy.
    Trust,
    /// The policy of any other resource.
    Resource,
    /// A session policy.
    Session,
    /// A service control policy.
    ServiceControl,
    /// A resource control policy.
    ResourceControl,
}

/// A refused document; the error code is always `MalformedPolicyDocument`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Refusal {
    /// The text for the caller.
    pub message: String,
}

impl Refusal {
    fn new(message: impl Into<String>) -> Self {
        Self { message: message.into() }
    }
}

type Verdict = Result<(), Refusal>;

#[cfg(feature = "vocabulary")]
pub use bucket::{check_bucket, read_bucket_policy};

const SYNTAX: &str = "Syntax errors in policy.";
const LEGACY: &str = "The policy failed legacy parsing";

/// What a trust policy may allow or deny.
const TRUST_ACTIONS: [&str; 7] = [
    "sts:assumerole",
    "sts:assumerolewithsaml",
    "sts:assumerolewithwebidentity",
    "sts:assumeroot",
    "sts:tagsession",
    "sts:setsourceidentity",
    "sts:setcontext",
];

/// Parses a document that is about to be stored, and refuses what AWS refuses. `managed` is whether it becomes a
/// customer managed policy, whose version must be 2012-10-17.
pub fn check(text: &str, policy_type: PolicyType, managed: bool) -> Result<Document, Refusal> {
    let Draft { document, inexact_effect } =
        parse::read(text).map_err(|error| syntax_refusal(&error, policy_type))?;
    known_operators(&document)?;
    if managed && document.version() != Version::V2012 {
        return Err(Refusal::new("Policy document must be version 2012-10-17 or greater."));
    }
    if inexact_effect.is_some() {
        return Err(legacy());
    }
    dates(&document)?;
    if policy_type != PolicyType::Trust {
        resource::legacy_arns(&document)?;
    }
    elements(&document, policy_type)?;
    sids(&document, policy_type)?;
    actions_present(&document)?;
    if policy_type != PolicyType::Trust {
        resource::check(&document)?;
    }
    actions(&document)?;
    if policy_type == PolicyType::Trust {
        trust_actions(&document)?;
    }
    principal::check(&document, policy_type)?;
    Ok(document)
}

fn syntax_refusal(error: &ParseError, policy_type: PolicyType) -> Refusal {
    Refusal::new(match (&error.kind, policy_type) {
        (ParseErrorKind::Json(_) | ParseErrorKind::TooDeep, PolicyType::Trust) => {
            "This policy contains invalid Json"
        }
        (ParseErrorKind::Principal(_), _) => "Invalid principal in policy.",
        _ => SYNTAX,
    })
}

fn known_operators(document: &Document) -> Verdict {
    let mut conditions = document.statements.iter().flat_map(|statement| &statement.conditions);
    match conditions.find(|condition| Operator::parse(&condition.operator.value).is_none()) {
        None => Ok(()),
        Some(_) => Err(Refusal::new(SYNTAX)),
    }
}

fn legacy() -> Refusal {
    Refusal::new(LEGACY)
}

fn dates(document: &Document) -> Verdict {
    for condition in document.statements.iter().flat_map(|statement| &statement.conditions) {
        let operator = Operator::parse(&condition.operator.value);
        let is_date = operator.is_some_and(|operator| matches!(operator.test, Test::Date(_)));
        let mut values = condition.values.iter();
        if is_date && values.any(|text| value::instant(&text.value).is_none()) {
            return Err(legacy());
        }
    }
    Ok(())
}

/// The elements that each kind of policy must and must not have.
fn elements(document: &Document, policy_type: PolicyType) -> Verdict {
    for statement in &document.statements {
        match policy_type {
            PolicyType::Identity | PolicyType::Session | PolicyType::ServiceControl => {
                if statement.principals.is_some() {
                    return Err(Refusal::new("Policy document should not specify a principal."));
                }
            }
            PolicyType::Trust => trust_elements(statement)?,
            PolicyType::Resource | PolicyType::ResourceControl => principal_present(statement)?,
        }
    }
    Ok(())
}

fn trust_elements(statement: &Statement) -> Verdict {
    if let Some(resources) = &statement.resources {
        let not = if resources.negated { "Not" } else { "" };
        return Err(Refusal::new(format!("Has prohibited field {not}Resource")));
    }
    if statement.principals.as_ref().is_some_and(|principals| principals.negated) {
        return Err(Refusal::new("Has prohibited field NotPrincipal"));
    }
    principal_present(statement)
}

fn principal_present(statement: &Statement) -> Verdict {
    match &statement.principals {
        Some(principals) if !principals.names.is_empty() => Ok(()),
        _ => Err(Refusal::new("Missing required field Principal")),
    }
}

fn sids(document: &Document, policy_type: PolicyType) -> Verdict {
    let mut seen = BTreeSet::new();
    let sids = document.statements.iter().filter_map(|statement| statement.sid.as_ref());
    for sid in sids.map(|sid| sid.value.as_str()).filter(|sid| !sid.is_empty()) {
        // Policies of resources other than roles may have blanks and more in a Sid.
        let plain = sid.chars().all(|c| c.is_ascii_alphanumeric());
        if !plain && policy_type != PolicyType::Resource {
            return Err(Refusal::new(
                "Statement IDs (SID) must be alpha-numeric. Check that your input satisfies the regular \
                 expression [0-9A-Za-z]*",
            ));
        }
        if !seen.insert(sid) {
            return Err(Refusal::new("Statement IDs (SID) in a single policy must be unique."));
        }
    }
    Ok(())
}

fn actions_present(document: &Document) -> Verdict {
    let lacks = |statement: &Statement| {
        statement.actions.as_ref().is_none_or(|actions| actions.patterns.is_empty())
    };
    if document.statements.iter().any(lacks) {
        return Err(Refusal::new("Policy statement must contain actions."));
    }
    Ok(())
}

/// The text of actions, one defect after the other over the whole document.
fn actions(document: &Document) -> Verdict {
    let actions: Vec<&str> = document
        .statements
        .iter()
        .flat_map(|statement| &statement.actions)
        .flat_map(|actions| &actions.patterns)
        .map(|pattern| pattern.value.as_str())
        .filter(|&action| action != "*")
        .collect();
    if actions.iter().any(|action| !action.contains(':')) {
        return Err(Refusal::new(
            "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.",
        ));
    }
    if actions.iter().any(|action| action.matches(':').count() > 1) {
        return Err(Refusal::new("Actions/Condition can contain only one colon."));
    }
    for vendor in actions.iter().filter_map(|action| action.split(':').next()) {
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '.';
        if vendor.is_empty() || !vendor.chars().all(plain) {
            return Err(Refusal::new(format!("Vendor {vendor} is not valid")));
        }
    }
    Ok(())
}

/// Patterns pass when they match an action that may stand here; `*` and `NotAction` reach beyond (our reading).
fn trust_actions(document: &Document) -> Verdict {
    for actions in document.statements.iter().flat_map(|statement| &statement.actions) {
        let fits = |text: &str| {
            let text = text.to_ascii_lowercase();
            let pattern = Pattern::of(&text);
            text.starts_with("sts:") && TRUST_ACTIONS.iter().any(|action| pattern.matches(action))
        };
        if actions.negated || !actions.patterns.iter().all(|pattern| fits(&pattern.value)) {
            return Err(Refusal::new("AssumeRole policy may only specify STS AssumeRole actions."));
        }
    }
    Ok(())
}

/// Whether a statement allows to everybody that it does not name.
fn allows_others(statement: &Statement) -> bool {
    statement.effect == StatementEffect::Allow
        && statement.principals.as_ref().is_some_and(|principals| principals.negated)
}
