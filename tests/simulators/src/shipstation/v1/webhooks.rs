//! `/webhooks`: subscriptions to notices that nobody signs.

use axum::extract::{Path, State as Shared};
use axum::response::IntoResponse;
use bytes::Bytes;
use http::StatusCode;
use serde_json::{Value, json};

use super::super::ShipStation;
use super::super::answer::{Api, Refusal, Reply, ok};
use super::super::asked::{object, owned, text, unknown_key};
use super::super::model::{Hook, Id, Kind};

const EVENTS: &[&str] = &[
    "FULFILLMENT_REJECTED",
    "FULFILLMENT_SHIPPED",
    "ITEM_ORDER_NOTIFY",
    "ITEM_SHIP_NOTIFY",
    "ORDER_NOTIFY",
    "SHIP_NOTIFY",
];

/// `GET /webhooks`.
pub(super) async fn list(Shared(shipstation): Shared<ShipStation>) -> Reply {
    let state = shipstation.state();
    let hooks: Vec<Value> = state.hooks.iter().filter(|hook| hook.api == 1).map(shown).collect();
    Ok(ok(json!({ "webhooks": hooks })))
}

fn shown(hook: &Hook) -> Value {
    json!({
        "IsLabelAPIHook": false,
        "WebHookID": hook.id,
        "SellerID": 100_001,
        "StoreID": hook.store,
        "HookType": hook.event,
        "MessageFormat": "Json",
        "Url": hook.url,
        "Name": hook.name,
        "BulkCopyBatchID": null,
        "BulkCopyRecordID": null,
        "Active": true,
        "WebhookLogs": [],
        "Seller": null,
        "Store": null,
    })
}

/// `POST /webhooks/subscribe`.
pub(super) async fn subscribe(Shared(shipstation): Shared<ShipStation>, body: Bytes) -> Reply {
    let fields = object(Api::V1, &body)?;
    let mut state = shipstation.state();
    let known = ["event", "friendly_name", "store_id", "target_url"];
    if let Some(key) = unknown_key(&fields, &known).filter(|_| state.options.strict) {
        return Err(Refusal::v1_field(key, "The field is documented nowhere."));
    }
    let url = text(&fields, "target_url").filter(|url| url::Url::parse(url).is_ok());
    let url = url.ok_or_else(|| Refusal::parameter(Api::V1, "target_url"))?;
    let event = text(&fields, "event").filter(|event| EVENTS.contains(event));
    let event = event.ok_or_else(|| Refusal::parameter(Api::V1, "event"))?;
    let id = state.next(Kind::Hook);
    state.hooks.push(Hook {
        id,
        api: 1,
        event: event.to_owned(),
        url: url.to_owned(),
        name: owned(&fields, "friendly_name"),
        store: fields.get("store_id").and_then(Value::as_u64),
        headers: Vec::new(),
    });
    Ok((StatusCode::CREATED, ok(json!({ "id": id }))).into_response())
}

/// `DELETE /webhooks/{id}`.
pub(super) async fn unsubscribe(Shared(shipstation): Shared<ShipStation>, Path(id): Path<String>) -> Reply {
    let mut state = shipstation.state();
    let id: Id = id.parse().map_err(|_| Refusal::v1_not_found())?;
    let before = state.hooks.len();
    state.hooks.retain(|hook| !(hook.api == 1 && hook.id == id));
    if state.hooks.len() == before {
        return Err(Refusal::v1_not_found());
    }
    Ok(ok(json!({})))
}
