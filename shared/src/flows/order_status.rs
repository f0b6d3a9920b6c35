//! What a portal may show of an order: its shipments, their parcels, how far each has come and when. Nothing else about the
//! customer, and nobody without the connection's key learns whether there is such an order.

use std::collections::BTreeMap;
use std::sync::Arc;

use aws_lc_rs::constant_time;
use jiff::{SignedDuration, Timestamp};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};

use super::receive::Reply;
use super::remembered::Remembered;
use crate::connection::Connection;
use crate::domain::{
    ConnectionId, ContentHash, DeliveryStatus, Estimate, JobId, Meaning, Milestone, ParcelKey, Rate, TrackedParcel,
    Units,
};
use crate::ports::{Clock, Connections, Directory, Limits, Parcels, Secrets, StoreError};

/// How many questions a connection's key may ask in a minute.
const A_MINUTE: u32 = 300;

/// The longest number of an order that is looked for.
const LONGEST_NUMBER: usize = 100;

/// The ports that answering needs.
#[derive(Clone)]
pub struct OrderStatus {
    /// Connections.
    pub connections: Arc<dyn Connections>,
    /// Orders by their numbers.
    pub directory: Arc<dyn Directory>,
    /// Parcels.
    pub parcels: Arc<dyn Parcels>,
    /// The portals' keys.
    pub secrets: Arc<dyn Secrets>,
    /// How many questions were asked.
    pub limits: Arc<dyn Limits>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Keys that were read lately, by the name of the secret.
    pub read: Remembered<PortalKeys>,
}

/// A question.
#[derive(Debug)]
pub struct Ask {
    /// The connection's name, as it came.
    pub connection: String,
    /// The order's number, as it came.
    pub number: String,
    /// The portal's key, where one came.
    pub key: Option<SecretString>,
}

/// The keys of a portal, the newest first: during a rotation there are two.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct PortalKeys {
    keys: Vec<SecretString>,
}

impl PortalKeys {
    /// Whether this is one of them; all are compared, whichever fits.
    fn hold(&self, key: &SecretString) -> bool {
        self.keys.iter().filter(|one| is_same(one, key)).count() > 0
    }
}

/// An order, as a portal may show it.
#[derive(Debug, Serialize)]
struct Shown {
    order: String,
    milestone: Option<Milestone>,
    status: String,
    estimated_delivery: Option<Estimate>,
    shipments: Vec<ShownShipment>,
}

#[derive(Debug, Serialize)]
struct ShownShipment {
    shipment: JobId,
    parcels: Vec<ShownParcel>,
}

#[derive(Debug, Serialize)]
struct ShownParcel {
    tracking_number: String,
    milestone: Option<Milestone>,
    since: Option<Timestamp>,
    estimated_delivery: Option<Estimate>,
    milestones: Vec<ShownMilestone>,
}

#[derive(Debug, Serialize)]
struct ShownMilestone {
    milestone: Milestone,
    at: Timestamp,
}

/// The name of the secret with a connection's portal keys: beside the credential of its ERP.
pub fn portal_secret(connection: &Connection) -> String {
    let folder = connection.erp.secret.rsplit_once('/').map_or("", |(folder, _)| folder);
    format!("{folder}/portal-{}", connection.id)
}

impl OrderStatus {
    /// Answers a question.
    pub async fn run(&self, ask: Ask) -> Reply {
        match self.answer(&ask).await {
            Ok(reply) => reply,
            Err(error) => {
                tracing::error!(%error, "a portal's question was not answered");
                Reply::says(503, "try again")
            }
        }
    }

    async fn answer(&self, ask: &Ask) -> Result<Reply, StoreError> {
        let Some(connection) = self.admitted(ask).await? else {
            // What it asked for is anybody's word.
            tracing::info!("a portal was turned away: no such connection, or not its key");
            return Ok(not_found());
        };
        if let Some(wait) = self.too_often(&connection.id).await? {
            let seconds = wait.duration_since(self.clock.now()).as_secs().max(1);
            tracing::warn!(connection = %connection.id, seconds, "a portal asks too often");
            let words = format!("too many questions: try again in {seconds} s");
            return Ok(Reply {
                retry_after: Some(seconds),
                ..Reply::says(429, &words)
            });
        }
        let units = self.directory.numbered(&ask.number).await?;
        let own = units.into_iter().filter(|(of, _)| *of == connection.id);
        let own: Vec<Units> = own.map(|(_, units)| units).collect();
        if own.is_empty() {
            tracing::info!(connection = %connection.id, "a portal asked for an order that nobody knows");
            return Ok(not_found());
        }
        let document = own.first().map(|units| tracing::field::display(&units.document));
        tracing::info!(connection = %connection.id, document, "a portal was told of an order");
        self.show(&connection.id, &ask.number, &own).await
    }

    /// The connection, if there is one of this name and the key is one of its own.
    async fn admitted(&self, ask: &Ask) -> Result<Option<Connection>, StoreError> {
        let (Ok(id), Some(key)) = (ask.connection.parse::<ConnectionId>(), &ask.key) else {
            return Ok(None);
        };
        if ask.number.is_empty() || ask.number.len() > LONGEST_NUMBER {
            return Ok(None);
        }
        let Some(gate) = self.connections.gate(&id).await? else {
            return Ok(None);
        };
        let known = self.is_known(&portal_secret(&gate.connection), key).await?;
        Ok(known.then_some(gate.connection))
    }

    /// Before anybody is turned away by keys that were read a while ago, they are read again: they may have been rotated.
    async fn is_known(&self, secret: &str, key: &SecretString) -> Result<bool, StoreError> {
        let now = self.clock.now();
        if self.read.believed(secret, now).is_some_and(|keys| keys.hold(key)) {
            return Ok(true);
        }
        if self.read.fresh(secret, now).is_some() {
            return Ok(false);
        }
        let body = self.secrets.read(secret).await?;
        let keys = body.and_then(|body| serde_json::from_str::<PortalKeys>(body.expose_secret()).ok());
        let keys = keys.unwrap_or_default();
        self.read.put(secret, keys.clone(), now);
        Ok(keys.hold(key))
    }

    /// When the next question may be asked, if too many were.
    async fn too_often(&self, id: &ConnectionId) -> Result<Option<Timestamp>, StoreError> {
        match Rate::new(A_MINUTE, SignedDuration::from_mins(1)) {
            Some(rate) => self.limits.reserve_call(&format!("portal:{id}"), &rate).await,
            None => Ok(None),
        }
    }

    /// A number may be that of several documents: all of them are shown as one.
    async fn show(&self, connection: &ConnectionId, number: &str, documents: &[Units]) -> Result<Reply, StoreError> {
        let shown = documents.iter().flat_map(Units::shown);
        let mut shipments = Vec::new();
        let mut followed: Vec<TrackedParcel> = Vec::new();
        for unit in shown {
            let keys: Vec<ParcelKey> = unit
                .tracking_numbers
                .iter()
                .map(|number| key(connection, number))
                .collect();
            let known = self.parcels.parcels(&keys).await?;
            let mut parcels = Vec::new();
            for key in keys {
                let parcel = known.iter().find(|parcel| parcel.key == key).cloned();
                parcels.push(self.parcel(&key, parcel.as_ref()).await?);
                followed.extend(parcel);
            }
            shipments.push(ShownShipment {
                shipment: unit.job.clone(),
                parcels,
            });
        }
        let progress = followed.iter().map(|parcel| parcel.progress.as_ref());
        let status = DeliveryStatus::of(progress);
        let shown = Shown {
            order: number.to_owned(),
            milestone: status.as_ref().map(|status| status.milestone),
            status: status
                .as_ref()
                .map_or_else(|| waiting(&shipments), |status| status.text.clone()),
            estimated_delivery: status.and_then(|status| status.estimate),
            shipments,
        };
        let body = serde_json::to_string(&shown).map_err(|error| StoreError(error.to_string()))?;
        Ok(Reply {
            status: 200,
            body,
            retry_after: None,
        })
    }

    async fn parcel(&self, key: &ParcelKey, parcel: Option<&TrackedParcel>) -> Result<ShownParcel, StoreError> {
        let mut reached: BTreeMap<Milestone, Timestamp> = BTreeMap::new();
        for event in self.parcels.events(key).await? {
            if let Meaning::Reached(milestone) = event.meaning {
                let at = reached.entry(milestone).or_insert(event.at);
                *at = event.at.min(*at);
            }
        }
        let milestones = reached
            .into_iter()
            .map(|(milestone, at)| ShownMilestone { milestone, at });
        let mut milestones: Vec<ShownMilestone> = milestones.collect();
        milestones.sort_by_key(|one| (one.at, one.milestone));
        let progress = parcel.and_then(|parcel| parcel.progress.as_ref());
        Ok(ShownParcel {
            tracking_number: key.number.clone(),
            milestone: progress.map(|progress| progress.milestone),
            since: progress.map(|progress| progress.at),
            estimated_delivery: progress.and_then(|progress| progress.estimate),
            milestones,
        })
    }
}

fn waiting(shipments: &[ShownShipment]) -> String {
    if shipments.is_empty() {
        "Not shipped yet"
    } else {
        "Shipped"
    }
    .to_owned()
}

fn key(connection: &ConnectionId, number: &str) -> ParcelKey {
    ParcelKey {
        connection: connection.clone(),
        number: number.to_owned(),
    }
}

/// Compared by their digests, so that neither content nor length can be learnt from how long it takes.
fn is_same(one: &SecretString, other: &SecretString) -> bool {
    let digest = |secret: &SecretString| ContentHash::of(secret.expose_secret().as_bytes());
    constant_time::verify_slices_are_equal(digest(one).as_str().as_bytes(), digest(other).as_str().as_bytes()).is_ok()
}

/// Unknown and forbidden look alike.
fn not_found() -> Reply {
    Reply::says(404, "not found")
}
