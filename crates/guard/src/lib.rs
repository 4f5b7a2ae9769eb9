//! Decisions for services that iamd does not own: the guard in front of them asks, iamd answers.
//!
//! A proxy (Envoy, nginx) tells of a request that it received, a store (MinIO) or any program of what somebody wants to
//! do; the answer is the one that iamd's own services would give, with the same record. Only configured enforcement
//! points may ask, and a signed request counts only at the host and path that the asker protects, so that nobody can use
//! the guard to find out what a captured signature is good for.
//!
//! The one idea: every protocol here is a way to say the same few facts ([`check::Asked`], [`subject::Subject`]); what
//! is decided, on which text, is in one place. Deny by default: a request that is told incompletely is refused.
//!
//! This crate must not know sockets. What it may not do is decide by itself: `iamd_service` does.

mod apis;
mod authorize;
mod check;
mod context;
mod envoy;
mod exchange;
mod guard;
mod identity;
mod minio;
mod nginx;
mod opa;
mod points;
mod settings;
mod subject;
mod target;

pub use envoy::messages;
pub use exchange::{Incoming, Outgoing};
pub use guard::Guard;
pub use settings::{Api, Body, Files, GuardSettings, Kind, Point, SettingsError};
pub use target::{Ambiguous, plain_path};
