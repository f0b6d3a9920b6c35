//! FedEx: rates, labels, voids, tracking and addresses by its REST APIs.
//!
//! Documents: <https://developer.fedex.com/api/en-us/catalog.html> (Authorization, Ship v1, Rates and Transit Times v1, Basic
//! Integrated Visibility v1, Address Validation v1, Advanced Integrated Visibility). Quirks that shape this folder:
//!
//! - Buying is one call without an idempotency key, and Ship has no look-up: a lost answer is looked for in Track by
//!   our reference, where an absence never proves anything. Labels are given once.
//! - Track may be in a developer project of its own, with keys, tokens and quotas of its own.
//! - Token requests are counted by public address, calls by project; the day's quota and the window's answer alike.
//! - Ship says `recipients` and `shipDatestamp`, Rates says `recipient` and `shipDateStamp`. Sides are whole numbers.
//!   States go only where FedEx knows them, and Quebec is `PQ`. Customs data within one country is a mistake.
//! - A cancellation that did not happen is answered with success and a flag. Faults of its own come with any status,
//!   faults of gateways as pages, bodies as gzip without saying so.
//! - Track takes thirty numbers in a call, and gives the same number to several parcels in the course of time. "Not
//!   found" stands inside a success. Scans may come without the offset of their time: another scan of the place has it, or they are no
//!   moments.
//! - Each package of a shipment is tracked and found by itself; package 1 has the number of the whole. How many there are
//!   may not be told, and then none of them stands for a shipment of its own.
//! - A shipment may be told of in parts while FedEx makes it; labels of some parcels are kept back.
//! - A project without Track is refused as one that may not ask; one without tokens as an address that asks too much. A project that
//!   may not ship, as any before FedEx has validated its labels, is refused whatever it asks: a 403 is no order's fault.
//! - Pushes are ordered in FedEx's portal, cost money, and are signed; they come in any order, and nothing replaces
//!   asking.

mod account;
mod check;
mod client;
mod convert;
#[cfg(any(test, feature = "testing"))]
pub mod fuzzing;
mod look;
mod token;
pub(crate) mod webhook;
mod wire;

#[cfg(test)]
mod tests;

pub(crate) use account::usual;
pub use account::{check_secret, mistakes};
pub use client::{FedEx, Opening, ways};
pub use convert::{is_packaging, service_name};
pub(crate) use look::TRACKS_AT_ONCE;
