//! Policy documents in answers.

use serde::{Serialize, Serializer};

/// The newtype name under which a [`PolicyDocument`] serializes, so that each wire format can
/// write its own form.
pub const POLICY_DOCUMENT_TOKEN: &str = "$iamd::PolicyDocument";

/// The text of a policy in an answer. It is kept as it was given; IAM's answers carry it
/// percent-encoded inside the XML, which the serializers do.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PolicyDocument(pub String);

impl From<String> for PolicyDocument {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl From<&str> for PolicyDocument {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl Serialize for PolicyDocument {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_newtype_struct(POLICY_DOCUMENT_TOKEN, &self.0)
    }
}
