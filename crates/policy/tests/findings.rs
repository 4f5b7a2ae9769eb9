//! Findings: each code has cases that show it, with its places, and cases like them that do not.
#![cfg(feature = "vocabulary")]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "a test fails by panicking"
)]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use expect_test::expect;
use iamd_policy::findings::{Origin, Status};
use iamd_policy::{Finding, FindingCode, MAX_DOCUMENT_BYTES, PolicyResource, PolicyType, validate};
use proptest::prelude::*;
use serde_json::Value;

fn testdata() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata")
}

fn policy_type(name: &str) -> PolicyType {
    match name {
        "identity" => PolicyType::Identity,
        "trust" => PolicyType::Trust,
        "resource" => PolicyType::Resource,
        "scp" => PolicyType::ServiceControl,
        "rcp" => PolicyType::ResourceControl,
        other => panic!("{other}"),
    }
}

/// The text of a document: itself, or written without white space.
fn text(document: &Value) -> String {
    document.as_str().map_or_else(|| document.to_string(), str::to_owned)
}

/// What the places of a finding cover. A star stands for what is not looked at.
fn covered<'t>(text: &'t str, finding: &Finding) -> Vec<&'t str> {
    let part = |start: u32, end: u32| &text[start as usize..end as usize];
    let spans = finding.locations.iter().map(|location| location.span);
    spans.map(|span| part(span.start.offset, span.end.offset)).collect()
}

#[test]
fn each_code_is_found_where_it_is_and_nowhere_else() {
    let mut shown = BTreeSet::new();
    for entry in std::fs::read_dir(testdata().join("findings")).unwrap() {
        let path = entry.unwrap().path();
        let cases: Vec<Value> =
            serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
        for case in cases {
            let code = case["code"].as_str().unwrap();
            let resource = case["resource"].as_str().map(|_| PolicyResource::S3Bucket);
            let findings = |document: &Value| {
                validate(&text(document), policy_type(case["type"].as_str().unwrap()), resource)
            };
            let bad = text(&case["bad"]);
            let found = findings(&case["bad"]);
            let finding = found.iter().find(|finding| finding.code.name() == code);
            let finding = finding.unwrap_or_else(|| panic!("no {code} in {bad}: {found:#?}"));
            let wanted: Vec<&str> =
                case["at"].as_array().unwrap().iter().map(|at| at.as_str().unwrap()).collect();
            let places = covered(&bad, finding);
            assert_eq!(places.len(), wanted.len(), "{code} in {bad}: {places:?}");
            for (place, wanted) in places.iter().zip(&wanted) {
                assert!(*wanted == "*" || place == wanted, "{code} in {bad}: {places:?}");
            }
            let good = findings(&case["good"]);
            assert!(
                good.iter().all(|finding| finding.code.name() != code),
                "{code} in {}: {good:#?}",
                text(&case["good"])
            );
            shown.insert(finding.code);
        }
    }
    let done = FindingCode::ALL.iter().filter(|code| code.status() == Status::Done);
    let missing: Vec<_> = done.filter(|code| !shown.contains(code)).collect();
    assert!(missing.is_empty(), "codes without a case: {missing:?}");
}

#[test]
fn the_listed_codes_are_all_there_with_their_types() {
    let list = std::fs::read_to_string(testdata().join("policy-checks.tsv")).unwrap();
    let listed: Vec<&str> = list.lines().filter(|line| !line.starts_with('#')).collect();
    let mut own: Vec<String> = FindingCode::ALL
        .iter()
        .filter(|code| code.origin() == Origin::Listed)
        .map(|code| format!("{}\t{}", code.name(), code.finding_type().name()))
        .collect();
    own.sort();
    assert_eq!(own, listed);
}

#[test]
fn a_finding_is_written_as_aws_writes_it() {
    let text = "{\"Version\": \"2012-10-17\", \"Statement\": [{\n\"Effect\": \"Allow\",\n \"Action\": [\"s3:*\", \"s3:GetObjet\"], \"Resource\": \"*\"}]}";
    let findings = validate(text, PolicyType::Identity, None);
    let finding = findings.iter().find(|it| it.code == FindingCode::InvalidAction).unwrap();
    expect![[r#"
        {
          "findingDetails": "Amazon S3 has no action `GetObjet`; did you mean `GetObject`?",
          "findingType": "ERROR",
          "issueCode": "INVALID_ACTION",
          "learnMoreLink": "https://docs.aws.amazon.com/IAM/latest/UserGuide/access-analyzer-reference-policy-checks.html#access-analyzer-reference-policy-checks-error-invalid-action",
          "locations": [
            {
              "path": [
                {
                  "value": "Statement"
                },
                {
                  "index": 0
                },
                {
                  "value": "Action"
                },
                {
                  "index": 1
                },
                {
                  "substring": {
                    "start": 3,
                    "length": 8
                  }
                }
              ],
              "span": {
                "start": {
                  "line": 3,
                  "column": 24,
                  "offset": 85
                },
                "end": {
                  "line": 3,
                  "column": 32,
                  "offset": 93
                }
              }
            }
          ]
        }"#]]
    .assert_eq(&serde_json::to_string_pretty(finding).unwrap());
}

#[test]
fn several_faults_are_all_found() {
    let text = r#"{"Version":"2012-10-17" "Statement":[{"Effect":"Alow","Action":"s3:GetObjet","Resource":"bucket",},]}"#;
    let found: Vec<&str> =
        validate(text, PolicyType::Identity, None).iter().map(|it| it.code.name()).collect();
    expect![[r#"
        [
            "JSON_SYNTAX_ERROR",
            "INVALID_EFFECT",
            "INVALID_ACTION",
            "INVALID_ARN_PREFIX",
            "JSON_SYNTAX_ERROR",
            "JSON_SYNTAX_ERROR",
        ]
    "#]]
    .assert_debug_eq(&found);
}

/// Documents that would make a careless check slow or large.
#[test]
fn hostile_documents_cost_little() {
    let statement = |elements: &str| {
        format!(r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow",{elements}}}]}}"#)
    };
    let list = |item: &str, count: usize| vec![format!("\"{item}\""); count].join(",");
    let many = |item: &str| list(item, 200_000 / (item.len() + 3));
    let long = "k".repeat(100_000);
    for text in [
        statement(&format!(r#""Action":[{}],"Resource":"*""#, many("s3:GetObjet"))),
        statement(&format!(r#""Action":[{}],"Resource":"*""#, many("s3:G*t*O*"))),
        statement(&format!(r#""Action":[{}],"Resource":"*""#, many("ec2:*"))),
        statement(&format!(r#""Action":"s3:*","Resource":[{}]"#, many("arn:aws:ec2:*:*:*z*z*z*z"))),
        statement(&format!(r#""Action":"*","Resource":"{}""#, "*a".repeat(100_000))),
        statement(&format!(
            r#""Action":"*","Resource":"*","Condition":{{"StringEquals":{{"{long}":[{}]}}}}"#,
            many("${")
        )),
        statement(&format!(r#""Action":"*","Resource":"{}""#, "${a ".repeat(50_000))),
        statement(&format!(r#""Action":"{}:*","Resource":"*""#, "z".repeat(200_000))),
        "[".repeat(200_000),
        "{\"a\":1,".repeat(30_000),
        " ".repeat(MAX_DOCUMENT_BYTES + 1),
    ] {
        let findings = validate(&text, PolicyType::Identity, None);
        let written = serde_json::to_string(&findings).unwrap();
        assert!(written.len() < 8 * 1024 * 1024, "{} bytes", written.len());
    }
}

fn json() -> impl Strategy<Value = Value> {
    let word = prop_oneof![
        Just("Version"),
        Just("2012-10-17"),
        Just("Statement"),
        Just("Effect"),
        Just("Allow"),
        Just("Principal"),
        Just("NotPrincipal"),
        Just("AWS"),
        Just("Federated"),
        Just("Service"),
        Just("Action"),
        Just("NotAction"),
        Just("Resource"),
        Just("NotResource"),
        Just("Condition"),
        Just("Sid"),
        Just("StringEquals"),
        Just("ForAllValues:StringLike"),
        Just("IpAddress"),
        Just("aws:SourceIp"),
        Just("aws:TagKeys"),
        Just("aws:ResourceTag/"),
        Just("s3:Get*"),
        Just("arn:aws:iam::1:role/*"),
        Just("${aws:é, '"),
        Just("é\n\u{1f600}${}"),
        Just("10.0.0.1/8"),
        Just(":"),
        Just(""),
    ]
    .prop_map(str::to_owned);
    let leaf = prop_oneof![
        4 => word.clone().prop_map(Value::from),
        1 => ".{0,12}".prop_map(Value::from),
        1 => any::<i32>().prop_map(Value::from),
        1 => any::<bool>().prop_map(Value::from),
        1 => Just(Value::Null),
    ];
    leaf.prop_recursive(6, 60, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::vec((word.clone(), inner), 0..6)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

const TYPES: [PolicyType; 6] = [
    PolicyType::Identity,
    PolicyType::Trust,
    PolicyType::Resource,
    PolicyType::Session,
    PolicyType::ServiceControl,
    PolicyType::ResourceControl,
];

fn spans_lie_inside(text: &str) {
    for policy_type in TYPES {
        for finding in validate(text, policy_type, Some(PolicyResource::S3Bucket)) {
            assert!(!finding.message.is_empty() && !finding.locations.is_empty());
            for place in covered(text, &finding) {
                assert!(place.len() <= text.len());
            }
            for span in finding.locations.iter().map(|location| location.span) {
                assert!(span.start <= span.end, "{finding:?}");
                let before = &text[..span.start.offset as usize];
                let line = before.matches('\n').count() + 1;
                let column = before.rsplit('\n').next().unwrap().chars().count() + 1;
                assert_eq!((span.start.line as usize, span.start.column as usize), (line, column));
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn any_json_is_looked_at_without_panic(value in json(), pretty in any::<bool>()) {
        let text = match pretty {
            true => serde_json::to_string_pretty(&value).unwrap(),
            false => value.to_string(),
        };
        spans_lie_inside(&text);
    }

    #[test]
    fn any_statement_is_looked_at_without_panic(
        members in prop::collection::vec((0_usize..9, json()), 0..8)
    ) {
        let names = ["Sid", "Effect", "Principal", "NotPrincipal", "Action", "NotAction", "Resource", "NotResource", "Condition"];
        let members: Vec<String> =
            members.iter().map(|(name, value)| format!("{:?}: {value}", names[*name])).collect();
        let text = format!("{{\"Version\": \"2012-10-17\",\n\"Statement\": {{{}}}}}", members.join(",\n"));
        spans_lie_inside(&text);
    }

    #[test]
    fn any_text_is_looked_at_without_panic(text in "[\\[\\]{}\",:a-c\\\\u0 é\n-]{0,60}") {
        spans_lie_inside(&text);
    }
}
