//! Compares, per connection, the ERP's documents with jobs, jobs with what the carrier itself reports, and jobs with what the
//! ERP now shows; names every gap with its reason and with what mends it.
//!
//! A run is a chain of small steps. What a step found is stored before the run moves on, so that a crash goes on where it was;
//! a run that is longer than an invocation is gone on with at the next tick. Only what is old enough to be no ordinary
//! processing counts: see [`Patience`].

mod compare;
mod desk;
mod steps;

use std::sync::Arc;

use futures::future::join_all;
use futures::{StreamExt, stream};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::domain::{ConnectionId, Earlier, Gap, GapKind, Reconciliation, Run, Stage, Tally, Walk};
use crate::flows::count;
use crate::flows::halt::Halt;
use crate::flows::put_right::PutRight;
use crate::job::Timing;
use crate::ports::{
    CallError, Clock, Connections, Cursors, Directory, Documents, Gate, Jobs, Nonces, Opened, Queue, Reconciliations,
    StoreError, Systems,
};
use crate::telemetry;
use steps::Found;

/// How many reads of the store are under way at once.
pub(super) const AT_ONCE: usize = 16;

/// How many gaps one item holds.
const GAPS_AT_ONCE: usize = 100;

/// How many pages of gaps a run keeps; what lies beyond is counted.
const MOST_PAGES: usize = 2_000;

/// How often a step that fails is tried before the run goes on without it.
const TRIES: u32 = 5;

/// How many unfinished runs one invocation looks at.
const RUNS: u16 = 200;

/// How many of them are under way at the same time: each keeps a page of its ERP and of its jobs in memory.
const RUNS_AT_ONCE: usize = 8;

/// From when on something counts as a gap, and how far a run looks back. The one place for all of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Patience {
    /// What is younger is being processed.
    pub young: SignedDuration,
    /// How far the carrier's own list may be behind.
    pub listing: SignedDuration,
    /// How long after its time a job, or a look for duplicates, is overdue.
    pub overdue: SignedDuration,
    /// How long a job may be open at all.
    pub open: SignedDuration,
    /// How long a shipment may wait for what it is to be written to.
    pub parked: SignedDuration,
    /// After how long a document counts as overlooked though the poller has seen nothing newer.
    pub unseen: SignedDuration,
    /// How far back the first run looks.
    pub first: SignedDuration,
    /// How far each run looks into the time of the run before.
    pub overlap: SignedDuration,
    /// How far each reading of the carrier's list reaches into the one before: its clock's zone is not told.
    pub listing_overlap: SignedDuration,
    /// How long what the carrier's list said is remembered.
    pub remembered: SignedDuration,
    /// For how long a shipment that the list lacks is named again.
    pub named: SignedDuration,
    /// How long to wait after a side could not be read.
    pub retry: SignedDuration,
}

impl Default for Patience {
    fn default() -> Self {
        let (mins, hours) = (SignedDuration::from_mins, SignedDuration::from_hours);
        Self {
            young: mins(15),
            listing: hours(12),
            overdue: hours(1),
            open: hours(24),
            parked: hours(3 * 24),
            unseen: hours(24),
            first: hours(7 * 24),
            overlap: hours(1),
            listing_overlap: hours(24),
            remembered: hours(28 * 24),
            named: hours(14 * 24),
            retry: mins(3),
        }
    }
}

/// The ports that reconciling needs.
#[derive(Clone)]
pub struct Reconcile {
    /// Connections.
    pub connections: Arc<dyn Connections>,
    /// ERPs and carriers.
    pub systems: Arc<dyn Systems>,
    /// How far the poller has come.
    pub cursors: Arc<dyn Cursors>,
    /// Units.
    pub documents: Arc<dyn Documents>,
    /// Jobs.
    pub jobs: Arc<dyn Jobs>,
    /// Walks through jobs.
    pub directory: Arc<dyn Directory>,
    /// Runs and their gaps.
    pub runs: Arc<dyn Reconciliations>,
    /// The queue of jobs, for write-backs that are put right.
    pub queue: Arc<dyn Queue>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Nonces.
    pub nonces: Arc<dyn Nonces>,
    /// The times of the ledger.
    pub timing: Timing,
    /// The times of the reconciliation.
    pub patience: Patience,
}

/// What came of a run, as far as it came.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// The connection.
    pub connection: String,
    /// The run's number; 0 where there is none.
    pub run: u32,
    /// Whether it is finished; otherwise it is gone on with at the next tick.
    pub complete: bool,
    /// The gaps that it has found.
    pub gaps: u64,
    /// How many of them are jobs that are held, for which a person is waited for.
    #[serde(default)]
    pub held: u64,
    /// What it has read.
    pub tally: Tally,
    /// What else a person should know.
    pub notes: Vec<String>,
    /// Why it stopped before its time, where it did.
    pub stopped: Option<String>,
}

impl Report {
    fn of(id: &ConnectionId, run: Option<&Run>, stopped: Option<String>) -> Self {
        let connection = id.to_string();
        match run {
            Some(run) => Self {
                connection,
                run: run.number,
                complete: run.is_finished(),
                gaps: run.gaps,
                held: run.held,
                tally: run.tally,
                notes: run.notes.clone(),
                stopped,
            },
            None => Self {
                connection,
                stopped,
                ..Self::default()
            },
        }
    }

    /// Counts a run that has come to its end, and what it found.
    fn tell(&self) {
        if self.complete {
            telemetry::count("ReconciliationRuns", 1);
            telemetry::count("ReconciliationGaps", self.gaps.saturating_sub(self.held));
            telemetry::count("ReconciliationHeld", self.held);
        }
    }
}

/// An ERP's system and account.
type Account = (String, String);

impl Reconcile {
    /// Begins a run of every connection that has none under way; they are gone on with when [`Reconcile::go_on`] is called.
    ///
    /// # Errors
    /// When the store fails for one of them; all others have begun.
    pub async fn begin_all(&self) -> Result<(), StoreError> {
        let ids = self.connections.ids().await?;
        if ids.is_empty() {
            // Nothing to compare is compared: the alarm on runs that do not come stays quiet.
            telemetry::count("ReconciliationRuns", 1);
        }
        let mut outcome = Ok(());
        for chunk in ids.chunks(AT_ONCE) {
            let begun = join_all(chunk.iter().map(|id| self.begin(id))).await;
            outcome = begun.into_iter().fold(outcome, Result::and);
        }
        outcome
    }

    async fn begin(&self, id: &ConnectionId) -> Result<(), StoreError> {
        let standing = self.runs.standing(id).await?;
        if standing.run.as_ref().is_none_or(Run::is_finished) {
            // Whoever was faster has begun one.
            let begun = self.runs.advance(id, &self.begun(&standing, None)).await?;
            tracing::info!(connection = %id, new = begun, "is to be reconciled");
        }
        Ok(())
    }

    /// Goes on with every unfinished run, those of some accounts side by side, until all are finished or `deadline` is near. One that
    /// fails or is slow does not keep other accounts' from going on; what is not finished is due again, behind all others.
    ///
    /// # Errors
    /// When the store cannot say which are unfinished.
    pub async fn go_on(&self, deadline: Timestamp) -> Result<Vec<Report>, StoreError> {
        let now = self.clock.now();
        if now >= deadline {
            return Ok(Vec::new());
        }
        let lines = self.in_lines(self.runs.unfinished(now, RUNS).await?).await;
        let runs = lines.into_iter().map(|line| self.go_on_in_line(line, deadline));
        let reports: Vec<Vec<Report>> = stream::iter(runs).buffer_unordered(RUNS_AT_ONCE).collect().await;
        Ok(reports.into_iter().flatten().collect())
    }

    /// Connections of one ERP account stand in one line: side by side they would take its slots from each other.
    async fn in_lines(&self, ids: Vec<ConnectionId>) -> Vec<Vec<ConnectionId>> {
        let mut lines: Vec<(Option<Account>, Vec<ConnectionId>)> = Vec::new();
        for some in ids.chunks(AT_ONCE) {
            let gates = join_all(some.iter().map(|id| self.connections.gate(id))).await;
            for (id, gate) in some.iter().zip(gates) {
                // What is wrong with a connection that cannot be read its own run finds out.
                let erp = gate.ok().flatten().map(|gate| gate.connection.erp);
                let account = erp.map(|erp| (erp.system, erp.account));
                match lines.iter_mut().find(|(of, _)| of.is_some() && *of == account) {
                    Some((_, line)) => line.push(id.clone()),
                    None => lines.push((account, vec![id.clone()])),
                }
            }
        }
        lines.into_iter().map(|(_, line)| line).collect()
    }

    async fn go_on_in_line(&self, line: Vec<ConnectionId>, deadline: Timestamp) -> Vec<Report> {
        let mut reports = Vec::new();
        for id in line {
            reports.extend(self.go_on_with(&id, deadline).await);
        }
        reports
    }

    /// Goes on with one of them, if there is time.
    async fn go_on_with(&self, id: &ConnectionId, deadline: Timestamp) -> Option<Report> {
        if self.clock.now() >= deadline {
            return None;
        }
        let report = self.run(id, deadline).await.unwrap_or_else(|error| {
            tracing::error!(connection = %id, %error, "a reconciliation failed");
            Report::of(id, None, Some(error.to_string()))
        });
        Some(report)
    }

    /// Begins a run of a connection, or goes on with the one under way, until it is finished or `deadline` is near.
    ///
    /// # Errors
    /// Only when the store fails; what was stored stays, and the next call goes on from there.
    pub async fn run(&self, id: &ConnectionId, deadline: Timestamp) -> Result<Report, StoreError> {
        let standing = self.runs.standing(id).await?;
        let Some(gate) = self.connections.gate(id).await? else {
            return self.give_up(id, standing).await;
        };
        let now = self.clock.now();
        let under_way = standing.run.as_ref().filter(|run| !run.is_finished());
        if let Some(until) = standing.held_until.filter(|until| under_way.is_some() && *until > now) {
            let text = format!("another worker is at it, until {until} at the latest");
            return Ok(Report::of(id, standing.run.as_ref(), Some(text)));
        }
        let held_until = deadline + self.timing.call;
        let mine = match under_way {
            Some(_) => Reconciliation {
                version: standing.version + 1,
                held_until: Some(held_until),
                due_at: Some(held_until),
                ..standing
            },
            None => self.begun(&standing, Some(held_until)),
        };
        if !self.runs.advance(id, &mine).await? {
            let text = "another worker was faster".to_owned();
            return Ok(Report::of(id, mine.run.as_ref(), Some(text)));
        }
        let opened = self.systems.open(&gate.connection).await;
        let work = Work {
            flow: self,
            id,
            gate: &gate,
            opened,
        };
        let report = work.until(mine, deadline).await?;
        report.tell();
        Ok(report)
    }

    /// A connection that is no more needs no run.
    async fn give_up(&self, id: &ConnectionId, standing: Reconciliation) -> Result<Report, StoreError> {
        if standing.due_at.is_some() {
            // Finished, so that a connection of the same name begins anew.
            let run = standing.run.map(|run| Run {
                finished_at: Some(self.clock.now()),
                ..run
            });
            let ended = Reconciliation {
                version: standing.version + 1,
                run,
                held_until: None,
                due_at: None,
            };
            self.runs.advance(id, &ended).await?;
        }
        let text = format!("connection {id} does not exist");
        Ok(Report::of(id, None, Some(text)))
    }

    /// A new run after the newest, due at once or held by whoever begins it.
    fn begun(&self, standing: &Reconciliation, held_until: Option<Timestamp>) -> Reconciliation {
        let now = self.clock.now();
        Reconciliation {
            version: standing.version + 1,
            run: Some(self.first_step(standing.run.as_ref(), now)),
            held_until,
            due_at: Some(held_until.unwrap_or(now)),
        }
    }

    fn first_step(&self, before: Option<&Run>, now: Timestamp) -> Run {
        let patience = &self.patience;
        let shipped_since = match before {
            // What could not be compared is owed.
            Some(run) if run.erp_is_blind || run.list_is_blind => run.shipped_since.max(now - patience.remembered),
            Some(run) => run.started_at - patience.listing - patience.overlap,
            None => now - patience.first,
        };
        Run {
            number: before.map_or(0, |run| run.number) + 1,
            started_at: now,
            finished_at: None,
            stage: Stage::Erp { after: None },
            shipped_since,
            listed_since: before.and_then(|run| run.listed_since),
            erp_is_blind: false,
            list_is_blind: false,
            tally: Tally::default(),
            gaps: 0,
            held: 0,
            pages: Vec::new(),
            step: 0,
            failures: 0,
            suspects: Vec::new(),
            notes: Vec::new(),
            before: before.map(|run| Earlier {
                number: run.number,
                pages: run.pages.clone(),
                started_at: run.started_at,
            }),
        }
    }
}

/// One worker at one run.
struct Work<'a> {
    flow: &'a Reconcile,
    id: &'a ConnectionId,
    gate: &'a Gate,
    opened: Result<Opened, CallError>,
}

impl Work<'_> {
    fn now(&self) -> Timestamp {
        self.flow.clock.now()
    }

    async fn close(&self) {
        if let Ok(opened) = &self.opened {
            opened.close().await;
        }
    }

    async fn until(&self, mut standing: Reconciliation, deadline: Timestamp) -> Result<Report, StoreError> {
        while self.now() < deadline {
            let Some(run) = standing.run.clone() else { break };
            if run.stage == Stage::Done {
                return self.finish(standing, run).await;
            }
            let step = self.step(run.clone()).await;
            // Others may need the ERP's slot between two steps.
            self.close().await;
            let found = match Halt::store_apart(step)? {
                Ok(found) => found,
                Err(error) if self.may_pass(&error, &run) => return self.try_later(standing, run, &error).await,
                Err(error) => self.without(run, &error),
            };
            let again = found.again.clone();
            standing = match self.store(standing, found).await? {
                Ok(standing) => standing,
                Err(report) => return Ok(report),
            };
            self.put_right(&again).await?;
        }
        self.rest(standing, None).await
    }

    /// Stores what a step found, then the step itself: the other way round a crash between them would lose the gaps.
    async fn store(
        &self,
        standing: Reconciliation,
        found: Found,
    ) -> Result<Result<Reconciliation, Report>, StoreError> {
        let Found { mut run, gaps, .. } = found;
        for page in gaps.chunks(GAPS_AT_ONCE) {
            run.step += 1;
            run.gaps += count(page.len());
            run.held += count(page.iter().filter(|gap| gap.kind == GapKind::Held).count());
            if run.pages.len() >= MOST_PAGES {
                run.note("there are more gaps than are kept: the rest is counted only");
                continue;
            }
            self.flow.runs.keep_gaps(self.id, run.number, run.step, page).await?;
            run.pages.push(run.step);
        }
        run.failures = 0;
        let next = Reconciliation {
            version: standing.version + 1,
            run: Some(run),
            ..standing
        };
        if self.flow.runs.advance(self.id, &next).await? {
            return Ok(Ok(next));
        }
        let text = "another worker has gone on with it".to_owned();
        Ok(Err(Report::of(self.id, next.run.as_ref(), Some(text))))
    }

    /// Only once the gap is stored and named: a crash before leaves it to the next run, which looks at it again.
    async fn put_right(&self, again: &[(crate::domain::JobId, String)]) -> Result<(), StoreError> {
        let flow = self.flow;
        let put_right = PutRight {
            jobs: flow.jobs.as_ref(),
            documents: flow.documents.as_ref(),
            queue: flow.queue.as_ref(),
            clock: flow.clock.as_ref(),
            nonces: flow.nonces.as_ref(),
            timing: &flow.timing,
        };
        for (job, why) in again {
            put_right.write_again(job, why).await?;
        }
        Ok(())
    }

    fn may_pass(&self, error: &CallError, run: &Run) -> bool {
        matches!(error, CallError::Later(_)) && run.failures + 1 < TRIES
    }

    async fn try_later(&self, standing: Reconciliation, mut run: Run, error: &CallError) -> Result<Report, StoreError> {
        run.failures += 1;
        let hint = match error {
            CallError::Later(later) => later.after.and_then(|after| SignedDuration::try_from(after).ok()),
            CallError::Refused(_) => None,
        };
        let due_at = self.now() + hint.unwrap_or(self.flow.patience.retry);
        let next = Reconciliation {
            run: Some(run),
            due_at: Some(due_at),
            ..standing
        };
        self.rest(next, Some(error.to_string())).await
    }

    /// Goes on without the side that cannot be read, and says so.
    fn without(&self, mut run: Run, error: &CallError) -> Found {
        let connection = &self.gate.connection;
        let check = format!(
            "`waybill connection check {0}`, then `waybill reconcile run --connection {0}`",
            self.id
        );
        let text = if matches!(run.stage, Stage::Carrier { .. }) {
            run.listed_since = None;
            run.list_is_blind = true;
            run.stage = Stage::Earlier { done: 0 };
            let carrier = &connection.carrier.system;
            format!("{carrier}'s own list could not be read, so that no job was compared with it: {error}")
        } else {
            run.erp_is_blind = true;
            if matches!(run.stage, Stage::Erp { .. }) {
                self.go_to_the_carrier(&mut run);
            }
            let erp = &connection.erp.system;
            format!("{erp} could not be read, so that documents or write-backs were not compared: {error}")
        };
        Found {
            run,
            gaps: vec![Gap::new(GapKind::NotCompared, text, check)],
            again: Vec::new(),
        }
    }

    async fn finish(&self, standing: Reconciliation, run: Run) -> Result<Report, StoreError> {
        let run = Run {
            finished_at: Some(self.now()),
            ..run
        };
        self.flow.runs.keep(self.id, &run).await?;
        tracing::info!(connection = %self.id, run = run.number, gaps = run.gaps, jobs = run.tally.jobs, "reconciled");
        let ended = Reconciliation {
            version: standing.version + 1,
            run: Some(run),
            held_until: None,
            due_at: None,
        };
        let mine = self.flow.runs.advance(self.id, &ended).await?;
        let stopped = (!mine).then(|| "another worker has gone on with it".to_owned());
        Ok(Report::of(self.id, ended.run.as_ref(), stopped))
    }

    /// Leaves the run to the next tick.
    async fn rest(&self, standing: Reconciliation, stopped: Option<String>) -> Result<Report, StoreError> {
        let waits = stopped.is_some();
        let due_at = standing.due_at.filter(|_| waits).unwrap_or(self.now());
        let next = Reconciliation {
            version: standing.version + 1,
            held_until: None,
            due_at: Some(due_at),
            ..standing
        };
        self.flow.runs.advance(self.id, &next).await?;
        Ok(Report::of(self.id, next.run.as_ref(), stopped))
    }
}

/// The stage after all jobs of a walk.
fn after_walk(walk: Walk) -> Stage {
    match walk.next() {
        Some(walk) => Stage::Jobs { walk, after: None },
        None => Stage::Done,
    }
}
