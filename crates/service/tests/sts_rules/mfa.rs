//! The second factor in GetSessionToken and AssumeRole.

use iamd_testkit::{Credentials, Device, TestServer};

use super::{ASSUME, ME, fill, given, make_role, policy, session, trust, user};

const WRONG_CODE: &str = "MultiFactorAuthentication failed with invalid MFA one time pass code. ";
const WRONG_DEVICE: &str = "MultiFactorAuthentication failed, unable to validate MFA code.  Please \
                            verify your MFA serial number is valid and associated with this user.";

/// A server with alice and her device.
async fn with_device() -> (TestServer, Credentials, Device) {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let device = server.device_of(&server.root, "alice").await;
    (server, alice, device)
}

fn with_code(server: &TestServer, line: &str, device: &Device, steps: i64) -> String {
    let code = device.code(server, steps);
    fill(&format!("{line} SerialNumber={} TokenCode={code}", device.serial))
}

#[tokio::test]
async fn a_code_is_good_once_and_at_its_time() {
    let (server, alice, device) = with_device().await;
    let token = |steps| with_code(&server, "sts:GetSessionToken", &device, steps);
    for steps in [-1, -2, 2, 100] {
        server.ask(&alice, &token(steps)).await.refused_with("AccessDenied", WRONG_CODE);
    }
    server.clock.advance(30);
    server.ask(&alice, &token(-1)).await.ok();
    server.ask(&alice, &token(0)).await.ok();
    // Neither is an earlier one good any more, nor the same in another operation.
    for steps in [-1, 0] {
        server.ask(&alice, &token(steps)).await.refused_with("AccessDenied", WRONG_CODE);
    }
    make_role(&server, "r", &trust(&user("alice"), r#""sts:*""#, "{}")).await;
    let line = with_code(&server, ASSUME, &device, 0);
    server.ask(&alice, &line).await.refused_with("AccessDenied", WRONG_CODE);
    server.clock.advance(30);
    let line = with_code(&server, ASSUME, &device, 0);
    server.ask(&alice, &line).await.ok();
    server.ask(&alice, &line).await.refused_with("AccessDenied", WRONG_CODE);
}

#[tokio::test]
async fn of_two_with_one_code_one_gets_in() {
    let (server, alice, device) = with_device().await;
    let line = with_code(&server, "sts:GetSessionToken", &device, 0);
    let (first, second) = tokio::join!(server.ask(&alice, &line), server.ask(&alice, &line));
    let mut codes = [first.code(), second.code()];
    codes.sort();
    assert_eq!(codes, ["", "AccessDenied"]);
}

#[tokio::test]
async fn a_device_counts_for_its_user_alone() {
    let (server, alice, device) = with_device().await;
    let bob = server.user("bob").await;
    let token = with_code(&server, "sts:GetSessionToken", &device, 0);
    for who in [&bob, &server.root] {
        server.ask(who, &token).await.refused_with("AccessDenied", WRONG_DEVICE);
    }
    make_role(&server, "r", &trust(&user("alice"), r#""sts:*""#, "{}")).await;
    let role = session(&server, &alice, ASSUME).await;
    let line = with_code(&server, ASSUME, &device, 0);
    server.ask(&role, &line).await.refused_with("AccessDenied", WRONG_DEVICE);
    let loose = server.new_device(&server.root, "loose").await;
    let line = with_code(&server, "sts:GetSessionToken", &loose, 0);
    server.ask(&alice, &line).await.refused_with("AccessDenied", WRONG_DEVICE);
}

#[tokio::test]
async fn guessing_ends_after_five_wrong_codes() {
    let (server, alice, device) = with_device().await;
    for _ in 0..5 {
        let line = with_code(&server, "sts:GetSessionToken", &device, 50);
        server.ask(&alice, &line).await.refused("AccessDenied");
    }
    let right = with_code(&server, "sts:GetSessionToken", &device, 1);
    server.ask(&alice, &right).await.refused("Throttling");
    // A change to the device gives no more guesses.
    let tag = "Tags.member.1.Key=a Tags.member.1.Value=b";
    given(&server, &format!("TagMFADevice SerialNumber={} {tag}", device.serial)).await;
    server.ask(&alice, &right).await.refused("Throttling");
    server.clock.advance(30);
    server.ask(&alice, &right).await.ok();
}

#[tokio::test]
async fn trust_policies_ask_for_a_second_factor() {
    let (server, alice, device) = with_device().await;
    let with_mfa = r#"{"Bool":{"aws:MultiFactorAuthPresent":"true"},"NumericLessThan":{"aws:MultiFactorAuthAge":"600"}}"#;
    let trusting = trust(&user("alice"), r#""sts:AssumeRole""#, with_mfa);
    make_role(&server, "r", &trusting).await;
    server.ask(&alice, &fill(ASSUME)).await.refused("AccessDenied");
    // A refusal for another reason leaves the code good.
    let elsewhere = ASSUME.replace("role/r", "role/none");
    let line = with_code(&server, &elsewhere, &device, 0);
    server.ask(&alice, &line).await.refused("AccessDenied");
    let line = with_code(&server, ASSUME, &device, 0);
    let answer = server.ask(&alice, &line).await.ok();

    // What the role does, it does without MFA.
    let role = Credentials::of(&answer);
    let document = policy("Allow", "iam:*").replace(
        r#""Resource":"*""#,
        r#""Resource":"*","Condition":{"Null":{"aws:MultiFactorAuthPresent":"true","aws:MultiFactorAuthAge":"true"}}"#,
    );
    given(&server, &format!("PutRolePolicy RoleName=r PolicyName=all PolicyDocument={document}"))
        .await;
    server.ask(&role, "ListUsers").await.ok();

    // A session that was authenticated with MFA carries it into the request, as long as it is fresh.
    let line = with_code(&server, "sts:GetSessionToken", &device, 1);
    let token = Credentials::of(&server.ask(&alice, &line).await.ok());
    session(&server, &token, ASSUME).await;
    server.clock.advance(600);
    server.ask(&token, &fill(ASSUME)).await.refused("AccessDenied");
}

#[tokio::test]
async fn a_session_with_mfa_may_call_iam_and_is_recorded_so() {
    let (server, alice, device) = with_device().await;
    server.allow("alice", "all", &policy("Allow", "iam:*")).await;
    let line = with_code(&server, "sts:GetSessionToken", &device, 0);
    let token = Credentials::of(&server.ask(&alice, &line).await.ok());
    server.ask(&token, &format!("CreateUser UserName=by-{}", "mfa")).await.ok();
    let record = server.records.wait_for(&["CreateUser", "by-mfa"]).await;
    assert!(record.contains(r#""mfaAuthenticated":"true""#), "{record}");
    let asked = server.records.wait_for(&["GetSessionToken"]).await;
    assert!(!asked.contains(&device.code(&server, 0)), "{asked}");
    assert!(asked.contains(&format!("{ME}:mfa/alice")), "{asked}");
}
