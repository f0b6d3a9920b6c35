//! Logs as JSON lines, one event a line: ids and decisions, never bodies, credentials or addresses. Metrics are lines too,
//! in CloudWatch's embedded metric format: what an invocation counts is summed up and told once, at its end, a line for each
//! outside system and one for the rest. A line for each count would cost more than what it counts.
//!
//! An invocation that is killed has counted nothing; what it decided stands in its log.
//!
//! Our own crates log at the configured level. Everybody else's log warnings only, whatever the level: the AWS SDK and
//! the HTTP client write requests and answers into their finer messages.

use std::io::Write;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use metrics::Unit;
use metrics_cloudwatch_embedded::{Builder, Collector};
use tracing::Instrument;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

/// What has been counted and not been told; empty until a function has started.
static COUNTED: OnceLock<&'static Collector> = OnceLock::new();

/// How many values were measured since they were last told.
static MEASURED: AtomicUsize = AtomicUsize::new(0);

/// The most values that the format takes of one metric in one line.
const MOST_VALUES: usize = 100;

tokio::task_local! {
    /// X-Ray's header of the invocation.
    static TRACE: Option<String>;
}

/// Names of fields: one thing has one name in every line, and a line has no others (a rule of `tests/rules` sees to it). None is a name, an
/// address, a body or a secret.
pub mod field {
    /// A job's id.
    pub const JOB: &str = "job";
    /// A connection's id.
    pub const CONNECTION: &str = "connection";
    /// An order, by the number that people know.
    pub const ORDER: &str = "order";
    /// A document of the ERP, by its id.
    pub const DOCUMENT: &str = "document";
    /// How many documents.
    pub const DOCUMENTS: &str = "documents";
    /// A parcel, by its key or its number.
    pub const PARCEL: &str = "parcel";
    /// How many parcels, or which.
    pub const PARCELS: &str = "parcels";
    /// What left a desk, by the desk's id.
    pub const DESPATCH: &str = "despatch";
    /// An order at a desk, by the desk's id.
    pub const AT_DESK: &str = "at_desk";
    /// A webhook that was kept, by its id.
    pub const CAPTURE: &str = "capture";
    /// The beginning of the digest of a hook's id.
    pub const HOOK: &str = "hook";
    /// A queue's message; `message` is what the line says.
    pub const MESSAGE_ID: &str = "message_id";
    /// An outside system.
    pub const SYSTEM: &str = "system";
    /// An account of an outside system, with its limits.
    pub const ACCOUNT: &str = "account";
    /// A secret, by its name.
    pub const CREDENTIAL: &str = "credential";
    /// What an outside system was asked.
    pub const OPERATION: &str = "operation";
    /// What a call was answered, or what an ERP shows of a delivery.
    pub const STATUS: &str = "status";
    /// What an outside system calls something.
    pub const CODE: &str = "code";
    /// A reference that we gave a carrier.
    pub const REFERENCE: &str = "reference";
    /// A column of an ERP.
    pub const COLUMN: &str = "column";
    /// Which kind of document.
    pub const KIND: &str = "kind";
    /// A business unit of an ERP.
    pub const BUSINESS_UNIT: &str = "business_unit";
    /// What an ERP has no field for.
    pub const LACKING: &str = "lacking";
    /// An item of stock, by its id.
    pub const ITEM: &str = "item";
    /// Where stock lies, by its id in the ERP.
    pub const LOCATION: &str = "location";
    /// Where something stands, as the other side names it.
    pub const PLACE: &str = "place";
    /// How much of it.
    pub const QUANTITY: &str = "quantity";
    /// What came of a step of a job.
    pub const OUTCOME: &str = "outcome";
    /// Why a job is held.
    pub const HOLD: &str = "hold";
    /// What a job does next.
    pub const NEXT: &str = "next";
    /// Where a parcel is.
    pub const MILESTONE: &str = "milestone";
    /// Why something is not done, or not now.
    pub const REASON: &str = "reason";
    /// What went wrong.
    pub const ERROR: &str = "error";
    /// X-Ray's id of the trace that the invocation belongs to, in the span of each of its lines.
    pub const TRACE: &str = "trace";
    /// What kind of trouble an account has.
    pub const TROUBLE: &str = "trouble";
    /// How long something took.
    pub const MILLISECONDS: &str = "milliseconds";
    /// How long something lasts.
    pub const SECONDS: &str = "seconds";
    /// The same, in minutes.
    pub const MINUTES: &str = "minutes";
    /// The same, in days.
    pub const DAYS: &str = "days";
    /// When something began.
    pub const SINCE: &str = "since";
    /// When something ends.
    pub const UNTIL: &str = "until";
    /// Which version of something.
    pub const VERSION: &str = "version";
    /// Who asked for something, where a person did.
    pub const BY: &str = "by";
    /// Which run of something that is done again and again.
    pub const RUN: &str = "run";
    /// Which part of the keys.
    pub const SHARD: &str = "shard";
    /// A key of the bucket.
    pub const KEY: &str = "key";
    /// The beginning of keys of the bucket.
    pub const PREFIX: &str = "prefix";
    /// How many there may be.
    pub const LIMIT: &str = "limit";
    /// How many of these somebody may take.
    pub const SHARE: &str = "share";
    /// How many were made.
    pub const MADE: &str = "made";
    /// Whether it is a new one.
    pub const NEW: &str = "new";
    /// Whether a message was sent.
    pub const QUEUED: &str = "queued";
    /// Whether it was done to its end.
    pub const COMPLETE: &str = "complete";
    /// The same, of what a webhook led to.
    pub const WHOLE: &str = "whole";
    /// Why, or how often, it was stopped.
    pub const STOPPED: &str = "stopped";
    /// What was done.
    pub const WHAT: &str = "what";
    /// How many documents were seen.
    pub const SEEN: &str = "seen";
    /// How many of them became jobs.
    pub const ADMITTED: &str = "admitted";
    /// How many fit no order.
    pub const PARKED: &str = "parked";
    /// How many were due.
    pub const DUE: &str = "due";
    /// How many were queued again.
    pub const REQUEUED: &str = "requeued";
    /// How many jobs.
    pub const JOBS: &str = "jobs";
    /// How many of them do not agree.
    pub const GAPS: &str = "gaps";
    /// How many tokens end soon.
    pub const ENDING: &str = "ending";
    /// How many were renewed.
    pub const RENEWED: &str = "renewed";
    /// How many could not be.
    pub const FAILED: &str = "failed";
    /// Of how many parcels news are pushed.
    pub const PROMISED: &str = "promised";
    /// How many, or whether it, was refused.
    pub const REFUSED: &str = "refused";
    /// How many need it no more.
    pub const ENDED: &str = "ended";
    /// How many webhooks.
    pub const WEBHOOKS: &str = "webhooks";
    /// How many carriers' lists.
    pub const LISTS: &str = "lists";
    /// How many parcels moved.
    pub const MOVED: &str = "moved";
    /// How many were read.
    pub const READ: &str = "read";
    /// How many have changed.
    pub const CHANGED: &str = "changed";
    /// How many were told.
    pub const TOLD: &str = "told";
    /// How many have no place at the desk.
    pub const UNPLACED: &str = "unplaced";
}

/// By what metrics are told apart.
pub mod dimension {
    /// The outside system, as in [`field::SYSTEM`](super::field::SYSTEM).
    pub const SYSTEM: &str = "System";
}

/// Begins to log to the standard output, and to count in a namespace of CloudWatch; `binary` is the calling crate's name
/// (`env!("CARGO_CRATE_NAME")`). A second call changes nothing.
pub fn start(level: LevelFilter, binary: &str, namespace: &str) {
    begin_to_count(namespace);
    let lines = tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_current_span(true)
        .with_span_list(false)
        .with_max_level(level)
        .finish()
        .with(targets(level, binary));
    if lines.try_init().is_err() {
        tracing::debug!("logging has begun before");
    }
}

fn begin_to_count(namespace: &str) {
    if let Ok(collector) = Builder::new().cloudwatch_namespace(namespace.to_owned()).init() {
        COUNTED.get_or_init(|| collector);
    }
}

/// Does the work of one invocation: its lines carry the trace, what it sends says to which it belongs, and what it counted is told
/// at its end. `trace` is the header that the runtime was given.
pub async fn invocation<W: Future>(trace: Option<String>, work: W) -> W::Output {
    let span = match trace.as_deref().map(root) {
        // An error's span is there at every level.
        Some(root) => tracing::error_span!("invocation", trace = root),
        None => tracing::Span::none(),
    };
    let done = TRACE.scope(trace, work).instrument(span).await;
    tell();
    done
}

/// X-Ray's header of the invocation that the caller belongs to, for what it sends.
pub fn trace_header() -> Option<String> {
    TRACE.try_with(Clone::clone).ok().flatten()
}

/// The trace's id in a header (`Root=1-...;Parent=...;Sampled=1`).
fn root(header: &str) -> &str {
    let mut parts = header.split(';');
    parts.find_map(|part| part.strip_prefix("Root=")).unwrap_or(header)
}

/// Counts something in CloudWatch, without dimensions, so that an alarm needs to know its name only. A process that has not
/// [`start`]ed counts nothing.
pub fn count(metric: &'static str, value: u64) {
    metrics::describe_counter!(metric, Unit::Count, "");
    metrics::counter!(metric).increment(value);
}

/// Counts something of an outside system.
pub fn count_of(system: &str, metric: &'static str, value: u64) {
    metrics::describe_counter!(metric, Unit::Count, "");
    metrics::counter!(metric, dimension::SYSTEM => system.to_owned()).increment(value);
}

/// Measures a time, of which the longest and the usual matter, not the sum.
pub fn seconds(metric: &'static str, value: u64) {
    make_room();
    metrics::describe_histogram!(metric, Unit::Seconds, "");
    metrics::histogram!(metric).record(number(value));
}

/// Measures how much of a hundred an outside system has used up.
pub fn percent_of(system: &str, metric: &'static str, value: u64) {
    make_room();
    metrics::describe_histogram!(metric, Unit::Percent, "");
    metrics::histogram!(metric, dimension::SYSTEM => system.to_owned()).record(number(value));
}

fn number(value: u64) -> f64 {
    f64::from(u32::try_from(value).unwrap_or(u32::MAX))
}

/// A line takes so many values and no more: they are told before there are too many.
fn make_room() {
    if MEASURED.fetch_add(1, Ordering::Relaxed) + 1 >= MOST_VALUES {
        tell();
    }
}

/// Tells what was counted since it was last told.
fn tell() {
    let Some(collector) = COUNTED.get() else { return };
    MEASURED.store(0, Ordering::Relaxed);
    let mut lines = Vec::new();
    if collector.flush(&mut lines).is_ok() {
        // A metric that cannot be written must not fail what it counts.
        drop(std::io::stdout().write_all(&lines));
    }
}

fn targets(level: LevelFilter, binary: &str) -> Targets {
    Targets::new()
        .with_default(level.min(LevelFilter::WARN))
        .with_target("waybill", level)
        .with_target(binary, level)
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::sync::{Arc, Mutex};

    use serde_json::json;

    use super::*;

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    /// The lines of what was counted, those of other tests among them: the collector is one for the process.
    fn told() -> Vec<serde_json::Value> {
        let mut lines = Vec::new();
        COUNTED.get().unwrap().flush(&mut lines).unwrap();
        let text = String::from_utf8(lines).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// The shape is that of CloudWatch's specification of the embedded metric format.
    #[test]
    fn what_is_counted_is_summed_up_and_told_once() {
        begin_to_count("Waybill/prod");
        count("TestShipments", 1);
        count("TestShipments", 2);
        count_of("ups", "TestCalls", 5);
        seconds("TestSeconds", 7);
        seconds("TestSeconds", 3);
        let lines = told();
        let with = |metric: &str| lines.iter().find(|line| !line[metric].is_null()).unwrap();
        let plain = with("TestShipments");
        let directive = &plain["_aws"]["CloudWatchMetrics"][0];
        assert_eq!(
            (&directive["Namespace"], &directive["Dimensions"]),
            (&json!("Waybill/prod"), &json!([[]]))
        );
        let declared = directive["Metrics"].as_array().unwrap();
        assert!(declared.contains(&json!({ "Name": "TestShipments", "Unit": "Count" })));
        assert!(declared.contains(&json!({ "Name": "TestSeconds", "Unit": "Seconds" })));
        assert_eq!(plain["TestShipments"], 3);
        assert_eq!(plain["TestSeconds"], json!([7.0, 3.0]), "none is lost in a sum");
        let ups = with("TestCalls");
        assert_eq!(ups["_aws"]["CloudWatchMetrics"][0]["Dimensions"], json!([["System"]]));
        assert_eq!((&ups["System"], &ups["TestCalls"]), (&json!("ups"), &json!(5)));
        let again = told();
        assert!(again.iter().all(|line| line["TestShipments"].is_null()), "told once");
    }

    #[tokio::test]
    async fn an_invocation_names_its_trace_in_its_lines_and_in_what_it_sends() {
        let header = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1";
        let lines = Lines::default();
        let writer = lines.clone();
        let subscriber = tracing_subscriber::fmt()
            .json()
            .flatten_event(true)
            .with_span_list(false)
            .with_max_level(LevelFilter::WARN)
            .with_writer(move || writer.clone())
            .finish()
            .with(targets(LevelFilter::WARN, "shipment_worker"));
        let guard = tracing::subscriber::set_default(subscriber);
        let sent = invocation(Some(header.to_owned()), async {
            tracing::warn!("within");
            trace_header()
        });
        assert_eq!(sent.await.as_deref(), Some(header));
        assert_eq!(trace_header(), None, "only within the invocation");
        drop(guard);
        let text = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
        let line: serde_json::Value = serde_json::from_str(text.trim()).unwrap();
        assert_eq!(line["span"][field::TRACE], "1-5759e988-bd862e3fe1be46a994272793");
        assert_eq!(invocation(None, async { trace_header() }).await, None);
    }

    #[test]
    fn our_own_lines_are_json_and_other_crates_only_warn() {
        let lines = Lines::default();
        let writer = lines.clone();
        let subscriber = tracing_subscriber::fmt()
            .json()
            .flatten_event(true)
            .with_max_level(LevelFilter::DEBUG)
            .with_writer(move || writer.clone())
            .finish()
            .with(targets(LevelFilter::DEBUG, "shipment_worker"));
        tracing::subscriber::with_default(subscriber, || {
            tracing::debug!(job = "ABC", "intended");
            tracing::debug!(target: "shipment_worker", "began");
            tracing::debug!(target: "aws_smithy_runtime", "a whole body");
            tracing::warn!(target: "aws_smithy_runtime", "slow");
        });
        let text = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
        let lines: Vec<serde_json::Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let messages: Vec<&str> = lines.iter().map(|line| line["message"].as_str().unwrap()).collect();
        assert_eq!(messages, ["intended", "began", "slow"]);
        assert_eq!(lines[0][field::JOB], "ABC");
    }
}
