//! The rules of IAM through the whole pipeline: which requests are refused and in what words, which
//! members answers have, and what stays when things are renamed, deleted and made again.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that goes wrong fails"
)]

mod account;
mod account_settings;
mod certificates;
mod documents;
mod groups;
mod keys;
mod last_accessed;
mod mfa;
mod pages;
mod passwords;
mod policies;
mod profiles;
mod providers;
mod report;
mod roles;
mod service_linked;
mod simulator;
mod tags;
mod trust;
mod users;

use iamd_testkit::{Answer, TestServer};

/// A small document that allows something harmless.
const DOCUMENT: &str =
    r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"s3:*","Resource":"*"}}"#;

/// A trust policy for this principal, such as `{"AWS":"111122223333"}`.
fn trusting(principal: &str) -> String {
    format!(
        r#"{{"Version":"2012-10-17","Statement":{{"Effect":"Allow","Principal":{principal},"Action":"sts:AssumeRole"}}}}"#
    )
}

/// A trust policy for the EC2 service.
fn service_trust() -> String {
    trusting(r#"{"Service":"ec2.amazonaws.com"}"#)
}

/// Runs the lines as root; all must succeed.
async fn given(server: &TestServer, lines: &str) {
    for line in lines.trim().lines() {
        root(server, line).await.ok();
    }
}

/// Runs a line as root, with `{DOCUMENT}`, `{TRUST}` and `{ME}` (`arn:aws:iam::111122223333`) filled in.
async fn root(server: &TestServer, line: &str) -> Answer {
    let line = line
        .replace("{DOCUMENT}", DOCUMENT)
        .replace("{TRUST}", &service_trust())
        .replace("{ME}", "arn:aws:iam::111122223333");
    server.as_root(&line).await
}

/// Runs every line as root; all must be refused with this code and message.
async fn all_refused(server: &TestServer, code: &str, message: &str, lines: &str) {
    for line in lines.trim().lines() {
        let answer = root(server, line).await;
        let told = (answer.code(), answer.message());
        let message = message.replace("{ME}", "arn:aws:iam::111122223333");
        assert_eq!(told, (code.to_owned(), message), "{line}");
        answer.refused(code);
    }
}

/// A document whose size, as AWS counts it, is exactly this.
fn document_of(size: usize) -> String {
    let with = |filler: &str| DOCUMENT.replace(r#""*""#, &format!(r#""arn:aws:s3:::{filler}""#));
    let filler = "x".repeat(size - with("").len());
    with(&filler)
}
