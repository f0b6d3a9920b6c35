//! What lines of the logs are made of: fields that `telemetry::field` names, and nothing that says who a person is or what a secret is.

use std::collections::BTreeSet;
use std::fs;

use crate::calls::{Token, listed, tokens};
use crate::sources::{Source, beneath, product, project};

/// What a line is never made of, whatever it is called there.
const UNSAID: [&str; 11] = [
    "expose_secret",
    "ship_to",
    "bill_to",
    "street",
    "phone",
    "email",
    "headers",
    "body",
    "draft",
    "exchanges",
    "payload",
];

/// The fields of a line, and the words that it is made of.
#[derive(Debug, PartialEq, Eq)]
struct Line {
    fields: Vec<String>,
    words: BTreeSet<String>,
}

/// Every line that a source logs.
fn lines(source: &Source) -> Vec<Line> {
    let all = tokens(&source.text);
    let mut lines = Vec::new();
    for at in 0..all.len() {
        let begins = matches!(
            all.get(at..at + 6),
            Some([
                Token::Word(of),
                Token::Mark(':'),
                Token::Mark(':'),
                Token::Word(level),
                Token::Mark('!'),
                Token::Mark('('),
            ]) if of == "tracing" && ["trace", "debug", "info", "warn", "error"].contains(&level.as_str())
        );
        if begins {
            let end = crate::calls::closing(&all, at + 5);
            lines.push(line(&all[at + 6..end]));
        }
    }
    lines
}

/// What stands before the line's text are its fields; what stands behind it, if anything, belongs to the text.
fn line(tokens: &[Token]) -> Line {
    let parts = listed(tokens);
    let fields = parts
        .iter()
        .take_while(|part| !matches!(part.first(), Some(Token::Text(_))));
    let name = |part: &&[Token]| -> String {
        let sigil = |token: &&Token| matches!(token, Token::Mark('%' | '?'));
        let name = part
            .iter()
            .skip_while(sigil)
            .take_while(|token| **token != Token::Mark('='));
        name.map(|token| match token {
            Token::Word(word) | Token::Text(word) => word.clone(),
            Token::Mark(mark) => mark.to_string(),
        })
        .collect()
    };
    let words = tokens.iter().filter_map(|token| match token {
        Token::Word(word) => Some(word.clone()),
        _ => None,
    });
    Line {
        fields: fields.map(name).filter(|name| !name.starts_with("target:")).collect(),
        words: words.collect(),
    }
}

fn sources() -> Vec<Source> {
    let sources = ["shared/src", "functions"].map(|folder| product(&beneath(folder)));
    let sources = sources.into_iter().flatten();
    sources.filter(|source| source.path != "telemetry.rs").collect()
}

/// The names of `telemetry::field`.
fn known() -> BTreeSet<String> {
    let text = fs::read_to_string(project().join("shared/src/telemetry.rs")).unwrap();
    let module = text
        .split("pub mod field {")
        .nth(1)
        .and_then(|rest| rest.split("\n}").next());
    let names = module
        .unwrap_or_default()
        .lines()
        .filter_map(|line| line.trim().strip_prefix("pub const ")?.split_once(": &str = \""));
    names
        .filter_map(|(_, rest)| rest.strip_suffix("\";").map(str::to_owned))
        .collect()
}

#[test]
fn every_field_of_a_line_is_one_that_telemetry_names() {
    // The trace stands in the span that telemetry itself puts around an invocation.
    let (known, mut used, mut strange) = (known(), BTreeSet::from(["trace".to_owned()]), Vec::new());
    for source in sources() {
        for field in lines(&source).into_iter().flat_map(|line| line.fields) {
            if !known.contains(&field) {
                strange.push(format!("{}: {field}", source.path));
            }
            used.insert(field);
        }
    }
    assert!(
        strange.is_empty(),
        "telemetry::field has no such names:\n{}",
        strange.join("\n")
    );
    let unused: Vec<&String> = known.difference(&used).collect();
    assert!(unused.is_empty(), "no line has these fields: {unused:?}");
}

/// P24: no line is made of an address, a secret or a body. What the functions say in a whole run is searched by the demo.
#[test]
fn no_line_is_made_of_what_must_not_be_said() {
    let mut strange = Vec::new();
    for source in sources() {
        for line in lines(&source) {
            let said = UNSAID.iter().filter(|word| line.words.contains(**word));
            strange.extend(said.map(|word| format!("{}: {word} in a line of {:?}", source.path, line.fields)));
        }
    }
    assert!(strange.is_empty(), "{}", strange.join("\n"));
}

/// Each of these decides something about jobs, parcels or runs.
const DECIDES: [&str; 24] = [
    "flows/advance/mod.rs",
    "flows/advance/purchase.rs",
    "flows/advance/record.rs",
    "flows/customers.rs",
    "flows/deliver.rs",
    "flows/despatches/mod.rs",
    "flows/label_link.rs",
    "flows/order_status.rs",
    "flows/outward.rs",
    "flows/poll/admit.rs",
    "flows/poll/desk.rs",
    "flows/poll/mod.rs",
    "flows/put_right.rs",
    "flows/receive.rs",
    "flows/reconcile/mod.rs",
    "flows/refresh.rs",
    "flows/renew.rs",
    "flows/stock/mod.rs",
    "flows/sweep.rs",
    "flows/track/ask.rs",
    "flows/track/hear.rs",
    "flows/track/mod.rs",
    "flows/track/tell.rs",
    "flows/track_poll.rs",
];

#[test]
fn whatever_decides_says_so() {
    let sources = sources();
    let silent: Vec<&str> = DECIDES
        .into_iter()
        .filter(|path| {
            let source = sources.iter().find(|source| source.path == *path);
            source.is_none_or(|source| lines(source).is_empty())
        })
        .collect();
    assert!(silent.is_empty(), "{silent:?}");
}

#[test]
fn a_lines_fields_are_found() {
    let text = "fn f() { tracing::info!(job = %self.job.id, %error, ?trouble, limit, \"a, b = {c}\", ship_to); tracing::warn!(\"x\"); }
        fn g() { tracing::error!(target: \"t\", a.b = 1, hold = x.map(tracing::field::debug)); }";
    let source = Source {
        path: "x.rs".to_owned(),
        text: text.to_owned(),
    };
    let found = lines(&source);
    let fields: Vec<Vec<&str>> = found
        .iter()
        .map(|line| line.fields.iter().map(String::as_str).collect())
        .collect();
    assert_eq!(
        fields,
        [vec!["job", "error", "trouble", "limit"], vec![], vec!["a.b", "hold"]]
    );
    assert!(found[0].words.contains("ship_to"));
}
