//! One day, event by event, and what must hold after each of them.

use std::collections::{BTreeMap, BTreeSet};

use futures::StreamExt;
use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
use jiff::{SignedDuration, Timestamp};
use simulators::faults::{Fault, FaultKind, When};
use simulators::server::Simulator;
use tests::world::Failure;
use waybill::domain::{ConnectionId, JobId};
use waybill::job::Job;
use waybill::ports::StoreError;

use crate::dice::Dice;
use crate::network::Mortal;
use crate::report::Report;
use crate::world::{Rules, World, client_of, deliver_again};

/// Where a dead worker's message comes back: the queue's visibility timeout.
const VISIBILITY: SignedDuration = SignedDuration::from_mins(12);
/// How often each ERP is polled.
const CADENCE: SignedDuration = SignedDuration::from_mins(10);
const MINUTE: SignedDuration = SignedDuration::from_mins(1);
const HOUR: SignedDuration = SignedDuration::from_hours(1);
/// After so long everything must have come to an end.
const LONGEST: SignedDuration = SignedDuration::from_hours(48);

/// What a day is like.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Settings {
    /// The seed of everything that is left to chance.
    pub(crate) seed: u64,
    /// How many orders there are; a little more than half of them are the flood.
    pub(crate) orders: u64,
    /// How many tenants there are.
    pub(crate) tenants: usize,
    /// How many invocations may run at once.
    pub(crate) workers: usize,
    /// Rules that are kept, or broken.
    pub(crate) rules: Rules,
}

/// Hours of the day.
pub(crate) const FLOOD_AT: SignedDuration = SignedDuration::from_hours(2);
/// When the carrier goes away, and when it is back.
pub(crate) const OUTAGE: (SignedDuration, SignedDuration) =
    (SignedDuration::from_hours(8), SignedDuration::from_hours(14));

/// When the carrier answers questions and loses purchases.
const BROWNOUT: (SignedDuration, SignedDuration) = (SignedDuration::from_hours(18), SignedDuration::from_hours(19));

/// How the carrier is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Carrier {
    Well,
    Gone,
    LosesPurchases,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Deed {
    Enter { bad_address: bool },
    Cancel { entered: u64 },
}

/// An order as people know it.
#[derive(Debug, Clone)]
pub(crate) struct Known {
    tenant: usize,
    entered: Timestamp,
    cancelled: bool,
    bad_address: bool,
    settled: bool,
}

type Running = FuturesUnordered<BoxFuture<'static, (usize, JobId, Option<Result<(), StoreError>>)>>;

/// A day that is under way.
pub(crate) struct Day {
    settings: Settings,
    world: World,
    dice: Dice,
    began: Timestamp,
    deeds: Vec<(Timestamp, usize, Deed)>,
    done: usize,
    polls: Vec<Timestamp>,
    swept: Timestamp,
    hour: i64,
    carrier: Carrier,
    orders: BTreeMap<(ConnectionId, String), Known>,
    entered: BTreeMap<usize, Vec<(u64, String)>>,
    billed: usize,
    shipments: BTreeMap<String, String>,
    unknown: BTreeSet<JobId>,
    unknown_in_brownout: BTreeSet<JobId>,
    report: Report,
}

impl Day {
    /// A day before its first event.
    pub(crate) async fn new(settings: Settings) -> Result<Self, Failure> {
        let mut dice = Dice::new(settings.seed);
        let travel = Dice::new(dice.below(u64::MAX));
        let world = World::start(settings.tenants, settings.workers, settings.rules, travel).await?;
        let began = world.now();
        let deeds = deeds(&settings, began, &mut dice);
        let stagger = |number: usize| i64::try_from(number * 60).unwrap_or_default();
        let polls = (0..settings.tenants).map(|number| began + SignedDuration::from_secs(stagger(number)));
        let report = Report::new(settings.seed, world.tenants.iter().map(|tenant| tenant.name.clone()));
        Ok(Self {
            polls: polls.collect(),
            swept: began,
            hour: 0,
            carrier: Carrier::Well,
            orders: BTreeMap::new(),
            entered: BTreeMap::new(),
            billed: 0,
            shipments: BTreeMap::new(),
            unknown: BTreeSet::new(),
            unknown_in_brownout: BTreeSet::new(),
            done: 0,
            settings,
            world,
            dice,
            began,
            deeds,
            report,
        })
    }

    /// Lives through the day.
    ///
    /// # Errors
    /// At the first thing that must not be.
    pub(crate) async fn live(mut self) -> Result<Report, Failure> {
        self.background_faults();
        let mut running = Running::new();
        let mut idle: Vec<usize> = (0..self.settings.workers).collect();
        while self.world.now() < self.began + LONGEST {
            self.keep_house().await?;
            self.hand_out(&mut idle, &mut running);
            match running.next().await {
                Some((worker, job, outcome)) => {
                    idle.push(worker);
                    self.after(&job, outcome)?;
                }
                None if self.is_over() => break,
                None => self.wait(),
            }
        }
        self.settle_accounts()
    }

    // ---- what happens ----------------------------------------------------------------------------------------------

    /// A little goes wrong all day long.
    fn background_faults(&self) {
        let seed = self.settings.seed;
        let ups = &self.world.ups.base().faults;
        ups.add(Fault::new("ship", FaultKind::DropAfter).when(When::chance(0.002, seed)));
        ups.add(Fault::new("rate", FaultKind::Html503).when(When::chance(0.003, seed + 1)));
        for tenant in &self.world.tenants {
            let faults = &tenant.netsuite.base.faults;
            faults.clear();
            faults.add(Fault::new("suiteql", FaultKind::Html503).when(When::chance(0.002, seed + 2)));
            faults.add(Fault::new("transform", FaultKind::DropAfter).when(When::chance(0.002, seed + 3)));
        }
    }

    /// Everything that happens by the clock.
    async fn keep_house(&mut self) -> Result<(), Failure> {
        let now = self.world.now();
        self.people_act(now)?;
        self.carrier_goes_and_comes(now);
        self.every_hour(now)?;
        for number in 0..self.polls.len() {
            if self.polls.get(number).is_some_and(|at| *at <= now) {
                self.poll(number).await?;
            }
        }
        if now >= self.swept + MINUTE {
            self.swept = now;
            self.world.refresher.run().await?;
            self.report.requeued += self.world.sweeper.run().await?.requeued;
        }
        Ok(())
    }

    fn people_act(&mut self, now: Timestamp) -> Result<(), Failure> {
        while let Some((_, tenant, deed)) = self.deeds.get(self.done).copied().filter(|(at, _, _)| *at <= now) {
            self.done += 1;
            match deed {
                Deed::Enter { bad_address } => self.enter(tenant, bad_address)?,
                Deed::Cancel { entered } => self.cancel(tenant, entered),
            }
        }
        Ok(())
    }

    fn enter(&mut self, tenant: usize, bad_address: bool) -> Result<(), Failure> {
        let id = self.world.enter(tenant, bad_address)?;
        let connection = self
            .world
            .tenants
            .get(tenant)
            .ok_or("no such tenant")?
            .connection
            .clone();
        let known = Known {
            tenant,
            entered: self.world.now(),
            cancelled: false,
            bad_address,
            settled: false,
        };
        self.orders.insert((connection, id.to_string()), known);
        self.entered.entry(tenant).or_default().push((id, id.to_string()));
        self.report.orders += 1;
        Ok(())
    }

    fn cancel(&mut self, tenant: usize, entered: u64) {
        let own = self
            .entered
            .get(&tenant)
            .and_then(|own| own.get(usize::try_from(entered).unwrap_or(usize::MAX)));
        let Some((id, text)) = own.cloned() else { return };
        let connection = self.world.tenants.get(tenant).map(|tenant| tenant.connection.clone());
        let known = connection.and_then(|connection| self.orders.get_mut(&(connection, text)));
        if let Some(known) = known
            && self.world.cancel(tenant, id)
        {
            known.cancelled = true;
        }
    }

    fn carrier_at(&self, at: Timestamp) -> Carrier {
        let during = |span: (SignedDuration, SignedDuration)| at >= self.began + span.0 && at < self.began + span.1;
        match (during(OUTAGE), during(BROWNOUT)) {
            (true, _) => Carrier::Gone,
            (_, true) => Carrier::LosesPurchases,
            _ => Carrier::Well,
        }
    }

    fn carrier_goes_and_comes(&mut self, now: Timestamp) {
        let carrier = self.carrier_at(now);
        if carrier == self.carrier {
            return;
        }
        self.carrier = carrier;
        let calls = self
            .world
            .ups
            .base()
            .requests
            .counts()
            .by_operation
            .values()
            .sum::<u64>();
        self.report.ups_calls_by_phase.push(calls);
        let faults = &self.world.ups.base().faults;
        faults.clear();
        match carrier {
            Carrier::Well => self.background_faults(),
            Carrier::Gone => {
                faults.add(Fault::new("*", FaultKind::Html503).when(When::chance(0.5, self.settings.seed)));
                faults.add(Fault::new("*", FaultKind::DropBefore));
            }
            Carrier::LosesPurchases => faults.add(Fault::new("ship", FaultKind::DropBefore)),
        }
    }

    /// Every hour all tokens are revoked, and the books are looked at.
    fn every_hour(&mut self, now: Timestamp) -> Result<(), Failure> {
        let hour = now.duration_since(self.began).as_hours();
        if hour == self.hour {
            return Ok(());
        }
        self.hour = hour;
        self.world.ups.expire_tokens();
        for tenant in &self.world.tenants {
            tenant.netsuite.expire_tokens();
        }
        self.tokens_are_within_their_limit()
    }

    async fn poll(&mut self, number: usize) -> Result<(), Failure> {
        let now = self.world.now();
        let Some(tenant) = self.world.tenants.get(number) else {
            return Ok(());
        };
        let report = self
            .world
            .poller
            .run(&tenant.connection, now + SignedDuration::from_mins(5))
            .await?;
        self.report.polls += 1;
        self.report.polls_stopped += u64::from(report.stopped.is_some());
        if let Some(at) = self.polls.get_mut(number) {
            *at = now + CADENCE;
        }
        Ok(())
    }

    /// Gives messages to idle workers: some are lost, some come twice, some workers die.
    fn hand_out(&mut self, idle: &mut Vec<usize>, running: &mut Running) {
        while let Some(worker) = idle.pop() {
            let Some(job) = self.receive() else {
                idle.push(worker);
                return;
            };
            if self.dice.happens(5) {
                self.report.lost += 1;
                idle.push(worker);
                continue;
            }
            if self.dice.happens(20) {
                let after = i64::try_from(self.dice.below(60)).unwrap_or_default();
                deliver_again(&self.world, &job, SignedDuration::from_secs(after));
                self.report.duplicated += 1;
            }
            let turns = self.dice.happens(15).then(|| self.dice.below(60));
            let Some(advance) = self.world.workers.get(worker).cloned() else {
                return;
            };
            self.report.messages += 1;
            running.push(Box::pin(async move {
                let run = async { advance.run(&job).await.map(|_| ()) };
                let outcome = Mortal::new(run, turns).await;
                (worker, job, outcome)
            }));
        }
    }

    /// The next message; now and then the order is upset.
    fn receive(&mut self) -> Option<JobId> {
        let first = self.world.queue.receive()?;
        if !self.dice.happens(50) {
            return Some(first);
        }
        match self.world.queue.receive() {
            Some(second) => {
                deliver_again(&self.world, &first, SignedDuration::ZERO);
                Some(second)
            }
            None => Some(first),
        }
    }

    /// Nothing to do now: on to whatever comes next.
    fn wait(&self) {
        let now = self.world.now();
        let queue = self.world.queue.next();
        let deed = self.deeds.get(self.done).map(|(at, _, _)| *at);
        let poll = self.polls.iter().min().copied();
        let next = [queue, deed, poll, Some(self.swept + MINUTE)]
            .into_iter()
            .flatten()
            .min();
        self.world
            .clock
            .set(next.unwrap_or(now).max(now + SignedDuration::from_millis(100)));
    }

    // ---- what must hold --------------------------------------------------------------------------------------------

    fn after(&mut self, id: &JobId, outcome: Option<Result<(), StoreError>>) -> Result<(), Failure> {
        match outcome {
            None => {
                self.report.deaths += 1;
                deliver_again(&self.world, id, VISIBILITY);
            }
            Some(outcome) => outcome?,
        }
        self.one_shipment_for_each_unit()?;
        let job = self.world.store.tables().jobs.get(id).cloned();
        let job = job.ok_or_else(|| format!("job {id} is gone"))?;
        if !job.finished() && job.due_at.is_none() {
            return Err(format!("job {id} is forgotten: {job:?}").into());
        }
        self.read_story(&job);
        self.note_end(&job);
        Ok(())
    }

    fn one_shipment_for_each_unit(&mut self) -> Result<(), Failure> {
        for shipment in self.world.ups.billed_after(self.billed) {
            self.billed += 1;
            let ours = shipment
                .references
                .iter()
                .find(|one| one.value.parse::<JobId>().is_ok());
            let ours = ours.ok_or_else(|| format!("shipment {} carries no reference of ours", shipment.id))?;
            if let Some(first) = self.shipments.insert(ours.value.clone(), shipment.id.clone()) {
                return Err(format!("job {} was bought twice: {first} and {}", ours.value, shipment.id).into());
            }
        }
        Ok(())
    }

    fn tokens_are_within_their_limit(&mut self) -> Result<(), Failure> {
        for number in 0..self.settings.tenants {
            let given = self.world.ups.tokens_of(&client_of(number));
            let day = |at: &Timestamp| given.iter().filter(|one| *one >= at && **one < *at + HOUR * 24).count();
            let most = given.iter().map(day).max().unwrap_or_default();
            self.report.tokens_in_a_day = self.report.tokens_in_a_day.max(most);
            if most > 250 {
                return Err(format!("client {number} asked for {most} tokens in 24 hours").into());
            }
        }
        Ok(())
    }

    /// Counts what the job's story tells, and lets its bodies go: a day of them is too much to keep.
    fn read_story(&mut self, job: &Job) {
        let mut tables = self.world.store.tables();
        let story = tables.audit.get_mut(&job.id).map(std::mem::take).unwrap_or_default();
        tables.labels.clear();
        drop(tables);
        for entry in story {
            if entry.text.starts_with("nobody knows what became of attempt") {
                match self.carrier_at(entry.at) {
                    Carrier::Gone => self.unknown.insert(job.id.clone()),
                    Carrier::LosesPurchases => self.unknown_in_brownout.insert(job.id.clone()),
                    Carrier::Well => false,
                };
            }
            self.report.count(&entry.text);
        }
    }

    fn note_end(&mut self, job: &Job) {
        let key = (job.connection.clone(), job.document.id.clone());
        let Some(known) = self.orders.get_mut(&key).filter(|known| !known.settled) else {
            return;
        };
        let shipped = job.write_back.done().is_some();
        if !shipped && job.hold.is_none() && job.closed.is_none() {
            return;
        }
        known.settled = shipped || job.closed.is_some();
        if shipped {
            let flood = known.entered >= self.began + FLOOD_AT && known.entered < self.began + OUTAGE.0 - HOUR;
            let waited = self.world.now().duration_since(known.entered);
            self.report.note_wait(known.tenant, waited, flood);
        }
    }

    fn is_over(&self) -> bool {
        self.done == self.deeds.len()
            && self.world.now() > self.began + HOUR * 26
            && self
                .orders
                .values()
                .all(|known| known.settled || known.cancelled || known.bad_address)
    }

    /// At the end of the day every order has shipped, or ended, or is held with a reason.
    fn settle_accounts(mut self) -> Result<Report, Failure> {
        let tables = self.world.store.tables();
        let jobs: BTreeMap<_, _> = tables
            .jobs
            .values()
            .map(|job| ((job.connection.clone(), job.document.id.clone()), job))
            .collect();
        for (key, known) in &self.orders {
            match jobs.get(key) {
                Some(job) if job.write_back.done().is_some() => self.report.shipped += 1,
                Some(job) if job.closed.is_some() => self.report.closed += 1,
                Some(job) if job.hold.is_some() => self.report.hold(job, known.bad_address || known.cancelled),
                None if known.cancelled => self.report.closed += 1,
                job => return Err(format!("order {key:?} was forgotten: {job:?}").into()),
            }
        }
        for tenant in &self.world.tenants {
            let books = tenant.netsuite.books();
            if !books.duplicates.is_empty() {
                return Err(format!("{}: fulfilled twice: {:?}", tenant.name, books.duplicates).into());
            }
            self.report.refused_for_concurrency += books.traffic.refused_for_concurrency;
            self.report.netsuite_tokens += tenant.netsuite.base.requests.count("token");
        }
        self.report.ups_tokens = self.world.ups.base().requests.count("token");
        self.report.ups_calls = self.world.ups.base().requests.counts().by_operation.values().sum();
        self.report.unknown = self.unknown.len();
        self.report.unknown_in_brownout = self.unknown_in_brownout.len();
        self.report.ended = self.world.now().duration_since(self.began);
        drop(tables);
        Ok(self.report)
    }
}

/// What people do all day, by time: the flood all at once, the others evenly; some orders go nowhere, some are cancelled.
fn deeds(settings: &Settings, began: Timestamp, dice: &mut Dice) -> Vec<(Timestamp, usize, Deed)> {
    let others = u64::try_from(settings.tenants - 1).unwrap_or(1).max(1);
    let (flood, each) = (settings.orders * 11 / 20, settings.orders * 9 / 20 / others);
    let mut deeds = Vec::new();
    let seconds = |count: u64| SignedDuration::from_secs(i64::try_from(count).unwrap_or_default());
    for tenant in 0..settings.tenants {
        let count = if tenant == 0 {
            settings.orders - each * others
        } else {
            each
        };
        for number in 0..count {
            let at = match tenant {
                0 if number < flood => began + FLOOD_AT + seconds(dice.below(600)),
                _ => began + seconds(dice.below(86_400)),
            };
            let bad_address = dice.happens(3);
            deeds.push((at, tenant, Deed::Enter { bad_address }));
            if dice.happens(5) {
                deeds.push((at + seconds(dice.below(3600)), tenant, Deed::Cancel { entered: number }));
            }
        }
    }
    deeds.sort();
    deeds
}
