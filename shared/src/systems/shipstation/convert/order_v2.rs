//! V2's orders: made once, changed in parts as long as no label is bought.

use serde_json::{Map, Value, json};

use super::order::{
    Goods, fields, goods_stay, lines, object, person_and_company, receiver, same, street, wanted, write,
};
use super::{error, number, whole};
use crate::domain::{DeskOrder, Refusal, ToldLine, Weight, WeightUnit};
use crate::http::Answer;
use crate::ports::CallError;
use crate::systems::shipstation::wire::v2::{Order, Page};

/// Why an order can be changed no more; nothing where it can, as far as its status says.
pub(crate) fn fixed_v2(status: Option<&str>) -> Option<String> {
    match status {
        Some("label_purchased") => Some("its label was bought".to_owned()),
        Some("cancelled") => Some("it was cancelled there".to_owned()),
        _ => None,
    }
}

/// What of the customer is to be changed on an order that stands there; `None` where it stands just so.
pub(crate) fn change_v2(order: &DeskOrder, there: &Value) -> Result<Option<Value>, Refusal> {
    let mut change = Map::new();
    let there_now = object(there, "ship_to");
    let wanted_receiver = with_receiver(there_now.clone(), order);
    if wanted_receiver != there_now {
        change.insert("ship_to".to_owned(), Value::Object(complete(wanted_receiver, order)));
    }
    let options = object(there, "advanced_options");
    let mut wanted_options = options.clone();
    for (name, text) in fields(order)? {
        write(&mut wanted_options, name, Some(text));
    }
    if wanted_options != options {
        change.insert("advanced_options".to_owned(), Value::Object(wanted_options));
    }
    Ok((!change.is_empty()).then_some(Value::Object(change)))
}

/// The goods that stand there, as they are remembered.
pub(crate) fn lines_v2(there: &Value) -> Vec<ToldLine> {
    lines(goods(there))
}

/// The change that makes the goods there those that the ERP still wants shipped; `None` where they are. `told` says whether they stand
/// as they were told.
pub(crate) fn goods_v2(order: &DeskOrder, there: &Value, told: bool) -> Result<Option<Value>, Refusal> {
    if same(&goods(there), &wanted(order)) {
        return Ok(None);
    }
    if !told {
        return Err(goods_stay(order));
    }
    Ok(Some(json!({ "items": items(order)? })))
}

/// The receiver, with whatever else stands there.
fn with_receiver(mut there: Map<String, Value>, order: &DeskOrder) -> Map<String, Value> {
    let address = &order.ship_to;
    let (name, company) = person_and_company(address, order.customer.company.as_deref());
    let (phone, email) = receiver(order);
    write(&mut there, "name", Some(name));
    write(&mut there, "company_name", company);
    write(&mut there, "phone", phone);
    write(&mut there, "email", email);
    write(&mut there, "address_line1", street(address, 1));
    write(&mut there, "address_line2", street(address, 2));
    write(&mut there, "address_line3", street(address, 3));
    write(&mut there, "city_locality", Some(address.city.clone()));
    write(&mut there, "state_province", address.state.clone());
    write(&mut there, "postal_code", address.postal_code.clone());
    write(&mut there, "country_code", Some(address.country.clone()));
    there
}

/// What the vendor always asks for is there, though it be empty. A telephone that nobody has is left out, and only emptied where one
/// stood.
fn complete(mut receiver: Map<String, Value>, order: &DeskOrder) -> Map<String, Value> {
    for name in ["phone", "state_province", "postal_code"] {
        let emptied = match receiver.get(name) {
            Some(value) => value.is_null(),
            None => name != "phone",
        };
        if emptied {
            receiver.insert(name.to_owned(), Value::String(String::new()));
        }
    }
    receiver
        .entry("address_residential_indicator")
        .or_insert_with(|| residential(order.ship_to.residential).into());
    receiver
}

fn residential(home: Option<bool>) -> &'static str {
    match home {
        Some(true) => "yes",
        Some(false) => "no",
        None => "unknown",
    }
}

fn goods(there: &Value) -> Vec<Goods> {
    let order: Order = serde_json::from_value(there.clone()).unwrap_or_default();
    let items = order.items.unwrap_or_default();
    let goods = items.into_iter().map(|item| Goods {
        key: item.external_order_item_id.unwrap_or_default(),
        sku: item.sku.unwrap_or_default(),
        quantity: item.quantity.unwrap_or_default().normalize(),
        price: item.unit_price.map(|price| price.normalize()),
    });
    goods.collect()
}

fn items(order: &DeskOrder) -> Result<Value, Refusal> {
    let mut items = Vec::new();
    for line in &order.lines {
        let mut item = json!({
            "name": line.name.as_deref().unwrap_or(&line.sku),
            "sku": line.sku,
            "quantity": whole(line.quantity, &line.sku)?,
            "external_order_id": order.number,
            "external_order_item_id": line.line.as_str(),
        });
        if let (Some(price), Some(item)) = (&line.unit_price, item.as_object_mut()) {
            item.insert("unit_price".to_owned(), Value::Number(number(price.amount)?));
        }
        items.push(item);
    }
    Ok(Value::Array(items))
}

/// The request that makes an order.
pub(crate) fn create_v2(order: &DeskOrder, key: &str, store: Option<&str>, warehouse: &str) -> Result<Value, Refusal> {
    let mut made = Map::new();
    made.insert("validate_address".to_owned(), "no_validation".into());
    made.insert("external_shipment_id".to_owned(), key.into());
    made.insert("shipment_number".to_owned(), order.number.as_str().into());
    // Without this it is a shipment that no person sees.
    made.insert("create_sales_order".to_owned(), true.into());
    if let Some(store) = store {
        made.insert("store_id".to_owned(), store.into());
    }
    made.insert("warehouse_id".to_owned(), warehouse.into());
    let receiver = complete(with_receiver(Map::new(), order), order);
    made.insert("ship_to".to_owned(), Value::Object(receiver));
    made.insert("items".to_owned(), items(order)?);
    if let Some(weight) = weight(order) {
        let value = number(weight.value.round_dp(4))?;
        let package = json!({ "weight": { "value": value, "unit": unit(weight.unit) } });
        made.insert("packages".to_owned(), Value::Array(vec![package]));
    }
    let mut options = Map::new();
    for (name, text) in fields(order)? {
        write(&mut options, name, Some(text));
    }
    if !options.is_empty() {
        made.insert("advanced_options".to_owned(), Value::Object(options));
    }
    Ok(json!({ "shipments": [Value::Object(made)] }))
}

/// What all of it weighs, where each line says so.
fn weight(order: &DeskOrder) -> Option<Weight> {
    let mut lines = order.lines.iter();
    let first = lines.next().and_then(|line| Some(line.weight?.times(line.quantity)))?;
    let all = lines.try_fold(first, |sum, line| Some(sum.plus(line.weight?.times(line.quantity))))?;
    (all.value > rust_decimal::Decimal::ZERO).then_some(all)
}

fn unit(unit: WeightUnit) -> &'static str {
    match unit {
        WeightUnit::Lb => "pound",
        WeightUnit::Oz => "ounce",
        WeightUnit::Kg => "kilogram",
        WeightUnit::G => "gram",
    }
}

/// The order that an answer says was made; a refusal stands inside a success.
pub(crate) fn created_v2(answer: &Answer) -> Option<Result<Order, CallError>> {
    let page: Page = serde_json::from_slice(&answer.body).ok()?;
    let first = page.shipments.as_ref().and_then(|made| made.first());
    let own = first.and_then(own_errors).map(CallError::Refused);
    match (own, error::page_error(&page)) {
        // What is wrong with all of it may pass.
        (_, Some(CallError::Later(later))) => return Some(Err(CallError::Later(later))),
        (Some(error), _) | (None, Some(error)) => return Some(Err(error)),
        (None, None) => {}
    }
    let order: Order = serde_json::from_value(first?.clone()).ok()?;
    order.shipment_id.is_some().then_some(Ok(order))
}

/// The errors of one order among several: texts in the document, envelopes in what is seen.
fn own_errors(made: &Value) -> Option<Refusal> {
    let errors = made.get("errors")?.as_array().filter(|errors| !errors.is_empty())?;
    let words = |error: &Value| match error {
        Value::String(text) => text.clone(),
        other => other
            .get("message")
            .and_then(Value::as_str)
            .unwrap_or("no words given")
            .to_owned(),
    };
    let code = errors.iter().find_map(|error| error.get("error_code")?.as_str());
    let all: Vec<String> = errors.iter().map(words).collect();
    Some(Refusal::new(code.unwrap_or("has_errors"), all.join("; ")))
}
