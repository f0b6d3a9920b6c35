//! A server that gives canned answers and remembers what it was asked; tokens, limits and the clock in memory.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use secrecy::SecretString;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::{depot, secret, settings};
use crate::connection::{Environment, SystemSettings};
use crate::domain::{CarrierAccount, Health, Rate};
use crate::http;
use crate::memory::TurnedClock;
use crate::ports::{
    AccountStanding, CallError, Clock, Limits, Mint, Recorder, Slot, StoreError, Token, TokenKey, Tokens, Turn,
};
use crate::systems::fedex::{FedEx, Opening};

/// When everything begins.
const NOON: &str = "2026-11-20T12:00:00Z";

/// A request as it arrived.
#[derive(Debug, Clone)]
pub(super) struct Asked {
    /// Method and path with query.
    pub(super) line: String,
    headers: Vec<(String, String)>,
    pub(super) body: String,
}

impl Asked {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    pub(super) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }
}

/// An answer: a status and a body.
pub(super) type Said = (u16, Vec<u8>);

type Answers = dyn Fn(&Asked) -> Said + Send + Sync;

/// A server on this machine.
pub(super) struct Stub {
    url: String,
    asked: Arc<Mutex<Vec<Asked>>>,
    pub(super) limits: Arc<Shared>,
    pub(super) clock: TurnedClock,
    client: http::Client,
}

impl Stub {
    /// Answers every request by `answers`.
    pub(super) async fn new(answers: impl Fn(&Asked) -> Said + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let asked = Arc::new(Mutex::new(Vec::new()));
        let answers: Arc<Answers> = Arc::new(answers);
        tokio::spawn(serve(listener, asked.clone(), answers));
        Self {
            url,
            asked,
            limits: Arc::default(),
            clock: TurnedClock::at(NOON.parse().unwrap()),
            client: http::client().unwrap(),
        }
    }

    pub(super) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }

    /// The lines of what was asked, tokens left out.
    pub(super) fn lines(&self) -> Vec<String> {
        let asked = self.asked().into_iter().map(|asked| asked.line);
        asked.filter(|line| line != "POST /oauth/token").collect()
    }

    /// An adapter that reaches this server.
    pub(super) fn fedex(&self, options: Value) -> FedEx {
        self.fedex_with(options, &secret(), Recorder::default(), Vec::new())
    }

    /// The same with keys, a recorder and accounts of the test's own.
    pub(super) fn fedex_with(
        &self,
        options: Value,
        secret: &SecretString,
        recorder: Recorder,
        accounts: Vec<CarrierAccount>,
    ) -> FedEx {
        let tokens = Arc::new(Kept {
            clock: self.clock.clone(),
            token: Mutex::default(),
        });
        let settings = settings(Some(&self.url), options);
        self.open(&settings, secret, recorder, accounts, (tokens, self.limits.clone()))
    }

    /// A connection of a stack that shares tokens and limits.
    pub(super) fn sharing(&self, name: &str, tokens: Arc<dyn Tokens>, limits: Arc<dyn Limits>) -> FedEx {
        let mut settings = settings(Some(&self.url), Value::Null);
        settings.secret = format!("waybill/test/{name}/fedex");
        let secret = SecretString::from(format!(r#"{{"api_key":"key-of-{name}","secret_key":"s3cret"}}"#));
        self.open(&settings, &secret, Recorder::default(), Vec::new(), (tokens, limits))
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

async fn serve(listener: TcpListener, asked: Arc<Mutex<Vec<Asked>>>, answers: Arc<Answers>) {
    while let Ok((stream, _)) = listener.accept().await {
        let (asked, answers) = (asked.clone(), answers.clone());
        tokio::spawn(async move { answer(stream, &asked, answers.as_ref()).await });
    }
}

async fn answer(mut stream: TcpStream, log: &Mutex<Vec<Asked>>, answers: &Answers) {
    let asked = receive(&mut stream).await;
    log.lock().unwrap().push(asked.clone());
    let (status, body) = answers(&asked);
    let head = format!(
        "HTTP/1.1 {status} X\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(&body).await.unwrap();
}

async fn receive(stream: &mut TcpStream) -> Asked {
    let mut bytes = Vec::new();
    loop {
        let mut chunk = [0_u8; 8192];
        let read = stream.read(&mut chunk).await.unwrap();
        bytes.extend_from_slice(&chunk[..read]);
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let Some((head, body)) = text.split_once("\r\n\r\n") else {
            continue;
        };
        let mut lines = head.lines();
        let line = lines.next().unwrap().trim_end_matches(" HTTP/1.1").to_owned();
        let pair = |line: &str| {
            line.split_once(": ")
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
        };
        let asked = Asked {
            line,
            headers: lines.filter_map(pair).collect(),
            body: body.to_owned(),
        };
        let length = asked
            .header("content-length")
            .map_or(0, |length| length.parse().unwrap());
        if body.len() >= length || read == 0 {
            return asked;
        }
    }
}

struct Kept {
    clock: TurnedClock,
    token: Mutex<std::collections::HashMap<String, Token>>,
}

impl Kept {
    async fn make(&self, key: &TokenKey, version: u64, mint: &dyn Mint) -> Result<Token, CallError> {
        mint.ready().await?;
        let minted = mint.mint().await?;
        let issued_at = self.clock.now();
        let expires_at = issued_at + SignedDuration::try_from(minted.lives_for).unwrap();
        let token = Token {
            secret: minted.secret,
            version,
            issued_at,
            expires_at,
        };
        self.token.lock().unwrap().insert(key.owner(), token.clone());
        Ok(token)
    }
}

#[async_trait]
impl Tokens for Kept {
    async fn bearer(&self, key: &TokenKey, mint: &dyn Mint) -> Result<Token, CallError> {
        let kept = self.token.lock().unwrap().get(&key.owner()).cloned();
        match kept {
            Some(token) => Ok(token),
            None => self.make(key, 1, mint).await,
        }
    }

    async fn renew(&self, key: &TokenKey, failed: u64, mint: &dyn Mint) -> Result<Token, CallError> {
        self.make(key, failed + 1, mint).await
    }
}

/// Limits that keep pauses and remember under which names calls were counted.
#[derive(Default)]
pub(super) struct Shared {
    pauses: Mutex<std::collections::HashMap<String, Timestamp>>,
    counted: Mutex<Vec<String>>,
}

impl Shared {
    pub(super) fn paused(&self, account: &str) -> Option<Timestamp> {
        self.pauses.lock().unwrap().get(account).copied()
    }

    pub(super) fn counted(&self) -> Vec<String> {
        self.counted.lock().unwrap().clone()
    }
}

#[async_trait]
impl Limits for Shared {
    async fn lease_slot(&self, _account: &str, _cap: u16, _lease: Duration) -> Result<Turn, StoreError> {
        Ok(Turn::At(Timestamp::now()))
    }

    async fn extend_slot(&self, _slot: &Slot, _lease: Duration) -> Result<bool, StoreError> {
        Ok(false)
    }

    async fn free_slot(&self, _slot: Slot) -> Result<(), StoreError> {
        Ok(())
    }

    async fn standing(&self, account: &str) -> Result<AccountStanding, StoreError> {
        Ok(AccountStanding {
            paused: self.paused(account),
            ..AccountStanding::default()
        })
    }

    async fn pause(&self, account: &str, until: Timestamp) -> Result<(), StoreError> {
        let mut pauses = self.pauses.lock().unwrap();
        let known = pauses.entry(account.to_owned()).or_insert(until);
        *known = (*known).max(until);
        Ok(())
    }

    async fn write_health(&self, _account: &str, _version: u64, _health: &Health) -> Result<bool, StoreError> {
        Ok(true)
    }

    async fn reserve_call(&self, account: &str, _rate: &Rate) -> Result<Option<Timestamp>, StoreError> {
        self.counted.lock().unwrap().push(account.to_owned());
        Ok(None)
    }
}
