//! What the server's operator does to accounts: recorded, and refused where two accounts would share what
//! is one account's.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that goes wrong fails"
)]

use iamd_service::NewAccount;
use iamd_testkit::{Device, TestServer};
use iamd_types::{Code, Secret};

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

const ACCOUNT: &str = "111122223333";
const SERIAL: &str = "GAHT12345678";
const SEED: &str = "GEZD GNBV GY3T QOJQ GEZD GNBV GY3T QOJQ";

async fn add(server: &TestServer, serial: &str, seed: &str) -> Result<(), Code> {
    let seed = Secret::new(seed.to_owned());
    let added = server.service.add_hardware_token(ACCOUNT.parse().unwrap(), serial, &seed).await;
    added.map_err(|error| error.code())
}

#[tokio::test]
async fn a_hardware_device_is_assigned_by_its_serial_number() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let device = Device::with_seed(SERIAL, &SEED.replace(' ', ""));
    let enable = || {
        let (first, second) = (device.code(&server, -1), device.code(&server, 0));
        format!(
            "EnableMFADevice UserName=alice SerialNumber={SERIAL} AuthenticationCode1={first} \
             AuthenticationCode2={second}"
        )
    };
    assert_eq!(server.as_root(&enable()).await.code(), "NoSuchEntity");
    // A wrong seed can be put right while the device is nobody's.
    add(&server, SERIAL, &"A".repeat(32)).await.unwrap();
    assert_eq!(server.as_root(&enable()).await.code(), "InvalidAuthenticationCode");
    add(&server, SERIAL, &format!("{SEED}\n")).await.unwrap();
    server.as_root(&enable()).await.ok();
    assert_eq!(add(&server, SERIAL, SEED).await, Err(Code::EntityAlreadyExists));

    let listed = server.as_root("ListMFADevices UserName=alice").await.ok();
    assert_eq!(listed.texts("SerialNumber"), [SERIAL]);
    let listed = server.as_root("ListVirtualMFADevices").await.ok();
    assert_eq!(listed.texts("SerialNumber"), Vec::<String>::new());
    server.clock.advance(30);
    let code = device.code(&server, 0);
    let line = format!("sts:GetSessionToken SerialNumber={SERIAL} TokenCode={code}");
    server.ask(&alice, &line).await.ok();

    // It goes from hand to hand, and is nothing that the API deletes.
    server.as_root(&format!("DeactivateMFADevice UserName=alice SerialNumber={SERIAL}")).await.ok();
    let line = format!("DeleteVirtualMFADevice SerialNumber={SERIAL}");
    assert_eq!(server.as_root(&line).await.code(), "NoSuchEntity");
    let used = enable();
    assert_eq!(server.as_root(&used).await.code(), "InvalidAuthenticationCode");
    server.clock.advance(60);
    server.as_root(&enable()).await.ok();

    let line = server.records.wait_for(&["AddHardwareToken", SERIAL]).await;
    let record: serde_json::Value = serde_json::from_str(&line).unwrap();
    assert_eq!(record["additionalEventData"]["serialNumber"], SERIAL);
    assert_eq!(record["recipientAccountId"], ACCOUNT);
    assert!(server.records.lines().iter().all(|line| !line.contains("GEZDGNBV")));
}

#[tokio::test]
async fn a_hardware_device_that_is_nobodys_can_be_removed() {
    let server = TestServer::start().await;
    server.user("alice").await;
    let device = Device::with_seed(SERIAL, &SEED.replace(' ', ""));
    let remove = async |account: &str, serial: &str| {
        let removed = server.service.remove_hardware_token(account.parse().unwrap(), serial).await;
        removed.map_err(|error| error.code())
    };
    assert_eq!(remove(ACCOUNT, SERIAL).await, Err(Code::NoSuchEntity));
    add(&server, SERIAL, SEED).await.unwrap();
    let enable = || {
        let (first, second) = (device.code(&server, -1), device.code(&server, 0));
        format!(
            "EnableMFADevice UserName=alice SerialNumber={SERIAL} AuthenticationCode1={first} \
             AuthenticationCode2={second}"
        )
    };
    server.as_root(&enable()).await.ok();
    assert_eq!(remove(ACCOUNT, SERIAL).await, Err(Code::DeleteConflict));
    let listed = server.as_root("ListMFADevices UserName=alice").await.ok();
    assert_eq!(listed.texts("SerialNumber"), [SERIAL]);
    server.as_root(&format!("DeactivateMFADevice UserName=alice SerialNumber={SERIAL}")).await.ok();
    assert_eq!(remove("999999999999", SERIAL).await, Err(Code::NoSuchEntity));
    // Virtual devices are the API's.
    server.as_root("CreateVirtualMFADevice VirtualMFADeviceName=phone").await.ok();
    let phone = format!("arn:aws:iam::{ACCOUNT}:mfa/phone");
    assert_eq!(remove(ACCOUNT, &phone).await, Err(Code::NoSuchEntity));
    remove(ACCOUNT, SERIAL).await.unwrap();
    assert_eq!(remove(ACCOUNT, SERIAL).await, Err(Code::NoSuchEntity));
    server.clock.advance(60);
    assert_eq!(server.as_root(&enable()).await.code(), "NoSuchEntity");

    let line = server.records.wait_for(&["RemoveHardwareToken", SERIAL]).await;
    let record: serde_json::Value = serde_json::from_str(&line).unwrap();
    assert_eq!(record["additionalEventData"]["serialNumber"], SERIAL);
    assert_eq!(record["recipientAccountId"], ACCOUNT);
    let removals = server.records.lines().iter().filter(|it| it.contains("RemoveHardware")).count();
    assert_eq!(removals, 1, "what was refused is no change");
}

#[tokio::test]
async fn a_hardware_device_has_a_serial_number_and_a_strong_seed() {
    let server = TestServer::start().await;
    let long = "A".repeat(8000);
    for seed in ["", "GEZDGNBV", "GEZDGNBVGY3TQOJQ1", &"A".repeat(16), &"A".repeat(104), &long] {
        assert_eq!(add(&server, SERIAL, seed).await, Err(Code::ValidationError), "{seed}");
    }
    let arn = "arn:aws:iam::111122223333:mfa/phone";
    for serial in ["", "short", "GAHT 12345678", "GAHT12345678é", arn, &long] {
        assert_eq!(add(&server, serial, SEED).await, Err(Code::ValidationError), "{serial}");
    }
    let seed = Secret::new(SEED.to_owned());
    let nowhere = "999999999999".parse().unwrap();
    let error = server.service.add_hardware_token(nowhere, SERIAL, &seed).await.unwrap_err();
    assert_eq!(error.code(), Code::NoSuchEntity);
}
