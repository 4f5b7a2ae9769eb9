//! Metadata of SAML providers: what is read, what is refused, and that nothing makes the reader fail.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use iamd_federation::metadata::{Metadata, MetadataError};
use proptest::prelude::*;

const DOCUMENT: &str = include_str!("../../testkit/data/saml-metadata.xml");

fn refused(document: &str) -> MetadataError {
    Metadata::parse(document).unwrap_err()
}

#[test]
fn what_is_read() {
    let metadata = Metadata::parse(DOCUMENT).unwrap();
    assert_eq!(metadata.entity_id, "https://idp.example.com/metadata");
    assert_eq!(metadata.sign_on_urls, ["https://idp.example.com/sso"]);
    assert_eq!(metadata.signing_certificates.len(), 1);
    assert_eq!(metadata.valid_until, None);
}

#[test]
fn the_earliest_end_counts() {
    let document =
        DOCUMENT.replace("entityID=", "validUntil=\"2030-01-01T00:00:00Z\" entityID=").replace(
            "<md:IDPSSODescriptor",
            "<md:IDPSSODescriptor validUntil=\"2029-01-01T00:00:00Z\"",
        );
    let end = Metadata::parse(&document).unwrap().valid_until.unwrap();
    assert_eq!(end.to_string(), "2029-01-01T00:00:00Z");
    let document = document.replace("2030-01-01T00:00:00Z", "soon");
    assert_eq!(refused(&document), MetadataError::ValidUntil);
}

#[test]
fn what_is_missing_is_told() {
    let certificate = |text: &str| {
        let (before, rest) = DOCUMENT.split_once("<ds:X509Certificate>").unwrap();
        let (_, after) = rest.split_once("</ds:X509Certificate>").unwrap();
        format!("{before}<ds:X509Certificate>{text}</ds:X509Certificate>{after}")
    };
    let cases = [
        (DOCUMENT.replace("entityID=", "id="), MetadataError::EntityId),
        (DOCUMENT.replace("https://idp.example.com/metadata", ""), MetadataError::EntityId),
        (DOCUMENT.replace("SAML:2.0:protocol", "SAML:1.1"), MetadataError::NoIdentityProvider),
        (DOCUMENT.replace("use=\"signing\"", "use=\"encryption\""), MetadataError::NoCertificate),
        (DOCUMENT.replace("md:SingleSignOnService", "md:Other"), MetadataError::NoSignOn),
        (DOCUMENT.replace("EntityDescriptor", "EntitiesDescriptor"), MetadataError::Root),
        (certificate("AAAA"), MetadataError::Certificate),
        (certificate("not base64"), MetadataError::Certificate),
        (certificate("<!-- x -->"), MetadataError::Certificate),
        ("plain".to_owned(), MetadataError::Xml),
    ];
    for (document, error) in cases {
        assert_eq!(refused(&document), error, "{document}");
    }
}

#[test]
fn known_attacks() {
    let bomb = format!("<!DOCTYPE x [<!ENTITY a \"aaaa\"><!ENTITY b \"&a;&a;\">]>{DOCUMENT}");
    let outside = format!("<!DOCTYPE x SYSTEM \"file:///etc/passwd\">{DOCUMENT}");
    let deep = "<a>".repeat(1_000_000);
    let hidden = "<a><!-- </a> -->".repeat(100_000);
    let quoted = "<a x='</a>'>".repeat(100_000);
    let wide = format!("<a>{}</a>", "<b/>".repeat(100_000));
    let attributes =
        format!("<a {}/>", (0..100_000).map(|n| format!("x{n}='' ")).collect::<String>());
    for document in [bomb, outside, deep, hidden, quoted, wide, attributes] {
        assert_eq!(refused(&document), MetadataError::Xml);
    }
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused(text in "(<[a-z!?/]{0,3}|>|[a-z=\"' ]|&[a-z#]{0,3};|\\PC){0,200}") {
        let _ = Metadata::parse(&text);
    }

    #[test]
    fn a_damaged_document_is_read_or_refused(at in 0..DOCUMENT.len(), with in "\\PC{0,4}", cut in 0..40usize) {
        let end = (at + cut).min(DOCUMENT.len());
        let damaged = format!("{}{with}{}", DOCUMENT.split_at(at).0, DOCUMENT.split_at(end).1);
        let _ = Metadata::parse(&damaged);
    }
}
