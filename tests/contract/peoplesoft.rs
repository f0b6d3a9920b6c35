//! PeopleSoft under the ERPs' suite.

use async_trait::async_trait;
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use simulators::peoplesoft::model::{DocKey, DocType};
use simulators::peoplesoft::options::Options;
use simulators::peoplesoft::people::NewDocument;
use tests::peoplesoft::{Installation, document};
use tests::world::{Failure, World};
use waybill::domain::DocumentId;
use waybill::ports::{Opened, OrderSource, Systems};

use crate::Mishap;
use crate::erps::{ErpUnderTest, On, Shown};

pub(crate) struct PeopleSoft {
    world: World,
    installation: Installation,
    opened: Opened,
}

fn key(document: &DocumentId) -> DocKey {
    let (unit, id) = document.id.split_once('.').unwrap();
    DocKey::new(unit, DocType::Po, id)
}

/// A time of the database server as the others tell it.
fn in_utc(local: &str) -> String {
    let Ok(local) = local.replace(' ', "T").parse::<DateTime>() else {
        return local.to_owned();
    };
    let zone = TimeZone::get("America/Chicago").unwrap();
    local.to_zoned(zone).unwrap().timestamp().to_string()
}

#[async_trait]
impl ErpUnderTest for PeopleSoft {
    async fn start() -> Result<Self, Failure> {
        let world = World::start().await?;
        let installation = world
            .open_installation(Options::default(), |connection| {
                connection.erp.options["business_units"] = serde_json::json!(["US001"]);
                connection.erp.options["documents"] = serde_json::json!(["purchase-orders"]);
            })
            .await?;
        let connection = world.store.tables().connections[&installation.id].clone();
        let opened = world.registry().open(&connection).await?;
        Ok(Self {
            world,
            installation,
            opened,
        })
    }

    fn source(&self) -> &dyn OrderSource {
        self.opened.source.as_ref()
    }

    fn now(&self) -> Timestamp {
        self.world.now()
    }

    fn enter(&self, quantity: u32) -> Result<DocumentId, Failure> {
        let key = self.installation.order(&NewDocument::of("PUMP-010", quantity))?;
        Ok(document(&key))
    }

    fn no_such_document(&self) -> DocumentId {
        DocumentId::purchase_order("US001.9999999999")
    }

    fn cancel(&self, document: &DocumentId) -> Result<(), Failure> {
        self.installation
            .person(|database, now| database.cancel(&key(document), now))
    }

    fn strike(&self, on: On, mishap: Mishap) {
        let operation = match on {
            On::Read => "purchase_order",
            On::WriteBack | On::Tell => "write",
        };
        self.installation.fault(crate::ups::fault(operation, mishap));
    }

    fn written(&self, document: &DocumentId, number: &str) -> usize {
        let page = self.installation.page(&key(document)).unwrap();
        let rows = page.track.values();
        rows.filter(|row| row.column("TRACKING").contains(number)).count()
    }

    fn problem(&self, document: &DocumentId) -> String {
        self.installation.column(&key(document), "PROBLEM", "ERR_TEXT")
    }

    fn delivery(&self, document: &DocumentId) -> Shown {
        let page = self.installation.page(&key(document)).unwrap();
        // What was told last stands in the delivery's own entry; before it there is the shipment's.
        let row = page
            .track
            .get("DELIVERY")
            .or_else(|| page.track.values().find(|row| !row.column("TRACKING").is_empty()));
        let column = |name: &str| row.map(|row| row.column(name).to_owned()).unwrap_or_default();
        Shown {
            status: column("STATUS"),
            at: in_utc(&column("STATUS_DTTM")),
            place: column("PLACE"),
            signed_by: column("SIGNED_BY"),
            estimated: column("EST_DELIVERY"),
        }
    }

    fn writes(&self) -> u64 {
        let documents = self.installation.peoplesoft.books().documents;
        let rows = documents.values().flat_map(|document| document.track.values());
        rows.map(|row| u64::try_from(row.writes).unwrap()).sum()
    }
}
