//! The compact models as they stand in `models/*.json`.
//!
//! Unknown keys are errors: a trait that the generator does not know must not be lost in silence.

use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;
use std::path::Path;

use anyhow::Context;
use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Model {
    pub(crate) service: String,
    #[serde(rename = "source")]
    _source: IgnoredAny,
    pub(crate) metadata: Metadata,
    pub(crate) operations: BTreeMap<String, Operation>,
    pub(crate) shapes: BTreeMap<String, Shape>,
    pub(crate) paginators: BTreeMap<String, IgnoredAny>,
    #[serde(rename = "waiters")]
    _waiters: IgnoredAny,
    #[serde(rename = "clientContextParams")]
    _client_context_params: Option<IgnoredAny>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Metadata {
    pub(crate) api_version: String,
    pub(crate) endpoint_prefix: String,
    pub(crate) protocol: String,
    /// Of the Query protocol alone.
    #[serde(default)]
    pub(crate) xml_namespace: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Operation {
    pub(crate) name: String,
    pub(crate) http: Http,
    pub(crate) input: Option<Reference>,
    pub(crate) output: Option<Output>,
    #[serde(default)]
    pub(crate) errors: Vec<Reference>,
    pub(crate) authtype: Option<String>,
    #[serde(rename = "auth")]
    _auth: Option<IgnoredAny>,
    /// Whether it has a successor.
    #[serde(default)]
    pub(crate) deprecated: bool,
    /// Of an operation whose host is not the service's.
    pub(crate) endpoint: Option<IgnoredAny>,
    pub(crate) http_checksum: Option<HttpChecksum>,
    #[serde(rename = "staticContextParams")]
    _static_context_params: Option<IgnoredAny>,
    #[serde(rename = "unsignedPayload")]
    _unsigned_payload: Option<IgnoredAny>,
}

/// What an operation says about checksums.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct HttpChecksum {
    #[serde(default)]
    pub(crate) request_checksum_required: bool,
}

/// Where an operation is asked for: of protocols that say so by method and path.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Http {
    pub(crate) method: String,
    pub(crate) request_uri: String,
    pub(crate) response_code: Option<u16>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Output {
    pub(crate) shape: String,
    /// Of the Query protocol alone.
    pub(crate) result_wrapper: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Reference {
    pub(crate) shape: String,
    #[serde(rename = "deprecated")]
    _deprecated: Option<IgnoredAny>,
    #[serde(rename = "deprecatedSince")]
    _deprecated_since: Option<IgnoredAny>,
    /// Where a member stands in a request, if not in its body.
    pub(crate) location: Option<String>,
    /// What it is called there.
    pub(crate) location_name: Option<String>,
    /// Whether the elements of a list stand in XML without one around them.
    #[serde(default)]
    pub(crate) flattened: bool,
    #[serde(default)]
    pub(crate) xml_attribute: bool,
    #[serde(default)]
    pub(crate) streaming: bool,
    #[serde(rename = "xmlNamespace")]
    _xml_namespace: Option<IgnoredAny>,
    #[serde(rename = "box")]
    _box: Option<IgnoredAny>,
    #[serde(rename = "contextParam")]
    _context_param: Option<IgnoredAny>,
    #[serde(rename = "eventpayload")]
    _event_payload: Option<IgnoredAny>,
    #[serde(rename = "hostLabel")]
    _host_label: Option<IgnoredAny>,
    #[serde(rename = "idempotencyToken")]
    _idempotency_token: Option<IgnoredAny>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Shape {
    #[serde(rename = "type")]
    pub(crate) kind: String,
    #[serde(default)]
    pub(crate) members: Ordered<Reference>,
    #[serde(default)]
    pub(crate) required: Vec<String>,
    pub(crate) member: Option<Reference>,
    pub(crate) key: Option<Reference>,
    pub(crate) value: Option<Reference>,
    pub(crate) min: Option<i64>,
    pub(crate) max: Option<i64>,
    pub(crate) pattern: Option<String>,
    #[serde(default, rename = "enum")]
    pub(crate) values: Vec<String>,
    #[serde(default)]
    pub(crate) sensitive: bool,
    #[serde(default)]
    pub(crate) exception: bool,
    pub(crate) error: Option<ErrorTrait>,
    /// The member that is the body.
    pub(crate) payload: Option<String>,
    #[serde(default)]
    pub(crate) flattened: bool,
    pub(crate) location_name: Option<String>,
    pub(crate) timestamp_format: Option<String>,
    #[serde(rename = "xmlNamespace")]
    _xml_namespace: Option<IgnoredAny>,
    #[serde(rename = "event")]
    _event: Option<IgnoredAny>,
    #[serde(rename = "eventstream")]
    _event_stream: Option<IgnoredAny>,
    #[serde(rename = "synthetic")]
    _synthetic: Option<IgnoredAny>,
    #[serde(rename = "box")]
    _box: Option<IgnoredAny>,
    #[serde(rename = "union")]
    _union: Option<IgnoredAny>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ErrorTrait {
    /// The name of the shape, when there is none.
    pub(crate) code: Option<String>,
    pub(crate) http_status_code: u16,
}

/// A JSON object whose order counts: the order of members is the order of elements in answers.
pub(crate) struct Ordered<T>(pub(crate) Vec<(String, T)>);

impl<T> Default for Ordered<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Ordered<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Entries<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for Entries<T> {
            type Value = Ordered<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Ordered<T>, A::Error> {
                let mut entries = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    entries.push(entry);
                }
                Ok(Ordered(entries))
            }
        }
        deserializer.deserialize_map(Entries(PhantomData))
    }
}

impl Model {
    /// Reads `models/NAME.json` under the root of the repository.
    pub(crate) fn read(root: &Path, name: &str) -> anyhow::Result<Self> {
        let path = root.join("models").join(format!("{name}.json"));
        let text = std::fs::read_to_string(&path).with_context(|| path.display().to_string())?;
        serde_json::from_str(&text).with_context(|| path.display().to_string())
    }

    /// The shape of this name.
    pub(crate) fn shape(&self, name: &str) -> anyhow::Result<&Shape> {
        self.shapes.get(name).with_context(|| format!("no shape {name}"))
    }
}

impl Shape {
    /// The names of all shapes it refers to.
    pub(crate) fn references(&self) -> impl Iterator<Item = &str> {
        let members = self.members.0.iter().map(|(_, member)| member);
        let others = [&self.member, &self.key, &self.value].into_iter().flatten();
        members.chain(others).map(|reference| reference.shape.as_str())
    }
}
