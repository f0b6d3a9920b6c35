//! Every reader of answers, and the hook, against whatever FedEx answers and against what nobody should send: the same calls that
//! `fuzz/` makes.

use std::path::Path;

use crate::ports::{PushedNews, Webhooks};
use crate::systems::fedex::fuzzing::answers;
use crate::systems::webhooks::Vendors;

const STATUSES: [u16; 7] = [200, 400, 401, 403, 404, 429, 500];

/// Every file below a folder of fixtures, by its name.
fn files(folder: &str) -> Vec<(String, Vec<u8>)> {
    let mut files = Vec::new();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures");
    let mut folders = vec![root.join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => folders.push(path),
                false => files.push((path.display().to_string(), std::fs::read(&path).unwrap())),
            }
        }
    }
    files.sort();
    files
}

/// Bodies that nobody should send: our own for FedEx, and those for UPS, of which most are nobody's in particular.
fn hostile() -> Vec<(String, Vec<u8>)> {
    let bodies = ["hostile/fedex", "hostile/ups"]
        .into_iter()
        .flat_map(files)
        .collect::<Vec<_>>();
    assert!(bodies.len() > 80, "{}", bodies.len());
    bodies
}

/// What FedEx answers is understood by somebody; what it never should leaves every reader standing.
#[test]
fn every_reader_says_what_it_makes_of_an_answer() {
    let answered = files("fedex");
    let answered = answered.iter().filter(|(name, _)| {
        let file = name.rsplit('/').next().unwrap_or_default();
        file.ends_with(".json") && (file.starts_with("answer") || file.starts_with("refused"))
    });
    let mut count = 0;
    for (name, body) in answered {
        count += 1;
        let understood = STATUSES.map(|status| answers(status, body));
        assert!(understood.iter().any(|understood| *understood > 0), "{name}");
    }
    assert!(count > 50, "{count}");
    for (name, body) in hostile() {
        let understood = STATUSES.map(|status| answers(status, &body));
        assert!(understood.iter().all(|understood| *understood < 14), "{name}");
    }
}

/// A hostile body is something or nothing, and a number that it names can be part of a key.
#[test]
fn no_hostile_body_names_what_cannot_be_a_parcel() {
    let is_number =
        |number: &str| (1..=34).contains(&number.len()) && number.bytes().all(|c| c.is_ascii_alphanumeric());
    for (name, body) in hostile() {
        let told = Vendors.read("fedex", &String::from_utf8_lossy(&body));
        assert!(!told.is_empty(), "{name}");
        for news in told {
            match news {
                PushedNews::Happened { number, .. } | PushedNews::Hinted { number, .. } => {
                    assert!(is_number(&number), "{name}: {number}");
                }
                PushedNews::Nothing { .. } => {}
                other => panic!("{name}: {other:?}"),
            }
        }
    }
}
