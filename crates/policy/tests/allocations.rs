//! A decision allocates nothing: the gate for every shape of the benchmark.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use std::sync::Arc;

use iamd_policy::{PolicySet, Verdict, decide};

#[path = "../benches/workload/mod.rs"]
mod workload;

use workload::{RESOURCE_KIND, SHAPES, Workload};

#[test]
fn no_decision_allocates() {
    for shape in &SHAPES {
        let workload = Workload::new(shape, 300);
        for number in 0..workload.requests() {
            let allocated = workload.compiled(number, |request, sets: &[Arc<PolicySet>]| {
                let sets: Vec<&PolicySet> = sets.iter().map(|set| &**set).collect();
                let mut verdict: Option<Verdict> = None;
                let counted = allocation_counter::measure(|| {
                    verdict = Some(decide(request, RESOURCE_KIND, &sets));
                });
                assert!(verdict.is_some());
                counted.count_total
            });
            assert_eq!(allocated, 0, "{} request {number}", shape.name);
        }
    }
}
