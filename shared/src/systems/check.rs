//! What the systems say to connection files and secrets before anything is stored.

use secrecy::SecretString;

use super::{System, netsuite, ups};
use crate::connection::{Addressed, Mistake, SystemCheck};

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
        let Addressed { environment, settings, select, fields } = *addressed;
        match System::named(&settings.system) {
            Some(System::NetSuite) => netsuite::mistakes(environment, settings, select, fields),
            Some(System::Ups) => {
                let mistakes = ups::validate(settings, environment).into_iter();
                mistakes.map(|mistake| Mistake { path: format!("carrier.{}", mistake.path), ..mistake }).collect()
            }
            None => Vec::new(),
        }
    }

    fn secret_mistakes(&self, system: &str, body: &serde_json::Value) -> Vec<Mistake> {
        let secret = SecretString::from(body.to_string());
        let checked = match System::named(system) {
            Some(System::NetSuite) => netsuite::check_secret(&secret),
            Some(System::Ups) => ups::check_secret(&secret),
            None => Ok(()),
        };
        checked.err().map(|refusal| Mistake::new("the secret", refusal.message, "the fields that the system asks for")).into_iter().collect()
    }
}
