//! The state on a DynamoDB with real semantics, in process, a database for each test.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod batch;
mod connections;
mod database;
mod desks;
mod directory;
mod documents;
mod jobs;
mod labels;
mod limits;
mod reconciliations;
mod samples;
mod shapes;
mod tokens;
mod tracking;
