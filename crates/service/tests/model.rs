//! Every built operation against its own model: each required member missing, each bound just passed, each
//! pattern broken. The answer is the model's own refusal, and never a failure of the server.
//!
//! Requests are made from the tables of shapes alone, so an operation that is added is tested with the rest.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use iamd_api::shape::Bounds;
use iamd_api::{Kind, Operation, Service, Shape};
use iamd_service::Table;
use iamd_testkit::{Answer, TestServer};

type Pairs = Vec<(String, String)>;

/// A text of this many characters that a pattern takes, if one of the usual ones is.
fn text(shape: &Shape, length: i64) -> Option<String> {
    let Kind::Text { pattern, values, .. } = &shape.kind else { return None };
    if let Some(value) = values.first() {
        return Some((*value).to_owned());
    }
    let count = usize::try_from(length.max(1)).unwrap();
    let fillers = ["a", "0", "A"].map(|letter| letter.repeat(count));
    let framed = [("arn:aws:iam::111122223333:", ""), ("/", "/")].map(|(before, after)| {
        let inside = count.saturating_sub(before.len() + after.len()).max(1);
        format!("{before}{}{after}", "a".repeat(inside))
    });
    let path = "/".to_owned();
    let takes = |text: &String| pattern.is_none_or(|pattern| pattern.matches(text));
    fillers.into_iter().chain(framed).chain([path]).find(takes)
}

/// The smallest value of a shape under this name.
fn put(pairs: &mut Pairs, name: &str, shape: &Shape) {
    let value = match &shape.kind {
        Kind::Structure(members) => {
            for member in members.iter().filter(|member| member.required) {
                put(pairs, &format!("{name}.{}", member.name), member.shape);
            }
            return;
        }
        Kind::List { member, .. } => return put(pairs, &format!("{name}.member.1"), member),
        Kind::Map { value, .. } => {
            pairs.push((format!("{name}.entry.1.key"), "key".to_owned()));
            return put(pairs, &format!("{name}.entry.1.value"), value);
        }
        Kind::Text { length, .. } => text(shape, length.min.unwrap_or(1)).unwrap_or("a".to_owned()),
        Kind::Integer { range } => range.min.unwrap_or(1).to_string(),
        Kind::Boolean => "true".to_owned(),
        Kind::Timestamp => "2026-02-12T09:30:00Z".to_owned(),
        Kind::Blob => "AAAA".to_owned(),
    };
    pairs.push((name.to_owned(), value));
}

fn smallest(operation: &Operation) -> Pairs {
    let mut pairs = Pairs::new();
    for member in operation.input.members().iter().filter(|member| member.required) {
        put(&mut pairs, member.name, member.shape);
    }
    pairs
}

/// Values of a scalar that its model refuses, and the words of the refusal.
fn broken(shape: &Shape) -> Vec<(String, &'static str)> {
    let mut broken = vec![];
    match &shape.kind {
        Kind::Text { values, .. } if !values.is_empty() => {
            broken.push(("no such value".to_owned(), "enum value set"));
        }
        Kind::Text { length: Bounds { max, .. }, pattern, .. } => {
            if let Some(over) = max.filter(|max| *max <= 4096) {
                let over = usize::try_from(over + 1).unwrap();
                broken.push(("a".repeat(over), "length less than or equal to"));
            }
            if let Some(refused) = pattern.filter(|pattern| !pattern.matches("\u{7f}\u{1}")) {
                let sentence =
                    refused.sentence.map_or("regular expression pattern", |_| "is invalid");
                broken.push(("\u{7f}\u{1}".to_owned(), sentence));
            }
        }
        Kind::Integer { range } => {
            broken.extend(
                range
                    .max
                    .filter(|max| *max < i64::from(i32::MAX))
                    .map(|max| ((max + 1).to_string(), "value less than or equal to")),
            );
            broken.extend(
                range
                    .min
                    .filter(|min| *min > i64::from(i32::MIN))
                    .map(|min| ((min - 1).to_string(), "value greater than or equal to")),
            );
        }
        _ => {}
    }
    broken
}

async fn ask(
    server: &TestServer,
    service: &Service,
    operation: &Operation,
    pairs: &Pairs,
) -> Answer {
    let name = format!("{}:{}", service.name, operation.name);
    let pairs: Vec<_> = pairs.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let answer = server.call(&server.root, &name, &pairs).await;
    assert!(answer.status < 500, "{name} {pairs:?}\n{}", answer.body);
    answer
}

#[tokio::test]
async fn every_constraint_of_the_model_is_kept() {
    let server = TestServer::start().await;
    let table = Table::new();
    let services = [&iamd_api::iam::SERVICE, &iamd_api::sts::SERVICE];
    let mut asked = 0;
    for (name, operation) in table.built() {
        let Some(service) = services.into_iter().find(|it| it.name == name) else { continue };
        let operation = service.operation(operation).unwrap();
        if operation.unsigned {
            continue;
        }
        let whole = smallest(operation);
        ask(&server, service, operation, &whole).await;
        for member in operation.input.members() {
            let (name, point) = (member.name, format!("{}.", member.name));
            let mut others = whole.clone();
            others.retain(|(given, _)| given != name && !given.starts_with(&point));
            if member.required {
                let answer = ask(&server, service, operation, &others).await;
                let told = (answer.code(), answer.message());
                assert_eq!(told.0, "ValidationError", "{} without {name}", operation.name);
                assert!(told.1.contains("must not be null"), "{}: {}", operation.name, told.1);
            }
            for (value, words) in broken(member.shape) {
                let mut pairs = others.clone();
                pairs.push((name.to_owned(), value));
                let answer = ask(&server, service, operation, &pairs).await;
                let told = (answer.code(), answer.message());
                assert_eq!(told.0, "ValidationError", "{}.{name}", operation.name);
                // Where a value breaks a bound and a pattern that has a sentence, the bound is told.
                let expected = told.1.contains(words) || words == "is invalid";
                assert!(expected, "{}.{name}: {}", operation.name, told.1);
                asked += 1;
            }
        }
    }
    assert!(asked > 300, "{asked}");
}
