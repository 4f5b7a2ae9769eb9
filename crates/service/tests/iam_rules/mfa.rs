//! MFA devices: made, assigned with two codes, taken away; and the policy that asks users for one.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use iamd_directory::{MfaDeviceFields, MfaKind, Origin, Transaction};
use iamd_testkit::{Credentials, Device, TestServer};
use iamd_types::Clock;

use super::{all_refused, given, root};

const DEVICE: &str = "arn:aws:iam::111122223333:mfa/phone";

async fn enable(server: &TestServer, user: &str, device: &Device, steps: (i64, i64)) -> String {
    let line = format!(
        "EnableMFADevice UserName={user} SerialNumber={} AuthenticationCode1={} AuthenticationCode2={}",
        device.serial,
        device.code(server, steps.0),
        device.code(server, steps.1),
    );
    server.as_root(&line).await.code()
}

/// What an authenticator application reads in a picture.
fn scanned(picture: &[u8]) -> String {
    let mut reader = png::Decoder::new(std::io::Cursor::new(picture)).read_info().unwrap();
    let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
    let info = reader.next_frame(&mut pixels).unwrap();
    let (width, height) = (info.width as usize, info.height as usize);
    let at = |x: usize, y: usize| pixels[y * width + x];
    let mut prepared = rqrr::PreparedImage::prepare_from_greyscale(width, height, at);
    let grids = prepared.detect_grids();
    let [grid] = grids.as_slice() else { panic!("{} codes", grids.len()) };
    grid.decode().unwrap().1
}

async fn with_alice() -> TestServer {
    let server = TestServer::start().await;
    given(&server, "CreateUser UserName=alice\nCreateUser UserName=bob").await;
    server
}

#[tokio::test]
async fn a_device_is_shown_with_its_seed_once() {
    let server = with_alice().await;
    let line = "CreateVirtualMFADevice VirtualMFADeviceName=phone";
    let created = root(&server, line).await.ok();
    let members = ["SerialNumber", "Base32StringSeed", "QRCodePNG"];
    assert_eq!(created.members("VirtualMFADevice"), members);
    assert_eq!(created.text("SerialNumber"), DEVICE);
    let seed = STANDARD.decode(created.text("Base32StringSeed")).unwrap();
    assert_eq!(seed.len(), 64);
    let picture = STANDARD.decode(created.text("QRCodePNG")).unwrap();
    let seed_text = std::str::from_utf8(&seed).unwrap();
    assert_eq!(scanned(&picture), format!("otpauth://totp/phone@111122223333?secret={seed_text}"));
    let recorded = server.records.wait_for(&["CreateVirtualMFADevice"]).await;
    assert!(!recorded.contains(std::str::from_utf8(&seed).unwrap()));
    assert!(!recorded.contains("QRCode"), "{recorded}");
    all_refused(&server, "EntityAlreadyExists", "MFA device already exists.", line).await;

    let listed = root(&server, "ListVirtualMFADevices").await.ok();
    assert_eq!(listed.members("member"), ["SerialNumber"]);
    let device = Device::of(&created);
    assert_eq!(enable(&server, "alice", &device, (-1, 0)).await, "");
    let listed = root(&server, "ListVirtualMFADevices AssignmentStatus=Assigned").await.ok();
    assert_eq!(listed.members("member"), ["SerialNumber", "User", "EnableDate"]);
    assert_eq!(listed.text("UserName"), "alice");
    let listed = root(&server, "ListVirtualMFADevices AssignmentStatus=Unassigned").await.ok();
    assert_eq!(listed.texts("SerialNumber"), Vec::<String>::new());

    let listed = root(&server, "ListMFADevices UserName=alice").await.ok();
    assert_eq!(listed.members("member"), ["UserName", "SerialNumber", "EnableDate"]);
    let line = format!("GetMFADevice SerialNumber={DEVICE} UserName=alice");
    let got = root(&server, &line).await.ok();
    assert_eq!(got.members("GetMFADeviceResult"), ["UserName", "SerialNumber", "EnableDate"]);
    let message = format!("MFA Device with serial number {DEVICE} does not exist.");
    let line = format!("GetMFADevice SerialNumber={DEVICE} UserName=bob");
    all_refused(&server, "NoSuchEntity", &message, &line).await;
}

/// Security keys are registered in the console; the API lists them and takes them away.
#[tokio::test]
async fn a_security_key_is_listed_and_shows_no_codes() {
    let server = with_alice().await;
    let serial = "arn:aws:iam::111122223333:u2f/user/alice/key-A1B2C3";
    let account = "111122223333".parse().unwrap();
    let work = |tx: &mut Transaction| {
        let user = tx.user("alice")?.id();
        let kind = MfaKind::SecurityKey;
        let fields = MfaDeviceFields::unassigned(serial.to_owned(), kind, tx.now(), Vec::new());
        let fields = MfaDeviceFields { enabled: Some(tx.now()), user: Some(user), ..fields };
        tx.put_credential(&fields.pack());
        Ok(())
    };
    let origin = Origin { now: server.clock.now(), seed: [7; 32] };
    server.service.directory().write(account, origin, work).await.unwrap();

    let listed = root(&server, "ListMFADevices UserName=alice").await.ok();
    assert_eq!(listed.texts("SerialNumber"), [serial]);
    assert_eq!(listed.text("EnableDate"), "2026-02-12T09:30:00Z");
    let listed = root(&server, "ListVirtualMFADevices").await.ok();
    assert_eq!(listed.texts("SerialNumber"), Vec::<String>::new());
    let alice = server.key_of("alice").await;
    let line = format!("sts:GetSessionToken SerialNumber={serial} TokenCode=123456");
    server.ask(&alice, &line).await.refused("AccessDenied");
    let line = format!(
        "ResyncMFADevice UserName=alice SerialNumber={serial} AuthenticationCode1=123456 AuthenticationCode2=234567"
    );
    assert_ne!(root(&server, &line).await.status, 200);
    let deactivate = format!("DeactivateMFADevice UserName=alice SerialNumber={serial}");
    root(&server, &deactivate).await.ok();
    let listed = root(&server, "ListMFADevices UserName=alice").await.ok();
    assert_eq!(listed.texts("SerialNumber"), Vec::<String>::new());
    root(&server, &deactivate).await.refused("NoSuchEntity");
}

#[tokio::test]
async fn two_consecutive_codes_assign_a_device() {
    let server = with_alice().await;
    let phone = server.new_device(&server.root, "phone").await;
    for wrong in [(0, 0), (0, -1), (-2, 0), (-30, -29)] {
        let code = enable(&server, "alice", &phone, wrong).await;
        assert_eq!(code, "InvalidAuthenticationCode", "{wrong:?}");
    }
    assert_eq!(enable(&server, "alice", &phone, (-3, -2)).await, "");
    let message = "MFA Device is already in use.";
    let line = format!(
        "EnableMFADevice UserName=bob SerialNumber={DEVICE} AuthenticationCode1=000000 AuthenticationCode2=000000"
    );
    all_refused(&server, "EntityAlreadyExists", message, &line).await;

    // Hardware devices whose seeds nobody told the server are not there.
    let message = "MFA Device with serial number GAHT12345678 does not exist.";
    let line = "EnableMFADevice UserName=bob SerialNumber=GAHT12345678 AuthenticationCode1=000000 AuthenticationCode2=000000";
    all_refused(&server, "NoSuchEntity", message, line).await;
}

#[tokio::test]
async fn guessing_ends_after_five_wrong_codes() {
    let server = with_alice().await;
    let phone = server.new_device(&server.root, "phone").await;
    for _ in 0..5 {
        assert_eq!(enable(&server, "alice", &phone, (0, 0)).await, "InvalidAuthenticationCode");
    }
    assert_eq!(enable(&server, "alice", &phone, (-1, 0)).await, "Throttling");
    server.clock.advance(30);
    assert_eq!(enable(&server, "alice", &phone, (-1, 0)).await, "");
}

#[tokio::test]
async fn a_clock_that_is_off_is_followed() {
    let server = with_alice().await;
    let phone = server.device_of(&server.root, "alice").await;
    let alice = server.key_of("alice").await;
    let token = async |steps| {
        let line = format!(
            "sts:GetSessionToken SerialNumber={} TokenCode={}",
            phone.serial,
            phone.code(&server, steps)
        );
        server.ask(&alice, &line).await.code()
    };
    assert_eq!(token(100).await, "AccessDenied");
    let line = format!(
        "ResyncMFADevice UserName=alice SerialNumber={} AuthenticationCode1={} AuthenticationCode2={}",
        phone.serial,
        phone.code(&server, 100),
        phone.code(&server, 101),
    );
    root(&server, &line).await.ok();
    root(&server, &line).await.refused("InvalidAuthenticationCode");
    assert_eq!(token(101).await, "AccessDenied");
    assert_eq!(token(102).await, "");
}

#[tokio::test]
async fn a_user_has_eight_devices_at_most() {
    let server = with_alice().await;
    for at in 0..8 {
        let device = server.new_device(&server.root, &format!("d{at}")).await;
        assert_eq!(enable(&server, "alice", &device, (-1, 0)).await, "");
    }
    let ninth = server.new_device(&server.root, "ninth").await;
    assert_eq!(enable(&server, "alice", &ninth, (-1, 0)).await, "LimitExceeded");
    let summary = root(&server, "GetAccountSummary").await.ok();
    let of = |name: &str| {
        let (keys, values) = (summary.texts("key"), summary.texts("value"));
        let at = keys.iter().position(|key| key == name).unwrap();
        values[at].clone()
    };
    assert_eq!((of("MFADevices"), of("MFADevicesInUse")), ("9".into(), "8".into()));
    assert_eq!(of("AccountMFAEnabled"), "0");
}

#[tokio::test]
async fn the_root_user_names_itself_by_the_account() {
    let server = with_alice().await;
    let device = server.new_device(&server.root, "root-account-mfa-device").await;
    assert_eq!(device.serial, "arn:aws:iam::111122223333:mfa/root-account-mfa-device");
    assert_eq!(enable(&server, "111122223333", &device, (-1, 0)).await, "");
    let listed = root(&server, "ListMFADevices").await.ok();
    assert_eq!(listed.texts("SerialNumber"), std::slice::from_ref(&device.serial));
    let listed = root(&server, "ListVirtualMFADevices").await.ok();
    assert_eq!(listed.text("Arn"), "arn:aws:iam::111122223333:root");
    let summary = root(&server, "GetAccountSummary").await.ok();
    assert!(summary.body.contains("<key>AccountMFAEnabled</key><value>1</value>"));
    let line = format!(
        "sts:GetSessionToken SerialNumber={} TokenCode={}",
        device.serial,
        device.code(&server, 1)
    );
    root(&server, &line).await.ok();
    root(&server, &format!("DeactivateMFADevice SerialNumber={}", device.serial)).await.ok();
    root(&server, &format!("DeleteVirtualMFADevice SerialNumber={}", device.serial)).await.ok();
}

#[tokio::test]
async fn a_device_goes_before_its_user() {
    let server = with_alice().await;
    let phone = server.device_of(&server.root, "alice").await;
    let conflict = "Cannot delete entity, must delete MFA device first.";
    all_refused(&server, "DeleteConflict", conflict, "DeleteUser UserName=alice").await;
    let delete = format!("DeleteVirtualMFADevice SerialNumber={}", phone.serial);
    let conflict = "MFA VirtualDevice in use. Must deactivate first.";
    all_refused(&server, "DeleteConflict", conflict, &delete).await;
    let deactivate =
        |user| format!("DeactivateMFADevice UserName={user} SerialNumber={}", phone.serial);
    let message = format!("MFA Device with serial number {} does not exist.", phone.serial);
    all_refused(&server, "NoSuchEntity", &message, &deactivate("bob")).await;
    given(&server, &deactivate("alice")).await;
    all_refused(&server, "NoSuchEntity", &message, &deactivate("alice")).await;
    // The device can be used again, but not a code that it showed before.
    assert_eq!(enable(&server, "bob", &phone, (-2, -1)).await, "InvalidAuthenticationCode");
    assert_eq!(enable(&server, "bob", &phone, (-1, 0)).await, "");
    given(&server, &format!("{}\n{delete}\nDeleteUser UserName=alice", deactivate("bob"))).await;
    all_refused(&server, "NoSuchEntity", &message, &delete).await;
}

/// The statements of AWS's example policy "Allows MFA-authenticated IAM users to manage their own
/// credentials" that are about MFA, in the order of that page.
const FORCE_MFA: &str = r#"{"Version":"2012-10-17","Statement":[
{"Effect":"Allow","Action":["iam:ListVirtualMFADevices"],"Resource":"*"},
{"Effect":"Allow","Action":"iam:*AccessKey*","Resource":"arn:aws:iam::*:user/${aws:username}"},
{"Effect":"Allow","Action":"iam:CreateVirtualMFADevice","Resource":"arn:aws:iam::*:mfa/*"},
{"Effect":"Allow","Action":["iam:DeactivateMFADevice","iam:EnableMFADevice","iam:GetMFADevice","iam:ListMFADevices","iam:ResyncMFADevice"],"Resource":"arn:aws:iam::*:user/${aws:username}"},
{"Effect":"Deny","NotAction":["iam:CreateVirtualMFADevice","iam:EnableMFADevice","iam:GetMFADevice","iam:ListMFADevices","iam:ListVirtualMFADevices","iam:ResyncMFADevice","sts:GetSessionToken"],"Resource":"*","Condition":{"BoolIfExists":{"aws:MultiFactorAuthPresent":"false"}}}]}"#;

#[tokio::test]
async fn the_policy_that_forces_mfa_works() {
    let server = with_alice().await;
    let alice = server.key_of("alice").await;
    // In one word, for the lines of these tests.
    let document: String = FORCE_MFA.split_whitespace().collect();
    given(
        &server,
        &format!("PutUserPolicy UserName=alice PolicyName=force PolicyDocument={document}"),
    )
    .await;
    server.ask(&alice, "ListAccessKeys").await.refused("AccessDenied");
    // She gets herself a device …
    let phone = server.new_device(&alice, "alice").await;
    let line = format!(
        "EnableMFADevice UserName=alice SerialNumber={} AuthenticationCode1={} AuthenticationCode2={}",
        phone.serial,
        phone.code(&server, -1),
        phone.code(&server, 0)
    );
    server.ask(&alice, &line).await.ok();
    server
        .ask(&alice, &line.replace("UserName=alice", "UserName=bob"))
        .await
        .refused("AccessDenied");
    // … which alone changes nothing: the request has to come with it.
    server.ask(&alice, "ListAccessKeys").await.refused("AccessDenied");
    let line = format!("DeactivateMFADevice UserName=alice SerialNumber={}", phone.serial);
    server.ask(&alice, &line).await.refused("AccessDenied");
    let plain = Credentials::of(&server.ask(&alice, "sts:GetSessionToken").await.ok());
    server.ask(&plain, "ListAccessKeys").await.refused("InvalidClientTokenId");

    server.clock.advance(30);
    let ask = format!(
        "sts:GetSessionToken SerialNumber={} TokenCode={}",
        phone.serial,
        phone.code(&server, 0)
    );
    let session = Credentials::of(&server.ask(&alice, &ask).await.ok());
    server.ask(&session, "ListAccessKeys").await.ok();
    server.ask(&session, &line).await.ok();
}
