//! What became of a void: a refusal is a success with `approved: false`.

use crate::domain::Refusal;
use crate::http::Answer;
use crate::systems::shipstation::wire::v2 as wire;

/// What became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Void {
    /// It is void.
    Done,
    /// ShipStation, or the carrier, does not void it.
    NotDone(Refusal),
    /// The answer does not say.
    Unclear,
}

/// Reads the answer.
pub(crate) fn voided(answer: &Answer) -> Void {
    let Ok(said) = serde_json::from_slice::<wire::Void>(&answer.body) else {
        return Void::Unclear;
    };
    match (said.approved, said.reason_code.as_deref()) {
        (Some(true), _) | (Some(false), Some("label_already_voided")) => Void::Done,
        (Some(false), code) => Void::NotDone(Refusal::new(
            code.unwrap_or("not-approved"),
            said.message.unwrap_or_else(|| "no reason was given".to_owned()),
        )),
        (None, _) => Void::Unclear,
    }
}
