//! Answers in XML and JSON, and error envelopes.

#![allow(clippy::unwrap_used, reason = "a test says what went wrong by panicking")]
#![allow(clippy::needless_pass_by_value, reason = "expectations are written in place")]

use std::collections::BTreeMap;

use expect_test::{Expect, expect};
use iamd_api::{Service, iam, sts};
use iamd_types::{Blob, Code, Error, Secret, Timestamp};
use iamd_wire::{json, xml};
use serde::Serialize;

const ID: &str = "f1a2b3c4-0000-4000-8000-123456789abc";

fn created() -> Timestamp {
    Timestamp::from_millis(1_770_888_600_999)
}

fn xml<T: Serialize>(service: &Service, operation: &str, output: &T) -> String {
    let mut out = b"kept ".to_vec();
    let operation = service.operation(operation).unwrap();
    xml::write_response(&mut out, service, operation, ID, output).unwrap();
    let text = String::from_utf8(out).unwrap();
    text.strip_prefix("kept ").unwrap().to_owned()
}

/// The result element of an answer.
fn check<T: Serialize>(operation: &str, output: &T, expected: Expect) {
    let text = xml(&iam::SERVICE, operation, output);
    let (_, result) = text.split_once("/\">").unwrap();
    let (result, _) = result.split_once("<ResponseMetadata>").unwrap();
    expected.assert_eq(result);
}

fn json<T: Serialize>(operation: &str, output: &T, expected: Expect) {
    let mut out = Vec::new();
    let operation = sts::SERVICE.operation(operation).unwrap();
    json::write_response(&mut out, operation, ID, output).unwrap();
    let text = String::from_utf8(out).unwrap();
    serde_json::from_str::<serde_json::Value>(&text).unwrap();
    expected.assert_eq(&text);
}

fn user() -> iam::User {
    iam::User {
        path: "/".to_owned(),
        user_name: "alice".to_owned(),
        user_id: "AIDAEXAMPLEEXAMPLEEXA".to_owned(),
        arn: "arn:aws:iam::123456789012:user/alice".to_owned(),
        create_date: created(),
        ..Default::default()
    }
}

fn credentials() -> sts::Credentials {
    sts::Credentials {
        access_key_id: "ASIAIOSFODNN7EXAMPLE".to_owned(),
        secret_access_key: Secret::new("s/e+cret".to_owned()),
        session_token: Secret::new("token==".to_owned()),
        expiration: created(),
    }
}

#[test]
fn the_frame() {
    let output = iam::GetUserResponse { user: user() };
    expect![[r#"<GetUserResponse xmlns="https://iam.amazonaws.com/doc/2010-05-08/"><GetUserResult><User><Path>/</Path><UserName>alice</UserName><UserId>AIDAEXAMPLEEXAMPLEEXA</UserId><Arn>arn:aws:iam::123456789012:user/alice</Arn><CreateDate>2026-02-12T09:30:00Z</CreateDate></User></GetUserResult><ResponseMetadata><RequestId>f1a2b3c4-0000-4000-8000-123456789abc</RequestId></ResponseMetadata></GetUserResponse>"#]].assert_eq(&xml(&iam::SERVICE, "GetUser", &output));
    let mut out = Vec::new();
    let operation = iam::SERVICE.operation("DeleteUser").unwrap();
    xml::write_empty_response(&mut out, &iam::SERVICE, operation, ID);
    expect![[r#"<DeleteUserResponse xmlns="https://iam.amazonaws.com/doc/2010-05-08/"><ResponseMetadata><RequestId>f1a2b3c4-0000-4000-8000-123456789abc</RequestId></ResponseMetadata></DeleteUserResponse>"#]].assert_eq(&String::from_utf8(out).unwrap());
}

#[test]
fn lists_present_and_empty() {
    let mut profile = iam::InstanceProfile { tags: Some(Vec::new()), ..Default::default() };
    check(
        "GetInstanceProfile",
        &iam::GetInstanceProfileResponse { instance_profile: profile.clone() },
        expect![
            "<GetInstanceProfileResult><InstanceProfile><Path/><InstanceProfileName/><InstanceProfileId/><Arn/><CreateDate>1970-01-01T00:00:00Z</CreateDate><Roles/><Tags/></InstanceProfile></GetInstanceProfileResult>"
        ],
    );
    profile.tags = None;
    let tag = |key: &str| iam::Tag { key: key.to_owned(), value: String::new() };
    let user = iam::User { tags: Some(vec![tag("a"), tag("b")]), ..user() };
    check(
        "GetUser",
        &iam::GetUserResponse { user },
        expect![
            "<GetUserResult><User><Path>/</Path><UserName>alice</UserName><UserId>AIDAEXAMPLEEXAMPLEEXA</UserId><Arn>arn:aws:iam::123456789012:user/alice</Arn><CreateDate>2026-02-12T09:30:00Z</CreateDate><Tags><member><Key>a</Key><Value/></member><member><Key>b</Key><Value/></member></Tags></User></GetUserResult>"
        ],
    );
    check(
        "CreateInstanceProfile",
        &iam::CreateInstanceProfileResponse { instance_profile: profile },
        expect![
            "<CreateInstanceProfileResult><InstanceProfile><Path/><InstanceProfileName/><InstanceProfileId/><Arn/><CreateDate>1970-01-01T00:00:00Z</CreateDate><Roles/></InstanceProfile></CreateInstanceProfileResult>"
        ],
    );
}

#[test]
fn an_empty_structure_is_sent() {
    let role = iam::Role {
        assume_role_policy_document: Some("{\"Version\": \"2012-10-17\"}".into()),
        role_last_used: Some(iam::RoleLastUsed::default()),
        max_session_duration: Some(3600),
        ..Default::default()
    };
    check(
        "GetRole",
        &iam::GetRoleResponse { role },
        expect![
            "<GetRoleResult><Role><Path/><RoleName/><RoleId/><Arn/><CreateDate>1970-01-01T00:00:00Z</CreateDate><AssumeRolePolicyDocument>%7B%22Version%22%3A%20%222012-10-17%22%7D</AssumeRolePolicyDocument><MaxSessionDuration>3600</MaxSessionDuration><RoleLastUsed/></Role></GetRoleResult>"
        ],
    );
}

#[test]
fn maps_blobs_booleans_and_enums() {
    let summary = BTreeMap::from([("Users".to_owned(), 2), ("UsersQuota".to_owned(), 5000)]);
    check(
        "GetAccountSummary",
        &iam::GetAccountSummaryResponse { summary_map: Some(summary) },
        expect![
            "<GetAccountSummaryResult><SummaryMap><entry><key>Users</key><value>2</value></entry><entry><key>UsersQuota</key><value>5000</value></entry></SummaryMap></GetAccountSummaryResult>"
        ],
    );
    let device = iam::VirtualMFADevice {
        serial_number: "arn:aws:iam::123456789012:mfa/a".to_owned(),
        base32_string_seed: Some(Blob(b"SEED".to_vec())),
        ..Default::default()
    };
    check(
        "CreateVirtualMFADevice",
        &iam::CreateVirtualMFADeviceResponse { virtual_mfa_device: device },
        expect![
            "<CreateVirtualMFADeviceResult><VirtualMFADevice><SerialNumber>arn:aws:iam::123456789012:mfa/a</SerialNumber><Base32StringSeed>U0VFRA==</Base32StringSeed></VirtualMFADevice></CreateVirtualMFADeviceResult>"
        ],
    );
    let keys = iam::ListAccessKeysResponse {
        access_key_metadata: vec![iam::AccessKeyMetadata {
            status: Some(iam::StatusType::Inactive),
            ..Default::default()
        }],
        is_truncated: Some(false),
        marker: None,
    };
    check(
        "ListAccessKeys",
        &keys,
        expect![
            "<ListAccessKeysResult><AccessKeyMetadata><member><Status>Inactive</Status></member></AccessKeyMetadata><IsTruncated>false</IsTruncated></ListAccessKeysResult>"
        ],
    );
}

#[test]
fn text_is_escaped() {
    let user = iam::User { user_name: "<&\">\r\u{1}é".to_owned(), ..user() };
    check(
        "GetUser",
        &iam::GetUserResponse { user },
        expect![
            "<GetUserResult><User><Path>/</Path><UserName>&lt;&amp;&quot;&gt;&#xD;�é</UserName><UserId>AIDAEXAMPLEEXAMPLEEXA</UserId><Arn>arn:aws:iam::123456789012:user/alice</Arn><CreateDate>2026-02-12T09:30:00Z</CreateDate></User></GetUserResult>"
        ],
    );
}

#[test]
fn errors_in_xml() {
    let xml = |error: &Error| {
        let mut out = Vec::new();
        xml::write_error(&mut out, iam::SERVICE.xml_namespace, error, ID);
        String::from_utf8(out).unwrap()
    };
    let error = Error::validation("Value '<x>' at 'y'");
    expect![[r#"<ErrorResponse xmlns="https://iam.amazonaws.com/doc/2010-05-08/"><Error><Type>Sender</Type><Code>ValidationError</Code><Message>Value '&lt;x&gt;' at 'y'</Message></Error><RequestId>f1a2b3c4-0000-4000-8000-123456789abc</RequestId></ErrorResponse>"#]].assert_eq(&xml(&error));
    expect![[r#"<ErrorResponse xmlns="https://iam.amazonaws.com/doc/2010-05-08/"><Error><Type>Sender</Type><Code>ReportNotPresent</Code></Error><RequestId>f1a2b3c4-0000-4000-8000-123456789abc</RequestId></ErrorResponse>"#]].assert_eq(&xml(&Error::new(Code::ReportNotPresent, "")));
    expect![[r#"<ErrorResponse xmlns="https://iam.amazonaws.com/doc/2010-05-08/"><Error><Type>Receiver</Type><Code>ServiceUnavailable</Code><Message>later</Message></Error><RequestId>f1a2b3c4-0000-4000-8000-123456789abc</RequestId></ErrorResponse>"#]].assert_eq(&xml(&Error::new(Code::ServiceUnavailable, "later")));
}

#[test]
fn sts_in_json() {
    let identity = sts::GetCallerIdentityResponse {
        user_id: Some("AIDAEXAMPLE".to_owned()),
        account: Some("123456789012".to_owned()),
        arn: Some("arn:aws:iam::123456789012:user/a\"b".to_owned()),
    };
    json(
        "GetCallerIdentity",
        &identity,
        expect![[
            r#"{"GetCallerIdentityResponse":{"GetCallerIdentityResult":{"UserId":"AIDAEXAMPLE","Account":"123456789012","Arn":"arn:aws:iam::123456789012:user/a\"b"},"ResponseMetadata":{"RequestId":"f1a2b3c4-0000-4000-8000-123456789abc"}}}"#
        ]],
    );
    let session =
        sts::GetSessionTokenResponse { credentials: Some(credentials()), ..Default::default() };
    json(
        "GetSessionToken",
        &session,
        expect![[
            r#"{"GetSessionTokenResponse":{"GetSessionTokenResult":{"Credentials":{"AccessKeyId":"ASIAIOSFODNN7EXAMPLE","SecretAccessKey":"s/e+cret","SessionToken":"token==","Expiration":1770888600.999}},"ResponseMetadata":{"RequestId":"f1a2b3c4-0000-4000-8000-123456789abc"}}}"#
        ]],
    );
    json(
        "GetCallerIdentity",
        &sts::GetCallerIdentityResponse::default(),
        expect![[
            r#"{"GetCallerIdentityResponse":{"GetCallerIdentityResult":{},"ResponseMetadata":{"RequestId":"f1a2b3c4-0000-4000-8000-123456789abc"}}}"#
        ]],
    );
    let mut out = Vec::new();
    json::write_error(&mut out, &Error::new(Code::ExpiredToken, "The \"token\""), ID);
    expect![[r#"{"Error":{"Code":"ExpiredToken","Message":"The \"token\"","Type":"Sender"},"RequestId":"f1a2b3c4-0000-4000-8000-123456789abc"}"#]].assert_eq(&String::from_utf8(out).unwrap());
    let mut out = Vec::new();
    json::write_empty_response(&mut out, sts::SERVICE.operation("AssumeRole").unwrap(), ID);
    expect![[r#"{"AssumeRoleResponse":{"ResponseMetadata":{"RequestId":"f1a2b3c4-0000-4000-8000-123456789abc"}}}"#]].assert_eq(&String::from_utf8(out).unwrap());
}

#[test]
fn json_is_asked_for_by_name() {
    for accept in ["application/json", "text/xml, application/JSON;q=0.5", " application/json "] {
        assert!(json::is_asked_for(accept), "{accept}");
    }
    for accept in ["", "*/*", "text/xml", "application/json;q=0", "application/json5"] {
        assert!(!json::is_asked_for(accept), "{accept}");
    }
}

#[test]
fn an_answer_that_cannot_be_written_leaves_nothing_behind() {
    let operation = iam::SERVICE.operation("GetUser").unwrap();
    let mut out = b"kept".to_vec();
    xml::write_response(&mut out, &iam::SERVICE, operation, ID, &(1.5, 2)).unwrap_err();
    json::write_response(&mut out, operation, ID, &1.5).unwrap_err();
    assert_eq!(out, b"kept");
}
