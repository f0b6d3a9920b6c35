//! The books of the simulated UPS: what was really billed, voided and handed out.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;

use super::model::{Shipment, State, Token};
use super::push::PushBooks;
use super::subscription::Subscription;
use crate::requests::RequestCounts;

/// What really happened, whatever callers were told.
#[derive(Clone, Debug, Serialize)]
pub struct Books {
    /// Every shipment billed, in order, voided ones too.
    pub shipments: Vec<Shipment>,
    /// Shipment ids that are billed and not voided, by reference value.
    pub by_reference: BTreeMap<String, Vec<String>>,
    /// Reference values with more than one unvoided shipment, with the shipments after the first.
    pub duplicates: BTreeMap<String, Vec<String>>,
    /// When tokens were given out, by client id.
    pub tokens: BTreeMap<String, Vec<TokenEntry>>,
    /// Every Track Alert subscription, ended ones too, by number.
    pub subscriptions: Vec<Subscription>,
    /// What became of the pushes.
    pub pushes: PushBooks,
    /// Requests by operation and how many ran at once.
    pub requests: RequestCounts,
}

/// A token given out; its value is not told.
#[derive(Clone, Debug, Serialize)]
pub struct TokenEntry {
    /// When.
    pub issued_at: Timestamp,
    /// When it stops being accepted.
    pub expires_at: Timestamp,
    /// The account named in `x-merchant-id`, if any.
    pub merchant: Option<String>,
    /// Whether it was stopped early.
    pub revoked: bool,
}

impl Books {
    pub(super) fn of(state: &State, requests: RequestCounts) -> Self {
        let by_reference = unvoided_by_reference(&state.shipments);
        Self {
            shipments: state.shipments.clone(),
            duplicates: extras(&by_reference),
            by_reference,
            tokens: tokens_by_client(&state.tokens),
            subscriptions: state.subscriptions.all(),
            pushes: state.pushed.clone(),
            requests,
        }
    }

    /// Ids of the unvoided shipments with this reference value.
    pub fn unvoided(&self, reference: &str) -> &[String] {
        self.by_reference.get(reference).map(Vec::as_slice).unwrap_or_default()
    }
}

fn unvoided_by_reference(shipments: &[Shipment]) -> BTreeMap<String, Vec<String>> {
    let mut found: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for shipment in shipments.iter().filter(|shipment| !shipment.is_voided()) {
        for reference in &shipment.references {
            let ids = found.entry(reference.value.clone()).or_default();
            if !ids.contains(&shipment.id) {
                ids.push(shipment.id.clone());
            }
        }
    }
    found
}

fn extras(by_reference: &BTreeMap<String, Vec<String>>) -> BTreeMap<String, Vec<String>> {
    let several = by_reference.iter().filter(|(_, ids)| ids.len() > 1);
    several
        .map(|(value, ids)| (value.clone(), ids.iter().skip(1).cloned().collect()))
        .collect()
}

fn tokens_by_client(tokens: &[Token]) -> BTreeMap<String, Vec<TokenEntry>> {
    let mut found: BTreeMap<String, Vec<TokenEntry>> = BTreeMap::new();
    for token in tokens {
        found.entry(token.client_id.clone()).or_default().push(TokenEntry {
            issued_at: token.issued_at,
            expires_at: token.expires_at,
            merchant: token.merchant.clone(),
            revoked: token.revoked,
        });
    }
    found
}
