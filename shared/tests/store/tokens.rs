//! Tokens shared by a fleet: a process is a [`SharedTokens`] of its own over the same table.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use futures::future::join_all;
use jiff::{SignedDuration, Timestamp};
use secrecy::{ExposeSecret, SecretSlice};
use waybill::aws::{DataKey, DataKeys, Envelopes};
use waybill::domain::Refusal;
use waybill::http::SharedTokens;
use waybill::ports::{
    CallError, Clock, Mint, Minted, Obstacle, StoreError, Token, TokenKey, TokenStore, Tokens, TokensInUse,
};

use crate::database::{Counted, Store, Turned};
use crate::samples::connection_id;

const HOUR: SignedDuration = SignedDuration::from_hours(1);
const MINUTE: SignedDuration = SignedDuration::from_mins(1);

/// A master key that wraps by turning every byte.
struct LocalKeys;

#[async_trait]
impl DataKeys for LocalKeys {
    async fn generate(&self, _owner: &str) -> Result<DataKey, StoreError> {
        Ok(DataKey {
            plain: vec![5; 32].into(),
            wrapped: vec![!5; 32],
        })
    }

    async fn unwrap(&self, _owner: &str, wrapped: &[u8]) -> Result<SecretSlice<u8>, StoreError> {
        Ok(wrapped.iter().map(|byte| !byte).collect::<Vec<u8>>().into())
    }
}

/// A vendor that issues tokens, remembers when, and takes a moment for it.
struct Vendor {
    clock: Arc<Turned>,
    lives_for: Duration,
    limit: Option<u32>,
    issued: Mutex<Vec<Timestamp>>,
}

impl Vendor {
    fn new(store: &Store, lives_for: SignedDuration) -> Self {
        let lives_for = lives_for.unsigned_abs();
        Self {
            clock: store.clock.clone(),
            lives_for,
            limit: Some(250),
            issued: Mutex::default(),
        }
    }

    fn issued(&self) -> Vec<Timestamp> {
        self.issued.lock().unwrap().clone()
    }
}

#[async_trait]
impl Mint for Vendor {
    async fn mint(&self) -> Result<Minted, CallError> {
        let number = {
            let mut issued = self.issued.lock().unwrap();
            issued.push(self.clock.now());
            issued.len()
        };
        tokio::time::sleep(Duration::from_millis(2)).await;
        Ok(Minted {
            secret: format!("plaintext-token-{number}").into(),
            lives_for: self.lives_for,
        })
    }

    fn daily_limit(&self) -> Option<u32> {
        self.limit
    }
}

fn key() -> TokenKey {
    TokenKey {
        system: "ups".to_owned(),
        credential: "waybill/test/acme/ups".to_owned(),
        client: "client-digest".to_owned(),
        merchant: None,
        connection: connection_id(),
    }
}

/// A process that has just started.
fn cold(store: &Store) -> SharedTokens {
    let sealer = Arc::new(Envelopes::new(Arc::new(LocalKeys), store.clock.clone()));
    let nonces = Arc::new(waybill::aws::RandomNonces);
    SharedTokens::new(store.another(), sealer, store.clock.clone(), nonces)
}

fn text(token: &Token) -> String {
    token.secret.expose_secret().to_owned()
}

#[tokio::test]
async fn one_token_serves_every_process_until_its_last_minute() {
    let store = Store::new().await;
    let vendor = Vendor::new(&store, HOUR);
    let warm = cold(&store);
    for minute in 0..59 {
        assert_eq!(
            text(&warm.bearer(&key(), &vendor).await.unwrap()),
            "plaintext-token-1",
            "{minute}"
        );
        assert_eq!(
            text(&cold(&store).bearer(&key(), &vendor).await.unwrap()),
            "plaintext-token-1"
        );
        store.clock.turn(MINUTE);
    }
    assert_eq!(text(&warm.bearer(&key(), &vendor).await.unwrap()), "plaintext-token-2");
    assert_eq!(vendor.issued().len(), 2);
}

/// P24: what is stored of a token is sealed.
#[tokio::test]
async fn no_token_is_readable_in_the_table() {
    let store = Store::new().await;
    let vendor = Vendor::new(&store, HOUR);
    let tokens = cold(&store);
    let token = tokens.bearer(&key(), &vendor).await.unwrap();
    tokens.renew(&key(), token.version, &vendor).await.unwrap();
    let dump = store.dump().await;
    assert!(dump.contains("TOKEN#ups#waybill/test/acme/ups#-"), "{dump}");
    assert!(dump.contains("LEDGER#ups#client-digest"));
    assert!(!dump.contains("plaintext-token"));
    assert!(!format!("{token:?}").contains("plaintext-token"));
}

#[tokio::test]
async fn fifty_refused_calls_cause_one_refresh() {
    let store = Store::new().await;
    let vendor = Vendor::new(&store, HOUR);
    let fleet: Vec<SharedTokens> = (0..50).map(|_| cold(&store)).collect();
    let first = fleet[0].bearer(&key(), &vendor).await.unwrap();
    let key = key();
    let renewed = join_all(fleet.iter().map(|process| process.renew(&key, first.version, &vendor))).await;
    for token in renewed {
        assert_eq!(text(&token.unwrap()), "plaintext-token-2");
    }
    assert_eq!(vendor.issued().len(), 2);
}

/// A vendor that is so slow that the lease of the first caller ends and a second caller comes first.
struct Slow {
    clock: Arc<Turned>,
    second: SharedTokens,
    vendor: Arc<Vendor>,
}

#[async_trait]
impl Mint for Slow {
    async fn mint(&self) -> Result<Minted, CallError> {
        let late = self.vendor.mint().await?;
        self.clock.turn(SignedDuration::from_mins(2));
        self.second.bearer(&key(), self.vendor.as_ref()).await?;
        Ok(late)
    }

    fn daily_limit(&self) -> Option<u32> {
        self.vendor.daily_limit()
    }
}

#[tokio::test]
async fn a_token_that_comes_after_its_lease_does_not_replace_a_newer_one() {
    let store = Store::new().await;
    let vendor = Arc::new(Vendor::new(&store, HOUR));
    let slow = Slow {
        clock: store.clock.clone(),
        second: cold(&store),
        vendor: vendor.clone(),
    };
    let first = cold(&store);
    let token = first.bearer(&key(), &slow).await.unwrap();
    assert_eq!(
        (text(&token).as_str(), token.version),
        ("plaintext-token-2", 1),
        "the one that was stored"
    );
    let stored = store.dynamo.read(&key()).await.unwrap().unwrap();
    assert_eq!((stored.version, stored.lease), (1, None));
}

/// A vendor that refuses the credential, or is not there.
struct Refusing(CallError, AtomicU32);

#[async_trait]
impl Mint for Refusing {
    async fn mint(&self) -> Result<Minted, CallError> {
        self.1.fetch_add(1, Ordering::Relaxed);
        Err(self.0.clone())
    }

    fn daily_limit(&self) -> Option<u32> {
        Some(250)
    }
}

#[tokio::test]
async fn a_refused_request_frees_the_lease_and_counts() {
    let store = Store::new().await;
    let refusal = CallError::Refused(Refusal::new("invalid_client", "no such client"));
    let refusing = Refusing(refusal.clone(), AtomicU32::new(0));
    for _ in 0..2 {
        assert_eq!(cold(&store).bearer(&key(), &refusing).await.unwrap_err(), refusal);
    }
    let requests = store.dynamo.requests("ups", "client-digest").await.unwrap();
    assert_eq!(requests.at.len(), 2);
    let vendor = Vendor::new(&store, HOUR);
    assert_eq!(cold(&store).bearer(&key(), &vendor).await.unwrap().version, 1);
}

#[tokio::test]
async fn a_new_client_id_under_the_same_secret_gets_a_token_of_its_own() {
    let store = Store::new().await;
    let vendor = Vendor::new(&store, HOUR);
    let tokens = cold(&store);
    tokens.bearer(&key(), &vendor).await.unwrap();
    let rotated = TokenKey {
        client: "another".to_owned(),
        ..key()
    };
    assert_eq!(
        text(&tokens.bearer(&rotated, &vendor).await.unwrap()),
        "plaintext-token-2"
    );
}

/// How a day of one call a minute goes: what was issued, with a refresher that looks every minute or without. The
/// refresher asks the table only near the end, for before that nothing can be due.
async fn a_day(lives_for: SignedDuration, refresher: bool) -> usize {
    let store = Store::new().await;
    let vendor = Vendor::new(&store, lives_for);
    let (worker, background) = (cold(&store), cold(&store));
    let mut ends_at = Timestamp::MAX;
    for _ in 0..24 * 60 {
        let now = store.clock.now();
        if refresher && now + MINUTE * 5 > ends_at {
            refresh(&store, &background, &vendor).await;
        }
        let issued_before = vendor.issued().len();
        let token = worker.bearer(&key(), &vendor).await.unwrap();
        assert!(now < token.expires_at && now.duration_since(token.issued_at) <= lives_for);
        let waited = vendor.issued().len() > issued_before && issued_before > 0;
        assert!(!(refresher && waited), "no order waits for a token");
        ends_at = token.expires_at;
        store.clock.turn(MINUTE);
    }
    vendor.issued().len()
}

async fn refresh(store: &Store, background: &SharedTokens, vendor: &Vendor) {
    let now = store.clock.now();
    let in_use = store.dynamo.in_use(now - HOUR).await.unwrap();
    for token in in_use.iter().filter(|token| token.expires_soon(now)) {
        background.renew(&token.key, token.version, vendor).await.unwrap();
    }
}

/// P6: an hour's token is refreshed before it ends, at most 25 times a day.
#[tokio::test]
async fn an_hours_token_is_asked_for_25_times_a_day() {
    assert_eq!(a_day(HOUR, false).await, 25);
    assert_eq!(a_day(HOUR, true).await, 25);
}

/// P8: token requests of a day are 24 hours by the token's life, and one more at most.
#[tokio::test]
async fn a_four_hours_token_is_asked_for_7_times_a_day() {
    assert_eq!(a_day(HOUR * 4, false).await, 7);
    assert_eq!(a_day(HOUR * 4, true).await, 7);
}

/// P9: a thousand cold starts and five hundred forced refusals in a day stay within 250 requests in any 24 hours. What
/// refuses too often waits, and a token that ends by itself is still replaced: no cold start goes without.
#[tokio::test]
async fn the_ledger_holds_whatever_happens() {
    let store = Store::new().await;
    let vendor = Vendor::new(&store, HOUR);
    let mut waiting = 0;
    for turn in 0..1_000 {
        let process = cold(&store);
        let token = process.bearer(&key(), &vendor).await.unwrap();
        let refused = turn % 2 == 0;
        if refused && let Err(error) = process.renew(&key(), token.version, &vendor).await {
            let CallError::Later(later) = error else {
                panic!("{error}")
            };
            assert_eq!(later.obstacle, Obstacle::Unauthorised);
            assert!(later.after.unwrap() > Duration::from_secs(60), "{later:?}");
            waiting += 1;
        }
        store.clock.turn(SignedDuration::from_secs(86));
    }
    let issued = vendor.issued();
    assert!((200..=250).contains(&issued.len()), "{}", issued.len());
    assert!(waiting > 250, "{waiting}");
}

/// P9: when even what ends by itself is used up, work waits until the oldest request is a day old.
#[tokio::test]
async fn an_exhausted_ledger_serves_again_when_its_oldest_request_is_a_day_old() {
    let store = Store::new().await;
    let vendor = Vendor {
        limit: Some(3),
        ..Vendor::new(&store, HOUR)
    };
    for _ in 0..3 {
        cold(&store).bearer(&key(), &vendor).await.unwrap();
        store.clock.turn(HOUR);
    }
    let CallError::Later(later) = cold(&store).bearer(&key(), &vendor).await.unwrap_err() else {
        panic!()
    };
    store
        .clock
        .turn(SignedDuration::try_from(later.after.unwrap()).unwrap() - SignedDuration::from_secs(1));
    cold(&store).bearer(&key(), &vendor).await.unwrap_err();
    store.clock.turn(SignedDuration::from_secs(1));
    cold(&store).bearer(&key(), &vendor).await.unwrap();
    let issued = vendor.issued();
    assert!(issued[3].duration_since(issued[0]) > HOUR * 24);
}

/// P9: the ledger counts a client id, not a merchant or a process.
#[tokio::test]
async fn processes_that_ask_at_once_for_many_merchants_share_one_ledger() {
    let store = Store::new().await;
    let vendor = Vendor {
        limit: Some(5),
        ..Vendor::new(&store, HOUR)
    };
    let fleet: Vec<(SharedTokens, TokenKey)> = (0..8)
        .map(|number| {
            (
                cold(&store),
                TokenKey {
                    merchant: Some(number.to_string()),
                    ..key()
                },
            )
        })
        .collect();
    let results = join_all(fleet.iter().map(|(process, key)| process.bearer(key, &vendor))).await;
    let served = results.iter().filter(|result| result.is_ok()).count();
    assert_eq!(vendor.issued().len(), served);
    assert!(served <= 5, "{served}");
    for (process, key) in &fleet {
        let _later = process.bearer(key, &vendor).await;
    }
    assert_eq!(vendor.issued().len(), 5);
}

#[tokio::test]
async fn a_token_is_in_use_while_somebody_uses_it_and_not_because_it_is_renewed() {
    let store = Store::new().await;
    let vendor = Vendor::new(&store, HOUR);
    let (worker, background) = (cold(&store), cold(&store));
    assert!(store.dynamo.in_use(store.clock.now() - HOUR).await.unwrap().is_empty());
    worker.bearer(&key(), &vendor).await.unwrap();
    store.clock.turn(MINUTE * 30);
    worker.bearer(&key(), &vendor).await.unwrap();
    let used_at = store.clock.now();
    store.clock.turn(MINUTE * 28);
    let in_use = store.dynamo.in_use(store.clock.now() - HOUR).await.unwrap();
    assert_eq!((in_use.len(), in_use[0].used_at, &in_use[0].key), (1, used_at, &key()));
    background.renew(&key(), in_use[0].version, &vendor).await.unwrap();
    store.clock.turn(MINUTE * 40);
    assert!(store.dynamo.in_use(store.clock.now() - HOUR).await.unwrap().is_empty());
}

#[test]
fn nonces_differ() {
    use waybill::ports::Nonces;
    let (random, counted) = (waybill::aws::RandomNonces, Counted::default());
    assert_ne!(random.nonce(), random.nonce());
    assert_ne!(counted.nonce(), counted.nonce());
}
