//! V1's orders: written whole by their key, found or made. What is left out is lost, so that an order that stands there goes
//! back with whatever stands in it, known or not.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use rust_decimal::Decimal;
use serde_json::{Map, Value, json};

use super::order::{
    FIELDS, Goods, buyers_mail, fields, goods_stay, lines, object, payers_phone, person_and_company, receiver, same,
    street, wanted, write,
};
use super::{number, whole};
use crate::domain::{Address, DeskOrder, Refusal, ToldLine, Weight, WeightUnit};
use crate::systems::shipstation::wire::lenient::read_text;
use crate::systems::shipstation::wire::v1::{Order, Shipment};

/// V1's names of the fields of one's own.
const OWN_FIELDS: [&str; 3] = ["customField1", "customField2", "customField3"];

/// What V1 tells of an order and does not take back.
const ONLY_TOLD: [&str; 7] = [
    "createDate",
    "modifyDate",
    "orderTotal",
    "holdUntilDate",
    "userId",
    "externallyFulfilled",
    "externallyFulfilledBy",
];

/// The same of an item.
const ONLY_TOLD_OF_ITEMS: [&str; 2] = ["createDate", "modifyDate"];

/// Why an order can be changed no more; nothing where it can, as far as its status says.
pub(crate) fn fixed_v1(status: Option<&str>) -> Option<String> {
    match status {
        Some("shipped") => Some("it was shipped".to_owned()),
        Some("cancelled") => Some("it was cancelled there".to_owned()),
        _ => None,
    }
}

/// Whether the goods there are those that the ERP still wants shipped.
pub(crate) fn has_goods_v1(order: &DeskOrder, there: &Value) -> bool {
    same(&goods(there), &wanted(order))
}

/// The goods that stand there, as they are remembered.
pub(crate) fn lines_v1(there: &Value) -> Vec<ToldLine> {
    lines(goods(there))
}

/// The goods as they are to be written; `None` where they may stand as they do. The order shows them whole though some were
/// `shipped`: then what is left is the ERP's rest, and nothing is written. `told` says whether they stand as they were told.
pub(crate) fn goods_v1(
    order: &DeskOrder,
    there: &Value,
    shipped: &[Shipment],
    told: bool,
) -> Result<Option<Value>, Refusal> {
    let (there_now, wanted) = (goods(there), wanted(order));
    if same(&there_now, &wanted) || same(&left_of(there_now, shipped), &wanted) {
        return Ok(None);
    }
    if !shipped.is_empty() || !told {
        return Err(goods_stay(order));
    }
    items(order, there).map(Some)
}

/// What is left of the goods after shipments.
fn left_of(goods: Vec<Goods>, shipped: &[Shipment]) -> Vec<Goods> {
    let gone = |key: &str| -> Decimal {
        let items = shipped.iter().filter_map(|one| one.shipment_items.as_ref()).flatten();
        let same = items.filter(|item| item.line_item_key.as_deref() == Some(key));
        same.filter_map(|item| item.quantity)
            .fold(Decimal::ZERO, Decimal::saturating_add)
    };
    let rest = goods.into_iter().map(|one| Goods {
        quantity: one.quantity.saturating_sub(gone(&one.key)).normalize(),
        ..one
    });
    rest.filter(|one| one.quantity > Decimal::ZERO).collect()
}

/// The whole order as it is to be written, with these goods or those that it has; `None` where it stands just so.
pub(crate) fn change_v1(
    order: &DeskOrder,
    there: &Value,
    ours: bool,
    goods: Option<Value>,
) -> Result<Option<Value>, Refusal> {
    let Some(whole) = there
        .as_object()
        .filter(|_| there.get("orderKey").and_then(read_text).is_some())
    else {
        let words =
            "ShipStation shows the order without its key, and whatever is written without a key is a second order";
        return Err(Refusal::new("order-key", words));
    };
    let mut changed = whole.clone();
    customer(&mut changed, order, ours)?;
    changed.extend(goods.map(|goods| ("items".to_owned(), goods)));
    Ok((changed != *whole).then(|| as_taken(changed)))
}

/// The order as it is written: without what is only told.
pub(crate) fn as_taken(mut whole: Map<String, Value>) -> Value {
    for name in ONLY_TOLD {
        whole.remove(name);
    }
    let items = whole.get_mut("items").and_then(Value::as_array_mut);
    for item in items.into_iter().flatten().filter_map(Value::as_object_mut) {
        for name in ONLY_TOLD_OF_ITEMS {
            item.remove(name);
        }
    }
    Value::Object(whole)
}

/// What belongs to the customer. The name under which somebody bought elsewhere stays: a marketplace knows them by it.
fn customer(whole: &mut Map<String, Value>, order: &DeskOrder, ours: bool) -> Result<(), Refusal> {
    let known = whole.get("customerUsername").and_then(read_text).is_some();
    if ours || !known {
        write(whole, "customerUsername", Some(order.customer.number.clone()));
    }
    write(whole, "customerEmail", buyers_mail(order));
    let (phone, _) = receiver(order);
    let ship_to = with_address(object_of(whole, "shipTo"), order, &order.ship_to, phone);
    whole.insert("shipTo".to_owned(), Value::Object(ship_to));
    let payer = match &order.bill_to {
        Some(address) => {
            let phone = payers_phone(order, address);
            with_address(object_of(whole, "billTo"), order, address, phone)
        }
        None => with_name(object_of(whole, "billTo"), order),
    };
    whole.insert("billTo".to_owned(), Value::Object(payer));
    let wished = fields(order)?;
    if !wished.is_empty() {
        let mut options = object_of(whole, "advancedOptions");
        for (name, text) in wished {
            let own = FIELDS.iter().zip(OWN_FIELDS).find(|(field, _)| **field == name);
            if let Some((_, own)) = own {
                write(&mut options, own, Some(text));
            }
        }
        whole.insert("advancedOptions".to_owned(), Value::Object(options));
    }
    Ok(())
}

fn object_of(whole: &Map<String, Value>, name: &str) -> Map<String, Value> {
    whole.get(name).and_then(Value::as_object).cloned().unwrap_or_default()
}

fn with_address(
    mut there: Map<String, Value>,
    order: &DeskOrder,
    address: &Address,
    phone: Option<String>,
) -> Map<String, Value> {
    let (name, company) = person_and_company(address, order.customer.company.as_deref());
    write(&mut there, "name", Some(name));
    write(&mut there, "company", company);
    write(&mut there, "street1", street(address, 1));
    write(&mut there, "street2", street(address, 2));
    write(&mut there, "street3", street(address, 3));
    write(&mut there, "city", Some(address.city.clone()));
    write(&mut there, "state", address.state.clone());
    write(&mut there, "postalCode", address.postal_code.clone());
    write(&mut there, "country", Some(address.country.clone()));
    write(&mut there, "phone", phone);
    there
}

fn with_name(mut there: Map<String, Value>, order: &DeskOrder) -> Map<String, Value> {
    write(&mut there, "name", Some(order.customer.name.clone()));
    let company = order.customer.company.clone();
    write(
        &mut there,
        "company",
        company.filter(|company| *company != order.customer.name),
    );
    there
}

fn goods(there: &Value) -> Vec<Goods> {
    let order: Order = serde_json::from_value(there.clone()).unwrap_or_default();
    let items = order.items.unwrap_or_default().into_iter();
    let goods = items.filter(|item| item.adjustment != Some(true)).map(|item| Goods {
        key: item.line_item_key.unwrap_or_default(),
        sku: item.sku.unwrap_or_default(),
        quantity: item.quantity.unwrap_or_default().normalize(),
        price: item.unit_price.map(|price| price.normalize()),
    });
    goods.collect()
}

/// The goods, each with whatever else stands in the item of the same key.
fn items(order: &DeskOrder, there: &Value) -> Result<Value, Refusal> {
    let known = there.get("items").and_then(Value::as_array);
    let mut items = Vec::new();
    for line in &order.lines {
        let key = line.line.as_str();
        let same = |item: &&Value| item.get("lineItemKey").and_then(read_text).as_deref() == Some(key);
        let known = known.and_then(|items| items.iter().find(same));
        let mut item = known.and_then(Value::as_object).cloned().unwrap_or_default();
        write(&mut item, "lineItemKey", Some(key.to_owned()));
        write(&mut item, "sku", Some(line.sku.clone()));
        write(
            &mut item,
            "name",
            Some(line.name.clone().unwrap_or_else(|| line.sku.clone())),
        );
        item.insert("quantity".to_owned(), whole(line.quantity, &line.sku)?.into());
        if let Some(price) = &line.unit_price {
            item.insert("unitPrice".to_owned(), Value::Number(number(price.amount)?));
        }
        if let Some(weight) = line.weight {
            item.insert("weight".to_owned(), weighed(weight)?);
        }
        items.push(Value::Object(item));
    }
    Ok(Value::Array(items))
}

/// V1 knows no kilograms.
fn weighed(weight: Weight) -> Result<Value, Refusal> {
    let (weight, units) = match weight.unit {
        WeightUnit::Lb => (weight, "pounds"),
        WeightUnit::Oz => (weight, "ounces"),
        WeightUnit::Kg | WeightUnit::G => (weight.to(WeightUnit::G), "grams"),
    };
    Ok(json!({ "value": number(weight.value.round_dp(4))?, "units": units }))
}

/// The request that makes an order, or makes an order of this key so.
pub(crate) fn create_v1(
    order: &DeskOrder,
    key: &str,
    store: Option<&str>,
    warehouse: Option<&str>,
) -> Result<Value, Refusal> {
    let mut whole = Map::new();
    whole.insert("orderNumber".to_owned(), order.number.as_str().into());
    whole.insert("orderKey".to_owned(), key.into());
    whole.insert("orderDate".to_owned(), pacific(order.ordered_at).into());
    whole.insert("orderStatus".to_owned(), "awaiting_shipment".into());
    customer(&mut whole, order, true)?;
    whole.insert("items".to_owned(), items(order, &Value::Null)?);
    write(&mut whole, "requestedShippingService", order.ship_method.clone());
    let mut options = object(&Value::Object(whole.clone()), "advancedOptions");
    for (name, id) in [("storeId", store), ("warehouseId", warehouse)] {
        if let Some(id) = id {
            options.insert(name.to_owned(), id_of(id));
        }
    }
    whole.insert("advancedOptions".to_owned(), Value::Object(options));
    Ok(Value::Object(whole))
}

/// An id, which V1 writes as a number.
fn id_of(text: &str) -> Value {
    let plain = text.strip_prefix("se-").unwrap_or(text);
    plain.parse::<i64>().map_or_else(|_| text.into(), Value::from)
}

fn pacific(at: Timestamp) -> String {
    let zone = TimeZone::posix(super::when::PACIFIC).unwrap_or(TimeZone::UTC);
    zone.to_datetime(at).strftime("%Y-%m-%dT%H:%M:%S.0000000").to_string()
}
