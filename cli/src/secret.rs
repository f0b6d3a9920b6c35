//! `waybill secret ...`: credentials, checked for their shape and never shown.

use std::io::{IsTerminal, Read};
use std::path::{Path, PathBuf};

use clap::Subcommand;
use secrecy::SecretString;
use serde_json::json;
use waybill::connection::SystemCheck;
use waybill::systems::check::Checks;

use crate::Common;
use crate::output::{Answer, Failure, table};
use crate::stack::Stack;

#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Stores a secret, from a prompt, from stdin or from a file
    #[command(after_help = "Examples:
  waybill secret set acme/netsuite --file netsuite.json
  waybill secret set waybill/dev/acme/ups
  pass show acme/ups | waybill secret set acme/ups

The body is a JSON object of texts. What it must hold depends on the system, which is the name's last part
(`ups`, or `ups-west` for a second one); a body of another shape is refused and nothing is stored.")]
    Set {
        /// waybill/<stage>/<tenant>/<system>, or <tenant>/<system>
        name: String,
        /// Read the body from this file
        #[arg(long)]
        file: Option<PathBuf>,
    },
    /// Lists the names of the stage's secrets
    #[command(after_help = "Examples:\n  waybill secret list")]
    List,
}

pub(crate) async fn run(verb: Verb, common: &Common) -> Result<Answer, Failure> {
    let stack = Stack::find(common).await?;
    match verb {
        Verb::Set { name, file } => set(&stack, &name, file.as_deref()).await,
        Verb::List => list(&stack).await,
    }
}

async fn set(stack: &Stack, name: &str, file: Option<&Path>) -> Result<Answer, Failure> {
    let name = full_name(stack.output("SecretPrefix")?, name)?;
    let body = body(file)?;
    let system = system(&name)?;
    let shape = Checks.check_secret(system, &body);
    shape.map_err(|refusal| Failure::new(format!("{refusal}. Nothing was stored")))?;
    stack.secrets()?.set(&name, &body).await?;
    Answer::new(&json!({ "secret": name }), format!("{name} is stored"))
}

async fn list(stack: &Stack) -> Result<Answer, Failure> {
    let names = stack.secrets()?.names().await?;
    let text = table(["secret"], names.iter().map(|name| [name.clone()]));
    Answer::new(&names, text)
}

fn full_name(prefix: &str, name: &str) -> Result<String, Failure> {
    let full = if name.starts_with("waybill/") {
        name.to_owned()
    } else {
        format!("{prefix}{name}")
    };
    let legal = |part: &str| !part.is_empty() && part.chars().all(|c| c.is_ascii_alphanumeric() || "-_".contains(c));
    let parts: Vec<&str> = full.strip_prefix(prefix).unwrap_or_default().split('/').collect();
    match parts.as_slice() {
        [tenant, system] if legal(tenant) && legal(system) => Ok(full),
        _ => Err(Failure::new(format!(
            "{name} is not the name of a secret here: it is {prefix}<tenant>/<system>"
        ))),
    }
}

fn body(file: Option<&Path>) -> Result<SecretString, Failure> {
    let text = match file {
        Some(file) => std::fs::read_to_string(file)
            .map_err(|error| Failure::new(format!("{} cannot be read: {error}", file.display()))),
        None if std::io::stdin().is_terminal() => {
            rpassword::prompt_password("The JSON body, in one line (it is not shown): ")
                .map_err(|error| unreadable(&error))
        }
        None => {
            let mut text = String::new();
            let read = std::io::stdin().read_to_string(&mut text);
            read.map(|_| text).map_err(|error| unreadable(&error))
        }
    };
    text.map(SecretString::from)
}

fn unreadable(error: &std::io::Error) -> Failure {
    Failure::new(format!("the body cannot be read: {error}"))
}

/// The system that a secret's name ends with: `ups`, or `ups-west` for a second one.
fn system(name: &str) -> Result<&str, Failure> {
    let last = name.rsplit('/').next().unwrap_or_default();
    if last.ends_with("-hook") {
        return Err(Failure::new(format!(
            "{name} holds the address and keys of a hook: `waybill hook create` and `hook rotate` make them"
        )));
    }
    let system = last.split(['-', '_']).next().unwrap_or_default();
    let known = [Checks.erps(), Checks.carriers()].concat();
    if known.contains(&system) {
        return Ok(system);
    }
    Err(Failure::new(format!(
        "{name} ends with no system that there is: {}",
        known.join(", ")
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_named_within_its_stage_and_tenant() {
        let full = |name| full_name("waybill/dev/", name).ok();
        assert_eq!(full("acme/ups").as_deref(), Some("waybill/dev/acme/ups"));
        assert_eq!(
            full("waybill/dev/acme/ups-west").as_deref(),
            Some("waybill/dev/acme/ups-west")
        );
        for bad in [
            "waybill/prod/acme/ups",
            "ups",
            "acme/",
            "acme/ups/x",
            "../acme/ups",
            "acme/u ps",
        ] {
            assert!(full(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn a_secret_belongs_to_the_system_that_its_name_ends_with() {
        assert_eq!(system("waybill/dev/acme/ups-west").ok(), Some("ups"));
        assert!(system("waybill/dev/acme/oracle").is_err());
        let hook = waybill::systems::hook_secret("waybill/dev/acme/ups");
        assert!(system(&hook).is_err(), "what a hook's secret holds is not entered");
    }

    #[test]
    fn a_body_of_another_shape_is_refused_without_showing_it() {
        for (system, body) in [
            ("ups", "hunter2"),
            ("ups", r#"{"client_secret":["hunter2"]}"#),
            ("netsuite", "{\"kind\":\"hunter2\"}"),
        ] {
            let refusal = Checks.check_secret(system, &SecretString::from(body)).unwrap_err();
            assert!(!refusal.to_string().contains("hunter2"), "{refusal}");
        }
    }
}
