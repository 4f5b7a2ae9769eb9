//! `iamd policy validate`.

use std::fs;

use expect_test::expect;
use serde_json::Value;

use crate::{check, folder, run};

const GOOD: &str = r#"{
  "Version": "2012-10-17",
  "Statement": [{ "Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::reports/*" }]
}
"#;

const BAD: &str = r#"{
  "Version": "2012-10-17",
  "Statement": [
    {
      "Effect": "Allow",
      "Action": ["s3:GetObjet", "iam:PassRole"],
      "Resource": "*",
	"Condition": { "StringEqual": { "aws:username": "é${aws:userid" } }
    }
  ]
}
"#;

const WARNING: &str = r#"{
  "Statement": [{ "Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::reports/*" }]
}
"#;

#[test]
fn text_shows_the_source() {
    let folder = folder(&[("bad.json", BAD)]);
    check(
        folder.path(),
        &["validate", "bad.json"],
        1,
        &expect![[r#"
        bad.json:6:22: error[INVALID_ACTION]: Amazon S3 has no action `GetObjet`; did you mean `GetObject`?
          |
        6 |       "Action": ["s3:GetObjet", "iam:PassRole"],
          |                      ^^^^^^^^

        bad.json:6:33: security warning[PASS_ROLE_WITH_STAR_IN_RESOURCE]: the statement covers `iam:PassRole` and lets any role be passed; name the roles, or add a condition on `iam:PassedToService`
          |
        6 |       "Action": ["s3:GetObjet", "iam:PassRole"],
          |                                 ^^^^^^^^^^^^^^
        bad.json:7:19: and here
          |
        7 |       "Resource": "*",
          |                   ^^^

        bad.json:8:17: error[INVALID_CONDITION_OPERATOR]: there is no condition operator `StringEqual`; did you mean `StringEquals`?
          |
        8 |  "Condition": { "StringEqual": { "aws:username": "é${aws:userid" } }
          |                 ^^^^^^^^^^^^^

        bad.json:8:52: error[MISSING_BRACE_IN_VARIABLE]: the variable has no closing brace
          |
        8 |  "Condition": { "StringEqual": { "aws:username": "é${aws:userid" } }
          |                                                    ^^^^^^^^^^^^

        1 file: 3 errors, 1 security warning, 0 warnings, 0 suggestions
    "#]],
    );
}

#[test]
fn long_lines_are_cut_and_terminals_spared() {
    let long = format!(
        r#"{{"Version":"2012-10-17","Statement":[{{"Sid":"{}","Effect":"Allow","Action":"s3:GetObjet\u001b[31m","Resource":["arn:aws:s3:::{}"]}}]}}"#,
        "a".repeat(200),
        "b".repeat(200)
    );
    let folder = folder(&[("long.json", &long), ("escape.json", "{\u{1b}[31m}")]);
    check(
        folder.path(),
        &["validate", "long.json", "escape.json"],
        1,
        &expect![[r#"
        long.json:1:274: error[INVALID_ACTION]: Amazon S3 has no action `GetObjet�[31m`
          |
        1 | …aa","Effect":"Allow","Action":"s3:GetObjet\u001b[31m","Resource":["arn:aws:s3:::bbbbbbbbbbbbbbbbbbbbbbbbbbbbbb…
          |                                ^^^^^^^^^^^^^^^^^^^^^^^

        escape.json:1:2: error[JSON_SYNTAX_ERROR]: not JSON: expected a member name
          |
        1 | {�[31m}
          |  ^

        2 files: 2 errors, 0 security warnings, 0 warnings, 0 suggestions
    "#]],
    );
}

#[test]
fn the_exit_status_follows_what_is_denied() {
    let folder = folder(&[("good.json", GOOD), ("warning.json", WARNING)]);
    let status = |words: &[&str]| run(folder.path(), &[&["validate"], words].concat()).2;
    assert_eq!(status(&["good.json"]), 0);
    assert_eq!(status(&["warning.json"]), 0);
    assert_eq!(status(&["--deny", "warnings", "good.json"]), 0);
    assert_eq!(status(&["--deny", "warnings", "warning.json"]), 1);
    assert_eq!(status(&["--type", "resource", "good.json"]), 1);
    assert_eq!(status(&["--type", "nonsense", "good.json"]), 2);
}

#[test]
fn what_cannot_be_read_is_told_and_the_rest_checked() {
    let folder = folder(&[("good.json", GOOD)]);
    let (out, errors, status) = run(folder.path(), &["validate", "nothing.json", "good.json"]);
    assert_eq!(
        errors,
        "iamd: cannot read `nothing.json`: No such file or directory (os error 2)\n"
    );
    assert_eq!(out, "1 file: 0 errors, 0 security warnings, 0 warnings, 0 suggestions\n");
    assert_eq!(status, 2);
    fs::create_dir(folder.path().join("empty")).unwrap();
    let (_, errors, status) = run(folder.path(), &["validate", "empty"]);
    assert_eq!(errors, "iamd: `empty` has no file with extension json\n");
    assert_eq!(status, 2);
}

#[test]
fn the_type_follows_the_elements() {
    let trust = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"AWS":"111111111111"},"Action":"sts:AssumeRole"}}"#;
    let bucket = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"AWS":"111111111111"},"Action":"s3:GetObject","Resource":"arn:aws:s3:::a/*"}}"#;
    let folder =
        folder(&[("identity.json", GOOD), ("resource.json", bucket), ("trust.json", trust)]);
    let (out, _, status) = run(folder.path(), &["validate", "--format", "json", "."]);
    let files: Value = serde_json::from_str(&out).unwrap();
    let types: Vec<&str> =
        files.as_array().unwrap().iter().map(|file| file["type"].as_str().unwrap()).collect();
    assert_eq!(types, ["identity", "resource", "trust"]);
    assert_eq!(status, 0, "{out}");
}

#[test]
fn json_is_the_answer_of_validate_policy() {
    let folder = folder(&[("warning.json", WARNING)]);
    check(
        folder.path(),
        &["validate", "--format", "json", "warning.json"],
        0,
        &expect![[r#"
        [
          {
            "file": "warning.json",
            "findings": [
              {
                "findingDetails": "the document has no `Version`; without `2012-10-17`, variables are plain text",
                "findingType": "WARNING",
                "issueCode": "MISSING_VERSION",
                "learnMoreLink": "https://docs.aws.amazon.com/IAM/latest/UserGuide/access-analyzer-reference-policy-checks.html#access-analyzer-reference-policy-checks-general-warning-missing-version",
                "locations": [
                  {
                    "path": [],
                    "span": {
                      "end": {
                        "column": 1,
                        "line": 3,
                        "offset": 106
                      },
                      "start": {
                        "column": 0,
                        "line": 1,
                        "offset": 0
                      }
                    }
                  }
                ]
              }
            ],
            "type": "identity"
          }
        ]
    "#]],
    );
}

#[test]
fn sarif_has_what_code_hosts_need() {
    let folder = folder(&[("good.json", GOOD)]);
    fs::create_dir(folder.path().join("a b")).unwrap();
    fs::write(folder.path().join("a b/bad.json"), BAD).unwrap();
    let (out, _, status) = run(folder.path(), &["validate", "--format", "sarif", "."]);
    assert_eq!(status, 1);
    let log: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(log["version"], "2.1.0");
    let run = &log["runs"][0];
    let rules: Vec<&Value> = run["tool"]["driver"]["rules"].as_array().unwrap().iter().collect();
    let results = run["results"].as_array().unwrap();
    assert!(!results.is_empty());
    for result in results {
        assert!(rules.iter().any(|rule| rule["id"] == result["ruleId"]));
        assert!(["error", "warning", "note"].contains(&result["level"].as_str().unwrap()));
        assert!(!result["message"]["text"].as_str().unwrap().is_empty());
        let place = &result["locations"][0]["physicalLocation"];
        assert_eq!(place["artifactLocation"]["uri"], "a%20b/bad.json");
        for number in ["startLine", "startColumn", "endLine", "endColumn"] {
            assert!(place["region"][number].as_u64().unwrap() >= 1);
        }
    }
    for rule in rules {
        assert!(rule["helpUri"].as_str().unwrap().starts_with("https://docs.aws.amazon.com/IAM/"));
    }
    expect![[r#"
        {
          "level": "error",
          "locations": [
            {
              "physicalLocation": {
                "artifactLocation": {
                  "uri": "a%20b/bad.json"
                },
                "region": {
                  "endColumn": 30,
                  "endLine": 6,
                  "startColumn": 22,
                  "startLine": 6
                }
              }
            }
          ],
          "message": {
            "text": "Amazon S3 has no action `GetObjet`; did you mean `GetObject`?"
          },
          "relatedLocations": [],
          "ruleId": "INVALID_ACTION"
        }"#]]
    .assert_eq(&serde_json::to_string_pretty(&results[0]).unwrap());
}
