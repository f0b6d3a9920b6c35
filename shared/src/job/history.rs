//! A job's past: what each write changed, and the job as it stood after any of them. Pure.
//!
//! A change is a JSON merge patch (RFC 7396): the fields that differ, each as it became. It holds values and no rules, so
//! that what an older version of the code wrote is told by a newer one as it was.

use serde_json::{Map, Value};

use super::Job;
use crate::domain::Personal;
use crate::rules::{self, Rule};

/// The fields that the sweeper moves without a word in the story: every change says them anew.
const MOVED_SILENTLY: [&str; 4] = ["version", "last_write", "updated_at", "due_at"];

/// What a write changed of a job; everything, where it made the job.
pub fn change(before: Option<&Job>, after: &Job) -> Value {
    if !rules::holds(Rule::TellChanges) {
        return Value::Null;
    }
    let written = |job: &Job| serde_json::to_value(job).unwrap_or_default();
    let now = written(after);
    let mut change = difference(&before.map(written).unwrap_or_default(), &now);
    if let Value::Object(fields) = &mut change {
        let moved = MOVED_SILENTLY
            .iter()
            .map(|name| ((*name).to_owned(), now.get(name).cloned().unwrap_or_default()));
        fields.extend(moved);
    }
    change
}

/// The job as it stood after these changes, the first of which made it; `None` if they do not make a job, because the
/// beginning of its story was not kept.
pub fn after<'a>(changes: impl IntoIterator<Item = &'a Value>) -> Option<Job> {
    let mut written = Value::Null;
    for change in changes {
        patch(&mut written, change);
    }
    serde_json::from_value(written).ok()
}

/// The fields of an address that lead to a person.
const PERSONAL_FIELDS: [&str; 7] = ["name", "attention", "lines", "city", "postal_code", "phone", "email"];

/// Remembers what the verdict in a change says of a person: a later one may have replaced it in the job.
pub fn learn(change: &Value, personal: &mut Personal) {
    if let Some(verdict) = change.get("address") {
        learn_addresses(verdict, personal);
    }
}

fn learn_addresses(value: &Value, personal: &mut Personal) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                match value {
                    Value::String(text) if PERSONAL_FIELDS.contains(&name.as_str()) => personal.learn_text(text),
                    Value::Array(lines) if PERSONAL_FIELDS.contains(&name.as_str()) => {
                        lines
                            .iter()
                            .filter_map(Value::as_str)
                            .for_each(|line| personal.learn_text(line));
                    }
                    inner => learn_addresses(inner, personal),
                }
            }
        }
        Value::Array(values) => values.iter().for_each(|value| learn_addresses(value, personal)),
        _ => {}
    }
}

/// The change without what it says of a person. The verdict on the address goes as a whole: a job without one is still told.
pub fn without_person(change: &Value, personal: &Personal) -> Value {
    let mut left = struck(change, personal);
    if let Value::Object(fields) = &mut left
        && fields.get("address").is_some_and(Value::is_object)
    {
        fields.insert("address".to_owned(), "todo".into());
    }
    left
}

fn struck(value: &Value, personal: &Personal) -> Value {
    match value {
        Value::String(text) => personal.struck_from(text).into(),
        Value::Array(values) => values.iter().map(|value| struck(value, personal)).collect(),
        Value::Object(fields) => {
            let left = fields.iter().map(|(key, value)| (key.clone(), struck(value, personal)));
            Value::Object(left.collect())
        }
        other => other.clone(),
    }
}

fn difference(before: &Value, after: &Value) -> Value {
    let (Value::Object(before), Value::Object(now)) = (before, after) else {
        return after.clone();
    };
    let gone = before.keys().filter(|key| !now.contains_key(*key));
    let gone = gone.map(|key| (key.clone(), Value::Null));
    let changed = now.iter().filter(|(key, value)| before.get(*key) != Some(*value));
    let changed = changed.map(|(key, value)| {
        let was = before.get(key).unwrap_or(&Value::Null);
        (key.clone(), difference(was, value))
    });
    Value::Object(gone.chain(changed).collect())
}

fn patch(written: &mut Value, change: &Value) {
    let Value::Object(change) = change else {
        *written = change.clone();
        return;
    };
    if !written.is_object() {
        *written = Value::Object(Map::new());
    }
    let Value::Object(fields) = written else { return };
    for (key, value) in change {
        if value.is_null() {
            fields.remove(key);
        } else {
            patch(fields.entry(key).or_insert(Value::Null), value);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// The examples of RFC 7396's appendix that a difference can produce.
    #[test]
    fn a_patch_changes_what_it_names_and_nothing_else() {
        for (mut written, change, wanted) in [
            (json!({"a": "b"}), json!({"a": "c"}), json!({"a": "c"})),
            (json!({"a": "b", "b": "c"}), json!({"a": null}), json!({"b": "c"})),
            (json!({"a": ["b"]}), json!({"a": "c"}), json!({"a": "c"})),
            (
                json!({"a": {"b": "c"}}),
                json!({"a": {"b": "d", "c": null}}),
                json!({"a": {"b": "d"}}),
            ),
            (
                json!("todo"),
                json!({"done": {"id": "1Z", "cost": null}}),
                json!({"done": {"id": "1Z"}}),
            ),
        ] {
            patch(&mut written, &change);
            assert_eq!(written, wanted);
        }
    }

    #[test]
    fn an_erased_change_says_nothing_of_a_person_and_still_makes_a_job() {
        let mut personal = Personal::default();
        let lines = vec!["350 5th Ave".to_owned()];
        personal.learn(&crate::domain::Address {
            lines,
            ..Default::default()
        });
        let verdict = json!({"done": {"corrected": {"address": {"name": "Ida", "lines": ["350 5TH AVE"]}}}});
        let change = json!({"id": "J", "address": verdict, "hold": {"message": "350 5th Ave is unknown"}});
        let left = without_person(&change, &personal);
        assert_eq!(
            left,
            json!({"id": "J", "address": "todo", "hold": {"message": "(erased) is unknown"}})
        );
        let candidates =
            json!({"done": {"ambiguous": {"candidates": [{"lines": ["221 N Main St"], "country": "US"}]}}});
        learn(&json!({ "address": candidates }), &mut personal);
        assert_eq!(personal.struck_from("knows 221 N MAIN ST"), "knows (erased)");
    }

    #[test]
    fn a_difference_leads_from_one_to_the_other_and_is_small() {
        let before =
            json!({"id": "J", "purchase": {"started": {"number": 1}}, "hold": {"reason": "brake"}, "extras": []});
        let after = json!({"id": "J", "purchase": {"done": {"id": "1Z"}}, "extras": [{"shipment": "1Y"}]});
        let change = difference(&before, &after);
        assert_eq!(change.get("id"), None, "what is the same is not told");
        let mut written = before;
        patch(&mut written, &change);
        assert_eq!(written, after);
    }
}
