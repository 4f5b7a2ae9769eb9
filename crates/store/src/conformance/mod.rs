//! The suite that every engine passes, and the wrapper that makes an engine misbehave as far as its
//! contract allows.
//!
//! Two kinds of cases. The **strict** ones ask for exact answers, so they run on engines. The **robust**
//! ones work through [`Client`], which does what every user of a store must do about conflicts, unknown
//! outcomes, resets and lost pages; they run on engines and on [`Faulty`]. Each case gets an empty store.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test suite: it fails by panicking"
)]

mod client;
mod faulty;
mod feed;
mod robust;
mod strict;

use std::sync::Arc;

use futures_util::future::BoxFuture;

pub use client::Client;
pub use faulty::{Faults, Faulty};

use crate::partition::Partition;
use crate::store::Store;

/// A case: its name, and what it does to an empty store.
pub type Case = (&'static str, fn(Arc<dyn Store>) -> BoxFuture<'static, ()>);

/// Runs all cases, each on a store of its own. Needs a tokio runtime with more than one thread.
///
/// # Panics
/// When a case fails, with its name.
pub async fn check_engine(make: impl Fn() -> Arc<dyn Store>) {
    for cases in [strict::CASES, feed::CASES, robust::CASES] {
        run(cases, &make).await;
    }
}

/// Runs the robust cases, each on a store of its own: for stores that may fail as [`Faulty`] does.
///
/// # Panics
/// When a case fails, with its name.
pub async fn check_robust(make: impl Fn() -> Arc<dyn Store>) {
    run(robust::CASES, &make).await;
}

async fn run(cases: &[Case], make: &impl Fn() -> Arc<dyn Store>) {
    for (name, case) in cases {
        if let Err(error) = tokio::spawn(case(make())).await {
            panic!("conformance case `{name}` failed: {error}");
        }
    }
}

/// Makes a list of cases from the names of async functions.
macro_rules! cases {
    ($($name:ident),+ $(,)?) => {
        pub(super) const CASES: &[$crate::conformance::Case] =
            &[$((stringify!($name), |store| Box::pin($name(store)))),+];
    };
}
use cases;

/// The partition that most cases use.
fn account() -> Partition {
    Partition::new("123456789012").unwrap()
}

fn named(name: &str) -> Partition {
    Partition::new(name).unwrap()
}
