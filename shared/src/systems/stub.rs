//! For the tests of adapters: a server that gives canned answers and remembers what it was asked, and tokens and limits
//! in memory.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::domain::{Health, Rate};
use crate::ports::{AccountStanding, CallError, Clock, Limits, Mint, Slot, StoreError, Token, TokenKey, Tokens, Turn};

/// A request as it arrived.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    /// Method and path with query.
    pub(crate) line: String,
    headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Asked {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }
}

type Answers = dyn Fn(&Asked) -> (u16, Vec<u8>) + Send + Sync;

/// A server on this machine.
pub(crate) struct Stub {
    pub(crate) url: String,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl Stub {
    /// Answers every request by `answers`, each with a status and a body.
    pub(crate) async fn new<B: Into<Vec<u8>>>(answers: impl Fn(&Asked) -> (u16, B) + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let asked = Arc::new(Mutex::new(Vec::new()));
        let answers: Arc<Answers> = Arc::new(move |asked: &Asked| {
            let (status, body) = answers(asked);
            (status, body.into())
        });
        tokio::spawn(serve(listener, asked.clone(), answers));
        Self { url, asked }
    }

    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
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

/// The time at which everything happens.
pub(crate) struct Noon;

impl Clock for Noon {
    fn now(&self) -> Timestamp {
        "2026-11-20T12:00:00Z".parse().unwrap()
    }
}

/// Tokens of one process.
pub(crate) struct Kept {
    clock: Arc<dyn Clock>,
    tokens: Mutex<HashMap<String, Token>>,
}

impl Default for Kept {
    fn default() -> Self {
        Self::by(Arc::new(Noon))
    }
}

impl Kept {
    /// Tokens that live by a clock.
    pub(crate) fn by(clock: Arc<dyn Clock>) -> Self {
        Self {
            clock,
            tokens: Mutex::default(),
        }
    }

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
        self.tokens.lock().unwrap().insert(key.owner(), token.clone());
        Ok(token)
    }
}

#[async_trait]
impl Tokens for Kept {
    async fn bearer(&self, key: &TokenKey, mint: &dyn Mint) -> Result<Token, CallError> {
        let kept = self.tokens.lock().unwrap().get(&key.owner()).cloned();
        match kept {
            Some(token) => Ok(token),
            None => self.make(key, 1, mint).await,
        }
    }

    async fn renew(&self, key: &TokenKey, failed: u64, mint: &dyn Mint) -> Result<Token, CallError> {
        self.make(key, failed + 1, mint).await
    }
}

/// No limits at all.
pub(crate) struct Unlimited;

#[async_trait]
impl Limits for Unlimited {
    async fn lease_slot(&self, _account: &str, _cap: u16, _lease: Duration) -> Result<Turn, StoreError> {
        Ok(Turn::At(Timestamp::now()))
    }

    async fn extend_slot(&self, _slot: &Slot, _lease: Duration) -> Result<bool, StoreError> {
        Ok(false)
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

/// Limits that keep pauses and health, and remember under which names calls were counted.
#[derive(Default)]
pub(crate) struct Shared {
    pauses: Mutex<HashMap<String, Timestamp>>,
    healths: Mutex<HashMap<String, (u64, Health)>>,
    counted: Mutex<Vec<String>>,
}

impl Shared {
    pub(crate) fn paused(&self, account: &str) -> Option<Timestamp> {
        self.pauses.lock().unwrap().get(account).copied()
    }

    pub(crate) fn counted(&self) -> Vec<String> {
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
        let (version, health) = self.healths.lock().unwrap().get(account).cloned().unwrap_or_default();
        Ok(AccountStanding {
            paused: self.paused(account),
            version,
            health,
        })
    }

    async fn pause(&self, account: &str, until: Timestamp) -> Result<(), StoreError> {
        let mut pauses = self.pauses.lock().unwrap();
        let known = pauses.entry(account.to_owned()).or_insert(until);
        *known = (*known).max(until);
        Ok(())
    }

    async fn write_health(&self, account: &str, version: u64, health: &Health) -> Result<bool, StoreError> {
        let mut healths = self.healths.lock().unwrap();
        let known = healths.entry(account.to_owned()).or_default();
        if known.0 != version {
            return Ok(false);
        }
        *known = (version + 1, health.clone());
        Ok(true)
    }

    async fn reserve_call(&self, account: &str, _rate: &Rate) -> Result<Option<Timestamp>, StoreError> {
        self.counted.lock().unwrap().push(account.to_owned());
        Ok(None)
    }
}
