//! Reading V1's orders: strictly, and whole.

use jiff::Timestamp;
use rust_decimal::Decimal;
use serde_json::{Map, Value};

use super::super::answer::Refusal;
use super::super::asked::{owned, text, unknown_key};
use super::super::model::{Address, Kind, Line, Order, Standing, State};
use super::super::times::read_pacific;
use super::super::v2::{blank, decimal};

const ORDER: &[&str] = &[
    "advancedOptions",
    "amountPaid",
    "billTo",
    "carrierCode",
    "confirmation",
    "customerEmail",
    "customerId",
    "customerNotes",
    "customerUsername",
    "dimensions",
    "gift",
    "giftMessage",
    "insuranceOptions",
    "internalNotes",
    "internationalOptions",
    "items",
    "orderDate",
    "orderId",
    "orderKey",
    "orderNumber",
    "orderStatus",
    "packageCode",
    "paymentDate",
    "paymentMethod",
    "requestedShippingService",
    "serviceCode",
    "shipByDate",
    "shipDate",
    "shipTo",
    "shippingAmount",
    "tagIds",
    "taxAmount",
    "weight",
];

const ADDRESS: &[&str] = &[
    "addressVerified",
    "city",
    "company",
    "country",
    "name",
    "phone",
    "postalCode",
    "residential",
    "state",
    "street1",
    "street2",
    "street3",
];

const ITEM: &[&str] = &[
    "adjustment",
    "fulfillmentSku",
    "imageUrl",
    "lineItemKey",
    "name",
    "options",
    "orderItemId",
    "productId",
    "quantity",
    "shippingAmount",
    "sku",
    "taxAmount",
    "unitPrice",
    "upc",
    "warehouseLocation",
    "weight",
];

const ADVANCED: &[&str] = &[
    "billToAccount",
    "billToCountryCode",
    "billToMyOtherAccount",
    "billToParty",
    "billToPostalCode",
    "containsAlcohol",
    "customField1",
    "customField2",
    "customField3",
    "mergedIds",
    "mergedOrSplit",
    "nonMachinable",
    "parentId",
    "saturdayDelivery",
    "source",
    "storeId",
    "warehouseId",
];

/// Why an order is not taken: the field and the words.
#[derive(Clone, Debug)]
pub(super) struct Flaw {
    field: String,
    words: String,
}

type Checked<T = ()> = Result<T, Flaw>;

impl Flaw {
    pub(super) fn new(field: &str, words: impl Into<String>) -> Self {
        Self {
            field: format!("apiOrder.{field}"),
            words: words.into(),
        }
    }

    fn required(field: &str) -> Self {
        Self::new(field, format!("The {field} field is required."))
    }

    fn invalid(field: &str) -> Self {
        Self::new(field, format!("The value of {field} is not valid."))
    }

    /// In words.
    pub(super) fn words(&self) -> &str {
        &self.words
    }

    /// As an answer.
    pub(super) fn refusal(&self) -> Refusal {
        Refusal::v1_field(&self.field, &self.words)
    }
}

/// An order as it is written: everything that is not mentioned is empty.
pub(super) fn read(state: &mut State, fields: &Map<String, Value>, now: Timestamp) -> Checked<Order> {
    let strict = state.options.strict;
    known(strict, "", fields, ORDER)?;
    let mut order = blank(now);
    order.paid_at = None;
    order.number = owned(fields, "orderNumber").ok_or_else(|| Flaw::required("orderNumber"))?;
    if order.number.chars().count() > 50 {
        return Err(Flaw::invalid("orderNumber"));
    }
    order.key = owned(fields, "orderKey").unwrap_or_default();
    order.ordered_at = time(fields, "orderDate")?.ok_or_else(|| Flaw::required("orderDate"))?;
    order.paid_at = time(fields, "paymentDate")?;
    order.ship_date = time(fields, "shipDate")?;
    time(fields, "shipByDate")?;
    let status = text(fields, "orderStatus").ok_or_else(|| Flaw::required("orderStatus"))?;
    order.standing = Standing::read(status).ok_or_else(|| Flaw::invalid("orderStatus"))?;
    order.bill_to = Some(address(strict, fields, "billTo", &["name"])?);
    let required = ["name", "street1", "city", "state", "postalCode", "country"];
    order.ship_to = address(strict, fields, "shipTo", &required)?;
    order.username = owned(fields, "customerUsername");
    order.email = owned(fields, "customerEmail");
    order.notes_from_buyer = owned(fields, "customerNotes");
    order.internal_notes = owned(fields, "internalNotes");
    order.requested_service = owned(fields, "requestedShippingService");
    order.carrier = owned(fields, "carrierCode");
    order.service = owned(fields, "serviceCode");
    order.amount_paid = amount(fields, "amountPaid")?;
    order.tax_paid = amount(fields, "taxAmount")?;
    order.shipping_paid = amount(fields, "shippingAmount")?;
    order.weight = fields.get("weight").map_or(Ok(Decimal::ZERO), ounces)?;
    if let Some(tags) = fields.get("tagIds").and_then(Value::as_array) {
        order.tags = tags.iter().filter_map(Value::as_u64).collect();
    }
    order.store = state.options.first_store();
    if let Some(advanced) = fields.get("advancedOptions").and_then(Value::as_object) {
        known(strict, "advancedOptions.", advanced, ADVANCED)?;
        order.source = owned(advanced, "source");
        let names = ["customField1", "customField2", "customField3"];
        for (name, field) in names.into_iter().zip(&mut order.custom_fields) {
            *field = owned(advanced, name);
        }
        if let Some(store) = advanced.get("storeId").filter(|store| !store.is_null()) {
            let id = store.as_u64().filter(|id| state.options.has_store(*id));
            order.store = id.ok_or_else(|| Flaw::invalid("advancedOptions.storeId"))?;
        }
    }
    if let Some(items) = fields.get("items").filter(|items| !items.is_null()) {
        order.lines = lines(state, items)?;
    }
    Ok(order)
}

fn lines(state: &mut State, items: &Value) -> Checked<Vec<Line>> {
    let items = items.as_array().ok_or_else(|| Flaw::invalid("items"))?;
    let mut lines = Vec::new();
    for item in items {
        let fields = item.as_object().ok_or_else(|| Flaw::invalid("items"))?;
        known(state.options.strict, "items.", fields, ITEM)?;
        let quantity = fields.get("quantity").and_then(Value::as_u64);
        let quantity = quantity.and_then(|count| u32::try_from(count).ok());
        let weight = fields.get("weight").filter(|weight| !weight.is_null());
        lines.push(Line {
            id: state.next(Kind::Line),
            key: owned(fields, "lineItemKey"),
            sku: owned(fields, "sku"),
            name: owned(fields, "name").ok_or_else(|| Flaw::required("items.name"))?,
            quantity: quantity.ok_or_else(|| Flaw::invalid("items.quantity"))?,
            unit_price: amount(fields, "unitPrice")?,
            tax: amount(fields, "taxAmount")?,
            shipping: amount(fields, "shippingAmount")?,
            weight: weight.map(ounces).transpose()?,
            external_order_id: None,
        });
    }
    Ok(lines)
}

fn time(fields: &Map<String, Value>, key: &str) -> Checked<Option<Timestamp>> {
    let Some(text) = text(fields, key) else { return Ok(None) };
    read_pacific(text).map(Some).ok_or_else(|| Flaw::invalid(key))
}

fn amount(fields: &Map<String, Value>, key: &str) -> Checked<Decimal> {
    match fields.get(key) {
        None | Some(Value::Null) => Ok(Decimal::ZERO),
        value => decimal(value).ok_or_else(|| Flaw::invalid(key)),
    }
}

fn ounces(weight: &Value) -> Checked<Decimal> {
    if weight.is_null() {
        return Ok(Decimal::ZERO);
    }
    let value = decimal(weight.get("value")).ok_or_else(|| Flaw::invalid("weight.value"))?;
    match weight.get("units").and_then(Value::as_str) {
        Some("ounces") => Ok(value),
        Some("pounds") => Ok(value * Decimal::from(16)),
        Some("grams") => Ok((value * Decimal::new(35_274, 6)).round_dp(4)),
        _ => Err(Flaw::invalid("weight.units")),
    }
}

fn address(strict: bool, order: &Map<String, Value>, key: &str, required: &[&str]) -> Checked<Address> {
    let fields = order.get(key).and_then(Value::as_object);
    let fields = fields.ok_or_else(|| Flaw::required(key))?;
    known(strict, &format!("{key}."), fields, ADDRESS)?;
    for name in required {
        if text(fields, name).is_none() {
            return Err(Flaw::required(&format!("{key}.{name}")));
        }
    }
    let said = |name: &str| owned(fields, name).unwrap_or_default();
    let mut lines: Vec<String> = ["street1", "street2", "street3"].into_iter().map(said).collect();
    while lines.last().is_some_and(String::is_empty) {
        lines.pop();
    }
    let country = said("country");
    if !(country.is_empty() || country.len() == 2) {
        return Err(Flaw::invalid(&format!("{key}.country")));
    }
    Ok(Address {
        name: said("name"),
        company: owned(fields, "company"),
        phone: owned(fields, "phone"),
        email: None,
        lines,
        city: said("city"),
        state: said("state"),
        postal_code: said("postalCode"),
        country,
        residential: fields.get("residential").and_then(Value::as_bool),
    })
}

fn known(strict: bool, path: &str, fields: &Map<String, Value>, keys: &[&str]) -> Checked {
    match unknown_key(fields, keys).filter(|_| strict) {
        Some(key) => Err(Flaw::new(&format!("{path}{key}"), "The field is documented nowhere.")),
        None => Ok(()),
    }
}
