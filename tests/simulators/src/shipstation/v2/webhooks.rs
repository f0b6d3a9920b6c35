//! `/v2/environment/webhooks`: subscriptions to signed notices.
//!
//! Quirks: the list is a bare array; the same event for the same URL is a conflict; only URL and headers can be changed.

use axum::extract::{Path, State as Shared};
use bytes::Bytes;
use http::StatusCode;
use serde_json::{Map, Value, json};

use super::super::ShipStation;
use super::super::answer::{Api, Refusal, Reply, nothing, ok, read_se, se};
use super::super::asked::{object, owned, text, unknown_key};
use super::super::model::{Hook, Id, Kind, State};

/// What can be subscribed to.
const EVENTS: &[&str] = &[
    "batch",
    "batch_processed_v2",
    "carrier_connected",
    "fulfillment_rejected_v2",
    "fulfillment_shipped_v2",
    "label_created_v2",
    "order_source_refresh_complete",
    "rate",
    "report_complete",
    "sales_orders_imported",
    "shipment_created_v2",
    "track",
    "track_event_v2",
];

/// `GET /v2/environment/webhooks`.
pub(super) async fn list(Shared(shipstation): Shared<ShipStation>) -> Reply {
    let state = shipstation.state();
    let hooks: Vec<Value> = state.hooks.iter().filter(|hook| hook.api == 2).map(shown).collect();
    Ok(ok(Value::Array(hooks)))
}

/// `GET /v2/environment/webhooks/{id}`.
pub(super) async fn get(Shared(shipstation): Shared<ShipStation>, Path(id): Path<String>) -> Reply {
    let mut state = shipstation.state();
    Ok(ok(shown(found(&mut state, &id)?)))
}

/// `POST /v2/environment/webhooks`.
pub(super) async fn create(Shared(shipstation): Shared<ShipStation>, body: Bytes) -> Reply {
    let fields = object(Api::V2, &body)?;
    let mut state = shipstation.state();
    let known = ["event", "headers", "name", "store_id", "url"];
    if let Some(key) = unknown_key(&fields, &known).filter(|_| state.options.strict) {
        return Err(Refusal::invalid(
            "invalid_object",
            &format!("{key} is documented nowhere"),
        ));
    }
    let required = |key: &str| {
        text(&fields, key).ok_or_else(|| Refusal::invalid("field_value_required", &format!("{key} is required")))
    };
    let (event, url) = (required("event")?, url_of(required("url")?)?);
    if !EVENTS.contains(&event) {
        return Err(Refusal::invalid("invalid_field_value", "there is no such event"));
    }
    if state
        .hooks
        .iter()
        .any(|hook| hook.api == 2 && hook.event == event && hook.url == url)
    {
        let message = "the event is sent to that URL already";
        let status = StatusCode::CONFLICT;
        return Err(Refusal::v2(
            status,
            "business_rules",
            "webhook_event_type_conflict",
            message,
        ));
    }
    let id = state.next(Kind::Hook);
    let hook = Hook {
        id,
        api: 2,
        event: event.to_owned(),
        url: url.to_owned(),
        name: owned(&fields, "name"),
        store: store_of(&fields)?,
        headers: headers_of(&fields)?,
    };
    let answer = shown(&hook);
    state.hooks.push(hook);
    Ok(ok(answer))
}

fn url_of(text: &str) -> Result<&str, Refusal> {
    let good = url::Url::parse(text).is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
    if good {
        Ok(text)
    } else {
        Err(Refusal::invalid("invalid_field_value", "url is no URL"))
    }
}

fn store_of(fields: &Map<String, Value>) -> Result<Option<u64>, Refusal> {
    match fields.get("store_id") {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Number(id)) => Ok(id.as_u64()),
        Some(other) => {
            let id = other
                .as_str()
                .and_then(|id| id.strip_prefix("se-").unwrap_or(id).parse().ok());
            id.map(Some)
                .ok_or_else(|| Refusal::invalid("invalid_field_value", "store_id is no store"))
        }
    }
}

fn headers_of(fields: &Map<String, Value>) -> Result<Vec<(String, String)>, Refusal> {
    let Some(headers) = fields.get("headers").filter(|headers| !headers.is_null()) else {
        return Ok(Vec::new());
    };
    let pair = |header: &Value| {
        let part = |key: &str| header.get(key).and_then(Value::as_str).map(str::to_owned);
        Some((part("key")?, part("value")?))
    };
    let all = headers
        .as_array()
        .map(|headers| headers.iter().map(pair).collect::<Option<Vec<_>>>());
    all.flatten()
        .ok_or_else(|| Refusal::invalid("invalid_field_value", "headers are pairs of key and value"))
}

/// `PUT /v2/environment/webhooks/{id}`.
pub(super) async fn update(Shared(shipstation): Shared<ShipStation>, Path(id): Path<String>, body: Bytes) -> Reply {
    let fields = object(Api::V2, &body)?;
    let mut state = shipstation.state();
    let known = ["headers", "name", "store_id", "url"];
    if let Some(key) = unknown_key(&fields, &known).filter(|_| state.options.strict) {
        return Err(Refusal::invalid("invalid_object", &format!("{key} cannot be changed")));
    }
    let hook = found(&mut state, &id)?;
    if let Some(url) = text(&fields, "url") {
        url_of(url)?.clone_into(&mut hook.url);
    }
    if fields.contains_key("headers") {
        hook.headers = headers_of(&fields)?;
    }
    if fields.contains_key("name") {
        hook.name = owned(&fields, "name");
    }
    Ok(nothing())
}

/// `DELETE /v2/environment/webhooks/{id}`.
pub(super) async fn delete(Shared(shipstation): Shared<ShipStation>, Path(id): Path<String>) -> Reply {
    let mut state = shipstation.state();
    let id = found(&mut state, &id)?.id;
    state.hooks.retain(|hook| hook.id != id);
    Ok(nothing())
}

fn found<'a>(state: &'a mut State, id: &str) -> Result<&'a mut Hook, Refusal> {
    let id: Id = read_se(id).ok_or_else(|| Refusal::invalid("invalid_identifier", "that is no id of a webhook"))?;
    let mut hooks = state.hooks.iter_mut().filter(|hook| hook.api == 2);
    hooks
        .find(|hook| hook.id == id)
        .ok_or_else(|| Refusal::not_found("webhook"))
}

fn shown(hook: &Hook) -> Value {
    let headers = hook.headers.iter();
    let headers: Vec<Value> = headers
        .map(|(key, value)| json!({ "key": key, "value": value }))
        .collect();
    json!({
        "webhook_id": se(hook.id),
        "url": hook.url,
        "event": hook.event,
        "headers": headers,
        "name": hook.name,
        "store_id": hook.store,
    })
}
