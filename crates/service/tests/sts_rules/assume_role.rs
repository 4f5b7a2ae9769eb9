//! What AssumeRole answers, and how long its sessions last.

use iamd_testkit::TestServer;

use super::{ASSUME, ME, fill, given, make_role, policy, session, trust, user, with_role};

#[tokio::test]
async fn a_session_is_shown_with_its_members() {
    let (server, alice) = with_role().await;
    let answer = server.ask(&alice, &fill(ASSUME)).await.ok();
    assert_eq!(answer.members("AssumeRoleResult"), ["Credentials", "AssumedRoleUser"]);
    assert_eq!(
        answer.members("Credentials"),
        ["AccessKeyId", "SecretAccessKey", "SessionToken", "Expiration"]
    );
    assert_eq!(answer.text("Expiration"), "2026-02-12T10:30:00Z");
    assert_eq!(answer.text("Arn"), "arn:aws:sts::111122223333:assumed-role/r/s1");
    let role = server.as_root("GetRole RoleName=r").await.ok().text("RoleId");
    assert_eq!(answer.text("AssumedRoleId"), format!("{role}:s1"));
    let id = answer.text("AccessKeyId");
    assert!(id.starts_with("ASIA") && id.len() == 20, "{id}");

    let narrow = format!("{ASSUME} Policy={}", policy("Allow", "iam:*"));
    let answer = server.ask(&alice, &fill(&narrow)).await.ok();
    let percent: u32 = answer.text("PackedPolicySize").parse().unwrap();
    assert!((1..=100).contains(&percent), "{percent}");
}

#[tokio::test]
async fn the_callers_identity_is_the_session() {
    let (server, alice) = with_role().await;
    let role = server.as_root("GetRole RoleName=r").await.ok().text("RoleId");
    // The role's path is in no ARN of its sessions.
    let document = trust(&user("alice"), r#""sts:AssumeRole""#, "{}");
    given(
        &server,
        &format!("CreateRole RoleName=deep Path=/a/b/ AssumeRolePolicyDocument={document}"),
    )
    .await;
    for (who, arn, id) in [
        (alice.clone(), format!("{ME}:user/alice"), None),
        (
            session(&server, &alice, ASSUME).await,
            "arn:aws:sts::111122223333:assumed-role/r/s1".to_owned(),
            Some(format!("{role}:s1")),
        ),
        (
            session(
                &server,
                &alice,
                "sts:AssumeRole RoleArn={ME}:role/a/b/deep RoleSessionName=s1",
            )
            .await,
            "arn:aws:sts::111122223333:assumed-role/deep/s1".to_owned(),
            None,
        ),
        (session(&server, &alice, "sts:GetSessionToken").await, format!("{ME}:user/alice"), None),
        (server.root.clone(), format!("{ME}:root"), Some("111122223333".to_owned())),
    ] {
        let told = server.ask(&who, "sts:GetCallerIdentity").await.ok();
        assert_eq!(told.members("GetCallerIdentityResult"), ["UserId", "Account", "Arn"]);
        assert_eq!(told.text("Arn"), arn);
        assert_eq!(told.text("Account"), "111122223333");
        if let Some(id) = id {
            assert_eq!(told.text("UserId"), id);
        }
    }
}

#[tokio::test]
async fn durations_end_at_the_roles_maximum() {
    let (server, alice) = with_role().await;
    for (seconds, end) in [("900", "09:45:00"), ("3601", "10:30:01"), ("7200", "11:30:00")] {
        let line = format!("{ASSUME} DurationSeconds={seconds}");
        let answer = server.ask(&alice, &fill(&line)).await.ok();
        assert_eq!(answer.text("Expiration"), format!("2026-02-12T{end}Z"));
    }
    let line = fill(&format!("{ASSUME} DurationSeconds=7201"));
    let message = "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.";
    server.ask(&alice, &line).await.refused_with("ValidationError", message);
    let line = fill(&format!("{ASSUME} DurationSeconds=899"));
    let message = "1 validation error detected: Value '899' at 'durationSeconds' failed to satisfy \
                   constraint: Member must have value greater than or equal to 900";
    server.ask(&alice, &line).await.refused_with("ValidationError", message);
    given(&server, "UpdateRole RoleName=r MaxSessionDuration=43200").await;
    session(&server, &alice, &format!("{ASSUME} DurationSeconds=43200")).await;
}

#[tokio::test]
async fn a_session_ends_to_the_second() {
    let (server, alice) = with_role().await;
    let line = format!("{ASSUME} DurationSeconds=900");
    let session = session(&server, &alice, &line).await;
    server.clock.advance(899);
    server.ask(&session, "ListUsers").await.ok();
    server.clock.advance(1);
    let message = "The security token included in the request is expired";
    for line in ["ListUsers", "sts:GetCallerIdentity", "CreateUser UserName=x"] {
        server.ask(&session, line).await.refused_with("ExpiredToken", message);
    }
}

#[tokio::test]
async fn session_names_have_their_form() {
    let (server, alice) = with_role().await;
    for name in ["ab", "a.b@c-d_e=f,g+h", &"n".repeat(64)] {
        let line = fill(&format!("sts:AssumeRole RoleArn={{ME}}:role/r RoleSessionName={name}"));
        let answer = server.ask(&alice, &line).await.ok();
        assert!(answer.text("Arn").ends_with(&format!("/r/{name}")));
    }
    for name in ["a", "a/b", "a:b", &"n".repeat(65)] {
        let line = fill(&format!("sts:AssumeRole RoleArn={{ME}}:role/r RoleSessionName={name}"));
        server.ask(&alice, &line).await.refused("ValidationError");
    }
}

#[tokio::test]
async fn arns_have_their_form() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    server.allow("alice", "all", &policy("Allow", "sts:*")).await;
    for (arn, message) in [
        ("not-an-arn-of-any-kind", "not-an-arn-of-any-kind is invalid"),
        ("arn:aws:iam::111122223333:user/alice", "Request ARN is invalid"),
        ("arn:aws-cn:iam::111122223333:role/r", "Request ARN is invalid"),
        ("arn:aws:sts::111122223333:assumed-role/r/s", "Request ARN is invalid"),
        ("arn:aws:iam::nonsense:role/something", "Request ARN is invalid"),
    ] {
        let line = format!("sts:AssumeRole RoleArn={arn} RoleSessionName=s1");
        server.ask(&alice, &line).await.refused_with("ValidationError", message);
    }
    let message = "2 validation errors detected: Value null at 'roleArn' failed to satisfy \
                   constraint: Member must not be null; Value null at 'roleSessionName' failed to \
                   satisfy constraint: Member must not be null";
    server.ask(&alice, "sts:AssumeRole").await.refused_with("ValidationError", message);
}

#[tokio::test]
async fn the_root_user_assumes_no_role() {
    let server = TestServer::start().await;
    make_role(&server, "r", &trust(r#"{"AWS":"111122223333"}"#, r#""sts:AssumeRole""#, "{}")).await;
    let message = "Roles may not be assumed by root accounts.";
    for name in ["r", "none"] {
        let line = format!("sts:AssumeRole RoleArn={ME}:role/{name} RoleSessionName=s1");
        server.as_root(&line).await.refused_with("AccessDenied", message);
    }
    let token = session(&server, &server.root, "sts:GetSessionToken").await;
    server.ask(&token, &fill(ASSUME)).await.refused_with("AccessDenied", message);
}

#[tokio::test]
async fn a_second_factor_that_is_not_there_is_refused() {
    let (server, alice) = with_role().await;
    let serial = format!("SerialNumber={ME}:mfa/alice");
    let message = "MultiFactorAuthentication failed, unable to validate MFA code.  Please verify \
                   your MFA serial number is valid and associated with this user.";
    for line in [ASSUME, "sts:GetSessionToken"] {
        let line = fill(&format!("{line} {serial} TokenCode=123456"));
        server.ask(&alice, &line).await.refused_with("AccessDenied", message);
    }
    let message = "MultiFactorAuthentication failed, must provide both MFA serial number and one \
                   time pass code.";
    for part in [serial.as_str(), "TokenCode=123456"] {
        let line = fill(&format!("{ASSUME} {part}"));
        server.ask(&alice, &line).await.refused_with("AccessDenied", message);
    }
}

#[tokio::test]
async fn tokens_are_as_long_as_asked_for() {
    let (server, alice) = with_role().await;
    for line in [ASSUME, "sts:GetSessionToken"] {
        let plain = server.ask(&alice, &fill(line)).await.ok();
        assert!(!plain.has("SessionTokenSize"));
        let line = fill(&format!("{line} MinimumSessionTokenSize=4096"));
        let padded = server.ask(&alice, &line).await.ok();
        let size: usize = padded.text("SessionTokenSize").parse().unwrap();
        assert_eq!(size, padded.text("SessionToken").len());
        assert!(size >= 4096);
        let padded = iamd_testkit::Credentials::of(&padded);
        server.ask(&padded, "sts:GetCallerIdentity").await.ok();
    }
}

#[tokio::test]
async fn answers_are_json_for_those_who_ask() {
    let (server, alice) = with_role().await;
    let ask = async |service: &str, form: &str, accept: &str| {
        let mut headers = TestServer::headers(service);
        headers.push(("accept".to_owned(), accept.to_owned()));
        server.sign(&alice, service, ("POST", "/"), &mut headers, form.as_bytes());
        server.handle("POST", "/", &headers, form.as_bytes()).await
    };
    let form =
        format!("Action=AssumeRole&Version=2011-06-15&RoleArn={ME}:role/r&RoleSessionName=s1");
    let answer = ask("sts", &form, "application/json").await;
    assert_eq!((answer.status, answer.content_type), (200, "application/json"));
    let json: serde_json::Value = serde_json::from_str(&answer.body).unwrap();
    let result = &json["AssumeRoleResponse"]["AssumeRoleResult"];
    assert_eq!(result["AssumedRoleUser"]["Arn"], "arn:aws:sts::111122223333:assumed-role/r/s1");
    assert_eq!(result["Credentials"]["Expiration"], 1_770_892_200);
    let id = &json["AssumeRoleResponse"]["ResponseMetadata"]["RequestId"];
    assert_eq!(*id, answer.request_id);

    let form = form.replace("role/r", "role/none");
    let answer = ask("sts", &form, "text/html, application/json;q=0.9").await;
    assert_eq!((answer.status, answer.content_type), (403, "application/json"));
    let json: serde_json::Value = serde_json::from_str(&answer.body).unwrap();
    assert_eq!(json["Error"]["Code"], "AccessDenied");
    assert_eq!(json["Error"]["Type"], "Sender");
    let answer = ask("sts", &form, "application/json;q=0").await;
    assert_eq!(answer.content_type, "text/xml");
    let answer = ask("iam", "Action=GetUser&Version=2010-05-08", "application/json").await;
    assert_eq!(answer.content_type, "text/xml");
}
