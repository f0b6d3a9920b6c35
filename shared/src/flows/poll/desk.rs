//! Where people ship at a desk of their own, the poll reads what they have shipped, and never what the ERP has to ship.
//!
//! The desk's list is read from the last reading on, with an overlap; what was dealt with within it is remembered, and costs
//! nothing: what is in a despatch is only asked for where nobody has dealt with it. A despatch that the desk is still at work
//! on holds the cursor back, for a day at most. What was voided is asked for apart, now and then, as far back as the connection
//! says. Either reading goes on where it was stopped.

use jiff::{SignedDuration, Timestamp};

use super::{Poll, Report, stopped_by};
use crate::connection::Connection;
use crate::domain::{ConnectionId, Despatch, Stretch};
use crate::flows::despatches::{Intake, PENDING, Taken, intake, remembered_as};
use crate::flows::halt::Halt;
use crate::ports::{CallError, Cursor, Desk, Despatched, Later, Opened, ScanProgress, StoreError};
use crate::telemetry;

/// The name of the cursor.
pub(crate) const DESPATCHES: &str = "despatches";

/// The name of the cursor of what was voided.
const VOIDS: &str = "despatch-voids";

/// How far apart the readings begin of what was voided.
const VOIDS_EVERY: SignedDuration = SignedDuration::from_mins(15);

/// How many pages of what a webhook points to are read; the rest is the poll's.
const MOST_PAGES: usize = 20;

/// How many notes of documents are taken away at a time.
const NOTES: u16 = 250;

/// What came of following a pointer to despatches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Followed {
    /// What it led to was dealt with, or as much of it as there was time for.
    Done(Report),
    /// It leads to nothing for this connection; why.
    Nowhere(String),
    /// It cannot be followed now.
    Later(Later),
}

/// How a part of a reading ended.
enum Part {
    /// It was read whole.
    Whole,
    /// The time is nearly up.
    OutOfTime,
    /// A side could not be read.
    Stopped(CallError),
}

/// Which of the desk's lists is read.
#[derive(Debug, Clone, Copy)]
enum List {
    /// What was shipped.
    Made,
    /// What was voided.
    Voided,
}

impl List {
    fn cursor(self) -> &'static str {
        match self {
            Self::Made => DESPATCHES,
            Self::Voided => VOIDS,
        }
    }

    fn asked(self, stretch: Stretch) -> Despatched {
        match self {
            Self::Made => Despatched::Made(stretch),
            Self::Voided => Despatched::Voided(stretch),
        }
    }
}

impl Poll {
    /// Reads what people shipped, and what they voided, until all is read or `deadline` is near.
    pub(super) async fn scan_desk(
        &self,
        connection: &Connection,
        systems: &Opened,
        desk: &Desk,
        deadline: Timestamp,
    ) -> Result<Report, StoreError> {
        self.forget_notes(&connection.id).await?;
        let intake = intake!(self, connection, systems, desk);
        let mut report = Report::default();
        match self.read_list(&intake, List::Made, deadline, &mut report).await? {
            Part::Whole => {}
            Part::OutOfTime => return Ok(report),
            Part::Stopped(error) => return Ok(stopped_by(report, &error)),
        }
        match self.read_list(&intake, List::Voided, deadline, &mut report).await? {
            Part::Whole => report.complete = report.stopped.is_none(),
            Part::OutOfTime => {}
            Part::Stopped(error) => return Ok(stopped_by(report, &error)),
        }
        tracing::info!(connection = %connection.id, seen = report.seen, admitted = report.admitted, parked = report.parked, "read the desk's list");
        Ok(report)
    }

    /// What a void gives back the ERP's order has again, and nothing of it is shipped by us: nobody reads it for that.
    async fn forget_notes(&self, id: &ConnectionId) -> Result<(), StoreError> {
        for note in self.documents.to_reread(id, NOTES).await? {
            self.documents.reread(id, &note).await?;
        }
        Ok(())
    }

    // ---- the lists -------------------------------------------------------------------------------------------------

    /// Reads a list, page by page, from where the last reading of it stopped.
    async fn read_list(
        &self,
        intake: &Intake<'_>,
        list: List,
        deadline: Timestamp,
        report: &mut Report,
    ) -> Result<Part, StoreError> {
        let id = &intake.connection.id;
        let mut cursor = self.cursors.cursor(id, list.cursor()).await?;
        let begun = match list {
            List::Made => Some(self.made_since(intake.connection, &cursor)),
            List::Voided => self.voided_since(intake.connection, &cursor),
        };
        let Some(mut progress) = begun else {
            return Ok(Part::Whole);
        };
        loop {
            let asked = list.asked(Stretch {
                from: progress.since,
                to: progress.began.unwrap_or(progress.candidate),
            });
            let page = match intake.desk.desk.despatched(asked, progress.after.as_deref()).await {
                Ok(page) => page,
                Err(error) => return Ok(Part::Stopped(error)),
            };
            let part = self
                .take_all(intake, &page.despatches, &mut progress, deadline, report)
                .await?;
            let complete = matches!(part, Part::Whole) && page.next.is_none();
            if matches!(part, Part::Whole) {
                progress.after.clone_from(&page.next);
            }
            let stored = self.after_page(&cursor, &progress, complete);
            cursor = match (list, &part) {
                (List::Made, Part::Whole) => stored,
                (List::Made, _) => with_page(stored, &page.despatches, &progress),
                (List::Voided, _) => of_voids(stored, &progress),
            };
            if !self.cursors.advance(id, list.cursor(), &cursor).await? {
                report.stopped = Some("another poll of the connection is under way".to_owned());
                return Ok(Part::OutOfTime);
            }
            match part {
                Part::Whole if complete => return Ok(Part::Whole),
                Part::Whole if self.clock.now() >= deadline => return Ok(Part::OutOfTime),
                Part::Whole => {}
                interrupted => return Ok(interrupted),
            }
        }
    }

    fn made_since(&self, connection: &Connection, cursor: &Cursor) -> ScanProgress {
        let now = self.clock.now();
        cursor.scan.clone().unwrap_or_else(|| {
            let back = cursor.published.map(|published| published - self.timing.overlap);
            ScanProgress {
                since: back
                    .unwrap_or(connection.start_from)
                    .max(connection.start_from)
                    .min(now),
                candidate: now,
                after: None,
                began: Some(now),
                settled: cursor.settled.clone(),
            }
        })
    }

    /// As far back as the connection says. Whoever lists voids walks through much that is none, so that a new reading begins only now
    /// and then; one that was stopped goes on where it was, for what is newest comes last.
    fn voided_since(&self, connection: &Connection, cursor: &Cursor) -> Option<ScanProgress> {
        if cursor.scan.is_some() {
            return cursor.scan.clone();
        }
        let now = self.clock.now();
        let days = connection.desk.as_ref().map_or(0, |policy| policy.voids_days);
        let since = (now - SignedDuration::from_hours(24 * i64::from(days))).max(connection.start_from);
        let rested = cursor
            .published
            .is_none_or(|last| now.duration_since(last) >= VOIDS_EVERY);
        (rested && since < now).then(|| ScanProgress {
            since,
            candidate: now,
            after: None,
            began: Some(now),
            settled: cursor.settled.clone(),
        })
    }

    /// Takes in what is not remembered. What was dealt with stays so, however the rest fares.
    async fn take_all(
        &self,
        intake: &Intake<'_>,
        despatches: &[Despatch],
        progress: &mut ScanProgress,
        deadline: Timestamp,
        report: &mut Report,
    ) -> Result<Part, StoreError> {
        for despatch in despatches {
            let (name, made) = remembered_as(despatch);
            if progress.settled.contains_key(&name) {
                continue;
            }
            if self.clock.now() >= deadline {
                return Ok(Part::OutOfTime);
            }
            report.seen += 1;
            // Calls about others are none of this despatch's story.
            intake.systems.recorder.drain();
            let taken = match Halt::store_apart(intake.take(despatch).await)? {
                Ok(taken) => taken,
                Err(error) => return Ok(Part::Stopped(error)),
            };
            if taken == Taken::Pending {
                let earliest = self.clock.now() - PENDING;
                progress.candidate = progress.candidate.min(made).max(earliest);
            } else {
                progress.settled.insert(name, made);
            }
            tell(report, despatch, &taken);
            // Others may need the ERP's slot between two despatches.
            intake.systems.close().await;
        }
        Ok(Part::Whole)
    }

    // ---- what a webhook points to ----------------------------------------------------------------------------------

    /// Follows what a webhook points to, as far as it is this connection's business, until `deadline` is near: the rest is the poll's.
    ///
    /// # Errors
    /// Only when the store fails.
    pub async fn follow(&self, id: &ConnectionId, pointer: &str, deadline: Timestamp) -> Result<Followed, StoreError> {
        let gate = match self.open_gate(id).await? {
            Ok(gate) => gate,
            Err(report) => return Ok(Followed::Nowhere(report.stopped.unwrap_or_default())),
        };
        let systems = match self.systems.open(&gate.connection).await {
            Ok(systems) => systems,
            Err(error) => return Ok(not_now(error)),
        };
        let followed = match systems.desk.clone() {
            Some(desk) => {
                let intake = intake!(self, &gate.connection, &systems, &desk);
                self.follow_pages(&intake, pointer, deadline).await
            }
            None => Ok(Followed::Nowhere(format!("nobody ships at a desk for {id}"))),
        };
        systems.close().await;
        followed
    }

    async fn follow_pages(
        &self,
        intake: &Intake<'_>,
        pointer: &str,
        deadline: Timestamp,
    ) -> Result<Followed, StoreError> {
        let mut report = Report::default();
        let mut next: Option<String> = None;
        for _ in 0..MOST_PAGES {
            let page = match intake.desk.desk.pointed_to(pointer, next.as_deref()).await {
                Ok(page) => page,
                Err(error) => return Ok(not_now(error)),
            };
            for despatch in &page.despatches {
                if report.seen > 0 {
                    if self.clock.now() >= deadline {
                        return Ok(Followed::Done(report));
                    }
                    // Others may need the ERP's slot between two despatches, and calls about others are none of this one's story.
                    intake.systems.close().await;
                    intake.systems.recorder.drain();
                }
                report.seen += 1;
                match Halt::store_apart(intake.take(despatch).await)? {
                    Ok(taken) => tell(&mut report, despatch, &taken),
                    Err(error) => return Ok(not_now(error)),
                }
            }
            next = page.next;
            if next.is_none() {
                report.complete = true;
                return Ok(Followed::Done(report));
            }
        }
        Ok(Followed::Done(report))
    }
}

/// A page that was left in the middle is read again from its beginning: what was dealt with of it stays remembered, however old it
/// is, or a desk that lets us ask for a few at a time would be asked for the same few each time.
fn with_page(stored: Cursor, page: &[Despatch], progress: &ScanProgress) -> Cursor {
    let dealt_with = page.iter().map(remembered_as);
    let dealt_with = dealt_with.filter(|(name, _)| progress.settled.contains_key(name));
    match stored.scan {
        Some(mut scan) => {
            scan.settled.extend(dealt_with);
            Cursor {
                scan: Some(scan),
                ..stored
            }
        }
        None => stored,
    }
}

/// The next reading of voids sees all of them again, whenever they were made.
fn of_voids(stored: Cursor, progress: &ScanProgress) -> Cursor {
    let settled = progress.still_in_sight(progress.since);
    match stored.scan {
        Some(scan) => Cursor {
            scan: Some(ScanProgress { settled, ..scan }),
            ..stored
        },
        None => Cursor {
            published: progress.began,
            settled,
            ..stored
        },
    }
}

fn not_now(error: CallError) -> Followed {
    match error {
        CallError::Later(later) => Followed::Later(later),
        CallError::Refused(refusal) => Followed::Nowhere(refusal.to_string()),
    }
}

/// Counts what became of a despatch, and leaves a line of it.
fn tell(report: &mut Report, despatch: &Despatch, taken: &Taken) {
    let id = &despatch.id;
    match taken {
        Taken::Admitted(job) => {
            report.admitted += 1;
            tracing::info!(%job, despatch = %id, "a despatch was admitted");
        }
        Taken::Parked(_) => report.parked += 1,
        Taken::Known(job) => tracing::info!(%job, despatch = %id, "a despatch is known"),
        Taken::Voided(job) => {
            report.voided += 1;
            tracing::info!(%job, despatch = %id, "a despatch is void");
        }
        Taken::Pending => report.waiting += 1,
        Taken::LeftAlone(why) => {
            telemetry::count("DespatchesLeftAlone", 1);
            tracing::info!(despatch = %id, reason = why, "a despatch is left alone");
        }
    }
}
