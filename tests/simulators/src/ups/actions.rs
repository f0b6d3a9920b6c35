//! What people and the carrier do in the simulated UPS, in process or by control routes.
//!
//! | Route | Body | Does |
//! |---|---|---|
//! | `POST /_control/events` | `{"number":"1Z..","events":["picked_up","delivered"]}` | these happen to the parcel now |
//! | `POST /_control/options` | any fields of [`Options`] | changes how it behaves |
//! | `POST /_control/expire_tokens` | | no token given out so far is accepted any more |

use axum::Json;
use axum::Router;
use axum::extract::State as Shared;
use axum::routing::post;
use http::StatusCode;
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::answer::Refusal;
use super::books::Books;
use super::journey::{EventKind, SMOOTH};
use super::model::Shipment;
use super::{Options, Ups};
use crate::server::Simulator;

impl Ups {
    /// What really happened.
    pub fn read_books(&self) -> Books {
        let mut state = self.state();
        state.progress(self.now());
        Books::of(&state, self.base.requests.counts())
    }

    /// Changes how it behaves.
    pub fn configure(&self, change: impl FnOnce(&mut Options)) {
        change(&mut self.state().options);
    }

    /// Lets these events happen to a parcel, a second apart, the last of them now or as soon as the parcel's earlier
    /// events leave room; false if there is no such parcel.
    pub fn happen(&self, number: &str, events: &[EventKind]) -> bool {
        let now = self.now();
        let mut state = self.state();
        state.progress(now);
        let Some(shipment) = state.with_number(number) else {
            return false;
        };
        let start = start_of(shipment, number, events.len(), now);
        (0_i64..)
            .zip(events)
            .all(|(second, kind)| state.happen(number, *kind, start + SignedDuration::from_secs(second)))
    }

    /// Somebody buys a shipment beside Waybill: a copy of one that is there, under another reference; its number, or nothing if
    /// there is no such shipment.
    pub fn copy(&self, number: &str, reference: &str) -> Option<String> {
        let now = self.now();
        let mut state = self.state();
        let mut shipment = state.with_number(number)?.clone();
        let (account, service) = (shipment.account.clone(), shipment.service.clone());
        for package in &mut shipment.packages {
            package.tracking_number = state.next_number(&account, &service);
            package.voided_at = None;
            package.events.clear();
        }
        shipment.id = shipment.packages.first()?.tracking_number.clone();
        for one in &mut shipment.references {
            one.value = reference.to_owned();
        }
        shipment.billed_at = now;
        let id = shipment.id.clone();
        state.shipments.push(shipment);
        Some(id)
    }

    /// Somebody voids a shipment at the carrier's own counter; false if there is none.
    pub fn void_by_hand(&self, number: &str) -> bool {
        let now = self.now();
        let mut state = self.state();
        let Some(shipment) = state.with_number_mut(number) else {
            return false;
        };
        let numbers: Vec<String> = shipment
            .packages
            .iter()
            .map(|one| one.tracking_number.clone())
            .collect();
        for package in &mut shipment.packages {
            package.voided_at = Some(now);
        }
        numbers
            .iter()
            .all(|number| state.happen(number, EventKind::Voided, now))
    }

    /// A shipment vanishes from the carrier's books, as if it had never been made.
    pub fn forget(&self, number: &str) {
        self.state().shipments.retain(|shipment| shipment.id != number);
    }

    /// Takes a parcel from where it is to its delivery; false if there is no such parcel.
    pub fn deliver(&self, number: &str) -> bool {
        self.happen(number, &SMOOTH)
    }
}

/// When the first of `count` events a second apart happens.
fn start_of(shipment: &Shipment, number: &str, count: usize, now: Timestamp) -> Timestamp {
    let span = SignedDuration::from_secs(i64::try_from(count).unwrap_or_default() - 1);
    let package = shipment
        .packages
        .iter()
        .find(|package| package.tracking_number == number);
    let last = package.and_then(|package| package.events.last()).map(|event| event.at);
    last.map_or(now - span, |last| (now - span).max(last + SignedDuration::from_secs(1)))
}

/// The control routes of this simulator's own.
pub(super) fn routes() -> Router<Ups> {
    Router::new()
        .route("/_control/events", post(make_happen))
        .route("/_control/options", post(set_options))
        .route("/_control/expire_tokens", post(expire))
}

#[derive(Deserialize)]
struct Happening {
    number: String,
    events: Vec<EventKind>,
}

async fn make_happen(Shared(ups): Shared<Ups>, Json(happening): Json<Happening>) -> Result<Json<Value>, StatusCode> {
    if ups.happen(&happening.number, &happening.events) {
        Ok(Json(json!({ "number": happening.number, "events": happening.events })))
    } else {
        Err(StatusCode::NOT_FOUND)
    }
}

async fn set_options(Shared(ups): Shared<Ups>, Json(changes): Json<Map<String, Value>>) -> Result<Json<Value>, String> {
    let mut state = ups.state();
    let mut options = serde_json::to_value(&state.options).map_err(|error| error.to_string())?;
    if let Value::Object(fields) = &mut options {
        fields.extend(changes);
    }
    state.options = serde_json::from_value(options.clone()).map_err(|error| error.to_string())?;
    Ok(Json(options))
}

async fn expire(Shared(ups): Shared<Ups>) -> Json<Value> {
    ups.expire_tokens();
    Json(json!({ "expired": true }))
}

/// A path that UPS does not serve.
pub(super) async fn unknown_path() -> Refusal {
    Refusal::new(StatusCode::NOT_FOUND, "10404", "Invalid resource path")
}
