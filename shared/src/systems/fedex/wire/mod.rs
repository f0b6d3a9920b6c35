//! FedEx's own words: what is sent exactly, and what comes back as far as it is read.

pub(crate) mod answer;
pub(crate) mod lenient;
pub(crate) mod request;
pub(crate) mod tracking;
