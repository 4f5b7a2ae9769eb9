//! Where the store is, and what buckets and keys are called there.

use std::borrow::Cow;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::settings::SettingsError;

/// All but RFC 3986's unreserved characters, as Signature Version 4 wants it.
const COMPONENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
/// The same for a key, whose slashes stay.
const PATH: &AsciiSet = &COMPONENT.remove(b'/');

/// The store's URL: `http://HOST[:PORT]` or `https://HOST[:PORT]`, nothing after it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    secure: bool,
    /// Host, and port where one is given.
    authority: String,
}

impl Endpoint {
    /// Reads a URL.
    ///
    /// # Errors
    /// What is not one of the two forms, or names a user or a path.
    pub fn parse(url: &str) -> Result<Self, SettingsError> {
        let uri: http::Uri = url.parse().map_err(|_| SettingsError::Url)?;
        let secure = match uri.scheme_str() {
            Some("https") => true,
            Some("http") => false,
            _ => return Err(SettingsError::Url),
        };
        let authority = uri.authority().map(|it| it.as_str().to_ascii_lowercase());
        let authority = authority.filter(|it| !it.contains('@')).ok_or(SettingsError::Url)?;
        if uri.host().is_none_or(str::is_empty) || !matches!(uri.path(), "" | "/") {
            return Err(SettingsError::Url);
        }
        if uri.query().is_some() || url.contains('#') {
            return Err(SettingsError::Url);
        }
        Ok(Self { secure, authority })
    }

    /// Whether the way there is protected by TLS.
    pub fn is_secure(&self) -> bool {
        self.secure
    }

    /// Whether the way there does not leave this machine: `localhost` or a loopback address.
    pub fn is_loopback(&self) -> bool {
        let host = match self.authority.rsplit_once(':') {
            Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host,
            _ => &self.authority,
        };
        let address = host.trim_start_matches('[').trim_end_matches(']');
        host == "localhost"
            || address.parse().is_ok_and(|address: std::net::IpAddr| address.is_loopback())
    }

    pub(crate) fn scheme(&self) -> &'static str {
        if self.secure { "https" } else { "http" }
    }

    /// Host and path of a bucket or an object in it.
    pub(crate) fn locate(&self, virtual_hosts: bool, bucket: &str, key: Option<&str>) -> Place<'_> {
        let key = key.map(path_of).unwrap_or_default();
        if virtual_hosts {
            let host = Cow::Owned(format!("{bucket}.{}", self.authority));
            return Place { host, path: format!("/{key}") };
        }
        let bucket = utf8_percent_encode(bucket, COMPONENT);
        let separator = if key.is_empty() { "" } else { "/" };
        let path = format!("/{bucket}{separator}{key}");
        Place { host: Cow::Borrowed(&self.authority), path }
    }
}

/// What a request is sent to.
pub(crate) struct Place<'a> {
    pub(crate) host: Cow<'a, str>,
    pub(crate) path: String,
}

/// A key in a path. Segments of dots are escaped, so that nothing on the way removes them.
pub(crate) fn path_of(key: &str) -> String {
    let encoded = utf8_percent_encode(key, PATH).to_string();
    let dots = |segment: &str| matches!(segment, "." | "..");
    if !encoded.split('/').any(dots) {
        return encoded;
    }
    let segments = encoded.split('/').map(|segment| match dots(segment) {
        true => Cow::Owned(segment.replace('.', "%2E")),
        false => Cow::Borrowed(segment),
    });
    segments.collect::<Vec<_>>().join("/")
}

/// A name or a value in a query string.
pub(crate) fn component(text: &str) -> String {
    utf8_percent_encode(text, COMPONENT).to_string()
}

/// Whether a store that treats keys as paths could take this one for another: an empty segment, or
/// one of dots. A slash at the end is fine: folders end so.
pub(crate) fn is_path_like(key: &str) -> bool {
    let key = key.strip_suffix('/').unwrap_or(key);
    !key.split('/').any(|segment| matches!(segment, "" | "." | ".."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_urls_are_taken() {
        for url in ["http://localhost:9000", "https://s3.example.com", "http://[::1]:9000/"] {
            assert!(Endpoint::parse(url).is_ok(), "{url}");
        }
        for url in [
            "",
            "localhost:9000",
            "ftp://host",
            "http://",
            "http://user:password@host",
            "http://host/path",
            "http://host?a=b",
            "http://host/#a",
            "http://ho st",
        ] {
            assert!(Endpoint::parse(url).is_err(), "{url}");
        }
    }

    #[test]
    fn loopback_is_told_from_other_hosts() {
        let loopback = |url| Endpoint::parse(url).is_ok_and(|endpoint| endpoint.is_loopback());
        for url in ["http://localhost:9000", "http://127.0.0.1", "http://[::1]:9000"] {
            assert!(loopback(url), "{url}");
        }
        for url in ["http://localhost.example.com", "http://10.0.0.1:9000", "http://[2001:db8::1]"]
        {
            assert!(!loopback(url), "{url}");
        }
    }

    #[test]
    fn keys_are_encoded_once_and_keep_their_segments() {
        for (key, path) in [
            ("a/b", "a/b"),
            ("a b+c", "a%20b%2Bc"),
            ("%2e", "%252e"),
            ("../x", "%2E%2E/x"),
            ("a/./b", "a/%2E/b"),
            ("a..b/...", "a..b/..."),
            ("a//b", "a//b"),
            ("ä?#", "%C3%A4%3F%23"),
        ] {
            assert_eq!(path_of(key), path, "{key}");
        }
    }

    #[test]
    fn path_like_keys() {
        for key in ["a", "a/b", "a/", ".a", "a..b", "...", "a b"] {
            assert!(is_path_like(key), "{key}");
        }
        for key in ["", "/", "/a", "a//b", "a//", ".", "..", "a/../b", "./a", "a/.", "a/../"] {
            assert!(!is_path_like(key), "{key}");
        }
    }

    #[test]
    fn buckets_are_paths_or_hosts() {
        let endpoint = Endpoint::parse("http://store:9000").unwrap();
        let locate = |virtual_hosts, key| {
            let place = endpoint.locate(virtual_hosts, "bucket", key);
            format!("{} {}", place.host, place.path)
        };
        assert_eq!(locate(false, None), "store:9000 /bucket");
        assert_eq!(locate(false, Some("/k")), "store:9000 /bucket//k");
        assert_eq!(locate(true, None), "bucket.store:9000 /");
        assert_eq!(locate(true, Some("a/k")), "bucket.store:9000 /a/k");
    }
}
