//! The simulated ShipStation: orders in which people ship, labels, external tracking numbers, stock and customers, seen
//! by two APIs that differ in keys, limits, names and times.
//!
//! Follows ShipStation's OpenAPI file of V2 and, for what stands in no file (V1, fulfilments, the events of the second
//! generation and their signature, updates), its documentation and what integrators recorded. Where those leave a thing
//! open, an [`Options`] field chooses; the words of refusals are chosen here and not to be relied on.
//!
//! | | V2 | V1 |
//! |---|---|---|
//! | paths | `/v2/...` | `/orders`, `/shipments`, `/fulfillments`, `/customers`, `/stores`, `/webhooks`, `/accounts`, `/carriers`, `/warehouses` |
//! | credentials | header `API-Key` | Basic: key and secret |
//! | an order | a shipment `se-1`; each part of a split order is one | the order `1`, whole |
//! | a label | a label `se-2` | a shipment `2` |
//!
//! Both stand at the root of one server, since their paths do not clash; `/jwks` beside them gives the public keys of
//! V2's signatures. Buying a label for a part of an order splits it: the label is bought for the shipment that was
//! there, and the rest becomes a shipment of its own under the same number. Not modelled, and answered as unknown paths:
//! rates, labels for a shipment that is not there yet, labels bought by V1, manifests, pickups, totes, purchase orders
//! and products of V1.
//!
//! Notices lie in an outbox until they are due. A test in the same process takes them by [`ShipStation::due_pushes`];
//! where Waybill listens on a port, [`courier`] carries them there.

mod acting;
mod answer;
mod asked;
mod books;
mod control;
mod courier;
mod gate;
mod keys;
mod limits;
mod model;
mod notices;
mod numbers;
mod options;
mod people;
mod shipping;
mod stock;
#[cfg(test)]
mod tests;
mod times;
mod v1;
mod v2;

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::routing::get;
use http::Method;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

pub use acting::{Act, Bought, Buy, NewItem, NewOrder, Take};
pub use books::{Books, Level};
pub use courier::courier;
pub use limits::Traffic;
pub use model::{
    Address, Batch, Customer, Fulfilment, Hook, Label, Line, Order, Package, Part, PartState, Product, Scan, ScanEvent,
    Standing, Tag,
};
pub use notices::{Push, PushBooks, PushEntry, Told};
pub use options::{Carrier, Conflict, Options, Place, Store, TrackCodes, V1Key};
pub use stock::{Change, Condition};

pub use crate::carriers::pushes::PushOutcome;
use crate::server::{Base, Local, Serving, Simulator, local, serve};
use model::State;

/// The simulated ShipStation; clones are the same ShipStation.
#[derive(Clone, Debug)]
pub struct ShipStation {
    base: Base,
    state: Arc<Mutex<State>>,
    initial: Arc<Options>,
}

/// A ShipStation that is being served: stops when dropped.
#[derive(Debug)]
pub struct Running {
    /// The ShipStation itself, for books and acts in process.
    pub shipstation: ShipStation,
    /// Its base URL, under which the paths of both APIs lie, and `/jwks`.
    pub url: String,
    /// The server.
    pub serving: Serving,
}

impl ShipStation {
    /// Starts a ShipStation on 127.0.0.1; `port` 0 takes any free one. Its notices point to where it listens unless the
    /// options name other bases.
    ///
    /// # Errors
    /// When the port cannot be listened on.
    pub async fn start(options: Options, base: Base, port: u16) -> io::Result<Running> {
        let shipstation = Self::new(options, base.clone());
        let serving = serve(Arc::new(shipstation.clone()), routes(shipstation.clone()), base, port).await?;
        shipstation.state().home = Some(serving.url());
        Ok(Running {
            shipstation,
            url: serving.url(),
            serving,
        })
    }

    /// A ShipStation in this process, and how to ask it without sockets. Its notices point to the vendor's own hosts
    /// unless the options name other bases.
    pub fn here(options: Options, base: Base) -> (Self, Local) {
        let shipstation = Self::new(options, base.clone());
        let local = local(Arc::new(shipstation.clone()), routes(shipstation.clone()), base);
        (shipstation, local)
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

    /// The time to the millisecond, as finely as it is told.
    fn now(&self) -> Timestamp {
        let now = self.base.clock.now();
        now.checked_sub(SignedDuration::from_nanos(i64::from(
            now.subsec_nanosecond() % 1_000_000,
        )))
        .unwrap_or(now)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn routes(shipstation: ShipStation) -> Router {
    let v2 = v2::routes(&shipstation).layer(from_fn_with_state(shipstation.clone(), gate::v2));
    let v1 = v1::routes().layer(from_fn_with_state(shipstation.clone(), gate::v1));
    Router::new()
        .merge(v2)
        .merge(v1)
        .route("/jwks", get(keys::jwks))
        .merge(control::routes())
        .fallback(answer::unknown_path)
        .method_not_allowed_fallback(answer::wrong_method)
        .with_state(shipstation)
}

impl Simulator for ShipStation {
    fn operation(&self, method: &Method, path: &str) -> &'static str {
        let path = path.trim_matches('/');
        match path.strip_prefix("v2/") {
            Some(rest) => v2::operation(method, rest),
            None if path == "jwks" => "jwks",
            None => v1::operation(method, path),
        }
    }

    fn error_body(&self, status: u16) -> Value {
        answer::v2_error(status)
    }

    fn error_body_of(&self, operation: &str, status: u16) -> Value {
        if operation.starts_with("v1_") {
            answer::v1_error(status)
        } else {
            self.error_body(status)
        }
    }

    fn expire_tokens(&self) {}

    fn books(&self) -> Value {
        serde_json::to_value(self.read_books()).unwrap_or_default()
    }

    fn reset(&self) {
        let mut state = self.state();
        let home = state.home.take();
        *state = State::new(Options::clone(&self.initial));
        state.home = home;
    }
}
