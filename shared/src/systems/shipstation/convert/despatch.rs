//! What was shipped, from either API: labels, and parts of orders that were marked as shipped.

use jiff::Timestamp;

use super::address;
use super::order::store;
use super::when::{pacific, utc};
use crate::domain::{
    CarrierShipmentId, DeskOrderRef, Despatch, DespatchId, DespatchLine, DespatchStanding, Money, Refusal, Shipment,
    ShippedParcel,
};
use crate::systems::shipstation::wire::{v1, v2};

/// The kind and the number of a despatch's name.
pub(crate) fn despatch_number(name: &str) -> Result<(&str, &str), Refusal> {
    let legal = |number: &str| {
        (1..=40).contains(&number.len()) && number.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
    };
    let (kind, number) = name.split_once(':').unwrap_or(("", name));
    match kind {
        "label" | "shipment" | "fulfilment" if legal(number) => Ok((kind, number)),
        _ => Err(Refusal::new(
            "despatch",
            format!("{name:?} names nothing that ShipStation ships: it is label:se-…, shipment:… or fulfilment:…"),
        )),
    }
}

// ---- V2 ----------------------------------------------------------------------------------------------------------

/// How a label stands.
pub(crate) fn label_standing(label: &v2::Label) -> DespatchStanding {
    let status = label.status.as_deref().unwrap_or_default();
    if label.is_return_label == Some(true) {
        return beside("a return label: nothing leaves");
    }
    if label.test_label == Some(true) {
        return beside("a trial label, with which nothing travels");
    }
    if label.voided == Some(true) || status == "voided" || label.voided_at.is_some() {
        return DespatchStanding::Voided;
    }
    match status {
        "completed" => DespatchStanding::Shipped,
        "error" => beside("its label could not be made"),
        "" => DespatchStanding::Pending("without a status".to_owned()),
        // A status that is not known is looked at again, never guessed.
        other => DespatchStanding::Pending(other.to_owned()),
    }
}

fn beside(why: &str) -> DespatchStanding {
    DespatchStanding::Beside(why.to_owned())
}

/// A label, as far as it tells of its order; nothing where it has no id.
pub(crate) fn of_label(label: &v2::Label, now: Timestamp) -> Option<Despatch> {
    let id = format!("label:{}", label.label_id.as_ref()?);
    let created = utc(label.created_at.as_deref()).or_else(|| utc(label.ship_date.as_deref()));
    let order = label.shipment.as_ref();
    let order_id = label.shipment_id.clone();
    let order_id = order_id.or_else(|| order?.shipment_id.clone()).unwrap_or_default();
    let told = Despatch {
        order: order_named(order_id, label.external_shipment_id.clone()),
        shipment: Shipment {
            id: CarrierShipmentId::new(id.as_str()),
            parcels: parcels(label),
            service: label.service_code.clone(),
            cost: sum(&[label.shipment_cost.as_ref(), label.insurance_cost.as_ref()]),
            remarks: Vec::new(),
        },
        id: DespatchId::new(id),
        carrier: label.carrier_code.clone(),
        standing: label_standing(label),
        created_at: created.unwrap_or(now),
        lines: None,
        ship_to: label.ship_to.as_ref().map(address::of_v2),
    };
    Some(match order {
        Some(order) => with_order(told, order),
        None => told,
    })
}

/// An order of which only the id is told, and perhaps a key.
fn order_named(id: String, key: Option<String>) -> DeskOrderRef {
    DeskOrderRef {
        number: String::new(),
        // Where nobody gave a key it is the order's own id.
        key: key.filter(|key| *key != id),
        store: None,
        id,
    }
}

/// The number of the order from which a part was split off, where its goods name that and the part is numbered after it: whoever made
/// the order knows no other.
fn whole_number(number: String, order: &v2::Order) -> String {
    let mut named = order
        .items
        .iter()
        .flatten()
        .map(|item| item.external_order_id.as_deref());
    let whole = named
        .next()
        .flatten()
        .filter(|whole| named.all(|other| other == Some(*whole)));
    let is_part = |whole: &&str| {
        let part = number.strip_prefix(*whole).and_then(|part| part.strip_prefix('-'));
        part.is_some_and(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()))
    };
    match whole.filter(|whole| !whole.is_empty()).filter(is_part) {
        Some(whole) => whole.to_owned(),
        None => number,
    }
}

/// What was told of a despatch, with what its order says; what is in it is what the order says, even if that is nothing.
pub(crate) fn with_order(told: Despatch, order: &v2::Order) -> Despatch {
    let id = told.order.id;
    let number = Some(told.order.number).filter(|number| !number.is_empty());
    let key = told.order.key.or_else(|| order.external_shipment_id.clone());
    Despatch {
        order: DeskOrderRef {
            number: whole_number(
                number.or_else(|| order.shipment_number.clone()).unwrap_or_default(),
                order,
            ),
            key: key.filter(|key| *key != id),
            store: order.store_id.as_deref().map(store).or(told.order.store),
            id,
        },
        lines: lines_of_v2(order),
        ship_to: told.ship_to.or_else(|| order.ship_to.as_ref().map(address::of_v2)),
        ..told
    }
}

/// The parcels, each once, the one that names the label first.
fn parcels(label: &v2::Label) -> Vec<ShippedParcel> {
    let others = label.packages.iter().map(|package| &package.tracking_number);
    let mut parcels: Vec<ShippedParcel> = Vec::new();
    for number in std::iter::once(&label.tracking_number).chain(others).flatten() {
        if !parcels.iter().any(|parcel| parcel.tracking_number == *number) {
            parcels.push(parcel(number));
        }
    }
    parcels
}

fn parcel(number: &str) -> ShippedParcel {
    ShippedParcel {
        tracking_number: number.to_owned(),
    }
}

/// What several amounts come to, where they are of one currency; else the first. Amounts that are too large to be any are none.
fn sum(amounts: &[Option<&v2::Amount>]) -> Option<Money> {
    let mut total: Option<Money> = None;
    for amount in amounts.iter().copied().flatten().filter_map(money) {
        match &mut total {
            None => total = Some(amount),
            Some(total) if total.currency == amount.currency => {
                total.amount = total.amount.checked_add(amount.amount)?;
            }
            Some(_) => {}
        }
    }
    total
}

fn money(amount: &v2::Amount) -> Option<Money> {
    let currency = amount.currency.as_ref()?.to_ascii_uppercase();
    Some(Money::new(amount.amount?, currency))
}

/// What is in an order; nothing where one quantity is not told, for the rest would pass for everything.
fn lines_of_v2(order: &v2::Order) -> Option<Vec<DespatchLine>> {
    let items = order.items.as_ref().filter(|items| !items.is_empty())?;
    let line = |item: &v2::Item| {
        Some(DespatchLine {
            key: item.external_order_item_id.clone(),
            sku: item.sku.clone().unwrap_or_default(),
            name: item.name.clone(),
            quantity: item.quantity?,
        })
    };
    items.iter().map(line).collect()
}

/// A part of an order that was marked as shipped with a tracking number of the merchant's own, without what is in it.
pub(crate) fn of_v2_fulfilment(fulfilment: &v2::Fulfilment, now: Timestamp) -> Option<Despatch> {
    let id = format!("fulfilment:{}", fulfilment.fulfillment_id.as_ref()?);
    let created = utc(fulfilment.created_at.as_deref()).or_else(|| utc(fulfilment.ship_date.as_deref()));
    let fee = fulfilment.fulfillment_fee.as_ref().and_then(money);
    Some(Despatch {
        order: DeskOrderRef {
            number: fulfilment.shipment_number.clone().unwrap_or_default(),
            ..order_named(fulfilment.shipment_id.clone().unwrap_or_default(), None)
        },
        shipment: Shipment {
            id: CarrierShipmentId::new(id.as_str()),
            parcels: fulfilment.tracking_number.iter().map(|number| parcel(number)).collect(),
            service: fulfilment.fulfillment_service_code.clone(),
            cost: fee.filter(|fee| !fee.amount.is_zero()),
            remarks: Vec::new(),
        },
        id: DespatchId::new(id),
        carrier: fulfilment.fulfillment_carrier_friendly_name.clone(),
        standing: shipped_unless(fulfilment.voided, fulfilment.voided_at.as_ref()),
        created_at: created.unwrap_or(now),
        lines: None,
        ship_to: fulfilment.ship_to.as_ref().map(address::of_v2),
    })
}

fn shipped_unless(voided: Option<bool>, since: Option<&String>) -> DespatchStanding {
    match voided == Some(true) || since.is_some() {
        true => DespatchStanding::Voided,
        false => DespatchStanding::Shipped,
    }
}

// ---- V1 ----------------------------------------------------------------------------------------------------------

/// In which currency V1 states its amounts, which it never says.
pub(crate) type Priced<'a> = Option<&'a str>;

/// How a shipment of V1 stands.
pub(crate) fn shipment_standing(shipment: &v1::Shipment) -> DespatchStanding {
    match shipment.is_return_label {
        Some(true) => beside("a return label: nothing leaves"),
        _ => shipped_unless(shipment.voided, shipment.void_date.as_ref()),
    }
}

/// A label of V1, which it calls a shipment.
pub(crate) fn of_shipment(shipment: &v1::Shipment, currency: Priced<'_>, now: Timestamp) -> Option<Despatch> {
    let id = format!("shipment:{}", shipment.shipment_id.as_ref()?);
    let created = pacific(shipment.create_date.as_deref()).or_else(|| pacific(shipment.ship_date.as_deref()));
    let insurance = shipment.insurance_cost.unwrap_or_default();
    let cost = shipment.shipment_cost.and_then(|cost| cost.checked_add(insurance));
    Some(Despatch {
        order: DeskOrderRef {
            id: shipment.order_id.clone().unwrap_or_default(),
            number: shipment.order_number.clone().unwrap_or_default(),
            key: shipment.order_key.clone(),
            store: shipment
                .advanced_options
                .as_ref()
                .and_then(|more| more.store_id.clone()),
        },
        shipment: Shipment {
            id: CarrierShipmentId::new(id.as_str()),
            parcels: shipment.tracking_number.iter().map(|number| parcel(number)).collect(),
            service: shipment.service_code.clone(),
            cost: cost.zip(currency).map(|(cost, currency)| Money::new(cost, currency)),
            remarks: Vec::new(),
        },
        id: DespatchId::new(id),
        carrier: shipment.carrier_code.clone(),
        standing: shipment_standing(shipment),
        created_at: created.unwrap_or(now),
        lines: shipment.shipment_items.as_deref().and_then(lines_of_v1),
        ship_to: shipment.ship_to.as_ref().map(address::of_v1),
    })
}

/// Goods; discounts among them do not travel.
fn lines_of_v1(items: &[v1::Item]) -> Option<Vec<DespatchLine>> {
    let goods = items.iter().filter(|item| item.adjustment != Some(true));
    let line = |item: &v1::Item| {
        Some(DespatchLine {
            key: item.line_item_key.clone(),
            sku: item.sku.clone().unwrap_or_default(),
            name: item.name.clone(),
            quantity: item.quantity?,
        })
    };
    let lines: Option<Vec<DespatchLine>> = goods.map(line).collect();
    lines.filter(|lines| !lines.is_empty())
}

/// An order of V1 that was marked as shipped. It does not say what of the order it is.
pub(crate) fn of_v1_fulfilment(fulfilment: &v1::Fulfilment, currency: Priced<'_>, now: Timestamp) -> Option<Despatch> {
    let id = format!("fulfilment:{}", fulfilment.fulfillment_id.as_ref()?);
    let created = pacific(fulfilment.create_date.as_deref()).or_else(|| pacific(fulfilment.ship_date.as_deref()));
    let fee = fulfilment.fulfillment_fee.filter(|fee| !fee.is_zero());
    Some(Despatch {
        order: DeskOrderRef {
            id: fulfilment.order_id.clone().unwrap_or_default(),
            number: fulfilment.order_number.clone().unwrap_or_default(),
            key: None,
            store: None,
        },
        shipment: Shipment {
            id: CarrierShipmentId::new(id.as_str()),
            parcels: fulfilment.tracking_number.iter().map(|number| parcel(number)).collect(),
            service: fulfilment.fulfillment_service_code.clone(),
            cost: fee.zip(currency).map(|(fee, currency)| Money::new(fee, currency)),
            remarks: Vec::new(),
        },
        id: DespatchId::new(id),
        carrier: fulfilment.carrier_code.clone(),
        standing: shipped_unless(fulfilment.voided, fulfilment.void_date.as_ref()),
        created_at: created.unwrap_or(now),
        lines: None,
        ship_to: fulfilment.ship_to.as_ref().map(address::of_v1),
    })
}

/// The same with what its order says; all of the order is in it where it is the `only` despatch of it.
pub(crate) fn with_order_v1(told: Despatch, order: &v1::Order, only: bool) -> Despatch {
    let number = Some(told.order.number).filter(|number| !number.is_empty());
    let items = order.items.as_deref().filter(|_| only);
    Despatch {
        order: DeskOrderRef {
            id: told.order.id,
            number: number.or_else(|| order.order_number.clone()).unwrap_or_default(),
            key: order.order_key.clone(),
            store: order.advanced_options.as_ref().and_then(|more| more.store_id.clone()),
        },
        lines: items.and_then(lines_of_v1),
        ..told
    }
}
