//! Policy scenarios as data: a request, its policies and the expected answer, one JSON object a line.
//!
//! The same form serves this crate's tests, other engines' tests and users who check their policies in CI. The
//! context is taken as given: no condition key is invented, not even from the principal.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::{
    Attached, Context, Decision, Document, Effect, Evaluator, Policies, Principal, PrincipalKind,
    Request, Resource, ResourcePolicyKind, Source,
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

/// Documents as JSON, or as strings that hold the text. Levels of an organization are lists.
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
    /// Decides the case; an error says how the answer differs from the expected one.
    pub fn run(&self, evaluator: &impl Evaluator) -> Result<(), String> {
        let documents = Documents::parse(&self.policies)?;
        let lists = Lists::of(&documents);
        let context = self.request.context();
        let principal = &self.request.principal;
        let role_arn = principal.role_arn.clone().or_else(|| role_of_session(&principal.arn));
        let resource = &self.request.resource;
        let request = Request {
            principal: principal.facts(role_arn.as_deref()),
            action: &self.request.action,
            resource: Resource {
                arn: &resource.arn,
                account: resource.account.as_deref(),
                management_account: resource.management_account,
            },
            context: &context,
        };
        let kind = ResourcePolicyKind::of(&self.request.action, &resource.arn);
        self.compare(&evaluator.decide(&request, &lists.policies(kind)))
    }

    fn compare(&self, decision: &Decision<'_>) -> Result<(), String> {
        let expected = match self.expect {
            Expected::Allow => Effect::Allow,
            Expected::ImplicitDeny => Effect::ImplicitDeny,
            Expected::ExplicitDeny => Effect::ExplicitDeny,
        };
        let by = decision.decided_by.map(|kind| kind.to_string()).unwrap_or_default();
        if decision.effect != expected {
            return Err(format!("expected {expected:?}, got {:?} by {by}", decision.effect));
        }
        match &self.decided_by {
            Some(wanted) if *wanted != by => {
                Err(format!("expected to be decided by {wanted}, not {by}"))
            }
            _ => Ok(()),
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

/// The parsed documents of a case.
struct Documents {
    identity: Vec<Document>,
    resource: Option<Document>,
    boundary: Option<Document>,
    session: Option<Vec<Document>>,
    scps: Option<Vec<Vec<Document>>>,
    rcps: Option<Vec<Vec<Document>>>,
}

impl Documents {
    fn parse(texts: &PolicyTexts) -> Result<Self, String> {
        let levels = |kind: &str, levels: &Option<Vec<Vec<Box<RawValue>>>>| {
            let parse =
                |levels: &Vec<Vec<_>>| levels.iter().map(|it| documents(kind, it)).collect();
            levels.as_ref().map(parse).transpose()
        };
        Ok(Self {
            identity: documents("identity", texts.identity.as_deref().unwrap_or_default())?,
            resource: texts.resource.as_deref().map(|it| document("resource", it)).transpose()?,
            boundary: texts.boundary.as_deref().map(|it| document("boundary", it)).transpose()?,
            session: texts.session.as_deref().map(|it| documents("session", it)).transpose()?,
            scps: levels("scps", &texts.scps)?,
            rcps: levels("rcps", &texts.rcps)?,
        })
    }
}

fn documents(kind: &str, texts: &[Box<RawValue>]) -> Result<Vec<Document>, String> {
    texts.iter().map(|text| document(kind, text)).collect()
}

fn document(kind: &str, text: &RawValue) -> Result<Document, String> {
    let quoted = serde_json::from_str::<String>(text.get());
    let text = quoted.as_deref().unwrap_or(text.get());
    Document::parse(text).map_err(|error| format!("{kind} policy: {error}"))
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
        let one = |name, document| Attached { source: Source { name, arn: None }, document };
        let list = |name, documents: &'a [Document]| -> Vec<Attached<'a>> {
            documents.iter().map(|document| one(name, document)).collect()
        };
        let levels = |name, levels: &'a [Vec<Document>]| -> Vec<Vec<Attached<'a>>> {
            levels.iter().map(|documents| list(name, documents)).collect()
        };
        Self {
            identity: list("identity", &documents.identity),
            resource: documents.resource.as_ref().map(|it| one("resource", it)),
            boundary: documents.boundary.as_ref().map(|it| one("boundary", it)),
            session: documents.session.as_deref().map(|it| list("session", it)),
            scps: documents.scps.as_deref().map(|it| levels("scps", it)),
            rcps: documents.rcps.as_deref().map(|it| levels("rcps", it)),
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
