//! ShipStation: where people ship. What they ship is read, voided and followed; stock and customers are told.
//!
//! Documents: <https://docs.shipstation.com> (ShipStation API V2: labels, shipments, fulfillments, inventory, webhooks) and
//! <https://www.shipstation.com/docs/api/> (V1). Quirks that shape this folder:
//!
//! - Two APIs with keys, limits and words of their own, neither of which takes the other's keys. What V2 calls a shipment is
//!   the order of V1; what V1 calls a shipment is V2's label. A parcel is known by V2's label, by V1's shipment, and only
//!   where there is neither, because the merchant brought the tracking number, by the fulfilment.
//! - A webhook is a pointer: it names an address at which the news lie and which wants the customer's key. It is followed to
//!   ShipStation's own hosts only. V1 signs nothing; V2 signs by a key that ShipStation publishes.
//! - V1's times are Pacific time without saying so, V2's are UTC. What a misspelt filter does is not documented, so that the
//!   dates of what comes are looked at.
//! - Errors stand inside successes (`has_errors`, `approved: false`), and some successes have no body.
//! - Customers cannot be written in either; they are told with open orders. V1's orders are written whole or lose what is
//!   left out.
//! - Neither finds an order by exactly its number; V1's number filter is a beginning.
//! - V1 tells no deliveries and has no inventory.
//! - An order that people split in V2 is several, each with an id and perhaps a number of its own (`SO5012-1`). What is shipped of a
//!   part is its order's where the goods in it name that; nothing documented leads from one part to the others, so that a customer's
//!   new address reaches the part that has the order's key, and people see to the others.
//! - A label of several parcels is tracked by one of its numbers: V2 has no question for the others. Of those is told what is
//!   pushed for them, if anything.

mod account;
mod check;
mod client;
mod convert;
#[cfg(any(test, feature = "testing"))]
pub mod fuzzing;
mod keys;
mod pushes;
mod tracking;
mod v1;
mod v2;
pub(crate) mod webhook;
mod wire;

#[cfg(test)]
mod tests;

pub(crate) use account::usual;
pub use account::{check_secret, mistakes};
pub use client::ShipStation;
pub use keys::PublishedKeys;
