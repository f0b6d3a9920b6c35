//! `waybill queue ...`: the queues of jobs, of tracking and of stock, their dead letters, and scheduled runs that failed.

use std::collections::BTreeMap;

use aws_sdk_sqs::Client;
use aws_sdk_sqs::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_sqs::types::{Message, MessageSystemAttributeName, QueueAttributeName};
use clap::Subcommand;
use jiff::Timestamp;
use serde::Serialize;
use waybill::aws::Dynamo;
use waybill::domain::{ConnectionId, JobId, ParcelKey, TenantId};
use waybill::ports::{self, Captures, Connections, Jobs, Parcels, StockMessage, TrackingMessage};

use crate::Common;
use crate::output::{Answer, Failure, note, table, when};
use crate::stack::{Stack, said};

/// A queue of a stack.
struct Queue {
    /// What people call it.
    name: &'static str,
    /// The stack's output with its URL.
    output: &'static str,
    /// What waits there.
    holds: &'static str,
}

/// A queue that has dead letters, and they.
struct Pair {
    queue: Queue,
    dead: Queue,
}

/// Every queue whose messages a worker takes.
const PAIRS: [Pair; 3] = [
    Pair {
        queue: Queue {
            name: "shipments",
            output: "ShipmentsQueue",
            holds: "jobs that a worker should look at",
        },
        dead: Queue {
            name: "dead-letters",
            output: "ShipmentsDeadLetters",
            holds: "messages of shipments that failed five times or are not ours",
        },
    },
    Pair {
        queue: Queue {
            name: "tracking",
            output: "TrackingQueue",
            holds: "webhooks and parcels that a worker should look at",
        },
        dead: Queue {
            name: "tracking-dead-letters",
            output: "TrackingDeadLetters",
            holds: "messages of tracking that failed five times or are not ours",
        },
    },
    Pair {
        queue: Queue {
            name: "stock",
            output: "StockQueue",
            holds: "connections whose desk is to be told of stock or customers",
        },
        dead: Queue {
            name: "stock-dead-letters",
            output: "StockDeadLetters",
            holds: "messages of stock that failed five times or are not ours",
        },
    },
];

const FAILED_RUNS: Queue = Queue {
    name: "failed-runs",
    output: "FailedInvocations",
    holds: "scheduled runs that failed; the next run of the schedule does their work",
};

/// How many messages one request takes.
const BATCH: i32 = 10;

/// For how long a dead letter is hidden while it is moved, in seconds.
const HIDDEN: i32 = 60;

#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Lists the queues with what waits in each, and the first dead letters with their reasons
    #[command(after_help = "Examples:\n  waybill queue list\n  waybill queue list --json")]
    List,
    /// Moves dead letters back into the queues that they came from; always safe, nothing happens twice
    #[command(after_help = "Examples:
  waybill queue redrive
  waybill queue redrive --json

A message that is not ours comes back to the dead letters with its reason.")]
    Redrive,
}

#[derive(Debug, Serialize)]
struct Shown {
    queue: &'static str,
    holds: &'static str,
    visible: u64,
    in_flight: u64,
    delayed: u64,
}

#[derive(Debug, Serialize)]
struct DeadLetter {
    /// The queue that it came from.
    queue: &'static str,
    job: Option<JobId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    parcel: Option<ParcelKey>,
    /// The captured webhook.
    #[serde(skip_serializing_if = "Option::is_none")]
    webhook: Option<String>,
    /// What a desk is to be told of, and whose desk.
    #[serde(skip_serializing_if = "Option::is_none")]
    desk: Option<StockMessage>,
    /// The body, where it names nothing of ours.
    #[serde(skip_serializing_if = "Option::is_none")]
    body: Option<String>,
    reason: String,
    sent_at: Option<Timestamp>,
}

/// What a message names.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Named {
    Job(JobId),
    Parcel(ParcelKey),
    Webhook(String),
    Desk(StockMessage),
}

pub(crate) async fn run(verb: Verb, common: &Common) -> Result<Answer, Failure> {
    let stack = Stack::find(common).await?;
    match verb {
        Verb::List => list(&stack).await,
        Verb::Redrive => redrive(&stack).await,
    }
}

async fn list(stack: &Stack) -> Result<Answer, Failure> {
    let client = stack.sqs();
    let (mut queues, mut letters) = (Vec::new(), Vec::new());
    for Pair { queue, dead } in &PAIRS {
        queues.push(counted(stack, &client, queue).await?);
        queues.push(counted(stack, &client, dead).await?);
        let waiting = receive(&client, stack.output(dead.output)?, 0).await?;
        letters.extend(waiting.iter().map(|message| dead_letter(queue.name, message)));
    }
    queues.push(counted(stack, &client, &FAILED_RUNS).await?);
    let mut text = table(
        ["queue", "waiting", "in work", "delayed", "holds"],
        queues.iter().map(row),
    );
    if !letters.is_empty() {
        let rows = letters.iter().map(letter_row);
        text = format!("{text}\n\n{}", table(["dead letter", "of", "sent", "reason"], rows));
    }
    Answer::new(&serde_json::json!({ "queues": queues, "dead_letters": letters }), text)
}

async fn counted(stack: &Stack, client: &Client, queue: &Queue) -> Result<Shown, Failure> {
    let counted = attributes(client, stack.output(queue.output)?).await?;
    let count = |name: QueueAttributeName| {
        counted
            .get(name.as_str())
            .and_then(|text| text.parse().ok())
            .unwrap_or(0)
    };
    Ok(Shown {
        queue: queue.name,
        holds: queue.holds,
        visible: count(QueueAttributeName::ApproximateNumberOfMessages),
        in_flight: count(QueueAttributeName::ApproximateNumberOfMessagesNotVisible),
        delayed: count(QueueAttributeName::ApproximateNumberOfMessagesDelayed),
    })
}

fn row(shown: &Shown) -> [String; 5] {
    let numbers = [shown.visible, shown.in_flight, shown.delayed].map(|number| number.to_string());
    let [visible, in_flight, delayed] = numbers;
    [
        shown.queue.to_owned(),
        visible,
        in_flight,
        delayed,
        shown.holds.to_owned(),
    ]
}

fn letter_row(letter: &DeadLetter) -> [String; 4] {
    let job = letter.job.as_ref().map(ToString::to_string);
    let parcel = letter
        .parcel
        .as_ref()
        .map(|key| format!("parcel {} of {}", key.number, key.connection));
    let webhook = letter.webhook.as_ref().map(|id| format!("webhook {id}"));
    let desk = letter.desk.as_ref().map(|message| match message {
        StockMessage::Stock(connection) => format!("stock of {connection}"),
        StockMessage::Customers(connection) => format!("customers of {connection}"),
    });
    let names = job.or(parcel).or(webhook).or(desk).or_else(|| letter.body.clone());
    [
        names.unwrap_or_default(),
        letter.queue.to_owned(),
        letter.sent_at.map(when).unwrap_or_default(),
        letter.reason.clone(),
    ]
}

fn dead_letter(queue: &'static str, message: &Message) -> DeadLetter {
    let named = named(message);
    let given = message.message_attributes().and_then(|all| all.get("reason"));
    let given = given.and_then(|reason| reason.string_value());
    let sent = message
        .attributes()
        .and_then(|all| all.get(&MessageSystemAttributeName::SentTimestamp));
    let sent = sent.and_then(|text| text.parse().ok());
    let body = message.body().unwrap_or_default().chars().take(60).collect();
    let (mut job, mut parcel, mut webhook, mut desk) = (None, None, None, None);
    let nothing = named.is_none();
    match named {
        Some(Named::Job(id)) => job = Some(id),
        Some(Named::Parcel(key)) => parcel = Some(key),
        Some(Named::Webhook(id)) => webhook = Some(id),
        Some(Named::Desk(message)) => desk = Some(message),
        None => {}
    }
    DeadLetter {
        queue,
        job,
        parcel,
        webhook,
        desk,
        body: nothing.then_some(body),
        reason: given
            .unwrap_or("it failed five times: the workers' log says why")
            .to_owned(),
        sent_at: sent.and_then(|milliseconds| Timestamp::from_millisecond(milliseconds).ok()),
    }
}

fn named(message: &Message) -> Option<Named> {
    let body = message.body()?;
    if let Ok(message) = serde_json::from_str::<ports::Message>(body) {
        return Some(Named::Job(message.job));
    }
    if let Ok(message) = serde_json::from_str::<StockMessage>(body) {
        return Some(Named::Desk(message));
    }
    match serde_json::from_str::<TrackingMessage>(body) {
        Ok(TrackingMessage::Hook(id)) => Some(Named::Webhook(id)),
        Ok(TrackingMessage::Parcel(key)) => Some(Named::Parcel(key)),
        // They have one connection and one customer: the first stands for all.
        Ok(TrackingMessage::Parcels(keys)) => keys.into_iter().next().map(Named::Parcel),
        Err(_) => None,
    }
}

/// The customer whose messages wait in one group with it.
async fn tenant(store: &Dynamo, message: &Message) -> Result<Option<String>, Failure> {
    let tenant = match named(message) {
        Some(Named::Job(job)) => store.load(&job).await?.map(|job| job.tenant),
        Some(Named::Parcel(key)) => {
            let found = store.parcels(&[key]).await?;
            found.into_iter().next().map(|parcel| parcel.tenant)
        }
        Some(Named::Webhook(id)) => store.captured(&id).await?.map(|captured| captured.tenant),
        Some(Named::Desk(StockMessage::Stock(id) | StockMessage::Customers(id))) => tenant_of(store, &id).await?,
        None => None,
    };
    Ok(tenant.map(|tenant| tenant.to_string()))
}

async fn tenant_of(store: &Dynamo, id: &ConnectionId) -> Result<Option<TenantId>, Failure> {
    Ok(store.gate(id).await?.map(|gate| gate.connection.tenant))
}

async fn attributes(client: &Client, url: &str) -> Result<BTreeMap<String, String>, Failure> {
    let request = client.get_queue_attributes().queue_url(url);
    let answer = request.attribute_names(QueueAttributeName::All).send().await;
    let answer = answer.map_err(|error| said("a queue cannot be read", &error))?;
    let all = answer.attributes().into_iter().flatten();
    Ok(all
        .map(|(name, value)| (name.as_str().to_owned(), value.clone()))
        .collect())
}

async fn receive(client: &Client, url: &str, hidden: i32) -> Result<Vec<Message>, Failure> {
    let request = client.receive_message().queue_url(url).max_number_of_messages(BATCH);
    let request = request
        .visibility_timeout(hidden)
        .wait_time_seconds(0)
        .message_attribute_names("All");
    let answer = request
        .message_system_attribute_names(MessageSystemAttributeName::All)
        .send()
        .await;
    let answer = answer.map_err(|error| said("the dead letters cannot be read", &error))?;
    Ok(answer.messages.unwrap_or_default())
}

async fn redrive(stack: &Stack) -> Result<Answer, Failure> {
    let client = stack.sqs();
    let mut moved = BTreeMap::new();
    for Pair { queue, dead } in &PAIRS {
        let (from, to) = (stack.output(dead.output)?, stack.output(queue.output)?);
        let count = match begin_move_task(&client, from, to).await? {
            Some(arn) => watch_move_task(&client, &arn).await?,
            None => move_by_hand(stack, &client, from, to).await?,
        };
        moved.insert(queue.name, count);
    }
    let all: u64 = moved.values().sum();
    let document = serde_json::json!({ "moved": all, "queues": moved });
    Answer::new(&document, redriven(&moved))
}

fn redriven(moved: &BTreeMap<&str, u64>) -> String {
    let some = moved.iter().filter(|(_, count)| **count > 0);
    let told: Vec<String> = some
        .map(|(queue, count)| match count {
            1 => format!("1 message is back in the queue {queue}"),
            count => format!("{count} messages are back in the queue {queue}"),
        })
        .collect();
    if told.is_empty() {
        "there are no dead letters".to_owned()
    } else {
        told.join("\n")
    }
}

/// The queue that is being emptied, or `None` where the service has no such tasks. The destination is named, because what a
/// worker put aside has no queue that it came from.
async fn begin_move_task(client: &Client, from: &str, to: &str) -> Result<Option<String>, Failure> {
    let (from, to) = (arn(client, from).await?, arn(client, to).await?);
    let task = client.start_message_move_task().source_arn(&from).destination_arn(to);
    match task.send().await {
        Ok(_) => Ok(Some(from)),
        Err(error) if is_missing(&error) => Ok(None),
        Err(error) => Err(said("the dead letters cannot be moved", &error)),
    }
}

async fn arn(client: &Client, url: &str) -> Result<String, Failure> {
    let known = attributes(client, url).await?;
    let arn = known.get(QueueAttributeName::QueueArn.as_str()).cloned();
    arn.ok_or_else(|| Failure::new("a queue does not tell its ARN"))
}

/// Whether the service says that it does not know the operation, as emulators do.
fn is_missing<E: ProvideErrorMetadata, R>(error: &SdkError<E, R>) -> bool {
    let code = error.code().unwrap_or_default();
    [
        "UnknownOperation",
        "InvalidAction",
        "NotImplemented",
        "UnsupportedOperation",
    ]
    .iter()
    .any(|missing| code.contains(missing))
}

async fn watch_move_task(client: &Client, arn: &str) -> Result<u64, Failure> {
    loop {
        let answer = client
            .list_message_move_tasks()
            .source_arn(arn)
            .max_results(1)
            .send()
            .await;
        let answer = answer.map_err(|error| said("the move cannot be watched; it goes on", &error))?;
        let task = answer.results().first();
        let moved = task.map_or(0, |task| task.approximate_number_of_messages_moved());
        match task.and_then(|task| task.status()) {
            Some("RUNNING") | Some("CANCELLING") => {
                note(&format!("{moved} moved"));
                tokio::time::sleep(std::time::Duration::from_secs(1)).await;
            }
            Some("FAILED") => {
                let why = task.and_then(|task| task.failure_reason()).unwrap_or("no reason given");
                return Err(Failure::new(format!(
                    "the move stopped after {moved} messages: {why}. Nothing is lost: say it again"
                )));
            }
            _ => return Ok(u64::try_from(moved).unwrap_or(0)),
        }
    }
}

/// Sends each message anew and deletes it afterwards: a crash in between leaves it twice, which is harmless.
async fn move_by_hand(stack: &Stack, client: &Client, from: &str, to: &str) -> Result<u64, Failure> {
    let store = stack.store()?;
    let waiting = attributes(client, from).await?;
    let count = waiting.get(QueueAttributeName::ApproximateNumberOfMessages.as_str());
    // Those that come back meanwhile are left for the next time.
    let most: u64 = count.and_then(|text| text.parse().ok()).unwrap_or(0);
    let mut moved = 0;
    while moved < most {
        let letters = receive(client, from, HIDDEN).await?;
        if letters.is_empty() {
            break;
        }
        for letter in letters {
            let tenant = tenant(&store, &letter).await?;
            let send = client
                .send_message()
                .queue_url(to)
                .set_message_body(letter.body.clone());
            let sent = send.set_message_group_id(tenant).send().await;
            sent.map_err(|error| said("a message cannot be sent", &error))?;
            let delete = client
                .delete_message()
                .queue_url(from)
                .set_receipt_handle(letter.receipt_handle);
            let deleted = delete.send().await;
            deleted.map_err(|error| said("a message was sent, and is still among the dead letters", &error))?;
            moved += 1;
        }
        note(&format!("{moved} of {most} moved"));
    }
    Ok(moved)
}

#[cfg(test)]
mod tests {
    use aws_sdk_sqs::types::MessageAttributeValue;

    use super::*;

    #[test]
    fn a_dead_letter_is_told_by_its_job_or_its_body_and_with_its_reason() {
        let job = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
        let ours = Message::builder().body(format!(r#"{{"job":"{job}"}}"#)).build();
        let shown = dead_letter("shipments", &ours);
        assert_eq!(shown.job.map(|job| job.to_string()).as_deref(), Some(job));
        assert!(shown.reason.contains("five times"));
        let reason = MessageAttributeValue::builder()
            .data_type("String")
            .string_value("it does not name a job");
        let foreign = Message::builder()
            .body("hello")
            .message_attributes("reason", reason.build().unwrap());
        let shown = dead_letter(
            "tracking",
            &foreign
                .attributes(MessageSystemAttributeName::SentTimestamp, "1763637300123")
                .build(),
        );
        assert_eq!(
            (shown.body.as_deref(), shown.reason.as_str()),
            (Some("hello"), "it does not name a job")
        );
        assert!(shown.sent_at.is_some());
    }

    #[test]
    fn a_dead_letter_of_tracking_is_told_by_its_parcel_or_webhook() {
        let key = r#"{"parcel":{"connection":"acme","number":"1Z1"}}"#;
        let shown = dead_letter("tracking", &Message::builder().body(key).build());
        assert_eq!(letter_row(&shown)[..2], ["parcel 1Z1 of acme", "tracking"]);
        assert!(shown.body.is_none() && shown.job.is_none());
        let shown = dead_letter("tracking", &Message::builder().body(r#"{"hook":"W7"}"#).build());
        assert_eq!(letter_row(&shown)[0], "webhook W7");
        let shown = dead_letter("stock", &Message::builder().body(r#"{"customers":"acme"}"#).build());
        assert_eq!(letter_row(&shown)[..2], ["customers of acme", "stock"]);
    }

    #[test]
    fn what_is_back_is_told_by_queue() {
        let none = BTreeMap::from([("shipments", 0), ("tracking", 0)]);
        assert_eq!(redriven(&none), "there are no dead letters");
        let both = BTreeMap::from([("shipments", 1), ("tracking", 3)]);
        assert_eq!(
            redriven(&both),
            "1 message is back in the queue shipments\n3 messages are back in the queue tracking"
        );
    }
}
