//! A ShipStation in which people ship the world's orders: the real adapter over HTTP by either API, its webhooks through the
//! receiver, and the same clock for everybody.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::SignedDuration;
use rust_decimal::Decimal;
use serde_json::{Value, json};
use simulators::faults::Fault;
use simulators::netsuite::books::FulfilmentBook;
use simulators::netsuite::people::{NewLine, NewOrder as ErpOrder};
use simulators::server::{Base, Serving};
use simulators::shipstation::{
    Books, Bought, Buy, NewItem, NewOrder, Options, Push, PushOutcome, Running, ShipStation,
};
use waybill::connection::{
    Connection, CustomersPolicy, DeskPolicy, NamedBy, Schedule, StockMeasure, StockPolicy, VoidedAtDesk,
};
use waybill::domain::{ConnectionId, DocumentKind, LocationId, StockRun};
use waybill::flows::customers::Customers;
use waybill::flows::outward::Outward;
use waybill::flows::plan_desk::{DeskPlan, PlannedAtDesk};
use waybill::flows::poll::Report;
use waybill::flows::receive::Receive;
use waybill::flows::remembered::Remembered;
use waybill::flows::stock::Stock;
use waybill::job::{HoldReason, Job};
use waybill::ports::{
    Carrier, CustomersRun, DeskStory, DeskWrite, Inbound, Opened, Outgoing, ShippingDesk, StockBooks,
};
use waybill::systems::webhooks::Vendors;

use crate::tracking::API;
use crate::world::{CONNECTION, Failure, World, new_york};

/// The id in the address of the desk's hook.
pub const HOOK: &str = "00112233445566778899aabbccddeeff";

/// The key of V2.
pub const V2_KEY: &str = "shipstation-v2-key";

/// The key of V1.
pub const V1_KEY: &str = "shipstation-v1-key";

/// The secret that belongs to it.
pub const V1_SECRET: &str = "shipstation-v1-secret";

/// The store whose orders are the connection's, and another of the same account.
pub const STORE: u64 = 1_582_173;

/// The other store.
pub const OTHER_STORE: u64 = 1_582_174;

/// The inventory location that the ERP's warehouse is.
pub const PLACE: u64 = 5_101;

/// The name of the secret with the keys.
pub const SECRET: &str = "waybill/test/acme/shipstation";

/// How often people and queues get their turn.
const TICK: SignedDuration = SignedDuration::from_secs(15);

/// How often the connection is polled.
const POLLS: SignedDuration = SignedDuration::from_mins(5);

/// By which of ShipStation's APIs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Api {
    /// The older one.
    V1,
    /// The one with labels, inventory and signatures.
    V2,
}

impl Api {
    fn name(self) -> &'static str {
        match self {
            Self::V1 => "v1",
            Self::V2 => "v2",
        }
    }

    /// What it tells of shipments, and of parcels where it does.
    fn events(self) -> (u8, &'static [&'static str]) {
        match self {
            Self::V1 => (1, &["SHIP_NOTIFY", "FULFILLMENT_SHIPPED"]),
            Self::V2 => (2, &["label_created_v2", "fulfillment_shipped_v2", "track_event_v2"]),
        }
    }
}

/// Waybill between the simulated NetSuite and the simulated ShipStation.
pub struct Shop {
    /// Everything else.
    pub world: World,
    /// Where people ship.
    pub shipstation: ShipStation,
    /// Its address.
    pub url: String,
    receiver: Receive,
    _serving: Serving,
}

/// An order as both sides know it.
#[derive(Debug, Clone)]
pub struct Ordered {
    /// The ERP's id.
    pub id: u64,
    /// The number that people know, on both sides.
    pub number: String,
    /// The id in ShipStation.
    pub at_desk: u64,
}

impl Shop {
    /// People ship the orders of the story's connection in ShipStation.
    ///
    /// # Errors
    /// When a simulator cannot be started.
    pub async fn start(api: Api) -> Result<Self, Failure> {
        Self::start_with(api, Options::default()).await
    }

    /// The same with other habits of ShipStation.
    ///
    /// # Errors
    /// When a simulator cannot be started.
    pub async fn start_with(api: Api, options: Options) -> Result<Self, Failure> {
        Self::start_at(api, options, 0, None).await
    }

    /// The same at a port, reached by another address where something stands before it.
    ///
    /// # Errors
    /// When a simulator cannot be started.
    pub async fn start_at(api: Api, options: Options, port: u16, reached_by: Option<String>) -> Result<Self, Failure> {
        let world = World::start().await?;
        let base = Base {
            clock: world.clock.clone(),
            ..Base::default()
        };
        let options = Options {
            v2_base: options.v2_base.or_else(|| reached_by.clone()),
            v1_base: options.v1_base.or_else(|| reached_by.clone()),
            ..options
        };
        let Running {
            shipstation,
            url,
            serving,
        } = ShipStation::start(options, base, port).await?;
        let receiver = receiver(&world, &url)?;
        let shop = Self {
            receiver,
            world,
            shipstation,
            url,
            _serving: serving,
        };
        let address = reached_by.as_ref().unwrap_or(&shop.url).parse()?;
        shop.configure(|connection| {
            ship_in_shipstation(connection, api);
            connection.carrier.base_url = Some(address);
            stock_and_customers(connection, shop.world.basics().warehouse);
            if api == Api::V1 {
                connection.stock = None;
            }
        });
        shop.hand_out_secrets(api).await?;
        Ok(shop)
    }

    async fn hand_out_secrets(&self, api: Api) -> Result<(), Failure> {
        let keys = match api {
            Api::V1 => json!({ "key": V1_KEY, "secret": V1_SECRET }),
            Api::V2 => json!({ "api_key": V2_KEY }),
        };
        self.world.secret(SECRET, &keys).await?;
        let hook = json!({ "id": HOOK, "unsigned": api == Api::V1 });
        self.world.secret("waybill/test/acme/shipstation-hook", &hook).await?;
        self.world.hook(HOOK, "shipstation", &[]);
        let (version, events) = api.events();
        for event in events {
            self.shipstation
                .subscribe(version, event, &format!("{API}/hooks/{HOOK}"));
        }
        Ok(())
    }

    /// Changes the connection.
    pub fn configure(&self, change: impl FnOnce(&mut Connection)) {
        self.world.configure(change);
    }

    /// Changes what the connection says of the desk.
    pub fn policy(&self, change: impl FnOnce(&mut DeskPolicy)) {
        self.configure(|connection| {
            if let Some(policy) = &mut connection.desk {
                change(policy);
            }
        });
    }

    // ---- what people do --------------------------------------------------------------------------------------------

    /// An order of ten light items and five heavy ones, in the ERP and, under the same number, in ShipStation.
    ///
    /// # Errors
    /// When either refuses it.
    pub fn ordered(&self) -> Result<Ordered, Failure> {
        let (id, number) = self.entered_in_the_erp()?;
        let at_desk = self.entered_at_the_desk(&number, STORE)?;
        Ok(Ordered { id, number, at_desk })
    }

    /// The same in the ERP only: its id and its number.
    ///
    /// # Errors
    /// When the ERP refuses it.
    pub fn entered_in_the_erp(&self) -> Result<(u64, String), Failure> {
        let basics = self.world.basics();
        let lines = vec![NewLine::of(basics.light, 10), NewLine::of(basics.heavy, 5)];
        let id = self.world.enter(ErpOrder::to(new_york(), lines))?;
        let number = self
            .world
            .person(|account, _| Ok(account.orders.get(&id).map(|order| order.tran_id.clone())))?;
        Ok((id, number.ok_or("there is no such order")?))
    }

    /// The same at the desk only, in a store.
    ///
    /// # Errors
    /// When ShipStation refuses it.
    pub fn entered_at_the_desk(&self, number: &str, store: u64) -> Result<u64, Failure> {
        self.entered_under_a_key(number, store, None)
    }

    /// The same under a key of the system that it came from.
    ///
    /// # Errors
    /// When ShipStation refuses it.
    pub fn entered_under_a_key(&self, number: &str, store: u64, key: Option<&str>) -> Result<u64, Failure> {
        let (light, heavy) = self.skus()?;
        let item = |sku: &str, quantity| NewItem {
            sku: sku.to_owned(),
            quantity,
            ..NewItem::default()
        };
        let order = NewOrder {
            store: Some(store),
            number: number.to_owned(),
            key: key.map(str::to_owned),
            items: vec![item(&light, 10), item(&heavy, 5)],
            ..NewOrder::default()
        };
        Ok(self.shipstation.enter(order)?)
    }

    /// The SKUs of the light and the heavy item.
    ///
    /// # Errors
    /// When there are none.
    pub fn skus(&self) -> Result<(String, String), Failure> {
        let basics = self.world.basics();
        let found = self.world.person(|account, _| {
            let sku = |id| account.items.get(&id).map(|item| item.sku.clone());
            Ok(sku(basics.light).zip(sku(basics.heavy)))
        })?;
        found.ok_or_else(|| "there are no such items".into())
    }

    /// People buy a label for all that is left of an order.
    ///
    /// # Errors
    /// When ShipStation refuses.
    pub fn ship(&self, order: &str) -> Result<Bought, Failure> {
        Ok(self.shipstation.buy(&Buy::all_of(order))?)
    }

    /// People buy a label for so many of the light and the heavy item.
    ///
    /// # Errors
    /// When ShipStation refuses.
    pub fn ship_part(&self, order: &str, light: u32, heavy: u32) -> Result<Bought, Failure> {
        let (light_sku, heavy_sku) = self.skus()?;
        let takes = [(light_sku.as_str(), light), (heavy_sku.as_str(), heavy)];
        let takes: Vec<(&str, u32)> = takes.into_iter().filter(|(_, quantity)| *quantity > 0).collect();
        Ok(self.shipstation.buy(&Buy::part_of(order, &takes))?)
    }

    /// Something goes wrong in ShipStation.
    pub fn fault(&self, fault: Fault) {
        self.shipstation.base().faults.add(fault);
    }

    // ---- what Waybill does -----------------------------------------------------------------------------------------

    /// Takes what ShipStation posts now, each notice so many times; answers the statuses.
    pub async fn take_notices(&self, times: usize) -> Vec<u16> {
        let mut statuses = Vec::new();
        for push in self.shipstation.due_pushes() {
            for _ in 0..times {
                let status = self.take(&push).await;
                statuses.push(status);
            }
            let answered = statuses.last().copied().unwrap_or_default();
            self.shipstation.record_push(&push, PushOutcome::Answered(answered));
        }
        statuses
    }

    /// Takes one notice; answers the status.
    pub async fn take(&self, push: &Push) -> u16 {
        let headers = push.headers.clone();
        self.post(headers, push.body.clone().into_bytes()).await
    }

    /// Somebody posts something to the hook; answers the status.
    pub async fn post(&self, headers: Vec<(String, String)>, body: Vec<u8>) -> u16 {
        let inbound = Inbound {
            hook: HOOK.to_owned().into(),
            headers,
            body,
            source: None,
        };
        self.receiver.run(inbound).await.status
    }

    /// Throws away what ShipStation posts now: how many notices those are.
    pub fn lose_notices(&self) -> usize {
        self.shipstation.due_pushes().len()
    }

    /// Polls once.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn poll(&self) -> Result<Report, Failure> {
        self.world.poll().await
    }

    /// Works off every message about webhooks, parcels and jobs that is visible now.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn work(&self) -> Result<(), Failure> {
        while self.world.track().await? + self.world.work().await? > 0 {}
        Ok(())
    }

    /// Takes the notices that are due and works them off: nobody polls.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn hear(&self) -> Result<(), Failure> {
        self.take_notices(1).await;
        self.work().await
    }

    /// Lets so much time pass, with notices taken as they come, a poll every five minutes, and everything that falls due done: near a
    /// limit work waits for some seconds.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn pass(&self, time: SignedDuration) -> Result<(), Failure> {
        let end = self.world.now() + time;
        let mut polled = self.world.now();
        while self.world.now() < end {
            self.world.turn(TICK.min(end.duration_since(self.world.now())));
            let now = self.world.now();
            self.take_notices(1).await;
            if now.duration_since(polled) >= POLLS || now >= end {
                polled = now;
                self.poll().await?;
                self.world.make_the_round().await?;
            }
            self.world.sweeper().run().await?;
            self.work().await?;
        }
        Ok(())
    }

    /// The connection as the flows open it.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub async fn open(&self) -> Result<Opened, Failure> {
        let id: ConnectionId = CONNECTION.parse()?;
        let connection = self.world.store.tables().connections.get(&id).cloned();
        let connection = connection.ok_or("there is no such connection")?;
        self.world
            .systems()
            .open(&connection)
            .await
            .map_err(|error| error.to_string().into())
    }

    /// The desk as the flows reach it.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub async fn desk(&self) -> Result<Arc<dyn ShippingDesk>, Failure> {
        Ok(self.open().await?.desk.ok_or("it is no desk")?.desk)
    }

    /// What the connection would do if it were started now.
    ///
    /// # Errors
    /// When a side cannot be opened.
    pub async fn plan(&self, most: usize) -> Result<PlannedAtDesk, Failure> {
        let connection = self.world.store.tables().connections.get(&CONNECTION.parse()?).cloned();
        let plan = DeskPlan {
            systems: self.world.systems(),
            documents: self.world.port(),
            clock: self.world.shared_clock(),
        };
        let planned = plan.run(&connection.ok_or("there is no such connection")?, most).await;
        Ok(planned?)
    }

    /// The carrier as the flows reach it.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub async fn carrier(&self) -> Result<Arc<dyn Carrier>, Failure> {
        Ok(self.open().await?.carrier)
    }

    fn outward(&self) -> Outward {
        let world = &self.world;
        Outward {
            stock: Stock {
                connections: world.port(),
                systems: world.systems(),
                books: world.port(),
                queue: world.port(),
                clock: world.shared_clock(),
                nonces: world.nonces(),
                timing: world.timing.clone(),
            },
            customers: Customers {
                connections: world.port(),
                systems: world.systems(),
                books: world.port(),
                queue: world.port(),
                clock: world.shared_clock(),
                nonces: world.nonces(),
                timing: world.timing.clone(),
            },
            dead_letters: world.port(),
        }
    }

    /// A tick of the stock schedule, and everything that follows from it, however long it takes.
    ///
    /// # Errors
    /// When the store fails, or there is no end to it.
    pub async fn tell_stock(&self) -> Result<StockRun, Failure> {
        let id: ConnectionId = CONNECTION.parse()?;
        self.outward().stock.begin(&id, false).await?;
        self.tell().await?;
        Ok(self.world.store.stock_run(&id).await?)
    }

    /// The same for customers.
    ///
    /// # Errors
    /// When the store fails, or there is no end to it.
    pub async fn tell_customers(&self) -> Result<CustomersRun, Failure> {
        let id: ConnectionId = CONNECTION.parse()?;
        self.outward().customers.begin(&id, false).await?;
        self.tell().await?;
        Ok(self.world.store.customers_run(&id).await?)
    }

    /// What a run wrote to ShipStation.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn story(&self, of: Outgoing, run: u32) -> Result<Vec<DeskWrite>, Failure> {
        let id: ConnectionId = CONNECTION.parse()?;
        let story = DeskStory {
            connection: &id,
            of,
            run,
        };
        Ok(self.world.store.story(story, 100).await?)
    }

    /// Deals with every message of the stock queue; time passes as far as messages wait.
    async fn tell(&self) -> Result<(), Failure> {
        let outward = self.outward();
        for _ in 0..1_000 {
            let Some(message) = self.world.store.receive_stock() else {
                let next = self.world.store.tables().desks.queue.iter().map(|(_, at)| *at).min();
                let Some(next) = next else { return Ok(()) };
                self.world.clock.set(next.max(self.world.now()));
                continue;
            };
            let deadline = self.world.now() + SignedDuration::from_mins(2);
            outward.deliver(&serde_json::to_string(&message)?, deadline).await?;
        }
        Err("there is no end to it".into())
    }

    // ---- what came of it -------------------------------------------------------------------------------------------

    /// What the ERP's fulfilments of an order hold, oldest first: quantities of its two lines, and the tracking numbers.
    ///
    /// # Errors
    /// When there is no such order.
    pub fn fulfilled(&self, order: u64) -> Result<Vec<(Decimal, Decimal, Vec<String>)>, Failure> {
        let page = self.world.page(order)?;
        let lines: Vec<u32> = page.lines.keys().copied().collect();
        let of = |made: &FulfilmentBook, line: usize| {
            let quantity = lines.get(line).and_then(|line| made.lines.get(line));
            quantity.copied().unwrap_or_default().normalize()
        };
        let made = page.fulfilments.iter();
        Ok(made
            .map(|made| (of(made, 0), of(made, 1), made.tracking_numbers.clone()))
            .collect())
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

    /// Why the only parked despatch is held.
    ///
    /// # Errors
    /// When there is none or several, or it is not held.
    pub fn parked_because(&self) -> Result<String, Failure> {
        let parked = self.parked();
        let [job] = parked.as_slice() else {
            return Err(format!("{} despatches are parked", parked.len()).into());
        };
        match &job.hold {
            Some(hold) if hold.reason == HoldReason::Unmatched => Ok(hold.message.clone()),
            other => Err(format!("it is not held as unmatched: {other:?}").into()),
        }
    }

    /// ShipStation's books.
    pub fn books(&self) -> Books {
        self.shipstation.read_books()
    }

    /// What people see in NetSuite as doubled: nothing, in a sound world.
    pub fn nothing_is_doubled(&self) -> bool {
        self.world.netsuite.books().duplicates.is_empty()
    }
}

/// Who takes webhooks, by the keys that this ShipStation publishes.
fn receiver(world: &World, url: &str) -> Result<Receive, Failure> {
    let keys = format!("{url}/jwks").parse()?;
    Ok(Receive {
        hooks: world.port(),
        webhooks: Arc::new(Vendors),
        secrets: world.vault.clone(),
        signing_keys: Arc::new(world.registry().published_keys(Some(keys))),
        captures: world.port(),
        queue: world.port(),
        clock: world.shared_clock(),
        nonces: world.nonces(),
        found: Remembered::default(),
        read: Remembered::default(),
    })
}

/// Lets people ship a connection's orders in ShipStation.
pub fn ship_in_shipstation(connection: &mut Connection, api: Api) {
    "shipstation".clone_into(&mut connection.carrier.system);
    "acme".clone_into(&mut connection.carrier.account);
    SECRET.clone_into(&mut connection.carrier.secret);
    connection.carrier.options = match api {
        Api::V1 => json!({ "api": api.name(), "currency": "USD" }),
        Api::V2 => json!({ "api": api.name() }),
    };
    connection.desk = Some(DeskPolicy {
        named_by: vec![NamedBy::Number],
        stores: vec![STORE.to_string()],
        voided: VoidedAtDesk::Flag,
        voids_days: 14,
    });
}

/// Lets a connection tell of stock and customers.
fn stock_and_customers(connection: &mut Connection, warehouse: u64) {
    let schedule = |expression: &str| Schedule {
        expression: expression.to_owned(),
        time_zone: "America/New_York".to_owned(),
    };
    connection.stock = Some(StockPolicy {
        schedule: schedule("rate(1 day)"),
        places: BTreeMap::from([(LocationId::new(warehouse.to_string()), format!("se-{PLACE}"))]),
        measure: StockMeasure::OnHand,
        assemblies: true,
        condition: None,
    });
    connection.customers = Some(CustomersPolicy {
        schedule: schedule("rate(1 hour)"),
        make_orders: true,
        store: Some(STORE.to_string()),
        fields: BTreeMap::from([("custom_field1".to_owned(), "parent-name".to_owned())]),
    });
}

/// A pointer as ShipStation's webhooks carry one.
pub fn pointer(kind: &str, url: &str) -> Value {
    json!({ "resource_type": kind, "resource_url": url })
}
