//! Between our words and UPS's, both ways, without I/O.

mod address;
mod customs;
mod error;
mod event;
mod label;
mod manifest;
mod milestone;
mod moment;
mod news;
mod parcel;
mod party;
mod pushed;
mod rate;
mod recover;
mod ship;
mod subscribe;
mod track;
mod void;

pub use parcel::is_packaging;
pub use rate::service_name;

pub(crate) use address::{covers, question, verdict};
pub(crate) use error::envelope;
pub(crate) use label::{by_number, pictures};
pub(crate) use manifest::{list_page, list_request};
pub(crate) use news::news;
pub(crate) use pushed::pushed;
pub(crate) use rate::{offers, rate};
pub(crate) use recover::{Recovered, Recovery, by_reference, is_number, recovery};
pub(crate) use ship::{Sender, purchased, ship};
pub(crate) use subscribe::{subscribed, subscription};
pub(crate) use track::{Tracked, track_envelope, tracked};
pub(crate) use void::voided;

use crate::domain::Refusal;

/// Our own no, before anything is sent: what is wrong, what to do, and which field of ours it is about.
fn refuse(field: &str, message: impl Into<String>) -> Refusal {
    Refusal::new(field, message)
}

/// A date as UPS writes it.
fn day(date: jiff::civil::Date) -> String {
    date.strftime("%Y%m%d").to_string()
}
