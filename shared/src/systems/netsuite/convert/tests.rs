use jiff::Timestamp;
use rust_decimal::{Decimal, dec};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::writes::Mismatch;
use super::*;
use crate::connection::{Connection, Selection};
use crate::domain::*;
use crate::ports::WriteBack;
use crate::systems::netsuite::account::Settings;
use crate::systems::netsuite::fixture;
use crate::systems::netsuite::options::{ReadyQuantity, Trigger};
use crate::systems::netsuite::wire::{Customer, CustomerRow, LineRow, OrderRow, Page, SalesOrder};

macro_rules! fixture {
    ($name:literal) => {
        include_str!(concat!("../../../../../tests/fixtures/netsuite/", $name))
    };
}

fn rows<T: DeserializeOwned>(text: &str) -> Vec<T> {
    serde_json::from_str::<Page<T>>(text).unwrap().items
}

fn orders_for(select: &Selection, ready: ReadyQuantity, selected: bool) -> Vec<Order> {
    let lines: Vec<LineRow> = rows(fixture!("read/lines.json"));
    let customers: Vec<CustomerRow> = rows(fixture!("read/customers.json"));
    let rows: Vec<OrderRow> = rows(fixture!("read/orders.json"));
    let facts = |row| Facts {
        row,
        lines: &lines,
        customer: customers.first(),
        record: None,
        selected,
    };
    rows.iter()
        .map(|row| order(&facts(row), select, ready).unwrap())
        .collect()
}

fn orders() -> Vec<Order> {
    orders_for(&Selection::default(), ReadyQuantity::Committed, true)
}

/// P4: items, quantities, weights and the ship-to are those of the order and its items; nothing else is a line.
#[test]
fn an_order_is_read_with_its_goods_its_weights_and_its_address() {
    let order = orders().remove(0);
    assert_eq!((order.number.as_str(), &order.standing), ("SO5012", &Standing::Ready));
    assert_eq!(order.customer_reference.as_deref(), Some("PO-4711"));
    assert_eq!(order.currency.as_deref(), Some("USD"));
    let expected = Address {
        name: "Peachtree Robotics".to_owned(),
        attention: Some("Jo Buyer".to_owned()),
        lines: vec!["12380 Morris Rd".to_owned(), "Dock 4".to_owned()],
        city: "Alpharetta".to_owned(),
        state: Some("GA".to_owned()),
        postal_code: Some("30005".to_owned()),
        country: "US".to_owned(),
        phone: Some("(678) 555-1234".to_owned()),
        email: Some("buyer@example.com".to_owned()),
        residential: None,
    };
    assert_eq!(
        order.ship_to, expected,
        "what the address lacks comes from the customer"
    );
    let ids: Vec<&str> = order.lines.iter().map(|line| line.id.as_str()).collect();
    assert_eq!(
        ids,
        ["1", "4", "5", "6"],
        "services, ship items and kit components are no goods"
    );
    let bearing = &order.lines[0];
    assert_eq!(
        (bearing.ordered, bearing.fulfilled, bearing.ready),
        (dec!(5), dec!(2), dec!(2))
    );
    assert_eq!(bearing.weight, Some(Weight::pounds(dec!(0.23))));
    assert_eq!(bearing.unit_price, Some(Money::new(dec!(8.4), "USD")));
    assert_eq!(
        (bearing.origin_country.as_deref(), bearing.tariff_code.as_deref()),
        (Some("DE"), Some("8482100000"))
    );
    let sensor = Weight {
        value: dec!(85),
        unit: WeightUnit::G,
    };
    assert_eq!(order.lines[1].weight, Some(sensor));
    assert_eq!(order.lines[2].weight, None, "an unknown unit is not guessed");
    assert_eq!(
        order.lines[2].ready,
        dec!(1.5),
        "nothing is committed to what is not stocked"
    );
    assert!(!order.lines[3].shippable && order.lines[3].remaining() == Decimal::ZERO);
}

#[test]
fn what_is_ready_is_what_stock_is_committed_to_unless_the_connection_says_otherwise() {
    let remaining = orders_for(&Selection::default(), ReadyQuantity::Remaining, true).remove(0);
    assert_eq!(remaining.lines[0].ready, dec!(3));
}

#[test]
fn each_status_says_why_an_order_waits_or_ends() {
    let orders = orders();
    let reason = "its status is Pending Approval; this connection ships Pending Fulfillment, Partially Fulfilled, \
                  Pending Billing/Partially Fulfilled";
    assert_eq!(orders[1].standing, Standing::Waiting(reason.to_owned()));
    assert_eq!(orders[2].standing, Standing::Ready);
    assert_eq!(
        (orders[2].ship_to.name.as_str(), &orders[2].ship_to.attention),
        ("Kim Lee", &None)
    );
    assert_eq!(orders[3].standing, Standing::Cancelled);
    assert_eq!(orders[4].standing, Standing::Closed);
}

#[test]
fn an_order_that_is_not_selected_says_what_the_connection_ships() {
    let select = Selection {
        statuses: vec!["SalesOrd:D".to_owned()],
        ship_methods: vec!["UPS Ground".to_owned(), "3902".to_owned()],
        ..Selection::default()
    };
    let orders = orders_for(&select, ReadyQuantity::Committed, true);
    let waiting = |index: usize| match &orders[index].standing {
        Standing::Waiting(reason) => reason.clone(),
        other => panic!("{other:?}"),
    };
    assert_eq!(
        waiting(0),
        "its status is Pending Fulfillment; this connection ships Partially Fulfilled"
    );
    assert_eq!(
        waiting(2),
        "its ship method is Customer Pickup; this connection ships UPS Ground, 3902"
    );
    let by_condition = orders_for(&Selection::default(), ReadyQuantity::Committed, false).remove(0);
    assert!(matches!(by_condition.standing, Standing::Waiting(reason) if reason.contains("select.condition")));
}

#[test]
fn lines_of_an_order_to_several_places_have_their_own_addresses_or_the_order_waits() {
    let record: SalesOrder = serde_json::from_str(fixture!("read/sales_order.json")).unwrap();
    let customer: Customer = serde_json::from_str(fixture!("read/customer.json")).unwrap();
    let mut order = orders().remove(0);
    add_lines_addresses(&mut order, &record, &customer);
    let city = |index: usize| order.lines[index].ship_to.as_ref().map(|address| address.city.as_str());
    assert_eq!((city(0), city(1), city(2)), (Some("Savannah"), Some("Reno"), None));
    let reason = "it ships to several places, and that of line 5 cannot be read";
    assert_eq!(order.standing, Standing::Waiting(reason.to_owned()));
}

#[test]
fn only_an_order_without_an_address_or_with_several_needs_its_record() {
    let rows: Vec<OrderRow> = rows(fixture!("read/orders.json"));
    let needed: Vec<bool> = rows.iter().map(|row| needs_record(row, Trigger::Ready)).collect();
    assert_eq!(needed, [false; 5], "cancelled and billed orders go nowhere");
    assert!(needs_record(
        &OrderRow {
            statuscode: Some("B".to_owned()),
            ..rows[3].clone()
        },
        Trigger::Ready
    ));
    assert!(needs_record(
        &OrderRow {
            ismultishipto: Some("T".to_owned()),
            ..rows[0].clone()
        },
        Trigger::Ready
    ));
}

// ---- writing -----------------------------------------------------------------------------------------------------

struct Story {
    connection: Connection,
    order: Order,
    job: JobId,
    shipment: Shipment,
    quote: Quote,
}

impl Story {
    fn new(numbers: &[&str]) -> Self {
        let parcels = numbers.iter().map(|number| json!({ "tracking_number": number }));
        Self {
            connection: fixture::connection(),
            order: orders().remove(0),
            job: "ABCDEFGHIJKLMNOPQRSTUVWXYZ".to_owned().try_into().unwrap(),
            shipment: Shipment {
                id: CarrierShipmentId::new(numbers[0]),
                parcels: parcels.map(|parcel| serde_json::from_value(parcel).unwrap()).collect(),
                service: Some("03".to_owned()),
                cost: Some(Money::new(dec!(12.34), "USD")),
                remarks: Vec::new(),
            },
            quote: Quote {
                offer: Offer {
                    service: "03".to_owned(),
                    name: "UPS Ground".to_owned(),
                    cost: Money::new(dec!(11.99), "USD"),
                    negotiated: true,
                    arrives: None,
                },
                taken_at: Timestamp::UNIX_EPOCH,
                account: None,
            },
        }
    }

    fn shipping<T>(&self, quantities: &[(&str, Decimal)], tell: impl FnOnce(&WriteBack<'_>) -> T) -> T {
        let quantities: Quantities = quantities
            .iter()
            .map(|(id, quantity)| (LineId::new(*id), *quantity))
            .collect();
        let consignment = Consignment::of(&self.order, &quantities, &Quantities::new()).unwrap();
        tell(&WriteBack {
            job: &self.job,
            order: &self.order,
            consignment: &consignment,
            shipment: &self.shipment,
            quote: Some(&self.quote),
            labels: &[],
            label_link: None,
        })
    }

    fn transform(&self, quantities: &[(&str, Decimal)]) -> Result<Transform, Refusal> {
        let settings = Settings::of(&self.connection).unwrap();
        self.shipping(quantities, |write_back| {
            transform(write_back, &settings.options, &self.connection.packing)
        })
    }
}

fn golden(text: &str, job: &JobId) -> Value {
    let mut body: Value = serde_json::from_str(text).unwrap();
    body["externalId"] = json!(job.as_str());
    body
}

/// P15: tracking numbers stand in the fulfilment's packages; every open line is listed, shipped or not.
#[test]
fn a_transform_lists_every_open_line_and_the_packages() {
    let story = Story::new(&["1Z0001", "1Z0002"]);
    let transform = story.transform(&[("1", dec!(2)), ("4", dec!(10))]).unwrap();
    assert_eq!(
        transform.path,
        "/services/rest/record/v1/salesOrder/5012/!transform/itemFulfillment?replace=package"
    );
    assert_eq!(transform.body, golden(fixture!("write/transform.json"), &story.job));
}

#[test]
fn an_integrated_ship_method_has_a_sublist_of_its_own_and_buys_no_second_label() {
    let mut story = Story::new(&["1Z0003"]);
    story.connection.erp.options = json!({ "package_sublist": { "UPS Ground": "packageUps" }, "ship_status": "B" });
    let transform = story.transform(&[("5", dec!(1.5))]).unwrap();
    assert!(transform.path.ends_with("?replace=packageUps"));
    assert_eq!(
        transform.body,
        golden(fixture!("write/transform_integrated.json"), &story.job)
    );
}

#[test]
fn nothing_is_fulfilled_that_is_no_longer_open() {
    let mut story = Story::new(&["1Z0001"]);
    let whole = story.order.clone();
    let refusal = story.shipping(&[("4", dec!(10))], |write_back| {
        let mut changed = whole;
        changed.lines[1].fulfilled = dec!(4);
        let write_back = WriteBack {
            order: &changed,
            ..*write_back
        };
        let settings = Settings::of(&story.connection).unwrap();
        transform(&write_back, &settings.options, &story.connection.packing).unwrap_err()
    });
    assert!(
        refusal.message.contains("line 4") && refusal.message.contains("6 open"),
        "{refusal}"
    );
    story.order.document = DocumentId::sales_order("5012/../5013");
    assert!(
        story.transform(&[("1", dec!(2))]).is_err(),
        "a path is made of digits only"
    );
}

fn wanted(story: &Story) -> writes::Wanted {
    let settings = Settings::of(&story.connection).unwrap();
    let fields = &story.connection.write_back.fields;
    story
        .shipping(&[("1", dec!(2))], |write_back| {
            update(write_back, fields, &settings.options)
        })
        .unwrap()
        .unwrap()
}

/// P15: written twice, the fields say the same; other units' numbers stay.
#[test]
fn fields_keep_the_numbers_of_other_units_and_are_recognised() {
    let story = Story::new(&["1Z0001", "1Z0002"]);
    let wanted = wanted(&story);
    let body = update_body(&wanted.update, &json!({ "custbody_ups_tracking": "1Z0000" }));
    let golden: Value = serde_json::from_str(fixture!("write/fields.json")).unwrap();
    assert_eq!(body, golden);
    assert_eq!(
        kept_fields(&wanted.update),
        ["custbody_ups_tracking", "custbody_ups_status"]
    );
    let again = update_body(&wanted.update, &body);
    assert_eq!(again["custbody_ups_tracking"], golden["custbody_ups_tracking"]);
    assert!(shows(&body, &wanted));
    assert!(!shows(&json!({ "custbody_ups_tracking": "1Z0000, 1Z0001" }), &wanted));
    assert!(!shows(&json!({ "custbody_ups_tracking": "1Z00011Z0002" }), &wanted));
}

#[test]
fn without_a_tracking_field_the_others_tell() {
    let mut story = Story::new(&["1Z0001"]);
    story.connection.write_back.fields.tracking = None;
    story.connection.erp.options = json!({ "cost_as_text": true });
    let wanted = wanted(&story);
    assert_eq!(wanted.update.fields["custbody_ups_cost"], json!("12.34 USD"));
    let there = json!({ "custbody_ups_cost": "12.34 USD", "custbody_ups_service": "UPS Ground",
                        "custbody_ups_status": { "id": "Label created" } });
    assert!(shows(&there, &wanted));
    assert!(!shows(&json!({ "custbody_ups_service": "UPS Ground" }), &wanted));
}

/// P16: what was told of a delivery is not taken back by a write-back that is done again, nor is that seen as a change.
#[test]
fn a_write_back_that_is_done_again_keeps_what_was_told_of_the_delivery() {
    let mut story = Story::new(&["1Z0001"]);
    let status = |story: &Story, there: Value| {
        update_body(&wanted(story).update, &there)
            .get("custbody_ups_status")
            .cloned()
    };
    let told = json!({ "custbody_ups_status": "Delivered" });
    assert_eq!(status(&story, json!({})), Some(json!("Label created")));
    assert_eq!(
        status(&story, json!({ "custbody_ups_status": null })),
        Some(json!("Label created"))
    );
    assert_eq!(status(&story, told.clone()), None);
    story.connection.write_back.fields.tracking = None;
    let there = json!({ "custbody_ups_cost": 12.34, "custbody_ups_service": "UPS Ground", "custbody_ups_status": "In transit" });
    assert!(shows(&there, &wanted(&story)), "the status goes on by itself");
    story.connection.write_back.fields = serde_json::from_value(json!({ "status": "custbody_ups_status" })).unwrap();
    assert!(shows(&told, &wanted(&story)) && !shows(&json!({}), &wanted(&story)));
}

#[test]
fn where_only_the_problem_has_a_field_a_write_back_writes_none() {
    let mut story = Story::new(&["1Z0001"]);
    story.connection.write_back.fields = serde_json::from_value(json!({ "problem": "custbody_p" })).unwrap();
    let settings = Settings::of(&story.connection).unwrap();
    let fields = &story.connection.write_back.fields;
    let none = story.shipping(&[("1", dec!(2))], |write_back| {
        update(write_back, fields, &settings.options)
    });
    assert_eq!(none, Ok(None));
}

#[test]
fn a_problem_is_cut_to_the_field_and_cleared_with_null() {
    let mut connection = fixture::connection();
    connection.erp.options = json!({ "text_limit": 20 });
    let options = Settings::of(&connection).unwrap().options;
    let text = "Straße 12: the address is not known";
    assert_eq!(
        flag_body("f", Some(text), &options),
        json!({ "f": "Straße 12: the addr\u{2026}" })
    );
    assert_eq!(flag_body("f", None, &options), json!({ "f": null }));
}

#[test]
fn a_transform_is_held_against_the_record_before_it_is_sent() {
    let story = Story::new(&["1Z0001"]);
    let transform = story.transform(&[("1", dec!(2))]).unwrap();
    let record = |change: &dyn Fn(&mut Value)| -> SalesOrder {
        let mut record: Value = serde_json::from_str(fixture!("read/sales_order.json")).unwrap();
        record["isMultiShipTo"] = json!(false);
        change(&mut record["item"]["items"]);
        serde_json::from_value(record).unwrap()
    };
    let items = identity(&rows::<LineRow>(fixture!("read/lines.json")));
    let whole = agreed(&transform, &record(&|_| {}), &items);
    assert_eq!(whole, Ok(transform.body.clone()));
    let swapped = agreed(
        &transform,
        &record(&|rows| rows[0]["item"] = json!({ "id": "206" })),
        &items,
    );
    let Err(Mismatch::Lines(refusal)) = swapped else {
        panic!("{swapped:?}")
    };
    assert!(refusal.message.contains("line 1 holds item 206"), "{refusal}");
    let reopened = agreed(&transform, &record(&|rows| rows[3]["isClosed"] = json!(false)), &items);
    assert!(matches!(reopened, Err(Mismatch::Changed(reason)) if reason.contains("line 6")));
    let gone = agreed(&transform, &record(&|rows| rows[1] = json!({})), &items);
    assert!(matches!(gone, Err(Mismatch::Changed(reason)) if reason.contains("line 4")));
}

#[test]
fn an_order_to_several_places_is_fulfilled_ship_group_by_ship_group() {
    let story = Story::new(&["1Z0001"]);
    let mut record: Value = serde_json::from_str(fixture!("read/sales_order.json")).unwrap();
    for (index, group) in [(0, 1), (1, 2), (2, 1)] {
        record["item"]["items"][index]["shipGroup"] = json!(group);
    }
    let record: SalesOrder = serde_json::from_value(record).unwrap();
    let items = identity(&rows::<LineRow>(fixture!("read/lines.json")));
    let body = agreed(&story.transform(&[("4", dec!(10))]).unwrap(), &record, &items).unwrap();
    assert_eq!(body["shipGroup"], json!(2));
    assert_eq!(body["item"]["items"].as_array().map(Vec::len), Some(1));
    assert_eq!(body["item"]["items"][0]["orderLine"], json!(4));
    let both = story.transform(&[("1", dec!(2)), ("4", dec!(10))]).unwrap();
    assert!(
        matches!(agreed(&both, &record, &items), Err(Mismatch::Lines(refusal)) if refusal.message.contains("ship groups"))
    );
}

/// Such numbers are no quantities: no sum of them can be had.
#[test]
fn numbers_beyond_all_trade_are_none() {
    let most = "79228162514264337593543950335";
    let line = |fields: Value| -> LineRow {
        let mut line = json!({ "lineid": "1", "sku": "A", "itemtype": "NonInvtPart", "weightunit": "g" });
        if let (Value::Object(line), Value::Object(fields)) = (&mut line, fields) {
            line.extend(fields);
        }
        serde_json::from_value(line).unwrap()
    };
    let row = OrderRow {
        id: Some("1".to_owned()),
        ..OrderRow::default()
    };
    let lines = [
        line(json!({ "quantity": most, "shipped": format!("-{most}") })),
        line(json!({ "quantity": "1e12", "shipped": "-1e12", "weight": "0.0000000000000000000000000001" })),
    ];
    let facts = Facts {
        row: &row,
        lines: &lines,
        customer: None,
        record: None,
        selected: true,
    };
    let read = order(&facts, &Selection::default(), ReadyQuantity::Remaining).unwrap();
    let seen = read.lines.iter().map(|line| (line.remaining(), line.weight));
    assert_eq!(
        seen.collect::<Vec<_>>(),
        [(dec!(0), None), (dec!(2_000_000_000_000), None)]
    );
}
