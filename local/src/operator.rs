//! The operator: the `waybill` command, run as a person runs it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use serde::Deserialize;
use serde_json::Value;
use tokio::io::AsyncWriteExt;
use tokio::process::Command;
use tokio::task::JoinSet;

use crate::aws;
use crate::carrier::Carrier;
use crate::failure::{Failure, Outcome, While};
use crate::pairing::Name;
use crate::place::Place;
use crate::stack::Description;

/// Whose the connections are.
const TENANT: &str = "acme";

/// An address to which a carrier pushes, as it was made.
#[derive(Debug, Clone)]
pub struct MadeHook {
    /// Whose pushes come there.
    pub carrier: Carrier,
    /// The address; whoever knows it can send to it.
    pub address: String,
    /// The key by which the carrier proves who it is.
    pub key: String,
}

/// What `waybill hook create --json` prints.
#[derive(Deserialize)]
struct Printed {
    address: String,
    #[serde(default)]
    key: Option<String>,
}

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

    /// Runs several commands beside each other.
    ///
    /// # Errors
    /// One fails: what it said. The others are stopped.
    async fn all(&self, commands: impl IntoIterator<Item = (Vec<String>, Option<String>)>) -> Outcome<()> {
        let mut running = JoinSet::new();
        for (arguments, input) in commands {
            let operator = self.clone();
            running.spawn(async move {
                let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
                operator.run(&arguments, input.as_deref()).await
            });
        }
        while let Some(ended) = running.join_next().await {
            ended.doing("running waybill")??;
        }
        Ok(())
    }

    /// Runs the same command for each of these connections, beside each other.
    async fn each(&self, connections: &[Name], verb: &str, flags: &[&str]) -> Outcome<()> {
        let command = |name: &Name| {
            let arguments = ["connection", verb, name.connection()];
            let arguments = arguments.iter().chain(flags).map(|word| (*word).to_owned());
            (arguments.collect(), None)
        };
        self.all(connections.iter().map(command)).await
    }

    /// Stores the credentials of systems, by their names.
    ///
    /// # Errors
    /// A secret is refused.
    pub async fn set_secrets(&self, secrets: &[(&str, Value)]) -> Outcome<()> {
        let command = |(system, body): &(&str, Value)| {
            let name = format!("{TENANT}/{system}");
            let arguments = ["secret", "set", &name].map(str::to_owned).to_vec();
            (arguments, Some(body.to_string()))
        };
        self.all(secrets.iter().map(command)).await
    }

    /// Applies the connections of these pairings with addresses in place of their marks, and starts them; answers the hooks that were
    /// made for their carriers.
    ///
    /// # Errors
    /// A file is refused, or a check of the systems fails.
    pub async fn connect(
        &self,
        place: &Place,
        names: &[Name],
        urls: &BTreeMap<String, String>,
    ) -> Outcome<Vec<MadeHook>> {
        let files = names.iter().map(|name| filled(place, *name, urls));
        let files: Vec<String> = files.collect::<Outcome<_>>()?;
        let apply = |file: &String| (["connection", "apply", file].map(str::to_owned).to_vec(), None);
        self.all(files.iter().map(apply)).await?;
        let hooks = self.hooks(names).await?;
        self.each(names, "check", &[]).await?;
        self.each(names, "resume", &["--yes"]).await?;
        Ok(hooks)
    }

    /// Makes the addresses to which the carriers push, unless a kept stack has them already: the connections of a carrier share its
    /// credential, and a hook belongs to a credential.
    async fn hooks(&self, names: &[Name]) -> Outcome<Vec<MadeHook>> {
        let there = self.waybill(&["hook", "list"]).await?;
        let mut of: BTreeMap<Carrier, Vec<Name>> = BTreeMap::new();
        for name in names {
            of.entry(name.carrier()).or_default().push(*name);
        }
        let mut made = Vec::new();
        for (carrier, names) in of {
            let Some(first) = names.first() else { continue };
            if !names.iter().any(|name| there.contains(name.connection())) {
                made.push(self.hook(carrier, *first).await?);
            } else if carrier == Carrier::ShipStation {
                // The stack was kept, and the ShipStation of this time has never been told where to push.
                self.waybill(&["hook", "create", first.connection(), "--carrier"])
                    .await?;
            }
        }
        Ok(made)
    }

    async fn hook(&self, carrier: Carrier, of: Name) -> Outcome<MadeHook> {
        let create = ["hook", "create", of.connection(), "--carrier", "--json"];
        let printed = self.waybill(&create).await?;
        let printed: Printed = serde_json::from_str(&printed).doing("reading what `waybill hook create` printed")?;
        Ok(MadeHook {
            carrier,
            address: printed.address,
            key: printed.key.unwrap_or_default(),
        })
    }

    /// Voids what was bought for jobs of a connection whose label can not be had again; answers these jobs.
    ///
    /// # Errors
    /// The jobs cannot be listed, or one cannot be voided.
    pub async fn void_lost_labels(&self, name: Name) -> Outcome<Vec<String>> {
        let list = [
            "job",
            "list",
            "--connection",
            name.connection(),
            "--state",
            "held",
            "--json",
        ];
        let printed = self.waybill(&list).await?;
        let jobs: Vec<Value> = serde_json::from_str(&printed).doing("reading what `waybill job list` printed")?;
        let lost = jobs.iter().filter_map(lost_label);
        let lost: Vec<String> = lost.map(str::to_owned).collect();
        for job in &lost {
            self.waybill(&["job", "void", job, "--yes"]).await?;
        }
        Ok(lost)
    }

    /// Says for what left a desk under a number that the ERP does not know, and is held for that, which order is meant.
    ///
    /// # Errors
    /// The jobs cannot be listed, or the word is not taken.
    pub async fn resolve_unknown(&self, connection: &str, unknown: &str, number: &str) -> Outcome<()> {
        let list = ["job", "list", "--connection", connection, "--state", "held", "--json"];
        let printed = self.waybill(&list).await?;
        let jobs: Vec<Value> = serde_json::from_str(&printed).doing("reading what `waybill job list` printed")?;
        let named = |job: &&Value| job.pointer("/job/number").and_then(Value::as_str) == Some(unknown);
        let held = jobs.iter().find(named).and_then(|job| job.pointer("/job/id")?.as_str());
        if let Some(job) = held {
            self.waybill(&["job", "resolve", job, "--order", number, "--yes"])
                .await?;
        }
        Ok(())
    }

    /// Polls these ERPs now, all at once.
    ///
    /// # Errors
    /// A poller fails.
    pub async fn poll(&self, names: &[Name]) -> Outcome<()> {
        self.each(names, "poll", &[]).await
    }

    /// Pauses these connections.
    ///
    /// # Errors
    /// One cannot be paused.
    pub async fn pause(&self, names: &[Name]) -> Outcome<()> {
        self.each(names, "pause", &[]).await
    }
}

/// Writes a pairing's connection with these addresses in place of its marks; answers the file's path.
fn filled(place: &Place, name: Name, urls: &BTreeMap<String, String>) -> Outcome<String> {
    let file = format!("{}.toml", name.id());
    let text = std::fs::read_to_string(place.own(&format!("connections/{file}")));
    let mut text = text.doing(format_args!("reading connections/{file}"))?;
    for (system, url) in urls {
        let mark = system.to_uppercase().replace('-', "_");
        text = text.replace(&format!("@{mark}_URL@"), url);
    }
    let own = place.own_folder().join(&file);
    std::fs::write(&own, text).doing("writing the connection's file")?;
    Ok(own.to_string_lossy().into_owned())
}

/// The id of a job that is held because its label was lost, and that nobody has voided yet.
fn lost_label(listed: &Value) -> Option<&str> {
    let reason = listed.pointer("/job/hold/reason")?.as_str()?;
    let voided = listed.pointer("/job/void").is_some_and(|wish| !wish.is_null());
    let id = listed.pointer("/job/id")?.as_str()?;
    (reason == "label-lost" && !voided).then_some(id)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_a_lost_label_that_nobody_has_voided_is_voided() {
        let held =
            |reason: &str, void: Value| json!({ "job": { "id": "A", "hold": { "reason": reason }, "void": void } });
        assert_eq!(lost_label(&held("label-lost", Value::Null)), Some("A"));
        assert_eq!(lost_label(&held("label-lost", json!({ "by": "ann" }))), None);
        assert_eq!(lost_label(&held("missing-data", Value::Null)), None);
        assert_eq!(lost_label(&json!({ "job": { "id": "A" } })), None);
    }
}
