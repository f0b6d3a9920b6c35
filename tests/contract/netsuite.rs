//! NetSuite under the ERPs' suite.

use async_trait::async_trait;
use jiff::Timestamp;
use tests::world::{CONNECTION, Failure, World};
use waybill::domain::DocumentId;
use waybill::ports::{Opened, OrderSource, Systems};

use crate::Mishap;
use crate::erps::{ErpUnderTest, On};

pub(crate) struct NetSuite {
    world: World,
    opened: Opened,
}

fn id(document: &DocumentId) -> u64 {
    document.id.parse().unwrap()
}

#[async_trait]
impl ErpUnderTest for NetSuite {
    async fn start() -> Result<Self, Failure> {
        let world = World::start().await?;
        let connection = world.store.tables().connections[&CONNECTION.parse()?].clone();
        let opened = world.registry().open(&connection).await?;
        Ok(Self { world, opened })
    }

    fn source(&self) -> &dyn OrderSource {
        self.opened.source.as_ref()
    }

    fn now(&self) -> Timestamp {
        self.world.now()
    }

    fn enter(&self, quantity: u32) -> Result<DocumentId, Failure> {
        let order = self.world.enter(self.world.plain(quantity))?;
        Ok(DocumentId::sales_order(order.to_string()))
    }

    fn cancel(&self, document: &DocumentId) -> Result<(), Failure> {
        self.world.person(|account, now| account.cancel(id(document), now))
    }

    fn strike(&self, on: On, mishap: Mishap) {
        let operation = match on {
            On::Read => "suiteql",
            On::WriteBack => "transform",
        };
        self.world.netsuite_fault(crate::ups::fault(operation, mishap));
    }

    fn written(&self, document: &DocumentId, number: &str) -> usize {
        let page = self.world.page(id(document)).unwrap();
        let numbers = page.fulfilments.iter().flat_map(|one| &one.tracking_numbers);
        numbers.filter(|one| *one == number).count()
    }

    fn problem(&self, document: &DocumentId) -> String {
        self.world.field(id(document), "problem").unwrap()
    }
}
