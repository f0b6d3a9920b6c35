//! Reading V2's shipments: strictly, since a key that is documented nowhere means something that will not happen.

use jiff::Timestamp;
use rust_decimal::Decimal;
use serde_json::{Map, Value};

use super::super::answer::read_se;
use super::super::asked::{given, owned, text, unknown_key};
use super::super::model::{Address, Kind, Line, Order, Standing, State};
use super::super::times::read_utc;

/// Why a shipment is not taken: V2's code and words.
#[derive(Clone, Debug)]
pub(super) struct Flaw {
    pub(super) code: &'static str,
    pub(super) words: String,
}

/// Whether a rule holds.
pub(super) type Checked<T = ()> = Result<T, Flaw>;

/// What stands in the file or the documentation for a shipment.
const SHIPMENT: &[&str] = &[
    "advanced_options",
    "amount_paid",
    "assigned_user",
    "carrier_id",
    "comparison_rate_type",
    "confirmation",
    "create_sales_order",
    "customs",
    "display_scheme",
    "external_order_id",
    "external_shipment_id",
    "hold_until_date",
    "insurance_provider",
    "internal_notes",
    "is_gift",
    "is_return",
    "items",
    "notes_for_gift",
    "notes_from_buyer",
    "order_source_code",
    "packages",
    "requested_shipment_service",
    "retail_rate",
    "return_to",
    "service_code",
    "ship_by_date",
    "ship_date",
    "ship_from",
    "ship_to",
    "shipment_number",
    "shipment_status",
    "shipping_paid",
    "shipping_rule_id",
    "store_id",
    "tags",
    "tax_identifiers",
    "tax_paid",
    "validate_address",
    "warehouse_id",
    "zone",
];

const ADDRESS: &[&str] = &[
    "address_line1",
    "address_line2",
    "address_line3",
    "address_residential_indicator",
    "city_locality",
    "company_name",
    "country_code",
    "email",
    "geolocation",
    "instructions",
    "name",
    "phone",
    "postal_code",
    "state_province",
];

const ITEM: &[&str] = &[
    "allocation_status",
    "asin",
    "bundle_sku",
    "external_order_id",
    "external_order_item_id",
    "fullfilment_sku",
    "image_url",
    "inventory_location",
    "item_id",
    "name",
    "options",
    "order_source_code",
    "product_id",
    "quantity",
    "sales_order_id",
    "sales_order_item_id",
    "shipping_amount",
    "sku",
    "tax_amount",
    "unit_price",
    "upc",
    "weight",
];

const ADVANCED: &[&str] = &[
    "additional_handling",
    "ancillary_endorsements_option",
    "bill_to_account",
    "bill_to_country_code",
    "bill_to_party",
    "bill_to_postal_code",
    "collect_on_delivery",
    "contains_alcohol",
    "custom_field1",
    "custom_field2",
    "custom_field3",
    "dangerous_goods",
    "dangerous_goods_contact",
    "delivered_duty_paid",
    "dry_ice",
    "dry_ice_weight",
    "event_notification",
    "fedex_freight",
    "freight_class",
    "limited_quantity",
    "non_machinable",
    "origin_type",
    "own_document_upload",
    "return_pickup_attempts",
    "saturday_delivery",
    "shipper_release",
    "third_party_consignee",
    "use_ups_ground_freight_pricing",
    "windsor_framework_details",
];

impl Flaw {
    pub(super) fn new(code: &'static str, words: impl Into<String>) -> Self {
        Self {
            code,
            words: words.into(),
        }
    }

    fn required(field: &str) -> Self {
        Self::new("field_value_required", format!("{field} is required"))
    }

    fn invalid(field: &str) -> Self {
        Self::new(
            "invalid_field_value",
            format!("{field} has a value that it cannot have"),
        )
    }

    fn unknown(path: &str, key: &str) -> Self {
        Self::new("invalid_object", format!("{path}.{key} is documented nowhere"))
    }
}

/// A new order from a shipment; its import is still to be told.
pub(super) fn new_order(state: &mut State, fields: &Map<String, Value>, now: Timestamp) -> Checked<Order> {
    if !given(fields, "ship_to") {
        return Err(Flaw::required("ship_to"));
    }
    if state.options.needs_origin && !given(fields, "ship_from") && !given(fields, "warehouse_id") {
        return Err(Flaw::new(
            "field_value_required",
            "one of ship_from and warehouse_id is required",
        ));
    }
    let mut order = Order {
        store: state.options.first_store(),
        is_sales_order: fields
            .get("create_sales_order")
            .and_then(Value::as_bool)
            .unwrap_or(false),
        ..blank(now)
    };
    if let Some(store) = fields.get("store_id").filter(|store| !store.is_null()) {
        let id = store
            .as_str()
            .and_then(|id| id.strip_prefix("se-").unwrap_or(id).parse().ok());
        order.store = id
            .filter(|id| state.options.has_store(*id))
            .ok_or_else(|| Flaw::new("invalid_identifier", "there is no such store"))?;
    }
    order.key = owned(fields, "external_shipment_id").unwrap_or_default();
    if order.key.chars().count() > 50 {
        return Err(Flaw::new("invalid_string_length", "external_shipment_id is too long"));
    }
    apply(state, &mut order, fields)?;
    if order.number.is_empty() {
        order.number = format!("{}", state.serial() + 100_000);
    }
    Ok(order)
}

/// An order without anything.
pub(in super::super) fn blank(now: Timestamp) -> Order {
    Order {
        id: 0,
        number: String::new(),
        key: String::new(),
        store: 0,
        standing: Standing::AwaitingShipment,
        ordered_at: now,
        paid_at: Some(now),
        hold_until: None,
        created_at: now,
        modified_at: now,
        import: String::new(),
        ship_to: Address::default(),
        bill_to: None,
        customer: None,
        username: None,
        email: None,
        lines: Vec::new(),
        parts: Vec::new(),
        custom_fields: [None, None, None],
        tags: Vec::new(),
        notes_from_buyer: None,
        internal_notes: None,
        requested_service: None,
        carrier: None,
        service: None,
        amount_paid: Decimal::ZERO,
        shipping_paid: Decimal::ZERO,
        tax_paid: Decimal::ZERO,
        currency: "usd".to_owned(),
        weight: Decimal::ZERO,
        source: None,
        external_order_id: None,
        is_sales_order: true,
        ship_date: None,
    }
}

/// Puts into an order what a shipment says, and leaves alone what it does not mention.
pub(super) fn apply(state: &mut State, order: &mut Order, fields: &Map<String, Value>) -> Checked {
    let strict = state.options.strict;
    known(strict, "shipment", fields, SHIPMENT)?;
    if let Some(number) = text(fields, "shipment_number") {
        if number.chars().count() > 50 {
            return Err(Flaw::new("invalid_string_length", "shipment_number is too long"));
        }
        number.clone_into(&mut order.number);
    }
    if let Some(address) = fields.get("ship_to").filter(|value| !value.is_null()) {
        order.ship_to = read_address(strict, "ship_to", address)?;
        order.email = order.ship_to.email.clone();
    }
    for key in ["ship_from", "return_to"] {
        if let Some(address) = fields.get(key).filter(|value| !value.is_null()) {
            read_address(strict, key, address)?;
        }
    }
    if let Some(carrier) = fields.get("carrier_id").filter(|value| !value.is_null()) {
        let id = carrier.as_str().and_then(read_se);
        let mut carriers = state.options.carriers.iter();
        let carrier = carriers.find(|known| Some(known.id) == id);
        let carrier = carrier.ok_or_else(|| Flaw::new("carrier_not_connected", "there is no such carrier"))?;
        order.carrier = Some(carrier.code.clone());
    }
    for (key, field) in [
        ("service_code", &mut order.service),
        ("notes_from_buyer", &mut order.notes_from_buyer),
        ("internal_notes", &mut order.internal_notes),
        ("requested_shipment_service", &mut order.requested_service),
        ("external_order_id", &mut order.external_order_id),
    ] {
        if fields.contains_key(key) {
            *field = owned(fields, key);
        }
    }
    for (key, field) in [
        ("ship_date", &mut order.ship_date),
        ("hold_until_date", &mut order.hold_until),
    ] {
        if let Some(date) = text(fields, key) {
            *field = Some(read_utc(date).ok_or_else(|| Flaw::invalid(key))?);
        }
    }
    read_amounts(order, fields)?;
    read_advanced(strict, order, fields)?;
    if let Some(Value::Array(packages)) = fields.get("packages") {
        order.weight = packages.iter().map(weight_in).sum::<Checked<Decimal>>()?;
    }
    if let Some(tags) = fields.get("tags").and_then(Value::as_array) {
        let names: Vec<&str> = tags.iter().filter_map(|tag| tag.get("name")?.as_str()).collect();
        order.tags = names.into_iter().map(|name| state.tag(name)).collect();
    }
    if let Some(items) = fields.get("items").filter(|value| !value.is_null()) {
        order.lines = read_items(state, items)?;
        let mut named = order.lines.iter().filter_map(|line| line.external_order_id.clone());
        order.external_order_id = order.external_order_id.take().or_else(|| named.next());
    }
    Ok(())
}

fn read_amounts(order: &mut Order, fields: &Map<String, Value>) -> Checked {
    for (key, field) in [
        ("amount_paid", &mut order.amount_paid),
        ("shipping_paid", &mut order.shipping_paid),
        ("tax_paid", &mut order.tax_paid),
    ] {
        let Some(money) = fields.get(key).filter(|value| !value.is_null()) else {
            continue;
        };
        let currency = money.get("currency").and_then(Value::as_str);
        let lower = currency.filter(|code| code.len() == 3 && code.bytes().all(|byte| byte.is_ascii_lowercase()));
        lower.ok_or_else(|| Flaw::invalid(key))?.clone_into(&mut order.currency);
        *field = decimal(money.get("amount")).ok_or_else(|| Flaw::invalid(key))?;
    }
    Ok(())
}

fn read_advanced(strict: bool, order: &mut Order, fields: &Map<String, Value>) -> Checked {
    let Some(advanced) = fields.get("advanced_options").and_then(Value::as_object) else {
        return Ok(());
    };
    known(strict, "advanced_options", advanced, ADVANCED)?;
    let names = ["custom_field1", "custom_field2", "custom_field3"];
    for (name, field) in names.into_iter().zip(&mut order.custom_fields) {
        if !advanced.contains_key(name) {
            continue;
        }
        *field = owned(advanced, name);
        if field.as_deref().is_some_and(|text| text.chars().count() > 100) {
            return Err(Flaw::new("invalid_string_length", format!("{name} is too long")));
        }
    }
    Ok(())
}

fn read_items(state: &mut State, items: &Value) -> Checked<Vec<Line>> {
    let items = items.as_array().ok_or_else(|| Flaw::invalid("items"))?;
    let mut lines = Vec::new();
    for item in items {
        let fields = item.as_object().ok_or_else(|| Flaw::invalid("items"))?;
        known(state.options.strict, "items", fields, ITEM)?;
        let quantity = fields.get("quantity").and_then(Value::as_u64);
        let quantity = quantity.and_then(|count| u32::try_from(count).ok());
        let amount = |key: &str| match fields.get(key) {
            None | Some(Value::Null) => Ok(Decimal::ZERO),
            Some(value) => decimal(Some(value)).ok_or_else(|| Flaw::invalid(key)),
        };
        lines.push(Line {
            id: state.next(Kind::Line),
            key: owned(fields, "external_order_item_id"),
            sku: owned(fields, "sku"),
            name: owned(fields, "name").unwrap_or_default(),
            quantity: quantity.ok_or_else(|| Flaw::invalid("items.quantity"))?,
            unit_price: amount("unit_price")?,
            tax: amount("tax_amount")?,
            shipping: amount("shipping_amount")?,
            weight: fields
                .get("weight")
                .filter(|value| !value.is_null())
                .map(ounces_of)
                .transpose()?,
            external_order_id: owned(fields, "external_order_id"),
        });
    }
    Ok(lines)
}

fn weight_in(package: &Value) -> Checked<Decimal> {
    let weight = package.get("weight").ok_or_else(|| Flaw::required("packages.weight"))?;
    ounces_of(weight)
}

fn ounces_of(weight: &Value) -> Checked<Decimal> {
    let value = decimal(weight.get("value")).ok_or_else(|| Flaw::invalid("weight.value"))?;
    let factor = match weight.get("unit").and_then(Value::as_str) {
        Some("pound") => Decimal::from(16),
        Some("ounce") => Decimal::ONE,
        Some("gram") => Decimal::new(35_274, 6),
        Some("kilogram") => Decimal::new(35_274, 3),
        _ => return Err(Flaw::invalid("weight.unit")),
    };
    Ok((value * factor).round_dp(4))
}

fn read_address(strict: bool, path: &str, value: &Value) -> Checked<Address> {
    let fields = value.as_object().ok_or_else(|| Flaw::invalid(path))?;
    known(strict, path, fields, ADDRESS)?;
    let required = |key: &str| owned(fields, key).ok_or_else(|| Flaw::required(&format!("{path}.{key}")));
    let country = required("country_code")?;
    if country.len() != 2 {
        return Err(Flaw::invalid(&format!("{path}.country_code")));
    }
    let residential = match required("address_residential_indicator")?.as_str() {
        "yes" => Some(true),
        "no" => Some(false),
        "unknown" => None,
        _ => return Err(Flaw::invalid(&format!("{path}.address_residential_indicator"))),
    };
    let first = required("address_line1")?;
    let more = ["address_line2", "address_line3"]
        .into_iter()
        .map(|key| owned(fields, key));
    let mut lines: Vec<String> = std::iter::once(first)
        .chain(more.map(Option::unwrap_or_default))
        .collect();
    while lines.last().is_some_and(String::is_empty) {
        lines.pop();
    }
    Ok(Address {
        name: required("name")?,
        company: owned(fields, "company_name"),
        phone: Some(required("phone")?),
        email: owned(fields, "email"),
        lines,
        city: required("city_locality")?,
        state: required("state_province")?,
        postal_code: required("postal_code")?,
        country,
        residential,
    })
}

fn known(strict: bool, path: &str, fields: &Map<String, Value>, keys: &[&str]) -> Checked {
    match unknown_key(fields, keys).filter(|_| strict) {
        Some(key) => Err(Flaw::unknown(path, key)),
        None => Ok(()),
    }
}

/// A number, and only a number.
pub(in super::super) fn decimal(value: Option<&Value>) -> Option<Decimal> {
    let Some(Value::Number(number)) = value else {
        return None;
    };
    let text = number.to_string();
    text.parse().ok().or_else(|| Decimal::from_scientific(&text).ok())
}
