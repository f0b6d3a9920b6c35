//! The part of Waybill that follows parcels, in the same process as everything else: the carrier's pushes go to the receiver
//! as requests, and time passes from one due moment to the next.

use data_encoding::BASE64;
use jiff::{SignedDuration, Timestamp};
use secrecy::SecretString;
use serde_json::json;
use simulators::ups::{Push, PushOutcome, V2Hook};
use waybill::domain::{ConnectionId, ParcelKey, Telling, TrackedParcel, TrackingEvent};
use waybill::flows::receive::{Receive, Reply};
use waybill::flows::remembered::Remembered;
use waybill::flows::renew::Renew;
use waybill::flows::track::Track;
use waybill::flows::track_poll::TrackPoll;
use waybill::flows::{order_status::OrderStatus, renew, track_poll};
use waybill::memory::Memory;
use waybill::ports::{Captures, Covers, Hook, Inbound, Parcels, Tellings};
use waybill::systems::webhooks::Vendors;

use std::sync::Arc;

use crate::world::{CONNECTION, Failure, World};

/// The id in the address of UPS's hook: 128 bits.
pub const UPS_HOOK: &str = "0123456789abcdef0123456789abcdef";

/// The id in the address of NetSuite's hook.
pub const NETSUITE_HOOK: &str = "fedcba9876543210fedcba9876543210";

/// What UPS sends along.
pub const CREDENTIAL: &str = "opaque-credential";

/// The address of our API, as carriers are told it.
pub const API: &str = "https://api.waybill.test";

/// How a change waits for others.
pub const TELL_AFTER: SignedDuration = SignedDuration::from_secs(5);

/// The schedules' tick: nothing that is due waits longer.
const TICK: SignedDuration = SignedDuration::from_mins(1);

/// How news come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ways {
    /// Pushes are delivered and the round is made.
    Both,
    /// Pushes are delivered; nobody asks the carrier but for what a push asks for.
    PushOnly,
    /// Pushes are thrown away.
    PollOnly,
}

/// Where parcels and all that is kept of them lie.
#[derive(Clone)]
pub struct Shelves {
    parcels: Arc<dyn Parcels>,
    covers: Arc<dyn Covers>,
    tellings: Arc<dyn Tellings>,
    captures: Arc<dyn Captures>,
}

impl Shelves {
    /// All of it in this store.
    pub fn of<S: Parcels + Covers + Tellings + Captures + 'static>(store: Arc<S>) -> Self {
        Self {
            parcels: store.clone(),
            covers: store.clone(),
            tellings: store.clone(),
            captures: store,
        }
    }

    pub(crate) fn memory(store: &Memory) -> Self {
        Self::of(Arc::new(store.clone()))
    }
}

impl World {
    /// UPS pushes to a hook of ours, as `track_alert` of the connection says (`v1`, `v2`).
    ///
    /// # Errors
    /// Never here.
    pub async fn push_by(&self, track_alert: &str) -> Result<(), Failure> {
        self.configure(|connection| connection.carrier.options = json!({ "track_alert": track_alert }));
        let keys = json!({
            "id": UPS_HOOK, "keys": [CREDENTIAL], "client_id": (track_alert == "v2").then_some("ups-portal"),
            "token_key": "a-key-for-tokens"
        });
        self.secret("waybill/test/acme/ups-hook", &keys).await?;
        self.hook(UPS_HOOK, "ups", &[]);
        let url = format!("{API}/hooks/{UPS_HOOK}");
        self.ups.configure(|options| {
            options.v2_hook = Some(V2Hook {
                token_url: Some(format!("{url}/token")),
                url,
                client_id: "ups-portal".to_owned(),
                client_secret: CREDENTIAL.to_owned(),
                x_api_key: None,
            });
        });
        Ok(())
    }

    /// Makes a hook for a system, called from these networks only.
    pub fn hook(&self, id: &str, system: &str, networks: &[&str]) {
        let hook = Hook {
            digest: Hook::digest_of(id),
            system: system.to_owned(),
            tenant: self.tenant(),
            credential: format!("waybill/test/acme/{system}"),
            secret: format!("waybill/test/acme/{system}-hook"),
            connections: vec![self.connection()],
            networks: networks.iter().map(|network| (*network).to_owned()).collect(),
            created_at: self.now(),
            retires_at: None,
        };
        self.store.tables().tracked.hooks.insert(hook.digest.clone(), hook);
    }

    fn connection(&self) -> ConnectionId {
        let tables = self.store.tables();
        let mut own = tables.connections.keys().filter(|id| id.as_str() == CONNECTION);
        own.next()
            .cloned()
            .unwrap_or_else(|| unreachable!("every story begins with it"))
    }

    fn tenant(&self) -> waybill::domain::TenantId {
        let tables = self.store.tables();
        let mut own = tables.connections.values();
        own.next()
            .map(|one| one.tenant.clone())
            .unwrap_or_else(|| unreachable!("every story begins with one"))
    }

    // ---- what Waybill does -----------------------------------------------------------------------------------------

    /// Who takes webhooks.
    pub fn receiver(&self) -> Receive {
        Receive {
            hooks: self.port(),
            webhooks: Arc::new(Vendors),
            secrets: self.vault.clone(),
            signing_keys: Arc::new(self.registry().published_keys(None)),
            captures: self.shelves.captures.clone(),
            queue: self.port(),
            clock: self.shared_clock(),
            nonces: self.nonces(),
            found: Remembered::default(),
            read: Remembered::default(),
        }
    }

    /// Who looks at webhooks and parcels.
    pub fn tracker(&self) -> Track {
        Track {
            parcels: self.shelves.parcels.clone(),
            covers: self.shelves.covers.clone(),
            tellings: self.shelves.tellings.clone(),
            documents: self.port(),
            controls: self.port(),
            connections: self.port(),
            systems: self.systems(),
            captures: self.shelves.captures.clone(),
            hooks: self.port(),
            webhooks: Arc::new(Vendors),
            poll: self.poller(),
            queue: self.port(),
            dead_letters: self.port(),
            clock: self.shared_clock(),
            nonces: self.nonces(),
            timing: self.timing.clone(),
            tell_after: TELL_AFTER,
        }
    }

    /// Who makes the minute's round.
    pub fn track_poller(&self) -> TrackPoll {
        TrackPoll {
            track: self.tracker(),
            cursors: self.port(),
            runs: self.port(),
        }
    }

    /// Who keeps promises of pushes.
    pub fn renewer(&self) -> Renew {
        Renew {
            track: self.tracker(),
            covers: self.shelves.covers.clone(),
        }
    }

    /// Who answers portals.
    pub fn portal(&self) -> OrderStatus {
        OrderStatus {
            connections: self.port(),
            directory: self.port(),
            parcels: self.port(),
            secrets: self.vault.clone(),
            limits: self.port(),
            clock: self.shared_clock(),
            read: Remembered::default(),
        }
    }

    /// Makes the round once.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn make_the_round(&self) -> Result<track_poll::Report, Failure> {
        Ok(self
            .track_poller()
            .run(track_poll::Lists::WhenDue, self.now() + TICK)
            .await?)
    }

    /// Asks for the promises that are due.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn renew(&self) -> Result<renew::Report, Failure> {
        Ok(self.renewer().run(self.now() + TICK).await?)
    }

    /// Works off every message about webhooks and parcels that is visible now.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn track(&self) -> Result<usize, Failure> {
        let (tracker, mut messages) = (self.tracker(), 0);
        while let Some(message) = self.store.receive_tracking() {
            tracker.deliver(&serde_json::to_string(&message)?).await?;
            messages += 1;
        }
        Ok(messages)
    }

    /// Sends what UPS pushes now to the receiver; answers the statuses.
    ///
    /// # Errors
    /// When a push cannot be sent.
    pub async fn take_pushes(&self) -> Result<Vec<u16>, Failure> {
        let mut statuses = Vec::new();
        for push in self.ups.due_pushes() {
            let reply = self.push(&push).await?;
            self.ups.record_push(&push, PushOutcome::Answered(reply.status));
            statuses.push(reply.status);
        }
        Ok(statuses)
    }

    /// UPS pushes that something has just happened to a parcel, whether it is subscribed to or not; answers the status.
    ///
    /// # Errors
    /// Never here.
    pub async fn send_news(&self, number: &str, kind: &str, code: &str, status: &str) -> Result<u16, Failure> {
        let now = self.now();
        let event = json!({
            "trackingNumber": number, "activityStatus": { "type": kind, "code": code, "descriptionCode": status },
            "gmtActivityDate": now.strftime("%Y%m%d").to_string(), "gmtActivityTime": now.strftime("%H%M%S").to_string(),
            "gmtOffset": "-05.00"
        });
        let inbound = Inbound {
            hook: UPS_HOOK.to_owned().into(),
            headers: vec![("credential".to_owned(), CREDENTIAL.to_owned())],
            body: event.to_string().into_bytes(),
            source: None,
        };
        Ok(self.receiver().run(inbound).await.status)
    }

    async fn push(&self, push: &Push) -> Result<Reply, Failure> {
        let mut headers = push.headers.clone();
        if let Some(portal) = &push.oauth {
            let basic = BASE64.encode(format!("{}:{}", portal.client_id, portal.client_secret).as_bytes());
            let asked = Inbound {
                hook: hook_in(&push.url),
                headers: vec![("authorization".to_owned(), format!("Basic {basic}"))],
                body: b"grant_type=client_credentials".to_vec(),
                source: None,
            };
            let token: serde_json::Value = serde_json::from_str(&self.receiver().token(asked).await.body)?;
            let token = token
                .get("access_token")
                .and_then(serde_json::Value::as_str)
                .unwrap_or_default();
            headers.push(("authorization".to_owned(), format!("Bearer {token}")));
            headers.push(("x-api-key".to_owned(), portal.client_id.clone()));
        }
        let inbound = Inbound {
            hook: hook_in(&push.url),
            headers,
            body: push.body.clone().into_bytes(),
            source: None,
        };
        Ok(self.receiver().run(inbound).await)
    }

    /// Lets so much time pass for parcels, with everything that falls due in it done when it is due, and at most an hour
    /// between two looks at what the carrier pushes.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn follow(&self, time: SignedDuration, ways: Ways) -> Result<(), Failure> {
        let end = self.now() + time;
        loop {
            self.tick(ways).await?;
            let now = self.now();
            if now >= end {
                return Ok(());
            }
            // What fell due during this tick is done at the next.
            let due = self.next_tracking().map(|due| if due > now { due } else { now + TICK });
            let next = due.unwrap_or(end).min(now + SignedDuration::from_mins(30)).min(end);
            self.clock.set(next.max(now + SignedDuration::from_secs(1)));
        }
    }

    /// One round of everything that has to do with parcels.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn tick(&self, ways: Ways) -> Result<(), Failure> {
        match ways {
            Ways::PollOnly => drop(self.ups.due_pushes()),
            Ways::Both | Ways::PushOnly => drop(self.take_pushes().await?),
        }
        self.renew().await?;
        self.make_the_round().await?;
        self.track().await?;
        Ok(())
    }

    fn next_tracking(&self) -> Option<Timestamp> {
        let tables = self.store.tables();
        let parcels = tables.tracked.parcels.values().filter_map(TrackedParcel::due_at);
        let covers = tables.tracked.covers.values().map(|cover| cover.renew_at);
        let captures = tables.tracked.captures.values().filter_map(|(_, due)| *due);
        let queue = tables.tracked.queue.iter().map(|(_, visible_at)| *visible_at);
        parcels.chain(covers).chain(captures).chain(queue).min()
    }

    // ---- what came of it -------------------------------------------------------------------------------------------

    /// The parcels of an order, in the order of their numbers.
    pub fn parcels(&self, order: u64) -> Vec<TrackedParcel> {
        let jobs: Vec<_> = self.jobs(order).into_iter().map(|job| job.id).collect();
        let tables = self.store.tables();
        let own = tables
            .tracked
            .parcels
            .values()
            .filter(|parcel| jobs.contains(&parcel.job));
        own.cloned().collect()
    }

    /// What is kept of the events of a parcel.
    pub fn events(&self, key: &ParcelKey) -> Vec<TrackingEvent> {
        self.store.tables().tracked.events_of(key)
    }

    /// What the ERP was told of an order's delivery.
    pub fn telling(&self, order: u64) -> Telling {
        let document = waybill::domain::DocumentId::sales_order(order.to_string());
        let tables = self.store.tables();
        let mut own = tables.tracked.tellings.iter().filter(|((_, of), _)| *of == document);
        own.next().map(|(_, telling)| telling.clone()).unwrap_or_default()
    }
}

fn hook_in(url: &str) -> SecretString {
    url.trim_end_matches("/token")
        .rsplit('/')
        .next()
        .unwrap_or_default()
        .to_owned()
        .into()
}
