//! The index `due`: jobs, and whatever else waits, by the time at which somebody must look at them.

use async_trait::async_trait;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Dynamo;
use super::keys::{due_partition, job_of, sortable};
use super::table::{Item, Search, string, text, to_body};
use crate::domain::JobId;
use crate::ports::{Due, DuePage, StoreError};

#[async_trait]
impl Due for Dynamo {
    async fn due(
        &self,
        shard: u8,
        now: Timestamp,
        after: Option<&str>,
        limit: u16,
    ) -> Result<DuePage<JobId>, StoreError> {
        let (keys, next) = self.due_page(due_partition(shard), now, after, limit).await?;
        let keys = keys.iter().filter_map(|key| job_of(text(key, "pk")?)).collect();
        Ok(DuePage { keys, next })
    }
}

impl Dynamo {
    /// The keys of one partition of the index whose time has come, the longest overdue first.
    pub(super) async fn due_in(&self, partition: String, now: Timestamp, limit: u16) -> Result<Vec<Item>, StoreError> {
        let search = Search::index("due", "due_shard", partition).up_to("due_at", sortable(now));
        self.search(&search.limit(limit)).await
    }

    /// The same, a page from where the one before ended; and where it ended.
    pub(super) async fn due_page(
        &self,
        partition: String,
        now: Timestamp,
        after: Option<&str>,
        limit: u16,
    ) -> Result<(Vec<Item>, Option<String>), StoreError> {
        let from = after.map(|after| Place::read(after, &partition)).transpose()?;
        let search = Search::index("due", "due_shard", partition).up_to("due_at", sortable(now));
        let (keys, last) = self.page(&search, Some(usize::from(limit)), from).await?;
        let next = last.as_ref().and_then(Place::of).map(|place| to_body(&place));
        Ok((keys, next.transpose()?))
    }
}

/// The last key of the index that was read. It may have moved on meanwhile: whoever goes on begins behind where it stood.
#[derive(Serialize, Deserialize)]
struct Place {
    pk: String,
    sk: String,
    at: String,
}

impl Place {
    fn of(key: &Item) -> Option<Self> {
        let own = |name| text(key, name).map(str::to_owned);
        Some(Self {
            pk: own("pk")?,
            sk: own("sk")?,
            at: own("due_at")?,
        })
    }

    fn read(place: &str, partition: &str) -> Result<Item, StoreError> {
        let place: Self = serde_json::from_str(place)
            .map_err(|error| StoreError(format!("a place among what is due cannot be read: {error}")))?;
        let attributes = [
            ("pk", place.pk.as_str()),
            ("sk", place.sk.as_str()),
            ("due_shard", partition),
            ("due_at", place.at.as_str()),
        ];
        let attributes = attributes.into_iter();
        Ok(attributes
            .map(|(name, value)| (name.to_owned(), string(value)))
            .collect())
    }
}
