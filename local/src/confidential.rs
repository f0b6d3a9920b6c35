//! What no log may hold: secrets, tokens, and whatever says who receives a parcel and where.
//!
//! A run knows all of it, because its simulators and its own people made it up. So the functions' output is searched for every word of
//! it, and whoever finds one is told where it stands, never what it is.

use std::collections::BTreeSet;
use std::path::Path;

use secrecy::ExposeSecret;
use serde_json::Value;
use waybill::aws::SecretsManager;
use waybill::ports::Secrets;

use crate::aws;
use crate::failure::{Failure, Outcome, While};
use crate::outside::Outside;

/// What is shorter stands in any text by chance.
const SHORTEST: usize = 6;

/// What every line of a function has.
const SAID: &str = "\"level\":\"INFO\"";

/// What a secret's body says that is no secret.
const NO_SECRETS: [&str; 9] = [
    "kind",
    "algorithm",
    "scope",
    "client_id",
    "certificate_id",
    "user",
    "username",
    "created_at",
    "since",
];

/// Words that no log may hold, each with what it is.
#[derive(Debug, Default)]
pub struct Confidential(BTreeSet<(String, String)>);

impl Confidential {
    /// Everything of a run: the secrets of its stack, the tokens and people of its systems, the links that its ERPs show.
    ///
    /// # Errors
    /// The stack's secrets cannot be read.
    pub async fn of(outside: &Outside, endpoint: &str, prefix: &str) -> Outcome<Self> {
        let mut all = Self::default();
        for (name, body) in outside.secrets() {
            all.secret(name, &body);
        }
        for carrier in &outside.carriers {
            let tokens = carrier.tokens().into_iter();
            tokens.for_each(|token| all.word(format!("a token of {}", carrier.which().words()), &token));
        }
        for pairing in &outside.pairings {
            let words = pairing.name().words();
            let tokens = pairing.tokens().into_iter();
            tokens.for_each(|token| all.word(format!("a token of {words}"), &token));
            let people = pairing.people().into_iter();
            people.for_each(|text| all.word(format!("a name or address of {words}"), &text));
            for link in pairing.label_links() {
                let token = link.split("/labels/").nth(1).and_then(|rest| rest.split('/').next());
                all.word(format!("a label link of {words}"), token.unwrap_or(&link));
            }
        }
        let client = aws_sdk_secretsmanager::Client::new(&aws::config(endpoint));
        let store = SecretsManager::new(client, prefix);
        for name in store.names().await.doing("listing the stack's secrets")? {
            let body = store.read(&name).await.doing("reading a secret of the stack")?;
            let body = body.map(|body| serde_json::from_str::<Value>(body.expose_secret()));
            all.secret(&name, &body.and_then(Result::ok).unwrap_or_default());
        }
        Ok(all)
    }

    /// Fails if a log holds one of them; says what, and in which line first.
    ///
    /// # Errors
    /// It does, or it cannot be read, or no function has said anything in it: then nothing would be shown.
    pub fn kept_from(&self, log: &Path) -> Outcome<()> {
        let text = std::fs::read(log).doing(format_args!("reading {}", log.display()))?;
        let text = String::from_utf8_lossy(&text);
        if self.0.is_empty() || !text.contains(SAID) {
            return Err(Failure::new(format!("nothing is said in {}", log.display())));
        }
        let found = self.found_in(&text);
        if found.is_empty() {
            return Ok(());
        }
        Err(Failure::new(format!(
            "{} holds what no log may hold: {}",
            log.display(),
            found.join("; ")
        )))
    }

    fn secret(&mut self, name: &str, body: &Value) {
        for text in texts(body, &|field| !NO_SECRETS.contains(&field)) {
            // A private key has a line for every 64 characters.
            text.lines()
                .for_each(|line| self.word(format!("a secret of {name}"), line));
        }
    }

    fn word(&mut self, what: String, text: &str) {
        let text = text.trim();
        if text.chars().count() >= SHORTEST && !text.starts_with("-----") {
            self.0.insert((what, text.to_owned()));
        }
    }

    /// Where a text holds one of them, as it is or as JSON writes it.
    fn found_in(&self, text: &str) -> Vec<String> {
        let mut found = Vec::new();
        for (what, word) in &self.0 {
            let quoted = Value::from(word.as_str()).to_string();
            let quoted = quoted.trim_matches('"');
            let at = text.find(word.as_str()).or_else(|| text.find(quoted));
            if let Some(line) = at
                .and_then(|at| text.get(..at))
                .map(|before| before.matches('\n').count() + 1)
            {
                found.push(format!("{what} in line {line}"));
            }
        }
        found
    }
}

/// The texts of a JSON value in whose names somebody is interested, in lists too.
pub(crate) fn texts(value: &Value, wanted: &dyn Fn(&str) -> bool) -> BTreeSet<String> {
    let mut texts = BTreeSet::new();
    let mut waiting = vec![("", value)];
    while let Some((name, value)) = waiting.pop() {
        match value {
            Value::String(text) if wanted(name) && !text.is_empty() => {
                texts.insert(text.clone());
            }
            Value::Array(items) => waiting.extend(items.iter().map(|item| (name, item))),
            Value::Object(fields) => waiting.extend(fields.iter().map(|(name, value)| (name.as_str(), value))),
            _ => {}
        }
    }
    texts
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::pairing::Name;

    #[test]
    fn a_word_is_found_and_not_told() {
        let mut all = Confidential::default();
        all.secret(
            "acme/ups",
            &json!({ "client_id": "ups-client", "client_secret": "ups-secret", "keys": ["k1-long-enough"] }),
        );
        all.word("a name".to_owned(), "Jane \"Doe\" Ltd");
        all.word("a name".to_owned(), "short");
        assert_eq!(all.0.len(), 3);
        let log = "{\"message\":\"called\",\"client\":\"ups-client\"}\n{\"to\":\"Jane \\\"Doe\\\" Ltd\"}\n";
        assert_eq!(all.found_in(log), ["a name in line 2"]);
        assert_eq!(
            all.found_in("x\ny\nBearer k1-long-enough"),
            ["a secret of acme/ups in line 3"]
        );
        assert!(all.found_in("{\"message\":\"short\"}").is_empty());
    }

    #[test]
    fn a_private_key_is_known_by_each_of_its_lines() {
        let mut all = Confidential::default();
        let key = "-----BEGIN PRIVATE KEY-----\nMIGHAgEAMBMG\nByqGSM49AgEG\n-----END PRIVATE KEY-----\n";
        all.secret("acme/netsuite", &json!({ "private_key": key }));
        assert_eq!(all.found_in("ByqGSM49AgEG").len(), 1);
        assert!(
            all.found_in("-----BEGIN PRIVATE KEY-----").is_empty(),
            "that says nothing"
        );
    }

    /// Every pairing's people are known, wherever its ERP keeps them.
    #[tokio::test]
    async fn whoever_receives_something_is_known() {
        for (name, street) in Name::ALL.into_iter().zip(["", "", "", "2311 York Road", ""]) {
            let mut pairing = crate::pairing::start(name).await.unwrap();
            pairing.enter(12, 7).unwrap();
            let people = pairing.people();
            assert!(people.len() > 8, "{name:?}: {people:?}");
            assert!(street.is_empty() || people.contains(street), "{name:?}: {people:?}");
            assert!(
                people
                    .iter()
                    .any(|text| text.chars().filter(char::is_ascii_digit).count() >= 10),
                "no phone of {name:?}"
            );
            pairing.end().stop().await;
        }
    }
}
