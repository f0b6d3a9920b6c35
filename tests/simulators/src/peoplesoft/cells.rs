//! Values of a row and how they are printed: numbers, days, moments, blanks, codes and their long names.

use super::options::{MomentForm, Options};
use jiff::civil::{Date, DateTime};
use rust_decimal::Decimal;
use serde_json::{Value, json};

/// A value of a column.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Cell {
    Text(String),
    Integer(i64),
    Decimal(Decimal),
    Day(Date),
    Moment(DateTime),
}

/// The values of a row by column.
pub(super) type Row = Vec<(&'static str, Cell)>;

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        Self::Text(text.into())
    }
}

impl From<&String> for Cell {
    fn from(text: &String) -> Self {
        Self::Text(text.clone())
    }
}

impl From<i64> for Cell {
    fn from(number: i64) -> Self {
        Self::Integer(number)
    }
}

impl From<Decimal> for Cell {
    fn from(number: Decimal) -> Self {
        Self::Decimal(number)
    }
}

impl From<Date> for Cell {
    fn from(day: Date) -> Self {
        Self::Day(day)
    }
}

impl From<DateTime> for Cell {
    fn from(moment: DateTime) -> Self {
        Self::Moment(moment)
    }
}

impl Cell {
    /// A flag of the records: `Y` or `N`.
    pub(super) fn flag(set: bool) -> Self {
        Self::from(if set { "Y" } else { "N" })
    }

    /// The value in JSON.
    pub(super) fn json(&self, column: &str, options: &Options) -> Value {
        match self {
            Self::Integer(number) if !options.numbers_as_strings => json!(number),
            Self::Decimal(number) if !options.numbers_as_strings => plain_number(*number),
            _ => Value::String(self.text(column, options)),
        }
    }

    /// The value as text.
    pub(super) fn text(&self, column: &str, options: &Options) -> String {
        match self {
            Self::Text(text) if text.trim().is_empty() => blank(options),
            Self::Text(code) if options.two_letter_countries && COUNTRIES.contains(&column) => two_letters(code).into(),
            Self::Text(code) if options.descriptions => long_name(column, code).unwrap_or(code).into(),
            Self::Text(text) => text.clone(),
            Self::Integer(number) => number.to_string(),
            Self::Decimal(number) => format!("{number:.4}"),
            Self::Day(day) => day.to_string(),
            Self::Moment(moment) => printed(*moment, options.moments),
        }
    }
}

const COUNTRIES: [&str; 2] = ["COUNTRY", "COUNTRY_IST_ORIGIN"];

fn two_letters(code: &str) -> &str {
    let known = [
        ("USA", "US"),
        ("CAN", "CA"),
        ("MEX", "MX"),
        ("DEU", "DE"),
        ("PRI", "PR"),
    ];
    let pair = known.iter().find(|(three, _)| *three == code);
    pair.map_or(code, |(_, two)| two)
}

fn blank(options: &Options) -> String {
    if options.blank_is_space {
        " ".into()
    } else {
        String::new()
    }
}

fn plain_number(number: Decimal) -> Value {
    serde_json::from_str(&number.normalize().to_string()).unwrap_or(Value::Null)
}

/// A moment as the database server prints it.
pub(super) fn printed(moment: DateTime, form: MomentForm) -> String {
    let pattern = match form {
        MomentForm::Iso => "%Y-%m-%dT%H:%M:%S",
        MomentForm::Spaced => "%Y-%m-%d %H:%M:%S",
        MomentForm::Dotted => "%Y-%m-%d-%H.%M.%S.%6f",
    };
    moment.strftime(pattern).to_string()
}

/// The moment of a prompt, in either of the two forms that are in use.
pub(super) fn read_moment(text: &str) -> Option<DateTime> {
    let patterns = ["%Y-%m-%d %H:%M:%S", "%Y-%m-%d-%H.%M.%S%.f"];
    patterns
        .into_iter()
        .find_map(|pattern| DateTime::strptime(pattern, text).ok())
}

/// The long name of a code, for the columns whose codes have one.
pub(super) fn long_name(column: &str, code: &str) -> Option<&'static str> {
    let names: &[(&str, &str)] = match column {
        "PO_STATUS" => &[
            ("A", "Approved"),
            ("C", "Complete"),
            ("D", "Dispatched"),
            ("DA", "Denied"),
            ("I", "Initial"),
            ("LD", "Line Denied"),
            ("O", "Open"),
            ("PA", "Pending Approval"),
            ("PX", "Pending Cancel"),
            ("X", "Canceled"),
        ],
        "REQ_STATUS" => &[
            ("A", "Approved"),
            ("C", "Complete"),
            ("D", "Denied"),
            ("I", "Initial"),
            ("LA", "Line Approved"),
            ("O", "Open"),
            ("P", "Pending"),
            ("X", "Canceled"),
        ],
        "CANCEL_STATUS" => &[
            ("A", "Active"),
            ("C", "Closed"),
            ("D", "Denied"),
            ("H", "Hold"),
            ("O", "Open"),
            ("P", "Pending"),
            ("X", "Canceled"),
        ],
        "EFF_STATUS" => &[("A", "Active"), ("I", "Inactive")],
        _ => &[],
    };
    names.iter().find(|(short, _)| *short == code).map(|(_, long)| *long)
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    #[test]
    fn both_forms_of_a_prompt_are_read() {
        let noon = date(2026, 2, 3).at(12, 0, 5, 0);
        assert_eq!(read_moment("2026-02-03 12:00:05"), Some(noon));
        assert_eq!(read_moment("2026-02-03-12.00.05.000000"), Some(noon));
        assert_eq!(read_moment("2026-02-03T12:00:05Z"), None);
        assert_eq!(printed(noon, MomentForm::Dotted), "2026-02-03-12.00.05.000000");
    }

    #[test]
    fn numbers_are_numbers_or_strings() {
        let mut options = Options::default();
        let cell = Cell::from(Decimal::new(25, 1));
        assert_eq!(cell.json("QTY_PO", &options), json!(2.5));
        assert_eq!(Cell::from(Decimal::new(20, 1)).json("QTY_PO", &options), json!(2));
        options.numbers_as_strings = true;
        assert_eq!(cell.json("QTY_PO", &options), json!("2.5000"));
    }
}
