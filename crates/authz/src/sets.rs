//! Policy sets that were put together before.
//!
//! A set is known by the documents in it, and what it was made from keeps those alive: the same addresses are the
//! same documents. So a change to anything else invalidates nothing, and all who have the same policies share a
//! set. It is no cache of decisions.

use std::sync::{Arc, LazyLock};

use iamd_policy::{Attached, PolicySet, Slot};
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
        .map(|(slot, attached)| (slot, attached.document.compiled().address()))
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
    // INVARIANT: the set owns what the addresses are of, so while it is here, none is given to another document.
    SETS.insert(key.as_slice().into(), Arc::clone(&set));
    Some(set)
}

#[cfg(test)]
mod tests {
    use iamd_policy::{
        Action, Context, Document, Principal, PrincipalKind, Request, Resource, ResourcePolicyKind,
        Source, decide,
    };

    use super::*;

    /// A document that is gone must not be taken for one that came to lie in its place.
    #[test]
    fn documents_that_follow_each_other_are_told_apart() {
        let context = Context::new();
        let arn = "arn:aws:iam::111122223333:user/a";
        let request = Request {
            principal: Principal::new(PrincipalKind::User, arn, "111122223333"),
            action: &Action::new("s3:GetObject"),
            resource: Resource { arn: "*", account: None, management_account: false },
            context: &context,
        };
        for number in 0..100 {
            let effect = if number % 2 == 0 { "Allow" } else { "Deny" };
            let text =
                format!(r#"{{"Statement":{{"Effect":"{effect}","Action":"*","Resource":"*"}}}}"#);
            let document = Document::parse(&text).unwrap();
            let source = Source { name: "inline policy", arn: None };
            let attached = Attached { source, document: &document };
            let set = set_of([(Slot::Identity, attached)].into_iter()).unwrap();
            let verdict = decide(&request, ResourcePolicyKind::Resource, &[&set]);
            assert_eq!(verdict.is_allowed(), number % 2 == 0, "document {number}");
        }
    }
}
