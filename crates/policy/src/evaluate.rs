//! From policies to a decision.

use crate::{Decision, Policies, Request};

/// Something that decides requests. All implementations give the same answers.
pub trait Evaluator {
    /// Decides one request.
    fn decide<'a>(&self, request: &Request<'_>, policies: &Policies<'a>) -> Decision<'a>;
}

/// The reference implementation: AWS's rules one by one, with no thought of speed.
#[derive(Clone, Copy, Debug, Default)]
pub struct Reference;
