//! The carrier and the ERP of one order, and the explorer's own books of what truly happened.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use jiff::SignedDuration;
use rust_decimal::dec;
use waybill::connection::Connection;
use waybill::domain::*;
use waybill::job::{Job, Timing, WriteBackRef};
use waybill::memory::{Memory, TurnedClock};
use waybill::ports::*;

use super::desk::{Call, Desk, Fault, lock};

/// A tick: longer than a call and than the snapshot's ten minutes.
pub const TICK: SignedDuration = SignedDuration::from_mins(11);
/// A lease that outlives every invocation.
pub const LEASE: SignedDuration = SignedDuration::from_mins(22);
/// The worst lag of the carrier's index, in ticks.
pub const LONG_LAG: u8 = 7;
/// For how many ticks a slow ERP works on a request whose answer was lost.
pub const ERP_RUNNING: u8 = 3;
/// For how many ticks a request runs whose caller dies over it, where the ERP gives up with its caller: within the lease.
pub const CALL_RUNNING: u8 = 2;

/// What the person calls herself.
pub const PERSON: &str = "ann";

/// A shipment at the carrier.
#[derive(Debug, Clone, Hash)]
pub struct Bought {
    /// Its number.
    pub id: String,
    /// Ticks until a look can see it.
    pub visible_in: u8,
    /// Ticks until every look sees it.
    pub settles_in: u8,
    /// Whether it is void.
    pub voided: bool,
    /// The workers that hold its number and have not told anybody.
    pub known_by: BTreeSet<usize>,
    /// Whether somebody held its number to the end of his invocation.
    pub known: bool,
}

/// What became of the order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum OrderIs {
    Fine,
    Edited,
    Cancelled,
    Fulfilled,
}

/// Everything outside, and what the explorer knows.
#[derive(Clone, Hash)]
pub struct Books {
    /// Shipments at the carrier.
    pub shipments: Vec<Bought>,
    /// The order in the ERP.
    pub order: OrderIs,
    /// For how many whole ticks an unbought order has been other than it was.
    pub bad_for: u8,
    /// Write-backs that took effect.
    pub writes: u8,
    /// Ticks for which the ERP may go on working on a lost request.
    pub running: u8,
    /// Counted absences since the last purchase, or a person's word.
    pub absences: u8,
    /// Messages in the queue.
    pub messages: u8,
    /// Faults so far.
    pub faults: u8,
    /// Deaths and stalls so far.
    pub crashes: u8,
    /// A person's acts so far.
    pub acts: u8,
    /// Whether somebody died or stalled, or a purchase's answer was lost.
    pub doubt: bool,
    /// Whether the carrier refused a shipment.
    pub rejected: bool,
    /// Whether the carrier refused to void.
    pub void_refused: bool,
    /// Whether the ERP refused a write-back.
    pub write_refused: bool,
    /// What nobody may do was done.
    pub broken: Option<&'static str>,
}

impl Books {
    /// An order that nothing has happened to.
    pub fn new(queued: bool) -> Self {
        Self {
            shipments: Vec::new(),
            order: OrderIs::Fine,
            bad_for: 0,
            writes: 0,
            running: 0,
            absences: 0,
            messages: u8::from(queued),
            faults: 0,
            crashes: u8::from(!queued),
            acts: 0,
            doubt: false,
            rejected: false,
            void_refused: false,
            write_refused: false,
            broken: None,
        }
    }

    /// Shipments that the carrier bills.
    pub fn live(&self) -> impl Iterator<Item = &Bought> {
        self.shipments.iter().filter(|bought| !bought.voided)
    }

    /// One more message, as far as their number matters.
    pub fn deliver(&mut self) {
        self.messages = (self.messages + 1).min(2);
    }
}

/// What it proves that a carrier's look-up does not find anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Absences {
    /// That there is nothing, if the known shipment was found at the same look.
    Prove,
    /// Nothing, and the carrier's adapter says so.
    ProveNothing,
    /// Nothing, and the carrier's adapter says otherwise.
    ClaimToProve,
}

/// How the outside is, for a whole exploration.
#[derive(Debug, Clone, Copy)]
pub struct Habits {
    /// Whether the account's look-up never finds anything.
    pub blind: bool,
    /// Whether the ERP may go on working on a lost request for long.
    pub erp_slow: bool,
    /// Whether looks may miss what is young.
    pub stale_looks: bool,
    /// What it proves that a look does not find anything.
    pub absences: Absences,
    /// Whether the label of a shipment that was found can be had again.
    pub labels_again: bool,
    /// Whether the carrier's and the ERP's adapters look at the lease before they send.
    pub checks_lease: bool,
}

/// What both sides share.
pub struct Stand {
    pub desk: Arc<Desk>,
    pub books: Mutex<Books>,
    pub clock: TurnedClock,
    pub timing: Timing,
    pub habits: Habits,
    /// Where the story stands in which every intent must be told before it is sent.
    pub memory: Memory,
    pub job: JobId,
}

fn shipment(id: &str) -> Shipment {
    Shipment {
        id: CarrierShipmentId::new(id),
        parcels: vec![ShippedParcel {
            tracking_number: id.to_owned(),
        }],
        service: None,
        cost: None,
        remarks: Vec::new(),
    }
}

fn too_short() -> EffectError {
    EffectError::NotSent(Later::new(Obstacle::LeaseTooShort, "the lease is too short"))
}

fn lost() -> EffectError {
    EffectError::Unknown("the answer was lost".to_owned())
}

fn limited() -> Later {
    Later::new(Obstacle::Limited, "429")
}

fn failed() -> CallError {
    CallError::Later(Later::new(Obstacle::Unreachable, "503"))
}

impl Stand {
    fn lease_is_too_short(&self, permit: Permit) -> bool {
        self.habits.checks_lease && self.clock.now() + self.timing.call >= permit.until
    }

    /// An effect is sent only when its exact request stands in the story as the latest of its kind.
    fn expects_intent(&self, draft: &Draft) {
        let tables = self.memory.tables();
        let story = tables.audit.get(&self.job).map(Vec::as_slice).unwrap_or_default();
        let mut intents = story.iter().rev().filter_map(|entry| entry.draft.as_ref());
        let latest = intents.find(|intent| intent.operation == draft.operation);
        if latest != Some(draft) {
            lock(&self.books).broken = Some("a request was sent that the story does not tell");
        }
    }
}

/// The carrier.
pub struct CarrierSide(pub Arc<Stand>);

#[async_trait]
impl Carrier for CarrierSide {
    async fn validate(&self, _address: &Address) -> Result<AddressVerdict, CallError> {
        Ok(AddressVerdict::Valid { residential: None })
    }

    async fn offers(&self, _request: &RateRequest) -> Result<Vec<Offer>, CallError> {
        let cost = Money::new(dec!(9), "USD");
        Ok(vec![Offer {
            service: "03".to_owned(),
            name: "Ground".to_owned(),
            cost,
            negotiated: false,
            arrives: None,
        }])
    }

    fn draft(&self, request: &ShipmentRequest) -> Result<Draft, Refusal> {
        Ok(Draft {
            operation: "ship".to_owned(),
            body: serde_json::Value::String(request.ship_to.lines.join(", ")),
        })
    }

    async fn create(&self, draft: &Draft, permit: Permit) -> Result<Purchased, EffectError> {
        let create = |fault| {
            let result = if self.0.lease_is_too_short(permit) {
                Err(too_short())
            } else {
                self.0.expects_intent(draft);
                self.0.sell(fault, draft)
            };
            self.0
                .desk
                .hear(told(&result.as_ref().map(|purchased| &purchased.shipment.id)));
            result
        };
        self.0.desk.ask(Call::Create, create).await
    }

    async fn find(&self, _reference: &JobId, control: Option<&Control>) -> Result<Sighting, CallError> {
        let find = |fault| {
            if fault == Some(Fault::Fails) {
                return Err(failed());
            }
            let sighting = self.0.look(fault == Some(Fault::Misses), control.is_some());
            let seen: Vec<&str> = sighting.found.iter().map(|shipment| shipment.id.as_str()).collect();
            self.0.desk.hear((seen, sighting.control_seen));
            Ok(sighting)
        };
        self.0.desk.ask(Call::Find, find).await
    }

    async fn labels(&self, shipment: &Shipment, format: LabelFormat) -> Result<Vec<LabelImage>, LabelError> {
        if !self.0.habits.labels_again {
            return Err(LabelError::Gone(Refusal::new("LABEL", "labels are given once")));
        }
        Ok(vec![LabelImage {
            tracking_number: Some(shipment.id.to_string()),
            format,
            bytes: b"^XA".to_vec(),
        }])
    }

    async fn void(&self, shipment: &CarrierShipmentId) -> Result<(), VoidError> {
        let void = |fault| {
            let result = self.0.void(fault, shipment);
            self.0.desk.hear(told(&result));
            result
        };
        self.0.desk.ask(Call::Void, void).await
    }

    async fn shipment(&self, _id: &CarrierShipmentId) -> Result<Option<Shipment>, CallError> {
        Ok(None)
    }

    fn listing(&self) -> Result<Listing, String> {
        Err("it has no list".to_owned())
    }

    async fn list(&self, _stretch: Stretch, _page: Option<&str>) -> Result<ListPage, CallError> {
        Ok(ListPage::default())
    }

    fn absence_proves(&self) -> bool {
        self.0.habits.absences != Absences::ProveNothing
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

fn told(result: &impl std::fmt::Debug) -> String {
    format!("{result:?}")
}

impl Stand {
    fn sell(&self, fault: Option<Fault>, draft: &Draft) -> Result<Purchased, EffectError> {
        let worker = self.desk.worker();
        let mut books = lock(&self.books);
        let settles_in = if self.habits.stale_looks { LONG_LAG } else { 0 };
        match fault {
            None => Ok(books.sell(0, settles_in, worker, draft)),
            Some(Fault::SlowIndex(lag)) => Ok(books.sell(lag, settles_in, worker, draft)),
            Some(Fault::LostAndSlow(lag)) => {
                books.doubt = true;
                books.sell(lag, settles_in, None, draft);
                Err(lost())
            }
            Some(Fault::Rejected) => {
                books.rejected = true;
                Err(EffectError::Rejected(Refusal::new("120202", "no")))
            }
            Some(Fault::NotSent) => Err(EffectError::NotSent(limited())),
            Some(_) => {
                books.doubt = true;
                Err(lost())
            }
        }
    }

    fn void(&self, fault: Option<Fault>, shipment: &CarrierShipmentId) -> Result<(), VoidError> {
        let mut books = lock(&self.books);
        match fault {
            Some(Fault::Rejected) => {
                books.void_refused = true;
                Err(VoidError::Refused(Refusal::new("190117", "too late")))
            }
            Some(Fault::NotSent) => Err(VoidError::Later(limited())),
            answered => {
                for bought in books
                    .shipments
                    .iter_mut()
                    .filter(|bought| bought.id == shipment.as_str())
                {
                    bought.voided = true;
                }
                let lost = Later::new(Obstacle::Unreachable, "the answer was lost");
                answered.map_or(Ok(()), |_| Err(VoidError::Later(lost)))
            }
        }
    }

    fn look(&self, misses: bool, controlled: bool) -> Sighting {
        let worker = self.desk.worker();
        let mut books = lock(&self.books);
        let blind = self.habits.blind;
        let visible = |bought: &&mut Bought| {
            bought.visible_in == 0 && !bought.voided && !blind && (!misses || bought.settles_in == 0)
        };
        let mut found = Vec::new();
        for bought in books.shipments.iter_mut().filter(visible) {
            bought.known_by.extend(worker);
            found.push(shipment(&bought.id));
        }
        let sighting = Sighting {
            found,
            control_seen: controlled && !blind,
        };
        let proves = self.habits.absences == Absences::Prove;
        let absent = sighting.found.is_empty() && sighting.control_seen && proves;
        books.absences = if absent { (books.absences + 1).min(4) } else { 0 };
        sighting
    }
}

impl Books {
    fn sell(&mut self, visible_in: u8, settles_in: u8, worker: Option<usize>, draft: &Draft) -> Purchased {
        if self.live().next().is_some() && self.absences < 4 {
            self.broken = Some("a second purchase outside the recreate policy");
        }
        let as_it_is = self.order == OrderIs::Edited && draft.body == edited_address().join(", ");
        if self.bad_for >= 1 && !as_it_is {
            self.broken = Some("a purchase long after the order was changed, cancelled or fulfilled");
        }
        self.absences = 0;
        let id = format!("1Z{}", self.shipments.len() + 1);
        self.shipments.push(Bought {
            id: id.clone(),
            visible_in,
            settles_in: settles_in.max(visible_in),
            voided: false,
            known_by: worker.into_iter().collect(),
            known: false,
        });
        let label = LabelImage {
            tracking_number: Some(id.clone()),
            format: LabelFormat::Zpl,
            bytes: b"^XA".to_vec(),
        };
        Purchased {
            shipment: shipment(&id),
            labels: vec![label],
        }
    }
}

fn edited_address() -> Vec<String> {
    vec!["1 New St".to_owned()]
}

/// The ERP.
pub struct ErpSide(pub Arc<Stand>);

#[async_trait]
impl OrderSource for ErpSide {
    async fn changed(&self, _scan: &Scan) -> Result<Vec<DocumentHead>, CallError> {
        Ok(vec![DocumentHead {
            document: DocumentId::sales_order("1"),
            modified: tests::morning(),
        }])
    }

    async fn read(&self, _documents: &[DocumentId]) -> Result<Vec<Order>, CallError> {
        let read = |fault| {
            if fault == Some(Fault::Fails) {
                return Err(failed());
            }
            let books = lock(&self.0.books);
            let (is, written) = (books.order, books.writes > 0);
            drop(books);
            self.0.desk.hear((is, written));
            Ok(vec![order(is, written)])
        };
        self.0.desk.ask(Call::Read, read).await
    }

    async fn waiting(&self, scan: &Scan) -> Result<Vec<DocumentHead>, CallError> {
        self.changed(scan).await
    }

    async fn made(&self, _jobs: &[JobId]) -> Result<Option<BTreeSet<JobId>>, CallError> {
        Ok(None)
    }

    async fn numbered(&self, _number: &str) -> Result<Vec<DocumentId>, CallError> {
        Ok(Vec::new())
    }

    async fn find(&self, _write_back: &WriteBack<'_>) -> Result<Written, CallError> {
        Ok(self.0.desk.tell(|| {
            let written = lock(&self.0.books).writes > 0;
            self.0.desk.hear(written);
            if written {
                Written::Whole(reference())
            } else {
                Written::Nothing
            }
        }))
    }

    fn draft(&self, write_back: &WriteBack<'_>, _found: &Written) -> Result<Draft, Refusal> {
        Ok(Draft {
            operation: "transform".to_owned(),
            body: serde_json::Value::String(write_back.shipment.id.to_string()),
        })
    }

    async fn write_back(&self, draft: &Draft, permit: Permit) -> Result<WriteBackRef, EffectError> {
        let write = |fault| {
            let result = if self.0.lease_is_too_short(permit) {
                Err(too_short())
            } else {
                self.0.expects_intent(draft);
                self.0.write(fault)
            };
            self.0.desk.hear(told(&result));
            result
        };
        self.0.desk.ask(Call::WriteBack, write).await
    }

    async fn flag(&self, _document: &DocumentId, _problem: Option<&str>) -> Result<(), CallError> {
        Ok(())
    }

    async fn tell(
        &self,
        _document: &DocumentId,
        _status: &DeliveryStatus,
        _permit: Permit,
    ) -> Result<Told, EffectError> {
        Ok(Told::Shown)
    }

    async fn check(&self) -> Vec<Finding> {
        Vec::new()
    }

    fn lost_request_window(&self) -> Option<Duration> {
        let ticks = if self.0.habits.erp_slow { ERP_RUNNING } else { 0 };
        Duration::try_from(TICK * i32::from(ticks)).ok()
    }

    async fn close(&self) {}
}

/// The order as the ERP shows it.
fn order(is: OrderIs, written: bool) -> Order {
    let mut order = tests::order("1", vec![tests::line("1", dec!(3), dec!(3))]);
    match is {
        OrderIs::Fine | OrderIs::Fulfilled => {}
        OrderIs::Edited => order.ship_to.lines = edited_address(),
        OrderIs::Cancelled => order.standing = Standing::Cancelled,
    }
    if written || is == OrderIs::Fulfilled {
        for line in &mut order.lines {
            (line.fulfilled, line.ready) = (dec!(3), dec!(0));
        }
    }
    order
}

impl Stand {
    fn write(&self, fault: Option<Fault>) -> Result<WriteBackRef, EffectError> {
        let mut books = lock(&self.books);
        match fault {
            None => {
                books.writes += 1;
                Ok(reference())
            }
            Some(Fault::StillRunning) => {
                books.running = ERP_RUNNING;
                Err(lost())
            }
            Some(Fault::AnswerLost) => {
                books.writes += 1;
                Err(lost())
            }
            Some(Fault::Rejected) => {
                books.write_refused = true;
                Err(EffectError::Rejected(Refusal::new("USER_ERROR", "no")))
            }
            Some(Fault::NotSent) => Err(EffectError::NotSent(limited())),
            Some(_) => Err(lost()),
        }
    }
}

/// Where every write-back stands.
pub const PLACE: &str = "item fulfilment 1";

fn reference() -> WriteBackRef {
    WriteBackRef {
        place: PLACE.to_owned(),
        id: Some("1".to_owned()),
    }
}

/// Opens both sides.
pub struct OneConnection(pub Arc<Stand>);

#[async_trait]
impl Systems for OneConnection {
    async fn open(&self, _connection: &Connection) -> Result<Opened, CallError> {
        let (source, carrier) = (Arc::new(ErpSide(self.0.clone())), Arc::new(CarrierSide(self.0.clone())));
        Ok(Opened {
            source,
            carrier,
            desk: None,
            recorder: Recorder::default(),
        })
    }
}

/// The connection, which never changes.
pub struct Configured(pub Connection);

#[async_trait]
impl Connections for Configured {
    async fn ids(&self) -> Result<Vec<ConnectionId>, StoreError> {
        Ok(Vec::new())
    }

    async fn gate(&self, _id: &ConnectionId) -> Result<Option<Gate>, StoreError> {
        Ok(Some(Gate {
            connection: self.0.clone(),
            brake: None,
        }))
    }
}

/// There is always a known shipment of the account; whether a look sees it is the world's business.
pub struct AlwaysKnown(pub Control);

impl AlwaysKnown {
    /// The known shipment of a connection.
    pub fn of(connection: &ConnectionId) -> Self {
        Self(Control {
            reference: JobId::of(connection, &DocumentId::sales_order("known"), 1),
            shipment: CarrierShipmentId::new("1Z0"),
            bought_at: tests::morning(),
        })
    }
}

#[async_trait]
impl Controls for AlwaysKnown {
    async fn control(&self, _job: &Job) -> Result<Option<Control>, StoreError> {
        Ok(Some(self.0.clone()))
    }
}
