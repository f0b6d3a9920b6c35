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

/// A label, with its order where that is known; nothing where it has no id.
pub(crate) fn of_label(label: &v2::Label, order: Option<&v2::Order>, now: Timestamp) -> Option<Despatch> {
    let id = format!("label:{}", label.label_id.as_ref()?);
    let created = utc(label.created_at.as_deref()).or_else(|| utc(label.ship_date.as_deref()));
    let order_id = order.and_then(|order| order.shipment_id.clone());
    let order_id = label.shipment_id.clone().or(order_id).unwrap_or_default();
    let key = label
        .external_shipment_id
        .clone()
        .or_else(|| order?.external_shipment_id.clone());
    let ship_to = label.ship_to.as_ref().or_else(|| order?.ship_to.as_ref());
    Some(Despatch {
        order: DeskOrderRef {
            number: order
                .and_then(|order| order.shipment_number.clone())
                .unwrap_or_default(),
            // Where nobody gave a key it is the order's own id.
            key: key.filter(|key| *key != order_id),
            store: order.and_then(|order| order.store_id.as_deref().map(store)),
            id: order_id,
        },
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
        lines: order.and_then(lines_of_v2),
        ship_to: ship_to.map(address::of_v2),
    })
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

/// A part of an order that was marked as shipped with a tracking number of the merchant's own.
pub(crate) fn of_v2_fulfilment(
    fulfilment: &v2::Fulfilment,
    order: Option<&v2::Order>,
    now: Timestamp,
) -> Option<Despatch> {
    let id = format!("fulfilment:{}", fulfilment.fulfillment_id.as_ref()?);
    let created = utc(fulfilment.created_at.as_deref()).or_else(|| utc(fulfilment.ship_date.as_deref()));
    let number = fulfilment.shipment_number.clone();
    let order_id = fulfilment.shipment_id.clone().unwrap_or_default();
    let key = order.and_then(|order| order.external_shipment_id.clone());
    let ship_to = fulfilment.ship_to.as_ref().or_else(|| order?.ship_to.as_ref());
    let fee = fulfilment.fulfillment_fee.as_ref().and_then(money);
    Some(Despatch {
        order: DeskOrderRef {
            number: number.or_else(|| order?.shipment_number.clone()).unwrap_or_default(),
            key: key.filter(|key| *key != order_id),
            store: order.and_then(|order| order.store_id.as_deref().map(store)),
            id: order_id,
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
        lines: order.and_then(lines_of_v2),
        ship_to: ship_to.map(address::of_v2),
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

/// An order of V1 that was marked as shipped. It does not say what of the order it is: where it is the only despatch of the
/// order it is all of it, and `whole` is given.
pub(crate) fn of_v1_fulfilment(
    fulfilment: &v1::Fulfilment,
    order: Option<&v1::Order>,
    whole: bool,
    currency: Priced<'_>,
    now: Timestamp,
) -> Option<Despatch> {
    let id = format!("fulfilment:{}", fulfilment.fulfillment_id.as_ref()?);
    let created = pacific(fulfilment.create_date.as_deref()).or_else(|| pacific(fulfilment.ship_date.as_deref()));
    let fee = fulfilment.fulfillment_fee.filter(|fee| !fee.is_zero());
    let items = order.and_then(|order| order.items.as_deref()).filter(|_| whole);
    let number = fulfilment.order_number.clone();
    Some(Despatch {
        order: DeskOrderRef {
            id: fulfilment.order_id.clone().unwrap_or_default(),
            number: number.or_else(|| order?.order_number.clone()).unwrap_or_default(),
            key: order.and_then(|order| order.order_key.clone()),
            store: order.and_then(|order| order.advanced_options.as_ref()?.store_id.clone()),
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
        lines: items.and_then(lines_of_v1),
        ship_to: fulfilment.ship_to.as_ref().map(address::of_v1),
    })
}
