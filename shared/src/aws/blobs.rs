//! Bytes under keys: what is too big for the table.
//!
//! S3's lifecycle knows no date of a single object, only rules for all that bear the same tag. So each object with personal data bears
//! the smallest class of days that is not less than what its connection promises, and the template has one rule for each class.

use async_trait::async_trait;

use crate::ports::StoreError;

/// The tag that tells the bucket's lifecycle for how many days an object is kept.
pub const KEEP_TAG: &str = "waybill-keep-days";

/// For how many days objects can be kept, ascending; the template has a rule for each.
pub const KEEP_DAYS: [u32; 8] = [30, 60, 90, 180, 400, 800, 1825, LONGEST];

/// The most that a connection can ask for.
const LONGEST: u32 = 3650;

/// For how many days an object is kept: one of [`KEEP_DAYS`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Keep(u32);

impl Keep {
    /// At least so many days, and no longer than the classes make it.
    pub fn at_least(days: u32) -> Self {
        let class = KEEP_DAYS.into_iter().find(|class| *class >= days);
        Self(class.unwrap_or(LONGEST))
    }

    /// The days.
    pub fn days(self) -> u32 {
        self.0
    }

    /// The tag as a query, as S3 takes it.
    pub(super) fn tag(self) -> String {
        format!("{KEEP_TAG}={}", self.0)
    }
}

/// A place for bytes. On AWS it is the bucket; tests keep them in memory.
#[async_trait]
pub trait Blobs: Send + Sync {
    /// Stores bytes under a key, over whatever is there, for as long as the bucket says for everything whose key begins so.
    async fn put(&self, key: &str, bytes: Vec<u8>, content_type: &str) -> Result<(), StoreError>;
    /// Stores bytes under a key, over whatever is there, for so long.
    async fn keep(&self, key: &str, bytes: Vec<u8>, content_type: &str, keep: Keep) -> Result<(), StoreError>;
    /// The bytes under a key; `None` if there are none, or no longer.
    async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, StoreError>;
    /// Deletes everything whose key begins so, earlier versions included where they may be deleted.
    async fn delete_under(&self, prefix: &str) -> Result<(), StoreError>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_kept_for_less_than_was_promised_nor_for_longer_than_the_next_class() {
        assert!(KEEP_DAYS.is_sorted());
        for (days, class) in [
            (30, 30),
            (31, 60),
            (90, 90),
            (91, 180),
            (400, 400),
            (401, 800),
            (3650, 3650),
        ] {
            assert_eq!(Keep::at_least(days).days(), class, "{days}");
        }
        assert_eq!(Keep::at_least(100).tag(), "waybill-keep-days=180");
    }
}
