//! What is asked of V2.

use ::http::Method;
use serde_json::Value;

use super::client::{Book, Row, ShipStation, body, our_store, refused, several_bear, unclear, within};
use super::convert::{self, Holds, List, Place, Pointer, Void, query};
use super::wire::v2::{Label, Order, Page};
use crate::domain::{
    CarrierShipmentId, DeskOrder, DeskOrderRef, Despatch, DespatchId, DespatchStanding, Level, Refusal,
};
use crate::http::{self, Answer, Call};
use crate::ports::{CallError, DespatchPage, Despatched, GoodsBook, Placed, ShippingDesk, VoidError};

/// How many rows a page holds: each of them may cost a call for its order, and is told again where such a call meets the limit.
const ROWS: &str = "25";

/// How many rows a page holds that is looked through for voids.
const VOID_ROWS: &str = "100";

/// How many orders of one number a page holds.
const ORDERS: &str = "100";

/// No number is borne by more pages of orders.
const MOST_PAGES: u32 = 20;

impl ShipStation {
    // ---- what was shipped ------------------------------------------------------------------------------------------

    pub(super) async fn pointed_to_v2(&self, pointer: &Pointer) -> Result<DespatchPage, CallError> {
        let Some(answer) = self.get_at(pointer).await? else {
            return Ok(DespatchPage::default());
        };
        if pointer.holds == Holds::Label {
            let rows = [Row::Label(Box::new(body(&answer)?))];
            return Ok(DespatchPage {
                despatches: self.told(&rows),
                next: None,
            });
        }
        let page: Page = body(&answer)?;
        let list = match pointer.holds {
            Holds::Fulfilments => List::Fulfilments,
            Holds::Labels | Holds::Label => List::Labels,
        };
        let next = page.links.as_ref().and_then(|links| links.next.as_ref()?.href.clone());
        Ok(DespatchPage {
            despatches: self.told(&self.rows_v2(page, list)?),
            next,
        })
    }

    pub(super) async fn despatched_v2(&self, asked: Despatched, place: Place) -> Result<DespatchPage, CallError> {
        let (stretch, only_void) = match asked {
            Despatched::Made(stretch) => (stretch, false),
            Despatched::Voided(stretch) => (stretch, true),
        };
        let (from, to) = convert::utc_stretch(stretch);
        let number = place.page.to_string();
        let mut fields = match place.list {
            List::Labels => vec![("created_at_start", from.as_str()), ("created_at_end", to.as_str())],
            List::Fulfilments => vec![("create_date_start", from.as_str()), ("create_date_end", to.as_str())],
        };
        if only_void && place.list == List::Labels {
            fields.push(("label_status", "voided"));
        }
        fields.extend([
            ("sort_by", "created_at"),
            ("sort_dir", "asc"),
            ("page", number.as_str()),
            ("page_size", if only_void { VOID_ROWS } else { ROWS }),
        ]);
        let (operation, path) = match place.list {
            List::Labels => ("labels", "/v2/labels"),
            List::Fulfilments => ("fulfilments", "/v2/fulfillments"),
        };
        let page: Page = body(&self.get(operation, query(path, &fields)).await?)?;
        let is_last = is_last(&page, place.page);
        let rows = within(self.rows_v2(page, place.list)?, stretch)?;
        let is_last = is_last || rows.is_empty();
        let mut despatches = self.told(&rows);
        despatches.retain(|one| !only_void || one.standing == DespatchStanding::Voided);
        Ok(DespatchPage {
            despatches,
            next: place.after(is_last).map(Place::text),
        })
    }

    /// The rows of a page. What is wrong with a part of it is told and does not hide the rest; without any it is a refusal.
    fn rows_v2(&self, page: Page, list: List) -> Result<Vec<Row>, CallError> {
        let fault = convert::page_fault(&page);
        let rows: Option<Vec<Row>> = match list {
            List::Labels => page.labels.map(|labels| {
                labels.iter().for_each(|label| self.remember(label));
                labels.into_iter().map(|label| Row::Label(Box::new(label))).collect()
            }),
            List::Fulfilments => page.fulfillments.map(|fulfilments| {
                let rows = fulfilments.into_iter();
                rows.map(|fulfilment| Row::Fulfilment(Box::new(fulfilment))).collect()
            }),
        };
        match (rows, fault) {
            (Some(rows), None) => Ok(rows),
            (Some(rows), Some(fault)) if !rows.is_empty() => {
                tracing::warn!(
                    code = fault.code,
                    "a list of ShipStation's says that a part of it is wrong"
                );
                Ok(rows)
            }
            (_, Some(fault)) => Err(CallError::Refused(fault)),
            (None, None) => Err(CallError::Later(unclear("the answer holds no list"))),
        }
    }

    /// Everything that was shipped of an order.
    pub(super) async fn rows_of_v2(&self, order: &str) -> Result<Vec<Row>, CallError> {
        let fields = [("shipment_id", order), ("page_size", ORDERS)];
        let mut rows = Vec::new();
        for (operation, path, list) in [
            ("labels-of-order", "/v2/labels", List::Labels),
            ("fulfilments-of-order", "/v2/fulfillments", List::Fulfilments),
        ] {
            let page: Page = body(&self.get(operation, query(path, &fields)).await?)?;
            rows.extend(self.rows_v2(page, list)?);
        }
        rows.retain(|row| row.order() == Some(order));
        Ok(rows)
    }

    fn remember(&self, label: &Label) {
        for number in numbers(label) {
            self.seen(|seen| {
                let known = seen.labels.entry(number.to_owned()).or_default();
                known.retain(|known| known.label_id != label.label_id);
                known.push(label.clone());
            });
        }
    }

    /// A label with what is in it. The order is only asked for where something travels, and the label does not say it all.
    pub(super) async fn label_in_full(&self, told: Despatch) -> Result<Despatch, CallError> {
        let is_all_told = !told.order.number.is_empty() && told.lines.is_some();
        if is_all_told || told.standing != DespatchStanding::Shipped {
            return Ok(told);
        }
        self.with_its_order(told).await
    }

    async fn with_its_order(&self, told: Despatch) -> Result<Despatch, CallError> {
        if told.order.id.is_empty() {
            return Ok(told);
        }
        Ok(match self.order(&told.order.id).await? {
            Some(order) => convert::with_order(told, &order),
            None => told,
        })
    }

    /// A part of an order that was marked as shipped; where its tracking number is a label's of the same order, it is that label.
    pub(super) async fn fulfilment_in_full(&self, told: Despatch) -> Result<Despatch, CallError> {
        if let Some(number) = told.shipment.tracking_numbers().next() {
            let labels = self.joined_by(number).await?;
            let outbound = labels.iter().filter(|label| label.is_return_label != Some(true));
            let mut labels = outbound.filter_map(|label| convert::of_label(label, self.now()));
            if let Some(label) = labels.find(|label| label.order.id == told.order.id) {
                return self.label_in_full(label).await;
            }
        }
        match told.standing {
            DespatchStanding::Voided => Ok(told),
            _ => self.with_its_order(told).await,
        }
    }

    /// Labels with a number that a merchant may have typed. What is refused joins nothing: one row must not keep all behind it waiting.
    async fn joined_by(&self, typed: &str) -> Result<Vec<Label>, CallError> {
        match self.with_tracking_number(typed).await {
            Err(CallError::Refused(refusal)) => {
                tracing::warn!(code = refusal.code, "ShipStation refuses to look for a tracking number");
                Ok(Vec::new())
            }
            asked => asked,
        }
    }

    /// An order, asked for once in a piece of work. One that may not be seen is as good as none: the despatch says so.
    async fn order(&self, id: &str) -> Result<Option<Order>, CallError> {
        if let Some(known) = self.seen(|seen| seen.orders.get(id).cloned()) {
            return Ok(known);
        }
        let order = match self.get_if("order", format!("/v2/shipments/{}", escaped(id))).await {
            Ok(answer) => answer.map(|answer| body::<Order>(&answer)).transpose()?,
            Err(CallError::Refused(refusal)) => {
                tracing::warn!(code = refusal.code, "ShipStation does not show an order");
                None
            }
            Err(later) => return Err(later),
        };
        self.seen(|seen| seen.orders.insert(id.to_owned(), order.clone()));
        Ok(order)
    }

    /// Every label with this tracking number.
    pub(super) async fn with_tracking_number(&self, number: &str) -> Result<Vec<Label>, CallError> {
        if let Some(known) = self.seen(|seen| seen.labels.get(number).cloned()) {
            return Ok(known);
        }
        let path = query("/v2/labels", &[("tracking_number", number), ("page_size", ROWS)]);
        let page: Page = body(&self.get("labels-by-number", path).await?)?;
        let mut labels = page.labels.unwrap_or_default();
        labels.retain(|label| numbers(label).any(|known| known == number));
        self.seen(|seen| seen.labels.insert(number.to_owned(), labels.clone()));
        Ok(labels)
    }

    /// A label as it stands now.
    pub(super) async fn label(&self, id: &str) -> Result<Option<Despatch>, CallError> {
        match self.label_now(id).await? {
            Some(label) => self.all_of_label(&label).await,
            None => Ok(None),
        }
    }

    async fn all_of_label(&self, label: &Label) -> Result<Option<Despatch>, CallError> {
        match convert::of_label(label, self.now()) {
            Some(told) => self.label_in_full(told).await.map(Some),
            None => Ok(None),
        }
    }

    async fn label_now(&self, id: &str) -> Result<Option<Label>, CallError> {
        let answer = self.get_if("label", format!("/v2/labels/{}", escaped(id))).await?;
        answer.map(|answer| body(&answer)).transpose()
    }

    /// A fulfilment as it stands now.
    pub(super) async fn fulfilment(&self, id: &str) -> Result<Option<Despatch>, CallError> {
        let path = query("/v2/fulfillments", &[("fulfillment_id", id)]);
        let page: Page = body(&self.get("fulfilment", path).await?)?;
        let mut found = page.fulfillments.unwrap_or_default().into_iter();
        let own = found.find(|one| one.fulfillment_id.as_deref() == Some(id));
        match own.and_then(|own| convert::of_v2_fulfilment(&own, self.now())) {
            Some(told) => self.fulfilment_in_full(told).await.map(Some),
            None => Ok(None),
        }
    }

    /// The despatch that a tracking number belongs to.
    pub(super) async fn with_number(&self, number: &str) -> Result<Option<Despatch>, CallError> {
        let number = convert::legal_number(number).map_err(CallError::Refused)?;
        if self.account.api == super::account::Api::V1 {
            return self.with_number_v1(&number).await;
        }
        let labels = self.with_tracking_number(&number).await?;
        let newest = labels
            .iter()
            .max_by_key(|label| convert::utc(label.created_at.as_deref()));
        match newest {
            Some(label) => self.all_of_label(label).await,
            None => Ok(None),
        }
    }

    // ---- voids -----------------------------------------------------------------------------------------------------

    pub(super) async fn void_label(&self, id: &str) -> Result<(), VoidError> {
        match self.is_void(id).await {
            Ok(Some(true)) => return Ok(()),
            Ok(Some(false)) => {}
            Ok(None) => {
                let words = format!("ShipStation knows no label {id}");
                return Err(VoidError::Refused(Refusal::new("no-label", words)));
            }
            Err(CallError::Later(later)) => return Err(VoidError::Later(later)),
            Err(CallError::Refused(refusal)) => return Err(VoidError::Refused(refusal)),
        }
        let call = Call::new("void", Method::PUT, format!("/v2/labels/{}/void", escaped(id)));
        let refusal = match http::read(self.send(call).await, convert::envelope) {
            Ok(answer) => match convert::voided(&answer) {
                Void::Done => return Ok(()),
                Void::NotDone(refusal) => refusal,
                Void::Unclear => return Err(VoidError::Later(unclear("the answer to the void cannot be read"))),
            },
            Err(CallError::Refused(refusal)) => refusal,
            Err(CallError::Later(later)) => return Err(VoidError::Later(later)),
        };
        // Somebody may have voided it in between.
        match self.is_void(id).await {
            Ok(Some(true)) => Ok(()),
            Ok(_) | Err(CallError::Refused(_)) => Err(VoidError::Refused(refusal)),
            Err(CallError::Later(later)) => Err(VoidError::Later(later)),
        }
    }

    async fn is_void(&self, id: &str) -> Result<Option<bool>, CallError> {
        let label = self.label_now(id).await?;
        Ok(
            label
                .map(|label| convert::label_standing(&label) == DespatchStanding::Voided || label.voided == Some(true)),
        )
    }

    /// A fulfilment has no label: it is taken back where it was entered, and may have been.
    pub(super) async fn void_fulfilment(&self, id: &CarrierShipmentId) -> Result<(), VoidError> {
        match self.despatch(&DespatchId::new(id.as_str()), None).await {
            Ok(Some(despatch)) if despatch.standing == DespatchStanding::Voided => Ok(()),
            Err(CallError::Later(later)) => Err(VoidError::Later(later)),
            Ok(_) | Err(CallError::Refused(_)) => Err(VoidError::Refused(Refusal::new(
                "no-label",
                "the order was marked as shipped in ShipStation with a tracking number of its own, so that there is no label to \
                 void: take that back in ShipStation, and void the label where it was bought",
            ))),
        }
    }

    // ---- orders ----------------------------------------------------------------------------------------------------

    pub(super) async fn numbered_v2(&self, number: &str) -> Result<Vec<DeskOrderRef>, CallError> {
        let orders = self.orders_numbered(number).await?;
        let read = |order: &Value| convert::said_by_v2(&serde_json::from_value(order.clone()).ok()?);
        Ok(orders.iter().filter_map(read).collect())
    }

    /// Every order that has exactly this number, whole.
    async fn orders_numbered(&self, number: &str) -> Result<Vec<Value>, CallError> {
        let mut orders = Vec::new();
        for number_of_page in 1..=MOST_PAGES {
            let text = number_of_page.to_string();
            let fields = [
                ("shipment_number", number),
                ("page", text.as_str()),
                ("page_size", ORDERS),
            ];
            let page: Page = body(&self.get("orders", query("/v2/shipments", &fields)).await?)?;
            let is_last = is_last(&page, number_of_page);
            if let (None, Some(fault)) = (&page.shipments, convert::page_fault(&page)) {
                return Err(CallError::Refused(fault));
            }
            let found = page.shipments.unwrap_or_default();
            let is_last = is_last || found.is_empty();
            orders.extend(found.into_iter().filter(|order| has_number(order, number)));
            if is_last {
                break;
            }
        }
        Ok(orders)
    }

    async fn order_keyed(&self, key: &str) -> Result<Option<Value>, CallError> {
        let path = format!("/v2/shipments/external_shipment_id/{}", escaped(key));
        let answer = self.get_if("order-by-key", path).await?;
        let order: Option<Value> = answer.map(|answer| body(&answer)).transpose()?;
        Ok(order.filter(Value::is_object))
    }

    pub(super) async fn place_v2(&self, order: &DeskOrder, key: &str, book: Book<'_>) -> Result<Placed, CallError> {
        if let Some(there) = self.order_keyed(key).await? {
            must_have_number(&there, &order.number)?;
            return match order.open {
                true => self.change_v2(order, &there, book).await,
                false => self.cancel_v2(&there).await,
            };
        }
        if !order.open {
            return Ok(Placed::Absent);
        }
        let mut there = self.orders_numbered(&order.number).await?;
        there.retain(|order| said(order).is_some_and(|said| self.is_ours(&said)));
        match (there.as_slice(), book) {
            ([], Some(book)) => self.make_v2(order, key, book).await,
            ([], None) => Ok(Placed::Absent),
            // It was made by others: only the customer's part is ours.
            ([one], _) => self.change_v2(order, one, None).await,
            (several, _) => Err(several_bear(several.len(), &order.number)),
        }
    }

    async fn change_v2(&self, order: &DeskOrder, there: &Value, book: Book<'_>) -> Result<Placed, CallError> {
        let Some(said) = said(there) else {
            return Err(CallError::Later(unclear("the order that stands there cannot be read")));
        };
        if let Some(why) = convert::fixed_v2(status(there)) {
            return Ok(Placed::Fixed(why));
        }
        let customer = convert::change_v2(order, there).map_err(CallError::Refused)?;
        // What is said of the customer stands by itself: it is told though the goods cannot be.
        let placed = match &customer {
            Some(change) => self.write_v2(&said, change).await?,
            None => Placed::Same(said.clone()),
        };
        let Some(book) = book.filter(|_| !matches!(placed, Placed::Fixed(_))) else {
            return Ok(placed);
        };
        let stand = convert::lines_v2(there);
        let goods = convert::goods_v2(order, there, book.are_told(&stand)).map_err(CallError::Refused)?;
        let Some(change) = goods else { return Ok(placed) };
        book.tell(Some(&stand), &order.goods()).await.map_err(our_store)?;
        self.write_v2(&said, &change).await
    }

    async fn write_v2(&self, said: &DeskOrderRef, change: &Value) -> Result<Placed, CallError> {
        let path = format!("/v2/shipments/{}", escaped(&said.id));
        let call = Call::new("change-order", Method::PUT, path).json(change);
        match http::read(self.send(call).await, convert::envelope) {
            Ok(answer) => match error_within(&answer) {
                Some(error) => Err(error),
                None => Ok(Placed::Changed(said.clone())),
            },
            // It was labelled in between.
            Err(CallError::Refused(refusal)) if refusal.code == "invalid_status" => {
                Ok(Placed::Fixed(format!("ShipStation changes it no more: {refusal}")))
            }
            Err(error) => Err(error),
        }
    }

    async fn make_v2(&self, order: &DeskOrder, key: &str, book: &dyn GoodsBook) -> Result<Placed, CallError> {
        let warehouse = self.warehouse().await?;
        let request = convert::create_v2(order, key, self.store(), &warehouse).map_err(CallError::Refused)?;
        book.tell(None, &order.goods()).await.map_err(our_store)?;
        let call = Call::new("make-order", Method::POST, "/v2/shipments").json(&request);
        let refusal = match http::read(self.send(call).await, convert::envelope) {
            Ok(answer) => match convert::created_v2(&answer) {
                Some(Ok(made)) => {
                    let said = convert::said_by_v2(&made);
                    return said
                        .map(Placed::Made)
                        .ok_or_else(|| CallError::Later(unclear("the answer names no order")));
                }
                Some(Err(CallError::Refused(refusal))) => refusal,
                Some(Err(later)) => return Err(later),
                None => return Err(CallError::Later(unclear("the answer to a new order cannot be read"))),
            },
            Err(CallError::Refused(refusal)) => refusal,
            Err(later) => return Err(later),
        };
        // Another try of ours may have made it, whose answer was lost.
        match self.order_keyed(key).await? {
            Some(there) => {
                must_have_number(&there, &order.number)?;
                self.change_v2(order, &there, Some(book)).await
            }
            None => Err(CallError::Refused(refusal)),
        }
    }

    /// An order of ours that the ERP has closed is taken away, if nobody has shipped it.
    async fn cancel_v2(&self, there: &Value) -> Result<Placed, CallError> {
        let Some(said) = said(there) else {
            return Err(CallError::Later(unclear("the order that stands there cannot be read")));
        };
        match status(there) {
            Some("cancelled") => return Ok(Placed::Same(said)),
            Some("label_purchased") => return Ok(Placed::Fixed("its label was bought".to_owned())),
            _ => {}
        }
        let path = format!("/v2/shipments/{}/cancel", escaped(&said.id));
        let answer = self.send(Call::new("cancel-order", Method::PUT, path)).await;
        match http::read(answer, convert::envelope) {
            Ok(_) => Ok(Placed::Changed(said)),
            Err(CallError::Refused(refusal)) => Ok(Placed::Fixed(format!("ShipStation does not cancel it: {refusal}"))),
            Err(later) => Err(later),
        }
    }

    /// The ship-from warehouse of orders that are made: the connection's, else the account's default.
    pub(super) async fn warehouse(&self) -> Result<String, CallError> {
        if let Some(named) = &self.account.warehouse {
            return Ok(named.clone());
        }
        if let Some(known) = self.seen(|seen| seen.warehouse.clone()) {
            return Ok(known);
        }
        let list: Value = body(&self.get("warehouses", "/v2/warehouses".to_owned()).await?)?;
        let warehouses = list.get("warehouses").and_then(Value::as_array);
        let default = warehouses
            .into_iter()
            .flatten()
            .find(|one| one.get("is_default").and_then(Value::as_bool) == Some(true));
        let id = default
            .and_then(|one| one.get("warehouse_id")?.as_str())
            .ok_or_else(|| {
                refused(
                    "warehouse",
                    "ShipStation has no default ship-from warehouse: name one as carrier.warehouse",
                )
            })?;
        self.seen(|seen| seen.warehouse = Some(id.to_owned()));
        Ok(id.to_owned())
    }

    // ---- stock -----------------------------------------------------------------------------------------------------

    pub(super) async fn set_on_hand_v2(&self, level: &Level, place: &str) -> Result<(), CallError> {
        let body = convert::adjustment(level, place).map_err(CallError::Refused)?;
        let call = Call::new("stock", Method::POST, "/v2/inventory").json(&body);
        match http::read(self.send(call).await, convert::envelope) {
            Ok(answer) => match error_within(&answer) {
                Some(CallError::Refused(fault)) => Err(CallError::Refused(convert::refused(fault))),
                Some(later) => Err(later),
                // Mostly there is no body at all.
                None => Ok(()),
            },
            Err(CallError::Refused(refusal)) => Err(CallError::Refused(convert::refused(refusal))),
            Err(later) => Err(later),
        }
    }
}

/// Each tracking number of a label.
fn numbers(label: &Label) -> impl Iterator<Item = &str> {
    let others = label.packages.iter().map(|package| &package.tracking_number);
    std::iter::once(&label.tracking_number)
        .chain(others)
        .flatten()
        .map(String::as_str)
}

/// Whether a page is the last, as far as it says.
fn is_last(page: &Page, number: u32) -> bool {
    match page.pages {
        Some(pages) => pages <= number.into(),
        None => page
            .links
            .as_ref()
            .and_then(|links| links.next.as_ref()?.href.as_ref())
            .is_none(),
    }
}

fn has_number(order: &Value, number: &str) -> bool {
    order.get("shipment_number").and_then(Value::as_str).map(str::trim) == Some(number.trim())
}

/// What a success says is wrong with it.
fn error_within(answer: &Answer) -> Option<CallError> {
    convert::page_error(&serde_json::from_slice(&answer.body).ok()?)
}

/// Our key alone does not make an order ours.
fn must_have_number(order: &Value, number: &str) -> Result<(), CallError> {
    if has_number(order, number) {
        return Ok(());
    }
    let words = format!(
        "the order that has the key of {number} in ShipStation bears another number, and is left alone: give it its number back there, \
         or cancel it"
    );
    Err(refused("another-number", &words))
}

fn status(order: &Value) -> Option<&str> {
    order.get("shipment_status").and_then(Value::as_str)
}

fn said(order: &Value) -> Option<DeskOrderRef> {
    convert::said_by_v2(&serde_json::from_value(order.clone()).ok()?)
}

/// A part of a path.
pub(super) fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => escaped.push(byte.into()),
            other => escaped.push_str(&format!("%{other:02X}")),
        }
    }
    escaped
}
