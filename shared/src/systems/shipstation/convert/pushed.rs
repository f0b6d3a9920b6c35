//! What a webhook says: to what it points. It is data for whoever follows it, who looks at the address first; nothing here
//! trusts it. News of a parcel come whole.

use super::news;
use crate::ports::PushedNews;
use crate::systems::shipstation::wire::v2::Pushed;

/// No pointer is longer.
const LONGEST: usize = 2_000;

/// What a body tells.
pub(crate) fn pushed(body: &str) -> Vec<PushedNews> {
    let Ok(pushed) = serde_json::from_str::<Pushed>(body) else {
        return vec![nothing("a body that is no webhook of ShipStation")];
    };
    let kind = pushed.resource_type.as_deref().unwrap_or_default().to_ascii_uppercase();
    match kind.as_str() {
        "LABEL_CREATED_V2"
        | "FULFILLMENT_SHIPPED_V2"
        | "BATCH_PROCESSED_V2"
        | "SHIP_NOTIFY"
        | "ITEM_SHIP_NOTIFY"
        | "FULFILLMENT_SHIPPED" => vec![pointer(pushed.resource_url)],
        "TRACK_EVENT_V2" | "API_TRACK" => match pushed.data {
            Some(data) => news::pushed(&data),
            None => vec![nothing("news of a parcel without any")],
        },
        "FULFILLMENT_REJECTED" | "FULFILLMENT_REJECTED_V2" => {
            vec![nothing("an order that was not shipped: a fulfilment was rejected")]
        }
        "ORDER_NOTIFY" | "ITEM_ORDER_NOTIFY" | "SHIPMENT_CREATED_V2" => {
            vec![nothing("a new order at the desk, which is no shipment")]
        }
        _ => vec![nothing("an event that tells of no shipment")],
    }
}

fn pointer(url: Option<String>) -> PushedNews {
    match url {
        Some(url) if url.len() <= LONGEST => PushedNews::Despatched(url),
        Some(_) => nothing("a pointer that is too long to be one"),
        None => nothing("an event that points to nothing"),
    }
}

fn nothing(why: &str) -> PushedNews {
    PushedNews::Nothing { why: why.to_owned() }
}
