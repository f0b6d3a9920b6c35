//! What users were promised, told as stories: real orders in a simulated NetSuite, real shipments in a simulated UPS, and
//! what happens between them, on a clock that the story turns.

mod shipping;
