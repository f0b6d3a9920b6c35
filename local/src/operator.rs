//! The operator: the `waybill` command, run as a person runs it.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use tokio::io::AsyncWriteExt;
use tokio::process::Command;

use crate::aws;
use crate::failure::{Failure, Outcome, While};
use crate::place::Place;
use crate::stack::Description;

/// The example connection's id.
pub const CONNECTION: &str = "acme-netsuite-ups";
const TENANT: &str = "acme";

/// The command with the environment that it needs.
#[derive(Debug, Clone)]
pub struct Operator {
    binary: PathBuf,
    endpoint: String,
    stack: String,
}

impl Operator {
    /// The operator of a deployment.
    #[must_use]
    pub fn of(binary: &Path, description: &Description) -> Self {
        let (endpoint, stack) = (description.endpoint.clone(), description.stack.clone());
        Self {
            binary: binary.to_owned(),
            endpoint,
            stack,
        }
    }

    /// Where the command is.
    #[must_use]
    pub fn binary(&self) -> &Path {
        &self.binary
    }

    /// Runs `waybill` with these arguments; answers what it printed.
    ///
    /// # Errors
    /// It fails: what it said.
    pub async fn waybill(&self, arguments: &[&str]) -> Outcome<String> {
        self.run(arguments, None).await
    }

    async fn run(&self, arguments: &[&str], input: Option<&str>) -> Outcome<String> {
        let doing = format!("waybill {}", arguments.join(" "));
        let mut command = Command::new(&self.binary);
        command
            .args(arguments)
            .envs(aws::environment(&self.endpoint))
            .env("WAYBILL_STACK", &self.stack)
            .env("USER", "demo")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        let mut child = command.spawn().doing(&doing)?;
        if let Some(mut stdin) = child.stdin.take() {
            stdin
                .write_all(input.unwrap_or_default().as_bytes())
                .await
                .doing(&doing)?;
        }
        let output = child.wait_with_output().await.doing(&doing)?;
        if output.status.success() {
            Ok(String::from_utf8_lossy(&output.stdout).into_owned())
        } else {
            let said = [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).trim().to_owned());
            Err(Failure::new(format!("{doing}:\n{}", said.join("\n"))))
        }
    }

    /// Stores a system's credentials.
    ///
    /// # Errors
    /// The secret is refused.
    pub async fn set_secret(&self, system: &str, body: &serde_json::Value) -> Outcome<()> {
        let name = format!("{TENANT}/{system}");
        self.run(&["secret", "set", &name], Some(&body.to_string()))
            .await
            .map(|_| ())
    }

    /// Applies the example connection with these addresses in place of its marks, and starts it.
    ///
    /// # Errors
    /// The file is refused, or a check of the systems fails.
    pub async fn connect(&self, place: &Place, urls: &std::collections::BTreeMap<String, String>) -> Outcome<()> {
        let mut text = std::fs::read_to_string(place.own("connections/netsuite-ups.toml"))
            .doing("reading the example connection")?;
        for (system, url) in urls {
            text = text.replace(&format!("@{}_URL@", system.to_uppercase()), url);
        }
        let file = place.own_folder().join("netsuite-ups.toml");
        std::fs::write(&file, text).doing("writing the connection's file")?;
        let path = file.to_string_lossy();
        self.waybill(&["connection", "apply", &path]).await?;
        self.hook().await?;
        self.waybill(&["connection", "check", CONNECTION]).await?;
        self.waybill(&["connection", "resume", CONNECTION, "--yes"])
            .await
            .map(|_| ())
    }

    /// Makes the address to which the carrier pushes, unless a kept stack has it already.
    async fn hook(&self) -> Outcome<()> {
        let hooks = self.waybill(&["hook", "list"]).await?;
        if hooks.contains(CONNECTION) {
            return Ok(());
        }
        // What it prints is a secret of a stack on this machine, and nobody needs it.
        self.waybill(&["hook", "create", CONNECTION, "--carrier"])
            .await
            .map(|_| ())
    }

    /// Polls the ERP now.
    ///
    /// # Errors
    /// The poller fails.
    pub async fn poll(&self) -> Outcome<()> {
        self.waybill(&["connection", "poll", CONNECTION]).await.map(|_| ())
    }
}
