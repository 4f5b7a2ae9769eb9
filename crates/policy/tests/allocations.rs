//! A decision allocates nothing: the gate for every shape of the benchmark.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]

#[path = "../benches/workload/mod.rs"]
mod workload;

use workload::{Form, SHAPES, Workload};

#[test]
fn no_decision_allocates() {
    for shape in &SHAPES {
        let workload = Workload::new(shape, 300);
        for form in [Form::Merged, Form::Indexed] {
            for number in 0..workload.requests() {
                let request = workload.ready(number);
                let mut verdict = None;
                let counted = allocation_counter::measure(|| verdict = Some(request.decide(form)));
                assert!(verdict.is_some());
                assert_eq!(counted.count_total, 0, "{} {form:?} request {number}", shape.name);
            }
        }
    }
}
