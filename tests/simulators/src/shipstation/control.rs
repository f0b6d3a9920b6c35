//! The control routes of this simulator's own: people at work, options, notices.
//!
//! | Route | Body | Does |
//! |---|---|---|
//! | `POST /_control/act` | an [`Act`] | a person does that; answers what came of it, or 409 and why not |
//! | `GET /_control/orders` | | ids, numbers, keys, status and parts |
//! | `POST /_control/options` | any fields of [`Options`](super::Options) | changes how it behaves; answers all |
//! | `POST /_control/subscribe` | `{"api":2,"event":"label_created_v2","url":"http://..."}` | subscribes, as in the settings |
//! | `POST /_control/due_pushes` | | what would be posted now: `[{"url","headers","body"}]`, each once |

use axum::extract::State as Shared;
use axum::routing::{get, post};
use axum::{Json, Router};
use http::StatusCode;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::ShipStation;
use super::acting::Act;

/// The routes.
pub(super) fn routes() -> Router<ShipStation> {
    Router::new()
        .route("/_control/act", post(act))
        .route("/_control/orders", get(orders))
        .route("/_control/options", post(set_options))
        .route("/_control/subscribe", post(subscribe))
        .route("/_control/due_pushes", post(due_pushes))
}

async fn act(
    Shared(shipstation): Shared<ShipStation>,
    Json(act): Json<Act>,
) -> Result<Json<Value>, (StatusCode, String)> {
    let done = shipstation.act(act);
    done.map(Json).map_err(|words| (StatusCode::CONFLICT, words))
}

async fn orders(Shared(shipstation): Shared<ShipStation>) -> Json<Value> {
    let state = shipstation.state();
    let orders = state.orders.values().map(|order| {
        json!({
            "id": order.id,
            "number": order.number,
            "key": order.key,
            "store": order.store,
            "status": order.status(),
            "parts": order.parts,
        })
    });
    Json(Value::Array(orders.collect()))
}

async fn set_options(
    Shared(shipstation): Shared<ShipStation>,
    Json(changes): Json<Map<String, Value>>,
) -> Result<Json<Value>, (StatusCode, String)> {
    let bad = |error: serde_json::Error| (StatusCode::BAD_REQUEST, error.to_string());
    let mut state = shipstation.state();
    let mut options = serde_json::to_value(&state.options).map_err(bad)?;
    if let Value::Object(fields) = &mut options {
        fields.extend(changes);
    }
    state.options = serde_json::from_value(options.clone()).map_err(bad)?;
    Ok(Json(options))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Subscription {
    api: u8,
    event: String,
    url: String,
}

async fn subscribe(Shared(shipstation): Shared<ShipStation>, Json(wanted): Json<Subscription>) -> Json<Value> {
    let id = shipstation.subscribe(wanted.api, &wanted.event, &wanted.url);
    Json(json!({ "id": id }))
}

async fn due_pushes(Shared(shipstation): Shared<ShipStation>) -> Json<Value> {
    let pushes = shipstation.due_pushes();
    let told = pushes
        .iter()
        .map(|push| json!({ "url": push.url, "headers": push.headers, "body": push.body }));
    Json(Value::Array(told.collect()))
}
