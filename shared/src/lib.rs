//! Waybill: a ledger for each job, and adapters around it. In reading order:
//!
//! | module | what it is | knows |
//! |---|---|---|
//! | [`rules`] | the rules of the ledger that a test can break on purpose | nothing |
//! | [`domain`] | the trade's words: addresses, parcels, orders, shipments, money, units, ids | nothing |
//! | [`job`] | the ledger of one unit of one order: what comes next, and what an outcome changes; pure | `domain`, `rules` |
//! | [`connection`] | what a customer configures, parsed and validated once | `domain` |
//! | [`ports`] | the outside world as traits, with their errors | `domain`, `job`, `connection` |
//! | [`flows`] | the use cases, a file each | `ports`, `job`, `connection`, `domain`, `rules`, `telemetry` |
//! | [`http`] | the one client that calls vendors: tokens, limits, what a failure means | `ports`, `domain` |
//! | [`systems`] | the outside systems, a folder each, and the registry that opens them | `http`, `ports`, `connection`, `domain` |
//! | `aws` | the ports on DynamoDB, SQS, S3, KMS and Secrets Manager (feature `aws`) | `ports`, `job`, `connection`, `domain`, `config`, `telemetry` |
//! | `memory` | the ports in memory, with a crash switch (feature `testing`) | `ports`, `job`, `connection`, `domain` |
//! | [`config`] | the environment, read once | `job` |
//! | [`telemetry`] | logs, metrics and traces, and the names of their fields | nothing |
//! | `deployment` | the flows over the ports on AWS, put together for the functions (feature `aws`) | `aws`, `config`, `flows`, `http`, `ports`, `systems` |
//!
//! The dependency rule is the last column. No system knows another, and no vendor's word leaves its system's `wire` module. Only
//! `config` and the programs' `main.rs` read the environment, only a `Clock` the time; only `http` and `aws` do I/O.

pub mod rules;

pub mod domain;

pub mod job;

pub mod connection;

pub mod ports;

pub mod flows;

pub mod http;

pub mod systems;

#[cfg(feature = "aws")]
pub mod aws;

#[cfg(feature = "testing")]
pub mod memory;

pub mod config;

pub mod telemetry;

#[cfg(feature = "aws")]
pub mod deployment;
