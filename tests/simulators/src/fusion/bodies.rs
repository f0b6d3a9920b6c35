//! Bodies of writes: which attributes and segments they may name, and which values.
//!
//! Quirk: a value that a segment does not take is refused with the segment's prompt, the name that people see.

use super::model::{Content, FlexValues, Schedule};
use super::options::{Flexfield, Options, Segment, SegmentKind};
use super::refusal::Refusal;
use super::resources::Resource;
use jiff::civil::Date;
use serde_json::{Map, Value};

/// Writes the attributes of a body into the header.
pub(super) fn header(
    content: &mut Content,
    body: &Map<String, Value>,
    resource: &Resource,
    options: &Options,
) -> Result<(), Refusal> {
    for (name, value) in body {
        let text = attribute(resource, name, value, options)?;
        let place = match name.as_str() {
            "Description" => &mut content.description,
            "Carrier" => &mut content.carrier,
            "ModeOfTransport" => &mut content.mode_of_transport,
            "ServiceLevel" => &mut content.service_level,
            "NoteToSupplier" => &mut content.note_to_supplier,
            "NoteToReceiver" => &mut content.note_to_receiver,
            "SupplierOrder" => &mut content.supplier_order,
            _ => return Err(read_only(name)),
        };
        *place = text;
    }
    Ok(())
}

/// Writes the attributes of a body into a schedule.
pub(super) fn schedule(
    schedule: &mut Schedule,
    body: &Map<String, Value>,
    resource: &Resource,
    options: &Options,
) -> Result<(), Refusal> {
    for (name, value) in body {
        let text = attribute(resource, name, value, options)?;
        let place = match name.as_str() {
            "Carrier" => &mut schedule.carrier,
            "ModeOfTransport" => &mut schedule.mode_of_transport,
            "ServiceLevel" => &mut schedule.service_level,
            _ => return Err(read_only(name)),
        };
        *place = text;
    }
    Ok(())
}

fn attribute(resource: &Resource, name: &str, value: &Value, options: &Options) -> Result<Option<String>, Refusal> {
    let known = resource
        .known(name, options)
        .ok_or_else(|| Refusal::at(name, format!("The attribute {name} is not known.")))?;
    if !known.updatable || !resource.writable {
        return Err(read_only(name));
    }
    let text = match value {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        _ => return Err(Refusal::at(name, format!("The value of {name} is not a string."))),
    };
    let longest = if name.starts_with("NoteTo") { 1_000 } else { 240 };
    if text.as_ref().is_some_and(|text| text.chars().count() > longest) {
        return Err(Refusal::at(
            name,
            format!("The value of {name} is longer than {longest} characters."),
        ));
    }
    if name == "Carrier" && text.as_ref().is_some_and(|text| !options.carriers.contains(text)) {
        return Err(Refusal::at(name, "The value of the attribute Carrier isn't valid."));
    }
    Ok(text)
}

fn read_only(name: &str) -> Refusal {
    Refusal::at(name, format!("The attribute {name} can't be updated."))
}

/// Writes the segments of a body into a flexfield; `key` is the attribute that has the owner's id.
pub(super) fn flexfield(
    values: &mut FlexValues,
    body: &Map<String, Value>,
    defined: &Flexfield,
    resource: &Resource,
) -> Result<(), Refusal> {
    for (name, value) in body {
        match name.as_str() {
            "__FLEX_Context" => values.context = value.as_str().map(str::to_owned),
            // What names the owner, or only repeats, is taken and ignored.
            _ if resource.attribute(name).is_some() => {}
            _ => {
                let segment = defined.segments.iter().find(|one| one.api_name == *name);
                let segment =
                    segment.ok_or_else(|| Refusal::at(name, format!("The attribute {name} is not known.")))?;
                fill(values, segment, value)?;
            }
        }
    }
    let context = values.context.as_ref();
    let fits = defined.contexts.is_empty() || context.is_some_and(|context| defined.contexts.contains(context));
    if fits || values.segments.is_empty() {
        Ok(())
    } else {
        Err(Refusal::at("__FLEX_Context", "The context value isn't valid."))
    }
}

fn fill(values: &mut FlexValues, segment: &Segment, value: &Value) -> Result<(), Refusal> {
    let prompt = &segment.prompt;
    if value.is_null() {
        values.segments.remove(&segment.api_name);
        return Ok(());
    }
    match segment.kind {
        SegmentKind::Text(longest) => {
            let text = value.as_str().ok_or_else(|| wrong(prompt, "is not text"))?;
            if text.chars().count() > longest {
                return Err(wrong(prompt, &format!("is longer than {longest} characters")));
            }
        }
        SegmentKind::Number if !value.is_number() => return Err(wrong(prompt, "is not a number")),
        SegmentKind::Number => {}
        SegmentKind::Day => {
            let day = value.as_str().filter(|text| text.len() == 10);
            if day.and_then(|text| text.parse::<Date>().ok()).is_none() {
                return Err(wrong(prompt, "is not a date of the form YYYY-MM-DD"));
            }
        }
    }
    values.segments.insert(segment.api_name.clone(), value.clone());
    Ok(())
}

fn wrong(prompt: &str, what: &str) -> Refusal {
    Refusal::bad(format!("The value of {prompt} {what}."))
}
