//! The simulated FedEx: accounts that ship, are billed, and whose parcels travel.
//!
//! Follows FedEx's published OpenAPI files (OAuth, Ship v1, Rate v1, Address Validation v1, Track v1) and its
//! documented quotas. Where FedEx is known to deviate from its own files, or where they leave a thing open, an
//! [`Options`] field chooses.
//!
//! What stands in no file is chosen here and not to be relied on: the words of refusals, most of their codes, what is
//! answered while an asynchronous job is at work, and the body of a push. Labels cannot be had again, and there is no
//! look-up in Ship: only Track finds a shipment by its reference, and late. Pending (e-mail) shipments, one label at a
//! time and merged documents are refused: they are not modelled.
//!
//! Pushes lie in an outbox until they are due. A test in the same process takes them by [`FedEx::due_pushes`]; where
//! Waybill listens on a port, [`courier`] carries them there.

mod actions;
mod address_validation;
mod answer;
mod books;
mod call;
mod cancel;
mod courier;
mod customs;
mod journey;
mod labels;
mod limits;
mod model;
mod oauth;
mod options;
mod parties;
mod prices;
mod push;
mod rating;
mod ship_rules;
mod shipping;
mod strict;
#[cfg(test)]
mod tests;
mod track_view;
mod tracking;

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::middleware::from_fn;
use axum::routing::{get, post, put};
use http::Method;
use jiff::Timestamp;
use serde_json::Value;

pub use books::{Books, TokenEntry};
pub use courier::courier;
pub use limits::{TokenTraffic, Traffic};
pub use model::{Package, Reference, Shipment};
pub use options::{Alerts, Capability, EndDate, Identifiers, NotReady, Options, Project, Webhook};
pub use push::{Push, PushBooks, PushEntry, Told, signature};

pub use crate::carriers::journey::{Event, EventKind};
pub use crate::carriers::places::Address;
pub use crate::carriers::pushes::PushOutcome;
use crate::server::{Base, Local, Serving, Simulator, local, serve};
use model::State;

/// The simulated FedEx; clones are the same FedEx.
#[derive(Clone, Debug)]
pub struct FedEx {
    base: Base,
    state: Arc<Mutex<State>>,
    initial: Arc<Options>,
}

/// A FedEx that is being served: stops when dropped.
#[derive(Debug)]
pub struct Running {
    /// The FedEx itself, for books and actions in process.
    pub fedex: FedEx,
    /// Its base URL, under which every path lies as at FedEx's own hosts.
    pub url: String,
    /// The server.
    pub serving: Serving,
}

impl FedEx {
    /// Starts a FedEx on 127.0.0.1; `port` 0 takes any free one.
    ///
    /// # Errors
    /// When the port cannot be listened on.
    pub async fn start(options: Options, base: Base, port: u16) -> io::Result<Running> {
        let fedex = Self::new(options, base.clone());
        let serving = serve(Arc::new(fedex.clone()), routes(fedex.clone()), base, port).await?;
        Ok(Running {
            fedex,
            url: serving.url(),
            serving,
        })
    }

    /// A FedEx in this process, and how to ask it without sockets.
    pub fn here(options: Options, base: Base) -> (Self, Local) {
        let fedex = Self::new(options, base.clone());
        let local = local(Arc::new(fedex.clone()), routes(fedex.clone()), base);
        (fedex, local)
    }

    fn new(options: Options, base: Base) -> Self {
        Self {
            base,
            state: Arc::new(Mutex::new(State::new(options.clone()))),
            initial: Arc::new(options),
        }
    }

    /// Clock, faults and request log.
    pub fn base(&self) -> &Base {
        &self.base
    }

    fn now(&self) -> Timestamp {
        self.base.clock.now()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The state after every journey has gone on as far as it has come by now.
    fn current(&self) -> MutexGuard<'_, State> {
        let now = self.now();
        let mut state = self.state();
        state.progress(now);
        state
    }
}

fn routes(fedex: FedEx) -> Router {
    Router::new()
        .route("/oauth/token", post(oauth::token))
        .route("/ship/v1/shipments", post(shipping::ship))
        .route("/ship/v1/shipments/results", post(shipping::results))
        .route("/ship/v1/shipments/packages/validate", post(shipping::validate))
        .route("/ship/v1/shipments/cancel", put(cancel::cancel))
        .route("/rate/v1/rates/quotes", post(rating::quotes))
        .route("/address/v1/addresses/resolve", post(address_validation::resolve))
        .route("/track/v1/trackingnumbers", post(tracking::by_numbers))
        .route("/track/v1/referencenumbers", post(tracking::by_reference))
        .route("/track/v1/associatedshipments", post(tracking::associated))
        .route("/document/v2/document/retrieve/{key}/{how}", get(labels::retrieve))
        .merge(actions::routes())
        .fallback(actions::unknown_path)
        .method_not_allowed_fallback(actions::wrong_method)
        .layer(from_fn(answer::sealed))
        .with_state(fedex)
}

impl Simulator for FedEx {
    fn operation(&self, method: &Method, path: &str) -> &'static str {
        match (method.as_str(), path) {
            ("POST", "/oauth/token") => "token",
            ("POST", "/ship/v1/shipments") => "ship",
            ("POST", "/ship/v1/shipments/results") => "ship_results",
            ("POST", "/ship/v1/shipments/packages/validate") => "validate",
            ("PUT", "/ship/v1/shipments/cancel") => "cancel",
            ("POST", "/rate/v1/rates/quotes") => "rate",
            ("POST", "/address/v1/addresses/resolve") => "address_validation",
            ("POST", "/track/v1/trackingnumbers") => "track",
            ("POST", "/track/v1/referencenumbers") => "track_reference",
            ("POST", "/track/v1/associatedshipments") => "track_associated",
            ("GET", path) if path.starts_with("/document/") => "document",
            _ => "unknown",
        }
    }

    fn error_body(&self, status: u16) -> Value {
        match status {
            400 => answer::envelope("BAD.REQUEST.ERROR", "The request is invalid"),
            401 => answer::envelope("NOT.AUTHORIZED.ERROR", "The access token expired or is not known"),
            403 => answer::envelope("FORBIDDEN.ERROR", "The credentials do not permit this"),
            404 => answer::envelope("NOT.FOUND.ERROR", "There is no such resource any more"),
            429 => answer::envelope(
                "TOO.MANY.REQUESTS.ERROR",
                "Too many requests in a short duration; try again later",
            ),
            503 => answer::envelope("SERVICE.UNAVAILABLE.ERROR", "The service is not available for now"),
            _ => answer::envelope("INTERNAL.SERVER.ERROR", "Something unexpected went wrong"),
        }
    }

    fn expire_tokens(&self) {
        self.state().tokens.iter_mut().for_each(|token| token.revoked = true);
    }

    fn books(&self) -> Value {
        serde_json::to_value(self.read_books()).unwrap_or_default()
    }

    fn reset(&self) {
        *self.state() = State::new(Options::clone(&self.initial));
    }
}
