//! FedEx: rates, labels, voids, tracking and addresses by its REST APIs.
//!
//! Documents: <https://developer.fedex.com/api/en-us/catalog.html> (Authorization, Ship v1, Rates and Transit Times
//! v1, Basic Integrated Visibility v1, Address Validation v1, Advanced Integrated Visibility). Quirks that shape this
//! folder:
//!
//! - Buying is one call without an idempotency key, and Ship has no look-up: a lost answer is looked for in Track by
//!   our reference, where an absence never proves anything. Labels are given once.
//! - Track may be in a developer project of its own, with keys, tokens and quotas of its own.
//! - Token requests are counted by public address, calls by project; the day's quota and the window's answer alike.
//! - Ship says `recipients` and `shipDatestamp`, Rates says `recipient` and `shipDateStamp`. Sides are whole numbers.
//!   States go only where FedEx knows them, and Quebec is `PQ`. Customs data within one country is a mistake.
//! - A cancellation that did not happen is answered with success and a flag. Faults of its own come with any status,
//!   faults of gateways as pages, bodies as gzip without saying so.

mod account;
mod check;
mod client;
mod convert;
mod look;
mod token;
pub(crate) mod webhook;
mod wire;

#[cfg(test)]
mod tests;

pub(crate) use account::usual;
pub use account::{check_secret, mistakes};
pub use client::{FedEx, Opening};
pub use convert::{is_packaging, service_name};
