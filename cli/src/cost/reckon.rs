//! From counts and prices to money: pure.
//!
//! What orders cause belongs to the shipments: what queues and requests start, and whatever a scheduled function writes,
//! sends or stores. What a schedule causes belongs to the month: that the function runs, what it reads to see that there is
//! nothing, what it logs.

use serde::{Deserialize, Serialize};

use super::counts::{Counts, Function, Trigger, number};
use crate::output::Failure;

const THOUSAND: f64 = 1e3;
const MILLION: f64 = 1e6;
const GIGABYTE: f64 = 1e9;
const MB_PER_GB: f64 = 1024.0;
const MINUTES_PER_MONTH: f64 = 30.0 * 24.0 * 60.0;

/// What Lambda itself asks a queue for a function: it receives and it deletes.
const QUEUE_CALLS_PER_INVOCATION: f64 = 2.0;

/// Lambda keeps five pollers at an idle queue, each waiting twenty seconds at a time.
const IDLE_POLLS_PER_MONTH: f64 = 5.0 * 3.0 * MINUTES_PER_MONTH;

/// The ERP's and the carrier's.
const SECRETS_PER_CONNECTION: f64 = 2.0;

/// The keys of links to labels.
const SECRETS_OF_THE_STACK: f64 = 1.0;

/// Prices in US dollars.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Prices {
    /// Whose, and of when.
    pub(crate) region: String,
    write_units_million: f64,
    read_units_million: f64,
    lambda_gb_second: f64,
    lambda_requests_million: f64,
    sqs_requests_million: f64,
    s3_puts_thousand: f64,
    s3_gets_thousand: f64,
    kms_requests_ten_thousand: f64,
    secrets_requests_ten_thousand: f64,
    http_api_requests_million: f64,
    logs_gb: f64,
    scheduler_runs_million: f64,
    kms_key_month: f64,
    secret_month: f64,
    alarm_month: f64,
    dashboard_month: f64,
    metric_month: f64,
}

impl Prices {
    pub(crate) fn published() -> Result<Self, Failure> {
        Self::parse(include_bytes!("prices.json"), "prices.json of this version")
    }

    pub(crate) fn parse(json: &[u8], name: &str) -> Result<Self, Failure> {
        serde_json::from_slice(json).map_err(|error| {
            Failure::new(format!(
                "{name} is no list of prices: {error}; `waybill cost --json` shows one under `prices`"
            ))
        })
    }
}

/// How a deployment is used.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Use {
    /// In a month.
    pub(crate) shipments: u64,
    pub(crate) connections: u32,
    pub(crate) poll_minutes: u32,
    pub(crate) vendor_seconds: f64,
    /// Messages in one invocation of a worker.
    pub(crate) batch: u32,
}

/// One thing that is paid for.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Line {
    pub(crate) what: String,
    pub(crate) amount: f64,
    pub(crate) unit: &'static str,
    pub(crate) usd: f64,
}

/// What it all costs.
#[derive(Debug, Serialize)]
pub(crate) struct Bill {
    pub(crate) usd_per_thousand: f64,
    pub(crate) usd_per_month: f64,
    /// A month with all its shipments.
    pub(crate) usd_in_all: f64,
    pub(crate) dominated_by: String,
    pub(crate) per_thousand: Vec<Line>,
    pub(crate) per_month: Vec<Line>,
    pub(crate) prices: Prices,
}

/// The bill for this use, by these counts.
pub(crate) fn reckon(counts: &Counts, prices: Prices, usage: Use) -> Bill {
    let mut per_thousand = of_shipments(counts, &prices, usage);
    let per_month = of_a_month(counts, &prices, usage);
    per_thousand.sort_by(|one, other| other.usd.total_cmp(&one.usd));
    let sum = |lines: &[Line]| lines.iter().map(|line| line.usd).sum::<f64>();
    let (usd_per_thousand, usd_per_month) = (sum(&per_thousand), sum(&per_month));
    Bill {
        usd_per_thousand,
        usd_per_month,
        usd_in_all: usd_per_month + usd_per_thousand * number(usage.shipments) / THOUSAND,
        dominated_by: per_thousand.first().map(|line| line.what.clone()).unwrap_or_default(),
        per_thousand,
        per_month,
        prices,
    }
}

/// Of a thousand shipments.
fn of_shipments(counts: &Counts, prices: &Prices, usage: Use) -> Vec<Line> {
    let scale = THOUSAND / number(counts.shipped);
    let all = |of: &dyn Fn(&Function) -> f64| scale * counts.functions.values().map(of).sum::<f64>();
    let started = |function: &Function| matches!(function.trigger, Trigger::Queue | Trigger::Request);
    let caused = |of: &dyn Fn(&Function) -> f64| all(&|function| if started(function) { of(function) } else { 0.0 });
    let is_queue = |function: &Function| f64::from(u8::from(function.trigger == Trigger::Queue));
    let is_request = |function: &Function| f64::from(u8::from(function.trigger == Trigger::Request));

    let writes = all(&|function| function.write_units);
    let reads = caused(&|function| function.read_units);
    let invocations = caused(&|function| invocations(function, usage.batch));
    let working = caused(&|function| function.seconds * gigabytes(function));
    let waiting = caused(&|function| {
        number(function.vendor_calls) * usage.vendor_seconds / side_by_side(function, usage.batch) * gigabytes(function)
    });
    let queue_calls = all(&|function| function.calls_of("sqs", &["SendMessage"]))
        + caused(&|function| is_queue(function) * invocations_of_queue(function, usage.batch));
    let puts = all(&|function| function.calls_of("s3", &["PUT", "POST"]));
    let gets = caused(&|function| function.calls_of("s3", &["GET", "HEAD"]));
    let keys = caused(&|function| function.calls_of("kms", &[""]));
    let secrets = caused(&|function| function.calls_of("secretsmanager", &[""]));
    let asked = caused(&|function| is_request(function) * number(function.invocations));
    let logged = caused(&|function| number(function.log_bytes)) / GIGABYTE;
    vec![
        line(
            "DynamoDB, writing",
            writes,
            "units",
            prices.write_units_million / MILLION,
        ),
        line("DynamoDB, reading", reads, "units", prices.read_units_million / MILLION),
        line("Lambda, waiting for vendors", waiting, "GB-s", prices.lambda_gb_second),
        line("Lambda, working", working, "GB-s", prices.lambda_gb_second),
        line(
            "Lambda, requests",
            invocations,
            "requests",
            prices.lambda_requests_million / MILLION,
        ),
        line("SQS", queue_calls, "requests", prices.sqs_requests_million / MILLION),
        line("S3, storing", puts, "requests", prices.s3_puts_thousand / THOUSAND),
        line("S3, reading", gets, "requests", prices.s3_gets_thousand / THOUSAND),
        line("KMS", keys, "requests", prices.kms_requests_ten_thousand / 1e4),
        line(
            "Secrets Manager",
            secrets,
            "requests",
            prices.secrets_requests_ten_thousand / 1e4,
        ),
        line(
            "HTTP API",
            asked,
            "requests",
            prices.http_api_requests_million / MILLION,
        ),
        line("Logs", logged, "GB", prices.logs_gb),
    ]
}

/// Of a month in which nothing ships.
fn of_a_month(counts: &Counts, prices: &Prices, usage: Use) -> Vec<Line> {
    let polls = f64::from(usage.connections) * MINUTES_PER_MONTH / f64::from(usage.poll_minutes);
    let runs = |function: &Function| match function.trigger {
        Trigger::Schedule => number(function.runs_per_month),
        Trigger::Connection => polls,
        Trigger::Queue | Trigger::Request => 0.0,
    };
    let sum = |of: &dyn Fn(&Function) -> f64| -> f64 {
        let functions = counts.functions.values().filter(|function| function.invocations > 0);
        functions
            .map(|function| runs(function) * of(function) / number(function.invocations))
            .sum()
    };
    let started: f64 = counts.functions.values().map(runs).sum();
    let reads = sum(&|function| function.read_units);
    let working = sum(&|function| {
        (function.seconds + number(function.vendor_calls) * usage.vendor_seconds) * gigabytes(function)
    });
    let logged = sum(&|function| number(function.log_bytes)) / GIGABYTE;
    let secrets = SECRETS_OF_THE_STACK + SECRETS_PER_CONNECTION * f64::from(usage.connections);
    let idle = IDLE_POLLS_PER_MONTH * f64::from(counts.queues);
    vec![
        line(
            "Metrics of our own",
            f64::from(counts.metrics),
            "metrics",
            prices.metric_month,
        ),
        line("Alarms", f64::from(counts.alarms), "alarms", prices.alarm_month),
        line(
            "Dashboards",
            f64::from(counts.dashboards),
            "dashboards",
            prices.dashboard_month,
        ),
        line("Key", 1.0, "keys", prices.kms_key_month),
        line("Secrets", secrets, "secrets", prices.secret_month),
        line(
            "Scheduled runs",
            started,
            "runs",
            (prices.scheduler_runs_million + prices.lambda_requests_million) / MILLION,
        ),
        line("Lambda, looking for work", working, "GB-s", prices.lambda_gb_second),
        line(
            "DynamoDB, looking for work",
            reads,
            "units",
            prices.read_units_million / MILLION,
        ),
        line(
            "SQS, idle queues",
            idle,
            "requests",
            prices.sqs_requests_million / MILLION,
        ),
        line("Logs", logged, "GB", prices.logs_gb),
    ]
}

fn line(what: &str, amount: f64, unit: &'static str, price: f64) -> Line {
    Line {
        what: what.to_owned(),
        amount,
        unit,
        usd: amount * price,
    }
}

fn gigabytes(function: &Function) -> f64 {
    f64::from(function.memory_mb) / MB_PER_GB
}

/// Of messages that come in batches of this size, or as they came where no message is known.
fn invocations(function: &Function, batch: u32) -> f64 {
    match function.messages {
        0 => number(function.invocations),
        messages => number(messages) / f64::from(batch),
    }
}

fn invocations_of_queue(function: &Function, batch: u32) -> f64 {
    QUEUE_CALLS_PER_INVOCATION * invocations(function, batch)
}

/// The messages of one invocation wait for vendors side by side.
fn side_by_side(function: &Function, batch: u32) -> f64 {
    if function.messages == 0 { 1.0 } else { f64::from(batch) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn counts() -> Counts {
        let worker = json!({"trigger": "queue", "invocations": 20, "messages": 40, "seconds": 2.0, "memory_mb": 512,
            "log_bytes": 40_000, "vendor_calls": 200, "read_units": 400.0, "write_units": 2000.0,
            "calls": {"s3:PUTObject": 40, "sqs:SendMessage": 0, "kms:Decrypt": 2}});
        let sweeper = json!({"trigger": "schedule", "runs_per_month": 43_200, "invocations": 10, "messages": 0, "seconds": 1.0,
            "memory_mb": 256, "log_bytes": 1000, "vendor_calls": 0, "read_units": 20.0, "write_units": 40.0,
            "calls": {"sqs:SendMessageBatch": 20}});
        let all = json!({"made_by": "a test", "shipped": 20, "queues": 3, "alarms": 10, "dashboards": 1, "metrics": 4,
            "functions": {"Worker": worker, "Sweeper": sweeper}});
        serde_json::from_value(all).unwrap()
    }

    fn usage() -> Use {
        Use {
            shipments: 1000,
            connections: 2,
            poll_minutes: 5,
            vendor_seconds: 0.5,
            batch: 1,
        }
    }

    fn amount(lines: &[Line], what: &str) -> f64 {
        lines.iter().find(|line| line.what == what).unwrap().amount
    }

    fn near(one: f64, other: f64) -> bool {
        (one - other).abs() < 1e-6 * other.abs().max(1e-6)
    }

    /// Twenty shipments were counted, so a thousand are fifty times as much.
    #[test]
    fn orders_pay_for_what_they_cause() {
        let bill = reckon(&counts(), Prices::published().unwrap(), usage());
        let of = |what| amount(&bill.per_thousand, what);
        assert!(
            near(of("DynamoDB, writing"), 50.0 * 2040.0),
            "a schedule's writes are an order's too"
        );
        assert!(
            near(of("DynamoDB, reading"), 50.0 * 400.0),
            "what a schedule reads is the month's"
        );
        assert!(near(of("Lambda, waiting for vendors"), 50.0 * 200.0 * 0.5 * 0.5));
        assert!(near(of("Lambda, working"), 50.0 * 2.0 * 0.5));
        assert!(near(of("Lambda, requests"), 50.0 * 40.0));
        assert!(
            near(of("SQS"), 50.0 * (20.0 + 2.0 * 40.0)),
            "Lambda receives and deletes on its behalf"
        );
        assert!(near(of("S3, storing"), 50.0 * 40.0));
        let writing = bill
            .per_thousand
            .iter()
            .find(|line| line.what == "DynamoDB, writing")
            .unwrap();
        assert!(near(writing.usd, 50.0 * 2040.0 * 0.625 / 1e6));
        assert_eq!(bill.dominated_by, bill.per_thousand[0].what);
        assert!(near(bill.usd_in_all, bill.usd_per_month + bill.usd_per_thousand));
    }

    #[test]
    fn messages_in_a_batch_wait_together() {
        let busy = reckon(&counts(), Prices::published().unwrap(), Use { batch: 10, ..usage() });
        assert!(near(
            amount(&busy.per_thousand, "Lambda, waiting for vendors"),
            50.0 * 200.0 * 0.5 * 0.5 / 10.0
        ));
        assert!(near(amount(&busy.per_thousand, "Lambda, requests"), 50.0 * 4.0));
    }

    #[test]
    fn a_month_pays_for_its_schedules() {
        let bill = reckon(&counts(), Prices::published().unwrap(), usage());
        let of = |what| amount(&bill.per_month, what);
        assert!(near(of("Scheduled runs"), 43_200.0));
        assert!(near(of("DynamoDB, looking for work"), 43_200.0 * 2.0));
        assert!(near(of("Secrets"), 5.0));
        assert!(near(of("SQS, idle queues"), 3.0 * 648_000.0));
    }

    #[test]
    fn counts_of_nothing_and_prices_of_nothing_are_refused() {
        let mut none = counts();
        none.shipped = 0;
        let none = serde_json::to_vec(&none).unwrap();
        assert!(
            Counts::parse(&none, "f")
                .unwrap_err()
                .to_string()
                .contains("nothing shipped")
        );
        assert!(
            Counts::parse(b"{}", "f")
                .unwrap_err()
                .to_string()
                .contains("cargo demo")
        );
        assert!(
            Prices::parse(b"{\"region\": \"mars\"}", "p")
                .unwrap_err()
                .to_string()
                .contains("--json")
        );
    }

    /// The aim that is set for the product: at a worker's usual batch, a thousand shipments stay under five cents.
    #[test]
    fn what_came_with_this_version_can_be_reckoned() {
        let counts = Counts::of_this_version().unwrap();
        let bill = reckon(&counts, Prices::published().unwrap(), usage());
        assert!(bill.usd_per_thousand > 0.0 && bill.usd_per_month > 0.0);
        assert!(counts.functions.values().any(|function| function.vendor_calls > 0));
    }
}
