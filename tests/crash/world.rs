//! One order, one job, two workers, a carrier, an ERP and a person: every call that matters waits here for the explorer.
//!
//! The times are those of the executable specification: a tick is longer than a call and than the snapshot's ten minutes,
//! the lease is two ticks, looks are a tick apart, an index lags by up to seven, the duplicate check comes after nine, and a
//! lost request to the ERP runs for up to three.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};

use jiff::{SignedDuration, Timestamp};
use waybill::connection::Connection;
use waybill::domain::*;
use waybill::flows::advance::Advance;
use waybill::flows::operate::Operate;
use waybill::flows::poll::Poll as PollOrders;
use waybill::flows::sweep::Sweep;
use waybill::job::{Backoff, HoldReason, Job, Timing};
use waybill::memory::{AlwaysWorks, CountedNonces, Memory, Tables, TurnedClock};
use waybill::ports::*;
use waybill::rules::{Rule, without};

use super::desk::{Call, Desk, Fault, Waits, at_once, lock};
use super::explore::Scene;
use super::key::in_short;
use super::outside::*;
use super::store::{Promise, Store};

/// How far an exploration goes, and what it tries.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// Lost answers, rejections, slow indexes, duplicate messages.
    pub faults: u8,
    /// Deaths and stalls.
    pub crashes: u8,
    /// Both together.
    pub total: u8,
    /// What a person does.
    pub acts: u8,
    /// Whether a person edits, cancels or fulfils the order.
    pub order: bool,
    /// Whether a person holds or releases the job.
    pub holds: bool,
    /// Whether a person voids the shipment.
    pub voids: bool,
    /// Whether a slow index is tried.
    pub lags: bool,
    /// Whether refusals, reads that fail and the like are tried beside lost answers.
    pub refusals: bool,
    /// How the outside is.
    pub habits: Habits,
    /// How long the lease is; an effect outlives one that is shorter than two ticks.
    pub lease: SignedDuration,
    /// Whether nobody waits for the ERP's window.
    pub impatient: bool,
    /// The promise that the store does not keep.
    pub broken: Option<Promise>,
}

/// One thing that happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Choice {
    /// A worker takes a message.
    Receive(usize),
    /// A worker receives a message that stays in the queue.
    ReceiveDuplicate(usize),
    /// A worker's pending call works.
    Work(usize, Call),
    /// It works in this other way.
    Fault(usize, Call, Fault),
    /// The worker dies before its pending call.
    Die(usize, Call),
    /// Its pending save works, and it dies of it.
    Vanish(usize, Call),
    /// Time passes.
    Tick,
    /// The sweeper runs.
    Sweep,
    /// The ERP finishes a request whose answer was lost.
    ErpFinishes,
    /// A person changes the order.
    Order(OrderIs),
    /// A person holds the job.
    Hold,
    /// A person ends a hold.
    Release(HoldReason),
    /// A person voids the shipment.
    Void,
}

pub type Running = Pin<Box<dyn Future<Output = Result<(), StoreError>>>>;

/// A worker under way, as far as the flow itself does not know it.
#[derive(Debug, Clone, Copy, Default)]
pub struct Under {
    /// Whether time has passed over its pending call.
    pub stalled: bool,
    /// When it last heard anything.
    heard_at: Timestamp,
    /// The version that it last loaded or wrote, and the job as it stood then.
    pub known: Option<(u64, u64)>,
}

/// A world in motion.
pub struct World {
    bounds: Bounds,
    pub stand: Arc<Stand>,
    pub memory: Memory,
    advance: Arc<Advance>,
    sweep: Sweep,
    operate: Operate,
    running: [Option<Running>; 2],
    pub workers: [Under; 2],
}

/// A world at one moment.
pub struct Frozen {
    tables: Tables,
    books: Books,
    now: Timestamp,
    waits: Waits,
    workers: [Under; 2],
}

/// What is stored once the poller has admitted the order: every world begins with it.
fn admitted(connection: &Connection, systems: &Arc<dyn Systems>, clock: &TurnedClock, timing: &Timing) -> Tables {
    let memory = Arc::new(Memory::new(Arc::new(clock.clone()), Arc::new(AlwaysWorks)));
    let poll = PollOrders {
        connections: Arc::new(Configured(connection.clone())),
        systems: systems.clone(),
        cursors: memory.clone(),
        documents: memory.clone(),
        jobs: memory.clone(),
        stories: memory.clone(),
        queue: memory.clone(),
        clock: Arc::new(clock.clone()),
        nonces: Arc::new(CountedNonces::default()),
        timing: timing.clone(),
    };
    let report = without(Rule::TellChanges, || at_once(poll.run(&connection.id, Timestamp::MAX))).unwrap();
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
pub fn timing() -> Timing {
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

impl Bounds {
    fn timing(&self) -> Timing {
        let whole = timing();
        Timing {
            lease: self.lease,
            call: whole.call.min(self.lease / 2),
            erp_window: self.impatient.then_some(SignedDuration::ZERO),
            ..whole
        }
    }
}

impl World {
    /// A world of this width.
    pub fn new(bounds: Bounds) -> Self {
        let clock = TurnedClock::at(tests::morning());
        let desk = Arc::new(Desk::new(clock.clone()));
        let memory = Memory::new(Arc::new(clock.clone()), Arc::new(AlwaysWorks));
        let connection = tests::connection("acme").unwrap();
        let timing = bounds.timing();
        let stand = Arc::new(Stand {
            desk: desk.clone(),
            books: Mutex::new(Books::new(true)),
            clock: clock.clone(),
            timing: timing.clone(),
            habits: bounds.habits,
            memory: memory.clone(),
            job: JobId::of(&connection.id, &DocumentId::sales_order("1"), 1),
        });
        let systems: Arc<dyn Systems> = Arc::new(OneConnection(stand.clone()));
        *memory.tables() = admitted(&connection, &systems, &clock, &timing);
        let store = Arc::new(Store {
            memory: memory.clone(),
            desk: desk.clone(),
            broken: bounds.broken,
            waits_for_units: false,
        });
        let controls = Arc::new(AlwaysKnown::of(&connection.id));
        let connections = Arc::new(Configured(connection));
        let clock: Arc<dyn Clock> = desk.clone();
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
            clock: clock.clone(),
            nonces: desk.clone(),
            timing: timing.clone(),
        };
        let sweep = Sweep {
            due: Arc::new(memory.clone()),
            directory: Arc::new(memory.clone()),
            jobs: store.clone(),
            queue: store.clone(),
            clock: clock.clone(),
            nonces: desk.clone(),
            timing: timing.clone(),
        };
        let operate = Operate {
            jobs: store.clone(),
            documents: store.clone(),
            connections,
            systems,
            queue: store,
            clock,
            nonces: desk,
            timing,
        };
        Self {
            bounds,
            stand,
            memory,
            advance: Arc::new(advance),
            sweep,
            operate,
            running: [None, None],
            workers: Default::default(),
        }
    }

    /// What a worker waits for.
    pub fn pending(&self, worker: usize) -> Option<Call> {
        self.stand.desk.pending(worker)
    }

    /// What the job says as it stands.
    pub fn job<T>(&self, says: impl FnOnce(&Job) -> T) -> T {
        says(&self.memory.tables().jobs[&self.stand.job])
    }

    /// Whether a call may still go wrong.
    pub fn may_go_wrong(&self, books: &Books) -> bool {
        books.faults < self.bounds.faults && books.faults + books.crashes < self.bounds.total
    }

    fn under_way(&self, worker: usize) -> bool {
        self.pending(worker).is_some()
    }

    /// Whether nobody is under way.
    pub fn idle(&self) -> bool {
        (0..2).all(|worker| !self.under_way(worker))
    }

    fn workers_choices(&self, books: &Books, choices: &mut Vec<Choice>) {
        let bounds = &self.bounds;
        let spent = books.faults + books.crashes;
        let fault = self.may_go_wrong(books);
        let mishap = books.crashes < bounds.crashes && spent < bounds.total;
        for worker in 0..2 {
            let Some(call) = self.pending(worker) else {
                let first_free = worker == 0 || self.under_way(0);
                if first_free && books.messages > 0 {
                    choices.push(Choice::Receive(worker));
                    choices.extend(fault.then_some(Choice::ReceiveDuplicate(worker)));
                }
                continue;
            };
            choices.push(Choice::Work(worker, call));
            if fault {
                let faults = self.faults(call, books);
                choices.extend(faults.into_iter().map(|fault| Choice::Fault(worker, call, fault)));
            }
            if may_fail(call) && mishap {
                choices.push(Choice::Die(worker, call));
                choices.extend((call == Call::Save).then_some(Choice::Vanish(worker, call)));
            }
        }
    }

    /// Whether time may pass: over a worker that waits before an effect it is a stall.
    fn time_may_pass(&self, books: &Books) -> bool {
        let waiting: Vec<Call> = (0..2).filter_map(|worker| self.pending(worker)).collect();
        let stalls = (0..2)
            .filter(|worker| self.pending(*worker).is_some() && !self.workers[*worker].stalled)
            .count();
        let stalls = u8::try_from(stalls).unwrap();
        let afford =
            books.crashes + stalls <= self.bounds.crashes && books.faults + books.crashes + stalls <= self.bounds.total;
        waiting.into_iter().all(may_fail) && (stalls == 0 || afford)
    }

    fn faults(&self, call: Call, books: &Books) -> Vec<Fault> {
        let (lags, refusals) = (self.bounds.lags, self.bounds.refusals);
        let mut faults = match call {
            Call::Save => vec![Fault::AnswerLost],
            Call::Void => vec![Fault::AnswerLost],
            Call::Create if lags => vec![
                Fault::SlowIndex(LONG_LAG),
                Fault::LostAndSlow(2),
                Fault::LostAndSlow(LONG_LAG),
                Fault::RequestLost,
                Fault::Rejected,
                Fault::NotSent,
            ],
            Call::Create => vec![
                Fault::LostAndSlow(0),
                Fault::RequestLost,
                Fault::Rejected,
                Fault::NotSent,
            ],
            Call::WriteBack => vec![Fault::AnswerLost, Fault::RequestLost],
            _ => Vec::new(),
        };
        if call == Call::WriteBack && books.running == 0 {
            faults.push(Fault::StillRunning);
        }
        if refusals {
            faults.extend(match call {
                Call::Void | Call::WriteBack => vec![Fault::Rejected, Fault::NotSent],
                Call::Read | Call::Find => vec![Fault::Fails],
                _ => Vec::new(),
            });
        }
        let young = |bought: &Bought| bought.visible_in == 0 && bought.settles_in > 0;
        if call == Call::Find && !self.bounds.habits.blind && books.live().any(young) {
            faults.push(Fault::Misses);
        }
        faults
    }

    /// What a person may do.
    fn acts(&self, job: &Job, books: &Books, choices: &mut Vec<Choice>) {
        if books.acts >= self.bounds.acts {
            return;
        }
        if self.bounds.order && books.order == OrderIs::Fine {
            let changes = [OrderIs::Edited, OrderIs::Cancelled, OrderIs::Fulfilled];
            choices.extend(changes.map(Choice::Order));
        }
        if self.bounds.holds {
            Self::holds(job, books, choices);
        }
        if self.bounds.voids && job.purchase.done().is_some() && job.closed.is_none() && !job.void_pending() {
            choices.push(Choice::Void);
        }
    }

    /// A person who ends a hold about an unknown purchase has looked in the carrier's own list, and says what is true.
    fn holds(job: &Job, books: &Books, choices: &mut Vec<Choice>) {
        match job.hold.as_ref().map(|hold| hold.reason) {
            None if !job.over() => choices.push(Choice::Hold),
            Some(HoldReason::UnknownPurchase) if books.live().next().is_some() => {}
            Some(HoldReason::DuplicateCheckBlind) if books.live().count() > 1 => {}
            Some(reason) => choices.push(Choice::Release(reason)),
            None => {}
        }
    }

    fn start(&mut self, worker: usize) {
        self.running[worker] = Some(self.invocation());
        self.workers[worker] = Under {
            heard_at: self.stand.clock.now(),
            ..Under::default()
        };
        self.stand.desk.begin(worker);
        self.go(worker);
    }

    fn invocation(&self) -> Running {
        let (advance, job) = (self.advance.clone(), self.stand.job.clone());
        Box::pin(async move { advance.run(&job).await.map(drop) })
    }

    fn grant(&mut self, worker: usize, fault: Option<Fault>) {
        let call = self.pending(worker);
        self.lead(worker);
        self.stand.desk.learns(worker, self.since_heard(worker));
        self.stand.desk.grant(worker, fault);
        self.workers[worker].heard_at = self.stand.clock.now();
        self.workers[worker].stalled = false;
        let before = self.version();
        if call == Some(Call::Load) {
            self.knows(worker, true);
        }
        self.go(worker);
        if call == Some(Call::Save) && self.under_way(worker) {
            let written = self.version() != before && fault.is_none();
            self.knows(worker, written);
        }
    }

    /// A worker that was copied is led back to where it was, once it is to go on.
    fn lead(&mut self, worker: usize) {
        if self.running[worker].is_none() {
            let mut running = self.invocation();
            self.stand.desk.lead(worker, &mut running);
            self.running[worker] = Some(running);
        }
    }

    fn version(&self) -> u64 {
        self.memory
            .tables()
            .jobs
            .get(&self.stand.job)
            .map_or(0, |job| job.version)
    }

    /// How long ago a worker heard anything, as far as that matters: nothing that it holds lives longer than four ticks.
    pub fn since_heard(&self, worker: usize) -> i64 {
        let since = self.stand.clock.now().duration_since(self.workers[worker].heard_at);
        since.as_secs().min((TICK * 4).as_secs())
    }

    /// What a worker knows of the job is the job as it stood at its last load or save. Once it has loaded or written it, all
    /// that it heard before is forgotten.
    fn knows(&mut self, worker: usize, forgets: bool) {
        if forgets {
            self.stand.desk.forget(worker);
        } else {
            self.stand.desk.learns(worker, "what stands there");
        }
        let names = if worker == 0 { [0, 1] } else { [1, 0] };
        let known = {
            let tables = self.memory.tables();
            let job = &tables.jobs[&self.stand.job];
            (job.version, in_short(job, self.stand.clock.now(), &self.stand, names))
        };
        self.workers[worker].known = Some(known);
    }

    fn go(&mut self, worker: usize) {
        let done = self.running[worker]
            .as_mut()
            .and_then(|running| self.stand.desk.go(worker, running));
        if let Some(result) = done {
            self.end(worker);
            let mut books = lock(&self.stand.books);
            for bought in &mut books.shipments {
                bought.known |= bought.known_by.remove(&worker);
            }
            if result.is_err() {
                books.deliver();
            }
        }
    }

    fn end(&mut self, worker: usize) {
        self.running[worker] = None;
        self.workers[worker] = Under::default();
        self.stand.desk.leave(worker);
    }

    fn die(&mut self, worker: usize) {
        self.end(worker);
        let mut books = lock(&self.stand.books);
        books.crashes += 1;
        books.doubt = true;
        books.deliver();
        for bought in &mut books.shipments {
            bought.known_by.remove(&worker);
        }
    }

    fn tick(&mut self) {
        self.stand.clock.turn(TICK);
        let bought = self.job(|job| job.purchase.done().is_some());
        let mut books = lock(&self.stand.books);
        let under_way = [0, 1].map(|worker| self.under_way(worker));
        for (worker, under_way) in self.workers.iter_mut().zip(under_way) {
            if under_way && !worker.stalled {
                worker.stalled = true;
                books.crashes += 1;
                books.doubt = true;
            }
        }
        for shipment in &mut books.shipments {
            shipment.visible_in = shipment.visible_in.saturating_sub(1);
            shipment.settles_in = shipment.settles_in.saturating_sub(1);
        }
        books.running = books.running.saturating_sub(1);
        let bad = books.order != OrderIs::Fine && !bought;
        books.bad_for = if bad { (books.bad_for + 1).min(2) } else { 0 };
    }

    fn sweep(&mut self) {
        at_once(self.sweep.run()).unwrap();

        lock(&self.stand.books).messages = 1;
    }

    /// A person says something about the job, which may be too late.
    fn say(&mut self, choice: Choice) {
        let (operate, job) = (&self.operate, &self.stand.job);
        let said = match choice {
            Choice::Hold => at_once(operate.hold(job, PERSON, "wait")),
            Choice::Release(reason) => at_once(operate.release(job, PERSON, reason)),
            _ => at_once(operate.void(job, PERSON)),
        };

        let mut books = lock(&self.stand.books);
        books.acts += 1;
        if said.is_ok() {
            books.deliver();
        }
        if matches!(choice, Choice::Release(HoldReason::UnknownPurchase)) {
            books.absences = 4;
        }
    }
}

impl Scene for World {
    type Choice = Choice;
    type Frozen = Frozen;
    type Aside = [Option<Running>; 2];

    /// One admitted order; its message is in the queue, or was lost with its poller.
    fn beginnings(&mut self) -> Vec<Frozen> {
        let lost = (self.bounds.crashes > 0).then_some(false);
        let starts = [Some(true), lost].into_iter().flatten();
        let frozen = starts.map(|queued| Frozen {
            tables: self.memory.tables().clone(),
            books: Books::new(queued),
            now: self.stand.clock.now(),
            waits: Waits::default(),
            workers: Default::default(),
        });
        frozen.collect()
    }

    fn choices(&self) -> Vec<Choice> {
        let mut choices = Vec::new();
        let books = lock(&self.stand.books);
        let tables = self.memory.tables();
        let job = &tables.jobs[&self.stand.job];
        self.workers_choices(&books, &mut choices);
        if self.time_may_pass(&books) {
            choices.push(Choice::Tick);
        }
        if books.running > 0 {
            choices.push(Choice::ErpFinishes);
        }
        if books.messages == 0 && job.due_at.is_some_and(|due| due <= self.stand.clock.now()) {
            choices.push(Choice::Sweep);
        }
        self.acts(job, &books, &mut choices);
        choices
    }

    fn happen(&mut self, choice: Choice) {
        match choice {
            Choice::Receive(worker) => {
                lock(&self.stand.books).messages -= 1;
                self.start(worker);
            }
            Choice::ReceiveDuplicate(worker) => {
                lock(&self.stand.books).faults += 1;
                self.start(worker);
            }
            Choice::Work(worker, _) => self.grant(worker, None),
            Choice::Fault(worker, _, Fault::StillRunning) if !self.bounds.habits.erp_slow => {
                lock(&self.stand.books).running = CALL_RUNNING;
                self.die(worker);
            }
            Choice::Fault(worker, _, fault) => {
                lock(&self.stand.books).faults += 1;
                self.grant(worker, Some(fault));
            }
            Choice::Die(worker, _) => self.die(worker),
            Choice::Vanish(worker, _) => {
                self.grant(worker, None);
                self.die(worker);
            }
            Choice::Tick => self.tick(),
            Choice::Sweep => self.sweep(),
            Choice::ErpFinishes => {
                let mut books = lock(&self.stand.books);
                books.running = 0;
                books.writes += 1;
            }
            Choice::Order(is) => {
                let mut books = lock(&self.stand.books);
                books.order = is;
                books.acts += 1;
            }
            Choice::Hold | Choice::Release(_) | Choice::Void => self.say(choice),
        }
    }

    fn broken(&self) -> Option<&'static str> {
        super::judge::broken(self)
    }

    fn quiet(&self) -> bool {
        super::judge::quiet(self)
    }

    fn key(&self) -> u64 {
        super::key::key(self)
    }

    fn freeze(&self) -> Frozen {
        Frozen {
            tables: self.memory.tables().clone(),
            books: lock(&self.stand.books).clone(),
            now: self.stand.clock.now(),
            waits: self.stand.desk.copy(),
            workers: self.workers,
        }
    }

    fn thaw(&mut self, frozen: &Frozen) {
        self.running = [None, None];
        self.stand.desk.restore(&frozen.waits);
        *self.memory.tables() = frozen.tables.clone();
        *lock(&self.stand.books) = frozen.books.clone();
        self.stand.clock.set(frozen.now);
        self.workers = frozen.workers;
    }

    fn set_aside(&mut self) -> Self::Aside {
        std::mem::take(&mut self.running)
    }

    fn take_up(&mut self, aside: Self::Aside) {
        self.running = aside;
    }
}

/// Dying or stalling before a read is no different from a message that comes later.
fn may_fail(call: Call) -> bool {
    matches!(
        call,
        Call::Save | Call::Mark | Call::Create | Call::Void | Call::WriteBack
    )
}
