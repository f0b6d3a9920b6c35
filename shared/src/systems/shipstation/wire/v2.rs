//! V2: labels, their orders (which it calls shipments), fulfilments, tracking. Every field is optional and read leniently.

use rust_decimal::Decimal;
use serde::Deserialize;
use serde_json::Value;

use super::lenient;

/// A page of any list: what stands in it is under a name of its own.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Page {
    #[serde(deserialize_with = "lenient::number")]
    pub(crate) page: Option<Decimal>,
    #[serde(deserialize_with = "lenient::number")]
    pub(crate) pages: Option<Decimal>,
    #[serde(deserialize_with = "lenient::one")]
    pub(crate) links: Option<Links>,
    #[serde(deserialize_with = "lenient::truth")]
    pub(crate) has_errors: Option<bool>,
    #[serde(deserialize_with = "lenient::many")]
    pub(crate) errors: Vec<Fault>,
    #[serde(deserialize_with = "lenient::perhaps_many")]
    pub(crate) labels: Option<Vec<Label>>,
    #[serde(deserialize_with = "lenient::perhaps_many")]
    pub(crate) shipments: Option<Vec<Value>>,
    #[serde(deserialize_with = "lenient::perhaps_many")]
    pub(crate) fulfillments: Option<Vec<Fulfilment>>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Links {
    #[serde(deserialize_with = "lenient::one")]
    pub(crate) next: Option<Link>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Link {
    #[serde(deserialize_with = "lenient::text")]
    pub(crate) href: Option<String>,
}

/// An error, in the envelope or inside a success.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Fault {
    #[serde(deserialize_with = "lenient::text")]
    pub(crate) error_type: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub(crate) error_code: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub(crate) message: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub(crate) field: Option<String>,
    #[serde(deserialize_with = "lenient::text", alias = "property_name")]
    pub(crate) field_name: Option<String>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Label {
    #[serde(deserialize_with = "lenient::text")]
    pub(crate) label_id: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub(crate) status: Option<String>,
    /// The order.
    #[serde(deserialize_with = "lenient::text")]
    pub(crate) shipment_id: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub(crate) external_shipment_id: Option<String>,
    #[serde(deserialize_with = "lenient::one")]
    pub(crate) shipment: Option<Order>,
    #[serde(deserialize_with = "lenient::text")]
    pub(crate) created_at: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub(crate) ship_date: Option<String>,
    #[serde(deserialize_with = "lenient::one")]
    pub(crate) shipment_cost: Option<Amount>,
    #[serde(deserialize_with = "lenient::one")]
    pub(crate) insurance_cost: Option<Amount>,
    #[serde(deserialize_with = "lenient::text")]
    pub(crate) tracking_number: Option<String>,
    #[serde(deserialize_with = "lenient::truth")]
    pub(crate) is_return_label: Option<bool>,
    #[serde(deserialize_with = "lenient::truth")]
    pub(crate) test_label: Option<bool>,
    #[serde(deserialize_with = "lenient::text")]
    pub(crate) carrier_code: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub(crate) service_code: Option<String>,
    #[serde(deserialize_with = "lenient::truth")]
    pub(crate) voided: Option<bool>,
    #[serde(deserialize_with = "lenient::text")]
    pub(crate) voided_at: Option<String>,
    #[serde(deserialize_with = "lenient::many")]
    pub(crate) packages: Vec<Package>,
    #[serde(deserialize_with = "lenient::one")]
    pub(crate) ship_to: Option<Address>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Package {
    #[serde(deserialize_with = "lenient::text")]
    pub(crate) tracking_number: Option<String>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Amount {
    #[serde(deserialize_with = "lenient::text")]
    pub(crate) currency: Option<String>,
    #[serde(deserialize_with = "lenient::number")]
    pub(crate) amount: Option<Decimal>,
}

/// An order; ShipStation calls it a shipment.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Order {
    #[serde(deserialize_with = "lenient::text")]
    pub(crate) shipment_id: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub(crate) shipment_number: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub(crate) external_shipment_id: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub(crate) store_id: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub(crate) shipment_status: Option<String>,
    #[serde(deserialize_with = "lenient::perhaps_many")]
    pub(crate) items: Option<Vec<Item>>,
    #[serde(deserialize_with = "lenient::one")]
    pub(crate) ship_to: Option<Address>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Item {
    #[serde(deserialize_with = "lenient::text")]
    pub(crate) name: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub(crate) sku: Option<String>,
    #[serde(deserialize_with = "lenient::number")]
    pub(crate) quantity: Option<Decimal>,
    #[serde(deserialize_with = "lenient::text")]
    pub(crate) external_order_id: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub(crate) external_order_item_id: Option<String>,
    #[serde(deserialize_with = "lenient::number")]
    pub(crate) unit_price: Option<Decimal>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Address {
    #[serde(deserialize_with = "lenient::text")]
    pub(crate) name: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub(crate) company_name: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub(crate) phone: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub(crate) email: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub(crate) address_line1: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub(crate) address_line2: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub(crate) address_line3: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub(crate) city_locality: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub(crate) state_province: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub(crate) postal_code: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub(crate) country_code: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub(crate) address_residential_indicator: Option<String>,
}

/// A part of an order that was marked as shipped.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Fulfilment {
    #[serde(deserialize_with = "lenient::text")]
    pub(crate) fulfillment_id: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub(crate) shipment_id: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub(crate) shipment_number: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub(crate) tracking_number: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub(crate) created_at: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub(crate) ship_date: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub(crate) delivered_at: Option<String>,
    #[serde(deserialize_with = "lenient::truth")]
    pub(crate) voided: Option<bool>,
    #[serde(deserialize_with = "lenient::text")]
    pub(crate) voided_at: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub(crate) fulfillment_carrier_friendly_name: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub(crate) fulfillment_service_code: Option<String>,
    #[serde(deserialize_with = "lenient::one")]
    pub(crate) fulfillment_fee: Option<Amount>,
    #[serde(deserialize_with = "lenient::one")]
    pub(crate) ship_to: Option<Address>,
}

/// What became of a void; V1 answers in the same words.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Void {
    #[serde(deserialize_with = "lenient::truth")]
    pub(crate) approved: Option<bool>,
    #[serde(deserialize_with = "lenient::text")]
    pub(crate) message: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub(crate) reason_code: Option<String>,
}

/// What is told of a parcel, asked for or pushed.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Tracking {
    #[serde(deserialize_with = "lenient::text")]
    pub(crate) tracking_number: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub(crate) status_code: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub(crate) status_detail_code: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub(crate) estimated_delivery_date: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub(crate) actual_delivery_date: Option<String>,
    #[serde(deserialize_with = "lenient::many")]
    pub(crate) events: Vec<Event>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Event {
    /// UTC.
    #[serde(deserialize_with = "lenient::text")]
    pub(crate) occurred_at: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub(crate) description: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub(crate) city_locality: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub(crate) state_province: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub(crate) country_code: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub(crate) signer: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub(crate) event_code: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub(crate) status_code: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub(crate) status_detail_code: Option<String>,
}

/// An event that is pushed; a list of them is a bare array.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Webhook {
    #[serde(deserialize_with = "lenient::text")]
    pub(crate) webhook_id: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub(crate) event: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub(crate) url: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub(crate) store_id: Option<String>,
}

/// What a webhook says, of either API.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Pushed {
    #[serde(deserialize_with = "lenient::text")]
    pub(crate) resource_url: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub(crate) resource_type: Option<String>,
    #[serde(deserialize_with = "lenient::one")]
    pub(crate) data: Option<Tracking>,
}

/// Published keys.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct PublishedKeys {
    #[serde(deserialize_with = "lenient::perhaps_many")]
    pub(crate) keys: Option<Vec<PublishedKey>>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct PublishedKey {
    #[serde(deserialize_with = "lenient::text")]
    pub(crate) kid: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub(crate) kty: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub(crate) n: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub(crate) e: Option<String>,
}
