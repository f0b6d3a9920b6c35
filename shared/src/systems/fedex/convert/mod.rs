//! Between our words and FedEx's, both ways, without I/O.

mod address;
mod customs;
mod error;
mod event;
mod found;
mod label;
mod left_out;
mod milestone;
mod news;
mod parcel;
mod party;
mod pushed;
mod quota;
mod rate;
mod ship;
mod void;
mod when;

pub use parcel::is_packaging;
pub use rate::service_name;

pub(crate) use address::{question, verdict};
pub(crate) use error::{envelope, forbids, is_permission};
pub(crate) use found::{Group, Piece, by_master, by_reference, grouped, piece, pieces};
pub(crate) use news::{by_numbers, is_about_a_number, legal_number, of_a_number, told};
pub(crate) use party::is_phone;
pub(crate) use pushed::pushed;
pub(crate) use quota::quota;
pub(crate) use rate::{offers, rate};
#[cfg(any(test, feature = "testing"))]
pub(crate) use ship::purchased;
pub(crate) use ship::{Sold, job, results, sent, ship};
pub(crate) use void::{Void, cancel, cancelled, is_number};

use rust_decimal::Decimal;
use serde_json::Number;

use super::wire::request::AccountNumber;
use crate::domain::Refusal;

/// Our own no, before anything is sent: what is wrong, what to do, and which field of ours it is about.
fn refuse(field: &str, message: impl Into<String>) -> Refusal {
    Refusal::new(field, message)
}

/// A date as FedEx writes it.
fn day(date: jiff::civil::Date) -> String {
    date.strftime("%Y-%m-%d").to_string()
}

/// A number as JSON writes it, without zeros that say nothing.
fn number(value: Decimal) -> Result<Number, Refusal> {
    let text = value.normalize().to_string();
    text.parse()
        .map_err(|_| refuse("request", format!("{text} cannot be written as a number")))
}

/// The account that ships, which a connection may leave to the rows of its table.
fn account(number: &str) -> Result<AccountNumber, Refusal> {
    if number.is_empty() {
        return Err(refuse(
            "carrier.account",
            "no FedEx account is named for this: name one under [carrier], or in the row of [[accounts]] that fits",
        ));
    }
    Ok(AccountNumber {
        value: number.to_owned(),
    })
}
