//! Who may send to a hook: V2 by the key that ShipStation publishes, V1 by the address alone.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_SHA256, RsaKeyPair};
use bytes::Bytes;
use data_encoding::{BASE64, BASE64URL_NOPAD};
use http::{Request, Response};
use jiff::{SignedDuration, Timestamp};
use secrecy::SecretString;
use serde_json::{Value, json};

use super::fixture;
use crate::flows::receive::{Receive, Reply};
use crate::flows::remembered::Remembered;
use crate::http::{self as web, Fate, Vendor};
use crate::memory::{AlwaysWorks, CountedNonces, Memory, TurnedClock, Vault};
use crate::ports::{CallError, Hook, Inbound, Secrets};
use crate::systems::shipstation::PublishedKeys;
use crate::systems::webhooks::Vendors;

const HOOK: &str = "0123456789abcdef0123456789abcdef";
const KEY: &str = "x-shipengine-rsa-sha256-key-id";
const SIGNATURE: &str = "x-shipengine-rsa-sha256-signature";
const STAMP: &str = "x-shipengine-timestamp";

/// A key pair of ShipStation's.
struct Signer {
    id: &'static str,
    pair: RsaKeyPair,
}

impl Signer {
    fn new(id: &'static str) -> Self {
        Self {
            id,
            pair: RsaKeyPair::generate(KeySize::Rsa2048).unwrap(),
        }
    }

    fn published(&self) -> Value {
        // PKCS #1 of a key of 2048 bits: a modulus of 257 bytes that begins with 0, and an exponent of three.
        let public: &[u8] = self.pair.public_key().as_ref();
        assert_eq!((public.len(), &public[4..9]), (270, [2, 0x82, 1, 1, 0].as_slice()));
        let (modulus, exponent) = (&public[9..265], &public[267..]);
        json!({
            "kty": "RSA", "use": "sig", "alg": "RS256", "kid": self.id,
            "n": BASE64URL_NOPAD.encode(modulus), "e": BASE64URL_NOPAD.encode(exponent),
        })
    }

    fn sign(&self, stamp: &str, body: &str) -> Vec<u8> {
        let message = format!("{stamp}.{body}");
        let mut signature = vec![0; self.pair.public_modulus_len()];
        let random = SystemRandom::new();
        self.pair
            .sign(&RSA_PKCS1_SHA256, &random, message.as_bytes(), &mut signature)
            .unwrap();
        signature
    }

    /// A request as ShipStation sends it.
    fn request(&self, stamp: &str, body: &str) -> Inbound {
        inbound(
            &[
                (KEY, self.id),
                (SIGNATURE, &BASE64.encode(&self.sign(stamp, body))),
                (STAMP, stamp),
            ],
            body,
        )
    }
}

fn inbound(headers: &[(&str, &str)], body: &str) -> Inbound {
    Inbound {
        hook: SecretString::from(HOOK),
        headers: headers
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect(),
        body: body.as_bytes().to_vec(),
        source: None,
    }
}

fn with(inbound: &Inbound, name: &str, value: &str) -> Inbound {
    let mut changed = inbound.clone();
    changed.headers.retain(|(known, _)| known != name);
    if !value.is_empty() {
        changed.headers.push((name.to_owned(), value.to_owned()));
    }
    changed
}

fn body() -> String {
    fixture("webhook/label-created-v2").to_string()
}

/// Where ShipStation publishes its keys.
struct Publisher {
    keys: std::sync::Mutex<Option<Vec<Value>>>,
    asked: AtomicUsize,
}

#[async_trait]
impl Vendor for Publisher {
    async fn ask(&self, request: Request<Bytes>) -> Fate {
        assert_eq!(request.uri().to_string(), "https://api.shipengine.com/jwks");
        assert!(request.headers().get("api-key").is_none() && request.headers().get("authorization").is_none());
        self.asked.fetch_add(1, Ordering::Relaxed);
        match &*self.keys.lock().unwrap() {
            Some(keys) => {
                let body = json!({ "keys": keys }).to_string();
                Fate::Answered(Response::new(Bytes::from(body)))
            }
            None => Fate::NoConnection,
        }
    }
}

/// A receiver with one hook.
struct World {
    receive: Receive,
    clock: TurnedClock,
    publisher: Arc<Publisher>,
    store: Memory,
}

impl World {
    async fn new(keys: &[Value], unsigned: bool) -> Self {
        let clock = TurnedClock::at("2026-11-20T12:00:00Z".parse().unwrap());
        let publisher = Arc::new(Publisher {
            keys: std::sync::Mutex::new(Some(keys.to_vec())),
            asked: AtomicUsize::new(0),
        });
        let client = web::client().unwrap().asking(publisher.clone());
        let (shared, vault) = (Arc::new(clock.clone()), Arc::new(Vault::default()));
        let keys = json!({ "id": HOOK, "keys": ["not-used"], "unsigned": unsigned }).to_string();
        vault.write("hook", &SecretString::from(keys)).await.unwrap();
        let hook: Hook = serde_json::from_value(json!({
            "digest": Hook::digest_of(HOOK), "system": "shipstation", "tenant": "acme", "credential": "shipstation",
            "secret": "hook", "connections": ["acme-netsuite-shipstation"], "created_at": "2026-01-01T00:00:00Z"
        }))
        .unwrap();
        let store = Memory::new(shared.clone(), Arc::new(AlwaysWorks));
        store.tables().tracked.hooks.insert(hook.digest.clone(), hook);
        let port = Arc::new(store.clone());
        let receive = Receive {
            hooks: port.clone(),
            webhooks: Arc::new(Vendors),
            secrets: vault,
            signing_keys: Arc::new(PublishedKeys::new(client, shared.clone(), None)),
            captures: port.clone(),
            queue: port,
            clock: shared,
            nonces: Arc::new(CountedNonces::default()),
            found: Remembered::default(),
            read: Remembered::default(),
        };
        Self {
            receive,
            clock,
            publisher,
            store,
        }
    }

    fn now(&self) -> String {
        crate::ports::Clock::now(&self.clock).to_string()
    }

    async fn answers(&self, inbound: Inbound) -> u16 {
        let Reply { status, .. } = self.receive.run(inbound).await;
        status
    }

    fn asked(&self) -> usize {
        self.publisher.asked.load(Ordering::Relaxed)
    }

    fn publish(&self, keys: Option<&[&Signer]>) {
        let keys = keys.map(|keys| keys.iter().map(|signer| signer.published()).collect());
        *self.publisher.keys.lock().unwrap() = keys;
    }

    fn captured(&self) -> usize {
        self.store.tables().tracked.captures.len()
    }
}

/// P41: what is signed by a published key, lately, over its own body, is taken, in either alphabet; the keys are read once.
#[tokio::test]
async fn a_signed_request_is_taken_and_the_keys_are_read_once() {
    let signer = Signer::new("kid-1");
    let world = World::new(&[signer.published()], false).await;
    let (stamp, body) = (world.now(), body());
    for _ in 0..5 {
        assert_eq!(world.answers(signer.request(&stamp, &body)).await, 200);
    }
    let other = BASE64URL_NOPAD.encode(&signer.sign(&stamp, &body));
    assert_eq!(
        world
            .answers(with(&signer.request(&stamp, &body), SIGNATURE, &other))
            .await,
        200
    );
    assert_eq!((world.asked(), world.captured()), (1, 6));
}

/// P41: whatever is not so is refused, and an old request cannot be sent again.
#[tokio::test]
async fn a_request_that_is_not_signed_is_refused() {
    let (signer, stranger) = (Signer::new("kid-1"), Signer::new("kid-1"));
    let world = World::new(&[signer.published()], false).await;
    let (stamp, body) = (world.now(), body());
    let right = signer.request(&stamp, &body);
    let mut changed = right.clone();
    changed.body.push(b' ');
    let mut wrong = vec![changed, stranger.request(&stamp, &body), inbound(&[], &body)];
    for name in [KEY, SIGNATURE, STAMP] {
        wrong.push(with(&right, name, ""));
        wrong.push(with(&right, name, "\u{e9}"));
    }
    wrong.push(with(&right, STAMP, &format!("{stamp} ")));
    for minutes in [-6, 6] {
        let then: Timestamp = stamp.parse().unwrap();
        let then = then + SignedDuration::from_mins(minutes);
        wrong.push(signer.request(&then.to_string(), &body));
    }
    for (number, request) in wrong.into_iter().enumerate() {
        let status = world.answers(request).await;
        assert!(status == 401 || status == 503, "{number}: {status}");
    }
    assert_eq!(world.captured(), 0);
    for minutes in [-4, 4] {
        let then: Timestamp = stamp.parse().unwrap();
        let then = then + SignedDuration::from_mins(minutes);
        assert_eq!(
            world.answers(signer.request(&then.to_string(), &body)).await,
            200,
            "{minutes}"
        );
    }
}

/// A key that is not known is looked for, at most once a minute: nobody can make us ask by inventing ids.
#[tokio::test]
async fn a_new_key_is_read_again_but_not_for_everybody_who_invents_one() {
    let (first, second) = (Signer::new("kid-1"), Signer::new("kid-2"));
    let world = World::new(&[first.published()], false).await;
    let body = body();
    assert_eq!(world.answers(first.request(&world.now(), &body)).await, 200);
    world.publish(Some(&[&second]));
    assert_eq!(
        world.answers(second.request(&world.now(), &body)).await,
        503,
        "asked within the minute: it may try again"
    );
    assert_eq!(world.asked(), 1);
    world.clock.turn(SignedDuration::from_secs(61));
    assert_eq!(world.answers(second.request(&world.now(), &body)).await, 200);
    assert_eq!(world.asked(), 2);
    for invented in ["kid-3", "kid-4", "kid-5"] {
        let request = with(&second.request(&world.now(), &body), KEY, invented);
        assert_eq!(world.answers(request).await, 503);
    }
    assert_eq!(world.asked(), 2);
    world.clock.turn(SignedDuration::from_secs(61));
    let request = with(&second.request(&world.now(), &body), KEY, "kid-3");
    assert_eq!(
        world.answers(request).await,
        401,
        "the vendor publishes none of that id"
    );
    assert_eq!(
        world.answers(first.request(&world.now(), &body)).await,
        503,
        "and the old one is gone"
    );
}

/// While the keys cannot be had, nobody is turned away for good; what is known is believed on.
#[tokio::test]
async fn keys_that_cannot_be_had_turn_nobody_away_for_good() {
    let signer = Signer::new("kid-1");
    let world = World::new(&[], false).await;
    world.publish(None);
    let body = body();
    assert_eq!(world.answers(signer.request(&world.now(), &body)).await, 503);
    world.publish(Some(&[&signer]));
    world.clock.turn(SignedDuration::from_secs(61));
    assert_eq!(world.answers(signer.request(&world.now(), &body)).await, 200);
    world.publish(None);
    world.clock.turn(SignedDuration::from_hours(7));
    assert_eq!(world.answers(signer.request(&world.now(), &body)).await, 200);
    assert_eq!(world.asked(), 3);
}

/// V1 signs nothing: only a hook that says so takes that, and no key is asked for.
#[tokio::test]
async fn only_a_hook_that_expects_it_takes_what_is_not_signed() {
    let body = fixture("webhook/ship-notify").to_string();
    let unsigned = World::new(&[], true).await;
    assert_eq!(unsigned.answers(inbound(&[], &body)).await, 200);
    let signed = World::new(&[], false).await;
    assert_eq!(signed.answers(inbound(&[], &body)).await, 401);
    assert_eq!((unsigned.asked(), signed.asked()), (0, 0));
}

#[tokio::test]
async fn keys_of_other_systems_are_not_shipstations() {
    let world = World::new(&[Signer::new("kid-1").published()], false).await;
    let of = |system: &'static str| world.receive.signing_keys.signing_key(system, "kid-1");
    assert_eq!(of("ups").await, Ok(None));
    assert_eq!(world.asked(), 0);
    assert!(of("shipstation").await.unwrap().is_some());
    let wrong = World::new(
        &[
            json!({"kid": "kid-1", "kty": "EC"}),
            json!("x"),
            json!({"kid": "a", "kty": "RSA", "n": "!"}),
        ],
        false,
    )
    .await;
    assert_eq!(
        wrong.receive.signing_keys.signing_key("shipstation", "kid-1").await,
        Ok(None)
    );
    let gone = World::new(&[], false).await;
    gone.publish(None);
    let error = gone.receive.signing_keys.signing_key("shipstation", "kid-1").await;
    assert!(matches!(error, Err(CallError::Later(_))));
}
