//! The account over HTTP: which request is which operation, who may do it, and what is answered.
//!
//! Follows the SuiteTalk REST help: 204 with `Location` for writes, `o:errorDetails` for refusals, a concurrency limit
//! per account whose 429 says nothing about when to come back.

use super::access::{Asked, TOKEN_PATH};
use super::body::Reader;
use super::model::Id;
use super::records::{self, RECORDS, Wanted};
use super::refusal::Refusal;
use super::suiteql::{self, Query};
use super::{Inner, NetSuite};
use crate::server::{Simulator, StaleBy};
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HOST, LOCATION, WARNING};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode};
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::Duration;
use url::form_urlencoded;

const BODY_LIMIT: usize = 64 * 1024 * 1024;
const SUITEQL: &str = "/services/rest/query/v1/suiteql";
const SERVER_TIME: &str = "/services/rest/system/v1/serverTime";
const AUTHORIZE: &str = "/app/login/oauth2/authorize.nl";

/// What a request wants.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Route {
    Token,
    Authorize,
    ServerTime,
    SuiteQl,
    Metadata,
    Transform(String),
    Record { verb: Verb, kind: Kind, id: String },
    Unknown,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verb {
    Get,
    Patch,
    Delete,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    SalesOrder,
    ItemFulfilment,
    Invoice,
    Customer,
    Item,
    Location,
}

impl Route {
    fn of(method: &Method, path: &str) -> Self {
        match (method.as_str(), path) {
            ("POST", TOKEN_PATH) => Self::Token,
            ("GET", AUTHORIZE) => Self::Authorize,
            ("GET", SERVER_TIME) => Self::ServerTime,
            ("POST", SUITEQL) => Self::SuiteQl,
            _ => path
                .strip_prefix(RECORDS)
                .map_or(Self::Unknown, |rest| Self::record(method, rest)),
        }
    }

    fn record(method: &Method, path: &str) -> Self {
        let decoded = path.replace("%21", "!").replace("%3A", ":").replace("%3a", ":");
        let segments: Vec<&str> = decoded.trim_matches('/').split('/').collect();
        match (method.as_str(), segments.as_slice()) {
            ("GET", ["metadata-catalog", ..]) => Self::Metadata,
            ("POST", [kind, id, "!transform", target])
                if kind.eq_ignore_ascii_case("salesOrder") && target.eq_ignore_ascii_case("itemFulfillment") =>
            {
                Self::Transform((*id).to_owned())
            }
            (method, [kind, id]) => match (verb(method), kind_of(kind)) {
                (Some(verb), Some(kind)) => Self::Record {
                    verb,
                    kind,
                    id: (*id).to_owned(),
                },
                _ => Self::Unknown,
            },
            _ => Self::Unknown,
        }
    }

    /// The name under which the operation is counted, planned for faults and denied.
    fn operation(&self) -> &'static str {
        match self {
            Self::Token => "token",
            Self::Authorize => "authorize",
            Self::ServerTime => "server_time",
            Self::SuiteQl => "suiteql",
            Self::Metadata => "metadata",
            Self::Transform(_) => "transform",
            Self::Unknown => "unknown",
            Self::Record { verb, kind, .. } => record_operation(*verb, *kind),
        }
    }
}

fn record_operation(verb: Verb, kind: Kind) -> &'static str {
    match (verb, kind) {
        (Verb::Get, Kind::SalesOrder) => "get_salesorder",
        (Verb::Patch, Kind::SalesOrder) => "patch_salesorder",
        (Verb::Get, Kind::ItemFulfilment) => "get_itemfulfillment",
        (Verb::Patch, Kind::ItemFulfilment) => "patch_itemfulfillment",
        (Verb::Delete, Kind::ItemFulfilment) => "delete_itemfulfillment",
        (Verb::Get, Kind::Invoice) => "get_invoice",
        (Verb::Patch, Kind::Invoice) => "patch_invoice",
        (Verb::Get, Kind::Customer) => "get_customer",
        (Verb::Get, Kind::Item) => "get_item",
        (Verb::Get, Kind::Location) => "get_location",
        _ => "unknown",
    }
}

fn verb(method: &str) -> Option<Verb> {
    match method {
        "GET" => Some(Verb::Get),
        "PATCH" => Some(Verb::Patch),
        "DELETE" => Some(Verb::Delete),
        _ => None,
    }
}

fn kind_of(record: &str) -> Option<Kind> {
    match record.to_ascii_lowercase().as_str() {
        "salesorder" => Some(Kind::SalesOrder),
        "itemfulfillment" => Some(Kind::ItemFulfilment),
        "invoice" => Some(Kind::Invoice),
        "customer" => Some(Kind::Customer),
        "location" => Some(Kind::Location),
        "inventoryitem" | "assemblyitem" | "kititem" | "noninventorysaleitem" | "servicesaleitem" => Some(Kind::Item),
        _ => None,
    }
}

/// What is answered when all went well.
#[derive(Debug, Default)]
struct Answer {
    body: Option<Value>,
    location: Option<String>,
    warnings: Vec<String>,
}

impl Answer {
    fn with(body: Value) -> Self {
        Self {
            body: Some(body),
            ..Self::default()
        }
    }

    fn written(location: String, warnings: Vec<String>) -> Self {
        Self {
            body: None,
            location: Some(location),
            warnings,
        }
    }
}

/// A request that has come in, with what its handlers need.
struct Call<'a> {
    parts: &'a Parts,
    body: &'a [u8],
    client: &'a str,
    now: Timestamp,
}

impl Call<'_> {
    fn query(&self) -> BTreeMap<String, String> {
        pairs(self.parts.uri.query().unwrap_or_default().as_bytes())
    }

    fn header(&self, name: &str) -> &str {
        text(&self.parts.headers, name)
    }

    fn base(&self) -> String {
        format!("http://{}", self.header(HOST.as_str()))
    }

    fn json(&self) -> Result<Value, Refusal> {
        let read: Result<Value, _> = serde_json::from_slice(self.body);
        let object = read.ok().filter(Value::is_object);
        object.ok_or_else(|| Refusal::new(400, "INVALID_CONTENT", "The request body is not a JSON object."))
    }

    fn reader(&self) -> Reader {
        let strict = self
            .header("X-NetSuite-PropertyNameValidation")
            .eq_ignore_ascii_case("error");
        Reader {
            strict,
            warnings: Vec::new(),
        }
    }

    fn replaces(&self, sublist: &str) -> bool {
        self.query()
            .get("replace")
            .is_some_and(|names| names.split(',').any(|name| name == sublist))
    }

    fn stale_by(&self) -> SignedDuration {
        self.parts
            .extensions
            .get::<StaleBy>()
            .map_or(SignedDuration::ZERO, |stale| stale.0)
    }

    fn seen_until(&self) -> Timestamp {
        self.now.checked_sub(self.stale_by()).unwrap_or(self.now)
    }

    fn wanted(&self) -> Wanted {
        let query = self.query();
        let fields = query
            .get("fields")
            .map(|names| names.split(',').map(str::to_owned).collect());
        let expand = query.get("expandSubResources").is_some_and(|value| value == "true");
        Wanted {
            base: self.base(),
            expand,
            fields: fields.unwrap_or_default(),
        }
    }
}

fn pairs(text: &[u8]) -> BTreeMap<String, String> {
    form_urlencoded::parse(text).into_owned().collect()
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
    headers
        .get(name)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default()
}

/// The vendor's routes; everything that is no control route comes here.
pub(super) fn routes(netsuite: NetSuite) -> Router {
    Router::new().fallback(receive).with_state(netsuite)
}

async fn receive(State(netsuite): State<NetSuite>, request: Request) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, BODY_LIMIT).await.unwrap_or_default();
    match Route::of(&parts.method, parts.uri.path()) {
        Route::Token => netsuite.token_endpoint(&parts, &body),
        Route::Authorize => netsuite.authorize_page(&parts),
        route => netsuite
            .rest(route, parts, body)
            .await
            .unwrap_or_else(|refusal| refused(&refusal)),
    }
}

impl NetSuite {
    fn token_endpoint(&self, parts: &Parts, body: &Bytes) -> Response<Body> {
        let now = self.base.clock.now();
        if !text(&parts.headers, CONTENT_TYPE.as_str()).contains("application/x-www-form-urlencoded") {
            let body = json!({ "error": "invalid_request", "error_description": "The body must be a form." });
            return json_response(400, "application/json", &body);
        }
        let basic = Some(text(&parts.headers, AUTHORIZATION.as_str())).filter(|header| !header.is_empty());
        let answer = self.with(|inner| {
            let options = inner.world.options.clone();
            inner.access.token(&pairs(body), basic, &options, now)
        });
        match answer {
            Ok(body) => json_response(200, "application/json", &body),
            Err(error) => {
                let status = if error.error == "invalid_client" { 401 } else { 400 };
                json_response(status, "application/json", &error.body())
            }
        }
    }

    fn authorize_page(&self, parts: &Parts) -> Response<Body> {
        let now = self.base.clock.now();
        let query = pairs(parts.uri.query().unwrap_or_default().as_bytes());
        match self.with(|inner| inner.access.authorize(&query, now)) {
            Ok(target) => {
                let mut answer = empty(302);
                put(answer.headers_mut(), LOCATION.as_str(), &target);
                answer
            }
            Err(error) => json_response(400, "application/json", &error.body()),
        }
    }

    async fn rest(&self, route: Route, parts: Parts, body: Bytes) -> Result<Response<Body>, Refusal> {
        let client = self.admit(&parts)?;
        let (limit, latency, turns) = self.with(|inner| {
            let options = &inner.world.options;
            (options.concurrency, options.latency_ms, options.turns)
        });
        let Some(_slot) = self.slots.take(limit) else {
            self.with(|inner| inner.traffic.refused_for_concurrency += 1);
            return Err(Refusal::concurrency());
        };
        if latency > 0 {
            tokio::time::sleep(Duration::from_millis(latency)).await;
        }
        for _ in 0..turns {
            tokio::task::yield_now().await;
        }
        let call = Call {
            parts: &parts,
            body: &body,
            client: &client,
            now: self.base.clock.now(),
        };
        let answer = self.with(|inner| inner.permitted(&route).and_then(|()| inner.answer(&route, &call)))?;
        if !answer.warnings.is_empty() {
            self.with(|inner| inner.traffic.warnings.extend(answer.warnings.iter().cloned()));
        }
        Ok(answered(&answer))
    }

    fn admit(&self, parts: &Parts) -> Result<String, Refusal> {
        let now = self.base.clock.now();
        let asked = Asked {
            method: parts.method.as_str(),
            host: text(&parts.headers, HOST.as_str()),
            path: parts.uri.path(),
            query: parts.uri.query().unwrap_or_default(),
            authorization: text(&parts.headers, AUTHORIZATION.as_str()),
        };
        self.with(|inner| {
            let client = inner.access.admit(&asked, &inner.world.options, now);
            if client.is_none() {
                inner.traffic.refused_logins += 1;
            }
            client.ok_or_else(Refusal::login)
        })
    }
}

impl Inner {
    fn permitted(&self, route: &Route) -> Result<(), Refusal> {
        let operation = route.operation();
        if self.world.options.denied.contains(operation) {
            Err(Refusal::permission(operation))
        } else {
            Ok(())
        }
    }

    fn answer(&mut self, route: &Route, call: &Call<'_>) -> Result<Answer, Refusal> {
        match route {
            Route::ServerTime => Ok(Answer::with(json!({
                "serverTime": call.now.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()
            }))),
            Route::SuiteQl => self.suiteql(call),
            Route::Metadata => Ok(Answer::with(metadata(call))),
            Route::Transform(id) => self.transform(id, call),
            Route::Record {
                verb: Verb::Get,
                kind,
                id,
            } => self.read(*kind, id, call),
            Route::Record {
                verb: Verb::Patch,
                kind: Kind::SalesOrder,
                id,
            } => self.patch_order(id, call),
            Route::Record {
                verb: Verb::Patch,
                kind: Kind::ItemFulfilment,
                id,
            } => self.patch_fulfilment(id, call),
            Route::Record {
                verb: Verb::Patch,
                kind: Kind::Invoice,
                id,
            } => self.patch_invoice(id, call),
            Route::Record {
                verb: Verb::Delete,
                kind: Kind::ItemFulfilment,
                id,
            } => self.delete(id, call),
            _ => Err(Refusal::new(404, "NOT_FOUND", "The requested resource does not exist.")),
        }
    }

    fn order(&self, id: &str, call: &Call<'_>) -> Result<Id, Refusal> {
        let found = match id.strip_prefix("eid:") {
            Some(eid) => {
                let named = |order: &&super::model::SalesOrder| order.external_id.as_deref() == Some(eid);
                let known = self.world.orders.values().find(named);
                known
                    .filter(|order| order.created <= call.seen_until())
                    .map(|order| order.id)
            }
            None => id.parse().ok(),
        };
        found
            .filter(|id| self.world.orders.contains_key(id))
            .ok_or_else(Refusal::nonexistent)
    }

    fn fulfilment(&self, id: &str, call: &Call<'_>) -> Result<Id, Refusal> {
        let found = match id.strip_prefix("eid:") {
            Some(eid) => self
                .world
                .fulfilment_by_external_id(eid, call.seen_until())
                .map(|one| one.id),
            None => id.parse().ok(),
        };
        found
            .filter(|id| self.world.fulfilments.contains_key(id))
            .ok_or_else(Refusal::nonexistent)
    }

    fn read(&self, kind: Kind, id: &str, call: &Call<'_>) -> Result<Answer, Refusal> {
        let (world, wanted) = (&self.world, call.wanted());
        let plain = || id.parse::<Id>().map_err(|_| Refusal::nonexistent());
        let record = match kind {
            Kind::SalesOrder => {
                let id = self.order(id, call)?;
                world
                    .orders
                    .get(&id)
                    .map(|order| records::sales_order(world, order, &wanted))
            }
            Kind::ItemFulfilment => {
                let id = self.fulfilment(id, call)?;
                world
                    .fulfilments
                    .get(&id)
                    .map(|one| records::item_fulfilment(world, one, &wanted))
            }
            Kind::Invoice => world
                .invoices
                .get(&plain()?)
                .map(|one| records::invoice(world, one, &wanted)),
            Kind::Customer => world
                .customers
                .get(&plain()?)
                .map(|customer| records::customer(customer, &wanted)),
            Kind::Location => world
                .locations
                .get(&plain()?)
                .map(|one| records::location_record(one, &wanted)),
            Kind::Item => world.items.get(&plain()?).map(|item| records::item(item, &wanted)),
        };
        record.map(Answer::with).ok_or_else(Refusal::nonexistent)
    }

    fn transform(&mut self, id: &str, call: &Call<'_>) -> Result<Answer, Refusal> {
        let order = self.order(id, call)?;
        let current = self.world.orders.get(&order).and_then(|order| order.ship_method);
        let body = if call.body.is_empty() { json!({}) } else { call.json()? };
        let mut reader = call.reader();
        let world = &self.world;
        let read = reader.fulfilment(&body, &world.options, current, |method| world.integration(method))?;
        let sublist = world.integration(read.ship_method.or(current)).sublist();
        let id = self
            .world
            .transform(order, read, call.replaces(sublist), call.client, call.now)?;
        Ok(Answer::written(
            format!("{}{RECORDS}/itemFulfillment/{id}", call.base()),
            reader.warnings,
        ))
    }

    fn patch_order(&mut self, id: &str, call: &Call<'_>) -> Result<Answer, Refusal> {
        let id = self.order(id, call)?;
        let mut reader = call.reader();
        let body = reader.order(&call.json()?, &self.world.options)?;
        self.world.patch_order(id, body, call.client, call.now)?;
        Ok(Answer::written(
            format!("{}{RECORDS}/salesOrder/{id}", call.base()),
            reader.warnings,
        ))
    }

    fn patch_fulfilment(&mut self, id: &str, call: &Call<'_>) -> Result<Answer, Refusal> {
        let id = self.fulfilment(id, call)?;
        let current = self.world.fulfilments.get(&id).and_then(|one| one.ship_method);
        let mut reader = call.reader();
        let world = &self.world;
        let read = reader.fulfilment(&call.json()?, &world.options, current, |method| {
            world.integration(method)
        })?;
        let sublist = world.integration(read.ship_method.or(current)).sublist();
        self.world
            .patch_fulfilment(id, read, call.replaces(sublist), call.client, call.now)?;
        Ok(Answer::written(
            format!("{}{RECORDS}/itemFulfillment/{id}", call.base()),
            reader.warnings,
        ))
    }

    fn patch_invoice(&mut self, id: &str, call: &Call<'_>) -> Result<Answer, Refusal> {
        let id: Id = id.parse().map_err(|_| Refusal::nonexistent())?;
        let mut reader = call.reader();
        let custom = reader.invoice(&call.json()?, &self.world.options)?;
        self.world.patch_invoice(id, custom, call.client, call.now)?;
        Ok(Answer::written(
            format!("{}{RECORDS}/invoice/{id}", call.base()),
            reader.warnings,
        ))
    }

    fn delete(&mut self, id: &str, call: &Call<'_>) -> Result<Answer, Refusal> {
        let id = self.fulfilment(id, call)?;
        self.world.check_deletable(id)?;
        self.world
            .remove_fulfilment(id, call.now)
            .ok_or_else(Refusal::nonexistent)?;
        Ok(Answer::default())
    }

    fn suiteql(&mut self, call: &Call<'_>) -> Result<Answer, Refusal> {
        if !call.header("Prefer").eq_ignore_ascii_case("transient") {
            let detail = "The required request header 'Prefer' is missing or not valid: it must be 'transient'.";
            return Err(Refusal::new(400, "INVALID_HEADER", detail));
        }
        let query = suiteql_query(call)?;
        let words = || {
            query
                .text
                .split(|letter: char| !(letter.is_ascii_alphanumeric() || letter == '_'))
        };
        let mut hidden = self.world.options.unknown_columns.iter();
        if let Some(name) = hidden.find(|name| words().any(|word| word == name.as_str())) {
            return Err(suiteql::unknown_column(name));
        }
        let page = self.engine.run(&mut self.world, &query, call.now)?;
        let has_more = query.offset + page.rows.len() < page.total;
        Ok(Answer::with(json!({
            "links": page_links(call, &query, has_more),
            "count": page.rows.len(),
            "hasMore": has_more,
            "items": page.rows,
            "offset": query.offset,
            "totalResults": page.total,
        })))
    }
}

#[derive(Deserialize)]
struct QueryBody {
    q: String,
    #[serde(default)]
    params: Vec<Value>,
}

fn suiteql_query(call: &Call<'_>) -> Result<Query, Refusal> {
    let body: QueryBody = serde_json::from_value(call.json()?).map_err(|_| {
        Refusal::new(
            400,
            "INVALID_CONTENT",
            "The body must have q, and params only as a list.",
        )
    })?;
    let parameters = body.params.into_iter().map(|value| match value {
        Value::String(text) => Ok(text),
        Value::Number(number) => Ok(number.to_string()),
        _ => Err(Refusal::content("params", "A parameter must be a string.")),
    });
    let query = call.query();
    let number = |name: &'static str, default: usize| match query.get(name) {
        None => Ok(default),
        Some(text) => text
            .parse()
            .map_err(|_| Refusal::parameter(name, format!("Invalid value {text}."))),
    };
    Ok(Query {
        text: body.q,
        parameters: parameters.collect::<Result<_, _>>()?,
        limit: number("limit", 1_000)?,
        offset: number("offset", 0)?,
        stale_by: call.stale_by(),
    })
}

fn page_links(call: &Call<'_>, query: &Query, has_more: bool) -> Value {
    let link = |rel: &str, offset: usize| json!({ "rel": rel, "href": format!("{}{SUITEQL}?limit={}&offset={offset}", call.base(), query.limit) });
    let mut links = vec![link("self", query.offset)];
    if has_more {
        links.push(link("next", query.offset + query.limit));
    }
    if query.offset > 0 {
        links.push(link("previous", query.offset - query.limit));
    }
    json!(links)
}

fn metadata(call: &Call<'_>) -> Value {
    let names = ["salesOrder", "itemFulfillment", "invoice", "customer", "inventoryItem"];
    let items: Vec<Value> = names.iter().map(|name| json!({ "name": name, "links": [] })).collect();
    json!({ "links": [{ "rel": "self", "href": format!("{}{RECORDS}/metadata-catalog", call.base()) }], "items": items })
}

fn answered(answer: &Answer) -> Response<Body> {
    let mut response = match &answer.body {
        Some(body) if body.get("hasMore").is_some() => json_response(
            200,
            "application/vnd.oracle.resource+json; type=collection; charset=utf-8",
            body,
        ),
        Some(body) => json_response(
            200,
            "application/vnd.oracle.resource+json; type=singular; charset=utf-8",
            body,
        ),
        None => empty(204),
    };
    if let Some(location) = &answer.location {
        put(response.headers_mut(), LOCATION.as_str(), location);
    }
    for warning in &answer.warnings {
        put(
            response.headers_mut(),
            WARNING.as_str(),
            &format!("199 - \"{}\"", warning.replace('"', "'")),
        );
    }
    response
}

fn refused(refusal: &Refusal) -> Response<Body> {
    let kind = "application/vnd.oracle.resource+json; type=error; charset=utf-8";
    let mut response = json_response(refusal.status, kind, &refusal.body());
    if refusal.status == 401 {
        put(
            response.headers_mut(),
            "WWW-Authenticate",
            "Bearer error=\"invalid_token\"",
        );
    }
    response
}

fn json_response(status: u16, kind: &'static str, body: &Value) -> Response<Body> {
    let mut response = Response::new(Body::from(body.to_string()));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}

fn empty(status: u16) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response
}

fn put(headers: &mut HeaderMap, name: &'static str, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.append(name, value);
    }
}

impl Simulator for NetSuite {
    fn operation(&self, method: &Method, path: &str) -> &'static str {
        Route::of(method, path).operation()
    }

    fn error_body(&self, status: u16) -> Value {
        let refusal = match status {
            401 => Refusal::login(),
            403 => Refusal::permission("the operation"),
            404 => Refusal::nonexistent(),
            429 => Refusal::concurrency(),
            400..=499 => Refusal {
                status,
                ..Refusal::user("A planned error.")
            },
            _ => Refusal::new(
                status,
                "UNEXPECTED_ERROR",
                "An unexpected error occurred. Error ID: m0cked1",
            ),
        };
        refusal.body()
    }

    fn expire_tokens(&self) {
        self.with(|inner| inner.access.expire_tokens());
    }

    fn books(&self) -> Value {
        serde_json::to_value(NetSuite::books(self)).unwrap_or_default()
    }

    fn reset(&self) {
        // The base cannot be told of a failure, and only a machine out of memory has one.
        let _ = NetSuite::reset(self);
    }
}
