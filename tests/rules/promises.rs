//! Every promise that is kept so far is named by a test.

use std::collections::{BTreeMap, BTreeSet};

use crate::sources::{Source, beneath};

/// The number of the last promise.
const LAST: u32 = 80;

/// What the promises mention for context only: scheduling pickups.
const ONLY_MENTIONED: u32 = 23;

/// The promises that a file's tests name in the first line of their documentation, with the tests' names.
fn named(source: &Source) -> Vec<(u32, String)> {
    let (mut promises, mut is_test, mut ignored) = (Vec::new(), false, false);
    let mut named = Vec::new();
    let mut before_is_doc = false;
    for line in source.text.lines().map(str::trim) {
        if let Some(doc) = line.strip_prefix("/// ") {
            if !before_is_doc {
                promises = numbers(doc);
            }
            before_is_doc = true;
            continue;
        }
        before_is_doc = false;
        if line.starts_with("#[") {
            is_test |= line == "#[test]" || line.starts_with("#[tokio::test");
            ignored |= line.starts_with("#[ignore");
            continue;
        }
        if let Some(name) = function(line).filter(|_| is_test && !ignored) {
            named.extend(promises.iter().map(|promise| (*promise, name.to_owned())));
        }
        (promises, is_test, ignored) = (Vec::new(), false, false);
    }
    named
}

/// `P7, P26: ...` names 7 and 26.
fn numbers(doc: &str) -> Vec<u32> {
    let Some((list, _)) = doc.split_once(": ") else {
        return Vec::new();
    };
    let numbers = list
        .split(", ")
        .map(|one| one.strip_prefix('P').and_then(|number| number.parse().ok()));
    numbers.collect::<Option<Vec<u32>>>().unwrap_or_default()
}

fn function(line: &str) -> Option<&str> {
    let rest = line.strip_prefix("async fn ").or_else(|| line.strip_prefix("fn "))?;
    rest.split('(').next()
}

#[test]
fn every_promise_is_named_by_a_test() {
    let sources = ["shared", "functions", "cli", "local", "tests"].map(beneath).concat();
    let mut tests: BTreeMap<u32, BTreeSet<String>> = BTreeMap::new();
    for (promise, test) in sources.iter().flat_map(named) {
        tests.entry(promise).or_default().insert(test);
    }
    let kept = (1..=LAST).filter(|promise| *promise != ONLY_MENTIONED);
    let missing: Vec<u32> = kept.filter(|promise| !tests.contains_key(promise)).collect();
    assert!(missing.is_empty(), "no test names P{missing:?}");
}

#[test]
fn a_promise_counts_only_on_a_test_that_runs() {
    let names = |text: &str| {
        let source = Source {
            path: "x.rs".to_owned(),
            text: text.to_owned(),
        };
        named(&source)
            .into_iter()
            .map(|(promise, _)| promise)
            .collect::<Vec<_>>()
    };
    assert_eq!(names("/// P7, P26: a\n/// b\n#[test]\nfn f() {"), [7, 26]);
    assert_eq!(names("/// P7: a\n#[tokio::test(flavor = \"x\")]\nasync fn f() {"), [7]);
    assert_eq!(
        names("/// P7: a\n#[test]\n#[ignore = \"later\"]\nfn f() {"),
        Vec::<u32>::new()
    );
    assert_eq!(names("/// P7: a\nfn f() {"), Vec::<u32>::new());
    assert_eq!(names("/// Shows P7: a\n#[test]\nfn f() {"), Vec::<u32>::new());
}
