//! Label Recovery as a look-up: by our reference after a lost answer, by a tracking number to learn whose it is.

use crate::domain::{CarrierShipmentId, Refusal, Shipment, ShippedParcel};
use crate::http::Answer;
use crate::ports::{CallError, Later, Obstacle};
use crate::systems::ups::wire::answer::{self, LabelResult};
use crate::systems::ups::wire::request::{
    Recovery as Question, RecoveryBody, ReferenceValue, ReferenceValues, Request, TransactionReference,
};

/// "Check data or wait until the shipment is processed", and what a user reported in its place.
const ABSENT: [&str; 3] = ["300007", "9801031", "404"];
const VOIDED: &str = "300033";
/// The shipment exists, its label cannot be had: delivered, over 100 packages, expired, several or too many matches.
const EXISTS: [&str; 5] = ["300001", "300002", "300003", "300006", "300035"];

/// What Label Recovery says about a reference or a number.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Recovery {
    /// One shipment.
    Shipment(Recovered),
    /// Several; a tracking number of each.
    Candidates(Vec<String>),
    /// It is known, but not which shipment it is.
    Exists(Refusal),
    /// It is known and voided.
    Voided,
    /// Nothing is known of it, yet.
    Absent,
}

/// A shipment that was recovered.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Recovered {
    /// The number of the whole shipment.
    pub(crate) id: String,
    /// The parcels whose labels came.
    pub(crate) numbers: Vec<String>,
}

impl Recovered {
    /// In our words, with what UPS does not tell at this place left out.
    pub(crate) fn shipment(self) -> Shipment {
        let numbers = if self.numbers.is_empty() {
            vec![self.id.clone()]
        } else {
            self.numbers
        };
        Shipment {
            id: CarrierShipmentId::new(self.id),
            parcels: numbers
                .into_iter()
                .map(|tracking_number| ShippedParcel { tracking_number })
                .collect(),
            service: None,
            cost: None,
            remarks: Vec::new(),
        }
    }
}

/// Whether a text is a 1Z number: every second character counts double, a letter as the last digit of its place in ASCII less
/// 63, and the last digit fills the sum up to a full ten.
pub(crate) fn is_number(text: &str) -> bool {
    let Some((counted, check)) = text
        .strip_prefix("1Z")
        .filter(|body| body.is_ascii())
        .and_then(|body| body.split_at_checked(15))
    else {
        return false;
    };
    let weight = |(place, character): (usize, char)| {
        let letter = || u32::from(character).wrapping_sub(63) % 10;
        character.to_digit(10).unwrap_or_else(letter) << (place % 2)
    };
    let sum: u32 = counted.chars().enumerate().map(weight).sum();
    let clean = counted.chars().all(|c| c.is_ascii_digit() || c.is_ascii_uppercase());
    clean && check == ((10 - sum % 10) % 10).to_string()
}

/// Asks which shipments of an account carry a reference.
pub(crate) fn by_reference(reference: &str, account: &str) -> RecoveryBody {
    question(Question {
        request: request(reference),
        label_specification: None,
        tracking_number: None,
        reference_values: Some(ReferenceValues {
            reference_number: ReferenceValue {
                value: reference.to_owned(),
            },
            shipper_number: account.to_owned(),
        }),
    })
}

pub(super) fn question(label_recovery_request: Question) -> RecoveryBody {
    RecoveryBody { label_recovery_request }
}

pub(super) fn request(context: &str) -> Request {
    Request {
        request_option: None,
        sub_version: "1903",
        transaction_reference: Some(TransactionReference {
            customer_context: context.to_owned(),
        }),
    }
}

/// What the answer says; whatever says neither yes nor no is "later".
pub(crate) fn recovery(result: Result<Answer, CallError>) -> Result<Recovery, Later> {
    match result {
        Ok(answer) => read(&answer),
        Err(CallError::Refused(refusal)) => match refusal.code.as_str() {
            code if ABSENT.contains(&code) => Ok(Recovery::Absent),
            VOIDED => Ok(Recovery::Voided),
            code if EXISTS.contains(&code) => Ok(Recovery::Exists(refusal)),
            _ => Err(unclear(&format!("label recovery says neither yes nor no: {refusal}"))),
        },
        Err(CallError::Later(later)) => Err(later),
    }
}

fn read(answer: &Answer) -> Result<Recovery, Later> {
    let recovery: answer::Recovery = answer::body(&answer.body, "LabelRecoveryResponse")
        .ok_or_else(|| unclear("the answer of label recovery cannot be read"))?;
    let numbers: Vec<String> = recovery.label_results.iter().filter_map(number).collect();
    let candidates: Vec<String> = recovery
        .tracking_candidate
        .into_iter()
        .filter_map(|candidate| candidate.tracking_number)
        .collect();
    let id = recovery.shipment_identification_number;
    match id.or_else(|| numbers.first().cloned()) {
        _ if !candidates.is_empty() => Ok(Recovery::Candidates(candidates)),
        Some(id) => Ok(Recovery::Shipment(Recovered { id, numbers })),
        None => Err(unclear("the answer of label recovery names no shipment")),
    }
}

fn number(label: &LabelResult) -> Option<String> {
    label.tracking_number.clone()
}

fn unclear(reason: &str) -> Later {
    Later::new(Obstacle::Unreachable, reason)
}
