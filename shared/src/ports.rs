//! The outside world as the flows see it. Adapters implement these traits; flows hold a small struct of them each.

mod desk;
mod tracking;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::connection::Connection;
use crate::domain::{
    Address, AddressVerdict, CarrierAccount, CarrierShipmentId, ConnectionId, Consignment, DeliveryStatus, DocumentId,
    ERASED, Gap, Health, JobId, LabelFormat, LabelImage, LabelRef, ListEntry, Listed, Nonce, Offer, Order, Pace,
    Personal, Quote, Rate, RateRequest, Readiness, Reconciliation, Refusal, Run, Shipment, ShipmentRequest, Snapshot,
    Stretch, TenantId, TrackedParcel, Units, Walk,
};
pub use crate::job::WriteBackRef;
use crate::job::{Job, history};
pub use desk::{
    CustomersRun, DeskCall, DeskEvent, DeskPush, DeskSource, DeskStory, DeskWrite, DespatchPage, Despatched, GoodsBook,
    Meant, OpenOrders, Outgoing, Placed, RefusedOrder, ShippingDesk, StockBooks, StockMessage, StockQueue,
};
pub use tracking::{
    Asked, Captured, Captures, Covers, DUE_FROM, Hook, HookKeys, Hooks, Inbound, Moved, News, Parcels, Push,
    PushedNews, ReadParcels, SigningKey, SigningKeys, Subscribed, Tellings, TrackingMessage, TrackingQueue, Webhooks,
};

/// The only source of the time.
pub trait Clock: Send + Sync {
    /// The time now.
    fn now(&self) -> Timestamp;
}

/// The source of values that nobody else has.
pub trait Nonces: Send + Sync {
    /// A new nonce.
    fn nonce(&self) -> Nonce;
}

// ---- what adapters report ----------------------------------------------------------------------------------------

/// Why something must wait; nothing was done.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct Later {
    /// What stands in the way, in plain words without personal data.
    pub reason: String,
    /// How long the other side asked us to wait, where it did.
    pub after: Option<Duration>,
    /// What kind of obstacle it is.
    pub obstacle: Obstacle,
}

/// What stands in the way of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Obstacle {
    /// The network, or the other side, is not there.
    Unreachable,
    /// A published or observed limit; also our own shared pause after one.
    Limited,
    /// The credential was refused twice.
    Unauthorised,
    /// All slots of the account are taken; its turn comes at the time that is named, one after another.
    Queued,
    /// The lease is too short for another try.
    LeaseTooShort,
    /// Our own state, keys or secrets cannot be reached: that says nothing about the other side.
    OurStore,
}

impl Later {
    /// An obstacle without a hint how long it lasts.
    pub fn new(obstacle: Obstacle, reason: impl Into<String>) -> Self {
        Self {
            reason: reason.into(),
            after: None,
            obstacle,
        }
    }

    /// Our own store stands in the way, not the other side.
    pub fn our_store(error: &StoreError) -> Self {
        Self::new(Obstacle::OurStore, error.to_string())
    }
}

/// How a call that changes nothing can fail.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    /// It may work later.
    #[error("{0}")]
    Later(Later),
    /// The vendor says no, and will say no again.
    #[error("{0}")]
    Refused(Refusal),
}

/// How a call that costs money or writes to somebody else's system can fail. Only the HTTP layer decides which.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EffectError {
    /// The vendor's error envelope with a code that is not transient: nothing happened, and nothing will.
    #[error("rejected: {0}")]
    Rejected(Refusal),
    /// Provably not processed: nothing happened, it may work later.
    #[error("not sent: {0}")]
    NotSent(Later),
    /// Everything else: it may have happened.
    #[error("unknown: {0}")]
    Unknown(String),
}

/// The leave to send an effect: the lease that an intent holds. Checked before every send, a second try included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Permit {
    /// The lease's end; a call may only begin if it ends before.
    pub until: Timestamp,
}

/// A request exactly as it will be sent, saved with the intent before it is sent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Draft {
    /// What it is, for the audit (`ups.ship`, `netsuite.transform`).
    pub operation: String,
    /// The vendor's body, and whatever else the adapter needs to send it.
    pub body: serde_json::Value,
}

/// One finding of `connection check`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What was tried, in plain words.
    pub what: String,
    /// What came of it: `Ok` with what was seen, `Err` with what is wrong and what to do.
    pub result: Result<String, String>,
}

// ---- the recorder ------------------------------------------------------------------------------------------------

/// One exchange with an outside system, without credentials.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Exchange {
    /// When it was sent.
    pub at: Timestamp,
    /// The system (`ups`, `netsuite`).
    pub system: String,
    /// What was asked (`ship`, `suiteql`).
    pub operation: String,
    /// Scheme and host, with a path prefix where there is one.
    #[serde(default)]
    pub base: String,
    /// Method and path with query, without the base.
    pub request: String,
    /// The headers that were sent, without authorisation; where the vendor lets us name a transaction, our name is here.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub headers: Vec<(String, String)>,
    /// The body that was sent. Credentials in it are replaced.
    pub sent: Option<String>,
    /// The status, where an answer came.
    pub status: Option<u16>,
    /// The vendor's own names for the exchange, by the headers in which they came.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub vendor_ids: Vec<(String, String)>,
    /// The body that came back, or what went wrong. Credentials in it are replaced, and labels by where they are kept.
    pub received: String,
    /// How long it took.
    pub milliseconds: u64,
}

impl Exchange {
    /// The names under which the vendor finds the exchange: ours, where it lets us give one, and its own.
    pub fn transaction_ids(&self) -> impl Iterator<Item = &(String, String)> {
        let ours = self.headers.iter().filter(|(name, _)| {
            let name = name.to_ascii_lowercase();
            name.contains("trans") && name.ends_with("id")
        });
        ours.chain(&self.vendor_ids)
    }
}

/// Collects exchanges between two saves; given to adapters at construction, drained by the flow at each save.
#[derive(Debug, Clone, Default)]
pub struct Recorder(Arc<Mutex<Vec<Exchange>>>);

impl Recorder {
    /// Adds an exchange.
    pub fn record(&self, exchange: Exchange) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(exchange);
    }

    /// Puts one text for another in the answers recorded since the last time.
    pub fn replace(&self, text: &str, by: &str) {
        for exchange in self.0.lock().unwrap_or_else(PoisonError::into_inner).iter_mut() {
            if exchange.received.contains(text) {
                exchange.received = exchange.received.replace(text, by);
            }
        }
    }

    /// Takes everything recorded since the last time.
    pub fn drain(&self) -> Vec<Exchange> {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

// ---- the ERP -----------------------------------------------------------------------------------------------------

/// A stretch of a scan over documents that changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scan {
    /// Documents modified at or after this, by the ERP's clock.
    pub since: Timestamp,
    /// Only documents whose id comes after this one, in the ERP's order.
    pub after: Option<String>,
    /// The most documents to return.
    pub limit: u16,
}

/// A document that changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DocumentHead {
    /// The document.
    pub document: DocumentId,
    /// When it was last modified, by the ERP's clock.
    pub modified: Timestamp,
}

/// What the ERP shows of a write-back.
#[derive(Debug, Clone, PartialEq)]
pub enum Written {
    /// Everything that we would write.
    Whole(WriteBackRef),
    /// A part of it: the fulfilment exists, its fields do not.
    Partly(WriteBackRef),
    /// Nothing of it, and this is where it is to stand.
    Place {
        /// Where.
        there: WriteBackRef,
        /// What stood there when it was chosen: where something else stands by the time of writing, it is chosen anew.
        seen: Option<String>,
    },
    /// Nothing of it, and where it is to stand there is no room for it: it stands nowhere, and nothing more is done about it.
    NoRoom(WriteBackRef),
    /// Nothing.
    Nothing,
    /// Nothing, and what it is to be written to is not there yet: what it waits for, and what ends that, in plain words.
    NotYet(String),
}

/// What is to be written back.
#[derive(Debug, Clone, Copy)]
pub struct WriteBack<'a> {
    /// Our reference: the external id of what we create.
    pub job: &'a JobId,
    /// The order as the ERP shows it now, every line included.
    pub order: &'a Order,
    /// What was shipped.
    pub consignment: &'a Consignment,
    /// The shipment.
    pub shipment: &'a Shipment,
    /// The service and its price as chosen.
    pub quote: Option<&'a Quote>,
    /// The labels, where they are kept.
    pub labels: &'a [LabelRef],
    /// Where people open the labels, where the connection wants that written.
    pub label_link: Option<&'a str>,
}

/// What became of telling an ERP of a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Told {
    /// It stands there.
    Shown,
    /// The connection does not want this stage to be shown, and nothing was written.
    NotWanted,
    /// What it is to be shown on is not there (any more): it is told again later.
    NotYet,
    /// What it is to be shown on has no room for the parcel's number, so that it is shown nowhere.
    NoRoom,
}

/// The parcels whose delivery is shown together, because they stand on the same records.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Together {
    /// In whose name only one writes at a time.
    pub whole: DocumentId,
    /// Their numbers, as the records show them.
    pub parcels: Vec<String>,
}

/// With this code an ERP refuses to take away what it made for a job, where its write-back makes nothing of its own.
pub const MAKES_NOTHING: &str = "makes-nothing";

/// An ERP in which documents wait to be shipped.
#[async_trait]
pub trait OrderSource: Send + Sync {
    /// Documents that changed, by id, at most `scan.limit`; fewer mean that the scan is complete.
    async fn changed(&self, scan: &Scan) -> Result<Vec<DocumentHead>, CallError>;
    /// Documents whose state lets them ship now, modified at or after `scan.since`, by id, at most `scan.limit`; fewer mean
    /// that there are no more. Some that do not ship may be among them.
    async fn waiting(&self, scan: &Scan) -> Result<Vec<DocumentHead>, CallError>;
    /// The documents as they stand now, in any order; one that no longer exists is missing.
    async fn read(&self, documents: &[DocumentId]) -> Result<Vec<Order>, CallError>;
    /// Documents that carry this number.
    async fn numbered(&self, number: &str) -> Result<Vec<DocumentId>, CallError>;
    /// Looks for our own write-back.
    async fn find(&self, write_back: &WriteBack<'_>) -> Result<Written, CallError>;
    /// Of these jobs, those under whose id the ERP shows what the write-back made; `None` where a write-back of this connection
    /// makes nothing of its own.
    async fn made(&self, jobs: &[JobId]) -> Result<Option<BTreeSet<JobId>>, CallError>;
    /// The exact request that writes back what `found` does not show.
    fn draft(&self, write_back: &WriteBack<'_>, found: &Written) -> Result<Draft, Refusal>;
    /// Writes back.
    async fn write_back(&self, draft: &Draft, permit: Permit) -> Result<WriteBackRef, EffectError>;
    /// Sets or clears the problem that people see on the document. Writing the same again changes nothing.
    async fn flag(&self, document: &DocumentId, problem: Option<&str>) -> Result<(), CallError>;
    /// Shows how a document's delivery fares, in the fields that the connection names. Writing the same again changes nothing.
    async fn tell(&self, document: &DocumentId, status: &DeliveryStatus, permit: Permit) -> Result<Told, EffectError>;
    /// Which parcels stand on the records that show this parcel of a document; `None` where a document shows its own and no others.
    async fn together(&self, _document: &DocumentId, _parcel: &str) -> Result<Option<Together>, CallError> {
        Ok(None)
    }
    /// The same, where the parcels that it is about decide on what it is shown.
    async fn tell_of(
        &self,
        document: &DocumentId,
        _parcels: &[String],
        status: &DeliveryStatus,
        permit: Permit,
    ) -> Result<Told, EffectError> {
        self.tell(document, status, permit).await
    }
    /// How many documents are read by one call of [`OrderSource::read`] without taking long: so many are read before what they say
    /// is stored.
    fn reads_at_once(&self) -> u16 {
        250
    }
    /// Tries everything that the connection needs without touching a document.
    async fn check(&self) -> Vec<Finding>;
    /// For how long the ERP may still be working on a request whose answer was lost; `None` where nobody knows.
    fn lost_request_window(&self) -> Option<Duration>;
    /// Takes away again what the write-back of a job made for a shipment of a document, as long as nobody has built upon it: what it
    /// made, and the shipment's numbers wherever the document shows them. What is not there is taken away, so that a try that was
    /// broken off anywhere is brought to its end by another. An ERP, or a connection, whose
    /// write-back makes nothing of its own refuses with the code [`MAKES_NOTHING`].
    async fn unmake(&self, _job: &JobId, _document: &DocumentId, _shipment: &Shipment) -> Result<(), CallError> {
        let words = "a write-back of this connection makes nothing that could be taken away";
        Err(CallError::Refused(Refusal::new(MAKES_NOTHING, words)))
    }
    /// The work is done: gives back what it holds of the account's concurrency.
    async fn close(&self);
}

// ---- the carrier -------------------------------------------------------------------------------------------------

/// A shipment with its labels, as a purchase returns it. Labels that could not be read are missing.
#[derive(Debug, Clone, PartialEq)]
pub struct Purchased {
    /// The shipment.
    pub shipment: Shipment,
    /// The labels and papers.
    pub labels: Vec<LabelImage>,
}

/// A shipment that is known to exist: if a look does not find it, the look is blind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Control {
    /// Its reference.
    pub reference: JobId,
    /// Its number at the carrier.
    pub shipment: CarrierShipmentId,
    /// Whether it crossed a border (references then live elsewhere).
    pub bought_at: Timestamp,
}

/// What a look-up saw.
#[derive(Debug, Clone, PartialEq)]
pub struct Sighting {
    /// Unvoided shipments that carry the reference.
    pub found: Vec<Shipment>,
    /// Whether the positive control was seen at this same look.
    pub control_seen: bool,
}

/// How asking for a label again can fail.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LabelError {
    /// It may work later.
    #[error("{0}")]
    Later(Later),
    /// The label cannot be had again.
    #[error("the label cannot be had again: {0}")]
    Gone(Refusal),
}

/// How a void can fail. Voiding again is harmless, so nothing is unknown: it is tried until it is answered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum VoidError {
    /// It may work later.
    #[error("{0}")]
    Later(Later),
    /// The carrier does not void it.
    #[error("the carrier does not void it: {0}")]
    Refused(Refusal),
}

/// How the carrier's own list of what it has sold can be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Listing {
    /// The longest stretch that one question may ask for.
    pub longest: SignedDuration,
    /// How far back the list reaches.
    pub reach: SignedDuration,
}

/// A page of the carrier's own list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ListPage {
    /// What it says, in its own order.
    pub entries: Vec<ListEntry>,
    /// Parcels of which it tells news, in its own order.
    pub moved: Vec<Moved>,
    /// The next page of the same stretch; `None` on the last.
    pub next: Option<String>,
}

/// A carrier that sells shipments.
#[async_trait]
pub trait Carrier: Send + Sync {
    /// The same carrier under another account of the same credential: what is bought, looked for, labelled and voided there.
    ///
    /// # Errors
    /// A carrier that knows one account only.
    fn under(&self, account: &CarrierAccount) -> Result<Arc<dyn Carrier>, Refusal> {
        let words = format!(
            "this carrier ships under one account only, not under {}",
            account.number
        );
        Err(Refusal::new("one-account", words))
    }
    /// Validates an address to the street, where the carrier covers its country.
    async fn validate(&self, address: &Address) -> Result<AddressVerdict, CallError>;
    /// Whether a purchase may be prepared now, as far as the fleet knows; nothing is sent.
    async fn ready(&self) -> Result<Readiness, CallError> {
        Ok(Readiness::Ready)
    }
    /// Every service that is offered, with its price.
    async fn offers(&self, request: &RateRequest) -> Result<Vec<Offer>, CallError>;
    /// The exact request of a purchase, or why this cannot be asked of the carrier.
    fn draft(&self, request: &ShipmentRequest) -> Result<Draft, Refusal>;
    /// Buys. This bills.
    async fn create(&self, draft: &Draft, permit: Permit) -> Result<Purchased, EffectError>;
    /// Looks for shipments by our reference, and for the control at the same look.
    async fn find(&self, draft_reference: &JobId, control: Option<&Control>) -> Result<Sighting, CallError>;
    /// Asks for the labels of a shipment again.
    async fn labels(&self, shipment: &Shipment, format: LabelFormat) -> Result<Vec<LabelImage>, LabelError>;
    /// Voids a shipment; one that is voided already is voided.
    async fn void(&self, shipment: &CarrierShipmentId) -> Result<(), VoidError>;
    /// How the carrier's own list can be read; or in plain words why it cannot, and what to do about that.
    fn listing(&self) -> Result<Listing, String>;
    /// A page of the carrier's own list, which may be read again at any time. Only where [`Carrier::listing`] allows it.
    async fn list(&self, stretch: Stretch, page: Option<&str>) -> Result<ListPage, CallError>;
    /// The whole shipment that a number belongs to, as far as the carrier can be asked for it; `None` where it knows
    /// nothing of it, or tells nobody. A number that cannot be one, and a shipment that is void, are refused in words.
    async fn shipment(&self, id: &CarrierShipmentId) -> Result<Option<Shipment>, CallError>;
    /// Whether an absence in [`Carrier::find`] can ever prove anything.
    fn absence_proves(&self) -> bool;
    /// Everything that the carrier tells of a parcel now; `None` where it knows nothing of it (yet).
    async fn track(&self, number: &str) -> Result<Option<News>, CallError>;
    /// Everything that the carrier tells of these parcels now: one result for each, in their order, and what is wrong
    /// with one of them is its own matter. A number that is refused is [`CallError::Refused`]; what is refused to us, whatever the
    /// number, is [`Obstacle::Unauthorised`].
    async fn track_many(&self, asked: &[Asked<'_>]) -> Vec<Result<Option<News>, CallError>> {
        let mut told = Vec::with_capacity(asked.len());
        for one in asked {
            told.push(self.track(one.number).await);
        }
        told
    }
    /// How many parcels one call asks for.
    fn tracks_at_once(&self) -> usize {
        1
    }
    /// How it is asked as parcels grow old.
    fn pace(&self) -> Pace {
        Pace::Slowing
    }
    /// How the carrier pushes news, where the connection wants that; in plain words why it cannot, where it does not.
    fn push(&self) -> Result<Push, String>;
    /// Asks for news of parcels to be pushed, at most [`Push::batch`] of them. Asking again prolongs it.
    async fn subscribe(&self, numbers: &[String]) -> Result<Subscribed, CallError>;
    /// Tries everything that the connection needs without buying.
    async fn check(&self) -> Vec<Finding>;
}

/// The two systems of a connection, opened for one piece of work.
pub struct Opened {
    /// The ERP.
    pub source: Arc<dyn OrderSource>,
    /// The carrier.
    pub carrier: Arc<dyn Carrier>,
    /// Where people ship, and the ERP as whoever ships there needs it; only where the connection's carrier is such a desk.
    pub desk: Option<Desk>,
    /// What both record.
    pub recorder: Recorder,
}

/// A desk and its ERP.
#[derive(Clone)]
pub struct Desk {
    /// The desk.
    pub desk: Arc<dyn ShippingDesk>,
    /// The ERP.
    pub source: Arc<dyn DeskSource>,
}

impl Opened {
    /// The carrier under an account of the connection's; without one, under its own.
    ///
    /// # Errors
    /// A carrier that knows one account only.
    pub fn carrier_under(&self, account: Option<&CarrierAccount>) -> Result<Arc<dyn Carrier>, Refusal> {
        match account {
            Some(account) => self.carrier.under(account),
            None => Ok(self.carrier.clone()),
        }
    }

    /// The work is done: what it held of the ERP's concurrency is free for others.
    pub async fn close(&self) {
        self.source.close().await;
    }
}

/// Opens the systems of a connection.
#[async_trait]
pub trait Systems: Send + Sync {
    /// Reads the secrets and builds both adapters; a missing or malformed secret is a [`CallError::Refused`] that says
    /// which and what to do.
    async fn open(&self, connection: &Connection) -> Result<Opened, CallError>;
    /// How many parcels one call to the connection's carrier asks for; no secret is read for that.
    fn tracks_at_once(&self, _connection: &Connection) -> usize {
        1
    }
}

// ---- state -------------------------------------------------------------------------------------------------------

/// The store did not answer, or answered with an error: the write may have taken effect.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the store: {0}")]
pub struct StoreError(pub String);

/// One entry of a job's story.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AuditEntry {
    /// When it was decided.
    pub at: Timestamp,
    /// Who decided: `waybill`, or a person's name.
    pub by: String,
    /// What was decided, in plain words.
    pub text: String,
    /// The exact request, where the entry is an intent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub draft: Option<Draft>,
    /// The calls since the entry before.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub exchanges: Vec<Exchange>,
    /// What its write changed of the job ([`history`]); older entries did not keep it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub change: Option<serde_json::Value>,
}

impl AuditEntry {
    /// A decision, or a person's word, without calls.
    pub fn new(at: Timestamp, by: impl Into<String>, text: impl Into<String>) -> Self {
        Self {
            at,
            by: by.into(),
            text: text.into(),
            draft: None,
            exchanges: Vec::new(),
            change: None,
        }
    }

    /// The same entry with what its write changes of the job; everything, where it makes the job.
    pub fn changing(self, before: Option<&Job>, after: &Job) -> Self {
        Self {
            change: Some(history::change(before, after)),
            ..self
        }
    }

    /// The entry without bodies and without anything personal in its text: what was decided and done, and by whom, stays.
    pub fn without_person(&self, personal: &Personal) -> Self {
        let erased = || Some(ERASED.to_owned());
        let exchange = |exchange: &Exchange| Exchange {
            request: personal.struck_from(&exchange.request),
            sent: exchange.sent.as_ref().and_then(|_| erased()),
            received: ERASED.to_owned(),
            ..exchange.clone()
        };
        let draft = |draft: &Draft| Draft {
            operation: draft.operation.clone(),
            body: ERASED.into(),
        };
        Self {
            text: personal.struck_from(&self.text),
            draft: self.draft.as_ref().map(draft),
            exchanges: self.exchanges.iter().map(exchange).collect(),
            change: self
                .change
                .as_ref()
                .map(|change| history::without_person(change, personal)),
            ..self.clone()
        }
    }
}

/// How many notes one transaction leaves: DynamoDB takes a hundred items.
const REREADS_AT_ONCE: usize = 50;

/// One transaction on a job.
#[derive(Debug, Clone, PartialEq)]
pub struct Save {
    /// The job as it shall stand, its version one more than what it replaces and its `last_write` the write's own nonce.
    pub job: Job,
    /// What to add to its story.
    pub audit: Vec<AuditEntry>,
    /// A new snapshot.
    pub snapshot: Option<Snapshot>,
    /// The document's units, version one more than what they replace.
    pub units: Option<Units>,
    /// Parcels that are followed from now on.
    pub parcels: Vec<TrackedParcel>,
}

impl Save {
    /// The notes that the same transaction leaves: a unit that ended gives its quantity back, and the ERP need not touch the
    /// document, or a later one that came from it, for it to be offered again.
    pub fn rereads(&self) -> Vec<Reread> {
        let Some(units) = self.units.as_ref().filter(|_| self.job.closed.is_some()) else {
            return Vec::new();
        };
        let documents: BTreeSet<&DocumentId> = units.heirs().chain([&units.document]).collect();
        let note = |document: &DocumentId| Reread {
            document: document.clone(),
            mark: self.job.last_write.clone(),
        };
        documents.into_iter().take(REREADS_AT_ONCE).map(note).collect()
    }
}

/// A note that a document is to be read again at the next poll.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reread {
    /// The document.
    pub document: DocumentId,
    /// The write that left the note: a later note is another one.
    pub mark: Nonce,
}

/// The answer to a version-checked write.
#[derive(Debug, Clone, PartialEq)]
pub enum Saved {
    /// It stands.
    Done,
    /// Something else stands there: the job as it is now.
    Conflict(Box<Job>),
    /// The job would have fitted, the document's units have changed.
    UnitsConflict,
}

/// Jobs by their ids.
#[async_trait]
pub trait Jobs: Send + Sync {
    /// The job, read consistently.
    async fn load(&self, id: &JobId) -> Result<Option<Job>, StoreError>;
    /// One of its snapshots.
    async fn snapshot(&self, id: &JobId, number: u32) -> Result<Option<Snapshot>, StoreError>;
    /// Writes, if nobody wrote in between, together with what [`Save::reread`] says.
    async fn save(&self, save: &Save) -> Result<Saved, StoreError>;
    /// The jobs of a connection that have bought this shipment.
    async fn with_shipment(
        &self,
        connection: &ConnectionId,
        shipment: &CarrierShipmentId,
    ) -> Result<Vec<JobId>, StoreError>;
    /// Erases the personal data in a job's readings and story, and its labels. Doing it again is harmless.
    async fn erase(&self, id: &JobId) -> Result<(), StoreError>;
}

/// A unit that becomes a job.
#[derive(Debug, Clone, PartialEq)]
pub struct NewJob {
    /// The job.
    pub job: Job,
    /// Its first snapshot.
    pub snapshot: Snapshot,
    /// The beginning of its story.
    pub audit: AuditEntry,
}

/// Documents and their units.
#[async_trait]
pub trait Documents: Send + Sync {
    /// The units of each document, in the order asked, read consistently.
    async fn units(&self, connection: &ConnectionId, documents: &[DocumentId]) -> Result<Vec<Units>, StoreError>;
    /// Stores the units (version one more than what they replace) and their new jobs in one transaction; `false` if the
    /// units have changed in between.
    async fn admit(&self, units: &Units, jobs: &[NewJob]) -> Result<bool, StoreError> {
        self.admit_from(units, jobs, &[]).await
    }
    /// The same, together with the units of the `earlier` documents that the jobs take goods over from.
    async fn admit_from(&self, units: &Units, jobs: &[NewJob], earlier: &[Units]) -> Result<bool, StoreError>;
    /// Stores a document's units alone (version one more than what they replace); `false` if they have changed in between.
    async fn restate(&self, connection: &ConnectionId, units: &Units) -> Result<bool, StoreError>;
    /// Documents of a connection that are to be read again, at most `limit`.
    async fn to_reread(&self, connection: &ConnectionId, limit: u16) -> Result<Vec<Reread>, StoreError>;
    /// Leaves a note that a document is to be read again.
    async fn reread_later(
        &self,
        connection: &ConnectionId,
        document: &DocumentId,
        mark: &Nonce,
    ) -> Result<(), StoreError>;
    /// Takes a note away, unless a later one has taken its place.
    async fn reread(&self, connection: &ConnectionId, note: &Reread) -> Result<(), StoreError>;
}

/// A page of what is due in one shard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DuePage<K> {
    /// Whose time has come, the longest overdue first.
    pub keys: Vec<K>,
    /// Where it ended; `None` on the last page.
    pub next: Option<String>,
}

/// What is due.
#[async_trait]
pub trait Due: Send + Sync {
    /// Jobs of one shard whose `due_at` is not after `now`, the longest overdue first, from where the page before ended.
    async fn due(
        &self,
        shard: u8,
        now: Timestamp,
        after: Option<&str>,
        limit: u16,
    ) -> Result<DuePage<JobId>, StoreError>;
}

/// How far a job has come, for people.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// Work is to be done or under way.
    Open,
    /// A person, or a change of the order, is needed.
    Held,
    /// Shipped and written back.
    Shipped,
    /// Ended without a shipment.
    Closed,
}

impl State {
    /// How far this job has come: a hold stands over everything else.
    pub fn of(job: &Job) -> Self {
        if job.hold.is_some() {
            Self::Held
        } else if job.closed.is_some() {
            Self::Closed
        } else if job.write_back.done().is_some() {
            Self::Shipped
        } else {
            Self::Open
        }
    }
}

impl From<&Job> for State {
    fn from(job: &Job) -> Self {
        Self::of(job)
    }
}

/// A place in a walk through jobs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Steps {
    /// Which jobs.
    pub walk: Walk,
    /// Only those last written within it.
    pub within: Option<Stretch>,
    /// Where the page before ended.
    pub after: Option<String>,
}

/// A page of a walk through jobs.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct JobPage {
    /// The jobs.
    pub jobs: Vec<Job>,
    /// Jobs whose item this version cannot read.
    pub unreadable: Vec<JobId>,
    /// Where it ended; `None` on the last page.
    pub next: Option<String>,
}

/// Finds jobs for people.
#[async_trait]
pub trait Directory: Send + Sync {
    /// Jobs of a connection in a state, newest first.
    async fn in_state(&self, connection: &ConnectionId, state: State, limit: u16) -> Result<Vec<Job>, StoreError>;
    /// A page of a walk through all jobs of a connection that are open, held, or shipped within a stretch of time (the longest
    /// ago first). A job that changes meanwhile may be missed or come twice: it is at work.
    async fn walk(&self, connection: &ConnectionId, steps: &Steps, limit: u16) -> Result<JobPage, StoreError>;
    /// These jobs, those that exist, read consistently; a job whose item cannot be read is named, and hides no other.
    async fn these(&self, ids: &[JobId]) -> Result<JobPage, StoreError>;
    /// Documents by the number that people know.
    async fn numbered(&self, number: &str) -> Result<Vec<(ConnectionId, Units)>, StoreError>;
    /// A job's whole story.
    async fn audit(&self, id: &JobId) -> Result<Vec<AuditEntry>, StoreError>;
}

/// The positive control of look-ups.
#[async_trait]
pub trait Controls: Send + Sync {
    /// A shipment of the job's connection and account that is known to exist and is not of this job, the newest there is.
    async fn control(&self, job: &Job) -> Result<Option<Control>, StoreError>;
}

/// A connection as a worker needs it.
#[derive(Debug, Clone, PartialEq)]
pub struct Gate {
    /// The connection.
    pub connection: Connection,
    /// Whether an operator has stopped every purchase, and why.
    pub brake: Option<String>,
}

/// Configured connections.
#[async_trait]
pub trait Connections: Send + Sync {
    /// The connection as it stands now, and the brake as it stood within the last second.
    async fn gate(&self, id: &ConnectionId) -> Result<Option<Gate>, StoreError>;
    /// The names of all connections.
    async fn ids(&self) -> Result<Vec<ConnectionId>, StoreError>;
}

/// Where a scan stands.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cursor {
    /// 0 while nothing is stored.
    pub version: u64,
    /// Everything modified up to here has been stored.
    pub published: Option<Timestamp>,
    /// Documents within the overlap that were dealt with, and when they were last modified then: what has not changed since need
    /// not be read again.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub settled: BTreeMap<String, Timestamp>,
    /// The scan in progress.
    pub scan: Option<ScanProgress>,
}

impl Cursor {
    /// Whether it says anything that the one before did not.
    pub fn says_more_than(&self, before: &Self) -> bool {
        let version = self.version;
        *self
            != Self {
                version,
                ..before.clone()
            }
    }
}

/// A scan in progress: a crash goes on where it was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScanProgress {
    /// From when it reads.
    pub since: Timestamp,
    /// The latest modification seen, published when the scan is complete.
    pub candidate: Timestamp,
    /// The last document whose page is stored.
    pub after: Option<String>,
    /// When it began: what was modified later may have been passed already, and is not published.
    #[serde(default)]
    pub began: Option<Timestamp>,
    /// Documents that were dealt with, as in [`Cursor::settled`].
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub settled: BTreeMap<String, Timestamp>,
}

/// How long after a modification a document may change again without showing another time: ERPs tell whole seconds, and commit late.
const STIRRING: SignedDuration = SignedDuration::from_mins(2);

/// How many documents a cursor remembers; what it forgets is only read once more. Two lists of so many fit into one item.
const MOST_SETTLED: usize = 20_000;

impl ScanProgress {
    /// Of these documents, those that must be read.
    pub fn unsettled(&self, heads: &[DocumentHead]) -> Vec<DocumentId> {
        let known = |head: &&DocumentHead| self.settled.get(&head.document.to_string()) == Some(&head.modified);
        let unknown = heads.iter().filter(|head| !known(head));
        unknown.map(|head| head.document.clone()).collect()
    }

    /// These documents were dealt with as they stood at `read_at`, but for the contested ones.
    pub fn settle(&mut self, heads: &[DocumentHead], contested: &[DocumentId], read_at: Timestamp) {
        for head in heads {
            let quiet = read_at.duration_since(head.modified) >= STIRRING;
            if quiet && !contested.contains(&head.document) {
                self.settled.insert(head.document.to_string(), head.modified);
            }
        }
    }

    /// Up to when everything has been stored once the scan is complete.
    pub fn published(&self) -> Timestamp {
        self.began
            .map_or(self.candidate, |began| self.candidate.min(began))
            .max(self.since)
    }

    /// What the next scan will see again: the newest of it, as far as it is remembered.
    pub fn still_in_sight(&self, since: Timestamp) -> BTreeMap<String, Timestamp> {
        let mut seen: Vec<_> = self
            .settled
            .iter()
            .filter(|(_, modified)| **modified >= since)
            .collect();
        seen.sort_by_key(|(_, modified)| std::cmp::Reverse(**modified));
        let newest = seen.into_iter().take(MOST_SETTLED);
        newest
            .map(|(document, modified)| (document.clone(), *modified))
            .collect()
    }
}

/// Cursors of connections.
#[async_trait]
pub trait Cursors: Send + Sync {
    /// The cursor of a kind (`orders`).
    async fn cursor(&self, connection: &ConnectionId, kind: &str) -> Result<Cursor, StoreError>;
    /// Stores it if nobody did in between; `false` otherwise.
    async fn advance(&self, connection: &ConnectionId, kind: &str, cursor: &Cursor) -> Result<bool, StoreError>;
}

/// Reconciliations: the run in hand, the runs before with their gaps, and what carriers' lists have said.
#[async_trait]
pub trait Reconciliations: Send + Sync {
    /// Where a connection's reconciliation stands, read consistently.
    async fn standing(&self, connection: &ConnectionId) -> Result<Reconciliation, StoreError>;
    /// Stores it (version one more than what it replaces) if nobody did in between; `false` otherwise.
    async fn advance(&self, connection: &ConnectionId, standing: &Reconciliation) -> Result<bool, StoreError>;
    /// Connections whose run is to be gone on with, the longest due first.
    async fn unfinished(&self, now: Timestamp, limit: u16) -> Result<Vec<ConnectionId>, StoreError>;
    /// Keeps the gaps that a step of a run found; the same step again replaces them.
    async fn keep_gaps(&self, connection: &ConnectionId, run: u32, step: u32, gaps: &[Gap]) -> Result<(), StoreError>;
    /// The gaps that a step of a run found.
    async fn gaps(&self, connection: &ConnectionId, run: u32, step: u32) -> Result<Vec<Gap>, StoreError>;
    /// Keeps a run for people to look at.
    async fn keep(&self, connection: &ConnectionId, run: &Run) -> Result<(), StoreError>;
    /// A run that was kept.
    async fn run(&self, connection: &ConnectionId, number: u32) -> Result<Option<Run>, StoreError>;
    /// The newest runs that were kept, newest first.
    async fn runs(&self, connection: &ConnectionId, limit: u16) -> Result<Vec<Run>, StoreError>;
    /// Notes what the carrier's list says. Noting it again, or in another order, changes nothing.
    async fn note_listed(&self, connection: &ConnectionId, entries: &[ListEntry]) -> Result<(), StoreError>;
    /// What the carrier's list has said of these parcels so far; those that it has not named are missing.
    async fn listed(
        &self,
        connection: &ConnectionId,
        tracking_numbers: &[String],
    ) -> Result<BTreeMap<String, Listed>, StoreError>;
}

/// The queue of jobs that a worker should look at.
#[async_trait]
pub trait Queue: Send + Sync {
    /// Queues a job, at the earliest after `delay` (at most 15 minutes). A lost message costs latency only.
    async fn send(&self, job: &JobId, tenant: &TenantId, delay: Duration) -> Result<(), StoreError>;
    /// Queues several jobs at once. Where that fails nobody knows which of them are queued.
    async fn send_all(&self, jobs: &[(JobId, TenantId)]) -> Result<(), StoreError> {
        for (job, tenant) in jobs {
            self.send(job, tenant, Duration::ZERO).await?;
        }
        Ok(())
    }
}

/// What a message of the queue says: a key and nothing else.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// The job that a worker should look at.
    pub job: JobId,
}

/// Messages that nobody can work on, kept for a person.
#[async_trait]
pub trait DeadLetters: Send + Sync {
    /// Keeps a message's body with the reason.
    async fn keep(&self, body: &str, reason: &str) -> Result<(), StoreError>;
}

/// Labels, kept for as long as the connection says.
#[async_trait]
pub trait Labels: Send + Sync {
    /// Stores a label under a key that the same label always gets, for so many days at least.
    async fn put(&self, job: &JobId, index: usize, label: &LabelImage, days: u32) -> Result<LabelRef, StoreError>;
    /// A parcel's label that was stored for a job, whether or not anybody could record it; `None` where none is kept.
    async fn stored(&self, job: &JobId, number: &str, format: LabelFormat) -> Result<Option<LabelRef>, StoreError>;
    /// The bytes of a label.
    async fn get(&self, label: &LabelRef) -> Result<Vec<u8>, StoreError>;
}

/// The links by which people open a job's labels long after the carrier's own have ended.
#[async_trait]
pub trait LabelLinks: Send + Sync {
    /// A link to the job's labels that opens until then, the same text whenever it is asked for; `None` where there is nothing
    /// that may be opened, or the stack has no address.
    async fn link(&self, job: &Job, until: Timestamp) -> Result<Option<String>, StoreError>;
}

/// How a label is handed to a browser.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Handing {
    /// The kind of its bytes, as HTTP says it.
    pub content_type: &'static str,
    /// Whether it is shown or saved, and under what name, as HTTP says it.
    pub disposition: String,
}

/// The label store's own address of a label, for whoever may open it.
#[async_trait]
pub trait LabelDoor: Send + Sync {
    /// An address that opens this one label, and for so long only.
    async fn open(&self, label: &LabelRef, handing: &Handing, moment: Duration) -> Result<String, StoreError>;
}

/// The spending cap of a connection.
#[async_trait]
pub trait Spending: Send + Sync {
    /// Reserves an amount in the hour of `now`; `false` if the cap would be passed.
    async fn reserve(
        &self,
        connection: &Connection,
        amount: &crate::domain::Money,
        now: Timestamp,
    ) -> Result<bool, StoreError>;
}

// ---- tokens and limits: used by the HTTP layer -------------------------------------------------------------------

/// Whose token it is.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct TokenKey {
    /// The system (`ups`).
    pub system: String,
    /// The tenant's secret that it was made from: its name, never its content.
    pub credential: String,
    /// The client id's digest, by which requests are counted.
    pub client: String,
    /// The merchant, where a token belongs to one.
    pub merchant: Option<String>,
    /// The connection that used it last, by which the refresher can make it again.
    pub connection: ConnectionId,
}

impl TokenKey {
    /// Whose token it is as one text: the store's key and what a sealed token is bound to.
    pub fn owner(&self) -> String {
        let merchant = self.merchant.as_deref().unwrap_or("-");
        format!("{}#{}#{merchant}", self.system, self.credential)
    }
}

/// An access token in use.
#[derive(Clone, Debug)]
pub struct Token {
    /// What is sent.
    pub secret: secrecy::SecretString,
    /// 1 for the first.
    pub version: u64,
    /// When it was issued.
    pub issued_at: Timestamp,
    /// When it ends, as the vendor said.
    pub expires_at: Timestamp,
}

/// A token as a vendor has just issued it.
#[derive(Debug)]
pub struct Minted {
    /// What is sent.
    pub secret: secrecy::SecretString,
    /// How long it lives.
    pub lives_for: Duration,
}

/// How a vendor issues a token. One call, no retry.
#[async_trait]
pub trait Mint: Send + Sync {
    /// Whether a token may be asked for now; nothing is sent.
    async fn ready(&self) -> Result<(), CallError> {
        Ok(())
    }
    /// Asks for a token. A wrong credential is [`CallError::Refused`].
    async fn mint(&self) -> Result<Minted, CallError>;
    /// The most token requests in any 24 hours for one client id, where the vendor or the user named a figure.
    fn daily_limit(&self) -> Option<u32>;
}

/// Tokens shared by the whole fleet.
#[async_trait]
pub trait Tokens: Send + Sync {
    /// A token that is good for at least the next call; made under a lease if there is none.
    async fn bearer(&self, key: &TokenKey, mint: &dyn Mint) -> Result<Token, CallError>;
    /// A token newer than `failed`: fifty callers that hold the same dead one cause one refresh.
    async fn renew(&self, key: &TokenKey, failed: u64, mint: &dyn Mint) -> Result<Token, CallError>;
}

/// Tokens in use, renewed in the background.
#[async_trait]
pub trait TokenRefresh: Send + Sync {
    /// Tokens that are in use and end soon.
    async fn ending_soon(&self) -> Result<Vec<TokenInUse>, StoreError>;
    /// Renews one.
    async fn refresh(&self, token: &TokenInUse) -> Result<(), CallError>;
}

/// A token as the store keeps it: never in plain text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SealedToken {
    /// What is sent, sealed.
    pub sealed: String,
    /// The client id's digest that it was issued to: a token of a former client is not used.
    pub client: String,
    /// When it was asked for.
    pub issued_at: Timestamp,
    /// When it ends, as the vendor said.
    pub expires_at: Timestamp,
}

/// The right to ask for a token, held by one worker at a time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefreshLease {
    /// Who holds it.
    pub owner: Nonce,
    /// Until when.
    pub until: Timestamp,
}

/// What is known of a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredToken {
    /// 0 before the first.
    pub version: u64,
    /// The token, once there was one.
    pub token: Option<SealedToken>,
    /// Who is asking for a new one.
    pub lease: Option<RefreshLease>,
    /// When it was last used, to within some minutes; `None` while it never was.
    pub used_at: Option<Timestamp>,
}

/// Token requests of one client id.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenRequests {
    /// 0 while nothing is stored.
    pub version: u64,
    /// When they were made, oldest first, as far as they still count.
    pub at: Vec<Timestamp>,
}

/// Where tokens and their requests are kept.
#[async_trait]
pub trait TokenStore: Send + Sync {
    /// What is known of a token, read consistently.
    async fn read(&self, key: &TokenKey) -> Result<Option<StoredToken>, StoreError>;
    /// Takes the lease if the token still has this version and nobody holds a lease that lasts beyond `now`.
    async fn lease(
        &self,
        key: &TokenKey,
        version: u64,
        lease: &RefreshLease,
        now: Timestamp,
    ) -> Result<bool, StoreError>;
    /// Stores a token of this version and frees the lease, if it is still `owner`'s.
    async fn save(&self, key: &TokenKey, owner: &Nonce, version: u64, token: &SealedToken) -> Result<bool, StoreError>;
    /// Frees the lease, if it is still `owner`'s.
    async fn free(&self, key: &TokenKey, owner: &Nonce) -> Result<(), StoreError>;
    /// Notes that a token is in use, and by which connection.
    async fn mark_used(&self, key: &TokenKey, at: Timestamp) -> Result<(), StoreError>;
    /// The requests of a client id, read consistently.
    async fn requests(&self, system: &str, client: &str) -> Result<TokenRequests, StoreError>;
    /// Stores them (version one more than what they replace); `false` if somebody else did in between.
    async fn write_requests(&self, system: &str, client: &str, requests: &TokenRequests) -> Result<bool, StoreError>;
}

/// Seals what must not be readable in the store.
#[async_trait]
pub trait Sealer: Send + Sync {
    /// Seals a text for its owner.
    async fn seal(&self, owner: &str, plain: &secrecy::SecretString) -> Result<String, StoreError>;
    /// Opens what was sealed for this owner; for any other it cannot be opened.
    async fn open(&self, owner: &str, sealed: &str) -> Result<secrecy::SecretString, StoreError>;
}

/// How long before its end a token is renewed, where a tenth of its life is no less. Between that and [`UNUSED_BEFORE`] lies a whole
/// round of the refresher's schedule, a minute, and what it takes; and an hour's token is asked for 25 times a day all the same.
pub const RENEWED_BEFORE: SignedDuration = SignedDuration::from_secs(140);

/// How long before its end a token is no longer used, where a twentieth of its life is no less: it must outlive the next call.
pub const UNUSED_BEFORE: SignedDuration = SignedDuration::from_secs(60);

/// A token that somebody uses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenInUse {
    /// Whose it is.
    pub key: TokenKey,
    /// Its version: what the refresher names as the one to replace.
    pub version: u64,
    /// When it was asked for.
    pub issued_at: Timestamp,
    /// When it ends.
    pub expires_at: Timestamp,
    /// When it was last used, to within some minutes.
    pub used_at: Timestamp,
}

impl TokenInUse {
    /// Whether the refresher should renew it: as [`RENEWED_BEFORE`] says, or in the last tenth of a short life.
    pub fn expires_soon(&self, now: Timestamp) -> bool {
        let life = self.expires_at.duration_since(self.issued_at);
        now >= self.expires_at - (life / 10).min(RENEWED_BEFORE)
    }
}

/// Tokens in use, for the refresher.
#[async_trait]
pub trait TokensInUse: Send + Sync {
    /// Tokens used at or after this.
    async fn in_use(&self, since: Timestamp) -> Result<Vec<TokenInUse>, StoreError>;
}

/// A slot of an account's concurrency; it frees itself when its lease ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slot {
    /// The account (`netsuite:1234567_SB1`).
    pub account: String,
    /// Which slot.
    pub number: u16,
    /// Who holds it.
    pub owner: Nonce,
    /// Since when.
    pub since: Timestamp,
}

/// A slot of an account, or what came instead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Turn {
    /// This slot was free.
    Now(Slot),
    /// None was: by the time that a slot was lately held and the turns that others were given, one is free then.
    At(Timestamp),
}

/// Limits shared by all workers.
#[async_trait]
pub trait Limits: Send + Sync {
    /// Leases one of `cap` slots of an account, or gives a turn if all are taken.
    async fn lease_slot(&self, account: &str, cap: u16, lease: Duration) -> Result<Turn, StoreError>;
    /// Holds a slot for so much longer; `false` if somebody else has it now.
    async fn extend_slot(&self, slot: &Slot, lease: Duration) -> Result<bool, StoreError>;
    /// Frees a slot.
    async fn free_slot(&self, slot: Slot) -> Result<(), StoreError>;
    /// How an account stands; what was read may be believed for a second.
    async fn standing(&self, account: &str) -> Result<AccountStanding, StoreError>;
    /// Pauses an account for everybody; a pause is never shortened.
    async fn pause(&self, account: &str, until: Timestamp) -> Result<(), StoreError>;
    /// Stores an account's health if it still has this version; `false` if somebody was faster. Either way the account's
    /// standing is read anew afterwards.
    async fn write_health(&self, account: &str, version: u64, health: &Health) -> Result<bool, StoreError>;
    /// Takes one call of an account's published rate, of which a process reserves a few at a time and none beyond their
    /// window's end; where the window is used up, when the next one begins.
    async fn reserve_call(&self, account: &str, rate: &Rate) -> Result<Option<Timestamp>, StoreError>;
}

/// How an account stands.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AccountStanding {
    /// Until when everybody pauses, after a 429.
    pub paused: Option<Timestamp>,
    /// Counts the writes of its health; 0 while nothing is stored.
    pub version: u64,
    /// How it has fared lately.
    pub health: Health,
}

/// Credentials as a secret holds them, by field.
pub type SecretFields = BTreeMap<String, secrecy::SecretString>;

/// Secrets by name.
#[async_trait]
pub trait Secrets: Send + Sync {
    /// The secret's body, a JSON object of texts; `None` where there is no such secret.
    async fn read(&self, name: &str) -> Result<Option<secrecy::SecretString>, StoreError>;
    /// Replaces the secret's body: a rotated refresh token is a credential.
    async fn write(&self, name: &str, body: &secrecy::SecretString) -> Result<(), StoreError>;
}
