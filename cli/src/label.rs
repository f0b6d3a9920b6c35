//! `waybill label ...`: the keys that seal links to labels. A job's own links are `waybill job label`.

use clap::Subcommand;
use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};
use serde_json::json;
use waybill::flows::label_link::SEALS_ON;
use waybill::ports::Secrets;

use crate::Common;
use crate::connection;
use crate::keys::{key, sealed};
use crate::output::{Answer, Failure, note};
use crate::stack::Stack;

#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Makes another key for links to labels; links that were given out still open
    #[command(after_help = "Examples:
  waybill label rotate-key --yes --by ada
  waybill label rotate-key --end-old --yes --by ada

If a key has leaked, --end-old ends every link that was ever given out, those in the ERP too; it takes a minute, until
nothing is sealed with the old key any more. `waybill job label JOB --link` then prints new ones. The links of one job are ended by `waybill job label JOB --revoke`.")]
    RotateKey {
        /// End the old keys, and with them every link that was given out
        #[arg(long)]
        end_old: bool,
    },
}

/// The body of the secret: the key that seals, and those before it, the newest first. It has no `Debug`.
#[derive(Default, Serialize, Deserialize)]
struct Body {
    key: String,
    #[serde(default)]
    older: Vec<String>,
}

impl Body {
    fn read(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }

    fn rotated(before: Option<Self>, key: String) -> Self {
        let older = before.into_iter();
        let older = older.flat_map(|before| std::iter::once(before.key).chain(before.older));
        Self {
            key,
            older: older.collect(),
        }
    }

    fn end_old(&mut self) {
        self.older.clear();
    }
}

pub(crate) async fn run(verb: Verb, common: &Common) -> Result<Answer, Failure> {
    let stack = Stack::find(common).await?;
    match verb {
        Verb::RotateKey { end_old } => rotate_key(&stack, common, end_old).await,
    }
}

async fn rotate_key(stack: &Stack, common: &Common, end_old: bool) -> Result<Answer, Failure> {
    let name = stack.output("LabelKeys")?;
    let (secrets, new) = (stack.secrets()?, key()?);
    let before = secrets.read(name).await?;
    let before = before.and_then(|body| Body::read(body.expose_secret()));
    common.by()?;
    common.confirm(&means(end_old))?;
    for one in stack.connections(None).await? {
        connection::record(stack, common, &one.id, recorded(end_old)).await?;
    }
    let mut body = Body::rotated(before, new);
    secrets.set(name, &sealed(&body)?).await?;
    if end_old {
        note(&format!(
            "new links are sealed with another key; the old ones end in {} seconds (if you stop here they still open: begin again)",
            SEALS_ON.as_secs()
        ));
        tokio::time::sleep(SEALS_ON).await;
        let standing = secrets.read(name).await?;
        let standing = standing.and_then(|body| Body::read(body.expose_secret()));
        if standing.is_none_or(|standing| standing.key != body.key) {
            let words =
                "somebody has rotated the key meanwhile, and nothing was ended: old links still open. Begin again";
            return Err(Failure::new(words));
        }
        body.end_old();
        secrets.set(name, &sealed(&body)?).await?;
    }
    Answer::new(
        &json!({ "secret": name, "keys": body.older.len() + 1, "ended_old": end_old }),
        done(end_old).to_owned(),
    )
}

/// What a rotation does, in plain words.
fn means(end_old: bool) -> String {
    let links = if end_old {
        "every link to a label that was ever given out, those in the ERPs too, opens nothing any more"
    } else {
        "links that were given out still open"
    };
    format!("links to labels are sealed with another key, and {links}")
}

fn recorded(end_old: bool) -> &'static str {
    if end_old {
        "rotated the key of label links and ended every link that was given out"
    } else {
        "rotated the key of label links"
    }
}

fn done(end_old: bool) -> &'static str {
    if end_old {
        "new links are sealed with another key; the old ones open nothing any more, within another minute"
    } else {
        "new links are sealed with another key; the old ones still open"
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use waybill::domain::LabelKeys;

    /// The function that opens links reads what is written here, and every key that may still open one is in it.
    #[test]
    fn a_rotation_keeps_every_key_that_still_opens_links() {
        let first = Body::rotated(None, key().unwrap());
        let first_key = first.key.clone();
        let second = Body::rotated(Some(first), key().unwrap());
        let second_key = second.key.clone();
        let third = Body::rotated(Some(second), key().unwrap());
        assert_eq!(third.older, [second_key.as_str(), first_key.as_str()]);
        assert!(LabelKeys::read(&sealed(&third).unwrap()).is_some());
        let mut leaked = Body::rotated(Some(third), key().unwrap());
        leaked.end_old();
        assert!(leaked.older.is_empty() && leaked.key != second_key);
        assert!(LabelKeys::read(&sealed(&leaked).unwrap()).is_some());
    }

    #[test]
    fn the_key_that_the_stack_made_is_kept_and_what_is_none_is_not() {
        let made = Body::read(r#"{"key":"abc"}"#);
        assert_eq!(Body::rotated(made, "new".to_owned()).older, ["abc"]);
        assert!(Body::read("hunter2").is_none() && Body::read("{}").is_none());
    }

    #[test]
    fn what_ends_every_link_says_so_before() {
        assert!(means(true).contains("opens nothing any more"));
        assert!(means(false).contains("still open"));
    }
}
