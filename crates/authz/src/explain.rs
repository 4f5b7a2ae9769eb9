//! Why a request was denied, in the form that DecodeAuthorizationMessage documents.
//!
//! Only asked for after a denial, and only where denials are to carry an encoded message.

use iamd_directory::Account;
use iamd_policy::{
    Action, Attached, Condition, Decision, Effect, Evaluator, MatchedStatement, Policies,
    PolicyKind, Reference, Request, Statement, StatementEffect, Text, Values,
};
use serde_json::{Value, json};

use crate::access::{Access, AccessList};
use crate::authorize::question;
use crate::caller::Caller;
use crate::context::{RequestFacts, context};
use crate::gather::{Gathered, gather};

/// What was decided about the first of these accesses that is denied: JSON. `None` when all are allowed,
/// and when the resource is another account's: what that account's policies and tags say is not told
/// here.
pub fn explain(
    caller: &Caller,
    account: &Account,
    accesses: &AccessList<'_>,
    facts: &RequestFacts,
) -> Option<String> {
    let gathered = gather(caller, account).ok()?;
    accesses.0.iter().find_map(|access| explain_one(caller, &gathered, access, facts))
}

fn explain_one(
    caller: &Caller,
    gathered: &Gathered<'_>,
    access: &Access<'_>,
    facts: &RequestFacts,
) -> Option<String> {
    if access.resource_account.is_some_and(|owner| owner != caller.account) {
        return None;
    }
    let context = context(caller, facts, access);
    let owner = access.resource_account.map(|account| caller.digits_of(account));
    let action = Action::new(&access.action);
    let request = question(caller, &action, access, owner.as_deref(), &context);
    let policies = gathered.policies(access);
    let decision = Reference.decide(&request, &policies);
    if decision.is_allowed() {
        return None;
    }
    Some(told(caller, &request, &policies, &decision).to_string())
}

/// The JSON of the documentation's example.
fn told(
    caller: &Caller,
    request: &Request<'_>,
    policies: &Policies<'_>,
    decision: &Decision<'_>,
) -> Value {
    let matched = decision.matched.iter().filter_map(|it| statement(policies, it));
    let conditions = request.context.iter().map(|(key, values)| {
        let values = match values {
            Values::Single(value) => std::slice::from_ref(value),
            Values::Multiple(values) => values.as_slice(),
        };
        json!({ "key": key, "values": items(values.iter().map(|value| json!({ "value": value }))) })
    });
    let mut principal = json!({ "id": &*caller.user_id, "arn": &*caller.arn });
    if let (Some(user), Some(members)) = (caller.user(), principal.as_object_mut()) {
        members.insert("name".to_owned(), user.name().into());
    }
    json!({
        "allowed": false,
        "explicitDeny": decision.effect == Effect::ExplicitDeny,
        "matchedStatements": items(matched.map(statement_json)),
        "failures": items(std::iter::empty()),
        "context": {
            "principal": principal,
            "action": request.action.name(),
            "resource": request.resource.arn,
            "conditions": items(conditions),
        },
    })
}

fn items(values: impl Iterator<Item = Value>) -> Value {
    json!({ "items": values.collect::<Vec<_>>() })
}

/// The statement that a decision names, with all that it says.
fn statement<'a>(policies: &Policies<'a>, found: &MatchedStatement<'_>) -> Option<&'a Statement> {
    let of_kind = match found.kind {
        PolicyKind::Identity => policies.identity,
        PolicyKind::Boundary => policies.boundary.as_slice(),
        PolicyKind::Session => policies.session.unwrap_or_default(),
        _ => policies.resource.as_slice(),
    };
    let same = |policy: &&Attached<'a>| policy.source == found.policy;
    let statements = of_kind.iter().filter(same).map(|policy| policy.document.statements());
    statements.filter_map(|all| all.get(found.index)).find(|it| it.span == found.span)
}

fn statement_json(statement: &Statement) -> Value {
    let effect = match statement.effect {
        StatementEffect::Allow => "ALLOW",
        StatementEffect::Deny => "DENY",
    };
    let principals = statement.principals.iter().flat_map(|principals| &principals.names);
    let actions = statement.actions.iter().flat_map(|actions| &actions.patterns);
    let resources = statement.resources.iter().flat_map(|resources| &resources.patterns);
    json!({
        "statementId": statement.sid.as_ref().map_or("", |sid| sid.value.as_str()),
        "effect": effect,
        "principals": items(principals.map(|principal| value(&principal.name))),
        "principalGroups": items(std::iter::empty()),
        "actions": items(actions.map(value)),
        "resources": items(resources.map(value)),
        "conditions": items(statement.conditions.iter().map(condition_json)),
    })
}

fn condition_json(condition: &Condition) -> Value {
    json!({ "key": condition.key.value, "values": items(condition.values.iter().map(value)) })
}

fn value(text: &Text) -> Value {
    json!({ "value": text.value })
}
