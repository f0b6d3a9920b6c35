//! What a command prints: a table or one JSON document on stdout, everything else on stderr; and how it asks.

use std::fmt;
use std::io::{BufRead, IsTerminal, Write};
use std::process::ExitCode;

use comfy_table::Table;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::Serialize;
use serde_json::{Value, json};
use waybill::connection::Mistake;
use waybill::ports::StoreError;

use crate::Common;

/// What a command has to say, for people and for programs.
#[derive(Debug)]
pub(crate) struct Answer {
    json: Value,
    text: String,
    failed: bool,
}

impl Answer {
    pub(crate) fn new(document: &impl Serialize, text: impl Into<String>) -> Result<Self, Failure> {
        let json = serde_json::to_value(document)
            .map_err(|error| Failure::new(format!("the answer cannot be written as JSON: {error}")))?;
        Ok(Self {
            json,
            text: text.into(),
            failed: false,
        })
    }

    #[cfg(test)]
    pub(crate) fn for_people(self) -> (String, bool) {
        (self.text, self.failed)
    }

    /// The answer is complete, and what it tells is a failure.
    pub(crate) fn failed_if(self, failed: bool) -> Self {
        Self { failed, ..self }
    }
}

/// Why a command did not do what was asked; the text says what to do.
#[derive(Debug)]
pub(crate) enum Failure {
    Said(String),
    /// Everything that is wrong with a file.
    Mistakes {
        file: String,
        mistakes: Vec<Mistake>,
    },
}

impl Failure {
    pub(crate) fn new(text: impl Into<String>) -> Self {
        Self::Said(text.into())
    }

    fn json(&self) -> Value {
        match self {
            Self::Said(text) => json!({ "error": text }),
            Self::Mistakes { file, mistakes } => {
                json!({ "error": format!("{file} is refused"), "mistakes": mistakes })
            }
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Said(text) => f.write_str(text),
            Self::Mistakes { file, mistakes } => {
                let list = waybill::connection::list(mistakes);
                write!(f, "{file} is refused; mistakes: {}\n{list}", mistakes.len())
            }
        }
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::new(format!(
            "{error}. Nothing is lost: say it again; if it stays, check the region, the credentials and the stack"
        ))
    }
}

/// Prints what came of a command: with `json` one document on stdout, whatever came.
pub(crate) fn finish(outcome: Result<Answer, Failure>, json: bool) -> ExitCode {
    let (out, err, failed) = printed(outcome, json);
    // A reader that went away (`| head`) is no failure of the command.
    drop(std::io::stdout().write_all(out.as_bytes()));
    drop(std::io::stderr().write_all(err.as_bytes()));
    if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

/// What goes to stdout, what goes to stderr, and whether the command failed.
fn printed(outcome: Result<Answer, Failure>, json: bool) -> (String, String, bool) {
    match outcome {
        Ok(answer) if json => (line(&format!("{:#}", answer.json)), String::new(), answer.failed),
        Ok(answer) => (line(&answer.text), String::new(), answer.failed),
        Err(failure) if json => (
            line(&format!("{:#}", failure.json())),
            line(&format!("error: {failure}")),
            true,
        ),
        Err(failure) => (String::new(), line(&format!("error: {failure}")), true),
    }
}

fn line(text: &str) -> String {
    format!("{}\n", text.trim_end())
}

/// Tells something beside the answer.
pub(crate) fn note(text: &str) {
    drop(std::io::stderr().write_all(line(text).as_bytes()));
}

/// A table without lines, as people like to grep it.
pub(crate) fn table<const N: usize>(header: [&str; N], rows: impl IntoIterator<Item = [String; N]>) -> String {
    let mut table = Table::new();
    table.load_style(comfy_table::presets::NOTHING);
    table.set_header(header.map(str::to_uppercase));
    table.add_rows(rows.into_iter().map(Vec::from));
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    let lines: Vec<String> = table.lines().map(|line| line.trim_end().to_owned()).collect();
    lines.join("\n")
}

/// A document as two columns: each value with its path. What is empty is left out.
pub(crate) fn facts(document: &impl Serialize) -> String {
    let mut rows = Vec::new();
    let document = serde_json::to_value(document).unwrap_or_default();
    collect("", &document, &mut rows);
    table(["what", "value"], rows)
}

fn collect(path: &str, value: &Value, rows: &mut Vec<[String; 2]>) {
    let inner = |key: &str| {
        if path.is_empty() {
            key.to_owned()
        } else {
            format!("{path}.{key}")
        }
    };
    match value {
        Value::Null => {}
        Value::Object(fields) => fields.iter().for_each(|(key, value)| collect(&inner(key), value, rows)),
        Value::Array(values) if values.iter().any(Value::is_object) => {
            let numbered = values.iter().enumerate();
            numbered.for_each(|(number, value)| collect(&inner(&(number + 1).to_string()), value, rows));
        }
        Value::Array(values) => {
            let texts: Vec<String> = values.iter().map(bare).collect();
            if !texts.is_empty() {
                rows.push([path.to_owned(), texts.join(", ")]);
            }
        }
        other => rows.push([path.to_owned(), bare(other)]),
    }
}

fn bare(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// A time as people read it.
pub(crate) fn when(at: Timestamp) -> String {
    at.to_zoned(TimeZone::UTC).strftime("%Y-%m-%d %H:%M:%S UTC").to_string()
}

impl Common {
    /// Who does this: as said, else whom the operating system knows.
    pub(crate) fn by(&self) -> Result<String, Failure> {
        let said = self.by.clone().or_else(system_user);
        let by = said.map(|by| by.trim().to_owned()).filter(|by| !by.is_empty());
        by.ok_or_else(|| Failure::new("it is recorded who does this: say --by NAME"))
    }

    /// Says what will happen, and asks, unless `--yes` was said.
    pub(crate) fn confirm(&self, what: &str) -> Result<(), Failure> {
        note(&format!("This will happen: {what}."));
        let terminal = std::io::stdin().is_terminal() && std::io::stderr().is_terminal();
        allowed(self.yes, terminal, ask)
    }
}

fn system_user() -> Option<String> {
    let whoami = std::process::Command::new("whoami").output().ok()?;
    String::from_utf8(whoami.stdout).ok()
}

fn ask() -> String {
    prompt("Go on? [y/N] ").unwrap_or_default()
}

/// Asks for one line on stderr.
pub(crate) fn prompt(question: &str) -> Result<String, Failure> {
    drop(std::io::stderr().write_all(question.as_bytes()));
    let mut answer = String::new();
    let read = std::io::stdin().lock().read_line(&mut answer);
    read.map(|_| answer)
        .map_err(|error| Failure::new(format!("the answer cannot be read: {error}")))
}

fn allowed(yes: bool, terminal: bool, ask: impl FnOnce() -> String) -> Result<(), Failure> {
    match (yes, terminal) {
        (true, _) => Ok(()),
        (false, false) => Err(Failure::new(
            "nothing was done: nobody is at a terminal to ask, so say --yes",
        )),
        (false, true) if matches!(ask().trim(), "y" | "Y" | "yes") => Ok(()),
        (false, true) => Err(Failure::new("nothing was done")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mistakes() -> Failure {
        Failure::Mistakes {
            file: "acme.toml".to_owned(),
            mistakes: vec![
                Mistake::new("packing.maximum_weight", "is \"heavy\"", "a weight like \"150 lb\""),
                Mistake::missing("tenant", "a name"),
            ],
        }
    }

    #[test]
    fn with_json_stdout_is_exactly_one_document_whatever_came() {
        let answer = Answer::new(&json!({ "paused": true }), "acme is paused").unwrap();
        for outcome in [Ok(answer), Err(Failure::new("no")), Err(mistakes())] {
            let (out, _, _) = printed(outcome, true);
            let documents = serde_json::Deserializer::from_str(&out).into_iter::<Value>();
            assert_eq!(documents.filter(Result::is_ok).count(), 1, "{out}");
        }
        let (out, _, failed) = printed(Err(mistakes()), true);
        let document: Value = serde_json::from_str(&out).unwrap();
        assert_eq!(document["mistakes"][0]["path"], "packing.maximum_weight");
        assert!(failed);
    }

    #[test]
    fn for_people_every_mistake_is_a_line_on_stderr_and_stdout_stays_empty() {
        let (out, err, failed) = printed(Err(mistakes()), false);
        assert!(failed && out.is_empty());
        assert_eq!(
            err,
            "error: acme.toml is refused; mistakes: 2\n  \
             packing.maximum_weight: is \"heavy\"; allowed: a weight like \"150 lb\"\n  \
             tenant: is missing; allowed: a name\n"
        );
    }

    #[test]
    fn a_finding_that_failed_is_an_answer_and_a_failure() {
        let answer = Answer::new(&json!([]), "nothing works").unwrap().failed_if(true);
        assert_eq!(
            printed(Ok(answer), false),
            ("nothing works\n".to_owned(), String::new(), true)
        );
    }

    #[test]
    fn what_spends_is_asked_for_and_without_anybody_there_wants_yes() {
        let never = || panic!("asked");
        assert!(allowed(true, false, never).is_ok());
        assert!(allowed(false, false, never).is_err());
        assert!(allowed(false, true, || "y\n".to_owned()).is_ok());
        for no in ["", "n\n", "yep\n"] {
            assert!(allowed(false, true, || no.to_owned()).is_err(), "{no:?}");
        }
    }

    #[test]
    fn a_document_reads_as_rows_of_paths_and_values() {
        let shown =
            facts(&json!({ "id": "acme", "erp": { "system": "netsuite", "base_url": null }, "allowed": ["03", "12"] }));
        let rows: Vec<Vec<&str>> = shown.lines().map(|line| line.split_whitespace().collect()).collect();
        assert!(rows.contains(&vec!["erp.system", "netsuite"]), "{shown}");
        assert!(rows.contains(&vec!["allowed", "03,", "12"]), "{shown}");
        assert!(!shown.contains("base_url"));
    }
}
