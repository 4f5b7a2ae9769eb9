//! Credentials that are known by an id of their own and belong to a user or to the root user:
//! MFA devices, login profiles, keys and certificates.
//!
//! One kind stands on one shelf, ordered by its key; what belongs to whom follows from the records.

use iamd_types::UniqueId;
use imbl::{OrdMap, OrdSet};

use crate::credentials::Credentials;
use crate::packed::Unreadable;

/// Whom a credential belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Holder {
    /// The root user.
    Root,
    /// The IAM user with this id.
    User(UniqueId),
}

impl Holder {
    /// As records keep it: the user's id, none for the root user.
    pub fn user(self) -> Option<UniqueId> {
        match self {
            Self::Root => None,
            Self::User(id) => Some(id),
        }
    }
}

impl From<Option<UniqueId>> for Holder {
    fn from(user: Option<UniqueId>) -> Self {
        user.map_or(Self::Root, Self::User)
    }
}

/// A record that stands on a shelf.
pub trait Shelved: Clone {
    /// The first letter of the record's key in the store.
    const LETTER: u8;

    /// Takes the bytes as they are in the store.
    fn read_record(bytes: &[u8]) -> Result<Self, Unreadable>;

    /// The bytes as they are in the store.
    fn record_bytes(&self) -> &[u8];

    /// What tells the record from others of its kind.
    fn key(&self) -> String;

    /// Whom it belongs to; `None` when to nobody in particular.
    fn holder(&self) -> Option<Holder>;

    /// Takes over what is known in memory alone of the record whose place it takes.
    fn follow(&self, _: &Self) {}

    /// The shelf of its kind.
    fn shelf(credentials: &mut Credentials) -> &mut Shelf<Self>;
}

/// All records of one kind in an account.
#[derive(Clone)]
pub struct Shelf<T> {
    by_key: OrdMap<Box<str>, T>,
    by_holder: OrdSet<(Holder, Box<str>)>,
}

impl<T> Default for Shelf<T> {
    fn default() -> Self {
        Self { by_key: OrdMap::new(), by_holder: OrdSet::new() }
    }
}

impl<T: Shelved> Shelf<T> {
    /// The record with this key.
    pub fn get(&self, key: &str) -> Option<&T> {
        self.by_key.get(key)
    }

    /// All records in the order of their keys.
    pub fn iter(&self) -> impl Iterator<Item = &T> {
        self.by_key.values()
    }

    /// The records that belong to a user or to the root user, in the order of their keys.
    pub fn of(&self, holder: Holder) -> impl Iterator<Item = &T> {
        self.by_holder
            .range((holder, Box::from(""))..)
            .take_while(move |(of, _)| *of == holder)
            .filter_map(|(_, key)| self.by_key.get(key))
    }

    /// Whether a user or the root user has one.
    pub fn has(&self, holder: Holder) -> bool {
        self.of(holder).next().is_some()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.by_key.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.by_key.is_empty()
    }

    /// Puts the record in the place of the one with its key.
    pub(crate) fn insert(&mut self, record: T) {
        let key: Box<str> = record.key().into();
        if let Some(old) = self.by_key.get(&key) {
            record.follow(old);
        }
        self.remove(&key);
        self.by_holder.extend(record.holder().map(|holder| (holder, key.clone())));
        self.by_key.insert(key, record);
    }

    pub(crate) fn remove(&mut self, key: &str) {
        let Some(old) = self.by_key.remove(key) else { return };
        if let Some(holder) = old.holder() {
            self.by_holder.remove(&(holder, Box::from(key)));
        }
    }
}

/// Makes records shelved: their shelf, their letter, their key, and whom they belong to.
macro_rules! shelved {
    ($($type:ident in $shelf:ident at $letter:literal, $key:expr, $holder:expr $(, follows $follow:expr)?;)*) => {$(
        impl $crate::shelf::Shelved for $type {
            const LETTER: u8 = $letter;

            fn read_record(bytes: &[u8]) -> Result<Self, $crate::packed::Unreadable> {
                Self::read(bytes)
            }

            fn record_bytes(&self) -> &[u8] {
                self.bytes()
            }

            fn key(&self) -> String {
                let key: fn(&Self) -> String = $key;
                key(self)
            }

            fn holder(&self) -> Option<$crate::shelf::Holder> {
                let holder: fn(&Self) -> Option<$crate::shelf::Holder> = $holder;
                holder(self)
            }

            $(
                fn follow(&self, old: &Self) {
                    let follow: fn(&Self, &Self) = $follow;
                    follow(self, old);
                }
            )?

            fn shelf(credentials: &mut Credentials) -> &mut $crate::shelf::Shelf<Self> {
                &mut credentials.$shelf
            }
        }
    )*};
}
pub(crate) use shelved;
