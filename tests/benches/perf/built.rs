//! What ships: the functions and the yardsticks, built by one call of cargo in one profile, and the zips of the functions.

use std::fs::File;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use tests::world::Failure;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

/// The functions, by the names of their packages and binaries.
pub(crate) const FUNCTIONS: [&str; 11] = [
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

/// A function that does nothing.
pub(crate) const HELLO: &str = "hello";

/// A loop that makes the calls of an order and nothing else.
pub(crate) const BARE: &str = "bare";

/// Where the binaries are.
pub(crate) struct Built {
    folder: PathBuf,
    /// How long cargo took, in seconds.
    pub(crate) seconds: f64,
}

/// The project's folder.
pub(crate) fn project() -> &'static Path {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    tests.parent().unwrap_or(tests)
}

impl Built {
    /// Builds everything in a profile for this machine.
    pub(crate) fn build(profile: &str) -> Result<Self, Failure> {
        eprintln!(
            "building {} functions and 2 yardsticks in the profile {profile:?} for this machine; the first time that takes a while \
             (release: every function is optimised as a whole, some minutes each)",
            FUNCTIONS.len()
        );
        let began = Instant::now();
        let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        cargo.current_dir(project()).args(["build", "--profile", profile]);
        for package in FUNCTIONS {
            cargo.args(["--package", package]);
        }
        cargo.args(["--package", "yardsticks"]).stdout(Stdio::null());
        match cargo.status()?.success() {
            true => Ok(Self {
                seconds: began.elapsed().as_secs_f64(),
                ..Self::of(profile)
            }),
            false => Err("cargo could not build what is to be measured".into()),
        }
    }

    /// What was built in a profile before.
    pub(crate) fn of(profile: &str) -> Self {
        let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| project().join("target"), PathBuf::from);
        let folder = if profile == "dev" { "debug" } else { profile };
        Self {
            folder: target.join(folder),
            seconds: 0.0,
        }
    }

    /// A binary.
    pub(crate) fn binary(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// The size of a binary's zip, as it is deployed, in megabytes.
    pub(crate) fn zipped(&self, name: &str) -> Result<f64, Failure> {
        let path = self.folder.join(format!("{name}.zip"));
        let mut zip = ZipWriter::new(File::create(&path)?);
        let options = SimpleFileOptions::default()
            .compression_method(CompressionMethod::Deflated)
            .unix_permissions(0o755);
        zip.start_file("bootstrap", options)?;
        let mut binary = Vec::new();
        File::open(self.binary(name))?.read_to_end(&mut binary)?;
        zip.write_all(&binary)?;
        zip.finish()?;
        Ok(path.metadata()?.len() as f64 / 1_000_000.0)
    }
}
