//! A shipping desk: a system in which people ship, as ShipStation is. What happens there reaches the ERP as despatches; what the
//! ERP knows of stock and customers reaches the desk. Everything that is written to a desk is absolute and may be written again.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use secrecy::SecretString;

use super::{CallError, Cursor, Exchange, StoreError};
use crate::domain::{
    ConnectionId, DeskOrder, DeskOrderRef, Despatch, DespatchId, DocumentId, Level, LevelKey, Refusal, Round,
    SentLevel, StockRun, Stretch, TenantId, ToldGoods, ToldLine,
};

/// Which despatches are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Despatched {
    /// Those made within the stretch.
    Made(Stretch),
    /// Those made within the stretch that are void now.
    Voided(Stretch),
}

/// A page of despatches, as they stand now.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct DespatchPage {
    /// The despatches, in the desk's own order, as far as the page itself tells of them: their names, their standing, their time and
    /// the desk's id of their order always; the order's number, its key and its store, and what is in them, where that costs no
    /// further question.
    pub despatches: Vec<Despatch>,
    /// The next page of the same question; `None` on the last.
    pub next: Option<String>,
}

/// What became of an order that was to stand at the desk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Placed {
    /// It was made.
    Made(DeskOrderRef),
    /// It stood there and was changed.
    Changed(DeskOrderRef),
    /// It stands there just so.
    Same(DeskOrderRef),
    /// It is not there, and this connection makes none.
    Absent,
    /// It can be changed no more; why, in plain words (it was shipped).
    Fixed(String),
}

/// What is known of the goods of one order that is made at a desk, where whoever changes them there writes it down before.
#[async_trait]
pub trait GoodsBook: Send + Sync {
    /// Whether goods that stand at the desk are those that it was told, so that nobody has changed or split them there.
    fn are_told(&self, there: &[ToldLine]) -> bool;
    /// Writes down that goods are about to be told in place of those that stand there; `None` where nothing is seen to stand there.
    async fn tell(&self, there: Option<&[ToldLine]>, wanted: &[ToldLine]) -> Result<(), StoreError>;
}

/// An event that a desk can be told to push.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeskEvent {
    /// The desk's own word for it.
    pub name: &'static str,
    /// Of what it tells, in plain words.
    pub tells: &'static str,
}

/// An event that a desk pushes, whoever told it to, and where to.
#[derive(Debug, Clone)]
pub struct DeskPush {
    /// By what the desk knows it.
    pub id: String,
    /// The desk's own word for the event.
    pub event: String,
    /// Where to: as good as a key.
    pub address: SecretString,
    /// The one store of whose orders it tells; `None` where of all.
    pub store: Option<String>,
    /// Whether it is switched on.
    pub on: bool,
}

/// A system in which people ship.
#[async_trait]
pub trait ShippingDesk: Send + Sync {
    /// Whether it tells how parcels fare on their way: where it does not, nobody asks it.
    fn tells_deliveries(&self) -> bool {
        true
    }
    /// What a webhook points to, page by page. A pointer to a host that is not the desk's own, or to something that holds no
    /// despatches, is refused before anything is sent.
    async fn pointed_to(&self, pointer: &str, page: Option<&str>) -> Result<DespatchPage, CallError>;
    /// A page of despatches.
    async fn despatched(&self, asked: Despatched, page: Option<&str>) -> Result<DespatchPage, CallError>;
    /// A despatch of a page with everything that can be said of it. What a page tells of under another name (the order's part that
    /// a label was bought for) is the despatch that it is.
    async fn in_full(&self, told: &Despatch) -> Result<Despatch, CallError>;
    /// One despatch as it stands now, in full; `None` where the desk knows none. Some desks find it only among what was shipped of its order,
    /// which whoever knows it names.
    async fn despatch(&self, id: &DespatchId, of: Option<&DeskOrderRef>) -> Result<Option<Despatch>, CallError>;
    /// Every order that has exactly this number, in whichever store.
    async fn numbered(&self, number: &str) -> Result<Vec<DeskOrderRef>, CallError>;
    /// Everything that the desk has shipped for an order; `None` where it cannot be asked for that. What does not say what is in it
    /// is only taken for the whole order where the desk knows nothing else of it.
    async fn despatches_of(&self, _order: &DeskOrderRef) -> Result<Option<Vec<Despatch>>, CallError> {
        Ok(None)
    }
    /// Whether two despatches are only told apart by asking for [`ShippingDesk::numbered`]: a number may belong to several orders.
    fn numbers_repeat(&self) -> bool;
    /// Makes so many of an SKU lie in a place of the desk's. An SKU or a place that it does not know is
    /// [`CallError::Refused`] with the code `unknown-sku` or `unknown-place`; whatever would refuse every level alike (no
    /// inventory in the plan) with `no-inventory`.
    async fn set_on_hand(&self, level: &Level, place: &str) -> Result<(), CallError>;
    /// Makes an open order say what the ERP says of its customer and, where the connection makes orders and so keeps a book of their
    /// goods, makes the order itself, or its goods, so: goods that stand there otherwise than they were told are left alone and refused.
    async fn place(&self, order: &DeskOrder, goods: Option<&dyn GoodsBook>) -> Result<Placed, CallError>;
    /// From here on this work takes at most half of the desk's calls: the rest is for whoever tells what was shipped.
    fn give_way(&self) {}
    /// What it should push, so that nobody waits for the next reading of its list; nothing where it cannot be told to.
    fn pushable(&self) -> &'static [DeskEvent] {
        &[]
    }
    /// Everything that it pushes now, whoever told it to.
    async fn pushes(&self) -> Result<Vec<DeskPush>, CallError> {
        Ok(Vec::new())
    }
    /// Tells it to push an event of all stores to an address.
    async fn push_to(&self, _event: &DeskEvent, _address: &SecretString) -> Result<(), CallError> {
        Err(CallError::Refused(Refusal::new("no-pushes", "it pushes nothing")))
    }
    /// Has it push to another address what it pushes already; nothing is lost in between.
    async fn push_elsewhere(&self, _push: &DeskPush, _address: &SecretString) -> Result<(), CallError> {
        Err(CallError::Refused(Refusal::new("no-pushes", "it pushes nothing")))
    }
    /// Has it push this no more. What it does not push is done.
    async fn push_no_more(&self, _push: &DeskPush) -> Result<(), CallError> {
        Ok(())
    }
}

// ---- what the ERP must be able to say ----------------------------------------------------------------------------

/// A document that may be meant by a desk's order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Meant {
    /// The document.
    pub document: DocumentId,
    /// The number that people know.
    pub number: String,
    /// By what it was found, in plain words (`its number`, `its external id`, `the customer's own number`).
    pub by: &'static str,
    /// Whether no other order of the desk can mean it: it was found by the order's key, never by a number.
    pub sure: bool,
}

/// A page of open orders.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct OpenOrders {
    /// Those that can be told.
    pub orders: Vec<DeskOrder>,
    /// The last that was looked at, after which the next page begins; `None` where there is no more.
    pub next: Option<String>,
}

/// The ERP as whoever ships at a desk needs it.
#[async_trait]
pub trait DeskSource: Send + Sync {
    /// Documents that the desk's order may mean, the surest kind first: those that its key or its number names exactly, by the kinds of
    /// names that the connection allows. Only documents of the first kind that finds any.
    async fn meant(&self, order: &DeskOrderRef) -> Result<Vec<Meant>, CallError>;
    /// Documents that look like it (the same digits, the customer's own number), for a person to choose from; a few.
    async fn alike(&self, order: &DeskOrderRef) -> Result<Vec<Meant>, CallError>;
    /// A page of stock, in the order of [`LevelKey`], after one; fewer than `limit` mean that there is no more.
    async fn levels(&self, after: Option<&LevelKey>, limit: u16) -> Result<Vec<Level>, CallError>;
    /// A page of open orders that changed, or whose customer changed, at or after `since`, in the order of their ids, after one. At most
    /// `limit` are looked at, so that a page takes a few calls however many of them cannot be told.
    async fn open_orders(&self, since: Timestamp, after: Option<&str>, limit: u16) -> Result<OpenOrders, CallError>;
    /// Those of these orders, by the ERP's ids, that are still open and can be told; a few at a time.
    async fn open_orders_of(&self, ids: &[String]) -> Result<Vec<DeskOrder>, CallError>;
}

// ---- what is kept ------------------------------------------------------------------------------------------------

/// How many orders that a desk refuses a run names; the others are counted.
const MOST_REFUSED: usize = 100;

/// How many orders that are not settled a run remembers.
const MOST_UNSETTLED: usize = 500;

/// For how long an order that is not at the desk is looked for there: the shop may bring it later.
const MAY_STILL_COME: SignedDuration = SignedDuration::from_hours(72);

/// An open order that a desk refuses.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct RefusedOrder {
    /// The number that people know.
    pub number: String,
    /// Why, in plain words.
    pub why: String,
}

/// One telling of all customers: where it stands and what it did. A crash goes on where it was.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct CustomersRun {
    /// Which run it is, and who is at it.
    #[serde(flatten)]
    pub round: Round,
    /// Where the scan of open orders stands; only its `version` is not used, for the run has one.
    pub cursor: Cursor,
    /// Open orders that were read.
    pub read: u64,
    /// Of them, those that had not changed since the desk was last told.
    #[serde(default)]
    pub unchanged: u64,
    /// Orders that were made at the desk.
    #[serde(default)]
    pub made: u64,
    /// Orders that stood there and were changed.
    #[serde(default)]
    pub changed: u64,
    /// Orders that stood there just so.
    #[serde(default)]
    pub same: u64,
    /// Orders that are not there, and that this connection does not make.
    #[serde(default)]
    pub absent: u64,
    /// Orders that can be changed no more.
    #[serde(default)]
    pub fixed: u64,
    /// Orders that the desk refuses, as many as are kept.
    #[serde(default)]
    pub refused: Vec<RefusedOrder>,
    /// How many there are in all.
    #[serde(default)]
    pub refused_in_all: u64,
    /// Orders that this run could not settle, by the ERP's ids, and when they were last modified: the next one tries them again, though
    /// they have not changed.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub unsettled: BTreeMap<String, Timestamp>,
    /// Those that the run before this one could not settle, and that this one has yet to try.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub to_try: BTreeSet<String>,
}

impl CustomersRun {
    /// What the run after this one tries again, whatever has changed.
    pub fn still_to_try(&self) -> BTreeSet<String> {
        let unsettled = self.unsettled.keys().cloned();
        self.to_try
            .iter()
            .cloned()
            .chain(unsettled)
            .take(MOST_UNSETTLED)
            .collect()
    }

    /// Notes an order that the desk refuses.
    pub fn note_refused(&mut self, number: &str, why: String) {
        self.refused_in_all += 1;
        if self.refused.len() < MOST_REFUSED {
            let number = number.to_owned();
            self.refused.push(RefusedOrder { number, why });
        }
    }

    /// The next run tries an order again, though it may not have changed.
    pub fn leave_unsettled(&mut self, order: &DeskOrder) {
        if self.unsettled.len() < MOST_UNSETTLED {
            self.unsettled.insert(order.document.id.clone(), order.modified);
        }
    }

    /// The same for one that is not at the desk, as long as it may still come there.
    pub fn await_at_desk(&mut self, order: &DeskOrder, now: Timestamp) {
        if now.duration_since(order.modified) < MAY_STILL_COME {
            self.leave_unsettled(order);
        }
    }
}

impl AsRef<Round> for CustomersRun {
    fn as_ref(&self) -> &Round {
        &self.round
    }
}

impl AsMut<Round> for CustomersRun {
    fn as_mut(&mut self) -> &mut Round {
        &mut self.round
    }
}

/// What goes out to a desk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outgoing {
    /// What lies where.
    Stock,
    /// Customers, on their open orders.
    Customers,
}

/// A run of a connection, whose story is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeskStory<'a> {
    /// Whose.
    pub connection: &'a ConnectionId,
    /// Of what.
    pub of: Outgoing,
    /// Which run.
    pub run: u32,
}

/// A call that wrote to a desk, as its vendor finds it again.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct DeskCall {
    /// Method and path.
    pub request: String,
    /// The status, where an answer came.
    pub status: Option<u16>,
    /// The names under which the vendor finds it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ids: Vec<String>,
}

impl DeskCall {
    /// Those of these exchanges that wrote to a system, without what was written.
    pub fn among(exchanges: &[Exchange], system: &str) -> Vec<Self> {
        let wrote = |one: &&Exchange| one.system == system && !one.request.starts_with("GET ");
        let call = |one: &Exchange| Self {
            request: one.request.split('?').next().unwrap_or_default().to_owned(),
            status: one.status,
            ids: one.transaction_ids().map(|(_, id)| id.clone()).collect(),
        };
        exchanges.iter().filter(wrote).map(call).collect()
    }
}

/// Something that was written to a desk, or that it refused; nothing of it is about persons.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct DeskWrite {
    /// When.
    pub at: Timestamp,
    /// Of what: an order by its number, an SKU in a place.
    pub of: String,
    /// What was done to it, in plain words (`set to 25`, `made`, `refused`).
    pub what: String,
    /// By which calls.
    pub calls: Vec<DeskCall>,
}

/// What desks were told of stock, and the runs that tell it and customers.
#[async_trait]
pub trait StockBooks: Send + Sync {
    /// The run of a connection, read consistently.
    async fn stock_run(&self, connection: &ConnectionId) -> Result<StockRun, StoreError>;
    /// Stores it (version one more than what it replaces) if nobody did in between; `false` otherwise.
    async fn write_stock_run(&self, connection: &ConnectionId, run: &StockRun) -> Result<bool, StoreError>;
    /// What was last told of the levels from one to another, both within, in their order.
    async fn sent(
        &self,
        connection: &ConnectionId,
        from: &LevelKey,
        to: &LevelKey,
    ) -> Result<Vec<SentLevel>, StoreError>;
    /// Levels that were last told under this SKU, wherever they are; what was kept a moment ago may be missing.
    async fn sent_as(&self, connection: &ConnectionId, sku: &str) -> Result<Vec<SentLevel>, StoreError>;
    /// Keeps what was told, of each level once.
    async fn keep_sent(&self, connection: &ConnectionId, levels: &[SentLevel]) -> Result<(), StoreError>;
    /// The run of a connection's customers, read consistently.
    async fn customers_run(&self, connection: &ConnectionId) -> Result<CustomersRun, StoreError>;
    /// Stores it (version one more than what it replaces) if nobody did in between; `false` otherwise.
    async fn write_customers_run(&self, connection: &ConnectionId, run: &CustomersRun) -> Result<bool, StoreError>;
    /// What is known of the goods of an order that was made at the desk, read consistently.
    async fn told_goods(&self, connection: &ConnectionId, order: &DocumentId) -> Result<ToldGoods, StoreError>;
    /// Keeps that: whoever does has the run.
    async fn keep_told_goods(
        &self,
        connection: &ConnectionId,
        order: &DocumentId,
        goods: &ToldGoods,
    ) -> Result<(), StoreError>;
    /// Keeps a page of a run's story for some months; the same page replaces the one before.
    async fn keep_story(&self, story: DeskStory<'_>, page: u64, writes: &[DeskWrite]) -> Result<(), StoreError>;
    /// A run's story from its beginning, at most so many pages of it from the end.
    async fn story(&self, story: DeskStory<'_>, pages: u16) -> Result<Vec<DeskWrite>, StoreError>;
}

/// What a message of the stock queue says: a key and nothing else.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StockMessage {
    /// A connection's stock is to be told, or the telling to go on.
    Stock(ConnectionId),
    /// A connection's customers are to be told, or the telling to go on.
    Customers(ConnectionId),
}

/// The queue of what desks are to be told.
#[async_trait]
pub trait StockQueue: Send + Sync {
    /// Queues a message, at the earliest after `delay` (at most 15 minutes).
    async fn send(
        &self,
        message: &StockMessage,
        tenant: &TenantId,
        delay: std::time::Duration,
    ) -> Result<(), StoreError>;
}
