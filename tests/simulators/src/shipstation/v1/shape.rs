//! What ShipStation holds, as V1 writes it.

use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::super::answer::number;
use super::super::model::{Address, Customer, Fulfilment, Id, Label, Line, Order, State};
use super::super::times::{pacific, pacific_day};

/// An order, whole, however people split it.
pub(super) fn order(state: &State, order: &Order) -> Value {
    let lines: Vec<Value> = order.lines.iter().map(|one| line(order, one)).collect();
    json!({
        "orderId": order.id,
        "orderNumber": order.number,
        "orderKey": order.key,
        "orderDate": pacific(order.ordered_at),
        "createDate": pacific(order.created_at),
        "modifyDate": pacific(order.modified_at),
        "paymentDate": order.paid_at.map(pacific),
        "shipByDate": null,
        "orderStatus": order.status().word(),
        "customerId": order.customer,
        "customerUsername": order.username,
        "customerEmail": order.email,
        "billTo": address(order.bill_to.as_ref().unwrap_or(&Address::default())),
        "shipTo": address(&order.ship_to),
        "items": lines,
        "orderTotal": number(order.total()),
        "amountPaid": number(order.amount_paid),
        "taxAmount": number(order.tax_paid),
        "shippingAmount": number(order.shipping_paid),
        "customerNotes": order.notes_from_buyer,
        "internalNotes": order.internal_notes,
        "gift": false,
        "giftMessage": null,
        "paymentMethod": null,
        "requestedShippingService": order.requested_service,
        "carrierCode": order.carrier,
        "serviceCode": order.service,
        "packageCode": null,
        "confirmation": "none",
        "shipDate": order.ship_date.map(pacific_day),
        "holdUntilDate": order.hold_until.map(pacific_day),
        "weight": weight(order.weight),
        "dimensions": null,
        "insuranceOptions": { "provider": null, "insureShipment": false, "insuredValue": 0 },
        "internationalOptions": { "contents": null, "customsItems": null, "nonDelivery": null },
        "advancedOptions": {
            "warehouseId": state.options.warehouse.id,
            "nonMachinable": false,
            "saturdayDelivery": false,
            "containsAlcohol": false,
            "mergedOrSplit": order.parts.len() > 1,
            "mergedIds": [],
            "parentId": null,
            "storeId": order.store,
            "customField1": order.custom_fields[0],
            "customField2": order.custom_fields[1],
            "customField3": order.custom_fields[2],
            "source": order.source,
            "billToParty": null,
            "billToAccount": null,
        },
        "tagIds": order.tags,
        "userId": null,
        "externallyFulfilled": state
            .fulfilments
            .values()
            .any(|one| one.order == order.id && one.label.is_none() && one.voided_at.is_none()),
        "externallyFulfilledBy": null,
    })
}

fn line(order: &Order, line: &Line) -> Value {
    json!({
        "orderItemId": line.id,
        "lineItemKey": line.key,
        "sku": line.sku,
        "name": line.name,
        "imageUrl": null,
        "weight": line.weight.map(weight),
        "quantity": line.quantity,
        "unitPrice": number(line.unit_price),
        "taxAmount": number(line.tax),
        "shippingAmount": number(line.shipping),
        "warehouseLocation": null,
        "options": [],
        "productId": null,
        "fulfillmentSku": null,
        "adjustment": false,
        "upc": null,
        "createDate": pacific(order.created_at),
        "modifyDate": pacific(order.modified_at),
    })
}

fn weight(ounces: Decimal) -> Value {
    json!({ "value": number(ounces), "units": "ounces", "WeightUnits": 1 })
}

fn address(address: &Address) -> Value {
    let blank = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
    json!({
        "name": blank(&address.name),
        "company": address.company,
        "street1": address.line(0),
        "street2": address.line(1),
        "street3": address.line(2),
        "city": blank(&address.city),
        "state": blank(&address.state),
        "postalCode": blank(&address.postal_code),
        "country": blank(&address.country),
        "phone": address.phone,
        "residential": address.residential,
        "addressVerified": "Address not yet validated",
    })
}

/// A label: V1's shipment.
pub(super) fn shipment(state: &State, label: &Label, with_items: bool) -> Value {
    let order = state.orders.get(&label.order);
    json!({
        "shipmentId": label.id,
        "orderId": label.order,
        "orderKey": order.map(|order| order.key.clone()),
        "userId": "9c1b5c3e-3f2e-4c7d-8f0e-2a5d1f6b7c8d",
        "customerEmail": order.and_then(|order| order.email.clone()),
        "orderNumber": order.map(|order| order.number.clone()),
        "createDate": pacific(label.created_at),
        "shipDate": pacific_day(label.created_at),
        "shipmentCost": number(label.cost),
        "insuranceCost": 0,
        "trackingNumber": label.tracking_number(),
        "isReturnLabel": label.returns.is_some(),
        "batchNumber": label.batch.to_string(),
        "carrierCode": label.carrier,
        "serviceCode": label.service,
        "packageCode": "package",
        "confirmation": "none",
        "warehouseId": state.options.warehouse.id,
        "voided": label.voided_at.is_some(),
        "voidDate": label.voided_at.map(pacific),
        "marketplaceNotified": true,
        "notifyErrorMessage": null,
        "shipTo": order.map(|order| address(&order.ship_to)),
        "weight": weight(label.packages.iter().map(|package| package.weight).sum()),
        "dimensions": null,
        "insuranceOptions": { "provider": null, "insureShipment": false, "insuredValue": 0 },
        "advancedOptions": {
            "billToParty": null,
            "storeId": order.map(|order| order.store),
            "customField1": order.and_then(|order| order.custom_fields[0].clone()),
            "customField2": order.and_then(|order| order.custom_fields[1].clone()),
            "customField3": order.and_then(|order| order.custom_fields[2].clone()),
        },
        "shipmentItems": order.filter(|_| with_items).map(|order| items(order, &label.takes)),
        "labelData": null,
        "formData": null,
    })
}

fn items(order: &Order, takes: &[(Id, u32)]) -> Vec<Value> {
    let taken = takes.iter().filter_map(|(id, count)| Some((order.line(*id)?, *count)));
    taken
        .map(|(line, count)| {
            json!({
                "orderItemId": line.id,
                "lineItemKey": line.key,
                "sku": line.sku,
                "name": line.name,
                "imageUrl": null,
                "weight": line.weight.map(weight),
                "quantity": count,
                "unitPrice": number(line.unit_price),
                "warehouseLocation": null,
                "options": null,
                "productId": null,
                "fulfillmentSku": null,
            })
        })
        .collect()
}

/// A part shipped with an external tracking number.
pub(super) fn fulfilment(state: &State, one: &Fulfilment) -> Value {
    let order = state.orders.get(&one.order);
    json!({
        "fulfillmentId": one.id,
        "orderId": one.order,
        "orderNumber": order.map(|order| order.number.clone()),
        "userId": "9c1b5c3e-3f2e-4c7d-8f0e-2a5d1f6b7c8d",
        "customerEmail": order.and_then(|order| order.email.clone()),
        "trackingNumber": one.tracking_number,
        "createDate": pacific(one.created_at),
        "shipDate": pacific(one.shipped_at),
        "voidDate": one.voided_at.map(pacific),
        "deliveryDate": one.delivered_at.map(pacific),
        "carrierCode": one.carrier,
        "sellerFillProviderId": null,
        "sellerFillProviderName": null,
        "fulfillmentProviderCode": null,
        "fulfillmentServiceCode": null,
        "fulfillmentFee": 0,
        "voidRequested": one.voided_at.is_some(),
        "voided": one.voided_at.is_some(),
        "marketplaceNotified": one.notify_store,
        "notifyErrorMessage": null,
        "shipTo": order.map(|order| address(&order.ship_to)),
    })
}

/// A customer's profile.
pub(super) fn customer(customer: &Customer) -> Value {
    let of = &customer.address;
    json!({
        "customerId": customer.id,
        "createDate": pacific(customer.created_at),
        "modifyDate": pacific(customer.modified_at),
        "name": of.name,
        "company": of.company,
        "street1": of.line(0),
        "street2": of.line(1),
        "city": of.city,
        "state": of.state,
        "postalCode": of.postal_code,
        "countryCode": of.country,
        "phone": of.phone,
        "email": of.email,
        "addressVerified": "Unverified",
        "marketplaceUsernames": [{
            "customerUserId": customer.id + 1,
            "customerId": customer.id,
            "createDate": pacific(customer.created_at),
            "modifyDate": pacific(customer.modified_at),
            "marketplaceId": 0,
            "marketplace": "ShipStation",
            "username": customer.username,
        }],
        "tags": [],
    })
}
