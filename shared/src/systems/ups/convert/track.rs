//! Track by reference and by number, as far as a look-up needs it: which parcels there are and whether they are voided.

use crate::domain::Refusal;
use crate::http::{Answer, VendorError};
use crate::ports::{CallError, Later, Obstacle};
use crate::systems::ups::wire::answer;
use crate::systems::ups::wire::tracking::{Track, TrackedPackage, TrackedShipment};

const NOT_FOUND: &str = "TW0001";
/// "Not found" as UPS says it in an envelope; 9801031 was seen by users.
const ABSENT: [&str; 3] = [NOT_FOUND, "404", "9801031"];

/// A shipment as Tracking shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Tracked {
    /// Its parcels in the order shown; the first need not be the lead.
    pub(crate) alive: Vec<String>,
    /// Its parcels that are voided.
    pub(crate) voided: Vec<String>,
}

/// The envelope of Tracking, which may answer 404 with an empty body.
pub(crate) fn track_envelope(answer: &Answer) -> Option<VendorError> {
    let bare = || VendorError {
        refusal: Refusal::new("404", "not found"),
        transient: false,
    };
    super::envelope(answer).or_else(|| (answer.status == 404 && answer.body.is_empty()).then(bare))
}

/// The shipments that were found, none if UPS says that there is none.
pub(crate) fn tracked(result: Result<Answer, CallError>) -> Result<Vec<Tracked>, Later> {
    match found(result) {
        Ok(shipments) => Ok(shipments.iter().map(shipment).collect()),
        Err(CallError::Refused(refusal)) => Err(Later::new(
            Obstacle::Unreachable,
            format!("tracking says neither yes nor no: {refusal}"),
        )),
        Err(CallError::Later(later)) => Err(later),
    }
}

/// The same in UPS's words, for whoever wants to know what happened to them.
pub(super) fn found(result: Result<Answer, CallError>) -> Result<Vec<TrackedShipment>, CallError> {
    match result {
        Ok(answer) => read(&answer).map_err(CallError::Later),
        Err(CallError::Refused(refusal)) if ABSENT.contains(&refusal.code.as_str()) => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}

fn read(answer: &Answer) -> Result<Vec<TrackedShipment>, Later> {
    let track: Option<Track> = answer::body(&answer.body, "trackResponse");
    let mut shipments = track.map(|track| track.shipment).unwrap_or_default();
    if shipments.is_empty() || !shipments.iter().all(says_something) {
        return Err(Later::new(
            Obstacle::Unreachable,
            "the answer of tracking cannot be read",
        ));
    }
    shipments.retain(|shipment| !shipment.package.is_empty());
    Ok(shipments)
}

fn says_something(shipment: &TrackedShipment) -> bool {
    let not_found = shipment
        .warnings
        .iter()
        .any(|warning| warning.code.as_deref() == Some(NOT_FOUND));
    not_found || shipment.package.iter().any(|package| package.tracking_number.is_some())
}

fn shipment(shipment: &TrackedShipment) -> Tracked {
    let (voided, alive): (Vec<&TrackedPackage>, _) = shipment.package.iter().partition(|package| is_voided(package));
    let numbers = |packages: Vec<&TrackedPackage>| {
        packages
            .into_iter()
            .filter_map(|package| package.tracking_number.clone())
            .collect()
    };
    Tracked {
        alive: numbers(alive),
        voided: numbers(voided),
    }
}

/// Type MV ("billing information voided") or status 007 of what is newest.
fn is_voided(package: &TrackedPackage) -> bool {
    let newest = package.activity.first().and_then(|activity| activity.status.as_ref());
    package.current_status.as_ref().or(newest).is_some_and(|status| {
        let number = status.status_code.as_deref().map(|code| format!("{code:0>3}"));
        status.r#type.as_deref() == Some("MV") || number.as_deref() == Some("007")
    })
}
