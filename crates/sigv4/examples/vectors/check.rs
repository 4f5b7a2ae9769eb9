//! One vector: a request, the credentials and server it meets, and what must come out.
//!
//! Also shows how a service uses the crate: the steps between `present` and `verify` are its own.

use base64::Engine as _;
use iamd_sigv4::{
    Digests, Error, Payload, Presented, RequestParts, Settings, SigningKey, Timestamp, present,
};
use serde::Deserialize;

#[derive(Deserialize)]
struct Vector {
    id: String,
    request: Request,
    credentials: Credentials,
    server: Server,
    expect: Expect,
}

#[derive(Deserialize)]
struct Request {
    method: String,
    target: String,
    headers: Vec<(String, String)>,
    #[serde(default)]
    body_b64: Option<String>,
}

#[derive(Deserialize)]
struct Credentials {
    access_key: String,
    #[serde(default)]
    secret_key: String,
    #[serde(default = "yes")]
    known: bool,
    #[serde(default)]
    session_token: Option<String>,
    #[serde(default)]
    token_expired: Option<bool>,
}

fn yes() -> bool {
    true
}

#[derive(Deserialize)]
struct Server {
    now: String,
    region: Option<String>,
    service: String,
    double_encode_path: Option<bool>,
    normalize_path: Option<bool>,
}

#[derive(Deserialize)]
struct Expect {
    valid: bool,
    #[serde(default)]
    canonical_request_sha256: Option<String>,
    #[serde(default)]
    string_to_sign_sha256: Option<String>,
    #[serde(default)]
    signature: Option<String>,
    #[serde(default)]
    errors: Option<Vec<String>>,
    #[serde(default)]
    message: Option<String>,
}

/// Checks one line.
///
/// # Errors
/// The vector's id with what came out and what was wanted.
pub(crate) fn line(text: &str) -> Result<(), String> {
    let vector: Vector = serde_json::from_str(text).map_err(|e| format!("{e}: {text:.80}"))?;
    vector.check().map_err(|failure| format!("{}: {failure}", vector.id))
}

impl Vector {
    fn check(&self) -> Result<(), String> {
        let body = self.request.body()?;
        let now = self.server.now()?;
        let headers = self.request.headers();
        let parts = RequestParts {
            method: &self.request.method,
            target: &self.request.target,
            headers: &headers,
        };
        let settings = self.server.settings();
        let presented = present(&parts);
        if let (Ok(Some(presented)), true) = (&presented, self.expect.valid) {
            let key = self.credentials.key(presented);
            let digests = presented.digests(&key, Payload::Bytes(&body), &settings);
            self.expect.compare_digests(digests.ok())?;
        }
        self.expect.compare(self.decide(presented, &body, now, &settings))
    }

    /// What a service does: present, look the key up, check the token, verify.
    fn decide(
        &self,
        presented: Result<Option<Presented<'_>>, Error>,
        body: &[u8],
        now: i64,
        settings: &Settings<'_>,
    ) -> Result<(), Error> {
        let presented = presented?.ok_or(Error::MissingAuthenticationToken)?;
        let credentials = &self.credentials;
        if !credentials.known
            || presented.access_key_id() != credentials.access_key
            || presented.session_token() != credentials.session_token.as_deref()
        {
            return Err(Error::InvalidClientTokenId);
        }
        if credentials.token_expired == Some(true) {
            return Err(Error::ExpiredToken);
        }
        presented.verify(&credentials.key(&presented), Payload::Bytes(body), now, settings)
    }
}

impl Request {
    fn headers(&self) -> Vec<(&str, &[u8])> {
        self.headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect()
    }

    fn body(&self) -> Result<Vec<u8>, String> {
        let text = self.body_b64.as_deref().unwrap_or("");
        base64::prelude::BASE64_STANDARD.decode(text).map_err(|error| format!("body_b64: {error}"))
    }
}

impl Credentials {
    fn key(&self, presented: &Presented<'_>) -> SigningKey {
        let scope = presented.scope();
        SigningKey::derive(&self.secret_key, scope.date(), scope.region(), scope.service())
    }
}

impl Server {
    fn now(&self) -> Result<i64, String> {
        let text = self.now.replace("+00:00", "Z");
        let time = Timestamp::parse_date_header(text.as_bytes());
        time.map(Timestamp::unix_seconds).ok_or_else(|| format!("now: {}", self.now))
    }

    fn settings(&self) -> Settings<'_> {
        let region = self.region.as_deref();
        let mut settings = match self.service.as_str() {
            "s3" => Settings::s3(region),
            service => Settings::query(service, region),
        };
        settings.double_encode_path =
            self.double_encode_path.unwrap_or(settings.double_encode_path);
        settings.normalize_path = self.normalize_path.unwrap_or(settings.normalize_path);
        settings
    }
}

impl Expect {
    fn compare_digests(&self, digests: Option<Digests>) -> Result<(), String> {
        let Some(digests) = digests else { return Ok(()) };
        for (name, wanted, got) in [
            ("canonical request", &self.canonical_request_sha256, digests.canonical_request),
            ("string to sign", &self.string_to_sign_sha256, digests.string_to_sign),
            ("signature", &self.signature, digests.signature),
        ] {
            let got: String = got.iter().map(|byte| format!("{byte:02x}")).collect();
            match wanted {
                Some(wanted) if *wanted != got => {
                    return Err(format!("{name}: got {got}, want {wanted}"));
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn compare(&self, outcome: Result<(), Error>) -> Result<(), String> {
        let error = match outcome {
            Ok(()) if self.valid => return Ok(()),
            Ok(()) => return Err(format!("got valid, want {:?}", self.errors)),
            Err(error) => error,
        };
        let codes = self.errors.as_deref().unwrap_or_default();
        if self.valid || !(codes.is_empty() || codes.iter().any(|code| code == error.code())) {
            return Err(format!("got {} ({error}), want {:?}", error.code(), self.errors));
        }
        match &self.message {
            Some(message) if *message != error.to_string() => {
                Err(format!("got `{error}`, want `{message}`"))
            }
            _ => Ok(()),
        }
    }
}
