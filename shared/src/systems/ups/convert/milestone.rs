//! What UPS's codes for events mean: three digits of status where they are told (`statusCode`, and `descriptionCode` in Track
//! Alert), else type and code together, for the same two letters mean different things under different types; else the type.
//!
//! Words are translated and change, so they are never looked at. Type D is used for loaded and out for delivery too: without
//! a code that says so, nothing is delivered.

use crate::domain::Milestone::{
    self, AvailableForPickup, Delivered, Exception, InTransit, LabelCreated, OutForDelivery, PickedUp, Returned,
    Returning, Voided,
};
use crate::domain::{CarrierCode, Meaning};

const fn reached(milestone: Milestone) -> Meaning {
    Meaning::Reached(milestone)
}

/// By the three digits of the status. 143 and 144 are said when an agent or a post office has it: that is not yet the receiver.
const BY_STATUS: &[(Meaning, &[&str])] = &[
    // Ready, ordered, on its way to UPS.
    (
        reached(LabelCreated),
        &["003", "044", "045", "079", "080", "157", "166"],
    ),
    (reached(Voided), &["007"]),
    (reached(PickedUp), &["038", "160", "167", "168", "169"]),
    // On the way, and as far as the last building.
    (
        reached(InTransit),
        &[
            "005", "010", "025", "039", "047", "057", "071", "075", "087", "158", "159", "164", "165",
        ],
    ),
    // Customs, as it should be.
    (reached(InTransit), &["012", "014", "084", "092", "134"]),
    // Kept until the day that was asked for.
    (reached(InTransit), &["016", "019", "020"]),
    // With somebody who delivers for UPS.
    (reached(InTransit), &["073", "074", "137", "143", "144"]),
    (
        reached(OutForDelivery),
        &["006", "021", "037", "072", "078", "089", "091", "146", "162"],
    ),
    (reached(AvailableForPickup), &["017", "040", "161"]),
    (reached(Delivered), &["011", "026", "156"]),
    // Delays and the weather.
    (
        reached(Exception),
        &[
            "013", "030", "032", "046", "048", "051", "052", "053", "076", "086", "090",
        ],
    ),
    // Tried in vain.
    (
        reached(Exception),
        &["022", "023", "024", "060", "061", "062", "069", "145"],
    ),
    // Somebody has to do something.
    (
        reached(Exception),
        &["029", "049", "050", "058", "083", "085", "123", "126"],
    ),
    // It will not arrive as it should.
    (reached(Exception), &["033", "059", "064", "068", "119", "147", "149"]),
    (reached(Returning), &["035", "036", "081", "118"]),
    (reached(Returned), &["034", "067"]),
    // Another day or address, a photograph, the pickup itself.
    (
        Meaning::Told,
        &[
            "018", "027", "028", "043", "054", "055", "063", "065", "153", "154", "155",
        ],
    ),
];

/// By type and code.
const BY_CODE: &[(Meaning, &str, &[&str])] = &[
    (reached(LabelCreated), "M", &["MP", "DP", "RD"]),
    (reached(Voided), "M", &["VP"]),
    (reached(Voided), "MV", &["VP"]),
    (reached(PickedUp), "I", &["OR"]),
    (reached(InTransit), "I", &["DP", "AR", "YP"]),
    (reached(OutForDelivery), "I", &["OT", "OF", "OD"]),
    (reached(InTransit), "D", &["YP"]),
    (reached(OutForDelivery), "D", &["OT", "OF", "OD"]),
    (reached(AvailableForPickup), "D", &["2Q"]),
    (reached(Delivered), "D", &["FS", "F4", "KB", "KM", "9E"]),
    (Meaning::Told, "U", &["UP", "UT", "PX"]),
];

/// By the type alone; P, RS and O are of older documents. D, the freight types (DO, DD, W) and NA say too little.
const BY_TYPE: &[(Meaning, &str)] = &[
    (reached(LabelCreated), "M"),
    (reached(Voided), "MV"),
    (reached(PickedUp), "P"),
    (reached(InTransit), "I"),
    (reached(Exception), "X"),
    (reached(Returning), "RS"),
    (reached(OutForDelivery), "O"),
    (Meaning::Told, "U"),
];

/// No code is nearly as long.
const CODE: usize = 16;

/// UPS's words for an event, alike by whichever way they came.
pub(super) fn carrier_code(kind: Option<&str>, code: Option<&str>, status: Option<&str>) -> CarrierCode {
    CarrierCode {
        kind: word(kind),
        code: word(code),
        status: word(status).map(|status| format!("{status:0>3}")),
    }
}

/// A code in capitals. It becomes a part of the event's key, whose parts `#` divides.
fn word(text: Option<&str>) -> Option<String> {
    let plain = text?.replace(|c: char| c == '#' || c.is_control(), "");
    let plain = capped(plain.trim(), CODE).to_ascii_uppercase();
    (!plain.is_empty()).then_some(plain)
}

/// So many characters of a text, and no more.
pub(super) fn capped(text: &str, most: usize) -> String {
    text.chars().take(most).collect()
}

/// What an event says about how far the parcel has come.
pub(super) fn meaning(code: &CarrierCode) -> Meaning {
    let (kind, pair, status) = (by_type(code), by_code(code), by_status(code));
    match (status, pair) {
        // An update tells of the parcel's plans, whatever status stands beside it.
        _ if kind == Some(Meaning::Told) => Meaning::Told,
        // Where the status is a general one the code is more precise: the first scan of all is told as "on the way", and what
        // waits at an access point must not pass for delivered.
        (Some(Meaning::Reached(InTransit)), Some(precise @ Meaning::Reached(PickedUp)))
        | (Some(Meaning::Reached(Delivered)), Some(precise @ Meaning::Reached(AvailableForPickup))) => precise,
        (status, pair) => status.or(pair).or(kind).unwrap_or(Meaning::Unknown),
    }
}

fn by_status(code: &CarrierCode) -> Option<Meaning> {
    let status = code.status.as_deref()?;
    let mut rows = BY_STATUS.iter().filter(|(_, known)| known.contains(&status));
    rows.next().map(|(meaning, _)| *meaning)
}

fn by_code(code: &CarrierCode) -> Option<Meaning> {
    let (kind, code) = (code.kind.as_deref()?, code.code.as_deref()?);
    let mut rows = BY_CODE
        .iter()
        .filter(|(_, own, known)| *own == kind && known.contains(&code));
    rows.next().map(|(meaning, ..)| *meaning)
}

fn by_type(code: &CarrierCode) -> Option<Meaning> {
    let kind = code.kind.as_deref()?;
    let mut rows = BY_TYPE.iter().filter(|(_, own)| *own == kind);
    rows.next().map(|(meaning, _)| *meaning)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(kind: &str, code: &str, status: &str) -> Meaning {
        meaning(&carrier_code(told(kind), told(code), told(status)))
    }

    fn told(text: &str) -> Option<&str> {
        (!text.is_empty()).then_some(text)
    }

    fn every_status(list: &str, meaning: Meaning) {
        for status in list.split(' ') {
            assert_eq!(of("", "", status), meaning, "{status}");
            assert_eq!(of("ZZ", "ZZ", status), meaning, "{status} under an unknown type");
        }
    }

    /// P16: every status that UPS's table names has its milestone.
    #[test]
    fn every_documented_status_has_its_meaning() {
        every_status("003 079 080 157 166 044 045", reached(LabelCreated));
        every_status("007", reached(Voided));
        every_status("038 160 167 168 169", reached(PickedUp));
        every_status(
            "005 010 025 039 047 087 158 159 164 165 057 071 075",
            reached(InTransit),
        );
        every_status("012 092 014 084 134", reached(InTransit));
        every_status("016 019 020", reached(InTransit));
        every_status("073 074 137 143 144", reached(InTransit));
        every_status("006 021 037 089 091 146 162 072 078", reached(OutForDelivery));
        every_status("017 040 161", reached(AvailableForPickup));
        every_status("011 026 156", reached(Delivered));
        every_status("013 030 032 051 052 053 046 048 086 090 076", reached(Exception));
        every_status("022 023 024 060 145 061 062 069", reached(Exception));
        every_status("029 049 058 050 083 085 126 123", reached(Exception));
        every_status("033 119 059 064 068 147 149", reached(Exception));
        every_status("035 036 118 081", reached(Returning));
        every_status("034 067", reached(Returned));
        every_status("018 027 028 054 063 055 043 065 153 154 155", Meaning::Told);
    }

    #[test]
    fn no_status_stands_twice() {
        let mut all: Vec<&str> = BY_STATUS.iter().flat_map(|(_, known)| known.iter().copied()).collect();
        all.sort_unstable();
        let count = all.len();
        all.dedup();
        assert_eq!((all.len(), count), (count, 105));
        assert!(all.iter().all(|status| status.len() == 3), "{all:?}");
    }

    /// P16: without a status, type and code decide together.
    #[test]
    fn every_documented_code_has_its_meaning_under_its_type() {
        let each = |kind: &str, codes: &str, meaning| {
            for code in codes.split(' ') {
                assert_eq!(of(kind, code, ""), meaning, "{kind} {code}");
                assert_eq!(of(kind, code, "999"), meaning, "{kind} {code} with an unknown status");
            }
        };
        each("M", "MP DP RD", reached(LabelCreated));
        each("M", "VP", reached(Voided));
        each("MV", "VP", reached(Voided));
        each("I", "OR", reached(PickedUp));
        each("I", "DP AR YP", reached(InTransit));
        each("I", "OT OF OD", reached(OutForDelivery));
        each("D", "FS F4 KB KM 9E", reached(Delivered));
        each("D", "2Q", reached(AvailableForPickup));
        each("D", "OT OF OD", reached(OutForDelivery));
        each("U", "UP UT PX ZZ", Meaning::Told);
        // The same letters are exceptions under their type.
        each("X", "OR DP OT RS", reached(Exception));
    }

    /// P16: type D is loaded, out for delivery and delivered: alone it says nothing.
    #[test]
    fn type_d_alone_is_not_delivered() {
        assert_eq!(of("D", "", ""), Meaning::Unknown);
        assert_eq!(of("D", "ZZ", ""), Meaning::Unknown);
        assert_eq!(of("D", "ZZ", "999"), Meaning::Unknown);
        assert_eq!(of("D", "", "021"), reached(OutForDelivery));
        assert_eq!(of("D", "ZZ", "072"), reached(OutForDelivery));
        assert_eq!(of("D", "YP", "071"), reached(InTransit));
        assert_eq!(of("D", "FS", ""), reached(Delivered));
        assert_eq!(of("D", "2Q", "161"), reached(AvailableForPickup));
    }

    #[test]
    fn a_type_alone_says_what_it_can_and_an_unknown_one_nothing() {
        for (kind, meaning) in [
            ("M", reached(LabelCreated)),
            ("MV", reached(Voided)),
            ("P", reached(PickedUp)),
            ("I", reached(InTransit)),
            ("X", reached(Exception)),
            ("RS", reached(Returning)),
            ("O", reached(OutForDelivery)),
            ("U", Meaning::Told),
        ] {
            assert_eq!(of(kind, "ZZ", ""), meaning, "{kind}");
            assert_eq!(of(&kind.to_lowercase(), "", "999"), meaning, "{kind}");
        }
        for kind in ["", "DO", "DD", "W", "NA", "ZZ"] {
            assert_eq!(of(kind, "FS", ""), Meaning::Unknown, "{kind}");
            assert_eq!(of(kind, "", "999"), Meaning::Unknown, "{kind}");
        }
    }

    #[test]
    fn the_status_decides_before_the_code_unless_it_is_the_general_one() {
        assert_eq!(of("I", "DP", "013"), reached(Exception));
        assert_eq!(of("I", "OR", "005"), reached(PickedUp));
        assert_eq!(of("I", "OR", "012"), reached(PickedUp));
        assert_eq!(of("I", "OR", "013"), reached(Exception));
        assert_eq!(of("D", "2Q", "011"), reached(AvailableForPickup));
        assert_eq!(of("D", "FS", "161"), reached(AvailableForPickup));
        assert_eq!(of("U", "UP", "011"), Meaning::Told);
        assert_eq!(of("D", "FS", "11"), reached(Delivered), "a number has lost its zeros");
    }

    #[test]
    fn codes_are_alike_however_they_are_written() {
        let codes = carrier_code(Some(" i#\n"), Some("dp"), Some("5"));
        assert_eq!(codes, carrier_code(Some("I"), Some("DP"), Some("005")));
        assert_eq!(carrier_code(Some("##"), None, Some("")), CarrierCode::default());
    }
}
