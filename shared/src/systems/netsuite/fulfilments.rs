//! Reading what people have marked as shipped: item fulfilments by id, with their orders, lines and addresses.

use std::collections::{BTreeMap, BTreeSet};

use super::client::NetSuite;
use super::convert::{self, Facts};
use super::options::Trigger;
use super::recent::Reading;
use super::suiteql::{self, BATCH, FULFILMENT_OPTIONAL, PAGE};
use super::wire::{DescendantRow, HeadRow, ItemFulfillment, LineRow, OrderRow, Page, SalesOrder};
use crate::connection::WriteBackTarget;
use crate::domain::{DocumentId, DocumentKind, Order, Standing};
use crate::ports::CallError;

impl NetSuite {
    /// The fulfilments as they stand now; one that somebody has deleted is cancelled.
    pub(super) async fn read_fulfilments(&self, documents: &[DocumentId]) -> Result<Vec<Order>, CallError> {
        let ids: Vec<&str> = documents.iter().map(|document| document.id.as_str()).collect();
        let mut orders = Vec::with_capacity(ids.len());
        for batch in ids.chunks(BATCH) {
            orders.extend(self.read_fulfilment_batch(batch).await?);
        }
        for document in documents {
            let seen = orders.iter().any(|order| order.document == *document);
            if !seen && self.is_deleted(document).await? {
                orders.push(convert::deleted(document));
            }
        }
        if self.settings.options.trigger != Trigger::FulfilmentShipped {
            let why = "this connection ships orders, not the fulfilments that people make (erp.trigger)";
            orders.iter_mut().for_each(|order| keep_waiting(order, why));
        }
        Ok(orders)
    }

    async fn read_fulfilment_batch(&self, ids: &[&str]) -> Result<Vec<Order>, CallError> {
        let on_order = self.policy.to == WriteBackTarget::Order;
        let tracking = self.policy.fields.tracking.as_deref().filter(|_| on_order);
        let rows: Page<OrderRow> = self
            .query_known(&FULFILMENT_OPTIONAL, |missing| {
                suiteql::fulfilment_rows(ids, tracking, missing)
            })
            .await?;
        let rows = rows.items;
        let of_orders: BTreeSet<&str> = rows.iter().filter_map(|row| row.orderid.as_deref()).collect();
        let of_orders: Vec<&str> = of_orders.into_iter().collect();
        let mut lines = self.lines(ids).await?;
        let priced = self.lines_of(&of_orders).await?;
        let selected = self.selected_fulfilments(ids).await?;
        let (customers, shown) = (self.customers(&rows).await?, self.shown_on_invoices(&of_orders).await?);
        let mut orders = Vec::with_capacity(rows.len());
        for row in &rows {
            let id = row.id.clone().unwrap_or_default();
            let record = match convert::is_without_address(row) {
                true => self.fulfilment_record(&id).await?,
                false => None,
            };
            let lines = lines.remove(&id).unwrap_or_default();
            self.just_read.note(ids, &id, || Reading {
                items: convert::identity(&lines),
                shown: tracking.map(|_| row.trackingshown.clone()),
            });
            let facts = Facts {
                row,
                lines: &lines,
                customer: row.entity.as_ref().and_then(|entity| customers.get(entity)),
                record: record.as_ref(),
                selected: selected.as_ref().is_none_or(|selected| selected.contains(&id)),
            };
            let order_id = row.orderid.clone().unwrap_or_default();
            let prices = convert::prices(priced.get(&order_id).map_or(&[], Vec::as_slice));
            let mut order = convert::fulfilment(&facts, &self.select, &prices);
            if let (Some(order), Some(text)) = (&mut order, shown.get(&order_id)) {
                order.tracking_shown = Some(text.clone());
            }
            if let (Some(order), Some(why)) = (&mut order, self.counted_twice(&lines, true)) {
                keep_waiting(order, why);
            }
            orders.extend(order);
        }
        Ok(orders)
    }

    async fn lines_of(&self, orders: &[&str]) -> Result<BTreeMap<String, Vec<LineRow>>, CallError> {
        let mut lines = BTreeMap::new();
        for batch in orders.chunks(BATCH) {
            lines.extend(self.lines(batch).await?);
        }
        Ok(lines)
    }

    /// The fulfilments whose order the connection's own condition selects; `None` where there is no condition.
    async fn selected_fulfilments(&self, ids: &[&str]) -> Result<Option<BTreeSet<String>>, CallError> {
        let Some(condition) = &self.select.condition else {
            return Ok(None);
        };
        let query = suiteql::selected_fulfilments(ids, condition);
        let page: Page<HeadRow> = self.query(&query, PAGE).await?;
        Ok(Some(page.items.into_iter().filter_map(|row| row.id).collect()))
    }

    /// A fulfilment's record, of which only the address is read.
    async fn fulfilment_record(&self, id: &str) -> Result<Option<SalesOrder>, CallError> {
        let path = fulfilment_path(id);
        self.get_if_there("item-fulfilment", format!("{path}?expandSubResources=true"))
            .await
    }

    /// Whether a fulfilment that no query shows is gone, and not merely hidden from us.
    async fn is_deleted(&self, document: &DocumentId) -> Result<bool, CallError> {
        if document.id.is_empty() || !document.id.bytes().all(|byte| byte.is_ascii_digit()) {
            return Ok(false);
        }
        let path = format!("{}?fields=shipStatus", fulfilment_path(&document.id));
        let record: Option<ItemFulfillment> = self.get_if_there("item-fulfilment", path).await?;
        Ok(record.is_none())
    }

    /// The order on which the problem of a fulfilment stands that somebody has deleted since.
    pub(super) async fn still_flagged(&self, document: &DocumentId, field: &str) -> Result<Option<OrderOf>, CallError> {
        let query = suiteql::saying(field, &convert::problem_mark(document));
        let page: Page<HeadRow> = self.query(&query, 1).await?;
        let row = page.items.into_iter().next();
        Ok(row.and_then(|row| {
            Some(OrderOf {
                id: row.id?,
                fulfilment: Some(String::new()),
            })
        }))
    }

    /// The order that a document belongs to, and under which number the document is known; `None` if it does not exist.
    pub(super) async fn order_of(&self, document: &DocumentId) -> Result<Option<OrderOf>, CallError> {
        if document.kind != DocumentKind::Fulfilment {
            return Ok(Some(OrderOf {
                id: document.id.clone(),
                fulfilment: None,
            }));
        }
        let page: Page<DescendantRow> = self.query(&suiteql::made_from(&document.id), 1).await?;
        let row = page.items.into_iter().next();
        Ok(row.and_then(|row| {
            Some(OrderOf {
                id: row.orderid?,
                fulfilment: row.tranid.or(row.id),
            })
        }))
    }
}

/// The order of a document.
#[derive(Debug)]
pub(super) struct OrderOf {
    /// Its internal id.
    pub(super) id: String,
    /// The number of the fulfilment, where the document is one.
    pub(super) fulfilment: Option<String>,
}

/// What this connection does not ship waits, unless it has ended.
pub(super) fn keep_waiting(order: &mut Order, why: &str) {
    if order.standing == Standing::Ready {
        order.standing = Standing::Waiting(why.to_owned());
    }
}

fn fulfilment_path(id: &str) -> String {
    format!("/services/rest/record/v1/itemFulfillment/{id}")
}
