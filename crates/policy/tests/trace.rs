//! The trace of a whole decision, for people and for programs.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use expect_test::expect;
use iamd_policy::{
    Action, Attached, Context, Document, Policies, Principal, PrincipalKind, Request, Resource,
    Source, Trace,
};

const USER: &str = "arn:aws:iam::111111111111:user/alice";

fn document(statements: &str) -> Document {
    Document::parse(&format!(r#"{{"Version":"2012-10-17","Statement":[{statements}]}}"#)).unwrap()
}

fn attached<'a>(name: &'a str, document: &'a Document) -> Attached<'a> {
    Attached { source: Source { name, arn: None }, document }
}

fn trace<T>(then: impl FnOnce(&Trace<'_>) -> T) -> T {
    let all = document(r#"{"Effect":"Allow","Action":"*","Resource":"*"}"#);
    let team = document(
        r#"{"Sid":"Team","Effect":"Allow","Action":"s3:Get*","Resource":"*",
            "Condition":{"StringEquals":{"aws:PrincipalTag/team":["a","b"]}}},
           {"Effect":"Deny","NotAction":["s3:*","iam:*"],"Resource":"*"},
           {"Effect":"Allow","Action":"s3:*","Resource":"arn:aws:s3:::b/*"}"#,
    );
    let bound = document(
        r#"{"Effect":"Allow","Action":"s3:GetObject","Resource":"*","Condition":{"Bool":{"aws:MultiFactorAuthPresent":"true"}}},
           {"Effect":"Allow","Action":"s3:GetObject","Resource":"*","Condition":{"Odd":{"k":"true"}}}"#,
    );
    let levels = [vec![attached("FullAWSAccess", &all)], vec![attached("Unit", &all)]];
    let identity = [attached("Team", &team)];
    let policies = Policies {
        identity: &identity,
        boundary: Some(attached("Bound", &bound)),
        scps: Some(&levels),
        ..Policies::default()
    };
    let mut context = Context::new();
    context.set("aws:PrincipalTag/Team", "c");
    let request = Request {
        principal: Principal::new(PrincipalKind::User, USER, "111111111111"),
        action: &Action::new("s3:GetObject"),
        resource: Resource { arn: "arn:aws:s3:::b/k", account: None, management_account: false },
        context: &context,
    };
    then(&Trace::of(&request, &policies))
}

#[test]
fn people_read_every_gate() {
    expect![[r#"
        s3:GetObject: implicitly denied by permissions boundary
          caller arn:aws:iam::111111111111:user/alice
          resource arn:aws:s3:::b/k
          the request has no aws:MultiFactorAuthPresent, k
        service control policy, level 1: allows
          FullAWSAccess
            1 (line 1): Allow, applies
        service control policy, level 2: allows
          Unit
            1 (line 1): Allow, applies
        identity-based policy: allows
          Team
            1 Team (line 1): Allow, no: StringEquals aws:PrincipalTag/team wants `a`, `b`, is `c`
            2 (line 3): Deny, no: NotAction excepts `s3:*`, `iam:*`, is `s3:GetObject`
            3 (line 4): Allow, applies
        permissions boundary: allows nothing  <- decides
          Bound
            1 (line 1): Allow, no: Bool aws:MultiFactorAuthPresent wants `true`, is missing
            2 (line 2): Allow, no: Odd k makes no sense
    "#]]
    .assert_eq(&trace(|trace| trace.to_string()));
}

#[test]
fn programs_read_the_same() {
    let json = trace(|trace| serde_json::to_value(trace).unwrap());
    assert_eq!(json["effect"], "implicitDeny");
    assert_eq!(json["decided_by"], "permissions boundary");
    assert_eq!(json["gates"][1]["level"], 2);
    assert_eq!(json["gates"][2]["says"], "allows");
    let failed = &json["gates"][3]["policies"][0]["statements"][0]["failed"];
    assert_eq!(failed["key"], "aws:MultiFactorAuthPresent");
    assert_eq!(
        (failed["wanted"][0].as_str(), failed["seen"].as_array().map(Vec::len)),
        (Some("true"), Some(0))
    );
}
