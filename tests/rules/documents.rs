//! What stands beside the code: each system and each pairing has everything that it should have, and pages say what is so.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use crate::modules::SYSTEMS;
use crate::sources::{beneath, project};

/// How links begin that lead out of the project.
const NOT_OURS: [&str; 3] = ["http://", "https://", "mailto:"];

/// The folders of the project that have pages; `.` is the project's own folder without those beneath.
const FOLDERS: [&str; 5] = [".", "docs", "docs/connect", "examples/peoplesoft", "local"];

/// What a folder holds, by name.
fn names(folder: &str) -> BTreeSet<String> {
    let entries = fs::read_dir(project().join(folder)).unwrap();
    let name = |entry: std::io::Result<fs::DirEntry>| entry.unwrap().file_name().into_string().unwrap();
    entries.map(name).collect()
}

/// A page, by its path from the project's folder.
struct Page {
    path: String,
    text: String,
}

fn pages() -> Vec<Page> {
    let mut pages = Vec::new();
    for folder in FOLDERS {
        for name in names(folder).into_iter().filter(|name| name.ends_with(".md")) {
            let path = format!("{folder}/{name}").trim_start_matches("./").to_owned();
            let text = fs::read_to_string(project().join(&path)).unwrap();
            pages.push(Page { path, text });
        }
    }
    pages
}

/// The text of a page without what is printed as it stands.
fn prose(text: &str) -> String {
    let mut printed = false;
    let lines = text.lines().filter(|line| {
        let fence = line.trim_start().starts_with("```");
        printed ^= fence;
        !printed && !fence
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// Where the links of a text lead.
fn links(text: &str) -> Vec<String> {
    let prose = prose(text);
    let ends = prose.match_indices("](");
    let target = |(at, _): (usize, &str)| prose[at + 2..].split(')').next().map(str::to_owned);
    ends.filter_map(target).collect()
}

/// The anchors of a page's headings, as GitHub makes them.
fn anchors(text: &str) -> BTreeSet<String> {
    let prose = prose(text);
    let headings = prose.lines().filter_map(|line| line.strip_prefix('#'));
    headings
        .map(|heading| anchor(heading.trim_start_matches('#').trim()))
        .collect()
}

fn anchor(heading: &str) -> String {
    let kept = heading.to_lowercase().replace(' ', "-");
    kept.chars()
        .filter(|letter| letter.is_alphanumeric() || "-_".contains(*letter))
        .collect()
}

/// Why a link of a page leads nowhere.
fn broken(page: &Page, link: &str) -> Option<String> {
    if NOT_OURS.iter().any(|begin| link.starts_with(begin)) {
        return None;
    }
    let (path, anchor) = link.split_once('#').unwrap_or((link, ""));
    let folder = project().join(&page.path).parent().map(Path::to_owned)?;
    let target = match path {
        "" => project().join(&page.path),
        path => folder.join(path),
    };
    if !target.exists() {
        return Some(format!("{} leads to {link}, which is not there", page.path));
    }
    if anchor.is_empty() {
        return None;
    }
    let text = fs::read_to_string(&target).unwrap_or_default();
    let missing = !anchors(&text).contains(anchor);
    missing.then(|| format!("{} leads to {link}, and there is no such heading", page.path))
}

/// The first cells of tables whose head begins so, as far as they are printed as code.
fn told(text: &str, head: &str) -> Vec<String> {
    let (mut inside, mut told) = (false, Vec::new());
    for line in text.lines() {
        if line.starts_with(&format!("| {head} |")) {
            inside = true;
        } else if !line.starts_with('|') {
            inside = false;
        } else if inside {
            let cell = line.trim_matches('|').split(" | ").next().unwrap_or_default();
            told.extend(cell.split('`').skip(1).step_by(2).map(str::to_owned));
        }
    }
    told
}

/// The fixed parts of a line of `connection check`: what stands between its dots, without what a person puts there.
fn parts(check: &str) -> Vec<&str> {
    check
        .split("...")
        .map(str::trim)
        .filter(|part| !part.is_empty())
        .collect()
}

/// The code in which lines of `connection check` are made.
fn checks() -> String {
    let of_systems = beneath("shared/src/systems");
    let of_flows = beneath("shared/src/flows");
    let of_command = beneath("cli/src");
    let sources = of_systems
        .iter()
        .filter(|source| source.path.ends_with("check.rs") || source.path.ends_with("desk.rs"))
        .chain(of_flows.iter().filter(|source| source.path == "desk_hook.rs"))
        .chain(of_command.iter().filter(|source| source.path == "connection.rs"));
    sources
        .map(|source| source.text.as_str())
        .collect::<Vec<_>>()
        .join("\n")
}

/// The pairings, by their examples.
fn pairings() -> BTreeSet<String> {
    let files = names("examples/connections");
    files
        .iter()
        .filter_map(|name| name.strip_suffix(".toml"))
        .map(str::to_owned)
        .collect()
}

#[test]
fn every_system_is_held_to_the_rules() {
    let folder = project().join("shared/src/systems");
    let folders: BTreeSet<String> = names("shared/src/systems")
        .into_iter()
        .filter(|name| folder.join(name).is_dir())
        .collect();
    let held: BTreeSet<String> = SYSTEMS.iter().map(|name| (*name).to_owned()).collect();
    assert_eq!(folders, held, "tests/rules/modules.rs names every system");
}

#[test]
fn every_system_has_fixtures_a_simulator_and_a_contract() {
    let contract = fs::read_to_string(project().join("tests/contract/main.rs")).unwrap();
    for name in SYSTEMS {
        for path in [
            format!("tests/fixtures/{name}/SOURCE.md"),
            format!("tests/simulators/src/{name}/mod.rs"),
            format!("tests/contract/{name}.rs"),
        ] {
            assert!(project().join(&path).exists(), "{name} has no {path}");
        }
        assert!(
            contract.contains(&format!("mod {name};")),
            "{name} is under no contract"
        );
    }
}

#[test]
fn every_pairing_has_its_files() {
    let pairings = pairings();
    let paired: BTreeSet<&str> = pairings.iter().flat_map(|pairing| pairing.split('-')).collect();
    for name in SYSTEMS {
        assert!(paired.contains(name), "no example connects {name}");
    }
    let overview = fs::read_to_string(project().join("docs/connect/README.md")).unwrap();
    for pairing in &pairings {
        for path in [
            format!("local/connections/{pairing}.toml"),
            format!("docs/connect/{pairing}.md"),
        ] {
            assert!(project().join(&path).exists(), "{pairing} has no {path}");
        }
        assert!(
            overview.contains(&format!("({pairing}.md)")),
            "docs/connect/README.md does not name {pairing}"
        );
    }
}

#[test]
fn every_link_leads_somewhere() {
    let pages = pages();
    assert!(pages.len() >= 10, "only {} pages were read", pages.len());
    let broken: Vec<String> = pages
        .iter()
        .flat_map(|page| links(&page.text).into_iter().filter_map(|link| broken(page, &link)))
        .collect();
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn a_check_is_told_as_the_code_says_it() {
    let code = checks();
    let pages = pages();
    let told: Vec<(&str, String)> = pages
        .iter()
        .filter(|page| page.path.starts_with("docs/connect/"))
        .flat_map(|page| {
            told(&page.text, "check")
                .into_iter()
                .map(|line| (page.path.as_str(), line))
        })
        .collect();
    assert!(told.len() >= 50, "only {} lines were read", told.len());
    let unknown: Vec<String> = told
        .iter()
        .filter(|(_, line)| !parts(line).iter().all(|part| code.contains(part)))
        .map(|(path, line)| format!("{path} tells of {line:?}, which no check says"))
        .collect();
    assert!(unknown.is_empty(), "{}", unknown.join("\n"));
}

#[test]
fn the_rules_find_what_they_are_there_for() {
    let text = "See [one](netsuite.md), [two](nowhere.md), [three](#contents) and [four](#none).\n\
                ```\n[five](nowhere-else.md)\n# no heading\n```\n[six](https://example.com)";
    let page = Page {
        path: "docs/connect/README.md".to_owned(),
        text: text.to_owned(),
    };
    let found: Vec<String> = links(text).iter().filter_map(|link| broken(&page, link)).collect();
    let [nowhere, none] = found.as_slice() else {
        panic!("{found:?}")
    };
    assert!(nowhere.contains("nowhere.md") && none.contains("#none"), "{found:?}");
    assert_eq!(links(text).len(), 5);
    assert_eq!(
        anchors("## A `b` (c): 7. d\n```\n# no heading\n```"),
        BTreeSet::from(["a-b-c-7-d".to_owned()])
    );
    let rows =
        "| check | if |\n|---|---|\n| `the key for ...`, `a store` | `not this` |\n\n| other | x |\n| `nor this` | y |";
    assert_eq!(told(rows, "check"), ["the key for ...", "a store"]);
    assert_eq!(parts("ask ..., without buying ..."), ["ask", ", without buying"]);
}
