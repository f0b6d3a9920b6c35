//! FedEx: rates, labels, voids, tracking and addresses by its REST APIs.
//!
//! Documents: <https://developer.fedex.com/api/en-us/catalog.html> (Authorization, Ship v1, Rates and Transit Times v1, Basic
//! Integrated Visibility v1, Address Validation v1, Advanced Integrated Visibility).

mod account;
mod client;
mod convert;
mod look;
pub(crate) mod webhook;
mod wire;

#[cfg(test)]
mod tests;

pub use account::{check_secret, mistakes};
pub use client::{FedEx, Opening};
pub(crate) use look::TRACKS_AT_ONCE;
