//! FedEx as a client meets it: over HTTP, with a clock that stands still.

mod addresses;
mod cancelling;
mod pushing;
mod quotas;
mod rating;
mod shipping;
mod tokens;
mod tracking;

use jiff::{SignedDuration, Timestamp};
use reqwest::{Client, Method, RequestBuilder, Response};
use serde_json::{Value, json};

use super::{Books, FedEx, Options, Running};
use crate::clock::Clock;
use crate::faults::{Fault, FaultKind};
use crate::server::Base;

const ACCOUNT: &str = "740561073";
const SHIP: &str = "/ship/v1/shipments";
const RESULTS: &str = "/ship/v1/shipments/results";
const VALIDATE: &str = "/ship/v1/shipments/packages/validate";
const CANCEL: &str = "/ship/v1/shipments/cancel";
const RATE: &str = "/rate/v1/rates/quotes";
const RESOLVE: &str = "/address/v1/addresses/resolve";
const TRACK: &str = "/track/v1/trackingnumbers";
const BY_REFERENCE: &str = "/track/v1/referencenumbers";
const ASSOCIATED: &str = "/track/v1/associatedshipments";

/// A served FedEx and somebody with a token.
struct Stage {
    running: Running,
    http: Client,
    token: String,
}

/// A Friday, as one of the windows of ten seconds begins.
fn start() -> Timestamp {
    "2026-11-20T14:00:00Z".parse().unwrap()
}

impl Stage {
    async fn new(options: Options) -> Self {
        let base = Base {
            clock: Clock::frozen(start()),
            ..Base::default()
        };
        let running = FedEx::start(options, base, 0).await.unwrap();
        let http = Client::builder().no_proxy().build().unwrap();
        let mut stage = Self {
            running,
            http,
            token: String::new(),
        };
        stage.token = stage.good_token("fedex-key", "fedex-secret").await;
        stage
    }

    async fn plain() -> Self {
        Self::new(Options::default()).await
    }

    /// Track knows every label at once.
    async fn prompt() -> Self {
        Self::new(Options {
            index_lag_s: 0,
            ..Options::default()
        })
        .await
    }

    fn fedex(&self) -> &FedEx {
        &self.running.fedex
    }

    fn books(&self) -> Books {
        self.fedex().read_books()
    }

    fn advance(&self, seconds: i64) {
        self.fedex().base().clock.advance(SignedDuration::from_secs(seconds));
    }

    fn fault(&self, operation: &str, kind: FaultKind) {
        self.fedex().base().faults.add(Fault::new(operation, kind).at_most(1));
    }

    async fn ask_token(&self, key: &str, secret: &str) -> (u16, Value) {
        let body = format!("grant_type=client_credentials&client_id={key}&client_secret={secret}");
        self.ask_token_with(&body).await
    }

    async fn ask_token_with(&self, body: &str) -> (u16, Value) {
        let request = self.http.post(format!("{}/oauth/token", self.running.url));
        let request = request.header("Content-Type", "application/x-www-form-urlencoded");
        read(request.body(body.to_owned()).send().await.unwrap()).await
    }

    async fn good_token(&self, key: &str, secret: &str) -> String {
        let (status, answer) = self.ask_token(key, secret).await;
        assert_eq!(status, 200, "{answer}");
        answer["access_token"].as_str().unwrap().to_owned()
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.http.request(method, format!("{}{path}", self.running.url));
        request.bearer_auth(&self.token)
    }

    async fn post(&self, path: &str, body: &Value) -> (u16, Value) {
        read(self.request(Method::POST, path).json(body).send().await.unwrap()).await
    }

    async fn put(&self, path: &str, body: &Value) -> (u16, Value) {
        read(self.request(Method::PUT, path).json(body).send().await.unwrap()).await
    }

    async fn ship(&self, body: &Value) -> (u16, Value) {
        self.post(SHIP, body).await
    }

    /// Ships one box with this reference; its tracking number.
    async fn shipped(&self, reference: &str) -> String {
        let (status, answer) = self.ship(&domestic(reference)).await;
        assert_eq!(status, 200, "{answer}");
        shipment(&answer)["masterTrackingNumber"].as_str().unwrap().to_owned()
    }

    /// The first result of Track for a number.
    async fn tracked(&self, number: &str) -> Value {
        let (status, answer) = self.post(TRACK, &numbers(&[number])).await;
        assert_eq!(status, 200, "{answer}");
        answer["output"]["completeTrackResults"][0]["trackResults"][0].clone()
    }

    async fn cancel(&self, number: &str) -> (u16, Value) {
        let body = json!({ "accountNumber": { "value": ACCOUNT }, "trackingNumber": number,
            "deletionControl": "DELETE_ALL_PACKAGES", "senderCountryCode": "US", "emailShipment": "false" });
        self.put(CANCEL, &body).await
    }
}

async fn read(answer: Response) -> (u16, Value) {
    let status = answer.status().as_u16();
    let text = answer.text().await.unwrap();
    let body = serde_json::from_str(&text).unwrap_or_else(|_| panic!("{status} {text}"));
    (status, body)
}

fn code(answer: &Value) -> &str {
    answer["errors"][0]["code"].as_str().unwrap_or("no error code")
}

fn shipment(answer: &Value) -> &Value {
    &answer["output"]["transactionShipments"][0]
}

fn contact(name: &str) -> Value {
    json!({ "personName": name, "companyName": "Acme Inc", "phoneNumber": "4105551234" })
}

fn maryland() -> Value {
    json!({ "streetLines": ["2311 York Rd"], "city": "Timonium", "stateOrProvinceCode": "MD", "postalCode": "21093",
        "countryCode": "US" })
}

fn georgia() -> Value {
    json!({ "streetLines": ["12380 Morris Rd"], "city": "Alpharetta", "stateOrProvinceCode": "GA",
        "postalCode": "30005", "countryCode": "US", "residential": false })
}

fn germany() -> Value {
    json!({ "streetLines": ["Invalidenstr. 117"], "city": "Berlin", "postalCode": "10115", "countryCode": "DE" })
}

fn package(reference: &str) -> Value {
    json!({ "groupPackageCount": 1, "weight": { "units": "LB", "value": 10 },
        "dimensions": { "length": 10, "width": 8, "height": 4, "units": "IN" },
        "customerReferences": [{ "customerReferenceType": "CUSTOMER_REFERENCE", "value": reference }] })
}

/// One box within the US by Ground.
fn domestic(reference: &str) -> Value {
    json!({
        "labelResponseOptions": "LABEL",
        "accountNumber": { "value": ACCOUNT },
        "requestedShipment": {
            "shipper": { "contact": contact("Shipping Dock"), "address": maryland() },
            "recipients": [{ "contact": contact("Jo Buyer"), "address": georgia() }],
            "shipDatestamp": "2026-11-20",
            "serviceType": "FEDEX_GROUND",
            "packagingType": "YOUR_PACKAGING",
            "pickupType": "USE_SCHEDULED_PICKUP",
            "blockInsightVisibility": false,
            "shippingChargesPayment": { "paymentType": "SENDER" },
            "labelSpecification": { "imageType": "PDF", "labelStockType": "PAPER_4X6" },
            "requestedPackageLineItems": [package(reference)],
        },
    })
}

/// One box from the US to Germany, with a commercial invoice.
fn abroad(reference: &str) -> Value {
    let money = json!({ "amount": 100, "currency": "USD" });
    let mut body = domestic(reference);
    let parts = json!({
        "recipients": [{ "contact": { "personName": "Jo Buyer", "phoneNumber": "493012345678" },
            "address": germany() }],
        "serviceType": "FEDEX_INTERNATIONAL_PRIORITY",
        "totalWeight": 10.0,
        "customsClearanceDetail": {
            "dutiesPayment": { "paymentType": "SENDER" },
            "isDocumentOnly": false,
            "totalCustomsValue": money,
            "commercialInvoice": { "shipmentPurpose": "SOLD", "termsOfSale": "DAP" },
            "commodities": [{ "description": "Cotton shirt", "name": "Shirt", "countryOfManufacture": "US",
                "harmonizedCode": "610910", "quantity": 2, "quantityUnits": "PCS", "numberOfPieces": 1,
                "unitPrice": { "amount": 50, "currency": "USD" }, "customsValue": money,
                "weight": { "units": "LB", "value": 2 } }],
        },
        "shippingDocumentSpecification": { "shippingDocumentTypes": ["COMMERCIAL_INVOICE"],
            "commercialInvoiceDetail": { "documentFormat": { "stockType": "PAPER_LETTER", "docType": "PDF" } } },
    });
    for (key, value) in parts.as_object().unwrap() {
        body["requestedShipment"][key] = value.clone();
    }
    body
}

fn numbers(numbers: &[&str]) -> Value {
    let infos: Vec<Value> = numbers
        .iter()
        .map(|number| json!({ "trackingNumberInfo": { "trackingNumber": number } }))
        .collect();
    json!({ "includeDetailedScans": true, "trackingInfo": infos })
}

fn by_reference(value: &str) -> Value {
    json!({ "includeDetailedScans": true, "referencesInformation": { "value": value, "accountNumber": ACCOUNT,
        "shipDateBegin": "2026-11-19", "shipDateEnd": "2026-11-22" } })
}
