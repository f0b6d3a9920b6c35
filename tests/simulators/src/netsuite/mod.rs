//! placeholder

pub mod model;
pub mod options;
pub mod people;
pub mod refusal;
pub mod suiteql;
pub mod world;
