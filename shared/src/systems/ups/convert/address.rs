//! Street validation: the question, and a verdict that never takes UPS's spelling for the customer's.
//!
//! UPS says "valid" also when it has put an address right or has lost a suite. Only an equal spelling is valid here;
//! abbreviations and the extension of the postal code are formatting; everything else is substance.

use crate::domain::{Address, AddressVerdict, Correction};
use crate::http::Answer;
use crate::ports::{CallError, Later, Obstacle};
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

// ---- spelling ----------------------------------------------------------------------------------------------------

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Spelling {
    Same,
    Formatted,
    Different,
}

fn spelling(given: &Address, candidate: &Address) -> Spelling {
    let zips = (
        zip_digits(given.postal_code.as_deref()),
        zip_digits(candidate.postal_code.as_deref()),
    );
    let state = |address: &Address| {
        address
            .state
            .as_deref()
            .unwrap_or(&address.country)
            .trim()
            .to_uppercase()
    };
    let five = |zip: &str| zip.get(..5).map(str::to_owned);
    if five(&zips.0) != five(&zips.1) || state(given) != state(candidate) || given.country != candidate.country {
        return Spelling::Different;
    }
    let streets = (words(&given.lines), words(&candidate.lines));
    let cities = (words([&given.city]), words([&candidate.city]));
    if streets.0 == streets.1 && cities.0 == cities.1 && zips.0 == zips.1 {
        Spelling::Same
    } else if abbreviated_street(&streets.0, &streets.1) && abbreviated(&cities.0) == abbreviated(&cities.1) {
        Spelling::Formatted
    } else {
        Spelling::Different
    }
}

fn zip_digits(code: Option<&str>) -> String {
    code.unwrap_or_default().chars().filter(char::is_ascii_digit).collect()
}

/// Upper-case words without punctuation, except what stands between two digits ("12-14" is not 1214) and "#".
fn words<'a>(lines: impl IntoIterator<Item = &'a String>) -> Vec<String> {
    let spaced = |line: &String| line.replace('#', " # ").replace(',', " ").to_uppercase();
    let text = lines.into_iter().map(spaced).collect::<Vec<_>>().join(" ");
    text.split_whitespace()
        .map(bare)
        .filter(|word| !word.is_empty())
        .collect()
}

fn bare(word: &str) -> String {
    let characters: Vec<char> = word.chars().collect();
    let digit = |at: Option<usize>| at.and_then(|at| characters.get(at)).is_some_and(char::is_ascii_digit);
    let kept = |(at, c): &(usize, &char)| {
        c.is_alphanumeric() || **c == '#' || (digit(at.checked_sub(1)) && digit(Some(at + 1)))
    };
    characters.iter().enumerate().filter(kept).map(|(_, c)| *c).collect()
}

/// Designators of a part of a building: "#" stands for any of them.
const DESIGNATORS: [&str; 7] = ["STE", "APT", "UNIT", "RM", "FL", "BLDG", "#"];

fn abbreviated_street(given: &[String], candidate: &[String]) -> bool {
    let (mut given, mut candidate) = (abbreviated(given), abbreviated(candidate));
    if given.contains(&"#") || candidate.contains(&"#") {
        given.retain(|word| !DESIGNATORS.contains(word));
        candidate.retain(|word| !DESIGNATORS.contains(word));
    }
    given == candidate
}

fn abbreviated(words: &[String]) -> Vec<&str> {
    words.iter().map(|word| short(word)).collect()
}

/// One spelling for all spellings of a word that a street or town is abbreviated by.
fn short(word: &str) -> &str {
    ABBREVIATIONS
        .iter()
        .find(|spellings| spellings.contains(&word))
        .and_then(|spellings| spellings.first())
        .copied()
        .unwrap_or(word)
}

const ABBREVIATIONS: [&[&str]; 47] = [
    &["ST", "STREET", "STR", "SAINT"],
    &["AVE", "AVENUE", "AV"],
    &["RD", "ROAD"],
    &["DR", "DRIVE"],
    &["BLVD", "BOULEVARD"],
    &["LN", "LANE"],
    &["CT", "COURT"],
    &["PL", "PLACE"],
    &["CIR", "CIRCLE"],
    &["HWY", "HIGHWAY"],
    &["PKWY", "PARKWAY", "PKY"],
    &["SQ", "SQUARE"],
    &["TER", "TERRACE"],
    &["TRL", "TRAIL"],
    &["WAY", "WY"],
    &["PLZ", "PLAZA"],
    &["EXPY", "EXPRESSWAY"],
    &["FWY", "FREEWAY"],
    &["TPKE", "TURNPIKE"],
    &["ALY", "ALLEY"],
    &["XING", "CROSSING"],
    &["CTR", "CENTER", "CENTRE"],
    &["HTS", "HEIGHTS"],
    &["LNDG", "LANDING"],
    &["RDG", "RIDGE"],
    &["PT", "POINT"],
    &["PARK", "PK"],
    &["N", "NORTH"],
    &["S", "SOUTH"],
    &["E", "EAST"],
    &["W", "WEST"],
    &["NE", "NORTHEAST"],
    &["NW", "NORTHWEST"],
    &["SE", "SOUTHEAST"],
    &["SW", "SOUTHWEST"],
    &["STE", "SUITE"],
    &["APT", "APARTMENT"],
    &["UNIT", "UNT"],
    &["RM", "ROOM"],
    &["FL", "FLOOR", "FLR"],
    &["BLDG", "BUILDING"],
    &["DEPT", "DEPARTMENT"],
    &["FT", "FORT"],
    &["MT", "MOUNT"],
    &["RTE", "ROUTE"],
    &["SPC", "SPACE"],
    &["LOT", "LT"],
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

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

    fn compare_to(lines: &[&str], city: &str, zip: &str) -> Spelling {
        let given = at(
            &["12380 North Morris Road", "Suite 200"],
            "Saint Marys",
            "GA",
            "30005-4616",
        );
        spelling(&given, &at(lines, city, "GA", zip))
    }

    #[test]
    fn no_abbreviation_means_two_words() {
        let all: Vec<&str> = ABBREVIATIONS
            .iter()
            .flat_map(|spellings| spellings.iter().copied())
            .collect();
        assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), all.len());
    }

    #[test]
    fn case_and_punctuation_fold_abbreviations_are_formatting_and_the_rest_is_substance() {
        use Spelling::{Different, Formatted, Same};
        let town = "SAINT MARYS";
        assert_eq!(
            compare_to(&["12380 NORTH MORRIS ROAD SUITE 200"], town, "30005-4616"),
            Same
        );
        assert_eq!(
            compare_to(&["12380 N. Morris Rd", "Ste 200"], "St. Marys", "30005-4616"),
            Formatted
        );
        assert_eq!(
            compare_to(&["12380 NORTH MORRIS ROAD # 200"], town, "30005-4616"),
            Formatted
        );
        assert_eq!(
            compare_to(&["12380 NORTH MORRIS ROAD SUITE 200"], town, "30005"),
            Formatted
        );
        assert_eq!(
            compare_to(&["12380 N MORRIS RD"], town, "30005-4616"),
            Different,
            "the suite is lost"
        );
        assert_eq!(
            compare_to(&["12830 N MORRIS RD", "STE 200"], town, "30005-4616"),
            Different
        );
        assert_eq!(
            compare_to(&["12380 S MORRIS RD", "STE 200"], town, "30005-4616"),
            Different
        );
        assert_eq!(
            compare_to(&["12380 N MORRIS RD", "STE 200"], "ALPHARETTA", "30005-4616"),
            Different
        );
        assert_eq!(
            compare_to(&["12380 N MORRIS RD", "STE 200"], town, "30004-4616"),
            Different
        );
    }

    #[test]
    fn a_hyphen_between_digits_belongs_to_the_number() {
        assert_eq!(
            words([&"37-12 80th St., Apt 1/2".to_owned()]),
            ["37-12", "80TH", "ST", "APT", "1/2"]
        );
        assert_eq!(words([&"O'Brien-Way #4".to_owned()]), ["OBRIENWAY", "#", "4"]);
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
