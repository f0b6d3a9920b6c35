//! Item fulfilments that people have made to orders of their own: each asks for what it took, at the address that it names.

use std::collections::BTreeMap;

use crate::connection::Selection;
use crate::domain::{Address, DocumentId, JobId, Order, OrderLine, Standing};
use crate::systems::netsuite::convert::orders::{
    self, Facts, currency, is_goods, ship_method, ship_to, shipped_line, status_letter,
};
use crate::systems::netsuite::wire::{LineRow, OrderRow};

/// The status in which a fulfilment ships where the connection names none.
const SHIPPED: [&str; 1] = ["C"];

/// What each item of an order costs, by its id: a fulfilment has no prices.
pub(in crate::systems::netsuite) type Prices = BTreeMap<String, String>;

/// The letters in which fulfilments ship through a connection.
pub(in crate::systems::netsuite) fn shipping_statuses(select: &Selection) -> Vec<&str> {
    if select.statuses.is_empty() {
        return SHIPPED.to_vec();
    }
    select.statuses.iter().map(|status| status_letter(status)).collect()
}

/// The prices of an order's lines.
pub(in crate::systems::netsuite) fn prices(lines: &[LineRow]) -> Prices {
    let priced = lines.iter().filter(|line| is_goods(line));
    let mut prices = Prices::new();
    for (item, rate) in priced.filter_map(|line| line.item.clone().zip(line.rate.clone())) {
        prices.entry(item).or_insert(rate);
    }
    prices
}

/// Whether only the record can say where a fulfilment goes.
pub(in crate::systems::netsuite) fn is_without_address(row: &OrderRow) -> bool {
    row.addr1.is_none() && row.city.is_none()
}

/// The fulfilment as these facts state it, under its order's number; `None` if they do not even name it.
pub(in crate::systems::netsuite) fn fulfilment(
    facts: &Facts<'_>,
    select: &Selection,
    prices: &Prices,
) -> Option<Order> {
    let row = facts.row;
    let id = row.id.clone()?;
    let currency = currency(row);
    let number = row.tranid.clone().or_else(|| row.fulfilmentnumber.clone());
    let goods = facts.lines.iter().filter(|line| is_goods(line));
    Some(Order {
        number: number.unwrap_or_else(|| id.clone()),
        document: DocumentId::fulfilment(id),
        standing: standing(facts, select),
        customer_reference: row.otherrefnum.clone(),
        tracking_shown: row.trackingshown.clone(),
        ship_method: ship_method(row),
        ship_to: ship_to(facts),
        bill_to: None,
        supplier: None,
        lines: goods
            .filter_map(|line| priced(line, currency.as_deref(), prices))
            .collect(),
        currency,
    })
}

fn priced(row: &LineRow, currency: Option<&str>, prices: &Prices) -> Option<OrderLine> {
    let of_order = || prices.get(row.item.as_ref()?).cloned();
    let row = LineRow {
        rate: row.rate.clone().or_else(of_order),
        ..row.clone()
    };
    shipped_line(&row, row.quantity.as_deref(), currency)
}

fn standing(facts: &Facts<'_>, select: &Selection) -> Standing {
    let row = facts.row;
    let made_by_us = row.externalid.as_deref().is_some_and(|id| id.parse::<JobId>().is_ok());
    let code = status_letter(row.statuscode.as_deref().unwrap_or_default());
    let shipping = shipping_statuses(select);
    let why = if made_by_us {
        Some("Waybill made this fulfilment itself, when it shipped the goods".to_owned())
    } else if row.ordertype.as_deref() != Some("SalesOrd") {
        Some("it is not the fulfilment of a sales order".to_owned())
    } else if !shipping.contains(&code) {
        Some(wrong_status(code, &shipping))
    } else {
        orders::unselected(facts, select)
    };
    why.map_or(Standing::Ready, Standing::Waiting)
}

fn wrong_status(code: &str, shipping: &[&str]) -> String {
    let shipping: Vec<&str> = shipping.iter().map(|code| status_name(code)).collect();
    let status = match status_name(code) {
        "unknown" => format!("unknown ({code})"),
        name => name.to_owned(),
    };
    format!(
        "the fulfilment is marked {status}; this connection ships those marked {}",
        shipping.join(", ")
    )
}

fn status_name(code: &str) -> &'static str {
    match code {
        "A" => "Picked",
        "B" => "Packed",
        "C" => "Shipped",
        _ => "unknown",
    }
}

/// A fulfilment that somebody has deleted: it asks for nothing any more.
pub(in crate::systems::netsuite) fn deleted(document: &DocumentId) -> Order {
    Order {
        document: document.clone(),
        number: document.id.clone(),
        standing: Standing::Cancelled,
        customer_reference: None,
        tracking_shown: None,
        ship_method: None,
        currency: None,
        ship_to: Address::default(),
        bill_to: None,
        supplier: None,
        lines: Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use rust_decimal::{Decimal, dec};
    use serde_json::{Value, json};

    use super::*;
    use crate::domain::Money;

    fn read(row: Value, select: &Selection) -> Order {
        let mut whole = json!({
            "id": "7001", "fulfilmentnumber": "IF88", "statuscode": "ItemShip:C", "orderid": "5012", "ordertype": "SalesOrd",
            "tranid": "SO5012", "otherrefnum": "PO-7", "shipmethod": "77", "shipmethodname": "FedEx Ground", "currency": "USD",
            "addressee": "hudson  supply", "addr1": "350 5th ave.", "city": "New YORK", "state": "NY", "zip": "10118", "country": "US"
        });
        whole.as_object_mut().unwrap().extend(row.as_object().unwrap().clone());
        let row: OrderRow = serde_json::from_value(whole).unwrap();
        let lines: Vec<LineRow> = serde_json::from_value(json!([
            { "lineid": "1", "item": "31", "sku": "PUMP", "itemtype": "InvtPart", "quantity": "2", "location": "6" },
            { "lineid": "1001", "item": "31", "sku": "PUMP", "itemtype": "InvtPart", "quantity": "2", "iscogs": "T" },
            { "lineid": "2", "item": "33", "sku": "SEAL", "itemtype": "InvtPart", "quantity": "4", "kitcomponent": "T" },
            { "lineid": "3", "item": "34", "sku": "MANUAL", "itemtype": "NonInvtPart", "quantity": "0" }
        ]))
        .unwrap();
        let of_order: Vec<LineRow> =
            serde_json::from_value(json!([{ "item": "31", "itemtype": "InvtPart", "rate": "24.50" }])).unwrap();
        let facts = Facts {
            row: &row,
            lines: &lines,
            customer: None,
            record: None,
            selected: true,
        };
        fulfilment(&facts, select, &prices(&of_order)).unwrap()
    }

    /// P54, P55: a fulfilment asks for what it took, under its order's number, at its own address, byte for byte.
    #[test]
    fn a_fulfilment_asks_for_what_it_took() {
        let order = read(json!({}), &Selection::default());
        assert_eq!(
            (order.document, order.standing),
            (DocumentId::fulfilment("7001"), Standing::Ready)
        );
        assert_eq!(
            (order.number.as_str(), order.customer_reference.as_deref()),
            ("SO5012", Some("PO-7"))
        );
        assert_eq!(
            (order.ship_to.name.as_str(), order.ship_to.city.as_str()),
            ("hudson  supply", "New YORK")
        );
        let [line] = <[OrderLine; 1]>::try_from(order.lines).unwrap();
        assert_eq!(
            (line.ordered, line.fulfilled, line.ready),
            (dec!(2), Decimal::ZERO, dec!(2))
        );
        assert_eq!(
            line.unit_price,
            Some(Money::new(dec!(24.50), "USD")),
            "the order's price"
        );
    }

    /// P54: only what is marked as shipped ships, or what the connection names; what we made ourselves never does.
    #[test]
    fn only_what_people_marked_ships() {
        let standing = |row: Value, statuses: &[&str]| {
            let select = Selection {
                statuses: statuses.iter().map(|status| (*status).to_owned()).collect(),
                ..Selection::default()
            };
            match read(row, &select).standing {
                Standing::Waiting(why) => why,
                other => format!("{other:?}"),
            }
        };
        assert_eq!(standing(json!({ "statuscode": "C" }), &[]), "Ready");
        let packed = standing(json!({ "statuscode": "ItemShip:B" }), &[]);
        assert!(
            packed.contains("marked Packed") && packed.contains("marked Shipped"),
            "{packed}"
        );
        assert_eq!(
            standing(json!({ "statuscode": "ItemShip:B" }), &["B", "ItemShip:C"]),
            "Ready"
        );
        assert!(standing(json!({ "statuscode": "ItemShip:Q" }), &[]).contains("unknown (Q)"));
        let ours = json!({ "externalid": "ABCDEFGHIJKLMNOPQRSTUVWXYZ" });
        assert!(standing(ours, &[]).contains("Waybill made"));
        assert!(standing(json!({ "ordertype": "TrnfrOrd" }), &[]).contains("not the fulfilment of a sales order"));
    }
}
