//! One document, two pollers that overlap, two waves of ready quantity, and a cancellation that may be taken back.
//!
//! The pollers wait before every call; a unit's worker goes as far as the ERP lets it, which is the other world's business.
//! Somebody has shipped two pieces by hand before, so that what the ERP shows as fulfilled is not ours alone.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::hash::Hash;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;
use waybill::connection::Connection;
use waybill::domain::*;
use waybill::flows::advance::Advance;
use waybill::flows::operate::Operate;
use waybill::flows::poll::{Poll as PollOrders, Report};
use waybill::job::{Job, WriteBackRef};
use waybill::memory::{AlwaysWorks, Memory, Tables, TurnedClock};
use waybill::ports::*;
use waybill::rules::{Rule, without};

use super::breaks::found;
use super::desk::{Call, Desk, Fault, Waits, at_once, lock};
use super::explore::{Order as Way, Scene, digest, explore};
use super::outside::{AlwaysKnown, Configured, PERSON};
use super::store::{Promise, Store};
use super::world::timing;

/// Longer than anything that a unit waits for here.
const PAUSE: SignedDuration = SignedDuration::from_hours(1);
const FIRST_WAVE: u8 = 3;
const SECOND_WAVE: u8 = 2;
const BY_HAND: u8 = 2;

/// How far an exploration goes.
#[derive(Debug, Clone, Copy)]
struct Bounds {
    /// Deaths of pollers, and answers that they lose.
    crashes: u8,
    /// Whether the ERP's quantity is read before the document's units.
    early: bool,
    /// The promise that the store does not keep.
    broken: Option<Promise>,
}

const WHOLE: Bounds = Bounds {
    crashes: 1,
    early: false,
    broken: None,
};

/// One thing that happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Choice {
    /// A poller begins.
    Poll(usize),
    /// A poller's pending call works.
    Work(usize, Call),
    /// It works, and the answer is lost.
    Lose(usize, Call),
    /// The poller dies before its pending call.
    Die(usize, Call),
    /// A unit goes on; the ERP does this to its write-back.
    Unit(usize, Erp),
    /// A person ends a unit's hold.
    Release(usize),
    /// Two more become ready.
    Second,
    /// A person cancels the order.
    Cancel,
    /// A person takes that back.
    Reinstate,
}

/// What the ERP does to a write-back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Erp {
    Takes,
    IsBusy,
    LosesTheAnswer,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Cancelling {
    Possible,
    Cancelled,
    TakenBack,
}

/// The ERP's and the carrier's books.
#[derive(Debug, Clone, Hash)]
struct Papers {
    ready: u8,
    fulfilled: u8,
    second_to_come: bool,
    cancelling: Cancelling,
    erp: Erp,
    bought: BTreeMap<JobId, u8>,
    written: BTreeMap<JobId, u8>,
    crashes: u8,
    /// What a poller read too early.
    early: [Option<(u8, u8, Cancelling)>; 2],
    /// What each poller has read is still so: units, cursor.
    fresh: [(bool, bool); 2],
    broken: Option<&'static str>,
}

impl Papers {
    fn order(&self, (ready, fulfilled, cancelling): (u8, u8, Cancelling)) -> Order {
        let ordered = FIRST_WAVE + SECOND_WAVE + BY_HAND;
        let mut line = tests::line("1", Decimal::from(ordered), Decimal::from(ready));
        line.fulfilled = Decimal::from(fulfilled);
        let mut order = tests::order("1", vec![line]);
        if cancelling == Cancelling::Cancelled {
            order.standing = Standing::Cancelled;
        }
        order
    }

    fn now(&self) -> (u8, u8, Cancelling) {
        (self.ready, self.fulfilled, self.cancelling)
    }
}

struct Account {
    desk: Arc<Desk>,
    papers: Mutex<Papers>,
    early: bool,
}

struct Erps(Arc<Account>);

fn place() -> WriteBackRef {
    WriteBackRef {
        place: "item fulfilment".to_owned(),
        id: None,
    }
}

#[async_trait]
impl OrderSource for Erps {
    async fn changed(&self, _scan: &Scan) -> Result<Vec<DocumentHead>, CallError> {
        let look = |_| {
            let mut papers = lock(&self.0.papers);
            if let (true, Some(poller)) = (self.0.early, self.0.desk.worker()) {
                papers.early[poller] = Some(papers.now());
            }
        };
        self.0.desk.ask(Call::Changed, look).await;
        Ok(vec![DocumentHead {
            document: DocumentId::sales_order("1"),
            modified: tests::morning(),
        }])
    }

    async fn read(&self, _documents: &[DocumentId]) -> Result<Vec<Order>, CallError> {
        let read = |_| {
            let papers = lock(&self.0.papers);
            let early = self.0.desk.worker().and_then(|poller| papers.early[poller]);
            let seen = early.unwrap_or_else(|| papers.now());
            let order = papers.order(seen);
            drop(papers);
            self.0.desk.hear(seen);
            Ok(vec![order])
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

    async fn find(&self, write_back: &WriteBack<'_>) -> Result<Written, CallError> {
        let written = lock(&self.0.papers).written.contains_key(write_back.job);
        Ok(if written {
            Written::Whole(place())
        } else {
            Written::Nothing
        })
    }

    fn draft(&self, write_back: &WriteBack<'_>, _found: &Written) -> Result<Draft, Refusal> {
        let pieces: Decimal = write_back.consignment.quantities().values().sum();
        Ok(Draft {
            operation: "transform".to_owned(),
            body: serde_json::json!([write_back.job.as_str(), pieces.to_u8()]),
        })
    }

    async fn write_back(&self, draft: &Draft, _permit: Permit) -> Result<WriteBackRef, EffectError> {
        let (job, pieces): (String, u8) = serde_json::from_value(draft.body.clone()).unwrap();
        let mut papers = lock(&self.0.papers);
        if papers.erp == Erp::IsBusy {
            return Err(EffectError::NotSent(Later::new(Obstacle::Limited, "429")));
        }
        if papers.written.insert(JobId::try_from(job).unwrap(), pieces).is_some() {
            papers.broken = Some("two write-backs for one unit");
        }
        papers.ready = papers.ready.saturating_sub(pieces);
        papers.fulfilled += pieces;
        match papers.erp {
            Erp::LosesTheAnswer => Err(EffectError::Unknown("the answer was lost".to_owned())),
            _ => Ok(place()),
        }
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
        Some(Duration::ZERO)
    }

    async fn close(&self) {}
}

struct Carriers(Arc<Account>);

fn shipment(job: &str) -> Shipment {
    Shipment {
        id: CarrierShipmentId::new(format!("1Z-{job}")),
        parcels: vec![ShippedParcel {
            tracking_number: format!("1Z-{job}"),
        }],
        service: None,
        cost: None,
        remarks: Vec::new(),
    }
}

#[async_trait]
impl Carrier for Carriers {
    async fn validate(&self, _address: &Address) -> Result<AddressVerdict, CallError> {
        Ok(AddressVerdict::NotCovered)
    }

    async fn offers(&self, _request: &RateRequest) -> Result<Vec<Offer>, CallError> {
        Ok(vec![Offer {
            service: "03".to_owned(),
            name: "Ground".to_owned(),
            cost: Money::new(Decimal::from(9), "USD"),
            negotiated: false,
            arrives: None,
        }])
    }

    fn draft(&self, request: &ShipmentRequest) -> Result<Draft, Refusal> {
        Ok(Draft {
            operation: "ship".to_owned(),
            body: serde_json::json!(request.reference.as_str()),
        })
    }

    async fn create(&self, draft: &Draft, _permit: Permit) -> Result<Purchased, EffectError> {
        let job: JobId = serde_json::from_value(draft.body.clone()).unwrap();
        let mut papers = lock(&self.0.papers);
        let bought = papers.bought.entry(job.clone()).or_default();
        *bought += 1;
        if *bought > 1 {
            papers.broken = Some("two shipments under one reference");
        }
        let label = LabelImage {
            tracking_number: Some(format!("1Z-{job}")),
            format: LabelFormat::Zpl,
            bytes: b"^XA".to_vec(),
        };
        Ok(Purchased {
            shipment: shipment(job.as_str()),
            labels: vec![label],
        })
    }

    async fn find(&self, _reference: &JobId, _control: Option<&Control>) -> Result<Sighting, CallError> {
        panic!("nothing is lost at the carrier here")
    }

    async fn labels(&self, _shipment: &Shipment, _format: LabelFormat) -> Result<Vec<LabelImage>, LabelError> {
        panic!("no label is lost here")
    }

    async fn void(&self, _shipment: &CarrierShipmentId) -> Result<(), VoidError> {
        panic!("nobody voids here")
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
        true
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

struct Handle(Arc<Account>);

#[async_trait]
impl Systems for Handle {
    async fn open(&self, _connection: &Connection) -> Result<Opened, CallError> {
        let (source, carrier) = (Arc::new(Erps(self.0.clone())), Arc::new(Carriers(self.0.clone())));
        Ok(Opened {
            source,
            carrier,
            desk: None,
            recorder: Recorder::default(),
        })
    }
}

type Running = Pin<Box<dyn Future<Output = Result<Report, StoreError>>>>;

struct Admission {
    bounds: Bounds,
    account: Arc<Account>,
    clock: TurnedClock,
    memory: Memory,
    poll: Arc<PollOrders>,
    advance: Advance,
    operate: Operate,
    connection: ConnectionId,
    running: [Option<Running>; 2],
}

struct Frozen {
    tables: Tables,
    papers: Papers,
    now: Timestamp,
    waits: Waits,
}

impl Admission {
    fn new(bounds: Bounds) -> Self {
        let clock = TurnedClock::at(tests::morning());
        let desk = Arc::new(Desk::new(clock.clone()));
        let memory = Memory::new(Arc::new(clock.clone()), Arc::new(AlwaysWorks));
        let papers = Papers {
            ready: FIRST_WAVE,
            fulfilled: BY_HAND,
            second_to_come: true,
            cancelling: Cancelling::Possible,
            erp: Erp::Takes,
            bought: BTreeMap::new(),
            written: BTreeMap::new(),
            crashes: 0,
            early: [None; 2],
            fresh: [(true, true); 2],
            broken: None,
        };
        let account = Arc::new(Account {
            desk: desk.clone(),
            papers: Mutex::new(papers),
            early: bounds.early,
        });
        let store = Arc::new(Store {
            memory: memory.clone(),
            desk: desk.clone(),
            broken: bounds.broken,
            waits_for_units: true,
        });
        let connection = tests::connection("acme").unwrap();
        let id = connection.id.clone();
        let controls = Arc::new(AlwaysKnown::of(&id));
        let connections = Arc::new(Configured(connection));
        let systems: Arc<dyn Systems> = Arc::new(Handle(account.clone()));
        let poll = PollOrders {
            connections: connections.clone(),
            systems: systems.clone(),
            cursors: store.clone(),
            documents: store.clone(),
            jobs: store.clone(),
            stories: Arc::new(store.memory.clone()),
            queue: store.clone(),
            clock: desk.clone(),
            nonces: desk.clone(),
            timing: timing(),
        };
        let advance = Advance {
            jobs: store.clone(),
            documents: store.clone(),
            controls,
            connections: connections.clone(),
            systems: systems.clone(),
            labels: store.clone(),
            links: store.clone(),
            spending: store.clone(),
            queue: store.clone(),
            clock: desk.clone(),
            nonces: desk.clone(),
            timing: timing(),
        };
        let operate = Operate {
            jobs: store.clone(),
            documents: store.clone(),
            connections,
            systems,
            queue: store,
            clock: desk.clone(),
            nonces: desk,
            timing: timing(),
        };
        Self {
            bounds,
            account,
            clock,
            memory,
            poll: Arc::new(poll),
            advance,
            operate,
            connection: id,
            running: [None, None],
        }
    }

    fn units(&self) -> Units {
        let none = || Units::none(DocumentId::sales_order("1"), "SO1");
        self.memory.tables().units.values().next().cloned().unwrap_or_else(none)
    }

    /// The jobs of the document's units, in their order; `None` where an allotment has none.
    fn jobs(&self) -> Vec<Option<Job>> {
        let units = self.units();
        let tables = self.memory.tables();
        units
            .units
            .iter()
            .map(|unit| tables.jobs.get(&unit.job).cloned())
            .collect()
    }

    fn invocation(&self) -> Running {
        let (poll, connection) = (self.poll.clone(), self.connection.clone());
        Box::pin(async move { poll.run(&connection, Timestamp::MAX).await })
    }

    fn go(&mut self, poller: usize) {
        let running = self.running[poller].as_mut();
        if running
            .and_then(|running| self.account.desk.go(poller, running))
            .is_some()
        {
            self.leave(poller);
        }
    }

    fn under_way(&self, poller: usize) -> bool {
        self.account.desk.pending(poller).is_some()
    }

    /// A poller that was copied is led back to where it was, once it is to go on.
    fn lead(&mut self, poller: usize) {
        if self.running[poller].is_none() {
            let mut running = self.invocation();
            self.account.desk.lead(poller, &mut running);
            self.running[poller] = Some(running);
        }
    }

    fn leave(&mut self, poller: usize) {
        self.running[poller] = None;
        self.account.desk.leave(poller);
        let mut papers = lock(&self.account.papers);
        papers.early[poller] = None;
        papers.fresh[poller] = (true, true);
    }

    /// A call of a poller; what it reads is fresh until somebody writes.
    fn grant(&mut self, poller: usize, fault: Option<Fault>) {
        let call = self.account.desk.pending(poller);
        let before = self.versions();
        self.lead(poller);
        self.account.desk.grant(poller, fault);
        self.go(poller);
        if self.under_way(poller) {
            let fresh = &mut lock(&self.account.papers).fresh[poller];
            match call {
                Some(Call::Units) => fresh.0 = true,
                Some(Call::Cursor) => fresh.1 = true,
                _ => {}
            }
        }
        self.age(before, Some(poller));
    }

    fn versions(&self) -> (u64, u64) {
        let cursor = self
            .memory
            .tables()
            .cursors
            .values()
            .next()
            .map_or(0, |cursor| cursor.version);
        (self.units().version, cursor)
    }

    /// A write makes every other reading old.
    fn age(&self, before: (u64, u64), but: Option<usize>) {
        let after = self.versions();
        let mut papers = lock(&self.account.papers);
        for (poller, fresh) in papers.fresh.iter_mut().enumerate() {
            fresh.0 &= after.0 == before.0;
            fresh.1 &= after.1 == before.1 || but == Some(poller);
        }
    }

    fn unit(&mut self, index: usize, erp: Erp) {
        let before = self.versions();
        lock(&self.account.papers).erp = erp;
        if let Some(Some(job)) = self.jobs().get(index) {
            at_once(self.advance.run(&job.id)).unwrap();
        }
        lock(&self.account.papers).erp = Erp::Takes;
        self.clock.turn(PAUSE);
        self.age(before, None);
    }

    fn release(&mut self, index: usize) {
        if let Some(Some(job)) = self.jobs().get(index)
            && let Some(hold) = &job.hold
        {
            let before = self.versions();
            let _ = at_once(self.operate.release(&job.id, PERSON, hold.reason));
            self.age(before, None);
        }
    }

    fn units_choices(&self, papers: &Papers, choices: &mut Vec<Choice>) {
        for (index, job) in self.jobs().into_iter().enumerate() {
            let Some(job) = job.filter(|job| !job.finished()) else {
                continue;
            };
            choices.push(Choice::Unit(index, Erp::Takes));
            if job.purchase.done().is_none() {
                choices.push(Choice::Unit(index, Erp::IsBusy));
            }
            if !papers.written.contains_key(&job.id) {
                choices.push(Choice::Unit(index, Erp::LosesTheAnswer));
            }
            choices.extend(job.hold.as_ref().map(|_| Choice::Release(index)));
        }
    }
}

fn pieces(unit: &Unit) -> Decimal {
    unit.quantities.values().sum()
}

impl Scene for Admission {
    type Choice = Choice;
    type Frozen = Frozen;
    type Aside = [Option<Running>; 2];

    fn beginnings(&mut self) -> Vec<Frozen> {
        vec![self.freeze()]
    }

    fn choices(&self) -> Vec<Choice> {
        let papers = lock(&self.account.papers).clone();
        let mut choices = Vec::new();
        for poller in 0..2 {
            match self.account.desk.pending(poller) {
                None if poller == 0 || self.under_way(0) => choices.push(Choice::Poll(poller)),
                None => {}
                Some(call) => {
                    choices.push(Choice::Work(poller, call));
                    if papers.crashes < self.bounds.crashes {
                        choices.push(Choice::Die(poller, call));
                        choices.extend((call == Call::Admit).then_some(Choice::Lose(poller, call)));
                    }
                }
            }
        }
        self.units_choices(&papers, &mut choices);
        choices.extend(papers.second_to_come.then_some(Choice::Second));
        choices.extend(match papers.cancelling {
            Cancelling::Possible => Some(Choice::Cancel),
            Cancelling::Cancelled => Some(Choice::Reinstate),
            Cancelling::TakenBack => None,
        });
        choices
    }

    fn happen(&mut self, choice: Choice) {
        match choice {
            Choice::Poll(poller) => {
                self.running[poller] = Some(self.invocation());
                self.account.desk.begin(poller);
                self.go(poller);
            }
            Choice::Work(poller, _) => self.grant(poller, None),
            Choice::Lose(poller, _) => {
                lock(&self.account.papers).crashes += 1;
                self.grant(poller, Some(Fault::AnswerLost));
            }
            Choice::Die(poller, _) => {
                lock(&self.account.papers).crashes += 1;
                self.leave(poller);
            }
            Choice::Unit(index, erp) => self.unit(index, erp),
            Choice::Release(index) => self.release(index),
            Choice::Second => {
                let mut papers = lock(&self.account.papers);
                papers.second_to_come = false;
                papers.ready += SECOND_WAVE;
            }
            Choice::Cancel => lock(&self.account.papers).cancelling = Cancelling::Cancelled,
            Choice::Reinstate => lock(&self.account.papers).cancelling = Cancelling::TakenBack,
        }
    }

    fn broken(&self) -> Option<&'static str> {
        let papers = lock(&self.account.papers).clone();
        let units = self.units();
        let total = FIRST_WAVE + if papers.second_to_come { 0 } else { SECOND_WAVE };
        let allotted = units.units.iter().filter(|unit| unit.phase != UnitPhase::Closed);
        if allotted.map(pieces).sum::<Decimal>() > Decimal::from(total) {
            return Some("more allotted than was ever ready");
        }
        if papers.written.values().sum::<u8>() > total {
            return Some("more shipped than was ever ready");
        }
        let under_way = self.under_way(0) || self.under_way(1);
        let busy = under_way || self.jobs().iter().flatten().any(|job| !job.over());
        let order = papers.order(papers.now());
        let waits = papers.ready > 0 && order.standing == Standing::Ready;
        let forgotten = waits && !busy && units.allottable(&order, &[], &[]).is_empty();
        papers
            .broken
            .or(forgotten.then_some("a ready quantity that nothing will ever ship"))
    }

    fn quiet(&self) -> bool {
        let papers = lock(&self.account.papers);
        let shipped = papers.ready == 0 || papers.cancelling == Cancelling::Cancelled;
        drop(papers);
        let over = self.jobs().iter().flatten().all(Job::finished);
        shipped && over && !self.under_way(0) && !self.under_way(1)
    }

    fn key(&self) -> u64 {
        let mut papers = lock(&self.account.papers).clone();
        let desk = &self.account.desk;
        let mut pollers = [0, 1].map(|poller| {
            let at = (desk.pending(poller), desk.heard(poller));
            digest(&(at, papers.fresh[poller], papers.early[poller]))
        });
        pollers.sort_unstable();
        (papers.fresh, papers.early) = ([(true, true); 2], [None; 2]);
        let jobs: Vec<_> = self.jobs().iter().map(|job| job.as_ref().map(in_short)).collect();
        let units = self.units().units;
        let units: Vec<_> = units.iter().map(|unit| (pieces(unit), unit.phase as u8)).collect();
        let tables = self.memory.tables();
        let noted = (tables.cursors.is_empty(), tables.rereads.len());
        digest(&(papers, pollers, jobs, units, noted))
    }

    fn freeze(&self) -> Frozen {
        Frozen {
            tables: self.memory.tables().clone(),
            papers: lock(&self.account.papers).clone(),
            now: self.clock.now(),
            waits: self.account.desk.copy(),
        }
    }

    fn thaw(&mut self, frozen: &Frozen) {
        self.running = [None, None];
        self.account.desk.restore(&frozen.waits);
        *self.memory.tables() = frozen.tables.clone();
        *lock(&self.account.papers) = frozen.papers.clone();
        self.clock.set(frozen.now);
    }

    fn set_aside(&mut self) -> Self::Aside {
        std::mem::take(&mut self.running)
    }

    fn take_up(&mut self, aside: Self::Aside) {
        self.running = aside;
    }
}

/// A job as far as it matters here, where every wait ends before the job's next turn.
fn in_short(job: &Job) -> u64 {
    let steps = (
        std::mem::discriminant(&job.purchase),
        std::mem::discriminant(&job.write_back),
        std::mem::discriminant(&job.flag),
    );
    let hold = job.hold.as_ref().map(|hold| hold.reason);
    let young = job.updated_at == job.created_at;
    digest(&(
        steps,
        hold,
        job.closed.is_some(),
        job.finished(),
        job.snapshot.hash.as_str(),
        young,
    ))
}

fn without_a_rule(rule: Rule, expected: &str) {
    let explored = without(rule, || {
        explore(Admission::new(Bounds { crashes: 0, ..WHOLE }), Way::Breadth)
    });
    found(&format!("admission without {rule:?}"), expected, explored);
}

/// P20: two pollers, two waves and a cancellation: every ready piece is one unit's, and none is forgotten.
#[test]
#[ignore = "minutes"]
fn crash_admission() {
    let calm = Bounds { crashes: 0, ..WHOLE };
    super::report("admission: two pollers, two waves", calm, Admission::new);
}

/// P20: the same where a poller dies or loses an answer.
#[test]
#[ignore = "minutes"]
fn crash_admission_and_a_crash() {
    super::report("admission: two pollers, two waves, one crash", WHOLE, Admission::new);
}

#[test]
fn crash_admission_finds_an_order_read_before_the_units() {
    let early = Bounds {
        crashes: 0,
        early: true,
        ..WHOLE
    };
    let explored = explore(Admission::new(early), Way::Breadth);
    found(
        "the ERP is read before UNITS",
        "more allotted than was ever ready",
        explored,
    );
}

#[test]
fn crash_admission_finds_an_allotment_without_its_job() {
    let broken = Bounds {
        crashes: 1,
        broken: Some(Promise::AllotWithJob),
        ..WHOLE
    };
    let explored = explore(Admission::new(broken), Way::Breadth);
    let expected = "a ready quantity that nothing will ever ship";
    found("without AllotWithJob", expected, explored);
}

#[test]
fn crash_admission_finds_a_job_keyed_by_order() {
    without_a_rule(Rule::KeyByUnit, "two shipments under one reference");
}

#[test]
fn crash_admission_finds_a_closed_unit_that_stays_allotted() {
    without_a_rule(Rule::GiveBack, "a ready quantity that nothing will ever ship");
}
