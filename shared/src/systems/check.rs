//! What the systems say to connection files and secrets before anything is stored.

use secrecy::SecretString;

use super::{System, netsuite, ups};
use crate::connection::{Addressed, Mistake, SystemCheck};
use crate::domain::Refusal;

/// Every system's own judgement, by its name.
#[derive(Debug, Clone, Copy, Default)]
pub struct Checks;

impl SystemCheck for Checks {
    fn erps(&self) -> &[&str] {
        &["netsuite"]
    }

    fn carriers(&self) -> &[&str] {
        &["ups"]
    }

    fn mistakes(&self, addressed: &Addressed<'_>) -> Vec<Mistake> {
        let Addressed {
            environment,
            settings,
            select,
            fields,
        } = *addressed;
        match System::named(&settings.system) {
            Some(System::NetSuite) => netsuite::mistakes(environment, settings, select, fields),
            Some(System::Ups) => within("carrier", ups::validate(settings, environment)),
            None => Vec::new(),
        }
    }

    fn check_secret(&self, system: &str, body: &SecretString) -> Result<(), Refusal> {
        match System::named(system) {
            Some(System::NetSuite) => netsuite::check_secret(body),
            Some(System::Ups) => ups::check_secret(body),
            None => Err(Refusal::new("unknown-system", format!("there is no system {system}"))),
        }
    }
}

fn within(table: &str, mistakes: Vec<Mistake>) -> Vec<Mistake> {
    let placed = |mistake: Mistake| Mistake {
        path: format!("{table}.{}", mistake.path),
        ..mistake
    };
    mistakes.into_iter().map(placed).collect()
}
