//! Shapes, constraints and operation tables of AWS services, generated from compact models.
//!
//! `cargo xtask codegen` writes the modules [`iam`], [`sts`], [`accessanalyzer`] and [`s3`] from `models/*.json`: plain structs
//! that serde reads and writes, and constant tables ([`Service`], [`Operation`], [`Shape`]) that
//! say what a request may hold. Nothing here knows what an operation does or how bytes look on the
//! wire; whoever reads requests walks the tables.

pub mod accessanalyzer;
pub mod document;
pub mod iam;
pub mod pattern;
pub mod s3;
pub mod shape;
pub mod sts;
mod tag;

pub use document::PolicyDocument;
pub use pattern::Pattern;
pub use shape::{
    AskedBy, Binding, ErrorShape, Kind, Member, Operation, Place, Protocol, Resource, Route,
    Service, Shape,
};
