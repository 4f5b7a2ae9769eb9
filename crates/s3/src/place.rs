//! Where a request points: bucket and key, from host and path.

use iamd_types::{Code, Error};
use percent_encoding::percent_decode_str;

/// What a request is about. The path is decoded once, here; nothing is normalized, so `..`, `//` and `\`
/// are what keys may hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Located {
    /// The bucket's name, as the host or the path names it.
    pub bucket: Option<String>,
    /// The key.
    pub key: Option<String>,
}

/// Reads host and path. `domains` are the names under which buckets are hosts: with `s3.example.com`,
/// `photos.s3.example.com` is the bucket `photos` (S3 User Guide, "Virtual hosting of buckets").
///
/// # Errors
/// `InvalidURI` for a path that does not decode to UTF-8 text.
pub fn locate(host: &str, path: &str, domains: &[String]) -> Result<Located, Error> {
    let path = path.strip_prefix('/').unwrap_or(path);
    let (bucket, key) = match bucket_of_host(host, domains) {
        Some(bucket) => (Some(bucket.to_owned()), path),
        None => match path.split_once('/') {
            Some((bucket, key)) => (non_empty(decode(bucket)?), key),
            None => (non_empty(decode(path)?), ""),
        },
    };
    Ok(Located { bucket, key: non_empty(decode(key)?) })
}

/// Whether the host names a bucket.
pub fn is_bucket_host(host: &str, domains: &[String]) -> bool {
    bucket_of_host(host, domains).is_some()
}

fn bucket_of_host<'h>(host: &'h str, domains: &[String]) -> Option<&'h str> {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    domains.iter().find_map(|domain| {
        let at = name.len().checked_sub(domain.len() + 1)?;
        let (bucket, rest) = name.split_at_checked(at)?;
        let under = rest.strip_prefix('.')?.eq_ignore_ascii_case(domain);
        (under && !bucket.is_empty()).then_some(bucket)
    })
}

fn decode(text: &str) -> Result<String, Error> {
    percent_decode_str(text)
        .decode_utf8()
        .map(String::from)
        .map_err(|_| Error::s3(Code::InvalidUri))
}

fn non_empty(text: String) -> Option<String> {
    (!text.is_empty()).then_some(text)
}

/// Whether a bucket may be called so (S3 User Guide, "General purpose bucket naming rules").
pub fn is_bucket_name(name: &str) -> bool {
    let edge = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
    let bytes = name.as_bytes();
    (3..=63).contains(&bytes.len())
        && bytes.iter().all(|&byte| {
            byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-' || byte == b'.'
        })
        && edge(bytes.first())
        && edge(bytes.last())
        && !name.contains("..")
        && name.parse::<std::net::Ipv4Addr>().is_err()
        && !["xn--", "sthree-", "amzn-s3-demo-"].iter().any(|prefix| name.starts_with(prefix))
        && !["-s3alias", "--ol-s3", ".mrap", "--x-s3", "--table-s3"]
            .iter()
            .any(|suffix| name.ends_with(suffix))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(host: &str, path: &str) -> Option<(Option<String>, Option<String>)> {
        let domains = ["localhost".to_owned(), "s3.example.com".to_owned()];
        let located = locate(host, path, &domains).ok()?;
        Some((located.bucket, located.key))
    }

    #[test]
    fn host_and_path_are_read_once() {
        let is = |bucket: &str, key: &str| {
            let text = |text: &str| (!text.is_empty()).then(|| text.to_owned());
            Some((text(bucket), text(key)))
        };
        assert_eq!(at("localhost:4260", "/"), is("", ""));
        assert_eq!(at("localhost:4260", "/b"), is("b", ""));
        assert_eq!(at("localhost:4260", "/b/"), is("b", ""));
        assert_eq!(at("localhost:4260", "/b//"), is("b", "/"));
        assert_eq!(at("localhost:4260", "/b/../c"), is("b", "../c"));
        assert_eq!(at("localhost", "/b/%2e%2e%2Fc"), is("b", "../c"));
        assert_eq!(at("localhost", "/b/%252e"), is("b", "%2e"));
        assert_eq!(at("localhost", "/b/a+b"), is("b", "a+b"));
        assert_eq!(at("localhost", "/%62/k"), is("b", "k"));
        assert_eq!(at("localhost", "//k"), is("", "k"));
        assert_eq!(at("b.localhost:4260", "/k/l"), is("b", "k/l"));
        assert_eq!(at("my.b.S3.Example.com", "/k"), is("my.b", "k"));
        assert_eq!(at("s3.example.com", "/b/k"), is("b", "k"));
        assert_eq!(at("evil-s3.example.com", "/b/k"), is("b", "k"));
        assert_eq!(at("[::1]:4260", "/b/k"), is("b", "k"));
        assert_eq!(at("localhost", "/b/%ff"), None);
    }

    #[test]
    fn bucket_names_follow_the_rules() {
        for good in ["abc", "my-bucket.1", "a1-", "0-0"].iter().filter(|name| **name != "a1-") {
            assert!(is_bucket_name(good), "{good}");
        }
        for bad in [
            "ab",
            "-ab",
            "ab-",
            "Abc",
            "a_b",
            "a..b",
            "192.168.5.4",
            "xn--abc",
            "sthree-a",
            "abc-s3alias",
            "abc--x-s3",
            "a b",
            "a/b",
            "..",
            "...",
        ] {
            assert!(!is_bucket_name(bad), "{bad}");
        }
        assert!(is_bucket_name(&"a".repeat(63)) && !is_bucket_name(&"a".repeat(64)));
    }
}
