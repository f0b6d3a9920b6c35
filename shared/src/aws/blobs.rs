//! Bytes under keys: what is too big for the table.

use async_trait::async_trait;

use crate::ports::StoreError;

/// A place for bytes. On AWS it is the bucket; tests keep them in memory.
#[async_trait]
pub trait Blobs: Send + Sync {
    /// Stores bytes under a key, over whatever is there.
    async fn put(&self, key: &str, bytes: Vec<u8>, content_type: &str) -> Result<(), StoreError>;
    /// The bytes under a key; `None` if there are none, or no longer.
    async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, StoreError>;
    /// Deletes everything whose key begins so, earlier versions included where they may be deleted.
    async fn delete_under(&self, prefix: &str) -> Result<(), StoreError>;
}
