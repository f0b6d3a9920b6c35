//! FedEx's own words: what is sent exactly, and what comes back as far as it is read.

mod lenient;
pub(crate) mod tracking;
