//! `waybill brake ...`: stops every purchase of the stack at once.

use clap::Subcommand;
use jiff::Timestamp;
use serde_json::json;

use crate::Common;
use crate::output::{Answer, Failure};
use crate::stack::Stack;

#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Stops every purchase; what is bought already is still written back
    #[command(after_help = "Examples:\n  waybill brake on --reason \"wrong prices\" --by ada")]
    On {
        /// Why, for everybody who meets it
        #[arg(long)]
        reason: String,
    },
    /// Allows purchases again
    #[command(after_help = "Examples:\n  waybill brake off --yes --by ada")]
    Off,
    /// Shows whether it is on
    #[command(after_help = "Examples:\n  waybill brake show --json")]
    Show,
}

pub(crate) async fn run(verb: Verb, common: &Common) -> Result<Answer, Failure> {
    let stack = Stack::find(common).await?;
    match verb {
        Verb::On { reason } => set(&stack, common, Some(&reason)).await,
        Verb::Off => {
            common.confirm("purchases are allowed again, and orders that waited are bought")?;
            set(&stack, common, None).await
        }
        Verb::Show => show(&stack).await,
    }
}

async fn set(stack: &Stack, common: &Common, reason: Option<&str>) -> Result<Answer, Failure> {
    stack
        .store()?
        .set_brake(reason, &common.by()?, Timestamp::now())
        .await?;
    answer(reason)
}

async fn show(stack: &Stack) -> Result<Answer, Failure> {
    let store = stack.store()?;
    answer(store.brake().await?.as_deref())
}

fn answer(reason: Option<&str>) -> Result<Answer, Failure> {
    let text = match reason {
        Some(reason) => format!("the brake is on: {reason}. Nothing is bought until `waybill brake off`"),
        None => "the brake is off".to_owned(),
    };
    Answer::new(&json!({ "on": reason.is_some(), "reason": reason }), text)
}
