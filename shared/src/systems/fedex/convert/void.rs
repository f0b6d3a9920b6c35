//! What became of a cancellation: judged by its flag, because a shipment that is not cancelled is answered with
//! success too.

use super::account;
use super::ship::remarks;
use crate::domain::{Address, Refusal};
use crate::http::Answer;
use crate::systems::fedex::account::Account;
use crate::systems::fedex::wire::answer::{self, Cancelled};
use crate::systems::fedex::wire::request;

/// What FedEx says of a cancellation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Void {
    /// It is cancelled.
    Done,
    /// It is not; FedEx's words.
    NotDone(Refusal),
    /// The answer says neither.
    Unclear,
}

/// Whether a text may be a number that FedEx gave.
pub(crate) fn is_number(text: &str) -> bool {
    (8..=34).contains(&text.len()) && text.chars().all(|c| c.is_ascii_alphanumeric())
}

/// Asks to cancel all parcels of a shipment.
pub(crate) fn cancel(own: &Account, ship_from: &Address, number: &str) -> Result<request::Cancel, Refusal> {
    Ok(request::Cancel {
        account_number: account(&own.number)?,
        tracking_number: number.to_owned(),
        sender_country_code: ship_from.country.clone(),
        deletion_control: "DELETE_ALL_PACKAGES",
    })
}

/// Whether it is cancelled now.
pub(crate) fn cancelled(answer: &Answer) -> Void {
    let read: Option<Cancelled> = answer::output(&answer.body);
    let flag = read.as_ref().and_then(|read| read.cancelled_shipment);
    match (flag, read) {
        (Some(true), _) => Void::Done,
        (Some(false), Some(read)) => Void::NotDone(refused(read)),
        _ => Void::Unclear,
    }
}

fn refused(read: Cancelled) -> Refusal {
    let code = read.alerts.iter().find_map(|alert| alert.code.clone());
    let words = read.message.or(read.success_message);
    let alerts = remarks(read.alerts.iter()).join("; ");
    let words = words.or_else(|| Some(alerts).filter(|alerts| !alerts.is_empty()));
    Refusal::new(
        code.unwrap_or_else(|| "not-cancelled".to_owned()),
        words.unwrap_or_else(|| "FedEx did not cancel it and gives no reason".to_owned()),
    )
}
