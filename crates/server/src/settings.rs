//! The types of single settings: how each is written, and what is refused.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use clap::ValueEnum;
use ipnet::IpNet;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A value that is written as text, on the command line and in the file alike.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Text<T>(pub(crate) T);

impl<T: FromStr> FromStr for Text<T> {
    type Err = T::Err;

    fn from_str(text: &str) -> Result<Self, T::Err> {
        text.parse().map(Self)
    }
}

impl<T: fmt::Display> Serialize for Text<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl<'de, T: FromStr<Err: fmt::Display>> Deserialize<'de> for Text<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map(Self).map_err(serde::de::Error::custom)
    }
}

/// `HOST:PORT`, where the host may be a name, an address, or an IPv6 address in brackets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Endpoint {
    pub(crate) host: String,
    pub(crate) port: u16,
}

impl FromStr for Endpoint {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const FORM: &str = "expected HOST:PORT, such as localhost:4260 or [::]:4260";
        let (host, port) = text.rsplit_once(':').ok_or(FORM)?;
        let port = port.parse().map_err(|_| FORM)?;
        let bare = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
        let host = match bare {
            Some(bare) if bare.parse::<IpAddr>().is_ok() => bare,
            None if !host.is_empty() && !host.contains([':', '[', ']', '/']) => host,
            _ => return Err(FORM),
        };
        Ok(Self { host: host.to_owned(), port })
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { host, port } = self;
        if host.contains(':') { write!(f, "[{host}]:{port}") } else { write!(f, "{host}:{port}") }
    }
}

/// A network such as `10.0.0.0/8`, or a single address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Network(pub(crate) IpNet);

impl FromStr for Network {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse()
            .or_else(|_| text.parse().map(|address: IpAddr| IpNet::from(address)))
            .map(Self)
            .map_err(|_| "expected an address or a network, such as 10.0.0.0/8")
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// `http` or `https`, a host, and perhaps a port and a path; without a slash at its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PublicUrl(pub(crate) String);

impl FromStr for PublicUrl {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const FORM: &str = "expected a URL such as https://iam.example.com";
        let uri: http::Uri = text.parse().map_err(|_| FORM)?;
        let is_web = matches!(uri.scheme_str(), Some("http" | "https"));
        if !is_web || text.ends_with('/') || text.contains(['?', '#', '@']) {
            return Err(FORM);
        }
        Ok(Self(text.to_owned()))
    }
}

impl PublicUrl {
    /// The host in it.
    pub(crate) fn host(&self) -> Option<String> {
        let uri: http::Uri = self.0.parse().ok()?;
        uri.host().map(str::to_owned)
    }
}

impl fmt::Display for PublicUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The name of a host, such as `s3.example.com`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct HostName(pub(crate) String);

impl FromStr for HostName {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let label = |label: &str| {
            (1..=63).contains(&label.len())
                && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        };
        if text.len() > 253 || !text.split('.').all(label) || text.parse::<IpAddr>().is_ok() {
            return Err("expected the name of a host, such as s3.example.com");
        }
        Ok(Self(text.to_ascii_lowercase()))
    }
}

impl fmt::Display for HostName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A region's name, such as `eu-central-1`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Region(pub(crate) String);

impl FromStr for Region {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let well_formed = (1..=64).contains(&text.len())
            && text.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-'));
        if well_formed {
            Ok(Self(text.to_owned()))
        } else {
            Err("expected a region, such as us-east-1")
        }
    }
}

impl fmt::Display for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// An e-mail address, as far as one can tell without sending to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Email(pub(crate) String);

impl FromStr for Email {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        // AWS: 6 to 64 characters, `[^\s@]+@[^\s@]+\.[^\s@]+` (Organizations, CreateAccount).
        let clean = text.chars().all(|c| !c.is_whitespace() && !c.is_control());
        let domain = text.split_once('@').map(|(name, domain)| (name, domain.rsplit_once('.')));
        let shaped = matches!(domain, Some((name, Some((site, top))))
            if !name.is_empty() && !site.is_empty() && !top.is_empty() && !site.contains('@') && !top.contains('@'));
        if clean && shaped && (6..=64).contains(&text.len()) {
            Ok(Self(text.to_owned()))
        } else {
            Err("expected an e-mail address of 6 to 64 characters")
        }
    }
}

impl fmt::Display for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Whether something is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Switch {
    On,
    Off,
}

/// The form of log lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum LogFormat {
    Text,
    Json,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints() {
        for text in ["localhost:4260", "127.0.0.1:0", "[::1]:4260", "iam.example.com:65535"] {
            assert_eq!(text.parse::<Endpoint>().unwrap().to_string(), text);
        }
        for text in
            ["", "4260", ":4260", "::1:4260", "[::1]", "localhost:65536", "http://a:1", "[a]:1"]
        {
            assert!(text.parse::<Endpoint>().is_err(), "{text}");
        }
    }

    #[test]
    fn networks() {
        let network = |text: &str| text.parse::<Network>().map(|network| network.to_string());
        assert_eq!(network("10.0.0.0/8").unwrap(), "10.0.0.0/8");
        assert_eq!(network("192.0.2.1").unwrap(), "192.0.2.1/32");
        assert_eq!(network("fd00::/8").unwrap(), "fd00::/8");
        assert!(network("10.0.0.0/33").is_err());
        assert!(network("proxy").is_err());
    }

    #[test]
    fn e_mail_addresses() {
        assert!("root@example.com".parse::<Email>().is_ok());
        for text in [
            "",
            "root",
            "root@example",
            "a b@example.com",
            "a@b@example.com",
            "@example.com",
            "a@b.",
        ] {
            assert!(text.parse::<Email>().is_err(), "{text}");
        }
    }
}
