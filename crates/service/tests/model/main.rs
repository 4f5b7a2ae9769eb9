//! Every built operation against its own model: each member missing that is required, each bound just
//! passed and each pattern broken, at every depth. The answer is the model's own refusal, word for word.
//! And a valid request succeeds, or is refused as the model says that it may be.
//!
//! Requests are made from the tables of shapes alone, so an operation that is added is tested with the rest.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod broken;
mod valid;

use std::collections::BTreeMap;

use iamd_api::{Operation, Service};
use iamd_service::Table;
use iamd_testkit::{Answer, TestServer};

use crate::broken::Case;

type Pairs = Vec<(String, String)>;

/// Errors that answer any operation of a query API.
const COMMON: [&str; 3] = ["AccessDenied", "ValidationError", "InvalidParameterValue"];

/// Where the model names no error for what is wrong with the smallest request, and AWS's is not recorded.
const SILENT: [(&str, &str); 1] = [("GenerateOrganizationsAccessReport", "InvalidInput")];

async fn ask(
    server: &TestServer,
    service: &Service,
    operation: &Operation,
    pairs: &Pairs,
) -> Answer {
    let name = format!("{}:{}", service.name, operation.name);
    let pairs: Vec<_> = pairs.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let answer = match operation.unsigned {
        true => server.call_unsigned(&name, &pairs).await,
        false => server.call(&server.root, &name, &pairs).await,
    };
    assert!(answer.status < 500, "{name} {pairs:?}\n{}", answer.body);
    answer
}

/// The operations that are built, of the services that speak the query protocol.
fn built() -> Vec<(&'static Service, &'static Operation)> {
    let services = [&iamd_api::iam::SERVICE, &iamd_api::sts::SERVICE];
    let table = Table::new();
    let found = table.built().filter_map(|(name, operation)| {
        let service = services.into_iter().find(|it| it.name == name)?;
        Some((service, service.operation(operation).unwrap()))
    });
    found.collect()
}

#[tokio::test]
async fn every_constraint_of_the_model_is_kept() {
    let server = TestServer::start().await;
    let (mut asked, mut wrong) = (0, vec![]);
    for (service, operation) in built() {
        for Case { pairs, message } in broken::request(service, operation.input) {
            let answer = ask(&server, service, operation, &pairs).await;
            let told = (answer.code(), answer.message());
            let expected = ("ValidationError".to_owned(), message);
            if told != expected {
                wrong.push(format!("{} {pairs:?}\n{told:?}\n{expected:?}", operation.name));
            }
            asked += 1;
        }
    }
    assert!(wrong.is_empty(), "{} of {asked}:\n{}", wrong.len(), wrong.join("\n"));
    assert!(asked > 900, "{asked}");
}

/// Requests that fill the account, and values of members.
const FIXTURE: &str = include_str!("fixture.txt");

/// A server on which these requests were made.
async fn filled(given: &str, login: bool) -> TestServer {
    let server = TestServer::start().await;
    for line in given.lines().filter(|line| !line.starts_with('#')) {
        if login || !line.starts_with("CreateLoginProfile") {
            server.as_root(line).await.ok();
        }
    }
    server
}

#[tokio::test]
async fn a_valid_request_succeeds_or_is_refused_as_the_model_says() {
    let (given, values) = FIXTURE.split_once("---\n").unwrap();
    let values: BTreeMap<_, _> = values.lines().map(|line| line.split_once(' ').unwrap()).collect();
    let (mut refused, mut unmodelled) = (vec![], vec![]);
    let (built, shared) = (built(), filled(given, false).await);
    for (service, operation) in &built {
        // Passwords take long.
        let login = operation.name.ends_with("LoginProfile");
        let own;
        let server = if operation.read_only && !login {
            &shared
        } else {
            own = filled(given, login).await;
            &own
        };
        let mut pairs = valid::structure("", operation.input);
        let own = values.iter().filter_map(|(name, value)| {
            let (of, name) = name.split_once('.')?;
            (of == operation.name).then_some((name.to_owned(), (*value).to_owned()))
        });
        let own: Pairs = own.collect();
        pairs.retain(|(name, _)| !own.iter().any(|(other, _)| other == name));
        for (name, value) in &mut pairs {
            if let Some(known) = values.get(name.as_str()) {
                (*known).clone_into(value);
            }
        }
        pairs.extend(own);
        let answer = ask(server, service, operation, &pairs).await;
        let code = answer.code();
        if answer.status == 200 {
            continue;
        }
        if !operation.errors.contains(&&*code) && !COMMON.contains(&&*code) {
            unmodelled.push((operation.name, code.clone()));
        }
        refused.push(format!("{} {code} {}", operation.name, answer.message()));
    }
    let silent = SILENT.map(|(name, code)| (name, code.to_owned()));
    assert_eq!(unmodelled, silent);
    assert!(refused.len() * 3 < built.len(), "of {}: {refused:#?}", built.len());
}
