//! The IAM policy language: parse with source positions, validate as AWS does on write, evaluate, explain.
//!
//! Pure and stand-alone: this crate knows neither where policies are kept nor who sent a request. The caller
//! gathers the documents ([`Policies`]) and the facts of one request ([`Request`]); the evaluator invents none.
//!
//! The one idea: a decision is a value with its reasons ([`Decision`]), never a bare boolean. [`Reference`]
//! follows AWS's evaluation rules sentence by sentence and is the yardstick for any faster [`Evaluator`].

/// The example of the README is one that runs.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

pub mod cases;
mod check;
mod compile;
mod condition;
mod context;
mod decision;
mod document;
mod error;
mod evaluate;
mod explain;
#[cfg(feature = "vocabulary")]
pub mod findings;
mod grants;
mod json;
mod keys;
mod operator;
mod parse;
mod pattern;
mod policies;
mod position;
mod principal;
mod request;
mod size;
mod statement;
mod trace;
mod value;
mod variable;
#[cfg(feature = "vocabulary")]
pub mod vocabulary;

pub use check::{PolicyType, Refusal, check};
#[cfg(feature = "vocabulary")]
pub use check::{check_bucket, read_bucket_policy};
pub use compile::{
    Action, Compiled, Engine, Index, PolicySet, PolicySetBuilder, PrincipalNumber, Question,
    SetNumber, Slot, StatementPlace, Verdict, decide, decide_each,
};
pub use context::{Context, Values};
pub use decision::{Decision, Effect, MatchedStatement, PolicyKind};
pub use document::{
    Actions, Condition, Document, NamedPrincipal, PrincipalType, Principals, Resources, Statement,
    StatementEffect, Text, Version,
};
pub use error::{ParseError, ParseErrorKind};
pub use evaluate::{Evaluator, Reference};
pub use explain::{StatementTrace, explain};
#[cfg(feature = "vocabulary")]
pub use findings::{
    Finding, FindingCode, FindingType, Location, PathElement, PolicyResource, validate,
};
pub use json::{MAX_DEPTH, MAX_DOCUMENT_BYTES};
pub use policies::{Attached, Policies, ResourcePolicyKind, Source};
pub use position::{Position, Span};
pub use request::{Principal, PrincipalKind, Request, Resource};
pub use size::counted_size;
pub use statement::{Element, Mismatch};
pub use trace::{Failed, Gate, PolicyTrace, Says, StatementOutcome, Trace};
