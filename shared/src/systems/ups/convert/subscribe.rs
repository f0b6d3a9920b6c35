//! Subscriptions of Track Alert. An answer lists which numbers were taken and which were not, and either list may be missing;
//! where none was taken it is a 400 whose error speaks of the numbers.

use super::envelope;
use crate::domain::Refusal;
use crate::http::{self, Answer, Lost};
use crate::ports::{CallError, Later, Obstacle, Subscribed};
use crate::systems::ups::wire::answer;
use crate::systems::ups::wire::tracking::{Destination, SubscriptionBody, Subscriptions};

/// None of the numbers will do; in UPS's test world none but its own will.
const NO_NUMBER: [&str; 2] = ["VSS210", "VSS215"];

/// An invalid request; it is the numbers if some are named.
const INVALID: &str = "VSS000";

/// The request; where it has a destination it is one of v1.
pub(crate) fn subscription<'a>(numbers: &'a [String], destination: Option<(&'a str, &'a str)>) -> SubscriptionBody<'a> {
    SubscriptionBody {
        locale: "en_US",
        country_code: "US",
        tracking_number_list: numbers,
        destination: destination.map(|(url, credential)| Destination {
            url,
            credential_type: "Bearer",
            credential,
        }),
    }
}

/// What became of each number. One that the answer does not mention is not promised.
pub(crate) fn subscribed(result: Result<Answer, Lost>, numbers: &[String]) -> Result<Subscribed, CallError> {
    if let Some(refused) = result.as_ref().ok().and_then(|answer| of_numbers(answer, numbers)) {
        return Ok(Subscribed {
            promised: Vec::new(),
            refused,
        });
    }
    let answer = http::read(result, envelope)?;
    match lists(&answer) {
        Some(lists) if !lists.valid_tracking_numbers.is_empty() || !lists.invalid_tracking_numbers.is_empty() => {
            Ok(sorted(&lists, numbers))
        }
        _ => Err(CallError::Later(Later::new(
            Obstacle::Unreachable,
            "the answer to a subscription names no number",
        ))),
    }
}

/// The numbers that a 400 refuses, if it is about numbers: all of them, or those that it names. Of the others nothing is said.
fn of_numbers(answer: &Answer, numbers: &[String]) -> Option<Vec<(String, Refusal)>> {
    let error = envelope(answer).filter(|error| answer.status == 400 && !error.transient)?;
    let code = error.refusal.code.as_str();
    let named = lists(answer).unwrap_or_default().invalid_tracking_numbers;
    let is_refused = |number: &&String| NO_NUMBER.contains(&code) || code == INVALID && holds(&named, number);
    let refused: Vec<(String, Refusal)> = numbers
        .iter()
        .filter(is_refused)
        .map(|number| (number.clone(), error.refusal.clone()))
        .collect();
    (!refused.is_empty()).then_some(refused)
}

fn sorted(lists: &Subscriptions, numbers: &[String]) -> Subscribed {
    let mut subscribed = Subscribed::default();
    for number in numbers {
        let refusal = if holds(&lists.invalid_tracking_numbers, number) {
            Refusal::new("invalid", "UPS takes no subscription for this number")
        } else if holds(&lists.valid_tracking_numbers, number) {
            subscribed.promised.push(number.clone());
            continue;
        } else {
            Refusal::new("not-mentioned", "not mentioned in UPS's answer to the subscription")
        };
        subscribed.refused.push((number.clone(), refusal));
    }
    subscribed
}

fn lists(answer: &Answer) -> Option<Subscriptions> {
    answer::bare(&answer.body)
}

fn holds(list: &[String], number: &str) -> bool {
    list.iter().any(|own| own.eq_ignore_ascii_case(number.trim()))
}
