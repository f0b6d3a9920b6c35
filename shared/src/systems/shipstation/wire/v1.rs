//! V1: shipments (its labels), fulfilments, orders. Times are Pacific time without saying so. Orders are kept whole beside
//! this, for what is left out of one is lost.

use rust_decimal::Decimal;
use serde::Deserialize;
use serde_json::Value;

use super::lenient;

/// A page of any list.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Page {
    #[serde(deserialize_with = "lenient::number")]
    pub(crate) page: Option<Decimal>,
    #[serde(deserialize_with = "lenient::number")]
    pub(crate) pages: Option<Decimal>,
    #[serde(deserialize_with = "lenient::perhaps_many")]
    pub(crate) shipments: Option<Vec<Shipment>>,
    #[serde(deserialize_with = "lenient::perhaps_many")]
    pub(crate) fulfillments: Option<Vec<Fulfilment>>,
    #[serde(deserialize_with = "lenient::perhaps_many")]
    pub(crate) orders: Option<Vec<Value>>,
}

/// A label that was bought in ShipStation.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Shipment {
    #[serde(deserialize_with = "lenient::text")]
    pub(crate) shipment_id: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub(crate) order_id: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub(crate) order_key: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub(crate) order_number: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub(crate) create_date: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub(crate) ship_date: Option<String>,
    #[serde(deserialize_with = "lenient::number")]
    pub(crate) shipment_cost: Option<Decimal>,
    #[serde(deserialize_with = "lenient::number")]
    pub(crate) insurance_cost: Option<Decimal>,
    #[serde(deserialize_with = "lenient::text")]
    pub(crate) tracking_number: Option<String>,
    #[serde(deserialize_with = "lenient::truth")]
    pub(crate) is_return_label: Option<bool>,
    #[serde(deserialize_with = "lenient::text")]
    pub(crate) carrier_code: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub(crate) service_code: Option<String>,
    #[serde(deserialize_with = "lenient::truth")]
    pub(crate) voided: Option<bool>,
    #[serde(deserialize_with = "lenient::text")]
    pub(crate) void_date: Option<String>,
    #[serde(deserialize_with = "lenient::one")]
    pub(crate) ship_to: Option<Address>,
    #[serde(deserialize_with = "lenient::one")]
    pub(crate) advanced_options: Option<Advanced>,
    #[serde(deserialize_with = "lenient::perhaps_many")]
    pub(crate) shipment_items: Option<Vec<Item>>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Advanced {
    #[serde(deserialize_with = "lenient::text")]
    pub(crate) store_id: Option<String>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Item {
    #[serde(deserialize_with = "lenient::text")]
    pub(crate) line_item_key: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub(crate) sku: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub(crate) name: Option<String>,
    #[serde(deserialize_with = "lenient::number")]
    pub(crate) quantity: Option<Decimal>,
    #[serde(deserialize_with = "lenient::number")]
    pub(crate) unit_price: Option<Decimal>,
    /// A discount or a coupon among the goods.
    #[serde(deserialize_with = "lenient::truth")]
    pub(crate) adjustment: Option<bool>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Address {
    #[serde(deserialize_with = "lenient::text")]
    pub(crate) name: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub(crate) company: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub(crate) street1: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub(crate) street2: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub(crate) street3: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub(crate) city: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub(crate) state: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub(crate) postal_code: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub(crate) country: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub(crate) phone: Option<String>,
    #[serde(deserialize_with = "lenient::truth")]
    pub(crate) residential: Option<bool>,
}

/// An order that was marked as shipped without a label of ShipStation's.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Fulfilment {
    #[serde(deserialize_with = "lenient::text")]
    pub(crate) fulfillment_id: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub(crate) order_id: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub(crate) order_number: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub(crate) tracking_number: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub(crate) create_date: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub(crate) ship_date: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub(crate) void_date: Option<String>,
    #[serde(deserialize_with = "lenient::truth")]
    pub(crate) voided: Option<bool>,
    #[serde(deserialize_with = "lenient::text")]
    pub(crate) carrier_code: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub(crate) fulfillment_service_code: Option<String>,
    #[serde(deserialize_with = "lenient::number")]
    pub(crate) fulfillment_fee: Option<Decimal>,
    #[serde(deserialize_with = "lenient::one")]
    pub(crate) ship_to: Option<Address>,
}

/// An order, as far as it is looked at.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Order {
    #[serde(deserialize_with = "lenient::text")]
    pub(crate) order_id: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub(crate) order_number: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub(crate) order_key: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub(crate) order_status: Option<String>,
    #[serde(deserialize_with = "lenient::perhaps_many")]
    pub(crate) items: Option<Vec<Item>>,
    #[serde(deserialize_with = "lenient::one")]
    pub(crate) advanced_options: Option<Advanced>,
}

/// Everything that is pushed.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Webhooks {
    #[serde(deserialize_with = "lenient::perhaps_many")]
    pub(crate) webhooks: Option<Vec<Webhook>>,
}

/// An event that is pushed. These words alone begin with capitals.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Webhook {
    #[serde(rename = "WebHookID", deserialize_with = "lenient::text")]
    pub(crate) id: Option<String>,
    #[serde(rename = "HookType", deserialize_with = "lenient::text")]
    pub(crate) event: Option<String>,
    #[serde(rename = "Url", deserialize_with = "lenient::text")]
    pub(crate) url: Option<String>,
    #[serde(rename = "StoreID", deserialize_with = "lenient::text")]
    pub(crate) store: Option<String>,
    #[serde(rename = "Active", deserialize_with = "lenient::truth")]
    pub(crate) active: Option<bool>,
}
