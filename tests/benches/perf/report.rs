//! What was measured, beside what it is measured by: as a table for people, as Markdown, as JSON.

use std::fmt::Write as _;

use serde_json::{Map, Value, json};

/// One figure and its yardstick.
#[derive(Debug, Clone)]
pub(crate) struct Row {
    /// Of what, with a slash between a thing and its part; empty where the section has one figure only.
    pub(crate) of: String,
    pub(crate) ours: f64,
    pub(crate) yardstick: Option<f64>,
}

impl Row {
    pub(crate) fn new(of: impl Into<String>, ours: f64, yardstick: impl Into<Option<f64>>) -> Self {
        Self {
            of: of.into(),
            ours,
            yardstick: yardstick.into(),
        }
    }

    /// Ours by the yardstick; what is as it should be where both are nothing.
    fn ratio(&self) -> Option<f64> {
        match self.yardstick? {
            0.0 if self.ours == 0.0 => Some(1.0),
            0.0 => None,
            yardstick => Some(self.ours / yardstick),
        }
    }
}

/// Figures of one kind.
#[derive(Debug, Clone)]
pub(crate) struct Section {
    /// The key in the JSON.
    pub(crate) key: &'static str,
    /// For people.
    pub(crate) title: &'static str,
    pub(crate) unit: &'static str,
    /// What the yardstick is.
    pub(crate) yardstick: &'static str,
    /// What is aimed at.
    pub(crate) aim: &'static str,
    /// Of how many runs each figure is the median; one where it is counted or weighed.
    pub(crate) runs: usize,
    pub(crate) rows: Vec<Row>,
}

impl Section {
    fn json(&self) -> Value {
        let part = |value: &dyn Fn(&Row) -> Option<f64>| match self.rows.as_slice() {
            [single] if single.of.is_empty() => json!(value(single).map(rounded)),
            rows => {
                let mut all = Map::new();
                for row in rows {
                    insert(&mut all, &row.of, json!(value(row).map(rounded)));
                }
                Value::Object(all)
            }
        };
        json!({
            "unit": self.unit, "runs": self.runs, "aim": self.aim, "yardstick_is": self.yardstick,
            "ours": part(&|row| Some(row.ours)), "yardstick": part(&|row| row.yardstick), "ratio": part(&Row::ratio),
        })
    }

    fn lines(&self) -> Vec<[String; 4]> {
        let shown = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), figure);
        let lines = self.rows.iter().map(|row| {
            let ratio = row
                .ratio()
                .map_or_else(|| "-".to_owned(), |ratio| format!("{ratio:.2}"));
            [
                row.of.replace('/', ", ").replace('|', "/"),
                figure(row.ours),
                shown(row.yardstick),
                ratio,
            ]
        });
        lines.collect()
    }
}

/// Puts a value under a path of names.
fn insert(all: &mut Map<String, Value>, path: &str, value: Value) {
    match path.split_once('/') {
        None => drop(all.insert(path.replace('|', "/"), value)),
        Some((first, rest)) => {
            if let Some(inner) = all.entry(first).or_insert_with(|| json!({})).as_object_mut() {
                insert(inner, rest, value);
            }
        }
    }
}

fn rounded(value: f64) -> f64 {
    (value * 1000.0).round() / 1000.0
}

fn figure(value: f64) -> String {
    match value {
        value if value.fract() == 0.0 || value.abs() >= 1000.0 => format!("{value:.0}"),
        value => format!("{value:.2}"),
    }
}

/// One document with all sections.
pub(crate) fn json(sections: &[Section]) -> Value {
    let all = sections.iter().map(|section| (section.key.to_owned(), section.json()));
    Value::Object(all.collect())
}

/// Tables for a terminal.
pub(crate) fn table(sections: &[Section]) -> String {
    let mut text = String::new();
    for section in sections {
        let lines = section.lines();
        let width = lines
            .iter()
            .map(|line| line[0].chars().count())
            .max()
            .unwrap_or(0)
            .max(12);
        let _ = writeln!(
            text,
            "{}, {}; yardstick: {}",
            section.title, section.unit, section.yardstick
        );
        let _ = writeln!(text, "  aim: {}; {}", section.aim, told(section.runs));
        let _ = writeln!(
            text,
            "  {:width$}  {:>10}  {:>10}  {:>6}",
            "", "ours", "yardstick", "ratio"
        );
        for [of, ours, yardstick, ratio] in lines {
            let _ = writeln!(text, "  {of:width$}  {ours:>10}  {yardstick:>10}  {ratio:>6}");
        }
        text.push('\n');
    }
    text
}

/// The same as Markdown.
pub(crate) fn markdown(sections: &[Section]) -> String {
    let mut text = String::new();
    for section in sections {
        let (title, unit) = (section.title, section.unit);
        let _ = writeln!(
            text,
            "### {title}\n\nYardstick: {}. Aim: {}. {}.\n",
            section.yardstick,
            section.aim,
            {
                let mut runs = told(section.runs);
                runs[..1].make_ascii_uppercase();
                runs
            }
        );
        let _ = writeln!(text, "| | ours, {unit} | yardstick | ratio |\n|---|---:|---:|---:|");
        for [of, ours, yardstick, ratio] in section.lines() {
            let _ = writeln!(text, "| {of} | {ours} | {yardstick} | {ratio} |");
        }
        text.push('\n');
    }
    text
}

fn told(runs: usize) -> String {
    match runs {
        0 | 1 => "counted once".to_owned(),
        runs => format!("median of {runs} runs"),
    }
}

/// The figure in the middle.
pub(crate) fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    let upper = figures.get(figures.len() / 2).copied().unwrap_or(f64::NAN);
    match figures.len() % 2 {
        0 => f64::midpoint(
            figures
                .get((figures.len() / 2).saturating_sub(1))
                .copied()
                .unwrap_or(upper),
            upper,
        ),
        _ => upper,
    }
}
