//! What the tests of this folder share.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use url::Url;

use super::NetSuite;
use crate::connection::Connection;
use crate::domain::{Health, Rate};
use crate::http as web;
use crate::ports::*;
use crate::systems::Ports;

/// A connection to account 1234567_SB1 that writes everything back.
pub(super) fn connection() -> Connection {
    let address = json!({"name": "Acme", "lines": ["1 Dock Rd"], "city": "Atlanta", "state": "GA", "postal_code": "30301",
                         "country": "US", "phone": "4045550100"});
    serde_json::from_value(json!({
        "id": "acme-netsuite-ups", "tenant": "acme", "environment": "local", "version": 1, "paused": false,
        "start_from": "2026-01-01T00:00:00Z",
        "schedule": {"expression": "rate(5 minutes)", "time_zone": "UTC"},
        "spend_cap_per_hour": {"amount": "1000", "currency": "USD"},
        "erp": {"system": "netsuite", "account": "1234567_SB1", "secret": "waybill/dev/acme/netsuite", "base_url": null,
                "allow_host": [], "options": {}},
        "carrier": {"system": "ups", "account": "A1B2C3", "secret": "waybill/dev/acme/ups", "base_url": null,
                    "allow_host": [], "options": {}},
        "select": {"statuses": [], "ship_methods": [], "condition": null},
        "ship_from": {"default": address, "locations": {}},
        "packing": {"rule": "per-order", "package": {"code": "02", "dimensions": null, "tare": null},
                    "maximum_weight": {"value": "150", "unit": "lb"}, "unit": "lb"},
        "service": {"allowed": [], "choice": "cheapest", "by_ship_method": {}},
        "billing": {"transport": {"payer": "shipper"}, "duties": null},
        "label": "zpl",
        "customs": {"reason": "SALE", "terms": null, "description": "Parts", "origin_country": "US"},
        "address": "accept-formatting", "unknown_purchase": "recreate",
        "write_back": {"fulfilment": true, "fields": {"tracking": "custbody_ups_tracking", "cost": "custbody_ups_cost",
                       "service": "custbody_ups_service", "status": "custbody_ups_status",
                       "problem": "custbody_ups_problem"}},
        "quote_valid_minutes": 60, "retention_days": 90
    }))
    .unwrap()
}

/// Token-based credentials, which need no token.
pub(super) fn token_based() -> Value {
    json!({"kind": "token-based", "consumer_key": "tba-consumer", "consumer_secret": "tba-consumer-secret",
           "token_id": "tba-token", "token_secret": "tba-token-secret"})
}

struct Now;

impl Clock for Now {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }
}

/// What workers share: one token, slots that may all be taken, secrets.
#[derive(Default)]
pub(super) struct Shared {
    pub(super) token: Mutex<Option<Token>>,
    /// Of how many slots one was asked for.
    pub(super) caps: Mutex<Vec<u16>>,
    /// How often a slot was given back.
    pub(super) freed: Mutex<u32>,
    /// How many times more no slot is free.
    pub(super) taken: Mutex<u32>,
    pub(super) secrets: Mutex<BTreeMap<String, String>>,
    /// How many writes of a secret fail.
    pub(super) failing_writes: Mutex<u32>,
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

    async fn renew(&self, _key: &TokenKey, failed: u64, mint: &dyn Mint) -> Result<Token, CallError> {
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
    async fn lease_slot(&self, account: &str, cap: u16, _lease: Duration) -> Result<Turn, StoreError> {
        assert_eq!(account, "netsuite:1234567_SB1");
        self.caps.lock().unwrap().push(cap);
        let mut taken = self.taken.lock().unwrap();
        if *taken > 0 {
            *taken -= 1;
            return Ok(Turn::At(Timestamp::now() + SignedDuration::from_secs(5)));
        }
        let owner = crate::domain::Nonce::new("test");
        Ok(Turn::Now(Slot {
            account: account.to_owned(),
            number: 0,
            owner,
            since: Timestamp::now(),
        }))
    }

    async fn extend_slot(&self, _slot: &Slot, _lease: Duration) -> Result<bool, StoreError> {
        Ok(true)
    }

    async fn free_slot(&self, _slot: Slot) -> Result<(), StoreError> {
        *self.freed.lock().unwrap() += 1;
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
    async fn read(&self, name: &str) -> Result<Option<SecretString>, StoreError> {
        Ok(self.secrets.lock().unwrap().get(name).map(|body| body.clone().into()))
    }

    async fn write(&self, name: &str, body: &SecretString) -> Result<(), StoreError> {
        let mut failing = self.failing_writes.lock().unwrap();
        if *failing > 0 {
            *failing -= 1;
            return Err(StoreError("throttled".to_owned()));
        }
        self.secrets
            .lock()
            .unwrap()
            .insert(name.to_owned(), body.expose_secret().to_owned());
        Ok(())
    }
}

/// An adapter with everything around it.
pub(super) struct Bench {
    pub(super) netsuite: NetSuite,
    pub(super) connection: Connection,
    pub(super) ports: Ports,
    pub(super) shared: Arc<Shared>,
}

impl Bench {
    /// At an address, with a secret, for a connection that `change` has changed.
    pub(super) fn new(base: &Url, secret: &Value, change: impl FnOnce(&mut Connection)) -> Self {
        let mut connection = connection();
        connection.erp.base_url = Some(base.clone());
        change(&mut connection);
        let shared = Arc::new(Shared::default());
        let body = secret.to_string();
        shared
            .secrets
            .lock()
            .unwrap()
            .insert(connection.erp.secret.clone(), body.clone());
        let ports = Ports {
            client: web::client().unwrap(),
            clock: Arc::new(Now),
            recorder: Recorder::default(),
            timeout: Duration::from_secs(20),
            tokens: shared.clone(),
            limits: shared.clone(),
            secrets: shared.clone(),
        };
        let netsuite = NetSuite::new(&connection, &body.into(), ports.clone()).unwrap();
        Self {
            netsuite,
            connection,
            ports,
            shared,
        }
    }
}

/// A lease that is long enough.
pub(super) fn permit() -> Permit {
    Permit {
        until: Timestamp::now() + SignedDuration::from_mins(5),
    }
}

/// One answer of a script, for the first request whose first line begins with `request`.
pub(super) struct Line {
    pub(super) request: &'static str,
    pub(super) status: u16,
    pub(super) location: Option<&'static str>,
    pub(super) body: String,
}

pub(super) fn line(request: &'static str, status: u16, body: impl Into<String>) -> Line {
    Line {
        request,
        status,
        location: None,
        body: body.into(),
    }
}

/// A server that answers each request once, as written, and keeps what it was asked.
pub(super) struct Script {
    pub(super) base: Url,
    lines: Arc<Mutex<Vec<Line>>>,
    seen: Arc<Mutex<Vec<String>>>,
}

impl Script {
    /// Starts.
    pub(super) async fn start(lines: Vec<Line>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
        let script = Self {
            base,
            lines: Arc::new(Mutex::new(lines)),
            seen: Arc::default(),
        };
        let (lines, seen) = (script.lines.clone(), script.seen.clone());
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                answer(stream, &lines, &seen).await;
            }
        });
        script
    }

    /// Adds a line at the front.
    pub(super) fn say(&self, line: Line) {
        self.lines.lock().unwrap().insert(0, line);
    }

    /// Every request, head and body, once every line has been spoken.
    pub(super) fn seen(&self) -> Vec<String> {
        let unspoken: Vec<&str> = self.lines.lock().unwrap().iter().map(|line| line.request).collect();
        assert!(unspoken.is_empty(), "never asked: {unspoken:?}");
        self.seen.lock().unwrap().clone()
    }
}

async fn answer(mut stream: TcpStream, lines: &Mutex<Vec<Line>>, seen: &Mutex<Vec<String>>) {
    let request = request(&mut stream).await;
    let next = {
        let mut lines = lines.lock().unwrap();
        let position = lines.iter().position(|line| request.starts_with(line.request));
        position.map(|position| lines.remove(position))
    };
    let first = request.lines().next().unwrap_or_default().to_owned();
    seen.lock().unwrap().push(request);
    let line = next.unwrap_or_else(|| line("", 501, format!("not in the script: {first}")));
    let location = line
        .location
        .map(|location| format!("location: {location}\r\n"))
        .unwrap_or_default();
    let (status, length, body) = (line.status, line.body.len(), line.body);
    let head = format!("HTTP/1.1 {status} X\r\nconnection: close\r\n{location}content-length: {length}\r\n\r\n");
    stream.write_all(format!("{head}{body}").as_bytes()).await.unwrap();
}

async fn request(stream: &mut TcpStream) -> String {
    let mut text = String::new();
    let mut buffer = [0u8; 65536];
    loop {
        let read = stream.read(&mut buffer).await.unwrap();
        text.push_str(&String::from_utf8_lossy(&buffer[..read]));
        let Some((head, body)) = text.split_once("\r\n\r\n") else {
            continue;
        };
        let length = head
            .to_lowercase()
            .lines()
            .find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
        if read == 0 || body.len() >= length.unwrap_or(0) {
            return text;
        }
    }
}
