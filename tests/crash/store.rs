//! The store in memory with the explorer before every call, and the promises of a store that can be broken on purpose.

use std::sync::Arc;

use async_trait::async_trait;
use waybill::connection::Connection;
use waybill::domain::*;
use waybill::job::Job;
use waybill::memory::Memory;
use waybill::ports::*;

use jiff::Timestamp;

use super::desk::{Call, Desk, at_once};

/// What a store promises.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Promise {
    /// A write replaces only the version that it was made from.
    VersionCheck,
    /// An intent that was saved is saved.
    IntentKept,
    /// Write-back done and the document's units are one transaction.
    MarkWithDone,
    /// Allotment and new job are one transaction.
    AllotWithJob,
}

/// The store as workers see it.
#[derive(Clone)]
pub struct Store {
    pub memory: Memory,
    pub desk: Arc<Desk>,
    /// The promise that it does not keep.
    pub broken: Option<Promise>,
    /// Whether units are waited for: where there is one unit only, nothing can come between them and the next call.
    pub waits_for_units: bool,
}

fn lost() -> StoreError {
    StoreError("the answer was lost".to_owned())
}

impl Store {
    fn breaks(&self, promise: Promise) -> bool {
        self.broken == Some(promise)
    }

    fn save_now(&self, save: &Save) -> Result<Saved, StoreError> {
        if self.breaks(Promise::IntentKept) && save.audit.iter().any(|entry| entry.draft.is_some()) {
            return Ok(Saved::Done);
        }
        let mut save = save.clone();
        if self.breaks(Promise::VersionCheck) {
            let current = self.memory.tables().jobs.get(&save.job.id).map_or(0, |job| job.version);
            save.job.version = current + 1;
        }
        if self.breaks(Promise::MarkWithDone) {
            save.units = None;
        }
        at_once(Jobs::save(&self.memory, &save))
    }
}

#[async_trait]
impl Jobs for Store {
    async fn load(&self, id: &JobId) -> Result<Option<Job>, StoreError> {
        self.desk.ask(Call::Load, |_| at_once(self.memory.load(id))).await
    }

    async fn snapshot(&self, id: &JobId, number: u32) -> Result<Option<Snapshot>, StoreError> {
        self.desk.tell(|| at_once(self.memory.snapshot(id, number)))
    }

    async fn save(&self, save: &Save) -> Result<Saved, StoreError> {
        let saved = self.desk.ask(Call::Save, |fault| {
            let saved = self.save_now(save);
            if fault.is_some() { Err(lost()) } else { saved }
        });
        let saved = saved.await;
        if let (true, Some(units), Ok(Saved::Done)) = (self.breaks(Promise::MarkWithDone), &save.units, &saved) {
            let key = (save.job.connection.clone(), units.document.clone());
            let mark = |_| _ = self.memory.tables().units.insert(key, units.clone());
            self.desk.ask(Call::Mark, mark).await;
        }
        saved
    }

    async fn with_shipment(
        &self,
        connection: &ConnectionId,
        shipment: &CarrierShipmentId,
    ) -> Result<Vec<JobId>, StoreError> {
        at_once(self.memory.with_shipment(connection, shipment))
    }

    async fn erase(&self, id: &JobId) -> Result<(), StoreError> {
        at_once(self.memory.erase(id))
    }
}

#[async_trait]
impl Documents for Store {
    async fn units(&self, connection: &ConnectionId, documents: &[DocumentId]) -> Result<Vec<Units>, StoreError> {
        let read = || at_once(self.memory.units(connection, documents));
        if self.waits_for_units {
            let read = |_| {
                let units = read();
                self.desk.hear(seen(&units));
                units
            };
            self.desk.ask(Call::Units, read).await
        } else {
            self.desk.tell(read)
        }
    }

    async fn reread_later(
        &self,
        connection: &ConnectionId,
        document: &DocumentId,
        mark: &Nonce,
    ) -> Result<(), StoreError> {
        self.desk
            .tell(|| at_once(self.memory.reread_later(connection, document, mark)))
    }

    async fn restate(&self, connection: &ConnectionId, units: &Units) -> Result<bool, StoreError> {
        self.desk.tell(|| at_once(self.memory.restate(connection, units)))
    }

    async fn admit_from(&self, units: &Units, jobs: &[NewJob], earlier: &[Units]) -> Result<bool, StoreError> {
        let broken = self.breaks(Promise::AllotWithJob);
        let admitted = self.desk.ask(Call::Admit, |fault| {
            let admitted = if broken {
                self.allot(units, jobs)
            } else {
                at_once(self.memory.admit_from(units, jobs, earlier))
            };
            self.desk.hear(format!("{admitted:?}"));
            if fault.is_some() { Err(lost()) } else { admitted }
        });
        let admitted = admitted.await;
        if broken && admitted == Ok(true) {
            self.desk.ask(Call::NewJobs, |_| self.put(jobs)).await;
        }
        admitted
    }

    async fn to_reread(&self, connection: &ConnectionId, limit: u16) -> Result<Vec<Reread>, StoreError> {
        let read = |_| {
            let notes = at_once(self.memory.to_reread(connection, limit));
            self.desk.hear(notes.as_ref().map_or(0, Vec::len));
            notes
        };
        self.desk.ask(Call::ToReread, read).await
    }

    async fn reread(&self, connection: &ConnectionId, note: &Reread) -> Result<(), StoreError> {
        let strike = |_| at_once(self.memory.reread(connection, note));
        self.desk.ask(Call::Reread, strike).await
    }
}

/// Units without their version: whether that is still theirs is the world's business.
fn seen(units: &Result<Vec<Units>, StoreError>) -> String {
    let units = units.iter().flatten().map(|units| &units.units);
    format!("{:?}", units.collect::<Vec<_>>())
}

impl Store {
    fn allot(&self, units: &Units, jobs: &[NewJob]) -> Result<bool, StoreError> {
        let mut tables = self.memory.tables();
        let Some(first) = jobs.first() else { return Ok(false) };
        let key = (first.job.connection.clone(), units.document.clone());
        let fits = tables.units.get(&key).map_or(0, |current| current.version) + 1 == units.version;
        if fits {
            tables.units.insert(key, units.clone());
        }
        Ok(fits)
    }

    fn put(&self, jobs: &[NewJob]) {
        let mut tables = self.memory.tables();
        for new in jobs {
            let id = new.job.id.clone();
            tables
                .snapshots
                .insert((id.clone(), new.snapshot.number), new.snapshot.clone());
            tables.audit.entry(id.clone()).or_default().push(new.audit.clone());
            tables.jobs.insert(id, new.job.clone());
        }
    }
}

#[async_trait]
impl Cursors for Store {
    async fn cursor(&self, connection: &ConnectionId, kind: &str) -> Result<Cursor, StoreError> {
        let read = |_| {
            let cursor = at_once(self.memory.cursor(connection, kind));
            self.desk
                .hear(cursor.as_ref().is_ok_and(|cursor| cursor.published.is_some()));
            cursor
        };
        self.desk.ask(Call::Cursor, read).await
    }

    async fn advance(&self, connection: &ConnectionId, kind: &str, cursor: &Cursor) -> Result<bool, StoreError> {
        let advance = |_| at_once(Cursors::advance(&self.memory, connection, kind, cursor));
        self.desk.ask(Call::Advance, advance).await
    }
}

/// A message in the queue is left to the sweeper: a lost message costs latency only.
#[async_trait]
impl Queue for Store {
    async fn send(&self, _job: &JobId, _tenant: &TenantId, _delay: std::time::Duration) -> Result<(), StoreError> {
        Ok(())
    }
}

/// Every label is kept.
#[async_trait]
impl Labels for Store {
    async fn put(&self, job: &JobId, index: usize, label: &LabelImage, _days: u32) -> Result<LabelRef, StoreError> {
        Ok(LabelRef {
            tracking_number: label.tracking_number.clone(),
            format: label.format,
            key: format!("labels/{job}/{}", label.file_name(index)),
        })
    }

    /// A worker that dies over a purchase dies before its label is stored.
    async fn stored(&self, _job: &JobId, _number: &str, _format: LabelFormat) -> Result<Option<LabelRef>, StoreError> {
        Ok(None)
    }

    async fn get(&self, label: &LabelRef) -> Result<Vec<u8>, StoreError> {
        Err(StoreError(format!("there is no label {}", label.key)))
    }
}

/// Nobody's connection wants a link written.
#[async_trait]
impl LabelLinks for Store {
    async fn link(&self, _job: &Job, _until: Timestamp) -> Result<Option<String>, StoreError> {
        Ok(None)
    }
}

/// There is always money.
#[async_trait]
impl Spending for Store {
    async fn reserve(&self, _connection: &Connection, _amount: &Money, _now: Timestamp) -> Result<bool, StoreError> {
        Ok(true)
    }
}
