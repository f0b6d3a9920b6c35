//! The index `due`: jobs by the time at which somebody must look at them.

use async_trait::async_trait;
use jiff::Timestamp;

use super::Dynamo;
use super::keys::{due_partition, job_of, sortable};
use super::table::{Search, text};
use crate::domain::JobId;
use crate::ports::{Due, StoreError};

#[async_trait]
impl Due for Dynamo {
    async fn due(&self, shard: u8, now: Timestamp, limit: u16) -> Result<Vec<JobId>, StoreError> {
        let search = Search::index("due", "due_shard", due_partition(shard));
        let keys = self.search(&search.up_to("due_at", sortable(now)).limit(limit)).await?;
        Ok(keys.iter().filter_map(|key| job_of(text(key, "pk")?)).collect())
    }
}
