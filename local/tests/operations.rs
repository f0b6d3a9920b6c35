//! The runbook, `docs/operations.md`, is about the template's alarms as they are.

#![cfg(test)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use local::place::Place;
use local::template::Template;

/// What a section must say, each as the beginning of a paragraph of its own.
const SAYS: [&str; 5] = ["**Means.**", "**How bad.**", "**Look first.**", "**Mend.**", "**Over**"];

/// The chapter with a section for each alarm.
const ALARMS: &str = "## Alarms";

/// The chapter with what is counted and rings nowhere.
const FIGURES: &str = "## Figures without an alarm";

fn runbook() -> String {
    fs::read_to_string(Place::kept().root().join("docs/operations.md")).unwrap()
}

/// The chapter of this heading, without it.
fn chapter<'a>(text: &'a str, heading: &str) -> &'a str {
    let (_, rest) = text.split_once(&format!("\n{heading}\n")).unwrap_or_default();
    rest.split("\n## ").next().unwrap_or_default()
}

/// The sections of the chapter on alarms, by the alarms that their headings name: one, or several that are mended alike. Of an alarm
/// with two sections the texts stand in a row.
fn sections(text: &str) -> BTreeMap<String, Vec<String>> {
    let mut sections: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for section in chapter(text, ALARMS).split("\n### ").skip(1) {
        let (heading, body) = section.split_once('\n').unwrap_or((section, ""));
        for alarm in heading.split(", ") {
            sections.entry(alarm.to_owned()).or_default().push(body.to_owned());
        }
    }
    sections
}

/// What does not agree between the alarms and the runbook.
fn faults(alarms: &BTreeSet<String>, text: &str) -> Vec<String> {
    let sections = sections(text);
    let missing = alarms.iter().filter(|alarm| !sections.contains_key(*alarm));
    let mut faults: Vec<String> = missing.map(|alarm| format!("{alarm} has no section")).collect();
    for (heading, bodies) in &sections {
        if !alarms.contains(heading) {
            faults.push(format!("{heading} is no alarm of the template"));
        }
        if bodies.len() > 1 {
            faults.push(format!("{heading} has {} sections", bodies.len()));
        }
        let says = |part: &&str| bodies.iter().any(|body| body.contains(&format!("\n{part}")));
        let unsaid = SAYS.iter().filter(|part| !says(part));
        faults.extend(unsaid.map(|part| format!("{heading} does not say {part}")));
    }
    faults
}

#[test]
fn every_alarm_has_one_section_of_the_runbook_and_every_section_is_an_alarms() {
    let template = fs::read_to_string(Place::kept().template()).unwrap();
    let template = Template::parse(&template).unwrap();
    let resources = template.json()["Resources"].as_object().unwrap();
    let alarms = resources
        .iter()
        .filter(|(_, one)| one["Type"] == "AWS::CloudWatch::Alarm");
    let alarms: BTreeSet<String> = alarms.map(|(name, _)| name.clone()).collect();
    assert!(alarms.len() > 15, "{alarms:?}");
    let faults = faults(&alarms, &runbook());
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn a_section_that_is_missing_superfluous_double_or_incomplete_is_found() {
    let alarms = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<BTreeSet<_>>();
    let body = SAYS.map(|part| format!("\n{part} x\n")).concat();
    let text = format!("# x\n\n{ALARMS}\n\n### A\n{body}\n### B\n{body}\n## Other\n\n### C\n");
    assert_eq!(faults(&alarms(&["A", "B"]), &text), Vec::<String>::new());
    let together = text.replace("### B", "### B, D");
    assert_eq!(faults(&alarms(&["A", "B", "D"]), &together), Vec::<String>::new());
    assert_eq!(faults(&alarms(&["A", "B", "D"]), &text), ["D has no section"]);
    assert_eq!(faults(&alarms(&["A"]), &text), ["B is no alarm of the template"]);
    let twice = text.replace("### B", "### A");
    assert_eq!(faults(&alarms(&["A"]), &twice), ["A has 2 sections"]);
    let silent = text.replacen("**Mend.**", "", 1);
    assert_eq!(faults(&alarms(&["A", "B"]), &silent), ["A does not say **Mend.**"]);
}

/// A figure that nobody counts is looked for in vain.
#[test]
fn every_figure_of_the_runbook_is_counted_by_some_code() {
    let mut code = String::new();
    let mut folders = vec![
        Place::kept().root().join("shared/src"),
        Place::kept().root().join("functions"),
    ];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                code.push_str(&fs::read_to_string(path).unwrap());
            }
        }
    }
    let text = runbook();
    let rows = chapter(&text, FIGURES).lines().filter(|line| line.starts_with("| `"));
    let cells = rows.filter_map(|row| row.split('|').nth(1));
    let figures: Vec<&str> = cells.flat_map(|cell| cell.split('`').skip(1).step_by(2)).collect();
    assert!(figures.len() > 10, "{figures:?}");
    for figure in figures {
        assert!(code.contains(&format!("\"{figure}\"")), "{figure} is counted nowhere");
    }
}
