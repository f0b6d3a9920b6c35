//! What ShipStation's codes for events mean: the detail where it says more, else the family of two letters.
//!
//! DE is "delivered" here. Words are translated and change, so they are never looked at; a code that is not documented moves
//! nothing.

use crate::domain::Milestone::{
    self, AvailableForPickup, Delivered, Exception, InTransit, LabelCreated, OutForDelivery, PickedUp, Returning,
    Voided,
};
use crate::domain::{CarrierCode, Meaning};

const fn reached(milestone: Milestone) -> Meaning {
    Meaning::Reached(milestone)
}

/// By family.
const FAMILIES: &[(Meaning, &str)] = &[
    (Meaning::Told, "UN"),
    (reached(LabelCreated), "NY"),
    (reached(PickedUp), "AC"),
    (reached(InTransit), "IT"),
    (reached(Delivered), "DE"),
    (reached(Exception), "EX"),
    (reached(Exception), "AT"),
    (reached(AvailableForPickup), "SP"),
];

/// By detail.
const DETAILS: &[(Meaning, &[&str])] = &[
    (
        reached(LabelCreated),
        &[
            "AWAITING_DESPATCH",
            "AWAITING_ELECTRONIC_ADVICE",
            "COLLECTION_FAILED",
            "COLLECTION_REQUESTED",
            "ELEC_ADVICE_RECD_BY_CARRIER",
            "NOT_YET_RECEIVED_BY_CARRIER",
        ],
    ),
    (reached(Voided), &["CANCELLED", "CANCELLED_BEFORE_DESPATCH"]),
    (
        reached(PickedUp),
        &[
            "COLLECTION_MADE",
            "DESPATCHED",
            "RECD_BY_CARRIER_NO_ELEC_ADVICE",
            "RECEIVED_BY_CARRIER",
        ],
    ),
    (
        reached(InTransit),
        &[
            "CUSTOMS_CLEARED",
            "CUSTOMS_PROCESSING",
            "HUB_SCAN_OUT",
            "IN_TRANSIT",
            "RECEIVED_LOCAL_DELIVERY_DEPOT",
            "SUB_CONTRACTOR_EVENT",
            "SUB_CONTRACTOR_RECEIVED",
        ],
    ),
    (reached(OutForDelivery), &["OUT_FOR_DELIVERY"]),
    (
        reached(AvailableForPickup),
        &[
            "AWAITING_COLLECTION_FROM_PICKUP_POINT",
            "COLLECT_AT_LOCAL_PO",
            "CUSTOMER_TO_COLLECT_FROM_CARRIER",
            "DELIVERED_TO_LOCKER_COLLECTION_POINT",
        ],
    ),
    (
        reached(Delivered),
        &[
            "DELIVERED",
            "DELIVERED_DAMAGED",
            "DELIVERED_SPECIFIED_SAFE_PLACE",
            "DELIVERED_TO_ALTERNATIVE_DELIVERY_LOCATION",
            "DELIVERED_TO_NEIGHBOUR",
            "DELIVERED_TO_PO_BOX",
            "PARCEL_COLLECTED_FROM_PICKUP_POINT",
            "PROOF_OF_DELIVERY",
        ],
    ),
    // By its document each of them goes back.
    (
        reached(Returning),
        &[
            "CUSTOMER_MOVED",
            "HAZARDOUS_PROHIBITED",
            "NOT_COLLECTED_FROM_PICKUP_POINT",
            "NOT_DELIVERED",
            "NOT_DELIVERED_ADDRESSEE_DECEASED",
            "PARCEL_DAMAGED",
            "PARCEL_OUTSIDE_OF_SERVICE_CAPABILITY",
            "REFUSED_BY_CUSTOMER",
            "RETURN_TO_SENDER",
        ],
    ),
    (
        reached(Exception),
        &[
            "ADDRESS_QUERY",
            "ATTEMPTED_DELIVERY",
            "ATTEMPTED_DELIVERY_2ND",
            "ATTEMPTED_DELIVERY_3RD",
            "CARRIER_DELAYS",
            "COD_AMOUNT_NOT_PAID",
            "CUSTOMER_CARDED",
            "CUSTOMER_IDENTIFICATION_FAILED",
            "DELAYED_NOT_CARRIER",
            "HELD_BY_CARRIER",
            "HELD_BY_CARRIER_FOR_CLEARANCE_PRE_PROCESSING",
            "HELD_BY_CUSTOMS",
            "HELD_BY_EXPORT_CUSTOMS",
            "HELD_BY_IMPORT_CUSTOMS",
            "INCORRECT_DECLARATION",
            "INVALID_METHOD_OF_PAYMENT",
            "MISSORTED",
            "NO_ACCESS_TO_RECIPIENTS_ADDRESS",
            "PARCEL_DISPOSED",
            "PARCEL_LOST",
            "ROUTING_ERROR",
        ],
    ),
    (
        Meaning::Told,
        &[
            "COD_AMOUNT_PAID",
            "DELIVERED_IN_PART",
            "DELIVERY_ARRANGED_WITH_RECIPIENT",
            "INFORMATION",
            "PARCEL_OVER_LABELLED",
            "PARCEL_REPACKED",
            "PARCEL_UPDATE_NOTIFICATION_VIA_EMAIL",
            "PARCEL_UPDATE_NOTIFICATION_VIA_SMS",
            "POST_TRANSIT_STATUS",
        ],
    ),
];

/// No code is nearly as long.
const CODE: usize = 60;

/// ShipStation's words for an event: its own code, else what it led to.
pub(super) fn carrier_code(event: Option<&str>, detail: Option<&str>, family: Option<&str>) -> CarrierCode {
    let status = word(detail).or_else(|| word(family));
    CarrierCode {
        kind: None,
        code: word(event).or_else(|| status.clone()),
        status,
    }
}

/// A code as it is written. It becomes a part of the event's key, whose parts `#` divides.
fn word(text: Option<&str>) -> Option<String> {
    let plain = text?.replace(|c: char| c == '#' || c.is_control(), "");
    let plain: String = plain.trim().chars().take(CODE).collect();
    (!plain.is_empty()).then_some(plain)
}

/// What an event says about how far the parcel has come. Either kind of code was seen in either field.
pub(super) fn meaning(detail: Option<&str>, family: Option<&str>) -> Meaning {
    let (detail, family) = (word(detail), word(family));
    let each = [&detail, &family].into_iter().flatten();
    each.clone()
        .find_map(|code| by_detail(code))
        .or_else(|| each.rev().find_map(|code| by_family(code)))
        .unwrap_or(Meaning::Unknown)
}

fn by_family(code: &str) -> Option<Meaning> {
    let row = FAMILIES.iter().find(|(_, known)| *known == code);
    row.map(|(meaning, _)| *meaning)
}

fn by_detail(code: &str) -> Option<Meaning> {
    let row = DETAILS.iter().find(|(_, known)| known.contains(&code));
    row.map(|(meaning, _)| *meaning)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(family: &str, detail: &str) -> Meaning {
        meaning(Some(detail), Some(family))
    }

    /// P16: DE is a delivery here, whatever it is elsewhere, and the detail says more than the family.
    #[test]
    fn every_family_has_its_meaning() {
        for (family, milestone) in [
            ("NY", LabelCreated),
            ("AC", PickedUp),
            ("IT", InTransit),
            ("DE", Delivered),
            ("EX", Exception),
            ("AT", Exception),
            ("SP", AvailableForPickup),
        ] {
            assert_eq!(of(family, ""), reached(milestone), "{family}");
            assert_eq!(of(family, "CARRIER_STATUS_NOT_MAPPED"), reached(milestone), "{family}");
        }
        assert_eq!(of("UN", ""), Meaning::Told);
        assert_eq!(of("IT", "OUT_FOR_DELIVERY"), reached(OutForDelivery));
        assert_eq!(
            of("DE", "DELIVERED_TO_LOCKER_COLLECTION_POINT"),
            reached(AvailableForPickup)
        );
        assert_eq!(of("EX", "RETURN_TO_SENDER"), reached(Returning));
        assert_eq!(
            of("DELIVERED", ""),
            reached(Delivered),
            "a detail in the family's place"
        );
        assert_eq!(of("", "DE"), reached(Delivered), "a family in the detail's place");
    }

    #[test]
    fn what_is_not_known_is_kept_and_means_nothing() {
        for (family, detail) in [("ZZ", ""), ("de", ""), ("", "Delivered"), ("", ""), ("ZZ", "NEW")] {
            assert_eq!(of(family, detail), Meaning::Unknown, "{family} {detail}");
        }
        assert_eq!(of("IT", "NEW"), reached(InTransit));
        let code = carrier_code(Some(" M#P\n"), Some("NEW"), Some("ZZ"));
        assert_eq!(code.to_string(), "-/MP/NEW");
    }
}
