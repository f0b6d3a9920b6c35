//! The project's Rust files as the rules see them.

use std::fs;
use std::path::{Path, PathBuf};

/// A file.
#[derive(Debug, Clone)]
pub(crate) struct Source {
    /// Its path from the folder that was read, with `/`.
    pub(crate) path: String,
    /// Its text.
    pub(crate) text: String,
}

/// The project's folder.
pub(crate) fn project() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// Every Rust file beneath a folder of the project.
pub(crate) fn beneath(folder: &str) -> Vec<Source> {
    let root = project().join(folder);
    let (mut folders, mut sources) = (vec![root.clone()], Vec::new());
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let name = path.strip_prefix(&root).unwrap().to_str().unwrap().replace('\\', "/");
                let text = fs::read_to_string(&path).unwrap();
                sources.push(Source { path: name, text });
            }
        }
    }
    sources.sort_by(|a, b| a.path.cmp(&b.path));
    sources
}

/// The same files without comments, without tests, and without the files that only tests have.
pub(crate) fn product(sources: &[Source]) -> Vec<Source> {
    let only_tests: Vec<String> = sources.iter().flat_map(modules_of_tests).collect();
    let of_tests = |source: &&Source| {
        let mut names = only_tests.iter();
        names.any(|module| source.path == format!("{module}.rs") || source.path.starts_with(&format!("{module}/")))
    };
    let kept = sources.iter().filter(|source| !of_tests(source));
    let stripped = |source: &Source| Source {
        path: source.path.clone(),
        text: without_tests(&source.text),
    };
    kept.map(stripped).collect()
}

/// Modules that are declared under `#[cfg(test)]`, as paths.
fn modules_of_tests(source: &Source) -> Vec<String> {
    let folder = match source.path.rsplit_once('/') {
        Some((folder, "mod.rs")) => format!("{folder}/"),
        None if ["lib.rs", "mod.rs"].contains(&source.path.as_str()) => String::new(),
        _ => format!("{}/", source.path.trim_end_matches(".rs")),
    };
    let lines: Vec<&str> = source.text.lines().map(str::trim).collect();
    let pairs = lines.windows(2).filter(|pair| pair[0] == "#[cfg(test)]");
    let names = pairs.filter_map(|pair| pair[1].strip_prefix("mod ")?.strip_suffix(';'));
    names.map(|name| format!("{folder}{name}")).collect()
}

fn without_tests(text: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    let tests = lines
        .windows(2)
        .position(|pair| pair[0] == "#[cfg(test)]" && pair[1].contains("mod ") && pair[1].ends_with('{'));
    let product = &lines[..tests.unwrap_or(lines.len())];
    let code = product.iter().filter(|line| !line.trim_start().starts_with("//"));
    code.map(|line| line.split(" // ").next().unwrap_or_default())
        .collect::<Vec<_>>()
        .join("\n")
}

#[test]
fn comments_and_tests_are_not_the_product() {
    let file = |path: &str, text: &str| Source {
        path: path.to_owned(),
        text: text.to_owned(),
    };
    let sources = [
        file("a/mod.rs", "mod b;\n#[cfg(test)]\nmod stub;\n"),
        file("a/b.rs", "//! x\nfn f() {} // y\n#[cfg(test)]\nmod tests {\n z }"),
        file("a/stub.rs", "fn g() {}"),
    ];
    let kept = product(&sources);
    let kept: Vec<(&str, &str)> = kept.iter().map(|one| (one.path.as_str(), one.text.as_str())).collect();
    assert_eq!(kept[0].0, "a/mod.rs");
    assert_eq!(kept[1..], [("a/b.rs", "fn f() {}")]);
}
