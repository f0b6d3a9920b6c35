//! How a delivery fares, as fields of the order.

use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use jiff::tz::Offset;
use rust_decimal::Decimal;
use serde_json::{Map, Value, json};

use super::errors::{NONEXISTENT, does_not_exist};
use crate::connection::FieldMap;
use crate::domain::{DeliveryStatus, DocumentId, Refusal};
use crate::systems::netsuite::options::Options;
use crate::systems::netsuite::wire::as_text;
use crate::systems::writing::truncated;

/// What the fields are to say; a value that is not known (any more) empties its field. Nothing where no field is configured.
pub(in crate::systems::netsuite) fn delivery(
    status: &DeliveryStatus,
    fields: &FieldMap,
    options: &Options,
) -> Map<String, Value> {
    let words = |text: &str| words(text, options.text_limit);
    let told = |text: &Option<String>| text.as_deref().map_or(Value::Null, words);
    let estimate = status.estimate.map(|estimate| estimate.date.to_string());
    let values = [
        (&fields.status, words(&status.text)),
        (&fields.status_at, json!(moment(status.at))),
        (&fields.place, told(&status.place)),
        (&fields.signed_by, told(&status.signed_by)),
        (&fields.estimated_delivery, json!(estimate)),
    ];
    let set = values
        .into_iter()
        .filter_map(|(field, value)| Some((field.clone()?, value)));
    set.collect()
}

/// A carrier's text on one line, cut to the field; blank is nothing.
fn words(text: &str, limit: usize) -> Value {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.is_empty() {
        Value::Null
    } else {
        json!(truncated(&line, limit))
    }
}

/// A moment as ISO 8601 in UTC, to the second.
fn moment(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// Whether an order's record says all of that already.
pub(in crate::systems::netsuite) fn already_told(record: &Value, body: &Map<String, Value>) -> bool {
    body.iter()
        .all(|(field, ours)| says(record.get(field).and_then(as_text), as_text(ours)))
}

/// Whether a field says what we would write: NetSuite shows a date, a time or a number in its own spelling.
fn says(there: Option<String>, ours: Option<String>) -> bool {
    match (there, ours) {
        (Some(there), Some(ours)) => {
            there == ours || same_time(&there, &ours) || same(&there, &ours, |text| text.parse::<Decimal>().ok())
        }
        (None, None) => true,
        _ => false,
    }
}

/// Whether two texts name the same second, or the same day where one of them is but a day.
fn same_time(there: &str, ours: &str) -> bool {
    let day_only = day(there).is_some() || day(ours).is_some();
    if day_only {
        let date = |text: &str| day(text).or_else(|| Some(Offset::UTC.to_datetime(instant(text)?).date()));
        same(there, ours, date)
    } else {
        same(there, ours, |text| instant(text).map(Timestamp::as_second))
    }
}

fn same<T: PartialEq>(there: &str, ours: &str, read: impl Fn(&str) -> Option<T>) -> bool {
    read(there).is_some_and(|there| read(ours).is_some_and(|ours| there == ours))
}

/// A day without a time.
fn day(text: &str) -> Option<Date> {
    (text.len() == 10).then(|| Date::strptime("%Y-%m-%d", text).ok())?
}

/// A moment; without an offset it is taken for UTC.
fn instant(text: &str) -> Option<Timestamp> {
    let written = || text.parse::<Timestamp>().ok();
    let local = || Offset::UTC.to_timestamp(text.parse::<DateTime>().ok()?).ok();
    written().or_else(local)
}

/// What is said of a document that is gone.
pub(in crate::systems::netsuite) fn gone() -> Refusal {
    Refusal::new(NONEXISTENT, "the record does not exist")
}

/// Why an order could not be told of its delivery, in words for a person.
pub(in crate::systems::netsuite) fn told_nothing(document: &DocumentId, refusal: &Refusal) -> Refusal {
    if does_not_exist(refusal) {
        let gone = format!("{document} is no longer in NetSuite, so its delivery cannot be shown there");
        return Refusal::new(refusal.code.clone(), gone);
    }
    let words = format!(
        "NetSuite does not take the delivery's fields of {document}: {}. `waybill connection check` says which field is \
         missing; each must take what is written into it",
        refusal.message.trim_end_matches('.')
    );
    Refusal::new(refusal.code.clone(), words)
}

#[cfg(test)]
mod tests {
    use jiff::civil;

    use super::*;
    use crate::domain::{Estimate, Milestone};

    fn options(limit: usize) -> Options {
        Options {
            text_limit: limit,
            ..Options::default()
        }
    }

    fn fields() -> FieldMap {
        serde_json::from_value(json!({
            "tracking": "custbody_t", "status": "custbody_s", "status_at": "custbody_at", "place": "custbody_p",
            "signed_by": "custbody_by", "estimated_delivery": "custbody_e"
        }))
        .unwrap()
    }

    fn on_its_way() -> DeliveryStatus {
        DeliveryStatus {
            milestone: Milestone::InTransit,
            text: "In transit (1 of 2 parcels delivered)".to_owned(),
            at: "2026-03-02T14:00:00.75Z".parse().unwrap(),
            place: Some("Louisville, KY, US".to_owned()),
            signed_by: None,
            estimate: Some(Estimate {
                date: civil::date(2026, 3, 5),
                until: Some(civil::time(21, 0, 0, 0)),
            }),
        }
    }

    fn delivered() -> DeliveryStatus {
        DeliveryStatus {
            milestone: Milestone::Delivered,
            text: "Delivered".to_owned(),
            at: "2026-03-05T17:12:00Z".parse().unwrap(),
            place: Some("Atlanta, GA, US".to_owned()),
            signed_by: Some("MORGAN".to_owned()),
            estimate: None,
        }
    }

    /// P16, P40: everything that is known of a delivery stands in fields of the order, and nothing that is no longer so.
    #[test]
    fn a_delivery_stands_in_the_orders_fields_and_an_old_estimate_does_not() {
        let body = delivery(&on_its_way(), &fields(), &options(300));
        let expected = json!({
            "custbody_s": "In transit (1 of 2 parcels delivered)", "custbody_at": "2026-03-02T14:00:00Z",
            "custbody_p": "Louisville, KY, US", "custbody_by": null, "custbody_e": "2026-03-05"
        });
        assert_eq!(Value::Object(body), expected);
        let body = delivery(&delivered(), &fields(), &options(300));
        assert_eq!(
            (&body["custbody_e"], &body["custbody_by"]),
            (&Value::Null, &json!("MORGAN"))
        );
        assert!(
            !body.contains_key("custbody_t"),
            "the tracking numbers are not its business"
        );
    }

    #[test]
    fn only_fields_that_the_connection_names_are_written() {
        let named = |names: Value| {
            let fields: FieldMap = serde_json::from_value(names).unwrap();
            let body = delivery(&on_its_way(), &fields, &options(300));
            assert_eq!(body.is_empty(), !fields.tells_deliveries());
            body.into_iter().map(|(name, _)| name).collect::<Vec<_>>()
        };
        assert_eq!(
            named(json!({ "tracking": "custbody_t", "problem": "custbody_x" })),
            [""; 0]
        );
        assert_eq!(named(json!({ "place": "custbody_p" })), ["custbody_p"]);
    }

    #[test]
    fn a_text_is_one_line_that_fits_and_blank_is_nothing() {
        let mut status = on_its_way();
        status.place = Some("Straßenbahnhof\u{a0} Süd,\r\nBerlin".to_owned());
        status.signed_by = Some(" \t".to_owned());
        let body = delivery(&status, &fields(), &options(20));
        assert_eq!(body["custbody_p"], json!("Straßenbahnhof Süd,\u{2026}"));
        assert_eq!(body["custbody_by"], Value::Null);
        assert_eq!(
            body["custbody_at"],
            json!("2026-03-02T14:00:00Z"),
            "a time is never cut"
        );
    }

    #[test]
    fn what_stands_there_is_recognised_however_netsuite_spells_it() {
        let body = delivery(&on_its_way(), &fields(), &options(300));
        let record = |at: Value, estimate: Value| {
            json!({ "id": "5012", "custbody_s": "In transit (1 of 2 parcels delivered)", "custbody_at": at,
                    "custbody_p": " Louisville, KY, US ", "custbody_e": estimate })
        };
        for at in [
            "2026-03-02T14:00:00Z",
            "2026-03-02T14:00:00.000Z",
            "2026-03-02T09:00:00-05:00",
            "2026-03-02 14:00:00",
            "2026-03-02",
        ] {
            for estimate in ["2026-03-05", "2026-03-05T00:00:00Z"] {
                assert!(
                    already_told(&record(json!(at), json!(estimate)), &body),
                    "{at} {estimate}"
                );
            }
        }
        for at in [
            json!("2026-03-02T14:00:01Z"),
            json!("2026-03-03"),
            json!("yesterday"),
            json!(""),
            Value::Null,
        ] {
            assert!(!already_told(&record(at.clone(), json!("2026-03-05")), &body), "{at}");
        }
        assert!(!already_told(&record(json!("2026-03-02"), json!("2026-03-06")), &body));
        let mut signed = record(json!("2026-03-02"), json!("2026-03-05"));
        signed["custbody_by"] = json!("MORGAN");
        assert!(
            !already_told(&signed, &body),
            "a name that is no longer known goes away"
        );
        let empty = json!({ "f": null, "g": "" });
        assert!(already_told(&json!({ "g": " " }), empty.as_object().unwrap()));
    }

    #[test]
    fn a_refusal_says_what_a_person_can_do() {
        let document = DocumentId::sales_order("5012");
        let gone = told_nothing(
            &document,
            &Refusal::new("NONEXISTENT_ID", "The record instance does not exist."),
        );
        assert!(gone.message.contains("no longer in NetSuite"), "{gone}");
        let unknown = Refusal::new("INVALID_CONTENT", "Unknown field name: custbody_p.");
        let unknown = told_nothing(&document, &unknown);
        assert_eq!(unknown.code, "INVALID_CONTENT");
        assert!(
            unknown.message.contains("custbody_p") && unknown.message.contains("connection check"),
            "{unknown}"
        );
    }
}
