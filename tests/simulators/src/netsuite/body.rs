//! Request bodies of the record service, read as NetSuite reads them.
//!
//! Quirks: a field name that is not known is only a warning unless the request asks for an error
//! (`X-NetSuite-PropertyNameValidation: Error`); a package sublist that does not belong to the ship method's carrier
//! is such a name, so a tracking number in it is lost; references are `{"id":"6"}`, `"6"` or `6`.

use super::model::{Address, Id, Integration, Package, ShipStatus};
use super::options::{CustomFieldKind, Options};
use super::refusal::Refusal;
use super::world::decimal;
use jiff::civil::Date;
use rust_decimal::Decimal;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// Reads names, and collects the warnings for those it does not know.
#[derive(Debug, Clone, Default)]
pub struct Reader {
    /// Unknown names are refused.
    pub strict: bool,
    /// What was tolerated.
    pub warnings: Vec<String>,
}

/// What a request says about a fulfilment; `None` where it says nothing.
#[derive(Debug, Clone, Default)]
pub struct FulfilmentBody {
    /// External id.
    pub external_id: Option<String>,
    /// Date of the document.
    pub tran_date: Option<Date>,
    /// Memo.
    pub memo: Option<String>,
    /// How far it is.
    pub ship_status: Option<ShipStatus>,
    /// Ship item.
    pub ship_method: Option<Id>,
    /// The group of lines, in an order with several addresses.
    pub ship_group: Option<u32>,
    /// The lines that it names.
    pub lines: Vec<LineBody>,
    /// The packages in the right sublist.
    pub packages: Option<Vec<Package>>,
    /// Custom fields.
    pub custom: BTreeMap<String, Value>,
}

/// What a request says about one line.
#[derive(Debug, Clone)]
pub struct LineBody {
    /// The line of the order.
    pub order_line: u32,
    /// From where.
    pub location: Option<Id>,
    /// Whether it is part of the fulfilment.
    pub receive: bool,
    /// How many; all that can be, when left out.
    pub quantity: Option<Decimal>,
}

/// What a request says about a sales order.
#[derive(Debug, Clone, Default)]
pub struct OrderBody {
    /// Memo.
    pub memo: Option<String>,
    /// E-mail address.
    pub email: Option<String>,
    /// The customer's purchase order number.
    pub other_ref_num: Option<String>,
    /// Ship item.
    pub ship_method: Option<Id>,
    /// Address; only the fields that are there change.
    pub shipping_address: Option<Map<String, Value>>,
    /// Custom fields.
    pub custom: BTreeMap<String, Value>,
}

const FULFILMENT: [&str; 14] = [
    "externalId",
    "tranDate",
    "memo",
    "shipStatus",
    "shipMethod",
    "shipGroup",
    "item",
    "postingPeriod",
    "shippingCost",
    "handlingCost",
    "generateIntegratedShipperLabel",
    "shipAddressList",
    "shippingAddress",
    "customForm",
];
const LINE: [&str; 9] = [
    "orderLine",
    "location",
    "itemReceive",
    "itemreceive",
    "quantity",
    "inventoryDetail",
    "item",
    "inventoryLocation",
    "department",
];
const ORDER: [&str; 8] = [
    "memo",
    "email",
    "otherRefNum",
    "shipMethod",
    "shippingAddress",
    "shipDate",
    "shippingCost",
    "customForm",
];
const PACKAGE_PLAIN: [&str; 6] = [
    "packageDescr",
    "packageTrackingNumber",
    "packageWeight",
    "packageCartonNumber",
    "packageTrackingNumberReturn",
    "packageDetails",
];
const PACKAGE_CARRIER: [&str; 9] = [
    "packageTrackingNumber",
    "packageWeight",
    "packageDescr",
    "packageLength",
    "packageWidth",
    "packageHeight",
    "packaging",
    "reference1",
    "declaredValue",
];

impl Reader {
    /// The fields of an object that are known; the others are warned about or refused.
    fn known(&mut self, value: &Value, path: &str, names: &[String]) -> Result<Map<String, Value>, Refusal> {
        let fields = value
            .as_object()
            .ok_or_else(|| Refusal::content(path, "An object is expected."))?;
        let mut kept = Map::new();
        for (name, value) in fields {
            if names.contains(name) {
                kept.insert(name.clone(), value.clone());
            } else {
                self.unknown(&joined(path, name))?;
            }
        }
        Ok(kept)
    }

    fn unknown(&mut self, path: &str) -> Result<(), Refusal> {
        let detail = format!("Unknown field name: {path}. The field was ignored.");
        if self.strict {
            return Err(Refusal::content(path, format!("Unknown field name: {path}.")));
        }
        self.warnings.push(detail);
        Ok(())
    }

    /// Reads the body of a transform or a change of a fulfilment. The ship method that counts is the body's, else
    /// `current`; `integration` tells the carrier integration of a ship method.
    ///
    /// # Errors
    /// 400 for a value that cannot be read, and for an unknown name when that is asked for.
    pub fn fulfilment(
        &mut self,
        body: &Value,
        options: &Options,
        current: Option<Id>,
        integration: impl Fn(Option<Id>) -> Integration,
    ) -> Result<FulfilmentBody, Refusal> {
        let ship_method = body
            .get("shipMethod")
            .map(|value| reference(value, "shipMethod"))
            .transpose()?;
        let carrier = integration(ship_method.or(current));
        let names = allowed(&FULFILMENT, &[carrier.sublist()], options);
        let fields = self.known(body, "", &names)?;
        Ok(FulfilmentBody {
            external_id: text(&fields, "externalId")?.map(external_id).transpose()?,
            tran_date: text(&fields, "tranDate")?.map(|day| date(&day)).transpose()?,
            memo: text(&fields, "memo")?,
            ship_status: fields.get("shipStatus").map(ship_status).transpose()?,
            ship_method,
            ship_group: fields
                .get("shipGroup")
                .map(|value| whole(value, "shipGroup"))
                .transpose()?,
            lines: self.lines(fields.get("item"))?,
            packages: fields
                .get(carrier.sublist())
                .map(|list| self.packages(list, carrier))
                .transpose()?,
            custom: custom(&fields, options)?,
        })
    }

    /// Reads the body of a change of an invoice: its custom fields.
    ///
    /// # Errors
    /// 400 for a value that cannot be read, and for an unknown name when that is asked for.
    pub fn invoice(&mut self, body: &Value, options: &Options) -> Result<BTreeMap<String, Value>, Refusal> {
        let fields = self.known(body, "", &allowed(&["memo"], &[], options))?;
        custom(&fields, options)
    }

    /// Reads the body of a change of a sales order.
    ///
    /// # Errors
    /// 400 for a value that cannot be read, and for an unknown name when that is asked for.
    pub fn order(&mut self, body: &Value, options: &Options) -> Result<OrderBody, Refusal> {
        let fields = self.known(body, "", &allowed(&ORDER, &[], options))?;
        Ok(OrderBody {
            memo: text(&fields, "memo")?,
            email: text(&fields, "email")?,
            other_ref_num: text(&fields, "otherRefNum")?,
            ship_method: fields
                .get("shipMethod")
                .map(|value| reference(value, "shipMethod"))
                .transpose()?,
            shipping_address: fields.get("shippingAddress").and_then(Value::as_object).cloned(),
            custom: custom(&fields, options)?,
        })
    }

    fn lines(&mut self, sublist: Option<&Value>) -> Result<Vec<LineBody>, Refusal> {
        let items = sublist.map(|list| items(list, "item")).transpose()?.unwrap_or_default();
        let names = allowed(
            &LINE,
            &[],
            &Options {
                custom_fields: Vec::new(),
                ..Options::default()
            },
        );
        let mut lines = Vec::new();
        for (index, value) in items.iter().enumerate() {
            let path = format!("item.items[{index}]");
            let fields = self.known(value, &path, &names)?;
            lines.push(line(&fields, &path)?);
        }
        Ok(lines)
    }

    fn packages(&mut self, sublist: &Value, carrier: Integration) -> Result<Vec<Package>, Refusal> {
        if sublist.is_null() {
            return Ok(Vec::new());
        }
        let names = package_names(carrier);
        let mut packages = Vec::new();
        for (index, value) in items(sublist, carrier.sublist())?.iter().enumerate() {
            let path = format!("{}.items[{index}]", carrier.sublist());
            let fields = self.known(value, &path, &names)?;
            packages.push(package(fields, carrier, &path)?);
        }
        Ok(packages)
    }
}

fn joined(path: &str, name: &str) -> String {
    if path.is_empty() {
        name.to_owned()
    } else {
        format!("{path}.{name}")
    }
}

fn allowed(names: &[&str], more: &[&str], options: &Options) -> Vec<String> {
    let own = options.custom_fields.iter().map(|field| field.id.clone());
    names
        .iter()
        .chain(more)
        .map(|name| (*name).to_owned())
        .chain(own)
        .collect()
}

fn package_names(carrier: Integration) -> Vec<String> {
    let names: &[&str] = if carrier == Integration::None {
        &PACKAGE_PLAIN
    } else {
        &PACKAGE_CARRIER
    };
    let described = |name: &&&str| !(carrier == Integration::FedEx && **name == "packageDescr");
    names
        .iter()
        .filter(described)
        .map(|name| format!("{name}{}", carrier.suffix()))
        .collect()
}

fn items(sublist: &Value, path: &str) -> Result<Vec<Value>, Refusal> {
    let list = sublist.get("items").and_then(Value::as_array);
    list.cloned()
        .ok_or_else(|| Refusal::content(path, "A sublist with items is expected."))
}

fn line(fields: &Map<String, Value>, path: &str) -> Result<LineBody, Refusal> {
    let at = |name: &str| format!("{path}.{name}");
    let order_line = fields
        .get("orderLine")
        .ok_or_else(|| Refusal::content(at("orderLine"), "orderLine is missing."))?;
    let receive = fields.get("itemReceive").or_else(|| fields.get("itemreceive"));
    let quantity = fields.get("quantity").map(|value| {
        let read = decimal(value).filter(|quantity| *quantity >= Decimal::ZERO);
        read.ok_or_else(|| Refusal::content(at("quantity"), "Invalid quantity."))
    });
    Ok(LineBody {
        order_line: whole(order_line, &at("orderLine"))?,
        location: fields
            .get("location")
            .map(|value| reference(value, &at("location")))
            .transpose()?,
        receive: receive.is_none_or(|value| value.as_bool().unwrap_or(value.as_str() != Some("F"))),
        quantity: quantity.transpose()?,
    })
}

fn package(mut fields: Map<String, Value>, carrier: Integration, path: &str) -> Result<Package, Refusal> {
    let name = |stem: &str| format!("{stem}{}", carrier.suffix());
    let weight = fields.remove(&name("packageWeight"));
    let weight = weight.filter(|value| !value.is_null()).map(|value| {
        decimal(&value).ok_or_else(|| Refusal::content(format!("{path}.{}", name("packageWeight")), "Invalid weight."))
    });
    let mut word = |stem: &str| {
        let value = fields.remove(&name(stem));
        value
            .and_then(|value| value.as_str().map(str::to_owned))
            .filter(|text| !text.is_empty())
    };
    Ok(Package {
        tracking: word("packageTrackingNumber"),
        description: word("packageDescr"),
        weight: weight.transpose()?,
        other: fields.into_iter().collect(),
    })
}

/// Reads `{"id":"6"}`, `"6"` or `6`.
///
/// # Errors
/// 400 for anything else.
pub fn reference(value: &Value, path: &str) -> Result<Id, Refusal> {
    let id = value.get("id").unwrap_or(value);
    let read = id.as_u64().or_else(|| id.as_str().and_then(|text| text.parse().ok()));
    let detail = || format!("Invalid Field Value {id} for the following field: {path}");
    read.ok_or_else(|| Refusal::content(path, detail()))
}

fn whole(value: &Value, path: &str) -> Result<u32, Refusal> {
    let read = decimal(value).and_then(|number| number.to_string().parse().ok());
    read.ok_or_else(|| Refusal::content(path, "A whole number is expected."))
}

fn text(fields: &Map<String, Value>, name: &str) -> Result<Option<String>, Refusal> {
    match fields.get(name) {
        None => Ok(None),
        Some(Value::Null) => Ok(Some(String::new())),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(_) => Err(Refusal::content(name, "A string is expected.")),
    }
}

fn date(text: &str) -> Result<Date, Refusal> {
    text.parse().map_err(|_| Refusal::content("tranDate", "Invalid date."))
}

fn external_id(id: String) -> Result<String, Refusal> {
    let legal = id.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-');
    if legal {
        Ok(id)
    } else {
        Err(Refusal::content("externalId", "Invalid external id."))
    }
}

fn ship_status(value: &Value) -> Result<ShipStatus, Refusal> {
    let letter = value.get("id").unwrap_or(value).as_str().unwrap_or_default();
    ShipStatus::from_letter(letter).ok_or_else(|| Refusal::content("shipStatus", "Invalid ship status."))
}

fn custom(fields: &Map<String, Value>, options: &Options) -> Result<BTreeMap<String, Value>, Refusal> {
    let mut found = BTreeMap::new();
    for field in &options.custom_fields {
        if let Some(value) = fields.get(&field.id) {
            if !fits(field.kind, value) {
                return Err(Refusal::content(
                    &field.id,
                    format!("Invalid value for the field {}.", field.id),
                ));
            }
            found.insert(field.id.clone(), value.clone());
        }
    }
    Ok(found)
}

fn fits(kind: CustomFieldKind, value: &Value) -> bool {
    let length = value.as_str().map(|text| text.chars().count());
    value.is_null()
        || match kind {
            CustomFieldKind::Text => length.is_some_and(|length| length <= 300),
            CustomFieldKind::TextArea => length.is_some_and(|length| length <= 4_000),
            CustomFieldKind::Number => decimal(value).is_some(),
            CustomFieldKind::Checkbox => value.is_boolean(),
            CustomFieldKind::Date => value.as_str().is_some_and(is_day),
        }
}

fn is_day(text: &str) -> bool {
    text.len() == 10 && Date::strptime("%Y-%m-%d", text).is_ok()
}

/// Changes the fields of an address that the object has.
pub fn patch_address(address: &mut Address, fields: &Map<String, Value>) {
    let targets = [
        ("addressee", &mut address.addressee),
        ("attention", &mut address.attention),
        ("addr1", &mut address.addr1),
        ("addr2", &mut address.addr2),
        ("addr3", &mut address.addr3),
        ("city", &mut address.city),
        ("state", &mut address.state),
        ("zip", &mut address.zip),
        ("country", &mut address.country),
        ("addrPhone", &mut address.phone),
    ];
    for (name, target) in targets {
        if let Some(value) = fields.get(name) {
            *target = value.get("id").unwrap_or(value).as_str().unwrap_or_default().to_owned();
        }
    }
}
