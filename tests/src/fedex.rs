//! A FedEx beside the world's UPS, and a connection that ships with it.

use jiff::SignedDuration;
use secrecy::SecretString;
use serde_json::json;
use simulators::faults::Fault;
use simulators::fedex::{FedEx, Options, Running, Shipment};
use simulators::server::{Base, Serving};
use waybill::connection::{AddressPolicy, Connection, UnknownPurchase};
use waybill::domain::ConnectionId;
use waybill::ports::Secrets;

use crate::world::{Failure, World};

/// The connection that ships with FedEx.
pub const CONNECTION: &str = "acme-netsuite-fedex";

/// A simulated FedEx with its connection.
pub struct Depot {
    /// The carrier.
    pub fedex: FedEx,
    /// Its address.
    pub url: String,
    /// The connection.
    pub id: ConnectionId,
    _serving: Serving,
}

/// The usual habits, with a tracking that knows a label at once.
pub fn seeing_at_once() -> Options {
    Options {
        index_lag_s: 0,
        ..Options::default()
    }
}

impl World {
    /// A FedEx of these habits, and a connection to it, changed as the story needs it.
    ///
    /// # Errors
    /// When the simulator cannot be started.
    pub async fn open_depot(&self, options: Options, change: impl FnOnce(&mut Connection)) -> Result<Depot, Failure> {
        self.open_depot_at(0, None, options, change).await
    }

    /// The same at a port, reached by another address where something stands before it.
    ///
    /// # Errors
    /// When the simulator cannot be started.
    pub async fn open_depot_at(
        &self,
        port: u16,
        reached_by: Option<String>,
        options: Options,
        change: impl FnOnce(&mut Connection),
    ) -> Result<Depot, Failure> {
        let base = Base {
            clock: self.clock.clone(),
            ..Base::default()
        };
        let Running { fedex, url, serving } = FedEx::start(options, base, port).await?;
        let secret = json!({ "api_key": "fedex-key", "secret_key": "fedex-secret" });
        let secret = SecretString::from(secret.to_string());
        self.vault.write("waybill/test/acme/fedex", &secret).await?;
        let id = self.connect(CONNECTION, |connection| {
            ship_with_fedex(connection);
            change(connection);
        })?;
        if let Some(connection) = self.store.tables().connections.get_mut(&id) {
            connection.carrier.base_url = Some(reached_by.as_ref().unwrap_or(&url).parse()?);
        }
        Ok(Depot {
            fedex,
            url,
            id,
            _serving: serving,
        })
    }
}

/// Lets a connection ship with FedEx.
pub fn ship_with_fedex(connection: &mut Connection) {
    "fedex".clone_into(&mut connection.carrier.system);
    "740561073".clone_into(&mut connection.carrier.account);
    "waybill/test/acme/fedex".clone_into(&mut connection.carrier.secret);
    "YOUR_PACKAGING".clone_into(&mut connection.packing.package.code);
    connection.address = AddressPolicy::AsIs;
    connection.unknown_purchase = UnknownPurchase::Hold;
    connection.tracking.every = SignedDuration::from_mins(30);
}

impl Depot {
    /// Something goes wrong at FedEx.
    pub fn fault(&self, fault: Fault) {
        self.fedex.base().faults.add(fault);
    }

    /// Every shipment that was billed.
    pub fn billed(&self) -> Vec<Shipment> {
        self.fedex.read_books().shipments
    }
}
