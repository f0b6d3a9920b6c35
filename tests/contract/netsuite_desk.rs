//! NetSuite as a shipping desk needs it, over HTTP against its simulator: orders that are meant, stock, customers, and what becomes of
//! a shipment that people made elsewhere.

use std::time::Duration;

use jiff::SignedDuration;
use rust_decimal::{Decimal, dec};
use serde_json::{Value, json};
use simulators::netsuite::books::FulfilmentBook;
use simulators::netsuite::model::{ItemType, ShipStatus, WeightUnit};
use simulators::netsuite::people::NewLine;
use simulators::netsuite::stock::NewCustomer;
use tests::world::{CONNECTION, Failure, World, new_york, place};
use waybill::connection::Connection;
use waybill::domain::{
    CarrierShipmentId, Consignment, DeskOrder, DeskOrderRef, DocumentId, JobId, LevelKey, LineId, Money, Quantities,
    Shipment, ShippedParcel,
};
use waybill::ports::{CallError, DeskSource, Finding, OrderSource, Permit, Recorder, Secrets, WriteBack, Written};
use waybill::systems::netsuite::NetSuite;

/// NetSuite behind a desk.
struct Desk {
    world: World,
    netsuite: NetSuite,
    connection: Connection,
}

fn shipment(unit: u32, numbers: &[&str]) -> Shipment {
    let parcels = numbers.iter().map(|number| ShippedParcel {
        tracking_number: (*number).to_owned(),
    });
    Shipment {
        id: CarrierShipmentId::new(format!("se-{unit}")),
        parcels: parcels.collect(),
        service: Some("ups_ground".to_owned()),
        cost: Some(Money::new(dec!(11.40), "USD")),
        remarks: Vec::new(),
    }
}

impl Desk {
    async fn start() -> Result<Self, Failure> {
        Self::with(|_| {}).await
    }

    /// Behind a connection that `change` has changed.
    async fn with(change: impl FnOnce(&mut Connection)) -> Result<Self, Failure> {
        Self::in_world(World::start().await?, change).await
    }

    async fn in_world(world: World, change: impl FnOnce(&mut Connection)) -> Result<Self, Failure> {
        let mut connection = world.store.tables().connections[&CONNECTION.parse()?].clone();
        let daily = json!({ "expression": "rate(1 day)", "time_zone": "UTC" });
        let places = json!({ world.basics().warehouse.to_string(): "se-loc-1" });
        connection.desk = serde_json::from_value(json!({
            "named_by": ["number", "external-id"], "stores": [], "voided": "undo", "voids_days": 30
        }))?;
        connection.stock = serde_json::from_value(json!({ "schedule": daily.clone(), "places": places }))?;
        connection.customers = serde_json::from_value(json!({
            "schedule": daily, "fields": { "custom_field1": "path", "custom_field2": "custentity_account_manager" }
        }))?;
        change(&mut connection);
        let secret = world.vault.read(&connection.erp.secret).await?.ok_or("no secret")?;
        let ports = world.registry().ports(&Recorder::default());
        let netsuite = NetSuite::new(&connection, &secret, ports)?;
        Ok(Self {
            world,
            netsuite,
            connection,
        })
    }

    async fn meant(&self, number: &str, key: Option<&str>) -> Result<Vec<(String, &'static str)>, Failure> {
        let found = self.netsuite.meant(&named(number, key)).await?;
        Ok(found.into_iter().map(|one| (one.document.id, one.by)).collect())
    }

    /// SKU and quantity of everything that lies in the places of the connection, read in pages of so many.
    async fn stock(&self, page: u16) -> Result<Vec<(String, Decimal)>, Failure> {
        let mut all = Vec::new();
        let mut after: Option<LevelKey> = None;
        loop {
            let levels = self.netsuite.levels(after.as_ref(), page).await?;
            let ended = levels.len() < usize::from(page);
            after = levels.last().map(|level| level.key.clone()).or(after);
            all.extend(levels.into_iter().map(|level| (level.sku, level.quantity)));
            if ended {
                return Ok(all);
            }
        }
    }

    async fn open(&self, page: u16) -> Result<Vec<DeskOrder>, Failure> {
        self.open_since(self.world.now() - SignedDuration::from_hours(1), page)
            .await
    }

    async fn open_since(&self, since: jiff::Timestamp, page: u16) -> Result<Vec<DeskOrder>, Failure> {
        let mut all: Vec<DeskOrder> = Vec::new();
        let mut after: Option<String> = None;
        loop {
            let found = self.netsuite.open_orders(since, after.as_deref(), page).await?;
            all.extend(found.orders);
            after = found.next;
            if after.is_none() {
                return Ok(all);
            }
        }
    }

    fn number(&self, order: u64) -> Result<String, Failure> {
        self.world
            .person(|account, _| Ok(account.orders[&order].tran_id.clone()))
    }

    fn customer_of(&self, order: u64) -> Result<u64, Failure> {
        self.world.person(|account, _| Ok(account.orders[&order].entity))
    }

    /// What people shipped elsewhere is written back, looked for first as the ledger does.
    async fn write_back(
        &self,
        order: u64,
        unit: u32,
        quantities: &Quantities,
        numbers: &[&str],
    ) -> Result<JobId, Failure> {
        let document = DocumentId::sales_order(order.to_string());
        let read = self.netsuite.read(std::slice::from_ref(&document)).await?;
        let order = read.into_iter().next().ok_or("no such order")?;
        let consignment =
            Consignment::of(&order, quantities, &Quantities::new()).map_err(|gone| format!("{gone:?}"))?;
        let job = JobId::of(&self.connection.id, &document, unit);
        let shipment = shipment(unit, numbers);
        let write_back = WriteBack {
            job: &job,
            order: &order,
            consignment: &consignment,
            shipment: &shipment,
            quote: None,
            labels: &[],
            label_link: None,
        };
        let found = self.netsuite.find(&write_back).await?;
        assert_eq!(found, Written::Nothing);
        let draft = self.netsuite.draft(&write_back, &found)?;
        let until = self.world.now() + SignedDuration::from_mins(5);
        self.netsuite.write_back(&draft, Permit { until }).await?;
        assert!(matches!(self.netsuite.find(&write_back).await?, Written::Whole(_)));
        Ok(job)
    }

    /// The shipment is void: what was made for it is taken away.
    async fn undo(&self, order: u64, job: &JobId, shipment: &Shipment) -> Result<(), CallError> {
        let document = DocumentId::sales_order(order.to_string());
        self.netsuite.unmake(job, &document, shipment).await
    }

    fn fulfilments(&self, order: u64) -> Result<Vec<FulfilmentBook>, Failure> {
        Ok(self.world.page(order)?.fulfilments)
    }
}

fn named(number: &str, key: Option<&str>) -> DeskOrderRef {
    DeskOrderRef {
        id: "123".to_owned(),
        number: number.to_owned(),
        key: key.map(str::to_owned),
        store: None,
    }
}

fn take(line: u32, quantity: u32) -> (LineId, Decimal) {
    (LineId::new(line.to_string()), quantity.into())
}

// ---- orders that are meant ---------------------------------------------------------------------------------------

/// P42: an order is found by the key that it was given, by its number in whatever case, by its external id; in that order, and by
/// nothing that the connection does not allow.
#[tokio::test]
async fn a_desks_order_is_found_by_the_names_that_the_connection_allows() -> Result<(), Failure> {
    let desk = Desk::start().await?;
    let first = desk.world.enter(desk.world.plain(2))?;
    let mut other = desk.world.plain(1);
    other.external_id = Some("web-77".to_owned());
    other.other_ref_num = "PO-4711".to_owned();
    let second = desk.world.enter(other)?;
    let number = desk.number(first)?;
    let by_number = vec![(first.to_string(), "its number")];
    assert_eq!(desk.meant(&number, None).await?, by_number);
    assert_eq!(
        desk.meant(&format!(" {} ", number.to_lowercase()), None).await?,
        by_number
    );
    let key = format!("netsuite:1234567_SB1:SO:{second}");
    let by_key = vec![(second.to_string(), "the key that it was given")];
    let own_number = desk.number(second)?;
    assert_eq!(desk.meant(&own_number, Some(&key)).await?, by_key);
    assert_eq!(
        desk.meant(&format!("{own_number}-1"), Some(&key)).await?,
        by_key,
        "a part that was split off"
    );
    assert_eq!(
        desk.meant(&number, Some(&key)).await?,
        by_number,
        "a key beside another order's number is not believed"
    );
    let of_another_account = format!("netsuite:7654321:SO:{second}");
    assert_eq!(
        desk.meant(&own_number, Some(&of_another_account)).await?,
        vec![(second.to_string(), "its number")]
    );
    let gone = "netsuite:1234567_SB1:SO:99999999";
    assert_eq!(desk.meant(&number, Some(gone)).await?, by_number);
    let by_external_id = vec![(second.to_string(), "its external id")];
    assert_eq!(desk.meant("web-77", None).await?, by_external_id);
    assert_eq!(desk.meant("1001", Some("web-77")).await?, by_external_id);
    for (names, sure) in [
        ((own_number.as_str(), Some(key.as_str())), true),
        ((number.as_str(), Some(key.as_str())), false),
        (("1001", Some("web-77")), true),
        (("web-77", Some("another")), false),
        (("web-77", Some("web-77")), false),
        ((number.as_str(), None), false),
    ] {
        let found = desk.netsuite.meant(&named(names.0, names.1)).await?;
        assert_eq!(found[0].sure, sure, "{names:?}");
    }
    assert_eq!(
        desk.meant("PO-4711", None).await?,
        [],
        "customers' numbers are not allowed"
    );
    assert_eq!(desk.meant("' OR '1'='1", Some("%")).await?, []);
    assert_eq!(desk.meant("  ", None).await?, []);
    let allowing = Desk::in_world(desk.world, |connection| {
        connection.desk = serde_json::from_value(json!({
            "named_by": ["number", "customer-reference"], "stores": [], "voids_days": 30
        }))
        .unwrap();
    })
    .await?;
    assert_eq!(
        allowing.meant("PO-4711", None).await?,
        [(second.to_string(), "the customer's own number")]
    );
    Ok(())
}

/// P42: a number that several orders have names all of them, unless the connection's own condition selects one; a miss has
/// candidates, and never more than a person can look through.
#[tokio::test]
async fn several_orders_of_one_number_and_orders_that_look_alike() -> Result<(), Failure> {
    let allow = |condition: Option<&str>| {
        let condition = condition.map(str::to_owned);
        move |connection: &mut Connection| {
            connection.desk =
                serde_json::from_value(json!({ "named_by": ["customer-reference"], "voids_days": 30 })).unwrap();
            connection.select.condition = condition;
        }
    };
    let desk = Desk::with(allow(None)).await?;
    let mut orders = Vec::new();
    for memo in ["north", "south"] {
        let mut order = desk.world.plain(1);
        (order.other_ref_num, order.memo) = ("PO-9".to_owned(), memo.to_owned());
        orders.push(desk.world.enter(order)?.to_string());
    }
    let found = |meant: Vec<(String, &'static str)>| meant.into_iter().map(|(id, _)| id).collect::<Vec<_>>();
    assert_eq!(found(desk.meant("PO-9", None).await?), orders);
    let desk = Desk::in_world(desk.world, allow(Some("t.memo = 'south'"))).await?;
    assert_eq!(found(desk.meant("PO-9", None).await?), orders[1..]);
    let number = desk.number(orders[0].parse()?)?;
    let candidates = desk
        .netsuite
        .alike(&named(&format!("WEB-{}-R", &number[2..]), None))
        .await?;
    assert_eq!(candidates[0].number, number, "the same digits");
    for _ in 0..8 {
        desk.world.enter(desk.world.plain(1))?;
    }
    assert_eq!(desk.netsuite.alike(&named("100", None)).await?.len(), 5);
    assert_eq!(desk.netsuite.alike(&named("A1B2", None)).await?, [], "too few digits");
    desk.world.turn(SignedDuration::from_hours(24 * 200));
    assert_eq!(desk.netsuite.alike(&named(&number, None)).await?, [], "too long ago");
    Ok(())
}

// ---- stock -------------------------------------------------------------------------------------------------------

/// P44: every item in every place of the connection once, however small the pages; what a person counts and what ships is seen; kits
/// and other places are not told, and assemblies as the connection wants.
#[tokio::test]
async fn stock_is_read_page_by_page_and_follows_people() -> Result<(), Failure> {
    let desk = Desk::start().await?;
    let basics = desk.world.basics();
    let elsewhere = desk.world.person(|account, now| {
        let elsewhere = account.add_location("Reno", new_york());
        account.count(basics.light, elsewhere, dec!(9), now);
        account.count(basics.metric, basics.warehouse, dec!(12.5), now);
        account.count(basics.unweighed, basics.warehouse, dec!(-4), now);
        Ok(elsewhere)
    })?;
    let expected = [
        ("PUMP-010", 500),
        ("SEAL-KG", 12),
        ("MOTOR-38", 45),
        ("VALVE-9", 60),
        ("GASKET-NEW", 0),
    ];
    let expected = expected.map(|(sku, quantity)| (sku.to_owned(), Decimal::from(quantity)));
    for page in [1, 3, 1000, u16::MAX] {
        assert_eq!(desk.stock(page).await?, expected, "pages of {page}");
    }
    let order = desk.world.enter(desk.world.plain(20))?;
    desk.world
        .person(|account, now| account.fulfil_by_hand(order, None, now))?;
    desk.world.enter(desk.world.plain(30))?;
    assert_eq!(
        desk.stock(1000).await?[0].1,
        dec!(480),
        "what shipped is gone, what is promised lies there"
    );
    let only_bought = |connection: &mut Connection| connection.stock.as_mut().unwrap().assemblies = false;
    let desk = Desk::in_world(desk.world, only_bought).await?;
    let told: Vec<String> = desk.stock(3).await?.into_iter().map(|(sku, _)| sku).collect();
    assert_eq!(told, ["PUMP-010", "SEAL-KG", "MOTOR-38", "GASKET-NEW"]);
    let both = |connection: &mut Connection| {
        let stock = connection.stock.as_mut().unwrap();
        stock.measure = waybill::connection::StockMeasure::Available;
        stock.condition = Some("i.itemid LIKE 'PUMP%'".to_owned());
        let place = waybill::domain::LocationId::new(elsewhere.to_string());
        stock.places.insert(place, "se-loc-2".to_owned());
    };
    let desk = Desk::in_world(desk.world, both).await?;
    let pumps = |quantity| ("PUMP-010".to_owned(), quantity);
    assert_eq!(desk.stock(1).await?, [pumps(dec!(450)), pumps(dec!(9))]);
    Ok(())
}

/// P44: 50,000 rows are walked once each, in the order of their keys, without going over what was read.
#[tokio::test]
async fn fifty_thousand_levels_are_walked_by_key() -> Result<(), Failure> {
    let desk = Desk::start().await?;
    let warehouse = desk.world.basics().warehouse;
    desk.world.person(|account, now| {
        for number in 0..50_000 {
            let sku = format!("PART-{number}");
            let item = account.add_item(&sku, &sku, ItemType::InvtPart, None, WeightUnit::Lb);
            account.count(item, warehouse, number.into(), now);
        }
        Ok(())
    })?;
    let began = std::time::Instant::now();
    let (mut after, mut count) = (None::<LevelKey>, 0);
    loop {
        let levels = desk.netsuite.levels(after.as_ref(), 1000).await?;
        assert!(levels.iter().all(|level| Some(&level.key) > after.as_ref()));
        assert!(levels.is_sorted_by(|one, next| one.key < next.key));
        count += levels.len();
        if levels.len() < 1000 {
            break;
        }
        after = levels.last().map(|level| level.key.clone());
    }
    assert_eq!(count, 50_005);
    assert_eq!(desk.world.asked_netsuite("suiteql"), 51);
    assert!(began.elapsed() < Duration::from_secs(120), "{:?}", began.elapsed());
    Ok(())
}

// ---- customers ---------------------------------------------------------------------------------------------------

/// P45: an open order tells of its customer by the master data, with the accounts above and the fields that the connection wants; a
/// change of the customer or of an account above is a change of every open order of it, and of no other.
#[tokio::test]
async fn open_orders_follow_their_customers_and_the_accounts_above() -> Result<(), Failure> {
    let desk = Desk::start().await?;
    let wanted = desk.world.plain(5);
    let (top, middle, order) = desk.world.person(|account, now| {
        let top = NewCustomer {
            entity_id: "C1".into(),
            company: "Hudson Group".into(),
            ..NewCustomer::default()
        };
        let top = account.enter_customer(top, now);
        let middle = NewCustomer {
            entity_id: "C1 : C2".into(),
            company: "Hudson East".into(),
            parent: Some(top),
            ..NewCustomer::default()
        };
        let middle = account.enter_customer(middle, now);
        let own = NewCustomer {
            entity_id: "C3".into(),
            email: "ap@hudson.example; cfo@hudson.example".into(),
            phone: "2125550100".into(),
            parent: Some(middle),
            ..NewCustomer::default()
        };
        let own = account.enter_customer(own, now);
        account.change_customer(own, now, |customer| {
            (customer.first_name, customer.last_name, customer.person) = ("Ada".into(), "Moss".into(), true);
            customer.mobile_phone = "9175550100".into();
            customer
                .custom
                .insert("custentity_account_manager".into(), json!("Kim"));
        })?;
        let mut order = wanted;
        (order.customer, order.email) = (Some(own), "buyer@example.com".into());
        let order = account.add_order(order, now)?;
        account.change_order(order, now, |order| {
            order.bill_address = Some(place("Hudson Accounts", "1 Wall St", "New York", "NY", "10005", "US"));
        })?;
        Ok((top, middle, order))
    })?;
    let other = desk.world.enter(desk.world.plain(1))?;
    let orders = desk.open(1).await?;
    let ids: Vec<String> = orders.iter().map(|order| order.document.id.clone()).collect();
    assert_eq!(ids, [order.to_string(), other.to_string()]);
    let told = &orders[0];
    assert_eq!(
        (told.customer.number.as_str(), told.customer.name.as_str()),
        ("C3", "Ada Moss")
    );
    assert_eq!(
        told.customer.emails,
        ["ap@hudson.example", "cfo@hudson.example", "buyer@example.com"]
    );
    assert_eq!(told.customer.phones, ["2125550100", "9175550100"]);
    let above = [("C2", "Hudson East"), ("C1", "Hudson Group")];
    assert_eq!(
        told.customer.above,
        above.map(|(number, name)| (number.to_owned(), name.to_owned()))
    );
    assert_eq!(told.customer.fields["custom_field1"], "Hudson Group : Hudson East");
    assert_eq!(told.customer.fields["custom_field2"], "Kim");
    assert_eq!(
        told.bill_to.as_ref().map(|bill_to| bill_to.city.as_str()),
        Some("New York")
    );
    assert_eq!(
        told.bill_to.as_ref().map(|bill_to| bill_to.name.as_str()),
        Some("Hudson Accounts")
    );
    assert_eq!(
        (told.lines[0].sku.as_str(), told.lines[0].quantity),
        ("PUMP-010", dec!(5))
    );
    assert_eq!((told.open, told.ordered_at), (true, desk.world.now()));

    desk.world.turn(SignedDuration::from_hours(2));
    let changed = desk.world.now();
    assert!(desk.open(50).await?.is_empty(), "nothing has changed for two hours");
    desk.world
        .person(|account, now| account.change_customer(top, now, |top| top.company = "Hudson Holding".into()))?;
    let orders = desk.open_since(changed, 50).await?;
    assert_eq!(orders.len(), 1, "only the orders below that account");
    assert_eq!(
        orders[0].customer.fields["custom_field1"],
        "Hudson Holding : Hudson East"
    );
    assert_eq!(orders[0].modified, changed);
    desk.world.turn(SignedDuration::from_hours(2));
    let since = desk.world.now();
    desk.world
        .person(|account, now| account.change_customer(middle, now, |middle| middle.parent = None))?;
    let orders = desk.open_since(since, 50).await?;
    assert_eq!(orders[0].customer.above, [("C2".to_owned(), "Hudson East".to_owned())]);
    Ok(())
}

/// P45: accounts that are above each other end; a customer that has nothing of a kind empties the field; what has shipped, was
/// cancelled or goes to several places is not told, and stands in nobody's way.
#[tokio::test]
async fn what_cannot_be_told_is_left_out_and_everything_else_is_told() -> Result<(), Failure> {
    let desk = Desk::start().await?;
    let mut entered = Vec::new();
    for _ in 0..6 {
        entered.push(desk.world.enter(desk.world.plain(3))?);
    }
    let customer = desk.customer_of(entered[0])?;
    let (wanted, basics) = (desk.world.plain(1), desk.world.basics());
    let split = desk.world.person(|account, now| {
        let loop_of = account.enter_customer(
            NewCustomer {
                company: "Loop".into(),
                parent: Some(customer),
                ..NewCustomer::default()
            },
            now,
        );
        account.change_customer(customer, now, |customer| customer.parent = Some(loop_of))?;
        account.cancel(entered[1], now)?;
        account.fulfil_by_hand(entered[2], None, now)?;
        account.close(entered[3], now)?;
        account.pick(entered[4], &[(1, 1)], ShipStatus::Shipped, now)?;
        let mut split = wanted;
        let boston = place("Harbor Co", "1 Main St", "Boston", "MA", "02110", "US");
        split.lines = vec![
            NewLine::of(basics.light, 1).to(new_york()),
            NewLine::of(basics.heavy, 1).to(boston),
        ];
        account.add_order(split, now)
    })?;
    for page in [1, 2, 50] {
        let orders = desk.open(page).await?;
        let told: Vec<u64> = orders.iter().map(|order| order.document.id.parse().unwrap()).collect();
        assert_eq!(
            told,
            [entered[0], entered[4], entered[5]],
            "pages of {page}; {split} goes to several places"
        );
        assert_eq!(orders[1].lines[0].quantity, dec!(2), "what is still to be shipped");
        assert_eq!(orders[0].customer.above.len(), 1);
        assert_eq!(orders[0].customer.fields["custom_field2"], "");
    }
    let selecting = Desk::in_world(desk.world, |connection| {
        connection.select.condition = Some("t.memo = 'ours'".to_owned());
    })
    .await?;
    assert!(
        selecting.open(50).await?.is_empty(),
        "orders that are another connection's"
    );
    Ok(())
}

// ---- shipments that people made elsewhere ------------------------------------------------------------------------

/// P42, P43: two parts of an order are two fulfilments, each of exactly what it took, from the place of each line, shipped, with
/// its parcels and what it cost.
#[tokio::test]
async fn two_parts_of_an_order_are_two_fulfilments() -> Result<(), Failure> {
    let desk = Desk::start().await?;
    let basics = desk.world.basics();
    let mut order = desk.world.plain(5);
    order.lines.push(NewLine::of(basics.heavy, 2));
    let order = desk.world.enter(order)?;
    desk.write_back(order, 1, &Quantities::from([take(1, 2)]), &["1Z0001", "1Z0002"])
        .await?;
    desk.write_back(order, 2, &Quantities::from([take(1, 3), take(4, 1)]), &["1Z0003"])
        .await?;
    let made = desk.fulfilments(order)?;
    let lines: Vec<Vec<(u32, Decimal)>> = made.iter().map(|one| one.lines.clone().into_iter().collect()).collect();
    assert_eq!(lines, [vec![(1, dec!(2))], vec![(1, dec!(3)), (4, dec!(1))]]);
    assert_eq!(made[0].tracking_numbers, ["1Z0001", "1Z0002"]);
    assert_eq!(made[1].tracking_numbers, ["1Z0003"]);
    assert!(
        made.iter()
            .all(|one| one.status == ShipStatus::Shipped && one.empty_packages == 0)
    );
    let page = desk.world.page(order)?;
    assert_eq!(
        page.lines[&4].quantity - page.lines[&4].fulfilled,
        dec!(1),
        "the rest is open"
    );
    assert_eq!(desk.world.field(order, "tracking")?, "1Z0001, 1Z0002, 1Z0003");
    assert_eq!(page.custom_fields["custbody_waybill_cost"].to_string(), "11.4");
    assert_eq!(desk.world.field(order, "service")?, "ups_ground");
    assert!(
        desk.world.netsuite.books().traffic.warnings.is_empty(),
        "no field was lost"
    );
    Ok(())
}

/// P42: what is voided at the desk is taken away: its quantity is open again, its number gone, the other part stands; again is
/// harmless, and what is billed stays.
#[tokio::test]
async fn a_void_takes_its_own_fulfilment_away() -> Result<(), Failure> {
    let desk = Desk::start().await?;
    let order = desk.world.enter(desk.world.plain(5))?;
    let first = desk
        .write_back(order, 1, &Quantities::from([take(1, 2)]), &["1Z0001"])
        .await?;
    let second = desk
        .write_back(order, 2, &Quantities::from([take(1, 3)]), &["1Z0002"])
        .await?;
    let before = desk.stock(1000).await?[0].1;
    desk.undo(order, &first, &shipment(1, &["1Z0001"])).await?;
    desk.undo(order, &first, &shipment(1, &["1Z0001"])).await?;
    let made = desk.fulfilments(order)?;
    let [left] = made.as_slice() else { panic!("{made:?}") };
    assert_eq!(left.external_id.as_deref(), Some(second.as_str()));
    assert_eq!(desk.world.page(order)?.lines[&1].fulfilled, dec!(3));
    assert_eq!(desk.world.field(order, "tracking")?, "1Z0002");
    assert_eq!(desk.stock(1000).await?[0].1, before + dec!(2), "it lies there again");
    let billed = left.id;
    desk.world
        .person(|account, now| account.invoice(order, &[billed], now))?;
    let refused = desk.undo(order, &second, &shipment(2, &["1Z0002"])).await;
    assert!(
        matches!(&refused, Err(CallError::Refused(refusal)) if refusal.code == "invoiced"),
        "{refused:?}"
    );
    assert_eq!(desk.fulfilments(order)?.len(), 1);
    assert_eq!(desk.world.field(order, "tracking")?, "1Z0002", "what stays is shown");
    Ok(())
}

/// P52: shipments come in, stock and customers go out: whatever a desk asks of NetSuite, nothing is written there.
#[tokio::test]
async fn what_a_desk_asks_writes_nothing() -> Result<(), Failure> {
    let desk = Desk::start().await?;
    let order = desk.world.enter(desk.world.plain(2))?;
    let before = desk.world.netsuite.books();
    let number = desk.number(order)?;
    desk.meant(&number, Some("netsuite:1234567_SB1:SO:1")).await?;
    desk.netsuite.alike(&named(&number, None)).await?;
    desk.stock(2).await?;
    desk.open(2).await?;
    desk.netsuite.check().await;
    let after = desk.world.netsuite.books();
    assert_eq!(
        (before.orders, before.custom_field_writes),
        (after.orders, after.custom_field_writes)
    );
    for operation in [
        "patch_salesorder",
        "patch_itemfulfillment",
        "transform",
        "delete_itemfulfillment",
    ] {
        assert_eq!(desk.world.asked_netsuite(operation), 0, "{operation}");
    }
    Ok(())
}

/// P48: the token of a desk's connection is kept for its hour and no longer: a day of calls takes 25 at most, and one that ends
/// early costs one more.
#[tokio::test]
async fn a_day_of_stock_takes_a_token_an_hour() -> Result<(), Failure> {
    let desk = Desk::start().await?;
    for _ in 0..24 * 6 {
        desk.netsuite.levels(None, 10).await?;
        desk.world.turn(SignedDuration::from_mins(10));
    }
    let issued = desk.world.netsuite.books().tokens.issued;
    assert!((2..=25).contains(&issued), "{issued}");
    assert_eq!(
        desk.world.netsuite.books().traffic.refused_logins,
        0,
        "no call carried one that had ended"
    );
    desk.netsuite.levels(None, 10).await?;
    let issued = desk.world.netsuite.books().tokens.issued;
    desk.world.netsuite.expire_tokens();
    desk.netsuite.levels(None, 10).await?;
    let tokens = desk.world.netsuite.books().tokens;
    assert_eq!(tokens.issued, issued + 1);
    assert!(!tokens.requests.contains_key("refresh_token"), "{tokens:?}");
    Ok(())
}

// ---- connection check --------------------------------------------------------------------------------------------

fn found<'f>(findings: &'f [Finding], what: &str) -> &'f Result<String, String> {
    let one = findings.iter().find(|finding| finding.what == what);
    &one.unwrap_or_else(|| panic!("{what}: {findings:?}")).result
}

/// What a desk needs of the account is tried, what is missing is named with what mends it, and what is not told is said.
#[tokio::test]
async fn a_check_tries_what_a_desk_needs() -> Result<(), Failure> {
    let desk = Desk::start().await?;
    desk.world.enter(desk.world.plain(1))?;
    let findings = desk.netsuite.check().await;
    let wrong: Vec<&Finding> = findings.iter().filter(|finding| finding.result.is_err()).collect();
    assert!(wrong.is_empty(), "{wrong:?}");
    let untold = found(&findings, "items whose stock is not told").clone()?;
    assert!(
        !untold.contains("of the kind Assembly") && untold.contains("1 of the kind Kit"),
        "{untold}"
    );
    let broken = Desk::in_world(desk.world, |connection| {
        let stock = connection.stock.as_mut().unwrap();
        stock.assemblies = false;
        stock
            .places
            .insert(waybill::domain::LocationId::new("99999"), "se-loc-2".to_owned());
        let customers = connection.customers.as_mut().unwrap();
        customers
            .fields
            .insert("custom_field3".to_owned(), "custentity_nobody".to_owned());
        connection.write_back.fulfilment = false;
    })
    .await?;
    let unseen = ["quantityonhand".to_owned()];
    let hidden = broken
        .world
        .netsuite
        .configure(|options| options.unseen_columns.extend(unseen));
    hidden.map_err(|refusal| refusal.to_string())?;
    let findings = broken.netsuite.check().await;
    let says = |what: &str, words: &str| {
        let result = found(&findings, what);
        assert!(
            result.as_ref().is_err_and(|error| error.contains(words)),
            "{what}: {result:?}"
        );
    };
    says("the locations of stock.places", "99999");
    says("stock by SuiteQL", "Lists > Items");
    says("customers with the accounts above them", "custentity_nobody");
    says("what a void does", "write_back.fulfilment");
    let _: Value = serde_json::to_value(&findings)?;
    Ok(())
}
