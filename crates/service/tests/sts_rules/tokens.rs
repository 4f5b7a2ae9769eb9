//! Session tokens that are missing, altered, swapped or outlived.

use iamd_credentials::{Keyring, Session, SessionKind, SessionPrincipal};
use iamd_testkit::{Credentials, SeededEntropy, TestServer};
use iamd_types::{AccessKeyId, Clock, Secret};

use super::{ASSUME, fill, given, session, with_role};

/// The secret of sessions that tests make up.
const SECRET: &str = "ssssssssssssssssssssssssssssssssssssssss";

async fn is_invalid(server: &TestServer, credentials: &Credentials, what: &str) {
    for line in ["ListUsers", "sts:GetCallerIdentity", "CreateUser UserName=x"] {
        let answer = server.ask(credentials, line).await;
        let message = "The security token included in the request is invalid.";
        assert_eq!(
            (&*answer.code(), &*answer.message()),
            ("InvalidClientTokenId", message),
            "{what}"
        );
    }
}

#[tokio::test]
async fn a_temporary_key_needs_its_token() {
    let (server, alice) = with_role().await;
    let first = session(&server, &alice, ASSUME).await;
    let second = session(&server, &alice, ASSUME).await;
    let with = |token: Option<String>| Credentials { session_token: token, ..first.clone() };
    let token = first.session_token.clone().unwrap();
    is_invalid(&server, &with(None), "no token").await;
    is_invalid(&server, &with(second.session_token.clone()), "another's token").await;
    is_invalid(&server, &with(Some("nonsense".to_owned())), "nonsense").await;
    is_invalid(&server, &with(Some(String::new())), "empty").await;
    is_invalid(&server, &with(Some("A".repeat(10_000))), "too long").await;
    is_invalid(&server, &with(Some(token.chars().skip(1).collect())), "cut").await;
    is_invalid(&server, &with(Some(format!("{token}AAAA"))), "longer").await;
    // Neither has a user's key anything to gain from a token.
    let mixed = Credentials { session_token: Some(token.clone()), ..alice.clone() };
    is_invalid(&server, &mixed, "a user's key with a token").await;
    let swapped = Credentials { access_key_id: second.access_key_id, ..first.clone() };
    is_invalid(&server, &swapped, "another's key id").await;
    server.ask(&first, "ListUsers").await.ok();
}

#[tokio::test]
async fn an_altered_token_is_no_token() {
    let (server, alice) = with_role().await;
    let good = session(&server, &alice, ASSUME).await;
    let token = good.session_token.clone().unwrap();
    for at in (0..token.len()).step_by(7) {
        let mut altered = token.clone().into_bytes();
        altered[at] = if altered[at] == b'A' { b'B' } else { b'A' };
        let altered = Some(String::from_utf8(altered).unwrap());
        let altered = Credentials { session_token: altered, ..good.clone() };
        server.ask(&altered, "ListUsers").await.refused("InvalidClientTokenId");
    }
}

/// A session that nobody asked the server for.
fn made_up(server: &TestServer, principal: SessionPrincipal) -> Session {
    let now = server.clock.now();
    Session {
        kind: SessionKind::Console,
        account: "111122223333".parse().unwrap(),
        secret_access_key: Secret::new(SECRET.to_owned()),
        principal,
        issued: now,
        expires: now.plus_seconds(900),
        policy: None,
        policy_arns: vec![],
        tags: vec![],
        transitive_tag_keys: vec![],
        source_identity: None,
        mfa_authenticated_at: None,
        federated_provider: None,
    }
}

/// These credentials with the token of a session that `keyring` sealed for their key id.
fn sealed(keyring: &Keyring, session: &Session, like: &Credentials) -> Credentials {
    let id = AccessKeyId::parse(&like.access_key_id).unwrap();
    let token = keyring.seal_session(&id, session, &SeededEntropy::new(7));
    Credentials { secret_access_key: SECRET.to_owned(), session_token: Some(token), ..like.clone() }
}

#[tokio::test]
async fn two_sessions_that_share_a_key_id_do_not_share_anything_else() {
    let (server, alice) = with_role().await;
    let admin = session(&server, &alice, ASSUME).await;
    let user = server.as_root("GetUser UserName=alice").await.ok().text("UserId");
    let principal = SessionPrincipal::User { id: user.parse().unwrap() };
    let alices = sealed(&server.keyring, &made_up(&server, principal), &admin);
    // In both orders, so that whatever is kept of one is not taken for the other.
    for _ in 0..2 {
        let who = server.ask(&admin, "sts:GetCallerIdentity").await.ok();
        assert!(who.text("Arn").ends_with("assumed-role/r/s1"));
        let who = server.ask(&alices, "sts:GetCallerIdentity").await.ok();
        assert!(who.text("Arn").ends_with("user/alice"));
        server.ask(&alices, "ListUsers").await.refused("AccessDenied");
        server.ask(&admin, "ListUsers").await.ok();
    }
    let mixed = Credentials { session_token: alices.session_token.clone(), ..admin.clone() };
    server.ask(&mixed, "ListUsers").await.refused("SignatureDoesNotMatch");
    let mixed = Credentials { session_token: admin.session_token, ..alices };
    server.ask(&mixed, "ListUsers").await.refused("SignatureDoesNotMatch");
}

#[tokio::test]
async fn a_token_of_another_server_is_no_token() {
    let (server, alice) = with_role().await;
    let good = session(&server, &alice, ASSUME).await;
    let foreign = Keyring::generate(&SeededEntropy::new(99), server.clock.now());
    let forged = sealed(&foreign, &made_up(&server, SessionPrincipal::Root), &good);
    is_invalid(&server, &forged, "forged").await;
}

#[tokio::test]
async fn a_session_ends_with_its_role() {
    let (server, alice) = with_role().await;
    let session = session(&server, &alice, ASSUME).await;
    server.ask(&session, "ListUsers").await.ok();
    given(&server, "DeleteRolePolicy RoleName=r PolicyName=all\nDeleteRole RoleName=r").await;
    is_invalid(&server, &session, "deleted role").await;
    // A role of the same name is another one.
    super::make_role(&server, "r", &super::trust(&super::user("alice"), r#""sts:*""#, "{}")).await;
    is_invalid(&server, &session, "successor").await;
    server.ask(&alice, &fill(ASSUME)).await.ok();
}

#[tokio::test]
async fn a_session_outlives_the_one_who_asked() {
    let (server, alice) = with_role().await;
    let session = session(&server, &alice, ASSUME).await;
    given(
        &server,
        &format!(
            "DeleteAccessKey UserName=alice AccessKeyId={}\nDeleteUser UserName=alice",
            alice.access_key_id
        ),
    )
    .await;
    server.ask(&session, "ListUsers").await.ok();
}
