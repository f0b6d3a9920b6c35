//! The table as the functions ask for it, in memory and at once: items by key, the three indexes, guards and updates in the words
//! that our own requests use. It is no DynamoDB: what the functions never ask for it does not know, and says so.

use std::collections::{BTreeMap, HashMap};

use serde_json::{Map, Value, json};

use super::expression::{self, Scope};

/// Attributes that partition the table's indexes.
const PARTITIONS: [&str; 3] = ["due_shard", "state_shard", "number_key"];

/// An item in the wire's form: `{"pk": {"S": "..."}, ...}`.
pub(crate) type Item = Map<String, Value>;

/// A key of the table.
type Key = (String, String);

/// Why a request was refused, in the service's words.
#[derive(Debug)]
pub(crate) struct Refused {
    pub(crate) code: &'static str,
    pub(crate) body: Value,
}

impl Refused {
    fn unknown(what: impl std::fmt::Display) -> Self {
        let message = format!("the stand-in does not know {what}");
        Self {
            code: "ValidationException",
            body: json!({ "message": message }),
        }
    }
}

/// All items.
#[derive(Debug, Default)]
pub(crate) struct Table {
    partitions: HashMap<String, BTreeMap<String, Item>>,
    indexes: HashMap<(&'static str, String), BTreeMap<Key, ()>>,
}

impl Table {
    /// Answers one request by its target (`GetItem`).
    pub(crate) fn ask(&mut self, target: &str, request: &Value) -> Result<Value, Refused> {
        match target {
            "GetItem" => Ok(self.get(request)?.map_or(json!({}), |item| json!({ "Item": item }))),
            "BatchGetItem" => self.batch_get(request),
            "BatchWriteItem" => self.batch_write(request),
            "PutItem" => self.change(&Change::put(request)?).map(|()| json!({})),
            "DeleteItem" => self.change(&Change::delete(request)?).map(|()| json!({})),
            "UpdateItem" => self.change(&Change::update(request)?).map(|()| json!({})),
            "TransactWriteItems" => self.transact(request),
            "Query" => self.query(request),
            other => Err(Refused::unknown(other)),
        }
    }

    fn item(&self, (pk, sk): &Key) -> Option<&Item> {
        self.partitions.get(pk)?.get(sk)
    }

    fn get(&self, request: &Value) -> Result<Option<&Item>, Refused> {
        Ok(self.item(&key(field(request, "Key")?)?))
    }

    fn batch_get(&self, request: &Value) -> Result<Value, Refused> {
        let mut responses = Map::new();
        for (table, asked) in object(field(request, "RequestItems")?)? {
            let keys = list(field(asked, "Keys")?)?;
            let keys = keys.iter().map(key).collect::<Result<Vec<_>, _>>()?;
            let items: Vec<&Item> = keys.iter().filter_map(|key| self.item(key)).collect();
            responses.insert(table.clone(), json!(items));
        }
        Ok(json!({ "Responses": responses, "UnprocessedKeys": {} }))
    }

    fn batch_write(&mut self, request: &Value) -> Result<Value, Refused> {
        for asked in object(field(request, "RequestItems")?)?.values() {
            for write in list(asked)? {
                let change = match (write.get("PutRequest"), write.get("DeleteRequest")) {
                    (Some(put), _) => Change::put(put)?,
                    (_, Some(delete)) => Change::delete(delete)?,
                    _ => return Err(Refused::unknown(write)),
                };
                self.change(&change)?;
            }
        }
        Ok(json!({ "UnprocessedItems": {} }))
    }

    fn transact(&mut self, request: &Value) -> Result<Value, Refused> {
        let actions = list(field(request, "TransactItems")?)?;
        let changes = actions.iter().map(Change::action).collect::<Result<Vec<_>, _>>()?;
        let mut holds = Vec::with_capacity(changes.len());
        for change in &changes {
            holds.push(self.holds(change)?);
        }
        if holds.iter().all(|holds| *holds) {
            for change in &changes {
                self.apply(change)?;
            }
            return Ok(json!({}));
        }
        let reasons = changes.iter().zip(holds).map(|(change, holds)| match holds {
            true => json!({ "Code": "None" }),
            false => json!({ "Code": "ConditionalCheckFailed", "Item": self.item(&change.key) }),
        });
        Err(Refused {
            code: "TransactionCanceledException",
            body: json!({ "Message": "cancelled", "CancellationReasons": reasons.collect::<Vec<_>>() }),
        })
    }

    fn change(&mut self, change: &Change) -> Result<(), Refused> {
        if self.holds(change)? {
            return self.apply(change);
        }
        Err(Refused {
            code: "ConditionalCheckFailedException",
            body: json!({ "message": "the condition does not hold", "Item": self.item(&change.key) }),
        })
    }

    fn holds(&self, change: &Change) -> Result<bool, Refused> {
        let Some(condition) = &change.condition else {
            return Ok(true);
        };
        let none = Item::new();
        let item = self.item(&change.key).unwrap_or(&none);
        expression::holds(condition, item, &change.scope).map_err(Refused::unknown)
    }

    fn apply(&mut self, change: &Change) -> Result<(), Refused> {
        let after = match &change.effect {
            Effect::Nothing => return Ok(()),
            Effect::Delete => None,
            Effect::Put(item) => Some(item.clone()),
            Effect::Update(text) => {
                let mut item = self.item(&change.key).cloned().unwrap_or_else(|| key_item(&change.key));
                expression::update(text, &mut item, &change.scope).map_err(Refused::unknown)?;
                Some(item)
            }
        };
        self.replace(&change.key, after);
        Ok(())
    }

    fn replace(&mut self, key: &Key, after: Option<Item>) {
        let partition = self.partitions.entry(key.0.clone()).or_default();
        let before = match after.clone() {
            Some(item) => partition.insert(key.1.clone(), item),
            None => partition.remove(&key.1),
        };
        for name in PARTITIONS {
            if let Some(value) = before.as_ref().and_then(|item| text(item, name)) {
                let index = self.indexes.entry((name, value.to_owned())).or_default();
                index.remove(key);
            }
            if let Some(value) = after.as_ref().and_then(|item| text(item, name)) {
                let index = self.indexes.entry((name, value.to_owned())).or_default();
                index.insert(key.clone(), ());
            }
        }
    }

    fn query(&self, request: &Value) -> Result<Value, Refused> {
        let scope = Scope::of(request);
        let condition = words(request, "KeyConditionExpression")?;
        let partition = expression::partition(condition, &scope).map_err(Refused::unknown)?;
        let mut found: Vec<&Item> = match PARTITIONS.into_iter().find(|name| *name == partition.0) {
            Some(name) => {
                let keys = self.indexes.get(&(name, partition.1)).into_iter().flatten();
                keys.filter_map(|(key, ())| self.item(key)).collect()
            }
            None => self
                .partitions
                .get(&partition.1)
                .into_iter()
                .flat_map(BTreeMap::values)
                .collect(),
        };
        let sorted_by = match request.get("IndexName").and_then(Value::as_str) {
            Some("due") => "due_at",
            Some("state") => "state_at",
            _ => "sk",
        };
        found.sort_by_key(|item| text(item, sorted_by));
        if request.get("ScanIndexForward") == Some(&Value::Bool(false)) {
            found.reverse();
        }
        let filter = request.get("FilterExpression").and_then(Value::as_str);
        let mut items = Vec::new();
        for item in found {
            let holds = |words: &str| expression::holds(words, item, &scope).map_err(Refused::unknown);
            if holds(condition)? && filter.map_or(Ok(true), holds)? {
                items.push(item);
            }
        }
        let limit = request
            .get("Limit")
            .and_then(Value::as_u64)
            .and_then(|limit| usize::try_from(limit).ok());
        // Whoever asks for a page is given it as the whole: nothing here is asked for in several.
        items.truncate(limit.unwrap_or(usize::MAX));
        Ok(json!({ "Items": items, "Count": items.len() }))
    }
}

/// What is to become of an item.
#[derive(Debug)]
enum Effect {
    Put(Item),
    Update(String),
    Delete,
    /// Only the condition counts.
    Nothing,
}

/// A change of one item under its condition.
#[derive(Debug)]
struct Change {
    key: Key,
    condition: Option<String>,
    scope: Scope,
    effect: Effect,
}

impl Change {
    fn put(request: &Value) -> Result<Self, Refused> {
        let item = field(request, "Item")?;
        Ok(Self::of(request, key(item)?, Effect::Put(object(item)?.clone())))
    }

    fn delete(request: &Value) -> Result<Self, Refused> {
        Ok(Self::of(request, key(field(request, "Key")?)?, Effect::Delete))
    }

    fn update(request: &Value) -> Result<Self, Refused> {
        let update = words(request, "UpdateExpression")?.to_owned();
        Ok(Self::of(request, key(field(request, "Key")?)?, Effect::Update(update)))
    }

    fn action(action: &Value) -> Result<Self, Refused> {
        let asked = |name: &str| action.get(name);
        match (asked("Put"), asked("Update"), asked("Delete"), asked("ConditionCheck")) {
            (Some(put), ..) => Self::put(put),
            (_, Some(update), ..) => Self::update(update),
            (_, _, Some(delete), _) => Self::delete(delete),
            (_, _, _, Some(check)) => Ok(Self::of(check, key(field(check, "Key")?)?, Effect::Nothing)),
            _ => Err(Refused::unknown(action)),
        }
    }

    fn of(request: &Value, key: Key, effect: Effect) -> Self {
        let condition = request.get("ConditionExpression").and_then(Value::as_str);
        Self {
            key,
            condition: condition.map(str::to_owned),
            scope: Scope::of(request),
            effect,
        }
    }
}

fn key_item((pk, sk): &Key) -> Item {
    let text = |text: &str| json!({ "S": text });
    Item::from_iter([("pk".to_owned(), text(pk)), ("sk".to_owned(), text(sk))])
}

fn key(item: &Value) -> Result<Key, Refused> {
    let part = |name: &str| item.get(name)?.get("S")?.as_str().map(str::to_owned);
    part("pk").zip(part("sk")).ok_or_else(|| Refused::unknown(item))
}

fn text<'a>(item: &'a Item, name: &str) -> Option<&'a str> {
    item.get(name)?.get("S")?.as_str()
}

fn field<'a>(value: &'a Value, name: &str) -> Result<&'a Value, Refused> {
    value
        .get(name)
        .ok_or_else(|| Refused::unknown(format!("a request without {name}")))
}

fn words<'a>(value: &'a Value, name: &str) -> Result<&'a str, Refused> {
    field(value, name)?.as_str().ok_or_else(|| Refused::unknown(name))
}

fn object(value: &Value) -> Result<&Item, Refused> {
    value.as_object().ok_or_else(|| Refused::unknown(value))
}

fn list(value: &Value) -> Result<&Vec<Value>, Refused> {
    value.as_array().ok_or_else(|| Refused::unknown(value))
}
