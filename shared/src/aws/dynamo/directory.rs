//! The indexes `state` and `number`: jobs and documents as people look for them, and the control of look-ups.

use std::collections::HashMap;

use async_trait::async_trait;
use futures::future::try_join_all;
use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

use super::Dynamo;
use super::keys::{AUDIT, BOUGHT, Key, connection_of, job_of, number_key, sortable, state_partitions, walked, words};
use super::table::{Item, Search, body, string, text, to_body};
use crate::domain::{ConnectionId, JobId, Units, Walk};
use crate::job::Job;
use crate::ports::{AuditEntry, Control, Controls, Directory, JobPage, State, Steps, StoreError};

/// After which a carrier's look-up is expected to know a shipment.
const INDEX_LAG: SignedDuration = SignedDuration::from_mins(15);

#[async_trait]
impl Directory for Dynamo {
    async fn in_state(&self, connection: &ConnectionId, state: State, limit: u16) -> Result<Vec<Job>, StoreError> {
        let mut jobs = self.newest(connection, &words(state), limit, None).await?;
        jobs.retain(|job| State::of(job) == state);
        jobs.truncate(usize::from(limit));
        Ok(jobs)
    }

    async fn walk(&self, connection: &ConnectionId, steps: &Steps, limit: u16) -> Result<JobPage, StoreError> {
        let partitions = state_partitions(connection, &walked(steps.walk));
        let mut place = steps.after.as_deref().map(Place::read).transpose()?.unwrap_or_default();
        let mut keys: Vec<Item> = Vec::new();
        let mut left = usize::from(limit);
        while let Some(partition) = partitions.get(place.partition).filter(|_| left > 0) {
            let search = stretch_of(partition.clone(), steps);
            let from = place.last.as_ref().map(|last| last.start(partition));
            let (found, next) = self.page(&search, Some(left), from).await?;
            left = left.saturating_sub(found.len());
            keys.extend(found);
            place = match next.as_ref().and_then(Last::of) {
                Some(last) => Place {
                    last: Some(last),
                    ..place
                },
                None => Place {
                    partition: place.partition + 1,
                    last: None,
                },
            };
        }
        let ids: Vec<JobId> = keys.iter().filter_map(|key| job_of(text(key, "pk")?)).collect();
        let next = (place.partition < partitions.len())
            .then(|| to_body(&place))
            .transpose()?;
        let (mut jobs, unreadable) = self.readable(&ids).await?;
        // The index is a moment behind: a job that has gone on meanwhile belongs to another walk.
        let walked = state_of(steps.walk);
        jobs.retain(|job| State::of(job) == walked);
        Ok(JobPage { jobs, unreadable, next })
    }

    async fn these(&self, ids: &[JobId]) -> Result<JobPage, StoreError> {
        let (jobs, unreadable) = self.readable(ids).await?;
        Ok(JobPage {
            jobs,
            unreadable,
            next: None,
        })
    }

    async fn numbered(&self, number: &str) -> Result<Vec<(ConnectionId, Units)>, StoreError> {
        let keys = self
            .search(&Search::index("number", "number_key", number_key(number)))
            .await?;
        let items = self.batch(keys.iter().filter_map(whole_key)).await?;
        let mut found = Vec::with_capacity(items.len());
        for item in &items {
            if let Some(connection) = text(item, "pk").and_then(connection_of) {
                found.push((connection, body::<Units>(item)?));
            }
        }
        found.sort_by(|a, b| (&a.0, &a.1.document).cmp(&(&b.0, &b.1.document)));
        Ok(found)
    }

    async fn audit(&self, id: &JobId) -> Result<Vec<AuditEntry>, StoreError> {
        let items = self.search(&Search::beginning(Key::job(id).pk, AUDIT)).await?;
        try_join_all(items.iter().map(|item| self.audit_entry(item))).await
    }
}

/// How far back of each partition a control is looked for where several accounts ship.
const ACCOUNTS_APART: u16 = 20;

#[async_trait]
impl Controls for Dynamo {
    async fn control(&self, of: &Job) -> Result<Option<Control>, StoreError> {
        let connection = &of.connection;
        // Where several accounts ship, the newest of one of them stand further back.
        let most = if of.account.is_some() { ACCOUNTS_APART } else { 2 };
        // The carrier's index may not know the very newest yet: a look that cannot see them would prove nothing.
        let settled = sortable(self.clock.now() - INDEX_LAG);
        // Two of each partition, for one of them may be the job itself.
        let other = |job: &&Job| job.id != of.id && job.account == of.account && job.closed.is_none();
        let mut jobs = self
            .newest(connection, &[BOUGHT, "shipped"], most, Some(settled))
            .await?;
        if !jobs.iter().any(|job| other(&job)) {
            jobs = self.newest(connection, &[BOUGHT, "shipped"], most, None).await?;
        }
        let control = |job: &Job| {
            Some(Control {
                reference: job.id.clone(),
                shipment: job.purchase.done()?.id.clone(),
                bought_at: job.updated_at,
            })
        };
        Ok(jobs.iter().filter(other).find_map(control))
    }
}

impl Dynamo {
    /// The newest of each partition of these words, all together newest first. More than `limit` may come back.
    async fn newest(
        &self,
        connection: &ConnectionId,
        words: &[&str],
        limit: u16,
        until: Option<String>,
    ) -> Result<Vec<Job>, StoreError> {
        let search = |partition| {
            let all = Search::index("state", "state_shard", partition)
                .backwards()
                .limit(limit);
            match &until {
                Some(until) => all.up_to("state_at", until.clone()),
                None => all,
            }
        };
        let searches: Vec<Search> = state_partitions(connection, words).into_iter().map(search).collect();
        let found = try_join_all(searches.iter().map(|search| self.search(search))).await?;
        let mut keys: Vec<&Item> = found.iter().flatten().collect();
        keys.sort_by(|a, b| text(b, "state_at").cmp(&text(a, "state_at")));
        let wanted = usize::from(limit).saturating_mul(words.len().max(2));
        let ids: Vec<JobId> = keys
            .into_iter()
            .take(wanted)
            .filter_map(|key| job_of(text(key, "pk")?))
            .collect();
        self.jobs(&ids).await
    }

    /// These jobs, those that exist and can be read, in this order.
    async fn jobs(&self, ids: &[JobId]) -> Result<Vec<Job>, StoreError> {
        Ok(self.readable(ids).await?.0)
    }

    /// These jobs, those that exist, in this order, and apart from them those whose item cannot be read: one of them must not
    /// hide the others.
    async fn readable(&self, ids: &[JobId]) -> Result<(Vec<Job>, Vec<JobId>), StoreError> {
        let items = self.batch(ids.iter().map(Key::job)).await?;
        let (mut jobs, mut unreadable) = (HashMap::new(), Vec::new());
        for item in &items {
            let Some(id) = text(item, "pk").and_then(job_of) else {
                continue;
            };
            match body::<Job>(item) {
                Ok(job) => {
                    jobs.insert(id, job);
                }
                Err(error) => {
                    tracing::error!(job = %id, %error, "a job cannot be read");
                    unreadable.push(id);
                }
            }
        }
        Ok((ids.iter().filter_map(|id| jobs.remove(id)).collect(), unreadable))
    }
}

/// The state of the jobs that a walk meets.
fn state_of(walk: Walk) -> State {
    match walk {
        Walk::Open => State::Open,
        Walk::Held => State::Held,
        Walk::Shipped => State::Shipped,
    }
}

/// A place in a walk: which partition of the index, and the last key of it that was read.
#[derive(Default, Serialize, Deserialize)]
struct Place {
    partition: usize,
    last: Option<Last>,
}

#[derive(Serialize, Deserialize)]
struct Last {
    pk: String,
    at: String,
}

impl Place {
    fn read(text: &str) -> Result<Self, StoreError> {
        serde_json::from_str(text).map_err(|error| StoreError(format!("a place in a walk cannot be read: {error}")))
    }
}

impl Last {
    fn of(key: &Item) -> Option<Self> {
        Some(Self {
            pk: text(key, "pk")?.to_owned(),
            at: text(key, "state_at")?.to_owned(),
        })
    }

    fn start(&self, partition: &str) -> Item {
        let attributes = [
            ("pk", self.pk.as_str()),
            ("sk", "STATE"),
            ("state_shard", partition),
            ("state_at", self.at.as_str()),
        ];
        let attributes = attributes.into_iter();
        attributes
            .map(|(name, value)| (name.to_owned(), string(value)))
            .collect()
    }
}

fn stretch_of(partition: String, steps: &Steps) -> Search {
    let search = Search::index("state", "state_shard", partition);
    match steps.within {
        Some(within) => search.between("state_at", sortable(within.from), sortable(within.to)),
        None => search,
    }
}

fn whole_key(item: &Item) -> Option<Key> {
    Some(Key {
        pk: text(item, "pk")?.to_owned(),
        sk: text(item, "sk")?.to_owned(),
    })
}
