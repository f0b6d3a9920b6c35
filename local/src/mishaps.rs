//! What goes wrong at UPS in the demo: purchases lose their answers, and the rates of one document of each pairing fail for a
//! while.

use simulators::faults::{Fault, FaultKind};
use simulators::ups::Ups;
use waybill::domain::DocumentId;

use crate::books;
use crate::outside::Outside;
use crate::pairing::{Name, Pairing};

/// Has the carrier fail as it does on a bad day.
///
/// Of the first pairing one purchase loses its answer before the effect and one after it, of the others one each, and not
/// their first: three in a row would be an outage, and the account would be left alone for minutes.
pub fn befall(outside: &Outside) {
    let faults = &outside.ups.ups.base().faults;
    for (index, pairing) in outside.pairings.iter().enumerate() {
        faults.add(rates_fail(pairing.name()));
        for (kind, document) in losses(index, &pairing.plain()) {
            let purchase = books::jobs(pairing.name(), &document).into_iter().next();
            if let Some(job) = purchase {
                faults.add(Fault::new("ship", kind).body_contains(job).at_most(1));
            }
        }
    }
}

/// Which purchases of the pairing with this index lose their answers, and how.
fn losses(index: usize, plain: &[DocumentId]) -> Vec<(FaultKind, DocumentId)> {
    let (kinds, documents): (Vec<FaultKind>, Vec<&DocumentId>) = match index {
        0 => (
            vec![FaultKind::DropBefore, FaultKind::DropAfter],
            plain.iter().collect(),
        ),
        index if index % 2 == 1 => (vec![FaultKind::DropAfter], plain.iter().rev().collect()),
        _ => (vec![FaultKind::DropBefore], plain.iter().rev().collect()),
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
pub fn was_rated(carrier: &Ups, name: Name) -> bool {
    let reports = carrier.base().faults.report();
    reports.iter().any(|report| {
        report.fault.operation == "rate"
            && report.strikes > 0
            && report.fault.body_contains.as_deref() == Some(name.unlucky())
    })
}

/// How many purchases lost their answers.
#[must_use]
pub fn lost_answers(carrier: &Ups) -> u32 {
    let reports = carrier.base().faults.report();
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
        let lost = |index, count: usize| losses(index, documents.get(..count).unwrap_or_default());
        let first: Vec<_> = lost(0, 3).into_iter().map(|(_, document)| document).collect();
        assert_eq!(first, documents[..2]);
        assert_eq!(lost(0, 1).len(), 1);
        assert!(matches!(lost(1, 3).as_slice(), [(FaultKind::DropAfter, last)] if *last == documents[2]));
        assert!(matches!(lost(2, 3).as_slice(), [(FaultKind::DropBefore, last)] if *last == documents[2]));
        assert!(lost(1, 0).is_empty());
    }
}
