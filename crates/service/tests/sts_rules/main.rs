//! The rules of STS through the whole pipeline: who gets which session, what a session may do, and
//! when it is over.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that goes wrong fails"
)]

mod assume_role;
mod assume_root;
mod authorization_message;
mod chaining;
mod federation;
mod mfa;
mod narrowing;
mod outbound;
mod session_token;
mod tokens;
mod trust;
mod web_identity;

use iamd_testkit::{Credentials, TestServer};

/// `arn:aws:iam::111122223333`, the server's first account.
const ME: &str = "arn:aws:iam::111122223333";
/// The session that most tests ask for.
const ASSUME: &str = "sts:AssumeRole RoleArn={ME}:role/r RoleSessionName=s1";

/// A document with one statement.
fn policy(effect: &str, action: &str) -> String {
    format!(
        r#"{{"Version":"2012-10-17","Statement":{{"Effect":"{effect}","Action":"{action}","Resource":"*"}}}}"#
    )
}

/// A trust policy with this principal, these actions and this condition (all JSON).
fn trust(principal: &str, actions: &str, condition: &str) -> String {
    format!(
        r#"{{"Version":"2012-10-17","Statement":{{"Effect":"Allow","Principal":{principal},"Action":{actions},"Condition":{condition}}}}}"#
    )
}

/// The user of this name of the first account, as a principal.
fn user(name: &str) -> String {
    format!(r#"{{"AWS":"{ME}:user/{name}"}}"#)
}

fn fill(line: &str) -> String {
    line.replace("{ME}", ME)
}

/// Runs the lines as root; all must succeed.
async fn given(server: &TestServer, lines: &str) {
    for line in lines.trim().lines() {
        server.as_root(&fill(line)).await.ok();
    }
}

/// A server with a user `alice`, and a role `r` that trusts her with everything and may do all in IAM.
async fn with_role() -> (TestServer, Credentials) {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    make_role(&server, "r", &trust(&user("alice"), r#""sts:*""#, "{}")).await;
    (server, alice)
}

/// A role that may do all in IAM and STS.
async fn make_role(server: &TestServer, name: &str, trust: &str) {
    let all = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":["iam:*","sts:*"],"Resource":"*"}}"#;
    given(
        server,
        &format!(
            "CreateRole RoleName={name} AssumeRolePolicyDocument={trust} MaxSessionDuration=7200
PutRolePolicy RoleName={name} PolicyName=all PolicyDocument={all}"
        ),
    )
    .await;
}

/// The session that a line gives, which must succeed.
async fn session(server: &TestServer, who: &Credentials, line: &str) -> Credentials {
    Credentials::of(&server.ask(who, &fill(line)).await.ok())
}

/// The plain refusal of AssumeRole.
fn refusal(caller: &str, role: &str) -> String {
    format!(
        "User: {caller} is not authorized to perform: sts:AssumeRole on resource: {ME}:role/{role}"
    )
}
