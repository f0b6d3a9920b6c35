//! Fusion Cloud ERP under the ERPs' suite.

use async_trait::async_trait;
use jiff::Timestamp;
use simulators::fusion::entering::NewOrder;
use simulators::fusion::model::ChangeState;
use tests::fusion::{Pod, document, options};
use tests::world::{Failure, World};
use waybill::domain::DocumentId;
use waybill::ports::{Opened, OrderSource, Systems};

use crate::Mishap;
use crate::erps::{ErpUnderTest, On, Shown};

pub(crate) struct Fusion {
    world: World,
    pod: Pod,
    opened: Opened,
}

fn id(document: &DocumentId) -> i64 {
    document.id.parse().unwrap()
}

#[async_trait]
impl ErpUnderTest for Fusion {
    async fn start() -> Result<Self, Failure> {
        let world = World::start().await?;
        let pod = world.open_pod(options(), |_| {}).await?;
        let connection = world.store.tables().connections[&pod.id].clone();
        let opened = world.registry().open(&connection).await?;
        Ok(Self { world, pod, opened })
    }

    fn source(&self) -> &dyn OrderSource {
        self.opened.source.as_ref()
    }

    fn now(&self) -> Timestamp {
        self.world.now()
    }

    fn enter(&self, quantity: u32) -> Result<DocumentId, Failure> {
        self.pod.enter(NewOrder::pumps(quantity)).map(document)
    }

    fn no_such_document(&self) -> DocumentId {
        DocumentId::purchase_order("399999999999999")
    }

    fn cancel(&self, document: &DocumentId) -> Result<(), Failure> {
        self.pod.person(|account, now| account.cancel(id(document), now))
    }

    fn strike(&self, on: On, mishap: Mishap) {
        let operation = match (on, mishap) {
            (On::Read, _) => "list_orders",
            (On::Tell, Mishap::LostAfter | Mishap::FailedAfter) => "submit",
            (On::WriteBack | On::Tell, _) => "write_flexfield",
        };
        self.pod.fault(crate::ups::fault(operation, mishap));
    }

    fn written(&self, document: &DocumentId, number: &str) -> usize {
        self.pod
            .field(id(document), "trackingNumber")
            .unwrap()
            .matches(number)
            .count()
    }

    fn problem(&self, document: &DocumentId) -> String {
        self.pod.field(id(document), "shipError").unwrap()
    }

    fn delivery(&self, document: &DocumentId) -> Shown {
        let field = |segment: &str| self.pod.field(id(document), segment).unwrap();
        Shown {
            status: field("shipStatus"),
            at: field("deliveredAt"),
            place: field("deliveryPlace"),
            signed_by: field("signedBy"),
            estimated: field("estimatedOn"),
        }
    }

    fn writes(&self) -> u64 {
        let orders = self.pod.fusion.books().orders;
        let applied = orders.values().map(|order| order.in_state(ChangeState::Applied).len());
        applied.map(|count| u64::try_from(count).unwrap()).sum()
    }
}
