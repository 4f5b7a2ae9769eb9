//! What is refused at start.

use expect_test::{Expect, expect};
use iamd_testkit::TestServer;
use serde_json::{Value, json};

use crate::fixture::{guard, settings};

async fn check(change: impl Fn(&mut Value), expected: Expect) {
    let server = TestServer::start().await;
    let mut changed = settings();
    change(&mut changed);
    let error = guard(&server, changed).err().map_or_else(String::new, |error| error.to_string());
    expected.assert_eq(&error);
}

#[tokio::test]
async fn points_are_complete_and_told_apart() {
    check(|_| {}, expect![""]).await;
    check(
        |it| it["points"][0]["kinds"] = json!([]),
        expect!["the enforcement point `edge` has no `kinds`: it could ask nothing"],
    )
    .await;
    check(
        |it| it["points"][0]["apis"] = json!([]),
        expect!["the enforcement point `edge` has no `apis`: it could ask nothing"],
    )
    .await;
    check(
        |it| it["points"][0]["apis"] = json!(["cats"]),
        expect!["the enforcement point `edge` names the API `cats`, which is not configured"],
    )
    .await;
    check(
        |it| it["points"][1]["name"] = json!("edge"),
        expect!["the enforcement point `edge` is configured twice"],
    )
    .await;
    check(
        |it| it["points"][1]["token_file"] = json!("edge"),
        expect!["the enforcement point `bodies` shows the same as `edge`"],
    )
    .await;
    check(
        |it| drop(it["points"][0].as_object_mut().unwrap().remove("token_file")),
        expect!["the enforcement point `edge` needs either `token_file` or `client_certificate`"],
    )
    .await;
    check(
        |it| it["points"][0]["client_certificate"] = json!("dns:a"),
        expect!["the enforcement point `edge` needs either `token_file` or `client_certificate`"],
    )
    .await;
    check(
        |it| it["points"][2]["client_certificate"] = json!("envoy"),
        expect![
            "the enforcement point `mesh` needs `dns:…`, `uri:…` or `subject:…` as its certificate"
        ],
    )
    .await;
    check(
        |it| drop(it.as_object_mut().unwrap().remove("client_ca")),
        expect![
            "the enforcement point `mesh` shows a certificate, and no `client_ca` is configured"
        ],
    )
    .await;
    check(
        |it| drop(it["points"][4].as_object_mut().unwrap().remove("account")),
        expect!["the enforcement point `store` needs the `account` whose principals it asks about"],
    )
    .await;
    check(
        |it| it["points"][0]["name"] = json!("a b"),
        expect![
            "the enforcement point `a b` must have a name of letters, digits, `-`, `_` and `.`"
        ],
    )
    .await;
}

#[tokio::test]
async fn apis_are_complete_and_told_apart() {
    check(
        |it| it["apis"][0]["service"] = json!("sts"),
        expect!["the API `pets` cannot have requests signed for `sts`, a service here"],
    )
    .await;
    check(|it| it["apis"][0]["hosts"] = json!([]), expect!["the API `pets` has no `hosts`"]).await;
    check(
        |it| it["apis"][0]["hosts"] = json!(["https://a"]),
        expect!["the API `pets` has the host `https://a`: expected HOST or HOST:PORT"],
    )
    .await;
    check(
        |it| it["apis"][0]["path"] = json!("/a/../b"),
        expect!["the API `pets` has the path `/a/../b`: expected plain segments"],
    )
    .await;
    check(
        |it| it["apis"][1]["path"] = json!("/v1/"),
        expect!["the API `admin` has the host `api.example.com` and path of another"],
    )
    .await;
    check(
        |it| it["apis"][0]["stage"] = json!("a/b"),
        expect!["the API `pets` must have a stage of letters, digits, `-`, `_` and `$`"],
    )
    .await;
    check(
        |it| it["apis"][0]["id"] = json!("*"),
        expect!["the enforcement point `edge` names the API `pets`, which is not configured"],
    )
    .await;
}

#[tokio::test]
async fn a_stage_is_configured_once() {
    let twice = |it: &mut Value| {
        let mut again = it["apis"][0].clone();
        again["hosts"] = json!(["again.example.com"]);
        again["policy_file"] = json!(null);
        it["apis"].as_array_mut().unwrap().push(again);
    };
    check(twice, expect!["the API `pets` has the stage `prod` twice: give it all its hosts"]).await;
}

#[tokio::test]
async fn resource_policies_are_checked_at_start() {
    let policy =
        |text: &'static str| move |it: &mut Value| it["apis"][0]["policy_file"] = json!(text);
    check(policy("{"), expect!["the API `pets` has a resource policy that is refused: expected a member name at line 1, column 2"]).await;
    check(policy(r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"execute-api:Invoke","Resource":"*"}]}"#), expect!["the API `pets` has a resource policy that is refused: Missing required field Principal"]).await;
    check(policy(r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Effect":"Deny","Principal":"*","Action":"execute-api:Invoke","Resource":"*"}]}"#), expect!["the API `pets` has a resource policy that is refused: duplicate key `Effect` at line 1, column 56"]).await;
    check(policy(r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"execute-api:Invoke","Resource":"pets"}]}"#), expect![[r#"the API `pets` has a resource policy that is refused: Resource pets must be in ARN format or "*"."#]]).await;
    check(policy(r#"{"Version":"2012-10-17","Statement":{"Effect":"Deny","Principal":"*","Action":"execute-api:Invoke","Resource":"execute-api:/prod/*","Condition":{"NoSuch":{"a:b":"c"}}}}"#), expect!["the API `pets` has a resource policy that is refused: Syntax errors in policy."]).await;
}

#[test]
fn unknown_keys_are_refused() {
    for text in [
        r#"{"point":[]}"#,
        r#"{"points":[{"name":"a","kinds":["nginx"],"token":"x"}]}"#,
        r#"{"apis":[{"id":"a"}]}"#,
        r#"{"points":[{"name":"a","kinds":["smtp"]}]}"#,
    ] {
        assert!(serde_json::from_str::<iamd_guard::GuardSettings>(text).is_err(), "{text}");
    }
}
