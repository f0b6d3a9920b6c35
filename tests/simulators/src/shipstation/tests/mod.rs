//! ShipStation as clients of both APIs meet it: over HTTP, with a clock that stands still.

mod access;
mod customers;
mod document;
mod notices;
mod orders;
mod people;
mod shipped;
mod stock;

use jiff::{SignedDuration, Timestamp};
use reqwest::{Client, Method, RequestBuilder, Response};
use serde_json::{Value, json};

use super::{Books, Bought, Buy, NewOrder, Options, Running, ShipStation};
use crate::clock::Clock;
use crate::faults::{Fault, FaultKind};
use crate::server::Base;

const V2_KEY: &str = "shipstation-v2-key";
const SANDBOX_KEY: &str = "TEST_shipstation-key";
const V1_KEY: &str = "shipstation-v1-key";
const V1_SECRET: &str = "shipstation-v1-secret";

/// A served ShipStation and somebody who has keys of both APIs.
struct Stage {
    running: Running,
    http: Client,
}

/// A Friday morning in California.
fn start() -> Timestamp {
    "2026-11-20T16:00:00Z".parse().unwrap()
}

impl Stage {
    async fn new(options: Options) -> Self {
        let base = Base {
            clock: Clock::frozen(start()),
            ..Base::default()
        };
        Self {
            running: ShipStation::start(options, base, 0).await.unwrap(),
            http: Client::builder().no_proxy().build().unwrap(),
        }
    }

    async fn plain() -> Self {
        Self::new(Options::default()).await
    }

    fn shipstation(&self) -> &ShipStation {
        &self.running.shipstation
    }

    fn books(&self) -> Books {
        self.shipstation().read_books()
    }

    fn advance(&self, seconds: i64) {
        let clock = &self.shipstation().base().clock;
        clock.advance(SignedDuration::from_secs(seconds));
    }

    fn fault(&self, operation: &str, kind: FaultKind) {
        let faults = &self.shipstation().base().faults;
        faults.add(Fault::new(operation, kind).at_most(1));
    }

    /// An order of these SKUs.
    fn entered(&self, number: &str, items: &[(&str, u32)]) -> u64 {
        self.shipstation().enter(NewOrder::of(number, items)).unwrap()
    }

    fn bought(&self, order: &str) -> Bought {
        self.shipstation().buy(&Buy::all_of(order)).unwrap()
    }

    fn v2_request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.http.request(method, format!("{}{path}", self.running.url));
        request.header("API-Key", V2_KEY)
    }

    async fn v2(&self, method: Method, path: &str, body: &Value) -> (u16, Value) {
        read(self.v2_request(method, path).json(body).send().await.unwrap()).await
    }

    async fn v2_get(&self, path: &str) -> (u16, Value) {
        read(self.v2_request(Method::GET, path).send().await.unwrap()).await
    }

    /// The answer of V2, which must be a success.
    async fn seen(&self, path: &str) -> Value {
        let (status, answer) = self.v2_get(path).await;
        assert_eq!(status, 200, "{answer}");
        answer
    }

    fn v1_request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.http.request(method, format!("{}{path}", self.running.url));
        request.basic_auth(V1_KEY, Some(V1_SECRET))
    }

    async fn v1(&self, path: &str, body: &Value) -> (u16, Value) {
        read(self.v1_request(Method::POST, path).json(body).send().await.unwrap()).await
    }

    async fn v1_get(&self, path: &str) -> (u16, Value) {
        read(self.v1_request(Method::GET, path).send().await.unwrap()).await
    }

    /// The answer of V1, which must be a success.
    async fn v1_seen(&self, path: &str) -> Value {
        let (status, answer) = self.v1_get(path).await;
        assert_eq!(status, 200, "{answer}");
        answer
    }
}

/// Status and body; an empty body is null, and one that is no JSON a text.
async fn read(answer: Response) -> (u16, Value) {
    let status = answer.status().as_u16();
    let text = answer.text().await.unwrap();
    if text.is_empty() {
        return (status, Value::Null);
    }
    let body = serde_json::from_str(&text).unwrap_or(Value::String(text));
    (status, body)
}

fn code(answer: &Value) -> &str {
    answer["errors"][0]["error_code"].as_str().unwrap_or("no error code")
}

fn v2_address() -> Value {
    json!({ "name": "Jane Doe", "phone": "+1 512 555 0100", "email": "jane@example.com", "company_name": "ACME",
        "address_line1": "525 S Winchester Blvd", "city_locality": "San Jose", "state_province": "CA",
        "postal_code": "95128", "country_code": "US", "address_residential_indicator": "unknown" })
}

/// A new shipment of V2.
fn v2_order(number: &str, key: &str) -> Value {
    json!({ "validate_address": "no_validation", "external_shipment_id": key, "shipment_number": number,
        "create_sales_order": true, "store_id": "1582173", "carrier_id": "se-2774150", "service_code": "ups_ground",
        "ship_to": v2_address(), "ship_from": v2_address(),
        "items": [{ "name": "Widget", "sku": "W-1", "quantity": 2, "unit_price": 9.5, "external_order_id": number,
            "external_order_item_id": "1" }],
        "packages": [{ "weight": { "value": 1.5, "unit": "pound" } }],
        "amount_paid": { "currency": "usd", "amount": 19 } })
}

/// A new order of V1.
fn v1_order(number: &str, key: &str) -> Value {
    json!({ "orderNumber": number, "orderKey": key, "orderDate": "2026-11-20T08:46:27.0000000",
        "orderStatus": "awaiting_shipment", "customerUsername": "C-778", "customerEmail": "jane@example.com",
        "billTo": { "name": "Jane Doe" },
        "shipTo": { "name": "Jane Doe", "company": "ACME", "street1": "525 S Winchester Blvd", "street2": null,
            "city": "San Jose", "state": "CA", "postalCode": "95128", "country": "US", "phone": "512-555-0100" },
        "items": [{ "lineItemKey": "1", "sku": "W-1", "name": "Widget", "quantity": 2, "unitPrice": 9.5 }],
        "amountPaid": 20.2, "taxAmount": 1.2, "shippingAmount": 5.0,
        "advancedOptions": { "storeId": 1_582_173, "customField1": "SO 10045", "source": "NetSuite" } })
}
