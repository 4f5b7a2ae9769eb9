//! The JSON of records: CloudTrail's members, in its order, for each kind of caller.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a failing test may panic")]

use expect_test::{Expect, expect};
use iamd_audit::{
    Category, EventId, EventType, Federated, IssuerType, LINE_LIMIT, Part, Principal, Record,
    Resource, SessionContext, SessionIssuer, TlsDetails, UserIdentity, outbox,
};
use iamd_types::{AccountId, Timestamp};
use proptest::prelude::*;
use serde_json::{Value, json};

const NOW: Timestamp = Timestamp::from_seconds(1_770_888_600);

fn account() -> AccountId {
    AccountId::from_number(123_456_789_012).unwrap()
}

fn record(user_identity: UserIdentity<'_>) -> Record<'_> {
    Record {
        user_identity,
        event_time: NOW,
        service: "iam",
        event_name: "GetUser",
        aws_region: "us-east-1",
        source_ip_address: "192.0.2.7",
        user_agent: Some("aws-cli/2.17"),
        error_code: None,
        error_message: None,
        request_parameters: Some(json!({"userName": "alice"}).into()),
        response_elements: None,
        additional_event_data: None,
        request_id: EventId::from_bytes(0x8f1c8f4e_0001_4a70_9f4b_000000000001u128.to_be_bytes()),
        event_id: EventId::from_bytes([0x11; 16]),
        read_only: true,
        resources: Vec::new(),
        event_type: EventType::AwsApiCall,
        recipient_account_id: account(),
        shared_event_id: None,
        event_category: Category::Management,
        tls_details: None,
        session_credential_from_console: false,
    }
}

fn alice() -> Principal<'static> {
    Principal {
        principal_id: "AIDAQNZGKIQY56JQ7WML2",
        arn: "arn:aws:iam::123456789012:user/alice",
        account: account(),
        access_key_id: Some("AKIAQNZGKIQY56JQ7WML"),
        user_name: Some("alice"),
        session: None,
        invoked_by: None,
    }
}

fn session(issuer: Option<SessionIssuer<'static>>) -> SessionContext<'static> {
    SessionContext {
        issuer,
        federated_provider: None,
        created: NOW,
        mfa_authenticated: false,
        source_identity: None,
    }
}

fn reader_role() -> SessionIssuer<'static> {
    SessionIssuer {
        issuer_type: IssuerType::Role,
        principal_id: "AROAQNZGKIQY56JQ7WML2",
        arn: "arn:aws:iam::123456789012:role/team/reader",
        account: account(),
        user_name: Some("reader"),
    }
}

fn line(record: &Record<'_>) -> String {
    String::from_utf8(record.to_line()).unwrap()
}

/// Checks `userIdentity` alone, and that the line as a whole is JSON.
fn check_identity(identity: UserIdentity<'_>, expected: &Expect) {
    let line = line(&record(identity));
    serde_json::from_str::<Value>(&line).unwrap();
    let (_, rest) = line.split_once(r#""userIdentity":"#).unwrap();
    let (identity, _) = rest.split_once(r#","eventTime""#).unwrap();
    expected.assert_eq(identity);
}

#[test]
fn a_read() {
    expect![[r#"{"eventVersion":"1.09","userIdentity":{"type":"IAMUser","principalId":"AIDAQNZGKIQY56JQ7WML2","arn":"arn:aws:iam::123456789012:user/alice","accountId":"123456789012","accessKeyId":"AKIAQNZGKIQY56JQ7WML","userName":"alice"},"eventTime":"2026-02-12T09:30:00Z","eventSource":"iam.amazonaws.com","eventName":"GetUser","awsRegion":"us-east-1","sourceIPAddress":"192.0.2.7","userAgent":"aws-cli/2.17","requestParameters":{"userName":"alice"},"responseElements":null,"requestID":"8f1c8f4e-0001-4a70-9f4b-000000000001","eventID":"11111111-1111-1111-1111-111111111111","readOnly":true,"eventType":"AwsApiCall","managementEvent":true,"recipientAccountId":"123456789012","eventCategory":"Management"}"#]]
        .assert_eq(&line(&record(UserIdentity::IamUser(alice()))));
}

#[test]
fn everything_there_can_be() {
    let mut record = record(UserIdentity::AwsAccount {
        principal_id: "AROAQNZGKIQY56JQ7WML2:alice",
        account: AccountId::from_number(42).unwrap(),
    });
    record.service = "sts";
    record.event_name = "AssumeRole";
    record.error_code = Some("AccessDenied");
    record.error_message = Some("not \"allowed\"\n");
    record.request_parameters = None;
    record.response_elements = Some(json!({"packedPolicySize": 6}).into());
    record.additional_event_data = Some(json!({"MFAUsed": "No"}).into());
    record.resources = vec![Resource {
        arn: "arn:aws:iam::123456789012:role/reader",
        account: account(),
        resource_type: "AWS::IAM::Role",
    }];
    record.event_type = EventType::AwsServiceEvent;
    record.shared_event_id = Some(EventId::from_bytes([0x22; 16]));
    record.event_category = Category::Data;
    record.tls_details = Some(TlsDetails {
        tls_version: "TLSv1.3",
        cipher_suite: "TLS_AES_128_GCM_SHA256",
        client_provided_host_header: "localhost:4260",
    });
    record.session_credential_from_console = true;
    expect![[r#"{"eventVersion":"1.08","userIdentity":{"type":"AWSAccount","principalId":"AROAQNZGKIQY56JQ7WML2:alice","accountId":"000000000042"},"eventTime":"2026-02-12T09:30:00Z","eventSource":"sts.amazonaws.com","eventName":"AssumeRole","awsRegion":"us-east-1","sourceIPAddress":"192.0.2.7","userAgent":"aws-cli/2.17","errorCode":"AccessDenied","errorMessage":"not \"allowed\"\n","requestParameters":null,"responseElements":{"packedPolicySize":6},"additionalEventData":{"MFAUsed":"No"},"requestID":"8f1c8f4e-0001-4a70-9f4b-000000000001","eventID":"11111111-1111-1111-1111-111111111111","readOnly":true,"resources":[{"ARN":"arn:aws:iam::123456789012:role/reader","accountId":"123456789012","type":"AWS::IAM::Role"}],"eventType":"AwsServiceEvent","managementEvent":false,"recipientAccountId":"123456789012","sharedEventID":"22222222-2222-2222-2222-222222222222","eventCategory":"Data","tlsDetails":{"tlsVersion":"TLSv1.3","cipherSuite":"TLS_AES_128_GCM_SHA256","clientProvidedHostHeader":"localhost:4260"},"sessionCredentialFromConsole":"true"}"#]]
        .assert_eq(&line(&record));
}

#[test]
fn root() {
    let root = Principal {
        principal_id: "123456789012",
        arn: "arn:aws:iam::123456789012:root",
        user_name: None,
        ..alice()
    };
    check_identity(
        UserIdentity::Root(root.clone()),
        &expect![[
            r#"{"type":"Root","principalId":"123456789012","arn":"arn:aws:iam::123456789012:root","accountId":"123456789012","accessKeyId":"AKIAQNZGKIQY56JQ7WML"}"#
        ]],
    );
    check_identity(
        UserIdentity::Root(Principal { user_name: Some("my-alias"), access_key_id: None, ..root }),
        &expect![[
            r#"{"type":"Root","principalId":"123456789012","arn":"arn:aws:iam::123456789012:root","accountId":"123456789012","userName":"my-alias"}"#
        ]],
    );
}

#[test]
fn a_user_with_temporary_credentials() {
    let session = SessionContext { mfa_authenticated: true, ..session(None) };
    let user = Principal {
        access_key_id: Some("ASIAQNZGKIQY56JQ7WML"),
        session: Some(session),
        invoked_by: Some("signin.amazonaws.com"),
        ..alice()
    };
    check_identity(
        UserIdentity::IamUser(user),
        &expect![[
            r#"{"type":"IAMUser","principalId":"AIDAQNZGKIQY56JQ7WML2","arn":"arn:aws:iam::123456789012:user/alice","accountId":"123456789012","accessKeyId":"ASIAQNZGKIQY56JQ7WML","userName":"alice","sessionContext":{"sessionIssuer":{},"webIdFederationData":{},"attributes":{"creationDate":"2026-02-12T09:30:00Z","mfaAuthenticated":"true"}},"invokedBy":"signin.amazonaws.com"}"#
        ]],
    );
}

#[test]
fn an_assumed_role() {
    let role = Principal {
        principal_id: "AROAQNZGKIQY56JQ7WML2:alice",
        arn: "arn:aws:sts::123456789012:assumed-role/reader/alice",
        access_key_id: Some("ASIAQNZGKIQY56JQ7WML"),
        user_name: None,
        session: Some(session(Some(reader_role()))),
        ..alice()
    };
    check_identity(
        UserIdentity::AssumedRole(role.clone()),
        &expect![[
            r#"{"type":"AssumedRole","principalId":"AROAQNZGKIQY56JQ7WML2:alice","arn":"arn:aws:sts::123456789012:assumed-role/reader/alice","accountId":"123456789012","accessKeyId":"ASIAQNZGKIQY56JQ7WML","sessionContext":{"sessionIssuer":{"type":"Role","principalId":"AROAQNZGKIQY56JQ7WML2","arn":"arn:aws:iam::123456789012:role/team/reader","accountId":"123456789012","userName":"reader"},"webIdFederationData":{},"attributes":{"creationDate":"2026-02-12T09:30:00Z","mfaAuthenticated":"false"}}}"#
        ]],
    );
    let session = SessionContext {
        federated_provider: Some("arn:aws:iam::123456789012:oidc-provider/example.com"),
        source_identity: Some("alice@example.com"),
        ..session(Some(reader_role()))
    };
    check_identity(
        UserIdentity::AssumedRole(Principal { session: Some(session), ..role }),
        &expect![[
            r#"{"type":"AssumedRole","principalId":"AROAQNZGKIQY56JQ7WML2:alice","arn":"arn:aws:sts::123456789012:assumed-role/reader/alice","accountId":"123456789012","accessKeyId":"ASIAQNZGKIQY56JQ7WML","sessionContext":{"sessionIssuer":{"type":"Role","principalId":"AROAQNZGKIQY56JQ7WML2","arn":"arn:aws:iam::123456789012:role/team/reader","accountId":"123456789012","userName":"reader"},"webIdFederationData":{"federatedProvider":"arn:aws:iam::123456789012:oidc-provider/example.com","attributes":{}},"attributes":{"creationDate":"2026-02-12T09:30:00Z","mfaAuthenticated":"false"},"sourceIdentity":"alice@example.com"}}"#
        ]],
    );
}

#[test]
fn a_federated_user() {
    let issuer = SessionIssuer {
        issuer_type: IssuerType::IamUser,
        principal_id: "AIDAQNZGKIQY56JQ7WML2",
        arn: "arn:aws:iam::123456789012:user/alice",
        account: account(),
        user_name: Some("alice"),
    };
    let federated = Principal {
        principal_id: "123456789012:bob",
        arn: "arn:aws:sts::123456789012:federated-user/bob",
        access_key_id: Some("ASIAQNZGKIQY56JQ7WML"),
        user_name: None,
        session: Some(session(Some(issuer.clone()))),
        ..alice()
    };
    check_identity(
        UserIdentity::FederatedUser(federated.clone()),
        &expect![[
            r#"{"type":"FederatedUser","principalId":"123456789012:bob","arn":"arn:aws:sts::123456789012:federated-user/bob","accountId":"123456789012","accessKeyId":"ASIAQNZGKIQY56JQ7WML","sessionContext":{"sessionIssuer":{"type":"IAMUser","principalId":"AIDAQNZGKIQY56JQ7WML2","arn":"arn:aws:iam::123456789012:user/alice","accountId":"123456789012","userName":"alice"},"webIdFederationData":{},"attributes":{"creationDate":"2026-02-12T09:30:00Z","mfaAuthenticated":"false"}}}"#
        ]],
    );
    let root = SessionIssuer {
        issuer_type: IssuerType::Root,
        principal_id: "123456789012",
        arn: "arn:aws:iam::123456789012:root",
        user_name: None,
        ..issuer
    };
    check_identity(
        UserIdentity::FederatedUser(Principal { session: Some(session(Some(root))), ..federated }),
        &expect![[
            r#"{"type":"FederatedUser","principalId":"123456789012:bob","arn":"arn:aws:sts::123456789012:federated-user/bob","accountId":"123456789012","accessKeyId":"ASIAQNZGKIQY56JQ7WML","sessionContext":{"sessionIssuer":{"type":"Root","principalId":"123456789012","arn":"arn:aws:iam::123456789012:root","accountId":"123456789012"},"webIdFederationData":{},"attributes":{"creationDate":"2026-02-12T09:30:00Z","mfaAuthenticated":"false"}}}"#
        ]],
    );
}

#[test]
fn callers_without_an_account_of_ours() {
    check_identity(
        UserIdentity::AwsService { invoked_by: "ec2.amazonaws.com" },
        &expect![[r#"{"type":"AWSService","invokedBy":"ec2.amazonaws.com"}"#]],
    );
    let federated = Federated {
        principal_id: "https://idp.example.com:aud:alice",
        user_name: "alice",
        identity_provider: "idp.example.com",
    };
    check_identity(
        UserIdentity::SamlUser(federated.clone()),
        &expect![[
            r#"{"type":"SAMLUser","principalId":"https://idp.example.com:aud:alice","userName":"alice","identityProvider":"idp.example.com"}"#
        ]],
    );
    check_identity(
        UserIdentity::WebIdentityUser(federated),
        &expect![[
            r#"{"type":"WebIdentityUser","principalId":"https://idp.example.com:aud:alice","userName":"alice","identityProvider":"idp.example.com"}"#
        ]],
    );
    check_identity(
        UserIdentity::Anonymous,
        &expect![[r#"{"type":"AWSAccount","principalId":"","accountId":"anonymous"}"#]],
    );
    check_identity(
        UserIdentity::Unknown { account: None, principal_id: None },
        &expect![[r#"{"type":"Unknown"}"#]],
    );
    check_identity(
        UserIdentity::Unknown { account: Some(account()), principal_id: Some("AIDAX") },
        &expect![[r#"{"type":"Unknown","principalId":"AIDAX","accountId":"123456789012"}"#]],
    );
}

#[test]
fn versions_follow_the_service() {
    for (service, version) in [("iam", "1.09"), ("sts", "1.08"), ("signin", "1.08"), ("s3", "1.10")]
    {
        let record = Record { service, ..record(UserIdentity::IamUser(alice())) };
        let value: Value = serde_json::from_slice(&record.to_line()).unwrap();
        assert_eq!(value["eventVersion"], version);
        assert_eq!(value["eventSource"], format!("{service}.amazonaws.com"));
    }
}

#[test]
fn short_texts_are_cut_at_a_kilobyte() {
    let long = "ü".repeat(1000);
    let record = Record {
        user_agent: Some(&long),
        error_code: Some(&long),
        error_message: Some(&long),
        ..record(UserIdentity::IamUser(alice()))
    };
    let value: Value = serde_json::from_slice(&record.to_line()).unwrap();
    for name in ["userAgent", "errorCode", "errorMessage"] {
        assert_eq!(value[name].as_str().unwrap().len(), 1024, "{name}");
    }
}

#[test]
fn long_texts_lose_their_ends_and_short_ones_stay() {
    let parameters = json!({"policyDocument": "x".repeat(120_000), "policyName": "p"});
    let written = Part::written(parameters.to_string().as_bytes()).unwrap();
    for parameters in [Some(parameters.into()), written] {
        let record = Record {
            request_parameters: parameters,
            additional_event_data: Some(json!({"note": "y".repeat(40_000)}).into()),
            ..record(UserIdentity::IamUser(alice()))
        };
        let value: Value = serde_json::from_slice(&record.to_line()).unwrap();
        let document = value["requestParameters"]["policyDocument"].as_str().unwrap();
        assert!(document.ends_with("x…") && document.len() <= 100 * 1024, "{}", document.len());
        assert_eq!(value["requestParameters"]["policyName"], "p");
        assert!(value["additionalEventData"].to_string().len() <= 28 * 1024);
    }
}

#[test]
fn what_was_written_stands_in_the_line_as_it_is() {
    let written = Part::written(br#"{"userName":"alice","path":"/"}"#).unwrap();
    let record = Record { request_parameters: written, ..record(UserIdentity::IamUser(alice())) };
    let line = String::from_utf8(record.to_line()).unwrap();
    let part = r#""requestParameters":{"userName":"alice","path":"/"},"responseElements":null"#;
    assert!(line.contains(part), "{line}");
    assert!(Part::written(b"null").unwrap().is_none());
    for bad in [&b"{"[..], b"{}{}", b"\"\xff\"", b""] {
        assert!(Part::written(bad).is_err(), "{bad:?}");
    }
}

#[test]
fn many_short_texts_that_are_too_long_together_are_left_out() {
    let tags: Vec<Value> = (0..40_000).map(|n| json!({"key": n.to_string()})).collect();
    let record = Record {
        request_parameters: Some(json!({ "tags": tags }).into()),
        ..record(UserIdentity::IamUser(alice()))
    };
    let value: Value = serde_json::from_slice(&record.to_line()).unwrap();
    assert_eq!(value["requestParameters"], Value::Null);
    assert_eq!(value["eventName"], "GetUser");
}

#[test]
fn an_outbox_entry_finds_its_event_again() {
    let parameters = json!({ "eventID": EventId::from_bytes([0x22; 16]).to_string() });
    for id in [[0x11; 16], [0xff; 16]].map(EventId::from_bytes) {
        let record = Record {
            event_id: id,
            request_parameters: Some(parameters.clone().into()),
            additional_event_data: Some(parameters.clone().into()),
            ..record(UserIdentity::Unknown { account: None, principal_id: Some("\"eventID\":\"") })
        };
        let value = outbox::value(&record);
        assert_eq!(outbox::event_id(&value), Some(id));
    }
    assert_eq!(outbox::event_id(b"short"), None);
    assert_eq!(outbox::event_id(br#"{"eventID":"11111111"}"#), None);
}

fn values() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        "\\PC{0,20}".prop_map(Value::from),
        (0usize..150_000).prop_map(|length| Value::from("\"".repeat(length))),
    ];
    leaf.prop_recursive(3, 20, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::btree_map("\\PC{0,10}", inner, 0..5)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn lines_are_json_of_bounded_length(
        parameters in values(), elements in values(), text in "(?s).{0,40}",
    ) {
        let record = Record {
            request_parameters: Some(parameters.into()),
            response_elements: Some(elements.into()),
            user_agent: Some(&text),
            error_message: Some(&text),
            ..record(UserIdentity::Unknown { account: None, principal_id: Some(&text) })
        };
        for (line, limit) in
            [(record.to_line(), LINE_LIMIT), (outbox::value(&record), outbox::VALUE_LIMIT)]
        {
            prop_assert!(line.len() <= limit);
            prop_assert!(!line.contains(&b'\n'));
            let value: Value = serde_json::from_slice(&line).unwrap();
            prop_assert_eq!(value["userAgent"].as_str(), Some(text.as_str()));
            let length = value["requestParameters"].to_string().len();
            prop_assert!(length <= 100 * 1024);
        }
    }
}
