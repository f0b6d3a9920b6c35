//! One ShipStation account as one connection reaches it: a desk at which people ship, and the carrier of a connection that
//! buys nothing. What is asked of which API stands in `v2` and `v1`.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ::http::Method;
use jiff::{SignedDuration, Timestamp};
use secrecy::{ExposeSecret, SecretString};
use serde::de::DeserializeOwned;
use serde_json::Value;
use url::Url;

use super::account::{self, Account, Api, Credential};
use super::convert::{self, Pointer};
use super::wire::{v1, v2};
use crate::connection::{Connection, CustomersPolicy, Mistake, StockPolicy};
use crate::domain::{
    Address, AddressVerdict, CarrierShipmentId, ContentHash, DeskOrder, DeskOrderRef, Despatch, DespatchId,
    DespatchStanding, JobId, LabelFormat, LabelImage, Level, Offer, Rate, RateRequest, Readiness, Refusal, Shipment,
    ShipmentRequest, Stretch,
};
use crate::http::{self, Answer, Authorise, Basic, Call, Endpoint, Lane, Lost};
use crate::ports::{
    CallError, Carrier, Control, DeskEvent, DeskPush, DespatchPage, Despatched, Draft, EffectError, Finding, GoodsBook,
    LabelError, Later, ListPage, Listing, News, Obstacle, Permit, Placed, Purchased, Push, ShippingDesk, Sighting,
    StoreError, Subscribed, VoidError,
};
use crate::systems::{Ports, account_of};

/// How long everybody pauses after a refusal that does not say for how long.
const PAUSE: Duration = Duration::from_secs(60);

/// The most orders and labels that one piece of work remembers.
const MOST: usize = 2_000;

/// What of the key's calls goes to stock and customers at most, one part of so many: the rest is left to what ships.
const OUTWARD_PART: u32 = 2;

/// The book of an order's goods, where the connection makes orders.
pub(super) type Book<'a> = Option<&'a dyn GoodsBook>;

/// V2's one key, in a header of its own.
struct Key(SecretString);

#[async_trait::async_trait]
impl Authorise for Key {
    async fn header(&self, _method: &Method, _url: &Url) -> Result<Option<(&'static str, String)>, CallError> {
        Ok(Some(("api-key", self.0.expose_secret().to_owned())))
    }
}

/// What one piece of work has seen: the same order, or the same label, is not asked for twice.
#[derive(Default)]
pub(super) struct Seen {
    /// Labels by each of their tracking numbers.
    pub(super) labels: HashMap<String, Vec<v2::Label>>,
    /// Orders by their ids; `None` for one that is not there.
    pub(super) orders: HashMap<String, Option<v2::Order>>,
    /// What V1 told of orders just now.
    pub(super) told_by_v1: ToldByV1,
    /// The ship-from warehouse of orders that are made.
    pub(super) warehouse: Option<String>,
}

/// What V1 told, and when: it takes so few calls that what is known is not asked for again within a moment.
#[derive(Default)]
pub(super) struct ToldByV1 {
    /// The shipments of an order, by its id.
    pub(super) shipments: HashMap<String, (Timestamp, Vec<v1::Shipment>)>,
    /// Its fulfilments.
    pub(super) marked: HashMap<String, (Timestamp, Vec<v1::Fulfilment>)>,
    /// The orders of a number, whole.
    pub(super) orders: HashMap<String, (Timestamp, Vec<Value>)>,
}

impl ToldByV1 {
    fn len(&self) -> usize {
        self.shipments.len() + self.marked.len() + self.orders.len()
    }
}

/// Something that was shipped, as a list states it.
pub(super) enum Row {
    Label(Box<v2::Label>),
    Fulfilment(Box<v2::Fulfilment>),
    Shipment(Box<v1::Shipment>),
    Marked(Box<v1::Fulfilment>),
}

impl Row {
    /// When it was made, where that can be read.
    fn made(&self) -> Option<Timestamp> {
        match self {
            Self::Label(label) => convert::utc(label.created_at.as_deref()),
            Self::Fulfilment(fulfilment) => convert::utc(fulfilment.created_at.as_deref()),
            Self::Shipment(shipment) => convert::pacific(shipment.create_date.as_deref()),
            Self::Marked(fulfilment) => convert::pacific(fulfilment.create_date.as_deref()),
        }
    }

    /// The desk's id of its order.
    pub(super) fn order(&self) -> Option<&str> {
        match self {
            Self::Label(label) => label.shipment_id.as_deref(),
            Self::Fulfilment(fulfilment) => fulfilment.shipment_id.as_deref(),
            Self::Shipment(shipment) => shipment.order_id.as_deref(),
            Self::Marked(fulfilment) => fulfilment.order_id.as_deref(),
        }
    }
}

/// One ShipStation account as one connection reaches it.
pub struct ShipStation {
    pub(super) account: Account,
    pub(super) endpoint: Endpoint,
    auth: Arc<dyn Authorise>,
    /// What of the published rate is there for work that gives way, and whether this is such work.
    share: Option<Rate>,
    gives_way: AtomicBool,
    /// The ERP and its account, with which the keys of orders that we make begin.
    pub(super) erp: String,
    /// The connection's own stores; empty for all.
    pub(super) stores: Vec<String>,
    pub(super) stock: Option<StockPolicy>,
    pub(super) customers: Option<CustomersPolicy>,
    pub(super) seen: Mutex<Seen>,
}

impl ShipStation {
    /// Builds the adapter, or says what is wrong with the settings or the secret.
    ///
    /// # Errors
    /// In plain words.
    pub fn new(connection: &Connection, secret: &SecretString, ports: Ports) -> Result<Self, Refusal> {
        let settings = &connection.carrier;
        let account = account::read(settings, connection.environment).map_err(|mistakes| words(&mistakes))?;
        let credential = account::credential(&account, secret)?;
        let digest = ContentHash::of(credential.public().as_bytes());
        let lane = Lane {
            account: account_of(settings),
            slots: None,
            rate: account.rate(&credential),
            // Whoever has the key is counted, by whichever connection: the vendor counts by key.
            counted_as: Some(format!("shipstation-{}:{}", account.api.name(), digest.as_str())),
            lease: ports.timeout * 2,
            pause: PAUSE,
            lockout: None,
            forbids: None,
            limits: ports.limits,
        };
        let stores = connection.desk.as_ref().map(|desk| &desk.stores);
        Ok(Self {
            share: lane.rate.map(|rate| rate.part(OUTWARD_PART)),
            gives_way: AtomicBool::new(false),
            endpoint: Endpoint {
                client: ports.client,
                system: "shipstation",
                base: account.base.clone(),
                vendor_ids: &["/request_id"],
                clock: ports.clock,
                recorder: ports.recorder,
                timeout: ports.timeout,
                lane,
            },
            auth: match credential {
                Credential::Key(key) => Arc::new(Key(key)),
                Credential::Pair { key, secret } => Arc::new(Basic {
                    user: key,
                    password: secret,
                }),
            },
            erp: format!(
                "{}:{}",
                connection.erp.system,
                connection.erp.account.to_ascii_uppercase()
            ),
            stores: stores.into_iter().flatten().map(|id| convert::store(id)).collect(),
            stock: connection.stock.clone(),
            customers: connection.customers.clone(),
            seen: Mutex::default(),
            account,
        })
    }

    /// Sends a call to the connection's own address.
    pub(super) async fn send(&self, call: Call) -> Result<Answer, Lost> {
        self.send_to(&self.endpoint, call).await
    }

    async fn send_to(&self, endpoint: &Endpoint, call: Call) -> Result<Answer, Lost> {
        if self.gives_way.load(Ordering::Relaxed) {
            self.keep_to_share().await.map_err(Lost::NotSent)?;
        }
        let answer = endpoint.send(&call, self.auth.as_ref(), None).await?;
        self.heed(&answer).await;
        Ok(answer)
    }

    /// Takes one of the calls that there are for work that gives way.
    async fn keep_to_share(&self) -> Result<(), Later> {
        let lane = &self.endpoint.lane;
        let (Some(share), Some(counted_as)) = (&self.share, &lane.counted_as) else {
            return Ok(());
        };
        let taken = lane.limits.reserve_call(&format!("{counted_as}:outward"), share).await;
        match taken.map_err(|error| Later::our_store(&error))? {
            None => Ok(()),
            Some(next) => Err(Later {
                reason: "what stock and customers have of the account's calls of the moment is used up".to_owned(),
                after: Duration::try_from(next.duration_since(self.now())).ok(),
                obstacle: Obstacle::Limited,
            }),
        }
    }

    /// Where hardly a call is left, everybody pauses before anybody is refused.
    async fn heed(&self, answer: &Answer) {
        let Some(pause) = convert::near_limit(answer).filter(|_| answer.status != 429) else {
            return;
        };
        let lane = &self.endpoint.lane;
        let pause = SignedDuration::try_from(pause).unwrap_or(SignedDuration::from_secs(60));
        if let Err(error) = lane.limits.pause(&lane.account, self.now() + pause).await {
            tracing::warn!(account = lane.account, %error, "a pause could not be shared");
        }
    }

    pub(super) fn now(&self) -> Timestamp {
        self.endpoint.clock.now()
    }

    /// Asks for something that is there.
    pub(super) async fn get(&self, operation: &'static str, path: String) -> Result<Answer, CallError> {
        let call = Call::new(operation, Method::GET, path);
        http::read(self.send(call).await, convert::envelope)
    }

    /// Asks for what a webhook points to, under the host that it names.
    pub(super) async fn get_at(&self, pointer: &Pointer) -> Result<Option<Answer>, CallError> {
        let endpoint = Endpoint {
            base: pointer.base.clone(),
            ..self.endpoint.clone()
        };
        let call = Call::new("pointer", Method::GET, pointer.path.as_str());
        there(self.send_to(&endpoint, call).await)
    }

    /// Asks for something that may not be there.
    pub(super) async fn get_if(&self, operation: &'static str, path: String) -> Result<Option<Answer>, CallError> {
        there(self.send(Call::new(operation, Method::GET, path)).await)
    }

    pub(super) fn seen<T>(&self, look: impl FnOnce(&mut Seen) -> T) -> T {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.orders.len() + seen.labels.len() + seen.told_by_v1.len() > MOST {
            *seen = Seen::default();
        }
        look(&mut seen)
    }

    /// What rows tell by themselves; of those that tell no id nobody could speak.
    pub(super) fn told(&self, rows: &[Row]) -> Vec<Despatch> {
        rows.iter().filter_map(|row| self.told_by(row)).collect()
    }

    fn told_by(&self, row: &Row) -> Option<Despatch> {
        match row {
            Row::Label(label) => convert::of_label(label, self.now()),
            Row::Fulfilment(fulfilment) => convert::of_v2_fulfilment(fulfilment, self.now()),
            Row::Shipment(shipment) => convert::of_shipment(shipment, self.currency(), self.now()),
            Row::Marked(fulfilment) => convert::of_v1_fulfilment(fulfilment, self.currency(), self.now()),
        }
    }

    pub(super) fn currency(&self) -> convert::Priced<'_> {
        self.account.currency.as_deref()
    }

    /// Whether an order is of one of the connection's own stores.
    pub(super) fn is_ours(&self, order: &DeskOrderRef) -> bool {
        let own = |store: &String| self.stores.contains(store);
        self.stores.is_empty() || order.store.as_ref().is_none_or(own)
    }

    /// The store in which orders are made.
    pub(super) fn store(&self) -> Option<&str> {
        self.customers.as_ref()?.store.as_deref()
    }

    fn buys_nothing(&self) -> Refusal {
        Refusal::new(
            "people-ship",
            "people ship in ShipStation: Waybill buys nothing there, it reads what they shipped",
        )
    }
}

/// Rows of a list that was asked for by the time at which they were made.
pub(super) fn within(rows: Vec<Row>, stretch: Stretch) -> Result<Vec<Row>, CallError> {
    let far = |row: &Row| row.made().is_some_and(|made| convert::is_far_outside(made, stretch));
    if rows.iter().any(far) {
        return Err(refused(
            "filter-ignored",
            "ShipStation answers with shipments of other days than it was asked for: the filter by date was not read",
        ));
    }
    Ok(rows)
}

fn there(result: Result<Answer, Lost>) -> Result<Option<Answer>, CallError> {
    match result {
        Ok(answer) if answer.status == 404 => Ok(None),
        result => http::read(result, convert::envelope).map(Some),
    }
}

/// The body in the vendor's words; an unreadable one may be readable later.
pub(super) fn body<T: DeserializeOwned>(answer: &Answer) -> Result<T, CallError> {
    let text = String::from_utf8_lossy(&answer.body);
    serde_json::from_str(&text).map_err(|_| CallError::Later(unclear("the answer cannot be read")))
}

pub(super) fn unclear(why: &str) -> Later {
    Later::new(Obstacle::Unreachable, why)
}

pub(super) fn our_store(error: StoreError) -> CallError {
    CallError::Later(Later::our_store(&error))
}

pub(super) fn refused(code: &str, words: &str) -> CallError {
    CallError::Refused(Refusal::new(code, words))
}

/// Of several orders with one number nobody is chosen.
pub(super) fn several_bear(several: usize, number: &str) -> CallError {
    let words = format!("{several} orders there bear the number {number}: name the connection's own stores");
    refused("several-orders", &words)
}

fn words(mistakes: &[Mistake]) -> Refusal {
    let each = mistakes.iter().map(ToString::to_string);
    Refusal::new(
        "settings",
        format!(
            "the ShipStation settings are not usable: {}",
            each.collect::<Vec<_>>().join("; ")
        ),
    )
}

#[async_trait::async_trait]
impl ShippingDesk for ShipStation {
    fn tells_deliveries(&self) -> bool {
        self.account.api == Api::V2
    }

    async fn pointed_to(&self, pointer: &str, page: Option<&str>) -> Result<DespatchPage, CallError> {
        let url = page.unwrap_or(pointer);
        let pointer = convert::follow(url, &self.account).map_err(CallError::Refused)?;
        match self.account.api {
            Api::V2 => self.pointed_to_v2(&pointer).await,
            Api::V1 => self.pointed_to_v1(&pointer).await,
        }
    }

    async fn despatched(&self, asked: Despatched, page: Option<&str>) -> Result<DespatchPage, CallError> {
        let place = match page {
            None => convert::Place::FIRST,
            Some(page) => {
                convert::Place::read(page).ok_or_else(|| refused("page", "the page is none of this list's"))?
            }
        };
        match self.account.api {
            Api::V2 => self.despatched_v2(asked, place).await,
            Api::V1 => self.despatched_v1(asked, place).await,
        }
    }

    async fn in_full(&self, told: &Despatch) -> Result<Despatch, CallError> {
        match (self.account.api, told.id.kind()) {
            (Api::V2, "label") => self.label_in_full(told.clone()).await,
            (Api::V2, "fulfilment") => self.fulfilment_in_full(told.clone()).await,
            (Api::V1, "fulfilment") => self.marked_in_full(told.clone()).await,
            _ => Ok(told.clone()),
        }
    }

    async fn despatch(&self, id: &DespatchId, of: Option<&DeskOrderRef>) -> Result<Option<Despatch>, CallError> {
        let (kind, number) = convert::despatch_number(id.as_str()).map_err(CallError::Refused)?;
        match (self.account.api, kind) {
            (Api::V2, "label") => self.label(number).await,
            (Api::V2, "fulfilment") => self.fulfilment(number).await,
            (Api::V1, "shipment") => self.shipment_v1(number, of).await,
            (Api::V1, "fulfilment") => self.marked(number).await,
            _ => Err(refused(
                "despatch",
                "it was named by the other version of ShipStation's API than the connection uses",
            )),
        }
    }

    async fn numbered(&self, number: &str) -> Result<Vec<DeskOrderRef>, CallError> {
        match self.account.api {
            Api::V2 => self.numbered_v2(number).await,
            Api::V1 => self.numbered_v1(number).await,
        }
    }

    async fn despatches_of(&self, order: &DeskOrderRef) -> Result<Option<Vec<Despatch>>, CallError> {
        let rows = match self.account.api {
            Api::V2 => self.rows_of_v2(&order.id).await?,
            Api::V1 => self.rows_of_v1(&order.id).await?,
        };
        let mut all: Vec<Despatch> = Vec::new();
        for told in self.told(&rows) {
            let despatch = self.in_full(&told).await?;
            // A fulfilment may be a label that was told already.
            if all.iter().all(|known| known.id != despatch.id) {
                all.push(despatch);
            }
        }
        Ok(Some(all))
    }

    fn numbers_repeat(&self) -> bool {
        true
    }

    async fn set_on_hand(&self, level: &Level, place: &str) -> Result<(), CallError> {
        match self.account.api {
            Api::V2 => self.set_on_hand_v2(level, place).await,
            Api::V1 => Err(refused(
                "no-inventory",
                "ShipStation's V1 API has no inventory: stock is told by V2 (api = \"v2\", with a key of its own)",
            )),
        }
    }

    async fn place(&self, order: &DeskOrder, goods: Option<&dyn GoodsBook>) -> Result<Placed, CallError> {
        if !order.open && goods.is_none() {
            return Ok(Placed::Fixed(
                "the ERP has closed it, and this connection makes no orders at the desk".to_owned(),
            ));
        }
        let key = convert::key_of(&self.erp, order).map_err(CallError::Refused)?;
        match self.account.api {
            Api::V2 => self.place_v2(order, &key, goods).await,
            Api::V1 => self.place_v1(order, &key, goods).await,
        }
    }

    fn give_way(&self) {
        self.gives_way.store(true, Ordering::Relaxed);
    }

    fn pushable(&self) -> &'static [DeskEvent] {
        self.told_to_push()
    }

    async fn pushes(&self) -> Result<Vec<DeskPush>, CallError> {
        self.all_pushes().await
    }

    async fn push_to(&self, event: &DeskEvent, address: &SecretString) -> Result<(), CallError> {
        self.begin_push(event.name, None, address).await
    }

    async fn push_elsewhere(&self, push: &DeskPush, address: &SecretString) -> Result<(), CallError> {
        self.move_push(push, address).await
    }

    async fn push_no_more(&self, push: &DeskPush) -> Result<(), CallError> {
        self.end_push(push).await
    }
}

#[async_trait::async_trait]
impl Carrier for ShipStation {
    async fn validate(&self, _address: &Address) -> Result<AddressVerdict, CallError> {
        Err(CallError::Refused(self.buys_nothing()))
    }

    async fn ready(&self) -> Result<Readiness, CallError> {
        self.endpoint.ready().await
    }

    async fn offers(&self, _request: &RateRequest) -> Result<Vec<Offer>, CallError> {
        Err(CallError::Refused(self.buys_nothing()))
    }

    fn draft(&self, _request: &ShipmentRequest) -> Result<Draft, Refusal> {
        Err(self.buys_nothing())
    }

    async fn create(&self, _draft: &Draft, _permit: Permit) -> Result<Purchased, EffectError> {
        Err(EffectError::Rejected(self.buys_nothing()))
    }

    async fn find(&self, _draft_reference: &JobId, _control: Option<&Control>) -> Result<Sighting, CallError> {
        Err(CallError::Refused(self.buys_nothing()))
    }

    async fn labels(&self, _shipment: &Shipment, _format: LabelFormat) -> Result<Vec<LabelImage>, LabelError> {
        let words = "labels are printed, and printed again, in ShipStation itself";
        Err(LabelError::Gone(Refusal::new("people-ship", words)))
    }

    async fn void(&self, shipment: &CarrierShipmentId) -> Result<(), VoidError> {
        let (kind, number) = convert::despatch_number(shipment.as_str()).map_err(VoidError::Refused)?;
        match (self.account.api, kind) {
            (_, "fulfilment") => self.void_fulfilment(shipment).await,
            (Api::V2, "label") => self.void_label(number).await,
            (Api::V1, "shipment") => self.void_shipment(number).await,
            _ => Err(VoidError::Refused(Refusal::new(
                "despatch",
                "it was shipped by the other version of ShipStation's API than the connection uses: void it in ShipStation",
            ))),
        }
    }

    fn listing(&self) -> Result<Listing, String> {
        Err(
            "what people shipped in ShipStation is read by the poll itself, which misses nothing of its list"
                .to_owned(),
        )
    }

    async fn list(&self, _stretch: Stretch, _page: Option<&str>) -> Result<ListPage, CallError> {
        Err(refused(
            "no-list",
            "what people shipped in ShipStation is read by the poll itself",
        ))
    }

    async fn shipment(&self, id: &CarrierShipmentId) -> Result<Option<Shipment>, CallError> {
        let found = match id.as_str().contains(':') {
            true => self.despatch(&DespatchId::new(id.as_str()), None).await?,
            false => self.with_number(id.as_str()).await?,
        };
        match found {
            Some(Despatch {
                standing: DespatchStanding::Voided,
                ..
            }) => Err(refused("void", "it is void in ShipStation")),
            found => Ok(found.map(|despatch| despatch.shipment)),
        }
    }

    fn absence_proves(&self) -> bool {
        false
    }

    async fn track(&self, number: &str) -> Result<Option<News>, CallError> {
        match self.account.api {
            Api::V2 => self.news(number).await,
            Api::V1 => Err(refused(
                "no-tracking",
                "ShipStation's V1 API tells no deliveries: nobody asks it where parcels are",
            )),
        }
    }

    fn push(&self) -> Result<Push, String> {
        Err("ShipStation is told once what to push, by a webhook of the account, not parcel by parcel".to_owned())
    }

    async fn subscribe(&self, _numbers: &[String]) -> Result<Subscribed, CallError> {
        Err(refused(
            "no-subscription",
            "ShipStation is told once what to push, not parcel by parcel",
        ))
    }

    async fn check(&self) -> Vec<Finding> {
        super::check::check(self).await
    }
}
