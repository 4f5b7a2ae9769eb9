//! Any text as a policy document: parsed, checked, compiled, and evaluated in every place a document can have.
//! `cargo +nightly fuzz run document` in `crates/policy`.
#![no_main]

use iamd_policy::{
    Action, Attached, Context, Document, Effect, Engine, Evaluator, Policies, PolicyType,
    Principal, PrincipalKind, Reference, Request, Resource, ResourcePolicyKind, Source, check,
    counted_size, explain,
};
use libfuzzer_sys::fuzz_target;

const TYPES: [PolicyType; 6] = [
    PolicyType::Identity,
    PolicyType::Trust,
    PolicyType::Resource,
    PolicyType::Session,
    PolicyType::ServiceControl,
    PolicyType::ResourceControl,
];

fuzz_target!(|text: &str| {
    assert!(counted_size(text) <= text.chars().count());
    let parsed = Document::parse(text);
    for policy_type in TYPES {
        let checked = check(text, policy_type, true);
        assert!(checked.is_err() || parsed.is_ok(), "what may be stored can be read");
    }
    let Ok(document) = parsed else { return };
    let mut context = Context::new();
    for (index, key) in document.context_keys().iter().enumerate() {
        match index % 3 {
            0 => context.set(key, "a"),
            1 => context.set_many(key, ["10.0.0.1", "5"]),
            _ => {}
        }
    }
    let attached = Attached { source: Source { name: "p", arn: None }, document: &document };
    let (list, levels) = ([attached], [vec![attached]]);
    let policies = Policies {
        identity: &list,
        resource: Some(attached),
        resource_kind: ResourcePolicyKind::Resource,
        boundary: Some(attached),
        session: Some(&list),
        scps: Some(&levels),
        rcps: Some(&levels),
    };
    for kind in [PrincipalKind::Root, PrincipalKind::RoleSession, PrincipalKind::Service] {
        let request = Request {
            principal: Principal::new(kind, "arn:aws:iam::111111111111:user/a", "111111111111"),
            action: &Action::new("s3:GetObject"),
            resource: Resource {
                arn: "arn:aws:s3:::b/k",
                account: None,
                management_account: false,
            },
            context: &context,
        };
        let decision = Reference.decide(&request, &policies);
        let compiled = Engine.decide(&request, &policies);
        assert_eq!((compiled.effect, compiled.decided_by), (decision.effect, decision.decided_by));
        let traces = explain(&request, &policies);
        let denied = traces.iter().any(|trace| {
            trace.effect == iamd_policy::StatementEffect::Deny && trace.mismatch.is_none()
        });
        assert_eq!(denied, decision.effect == Effect::ExplicitDeny);
    }
});
