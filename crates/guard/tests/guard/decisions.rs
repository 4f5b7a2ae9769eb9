//! Who gets through, and what is told about it.

use iamd_testkit::Credentials;
use iamd_testkit::in_line;

use crate::fixture::{ARN, Fixture, MAY_CALL, Sent};

#[tokio::test]
async fn a_user_whose_policy_allows_gets_through_with_its_identity() {
    let fixture = Fixture::start().await;
    let alice = fixture.caller("alice").await;
    let answer = fixture.nginx(&fixture.signed(&alice, "GET", "/v1/pets/3?limit=2")).await;
    assert_eq!(answer.status, 200);
    let header = |name: &str| answer.headers[name].to_str().unwrap();
    assert_eq!(header("x-iamd-principal-arn"), "arn:aws:iam::111122223333:user/alice");
    assert_eq!(header("x-iamd-principal-type"), "User");
    assert_eq!(header("x-iamd-account"), "111122223333");
    assert!(header("x-iamd-user-id").starts_with("AIDA"));
    // Also what there is nothing to say of, so that nginx has it to overwrite the client's.
    assert_eq!(header("x-iamd-session-name"), "");
    assert_eq!(header("x-iamd-source-identity"), "");
}

#[tokio::test]
async fn the_same_account_needs_one_of_both_policies() {
    let fixture = Fixture::start().await;
    let bob = fixture.server.user("bob").await;
    let refused = fixture.refused(&fixture.signed(&bob, "GET", "/v1/pets/3")).await;
    let expected = format!(
        "AccessDenied: User: arn:aws:iam::111122223333:user/bob is not authorized to perform: execute-api:Invoke on resource: {ARN}/GET/pets/3 because no identity-based policy allows the execute-api:Invoke action"
    );
    assert_eq!(refused, expected);
    assert!(fixture.passes(&fixture.signed(&bob, "GET", "/v1/public/a")).await);
    let narrow = MAY_CALL.replace("prod/*", "prod/GET/pets/3");
    fixture.server.allow("bob", "narrow", &narrow).await;
    assert!(fixture.passes(&fixture.signed(&bob, "GET", "/v1/pets/3")).await);
    for (method, target) in [("GET", "/v1/pets/4"), ("PUT", "/v1/pets/3"), ("GET", "/v1/pets/3/")] {
        assert!(!fixture.passes(&fixture.signed(&bob, method, target)).await, "{method} {target}");
    }
}

#[tokio::test]
async fn another_account_needs_both_policies() {
    let fixture = Fixture::start().await;
    let other = fixture.server.new_account("444455556666").await;
    let eve = user_of(&fixture, &other, "eve").await;
    assert!(!fixture.passes(&fixture.signed(&eve, "GET", "/v1/pets/3")).await);
    let policy = in_line(MAY_CALL);
    let line = format!("PutUserPolicy UserName=eve PolicyName=p PolicyDocument={policy}");
    fixture.server.ask(&other, &line).await.ok();
    assert!(fixture.passes(&fixture.signed(&eve, "GET", "/v1/pets/3")).await);
    // The API's policy lets that account read alone.
    assert!(!fixture.passes(&fixture.signed(&eve, "PUT", "/v1/pets/3")).await);
}

async fn user_of(fixture: &Fixture, root: &Credentials, name: &str) -> Credentials {
    fixture.server.ask(root, &format!("CreateUser UserName={name}")).await.ok();
    let line = format!("CreateAccessKey UserName={name}");
    Credentials::of(&fixture.server.ask(root, &line).await.ok())
}

#[tokio::test]
async fn nobody_gets_through_where_the_apis_policy_lets_everybody() {
    let fixture = Fixture::start().await;
    let answer = fixture.nginx(&Sent::new("GET", "/v1/public/a")).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.headers["x-iamd-principal-type"], "Anonymous");
    assert_eq!(answer.headers["x-iamd-principal-arn"], "");
    for (method, target) in
        [("GET", "/v1/pets/3"), ("PUT", "/v1/public/a"), ("GET", "/v1/public"), ("GET", "/v1")]
    {
        let refused = fixture.refused(&Sent::new(method, target)).await;
        assert!(refused.starts_with("AccessDenied: "), "{method} {target}: {refused}");
    }
}

#[tokio::test]
async fn a_deny_of_the_apis_policy_holds_for_all() {
    let fixture = Fixture::start().await;
    let alice = fixture.caller("alice").await;
    assert!(fixture.passes(&fixture.signed(&alice, "DELETE", "/v1/pets/3")).await);
    let refused = fixture.refused(&fixture.signed(&alice, "DELETE", "/v1/kept/3")).await;
    assert!(refused.ends_with("with an explicit deny in a resource-based policy"), "{refused}");
    let root = fixture.server.root.clone();
    assert!(!fixture.passes(&fixture.signed(&root, "DELETE", "/v1/kept/3")).await);
    assert!(fixture.passes(&fixture.signed(&root, "DELETE", "/v1/pets/3")).await);
}

#[tokio::test]
async fn a_role_session_is_bounded_by_its_session_policy_and_named() {
    let fixture = Fixture::start().await;
    let server = &fixture.server;
    let alice = server.user("alice").await;
    let trust = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"111122223333"},"Action":["sts:AssumeRole","sts:SetSourceIdentity"]}]}"#;
    server
        .as_root(&format!("CreateRole RoleName=app AssumeRolePolicyDocument={}", in_line(trust)))
        .await
        .ok();
    let policy = in_line(MAY_CALL);
    server
        .as_root(&format!("PutRolePolicy RoleName=app PolicyName=p PolicyDocument={policy}"))
        .await
        .ok();
    let assume = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["sts:AssumeRole","sts:SetSourceIdentity"],"Resource":"*"}]}"#;
    server.allow("alice", "assume", assume).await;
    let line = "sts:AssumeRole RoleArn=arn:aws:iam::111122223333:role/app RoleSessionName=one";
    let whole =
        Credentials::of(&server.ask(&alice, &format!("{line} SourceIdentity=alice")).await.ok());
    let answer = fixture.nginx(&fixture.signed(&whole, "PUT", "/v1/pets/3")).await;
    let header = |name: &str| answer.headers[name].to_str().unwrap();
    let arn = "arn:aws:sts::111122223333:assumed-role/app/one";
    assert_eq!((header("x-iamd-principal-arn"), header("x-iamd-session-name")), (arn, "one"));
    assert_eq!(header("x-iamd-source-identity"), "alice");

    let narrow = in_line(&MAY_CALL.replace("prod/*", "prod/GET/*"));
    let bounded =
        Credentials::of(&server.ask(&alice, &format!("{line} Policy={narrow}")).await.ok());
    assert!(fixture.passes(&fixture.signed(&bounded, "GET", "/v1/pets/3")).await);
    assert!(!fixture.passes(&fixture.signed(&bounded, "PUT", "/v1/pets/3")).await);
}

#[tokio::test]
async fn a_change_is_in_force_for_the_next_request() {
    let fixture = Fixture::start().await;
    let alice = fixture.caller("alice").await;
    let request = fixture.signed(&alice, "GET", "/v1/pets/3");
    assert!(fixture.passes(&request).await);
    let line = format!(
        "UpdateAccessKey UserName=alice Status=Inactive AccessKeyId={}",
        alice.access_key_id
    );
    fixture.server.as_root(&line).await.ok();
    let refused = fixture.refused(&request).await;
    assert!(refused.starts_with("InvalidClientTokenId: "), "{refused}");
}

#[tokio::test]
async fn conditions_see_the_client_and_not_the_proxy() {
    let fixture = Fixture::start().await;
    let carol = fixture.server.user("carol").await;
    let office = MAY_CALL.replace(
        r#""Action""#,
        r#""Condition":{"IpAddress":{"aws:SourceIp":"198.51.100.0/24"},"Bool":{"aws:SecureTransport":"true"}},"Action""#,
    );
    fixture.server.allow("carol", "office", &office).await;
    let request = fixture.signed(&carol, "GET", "/v1/pets/3");
    assert!(fixture.passes(&request).await);
    let mut elsewhere = request.through_nginx("edge");
    elsewhere.headers.insert("x-original-remote-addr", "192.0.2.1".parse().unwrap());
    assert_eq!(fixture.guard.handle(elsewhere).await.status, 403);
    let mut plain = request.through_nginx("edge");
    plain.headers.insert("x-original-scheme", "http".parse().unwrap());
    assert_eq!(fixture.guard.handle(plain).await.status, 403);
    let mut unknown = request.through_nginx("edge");
    unknown.headers.remove("x-original-remote-addr");
    assert_eq!(fixture.guard.handle(unknown).await.status, 403);
}

#[tokio::test]
async fn every_decision_leaves_a_record() {
    let fixture = Fixture::start().await;
    let alice = fixture.caller("alice").await;
    fixture.passes(&fixture.signed(&alice, "GET", "/v1/pets/3")).await;
    let record = fixture.server.records.wait_for(&["execute-api.amazonaws.com"]).await;
    for part in [
        r#""eventName":"Invoke""#,
        r#""userName":"alice""#,
        r#""sourceIPAddress":"198.51.100.7""#,
        r#""requestParameters":{"host":"api.example.com","method":"GET","path":"/v1/pets/3"}"#,
        r#""additionalEventData":{"decision":"allow","enforcementPoint":"edge"}"#,
        r#""ARN":"arn:aws:execute-api:us-east-1:111122223333:pets/prod/GET/pets/3""#,
        r#""eventCategory":"Data""#,
    ] {
        assert!(record.contains(part), "{part} in {record}");
    }
    fixture.passes(&Sent::new("PUT", "/v1/pets/3")).await;
    let record = fixture.server.records.wait_for(&["AccessDenied", "pets/prod/PUT/pets/3"]).await;
    assert!(record.contains(r#""decision":"deny""#), "{record}");

    let other = fixture.server.new_account("444455556666").await;
    fixture.passes(&fixture.signed(&other, "GET", "/v1/pets/9")).await;
    let own = ["GET/pets/9", r#""recipientAccountId":"444455556666""#, r#""type":"Root""#];
    fixture.server.records.wait_for(&own).await;
    let owners = ["GET/pets/9", r#""recipientAccountId":"111122223333""#, r#""type":"AWSAccount""#];
    fixture.server.records.wait_for(&owners).await;
}
