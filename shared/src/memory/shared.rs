//! Values that copies have in common until one of them is written.

use std::ops::{Deref, DerefMut};
use std::sync::Arc;

/// A value that is copied only when it is written while another copy of it lives. An exploration goes back and forth between
/// states, and most tables are the same in most of them.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Shared<T>(Arc<T>);

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
