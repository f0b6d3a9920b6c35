//! Between Fusion's words and ours, both ways. Pure.

mod changes;
mod errors;
mod flexfields;
mod goods;
mod links;
mod orders;
mod ownership;
mod places;
mod wishes;

#[cfg(test)]
mod tests;

pub(super) use changes::{Change, Request, Stand, most_urgent, state};
pub(super) use errors::{envelope, told_nothing};
pub(super) use flexfields::{Flex, Place, row_of};
pub(super) use goods::{ItemKey, item_key};
pub(super) use links::key;
pub(super) use orders::{Facts, Known, Lookups, joined, order, tracking_of};
pub(super) use ownership::{Own, Whose, whose};
pub(super) use places::{PlaceKey, address_of_location, address_of_supplier, location_of, place_key};
pub(super) use wishes::{Plan, delivery, problem, shipped};
