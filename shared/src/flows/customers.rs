//! What an ERP knows of customers is told to a shipping desk on their open orders, for a desk keeps no customers of its own that
//! anybody could write.
//!
//! Reads begin at the published maximum minus an overlap, as polls do; an order that has not changed since the desk was told of it
//! costs no call. An order that the desk refuses is reported, never stops the others, and is tried again by every run until it is
//! settled, changed or not; one that is not at the desk yet is looked for there for some days. A run goes on in the next invocation
//! where this one ends, and waits in the queue near the desk's limit, of which it takes at most half: the rest is for what ships.
//!
//! Of an order that we made the goods follow the ERP as long as the desk shows them just as it was last told; once people have changed
//! or split them there they are left alone and the order is named, and only the customer's part is told. What was written is the run's
//! story.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use jiff::Timestamp;

use super::outward::{Begun, Halt};
use super::rounds::{self, Ports, Telling, Work};
use crate::connection::{Connection, CustomersPolicy};
use crate::domain::{ConnectionId, DeskOrder, DocumentId, ToldGoods, ToldLine};
use crate::job::Timing;
use crate::ports::{
    CallError, Clock, Connections, Cursor, CustomersRun, Desk, DeskCall, DeskStory, DeskWrite, DocumentHead, GoodsBook,
    Nonces, Outgoing, Placed, ScanProgress, StockBooks, StockMessage, StockQueue, StoreError, Systems,
};
use crate::telemetry;

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
}

#[async_trait]
impl Telling for Customers {
    type Run = CustomersRun;
    const WHAT: &'static str = "customers";

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
        StockMessage::Customers(id)
    }

    fn objection(connection: &Connection) -> Option<String> {
        connection.customers.is_none().then(|| {
            let id = &connection.id;
            format!("connection {id} tells nothing of customers: its file has no section [customers]")
        })
    }

    async fn read(&self, id: &ConnectionId) -> Result<CustomersRun, StoreError> {
        self.books.customers_run(id).await
    }

    async fn write(&self, id: &ConnectionId, run: &CustomersRun) -> Result<bool, StoreError> {
        self.books.write_customers_run(id, run).await
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
        CustomersRun {
            round: run.round.next(now, whole),
            cursor: Cursor {
                settled,
                scan: Some(scan),
                ..run.cursor.clone()
            },
            to_try: run.still_to_try(),
            ..CustomersRun::default()
        }
    }

    async fn tell(&self, work: Work<'_>, run: CustomersRun) -> (Option<Halt>, CustomersRun) {
        let (Some(policy), Some(desk)) = (&work.connection.customers, &work.systems.desk) else {
            let why = format!(
                "{} is no desk that is told of customers",
                work.connection.carrier.system
            );
            return (Some(Halt::GivenUp(why)), run);
        };
        desk.desk.give_way();
        let mut visit = Visit {
            customers: self,
            work: &work,
            policy,
            desk,
            run,
            story: Vec::new(),
        };
        let halt = visit.tell_all().await.err();
        let kept = visit.keep_story().await.err();
        (halt.or(kept), visit.run)
    }

    fn complete(&self, connection: &Connection, run: &mut CustomersRun, _now: Timestamp) {
        run.cursor = self.published(&run.cursor);
        let id = &connection.id;
        tracing::info!(connection = %id, run = run.round.number, read = run.read, made = run.made, changed = run.changed, refused = run.refused_in_all, "all customers are told");
    }
}

/// What is known of the goods of an order that is made at the desk.
struct Goods<'a> {
    books: &'a dyn StockBooks,
    connection: &'a ConnectionId,
    order: &'a DocumentId,
    known: Mutex<ToldGoods>,
}

impl Goods<'_> {
    fn known(&self) -> MutexGuard<'_, ToldGoods> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn keep(&self, goods: ToldGoods) -> Result<(), StoreError> {
        self.books.keep_told_goods(self.connection, self.order, &goods).await?;
        *self.known() = goods;
        Ok(())
    }

    /// The desk shows the goods that are wanted.
    async fn settle(&self, wanted: &[ToldLine]) -> Result<(), StoreError> {
        let before = self.known().clone();
        let after = before.settled(wanted);
        if after == before {
            return Ok(());
        }
        self.keep(after).await
    }
}

#[async_trait]
impl GoodsBook for Goods<'_> {
    fn are_told(&self, there: &[ToldLine]) -> bool {
        self.known().are(there)
    }

    async fn tell(&self, there: Option<&[ToldLine]>, wanted: &[ToldLine]) -> Result<(), StoreError> {
        let telling = self.known().telling(there, wanted);
        self.keep(telling).await
    }
}

/// One invocation's part of a run.
struct Visit<'a> {
    customers: &'a Customers,
    work: &'a Work<'a>,
    policy: &'a CustomersPolicy,
    desk: &'a Desk,
    run: CustomersRun,
    /// What was written since the run was last saved.
    story: Vec<DeskWrite>,
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
            self.work.systems.close().await;
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
            self.work.systems.close().await;
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

    fn in_time(&self) -> Result<(), Halt> {
        rounds::in_time(&self.customers.ports(), &self.run.round, self.work.deadline)
    }

    /// Moves the run on, unless somebody else did.
    async fn save(&mut self) -> Result<(), Halt> {
        self.keep_story().await?;
        if let Some(scan) = &mut self.run.cursor.scan {
            // No scan reads further back than where this one would end by now.
            scan.settled = scan.still_in_sight(scan.published() - self.customers.timing.overlap);
        }
        let (now, lease) = (self.customers.clock.now(), self.customers.timing.lease);
        self.run.round = self.run.round.taken(&self.work.owner, now, lease);
        let books = &self.customers.books;
        if books.write_customers_run(&self.work.connection.id, &self.run).await? {
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

    /// Has the desk make it so. Where it shows the goods that are wanted, that is remembered.
    async fn placed(&self, order: &DeskOrder) -> Result<Result<Placed, CallError>, Halt> {
        let desk = &self.desk.desk;
        if !self.policy.make_orders {
            return Ok(desk.place(order, None).await);
        }
        let (books, connection) = (self.customers.books.as_ref(), &self.work.connection.id);
        let goods = Goods {
            books,
            connection,
            order: &order.document,
            known: Mutex::new(books.told_goods(connection, &order.document).await?),
        };
        let placed = desk.place(order, Some(&goods)).await;
        let stands = matches!(placed, Ok(Placed::Made(_) | Placed::Changed(_) | Placed::Same(_)));
        if stands && order.open {
            goods.settle(&order.goods()).await?;
        }
        Ok(placed)
    }

    /// Says what was written to the desk, and to which order there.
    fn note_written(&mut self, order: &DeskOrder, placed: &Result<Placed, CallError>) {
        let exchanges = self.work.systems.recorder.drain();
        let calls = DeskCall::among(&exchanges, &self.work.connection.carrier.system);
        let (what, there) = match placed {
            Ok(Placed::Made(there)) => ("made", Some(there)),
            Ok(Placed::Changed(there)) if order.open => ("changed", Some(there)),
            Ok(Placed::Changed(there)) => ("taken away", Some(there)),
            Ok(_) => ("left as it is", None),
            Err(CallError::Refused(_)) => ("refused", None),
            Err(CallError::Later(_)) => ("not known", None),
        };
        if let Some(there) = there {
            telemetry::count("CustomersTold", 1);
            tracing::info!(
                connection = %self.work.connection.id,
                run = self.run.round.number,
                document = %order.document,
                order = order.number,
                at_desk = there.id,
                what,
                "an order was written to the desk"
            );
        }
        if !calls.is_empty() || there.is_some() {
            self.story.push(DeskWrite {
                at: self.customers.clock.now(),
                of: order.number.clone(),
                what: what.to_owned(),
                calls,
            });
        }
    }

    /// Keeps what was written as a page of the run's story; each write of the run has a version of its own.
    async fn keep_story(&mut self) -> Result<(), Halt> {
        if self.story.is_empty() {
            return Ok(());
        }
        let round = &self.run.round;
        let whose = DeskStory {
            connection: &self.work.connection.id,
            of: Outgoing::Customers,
            run: round.number,
        };
        let books = &self.customers.books;
        books.keep_story(whose, round.version, &self.story).await?;
        self.story.clear();
        Ok(())
    }

    /// Makes the desk show an order as the ERP does; `false` where it is to be tried again.
    async fn place(&mut self, order: &DeskOrder) -> Result<bool, Halt> {
        let placed = self.placed(order).await?;
        self.note_written(order, &placed);
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
                tracing::info!(connection = %self.work.connection.id, document = %order.document, order = order.number, reason = why, "it can be changed no more");
                run.fixed += 1;
            }
            Err(CallError::Later(later)) => return Err(Halt::Later(later)),
            Err(CallError::Refused(refusal)) => {
                telemetry::count("CustomersRefused", 1);
                tracing::warn!(connection = %self.work.connection.id, document = %order.document, order = order.number, code = refusal.code, "the desk refuses an order");
                run.leave_unsettled(order);
                run.note_refused(&order.number, refusal.to_string());
                return Ok(false);
            }
        }
        Ok(true)
    }
}
