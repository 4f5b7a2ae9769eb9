//! Who a request comes from when proxies stand between.
//!
//! Headers are believed only as far as the connection vouches for them: a header that comes from
//! an address outside the configured proxies says nothing at all.

use std::net::{IpAddr, SocketAddr};

use http::HeaderMap;
use ipnet::IpNet;

/// The caller as policies see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Caller {
    /// `aws:SourceIp`.
    pub address: IpAddr,
    /// `aws:SecureTransport`: the caller spoke TLS, to us or to a trusted proxy.
    pub secure: bool,
}

/// Addresses in `x-forwarded-for` that are looked at, from the right. Longer chains of trusted
/// proxies do not exist.
const MAX_HOPS: usize = 32;

/// Derives the caller from the connection and, if its peer is one of the `trusted` proxies, from
/// the headers `x-forwarded-for` and `x-forwarded-proto`.
///
/// Each proxy appends the address that it was called from, so the list is read from the right for
/// as long as the address that vouches for the next entry is trusted. What cannot be read as an
/// address ends the walk at the last hop known. Trusted proxies must set both headers themselves:
/// one that passes on what its caller sent makes the caller's word its own.
pub fn caller(peer: SocketAddr, tls: bool, headers: &HeaderMap, trusted: &[IpNet]) -> Caller {
    let mut address = peer.ip().to_canonical();
    if trusted.is_empty() || !is_trusted(address, trusted) {
        return Caller { address, secure: tls };
    }
    let secure = tls || forwarded_proto_is_https(headers);
    let hops = headers.get_all("x-forwarded-for").iter().rev().flat_map(|value| {
        // A value that is not text makes one entry that is not an address.
        value.to_str().unwrap_or("?").rsplit(',')
    });
    for hop in hops.take(MAX_HOPS) {
        let Some(next) = parse_hop(hop.trim()) else {
            break;
        };
        address = next;
        if !is_trusted(address, trusted) {
            break;
        }
    }
    Caller { address, secure }
}

fn is_trusted(address: IpAddr, trusted: &[IpNet]) -> bool {
    trusted.iter().any(|network| network.contains(&address))
}

/// `192.0.2.1`, `192.0.2.1:4711`, `2001:db8::1`, `[2001:db8::1]` or `[2001:db8::1]:4711`.
fn parse_hop(text: &str) -> Option<IpAddr> {
    let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
    bare.parse::<IpAddr>()
        .or_else(|_| text.parse::<SocketAddr>().map(|address| address.ip()))
        .ok()
        .map(|address| address.to_canonical())
}

/// Only a single, unambiguous value counts.
fn forwarded_proto_is_https(headers: &HeaderMap) -> bool {
    let mut values = headers.get_all("x-forwarded-proto").iter();
    let first = values.next();
    values.next().is_none()
        && first.is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"https"))
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderValue};
    use proptest::prelude::*;

    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, HeaderValue::from_str(value).unwrap());
        }
        headers
    }

    fn address(peer: &str, forwarded: &[&str]) -> String {
        let pairs: Vec<_> = forwarded.iter().map(|value| ("x-forwarded-for", *value)).collect();
        let trusted = ["10.0.0.0/8".parse().unwrap(), "fd00::/8".parse().unwrap()];
        let peer = SocketAddr::new(peer.parse().unwrap(), 4711);
        caller(peer, false, &headers(&pairs), &trusted).address.to_string()
    }

    #[test]
    fn headers_of_strangers_are_not_believed() {
        assert_eq!(address("192.0.2.1", &["198.51.100.7"]), "192.0.2.1");
    }

    #[test]
    fn nobody_is_trusted_by_default() {
        let forwarded =
            headers(&[("x-forwarded-for", "198.51.100.7"), ("x-forwarded-proto", "https")]);
        let peer = SocketAddr::from(([127, 0, 0, 1], 1));
        let expected = Caller { address: peer.ip(), secure: false };
        assert_eq!(caller(peer, false, &forwarded, &[]), expected);
    }

    #[test]
    fn the_list_is_read_from_the_right_through_trusted_proxies() {
        assert_eq!(address("10.0.0.1", &["198.51.100.7"]), "198.51.100.7");
        assert_eq!(address("10.0.0.1", &["203.0.113.9, 198.51.100.7, 10.0.0.2"]), "198.51.100.7");
        assert_eq!(address("10.0.0.1", &["203.0.113.9, 198.51.100.7"]), "198.51.100.7");
        assert_eq!(address("10.0.0.1", &["10.9.9.9"]), "10.9.9.9");
    }

    #[test]
    fn repeated_headers_are_one_list() {
        assert_eq!(address("10.0.0.1", &["203.0.113.9", "198.51.100.7,10.0.0.2"]), "198.51.100.7");
        assert_eq!(address("10.0.0.1", &["198.51.100.7", "10.0.0.2"]), "198.51.100.7");
    }

    #[test]
    fn what_is_no_address_ends_the_walk() {
        assert_eq!(address("10.0.0.1", &["198.51.100.7, unknown"]), "10.0.0.1");
        assert_eq!(address("10.0.0.1", &["198.51.100.7,, 10.0.0.2"]), "10.0.0.2");
        assert_eq!(address("10.0.0.1", &[]), "10.0.0.1");
    }

    #[test]
    fn ports_brackets_and_mapped_addresses() {
        assert_eq!(address("10.0.0.1", &["198.51.100.7:4711"]), "198.51.100.7");
        assert_eq!(address("fd00::1", &["[2001:db8::1]:4711"]), "2001:db8::1");
        assert_eq!(address("fd00::1", &["[2001:db8::1]"]), "2001:db8::1");
        assert_eq!(address("::ffff:10.0.0.1", &["::ffff:198.51.100.7"]), "198.51.100.7");
    }

    #[test]
    fn the_scheme_comes_from_the_connection_or_a_trusted_proxy() {
        let trusted = ["10.0.0.0/8".parse().unwrap()];
        let secure = |peer: [u8; 4], tls, pairs: &[_]| {
            caller(SocketAddr::from((peer, 1)), tls, &headers(pairs), &trusted).secure
        };
        let https = [("x-forwarded-proto", "https")];
        assert!(secure([192, 0, 2, 1], true, &[]));
        assert!(!secure([192, 0, 2, 1], false, &https));
        assert!(secure([10, 0, 0, 1], false, &https));
        assert!(!secure([10, 0, 0, 1], false, &[("x-forwarded-proto", "http")]));
        assert!(!secure([10, 0, 0, 1], false, &[https[0], ("x-forwarded-proto", "http")]));
        assert!(!secure([10, 0, 0, 1], false, &[("x-forwarded-proto", "https,http")]));
    }

    proptest! {
        #[test]
        fn any_header_value_is_survived(values in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..60), 0..4)) {
            let mut headers = HeaderMap::new();
            for value in &values {
                if let Ok(value) = HeaderValue::from_bytes(value) {
                    headers.append("x-forwarded-for", value);
                }
            }
            let trusted = ["10.0.0.0/8".parse().unwrap()];
            caller(SocketAddr::from(([10, 0, 0, 1], 1)), false, &headers, &trusted);
        }
    }
}
