//! Packs the vocabulary of policies (services, actions, resource types, condition keys, regions) for
//! `iamd-policy`.
//!
//! The input is the facts' `actions.json`, `global-condition-keys.json` and `models/endpoints.json`. The output is
//! an index in plain text and one compressed block for each service, so that a look-up opens only what it needs.
//! The form of both is described in `crates/policy/src/vocabulary.rs`, which reads them.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;

use anyhow::{Context, Result, bail};
use flate2::Compression;
use flate2::write::DeflateEncoder;
use serde::Deserialize;
use serde::de::DeserializeOwned;

#[derive(Deserialize)]
struct Facts {
    services: BTreeMap<String, Service>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Service {
    name: String,
    #[serde(default)]
    rcp: bool,
    #[serde(default)]
    actions: BTreeMap<String, Action>,
    #[serde(default)]
    resource_types: BTreeMap<String, ResourceType>,
    #[serde(default)]
    condition_keys: BTreeMap<String, String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Action {
    access: String,
    #[serde(default)]
    resources: Vec<Target>,
    #[serde(default)]
    condition_keys: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Target {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    required: bool,
    #[serde(default)]
    condition_keys: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ResourceType {
    arn: String,
    #[serde(default)]
    condition_keys: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Globals {
    keys: BTreeMap<String, Key>,
    sts_trust_policy_keys: BTreeMap<String, Key>,
}

#[derive(Deserialize)]
struct Key {
    #[serde(rename = "type")]
    kind: String,
}

#[derive(Deserialize)]
struct Endpoints {
    partitions: BTreeMap<String, Partition>,
}

#[derive(Deserialize)]
struct Partition {
    regions: BTreeMap<String, String>,
}

/// Reads the directory of facts and writes `vocabulary.tsv` and `vocabulary.deflate` into the crate's data.
pub(crate) fn run(root: &Path, facts: &Path) -> Result<()> {
    let Facts { services } = read(&facts.join("actions.json"))?;
    let globals: Globals = read(&facts.join("global-condition-keys.json"))?;
    let endpoints: Endpoints = read(&facts.join("models/endpoints.json"))?;

    let mut blocks = vec![
        ("*arns".to_owned(), arns(&services)?),
        ("*keys".to_owned(), shared_keys(&services, &globals)?),
        ("*regions".to_owned(), regions(&endpoints)),
    ];
    for (prefix, service) in &services {
        blocks.push((prefix.to_ascii_lowercase(), block(prefix, service)?));
    }
    blocks.sort();

    let mut index = String::from("# service\toffset\tlength\n");
    let mut packed = Vec::new();
    for (name, text) in blocks {
        let compressed = compress(&text)?;
        writeln!(index, "{name}\t{}\t{}", packed.len(), compressed.len())?;
        packed.extend(compressed);
    }
    let data = root.join("crates/policy/data");
    std::fs::create_dir_all(&data)?;
    std::fs::write(data.join("vocabulary.tsv"), index)?;
    std::fs::write(data.join("vocabulary.deflate"), packed)?;
    Ok(())
}

fn read<T: DeserializeOwned>(path: &Path) -> Result<T> {
    let text = std::fs::read(path).with_context(|| format!("reading {}", path.display()))?;
    serde_json::from_slice(&text).with_context(|| format!("reading {}", path.display()))
}

/// Every form of ARN, by the service that it names, which need not be the service whose actions use it.
fn arns(services: &BTreeMap<String, Service>) -> Result<String> {
    let mut lines = Vec::new();
    for arn in services.values().flat_map(|service| service.resource_types.values()) {
        let fields: Vec<&str> = arn.arn.splitn(6, ':').collect();
        let [_, _, service, region, account, resource] = fields.as_slice() else {
            continue;
        };
        lines.push(format!("{service}\t{region}\t{account}\t{resource}"));
    }
    lines.sort();
    lines.dedup();
    Ok(lines.join("\n") + "\n")
}

/// Global keys, and keys whose prefix is not that of the service that lists them.
fn shared_keys(services: &BTreeMap<String, Service>, globals: &Globals) -> Result<String> {
    let mut keys = BTreeMap::new();
    for (name, key) in globals.keys.iter().chain(&globals.sts_trust_policy_keys) {
        // An identity provider's keys carry its name, which is not known here.
        if !name.starts_with("PROVIDER:") {
            keys.insert(name.to_ascii_lowercase(), (name, type_code(&key.kind)?));
        }
    }
    for (prefix, service) in services {
        for (name, kind) in &service.condition_keys {
            let own = name.split(':').next() == Some(prefix);
            if !own {
                keys.entry(name.to_ascii_lowercase()).or_insert((name, type_code(kind)?));
            }
        }
    }
    let lines: Vec<String> =
        keys.values().map(|(name, kind)| format!("{name}\t{kind}\n")).collect();
    Ok(lines.concat())
}

/// Each partition and its regions; what stands for a whole partition is no region.
fn regions(endpoints: &Endpoints) -> String {
    let mut text = String::new();
    for (name, partition) in &endpoints.partitions {
        let regions: Vec<&str> = partition
            .regions
            .keys()
            .map(String::as_str)
            .filter(|region| !region.ends_with("-global"))
            .collect();
        text.push_str(&format!("{name}\t{}\n", regions.join(" ")));
    }
    text
}

/// One service: a line of counts, then its condition keys, resource types and actions, each sorted.
fn block(prefix: &str, service: &Service) -> Result<String> {
    let keys: BTreeMap<String, &String> =
        service.condition_keys.iter().map(|(name, kind)| (open_ended(name), kind)).collect();
    let keys = sorted(&keys);
    let types = sorted(&service.resource_types);
    let actions = sorted(&service.actions);
    let key_at = positions(&keys);
    let type_at = positions(&types);
    let mut text = format!(
        "{prefix}\t{}\t{}\t{}\t{}\t{}\n",
        service.name.replace(['\t', '\n'], " "),
        u8::from(service.rcp),
        keys.len(),
        types.len(),
        actions.len()
    );
    for (name, kind) in &keys {
        writeln!(text, "{name}\t{}", type_code(kind)?)?;
    }
    for (name, resource) in &types {
        let keys = numbers(&resource.condition_keys, &key_at);
        writeln!(text, "{name}\t{}\t{keys}", resource.arn)?;
    }
    for (name, action) in &actions {
        let mut targets = Vec::new();
        for target in &action.resources {
            let Some(at) = type_at.get(target.kind.as_str()) else { continue };
            let required = if target.required { "!" } else { "" };
            let keys = numbers(&target.condition_keys, &key_at);
            targets.push(format!("{at}{required}:{keys}"));
        }
        writeln!(
            text,
            "{name}\t{}\t{}\t{}",
            access_code(&action.access)?,
            targets.join(";"),
            numbers(&action.condition_keys, &key_at)
        )?;
    }
    Ok(text)
}

/// In the order of a search that does not look at case.
fn sorted<T>(map: &BTreeMap<String, T>) -> Vec<(&str, &T)> {
    let mut entries: Vec<(&str, &T)> =
        map.iter().map(|(name, value)| (name.as_str(), value)).collect();
    entries.sort_by_key(|(name, _)| name.to_ascii_lowercase());
    entries
}

fn positions<'a, T>(entries: &[(&'a str, T)]) -> BTreeMap<&'a str, usize> {
    entries.iter().enumerate().map(|(at, (name, _))| (*name, at)).collect()
}

/// Keys as their places in the service's list. A key that the service does not list is a global one.
fn numbers(keys: &[String], places: &BTreeMap<&str, usize>) -> String {
    let mut numbers: Vec<usize> =
        keys.iter().filter_map(|key| places.get(open_ended(key).as_str()).copied()).collect();
    numbers.sort_unstable();
    numbers.dedup();
    numbers.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")
}

/// Some services leave out the part that the policy chooses, or name it in words.
fn open_ended(key: &str) -> String {
    match key.strip_suffix("tag-key").unwrap_or(key) {
        stem if stem.ends_with('/') => format!("{stem}${{TagKey}}"),
        _ => key.to_owned(),
    }
}

/// A letter for the type; `+` before it marks a multivalued key.
fn type_code(kind: &str) -> Result<String> {
    let (many, one) = match kind.strip_prefix("ArrayOf") {
        Some(one) => ("+", one),
        None => ("", kind),
    };
    let letter = match one {
        "String" => 'S',
        "ARN" => 'A',
        "Bool" => 'B',
        "Numeric" => 'N',
        "Date" => 'D',
        "IPAddress" => 'I',
        _ => bail!("a condition key of type {kind}"),
    };
    Ok(format!("{many}{letter}"))
}

fn access_code(access: &str) -> Result<char> {
    Ok(match access {
        "List" => 'L',
        "Read" => 'R',
        "Write" => 'W',
        "Tagging" => 'T',
        "Permissions management" => 'P',
        _ => bail!("an action of access level {access}"),
    })
}

fn compress(text: &str) -> Result<Vec<u8>> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(text.as_bytes())?;
    Ok(encoder.finish()?)
}
