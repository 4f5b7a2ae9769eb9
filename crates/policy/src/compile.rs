//! The compiled engine: documents prepared once, so that deciding is little more than comparing.
//!
//! A [`Compiled`] document belongs to a policy, a [`PolicySet`] of them to all callers who have the same policies.
//! [`decide`] gives the answer; why it is so is told by [`crate::explain`], which nobody pays for who does not ask.
//! The meaning of everything here is that of [`crate::Reference`].

mod action;
mod candidate;
mod catalog;
mod condition;
mod decide;
mod engine;
mod glob;
mod index;
mod listing;
mod rule;
mod set;
mod table;
mod template;

pub use action::Action;
pub use decide::{StatementPlace, Verdict, decide};
pub use engine::Engine;
pub use index::{Index, PrincipalNumber, Question, SetNumber, decide_each};
pub use set::{Compiled, PolicySet, PolicySetBuilder, Slot};
