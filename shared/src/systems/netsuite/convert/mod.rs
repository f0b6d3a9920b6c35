//! Between NetSuite's words and ours, both ways. Pure.

mod deliveries;
mod errors;
mod orders;
mod writes;

#[cfg(test)]
mod tests;

pub(super) use deliveries::{already_told, delivery, told_nothing};
pub(super) use errors::{already_exists, does_not_exist, envelope, unknown_identifier};
pub(super) use orders::{Facts, add_lines_addresses, needs_record, order, status_letter};
pub(super) use writes::{
    Mismatch, Transform, Update, agreed, field_value, flag_body, identity, kept_fields, order_path, shows, transform,
    update, update_body,
};
