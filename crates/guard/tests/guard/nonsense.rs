//! Whatever is sent, the answer is a denial or an error, never a panic and never a yes.

use std::sync::LazyLock;

use http::Method;
use proptest::prelude::*;
use tokio::runtime::Runtime;

use crate::fixture::{Fixture, header_map, incoming, token};

/// Starting a server costs more than asking it; nothing here changes it.
static SHARED: LazyLock<(Runtime, Fixture)> = LazyLock::new(|| {
    let runtime = Runtime::new().unwrap();
    let fixture = runtime.block_on(Fixture::start());
    (runtime, fixture)
});

fn asked(
    path: &str,
    point: &str,
    headers: &[(String, String)],
    body: &[u8],
) -> iamd_guard::Incoming {
    let mut headers = headers.to_vec();
    headers.push(("x-iamd-guard-token".to_owned(), token(point)));
    incoming(Method::POST, path, header_map(&headers), body)
}

/// JSON that is nearly a question.
fn nearly() -> impl Strategy<Value = String> {
    let text = prop_oneof![
        Just("\"arn:aws:iam::111122223333:root\"".to_owned()),
        Just("\"arn:aws:sts::111122223333:assumed-role//\"".to_owned()),
        Just("\"s3:GetObject\"".to_owned()),
        Just("\"*\"".to_owned()),
        Just("{}".to_owned()),
        Just("[]".to_owned()),
        Just("null".to_owned()),
        Just("7".to_owned()),
        "\"[a-z:/*%.]{0,12}\"",
    ];
    let names = prop_oneof![
        Just("action"),
        Just("resource"),
        Just("resourceAccount"),
        Just("context"),
        Just("signed"),
        Just("accessKeyId"),
        Just("account"),
        Just("bucket"),
        Just("object"),
        Just("claims"),
        Just("conditions"),
        Just("method"),
        Just("target"),
        Just("headers"),
    ];
    let members = prop::collection::vec((names, text), 0..6);
    (members, any::<bool>()).prop_map(|(members, nested)| {
        let members: Vec<_> =
            members.into_iter().map(|(name, text)| format!("\"{name}\":{text}")).collect();
        let inner = format!("{{{}}}", members.join(","));
        if nested { format!("{{\"signed\":{inner}}}") } else { inner }
    })
}

proptest! {
    #[test]
    fn questions_that_are_none(item in nearly(), bytes in prop::collection::vec(any::<u8>(), 0..64)) {
        let (runtime, fixture) = &*SHARED;
        runtime.block_on(async {
            let bodies = [
                format!("{{\"requests\":[{item}]}}").into_bytes(),
                format!("{{\"input\":{item}}}").into_bytes(),
                bytes,
            ];
            for body in &bodies {
                for path in ["/-/authorize", "/-/minio", "/v1/data/x/allow"] {
                    let answer = fixture.guard.handle(asked(path, "store", &[], body)).await;
                    let text = String::from_utf8_lossy(&answer.body);
                    assert!(!text.contains("true") && !text.contains("\"allow\""), "{path} {text}");
                }
                let answer = fixture.guard.handle(asked("/envoy.service.auth.v3.Authorization/Check", "edge", &[], body)).await;
                assert_ne!(answer.headers.get("grpc-status").map(http::HeaderValue::as_bytes), Some(&b"0"[..]));
            }
        });
    }

    #[test]
    fn requests_that_are_none(
        target in "[ -~]{0,40}",
        method in "[A-Za-z]{0,8}",
        authorization in "(AWS4-HMAC-SHA256 )?[ -~]{0,60}",
        host in "[ -~]{0,20}",
    ) {
        let (runtime, fixture) = &*SHARED;
        runtime.block_on(async {
            let headers: Vec<_> = [
                ("x-original-method", &method),
                ("x-original-uri", &target),
                ("x-original-host", &host),
                ("authorization", &authorization),
                ("x-amz-date", &target),
            ]
            .map(|(name, value)| (name.to_owned(), value.clone()))
            .into();
            let answer = fixture.guard.handle(asked("/-/nginx", "edge", &headers, b"")).await;
            assert_eq!(answer.status, 403);
            let path = format!("/-/envoy{}", target.replace(' ', ""));
            let answer = fixture.guard.handle(asked(&path, "edge", &headers, b"")).await;
            assert!(matches!(answer.status.as_u16(), 403 | 404));
        });
    }
}
