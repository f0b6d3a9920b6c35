//! Every `waybill ...` that the project's documents say is understood by the command line as it is.
//!
//! What stands in a fenced block is copied, so it must be whole; so must everything in the runbook. What stands within a sentence
//! elsewhere may leave out what a command needs, but says nothing that there is not. Where a sentence has named a command, a span
//! that begins with a noun (`job replay JOB`) is a command too, and one that begins with a flag (`--link`) belongs to the last.

use std::fs;
use std::path::{Path, PathBuf};

use clap::error::ErrorKind;
use clap::{CommandFactory, Parser};

use crate::Cli;

/// The document in which every command must be whole.
const RUNBOOK: &str = "docs/operations.md";

/// What a reader puts in place of a word in capitals.
const PLACEHOLDERS: &[(&str, &str)] = &[
    ("ID", "acme-netsuite-ups"),
    ("CONNECTION", "acme-netsuite-ups"),
    ("JOB", "ABCDEFGHIJKLMNOPQRSTUVWXYZ"),
    ("NAME", "acme"),
    ("MINUTES", "60"),
    ("HOURS", "60"),
    ("TIME", "2026-08-01T10:00:00Z"),
    ("CIDR", "203.0.113.0/24"),
    ("HOLDREASON", "label-lost"),
];

/// Flags after which a number is counted, and is not an order's or a parcel's.
const COUNTED: &[&str] = &["--most", "--run", "--older-than", "--keep-hours"];

/// A command that a document says.
#[derive(Debug, PartialEq, Eq)]
struct Said {
    words: Vec<String>,
    /// Whether a reader may copy it.
    whole: bool,
}

/// The text's commands, as they are said.
fn said(text: &str, runbook: bool) -> Vec<Said> {
    let mut all = Vec::new();
    let (mut paragraph, mut fence, mut continued) = (String::new(), false, String::new());
    for line in text.lines() {
        let bare = line.trim();
        if bare.starts_with("```") {
            within(&std::mem::take(&mut paragraph), runbook, &mut all);
            fence = !fence;
        } else if fence {
            continued.push_str(bare.trim_end_matches('\\'));
            if !bare.ends_with('\\') {
                all.extend(in_block(&std::mem::take(&mut continued)));
            }
        } else {
            if bare.is_empty() || begins_anew(bare) {
                within(&std::mem::take(&mut paragraph), runbook, &mut all);
            }
            paragraph.push_str(bare);
            paragraph.push(' ');
        }
    }
    within(&paragraph, runbook, &mut all);
    all
}

/// Whether a line is a row, a heading or an item of a list.
fn begins_anew(line: &str) -> bool {
    let numbered = line
        .split_once(". ")
        .is_some_and(|(number, _)| number.parse::<u32>().is_ok());
    numbered || ["|", "#", "- "].iter().any(|mark| line.starts_with(mark))
}

/// The command of a line of a block, where it is one: after a prompt, or behind a pipe.
fn in_block(line: &str) -> Option<Said> {
    let line = line.trim_start_matches("$ ");
    let command = match line.split_once("| waybill ") {
        Some((_, command)) => command,
        None => line.strip_prefix("waybill ")?,
    };
    Some(Said {
        words: words(&format!("waybill {command}")),
        whole: true,
    })
}

/// The commands among the spans of a paragraph.
fn within(paragraph: &str, whole: bool, all: &mut Vec<Said>) {
    let mut last: Option<Vec<String>> = None;
    for span in paragraph.split('`').skip(1).step_by(2) {
        // A table of a connection's file.
        if span.starts_with('[') {
            continue;
        }
        let mut words = words(span);
        let first = words.first().map(String::as_str).unwrap_or_default();
        if first.starts_with("--") {
            let Some(before) = &last else { continue };
            let base = before.iter().take_while(|word| !word.starts_with("--")).cloned();
            words = base.chain(words).collect();
        } else if last.is_some() && is_noun(first) && words.get(1).is_some_and(|verb| is_verb(verb)) {
            words.insert(0, "waybill".to_owned());
        } else if first != "waybill" || words.len() == 1 {
            // Another program's flags may follow.
            last = last.filter(|_| words.len() == 1);
            continue;
        }
        let shortened = words.iter().any(|word| is_ellipsis(word));
        words.retain(|word| !is_ellipsis(word));
        last = Some(words.clone());
        all.push(Said {
            words,
            whole: whole && !shortened,
        });
    }
}

fn is_ellipsis(word: &str) -> bool {
    ["...", "…"].contains(&word)
}

fn is_noun(word: &str) -> bool {
    Cli::command().get_subcommands().any(|noun| noun.get_name() == word)
}

fn is_verb(word: &str) -> bool {
    word.starts_with(|c: char| c.is_ascii_lowercase()) && word.chars().all(|c| c.is_ascii_lowercase() || c == '-')
}

/// A command's words as a shell reads them, up to where another command, a file or a remark begins.
fn words(line: &str) -> Vec<String> {
    let (mut words, mut word, mut quote) = (Vec::new(), String::new(), None);
    for c in line.chars() {
        match quote {
            Some(open) if c == open => quote = None,
            Some(_) => word.push(c),
            None if "\"'".contains(c) => quote = Some(c),
            None if c.is_whitespace() => words.extend(finished(&mut word)),
            None if "|>;&#".contains(c) && word.is_empty() => break,
            None => word.push(c),
        }
    }
    words.extend(finished(&mut word));
    words
}

fn finished(word: &mut String) -> Option<String> {
    let word = std::mem::take(word);
    let bare = word.trim_matches(['[', ']']);
    (!bare.is_empty()).then(|| bare.to_owned())
}

/// The command with values in place of its placeholders.
fn filled(words: &[String]) -> Vec<String> {
    let before = std::iter::once("").chain(words.iter().map(String::as_str));
    let value = |(before, word): (&str, &String)| {
        // In a block a variable of the shell stands for it.
        let name = word
            .strip_prefix('$')
            .map(str::to_uppercase)
            .unwrap_or_else(|| word.clone());
        let placeholder = PLACEHOLDERS.iter().find(|(placeholder, _)| *placeholder == name);
        match placeholder {
            Some((_, value)) => (*value).to_owned(),
            None if word == "NUMBER" && COUNTED.contains(&before) => "7".to_owned(),
            None => word.clone(),
        }
    };
    before.zip(words).map(value).collect()
}

/// What the command line says against a command; `None` if it understands it.
fn complaint(said: &Said) -> Option<String> {
    let error = Cli::try_parse_from(filled(&said.words)).err()?;
    let fine = match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => true,
        ErrorKind::MissingRequiredArgument
        | ErrorKind::MissingSubcommand
        | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => !said.whole,
        // A flag that is named without its value.
        ErrorKind::InvalidValue => !said.whole && said.words.last().is_some_and(|word| word.starts_with("--")),
        _ => false,
    };
    (!fine).then(|| {
        format!(
            "{}: {}",
            said.words.join(" "),
            error.to_string().lines().next().unwrap_or_default()
        )
    })
}

fn project() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// The documents, by their paths in the project.
fn documents() -> Vec<String> {
    let mut found = vec![
        "README.md".to_owned(),
        "SECURITY.md".to_owned(),
        "local/README.md".to_owned(),
    ];
    let mut folders = vec!["docs".to_owned(), "examples".to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(project().join(&folder)).unwrap() {
            let entry = entry.unwrap();
            let path = format!("{folder}/{}", entry.file_name().to_str().unwrap());
            if entry.path().is_dir() {
                folders.push(path);
            } else if path.ends_with(".md") {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

#[test]
fn every_command_of_the_documents_is_one() {
    let (mut wrong, mut found) = (Vec::new(), 0);
    for path in documents() {
        let text = fs::read_to_string(project().join(&path)).unwrap();
        let all = said(&text, path == RUNBOOK);
        found += all.len();
        let complaints = all.iter().filter_map(complaint);
        wrong.extend(complaints.map(|complaint| format!("{path}: {complaint}")));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(found > 150, "only {found} commands were found");
}

/// Who is told of an alarm by mail is told what to say by the alarm itself.
#[test]
fn every_command_of_the_alarms_is_one() {
    let template = fs::read_to_string(project().join("infra/template.yaml")).unwrap();
    let spans = template.split("`waybill ").skip(1);
    let commands = spans.map(|rest| format!("waybill {}", rest.split('`').next().unwrap_or_default()));
    let all: Vec<Said> = commands
        .map(|command| Said {
            words: words(&command),
            whole: false,
        })
        .collect();
    let wrong: Vec<String> = all.iter().filter_map(complaint).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(all.len() > 5, "{all:?}");
}

#[test]
fn what_is_wrong_in_a_document_is_found() {
    let complaints =
        |text: &str, runbook: bool| -> Vec<String> { said(text, runbook).iter().filter_map(complaint).collect() };
    for fine in [
        "Say `waybill job audit JOB`, with bodies `--full`; `job replay JOB` is safe.",
        "| see it | `waybill job list --state held --most NUMBER` |",
        "`waybill connection\ncheck ID` over two lines, and `waybill connection check` within a sentence; `waybill job ...` too",
        "```sh\npass show ups | waybill secret set acme/ups   # typed nowhere\nwaybill brake on \\\n  --reason \"wrong prices\"\n```",
        "`waybill hook rotate ID` keeps the old key for `--keep-hours`, and `[tracking] every` is none",
        "Files are in `job` and `waybill/<stage>/`; `--link` belongs to nothing, and nothing before says `job sweeper`.",
    ] {
        assert_eq!(complaints(fine, false), Vec::<String>::new(), "{fine}");
    }
    for wrong in [
        "`waybill job repeat JOB`",
        "`waybill job audit JOB`, or `--everything`",
        "`waybill queue list`, then `queue purge`",
        "```text\n$ waybill connection check\n```",
        "```sh\nwaybill stock run ID --now\n```",
        "| see it | `waybill job list --state lost` |",
    ] {
        assert_eq!(complaints(wrong, false).len(), 1, "{wrong}");
    }
    assert_eq!(
        complaints("`waybill connection check`", true).len(),
        1,
        "the runbook says whole commands"
    );
}
