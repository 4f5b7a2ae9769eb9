//! Every operation, as somebody who may not call it: anonymous, without policy, with an explicit deny,
//! allowed on another resource, without one of its permissions, with another value of a condition
//! key; and as somebody who has exactly the permissions it takes.
//!
//! What each asks for is told in `operations.txt`; a built operation that is not there fails the
//! tests. `reference.tsv` holds the table against AWS's Service Authorization Reference.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod fixture;
mod reopened;
mod table;

use std::collections::BTreeSet;

use fixture::Fixture;
use iamd_service::Table;
use iamd_testkit::TestServer;
use table::{Ask, REFUSED, Row, rows};

const REFERENCE: &str = include_str!("reference.tsv");
const ALLOW_ALL: &str = r#"{"Effect":"Allow","Action":"*","Resource":"*"}"#;

/// Those that nobody signs have tests of their own: `sts_rules/web_identity.rs`.
const UNSIGNED: [&str; 2] = ["AssumeRoleWithSAML", "AssumeRoleWithWebIdentity"];

fn is_unrestricted(row: &Row) -> bool {
    let (_, operation) = row.operation();
    ["GetCallerIdentity", "GetSessionToken"].contains(&operation)
}

fn reads_only(row: &Row) -> bool {
    let (service, operation) = row.operation();
    let service = [&iamd_api::iam::SERVICE, &iamd_api::sts::SERVICE]
        .into_iter()
        .find(|known| known.name == service);
    let issues = [
        "AssumeRole",
        "AssumeRoot",
        "DecodeAuthorizationMessage",
        "GetDelegatedAccessToken",
        "GetWebIdentityToken",
    ];
    service.unwrap().operation(operation).unwrap().read_only || issues.contains(&operation)
}

/// An operator for the key: `aws:TagKeys` and its like have several values.
fn operator(key: &str) -> &'static str {
    let many = [
        "aws:TagKeys",
        "iam:AccountPropertyNamespaces",
        "sts:IdentityTokenAudience",
        "sts:TransitiveTagKeys",
    ]
    .contains(&key);
    if many { "ForAnyValue:StringEquals" } else { "StringEquals" }
}

/// A statement that allows exactly this. With `wrong`, that key would have to have another value.
fn exactly(ask: &Ask, wrong: Option<&str>) -> String {
    let conditions: Vec<String> = ["StringEquals", "ForAnyValue:StringEquals"]
        .into_iter()
        .filter_map(|wanted| {
            let keys: Vec<String> = ask
                .keys
                .iter()
                .filter(|(key, _)| operator(key) == wanted)
                .map(|(key, value)| match Some(key.as_str()) == wrong {
                    true => format!(r#""{key}":"another""#),
                    false => format!(r#""{key}":"{value}""#),
                })
                .collect();
            (!keys.is_empty()).then(|| format!(r#""{wanted}":{{{}}}"#, keys.join(",")))
        })
        .collect();
    format!(
        r#"{{"Effect":"Allow","Action":"{}","Resource":"{}","Condition":{{{}}}}}"#,
        ask.action,
        ask.granted(),
        conditions.join(",")
    )
}

/// Exact statements for all but one, and another for that one.
fn all_but(asks: &[Ask], at: usize, instead: Option<String>) -> String {
    let others = asks.iter().enumerate().filter(|(other, _)| *other != at);
    let statements: Vec<String> =
        others.map(|(_, ask)| exactly(ask, None)).chain(instead).collect();
    statements.join(",")
}

impl Fixture<'_> {
    async fn check(&self, row: &Row, case: &str, ask: &Ask, reason: &str) {
        let answer = self.server.ask(&self.probe, &row.request).await;
        let told = (answer.code(), answer.message());
        let expected = ask.sentence(&self.account) + reason;
        assert_eq!(told, ("AccessDenied".to_owned(), expected), "{case}: {}", row.request);
    }

    async fn check_implicit(&self, row: &Row, case: &str, ask: &Ask) {
        let action = &ask.action;
        let reason = format!(" because no identity-based policy allows the {action} action");
        self.check(row, case, ask, &reason).await;
    }

    /// The ways to lack the permission of one ask.
    async fn check_ask(&self, row: &Row, at: usize) {
        let ask = row.asks.get(at).unwrap();
        let (action, granted) = (&ask.action, ask.granted());
        let deny = format!(r#"{{"Effect":"Deny","Action":"{action}","Resource":"{granted}"}}"#);
        self.allow(&format!("{ALLOW_ALL},{deny}")).await;
        let reason = " with an explicit deny in an identity-based policy";
        self.check(row, "explicit deny", ask, reason).await;

        let elsewhere = Ask { resource: ask.elsewhere(&self.account), ..ask.clone() };
        self.allow(&all_but(&row.asks, at, Some(exactly(&elsewhere, None)))).await;
        self.check_implicit(row, "another resource", ask).await;

        if row.asks.len() > 1 {
            self.allow(&all_but(&row.asks, at, None)).await;
            self.check_implicit(row, "one left out", ask).await;
        }
        for (key, _) in &ask.keys {
            self.allow(&all_but(&row.asks, at, Some(exactly(ask, Some(key))))).await;
            self.check_implicit(row, &format!("another value of {key}"), ask).await;
        }
    }
}

#[test]
fn every_built_operation_is_in_the_table() {
    let rows = rows("", "");
    let listed: BTreeSet<_> = rows.iter().map(Row::operation).collect();
    // Of the services that are asked by method and path, each has tests of its own.
    let table = Table::new();
    let built = table
        .built()
        .filter(|(service, name)| ["iam", "sts"].contains(service) && !UNSIGNED.contains(name));
    assert_eq!(listed, built.collect());
    for row in &rows {
        assert_eq!(row.asks.is_empty(), is_unrestricted(row), "{}", row.request);
    }
}

#[test]
fn refused_by_rule_are_those_of_the_lists() {
    let rows = rows("", "");
    let refusing: BTreeSet<_> = rows.iter().filter(|row| row.refuses).map(Row::operation).collect();
    let listed = REFUSED.iter().flat_map(|(service, list)| {
        list.lines().map(|line| (*service, line.split(':').next().unwrap()))
    });
    assert_eq!(refusing, listed.filter(|(_, name)| !UNSIGNED.contains(name)).collect());
}

#[tokio::test]
async fn nobody_gets_in_without_a_signature() {
    let server = TestServer::start().await;
    for row in rows("111122223333", "AKIAIOSFODNN7EXAMPLE") {
        let answer = server.ask_unsigned(&row.request).await;
        let message = "Request is missing Authentication Token";
        answer.refused_with("MissingAuthenticationToken", message);
    }
}

#[tokio::test]
async fn refused_unless_exactly_allowed() {
    let server = TestServer::start().await;
    let fixture = Fixture::new(&server, 200_000_000_000).await;
    let before = fixture.contents().await;
    for row in fixture.rows() {
        if row.asks.is_empty() {
            continue;
        }
        fixture.allow_nothing().await;
        fixture.check_implicit(&row, "no policy", row.asks.first().unwrap()).await;
        for at in 0..row.asks.len() {
            fixture.check_ask(&row, at).await;
        }
    }
    fixture.allow_nothing().await;
    assert_eq!(fixture.contents().await, before);
}

async fn succeeds(fixture: &Fixture<'_>, row: &Row) {
    let statements: Vec<String> = row.asks.iter().map(|ask| exactly(ask, None)).collect();
    match statements.as_slice() {
        [] => fixture.allow(r#"{"Effect":"Deny","Action":"*","Resource":"*"}"#).await,
        statements => fixture.allow(&statements.join(",")).await,
    }
    let answer = fixture.server.ask(&fixture.probe, &row.request).await;
    assert_eq!(answer.code(), row.error, "{}\n{}", row.request, answer.body);
}

#[tokio::test]
async fn reads_succeed_when_exactly_allowed() {
    let server = TestServer::start().await;
    let fixture = Fixture::new(&server, 300_000_000_000).await;
    for row in fixture.rows().iter().filter(|row| reads_only(row)) {
        succeeds(&fixture, row).await;
    }
}

#[tokio::test]
async fn changes_succeed_when_exactly_allowed() {
    let server = TestServer::start().await;
    let changes = rows("", "").iter().filter(|row| !reads_only(row)).count();
    for at in 0..changes {
        let fixture = Fixture::new(&server, 400_000_000_000 + at as u64).await;
        let rows = fixture.rows();
        let row = rows.iter().filter(|row| !reads_only(row)).nth(at).unwrap();
        succeeds(&fixture, row).await;
    }
}

/// Keys that the reference names and the table cannot have.
const NOT_SUPPLIED: [(&str, &str); 3] = [
    // The user or role does not exist yet, or has the tags of the request: `aws:ResourceTag/`.
    ("iam:CreateUser", "iam:ResourceTag/"),
    ("iam:CreateRole", "iam:ResourceTag/"),
    // Told by services that pass a role to something they made.
    ("iam:PassRole", "iam:AssociatedResourceArn"),
];

#[test]
fn actions_resources_and_keys_are_those_of_the_reference() {
    let asks: Vec<Ask> = rows("", "").into_iter().flat_map(|row| row.asks).collect();
    let mut known = BTreeSet::new();
    for line in REFERENCE.lines().filter(|line| !line.starts_with('#')) {
        let [action, resource, keys] = line.split('\t').collect::<Vec<_>>().try_into().unwrap();
        known.insert(action);
        let asks: Vec<&Ask> = asks.iter().filter(|ask| ask.action == action).collect();
        assert!(!asks.is_empty(), "{action} is never asked for");
        for ask in &asks {
            let of = ask.granted().splitn(6, ':').nth(5).unwrap_or("*");
            let expected = resource == "-"
                || of.split('/').next().is_some_and(|it| resource.split('|').any(|of| of == it));
            assert!(expected, "{action} on {}", ask.resource);
        }
        for key in keys.split(' ').filter(|key| *key != "-") {
            let is_key = |name: &str| name == key || key.ends_with('/') && name.starts_with(key);
            let supplied = asks.iter().flat_map(|ask| &ask.keys).any(|(name, _)| is_key(name));
            let excused = NOT_SUPPLIED.contains(&(action, key));
            assert!(supplied || excused, "{action} is never asked with {key}");
        }
    }
    let unknown: Vec<_> = asks.iter().filter(|ask| !known.contains(&*ask.action)).collect();
    assert!(unknown.is_empty(), "{:?}", unknown.iter().map(|ask| &ask.action).collect::<Vec<_>>());
}
