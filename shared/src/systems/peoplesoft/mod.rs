//! PeopleSoft FSCM.

mod account;
mod client;

pub use account::{check_secret, mistakes};
pub use client::PeopleSoft;
