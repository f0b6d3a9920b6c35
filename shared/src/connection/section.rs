//! A table of a connection file, read key by key: it remembers what was asked, so that the rest is unknown.

use std::cell::RefCell;
use std::collections::BTreeMap;

use toml::{Table, Value};

use super::mistake::{Mistake, Mistakes};
use super::spelling::Spelling;

/// How alike two keys must be for one to be suggested for the other.
const NEAR: f64 = 0.7;

/// One table, or its absence, which reads like an empty one.
pub(super) struct Section<'a> {
    path: String,
    table: Option<&'a Table>,
    mistakes: &'a Mistakes,
    asked: RefCell<Vec<&'static str>>,
}

impl<'a> Section<'a> {
    pub(super) fn root(table: &'a Table, mistakes: &'a Mistakes) -> Self {
        Self::at(String::new(), Some(table), mistakes)
    }

    fn at(path: String, table: Option<&'a Table>, mistakes: &'a Mistakes) -> Self {
        Self {
            path,
            table,
            mistakes,
            asked: RefCell::default(),
        }
    }

    /// The path of one of its keys.
    pub(super) fn path(&self, key: &str) -> String {
        let key = if is_bare(key) || key.contains(" #") {
            key.to_owned()
        } else {
            format!("{key:?}")
        };
        if self.path.is_empty() {
            key
        } else {
            format!("{}.{key}", self.path)
        }
    }

    pub(super) fn is_present(&self) -> bool {
        self.table.is_some()
    }

    pub(super) fn has(&self, key: &str) -> bool {
        self.table.is_some_and(|table| table.contains_key(key))
    }

    fn value(&self, key: &'static str) -> Option<&'a Value> {
        self.asked.borrow_mut().push(key);
        self.table?.get(key)
    }

    /// The value of a key that may be missing.
    pub(super) fn get<T>(&self, key: &'static str, spelling: &Spelling<T>) -> Option<T> {
        let value = self.value(key)?;
        let read = (spelling.read)(value);
        if read.is_none() {
            self.wrong(key, format!("is {}", told(value)), spelling.allowed);
        }
        read
    }

    /// The value of a key that must be there.
    pub(super) fn need<T>(&self, key: &'static str, spelling: &Spelling<T>) -> Option<T> {
        if self.has(key) {
            return self.get(key, spelling);
        }
        self.asked.borrow_mut().push(key);
        self.mistakes.add(Mistake::missing(self.path(key), spelling.allowed));
        None
    }

    /// Records that a key is wrong.
    pub(super) fn wrong(&self, key: &str, wrong: impl Into<String>, allowed: impl Into<String>) {
        self.mistakes.add(Mistake::new(self.path(key), wrong, allowed));
    }

    /// Records a mistake that somebody else found, with its whole path.
    pub(super) fn add(&self, mistake: Mistake) {
        self.mistakes.add(mistake);
    }

    /// A table in this one; an absent one reads like an empty one.
    pub(super) fn section(&self, key: &'static str) -> Section<'a> {
        let value = self.value(key);
        self.table_of(key, value)
    }

    /// The tables in this one under names that the customer chooses.
    pub(super) fn sections(&self) -> Vec<(&'a str, Section<'a>)> {
        let entries = self.table.into_iter().flatten();
        entries
            .map(|(name, value)| (name.as_str(), self.table_of(name, Some(value))))
            .collect()
    }

    /// The tables of a list (`[[key]]`), counted from 1 in their paths.
    pub(super) fn list(&self, key: &'static str) -> Vec<Section<'a>> {
        let Some(value) = self.value(key) else {
            return Vec::new();
        };
        let Some(tables) = value.as_array() else {
            self.wrong(
                key,
                format!("is {}", told(value)),
                format!("a list of tables: [[{}]]", self.path(key)),
            );
            return Vec::new();
        };
        let each = tables.iter().enumerate();
        each.map(|(index, value)| self.table_of(&format!("{key} #{}", index + 1), Some(value)))
            .collect()
    }

    fn table_of(&self, key: &str, value: Option<&'a Value>) -> Section<'a> {
        let table = value.and_then(Value::as_table);
        if let (Some(value), None) = (value, table) {
            self.wrong(
                key,
                format!("is {}", told(value)),
                format!("a table: [{}]", self.path(key)),
            );
        }
        Self::at(self.path(key), table, self.mistakes)
    }

    /// Every key with a text or several, under names that the customer chooses.
    pub(super) fn lists(&self, spelling: &Spelling<Vec<String>>) -> BTreeMap<String, Vec<String>> {
        let mut lists = BTreeMap::new();
        for (key, value) in self.table.into_iter().flatten() {
            match (spelling.read)(value) {
                Some(list) => drop(lists.insert(key.clone(), list)),
                None => self.wrong(key, format!("is {}", told(value)), spelling.allowed),
            }
        }
        lists
    }

    /// Every key with a text, under names that the customer chooses.
    pub(super) fn texts(&self, allowed: &str) -> BTreeMap<String, String> {
        let mut texts = BTreeMap::new();
        for (key, value) in self.table.into_iter().flatten() {
            match value.as_str().map(str::trim).filter(|text| !text.is_empty()) {
                Some(text) => drop(texts.insert(key.clone(), text.to_owned())),
                None => self.wrong(key, format!("is {}", told(value)), allowed),
            }
        }
        texts
    }

    /// Everything that was not asked for, as JSON, for whoever knows these keys.
    pub(super) fn rest(&self) -> serde_json::Value {
        let asked = self.asked.borrow();
        let left = self.table.into_iter().flatten();
        left.filter(|(key, _)| !asked.contains(&key.as_str()))
            .map(|(key, value)| (key.clone(), to_json(value)))
            .collect()
    }

    /// Reports every key that nobody asked for.
    pub(super) fn close(&self) {
        let asked = self.asked.borrow();
        let keys = self.table.into_iter().flat_map(Table::keys);
        for key in keys.filter(|key| !asked.contains(&key.as_str())) {
            self.mistakes.add(self.unknown(key, &asked));
        }
    }

    fn unknown(&self, key: &str, known: &[&'static str]) -> Mistake {
        let alike = |name: &&str| strsim::jaro_winkler(name, &key.to_lowercase());
        let nearest = known.iter().copied().max_by(|a, b| alike(a).total_cmp(&alike(b)));
        let wrong = match nearest.filter(|name| alike(name) >= NEAR) {
            Some(name) => format!("is not a key here; did you mean {name}?"),
            None => "is not a key here".to_owned(),
        };
        Mistake::new(self.path(key), wrong, known.join(", "))
    }
}

fn is_bare(key: &str) -> bool {
    !key.is_empty() && key.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-')
}

fn told(value: &Value) -> String {
    match value {
        Value::Table(_) => "a table".to_owned(),
        other => other.to_string(),
    }
}

fn to_json(value: &Value) -> serde_json::Value {
    match value {
        Value::String(text) => text.as_str().into(),
        Value::Integer(number) => (*number).into(),
        Value::Float(number) => (*number).into(),
        Value::Boolean(yes) => (*yes).into(),
        Value::Datetime(time) => time.to_string().into(),
        Value::Array(values) => values.iter().map(to_json).collect(),
        Value::Table(table) => table.iter().map(|(key, value)| (key.clone(), to_json(value))).collect(),
    }
}
