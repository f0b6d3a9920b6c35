//! The virtual environment with MiniStack: `target/local/venv`, installed from `requirements.txt` with hashes and used again
//! while that file stays the same.

use std::path::PathBuf;
use std::process::Stdio;

use tokio::fs;
use tokio::process::Command;

use crate::failure::{Failure, Outcome, While};
use crate::place::Place;
use crate::progress::Line;

/// A virtual environment that holds what `requirements.txt` asks for.
#[derive(Debug, Clone)]
pub struct Venv {
    folder: PathBuf,
}

impl Venv {
    /// The environment of the workspace, made or remade where that is needed.
    ///
    /// # Errors
    /// Python or pip fails; pip's own words are part of the failure.
    pub async fn ready(place: &Place, line: &Line) -> Outcome<Self> {
        let venv = Self {
            folder: place.shared().join("venv"),
        };
        let requirements = place.own("requirements.txt");
        let wanted = fs::read(&requirements)
            .await
            .doing(format_args!("reading {}", requirements.display()))?;
        if fs::read(venv.installed())
            .await
            .is_ok_and(|installed| installed == wanted)
        {
            return Ok(venv);
        }
        line.at("creating the virtual environment");
        let create = Command::new("python3")
            .args(["-m", "venv", "--clear"])
            .arg(&venv.folder)
            .output();
        succeeded("python3 -m venv", create.await)?;
        line.at("installing MiniStack (the first time takes a minute)");
        let mut pip = Command::new(venv.python());
        pip.args([
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
            "--no-input",
        ]);
        pip.args(["--require-hashes", "--only-binary", ":all:", "--requirement"])
            .arg(&requirements);
        succeeded("pip install", pip.stdin(Stdio::null()).output().await)?;
        fs::write(venv.installed(), wanted)
            .await
            .doing("noting what is installed")?;
        Ok(venv)
    }

    /// The environment's Python.
    #[must_use]
    pub fn python(&self) -> PathBuf {
        self.folder.join("bin/python")
    }

    /// A copy of the requirements, written last: it is there only when the environment is whole.
    fn installed(&self) -> PathBuf {
        self.folder.join("installed-requirements.txt")
    }
}

fn succeeded(what: &str, output: std::io::Result<std::process::Output>) -> Outcome<()> {
    let output = output.doing(what)?;
    if output.status.success() {
        return Ok(());
    }
    Err(Failure::new(format!(
        "{what} failed:\n{}",
        String::from_utf8_lossy(&output.stderr).trim()
    )))
}
