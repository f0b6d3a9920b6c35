//! The Lambda functions: built by one cargo call in the dev profile, then a zip with `bootstrap` for each.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use serde::Deserialize;
use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::process::{Child, Command};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use crate::failure::{Failure, Outcome, While};
use crate::place::Place;
use crate::progress::Line;

/// The packages of the functions; each has one binary of the same name.
pub const FUNCTIONS: [&str; 11] = [
    "erp-poller",
    "shipment-worker",
    "token-refresher",
    "job-sweeper",
    "webhook-receiver",
    "tracking-worker",
    "tracking-poller",
    "subscription-renewer",
    "stock-worker",
    "order-status",
    "label-link",
];

/// The operator's command.
const WAYBILL: &str = "waybill";

/// A function that can be deployed.
#[derive(Debug, Clone)]
pub struct Package {
    /// The binary's name, as the template's build properties have it.
    pub binary: String,
    /// The zip with the binary as `bootstrap`.
    pub zip: PathBuf,
}

/// What was built for this machine.
#[derive(Debug, Clone)]
pub struct Built {
    /// The functions' binaries.
    pub functions: Vec<PathBuf>,
    /// The operator's command.
    pub waybill: PathBuf,
}

/// Builds all functions for this machine, and the operator's command.
///
/// # Errors
/// Cargo fails; its errors have gone to stderr.
pub async fn build(place: &Place, line: &Line) -> Outcome<Built> {
    let mut cargo = cargo_build(place);
    let mut child = cargo.spawn().doing("starting cargo")?;
    let built = executables(&mut child, line).await?;
    let status = child.wait().await.doing("waiting for cargo")?;
    if !status.success() {
        return Err(Failure::new("the functions do not build; see cargo's errors above"));
    }
    let binary = |name: &str| {
        let found = built.get(name).cloned();
        found.ok_or_else(|| Failure::new(format!("cargo built no binary {name}")))
    };
    let functions: Outcome<Vec<PathBuf>> = FUNCTIONS.iter().map(|name| binary(name)).collect();
    Ok(Built {
        functions: functions?,
        waybill: binary(WAYBILL)?,
    })
}

/// Names no package: cargo then chooses the same features of the dependencies as for the program that is running (see
/// `default-members` in the workspace's `Cargo.toml`), and does not compile them a second time.
fn cargo_build(place: &Place) -> Command {
    let mut cargo = Command::new("cargo");
    cargo
        .current_dir(place.root())
        .args(["build", "--message-format", "json-render-diagnostics"]);
    for name in FUNCTIONS.iter().chain(&[WAYBILL]) {
        cargo.args(["--bin", name]);
    }
    cargo
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    cargo
}

/// What cargo says on stdout about one finished artifact.
#[derive(Deserialize)]
struct Artifact {
    target: Target,
    executable: Option<PathBuf>,
}

#[derive(Deserialize)]
struct Target {
    name: String,
}

async fn executables(cargo: &mut Child, line: &Line) -> Outcome<BTreeMap<String, PathBuf>> {
    let (Some(stdout), Some(stderr)) = (cargo.stdout.take(), cargo.stderr.take()) else {
        return Err(Failure::new("cargo has no output"));
    };
    let mut built = BTreeMap::new();
    let artifacts = each_line(stdout, |json| built.extend(executable(json)));
    let steps = each_line(stderr, |word| relay(word, line));
    tokio::try_join!(artifacts, steps)?;
    Ok(built)
}

async fn each_line(output: impl AsyncRead + Unpin, mut act: impl FnMut(&str)) -> Outcome<()> {
    let mut lines = BufReader::new(output).lines();
    while let Some(line) = lines.next_line().await.doing("reading cargo's output")? {
        act(&line);
    }
    Ok(())
}

fn executable(json: &str) -> Option<(String, PathBuf)> {
    let artifact: Artifact = serde_json::from_str(json).ok()?;
    Some((artifact.target.name, artifact.executable?))
}

/// Steps of the build change the line; everything else (errors, warnings) stays on the screen.
fn relay(word: &str, line: &Line) {
    let step = word.trim_start();
    if [
        "Compiling",
        "Finished",
        "Building",
        "Blocking",
        "Downloading",
        "Downloaded",
        "Locking",
        "Updating",
    ]
    .iter()
    .any(|verb| step.starts_with(verb))
    {
        line.at(step);
    } else {
        eprintln!("{word}");
    }
}

/// Zips the binaries, without their debugging information where the machine has `strip`.
///
/// # Errors
/// A file cannot be read or written.
pub async fn zip(place: &Place, binaries: Vec<PathBuf>) -> Outcome<Vec<Package>> {
    let folder = place.shared().join("functions");
    std::fs::create_dir_all(&folder).doing("creating the folder of the zips")?;
    let mut tasks = tokio::task::JoinSet::new();
    for binary in binaries {
        let folder = folder.clone();
        tasks.spawn_blocking(move || zip_one(&folder, &binary));
    }
    let mut packages = Vec::new();
    while let Some(finished) = tasks.join_next().await {
        packages.push(finished.doing("zipping a function")??);
    }
    Ok(packages)
}

fn zip_one(folder: &Path, binary: &Path) -> Outcome<Package> {
    let name = binary.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let zip = folder.join(format!("{name}.zip"));
    if is_newer(&zip, binary) {
        return Ok(Package { binary: name, zip });
    }
    let bytes = stripped(binary, &folder.join(&name))?;
    let unfinished = folder.join(format!("{name}.zip.unfinished"));
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Deflated)
        .compression_level(Some(1))
        .unix_permissions(0o755);
    let mut writer = ZipWriter::new(File::create(&unfinished).doing("creating a zip")?);
    writer.start_file("bootstrap", options).doing("writing a zip")?;
    writer.write_all(&bytes).doing("writing a zip")?;
    writer.finish().doing("writing a zip")?;
    std::fs::rename(&unfinished, &zip).doing("naming a zip")?;
    Ok(Package { binary: name, zip })
}

fn is_newer(zip: &Path, binary: &Path) -> bool {
    let changed = |path: &Path| path.metadata().and_then(|data| data.modified()).ok();
    changed(zip)
        .zip(changed(binary))
        .is_some_and(|(zip, binary)| zip > binary)
}

fn stripped(binary: &Path, copy: &Path) -> Outcome<Vec<u8>> {
    let strip = std::process::Command::new("strip")
        .arg("-o")
        .arg(copy)
        .arg(binary)
        .stderr(Stdio::null())
        .status();
    let smaller = strip.is_ok_and(|status| status.success());
    std::fs::read(if smaller { copy } else { binary }).doing("reading a built function")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_executables_are_taken_from_cargos_messages() {
        let binary = r#"{"reason":"compiler-artifact","target":{"name":"erp-poller"},"executable":"/t/erp-poller"}"#;
        let library = r#"{"reason":"compiler-artifact","target":{"name":"waybill"},"executable":null}"#;
        let end = r#"{"reason":"build-finished","success":true}"#;
        assert_eq!(
            executable(binary),
            Some(("erp-poller".to_owned(), PathBuf::from("/t/erp-poller")))
        );
        assert_eq!(executable(library), None);
        assert_eq!(executable(end), None);
    }
}
