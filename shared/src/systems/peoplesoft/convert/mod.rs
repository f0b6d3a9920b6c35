//! Between PeopleSoft's words and ours, both ways. Pure.

mod countries;
mod entries;
mod errors;
mod goods;
mod keys;
mod lines;
mod moments;
mod orders;
mod places;
mod standing;
pub(super) mod template;

#[cfg(test)]
mod tests;

pub(super) use entries::{
    Entry, Plan, delivery, drafted, is_shown, numbers_shown, place, problem, says_already, shipped, shows,
};
pub(super) use errors::{envelope, fault, told, write_envelope};
pub(super) use keys::{Key, is_key, numbers};
pub(super) use moments::{is_certainly_before, moment, prompt};
pub(super) use orders::{Id, Read, Reference, needed, order};
pub(super) use standing::{may_ship, wanted_status, wanted_statuses};
