//! The prompts of a query: two parallel lists with commas between, names and values case-sensitive.
//!
//! Quirk: a value with a comma in it cannot be told from two values.

use super::cells::read_moment;
use super::queries::Query;
use jiff::civil::DateTime;
use std::collections::BTreeMap;

/// The values of all prompts of a query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Prompts(BTreeMap<&'static str, String>);

impl Prompts {
    /// Reads the two lists.
    ///
    /// # Errors
    /// Why they do not fit the query.
    pub(super) fn read(query: &Query, names: &str, values: &str) -> Result<Self, String> {
        let names: Vec<&str> = names.split(',').collect();
        let values: Vec<&str> = values.split(',').collect();
        if names.len() != values.len() {
            return Err(format!("{} prompts with {} values.", names.len(), values.len()));
        }
        let mut given = BTreeMap::new();
        for (name, value) in names.into_iter().zip(values) {
            let known = query.prompts.iter().find(|prompt| **prompt == name);
            let known = known.ok_or_else(|| format!("{name} is no prompt of {}.", query.name))?;
            given.insert(*known, value.to_owned());
        }
        let missing = query.prompts.iter().find(|prompt| !given.contains_key(**prompt));
        match missing {
            Some(prompt) => Err(format!("The prompt {prompt} of {} has no value.", query.name)),
            None => Ok(Self(given)),
        }
    }

    /// The value of a prompt.
    pub(super) fn get(&self, prompt: &str) -> &str {
        self.0.get(prompt).map(String::as_str).unwrap_or_default()
    }

    /// The value of a prompt for a date with a time.
    ///
    /// # Errors
    /// When it has neither of the two forms.
    pub(super) fn moment(&self, prompt: &str) -> Result<DateTime, String> {
        let text = self.get(prompt);
        read_moment(text).ok_or_else(|| format!("{text} is no date and time for {prompt}."))
    }
}
