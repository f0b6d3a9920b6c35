//! Between NetSuite's words and ours, both ways. Pure.

mod deliveries;
mod desk;
mod errors;
mod fulfilments;
mod invoices;
mod orders;
mod problems;
mod writes;

#[cfg(test)]
mod tests;

pub(super) use deliveries::{already_told, delivery, gone, told_nothing};
pub(super) use desk::{
    Entities, by_id, closest, customer, customer_changes, desk_order, digits, has_number, is_billed, level, meant,
    own_fields, own_id, parent, surely_meant, tracking_numbers, without,
};
pub(super) use errors::{already_exists, does_not_exist, envelope, unknown_identifier};
pub(super) use fulfilments::{deleted, fulfilment, is_without_address, prices, shipping_statuses};
pub(super) use invoices::{Billing, Departed, Invoice, billing, is_in_force};
pub(super) use orders::{
    COSTS_UNKNOWN, Facts, add_lines_addresses, counted_twice, fulfilled_order, needs_record, order, status_letter,
};
pub(super) use problems::{flag_among, flag_body, problem_mark};
pub(super) use writes::{
    Mismatch, Showing, Target, Transform, Update, Wanted, agreed, field_value, identity, is_full, is_settled,
    kept_fields, numbers_in, order_path, record_path, showing, shows, transform, update, update_body, update_of,
    without_link,
};
