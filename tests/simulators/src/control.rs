//! The control routes that every simulator has, under `/_control/`: for tests and people, never for the product.
//!
//! | Route | Body or query | Does |
//! |---|---|---|
//! | `POST clock` | `{"advance_s":n}`, `{"set":"2026-07-21T12:00:00Z"}`, `{"freeze":true}` or several at once | turns the clock; answers `{"now","frozen"}` |
//! | `GET clock` | | the clock |
//! | `POST faults` | `{"faults":[...]}` | puts these faults in force in place of all others |
//! | `GET faults` | | the faults in force and how often they struck |
//! | `GET books` | | what really happened |
//! | `GET requests` | `?op=ship&bodies=true` | counts and the latest requests |
//! | `POST reset` | | books, faults and request log to the state of the start |

use std::sync::Arc;

use axum::extract::{Query, State};
use axum::routing::{get, post};
use axum::{Json, Router};
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::clock::Clock;
use crate::faults::Fault;
use crate::server::{Base, Simulator};

#[derive(Clone)]
struct Desk {
    simulator: Arc<dyn Simulator>,
    base: Base,
}

/// The routes; the server adds them to the simulator's own.
pub(crate) fn routes(simulator: Arc<dyn Simulator>, base: Base) -> Router {
    Router::new()
        .route("/_control/clock", get(show_clock).post(turn_clock))
        .route("/_control/faults", get(show_faults).post(plan_faults))
        .route("/_control/books", get(show_books))
        .route("/_control/requests", get(show_requests))
        .route("/_control/reset", post(reset))
        .with_state(Desk { simulator, base })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Turn {
    freeze: Option<bool>,
    set: Option<Timestamp>,
    advance_s: Option<i64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Plan {
    faults: Vec<Fault>,
}

#[derive(Deserialize)]
struct Wanted {
    op: Option<String>,
    #[serde(default)]
    bodies: bool,
}

async fn show_clock(State(desk): State<Desk>) -> Json<Value> {
    clock_face(&desk.base.clock)
}

async fn turn_clock(State(desk): State<Desk>, Json(turn): Json<Turn>) -> Json<Value> {
    let clock = &desk.base.clock;
    match turn.freeze {
        Some(true) => clock.freeze(),
        Some(false) => clock.thaw(),
        None => {}
    }
    if let Some(at) = turn.set {
        clock.set(at);
    }
    if let Some(seconds) = turn.advance_s {
        clock.advance(SignedDuration::from_secs(seconds));
    }
    clock_face(clock)
}

fn clock_face(clock: &Clock) -> Json<Value> {
    Json(json!({ "now": clock.now(), "frozen": clock.is_frozen() }))
}

async fn show_faults(State(desk): State<Desk>) -> Json<Value> {
    Json(json!({ "faults": desk.base.faults.report() }))
}

async fn plan_faults(State(desk): State<Desk>, Json(plan): Json<Plan>) -> Json<Value> {
    desk.base.faults.replace(plan.faults);
    Json(json!({ "faults": desk.base.faults.report() }))
}

async fn show_books(State(desk): State<Desk>) -> Json<Value> {
    Json(desk.simulator.books())
}

async fn show_requests(State(desk): State<Desk>, Query(wanted): Query<Wanted>) -> Json<Value> {
    let mut latest = desk.base.requests.latest(wanted.op.as_deref());
    if !wanted.bodies {
        latest.iter_mut().for_each(|record| record.body.clear());
    }
    Json(json!({ "counts": desk.base.requests.counts(), "requests": latest }))
}

async fn reset(State(desk): State<Desk>) -> Json<Value> {
    desk.base.faults.clear();
    desk.base.requests.clear();
    desk.simulator.reset();
    Json(json!({ "reset": true }))
}
