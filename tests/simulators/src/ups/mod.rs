//! The simulated UPS: accounts that ship, are billed, and whose parcels travel.
//!
//! Follows UPS's published OpenAPI files (OAuth client credentials, Address Validation v2, Rating and Shipping v2409
//! with Void and Label Recovery, Tracking v1, Track Alert v1 and v2, Quantum View v3). Where UPS is known to deviate from its
//! own files, an [`Options`] field turns the deviation on.
//!
//! Track Alert's pushes lie in an outbox until they are due. A test in the same process takes them by [`Ups::due_pushes`];
//! where Waybill listens on a port, [`courier`] carries them there.

mod actions;
mod address_validation;
mod answer;
mod books;
mod call;
mod courier;
mod journey;
mod label_recovery;
mod labels;
mod model;
mod number;
mod oauth;
mod prices;
mod push;
mod quantum_view;
mod rating;
mod ship_rules;
mod shipping;
mod subscription;
mod track_alert;
mod tracking;
mod void;

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::routing::{delete, get, post};
use http::Method;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use crate::carriers::places::Address;
pub use books::{Books, TokenEntry};
pub use courier::courier;
pub use journey::{Event, EventKind};
pub use model::{Package, Reference, Shipment};
pub use push::{Push, PushBooks, PushEntry, PushOutcome, Told};
pub use subscription::{Generation, Level, Subscription};

use crate::carriers::{addresses, places, read};
use crate::server::{Base, Local, Serving, Simulator, local, serve};
use model::State;

/// How the simulated UPS behaves; changed while it runs by [`Ups::configure`] or `POST /_control/options`.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Options {
    /// Who may ask for tokens.
    pub clients: Vec<Client>,
    /// Seconds a token lives.
    pub token_life_s: u32,
    /// Tokens per client in any 24 hours; the next is refused with 429.
    pub token_limit_per_day: u32,
    /// Seconds until a billed shipment is found by label recovery and by reference.
    pub index_lag_s: u32,
    /// How tracking says that it does not know a number.
    pub not_found: NotFound,
    /// Arrays of one element come as that element.
    pub collapse_single: bool,
    /// Numeric strings come as JSON numbers.
    pub numbers_as_numbers: bool,
    /// Label recovery answers a single package as an object instead of an array.
    pub single_label_as_object: bool,
    /// Label recovery writes the image format in lower case.
    pub lower_case_format: bool,
    /// Label recovery refuses several matches (300001) instead of naming candidates.
    pub refuse_several_matches: bool,
    /// Void names the package list `PackageLevelResult` instead of `PackageLevelResults`.
    pub void_result_singular: bool,
    /// Void stops after so many days.
    pub void_window_days: u32,
    /// The international form is left out of the ship answer.
    pub omit_form: bool,
    /// Negotiated charges are granted when asked for.
    pub negotiated_rates: bool,
    /// Accounts that cannot be billed.
    pub unbillable_accounts: Vec<String>,
    /// Seconds between the steps of a parcel's journey; left out: parcels move only when told to.
    pub auto_progress_s: Option<u32>,
    /// A limit on API calls per client; UPS publishes none.
    pub rate_limit: Option<RateLimit>,
    /// The name of the account's Quantum View subscription; left out: it has none.
    pub quantum_view: Option<String>,
    /// Files on a page of Quantum View.
    pub quantum_view_files_per_page: u32,
    /// Events in a file of Quantum View.
    pub quantum_view_events_per_file: u32,
    /// Seconds until an event is in a file of Quantum View.
    pub quantum_view_lag_s: u32,
    /// Tracking writes `gmtTime` without its leading zero and then without colons: `74700`.
    pub loose_gmt_time: bool,
    /// Track Alert refuses well-formed numbers that it has never seen; UPS subscribes them.
    pub refuse_unknown_numbers: bool,
    /// Days that a Track Alert subscription lives.
    pub subscription_days: u32,
    /// Seconds that a Track Alert subscription lives, in place of the days.
    pub subscription_life_s: Option<u32>,
    /// Events are pushed; what happens while this is off never is.
    pub push: bool,
    /// Every so-manieth push is lost on its way.
    pub push_lose_every: Option<u32>,
    /// Every so-manieth push is sent twice.
    pub push_twice_every: Option<u32>,
    /// Seconds from an event to its push.
    pub push_delay_s: u32,
    /// Every so-manieth push is later than the others, and so overtaken by them.
    pub push_late_every: Option<u32>,
    /// By how many seconds it is later.
    pub push_late_s: u32,
    /// Bytes of the photo that the push of a delivery carries, whatever the kind of subscription; left out or nought: no photo.
    pub photo_bytes: u32,
    /// The webhook registered in the portal, where the pushes of v2 subscriptions go; left out: they are lost.
    pub v2_hook: Option<V2Hook>,
}

/// A webhook as it is registered in UPS's portal.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct V2Hook {
    /// Where events are posted.
    pub url: String,
    /// Where a token is asked for by client credentials; left out: events come without a token.
    pub token_url: Option<String>,
    /// The client id that UPS asks with.
    pub client_id: String,
    /// The client secret that UPS asks with.
    pub client_secret: String,
    /// What the header `x-api-key` says; left out: the client id, if there is a token.
    pub x_api_key: Option<String>,
}

/// An application registered with UPS.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Client {
    /// The client id.
    pub id: String,
    /// The client secret.
    pub secret: String,
    /// The shipper accounts it may use; empty: any.
    #[serde(default)]
    pub accounts: Vec<String>,
}

/// How an unknown tracking number is answered.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum NotFound {
    /// HTTP 404 with an error body.
    #[default]
    Http404,
    /// HTTP 200 with the warning TW0001 and no package.
    Warning,
}

/// So many calls in so many seconds.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct RateLimit {
    /// Calls allowed.
    pub requests: u32,
    /// The window in seconds.
    pub per_s: u32,
    /// Seconds in a `Retry-After` header; left out: no header, as UPS does.
    #[serde(default)]
    pub retry_after: Option<u64>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            clients: vec![Client {
                id: "ups-client".into(),
                secret: "ups-secret".into(),
                accounts: Vec::new(),
            }],
            token_life_s: 3599,
            token_limit_per_day: 250,
            index_lag_s: 0,
            not_found: NotFound::default(),
            collapse_single: false,
            numbers_as_numbers: false,
            single_label_as_object: false,
            lower_case_format: false,
            refuse_several_matches: false,
            void_result_singular: false,
            void_window_days: 28,
            omit_form: false,
            negotiated_rates: true,
            unbillable_accounts: Vec::new(),
            auto_progress_s: None,
            rate_limit: None,
            quantum_view: Some("OutboundXML".into()),
            quantum_view_files_per_page: 2,
            quantum_view_events_per_file: 10,
            quantum_view_lag_s: 0,
            loose_gmt_time: false,
            refuse_unknown_numbers: false,
            subscription_days: 14,
            subscription_life_s: None,
            push: true,
            push_lose_every: None,
            push_twice_every: None,
            push_delay_s: 0,
            push_late_every: None,
            push_late_s: 0,
            photo_bytes: 0,
            v2_hook: None,
        }
    }
}

impl Client {
    fn may_use(&self, account: &str) -> bool {
        self.accounts.is_empty()
            || self
                .accounts
                .iter()
                .any(|allowed| allowed.eq_ignore_ascii_case(account))
    }
}

/// The simulated UPS; clones are the same UPS.
#[derive(Clone, Debug)]
pub struct Ups {
    base: Base,
    state: Arc<Mutex<State>>,
    initial: Arc<Options>,
}

/// A UPS that is being served: stops when dropped.
#[derive(Debug)]
pub struct Running {
    /// The UPS itself, for books and actions in process.
    pub ups: Ups,
    /// Its base URL; the API lies under `/api`, OAuth under `/security`.
    pub url: String,
    /// The server.
    pub serving: Serving,
}

impl Ups {
    /// Starts a UPS on 127.0.0.1; `port` 0 takes any free one.
    ///
    /// # Errors
    /// When the port cannot be listened on.
    pub async fn start(options: Options, base: Base, port: u16) -> io::Result<Running> {
        let state = Arc::new(Mutex::new(State::new(options.clone())));
        let ups = Self {
            base: base.clone(),
            state,
            initial: Arc::new(options),
        };
        let serving = serve(Arc::new(ups.clone()), routes(ups.clone()), base, port).await?;
        Ok(Running {
            ups,
            url: serving.url(),
            serving,
        })
    }

    /// A UPS in this process, and how to ask it without sockets.
    pub fn here(options: Options, base: Base) -> (Self, Local) {
        let state = Arc::new(Mutex::new(State::new(options.clone())));
        let ups = Self {
            base: base.clone(),
            state,
            initial: Arc::new(options),
        };
        let local = local(Arc::new(ups.clone()), routes(ups.clone()), base);
        (ups, local)
    }

    /// What was billed after the first so many shipments.
    pub fn billed_after(&self, count: usize) -> Vec<Shipment> {
        self.state().shipments.iter().skip(count).cloned().collect()
    }

    /// Every token that was given out.
    pub fn tokens(&self) -> Vec<String> {
        self.state().tokens.iter().map(|token| token.value.clone()).collect()
    }

    /// When each of a client's tokens was given out.
    pub fn tokens_of(&self, client: &str) -> Vec<Timestamp> {
        let state = self.state();
        let own = state.tokens.iter().filter(|token| token.client_id == client);
        own.map(|token| token.issued_at).collect()
    }

    /// Clock, faults and request log.
    pub fn base(&self) -> &Base {
        &self.base
    }

    fn now(&self) -> Timestamp {
        self.base.clock.now()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn routes(ups: Ups) -> Router {
    Router::new()
        .route("/security/v1/oauth/token", post(oauth::token))
        .route("/api/addressvalidation/v2/{option}", post(address_validation::validate))
        .route("/api/rating/v2409/{option}", post(rating::rate))
        .route("/api/shipments/v2409/ship", post(shipping::ship))
        .route("/api/shipments/v2409/void/cancel/{shipment}", delete(void::cancel))
        .route("/api/labels/v1903/recovery", post(label_recovery::recover))
        .route("/api/track/v1/details/{number}", get(tracking::by_number))
        .route("/api/track/v1/shipment/details/{number}", get(tracking::by_shipment))
        .route(
            "/api/track/v1/reference/details/{reference}",
            get(tracking::by_reference),
        )
        .route(
            "/api/track/v1/subscription/{level}/package",
            post(track_alert::subscribe_v1),
        )
        .route(
            "/api/track/v2/subscription/{level}/package",
            post(track_alert::subscribe_v2),
        )
        .route("/api/quantumview/v3/events", post(quantum_view::events))
        .merge(actions::routes())
        .fallback(actions::unknown_path)
        .with_state(ups)
}

impl Simulator for Ups {
    fn operation(&self, method: &Method, path: &str) -> &'static str {
        let places: Vec<&str> = path.trim_start_matches('/').split('/').collect();
        match (method.as_str(), places.as_slice()) {
            ("POST", ["security", "v1", "oauth", "token"]) => "token",
            ("POST", ["api", "addressvalidation", ..]) => "address_validation",
            ("POST", ["api", "rating", ..]) => "rate",
            ("POST", ["api", "shipments", _, "ship"]) => "ship",
            ("DELETE", ["api", "shipments", _, "void", ..]) => "void",
            ("POST", ["api", "labels", ..]) => "label_recovery",
            ("GET", ["api", "track", "v1", "details", ..]) => "track",
            ("GET", ["api", "track", "v1", "shipment", ..]) => "track_shipment",
            ("GET", ["api", "track", "v1", "reference", ..]) => "track_reference",
            ("POST", ["api", "track", "v1", "subscription", ..]) => "subscribe_v1",
            ("POST", ["api", "track", "v2", "subscription", ..]) => "subscribe_v2",
            ("POST", ["api", "quantumview", ..]) => "quantum_view",
            _ => "unknown",
        }
    }

    fn error_body(&self, status: u16) -> Value {
        match status {
            401 => answer::envelope("250002", "Invalid Authentication Information."),
            403 => answer::envelope("10403", "Blocked Merchant"),
            429 => answer::envelope("10429", "Too Many Requests"),
            _ => answer::envelope("20001", "A transient general failure occurred."),
        }
    }

    fn expire_tokens(&self) {
        self.state().tokens.iter_mut().for_each(|token| token.revoked = true);
    }

    fn books(&self) -> Value {
        serde_json::to_value(self.read_books()).unwrap_or_default()
    }

    fn reset(&self) {
        *self.state() = State::new(Options::clone(&self.initial));
    }
}
