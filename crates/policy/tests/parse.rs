//! What parses, where its parts stand, and what a refusal says.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

use expect_test::{Expect, expect};
use iamd_policy::{
    Document, MAX_DEPTH, MAX_DOCUMENT_BYTES, ParseErrorKind, Position, Span, StatementEffect, Text,
    Version,
};

fn refused(text: &str, wanted: &Expect) {
    wanted.assert_eq(&Document::parse(text).unwrap_err().to_string());
}

/// The text that a span covers.
fn covered(document: &Document, span: Span) -> &str {
    document.text().get(span.start.offset as usize..span.end.offset as usize).unwrap()
}

#[test]
fn parts_know_where_they_stand() {
    let text = "{\n  \"Version\": \"2012-10-17\",\n  \"Id\": \"é\",\n  \"Statement\": [\n    {\"Effect\": \"Allow\", \"Action\": \"a:\\u0062\", \"Resource\": [\"*\"]},\n    {\"Sid\": \"ü\", \"Effect\": \"Deny\", \"NotAction\": [\"c:d\"], \"NotResource\": \"*\",\n     \"Condition\": {\"Bool\": {\"k\": true, \"l\": [1.50, \"x\"]}}}\n  ]\n}";
    let document = Document::parse(text).unwrap();
    assert_eq!(document.text(), text);
    assert_eq!(document.version(), Version::V2012);
    assert_eq!(document.id(), Some("é"));
    let [first, second] = document.statements() else { panic!("two statements") };
    assert_eq!(first.effect, StatementEffect::Allow);
    assert_eq!(first.span.start, Position { line: 5, column: 5, offset: 64 });
    assert!(covered(&document, first.span).ends_with("[\"*\"]}"));
    let action = &first.actions.as_ref().unwrap().patterns[0];
    assert_eq!(action.value, "a:b");
    assert_eq!(covered(&document, action.span), "\"a:\\u0062\"");
    let sid = second.sid.as_ref().unwrap();
    assert_eq!((sid.span.start.line, sid.span.start.column), (6, 13));
    assert_eq!(sid.span.end.column, 16);
    assert!(second.actions.as_ref().unwrap().negated && second.resources.as_ref().unwrap().negated);
    let values: Vec<(&str, &str)> = second
        .conditions
        .iter()
        .flat_map(|condition| &condition.values)
        .map(|Text { value, span }| (value.as_str(), covered(&document, *span)))
        .collect();
    assert_eq!(values, [("true", "true"), ("1.50", "1.50"), ("x", "\"x\"")]);
    assert_eq!(covered(&document, second.conditions[1].key.span), "\"l\"");
}

#[test]
fn a_version_may_be_missing() {
    let document = Document::parse(r#"{"Statement":{"Effect":"Deny"}}"#).unwrap();
    assert_eq!(document.version(), Version::V2008);
    assert_eq!(document.statements().len(), 1);
}

#[test]
fn refusals_say_what_and_where() {
    refused("", &expect!["expected a value at line 1, column 1"]);
    refused("{\n \"a\" 1}", &expect!["expected a colon at line 2, column 6"]);
    refused(r#"{"Statement":{}} x"#, &expect!["expected the end of the text at line 1, column 18"]);
    refused("{\"a\":\"\n\"}", &expect!["expected a closing quote at line 1, column 7"]);
    refused(
        r#"{"a":"\ud800"}"#,
        &expect!["expected the second half of a surrogate pair at line 1, column 13"],
    );
    refused(r#"{"a":"\x"}"#, &expect!["expected an escape sequence at line 1, column 8"]);
    refused(r#"{"a":01}"#, &expect!["expected a comma or a closing brace at line 1, column 7"]);
    refused(r#"{"a":[1,]}"#, &expect!["expected a value at line 1, column 9"]);
    refused(r#"{"a":1,}"#, &expect!["expected a member name at line 1, column 8"]);
    refused(r#"{"a":nul}"#, &expect!["expected a value at line 1, column 9"]);
    refused(r#"{"a":1.}"#, &expect!["expected a digit at line 1, column 8"]);
    refused(
        r#"{"Version":"2012-10-17","Version":"2012-10-17"}"#,
        &expect!["duplicate key `Version` at line 1, column 25"],
    );
    refused(r#"{"\u0041":1,"A":1}"#, &expect!["duplicate key `A` at line 1, column 13"]);
    refused(
        r#"{"Statement":{"Effect":"allow"}}"#,
        &expect!["effect must be `Allow` or `Deny`, not `allow` at line 1, column 24"],
    );
    refused(
        r#"{"Statement":{"Action":"*"}}"#,
        &expect!["missing element `Effect` at line 1, column 14"],
    );
    refused(r#"{"Statement":[]}"#, &expect!["missing element `Statement` at line 1, column 1"]);
    refused(
        r#"{"Statement":{"Effect":"Deny","Action":"*","NotAction":"*"}}"#,
        &expect!["both `Action` and `NotAction` at line 1, column 44"],
    );
    refused(
        r#"{"Statement":{"Effect":"Deny","Actions":"*"}}"#,
        &expect!["unknown element `Actions` at line 1, column 31"],
    );
    refused(
        r#"{"Statement":{"Effect":"Deny","Action":1}}"#,
        &expect!["`Action` must be a string at line 1, column 40"],
    );
    refused(
        r#"{"Version":"2012","Statement":{"Effect":"Deny"}}"#,
        &expect!["unknown version `2012` at line 1, column 12"],
    );
    refused(
        r#"{"Statement":{"Effect":"Deny","Principal":"me"}}"#,
        &expect!["invalid principal `me` at line 1, column 43"],
    );
    refused(
        r#"{"Statement":{"Effect":"Deny","Principal":["*"]}}"#,
        &expect!["`Principal` must be an object at line 1, column 43"],
    );
}

#[test]
fn size_and_depth_are_bounded() {
    let nested = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
    let kind = |text: &str| Document::parse(text).unwrap_err().kind;
    assert_eq!(kind(&nested(MAX_DEPTH + 2)), ParseErrorKind::TooDeep);
    assert_eq!(kind(&nested(1_000_000)), ParseErrorKind::TooLong);
    assert_eq!(kind(&nested(100_000)), ParseErrorKind::TooDeep);
    assert!(matches!(kind(&nested(MAX_DEPTH + 1)), ParseErrorKind::Type { .. }));
    let blanks = |length: usize| " ".repeat(length - 31) + r#"{"Statement":{"Effect":"Deny"}}"#;
    assert!(Document::parse(&blanks(MAX_DOCUMENT_BYTES)).is_ok());
    assert_eq!(kind(&blanks(MAX_DOCUMENT_BYTES + 1)), ParseErrorKind::TooLong);
}

#[test]
fn context_keys_are_those_of_conditions_and_variables() {
    let text = r#"{"Version":"2012-10-17","Statement":[
        {"Effect":"Allow","Action":"*","Resource":"arn:aws:s3:::${aws:username}/${aws:PrincipalTag/team, 'x'}/${*}",
         "Condition":{"StringEquals":{"AWS:UserName":"${s3:prefix}"},"Null":{"k:b":"true"}}}]}"#;
    let document = Document::parse(text).unwrap();
    assert_eq!(
        document.context_keys(),
        ["aws:PrincipalTag/team", "AWS:UserName", "k:b", "s3:prefix"]
    );
    let old = Document::parse(&text.replace("2012", "2008")).unwrap();
    assert_eq!(old.context_keys(), ["AWS:UserName", "k:b"]);
}
