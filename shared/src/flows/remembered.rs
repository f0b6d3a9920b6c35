//! What a process has read lately and need not read for every request.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use jiff::{SignedDuration, Timestamp};

/// How long something is believed.
pub(super) const BELIEVED: SignedDuration = SignedDuration::from_secs(60);

/// How long it is believed that it is still so, where that would turn somebody away: a key may have been changed just now.
const DOUBTED: SignedDuration = SignedDuration::from_secs(2);

/// Things by their names, each with when it was read.
#[derive(Debug)]
pub struct Remembered<T>(Arc<Mutex<HashMap<String, (Timestamp, T)>>>);

impl<T> Clone for Remembered<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<T> Default for Remembered<T> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

impl<T: Clone> Remembered<T> {
    /// What was read of this name within the last minute.
    pub(crate) fn believed(&self, name: &str, now: Timestamp) -> Option<T> {
        self.read_within(name, now, BELIEVED)
    }

    /// What was read of this name just now.
    pub(crate) fn fresh(&self, name: &str, now: Timestamp) -> Option<T> {
        self.read_within(name, now, DOUBTED)
    }

    /// Remembers what was read.
    pub(crate) fn put(&self, name: &str, thing: T, now: Timestamp) {
        let mut things = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        things.insert(name.to_owned(), (now, thing));
    }

    fn read_within(&self, name: &str, now: Timestamp, time: SignedDuration) -> Option<T> {
        let things = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (at, thing) = things.get(name)?;
        (now.duration_since(*at) < time).then(|| thing.clone())
    }
}
