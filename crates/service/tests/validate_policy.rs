//! Access Analyzer's ValidatePolicy, and the REST-JSON protocol that it is the first to speak.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that goes wrong fails")]

use iamd_testkit::{Answer, Credentials, TestServer};
use serde_json::{Value, json};

const PATH: &str = "/policy/validation";
const SERVICE: &str = "access-analyzer";

async fn send(
    server: &TestServer,
    by: Option<&Credentials>,
    (method, target): (&str, &str),
    body: &str,
) -> Answer {
    let mut headers = vec![
        ("host".to_owned(), "localhost".to_owned()),
        ("content-type".to_owned(), "application/json".to_owned()),
    ];
    if let Some(by) = by {
        server.sign(by, SERVICE, (method, target), &mut headers, body.as_bytes());
    }
    server.handle(method, target, &headers, body.as_bytes()).await
}

/// Validates as the root user; the answer's JSON.
async fn validate(server: &TestServer, query: &str, body: &Value) -> Value {
    let answer =
        send(server, Some(&server.root), ("POST", &format!("{PATH}{query}")), &body.to_string())
            .await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert_eq!(answer.content_type, "application/json");
    serde_json::from_str(&answer.body).unwrap()
}

async fn refused(server: &TestServer, query: &str, body: &str, reason: &str) {
    let answer = send(server, Some(&server.root), ("POST", &format!("{PATH}{query}")), body).await;
    let told: Value = serde_json::from_str(&answer.body).unwrap();
    assert_eq!((answer.status, &told["reason"]), (400, &json!(reason)), "{query} {body}: {told}");
    assert!(told["message"].is_string(), "{told}");
}

fn identity(document: &str) -> Value {
    json!({ "policyDocument": document, "policyType": "IDENTITY_POLICY" })
}

fn codes(answer: &Value) -> Vec<&str> {
    answer["findings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it["issueCode"].as_str().unwrap())
        .collect()
}

#[tokio::test]
async fn findings_have_their_place_and_their_kind() {
    let server = TestServer::start().await;
    let document = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:GetObjekt","Resource":"*"}]}"#;
    let answer = validate(&server, "", &identity(document)).await;
    let finding = &answer["findings"][0];
    assert_eq!(codes(&answer), ["INVALID_ACTION"]);
    assert_eq!(finding["findingType"], "ERROR");
    let path = json!([{"value":"Statement"},{"index":0},{"value":"Action"},
        {"substring":{"start":3,"length":9}}]);
    assert_eq!(finding["locations"][0]["path"], path);
    let at = document.find("GetObjekt").unwrap();
    let start = json!({"line":1,"column":at,"offset":at});
    assert_eq!(finding["locations"][0]["span"]["start"], start);
    assert!(finding["learnMoreLink"].as_str().unwrap().starts_with("https://"));
    let members: Vec<_> = finding.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(members.len(), 5, "{members:?}");
    let good = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::b/*"}]}"#;
    let answer = validate(&server, "", &identity(good)).await;
    assert_eq!(answer, json!({ "findings": [] }));
}

#[tokio::test]
async fn the_type_of_policy_and_of_resource_count() {
    let server = TestServer::start().await;
    let trust = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"111122223333"},"Action":"sts:AssumeRole"}]}"#;
    let of = |policy_type: &str, resource: Option<&str>| {
        let mut body =
            json!({ "policyDocument": trust, "policyType": policy_type, "locale": "DE" });
        if let Some(resource) = resource {
            body["validatePolicyResourceType"] = json!(resource);
        }
        body
    };
    let role = Some("AWS::IAM::AssumeRolePolicyDocument");
    let as_trust = validate(&server, "", &of("RESOURCE_POLICY", role)).await;
    assert!(codes(&as_trust).is_empty(), "{as_trust}");
    for policy_type in ["IDENTITY_POLICY", "SERVICE_CONTROL_POLICY"] {
        let other = validate(&server, "", &of(policy_type, None)).await;
        assert!(!codes(&other).is_empty(), "{policy_type}");
    }
    let body = of("IDENTITY_POLICY", Some("AWS::S3::Bucket")).to_string();
    refused(&server, "", &body, "fieldValidationFailed").await;
}

#[tokio::test]
async fn findings_come_in_pages() {
    let server = TestServer::start().await;
    let actions: Vec<String> = (0..5).map(|at| format!(r#""s3:Nothing{at}""#)).collect();
    let document = format!(
        r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Action":[{}],"Resource":"*"}}]}}"#,
        actions.join(",")
    );
    let body = identity(&document);
    let all = validate(&server, "", &body).await;
    let total = codes(&all).len();
    assert!(total >= 5);
    let (mut found, mut query) = (vec![], "?maxResults=2".to_owned());
    loop {
        let page = validate(&server, &query, &body).await;
        found.extend(page["findings"].as_array().unwrap().clone());
        let Some(token) = page["nextToken"].as_str() else { break };
        query = format!("?maxResults=2&nextToken={token}");
    }
    assert_eq!(Value::Array(found), all["findings"]);
}

#[tokio::test]
async fn requests_that_make_no_sense_are_refused() {
    let server = TestServer::start().await;
    let good = identity("{}").to_string();
    for (query, body, reason) in [
        ("", "{", "cannotParse"),
        ("", "[]", "cannotParse"),
        ("", "", "fieldValidationFailed"),
        ("", r#"{"policyDocument":"{}"}"#, "fieldValidationFailed"),
        ("", r#"{"policyDocument":"{}","policyType":"ANY"}"#, "fieldValidationFailed"),
        ("", r#"{"policyDocument":7,"policyType":"IDENTITY_POLICY"}"#, "cannotParse"),
        ("?maxResults=0", &good, "fieldValidationFailed"),
        ("?maxResults=many", &good, "cannotParse"),
        ("?nextToken=zzz", &good, "fieldValidationFailed"),
        ("?nextToken=%ff", &good, "cannotParse"),
    ] {
        refused(&server, query, body, reason).await;
    }
    for place in [("GET", PATH), ("POST", "/policy"), ("POST", "/"), ("PUT", PATH)] {
        let answer = send(&server, Some(&server.root), place, &good).await;
        assert_eq!(answer.status, 404, "{place:?} {}", answer.body);
    }
}

#[tokio::test]
async fn the_permission_and_the_signature_are_asked_for() {
    let server = TestServer::start().await;
    let body = identity("{}").to_string();
    let bob = server.user("bob").await;
    let message = |answer: &Answer| {
        let told: Value = serde_json::from_str(&answer.body).unwrap();
        told["message"].as_str().unwrap().to_owned()
    };
    let answer = send(&server, Some(&bob), ("POST", PATH), &body).await;
    assert_eq!(answer.status, 403);
    let denied = "User: arn:aws:iam::111122223333:user/bob is not authorized to perform: access-analyzer:ValidatePolicy because no identity-based policy allows the access-analyzer:ValidatePolicy action";
    assert_eq!(message(&answer), denied);
    let policy = |effect: &str| {
        format!(
            r#"{{"Version":"2012-10-17","Statement":{{"Effect":"{effect}","Action":"access-analyzer:ValidatePolicy","Resource":"*"}}}}"#
        )
    };
    server.allow("bob", "own", &policy("Allow")).await;
    assert_eq!(send(&server, Some(&bob), ("POST", PATH), &body).await.status, 200);
    server.allow("bob", "no", &policy("Deny")).await;
    assert_eq!(send(&server, Some(&bob), ("POST", PATH), &body).await.status, 403);

    let unsigned = send(&server, None, ("POST", PATH), &body).await;
    assert_eq!((unsigned.status, unsigned.content_type), (403, "application/json"));
    assert_eq!(message(&unsigned), "Request is missing Authentication Token");
    let stranger = Credentials { secret_access_key: "x".repeat(40), ..bob };
    assert_eq!(send(&server, Some(&stranger), ("POST", PATH), &body).await.status, 403);
    let record = server.records.wait_for(&["ValidatePolicy"]).await;
    assert!(record.contains("access-analyzer.amazonaws.com"), "{record}");
}

/// A deny by a tag of the user holds for those whom the user lets in.
#[tokio::test]
async fn federated_sessions_have_the_tags_of_their_user() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let policy = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"},
        {"Effect":"Deny","Action":"access-analyzer:*","Resource":"*","Condition":{"StringEquals":{"aws:PrincipalTag/Kept":"out"}}}]}"#;
    server.allow("alice", "all", policy).await;
    let all =
        r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}"#;
    let let_in = [("Name", "partner"), ("Policy", all)];
    let body = identity(all).to_string();
    for (tags, status) in [("", 200), ("out", 403)] {
        if !tags.is_empty() {
            let tag = [
                ("UserName", "alice"),
                ("Tags.member.1.Key", "Kept"),
                ("Tags.member.1.Value", tags),
            ];
            server.call(&server.root, "TagUser", &tag).await.ok();
        }
        let partner = server.call(&alice, "sts:GetFederationToken", &let_in).await.ok();
        let partner = Credentials::of(&partner);
        let answer = send(&server, Some(&partner), ("POST", PATH), &body).await;
        assert_eq!(answer.status, status, "{}", answer.body);
    }
}
