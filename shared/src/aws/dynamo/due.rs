//! The index `due`: jobs, and whatever else waits, by the time at which somebody must look at them.

use async_trait::async_trait;
use jiff::Timestamp;

use super::Dynamo;
use super::keys::{due_partition, job_of, sortable};
use super::table::{Item, Search, text};
use crate::domain::JobId;
use crate::ports::{Due, StoreError};

#[async_trait]
impl Due for Dynamo {
    async fn due(&self, shard: u8, now: Timestamp, limit: u16) -> Result<Vec<JobId>, StoreError> {
        let keys = self.due_in(due_partition(shard), now, limit).await?;
        Ok(keys.iter().filter_map(|key| job_of(text(key, "pk")?)).collect())
    }
}

impl Dynamo {
    /// The keys of one partition of the index whose time has come, the longest overdue first.
    pub(super) async fn due_in(&self, partition: String, now: Timestamp, limit: u16) -> Result<Vec<Item>, StoreError> {
        let search = Search::index("due", "due_shard", partition).up_to("due_at", sortable(now));
        self.search(&search.limit(limit)).await
    }
}
