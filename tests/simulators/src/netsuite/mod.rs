//! placeholder

pub mod access;
pub mod body;
pub mod books;
mod fulfil;
pub mod keys;
pub mod model;
pub mod options;
pub mod people;
pub mod records;
pub mod refusal;
pub mod suiteql;
pub mod tba;
pub mod world;
