//! Finding the invoices of an order, and what they show of its shipments.
//!
//! NetSuite has no conditional write. An invoice is chosen by what its field shows, that text is held against the field once more
//! right before the write, and the field is read again right after it: whoever was overtaken chooses anew. What remains is the moment
//! between the last look and the write: two shipments that write within it both stand there until the later one has replaced the
//! other, which sees that at its own second look, or, if it looked too early, when a poll or the reconciliation compares.

use std::collections::BTreeMap;

use serde_json::Value;

use super::client::NetSuite;
use super::convert::{self, Billing, Departed, Invoice, Target, numbers_in};
use super::options::Trigger;
use super::suiteql::{self, BATCH, PAGE, Query};
use super::wire::{DescendantRow, LineRow, Page};
use crate::connection::WriteBackTarget;
use crate::domain::{DocumentId, DocumentKind, Refusal};
use crate::ports::{CallError, Together, WriteBack, WriteBackRef, Written};

/// The invoices of an order, and what has left of it.
struct Books {
    invoices: Vec<Invoice>,
    order: Vec<LineRow>,
    fulfilments: Vec<LineRow>,
}

/// Where the delivery of parcels is shown.
#[derive(Debug)]
pub(super) enum ToldOn {
    /// On these records, by their paths.
    Records(Vec<String>),
    /// On none yet.
    NotYet,
    /// On none: the fields that would show them are full.
    NoRoom,
    /// On none: the document is gone.
    Gone,
}

impl NetSuite {
    /// Where a shipment stands, or is to stand, among the invoices of its order.
    pub(super) async fn find_on_invoice(&self, write_back: &WriteBack<'_>) -> Result<Written, CallError> {
        let Some(order) = self.order_of(&write_back.order.document).await? else {
            return Ok(Written::Nothing);
        };
        let books = self.books(&order.id).await?;
        if self.is_missing(suiteql::COSTS) && !books.invoices.is_empty() {
            return Ok(Written::NotYet(format!("waits: {}", convert::COSTS_UNKNOWN)));
        }
        let numbers: Vec<String> = write_back.shipment.tracking_numbers().map(str::to_owned).collect();
        let departed = Departed {
            order: &books.order,
            fulfilments: &books.fulfilments,
        };
        Ok(
            match convert::billing(&books.invoices, departed, write_back.consignment, &numbers) {
                Billing::Shows(invoice) => Written::Whole(place(invoice)),
                Billing::ShowsAPart(invoice) => Written::Partly(place(invoice)),
                Billing::On(invoice) => Written::Place {
                    there: place(invoice),
                    seen: Some(invoice.shown.clone().unwrap_or_default()),
                },
                Billing::NoRoom(invoice) => Written::NoRoom(place(invoice)),
                Billing::NotYet => Written::NotYet(waits_for(&write_back.order.number, &books.invoices)),
            },
        )
    }

    /// The invoices in force of an order, the oldest first, as their records show them, and what has left of it.
    async fn books(&self, order: &str) -> Result<Books, CallError> {
        let mut rows = self.invoices_of(&[order], None).await?;
        rows.retain(convert::is_in_force);
        let fulfilments = self.fulfilments_shipped_early(order).await?;
        let ids = rows.iter().chain(&fulfilments).filter_map(|row| row.id.as_deref());
        let ids: Vec<&str> = ids.chain([order]).collect();
        let mut lines = BTreeMap::new();
        for batch in ids.chunks(BATCH) {
            lines.extend(self.lines(batch).await?);
        }
        let mut invoices = Vec::with_capacity(rows.len());
        for row in rows {
            let id = row.id.unwrap_or_default();
            // One that the query still shows and the record service does not was just deleted.
            if let Some(shown) = self.shown_on(Target::Invoice, &id).await? {
                invoices.push(Invoice {
                    number: row.tranid.unwrap_or_else(|| id.clone()),
                    shown,
                    lines: lines.remove(&id).unwrap_or_default(),
                    id,
                });
            }
        }
        let of_fulfilments = fulfilments.iter().filter_map(|row| lines.remove(row.id.as_ref()?));
        Ok(Books {
            invoices,
            fulfilments: of_fulfilments.flatten().collect(),
            order: lines.remove(order).unwrap_or_default(),
        })
    }

    /// The fulfilments of an order that this connection ships, where it ships some before they are marked as shipped.
    async fn fulfilments_shipped_early(&self, order: &str) -> Result<Vec<DescendantRow>, CallError> {
        let shipping = convert::shipping_statuses(&self.select);
        if self.settings.options.trigger != Trigger::FulfilmentShipped || shipping == ["C"] {
            return Ok(Vec::new());
        }
        let mut rows = self.all(|after| suiteql::fulfilments_of(order, after)).await?;
        rows.retain(|row| {
            let status = convert::status_letter(row.statuscode.as_deref().unwrap_or_default());
            status == "C" || shipping.contains(&status)
        });
        Ok(rows)
    }

    /// What stands in a record's field of tracking numbers; `None` if there is no such record.
    async fn shown_on(&self, target: Target, id: &str) -> Result<Option<Option<String>>, CallError> {
        let path = convert::record_path(target, id).map_err(CallError::Refused)?;
        let field = self.policy.fields.tracking.as_deref().unwrap_or("tranId");
        let operation = match target {
            Target::Order => "order-fields",
            Target::Invoice => "invoice-fields",
        };
        let record: Option<Value> = self.get_if_there(operation, format!("{path}?fields={field}")).await?;
        Ok(record.map(|record| convert::field_value(&record, field)))
    }

    /// Rows of the invoices of orders.
    async fn invoices_of(&self, orders: &[&str], tracking: Option<&str>) -> Result<Vec<DescendantRow>, CallError> {
        self.all(|after| suiteql::invoices(orders, tracking, after)).await
    }

    /// Rows of a query, as many pages as it takes.
    async fn all(&self, query: impl Fn(Option<&str>) -> Query + Send + Sync) -> Result<Vec<DescendantRow>, CallError> {
        let mut all: Vec<DescendantRow> = Vec::new();
        loop {
            let after = all.last().and_then(|row| row.id.clone());
            let page: Page<DescendantRow> = self.query(&query(after.as_deref()), PAGE).await?;
            let more = page.items.len() >= usize::from(PAGE);
            all.extend(page.items);
            if !more || all.last().is_none_or(|row| row.id == after) {
                return Ok(all);
            }
        }
    }

    /// The invoices in force of an order, with what they show.
    async fn showing(&self, order: &str) -> Result<Vec<DescendantRow>, CallError> {
        let mut rows = self
            .invoices_of(&[order], self.policy.fields.tracking.as_deref())
            .await?;
        rows.retain(convert::is_in_force);
        Ok(rows)
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

    /// The parcels that stand on the records that show this one; `None` where an order's own fields show its own parcels.
    pub(super) async fn shown_together(
        &self,
        document: &DocumentId,
        parcel: &str,
    ) -> Result<Option<Together>, CallError> {
        let on_order = self.policy.to == WriteBackTarget::Order;
        let alone = on_order && document.kind != DocumentKind::Fulfilment;
        if alone || self.policy.fields.tracking.is_none() {
            return Ok(None);
        }
        let Some(order) = self.order_of(document).await? else {
            return Ok(None);
        };
        let texts = match on_order {
            true => vec![self.shown_on(Target::Order, &order.id).await?.flatten()],
            false => {
                let rows = self.showing(&order.id).await?;
                rows.into_iter().map(|row| row.trackingshown).collect()
            }
        };
        let fields = texts.iter().map(|text| numbers_in(text.as_deref()));
        let showing = fields.filter(|numbers| on_order || numbers.iter().any(|number| number == parcel));
        Ok(Some(Together {
            whole: DocumentId::sales_order(order.id),
            parcels: showing.flatten().collect(),
        }))
    }

    /// The records on which the delivery of parcels is shown.
    pub(super) async fn told_on(&self, document: &DocumentId, parcels: &[String]) -> Result<ToldOn, CallError> {
        let Some(order) = self.order_of(document).await? else {
            return Ok(ToldOn::Gone);
        };
        if self.policy.to == WriteBackTarget::Order {
            let path = convert::record_path(Target::Order, &order.id).map_err(CallError::Refused)?;
            return Ok(ToldOn::Records(vec![path]));
        }
        let rows = self.showing(&order.id).await?;
        let full = rows.iter().any(|row| convert::is_full(row.trackingshown.as_deref()));
        let shows = |row: &&DescendantRow| {
            let shown = numbers_in(row.trackingshown.as_deref());
            parcels.iter().any(|parcel| shown.contains(parcel))
        };
        let ids = rows.iter().filter(shows).filter_map(|row| row.id.as_deref());
        let paths: Result<Vec<String>, Refusal> = ids.map(|id| convert::record_path(Target::Invoice, id)).collect();
        Ok(match paths.map_err(CallError::Refused)? {
            none if none.is_empty() && full => ToldOn::NoRoom,
            none if none.is_empty() => ToldOn::NotYet,
            paths => ToldOn::Records(paths),
        })
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
