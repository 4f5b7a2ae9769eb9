//! For all requests: what is signed verifies, what is changed afterwards does not, and nothing
//! that is sent makes the parser panic.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test")]

use iamd_sigv4::{
    Credentials, Error, Payload, RequestParts, Settings, SigningKey, present, presign, sign,
};
use proptest::prelude::*;

const NOW: i64 = 1_440_938_160;
const ID: &str = "AKIDEXAMPLE";
const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";

/// A request as it goes over the wire.
#[derive(Clone, Debug)]
struct Wire {
    method: String,
    target: String,
    headers: Vec<(String, Vec<u8>)>,
    body: Vec<u8>,
}

impl Wire {
    fn with<T>(&self, run: impl FnOnce(&RequestParts<'_>) -> T) -> T {
        let headers: Vec<(&str, &[u8])> =
            self.headers.iter().map(|(name, value)| (name.as_str(), value.as_slice())).collect();
        run(&RequestParts { method: &self.method, target: &self.target, headers: &headers })
    }

    /// Adds what a client adds.
    fn signed(&self, token: Option<&str>, settings: &Settings<'_>) -> Self {
        let payload = Payload::Bytes(&self.body);
        let added =
            self.with(|parts| sign(parts, payload, &credentials(token), NOW, settings)).unwrap();
        let mut signed = self.clone();
        signed.headers.extend(added.into_iter().map(|(n, v)| (n.to_owned(), v.into_bytes())));
        signed
    }

    fn presigned(&self, token: Option<&str>, settings: &Settings<'_>) -> Self {
        let payload = Payload::Bytes(&self.body);
        let credentials = credentials(token);
        let target =
            self.with(|parts| presign(parts, payload, &credentials, NOW, 900, settings)).unwrap();
        Self { target, ..self.clone() }
    }

    /// Whether the request is authentic and its signer's.
    fn accepted(&self, token: Option<&str>, settings: &Settings<'_>) -> bool {
        self.with(|parts| {
            let presented = present(parts)?.ok_or(Error::MissingAuthenticationToken)?;
            if presented.access_key_id() != ID || presented.session_token() != token {
                return Err(Error::InvalidClientTokenId);
            }
            let scope = presented.scope();
            let key = SigningKey::derive(SECRET, scope.date(), scope.region(), scope.service());
            presented.verify(&key, Payload::Bytes(&self.body), NOW, settings)
        })
        .is_ok()
    }

    /// The bytes at one place, to be changed.
    fn place(&self, place: usize) -> Vec<u8> {
        match place {
            0 => self.method.clone().into_bytes(),
            1 => self.target.clone().into_bytes(),
            2 => self.body.clone(),
            _ => self.headers.get(place - 3).unwrap().1.clone(),
        }
    }

    /// The request with other bytes at one place; nothing where it would not be a request.
    fn replaced(&self, place: usize, bytes: Vec<u8>) -> Option<Self> {
        let mut changed = self.clone();
        match place {
            0 => changed.method = String::from_utf8(bytes).ok()?,
            1 => changed.target = String::from_utf8(bytes).ok()?,
            2 => changed.body = bytes,
            _ => changed.headers.get_mut(place - 3)?.1 = bytes,
        }
        Some(changed)
    }
}

fn credentials(session_token: Option<&str>) -> Credentials<'_> {
    Credentials { access_key_id: ID, secret_access_key: SECRET, session_token }
}

fn settings() -> impl Strategy<Value = Settings<'static>> {
    prop_oneof![
        Just(Settings::query("iam", Some("us-east-1"))),
        Just(Settings::query("sts", None)),
        Just(Settings { normalize_path: false, ..Settings::query("x", None) }),
        Just(Settings::s3(Some("us-east-1"))),
    ]
}

fn token() -> impl Strategy<Value = Option<String>> {
    proptest::option::of("[A-Za-z0-9+/]{1,80}={0,2}")
}

/// Requests of every kind that HTTP lets through.
fn any_request() -> impl Strategy<Value = Wire> {
    let path = "(/[ -\"$->@-~é]{0,8}){0,4}";
    let query = proptest::option::of("[ -\"$&-~é=&%20]{0,40}");
    let header = ("[A-Za-z][A-Za-z0-9-]{0,10}", "[ -~\t]{0,20}|[é ]{0,5}");
    let headers = proptest::collection::vec(header, 0..6);
    let body = proptest::collection::vec(any::<u8>(), 0..200);
    ("[A-Z]{1,8}", path, query, headers, body).prop_map(|(method, path, query, headers, body)| {
        let target = query.map_or_else(|| path.clone(), |query| format!("{path}?{query}"));
        let host = ("Host".to_owned(), "localhost:4260".to_owned());
        let headers = std::iter::once(host).chain(headers);
        let headers = headers.map(|(name, value)| (name, value.into_bytes())).collect();
        Wire { method, target, headers, body }
    })
}

/// Requests without two spellings of one thing, so that every change is a change.
fn plain_request() -> impl Strategy<Value = Wire> {
    let target =
        "(/[a-z0-9]{1,6}){1,3}(\\?[a-z]{1,4}=[a-z0-9]{1,6}(&[a-z]{1,4}=[a-z0-9]{1,6}){0,2})?";
    let body = proptest::collection::vec(any::<u8>(), 1..40);
    ("[A-Z]{3,6}", target, "[a-z0-9]{1,12}", body).prop_map(|(method, target, value, body)| {
        let headers = vec![
            ("host".to_owned(), b"localhost:4260".to_vec()),
            ("my-header".to_owned(), value.into_bytes()),
        ];
        Wire { method, target, headers, body }
    })
}

fn flip(bytes: &mut [u8], at: usize) -> bool {
    let bits = bytes.len() * 8;
    let Some(byte) = (bits > 0).then(|| at % bits).and_then(|bit| bytes.get_mut(bit / 8)) else {
        return false;
    };
    *byte ^= 1 << (at % bits % 8);
    true
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn what_is_signed_verifies(wire in any_request(), token in token(), settings in settings()) {
        // The signature is over the query's text; an escape cut short is no text.
        let named = |wire: &Wire, name: &str| wire.headers.iter().any(|(n, _)| n.eq_ignore_ascii_case(name));
        prop_assume!(!["date", "x-amz-date"].iter().any(|name| named(&wire, name)));
        let signed = wire.signed(token.as_deref(), &settings);
        let malformed = signed.with(|parts| present(parts).err());
        prop_assume!(!matches!(malformed, Some(Error::MalformedQueryString { .. })));
        prop_assert!(signed.accepted(token.as_deref(), &settings));
    }

    #[test]
    fn what_is_presigned_verifies(wire in any_request(), token in token(), settings in settings()) {
        let signed = wire.presigned(token.as_deref(), &settings);
        let malformed = signed.with(|parts| present(parts).err());
        prop_assume!(!matches!(malformed, Some(Error::MalformedQueryString { .. })));
        prop_assert!(signed.accepted(token.as_deref(), &settings));
    }

    #[test]
    fn any_bit_changed_is_refused(
        wire in plain_request(),
        token in token(),
        settings in settings(),
        query_form in any::<bool>(),
        place in any::<usize>(),
        bit in any::<usize>(),
    ) {
        let token = token.as_deref();
        let signed = match query_form {
            true => wire.presigned(token, &settings),
            false => wire.signed(token, &settings),
        };
        prop_assert!(signed.accepted(token, &settings));
        let place = place % (3 + signed.headers.len());
        let unsigned_body = query_form && settings.content_sha256 && place == 2;
        let mut bytes = signed.place(place);
        prop_assume!(!unsigned_body && flip(&mut bytes, bit));
        // Other case is another spelling: of names in SignedHeaders and of escapes.
        let spelling = bytes.eq_ignore_ascii_case(&signed.place(place))
            && (place == 1 && query_form || place == 2 + signed.headers.len());
        prop_assume!(!spelling);
        let changed = signed.replaced(place, bytes);
        prop_assume!(changed.is_some());
        prop_assert!(!changed.unwrap().accepted(token, &settings));
    }

    #[test]
    fn a_header_added_twice_or_renamed_is_refused(
        wire in plain_request(),
        settings in settings(),
        which in 0_usize..2,
        value in "[a-z]{1,5}",
    ) {
        let signed = wire.signed(None, &settings);
        let mut doubled = signed.clone();
        let name = doubled.headers.get(which).unwrap().0.clone();
        doubled.headers.push((name, value.into_bytes()));
        prop_assert!(!doubled.accepted(None, &settings));
        let mut renamed = signed;
        renamed.headers.get_mut(which).unwrap().0.push('x');
        prop_assert!(!renamed.accepted(None, &settings));
    }

    #[test]
    fn nothing_sent_makes_it_panic(
        method in ".{0,8}",
        target in ".{0,80}|/\\?(X-Amz-(Algorithm|Credential|Date|Expires|SignedHeaders|Signature)=[A-Z0-9/%;+-]{0,20}&?){0,8}",
        authorization in proptest::option::of(
            "AWS4-HMAC-SHA256 .{0,80}|((AWS4-HMAC-SHA256 )?(Credential|SignedHeaders|Signature)=[a-z0-9/;]{0,20},? ?){0,4}"
        ),
        date in proptest::option::of("[0-9]{8}T[0-9]{6}Z|.{0,30}"),
        headers in proptest::collection::vec((".{0,20}", proptest::collection::vec(any::<u8>(), 0..30)), 0..6),
        settings in settings(),
        now in any::<i64>(),
    ) {
        let mut headers = headers;
        headers.extend(authorization.map(|value| ("authorization".to_owned(), value.into_bytes())));
        headers.extend(date.map(|value| ("x-amz-date".to_owned(), value.into_bytes())));
        let wire = Wire { method, target, headers, body: Vec::new() };
        wire.with(|parts| {
            let key = SigningKey::derive(SECRET, "20150830", "us-east-1", "iam");
            match present(parts) {
                Ok(Some(presented)) => {
                    let outcome = presented.verify(&key, Payload::Bytes(b""), now, &settings);
                    prop_assert!(outcome.is_err());
                }
                Ok(None) => {}
                Err(error) => prop_assert!((400..=501).contains(&error.http_status())),
            }
            Ok(())
        })?;
    }
}
