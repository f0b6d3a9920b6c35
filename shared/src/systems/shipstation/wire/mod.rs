//! ShipStation's own words, by API: what comes back as far as it is read. What is sent is written where it is made, for orders
//! are kept whole whatever stands in them.

pub(crate) mod lenient;
pub(crate) mod v1;
pub(crate) mod v2;
