//! Orders and shipments to what is written: a fulfilment by a transform, and fields of the order by a patch.

use std::collections::{BTreeMap, BTreeSet};

use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::connection::FieldMap;
use crate::domain::{
    DocumentId, DocumentKind, LineId, Money, OrderLine, Packing, Quantities, Refusal, Weight, WeightUnit,
};
use crate::ports::WriteBack;
use crate::systems::netsuite::options::{Options, PackageSublist};
use crate::systems::netsuite::wire::{LineRow, SalesOrder, SalesOrderLine, as_text};
use crate::systems::writing::{CUT, truncated};

/// The request that makes a fulfilment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(in crate::systems::netsuite) struct Transform {
    /// The order's id.
    pub(in crate::systems::netsuite) order: String,
    /// Our reference.
    pub(in crate::systems::netsuite) external_id: String,
    /// Path with query.
    pub(in crate::systems::netsuite) path: String,
    /// The body as it is sent.
    pub(in crate::systems::netsuite) body: Value,
}

/// The request that writes fields of an order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(in crate::systems::netsuite) struct Update {
    /// Path of the order.
    pub(in crate::systems::netsuite) path: String,
    /// The field of the tracking numbers and ours; what stands there already is kept in front of them.
    pub(in crate::systems::netsuite) tracking: Option<(String, Vec<String>)>,
    /// The field of the status and what it says at first; whatever stands there already is kept, for it tells more.
    #[serde(default)]
    pub(in crate::systems::netsuite) status: Option<(String, String)>,
    /// Every other field as it is sent.
    pub(in crate::systems::netsuite) fields: Map<String, Value>,
    /// The field of the links to labels and ours; written only together with a number.
    #[serde(default)]
    pub(in crate::systems::netsuite) link: Option<Link>,
    /// The most characters that the fields of numbers and of links take.
    #[serde(default)]
    pub(in crate::systems::netsuite) limits: Limits,
    /// What the field of numbers showed when the record was chosen by it; where it shows something else, it is chosen anew.
    #[serde(default)]
    pub(in crate::systems::netsuite) seen: Option<String>,
}

/// The most characters that fields take which shipments share.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::systems::netsuite) struct Limits {
    /// Of the numbers.
    numbers: usize,
    /// Of the links.
    links: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self::of(&Options::default())
    }
}

impl Limits {
    fn of(options: &Options) -> Self {
        Self {
            numbers: options.text_limit,
            links: options.link_limit,
        }
    }
}

/// A link to labels.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::systems::netsuite) struct Link {
    /// Where it stands.
    field: String,
    /// The link.
    link: String,
    /// Whose labels they are: an earlier link to them is replaced.
    job: String,
}

/// The record that an update is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::systems::netsuite) enum Target {
    /// A sales order.
    Order,
    /// An invoice, which may bill several shipments.
    Invoice,
}

impl Target {
    fn record(self) -> &'static str {
        match self {
            Self::Order => "salesOrder",
            Self::Invoice => "invoice",
        }
    }
}

/// What we would write into fields, to be held against what stands there.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::systems::netsuite) struct Wanted {
    /// The update.
    pub(in crate::systems::netsuite) update: Update,
    /// The fields by which it is recognised.
    pub(in crate::systems::netsuite) telling: Vec<String>,
}

fn unusable(message: impl Into<String>) -> Refusal {
    Refusal::new("write-back-impossible", message)
}

/// The path of an order; its id goes into a URL and is nothing but digits.
pub(in crate::systems::netsuite) fn order_path(document: &DocumentId) -> Result<String, Refusal> {
    if document.kind == DocumentKind::Fulfilment {
        return Err(unusable(format!("{document} is not an order")));
    }
    record_path(Target::Order, &document.id)
        .map_err(|_| unusable(format!("{document} is not an internal id of NetSuite")))
}

/// The path of a record by its internal id.
pub(in crate::systems::netsuite) fn record_path(target: Target, id: &str) -> Result<String, Refusal> {
    if !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_digit()) {
        Ok(format!("/services/rest/record/v1/{}/{id}", target.record()))
    } else {
        Err(unusable(format!("{id:?} is not an internal id of NetSuite")))
    }
}

/// The transform of an order into a fulfilment of what was shipped.
pub(in crate::systems::netsuite) fn transform(
    write_back: &WriteBack<'_>,
    options: &Options,
    packing: &Packing,
) -> Result<Transform, Refusal> {
    let order = write_back.order;
    let method = order
        .ship_method
        .as_ref()
        .map(|method| (method.id.as_str(), method.name.as_deref()));
    let names: Vec<&str> = method
        .iter()
        .flat_map(|(id, name)| [Some(*id), *name])
        .flatten()
        .collect();
    let sublist = options.sublist(&names);
    let mut body = Map::from_iter([
        ("externalId".to_owned(), json!(write_back.job.as_str())),
        ("shipStatus".to_owned(), json!({ "id": options.ship_status })),
        ("item".to_owned(), json!({ "items": fulfilled_lines(write_back)? })),
        (
            sublist.name().to_owned(),
            json!({ "items": packages(write_back, sublist, packing) }),
        ),
    ]);
    if sublist != PackageSublist::Package {
        // NetSuite would buy a second label otherwise.
        body.insert("generateIntegratedShipperLabel".to_owned(), Value::Bool(false));
    }
    let path = order_path(&order.document)?;
    Ok(Transform {
        order: order.document.id.clone(),
        external_id: write_back.job.as_str().to_owned(),
        path: format!("{path}/!transform/itemFulfillment?replace={}", sublist.name()),
        body: Value::Object(body),
    })
}

/// Every open line: what was shipped with its quantity, the others as not received, because NetSuite fulfils in full
/// what is not mentioned.
fn fulfilled_lines(write_back: &WriteBack<'_>) -> Result<Vec<Value>, Refusal> {
    let shipped = write_back.consignment.quantities();
    for (line, quantity) in &shipped {
        let open = write_back.order.line(line).map_or(Decimal::ZERO, OrderLine::remaining);
        if open < *quantity {
            return Err(unusable(format!(
                "line {line} of {} has {open} open, and {quantity} were shipped: somebody has fulfilled or changed it",
                write_back.order.number
            )));
        }
    }
    let open = write_back
        .order
        .lines
        .iter()
        .filter(|line| line.remaining() > Decimal::ZERO);
    open.map(|line| fulfilled_line(line, &shipped)).collect()
}

fn fulfilled_line(line: &OrderLine, shipped: &Quantities) -> Result<Value, Refusal> {
    let number: u64 = line
        .id
        .as_str()
        .parse()
        .map_err(|_| unusable(format!("line {} has no number of NetSuite", line.id)))?;
    let mut row = Map::from_iter([("orderLine".to_owned(), json!(number))]);
    if let Some(location) = &line.location {
        row.insert("location".to_owned(), json!({ "id": location.as_str() }));
    }
    let quantity = shipped
        .get(&line.id)
        .copied()
        .filter(|quantity| *quantity > Decimal::ZERO);
    row.insert("itemReceive".to_owned(), json!(quantity.is_some()));
    if let Some(quantity) = quantity {
        row.insert("quantity".to_owned(), number_value(quantity));
    }
    Ok(Value::Object(row))
}

/// A JSON number, whole where it is.
fn number_value(number: Decimal) -> Value {
    match number.normalize() {
        whole if whole.scale() == 0 => whole.to_i64().map_or_else(|| json!(whole.to_f64()), Value::from),
        fraction => json!(fraction.to_f64()),
    }
}

fn packages(write_back: &WriteBack<'_>, sublist: PackageSublist, packing: &Packing) -> Vec<Value> {
    let weights = pounds(write_back, packing);
    let suffix = sublist.suffix();
    let package = |(index, tracking): (usize, &str)| {
        let mut row = Map::from_iter([(format!("packageTrackingNumber{suffix}"), json!(tracking))]);
        if let Some(weight) = weights.get(index) {
            row.insert(format!("packageWeight{suffix}"), number_value(*weight));
        }
        Value::Object(row)
    };
    write_back
        .shipment
        .tracking_numbers()
        .enumerate()
        .map(package)
        .collect()
}

/// What each parcel weighs, in pounds: by the connection's packing, which made the parcels; where it no longer makes
/// as many, the whole weight in equal parts.
fn pounds(write_back: &WriteBack<'_>, packing: &Packing) -> Vec<Decimal> {
    let count = write_back.shipment.parcels.len();
    let packed = packing.pack(write_back.consignment).unwrap_or_default();
    let weights: Vec<Weight> = if packed.len() == count {
        packed.into_iter().map(|parcel| parcel.weight).collect()
    } else {
        let lines = write_back.consignment.lines.iter();
        let whole = lines.filter_map(|line| Some(line.weight?.times(line.quantity)));
        let part = whole
            .reduce(Weight::plus)
            .map(|whole| whole.times(Decimal::ONE / Decimal::from(count.max(1))));
        part.into_iter().cycle().take(count).collect()
    };
    let least = Decimal::new(1, 2);
    weights
        .into_iter()
        .map(|weight| weight.to(WeightUnit::Lb).value.round_dp(2).max(least))
        .collect()
}

/// The update of the order's fields; `None` where no field but the problem's is configured. The problem is not among them: it
/// may be that of another unit of the order.
pub(in crate::systems::netsuite) fn update(
    write_back: &WriteBack<'_>,
    fields: &FieldMap,
    options: &Options,
) -> Result<Option<Wanted>, Refusal> {
    let path = || order_path(&write_back.order.document);
    let wanted = wanted(write_back, fields, options);
    wanted.map(|wanted| Ok(wanted.at(path()?))).transpose()
}

/// The update of another record's fields, which is named by its id.
pub(in crate::systems::netsuite) fn update_of(
    (target, id): (Target, &str),
    write_back: &WriteBack<'_>,
    fields: &FieldMap,
    options: &Options,
) -> Result<Option<Wanted>, Refusal> {
    let path = record_path(target, id)?;
    Ok(wanted(write_back, fields, options).map(|wanted| wanted.at(path)))
}

impl Wanted {
    fn at(self, path: String) -> Self {
        let update = Update { path, ..self.update };
        Self { update, ..self }
    }
}

/// What is to stand in fields, wherever they are.
fn wanted(write_back: &WriteBack<'_>, fields: &FieldMap, options: &Options) -> Option<Wanted> {
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
    let set = values
        .into_iter()
        .filter_map(|(field, value)| Some((field.clone()?, value?)));
    let written: Map<String, Value> = set.collect();
    let tracking = fields.tracking.clone().map(|field| (field, numbers));
    let first = truncated(&options.status_text, options.text_limit);
    let status = fields.status.clone().map(|field| (field, first));
    let telling: Vec<String> = match (&tracking, written.is_empty(), &status) {
        (Some((field, _)), _, _) => vec![field.clone()],
        (None, false, _) => written.keys().cloned().collect(),
        (None, true, Some((field, _))) => vec![field.clone()],
        (None, true, None) => return None,
    };
    let link = |(field, link): (String, &str)| Link {
        field,
        link: link.to_owned(),
        job: write_back.job.to_string(),
    };
    let update = Update {
        path: String::new(),
        tracking,
        status,
        fields: written,
        link: fields.label_link.clone().zip(write_back.label_link).map(link),
        limits: Limits::of(options),
        seen: None,
    };
    Some(Wanted { update, telling })
}

fn cost_value(cost: &Money, options: &Options) -> Value {
    if options.cost_as_text {
        json!(cost.to_string())
    } else {
        number_value(cost.amount.round_dp(2))
    }
}

/// Whether an order's record shows what we would write.
pub(in crate::systems::netsuite) fn shows(record: &Value, wanted: &Wanted) -> bool {
    wanted.telling.iter().all(|field| match &wanted.update.tracking {
        Some((tracking, _)) if tracking == field => showing(record, &wanted.update) == Showing::Whole,
        _ if wanted.update.status.as_ref().is_some_and(|(status, _)| status == field) => {
            field_value(record, field).is_some()
        }
        _ => same(record.get(field), wanted.update.fields.get(field)),
    })
}

/// What a record shows of the numbers of an update.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::systems::netsuite) enum Showing {
    /// All of them.
    Whole,
    /// Not all of them, and it takes no more.
    NoRoom,
    /// Not all of them, and something else than when it was chosen for what it showed.
    ChosenOtherwise,
    /// Not all of them.
    Missing,
}

/// What a record shows of the numbers of an update.
pub(in crate::systems::netsuite) fn showing(record: &Value, update: &Update) -> Showing {
    let Some((field, ours)) = &update.tracking else {
        return Showing::Missing;
    };
    let text = field_value(record, field);
    let there = numbers_in(text.as_deref());
    let seen = update.seen.as_deref();
    if ours.iter().all(|number| there.contains(number)) {
        Showing::Whole
    } else if seen.is_some_and(|seen| numbers_in(Some(seen)) != there) {
        Showing::ChosenOtherwise
    } else if is_full(text.as_deref()) {
        Showing::NoRoom
    } else {
        Showing::Missing
    }
}

/// Whether the field of numbers says, after a write, what was written; or still what it said before, and has not taken it: then
/// another try would not either.
pub(in crate::systems::netsuite) fn is_settled(update: &Update, before: &Value, written: &Value, now: &Value) -> bool {
    let numbers = |record: &Value| {
        let field = update.tracking.as_ref().map(|(field, _)| field.as_str());
        numbers_in(field.and_then(|field| field_value(record, field)).as_deref())
    };
    numbers(now) == numbers(written) || numbers(now) == numbers(before)
}

fn same(there: Option<&Value>, ours: Option<&Value>) -> bool {
    let number = |value: &Value| as_text(value).and_then(|text| text.parse::<Decimal>().ok());
    match (there, ours) {
        (Some(there), Some(ours)) => {
            as_text(there) == as_text(ours) || (number(there).is_some() && number(there) == number(ours))
        }
        _ => false,
    }
}

/// A field of a record as text.
pub(in crate::systems::netsuite) fn field_value(record: &Value, field: &str) -> Option<String> {
    record.get(field).and_then(as_text)
}

/// The numbers in a text; its cut is none.
pub(in crate::systems::netsuite) fn numbers_in(text: Option<&str>) -> Vec<String> {
    let parts = text.unwrap_or_default().split([',', ' ', '\n']);
    let parts = parts.map(|part| part.trim().trim_end_matches(CUT));
    parts.filter(|part| !part.is_empty()).map(str::to_owned).collect()
}

/// Whether a field of numbers takes no more: it ends with its cut.
pub(in crate::systems::netsuite) fn is_full(text: Option<&str>) -> bool {
    text.is_some_and(|text| text.trim_end().ends_with(CUT))
}

/// The fields that must be read before an update is sent.
pub(in crate::systems::netsuite) fn kept_fields(update: &Update) -> Vec<String> {
    let tracking = update.tracking.iter().map(|(field, _)| field.clone());
    tracking
        .chain(update.status.iter().map(|(field, _)| field.clone()))
        .chain(update.link.iter().map(|link| link.field.clone()))
        .collect()
}

/// The body of the update: the tracking numbers that stand there are kept beside ours, and so is a status. A field of numbers that
/// is full stays as it is.
pub(in crate::systems::netsuite) fn update_body(update: &Update, there: &Value) -> Value {
    let mut body = update.fields.clone();
    if let Some((field, ours)) = &update.tracking {
        let text = field_value(there, field);
        let all = numbers_in(text.as_deref());
        let new: Vec<String> = ours.iter().filter(|number| !all.contains(number)).cloned().collect();
        if let Some(link) = update.link.as_ref().filter(|_| !new.is_empty()) {
            let text = links(field_value(there, &link.field), link, update.limits.links);
            body.insert(link.field.clone(), json!(text));
        }
        if !is_full(text.as_deref()) {
            body.insert(field.clone(), json!(fitting(&all, &new, update.limits.numbers)));
        }
    }
    if let Some((field, first)) = &update.status
        && field_value(there, field).is_none_or(|text| text.is_empty())
    {
        body.insert(field.clone(), json!(first));
    }
    Value::Object(body)
}

/// The same body without the link to labels; `None` where it has none. A number must not fail for a link that is refused.
pub(in crate::systems::netsuite) fn without_link(update: &Update, body: &Value) -> Option<Value> {
    let link = update.link.as_ref()?;
    let mut fields = body.as_object()?.clone();
    fields.remove(&link.field)?;
    Some(Value::Object(fields))
}

/// The numbers that stand there and as many of ours as there is room for; a field that takes no more ends with its cut.
fn fitting(there: &[String], ours: &[String], limit: usize) -> String {
    let mut text = there.join(", ");
    let length = |text: &str| text.chars().count();
    for (index, number) in ours.iter().enumerate() {
        let longer = match text.as_str() {
            "" => number.clone(),
            text => format!("{text}, {number}"),
        };
        let last = index + 1 == ours.len();
        let room = if last { limit } else { limit.saturating_sub(CUT_ROOM) };
        if length(&longer) > room {
            return match text.as_str() {
                "" => CUT.to_string(),
                text if length(text) + CUT_ROOM <= limit => format!("{text}, {CUT}"),
                text => format!("{text}{CUT}"),
            };
        }
        text = longer;
    }
    text
}

/// How many characters the cut takes behind a number.
const CUT_ROOM: usize = 3;

/// The links that stand there and ours, as far as it fits: half a link opens nothing, and others' are never taken away. An
/// earlier one to the same labels is replaced.
fn links(there: Option<String>, ours: &Link, limit: usize) -> String {
    let text = there.unwrap_or_default();
    let is_ours = |link: &&str| ours.link.contains(&ours.job) && link.contains(&ours.job) || **link == ours.link;
    let others: Vec<&str> = text.split_whitespace().filter(|link| !is_ours(link)).collect();
    let all = [others.clone(), vec![ours.link.as_str()]].concat().join(" ");
    match all.chars().count() {
        length if length > limit => others.join(" "),
        _ => all,
    }
}

/// Which item each line of an order holds, by SuiteQL's line ids.
pub(in crate::systems::netsuite) fn identity(lines: &[LineRow]) -> BTreeMap<LineId, String> {
    let pairs = lines
        .iter()
        .filter_map(|line| Some((LineId::new(line.lineid.clone()?), line.item.clone()?)));
    pairs.collect()
}

/// What stands between a transform and its being sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::systems::netsuite) enum Mismatch {
    /// SuiteQL and the record disagree on which line is which: nothing may be fulfilled by these numbers.
    Lines(Refusal),
    /// The order has changed since it was read.
    Changed(String),
}

/// The body to be sent, once the record agrees: each line must hold the item that SuiteQL said, and no open line may be
/// unmentioned. An order to several places is fulfilled ship group by ship group, which only the record knows.
pub(in crate::systems::netsuite) fn agreed(
    transform: &Transform,
    record: &SalesOrder,
    items: &BTreeMap<LineId, String>,
) -> Result<Value, Mismatch> {
    let rows: &[SalesOrderLine] = record.item.as_ref().map_or(&[], |sublist| &sublist.items);
    let listed = listed(&transform.body);
    for (line, _) in &listed {
        let row = row_of(rows, line);
        let expected = items.get(&LineId::new(line.clone()));
        let actual = row.and_then(|row| row.item.as_ref());
        if actual.is_none() || actual != expected {
            return Err(mismatch(line, expected, actual));
        }
    }
    let mentioned = |row: &SalesOrderLine| listed.iter().any(|(line, _)| row.line.as_deref() == Some(line));
    if let Some(row) = rows.iter().find(|row| is_open(row) && !mentioned(row)) {
        let line = row.line.as_deref().unwrap_or("without a number");
        return Err(Mismatch::Changed(format!(
            "line {line} was opened since the order was read"
        )));
    }
    if record.is_multi_ship_to.as_deref() == Some("T") {
        return for_ship_group(transform, rows, &listed);
    }
    Ok(transform.body.clone())
}

/// The lines that a body lists, and whether each is received.
fn listed(body: &Value) -> Vec<(String, bool)> {
    let rows = body.pointer("/item/items").and_then(Value::as_array);
    let line = |row: &Value| {
        let received = row.get("itemReceive").and_then(Value::as_bool).unwrap_or_default();
        Some((row.get("orderLine").and_then(as_text)?, received))
    };
    rows.into_iter().flatten().filter_map(line).collect()
}

fn row_of<'a>(rows: &'a [SalesOrderLine], line: &str) -> Option<&'a SalesOrderLine> {
    rows.iter().find(|row| row.line.as_deref() == Some(line))
}

/// The body for the one ship group that the shipped lines belong to, without the lines of the others.
fn for_ship_group(
    transform: &Transform,
    rows: &[SalesOrderLine],
    listed: &[(String, bool)],
) -> Result<Value, Mismatch> {
    let group_of = |line: &str| row_of(rows, line).and_then(|row| row.ship_group.as_deref());
    let received = listed.iter().filter(|(_, received)| *received);
    let groups: BTreeSet<Option<&str>> = received.map(|(line, _)| group_of(line)).collect();
    let [Some(group)] = groups.iter().copied().collect::<Vec<_>>()[..] else {
        return Err(Mismatch::Lines(unusable(
            "the shipped lines belong to several ship groups, or to none: the fulfilments must be made by hand",
        )));
    };
    let mut body = transform.body.clone();
    if let Some(lines) = body.pointer_mut("/item/items").and_then(Value::as_array_mut) {
        lines.retain(|row| {
            row.get("orderLine")
                .and_then(as_text)
                .is_some_and(|line| group_of(&line) == Some(group))
        });
    }
    if let Some((fields, number)) = body.as_object_mut().zip(group.parse::<u64>().ok()) {
        fields.insert("shipGroup".to_owned(), json!(number));
    }
    Ok(body)
}

fn mismatch(line: &str, expected: Option<&String>, actual: Option<&String>) -> Mismatch {
    let (Some(expected), Some(actual)) = (expected, actual) else {
        return Mismatch::Changed(format!("line {line} is gone since the order was read"));
    };
    Mismatch::Lines(unusable(format!(
        "line {line} holds item {actual} in the record and item {expected} in SuiteQL: the line numbers of this account \
         cannot be trusted, so the fulfilment must be made by hand"
    )))
}

fn is_open(row: &SalesOrderLine) -> bool {
    let number = |text: &Option<String>| {
        text.as_ref()
            .and_then(|text| text.parse::<Decimal>().ok())
            .unwrap_or_default()
    };
    let kind = row.item_type.as_deref().unwrap_or_default();
    let goods = ["InvtPart", "Assembly", "Kit", "NonInvtPart"].contains(&kind);
    goods && row.is_closed.as_deref() != Some("T") && number(&row.quantity) > number(&row.quantity_fulfilled)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn update(numbers: &[&str], link: Option<&str>, limit: usize) -> Update {
        serde_json::from_value(json!({
            "path": "/services/rest/record/v1/invoice/9", "tracking": ["custbody_t", numbers], "fields": {},
            "limits": { "numbers": limit, "links": limit },
            "link": link.map(|link| json!({ "field": "custbody_l", "link": link, "job": "JOB2" }))
        }))
        .unwrap()
    }

    fn field(body: &Value, name: &str) -> String {
        body[name].as_str().unwrap_or("untouched").to_owned()
    }

    /// P56: on an invoice of several shipments each keeps its numbers and its link, and nothing stands there twice.
    #[test]
    fn shipments_share_the_fields_of_an_invoice() {
        let there = json!({ "custbody_t": "1Z1", "custbody_l": "https://x/JOB1/a" });
        let body = update_body(&update(&["1Z2", "1Z3"], Some("https://x/JOB2/b"), 300), &there);
        assert_eq!(field(&body, "custbody_t"), "1Z1, 1Z2, 1Z3");
        assert_eq!(field(&body, "custbody_l"), "https://x/JOB1/a https://x/JOB2/b");
        let again = update_body(&update(&["1Z2", "1Z3"], Some("https://x/JOB2/c"), 300), &body);
        assert_eq!(field(&again, "custbody_t"), "1Z1, 1Z2, 1Z3");
        assert_eq!(
            field(&again, "custbody_l"),
            "untouched",
            "a link goes only with a number"
        );
        let part = json!({ "custbody_t": "1Z1, 1Z2", "custbody_l": "https://x/JOB2/b https://x/JOB1/a" });
        let rest = update_body(&update(&["1Z2", "1Z3"], Some("https://x/JOB2/c"), 300), &part);
        assert_eq!(
            field(&rest, "custbody_l"),
            "https://x/JOB1/a https://x/JOB2/c",
            "ours is replaced"
        );
    }

    #[test]
    fn a_field_that_is_full_takes_whole_numbers_only_and_says_so() {
        let there = json!({ "custbody_t": "1Z1, 1Z2", "custbody_l": "https://x/JOB1/a" });
        let body = update_body(&update(&["1Z3", "1Z4"], Some("https://x/JOB2/long"), 17), &there);
        assert_eq!(field(&body, "custbody_t"), "1Z1, 1Z2, 1Z3, \u{2026}");
        assert_eq!(
            field(&body, "custbody_l"),
            "https://x/JOB1/a",
            "half a link opens nothing"
        );
        assert_eq!(showing(&body, &update(&["1Z4"], None, 17)), Showing::NoRoom);
        assert_eq!(showing(&body, &update(&["1Z3"], None, 17)), Showing::Whole);
        assert_eq!(showing(&there, &update(&["1Z4"], None, 17)), Showing::Missing);
        let more = update_body(&update(&["1Z5"], None, 300), &body);
        assert_eq!(field(&more, "custbody_t"), "untouched", "what is full stays as it is");
        let tight = update_body(&update(&["1Z3"], None, 9), &there);
        assert_eq!(field(&tight, "custbody_t"), "1Z1, 1Z2\u{2026}");
        assert_eq!(
            showing(&tight, &update(&["1Z2"], None, 9)),
            Showing::Whole,
            "the cut is no part of it"
        );
        let exact = update_body(&update(&["1Z3"], None, 13), &there);
        assert_eq!(field(&exact, "custbody_t"), "1Z1, 1Z2, 1Z3");
    }

    /// P56: an invoice that was chosen for what it showed is not written to when it shows something else by then.
    #[test]
    fn a_record_that_was_chosen_by_its_text_is_chosen_anew_where_that_has_changed() {
        let chosen_as = |seen: &str| Update {
            seen: Some(seen.to_owned()),
            ..update(&["1Z2"], None, 300)
        };
        let shows = |text: &str| json!({ "custbody_t": text });
        assert_eq!(showing(&shows(""), &chosen_as("")), Showing::Missing);
        assert_eq!(showing(&json!({}), &chosen_as("")), Showing::Missing);
        assert_eq!(showing(&shows("1Z9"), &chosen_as("")), Showing::ChosenOtherwise);
        assert_eq!(showing(&shows("1Z9,  1Z8"), &chosen_as("1Z9, 1Z8")), Showing::Missing);
        assert_eq!(
            showing(&shows("1Z2"), &chosen_as("")),
            Showing::Whole,
            "ours stands there"
        );
    }

    /// P15: a link that is too long for its field, or is refused, never keeps the number from being written.
    #[test]
    fn a_number_is_written_without_a_link_that_does_not_fit() {
        let long = update(&["1Z2"], Some("https://x/JOB2/far-too-long"), 12);
        let body = update_body(&long, &json!({}));
        assert_eq!(
            (field(&body, "custbody_t"), field(&body, "custbody_l")),
            ("1Z2".into(), String::new())
        );
        let fitting = update(&["1Z2"], Some("https://x/JOB2/b"), 300);
        let body = update_body(&fitting, &json!({}));
        assert_eq!(without_link(&fitting, &body), Some(json!({ "custbody_t": "1Z2" })));
        assert_eq!(without_link(&update(&["1Z2"], None, 300), &body), None);
    }

    #[test]
    fn only_ids_stand_in_a_path() {
        assert_eq!(
            record_path(Target::Invoice, "9001").unwrap(),
            "/services/rest/record/v1/invoice/9001"
        );
        assert!(record_path(Target::Invoice, "9/../1").is_err() && record_path(Target::Order, "").is_err());
        assert!(order_path(&DocumentId::fulfilment("7001")).is_err());
    }
}
