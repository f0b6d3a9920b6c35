//! The pod as a client meets it: over HTTP, with a clock that stands still.

mod authentication;
mod changing;
mod demo_addresses;
mod masters;
mod people_at_work;
mod reading;
mod troubles;

use super::Fusion;
use super::access::{AUDIENCE, TOKEN_PATH, User};
use super::entering::NewOrder;
use super::model::Id;
use super::options::Options;
use crate::clock::Clock;
use crate::faults::{Fault, FaultKind};
use crate::server::{Base, Serving};
use jiff::{SignedDuration, Timestamp};
use reqwest::{Client, Method, RequestBuilder, Response};
use serde_json::{Value, json};
use url::form_urlencoded;

const ROOT: &str = "/fscmRestApi/resources/11.13.18.05";
const ITEM: &str = "application/vnd.oracle.adf.resourceitem+json";
const ACTION: &str = "application/vnd.oracle.adf.action+json";
const USER: &str = "waybill.integration";
const PASSWORD: &str = "pass:word";

/// A served pod and a service user.
struct Stage {
    fusion: Fusion,
    serving: Serving,
    http: Client,
    version: Option<u32>,
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
        let fusion = Fusion::new(options, base);
        let serving = fusion.serve(0).await.unwrap();
        fusion.register(|access| access.register_user(User::named(USER).with_password(PASSWORD)));
        let redirects = reqwest::redirect::Policy::none();
        let http = Client::builder().no_proxy().redirect(redirects).build().unwrap();
        Self {
            fusion,
            serving,
            http,
            version: Some(4),
        }
    }

    async fn plain() -> Self {
        Self::new(Options::default()).await
    }

    fn at_version(self, version: Option<u32>) -> Self {
        Self { version, ..self }
    }

    fn advance(&self, seconds: i64) {
        self.fusion.base.clock.advance(SignedDuration::from_secs(seconds));
    }

    fn fault(&self, operation: &str, kind: FaultKind) {
        self.fusion.base.faults.add(Fault::new(operation, kind).at_most(1));
    }

    fn enter(&self, order: NewOrder) -> Id {
        self.fusion.act(|world, now| world.add_order(order, now)).unwrap()
    }

    fn number(&self, order: Id) -> String {
        self.fusion.act(|world, _| world.orders[&order].number.clone())
    }

    fn book(&self, order: Id) -> super::books::OrderBook {
        self.fusion.books().orders[&self.number(order)].clone()
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.serving.url())
    }

    /// A request by the service user; a path without a host is the pod's.
    fn request(&self, method: Method, target: &str) -> RequestBuilder {
        let url = if target.starts_with("http") {
            target.to_owned()
        } else {
            self.url(target)
        };
        let request = self.http.request(method, url).basic_auth(USER, Some(PASSWORD));
        match self.version {
            Some(version) => request.header("REST-Framework-Version", version.to_string()),
            None => request,
        }
    }

    async fn get(&self, target: &str) -> (u16, Value) {
        read(self.request(Method::GET, target).send().await.unwrap()).await
    }

    async fn list(&self, resource: &str, parameters: &[(&str, &str)]) -> (u16, Value) {
        let query = form_urlencoded::Serializer::new(String::new())
            .extend_pairs(parameters)
            .finish();
        self.get(&format!("{ROOT}/{resource}?{query}")).await
    }

    async fn query(&self, q: &str) -> (u16, Value) {
        self.list("purchaseOrders", &[("q", q)]).await
    }

    /// Order numbers that a filter lets through, in the order of their numbers.
    async fn numbers(&self, q: &str) -> Vec<String> {
        let (status, body) = self
            .list("purchaseOrders", &[("q", q), ("orderBy", "OrderNumber")])
            .await;
        assert_eq!(status, 200, "{q}: {body}");
        let items = body["items"].as_array().unwrap();
        items
            .iter()
            .map(|one| one["OrderNumber"].as_str().unwrap().to_owned())
            .collect()
    }

    /// Where an order lies in a resource, by its own link.
    async fn link(&self, resource: &str, order: Id) -> String {
        let q = match self.version {
            None | Some(1) => format!("POHeaderId={order}"),
            _ => format!("POHeaderId = {order}"),
        };
        let (status, body) = self.list(resource, &[("q", &q)]).await;
        assert_eq!(status, 200, "{body}");
        self_link(&body["items"][0])
    }

    async fn draft(&self, order: Id) -> String {
        self.link("draftPurchaseOrders", order).await
    }

    async fn patch(&self, url: &str, body: Value) -> (u16, Value) {
        read(self.writing(Method::PATCH, url, &body).send().await.unwrap()).await
    }

    async fn post(&self, url: &str, body: Value) -> (u16, Value) {
        read(self.writing(Method::POST, url, &body).send().await.unwrap()).await
    }

    fn writing(&self, method: Method, url: &str, body: &Value) -> RequestBuilder {
        let request = self.request(method, url).header("Content-Type", ITEM);
        request.body(body.to_string())
    }

    async fn action(&self, draft: &str, name: &str) -> (u16, Value) {
        let request = self
            .request(Method::POST, &format!("{draft}/action/{name}"))
            .header("Content-Type", ACTION);
        read(request.body("{}").send().await.unwrap()).await
    }

    async fn tag(&self, url: &str) -> String {
        let answer = self.request(Method::GET, url).send().await.unwrap();
        answer.headers()["ETag"].to_str().unwrap().to_owned()
    }
}

async fn read(answer: Response) -> (u16, Value) {
    let status = answer.status().as_u16();
    let text = answer.text().await.unwrap();
    (status, serde_json::from_str(&text).unwrap_or(Value::String(text)))
}

fn self_link(item: &Value) -> String {
    let links = item["links"].as_array().unwrap();
    let own = links.iter().find(|link| link["rel"] == "self").unwrap();
    own["href"].as_str().unwrap().to_owned()
}

fn detail(body: &Value) -> &str {
    body["o:errorDetails"][0]["detail"].as_str().unwrap_or_default()
}
