//! What FedEx's codes for events mean: the event's own code, which is fine, else the coarse one beside it, which is the
//! status that the event led to.
//!
//! Words are translated and change, so they are never looked at. Codes are told apart by their case (`Ow` is one). A
//! code that FedEx does not document moves nothing.

use crate::domain::Milestone::{
    self, AvailableForPickup, Delivered, Exception, InTransit, LabelCreated, OutForDelivery, PickedUp, Returning,
    Voided,
};
use crate::domain::{CarrierCode, Meaning};

const fn reached(milestone: Milestone) -> Meaning {
    Meaning::Reached(milestone)
}

/// By code.
const BY_CODE: &[(Meaning, &[&str])] = &[
    // FedEx knows of it and does not have it: an order, what was sent to the postal service, a courier on the way to
    // it.
    (reached(LabelCreated), &["OC", "OX", "EP", "MD"]),
    (reached(Voided), &["CA"]),
    (reached(PickedUp), &["PU", "PX", "AP", "OF"]),
    (
        reached(InTransit),
        &[
            "IT", "IX", "DP", "AR", "AF", "FD", "LO", "TR", "SF", "AA", "EA", "EO", "PL", "PF", "PM", "Ow", "AO", "DS",
        ],
    ),
    // With a postal service that delivers for FedEx.
    (reached(InTransit), &["AX", "AC"]),
    // Customs, as it should be.
    (reached(InTransit), &["CC", "CP", "CU"]),
    (reached(OutForDelivery), &["OD", "ED", "AD"]),
    (reached(AvailableForPickup), &["HL", "HP"]),
    (reached(Delivered), &["DL"]),
    // Delays; tried in vain; something is wrong with it; held at the border.
    (reached(Exception), &["DY", "DD", "PD", "DE", "SE", "CD"]),
    // It goes back. That it is there is told as a delivery.
    (reached(Returning), &["RS", "RT"]),
    // Wishes of the receiver, links of return labels, brokers and partners, a vehicle that was not needed, another
    // place.
    (
        Meaning::Told,
        &[
            "SP", "RR", "RM", "RC", "RP", "LP", "RG", "RD", "BR", "TP", "SH", "HA", "CH", "DR",
        ],
    ),
];

/// No code is nearly as long.
const CODE: usize = 16;

/// FedEx's words for an event, alike by whichever way they came.
pub(super) fn carrier_code(event: Option<&str>, derived: Option<&str>) -> CarrierCode {
    let (event, derived) = (word(event), word(derived));
    CarrierCode {
        kind: None,
        code: event.or_else(|| derived.clone()),
        status: derived,
    }
}

/// A code as it is written. It becomes a part of the event's key, whose parts `#` divides.
fn word(text: Option<&str>) -> Option<String> {
    let plain = text?.replace(|c: char| c == '#' || c.is_control(), "");
    let plain: String = plain.trim().chars().take(CODE).collect();
    (!plain.is_empty()).then_some(plain)
}

/// What an event says about how far the parcel has come.
pub(super) fn meaning(code: &CarrierCode) -> Meaning {
    let fine = code.code.as_deref().and_then(by_code);
    let coarse = || code.status.as_deref().and_then(by_code);
    fine.or_else(coarse).unwrap_or(Meaning::Unknown)
}

/// Whether a code says that the label was cancelled.
pub(super) fn is_cancelled(code: Option<&str>) -> bool {
    code.and_then(by_code) == Some(reached(Voided))
}

/// Whether a code says that the parcel has been delivered.
pub(super) fn is_delivered(code: Option<&str>) -> bool {
    code.and_then(by_code) == Some(reached(Delivered))
}

fn by_code(code: &str) -> Option<Meaning> {
    let mut rows = BY_CODE.iter().filter(|(_, known)| known.contains(&code.trim()));
    rows.next().map(|(meaning, _)| *meaning)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(event: &str, derived: &str) -> Meaning {
        let told = |text: &'static str| (!text.is_empty()).then_some(text);
        let (event, derived) = (event.to_owned().leak(), derived.to_owned().leak());
        meaning(&carrier_code(told(event), told(derived)))
    }

    fn every(list: &str, meaning: Meaning) {
        for code in list.split(' ') {
            assert_eq!(of(code, ""), meaning, "{code}");
            assert_eq!(of("", code), meaning, "{code} alone beside the event");
            assert_eq!(of("ZZ", code), meaning, "{code} beside an event that is not known");
        }
    }

    /// P64: every code that FedEx's table names has its milestone, and an order is no pickup.
    #[test]
    fn every_documented_code_has_its_meaning() {
        every("OC OX EP MD", reached(LabelCreated));
        every("PU PX AP OF", reached(PickedUp));
        every(
            "IT IX DP AR AF FD LO TR SF AA EA EO PL PF PM AX AC Ow AO DS",
            reached(InTransit),
        );
        every("CC CP CU", reached(InTransit));
        every("OD ED AD", reached(OutForDelivery));
        every("DL", reached(Delivered));
        every("HL HP", reached(AvailableForPickup));
        every("DY DD PD DE SE CD", reached(Exception));
        every("RS RT", reached(Returning));
        every("CA", reached(Voided));
        every("SP RR RM RC RP LP RG RD BR TP SH HA CH DR", Meaning::Told);
    }

    /// What FedEx does not document is kept as it is and moves nothing; neither does a code in other letters.
    #[test]
    fn what_is_not_known_is_kept_and_means_nothing() {
        for code in ["ZZ", "RL", "OW", "ow", "dl", "Delivered", "DLX"] {
            assert_eq!(of(code, ""), Meaning::Unknown, "{code}");
            assert_eq!(carrier_code(Some(code), None).code.as_deref(), Some(code));
        }
        assert_eq!(of("", ""), Meaning::Unknown);
        assert_eq!(of("FD", "RL"), reached(InTransit), "the fine code is known");
        assert_eq!(of("RR", "DL"), Meaning::Told, "a wish is no delivery");
        let code = carrier_code(Some(" D#L\n"), Some("a-code-that-is-far-too-long"));
        assert_eq!(code.code.as_deref(), Some("DL"));
        assert_eq!(code.status.as_deref(), Some("a-code-that-is-f"));
    }
}
