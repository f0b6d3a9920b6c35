//! Re-queues what is due: a lost message costs latency, never truth.

use std::sync::Arc;
use std::time::Duration;

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

use crate::domain::JobId;
use crate::flows::write::Pen;
use crate::job::{Job, Outcome, Timing};
use crate::ports::{Clock, Due, Jobs, Nonces, Queue, StoreError};

/// Due jobs are spread over so many keys, so that none is hot.
pub const SHARDS: u8 = 16;

/// The most jobs of a shard that are re-queued in one run, however many it may queue in all.
const LIMIT: u16 = 500;

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
        self.at_most(u32::MAX).await
    }

    /// The same, but of every shard only its share of so many jobs, one at least: the others are due at the next run.
    ///
    /// # Errors
    /// As [`Sweep::run`].
    pub async fn at_most(&self, most: u32) -> Result<Report, StoreError> {
        let share = u16::try_from(most / u32::from(SHARDS)).map_or(LIMIT, |share| share.clamp(1, LIMIT));
        let (mut report, mut failed) = (Report::default(), None);
        for shard in 0..SHARDS {
            for id in self.due.due(shard, self.clock.now(), share).await? {
                report.due += 1;
                match self.visit(&id).await {
                    Ok(requeued) => report.requeued += u64::from(requeued),
                    Err(error) => {
                        tracing::error!(job = %id, %error, "a due job was not queued");
                        failed = Some(error);
                    }
                }
            }
        }
        failed.map_or(Ok(report), Err)
    }

    async fn visit(&self, id: &JobId) -> Result<bool, StoreError> {
        match self.jobs.load(id).await? {
            Some(job) => self.requeue(job).await,
            None => Ok(false),
        }
    }

    /// The message goes first: if the write is lost the job is queued again, which is harmless.
    async fn requeue(&self, job: Job) -> Result<bool, StoreError> {
        let now = self.clock.now();
        if job.due_at.is_none_or(|due| due > now) {
            return Ok(false);
        }
        self.queue.send(&job.id, &job.tenant, Duration::ZERO).await?;
        let pen = Pen {
            now,
            nonces: self.nonces.as_ref(),
            timing: &self.timing,
            under: None,
        };
        let due_at = now + self.patience();
        let Ok(save) = pen.write(&job, Outcome::Requeued { due_at }, None) else {
            return Ok(false);
        };
        // A conflict means that somebody is at work on the job, and has set `due_at` himself.
        self.jobs.save(&save).await?;
        tracing::info!(job = %job.id, connection = %job.connection, "due: queued again");
        Ok(true)
    }

    fn patience(&self) -> SignedDuration {
        self.timing.lease.max(SignedDuration::from_secs(30))
    }
}
