//! `cargo demo`: the whole deployment on this machine. Orders ship through it while people act on them, and then it says
//! what happened, by the simulators' own books.

use std::io::Write;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::Parser;
use jiff::Timestamp;
use local::books::{self, End, Told, Totals};
use local::carrier::{Carrier, EventKind};
use local::chaos::Chaos;
use local::confidential::Confidential;
use local::counts::{self, Counts};
use local::failure::{Failure, Outcome, While};
use local::ministack::Life;
use local::mishaps;
use local::operator::Operator;
use local::outside::Outside;
use local::pairing::Name;
use local::place::Place;
use local::progress::{Line, Progress};
use local::signals::Interrupts;
use local::stack::{Running, free_port, prepare};
use local::table;
use local::visit;

/// The most that the work may take before the demo gives up on it.
const PATIENCE: Duration = Duration::from_secs(240);
/// The most that the parcels may take to be followed, and again to arrive.
const LATEST: Duration = Duration::from_secs(60);
/// The time between two events of a parcel.
const STEP: Duration = Duration::from_millis(800);
/// What a parcel goes through.
const TRAVELS: [EventKind; 6] = [
    EventKind::PickedUp,
    EventKind::Departed,
    EventKind::WeatherDelay,
    EventKind::Arrived,
    EventKind::OutForDelivery,
    EventKind::Delivered,
];
/// How often stock is told: all of it, what has moved since, and nothing.
const ROUNDS: usize = 3;
/// How often the ERPs are polled.
const POLL: Duration = Duration::from_secs(2);

/// Ships orders through the whole deployment on this machine: NetSuite sales orders, Fusion purchase orders, and PeopleSoft
/// purchase orders and requisitions become UPS shipments, what people mark as shipped in another NetSuite account FedEx shipments, what
/// people ship in ShipStation becomes item fulfilments in a third one, and all parcels travel until each ERP shows that they are delivered.
#[derive(Parser)]
#[command(name = "cargo demo")]
struct Arguments {
    /// How many documents of all pairings together; twelve or more for each hold every kind
    #[arg(long, default_value_t = 60)]
    orders: usize,
    /// Which pairings; may be repeated, and without it all of them
    #[arg(long = "pairing", value_name = "NAME")]
    pairings: Vec<Name>,
    /// Which orders: the same seed makes the same ones
    #[arg(long, default_value_t = 7)]
    seed: u64,
    /// Kill function processes at random while they work; the seed says when
    #[arg(long, value_name = "SEED")]
    chaos: Option<u64>,
    /// Print one JSON document with the totals
    #[arg(long)]
    json: bool,
    /// The port of the simulated UPS; any free one if not given
    #[arg(long, default_value_t = 0)]
    ups_port: u16,
    /// Where the connection looks for UPS, if not at the simulator itself: a proxy that listens in between
    #[arg(long)]
    ups_url: Option<String>,
}

#[tokio::main]
async fn main() -> ExitCode {
    match run(Arguments::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("error: {failure}");
            ExitCode::FAILURE
        }
    }
}

impl Arguments {
    /// The pairings, each once, as they are shown.
    fn names(&self) -> Vec<Name> {
        let wanted = |name: &Name| self.pairings.is_empty() || self.pairings.contains(name);
        Name::ALL.into_iter().filter(wanted).collect()
    }

    /// Every connection's check wants to see an order.
    fn judge(&self) -> Outcome<()> {
        let pairings = self.names().len();
        if self.orders < pairings {
            let wrong = format!("--orders {} is too few for {pairings} pairings", self.orders);
            return Err(Failure::new(wrong));
        }
        Ok(())
    }
}

async fn run(arguments: Arguments) -> Outcome<()> {
    arguments.judge()?;
    let mut interrupts = Interrupts::listen("everything is stopped")?;
    let place = Place::named("demo");
    let mut progress = Progress::default();
    let ready = interrupts.unless(prepare(&place, &mut progress)).await?;
    let began = Instant::now();
    let names = arguments.names();
    let desk = free_port()?;
    let mut outside = interrupts
        .unless(Outside::start(arguments.ups_port, desk, &names))
        .await?;
    let start = Running::start(&place, &ready, Life::ThisProcess, desk, &mut progress);
    let started = match interrupts.unless(start).await {
        Ok(started) => started,
        Err(failure) => {
            outside.stop().await;
            return Err(failure);
        }
    };
    let mut demo = Demo {
        arguments: &arguments,
        place: &place,
        operator: Operator::of(ready.waybill(), started.description()),
        outside: &mut outside,
        running: &started,
        reshipped: 0,
    };
    let told = interrupts.unless(demo.ship(began, &mut progress)).await;
    let stopped = progress.phase("stopping", async |_| {
        started.stop().await;
        outside.stop().await;
        Ok(())
    });
    stopped.await?;
    told
}

struct Demo<'a> {
    arguments: &'a Arguments,
    place: &'a Place,
    operator: Operator,
    outside: &'a mut Outside,
    running: &'a Running,
    /// How many shipments without a label the operator has voided.
    reshipped: u32,
}

impl Demo<'_> {
    async fn ship(&mut self, began: Instant, progress: &mut Progress) -> Outcome<()> {
        let opened = Timestamp::now();
        self.outside.enter(self.arguments.orders, self.arguments.seed)?;
        mishaps::befall(self.outside);
        let systems = self.outside.words();
        progress
            .phase(&format!("connecting {systems}"), async |_| self.connect().await)
            .await?;
        mishaps::end_tokens(self.outside);
        let name = format!("shipping {} orders", self.arguments.orders);
        let mut chaos = self.arguments.chaos.map(|seed| Chaos::over(self.running.group(), seed));
        let ended = progress
            .phase(&name, async |line| self.work(chaos.as_mut(), opened, line).await)
            .await;
        let delivered = match &ended {
            Ok(()) => {
                progress
                    .phase("delivering the parcels", async |line| self.deliver(opened, line).await)
                    .await
            }
            Err(_) => Ok(()),
        };
        let stocked = match &ended {
            Ok(()) if self.outside.desks().next().is_some() => {
                progress
                    .phase("telling ShipStation of stock", async |line| self.tell_stock(line).await)
                    .await
            }
            _ => Ok(()),
        };
        let opened_labels = progress
            .phase("opening the labels", async |line| self.labels_open(line).await)
            .await;
        let reconciled = progress
            .phase("comparing ERPs, jobs and carriers", async |_| {
                self.operator.waybill(&["reconcile", "run"]).await
            })
            .await;
        let silent = progress
            .phase("searching the logs for what they must not hold", async |_| {
                self.logs_are_silent().await
            })
            .await;
        let told = self.outside.told(opened);
        let stock = self
            .outside
            .desks()
            .map(|(_, desk)| told_of_stock(desk))
            .reduce(|sum, one| sum + one);
        let totals = books::totals(&told, began.elapsed(), chaos.map(|chaos| chaos.killed));
        let stack = self.running.description();
        let counts = Counts::taken(self.place, stack, totals.counts.shipped, counts::command_line()).await?;
        counts.keep(self.place)?;
        let totals = Totals {
            stock_told: stock,
            per_shipment: counts.per_shipment(),
            ..totals
        };
        self.tell(&told, &totals).await?;
        // What a log holds is told first, whatever else went wrong.
        silent
            .and(ended)
            .and(delivered)
            .and(stocked)
            .and(opened_labels)
            .and_then(|()| once_each(&totals))
            .and_then(|()| counts::seen(&counts))
            .and_then(|()| self.nothing_of_others())?;
        let reconciled = reconciled?;
        if self.arguments.json {
            return Ok(());
        }
        print(&format!("\n{reconciled}\n"))
    }

    async fn connect(&self) -> Outcome<()> {
        self.operator.set_secrets(&self.outside.secrets()).await?;
        let mut urls = self.outside.urls();
        urls.extend(self.arguments.ups_url.clone().map(|url| ("ups".to_owned(), url)));
        let names = self.outside.names();
        let hooks = self.operator.connect(self.place, &names, &urls).await?;
        self.outside.register(&hooks)
    }

    /// Polls, and lets people act, until every document has ended and nothing that people did is still to be seen.
    async fn work(&mut self, mut chaos: Option<&mut Chaos>, opened: Timestamp, line: &Line) -> Outcome<()> {
        let began = Instant::now();
        let names = self.outside.names().into_iter();
        let (desks, others): (Vec<Name>, Vec<Name>) = names.partition(|name| name.carrier() == Carrier::ShipStation);
        let mut polled: Option<Instant> = None;
        let mut seen = false;
        loop {
            let storm = chaos.as_mut().is_some_and(|chaos| {
                chaos.strike();
                chaos.rages()
            });
            if polled.is_none_or(|at| at.elapsed() >= POLL) {
                match self.operator.poll(&others).await {
                    // The poller itself may have been killed: the next poll goes on where it was.
                    Err(_) if storm => {}
                    polled => {
                        polled?;
                        // A desk's poll shares its account's turns with everything else that the desk sets in motion: one that
                        // must wait goes on with the next.
                        seen = self.tend_desks().await.and(self.operator.poll(&desks).await).is_ok();
                    }
                }
                polled = Some(Instant::now());
            }
            if self.outside.act()? || self.reship().await? {
                seen = false;
            }
            let told = self.outside.told(opened);
            line.at(table::in_short(&told));
            let late = late(&told);
            if late.is_empty() && seen && self.outside.is_settled() {
                return Ok(());
            }
            if began.elapsed() > PATIENCE {
                let words = format!("these orders have not ended in time: {}", late.join(", "));
                return Err(Failure::new(words));
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    /// Desks at which people ship hear of customers and open orders, and what left there under a number that no ERP knows is said
    /// to be meant for one that it does.
    async fn tend_desks(&mut self) -> Outcome<()> {
        for (pairing, _) in self.outside.desks() {
            let connection = pairing.name().connection();
            self.operator.waybill(&["customers", "run", connection]).await?;
            if let Some((unknown, number)) = pairing.meant() {
                self.operator.resolve_unknown(connection, unknown, number).await?;
            }
        }
        Ok(())
    }

    /// Tells desks of stock, of what people count meanwhile too, and holds the books of both sides against each other.
    async fn tell_stock(&mut self, line: &Line) -> Outcome<()> {
        for round in 1..=ROUNDS {
            for (pairing, desk) in self.outside.desks() {
                let name = pairing.name();
                let before = told_of_stock(desk);
                if round == 2 {
                    pairing.move_stock();
                }
                line.at(format!("round {round} of {ROUNDS}"));
                self.operator
                    .waybill(&["stock", "run", name.connection(), "--wait"])
                    .await?;
                let wrong = pairing.out_of_step(desk);
                if !wrong.is_empty() {
                    let words = format!("{} are not in step: {}", name.words(), wrong.join("; "));
                    return Err(Failure::new(words));
                }
                let told = told_of_stock(desk) - before;
                let expected = if round == 2 {
                    1..=1
                } else if round == 1 {
                    1..=usize::MAX
                } else {
                    0..=0
                };
                if !expected.contains(&told) && self.arguments.chaos.is_none() {
                    let words = format!("ShipStation was told {told} quantities in round {round}");
                    return Err(Failure::new(words));
                }
            }
        }
        Ok(())
    }

    /// What was bought and has no label, because FedEx gives it once and its answer was lost, is voided by the operator, and ships anew.
    async fn reship(&mut self) -> Outcome<bool> {
        let lost = self.outside.carriers.iter().filter(|one| one.which() == Carrier::FedEx);
        let lost: u32 = lost.map(mishaps::lost_answers).sum();
        // A function that is killed loses the answer too.
        if lost <= self.reshipped && self.arguments.chaos.is_none() {
            return Ok(false);
        }
        let mut voided = Vec::new();
        for name in self
            .outside
            .names()
            .into_iter()
            .filter(|name| name.carrier() == Carrier::FedEx)
        {
            voided.extend(self.operator.void_lost_labels(name).await?);
        }
        for pairing in &mut self.outside.pairings {
            let (name, shown) = (pairing.name(), pairing.shown());
            for document in shown.iter().map(|shown| &shown.document) {
                let jobs = books::jobs(name, document);
                if voided.iter().any(|job| jobs.contains(job)) {
                    pairing.ships_anew(document);
                    self.reshipped += 1;
                }
            }
        }
        Ok(!voided.is_empty())
    }

    /// Lets every parcel travel, with a delay here and there, until its ERP shows that it has arrived.
    async fn deliver(&self, opened: Timestamp, line: &Line) -> Outcome<()> {
        self.follow(line).await?;
        // Parcels are asked for seldom: here nobody waits for that, so that no news of them are lost.
        for carrier in &self.outside.carriers {
            if let Some(desk) = carrier.desk() {
                desk.configure(|options| options.push_lose_every = None);
            }
        }
        let couriers = self.outside.couriers(Duration::from_millis(200));
        let parcels: Vec<String> = self.outside.parcels().into_values().flatten().collect();
        for (number, event) in journey(&parcels) {
            match event {
                Some(event) => self.outside.happen(&number, event),
                None => {
                    line.at(table::deliveries_in_short(&self.outside.told(opened)));
                    tokio::time::sleep(STEP).await;
                }
            }
        }
        let arrived = until(LATEST, "every parcel has arrived in its ERP", async || {
            let told = self.outside.told(opened);
            line.at(table::deliveries_in_short(&told));
            let mut rows = told.iter().flat_map(|told| &told.rows);
            Ok(rows.all(|row| row.end != End::Shipped || row.delivered))
        });
        let arrived = arrived.await;
        couriers.iter().for_each(tokio::task::JoinHandle::abort);
        arrived
    }

    /// Has every parcel followed, and news of each pushed, without waiting for the schedules of a minute.
    async fn follow(&self, line: &Line) -> Outcome<()> {
        let parcels = self.outside.parcels();
        until(LATEST, "news of every parcel are pushed", async || {
            self.operator.waybill(&["tracking", "poll"]).await?;
            self.operator.waybill(&["tracking", "renew"]).await?;
            let carriers = self.outside.carriers.iter();
            let standing = carriers.map(|carrier| {
                let travelling = parcels.get(&carrier.which()).map_or(0, Vec::len);
                (carrier.which(), carrier.followed(), travelling)
            });
            let standing: Vec<(Carrier, usize, usize)> = standing.collect();
            let words = standing.iter().map(|(carrier, pushed, of)| {
                format!("{}: {pushed} of {of} parcels are subscribed to", carrier.words())
            });
            line.at(words.collect::<Vec<_>>().join("; "));
            Ok(standing.iter().all(|(_, pushed, of)| pushed >= of))
        })
        .await
    }

    /// Every link to a label that an ERP shows leads to a label.
    async fn labels_open(&self, line: &Line) -> Outcome<()> {
        let links = self.outside.pairings.iter().flat_map(|pairing| pairing.label_links());
        let links: Vec<String> = links.collect();
        for (index, link) in links.iter().enumerate() {
            line.at(format!("{index} of {} links", links.len()));
            let status = visit::status(link).await?;
            if !matches!(status, 200 | 302) {
                return Err(Failure::new(format!(
                    "a link to a label is answered with HTTP {status}"
                )));
            }
        }
        Ok(())
    }

    /// No function has logged a secret, a token, a name or an address.
    async fn logs_are_silent(&self) -> Outcome<()> {
        let stack = self.running.description();
        let prefix = stack
            .outputs
            .get("SecretPrefix")
            .map_or("waybill/local/", String::as_str);
        let confidential = Confidential::of(self.outside, &stack.endpoint, prefix).await?;
        confidential.kept_from(&self.place.own_folder().join("ministack.log"))
    }

    /// What another carrier brings is not ours.
    fn nothing_of_others(&self) -> Outcome<()> {
        match self.outside.astray().first() {
            None => Ok(()),
            Some(name) => Err(Failure::new(format!(
                "an order of {} that another carrier brings was shipped",
                name.erp()
            ))),
        }
    }

    async fn tell(&self, told: &[Told], totals: &Totals) -> Outcome<()> {
        if self.arguments.json {
            let json = serde_json::to_string(totals).doing("writing the totals")?;
            return print(&format!("{json}\n"));
        }
        let lost: u32 = self.outside.carriers.iter().map(mishaps::lost_answers).sum();
        print(&format!(
            "\n{}\n\n{}\n{lost} purchases lost their answers on the way\n{}\n",
            table::pairings(told),
            table::in_words(totals),
            totals.per_shipment.in_words()
        ))?;
        for pairing in &self.outside.pairings {
            let document = mishaps::unluckiest(pairing.as_ref());
            let job = document.and_then(|document| books::jobs(pairing.name(), &document).into_iter().next());
            if let Some(job) = job {
                let story = self.operator.waybill(&["job", "audit", &job]).await?;
                let systems = pairing.name().words();
                print(&format!(
                    "\nA story from {systems}, as `waybill job audit {job}` tells it:\n\n{story}\n"
                ))?;
            }
        }
        Ok(())
    }
}

/// How many quantities a desk has taken so far.
fn told_of_stock(desk: &local::carrier::Running) -> usize {
    desk.desk().map_or(0, |desk| desk.read_books().stock_changes.len())
}

/// The documents that have not ended.
fn late(told: &[Told]) -> Vec<String> {
    let underway = |told: &Told| -> Vec<String> {
        let rows = told.rows.iter().filter(|row| row.end == End::Underway);
        rows.map(|row| format!("{} {}", told.name.erp(), row.number)).collect()
    };
    told.iter().flat_map(underway).collect()
}

async fn until(patience: Duration, what: &str, mut is_so: impl AsyncFnMut() -> Outcome<bool>) -> Outcome<()> {
    let began = Instant::now();
    while !is_so().await? {
        if began.elapsed() > patience {
            return Err(Failure::new(format!("it is not so in time: {what}")));
        }
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
    Ok(())
}

/// What happens to the parcels, in order; nothing is a rest. Every seventh parcel meets bad weather.
fn journey(parcels: &[String]) -> Vec<(String, Option<EventKind>)> {
    let mut journey = Vec::new();
    for event in TRAVELS {
        for (index, number) in parcels.iter().enumerate() {
            if event != EventKind::WeatherDelay || index % 7 == 3 {
                journey.push((number.clone(), Some(event)));
            }
        }
        journey.push((String::new(), None));
    }
    journey
}

/// The promise itself, by the simulators' books.
fn once_each(totals: &Totals) -> Outcome<()> {
    match totals.counts.duplicates {
        0 => Ok(()),
        some => Err(Failure::new(format!("{some} shipments or write-backs are there twice"))),
    }
}

fn print(words: &str) -> Outcome<()> {
    std::io::stdout().write_all(words.as_bytes()).doing("writing to stdout")
}
