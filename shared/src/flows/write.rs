//! What a write of a job is made of, whoever makes it: the job as an outcome leaves it, under the next version and a nonce of
//! its own; what that changed, for its story; and the document's units as they must stand with it.

use jiff::Timestamp;

use crate::domain::{Quantities, Snapshot, UnitPhase, Units};
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
}

impl Pen<'_> {
    /// The write that records an outcome on a job as it was read, and tells of it, unless it is nothing to tell.
    pub(crate) fn write(&self, base: &Job, outcome: Outcome, told: Option<AuditEntry>) -> Result<Save, IllegalOutcome> {
        let mut job = base.clone();
        job.apply(outcome, self.now, self.timing)?;
        job.version = base.version + 1;
        job.last_write = self.nonces.nonce();
        let audit = told.map(|entry| entry.changing(Some(base), &job));
        Ok(Save {
            audit: audit.into_iter().collect(),
            job,
            snapshot: None,
            units: None,
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
        let units = units_after(documents, base, &save.job, snapshot.as_ref()).await?;
        Ok(Ok(Save {
            snapshot,
            units,
            ..save
        }))
    }
}

/// The document's units as they must stand with the job, if they change with it.
async fn units_after(
    documents: &dyn Documents,
    base: &Job,
    next: &Job,
    snapshot: Option<&Snapshot>,
) -> Result<Option<Units>, StoreError> {
    let phase = (phase(base) != phase(next)).then(|| phase(next));
    // What was bought, or is being bought, stays what the unit ships, whatever the order says later.
    let stands = |snapshot: &&Snapshot| next.purchase.done().is_none() && next.snapshot.number == snapshot.number;
    let unbought = snapshot.filter(stands);
    let quantities = unbought.map(|snapshot| snapshot.consignment.quantities());
    if phase.is_none() && quantities.is_none() {
        return Ok(None);
    }
    let mut units = documents
        .units(&next.connection, std::slice::from_ref(&next.document))
        .await?;
    let Some(before) = units.pop() else { return Ok(None) };
    let mut after = changed(&before, next.unit, phase, quantities);
    if phase == Some(UnitPhase::WrittenBack) {
        let numbers = next
            .purchase
            .done()
            .map(|shipment| shipment.tracking_numbers().map(str::to_owned).collect());
        after = after.with_tracking(next.unit, numbers.unwrap_or_default());
    }
    Ok((after != before).then(|| Units {
        version: before.version + 1,
        ..after
    }))
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
