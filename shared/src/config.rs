//! The environment, read once: where the state is and how long everything may take. Only this file and `main.rs` read
//! the environment; the names are those of the template.

use std::fmt;
use std::str::FromStr;

use jiff::SignedDuration;
use url::Url;

use crate::job::Timing;

/// The stage of a stack on one machine.
const LOCAL: &str = "local";

/// How many jobs one run of the sweeper queues, unless the environment says otherwise.
const SWEEP_LIMIT: u32 = 5_000;

/// How long news of an order's parcels are collected before its ERP is told, unless the environment says otherwise.
const TELL_AFTER: SignedDuration = SignedDuration::from_secs(5);

/// Everything that a function is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// The stage (`prod`).
    pub stage: String,
    /// The table's name.
    pub table: String,
    /// The bucket's name.
    pub bucket: String,
    /// The ARN of the key that seals tokens.
    pub key: String,
    /// The URL of the queue of jobs.
    pub shipments_queue: String,
    /// The URL of the queue of messages that nobody can work on.
    pub dead_letters: String,
    /// The URL of the queue of webhooks and parcels.
    pub tracking_queue: String,
    /// The URL of the queue of that queue's messages that nobody can work on.
    pub tracking_dead_letters: String,
    /// The URL of the queue of what desks are to be told.
    pub stock_queue: String,
    /// The URL of the queue of that queue's messages that nobody can work on.
    pub stock_dead_letters: String,
    /// The address of the HTTP API, as carriers are told it; whoever tells nobody is not told it either.
    pub api: Option<String>,
    /// The name of the secret with the keys of label links; empty for whoever neither makes nor opens them.
    pub label_keys: String,
    /// How the names of this stage's secrets begin (`waybill/prod/`).
    pub secret_prefix: String,
    /// CloudWatch's namespace of this stack's metrics (`Waybill/waybill-prod`).
    pub metrics: String,
    /// The least important messages that are logged.
    pub log_level: tracing::level_filters::LevelFilter,
    /// The times of the ledger.
    pub timing: Timing,
    /// The most jobs that one run of the sweeper queues.
    pub sweep_limit: u32,
    /// How long news of an order's parcels are collected before its ERP is told.
    pub tell_after: SignedDuration,
    /// Where a simulator publishes the keys by which it signs its webhooks; only on a machine of one's own.
    pub signing_keys: Option<Url>,
}

/// Everything that is wrong with the environment.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct ConfigErrors(pub Vec<String>);

impl fmt::Display for ConfigErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the environment is not right: {}", self.0.join("; "))
    }
}

impl Config {
    /// Reads the environment.
    ///
    /// # Errors
    /// Every variable that is missing or wrong, at once.
    pub fn from_environment() -> Result<Self, ConfigErrors> {
        Self::read(|name| std::env::var(name).ok())
    }

    /// Reads variables by their names.
    ///
    /// # Errors
    /// Every variable that is missing or wrong, at once.
    pub fn read(variable: impl Fn(&str) -> Option<String>) -> Result<Self, ConfigErrors> {
        let mut reader = Reader {
            variable: &variable,
            errors: Vec::new(),
        };
        let config = Self {
            stage: reader.text("WAYBILL_STAGE"),
            table: reader.text("WAYBILL_TABLE"),
            bucket: reader.text("WAYBILL_BUCKET"),
            key: reader.text("WAYBILL_KEY"),
            shipments_queue: reader.text("WAYBILL_SHIPMENTS_QUEUE"),
            dead_letters: reader.text("WAYBILL_DEAD_LETTERS"),
            tracking_queue: reader.text("WAYBILL_TRACKING_QUEUE"),
            tracking_dead_letters: reader.text("WAYBILL_TRACKING_DEAD_LETTERS"),
            stock_queue: reader.text("WAYBILL_STOCK_QUEUE"),
            stock_dead_letters: reader.text("WAYBILL_STOCK_DEAD_LETTERS"),
            api: reader.address("WAYBILL_API_URL"),
            label_keys: reader.given("WAYBILL_LABEL_KEYS").unwrap_or_default(),
            secret_prefix: reader.text("WAYBILL_SECRET_PREFIX"),
            metrics: reader.text("WAYBILL_METRICS"),
            log_level: reader.parsed("WAYBILL_LOG_LEVEL", tracing::level_filters::LevelFilter::INFO),
            timing: reader.timing(),
            sweep_limit: reader.parsed("WAYBILL_SWEEP_LIMIT", SWEEP_LIMIT),
            tell_after: reader.seconds("WAYBILL_TELL_AFTER_SECONDS", TELL_AFTER),
            signing_keys: reader.signing_keys(),
        };
        if reader.errors.is_empty() {
            Ok(config)
        } else {
            Err(ConfigErrors(reader.errors))
        }
    }
}

struct Reader<'a> {
    variable: &'a dyn Fn(&str) -> Option<String>,
    errors: Vec<String>,
}

impl Reader<'_> {
    fn given(&self, name: &str) -> Option<String> {
        (self.variable)(name)
            .map(|value| value.trim().to_owned())
            .filter(|value| !value.is_empty())
    }

    fn text(&mut self, name: &str) -> String {
        self.given(name).unwrap_or_else(|| {
            self.errors.push(format!("{name} is missing"));
            String::new()
        })
    }

    /// An address to which paths can be added.
    fn address(&mut self, name: &str) -> Option<String> {
        let value = self.given(name)?;
        if !value.starts_with("https://") && !value.starts_with("http://") {
            self.errors
                .push(format!("{name} must be an address with https://, not {value:?}"));
        }
        Some(value.trim_end_matches('/').to_owned())
    }

    /// Elsewhere than on one machine nobody but the vendor says by which keys it signs.
    fn signing_keys(&mut self) -> Option<Url> {
        const NAME: &str = "WAYBILL_SIGNING_KEYS_URL";
        let value = self.given(NAME)?;
        if self.given("WAYBILL_STAGE").as_deref() != Some(LOCAL) {
            self.errors.push(format!("{NAME} is for the stage {LOCAL} only"));
        }
        let url = Url::parse(&value).ok();
        if url.is_none() {
            self.errors.push(format!("{NAME} must be an address, not {value:?}"));
        }
        url
    }

    fn parsed<T: FromStr>(&mut self, name: &str, default: T) -> T {
        let Some(value) = self.given(name) else { return default };
        value.parse().unwrap_or_else(|_| {
            self.errors.push(format!("{name} cannot be {value:?}"));
            default
        })
    }

    fn timing(&mut self) -> Timing {
        let default = Timing::default();
        let timing = Timing {
            lease: self.seconds("WAYBILL_LEASE_SECONDS", default.lease),
            call: self.seconds("WAYBILL_CALL_TIMEOUT_SECONDS", default.call),
            snapshot_age: self.seconds("WAYBILL_SNAPSHOT_MAX_AGE_SECONDS", default.snapshot_age),
            looks: self.looks("WAYBILL_LOOK_SCHEDULE_SECONDS", default.looks),
            duplicate_check: self.seconds("WAYBILL_DUPLICATE_CHECK_SECONDS", default.duplicate_check),
            held: self.seconds("WAYBILL_HELD_REREAD_SECONDS", default.held),
            retry: self.seconds("WAYBILL_RETRY_SECONDS", default.retry),
            backoff: default.backoff,
            erp_window: self
                .given("WAYBILL_ERP_WINDOW_SECONDS")
                .map(|_| self.seconds("WAYBILL_ERP_WINDOW_SECONDS", default.overlap)),
            overlap: self.seconds("WAYBILL_OVERLAP_SECONDS", default.overlap),
        };
        if timing.call >= timing.lease {
            self.errors
                .push("WAYBILL_CALL_TIMEOUT_SECONDS must be less than WAYBILL_LEASE_SECONDS".to_owned());
        }
        // An intent whose lease ends while its worker lives would let a second worker begin beside it.
        let run = self.seconds("WAYBILL_WORKER_TIMEOUT_SECONDS", SignedDuration::ZERO);
        if run >= timing.lease {
            self.errors
                .push("WAYBILL_WORKER_TIMEOUT_SECONDS must be less than WAYBILL_LEASE_SECONDS".to_owned());
        }
        timing
    }

    fn seconds(&mut self, name: &str, default: SignedDuration) -> SignedDuration {
        let Some(value) = self.given(name) else { return default };
        seconds(&value).unwrap_or_else(|| {
            self.errors
                .push(format!("{name} must be a number of seconds above 0, not {value:?}"));
            default
        })
    }

    fn looks(&mut self, name: &str, default: Vec<SignedDuration>) -> Vec<SignedDuration> {
        let Some(value) = self.given(name) else { return default };
        let looks: Option<Vec<SignedDuration>> = value.split(',').map(|look| seconds(look.trim())).collect();
        looks
            .filter(|looks| looks.is_sorted_by(|a, b| a < b))
            .unwrap_or_else(|| {
                self.errors.push(format!(
                    "{name} must be growing numbers of seconds with commas between, not {value:?}"
                ));
                default
            })
    }
}

fn seconds(value: &str) -> Option<SignedDuration> {
    value
        .parse::<u32>()
        .ok()
        .filter(|seconds| *seconds > 0)
        .map(|seconds| SignedDuration::from_secs(seconds.into()))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn read(changes: &[(&str, &str)]) -> Result<Config, ConfigErrors> {
        let mut variables: BTreeMap<&str, &str> = BTreeMap::from([
            ("WAYBILL_STAGE", "local"),
            ("WAYBILL_TABLE", "table"),
            ("WAYBILL_BUCKET", "bucket"),
            ("WAYBILL_KEY", "arn:key"),
            ("WAYBILL_SHIPMENTS_QUEUE", "https://queue"),
            ("WAYBILL_DEAD_LETTERS", "https://dead-letters"),
            ("WAYBILL_TRACKING_QUEUE", "https://tracking"),
            ("WAYBILL_TRACKING_DEAD_LETTERS", "https://tracking-dead-letters"),
            ("WAYBILL_STOCK_QUEUE", "https://stock"),
            ("WAYBILL_STOCK_DEAD_LETTERS", "https://stock-dead-letters"),
            ("WAYBILL_SECRET_PREFIX", "waybill/local/"),
            ("WAYBILL_METRICS", "Waybill/local"),
        ]);
        variables.extend(changes.iter().copied());
        Config::read(|name| variables.get(name).map(|value| (*value).to_owned()))
    }

    #[test]
    fn times_that_are_not_given_are_those_of_the_ledger() {
        let config = read(&[]).unwrap();
        assert_eq!(config.timing, Timing::default());
        assert_eq!(config.sweep_limit, SWEEP_LIMIT);
        assert_eq!((config.tell_after, config.api), (TELL_AFTER, None));
        assert_eq!(config.label_keys, "");
    }

    #[test]
    fn times_are_read_in_seconds() {
        let config = read(&[
            ("WAYBILL_LEASE_SECONDS", "8"),
            ("WAYBILL_CALL_TIMEOUT_SECONDS", "2"),
            ("WAYBILL_LOOK_SCHEDULE_SECONDS", "1, 2,4,8"),
            ("WAYBILL_ERP_WINDOW_SECONDS", "3"),
            ("WAYBILL_LOG_LEVEL", "debug"),
            ("WAYBILL_API_URL", "https://x.example/"),
            ("WAYBILL_TELL_AFTER_SECONDS", "1"),
            ("WAYBILL_LABEL_KEYS", "waybill/local/label-links-waybill"),
        ]);
        let config = config.unwrap();
        assert_eq!(config.api.as_deref(), Some("https://x.example"));
        assert_eq!(config.label_keys, "waybill/local/label-links-waybill");
        assert_eq!(config.tell_after, SignedDuration::from_secs(1));
        assert_eq!(config.timing.lease, SignedDuration::from_secs(8));
        assert_eq!(config.timing.looks, [1, 2, 4, 8].map(SignedDuration::from_secs));
        assert_eq!(config.timing.erp_window, Some(SignedDuration::from_secs(3)));
        assert_eq!(config.log_level, tracing::level_filters::LevelFilter::DEBUG);
    }

    /// A stack that serves customers is never told by whom else their webhooks may be signed.
    #[test]
    fn only_a_local_stage_may_say_where_signing_keys_are() {
        let here = ("WAYBILL_SIGNING_KEYS_URL", "http://127.0.0.1:9000/jwks");
        let config = read(&[here]).unwrap();
        assert_eq!(config.signing_keys.unwrap().as_str(), here.1);
        let ConfigErrors(errors) = read(&[here, ("WAYBILL_STAGE", "prod")]).unwrap_err();
        assert!(errors.len() == 1 && errors[0].contains("SIGNING_KEYS"), "{errors:?}");
        assert_eq!(read(&[]).unwrap().signing_keys, None);
    }

    #[test]
    fn everything_that_is_wrong_is_told_at_once() {
        let ConfigErrors(errors) = read(&[
            ("WAYBILL_TABLE", " "),
            ("WAYBILL_BUCKET", ""),
            ("WAYBILL_RETRY_SECONDS", "soon"),
            ("WAYBILL_HELD_REREAD_SECONDS", "0"),
            ("WAYBILL_LOOK_SCHEDULE_SECONDS", "60,30"),
            ("WAYBILL_LEASE_SECONDS", "30"),
            ("WAYBILL_WORKER_TIMEOUT_SECONDS", "30"),
            ("WAYBILL_SWEEP_LIMIT", "-1"),
            ("WAYBILL_LOG_LEVEL", "loud"),
            ("WAYBILL_API_URL", "x.example"),
        ])
        .unwrap_err();
        let named = |name: &str| errors.iter().any(|error| error.contains(name));
        for name in [
            "TABLE",
            "BUCKET",
            "RETRY",
            "HELD",
            "LOOK_SCHEDULE",
            "CALL_TIMEOUT",
            "WORKER_TIMEOUT",
            "SWEEP_LIMIT",
            "LOG_LEVEL",
            "API_URL",
        ] {
            assert!(named(name), "{name}: {errors:?}");
        }
        assert_eq!(errors.len(), 10, "{errors:?}");
    }
}
