//! What each system knows of its vendor's webhooks, by the system's name.

use jiff::Timestamp;
use serde_json::Value;

use super::{System, fedex, netsuite, shipstation, ups};
use crate::ports::{Hook, HookKeys, Inbound, PushedNews, SigningKey, Webhooks};

/// Every vendor's webhooks.
#[derive(Debug, Clone, Copy, Default)]
pub struct Vendors;

impl Webhooks for Vendors {
    fn is_genuine(&self, hook: &Hook, keys: &HookKeys, inbound: &Inbound, now: Timestamp) -> bool {
        match System::named(&hook.system) {
            Some(System::Ups) => ups::webhook::is_genuine(hook, keys, inbound, now),
            Some(System::NetSuite) => netsuite::webhook::is_genuine(hook, keys, inbound, now),
            Some(System::FedEx) => fedex::webhook::is_genuine(hook, keys, inbound),
            Some(System::ShipStation) => shipstation::webhook::is_genuine(keys),
            Some(System::Fusion | System::PeopleSoft) | None => false,
        }
    }

    fn signed_by(&self, hook: &Hook, keys: &HookKeys, inbound: &Inbound, now: Timestamp) -> Option<String> {
        match System::named(&hook.system) {
            Some(System::ShipStation) => shipstation::webhook::signed_by(keys, inbound, now),
            Some(System::NetSuite | System::Fusion | System::PeopleSoft | System::Ups | System::FedEx) | None => None,
        }
    }

    fn is_signed(&self, hook: &Hook, key: &SigningKey, inbound: &Inbound) -> bool {
        match System::named(&hook.system) {
            Some(System::ShipStation) => shipstation::webhook::is_signed(key, inbound),
            Some(System::NetSuite | System::Fusion | System::PeopleSoft | System::Ups | System::FedEx) | None => false,
        }
    }

    fn token(&self, hook: &Hook, keys: &HookKeys, inbound: &Inbound, now: Timestamp) -> Option<Value> {
        match System::named(&hook.system) {
            Some(System::Ups) => ups::webhook::token(hook, keys, inbound, now),
            Some(System::NetSuite | System::Fusion | System::PeopleSoft | System::FedEx | System::ShipStation)
            | None => None,
        }
    }

    fn read(&self, system: &str, body: &str) -> Vec<PushedNews> {
        match System::named(system) {
            Some(System::Ups) => ups::webhook::read(body),
            Some(System::NetSuite) => netsuite::webhook::read(body),
            Some(System::FedEx) => fedex::webhook::read(body),
            Some(System::ShipStation) => shipstation::webhook::read(body),
            Some(System::Fusion | System::PeopleSoft) | None => vec![PushedNews::Nothing {
                why: format!("nothing is known of webhooks of {system:?}"),
            }],
        }
    }
}
