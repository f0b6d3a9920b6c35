//! What every kind of item shares: reading by key, searching an index, and writing under a guard.
//!
//! Follows the DynamoDB developer guide: a cancelled transaction names a reason for each action in their order; a
//! `TransactionConflict` means that somebody else was writing and nothing happened; `UnprocessedKeys` are asked again.

use std::borrow::Cow;
use std::collections::HashMap;
use std::time::Duration;

use aws_lc_rs::digest;
use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::delete_item::{DeleteItemError, DeleteItemOutput};
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::operation::update_item::{UpdateItemError, UpdateItemOutput};
use aws_sdk_dynamodb::types::{
    AttributeValue, CancellationReason, KeysAndAttributes, Put, PutRequest, ReturnValuesOnConditionCheckFailure,
    TransactWriteItem, WriteRequest,
};
use data_encoding::HEXLOWER;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::Dynamo;
use super::body::{pack, unpack};
use super::keys::Key;
use crate::aws::{failure, random};
use crate::ports::StoreError;

/// The version of the items' shapes.
pub(super) const SCHEMA: u32 = 1;

/// How often a write that met another one, or a throttle, is tried.
pub(super) const TRIES: u32 = 6;

/// How many keys one batch may ask for.
const BATCH: usize = 100;

/// How many puts one batch may have.
const PUTS: usize = 25;

/// How many actions one transaction may have.
const ACTIONS: usize = 100;

/// Where an item keeps what only the code reads.
const BODY: &str = "body";

pub(super) type Item = HashMap<String, AttributeValue>;

/// What must hold for a put.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Guard {
    /// Nothing.
    Free,
    /// There is no such item.
    Absent,
    /// The item has this version.
    Version(u64),
}

impl Guard {
    /// The guard of a write that makes `version` of what was one less.
    pub(super) fn before(version: u64) -> Self {
        match version {
            0 | 1 => Self::Absent,
            version => Self::Version(version - 1),
        }
    }

    fn expression(self) -> Option<&'static str> {
        match self {
            Self::Free => None,
            Self::Absent => Some("attribute_not_exists(pk)"),
            Self::Version(_) => Some("#version = :version"),
        }
    }

    fn names(self) -> Option<HashMap<String, String>> {
        matches!(self, Self::Version(_)).then(|| HashMap::from([("#version".to_owned(), "version".to_owned())]))
    }

    fn values(self) -> Option<Item> {
        match self {
            Self::Version(version) => Some(Item::from([(":version".to_owned(), number(version))])),
            _ => None,
        }
    }
}

/// One put.
#[derive(Debug, Clone)]
pub(super) struct Write {
    pub(super) item: Item,
    pub(super) guard: Guard,
}

/// What came of a write.
#[derive(Debug)]
pub(super) enum Transacted {
    /// It stands.
    Done,
    /// A guard did not hold: for each action, in their order, what stands there if it was the one.
    Refused(Vec<Verdict>),
}

/// What a guard said.
#[derive(Debug)]
pub(super) enum Verdict {
    /// It held, or was not asked.
    Fits,
    /// It did not hold; the item that stands there.
    Refused(Option<Item>),
}

/// A stretch of a partition.
#[derive(Debug, Clone)]
pub(super) struct Search {
    index: Option<&'static str>,
    partition: (&'static str, String),
    range: Option<(&'static str, &'static str, String)>,
    end: Option<String>,
    due: Option<String>,
    backwards: bool,
    limit: Option<usize>,
}

impl Search {
    /// Items of the table whose sort key begins so, read consistently.
    pub(super) fn beginning(pk: String, prefix: &str) -> Self {
        Self {
            index: None,
            partition: ("pk", pk),
            range: Some(("sk", "begins_with(#range, :range)", prefix.to_owned())),
            end: None,
            due: None,
            backwards: false,
            limit: None,
        }
    }

    /// All items of a partition of the table, read consistently.
    pub(super) fn partition(pk: &str) -> Self {
        Self {
            index: None,
            partition: ("pk", pk.to_owned()),
            range: None,
            end: None,
            due: None,
            backwards: false,
            limit: None,
        }
    }

    /// All keys of a partition of an index.
    pub(super) fn index(index: &'static str, attribute: &'static str, value: String) -> Self {
        Self {
            index: Some(index),
            partition: (attribute, value),
            range: None,
            end: None,
            due: None,
            backwards: false,
            limit: None,
        }
    }

    pub(super) fn up_to(self, attribute: &'static str, value: String) -> Self {
        Self {
            range: Some((attribute, "#range <= :range", value)),
            ..self
        }
    }

    pub(super) fn from(self, attribute: &'static str, value: String) -> Self {
        Self {
            range: Some((attribute, "#range >= :range", value)),
            ..self
        }
    }

    /// Only what lies between two values, both included.
    pub(super) fn between(self, attribute: &'static str, from: String, to: String) -> Self {
        Self {
            range: Some((attribute, "#range BETWEEN :range AND :end", from)),
            end: Some(to),
            ..self
        }
    }

    /// Of these, only what is due by then, whatever its key says.
    pub(super) fn due(self, by: String) -> Self {
        Self { due: Some(by), ..self }
    }

    pub(super) fn backwards(self) -> Self {
        Self {
            backwards: true,
            ..self
        }
    }

    pub(super) fn limit(self, limit: u16) -> Self {
        Self {
            limit: Some(usize::from(limit)),
            ..self
        }
    }

    fn condition(&self) -> String {
        let range = self.range.as_ref().map(|(_, range, _)| format!(" AND {range}"));
        format!("#partition = :partition{}", range.unwrap_or_default())
    }

    fn names(&self) -> HashMap<String, String> {
        let partition = ("#partition".to_owned(), self.partition.0.to_owned());
        let range = self
            .range
            .as_ref()
            .map(|(name, _, _)| ("#range".to_owned(), (*name).to_owned()));
        std::iter::once(partition).chain(range).collect()
    }

    fn values(&self) -> Item {
        let partition = (":partition".to_owned(), string(self.partition.1.clone()));
        let range = self
            .range
            .as_ref()
            .map(|(_, _, value)| (":range".to_owned(), string(value.clone())));
        let end = self.end.as_ref().map(|end| (":end".to_owned(), string(end.clone())));
        let due = self.due.as_ref().map(|by| (":due".to_owned(), string(by.clone())));
        std::iter::once(partition).chain(range).chain(end).chain(due).collect()
    }
}

impl Dynamo {
    /// One item, read consistently.
    pub(super) async fn get(&self, key: &Key) -> Result<Option<Item>, StoreError> {
        let request = self.client.get_item().table_name(&self.table).consistent_read(true);
        let answer = request.set_key(Some(key_item(key))).send().await;
        Ok(answer.map_err(|error| failure("reading an item", &error))?.item)
    }

    /// The items that exist under these keys, read consistently, in no order.
    pub(super) async fn batch(&self, keys: impl IntoIterator<Item = Key>) -> Result<Vec<Item>, StoreError> {
        let keys: std::collections::BTreeSet<Key> = keys.into_iter().collect();
        let keys: Vec<Item> = keys.iter().map(key_item).collect();
        let mut items = Vec::with_capacity(keys.len());
        for chunk in keys.chunks(BATCH) {
            self.batch_chunk(chunk.to_vec(), &mut items).await?;
        }
        Ok(items)
    }

    async fn batch_chunk(&self, mut keys: Vec<Item>, items: &mut Vec<Item>) -> Result<(), StoreError> {
        for turn in 0..TRIES {
            let asked = KeysAndAttributes::builder()
                .set_keys(Some(keys))
                .consistent_read(true)
                .build();
            let asked = asked.map_err(|error| StoreError(error.to_string()))?;
            let answer = self
                .client
                .batch_get_item()
                .request_items(&self.table, asked)
                .send()
                .await;
            let answer = answer.map_err(|error| failure("reading items", &error))?;
            items.extend(answer.responses.unwrap_or_default().into_values().flatten());
            keys = answer
                .unprocessed_keys
                .unwrap_or_default()
                .into_values()
                .flat_map(|left| left.keys)
                .collect();
            if keys.is_empty() {
                return Ok(());
            }
            rest(turn).await;
        }
        Err(StoreError("items were left unread again and again".to_owned()))
    }

    /// Every item of a search, page by page, up to its limit.
    pub(super) async fn search(&self, search: &Search) -> Result<Vec<Item>, StoreError> {
        let (mut items, mut next) = (Vec::new(), None);
        loop {
            let left = search.limit.map(|limit| limit.saturating_sub(items.len()));
            if left == Some(0) {
                return Ok(items);
            }
            let answer = self.page(search, left, next).await?;
            items.extend(answer.0);
            next = answer.1;
            if next.is_none() {
                return Ok(items);
            }
        }
    }

    /// One page of a search, from where the page before ended.
    pub(super) async fn page(
        &self,
        search: &Search,
        limit: Option<usize>,
        from: Option<Item>,
    ) -> Result<(Vec<Item>, Option<Item>), StoreError> {
        let request = self
            .client
            .query()
            .table_name(&self.table)
            .set_index_name(search.index.map(str::to_owned))
            .consistent_read(search.index.is_none())
            .key_condition_expression(search.condition())
            .set_filter_expression(search.due.as_ref().map(|_| "due_at <= :due".to_owned()))
            .set_expression_attribute_names(Some(search.names()))
            .set_expression_attribute_values(Some(search.values()))
            .scan_index_forward(!search.backwards)
            .set_limit(limit.and_then(|limit| i32::try_from(limit).ok()))
            .set_exclusive_start_key(from);
        let answer = request.send().await.map_err(|error| failure("searching", &error))?;
        Ok((answer.items.unwrap_or_default(), answer.last_evaluated_key))
    }

    /// All the puts, or none. The token makes a repeated request, whose first answer was lost, the same request.
    pub(super) async fn transact(&self, token: &str, writes: &[Write]) -> Result<Transacted, StoreError> {
        if let [single] = writes {
            return self.put(single).await;
        }
        if writes.len() > ACTIONS {
            let text = format!("{} writes do not fit into one transaction of {ACTIONS}", writes.len());
            return Err(StoreError(text));
        }
        let actions = writes
            .iter()
            .map(|write| self.action(write))
            .collect::<Result<Vec<_>, _>>()?;
        for turn in 0..TRIES {
            let request = self.client.transact_write_items().client_request_token(token);
            let Err(error) = request.set_transact_items(Some(actions.clone())).send().await else {
                return Ok(Transacted::Done);
            };
            if let Some(refused) = cancelled(&error)? {
                return Ok(refused);
            }
            rest(turn).await;
        }
        Err(StoreError(format!("others were writing at each of {TRIES} tries")))
    }

    /// One put; cheaper than a transaction of one.
    pub(super) async fn put(&self, write: &Write) -> Result<Transacted, StoreError> {
        for turn in 0..TRIES {
            let request = self
                .client
                .put_item()
                .table_name(&self.table)
                .set_item(Some(write.item.clone()))
                .set_condition_expression(write.guard.expression().map(str::to_owned))
                .set_expression_attribute_names(write.guard.names())
                .set_expression_attribute_values(write.guard.values())
                .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
            let Err(error) = request.send().await else {
                return Ok(Transacted::Done);
            };
            if let Some(refused) = not_put(&error)? {
                return Ok(refused);
            }
            rest(turn).await;
        }
        Err(StoreError(format!("others were writing at each of {TRIES} tries")))
    }

    /// Puts items without a guard, in no order. What was not taken is put again.
    pub(super) async fn put_all(&self, items: Vec<Item>) -> Result<(), StoreError> {
        for chunk in items.chunks(PUTS) {
            self.put_chunk(chunk).await?;
        }
        Ok(())
    }

    async fn put_chunk(&self, items: &[Item]) -> Result<(), StoreError> {
        let put = |item: &Item| {
            let put = PutRequest::builder().set_item(Some(item.clone())).build();
            put.map(|put| WriteRequest::builder().put_request(put).build())
        };
        let puts = items.iter().map(put).collect::<Result<Vec<_>, _>>();
        let mut puts = puts.map_err(|error| StoreError(error.to_string()))?;
        for turn in 0..TRIES {
            let request = self.client.batch_write_item().request_items(&self.table, puts);
            let answer = request.send().await.map_err(|error| failure("writing items", &error))?;
            puts = answer
                .unprocessed_items
                .unwrap_or_default()
                .into_values()
                .flatten()
                .collect();
            if puts.is_empty() {
                return Ok(());
            }
            rest(turn).await;
        }
        Err(StoreError("items were left unwritten again and again".to_owned()))
    }

    fn action(&self, write: &Write) -> Result<TransactWriteItem, StoreError> {
        let put = Put::builder()
            .table_name(&self.table)
            .set_item(Some(write.item.clone()))
            .set_condition_expression(write.guard.expression().map(str::to_owned))
            .set_expression_attribute_names(write.guard.names())
            .set_expression_attribute_values(write.guard.values())
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .build();
        let put = put.map_err(|error| StoreError(error.to_string()))?;
        Ok(TransactWriteItem::builder().put(put).build())
    }
}

/// `None` means that it may be tried again: nothing happened, somebody else was writing.
fn cancelled(error: &SdkError<TransactWriteItemsError>) -> Result<Option<Transacted>, StoreError> {
    use TransactWriteItemsError as E;
    match error.as_service_error() {
        Some(E::TransactionCanceledException(cancelled)) => reasons(cancelled.cancellation_reasons()),
        Some(
            E::TransactionInProgressException(_)
            | E::ProvisionedThroughputExceededException(_)
            | E::RequestLimitExceeded(_)
            | E::ThrottlingException(_),
        ) => Ok(None),
        _ => Err(failure("a transaction", error)),
    }
}

fn reasons(reasons: &[CancellationReason]) -> Result<Option<Transacted>, StoreError> {
    let code = |reason: &CancellationReason| reason.code().unwrap_or("None").to_owned();
    if reasons.iter().any(|reason| code(reason) == "ConditionalCheckFailed") {
        return Ok(Some(Transacted::Refused(reasons.iter().map(verdict).collect())));
    }
    let codes: Vec<String> = reasons.iter().map(code).filter(|code| code != "None").collect();
    let passing = [
        "TransactionConflict",
        "ThrottlingError",
        "ProvisionedThroughputExceeded",
    ];
    if !codes.is_empty() && codes.iter().all(|code| passing.contains(&code.as_str())) {
        Ok(None)
    } else {
        Err(StoreError(format!("a transaction was cancelled: {}", codes.join(", "))))
    }
}

fn verdict(reason: &CancellationReason) -> Verdict {
    match reason.code() {
        Some("ConditionalCheckFailed") => Verdict::Refused(reason.item().filter(|item| !item.is_empty()).cloned()),
        _ => Verdict::Fits,
    }
}

fn not_put(error: &SdkError<PutItemError>) -> Result<Option<Transacted>, StoreError> {
    use PutItemError as E;
    match error.as_service_error() {
        Some(E::ConditionalCheckFailedException(failed)) => {
            let standing = failed.item().filter(|item| !item.is_empty()).cloned();
            Ok(Some(Transacted::Refused(vec![Verdict::Refused(standing)])))
        }
        Some(
            E::TransactionConflictException(_)
            | E::ProvisionedThroughputExceededException(_)
            | E::RequestLimitExceeded(_)
            | E::ThrottlingException(_),
        ) => Ok(None),
        _ => Err(failure("a write", error)),
    }
}

/// A short rest that grows and differs for everybody.
pub(super) async fn rest(turn: u32) {
    let longest = 20_u64 << turn.min(6);
    tokio::time::sleep(Duration::from_millis(longest / 2 + random(longest / 2 + 1))).await;
}

pub(super) fn key_item(key: &Key) -> Item {
    Item::from([
        ("pk".to_owned(), string(key.pk.clone())),
        ("sk".to_owned(), string(key.sk.clone())),
    ])
}

pub(super) fn string(value: impl Into<String>) -> AttributeValue {
    AttributeValue::S(value.into())
}

pub(super) fn number(value: impl ToString) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

/// A token for a request that is the same whenever these texts are the same.
pub(super) fn request_token<'a>(texts: impl IntoIterator<Item = &'a str>) -> String {
    let mut context = digest::Context::new(&digest::SHA256);
    for text in texts {
        context.update(text.as_bytes());
        context.update(b"\n");
    }
    HEXLOWER.encode(context.finish().as_ref().get(..16).unwrap_or_default())
}

/// The item of a flat structure, its body packed.
pub(super) fn to_item(value: &impl Serialize) -> Result<Item, StoreError> {
    let item = serde_dynamo::to_item(value);
    let mut item: Item = item.map_err(|error| StoreError(format!("an item cannot be written: {error}")))?;
    if let Some(AttributeValue::S(text)) = item.get(BODY) {
        let packed = pack(text);
        item.insert(BODY.to_owned(), packed);
    }
    Ok(item)
}

/// The item with another body.
pub(super) fn with_body(mut item: Item, body: &str) -> Item {
    item.insert(BODY.to_owned(), pack(body));
    item
}

/// The flat structure of an item.
pub(super) fn from_item<T: DeserializeOwned>(item: Item) -> Result<T, StoreError> {
    serde_dynamo::from_item(item).map_err(|error| StoreError(format!("an item cannot be read: {error}")))
}

/// A value as the JSON of a `body`.
pub(super) fn to_body(value: &impl Serialize) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|error| StoreError(format!("an item cannot be written: {error}")))
}

/// The value of an item's `body`.
pub(super) fn body<T: DeserializeOwned>(item: &Item) -> Result<T, StoreError> {
    let text = said(item).ok_or_else(|| StoreError("an item has no body that can be read".to_owned()))?;
    serde_json::from_str(&text).map_err(|error| StoreError(format!("an item cannot be read: {error}")))
}

/// What an item's body says, as JSON.
pub(super) fn said(item: &Item) -> Option<Cow<'_, str>> {
    unpack(item.get(BODY)?)
}

/// A text attribute.
pub(super) fn text<'a>(item: &'a Item, name: &str) -> Option<&'a str> {
    item.get(name)?.as_s().ok().map(String::as_str)
}

/// Whether a delete happened; `false` if its guard did not hold.
pub(super) fn deleted(answer: Result<DeleteItemOutput, SdkError<DeleteItemError>>) -> Result<bool, StoreError> {
    match answer {
        Ok(_) => Ok(true),
        Err(error)
            if error
                .as_service_error()
                .is_some_and(DeleteItemError::is_conditional_check_failed_exception) =>
        {
            Ok(false)
        }
        Err(error) => Err(failure("deleting an item", &error)),
    }
}

/// Whether an update happened; `false` if its guard did not hold.
pub(super) fn updated(answer: Result<UpdateItemOutput, SdkError<UpdateItemError>>) -> Result<bool, StoreError> {
    match answer {
        Ok(_) => Ok(true),
        Err(error)
            if error
                .as_service_error()
                .is_some_and(UpdateItemError::is_conditional_check_failed_exception) =>
        {
            Ok(false)
        }
        Err(error) => Err(failure("updating an item", &error)),
    }
}
