//! Attacks by name: what went wrong in other IAMs, and requests that no client sends. Every one is
//! refused in AWS's words; none is an error of the server's.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that goes wrong fails"
)]

mod authentication;
mod authorization;
mod random;
mod requests;
mod signatures;

use iamd_testkit::{Answer, Credentials, TestServer};

/// `arn:aws:iam::111122223333`, the server's first account.
const ME: &str = "arn:aws:iam::111122223333";
/// A document that allows everything.
const ALL: &str =
    r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}"#;

type Headers = Vec<(String, String)>;

/// Runs the lines as root; all must succeed.
async fn given(server: &TestServer, lines: &str) {
    for line in lines.trim().lines() {
        server.as_root(&line.replace("{ME}", ME).replace("{ALL}", ALL)).await.ok();
    }
}

/// A trust policy for this principal.
fn trusting(principal: &str) -> String {
    format!(
        r#"{{"Version":"2012-10-17","Statement":{{"Effect":"Allow","Principal":{principal},"Action":"sts:AssumeRole"}}}}"#
    )
}

/// A form for IAM, signed and sent with a POST.
async fn post(server: &TestServer, who: &Credentials, form: &[u8]) -> Answer {
    let mut headers = TestServer::headers("iam");
    server.sign(who, "iam", ("POST", "/"), &mut headers, form);
    server.handle("POST", "/", &headers, form).await
}

/// Checks that an answer is a refusal that a client can read, and not the server's fault.
#[track_caller]
fn is_orderly(answer: &Answer) {
    assert!(answer.status < 500 || answer.code() == "NotImplemented", "{}", answer.body);
    if answer.status != 200 {
        assert_eq!(answer.members("ErrorResponse"), ["Error", "RequestId"], "{}", answer.body);
        assert_eq!(answer.text("Type"), if answer.status < 500 { "Sender" } else { "Receiver" });
        assert!(!answer.code().is_empty());
    }
    assert_eq!(answer.text("RequestId"), answer.request_id);
}
