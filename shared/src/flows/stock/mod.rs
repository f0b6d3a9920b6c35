//! What lies where, as the ERP counts it, is told to a shipping desk, as far as it has changed.
//!
//! A run goes through all levels, page by page in the order of their keys, an invocation after another. What the desk was last told
//! of a page is read by one query; what differs is told, an absolute quantity at a time, and kept. Before some levels are told, they
//! are written into the run by compare-and-set: whoever comes after a crash tells them again whatever the books say, because the
//! desk may have heard of a quantity that the ERP has taken back since. The same write is the lock, for as long as an invocation
//! can live, so that no older word comes after a newer one; and it moves the run on, so that a crash repeats some levels and leaves
//! no gap.
//!
//! What a desk does not take is remembered with the quantity, and tried again when something of it changes, the next day, or by the
//! next run where it is neither the SKU nor the place that is not known. What the ERP shows no more is told as nothing, unless
//! another level is shown under the same name; a place that the connection names no more is left alone. Where a whole place
//! vanishes, or most of a page, the run is given up instead: the ERP's role may have lost sight of it. Of two items under one name in
//! one place, neither is told where they are read together, else only the one that the desk shows already; they are named. Near the
//! desk's limit, of which it takes at most half, the rest being for what ships, the run waits in the queue. What was written is the run's story.

mod page;
mod visit;

use std::collections::BTreeSet;
use std::sync::Arc;

use async_trait::async_trait;
use jiff::Timestamp;

use super::outward::{Begun, Halt};
use super::rounds::{self, Ports, Telling, Work};
use crate::connection::{Connection, StockPolicy};
use crate::domain::{ConnectionId, StockRun};
use crate::job::Timing;
use crate::ports::{Clock, Connections, Nonces, StockBooks, StockMessage, StockQueue, StoreError, Systems};
use crate::telemetry;
use visit::Visit;

/// How many levels are read at a time.
const PAGE: u16 = 500;

/// The ports that telling of stock needs.
#[derive(Clone)]
pub struct Stock {
    /// Connections.
    pub connections: Arc<dyn Connections>,
    /// ERPs and desks.
    pub systems: Arc<dyn Systems>,
    /// What desks were told, and the runs.
    pub books: Arc<dyn StockBooks>,
    /// The queue.
    pub queue: Arc<dyn StockQueue>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Nonces.
    pub nonces: Arc<dyn Nonces>,
    /// The lease, the longest call, and how long an obstacle without a hint is waited for.
    pub timing: Timing,
}

impl Stock {
    /// Begins a run and queues it; where one is under way it goes on instead.
    ///
    /// # Errors
    /// When the store or the queue fails. Asking again is harmless.
    pub async fn begin(&self, id: &ConnectionId, whole: bool) -> Result<Begun, StoreError> {
        rounds::begin(self, id, whole, None).await
    }

    /// The same where a person asks for it.
    ///
    /// # Errors
    /// When the store or the queue fails. Asking again is harmless.
    pub async fn begin_for(&self, by: Option<&str>, id: &ConnectionId, whole: bool) -> Result<Begun, StoreError> {
        rounds::begin(self, id, whole, by).await
    }

    /// Goes on with the run of a connection until everything is told, something stands in the way, or `deadline` is near.
    ///
    /// # Errors
    /// When the store or the queue fails: the message must then be delivered again.
    pub async fn go_on(&self, id: &ConnectionId, deadline: Timestamp) -> Result<(), StoreError> {
        rounds::go_on(self, id, deadline).await
    }
}

#[async_trait]
impl Telling for Stock {
    type Run = StockRun;
    const WHAT: &'static str = "stock";

    fn ports(&self) -> Ports<'_> {
        Ports {
            connections: self.connections.as_ref(),
            systems: self.systems.as_ref(),
            queue: self.queue.as_ref(),
            clock: self.clock.as_ref(),
            nonces: self.nonces.as_ref(),
            timing: &self.timing,
        }
    }

    fn message(id: ConnectionId) -> StockMessage {
        StockMessage::Stock(id)
    }

    fn objection(connection: &Connection) -> Option<String> {
        objection(&connection.id, connection.stock.as_ref())
    }

    async fn read(&self, id: &ConnectionId) -> Result<StockRun, StoreError> {
        self.books.stock_run(id).await
    }

    async fn write(&self, id: &ConnectionId, run: &StockRun) -> Result<bool, StoreError> {
        self.books.write_stock_run(id, run).await
    }

    fn next(&self, _connection: &Connection, run: &StockRun, now: Timestamp, whole: bool) -> StockRun {
        run.next(now, whole)
    }

    async fn tell(&self, work: Work<'_>, run: StockRun) -> (Option<Halt>, StockRun) {
        let (Some(policy), Some(desk)) = (&work.connection.stock, &work.systems.desk) else {
            let why = format!("{} is no desk that is told of stock", work.connection.carrier.system);
            return (Some(Halt::GivenUp(why)), run);
        };
        desk.desk.give_way();
        let mut visit = Visit {
            stock: self,
            work: &work,
            policy,
            desk,
            run,
        };
        let halt = visit.tell_all().await.err();
        (halt, visit.run)
    }

    fn complete(&self, connection: &Connection, run: &mut StockRun, now: Timestamp) {
        run.worst_age_seconds = run.age_seconds(now);
        if let Some(age) = run.worst_age_seconds {
            telemetry::seconds("StockAgeSeconds", age);
        }
        let took = run.round.began.map_or(0, |began| now.duration_since(began).as_secs());
        telemetry::seconds("StockRunSeconds", u64::try_from(took).unwrap_or(0));
        let id = &connection.id;
        tracing::info!(connection = %id, run = run.round.number, read = run.read, changed = run.changed, told = run.told, unplaced = run.unplaced_in_all, "all stock is told");
    }

    /// How late the run is by the connection's own schedule, a first one that never ends as well.
    fn measure(&self, connection: &Connection, run: &StockRun, now: Timestamp) {
        let Some(policy) = &connection.stock else { return };
        let late = run.overdue_seconds(now, policy.schedule.longest_interval());
        telemetry::seconds("StockOverdueSeconds", late);
    }
}

/// In plain words why the stock of a connection is not told.
fn objection(id: &ConnectionId, policy: Option<&StockPolicy>) -> Option<String> {
    let Some(policy) = policy else {
        return Some(format!(
            "connection {id} tells nothing of stock: its file has no section [stock]"
        ));
    };
    let place = shared_place(policy)?;
    Some(format!(
        "two locations of connection {id} have the desk's place {place}: what the one holds would be overwritten by the other's"
    ))
}

/// A place of the desk's that stands for two locations: quantities are absolute, so that only one of them would be seen.
fn shared_place(policy: &StockPolicy) -> Option<&String> {
    let mut seen = BTreeSet::new();
    policy.places.values().find(|place| !seen.insert(*place))
}
