//! What an operator does to a job: replay, hold, release, void. Each is recorded with who did it.

use std::sync::Arc;
use std::time::Duration;

use crate::domain::{Consignment, Gone, JobId, Quantities, Snapshot};
use crate::flows::advance::reading_or_quantities;
use crate::job::{Closing, HoldReason, IllegalOutcome, Job, Outcome, SnapshotRef, Timing};
use crate::ports::{
    AuditEntry, CallError, Clock, Connections, Documents, Jobs, Nonces, Queue, Save, Saved, StoreError, Systems,
};

/// How often a word that rests on nothing is said again when the job changed meanwhile.
const TRIES: usize = 5;

/// The ports that operating needs.
#[derive(Clone)]
pub struct Operate {
    /// Jobs.
    pub jobs: Arc<dyn Jobs>,
    /// Units.
    pub documents: Arc<dyn Documents>,
    /// Connections.
    pub connections: Arc<dyn Connections>,
    /// ERPs.
    pub systems: Arc<dyn Systems>,
    /// The queue of jobs.
    pub queue: Arc<dyn Queue>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Nonces.
    pub nonces: Arc<dyn Nonces>,
    /// The times that the rules speak of.
    pub timing: Timing,
}

/// Why an operator's word was not taken.
#[derive(Debug, thiserror::Error)]
pub enum OperateError {
    /// There is no such job.
    #[error("there is no job {0}")]
    NoSuchJob(JobId),
    /// The job's state does not allow it.
    #[error("{0}")]
    NotNow(IllegalOutcome),
    /// It makes no sense; why, and what to do.
    #[error("{0}")]
    Refused(String),
    /// The order could not be read, and a release must rest on it as it stands.
    #[error("the order could not be read: {0}")]
    Unreadable(CallError),
    /// The job changed faster than the word could be recorded.
    #[error("the job is changing; say it again in a moment")]
    Busy,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Operate {
    /// Queues the job. Always safe: a worker does what the ledger allows, and nothing twice.
    pub async fn replay(&self, id: &JobId) -> Result<Job, OperateError> {
        let job = self.load(id).await?;
        self.queue.send(&job.id, &job.tenant, Duration::ZERO).await?;
        Ok(job)
    }

    /// Holds the job until a person releases it.
    pub async fn hold(&self, id: &JobId, by: &str, why: &str) -> Result<Job, OperateError> {
        let message = format!("held by {by}: {why}");
        self.say(id, by, &message.clone(), |_| Outcome::HeldByPerson {
            message: message.clone(),
        })
        .await
    }

    /// Ends the hold that the person saw. A job whose label is bought goes on as shipped; one that is not goes on with the order as it stands.
    pub async fn release(&self, id: &JobId, by: &str, ends: HoldReason) -> Result<Job, OperateError> {
        let job = self.load(id).await?;
        if job.over() {
            return self.release_what_is_over(&job, by, ends).await;
        }
        let (outcome, stored) = match self.read(&job).await? {
            Ok(reading) => {
                let changed = reading.hash != job.snapshot.hash;
                let same = SnapshotRef {
                    read_at: reading.read_at,
                    ..job.snapshot.clone()
                };
                let snapshot = if changed { SnapshotRef::from(&reading) } else { same };
                (Outcome::ReleasedByPerson { ends, snapshot }, changed.then_some(reading))
            }
            Err(gone) => (Outcome::ClosedByPerson(Closing::Order(gone)), None),
        };
        // A snapshot is numbered after the job as it was read: said again, it is read again.
        match self.try_to_say(&job, by, "released", outcome, stored).await? {
            Some(job) => Ok(job),
            None => Err(OperateError::Busy),
        }
    }

    /// Nothing of the order matters to it any more.
    async fn release_what_is_over(&self, job: &Job, by: &str, ends: HoldReason) -> Result<Job, OperateError> {
        let snapshot = job.snapshot.clone();
        let outcome = Outcome::ReleasedByPerson { ends, snapshot };
        let said = self.try_to_say(job, by, "released", outcome, None).await?;
        said.ok_or(OperateError::Busy)
    }

    /// Wants the job's shipment void. Once the carrier has voided it the job ends and its quantity is given back, so that it
    /// ships anew if the order wants it; a carrier that refuses changes nothing.
    pub async fn void(&self, id: &JobId, by: &str) -> Result<Job, OperateError> {
        let job = self.load(id).await?;
        if let Some(wish) = job.void.as_ref().filter(|_| job.void_pending()) {
            return Err(OperateError::Refused(format!(
                "{} wants it void already; the carrier is asked",
                wish.by
            )));
        }
        self.say(id, by, "wants the shipment void", |_| Outcome::VoidWished {
            by: by.to_owned(),
        })
        .await
    }

    /// What releasing would do, in plain words.
    pub fn release_means(job: &Job) -> &'static str {
        match job.hold.as_ref().map(|hold| hold.reason) {
            None => "the job is not held",
            Some(HoldReason::UnknownPurchase) => {
                "you say that nothing was bought: the shipment is bought again, which bills"
            }
            Some(HoldReason::DuplicateCheckBlind) => "you say that there is only one shipment",
            Some(HoldReason::ChangedAfterLabel) => {
                "the shipment is written back as it was bought, although the order has changed"
            }
            Some(HoldReason::LabelLost) => "the label is asked for once more",
            Some(HoldReason::WriteBackRefused | HoldReason::WriteBackInDoubt) => {
                "the write-back is looked for, and written if it is not there"
            }
            Some(HoldReason::BadAddress) => {
                "the order's address is accepted as it stands, unless it has changed meanwhile, and a shipment is bought"
            }
            Some(HoldReason::ExtraToVoid) => "voiding the extra shipment is tried once more",
            Some(HoldReason::VoidRefused) => "the job goes on as shipped; its shipment is not voided",
            Some(HoldReason::VoidStillShown) => {
                "you say that the ERP no longer shows the void shipment, or that it does not matter"
            }
            Some(HoldReason::Rejected | HoldReason::MissingData | HoldReason::Person | HoldReason::Brake) => {
                "the order is read again and the job goes on, which may buy a shipment"
            }
        }
    }

    async fn load(&self, id: &JobId) -> Result<Job, OperateError> {
        self.jobs
            .load(id)
            .await?
            .ok_or_else(|| OperateError::NoSuchJob(id.clone()))
    }

    /// The order as it stands now, as far as this job ships it.
    async fn read(&self, job: &Job) -> Result<Result<Snapshot, Gone>, OperateError> {
        let number = job.snapshot.number;
        let before = reading_or_quantities(self.jobs.as_ref(), self.documents.as_ref(), job, number).await?;
        let gone = || OperateError::Store(StoreError(format!("connection {} does not exist", job.connection)));
        let gate = self.connections.gate(&job.connection).await?.ok_or_else(gone)?;
        let systems = self
            .systems
            .open(&gate.connection)
            .await
            .map_err(OperateError::Unreadable)?;
        let read_at = self.clock.now();
        let orders = systems.source.read(std::slice::from_ref(&job.document)).await;
        let orders = orders.map_err(OperateError::Unreadable)?;
        let alone = Quantities::new();
        let now = orders
            .first()
            .map(|order| Consignment::of(order, &before.consignment.quantities(), &alone));
        Ok(match now.unwrap_or(Err(Gone::Cancelled)) {
            Ok(consignment) => Ok(Snapshot::new(before.number + 1, read_at, consignment)),
            // What was bought is written back whatever became of the order.
            Err(_) if job.purchase.done().is_some() => Ok(Snapshot {
                read_at,
                hash: job.snapshot.hash.clone(),
                ..before
            }),
            Err(gone) => Err(gone),
        })
    }

    async fn say(
        &self,
        id: &JobId,
        by: &str,
        text: &str,
        outcome: impl Fn(&Job) -> Outcome,
    ) -> Result<Job, OperateError> {
        for _ in 0..TRIES {
            let job = self.load(id).await?;
            if let Some(job) = self.try_to_say(&job, by, text, outcome(&job), None).await? {
                return Ok(job);
            }
        }
        Err(OperateError::Busy)
    }

    /// Records a word on the job as it was read; `None` if it has changed since.
    async fn try_to_say(
        &self,
        before: &Job,
        by: &str,
        text: &str,
        outcome: Outcome,
        snapshot: Option<Snapshot>,
    ) -> Result<Option<Job>, OperateError> {
        let now = self.clock.now();
        let mut job = before.clone();
        job.apply(outcome, now, &self.timing).map_err(OperateError::NotNow)?;
        job.version = before.version + 1;
        job.last_write = self.nonces.nonce();
        let entry = AuditEntry {
            at: now,
            by: by.to_owned(),
            text: text.to_owned(),
            draft: None,
            exchanges: Vec::new(),
        };
        let units = super::advance::units_after(self.documents.as_ref(), before, &job, snapshot.as_ref()).await?;
        let save = Save {
            job,
            audit: vec![entry],
            snapshot,
            units,
        };
        if self.jobs.save(&save).await? != Saved::Done {
            return Ok(None);
        }
        self.queue.send(&save.job.id, &save.job.tenant, Duration::ZERO).await?;
        Ok(Some(save.job))
    }
}
