//! NetSuite under the ERPs' suite.

use async_trait::async_trait;
use jiff::Timestamp;
use simulators::netsuite::options::EventHook;
use tests::world::{CONNECTION, Failure, World};
use waybill::domain::DocumentId;
use waybill::ports::{Hook, HookKeys, Inbound, Opened, OrderSource, Permit, PushedNews, Systems};
use waybill::systems::netsuite::webhook;

use crate::Mishap;
use crate::erps::{ErpUnderTest, On, Shown, delivered, on_its_way};

pub(crate) struct NetSuite {
    world: World,
    opened: Opened,
}

fn id(document: &DocumentId) -> u64 {
    document.id.parse().unwrap()
}

/// P16: each step of a delivery is seen exactly once in the ERP's own history, whatever was told twice.
#[tokio::test]
async fn every_step_of_a_delivery_is_seen_once_in_the_orders_history() -> Result<(), Failure> {
    let test = NetSuite::start().await?;
    let document = test.enter(1)?;
    for status in [on_its_way(), on_its_way(), delivered(), delivered()] {
        let until = test.now() + jiff::SignedDuration::from_mins(5);
        test.source().tell(&document, &status, Permit { until }).await?;
    }
    let page = test.world.page(id(&document))?;
    let history = |field: &str| page.history_of(&format!("custbody_waybill_{field}"));
    assert_eq!(history("status"), ["In transit", "Delivered"]);
    assert_eq!(history("signed_by"), ["MORGAN"]);
    assert_eq!(
        history("estimated"),
        [&serde_json::json!("2026-03-05"), &serde_json::Value::Null]
    );
    Ok(())
}

/// P3: what a person does in NetSuite comes as an event that is genuine and names the order; what we write causes none.
#[tokio::test]
async fn an_event_of_an_order_is_genuine_and_names_it() -> Result<(), Failure> {
    let test = NetSuite::start().await?;
    let hook = EventHook {
        url: "https://hooks.example/netsuite/0123456789abcdef0123456789abcdef".to_owned(),
        key: Some("a key of the customer's".to_owned()),
    };
    let deployed = test.world.netsuite.configure(|options| options.event_hook = Some(hook));
    deployed.map_err(|refusal| refusal.to_string())?;
    let document = test.enter(1)?;
    let until = test.now() + jiff::SignedDuration::from_mins(5);
    test.source().tell(&document, &on_its_way(), Permit { until }).await?;
    let events = test.world.netsuite.due_events();
    let [event] = events.as_slice() else {
        panic!("{events:?}")
    };
    let hook: Hook = serde_json::from_value(serde_json::json!({
        "digest": "d", "system": "netsuite", "tenant": "acme", "credential": "c", "secret": "s", "connections": [],
        "created_at": "2026-01-01T00:00:00Z"
    }))?;
    let keys = |key: &str| -> Result<HookKeys, Failure> {
        Ok(serde_json::from_value(serde_json::json!({ "id": "i", "keys": [key] }))?)
    };
    let inbound = Inbound {
        hook: "i".to_owned().into(),
        headers: event.headers.clone(),
        body: event.body.clone().into_bytes(),
        source: None,
    };
    let (ours, other, now) = (keys("a key of the customer's")?, keys("another")?, test.now());
    assert!(webhook::is_genuine(&hook, &ours, &inbound, now));
    assert!(!webhook::is_genuine(&hook, &other, &inbound, now));
    let late = now + jiff::SignedDuration::from_mins(6);
    assert!(!webhook::is_genuine(&hook, &ours, &inbound, late));
    assert_eq!(webhook::read(&event.body), [PushedNews::Changed(document)]);
    Ok(())
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

    fn no_such_document(&self) -> DocumentId {
        DocumentId::sales_order("99999999")
    }

    fn cancel(&self, document: &DocumentId) -> Result<(), Failure> {
        self.world.person(|account, now| account.cancel(id(document), now))
    }

    fn strike(&self, on: On, mishap: Mishap) {
        let operation = match on {
            On::Read => "suiteql",
            On::WriteBack => "transform",
            On::Tell => "patch_salesorder",
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

    fn delivery(&self, document: &DocumentId) -> Shown {
        let field = |name: &str| self.world.field(id(document), name).unwrap();
        Shown {
            status: field("status"),
            at: field("status_at"),
            place: field("place"),
            signed_by: field("signed_by"),
            estimated: field("estimated"),
        }
    }

    fn writes(&self) -> u64 {
        self.world.asked_netsuite("patch_salesorder")
    }
}
