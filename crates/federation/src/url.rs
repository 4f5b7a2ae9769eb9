//! The URL of an issuer.

use http::Uri;
use thiserror::Error;

/// An `https` URL without user, query and fragment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IssuerUrl {
    host: String,
    port: u16,
    /// Without `https://`, exactly as given.
    name: String,
}

/// The text is no URL that an issuer can have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("not an https URL of an issuer")]
pub struct InvalidIssuerUrl;

/// The port of HTTPS.
pub(crate) const HTTPS: u16 = 443;
/// The longest URL, in bytes (IAM API reference: 255 characters).
const MAX_LENGTH: usize = 1024;

impl IssuerUrl {
    /// Reads a URL: `https://HOST[:PORT][/PATH]`.
    ///
    /// # Errors
    /// For every other form.
    pub fn parse(text: &str) -> Result<Self, InvalidIssuerUrl> {
        let name = text.strip_prefix("https://").ok_or(InvalidIssuerUrl)?;
        let plain = text.len() <= MAX_LENGTH
            && text.bytes().all(|byte| byte.is_ascii_graphic())
            && !text.contains(['?', '#', '@', '\\', '%', '"', '<', '>', '*', '$']);
        let uri: Uri = text.parse().map_err(|_| InvalidIssuerUrl)?;
        let authority = uri.authority().filter(|_| plain).ok_or(InvalidIssuerUrl)?;
        let host = authority.host();
        let port = match authority.as_str().strip_prefix(host).ok_or(InvalidIssuerUrl)? {
            "" => HTTPS,
            _ => authority.port_u16().filter(|port| *port != 0).ok_or(InvalidIssuerUrl)?,
        };
        if host.is_empty() || name.split('/').any(|step| step == ".." || step == ".") {
            return Err(InvalidIssuerUrl);
        }
        Ok(Self { host: host.to_owned(), port, name: name.to_owned() })
    }

    /// The URL without `https://`: what providers and condition keys are called by.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The whole URL.
    pub fn to_url(&self) -> String {
        format!("https://{}", self.name)
    }

    /// The host, an IPv6 address in brackets.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Where the issuer's configuration is (OpenID Connect Discovery §4).
    pub(crate) fn discovery(&self) -> String {
        format!("{}/.well-known/openid-configuration", self.to_url().trim_end_matches('/'))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms() {
        let url = IssuerUrl::parse("https://Login.example.com:8443/a/b/").unwrap();
        assert_eq!((url.host(), url.port()), ("Login.example.com", 8443));
        assert_eq!(url.name(), "Login.example.com:8443/a/b/");
        assert_eq!(
            url.discovery(),
            "https://Login.example.com:8443/a/b/.well-known/openid-configuration"
        );
        assert_eq!(IssuerUrl::parse("https://[::1]/x").unwrap().host(), "[::1]");
    }

    #[test]
    fn refusals() {
        for text in [
            "",
            "http://a.b",
            "https://",
            "https:///x",
            "https://a.b?x",
            "https://a.b#x",
            "https://u@a.b",
            "https://a.b:0",
            "https://a.b:99999",
            "https://a.b/../x",
            "https://a b",
            "https://a.b/ä",
            "https://a.b/%2e%2e",
            "HTTPS://a.b",
            "https://a.b:x",
        ] {
            assert_eq!(IssuerUrl::parse(text), Err(InvalidIssuerUrl), "{text}");
        }
    }
}
