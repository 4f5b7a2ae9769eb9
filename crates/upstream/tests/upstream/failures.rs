//! What the store refuses, and a store that is not there.

use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt;
use iamd_types::Code;
use iamd_upstream::Settings;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use std::sync::Arc;
use tokio_rustls::TlsAcceptor;

use crate::asking::{ask, call, put, run, settings, shown, upstream, with};
use crate::store::{Said, Store};

async fn refused(line: &str, said: Said) -> (Code, String) {
    let store = Store::start().await;
    store.says([said]);
    let error = ask(&upstream(&store), line, &[], "").await.err().expect("refused");
    (error.code(), error.message().to_owned())
}

fn error(status: u16, code: &str) -> Said {
    let body = format!(
        "<?xml version=\"1.0\"?><Error><Code>{code}</Code><Message>words of the store</Message><Resource>/b/k</Resource><HostId>h</HostId></Error>"
    );
    Said::xml(status, &body)
}

#[tokio::test]
async fn what_the_caller_can_do_something_about_is_handed_on() {
    for (status, code, expected) in [
        (404, "NoSuchKey", Code::NoSuchKey),
        (404, "NoSuchBucket", Code::NoSuchBucket),
        (404, "NoSuchUpload", Code::NoSuchUpload),
        (412, "PreconditionFailed", Code::PreconditionFailed),
        (416, "InvalidRange", Code::InvalidRange),
        (400, "BadDigest", Code::BadDigest),
        (400, "EntityTooSmall", Code::EntityTooSmall),
        (503, "SlowDown", Code::SlowDown),
        (501, "NotImplemented", Code::NotImplemented),
        (400, "XMinioSomething", Code::InvalidRequest),
        (404, "XMinioSomething", Code::NoSuchKey),
    ] {
        let refused = refused("GET /b/k", error(status, code)).await;
        let message = iamd_types::s3::message(expected);
        assert_eq!(refused, (expected, message.to_owned()), "{status} {code}");
        assert!(!message.is_empty());
    }
}

#[tokio::test]
async fn errors_of_single_objects_are_in_our_words() {
    let error = |key: &str, code: &str| {
        format!(
            "<Error><Key>{key}</Key><Code>{code}</Code><Message>words of the store</Message></Error>"
        )
    };
    let errors: String = [
        error("a", "AccessDenied"),
        error("b", "MethodNotAllowed"),
        error("c", "XMinioInside"),
        error("d", "InternalError"),
    ]
    .concat();
    let store = Store::start().await;
    store.says([Said::xml(200, &format!("<DeleteResult>{errors}</DeleteResult>"))]);
    let body = "<Delete><Object><Key>a</Key></Object></Delete>";
    let answer = ask(&upstream(&store), "POST /b?delete", &[], body).await.unwrap();
    let text = shown(answer).await.unwrap();
    for (key, code) in [
        ("a", Code::InternalError),
        ("b", Code::MethodNotAllowed),
        ("c", Code::InternalError),
        ("d", Code::InternalError),
    ] {
        let (name, message) = (code.as_str(), iamd_types::s3::message(code));
        let expected = format!("<Key>{key}</Key><Code>{name}</Code><Message>{message}</Message>");
        assert!(text.contains(&expected), "{key}: {text}");
    }
    assert!(!text.contains("words of the store"), "{text}");
}

#[tokio::test]
async fn what_is_about_us_does_not_look_like_the_callers() {
    for (status, code) in [
        (403, "AccessDenied"),
        (403, "InvalidAccessKeyId"),
        (403, "SignatureDoesNotMatch"),
        (403, "RequestTimeTooSkewed"),
        (400, "AuthorizationHeaderMalformed"),
        (400, "ExpiredToken"),
        (301, "PermanentRedirect"),
        (307, "TemporaryRedirect"),
        (401, "Whatever"),
        (500, "InternalError"),
        (500, "XMinioStorageFull"),
    ] {
        let (found, message) = refused("GET /b/k", error(status, code)).await;
        assert_eq!(found, Code::ServiceUnavailable, "{status} {code}");
        assert!(!message.contains("words of the store"), "{message}");
    }
    for (status, expected) in [
        (304, None),
        (400, Some(Code::InvalidRequest)),
        (401, Some(Code::ServiceUnavailable)),
        (403, Some(Code::ServiceUnavailable)),
        (404, Some(Code::NoSuchKey)),
        (405, Some(Code::MethodNotAllowed)),
        (412, Some(Code::PreconditionFailed)),
        (416, Some(Code::InvalidRange)),
        (500, Some(Code::ServiceUnavailable)),
    ] {
        let store = Store::start().await;
        store.says([Said::status(status)]);
        let answer = ask(&upstream(&store), "HEAD /b/k", &[], "").await;
        assert_eq!(answer.err().map(|error| error.code()), expected, "{status}");
    }
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let elsewhere = Store::start().await;
    let store = Store::start().await;
    let location = ("location", format!("{}/b/k", elsewhere.url));
    store.says([Said::Answer(307, vec![location], Vec::new())]);
    let error = ask(&upstream(&store), "GET /b/k", &[], "").await.err().expect("refused");
    assert_eq!(error.code(), Code::ServiceUnavailable);
    assert!(!elsewhere.was_asked().await);
}

#[tokio::test]
async fn a_store_that_is_not_there() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let store = Store::start().await;
    let mut settings = settings(&store);
    settings.endpoint =
        iamd_upstream::Endpoint::parse(&format!("http://127.0.0.1:{port}")).unwrap();
    let upstream = with(settings);
    for outcome in
        [ask(&upstream, "GET /b/k", &[], "").await, put(&upstream, "/b/k", &[b"abc"], None).await]
    {
        let error = outcome.err().expect("refused");
        assert_eq!(error.code(), Code::ServiceUnavailable);
        assert!(!error.message().contains(&port.to_string()), "the store's address is not told");
    }
}

#[tokio::test]
async fn only_what_may_be_asked_twice_is_asked_twice() {
    let store = Store::start().await;
    let upstream = upstream(&store);
    store.says([Said::Hangup, Said::Answer(200, Vec::new(), vec![Bytes::from_static(b"a")])]);
    assert!(ask(&upstream, "GET /b/k", &[], "").await.is_ok());
    store.seen().await;
    store.seen().await;
    for line in ["DELETE /b/k", "POST /b/k?uploads"] {
        store.says([Said::Hangup]);
        let error = ask(&upstream, line, &[], "").await.err().expect("refused");
        assert_eq!(error.code(), Code::ServiceUnavailable);
        store.seen().await;
        assert!(!store.was_asked().await, "{line}");
    }
    store.says([Said::Hangup]);
    let error = put(&upstream, "/b/k", &[b"abc"], None).await.err().expect("refused");
    assert_eq!(error.code(), Code::ServiceUnavailable);
    store.seen().await;
    assert!(!store.was_asked().await);
}

#[tokio::test]
async fn a_store_that_says_nothing_is_not_waited_for() {
    let store = Store::start().await;
    let upstream = with(Settings { idle_timeout: Duration::from_millis(50), ..settings(&store) });
    store.says([Said::Silence]);
    let error = put(&upstream, "/b/k", &[b"abc"], None).await.err().expect("refused");
    assert_eq!(error.code(), Code::ServiceUnavailable);
}

#[tokio::test]
async fn a_success_before_the_body_is_whole_is_none() {
    let store = Store::start().await;
    let first = futures_util::stream::iter([Ok(Bytes::from_static(b"abc"))]);
    let body = first.chain(futures_util::stream::pending()).boxed();
    let call = call("PUT /b/early", &[], "");
    let outcome = run(&upstream(&store), &call, body, |allowed| allowed.length = Some(1000)).await;
    assert_eq!(outcome.err().expect("refused").code(), Code::ServiceUnavailable);
}

/// A certificate for `localhost`, and a server that presents it.
fn certificate() -> (CertificateDer<'static>, TlsAcceptor) {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let certificate = made.cert.der().clone();
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.clone()], key)
        .unwrap();
    (certificate, TlsAcceptor::from(Arc::new(config)))
}

#[tokio::test]
async fn a_store_with_tls_must_be_trusted() {
    let (certificate, acceptor) = certificate();
    let store = Store::start_with(Some(acceptor)).await;
    let trusting = Settings { authorities: vec![certificate], ..settings(&store) };
    put(&with(trusting), "/b/k", &[b"abc"], None).await.unwrap();
    let seen = store.seen().await;
    assert_eq!(seen.content_sha256, "UNSIGNED-PAYLOAD");
    assert_eq!(store.object("/b/k").as_deref(), Some(&b"abc"[..]));
    let error = put(&upstream(&store), "/b/other", &[b"abc"], None).await.err().expect("refused");
    assert_eq!(error.code(), Code::ServiceUnavailable);
    assert_eq!(store.object("/b/other"), None);
}

#[test]
fn debug_of_settings_has_no_secret() {
    let settings = Settings::new("http://h", "AKIA", "the secret".to_owned().into()).unwrap();
    assert!(!format!("{settings:?}").contains("the secret"));
}
