//! What the server's operator does to accounts: recorded, and refused where two accounts would share what
//! is one account's.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that goes wrong fails"
)]

use iamd_service::NewAccount;
use iamd_testkit::TestServer;
use iamd_types::Code;

fn new(email: &str) -> NewAccount {
    NewAccount { id: None, name: "Other".to_owned(), email: email.to_owned(), root_key: None }
}

#[tokio::test]
async fn changes_of_accounts_are_recorded_without_secrets() {
    let server = TestServer::start().await;
    let root = server.service.draw_account(new("other@example.com"));
    server.service.create_account(&root).await.unwrap();
    let id = root.account.to_string();
    let line = server.records.wait_for(&["CreateAccount", &id]).await;
    let record: serde_json::Value = serde_json::from_str(&line).unwrap();
    assert_eq!(record["eventType"], "AwsServiceEvent");
    assert_eq!(record["recipientAccountId"], id);
    assert_eq!(record["userIdentity"]["type"], "AWSService");
    assert_eq!(record["additionalEventData"]["accessKeyId"], root.key.id.as_str());
    let key = server.service.reset_root_key(root.account).await.unwrap();
    server.records.wait_for(&["ResetRootAccessKey", &id, key.id.as_str()]).await;
    for line in server.records.lines() {
        for secret in [&root.key.secret, &root.password, &key.secret] {
            assert!(!line.contains(secret.expose().as_str()), "{line}");
        }
    }
}

#[tokio::test]
async fn an_e_mail_address_is_one_accounts() {
    let server = TestServer::start().await;
    let first = server.service.draw_account(new("Other@Example.com"));
    server.service.create_account(&first).await.unwrap();
    let second = server.service.draw_account(new("other@example.COM"));
    let error = server.service.create_account(&second).await.unwrap_err();
    assert_eq!(error.code(), Code::EntityAlreadyExists);
    assert!(server.service.directory().account(second.account).await.unwrap().is_none());
    // An address that was registered for an account that never came to be is free.
    let taken = NewAccount { id: Some(first.account), ..new("free@example.com") };
    let taken = server.service.draw_account(taken);
    assert!(server.service.create_account(&taken).await.is_err());
    let third = server.service.draw_account(new("free@example.com"));
    server.service.create_account(&third).await.unwrap();
}
