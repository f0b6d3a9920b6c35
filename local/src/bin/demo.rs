//! `cargo demo`: the whole deployment on this machine. Orders ship through it while people act on them, and then it says
//! what happened, by the simulators' own books.

use std::io::Write;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::Parser;
use jiff::Timestamp;
use local::books::{self, End, Row, Totals};
use local::chaos::Chaos;
use local::failure::{Failure, Outcome, While};
use local::ministack::Life;
use local::operator::Operator;
use local::outside::Outside;
use local::people::People;
use local::place::Place;
use local::progress::{Line, Progress};
use local::signals::Interrupts;
use local::stack::{Ready, Running, prepare};
use local::table;
use simulators::ups::{self, EventKind};

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
/// How often the ERP is polled.
const POLL: Duration = Duration::from_secs(2);

/// Ships orders through the whole deployment on this machine: NetSuite sales orders become UPS shipments, and their parcels
/// travel until NetSuite shows that they are delivered.
#[derive(Parser)]
#[command(name = "cargo demo")]
struct Arguments {
    /// How many orders; ten or more hold every kind
    #[arg(long, default_value_t = 25)]
    orders: usize,
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

async fn run(arguments: Arguments) -> Outcome<()> {
    let mut interrupts = Interrupts::listen("everything is stopped")?;
    let place = Place::named("demo");
    let mut progress = Progress::default();
    let ready = interrupts.unless(prepare(&place, &mut progress)).await?;
    let began = Instant::now();
    let outside = interrupts.unless(Outside::start(arguments.ups_port)).await?;
    let start = Running::start(&place, &ready, Life::ThisProcess, &mut progress);
    let started = match interrupts.unless(start).await {
        Ok(started) => started,
        Err(failure) => {
            outside.stop().await;
            return Err(failure);
        }
    };
    let demo = Demo {
        arguments: &arguments,
        place: &place,
        ready: &ready,
        outside: &outside,
        running: &started,
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
    ready: &'a Ready,
    outside: &'a Outside,
    running: &'a Running,
}

impl Demo<'_> {
    async fn ship(&self, began: Instant, progress: &mut Progress) -> Outcome<()> {
        let operator = Operator::of(self.ready.waybill(), self.running.description());
        let opened = Timestamp::now();
        let mut people = People::enter(self.outside, self.arguments.orders, self.arguments.seed)?;
        progress
            .phase("connecting NetSuite and UPS", async |_| self.connect(&operator).await)
            .await?;
        let name = format!("shipping {} orders", self.arguments.orders);
        let mut chaos = self.arguments.chaos.map(|seed| Chaos::over(self.running.group(), seed));
        let ended = progress
            .phase(&name, async |line| {
                self.work(&operator, &mut people, chaos.as_mut(), opened, line).await
            })
            .await;
        let delivered = match &ended {
            Ok(()) => {
                progress
                    .phase("delivering the parcels", async |line| {
                        self.deliver(&operator, &people, opened, line).await
                    })
                    .await
            }
            Err(_) => Ok(()),
        };
        let reconciled = progress
            .phase("comparing NetSuite, jobs and UPS", async |_| {
                operator.waybill(&["reconcile", "run"]).await
            })
            .await;
        let rows = self.rows(&people, opened);
        let totals = books::totals(
            &rows,
            &self.outside.netsuite.netsuite.books(),
            &self.outside.ups.ups.read_books(),
            began.elapsed(),
        );
        let totals = Totals {
            killed: chaos.map(|chaos| chaos.killed),
            ..totals
        };
        self.tell(&operator, &people, &rows, &totals).await?;
        ended.and(delivered).and_then(|()| once_each(&totals))?;
        let reconciled = reconciled?;
        if self.arguments.json {
            return Ok(());
        }
        print(&format!("\n{reconciled}\n"))
    }

    async fn connect(&self, operator: &Operator) -> Outcome<()> {
        for (system, body) in self.outside.secrets() {
            operator.set_secret(system, &body).await?;
        }
        let mut urls = self.outside.urls();
        urls.extend(self.arguments.ups_url.clone().map(|url| ("ups".to_owned(), url)));
        operator.connect(self.place, &urls).await
    }

    /// Polls, and lets people act, until every order has ended.
    async fn work(
        &self,
        operator: &Operator,
        people: &mut People,
        mut chaos: Option<&mut Chaos>,
        opened: Timestamp,
        line: &Line,
    ) -> Outcome<()> {
        let began = Instant::now();
        let mut polled: Option<Instant> = None;
        loop {
            let storm = chaos.as_mut().is_some_and(|chaos| {
                chaos.strike();
                chaos.rages()
            });
            if polled.is_none_or(|at| at.elapsed() >= POLL) {
                match operator.poll().await {
                    // The poller itself may have been killed: the next poll goes on where it was.
                    Err(_) if storm => {}
                    polled => polled?,
                }
                polled = Some(Instant::now());
            }
            people.act(self.outside, &self.outside.netsuite.netsuite.books())?;
            let rows = self.rows(people, opened);
            line.at(table::in_short(&rows));
            if rows.iter().all(|row| row.end != End::Underway) && self.settled() {
                return Ok(());
            }
            if began.elapsed() > PATIENCE {
                let late: Vec<&str> = rows
                    .iter()
                    .filter(|row| row.end == End::Underway)
                    .map(|row| row.number.as_str())
                    .collect();
                return Err(Failure::new(format!(
                    "these orders have not ended in time: {}",
                    late.join(", ")
                )));
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    /// Lets every parcel travel, with a delay here and there, until the ERP shows that it has arrived.
    async fn deliver(&self, operator: &Operator, people: &People, opened: Timestamp, line: &Line) -> Outcome<()> {
        self.follow(operator, line).await?;
        let carrier = &self.outside.ups.ups;
        let courier = tokio::spawn(ups::courier(carrier.clone(), Duration::from_millis(200)));
        for (number, event) in journey(&self.parcels()) {
            match event {
                Some(event) => drop(carrier.happen(&number, &[event])),
                None => tokio::time::sleep(STEP).await,
            }
            line.at(table::deliveries_in_short(&self.rows(people, opened)));
        }
        let arrived = self.until(LATEST, "every parcel has arrived in the ERP", async || {
            let rows = self.rows(people, opened);
            line.at(table::deliveries_in_short(&rows));
            Ok(rows.iter().all(|row| row.end != End::Shipped || row.delivered))
        });
        let arrived = arrived.await;
        courier.abort();
        arrived
    }

    /// Has every parcel followed, and news of each pushed, without waiting for the schedules of a minute.
    async fn follow(&self, operator: &Operator, line: &Line) -> Outcome<()> {
        let parcels = self.parcels().len();
        self.until(LATEST, "news of every parcel are pushed", async || {
            operator.waybill(&["tracking", "poll"]).await?;
            operator.waybill(&["tracking", "renew"]).await?;
            let pushed = self.outside.ups.ups.read_books().subscriptions.len();
            line.at(format!("{pushed} of {parcels} parcels are subscribed to"));
            Ok(pushed >= parcels)
        })
        .await
    }

    async fn until(
        &self,
        patience: Duration,
        what: &str,
        mut is_so: impl AsyncFnMut() -> Outcome<bool>,
    ) -> Outcome<()> {
        let began = Instant::now();
        while !is_so().await? {
            if began.elapsed() > patience {
                return Err(Failure::new(format!("it is not so in time: {what}")));
            }
            tokio::time::sleep(Duration::from_millis(300)).await;
        }
        Ok(())
    }

    /// The parcels that travel.
    fn parcels(&self) -> Vec<String> {
        let shipments = self.outside.ups.ups.read_books().shipments;
        let alive = shipments.iter().filter(|shipment| !shipment.is_voided());
        let numbers = alive.flat_map(|shipment| &shipment.packages);
        numbers.map(|parcel| parcel.tracking_number.clone()).collect()
    }

    /// Whether no job has two shipments, which a later look would find and void.
    fn settled(&self) -> bool {
        let books = self.outside.ups.ups.read_books();
        books
            .duplicates
            .keys()
            .all(|reference| reference.parse::<waybill::domain::JobId>().is_err())
    }

    fn rows(&self, people: &People, opened: Timestamp) -> Vec<Row> {
        let (erp, carrier) = (
            self.outside.netsuite.netsuite.books(),
            self.outside.ups.ups.read_books(),
        );
        let mut rows = books::rows(&people.orders, &erp, &carrier, opened);
        let corrected = |row: &&mut Row| row.end == End::Held && people.has_put_right(&row.number);
        rows.iter_mut()
            .filter(corrected)
            .for_each(|row| row.end = End::Underway);
        rows
    }

    async fn tell(&self, operator: &Operator, people: &People, rows: &[Row], totals: &Totals) -> Outcome<()> {
        if self.arguments.json {
            let json = serde_json::to_string(totals).doing("writing the totals")?;
            return print(&format!("{json}\n"));
        }
        let lost = People::lost_answers(self.outside);
        print(&format!(
            "\n{}\n\n{}\n{lost} purchases lost their answers on the way\n",
            table::orders(rows),
            table::in_words(totals)
        ))?;
        let told = people
            .unluckiest()
            .and_then(|order| Some((order, books::jobs(order.id).into_iter().next()?)));
        let Some((order, job)) = told else { return Ok(()) };
        let story = operator.waybill(&["job", "audit", &job]).await?;
        print(&format!(
            "\nThe story of order {}, as `waybill job audit {job}` tells it:\n\n{story}\n",
            order.number
        ))
    }
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
    match totals.duplicates {
        0 => Ok(()),
        some => Err(Failure::new(format!("{some} shipments or write-backs are there twice"))),
    }
}

fn print(words: &str) -> Outcome<()> {
    std::io::stdout().write_all(words.as_bytes()).doing("writing to stdout")
}
