//! Any pattern against any text, as resource and as condition value: the compiled engine matches as the reference does.
//! The first line is the pattern, the rest the text. `cargo +nightly fuzz run glob` in `crates/policy`.
#![no_main]

use iamd_policy::{
    Action, Attached, Context, Document, Engine, Evaluator, Policies, Principal, PrincipalKind,
    Reference, Request, Resource, ResourcePolicyKind, Source,
};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &str| {
    let Some((pattern, text)) = input.split_once('\n') else { return };
    let mut context = Context::new();
    context.set("aws:username", "ab");
    context.set("aws:useragent", text);
    for (resource, condition) in [
        (pattern, serde_json::json!({})),
        ("*", serde_json::json!({ "StringLike": { "aws:UserAgent": pattern } })),
        ("*", serde_json::json!({ "ArnLike": { "aws:UserAgent": pattern } })),
    ] {
        let statement = serde_json::json!({
            "Effect": "Allow", "Action": "*", "Resource": resource, "Condition": condition
        });
        let document = serde_json::json!({ "Version": "2012-10-17", "Statement": [statement] });
        let Ok(document) = Document::parse(&document.to_string()) else { continue };
        let attached = [Attached { source: Source { name: "p", arn: None }, document: &document }];
        let policies = Policies {
            identity: &attached,
            resource: None,
            resource_kind: ResourcePolicyKind::Resource,
            boundary: None,
            session: None,
            scps: None,
            rcps: None,
        };
        let arn = "arn:aws:iam::111111111111:user/ab";
        let request = Request {
            principal: Principal::new(PrincipalKind::User, arn, "111111111111"),
            action: &Action::new("s3:GetObject"),
            resource: Resource { arn: text, account: None, management_account: false },
            context: &context,
        };
        let (ours, naive) =
            (Engine.decide(&request, &policies), Reference.decide(&request, &policies));
        assert_eq!(ours.effect, naive.effect, "{resource} {condition}");
    }
});
