//! What the simulated carriers share: geography, an address book, prices, the life of a parcel, documents and pushes.

pub(crate) mod addresses;
pub(crate) mod documents;
pub(crate) mod journey;
pub(crate) mod places;
pub(crate) mod post;
pub(crate) mod prices;
pub(crate) mod pushes;
pub(crate) mod read;
