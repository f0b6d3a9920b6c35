//! Conditions and updates of DynamoDB, as far as our own requests go: comparisons, `BETWEEN`, `begins_with`, whether an attribute
//! exists, `AND` and `OR`; `SET`, `ADD` and `REMOVE` of whole attributes.

use std::cmp::Ordering;

use serde_json::{Map, Value, json};

use super::table::Item;

/// The names and values that an expression stands on.
#[derive(Debug, Default)]
pub(crate) struct Scope {
    names: Map<String, Value>,
    values: Map<String, Value>,
}

impl Scope {
    /// Those of a request.
    pub(crate) fn of(request: &Value) -> Self {
        let part = |name: &str| {
            request
                .get(name)
                .and_then(Value::as_object)
                .cloned()
                .unwrap_or_default()
        };
        Self {
            names: part("ExpressionAttributeNames"),
            values: part("ExpressionAttributeValues"),
        }
    }

    fn name<'a>(&'a self, word: &'a str) -> &'a str {
        self.names.get(word).and_then(Value::as_str).unwrap_or(word)
    }

    /// What a word stands for: a value of the request, or an attribute of the item.
    fn value<'a>(&'a self, word: &'a str, item: &'a Item) -> Option<&'a Value> {
        match word.starts_with(':') {
            true => self.values.get(word),
            false => item.get(self.name(word)),
        }
    }
}

/// Whether a condition holds for an item.
pub(crate) fn holds(text: &str, item: &Item, scope: &Scope) -> Result<bool, String> {
    let words = words(text);
    let mut reader = Reader {
        words: &words,
        at: 0,
        item,
        scope,
    };
    let holds = reader.any()?;
    match reader.peek() {
        None => Ok(holds),
        Some(rest) => Err(format!("{rest:?} in {text:?}")),
    }
}

/// The attribute and the value by which a query names its partition: they come first.
pub(crate) fn partition(text: &str, scope: &Scope) -> Result<(String, String), String> {
    let words = words(text);
    match words.as_slice() {
        [name, "=", value, ..] => {
            let value = scope.values.get(*value).and_then(|value| value.get("S")?.as_str());
            let value = value.ok_or_else(|| format!("the partition of {text:?}"))?;
            Ok((scope.name(name).to_owned(), value.to_owned()))
        }
        _ => Err(format!("the partition of {text:?}")),
    }
}

/// Changes an item as an update says.
pub(crate) fn update(text: &str, item: &mut Item, scope: &Scope) -> Result<(), String> {
    let unknown = || format!("the update {text:?}");
    let mut section = "";
    let words = words(text);
    let mut rest = words.as_slice();
    loop {
        rest = match (section, rest) {
            (_, []) => return Ok(()),
            (_, [word @ ("SET" | "ADD" | "REMOVE"), rest @ ..]) => {
                section = word;
                rest
            }
            (_, [",", rest @ ..]) => rest,
            ("SET", [name, "=", value, rest @ ..]) => {
                let value = scope.value(value, item).cloned().ok_or_else(unknown)?;
                item.insert(scope.name(name).to_owned(), value);
                rest
            }
            ("ADD", [name, value, rest @ ..]) => {
                let more = scope.value(value, item).and_then(number).ok_or_else(unknown)?;
                let name = scope.name(name).to_owned();
                let sum = item.get(&name).and_then(number).unwrap_or(0.0) + more;
                item.insert(name, json!({ "N": sum.to_string() }));
                rest
            }
            ("REMOVE", [name, rest @ ..]) => {
                item.remove(scope.name(name));
                rest
            }
            _ => return Err(unknown()),
        };
    }
}

fn number(value: &Value) -> Option<f64> {
    value.get("N")?.as_str()?.parse().ok()
}

/// Words, names, values, commas, brackets and comparisons.
fn words(text: &str) -> Vec<&str> {
    let mut words = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let is_word = |letter: char| letter.is_alphanumeric() || matches!(letter, '_' | '#' | ':' | '.');
        let is_comparison = |letter: char| matches!(letter, '=' | '<' | '>');
        let length = match first {
            letter if is_word(letter) => rest.find(|letter| !is_word(letter)).unwrap_or(rest.len()),
            letter if is_comparison(letter) => rest.find(|letter| !is_comparison(letter)).unwrap_or(rest.len()),
            letter => letter.len_utf8(),
        };
        let (word, after) = rest.split_at(length);
        words.push(word);
        rest = after.trim_start();
    }
    words
}

struct Reader<'a> {
    words: &'a [&'a str],
    at: usize,
    item: &'a Item,
    scope: &'a Scope,
}

impl<'a> Reader<'a> {
    fn peek(&self) -> Option<&'a str> {
        self.words.get(self.at).copied()
    }

    fn next(&mut self) -> Result<&'a str, String> {
        let word = self.peek().ok_or("an expression that breaks off")?;
        self.at += 1;
        Ok(word)
    }

    fn take(&mut self, word: &str) -> bool {
        let here = self.peek() == Some(word);
        self.at += usize::from(here);
        here
    }

    fn must(&mut self, word: &str) -> Result<(), String> {
        match self.take(word) {
            true => Ok(()),
            false => Err(format!("{:?} instead of {word:?}", self.peek())),
        }
    }

    fn any(&mut self) -> Result<bool, String> {
        let mut holds = self.all()?;
        while self.take("OR") {
            holds |= self.all()?;
        }
        Ok(holds)
    }

    fn all(&mut self) -> Result<bool, String> {
        let mut holds = self.one()?;
        while self.take("AND") {
            holds &= self.one()?;
        }
        Ok(holds)
    }

    fn one(&mut self) -> Result<bool, String> {
        match self.next()? {
            "(" => {
                let holds = self.any()?;
                self.must(")")?;
                Ok(holds)
            }
            "attribute_exists" => Ok(self.argument()?.is_some()),
            "attribute_not_exists" => Ok(self.argument()?.is_none()),
            "begins_with" => {
                self.must("(")?;
                let whole = self.next()?;
                self.must(",")?;
                let start = self.next()?;
                self.must(")")?;
                let text = |word: &'a str| self.scope.value(word, self.item)?.get("S")?.as_str();
                Ok(text(whole)
                    .zip(text(start))
                    .is_some_and(|(whole, start)| whole.starts_with(start)))
            }
            left => {
                let compared = self.next()?;
                let right = self.next()?;
                if compared == "BETWEEN" {
                    self.must("AND")?;
                    let end = self.next()?;
                    return Ok(self.ordered(left, right).is_some_and(Ordering::is_ge)
                        && self.ordered(left, end).is_some_and(Ordering::is_le));
                }
                let ordered = self.ordered(left, right);
                match compared {
                    "=" => Ok(ordered == Some(Ordering::Equal)),
                    "<>" => Ok(ordered != Some(Ordering::Equal)),
                    "<" => Ok(ordered.is_some_and(Ordering::is_lt)),
                    "<=" => Ok(ordered.is_some_and(Ordering::is_le)),
                    ">" => Ok(ordered.is_some_and(Ordering::is_gt)),
                    ">=" => Ok(ordered.is_some_and(Ordering::is_ge)),
                    other => Err(format!("the comparison {other:?}")),
                }
            }
        }
    }

    fn argument(&mut self) -> Result<Option<&'a Value>, String> {
        self.must("(")?;
        let word = self.next()?;
        self.must(")")?;
        Ok(self.scope.value(word, self.item))
    }

    /// How two words compare; `None` where one of them is missing or they are of two kinds.
    fn ordered(&self, left: &'a str, right: &'a str) -> Option<Ordering> {
        let (left, right) = (self.scope.value(left, self.item)?, self.scope.value(right, self.item)?);
        let text = |value: &'a Value| value.get("S").and_then(Value::as_str);
        match (text(left), text(right)) {
            (Some(left), Some(right)) => Some(left.cmp(right)),
            _ => number(left)?.partial_cmp(&number(right)?),
        }
    }
}
