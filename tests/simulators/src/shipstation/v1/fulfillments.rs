//! `/fulfillments`: what was shipped with an external tracking number, and only that.

use axum::extract::State as Shared;

use super::super::ShipStation;
use super::super::answer::Reply;
use super::super::asked::Asked;
use super::super::model::Fulfilment;
use super::shape;

/// `GET /fulfillments`.
pub(super) async fn list(Shared(shipstation): Shared<ShipStation>, asked: Asked) -> Reply {
    let seen = asked.seen_until(shipstation.now());
    let state = shipstation.state();
    let created = asked.span("createDateStart", "createDateEnd")?;
    let shipped = asked.span("shipDateStart", "shipDateEnd")?;
    let (order, own) = (asked.id("orderId")?, asked.id("fulfillmentId")?);
    let by_ship_date = asked.one_of("sortBy", &["ShipDate", "CreateDate"])?;
    let by_ship_date = by_ship_date.is_some_and(|word| word.eq_ignore_ascii_case("ShipDate"));
    let wanted = |one: &&Fulfilment| {
        one.label.is_none()
            && one.created_at <= seen
            && created.has(one.created_at)
            && shipped.has(one.shipped_at)
            && order.is_none_or(|id| id == one.order)
            && own.is_none_or(|id| id == one.id)
            && asked.is("trackingNumber", &one.tracking_number)
            && state.orders.get(&one.order).is_some_and(|order| {
                asked.text("orderNumber").is_none_or(|number| number == order.number)
                    && asked.within("recipientName", &order.ship_to.name)
            })
    };
    let mut found: Vec<&Fulfilment> = state.fulfilments.values().filter(wanted).collect();
    found.sort_by_key(|one| (if by_ship_date { one.shipped_at } else { one.created_at }, one.id));
    if asked.descends(false)? {
        found.reverse();
    }
    let shaped = |one: &&Fulfilment| shape::fulfilment(&state, one);
    asked.v1_page("fulfillments", state.options.largest_page, &found, shaped)
}
