//! Proof that a decision was taken, as a type.

use std::marker::PhantomData;
use std::sync::Arc;

use crate::authorize::Deciding;
use crate::caller::Caller;

/// A decision that allowed an operation. Made by [`crate::authorize`] alone.
#[derive(Clone)]
pub struct Authorized {
    operation: &'static str,
    caller: Arc<Caller>,
    deciding: Deciding,
}

impl Authorized {
    pub(crate) fn new(operation: &'static str, caller: Arc<Caller>, deciding: Deciding) -> Self {
        Self { operation, caller, deciding }
    }

    /// Who was allowed.
    pub fn caller(&self) -> &Caller {
        &self.caller
    }

    /// What decided, for the log; afterwards it is no longer known here.
    pub fn take_deciding(&mut self) -> Deciding {
        std::mem::take(&mut self.deciding)
    }

    /// Whether the decision was about the operation of this name.
    pub fn allows(&self, operation: &str) -> bool {
        self.operation == operation
    }

    /// The permit, if the decision was about the operation of this name.
    pub fn permit<O: ?Sized>(self, operation: &'static str) -> Option<Permit<O>> {
        (self.operation == operation).then_some(Permit { authorized: self, operation: PhantomData })
    }
}

/// The permission to run operation `O`. An operation cannot be run without one, and one for another
/// operation does not fit.
pub struct Permit<O: ?Sized> {
    authorized: Authorized,
    operation: PhantomData<fn() -> O>,
}

impl<O: ?Sized> Permit<O> {
    /// Who was allowed.
    pub fn caller(&self) -> &Caller {
        self.authorized.caller()
    }
}
