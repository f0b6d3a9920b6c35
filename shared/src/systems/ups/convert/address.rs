//! Street validation: the question, and a verdict that never takes UPS's spelling for the customer's.
//!
//! UPS says "valid" also when it has put an address right or has lost a suite. Only an equal spelling is valid here;
//! abbreviations and the extension of the postal code are formatting; everything else is substance.

use crate::domain::{Address, AddressVerdict, Correction};
use crate::http::Answer;
use crate::ports::{CallError, Later, Obstacle};
use crate::systems::spelling::{Spelling, spelling, zip_digits};
use crate::systems::ups::wire::answer::{self, AddressAnswer, Candidate, Coded};
use crate::systems::ups::wire::request::{AddressBody, AddressKey, AddressRequest};

const LINES: usize = 3;

/// Whether UPS validates addresses of a country.
pub(crate) fn covers(country: &str) -> bool {
    ["US", "PR"].contains(&country)
}

/// The question. Names are left out: they do not decide the place.
pub(crate) fn question(address: &Address) -> AddressBody {
    let digits = zip_digits(address.postal_code.as_deref());
    let (primary, extended) = digits.split_at(digits.len().min(5));
    AddressBody {
        request: AddressRequest {
            address_key_format: AddressKey {
                address_line: lines(&address.lines),
                political_division2: address.city.trim().to_owned(),
                political_division1: filled(address.state.as_deref().unwrap_or_default()),
                postcode_primary_low: filled(primary),
                postcode_extended_low: filled(extended),
                country_code: address.country.clone(),
            },
        },
    }
}

/// The given lines, the last taking whatever is more than three.
fn lines(given: &[String]) -> Vec<String> {
    let given: Vec<&str> = given
        .iter()
        .map(|line| line.trim())
        .filter(|line| !line.is_empty())
        .collect();
    let (head, tail) = given.split_at(given.len().min(LINES - 1));
    let mut lines: Vec<String> = head.iter().map(|line| (*line).to_owned()).collect();
    lines.extend(filled(&tail.join(" ")));
    lines
}

fn filled(text: &str) -> Option<String> {
    let text = text.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

/// What UPS says of an address.
pub(crate) fn verdict(given: &Address, result: Result<Answer, CallError>) -> Result<AddressVerdict, CallError> {
    match result {
        Ok(answer) => judge(given, &answer),
        Err(CallError::Refused(refusal)) if is_not_covered(&refusal.code, &refusal.message) => {
            Ok(AddressVerdict::NotCovered)
        }
        Err(error) => Err(error),
    }
}

/// 264xxx is Address Validation's own family; which of its codes means an unsupported country is not published.
fn is_not_covered(code: &str, message: &str) -> bool {
    let message = message.to_ascii_lowercase();
    code.starts_with("264") && message.contains("country") && message.contains("support")
}

fn judge(given: &Address, answer: &Answer) -> Result<AddressVerdict, CallError> {
    let unreadable = || {
        CallError::Later(Later::new(
            Obstacle::Unreachable,
            "the answer of address validation cannot be read",
        ))
    };
    let answer: AddressAnswer = answer::body(&answer.body, "XAVResponse").ok_or_else(unreadable)?;
    let candidates: Vec<Address> = answer
        .candidate
        .iter()
        .filter_map(|candidate| place(given, candidate))
        .collect();
    if answer.no_candidates_indicator {
        Ok(AddressVerdict::NotFound)
    } else if answer.ambiguous_address_indicator {
        Ok(AddressVerdict::Ambiguous { candidates })
    } else if answer.valid_address_indicator {
        Ok(compare(given, candidates))
    } else {
        Err(unreadable())
    }
}

fn compare(given: &Address, mut candidates: Vec<Address>) -> AddressVerdict {
    if let Some(same) = candidates
        .iter()
        .find(|candidate| spelling(given, candidate) == Spelling::Same)
    {
        return AddressVerdict::Valid {
            residential: same.residential,
        };
    }
    match (candidates.pop(), candidates.is_empty()) {
        (Some(address), true) => AddressVerdict::Corrected {
            correction: match spelling(given, &address) {
                Spelling::Formatted => Correction::Formatting,
                Spelling::Same | Spelling::Different => Correction::Substance,
            },
            residential: address.residential,
            address,
        },
        (last, _) => {
            candidates.extend(last);
            AddressVerdict::Ambiguous { candidates }
        }
    }
}

/// A candidate as an address: the place as UPS writes it, the people as they were given.
fn place(given: &Address, candidate: &Candidate) -> Option<Address> {
    let key = candidate.address_key_format.as_ref()?;
    Some(Address {
        lines: key.address_line.clone(),
        city: key.political_division2.clone()?,
        state: key.political_division1.clone(),
        postal_code: key
            .postcode_primary_low
            .as_deref()
            .map(|code| zip(code, key.postcode_extended_low.as_deref())),
        country: key.country_code.clone().unwrap_or_else(|| given.country.clone()),
        residential: residential(candidate.address_classification.as_ref()),
        ..given.clone()
    })
}

/// Leading zeros are lost where UPS sends a number.
fn zip(primary: &str, extended: Option<&str>) -> String {
    match extended {
        Some(extended) => format!("{primary:0>5}-{extended:0>4}"),
        None => format!("{primary:0>5}"),
    }
}

fn residential(class: Option<&Coded>) -> Option<bool> {
    match class.and_then(|class| class.code.as_deref()) {
        Some("1") => Some(false),
        Some("2") => Some(true),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(lines: &[&str], city: &str, state: &str, zip: &str) -> Address {
        Address {
            name: "Buyer LLC".into(),
            lines: lines.iter().map(|line| (*line).to_owned()).collect(),
            city: city.into(),
            state: Some(state.into()),
            postal_code: Some(zip.into()),
            country: "US".into(),
            ..Address::default()
        }
    }

    #[test]
    fn four_lines_are_asked_in_three_without_losing_a_word() {
        let question = question(&at(
            &["Attn Bob", "", "12 Main St", "Floor 2", "Ste 4"],
            "Town",
            "NY",
            "10001-1234",
        ));
        let key = question.request.address_key_format;
        assert_eq!(key.address_line, ["Attn Bob", "12 Main St", "Floor 2 Ste 4"]);
        assert_eq!(
            (
                key.postcode_primary_low.as_deref(),
                key.postcode_extended_low.as_deref()
            ),
            (Some("10001"), Some("1234"))
        );
    }
}
