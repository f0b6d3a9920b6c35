//! What people and the carrier do in the simulated FedEx, in process or by control routes.
//!
//! | Route | Body | Does |
//! |---|---|---|
//! | `POST /_control/events` | `{"number":"7949..","events":["picked_up","delivered"]}` | these happen now |
//! | `POST /_control/options` | any fields of [`Options`] | changes how it behaves |
//! | `POST /_control/expire_tokens` | | no token given out so far is accepted any more |
//! | `POST /_control/webhook` | a [`Webhook`] | registers it as the portal does |

use axum::Json;
use axum::Router;
use axum::extract::State as Shared;
use axum::routing::post;
use http::StatusCode;
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::answer::Refusal;
use super::model::Shipment;
use super::{Books, EventKind, FedEx, Options, Webhook};
use crate::carriers::journey::SMOOTH;
use crate::server::Simulator;

impl FedEx {
    /// What really happened.
    pub fn read_books(&self) -> Books {
        Books::of(&self.current(), self.base.requests.counts())
    }

    /// How many requests asked for an operation (`token`, `ship`, `ship_results`, `validate`, `cancel`, `rate`,
    /// `address_validation`, `track`, `track_reference`, `track_associated`, `document`).
    pub fn asked(&self, operation: &str) -> u64 {
        self.base.requests.count(operation)
    }

    /// What was billed after the first so many shipments.
    pub fn billed_after(&self, count: usize) -> Vec<Shipment> {
        self.state().shipments().skip(count).cloned().collect()
    }

    /// Every token that was given out.
    pub fn tokens(&self) -> Vec<String> {
        self.state().tokens.iter().map(|token| token.value.clone()).collect()
    }

    /// When each of a project's tokens was given out.
    pub fn tokens_of(&self, project: &str) -> Vec<Timestamp> {
        let state = self.state();
        let own = state.tokens.iter().filter(|token| token.project == project);
        own.map(|token| token.issued_at).collect()
    }

    /// Changes how it behaves.
    pub fn configure(&self, change: impl FnOnce(&mut Options)) {
        change(&mut self.state().options);
    }

    /// Lets these events happen to the latest parcel with this number, a second apart, the last of them now or as soon
    /// as the parcel's earlier events leave room; false if there is no such parcel.
    pub fn happen(&self, number: &str, events: &[EventKind]) -> bool {
        let now = self.now();
        let mut state = self.current();
        let Some(shipment) = state.with_number(number).next() else {
            return false;
        };
        let start = start_of(shipment, number, events.len(), now);
        (0_i64..)
            .zip(events)
            .all(|(second, kind)| state.happen(number, *kind, start + SignedDuration::from_secs(second)))
    }

    /// Takes a parcel from where it is to its delivery; false if there is no such parcel.
    pub fn deliver(&self, number: &str) -> bool {
        self.happen(number, &SMOOTH)
    }

    /// Somebody buys a shipment beside Waybill: a copy of one that is there, under another reference; its master
    /// number, or nothing if there is no such shipment.
    pub fn copy(&self, number: &str, reference: &str) -> Option<String> {
        let now = self.now();
        let mut state = self.state();
        let mut shipment = state.with_number(number).next()?.clone();
        shipment.serial = state.next_serial();
        for package in &mut shipment.packages {
            package.tracking_number = state.next_number();
            package.events.truncate(1);
            for event in &mut package.events {
                event.at = now;
            }
            for one in &mut package.references {
                one.value = reference.to_owned();
            }
        }
        shipment.master = shipment.packages.first()?.tracking_number.clone();
        shipment.billed_at = now;
        shipment.cancelled_at = None;
        let master = shipment.master.clone();
        state.bill(shipment);
        Some(master)
    }

    /// Somebody cancels a shipment beside Waybill; false if there is none.
    pub fn cancel_by_hand(&self, number: &str) -> bool {
        let now = self.now();
        let mut state = self.state();
        let serial = state.with_number(number).next().map(|shipment| shipment.serial);
        serial.map(|serial| state.cancel(serial, now)).is_some()
    }

    /// A shipment vanishes from the carrier's books, as if it had never been made.
    pub fn forget(&self, number: &str) {
        let mut state = self.state();
        let serial = state.with_number(number).next().map(|shipment| shipment.serial);
        if let Some(serial) = serial {
            state.forget(serial);
        }
    }
}

/// When the first of `count` events a second apart happens.
fn start_of(shipment: &Shipment, number: &str, count: usize, now: Timestamp) -> Timestamp {
    let span = SignedDuration::from_secs(i64::try_from(count).unwrap_or_default() - 1);
    let mut packages = shipment.packages.iter();
    let package = packages.find(|package| package.tracking_number == number);
    let last = package.and_then(|package| package.events.last()).map(|event| event.at);
    last.map_or(now - span, |last| (now - span).max(last + SignedDuration::from_secs(1)))
}

/// The control routes of this simulator's own.
pub(super) fn routes() -> Router<FedEx> {
    Router::new()
        .route("/_control/events", post(make_happen))
        .route("/_control/options", post(set_options))
        .route("/_control/expire_tokens", post(expire))
        .route("/_control/webhook", post(register))
}

#[derive(Deserialize)]
struct Happening {
    number: String,
    events: Vec<EventKind>,
}

async fn make_happen(
    Shared(fedex): Shared<FedEx>,
    Json(happening): Json<Happening>,
) -> Result<Json<Value>, StatusCode> {
    if fedex.happen(&happening.number, &happening.events) {
        Ok(Json(json!({ "number": happening.number, "events": happening.events })))
    } else {
        Err(StatusCode::NOT_FOUND)
    }
}

async fn set_options(
    Shared(fedex): Shared<FedEx>,
    Json(changes): Json<Map<String, Value>>,
) -> Result<Json<Value>, (StatusCode, String)> {
    let bad = |error: serde_json::Error| (StatusCode::BAD_REQUEST, error.to_string());
    let mut state = fedex.state();
    let mut options = serde_json::to_value(&state.options).map_err(bad)?;
    if let Value::Object(fields) = &mut options {
        fields.extend(changes);
    }
    state.options = serde_json::from_value(options.clone()).map_err(bad)?;
    Ok(Json(options))
}

async fn expire(Shared(fedex): Shared<FedEx>) -> Json<Value> {
    fedex.expire_tokens();
    Json(json!({ "expired": true }))
}

async fn register(
    Shared(fedex): Shared<FedEx>,
    Json(webhook): Json<Webhook>,
) -> Result<Json<Value>, (StatusCode, &'static str)> {
    let registered = fedex.register_webhook(webhook);
    registered.map_err(|fault| (StatusCode::CONFLICT, fault))?;
    Ok(Json(json!({ "registered": true })))
}

/// A path that FedEx does not serve.
pub(super) async fn unknown_path() -> Refusal {
    Refusal::new(StatusCode::NOT_FOUND, "NOT.FOUND.ERROR", "There is no such resource")
}

/// A path that FedEx serves by another method.
pub(super) async fn wrong_method() -> Refusal {
    Refusal::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "METHOD.NOT.ALLOWED.ERROR",
        "The method is not one of that resource",
    )
}
