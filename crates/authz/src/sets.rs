//! Policy sets that were put together before.
//!
//! A set is known by the documents in it, and what it was made from keeps those alive: the same addresses are the
//! same documents. So a change to anything else invalidates nothing, and all who have the same policies share a
//! set. It is no cache of decisions.

use std::sync::{Arc, LazyLock};

use iamd_policy::{Attached, Compiled, PolicySet, Slot};
use quick_cache::sync::Cache;
use smallvec::SmallVec;

/// How many sets are kept. One is some 100 bytes for each of its statements.
const CAPACITY: usize = 8192;

/// The sets of this process; they depend on nothing but their documents.
static SETS: LazyLock<Cache<Box<[Document]>, Arc<PolicySet>>> =
    LazyLock::new(|| Cache::new(CAPACITY));

/// A document's part in a set, and its address.
type Document = (Slot, usize);

/// The set of these documents, each with its part; `None` when there are none.
pub(crate) fn set_of<'a>(
    documents: impl Iterator<Item = (Slot, Attached<'a>)> + Clone,
) -> Option<Arc<PolicySet>> {
    let key: SmallVec<[Document; 8]> = documents
        .clone()
        .map(|(slot, attached)| (slot, address(attached.document.compiled())))
        .collect();
    if key.is_empty() {
        return None;
    }
    if let Some(set) = SETS.get(&*key) {
        return Some(set);
    }
    let mut builder = PolicySet::builder();
    for (slot, attached) in documents {
        builder.add(slot, attached.document.compiled());
    }
    let set = Arc::new(builder.build());
    // INVARIANT: the set owns its documents, so while it is here, none of the addresses is given to another.
    SETS.insert(key.as_slice().into(), Arc::clone(&set));
    Some(set)
}

fn address(document: &Arc<Compiled>) -> usize {
    Arc::as_ptr(document).addr()
}
