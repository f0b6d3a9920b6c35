//! What is asked of V1.

use std::collections::HashMap;

use ::http::Method;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::client::{Book, Row, ShipStation, ToldByV1, body, our_store, refused, several_bear, unclear, within};
use super::convert::{self, Holds, List, Place, Pointer, Void, query};
use super::v2::escaped;
use super::wire::v1::{Fulfilment, Order, Page, Shipment};
use crate::domain::{DeskOrder, DeskOrderRef, Despatch, DespatchId, DespatchStanding, Refusal, Stretch};
use crate::http::{self, Call};
use crate::ports::{CallError, DespatchPage, Despatched, GoodsBook, Placed, VoidError};

/// How many shipments a page holds: what is in them comes with them.
const ROWS: &str = "100";

/// How many rows a page holds that is looked through for voids.
const VOID_ROWS: &str = "500";

/// How many orders of one number a page holds.
const ORDERS: &str = "500";

/// No number is borne by more pages of orders, and no more pages of voids are looked through.
const MOST_PAGES: u32 = 20;

/// For how long after its void a label is looked for among those that are void.
const VOIDS: SignedDuration = SignedDuration::from_hours(24 * 90);

/// For how long what was told of an order is believed: as long as the limit's window.
const JUST_NOW: SignedDuration = SignedDuration::from_secs(60);

impl ShipStation {
    // ---- what was shipped ------------------------------------------------------------------------------------------

    pub(super) async fn pointed_to_v1(&self, pointer: &Pointer) -> Result<DespatchPage, CallError> {
        let Some(answer) = self.get_at(pointer).await? else {
            return Ok(DespatchPage::default());
        };
        let page: Page = body(&answer)?;
        let list = match pointer.holds {
            Holds::Fulfilments => List::Fulfilments,
            Holds::Labels | Holds::Label => List::Labels,
        };
        let next = next_page(&page).map(|number| with_page(&pointer.text(), number));
        Ok(DespatchPage {
            despatches: self.told(&rows(page, list)?),
            next,
        })
    }

    pub(super) async fn despatched_v1(&self, asked: Despatched, place: Place) -> Result<DespatchPage, CallError> {
        let (stretch, only_void) = match asked {
            Despatched::Made(stretch) => (stretch, false),
            Despatched::Voided(stretch) => (stretch, true),
        };
        let (from, to) = convert::pacific_stretch(stretch);
        let number = place.page.to_string();
        let mut fields = vec![("createDateStart", from.as_str()), ("createDateEnd", to.as_str())];
        if only_void && place.list == List::Labels {
            // Nothing is voided before it was made. Fulfilments have no such filter.
            fields.push(("voidDateStart", from.as_str()));
        }
        let (operation, path) = match place.list {
            List::Labels => {
                fields.push(("includeShipmentItems", "true"));
                ("shipments", "/shipments")
            }
            List::Fulfilments => ("fulfilments", "/fulfillments"),
        };
        fields.extend([
            ("sortBy", "CreateDate"),
            ("sortDir", "ASC"),
            ("page", number.as_str()),
            ("pageSize", if only_void { VOID_ROWS } else { ROWS }),
        ]);
        let page: Page = body(&self.get(operation, query(path, &fields)).await?)?;
        let is_last = page.pages.is_none_or(|pages| pages <= place.page.into());
        let rows = within(rows(page, place.list)?, stretch)?;
        let is_last = is_last || rows.is_empty();
        let mut despatches = self.told(&rows);
        despatches.retain(|one| !only_void || one.standing == DespatchStanding::Voided);
        Ok(DespatchPage {
            despatches,
            next: place.after(is_last).map(Place::text),
        })
    }

    /// An order that was marked as shipped; where its tracking number is that of a shipment of the same order, it is that one.
    ///
    /// What the flow asks next, other orders of the number and what else was shipped of it, is the same that is asked here.
    pub(super) async fn marked_in_full(&self, told: Despatch) -> Result<Despatch, CallError> {
        let id = told.order.id.as_str();
        if id.is_empty() {
            return Ok(told);
        }
        if let Some(number) = told.shipment.tracking_numbers().next() {
            let shipments = unless_refused(self.shipments_of(id).await)?.unwrap_or_default();
            let same =
                |one: &&Shipment| one.tracking_number.as_deref() == Some(number) && one.is_return_label != Some(true);
            let shipment = shipments.iter().find(same);
            if let Some(label) = shipment.and_then(|one| convert::of_shipment(one, self.currency(), self.now())) {
                return Ok(label);
            }
        }
        if told.standing == DespatchStanding::Voided {
            return Ok(told);
        }
        let number = Some(told.order.number.as_str()).filter(|number| !number.is_empty());
        let Some(order) = self.order_of(id, number).await? else {
            return Ok(told);
        };
        let only = unless_refused(self.is_only_despatch(id, &told.id).await)?.unwrap_or(false);
        Ok(convert::with_order_v1(told, &order, only))
    }

    /// Whether an order was shipped in one piece: then that piece is all of it.
    async fn is_only_despatch(&self, order: &str, told: &DespatchId) -> Result<bool, CallError> {
        let mut alive = self.marked_of(order).await?;
        alive.retain(|one| one.voided != Some(true) && one.void_date.is_none());
        // What was told a moment ago may be older than this one.
        let is_told =
            |one: &Fulfilment| convert::of_v1_fulfilment(one, None, self.now()).is_some_and(|one| one.id == *told);
        if !matches!(alive.as_slice(), [only] if is_told(only)) {
            return Ok(false);
        }
        Ok(!self.shipments_of(order).await?.iter().any(travels))
    }

    /// Everything that was shipped of an order.
    pub(super) async fn rows_of_v1(&self, order: &str) -> Result<Vec<Row>, CallError> {
        let shipments = self.shipments_of(order).await?.into_iter();
        let shipments = shipments.map(|one| Row::Shipment(Box::new(one)));
        let marked = self.marked_of(order).await?.into_iter();
        Ok(shipments.chain(marked.map(|one| Row::Marked(Box::new(one)))).collect())
    }

    /// The shipments of an order, as they were told a moment ago.
    async fn shipments_of(&self, order: &str) -> Result<Vec<Shipment>, CallError> {
        let known = self.seen(|seen| just_told(&seen.told_by_v1.shipments, order, self.now()));
        if let Some(known) = known {
            return Ok(known);
        }
        let mut shipments = self.shipments_by("orderId", order).await?;
        shipments.retain(|one| one.order_id.as_deref() == Some(order));
        let told = (self.now(), shipments.clone());
        self.seen(|seen| seen.told_by_v1.shipments.insert(order.to_owned(), told));
        Ok(shipments)
    }

    /// What of an order was marked as shipped, as it was told a moment ago.
    async fn marked_of(&self, order: &str) -> Result<Vec<Fulfilment>, CallError> {
        let known = self.seen(|seen| just_told(&seen.told_by_v1.marked, order, self.now()));
        if let Some(known) = known {
            return Ok(known);
        }
        let path = query("/fulfillments", &[("orderId", order), ("pageSize", ORDERS)]);
        let page: Page = body(&self.get("fulfilments-of-order", path).await?)?;
        let mut marked = page.fulfillments.unwrap_or_default();
        marked.retain(|one| one.order_id.as_deref() == Some(order));
        let told = (self.now(), marked.clone());
        self.seen(|seen| seen.told_by_v1.marked.insert(order.to_owned(), told));
        Ok(marked)
    }

    /// Every order of a number, as they were told a moment ago. Whoever writes one asks for it anew.
    async fn orders_of(&self, number: &str) -> Result<Vec<Value>, CallError> {
        let known = self.seen(|seen| just_told(&seen.told_by_v1.orders, number, self.now()));
        if let Some(known) = known {
            return Ok(known);
        }
        let orders = self.orders_numbered_v1(number).await?;
        let told = (self.now(), orders.clone());
        self.seen(|seen| seen.told_by_v1.orders.insert(number.to_owned(), told));
        Ok(orders)
    }

    /// An order, found among those of its number, which are asked for anyway.
    async fn order_of(&self, id: &str, number: Option<&str>) -> Result<Option<Order>, CallError> {
        if let Some(number) = number {
            let orders = unless_refused(self.orders_of(number).await)?.unwrap_or_default();
            let own = orders
                .iter()
                .find(|order| text(order, "orderId").as_deref() == Some(id));
            if let Some(order) = own.and_then(|order| serde_json::from_value(order.clone()).ok()) {
                return Ok(Some(order));
            }
        }
        self.order_v1(id).await
    }

    async fn shipments_by(&self, filter: &str, value: &str) -> Result<Vec<Shipment>, CallError> {
        let fields = [(filter, value), ("includeShipmentItems", "true"), ("pageSize", ORDERS)];
        let page: Page = body(&self.get("shipments-by", query("/shipments", &fields)).await?)?;
        Ok(page.shipments.unwrap_or_default())
    }

    async fn order_v1(&self, id: &str) -> Result<Option<Order>, CallError> {
        match self.get_if("order", format!("/orders/{}", escaped(id))).await {
            Ok(answer) => answer.map(|answer| body(&answer)).transpose(),
            Err(CallError::Refused(refusal)) => {
                tracing::warn!(code = refusal.code, "ShipStation does not show an order");
                Ok(None)
            }
            Err(later) => Err(later),
        }
    }

    /// A shipment as it stands now, found among those of its order: that one can be asked for by its id is not documented, and where a
    /// filter is not read, nothing is concluded.
    pub(super) async fn shipment_v1(&self, id: &str, of: Option<&DeskOrderRef>) -> Result<Option<Despatch>, CallError> {
        let order = of.map(|order| order.id.as_str()).filter(|order| !order.is_empty());
        let shipments = match order {
            Some(order) => self.shipments_by("orderId", order).await?,
            None => self.shipments_by("shipmentId", id).await?,
        };
        let own = shipments.iter().find(|one| one.shipment_id.as_deref() == Some(id));
        let all_asked_for = shipments
            .iter()
            .all(|one| order.is_some() && one.order_id.as_deref() == order);
        match own {
            Some(shipment) => Ok(convert::of_shipment(shipment, self.currency(), self.now())),
            None if all_asked_for => Ok(None),
            None => Err(refused(
                "no-look-up",
                "ShipStation's V1 API cannot be asked for one shipment by its id",
            )),
        }
    }

    pub(super) async fn with_number_v1(&self, number: &str) -> Result<Option<Despatch>, CallError> {
        let shipments = self.shipments_by("trackingNumber", number).await?;
        let same = shipments
            .iter()
            .filter(|one| one.tracking_number.as_deref() == Some(number));
        let newest = same.max_by_key(|one| convert::pacific(one.create_date.as_deref()));
        Ok(newest.and_then(|shipment| convert::of_shipment(shipment, self.currency(), self.now())))
    }

    /// A fulfilment as it stands now: what was told of its order before is not believed any more.
    pub(super) async fn marked(&self, id: &str) -> Result<Option<Despatch>, CallError> {
        let page: Page = body(
            &self
                .get("fulfilment", query("/fulfillments", &[("fulfillmentId", id)]))
                .await?,
        )?;
        let mut found = page.fulfillments.unwrap_or_default().into_iter();
        let own = found.find(|one| one.fulfillment_id.as_deref() == Some(id));
        match own.and_then(|own| convert::of_v1_fulfilment(&own, self.currency(), self.now())) {
            Some(told) => {
                self.seen(|seen| seen.told_by_v1 = ToldByV1::default());
                self.marked_in_full(told).await.map(Some)
            }
            None => Ok(None),
        }
    }

    // ---- voids -----------------------------------------------------------------------------------------------------

    /// A label that is void already is among those that are; V1 cannot be asked for one by its id.
    pub(super) async fn void_shipment(&self, id: &str) -> Result<(), VoidError> {
        let Ok(number) = id.parse::<i64>() else {
            let words = format!("{id} is no number of a shipment in ShipStation's V1 API");
            return Err(VoidError::Refused(Refusal::new("despatch", words)));
        };
        match self.is_among_voids(id).await {
            Ok(true) => return Ok(()),
            Ok(false) => {}
            Err(CallError::Later(later)) => return Err(VoidError::Later(later)),
            Err(CallError::Refused(refusal)) => return Err(VoidError::Refused(refusal)),
        }
        let call = Call::new("void", Method::POST, "/shipments/voidlabel").json(&json!({ "shipmentId": number }));
        match http::read(self.send(call).await, convert::envelope) {
            Ok(answer) => match convert::voided(&answer) {
                Void::Done => Ok(()),
                Void::NotDone(refusal) => Err(VoidError::Refused(refusal)),
                Void::Unclear => Err(VoidError::Later(unclear("the answer to the void cannot be read"))),
            },
            Err(CallError::Refused(refusal)) => Err(VoidError::Refused(refusal)),
            Err(CallError::Later(later)) => Err(VoidError::Later(later)),
        }
    }

    async fn is_among_voids(&self, id: &str) -> Result<bool, CallError> {
        let stretch = Stretch {
            from: self.now() - VOIDS,
            to: self.now(),
        };
        let (from, _) = convert::pacific_stretch(stretch);
        for number in 1..=MOST_PAGES {
            let number = number.to_string();
            let fields = [
                ("voidDateStart", from.as_str()),
                ("page", number.as_str()),
                ("pageSize", ORDERS),
            ];
            let page: Page = body(&self.get("voids", query("/shipments", &fields)).await?)?;
            let next = next_page(&page);
            let shipments = page.shipments.unwrap_or_default();
            let void = |one: &Shipment| one.voided == Some(true) || one.void_date.is_some();
            if shipments
                .iter()
                .any(|one| one.shipment_id.as_deref() == Some(id) && void(one))
            {
                return Ok(true);
            }
            // Whatever is not void shows that the filter was not read, and the rest is everything that was ever shipped.
            if next.is_none() || !shipments.iter().all(void) {
                return Ok(false);
            }
        }
        Ok(false)
    }

    // ---- orders ----------------------------------------------------------------------------------------------------

    pub(super) async fn numbered_v1(&self, number: &str) -> Result<Vec<DeskOrderRef>, CallError> {
        let orders = self.orders_of(number).await?;
        Ok(orders.iter().filter_map(said).collect())
    }

    /// Every order that has exactly this number, whole: the filter finds whatever begins with it.
    async fn orders_numbered_v1(&self, number: &str) -> Result<Vec<Value>, CallError> {
        let mut orders = Vec::new();
        for page_number in 1..=MOST_PAGES {
            let text = page_number.to_string();
            let fields = [("orderNumber", number), ("page", text.as_str()), ("pageSize", ORDERS)];
            let page: Page = body(&self.get("orders", query("/orders", &fields)).await?)?;
            let next = next_page(&page);
            let found = page.orders.unwrap_or_default().into_iter();
            orders.extend(found.filter(|order| has_number(order, number)));
            if next.is_none() {
                break;
            }
        }
        Ok(orders)
    }

    pub(super) async fn place_v1(&self, order: &DeskOrder, key: &str, book: Book<'_>) -> Result<Placed, CallError> {
        let mut there = self.orders_numbered_v1(&order.number).await?;
        if let Some(own) = there.iter().find(|one| text(one, "orderKey").as_deref() == Some(key)) {
            return match order.open {
                true => self.change_v1(order, own, true, book).await,
                false => self.cancel_v1(own).await,
            };
        }
        if !order.open {
            return Ok(Placed::Absent);
        }
        there.retain(|order| said(order).is_some_and(|said| self.is_ours(&said)));
        match (there.as_slice(), book) {
            ([], Some(book)) => self.make_v1(order, key, book).await,
            ([], None) => Ok(Placed::Absent),
            // It was made by others: only the customer's part is ours.
            ([one], _) => self.change_v1(order, one, false, None).await,
            (several, _) => Err(several_bear(several.len(), &order.number)),
        }
    }

    async fn change_v1(
        &self,
        order: &DeskOrder,
        there: &Value,
        ours: bool,
        book: Book<'_>,
    ) -> Result<Placed, CallError> {
        let Some(said) = said(there) else {
            return Err(CallError::Later(unclear("the order that stands there cannot be read")));
        };
        if let Some(why) = convert::fixed_v1(text(there, "orderStatus").as_deref()) {
            return Ok(Placed::Fixed(why));
        }
        let stand = convert::lines_v1(there);
        let goods = match book {
            Some(book) => self.goods_v1(order, there, &said, book.are_told(&stand)).await?,
            None => Ok(None),
        };
        // What is said of the customer stands by itself: it is told though the goods cannot be.
        let (items, refused) = match goods {
            Ok(items) => (items, None),
            Err(refusal) => (None, Some(refusal)),
        };
        let book = book.filter(|_| items.is_some());
        let change = convert::change_v1(order, there, ours, items).map_err(CallError::Refused)?;
        if let Some(book) = book {
            book.tell(Some(&stand), &order.goods()).await.map_err(our_store)?;
        }
        if let Some(whole) = &change {
            self.write_v1("change-order", whole).await?;
        }
        match (refused, change) {
            (Some(refusal), _) => Err(CallError::Refused(refusal)),
            (None, None) => Ok(Placed::Same(said)),
            (None, Some(_)) => Ok(Placed::Changed(said)),
        }
    }

    /// The goods that are to be written, or why they stay as they stand.
    async fn goods_v1(
        &self,
        order: &DeskOrder,
        there: &Value,
        said: &DeskOrderRef,
        told: bool,
    ) -> Result<Result<Option<Value>, Refusal>, CallError> {
        if convert::has_goods_v1(order, there) {
            return Ok(Ok(None));
        }
        let shipped = self.under_way_v1(&said.id).await?;
        Ok(convert::goods_v1(order, there, &shipped, told))
    }

    /// The shipments of an order that were not voided.
    async fn under_way_v1(&self, order: &str) -> Result<Vec<Shipment>, CallError> {
        let mut shipped = self.shipments_by("orderId", order).await?;
        shipped.retain(|one| one.order_id.as_deref() == Some(order) && travels(one));
        Ok(shipped)
    }

    async fn make_v1(&self, order: &DeskOrder, key: &str, book: &dyn GoodsBook) -> Result<Placed, CallError> {
        let warehouse = self.account.warehouse.as_deref();
        let request = convert::create_v1(order, key, self.store(), warehouse).map_err(CallError::Refused)?;
        book.tell(None, &order.goods()).await.map_err(our_store)?;
        let made = self.write_v1("make-order", &request).await?;
        let said = said(&made);
        said.map(Placed::Made)
            .ok_or_else(|| CallError::Later(unclear("the answer names no order")))
    }

    /// An order of ours that the ERP has closed is taken away, if nobody has shipped it.
    async fn cancel_v1(&self, there: &Value) -> Result<Placed, CallError> {
        let Some(said) = said(there) else {
            return Err(CallError::Later(unclear("the order that stands there cannot be read")));
        };
        match text(there, "orderStatus").as_deref() {
            Some("cancelled") => return Ok(Placed::Same(said)),
            Some("shipped") => return Ok(Placed::Fixed("it was shipped".to_owned())),
            _ => {}
        }
        if !self.under_way_v1(&said.id).await?.is_empty() {
            return Ok(Placed::Fixed("a part of it was shipped".to_owned()));
        }
        let mut whole = there.as_object().cloned().unwrap_or_default();
        whole.insert("orderStatus".to_owned(), "cancelled".into());
        let whole = convert::as_taken(whole);
        self.write_v1("cancel-order", &whole)
            .await
            .map(|_| Placed::Changed(said))
    }

    async fn write_v1(&self, operation: &'static str, whole: &Value) -> Result<Value, CallError> {
        let call = Call::new(operation, Method::POST, "/orders/createorder").json(whole);
        body(&http::read(self.send(call).await, convert::envelope)?)
    }
}

fn rows(page: Page, list: List) -> Result<Vec<Row>, CallError> {
    let rows = match list {
        List::Labels => page.shipments.map(|all| {
            let each = all.into_iter().map(|one| Row::Shipment(Box::new(one)));
            each.collect::<Vec<_>>()
        }),
        List::Fulfilments => page.fulfillments.map(|all| {
            let each = all.into_iter().map(|one| Row::Marked(Box::new(one)));
            each.collect::<Vec<_>>()
        }),
    };
    rows.ok_or_else(|| CallError::Later(unclear("the answer holds no list")))
}

/// What was told of it, if that was a moment ago.
fn just_told<T: Clone>(told: &HashMap<String, (Timestamp, T)>, of: &str, now: Timestamp) -> Option<T> {
    let (at, what) = told.get(of)?;
    (now.duration_since(*at) < JUST_NOW).then(|| what.clone())
}

/// What is refused tells nothing: one row must not keep all behind it waiting.
fn unless_refused<T>(asked: Result<T, CallError>) -> Result<Option<T>, CallError> {
    match asked {
        Err(CallError::Refused(refusal)) => {
            tracing::warn!(code = refusal.code, "ShipStation refuses to tell of an order");
            Ok(None)
        }
        asked => asked.map(Some),
    }
}

fn travels(shipment: &Shipment) -> bool {
    convert::shipment_standing(shipment) == DespatchStanding::Shipped
}

/// The number of the next page, where there is one.
fn next_page(page: &Page) -> Option<u32> {
    use rust_decimal::prelude::ToPrimitive;
    let (number, pages) = (page.page?, page.pages?);
    (number < pages).then(|| number.to_u32())??.checked_add(1)
}

/// The same address for another page.
fn with_page(url: &str, number: u32) -> String {
    let (path, fields) = url.split_once('?').unwrap_or((url, ""));
    let kept = fields.split('&').filter(|field| !field.is_empty());
    let kept = kept.filter(|field| !field.to_ascii_lowercase().starts_with("page="));
    let page = format!("page={number}");
    let fields: Vec<&str> = kept.chain([page.as_str()]).collect();
    format!("{path}?{}", fields.join("&"))
}

fn text(order: &Value, name: &str) -> Option<String> {
    order.get(name).and_then(super::wire::lenient::read_text)
}

fn has_number(order: &Value, number: &str) -> bool {
    text(order, "orderNumber").as_deref() == Some(number.trim())
}

fn said(order: &Value) -> Option<DeskOrderRef> {
    convert::said_by_v1(&serde_json::from_value(order.clone()).ok()?)
}
