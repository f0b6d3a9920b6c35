//! Finding the invoices of an order, and what they show of its shipments.

use std::collections::BTreeMap;

use serde_json::Value;

use super::client::NetSuite;
use super::convert::{self, Billing, Invoice, Target};
use super::suiteql::{self, BATCH, PAGE};
use super::wire::{DescendantRow, LineRow, Page};
use crate::connection::WriteBackTarget;
use crate::domain::{DocumentId, Refusal};
use crate::ports::{CallError, WriteBack, WriteBackRef, Written};

impl NetSuite {
    /// Where a shipment stands, or is to stand, among the invoices of its order.
    pub(super) async fn find_on_invoice(&self, write_back: &WriteBack<'_>) -> Result<Written, CallError> {
        let Some(order) = self.order_of(&write_back.order.document).await? else {
            return Ok(Written::Nothing);
        };
        let (invoices, lines) = self.invoices(&order.id).await?;
        let numbers: Vec<String> = write_back.shipment.tracking_numbers().map(str::to_owned).collect();
        Ok(
            match convert::billing(&invoices, &lines, write_back.consignment, &numbers) {
                Billing::Shows(invoice) => Written::Whole(place(invoice)),
                Billing::ShowsAPart(invoice) => Written::Partly(place(invoice)),
                Billing::On(invoice) => Written::Place(place(invoice)),
                Billing::NotYet => Written::NotYet(waits_for(&write_back.order.number, &invoices)),
            },
        )
    }

    /// The invoices in force of an order, the oldest first, as their records show them, and the order's own lines.
    async fn invoices(&self, order: &str) -> Result<(Vec<Invoice>, Vec<LineRow>), CallError> {
        let mut rows = self.invoices_of(&[order], None).await?;
        rows.retain(convert::is_in_force);
        let ids = rows.iter().filter_map(|row| row.id.as_deref());
        let ids: Vec<&str> = ids.chain([order]).collect();
        let mut lines = BTreeMap::new();
        for batch in ids.chunks(BATCH) {
            lines.extend(self.lines(batch).await?);
        }
        let mut invoices = Vec::with_capacity(rows.len());
        for row in rows {
            let id = row.id.unwrap_or_default();
            // One that the query still shows and the record service does not was just deleted.
            if let Some(shown) = self.shown_on(&id).await? {
                invoices.push(Invoice {
                    number: row.tranid.unwrap_or_else(|| id.clone()),
                    shown,
                    lines: lines.remove(&id).unwrap_or_default(),
                    id,
                });
            }
        }
        Ok((invoices, lines.remove(order).unwrap_or_default()))
    }

    /// What stands in an invoice's field of tracking numbers; `None` if there is no such invoice.
    async fn shown_on(&self, id: &str) -> Result<Option<Option<String>>, CallError> {
        let path = convert::record_path(Target::Invoice, id).map_err(CallError::Refused)?;
        let field = self.policy.fields.tracking.as_deref().unwrap_or("tranId");
        let record: Option<Value> = self
            .get_if_there("invoice-fields", format!("{path}?fields={field}"))
            .await?;
        Ok(record.map(|record| convert::field_value(&record, field)))
    }

    /// Rows of the invoices of orders, as many pages as it takes.
    async fn invoices_of(&self, orders: &[&str], tracking: Option<&str>) -> Result<Vec<DescendantRow>, CallError> {
        let mut all: Vec<DescendantRow> = Vec::new();
        loop {
            let after = all.last().and_then(|row| row.id.clone());
            let query = suiteql::invoices(orders, tracking, after.as_deref());
            let page: Page<DescendantRow> = self.query(&query, PAGE).await?;
            let more = page.items.len() >= usize::from(PAGE);
            all.extend(page.items);
            if !more || all.last().is_none_or(|row| row.id == after) {
                return Ok(all);
            }
        }
    }

    /// What the invoices of each of these orders show together, where they are written to.
    pub(super) async fn shown_on_invoices(&self, orders: &[&str]) -> Result<BTreeMap<String, String>, CallError> {
        let mut shown: BTreeMap<String, Vec<String>> = BTreeMap::new();
        let field = self.policy.fields.tracking.as_deref();
        let Some(field) = field.filter(|_| self.policy.to == WriteBackTarget::Invoice) else {
            return Ok(BTreeMap::new());
        };
        for batch in orders.chunks(BATCH) {
            let rows = self.invoices_of(batch, Some(field)).await?;
            for row in rows.into_iter().filter(convert::is_in_force) {
                if let (Some(order), Some(text)) = (row.orderid, row.trackingshown) {
                    shown.entry(order).or_default().push(text);
                }
            }
        }
        Ok(shown
            .into_iter()
            .map(|(order, texts)| (order, together(texts)))
            .collect())
    }

    /// The records on which the delivery of parcels is shown; none while there is no such record.
    pub(super) async fn told_on(&self, document: &DocumentId, parcels: &[String]) -> Result<Vec<String>, CallError> {
        let Some(order) = self.order_of(document).await? else {
            return Ok(Vec::new());
        };
        if self.policy.to == WriteBackTarget::Order {
            let path = convert::record_path(Target::Order, &order.id).map_err(CallError::Refused)?;
            return Ok(vec![path]);
        }
        let (invoices, _) = self.invoices(&order.id).await?;
        let telling = invoices.iter().filter(|invoice| invoice.shows_any(parcels));
        let paths: Result<Vec<String>, Refusal> = telling
            .map(|invoice| convert::record_path(Target::Invoice, &invoice.id))
            .collect();
        paths.map_err(CallError::Refused)
    }
}

/// Texts of several fields as one; a field that is full is last, so that it is seen to be.
fn together(mut texts: Vec<String>) -> String {
    texts.sort_by_key(|text| text.ends_with('\u{2026}'));
    texts.join(", ")
}

fn place(invoice: &Invoice) -> WriteBackRef {
    WriteBackRef {
        place: format!("fields of invoice {}", invoice.number),
        id: Some(invoice.id.clone()),
    }
}

/// What a shipment waits for that stands on no invoice yet, and what ends that.
fn waits_for(order: &str, invoices: &[Invoice]) -> String {
    let numbers: Vec<&str> = invoices.iter().map(|invoice| invoice.number.as_str()).collect();
    let why = match numbers.as_slice() {
        [] => format!("NetSuite has none for {order}"),
        numbers => format!(
            "what NetSuite has for {order} ({}) bills other goods or shows other shipments",
            numbers.join(", ")
        ),
    };
    format!("waits for the invoice: {why} yet. It is written within the hour once these goods are billed")
}
