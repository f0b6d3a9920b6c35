//! What becomes of documents that were read: new units, and word of what changed under old ones.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::Timestamp;
use rust_decimal::Decimal;

use super::{Asked, Poll, Report, count};
use crate::connection::Additions;
use crate::domain::{
    Allotment, Consignment, LineId, Order, OrderLine, PassedOn, Quantities, Snapshot, Standing, Unit, UnitPhase, Units,
};
use crate::flows::kin;
use crate::flows::put_right::PutRight;
use crate::flows::write::Pen;
use crate::job::{Admission, HoldReason, Job, Outcome};
use crate::ports::{AuditEntry, NewJob, Saved, StoreError};
use crate::telemetry;

/// How many items one transaction takes at DynamoDB.
const ITEMS_AT_ONCE: usize = 100;

/// How many items admit a job: itself, its reading and its story.
const ITEMS_PER_JOB: usize = 3;

/// How many jobs one transaction admits.
const JOBS_AT_ONCE: usize = 30;

/// Some documents as they were read.
pub(super) struct Page<'a> {
    /// Their units, read before them.
    pub(super) units: &'a [Units],
    /// The documents.
    pub(super) orders: &'a [Order],
    /// When they were read.
    pub(super) read_at: Timestamp,
}

/// One document with everything that is known of it.
#[derive(Clone, Copy)]
struct Document<'a> {
    order: &'a Order,
    units: &'a Units,
    kin: &'a [Units],
    read_at: Timestamp,
}

impl Poll {
    /// Admits what is ready; returns the documents on which another poller was faster.
    pub(super) async fn admit_all(
        &self,
        asked: Asked<'_>,
        page: &Page<'_>,
        report: &mut Report,
    ) -> Result<Vec<crate::domain::DocumentId>, StoreError> {
        let mut contested = Vec::new();
        for order in page.orders {
            let Some(units) = page.units.iter().find(|units| units.document == order.document) else {
                continue;
            };
            // Of one requisition several orders may be on the page, and each admission changes what is left for the next.
            let documents = self.documents.as_ref();
            let (one, own) = (std::slice::from_ref(units), std::slice::from_ref(order));
            let kin = kin::of(documents, &asked.connection.id, one, own).await?;
            let document = Document {
                order,
                units,
                kin: &kin,
                read_at: page.read_at,
            };
            if !self.heed_changes(asked, document).await? {
                contested.push(order.document.clone());
                continue;
            }
            if order.standing != Standing::Ready {
                tracing::info!(
                    connection = %asked.connection.id,
                    order = order.number,
                    reason = in_short(&order.standing),
                    "not ready to ship"
                );
                report.waiting += 1;
                continue;
            }
            match self.admit_ready(asked, document).await? {
                Admitted::All(admitted) => report.admitted += admitted,
                Admitted::Some(admitted) => {
                    report.admitted += admitted;
                    contested.push(order.document.clone());
                }
                Admitted::Contested => contested.push(order.document.clone()),
            }
        }
        Ok(contested)
    }

    // ---- what changed under old units --------------------------------------------------------------------------------

    /// Says what the document's change means to its units; `false` if somebody else wrote them meanwhile.
    async fn heed_changes(&self, asked: Asked<'_>, document: Document<'_>) -> Result<bool, StoreError> {
        if asked.connection.write_back.fields.tracking.is_some() {
            self.put_right(document.units, document.order).await?;
        }
        self.look_sooner(document).await?;
        self.report_changes(asked, document).await
    }

    /// Writes our tracking numbers again where somebody has changed them.
    async fn put_right(&self, units: &Units, order: &Order) -> Result<(), StoreError> {
        let put_right = PutRight {
            jobs: self.jobs.as_ref(),
            documents: self.documents.as_ref(),
            queue: self.queue.as_ref(),
            clock: self.clock.as_ref(),
            nonces: self.nonces.as_ref(),
            timing: &self.timing,
        };
        for id in units.disturbed(order) {
            // Where somebody is at work on the job, the overlap brings the document here again.
            put_right
                .write_again(id, "somebody changed the tracking number in the ERP")
                .await?;
        }
        Ok(())
    }

    /// A held unit of a document that was corrected is looked at now, and not only when its hold's own turn comes; so is one that
    /// waits for what it is to be written to, which people may have made when they changed the document.
    async fn look_sooner(&self, document: Document<'_>) -> Result<(), StoreError> {
        let open = document.units.units.iter().filter(|unit| unit.phase == UnitPhase::Open);
        for unit in open {
            let Some(job) = self.jobs.load(&unit.job).await? else {
                continue;
            };
            let ahead = document.units.ahead_of(unit.number);
            let now = Consignment::of(document.order, &unit.quantities, &ahead);
            let stood_on = job.held_on.as_ref().unwrap_or(&job.snapshot.hash);
            let changed = now.as_ref().map_or(true, |now| now.content_hash() != *stood_on);
            let held = job.hold.as_ref().is_some_and(|hold| hold.reason.ends_by_order());
            if changed && held || job.parked_since().is_some() {
                self.wake(&job).await?;
            }
        }
        Ok(())
    }

    async fn wake(&self, job: &Job) -> Result<(), StoreError> {
        let now = self.clock.now();
        let pen = Pen {
            now,
            nonces: self.nonces.as_ref(),
            timing: &self.timing,
            under: None,
        };
        let entry = AuditEntry::new(now, "waybill", "the document was changed: it is read again at once");
        let Ok(save) = pen.write(job, Outcome::OrderChanged, Some(entry)) else {
            return Ok(());
        };
        // A conflict means that somebody is at work on the job.
        if self.jobs.save(&save).await? == Saved::Done {
            tracing::info!(job = %job.id, connection = %job.connection, "its document was changed: it is looked at sooner");
            self.queue.send(&job.id, &job.tenant, Duration::ZERO).await?;
        }
        Ok(())
    }

    /// Reports, once for each change, that a document asks for something else than what was shipped for it.
    async fn report_changes(&self, asked: Asked<'_>, document: Document<'_>) -> Result<bool, StoreError> {
        let mut after = document.units.clone();
        let mut told = Vec::new();
        let changed = document.units.changed_since_shipped(document.order);
        for unit in &document.units.units {
            let now = changed
                .iter()
                .find(|(one, _)| one.number == unit.number)
                .map(|(_, terms)| terms.clone());
            if unit.reported != now {
                told.extend(now.is_some().then_some(unit));
                after = after.with_reported(unit.number, now);
            }
        }
        if after == *document.units {
            return Ok(true);
        }
        // Told first: to say it twice is harmless, and a crash in between says it again.
        for unit in told {
            let text = "the document was changed after this was shipped: nothing is shipped again. `waybill job void` gives its \
                        quantity back, if the parcel does not travel";
            let entry = AuditEntry::new(self.clock.now(), "waybill", text);
            self.stories.tell_story(&asked.connection.id, &unit.job, &entry).await?;
            tracing::error!(job = %unit.job, connection = %asked.connection.id, "a document changed after it was shipped");
            telemetry::count("ChangedAfterShipment", 1);
        }
        after.version += 1;
        self.documents.restate(&asked.connection.id, &after).await?;
        // The units that were read are not the newest any more.
        Ok(false)
    }

    // ---- new units -----------------------------------------------------------------------------------------------------

    async fn admit_ready(&self, asked: Asked<'_>, document: Document<'_>) -> Result<Admitted, StoreError> {
        let Document { order, units, kin, .. } = document;
        if !self.await_kin(asked, document).await? {
            return Ok(Admitted::Contested);
        }
        let mut allotments = units.allottable(order, &asked.connection.accounts, kin);
        if allotments.is_empty() {
            return Ok(Admitted::All(0));
        }
        let room = ITEMS_AT_ONCE.saturating_sub(1 + order.origins().len()) / ITEMS_PER_JOB;
        if room == 0 {
            tracing::error!(connection = %asked.connection.id, order = order.number, "it came from more documents than can be admitted with it");
            telemetry::count("NotAdmitted", 1);
            return Ok(Admitted::All(0));
        }
        let most = room.min(JOBS_AT_ONCE);
        let more = allotments.len() > most;
        allotments.truncate(most);
        Ok(match self.admit(asked, document, &allotments).await? {
            Some(admitted) if more => Admitted::Some(admitted),
            Some(admitted) => Admitted::All(admitted),
            None => Admitted::Contested,
        })
    }

    /// Leaves word with the documents whose open units hold goods of this one: when they end without shipping, it is read again.
    async fn await_kin(&self, asked: Asked<'_>, document: Document<'_>) -> Result<bool, StoreError> {
        let awaited = document.units.awaited(document.order, document.kin);
        for earlier in &awaited {
            let (order, holder) = (&document.order.number, &earlier.document);
            tracing::info!(connection = %asked.connection.id, order, document = %holder, "its goods are held by another document");
            let mut after = earlier.passing_on(PassedOn {
                document: document.order.document.clone(),
                unit: 0,
                quantities: Quantities::new(),
            });
            after.version += 1;
            self.documents.restate(&asked.connection.id, &after).await?;
        }
        // Where something was left, the kin that was read is not the newest any more.
        Ok(awaited.is_empty())
    }

    async fn admit(
        &self,
        asked: Asked<'_>,
        document: Document<'_>,
        allotments: &[Allotment],
    ) -> Result<Option<u64>, StoreError> {
        let (units, jobs) = self.new_jobs(asked, document, allotments);
        if jobs.is_empty() {
            return Ok(None);
        }
        let earlier = taken_over(document, &units);
        if !self.documents.admit_from(&units, &jobs, &earlier).await? {
            return Ok(None);
        }
        telemetry::count("OrdersFound", count(jobs.len()));
        let held = jobs.iter().filter(|new| new.job.hold.is_some()).count();
        telemetry::count("JobsHeld", count(held));
        for new in &jobs {
            let (job, id) = (&new.job, &asked.connection.id);
            let hold = job.hold.as_ref().map(|hold| tracing::field::debug(hold.reason));
            tracing::info!(job = %job.id, connection = %id, order = job.number, hold, "admitted");
            if let Err(error) = self.queue.send(&new.job.id, &new.job.tenant, Duration::ZERO).await {
                tracing::warn!(job = %new.job.id, %error, "not queued: the sweeper will find it");
            }
        }
        Ok(Some(count(jobs.len())))
    }

    fn new_jobs(&self, asked: Asked<'_>, document: Document<'_>, allotments: &[Allotment]) -> (Units, Vec<NewJob>) {
        let Document { order, units, .. } = document;
        let additions = match asked.connection.select.additions(order.document.kind) {
            Additions::Ship => BTreeSet::new(),
            Additions::Hold => units.additions(order).into_iter().collect(),
        };
        let mut after = Units {
            version: units.version + 1,
            number: order.number.clone(),
            ordered: ordered_up_to_now(units, order, &additions),
            ..units.clone()
        };
        let mut jobs = Vec::new();
        for allotment in allotments {
            let number = after.next_number();
            let Ok(consignment) = Consignment::of(order, &allotment.quantities, &Quantities::new()) else {
                continue;
            };
            let added: Vec<&LineId> = allotment
                .quantities
                .keys()
                .filter(|line| additions.contains(line))
                .collect();
            let new = self.new_job(asked, number, Snapshot::new(1, document.read_at, consignment), &added);
            after.units.push(Unit {
                number,
                job: new.job.id.clone(),
                quantities: allotment.quantities.clone(),
                phase: UnitPhase::Open,
                tracking_numbers: Vec::new(),
                terms: None,
                reported: None,
            });
            jobs.push(new);
        }
        (after, jobs)
    }

    fn new_job(&self, asked: Asked<'_>, unit: u32, snapshot: Snapshot, added: &[&LineId]) -> NewJob {
        let now = self.clock.now();
        let (id, tenant) = (asked.connection.id.clone(), asked.connection.tenant.clone());
        let mut job = Job::admit(
            Admission {
                connection: id,
                tenant,
                unit,
                write: self.nonces.nonce(),
            },
            &snapshot,
            now,
        );
        let mut text = format!(
            "admitted unit {unit} of order {}: {}",
            job.number,
            in_words(&snapshot.consignment.quantities())
        );
        if !added.is_empty() {
            let message = grown(added);
            text.push_str(&format!(", and held: {message}"));
            let held = Outcome::Held {
                reason: HoldReason::Addition,
                message,
                snapshot: None,
                address: None,
            };
            if let Err(illegal) = job.apply(held, now, &self.timing) {
                tracing::error!(job = %job.id, error = %illegal, "a new job cannot be held");
            }
        }
        let audit = AuditEntry::new(now, asked.by, text).changing(None, &job);
        NewJob { job, snapshot, audit }
    }
}

/// How far the admission of a document came.
enum Admitted {
    /// So many jobs, and nothing is left.
    All(u64),
    /// So many jobs, and more are left.
    Some(u64),
    /// Somebody else was faster.
    Contested,
}

/// What counts as ordered from now on: what is held as an addition stays one.
fn ordered_up_to_now(units: &Units, order: &Order, additions: &BTreeSet<&LineId>) -> Quantities {
    let before = |line: &LineId| units.ordered.get(line).copied();
    let up_to_now = |line: &OrderLine| match additions.contains(&line.id) {
        true => before(&line.id).map(|ordered| (line.id.clone(), ordered)),
        false => Some((line.id.clone(), line.ordered)),
    };
    order.lines.iter().filter_map(up_to_now).collect()
}

/// In a word for the logs: the reason itself may name a supplier, and stands in `waybill order explain`.
fn in_short(standing: &Standing) -> &'static str {
    match standing {
        Standing::Ready => "ready",
        Standing::Waiting(_) => "waiting",
        Standing::Cancelled => "cancelled",
        Standing::Closed => "closed",
    }
}

fn grown(added: &[&LineId]) -> String {
    let lines: Vec<&str> = added.iter().map(|line| line.as_str()).collect();
    format!(
        "the order was changed after a part of it was shipped, and asks for more of line {}: release the job to ship that too",
        lines.join(", ")
    )
}

/// The units of earlier documents as they must stand once new units of this one hold goods of theirs.
fn taken_over(document: Document<'_>, after: &Units) -> Vec<Units> {
    let Document { order, units, kin, .. } = document;
    let new: Vec<&Unit> = after
        .units
        .iter()
        .filter(|unit| !units.units.iter().any(|known| known.number == unit.number))
        .collect();
    let none = |document| Units::none(document, "");
    let origins = order.origins().into_iter().map(|origin| {
        let known = kin.iter().find(|kin| kin.document == *origin);
        known.cloned().unwrap_or_else(|| none(origin.clone()))
    });
    let passed = origins.filter_map(|earlier| {
        let mut changed = earlier.clone();
        for unit in &new {
            let quantities = held_of(order, &earlier, unit);
            if !quantities.is_empty() {
                changed = changed.passing_on(PassedOn {
                    document: order.document.clone(),
                    unit: unit.number,
                    quantities,
                });
            }
        }
        changed.version += 1;
        (changed.passed_on != earlier.passed_on).then_some(changed)
    });
    passed.collect()
}

/// What a unit holds of an earlier document, by that document's lines: of a line that came from several, an equal part of each.
fn held_of(order: &Order, earlier: &Units, unit: &Unit) -> Quantities {
    let mut held = Quantities::new();
    for (line, quantity) in &unit.quantities {
        let Some(line) = order.line(line) else { continue };
        let each = quantity / Decimal::from(line.came_from.len().max(1));
        for origin in line
            .came_from
            .iter()
            .filter(|origin| origin.document == earlier.document)
        {
            *held.entry(origin.line.clone()).or_default() += each;
        }
    }
    held
}

fn in_words(quantities: &Quantities) -> String {
    let words: Vec<String> = quantities
        .iter()
        .map(|(line, quantity)| format!("{quantity} of line {line}"))
        .collect();
    words.join(", ")
}
