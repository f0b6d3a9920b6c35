//! The account as a client meets it: over HTTP, with a clock that stands still.

mod authentication;
mod demo_addresses;
mod fulfilling;
mod invoicing;
mod querying;
mod stock;
mod working_together;

use super::NetSuite;
use super::demo::demo_orders;
use super::keys::{KeyKind, MadeKey};
use super::model::{Address, Id};
use super::options::Options;
use super::people::{NewLine, NewOrder};
use super::tba;
use super::world::Basics;
use crate::clock::Clock;
use crate::faults::{Fault, FaultKind};
use crate::server::{Base, Serving};
use jiff::{SignedDuration, Timestamp};
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use reqwest::{Client, Method, RequestBuilder, Response};
use serde_json::{Value, json};

const TOKEN: &str = "/services/rest/auth/oauth2/v1/token";
const SUITEQL: &str = "/services/rest/query/v1/suiteql";
const RECORD: &str = "/services/rest/record/v1";

/// A served account, an integration with a certificate and a token in hand.
struct Stage {
    netsuite: NetSuite,
    serving: Serving,
    http: Client,
    key: MadeKey,
    token: String,
}

fn start() -> Timestamp {
    "2026-02-03T18:00:00Z".parse().unwrap()
}

fn address() -> Address {
    demo_orders(40, 3)
        .into_iter()
        .find(|one| one.correction.is_none())
        .unwrap()
        .order
        .address
}

fn claims(client: &str, now: i64) -> Value {
    json!({
        "iss": client,
        "scope": ["rest_webservices"],
        "aud": format!("https://1234567-sb1.suitetalk.api.netsuite.com{TOKEN}"),
        "iat": now - 10,
        "exp": now + 600,
    })
}

fn assertion(algorithm: Algorithm, kid: &str, claims: &Value, key: &MadeKey) -> String {
    let header = Header {
        kid: Some(kid.into()),
        ..Header::new(algorithm)
    };
    let pem = key.private_pem.as_bytes();
    let key = match algorithm {
        Algorithm::ES256 | Algorithm::ES384 => EncodingKey::from_ec_pem(pem),
        _ => EncodingKey::from_rsa_pem(pem),
    };
    encode(&header, claims, &key.unwrap()).unwrap()
}

impl Stage {
    async fn new(options: Options) -> Self {
        let base = Base {
            clock: Clock::frozen(start()),
            ..Base::default()
        };
        let netsuite = NetSuite::new(options, base).unwrap();
        let serving = netsuite.serve(0).await.unwrap();
        let key = netsuite
            .make_certificate(KeyKind::P256, "certificate-1", "client-1")
            .unwrap();
        let http = Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .unwrap();
        let mut stage = Self {
            netsuite,
            serving,
            http,
            key,
            token: String::new(),
        };
        stage.token = stage.mint().await;
        stage
    }

    async fn plain() -> Self {
        Self::new(Options::default()).await
    }

    fn now(&self) -> i64 {
        self.netsuite.base.clock.now().as_second()
    }

    fn advance(&self, seconds: i64) {
        self.netsuite.base.clock.advance(SignedDuration::from_secs(seconds));
    }

    fn basics(&self) -> Basics {
        self.netsuite.basics()
    }

    fn fault(&self, operation: &str, kind: FaultKind) {
        self.netsuite.base.faults.add(Fault::new(operation, kind).at_most(1));
    }

    async fn ask_token(&self, assertion: &str) -> (u16, Value) {
        let form = [
            ("grant_type", "client_credentials"),
            (
                "client_assertion_type",
                "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
            ),
            ("client_assertion", assertion),
        ];
        self.token_form(&form, None).await
    }

    async fn token_form(&self, form: &[(&str, &str)], basic: Option<(&str, &str)>) -> (u16, Value) {
        let body: Vec<String> = form
            .iter()
            .map(|(name, value)| format!("{name}={}", tba::encode(value)))
            .collect();
        let request = self
            .http
            .post(format!("{}{TOKEN}", self.serving.url()))
            .body(body.join("&"));
        let mut request = request.header("Content-Type", "application/x-www-form-urlencoded");
        if let Some((user, password)) = basic {
            request = request.basic_auth(user, Some(password));
        }
        read(request.send().await.unwrap()).await
    }

    async fn mint(&self) -> String {
        let assertion = assertion(
            Algorithm::ES256,
            "certificate-1",
            &claims("client-1", self.now()),
            &self.key,
        );
        let (status, body) = self.ask_token(&assertion).await;
        assert_eq!(status, 200, "{body}");
        body["access_token"].as_str().unwrap().to_owned()
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http
            .request(method, format!("{}{path}", self.serving.url()))
            .bearer_auth(&self.token)
    }

    async fn get(&self, path: &str) -> (u16, Value) {
        read(
            self.request(Method::GET, &format!("{RECORD}{path}"))
                .send()
                .await
                .unwrap(),
        )
        .await
    }

    async fn patch(&self, path: &str, body: Value) -> (u16, Value) {
        read(
            self.request(Method::PATCH, &format!("{RECORD}{path}"))
                .json(&body)
                .send()
                .await
                .unwrap(),
        )
        .await
    }

    fn transform(&self, order: Id, query: &str, body: &Value) -> RequestBuilder {
        let path = format!("{RECORD}/salesOrder/{order}/!transform/itemFulfillment{query}");
        self.request(Method::POST, &path)
            .header("X-NetSuite-PropertyNameValidation", "Error")
            .json(body)
    }

    async fn query(&self, q: &str, params: &[&str], paging: &str) -> (u16, Value) {
        let request = self
            .request(Method::POST, &format!("{SUITEQL}{paging}"))
            .header("Prefer", "transient");
        read(request.json(&json!({ "q": q, "params": params })).send().await.unwrap()).await
    }

    /// An order of these lines: item, ordered, committed.
    fn order(&self, lines: &[(Id, u32, u32)]) -> Id {
        let lines = lines
            .iter()
            .map(|(item, quantity, committed)| NewLine::of(*item, *quantity).committed(*committed));
        self.enter(NewOrder::to(address(), lines.collect()))
    }

    fn enter(&self, order: NewOrder) -> Id {
        self.netsuite.act(|world, now| world.add_order(order, now)).unwrap()
    }

    fn number(&self, order: Id) -> String {
        self.netsuite.act(|world, _| world.orders[&order].tran_id.clone())
    }

    fn modified(&self, order: Id) -> Timestamp {
        self.netsuite.act(|world, _| world.orders[&order].last_modified)
    }
}

async fn read(answer: Response) -> (u16, Value) {
    let status = answer.status().as_u16();
    let text = answer.text().await.unwrap();
    (status, serde_json::from_str(&text).unwrap_or(Value::Null))
}

fn code(body: &Value) -> &str {
    body["o:errorDetails"][0]["o:errorCode"].as_str().unwrap_or_default()
}

fn detail(body: &Value) -> &str {
    body["o:errorDetails"][0]["detail"].as_str().unwrap_or_default()
}
