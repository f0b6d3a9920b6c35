//! The books of the simulated FedEx: what was really billed, cancelled and handed out.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;

use super::limits::{Calls, TokenTraffic, Traffic};
use super::model::{Shipment, State, Token};
use super::push::PushBooks;
use crate::requests::RequestCounts;

/// What really happened, whatever callers were told.
#[derive(Clone, Debug, Serialize)]
pub struct Books {
    /// Every shipment billed, in order, cancelled ones too.
    pub shipments: Vec<Shipment>,
    /// Master numbers that are billed and not cancelled, by reference value.
    pub by_reference: BTreeMap<String, Vec<String>>,
    /// Reference values with more than one shipment that is not cancelled, with the shipments after the first.
    pub duplicates: BTreeMap<String, Vec<String>>,
    /// Master numbers of the shipments that were cancelled, in the order of that.
    pub cancelled: Vec<String>,
    /// When tokens were given out, by project.
    pub tokens: BTreeMap<String, Vec<TokenEntry>>,
    /// How token requests came.
    pub token_traffic: TokenTraffic,
    /// How transactions came, by project.
    pub traffic: BTreeMap<String, Traffic>,
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
    /// Whether it was stopped early.
    pub revoked: bool,
}

impl Books {
    pub(super) fn of(state: &State, requests: RequestCounts) -> Self {
        let by_reference = live_by_reference(state.shipments());
        Self {
            shipments: state.shipments().cloned().collect(),
            duplicates: extras(&by_reference),
            by_reference,
            cancelled: state.cancelled.clone(),
            tokens: tokens_by_project(&state.tokens),
            token_traffic: state.gate.traffic(),
            traffic: traffic(&state.calls),
            pushes: state.pushed.clone(),
            requests,
        }
    }

    /// Master numbers with this reference value that are billed and not cancelled.
    pub fn unvoided(&self, reference: &str) -> &[String] {
        self.by_reference.get(reference).map(Vec::as_slice).unwrap_or_default()
    }

    /// How many requests asked for an operation.
    pub fn asked(&self, operation: &str) -> u64 {
        self.requests.by_operation.get(operation).copied().unwrap_or_default()
    }
}

fn live_by_reference<'a>(shipments: impl Iterator<Item = &'a Shipment>) -> BTreeMap<String, Vec<String>> {
    let mut found: BTreeMap<String, Vec<(u64, String)>> = BTreeMap::new();
    for shipment in shipments.filter(|shipment| !shipment.is_cancelled()) {
        let own = (shipment.serial, shipment.master.clone());
        for reference in shipment.packages.iter().flat_map(|package| &package.references) {
            let masters = found.entry(reference.value.clone()).or_default();
            if masters.last() != Some(&own) {
                masters.push(own.clone());
            }
        }
    }
    let masters = |entries: Vec<(u64, String)>| entries.into_iter().map(|(_, master)| master).collect();
    found
        .into_iter()
        .map(|(value, entries)| (value, masters(entries)))
        .collect()
}

fn extras(by_reference: &BTreeMap<String, Vec<String>>) -> BTreeMap<String, Vec<String>> {
    let several = by_reference.iter().filter(|(_, masters)| masters.len() > 1);
    several
        .map(|(value, masters)| (value.clone(), masters.iter().skip(1).cloned().collect()))
        .collect()
}

fn tokens_by_project(tokens: &[Token]) -> BTreeMap<String, Vec<TokenEntry>> {
    let mut found: BTreeMap<String, Vec<TokenEntry>> = BTreeMap::new();
    for token in tokens {
        found.entry(token.project.clone()).or_default().push(TokenEntry {
            issued_at: token.issued_at,
            expires_at: token.expires_at,
            revoked: token.revoked,
        });
    }
    found
}

fn traffic(calls: &BTreeMap<String, Calls>) -> BTreeMap<String, Traffic> {
    calls
        .iter()
        .map(|(project, calls)| (project.clone(), calls.traffic()))
        .collect()
}
