//! Re-queues what is due: a lost message costs latency, never truth.
//!
//! The shards are dealt with side by side, each for its own share, so that none waits for a fuller one.

use std::sync::Arc;

use futures::future::join_all;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::{LONGEST_UNDER_WAY, count};
use crate::domain::{JobId, TenantId};
use crate::flows::write::Pen;
use crate::job::{Job, Outcome, Timing};
use crate::ports::{Clock, Directory, Due, JobPage, Jobs, Nonces, Queue, Save, StoreError};

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
    /// Where jobs are read together.
    pub directory: Arc<dyn Directory>,
    /// Where jobs are written.
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

/// What a part of the sweep did, and what kept any of its jobs from being queued.
#[derive(Default)]
struct Swept {
    report: Report,
    failed: Option<StoreError>,
}

impl Swept {
    fn and(self, other: Self) -> Self {
        Self {
            report: Report {
                due: self.report.due + other.report.due,
                requeued: self.report.requeued + other.report.requeued,
            },
            failed: other.failed.or(self.failed),
        }
    }
}

impl Sweep {
    /// Queues every due job once and moves its `due_at` on, so that the next sweep leaves it in peace.
    ///
    /// # Errors
    /// When the store fails; what was not queued is due still. A job that cannot be read does not stop the others: the error comes
    /// when they are queued.
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
        let swept = join_all((0..SHARDS).map(|shard| self.shard(shard, share, deadline))).await;
        let Swept { report, failed } = swept.into_iter().fold(Swept::default(), Swept::and);
        failed.map_or(Ok(report), Err)
    }

    /// Sweeps a shard, page by page until its share is queued. A job that cannot be read is none of the share: it stands at the head
    /// of the shard for ever, and as many as the share would keep the others from their turn.
    async fn shard(&self, shard: u8, share: u16, deadline: Timestamp) -> Swept {
        let mut swept = Swept::default();
        // What becomes due meanwhile is due at the next run.
        let (now, mut after, mut left) = (self.clock.now(), None, usize::from(share));
        while left > 0 {
            let page = match self.due.due(shard, now, after.as_deref(), share).await {
                Ok(page) => page,
                Err(error) => {
                    swept.failed = Some(error);
                    return swept;
                }
            };
            for some in page.keys.chunks(AT_ONCE) {
                if left == 0 || !self.is_in_time(shard, deadline) {
                    return swept;
                }
                match self.queue_some(left, some, &mut swept).await {
                    Ok(queued) => left = left.saturating_sub(queued),
                    Err(error) => {
                        swept.failed = Some(error);
                        return swept;
                    }
                }
            }
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        swept
    }

    fn is_in_time(&self, shard: u8, deadline: Timestamp) -> bool {
        let in_time = self.clock.now() < deadline;
        if !in_time {
            tracing::warn!(
                shard,
                "no time is left for the other jobs: they are due at the next run"
            );
        }
        in_time
    }

    /// Queues these jobs, so many at most; answers how many there were. While the store does not answer there is nothing to go on with.
    async fn queue_some(&self, most: usize, ids: &[JobId], swept: &mut Swept) -> Result<usize, StoreError> {
        let JobPage {
            mut jobs, unreadable, ..
        } = self.directory.these(ids).await?;
        for id in unreadable {
            tracing::error!(job = %id, "a due job cannot be read: it is not queued");
            swept.failed = Some(StoreError(format!("the item of job {id} cannot be read")));
        }
        let now = self.clock.now();
        jobs.retain(|job| job.due_at.is_some_and(|due| due <= now));
        jobs.truncate(most);
        swept.report.due += count(jobs.len());
        match self.requeue(&jobs).await {
            Ok(requeued) => swept.report.requeued += requeued,
            Err(error) => {
                tracing::error!(%error, "due jobs were not queued");
                swept.failed = Some(error);
            }
        }
        Ok(jobs.len())
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
        let due_at = now + self.patience(job);
        pen.write(job, Outcome::Requeued { due_at }, None).ok()
    }

    /// How long nobody sends another message about a job: twice as long each time, so that messages do not heap up behind a backlog.
    fn patience(&self, job: &Job) -> SignedDuration {
        let least = self.timing.lease.max(SignedDuration::from_secs(30));
        (job.put_off(&self.timing) * 2).min(LONGEST_UNDER_WAY).max(least)
    }
}
