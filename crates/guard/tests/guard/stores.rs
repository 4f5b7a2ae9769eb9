//! MinIO's plugin and the shapes of OPA.

use iamd_testkit::Credentials;
use serde_json::{Value, json};

use crate::fixture::{Fixture, ask, token};

const READS: &str = r#"{"Version":"2012-10-17","Statement":[
    {"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::photos/*"},
    {"Effect":"Allow","Action":"s3:ListBucket","Resource":"arn:aws:s3:::photos","Condition":{"StringLike":{"s3:prefix":"mine/*"}}},
    {"Effect":"Allow","Action":"s3:ListAllMyBuckets","Resource":"*"},
    {"Effect":"Allow","Action":"s3:DeleteObject","Resource":"arn:aws:s3:::photos/*","Condition":{"IpAddress":{"aws:SourceIp":"192.0.2.0/24"}}},
    {"Effect":"Allow","Action":"s3:PutObject","Resource":"arn:aws:s3:::secure/*","Condition":{"Bool":{"aws:SecureTransport":"true"}}}]}"#;

fn input(account: &str, action: &str, bucket: &str, object: &str) -> Value {
    json!({
        "account": account,
        "groups": null,
        "action": action,
        "bucket": bucket,
        "conditions": {
            "CurrentTime": ["2022-05-07T18:31:41Z"],
            "SourceIp": ["192.0.2.7"],
            "User-Agent": ["MinIO"],
            "prefix": [""],
            "username": [account],
        },
        "owner": false,
        "object": object,
        "claims": {},
        "denyOnly": false,
    })
}

async fn minio(fixture: &Fixture, input: &Value) -> bool {
    let (status, answer) =
        ask(fixture, "/-/minio", &token("store"), &json!({ "input": input })).await;
    assert_eq!(status, 200);
    answer["result"].as_bool().unwrap()
}

async fn reader(fixture: &Fixture) -> Credentials {
    let alice = fixture.server.user("alice").await;
    fixture.server.allow("alice", "reads", READS).await;
    alice
}

#[tokio::test]
async fn minio_is_answered_by_access_key_and_by_user_name() {
    let fixture = Fixture::start().await;
    let alice = reader(&fixture).await;
    for account in [&*alice.access_key_id, "alice"] {
        for (action, bucket, object, allowed) in [
            ("s3:GetObject", "photos", "a/b.jpg", true),
            ("s3:GetObject", "others", "a/b.jpg", false),
            ("s3:PutObject", "photos", "a/b.jpg", false),
            ("s3:ListAllMyBuckets", "", "", true),
            ("s3:DeleteObject", "photos", "a", true),
            ("admin:ServerInfo", "", "", false),
            ("s3:*", "photos", "a", false),
            ("nonsense", "photos", "a", false),
            ("s3:GetObject", "", "a", false),
            ("s3:GetObject", "photos/a", "b", false),
        ] {
            let input = input(account, action, bucket, object);
            assert_eq!(
                minio(&fixture, &input).await,
                allowed,
                "{account} {action} {bucket} {object}"
            );
        }
    }
    let record = fixture
        .server
        .records
        .wait_for(&["iamd.amazonaws.com", "arn:aws:s3:::photos/a/b.jpg"])
        .await;
    assert!(record.contains(r#""enforcementPoint":"store""#), "{record}");
    assert!(record.contains(r#""action":"s3:GetObject""#), "{record}");
}

#[tokio::test]
async fn minio_tells_what_was_asked_for() {
    let fixture = Fixture::start().await;
    reader(&fixture).await;
    let mut asked = input("alice", "s3:ListBucket", "photos", "");
    assert!(!minio(&fixture, &asked).await);
    asked["conditions"]["prefix"] = json!(["mine/a"]);
    assert!(minio(&fixture, &asked).await);
    let mut asked = input("alice", "s3:DeleteObject", "photos", "a");
    asked["conditions"]["SourceIp"] = json!(["198.51.100.7"]);
    assert!(!minio(&fixture, &asked).await);
    asked["conditions"]["SourceIp"] = json!(["nonsense"]);
    assert!(!minio(&fixture, &asked).await);
}

#[tokio::test]
async fn whom_minio_does_not_know_by_us_is_nobody() {
    let fixture = Fixture::start().await;
    let alice = reader(&fixture).await;
    let yes = input("alice", "s3:GetObject", "photos", "a");
    assert!(minio(&fixture, &yes).await);
    for account in [
        "nobody",
        "",
        "minio",
        "ALICE",
        "AKIAIOSFODNN7EXAMPLE",
        "arn:aws:iam::111122223333:user/alice",
    ] {
        assert!(
            !minio(&fixture, &input(account, "s3:GetObject", "photos", "a")).await,
            "{account}"
        );
    }
    // MinIO's own root user, and the mode that asks for denials alone.
    let mut owner = input("minio", "s3:GetObject", "photos", "a");
    owner["owner"] = json!(true);
    assert!(!minio(&fixture, &owner).await);
    let mut deny_only = input("alice", "s3:PutObject", "photos", "a");
    deny_only["denyOnly"] = json!(true);
    assert!(!minio(&fixture, &deny_only).await);
    // A user of another account, by key.
    let other = fixture.server.new_account("444455556666").await;
    assert!(!minio(&fixture, &input(&other.access_key_id, "s3:GetObject", "photos", "a")).await);
    // A deactivated key.
    let line = format!(
        "UpdateAccessKey UserName=alice Status=Inactive AccessKeyId={}",
        alice.access_key_id
    );
    fixture.server.as_root(&line).await.ok();
    assert!(!minio(&fixture, &input(&alice.access_key_id, "s3:GetObject", "photos", "a")).await);
}

#[tokio::test]
async fn claims_count_only_of_tokens_that_are_signed_here() {
    let fixture = Fixture::start().await;
    reader(&fixture).await;
    let issuer = fixture.server.service.token_issuer("111122223333".parse().unwrap());
    let alice = "arn:aws:iam::111122223333:user/alice";
    let mut asked = input("anything", "s3:GetObject", "photos", "a");
    asked["claims"] = json!({ "iss": issuer, "sub": alice });
    assert!(minio(&fixture, &asked).await);
    for claims in [
        json!({ "sub": alice }),
        json!({ "iss": "https://elsewhere.example.com", "sub": alice }),
        json!({ "iss": issuer, "sub": "arn:aws:iam::111122223333:user/nobody" }),
        json!({ "iss": issuer, "sub": "arn:aws:iam::444455556666:root" }),
        json!({ "iss": issuer, "sub": 7 }),
        json!({ "parent": "alice" }),
    ] {
        // Not even when the account is the name of somebody who may.
        let mut asked = input("alice", "s3:GetObject", "photos", "a");
        asked["claims"] = claims.clone();
        assert!(!minio(&fixture, &asked).await, "{claims}");
    }
}

#[tokio::test]
async fn opa_is_answered_in_its_shapes() {
    let fixture = Fixture::start().await;
    reader(&fixture).await;
    let question = json!({ "input": {
        "principal": "arn:aws:iam::111122223333:user/alice",
        "action": "s3:GetObject",
        "resource": "arn:aws:s3:::photos/a",
    }});
    let store = token("store");
    let (status, answer) = ask(&fixture, "/v1/data/httpapi/authz", &store, &question).await;
    assert_eq!((status, answer), (200, json!({ "result": { "allow": true } })));
    let (_, answer) = ask(&fixture, "/v1/data/httpapi/authz/allow", &store, &question).await;
    assert_eq!(answer, json!({ "result": true }));
    let (_, answer) = ask(
        &fixture,
        "/v1/data/httpapi/authz/allow",
        &store,
        &json!({ "input": input("alice", "s3:GetObject", "photos", "a") }),
    )
    .await;
    assert_eq!(answer, json!({ "result": true }));
    for bad in [json!({}), json!({ "input": {} }), json!({ "input": 7 }), json!([])] {
        let (status, answer) = ask(&fixture, "/v1/data/x/allow", &store, &bad).await;
        assert_eq!((status, answer), (200, json!({ "result": false })), "{bad}");
    }
}

#[tokio::test]
async fn only_points_of_the_kind_may_ask() {
    let fixture = Fixture::start().await;
    let asked = json!({ "input": input("alice", "s3:GetObject", "photos", "a") });
    for (path, token) in
        [("/-/minio", token("edge")), ("/v1/data/x", token("edge")), ("/-/minio", String::new())]
    {
        assert_eq!(ask(&fixture, path, &token, &asked).await.0, 403, "{path}");
    }
    assert_eq!(ask(&fixture, "/v1/database", &token("store"), &asked).await.0, 404);
}

#[tokio::test]
async fn a_clients_header_or_parameter_is_no_condition_of_minios() {
    let fixture = Fixture::start().await;
    reader(&fixture).await;
    // Go's spelling of a header, and whatever a client calls a parameter.
    for name in ["Sourceip", "sourceip", "SOURCEIP", "Source-Ip", "aws:SourceIp", "SourceIP"] {
        let mut asked = input("alice", "s3:DeleteObject", "photos", "a");
        asked["conditions"]["SourceIp"] = json!(["198.51.100.7"]);
        asked["conditions"][name] = json!(["192.0.2.7"]);
        assert!(!minio(&fixture, &asked).await, "{name}");
        asked["conditions"]["SourceIp"] = json!(["192.0.2.7"]);
        asked["conditions"][name] = json!(["198.51.100.7"]);
        assert!(minio(&fixture, &asked).await, "{name}");
    }
    // A parameter `SourceIp` comes after the address that MinIO saw.
    let mut asked = input("alice", "s3:DeleteObject", "photos", "a");
    asked["conditions"]["SourceIp"] = json!(["198.51.100.7", "192.0.2.7"]);
    assert!(!minio(&fixture, &asked).await);
    for name in ["Prefix", "PREFIX", "pRefix"] {
        let mut asked = input("alice", "s3:ListBucket", "photos", "");
        asked["conditions"]["prefix"] = json!(["yours/"]);
        asked["conditions"][name] = json!(["mine/a"]);
        assert!(!minio(&fixture, &asked).await, "{name}");
        asked["conditions"].as_object_mut().unwrap().remove("prefix");
        assert!(!minio(&fixture, &asked).await, "{name}");
    }
    for (name, value, allowed) in [
        ("SecureTransport", "true", true),
        ("Securetransport", "true", false),
        ("securetransport", "true", false),
    ] {
        let mut asked = input("alice", "s3:PutObject", "secure", "a");
        asked["conditions"][name] = json!([value]);
        assert_eq!(minio(&fixture, &asked).await, allowed, "{name}");
    }
}

#[tokio::test]
async fn a_condition_that_makes_no_sense_takes_no_deny_away() {
    let fixture = Fixture::start().await;
    fixture.server.user("alice").await;
    let policy = r#"{"Version":"2012-10-17","Statement":[
        {"Effect":"Allow","Action":"s3:*","Resource":"*"},
        {"Effect":"Deny","Action":"s3:ListBucket","Resource":"*","Condition":{"StringLike":{"s3:prefix":"secret/*"}}}]}"#;
    fixture.server.allow("alice", "lists", policy).await;
    let mut asked = input("alice", "s3:ListBucket", "photos", "");
    asked["conditions"]["prefix"] = json!(["open/"]);
    assert!(minio(&fixture, &asked).await);
    let bad = [
        ("SourceIp", json!(["nonsense"])),
        ("max-keys", json!([{}])),
        ("Referer", json!(["x".repeat(5000)])),
    ];
    for (name, value) in bad {
        for prefix in ["open/", "secret/a"] {
            let mut asked = asked.clone();
            asked["conditions"]["prefix"] = json!([prefix]);
            asked["conditions"][name] = value.clone();
            assert!(!minio(&fixture, &asked).await, "{name} {prefix}");
        }
    }
}

/// The claims as MinIO sends them: those of the token, and its own.
#[tokio::test]
async fn sessions_and_service_accounts_that_minio_narrows_are_denied() {
    let fixture = Fixture::start().await;
    reader(&fixture).await;
    let issuer = fixture.server.service.token_issuer("111122223333".parse().unwrap());
    let session = json!({
        "iss": issuer,
        "sub": "arn:aws:iam::111122223333:user/alice",
        "aud": "minio",
        "iat": 1_700_000_000,
        "exp": 1_700_003_600,
        "jti": "6f1c",
        "accessKey": "W5NH1HZQ1NSIYEXAMPLE",
    });
    let ask = async |more: Value| {
        let mut asked = input("W5NH1HZQ1NSIYEXAMPLE", "s3:GetObject", "photos", "a");
        asked["claims"] = session.clone();
        for (name, value) in more.as_object().unwrap() {
            asked["claims"][name] = value.clone();
        }
        minio(&fixture, &asked).await
    };
    // AssumeRoleWithWebIdentity without a policy.
    assert!(ask(json!({})).await);
    let policy = "eyJWZXJzaW9uIjoiMjAxMi0xMC0xNyIsIlN0YXRlbWVudCI6W119";
    for more in [
        // With `Policy`.
        json!({ "sessionPolicy": policy }),
        json!({ "sessionPolicy": policy, "sessionPolicy-extracted": "{}" }),
        json!({ "sessionPolicy-extracted": "{}" }),
        // A service account made from the session, without and with a policy of its own.
        json!({ "parent": "q8Zfa0iVEXAMPLE", "sa-policy": "inherited-policy" }),
        json!({ "parent": "q8Zfa0iVEXAMPLE", "sa-policy": "embedded-policy", "sessionPolicy": policy }),
        json!({ "sa-policy": "embedded-policy" }),
        json!({ "parent": "" }),
        json!({ "SessionPolicy": null }),
    ] {
        assert!(!ask(more.clone()).await, "{more}");
    }
}

#[tokio::test]
async fn a_bucket_of_minios_is_none_of_ours() {
    let fixture = Fixture::start().await;
    reader(&fixture).await;
    let root = fixture.server.root.clone();
    fixture.server.s3_as(&root, "PUT /photos", "").await.ok();
    let policy = r#"{"Version":"2012-10-17","Statement":[
        {"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:user/alice"},"Action":"s3:PutObject","Resource":"arn:aws:s3:::photos/*"},
        {"Effect":"Deny","Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::photos/*"}]}"#;
    fixture.server.s3_as(&root, "PUT /photos?policy", policy).await.ok();
    assert!(minio(&fixture, &input("alice", "s3:GetObject", "photos", "a")).await);
    assert!(!minio(&fixture, &input("alice", "s3:PutObject", "photos", "a")).await);
}
