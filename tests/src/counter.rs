//! A small shipping desk in which people ship the orders of the simulated NetSuite: it has state, and answers as a desk does. It
//! stands where the ShipStation adapter stands, so that the flow can be told in stories.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use rust_decimal::Decimal;
use simulators::netsuite::NetSuite;
use waybill::connection::{Connection, DeskPolicy, NamedBy, VoidedAtDesk};
use waybill::domain::*;
use waybill::flows::operate::Operate;
use waybill::flows::poll::{Followed, Poll, Report};
use waybill::flows::reconcile::Reconcile;
use waybill::flows::{advance::Advance, sweep::Sweep, track::Track};
use waybill::job::Job;
use waybill::memory::Memory;
use waybill::ports::*;
use waybill::systems::Registry;

use crate::world::{CONNECTION, Failure, World};

/// Everything that the desk knows.
#[derive(Debug, Default)]
pub struct Books {
    orders: Vec<DeskOrderRef>,
    despatches: Vec<Despatch>,
    /// How often it was asked for its list, for what a pointer names, and for one despatch.
    pub asked: u64,
    /// Purchases and look-ups that a desk is never asked for.
    pub asked_to_ship: u64,
    /// Whether numbers may belong to several orders.
    pub numbers_repeat: bool,
    /// Whether it tells how parcels fare.
    pub tells_deliveries: bool,
    /// It does not answer so many more questions.
    pub fails: u32,
    /// How many more questions it answers, where it does not answer any number.
    pub answers: Option<u32>,
    /// What the ERP refuses to take away, in its words.
    pub keeps: Option<String>,
    /// What it does not let anybody ask for any more.
    pub forgets: BTreeSet<DespatchId>,
    /// How often it was asked what is in a despatch of its list.
    pub opened: u64,
    /// How often it still answers that, where it does not answer any number of times.
    pub opens: Option<u32>,
    next: u64,
}

/// The desk; clones are the same desk.
#[derive(Clone, Default)]
pub struct Counter(Arc<Mutex<Books>>);

/// What people put into a parcel: SKU and quantity.
pub type Goods<'a> = &'a [(&'a str, Decimal)];

impl Counter {
    /// Its books.
    pub fn books(&self) -> MutexGuard<'_, Books> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// An order in a store of the desk's.
    pub fn order(&self, number: &str, store: &str) -> DeskOrderRef {
        let mut books = self.books();
        books.next += 1;
        let order = DeskOrderRef {
            id: format!("se-{}", books.next),
            number: number.to_owned(),
            key: None,
            store: Some(store.to_owned()),
        };
        books.orders.push(order.clone());
        order
    }

    /// People buy a label for some goods of an order.
    pub fn label(&self, order: &DeskOrderRef, tracking: &str, goods: Goods<'_>, now: Timestamp) -> DespatchId {
        self.ship("label", order, tracking, Some(goods), now)
    }

    /// The desk tells of the same parcel as the part of the order that was fulfilled.
    pub fn fulfilment(&self, order: &DeskOrderRef, tracking: &str, goods: Goods<'_>, now: Timestamp) -> DespatchId {
        self.ship("fulfilment", order, tracking, Some(goods), now)
    }

    /// People ship something, of which the desk tells the contents or not.
    pub fn ship(
        &self,
        kind: &str,
        order: &DeskOrderRef,
        tracking: &str,
        goods: Option<Goods<'_>>,
        now: Timestamp,
    ) -> DespatchId {
        let mut books = self.books();
        books.next += 1;
        let id = DespatchId::new(format!("{kind}:se-{}", books.next));
        let line = |(sku, quantity): &(&str, Decimal)| DespatchLine {
            key: None,
            sku: (*sku).to_owned(),
            name: None,
            quantity: *quantity,
        };
        books.despatches.push(Despatch {
            id: id.clone(),
            order: order.clone(),
            shipment: Shipment {
                id: CarrierShipmentId::new(id.as_str()),
                parcels: vec![ShippedParcel {
                    tracking_number: tracking.to_owned(),
                }],
                service: Some("ups_ground".to_owned()),
                cost: Some(Money::new(Decimal::new(864, 2), "USD")),
                remarks: Vec::new(),
            },
            carrier: Some("ups".to_owned()),
            standing: DespatchStanding::Shipped,
            created_at: now,
            lines: goods.map(|goods| goods.iter().map(line).collect()),
            ship_to: None,
        });
        id
    }

    /// Something changes about a despatch.
    pub fn change(&self, id: &DespatchId, change: impl FnOnce(&mut Despatch)) {
        if let Some(despatch) = self.books().despatches.iter_mut().find(|one| one.id == *id) {
            change(despatch);
        }
    }

    /// The desk does not know a despatch any more.
    pub fn lose(&self, id: &DespatchId) {
        self.books().despatches.retain(|one| one.id != *id);
    }

    /// People void a label.
    pub fn void(&self, id: &DespatchId) {
        self.change(id, |despatch| despatch.standing = DespatchStanding::Voided);
    }

    fn ask(&self) -> Result<MutexGuard<'_, Books>, CallError> {
        let mut books = self.books();
        books.asked += 1;
        if books.fails > 0 {
            books.fails -= 1;
            return Err(CallError::Later(Later::new(Obstacle::Unreachable, "503")));
        }
        match &mut books.answers {
            Some(0) => return Err(limit_is_near()),
            Some(left) => *left -= 1,
            None => {}
        }
        Ok(books)
    }
}

fn limit_is_near() -> CallError {
    CallError::Later(Later {
        after: Some(LIMIT_IS_OVER),
        ..Later::new(Obstacle::Limited, "the limit is near")
    })
}

/// When the desk may be asked again, once its limit is near.
pub const LIMIT_IS_OVER: std::time::Duration = std::time::Duration::from_secs(37);

/// How many despatches a page holds: few, so that there are several.
const PAGE: usize = 2;

/// What a list says of a despatch: not what is in it, nor the number of its order.
fn in_a_list(despatch: Despatch) -> Despatch {
    let order = DeskOrderRef {
        number: String::new(),
        key: None,
        store: None,
        ..despatch.order
    };
    Despatch {
        order,
        lines: None,
        ..despatch
    }
}

fn paged(all: Vec<Despatch>, page: Option<&str>) -> DespatchPage {
    let from: usize = page.and_then(|page| page.parse().ok()).unwrap_or_default();
    let more = all.len() > from + PAGE;
    DespatchPage {
        despatches: all.into_iter().skip(from).take(PAGE).map(in_a_list).collect(),
        next: more.then(|| (from + PAGE).to_string()),
    }
}

#[async_trait]
impl ShippingDesk for Counter {
    async fn pointed_to(&self, pointer: &str, page: Option<&str>) -> Result<DespatchPage, CallError> {
        let books = self.ask()?;
        let named: Vec<&str> = pointer.split(',').collect();
        let all = books.despatches.iter().filter(|one| named.contains(&one.id.as_str()));
        Ok(paged(all.cloned().collect(), page))
    }

    async fn despatched(&self, asked: Despatched, page: Option<&str>) -> Result<DespatchPage, CallError> {
        let books = self.ask()?;
        let (stretch, void) = match asked {
            Despatched::Made(stretch) => (stretch, false),
            Despatched::Voided(stretch) => (stretch, true),
        };
        let within = |one: &&Despatch| {
            (stretch.from..=stretch.to).contains(&one.created_at) && (!void || one.standing == DespatchStanding::Voided)
        };
        Ok(paged(books.despatches.iter().filter(within).cloned().collect(), page))
    }

    async fn in_full(&self, told: &Despatch) -> Result<Despatch, CallError> {
        let mut books = self.books();
        match &mut books.opens {
            Some(0) => return Err(limit_is_near()),
            Some(left) => *left -= 1,
            None => {}
        }
        books.opened += 1;
        let found = books.despatches.iter().find(|one| one.id == told.id);
        Ok(found.unwrap_or(told).clone())
    }

    async fn despatch(&self, id: &DespatchId, _of: Option<&DeskOrderRef>) -> Result<Option<Despatch>, CallError> {
        let books = self.ask()?;
        if books.forgets.contains(id) {
            let words = "it is too long ago";
            return Err(CallError::Refused(Refusal::new("too-old", words)));
        }
        Ok(books.despatches.iter().find(|one| one.id == *id).cloned())
    }

    async fn numbered(&self, number: &str) -> Result<Vec<DeskOrderRef>, CallError> {
        let books = self.ask()?;
        let own = books.orders.iter().filter(|order| order.number == number);
        Ok(own.cloned().collect())
    }

    async fn despatches_of(&self, order: &DeskOrderRef) -> Result<Option<Vec<Despatch>>, CallError> {
        let books = self.ask()?;
        let own = books.despatches.iter().filter(|one| one.order.id == order.id);
        Ok(Some(own.cloned().collect()))
    }

    fn tells_deliveries(&self) -> bool {
        self.books().tells_deliveries
    }

    fn numbers_repeat(&self) -> bool {
        self.books().numbers_repeat
    }

    async fn set_on_hand(&self, _level: &Level, _place: &str) -> Result<(), CallError> {
        Ok(())
    }

    async fn place(&self, _order: &DeskOrder, _goods: Option<&dyn GoodsBook>) -> Result<Placed, CallError> {
        Ok(Placed::Absent)
    }
}

fn people_ship() -> Refusal {
    Refusal::new("people-ship", "people ship here")
}

#[async_trait]
impl Carrier for Counter {
    async fn validate(&self, _address: &Address) -> Result<AddressVerdict, CallError> {
        self.books().asked_to_ship += 1;
        Err(CallError::Refused(people_ship()))
    }

    async fn offers(&self, _request: &RateRequest) -> Result<Vec<Offer>, CallError> {
        self.books().asked_to_ship += 1;
        Err(CallError::Refused(people_ship()))
    }

    fn draft(&self, _request: &ShipmentRequest) -> Result<Draft, Refusal> {
        self.books().asked_to_ship += 1;
        Err(people_ship())
    }

    async fn create(&self, _draft: &Draft, _permit: Permit) -> Result<Purchased, EffectError> {
        self.books().asked_to_ship += 1;
        Err(EffectError::Rejected(people_ship()))
    }

    async fn find(&self, _reference: &JobId, _control: Option<&Control>) -> Result<Sighting, CallError> {
        self.books().asked_to_ship += 1;
        Err(CallError::Refused(people_ship()))
    }

    async fn labels(&self, _shipment: &Shipment, _format: LabelFormat) -> Result<Vec<LabelImage>, LabelError> {
        self.books().asked_to_ship += 1;
        Err(LabelError::Gone(people_ship()))
    }

    async fn void(&self, shipment: &CarrierShipmentId) -> Result<(), VoidError> {
        Self::void(self, &DespatchId::new(shipment.as_str()));
        Ok(())
    }

    fn listing(&self) -> Result<Listing, String> {
        Err("its list is the desk's".to_owned())
    }

    async fn list(&self, _stretch: Stretch, _page: Option<&str>) -> Result<ListPage, CallError> {
        Ok(ListPage::default())
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
        Err("nothing is pushed here".to_owned())
    }

    async fn subscribe(&self, _numbers: &[String]) -> Result<Subscribed, CallError> {
        Ok(Subscribed::default())
    }

    async fn check(&self) -> Vec<Finding> {
        Vec::new()
    }
}

// ---- the ERP's side ----------------------------------------------------------------------------------------------

/// The simulated NetSuite, as whoever ships at a desk needs it.
#[derive(Clone)]
struct Account {
    netsuite: NetSuite,
    counter: Counter,
}

#[async_trait]
impl DeskSource for Account {
    async fn meant(&self, order: &DeskOrderRef) -> Result<Vec<Meant>, CallError> {
        if order.number == UNASKABLE {
            return Err(CallError::Refused(Refusal::new("INVALID_PARAMETER", "no such search")));
        }
        let named = |external: Option<&str>, number: &str| match &order.key {
            Some(key) if external == Some(key.as_str()) => Some(("its external id", true)),
            _ if number == order.number => Some(("its number", false)),
            _ => None,
        };
        Ok(self.netsuite.act(|account, _| {
            let all = account.orders.values();
            let named = all.filter_map(|one| Some((one, named(one.external_id.as_deref(), &one.tran_id)?)));
            named.map(|(one, by)| meant(one.id, &one.tran_id, by)).collect()
        }))
    }

    async fn alike(&self, order: &DeskOrderRef) -> Result<Vec<Meant>, CallError> {
        Ok(self.netsuite.act(|account, _| {
            let all = account.orders.values();
            let alike = all.filter(|one| !order.number.is_empty() && one.other_ref_num == order.number);
            alike
                .map(|one| meant(one.id, &one.tran_id, ("the customer's own number", false)))
                .collect()
        }))
    }

    async fn levels(&self, _after: Option<&LevelKey>, _limit: u16) -> Result<Vec<Level>, CallError> {
        Ok(Vec::new())
    }

    async fn open_orders(&self, _since: Timestamp, _after: Option<&str>, _limit: u16) -> Result<OpenOrders, CallError> {
        Ok(OpenOrders::default())
    }

    async fn open_orders_of(&self, _ids: &[String]) -> Result<Vec<DeskOrder>, CallError> {
        Ok(Vec::new())
    }
}

fn meant(id: u64, number: &str, (by, sure): (&'static str, bool)) -> Meant {
    Meant {
        document: DocumentId::sales_order(id.to_string()),
        number: number.to_owned(),
        by,
        sure,
    }
}

/// The NetSuite adapter, which takes fulfilments away again.
struct Fulfilling {
    adapter: Arc<dyn OrderSource>,
    account: Account,
}

#[async_trait]
impl OrderSource for Fulfilling {
    async fn changed(&self, scan: &Scan) -> Result<Vec<DocumentHead>, CallError> {
        self.adapter.changed(scan).await
    }

    async fn waiting(&self, scan: &Scan) -> Result<Vec<DocumentHead>, CallError> {
        self.adapter.waiting(scan).await
    }

    async fn read(&self, documents: &[DocumentId]) -> Result<Vec<Order>, CallError> {
        assert!(
            documents.iter().all(|document| document.kind != DocumentKind::Despatch),
            "no ERP knows a despatch"
        );
        self.adapter.read(documents).await
    }

    async fn numbered(&self, number: &str) -> Result<Vec<DocumentId>, CallError> {
        self.adapter.numbered(number).await
    }

    async fn find(&self, write_back: &WriteBack<'_>) -> Result<Written, CallError> {
        self.adapter.find(write_back).await
    }

    async fn made(&self, jobs: &[JobId]) -> Result<Option<std::collections::BTreeSet<JobId>>, CallError> {
        self.adapter.made(jobs).await
    }

    fn draft(&self, write_back: &WriteBack<'_>, found: &Written) -> Result<Draft, Refusal> {
        self.adapter.draft(write_back, found)
    }

    async fn write_back(&self, draft: &Draft, permit: Permit) -> Result<WriteBackRef, EffectError> {
        self.adapter.write_back(draft, permit).await
    }

    async fn flag(&self, document: &DocumentId, problem: Option<&str>) -> Result<(), CallError> {
        assert_ne!(document.kind, DocumentKind::Despatch, "no ERP knows a despatch");
        self.adapter.flag(document, problem).await
    }

    async fn tell(&self, document: &DocumentId, status: &DeliveryStatus, permit: Permit) -> Result<Told, EffectError> {
        self.adapter.tell(document, status, permit).await
    }

    async fn check(&self) -> Vec<Finding> {
        self.adapter.check().await
    }

    fn lost_request_window(&self) -> Option<std::time::Duration> {
        self.adapter.lost_request_window()
    }

    async fn unmake(&self, job: &JobId, _document: &DocumentId, _shipment: &Shipment) -> Result<(), CallError> {
        if let Some(why) = self.account.counter.books().keeps.clone() {
            return Err(CallError::Refused(Refusal::new("kept", why)));
        }
        self.account.netsuite.act(|account, now| {
            let made = account.fulfilment_named(job.as_str()).map(|made| made.id);
            made.and_then(|made| account.delete_fulfilment(made, now).ok());
        });
        Ok(())
    }

    async fn close(&self) {
        self.adapter.close().await;
    }
}

/// Opens the NetSuite adapter beside the desk.
struct Beside {
    registry: Registry,
    account: Account,
}

#[async_trait]
impl Systems for Beside {
    async fn open(&self, connection: &Connection) -> Result<Opened, CallError> {
        let mut other = connection.clone();
        other.carrier.system = "ups".to_owned();
        let opened = self.registry.open(&other).await?;
        let source = Fulfilling {
            adapter: opened.source,
            account: self.account.clone(),
        };
        let counter = self.account.counter.clone();
        Ok(Opened {
            source: Arc::new(source),
            carrier: Arc::new(counter.clone()),
            desk: Some(Desk {
                desk: Arc::new(counter),
                source: Arc::new(self.account.clone()),
            }),
            recorder: opened.recorder,
        })
    }
}

/// Webhooks of the small desk: the body is the pointer.
struct Pointers;

impl Webhooks for Pointers {
    fn is_genuine(&self, _hook: &Hook, _keys: &HookKeys, _inbound: &Inbound, _now: Timestamp) -> bool {
        true
    }

    fn token(&self, _hook: &Hook, _keys: &HookKeys, _inbound: &Inbound, _now: Timestamp) -> Option<serde_json::Value> {
        None
    }

    fn read(&self, _system: &str, body: &str) -> Vec<PushedNews> {
        vec![PushedNews::Despatched(body.to_owned())]
    }
}

// ---- the whole ---------------------------------------------------------------------------------------------------

/// Waybill between the simulated NetSuite and the small desk.
pub struct DeskWorld {
    /// Everything else.
    pub world: World,
    /// The desk.
    pub desk: Counter,
}

/// A number that the ERP cannot be asked for.
pub const UNASKABLE: &str = "' OR 1=1";

/// The store whose orders are the connection's.
pub const STORE: &str = "web";

/// The id in the address of the desk's hook.
pub const HOOK: &str = "00112233445566778899aabbccddeeff";

impl DeskWorld {
    /// People ship the orders of the story's connection at the desk.
    ///
    /// # Errors
    /// When a simulator cannot be started.
    pub async fn start() -> Result<Self, Failure> {
        let world = World::start().await?;
        let desk = Counter::default();
        desk.books().tells_deliveries = true;
        world.configure(|connection| {
            connection.carrier.system = "shipstation".to_owned();
            connection.desk = Some(DeskPolicy {
                named_by: vec![NamedBy::Number],
                stores: vec![STORE.to_owned()],
                voided: VoidedAtDesk::Flag,
                voids_days: 14,
            });
        });
        world.hook(HOOK, "shipstation", &[]);
        Ok(Self { world, desk })
    }

    /// Changes what the connection says of the desk.
    pub fn policy(&self, change: impl FnOnce(&mut DeskPolicy)) {
        self.world.configure(|connection| {
            if let Some(policy) = &mut connection.desk {
                change(policy);
            }
        });
    }

    fn systems(&self) -> Arc<dyn Systems> {
        Arc::new(Beside {
            registry: self.world.registry().clone(),
            account: Account {
                netsuite: self.world.netsuite.clone(),
                counter: self.desk.clone(),
            },
        })
    }

    /// The poller.
    pub fn poller(&self) -> Poll {
        Poll {
            systems: self.systems(),
            ..self.world.poller()
        }
    }

    /// The worker.
    pub fn worker(&self) -> Advance {
        Advance {
            systems: self.systems(),
            ..self.world.worker()
        }
    }

    /// The poller over another view of the store.
    pub fn poller_over(&self, store: &Memory) -> Poll {
        let store = Arc::new(store.clone());
        Poll {
            connections: store.clone(),
            cursors: store.clone(),
            documents: store.clone(),
            jobs: store.clone(),
            stories: store.clone(),
            queue: store,
            ..self.poller()
        }
    }

    /// The worker over another view of the store.
    pub fn worker_over(&self, store: &Memory) -> Advance {
        let store = Arc::new(store.clone());
        Advance {
            connections: store.clone(),
            documents: store.clone(),
            jobs: store.clone(),
            queue: store,
            ..self.worker()
        }
    }

    /// The operator's desk.
    pub fn operator(&self) -> Operate {
        Operate {
            systems: self.systems(),
            ..self.world.operator()
        }
    }

    /// Who compares all sides.
    pub fn reconciler(&self) -> Reconcile {
        Reconcile {
            systems: self.systems(),
            ..self.world.reconciler()
        }
    }

    /// Who looks at webhooks and parcels.
    pub fn tracker(&self) -> Track {
        Track {
            systems: self.systems(),
            poll: self.poller(),
            webhooks: Arc::new(Pointers),
            ..self.world.tracker()
        }
    }

    /// Polls once.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn poll(&self) -> Result<Report, Failure> {
        let deadline = self.world.now() + SignedDuration::from_mins(1);
        Ok(self.poller().run(&CONNECTION.parse()?, deadline).await?)
    }

    /// Follows a pointer, as a webhook has it followed.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn follow(&self, pointer: &DespatchId) -> Result<Followed, Failure> {
        let deadline = self.world.now() + SignedDuration::from_mins(1);
        let id = CONNECTION.parse()?;
        Ok(self.poller().follow(&id, pointer.as_str(), deadline).await?)
    }

    /// Captures a webhook with a pointer, and queues it.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn webhook(&self, pointer: &DespatchId) -> Result<(), Failure> {
        let store = self.world.store.clone();
        let now = self.world.now();
        let captured = Captured {
            id: format!("capture-{pointer}-{now}"),
            hook: Hook::digest_of(HOOK),
            system: "shipstation".to_owned(),
            tenant: "acme".parse()?,
            at: now,
            body: pointer.to_string(),
        };
        store.capture(&captured, now + SignedDuration::from_mins(2)).await?;
        let message = TrackingMessage::Hook(captured.id);
        let tenant = captured.tenant;
        Ok(TrackingQueue::send(&store, &message, &tenant, std::time::Duration::ZERO).await?)
    }

    /// Works off every message of both queues that is visible now.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn work(&self) -> Result<(), Failure> {
        let (tracker, worker) = (self.tracker(), self.worker());
        loop {
            if let Some(message) = self.world.store.receive_tracking() {
                tracker.deliver(&serde_json::to_string(&message)?).await?;
            } else if let Some(job) = self.world.store.receive() {
                worker.run(&job).await?;
            } else {
                return Ok(());
            }
        }
    }

    /// Lets so much time pass, with a poll every five minutes and everything that falls due done.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn pass(&self, time: SignedDuration) -> Result<(), Failure> {
        let end = self.world.now() + time;
        while self.world.now() < end {
            self.world.turn(SignedDuration::from_mins(5));
            self.poll().await?;
            self.sweeper().run().await?;
            self.work().await?;
        }
        Ok(())
    }

    /// The sweeper.
    pub fn sweeper(&self) -> Sweep {
        self.world.sweeper()
    }

    /// Parked despatches and those that were.
    pub fn parked(&self) -> Vec<Job> {
        let tables = self.world.store.tables();
        let own = tables
            .jobs
            .values()
            .filter(|job| job.document.kind == DocumentKind::Despatch);
        own.cloned().collect()
    }
}
