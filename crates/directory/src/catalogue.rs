//! AWS's own managed policies: the same for every account, so they cost an account nothing.
//!
//! The index is read on first use; a document is decompressed and parsed when something first
//! refers to it. `cargo xtask catalogue` makes the data.

use std::collections::HashMap;
use std::io::Read;
use std::sync::{Arc, LazyLock, OnceLock};

use flate2::read::DeflateDecoder;
use iamd_policy::Document;
use iamd_types::{Timestamp, UniqueId};

use crate::policy_ref::PolicyRef;

static INDEX: &str = include_str!("../data/aws-policies.tsv");
static DOCUMENTS: &[u8] = include_bytes!("../data/aws-policies.deflate");
static CATALOGUE: LazyLock<Catalogue> = LazyLock::new(|| Catalogue::read(INDEX));

/// What the ARNs of AWS's policies begin with.
const ARN_PREFIX: &str = "arn:aws:iam::aws:policy";

/// An AWS managed policy.
pub struct AwsPolicy {
    /// The name.
    pub name: &'static str,
    /// The path, such as `/` or `/service-role/`.
    pub path: &'static str,
    /// The unique id, where AWS has published it.
    pub id: Option<UniqueId>,
    /// The id of the default version, such as `v12`; the only one whose document is known.
    pub default_version: &'static str,
    /// When AWS made the policy.
    pub created: Timestamp,
    /// When its default version last changed.
    pub updated: Timestamp,
    /// The ARN.
    pub arn: String,
    /// Where the document's compressed block begins in the data, and its length.
    block: (usize, usize),
    /// Where the document begins in the block, and its length.
    place: (usize, usize),
    document: OnceLock<Option<Arc<Document>>>,
}

impl AwsPolicy {
    /// The parsed document; `None` if the catalogue's data is damaged.
    pub fn document(&self) -> Option<&Arc<Document>> {
        self.document.get_or_init(|| Document::parse(&self.text()?).ok().map(Arc::new)).as_ref()
    }

    /// The reference under which attachments keep this policy.
    pub fn policy_ref(&self) -> PolicyRef {
        PolicyRef::aws(&self.arn)
    }

    /// Whether only service-linked roles may have it (errors.md: PolicyNotAttachable).
    pub fn is_for_service_linked_roles(&self) -> bool {
        self.path.starts_with("/aws-service-role/")
    }

    fn text(&self) -> Option<String> {
        let (start, length) = self.block;
        let compressed = DOCUMENTS.get(start..start.checked_add(length)?)?;
        let mut block = String::new();
        DeflateDecoder::new(compressed).read_to_string(&mut block).ok()?;
        let (start, length) = self.place;
        block.get(start..start.checked_add(length)?).map(str::to_owned)
    }
}

/// All AWS managed policies.
pub struct Catalogue {
    /// In the order in which AWS made them, which is the order of ListPolicies.
    policies: Vec<AwsPolicy>,
    by_ref: HashMap<PolicyRef, usize>,
}

impl Catalogue {
    /// The catalogue that this binary carries.
    pub fn get() -> &'static Self {
        &CATALOGUE
    }

    /// The policies in the order in which AWS made them.
    pub fn iter(&'static self) -> impl ExactSizeIterator<Item = &'static AwsPolicy> {
        self.policies.iter()
    }

    /// The policy that a reference names.
    pub fn by_ref(&self, policy: PolicyRef) -> Option<&AwsPolicy> {
        self.by_ref.get(&policy).and_then(|at| self.policies.get(*at))
    }

    /// The policy with this ARN.
    pub fn by_arn(&self, arn: &str) -> Option<&AwsPolicy> {
        self.by_ref(PolicyRef::aws(arn)).filter(|policy| policy.arn == arn)
    }

    fn read(index: &'static str) -> Self {
        let policies: Vec<_> =
            index.lines().filter(|line| !line.starts_with('#')).filter_map(read_line).collect();
        let by_ref =
            policies.iter().enumerate().map(|(at, policy)| (policy.policy_ref(), at)).collect();
        Self { policies, by_ref }
    }
}

fn read_line(line: &'static str) -> Option<AwsPolicy> {
    let mut columns = line.split('\t');
    let (name, path, id) = (columns.next()?, columns.next()?, columns.next()?);
    let default_version = columns.next()?;
    let created = Timestamp::parse(columns.next()?)?;
    let updated = Timestamp::parse(columns.next()?)?;
    let mut number = || columns.next()?.parse::<usize>().ok();
    Some(AwsPolicy {
        name,
        path,
        id: id.parse().ok(),
        default_version,
        created,
        updated,
        arn: format!("{ARN_PREFIX}{path}{name}"),
        block: (number()?, number()?),
        place: (number()?, number()?),
        document: OnceLock::new(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_of_the_index_is_read_and_no_reference_collides() {
        let lines = INDEX.lines().filter(|line| !line.starts_with('#')).count();
        let catalogue = Catalogue::get();
        assert_eq!(lines, 1582);
        assert_eq!(catalogue.policies.len(), lines);
        assert_eq!(catalogue.by_ref.len(), lines);
    }

    #[test]
    fn every_document_parses() {
        for policy in Catalogue::get().iter() {
            assert!(policy.document().is_some(), "{}", policy.arn);
        }
    }

    #[test]
    fn the_list_begins_as_aws_does() {
        let names: Vec<_> = Catalogue::get().iter().take(3).map(|policy| policy.name).collect();
        assert_eq!(names, ["AdministratorAccess", "PowerUserAccess", "ReadOnlyAccess"]);
    }

    #[test]
    fn policies_are_found_by_arn() {
        let arn = "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole";
        assert_eq!(Catalogue::get().by_arn(arn).unwrap().path, "/service-role/");
        assert!(Catalogue::get().by_arn("arn:aws:iam::aws:policy/NoSuchPolicy").is_none());
    }
}
