//! Oracle Fusion Cloud ERP: purchase orders that wait to be shipped, and flexfields of theirs that say they were.
//!
//! Follows Oracle's REST API for Procurement and SCM, 11.13.18.05:
//! <https://docs.oracle.com/en/cloud/saas/procurement/25a/fapra/index.html>.
//!
//! Quirks that shape the code:
//! - `REST-Framework-Version` decides how filters are spelled and in what shape children come; it is sent with every call, and
//!   children are read in either shape (`wire`).
//! - An item's address is a hash that nobody may build: it is taken from the item's own link, and never its host (`convert`).
//! - `onlyData` would take the links away, and `fields` overrides `expand`.
//! - Data security filters rows silently: what may not be seen is an empty list (`check`).
//! - The order shows its ship-to as one formatted text. The location behind it needs a privilege in HCM, or a table in the
//!   connection (`convert::places`).
//! - Whoever changes an open order makes a change order. It must be submitted, it must not be left behind, and a buyer's own
//!   must not be touched: what it changes tells whose it is (`convert::ownership`, `writing`).
//! - An action answers 200 and says in `result` that it failed.
//! - A session that has ended leads to a login page, as a redirect or as HTML (`client`).
//! - Names of attributes are not documented to the last: whatever is not needed may be missing.

mod account;
mod check;
mod client;
mod convert;
mod credentials;
mod lookups;
mod options;
mod query;
mod reading;
mod standing;
mod token;
mod wire;
mod writing;

pub use account::mistakes;
pub use client::Fusion;
pub use credentials::check_secret;

#[cfg(test)]
mod fixture;
#[cfg(test)]
mod tests;
