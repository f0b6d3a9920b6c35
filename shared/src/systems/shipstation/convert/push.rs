//! What ShipStation pushes where, and how it is told to.

use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};

use crate::domain::Refusal;
use crate::ports::{DeskEvent, DeskPush};
use crate::systems::shipstation::wire::{v1, v2};

/// Under which name people see our webhooks among V1's.
const NAME: &str = "Waybill";

/// What V2 is to push.
pub(crate) const BY_V2: [DeskEvent; 3] = [
    DeskEvent {
        name: "label_created_v2",
        tells: "shipments with labels of ShipStation's",
    },
    DeskEvent {
        name: "fulfillment_shipped_v2",
        tells: "orders marked as shipped with other labels",
    },
    DeskEvent {
        name: "track_event_v2",
        tells: "what happens to parcels on their way",
    },
];

/// What V1 is to push.
pub(crate) const BY_V1: [DeskEvent; 2] = [
    DeskEvent {
        name: "SHIP_NOTIFY",
        tells: "shipments with labels of ShipStation's",
    },
    DeskEvent {
        name: "FULFILLMENT_SHIPPED",
        tells: "orders marked as shipped with other labels",
    },
];

/// What V2 pushes; `None` where the answer is no list. What of it cannot be read is left out: it is nothing of ours.
pub(crate) fn pushes_v2(list: &Value) -> Option<Vec<DeskPush>> {
    let all = list.as_array().or_else(|| list.get("webhooks")?.as_array())?;
    let read = |hook: &Value| serde_json::from_value::<v2::Webhook>(hook.clone()).ok();
    let push = |hook: v2::Webhook| {
        Some(DeskPush {
            id: hook.webhook_id?,
            event: hook.event?,
            address: hook.url?.into(),
            store: hook.store_id,
            on: true,
        })
    };
    Some(all.iter().filter_map(read).filter_map(push).collect())
}

/// What V1 pushes.
pub(crate) fn pushes_v1(list: v1::Webhooks) -> Option<Vec<DeskPush>> {
    let push = |hook: v1::Webhook| {
        Some(DeskPush {
            id: hook.id?,
            event: hook.event?,
            address: hook.url?.into(),
            store: hook.store,
            on: hook.active != Some(false),
        })
    };
    Some(list.webhooks?.into_iter().filter_map(push).collect())
}

/// Tells V2 to push an event.
pub(crate) fn push_v2(event: &str, address: &SecretString) -> Value {
    json!({ "event": event, "url": address.expose_secret() })
}

/// Tells V2 to push to another address.
pub(crate) fn push_elsewhere_v2(address: &SecretString) -> Value {
    json!({ "url": address.expose_secret() })
}

/// Tells V1 to push an event, of one store or of all.
pub(crate) fn push_v1(event: &str, store: Option<&str>, address: &SecretString) -> Result<Value, Refusal> {
    let store = store.map(str::parse::<u64>).transpose();
    let store = store.map_err(|_| Refusal::new("store", "a webhook of a store whose id is no number"))?;
    Ok(json!({
        "target_url": address.expose_secret(),
        "event": event,
        "store_id": store,
        "friendly_name": NAME,
    }))
}
