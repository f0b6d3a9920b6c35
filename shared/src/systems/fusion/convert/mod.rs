//! Between Fusion's words and ours, both ways. Pure.

mod changes;
mod errors;
mod goods;
mod links;
mod orders;
mod places;
mod wishes;

#[cfg(test)]
mod tests;

pub(super) use changes::{Change, Flex, Request, Row, Stand, most_urgent, state};
pub(super) use errors::{envelope, told_nothing};
pub(super) use goods::{ItemKey, item_key};
pub(super) use links::key;
pub(super) use orders::{Facts, Known, Lookups, order};
pub(super) use places::{PlaceKey, address_of_location, address_of_supplier, place_key};
pub(super) use wishes::{Plan, delivery, problem, shipped};
