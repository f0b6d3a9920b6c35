//! Whether a carrier's spelling of an address is the customer's: only an equal one is the same, abbreviations and the
//! extension of the postal code are formatting, everything else is substance.

use crate::domain::Address;

/// How two spellings of an address compare.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::systems) enum Spelling {
    /// Case and punctuation apart, they are one.
    Same,
    /// Only abbreviations, or the extension of the postal code, differ.
    Formatted,
    /// Something that decides the place differs.
    Different,
}

/// How a carrier's spelling compares with the given one.
pub(in crate::systems) fn spelling(given: &Address, candidate: &Address) -> Spelling {
    let zips = (postal_code(given), postal_code(candidate));
    let state = |address: &Address| {
        address
            .state
            .as_deref()
            .unwrap_or(&address.country)
            .trim()
            .to_uppercase()
    };
    let extended = WITH_EXTENSION.contains(&given.country.as_str());
    let decisive = |zip: &str| {
        if extended {
            zip.get(..5).map(str::to_owned)
        } else {
            Some(zip.to_owned())
        }
    };
    if decisive(&zips.0) != decisive(&zips.1) || state(given) != state(candidate) || given.country != candidate.country
    {
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

/// Countries whose postal codes are five digits with four more that narrow them.
const WITH_EXTENSION: [&str; 2] = ["US", "PR"];

/// A postal code as it is compared.
fn postal_code(address: &Address) -> String {
    let code = address.postal_code.as_deref();
    if WITH_EXTENSION.contains(&address.country.as_str()) {
        return zip_digits(code);
    }
    let code = code.unwrap_or_default().chars().filter(|c| c.is_alphanumeric());
    code.flat_map(char::to_uppercase).collect()
}

/// The digits of a postal code.
pub(in crate::systems) fn zip_digits(code: Option<&str>) -> String {
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
    fn outside_the_united_states_the_whole_postal_code_decides() {
        let given = Address {
            country: "CA".into(),
            ..at(&["12 rue des Pins"], "Laval", "QC", "H7N 0B2")
        };
        let written = |zip: &str| Address {
            postal_code: Some(zip.into()),
            ..given.clone()
        };
        assert_eq!(spelling(&given, &written("h7n0b2")), Spelling::Same);
        assert_eq!(spelling(&given, &written("H7N 0B3")), Spelling::Different);
    }

    #[test]
    fn a_hyphen_between_digits_belongs_to_the_number() {
        assert_eq!(
            words([&"37-12 80th St., Apt 1/2".to_owned()]),
            ["37-12", "80TH", "ST", "APT", "1/2"]
        );
        assert_eq!(words([&"O'Brien-Way #4".to_owned()]), ["OBRIENWAY", "#", "4"]);
    }
}
