//! `waybill secret ...`: credentials, checked for their shape and never shown.

use std::io::{IsTerminal, Read};
use std::path::{Path, PathBuf};

use clap::Subcommand;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use waybill::connection::SystemCheck;
use waybill::systems::check::Checks;

use crate::Common;
use crate::connection;
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
        Verb::Set { name, file } => set(&stack, common, &name, file.as_deref()).await,
        Verb::List => list(&stack).await,
    }
}

async fn set(stack: &Stack, common: &Common, name: &str, file: Option<&Path>) -> Result<Answer, Failure> {
    let name = full_name(stack.output("SecretPrefix")?, name)?;
    let body = body(file)?;
    let system = system(&name)?;
    let shape = Checks.check_secret(system, &body);
    shape.map_err(|refusal| Failure::new(format!("{refusal}. Nothing was stored")))?;
    for one in stack.connections(None).await? {
        if [&one.erp.secret, &one.carrier.secret].contains(&&name) {
            connection::record(stack, common, &one.id, &entered(&name, system, &body)).await?;
        }
    }
    stack.secrets()?.set(&name, &body).await?;
    Answer::new(&json!({ "secret": name }), format!("{name} is stored"))
}

/// What a connection's story says of a credential that is entered: never what it holds, always how it authenticates from now on.
fn entered(name: &str, system: &str, body: &SecretString) -> String {
    let body: Option<Value> = serde_json::from_str(body.expose_secret()).ok();
    let kind = body.as_ref().and_then(|body| body.get("kind")?.as_str());
    let by = match kind {
        Some("token-based") => {
            ": from now on it authenticates by token-based authentication (TBA), not by OAuth 2.0; Oracle lets nobody make new TBA integrations \
             from NetSuite 2027.1 on"
                .to_owned()
        }
        Some(kind) => format!(": from now on it authenticates by {kind}"),
        None => String::new(),
    };
    format!("entered another credential for {system} in {name}{by}")
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

    /// P58: that NetSuite is spoken to by token-based authentication from now on stands in the connection's story in plain words, and nothing
    /// of the credential does.
    #[test]
    fn another_way_to_authenticate_is_told_loudly() {
        let entered = |body: &str| entered("waybill/dev/acme/netsuite", "netsuite", &SecretString::from(body));
        let tba = entered(r#"{"kind":"token-based","consumer_key":"hunter2","token_secret":"hunter2"}"#);
        assert!(
            tba.contains("token-based authentication (TBA), not by OAuth 2.0"),
            "{tba}"
        );
        assert!(
            tba.contains("waybill/dev/acme/netsuite") && tba.contains("2027.1"),
            "{tba}"
        );
        let oauth = entered(r#"{"kind":"client-credentials","private_key":"hunter2"}"#);
        assert!(oauth.ends_with("by client-credentials"), "{oauth}");
        let keys = entered(r#"{"client_id":"hunter2"}"#);
        assert!([&tba, &oauth, &keys].iter().all(|text| !text.contains("hunter2")));
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
