//! Random forms, signed as root: whatever comes, the answer is one that a client can read, and never a
//! failure of the server.

use std::cell::Cell;
use std::sync::LazyLock;

use iamd_api::{Kind, Shape};
use iamd_testkit::TestServer;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

use super::{ALL, given, is_orderly};

/// An operation with the names that its parameters can have.
struct Known {
    service: &'static str,
    version: &'static str,
    action: &'static str,
    names: Vec<String>,
    required: Vec<String>,
}

static OPERATIONS: LazyLock<Vec<Known>> = LazyLock::new(|| {
    let table = iamd_service::Table::new();
    let of_forms = table.built().filter(|(service, _)| ["iam", "sts"].contains(service));
    let mut built: Vec<_> = of_forms.collect();
    built.sort_unstable();
    built.into_iter().map(|(service, action)| Known::new(service, action)).collect()
});

impl Known {
    fn new(service: &'static str, action: &'static str) -> Self {
        let api = if service == "iam" { &iamd_api::iam::SERVICE } else { &iamd_api::sts::SERVICE };
        let input = api.operation(action).unwrap().input;
        let (mut names, mut required) = (vec![], vec![]);
        for member in input.members() {
            name_all(member.shape, member.name, &mut names);
            if member.required {
                let first = names.iter().filter(|name| name.starts_with(member.name));
                required.extend(first.filter(|name| !name.contains(".2")).cloned());
            }
        }
        Self { service, version: api.api_version, action, names, required }
    }
}

/// The names that parameters of a shape have, the first two elements of every list.
fn name_all(shape: &Shape, prefix: &str, names: &mut Vec<String>) {
    match &shape.kind {
        Kind::Structure(members) => {
            for member in *members {
                name_all(member.shape, &format!("{prefix}.{}", member.name), names);
            }
        }
        Kind::List { member, .. } => {
            for number in 1..=2 {
                name_all(member, &format!("{prefix}.member.{number}"), names);
            }
        }
        _ => names.push(prefix.to_owned()),
    }
}

const TRUST: &str = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"AWS":"*"},"Action":"sts:AssumeRole"}}"#;

/// Values that a parameter of this name may well have.
fn plausible(name: &str) -> Vec<&'static str> {
    if name.ends_with("Document") || name == "Policy" {
        return vec![ALL, TRUST, "{}", "x"];
    }
    if name.ends_with("Arn") || name.ends_with("arn") || name.ends_with("Boundary") {
        return vec![
            "arn:aws:iam::111122223333:policy/a",
            "arn:aws:iam::111122223333:role/a",
            "arn:aws:iam::aws:policy/ReadOnlyAccess",
            "arn:aws:iam::444455556666:role/a",
        ];
    }
    if name.ends_with("Path") || name.ends_with("PathPrefix") {
        return vec!["/", "/x/", "/x"];
    }
    match name {
        "Status" => vec!["Active", "Inactive"],
        "VersionId" => vec!["v1", "v2", "v3"],
        "AccessKeyId" => vec!["AKIAIOSFODNN7EXAMPLE"],
        "Scope" => vec!["All", "AWS", "Local"],
        _ => vec!["a", "A", "bb", "1", "900", "3600", "true", "User", "0", "-1", "99999999999", ""],
    }
}

fn value(name: &str) -> impl Strategy<Value = String> + use<> {
    prop_oneof![
        20 => select(plausible(name)).prop_map(str::to_owned),
        1 => "\\PC{0,20}",
        1 => any::<String>(),
    ]
}

fn pair(name: String) -> impl Strategy<Value = (String, String)> {
    let value = value(&name);
    (Just(name), value)
}

/// The operation, what it must have, and what else there is.
fn form() -> impl Strategy<Value = (usize, Vec<(String, String)>)> {
    (0..OPERATIONS.len()).prop_flat_map(|at| {
        let known = &OPERATIONS[at];
        let required: Vec<_> = known.required.iter().cloned().map(pair).collect();
        let mut names = known.names.clone();
        names.push("Nonsense".to_owned());
        let name = prop_oneof![9 => select(names), 1 => "[A-Za-z.0-9]{1,20}"];
        let more = prop::collection::vec(name.prop_flat_map(pair), 0..4);
        (Just(at), required, prop::bool::weighted(0.9), more).prop_map(|(at, first, keep, more)| {
            let first = if keep { first } else { vec![] };
            let mut pairs: Vec<(String, String)> = first;
            for (name, value) in more {
                if pairs.iter().all(|(other, _)| *other != name) {
                    pairs.push((name, value));
                }
            }
            (at, pairs)
        })
    })
}

/// What the forms find.
const CONTENTS: &str = "
CreateUser UserName=a
CreateGroup GroupName=a
CreateRole RoleName=a AssumeRolePolicyDocument={TRUST}
CreatePolicy PolicyName=a PolicyDocument={ALL}
CreateInstanceProfile InstanceProfileName=a
";

#[test]
fn random_forms_get_orderly_answers() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let server = runtime.block_on(TestServer::start());
    runtime.block_on(given(&server, &CONTENTS.replace("{TRUST}", TRUST)));
    let config = Config { cases: 3000, failure_persistence: None, ..Config::default() };
    let succeeded = Cell::new(0);
    // The same forms in every run, since what one answers depends on those before it.
    let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let result = TestRunner::new_with_rng(config, rng).run(&form(), |(at, pairs)| {
        let Known { service, version, action, .. } = OPERATIONS[at];
        let mut form = encoded("Action", action) + "&" + &encoded("Version", version);
        for (name, value) in &pairs {
            form = form + "&" + &encoded(name, value);
        }
        let answer = runtime.block_on(async {
            let mut headers = TestServer::headers(service);
            server.sign(&server.root, service, ("POST", "/"), &mut headers, form.as_bytes());
            server.handle("POST", "/", &headers, form.as_bytes()).await
        });
        is_orderly(&answer);
        succeeded.set(succeeded.get() + u32::from(answer.status == 200));
        Ok(())
    });
    result.unwrap();
    // Otherwise it is only refusals that are tested.
    assert!(succeeded.get() > 300, "{}", succeeded.get());
}

#[test]
fn random_bytes_get_orderly_answers() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let server = runtime.block_on(TestServer::start());
    let config = Config { cases: 2000, failure_persistence: None, ..Config::default() };
    let bytes = prop_oneof![
        prop::collection::vec(any::<u8>(), 0..60),
        "(Action=[A-Z][a-zA-Z]{0,12}|[&=%.]|[a-zA-Z.]{1,6}|%[0-9a-f]{2}){0,12}"
            .prop_map(String::into_bytes),
    ];
    proptest!(config, |(body in bytes, signed in prop::bool::weighted(0.8), method in select(vec!["POST", "GET", "PUT"]))| {
        let answer = runtime.block_on(async {
            let mut headers = TestServer::headers("iam");
            if signed {
                server.sign(&server.root, "iam", (method, "/"), &mut headers, &body);
            }
            server.handle(method, "/", &headers, &body).await
        });
        is_orderly(&answer);
        prop_assert!(signed || answer.code() == "MissingAuthenticationToken");
    });
}

/// A pair as a form carries it.
fn encoded(name: &str, value: &str) -> String {
    let encode = |text: &str| -> String {
        let escape = |byte: u8| match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'.' => char::from(byte).to_string(),
            byte => format!("%{byte:02X}"),
        };
        text.bytes().map(escape).collect()
    };
    encode(name) + "=" + &encode(value)
}
