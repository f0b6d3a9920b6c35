//! The installation as a client meets it: over HTTP, with a clock that stands still.

mod authentication;
mod demo_addresses;
mod querying;
mod shapes;
mod writing;

use super::PeopleSoft;
use super::access::{Permission, TOKEN_PATH, User};
use super::basics::{OTHER_UNIT, UNIT, VENDOR};
use super::define::active;
use super::model::{Address, DocKey, Place};
use super::options::{Accepts, BadPrompt, ClientAuth, EffectiveRows, ErrorForm, MomentForm, NoRows, Options};
use super::people::{NewDocument, NewLine};
use super::world::{Nonexistent, World};
use crate::clock::Clock;
use crate::faults::{Fault, FaultKind};
use crate::server::{Base, Serving};
use jiff::civil::date;
use jiff::{SignedDuration, Timestamp};
use reqwest::{Client, Method, RequestBuilder, Response};
use rust_decimal::Decimal;
use serde_json::{Value, json};

const ENTRY: &str = "01JX5ZK3Q8T7V9W2Y4A6B8C0D1";

/// A served installation with a user who may do everything.
struct Stage {
    peoplesoft: PeopleSoft,
    serving: Serving,
    http: Client,
}

fn start() -> Timestamp {
    "2026-02-03T18:00:00Z".parse().unwrap()
}

impl Stage {
    async fn new(options: Options) -> Self {
        let base = Base {
            clock: Clock::frozen(start()),
            ..Base::default()
        };
        let peoplesoft = PeopleSoft::new(options, base);
        peoplesoft.register(|access| access.add_user(User::new("WAYBILL", "correct horse")));
        let serving = peoplesoft.serve(0).await.unwrap();
        let http = Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .unwrap();
        Self {
            peoplesoft,
            serving,
            http,
        }
    }

    async fn plain() -> Self {
        Self::new(Options::default()).await
    }

    fn advance(&self, seconds: i64) {
        self.peoplesoft.base.clock.advance(SignedDuration::from_secs(seconds));
    }

    fn set(&self, at: &str) {
        self.peoplesoft.base.clock.set(at.parse().unwrap());
    }

    fn configure(&self, change: impl FnOnce(&mut Options)) {
        self.peoplesoft.configure(change);
    }

    fn fault(&self, operation: &str, kind: FaultKind) {
        self.peoplesoft.base.faults.add(Fault::new(operation, kind).at_most(1));
    }

    /// Somebody acts, and it succeeds.
    fn act<T>(&self, act: impl FnOnce(&mut World, Timestamp) -> Result<T, Nonexistent>) -> T {
        self.peoplesoft.act(act).unwrap()
    }

    fn order(&self, new: &NewDocument) -> DocKey {
        self.act(|world, now| world.enter_order(new, now))
    }

    fn url(&self, rest: &str) -> String {
        format!("{}/PSIGW/RESTListeningConnector/PSFT_EP/{rest}", self.serving.url())
    }

    fn query_url(&self, name: &str, names: &str, values: &str) -> String {
        let encoded: String = url::form_urlencoded::byte_serialize(values.as_bytes()).collect();
        self.url(&format!(
            "ExecuteQuery.v1/public/{name}/JSON/NONFILE?isconnectedquery=n&maxrows=1000&prompt_psqueryname=\
             &prompt_uniquepromptname={names}&prompt_fieldvalue={encoded}&json_resp=true"
        ))
    }

    fn request(&self, method: Method, url: &str) -> RequestBuilder {
        self.http
            .request(method, url)
            .basic_auth("WAYBILL", Some("correct horse"))
    }

    async fn query(&self, name: &str, names: &str, values: &str) -> (u16, Value) {
        let request = self.request(Method::GET, &self.query_url(name, names, values));
        read(request.send().await.unwrap()).await
    }

    /// The rows of a query that succeeds.
    async fn rows(&self, name: &str, names: &str, values: &str) -> Vec<Value> {
        let (status, body) = self.query(name, names, values).await;
        assert_eq!((status, &body["status"]), (200, &json!("success")), "{body}");
        body["data"]["query"]["rows"].as_array().cloned().unwrap_or_default()
    }

    /// The numbers of the orders that changed in the span.
    async fn changed(&self, from: &str, to: &str) -> Vec<String> {
        let values = format!("{UNIT},{from},{to},");
        let rows = self
            .rows("X_SHIP_PO_HDR", "BUSINESS_UNIT,FROM_DTTM,TO_DTTM,LAST_KEY", &values)
            .await;
        rows.iter()
            .map(|row| row["PO_ID"].as_str().unwrap().to_owned())
            .collect()
    }

    async fn lines(&self, key: &DocKey) -> Vec<Value> {
        let values = format!("{},{}", key.business_unit, key.id);
        self.rows("X_SHIP_PO_LINE", "BUSINESS_UNIT,PO_ID", &values).await
    }

    fn put(&self, key: &DocKey, entry: &str, body: &Value) -> RequestBuilder {
        let url = self.url(&format!("X_SHIP_TRACK.v1/{key}/{entry}"));
        self.request(Method::PUT, &url).json(body)
    }

    async fn write(&self, key: &DocKey, entry: &str, body: &Value) -> (u16, Value) {
        read(self.put(key, entry, body).send().await.unwrap()).await
    }

    async fn tracked(&self, key: &DocKey) -> Vec<Value> {
        let values = format!("{},{},{}", key.business_unit, key.doc_type.code(), key.id);
        self.rows("X_SHIP_TRACK", "BUSINESS_UNIT,DOC_TYPE,DOC_ID", &values)
            .await
    }
}

async fn read(answer: Response) -> (u16, Value) {
    let status = answer.status().as_u16();
    let text = answer.text().await.unwrap();
    let body = serde_json::from_str(&text).unwrap_or(Value::String(text));
    (status, body)
}
