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
//! vanishes, or most of a page, the run is given up instead: the ERP's role may have lost sight of it. Two items under one name in
//! one place are named and not told. Near the desk's limit the run waits in the queue.

mod page;
mod visit;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::outward::{Begun, Halt, delay, told_of, wait};
use crate::connection::{Connection, StockPolicy};
use crate::domain::{ConnectionId, Nonce, StockRun};
use crate::job::Timing;
use crate::ports::{
    Clock, Connections, Gate, Nonces, Opened, StockBooks, StockMessage, StockQueue, StoreError, Systems,
};
use crate::telemetry;
use visit::Visit;

/// How often a run is begun when somebody else was faster.
const TRIES: usize = 3;

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
        let gate = match self.gate(id).await? {
            Ok(gate) => gate,
            Err(why) => return Ok(Begun::not(why)),
        };
        let connection = &gate.connection;
        for _ in 0..TRIES {
            let (run, now) = (self.books.stock_run(id).await?, self.clock.now());
            let begins = !run.round.is_under_way();
            let next = if begins { run.next(now, whole) } else { run };
            count_age(&next, now);
            if begins && !self.books.write_stock_run(id, &next).await? {
                continue;
            }
            let queued = next.round.stands_still(now);
            if queued {
                self.call_for(connection, Duration::ZERO).await?;
            }
            tracing::info!(connection = %id, run = next.round.number, new = begins, queued, "stock is to be told");
            return Ok(Begun {
                run: next.round.number,
                new: begins,
                queued,
                stopped: None,
            });
        }
        Err(StoreError(format!(
            "the stock run of {id} changes faster than it can be begun"
        )))
    }

    /// Goes on with the run of a connection until everything is told, something stands in the way, or `deadline` is near.
    ///
    /// # Errors
    /// When the store or the queue fails: the message must then be delivered again.
    pub async fn go_on(&self, id: &ConnectionId, deadline: Timestamp) -> Result<(), StoreError> {
        let (mut run, now) = (self.books.stock_run(id).await?, self.clock.now());
        if !run.round.is_under_way() {
            return Ok(());
        }
        let (gate, held) = (self.gate(id).await?, run.round.held_until(now));
        let gate = match gate {
            Ok(gate) => gate,
            // Whoever is at it comes to know it as well.
            Err(_) if held.is_some() => return Ok(()),
            Err(why) => {
                tracing::warn!(connection = %id, reason = why, "stock is not told");
                run.round = run.round.resting(why);
                return self.books.write_stock_run(id, &run).await.map(|_| ());
            }
        };
        if let Some(until) = held {
            return self.call_for(&gate.connection, wait(until.duration_since(now))).await;
        }
        let owner = self.nonces.nonce();
        run.round = run.round.taken(&owner, now, self.timing.lease);
        if !self.books.write_stock_run(id, &run).await? {
            return Ok(());
        }
        let (halt, run) = match self.systems.open(&gate.connection).await {
            Ok(systems) => {
                let told = self.tell(&gate, &systems, owner, run, deadline).await;
                systems.close().await;
                told
            }
            Err(error) => (Some(error.into()), run),
        };
        self.put_down(&gate.connection, run, halt).await
    }

    async fn tell(
        &self,
        gate: &Gate,
        systems: &Opened,
        owner: Nonce,
        run: StockRun,
        deadline: Timestamp,
    ) -> (Option<Halt>, StockRun) {
        let (Some(policy), Some(desk)) = (&gate.connection.stock, &systems.desk) else {
            let why = format!("{} is no desk that is told of stock", gate.connection.carrier.system);
            return (Some(Halt::GivenUp(why)), run);
        };
        let mut visit = Visit {
            stock: self,
            connection: &gate.connection,
            policy,
            systems,
            desk,
            owner,
            deadline,
            run,
            shown: BTreeSet::new(),
        };
        let halt = visit.tell_all().await.err();
        (halt, visit.run)
    }

    /// Lets go of the run, and says who goes on with it and when.
    async fn put_down(&self, connection: &Connection, mut run: StockRun, halt: Option<Halt>) -> Result<(), StoreError> {
        let (id, now) = (&connection.id, self.clock.now());
        let delay = match halt {
            None => {
                run.worst_age_seconds = run.age_seconds(now);
                count_age(&run, now);
                run.round = run.round.over(now, None);
                let took = run.round.began.map_or(0, |began| now.duration_since(began).as_secs());
                telemetry::count("StockRunSeconds", u64::try_from(took).unwrap_or(0));
                tracing::info!(connection = %id, run = run.round.number, read = run.read, changed = run.changed, told = run.told, unplaced = run.unplaced_in_all, "all stock is told");
                None
            }
            Some(Halt::GivenUp(why)) => {
                telemetry::count("DeskRunsGivenUp", 1);
                tracing::error!(connection = %id, run = run.round.number, reason = why, "the run is given up");
                run.round = run.round.over(now, Some(why));
                None
            }
            Some(Halt::Later(later)) => {
                let delay = delay(&self.timing, &later);
                tracing::info!(connection = %id, run = run.round.number, reason = later.reason, "the run waits");
                run.round = run.round.waiting(now, Some(now + delay), Some(later.reason));
                Some(wait(delay))
            }
            Some(Halt::TimeUp) => {
                run.round = run.round.waiting(now, None, None);
                Some(Duration::ZERO)
            }
            Some(Halt::Lost) => {
                tracing::warn!(connection = %id, "somebody else goes on with the run");
                return Ok(());
            }
            Some(Halt::Store(error)) => return Err(error),
        };
        if !self.books.write_stock_run(id, &run).await? {
            return Ok(());
        }
        match delay {
            Some(delay) => self.call_for(connection, delay).await,
            None => Ok(()),
        }
    }

    async fn call_for(&self, connection: &Connection, delay: Duration) -> Result<(), StoreError> {
        let message = StockMessage::Stock(connection.id.clone());
        self.queue.send(&message, &connection.tenant, delay).await
    }

    /// The connection, or in plain words why its stock is not told.
    async fn gate(&self, id: &ConnectionId) -> Result<Result<Gate, String>, StoreError> {
        let gate = self.connections.gate(id).await?;
        Ok(
            told_of(id, gate).and_then(|gate| match objection(id, gate.connection.stock.as_ref()) {
                Some(why) => Err(why),
                None => Ok(gate),
            }),
        )
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

fn count_age(run: &StockRun, now: Timestamp) {
    if let Some(age) = run.age_seconds(now) {
        telemetry::count("StockAgeSeconds", age);
    }
}
