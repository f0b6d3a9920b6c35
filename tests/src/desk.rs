//! A shipping desk and the ERP behind it as models: a desk with shelves, known SKUs, orders and a limit of calls; an ERP with stock
//! and open orders that nobody may write to. Both share a clock with Waybill, and a call takes its time.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use rust_decimal::Decimal;
use tokio::sync::Notify;
use waybill::connection::{Connection, CustomersPolicy, Schedule, StockMeasure, StockPolicy};
use waybill::domain::{
    Address, AddressVerdict, CarrierShipmentId, ConnectionId, Customer, DeliveryStatus, DeskOrder, DeskOrderLine,
    DeskOrderRef, Despatch, DespatchId, DocumentId, JobId, LabelFormat, LabelImage, Level, LevelKey, LineId,
    LocationId, Offer, Order, RateRequest, Refusal, Shipment, ShipmentRequest, StockRun, Stretch,
};
use waybill::flows::customers::Customers;
use waybill::flows::outward::Outward;
use waybill::flows::poll::Poll;
use waybill::flows::stock::Stock;
use waybill::job::Timing;
use waybill::memory::{CountedNonces, Fate, Memory, Switch, TurnedClock};
use waybill::ports::{
    CallError, Carrier, Clock, Control, CustomersRun, Desk, DeskSource, DespatchPage, Despatched, DocumentHead, Draft,
    EffectError, Finding, GoodsBook, LabelError, Later, ListPage, Listing, Meant, News, Obstacle, OpenOrders, Opened,
    OrderSource, Permit, Placed, Purchased, Push, Recorder, Scan, ShippingDesk, Sighting, StockBooks, Subscribed,
    Systems, Told, VoidError, WriteBack, WriteBackRef, Written,
};

use crate::world::Failure;
use crate::{connection, customer, morning};

/// The connection of every story.
pub const CONNECTION: &str = "acme-netsuite-shipstation";

/// How long a call to the desk takes.
const CALL: SignedDuration = SignedDuration::from_millis(80);

/// How long a message is hidden once a worker has it.
const HIDDEN: SignedDuration = SignedDuration::from_secs(720);

/// How long an invocation lives.
const INVOCATION: SignedDuration = SignedDuration::from_secs(120);

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Counts everything that a worker does outside, and has it die at one of these steps.
#[derive(Default)]
pub struct Steps {
    done: AtomicU64,
    fatal: Mutex<Option<(u64, Ending)>>,
    died: Notify,
}

/// How a worker's step ends that is its last, or goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// It dies before anything happens.
    Before,
    /// It dies after it has happened.
    After,
    /// It happens, and the worker is told that nobody knows.
    AnswerLost,
}

impl Steps {
    /// The worker's step of this number, counted from 0, ends so.
    pub fn end_at(&self, step: u64, ending: Ending) {
        self.done.store(0, Ordering::Relaxed);
        *lock(&self.fatal) = Some((step, ending));
    }

    /// Nothing goes wrong any more.
    pub fn be_fine(&self) {
        *lock(&self.fatal) = None;
    }

    /// How many there were since it was last said how they end.
    pub fn count(&self) -> u64 {
        self.done.load(Ordering::Relaxed)
    }

    fn next(&self) -> Option<Ending> {
        let step = self.done.fetch_add(1, Ordering::Relaxed);
        let mut fatal = lock(&self.fatal);
        let (at, ending) = (*fatal)?;
        if at != step {
            return None;
        }
        *fatal = None;
        Some(ending)
    }

    async fn die(&self) {
        self.died.notify_one();
        std::future::pending::<()>().await;
    }
}

struct StoreSteps(Arc<Steps>);

#[async_trait]
impl Switch for StoreSteps {
    async fn before(&self, _call: &'static str) -> Fate {
        match self.0.next() {
            None => Fate::Work,
            Some(Ending::Before) => {
                self.0.die().await;
                Fate::Work
            }
            Some(Ending::After) => {
                self.0.died.notify_one();
                Fate::Vanish
            }
            Some(Ending::AnswerLost) => Fate::LoseAnswer,
        }
    }
}

/// The ERP: what lies where, and open orders.
#[derive(Default)]
pub struct Erp {
    levels: Mutex<BTreeMap<LevelKey, (String, Decimal)>>,
    orders: Mutex<BTreeMap<String, DeskOrder>>,
    /// Pages that were read.
    pub reads: AtomicU64,
    /// Times that somebody tried to write.
    pub writes: AtomicU64,
    /// Refuses every reading.
    refuses: Mutex<Option<Refusal>>,
}

impl Erp {
    /// So many of an item lie in a place.
    pub fn has(&self, item: u64, location: u64, sku: &str, quantity: impl Into<Decimal>) {
        let level = (sku.to_owned(), quantity.into());
        lock(&self.levels).insert(LevelKey { item, location }, level);
    }

    /// An item is listed in a place no more.
    pub fn drop_level(&self, item: u64, location: u64) {
        lock(&self.levels).remove(&LevelKey { item, location });
    }

    /// What lies where.
    pub fn levels_now(&self) -> BTreeMap<LevelKey, (String, Decimal)> {
        lock(&self.levels).clone()
    }

    /// Nothing is listed.
    pub fn list_nothing(&self) {
        lock(&self.levels).clear();
    }

    /// An open order stands so.
    pub fn enter(&self, order: DeskOrder) {
        lock(&self.orders).insert(order.document.id.clone(), order);
    }

    /// Refuses every reading, or none.
    pub fn refuse(&self, refusal: Option<Refusal>) {
        *lock(&self.refuses) = refusal;
    }

    fn read(&self) -> Result<(), CallError> {
        self.reads.fetch_add(1, Ordering::Relaxed);
        lock(&self.refuses)
            .clone()
            .map_or(Ok(()), |refusal| Err(CallError::Refused(refusal)))
    }

    fn write(&self) -> Refusal {
        self.writes.fetch_add(1, Ordering::Relaxed);
        Refusal::new("direction", "nothing is written to the ERP here")
    }
}

#[async_trait]
impl DeskSource for Erp {
    async fn meant(&self, _order: &DeskOrderRef) -> Result<Vec<Meant>, CallError> {
        Ok(Vec::new())
    }

    async fn alike(&self, _order: &DeskOrderRef) -> Result<Vec<Meant>, CallError> {
        Ok(Vec::new())
    }

    async fn levels(&self, after: Option<&LevelKey>, limit: u16) -> Result<Vec<Level>, CallError> {
        self.read()?;
        let from = after.map_or(LevelKey::FIRST, LevelKey::successor);
        let levels = lock(&self.levels);
        let page = levels.range(from..).take(usize::from(limit));
        Ok(page
            .map(|(key, (sku, quantity))| Level {
                key: key.clone(),
                sku: sku.clone(),
                quantity: *quantity,
            })
            .collect())
    }

    async fn open_orders(&self, since: Timestamp, after: Option<&str>, limit: u16) -> Result<OpenOrders, CallError> {
        self.read()?;
        let orders = lock(&self.orders);
        let changed = orders.iter().filter(|(_, order)| order.modified >= since);
        let page = changed.filter(|(id, _)| after.is_none_or(|after| id.as_str() > after));
        let page: Vec<&DeskOrder> = page.take(usize::from(limit)).map(|(_, order)| order).collect();
        let full = page.len() == usize::from(limit);
        Ok(OpenOrders {
            next: page.last().filter(|_| full).map(|order| order.document.id.clone()),
            // What has nothing left to ship is looked at and cannot be told.
            orders: page
                .into_iter()
                .filter(|order| !order.lines.is_empty())
                .cloned()
                .collect(),
        })
    }

    async fn open_orders_of(&self, ids: &[String]) -> Result<Vec<DeskOrder>, CallError> {
        self.read()?;
        let orders = lock(&self.orders);
        Ok(ids.iter().filter_map(|id| orders.get(id).cloned()).collect())
    }
}

#[async_trait]
impl OrderSource for Erp {
    async fn changed(&self, _scan: &Scan) -> Result<Vec<DocumentHead>, CallError> {
        Ok(Vec::new())
    }

    async fn waiting(&self, _scan: &Scan) -> Result<Vec<DocumentHead>, CallError> {
        Ok(Vec::new())
    }

    async fn read(&self, _documents: &[DocumentId]) -> Result<Vec<Order>, CallError> {
        Ok(Vec::new())
    }

    async fn numbered(&self, _number: &str) -> Result<Vec<DocumentId>, CallError> {
        Ok(Vec::new())
    }

    async fn find(&self, _write_back: &WriteBack<'_>) -> Result<Written, CallError> {
        Ok(Written::Nothing)
    }

    async fn made(&self, _jobs: &[JobId]) -> Result<Option<BTreeSet<JobId>>, CallError> {
        Ok(None)
    }

    fn draft(&self, _write_back: &WriteBack<'_>, _found: &Written) -> Result<Draft, Refusal> {
        Err(self.write())
    }

    async fn write_back(&self, _draft: &Draft, _permit: Permit) -> Result<WriteBackRef, EffectError> {
        Err(EffectError::Rejected(self.write()))
    }

    async fn flag(&self, _document: &DocumentId, _problem: Option<&str>) -> Result<(), CallError> {
        Err(CallError::Refused(self.write()))
    }

    async fn tell(
        &self,
        _document: &DocumentId,
        _status: &DeliveryStatus,
        _permit: Permit,
    ) -> Result<Told, EffectError> {
        Err(EffectError::Rejected(self.write()))
    }

    async fn check(&self) -> Vec<Finding> {
        Vec::new()
    }

    fn lost_request_window(&self) -> Option<Duration> {
        None
    }

    async fn unmake(&self, _job: &JobId, _document: &DocumentId, _shipment: &Shipment) -> Result<(), CallError> {
        Err(CallError::Refused(self.write()))
    }

    async fn close(&self) {}
}

/// The desk: what it shows, which SKUs it knows, and how many calls it takes.
pub struct Bench {
    clock: TurnedClock,
    steps: Arc<Steps>,
    shown: Mutex<BTreeMap<(String, String), Decimal>>,
    unknown: Mutex<BTreeSet<String>>,
    /// Refuses everything alike.
    without_inventory: Mutex<bool>,
    orders: Mutex<BTreeMap<String, DeskOrder>>,
    shipped: Mutex<BTreeSet<String>>,
    lately: Mutex<VecDeque<Timestamp>>,
    limit: usize,
    /// Levels that it was told of, taken or not.
    pub set: AtomicU64,
    /// Orders that it was told of, taken or not.
    pub placed: AtomicU64,
    /// Whether somebody has said that he gives way to what ships.
    pub gave_way: AtomicBool,
}

impl Bench {
    /// What the desk shows, by SKU and place.
    pub fn shows(&self) -> BTreeMap<(String, String), Decimal> {
        lock(&self.shown).clone()
    }

    /// Somebody at the desk counts for himself.
    pub fn recount(&self, sku: &str, place: &str, quantity: impl Into<Decimal>) {
        lock(&self.shown).insert((sku.to_owned(), place.to_owned()), quantity.into());
    }

    /// The desk knows no such SKU, or knows it again.
    pub fn knows(&self, sku: &str, known: bool) {
        let mut unknown = lock(&self.unknown);
        if known {
            unknown.remove(sku);
        } else {
            unknown.insert(sku.to_owned());
        }
    }

    /// The plan has no inventory.
    pub fn has_no_inventory(&self, without: bool) {
        *lock(&self.without_inventory) = without;
    }

    /// An order as the desk shows it, by the ERP's id.
    pub fn order(&self, id: &str) -> Option<DeskOrder> {
        lock(&self.orders).get(id).cloned()
    }

    /// People at the desk change an order.
    pub fn change(&self, id: &str, change: impl FnOnce(&mut DeskOrder)) {
        if let Some(order) = lock(&self.orders).get_mut(id) {
            change(order);
        }
    }

    /// People ship an order.
    pub fn ship(&self, id: &str) {
        lock(&self.shipped).insert(id.to_owned());
    }

    /// Levels that it was told of since this was last asked.
    pub fn set_since(&self) -> u64 {
        self.set.swap(0, Ordering::Relaxed)
    }

    /// Orders that it was told of since this was last asked.
    pub fn placed_since(&self) -> u64 {
        self.placed.swap(0, Ordering::Relaxed)
    }

    /// Another call: near the limit it is not made.
    fn call(&self) -> Result<(), CallError> {
        self.clock.turn(CALL);
        let (now, minute) = (self.clock.now(), SignedDuration::from_secs(60));
        let mut lately = lock(&self.lately);
        while lately.front().is_some_and(|at| now.duration_since(*at) >= minute) {
            lately.pop_front();
        }
        if let Some(first) = lately.front().filter(|_| lately.len() >= self.limit) {
            let free = minute - now.duration_since(*first);
            let mut later = Later::new(Obstacle::Limited, "the desk's limit of calls is near");
            later.after = Duration::try_from(free).ok();
            return Err(CallError::Later(later));
        }
        lately.push_back(now);
        Ok(())
    }

    /// Does something, with the ending that this step has.
    async fn step<T>(&self, act: impl FnOnce() -> Result<T, CallError> + Send) -> Result<T, CallError> {
        let ending = self.steps.next();
        if ending == Some(Ending::Before) {
            self.steps.die().await;
        }
        // Others get their turn while it is under way.
        tokio::task::yield_now().await;
        let done = act();
        match ending {
            Some(Ending::After) => self.steps.die().await,
            Some(Ending::AnswerLost) => {
                return Err(CallError::Later(Later::new(Obstacle::Unreachable, "no answer in time")));
            }
            _ => {}
        }
        done
    }
}

#[async_trait]
impl ShippingDesk for Bench {
    async fn pointed_to(&self, _pointer: &str, _page: Option<&str>) -> Result<DespatchPage, CallError> {
        Ok(DespatchPage::default())
    }

    async fn despatched(&self, _asked: Despatched, _page: Option<&str>) -> Result<DespatchPage, CallError> {
        Ok(DespatchPage::default())
    }

    async fn in_full(&self, told: &Despatch) -> Result<Despatch, CallError> {
        Ok(told.clone())
    }

    async fn despatch(&self, _id: &DespatchId, _of: Option<&DeskOrderRef>) -> Result<Option<Despatch>, CallError> {
        Ok(None)
    }

    async fn numbered(&self, _number: &str) -> Result<Vec<DeskOrderRef>, CallError> {
        Ok(Vec::new())
    }

    fn numbers_repeat(&self) -> bool {
        false
    }

    async fn set_on_hand(&self, level: &Level, place: &str) -> Result<(), CallError> {
        self.step(|| {
            self.call()?;
            self.set.fetch_add(1, Ordering::Relaxed);
            let refused = |code: &str, words: &str| Err(CallError::Refused(Refusal::new(code, words)));
            if *lock(&self.without_inventory) {
                return refused("no-inventory", "the plan has no inventory");
            }
            if lock(&self.unknown).contains(&level.sku) {
                return refused("unknown-sku", "the desk knows no such SKU");
            }
            lock(&self.shown).insert((level.sku.clone(), place.to_owned()), level.quantity);
            Ok(())
        })
        .await
    }

    async fn place(&self, order: &DeskOrder, goods: Option<&dyn GoodsBook>) -> Result<Placed, CallError> {
        let id = order.document.id.clone();
        let before = lock(&self.orders).get(&id).cloned();
        let (there, wanted) = (before.as_ref().map(DeskOrder::goods), order.goods());
        let differs = there.as_ref() != Some(&wanted);
        let mut stays = None;
        if let Some(book) = goods.filter(|_| differs) {
            match &there {
                Some(there) if !book.are_told(there) => stays = before.as_ref().map(|before| before.lines.clone()),
                there => book
                    .tell(there.as_deref(), &wanted)
                    .await
                    .map_err(|error| CallError::Later(Later::our_store(&error)))?,
            }
        }
        self.step(|| {
            self.call()?;
            self.placed.fetch_add(1, Ordering::Relaxed);
            let reference = DeskOrderRef {
                id: format!("se-{id}"),
                number: order.number.clone(),
                key: Some(order.document.to_string()),
                store: None,
            };
            if order.ship_to.lines.is_empty() {
                return Err(CallError::Refused(Refusal::new("address", "it has no street")));
            }
            if lock(&self.shipped).contains(&id) {
                return Ok(Placed::Fixed("it was shipped".to_owned()));
            }
            let mut shown = order.clone();
            match &before {
                None if goods.is_none() => return Ok(Placed::Absent),
                None => {}
                Some(before) if goods.is_none() => shown.lines.clone_from(&before.lines),
                Some(_) => shown.lines = stays.clone().unwrap_or(shown.lines),
            }
            let same = before
                .as_ref()
                .is_some_and(|before| before.customer == shown.customer && before.lines == shown.lines);
            lock(&self.orders).insert(id.clone(), shown);
            if stays.is_some() {
                let words = "it shows other goods than it was told";
                return Err(CallError::Refused(Refusal::new("goods", words)));
            }
            Ok(match before {
                None => Placed::Made(reference),
                Some(_) if same => Placed::Same(reference),
                Some(_) => Placed::Changed(reference),
            })
        })
        .await
    }

    fn give_way(&self) {
        self.gave_way.store(true, Ordering::Relaxed);
    }
}

/// Nothing is bought in these stories.
struct NoCarrier;

fn nothing() -> Refusal {
    Refusal::new("desk", "people ship at the desk")
}

#[async_trait]
impl Carrier for NoCarrier {
    async fn validate(&self, _address: &Address) -> Result<AddressVerdict, CallError> {
        Err(CallError::Refused(nothing()))
    }

    async fn offers(&self, _request: &RateRequest) -> Result<Vec<Offer>, CallError> {
        Err(CallError::Refused(nothing()))
    }

    fn draft(&self, _request: &ShipmentRequest) -> Result<Draft, Refusal> {
        Err(nothing())
    }

    async fn create(&self, _draft: &Draft, _permit: Permit) -> Result<Purchased, EffectError> {
        Err(EffectError::Rejected(nothing()))
    }

    async fn find(&self, _reference: &JobId, _control: Option<&Control>) -> Result<Sighting, CallError> {
        Err(CallError::Refused(nothing()))
    }

    async fn labels(&self, _shipment: &Shipment, _format: LabelFormat) -> Result<Vec<LabelImage>, LabelError> {
        Err(LabelError::Gone(nothing()))
    }

    async fn void(&self, _shipment: &CarrierShipmentId) -> Result<(), VoidError> {
        Err(VoidError::Refused(nothing()))
    }

    fn listing(&self) -> Result<Listing, String> {
        Err("people ship at the desk".to_owned())
    }

    async fn list(&self, _stretch: Stretch, _page: Option<&str>) -> Result<ListPage, CallError> {
        Err(CallError::Refused(nothing()))
    }

    async fn shipment(&self, _id: &CarrierShipmentId) -> Result<Option<Shipment>, CallError> {
        Ok(None)
    }

    fn absence_proves(&self) -> bool {
        false
    }

    async fn track(&self, _number: &str) -> Result<Option<News>, CallError> {
        Ok(None)
    }

    fn push(&self) -> Result<Push, String> {
        Err("people ship at the desk".to_owned())
    }

    async fn subscribe(&self, _numbers: &[String]) -> Result<Subscribed, CallError> {
        Err(CallError::Refused(nothing()))
    }

    async fn check(&self) -> Vec<Finding> {
        Vec::new()
    }
}

struct Both {
    erp: Arc<Erp>,
    desk: Arc<Bench>,
}

#[async_trait]
impl Systems for Both {
    async fn open(&self, _connection: &Connection) -> Result<Opened, CallError> {
        Ok(Opened {
            source: self.erp.clone(),
            carrier: Arc::new(NoCarrier),
            desk: Some(Desk {
                desk: self.desk.clone(),
                source: self.erp.clone(),
            }),
            recorder: Recorder::default(),
        })
    }
}

/// What came of an invocation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Invoked {
    /// The message is done with.
    Done,
    /// The message comes again.
    Failed,
    /// The worker died.
    Died,
}

/// Waybill between an ERP and a desk.
pub struct DeskWorld {
    /// The time of everybody.
    pub clock: TurnedClock,
    /// The ERP.
    pub erp: Arc<Erp>,
    /// The desk.
    pub desk: Arc<Bench>,
    /// Everything that Waybill stores.
    pub store: Memory,
    /// What workers do outside.
    pub steps: Arc<Steps>,
    /// The times that the rules speak of.
    pub timing: Timing,
    nonces: Arc<CountedNonces>,
}

fn every(expression: &str) -> Schedule {
    Schedule {
        expression: expression.to_owned(),
        time_zone: "America/New_York".to_owned(),
    }
}

/// A connection whose locations 1 and 2 are the desk's places P1 and P2, and which makes orders there.
fn configured() -> Result<Connection, waybill::domain::IdError> {
    let mut connection = connection(CONNECTION)?;
    connection.carrier.system = "shipstation".to_owned();
    let places = [("1", "P1"), ("2", "P2")];
    connection.stock = Some(StockPolicy {
        schedule: every("rate(1 day)"),
        places: places
            .map(|(location, place)| (LocationId::new(location), place.to_owned()))
            .into(),
        measure: StockMeasure::OnHand,
        assemblies: true,
        condition: None,
    });
    connection.customers = Some(CustomersPolicy {
        schedule: every("rate(1 hour)"),
        make_orders: true,
        store: None,
        fields: BTreeMap::new(),
    });
    Ok(connection)
}

impl DeskWorld {
    /// An empty world with a desk that takes 200 calls a minute.
    ///
    /// # Errors
    /// When the connection is not legal, which it is.
    pub fn start() -> Result<Self, Failure> {
        Self::with_limit(200)
    }

    /// The same with a desk that takes so many calls a minute.
    ///
    /// # Errors
    /// When the connection is not legal, which it is.
    pub fn with_limit(limit: usize) -> Result<Self, Failure> {
        let (clock, steps) = (TurnedClock::at(morning()), Arc::new(Steps::default()));
        let store = Memory::new(Arc::new(clock.clone()), Arc::new(StoreSteps(steps.clone())));
        let connection = configured()?;
        store.tables().connections.insert(connection.id.clone(), connection);
        let desk = Bench {
            clock: clock.clone(),
            steps: steps.clone(),
            shown: Mutex::default(),
            unknown: Mutex::default(),
            without_inventory: Mutex::default(),
            orders: Mutex::default(),
            shipped: Mutex::default(),
            lately: Mutex::default(),
            limit,
            set: AtomicU64::new(0),
            placed: AtomicU64::new(0),
            gave_way: AtomicBool::new(false),
        };
        Ok(Self {
            clock,
            erp: Arc::new(Erp::default()),
            desk: Arc::new(desk),
            store,
            steps,
            timing: Timing::default(),
            nonces: Arc::new(CountedNonces::default()),
        })
    }

    /// The connection's name.
    ///
    /// # Errors
    /// Never.
    pub fn id(&self) -> Result<ConnectionId, Failure> {
        Ok(CONNECTION.parse()?)
    }

    /// Changes the connection.
    pub fn configure(&self, change: impl FnOnce(&mut Connection)) {
        if let Some(connection) = self.store.tables().connections.values_mut().next() {
            change(connection);
        }
    }

    fn systems(&self) -> Arc<dyn Systems> {
        Arc::new(Both {
            erp: self.erp.clone(),
            desk: self.desk.clone(),
        })
    }

    /// Tells desks of stock.
    pub fn stock(&self) -> Stock {
        let store = Arc::new(self.store.clone());
        Stock {
            connections: store.clone(),
            systems: self.systems(),
            books: store.clone(),
            queue: store,
            clock: Arc::new(self.clock.clone()),
            nonces: self.nonces.clone(),
            timing: self.timing.clone(),
        }
    }

    /// Tells desks of customers.
    pub fn customers(&self) -> Customers {
        let store = Arc::new(self.store.clone());
        Customers {
            connections: store.clone(),
            systems: self.systems(),
            books: store.clone(),
            queue: store,
            clock: Arc::new(self.clock.clone()),
            nonces: self.nonces.clone(),
            timing: self.timing.clone(),
        }
    }

    /// Polls the ERP.
    pub fn poller(&self) -> Poll {
        let store = Arc::new(self.store.clone());
        Poll {
            connections: store.clone(),
            systems: self.systems(),
            cursors: store.clone(),
            documents: store.clone(),
            jobs: store.clone(),
            stories: store.clone(),
            queue: store,
            clock: Arc::new(self.clock.clone()),
            nonces: self.nonces.clone(),
            timing: self.timing.clone(),
        }
    }

    /// Deals with messages.
    pub fn outward(&self) -> Outward {
        Outward {
            stock: self.stock(),
            customers: self.customers(),
            dead_letters: Arc::new(self.store.clone()),
        }
    }

    /// One invocation with the next message, if one may be received now. Where it fails or dies, the message comes again after
    /// it was hidden.
    ///
    /// # Errors
    /// When a message cannot be written, which it can.
    pub async fn invoke(&self) -> Result<Option<Invoked>, Failure> {
        let Some(message) = self.store.receive_stock() else {
            return Ok(None);
        };
        let (body, outward) = (serde_json::to_string(&message)?, self.outward());
        let deadline = self.clock.now() + INVOCATION;
        let invoked = tokio::select! {
            biased;
            done = outward.deliver(&body, deadline) => if done.is_ok() { Invoked::Done } else { Invoked::Failed },
            () = self.steps.died.notified() => Invoked::Died,
        };
        if invoked != Invoked::Done {
            let again = self.clock.now() + HIDDEN;
            self.store.tables().desks.queue.push_back((message, again));
        }
        Ok(Some(invoked))
    }

    /// Invokes until the queue is empty; time passes as far as messages wait. Says how often.
    ///
    /// # Errors
    /// When there is no end to it.
    pub async fn work(&self) -> Result<u64, Failure> {
        for times in 0..20_000 {
            if self.invoke().await?.is_some() {
                continue;
            }
            let next = self.store.tables().desks.queue.iter().map(|(_, at)| *at).min();
            let Some(next) = next else { return Ok(times) };
            self.clock.set(next.max(self.clock.now()));
        }
        Err("there is no end to it".into())
    }

    /// A tick of the schedule, and everything that follows from it.
    ///
    /// # Errors
    /// When the store fails, or there is no end to it.
    pub async fn tell_stock(&self) -> Result<StockRun, Failure> {
        self.stock().begin(&self.id()?, false).await?;
        self.work().await?;
        self.stock_run().await
    }

    /// The same for customers.
    ///
    /// # Errors
    /// When the store fails, or there is no end to it.
    pub async fn tell_customers(&self) -> Result<CustomersRun, Failure> {
        self.customers().begin(&self.id()?, false).await?;
        self.work().await?;
        Ok(self.store.customers_run(&self.id()?).await?)
    }

    /// The last run.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn stock_run(&self) -> Result<StockRun, Failure> {
        Ok(self.store.stock_run(&self.id()?).await?)
    }

    /// What differs between the ERP and the desk: everything that lies in a place of the connection's must be shown, and nothing
    /// else.
    pub fn differences(&self) -> Vec<String> {
        let place = |location: u64| match location {
            1 => Some("P1"),
            2 => Some("P2"),
            _ => None,
        };
        let unknown = lock(&self.desk.unknown).clone();
        let mut expected = BTreeMap::new();
        for (key, (sku, quantity)) in self.erp.levels_now() {
            if let Some(place) = place(key.location).filter(|_| !unknown.contains(&sku)) {
                expected.insert((sku, place.to_owned()), quantity);
            }
        }
        let shown = self.desk.shows();
        let names: BTreeSet<_> = expected.keys().chain(shown.keys()).cloned().collect();
        let differs = |name: &(String, String)| {
            let (wanted, shown) = (expected.get(name).copied(), shown.get(name).copied());
            let same = wanted.unwrap_or_default() == shown.unwrap_or_default();
            (!same).then(|| format!("{}@{}: {wanted:?} is shown as {shown:?}", name.0, name.1))
        };
        names.iter().filter_map(differs).collect()
    }
}

/// An open order of a customer.
pub fn open_order(id: &str, customer_number: &str, modified: Timestamp) -> DeskOrder {
    DeskOrder {
        document: DocumentId::sales_order(id),
        number: format!("SO{id}"),
        ordered_at: morning(),
        modified,
        customer: Customer {
            id: customer_number.to_owned(),
            number: format!("C-{customer_number}"),
            name: "Buyer LLC".to_owned(),
            company: Some("Buyer LLC".to_owned()),
            emails: vec!["buyer@example.com".to_owned()],
            phones: vec!["410-555-1234".to_owned()],
            above: vec![("C-1".to_owned(), "Buyer Holding".to_owned())],
            fields: BTreeMap::from([("custom_field1".to_owned(), "C-1 Buyer Holding".to_owned())]),
        },
        ship_to: customer(),
        bill_to: None,
        currency: Some("USD".to_owned()),
        ship_method: None,
        lines: vec![DeskOrderLine {
            line: LineId::new("1"),
            sku: "W-1".to_owned(),
            name: None,
            quantity: Decimal::ONE,
            unit_price: None,
            weight: None,
        }],
        open: true,
    }
}
