//! AWS's services, their actions, resource types and condition keys, and the regions: what names in a policy can
//! refer to. Data for checks and editors; a decision never looks here, so a name that is not in it works as any other.
//!
//! The one idea: an index of services and one compressed block for each. A block is opened on first use and kept,
//! so a look-up costs a binary search in the index and one in the service's list. `cargo xtask vocabulary` makes
//! the data.
//!
//! # Form of the data
//!
//! The index has a line for each block: name, offset, length. A service's block is text:
//!
//! ```text
//! PREFIX  NAME  RCP  KEYS  TYPES  ACTIONS               counts of the lines that follow
//! KEY     TYPE                                          a letter, `+` before it when multivalued
//! TYPE    ARN   keys                                    places in the list of keys
//! ACTION  ACCESS  type[!]:keys;…  keys                  `!` marks a required resource
//! ```
//!
//! Three blocks are no services: `*arns` (every form of ARN, by the service it names), `*keys` (global keys and
//! those with a foreign prefix) and `*regions`.

mod arns;
mod keys;
mod places;

use std::io::Read;
use std::sync::{LazyLock, OnceLock};

use flate2::read::DeflateDecoder;

pub use arns::{ArnForm, arn_forms};
pub use keys::{ConditionKey, KeyType, condition_key, shared_keys};
pub use places::{is_partition, is_region, partitions, regions};

static INDEX: &str = include_str!("../data/vocabulary.tsv");
static BLOCKS: &[u8] = include_bytes!("../data/vocabulary.deflate");
static ENTRIES: LazyLock<Vec<Entry>> = LazyLock::new(|| INDEX.lines().filter_map(entry).collect());

/// A line of the index, and the service once it was asked for.
struct Entry {
    name: &'static str,
    offset: usize,
    length: usize,
    service: OnceLock<Option<Service>>,
}

/// A service and what policies can say about it.
#[derive(Debug)]
pub struct Service {
    /// The prefix of its actions.
    pub prefix: &'static str,
    /// What AWS calls it.
    pub name: &'static str,
    /// Whether resource control policies bind it.
    pub resource_control: bool,
    keys: Vec<ConditionKey>,
    types: Vec<ResourceType>,
    actions: Vec<Action>,
}

/// A type of resource.
#[derive(Debug)]
pub struct ResourceType {
    /// Its name, such as `bucket`.
    pub name: &'static str,
    /// The form of its ARNs, with variables such as `${Partition}`.
    pub arn: &'static str,
    keys: &'static str,
}

/// An action.
#[derive(Debug)]
pub struct Action {
    /// Its name without the service.
    pub name: &'static str,
    /// What it does to the resource.
    pub access: AccessLevel,
    targets: &'static str,
    keys: &'static str,
}

/// AWS's access levels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AccessLevel {
    /// Lists resources.
    List,
    /// Reads a resource.
    Read,
    /// Changes resources.
    Write,
    /// Changes tags alone.
    Tagging,
    /// Changes who may do what.
    PermissionsManagement,
}

/// A type of resource that an action works on.
#[derive(Clone, Copy, Debug)]
pub struct Target<'s> {
    /// The type.
    pub resource: &'s ResourceType,
    /// Whether the action must name one.
    pub required: bool,
}

/// The prefixes of all services, in lower case and in order.
pub fn services() -> impl Iterator<Item = &'static str> {
    ENTRIES.iter().map(|entry| entry.name).filter(|name| !name.starts_with('*'))
}

/// The service with this prefix, in any case.
pub fn service(prefix: &str) -> Option<&'static Service> {
    let entry = find(&ENTRIES, prefix, |entry| entry.name)?;
    if entry.name.starts_with('*') {
        return None;
    }
    entry.service.get_or_init(|| read_service(open(entry)?)).as_ref()
}

/// The text of a block that is no service. Empty if the data is damaged.
fn special(name: &str) -> &'static str {
    find(&ENTRIES, name, |entry| entry.name).and_then(open).unwrap_or_default()
}

/// Unpacks a block. Its text stays for the life of the process, as the static that refers to it does.
fn open(entry: &Entry) -> Option<&'static str> {
    let packed = BLOCKS.get(entry.offset..entry.offset.checked_add(entry.length)?)?;
    let mut text = String::new();
    DeflateDecoder::new(packed).read_to_string(&mut text).ok()?;
    Some(text.leak())
}

/// Binary search without regard to case, in a list in that order.
fn find<'l, T>(list: &'l [T], name: &str, name_of: impl Fn(&T) -> &str) -> Option<&'l T> {
    let lower = |text: &str| text.to_ascii_lowercase();
    let name = lower(name);
    let at = list.binary_search_by(|item| lower(name_of(item)).cmp(&name)).ok()?;
    list.get(at)
}

fn entry(line: &'static str) -> Option<Entry> {
    let mut columns = line.split('\t');
    let name = columns.next().filter(|name| !name.starts_with('#'))?;
    let mut number = || columns.next()?.parse().ok();
    Some(Entry { name, offset: number()?, length: number()?, service: OnceLock::new() })
}

fn read_service(text: &'static str) -> Option<Service> {
    let mut lines = text.lines();
    let mut head = lines.next()?.split('\t');
    let (prefix, name, rcp) = (head.next()?, head.next()?, head.next()?);
    let mut count = || head.next()?.parse::<usize>().ok();
    let (keys, types, actions) = (count()?, count()?, count()?);
    Some(Service {
        prefix,
        name,
        resource_control: rcp == "1",
        keys: lines.by_ref().take(keys).filter_map(keys::read).collect(),
        types: lines.by_ref().take(types).filter_map(read_type).collect(),
        actions: lines.take(actions).filter_map(read_action).collect(),
    })
}

fn read_type(line: &'static str) -> Option<ResourceType> {
    let mut columns = line.split('\t');
    Some(ResourceType { name: columns.next()?, arn: columns.next()?, keys: columns.next()? })
}

fn read_action(line: &'static str) -> Option<Action> {
    let mut columns = line.split('\t');
    Some(Action {
        name: columns.next()?,
        access: match columns.next()? {
            "L" => AccessLevel::List,
            "R" => AccessLevel::Read,
            "W" => AccessLevel::Write,
            "T" => AccessLevel::Tagging,
            "P" => AccessLevel::PermissionsManagement,
            _ => return None,
        },
        targets: columns.next()?,
        keys: columns.next()?,
    })
}

impl Service {
    /// The actions, in the order of their names.
    pub fn actions(&self) -> &[Action] {
        &self.actions
    }

    /// The action of this name (without the service), in any case.
    pub fn action(&self, name: &str) -> Option<&Action> {
        find(&self.actions, name, |action| action.name)
    }

    /// The types of its resources, in the order of their names.
    pub fn resource_types(&self) -> &[ResourceType] {
        &self.types
    }

    /// The condition keys that it has or takes from others, in the order of their names.
    pub fn condition_keys(&self) -> &[ConditionKey] {
        &self.keys
    }

    /// What an action works on. Without any, it works on `*` alone.
    pub fn targets<'s>(&'s self, action: &'s Action) -> impl Iterator<Item = Target<'s>> {
        action.targets.split(';').filter_map(|target| {
            let (place, _) = target.split_once(':')?;
            let (place, required) = match place.strip_suffix('!') {
                Some(place) => (place, true),
                None => (place, false),
            };
            Some(Target { resource: self.types.get(place.parse::<usize>().ok()?)?, required })
        })
    }

    /// The condition keys of an action, those that it has with particular resources included.
    pub fn keys_of<'s>(&'s self, action: &'s Action) -> impl Iterator<Item = &'s ConditionKey> {
        let of_targets =
            action.targets.split(';').filter_map(|target| Some(target.split_once(':')?.1));
        std::iter::once(action.keys).chain(of_targets).flat_map(|places| self.keys_at(places))
    }

    /// The condition keys of a type of resource.
    pub fn keys_of_type<'s>(
        &'s self,
        resource: &'s ResourceType,
    ) -> impl Iterator<Item = &'s ConditionKey> {
        self.keys_at(resource.keys)
    }

    fn keys_at<'s>(&'s self, places: &'s str) -> impl Iterator<Item = &'s ConditionKey> {
        places.split(',').filter_map(|place| self.keys.get(place.parse::<usize>().ok()?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_block_is_read_whole() {
        assert_eq!(services().count(), 456);
        let all = || services().map(|prefix| service(prefix).unwrap());
        assert_eq!(all().map(|service| service.actions.len()).sum::<usize>(), 22_091);
        assert_eq!(all().map(|service| service.types.len()).sum::<usize>(), 2_334);
        assert_eq!(all().map(|service| service.keys.len()).sum::<usize>(), 2_575);
        for service in all() {
            for action in service.actions() {
                assert_eq!(service.action(action.name).unwrap().name, action.name);
            }
        }
    }

    #[test]
    fn names_are_found_in_any_case() {
        let s3 = service("S3").unwrap();
        let action = s3.action("getobject").unwrap();
        assert_eq!((action.name, action.access), ("GetObject", AccessLevel::Read));
        assert!(s3.targets(action).any(|target| target.resource.name == "object"));
        assert!(s3.keys_of(action).any(|key| key.name == "s3:authType"));
        assert!(s3.action("GetObjects").is_none());
        assert!(service("s33").is_none() && service("*arns").is_none());
        assert!(s3.resource_control && !service("iam").unwrap().resource_control);
    }
}
