//! ShipStation over HTTP against its simulator, by both of its APIs: what people ship, what is pushed, and what it is told.

use std::collections::BTreeSet;

use jiff::SignedDuration;
use rust_decimal::{Decimal, dec};
use secrecy::SecretString;
use serde_json::json;
use simulators::server::Base;
use simulators::shipstation::{Buy, NewOrder, Options, Running, ShipStation};
use tests::world::{Failure, World};
use waybill::connection::Connection;
use waybill::domain::{
    Address, CarrierShipmentId, Customer, DeskOrder, DeskOrderLine, Despatch, DespatchStanding, DocumentId, Level,
    LevelKey, LineId, Meaning, Milestone, Stretch,
};
use waybill::ports::{
    CallError, Desk, Despatched, Hook, HookKeys, Inbound, Opened, Placed, PushedNews, Secrets, ShippingDesk,
    SigningKeys, Systems, Webhooks,
};
use waybill::systems::webhooks::Vendors;

const SECRET: &str = "waybill/test/acme/shipstation";

/// ShipStation as one connection reaches it.
struct Counter {
    world: World,
    running: Running,
    connection: Connection,
    opened: Opened,
}

impl Counter {
    async fn start(api: &str) -> Result<Self, Failure> {
        let keys = json!({
            "api_key": "shipstation-v2-key", "key": "shipstation-v1-key", "secret": "shipstation-v1-secret"
        });
        Self::with(api, &keys.to_string()).await
    }

    async fn with(api: &str, keys: &str) -> Result<Self, Failure> {
        let world = World::start().await?;
        let base = Base {
            clock: world.clock.clone(),
            ..Default::default()
        };
        let running = ShipStation::start(Options::default(), base, 0).await?;
        world.vault.write(SECRET, &SecretString::from(keys.to_owned())).await?;
        let url = running.url.parse()?;
        let id = world.connect("acme-netsuite-shipstation", |connection| {
            connection.carrier.system = "shipstation".to_owned();
            connection.carrier.account = "acme".to_owned();
            connection.carrier.secret = SECRET.to_owned();
            connection.carrier.base_url = Some(url);
            // No time passes here by itself: ShipStation counts, and nobody else.
            connection.carrier.options = json!({ "api": api, "rate_limit": { "calls": 4000, "seconds": 60 } });
        })?;
        let connection = world.store.tables().connections.get(&id).cloned();
        let connection = connection.ok_or("it was just made")?;
        let opened = world.registry().open(&connection).await?;
        Ok(Self {
            world,
            running,
            connection,
            opened,
        })
    }

    fn people(&self) -> &ShipStation {
        &self.running.shipstation
    }

    fn desk(&self) -> Result<&dyn ShippingDesk, Failure> {
        let desk: &Desk = self.opened.desk.as_ref().ok_or("it is no desk")?;
        Ok(desk.desk.as_ref())
    }

    /// The same as another piece of work finds it.
    async fn again(&mut self) -> Result<(), Failure> {
        self.opened = self.world.registry().open(&self.connection).await?;
        Ok(())
    }

    fn this_hour(&self) -> Stretch {
        let hour = SignedDuration::from_hours(1);
        Stretch {
            from: self.world.now() - hour,
            to: self.world.now() + hour,
        }
    }

    /// What the lists tell of, in full.
    async fn listed(&self, asked: Despatched) -> Result<Vec<Despatch>, Failure> {
        let (mut all, mut page): (Vec<Despatch>, Option<String>) = (Vec::new(), None);
        loop {
            let found = self.desk()?.despatched(asked, page.as_deref()).await?;
            for told in &found.despatches {
                all.push(self.desk()?.in_full(told).await?);
            }
            page = found.next;
            if page.is_none() {
                return Ok(all);
            }
        }
    }
}

/// What is in a despatch, by SKU.
fn contents(despatch: &Despatch) -> BTreeSet<(String, Decimal)> {
    let lines = despatch.lines.iter().flatten();
    lines.map(|line| (line.sku.clone(), line.quantity)).collect()
}

fn of(goods: &[(&str, Decimal)]) -> BTreeSet<(String, Decimal)> {
    goods.iter().map(|(sku, count)| ((*sku).to_owned(), *count)).collect()
}

/// P43: an order that is shipped in two parts is two despatches with what is in each, by either API, however often it is listed, and
/// a label's own fulfilment is that label.
#[tokio::test]
async fn two_parts_of_an_order_are_two_despatches() -> Result<(), Failure> {
    for (api, kind) in [("v2", "label:"), ("v1", "shipment:")] {
        let counter = Counter::start(api).await?;
        let people = counter.people();
        people.enter(NewOrder::of("SO-7001", &[("FM-20", 3), ("GK-1", 10)]))?;
        people.buy(&Buy::part_of("SO-7001", &[("FM-20", 1)]))?;
        people.buy(&Buy::all_of("SO-7001"))?;
        let listed = counter.listed(Despatched::Made(counter.this_hour())).await?;
        let ids: BTreeSet<&str> = listed.iter().map(|despatch| despatch.id.as_str()).collect();
        assert!(
            ids.len() == 2 && ids.iter().all(|id| id.starts_with(kind)),
            "{api}: {ids:?}"
        );
        let all: BTreeSet<_> = listed.iter().map(contents).collect();
        let wanted = [of(&[("FM-20", dec!(1))]), of(&[("FM-20", dec!(2)), ("GK-1", dec!(10))])];
        assert_eq!(all, BTreeSet::from(wanted), "{api}");
        for despatch in &listed {
            assert_eq!(despatch.standing, DespatchStanding::Shipped, "{api}");
            assert_eq!(despatch.shipment.tracking_numbers().count(), 1, "{api}");
            let now = counter.desk()?.despatch(&despatch.id, Some(&despatch.order)).await;
            assert!(now?.is_some_and(|now| now.id == despatch.id), "{api}");
        }
    }
    Ok(())
}

/// P41, P43: an order that is marked as shipped with another label's number is a despatch of its own, with all that the order holds.
#[tokio::test]
async fn an_order_that_is_marked_as_shipped_is_a_despatch() -> Result<(), Failure> {
    for api in ["v2", "v1"] {
        let counter = Counter::start(api).await?;
        counter.people().enter(NewOrder::of("SO-7002", &[("FM-20", 3)]))?;
        counter
            .people()
            .mark_shipped("SO-7002", "stamps_com", "9400100000000000000020")?;
        let listed = counter.listed(Despatched::Made(counter.this_hour())).await?;
        let [only] = listed.as_slice() else {
            return Err(format!("{api}: {listed:?}").into());
        };
        assert!(only.id.as_str().starts_with("fulfilment:"), "{api}: {}", only.id);
        assert_eq!(
            (only.order.number.as_str(), contents(only)),
            ("SO-7002", of(&[("FM-20", dec!(3))])),
            "{api}"
        );
        let all = counter
            .desk()?
            .despatches_of(&only.order)
            .await?
            .ok_or("it can be asked")?;
        assert_eq!(all.len(), 1, "{api}");
    }
    Ok(())
}

/// A void at the desk is seen, and a label that is void there is void to whoever would void it.
#[tokio::test]
async fn a_void_is_seen_and_is_done() -> Result<(), Failure> {
    for api in ["v2", "v1"] {
        let mut counter = Counter::start(api).await?;
        counter.people().enter(NewOrder::of("SO-7003", &[("FM-20", 3)]))?;
        let bought = counter.people().buy(&Buy::all_of("SO-7003"))?;
        let made = counter.listed(Despatched::Made(counter.this_hour())).await?;
        assert!(
            counter
                .listed(Despatched::Voided(counter.this_hour()))
                .await?
                .is_empty(),
            "{api}"
        );
        counter.people().void(&bought.label.to_string())?;
        counter.again().await?;
        let voided = counter.listed(Despatched::Voided(counter.this_hour())).await?;
        let first = made.first().ok_or("nothing was made")?;
        assert!(
            voided
                .iter()
                .any(|one| one.id == first.id && one.standing == DespatchStanding::Voided),
            "{api}"
        );
        let shipment = CarrierShipmentId::new(first.id.as_str());
        counter.opened.carrier.void(&shipment).await?;
    }
    Ok(())
}

fn hook() -> Result<(Hook, HookKeys), Failure> {
    let hook = serde_json::from_value(json!({
        "digest": "d", "system": "shipstation", "tenant": "acme", "credential": SECRET, "secret": "hook",
        "connections": ["acme-netsuite-shipstation"], "created_at": "2026-01-01T00:00:00Z"
    }))?;
    Ok((
        hook,
        serde_json::from_value(json!({ "id": "0123456789abcdef0123456789abcdef" }))?,
    ))
}

/// P41: what V2 pushes is signed by the key that it publishes, also by a new one, and points to what was shipped.
#[tokio::test]
async fn what_is_pushed_is_signed_and_points_to_what_was_shipped() -> Result<(), Failure> {
    let counter = Counter::start("v2").await?;
    let people = counter.people();
    let published = counter
        .world
        .registry()
        .published_keys(Some(format!("{}/jwks", counter.running.url).parse()?));
    let (hook, keys) = hook()?;
    for event in ["label_created_v2", "fulfillment_shipped_v2"] {
        people.subscribe(
            2,
            event,
            "https://waybill.example/hooks/0123456789abcdef0123456789abcdef",
        );
    }
    people.enter(NewOrder::of("SO-7004", &[("FM-20", 3)]))?;
    for parts in 1..=2 {
        people.buy(&match parts {
            1 => Buy::part_of("SO-7004", &[("FM-20", 1)]),
            _ => Buy::all_of("SO-7004"),
        })?;
        let pushes = people.due_pushes();
        assert!(!pushes.is_empty());
        for push in pushes {
            let headers = push.headers.iter();
            let inbound = Inbound {
                hook: SecretString::from("0123456789abcdef0123456789abcdef"),
                headers: headers
                    .map(|(name, value)| (name.to_lowercase(), value.clone()))
                    .collect(),
                body: push.body.clone().into_bytes(),
                source: None,
            };
            let id = Vendors
                .signed_by(&hook, &keys, &inbound, counter.world.now())
                .ok_or("it is not signed")?;
            let key = published
                .signing_key("shipstation", &id)
                .await?
                .ok_or("there is no such key")?;
            assert!(Vendors.is_signed(&hook, &key, &inbound), "{}", push.body);
            let told = Vendors.read("shipstation", &push.body);
            let [PushedNews::Despatched(pointer)] = told.as_slice() else {
                return Err(format!("{told:?}").into());
            };
            let page = counter.desk()?.pointed_to(pointer, None).await?;
            assert!(!page.despatches.is_empty(), "{pointer}");
            for told in &page.despatches {
                let label = counter.desk()?.in_full(told).await?;
                assert!(label.id.as_str().starts_with("label:"), "{pointer}: {label:?}");
            }
        }
        people.rotate_key(false);
        counter.world.turn(SignedDuration::from_secs(61));
    }
    Ok(())
}

/// P16: a parcel that the carrier has delivered is told as delivered.
#[tokio::test]
async fn a_delivered_parcel_is_told_so() -> Result<(), Failure> {
    let counter = Counter::start("v2").await?;
    counter.people().enter(NewOrder::of("SO-7005", &[("FM-20", 3)]))?;
    let bought = counter.people().buy(&Buy::all_of("SO-7005"))?;
    counter.people().deliver(&bought.label.to_string())?;
    let number = bought.tracking_numbers.first().ok_or("no parcel")?;
    let news = counter.opened.carrier.track(number).await?.ok_or("nothing is known")?;
    let delivered = |event: &waybill::domain::TrackingEvent| event.meaning == Meaning::Reached(Milestone::Delivered);
    assert!(news.events.iter().any(delivered), "{news:?}");
    Ok(())
}

fn wanted() -> DeskOrder {
    DeskOrder {
        document: DocumentId::sales_order("10045"),
        number: "SO-7006".to_owned(),
        ordered_at: jiff::Timestamp::UNIX_EPOCH + SignedDuration::from_hours(24 * 365 * 56),
        modified: jiff::Timestamp::UNIX_EPOCH + SignedDuration::from_hours(24 * 365 * 56),
        customer: Customer {
            id: "77".to_owned(),
            number: "C-778".to_owned(),
            name: "Quist Instruments".to_owned(),
            company: Some("Quist Instruments".to_owned()),
            emails: vec!["orders@quist.example".to_owned()],
            phones: vec!["503-555-0199".to_owned()],
            above: Vec::new(),
            fields: [("custom_field1".to_owned(), "Quist Holding".to_owned())].into(),
        },
        ship_to: Address {
            name: "Quist Instruments".to_owned(),
            attention: Some("Nora Quist".to_owned()),
            lines: vec!["9 Burnside Ave".to_owned()],
            city: "Portland".to_owned(),
            state: Some("OR".to_owned()),
            postal_code: Some("97209".to_owned()),
            country: "US".to_owned(),
            ..Address::default()
        },
        bill_to: None,
        currency: Some("USD".to_owned()),
        ship_method: Some("Ground".to_owned()),
        lines: vec![DeskOrderLine {
            line: LineId::new("11"),
            sku: "FM-20".to_owned(),
            name: Some("Flow meter".to_owned()),
            quantity: dec!(2),
            unit_price: None,
            weight: None,
        }],
        open: true,
    }
}

/// P45: an open order is made once under the ERP's key, follows the customer, and stays as it is once it was shipped.
#[tokio::test]
async fn an_open_order_follows_the_erp() -> Result<(), Failure> {
    for api in ["v2", "v1"] {
        let counter = Counter::start(api).await?;
        let desk = counter.desk()?;
        let mut order = wanted();
        let book = waybill::memory::OrderBook::default();
        let made = desk.place(&order, Some(&book)).await?;
        assert!(matches!(made, Placed::Made(_)), "{api}: {made:?}");
        book.settle(&order.goods());
        let same = desk.place(&order, Some(&book)).await?;
        assert!(matches!(same, Placed::Same(_)), "{api}: {same:?}");
        order.customer.phones = vec!["503-555-0177".to_owned()];
        order
            .customer
            .fields
            .insert("custom_field2".to_owned(), "gold".to_owned());
        let changed = desk.place(&order, None).await?;
        assert!(matches!(changed, Placed::Changed(_)), "{api}: {changed:?}");
        let books = counter.people().read_books();
        let there: Vec<_> = books.numbered("SO-7006").collect();
        let [only] = there.as_slice() else {
            return Err(format!("{api}: {there:?}").into());
        };
        assert_eq!(
            (only.key.as_str(), only.ship_to.phone.as_deref()),
            ("netsuite:1234567_SB1:SO:10045", Some("503-555-0177")),
            "{api}"
        );
        assert_eq!(only.custom_fields[1].as_deref(), Some("gold"), "{api}");
        assert_eq!(desk.numbered("SO-7006").await?.len(), 1, "{api}");
        order.lines[0].quantity = dec!(7);
        let more = desk.place(&order, Some(&book)).await?;
        assert!(matches!(more, Placed::Changed(_)), "{api}: {more:?}");
        book.settle(&order.goods());
        counter.people().buy(&Buy::all_of("SO-7006"))?;
        order.customer.name = "Quist and Sons".to_owned();
        order.customer.phones.clear();
        let fixed = desk.place(&order, Some(&book)).await?;
        assert!(matches!(fixed, Placed::Fixed(_)), "{api}: {fixed:?}");
    }
    Ok(())
}

/// P44: stock is set, and what cannot be says what is wrong.
#[tokio::test]
async fn stock_is_set_and_refusals_say_what_is_wrong() -> Result<(), Failure> {
    let counter = Counter::start("v2").await?;
    let (desk, people) = (counter.desk()?, counter.people());
    people.add_product("FM-20", "Flow meter");
    let level = |sku: &str| Level {
        key: LevelKey { item: 7, location: 2 },
        sku: sku.to_owned(),
        quantity: dec!(25),
    };
    for _ in 0..2 {
        desk.set_on_hand(&level("FM-20"), "se-5101").await?;
        assert_eq!(people.read_books().on_hand("FM-20", 5101), Some(25));
    }
    let code = |result: Result<(), CallError>| match result {
        Err(CallError::Refused(refusal)) => refusal.code,
        other => format!("{other:?}"),
    };
    assert_eq!(code(desk.set_on_hand(&level("NO-1"), "se-5101").await), "unknown-sku");
    assert_eq!(code(desk.set_on_hand(&level("FM-20"), "se-9").await), "unknown-place");
    people.configure(|options| options.inventory = false);
    assert_eq!(code(desk.set_on_hand(&level("FM-20"), "se-5101").await), "no-inventory");
    Ok(())
}

/// A key of the wrong version is told as that by `connection check`; the right one passes.
#[tokio::test]
async fn a_key_of_the_wrong_version_is_told() -> Result<(), Failure> {
    for (api, keys) in [
        ("v2", json!({ "api_key": "shipstation-v1-key" })),
        (
            "v1",
            json!({ "key": "shipstation-v2-key", "secret": "shipstation-v2-key" }),
        ),
    ] {
        let counter = Counter::with(api, &keys.to_string()).await?;
        let findings = counter.opened.carrier.check().await;
        let [only] = findings.as_slice() else {
            return Err(format!("{api}: {findings:?}").into());
        };
        assert!(
            only.result
                .as_ref()
                .is_err_and(|words| words.contains("refuses the key")),
            "{api}: {only:?}"
        );
        let right = Counter::start(api).await?;
        let findings = right.opened.carrier.check().await;
        let wrong: Vec<_> = findings.iter().filter(|finding| finding.result.is_err()).collect();
        assert!(findings.len() >= 3 && wrong.is_empty(), "{api}: {wrong:?}");
    }
    Ok(())
}
