//! The metadata document of a SAML identity provider (SAML 2.0 Metadata), read once and checked.
//!
//! The document comes from outside: no document type, no entities, bounded nodes and depth.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use iamd_types::Timestamp;
use roxmltree::{Document, Node, ParsingOptions};
use thiserror::Error;
use x509_parser::prelude::{FromDer, X509Certificate};

const METADATA: &str = "urn:oasis:names:tc:SAML:2.0:metadata";
const SIGNATURE: &str = "http://www.w3.org/2000/09/xmldsig#";
const PROTOCOL: &str = "urn:oasis:names:tc:SAML:2.0:protocol";

/// The most elements and texts of a document.
const MAX_NODES: u32 = 20_000;
/// The deepest that elements stand in one another.
const MAX_DEPTH: usize = 64;
/// The most equals signs from one `<` to the next: a bound on the attributes of an element, which the
/// parser compares with each other.
const MAX_EQUALS: usize = 500;
/// The longest entity id, in characters (SAML 2.0 Core §8.3.6).
const MAX_ENTITY_ID: usize = 1024;

/// What is known of an identity provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Metadata {
    /// Its name: the issuer of its assertions.
    pub entity_id: String,
    /// Until when the document may be used, if it says so.
    pub valid_until: Option<Timestamp>,
    /// The certificates of its signing keys (DER).
    pub signing_certificates: Vec<Vec<u8>>,
    /// Where its users sign in.
    pub sign_on_urls: Vec<String>,
}

/// Why a document is not taken.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum MetadataError {
    /// Not well-formed XML, with a document type, or too large.
    #[error("not well-formed XML without a document type, or too large")]
    Xml,
    /// The root is not one entity's descriptor.
    #[error("the root is not an EntityDescriptor")]
    Root,
    /// There is no entity id, or it is too long.
    #[error("there is no entityID, or it is too long")]
    EntityId,
    /// There is no identity provider that speaks SAML 2.0.
    #[error("there is no IDPSSODescriptor for SAML 2.0")]
    NoIdentityProvider,
    /// There is no signing certificate.
    #[error("there is no signing certificate")]
    NoCertificate,
    /// A certificate cannot be read.
    #[error("a certificate cannot be read")]
    Certificate,
    /// There is no place to sign in.
    #[error("there is no SingleSignOnService")]
    NoSignOn,
    /// The time until which the document may be used cannot be read.
    #[error("validUntil cannot be read")]
    ValidUntil,
}

impl Metadata {
    /// Reads and checks a document.
    ///
    /// # Errors
    /// See [`MetadataError`].
    pub fn parse(text: &str) -> Result<Self, MetadataError> {
        if is_too_complex(text) {
            return Err(MetadataError::Xml);
        }
        let options =
            ParsingOptions { allow_dtd: false, nodes_limit: MAX_NODES, ..Default::default() };
        let text = text.trim_start_matches('\u{feff}');
        let document =
            Document::parse_with_options(text, options).map_err(|_| MetadataError::Xml)?;
        let root = document.root_element();
        if !is(root, METADATA, "EntityDescriptor") {
            return Err(MetadataError::Root);
        }
        let entity_id = root.attribute("entityID").filter(|id| !id.trim().is_empty());
        let entity_id = entity_id.filter(|id| id.chars().count() <= MAX_ENTITY_ID);
        let entity_id = entity_id.ok_or(MetadataError::EntityId)?.to_owned();
        let providers: Vec<_> = children(root, METADATA, "IDPSSODescriptor")
            .filter(|provider| {
                let protocols = provider.attribute("protocolSupportEnumeration");
                protocols.unwrap_or_default().split_ascii_whitespace().any(|it| it == PROTOCOL)
            })
            .collect();
        if providers.is_empty() {
            return Err(MetadataError::NoIdentityProvider);
        }
        let mut signing_certificates = Vec::new();
        let mut sign_on_urls = Vec::new();
        for provider in &providers {
            collect_certificates(*provider, &mut signing_certificates)?;
            let services = children(*provider, METADATA, "SingleSignOnService");
            sign_on_urls
                .extend(services.filter_map(|it| it.attribute("Location")).map(str::to_owned));
        }
        if signing_certificates.is_empty() {
            return Err(MetadataError::NoCertificate);
        }
        if sign_on_urls.is_empty() {
            return Err(MetadataError::NoSignOn);
        }
        let valid_until = earliest([root].into_iter().chain(providers))?;
        Ok(Self { entity_id, valid_until, signing_certificates, sign_on_urls })
    }
}

fn is(node: Node<'_, '_>, namespace: &str, name: &str) -> bool {
    node.has_tag_name((namespace, name))
}

fn children<'a, 'i>(
    node: Node<'a, 'i>,
    namespace: &'static str,
    name: &'static str,
) -> impl Iterator<Item = Node<'a, 'i>> {
    node.children().filter(move |child| is(*child, namespace, name))
}

/// The certificates of a descriptor's keys that may sign: those that say so, and those that say nothing.
fn collect_certificates(
    provider: Node<'_, '_>,
    into: &mut Vec<Vec<u8>>,
) -> Result<(), MetadataError> {
    let keys = children(provider, METADATA, "KeyDescriptor");
    for key in keys.filter(|key| key.attribute("use").is_none_or(|usage| usage == "signing")) {
        for node in key.descendants().filter(|node| is(*node, SIGNATURE, "X509Certificate")) {
            // Text in several pieces would let a comment split it.
            let text: String = node.text().unwrap_or_default().split_ascii_whitespace().collect();
            let der = STANDARD.decode(text).map_err(|_| MetadataError::Certificate)?;
            match X509Certificate::from_der(&der) {
                Ok(([], _)) => into.push(der),
                _ => return Err(MetadataError::Certificate),
            }
        }
    }
    Ok(())
}

/// The earliest `validUntil` of the elements.
fn earliest<'a, 'i: 'a>(
    nodes: impl Iterator<Item = Node<'a, 'i>>,
) -> Result<Option<Timestamp>, MetadataError> {
    let times = nodes.filter_map(|node| node.attribute("validUntil"));
    times.map(|text| Timestamp::parse(text.trim()).ok_or(MetadataError::ValidUntil)).try_fold(
        None,
        |earliest: Option<Timestamp>, time| {
            let time = time?;
            Ok(Some(earliest.map_or(time, |other| other.min(time))))
        },
    )
}

/// A bound on depth and attributes before the parser is asked. What is no element is skipped as the parser
/// skips it.
fn is_too_complex(text: &str) -> bool {
    const SKIPPED: [(&str, &str); 3] = [("!--", "-->"), ("![CDATA[", "]]>"), ("?", "?>")];
    let mut depth = 0usize;
    let mut rest = text;
    while let Some((_, after)) = rest.split_once('<') {
        rest = after;
        if let Some((_, end)) = SKIPPED.iter().find(|(start, _)| after.starts_with(start)) {
            rest = after.split_once(end).map_or("", |(_, rest)| rest);
            continue;
        }
        if after.starts_with('/') {
            depth = depth.saturating_sub(1);
        } else if after.split_once('>').is_none_or(|(tag, _)| !tag.ends_with('/')) {
            depth += 1;
        }
        let until_next = after.split_once('<').map_or(after, |(this, _)| this);
        let equals = until_next.bytes().filter(|byte| *byte == b'=').count();
        if depth > MAX_DEPTH || equals > MAX_EQUALS {
            return true;
        }
    }
    false
}
