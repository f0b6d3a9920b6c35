//! News of parcels: how carriers tell them, how they are kept, and how webhooks bring them.

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use super::{AuditEntry, CallError, DuePage, StoreError};
use crate::domain::{
    ConnectionId, ContentHash, Cover, DocumentId, Estimate, JobId, Nonce, ParcelKey, Refusal, Telling, TenantId,
    TrackedParcel, TrackingEvent,
};

// ---- the carrier -------------------------------------------------------------------------------------------------

/// Everything that a carrier tells of a parcel at once.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct News {
    /// What happened, in the carrier's own order.
    pub events: Vec<TrackingEvent>,
    /// Events whose time cannot be read: they are counted and move nothing.
    pub untimed: usize,
    /// When the parcel is expected, by what the carrier says now.
    pub estimate: Option<Estimate>,
}

/// A parcel that a carrier is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Asked<'a> {
    /// Its tracking number.
    pub number: &'a str,
    /// When it was shipped, as far as we know: carriers give the same number to several parcels in the course of time.
    pub shipped: Timestamp,
}

/// How a carrier pushes news.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Push {
    /// How many parcels one request may name.
    pub batch: usize,
    /// How long the promise lasts.
    pub lasts: SignedDuration,
    /// How long before its end it is renewed.
    pub renew_before: SignedDuration,
}

/// What came of asking for news to be pushed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Subscribed {
    /// Parcels of which news will be pushed.
    pub promised: Vec<String>,
    /// Parcels of which they will not, with the carrier's words.
    pub refused: Vec<(String, Refusal)>,
}

/// A parcel of which the carrier's own list tells news. Its time has no zone, so that it says that something happened, and not
/// when: the carrier is asked for that.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moved {
    /// The parcel.
    pub number: String,
    /// By what the same news are known when the list is read again; sorts like its time.
    pub hint: String,
}

// ---- what is kept of parcels -------------------------------------------------------------------------------------

/// Parcels that were read together.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ReadParcels {
    /// Those that are followed, in no order.
    pub parcels: Vec<TrackedParcel>,
    /// Those whose item this version cannot read, each with the reason.
    pub unreadable: Vec<(ParcelKey, StoreError)>,
}

/// Parcels that are followed, and what happened to them.
#[async_trait]
pub trait Parcels: Send + Sync {
    /// Of these parcels, those that are followed, read consistently: one that cannot be read hides no other.
    async fn readable(&self, keys: &[ParcelKey]) -> Result<ReadParcels, StoreError>;
    /// The same for whoever needs all of them: one that cannot be read is an error.
    async fn parcels(&self, keys: &[ParcelKey]) -> Result<Vec<TrackedParcel>, StoreError> {
        let ReadParcels { parcels, unreadable } = self.readable(keys).await?;
        let unreadable = unreadable.into_iter().next();
        unreadable.map_or(Ok(parcels), |(_, error)| Err(error))
    }
    /// Everything that happened to a parcel, whether it is followed (yet) or not: its own events and what was kept aside; read
    /// consistently.
    async fn events(&self, key: &ParcelKey) -> Result<Vec<TrackingEvent>, StoreError>;
    /// Stores a parcel with its events (version one more than what it replaces); `false` if somebody wrote it in between, and then
    /// nothing is stored.
    async fn record(&self, parcel: &TrackedParcel) -> Result<bool, StoreError>;
    /// Keeps events of a parcel that is not followed, for a while: news can be faster than our own save.
    async fn set_aside(&self, key: &ParcelKey, events: &[TrackingEvent]) -> Result<(), StoreError>;
    /// Parcels of one shard that are due, the longest overdue first, from where the page before ended.
    async fn due_parcels(
        &self,
        shard: u8,
        now: Timestamp,
        after: Option<&str>,
        limit: u16,
    ) -> Result<DuePage<ParcelKey>, StoreError>;
    /// Parcels of a connection that were given up, the latest first.
    async fn given_up(&self, connection: &ConnectionId, limit: u16) -> Result<Vec<ParcelKey>, StoreError>;
}

/// The promises of carriers to push news.
#[async_trait]
pub trait Covers: Send + Sync {
    /// Parcels of one shard whose promise is to be asked for (again), the longest due first.
    async fn due_covers(&self, shard: u8, now: Timestamp, limit: u16) -> Result<Vec<ParcelKey>, StoreError>;
    /// The promises of these parcels, read consistently, in no order.
    async fn covers(&self, keys: &[ParcelKey]) -> Result<Vec<Cover>, StoreError>;
    /// Stores a promise (version one more than what it replaces); `false` if somebody else did in between.
    async fn write_cover(&self, cover: &Cover) -> Result<bool, StoreError>;
    /// Nobody asks for this promise any more.
    async fn end_cover(&self, key: &ParcelKey) -> Result<(), StoreError>;
}

/// What ERPs were told of deliveries.
#[async_trait]
pub trait Tellings: Send + Sync {
    /// What the ERP was told of a document's delivery, read consistently.
    async fn telling(&self, connection: &ConnectionId, document: &DocumentId) -> Result<Telling, StoreError>;
    /// Stores it (version one more than what it replaces); `false` if somebody else did in between.
    async fn write_telling(
        &self,
        connection: &ConnectionId,
        document: &DocumentId,
        telling: &Telling,
    ) -> Result<bool, StoreError>;
    /// Adds to a job's story what was told of its delivery, after everything that the job's own writes told.
    async fn tell_story(&self, connection: &ConnectionId, job: &JobId, entry: &AuditEntry) -> Result<(), StoreError>;
}

/// What a message of the tracking queue says: a key and nothing else.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TrackingMessage {
    /// A webhook was captured under this id.
    Hook(String),
    /// A parcel is to be looked at.
    Parcel(ParcelKey),
    /// Parcels of one connection are to be asked for together.
    Parcels(Vec<ParcelKey>),
}

/// The queue of webhooks and parcels that a worker should look at.
#[async_trait]
pub trait TrackingQueue: Send + Sync {
    /// Queues a message, at the earliest after `delay` (at most 15 minutes). A lost message costs latency only.
    async fn send(&self, message: &TrackingMessage, tenant: &TenantId, delay: Duration) -> Result<(), StoreError>;
    /// Queues several messages at once. Where that fails nobody knows which of them are queued.
    async fn send_all(&self, messages: &[(TrackingMessage, TenantId)]) -> Result<(), StoreError> {
        for (message, tenant) in messages {
            self.send(message, tenant, Duration::ZERO).await?;
        }
        Ok(())
    }
}

// ---- webhooks ----------------------------------------------------------------------------------------------------

/// Where a vendor pushes to: it belongs to a credential, and its address is a secret. Only the digest of the address is stored
/// here; the address and the keys are in the hook's own secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hook {
    /// The digest of the id in the address, by which the hook is found.
    pub digest: String,
    /// The vendor's system (`ups`).
    pub system: String,
    /// The customer.
    pub tenant: TenantId,
    /// The name of the secret of the credential that it belongs to.
    pub credential: String,
    /// The name of the secret with the address and the keys.
    pub secret: String,
    /// The connections that use the credential.
    pub connections: Vec<ConnectionId>,
    /// Networks from which alone it is called (`203.0.113.0/24`); empty allows all.
    #[serde(default)]
    pub networks: Vec<String>,
    /// When it was made.
    pub created_at: Timestamp,
    /// From when on this address is not answered any more: another has taken its place.
    #[serde(default)]
    pub retires_at: Option<Timestamp>,
}

impl Hook {
    /// The digest of the id in an address.
    pub fn digest_of(id: &str) -> String {
        ContentHash::of(id.as_bytes()).as_str().to_owned()
    }

    /// Whether its address is still answered.
    pub fn is_open(&self, now: Timestamp) -> bool {
        self.retires_at.is_none_or(|retires_at| now < retires_at)
    }
}

/// The address and the keys of a hook, as its secret holds them.
#[derive(Clone, Deserialize)]
pub struct HookKeys {
    /// The id in the address: 128 random bits in hexadecimal.
    pub id: SecretString,
    /// By what the vendor proves who it is, the newest first: what it sends itself (UPS v1), its client secret (UPS v2), or the
    /// key of its signature (NetSuite). During a rotation there are two.
    #[serde(default)]
    pub keys: Vec<SecretString>,
    /// The client id by which the vendor asks for a token (UPS v2).
    #[serde(default)]
    pub client_id: Option<String>,
    /// What signs the tokens that we give out (UPS v2).
    #[serde(default)]
    pub token_key: Option<SecretString>,
    /// Whether the vendor signs nothing, so that the address alone says who sends (ShipStation V1). Where that is not said, what a
    /// vendor signs must be signed.
    #[serde(default)]
    pub unsigned: bool,
}

impl fmt::Debug for HookKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HookKeys").finish_non_exhaustive()
    }
}

/// Hooks by the digest of the id in their address.
#[async_trait]
pub trait Hooks: Send + Sync {
    /// The hook, or nothing.
    async fn hook(&self, digest: &str) -> Result<Option<Hook>, StoreError>;
}

/// A request to a hook, as it came.
#[derive(Clone)]
pub struct Inbound {
    /// The id in the address.
    pub hook: SecretString,
    /// Headers, their names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body, byte for byte.
    pub body: Vec<u8>,
    /// The address of who sends it.
    pub source: Option<String>,
}

impl Inbound {
    /// The first header of this name.
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(own, _)| own.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }
}

impl fmt::Debug for Inbound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inbound")
            .field("bytes", &self.body.len())
            .finish_non_exhaustive()
    }
}

/// A public key of RSA by which a vendor signs what it pushes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SigningKey {
    /// The modulus, most significant byte first.
    pub modulus: Vec<u8>,
    /// The public exponent, most significant byte first.
    pub exponent: Vec<u8>,
}

/// The keys that vendors publish for what they sign.
#[async_trait]
pub trait SigningKeys: Send + Sync {
    /// A vendor's key by the id that a request names; `None` where the vendor publishes none of that id.
    async fn signing_key(&self, system: &str, id: &str) -> Result<Option<SigningKey>, CallError>;
}

/// What stands in a captured webhook's id between the time at which it is due and what makes it its own.
pub const DUE_FROM: char = '_';

/// A webhook that was captured before anybody looked into it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Captured {
    /// Its id, of [`Captured::id_of`].
    pub id: String,
    /// The digest of the hook's id.
    pub hook: String,
    /// The vendor's system.
    pub system: String,
    /// The customer.
    pub tenant: TenantId,
    /// When it came.
    pub at: Timestamp,
    /// The body; what is not UTF-8 in it was replaced.
    pub body: String,
}

impl Captured {
    /// The id of a webhook that is due at this time for the first time, by which it is found then.
    pub fn id_of(due_at: Timestamp, nonce: &Nonce) -> String {
        format!(
            "{}{DUE_FROM}{}",
            due_at.strftime("%Y-%m-%dT%H:%M:%S.%3fZ"),
            nonce.as_str()
        )
    }

    /// For how long a webhook of this id has been due; nothing where the id does not say.
    pub fn waited(id: &str, now: Timestamp) -> SignedDuration {
        let due_at = id.split_once(DUE_FROM).and_then(|(at, _)| at.parse().ok());
        now.duration_since(due_at.unwrap_or(now)).max(SignedDuration::ZERO)
    }
}

impl fmt::Debug for Captured {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Captured").field("id", &self.id).finish_non_exhaustive()
    }
}

/// Captured webhooks.
#[async_trait]
pub trait Captures: Send + Sync {
    /// Keeps a webhook for some days, due to be looked at until somebody says what became of it.
    async fn capture(&self, captured: &Captured, due_at: Timestamp) -> Result<(), StoreError>;
    /// A webhook; `None` once it was dealt with, or has expired.
    async fn captured(&self, id: &str) -> Result<Option<Captured>, StoreError>;
    /// Whose webhook it is, without its body; `None` once it was dealt with, or has expired.
    async fn captured_for(&self, id: &str) -> Result<Option<TenantId>, StoreError>;
    /// It was dealt with: what it told stands elsewhere, and nobody needs it any more.
    async fn dealt_with(&self, id: &str) -> Result<(), StoreError>;
    /// Nobody can use it: it is not due any more, and kept until it expires, so that a person can look into it.
    async fn of_no_use(&self, id: &str) -> Result<(), StoreError>;
    /// Webhooks of one shard that are due, the longest overdue first, from where the page before ended.
    async fn due_captures(
        &self,
        shard: u8,
        now: Timestamp,
        after: Option<&str>,
        limit: u16,
    ) -> Result<DuePage<String>, StoreError>;
    /// It was queued again: it is due again at `due_at`, unless it is dealt with before.
    async fn capture_again(&self, id: &str, due_at: Timestamp) -> Result<(), StoreError>;
}

/// What a webhook tells, one thing at a time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PushedNews {
    /// Something happened to a parcel.
    Happened {
        /// The parcel.
        number: String,
        /// What.
        event: Box<TrackingEvent>,
    },
    /// Something happened to a parcel, but when cannot be read: the carrier is to be asked.
    Hinted {
        /// The parcel.
        number: String,
        /// Why it is only a hint.
        why: String,
    },
    /// A document changed: it is to be read again.
    Changed(DocumentId),
    /// People shipped something at a desk: where the desk tells what, in its own words. It is only followed to the desk's own hosts.
    Despatched(String),
    /// Nothing that we understand.
    Nothing {
        /// What it was, in words without bodies.
        why: String,
    },
}

/// What the vendors' systems know of webhooks. Pure.
pub trait Webhooks: Send + Sync {
    /// Whether the request is the vendor's own: everything is compared in constant time, over the raw bytes, before any parsing.
    fn is_genuine(&self, hook: &Hook, keys: &HookKeys, inbound: &Inbound, now: Timestamp) -> bool;
    /// By which of the vendor's published keys the request says that it is signed, where nothing else about it is wrong; `None`
    /// where the hook's own keys decide, or where it cannot be genuine.
    fn signed_by(&self, _hook: &Hook, _keys: &HookKeys, _inbound: &Inbound, _now: Timestamp) -> Option<String> {
        None
    }
    /// Whether that key has signed the request.
    fn is_signed(&self, _hook: &Hook, _key: &SigningKey, _inbound: &Inbound) -> bool {
        false
    }
    /// The answer to a vendor that asks for a token: a JSON body, or `None` if it may not have one.
    fn token(&self, hook: &Hook, keys: &HookKeys, inbound: &Inbound, now: Timestamp) -> Option<serde_json::Value>;
    /// What a webhook tells.
    fn read(&self, system: &str, body: &str) -> Vec<PushedNews>;
}
