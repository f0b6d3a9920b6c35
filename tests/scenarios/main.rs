//! What users were promised, told as stories: real orders in a simulated NetSuite, real shipments in a simulated UPS, and
//! what happens between them, on a clock that the story turns.

mod addresses;
mod failures;
mod holds;
mod limits;
mod people;
mod polling;
mod safety;
mod shipping;
mod tokens;
