//! One order, one job, two workers, a carrier, an ERP and a person: every call that matters waits here for the explorer.
//!
//! The times are those of the executable specification: a tick is longer than a call and than the snapshot's ten minutes,
//! the lease is two ticks, looks are a tick apart, an index lags by up to seven, the duplicate check comes after nine, and a
//! lost request to the ERP runs for up to three.

use std::collections::BTreeSet;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use rust_decimal::dec;
use waybill::connection::Connection;
use waybill::domain::*;
use waybill::flows::advance::Advance;
use waybill::flows::poll::Poll as PollOrders;
use waybill::flows::sweep::Sweep;
use waybill::job::{Backoff, HoldReason, Job, Step, Timing, WriteBackRef};
use waybill::memory::{AlwaysWorks, CountedNonces, Fate, Memory, Switch, Tables, TurnedClock};
use waybill::ports::*;

/// A tick.
pub const TICK: SignedDuration = SignedDuration::from_mins(11);
const LONG_LAG: u8 = 7;
const ERP_RUNNING: u8 = 3;

/// How far an exploration goes.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// Lost answers, rejections, slow indexes, duplicate messages.
    pub faults: u8,
    /// Deaths and stalls.
    pub crashes: u8,
    /// Both together.
    pub total: u8,
    /// Whether the account's look-up never finds anything.
    pub blind: bool,
    /// Whether the ERP may go on working on a lost request.
    pub erp_slow: bool,
    /// Whether a person may change the order once.
    pub person: bool,
    /// Whether a slow index is tried.
    pub lags: bool,
}

/// One thing that happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Choice {
    /// A worker takes a message.
    Receive(usize),
    /// A worker receives a message that stays in the queue.
    ReceiveDuplicate(usize),
    /// A worker's pending call works.
    Work(usize),
    /// It works in this other way.
    Fault(usize, Fault),
    /// The worker dies before its pending call.
    Die(usize),
    /// Its pending save works, and it dies of it.
    Vanish(usize),
    /// Time passes.
    Tick,
    /// The sweeper runs.
    Sweep,
    /// The ERP finishes a request whose answer was lost.
    ErpFinishes,
    /// A person edits the order.
    Edit,
    /// A person cancels the order.
    Cancel,
}

/// How a call can fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Fault {
    /// It works, and the answer is lost.
    AnswerLost,
    /// It does not work, and nobody is told.
    RequestLost,
    /// The ERP is still working on it when the caller gives up.
    StillRunning,
    /// It is bought, answered, and found by a look only after so many ticks.
    SlowIndex(u8),
    /// It is bought, the answer is lost, and it is found only after so many ticks.
    LostAndSlow(u8),
    /// The carrier says no.
    Rejected,
    /// 429.
    NotSent,
}

#[derive(Debug, Clone)]
struct Bought {
    id: String,
    visible_in: u8,
    voided: bool,
    known_by: BTreeSet<usize>,
    known: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum OrderIs {
    Fine,
    Edited,
    Cancelled,
}

/// The outside world and the explorer's own books.
struct Outside {
    shipments: Vec<Bought>,
    order: OrderIs,
    bad_for: u8,
    writes: u8,
    running: u8,
    blind: bool,
    absences: u8,
    messages: u8,
    faults: u8,
    crashes: u8,
    doubt: bool,
    rejected: bool,
    broken: Option<&'static str>,
}

/// Where workers wait for the explorer.
#[derive(Default)]
struct Desk {
    current: Option<usize>,
    pending: [Option<&'static str>; 2],
    granted: [Option<Option<Fault>>; 2],
    vanish: [bool; 2],
    heard: [Vec<u64>; 2],
    loaded: [Option<u64>; 2],
    known: [Option<(Job, Timestamp)>; 2],
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

struct Waiting<'a> {
    desk: &'a Mutex<Desk>,
    call: &'static str,
}

impl Future for Waiting<'_> {
    type Output = (Option<Fault>, bool);

    fn poll(self: Pin<&mut Self>, _context: &mut Context<'_>) -> Poll<Self::Output> {
        let mut desk = lock(self.desk);
        let Some(worker) = desk.current else {
            return Poll::Ready((None, false));
        };
        match desk.granted[worker].take() {
            Some(fault) => {
                desk.pending[worker] = None;
                let vanish = std::mem::take(&mut desk.vanish[worker]);
                Poll::Ready((fault, vanish))
            }
            None => {
                desk.pending[worker] = Some(self.call);
                Poll::Pending
            }
        }
    }
}

struct Stand {
    desk: Arc<Mutex<Desk>>,
    outside: Arc<Mutex<Outside>>,
    clock: TurnedClock,
    timing: Timing,
}

impl Stand {
    async fn wait(&self, call: &'static str) -> (Option<Fault>, bool) {
        Waiting { desk: &self.desk, call }.await
    }

    fn worker(&self) -> Option<usize> {
        lock(&self.desk).current
    }

    fn hear(&self, what: impl std::hash::Hash) {
        let mut desk = lock(&self.desk);
        if let Some(worker) = desk.current {
            desk.heard[worker].push(super::explore::digest(&what));
        }
    }
}

#[async_trait]
impl Switch for Stand {
    async fn before(&self, call: &'static str) -> Fate {
        // Between these and the next call nothing of the world can matter: they are not waited for.
        if !matches!(call, "load" | "save") {
            return Fate::Work;
        }
        match self.wait(call).await {
            (_, true) => Fate::Vanish,
            (Some(_), _) => Fate::LoseAnswer,
            (None, _) => Fate::Work,
        }
    }
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

struct CarrierSide(Arc<Stand>);

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

    fn draft(&self, _request: &ShipmentRequest) -> Result<Draft, Refusal> {
        Ok(Draft {
            operation: "ship".to_owned(),
            body: serde_json::Value::Null,
        })
    }

    async fn create(&self, _draft: &Draft, permit: Permit) -> Result<Purchased, EffectError> {
        let (fault, _) = self.0.wait("create").await;
        let worker = self.0.worker().unwrap_or(0);
        let result = self.0.sell(fault, permit, worker);
        self.0.hear(format!("{result:?}"));
        result
    }

    fn listing(&self) -> Result<waybill::ports::Listing, String> {
        Err("it has no list".to_owned())
    }

    async fn list(
        &self,
        _stretch: waybill::domain::Stretch,
        _page: Option<&str>,
    ) -> Result<waybill::ports::ListPage, CallError> {
        Ok(waybill::ports::ListPage::default())
    }

    async fn find(&self, _reference: &JobId, control: Option<&Control>) -> Result<Sighting, CallError> {
        self.0.wait("find").await;
        let worker = self.0.worker().unwrap_or(0);
        let mut outside = lock(&self.0.outside);
        let blind = outside.blind;
        let mut found = Vec::new();
        for bought in outside
            .shipments
            .iter_mut()
            .filter(|bought| bought.visible_in == 0 && !bought.voided && !blind)
        {
            bought.known_by.insert(worker);
            found.push(shipment(&bought.id));
        }
        let sighting = Sighting {
            found,
            control_seen: control.is_some() && !blind,
        };
        let absent = sighting.found.is_empty() && sighting.control_seen;
        outside.absences = if absent { (outside.absences + 1).min(4) } else { 0 };
        drop(outside);
        self.0.hear(format!("{sighting:?}"));
        Ok(sighting)
    }

    async fn labels(&self, shipment: &Shipment, format: LabelFormat) -> Result<Vec<LabelImage>, LabelError> {
        Ok(vec![LabelImage {
            tracking_number: Some(shipment.id.to_string()),
            format,
            bytes: b"^XA".to_vec(),
        }])
    }

    async fn void(&self, shipment: &CarrierShipmentId) -> Result<(), VoidError> {
        let (fault, _) = self.0.wait("void").await;
        for bought in lock(&self.0.outside)
            .shipments
            .iter_mut()
            .filter(|bought| bought.id == shipment.as_str())
        {
            bought.voided = true;
        }
        self.0.hear(fault.is_some());
        match fault {
            None => Ok(()),
            Some(_) => Err(VoidError::Later(Later::new(
                Obstacle::Unreachable,
                "the answer was lost",
            ))),
        }
    }

    async fn shipment(&self, _id: &CarrierShipmentId) -> Result<Option<Shipment>, CallError> {
        Ok(None)
    }

    fn absence_proves(&self) -> bool {
        true
    }

    async fn check(&self) -> Vec<Finding> {
        Vec::new()
    }
}

impl Stand {
    fn sell(&self, fault: Option<Fault>, permit: Permit, worker: usize) -> Result<Purchased, EffectError> {
        if self.clock.now() + self.timing.call >= permit.until {
            return Err(EffectError::NotSent(Later::new(
                Obstacle::LeaseTooShort,
                "the lease is too short",
            )));
        }
        let mut outside = lock(&self.outside);
        let lost = || Err(EffectError::Unknown("the answer was lost".to_owned()));
        match fault {
            None => outside.sell(0, Some(worker)),
            Some(Fault::SlowIndex(lag)) => outside.sell(lag, Some(worker)),
            Some(Fault::LostAndSlow(lag)) => {
                outside.doubt = true;
                outside.sell(lag, None).and_then(|_| lost())
            }
            Some(Fault::Rejected) => {
                outside.rejected = true;
                Err(EffectError::Rejected(Refusal::new("120202", "no")))
            }
            Some(Fault::NotSent) => Err(EffectError::NotSent(Later::new(Obstacle::Limited, "429"))),
            Some(Fault::RequestLost | Fault::AnswerLost | Fault::StillRunning) => {
                outside.doubt = true;
                lost()
            }
        }
    }
}

impl Outside {
    fn sell(&mut self, visible_in: u8, worker: Option<usize>) -> Result<Purchased, EffectError> {
        if self.shipments.iter().any(|bought| !bought.voided) && self.absences < 4 {
            self.broken = Some("a second purchase outside the recreate policy");
        }
        if self.bad_for >= 1 {
            self.broken = Some("a purchase long after the order was cancelled");
        }
        self.absences = 0;
        let id = format!("1Z{}", self.shipments.len() + 1);
        let known_by = worker.into_iter().collect();
        self.shipments.push(Bought {
            id: id.clone(),
            visible_in,
            voided: false,
            known_by,
            known: false,
        });
        let label = LabelImage {
            tracking_number: Some(id.clone()),
            format: LabelFormat::Zpl,
            bytes: b"^XA".to_vec(),
        };
        Ok(Purchased {
            shipment: shipment(&id),
            labels: vec![label],
        })
    }
}

struct ErpSide(Arc<Stand>);

#[async_trait]
impl OrderSource for ErpSide {
    async fn changed(&self, _scan: &Scan) -> Result<Vec<DocumentHead>, CallError> {
        Ok(vec![DocumentHead {
            document: DocumentId::sales_order("1"),
            modified: tests::morning(),
        }])
    }

    async fn waiting(&self, scan: &Scan) -> Result<Vec<DocumentHead>, CallError> {
        self.changed(scan).await
    }

    async fn made(&self, _jobs: &[JobId]) -> Result<Option<std::collections::BTreeSet<JobId>>, CallError> {
        Ok(None)
    }

    async fn read(&self, _documents: &[DocumentId]) -> Result<Vec<Order>, CallError> {
        self.0.wait("read").await;
        let outside = lock(&self.0.outside);
        let mut order = tests::order("1", vec![tests::line("1", dec!(3), dec!(3))]);
        match outside.order {
            OrderIs::Fine => {}
            OrderIs::Edited => order.ship_to.lines = vec!["1 New St".to_owned()],
            OrderIs::Cancelled => order.standing = Standing::Cancelled,
        }
        self.0.hear((outside.order as u8, outside.writes > 0));
        Ok(vec![order])
    }

    async fn numbered(&self, _number: &str) -> Result<Vec<DocumentId>, CallError> {
        Ok(Vec::new())
    }

    async fn find(&self, _write_back: &WriteBack<'_>) -> Result<Written, CallError> {
        let written = lock(&self.0.outside).writes > 0;
        self.0.hear(written);
        Ok(if written {
            Written::Whole(reference())
        } else {
            Written::Nothing
        })
    }

    fn draft(&self, _write_back: &WriteBack<'_>, _found: &Written) -> Result<Draft, Refusal> {
        Ok(Draft {
            operation: "transform".to_owned(),
            body: serde_json::Value::Null,
        })
    }

    async fn write_back(&self, _draft: &Draft, permit: Permit) -> Result<WriteBackRef, EffectError> {
        let (fault, _) = self.0.wait("write_back").await;
        let result = self.0.write(fault, permit);
        self.0.hear(format!("{result:?}"));
        result
    }

    async fn flag(&self, _document: &DocumentId, _problem: Option<&str>) -> Result<(), CallError> {
        Ok(())
    }

    async fn check(&self) -> Vec<Finding> {
        Vec::new()
    }

    fn lost_request_window(&self) -> Option<Duration> {
        Duration::try_from(TICK * i32::from(ERP_RUNNING)).ok()
    }
}

impl Stand {
    fn write(&self, fault: Option<Fault>, permit: Permit) -> Result<WriteBackRef, EffectError> {
        if self.clock.now() + self.timing.call >= permit.until {
            return Err(EffectError::NotSent(Later::new(
                Obstacle::LeaseTooShort,
                "the lease is too short",
            )));
        }
        let mut outside = lock(&self.outside);
        let lost = Err(EffectError::Unknown("the answer was lost".to_owned()));
        match fault {
            None => {
                outside.writes += 1;
                Ok(reference())
            }
            Some(Fault::StillRunning) => {
                outside.running = ERP_RUNNING;
                lost
            }
            Some(Fault::AnswerLost) => {
                outside.writes += 1;
                lost
            }
            Some(_) => lost,
        }
    }
}

fn reference() -> WriteBackRef {
    WriteBackRef {
        place: "item fulfilment 1".to_owned(),
        id: Some("1".to_owned()),
    }
}

struct OneConnection(Arc<Stand>);

#[async_trait]
impl Systems for OneConnection {
    async fn open(&self, _connection: &Connection) -> Result<Opened, CallError> {
        let (source, carrier) = (Arc::new(ErpSide(self.0.clone())), Arc::new(CarrierSide(self.0.clone())));
        Ok(Opened {
            source,
            carrier,
            recorder: Recorder::default(),
        })
    }
}

type Running = Pin<Box<dyn Future<Output = Result<(), StoreError>>>>;

/// A world in motion.
pub struct World {
    bounds: Bounds,
    stand: Arc<Stand>,
    memory: Memory,
    advance: Arc<Advance>,
    sweep: Sweep,
    job: JobId,
    running: [Option<Running>; 2],
    stalled: [bool; 2],
    heard_at: [Timestamp; 2],
}

/// What is stored once the poller has admitted the order: every world begins with it.
static ADMITTED: OnceLock<Tables> = OnceLock::new();

fn admitted(connection: &Connection, systems: &Arc<dyn Systems>, clock: &TurnedClock) -> Tables {
    let memory = Arc::new(Memory::new(Arc::new(clock.clone()), Arc::new(AlwaysWorks)));
    memory
        .tables()
        .connections
        .insert(connection.id.clone(), connection.clone());
    let poll = PollOrders {
        connections: memory.clone(),
        systems: systems.clone(),
        cursors: memory.clone(),
        documents: memory.clone(),
        jobs: memory.clone(),
        queue: memory.clone(),
        clock: Arc::new(clock.clone()),
        nonces: Arc::new(CountedNonces::default()),
        timing: timing(),
    };
    let report = at_once(poll.run(&connection.id, Timestamp::MAX)).unwrap();
    assert_eq!(report.admitted, 1, "{report:?}");
    let mut tables = memory.tables().clone();
    tables.queue.clear();
    // The admitting nonce is the world's own: nobody else may draw it again.
    tables
        .jobs
        .values_mut()
        .for_each(|job| job.last_write = Nonce::new("admitted"));
    tables
}

/// The times of the specification, in ticks.
fn timing() -> Timing {
    Timing {
        lease: TICK * 2,
        call: TICK,
        snapshot_age: SignedDuration::from_mins(10),
        looks: [1, 2, 3, 4].map(|ticks| TICK * ticks).to_vec(),
        duplicate_check: TICK * 9,
        held: TICK,
        retry: TICK,
        backoff: Backoff::STEADY,
        erp_window: None,
        overlap: TICK,
    }
}

impl World {
    /// One admitted order; its message is in the queue, or was lost with its poller.
    pub fn new(bounds: Bounds, queued: bool) -> Self {
        let clock = TurnedClock::at(tests::morning());
        let outside = Outside {
            shipments: Vec::new(),
            order: OrderIs::Fine,
            bad_for: 0,
            writes: 0,
            running: 0,
            blind: bounds.blind,
            absences: 0,
            messages: u8::from(queued),
            faults: 0,
            crashes: u8::from(!queued),
            doubt: false,
            rejected: false,
            broken: None,
        };
        let stand = Arc::new(Stand {
            desk: Arc::default(),
            outside: Arc::new(Mutex::new(outside)),
            clock: clock.clone(),
            timing: timing(),
        });
        let memory = Memory::new(Arc::new(clock.clone()), stand.clone());
        let connection = tests::connection("acme").unwrap();
        let systems: Arc<dyn Systems> = Arc::new(OneConnection(stand.clone()));
        *memory.tables() = ADMITTED.get_or_init(|| admitted(&connection, &systems, &clock)).clone();
        let shared = Arc::new(memory.clone());
        let nonces = Arc::new(CountedNonces::default());
        let advance = Advance {
            jobs: shared.clone(),
            documents: shared.clone(),
            controls: Arc::new(AlwaysKnown),
            connections: shared.clone(),
            systems,
            labels: shared.clone(),
            spending: shared.clone(),
            queue: shared.clone(),
            clock: Arc::new(clock.clone()),
            nonces: nonces.clone(),
            timing: timing(),
        };
        let sweep = Sweep {
            due: shared.clone(),
            jobs: shared.clone(),
            queue: shared,
            clock: Arc::new(clock.clone()),
            nonces,
            timing: timing(),
        };
        let job = JobId::of(&connection.id, &DocumentId::sales_order("1"), 1);
        let now = clock.now();
        Self {
            bounds,
            stand,
            memory,
            advance: Arc::new(advance),
            sweep,
            job,
            running: [None, None],
            stalled: [false; 2],
            heard_at: [now; 2],
        }
    }

    /// Everything that can happen now.
    pub fn choices(&self) -> Vec<Choice> {
        let mut choices = Vec::new();
        let outside = lock(&self.stand.outside);
        let spent = outside.faults + outside.crashes;
        let fault = outside.faults < self.bounds.faults && spent < self.bounds.total;
        let mishap = |count: u8| outside.crashes + count <= self.bounds.crashes && spent + count <= self.bounds.total;
        for worker in 0..2 {
            match self.pending(worker) {
                None => {
                    let first_free = worker == 0 || self.running[0].is_some();
                    if first_free && outside.messages > 0 {
                        choices.push(Choice::Receive(worker));
                        if fault {
                            choices.push(Choice::ReceiveDuplicate(worker));
                        }
                    }
                }
                Some(call) => {
                    choices.push(Choice::Work(worker));
                    if fault {
                        choices.extend(
                            self.faults(call, &outside)
                                .into_iter()
                                .map(|fault| Choice::Fault(worker, fault)),
                        );
                    }
                    if may_fail(call) && mishap(1) {
                        choices.push(Choice::Die(worker));
                        if call == "save" {
                            choices.push(Choice::Vanish(worker));
                        }
                    }
                }
            }
        }
        let stalls = (0..2)
            .filter(|worker| self.pending(*worker).is_some() && !self.stalled[*worker])
            .count();
        let stalls = u8::try_from(stalls).unwrap();
        if (0..2).all(|worker| self.pending(worker).is_none_or(may_fail)) && (stalls == 0 || mishap(stalls)) {
            choices.push(Choice::Tick);
        }
        if outside.running > 0 {
            choices.push(Choice::ErpFinishes);
        }
        let due = self.state().due_at.is_some_and(|due| due <= self.stand.clock.now());
        if due && outside.messages == 0 {
            choices.push(Choice::Sweep);
        }
        if self.bounds.person && outside.order == OrderIs::Fine {
            choices.extend([Choice::Edit, Choice::Cancel]);
        }
        choices
    }

    fn faults(&self, call: &'static str, outside: &Outside) -> Vec<Fault> {
        match call {
            "save" | "void" => vec![Fault::AnswerLost],
            "create" if self.bounds.lags => vec![
                Fault::SlowIndex(LONG_LAG),
                Fault::LostAndSlow(2),
                Fault::LostAndSlow(LONG_LAG),
                Fault::RequestLost,
                Fault::Rejected,
                Fault::NotSent,
            ],
            "create" => vec![
                Fault::LostAndSlow(0),
                Fault::RequestLost,
                Fault::Rejected,
                Fault::NotSent,
            ],
            "write_back" if self.bounds.erp_slow && outside.running == 0 => {
                vec![Fault::AnswerLost, Fault::RequestLost, Fault::StillRunning]
            }
            "write_back" => vec![Fault::AnswerLost, Fault::RequestLost],
            _ => Vec::new(),
        }
    }

    fn pending(&self, worker: usize) -> Option<&'static str> {
        self.running[worker].as_ref()?;
        lock(&self.stand.desk).pending[worker]
    }

    fn state(&self) -> Job {
        self.memory.tables().jobs.get(&self.job).cloned().unwrap()
    }

    /// Makes one thing happen.
    pub fn happen(&mut self, choice: Choice) {
        match choice {
            Choice::Receive(worker) => {
                lock(&self.stand.outside).messages -= 1;
                self.start(worker);
            }
            Choice::ReceiveDuplicate(worker) => {
                lock(&self.stand.outside).faults += 1;
                self.start(worker);
            }
            Choice::Work(worker) => self.grant(worker, None, false),
            Choice::Fault(worker, fault) => {
                lock(&self.stand.outside).faults += 1;
                self.grant(worker, Some(fault), false);
            }
            Choice::Die(worker) => self.die(worker),
            Choice::Vanish(worker) => {
                self.grant(worker, None, true);
                self.die(worker);
            }
            Choice::Tick => self.tick(),
            Choice::Sweep => self.sweep(),
            Choice::ErpFinishes => {
                let mut outside = lock(&self.stand.outside);
                outside.running = 0;
                outside.writes += 1;
            }
            Choice::Edit => lock(&self.stand.outside).order = OrderIs::Edited,
            Choice::Cancel => lock(&self.stand.outside).order = OrderIs::Cancelled,
        }
    }

    fn start(&mut self, worker: usize) {
        let (advance, job) = (self.advance.clone(), self.job.clone());
        self.running[worker] = Some(Box::pin(async move { advance.run(&job).await.map(drop) }));
        self.heard_at[worker] = self.stand.clock.now();
        lock(&self.stand.desk).heard[worker].clear();
        self.go(worker);
    }

    fn grant(&mut self, worker: usize, fault: Option<Fault>, vanish: bool) {
        {
            let mut desk = lock(&self.stand.desk);
            let call = desk.pending[worker];
            desk.granted[worker] = Some(fault);
            desk.vanish[worker] = vanish;
            desk.heard[worker].push(super::explore::digest(&(call, fault, self.since_heard(worker))));
        }
        self.heard_at[worker] = self.stand.clock.now();
        self.stalled[worker] = false;
        let call = self.pending(worker);
        let before = matches!(call, Some("load" | "save")).then(|| self.state());
        if let (Some("load"), Some(job)) = (call, before.clone()) {
            self.knows(worker, job, true);
        }
        self.go(worker);
        if let (Some("save"), Some(before), true) = (call, before, self.running[worker].is_some()) {
            let after = self.state();
            let written = after.version != before.version && fault.is_none();
            self.knows(worker, after, written);
        }
    }

    /// How long ago a worker heard anything, as far as that matters: nothing that it holds lives longer than four ticks.
    fn since_heard(&self, worker: usize) -> i64 {
        self.stand
            .clock
            .now()
            .duration_since(self.heard_at[worker])
            .as_secs()
            .min((TICK * 4).as_secs())
    }

    /// What a worker knows of the job is the job as it stood at its last load or save. Once it has loaded or written it, all
    /// that it heard before is forgotten.
    fn knows(&self, worker: usize, job: Job, forgets: bool) {
        let mut desk = lock(&self.stand.desk);
        if forgets {
            desk.heard[worker].clear();
        }
        desk.loaded[worker] = Some(job.version);
        desk.known[worker] = Some((job, self.stand.clock.now()));
        if !forgets {
            let at = desk.heard[worker].len();
            desk.heard[worker].push(at as u64);
        }
    }

    fn go(&mut self, worker: usize) {
        lock(&self.stand.desk).current = Some(worker);
        let mut context = Context::from_waker(Waker::noop());
        let done = match self.running[worker]
            .as_mut()
            .map(|running| running.as_mut().poll(&mut context))
        {
            Some(Poll::Ready(result)) => Some(result),
            Some(Poll::Pending) | None => None,
        };
        lock(&self.stand.desk).current = None;
        if let Some(result) = done {
            self.end(worker);
            let mut outside = lock(&self.stand.outside);
            outside
                .shipments
                .iter_mut()
                .filter(|bought| bought.known_by.contains(&worker))
                .for_each(|bought| bought.known = true);
            if result.is_err() {
                outside.messages = (outside.messages + 1).min(2);
            }
        }
        // What waits in the queue is left to the sweeper: a lost message costs latency only.
        self.memory.tables().queue.clear();
    }

    fn end(&mut self, worker: usize) {
        self.running[worker] = None;
        self.stalled[worker] = false;
        let mut desk = lock(&self.stand.desk);
        desk.pending[worker] = None;
        desk.granted[worker] = None;
        desk.loaded[worker] = None;
        desk.known[worker] = None;
        desk.heard[worker].clear();
    }

    fn die(&mut self, worker: usize) {
        self.end(worker);
        let mut outside = lock(&self.stand.outside);
        outside.crashes += 1;
        outside.doubt = true;
        outside.messages = (outside.messages + 1).min(2);
        for bought in &mut outside.shipments {
            bought.known_by.remove(&worker);
        }
    }

    fn tick(&mut self) {
        self.stand.clock.turn(TICK);
        let mut outside = lock(&self.stand.outside);
        for worker in 0..2 {
            if self.running[worker].is_some() && !self.stalled[worker] {
                self.stalled[worker] = true;
                outside.crashes += 1;
                outside.doubt = true;
            }
        }
        outside
            .shipments
            .iter_mut()
            .for_each(|bought| bought.visible_in = bought.visible_in.saturating_sub(1));
        outside.running = outside.running.saturating_sub(1);
        let bought = self.state().purchase.done().is_some();
        outside.bad_for = if outside.order == OrderIs::Cancelled && !bought {
            (outside.bad_for + 1).min(2)
        } else {
            0
        };
    }

    fn sweep(&mut self) {
        at_once(self.sweep.run()).unwrap();
        self.memory.tables().queue.clear();
        lock(&self.stand.outside).messages = 1;
    }

    /// What is broken, if anything is.
    pub fn broken(&self) -> Option<&'static str> {
        let job = self.state();
        let outside = lock(&self.stand.outside);
        if let Some(broken) = outside.broken {
            return Some(broken);
        }
        let idle = self.running.iter().all(Option::is_none);
        let held = job.hold.as_ref().map(|hold| hold.reason);
        let unknown = held.is_some_and(HoldReason::is_about_an_unknown_purchase);
        if outside.writes > 1 {
            return Some("two write-backs for one unit");
        }
        if !job.finished() && job.due_at.is_none() && outside.messages == 0 && idle {
            return Some("nothing will ever touch the unit again");
        }
        if unknown && !outside.doubt {
            return Some("held as unknown though nobody died and every answer arrived");
        }
        if held == Some(HoldReason::Rejected) && !outside.rejected {
            return Some("held as rejected though nobody said no");
        }
        if held == Some(HoldReason::ChangedAfterLabel) && outside.order == OrderIs::Fine {
            return Some("held as changed though nobody changed the order");
        }
        if !self.quiet_with(&job, &outside) {
            return None;
        }
        let live: Vec<&str> = outside
            .shipments
            .iter()
            .filter(|bought| !bought.voided)
            .map(|bought| bought.id.as_str())
            .collect();
        let adopted = job.purchase.done().map(|shipment| shipment.id.as_str());
        let gone = |id: &str| job.extras.iter().any(|extra| extra.shipment.as_str() == id);
        if live.len() > 1 && (!unknown || !job.bought_again) {
            return Some("two unvoided shipments at rest");
        }
        if outside
            .shipments
            .iter()
            .any(|bought| bought.known && Some(bought.id.as_str()) != adopted && !gone(&bought.id))
        {
            return Some("a tracking number that was known is not in the job");
        }
        if !live.is_empty() && !unknown && live != adopted.into_iter().collect::<Vec<_>>() {
            return Some("a bought shipment is not in the job");
        }
        if adopted.is_some() && held.is_none() && (outside.writes != 1 || job.write_back.done().is_none()) {
            return Some("shipped, but not written back");
        }
        if outside.order == OrderIs::Fine && held.is_none() && adopted.is_none() {
            return Some("closed without a reason");
        }
        self.units_disagree(&job)
    }

    fn units_disagree(&self, job: &Job) -> Option<&'static str> {
        let tables = self.memory.tables();
        let units = tables.units.values().next().cloned().unwrap();
        let phase = units.units.first().map(|unit| unit.phase).unwrap();
        let expected = match job {
            Job {
                write_back: Step::Done(_),
                ..
            } => UnitPhase::WrittenBack,
            Job { closed: Some(_), .. } => UnitPhase::Closed,
            _ => UnitPhase::Open,
        };
        (phase != expected).then_some("the document's units do not say what the job says")
    }

    /// Whether the world has come to rest.
    pub fn quiet(&self) -> bool {
        self.quiet_with(&self.state(), &lock(&self.stand.outside))
    }

    fn quiet_with(&self, job: &Job, outside: &Outside) -> bool {
        outside.messages == 0
            && outside.running == 0
            && self.running.iter().all(Option::is_none)
            && outside.shipments.iter().all(|bought| bought.visible_in == 0)
            && job
                .extras
                .iter()
                .all(|extra| !matches!(extra.voiding, waybill::job::Voiding::Todo { .. }))
            && job.duplicate_check.is_none()
            && (job.finished() || job.hold.is_some())
    }

    /// The state as it matters for everything that can still happen: times relative to now, nonces by who holds them.
    pub fn key(&self) -> u128 {
        let job = self.state();
        let outside = lock(&self.stand.outside);
        let desk = lock(&self.stand.desk);
        let now = self.stand.clock.now();
        let workers: Vec<_> = (0..2)
            .map(|worker| {
                let fresh = desk.loaded[worker] == Some(job.version);
                let since = self.running[worker].as_ref().map(|_| self.since_heard(worker));
                let known = desk.known[worker].as_ref().map(|(job, at)| self.in_short(job, *at));
                (
                    desk.pending[worker],
                    desk.heard[worker].clone(),
                    known,
                    fresh,
                    since,
                    self.stalled[worker],
                )
            })
            .collect();
        let shipments: Vec<_> = outside
            .shipments
            .iter()
            .map(|bought| {
                (
                    &bought.id,
                    bought.visible_in,
                    bought.voided,
                    &bought.known_by,
                    bought.known,
                )
            })
            .collect();
        let books = (
            outside.order as u8,
            outside.bad_for,
            outside.writes,
            outside.running,
            outside.messages,
            outside.faults,
            outside.crashes,
            outside.doubt,
            outside.rejected,
            outside.absences,
        );
        let due = job.due_at.map(|due| due.duration_since(now).as_secs().max(0));
        drop(desk);
        super::explore::wide_digest(&(self.in_short(&job, now), due, workers, shipments, books))
    }

    /// The job with its times relative to now, without what differs between equal states.
    fn in_short(&self, job: &Job, now: Timestamp) -> String {
        let mut value = serde_json::to_value(job).unwrap();
        let fields = value.as_object_mut().unwrap();
        for unimportant in [
            "version",
            "last_write",
            "created_at",
            "updated_at",
            "due_at",
            "flag",
            "snapshot",
        ] {
            fields.remove(unimportant);
        }
        let stale = Job::is_stale(job.snapshot.read_at, now, &self.stand.timing);
        relative(&mut value, now);
        format!("{value} {stale} {}", job.snapshot.hash.as_str())
    }
}

/// Replaces times by distances from now and nonces by nothing: who owns an intent follows from who heard that it was saved.
fn relative(value: &mut serde_json::Value, now: Timestamp) {
    match value {
        serde_json::Value::String(text) => {
            if let Ok(at) = text.parse::<Timestamp>() {
                // Everything that is past is past.
                let seconds = at.duration_since(now).as_secs().max(0);
                *text = format!("{seconds:+}s");
            } else if text.starts_with("nonce-") {
                *text = String::new();
            }
        }
        serde_json::Value::Array(items) => items.iter_mut().for_each(|item| relative(item, now)),
        serde_json::Value::Object(fields) => fields.values_mut().for_each(|item| relative(item, now)),
        _ => {}
    }
}

/// There is always a known shipment of the account; whether a look sees it is the world's business.
struct AlwaysKnown;

#[async_trait]
impl Controls for AlwaysKnown {
    async fn control(&self, connection: &ConnectionId, _other_than: &JobId) -> Result<Option<Control>, StoreError> {
        let reference = JobId::of(connection, &DocumentId::sales_order("known"), 1);
        Ok(Some(Control {
            reference,
            shipment: CarrierShipmentId::new("1Z0"),
            bought_at: tests::morning(),
        }))
    }
}

fn may_fail(call: &'static str) -> bool {
    matches!(call, "save" | "create" | "void" | "write_back")
}

/// Runs what never waits.
fn at_once<T>(future: impl Future<Output = T>) -> T {
    let mut future = Box::pin(future);
    match future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("this waits although nobody explores"),
    }
}
