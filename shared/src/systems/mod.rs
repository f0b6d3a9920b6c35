//! Every outside system: one folder each, and the registry that opens them.

pub mod check;
pub mod netsuite;
pub mod ups;
