//! What the functions did on the emulator, as `ministack_counts.py` counted it, in the shape that `waybill cost` reads.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::failure::{Failure, Outcome, While};
use crate::place::Place;
use crate::stack::Description;
use crate::template::Template;

const PATH: &str = "/_waybill/counts";
const MINUTES_PER_MONTH: u64 = 30 * 24 * 60;

#[derive(Debug, Deserialize)]
struct Seen {
    functions: BTreeMap<String, Function>,
    metrics: Vec<String>,
}

/// What one function did.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Function {
    #[serde(default)]
    trigger: String,
    /// How often its schedule runs it in thirty days.
    #[serde(default)]
    runs_per_month: u64,
    invocations: u64,
    messages: u64,
    seconds: f64,
    memory_mb: u32,
    log_bytes: u64,
    vendor_calls: u64,
    read_units: f64,
    write_units: f64,
    calls: BTreeMap<String, u64>,
}

/// What one run of a deployment did.
#[derive(Debug, Serialize)]
pub struct Counts {
    made_by: String,
    shipped: usize,
    queues: usize,
    alarms: usize,
    dashboards: usize,
    metrics: usize,
    functions: BTreeMap<String, Function>,
}

/// What a shipment took on the average, everything that ran beside it included.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct PerShipment {
    /// Units of reading and of writing that DynamoDB bills.
    pub read_units: f64,
    /// Units of writing.
    pub write_units: f64,
    /// Runs of functions.
    pub invocations: f64,
    /// Calls to ERPs and carriers.
    pub vendor_calls: f64,
    /// Bytes of logs.
    pub log_bytes: f64,
}

impl Counts {
    /// What the deployment did since it started, while it shipped so many documents by the command `made_by`.
    ///
    /// # Errors
    /// The emulator or the template does not say.
    pub async fn taken(place: &Place, stack: &Description, shipped: usize, made_by: String) -> Outcome<Self> {
        let url = format!("{}{PATH}", stack.endpoint);
        let client = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(10));
        let answer = client.build().doing("counting")?.get(url).send().await;
        let answer = answer.and_then(reqwest::Response::error_for_status);
        let seen: Seen = answer.doing("counting")?.json().await.doing("counting")?;
        let yaml = tokio::fs::read_to_string(place.template()).await;
        let template = Template::parse(&yaml.doing("reading the template")?)?;
        Ok(Self::of(seen, template.json(), &stack.stack, shipped, made_by))
    }

    fn of(seen: Seen, template: &Value, stack: &str, shipped: usize, made_by: String) -> Self {
        let named = |(name, counted): (String, Function)| {
            let logical = logical(&name, stack)?;
            let resource = template.pointer(&format!("/Resources/{logical}"))?;
            let (trigger, runs_per_month) = started_by(template, logical, resource);
            let trigger = trigger.to_owned();
            Some((
                logical.to_owned(),
                Function {
                    trigger,
                    runs_per_month,
                    ..counted
                },
            ))
        };
        let of_kind = |kind: &str| {
            let resources = template.get("Resources").and_then(Value::as_object);
            let types = resources.into_iter().flat_map(|all| all.values());
            types
                .filter(|resource| resource.get("Type").is_some_and(|found| found == kind))
                .count()
        };
        let functions: BTreeMap<String, Function> = seen.functions.into_iter().filter_map(named).collect();
        Self {
            made_by,
            shipped,
            queues: functions
                .values()
                .filter(|function| function.trigger == "queue")
                .count(),
            alarms: of_kind("AWS::CloudWatch::Alarm"),
            dashboards: of_kind("AWS::CloudWatch::Dashboard"),
            metrics: seen.metrics.len(),
            functions,
        }
    }

    /// The averages of a shipment.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "counts of one run are far below 2^53")]
    pub fn per_shipment(&self) -> PerShipment {
        let shipped = self.shipped.max(1) as f64;
        let sum = |of: &dyn Fn(&Function) -> f64| self.functions.values().map(of).sum::<f64>() / shipped;
        PerShipment {
            read_units: sum(&|function| function.read_units),
            write_units: sum(&|function| function.write_units),
            invocations: sum(&|function| function.invocations as f64),
            vendor_calls: sum(&|function| function.vendor_calls as f64),
            log_bytes: sum(&|function| function.log_bytes as f64),
        }
    }

    /// Writes them to `counts.json` of the deployment's folder.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn keep(&self, place: &Place) -> Outcome<()> {
        let json = serde_json::to_vec_pretty(self).doing("writing the counts")?;
        std::fs::write(place.own_folder().join("counts.json"), json).doing("writing the counts")
    }
}

impl PerShipment {
    /// In one line, for people.
    #[must_use]
    pub fn in_words(&self) -> String {
        format!(
            "a shipment took {:.0} units of writing and {:.0} of reading, {:.1} runs of functions, {:.1} calls to ERPs and \
             carriers and {:.1} kB of logs; `waybill cost --counts target/local/demo/counts.json` says what that costs",
            self.write_units,
            self.read_units,
            self.invocations,
            self.vendor_calls,
            self.log_bytes / 1e3
        )
    }
}

/// The name in the template of the function `waybill-local-Poller-0DDFFC8C70BD`.
fn logical<'n>(name: &'n str, stack: &str) -> Option<&'n str> {
    let rest = name.strip_prefix(stack)?.strip_prefix('-')?;
    rest.rsplit_once('-').map(|(logical, _)| logical)
}

/// What starts a function, and how often a schedule does so in thirty days.
fn started_by(template: &Value, logical: &str, resource: &Value) -> (&'static str, u64) {
    let events = resource.pointer("/Properties/Events").and_then(Value::as_object);
    let mut runs = 0;
    for event in events.into_iter().flat_map(|events| events.values()) {
        match event.get("Type").and_then(Value::as_str) {
            Some("SQS") => return ("queue", 0),
            Some("ScheduleV2") => {
                let expression = event.pointer("/Properties/ScheduleExpression");
                runs += runs_per_month(expression.and_then(Value::as_str).unwrap_or_default());
            }
            _ => {}
        }
    }
    let integrates = |other: &&Value| {
        let uri = other
            .pointer("/Properties/IntegrationUri")
            .map(Value::to_string)
            .unwrap_or_default();
        uri.contains(&format!("\"{logical}\"")) || uri.contains(&format!("{logical}."))
    };
    let resources = template.get("Resources").and_then(Value::as_object);
    let is_asked = resources.is_some_and(|all| all.values().any(|other| integrates(&other)));
    match (runs, is_asked) {
        (0, true) => ("request", 0),
        (0, false) => ("connection", 0),
        (runs, _) => ("schedule", runs),
    }
}

/// Of `rate(5 minutes)` and its kind; anything else runs about once a day.
fn runs_per_month(expression: &str) -> u64 {
    let inner = expression.strip_prefix("rate(").and_then(|rest| rest.strip_suffix(')'));
    let parts = inner.and_then(|inner| inner.split_once(' '));
    let every = parts.and_then(|(count, unit)| {
        let count: u64 = count.parse().ok().filter(|count| *count > 0)?;
        let minutes = match unit.trim_end_matches('s') {
            "minute" => 1,
            "hour" => 60,
            "day" => 24 * 60,
            _ => return None,
        };
        Some(count * minutes)
    });
    MINUTES_PER_MONTH / every.unwrap_or(24 * 60)
}

/// What made a run, as a person would type it.
#[must_use]
pub fn command_line() -> String {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.is_empty() {
        return "cargo demo".to_owned();
    }
    format!("cargo demo -- {}", arguments.join(" "))
}

/// Refuses a run that counted nothing: whoever counts has lost sight of the functions.
///
/// # Errors
/// No function was seen to run.
pub fn seen(counts: &Counts) -> Outcome<()> {
    let ran = counts
        .functions
        .values()
        .any(|function| function.invocations > 0 && function.write_units > 0.0);
    if ran {
        return Ok(());
    }
    Err(Failure::new(
        "nothing was counted: ministack_counts.py does not see the functions",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn counts_bear_the_names_and_the_triggers_of_the_template() {
        let schedule = json!({"Type": "ScheduleV2", "Properties": {"ScheduleExpression": "rate(5 minutes)"}});
        let daily = json!({"Type": "ScheduleV2", "Properties": {"ScheduleExpression": {"Ref": "ReconcileSchedule"}}});
        let template = json!({"Resources": {
            "Worker": {"Type": "AWS::Serverless::Function", "Properties": {"Events": {"Q": {"Type": "SQS"}}}},
            "Sweeper": {"Type": "AWS::Serverless::Function", "Properties": {"Events": {"A": schedule, "B": daily}}},
            "Poller": {"Type": "AWS::Serverless::Function", "Properties": {}},
            "LabelLink": {"Type": "AWS::Serverless::Function", "Properties": {}},
            "LinkIntegration": {"Properties": {"IntegrationUri": {"Fn::GetAtt": ["LabelLink", "Arn"]}}},
            "GapsAlarm": {"Type": "AWS::CloudWatch::Alarm"}
        }});
        let one = || Function {
            invocations: 3,
            write_units: 20.0,
            ..Function::default()
        };
        let names = [
            "s-Worker-AB",
            "s-Sweeper-CD",
            "s-Poller-EF",
            "s-LabelLink-01",
            "operator",
        ];
        let functions = names.map(|name| (name.to_owned(), one())).into();
        let counts = Counts::of(
            Seen {
                functions,
                metrics: vec!["Gaps".to_owned()],
            },
            &template,
            "s",
            10,
            "a test".to_owned(),
        );
        let started = |name: &str| {
            (
                counts.functions[name].trigger.clone(),
                counts.functions[name].runs_per_month,
            )
        };
        assert_eq!(started("Worker"), ("queue".to_owned(), 0));
        assert_eq!(started("Sweeper"), ("schedule".to_owned(), 8640 + 30));
        assert_eq!(started("Poller"), ("connection".to_owned(), 0));
        assert_eq!(started("LabelLink"), ("request".to_owned(), 0));
        assert_eq!(
            (counts.functions.len(), counts.alarms, counts.queues, counts.metrics),
            (4, 1, 1, 1)
        );
        assert!((counts.per_shipment().write_units - 8.0).abs() < 1e-9);
        assert!(seen(&counts).is_ok());
    }
}
