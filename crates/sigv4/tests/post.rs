//! Uploads by a form: S3's published example, forms signed by botocore, and every rule of the
//! "POST Policy" page, both ways.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test")]

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use iamd_sigv4::{
    Error, PostError, PostForm, PostLimits, Settings, SigningKey, Timestamp, present_post,
};
use proptest::prelude::*;
use serde::Deserialize;

const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
const DOCUMENTED_SECRET: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
const CREDENTIAL: &str = "AKIAIOSFODNN7EXAMPLE/20151229/us-east-1/s3/aws4_request";
const DATE: &str = "20151229T000000Z";

fn at(time: &str) -> i64 {
    Timestamp::parse_date_header(time.as_bytes()).unwrap().unix_seconds()
}

fn hmac(key: &[u8], text: &str) -> Vec<u8> {
    let mut hmac = Hmac::<sha2::Sha256>::new_from_slice(key).unwrap();
    hmac.update(text.as_bytes());
    hmac.finalize().into_bytes().to_vec()
}

/// A signature computed apart from the crate.
fn signature(policy: &str) -> String {
    let key = ["20151229", "us-east-1", "s3", "aws4_request"]
        .iter()
        .fold(format!("AWS4{SECRET}").into_bytes(), |key, part| hmac(&key, part));
    hmac(&key, policy).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn decide(
    fields: &[(&str, &str)],
    bucket: &str,
    secret: &str,
    now: &str,
) -> Result<PostLimits, PostError> {
    let form = PostForm { bucket, fields };
    let presented = present_post(&form)?.ok_or(Error::MissingAuthenticationToken)?;
    assert_eq!(presented.access_key_id(), "AKIAIOSFODNN7EXAMPLE");
    let scope = presented.scope();
    let key = SigningKey::derive(secret, scope.date(), scope.region(), scope.service());
    presented.verify(&key, at(now), &Settings::s3(None))
}

/// The page's own conditions, and these.
fn policy(conditions: &str) -> String {
    let comma = if conditions.is_empty() { "" } else { "," };
    BASE64_STANDARD.encode(format!(
        r#"{{"expiration":"2015-12-29T12:00:00.000Z","conditions":[{{"bucket":"examplebucket"}},
        {{"x-amz-algorithm":"AWS4-HMAC-SHA256"}},{{"x-amz-credential":"{CREDENTIAL}"}},
        ["eq","$x-amz-date","{DATE}"]{comma}{conditions}]}}"#
    ))
}

/// What a form with these fields and this policy, rightly signed, comes to.
fn signed(policy: &str, fields: &[(&str, &str)]) -> Result<PostLimits, PostError> {
    let signature = signature(policy);
    let mut all = vec![
        ("X-Amz-Algorithm", "AWS4-HMAC-SHA256"),
        ("x-amz-credential", CREDENTIAL),
        ("X-Amz-Date", DATE),
        ("Policy", policy),
        ("X-Amz-Signature", &signature),
    ];
    all.extend_from_slice(fields);
    decide(&all, "examplebucket", SECRET, "20151229T000500Z")
}

fn outcome(conditions: &str, fields: &[(&str, &str)]) -> String {
    match signed(&policy(conditions), fields) {
        Ok(_) => "good".to_owned(),
        Err(error) => format!("{} {} {}", error.http_status(), error.code(), error.message()),
    }
}

const EXAMPLE_POLICY: &str = "eyAiZXhwaXJhdGlvbiI6ICIyMDE1LTEyLTMwVDEyOjAwOjAwLjAwMFoiLA0KICAiY29uZGl0aW9ucyI6IFsNCiAgICB7ImJ1Y2tldCI6ICJzaWd2NGV4YW1wbGVidWNrZXQifSwNCiAgICBbInN0YXJ0cy13aXRoIiwgIiRrZXkiLCAidXNlci91c2VyMS8iXSwNCiAgICB7ImFjbCI6ICJwdWJsaWMtcmVhZCJ9LA0KICAgIHsic3VjY2Vzc19hY3Rpb25fcmVkaXJlY3QiOiAiaHR0cDovL3NpZ3Y0ZXhhbXBsZWJ1Y2tldC5zMy5hbWF6b25hd3MuY29tL3N1Y2Nlc3NmdWxfdXBsb2FkLmh0bWwifSwNCiAgICBbInN0YXJ0cy13aXRoIiwgIiRDb250ZW50LVR5cGUiLCAiaW1hZ2UvIl0sDQogICAgeyJ4LWFtei1tZXRhLXV1aWQiOiAiMTQzNjUxMjM2NTEyNzQifSwNCiAgICB7IngtYW16LXNlcnZlci1zaWRlLWVuY3J5cHRpb24iOiAiQUVTMjU2In0sDQogICAgWyJzdGFydHMtd2l0aCIsICIkeC1hbXotbWV0YS10YWciLCAiIl0sDQoNCiAgICB7IngtYW16LWNyZWRlbnRpYWwiOiAiQUtJQUlPU0ZPRE5ON0VYQU1QTEUvMjAxNTEyMjkvdXMtZWFzdC0xL3MzL2F3czRfcmVxdWVzdCJ9LA0KICAgIHsieC1hbXotYWxnb3JpdGhtIjogIkFXUzQtSE1BQy1TSEEyNTYifSwNCiAgICB7IngtYW16LWRhdGUiOiAiMjAxNTEyMjlUMDAwMDAwWiIgfQ0KICBdDQp9";

fn example() -> Vec<(&'static str, &'static str)> {
    vec![
        ("key", "user/user1/photo.jpg"),
        ("acl", "public-read"),
        (
            "success_action_redirect",
            "http://sigv4examplebucket.s3.amazonaws.com/successful_upload.html",
        ),
        ("Content-Type", "image/jpeg"),
        ("x-amz-meta-uuid", "14365123651274"),
        ("x-amz-server-side-encryption", "AES256"),
        ("X-Amz-Credential", CREDENTIAL),
        ("X-Amz-Algorithm", "AWS4-HMAC-SHA256"),
        ("X-Amz-Date", DATE),
        ("x-amz-meta-tag", ""),
        ("Policy", EXAMPLE_POLICY),
        ("X-Amz-Signature", "8afdbf4008c03f22c2cd3cdb72e4afbb1f6a588f3255ac628749a66d7f09699e"),
    ]
}

#[test]
fn the_published_example_holds() {
    let fields = example();
    let decide =
        |fields: &[(&str, &str)], bucket, now| decide(fields, bucket, DOCUMENTED_SECRET, now);
    let bucket = "sigv4examplebucket";
    assert_eq!(decide(&fields, bucket, "20151229T120000Z"), Ok(PostLimits::NONE));
    assert_eq!(decide(&fields, bucket, "20151230T115959Z"), Ok(PostLimits::NONE));
    assert_eq!(decide(&fields, bucket, "20151230T120000Z"), Err(PostError::PolicyExpired));
    let elsewhere = decide(&fields, "otherbucket", "20151229T120000Z").unwrap_err();
    assert_eq!(elsewhere.code(), "AccessDenied");
    for position in 0..fields.len() {
        let mut changed = fields.clone();
        let value = format!("{}x", changed[position].1);
        let name = changed[position].0;
        changed[position].1 = &value;
        let outcome = decide(&changed, bucket, "20151229T120000Z");
        let free = ["key", "Content-Type", "x-amz-meta-tag"].contains(&name);
        assert_eq!(outcome.is_ok(), free, "{name}: {outcome:?}");
    }
    for position in 0..fields.len() {
        let mut without = fields.clone();
        let (name, _) = without.remove(position);
        assert!(decide(&without, bucket, "20151229T120000Z").is_err(), "without {name}");
    }
}

#[derive(Deserialize)]
struct Made {
    id: String,
    fields: Vec<(String, String)>,
    token: Option<String>,
}

#[test]
fn forms_signed_by_botocore_hold() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/testdata/post/botocore.jsonl");
    let text = std::fs::read_to_string(path).unwrap();
    assert!(text.lines().count() >= 4);
    for line in text.lines() {
        let made: Made = serde_json::from_str(line).unwrap();
        let fields: Vec<(&str, &str)> = made.fields.iter().map(|(n, v)| (&**n, &**v)).collect();
        let form = PostForm { bucket: "examplebucket", fields: &fields };
        let presented = present_post(&form).unwrap().unwrap();
        assert_eq!(presented.session_token(), made.token.as_deref(), "{}", made.id);
        let outcome = decide(&fields, "examplebucket", DOCUMENTED_SECRET, "20151229T005959Z");
        assert!(outcome.is_ok(), "{}: {outcome:?}", made.id);
        let outcome = decide(&fields, "examplebucket", DOCUMENTED_SECRET, "20151229T010000Z");
        assert_eq!(outcome, Err(PostError::PolicyExpired), "{}", made.id);
        let outcome = decide(&fields, "examplebucket", SECRET, "20151229T000000Z");
        assert_eq!(outcome, Err(Error::SignatureMismatch.into()), "{}", made.id);
    }
}

#[test]
fn conditions_hold_or_are_named() {
    let failed = |condition: &str| {
        format!(
            "403 AccessDenied Invalid according to Policy: Policy Condition failed: {condition}"
        )
    };
    for (conditions, fields, expected) in [
        (r#"{"key":"a"}"#, &[("key", "a")][..], "good".to_owned()),
        (r#"{"KEY":"a"}"#, &[("Key", "a")], "good".to_owned()),
        (r#"{"key":"a"}"#, &[("key", "A")], failed(r#"["eq", "$key", "a"]"#)),
        (r#"["eq","$key","a"]"#, &[("key", "a")], "good".to_owned()),
        (r#"["EQ","$key","a"]"#, &[("key", "a")], "good".to_owned()),
        (r#"["eq","$key","a"]"#, &[], failed(r#"["eq", "$key", "a"]"#)),
        (r#"["eq","key","a"]"#, &[("key", "a")], failed(r#"["eq","key","a"]"#)),
        (r#"["starts-with","$key","u/"]"#, &[("key", "u/x")], "good".to_owned()),
        (
            r#"["starts-with","$key","u/"]"#,
            &[("key", "v/u/x")],
            failed(r#"["starts-with", "$key", "u/"]"#),
        ),
        (r#"["starts-with","$key",""]"#, &[("key", "")], "good".to_owned()),
        (r#"["starts-with","$key",""]"#, &[], failed(r#"["starts-with", "$key", ""]"#)),
        (r#"["starts-with","$key","a"],["eq","$key","ab"]"#, &[("key", "ab")], "good".to_owned()),
        (
            r#"["starts-with","$key","a"],["eq","$key","ab"]"#,
            &[("key", "ac")],
            failed(r#"["eq", "$key", "ab"]"#),
        ),
        (
            r#"["starts-with","$Content-Type","image/"]"#,
            &[("content-type", "image/jpg, image/png")],
            "good".to_owned(),
        ),
        (
            r#"["starts-with","$Content-Type","image/"]"#,
            &[("content-type", "image/jpg,text/html")],
            failed(r#"["starts-with", "$Content-Type", "image/"]"#),
        ),
        (
            r#"["starts-with","$Content-Type","image/"]"#,
            &[("content-type", "image/jpg,")],
            failed(r#"["starts-with", "$Content-Type", "image/"]"#),
        ),
        (r#"["starts-with","$acl","a"]"#, &[("acl", "a,b")], "good".to_owned()),
        (r#"["starts-with","$bucket",""]"#, &[], failed(r#"["starts-with","$bucket",""]"#)),
        (
            r#"["starts-with","$x-amz-server-side-encryption",""]"#,
            &[("x-amz-server-side-encryption", "AES256")],
            failed(r#"["starts-with","$x-amz-server-side-encryption",""]"#),
        ),
        (
            r#"["starts-with","$success_action_status",""]"#,
            &[("success_action_status", "200")],
            failed(r#"["starts-with","$success_action_status",""]"#),
        ),
        (r#"["starts-with","$x-amz-meta-a",""]"#, &[("x-amz-meta-a", "b")], "good".to_owned()),
        (r#"{"bucket":"other"}"#, &[], failed(r#"["eq", "$bucket", "other"]"#)),
        ("", &[("bucket", "examplebucket")], "good".to_owned()),
        ("", &[("bucket", "other")], failed(r#"["eq", "$bucket", "examplebucket"]"#)),
        (r#"["ends-with","$key","a"]"#, &[("key", "a")], failed(r#"["ends-with","$key","a"]"#)),
        (r#"["eq","$key"]"#, &[("key", "a")], failed(r#"["eq","$key"]"#)),
        (r#"["eq","$key",1]"#, &[("key", "1")], failed(r#"["eq","$key",1]"#)),
        (r#"{"key":1}"#, &[("key", "1")], failed(r#"["eq",1]"#)),
        (r#"["content-length-range",-1,5]"#, &[], failed(r#"["content-length-range",-1,5]"#)),
        (r#"["content-length-range",1.5,5]"#, &[], failed(r#"["content-length-range",1.5,5]"#)),
    ] {
        assert_eq!(outcome(conditions, fields), expected, "{conditions} {fields:?}");
    }
}

#[test]
fn every_field_needs_a_condition() {
    let extra = |name: &str| {
        format!("403 AccessDenied Invalid according to Policy: Extra input fields: {name}")
    };
    assert_eq!(outcome("", &[("acl", "public-read")]), extra("acl"));
    assert_eq!(outcome("", &[("x-amz-meta-a", "")]), extra("x-amz-meta-a"));
    assert_eq!(outcome("", &[("x-amz-security-token", "t")]), extra("x-amz-security-token"));
    assert_eq!(outcome("", &[("X-Ignore-Filename", "a")]), "good");
    assert_eq!(outcome("", &[("file", "")]), "good");
    assert_eq!(
        outcome(r#"["content-length-range",0,1]"#, &[("content-length-range", "")]),
        extra("content-length-range")
    );
    // A policy that does not speak of the bucket would be good for every bucket.
    let without_bucket = BASE64_STANDARD.encode(format!(
        r#"{{"expiration":"2015-12-29T12:00:00Z","conditions":[{{"x-amz-algorithm":"AWS4-HMAC-SHA256"}},
        {{"x-amz-credential":"{CREDENTIAL}"}},{{"x-amz-date":"{DATE}"}}]}}"#
    ));
    let error = signed(&without_bucket, &[]).unwrap_err();
    assert_eq!(error, PostError::ExtraField { name: "bucket".to_owned() });
}

#[test]
fn the_size_is_limited_by_every_range() {
    let limits = |conditions: &str| signed(&policy(conditions), &[]).unwrap();
    let one = limits(r#"["content-length-range",1,"10"]"#);
    assert_eq!(
        (one.check(0), one.check(11)),
        (Err(PostError::EntityTooSmall), Err(PostError::EntityTooLarge))
    );
    assert_eq!((one.check(1), one.check(10), one.most()), (Ok(()), Ok(()), 10));
    let two = limits(r#"["content-length-range",1,10],["Content-Length-Range",5,20]"#);
    assert_eq!(
        (two.check(4), two.check(11)),
        (Err(PostError::EntityTooSmall), Err(PostError::EntityTooLarge))
    );
    assert_eq!(two.check(5), Ok(()));
    assert_eq!(limits("").check(u64::MAX), Ok(()));
    let none = limits(r#"["content-length-range",5,1]"#);
    assert!((0..8).all(|length| none.check(length).is_err()));
}

#[test]
fn what_is_no_policy_is_refused() {
    for (text, reason) in [
        ("", "Invalid JSON"),
        ("{}", "Policy missing expiration."),
        (r#"{"expiration":"2015-12-30T12:00:00Z"}"#, "Policy missing conditions."),
        (r#"{"expiration":"tomorrow","conditions":[]}"#, "Invalid 'expiration' value."),
        (r#"{"expiration":"2015-12-30T12:00:00+01:00","conditions":[]}"#, "Invalid 'expiration'"),
        (r#"{"expiration":"2015-12-30T12:00:00.Z","conditions":[]}"#, "Invalid 'expiration'"),
        (r#"{"expiration":"2015-12-30T12:00:00Z","conditions":[],"x":1}"#, "Invalid JSON"),
        (
            r#"{"expiration":"2015-12-30T12:00:00Z","expiration":"2015-12-30T12:00:00Z","conditions":[]}"#,
            "Invalid JSON",
        ),
        (r#"{"expiration":"2015-12-30T12:00:00Z","conditions":[{}]}"#, "Invalid Simple-Condition"),
        (
            r#"{"expiration":"2015-12-30T12:00:00Z","conditions":[{"a":"b","c":"d"}]}"#,
            "Invalid Simple-Condition",
        ),
        (
            r#"{"expiration":"2015-12-30T12:00:00Z","conditions":[{"a":"b","a":"b"}]}"#,
            "Invalid Simple-Condition",
        ),
        (r#"{"expiration":"2015-12-30T12:00:00Z","conditions":["a"]}"#, "Invalid JSON"),
        (r#"{"expiration":"2015-12-30T12:00:00Z","conditions":[]} x"#, "Invalid JSON"),
        (r#"{"expiration":"2015-12-30T12:00:00Z","conditions":[],}"#, "Invalid JSON"),
    ] {
        let error = signed(&BASE64_STANDARD.encode(text), &[]).unwrap_err();
        assert_eq!((error.code(), error.http_status()), ("InvalidPolicyDocument", 400), "{text}");
        assert!(error.to_string().contains(reason), "{text}: {error}");
    }
    assert_eq!(signed("e30", &[]).unwrap_err().to_string(), "Invalid Policy: Invalid Base64.");
    let lines = policy("")
        .as_bytes()
        .chunks(60)
        .map(|line| str::from_utf8(line).unwrap())
        .collect::<Vec<_>>()
        .join("\r\n");
    assert!(signed(&lines, &[]).is_ok(), "line breaks are passed over");
}

#[test]
fn other_and_incomplete_signatures_are_refused() {
    let present = |fields: &[(&str, &str)]| {
        let presented = present_post(&PostForm { bucket: "b", fields });
        presented.map(|presented| presented.is_some()).map_err(|error| error.code())
    };
    assert_eq!(present(&[("key", "a")]), Ok(false));
    assert_eq!(
        present(&[("AWSAccessKeyId", "AKIA"), ("policy", ""), ("signature", "")]),
        Err("InvalidRequest")
    );
    assert_eq!(present(&[("policy", "e30=")]), Err("InvalidArgument"));
    assert_eq!(present(&[("x-amz-signature", "0")]), Err("InvalidArgument"));
    assert_eq!(present(&[("x-amz-security-token", "t")]), Err("InvalidArgument"));
    let all = |algorithm, credential, date| {
        present(&[
            ("policy", "e30="),
            ("x-amz-signature", "0"),
            ("x-amz-algorithm", algorithm),
            ("x-amz-credential", credential),
            ("x-amz-date", date),
        ])
    };
    assert_eq!(all("AWS4-HMAC-SHA256", CREDENTIAL, DATE), Ok(true));
    assert_eq!(all("AWS4-ECDSA-P256-SHA256", CREDENTIAL, DATE), Err("InvalidRequest"));
    assert_eq!(all("AWS4-HMAC-SHA256", "AKIA", DATE), Err("AuthorizationQueryParametersError"));
    assert_eq!(all("AWS4-HMAC-SHA256", CREDENTIAL, "2015-12-29"), Err("AccessDenied"));
    assert_eq!(present(&[("key", "a"), ("KEY", "a")]), Err("InvalidArgument"));
    let many: Vec<String> = (0..201).map(|number| format!("x-ignore-{number}")).collect();
    let many: Vec<(&str, &str)> = many.iter().map(|name| (&**name, "")).collect();
    assert_eq!(present(&many), Err("MaxPostPreDataLengthExceededError"));
    assert_eq!(
        present(&[("x-ignore-a", &"a".repeat(20 * 1024))]),
        Err("MaxPostPreDataLengthExceededError")
    );
}

#[test]
fn scope_and_time_are_checked() {
    let good = example();
    let decide = |now: &str| {
        decide(&good, "sigv4examplebucket", DOCUMENTED_SECRET, now).map_err(|error| error.code())
    };
    assert_eq!(decide("20151228T234500Z"), Ok(PostLimits::NONE));
    assert_eq!(decide("20151228T234459Z"), Err("RequestTimeTooSkewed"));
    // Were the policy good for longer than a signing key is.
    let long = BASE64_STANDARD.encode(r#"{"expiration":"2019-12-29T12:00:00Z","conditions":[]}"#);
    let signature = signature(&long);
    let fields = [
        ("policy", &*long),
        ("x-amz-signature", &signature),
        ("x-amz-algorithm", "AWS4-HMAC-SHA256"),
        ("x-amz-credential", CREDENTIAL),
        ("x-amz-date", DATE),
    ];
    let late = self::decide(&fields, "b", SECRET, "20160105T000001Z");
    assert_eq!(late, Err(PostError::PolicyExpired));
    for (position, wrong) in
        [("20151228", "ScopeDate"), ("iam", "Service"), ("US", "Region"), ("x", "Terminator")]
            .into_iter()
            .enumerate()
    {
        let mut scope = ["20151229", "s3", "us-east-1", "aws4_request"];
        scope[position] = wrong.0;
        let credential =
            format!("AKIAIOSFODNN7EXAMPLE/{}/{}/{}/{}", scope[0], scope[2], scope[1], scope[3]);
        let mut fields = fields;
        fields[3].1 = &credential;
        let error = self::decide(&fields, "b", SECRET, "20151229T000000Z").unwrap_err();
        assert_eq!(error.code(), "AuthorizationQueryParametersError", "{}: {error}", wrong.1);
    }
}

proptest! {
    #[test]
    fn no_policy_makes_it_panic(
        text in r#"\{("(expiration|conditions|[a-z]{0,3})":("2015-12-3[0-9]T[0-9:]{8}(\.[0-9]{0,3})?Z"|\[(\[("[ -~]{0,6}",?){0,4}\],?|\{("[a-z]{0,3}":"[a-z]{0,2}",?){0,2}\},?){0,3}\]),?){0,3}\}|.{0,60}"#,
        fields in proptest::collection::vec(("[ -~é]{0,8}", ".{0,8}"), 0..5),
        raw in any::<bool>(),
    ) {
        let policy = if raw { text } else { BASE64_STANDARD.encode(text) };
        let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (&**name, &**value)).collect();
        // None of them speaks of the credential, which every form has.
        prop_assert!(signed(&policy, &fields).is_err());
    }

    #[test]
    fn a_changed_policy_is_refused(at in any::<prop::sample::Index>(), bit in 0..7_u32) {
        let mut fields = example();
        let mut policy = EXAMPLE_POLICY.as_bytes().to_vec();
        let at = at.index(policy.len());
        policy[at] ^= 1 << bit;
        let policy = String::from_utf8(policy).unwrap();
        fields.iter_mut().filter(|(name, _)| *name == "Policy").for_each(|field| field.1 = &policy);
        let outcome = decide(&fields, "sigv4examplebucket", DOCUMENTED_SECRET, "20151229T120000Z");
        prop_assert_eq!(outcome, Err(Error::SignatureMismatch.into()));
    }
}
