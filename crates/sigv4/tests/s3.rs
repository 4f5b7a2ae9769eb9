//! What is S3's own: its words for refusals, `x-amz-content-sha256` in presigned requests, and
//! one authentication a request.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test")]

use iamd_sigv4::{
    BodyCheck, Credentials, Error, Payload, RequestParts, S3Error, Settings, SigningKey, Streaming,
    present, presign,
};

const NOW: i64 = 1_440_938_160;
const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
const CREDENTIALS: Credentials<'_> =
    Credentials { access_key_id: "AKIDEXAMPLE", secret_access_key: SECRET, session_token: None };
const ABC: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

fn refused(target: &str, headers: &[(&str, &str)]) -> S3Error {
    let headers: Vec<(&str, &[u8])> =
        headers.iter().map(|(name, value)| (*name, value.as_bytes())).collect();
    let parts = RequestParts { method: "GET", target, headers: &headers };
    let presigned = target.contains('?');
    match present(&parts) {
        Err(error) => error.s3(presigned),
        Ok(None) => Error::MissingAuthenticationToken.s3(presigned),
        Ok(Some(presented)) => {
            presented.check(NOW, &Settings::s3(Some("us-east-1"))).unwrap_err().s3(presigned)
        }
    }
}

#[test]
fn signature_version_2_is_recognised_and_refused() {
    let text = "The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256.";
    for refused in [
        refused("/b/k", &[("authorization", "AWS AKIDEXAMPLE:frJIUN8DYpKDtOLCwo//yllqDzg=")]),
        refused("/b/k?AWSAccessKeyId=AKIDEXAMPLE&Expires=1440939000&Signature=frJIUN8D", &[]),
        refused("/b/k?Signature=frJIUN8D&AWSAccessKeyId=AKIDEXAMPLE", &[]),
    ] {
        assert_eq!((refused.code, refused.http_status), ("InvalidRequest", 400));
        assert_eq!(refused.message, text);
    }
}

#[test]
fn one_authentication_a_request() {
    let header = ("authorization", "AWS4-HMAC-SHA256 Credential=a/b/c/d/e");
    for target in [
        "/b/k?X-Amz-Algorithm=AWS4-HMAC-SHA256",
        "/b/k?X-Amz-Signature=0",
        "/b/k?AWSAccessKeyId=AKIDEXAMPLE&Signature=frJIUN8D",
    ] {
        let refused = refused(target, &[header]);
        assert_eq!((refused.code, refused.http_status), ("InvalidArgument", 400), "{target}");
        assert!(refused.message.starts_with("Only one auth mechanism allowed; "));
    }
}

#[test]
fn refusals_have_s3s_codes_and_texts() {
    let authorization = |credential: &str| {
        format!("AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders=host, Signature=0")
    };
    let at = |credential: &str, date: &str| {
        let authorization = authorization(credential);
        let refused = refused(
            "/b/k",
            &[("host", "h"), ("x-amz-date", date), ("authorization", &authorization)],
        );
        (refused.code, refused.http_status, refused.message.into_owned())
    };
    let date = "20150830T123600Z";
    assert_eq!(
        at("AK/20150830/eu-west-1/s3/aws4_request", date),
        (
            "AuthorizationHeaderMalformed",
            400,
            "The authorization header is malformed; the region 'eu-west-1' is wrong".to_owned()
        )
    );
    assert_eq!(
        at("AK/20150830/us-east-1/iam/aws4_request", date).0,
        "AuthorizationHeaderMalformed"
    );
    assert_eq!(at("AK", date).0, "AuthorizationHeaderMalformed");
    let good = "AK/20150830/us-east-1/s3/aws4_request";
    assert_eq!(at(good, "20150830T120000Z").0, "RequestTimeTooSkewed");
    assert_eq!(at(good, "20150830T130000Z").0, "RequestTimeTooSkewed");
    assert_eq!(
        at(good, "yesterday"),
        (
            "AccessDenied",
            403,
            "AWS authentication requires a valid Date or x-amz-date header".to_owned()
        )
    );
    let query = "/b/k?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AK%2F20150830%2Fus-east-1%2Fs3%2Faws4_request&X-Amz-SignedHeaders=host&X-Amz-Signature=0";
    assert_eq!(refused(query, &[("host", "h")]).code, "AuthorizationQueryParametersError");
    let expired = format!("{query}&X-Amz-Date=20150830T120000Z&X-Amz-Expires=60");
    let expired = refused(&expired, &[("host", "h")]);
    assert_eq!(
        (expired.code, expired.http_status, &*expired.message),
        ("AccessDenied", 403, "Request has expired")
    );
    let unsigned = refused(
        "/b/k",
        &[("host", "h"), ("x-amz-date", date), ("authorization", &authorization(good))],
    );
    assert_eq!((unsigned.code, unsigned.http_status), ("AccessDenied", 403));
}

/// What a presigned request with this header or parameter says of its body.
fn presigned(header: Option<&str>, query: &str) -> Result<BodyCheck, Error> {
    let mut headers: Vec<(&str, &[u8])> = vec![("host", b"localhost")];
    headers.extend(header.map(|value| ("x-amz-content-sha256", value.as_bytes())));
    headers.push(("x-amz-decoded-content-length", b"3"));
    let parts = RequestParts { method: "PUT", target: &format!("/b/k{query}"), headers: &headers };
    let settings = Settings::s3(None);
    let target = presign(&parts, Payload::Unsigned, &CREDENTIALS, NOW, 60, &settings)?;
    let parts = RequestParts { target: &target, ..parts };
    let presented = present(&parts)?.unwrap();
    let key = SigningKey::derive(SECRET, presented.scope().date(), "us-east-1", "s3");
    presented.check(NOW, &settings)?;
    presented.verify_head(&key, &settings)
}

#[test]
fn a_presigned_body_is_unsigned_unless_the_header_says_otherwise() {
    let none = presigned(None, "").unwrap();
    assert_eq!((none.sha256(), none.streaming()), (None, None));
    let unsigned = presigned(None, "?X-Amz-Content-Sha256=UNSIGNED-PAYLOAD").unwrap();
    assert_eq!((unsigned.sha256(), unsigned.streaming()), (None, None));
    let hash = presigned(Some(ABC), "").unwrap();
    assert!(hash.sha256().is_some());
    let streaming = presigned(Some("STREAMING-UNSIGNED-PAYLOAD-TRAILER"), "").unwrap();
    assert_eq!(streaming.streaming(), Some(Streaming::UnsignedTrailer));
    assert_eq!(streaming.length(), Some(3));
    // A parameter that says something else than what was signed.
    let other = presigned(None, &format!("?X-Amz-Content-Sha256={ABC}")).err();
    assert_eq!(other, Some(Error::SignatureMismatch));
    let both = presigned(Some(ABC), &format!("?X-Amz-Content-Sha256={ABC}")).err();
    assert!(matches!(both, Some(Error::Repeated { .. })));
}

#[test]
fn a_header_that_is_not_signed_says_nothing() {
    let headers: Vec<(&str, &[u8])> = vec![("host", b"localhost")];
    let parts = RequestParts { method: "PUT", target: "/b/k", headers: &headers };
    let settings = Settings::s3(None);
    let target = presign(&parts, Payload::Unsigned, &CREDENTIALS, NOW, 60, &settings).unwrap();
    for name in ["x-amz-content-sha256", "x-amz-decoded-content-length", "x-amz-trailer"] {
        let headers = [headers[0], (name, b"UNSIGNED-PAYLOAD".as_slice())];
        let parts = RequestParts { method: "PUT", target: &target, headers: &headers };
        let error = present(&parts).unwrap().unwrap().check(NOW, &settings).unwrap_err();
        assert_eq!(error, Error::HeadersNotSigned { name: name.to_owned() });
    }
}

#[test]
fn a_streaming_body_does_not_verify_as_a_whole_one() {
    let headers: Vec<(&str, &[u8])> = vec![("host", b"localhost")];
    let parts = RequestParts { method: "PUT", target: "/b/k", headers: &headers };
    let settings = Settings::s3(None);
    let body = iamd_sigv4::ChunkedBody {
        streaming: Streaming::Signed,
        length: 0,
        chunk_size: 8192,
        trailer: None,
    };
    let (added, _) = iamd_sigv4::sign_chunked(&parts, &body, &CREDENTIALS, NOW, &settings).unwrap();
    let mut all = headers.clone();
    all.extend(added.iter().map(|(name, value)| (*name, value.as_bytes())));
    let parts = RequestParts { headers: &all, ..parts };
    let presented = present(&parts).unwrap().unwrap();
    let key = SigningKey::derive(SECRET, presented.scope().date(), "us-east-1", "s3");
    let whole = presented.verify(&key, Payload::Bytes(b""), NOW, &settings);
    assert_eq!(whole, Err(Error::StreamingUnsupported));
    assert!(presented.verify(&key, Payload::Declared, NOW, &settings).is_ok());
}
