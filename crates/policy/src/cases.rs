//! Policy scenarios as data: a request, its policies and the expected answer, one JSON object a line.
//!
//! The same form serves this crate's tests, other engines' tests and users who check their policies in CI. The
//! context is taken as given: no condition key is invented, not even from the principal. Policies may stand in
//! files of their own, which the caller reads.

mod explanation;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::{
    Action, Attached, Context, Decision, Document, Effect, Evaluator, Policies, PolicyKind,
    Principal, PrincipalKind, Request, Resource, ResourcePolicyKind, Source,
};

/// One scenario. Members that are not known here are comments.
#[derive(Debug, Deserialize)]
pub struct Case {
    /// What to call it in a report.
    pub id: String,
    request: RequestFacts,
    #[serde(default)]
    policies: PolicyTexts,
    expect: Expected,
    /// The kind of policy that must decide, in AWS's words.
    decided_by: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RequestFacts {
    principal: PrincipalFacts,
    action: String,
    resource: ResourceFacts,
    #[serde(default)]
    context: BTreeMap<String, OneOrMany>,
    /// The keys that are multivalued, whatever the number of their values. Keys with several values always are.
    #[serde(default)]
    multivalued: Vec<String>,
}

/// `tags` and the like may stand here for the reader; what conditions see of them is in the context.
#[derive(Debug, Deserialize)]
struct PrincipalFacts {
    arn: String,
    kind: Kind,
    account: Option<String>,
    role_arn: Option<String>,
    user_arn: Option<String>,
    session_name: Option<String>,
    unique_id: Option<String>,
    #[serde(default)]
    management_account: bool,
    #[serde(default)]
    service_linked: bool,
    /// A calling service; without it, the ARN is the service's name.
    service: Option<String>,
    /// An identity provider; without it, the ARN is the provider's.
    provider: Option<String>,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Kind {
    Root,
    User,
    RoleSession,
    FederatedUser,
    Service,
    Anonymous,
    FederatedOidc,
    FederatedSaml,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ResourceFacts {
    arn: String,
    account: Option<String>,
    #[serde(default)]
    management_account: bool,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

/// Documents as JSON, or as strings that hold the text or name a file. Levels of an organization are lists.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct PolicyTexts {
    identity: Option<Vec<Box<RawValue>>>,
    resource: Option<Box<RawValue>>,
    boundary: Option<Box<RawValue>>,
    session: Option<Vec<Box<RawValue>>>,
    scps: Option<Vec<Vec<Box<RawValue>>>>,
    rcps: Option<Vec<Vec<Box<RawValue>>>>,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Expected {
    Allow,
    ImplicitDeny,
    ExplicitDeny,
}

/// What became of a set of cases.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// How many passed.
    pub passed: usize,
    /// Those that failed, in their order.
    pub failures: Vec<Failure>,
}

/// A case that failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The case, or its line when it cannot be read.
    pub id: String,
    /// Why, in short.
    pub reason: String,
}

/// What became of one case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// The answer.
    pub effect: Effect,
    /// The answer that was expected.
    pub expected: Effect,
    /// The kind of policy that decided.
    pub decided_by: Option<PolicyKind>,
    /// Why the case failed, in short; `None` when it passed.
    pub problem: Option<String>,
    /// A line for each statement: whether it applied, and if not, why.
    pub explanation: Vec<String>,
}

/// Gives the text of a policy file that a case names, or says which file there is not, and why.
pub type Load<'l> = &'l dyn Fn(&str) -> Result<String, String>;

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for Failure { id, reason } in &self.failures {
            writeln!(f, "{id}: {reason}")?;
        }
        write!(f, "{} passed, {} failed", self.passed, self.failures.len())
    }
}

/// Runs every line of a text; blank lines do not count. A line that cannot be read fails, and so does an id that
/// was there before.
pub fn run(text: &str, evaluator: &impl Evaluator) -> Report {
    let mut report = Report::default();
    let mut seen = BTreeSet::new();
    for (index, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let number = index + 1;
        let (id, outcome) = match serde_json::from_str::<Case>(line) {
            Err(error) => (format!("line {number}"), Err(error.to_string())),
            Ok(case) if !seen.insert(case.id.clone()) => (case.id, Err("duplicate id".to_owned())),
            Ok(case) => {
                let outcome = case.run(evaluator);
                (case.id, outcome)
            }
        };
        match outcome {
            Ok(()) => report.passed += 1,
            Err(reason) => report.failures.push(Failure { id, reason }),
        }
    }
    report
}

impl Case {
    /// Decides the case, which must hold its policies itself; an error says how the answer differs from the
    /// expected one.
    pub fn run(&self, evaluator: &impl Evaluator) -> Result<(), String> {
        let documents = Documents::parse(&self.policies, None)?;
        self.decide(&documents, evaluator, |_, _, decision| self.difference(decision))
            .map_or(Ok(()), Err)
    }

    /// Decides the case, whose policies may be in files. An error says which of them cannot be read.
    pub fn judge(&self, evaluator: &impl Evaluator, load: Load<'_>) -> Result<Outcome, String> {
        let documents = Documents::parse(&self.policies, Some(load))?;
        Ok(self.decide(&documents, evaluator, |request, policies, decision| Outcome {
            effect: decision.effect,
            expected: self.expect.effect(),
            decided_by: decision.decided_by,
            problem: self.difference(decision),
            explanation: explanation::lines(request, policies),
        }))
    }

    fn decide<R>(
        &self,
        documents: &Documents,
        evaluator: &impl Evaluator,
        then: impl FnOnce(&Request<'_>, &Policies<'_>, &Decision<'_>) -> R,
    ) -> R {
        let lists = Lists::of(documents);
        let context = self.request.context();
        let principal = &self.request.principal;
        let role_arn = principal.role_arn.clone().or_else(|| role_of_session(&principal.arn));
        let resource = &self.request.resource;
        let request = Request {
            principal: principal.facts(role_arn.as_deref()),
            action: &Action::new(&self.request.action),
            resource: Resource {
                arn: &resource.arn,
                account: resource.account.as_deref(),
                management_account: resource.management_account,
            },
            context: &context,
        };
        let kind = ResourcePolicyKind::of(&self.request.action, &resource.arn);
        let policies = lists.policies(kind);
        then(&request, &policies, &evaluator.decide(&request, &policies))
    }

    /// How a decision differs from the expected one.
    fn difference(&self, decision: &Decision<'_>) -> Option<String> {
        let expected = self.expect.effect();
        let by = decision.decided_by.map(|kind| kind.to_string()).unwrap_or_default();
        if decision.effect != expected {
            return Some(format!("expected {expected:?}, got {:?} by {by}", decision.effect));
        }
        let wanted = self.decided_by.as_ref().filter(|wanted| **wanted != by)?;
        Some(format!("expected to be decided by {wanted}, not {by}"))
    }
}

impl Expected {
    fn effect(self) -> Effect {
        match self {
            Self::Allow => Effect::Allow,
            Self::ImplicitDeny => Effect::ImplicitDeny,
            Self::ExplicitDeny => Effect::ExplicitDeny,
        }
    }
}

impl RequestFacts {
    fn context(&self) -> Context {
        let multivalued =
            |key: &str| self.multivalued.iter().any(|it| it.eq_ignore_ascii_case(key));
        let mut context = Context::new();
        for (key, values) in &self.context {
            let values = match values {
                OneOrMany::One(value) => std::slice::from_ref(value),
                OneOrMany::Many(values) => values,
            };
            match values {
                [value] if !multivalued(key) => context.set(key, value),
                values => context.set_many(key, values),
            }
        }
        context
    }
}

impl PrincipalFacts {
    fn facts<'a>(&'a self, role_arn: Option<&'a str>) -> Principal<'a> {
        let kind = match self.kind {
            Kind::Root => PrincipalKind::Root,
            Kind::User => PrincipalKind::User,
            Kind::RoleSession => PrincipalKind::RoleSession,
            Kind::FederatedUser => PrincipalKind::FederatedUser,
            Kind::Service => PrincipalKind::Service,
            Kind::Anonymous => PrincipalKind::Anonymous,
            Kind::FederatedOidc => PrincipalKind::FederatedOidc,
            Kind::FederatedSaml => PrincipalKind::FederatedSaml,
        };
        let arn = self.arn.as_str();
        let is_federated =
            matches!(kind, PrincipalKind::FederatedOidc | PrincipalKind::FederatedSaml);
        let own_name = |is: bool, name: &'a Option<String>| name.as_deref().or(is.then_some(arn));
        Principal {
            kind,
            arn,
            account: self.account.as_deref().or(arn.split(':').nth(4)).unwrap_or_default(),
            role_arn: role_arn.filter(|_| kind == PrincipalKind::RoleSession),
            user_arn: self.user_arn.as_deref(),
            session_name: self.session_name.as_deref(),
            unique_id: self.unique_id.as_deref(),
            management_account: self.management_account,
            service_linked: self.service_linked,
            service: own_name(kind == PrincipalKind::Service, &self.service),
            provider: own_name(is_federated, &self.provider),
        }
    }
}

/// The ARN of a session's role, if that has no path.
fn role_of_session(arn: &str) -> Option<String> {
    let fields: Vec<&str> = arn.splitn(6, ':').collect();
    let ["arn", partition, "sts", "", account, rest] = fields[..] else { return None };
    let (role, _) = rest.strip_prefix("assumed-role/")?.split_once('/')?;
    Some(format!("arn:{partition}:iam::{account}:role/{role}"))
}

/// A parsed document, and what explanations call it: its kind, or its file.
struct Named {
    name: String,
    document: Document,
}

/// The parsed documents of a case.
struct Documents {
    identity: Vec<Named>,
    resource: Option<Named>,
    boundary: Option<Named>,
    session: Option<Vec<Named>>,
    scps: Option<Vec<Vec<Named>>>,
    rcps: Option<Vec<Vec<Named>>>,
}

impl Documents {
    fn parse(texts: &PolicyTexts, load: Option<Load<'_>>) -> Result<Self, String> {
        let one = |kind: &str, text: &Option<Box<RawValue>>| {
            text.as_deref().map(|it| document(kind, it, load)).transpose()
        };
        let list = |kind: &str, texts: &[Box<RawValue>]| -> Result<Vec<Named>, String> {
            texts.iter().map(|text| document(kind, text, load)).collect()
        };
        let levels = |kind: &str, levels: &Option<Vec<Vec<Box<RawValue>>>>| {
            let parse = |levels: &Vec<Vec<_>>| levels.iter().map(|it| list(kind, it)).collect();
            levels.as_ref().map(parse).transpose()
        };
        Ok(Self {
            identity: list("identity", texts.identity.as_deref().unwrap_or_default())?,
            resource: one("resource", &texts.resource)?,
            boundary: one("boundary", &texts.boundary)?,
            session: texts.session.as_deref().map(|it| list("session", it)).transpose()?,
            scps: levels("scps", &texts.scps)?,
            rcps: levels("rcps", &texts.rcps)?,
        })
    }
}

/// A string that does not begin like a document names a file, where files can be read.
fn document(kind: &str, text: &RawValue, load: Option<Load<'_>>) -> Result<Named, String> {
    let quoted = serde_json::from_str::<String>(text.get()).ok();
    let is_path = |text: &&str| !text.trim_start().starts_with('{');
    let (name, text) = match (load, quoted.as_deref().filter(is_path)) {
        (Some(load), Some(path)) => {
            let text = load(path).map_err(|error| format!("{kind} policy: {error}"))?;
            (path.to_owned(), text)
        }
        _ => (kind.to_owned(), quoted.unwrap_or_else(|| text.get().to_owned())),
    };
    let document = Document::parse(&text).map_err(|error| match name == kind {
        true => format!("{kind} policy: {error}"),
        false => format!("{kind} policy `{name}`: {error}"),
    })?;
    Ok(Named { name, document })
}

/// The same documents in the shape that the evaluator wants.
struct Lists<'a> {
    identity: Vec<Attached<'a>>,
    resource: Option<Attached<'a>>,
    boundary: Option<Attached<'a>>,
    session: Option<Vec<Attached<'a>>>,
    scps: Option<Vec<Vec<Attached<'a>>>>,
    rcps: Option<Vec<Vec<Attached<'a>>>>,
}

impl<'a> Lists<'a> {
    fn of(documents: &'a Documents) -> Self {
        fn one(named: &Named) -> Attached<'_> {
            let source = Source { name: &named.name, arn: None };
            Attached { source, document: &named.document }
        }
        fn list(documents: &[Named]) -> Vec<Attached<'_>> {
            documents.iter().map(one).collect()
        }
        fn levels(levels: &[Vec<Named>]) -> Vec<Vec<Attached<'_>>> {
            levels.iter().map(|documents| list(documents)).collect()
        }
        Self {
            identity: list(&documents.identity),
            resource: documents.resource.as_ref().map(one),
            boundary: documents.boundary.as_ref().map(one),
            session: documents.session.as_deref().map(list),
            scps: documents.scps.as_deref().map(levels),
            rcps: documents.rcps.as_deref().map(levels),
        }
    }

    fn policies(&'a self, resource_kind: ResourcePolicyKind) -> Policies<'a> {
        Policies {
            identity: &self.identity,
            resource: self.resource,
            resource_kind,
            boundary: self.boundary,
            session: self.session.as_deref(),
            scps: self.scps.as_deref(),
            rcps: self.rcps.as_deref(),
        }
    }
}
