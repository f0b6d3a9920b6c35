//! What the tests of this folder share.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use ::http::{Request, Response};
use async_trait::async_trait;
use bytes::Bytes;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::Fusion;
use crate::connection::Connection;
use crate::domain::{Health, Rate};
use crate::http::{self as web, Fate, Vendor};
use crate::ports::*;
use crate::systems::Ports;

/// A connection to the pod `acme-test` that ships by UPS and writes everything back.
pub(super) fn connection() -> Connection {
    let address = json!({"name": "Acme", "lines": ["1 Dock Rd"], "city": "Atlanta", "state": "GA", "postal_code": "30301",
                         "country": "US", "phone": "4045550100"});
    serde_json::from_value(json!({
        "id": "acme-fusion-ups", "tenant": "acme", "environment": "local", "version": 1, "paused": false,
        "start_from": "2026-01-01T00:00:00Z",
        "schedule": {"expression": "rate(5 minutes)", "time_zone": "UTC"},
        "spend_cap_per_hour": {"amount": "1000", "currency": "USD"},
        "erp": {"system": "fusion", "account": "acme-test", "secret": "waybill/dev/acme/fusion",
                "base_url": "http://pod.test", "allow_host": [], "options": {}},
        "carrier": {"system": "ups", "account": "A1B2C3", "secret": "waybill/dev/acme/ups", "base_url": null,
                    "allow_host": [], "options": {}},
        "select": {"statuses": [], "ship_methods": [], "condition": null,
                   "rules": [{"carrier": ["UPS"], "supplier": [], "supplier_site": [], "fields": {}}]},
        "ship_from": {"default": address, "locations": {}},
        "packing": {"rule": "per-order", "package": {"code": "02", "dimensions": null, "tare": null},
                    "maximum_weight": {"value": "150", "unit": "lb"}, "unit": "lb"},
        "service": {"allowed": [], "choice": "cheapest", "by_ship_method": {}},
        "billing": {"transport": {"payer": "shipper"}, "duties": null},
        "label": "zpl",
        "customs": {"reason": "SALE", "terms": null, "description": "Parts", "origin_country": "US"},
        "address": "accept-formatting", "unknown_purchase": "recreate",
        "write_back": {"fulfilment": false, "fields": {"tracking": "trackingNumber", "status": "shipStatus",
                       "problem": "shipProblem"}},
        "quote_valid_minutes": 60, "retention_days": 90
    }))
    .unwrap()
}

/// A user with a password, who needs no token.
pub(super) fn basic() -> Value {
    json!({"kind": "basic", "user": "integration", "password": "hush"})
}

struct Now;

impl Clock for Now {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }
}

/// What workers share, with nothing in the way.
#[derive(Default)]
pub(super) struct Shared {
    token: Mutex<Option<Token>>,
}

#[async_trait]
impl Tokens for Shared {
    async fn bearer(&self, key: &TokenKey, mint: &dyn Mint) -> Result<Token, CallError> {
        let held = self.token.lock().unwrap().clone();
        match held {
            Some(token) => Ok(token),
            None => self.renew(key, 0, mint).await,
        }
    }

    async fn renew(&self, key: &TokenKey, failed: u64, mint: &dyn Mint) -> Result<Token, CallError> {
        assert_eq!((key.system.as_str(), &key.merchant), ("fusion", &None));
        let minted = mint.mint().await?;
        let now = Timestamp::now();
        let token = Token {
            secret: minted.secret,
            version: failed + 1,
            issued_at: now,
            expires_at: now + SignedDuration::try_from(minted.lives_for).unwrap(),
        };
        *self.token.lock().unwrap() = Some(token.clone());
        Ok(token)
    }
}

#[async_trait]
impl Limits for Shared {
    async fn lease_slot(&self, account: &str, _cap: u16, _lease: Duration) -> Result<Turn, StoreError> {
        assert_eq!(account, "fusion:acme-test");
        Ok(Turn::Now(Slot {
            account: account.to_owned(),
            number: 0,
            owner: crate::domain::Nonce::new("test"),
            since: Timestamp::now(),
        }))
    }

    async fn extend_slot(&self, _slot: &Slot, _lease: Duration) -> Result<bool, StoreError> {
        Ok(true)
    }

    async fn free_slot(&self, _slot: Slot) -> Result<(), StoreError> {
        Ok(())
    }

    async fn standing(&self, _account: &str) -> Result<AccountStanding, StoreError> {
        Ok(AccountStanding::default())
    }

    async fn pause(&self, _account: &str, _until: Timestamp) -> Result<(), StoreError> {
        Ok(())
    }

    async fn write_health(&self, _account: &str, _version: u64, _health: &Health) -> Result<bool, StoreError> {
        Ok(true)
    }

    async fn reserve_call(&self, _account: &str, _rate: &Rate) -> Result<Option<Timestamp>, StoreError> {
        Ok(None)
    }
}

#[async_trait]
impl Secrets for Shared {
    async fn read(&self, _name: &str) -> Result<Option<secrecy::SecretString>, StoreError> {
        Ok(None)
    }

    async fn write(&self, _name: &str, _body: &secrecy::SecretString) -> Result<(), StoreError> {
        Ok(())
    }
}

/// One request as a pod sees it, decoded.
#[derive(Debug, Clone)]
pub(super) struct Seen {
    /// Method, host, path and query.
    pub(super) line: String,
    pub(super) headers: ::http::HeaderMap,
    pub(super) body: String,
}

impl Seen {
    pub(super) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

/// What a pod answers to the requests whose line contains `part`: once, unless it is said for good.
#[derive(Debug, Clone)]
pub(super) struct Line {
    pub(super) part: String,
    pub(super) status: u16,
    pub(super) body: String,
    pub(super) for_good: bool,
}

pub(super) fn once(part: &str, status: u16, body: impl Into<String>) -> Line {
    Line {
        part: part.to_owned(),
        status,
        body: body.into(),
        for_good: false,
    }
}

pub(super) fn always(part: &str, body: impl Into<String>) -> Line {
    Line {
        for_good: true,
        ..once(part, 200, body)
    }
}

/// A pod that answers as it is told, and keeps what it was asked. The first line that fits answers.
#[derive(Default)]
pub(super) struct Pod {
    lines: Mutex<Vec<Line>>,
    seen: Mutex<Vec<Seen>>,
}

impl Pod {
    pub(super) fn new(lines: Vec<Line>) -> Arc<Self> {
        Arc::new(Self {
            lines: Mutex::new(lines),
            seen: Mutex::default(),
        })
    }

    /// Every request, once every line that was to be spoken once was spoken.
    pub(super) fn seen(&self) -> Vec<Seen> {
        let lines = self.lines.lock().unwrap();
        let unspoken: Vec<&str> = lines
            .iter()
            .filter(|line| !line.for_good)
            .map(|line| line.part.as_str())
            .collect();
        assert!(
            unspoken.is_empty(),
            "never asked: {unspoken:?}, but {:#?}",
            self.asked()
        );
        self.seen.lock().unwrap().clone()
    }

    /// The lines of every request.
    pub(super) fn asked(&self) -> Vec<String> {
        self.seen.lock().unwrap().iter().map(|seen| seen.line.clone()).collect()
    }

    /// What was sent to change something.
    pub(super) fn sent(&self) -> Vec<Seen> {
        self.seen()
            .into_iter()
            .filter(|seen| !seen.line.starts_with("GET"))
            .collect()
    }
}

#[async_trait]
impl Vendor for Pod {
    async fn ask(&self, request: Request<Bytes>) -> Fate {
        let uri = request.uri();
        let query: Vec<String> = url::form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes())
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        let host = uri.host().unwrap_or_default();
        let line = format!("{} {host}{}?{}", request.method(), uri.path(), query.join("&"));
        self.seen.lock().unwrap().push(Seen {
            line: line.clone(),
            headers: request.headers().clone(),
            body: String::from_utf8(request.body().to_vec()).unwrap(),
        });
        let mut lines = self.lines.lock().unwrap();
        let Some(index) = lines.iter().position(|one| line.contains(&one.part)) else {
            return Fate::Answered(response(501, &format!("nobody said what to answer to {line}")));
        };
        let spoken = if lines[index].for_good {
            lines[index].clone()
        } else {
            lines.remove(index)
        };
        match spoken.status {
            0 => Fate::Broken,
            1 => Fate::NoConnection,
            status => Fate::Answered(response(status, &spoken.body)),
        }
    }
}

fn response(status: u16, body: &str) -> Response<Bytes> {
    let body = Bytes::copy_from_slice(body.as_bytes());
    Response::builder()
        .status(status)
        .header("location", "https://elsewhere.example/login")
        .body(body)
        .unwrap()
}

/// An adapter that asks a pod, for a connection that `change` has changed.
pub(super) fn fusion(pod: &Arc<Pod>, secret: &Value, change: impl FnOnce(&mut Connection)) -> Fusion {
    let mut connection = connection();
    change(&mut connection);
    let ports = ports(pod, Arc::new(Shared::default()));
    Fusion::new(&connection, &secret.to_string().into(), ports).unwrap()
}

/// Ports to a pod.
pub(super) fn ports(pod: &Arc<Pod>, shared: Arc<Shared>) -> Ports {
    Ports {
        client: web::client().unwrap().asking(pod.clone()),
        clock: Arc::new(Now),
        recorder: Recorder::default(),
        timeout: Duration::from_secs(20),
        tokens: shared.clone(),
        limits: shared.clone(),
        secrets: shared,
    }
}

/// A lease that is long enough.
pub(super) fn permit() -> Permit {
    Permit {
        until: Timestamp::now() + SignedDuration::from_mins(5),
    }
}
