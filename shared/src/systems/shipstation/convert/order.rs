//! Open orders as the ERP states them, and as ShipStation shows them: what belongs to the customer, in words that both APIs
//! share.

use rust_decimal::Decimal;
use serde_json::{Map, Value};

use crate::domain::{Address, DeskOrder, DeskOrderRef, DocumentKind, Refusal, ToldLine};
use crate::systems::shipstation::wire::lenient::read_text;
use crate::systems::shipstation::wire::{v1, v2};

/// The longest key that ShipStation takes, and the longest number.
const LONGEST: usize = 50;

/// The longest text of a field of one's own.
const FIELD: usize = 100;

/// The fields of one's own that there are, by the name that connections use.
pub(super) const FIELDS: [&str; 3] = ["custom_field1", "custom_field2", "custom_field3"];

/// The key of an order that we make: it follows from the ERP's account and document (`netsuite:1234567_SB1:SO:5012`) and never
/// changes. `erp` is the system and the account: several accounts may have orders in the same ShipStation.
pub(crate) fn key_of(erp: &str, order: &DeskOrder) -> Result<String, Refusal> {
    let kind = match order.document.kind {
        DocumentKind::SalesOrder => "SO",
        other => {
            return Err(Refusal::new(
                "order",
                format!("only sales orders stand at a desk, and this is a {other}"),
            ));
        }
    };
    let key = format!("{erp}:{kind}:{}", order.document.id);
    fits("key", &key)?;
    fits("number", &order.number)?;
    Ok(key)
}

fn fits(what: &str, text: &str) -> Result<(), Refusal> {
    if (1..=LONGEST).contains(&text.chars().count()) {
        return Ok(());
    }
    let words =
        format!("the order's {what} {text:?} does not fit into the {LONGEST} characters that ShipStation has for it");
    Err(Refusal::new("order", words))
}

/// The person and the company of an address.
pub(super) fn person_and_company(address: &Address, company: Option<&str>) -> (String, Option<String>) {
    match &address.attention {
        Some(person) => (person.clone(), Some(address.name.clone())),
        None => {
            let other = company.filter(|company| *company != address.name);
            (address.name.clone(), other.map(str::to_owned))
        }
    }
}

/// The telephone and the mail of the receiver, whom a carrier calls: those of the address, else the customer's.
pub(super) fn receiver(order: &DeskOrder) -> (Option<String>, Option<String>) {
    let phone = order.ship_to.phone.as_ref().or(order.customer.phones.first());
    let email = order.ship_to.email.as_ref().or(order.customer.emails.first());
    (phone.cloned(), email.cloned())
}

/// The telephone of whoever pays: the customer's own, else that of the address.
pub(super) fn payers_phone(order: &DeskOrder, address: &Address) -> Option<String> {
    order.customer.phones.first().or(address.phone.as_ref()).cloned()
}

/// The mail of whoever ordered.
pub(super) fn buyers_mail(order: &DeskOrder) -> Option<String> {
    let bill_to = order.bill_to.as_ref().and_then(|address| address.email.as_ref());
    let own = order.customer.emails.first().or(bill_to);
    own.or(order.ship_to.email.as_ref()).cloned()
}

/// A line of the address; what is beyond the third is joined to it.
pub(super) fn street(address: &Address, number: usize) -> Option<String> {
    match number {
        3 => {
            let rest: Vec<&str> = address.lines.iter().skip(2).map(String::as_str).collect();
            (!rest.is_empty()).then(|| rest.join(", "))
        }
        number => address.lines.get(number.checked_sub(1)?).cloned(),
    }
}

/// The fields of one's own that the connection fills, by their names.
pub(super) fn fields(order: &DeskOrder) -> Result<Vec<(&'static str, String)>, Refusal> {
    let mut fields = Vec::new();
    for (name, value) in &order.customer.fields {
        let known = FIELDS.iter().find(|known| *known == name);
        let known = known.ok_or_else(|| {
            let words = format!("ShipStation has no field {name}: its own are {}", FIELDS.join(", "));
            Refusal::new("custom-field", words)
        })?;
        fields.push((*known, cut(value)));
    }
    Ok(fields)
}

fn cut(text: &str) -> String {
    let text = text.trim();
    match text.char_indices().nth(FIELD) {
        None => text.to_owned(),
        Some(_) => text.chars().take(FIELD - 1).chain(['…']).collect(),
    }
}

/// Writes a text where it differs from what stands there; blank and missing are alike.
pub(super) fn write(object: &mut Map<String, Value>, name: &str, text: Option<String>) {
    let there = object.get(name).and_then(read_text).unwrap_or_default();
    let wanted = text.map(|text| text.trim().to_owned()).unwrap_or_default();
    if there != wanted {
        let value = match wanted.is_empty() {
            true => Value::Null,
            false => Value::String(wanted),
        };
        object.insert(name.to_owned(), value);
    }
}

/// An object that stands under a name; an empty one where there is none.
pub(super) fn object(of: &Value, name: &str) -> Map<String, Value> {
    of.get(name).and_then(Value::as_object).cloned().unwrap_or_default()
}

/// Goods as they are compared: key, SKU, how many, for how much.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Goods {
    pub(super) key: String,
    pub(super) sku: String,
    pub(super) quantity: Decimal,
    pub(super) price: Option<Decimal>,
}

/// The goods that the ERP still wants shipped.
pub(super) fn wanted(order: &DeskOrder) -> Vec<Goods> {
    let goods = order.lines.iter().map(|line| Goods {
        key: line.line.as_str().to_owned(),
        sku: line.sku.clone(),
        quantity: line.quantity.normalize(),
        price: line.unit_price.as_ref().map(|price| price.amount.normalize()),
    });
    goods.collect()
}

/// Whether the goods there are those that are wanted, in whatever order: a price that is not wanted may be any.
pub(super) fn same(there: &[Goods], wanted: &[Goods]) -> bool {
    let alike = |there: &Goods, wanted: &Goods| {
        let price = wanted.price.is_none() || there.price == wanted.price;
        (&there.key, &there.sku, there.quantity) == (&wanted.key, &wanted.sku, wanted.quantity) && price
    };
    let is_there = |wanted: &Goods| there.iter().any(|there| alike(there, wanted));
    there.len() == wanted.len() && wanted.iter().all(is_there)
}

/// Goods as they are remembered.
pub(super) fn lines(goods: Vec<Goods>) -> Vec<ToldLine> {
    let line = |one: Goods| ToldLine {
        line: one.key,
        sku: one.sku,
        quantity: one.quantity,
    };
    goods.into_iter().map(line).collect()
}

/// Why goods are left as they stand: people changed them, or split the order, and whoever did has the rest in another part of it,
/// which nobody can be asked for. What is missing here is shipped from there, and would be shipped twice.
pub(super) fn goods_stay(order: &DeskOrder) -> Refusal {
    let words = format!(
        "ShipStation shows other goods for {} than it was last told, and other ones than the ERP still wants shipped: they were changed \
         there, or the order was split, and are left alone: look at all its parts, and change the goods by hand",
        order.number
    );
    Refusal::new("goods", words)
}

/// V2's order as others refer to it.
pub(crate) fn said_by_v2(order: &v2::Order) -> Option<DeskOrderRef> {
    let id = order.shipment_id.clone()?;
    Some(DeskOrderRef {
        number: order.shipment_number.clone().unwrap_or_default(),
        key: order.external_shipment_id.clone().filter(|key| *key != id),
        store: order.store_id.as_deref().map(store),
        id,
    })
}

/// A store by its number, as people and V1 write it: V2 gives the same with a prefix.
pub(crate) fn store(id: &str) -> String {
    id.strip_prefix("se-").unwrap_or(id).to_owned()
}

/// V1's order as others refer to it.
pub(crate) fn said_by_v1(order: &v1::Order) -> Option<DeskOrderRef> {
    Some(DeskOrderRef {
        id: order.order_id.clone()?,
        number: order.order_number.clone().unwrap_or_default(),
        key: order.order_key.clone(),
        store: order.advanced_options.as_ref().and_then(|more| more.store_id.clone()),
    })
}
