//! Passwords of users, and the account's password policy.

use iamd_authz::password::{PasswordState, check, login_profile, state};
use iamd_testkit::TestServer;
use iamd_types::{Clock, Secret};

use super::{all_refused, given, root};

const FIRST: &str = "Correct-Horse-1";

async fn with_alice() -> TestServer {
    let server = TestServer::start().await;
    given(
        &server,
        &format!("CreateUser UserName=alice\nCreateLoginProfile UserName=alice Password={FIRST}"),
    )
    .await;
    server
}

/// What alice's password is good for, if this is it.
async fn sign_in(server: &TestServer, password: &str) -> Option<PasswordState> {
    let id = "111122223333".parse().unwrap();
    let account = server.service.directory().account(id).await.unwrap().unwrap();
    let profile = login_profile(&account, account.user("alice").unwrap().id())?;
    let now = server.clock.now();
    check(profile, &Secret::new(password.to_owned()), now).ok()?;
    Some(state(&account, profile, now))
}

#[tokio::test]
async fn a_profile_is_shown_and_its_password_never() {
    let server = with_alice().await;
    let got = root(&server, "GetLoginProfile UserName=ALICE").await.ok();
    let members = ["UserName", "CreateDate", "PasswordResetRequired"];
    assert_eq!(got.members("LoginProfile"), members);
    assert_eq!(
        (got.text("UserName"), got.text("PasswordResetRequired")),
        ("alice".into(), "false".into())
    );
    let line = format!("CreateLoginProfile UserName=alice Password={FIRST}");
    let message = "Login Profile for user alice already exists.";
    all_refused(&server, "EntityAlreadyExists", message, &line).await;
    let recorded = server.records.wait_for(&["CreateLoginProfile"]).await;
    assert!(!recorded.contains(FIRST), "{recorded}");
    assert_eq!(sign_in(&server, FIRST).await, Some(PasswordState::Good));
    assert_eq!(sign_in(&server, "correct-horse-1").await, None);

    let message = "Cannot delete entity, must delete login profile first.";
    all_refused(&server, "DeleteConflict", message, "DeleteUser UserName=alice").await;
    given(&server, "DeleteLoginProfile UserName=alice").await;
    let message = "Login Profile for User alice cannot be found.";
    let lines = "GetLoginProfile UserName=alice\nDeleteLoginProfile UserName=alice\nUpdateLoginProfile UserName=alice PasswordResetRequired=true";
    all_refused(&server, "NoSuchEntity", message, lines).await;
    given(&server, "DeleteUser UserName=alice").await;
    let message = "Must specify userName when calling with non-User credentials";
    all_refused(&server, "ValidationError", message, "GetLoginProfile\nDeleteLoginProfile").await;
}

#[tokio::test]
async fn without_a_policy_the_default_one_is_in_force() {
    let server = TestServer::start().await;
    given(&server, "CreateUser UserName=alice").await;
    for password in ["Short-1", "onlylowercase", "lower1234", "Lowerupper"] {
        let line = format!("CreateLoginProfile UserName=alice Password={password}");
        root(&server, &line).await.refused("PasswordPolicyViolation");
    }
    given(&server, "CreateLoginProfile UserName=alice Password=Lower123").await;
}

#[tokio::test]
async fn a_policy_replaces_the_one_before_as_a_whole() {
    let server = TestServer::start().await;
    let message = "The Password Policy with domain name 111122223333 cannot be found.";
    all_refused(&server, "NoSuchEntity", message, "GetAccountPasswordPolicy").await;
    let message = "The account policy with name PasswordPolicy cannot be found.";
    all_refused(&server, "NoSuchEntity", message, "DeleteAccountPasswordPolicy").await;
    given(
        &server,
        "UpdateAccountPasswordPolicy MinimumPasswordLength=14 RequireSymbols=true RequireNumbers=true RequireUppercaseCharacters=true RequireLowercaseCharacters=true AllowUsersToChangePassword=true MaxPasswordAge=90 PasswordReusePrevention=24 HardExpiry=true",
    )
    .await;
    let got = root(&server, "GetAccountPasswordPolicy").await.ok();
    let all = [
        "MinimumPasswordLength",
        "RequireSymbols",
        "RequireNumbers",
        "RequireUppercaseCharacters",
        "RequireLowercaseCharacters",
        "AllowUsersToChangePassword",
        "ExpirePasswords",
        "MaxPasswordAge",
        "PasswordReusePrevention",
        "HardExpiry",
    ];
    assert_eq!(got.members("PasswordPolicy"), all);
    assert_eq!(
        (got.text("MaxPasswordAge"), got.text("ExpirePasswords")),
        ("90".into(), "true".into())
    );
    given(&server, "UpdateAccountPasswordPolicy").await;
    let got = root(&server, "GetAccountPasswordPolicy").await.ok();
    assert_eq!(got.members("PasswordPolicy"), all[..7]);
    assert_eq!(got.text("MinimumPasswordLength"), "6");
    assert_eq!(got.texts("ExpirePasswords"), ["false"]);
    for bad in ["MinimumPasswordLength=5", "MaxPasswordAge=1096", "PasswordReusePrevention=25"] {
        let line = format!("UpdateAccountPasswordPolicy {bad}");
        root(&server, &line).await.refused("ValidationError");
    }
    given(&server, "DeleteAccountPasswordPolicy").await;
    root(&server, "GetAccountPasswordPolicy").await.refused("NoSuchEntity");
}

#[tokio::test]
async fn every_rule_of_a_policy_is_kept() {
    let server = TestServer::start().await;
    given(
        &server,
        "CreateUser UserName=alice
UpdateAccountPasswordPolicy MinimumPasswordLength=9 RequireSymbols=true RequireNumbers=true RequireUppercaseCharacters=true RequireLowercaseCharacters=true",
    )
    .await;
    for (password, message) in [
        ("Ab1-efgh", "Password should have a minimum length of 9"),
        ("Ab1defghi", "Password should have at least one symbol"),
        ("Ab1.efghi", "Password should have at least one symbol"),
        ("Abc-efghi", "Password should have at least one number"),
        ("ab1-efghi", "Password should have at least one uppercase letter"),
        ("ÀB1-EFGHI", "Password should have at least one lowercase letter"),
    ] {
        let line = format!("CreateLoginProfile UserName=alice Password={password}");
        all_refused(&server, "PasswordPolicyViolation", message, &line).await;
    }
    given(&server, "CreateLoginProfile UserName=alice Password=Ab1|efghi").await;
}

#[tokio::test]
async fn users_change_their_own_passwords_when_they_may() {
    let server = with_alice().await;
    let alice = server.key_of("alice").await;
    let change =
        |old: &str, new: &str| format!("ChangePassword OldPassword={old} NewPassword={new}");
    let line = change(FIRST, "Second-Pass-2");
    server.ask(&alice, &line).await.refused("AccessDenied");
    let message = "Only IAM Users can change their own password";
    all_refused(&server, "InvalidUserType", message, &line).await;
    given(&server, "UpdateAccountPasswordPolicy AllowUsersToChangePassword=true").await;
    let message = "The old password was incorrect.";
    let wrong = change("Wrong-Horse-1", "Second-Pass-2");
    server.ask(&alice, &wrong).await.refused_with("AccessDenied", message);
    server.ask(&alice, &line).await.ok();
    server.ask(&alice, &line).await.refused_with("AccessDenied", message);
    assert_eq!(sign_in(&server, "Second-Pass-2").await, Some(PasswordState::Good));
    assert_eq!(sign_in(&server, FIRST).await, None);

    // What the password policy gives, a policy can still take away.
    let deny = r#"{"Version":"2012-10-17","Statement":{"Effect":"Deny","Action":"iam:ChangePassword","Resource":"*"}}"#;
    server.allow("alice", "deny", deny).await;
    let line = change("Second-Pass-2", "Third-Pass-3");
    server.ask(&alice, &line).await.refused("AccessDenied");
    let bob = server.user("bob").await;
    let message = "Login Profile for User bob cannot be found.";
    server.ask(&bob, &line).await.refused_with("NoSuchEntity", message);
}

#[tokio::test]
async fn passwords_are_not_used_again() {
    let server = with_alice().await;
    given(&server, "UpdateAccountPasswordPolicy PasswordReusePrevention=2 MinimumPasswordLength=8")
        .await;
    let set = |password: &str| format!("UpdateLoginProfile UserName=alice Password={password}");
    let message = "Password reuse is not allowed";
    all_refused(&server, "PasswordPolicyViolation", message, &set(FIRST)).await;
    given(&server, &set("Second-Pass-2")).await;
    all_refused(&server, "PasswordPolicyViolation", message, &set(FIRST)).await;
    given(&server, &set("Third-Pass-3")).await;
    given(&server, &set(FIRST)).await;
}

#[tokio::test]
async fn guessing_passwords_ends() {
    let server = with_alice().await;
    for _ in 0..5 {
        assert_eq!(sign_in(&server, "Wrong-Horse-1").await, None);
    }
    assert_eq!(sign_in(&server, FIRST).await, None);
    server.clock.advance(30);
    assert_eq!(sign_in(&server, FIRST).await, Some(PasswordState::Good));
}

#[tokio::test]
async fn passwords_end_and_have_to_be_changed() {
    let server = with_alice().await;
    given(&server, "UpdateLoginProfile UserName=alice PasswordResetRequired=true").await;
    assert_eq!(sign_in(&server, FIRST).await, Some(PasswordState::MustChange));
    given(&server, "UpdateLoginProfile UserName=alice PasswordResetRequired=false").await;
    given(&server, "UpdateAccountPasswordPolicy MaxPasswordAge=1").await;
    server.clock.advance(86_399);
    assert_eq!(sign_in(&server, FIRST).await, Some(PasswordState::Good));
    server.clock.advance(1);
    assert_eq!(sign_in(&server, FIRST).await, Some(PasswordState::MustChange));
    given(&server, "UpdateAccountPasswordPolicy MaxPasswordAge=1 HardExpiry=true").await;
    assert_eq!(sign_in(&server, FIRST).await, Some(PasswordState::Expired));
    given(&server, "UpdateLoginProfile UserName=alice Password=Second-Pass-2").await;
    assert_eq!(sign_in(&server, "Second-Pass-2").await, Some(PasswordState::Good));
}
