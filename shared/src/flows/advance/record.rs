//! The version-checked write with its conflicts, merges and own echoes.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::{Advance, Onward};
use crate::domain::Snapshot;
use crate::flows::write::Pen;
use crate::job::{self, Job, Outcome, Reached, Wait};
use crate::ports::{AuditEntry, CallError, Draft, Later, Obstacle, Recorder, Save, Saved, StoreError};
use crate::rules::{self, Rule};
use crate::telemetry;

/// SQS delays a message by at most this; what waits longer is left to the sweeper.
const LONGEST_DELAY: SignedDuration = SignedDuration::from_mins(15);

/// How often a write whose answer was lost is tried again at once.
const TRIES: usize = 4;

/// How many conflicts one write survives before the message is left to be delivered again.
const CONFLICTS: usize = 32;

/// What is written with an outcome.
#[derive(Default)]
pub(super) struct Beside {
    /// The exact request of an intent.
    pub(super) draft: Option<Draft>,
    /// A new reading of the order.
    pub(super) snapshot: Option<Snapshot>,
}

/// Whether our write stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Recorded {
    /// It stands, and the run's job is what stands.
    Stands,
    /// Somebody else was faster; the run's job is theirs.
    Overtaken,
    /// It does not fit what stands there; to ask the ledger again would lead here again.
    Impossible,
}

impl Recorded {
    /// Whether to ask the ledger again.
    pub(super) fn onward(self) -> Onward {
        match self {
            Self::Stands | Self::Overtaken => Onward::Go,
            Self::Impossible => Onward::Rest,
        }
    }
}

/// The job in hand, and the only way to change what stands of it.
pub(super) struct Ledger<'a> {
    /// The ports.
    pub(super) ports: &'a Advance,
    /// The job as it stands, as far as this worker knows.
    pub(super) job: Job,
    /// The calls since the last write.
    pub(super) recorder: Recorder,
    /// The version of the connection that the work is done under.
    pub(super) under: Option<u64>,
    /// How often the job has waited without any progress.
    tries: u32,
}

impl<'a> Ledger<'a> {
    /// The job as it was loaded.
    pub(super) fn of(ports: &'a Advance, job: Job) -> Self {
        let tries = job.wait.as_ref().map_or(0, |wait| wait.tries);
        Self {
            ports,
            job,
            recorder: Recorder::default(),
            under: None,
            tries,
        }
    }

    /// The time.
    pub(super) fn now(&self) -> Timestamp {
        self.ports.clock.now()
    }

    /// Records that an obstacle stands in the way and when to try again.
    pub(super) async fn wait_for(&mut self, error: &CallError) -> Result<Onward, StoreError> {
        let wait = match error {
            CallError::Later(later) => self.wait(later),
            CallError::Refused(refusal) => Wait::new(self.now() + self.ports.timing.held, refusal.to_string()),
        };
        let text = format!("waits: {}", wait.reason);
        self.record(Outcome::Waits(wait), text).await
    }

    /// How long an obstacle lasts: at least as the other side says, else longer after each try, and never in step with
    /// other jobs.
    pub(super) fn wait(&self, later: &Later) -> Wait {
        self.wait_after(later, self.tries)
    }

    /// The same for what has failed so often on its own account.
    pub(super) fn wait_after(&self, later: &Later, tries: u32) -> Wait {
        let timing = &self.ports.timing;
        let hint = later.after.and_then(|after| SignedDuration::try_from(after).ok());
        if let (Obstacle::Queued, Some(turn)) = (later.obstacle, hint) {
            return Wait {
                until: self.now() + turn.max(SignedDuration::from_secs(1)),
                reason: later.reason.clone(),
                tries,
                parked_since: self.job.parked_since(),
            };
        }
        let draw = job::draw(&self.job.id, self.job.version);
        let after = timing.backoff.wait(timing.retry, hint, tries, draw);
        Wait {
            until: self.now() + after.max(SignedDuration::from_secs(1)),
            reason: later.reason.clone(),
            tries: timing.backoff.counted(tries + 1),
            parked_since: self.job.parked_since(),
        }
    }

    /// Records an outcome and says how to go on.
    pub(super) async fn record(&mut self, outcome: Outcome, text: impl Into<String>) -> Result<Onward, StoreError> {
        Ok(self.write(outcome, text.into(), Beside::default()).await?.onward())
    }

    /// Writes an outcome. A fact about money is merged into whatever stands there; everything else yields to it.
    pub(super) async fn write(
        &mut self,
        outcome: Outcome,
        text: String,
        beside: Beside,
    ) -> Result<Recorded, StoreError> {
        let story = self.entry(text, &beside);
        let mut base = self.job.clone();
        for _ in 0..CONFLICTS {
            let Some(save) = self.prepare(&base, &outcome, &story, &beside).await? else {
                self.job = base;
                self.tell_with_the_next(story);
                return Ok(Recorded::Impossible);
            };
            match self.save(&save).await? {
                Saved::Done => {
                    count(&base, &save.job, self.now());
                    return self.stands(save.job, &outcome).await;
                }
                Saved::UnitsConflict => {}
                Saved::Conflict(current) if is_echo(&current, &base, &save.job, &outcome) => {
                    return self.stands(*current, &outcome).await;
                }
                Saved::Conflict(current) if outcome.survives_a_conflict(&current) => base = *current,
                Saved::Conflict(current) => {
                    tracing::info!(job = %self.job.id, outcome = outcome.name(), "somebody else was faster");
                    self.job = *current;
                    self.tell_with_the_next(story);
                    return Ok(Recorded::Overtaken);
                }
            }
        }
        let id = &self.job.id;
        Err(StoreError(format!("job {id} changes faster than it can be written")))
    }

    /// A decision that does not stand is not told, but its calls were made: they go into the next entry.
    fn tell_with_the_next(&self, story: AuditEntry) {
        story
            .exchanges
            .into_iter()
            .for_each(|exchange| self.recorder.record(exchange));
    }

    /// The write to be made; `None` if the outcome does not fit what stands there.
    async fn prepare(
        &self,
        base: &Job,
        outcome: &Outcome,
        story: &AuditEntry,
        beside: &Beside,
    ) -> Result<Option<Save>, StoreError> {
        let pen = Pen {
            now: self.now(),
            nonces: self.ports.nonces.as_ref(),
            timing: &self.ports.timing,
            under: self.under,
        };
        let (documents, snapshot) = (self.ports.documents.as_ref(), beside.snapshot.clone());
        let written = pen
            .write_whole(documents, base, outcome.clone(), story.clone(), snapshot)
            .await?;
        if let Err(illegal) = &written {
            tracing::warn!(job = %base.id, error = %illegal, "an outcome does not fit");
        }
        Ok(written.ok())
    }

    /// Writes. A write whose answer was lost is tried again to the letter, so that it can be known for what it is.
    async fn save(&self, save: &Save) -> Result<Saved, StoreError> {
        let mut answer = self.ports.jobs.save(save).await;
        for _ in 1..TRIES {
            if answer.is_ok() {
                break;
            }
            answer = self.ports.jobs.save(save).await;
        }
        answer
    }

    /// Takes what stands as the run's job, and sees to it that somebody looks at it when it is due.
    async fn stands(&mut self, job: Job, outcome: &Outcome) -> Result<Recorded, StoreError> {
        self.job = job;
        self.tries = self.tries_after(outcome);
        self.log(outcome);
        if !is_intent(outcome) {
            self.queue_for_later().await;
        }
        Ok(Recorded::Stands)
    }

    /// What waits comes back by a message of its own, unless it waits for longer than a message can. What was intended does not
    /// wait, for its answer is written next: only where its worker dies does the lease end, and the sweeper finds it then.
    async fn queue_for_later(&self) {
        let now = self.now();
        let soon = |due: &Timestamp| *due > now && due.duration_since(now) <= LONGEST_DELAY;
        let Some(due) = self.job.due_at.filter(soon) else {
            return;
        };
        let delay = Duration::try_from(due.duration_since(now)).unwrap_or_default();
        if let Err(error) = self.ports.queue.send(&self.job.id, &self.job.tenant, delay).await {
            tracing::warn!(job = %self.job.id, %error, "not queued: the sweeper will find it");
        }
    }

    /// The decision by its name: its words may hold what an ERP or a carrier says of a person.
    fn log(&self, outcome: &Outcome) {
        let job = &self.job;
        let hold = job.hold.as_ref().map(|hold| tracing::field::debug(hold.reason));
        tracing::info!(
            job = %job.id,
            connection = %job.connection,
            order = job.number,
            outcome = outcome.name(),
            hold,
            "recorded"
        );
    }

    /// An intent is no progress yet: what it leads to is.
    fn tries_after(&self, outcome: &Outcome) -> u32 {
        match (&self.job.wait, outcome) {
            (Some(wait), _) => wait.tries,
            (None, intent) if is_intent(intent) => self.tries,
            (None, _) => 0,
        }
    }

    fn entry(&self, text: String, beside: &Beside) -> AuditEntry {
        let exchanges = self.recorder.drain();
        AuditEntry {
            draft: beside.draft.clone(),
            exchanges,
            ..AuditEntry::new(self.now(), "waybill", text)
        }
    }
}

/// Whether an effect follows at once, and its own outcome after it.
fn is_intent(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Intended { .. } | Outcome::WriteBackIntended { .. })
}

/// Counts what people wait for. What stands although the answer to its write was lost is not counted.
fn count(before: &Job, after: &Job, now: Timestamp) {
    for reached in after.reached_since(before) {
        match reached {
            Reached::Shipped => telemetry::count("ShipmentsMade", 1),
            Reached::Held => telemetry::count("JobsHeld", 1),
            Reached::Shown => {
                let took = now.duration_since(after.created_at).as_secs();
                telemetry::seconds("SecondsToTracking", u64::try_from(took).unwrap_or_default());
            }
        }
    }
}

/// Our own echo is an item that already says what we were writing; for an intent, one that is still started by us. The same
/// owner under any other state is a conflict.
fn is_echo(current: &Job, base: &Job, ours: &Job, outcome: &Outcome) -> bool {
    if !rules::holds(Rule::EchoByContent) {
        let owner = |job: &Job| job.purchase.open_attempt().map(|attempt| attempt.owner.clone());
        return owner(current).is_some() && (owner(current) == owner(base) || owner(current) == owner(ours));
    }
    current.last_write == ours.last_write
        || match outcome {
            Outcome::Intended { owner, .. } => current.purchase.is_started_by(owner),
            Outcome::WriteBackIntended { owner } => current.write_back.is_started_by(owner),
            _ => false,
        }
}
