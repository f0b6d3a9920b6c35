//! Finds documents that are ready to ship and admits their units as jobs.
//!
//! Reads start at the published maximum minus an overlap, because commits come late and timestamps are equal; what was read
//! before is recognised by the document's units. The units are read before the ERP's quantities, never after, and change only
//! by compare-and-set together with the new jobs.

mod admit;
mod desk;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use admit::Page;
pub(crate) use desk::DESPATCHES;
pub use desk::Followed;

use super::count;
use crate::connection::Connection;
use crate::domain::{ConnectionId, DocumentId};
use crate::job::Timing;
use crate::ports::{
    CallError, Clock, Connections, Cursor, Cursors, DocumentHead, Documents, Gate, Jobs, Nonces, Obstacle, Opened,
    OrderSource, Queue, Reread, Scan, ScanProgress, StoreError, Systems, Tellings,
};
use crate::telemetry;

/// How many documents are read at a time.
const PAGE: u16 = 250;

/// How often a document is read again when another poller was faster.
const TRIES: usize = 3;

/// The name of the cursor.
pub(crate) const CURSOR: &str = "orders";

/// The ports that polling needs.
#[derive(Clone)]
pub struct Poll {
    /// Connections.
    pub connections: Arc<dyn Connections>,
    /// ERPs.
    pub systems: Arc<dyn Systems>,
    /// Cursors.
    pub cursors: Arc<dyn Cursors>,
    /// Units and admission.
    pub documents: Arc<dyn Documents>,
    /// Jobs whose document somebody has changed.
    pub jobs: Arc<dyn Jobs>,
    /// Their stories.
    pub stories: Arc<dyn Tellings>,
    /// The queue of jobs.
    pub queue: Arc<dyn Queue>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Nonces.
    pub nonces: Arc<dyn Nonces>,
    /// The overlap.
    pub timing: Timing,
}

/// For which connection units are admitted, and who asks for it.
#[derive(Clone, Copy)]
struct Asked<'a> {
    connection: &'a Connection,
    by: &'a str,
}

/// What a poll did.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// Documents that changed.
    pub seen: u64,
    /// Jobs that were admitted.
    pub admitted: u64,
    /// Documents that do not ship, or not yet.
    pub waiting: u64,
    /// What people shipped at a desk and no order fits.
    #[serde(default)]
    pub parked: u64,
    /// Shipments that were voided at a desk.
    #[serde(default)]
    pub voided: u64,
    /// Whether the scan came to its end; otherwise the next poll goes on where this one stopped.
    pub complete: bool,
    /// Why nothing was read, where nothing was.
    pub stopped: Option<String>,
    /// How long the limit lasts that stopped it, where nothing else did.
    #[serde(skip)]
    pub limited_for: Option<Duration>,
}

impl Report {
    /// What this poll and the one that went on with it did together.
    #[must_use]
    pub fn and(self, next: Self) -> Self {
        Self {
            seen: self.seen + next.seen,
            admitted: self.admitted + next.admitted,
            waiting: self.waiting + next.waiting,
            parked: self.parked + next.parked,
            voided: self.voided + next.voided,
            ..next
        }
    }
}

impl Poll {
    /// Scans the connection's ERP until the scan is complete or `deadline` is near.
    ///
    /// # Errors
    /// Only when the store fails; what was stored stays, and the next poll goes on from there.
    pub async fn run(&self, id: &ConnectionId, deadline: Timestamp) -> Result<Report, StoreError> {
        let gate = match self.open_gate(id).await? {
            Ok(gate) => gate,
            Err(report) => return Ok(report),
        };
        match self.systems.open(&gate.connection).await {
            Ok(systems) => {
                let report = match systems.desk.clone() {
                    Some(desk) => self.scan_desk(&gate.connection, &systems, &desk, deadline).await,
                    None if gate.connection.desk.is_some() => Ok(stopped(people_ship(&gate.connection))),
                    None => self.scan(&gate.connection, &systems, deadline).await,
                };
                systems.close().await;
                report
            }
            Err(error) => Ok(stopped(error.to_string())),
        }
    }

    /// Reads the documents that carry a number now, and admits what is ready, whenever they were modified: what a person asks
    /// for need not have changed since the connection began.
    ///
    /// # Errors
    /// Only when the store fails.
    pub async fn admit_number(&self, id: &ConnectionId, number: &str, by: &str) -> Result<Report, StoreError> {
        self.admit_found(id, by, async |source| match source.numbered(number).await {
            Ok(documents) if documents.is_empty() => Err(format!("no document of {id} has the number {number}")),
            Ok(documents) => Ok(documents),
            Err(error) => Err(error.to_string()),
        })
        .await
    }

    /// Reads a document of which somebody told that it changed, and admits what is ready, as if it had been polled.
    ///
    /// # Errors
    /// Only when the store fails.
    pub async fn admit_document(&self, id: &ConnectionId, document: &DocumentId) -> Result<Report, StoreError> {
        self.admit_found(id, "waybill", async |_| Ok(vec![document.clone()]))
            .await
    }

    async fn admit_found(
        &self,
        id: &ConnectionId,
        by: &str,
        find: impl AsyncFnOnce(&dyn OrderSource) -> Result<Vec<DocumentId>, String>,
    ) -> Result<Report, StoreError> {
        let gate = match self.open_gate(id).await? {
            Ok(gate) => gate,
            Err(report) => return Ok(report),
        };
        if gate.connection.desk.is_some() {
            return Ok(stopped(people_ship(&gate.connection)));
        }
        let asked = Asked {
            connection: &gate.connection,
            by,
        };
        match self.systems.open(&gate.connection).await {
            Ok(systems) => {
                let source = systems.source.as_ref();
                let report = match find(source).await {
                    Ok(documents) => self.admit_these(asked, source, documents).await,
                    Err(why) => Ok(stopped(why)),
                };
                systems.close().await;
                report
            }
            Err(error) => Ok(stopped(error.to_string())),
        }
    }

    async fn admit_these(
        &self,
        asked: Asked<'_>,
        source: &dyn OrderSource,
        documents: Vec<DocumentId>,
    ) -> Result<Report, StoreError> {
        let mut report = Report::default();
        let stored = self.page(asked, source, documents, &mut report).await?;
        report.complete = stored.as_ref().is_ok_and(Vec::is_empty);
        report.stopped = stored.err().map(|error| error.to_string());
        Ok(report)
    }

    /// The connection, or why it is not polled.
    async fn open_gate(&self, id: &ConnectionId) -> Result<Result<Gate, Report>, StoreError> {
        Ok(match self.connections.gate(id).await? {
            None => Err(stopped(format!("connection {id} does not exist"))),
            Some(gate) if gate.connection.paused => Err(stopped(format!(
                "connection {id} is paused: `waybill connection resume {id}`"
            ))),
            Some(gate) => Ok(gate),
        })
    }

    async fn scan(&self, connection: &Connection, systems: &Opened, deadline: Timestamp) -> Result<Report, StoreError> {
        let asked = Asked {
            connection,
            by: "waybill",
        };
        let mut report = Report::default();
        self.read_noted(asked, systems.source.as_ref(), deadline, &mut report)
            .await?;
        let mut cursor = self.cursors.cursor(&connection.id, CURSOR).await?;
        let mut progress = self.progress(connection, &cursor);
        let size = usize::from(systems.source.reads_at_once().max(1));
        // Pages of which nothing had to be read are not stored each: to list them again costs less than to write the cursor.
        let mut ahead = false;
        while self.clock.now() < deadline {
            let scan = Scan {
                since: progress.since,
                after: progress.after.clone(),
                limit: PAGE,
            };
            let heads = match systems.source.changed(&scan).await {
                Ok(heads) => heads,
                Err(error) => return Ok(stopped_by(report, &error)),
            };
            let last = heads.len() < usize::from(PAGE);
            // What is slow to read is stored in small parts: whoever is stopped in between has not read in vain.
            let parts: Vec<&[DocumentHead]> = if heads.is_empty() {
                vec![&[]]
            } else {
                heads.chunks(size).collect()
            };
            for (index, part) in parts.iter().enumerate() {
                if index > 0 && self.clock.now() >= deadline {
                    return self.keep_place(connection, &cursor, &progress, ahead, report).await;
                }
                let documents = progress.unsettled(part);
                let nothing_to_read = documents.is_empty();
                let read_at = self.clock.now();
                match self
                    .page(asked, systems.source.as_ref(), documents, &mut report)
                    .await?
                {
                    Ok(contested) => progress.settle(part, &contested, read_at),
                    Err(error) => return Ok(stopped_by(report, &error)),
                }
                // Others may need the slot between two parts.
                systems.close().await;
                advance(&mut progress, part);
                report.complete = last && index + 1 == parts.len();
                if nothing_to_read && !report.complete {
                    ahead = true;
                    continue;
                }
                let next = self.after_page(&cursor, &progress, report.complete);
                if next.says_more_than(&cursor) && !self.cursors.advance(&connection.id, CURSOR, &next).await? {
                    return Ok(overtaken(report));
                }
                (cursor, ahead) = (next, false);
            }
            tracing::info!(connection = %connection.id, seen = report.seen, admitted = report.admitted, "page stored");
            if report.complete {
                return Ok(report);
            }
        }
        self.keep_place(connection, &cursor, &progress, ahead, report).await
    }

    /// No time is left: the next poll goes on where this one stopped.
    async fn keep_place(
        &self,
        connection: &Connection,
        cursor: &Cursor,
        progress: &ScanProgress,
        ahead: bool,
        report: Report,
    ) -> Result<Report, StoreError> {
        let place = self.after_page(cursor, progress, false);
        if ahead && !self.cursors.advance(&connection.id, CURSOR, &place).await? {
            return Ok(overtaken(report));
        }
        Ok(report)
    }

    /// Reads documents again in which a unit has given its quantity back: nobody else would, until somebody modifies them. A
    /// note goes only after its document was dealt with; an ERP that cannot be read leaves it to the next poll.
    async fn read_noted(
        &self,
        asked: Asked<'_>,
        source: &dyn OrderSource,
        deadline: Timestamp,
        report: &mut Report,
    ) -> Result<(), StoreError> {
        while self.clock.now() < deadline {
            let notes = self.documents.to_reread(&asked.connection.id, PAGE).await?;
            let documents: Vec<DocumentId> = notes.iter().map(|note| note.document.clone()).collect();
            let contested = match self.page(asked, source, documents, report).await? {
                Ok(contested) => contested,
                Err(error) => {
                    tracing::warn!(connection = %asked.connection.id, %error, "noted documents could not be read again");
                    return Ok(());
                }
            };
            let done: Vec<&Reread> = notes
                .iter()
                .filter(|note| !contested.contains(&note.document))
                .collect();
            for note in &done {
                self.documents.reread(&asked.connection.id, note).await?;
            }
            if done.is_empty() || notes.len() < usize::from(PAGE) {
                break;
            }
        }
        Ok(())
    }

    fn progress(&self, connection: &Connection, cursor: &Cursor) -> ScanProgress {
        cursor.scan.clone().unwrap_or_else(|| {
            let back = cursor.published.map(|published| published - self.timing.overlap);
            let since = back.unwrap_or(connection.start_from).max(connection.start_from);
            ScanProgress {
                since,
                candidate: cursor.published.unwrap_or(since),
                after: None,
                began: Some(self.clock.now()),
                settled: cursor.settled.clone(),
            }
        })
    }

    fn after_page(&self, cursor: &Cursor, progress: &ScanProgress, complete: bool) -> Cursor {
        let version = cursor.version + 1;
        if complete {
            let published = progress.published();
            Cursor {
                version,
                published: Some(published),
                settled: progress.still_in_sight(published - self.timing.overlap),
                scan: None,
            }
        } else {
            Cursor {
                version,
                published: cursor.published,
                // The scan began with them, and has them among its own.
                settled: BTreeMap::new(),
                // A long scan must not outgrow what the store takes: what its next one will not see again is forgotten.
                scan: Some(ScanProgress {
                    settled: progress.still_in_sight(progress.published() - self.timing.overlap),
                    ..progress.clone()
                }),
            }
        }
    }

    /// Stores everything that some documents have to ship; returns those on which another poller was faster every time.
    async fn page(
        &self,
        asked: Asked<'_>,
        source: &dyn OrderSource,
        mut documents: Vec<DocumentId>,
        report: &mut Report,
    ) -> Result<Result<Vec<DocumentId>, CallError>, StoreError> {
        report.seen += count(documents.len());
        for _ in 0..TRIES {
            if documents.is_empty() {
                break;
            }
            let units = self.documents.units(&asked.connection.id, &documents).await?;
            let read_at = self.clock.now();
            let orders = match source.read(&documents).await {
                Ok(orders) => orders,
                Err(error) => return Ok(Err(error)),
            };
            let page = Page {
                units: &units,
                orders: &orders,
                read_at,
            };
            documents = self.admit_all(asked, &page, report).await?;
        }
        // Others were faster every time: the next poll reads them again, wherever its cursor stands.
        for document in &documents {
            let mark = self.nonces.nonce();
            self.documents
                .reread_later(&asked.connection.id, document, &mark)
                .await?;
        }
        Ok(Ok(documents))
    }
}

fn overtaken(report: Report) -> Report {
    Report {
        stopped: Some("another poll of the connection is under way".to_owned()),
        ..report
    }
}

/// Nothing is shipped for people who ship themselves.
fn people_ship(connection: &Connection) -> String {
    let (id, desk) = (&connection.id, &connection.carrier.system);
    format!("people ship the orders of {id} in {desk}: `waybill connection poll {id}` reads what they have shipped")
}

fn advance(progress: &mut ScanProgress, heads: &[DocumentHead]) {
    let latest = heads.iter().map(|head| head.modified).max();
    progress.candidate = latest.map_or(progress.candidate, |latest| latest.max(progress.candidate));
    progress.after = heads
        .last()
        .map(|head| head.document.id.clone())
        .or(progress.after.take());
}

/// The ERP could not be read: what was stored stays. A refusal does not heal by itself, and somebody is told.
fn stopped_by(report: Report, error: &CallError) -> Report {
    telemetry::count("PollsStopped", 1);
    match error {
        CallError::Later(_) => tracing::warn!(%error, "the poll was stopped"),
        CallError::Refused(_) => {
            telemetry::count("PollsRefused", 1);
            tracing::error!(%error, "the ERP refuses to be read");
        }
    }
    Report {
        stopped: Some(error.to_string()),
        limited_for: limited_for(error),
        ..report
    }
}

fn limited_for(error: &CallError) -> Option<Duration> {
    match error {
        CallError::Later(later) if later.obstacle == Obstacle::Limited => later.after,
        _ => None,
    }
}

fn stopped(reason: String) -> Report {
    Report {
        stopped: Some(reason),
        ..Report::default()
    }
}
