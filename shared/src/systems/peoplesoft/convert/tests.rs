//! Rows to orders, and entries to what is sent.

use jiff::civil::date;
use rust_decimal::dec;
use serde_json::json;

use super::*;
use crate::connection::Selection;
use crate::domain::{Dimensions, Length, LineId, Money, Order, Standing, Weight};
use crate::systems::peoplesoft::fixture;
use crate::systems::peoplesoft::needs::Needs;
use crate::systems::peoplesoft::options::Options;
use crate::systems::peoplesoft::queries::Kind;
use crate::systems::peoplesoft::wire::{self, Row};

macro_rules! read {
    ($name:literal, $options:expr) => {
        wire::rows(
            include_bytes!(concat!("../../../../../tests/fixtures/peoplesoft/read/", $name)),
            $options,
        )
        .unwrap()
    };
}

fn shared(id: &str) -> Id {
    ("SHARE".to_owned(), id.to_owned())
}

fn reference(options: &Options) -> Reference {
    Reference {
        locations: [
            (shared("DOCK1"), read!("location_dock1.json", options)),
            (shared("AP"), read!("location_ap.json", options)),
            (shared("DOCK2"), Vec::new()),
        ]
        .into(),
        vendors: [(shared("0000000045"), read!("vendor.json", options))].into(),
        items: [
            (shared("10012"), read!("item_10012.json", options)),
            (shared("10077"), read!("item_10077.json", options)),
        ]
        .into(),
    }
}

struct Desk {
    options: Options,
    needs: Needs,
    select: Selection,
    key: Key,
}

impl Desk {
    fn new() -> Self {
        Self {
            needs: Needs::of(&fixture::connection(), &fixture::settings().options),
            options: fixture::settings().options,
            select: fixture::connection().select,
            key: Key::new(Kind::PurchaseOrder, "US001", "0000079262"),
        }
    }

    fn order(&self, rows: &[Row]) -> Order {
        let reference = reference(&self.options);
        let read = Read {
            key: &self.key,
            rows,
            cut_off: false,
            reference: &reference,
            tracking_shown: None,
            select: &self.select,
            options: &self.options,
            needs: &self.needs,
            today: date(2026, 3, 2),
        };
        order(&read).unwrap()
    }

    fn standing(&self, change: impl Fn(&mut serde_json::Value)) -> Standing {
        let mut answer: serde_json::Value = serde_json::from_str(include_str!(
            "../../../../../tests/fixtures/peoplesoft/read/purchase_order.json"
        ))
        .unwrap();
        let rows = answer["data"]["query"]["rows"].as_array_mut().unwrap();
        rows.iter_mut().for_each(&change);
        let rows = wire::rows(answer.to_string().as_bytes(), &self.options).unwrap();
        self.order(&rows).standing
    }
}

/// P73: addresses from location and vendor, weight and size from the item, as they hold today; leading zeros stay, blanks are
/// nothing, and a weight that is missing is missing.
#[test]
fn a_purchase_order_with_everything_that_its_rows_refer_to() {
    let desk = Desk::new();
    let order = desk.order(&read!("purchase_order.json", &desk.options));
    assert_eq!(order.document.id, "US001.0000079262");
    assert_eq!(order.number, "0000079262");
    assert_eq!(order.standing, Standing::Ready);
    assert_eq!(order.customer_reference.as_deref(), Some("Spring refit"));
    assert_eq!(order.currency.as_deref(), Some("USD"));
    assert_eq!(order.ship_method.as_ref().unwrap().id, "GROUND");
    let ship_to = &order.ship_to;
    assert_eq!(
        (ship_to.name.as_str(), ship_to.attention.as_deref()),
        ("Chicago dock", Some("Receiving"))
    );
    assert_eq!(ship_to.lines, ["200 W Lake St", "Gate 4"]);
    assert_eq!((ship_to.city.as_str(), ship_to.country.as_str()), ("Chicago", "US"));
    assert_eq!(order.bill_to.as_ref().unwrap().city, "Columbus");
    let supplier = order.supplier.as_ref().unwrap();
    assert_eq!(
        (supplier.id.as_str(), supplier.name.as_deref()),
        ("0000000045", Some("Lee Supplies"))
    );
    assert_eq!(supplier.site.as_deref(), Some("MAIN"));
    let from = supplier.address.as_ref().unwrap();
    assert_eq!(
        (from.lines[0].as_str(), from.email.as_deref()),
        ("77 Mill Rd", Some("dock@lee.example"))
    );

    let ids: Vec<&str> = order.lines.iter().map(|line| line.id.as_str()).collect();
    assert_eq!(ids, ["1.1", "2.1", "2.2", "3.1"]);
    let first = &order.lines[0];
    assert_eq!(
        (first.ordered, first.fulfilled, first.ready),
        (dec!(10), dec!(4), dec!(6))
    );
    assert_eq!(first.weight, Some(Weight::pounds(dec!(2.5))));
    let size = Dimensions {
        length: dec!(10),
        width: dec!(6),
        height: dec!(4),
        unit: Length::In,
    };
    assert_eq!(first.dimensions, Some(size));
    assert_eq!(
        (first.origin_country.as_deref(), first.tariff_code.as_deref()),
        (Some("DE"), Some("9026.20"))
    );
    assert_eq!(first.unit_price, Some(Money::new(dec!(12.5), "USD")));
    assert_eq!(first.cost_centre.as_deref(), Some("5110+5120"));
    let origin = &first.came_from[0];
    assert_eq!(
        (origin.document.id.as_str(), &origin.line),
        ("REQ:US001.0000000310", &LineId::new("3.1"))
    );
    assert_eq!((&first.flaw, &first.ship_to, first.shippable), (&None, &None, true));

    let cases = &order.lines[1];
    assert_eq!(
        (cases.sku.as_str(), cases.description.as_deref()),
        ("10077", Some("Gasket"))
    );
    assert_eq!(
        (cases.ordered, cases.ready),
        (dec!(24), dec!(24)),
        "two cases of twelve"
    );
    assert_eq!(cases.unit_price, Some(Money::new(dec!(2), "USD")));
    assert_eq!((cases.weight, cases.dimensions), (None, None));
    let flaw = cases.flaw.as_deref().unwrap();
    assert!(
        flaw.contains("ship-to location DOCK2") && flaw.contains("X_SHIP_LOC"),
        "{flaw}"
    );
    assert_eq!(
        cases.ship_to,
        Some(crate::domain::Address::default()),
        "never to where the others go"
    );
    let cancelled = &order.lines[2];
    assert_eq!(
        (cancelled.ordered, cancelled.shippable, &cancelled.flaw),
        (dec!(0), false, &None)
    );
    assert!(!order.lines[3].shippable, "its carrier is another");
}

#[test]
fn a_requisition_is_one_row_and_was_nothing_before() {
    let mut desk = Desk::new();
    desk.key = Key::new(Kind::Requisition, "US001", "0000000310");
    let order = desk.order(&read!("requisition.json", &desk.options));
    assert_eq!(
        (order.document.id.as_str(), order.number.as_str()),
        ("REQ:US001.0000000310", "0000000310")
    );
    assert_eq!((&order.standing, &order.supplier), (&Standing::Ready, &None));
    let line = &order.lines[0];
    assert_eq!(
        (line.id.as_str(), line.ready, line.came_from.len()),
        ("3.1", dec!(1), 0)
    );
}

#[test]
fn what_ships_follows_from_the_head_the_schedules_and_the_rules() {
    let desk = Desk::new();
    let of = |column: &'static str, value: &'static str| desk.standing(move |row| row[column] = json!(value));
    let waits = |standing: Standing, part: &str| match standing {
        Standing::Waiting(why) => assert!(why.contains(part), "{why}"),
        other => panic!("{other:?}"),
    };
    for (status, standing) in [
        ("D", Standing::Ready),
        ("dispatched", Standing::Ready),
        ("X", Standing::Cancelled),
        ("Pending Cancel", Standing::Cancelled),
        ("Complete", Standing::Closed),
    ] {
        assert_eq!(of("A.PO_STATUS", status), standing, "{status}");
    }
    waits(of("A.PO_STATUS", "Approved"), "its status is Approved (A)");
    waits(of("A.PO_STATUS", "Wunderbar"), "erp.statuses");
    waits(of("A.PO_STATUS", " "), "no status");
    waits(of("A.HOLD_STATUS", "Y"), "on hold");
    waits(of("C.CARRIER_ID", "FEDEX"), "its carrier is FEDEX");
    waits(of("C.CANCEL_STATUS", "H"), "on hold, pending");
    let without = desk.standing(|row| drop(row.as_object_mut().unwrap().remove("C.QTY_PO")));
    waits(without, "X_SHIP_PO_LINE lacks column QTY_PO");
    for column in [
        "A.HOLD_STATUS",
        "C.CANCEL_STATUS",
        "D.REQ_LINE_NBR",
        "A.ADDRESS_SEQ_NUM",
    ] {
        let without = desk.standing(|row| drop(row.as_object_mut().unwrap().remove(column)));
        waits(without, &format!("lacks column {}", &column[2..]));
        assert_eq!(of(column, " "), Standing::Ready, "{column}: a blank is there");
    }
    let neither = desk.standing(|row| {
        let row = row.as_object_mut().unwrap();
        row.remove("C.CARRIER_ID");
        row.remove("C.SHIP_TYPE_ID");
    });
    waits(neither, "lacks column CARRIER_ID or SHIP_TYPE_ID");
}

/// The newest row decides, also where it closes: what was true before is not taken for today's.
#[test]
fn what_is_inactive_today_is_a_flaw_and_not_what_it_was_before() {
    let desk = Desk::new();
    let closing = |rows: &[Row], from: &str| {
        let mut last: serde_json::Map<String, serde_json::Value> = rows[rows.len() - 1]
            .said()
            .map(|(column, value)| (column.to_owned(), json!(value)))
            .collect();
        last.insert("EFFDT".to_owned(), json!(from));
        last.insert("EFF_STATUS".to_owned(), json!("I"));
        let answer = json!({"data": {"query": {"rows": [last]}}}).to_string();
        [rows, &wire::rows(answer.as_bytes(), &desk.options).unwrap()].concat()
    };
    let flaw = |from: &str, change: &dyn Fn(&mut Reference, &str)| {
        let mut reference = reference(&desk.options);
        change(&mut reference, from);
        let rows = read!("purchase_order.json", &desk.options);
        let read = Read {
            key: &desk.key,
            rows: &rows,
            cut_off: false,
            reference: &reference,
            tracking_shown: None,
            select: &desk.select,
            options: &desk.options,
            needs: &desk.needs,
            today: date(2026, 3, 2),
        };
        order(&read).unwrap().lines.remove(0).flaw
    };
    let location = |reference: &mut Reference, from: &str| {
        let rows = reference.locations.get_mut(&shared("DOCK1")).unwrap();
        *rows = closing(rows, from);
    };
    let item = |reference: &mut Reference, from: &str| {
        let rows = reference.items.get_mut(&shared("10012")).unwrap();
        rows.retain(|row| row.get("EFFDT") == Some("2020-01-01"));
        *rows = closing(rows, from);
    };
    let vendor = |reference: &mut Reference, from: &str| {
        let rows = reference.vendors.get_mut(&shared("0000000045")).unwrap();
        *rows = closing(rows, from);
    };
    type Change<'a> = &'a dyn Fn(&mut Reference, &str);
    let changes: [(Change<'_>, &str); 3] = [
        (&location, "location DOCK1 (SETID SHARE) is inactive today"),
        (&item, "item 10012 is inactive today"),
        (&vendor, "address 2 of its supplier 0000000045 is inactive today"),
    ];
    for (change, words) in changes {
        let closed = flaw("2026-03-01", change).unwrap_or_else(|| panic!("{words}"));
        assert!(closed.contains(words), "{closed}");
        assert_eq!(flaw("2026-03-03", change), None, "{words}: it closes tomorrow");
    }
}

#[test]
fn a_requisition_without_its_line_is_a_flaw() {
    let desk = Desk::new();
    let mut answer: serde_json::Value = serde_json::from_str(include_str!(
        "../../../../../tests/fixtures/peoplesoft/read/purchase_order.json"
    ))
    .unwrap();
    answer["data"]["query"]["rows"][0]["D.REQ_LINE_NBR"] = json!(0);
    answer["data"]["query"]["rows"][4]["C.CARRIER_ID"] = json!("UPS");
    answer["data"]["query"]["rows"][4]["C.QTY_PO"] = json!("1,5");
    let rows = wire::rows(answer.to_string().as_bytes(), &desk.options).unwrap();
    let lines = desk.order(&rows).lines;
    let flaw = |index: usize| lines[index].flaw.clone().unwrap();
    assert!(flaw(0).contains("REQ_LINE_NBR"), "{}", flaw(0));
    assert!(flaw(3).contains("QTY_PO is \"1,5\""), "{}", flaw(3));
}

/// What was shipped is compared with what the order says later: also where it is closed meanwhile, or goes by another carrier.
#[test]
fn what_does_not_ship_any_more_still_refers_to_where_it_went() {
    let desk = Desk::new();
    let with = |status: &str, carrier: &str, shipped: bool| {
        let text = include_str!("../../../../../tests/fixtures/peoplesoft/read/purchase_order.json");
        let text = text
            .replace("Dispatched", status)
            .replace("\"C.CARRIER_ID\": \"UPS\"", &format!("\"C.CARRIER_ID\": {carrier:?}"));
        let rows = wire::rows(text.as_bytes(), &desk.options).unwrap();
        let needed = needed(&desk.key, &rows, shipped, &desk.select, &desk.options);
        (needed.locations.len(), needed.vendors.len(), needed.items.len())
    };
    assert_eq!(with("Dispatched", "UPS", false), (3, 1, 2));
    assert_eq!(with("Complete", "UPS", false), (3, 0, 2));
    assert_eq!(with("Complete", "FEDEX", true), (3, 0, 2));
    assert_eq!(with("Complete", "FEDEX", false), (0, 0, 0));
    assert_eq!(with("Canceled", "UPS", true), (0, 0, 0));
}

#[test]
fn a_unit_that_nobody_knows_is_told_with_where_to_say_it() {
    let mut desk = Desk::new();
    desk.options.unit_conversions.clear();
    desk.options.weight_units.remove("LBS");
    let order = desk.order(&read!("purchase_order.json", &desk.options));
    let flaw = |index: usize| order.lines[index].flaw.clone().unwrap();
    assert!(
        flaw(0).contains("in LBS") && flaw(0).contains("erp.weight_units"),
        "{}",
        flaw(0)
    );
    assert!(
        flaw(1).contains("by CS") && flaw(1).contains("erp.unit_conversions"),
        "{}",
        flaw(1)
    );
    assert_eq!(order.lines[0].weight, None);
    desk.options.unit_conversions = [("10077/CS".to_owned(), dec!(6)), ("CS:EA".to_owned(), dec!(12))].into();
    let order = desk.order(&read!("purchase_order.json", &desk.options));
    assert_eq!(order.lines[1].ordered, dec!(12), "the item's own word counts first");
}

#[test]
fn an_order_of_which_rows_may_be_missing_waits() {
    let desk = Desk::new();
    let rows = read!("purchase_order.json", &desk.options);
    let reference = reference(&desk.options);
    let read = Read {
        key: &desk.key,
        rows: &rows,
        cut_off: true,
        reference: &reference,
        tracking_shown: None,
        select: &desk.select,
        options: &desk.options,
        needs: &desk.needs,
        today: date(2026, 3, 2),
    };
    let standing = order(&read).unwrap().standing;
    assert!(matches!(standing, Standing::Waiting(why) if why.contains("erp.max_rows")));
}

#[test]
fn an_entry_by_a_template_says_the_same_in_other_words() {
    let mut settings = fixture::settings();
    let fields = fixture::connection().write_back.fields;
    let document = Key::new(Kind::PurchaseOrder, "US001", "0000079262").document();
    let entry = problem(&document, Some("no \"weight\" for <10077>"), &fields, &settings.options)
        .unwrap()
        .unwrap();
    let plan = drafted(&entry, &settings);
    assert_eq!(
        plan.path,
        "/PSIGW/RESTListeningConnector/PSFT_EP/X_SHIP_TRACK.v1/US001/PO/0000079262/PROBLEM"
    );
    let body: serde_json::Value = serde_json::from_str(&plan.body).unwrap();
    let expected = json!({"BUSINESS_UNIT": "US001", "DOC_TYPE": "PO", "DOC_ID": "0000079262", "ENTRY": "PROBLEM",
                          "ERR_TEXT": "no \"weight\" for <10077>", "ERR_FLG": "Y"});
    assert_eq!(body, expected);
    let mut mistakes = Vec::new();
    let write = json!({"path": "?op=set&po={doc_id}&e={entry}", "method": "POST", "media": "text/xml",
                       "body": "<Row><PO>{doc_id}</PO><T>{tracking}</T><E>{problem}</E></Row>"});
    crate::systems::peoplesoft::service::Service::read(&write, &mut mistakes);
    assert_eq!(mistakes[0].path, "erp.options.write.path", "a path begins with /");
    let write = json!({"path": "/set?po={doc_id}&e={entry}", "method": "POST", "media": "text/xml",
                       "body": "<Row><PO>{doc_id}</PO><T>{tracking}</T><E>{problem}</E></Row>"});
    settings.options.write = crate::systems::peoplesoft::service::Service::read(&write, &mut mistakes);
    assert_eq!(mistakes.len(), 1);
    let plan = drafted(&entry, &settings);
    assert!(
        plan.path.ends_with("/X_SHIP_TRACK.v1/set?po=0000079262&e=PROBLEM"),
        "{}",
        plan.path
    );
    assert_eq!(
        plan.body,
        "<Row><PO>0000079262</PO><T></T><E>no &quot;weight&quot; for &lt;10077&gt;</E></Row>"
    );
}
