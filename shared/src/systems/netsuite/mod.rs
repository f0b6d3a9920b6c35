//! NetSuite: sales orders that wait to be shipped, and item fulfilments that say they were; or item fulfilments of people that
//! are to be shipped, and invoices that say they were (`erp.trigger`, `write_back.to`).
//!
//! Follows Oracle's SuiteTalk REST web services 2026.1 (record service, SuiteQL, OAuth 2.0 machine to machine,
//! token-based authentication): <https://docs.oracle.com/en/cloud/saas/netsuite/ns-online-help/chapter_1540391670.html>.
//!
//! Quirks that shape the code:
//! - An account has a host of its own. Its id is written `1234567_SB1` in a TBA realm and `1234567-sb1` in the host.
//! - SuiteQL answers texts only, leaves nulls out, and speaks the account's time zone, not UTC (`zone`).
//! - Some columns exist in one account and not in another: those that are not needed are left out where the account
//!   does not know them (`suiteql`).
//! - A transform fulfils every line that it does not mention, so every open line is listed.
//! - The package sublist depends on the ship method's carrier integration; lines without a key are appended to NetSuite's
//!   own default line unless the sublist is replaced.
//! - A mistyped field is only a warning unless the request asks for an error.
//! - The idempotency key is ignored on synchronous calls: the external id is what makes a fulfilment unique.
//! - There is no webhook of its own: a script that the customer deploys tells us of orders (`webhook`).
//! - What a document was made from stands in the header row of its lines (`createdfrom`); a fulfilment has every line twice, once for
//!   the stock and once for its cost (`iscogs`), and no prices.
//! - An order's own record is loaded in edit mode even for a GET.

mod account;
mod authorize;
mod check;
mod client;
mod convert;
mod credentials;
mod desk;
mod fulfilments;
#[doc(hidden)]
#[cfg(any(test, feature = "testing"))]
pub mod fuzzing;
mod invoices;
mod options;
mod recent;
mod suiteql;
mod tba;
mod token;
pub mod webhook;
mod wire;
mod zone;

pub use account::{Account, AccountError, mistakes};
pub use authorize::{Authorisation, AuthorisationError};
pub use client::NetSuite;
pub use credentials::check_secret;

#[cfg(test)]
mod fixture;
#[cfg(test)]
mod tests;
