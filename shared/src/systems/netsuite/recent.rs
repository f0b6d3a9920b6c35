//! What was just read of an order, so that the visit that read it does not ask for the same again: which item each line holds, and
//! what stood in the field of tracking numbers.
//!
//! Each look uses it once, and a write forgets all of it: whoever looks again asks NetSuite.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::domain::LineId;

/// The item of each line.
pub(super) type Items = BTreeMap<LineId, String>;

/// What was read of one document.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Reading {
    /// The item of each line, as SuiteQL said it.
    pub(super) items: Items,
    /// What stood in the field of tracking numbers, where it was asked for; `Some(None)` for nothing.
    pub(super) shown: Option<Option<String>>,
}

/// The documents that were read one by one, by their ids.
#[derive(Debug, Default)]
pub(super) struct JustRead(Mutex<BTreeMap<String, Reading>>);

impl JustRead {
    /// Notes what was read, unless it was asked for among others: that was a scan, which writes nothing.
    pub(super) fn note(&self, asked: &[&str], id: &str, reading: impl FnOnce() -> Reading) {
        if asked == [id] {
            self.lock().insert(id.to_owned(), reading());
        }
    }

    /// What stood in the field of tracking numbers, for one look.
    pub(super) fn shown(&self, id: &str) -> Option<Option<String>> {
        self.lock().get_mut(id)?.shown.take()
    }

    /// The lines' items, for one write: nothing that was read before is told afterwards.
    pub(super) fn before_writing(&self, id: &str) -> Option<Items> {
        let read = std::mem::take(&mut *self.lock());
        read.get(id).map(|reading| reading.items.clone())
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Reading>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reading() -> Reading {
        Reading {
            items: Items::from([(LineId::new("1"), "201".to_owned())]),
            shown: Some(Some("1Z0001".to_owned())),
        }
    }

    #[test]
    fn a_reading_serves_one_look_and_one_write() {
        let read = JustRead::default();
        read.note(&["7"], "7", reading);
        assert_eq!(read.shown("7"), Some(Some("1Z0001".to_owned())));
        assert_eq!(read.shown("7"), None, "the next look asks NetSuite");
        assert_eq!(read.before_writing("7"), Some(reading().items));
        assert_eq!(read.before_writing("7"), None);
    }

    #[test]
    fn a_write_forgets_what_was_read_before_it() {
        let read = JustRead::default();
        read.note(&["7"], "7", reading);
        read.note(&["8"], "8", reading);
        assert_eq!(read.before_writing("7"), Some(reading().items));
        assert_eq!((read.shown("7"), read.shown("8")), (None, None));
    }

    #[test]
    fn a_scan_is_not_noted() {
        let read = JustRead::default();
        read.note(&["7", "8"], "7", || panic!("nobody needs it"));
        assert_eq!((read.shown("7"), read.before_writing("8")), (None, None));
    }
}
