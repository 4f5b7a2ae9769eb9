//! Who is calling, and may they: what an enforcement point embeds.
//!
//! [`Authenticator`] turns a signed request into a [`Proof`]. A proof is read against a snapshot of
//! its account into a [`Caller`], and once more if the state that a change finally runs on is a newer
//! one, so that a key that was deactivated meanwhile does nothing. [`authorize`] gathers every policy that
//! applies to the caller, decides, and hands out what a [`Permit`] is made from.
//!
//! This crate must not know operations, HTTP or storage engines.

mod access;
mod authenticate;
mod authorize;
mod bearer;
mod caller;
mod context;
mod examine;
mod explain;
mod gather;
pub mod password;
mod permit;
pub mod second_factor;
mod sessions;
mod sets;

pub use access::{Access, AccessList, ResourcePolicy};
pub use authenticate::{Authenticator, Signed, Unverified};
pub use authorize::{Deciding, Denied, authorize, ensure_session_may_call, reads_key};
pub use bearer::Bearer;
pub use caller::{Caller, Principal, Proof};
pub use context::RequestFacts;
pub use examine::{Examined, examine};
pub use explain::explain;
pub use permit::{Authorized, Permit};
pub use sessions::OpenSession;
