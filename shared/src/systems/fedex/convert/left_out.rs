//! What FedEx does not take and a shipment can do without: it is left out whole, never cut, and said beside the
//! shipment, so that whoever misses it knows why.

use super::customs::{self, is_abroad};
use super::party::{self, Role};
use super::ship::{REFERENCE, is_long};
use crate::domain::ShipmentRequest;
use crate::systems::fedex::account::Account;

/// Everything that is left out of a shipment, in plain words.
pub(super) fn left_out(own: &Account, wanted: &ShipmentRequest) -> Vec<String> {
    let numbers = [
        ("purchase order's number", wanted.customer_reference.as_deref()),
        ("order's number", Some(wanted.order_number.as_str())),
    ];
    let long = numbers
        .into_iter()
        .filter_map(|(what, number)| too_long(what, number?, REFERENCE));
    let stand_in = own.options.receiver_phone.as_deref();
    let from = party::left_out(Role::ShipFrom, &wanted.ship_from, None);
    let to = party::left_out(Role::ShipTo, &wanted.ship_to, stand_in);
    let customs = wanted
        .customs
        .as_ref()
        .filter(|_| is_abroad(&wanted.ship_from, &wanted.ship_to));
    let goods = customs.into_iter().flat_map(customs::left_out);
    long.chain(from).chain(to).chain(goods).collect()
}

/// What is said of a text that is longer than FedEx takes.
pub(super) fn too_long(what: &str, text: &str, most: usize) -> Option<String> {
    let length = text.trim().chars().count();
    is_long(text, most)
        .then(|| format!("the {what} has {length} characters and FedEx takes {most}: FedEx was not told it"))
}
