//! What the systems say to connection files and secrets before anything is stored.

use secrecy::SecretString;

use super::{System, fedex, fusion, netsuite, peoplesoft, shipstation, ups};
use crate::connection::{Addressed, Mistake, SystemCheck, Usual};
use crate::domain::Refusal;

/// The ERPs that there are.
const ERPS: &[&str] = &["netsuite", "fusion", "peoplesoft"];

/// The carriers that there are.
const CARRIERS: &[&str] = &["ups", "fedex", "shipstation"];

/// Every system's own judgement, by its name.
#[derive(Debug, Clone, Copy, Default)]
pub struct Checks;

impl SystemCheck for Checks {
    fn erps(&self) -> &[&str] {
        ERPS
    }

    fn carriers(&self) -> &[&str] {
        CARRIERS
    }

    fn mistakes(&self, addressed: &Addressed<'_>) -> Vec<Mistake> {
        match System::named(&addressed.settings.system) {
            Some(System::Fusion | System::PeopleSoft) if addressed.desk.is_some() => vec![Mistake::new(
                "erp.system",
                format!(
                    "is {:?}, whose orders nobody ships at a desk",
                    addressed.settings.system
                ),
                "\"netsuite\" beside a carrier at whose own desk people ship",
            )],
            Some(System::NetSuite) => netsuite::mistakes(addressed),
            Some(System::Fusion) => fusion::mistakes(addressed),
            Some(System::PeopleSoft) => peoplesoft::mistakes(addressed),
            Some(System::Ups) => ups::mistakes(addressed),
            Some(System::FedEx) => fedex::mistakes(addressed),
            Some(System::ShipStation) => shipstation::mistakes(addressed),
            None => Vec::new(),
        }
    }

    fn usual(&self, system: &str) -> Usual {
        match System::named(system) {
            Some(System::FedEx) => fedex::usual(),
            Some(System::ShipStation) => shipstation::usual(),
            Some(System::NetSuite | System::Fusion | System::PeopleSoft | System::Ups) | None => Usual::default(),
        }
    }

    fn check_secret(&self, system: &str, body: &SecretString) -> Result<(), Refusal> {
        match System::named(system) {
            Some(System::NetSuite) => netsuite::check_secret(body),
            Some(System::Fusion) => fusion::check_secret(body),
            Some(System::PeopleSoft) => peoplesoft::check_secret(body),
            Some(System::Ups) => ups::check_secret(body),
            Some(System::FedEx) => fedex::check_secret(body),
            Some(System::ShipStation) => shipstation::check_secret(body),
            None => Err(Refusal::new("unknown-system", format!("there is no system {system}"))),
        }
    }
}
