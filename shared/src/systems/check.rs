//! What the systems say to connection files and secrets before anything is stored.

use crate::connection::{Addressed, Mistake, SystemCheck};

/// The ERPs that there are.
const ERPS: &[&str] = &["netsuite"];

/// The carriers that there are.
const CARRIERS: &[&str] = &["ups"];

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

    fn mistakes(&self, _addressed: &Addressed<'_>) -> Vec<Mistake> {
        Vec::new()
    }

    fn secret_mistakes(&self, _system: &str, body: &serde_json::Value) -> Vec<Mistake> {
        not_an_object_of_texts(body)
    }
}

fn not_an_object_of_texts(body: &serde_json::Value) -> Vec<Mistake> {
    let allowed = "a JSON object with a text for each field";
    let Some(fields) = body.as_object() else {
        return vec![Mistake::new("the secret", "is not a JSON object", allowed)];
    };
    let not_text = fields.iter().filter(|(_, value)| !value.is_string());
    not_text
        .map(|(name, _)| Mistake::new(name.clone(), "is not a text", allowed))
        .collect()
}
