//! What the benchmarks send: requests that are signed beforehand, as bytes.

use std::time::{SystemTime, UNIX_EPOCH};

use iamd_sigv4::{Credentials, Payload, RequestParts, Settings, sign};

/// A POST to IAM as the AWS CLI sends it, signed for now.
#[expect(clippy::disallowed_methods, reason = "a client signs for the time that it is")]
pub(crate) fn signed(address: &str, key: &str, secret: &str, body: &str) -> Vec<u8> {
    let headers = [
        ("host", address.as_bytes()),
        ("accept-encoding", b"identity".as_slice()),
        ("content-type", b"application/x-www-form-urlencoded; charset=utf-8"),
        ("user-agent", b"aws-cli/2.17.0 md/awscrt#0.20.11 ua/2.0 os/linux#6.1.0 md/arch#x86_64"),
    ];
    let parts = RequestParts { method: "POST", target: "/", headers: &headers };
    let credentials =
        Credentials { access_key_id: key, secret_access_key: secret, session_token: None };
    let settings = Settings::query("iam", Some("us-east-1"));
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let payload = Payload::Bytes(body.as_bytes());
    let added = sign(&parts, payload, &credentials, now.try_into().unwrap(), &settings).unwrap();
    let mut head = format!("POST / HTTP/1.1\r\ncontent-length: {}\r\n", body.len());
    for (name, value) in headers {
        head.push_str(&format!("{name}: {}\r\n", String::from_utf8_lossy(value)));
    }
    for (name, value) in added {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    format!("{head}\r\n{body}").into_bytes()
}
