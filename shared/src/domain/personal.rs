//! What of a job is about a person, and what is left of it once that is erased.

use std::collections::BTreeSet;

use super::{Address, AddressVerdict, Snapshot};

/// What stands where personal data stood.
pub const ERASED: &str = "(erased)";

/// The least letters of a word that is looked for in texts: shorter ones stand for too much else.
const SHORTEST: usize = 4;

/// Names, streets, numbers and mail addresses, to be struck from texts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Personal(BTreeSet<String>);

impl Personal {
    /// Remembers what an address says of a person.
    pub fn learn(&mut self, address: &Address) {
        let texts = [&address.name, &address.city].into_iter().chain(&address.lines);
        let more = [&address.attention, &address.phone, &address.email, &address.postal_code];
        texts
            .chain(more.into_iter().flatten())
            .for_each(|text| self.learn_text(text));
    }

    /// Remembers a name, a street or a number by itself.
    pub fn learn_text(&mut self, text: &str) {
        let text = text.trim();
        if text.len() >= SHORTEST && text != ERASED {
            self.0.insert(text.to_lowercase());
        }
    }

    /// Remembers the addresses of a verdict.
    pub fn learn_verdict(&mut self, verdict: &AddressVerdict) {
        match verdict {
            AddressVerdict::Corrected { address, .. } => self.learn(address),
            AddressVerdict::Ambiguous { candidates } => candidates.iter().for_each(|address| self.learn(address)),
            AddressVerdict::Valid { .. } | AddressVerdict::NotFound | AddressVerdict::NotCovered => {}
        }
    }

    /// The text without any of it, however it is capitalised.
    pub fn struck_from(&self, text: &str) -> String {
        // The longest first: a town may be a part of a street.
        let mut words: Vec<&String> = self.0.iter().collect();
        words.sort_by_key(|word| std::cmp::Reverse(word.len()));
        words
            .into_iter()
            .fold(text.to_owned(), |text, word| strike(&text, word))
    }
}

fn strike(text: &str, word: &str) -> String {
    let lower = text.to_lowercase();
    // Where lower case is longer or shorter, places would not agree: such a text goes as a whole.
    if lower.len() != text.len() {
        return if lower.contains(word) {
            ERASED.to_owned()
        } else {
            text.to_owned()
        };
    }
    let mut left = String::new();
    let mut from = 0;
    for (at, found) in lower.match_indices(word) {
        left.push_str(text.get(from..at).unwrap_or_default());
        left.push_str(ERASED);
        from = at + found.len();
    }
    left.push_str(text.get(from..).unwrap_or_default());
    left
}

impl Snapshot {
    /// The reading without the receiver. Its digest stays, for decisions rest on it.
    pub fn without_person(&self) -> Self {
        let mut left = self.clone();
        left.consignment.customer_reference = None;
        left.consignment.ship_to = Address {
            name: ERASED.to_owned(),
            country: self.consignment.ship_to.country.clone(),
            ..Address::default()
        };
        left
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_person_is_struck_from_a_text_however_it_is_written() {
        let mut personal = Personal::default();
        personal.learn(&Address {
            name: "Ida Ng".to_owned(),
            lines: vec!["350 5th Ave".to_owned()],
            city: "New York".to_owned(),
            phone: Some("2125550142".to_owned()),
            country: "US".to_owned(),
            ..Address::default()
        });
        let text =
            "held: the carrier writes it differently: 350 5TH AVE, NEW YORK NY; call IDA NG, 2125550142. 1Z9 stays";
        assert_eq!(
            personal.struck_from(text),
            "held: the carrier writes it differently: (erased), (erased) NY; call (erased), (erased). 1Z9 stays"
        );
    }
}
