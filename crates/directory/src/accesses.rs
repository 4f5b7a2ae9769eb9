//! Which principal last used which action of which service: what access advisor and `RoleLastUsed` tell.
//!
//! A use is noted at most once a minute for each principal, action and region, and that it need not be is
//! found out with one load of an atomic: no lock and no allocation on the way of a request. What is kept is
//! bounded; the longest unused makes room. [`crate::Usage`] writes it down.

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use iamd_store::Op;
use iamd_types::{Timestamp, UniqueId};

/// Uses closer together than this are noted once, in seconds.
const GRANULARITY: u64 = 60;
/// Places of the filter. Two uses that share one are noted more often than they need be; nothing else.
const PLACES: usize = 1 << 14;
/// How many independent tables the principals are spread over.
const SHARDS: usize = 64;
/// The most uses kept in one table: 260,000 in all, some 30 MB.
const MAX_IN_SHARD: usize = 4096;
/// What keys of the store begin with; no access key id does.
pub(crate) const PREFIX: &str = "p/";

/// The last use of an action by a principal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Accessed {
    /// The service's namespace: `iam`.
    pub service: Box<str>,
    /// The action without the service.
    pub action: Box<str>,
    /// The region that was called; `us-east-1` for global services.
    pub region: Box<str>,
    /// When, in whole seconds.
    pub at: Timestamp,
}

/// The uses of principals, known to this node.
pub struct Accesses {
    filter: Box<[AtomicU64]>,
    shards: Box<[Mutex<Shard>]>,
}

type Key = (UniqueId, Box<str>, Box<str>);

#[derive(Default)]
struct Shard {
    uses: BTreeMap<Key, Use>,
    /// Made room for others, and still in the store.
    forgotten: VecDeque<Key>,
}

#[derive(Clone)]
struct Use {
    at: Timestamp,
    region: Box<str>,
    written: bool,
}

impl Default for Accesses {
    fn default() -> Self {
        let filter = (0..PLACES).map(|_| AtomicU64::new(0)).collect();
        Self { filter, shards: (0..SHARDS).map(|_| Mutex::default()).collect() }
    }
}

impl Accesses {
    /// Notes that a user or role asked for an action, whether or not it was allowed. `service` and `action`
    /// are texts of the tables of operations: the filter tells them apart by their places in memory.
    pub fn record(
        &self,
        principal: UniqueId,
        service: &'static str,
        action: &'static str,
        region: &str,
        at: Timestamp,
    ) {
        let hash = hash(principal, service, action, region);
        // The remainder is below the filter's length, so there always is such a place.
        let Some(place) = self.filter.get(hash as usize % PLACES) else { return };
        let now = u64::try_from(at.seconds()).unwrap_or_default() & 0xffff_ffff;
        let seen = place.load(Ordering::Relaxed);
        let is_same = seen >> 32 == hash >> 32;
        if is_same && now.saturating_sub(seen & 0xffff_ffff) < GRANULARITY {
            return;
        }
        place.store(hash & !0xffff_ffff | now, Ordering::Relaxed);
        let key = (principal, service.into(), action.into());
        self.put(key, Use { at: at.whole_seconds(), region: region.into(), written: false });
    }

    /// Everything that a principal used, by service and action.
    pub fn of(&self, principal: UniqueId) -> Vec<Accessed> {
        let collect = |shard: &mut Shard| {
            let from = (principal, Box::from(""), Box::from(""));
            let uses = shard.uses.range(from..).take_while(|((id, ..), _)| *id == principal);
            uses.map(|((_, service, action), it)| Accessed {
                service: service.clone(),
                action: action.clone(),
                region: it.region.clone(),
                at: it.at,
            })
            .collect()
        };
        self.with(principal, collect).unwrap_or_default()
    }

    /// What a principal used last.
    pub fn last(&self, principal: UniqueId) -> Option<Accessed> {
        self.of(principal).into_iter().max_by_key(|it| it.at)
    }

    /// Takes in what was written down before.
    pub(crate) fn load(&self, key: &str, value: &[u8]) -> Option<()> {
        let mut parts = key.strip_prefix(PREFIX)?.splitn(3, '/');
        let principal: UniqueId = parts.next()?.parse().ok()?;
        let (service, action) = (parts.next()?, parts.next()?);
        let (seconds, region) = std::str::from_utf8(value).ok()?.split_once(' ')?;
        let at = Timestamp::from_seconds(seconds.parse().ok()?);
        let key = (principal, service.into(), action.into());
        self.put(key, Use { at, region: region.into(), written: true });
        Some(())
    }

    /// What is to be written down, with what to tell [`Accesses::written`] afterwards.
    pub(crate) fn unwritten(&self) -> Vec<(Op, Written)> {
        let mut ops = Vec::new();
        for shard in &self.shards {
            let mut shard = shard.lock().unwrap_or_else(PoisonError::into_inner);
            let shard = &mut *shard;
            let new = shard.uses.iter().filter(|(_, it)| !it.written);
            ops.extend(new.map(|(key, it)| {
                let value = format!("{} {}", it.at.seconds(), it.region);
                (Op::put(store_key(key), value.into_bytes()), Written(key.clone(), Some(it.at)))
            }));
            let gone = shard.forgotten.iter().filter(|key| !shard.uses.contains_key(*key));
            ops.extend(gone.map(|key| (Op::delete(store_key(key)), Written(key.clone(), None))));
        }
        ops
    }

    /// That this is in the store now.
    pub(crate) fn written(&self, Written(key, at): &Written) {
        self.with(key.0, |shard| match at {
            Some(at) => {
                if let Some(it) = shard.uses.get_mut(key).filter(|it| it.at == *at) {
                    it.written = true;
                }
            }
            None => shard.forgotten.retain(|forgotten| forgotten != key),
        });
    }

    fn put(&self, key: Key, new: Use) {
        self.with(key.0, |shard| {
            if shard.uses.len() >= MAX_IN_SHARD && !shard.uses.contains_key(&key) {
                let oldest = shard.uses.iter().min_by_key(|(_, it)| it.at).map(|(key, _)| key);
                if let Some(oldest) = oldest.cloned() {
                    shard.uses.remove(&oldest);
                    shard.forgotten.push_back(oldest);
                }
            }
            shard.uses.insert(key, new);
        });
    }

    fn with<T>(&self, principal: UniqueId, work: impl FnOnce(&mut Shard) -> T) -> Option<T> {
        let shard = self.shards.get(mix(principal, 0) as usize % SHARDS)?;
        Some(work(&mut shard.lock().unwrap_or_else(PoisonError::into_inner)))
    }
}

/// A use that was written down; without a time, one that was taken out.
pub(crate) struct Written(Key, Option<Timestamp>);

fn store_key((principal, service, action): &Key) -> Vec<u8> {
    format!("{PREFIX}{principal}/{service}/{action}").into_bytes()
}

/// Spread well enough for a filter; the same for the life of the process.
fn hash(principal: UniqueId, service: &'static str, action: &'static str, region: &str) -> u64 {
    let texts = (service.as_ptr() as u64).rotate_left(32) ^ action.as_ptr() as u64;
    let region = region.bytes().fold(texts, |hash, byte| step(hash, u64::from(byte)));
    mix(principal, region)
}

fn mix(principal: UniqueId, seed: u64) -> u64 {
    let id = u128::from_be_bytes(principal.to_bytes());
    let mixed = step(step(seed, id as u64), (id >> 64) as u64);
    mixed ^ mixed >> 29
}

fn step(hash: u64, word: u64) -> u64 {
    (hash.rotate_left(23) ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

#[cfg(test)]
mod tests {
    use iamd_types::IdKind;

    use super::*;

    fn user(number: u8) -> UniqueId {
        UniqueId::from_random(IdKind::User, [number; 16])
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_seconds(seconds)
    }

    #[test]
    fn the_last_use_of_each_action_is_kept_and_comes_back() {
        let accesses = Accesses::default();
        accesses.record(user(1), "iam", "GetUser", "us-east-1", at(1_000));
        accesses.record(user(1), "iam", "GetUser", "us-east-1", at(1_030));
        accesses.record(user(1), "iam", "ListUsers", "us-east-1", at(1_001));
        accesses.record(user(1), "sts", "AssumeRole", "eu-west-1", at(1_100));
        accesses.record(user(2), "iam", "GetUser", "us-east-1", at(5_000));
        let times: Vec<_> = accesses.of(user(1)).iter().map(|it| it.at.seconds()).collect();
        assert_eq!(times, [1_000, 1_001, 1_100], "a use soon after another is not noted");
        accesses.record(user(1), "iam", "GetUser", "us-east-1", at(1_060));
        let last = accesses.last(user(1)).unwrap();
        assert_eq!((&*last.service, &*last.region, last.at), ("sts", "eu-west-1", at(1_100)));
        let again = Accesses::default();
        for (op, written) in accesses.unwritten() {
            accesses.written(&written);
            let Op::Put { key, value } = op else { panic!("nothing was forgotten") };
            again.load(std::str::from_utf8(&key).unwrap(), &value).unwrap();
        }
        assert!(accesses.unwritten().is_empty() && again.unwritten().is_empty());
        assert_eq!(again.of(user(1)), accesses.of(user(1)));
        assert_eq!(again.of(user(1)).first().unwrap().at, at(1_060));
    }

    #[test]
    fn the_longest_unused_makes_room_in_memory_and_in_the_store() {
        let accesses = Accesses::default();
        for number in 0..=MAX_IN_SHARD {
            let key = (user(1), "s".into(), format!("a{number}").into());
            let at = at(number as i64);
            accesses.put(key, Use { at, region: "r".into(), written: true });
        }
        assert_eq!(accesses.of(user(1)).len(), MAX_IN_SHARD);
        let ops = accesses.unwritten();
        assert!(matches!(ops.as_slice(), [(Op::Delete { .. }, _)]));
        ops.iter().for_each(|(_, written)| accesses.written(written));
        assert!(accesses.unwritten().is_empty());
    }
}
