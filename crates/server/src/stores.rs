//! Stores of objects elsewhere, as the configuration file names them: `[s3_stores.NAME]`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use iamd_service::Upstream;
use iamd_types::{AccountId, Clock};
use iamd_upstream::{BodySigning, Settings};
use serde::{Deserialize, Serialize};

use crate::files::read_secret;
use crate::providers::read_authorities;
use crate::settings::{Region, Text};

/// The stores by their names.
pub(crate) type StoreSettings = BTreeMap<String, StoreSetting>;

/// A store, the credentials for it, and whose the buckets in it are.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct StoreSetting {
    /// `http://HOST[:PORT]` or `https://HOST[:PORT]`.
    url: String,
    /// The region that its signatures are for.
    #[serde(default = "default_region")]
    region: Text<Region>,
    /// The access key that iamd has there.
    access_key_id: String,
    /// File with its secret.
    secret_access_key_file: PathBuf,
    /// Where requests to it name the bucket.
    #[serde(default)]
    addressing: Addressing,
    /// Whether bodies are signed on the way there.
    #[serde(default)]
    body_signing: Signing,
    /// Whether it takes checksums behind the body and checks them.
    #[serde(default = "yes")]
    trailing_checksums: bool,
    /// Whether it keeps keys with empty segments and segments of dots apart from others.
    #[serde(default)]
    any_key: bool,
    /// The location named when a bucket is made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    location_constraint: Option<Text<Region>>,
    /// Seconds for which it may say and take nothing.
    #[serde(default = "default_idle")]
    idle_seconds: u16,
    /// PEM file with certificate authorities besides the system's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ca: Option<PathBuf>,
    /// Names of buckets, or beginnings of names with `*` behind, and the account that owns each.
    buckets: BTreeMap<String, Text<AccountId>>,
}

/// Where requests name the bucket.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Addressing {
    /// In the path.
    #[default]
    Path,
    /// In the name of the host.
    Host,
}

/// Whether bodies are signed on the way there.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Signing {
    /// Where neither TLS protects them nor they stay on this machine.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

fn default_region() -> Text<Region> {
    Text(Region("us-east-1".to_owned()))
}

fn default_idle() -> u16 {
    60
}

fn yes() -> bool {
    true
}

/// What no single setting can say.
pub(crate) fn check(stores: &StoreSettings) -> anyhow::Result<()> {
    let mut seen: Vec<(&str, &str)> = Vec::new();
    for (name, store) in stores {
        let place = || format!("s3_stores.{name}");
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        ensure!(
            !name.is_empty() && name.bytes().all(plain),
            "{}: expected a name of letters, digits, hyphens and underscores",
            place()
        );
        ensure!(!store.buckets.is_empty(), "{}: no bucket is given to an account", place());
        ensure!(store.idle_seconds > 0, "{}: idle_seconds must not be 0", place());
        for pattern in store.buckets.keys() {
            let start = pattern.strip_suffix('*').unwrap_or(pattern);
            if start.contains('*') || pattern.is_empty() {
                bail!(
                    "{}: `{pattern}` is no bucket's name, with or without `*` at its end",
                    place()
                );
            }
            let other = seen.iter().find(|(other, of)| of != name && overlap(other, pattern));
            if let Some((other, of)) = other {
                bail!(
                    "s3_stores.{of} and {} both have buckets of `{pattern}` (`{other}`): where would they be?",
                    place()
                );
            }
            seen.push((pattern, name));
        }
    }
    Ok(())
}

/// Whether there is a name that both patterns have.
fn overlap(left: &str, right: &str) -> bool {
    match (left.strip_suffix('*'), right.strip_suffix('*')) {
        (None, None) => left == right,
        (Some(start), None) => right.starts_with(start),
        (None, Some(start)) => left.starts_with(start),
        (Some(left), Some(right)) => left.starts_with(right) || right.starts_with(left),
    }
}

/// The stores, ready to be asked. None is asked yet: one that is down keeps nobody from starting.
pub(crate) fn open(
    stores: &StoreSettings,
    clock: &Arc<dyn Clock>,
) -> anyhow::Result<Vec<Upstream>> {
    stores
        .iter()
        .map(|(name, store)| {
            let backend = open_one(store, clock).with_context(|| format!("s3_stores.{name}"))?;
            let buckets = store.buckets.iter();
            let mut buckets: Vec<(String, AccountId)> =
                buckets.map(|(pattern, owner)| (pattern.clone(), owner.0)).collect();
            // The first that fits counts: whole names, then the longest beginning.
            buckets.sort_by_key(|(it, _)| (it.ends_with('*'), std::cmp::Reverse(it.len())));
            Ok(Upstream { name: name.clone(), backend: Arc::new(backend), buckets })
        })
        .collect()
}

fn open_one(
    store: &StoreSetting,
    clock: &Arc<dyn Clock>,
) -> anyhow::Result<iamd_upstream::Upstream> {
    let secret = secret(&store.secret_access_key_file)?;
    let settings = Settings::new(&store.url, &store.access_key_id, secret).context("url")?;
    let settings = Settings {
        region: store.region.0.0.clone(),
        virtual_hosts: matches!(store.addressing, Addressing::Host),
        body_signing: match store.body_signing {
            Signing::Auto => BodySigning::Auto,
            Signing::Always => BodySigning::Always,
            Signing::Never => BodySigning::Never,
        },
        trailers: store.trailing_checksums,
        any_key: store.any_key,
        location_constraint: store.location_constraint.as_ref().map(|it| it.0.0.clone()),
        idle_timeout: Duration::from_secs(store.idle_seconds.into()),
        authorities: match &store.ca {
            Some(path) => read_authorities("ca", path)?,
            None => Vec::new(),
        },
        ..settings
    };
    Ok(iamd_upstream::Upstream::new(settings, Arc::clone(clock))?)
}

fn secret(path: &Path) -> anyhow::Result<iamd_types::Secret<String>> {
    let shown = path.display();
    let read = read_secret(path, "secret access key")?;
    let text = read.with_context(|| format!("the file `{shown}` is not there"))?;
    let secret = text.expose().trim_end();
    ensure!(!secret.is_empty(), "the file `{shown}` is empty");
    Ok(secret.to_owned().into())
}
