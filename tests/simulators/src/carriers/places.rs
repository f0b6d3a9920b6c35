//! Geography enough for a carrier: ZIP codes by state, time zones, who is abroad for whom.

use jiff::tz::TimeZone;

/// An address as the simulator keeps it.
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize)]
pub struct Address {
    /// Street lines.
    pub lines: Vec<String>,
    /// City.
    pub city: String,
    /// State or province code; empty where there is none.
    pub state: String,
    /// Postal code.
    pub postal: String,
    /// ISO country code of two letters.
    pub country: String,
}

impl Address {
    /// The country for lanes: Puerto Rico counts as one of its own however it was written.
    pub(crate) fn territory(&self) -> &str {
        if self.country == "US" && self.state == "PR" {
            "PR"
        } else {
            &self.country
        }
    }

    /// The first three digits of the ZIP code as a number, for zones.
    pub(crate) fn zip3(&self) -> i64 {
        self.postal
            .get(..3)
            .and_then(|digits| digits.parse().ok())
            .unwrap_or(500)
    }

    /// The time zone of a scan there.
    pub(crate) fn time_zone(&self) -> TimeZone {
        TimeZone::get(zone_name(&self.country, &self.state)).unwrap_or(TimeZone::UTC)
    }
}

/// First three digits of the ZIP codes of each state: from, to, inclusive.
const ZIP_RANGES: &[(&str, u16, u16)] = &[
    ("AL", 350, 369),
    ("AK", 995, 999),
    ("AZ", 850, 865),
    ("AR", 716, 729),
    ("CA", 900, 961),
    ("CO", 800, 816),
    ("CT", 60, 69),
    ("DE", 197, 199),
    ("DC", 200, 205),
    ("DC", 569, 569),
    ("FL", 320, 349),
    ("GA", 300, 319),
    ("GA", 398, 399),
    ("HI", 967, 968),
    ("ID", 832, 838),
    ("IL", 600, 629),
    ("IN", 460, 479),
    ("IA", 500, 528),
    ("KS", 660, 679),
    ("KY", 400, 427),
    ("LA", 700, 714),
    ("ME", 39, 49),
    ("MD", 206, 219),
    ("MA", 10, 27),
    ("MA", 55, 55),
    ("MI", 480, 499),
    ("MN", 550, 567),
    ("MS", 386, 397),
    ("MO", 630, 658),
    ("MT", 590, 599),
    ("NE", 680, 693),
    ("NV", 889, 898),
    ("NH", 30, 38),
    ("NJ", 70, 89),
    ("NM", 870, 884),
    ("NY", 100, 149),
    ("NY", 5, 5),
    ("NC", 270, 289),
    ("ND", 580, 588),
    ("OH", 430, 459),
    ("OK", 730, 749),
    ("OR", 970, 979),
    ("PA", 150, 196),
    ("PR", 6, 9),
    ("RI", 28, 29),
    ("SC", 290, 299),
    ("SD", 570, 577),
    ("TN", 370, 385),
    ("TX", 750, 799),
    ("TX", 885, 885),
    ("UT", 840, 847),
    ("VT", 50, 59),
    ("VA", 201, 201),
    ("VA", 220, 246),
    ("WA", 980, 994),
    ("WV", 247, 268),
    ("WI", 530, 549),
    ("WY", 820, 831),
    ("VI", 8, 8),
    ("GU", 969, 969),
];

/// Whether a US ZIP code (5 or 9 digits, dash allowed) is one of that state's.
pub(crate) fn zip_fits_state(zip: &str, state: &str) -> bool {
    let digits = zip.replace('-', "");
    let whole = (digits.len() == 5 || digits.len() == 9) && digits.bytes().all(|byte| byte.is_ascii_digit());
    let prefix = digits.get(..3).and_then(|start| start.parse::<u16>().ok());
    let within = |start: u16| {
        ZIP_RANGES
            .iter()
            .any(|(of, from, to)| *of == state && (*from..=*to).contains(&start))
    };
    whole && prefix.is_some_and(within)
}

/// Whether a postal code has the country's form; countries not known here take anything but nothing.
pub(crate) fn postal_fits_country(postal: &str, country: &str) -> bool {
    let form: String = postal
        .chars()
        .filter(|character| !" -".contains(*character))
        .map(kind_of)
        .collect();
    match country {
        "US" | "PR" => form == "99999" || form == "999999999",
        "CA" => form == "A9A9A9",
        "DE" | "FR" | "ES" | "IT" | "MX" => form == "99999",
        "AU" | "AT" | "BE" | "CH" | "DK" => form == "9999",
        "NL" => form == "9999AA",
        "GB" => (5..=7).contains(&form.len()) && form.starts_with('A') && form.ends_with("9AA"),
        "IE" | "HK" | "AE" => true,
        _ => !form.is_empty(),
    }
}

fn kind_of(character: char) -> char {
    match character {
        letter if letter.is_ascii_alphabetic() => 'A',
        digit if digit.is_ascii_digit() => '9',
        other => other,
    }
}

/// Countries whose addresses need a state, province or county.
pub(crate) fn needs_state(country: &str) -> bool {
    matches!(country, "US" | "CA" | "VN" | "IE")
}

/// Countries that have postal codes and need them.
pub(crate) fn needs_postal(country: &str) -> bool {
    !matches!(country, "IE" | "HK" | "AE" | "PA" | "QA")
}

/// Members of the European Union, where duties do not arise between one another.
pub(crate) fn in_european_union(country: &str) -> bool {
    const MEMBERS: &str = "AT BE BG HR CY CZ DK EE FI FR DE GR HU IE IT LV LT LU MT NL PL PT RO SK SI ES SE";
    MEMBERS.split(' ').any(|member| member == country)
}

fn zone_name(country: &str, state: &str) -> &'static str {
    match (country, state) {
        ("US", "CA" | "OR" | "WA" | "NV") => "America/Los_Angeles",
        ("US", "AZ") => "America/Phoenix",
        ("US", "CO" | "ID" | "MT" | "NM" | "UT" | "WY") => "America/Denver",
        (
            "US",
            "AL" | "AR" | "IA" | "IL" | "KS" | "LA" | "MN" | "MO" | "MS" | "ND" | "NE" | "OK" | "SD" | "TN" | "TX"
            | "WI",
        ) => "America/Chicago",
        ("US", "AK") => "America/Anchorage",
        ("US", "HI") => "Pacific/Honolulu",
        ("US", "PR") | ("PR", _) => "America/Puerto_Rico",
        ("US", _) => "America/New_York",
        ("CA", "BC") => "America/Vancouver",
        ("CA", "AB") => "America/Edmonton",
        ("CA", _) => "America/Toronto",
        ("MX", _) => "America/Mexico_City",
        ("GB" | "IE", _) => "Europe/London",
        ("JP", _) => "Asia/Tokyo",
        ("AU", _) => "Australia/Sydney",
        (member, _) if in_european_union(member) || member == "CH" => "Europe/Berlin",
        _ => "UTC",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zips_belong_to_their_states() {
        assert!(zip_fits_state("30005", "GA") && zip_fits_state("30005-4616", "GA"));
        assert!(zip_fits_state("00901", "PR") && zip_fits_state("02101", "MA"));
        assert!(!zip_fits_state("30005", "CA"));
        assert!(!zip_fits_state("3000", "GA"));
    }

    #[test]
    fn postal_codes_have_their_countrys_form() {
        assert!(postal_fits_country("M5V 2T6", "CA") && !postal_fits_country("12345", "CA"));
        assert!(postal_fits_country("SW1A 1AA", "GB") && postal_fits_country("10115", "DE"));
    }
}
