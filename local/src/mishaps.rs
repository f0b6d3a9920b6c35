//! What goes wrong at the carriers in the demo: purchases lose their answers, the rates of one document of each pairing fail
//! for a while, and tokens end in mid-flight.

use simulators::faults::{Fault, FaultKind};
use waybill::domain::DocumentId;

use crate::books;
use crate::carrier::{Carrier, Running};
use crate::outside::Outside;
use crate::pairing::{Name, Pairing};

/// Has the carriers fail as they do on a bad day.
///
/// Of UPS's first pairing one purchase loses its answer before the effect and one after it, of its others none: all share an account,
/// three in a row would be an outage, and it would be left alone for minutes. FedEx loses one answer after the effect: it never shows
/// a label again, so that a person voids that shipment and it ships anew.
pub fn befall(outside: &Outside) {
    for carrier in &outside.carriers {
        let faults = carrier.faults();
        let own = outside
            .pairings
            .iter()
            .filter(|one| one.name().carrier() == carrier.which());
        if carrier.desk().is_some() {
            continue;
        }
        for (index, pairing) in own.enumerate() {
            faults.add(rates_fail(pairing.name()));
            for (kind, document) in losses(carrier.which(), index, &pairing.plain()) {
                let purchase = books::jobs(pairing.name(), &document).into_iter().next();
                if let Some(job) = purchase {
                    faults.add(Fault::new("ship", kind).body_contains(job).at_most(1));
                }
            }
        }
    }
}

/// Ends the tokens that carriers have given to the operator's checks as soon as rates are asked for: the functions then ask for tokens of
/// their own, and what they say of that stands in their logs.
pub fn end_tokens(outside: &Outside) {
    let asked = outside.carriers.iter().filter(|carrier| carrier.desk().is_none());
    asked.for_each(|carrier| {
        carrier
            .faults()
            .add(Fault::new("rate", FaultKind::ExpireTokens).at_most(1));
    });
}

/// Which purchases of the carrier's pairing with this index lose their answers, and how.
fn losses(carrier: Carrier, index: usize, plain: &[DocumentId]) -> Vec<(FaultKind, DocumentId)> {
    let (kinds, documents): (Vec<FaultKind>, Vec<&DocumentId>) = match (carrier, index) {
        (Carrier::Ups, 0) => (
            vec![FaultKind::DropBefore, FaultKind::DropAfter],
            plain.iter().collect(),
        ),
        (Carrier::Ups, _) => (Vec::new(), Vec::new()),
        _ => (vec![FaultKind::DropAfter], plain.iter().rev().collect()),
    };
    kinds.into_iter().zip(documents.into_iter().cloned()).collect()
}

fn rates_fail(name: Name) -> Fault {
    let unavailable = FaultKind::Status {
        code: 503,
        retry_after: None,
    };
    Fault::new("rate", unavailable).body_contains(name.unlucky())
}

/// Whether a job of this pairing waits for the rates that fail.
#[must_use]
pub fn was_rated(carrier: &Running, name: Name) -> bool {
    let reports = carrier.faults().report();
    reports.iter().any(|report| {
        report.fault.operation == "rate"
            && report.strikes > 0
            && report.fault.body_contains.as_deref() == Some(name.unlucky())
    })
}

/// How many purchases lost their answers.
#[must_use]
pub fn lost_answers(carrier: &Running) -> u32 {
    let reports = carrier.faults().report();
    let lost = reports.iter().filter(|report| report.fault.operation == "ship");
    lost.map(|report| report.strikes).sum()
}

/// The document of a pairing whose purchase loses its answer after the effect, or another one: its story is worth telling.
#[must_use]
pub fn unluckiest(pairing: &dyn Pairing) -> Option<DocumentId> {
    let plain = pairing.plain();
    let any = || pairing.shown().first().map(|shown| shown.document.clone());
    plain.get(1).or(plain.first()).cloned().or_else(any)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_purchase_loses_two_answers_and_a_small_demo_loses_none_that_it_has_not() {
        let documents: Vec<_> = ["1", "2", "3"].map(DocumentId::sales_order).into();
        let lost = |index, count: usize| losses(Carrier::Ups, index, documents.get(..count).unwrap_or_default());
        let first: Vec<_> = lost(0, 3).into_iter().map(|(_, document)| document).collect();
        assert_eq!(first, documents[..2]);
        assert_eq!(lost(0, 1).len(), 1);
        assert!(lost(0, 0).is_empty());
        assert!(
            (1..4).all(|index| lost(index, 3).is_empty()),
            "a third one would be an outage"
        );
        let at_fedex = losses(Carrier::FedEx, 0, &documents);
        assert!(matches!(at_fedex.as_slice(), [(FaultKind::DropAfter, last)] if *last == documents[2]));
    }
}
