//! UPS: addresses, rates, labels, look-ups and voids by its REST APIs.
//!
//! Documents: <https://developer.ups.com/api/reference> (OAuth client credentials, Address Validation v2, Rating v2409,
//! Shipping v2409, Label Recovery v1903, Tracking v1, Track Alert v1 and v2, Quantum View v3). Quirks that shape this folder:
//!
//! - Buying is one call. There is no dry run and no idempotency key: a lost answer is looked up by our reference.
//! - References are searchable at one level only: on every package within the United States and within Puerto Rico, on
//!   the shipment everywhere else. The wrong level is refused (120541, 120542).
//! - Lists of one arrive as a bare object, numbers as text or number, empty objects as `""`, and voids were seen with
//!   `&#xD;` in their codes. Answers are read tolerantly, requests are sent exactly.
//! - "Not found" is 300007 from Label Recovery and either 404 or a 200 with warning TW0001 from Tracking. None of them
//!   means "never".
//! - Events have neither an id nor an order. Their codes mean different things under different types, type D is not always
//!   "delivered", and their times are local beside UTC ones in several forms.
//! - Track Alert keeps no history, has no list and no renewal: asking again prolongs what was asked for.
//! - Tokens come from the host that is called, without `/api`.

mod account;
mod check;
mod client;
mod convert;
#[doc(hidden)]
#[cfg(any(test, feature = "testing"))]
pub mod fuzzing;
mod look;
mod push;
mod token;
pub(crate) mod webhook;
mod wire;

#[cfg(test)]
mod tests;

pub(crate) use account::needs_hook;
pub use account::{check_secret, mistakes, validate};
pub use client::{Opening, Ups, ways};
pub use convert::{is_packaging, service_name};
pub use push::PushTarget;
