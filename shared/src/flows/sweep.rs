//! Re-queues what is due: a lost message costs latency, never truth.
//!
//! The shards are dealt with side by side, each for its own share, so that none waits for a fuller one.

use std::sync::Arc;

use futures::future::join_all;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::count;
use crate::domain::{JobId, TenantId};
use crate::flows::write::Pen;
use crate::job::{Job, Outcome, Timing};
use crate::ports::{Clock, Due, Jobs, Nonces, Queue, Save, StoreError};

/// Due jobs are spread over so many keys, so that none is hot.
pub const SHARDS: u8 = 16;

/// The most jobs of a shard that are re-queued in one run, however many it may queue in all.
const LIMIT: u16 = 2_000;

/// How long a run lasts at most: what is in hand when the next one begins, a minute later, would be queued twice.
const LONGEST: SignedDuration = SignedDuration::from_secs(55);

/// How many jobs of a shard are in hand at the same time: as many messages as one request to the queue brings.
const AT_ONCE: usize = 10;

/// The ports that sweeping needs.
#[derive(Clone)]
pub struct Sweep {
    /// What is due.
    pub due: Arc<dyn Due>,
    /// Jobs.
    pub jobs: Arc<dyn Jobs>,
    /// The queue of jobs.
    pub queue: Arc<dyn Queue>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Nonces.
    pub nonces: Arc<dyn Nonces>,
    /// When to look again at a job that was re-queued.
    pub timing: Timing,
}

/// What a sweep did.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// Jobs that were due.
    pub due: u64,
    /// Jobs that were queued again.
    pub requeued: u64,
}

impl Sweep {
    /// Queues every due job once and moves its `due_at` on, so that the next sweep leaves it in peace.
    ///
    /// # Errors
    /// When the store fails; what was not queued is due still. One job that cannot be read does not stop the others: the
    /// error comes when they are queued.
    pub async fn run(&self) -> Result<Report, StoreError> {
        self.at_most(u32::MAX, Timestamp::MAX).await
    }

    /// The same until `deadline`, or until the next run begins, but of every shard only its share of so many jobs, one at least: the
    /// others are due at the next run.
    ///
    /// # Errors
    /// As [`Sweep::run`].
    pub async fn at_most(&self, most: u32, deadline: Timestamp) -> Result<Report, StoreError> {
        let share = u16::try_from(most / u32::from(SHARDS)).map_or(LIMIT, |share| share.clamp(1, LIMIT));
        let deadline = deadline.min(self.clock.now() + LONGEST);
        let (mut report, mut failed) = (Report::default(), None);
        for (swept, error) in join_all((0..SHARDS).map(|shard| self.shard(shard, share, deadline))).await {
            report.due += swept.due;
            report.requeued += swept.requeued;
            failed = error.or(failed);
        }
        failed.map_or(Ok(report), Err)
    }

    /// What was done in a shard, and what kept any of its jobs from being queued.
    async fn shard(&self, shard: u8, share: u16, deadline: Timestamp) -> (Report, Option<StoreError>) {
        let (mut report, mut failed) = (Report::default(), None);
        let ids = match self.due.due(shard, self.clock.now(), share).await {
            Ok(ids) => ids,
            Err(error) => return (report, Some(error)),
        };
        for some in ids.chunks(AT_ONCE) {
            if self.clock.now() >= deadline {
                tracing::warn!(
                    shard,
                    "no time is left for the other jobs: they are due at the next run"
                );
                break;
            }
            report.due += count(some.len());
            let jobs = self.loaded(some, &mut failed).await;
            match self.requeue(&jobs).await {
                Ok(requeued) => report.requeued += requeued,
                Err(error) => {
                    tracing::error!(shard, %error, "due jobs were not queued");
                    failed = Some(error);
                }
            }
        }
        (report, failed)
    }

    /// Of these jobs, those that are due still.
    async fn loaded(&self, ids: &[JobId], failed: &mut Option<StoreError>) -> Vec<Job> {
        let loaded = join_all(ids.iter().map(|id| self.jobs.load(id))).await;
        let (mut jobs, now) = (Vec::with_capacity(ids.len()), self.clock.now());
        for (id, loaded) in ids.iter().zip(loaded) {
            match loaded {
                Ok(job) => jobs.extend(job.filter(|job| job.due_at.is_some_and(|due| due <= now))),
                Err(error) => {
                    tracing::error!(job = %id, %error, "a due job was not queued");
                    *failed = Some(error);
                }
            }
        }
        jobs
    }

    /// The messages go first: if a write is lost its job is queued again, which is harmless.
    async fn requeue(&self, jobs: &[Job]) -> Result<u64, StoreError> {
        if jobs.is_empty() {
            return Ok(0);
        }
        let messages: Vec<(JobId, TenantId)> = jobs.iter().map(|job| (job.id.clone(), job.tenant.clone())).collect();
        self.queue.send_all(&messages).await?;
        let saves: Vec<Save> = jobs.iter().filter_map(|job| self.moved_on(job)).collect();
        // A conflict means that somebody is at work on the job, and has set `due_at` himself.
        let saved = join_all(saves.iter().map(|save| self.jobs.save(save))).await;
        for save in &saves {
            tracing::info!(job = %save.job.id, connection = %save.job.connection, "due: queued again");
        }
        saved.into_iter().try_for_each(|saved| saved.map(|_| ()))?;
        Ok(count(saves.len()))
    }

    /// The job as it is after its message was sent, unless nothing is to be said of it.
    fn moved_on(&self, job: &Job) -> Option<Save> {
        let now = self.clock.now();
        let pen = Pen {
            now,
            nonces: self.nonces.as_ref(),
            timing: &self.timing,
            under: None,
        };
        let due_at = now + self.patience();
        pen.write(job, Outcome::Requeued { due_at }, None).ok()
    }

    fn patience(&self) -> SignedDuration {
        self.timing.lease.max(SignedDuration::from_secs(30))
    }
}
