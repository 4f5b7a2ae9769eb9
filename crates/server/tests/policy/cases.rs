//! `iamd policy test`.

use std::path::{Path, PathBuf};

use expect_test::expect;

use crate::{check, folder, run};

fn sample() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/policy/sample")
}

#[test]
fn a_directory_of_cases_passes() {
    check(
        &sample(),
        &["test", "."],
        0,
        &expect![[r#"
        3 passed, 0 failed
    "#]],
    );
    check(
        &sample(),
        &["test", "--json", "secrets.jsonl"],
        0,
        &expect![[r#"
        {"file":"secrets.jsonl","id":"secrets are closed","passed":true,"expected":"explicit_deny","effect":"explicit_deny","decided_by":"resource-based policy","problem":null,"explanation":["resource-based policy `policies/bucket.json`, statement 1 (line 3) denies","identity-based policy `policies/read.json`, statement 1 `ReadOverTls` (line 4) allows"]}
    "#]],
    );
}

const CASES: &str = r#"
{"id": "wrong", "request": {"principal": {"arn": "arn:aws:iam::111111111111:user/alice", "kind": "user"}, "action": "s3:GetObject", "resource": {"arn": "arn:aws:s3:::reports/a"}, "context": {"aws:SecureTransport": "false"}}, "policies": {"identity": [{"Version": "2012-10-17", "Statement": [{"Sid": "Read", "Effect": "Allow", "Action": "s3:Get*", "Resource": "*", "Condition": {"Bool": {"aws:SecureTransport": "true"}}}, {"Effect": "Allow", "Action": "s3:Put*", "Resource": "*"}]}]}, "expect": "allow"}
{"id": "no file", "request": {"principal": {"arn": "arn:aws:iam::111111111111:user/alice", "kind": "user"}, "action": "s3:GetObject", "resource": {"arn": "*"}}, "policies": {"identity": ["nothing.json"]}, "expect": "allow"}
{"id": "no file", "request": {"principal": {"arn": "arn:aws:iam::111111111111:user/alice", "kind": "user"}, "action": "s3:GetObject", "resource": {"arn": "*"}}, "policies": {}, "expect": "implicit_deny"}
{"id": "typo", "request": {"principle": {}}}
"#;

#[test]
fn failures_are_explained() {
    let folder = folder(&[("cases.jsonl", CASES)]);
    check(
        folder.path(),
        &["test", "cases.jsonl"],
        1,
        &expect![[r#"
            FAILED cases.jsonl: wrong
              expected Allow, got ImplicitDeny by identity-based policy
              - identity-based policy, statement 1 `Read` (line 1) does not apply: `Bool` `aws:SecureTransport` wants `true`; the request has `false`
              - identity-based policy, statement 2 (line 1) does not apply: its action does not match
            FAILED cases.jsonl: no file
              identity policy: cannot read `nothing.json`: No such file or directory (os error 2)
            FAILED cases.jsonl: no file
              another case of the file has this id
            FAILED cases.jsonl: line 5
              unknown field `principle`, expected one of `principal`, `action`, `resource`, `context`, `multivalued` at line 1 column 38
            0 passed, 4 failed
        "#]],
    );
    check(
        folder.path(),
        &["test", "--json", "cases.jsonl"],
        1,
        &expect![[r#"
            {"file":"cases.jsonl","id":"wrong","passed":false,"expected":"allow","effect":"implicit_deny","decided_by":"identity-based policy","problem":"expected Allow, got ImplicitDeny by identity-based policy","explanation":["identity-based policy, statement 1 `Read` (line 1) does not apply: `Bool` `aws:SecureTransport` wants `true`; the request has `false`","identity-based policy, statement 2 (line 1) does not apply: its action does not match"]}
            {"file":"cases.jsonl","id":"no file","passed":false,"expected":null,"effect":null,"decided_by":null,"problem":"identity policy: cannot read `nothing.json`: No such file or directory (os error 2)","explanation":null}
            {"file":"cases.jsonl","id":"no file","passed":false,"expected":null,"effect":null,"decided_by":null,"problem":"another case of the file has this id","explanation":null}
            {"file":"cases.jsonl","id":"line 5","passed":false,"expected":null,"effect":null,"decided_by":null,"problem":"unknown field `principle`, expected one of `principal`, `action`, `resource`, `context`, `multivalued` at line 1 column 38","explanation":null}
        "#]],
    );
}

#[test]
fn files_that_are_no_lists_of_cases_are_told() {
    let folder = folder(&[("a.yaml", "[1"), ("b.json", "3"), ("c.yaml", "- id: 1\n")]);
    let (out, errors, status) = run(folder.path(), &["test", "a.yaml", "b.json", "c.yaml"]);
    expect![[r#"
        FAILED c.yaml: case 1
          invalid type: integer `1`, expected a string at line 1 column 7
        0 passed, 1 failed
    "#]]
    .assert_eq(&out);
    expect![[r#"
        iamd: cannot read `a.yaml`: error: line 1 column 1: unclosed bracket '['
         --> <input>:1:1
          |
        1 | [1
          | ^ unclosed bracket '['
        iamd: `b.json` is neither a case nor a list of them
    "#]]
    .assert_eq(&errors);
    assert_eq!(status, 2);
}
