//! Who may know whom: the dependency rule of the library, and who may touch the outside.

use std::collections::BTreeSet;

use crate::sources::{Source, beneath, product};

/// Modules of the library, and the modules of the library that each may name beside itself. `deployment` composes and
/// may name all.
const KNOWS: &[(&str, &[&str])] = &[
    ("rules", &[]),
    ("domain", &[]),
    ("job", &["domain", "rules"]),
    ("connection", &["domain"]),
    ("ports", &["domain", "job", "connection"]),
    ("flows", &["ports", "job", "domain", "connection", "rules", "telemetry"]),
    ("http", &["ports", "domain", "telemetry"]),
    ("systems", &["http", "ports", "domain", "connection"]),
    ("aws", &["ports", "job", "domain", "connection", "config", "telemetry"]),
    ("memory", &["ports", "job", "domain", "connection"]),
    ("config", &["job"]),
    ("telemetry", &[]),
    ("deployment", &["aws", "config", "flows", "http", "ports", "systems"]),
];

/// What is written where, and nowhere else: a text, and the beginnings of paths that may hold it.
const ONLY_IN: &[(&str, &[&str])] = &[
    ("env::", &["config.rs"]),
    ("Timestamp::now", &["aws/clock.rs"]),
    ("Zoned::now", &["aws/clock.rs"]),
    ("SystemTime", &["aws/clock.rs"]),
    ("Instant::now", &["http/", "aws/"]),
    ("reqwest::", &["http/", "deployment.rs"]),
    ("aws_sdk", &["aws/"]),
    ("aws_config", &["aws/"]),
    ("TcpStream", &["http/", "aws/"]),
    ("std::fs", &[]),
    ("tokio::fs", &[]),
    ("std::net", &["http/client.rs"]),
    ("tokio::net", &["http/client.rs"]),
];

/// The module of a file: `flows::advance::held` of `flows/advance/held.rs`.
fn module_of(path: &str) -> Vec<&str> {
    let mut places: Vec<&str> = path.trim_end_matches(".rs").split('/').collect();
    if places.last().is_some_and(|last| ["mod", "lib"].contains(last)) {
        places.pop();
    }
    places
}

/// Every module of the library that a file names, as deep as its path says.
fn named(source: &Source) -> BTreeSet<Vec<String>> {
    let own = module_of(&source.path);
    let mut named = BTreeSet::new();
    for (at, _) in source.text.match_indices("crate::") {
        named.extend(tails(&source.text[at + "crate::".len()..], &[]));
    }
    for (at, _) in source.text.match_indices("super::") {
        if source.text[..at].ends_with("super::") {
            continue;
        }
        let mut rest = &source.text[at..];
        let mut above = own.clone();
        while let Some(shorter) = rest.strip_prefix("super::") {
            above.pop();
            rest = shorter;
        }
        named.extend(tails(rest, &above));
    }
    named
}

/// The paths that begin here: one, or one of each in braces.
fn tails(text: &str, above: &[&str]) -> Vec<Vec<String>> {
    let end = |text: &str| {
        text.find(|c: char| !(c.is_alphanumeric() || c == '_' || c == ':'))
            .unwrap_or(text.len())
    };
    let whole = |text: &str| -> Vec<String> {
        let path = text[..end(text)].split("::").filter(|part| !part.is_empty());
        above.iter().copied().chain(path).map(str::to_owned).collect()
    };
    match text.strip_prefix('{') {
        Some(list) => {
            let list = list.split('}').next().unwrap_or_default();
            list.split(',').map(|one| whole(one.trim())).collect()
        }
        None => vec![whole(text)],
    }
}

/// What a file names and may not.
fn strangers(source: &Source) -> Vec<String> {
    let own = module_of(&source.path);
    let Some(module) = own.first() else { return Vec::new() };
    let Some((_, known)) = KNOWS.iter().find(|(name, _)| name == module) else {
        return vec![format!("{}: the rule does not know the module {module}", source.path)];
    };
    let modules: BTreeSet<&str> = KNOWS.iter().map(|(name, _)| *name).collect();
    let system = own.get(1).filter(|_| *module == "systems");
    let strange = |path: &Vec<String>| match path.as_slice() {
        [top, rest @ ..] if top == module => {
            let other = rest.first().map(String::as_str).filter(|other| SYSTEMS.contains(other));
            system.is_some_and(|own| SYSTEMS.contains(own) && other.is_some_and(|other| other != *own))
        }
        [top, ..] => modules.contains(top.as_str()) && !known.contains(&top.as_str()),
        [] => false,
    };
    let named = named(source).into_iter().filter(strange);
    named
        .map(|path| format!("{} names {}", source.path, path.join("::")))
        .collect()
}

/// The folders of outside systems.
pub(crate) const SYSTEMS: &[&str] = &["netsuite", "fusion", "peoplesoft", "ups", "fedex", "shipstation"];

fn out_of_place(source: &Source) -> Vec<String> {
    let broken = ONLY_IN.iter().filter(|(text, places)| {
        source.text.contains(text) && !places.iter().any(|place| source.path.starts_with(place))
    });
    broken
        .map(|(text, _)| format!("{} holds {text}", source.path))
        .collect()
}

fn open_wire(source: &Source) -> Vec<String> {
    let open = [
        "pub mod wire",
        "pub(crate) mod wire",
        "pub use wire",
        "pub(crate) use wire",
    ];
    let found = open.iter().filter(|text| source.text.contains(**text));
    found.map(|text| format!("{}: {text}", source.path)).collect()
}

fn library() -> Vec<Source> {
    product(&beneath("shared/src"))
}

fn file(path: &str, text: &str) -> Source {
    Source {
        path: path.to_owned(),
        text: text.to_owned(),
    }
}

#[test]
fn every_module_names_only_what_it_may() {
    let library = library();
    assert!(library.len() > 60, "only {} files were read", library.len());
    let broken: Vec<String> = library.iter().flat_map(strangers).collect();
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn only_config_reads_the_environment_only_the_clock_the_time_and_only_http_and_aws_do_io() {
    let broken: Vec<String> = library().iter().flat_map(out_of_place).collect();
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn a_vendors_words_stay_within_its_folder() {
    let library = library();
    let wires = library.iter().filter(|source| source.path.contains("/wire")).count();
    assert!(wires >= 2, "no wire modules were read");
    let broken: Vec<String> = library.iter().flat_map(open_wire).collect();
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn every_system_has_the_same_files() {
    let library = library();
    let there = |path: &str| {
        let mut paths = library.iter().map(|source| source.path.as_str());
        paths.any(|one| one == format!("{path}.rs") || one == format!("{path}/mod.rs"))
    };
    let systems: Vec<&&str> = SYSTEMS
        .iter()
        .filter(|name| there(&format!("systems/{name}")))
        .collect();
    assert!(systems.len() >= 2);
    for name in systems {
        for part in ["account", "wire", "convert", "client"] {
            assert!(there(&format!("systems/{name}/{part}")), "systems/{name} has no {part}");
        }
    }
}

#[test]
fn the_rule_finds_what_it_is_there_for() {
    let broken = [
        ("domain/order.rs", "use crate::ports::Clock;"),
        ("job/next.rs", "use super::super::flows::poll;"),
        ("job/mod.rs", "impl From<&Job> for crate::ports::State {}"),
        ("flows/poll.rs", "use crate::{aws::Aws, domain::Order};"),
        (
            "flows/advance/held.rs",
            "fn f() { super::super::super::http::client() }",
        ),
        ("systems/ups/client.rs", "use crate::systems::netsuite::Account;"),
        ("systems/ups/client.rs", "use super::super::netsuite::Account;"),
        ("systems/ups/mod.rs", "use crate::job::Job;"),
        ("http/lane.rs", "use crate::systems::System;"),
        ("brandnew.rs", ""),
    ];
    for (path, text) in broken {
        assert_eq!(strangers(&file(path, text)).len(), 1, "{path}: {text}");
    }
    let fine = [
        (
            "flows/advance/held.rs",
            "use super::record::Beside; use crate::job::{Flag, Job};",
        ),
        (
            "systems/ups/client.rs",
            "use crate::systems::ups::wire; use super::account;",
        ),
        (
            "systems/mod.rs",
            "use crate::systems::ups::Ups; use crate::systems::netsuite::NetSuite;",
        ),
    ];
    for (path, text) in fine {
        assert_eq!(strangers(&file(path, text)), Vec::<String>::new());
    }
    assert_eq!(
        out_of_place(&file("flows/poll.rs", "let now = Timestamp::now();")).len(),
        1
    );
    assert_eq!(
        out_of_place(&file("systems/ups/client.rs", "client: reqwest::Client")).len(),
        1
    );
    assert_eq!(open_wire(&file("systems/ups/mod.rs", "pub mod wire;")).len(), 1);
}
