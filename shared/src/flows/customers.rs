//! What an ERP knows of customers is told to a shipping desk on their open orders, for a desk keeps no customers of its own that
//! anybody could write.
//!
//! Reads begin at the published maximum minus an overlap, as polls do; an order that has not changed since the desk was told of it
//! costs no call. An order that the desk refuses is reported, never stops the others, and is tried again by every run until it is
//! settled, changed or not; one that is not at the desk yet is looked for there for some days. A run goes on in the next invocation
//! where this one ends, and waits in the queue near the desk's limit.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::outward::{Begun, Halt, delay, told_of, wait};
use crate::connection::{Connection, CustomersPolicy};
use crate::domain::{ConnectionId, DeskOrder, DeskOrderRef, Nonce};
use crate::job::Timing;
use crate::ports::{
    CallError, Clock, Connections, Cursor, CustomersRun, Desk, DocumentHead, Gate, Nonces, Opened, Placed,
    ScanProgress, StockBooks, StockMessage, StockQueue, StoreError, Systems,
};
use crate::telemetry;

/// How often a run is begun when somebody else was faster.
const TRIES: usize = 3;

/// How many orders are read at a time.
const PAGE: u16 = 100;

/// How many orders are dealt with before that is kept.
const BATCH: usize = 10;

/// The ports that telling of customers needs.
#[derive(Clone)]
pub struct Customers {
    /// Connections.
    pub connections: Arc<dyn Connections>,
    /// ERPs and desks.
    pub systems: Arc<dyn Systems>,
    /// The runs.
    pub books: Arc<dyn StockBooks>,
    /// The queue.
    pub queue: Arc<dyn StockQueue>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Nonces.
    pub nonces: Arc<dyn Nonces>,
    /// The lease, the longest call, the overlap, and how long an obstacle without a hint is waited for.
    pub timing: Timing,
}

impl Customers {
    /// Begins a run and queues it; where one is under way it goes on instead. With `whole`, every open order since the connection's
    /// beginning is told of again.
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
            let (run, now) = (self.books.customers_run(id).await?, self.clock.now());
            let begins = !run.round.is_under_way();
            let next = if begins {
                self.next(connection, &run, now, whole)
            } else {
                run
            };
            if begins && !self.books.write_customers_run(id, &next).await? {
                continue;
            }
            let queued = next.round.stands_still(now);
            if queued {
                self.call_for(connection, Duration::ZERO).await?;
            }
            tracing::info!(connection = %id, run = next.round.number, new = begins, queued, "customers are to be told");
            return Ok(Begun {
                run: next.round.number,
                new: begins,
                queued,
                stopped: None,
            });
        }
        Err(StoreError(format!(
            "the customers run of {id} changes faster than it can be begun"
        )))
    }

    fn next(&self, connection: &Connection, run: &CustomersRun, now: Timestamp, whole: bool) -> CustomersRun {
        let from = connection.start_from;
        let published = run.cursor.published.filter(|_| !whole);
        let since = published.map_or(from, |published| (published - self.timing.overlap).max(from));
        // What was settled before is looked up in the cursor's own list: the scan keeps a list of its own, which stays short.
        let settled = if whole {
            BTreeMap::new()
        } else {
            run.cursor.settled.clone()
        };
        let scan = ScanProgress {
            since,
            candidate: published.unwrap_or(since),
            after: None,
            began: Some(now),
            settled: BTreeMap::new(),
        };
        let unsettled = run.unsettled.keys().cloned();
        CustomersRun {
            round: run.round.next(now, whole),
            cursor: Cursor {
                settled,
                scan: Some(scan),
                ..run.cursor.clone()
            },
            to_try: unsettled.chain(run.to_try.iter().cloned()).collect(),
            ..CustomersRun::default()
        }
    }

    /// Goes on with the run of a connection until everything is told, something stands in the way, or `deadline` is near.
    ///
    /// # Errors
    /// When the store or the queue fails: the message must then be delivered again.
    pub async fn go_on(&self, id: &ConnectionId, deadline: Timestamp) -> Result<(), StoreError> {
        let (mut run, now) = (self.books.customers_run(id).await?, self.clock.now());
        if !run.round.is_under_way() {
            return Ok(());
        }
        let (gate, held) = (self.gate(id).await?, run.round.held_until(now));
        let gate = match gate {
            Ok(gate) => gate,
            // Whoever is at it comes to know it as well.
            Err(_) if held.is_some() => return Ok(()),
            Err(why) => {
                tracing::warn!(connection = %id, reason = why, "customers are not told");
                run.round = run.round.resting(why);
                return self.books.write_customers_run(id, &run).await.map(|_| ());
            }
        };
        if let Some(until) = held {
            return self.call_for(&gate.connection, wait(until.duration_since(now))).await;
        }
        let owner = self.nonces.nonce();
        run.round = run.round.taken(&owner, now, self.timing.lease);
        if !self.books.write_customers_run(id, &run).await? {
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
        run: CustomersRun,
        deadline: Timestamp,
    ) -> (Option<Halt>, CustomersRun) {
        let (Some(policy), Some(desk)) = (&gate.connection.customers, &systems.desk) else {
            let why = format!(
                "{} is no desk that is told of customers",
                gate.connection.carrier.system
            );
            return (Some(Halt::GivenUp(why)), run);
        };
        let mut visit = Visit {
            customers: self,
            connection: &gate.connection,
            policy,
            systems,
            desk,
            owner,
            deadline,
            run,
        };
        let halt = visit.tell_all().await.err();
        (halt, visit.run)
    }

    /// Lets go of the run, and says who goes on with it and when.
    async fn put_down(
        &self,
        connection: &Connection,
        mut run: CustomersRun,
        halt: Option<Halt>,
    ) -> Result<(), StoreError> {
        let (id, now) = (&connection.id, self.clock.now());
        let delay = match halt {
            None => {
                run.cursor = self.published(&run.cursor);
                run.round = run.round.over(now, None);
                tracing::info!(connection = %id, run = run.round.number, read = run.read, made = run.made, changed = run.changed, refused = run.refused_in_all, "all customers are told");
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
        if !self.books.write_customers_run(id, &run).await? {
            return Ok(());
        }
        match delay {
            Some(delay) => self.call_for(connection, delay).await,
            None => Ok(()),
        }
    }

    /// The cursor after its scan is complete.
    fn published(&self, cursor: &Cursor) -> Cursor {
        let Some(scan) = &cursor.scan else {
            return cursor.clone();
        };
        let published = scan.published();
        Cursor {
            published: Some(published),
            settled: scan.still_in_sight(published - self.timing.overlap),
            scan: None,
            ..*cursor
        }
    }

    async fn call_for(&self, connection: &Connection, delay: Duration) -> Result<(), StoreError> {
        let message = StockMessage::Customers(connection.id.clone());
        self.queue.send(&message, &connection.tenant, delay).await
    }

    /// The connection, or in plain words why its customers are not told.
    async fn gate(&self, id: &ConnectionId) -> Result<Result<Gate, String>, StoreError> {
        let gate = self.connections.gate(id).await?;
        Ok(told_of(id, gate).and_then(|gate| {
            if gate.connection.customers.is_some() {
                Ok(gate)
            } else {
                Err(format!(
                    "connection {id} tells nothing of customers: its file has no section [customers]"
                ))
            }
        }))
    }
}

/// One invocation's part of a run.
struct Visit<'a> {
    customers: &'a Customers,
    connection: &'a Connection,
    policy: &'a CustomersPolicy,
    systems: &'a Opened,
    desk: &'a Desk,
    owner: Nonce,
    /// When the invocation must have ended.
    deadline: Timestamp,
    run: CustomersRun,
}

impl Visit<'_> {
    async fn tell_all(&mut self) -> Result<(), Halt> {
        self.tell_changed().await?;
        self.try_again().await
    }

    /// Tells of what has changed, page by page.
    async fn tell_changed(&mut self) -> Result<(), Halt> {
        loop {
            self.in_time()?;
            let Some(scan) = &self.run.cursor.scan else {
                return Ok(());
            };
            let read_at = self.customers.clock.now();
            let source = &self.desk.source;
            let page = source.open_orders(scan.since, scan.after.as_deref(), PAGE).await;
            // Others may need the slot while the desk is told.
            self.systems.close().await;
            let page = page?;
            for some in page.orders.chunks(BATCH) {
                for order in some {
                    self.deal_with(order, read_at).await?;
                }
                self.save().await?;
            }
            let Some(next) = page.next else { return Ok(()) };
            // Behind the last that was looked at, though nothing of the page could be told.
            if let Some(scan) = &mut self.run.cursor.scan {
                scan.after = Some(next);
            }
            self.save().await?;
        }
    }

    /// Tries what the run before this one could not settle and what has not changed since.
    async fn try_again(&mut self) -> Result<(), Halt> {
        loop {
            let some: Vec<String> = self.run.to_try.iter().take(BATCH).cloned().collect();
            if some.is_empty() {
                return Ok(());
            }
            self.in_time()?;
            let orders = self.desk.source.open_orders_of(&some).await;
            self.systems.close().await;
            for order in &orders? {
                self.in_time()?;
                self.place(order).await?;
                self.run.read += 1;
                self.run.to_try.remove(&order.document.id);
            }
            // What is not open any more needs nothing.
            self.run.to_try.retain(|id| !some.contains(id));
            self.save().await?;
        }
    }

    /// Whether there is time for one more call, as far as the invocation and the lock last.
    fn in_time(&self) -> Result<(), Halt> {
        let until = self.run.round.held.as_ref().map_or(self.deadline, |grip| grip.until);
        if self.customers.clock.now() + self.customers.timing.call < until.min(self.deadline) {
            Ok(())
        } else {
            Err(Halt::TimeUp)
        }
    }

    /// Moves the run on, unless somebody else did.
    async fn save(&mut self) -> Result<(), Halt> {
        self.systems.recorder.drain();
        if let Some(scan) = &mut self.run.cursor.scan {
            // No scan reads further back than where this one would end by now.
            scan.settled = scan.still_in_sight(scan.published() - self.customers.timing.overlap);
        }
        let (now, lease) = (self.customers.clock.now(), self.customers.timing.lease);
        self.run.round = self.run.round.taken(&self.owner, now, lease);
        let books = &self.customers.books;
        if books.write_customers_run(&self.connection.id, &self.run).await? {
            Ok(())
        } else {
            Err(Halt::Lost)
        }
    }

    async fn deal_with(&mut self, order: &DeskOrder, read_at: Timestamp) -> Result<(), Halt> {
        let mut settles = true;
        if self.is_settled(order) && !self.run.to_try.contains(&order.document.id) {
            self.run.unchanged += 1;
        } else {
            self.in_time()?;
            settles = self.place(order).await?;
            self.run.to_try.remove(&order.document.id);
        }
        self.run.read += 1;
        if let Some(scan) = &mut self.run.cursor.scan {
            scan.candidate = scan.candidate.max(order.modified);
            scan.after = Some(order.document.id.clone());
            if settles {
                let head = DocumentHead {
                    document: order.document.clone(),
                    modified: order.modified,
                };
                scan.settle(std::slice::from_ref(&head), &[], read_at);
            }
        }
        Ok(())
    }

    /// Whether the desk was told of it as it stands.
    fn is_settled(&self, order: &DeskOrder) -> bool {
        let cursor = &self.run.cursor;
        let (document, scan) = (order.document.to_string(), cursor.scan.as_ref());
        let lists = scan.map(|scan| &scan.settled).into_iter().chain([&cursor.settled]);
        lists
            .filter_map(|settled| settled.get(&document))
            .any(|modified| *modified == order.modified)
    }

    /// Says what was written to the desk, and to which order there.
    fn note_written(&self, order: &DeskOrder, there: &DeskOrderRef, what: &'static str) {
        telemetry::count("CustomersTold", 1);
        let what = if order.open { what } else { "taken away" };
        tracing::info!(
            connection = %self.connection.id,
            run = self.run.round.number,
            document = %order.document,
            order = order.number,
            at_desk = there.id,
            what,
            "an order was written to the desk"
        );
    }

    /// Makes the desk show an order as the ERP does; `false` where it is to be tried again.
    async fn place(&mut self, order: &DeskOrder) -> Result<bool, Halt> {
        let placed = self.desk.desk.place(order, self.policy.make_orders).await;
        match &placed {
            Ok(Placed::Made(there)) => self.note_written(order, there, "made"),
            Ok(Placed::Changed(there)) => self.note_written(order, there, "changed"),
            _ => {}
        }
        let run = &mut self.run;
        match placed {
            Ok(Placed::Made(_)) => run.made += 1,
            Ok(Placed::Changed(_)) => run.changed += 1,
            Ok(Placed::Same(_)) => run.same += 1,
            Ok(Placed::Absent) => {
                run.absent += 1;
                if order.open {
                    run.await_at_desk(order, self.customers.clock.now());
                }
            }
            Ok(Placed::Fixed(why)) => {
                tracing::info!(connection = %self.connection.id, document = %order.document, order = order.number, reason = why, "it can be changed no more");
                run.fixed += 1;
            }
            Err(CallError::Later(later)) => return Err(Halt::Later(later)),
            Err(CallError::Refused(refusal)) => {
                telemetry::count("CustomersRefused", 1);
                tracing::warn!(connection = %self.connection.id, document = %order.document, order = order.number, code = refusal.code, "the desk refuses an order");
                run.leave_unsettled(order);
                run.note_refused(&order.number, refusal.to_string());
                return Ok(false);
            }
        }
        Ok(true)
    }
}
