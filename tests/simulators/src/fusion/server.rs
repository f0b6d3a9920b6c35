//! The pod over HTTP: who may do what, and what is answered in which form.
//!
//! Follows the framework's pages: items with entity tags, media types of their own, errors as JSON or text by the version
//! that the request names. Quirks: without a version the oldest one counts; data that a user may not see is absent, not
//! forbidden; the identity domain is served beside the pod.

use super::access::{Form, User};
use super::model::Id;
use super::nodes;
use super::nodes::View;
use super::options::{Bypass, LocationShape, LoginAnswer};
use super::refusal::Refusal;
use super::resources::{FLAT_LOCATIONS, ITEMS, LOCATIONS, Resource, SUPPLIERS};
use super::route::{Action, Collection, LOGIN_PAGE, Route};
use super::shape::{self, Node, Printer, Wanted};
use super::writing;
use super::{Fusion, Inner};
use crate::server::{Simulator, StaleBy};
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE, ETAG, HOST, IF_MATCH, LOCATION};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode};
use jiff::Timestamp;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::time::Duration;
use url::form_urlencoded;

const BODY_LIMIT: usize = 64 * 1024 * 1024;
const COLLECTION: &str = "application/vnd.oracle.adf.resourcecollection+json";
const ITEM: &str = "application/vnd.oracle.adf.resourceitem+json";
const ACTION: &str = "application/vnd.oracle.adf.action+json";
const ACTION_RESULT: &str = "application/vnd.oracle.adf.actionresult+json";
const DESCRIPTION: &str = "application/vnd.oracle.adf.description+json";
const ERROR: &str = "application/vnd.oracle.adf.error+json";
const PLAIN: &str = "application/json";

/// What is answered when all went well.
#[derive(Debug)]
struct Answer {
    status: u16,
    kind: &'static str,
    body: Value,
    tag: Option<String>,
    location: Option<String>,
}

impl Answer {
    fn of(kind: &'static str, body: Value) -> Self {
        Self {
            status: 200,
            kind,
            body,
            tag: None,
            location: None,
        }
    }
}

/// A request that has come in, with what its handlers need.
struct Call<'a> {
    parts: &'a Parts,
    body: &'a [u8],
    user: &'a User,
    version: u32,
    now: Timestamp,
}

impl Call<'_> {
    fn parameters(&self) -> Form {
        pairs(self.parts.uri.query().unwrap_or_default().as_bytes())
    }

    fn header(&self, name: &str) -> &str {
        text(&self.parts.headers, name)
    }

    fn base(&self, link_base: Option<&String>) -> String {
        link_base.map_or_else(|| format!("http://{}", self.header(HOST.as_str())), Clone::clone)
    }

    fn object(&self) -> Result<Map<String, Value>, Refusal> {
        match serde_json::from_slice(self.body) {
            Ok(Value::Object(fields)) => Ok(fields),
            _ => Err(Refusal::bad("The request body is not a JSON object.")),
        }
    }

    fn must_be(&self, kinds: &[&'static str]) -> Result<(), Refusal> {
        let kind = self
            .header(CONTENT_TYPE.as_str())
            .split(';')
            .next()
            .unwrap_or_default()
            .trim();
        if kinds.iter().any(|one| kind.eq_ignore_ascii_case(one)) {
            Ok(())
        } else {
            Err(Refusal::media(kinds.first().copied().unwrap_or_default()))
        }
    }

    /// The request is for the item as it stands, or for whatever stands there.
    fn matches(&self, node: &Node) -> Result<(), Refusal> {
        let wanted = self.header(IF_MATCH.as_str());
        let tag = node.tag();
        let fits = |one: &str| one == "*" || one.trim_start_matches("W/").trim_matches('"') == tag;
        if wanted.is_empty() || wanted.split(',').map(str::trim).any(fits) {
            Ok(())
        } else {
            Err(Refusal::stale())
        }
    }

    fn seen_until(&self) -> Timestamp {
        let stale = self.parts.extensions.get::<StaleBy>();
        stale
            .and_then(|stale| self.now.checked_sub(stale.0).ok())
            .unwrap_or(self.now)
    }
}

/// What lies at a path below an item.
enum Found<'a> {
    Item(&'a Node),
    Children {
        owner: &'a Node,
        resource: &'static Resource,
        nodes: &'a [Node],
    },
}

fn walk<'a>(node: &'a Node, path: &[String], by_id: bool) -> Result<Found<'a>, Refusal> {
    let [child, name, rest @ ..] = path else {
        return if path.is_empty() {
            Ok(Found::Item(node))
        } else {
            Err(Refusal::missing())
        };
    };
    let resource = node
        .resource
        .child(name)
        .filter(|_| child == "child")
        .ok_or_else(Refusal::missing)?;
    let nodes = node.children.get(name.as_str()).map(Vec::as_slice).unwrap_or_default();
    let [key, rest @ ..] = rest else {
        return Ok(Found::Children {
            owner: node,
            resource,
            nodes,
        });
    };
    let named = |one: &&Node| one.key == *key || (by_id && one.id.to_string() == *key);
    walk(nodes.iter().find(named).ok_or_else(Refusal::missing)?, rest, by_id)
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

/// The version that a request names; the oldest one where it names none.
fn framework_version(headers: &HeaderMap) -> Option<u32> {
    match text(headers, "REST-Framework-Version").trim() {
        "" => Some(1),
        given => given.parse().ok().filter(|version| (1..=9).contains(version)),
    }
}

/// The vendor's routes; everything that is no control route comes here.
pub(super) fn routes(fusion: Fusion) -> Router {
    Router::new().fallback(receive).with_state(fusion)
}

async fn receive(State(fusion): State<Fusion>, request: Request) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, BODY_LIMIT).await.unwrap_or_default();
    match Route::of(&parts.method, parts.uri.path()) {
        Route::Token => fusion.token_endpoint(&parts, &body),
        Route::LoginPage => page(200),
        route => fusion.rest(&route, &parts, &body).await,
    }
}

impl Fusion {
    fn token_endpoint(&self, parts: &Parts, body: &Bytes) -> Response<Body> {
        let now = self.base.clock.now();
        if !text(&parts.headers, CONTENT_TYPE.as_str()).starts_with("application/x-www-form-urlencoded") {
            let body = json!({ "error": "invalid_request", "error_description": "The body must be a form." });
            return respond(400, PLAIN, body.to_string());
        }
        let basic = Some(text(&parts.headers, AUTHORIZATION.as_str())).filter(|header| !header.is_empty());
        let answer = self.with(|inner| {
            let options = inner.world.options.clone();
            inner.access.token(&pairs(body), basic, &options, now)
        });
        match answer {
            Ok(body) => respond(200, PLAIN, body.to_string()),
            Err(error) => respond(error.status(), PLAIN, error.body().to_string()),
        }
    }

    async fn rest(&self, route: &Route, parts: &Parts, body: &Bytes) -> Response<Body> {
        let (latency, turns, json_from) = self.with(|inner| {
            let options = &inner.world.options;
            (options.latency_ms, options.turns, options.json_errors_from)
        });
        let version = framework_version(&parts.headers);
        let Some(user) = self.admit(parts) else {
            return self.unauthenticated(version.unwrap_or(1));
        };
        if latency > 0 {
            tokio::time::sleep(Duration::from_millis(latency)).await;
        }
        for _ in 0..turns {
            tokio::task::yield_now().await;
        }
        let Some(version) = version else {
            return refused(&Refusal::bad("The REST-Framework-Version is not supported."), false);
        };
        let call = Call {
            parts,
            body,
            user: &user,
            version,
            now: self.base.clock.now(),
        };
        let answer = self.with(|inner| {
            inner.world.settle(call.now);
            inner.permitted(route, &user).and_then(|()| inner.answer(route, &call))
        });
        match answer {
            Ok(answer) => answered(&answer),
            Err(refusal) => refused(&refusal, version >= json_from),
        }
    }

    fn admit(&self, parts: &Parts) -> Option<User> {
        let now = self.base.clock.now();
        let header = text(&parts.headers, AUTHORIZATION.as_str());
        self.with(|inner| {
            let user = inner.access.admit(header, &inner.world.options, now);
            inner.traffic.refused_logins += u64::from(user.is_none());
            user
        })
    }

    fn unauthenticated(&self, version: u32) -> Response<Body> {
        let (form, json_from) =
            self.with(|inner| (inner.world.options.login_answer, inner.world.options.json_errors_from));
        match form {
            LoginAnswer::Html => page(401),
            LoginAnswer::Json => refused(&Refusal::login(), version >= json_from),
            LoginAnswer::Redirect => {
                let mut answer = respond(302, "text/html", String::new());
                put(answer.headers_mut(), LOCATION.as_str(), LOGIN_PAGE);
                answer
            }
        }
    }
}

impl Inner {
    fn permitted(&self, route: &Route, user: &User) -> Result<(), Refusal> {
        let operation = route.operation();
        if self.world.options.denied.contains(operation) || user.denied.contains(operation) {
            Err(Refusal::forbidden(operation))
        } else {
            Ok(())
        }
    }

    fn answer(&mut self, route: &Route, call: &Call<'_>) -> Result<Answer, Refusal> {
        match route {
            Route::Describe(of) => Ok(self.describe(*of)),
            Route::Get { of, url, path } => self.read(*of, url, path, call),
            Route::Patch { url, path } => self.patch(url, path, call),
            Route::Post { url, path } => self.fill(url, path, call),
            Route::Act { key, action } => self.act(key, *action, call),
            Route::NotAllowed => Err(Refusal::new(405, "The resource has not this method.")),
            _ => Err(Refusal::missing()),
        }
    }

    fn resource(&self, of: Collection) -> &'static Resource {
        match of {
            Collection::Orders(view) => view.resource(),
            Collection::Locations if self.world.options.location_shape == LocationShape::Flat => &FLAT_LOCATIONS,
            Collection::Locations => &LOCATIONS,
            Collection::Suppliers => &SUPPLIERS,
            Collection::Items => &ITEMS,
        }
    }

    fn describe(&self, of: Collection) -> Answer {
        let resource = self.resource(of);
        let body = json!({ "Resources": { resource.name: resource.describe(&self.world.options) } });
        Answer::of(DESCRIPTION, body)
    }

    /// The rows of a collection that the user sees; of orders only the headers.
    fn rows(&self, of: Collection, call: &Call<'_>) -> Vec<Node> {
        let world = &self.world;
        match of {
            Collection::Orders(view) => {
                let deep = world.options.child_filters;
                let seen = |order: &&super::model::Order| self.sees(order, view, call);
                let orders = world.orders.values().filter(seen);
                orders.map(|order| nodes::order(world, order, view, deep)).collect()
            }
            Collection::Locations => world
                .locations
                .values()
                .map(|one| nodes::location(world, one))
                .collect(),
            Collection::Suppliers => world
                .suppliers
                .values()
                .map(|one| nodes::supplier(world, one))
                .collect(),
            Collection::Items => world.items.values().map(|one| nodes::item(world, one)).collect(),
        }
    }

    fn sees(&self, order: &super::model::Order, view: View, call: &Call<'_>) -> bool {
        call.user.sees(order.business_unit)
            && order.created <= call.seen_until()
            && (view == View::Draft || order.status.finished())
    }

    fn read(&self, of: Collection, url: &str, path: &[String], call: &Call<'_>) -> Result<Answer, Refusal> {
        let [key, rest @ ..] = path else {
            let url = format!("{}{url}", call.base(self.world.options.link_base.as_ref()));
            let resource = self.resource(of);
            return self.list(self.rows(of, call), resource, &url, call, |node| {
                self.deepened(node, of)
            });
        };
        let top = self.item(of, key, call)?;
        let url = self.url(url, &top, rest, call);
        match walk(&top, rest, self.world.options.id_keys)? {
            Found::Children { resource, nodes, .. } => self.list(nodes.to_vec(), resource, &url, call, |node| node),
            Found::Item(node) if node.resource.flexfield.is_some() => Err(Refusal::missing()),
            Found::Item(node) => self.shown(node, &url, call),
        }
    }

    fn list(
        &self,
        rows: Vec<Node>,
        resource: &'static Resource,
        url: &str,
        call: &Call<'_>,
        deepened: impl Fn(Node) -> Node,
    ) -> Result<Answer, Refusal> {
        let options = &self.world.options;
        let wanted = Wanted::read(&call.parameters(), call.version, resource, options)?;
        let mut passed = Vec::new();
        if let Some(filter) = &wanted.filter {
            shape::check(filter, resource, options)?;
        }
        for row in rows {
            let passes = wanted
                .filter
                .as_ref()
                .map(|filter| shape::passes(filter, &row, options));
            if passes.transpose()?.unwrap_or(true) {
                passed.push(row);
            }
        }
        shape::sort(&mut passed, &wanted);
        let on_page = wanted.offset..wanted.offset.saturating_add(wanted.limit);
        let rows = passed.into_iter().enumerate();
        let rows: Vec<Node> = rows
            .map(|(index, row)| if on_page.contains(&index) { deepened(row) } else { row })
            .collect();
        let printer = Printer {
            options,
            wanted: &wanted,
        };
        Ok(Answer::of(COLLECTION, printer.collection(&rows, url)))
    }

    fn deepened(&self, node: Node, of: Collection) -> Node {
        match (of, self.world.orders.get(&node.id)) {
            (Collection::Orders(view), Some(order)) => nodes::order(&self.world, order, view, true),
            _ => node,
        }
    }

    fn item(&self, of: Collection, key: &str, call: &Call<'_>) -> Result<Node, Refusal> {
        let by_id = self.world.options.id_keys;
        let mut rows = self.rows(of, call).into_iter();
        let found = rows.find(|row| row.key == key || (by_id && row.id.to_string() == key));
        found.map(|row| self.deepened(row, of)).ok_or_else(Refusal::missing)
    }

    fn url(&self, collection: &str, top: &Node, rest: &[String], call: &Call<'_>) -> String {
        let base = call.base(self.world.options.link_base.as_ref());
        let mut url = format!("{base}{collection}/{}", top.key);
        for part in rest {
            url.push('/');
            url.push_str(part);
        }
        url
    }

    fn shown(&self, node: &Node, url: &str, call: &Call<'_>) -> Result<Answer, Refusal> {
        let options = &self.world.options;
        let wanted = Wanted::read(&call.parameters(), call.version, node.resource, options)?;
        let printer = Printer {
            options,
            wanted: &wanted,
        };
        Ok(Answer {
            tag: Some(node.tag()),
            ..Answer::of(ITEM, printer.item(node, "", url))
        })
    }

    fn patch(&mut self, url: &str, path: &[String], call: &Call<'_>) -> Result<Answer, Refusal> {
        call.must_be(&[ITEM, PLAIN])?;
        let body = call.object()?;
        let [key, rest @ ..] = path else {
            return Err(Refusal::missing());
        };
        let top = self.item(Collection::Orders(View::Draft), key, call)?;
        let Found::Item(node) = walk(&top, rest, self.world.options.id_keys)? else {
            return Err(Refusal::new(405, "A collection can't be updated."));
        };
        call.matches(node)?;
        self.write(top.id, node.resource, node.id, &body, call)?;
        let again = self.draft(top.id)?;
        let url = self.url(url, &again, rest, call);
        match walk(&again, rest, true)? {
            Found::Item(node) => self.shown(node, &url, call),
            Found::Children { .. } => Err(Refusal::missing()),
        }
    }

    /// Fills a flexfield for the first time.
    fn fill(&mut self, url: &str, path: &[String], call: &Call<'_>) -> Result<Answer, Refusal> {
        call.must_be(&[ITEM, PLAIN])?;
        let body = call.object()?;
        let [key, rest @ ..] = path else {
            return Err(Refusal::missing());
        };
        let top = self.item(Collection::Orders(View::Draft), key, call)?;
        let found = walk(&top, rest, self.world.options.id_keys)?;
        let Found::Children { owner, resource, nodes } = found else {
            return Err(Refusal::missing());
        };
        call.matches(owner)?;
        let upsert = call.header("Upsert-Mode").eq_ignore_ascii_case("true");
        if !nodes.is_empty() && !upsert {
            return Err(Refusal::bad("The flexfield has values already; they can be updated."));
        }
        self.write(top.id, resource, owner.id, &body, call)?;
        let again = self.draft(top.id)?;
        let mut rest = rest.to_vec();
        rest.push(owner.id.to_string());
        let url = self.url(url, &again, &rest, call);
        match walk(&again, &rest, true)? {
            Found::Item(node) => Ok(Answer {
                status: 201,
                location: Some(url.clone()),
                ..self.shown(node, &url, call)?
            }),
            Found::Children { .. } => Err(Refusal::missing()),
        }
    }

    fn draft(&self, order: Id) -> Result<Node, Refusal> {
        let order = self.world.orders.get(&order).ok_or_else(Refusal::missing)?;
        Ok(nodes::order(&self.world, order, View::Draft, true))
    }

    fn write(
        &mut self,
        order: Id,
        resource: &'static Resource,
        id: Id,
        body: &Map<String, Value>,
        call: &Call<'_>,
    ) -> Result<(), Refusal> {
        let carriers = self.world.options.carriers.clone();
        let defined = resource
            .flexfield
            .and_then(|level| self.world.options.flexfield(level))
            .cloned();
        self.world.write_draft(order, &call.user.name, call.now, |content| {
            let schedule = content.schedule_mut(id);
            match (resource.name, defined, schedule) {
                ("DFF", Some(defined), Some(schedule)) => {
                    writing::flexfield(schedule.flexfield.get_or_insert_default(), body, &defined, resource)
                }
                ("DFF", Some(defined), None) => {
                    writing::flexfield(content.flexfield.get_or_insert_default(), body, &defined, resource)
                }
                ("schedules", _, Some(schedule)) => writing::schedule(schedule, body, resource, &carriers),
                ("draftPurchaseOrders", _, _) => writing::header(content, body, resource, &carriers),
                _ => Err(Refusal::bad("The resource can't be updated.")),
            }
        })?;
        self.count_write(order);
        Ok(())
    }

    fn count_write(&mut self, order: Id) {
        if let Some(order) = self.world.orders.get_mut(&order) {
            order.writes += 1;
        }
    }

    fn act(&mut self, key: &str, action: Action, call: &Call<'_>) -> Result<Answer, Refusal> {
        call.must_be(&[ACTION])?;
        if !call.body.is_empty() {
            call.object()?;
        }
        let top = self.item(Collection::Orders(View::Draft), key, call)?;
        call.matches(&top)?;
        let by = call.user.name.as_str();
        let result = match action {
            Action::Submit => self.submit(top.id, by, call)?,
            Action::Delete => self.world.delete_change(top.id, by, call.now).map(|()| None)?,
            Action::Cancel => self.world.cancel_change(top.id, by, call.now).map(|()| None)?,
        };
        if result.is_none() {
            self.count_write(top.id);
        }
        let result = result.unwrap_or_else(|| "SUCCESS".into());
        Ok(Answer::of(ACTION_RESULT, json!({ "result": result })))
    }

    fn submit(&mut self, order: Id, by: &str, call: &Call<'_>) -> Result<Option<String>, Refusal> {
        let asked = String::from_utf8_lossy(call.body)
            .to_lowercase()
            .contains("bypassapproval");
        let bypass = self.world.options.bypass;
        if asked && bypass == Bypass::Refused {
            return Err(Refusal::bad("The action submit has not this parameter."));
        }
        let bypassed = asked && bypass == Bypass::Honoured;
        self.world.submit(order, by, bypassed, call.now)
    }
}

fn answered(answer: &Answer) -> Response<Body> {
    let mut response = respond(answer.status, answer.kind, answer.body.to_string());
    if let Some(tag) = &answer.tag {
        put(response.headers_mut(), ETAG.as_str(), &format!("\"{tag}\""));
    }
    if let Some(location) = &answer.location {
        put(response.headers_mut(), LOCATION.as_str(), location);
    }
    response
}

fn refused(refusal: &Refusal, as_json: bool) -> Response<Body> {
    if as_json {
        respond(refusal.status, ERROR, refusal.body().to_string())
    } else {
        respond(refusal.status, "text/plain;charset=utf-8", refusal.text())
    }
}

/// The login page: the body of some 401s, and what a redirect leads to.
fn page(status: u16) -> Response<Body> {
    let html = "<html><head><title>Sign In</title></head><body><form method=\"post\"></form></body></html>";
    respond(status, "text/html;charset=UTF-8", html.to_owned())
}

fn respond(status: u16, kind: &'static str, body: String) -> Response<Body> {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}

fn put(headers: &mut HeaderMap, name: &'static str, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
}

impl Simulator for Fusion {
    fn operation(&self, method: &Method, path: &str) -> &'static str {
        Route::of(method, path).operation()
    }

    fn error_body(&self, status: u16) -> Value {
        let refusal = match status {
            401 => Refusal::login(),
            403 => Refusal::forbidden("the operation"),
            404 => Refusal::missing(),
            429 => Refusal::new(429, "Too many requests."),
            _ => Refusal::new(status, "An unexpected error occurred."),
        };
        refusal.body()
    }

    fn expire_tokens(&self) {
        self.with(|inner| inner.access.expire_tokens());
    }

    fn books(&self) -> Value {
        serde_json::to_value(Fusion::books(self)).unwrap_or_default()
    }

    fn reset(&self) {
        Fusion::reset(self);
    }
}
