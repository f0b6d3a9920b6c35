//! `waybill portal ...`: the keys with which a customer's portal asks how orders fare.

use clap::Subcommand;
use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};
use serde_json::json;
use waybill::connection::Connection;
use waybill::domain::ConnectionId;
use waybill::flows::order_status::portal_secret;
use waybill::ports::Secrets;

use crate::Common;
use crate::connection;
use crate::keys::{key, rotated, sealed};
use crate::output::{Answer, Failure};
use crate::stack::Stack;

#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Makes the key with which a portal asks for orders of a connection; it is shown once
    #[command(after_help = "Examples:
  waybill portal create acme-netsuite-ups
  waybill portal create acme-netsuite-ups --json --by ada

The answer to a portal names shipments, parcels and milestones, and nothing else about the customer.")]
    Create { id: ConnectionId },
    /// Makes another key; the old one stays good until the next rotation
    #[command(after_help = "Examples:
  waybill portal rotate acme-netsuite-ups --yes --by ada

If a key has leaked, rotate twice: the second time it ends.")]
    Rotate { id: ConnectionId },
    /// Ends all keys: no portal is answered any more
    #[command(after_help = "Examples:\n  waybill portal remove acme-netsuite-ups --yes --by ada")]
    Remove { id: ConnectionId },
}

/// The body of a portal's secret, the newest key first. It has no `Debug`.
#[derive(Default, Serialize, Deserialize)]
struct Body {
    #[serde(default)]
    keys: Vec<String>,
}

impl Body {
    fn read(text: &str) -> Self {
        serde_json::from_str(text).unwrap_or_default()
    }
}

pub(crate) async fn run(verb: Verb, common: &Common) -> Result<Answer, Failure> {
    let stack = Stack::find(common).await?;
    match verb {
        Verb::Create { id } => create(&stack, common, &id).await,
        Verb::Rotate { id } => rotate(&stack, common, &id).await,
        Verb::Remove { id } => remove(&stack, common, &id).await,
    }
}

async fn create(stack: &Stack, common: &Common, id: &ConnectionId) -> Result<Answer, Failure> {
    let connection = stack.gate(id).await?.connection;
    if !standing(stack, &connection).await?.keys.is_empty() {
        return Err(Failure::new(format!(
            "the portal of {id} has a key already: `waybill portal rotate {id}` makes another"
        )));
    }
    let (api, body) = (stack.output("Api")?, Body { keys: vec![key()?] });
    connection::record(stack, common, id, "made a key for the portal").await?;
    store(stack, &connection, &body).await?;
    shown(api, id, &body, "the key is good at once")
}

async fn rotate(stack: &Stack, common: &Common, id: &ConnectionId) -> Result<Answer, Failure> {
    let connection = stack.gate(id).await?.connection;
    let before = standing(stack, &connection).await?;
    if before.keys.is_empty() {
        return Err(Failure::new(format!(
            "the portal of {id} has no key: `waybill portal create {id}` makes one"
        )));
    }
    let api = stack.output("Api")?;
    common.confirm(&format!("the portal of {id} gets another key; {}", ends(&before)))?;
    let body = Body {
        keys: rotated(&before.keys, key()?, true),
    };
    connection::record(stack, common, id, "rotated the key of the portal").await?;
    store(stack, &connection, &body).await?;
    let old = "the new key is good at once, and the old one until the next rotation";
    shown(api, id, &body, old)
}

/// What a rotation ends.
fn ends(before: &Body) -> &'static str {
    if before.keys.len() > 1 {
        "the one of today stays good until the next rotation, the one before it ends now"
    } else {
        "the one of today stays good until the next rotation"
    }
}

async fn remove(stack: &Stack, common: &Common, id: &ConnectionId) -> Result<Answer, Failure> {
    let connection = stack.gate(id).await?.connection;
    if standing(stack, &connection).await?.keys.is_empty() {
        return Err(Failure::new(format!(
            "the portal of {id} has no key: there is nothing to remove"
        )));
    }
    common.confirm(&format!("no portal of {id} is answered any more"))?;
    connection::record(stack, common, id, "removed the keys of the portal").await?;
    store(stack, &connection, &Body::default()).await?;
    Answer::new(
        &json!({ "connection": id, "removed": true }),
        format!("the portal of {id} has no key any more"),
    )
}

/// The connection is removed: whoever makes one of the same name later lets no old portal in.
pub(crate) async fn end(stack: &Stack, connection: &Connection) -> Result<(), Failure> {
    match standing(stack, connection).await?.keys.is_empty() {
        true => Ok(()),
        false => store(stack, connection, &Body::default()).await,
    }
}

async fn standing(stack: &Stack, connection: &Connection) -> Result<Body, Failure> {
    let text = stack.secrets()?.read(&portal_secret(connection)).await?;
    Ok(text.map(|text| Body::read(text.expose_secret())).unwrap_or_default())
}

async fn store(stack: &Stack, connection: &Connection, body: &Body) -> Result<(), Failure> {
    let name = portal_secret(connection);
    Ok(stack.secrets()?.set(&name, &sealed(body)?).await?)
}

fn shown(api: &str, id: &ConnectionId, body: &Body, good: &str) -> Result<Answer, Failure> {
    let key = body.keys.first().map_or("", String::as_str);
    let address = format!("{}/orders/{id}", api.trim_end_matches('/'));
    let text = format!(
        "key  {key}\n\nIt is not shown again; {good}. A portal sends it with every question, from its server and never from a \
         browser:\n\n  curl -H 'x-api-key: {key}' {address}/SO5012"
    );
    Answer::new(
        &json!({ "connection": id, "key": key, "address": format!("{address}/{{number}}") }),
        text,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id() -> ConnectionId {
        "acme-netsuite-ups".parse().unwrap()
    }

    #[test]
    fn a_new_key_is_told_once_with_a_request_that_works() {
        let body = Body {
            keys: vec!["new".to_owned(), "old".to_owned()],
        };
        let answer = shown("https://api.example.com/", &id(), &body, "fine").unwrap();
        let (text, _) = answer.for_people();
        let curl = "curl -H 'x-api-key: new' https://api.example.com/orders/acme-netsuite-ups/SO5012";
        assert!(text.contains(curl), "{text}");
        assert!(!text.contains("old"), "{text}");
    }

    #[test]
    fn a_secret_that_is_no_portals_has_no_keys() {
        for text in ["", "{}", "hunter2", r#"{"keys":7}"#] {
            assert!(Body::read(text).keys.is_empty(), "{text}");
        }
        assert_eq!(Body::read(r#"{"keys":["a","b"]}"#).keys, ["a", "b"]);
    }

    #[test]
    fn a_rotation_says_which_key_ends() {
        let body = |keys: &[&str]| Body {
            keys: keys.iter().map(|key| (*key).to_owned()).collect(),
        };
        assert!(!ends(&body(&["a"])).contains("ends now"));
        assert!(ends(&body(&["b", "a"])).contains("the one before it ends now"));
    }
}
