//! How address validation judges US and Puerto Rican addresses.
//!
//! A table of addresses with their standard forms comes first, then towns whose every street is in the table. Any other
//! address is accepted if its ZIP code is one of its state's, so that anybody's test data works.

use super::places::zip_fits_state;

/// An address as asked about.
#[derive(Clone, Debug, Default)]
pub(crate) struct Question {
    pub(crate) company: String,
    pub(crate) lines: Vec<String>,
    pub(crate) city: String,
    pub(crate) state: String,
    pub(crate) zip: String,
}

/// What address validation says.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Verdict {
    /// It exists; its standard form.
    Valid(Standard),
    /// Several could be meant.
    Ambiguous(Vec<Standard>),
    /// Nothing like it is known.
    Unknown,
}

/// An address in its standard form.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Standard {
    pub(crate) lines: Vec<String>,
    pub(crate) city: String,
    pub(crate) state: String,
    pub(crate) zip: String,
    pub(crate) extension: String,
    pub(crate) class: Class,
}

/// Who is delivered to there.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Class {
    Unclassified,
    Commercial,
    Residential,
}

use Class::{Commercial, Residential};

/// Street, city, state, ZIP code, extension, classification.
type Row = (
    &'static str,
    &'static str,
    &'static str,
    &'static str,
    &'static str,
    Class,
);

const KNOWN: &[Row] = &[
    ("12380 MORRIS RD", "ALPHARETTA", "GA", "30005", "4616", Commercial),
    ("2311 YORK RD", "TIMONIUM", "MD", "21093", "2215", Commercial),
    ("350 5TH AVE", "NEW YORK", "NY", "10118", "0110", Commercial),
    (
        "1600 AMPHITHEATRE PKWY",
        "MOUNTAIN VIEW",
        "CA",
        "94043",
        "1351",
        Commercial,
    ),
    ("233 S WACKER DR", "CHICAGO", "IL", "60606", "7147", Commercial),
    ("1060 W ADDISON ST", "CHICAGO", "IL", "60613", "4566", Commercial),
    ("742 EVERGREEN TER", "SPRINGFIELD", "OR", "97477", "3402", Residential),
    (
        "26601 ALISO CREEK RD STE D",
        "ALISO VIEJO",
        "CA",
        "92656",
        "2882",
        Commercial,
    ),
    ("221 N MAIN ST", "GALENA", "IL", "61036", "1809", Commercial),
    ("221 S MAIN ST", "GALENA", "IL", "61036", "1834", Commercial),
    ("515 PROSPECT ST", "GALENA", "IL", "61036", "2111", Residential),
    ("7 NACO RD", "BISBEE", "AZ", "85603", "1102", Commercial),
    ("41 SUBWAY ST", "BISBEE", "AZ", "85603", "1521", Residential),
    ("302 W SAN ANTONIO ST", "MARFA", "TX", "79843", "0640", Commercial),
    ("1411 W SAN ANTONIO ST", "MARFA", "TX", "79843", "0217", Residential),
    ("100 MAIN ST APT 1", "MONTPELIER", "VT", "05602", "3001", Residential),
    ("100 MAIN ST APT 2", "MONTPELIER", "VT", "05602", "3001", Residential),
    ("100 MAIN ST APT 3", "MONTPELIER", "VT", "05602", "3001", Residential),
    ("1225 AVE PONCE DE LEON", "SAN JUAN", "PR", "00907", "3945", Commercial),
    ("54 CALLE FORTALEZA", "SAN JUAN", "PR", "00901", "1508", Residential),
    ("75 N 200 W", "MOAB", "UT", "84532", "2330", Residential),
    ("9 KEAWE ST", "HILO", "HI", "96720", "2801", Commercial),
    ("825 W 8TH AVE", "ANCHORAGE", "AK", "99501", "3427", Commercial),
];

/// Towns whose every street is in the table: another street there does not exist.
const COMPLETE_TOWNS: &[(&str, &str)] = &[
    ("GALENA", "IL"),
    ("BISBEE", "AZ"),
    ("MARFA", "TX"),
    ("MONTPELIER", "VT"),
];

/// Long words and the short ones of the standard form.
const SHORT: &[(&str, &str)] = &[
    ("STREET", "ST"),
    ("ROAD", "RD"),
    ("AVENUE", "AVE"),
    ("AVENIDA", "AVE"),
    ("BOULEVARD", "BLVD"),
    ("DRIVE", "DR"),
    ("LANE", "LN"),
    ("COURT", "CT"),
    ("PLACE", "PL"),
    ("PARKWAY", "PKWY"),
    ("TERRACE", "TER"),
    ("CIRCLE", "CIR"),
    ("HIGHWAY", "HWY"),
    ("SQUARE", "SQ"),
    ("SUITE", "STE"),
    ("APARTMENT", "APT"),
    ("FLOOR", "FL"),
    ("NORTH", "N"),
    ("SOUTH", "S"),
    ("EAST", "E"),
    ("WEST", "W"),
    ("FIFTH", "5TH"),
];

const COMPANY_WORDS: &[&str] = &[
    "INC", "LLC", "CORP", "LTD", "CO", "COMPANY", "GMBH", "LP", "GROUP", "STORE", "SUPPLY",
];

/// The verdict on an address in the US or Puerto Rico.
pub(crate) fn judge(question: &Question) -> Verdict {
    let street = standard_text(&question.lines.join(" "));
    if !street.contains(|character: char| character.is_ascii_digit()) {
        return Verdict::Unknown;
    }
    let (city, state) = (standard_text(&question.city), standard_text(&question.state));
    let near = |row: &&Row| row.2 == state && (row.1 == city || zip5(&question.zip) == row.3);
    if let Some(row) = KNOWN.iter().filter(near).find(|row| row.0 == street) {
        return Verdict::Valid(Standard::of(row));
    }
    let similar: Vec<Standard> = KNOWN
        .iter()
        .filter(near)
        .filter(|row| resembles(row.0, &street))
        .map(Standard::of)
        .collect();
    if !similar.is_empty() {
        return Verdict::Ambiguous(similar);
    }
    judge_unlisted(question, street, city, state)
}

fn judge_unlisted(question: &Question, street: String, city: String, state: String) -> Verdict {
    let complete = COMPLETE_TOWNS.contains(&(city.as_str(), state.as_str()));
    if complete || city.is_empty() || !zip_fits_state(&question.zip, &state) {
        return Verdict::Unknown;
    }
    let class = class_of(&question.company, &street);
    let extension = extension_of(&question.zip, &street);
    let lines = question
        .lines
        .iter()
        .map(|line| standard_text(line))
        .filter(|line| !line.is_empty())
        .collect();
    Verdict::Valid(Standard {
        lines,
        city,
        state,
        zip: zip5(&question.zip).to_owned(),
        extension,
        class,
    })
}

impl Standard {
    fn of(row: &Row) -> Self {
        let (street, city, state, zip, extension, class) = *row;
        Self {
            lines: vec![street.to_owned()],
            city: city.to_owned(),
            state: state.to_owned(),
            zip: zip.to_owned(),
            extension: extension.to_owned(),
            class,
        }
    }
}

/// The same street and number but for a direction or a unit that one of them lacks.
fn resembles(known: &str, asked: &str) -> bool {
    known != asked && core(known) == core(asked)
}

fn core(street: &str) -> Vec<&str> {
    let until_unit = street
        .split(' ')
        .take_while(|word| !matches!(*word, "APT" | "STE" | "FL" | "UNIT"));
    until_unit
        .filter(|word| !matches!(*word, "N" | "S" | "E" | "W"))
        .collect()
}

fn standard_text(text: &str) -> String {
    let clean: String = text.to_uppercase().replace(['.', ',', '#'], " ");
    let short = |word| {
        SHORT
            .iter()
            .find(|(long, _)| *long == word)
            .map_or(word, |(_, short)| *short)
    };
    clean.split_whitespace().map(short).collect::<Vec<_>>().join(" ")
}

fn class_of(company: &str, street: &str) -> Class {
    let has = |text: &str, words: &[&str]| standard_text(text).split(' ').any(|word| words.contains(&word));
    if has(street, &["APT", "UNIT"]) {
        Residential
    } else if has(street, &["STE", "FL", "DOCK"]) || has(company, COMPANY_WORDS) {
        Commercial
    } else {
        Residential
    }
}

fn zip5(zip: &str) -> &str {
    zip.get(..5).unwrap_or(zip)
}

/// The extension as sent, or one that the street always gets.
fn extension_of(zip: &str, street: &str) -> String {
    let sent: String = zip.chars().skip(5).filter(char::is_ascii_digit).collect();
    if sent.len() == 4 {
        return sent;
    }
    let sum: u32 = street.bytes().fold(7, |sum, byte| (sum * 31 + u32::from(byte)) % 8999);
    format!("{:04}", sum + 1000)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(line: &str, city: &str, state: &str, zip: &str) -> Verdict {
        let question = Question {
            lines: vec![line.to_owned()],
            city: city.to_owned(),
            state: state.to_owned(),
            zip: zip.to_owned(),
            ..Question::default()
        };
        judge(&question)
    }

    #[test]
    fn a_known_address_comes_back_in_standard_form_with_its_zip_put_right() {
        let Verdict::Valid(found) = ask("12380 Morris Road", "Alpharetta", "GA", "30004") else {
            panic!("not valid")
        };
        assert_eq!(
            (found.lines[0].as_str(), found.zip.as_str()),
            ("12380 MORRIS RD", "30005")
        );
        assert_eq!(found.class, Commercial);
    }

    #[test]
    fn a_street_without_its_direction_or_unit_is_ambiguous() {
        let Verdict::Ambiguous(found) = ask("221 Main St", "Galena", "IL", "61036") else {
            panic!("not ambiguous")
        };
        assert_eq!(found.len(), 2);
        let Verdict::Ambiguous(found) = ask("100 Main St", "Montpelier", "VT", "05602") else {
            panic!("not ambiguous")
        };
        assert_eq!(found.len(), 3);
    }

    #[test]
    fn nothing_is_known_of_a_street_that_is_not_there_or_a_zip_of_another_state() {
        assert_eq!(ask("1 Nowhere Lane", "Galena", "IL", "61036"), Verdict::Unknown);
        assert_eq!(ask("1 Pine St", "Denver", "CO", "30005"), Verdict::Unknown);
        assert_eq!(ask("Pine Street", "Denver", "CO", "80202"), Verdict::Unknown);
    }

    #[test]
    fn an_unlisted_address_whose_zip_fits_is_valid() {
        let Verdict::Valid(found) = ask("1 Pine Street, Suite 4", "Denver", "CO", "80202-1234") else {
            panic!("not valid")
        };
        assert_eq!(found.lines, ["1 PINE ST STE 4"]);
        assert_eq!(
            (found.zip.as_str(), found.extension.as_str(), found.class),
            ("80202", "1234", Commercial)
        );
    }
}
