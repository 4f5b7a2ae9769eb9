//! Parts of an account that seldom change.

use std::ops::{Deref, DerefMut};
use std::sync::Arc;

/// A part that the states of an account have in common until one of them changes it: to clone it takes one count,
/// however much is in it, and to change it copies it if others have it too.
#[derive(Clone, Default)]
pub(crate) struct Shared<T>(Arc<T>);

impl<T> From<T> for Shared<T> {
    fn from(part: T) -> Self {
        Self(Arc::new(part))
    }
}

impl<T> Deref for Shared<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T: Clone> DerefMut for Shared<T> {
    fn deref_mut(&mut self) -> &mut T {
        Arc::make_mut(&mut self.0)
    }
}
