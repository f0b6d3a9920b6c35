//! The pod over HTTP: who may do what, and what is answered in which form.
//!
//! Follows the framework's pages: items with entity tags, media types of their own, errors as JSON or text by the version
//! that the request names. Quirks: without a version the oldest one counts; data that a user may not see is absent, not
//! forbidden; the identity domain is served beside the pod.

use super::access::User;
use super::answer::{Answer, PLAIN, answered, page, put, refused, respond};
use super::call::{Call, framework_version, pairs, text};
use super::options::LoginAnswer;
use super::refusal::Refusal;
use super::route::{LOGIN_PAGE, Route};
use super::{Fusion, Inner};
use crate::server::Simulator;
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE, LOCATION};
use http::request::Parts;
use http::{Method, Response};
use serde_json::{Value, json};
use std::time::Duration;

const BODY_LIMIT: usize = 64 * 1024 * 1024;

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
