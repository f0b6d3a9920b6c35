//! What a write of a job is made of, whoever makes it: the job as an outcome leaves it, under the next version and a nonce of
//! its own; what that changed, for its story; and the document's units as they must stand with it.

use std::collections::BTreeSet;

use jiff::Timestamp;

use crate::domain::{ParcelKey, Quantities, Snapshot, TrackedParcel, UnitPhase, Units};
use crate::job::{IllegalOutcome, Job, Outcome, Step, Timing};
use crate::ports::{AuditEntry, Documents, Nonces, Save, StoreError};
use crate::rules::{self, Rule};

/// What every write needs beside the job.
pub(crate) struct Pen<'a> {
    /// When it is written.
    pub(crate) now: Timestamp,
    /// Nonces.
    pub(crate) nonces: &'a dyn Nonces,
    /// The times of the ledger.
    pub(crate) timing: &'a Timing,
    /// The version of the connection that the writer works under, where it does.
    pub(crate) under: Option<u64>,
}

impl Pen<'_> {
    /// The write that records an outcome on a job as it was read, and tells of it, unless it is nothing to tell.
    pub(crate) fn write(&self, base: &Job, outcome: Outcome, told: Option<AuditEntry>) -> Result<Save, IllegalOutcome> {
        let mut job = base.clone();
        job.apply(outcome, self.now, self.timing)?;
        if let Some(hold) = job.hold.as_mut().filter(|hold| hold.since == self.now) {
            hold.under = hold.under.or(self.under);
        }
        job.version = base.version + 1;
        job.last_write = self.nonces.nonce();
        let audit = told.map(|entry| entry.changing(Some(base), &job));
        Ok(Save {
            audit: audit.into_iter().collect(),
            job,
            snapshot: None,
            units: None,
            parcels: Vec::new(),
        })
    }

    /// The same with a new reading of the order, where there is one, and with the units that change with the job.
    pub(crate) async fn write_whole(
        &self,
        documents: &dyn Documents,
        base: &Job,
        outcome: Outcome,
        told: AuditEntry,
        snapshot: Option<Snapshot>,
    ) -> Result<Result<Save, IllegalOutcome>, StoreError> {
        let save = match self.write(base, outcome, Some(told)) {
            Ok(save) => save,
            Err(illegal) => return Ok(Err(illegal)),
        };
        let change = units_after(documents, base, &save.job, snapshot.as_ref()).await?;
        let parcels = change
            .as_ref()
            .map(|(before, after)| followed(&save.job, before, after, self.now));
        Ok(Ok(Save {
            snapshot,
            units: change.map(|(_, after)| after),
            parcels: parcels.unwrap_or_default(),
            ..save
        }))
    }
}

/// The document's units as they stand and as they must stand with the job, if they change with it.
async fn units_after(
    documents: &dyn Documents,
    base: &Job,
    next: &Job,
    snapshot: Option<&Snapshot>,
) -> Result<Option<(Units, Units)>, StoreError> {
    let phase = (phase(base) != phase(next)).then(|| phase(next));
    // What was bought, or is being bought, stays what the unit ships, whatever the order says later.
    let stands = |snapshot: &&Snapshot| next.purchase.done().is_none() && next.snapshot.number == snapshot.number;
    let unbought = snapshot.filter(stands);
    let quantities = unbought.map(|snapshot| snapshot.consignment.quantities());
    // A shipment that waits for what it is to be written to is on its way all the same: its parcels are followed.
    let parked = base.parked_since().is_none() && next.parked_since().is_some();
    if phase.is_none() && quantities.is_none() && !parked {
        return Ok(None);
    }
    let mut units = documents
        .units(&next.connection, std::slice::from_ref(&next.document))
        .await?;
    let Some(before) = units.pop() else { return Ok(None) };
    let mut after = changed(&before, next.unit, phase, quantities);
    let written = phase == Some(UnitPhase::WrittenBack);
    if written || parked {
        let numbers = next
            .purchase
            .done()
            .map(|shipment| shipment.tracking_numbers().map(str::to_owned).collect());
        after = after.with_tracking(next.unit, numbers.unwrap_or_default());
    }
    if written {
        after = after.with_terms(next.unit, next.terms.clone());
    }
    if after == before {
        return Ok(None);
    }
    let version = before.version + 1;
    Ok(Some((before, Units { version, ..after })))
}

/// The parcels that are followed from now on: those of a unit whose tracking numbers are known now and were not before.
fn followed(job: &Job, before: &Units, after: &Units, now: Timestamp) -> Vec<TrackedParcel> {
    // Nobody tells how parcels of such a desk fare.
    if job.at_desk.as_ref().is_some_and(|desk| !desk.followed) {
        return Vec::new();
    }
    let known = before.tracking_numbers(job.unit);
    let new = after.tracking_numbers(job.unit).iter();
    new.filter(|number| !known.contains(number))
        .map(|number| parcel(job, number, now))
        .collect()
}

/// A parcel that nobody has looked at yet, due at once.
fn parcel(job: &Job, number: &str, now: Timestamp) -> TrackedParcel {
    TrackedParcel {
        key: ParcelKey {
            connection: job.connection.clone(),
            number: number.to_owned(),
        },
        tenant: job.tenant.clone(),
        job: job.id.clone(),
        document: job.document.clone(),
        order_number: job.number.clone(),
        version: 1,
        since: now,
        enlisted: false,
        events: Vec::new(),
        gathered: false,
        progress: None,
        pushed_until: None,
        next_poll: Some(now),
        polled_at: None,
        failures: 0,
        hints: BTreeSet::new(),
        untold_since: None,
        tell_at: None,
        queued_until: None,
        minded: None,
        forgotten: false,
        ended: None,
    }
}

fn changed(units: &Units, number: u32, phase: Option<UnitPhase>, quantities: Option<Quantities>) -> Units {
    let units = phase.map_or_else(|| units.clone(), |phase| units.with_phase(number, phase));
    quantities.map_or_else(|| units.clone(), |quantities| units.with_quantities(number, quantities))
}

/// What the document's units say of a job. One that ended gives its quantity back even where the ERP still shows it: there
/// nothing is left to ship until a person has taken it away.
fn phase(job: &Job) -> UnitPhase {
    match job {
        Job { closed: Some(_), .. } if rules::holds(Rule::GiveBack) => UnitPhase::Closed,
        Job {
            write_back: Step::Done(_),
            ..
        } => UnitPhase::WrittenBack,
        _ => UnitPhase::Open,
    }
}
