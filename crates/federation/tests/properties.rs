//! What strangers give: any text is read or refused, without a panic, and what was read is what was written.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that goes wrong fails")]

use std::sync::LazyLock;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use iamd_federation::{Algorithm, HostPattern, IssuerUrl, Jwk, MintedKey, Token, mint, sign};
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Map, Value, json};

static KEY: LazyLock<MintedKey> = LazyLock::new(|| mint(Algorithm::Es384).unwrap());

fn keys() -> Vec<Jwk> {
    Jwk::read_set(format!(r#"{{"keys":[{}]}}"#, KEY.public).as_bytes()).unwrap()
}

/// Any JSON, with the values that claims, headers and keys have more often than others.
fn value() -> impl Strategy<Value = Value> {
    let known = ["RS256", "ES384", "JWT", "RSA", "EC", "P-256", "P-521", "sig", "AQAB", "app", ""];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,12}".prop_map(Value::from),
        select(known.to_vec()).prop_map(Value::from),
        vec(any::<u8>(), 0..80).prop_map(|bytes| URL_SAFE_NO_PAD.encode(bytes).into()),
        Just(Value::from(1_770_888_600)),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        let names = select(vec!["principal_tags", "transitive_tag_keys", "team", ""]);
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Value::from),
            btree_map(names, inner, 0..4).prop_map(|map| {
                map.into_iter().map(|(name, value)| (name.to_owned(), value)).collect::<Value>()
            }),
        ]
    })
}

/// An object with some of these names.
fn object(names: &'static [&'static str]) -> impl Strategy<Value = Map<String, Value>> {
    btree_map(select(names), value(), 0..names.len())
        .prop_map(|map| map.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
}

const HEADERS: &[&str] = &["alg", "kid", "typ", "crit", "b64", "x"];
const MEMBERS: &[&str] = &["kty", "kid", "alg", "use", "key_ops", "crv", "n", "e", "x", "y"];
const CLAIMS: &[&str] = &[
    "iss",
    "sub",
    "aud",
    "azp",
    "exp",
    "nbf",
    "iat",
    "amr",
    "email",
    "https://aws.amazon.com/tags",
    "https://aws.amazon.com/source_identity",
];

proptest! {
    #[test]
    fn any_text_is_a_token_or_none(text in r"\PC{0,60}|[A-Za-z0-9_.-]{0,200}") {
        let _ = Token::parse(&text);
    }

    #[test]
    fn any_header_is_taken_or_refused(
        header in object(HEADERS),
        claims in object(CLAIMS),
        signature in vec(any::<u8>(), 0..140),
    ) {
        let part = |map: &Map<String, Value>| URL_SAFE_NO_PAD.encode(json!(map).to_string());
        let text =
            format!("{}.{}.{}", part(&header), part(&claims), URL_SAFE_NO_PAD.encode(signature));
        if let Ok(token) = Token::parse(&text) {
            prop_assert_eq!(token.claimed_issuer(), claims.get("iss").and_then(Value::as_str));
            prop_assert!(!header.contains_key("crit") && !header.contains_key("b64"));
            prop_assert!(token.verify(&keys()).is_none());
        }
    }

    #[test]
    fn any_signed_claims_identify_somebody_or_are_refused(
        claims in object(CLAIMS),
        now in any::<i64>(),
    ) {
        let token = sign(Algorithm::Es384, &KEY.id, &KEY.private, &json!(claims)).unwrap();
        let Ok(token) = Token::parse(&token) else { return Ok(()) };
        let verified = token.verify(&keys()).unwrap();
        for now in [now, 1_770_888_600] {
            let Ok(found) = verified.identify(now, &["app", ""]) else { continue };
            prop_assert_eq!(Some(found.subject.as_str()), verified.text("sub"));
            prop_assert!(["app", ""].contains(&found.audience.as_str()));
        }
    }

    #[test]
    fn any_bytes_are_a_key_set_or_none(bytes in vec(any::<u8>(), 0..200)) {
        let _ = Jwk::read_set(&bytes);
    }

    #[test]
    fn no_key_of_strangers_verifies(keys in vec(object(MEMBERS), 0..130)) {
        let count = keys.len();
        let set = Jwk::read_set(json!({"keys": keys}).to_string().as_bytes()).unwrap();
        prop_assert!(set.len() <= count.min(100));
        let token = sign(Algorithm::Es384, &KEY.id, &KEY.private, &json!({})).unwrap();
        prop_assert!(Token::parse(&token).unwrap().verify(&set).is_none());
    }

    #[test]
    fn a_key_of_any_numbers_verifies_nothing(
        numbers in [vec(any::<u8>(), 0..300), vec(any::<u8>(), 0..6)],
        size in select(vec![32, 48, 66]),
        coordinates in vec(any::<u8>(), 132),
        signature in vec(any::<u8>(), 0..300),
    ) {
        let encode = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        let [n, e] = numbers.each_ref().map(|number| encode(number));
        let (x, y) = coordinates.split_at(66);
        let (x, y) = (encode(x.get(..size).unwrap()), encode(y.get(..size).unwrap()));
        let keys = ["P-256", "P-384", "P-521"]
            .map(|curve| json!({"kty": "EC", "crv": curve, "x": x, "y": y}));
        let set = json!({"keys": [{"kty": "RSA", "n": n, "e": e}, keys[0], keys[1], keys[2]]});
        let set = Jwk::read_set(set.to_string().as_bytes()).unwrap();
        for algorithm in ["RS256", "RS384", "RS512", "ES256", "ES384", "ES512"] {
            let header = encode(json!({"alg": algorithm}).to_string().as_bytes());
            let text = format!("{header}.e30.{}", encode(&signature));
            prop_assert!(Token::parse(&text).unwrap().verify(&set).is_none());
        }
    }

    #[test]
    fn an_issuers_url_is_read_as_it_was_written(
        text in r"\PC{0,40}|https://\PC{0,40}|https://[a-zA-Z0-9.:\[\]/_-]{0,40}",
    ) {
        let Ok(url) = IssuerUrl::parse(&text) else { return Ok(()) };
        prop_assert_eq!(url.to_url(), text.as_str());
        prop_assert!(!url.host().is_empty() && url.port() != 0);
        prop_assert!(!url.host().contains(['/', '@']));
        prop_assert!(url.name().starts_with(url.host()));
    }

    #[test]
    fn a_host_pattern_is_shown_as_it_is_read(
        text in r"\PC{0,30}|(\*\.)?[a-zA-Z0-9.:\[\]_-]{1,30}|(\*\.)?[a-z]{1,9}\.[a-z]{2}(:[0-9]{1,5})?",
    ) {
        let Ok(pattern) = text.parse::<HostPattern>() else { return Ok(()) };
        let shown = pattern.to_string();
        prop_assert_eq!(shown.parse::<HostPattern>(), Ok(pattern));
    }
}

#[test]
fn what_is_too_long_is_refused() {
    let url = |length| IssuerUrl::parse(&format!("https://a.b/{}", "x".repeat(length)));
    assert!(url(1012).is_ok());
    assert!(url(1013).is_err());
    let key = &*KEY;
    let token = |length: usize| {
        let claims = json!({"sub": "x".repeat(length)});
        sign(Algorithm::Es384, &key.id, &key.private, &claims).unwrap()
    };
    assert!(Token::parse(&token(14_000)).is_ok());
    let long = token(15_000);
    assert!(long.len() > 20_000 && Token::parse(&long).is_err());
    assert!(Jwk::read_set("[".repeat(100_000).as_bytes()).is_none());
}
