//! What audit records say about requests and answers.

#![allow(clippy::unwrap_used, reason = "a test says what went wrong by panicking")]
#![allow(clippy::needless_pass_by_value, reason = "expectations are written in place")]

use expect_test::{Expect, expect};
use iamd_api::{Kind, Service, Shape, iam, sts};
use iamd_types::{Blob, Secret, Timestamp};
use iamd_wire::cloudtrail;
use iamd_wire::query::Parameters;
use serde::Serialize;

fn parameters(service: &Service, form: &str, expected: Expect) {
    let parameters = Parameters::parse(form.as_bytes()).unwrap();
    let operation = service.operation(parameters.action().unwrap()).unwrap();
    let mut out = Vec::new();
    cloudtrail::write_request_parameters(&mut out, &parameters, operation);
    assert_json(out, expected);
}

fn elements<T: Serialize>(service: &Service, operation: &str, output: &T, expected: Expect) {
    let operation = service.operation(operation).unwrap();
    let mut out = Vec::new();
    cloudtrail::write_response_elements(&mut out, service, operation, output).unwrap();
    assert_json(out, expected);
}

fn assert_json(out: Vec<u8>, expected: Expect) {
    let text = String::from_utf8(out).unwrap();
    serde_json::from_str::<serde_json::Value>(&text).unwrap();
    expected.assert_eq(&text);
}

fn at() -> Timestamp {
    Timestamp::parse("2024-08-01T13:33:28Z").unwrap()
}

#[test]
fn names_and_types() {
    let iam = &iam::SERVICE;
    parameters(iam, "Action=GetUser&Version=2010-05-08", expect!["null"]);
    parameters(
        iam,
        "Action=CreateRole&RoleName=r&AssumeRolePolicyDocument=%7B%22a%22%3A1%7D&\
         MaxSessionDuration=3600&Tags.member.1.Key=k&Tags.member.1.Value=v&Unknown=x",
        expect![[
            r#"{"roleName":"r","assumeRolePolicyDocument":"{\"a\":1}","maxSessionDuration":3600,"tags":[{"key":"k","value":"v"}]}"#
        ]],
    );
    parameters(
        iam,
        "Action=UpdateAccountPasswordPolicy&RequireSymbols=true&MinimumPasswordLength=x",
        expect![[r#"{"requireSymbols":true}"#]],
    );
    parameters(
        iam,
        "Action=PutAccountProperties&Properties.entry.1.key=Key&Properties.entry.1.value=v",
        expect![[r#"{"properties":{"Key":"v"}}"#]],
    );
    parameters(
        iam,
        "Action=UpdateSAMLProvider&SAMLProviderArn=arn:aws:iam::123456789012:saml-provider/x",
        expect![[r#"{"sAMLProviderArn":"arn:aws:iam::123456789012:saml-provider/x"}"#]],
    );
    parameters(
        iam,
        "Action=UntagUser&TagKeys=&UserName=u",
        expect![[r#"{"userName":"u","tagKeys":[]}"#]],
    );
}

#[test]
fn secrets_of_requests_are_left_out() {
    let iam = &iam::SERVICE;
    parameters(
        iam,
        "Action=ChangePassword&OldPassword=hunter2&NewPassword=hunter3",
        expect!["null"],
    );
    parameters(
        iam,
        "Action=CreateLoginProfile&UserName=u&Password=hunter2",
        expect![[r#"{"userName":"u"}"#]],
    );
    parameters(
        iam,
        "Action=EnableMFADevice&UserName=u&SerialNumber=s&AuthenticationCode1=123456&\
         AuthenticationCode2=123456",
        expect![[r#"{"userName":"u","serialNumber":"s"}"#]],
    );
    parameters(
        &sts::SERVICE,
        "Action=AssumeRole&RoleArn=r&RoleSessionName=s&TokenCode=123456&SerialNumber=m&\
         ExternalId=e",
        expect![[r#"{"roleArn":"r","roleSessionName":"s","externalId":"e","serialNumber":"m"}"#]],
    );
    parameters(
        &sts::SERVICE,
        "Action=AssumeRoleWithWebIdentity&RoleArn=r&RoleSessionName=s&WebIdentityToken=hunter2",
        expect![[r#"{"roleArn":"r","roleSessionName":"s"}"#]],
    );
}

#[test]
fn answers_of_writes() {
    let key = iam::AccessKey {
        user_name: "u".to_owned(),
        access_key_id: "AKIAIOSFODNN7EXAMPLE".to_owned(),
        status: iam::StatusType::Active,
        secret_access_key: Secret::new("hunter2".to_owned()),
        create_date: Some(at()),
    };
    elements(
        &iam::SERVICE,
        "CreateAccessKey",
        &iam::CreateAccessKeyResponse { access_key: key },
        expect![[
            r#"{"accessKey":{"userName":"u","accessKeyId":"AKIAIOSFODNN7EXAMPLE","status":"Active","createDate":"Aug 1, 2024 1:33:28 PM"}}"#
        ]],
    );
    let device = iam::VirtualMFADevice {
        serial_number: "s".to_owned(),
        base32_string_seed: Some(Blob(b"hunter2".to_vec())),
        qr_code_png: Some(Blob(b"hunter2".to_vec())),
        ..Default::default()
    };
    elements(
        &iam::SERVICE,
        "CreateVirtualMFADevice",
        &iam::CreateVirtualMFADeviceResponse { virtual_mfa_device: device },
        expect![[r#"{"virtualMFADevice":{"serialNumber":"s"}}"#]],
    );
    let role = iam::Role {
        assume_role_policy_document: Some("{\"a\": 1}".into()),
        tags: Some(vec![iam::Tag { key: "k".to_owned(), value: "v".to_owned() }]),
        ..Default::default()
    };
    elements(
        &iam::SERVICE,
        "CreateRole",
        &iam::CreateRoleResponse { role },
        expect![[
            r#"{"role":{"path":"","roleName":"","roleId":"","arn":"","createDate":"Jan 1, 1970 12:00:00 AM","assumeRolePolicyDocument":"%7B%22a%22%3A%201%7D","tags":[{"key":"k","value":"v"}]}}"#
        ]],
    );
}

#[test]
fn answers_with_credentials() {
    let output = sts::AssumeRoleResponse {
        credentials: Some(sts::Credentials {
            access_key_id: "ASIAIOSFODNN7EXAMPLE".to_owned(),
            secret_access_key: Secret::new("hunter2".to_owned()),
            session_token: Secret::new("hunter3".to_owned()),
            expiration: Timestamp::parse("2024-11-30T20:43:17Z").unwrap(),
        }),
        assumed_role_user: Some(sts::AssumedRoleUser {
            assumed_role_id: "AROAEXAMPLE:s".to_owned(),
            arn: "arn:aws:sts::123456789012:assumed-role/r/s".to_owned(),
        }),
        ..Default::default()
    };
    elements(
        &sts::SERVICE,
        "AssumeRole",
        &output,
        expect![[
            r#"{"credentials":{"accessKeyId":"ASIAIOSFODNN7EXAMPLE","expiration":"Nov 30, 2024, 8:43:17 PM"},"assumedRoleUser":{"assumedRoleId":"AROAEXAMPLE:s","arn":"arn:aws:sts::123456789012:assumed-role/r/s"}}"#
        ]],
    );
}

#[test]
fn reads_have_no_response_elements() {
    let output = iam::ListAccountAliasesResponse::default();
    elements(&iam::SERVICE, "ListAccountAliases", &output, expect!["null"]);
    let output = sts::GetCallerIdentityResponse::default();
    elements(&sts::SERVICE, "GetCallerIdentity", &output, expect!["null"]);
    elements(&iam::SERVICE, "DeleteUser", &(), expect!["null"]);
}

/// Every member that the model or the generator marks as a secret, by service.
#[test]
fn these_are_the_secrets() {
    fn collect(shape: &Shape, name: &str, found: &mut Vec<String>) {
        if shape.sensitive {
            found.push(name.to_owned());
        }
        match shape.kind {
            Kind::Structure(members) => {
                members.iter().for_each(|member| collect(member.shape, member.name, found));
            }
            Kind::List { member, .. } => collect(member, name, found),
            Kind::Map { value, .. } => collect(value, name, found),
            _ => {}
        }
    }
    let mut found = Vec::new();
    for operation in iam::SERVICE.operations.iter().chain(sts::SERVICE.operations) {
        for shape in [Some(operation.input), operation.output].into_iter().flatten() {
            collect(shape, "", &mut found);
        }
    }
    found.sort();
    found.dedup();
    expect!["AddPrivateKey AuthenticationCode1 AuthenticationCode2 Base32StringSeed NewPassword OldPassword Password PrivateKey QRCodePNG SAMLAssertion SecretAccessKey ServiceCredentialSecret ServicePassword SessionToken TokenCode TradeInToken WebIdentityToken"].assert_eq(&found.join(" "));
}
