//! The adapter at a server of canned answers, with a clock that is turned and limits that it shares.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use metrics::{Counter, Gauge, Histogram, Key, KeyName, Metadata, SharedString, Unit};
use secrecy::SecretString;
use serde_json::{Value, json};

use super::{depot, secret, settings};
use crate::connection::{Environment, SystemSettings};
use crate::domain::CarrierAccount;
use crate::http;
use crate::memory::TurnedClock;
use crate::ports::{Limits, Recorder, Tokens};
use crate::systems::fedex::{FedEx, Opening};
pub(super) use crate::systems::stub::Asked;
use crate::systems::stub::{Kept, Shared, Stub as Server};

/// When everything begins.
const NOON: &str = "2026-11-20T12:00:00Z";

/// How often an alarm rang that an account stands still, on this thread.
#[derive(Default)]
pub(super) struct Rings(Arc<AtomicU64>);

impl Rings {
    pub(super) fn heard(&self) -> u64 {
        self.0.load(Ordering::SeqCst)
    }
}

impl metrics::Recorder for Rings {
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        match key.name() {
            "AccountsPaused" => Counter::from_arc(self.0.clone()),
            _ => Counter::noop(),
        }
    }

    fn register_gauge(&self, _: &Key, _: &Metadata<'_>) -> Gauge {
        Gauge::noop()
    }

    fn register_histogram(&self, _: &Key, _: &Metadata<'_>) -> Histogram {
        Histogram::noop()
    }
}

/// An answer: a status and a body.
pub(super) type Said = (u16, Vec<u8>);

/// A server on this machine.
pub(super) struct Stub {
    server: Server,
    pub(super) limits: Arc<Shared>,
    pub(super) clock: TurnedClock,
    client: http::Client,
}

impl Stub {
    /// Answers every request by `answers`.
    pub(super) async fn new<B: Into<Vec<u8>>>(answers: impl Fn(&Asked) -> (u16, B) + Send + Sync + 'static) -> Self {
        Self {
            server: Server::new(answers).await,
            limits: Arc::default(),
            clock: TurnedClock::at(NOON.parse().unwrap()),
            client: http::client().unwrap(),
        }
    }

    pub(super) fn asked(&self) -> Vec<Asked> {
        self.server.asked()
    }

    /// What was asked, tokens left out.
    pub(super) fn questions(&self) -> Vec<Asked> {
        let mut asked = self.asked();
        asked.retain(|asked| asked.line != "POST /oauth/token");
        asked
    }

    /// The lines of it.
    pub(super) fn lines(&self) -> Vec<String> {
        self.questions().into_iter().map(|asked| asked.line).collect()
    }

    /// The adapter, with one set of keys.
    pub(super) fn fedex(&self, options: Value) -> FedEx {
        self.fedex_with(options, &secret(), Recorder::default(), Vec::new())
    }

    /// The same under another account.
    pub(super) fn under(&self, account: &str) -> FedEx {
        let settings = SystemSettings {
            account: account.into(),
            ..settings(Some(&self.server.url), json!({}))
        };
        self.open(&settings, &secret(), Recorder::default(), Vec::new(), self.alone())
    }

    /// The same with keys, a recorder and accounts of the test's own.
    pub(super) fn fedex_with(
        &self,
        options: Value,
        secret: &SecretString,
        recorder: Recorder,
        accounts: Vec<CarrierAccount>,
    ) -> FedEx {
        let settings = settings(Some(&self.server.url), options);
        self.open(&settings, secret, recorder, accounts, self.alone())
    }

    /// A connection of a stack that shares tokens and limits.
    pub(super) fn sharing(&self, name: &str, tokens: Arc<dyn Tokens>, limits: Arc<dyn Limits>) -> FedEx {
        let mut settings = settings(Some(&self.server.url), Value::Null);
        settings.secret = format!("waybill/test/{name}/fedex");
        let secret = SecretString::from(format!(r#"{{"api_key":"key-of-{name}","secret_key":"s3cret"}}"#));
        self.open(&settings, &secret, Recorder::default(), Vec::new(), (tokens, limits))
    }

    /// Tokens of its own, and the limits of this machine.
    fn alone(&self) -> (Arc<dyn Tokens>, Arc<dyn Limits>) {
        let tokens = Kept::by(Arc::new(self.clock.clone()));
        (Arc::new(tokens), self.limits.clone())
    }

    fn open(
        &self,
        settings: &SystemSettings,
        secret: &SecretString,
        recorder: Recorder,
        accounts: Vec<CarrierAccount>,
        (tokens, limits): (Arc<dyn Tokens>, Arc<dyn Limits>),
    ) -> FedEx {
        FedEx::new(Opening {
            settings,
            environment: Environment::Local,
            connection: "acme-netsuite-fedex".parse().unwrap(),
            secret,
            ship_from: depot(),
            accounts,
            validates: true,
            client: self.client.clone(),
            clock: Arc::new(self.clock.clone()),
            recorder,
            timeout: Duration::from_secs(5),
            tokens,
            limits,
        })
        .unwrap()
    }
}
