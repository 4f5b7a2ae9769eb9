//! A whole decision, laid open: every gate that a request passes, every policy at the gate, every statement of the
//! policy, and for those that do not apply the first element that says so, with what it wants and what was there.
//!
//! For people and for programs: it serializes, and its `Display` is for terminals. Nothing decides on it.

use std::fmt;

use serde::{Serialize, Serializer};

use crate::evaluate::{Reference, binding};
use crate::statement::View;
use crate::{
    Attached, Effect, Element, Evaluator, Mismatch, Policies, PolicyKind, Request, Statement,
    StatementEffect, Text,
};

/// A decision with everything that led to it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Trace<'a> {
    /// The answer.
    #[serde(serialize_with = "effect")]
    pub effect: Effect,
    /// The kind of policy that decided.
    #[serde(serialize_with = "kind")]
    pub decided_by: PolicyKind,
    /// The action as asked for.
    pub action: String,
    /// The resource as asked for.
    pub resource: String,
    /// The caller's ARN.
    pub caller: String,
    /// The gates in the order of evaluation. A Deny at any of them ends it, whatever the others say.
    pub gates: Vec<Gate<'a>>,
    /// Condition keys that statements about the action ask for and the request lacks.
    pub missing: Vec<&'a str>,
}

/// The policies of one kind; for organizations, of one level.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Gate<'a> {
    /// The kind.
    #[serde(serialize_with = "kind")]
    pub kind: PolicyKind,
    /// The level, counted from the organization's root, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub level: Option<usize>,
    /// What its policies say together.
    pub says: Says,
    /// Whether the kind is the one that decided.
    pub decides: bool,
    /// The policies.
    pub policies: Vec<PolicyTrace<'a>>,
}

/// What policies say about a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Says {
    /// A Deny applies.
    Denies,
    /// An Allow applies, and no Deny.
    Allows,
    /// No statement applies.
    Nothing,
}

/// One policy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PolicyTrace<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its ARN, when it is a managed policy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub arn: Option<&'a str>,
    /// Its statements in their order.
    pub statements: Vec<StatementOutcome<'a>>,
}

/// One statement.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct StatementOutcome<'a> {
    /// Its place in the document, from 0.
    pub index: usize,
    /// Its Sid.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sid: Option<&'a str>,
    /// The line on which it begins.
    pub line: u32,
    /// What it does when it applies.
    #[serde(serialize_with = "statement_effect")]
    pub effect: StatementEffect,
    /// Why it does not apply; none when it does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failed: Option<Failed<'a>>,
}

/// The first element that does not hold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Failed<'a> {
    /// The element as it is called in the document; for a condition its operator.
    pub element: &'a str,
    /// The condition key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<&'a str>,
    /// The values in the document.
    pub wanted: Vec<&'a str>,
    /// What the request has; empty when it lacks the key.
    pub seen: Vec<String>,
    /// Whether the element makes no sense, rather than not fitting.
    pub unreadable: bool,
}

impl<'a> Trace<'a> {
    /// Decides a request and tells how. Slow and thorough, like [`Reference`], whose answer it is.
    pub fn of(request: &Request<'_>, policies: &Policies<'a>) -> Self {
        let decision = Reference.decide(request, policies);
        // The reference always names what decided.
        let decided_by = decision.decided_by.unwrap_or(PolicyKind::Identity);
        let bounded = policies.boundary.is_some();
        let mut gates: Vec<Gate<'a>> = Vec::new();
        for part in binding(request, policies) {
            let of_organization =
                matches!(part.kind, PolicyKind::ResourceControl | PolicyKind::ServiceControl);
            let above = gates.iter().filter(|gate| gate.kind == part.kind).count();
            let policy = |it: &Attached<'a>| PolicyTrace::of(request, part.kind, bounded, it);
            let policies: Vec<PolicyTrace<'a>> = part.policies.iter().map(policy).collect();
            gates.push(Gate {
                kind: part.kind,
                level: of_organization.then_some(above + 1),
                says: Says::of(&policies),
                decides: part.kind == decided_by,
                policies,
            });
        }
        Self {
            effect: decision.effect,
            decided_by,
            action: request.action.name().to_owned(),
            resource: request.resource.arn.to_owned(),
            caller: request.principal.arn.to_owned(),
            gates,
            missing: decision.missing,
        }
    }
}

impl Says {
    fn of(policies: &[PolicyTrace<'_>]) -> Self {
        let applies = |effect| {
            let mut statements = policies.iter().flat_map(|policy| &policy.statements);
            statements.any(|it| it.effect == effect && it.failed.is_none())
        };
        if applies(StatementEffect::Deny) {
            Self::Denies
        } else if applies(StatementEffect::Allow) {
            Self::Allows
        } else {
            Self::Nothing
        }
    }
}

impl<'a> PolicyTrace<'a> {
    fn of(request: &Request<'_>, kind: PolicyKind, bounded: bool, attached: &Attached<'a>) -> Self {
        let document = attached.document;
        let view = View { request, kind, version: document.version(), bounded };
        let outcome = |(index, statement): (usize, &'a Statement)| StatementOutcome {
            index,
            sid: statement.sid.as_ref().map(|sid| sid.value.as_str()),
            line: statement.span.start.line,
            effect: statement.effect,
            failed: view.judge(statement).err().map(|it| Failed::of(it, statement, request)),
        };
        let statements = document.statements().iter().enumerate().map(outcome).collect();
        Self { name: attached.source.name, arn: attached.source.arn, statements }
    }
}

impl<'a> Failed<'a> {
    fn of(mismatch: Mismatch<'a>, statement: &'a Statement, request: &Request<'_>) -> Self {
        let texts = |texts: &'a [Text]| texts.iter().map(|it| it.value.as_str()).collect();
        let unreadable = mismatch.unreadable;
        let (element, key, wanted, seen): (_, _, Vec<&'a str>, _) = match mismatch.element {
            Element::Principal => {
                let principals = statement.principals.as_ref();
                let names = principals.map(|it| it.names.as_slice()).unwrap_or_default();
                let wanted = names.iter().map(|it| it.name.value.as_str()).collect();
                let negated = principals.is_some_and(|it| it.negated);
                let element = if negated { "NotPrincipal" } else { "Principal" };
                (element, None, wanted, vec![request.principal.arn.to_owned()])
            }
            Element::Action => {
                let actions = statement.actions.as_ref();
                let patterns = actions.map(|it| it.patterns.as_slice()).unwrap_or_default();
                let negated = actions.is_some_and(|it| it.negated);
                let element = if negated { "NotAction" } else { "Action" };
                (element, None, texts(patterns), vec![request.action.name().to_owned()])
            }
            Element::Resource => {
                let resources = statement.resources.as_ref();
                let patterns = resources.map(|it| it.patterns.as_slice()).unwrap_or_default();
                let negated = resources.is_some_and(|it| it.negated);
                let element = if negated { "NotResource" } else { "Resource" };
                (element, None, texts(patterns), vec![request.resource.arn.to_owned()])
            }
            Element::Condition { operator, key, expected, actual } => {
                (operator, Some(key), texts(expected), actual)
            }
        };
        Self { element, key, wanted, seen, unreadable }
    }
}

impl fmt::Display for Trace<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}: {} by {}", self.action, words(self.effect), self.decided_by)?;
        writeln!(f, "  caller {}\n  resource {}", self.caller, self.resource)?;
        if !self.missing.is_empty() {
            writeln!(f, "  the request has no {}", self.missing.join(", "))?;
        }
        self.gates.iter().try_for_each(|gate| write!(f, "{gate}"))
    }
}

impl fmt::Display for Gate<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.kind)?;
        if let Some(level) = self.level {
            write!(f, ", level {level}")?;
        }
        let says = match self.says {
            Says::Denies => "denies",
            Says::Allows => "allows",
            Says::Nothing if self.policies.is_empty() => "there is none, so it allows nothing",
            Says::Nothing => "allows nothing",
        };
        writeln!(f, ": {says}{}", if self.decides { "  <- decides" } else { "" })?;
        for policy in &self.policies {
            writeln!(f, "  {}", policy.arn.unwrap_or(policy.name))?;
            policy.statements.iter().try_for_each(|statement| write!(f, "{statement}"))?;
        }
        Ok(())
    }
}

impl fmt::Display for StatementOutcome<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "    {}", self.index + 1)?;
        if let Some(sid) = self.sid {
            write!(f, " {sid}")?;
        }
        let effect = statement_words(self.effect);
        write!(f, " (line {}): {effect}", self.line)?;
        match &self.failed {
            None => writeln!(f, ", applies"),
            Some(failed) => writeln!(f, ", no: {failed}"),
        }
    }
}

impl fmt::Display for Failed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.element)?;
        if let Some(key) = self.key {
            write!(f, " {key}")?;
        }
        if self.unreadable {
            return f.write_str(" makes no sense");
        }
        let seen: Vec<&str> = self.seen.iter().map(String::as_str).collect();
        let negated = self.key.is_none() && self.element.starts_with("Not");
        let verb = if negated { "excepts" } else { "wants" };
        write!(f, " {verb} {}, ", list(&self.wanted))?;
        if seen.is_empty() { f.write_str("is missing") } else { write!(f, "is {}", list(&seen)) }
    }
}

fn list(values: &[&str]) -> String {
    let quoted: Vec<String> = values.iter().map(|value| format!("`{value}`")).collect();
    quoted.join(", ")
}

fn words(effect: Effect) -> &'static str {
    match effect {
        Effect::Allow => "allowed",
        Effect::ImplicitDeny => "implicitly denied",
        Effect::ExplicitDeny => "explicitly denied",
    }
}

fn statement_words(effect: StatementEffect) -> &'static str {
    match effect {
        StatementEffect::Allow => "Allow",
        StatementEffect::Deny => "Deny",
    }
}

fn effect<S: Serializer>(effect: &Effect, serializer: S) -> Result<S::Ok, S::Error> {
    // The simulator's words (IAM API Reference, EvaluationResult).
    serializer.serialize_str(match effect {
        Effect::Allow => "allowed",
        Effect::ImplicitDeny => "implicitDeny",
        Effect::ExplicitDeny => "explicitDeny",
    })
}

fn statement_effect<S: Serializer>(it: &StatementEffect, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(statement_words(*it))
}

fn kind<S: Serializer>(kind: &PolicyKind, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(kind)
}
