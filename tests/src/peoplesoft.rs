//! A simulated PeopleSoft beside the world, and a connection that ships its documents through the world's UPS.

use jiff::Timestamp;
use secrecy::SecretString;
use serde_json::json;
use simulators::faults::Fault;
use simulators::peoplesoft::access::{TOKEN_PATH, User};
use simulators::peoplesoft::books::{DocumentBook, TrackBook};
use simulators::peoplesoft::model::{DocKey, DocType};
use simulators::peoplesoft::options::Options;
use simulators::peoplesoft::people::NewDocument;
use simulators::peoplesoft::world::{Nonexistent, World as Database};
use simulators::peoplesoft::{self, PeopleSoft};
use simulators::server::{Base, Serving};
use waybill::connection::{Connection, FieldMap, SelectionRule, WriteBackPolicy};
use waybill::domain::{ConnectionId, DocumentId};
use waybill::ports::Secrets as _;

use crate::connection;
use crate::world::{Failure, World};

/// The connection that an installation ships through.
pub const CONNECTION: &str = "acme-peoplesoft-ups";

/// An installation, and the connection to it.
pub struct Installation {
    /// The installation.
    pub peoplesoft: PeopleSoft,
    /// Its address.
    pub url: String,
    /// The connection.
    pub id: ConnectionId,
    _serving: Serving,
}

/// What the connection writes into the custom record.
pub fn fields() -> FieldMap {
    let field = |name: &str| Some(name.to_owned());
    FieldMap {
        tracking: field("TRACKING"),
        label_link: None,
        cost: field("COST"),
        service: field("SERVICE"),
        status: field("STATUS"),
        status_at: field("STATUS_DTTM"),
        place: field("PLACE"),
        signed_by: field("SIGNED_BY"),
        estimated_delivery: field("EST_DELIVERY"),
        problem: field("ERR_TEXT"),
    }
}

/// A connection that ships purchase orders and requisitions that go by UPS.
///
/// # Errors
/// When the address is not one.
pub fn connected(id: &str, url: &str, prefix: &str, zone: &str) -> Result<Connection, Failure> {
    let mut connection = connection(id)?;
    connection.erp.system = "peoplesoft".to_owned();
    connection.erp.account = "FS92PRD".to_owned();
    connection.erp.secret = "waybill/test/acme/peoplesoft".to_owned();
    connection.erp.base_url = Some(format!("{url}{prefix}").parse()?);
    connection.erp.options = json!({
        "business_units": ["US001", "US002"],
        "documents": ["purchase-orders", "requisitions"],
        "time_zone": zone,
        "identity_url": url,
        "token_path": TOKEN_PATH,
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
    /// An installation of these habits, and a connection to it, changed as the story needs it.
    ///
    /// # Errors
    /// When the simulator cannot be started.
    pub async fn open_installation(
        &self,
        options: Options,
        change: impl FnOnce(&mut Connection),
    ) -> Result<Installation, Failure> {
        let base = Base {
            clock: self.clock.clone(),
            ..Base::default()
        };
        let prefix = options.path_prefix.clone();
        let zone = options.zone.clone();
        let peoplesoft::Running {
            peoplesoft,
            url,
            serving,
        } = PeopleSoft::start(options, base, 0).await?;
        peoplesoft.register(|access| {
            access.add_user(User::new("WAYBILL", "password"));
            access.add_client("waybill-client", "client-secret", "WAYBILL");
        });
        let secret = json!({
            "kind": "client-credentials", "client_id": "waybill-client", "client_secret": "client-secret"
        });
        let secret = SecretString::from(secret.to_string());
        self.vault.write("waybill/test/acme/peoplesoft", &secret).await?;
        let mut connection = connected(CONNECTION, &url, &prefix, &zone)?;
        connection.carrier.base_url = Some(self.ups_url().parse()?);
        change(&mut connection);
        let id = connection.id.clone();
        self.store.tables().connections.insert(id.clone(), connection);
        Ok(Installation {
            peoplesoft,
            url,
            id,
            _serving: serving,
        })
    }
}

/// A document of PeopleSoft as Waybill names it.
pub fn document(key: &DocKey) -> DocumentId {
    match key.doc_type {
        DocType::Po => DocumentId::purchase_order(format!("{}.{}", key.business_unit, key.id)),
        DocType::Req => DocumentId::requisition(format!("REQ:{}.{}", key.business_unit, key.id)),
    }
}

impl Installation {
    /// A buyer enters a purchase order.
    ///
    /// # Errors
    /// When something that it names does not exist.
    pub fn order(&self, new: &NewDocument) -> Result<DocKey, Failure> {
        self.person(|database, now| database.enter_order(new, now))
    }

    /// Somebody asks for goods.
    ///
    /// # Errors
    /// When something that it names does not exist.
    pub fn requisition(&self, new: &NewDocument) -> Result<DocKey, Failure> {
        self.person(|database, now| database.enter_requisition(new, now))
    }

    /// A person does something in the installation.
    ///
    /// # Errors
    /// When something that it names does not exist.
    pub fn person<T>(
        &self,
        act: impl FnOnce(&mut Database, Timestamp) -> Result<T, Nonexistent>,
    ) -> Result<T, Failure> {
        self.peoplesoft
            .act(act)
            .map_err(|missing| format!("{missing:?}").into())
    }

    /// Something goes wrong at the installation.
    pub fn fault(&self, fault: Fault) {
        self.peoplesoft.base.faults.add(fault);
    }

    /// What the books say of a document.
    ///
    /// # Errors
    /// When there is no such document.
    pub fn page(&self, key: &DocKey) -> Result<DocumentBook, Failure> {
        let books = self.peoplesoft.books();
        books
            .document(key)
            .cloned()
            .ok_or_else(|| format!("there is no document {key}").into())
    }

    /// What was written about a document under one entry.
    pub fn track(&self, key: &DocKey, entry: &str) -> Option<TrackBook> {
        self.peoplesoft.books().track(key, entry).cloned()
    }

    /// A column of an entry; empty where there is none.
    pub fn column(&self, key: &DocKey, entry: &str, column: &str) -> String {
        self.track(key, entry)
            .map(|row| row.column(column).to_owned())
            .unwrap_or_default()
    }

    /// How often the installation was asked for something.
    pub fn asked(&self, operation: &str) -> u64 {
        self.peoplesoft
            .books()
            .requests
            .get(operation)
            .copied()
            .unwrap_or_default()
    }
}
