//! Every operator, alone and with each qualifier, against every state of the key.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use iamd_policy::{
    Action, Attached, Context, Document, Evaluator, Policies, Principal, PrincipalKind, Reference,
    Request, Resource, Source,
};

/// An operator, whether it is negated, the policy's value, a value of the request equal to it (in the operator's
/// sense), and one that is not.
const OPERATORS: [(&str, bool, &str, &str, &str); 26] = [
    ("StringEquals", false, "a", "a", "b"),
    ("StringNotEquals", true, "a", "a", "b"),
    ("StringEqualsIgnoreCase", false, "a", "A", "b"),
    ("StringNotEqualsIgnoreCase", true, "a", "A", "b"),
    ("StringLike", false, "a*", "ab", "b"),
    ("StringNotLike", true, "a*", "ab", "b"),
    ("NumericEquals", false, "1", "1.0", "2"),
    ("NumericNotEquals", true, "1", "1.0", "2"),
    ("NumericLessThan", false, "2", "1", "2"),
    ("NumericLessThanEquals", false, "2", "2", "3"),
    ("NumericGreaterThan", false, "2", "3", "2"),
    ("NumericGreaterThanEquals", false, "2", "2", "1"),
    ("DateEquals", false, "2026-01-01", "2026-01-01T00:00:00Z", "2026-01-02"),
    ("DateNotEquals", true, "2026-01-01", "2026-01-01T00:00:00Z", "2026-01-02"),
    ("DateLessThan", false, "2026-01-02", "2026-01-01", "2026-01-02"),
    ("DateLessThanEquals", false, "2026-01-02", "2026-01-02", "2026-01-03"),
    ("DateGreaterThan", false, "2026-01-01", "2026-01-02", "2026-01-01"),
    ("DateGreaterThanEquals", false, "2026-01-01", "2026-01-01", "2025-12-31"),
    ("Bool", false, "true", "True", "false"),
    ("BinaryEquals", false, "aGk=", "aGk=", "aGo="),
    ("IpAddress", false, "10.0.0.0/8", "10.1.1.1", "11.1.1.1"),
    ("NotIpAddress", true, "10.0.0.0/8", "10.1.1.1", "11.1.1.1"),
    ("ArnEquals", false, "arn:aws:s3:::a*", "arn:aws:s3:::ab", "arn:aws:s3:::b"),
    ("ArnNotEquals", true, "arn:aws:s3:::a*", "arn:aws:s3:::ab", "arn:aws:s3:::b"),
    ("ArnLike", false, "arn:aws:s3:::a*", "arn:aws:s3:::ab", "arn:aws:s3:::b"),
    ("ArnNotLike", true, "arn:aws:s3:::a*", "arn:aws:s3:::ab", "arn:aws:s3:::b"),
];

/// The states of the key: missing, empty set, equal, different, and as sets: all equal, mixed, all different.
const STATES: usize = 7;

/// Prefix, suffix, and the outcome in each state for positive operators and for negated ones.
const FORMS: [(&str, &str, &str, &str); 6] = [
    ("", "", "FFTFFFF", "TTFTFFF"),
    ("", "IfExists", "TTTFFFF", "TTFTFFF"),
    ("ForAllValues:", "", "TTTFTFF", "TTFTFFT"),
    ("ForAllValues:", "IfExists", "TTTFTFF", "TTFTFFT"),
    ("ForAnyValue:", "", "FFTFTTF", "FFFTFTT"),
    ("ForAnyValue:", "IfExists", "FFTFTTF", "FFFTFTT"),
];

#[test]
fn every_operator_in_every_form_and_state() {
    for (operator, negated, operand, equal, other) in OPERATORS {
        for (prefix, suffix, positive_row, negated_row) in FORMS {
            let row = if negated { negated_row } else { positive_row };
            for (state, wanted) in (0..STATES).zip(row.chars()) {
                let name = format!("{prefix}{operator}{suffix}");
                let holds = holds(&name, operand, &context(state, equal, other));
                assert_eq!(holds, wanted == 'T', "{name} {operand} in state {state}");
            }
        }
    }
}

fn context(state: usize, equal: &str, other: &str) -> Context {
    let mut context = Context::new();
    match state {
        0 => {}
        1 => context.set_many("k:a", Vec::<String>::new()),
        2 => context.set("k:a", equal),
        3 => context.set("k:a", other),
        4 => context.set_many("k:a", [equal, equal]),
        5 => context.set_many("k:a", [equal, other]),
        _ => context.set_many("k:a", [other, other]),
    }
    context
}

fn holds(operator: &str, operand: &str, context: &Context) -> bool {
    let text = format!(
        r#"{{"Version":"2012-10-17","Statement":{{"Effect":"Allow","Action":"*","Resource":"*",
            "Condition":{{"{operator}":{{"K:A":"{operand}"}}}}}}}}"#
    );
    let document = Document::parse(&text).unwrap();
    let identity = [Attached { source: Source { name: "p", arn: None }, document: &document }];
    let policies = Policies { identity: &identity, ..Policies::default() };
    let account = "111111111111";
    let arn = "arn:aws:iam::111111111111:user/a";
    let request = Request {
        principal: Principal::new(PrincipalKind::User, arn, account),
        action: &Action::new("a:b"),
        resource: Resource { arn: "*", account: None, management_account: false },
        context,
    };
    Reference.decide(&request, &policies).is_allowed()
}
