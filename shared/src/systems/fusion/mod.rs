//! Oracle Fusion Cloud ERP.

mod account;
mod client;

pub use account::{check_secret, mistakes};
pub use client::Fusion;
