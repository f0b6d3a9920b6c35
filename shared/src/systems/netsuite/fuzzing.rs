//! Every reader of NetSuite's answers at once, for `fuzz/`: whatever NetSuite answers, each of them says what it makes of it.

use ::http::HeaderMap;
use bytes::Bytes;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use rust_decimal::dec;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use super::convert::{self, Facts};
use super::options::{ReadyQuantity, Trigger};
use super::token;
use super::wire::{
    ClockRow, Customer, CustomerRow, HeadRow, ItemFulfillment, LineRow, MadeRow, OrderRow, Page, SalesOrder,
    ServerTime, TokenAnswer,
};
use super::zone;
use crate::connection::Selection;
use crate::domain::{
    Consignment, DocumentId, Order, PackageType, Packing, ParcelRule, Quantities, Units, Weight, WeightUnit,
};
use crate::http::{self as web, Answer};

/// Hands an answer to every reader; says how many of them understood it. The same body is read as an order, its lines, its record
/// and its customer, and what comes of that is allotted and packed.
pub fn answers(status: u16, body: &[u8]) -> usize {
    let answer = Answer {
        status,
        headers: HeaderMap::new(),
        body: Bytes::copy_from_slice(body),
    };
    refused(&answer);
    let understood = [
        is::<Page<HeadRow>>(body),
        is::<Page<MadeRow>>(body),
        is::<ItemFulfillment>(body),
        serde_json::from_slice::<TokenAnswer>(body).map(token::minted).is_ok(),
        web::read(Ok(answer.clone()), convert::envelope).is_ok(),
        web::effect(Ok(answer), convert::envelope).is_ok(),
        clocks(body),
        fields(body),
        orders(body) > 0,
    ];
    understood.into_iter().filter(|understood| *understood).count()
}

fn is<T: DeserializeOwned>(body: &[u8]) -> bool {
    serde_json::from_slice::<T>(body).is_ok()
}

fn refused(answer: &Answer) {
    if let Some(error) = convert::envelope(answer) {
        convert::unknown_identifier(&error.refusal);
        convert::already_exists(&error.refusal);
        convert::told_nothing(&DocumentId::sales_order("1"), &error.refusal);
    }
}

/// Whether one of the clocks can be read.
fn clocks(body: &[u8]) -> bool {
    let server: Option<ServerTime> = serde_json::from_slice(body).ok();
    let server: Option<Timestamp> = server.and_then(|server| server.server_time.parse().ok());
    let page: Option<Page<ClockRow>> = serde_json::from_slice(body).ok();
    let local = page.and_then(|page| page.items.into_iter().next()?.now);
    if let Some(local) = &local {
        zone::measured(local, server.unwrap_or_default());
        zone::utc(&TimeZone::UTC, local);
    }
    server.is_some() || local.is_some()
}

/// Whether an order's fields say what we would write.
fn fields(body: &[u8]) -> bool {
    let ours =
        json!({ "status": "Delivered", "status_at": "2026-03-02T14:00:00Z", "estimated": "2026-03-04", "cost": 1.5 });
    let ours: Map<String, Value> = ours.as_object().cloned().unwrap_or_default();
    let Ok(record) = serde_json::from_slice::<Value>(body) else {
        return false;
    };
    convert::field_value(&record, "status");
    convert::already_told(&record, &ours)
}

fn orders(body: &[u8]) -> usize {
    let rows: Vec<OrderRow> = items(body);
    let lines: Vec<LineRow> = items(body);
    let customers: Vec<CustomerRow> = items(body);
    let record: Option<SalesOrder> = serde_json::from_slice(body).ok();
    let customer: Customer = serde_json::from_slice(body).unwrap_or_default();
    convert::identity(&lines);
    let facts = |row| Facts {
        row,
        lines: &lines,
        customer: customers.first(),
        record: record.as_ref().filter(|_| convert::needs_record(row, Trigger::Ready)),
        selected: true,
    };
    let ready = [ReadyQuantity::Committed, ReadyQuantity::Remaining];
    let read = rows.iter().take(8).zip(ready.into_iter().cycle());
    let orders = read.filter_map(|(row, ready)| convert::order(&facts(row), &Selection::default(), ready));
    let orders = orders.map(|mut order| {
        if let Some(record) = &record {
            convert::add_lines_addresses(&mut order, record, &customer);
        }
        admit(&order);
    });
    orders.count()
}

fn items<T: DeserializeOwned>(body: &[u8]) -> Vec<T> {
    let page: Option<Page<T>> = serde_json::from_slice(body).ok();
    page.map(|page| page.items).unwrap_or_default()
}

/// What becomes of an order before anybody is asked for a price.
fn admit(order: &Order) {
    let units = Units::none(order.document.clone(), order.number.clone());
    for allotment in units.allottable(order, &[], &[]) {
        if let Ok(consignment) = Consignment::of(order, &allotment.quantities, &Quantities::new()) {
            consignment.content_hash();
            let _ = packing().pack(&consignment);
        }
    }
}

fn packing() -> Packing {
    Packing {
        rule: ParcelRule::PerOrder,
        package: PackageType {
            code: "02".to_owned(),
            dimensions: None,
            tare: None,
        },
        maximum_weight: Weight::pounds(dec!(150)),
        unit: WeightUnit::Kg,
    }
}
