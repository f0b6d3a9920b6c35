//! What people are told of despatches, and what they can do.

use super::Intake;
use super::contents::Unfit;
use crate::domain::{Despatch, DespatchId, JobId, Order, Quantities, Refusal};
use crate::job::{Job, TRIED_FOR};
use crate::ports::Meant;

/// How many orders are named for a person to choose from.
const CANDIDATES: usize = 5;

impl Intake<'_> {
    /// Why a despatch is parked, and what ends that.
    pub(super) fn in_words(&self, despatch: &Despatch, why: &Unfit, parked: &Job) -> String {
        let job = &parked.id;
        let (desk, erp) = (&self.connection.carrier.system, &self.connection.erp.system);
        let shipped = format!(
            "{desk} shipped {} for order {}",
            despatch.in_words(),
            despatch.order.name()
        );
        let resolve = format!("`waybill job resolve {job} --order NUMBER` says which order it belongs to");
        let release = format!("`waybill job release {job}` closes this job");
        let days = TRIED_FOR.as_hours() / 24;
        let (tail, then) = match parked.is_tried(self.clock.now()) {
            true => (
                "it is tried again by itself".to_owned(),
                "this parcel is written".to_owned(),
            ),
            false => (
                format!("it was tried for {days} days, and is tried by itself no more"),
                format!("{resolve}, for it was tried for {days} days and is tried by itself no more"),
            ),
        };
        match why {
            Unfit::NoOrder(alike) if alike.is_empty() => format!(
                "{shipped}, and {erp} has no order that this names or that looks like it; enter the order there, or {resolve}; {tail}"
            ),
            Unfit::NoOrder(alike) => format!(
                "{shipped}, and {erp} has no order that this names. It looks like {}. {resolve}; {tail}",
                candidates(alike)
            ),
            Unfit::SeveralOrders(several) => format!(
                "{shipped}, and {erp} has several orders that this names: {}. {resolve}; {tail}",
                candidates(several)
            ),
            Unfit::SeveralStores(stores) => format!(
                "{shipped}, and several stores have an order of this number: {}. {resolve}; {tail}",
                stores.join(", ")
            ),
            Unfit::Unfinished(status) => format!(
                "{desk} has been at work on {} for order {} since {} and still says {status:?} of it: see there what became of it. {tail}; or {release}, if nothing travels",
                despatch.in_words(),
                despatch.order.name(),
                despatch.created_at
            ),
            Unfit::Refused(why) => {
                format!("{shipped}, and nobody could be asked for that order: {why}. {resolve}; {tail}")
            }
            Unfit::NotShown(order) => {
                format!(
                    "{shipped}, which means {order}, and {erp} does not show that order (any more). {resolve}; {tail}"
                )
            }
            Unfit::NotShipping(order, why) => format!(
                "{shipped}, and in {erp} {order} does not ship: {why}. Open it there again, and {then}; or {release}, if {erp} need not hear of it"
            ),
            Unfit::Fulfilled(order) => format!(
                "{shipped}, and {erp} shows all of {order} as fulfilled already. If a fulfilment there is this very parcel, {release}; if not, delete it, and {then}"
            ),
            Unfit::Untold(order) => format!(
                "{shipped}, but does not say what is in it, and it need not be all of {order}. Fulfil it in {erp} by hand; then {release}; {tail}"
            ),
            Unfit::UnknownSku(order, sku) => format!(
                "{shipped}, with goods {sku} that are no line of {order} in {erp} (a kit, a bundle or another spelling?). Make the SKUs agree in {erp} or {desk}, and {then}; or fulfil it in {erp} by hand; then {release}"
            ),
            Unfit::TooMany {
                order,
                sku,
                shipped: many,
                left,
                fulfilled,
            } => {
                let (many, left) = (many.normalize(), left.normalize());
                let by_hand = match fulfilled.is_zero() {
                    true => String::new(),
                    false => format!(" ({} are shown as fulfilled)", fulfilled.normalize()),
                };
                format!(
                    "{shipped}, {many} of {sku}, and {order} in {erp} has {left} of it left{by_hand}. Correct the order there, and {then}; if it was fulfilled by hand, {release}"
                )
            }
        }
    }

    /// The desk does not know a parked despatch any more.
    pub(super) fn not_at_the_desk(&self, id: &DespatchId, job: &JobId) -> String {
        let desk = &self.connection.carrier.system;
        format!("{desk} does not know {id} any more: `waybill job release {job}` closes this job, if nothing travels")
    }

    /// The desk refuses to be asked for a parked despatch.
    pub(in crate::flows) fn not_told(&self, refusal: &Refusal, job: &JobId) -> String {
        let desk = &self.connection.carrier.system;
        format!(
            "{desk} cannot be asked any more what was shipped ({refusal}), and it is tried by itself no more: fulfil it in {} by hand; \
             then `waybill job release {job}` closes this job",
            self.connection.erp.system
        )
    }

    /// It turned out to be no shipment to a customer.
    pub(super) fn beside(&self, what: &str, job: &JobId) -> String {
        format!("it is nothing that the ERP must hear of ({what}): `waybill job release {job}` closes this job")
    }
}

fn candidates(meant: &[Meant]) -> String {
    let named = meant
        .iter()
        .take(CANDIDATES)
        .map(|one| format!("{} (by {})", one.number, one.by));
    let mut named: Vec<String> = named.collect();
    if meant.len() > CANDIDATES {
        named.push(format!("{} more", meant.len() - CANDIDATES));
    }
    named.join(", ")
}

/// The beginning of a unit's story.
pub(super) fn admitted(
    desk: &str,
    despatch: &Despatch,
    by: &str,
    order: &Order,
    unit: u32,
    quantities: &Quantities,
) -> String {
    let goods: Vec<String> = quantities
        .iter()
        .map(|(line, quantity)| format!("{} of line {line}", quantity.normalize()))
        .collect();
    format!(
        "{desk} shipped {} for its order {}, matched {by}: admitted as unit {unit} of order {}: {}",
        despatch.in_words(),
        despatch.order.name(),
        order.number,
        goods.join(", ")
    )
}
