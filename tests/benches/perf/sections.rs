//! The measurements, one for each kind of figure.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tests::world::{CONNECTION, Failure};

use super::Asked;
use super::bare::{Bare, Took};
use super::built::{BARE, Built, FUNCTIONS, HELLO, project};
use super::cloud::Counts;
use super::lambda::Function;
use super::outside::{Outside, all};
use super::process;
use super::report::{Row, Section, median};

/// The sizes of batches.
const BATCHES: [usize; 3] = [1, 5, 10];

/// The batch of the template.
const BATCH: usize = 10;

/// Orders that are shipped before anything is measured.
const WARM: usize = 20;

/// How many old orders there are when 100 new ones are looked for.
const AMONG: [u64; 3] = [10_000, 100_000, 1_000_000];

/// How many new ones.
const NEW: usize = 100;

/// How often a function that ships nothing is handed its event before its memory is weighed.
const EVENTS: usize = 50;

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

/// From the start of a process to its first request for an event, one function after the other in each round.
pub(crate) async fn cold_starts(asked: &Asked, built: &Built) -> Result<Section, Failure> {
    let outside = Outside::start().await?;
    let names: Vec<&str> = std::iter::once(HELLO).chain(FUNCTIONS).collect();
    let mut starts = vec![Vec::new(); names.len()];
    for _ in 0..asked.starts {
        for (name, starts) in names.iter().zip(&mut starts) {
            let function = Function::start(&built.binary(name), &outside.aws).await?;
            starts.push(milliseconds(function.start));
            function.stop().await?;
        }
    }
    let mut medians = starts.into_iter().map(median);
    let hello = medians.next().ok_or("nothing was started")?;
    Ok(Section {
        key: "cold_start",
        title: "Cold start",
        unit: "ms",
        yardstick: "a bare lambda_runtime function that does nothing",
        aim: "at most 2 times",
        runs: asked.starts,
        rows: FUNCTIONS
            .iter()
            .zip(medians)
            .map(|(name, ours)| Row::new(*name, ours, hello))
            .collect(),
    })
}

/// The poller and the worker of one connection.
struct Shop {
    outside: Outside,
    poller: Function,
    worker: Function,
    shipped: usize,
}

/// A batch as the queue hands it over.
fn batch(bodies: &[String]) -> Value {
    let record = |(index, body): (usize, &String)| {
        json!({
            "messageId": format!("059f36b4-87a3-44ab-83d2-{index:012}"), "receiptHandle": "AQEB", "body": body,
            "attributes": { "ApproximateReceiveCount": "1", "SentTimestamp": "1763637300123" },
            "messageAttributes": {}, "md5OfBody": "bae6c4", "eventSource": "aws:sqs",
            "eventSourceARN": "arn:aws:sqs:us-east-1:123456789012:shipments", "awsRegion": "us-east-1"
        })
    };
    json!({ "Records": bodies.iter().enumerate().map(record).collect::<Vec<_>>() })
}

/// Polls until the scan is complete.
async fn poll(poller: &mut Function) -> Result<(), Failure> {
    loop {
        let report = poller.invoke(&json!({ "connection": CONNECTION })).await?;
        if let Some(why) = report.get("stopped").and_then(Value::as_str) {
            return Err(format!("the poll was stopped: {why}").into());
        }
        if report.get("complete") == Some(&Value::Bool(true)) {
            return Ok(());
        }
    }
}

impl Shop {
    async fn open(built: &Built) -> Result<Self, Failure> {
        let outside = Outside::start().await?;
        let poller = Function::start(&built.binary("erp-poller"), &outside.aws).await?;
        let worker = Function::start(&built.binary("shipment-worker"), &outside.aws).await?;
        Ok(Self {
            outside,
            poller,
            worker,
            shipped: 0,
        })
    }

    /// New orders, as messages of the queue.
    async fn orders(&mut self, count: usize) -> Result<Vec<String>, Failure> {
        self.outside.enter(count)?;
        poll(&mut self.poller).await?;
        let jobs = self.outside.cloud.take_jobs();
        match jobs.len() == count {
            true => Ok(jobs),
            false => Err(format!("{count} orders became {} jobs", jobs.len()).into()),
        }
    }

    /// Ships them in batches of one size, and looks whether they have shipped.
    async fn ship(&mut self, jobs: &[String], size: usize) -> Result<Took, Failure> {
        let (cpu, began) = (process::cpu(self.worker.id())?, Instant::now());
        for bodies in jobs.chunks(size) {
            let answer = self.worker.invoke(&batch(bodies)).await?;
            if answer
                .get("batchItemFailures")
                .and_then(Value::as_array)
                .is_some_and(|failed| !failed.is_empty())
            {
                return Err(format!("a batch failed: {answer}").into());
            }
        }
        let took = Took {
            wall: began.elapsed(),
            cpu: process::cpu(self.worker.id())?.saturating_sub(cpu),
        };
        self.shipped += jobs.len();
        let (billed, written) = (self.outside.billed(), self.outside.written());
        match (billed, written) == (self.shipped, self.shipped) {
            true => Ok(took),
            false => Err(format!(
                "of {} orders {billed} were billed and {written} written back",
                self.shipped
            )
            .into()),
        }
    }

    /// What was counted since it was asked last.
    fn counts(&self) -> (Counts, Counts, Counts) {
        let outside = &self.outside;
        (
            outside.cloud.take_counts(),
            outside.take_carrier_calls(),
            outside.take_erp_calls(),
        )
    }
}

/// Everything about orders that ship: the sections on CPU, on throughput, on operations and on memory.
pub(crate) async fn orders(asked: &Asked, built: &Built) -> Result<Vec<Section>, Failure> {
    let mut shop = Shop::open(built).await?;
    let warm = shop.orders(WARM).await?;
    shop.ship(&warm, BATCH).await?;
    let one = shop.orders(1).await?;
    shop.outside.notes.begin();
    shop.ship(&one, 1).await?;
    let mut bare = Bare::start(&built.binary(BARE), &shop.outside.notes.end()).await?;
    bare.ship(WARM, BATCH).await?;
    let mut shipped = Shipped::default();
    for _ in 0..asked.rounds {
        let jobs = shop.orders(asked.orders * BATCHES.len()).await?;
        for (jobs, size) in jobs.chunks(asked.orders).zip(BATCHES) {
            shop.counts();
            let logged = shop.worker.logged();
            shipped.ours.push((size, shop.ship(jobs, size).await?));
            if size == BATCH {
                shipped.count(shop.counts(), jobs.len(), shop.worker.logged() - logged);
            }
            shipped.bare.push((size, bare.ship(jobs.len(), size).await?));
        }
    }
    let memory = memory(asked, built, &mut shop).await?;
    eprintln!("the bare loop has had {:.1} MB", bare.peak_memory()?);
    bare.stop().await?;
    Ok(vec![
        shipped.cpu(asked),
        shipped.throughput(asked),
        shipped.operations(),
        memory,
    ])
}

/// What was seen while orders shipped.
#[derive(Default)]
struct Shipped {
    ours: Vec<(usize, Took)>,
    bare: Vec<(usize, Took)>,
    orders: usize,
    logged: u64,
    aws: Counts,
    carrier: Counts,
    erp: Counts,
}

impl Shipped {
    fn count(&mut self, (aws, carrier, erp): (Counts, Counts, Counts), orders: usize, logged: u64) {
        for (sum, more) in [(&mut self.aws, aws), (&mut self.carrier, carrier), (&mut self.erp, erp)] {
            for (operation, count) in more {
                *sum.entry(operation).or_default() += count;
            }
        }
        self.orders += orders;
        self.logged += logged;
    }

    fn of(all: &[(usize, Took)], size: usize, figure: impl Fn(&Took) -> f64) -> f64 {
        let own = all.iter().filter(|(of, _)| *of == size);
        median(own.map(|(_, took)| figure(took)).collect())
    }

    fn cpu(&self, asked: &Asked) -> Section {
        let orders = asked.orders as f64;
        let figure = |took: &Took| milliseconds(took.cpu) / orders;
        Section {
            key: "cpu_per_order",
            title: "CPU time of a shipped order in the worker, in batches of 10",
            unit: "ms",
            yardstick: "a bare loop that makes the same calls with the same clients, 10 orders at once",
            aim: "at most 1.5 times",
            runs: asked.rounds,
            rows: vec![Row::new(
                "",
                Self::of(&self.ours, BATCH, figure),
                Self::of(&self.bare, BATCH, figure),
            )],
        }
    }

    fn throughput(&self, asked: &Asked) -> Section {
        let orders = asked.orders as f64;
        let figure = |took: &Took| orders / took.wall.as_secs_f64();
        let row = |size: usize| {
            let (ours, bare) = (Self::of(&self.ours, size, figure), Self::of(&self.bare, size, figure));
            Row::new(format!("batch of {size}"), ours, bare)
        };
        Section {
            key: "throughput",
            title: "Throughput of one worker process",
            unit: "orders/s",
            yardstick: "the bare loop, so many orders at once",
            aim: "grows with the batch",
            runs: asked.rounds,
            rows: BATCHES.into_iter().map(row).collect(),
        }
    }

    fn operations(&self) -> Section {
        let orders = self.orders as f64;
        let aws = |operations: &[&str]| {
            let own = self.aws.iter().filter(|(name, _)| operations.contains(&name.as_str()));
            own.map(|(_, count)| *count).sum::<u64>() as f64 / orders
        };
        let writes = [
            "dynamodb.PutItem",
            "dynamodb.UpdateItem",
            "dynamodb.DeleteItem",
            "dynamodb.TransactWriteItems",
            "dynamodb.BatchWriteItem",
        ];
        let mut rows = vec![
            Row::new("state_writes", aws(&writes), 5.0),
            Row::new(
                "state_reads",
                aws(&["dynamodb.GetItem", "dynamodb.BatchGetItem", "dynamodb.Query"]),
                None,
            ),
            Row::new("secret_reads", aws(&["secrets.GetSecretValue"]), 0.0),
            Row::new("key_calls", aws(&["kms.Decrypt", "kms.GenerateDataKey"]), 0.0),
            Row::new("queue_sends", aws(&["sqs.SendMessage", "sqs.SendMessageBatch"]), None),
            Row::new("objects", aws(&["s3.PUT", "s3.GET"]), None),
            Row::new("carrier_calls", all(&self.carrier) as f64 / orders, 3.0),
            Row::new("erp_calls", all(&self.erp) as f64 / orders, None),
            Row::new("log_bytes", self.logged as f64 / orders, None),
        ];
        for (operation, count) in self.aws.iter().chain(&self.carrier).chain(&self.erp) {
            let name = operation.replace('/', "|");
            rows.push(Row::new(format!("detail/{name}"), *count as f64 / orders, None));
        }
        Section {
            key: "operations",
            title: "Operations of a shipped order, in batches of 10",
            unit: "a warm order",
            yardstick: "what is aimed at",
            aim: "at most 5 writes of state, no secret read, 3 calls of the carrier",
            runs: 1,
            rows,
        }
    }
}

/// The most memory of each function after its work: polled and shipped orders, or its event again and again.
async fn memory(asked: &Asked, built: &Built, shop: &mut Shop) -> Result<Section, Failure> {
    let mut rows = Vec::new();
    if asked.wants(&["memory_mb"]) {
        let hello = after_events(built, shop, HELLO, &json!({})).await?;
        for name in FUNCTIONS {
            let peak = match name {
                "erp-poller" => process::peak_memory(shop.poller.id())?,
                "shipment-worker" => process::peak_memory(shop.worker.id())?,
                "tracking-worker" => {
                    let parcels = shop.outside.parcels();
                    let news = parcels
                        .iter()
                        .map(|number| json!({ "parcel": { "connection": CONNECTION, "number": number } }).to_string());
                    let news: Vec<String> = news.take(BATCH).collect();
                    after_events(built, shop, name, &batch(&news)).await?
                }
                name => {
                    let event = std::fs::read(project().join("events").join(format!("{name}.json")))?;
                    after_events(built, shop, name, &serde_json::from_slice(&event)?).await?
                }
            };
            rows.push(Row::new(name, peak, hello));
        }
    }
    Ok(Section {
        key: "memory_mb",
        title: "Memory of a function after its work, at its peak",
        unit: "MB",
        yardstick: "a function that does nothing",
        aim: "under 32 MB",
        runs: 1,
        rows,
    })
}

async fn after_events(built: &Built, shop: &Shop, name: &str, event: &Value) -> Result<f64, Failure> {
    let mut function = Function::start(&built.binary(name), &shop.outside.aws).await?;
    for _ in 0..EVENTS {
        function
            .invoke(event)
            .await
            .map_err(|error| format!("{name}: {error}"))?;
    }
    let peak = process::peak_memory(function.id())?;
    function.stop().await?;
    Ok(peak)
}

/// What one poll asks of an ERP that has ever more old orders, and the CPU time that it takes.
pub(crate) async fn polling(asked: &Asked, built: &Built) -> Result<Section, Failure> {
    let mut all = Vec::new();
    for among in AMONG {
        all.push((among, polls(asked, built, among).await?));
    }
    let least = all.first().map(|(_, figures)| *figures).ok_or("nothing was polled")?;
    let rows = all.iter().flat_map(|(among, [calls, bytes, cpu])| {
        let [least_calls, least_bytes, least_cpu] = least;
        [
            Row::new(format!("{among}/calls"), *calls, least_calls),
            Row::new(format!("{among}/bytes"), *bytes, least_bytes),
            Row::new(format!("{among}/cpu_ms"), *cpu, least_cpu),
        ]
    });
    Ok(Section {
        key: "polling",
        title: "Polling 100 new orders among so many old ones",
        unit: "a poll",
        yardstick: "the same poll among 10,000",
        aim: "flat",
        runs: asked.rounds,
        rows: rows.collect(),
    })
}

/// The calls, bytes and milliseconds of a poll.
async fn polls(asked: &Asked, built: &Built, among: u64) -> Result<[f64; 3], Failure> {
    let outside = Outside::start().await?;
    let mut poller = Function::start(&built.binary("erp-poller"), &outside.aws).await?;
    let (mut calls, mut bytes, mut cpu) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..=asked.rounds {
        outside.grow_old(among).await?;
        outside.enter(NEW)?;
        outside.take_erp_calls();
        outside.take_erp_bytes();
        let before = process::cpu(poller.id())?;
        poll(&mut poller).await?;
        let found = outside.cloud.take_jobs().len();
        if found != NEW {
            return Err(format!("{NEW} new orders among {among} became {found} jobs").into());
        }
        // The first poll also asks for a token.
        if round > 0 {
            calls.push(all(&outside.take_erp_calls()) as f64);
            bytes.push(outside.take_erp_bytes() as f64);
            cpu.push(milliseconds(process::cpu(poller.id())?.saturating_sub(before)));
        }
    }
    poller.stop().await?;
    Ok([median(calls), median(bytes), median(cpu)])
}
