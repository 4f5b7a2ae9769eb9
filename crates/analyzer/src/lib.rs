//! The operations of Access Analyzer: so far the check of a policy.
//!
//! What is wrong with a policy is [`iamd_policy::findings`]' knowledge; this crate puts it into the API's shapes and
//! pages. It must not know HTTP, JSON, status codes or storage engines.

mod validate_policy;

use iamd_operation::Entry;

/// The tables of all modules. `iamd-service` checks them against the model.
pub const OPERATIONS: &[&[Entry]] = &[validate_policy::OPERATIONS];
