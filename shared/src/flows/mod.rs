//! The use cases, a file each. A flow holds a small struct of ports and knows no vendor, no AWS and no HTTP.

pub mod advance;
pub mod deliver;
pub mod operate;
pub mod plan;
pub mod poll;
pub mod refresh;
pub mod sweep;
