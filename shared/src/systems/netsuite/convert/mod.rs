//! Between NetSuite's words and ours, both ways. Pure.

mod deliveries;
mod desk;
mod errors;
mod fulfilments;
mod invoices;
mod orders;
mod writes;

#[cfg(test)]
mod tests;

pub(super) use deliveries::{already_told, delivery, told_nothing};
pub(super) use desk::{
    Entities, by_id, closest, customer, customer_changes, desk_order, digits, is_billed, level, meant, own_fields,
    own_id, parent, tracking_numbers, without,
};
pub(super) use errors::{already_exists, does_not_exist, envelope, unknown_identifier};
pub(super) use fulfilments::{deleted, fulfilment, is_without_address, prices, shipping_statuses};
pub(super) use invoices::{Billing, Invoice, billing, is_in_force};
pub(super) use orders::{Facts, add_lines_addresses, fulfilled_order, needs_record, order, status_letter};
pub(super) use writes::{
    Mismatch, Target, Transform, Update, agreed, field_value, flag_among, flag_body, identity, kept_fields, order_path,
    problem_mark, record_path, shows, shows_numbers, transform, update, update_body, update_of,
};
