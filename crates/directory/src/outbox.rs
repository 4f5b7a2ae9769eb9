//! What was committed with a change only to be moved on afterwards, and where it stands in the store.
//!
//! Entries stand in places. Once an entry was moved on its place is spare, and the next entry is put there: so nothing
//! need be removed for each change, and no new key appears. Places that stay spare are removed after a while.
//!
//! INVARIANT: an entry that was not moved on is never written over. A place is spare only by the receipt of the entry
//! that stands there now: receipts of what stood there before, or was sent a second time, say nothing.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use iamd_store::{Entry, Op, Value};
use iamd_types::AccountId;
use smallvec::SmallVec;
use tokio::sync::mpsc;

use crate::keys;

/// How many places one transaction removes; below the store's limit.
const REMOVALS: usize = 90;

/// A key, without the outbox's prefix: a number in four bytes. Earlier versions put records under their event ids and
/// believe that every key of that form is the id of its record, so those are not used again.
type Place = SmallVec<[u8; 16]>;

/// An audit record, or whatever else was committed only to be moved on.
#[derive(Debug, Clone)]
pub struct OutboxEntry {
    /// In whose partition it waits.
    pub account: AccountId,
    /// What was put there.
    pub value: Arc<[u8]>,
    /// Says, once the entry was moved on, that it was: see [`Directory::moved_on`](crate::Directory::moved_on).
    pub receipt: Receipt,
}

/// Where an entry stood when it was sent, and which sending that was.
#[derive(Debug, Clone)]
pub struct Receipt {
    place: Place,
    sending: u64,
}

/// The outbox of a loaded account.
pub(crate) struct Outbox {
    account: AccountId,
    receiver: mpsc::UnboundedSender<OutboxEntry>,
    /// The latest sending of what stands in each place that is not spare. By a quick hasher: places are ours.
    held: HashMap<Place, u64, foldhash::fast::RandomState>,
    /// How many entries were sent.
    sent: u64,
    /// Places whose entries were moved on, the longest ago first.
    spare: VecDeque<Place>,
    /// How many places, from the front, were spare already when places were last removed.
    stale: usize,
    /// Places without a number whose entries were moved on.
    unnumbered: Vec<Place>,
    /// Numbers of places that are not in the store, and the first one from which on none is.
    free: Vec<u32>,
    next: u32,
}

/// How many places are spare, and how many of them have been for a while.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Leftovers {
    pub(crate) spare: usize,
    pub(crate) stale: usize,
}

impl Leftovers {
    /// What remains after one removal.
    pub(crate) fn after_removal(self) -> Self {
        let removed = self.stale.min(REMOVALS);
        Self { spare: self.spare - removed, stale: self.stale - removed }
    }
}

/// What a batch does to the outbox once it is durable.
#[derive(Default)]
pub(crate) struct Plan {
    /// How many spare places are used or removed, from the front.
    taken: usize,
    /// How many places without a number are removed, from the front.
    unnumbered: usize,
    /// How many places are new.
    new: usize,
    put: Vec<(Place, Value)>,
    removed: Vec<Place>,
    /// Whether stale places are removed: what is spare then is stale the next time.
    removes: bool,
}

impl Plan {
    /// Does the other's as well, which was made on top of this one.
    pub(crate) fn extend(&mut self, other: Self) {
        (self.taken, self.unnumbered, self.new) = (other.taken, other.unnumbered, other.new);
        self.put.extend(other.put);
        self.removed.extend(other.removed);
        self.removes |= other.removes;
    }

    /// The operations in the store.
    pub(crate) fn ops(&self) -> impl Iterator<Item = Op> {
        let put = self.put.iter().map(|(place, value)| Op::put(key(place), Arc::clone(value)));
        put.chain(self.removed.iter().map(|place| Op::delete(key(place))))
    }
}

impl Outbox {
    /// Of an account in whose partition these entries wait; sends them.
    pub(crate) fn new(
        account: AccountId,
        receiver: mpsc::UnboundedSender<OutboxEntry>,
        waiting: Vec<Entry>,
    ) -> Self {
        let mut outbox = Self {
            account,
            receiver,
            held: HashMap::default(),
            sent: 0,
            spare: VecDeque::new(),
            stale: 0,
            unnumbered: Vec::new(),
            free: Vec::new(),
            next: 0,
        };
        outbox.reload(waiting);
        outbox
    }

    /// These entries are what is in the store, whatever was known: sends them again. Some may have been moved on.
    pub(crate) fn reload(&mut self, waiting: Vec<Entry>) {
        self.held.clear();
        self.spare.clear();
        self.unnumbered.clear();
        self.free.clear();
        (self.stale, self.next) = (0, 0);
        for Entry { key, value } in waiting {
            let place = Place::from_slice(key.strip_prefix(keys::OUTBOX).unwrap_or_default());
            // Higher numbers than there can be entries are not counted on from.
            let number = number(&place).filter(|number| *number < u32::MAX / 2);
            self.next = self.next.max(number.map_or(0, |number| number + 1));
            self.send(place, value);
        }
    }

    /// What is spare once what is planned is done.
    pub(crate) fn leftovers(&self, plan: &Plan) -> Leftovers {
        let unnumbered = self.unnumbered.len() - plan.unnumbered;
        let stale = self.stale.saturating_sub(plan.taken);
        Leftovers { spare: unnumbered + self.spare.len() - plan.taken, stale: unnumbered + stale }
    }

    /// What a change does that puts these entries, and removes stale places if it `removes`, after what is planned.
    pub(crate) fn plan(
        &self,
        after: &Plan,
        entries: impl IntoIterator<Item = Value>,
        removes: bool,
    ) -> Plan {
        let Plan { taken, unnumbered, new, .. } = *after;
        let mut plan = Plan { taken, unnumbered, new, removes, ..Plan::default() };
        plan.put = entries.into_iter().map(|value| (self.take(&mut plan), value)).collect();
        if removes {
            let old = self.unnumbered.iter().skip(unnumbered);
            let stale = self.spare.iter().take(self.stale).skip(plan.taken);
            plan.removed = old.chain(stale).take(REMOVALS).cloned().collect();
            let numbered = plan.removed.iter().filter(|place| number(place).is_some()).count();
            plan.taken += numbered;
            plan.unnumbered += plan.removed.len() - numbered;
        }
        plan
    }

    /// A place for an entry.
    fn take(&self, plan: &mut Plan) -> Place {
        if let Some(place) = self.spare.get(plan.taken) {
            plan.taken += 1;
            return place.clone();
        }
        let free = self.free.len().checked_sub(plan.new + 1).and_then(|at| self.free.get(at));
        let number = free.copied().unwrap_or_else(|| {
            self.next.saturating_add(plan.new.saturating_sub(self.free.len()) as u32)
        });
        plan.new += 1;
        Place::from_slice(&number.to_be_bytes())
    }

    /// What was planned is durable: sends what is new.
    pub(crate) fn committed(&mut self, plan: Plan) {
        let Plan { taken, unnumbered, new, put, removed, removes } = plan;
        self.spare.drain(..taken);
        self.unnumbered.drain(..unnumbered);
        self.stale = self.stale.saturating_sub(taken);
        let freed = new.min(self.free.len());
        self.free.truncate(self.free.len() - freed);
        self.next = self.next.saturating_add((new - freed) as u32);
        self.free.extend(removed.iter().filter_map(|place| number(place)));
        if removes && self.stale == 0 {
            self.stale = self.spare.len();
        }
        put.into_iter().for_each(|(place, value)| self.send(place, value));
    }

    fn send(&mut self, place: Place, value: Value) {
        self.sent += 1;
        self.held.insert(place.clone(), self.sent);
        let receipt = Receipt { place, sending: self.sent };
        // The receiver is gone only while the server stops; the entries stay in the store.
        let _ = self.receiver.send(OutboxEntry { account: self.account, value, receipt });
    }

    /// Entries were moved on.
    pub(crate) fn moved_on(&mut self, receipts: Vec<Receipt>) {
        for Receipt { place, sending } in receipts {
            if self.held.get(&place) == Some(&sending) {
                self.held.remove(&place);
                match number(&place) {
                    Some(_) => self.spare.push_back(place),
                    None => self.unnumbered.push(place),
                }
            }
        }
    }
}

fn key(place: &[u8]) -> Vec<u8> {
    [keys::OUTBOX, place].concat()
}

/// The number of a place that has one.
fn number(place: &[u8]) -> Option<u32> {
    place.try_into().ok().map(u32::from_be_bytes)
}
