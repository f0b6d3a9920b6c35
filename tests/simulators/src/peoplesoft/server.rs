//! The installation over HTTP: the identity provider, the gateway's URLs, who may call which operation, what is answered.
//!
//! Follows the query access service's REST operation (`ExecuteQuery`) and the URL form of the REST listening connector.
//! Quirks: a wrong node, alias or version is a 404, all of them case-sensitive; what the query service itself refuses wears
//! HTTP 200; without `json_resp=true` the answer is XML, whatever type was asked for.

use super::access::{Permission, Session, TOKEN_PATH};
use super::answer::{self, OutType, Reply};
use super::options::{BadPrompt, ErrorForm, Options};
use super::prompts::Prompts;
use super::queries::Query;
use super::selection::Selection;
use super::track::{self, Written};
use super::{Inner, PeopleSoft};
use crate::server::{AnswerLost, Simulator, StaleBy};
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use http::header::{AUTHORIZATION, CONTENT_TYPE, WWW_AUTHENTICATE};
use http::request::Parts;
use http::{HeaderValue, Method, Response, StatusCode};
use jiff::Timestamp;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::Duration;
use url::form_urlencoded;

const BODY_LIMIT: usize = 64 * 1024 * 1024;

/// What a request wants.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Route {
    Token,
    /// What follows the query service's operation.
    Query(Vec<String>),
    /// What follows the write service's operation.
    Write(Vec<String>),
    /// An operation of the gateway, called by another method.
    OtherMethod,
    Unknown,
}

impl Route {
    fn of(method: &Method, path: &str, options: &Options) -> Self {
        if path == TOKEN_PATH {
            return if method == Method::POST {
                Self::Token
            } else {
                Self::Unknown
            };
        }
        let inside = path
            .strip_prefix(&options.services())
            .and_then(|rest| rest.strip_prefix('/'));
        let mut segments = inside.unwrap_or_default().split('/').map(decoded);
        let operation = segments.next().unwrap_or_default();
        let rest: Vec<String> = segments.collect();
        if operation == options.query_operation {
            if method == Method::GET {
                Self::Query(rest)
            } else {
                Self::OtherMethod
            }
        } else if operation == options.write_operation {
            if method == Method::PUT {
                Self::Write(rest)
            } else {
                Self::OtherMethod
            }
        } else {
            Self::Unknown
        }
    }

    /// The name under which the operation is counted and planned for faults: of a query, what it tells.
    fn operation(&self) -> &'static str {
        match self {
            Self::Token => "token",
            Self::Write(_) => "write",
            Self::Query(rest) => rest
                .get(1)
                .and_then(|name| Query::named(name))
                .map_or("query", |query| query.operation),
            Self::OtherMethod | Self::Unknown => "unknown",
        }
    }

    fn permission(&self) -> Option<Permission> {
        match self {
            Self::Query(_) => Some(Permission::Query),
            Self::Write(_) => Some(Permission::Write),
            _ => None,
        }
    }
}

/// A path segment or form value without its percent signs; a plus sign stays.
fn decoded(segment: &str) -> String {
    let text = format!("x={}", segment.replace('+', "%2B").replace('&', "%26"));
    form_urlencoded::parse(text.as_bytes())
        .next()
        .map(|(_, value)| value.into_owned())
        .unwrap_or_default()
}

fn pairs(text: &[u8]) -> BTreeMap<String, String> {
    form_urlencoded::parse(text).into_owned().collect()
}

/// A request that has come in, with what its handlers need.
struct Call<'a> {
    parts: &'a Parts,
    body: &'a [u8],
    session: &'a Session,
    now: Timestamp,
}

impl Call<'_> {
    /// Until when a look-up sees what was written.
    fn seen(&self) -> Timestamp {
        let stale = self.parts.extensions.get::<StaleBy>();
        stale
            .and_then(|stale| self.now.checked_sub(stale.0).ok())
            .unwrap_or(self.now)
    }

    fn is_lost(&self) -> bool {
        self.parts.extensions.get::<AnswerLost>().is_some()
    }
}

/// The vendor's routes; everything that is no control route comes here.
pub(super) fn routes(peoplesoft: PeopleSoft) -> Router {
    Router::new().fallback(receive).with_state(peoplesoft)
}

async fn receive(State(peoplesoft): State<PeopleSoft>, request: Request) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, BODY_LIMIT).await.unwrap_or_default();
    let route = peoplesoft.route(&parts.method, parts.uri.path());
    let reply = match route {
        Route::Token => peoplesoft.token_endpoint(&parts, &body),
        route => peoplesoft.gateway(&route, &parts, &body).await,
    };
    response(reply)
}

fn authorization(parts: &Parts) -> &str {
    let header = parts.headers.get(AUTHORIZATION);
    header.and_then(|value| value.to_str().ok()).unwrap_or_default()
}

impl PeopleSoft {
    fn route(&self, method: &Method, path: &str) -> Route {
        self.with(|inner| Route::of(method, path, &inner.world.options))
    }

    fn token_endpoint(&self, parts: &Parts, body: &[u8]) -> Reply {
        let now = self.base.clock.now();
        let kind = parts.headers.get(CONTENT_TYPE).map(HeaderValue::as_bytes);
        if !kind.is_some_and(|kind| kind.starts_with(b"application/x-www-form-urlencoded")) {
            let body = json!({ "error": "invalid_request", "error_description": "The body must be a form." });
            return Reply::json(400, &body);
        }
        let answer = self.with(|inner| {
            let Inner { world, access, .. } = inner;
            access.token(&pairs(body), authorization(parts), &world.options, now)
        });
        match answer {
            Ok(body) => Reply::json(200, &body),
            Err(refused) => Reply::json(refused.status(), &refused.body()),
        }
    }

    async fn gateway(&self, route: &Route, parts: &Parts, body: &[u8]) -> Reply {
        let Some(permission) = route.permission() else {
            return unserved(route);
        };
        let session = match self.admit(parts, permission) {
            Ok(session) => session,
            Err(refusal) => return refusal,
        };
        let (latency, turns) = self.with(|inner| (inner.world.options.latency_ms, inner.world.options.turns));
        if latency > 0 {
            tokio::time::sleep(Duration::from_millis(latency)).await;
        }
        for _ in 0..turns {
            tokio::task::yield_now().await;
        }
        let call = Call {
            parts,
            body,
            session: &session,
            now: self.base.clock.now(),
        };
        self.with(|inner| {
            inner.world.settle(call.now);
            match route {
                Route::Query(rest) => inner.query(rest, &call),
                Route::Write(rest) => inner.write(rest, &call),
                _ => unserved(route),
            }
        })
    }

    fn admit(&self, parts: &Parts, permission: Permission) -> Result<Session, Reply> {
        let now = self.base.clock.now();
        self.with(|inner| {
            let Inner { world, access, traffic } = inner;
            let Some(session) = access.admit(authorization(parts), &world.options, now) else {
                traffic.refused_logins += 1;
                return Err(Reply::page(401, "Unauthorized"));
            };
            if session.permissions.contains(&permission) {
                return Ok(session);
            }
            traffic.refused_permissions += 1;
            Err(Reply::gateway(
                world.options.no_permission_status,
                "User is not authorized to invoke the service operation. (158,403)",
            ))
        })
    }
}

fn unserved(route: &Route) -> Reply {
    if *route == Route::OtherMethod {
        return Reply::gateway(
            405,
            "The HTTP method is not allowed for the service operation. (158,405)",
        );
    }
    Reply::gateway(404, "The service operation is not found or not active. (158,404)")
}

/// What is asked of the query service.
struct Asked {
    query: &'static Query,
    out: OutType,
    max_rows: usize,
    names: String,
    values: String,
}

impl Inner {
    fn query(&mut self, segments: &[String], call: &Call<'_>) -> Reply {
        let [owner, name, out, format] = segments else {
            return Reply::gateway(400, "The URI does not match a template of the operation. (158,400)");
        };
        let options = &self.world.options;
        match asked(options, (owner, name, out, format), call) {
            Ok(asked) => self.run(&asked, call),
            Err(message) => Reply::failure(options.query_errors, "error", &message),
        }
    }

    fn run(&mut self, asked: &Asked, call: &Call<'_>) -> Reply {
        let options = &self.world.options;
        let failure = |message: &str| Reply::failure(options.query_errors, "error", message);
        let read = Prompts::read(asked.query, &asked.names, &asked.values);
        let ignored = options.ignoring_prompts.contains(asked.query.name);
        let selected = match read {
            _ if ignored => self.select(asked.query, None, call),
            Ok(prompts) => self.select(asked.query, Some(&prompts), call),
            Err(message) => Err(message),
        };
        let selected = match (selected, options.bad_prompt) {
            (Ok(rows), _) => rows,
            (Err(message), bad_prompt) => {
                self.traffic.bad_prompts.push(message.clone());
                match bad_prompt {
                    BadPrompt::NoRows => Vec::new(),
                    BadPrompt::AllRows => self.select(asked.query, None, call).unwrap_or_default(),
                    BadPrompt::Error => return failure(&message),
                }
            }
        };
        let cap = options.row_cap.unwrap_or(usize::MAX).min(asked.max_rows);
        let kept: Vec<_> = selected.into_iter().take(cap).collect();
        answer::rows(asked.query, &kept, asked.out, options)
    }

    fn select(
        &self,
        query: &Query,
        prompts: Option<&Prompts>,
        call: &Call<'_>,
    ) -> Result<Vec<super::cells::Row>, String> {
        query.run(&Selection {
            world: &self.world,
            prompts,
            business_units: call.session.business_units.as_ref(),
            today: self.world.today(call.now),
            seen: call.seen(),
        })
    }

    fn write(&mut self, segments: &[String], call: &Call<'_>) -> Reply {
        if segments.len() != 4 {
            return Reply::gateway(400, "The URI does not match a template of the operation. (158,400)");
        }
        if let Some(form) = self.world.options.write_failure {
            return Reply::failure(form, "ERROR", "The row could not be saved.");
        }
        match self.store(segments, call) {
            Ok(()) => Reply::json(200, &json!({ "status": "SUCCESS" })),
            Err(message) => {
                self.traffic.refused_writes.push(message.clone());
                Reply::failure(ErrorForm::Json, "ERROR", &message)
            }
        }
    }

    fn store(&mut self, segments: &[String], call: &Call<'_>) -> Result<(), String> {
        let key = track::read_key(segments)?;
        let unseen = call.session.business_units.as_ref();
        let hidden = unseen.is_some_and(|units| !units.contains(&key.document.business_unit));
        if hidden || !self.world.documents.contains_key(&key.document) {
            return Err(format!("{} does not exist.", key.document));
        }
        let local = self.world.local(call.now);
        let columns = track::read_columns(call.body, &key, local, &self.world.options)?;
        let late = self.world.options.lost_writes_land_after_s.unwrap_or_default();
        let written = Written {
            at: call.now,
            by: call.session.oprid.clone(),
            columns,
        };
        self.world
            .track
            .store(key, written, if call.is_lost() { late } else { 0 });
        Ok(())
    }
}

fn asked(
    options: &Options,
    (owner, name, out, format): (&str, &str, &str, &str),
    call: &Call<'_>,
) -> Result<Asked, String> {
    let settings = pairs(call.parts.uri.query().unwrap_or_default().as_bytes());
    let setting = |name: &str| settings.get(name).cloned().unwrap_or_default();
    // All queries are public ones: nobody has a private query of that name.
    let public = matches!(owner, "public" | "PUBLIC");
    let built = Query::named(name).filter(|query| public && !options.missing_queries.contains(query.name));
    let query = built.ok_or_else(|| format!("Query {name} does not exist or you are not authorized to it."))?;
    let out = OutType::of(out).filter(|_| format == "NONFILE");
    let out = out.ok_or_else(|| "The output type or format is not supported.".to_owned())?;
    let rows: usize = setting("maxrows")
        .parse()
        .map_err(|_| "maxrows is missing or no number.".to_owned())?;
    if !setting("isconnectedquery").eq_ignore_ascii_case("n") {
        return Err("isconnectedquery must be n: the query is not a connected one.".into());
    }
    Ok(Asked {
        query,
        out: match out {
            OutType::Json if setting("json_resp") != "true" => OutType::Xmlp,
            out => out,
        },
        max_rows: if rows == 0 && options.zero_is_unlimited {
            usize::MAX
        } else {
            rows
        },
        names: setting("prompt_uniquepromptname"),
        values: setting("prompt_fieldvalue"),
    })
}

fn response(reply: Reply) -> Response<Body> {
    let unauthorized = reply.status == 401;
    let mut response = Response::new(Body::from(reply.body));
    *response.status_mut() = StatusCode::from_u16(reply.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(reply.kind));
    if unauthorized {
        let challenge = HeaderValue::from_static("Basic realm=\"PeopleSoft\"");
        headers.insert(WWW_AUTHENTICATE, challenge);
    }
    response
}

impl Simulator for PeopleSoft {
    fn operation(&self, method: &Method, path: &str) -> &'static str {
        self.route(method, path).operation()
    }

    fn error_body(&self, status: u16) -> Value {
        json!({ "status": "ERROR", "message": format!("Integration Broker error, HTTP {status}.") })
    }

    fn fault_document(&self) -> Option<(&'static str, String)> {
        let message = "Integration Gateway: unable to contact the application server. (158,10721)";
        Some((answer::XML, answer::ib_response(message)))
    }

    fn expire_tokens(&self) {
        PeopleSoft::expire_tokens(self);
    }

    fn books(&self) -> Value {
        serde_json::to_value(PeopleSoft::books(self)).unwrap_or_default()
    }

    fn reset(&self) {
        PeopleSoft::reset(self);
    }
}
