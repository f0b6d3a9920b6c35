//! A simulated Fusion pod beside the world, and a connection that ships its purchase orders through the world's UPS.

use jiff::Timestamp;
use secrecy::SecretString;
use serde_json::json;
use simulators::faults::Fault;
use simulators::fusion::access::User;
use simulators::fusion::books::OrderBook;
use simulators::fusion::entering::NewOrder;
use simulators::fusion::options::{Options, Segment, SegmentKind};
use simulators::fusion::refusal::Refusal;
use simulators::fusion::world::World as Account;
use simulators::fusion::{self, Fusion};
use simulators::server::{Base, Serving};
use waybill::connection::{Connection, FieldMap, SelectionRule, WriteBackPolicy};
use waybill::domain::{ConnectionId, DocumentId, JobId};
use waybill::ports::Secrets as _;

use crate::connection;
use crate::world::{Failure, World};

/// The connection that a pod ships through.
pub const CONNECTION: &str = "acme-fusion-ups";

/// The client of the identity domain, which is a Fusion user as well.
pub const CLIENT: &str = "waybill-client";

/// A pod, and the connection to it.
pub struct Pod {
    /// The pod.
    pub fusion: Fusion,
    /// Its address.
    pub url: String,
    /// The connection.
    pub id: ConnectionId,
    _serving: Serving,
}

/// What the connection writes into flexfields.
pub fn fields() -> FieldMap {
    let field = |name: &str| Some(name.to_owned());
    FieldMap {
        tracking: field("trackingNumber"),
        label_link: None,
        cost: field("shipCost"),
        service: field("shipService"),
        status: field("shipStatus"),
        status_at: field("deliveredAt"),
        place: field("deliveryPlace"),
        signed_by: field("signedBy"),
        estimated_delivery: field("estimatedOn"),
        problem: field("shipError"),
    }
}

/// A pod whose flexfields have a segment for everything.
pub fn options() -> Options {
    let mut options = Options::default();
    for flexfield in &mut options.flexfields {
        for (api_name, kind) in [
            ("deliveryPlace", SegmentKind::Text(80)),
            ("signedBy", SegmentKind::Text(40)),
            ("estimatedOn", SegmentKind::Day),
        ] {
            flexfield.segments.push(Segment {
                api_name: api_name.to_owned(),
                prompt: format!("Waybill {api_name}"),
                kind,
            });
        }
    }
    options
}

/// A connection that ships what is flagged for UPS and writes into flexfields of the header.
///
/// # Errors
/// When the address is not one.
pub fn connected(id: &str, url: &str) -> Result<Connection, Failure> {
    let mut connection = connection(id)?;
    connection.erp.system = "fusion".to_owned();
    connection.erp.account = "acme-test".to_owned();
    connection.erp.secret = "waybill/test/acme/fusion".to_owned();
    connection.erp.base_url = Some(url.parse()?);
    connection.erp.options = json!({
        "identity_url": url, "scope": Options::default().scope, "cost_centre_segment": 3, "tell": "every"
    });
    connection.select.rules = vec![SelectionRule {
        carrier: vec!["UPS".to_owned()],
        ..SelectionRule::default()
    }];
    connection.write_back = WriteBackPolicy {
        fields: fields(),
        ..WriteBackPolicy::default()
    };
    Ok(connection)
}

impl World {
    /// A pod of these habits, and a connection to it, changed as the story needs it.
    ///
    /// # Errors
    /// When the simulator cannot be started.
    pub async fn open_pod(&self, options: Options, change: impl FnOnce(&mut Connection)) -> Result<Pod, Failure> {
        let base = Base {
            clock: self.clock.clone(),
            ..Base::default()
        };
        let fusion::Running { fusion, url, serving } = Fusion::start(options, base, 0).await?;
        fusion.register(|access| {
            access.register_client(CLIENT, "client-secret");
            access.register_user(User::named(CLIENT));
            access.register_user(User::named("waybill").with_password("password"));
        });
        let secret = json!({ "kind": "client-credentials", "client_id": CLIENT, "client_secret": "client-secret" });
        let secret = SecretString::from(secret.to_string());
        self.vault.write("waybill/test/acme/fusion", &secret).await?;
        let mut connection = connected(CONNECTION, &url)?;
        connection.carrier.base_url = Some(self.ups_url().parse()?);
        change(&mut connection);
        let id = connection.id.clone();
        self.store.tables().connections.insert(id.clone(), connection);
        Ok(Pod {
            fusion,
            url,
            id,
            _serving: serving,
        })
    }
}

/// A purchase order of Fusion as Waybill names it.
pub fn document(order: i64) -> DocumentId {
    DocumentId::purchase_order(order.to_string())
}

impl Pod {
    /// A buyer enters an order; answers its id.
    ///
    /// # Errors
    /// When the pod refuses it.
    pub fn enter(&self, order: NewOrder) -> Result<i64, Failure> {
        self.person(|account, now| account.add_order(order, now))
    }

    /// A person does something in the pod.
    ///
    /// # Errors
    /// When the pod refuses it.
    pub fn person<T>(&self, act: impl FnOnce(&mut Account, Timestamp) -> Result<T, Refusal>) -> Result<T, Failure> {
        self.fusion.act(act).map_err(|refusal| format!("{refusal:?}").into())
    }

    /// Something goes wrong at the pod.
    pub fn fault(&self, fault: Fault) {
        self.fusion.base.faults.add(fault);
    }

    /// What the pod's books say of an order.
    ///
    /// # Errors
    /// When there is no such order.
    pub fn page(&self, order: i64) -> Result<OrderBook, Failure> {
        let books = self.fusion.books();
        let page = books.orders.into_values().find(|page| page.id == order);
        page.ok_or_else(|| format!("there is no order {order}").into())
    }

    /// A flexfield of the order's header as it is in force; empty where there is none.
    ///
    /// # Errors
    /// When there is no such order.
    pub fn field(&self, order: i64, segment: &str) -> Result<String, Failure> {
        let page = self.page(order)?;
        let value = page.flexfield.get(segment);
        Ok(match value {
            Some(serde_json::Value::String(text)) => text.clone(),
            Some(serde_json::Value::Null) | None => String::new(),
            Some(other) => other.to_string(),
        })
    }

    /// How often the pod was asked for something.
    pub fn asked(&self, operation: &str) -> u64 {
        self.fusion.books().requests.get(operation).copied().unwrap_or_default()
    }

    /// The id of a purchase order's job.
    pub fn job_id(&self, order: i64, unit: u32) -> JobId {
        JobId::of(&self.id, &document(order), unit)
    }
}
