//! The pure parts by themselves.

use jiff::civil;
use rust_decimal::dec;
use serde_json::{Value, json};

use super::changes::{Change, state};
use super::links::{etag, key};
use super::places::address_of_location;
use super::wishes::{Note, Plan, Wish, delivery, problem};
use crate::connection::WriteBackPolicy;
use crate::domain::{DeliveryStatus, DocumentId, Estimate, Milestone};
use crate::systems::fusion::options::{Level, Options};
use crate::systems::fusion::wire::{Children, Link, PurchaseOrder, Segments};

fn row(value: Value) -> Segments {
    serde_json::from_value(value).unwrap()
}

fn tracking(numbers: &[&str], limit: usize) -> Wish {
    Wish {
        tracking: Some((
            "trackingNumber".to_owned(),
            numbers.iter().map(|number| (*number).to_owned()).collect(),
        )),
        text_limit: limit,
        ..Wish::default()
    }
}

/// P25, P33: other units' numbers are kept, and ours are added once.
#[test]
fn tracking_numbers_stand_beside_those_of_others() {
    let wish = tracking(&["1Z0002", "1Z0003"], 150);
    let there = row(json!({"trackingNumber": "1Z0001"}));
    assert!(!wish.is_shown(Some(&there)) && !wish.is_shown(None));
    let body = wish.segments(Some(&there)).unwrap();
    assert_eq!(body["trackingNumber"], json!("1Z0001, 1Z0002, 1Z0003"));
    assert!(wish.is_shown(Some(&body)));
    assert_eq!(wish.segments(Some(&body)).unwrap(), body);
}

#[test]
fn a_list_that_does_not_fit_is_cut_behind_a_number_of_ours_or_not_written() {
    let wish = tracking(&["1Z0002", "1Z0003", "1Z0004"], 20);
    let body = wish.segments(Some(&row(json!({"trackingNumber": "1Z0001"})))).unwrap();
    assert_eq!(body["trackingNumber"], json!("1Z0001, 1Z0002, \u{2026}"));
    assert!(wish.is_shown(Some(&body)));
    let full = row(json!({"trackingNumber": "1Z0001, 1Z0005"}));
    assert!(!wish.is_shown(Some(&full)));
    let refusal = wish.segments(Some(&full)).unwrap_err();
    assert!(refusal.message.contains("erp.text_limit"), "{refusal}");
    let one = tracking(&["1Z0002"], 20);
    assert!(!one.is_shown(Some(&row(json!({"trackingNumber": "1Z0001, \u{2026}"})))));
}

#[test]
fn a_status_that_stands_there_is_kept() {
    let mut wish = tracking(&["1Z0002"], 150);
    wish.status = Some(("shipStatus".to_owned(), "Label created".to_owned()));
    wish.context = Some("SHIPPING".to_owned());
    let body = wish.segments(Some(&row(json!({"shipStatus": "Delivered"})))).unwrap();
    assert!(!body.contains_key("shipStatus"));
    let body = wish.segments(None).unwrap();
    assert_eq!(
        Value::Object(body),
        json!({"trackingNumber": "1Z0002", "shipStatus": "Label created", "__FLEX_Context": "SHIPPING"})
    );
}

/// P33, P37: a note keeps what people wrote, and holds one problem at most.
#[test]
fn a_note_keeps_what_people_wrote() {
    let shipped = Note::Shipped {
        attribute: "NoteToReceiver".to_owned(),
        numbers: vec!["1Z0002".to_owned()],
        sentence: "Shipped by UPS Ground, tracking 1Z0002.".to_owned(),
    };
    let text = shipped.beside(Some("Ring twice.")).unwrap();
    assert_eq!(text, "Ring twice.\nShipped by UPS Ground, tracking 1Z0002.");
    assert!(shipped.is_said(Some(&text)) && !shipped.is_said(Some("Ring twice.")));
    assert!(shipped.beside(Some(&"x".repeat(990))).is_err());
    let problem = |text: Option<&str>| Note::Problem {
        attribute: "NoteToReceiver".to_owned(),
        problem: text.map(str::to_owned),
    };
    let told = problem(Some("no weight")).beside(Some(&text)).unwrap();
    assert!(told.ends_with("\nNot shipped: no weight") && problem(Some("no weight")).is_said(Some(&told)));
    let other = problem(Some("bad address")).beside(Some(&told)).unwrap();
    assert!(!other.contains("no weight"));
    assert_eq!(problem(None).beside(Some(&other)).unwrap(), text);
    assert!(problem(None).is_said(Some(&text)) && problem(None).is_said(None));
    assert!(
        problem(Some("no weight")).is_said(Some(&told.replace('\n', "\r\n"))),
        "Fusion ends lines in its own way"
    );
}

fn policy(fields: Value) -> WriteBackPolicy {
    WriteBackPolicy {
        fields: serde_json::from_value(fields).unwrap(),
        ..WriteBackPolicy::default()
    }
}

/// P16, P40: everything that is known of a delivery stands in the order, in whatever spelling Fusion gives it back.
#[test]
fn a_delivery_stands_in_the_orders_segments() {
    let policy = policy(
        json!({"tracking": "trackingNumber", "status": "shipStatus", "status_at": "shipAt", "place": "shipPlace",
                               "signed_by": "signedBy", "estimated_delivery": "shipEta"}),
    );
    let status = DeliveryStatus {
        milestone: Milestone::InTransit,
        text: "In transit".to_owned(),
        at: "2026-03-02T14:00:00.75Z".parse().unwrap(),
        place: Some("Louisville,\n KY".to_owned()),
        signed_by: None,
        estimate: Some(Estimate {
            date: civil::date(2026, 3, 5),
            until: None,
        }),
    };
    let plan = delivery(&DocumentId::purchase_order("8"), &status, &policy, &Options::default()).unwrap();
    let body = plan.wish.segments(None).unwrap();
    let expected = json!({"shipStatus": "In transit", "shipAt": "2026-03-02T14:00:00Z", "shipPlace": "Louisville, KY",
                          "signedBy": null, "shipEta": "2026-03-05"});
    assert_eq!(Value::Object(body), expected);
    let there = row(
        json!({"shipStatus": "In transit", "shipAt": "2026-03-02T14:00:00.000+00:00", "shipPlace": "Louisville, KY",
                           "shipEta": "2026-03-05T00:00:00+00:00"}),
    );
    assert!(plan.wish.is_shown(Some(&there)));
    assert!(!plan.wish.is_shown(Some(&row(json!({"shipStatus": "In transit"})))));
    assert!(delivery(&DocumentId::sales_order("8"), &status, &policy, &Options::default()).is_err());
}

/// P37: the problem stands in its own segment, cut to it, and is taken away again.
#[test]
fn a_problem_stands_in_its_segment() {
    let policy = policy(json!({"problem": "shipProblem"}));
    let options = Options {
        text_limit: 20,
        ..Options::default()
    };
    let plan = |text| problem(&DocumentId::purchase_order("8"), text, &policy, &options).unwrap();
    let set: Plan = plan(Some("item AS54888 has no weight"));
    let body = set.wish.segments(None).unwrap();
    assert_eq!(body["shipProblem"], json!("item AS54888 has no\u{2026}"));
    let cleared = plan(None);
    assert!(cleared.wish.is_shown(None) && !cleared.wish.is_shown(Some(&body)));
    assert_eq!(cleared.level, Level::Header);
}

#[test]
fn an_own_link_gives_the_key_and_never_a_host() {
    let links = |href: &str| -> Children<Link> {
        serde_json::from_value(json!([{"rel": "self", "href": href, "properties": {"changeIndicator": "AC01"}}]))
            .unwrap()
    };
    let good = links("https://elsewhere.example/x/purchaseOrders/0002%3DEACED?x=1");
    assert_eq!(key(&good, Some("7")).as_deref(), Some("0002%3DEACED"));
    assert_eq!(etag(&good).as_deref(), Some("\"AC01\""));
    assert_eq!(
        key(&links("https://elsewhere.example/x/.."), Some("7")).as_deref(),
        Some("7")
    );
    assert_eq!(key(&links("https://elsewhere.example/x/a b"), None), None);
    assert_eq!(
        key(&Children::default(), Some("300100555000111")).as_deref(),
        Some("300100555000111")
    );
    assert_eq!(key(&Children::default(), Some("1/../2")), None);
}

#[test]
fn a_change_order_is_known_by_the_drafts_status() {
    let of = |value: Value| state(&serde_json::from_value::<PurchaseOrder>(value).unwrap());
    assert_eq!(of(json!({"StatusCode": "OPEN"})), Change::None);
    assert_eq!(of(json!({"StatusCode": "INCOMPLETE"})), Change::Incomplete);
    assert_eq!(of(json!({"StatusCode": "REJECTED"})), Change::Rejected);
    assert_eq!(of(json!({"StatusCode": "PENDING CHANGE APPROVAL"})), Change::Waiting);
    assert_eq!(
        of(json!({"StatusCode": "OPEN", "ChangeOrderStatusCode": "INCOMPLETE"})),
        Change::Incomplete
    );
    assert_eq!(
        of(json!({"StatusCode": "PENDING SUPPLIER ACKNOWLEDGMENT"})),
        Change::None
    );
}

#[test]
fn a_location_without_a_street_a_town_or_a_country_is_none() {
    let place = |value: Value| address_of_location(&value);
    let whole = json!({"LocationCode": "X", "AddressLine1": "1 A St", "TownOrCity": "Toronto", "Region1": "on", "Country": "CA"});
    let address = place(whole.clone()).unwrap();
    assert_eq!((address.name.as_str(), address.state.as_deref()), ("X", Some("ON")));
    for missing in ["AddressLine1", "TownOrCity", "Country", "LocationCode"] {
        let mut partly = whole.clone();
        partly[missing] = Value::Null;
        assert_eq!(place(partly), None, "{missing}");
    }
    let mut named = whole;
    named["Country"] = json!("Canada");
    assert_eq!(place(named), None, "a country's name is no code");
    assert_eq!(super::goods::number(Some("1.5e2")), Some(dec!(150)));
}
