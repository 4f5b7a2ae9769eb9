//! Entities by name: ordered, and looked up without regard to case, without a copy of the name.

use std::cmp::Ordering;

use equivalent::{Comparable, Equivalent};
use iamd_types::{UniqueId, name};
use imbl::OrdMap;

/// Entities with a unique id, and a name that is unique within their kind and account.
pub trait Entity: Clone {
    /// The unique id.
    fn entity_id(&self) -> UniqueId;

    /// The name as it was spelled.
    fn entity_name(&self) -> &str;

    /// The bytes of the name: to compare these, nobody need make sure again that they are a text.
    fn name_bytes(&self) -> &[u8];

    /// The path.
    fn entity_path(&self) -> &str;
}

/// An entity that orders by its name.
#[derive(Clone)]
struct ByName<T>(T);

impl<T: Entity> PartialEq for ByName<T> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl<T: Entity> Eq for ByName<T> {}

impl<T: Entity> PartialOrd for ByName<T> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<T: Entity> Ord for ByName<T> {
    fn cmp(&self, other: &Self) -> Ordering {
        name::compare(self.0.name_bytes(), other.0.name_bytes())
    }
}

/// A name to look up.
struct Name<'a>(&'a str);

impl<T: Entity> Equivalent<ByName<T>> for Name<'_> {
    fn equivalent(&self, key: &ByName<T>) -> bool {
        self.0.as_bytes().eq_ignore_ascii_case(key.0.name_bytes())
    }
}

impl<T: Entity> Comparable<ByName<T>> for Name<'_> {
    fn compare(&self, key: &ByName<T>) -> Ordering {
        name::compare(self.0.as_bytes(), key.0.name_bytes())
    }
}

/// A unique id as two words: they order as ids do, and leave no gap beside a pointer.
type Words = [u64; 2];

fn words(id: UniqueId) -> Words {
    let number = u128::from_be_bytes(id.to_bytes());
    [(number >> 64) as u64, number as u64]
}

/// All entities of one kind in an account.
#[derive(Clone)]
pub struct Entities<T> {
    by_id: OrdMap<Words, T>,
    by_name: OrdMap<ByName<T>, ()>,
}

impl<T> Default for Entities<T> {
    fn default() -> Self {
        Self { by_id: OrdMap::new(), by_name: OrdMap::new() }
    }
}

impl<T: Entity> Entities<T> {
    /// The entity of this name, in any case.
    pub fn named(&self, name: &str) -> Option<&T> {
        self.by_name.get_key_value(&Name(name)).map(|(entity, ())| &entity.0)
    }

    /// The entity with this unique id.
    pub fn get(&self, id: UniqueId) -> Option<&T> {
        self.by_id.get(&words(id))
    }

    /// All entities in the order of their names.
    pub fn iter(&self) -> impl Iterator<Item = &T> {
        self.by_name.keys().map(|entity| &entity.0)
    }

    /// The entities whose names come after this one, in order.
    pub fn after(&self, name: &str) -> impl Iterator<Item = &T> + use<'_, T> {
        let bounds = (std::ops::Bound::Excluded(Name(name)), std::ops::Bound::Unbounded);
        self.by_name.range::<_, Name<'_>>(bounds).map(|(entity, ())| &entity.0)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.by_id.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.by_id.is_empty()
    }

    /// Puts the entity in the place of the one with its id.
    pub(crate) fn insert(&mut self, entity: T) {
        if let Some(old) = self.by_id.insert(words(entity.entity_id()), entity.clone()) {
            self.by_name.remove(&Name(old.entity_name()));
        }
        self.by_name.insert(ByName(entity), ());
    }

    pub(crate) fn remove(&mut self, id: UniqueId) -> Option<T> {
        let old = self.by_id.remove(&words(id))?;
        self.by_name.remove(&Name(old.entity_name()));
        Some(old)
    }
}
