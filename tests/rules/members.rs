//! What every member of the workspace is held to by its manifest: the workspace's lints, which forbid `unsafe`, and its versions.
//!
//! `fuzz/` is a workspace of its own: what its targets are made of by a macro is unsafe.

use std::fs;

use crate::sources::project;

/// What follows a heading of a manifest, up to the next one.
fn table<'a>(manifest: &'a str, heading: &str) -> Option<&'a str> {
    let (_, rest) = manifest.split_once(&format!("{heading}\n"))?;
    rest.split("\n[").next()
}

/// The folders of the workspace's members, with those that a `*` stands for.
fn members(manifest: &str) -> Vec<String> {
    let list = table(manifest, "[workspace]").and_then(|table| table.split("\nmembers = [").nth(1));
    let list = list.and_then(|list| list.split(']').next()).unwrap_or_default();
    let mut members = Vec::new();
    for member in list.split(',').map(|one| one.trim().trim_matches('"')) {
        match member.strip_suffix("/*") {
            Some(folder) => {
                let entries = fs::read_dir(project().join(folder)).unwrap();
                let names = entries.map(|entry| entry.unwrap().file_name().to_str().unwrap().to_owned());
                members.extend(names.map(|name| format!("{folder}/{name}")));
            }
            None if member.is_empty() => {}
            None => members.push(member.to_owned()),
        }
    }
    members.sort();
    members
}

/// What a member's manifest lets through.
fn laxities(member: &str, manifest: &str) -> Vec<String> {
    let mut found = Vec::new();
    let lints = table(manifest, "[lints]").unwrap_or_default();
    if lints.lines().next() != Some("workspace = true") {
        found.push(format!("{member} is not held to the workspace's lints"));
    }
    let own = manifest
        .lines()
        .filter(|line| line.contains("version = \"") && !line.contains("rust-version"));
    found.extend(own.map(|line| format!("{member} has a version of its own: {line}")));
    found
}

#[test]
fn every_member_is_held_to_the_lints_of_the_workspace_which_forbid_unsafe() {
    let workspace = fs::read_to_string(project().join("Cargo.toml")).unwrap();
    let lints = table(&workspace, "[workspace.lints.rust]").unwrap();
    assert!(lints.lines().any(|line| line == "unsafe_code = \"forbid\""), "{lints}");
    let members = members(&workspace);
    assert!(members.len() >= 16, "{members:?}");
    let manifest = |member: &String| fs::read_to_string(project().join(member).join("Cargo.toml")).unwrap();
    let found: Vec<String> = members
        .iter()
        .flat_map(|member| laxities(member, &manifest(member)))
        .collect();
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn a_member_without_the_lints_is_found() {
    let strict =
        "[package]\nversion.workspace = true\n\n[dependencies]\nx.workspace = true\n\n[lints]\nworkspace = true\n";
    assert_eq!(laxities("x", strict), Vec::<String>::new());
    for lax in [
        strict.replace("[lints]\nworkspace = true\n", ""),
        strict.replace("[lints]\nworkspace = true", "[lints]\nworkspace = false"),
        strict.replace("[lints]\nworkspace = true", "[lints.rust]\nunsafe_code = \"allow\""),
        strict.replace("x.workspace = true", "x = { version = \"1\" }"),
    ] {
        assert_eq!(laxities("x", &lax).len(), 1, "{lax}");
    }
    let workspace = "[workspace]\nresolver = \"3\"\nmembers = [\"a\", \"b/c\"]\n\n[workspace.package]\n";
    assert_eq!(members(workspace), ["a", "b/c"]);
}
