//! What the tests of this folder share: a connection, a clock that they turn, and a PeopleSoft that answers as written.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use jiff::{SignedDuration, Timestamp};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};

use super::PeopleSoft;
use super::account::Settings;
use crate::connection::Connection;
use crate::domain::{Health, Nonce, Rate};
use crate::http::{self as web, Fate, Vendor};
use crate::ports::*;
use crate::systems::Ports;

/// A connection to FS92PRD that writes everything back.
pub(super) fn connection() -> Connection {
    let address = json!({"name": "Acme", "lines": ["1 Dock Rd"], "city": "Atlanta", "state": "GA", "postal_code": "30301",
                         "country": "US", "phone": "4045550100"});
    serde_json::from_value(json!({
        "id": "acme-peoplesoft-ups", "tenant": "acme", "environment": "production", "version": 1, "paused": false,
        "start_from": "2026-01-01T00:00:00Z",
        "schedule": {"expression": "rate(5 minutes)", "time_zone": "UTC"},
        "spend_cap_per_hour": {"amount": "1000", "currency": "USD"},
        "erp": {"system": "peoplesoft", "account": "FS92PRD", "secret": "waybill/dev/acme/peoplesoft",
                "base_url": "https://erp.acme.example:8443/site/fs", "allow_host": [],
                "options": {"business_units": ["US002", "US001"], "time_zone": "America/Chicago",
                            "documents": ["purchase-orders", "requisitions"], "unit_conversions": {"CS": 12}}},
        "carrier": {"system": "ups", "account": "A1B2C3", "secret": "waybill/dev/acme/ups", "base_url": null,
                    "allow_host": [], "options": {}},
        "select": {"statuses": [], "ship_methods": [], "condition": null,
                   "rules": [{"carrier": ["UPS"], "supplier": [], "supplier_site": [], "fields": {}}]},
        "ship_from": {"default": address, "locations": {}, "of": "supplier"},
        "packing": {"rule": "per-order", "package": {"code": "02", "dimensions": null, "tare": null},
                    "maximum_weight": {"value": "150", "unit": "lb"}, "unit": "lb"},
        "service": {"allowed": [], "choice": "cheapest", "by_ship_method": {}},
        "billing": {"transport": {"payer": "shipper"}, "duties": null},
        "label": "zpl",
        "customs": {"reason": "SALE", "terms": null, "description": "Parts", "origin_country": "US"},
        "address": "accept-formatting", "unknown_purchase": "recreate",
        "write_back": {"fulfilment": false, "fields": {"tracking": "TRACKING", "cost": "COST", "service": "SERVICE",
                       "status": "STATUS", "status_at": "STATUS_DTTM", "place": "PLACE", "signed_by": "SIGNED_BY",
                       "estimated_delivery": "EST_DELIVERY", "problem": "ERR_TEXT"}},
        "quote_valid_minutes": 60, "retention_days": 90
    }))
    .unwrap()
}

/// The same connection's settings.
pub(super) fn settings() -> Settings {
    Settings::of(&connection()).unwrap()
}

/// A PeopleSoft user.
pub(super) fn basic() -> Value {
    json!({"kind": "basic", "user": "WAYBILL", "password": "pass:word"})
}

/// A clock that stands still until it is turned.
pub(super) struct Wall(Mutex<Timestamp>);

impl Wall {
    pub(super) fn turn(&self, at: &str) {
        *self.0.lock().unwrap() = at.parse().unwrap();
    }
}

impl Clock for Wall {
    fn now(&self) -> Timestamp {
        *self.0.lock().unwrap()
    }
}

/// What workers share: one token, and slots for all.
#[derive(Default)]
struct Shared(Mutex<Option<Token>>);

#[async_trait]
impl Tokens for Shared {
    async fn bearer(&self, key: &TokenKey, mint: &dyn Mint) -> Result<Token, CallError> {
        let held = self.0.lock().unwrap().clone();
        match held {
            Some(token) => Ok(token),
            None => self.renew(key, 0, mint).await,
        }
    }

    async fn renew(&self, _key: &TokenKey, failed: u64, mint: &dyn Mint) -> Result<Token, CallError> {
        let minted = mint.mint().await?;
        let token = Token {
            secret: minted.secret,
            version: failed + 1,
            issued_at: Timestamp::UNIX_EPOCH,
            expires_at: Timestamp::MAX,
        };
        *self.0.lock().unwrap() = Some(token.clone());
        Ok(token)
    }
}

#[async_trait]
impl Limits for Shared {
    async fn lease_slot(&self, account: &str, _cap: u16, _lease: Duration) -> Result<Turn, StoreError> {
        assert_eq!(account, crate::systems::account_of(&connection().erp));
        Ok(Turn::Now(Slot {
            account: account.to_owned(),
            number: 0,
            owner: Nonce::new("test"),
            since: Timestamp::UNIX_EPOCH,
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
    async fn read(&self, _name: &str) -> Result<Option<SecretString>, StoreError> {
        Ok(None)
    }

    async fn write(&self, _name: &str, _body: &SecretString) -> Result<(), StoreError> {
        Err(StoreError("nothing is written here".to_owned()))
    }
}

/// One request, as it came.
#[derive(Debug, Clone)]
pub(super) struct Seen {
    pub(super) method: String,
    pub(super) url: url::Url,
    pub(super) authorization: Option<String>,
    pub(super) media: Option<String>,
    pub(super) body: String,
}

impl Seen {
    /// A prompt's value; names and values are two lists.
    pub(super) fn prompt(&self, name: &str) -> String {
        let pair = |key: &str| {
            let raw = self
                .url
                .query()
                .unwrap()
                .split('&')
                .find_map(|pair| pair.strip_prefix(key))
                .unwrap();
            raw.split(',').map(str::to_owned).collect::<Vec<_>>()
        };
        let (names, values) = (pair("prompt_uniquepromptname="), pair("prompt_fieldvalue="));
        assert_eq!(names.len(), values.len(), "{}", self.url);
        let place = names.iter().position(|given| given == name).unwrap();
        let form = format!("v={}", values[place]);
        let mut decoded = url::form_urlencoded::parse(form.as_bytes());
        decoded.next().unwrap().1.into_owned()
    }

    pub(super) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }
}

/// One answer, for the first request whose method and path hold `wanted`.
#[derive(Debug, Clone)]
pub(super) struct Line {
    wanted: &'static str,
    status: u16,
    body: String,
    /// Whether it answers every such request.
    always: bool,
}

/// An answer to one request.
pub(super) fn once(wanted: &'static str, status: u16, body: impl Into<String>) -> Line {
    Line {
        wanted,
        status,
        body: body.into(),
        always: false,
    }
}

/// An answer to every such request that has no other.
pub(super) fn always(wanted: &'static str, body: impl Into<String>) -> Line {
    Line {
        always: true,
        ..once(wanted, 200, body)
    }
}

/// A PeopleSoft that answers as written, and keeps what it was asked.
#[derive(Default)]
pub(super) struct Script {
    lines: Mutex<Vec<Line>>,
    seen: Mutex<Vec<Seen>>,
}

impl Script {
    /// Everything that it was asked.
    pub(super) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    /// What it was asked of this kind.
    pub(super) fn asked(&self, wanted: &str) -> Vec<Seen> {
        let seen = self.seen();
        seen.into_iter()
            .filter(|seen| format!("{} {}", seen.method, seen.url.path()).contains(wanted))
            .collect()
    }

    pub(super) fn say(&self, line: Line) {
        self.lines.lock().unwrap().push(line);
    }
}

#[async_trait]
impl Vendor for Script {
    async fn ask(&self, request: http::Request<Bytes>) -> Fate {
        let header = |name: &str| {
            request
                .headers()
                .get(name)
                .map(|value| value.to_str().unwrap().to_owned())
        };
        let seen = Seen {
            method: request.method().to_string(),
            url: request.uri().to_string().parse().unwrap(),
            authorization: header("authorization"),
            media: header("content-type"),
            body: String::from_utf8_lossy(request.body()).into_owned(),
        };
        let told = format!("{} {}", seen.method, seen.url.path());
        self.seen.lock().unwrap().push(seen);
        let mut lines = self.lines.lock().unwrap();
        let place = lines.iter().position(|line| told.contains(line.wanted) && !line.always);
        let line = match place {
            Some(place) => Some(lines.remove(place)),
            None => lines.iter().find(|line| told.contains(line.wanted)).cloned(),
        };
        let line = line.unwrap_or_else(|| once("", 200, rows(&[])));
        if line.status == 0 {
            return Fate::Broken;
        }
        let answer = http::Response::builder()
            .status(line.status)
            .body(Bytes::from(line.body));
        Fate::Answered(answer.unwrap())
    }
}

/// The query service's answer with these rows.
pub(super) fn rows(rows: &[Value]) -> String {
    json!({"status": "success", "data": {"query": {"numrows": rows.len(), "queryname=": "Q", "rows": rows}}})
        .to_string()
}

/// An adapter with everything around it.
pub(super) struct Bench {
    pub(super) peoplesoft: PeopleSoft,
    pub(super) connection: Connection,
    pub(super) script: Arc<Script>,
    pub(super) clock: Arc<Wall>,
}

impl Bench {
    /// For a connection that `change` has changed, with a secret, against a script; it is 2026-03-02T12:00:00Z.
    pub(super) fn with(secret: &Value, lines: Vec<Line>, change: impl FnOnce(&mut Connection)) -> Self {
        let mut connection = connection();
        change(&mut connection);
        let script = Arc::new(Script::default());
        lines.into_iter().for_each(|line| script.say(line));
        let clock = Arc::new(Wall(Mutex::new("2026-03-02T12:00:00Z".parse().unwrap())));
        let shared = Arc::new(Shared::default());
        let ports = Ports {
            client: web::client().unwrap().asking(script.clone()),
            clock: clock.clone(),
            recorder: Recorder::default(),
            timeout: Duration::from_secs(20),
            tokens: shared.clone(),
            limits: shared.clone(),
            secrets: shared,
        };
        let body = SecretString::from(secret.to_string());
        assert!(!body.expose_secret().is_empty());
        let peoplesoft = PeopleSoft::new(&connection, &body, ports).unwrap();
        Self {
            peoplesoft,
            connection,
            script,
            clock,
        }
    }

    /// The usual connection and secret.
    pub(super) fn new(lines: Vec<Line>) -> Self {
        Self::with(&basic(), lines, |_| {})
    }

    /// A lease that is long enough.
    pub(super) fn permit(&self) -> Permit {
        Permit {
            until: self.clock.now() + SignedDuration::from_mins(5),
        }
    }
}
