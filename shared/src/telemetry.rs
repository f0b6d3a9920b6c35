//! Logs as JSON lines, one event a line: ids and decisions, never bodies, credentials or addresses. Metrics are lines too,
//! in CloudWatch's embedded metric format.
//!
//! Our own crates log at the configured level. Everybody else's log warnings only, whatever the level: the AWS SDK and
//! the HTTP client write requests and answers into their finer messages.

use std::io::Write;
use std::sync::OnceLock;

use jiff::Timestamp;
use serde_json::json;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::EnvFilter;

/// Where metrics belong; empty until a function has started.
static NAMESPACE: OnceLock<String> = OnceLock::new();

/// Names of fields, so that one thing has one name in every line.
pub mod field {
    /// A job's id.
    pub const JOB: &str = "job";
    /// A connection's id.
    pub const CONNECTION: &str = "connection";
    /// A customer.
    pub const TENANT: &str = "tenant";
    /// A document of the ERP.
    pub const DOCUMENT: &str = "document";
    /// An outside system.
    pub const SYSTEM: &str = "system";
    /// What was asked of it.
    pub const OPERATION: &str = "operation";
    /// The HTTP status.
    pub const STATUS: &str = "status";
    /// How long it took.
    pub const MILLISECONDS: &str = "milliseconds";
    /// What went wrong.
    pub const ERROR: &str = "error";
}

/// Begins to log to the standard output, and to count in a namespace of CloudWatch; `binary` is the calling crate's name
/// (`env!("CARGO_CRATE_NAME")`). A second call changes nothing.
pub fn start(level: LevelFilter, binary: &str, namespace: &str) {
    NAMESPACE.get_or_init(|| namespace.to_owned());
    let lines = tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_current_span(true)
        .with_span_list(false)
        .with_env_filter(filter(level, binary));
    if lines.try_init().is_err() {
        tracing::debug!("logging has begun before");
    }
}

/// Counts something in CloudWatch, without dimensions, so that an alarm needs to know its name only. A process that has not
/// [`start`]ed counts nothing.
///
/// Written by hand because it is one line: a recorder would keep what a function must say before it freezes.
pub fn count(metric: &str, value: u64) {
    if let Some(namespace) = NAMESPACE.get() {
        let mut line = embedded(namespace, metric, value, Timestamp::now()).to_string();
        line.push('\n');
        // A metric that cannot be written must not fail what it counts.
        drop(std::io::stdout().write_all(line.as_bytes()));
    }
}

fn embedded(namespace: &str, metric: &str, value: u64, at: Timestamp) -> serde_json::Value {
    let directive =
        json!({ "Namespace": namespace, "Dimensions": [[]], "Metrics": [{ "Name": metric, "Unit": "Count" }] });
    json!({ "_aws": { "Timestamp": at.as_millisecond(), "CloudWatchMetrics": [directive] }, metric: value })
}

fn filter(level: LevelFilter, binary: &str) -> EnvFilter {
    let others = level.min(LevelFilter::WARN);
    EnvFilter::new(format!("{others},waybill={level},{binary}={level}"))
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::sync::{Arc, Mutex};

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

    /// The shape is that of CloudWatch's specification of the embedded metric format.
    #[test]
    fn a_metric_is_a_line_of_its_own() {
        let line = embedded("Waybill/prod", "ReconciliationGaps", 3, Timestamp::UNIX_EPOCH);
        let directive = &line["_aws"]["CloudWatchMetrics"][0];
        assert_eq!(
            (&directive["Namespace"], &directive["Metrics"][0]["Name"]),
            (&json!("Waybill/prod"), &json!("ReconciliationGaps"))
        );
        assert_eq!(
            (&line["ReconciliationGaps"], &line["_aws"]["Timestamp"]),
            (&json!(3), &json!(0))
        );
    }

    #[test]
    fn our_own_lines_are_json_and_other_crates_only_warn() {
        let lines = Lines::default();
        let writer = lines.clone();
        let subscriber = tracing_subscriber::fmt()
            .json()
            .flatten_event(true)
            .with_env_filter(filter(LevelFilter::DEBUG, "shipment_worker"))
            .with_writer(move || writer.clone())
            .finish();
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
