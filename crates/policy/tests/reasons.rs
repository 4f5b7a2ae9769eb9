//! What a decision says about itself: the deciding policies, AWS's words for a denial, and the trace.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

use iamd_policy::{
    Action, Attached, Context, Decision, Document, Effect, Element, Evaluator, Policies,
    PolicyKind, Principal, PrincipalKind, Reference, Request, Resource, ResourcePolicyKind, Source,
    explain,
};

const ACCOUNT: &str = "111111111111";
const USER: &str = "arn:aws:iam::111111111111:user/alice";

fn allow() -> Document {
    Document::parse(r#"{"Statement":{"Sid":"All","Effect":"Allow","Principal":"*","Action":"*","Resource":"*"}}"#).unwrap()
}

fn plain(effect: &str) -> Document {
    let text = format!(
        r#"{{"Version":"2012-10-17","Statement":[
            {{"Effect":"Allow","Action":"ec2:*","Resource":"*"}},
            {{"Sid":"Second","Effect":"{effect}","Action":"iam:*","Resource":"*"}}]}}"#
    );
    Document::parse(&text).unwrap()
}

fn attached<'a>(document: &'a Document, arn: Option<&'a str>) -> Attached<'a> {
    Attached { source: Source { name: "policy", arn }, document }
}

fn request<'a>(action: &'a Action, context: &'a Context, account: &'a str) -> Request<'a> {
    Request {
        principal: Principal::new(PrincipalKind::User, USER, ACCOUNT),
        action,
        resource: Resource { arn: USER, account: Some(account), management_account: false },
        context,
    }
}

fn decide<'a>(policies: &Policies<'a>) -> Decision<'a> {
    Reference.decide(&request(&Action::new("iam:GetUser"), &Context::new(), ACCOUNT), policies)
}

#[test]
fn implicit_denials_in_aws_words() {
    let (yes, no) = (
        plain("Allow"),
        Document::parse(r#"{"Statement":{"Effect":"Allow","Action":"s3:*","Resource":"*"}}"#)
            .unwrap(),
    );
    let (yes, no) = (attached(&yes, None), attached(&no, None));
    let identity = [yes];
    let (levels, session) = ([vec![no]], [no]);
    let allowed = Policies { identity: &identity, ..Policies::default() };
    let trust = Policies { resource_kind: ResourcePolicyKind::RoleTrust, ..allowed };
    let key = Policies { resource_kind: ResourcePolicyKind::KeyPolicy, ..allowed };
    for (policies, wanted) in [
        (Policies::default(), " because no identity-based policy allows the iam:GetUser action"),
        (
            Policies { boundary: Some(no), ..allowed },
            " because no permissions boundary allows the iam:GetUser action",
        ),
        (
            Policies { session: Some(&session), ..allowed },
            " because no session policy allows the iam:GetUser action",
        ),
        (
            Policies { scps: Some(&levels), ..allowed },
            " because no service control policy allows the iam:GetUser action",
        ),
        (
            Policies { rcps: Some(&levels), ..allowed },
            " because no resource control policy allows the iam:GetUser action",
        ),
        (trust, " because no role trust policy allows the iam:GetUser action"),
        (key, " because no resource-based policy allows the iam:GetUser action"),
    ] {
        let decision = decide(&policies);
        assert_eq!(decision.effect, Effect::ImplicitDeny);
        assert_eq!(decision.denial_reason("iam:GetUser"), wanted);
        assert!(decision.matched.is_empty());
    }
    assert_eq!(decide(&allowed).denial_reason("iam:GetUser"), "");
}

#[test]
fn explicit_denials_in_aws_words() {
    let (deny, deny_all) = (
        plain("Deny"),
        Document::parse(
            r#"{"Statement":{"Effect":"Deny","Principal":"*","Action":"*","Resource":"*"}}"#,
        )
        .unwrap(),
    );
    let arn = "arn:aws:iam::111111111111:policy/p";
    let (managed, inline, resource) =
        (attached(&deny, Some(arn)), attached(&deny, None), attached(&deny_all, Some(arn)));
    let (managed_list, inline_list) = ([managed], [inline]);
    let (levels, resource_levels) = ([vec![managed]], [vec![resource]]);
    let none = Policies::default();
    for (policies, wanted) in [
        (
            Policies { identity: &managed_list, ..none },
            format!(" with an explicit deny in an identity-based policy: {arn}"),
        ),
        (
            Policies { identity: &inline_list, ..none },
            " with an explicit deny in an identity-based policy".to_owned(),
        ),
        (
            Policies { boundary: Some(managed), ..none },
            format!(" with an explicit deny in a permissions boundary: {arn}"),
        ),
        (
            Policies { session: Some(&managed_list), ..none },
            format!(" with an explicit deny in a session policy: {arn}"),
        ),
        (
            Policies { scps: Some(&levels), ..none },
            format!(" with an explicit deny in a service control policy: {arn}"),
        ),
        (
            Policies { rcps: Some(&resource_levels), ..none },
            format!(" with an explicit deny in a resource control policy: {arn}"),
        ),
        (
            Policies { resource: Some(resource), ..none },
            " with an explicit deny in a resource-based policy".to_owned(),
        ),
        (
            Policies {
                resource: Some(resource),
                resource_kind: ResourcePolicyKind::RoleTrust,
                ..none
            },
            " with an explicit deny in the role trust policy".to_owned(),
        ),
    ] {
        let decision = decide(&policies);
        assert_eq!(decision.effect, Effect::ExplicitDeny);
        assert_eq!(decision.denial_reason("iam:GetUser"), wanted);
    }
}

#[test]
fn other_accounts_do_not_learn_policy_arns() {
    let deny = plain("Deny");
    let identity = [attached(&deny, Some("arn:aws:iam::111111111111:policy/p"))];
    let policies = Policies { identity: &identity, ..Policies::default() };
    let decision = Reference
        .decide(&request(&Action::new("iam:GetUser"), &Context::new(), "222222222222"), &policies);
    assert_eq!(
        decision.denial_reason("iam:GetUser"),
        " with an explicit deny in an identity-based policy"
    );
}

#[test]
fn deciding_statements_come_with_their_place() {
    let (identity, boundary) = (plain("Allow"), allow());
    let identity_list = [attached(&identity, Some("arn:aws:iam::aws:policy/P"))];
    let policies = Policies {
        identity: &identity_list,
        resource: Some(attached(&boundary, None)),
        ..Policies::default()
    };
    let decision = decide(&policies);
    assert_eq!(decision.decided_by, Some(PolicyKind::Resource));
    let kinds: Vec<PolicyKind> = decision.matched.iter().map(|it| it.kind).collect();
    assert_eq!(kinds, [PolicyKind::Resource, PolicyKind::Identity]);
    let statement = decision.matched[1];
    assert_eq!((statement.index, statement.sid), (1, Some("Second")));
    assert_eq!((statement.span.start.line, statement.span.end.line), (3, 3));
    assert_eq!(statement.policy.arn, Some("arn:aws:iam::aws:policy/P"));
}

#[test]
fn missing_keys_are_those_of_the_action_in_question() {
    let text = r#"{"Version":"2012-10-17","Statement":[
        {"Effect":"Allow","Action":"iam:*","Resource":"arn:aws:iam::*:user/${aws:PrincipalTag/team}/${aws:userid, 'x'}",
         "Condition":{"Bool":{"aws:SecureTransport":"true"},"StringEquals":{"aws:there":"x"},"Null":{"AWS:securetransport":"false"}}},
        {"Effect":"Allow","Action":"ec2:*","Resource":"*","Condition":{"Bool":{"ec2:other":"true"}}}]}"#;
    let document = Document::parse(text).unwrap();
    let identity = [attached(&document, None)];
    let policies = Policies { identity: &identity, ..Policies::default() };
    let mut context = Context::new();
    context.set("aws:There", "x");
    let decision =
        Reference.decide(&request(&Action::new("iam:GetUser"), &context, ACCOUNT), &policies);
    assert_eq!(decision.missing, ["aws:SecureTransport", "aws:PrincipalTag/team"]);
}

#[test]
fn the_trace_names_the_element_that_said_no() {
    let text = r#"{"Version":"2012-10-17","Statement":[
        {"Effect":"Allow","Action":"ec2:*","Resource":"*"},
        {"Effect":"Allow","Action":"iam:*","Resource":"arn:aws:iam::*:role/*"},
        {"Effect":"Allow","Action":"iam:*","Resource":"*","Condition":{"StringEquals":{"aws:PrincipalTag/Team":["a","b"]}}},
        {"Effect":"Allow","Action":"iam:*","Resource":"*","Condition":{"Nonsense":{"k":"a"}}},
        {"Effect":"Allow","Action":"iam:*","Resource":"*"}]}"#;
    let document = Document::parse(text).unwrap();
    let identity = [attached(&document, None)];
    let policies = Policies { identity: &identity, ..Policies::default() };
    let mut context = Context::new();
    context.set("aws:PrincipalTag/team", "c");
    let traces = explain(&request(&Action::new("iam:GetUser"), &context, ACCOUNT), &policies);
    let mismatches: Vec<_> = traces.iter().map(|trace| trace.mismatch.as_ref()).collect();
    assert_eq!(mismatches[0].unwrap().element, Element::Action);
    assert_eq!(mismatches[1].unwrap().element, Element::Resource);
    let Element::Condition { operator, key, expected, actual } = &mismatches[2].unwrap().element
    else {
        panic!("a condition")
    };
    assert_eq!(
        (*operator, *key, actual.as_slice()),
        ("StringEquals", "aws:PrincipalTag/Team", ["c".to_owned()].as_slice())
    );
    assert_eq!(expected.len(), 2);
    assert!(mismatches[3].unwrap().unreadable);
    assert_eq!(mismatches[4], None);
}

#[test]
fn the_kind_of_resource_policy_follows_from_action_and_resource() {
    use ResourcePolicyKind::{KeyPolicy, Resource, RoleTrust};
    for (action, arn, wanted) in [
        ("sts:AssumeRole", "arn:aws:iam::111111111111:role/a", RoleTrust),
        ("STS:TagSession", "arn:aws:iam::111111111111:role/p/a", RoleTrust),
        ("sts:GetCallerIdentity", "*", Resource),
        ("sts:AssumeRoot", "arn:aws:iam::111111111111:root", Resource),
        ("iam:PassRole", "arn:aws:iam::111111111111:role/a", Resource),
        ("kms:Decrypt", "arn:aws:kms:us-east-1:111111111111:key/k", KeyPolicy),
        ("kms:ListKeys", "*", Resource),
        ("s3:GetObject", "arn:aws:s3:::role/key", Resource),
    ] {
        assert_eq!(ResourcePolicyKind::of(action, arn), wanted, "{action} {arn}");
    }
}
