//! The calls of one order and nothing else: the same requests with the same bodies by the same clients, whose answers are parsed and
//! dropped. It reads `ORDERS AT_ONCE` from its input, line by line, and says `done` after each.

use std::collections::HashMap;
use std::error::Error;
use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

use aws_config::BehaviorVersion;
use aws_config::timeout::TimeoutConfig;
use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::{
    AttributeValue, Delete, KeysAndAttributes, Put, ReturnValuesOnConditionCheckFailure, TransactWriteItem, Update,
};
use data_encoding::BASE64;
use serde::Deserialize;
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::task::JoinSet;

type Failure = Box<dyn Error + Send + Sync>;
type Item = HashMap<String, AttributeValue>;

/// One request, as it was taken down.
#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Step {
    Json {
        service: String,
        operation: String,
        body: Value,
    },
    Put {
        key: String,
        bytes: usize,
    },
    Call {
        vendor: String,
        method: String,
        path: String,
        headers: Vec<(String, String)>,
        body: String,
    },
}

/// A request that is ready to be sent.
enum Ready {
    Get(Item),
    BatchGet(String, Vec<Item>),
    Put(Guarded, Item),
    Update(Guarded, Item, String),
    Delete(Guarded, Item),
    Transact(String, Vec<TransactWriteItem>),
    Query(Box<Asked>),
    Message(String, String),
    Object(String, Vec<u8>),
    Call(Box<reqwest::Request>),
}

/// A condition with its names and values.
#[derive(Clone)]
struct Guarded {
    condition: Option<String>,
    names: Option<HashMap<String, String>>,
    values: Option<Item>,
}

struct Asked {
    guarded: Guarded,
    index: Option<String>,
    condition: String,
    limit: Option<i32>,
}

struct Clients {
    dynamo: aws_sdk_dynamodb::Client,
    sqs: aws_sdk_sqs::Client,
    s3: aws_sdk_s3::Client,
    vendors: reqwest::Client,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Failure> {
    let script = std::env::args().nth(1).ok_or("which script?")?;
    let steps: Vec<Step> = serde_json::from_slice(&std::fs::read(script)?)?;
    let clients = Arc::new(Clients::new().await?);
    let ready = steps.into_iter().map(|step| clients.ready(step));
    let ready = Arc::new(ready.collect::<Result<Vec<_>, _>>()?);
    let mut lines = BufReader::new(tokio::io::stdin()).lines();
    while let Some(line) = lines.next_line().await? {
        let (orders, at_once) = line.split_once(' ').ok_or("how many?")?;
        ship(&clients, &ready, orders.parse()?, at_once.parse()?).await?;
        let mut out = std::io::stdout();
        out.write_all(b"done\n")?;
        out.flush()?;
    }
    Ok(())
}

/// Batches of so many orders, as a queue hands them out.
async fn ship(clients: &Arc<Clients>, steps: &Arc<Vec<Ready>>, orders: usize, at_once: usize) -> Result<(), Failure> {
    for _ in 0..orders.div_ceil(at_once) {
        let mut batch = JoinSet::new();
        for _ in 0..at_once {
            let (clients, steps) = (clients.clone(), steps.clone());
            batch.spawn(async move {
                for step in steps.iter() {
                    clients.send(step).await?;
                }
                Ok::<(), Failure>(())
            });
        }
        while let Some(done) = batch.join_next().await {
            done??;
        }
    }
    Ok(())
}

impl Clients {
    async fn new() -> Result<Self, Failure> {
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(Duration::from_secs(2))
            .operation_attempt_timeout(Duration::from_secs(5))
            .operation_timeout(Duration::from_secs(20))
            .build();
        let sdk = aws_config::defaults(BehaviorVersion::latest())
            .timeout_config(timeouts)
            .load()
            .await;
        let s3 = aws_sdk_s3::config::Builder::from(&sdk).force_path_style(true).build();
        Ok(Self {
            dynamo: aws_sdk_dynamodb::Client::new(&sdk),
            sqs: aws_sdk_sqs::Client::new(&sdk),
            s3: aws_sdk_s3::Client::from_conf(s3),
            vendors: reqwest::Client::builder().tcp_nodelay(true).no_proxy().build()?,
        })
    }

    fn ready(&self, step: Step) -> Result<Ready, Failure> {
        match step {
            Step::Put { key, bytes } => Ok(Ready::Object(key, vec![b'^'; bytes])),
            Step::Call {
                vendor,
                method,
                path,
                headers,
                body,
            } => {
                let base = std::env::var(format!("{}_URL", vendor.to_uppercase()))?;
                let mut request = self.vendors.request(method.parse()?, format!("{base}{path}"));
                for (name, value) in headers {
                    request = request.header(name, value);
                }
                let request = if body.is_empty() { request } else { request.body(body) };
                Ok(Ready::Call(Box::new(request.timeout(Duration::from_secs(30)).build()?)))
            }
            Step::Json {
                service,
                operation,
                body,
            } => json_step(&service, &operation, &body),
        }
    }

    async fn send(&self, step: &Ready) -> Result<(), Failure> {
        let dynamo = &self.dynamo;
        match step {
            Ready::Get(key) => {
                let get = dynamo.get_item().table_name("waybill").consistent_read(true);
                get.set_key(Some(key.clone())).send().await?;
            }
            Ready::BatchGet(table, keys) => {
                let keys = KeysAndAttributes::builder()
                    .set_keys(Some(keys.clone()))
                    .consistent_read(true)
                    .build()?;
                dynamo.batch_get_item().request_items(table, keys).send().await?;
            }
            Ready::Put(guarded, item) => {
                let put = dynamo.put_item().table_name("waybill").set_item(Some(item.clone()));
                put.set_condition_expression(guarded.condition.clone())
                    .set_expression_attribute_names(guarded.names.clone())
                    .set_expression_attribute_values(guarded.values.clone())
                    .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
                    .send()
                    .await?;
            }
            Ready::Update(guarded, key, update) => {
                let change = dynamo.update_item().table_name("waybill").set_key(Some(key.clone()));
                change
                    .update_expression(update)
                    .set_condition_expression(guarded.condition.clone())
                    .set_expression_attribute_names(guarded.names.clone())
                    .set_expression_attribute_values(guarded.values.clone())
                    .send()
                    .await?;
            }
            Ready::Delete(guarded, key) => {
                let delete = dynamo.delete_item().table_name("waybill").set_key(Some(key.clone()));
                delete
                    .set_condition_expression(guarded.condition.clone())
                    .set_expression_attribute_names(guarded.names.clone())
                    .set_expression_attribute_values(guarded.values.clone())
                    .send()
                    .await?;
            }
            Ready::Transact(token, actions) => {
                let transact = dynamo.transact_write_items().client_request_token(token);
                transact.set_transact_items(Some(actions.clone())).send().await?;
            }
            Ready::Query(asked) => {
                let query = dynamo.query().table_name("waybill").set_index_name(asked.index.clone());
                query
                    .key_condition_expression(&asked.condition)
                    .set_expression_attribute_names(asked.guarded.names.clone())
                    .set_expression_attribute_values(asked.guarded.values.clone())
                    .set_limit(asked.limit)
                    .send()
                    .await?;
            }
            Ready::Message(queue, body) => {
                let message = self.sqs.send_message().queue_url(queue).message_body(body);
                message.message_group_id("acme").delay_seconds(0).send().await?;
            }
            Ready::Object(key, bytes) => {
                let put = self
                    .s3
                    .put_object()
                    .bucket("waybill")
                    .key(key)
                    .content_type("text/plain");
                put.body(bytes.clone().into()).send().await?;
            }
            Ready::Call(request) => {
                let request = request.try_clone().ok_or("a request cannot be sent again")?;
                let answer = self.vendors.execute(request).await?.bytes().await?;
                // What is answered without a body is no JSON.
                if !answer.is_empty() {
                    serde_json::from_slice::<Value>(&answer)?;
                }
            }
        }
        Ok(())
    }
}

fn json_step(service: &str, operation: &str, body: &Value) -> Result<Ready, Failure> {
    let text = |name: &str| body.get(name).and_then(Value::as_str).map(str::to_owned);
    let words = |name: &str| text(name).ok_or_else(|| Failure::from(format!("{operation} without {name}")));
    let part = |name: &str| {
        body.get(name)
            .ok_or_else(|| Failure::from(format!("{operation} without {name}")))
    };
    Ok(match (service, operation) {
        ("dynamodb", "GetItem") => Ready::Get(item(part("Key")?)?),
        ("dynamodb", "BatchGetItem") => {
            let tables = part("RequestItems")?.as_object().ok_or("no tables")?;
            let (table, asked) = tables.iter().next().ok_or("no table")?;
            let keys = asked.get("Keys").and_then(Value::as_array).ok_or("no keys")?;
            Ready::BatchGet(table.clone(), keys.iter().map(item).collect::<Result<_, _>>()?)
        }
        ("dynamodb", "PutItem") => Ready::Put(guarded(body)?, item(part("Item")?)?),
        ("dynamodb", "UpdateItem") => Ready::Update(guarded(body)?, item(part("Key")?)?, words("UpdateExpression")?),
        ("dynamodb", "DeleteItem") => Ready::Delete(guarded(body)?, item(part("Key")?)?),
        ("dynamodb", "TransactWriteItems") => {
            let actions = part("TransactItems")?.as_array().ok_or("no actions")?;
            let actions = actions.iter().map(action).collect::<Result<_, _>>()?;
            Ready::Transact(words("ClientRequestToken")?, actions)
        }
        ("dynamodb", "Query") => Ready::Query(Box::new(Asked {
            guarded: guarded(body)?,
            index: text("IndexName"),
            condition: words("KeyConditionExpression")?,
            limit: body
                .get("Limit")
                .and_then(Value::as_i64)
                .and_then(|limit| limit.try_into().ok()),
        })),
        ("sqs", "SendMessage") => Ready::Message(words("QueueUrl")?, words("MessageBody")?),
        _ => return Err(format!("the bare loop does not know {service}.{operation}").into()),
    })
}

fn action(action: &Value) -> Result<TransactWriteItem, Failure> {
    let built = TransactWriteItem::builder();
    if let Some(put) = action.get("Put") {
        let Guarded {
            condition,
            names,
            values,
        } = guarded(put)?;
        let put = Put::builder()
            .table_name("waybill")
            .set_item(Some(item(put.get("Item").ok_or("no item")?)?))
            .set_condition_expression(condition)
            .set_expression_attribute_names(names)
            .set_expression_attribute_values(values)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        return Ok(built.put(put.build()?).build());
    }
    if let Some(update) = action.get("Update") {
        let Guarded {
            condition,
            names,
            values,
        } = guarded(update)?;
        let expression = update
            .get("UpdateExpression")
            .and_then(Value::as_str)
            .ok_or("no update")?;
        let update = Update::builder()
            .table_name("waybill")
            .set_key(Some(item(update.get("Key").ok_or("no key")?)?))
            .update_expression(expression)
            .set_condition_expression(condition)
            .set_expression_attribute_names(names)
            .set_expression_attribute_values(values);
        return Ok(built.update(update.build()?).build());
    }
    let delete = action.get("Delete").ok_or("an action of an unknown kind")?;
    let Guarded {
        condition,
        names,
        values,
    } = guarded(delete)?;
    let delete = Delete::builder()
        .table_name("waybill")
        .set_key(Some(item(delete.get("Key").ok_or("no key")?)?))
        .set_condition_expression(condition)
        .set_expression_attribute_names(names)
        .set_expression_attribute_values(values);
    Ok(built.delete(delete.build()?).build())
}

fn guarded(body: &Value) -> Result<Guarded, Failure> {
    let names = body.get("ExpressionAttributeNames").cloned();
    Ok(Guarded {
        condition: body
            .get("ConditionExpression")
            .and_then(Value::as_str)
            .map(str::to_owned),
        names: names.map(serde_json::from_value).transpose()?,
        values: body.get("ExpressionAttributeValues").map(item).transpose()?,
    })
}

fn item(value: &Value) -> Result<Item, Failure> {
    let fields = value.as_object().ok_or("no item")?;
    let fields = fields.iter().map(|(name, value)| Ok((name.clone(), attribute(value)?)));
    fields.collect()
}

fn attribute(value: &Value) -> Result<AttributeValue, Failure> {
    let text = |kind: &str| value.get(kind).and_then(Value::as_str).map(str::to_owned);
    if let Some(text) = text("S") {
        return Ok(AttributeValue::S(text));
    }
    if let Some(number) = text("N") {
        return Ok(AttributeValue::N(number));
    }
    if let Some(bytes) = text("B") {
        return Ok(AttributeValue::B(Blob::new(BASE64.decode(bytes.as_bytes())?)));
    }
    match value.get("BOOL").and_then(Value::as_bool) {
        Some(truth) => Ok(AttributeValue::Bool(truth)),
        None => Err(format!("an attribute of an unknown kind: {value}").into()),
    }
}
