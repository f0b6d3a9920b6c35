//! Waybill: a ledger per job, and adapters around it.
//!
//! Read in this order: [`domain`] (the words), [`ports`] (the outside world as the core sees it), then the adapters.

#[cfg(feature = "aws")]
pub mod aws;
pub mod config;
pub mod connection;
pub mod domain;
pub mod flows;
pub mod http;
pub mod job;
#[cfg(feature = "testing")]
pub mod memory;
pub mod ports;
pub mod systems;
pub mod telemetry;
