//! What is to stand in an order's flexfields and notes, and whether it does.

use std::collections::BTreeSet;

use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use jiff::tz::Offset;
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::goods::number;
use crate::connection::WriteBackPolicy;
use crate::domain::{DeliveryStatus, DocumentId, DocumentKind, Milestone, Money, Refusal};
use crate::ports::WriteBack;
use crate::systems::fusion::options::{Level, Options};
use crate::systems::fusion::query;
use crate::systems::fusion::wire::{Segments, as_text};
use crate::systems::writing::truncated;

/// The most characters of a note.
const NOTE_LIMIT: usize = 1000;

/// What the line of a note begins with that tells of a problem.
const PROBLEM: &str = "Not shipped: ";

/// One change of an order: what a draft holds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(in crate::systems::fusion) struct Plan {
    /// The order's id.
    pub(in crate::systems::fusion) order: String,
    /// Where its flexfields stand.
    pub(in crate::systems::fusion) level: Level,
    /// The schedules that are meant; none means all.
    pub(in crate::systems::fusion) schedules: Vec<String>,
    /// What is to stand there.
    pub(in crate::systems::fusion) wish: Wish,
}

/// What is to stand in an order.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(in crate::systems::fusion) struct Wish {
    /// The segment of the tracking numbers and ours; what stands there already is kept in front of them.
    pub(super) tracking: Option<(String, Vec<String>)>,
    /// The segment of the status and what it says at first; whatever stands there already is kept, for it tells more.
    pub(super) status: Option<(String, String)>,
    /// Every other segment.
    pub(super) exact: Map<String, Value>,
    /// What the order's note is to say.
    pub(super) note: Option<Note>,
    /// The context beside the segments.
    pub(super) context: Option<String>,
    /// Where a row says something in this segment, only such rows are meant.
    pub(super) only_where: Option<String>,
    /// The most characters of a segment.
    pub(super) text_limit: usize,
}

/// What a note is to say, beside what people wrote there.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(in crate::systems::fusion) enum Note {
    /// A sentence with the tracking numbers of a shipment.
    Shipped {
        /// The note's attribute.
        attribute: String,
        /// The numbers by which the sentence is recognised.
        numbers: Vec<String>,
        /// The sentence.
        sentence: String,
    },
    /// A line of its own with the problem, or no such line.
    Problem {
        /// The note's attribute.
        attribute: String,
        /// The problem.
        problem: Option<String>,
    },
}

impl Note {
    /// The attribute of the order.
    pub(in crate::systems::fusion) fn attribute(&self) -> &str {
        match self {
            Self::Shipped { attribute, .. } | Self::Problem { attribute, .. } => attribute,
        }
    }

    /// Whether the note says it.
    pub(super) fn is_said(&self, there: Option<&str>) -> bool {
        let there = there.unwrap_or_default();
        match self {
            Self::Shipped { numbers, .. } => {
                !numbers.is_empty() && numbers.iter().all(|number| there.contains(number.as_str()))
            }
            // Fusion ends lines in its own way.
            Self::Problem { .. } => self
                .beside(Some(there))
                .is_ok_and(|text| text.lines().eq(there.trim().lines())),
        }
    }

    /// The note with it.
    pub(super) fn beside(&self, there: Option<&str>) -> Result<String, Refusal> {
        let there = there.unwrap_or_default().trim();
        let mut lines: Vec<String> = there.lines().map(str::to_owned).collect();
        let said = match self {
            Self::Shipped { sentence, .. } => Some(sentence.clone()),
            Self::Problem { problem, .. } => {
                lines.retain(|line| !line.starts_with(PROBLEM));
                problem
                    .as_deref()
                    .map(|problem| truncated(&format!("{PROBLEM}{}", one_line(problem)), 300))
            }
        };
        lines.extend(said);
        let text = lines.join("\n").trim().to_owned();
        if text.chars().count() > NOTE_LIMIT {
            return Err(unusable(
                "the order's note has no room left: shorten it, or write to a flexfield",
            ));
        }
        Ok(text)
    }
}

fn unusable(message: impl Into<String>) -> Refusal {
    Refusal::new("write-back-impossible", message)
}

impl Wish {
    /// Whether there is nothing to write.
    pub(in crate::systems::fusion) fn is_empty(&self) -> bool {
        !self.has_segments() && self.note.is_none()
    }

    /// Whether a flexfield is meant.
    pub(in crate::systems::fusion) fn has_segments(&self) -> bool {
        self.tracking.is_some() || self.status.is_some() || !self.exact.is_empty()
    }

    /// The note, where one is meant.
    pub(in crate::systems::fusion) fn note(&self) -> Option<&Note> {
        self.note.as_ref()
    }

    /// Whether it is recognised by tracking numbers, so that it cannot be mistaken for somebody else's.
    pub(in crate::systems::fusion) fn has_numbers(&self) -> bool {
        self.tracking.is_some() || matches!(self.note, Some(Note::Shipped { .. }))
    }

    /// Everything of an order that it is about.
    pub(in crate::systems::fusion) fn fields(&self) -> BTreeSet<&str> {
        let tracking = self.tracking.as_ref().map(|(field, _)| field.as_str());
        let status = self.status.as_ref().map(|(field, _)| field.as_str());
        let segments = [tracking, status].into_iter().flatten();
        let context = self.context.is_some().then_some("__FLEX_Context");
        segments
            .chain(self.exact.keys().map(String::as_str))
            .chain(self.note().map(Note::attribute))
            .chain(context)
            .collect()
    }

    /// The same, and a segment is to say what it says in force: nobody wants any more what was begun there.
    #[must_use]
    pub(in crate::systems::fusion) fn with_reset(mut self, field: &str, in_force: Value) -> Self {
        self.exact.entry(field.to_owned()).or_insert(in_force);
        self
    }

    /// Whether only the note tells that it stands there.
    pub(super) fn is_recognised_by_note_alone(&self) -> bool {
        self.tracking.is_none() && matches!(self.note, Some(Note::Shipped { .. }))
    }

    /// Whether a row of a flexfield is meant.
    pub(super) fn means(&self, row: Option<&Segments>) -> bool {
        let said = |field: &String| row.and_then(|row| row.get(field)).and_then(as_text).is_some();
        self.only_where.as_ref().is_none_or(said)
    }

    /// Whether a row of a flexfield shows it.
    pub(super) fn is_shown(&self, row: Option<&Segments>) -> bool {
        let there = |field: &str| row.and_then(|row| row.get(field));
        let text = |field: &str| there(field).and_then(as_text);
        if let Some((field, numbers)) = &self.tracking {
            return shows_numbers(text(field).as_deref(), numbers, self.text_limit);
        }
        if self.is_recognised_by_note_alone() {
            return true;
        }
        let exact = self.exact.iter().all(|(field, ours)| says(text(field), as_text(ours)));
        let status = self.status.as_ref().is_none_or(|(field, _)| text(field).is_some());
        exact && status
    }

    /// What is sent for a row of a flexfield: tracking numbers and a status that stand there are kept.
    pub(super) fn segments(&self, row: Option<&Segments>) -> Result<Map<String, Value>, Refusal> {
        let text = |field: &str| row.and_then(|row| row.get(field)).and_then(as_text);
        let mut body = self.exact.clone();
        if let Some((field, ours)) = &self.tracking {
            body.insert(
                field.clone(),
                json!(with_numbers(text(field).as_deref(), ours, self.text_limit)?),
            );
        }
        if let Some((field, first)) = &self.status
            && text(field).is_none()
        {
            body.insert(field.clone(), json!(first));
        }
        if let Some(context) = &self.context {
            body.insert("__FLEX_Context".to_owned(), json!(context));
        }
        Ok(body)
    }
}

/// What stands at the end of a list that was longer than its segment.
const MORE: &str = "\u{2026}";

/// The tracking numbers in a text.
pub(super) fn numbers_in(text: Option<&str>) -> Vec<String> {
    let parts = text.unwrap_or_default().split([',', ' ', '\n', ';']).map(str::trim);
    parts
        .filter(|part| !part.is_empty() && *part != MORE)
        .map(str::to_owned)
        .collect()
}

/// The list with our numbers behind those that stand there; of ours the first must fit, the others are told by `…`.
fn with_numbers(there: Option<&str>, ours: &[String], limit: usize) -> Result<String, Refusal> {
    let mut kept = numbers_in(there);
    for (index, number) in ours
        .iter()
        .filter(|number| !numbers_in(there).contains(number))
        .enumerate()
    {
        let longer = kept.iter().chain([number]).cloned().collect::<Vec<_>>().join(", ");
        let room = if index + 1 == ours.len() {
            limit
        } else {
            limit.saturating_sub(3)
        };
        if longer.chars().count() <= room {
            kept.push(number.clone());
            continue;
        }
        if ours.iter().any(|number| kept.contains(number)) {
            return Ok(format!("{}, {MORE}", kept.join(", ")));
        }
        return Err(unusable(format!(
            "the segment for tracking numbers takes {limit} characters and is full: enlarge it and erp.text_limit, or empty it"
        )));
    }
    Ok(kept.join(", "))
}

fn shows_numbers(there: Option<&str>, ours: &[String], limit: usize) -> bool {
    let shown = numbers_in(there);
    if ours.is_empty() {
        return false;
    }
    let all = ours.iter().all(|number| shown.contains(number));
    let cut = || {
        let ends = there.is_some_and(|text| text.trim_end().ends_with(MORE));
        let same = with_numbers(there, ours, limit).is_ok_and(|text| Some(text.as_str()) == there.map(str::trim));
        ends && same && ours.iter().any(|number| shown.contains(number))
    };
    all || cut()
}

/// What a shipment writes; the problem is not among it, for it may be that of another unit of the order.
pub(in crate::systems::fusion) fn shipped(
    write_back: &WriteBack<'_>,
    policy: &WriteBackPolicy,
    options: &Options,
) -> Result<Plan, Refusal> {
    let fields = &policy.fields;
    let numbers: Vec<String> = write_back.shipment.tracking_numbers().map(str::to_owned).collect();
    let offer = write_back.quote.map(|quote| &quote.offer);
    let cost = write_back.shipment.cost.as_ref().or(offer.map(|offer| &offer.cost));
    let service = offer
        .map(|offer| offer.name.as_str())
        .or(write_back.shipment.service.as_deref());
    let values = [
        (&fields.cost, cost.map(|cost| cost_value(cost, options))),
        (
            &fields.service,
            service.map(|service| json!(truncated(service, options.text_limit))),
        ),
    ];
    let exact = values
        .into_iter()
        .filter_map(|(field, value)| Some((field.clone()?, value?)));
    let first = Milestone::LabelCreated.words().to_owned();
    let note = policy.note.clone().map(|attribute| Note::Shipped {
        attribute,
        sentence: sentence(&numbers, service, cost),
        numbers: numbers.clone(),
    });
    let lines = write_back.consignment.lines.iter();
    Ok(Plan {
        order: order_id(&write_back.order.document)?,
        level: options.flex_level,
        schedules: lines.map(|line| line.line.as_str().to_owned()).collect(),
        wish: Wish {
            tracking: fields.tracking.clone().map(|field| (field, numbers)),
            status: fields.status.clone().map(|field| (field, first)),
            exact: exact.collect(),
            note,
            ..empty(options)
        },
    })
}

fn sentence(numbers: &[String], service: Option<&str>, cost: Option<&Money>) -> String {
    let by = service.map(|service| format!(" by {service}")).unwrap_or_default();
    let cost = cost.map(|cost| format!(", for {cost}")).unwrap_or_default();
    format!("Shipped{by}, tracking {}{cost}.", numbers.join(", "))
}

fn empty(options: &Options) -> Wish {
    Wish {
        context: options.flex_context.clone(),
        text_limit: options.text_limit,
        ..Wish::default()
    }
}

/// The id of an order; it goes into filters and paths.
fn order_id(document: &DocumentId) -> Result<String, Refusal> {
    let id = query::id(&document.id)
        .ok()
        .filter(|_| document.kind == DocumentKind::PurchaseOrder);
    let foreign = || unusable(format!("{document} is not a purchase order of Fusion"));
    id.map(|id| id.to_string()).ok_or_else(foreign)
}

/// What sets or clears the problem: in its segment, or else in the note.
pub(in crate::systems::fusion) fn problem(
    document: &DocumentId,
    problem: Option<&str>,
    policy: &WriteBackPolicy,
    options: &Options,
) -> Result<Plan, Refusal> {
    let mut wish = empty(options);
    match (&policy.fields.problem, &policy.note) {
        (Some(field), _) => {
            let text = problem.map(|problem| truncated(&one_line(problem), options.text_limit));
            wish.exact.insert(field.clone(), json!(text));
        }
        (None, Some(attribute)) => {
            wish.note = Some(Note::Problem {
                attribute: attribute.clone(),
                problem: problem.map(str::to_owned),
            });
        }
        (None, None) => {}
    }
    whole_order(document, options, wish)
}

fn whole_order(document: &DocumentId, options: &Options, wish: Wish) -> Result<Plan, Refusal> {
    Ok(Plan {
        order: order_id(document)?,
        level: options.flex_level,
        schedules: Vec::new(),
        wish,
    })
}

/// How a delivery fares; a value that is not known (any more) empties its segment.
pub(in crate::systems::fusion) fn delivery(
    document: &DocumentId,
    status: &DeliveryStatus,
    policy: &WriteBackPolicy,
    options: &Options,
) -> Result<Plan, Refusal> {
    let fields = &policy.fields;
    let words = |text: &str| {
        let line = one_line(text);
        if line.is_empty() {
            Value::Null
        } else {
            json!(truncated(&line, options.text_limit))
        }
    };
    let told = |text: &Option<String>| text.as_deref().map_or(Value::Null, words);
    let estimate = status.estimate.map(|estimate| estimate.date.to_string());
    let values = [
        (&fields.status, words(&status.text)),
        (
            &fields.status_at,
            json!(status.at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()),
        ),
        (&fields.place, told(&status.place)),
        (&fields.signed_by, told(&status.signed_by)),
        (&fields.estimated_delivery, json!(estimate)),
    ];
    let exact = values
        .into_iter()
        .filter_map(|(field, value)| Some((field.clone()?, value)));
    let only_where = fields
        .tracking
        .clone()
        .filter(|_| options.flex_level == Level::Schedule);
    let wish = Wish {
        exact: exact.collect(),
        only_where,
        ..empty(options)
    };
    whole_order(document, options, wish)
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn cost_value(cost: &Money, options: &Options) -> Value {
    if options.cost_as_text {
        json!(cost.to_string())
    } else {
        json!(cost.amount.round_dp(2).to_f64())
    }
}

/// Whether a segment says what we would write: Fusion shows a date, a time or a number in its own spelling.
pub(super) fn says(there: Option<String>, ours: Option<String>) -> bool {
    match (there, ours) {
        (Some(there), Some(ours)) => {
            let numbers = number(Some(&there)).zip(number(Some(&ours)));
            there == ours
                || numbers.is_some_and(|(there, ours): (Decimal, Decimal)| there == ours)
                || same_time(&there, &ours)
        }
        (None, None) => true,
        _ => false,
    }
}

/// Whether two texts name the same second, or the same day where one of them is but a day.
fn same_time(there: &str, ours: &str) -> bool {
    let date = |text: &str| day(text).or_else(|| Some(Offset::UTC.to_datetime(instant(text)?).date()));
    if day(there).is_some() || day(ours).is_some() {
        date(there).is_some() && date(there) == date(ours)
    } else {
        let second = |text: &str| instant(text).map(Timestamp::as_second);
        second(there).is_some() && second(there) == second(ours)
    }
}

fn day(text: &str) -> Option<Date> {
    (text.len() == 10).then(|| Date::strptime("%Y-%m-%d", text).ok())?
}

/// A moment; without an offset it is taken for UTC.
fn instant(text: &str) -> Option<Timestamp> {
    let local = || Offset::UTC.to_timestamp(text.parse::<DateTime>().ok()?).ok();
    text.parse::<Timestamp>().ok().or_else(local)
}
