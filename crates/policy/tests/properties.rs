//! What must hold for every document and request.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use iamd_policy::{
    Action, Attached, Context, Document, Effect, Engine, Evaluator, Policies, PolicyType,
    Principal, PrincipalKind, Reference, Request, Resource, Source, StatementEffect, check,
    counted_size, explain,
};
use proptest::prelude::*;
use proptest::sample::select;

const ACCOUNT: &str = "111111111111";
const USER: &str = "arn:aws:iam::111111111111:user/alice";

/// A statement as we write it.
#[derive(Clone, Debug)]
struct Written {
    effect: &'static str,
    action_element: &'static str,
    actions: Vec<String>,
    resource_element: &'static str,
    resources: Vec<String>,
    condition: Option<(String, String, Vec<String>)>,
}

impl Written {
    fn json(&self, principal: &str) -> String {
        let quote = |text: &String| serde_json::to_string(text).unwrap();
        let list = |texts: &[String]| texts.iter().map(quote).collect::<Vec<_>>().join(" , ");
        let condition = self.condition.as_ref().map(|(operator, key, values)| {
            format!(
                ",\n\"Condition\":{{{}:{{{}:[{}]}}}}",
                quote(operator),
                quote(key),
                list(values)
            )
        });
        format!(
            "{{ \"Effect\":\"{}\"{principal}, \"{}\":[{}],\n\"{}\":[{}]{} }}",
            self.effect,
            self.action_element,
            list(&self.actions),
            self.resource_element,
            list(&self.resources),
            condition.unwrap_or_default()
        )
    }
}

fn written(effect: &'static [&'static str]) -> impl Strategy<Value = Written> {
    let operator = (
        select(&["", "ForAllValues:", "ForAnyValue:"][..]),
        select(
            &[
                "StringEquals",
                "StringNotLike",
                "NumericLessThan",
                "IpAddress",
                "ArnLike",
                "Null",
                "Odd",
            ][..],
        ),
        select(&["", "IfExists"][..]),
    )
        .prop_map(|(set, name, suffix)| format!("{set}{name}{suffix}"));
    let value = select(
        &[
            "a",
            "b",
            "*",
            "5",
            "true",
            "10.0.0.0/8",
            "arn:aws:s3:::*",
            "${k:a}",
            "${k:c, 'a'}",
            "${",
        ][..],
    )
    .prop_map(str::to_owned);
    let condition =
        (operator, select(&["k:a", "K:B", "k:c"][..]), prop::collection::vec(value, 0..3))
            .prop_map(|(operator, key, values)| (operator, key.to_owned(), values));
    let action = select(&["*", "s3:*", "s3:Get*", "S3:getObject", "iam:*", "s3:P?tObject"][..]);
    let resource = select(
        &["*", "arn:aws:s3:::b/*", "arn:aws:s3:::${k:a}/*", "arn:aws:s3", "arn:aws:s3:::c", "${"][..],
    );
    (
        select(effect),
        select(&["Action", "Action", "NotAction"][..]),
        prop::collection::vec(action.prop_map(str::to_owned), 1..3),
        select(&["Resource", "Resource", "NotResource"][..]),
        prop::collection::vec(resource.prop_map(str::to_owned), 1..3),
        prop::option::of(condition),
    )
        .prop_map(
            |(effect, action_element, actions, resource_element, resources, condition)| Written {
                effect,
                action_element,
                actions,
                resource_element,
                resources,
                condition,
            },
        )
}

fn statements() -> impl Strategy<Value = Vec<Written>> {
    prop::collection::vec(written(&["Allow", "Allow", "Deny"]), 1..5)
}

fn context() -> impl Strategy<Value = Context> {
    let values =
        prop::collection::vec(select(&["a", "b", "5", "10.1.1.1", "arn:aws:s3:::x"][..]), 0..3);
    let key = select(&["k:a", "k:b", "k:c"][..]);
    prop::collection::vec((key, values, any::<bool>()), 0..4).prop_map(|keys| {
        let mut context = Context::new();
        for (key, values, many) in keys {
            match values.as_slice() {
                [value] if !many => context.set(key, *value),
                _ => context.set_many(key, values),
            }
        }
        context
    })
}

fn document(statements: &[Written], principal: &str) -> Document {
    let list: Vec<String> = statements.iter().map(|statement| statement.json(principal)).collect();
    let text = format!("{{\"Version\":\"2012-10-17\",\"Statement\":[{}]}}", list.join(","));
    Document::parse(&text).unwrap()
}

/// The same documents in one of four places, beside an identity policy.
fn decide(context: &Context, place: usize, document: &Document, full: &Document) -> Effect {
    let attached = |document| Attached { source: Source { name: "p", arn: None }, document };
    let (own, all) = ([attached(document)], [attached(full)]);
    let levels = [vec![attached(document)]];
    let policies = match place {
        0 => Policies { identity: &own, ..Policies::default() },
        1 => Policies { identity: &all, boundary: Some(attached(document)), ..Policies::default() },
        2 => Policies { identity: &all, session: Some(&own), ..Policies::default() },
        _ => Policies { identity: &all, scps: Some(&levels), ..Policies::default() },
    };
    let request = Request {
        principal: Principal::new(PrincipalKind::User, USER, ACCOUNT),
        action: &Action::new("s3:GetObject"),
        resource: Resource { arn: "arn:aws:s3:::b/k", account: None, management_account: false },
        context,
    };
    let decision = Reference.decide(&request, &policies);
    assert_eq!(Engine.decide(&request, &policies), decision);
    let applying = |effect| {
        explain(&request, &policies)
            .iter()
            .filter(|trace| trace.effect == effect && trace.mismatch.is_none())
            .count()
    };
    // The trace and the decision tell the same story.
    assert_eq!(decision.effect == Effect::ExplicitDeny, applying(StatementEffect::Deny) > 0);
    match decision.effect {
        Effect::Allow => assert_eq!(decision.matched.len(), applying(StatementEffect::Allow)),
        Effect::ExplicitDeny => assert_eq!(decision.matched.len(), applying(StatementEffect::Deny)),
        Effect::ImplicitDeny => {}
    }
    decision.effect
}

fn full() -> Document {
    Document::parse(r#"{"Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}"#).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1500))]

    #[test]
    fn no_text_makes_the_parser_panic(text in ".{0,80}") {
        let _ = (Document::parse(&text), counted_size(&text));
    }

    #[test]
    fn no_text_made_of_policy_parts_makes_anything_panic(
        parts in prop::collection::vec(select(&[
            "{", "}", "[", "]", ":", ",", "\"", "\\u00", " ", "\"Statement\"", "\"Effect\"", "\"Allow\"", "\"Deny\"",
            "\"Action\"", "\"Resource\"", "\"Principal\"", "\"*\"", "\"arn:aws:s3:::${\"", "\"Condition\"", "1e5", "é",
        ][..]), 0..40),
    ) {
        let text = parts.concat();
        let _ = counted_size(&text);
        for policy_type in [PolicyType::Identity, PolicyType::Trust, PolicyType::Resource] {
            let _ = check(&text, policy_type, true);
        }
    }

    #[test]
    fn a_broken_document_never_makes_the_parser_panic(
        statements in statements(), at in any::<prop::sample::Index>(), c in any::<char>(),
    ) {
        let text = document(&statements, "").text().to_owned();
        let mut chars: Vec<char> = text.chars().collect();
        let at = at.index(chars.len());
        chars.splice(at..=at, [c]);
        let text: String = chars.into_iter().collect();
        for policy_type in [PolicyType::Identity, PolicyType::Trust, PolicyType::Resource] {
            let _ = check(&text, policy_type, false);
        }
    }

    #[test]
    fn what_is_written_is_what_is_read(statements in statements()) {
        let parsed = document(&statements, ",\"Principal\":{\"AWS\":\"*\"}");
        prop_assert_eq!(parsed.statements().len(), statements.len());
        for (read, written) in parsed.statements().iter().zip(&statements) {
            let (actions, resources) = (read.actions.as_ref().unwrap(), read.resources.as_ref().unwrap());
            let values = |texts: &[iamd_policy::Text]| texts.iter().map(|text| text.value.clone()).collect::<Vec<_>>();
            prop_assert_eq!(values(&actions.patterns), written.actions.clone());
            prop_assert_eq!(actions.negated, written.action_element == "NotAction");
            prop_assert_eq!(values(&resources.patterns), written.resources.clone());
            prop_assert_eq!(resources.negated, written.resource_element == "NotResource");
            let conditions: Vec<_> = read
                .conditions
                .iter()
                .map(|it| (it.operator.value.clone(), it.key.value.clone(), values(&it.values)))
                .collect();
            prop_assert_eq!(conditions, written.condition.iter().cloned().collect::<Vec<_>>());
            prop_assert_eq!(read.effect == StatementEffect::Allow, written.effect == "Allow");
        }
    }

    #[test]
    fn a_deny_that_applies_to_everything_decides(
        mut all in statements(), context in context(), place in 0_usize..4, at in any::<prop::sample::Index>(),
    ) {
        let deny = Written {
            effect: "Deny",
            action_element: "Action",
            actions: vec!["*".to_owned()],
            resource_element: "Resource",
            resources: vec!["*".to_owned()],
            condition: None,
        };
        all.insert(at.index(all.len() + 1), deny);
        prop_assert_eq!(decide(&context, place, &document(&all, ""), &full()), Effect::ExplicitDeny);
    }

    #[test]
    fn one_more_allow_never_takes_anything_away(
        mut all in statements(), more in written(&["Allow"]), context in context(), place in 0_usize..4,
    ) {
        let before = decide(&context, place, &document(&all, ""), &full());
        all.push(more);
        let after = decide(&context, place, &document(&all, ""), &full());
        prop_assert_eq!(before == Effect::ExplicitDeny, after == Effect::ExplicitDeny);
        prop_assert!(before != Effect::Allow || after == Effect::Allow);
    }

    #[test]
    fn one_more_deny_never_gives_anything(
        mut all in statements(), more in written(&["Deny"]), context in context(), place in 0_usize..4,
    ) {
        let before = decide(&context, place, &document(&all, ""), &full());
        all.push(more);
        let after = decide(&context, place, &document(&all, ""), &full());
        prop_assert!(after == before || after == Effect::ExplicitDeny);
    }

    #[test]
    fn order_does_not_matter(all in statements(), context in context(), place in 0_usize..4) {
        let reversed: Vec<Written> = all.iter().rev().cloned().collect();
        let (one, other) = (document(&all, ""), document(&reversed, ""));
        prop_assert_eq!(decide(&context, place, &one, &full()), decide(&context, place, &other, &full()));
    }

    #[test]
    fn a_limit_never_gives_more_than_identity_policies(all in statements(), context in context(), place in 1_usize..4) {
        let nothing = document(&[Written {
            effect: "Allow", action_element: "Action", actions: vec!["ec2:*".to_owned()],
            resource_element: "Resource", resources: vec!["*".to_owned()], condition: None,
        }], "");
        prop_assert_ne!(decide(&context, place, &document(&all, ""), &nothing), Effect::Allow);
    }
}
