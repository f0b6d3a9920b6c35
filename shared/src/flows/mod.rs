//! The use cases, a file each. A flow holds a small struct of ports and knows no vendor, no AWS and no HTTP.

pub mod advance;
pub mod deliver;
pub mod operate;
pub mod plan;
pub mod poll;
mod put_right;
pub mod reconcile;
pub mod refresh;
pub mod sweep;
mod write;
