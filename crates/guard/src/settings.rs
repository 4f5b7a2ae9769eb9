//! `[guard]` of the configuration: who may ask, and about which APIs.

use std::fmt;
use std::path::{Path, PathBuf};

use iamd_types::{AccountId, Secret};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Everything that is configured of the guard.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct GuardSettings {
    /// PEM file with the certificate authorities of enforcement points that show a certificate.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_ca: Option<PathBuf>,
    /// Who may ask.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub points: Vec<Point>,
    /// What is protected.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub apis: Vec<Api>,
}

/// An enforcement point.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Point {
    /// Its name, in logs and records.
    pub name: String,
    /// File with the token that it shows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token_file: Option<PathBuf>,
    /// The certificate that it shows: `dns:NAME`, `uri:URI` or `subject:DISTINGUISHED NAME`, exactly.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_certificate: Option<String>,
    /// The ways in which it may ask.
    pub kinds: Vec<Kind>,
    /// The ids of the APIs that it protects.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub apis: Vec<String>,
    /// The account whose principals it may ask about: for `minio`, `opa` and `authorize`.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "optional_account")]
    pub account: Option<AccountId>,
    /// Whether it hands over the body of every request that has one.
    #[serde(default, skip_serializing_if = "is_false")]
    pub hands_over_bodies: bool,
    /// Whether it sets `X-Forwarded-For` (whose last entry is whom it was called by) and `X-Forwarded-Proto` itself:
    /// for `envoy-http`.
    #[serde(default, skip_serializing_if = "is_false")]
    pub sets_forwarded_headers: bool,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
fn is_false(value: &bool) -> bool {
    !value
}

/// A way to ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// Envoy's external authorization over gRPC.
    Envoy,
    /// Envoy's external authorization over HTTP.
    EnvoyHttp,
    /// nginx's `auth_request`.
    Nginx,
    /// MinIO's access management plugin.
    Minio,
    /// The data API of the Open Policy Agent.
    Opa,
    /// `POST /-/authorize`.
    Authorize,
}

impl Kind {
    /// Whether it tells of HTTP requests, and so needs APIs.
    pub(crate) fn tells_requests(self) -> bool {
        matches!(self, Self::Envoy | Self::EnvoyHttp | Self::Nginx)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Envoy => "envoy",
            Self::EnvoyHttp => "envoy-http",
            Self::Nginx => "nginx",
            Self::Minio => "minio",
            Self::Opa => "opa",
            Self::Authorize => "authorize",
        })
    }
}

/// A protected API: a stage of it, under its hosts.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Api {
    /// Its id, as it stands in ARNs.
    pub id: String,
    /// The account that owns it.
    #[serde(with = "account")]
    pub account: AccountId,
    /// Its region: requests must be signed for it.
    pub region: String,
    /// The stage, as it stands in ARNs.
    pub stage: String,
    /// The hosts under which it is reached, with the port where requests name one.
    pub hosts: Vec<String>,
    /// What comes before the part of the path that policies speak of.
    #[serde(default = "root")]
    pub path: String,
    /// The service that requests are signed for.
    #[serde(default = "execute_api")]
    pub service: String,
    /// File with its resource policy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy_file: Option<PathBuf>,
    /// What is asked of bodies.
    #[serde(default)]
    pub body: Body,
}

fn root() -> String {
    "/".to_owned()
}

fn execute_api() -> String {
    "execute-api".to_owned()
}

/// What is asked of the bodies of signed requests.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Body {
    /// The signature is verified over the body itself: the point must hand it over.
    #[default]
    Checked,
    /// Where the body is not handed over, the hash in `x-amz-content-sha256` is taken as signed; the upstream compares
    /// it with the body.
    DeclaredHash,
    /// As `declared-hash`, and `UNSIGNED-PAYLOAD` is taken too.
    UnsignedAllowed,
}

/// Where the files that the settings name are read.
pub trait Files {
    /// The token in a file that nobody else can read.
    ///
    /// # Errors
    /// A sentence that says why not.
    fn secret(&self, path: &Path) -> Result<Secret<String>, String>;

    /// The text of a file.
    ///
    /// # Errors
    /// A sentence that says why not.
    fn text(&self, path: &Path) -> Result<String, String>;
}

/// Why the guard cannot be set up as configured.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SettingsError {
    /// Something about a point.
    #[error("the enforcement point `{name}` {reason}")]
    Point {
        /// Its name.
        name: String,
        /// What is wrong with it.
        reason: String,
    },
    /// Something about an API.
    #[error("the API `{id}` {reason}")]
    Api {
        /// Its id.
        id: String,
        /// What is wrong with it.
        reason: String,
    },
}

mod account {
    use super::{AccountId, Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(
        id: &AccountId,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_str(id)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<AccountId, D::Error> {
        String::deserialize(from)?.parse().map_err(serde::de::Error::custom)
    }
}

mod optional_account {
    use super::{AccountId, Deserializer, Serializer, account};

    pub(super) fn serialize<S: Serializer>(
        id: &Option<AccountId>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        match id {
            Some(id) => serializer.collect_str(id),
            None => serializer.serialize_none(),
        }
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Option<AccountId>, D::Error> {
        account::deserialize(from).map(Some)
    }
}
