//! Every scenario of `testdata/policy`.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use iamd_policy::{Engine, Evaluator, Reference, cases};

fn directory() -> std::path::PathBuf {
    std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/policy")
}

#[test]
fn scenarios_come_out_as_written() {
    run_all(&Reference);
}

#[test]
fn scenarios_come_out_as_written_when_compiled() {
    run_all(&Engine);
}

fn run_all(evaluator: &impl Evaluator) {
    let mut passed = 0;
    for entry in std::fs::read_dir(directory()).unwrap() {
        let path = entry.unwrap().path();
        let report = cases::run(&std::fs::read_to_string(&path).unwrap(), evaluator);
        assert!(report.failures.is_empty(), "{}:\n{report}", path.display());
        passed += report.passed;
    }
    assert!(passed > 400, "only {passed} scenarios found");
}

#[test]
fn the_runner_reports_what_fails() {
    let user = r#"{"arn":"arn:aws:iam::111111111111:user/a","kind":"user"}"#;
    let line = |id: &str, policies: &str, expect: &str| {
        format!(
            r#"{{"id":"{id}","request":{{"principal":{user},"action":"a:b","resource":{{"arn":"*"}}}},"policies":{policies},"expect":"{expect}"}}"#
        )
    };
    let allow = r#"{"identity":["{\"Statement\":{\"Effect\":\"Allow\",\"Action\":\"*\",\"Resource\":\"*\"}}"]}"#;
    let lines = [
        line("right", allow, "allow"),
        String::new(),
        line("wrong", "{}", "allow"),
        line("right", allow, "allow"),
        line("broken policy", r#"{"identity":[{}]}"#, "allow"),
        line("unknown layer", r#"{"boundry":{}}"#, "allow"),
        "no JSON".to_owned(),
    ];
    let report = cases::run(&lines.join("\n"), &Reference).to_string();
    expect_test::expect![[r#"
        wrong: expected Allow, got ImplicitDeny by identity-based policy
        right: duplicate id
        broken policy: identity policy: missing element `Statement` at line 1, column 1
        line 6: unknown field `boundry`, expected one of `identity`, `resource`, `boundary`, `session`, `scps`, `rcps` at line 1 column 162
        line 7: expected ident at line 1 column 2
        1 passed, 5 failed"#]]
    .assert_eq(&report);
}
