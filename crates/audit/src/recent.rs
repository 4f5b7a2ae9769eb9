//! The ids of the lines written last, so that a line delivered twice is written once.

use std::collections::{HashSet, VecDeque};

use crate::EventId;

/// Remembers so many ids. A delivery is repeated when a node stops while the line is written and the record is still in
/// the outbox; that is a matter of the last second before the stop.
const CAPACITY: usize = 65_536;

#[derive(Default)]
pub(crate) struct Recent {
    known: HashSet<EventId>,
    oldest_first: VecDeque<EventId>,
}

impl Recent {
    pub(crate) fn contains(&self, id: EventId) -> bool {
        self.known.contains(&id)
    }

    pub(crate) fn remember(&mut self, id: EventId) {
        if !self.known.insert(id) {
            return;
        }
        self.oldest_first.push_back(id);
        if self.oldest_first.len() > CAPACITY
            && let Some(oldest) = self.oldest_first.pop_front()
        {
            self.known.remove(&oldest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forgets_the_oldest_first() {
        let id = |number: usize| EventId::from_bytes((number as u128).to_be_bytes());
        let mut recent = Recent::default();
        (0..=CAPACITY).for_each(|number| recent.remember(id(number)));
        recent.remember(id(CAPACITY));
        assert!(!recent.contains(id(0)));
        assert!(recent.contains(id(1)));
        assert!(recent.contains(id(CAPACITY)));
        assert_eq!(recent.known.len(), CAPACITY);
    }
}
