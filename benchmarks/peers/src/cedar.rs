//! cedar-policy: each statement translated to a permit or forbid, one policy set for each layer of a principal.
//!
//! Cedar has no texts with variables. `${aws:username}` stands for the same name in every request of the workload and
//! is put in while translating; a condition that is a variable alone compares two attributes.

use std::collections::HashMap;
use std::str::FromStr;

use cedar_policy::{
    Authorizer, Context, Decision, Entities, EntityUid, Policy, PolicyId, PolicySet, Request,
    RestrictedExpression,
};
use iamd_policy::{Condition, Document, Statement, StatementEffect};

use crate::workload::Workload;

pub(crate) struct Cedar {
    authorizer: Authorizer,
    entities: Entities,
    /// By the documents' numbers.
    translated: Vec<Vec<Policy>>,
    layers: HashMap<usize, Vec<PolicySet>>,
    requests: Vec<(usize, Request)>,
}

impl Cedar {
    pub(crate) fn new(workload: &Workload) -> Self {
        let mut cedar = Self::of(workload.documents());
        for number in 0..workload.requests() {
            let asker = workload.asker(number);
            if !cedar.layers.contains_key(&asker) {
                let sets = cedar.sets(&workload.layers(asker));
                cedar.layers.insert(asker, sets);
            }
            cedar.requests.push((asker, workload.plain(number, |it, _| request(it))));
        }
        cedar
    }

    /// Of these documents, and nobody who has them.
    pub(crate) fn of(documents: &[Document]) -> Self {
        Self {
            authorizer: Authorizer::new(),
            entities: Entities::empty(),
            translated: documents.iter().enumerate().map(|(at, it)| policies(at, it)).collect(),
            layers: HashMap::new(),
            requests: Vec::new(),
        }
    }

    pub(crate) fn allows(&self, number: usize) -> bool {
        let (asker, request) = &self.requests[number];
        self.all_allow(&self.layers[asker], request)
    }

    /// Somebody's policies.
    pub(crate) fn sets(&self, layers: &[Vec<usize>]) -> Vec<PolicySet> {
        layers.iter().map(|layer| set(layer, &self.translated)).collect()
    }

    /// Whether all of somebody's policies allow a request.
    pub(crate) fn all_allow(&self, layers: &[PolicySet], request: &Request) -> bool {
        layers.iter().all(|layer| {
            let response = self.authorizer.is_authorized(request, layer, &self.entities);
            response.decision() == Decision::Allow
        })
    }
}

fn set(documents: &[usize], translated: &[Vec<Policy>]) -> PolicySet {
    let mut documents = documents.to_vec();
    documents.sort_unstable();
    documents.dedup();
    let policies = documents.iter().flat_map(|it| &translated[*it]).cloned();
    PolicySet::from_policies(policies).unwrap()
}

fn policies(number: usize, document: &Document) -> Vec<Policy> {
    let one = |(at, statement): (usize, &Statement)| {
        let text = policy(statement);
        let id = PolicyId::new(format!("d{number}s{at}"));
        Policy::parse(Some(id), &text).unwrap_or_else(|error| panic!("{error}: {text}"))
    };
    document.statements().iter().enumerate().map(one).collect()
}

fn policy(statement: &Statement) -> String {
    let actions = statement.actions.iter().flat_map(|it| &it.patterns);
    let (wild, exact): (Vec<String>, Vec<String>) =
        actions.map(|it| it.value.to_lowercase()).partition(|it| it.contains('*'));
    let uids: Vec<String> = exact.iter().map(|it| format!("Action::{it:?}")).collect();
    let scope =
        if wild.is_empty() { format!("action in [{}]", uids.join(",")) } else { "action".into() };
    let mut tests = Vec::new();
    if !wild.is_empty() && !wild.iter().any(|it| it == "*") {
        let mut any: Vec<String> =
            wild.iter().map(|it| format!("context.action like {}", text(it))).collect();
        if !uids.is_empty() {
            any.push(format!("action in [{}]", uids.join(",")));
        }
        tests.push(format!("({})", any.join(" || ")));
    }
    for pattern in statement.resources.iter().flat_map(|it| &it.patterns) {
        let pattern = pattern.value.replace("${aws:username}", "alice");
        if pattern != "*" {
            tests.push(format!("context.resource like {}", text(&pattern)));
        }
    }
    tests.extend(statement.conditions.iter().map(condition));
    let effect = match statement.effect {
        StatementEffect::Allow => "permit",
        StatementEffect::Deny => "forbid",
    };
    let when =
        if tests.is_empty() { String::new() } else { format!("when {{ {} }}", tests.join(" && ")) };
    format!("{effect}(principal, {scope}, resource) {when};")
}

/// The operators of the workload.
fn condition(condition: &Condition) -> String {
    let key = format!("context[{:?}]", condition.key.value.to_lowercase());
    let has = format!("context has {:?}", condition.key.value.to_lowercase());
    let values: Vec<&str> = condition.values.iter().map(|it| it.value.as_str()).collect();
    let any = |test: &dyn Fn(&str) -> String| {
        let tests: Vec<String> = values.iter().map(|it| test(it)).collect();
        format!("({has} && ({}))", tests.join(" || "))
    };
    let equals = |value: &str| match value.strip_prefix("${").and_then(|it| it.strip_suffix('}')) {
        Some(other) => {
            let other = other.to_lowercase();
            format!("(context has {other:?} && {key} == context[{other:?}])")
        }
        None => format!("{key} == {value:?}"),
    };
    match condition.operator.value.as_str() {
        "StringEquals" | "Bool" => any(&equals),
        "StringNotEquals" => format!("!{}", any(&equals)),
        "StringLike" => any(&|value| format!("{key} like {}", text(value))),
        "IpAddress" => any(&|value| format!("{key}.isInRange(ip({value:?}))")),
        "DateGreaterThan" => any(&|value| format!("{key} > datetime({value:?})")),
        "NumericLessThan" => any(&|value| format!("{key} < {value}")),
        other => panic!("the workload has no {other}"),
    }
}

/// A pattern as Cedar writes it: `*` is the only wildcard in both.
fn text(pattern: &str) -> String {
    format!("{pattern:?}")
}

/// A request as Cedar takes it.
pub(crate) fn request(request: &iamd_policy::Request<'_>) -> Request {
    let action = request.action.name().to_lowercase();
    let string = |value: &str| RestrictedExpression::new_string(value.to_owned());
    let mut pairs = vec![
        ("action".to_owned(), string(&action)),
        ("resource".to_owned(), string(request.resource.arn)),
    ];
    for (key, values) in request.context.iter() {
        let value = values.as_slice()[0].as_str();
        let expression = match key {
            "aws:sourceip" => RestrictedExpression::new_ip(value),
            "aws:currenttime" => RestrictedExpression::new_datetime(value),
            "aws:multifactorauthage" => RestrictedExpression::new_long(value.parse().unwrap()),
            _ => string(value),
        };
        pairs.push((key.to_owned(), expression));
    }
    let uid = |kind: &str, name: &str| EntityUid::from_str(&format!("{kind}::{name:?}")).unwrap();
    Request::new(
        uid("User", request.principal.arn),
        uid("Action", &action),
        uid("Resource", "r"),
        Context::from_pairs(pairs).unwrap(),
        None,
    )
    .unwrap()
}
