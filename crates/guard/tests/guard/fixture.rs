//! A server with a guard, and what it protects.

use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use iamd_guard::{Files, Guard, GuardSettings, Incoming, Outgoing, SettingsError};
use iamd_testkit::{Credentials, TestServer};
use iamd_types::Secret;
use serde_json::{Value, json};

pub(crate) const HOST: &str = "api.example.com";
pub(crate) const ARN: &str = "arn:aws:execute-api:us-east-1:111122223333:pets/prod";

/// Everybody may read what is public; the other account may read all; nobody may delete what is kept.
const POLICY: &str = r#"{"Version":"2012-10-17","Statement":[
    {"Effect":"Allow","Principal":"*","Action":"execute-api:Invoke","Resource":"execute-api:/prod/GET/public/*"},
    {"Effect":"Allow","Principal":{"AWS":"444455556666"},"Action":"execute-api:Invoke","Resource":"execute-api:/prod/GET/*"},
    {"Sid":"Kept","Effect":"Deny","Principal":"*","Action":"execute-api:Invoke","Resource":"execute-api:/*/DELETE/kept/*"}]}"#;

/// What a user needs to call the API.
pub(crate) const MAY_CALL: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"execute-api:Invoke","Resource":"arn:aws:execute-api:us-east-1:111122223333:pets/prod/*"}]}"#;

/// Files in memory.
pub(crate) struct InMemory;

impl Files for InMemory {
    fn secret(&self, path: &Path) -> Result<Secret<String>, String> {
        Ok(Secret::new(format!("{}\n", token(path.to_str().unwrap()))))
    }

    fn text(&self, path: &Path) -> Result<String, String> {
        match path.to_str().unwrap() {
            "policy" => Ok(POLICY.to_owned()),
            other => Ok(other.to_owned()),
        }
    }
}

/// The token in the file of this name.
pub(crate) fn token(file: &str) -> String {
    format!("{file}-{}", "0123456789".repeat(4))
}

/// The settings of the tests.
pub(crate) fn settings() -> Value {
    json!({
        "client_ca": "ca.pem",
        "points": [
            {"name": "edge", "token_file": "edge", "kinds": ["nginx", "envoy-http", "envoy"], "apis": ["pets"]},
            {"name": "bodies", "token_file": "bodies", "kinds": ["envoy", "envoy-http"], "apis": ["pets", "uploads", "loose"],
                "hands_over_bodies": true, "sets_forwarded_headers": true},
            {"name": "mesh", "client_certificate": "uri:spiffe://example.org/envoy", "kinds": ["nginx"], "apis": ["pets"]},
            {"name": "files", "token_file": "files", "kinds": ["nginx"], "apis": ["uploads", "loose"]},
            {"name": "store", "token_file": "store", "kinds": ["minio", "opa", "authorize"], "apis": ["pets"],
                "account": "111122223333"},
        ],
        "apis": [
            {"id": "pets", "account": "111122223333", "region": "us-east-1", "stage": "prod", "hosts": [HOST, "pets.example.com:8443"],
                "path": "/v1", "policy_file": "policy"},
            {"id": "admin", "account": "111122223333", "region": "us-east-1", "stage": "prod", "hosts": [HOST],
                "path": "/v1/admin"},
            {"id": "uploads", "account": "111122223333", "region": "us-east-1", "stage": "prod", "hosts": ["up.example.com"],
                "body": "declared-hash"},
            {"id": "loose", "account": "111122223333", "region": "us-east-1", "stage": "prod", "hosts": ["loose.example.com"],
                "body": "unsigned-allowed"},
        ],
    })
}

/// A server and its guard.
pub(crate) struct Fixture {
    pub(crate) server: TestServer,
    pub(crate) guard: Arc<Guard>,
}

impl Fixture {
    pub(crate) async fn start() -> Self {
        let server = TestServer::start().await;
        let guard = guard(&server, settings()).unwrap();
        Self { server, guard: Arc::new(guard) }
    }

    /// A user who may call the API.
    pub(crate) async fn caller(&self, name: &str) -> Credentials {
        let credentials = self.server.user(name).await;
        self.server.allow(name, "calls", MAY_CALL).await;
        credentials
    }

    /// A request that is signed for the API.
    pub(crate) fn signed(&self, credentials: &Credentials, method: &str, target: &str) -> Sent {
        Sent::new(method, target).sign(self, credentials, "execute-api")
    }

    /// Asks as nginx does.
    pub(crate) async fn nginx(&self, sent: &Sent) -> Outgoing {
        self.guard.handle(sent.through_nginx("edge")).await
    }

    /// Whether nginx lets the request go on.
    pub(crate) async fn passes(&self, sent: &Sent) -> bool {
        self.nginx(sent).await.status == 200
    }

    /// The refusal that the client gets.
    pub(crate) async fn refused(&self, sent: &Sent) -> String {
        let answer = self.nginx(sent).await;
        assert_eq!(answer.status, 403, "{answer:?}");
        let body: Value = serde_json::from_slice(&answer.body).unwrap();
        assert_eq!(answer.headers["x-iamd-reason"], body["message"].as_str().unwrap());
        format!("{}: {}", body["code"].as_str().unwrap(), body["message"].as_str().unwrap())
    }
}

pub(crate) fn guard(server: &TestServer, settings: Value) -> Result<Guard, SettingsError> {
    let settings: GuardSettings = serde_json::from_value(settings).unwrap();
    Guard::new(Arc::clone(&server.service), &settings, &InMemory)
}

/// A client's request.
#[derive(Clone)]
pub(crate) struct Sent {
    pub(crate) method: String,
    pub(crate) target: String,
    pub(crate) host: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Sent {
    pub(crate) fn new(method: &str, target: &str) -> Self {
        Self {
            method: method.to_owned(),
            target: target.to_owned(),
            host: HOST.to_owned(),
            headers: vec![("user-agent".to_owned(), "test".to_owned())],
            body: Vec::new(),
        }
    }

    pub(crate) fn at(mut self, host: &str) -> Self {
        self.host = host.to_owned();
        self
    }

    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(crate) fn body(mut self, body: &str) -> Self {
        self.body = body.as_bytes().to_vec();
        self
    }

    /// Signs all that is there.
    pub(crate) fn sign(
        mut self,
        fixture: &Fixture,
        credentials: &Credentials,
        service: &str,
    ) -> Self {
        self.headers.insert(0, ("host".to_owned(), self.host.clone()));
        let (method, target, body) = (self.method.clone(), self.target.clone(), self.body.clone());
        let request = (method.as_str(), target.as_str());
        fixture.server.sign(credentials, service, request, &mut self.headers, &body);
        self.headers.remove(0);
        self
    }

    /// What nginx asks about it.
    pub(crate) fn through_nginx(&self, point: &str) -> Incoming {
        let mut headers = header_map(&self.headers);
        let mut set = |name: &'static str, value: &str| {
            headers.insert(name, HeaderValue::from_str(value).unwrap());
        };
        set("host", "guard.internal:4262");
        set("x-iamd-guard-token", &token(point));
        set("x-original-method", &self.method);
        set("x-original-uri", &self.target);
        set("x-original-host", &self.host);
        set("x-original-scheme", "https");
        set("x-original-remote-addr", "198.51.100.7");
        set("x-original-protocol", "HTTP/1.1");
        if !self.body.is_empty() {
            set("x-original-content-length", &self.body.len().to_string());
        }
        incoming(Method::GET, "/-/nginx", headers, b"")
    }
}

pub(crate) fn incoming(method: Method, target: &str, headers: HeaderMap, body: &[u8]) -> Incoming {
    Incoming {
        method,
        target: target.to_owned(),
        headers,
        body: Bytes::copy_from_slice(body),
        address: "10.0.0.1".parse().ok(),
        certificate: None,
    }
}

pub(crate) fn header_map(headers: &[(String, String)]) -> HeaderMap {
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        let name: HeaderName = name.parse().unwrap();
        map.append(name, HeaderValue::from_str(value).unwrap());
    }
    map
}

/// A question in JSON to an endpoint, with this token.
pub(crate) async fn ask(fixture: &Fixture, path: &str, token: &str, body: &Value) -> (u16, Value) {
    let bearer = ("authorization".to_owned(), format!("Bearer {token}"));
    let request = incoming(Method::POST, path, header_map(&[bearer]), body.to_string().as_bytes());
    let answer = fixture.guard.handle(request).await;
    let body = serde_json::from_slice(&answer.body).unwrap_or(Value::Null);
    (answer.status.as_u16(), body)
}
