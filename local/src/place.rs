//! Where things are: the workspace, and what this crate keeps under `target/local`.

use std::path::{Path, PathBuf};

/// The name of the deployment that a person keeps.
pub const KEPT: &str = "kept";

/// The workspace and one named deployment in it. Two deployments with different names can run at once.
#[derive(Debug, Clone)]
pub struct Place {
    root: PathBuf,
    name: String,
}

impl Place {
    /// The deployment that `cargo local up` keeps, where it is given no name.
    #[must_use]
    pub fn kept() -> Self {
        Self::named(KEPT)
    }

    /// A deployment called `name`.
    #[must_use]
    pub fn named(name: &str) -> Self {
        let crate_folder = Path::new(env!("CARGO_MANIFEST_DIR"));
        Self {
            root: crate_folder.parent().unwrap_or(crate_folder).to_owned(),
            name: name.to_owned(),
        }
    }

    /// The workspace's folder.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// A file of this crate.
    #[must_use]
    pub fn own(&self, file: &str) -> PathBuf {
        self.root.join("local").join(file)
    }

    /// The SAM template.
    #[must_use]
    pub fn template(&self) -> PathBuf {
        self.root.join("infra/template.yaml")
    }

    /// What all deployments share: the virtual environment and the zips.
    #[must_use]
    pub fn shared(&self) -> PathBuf {
        self.root.join("target/local")
    }

    /// What belongs to this deployment alone: the emulator's log and its files.
    #[must_use]
    pub fn own_folder(&self) -> PathBuf {
        self.shared().join(&self.name)
    }

    /// The description of the deployment that runs.
    #[must_use]
    pub fn stack_file(&self) -> PathBuf {
        match self.name.as_str() {
            KEPT => self.shared().join("stack.json"),
            _ => self.own_folder().join("stack.json"),
        }
    }
}
