//! Reading orders: which have changed, and how one stands with its lines and flexfields.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::DateTime;
use jiff::tz::Offset;
use jiff::{SignedDuration, Timestamp};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::client::{Fusion, unreadable};
use super::convert::{self, Change, Facts, key};
use super::options::Level;
use super::query;
use super::wire::{Distribution, Line, Page, PurchaseOrder, Schedule, Segments};
use crate::domain::{DocumentId, DocumentKind, Order};
use crate::ports::{CallError, DocumentHead, Scan};

/// The most rows of a flexfield: there is one for each context.
const ROWS: u16 = 25;

/// Everything that an order's lines hold.
const WHOLE: &str = "lines.schedules.distributions";

impl Fusion {
    /// Orders that changed, by their key: pages of an offset would skip rows while orders change. Cancelled and closed ones
    /// are not among them; whoever waits for those reads them by itself.
    pub(super) async fn heads(&self, scan: &Scan) -> Result<Vec<DocumentHead>, CallError> {
        let options = &self.settings.options;
        let mut heads: BTreeMap<i64, DocumentHead> = BTreeMap::new();
        let mut after = scan.after.clone();
        while heads.len() < usize::from(scan.limit) {
            let wanted = usize::from(scan.limit) - heads.len();
            let limit = options.page.min(u16::try_from(wanted).unwrap_or(options.page));
            let query = query::window(scan.since, after.as_deref(), &self.select, options);
            let page = self.heads_of(&query.map_err(CallError::Refused)?, limit).await?;
            let known = heads.len();
            heads.extend(page.items.iter().filter_map(|row| head(row, scan)));
            let newest = heads.keys().next_back().map(ToString::to_string);
            if !page.has_more(limit) || heads.len() == known || newest == after {
                break;
            }
            after = newest;
        }
        Ok(heads.into_values().take(usize::from(scan.limit)).collect())
    }

    async fn heads_of(&self, query: &str, limit: u16) -> Result<Page<PurchaseOrder>, CallError> {
        let path = query::path(
            &self.resource("purchaseOrders"),
            &[
                ("q", query),
                ("fields", "POHeaderId,OrderNumber,LastUpdateDate,StatusCode"),
                ("orderBy", "POHeaderId:asc"),
                ("limit", &limit.to_string()),
            ],
        );
        self.page("orders-changed", path).await
    }

    /// The ids of the orders that a filter finds.
    pub(super) async fn ids(&self, query: &str) -> Result<Vec<DocumentId>, CallError> {
        let page = self.heads_of(query, self.settings.options.page).await?;
        let ids = page.items.iter().filter_map(|row| query::id(row.id.as_deref()?).ok());
        Ok(ids.map(|id| DocumentId::purchase_order(id.to_string())).collect())
    }

    /// An order as it stands now; nothing where it does not exist.
    pub(super) async fn read_one(&self, document: &DocumentId) -> Result<Option<Order>, CallError> {
        let Some(id) = query::id(&document.id)
            .ok()
            .filter(|_| document.kind == DocumentKind::PurchaseOrder)
        else {
            return Ok(None);
        };
        let filter = format!("POHeaderId = {id}");
        let parameters = [("q", filter.as_str()), ("expand", WHOLE), ("limit", "1")];
        let path = query::path(&self.resource("purchaseOrders"), &parameters);
        let page: Page<Segments> = self.page("order", path).await?;
        let Some(attributes) = page.items.into_iter().next() else {
            return Ok(None);
        };
        let row: PurchaseOrder =
            serde_json::from_value(Value::Object(attributes.clone())).map_err(|_| unreadable("order"))?;
        let row = self.completed(&self.resource("purchaseOrders"), row).await?;
        let (flex, schedule_flex) = self.flexfields("purchaseOrders", &row).await?;
        let (found, supplier_unseen) = self.supplier(&row).await?;
        let facts = Facts {
            order: &row,
            attributes: &attributes,
            flex: &flex,
            schedule_flex: &schedule_flex,
            supplier: found.as_ref(),
            supplier_unseen: supplier_unseen.as_deref(),
            account_suppliers: &self.account_suppliers,
            selected: self.is_selected(id).await?,
        };
        let lookups = self.lookups(&facts).await?;
        let tracking = self.policy.fields.tracking.as_deref();
        let options = &self.settings.options;
        let mut order = convert::order(&facts, &lookups, &self.select, options, tracking);
        if let (Some(order), Some(field), Change::Waiting) = (&mut order, tracking, convert::state(&row)) {
            let waiting = self.tracking_that_waits(&facts, field).await?;
            order.tracking_shown = convert::joined(order.tracking_shown.as_deref(), waiting.as_deref());
        }
        Ok(order)
    }

    /// The tracking numbers of a change order that waits for approval: nobody has changed our field, they are not in force yet.
    async fn tracking_that_waits(&self, facts: &Facts<'_>, field: &str) -> Result<Option<String>, CallError> {
        let id = facts.order.id.as_deref().unwrap_or_default();
        let Some(draft) = convert::most_urgent(self.rows(&self.drafts(), id).await?) else {
            return Ok(None);
        };
        let draft = self.completed(&self.drafts(), draft).await?;
        let (flex, schedule_flex) = self.flexfields("draftPurchaseOrders", &draft).await?;
        let facts = Facts {
            order: &draft,
            flex: &flex,
            schedule_flex: &schedule_flex,
            ..*facts
        };
        Ok(convert::tracking_of(&facts, field, self.settings.options.flex_level))
    }

    /// Whether the order meets the connection's own condition.
    async fn is_selected(&self, id: i64) -> Result<bool, CallError> {
        match &self.select.condition {
            Some(condition) => Ok(!self.ids(&query::selected(id, condition)).await?.is_empty()),
            None => Ok(true),
        }
    }

    /// The order with all of its children: of many only the first come along.
    pub(super) async fn completed(&self, resource: &str, mut row: PurchaseOrder) -> Result<PurchaseOrder, CallError> {
        let Some(own) = key(&row.links, row.id.as_deref()) else {
            return Ok(row);
        };
        let path = format!("{resource}/{own}/child/lines");
        if row.lines.has_more {
            row.lines.items = self.children::<Line>(&path, "schedules.distributions").await?;
        }
        for line in &mut row.lines.items {
            let Some(own) = key(&line.links, line.id.as_deref()) else {
                continue;
            };
            let path = format!("{path}/{own}/child/schedules");
            if line.schedules.has_more {
                line.schedules.items = self.children::<Schedule>(&path, "distributions").await?;
            }
            for schedule in line
                .schedules
                .items
                .iter_mut()
                .filter(|schedule| schedule.distributions.has_more)
            {
                let Some(own) = key(&schedule.links, schedule.id.as_deref()) else {
                    continue;
                };
                let path = format!("{path}/{own}/child/distributions");
                schedule.distributions.items = self.children::<Distribution>(&path, "").await?;
            }
        }
        Ok(row)
    }

    /// All children of an item, page by page.
    pub(super) async fn children<T: DeserializeOwned>(&self, path: &str, expand: &str) -> Result<Vec<T>, CallError> {
        let limit = self.settings.options.page;
        let (mut all, mut seen) = (Vec::new(), BTreeSet::new());
        loop {
            let (count, limit_text) = (all.len().to_string(), limit.to_string());
            let mut parameters = vec![("limit", limit_text.as_str()), ("offset", count.as_str())];
            if !expand.is_empty() {
                parameters.push(("expand", expand));
            }
            let page: Page<Value> = self.page("children", query::path(path, &parameters)).await?;
            let more = page.has_more(limit);
            // A pod that does not know offsets gives the first page for ever.
            let fresh: Vec<Value> = page
                .items
                .into_iter()
                .filter(|item| seen.insert(item.to_string()))
                .collect();
            let grown = !fresh.is_empty();
            for item in fresh {
                all.push(serde_json::from_value(item).map_err(|_| unreadable("children"))?);
            }
            if !(more && grown) {
                return Ok(all);
            }
        }
    }

    // ---- flexfields ----------------------------------------------------------------------------------------------

    /// The flexfields that somebody asks for: the order's own, and at the level of schedules those of each.
    async fn flexfields(
        &self,
        resource: &str,
        row: &PurchaseOrder,
    ) -> Result<(Segments, BTreeMap<String, Segments>), CallError> {
        let tracking = self.policy.fields.tracking.is_some();
        let rules = self.select.fields().next().is_some();
        let by_schedule = self.settings.options.flex_level == Level::Schedule && (tracking || rules);
        let mut of_schedules = BTreeMap::new();
        let Some(own) = key(&row.links, row.id.as_deref()).filter(|_| tracking || rules) else {
            return Ok((Segments::new(), of_schedules));
        };
        let path = format!("{}/{own}", self.resource(resource));
        let of_order = match !by_schedule || rules {
            true => self.segments(&path, &row.flex.items).await?,
            false => Segments::new(),
        };
        for line in row.lines.items.iter().filter(|_| by_schedule) {
            for schedule in &line.schedules.items {
                let keys = key(&line.links, line.id.as_deref()).zip(key(&schedule.links, schedule.id.as_deref()));
                if let (Some((line, below)), Some(id)) = (keys, schedule.id.clone()) {
                    let path = format!("{path}/child/lines/{line}/child/schedules/{below}");
                    of_schedules.insert(id, self.segments(&path, &schedule.flex.items).await?);
                }
            }
        }
        Ok((of_order, of_schedules))
    }

    async fn segments(&self, owner: &str, along: &[Segments]) -> Result<Segments, CallError> {
        let rows = match along {
            [] => self.flex_rows(&format!("{owner}/child/DFF")).await?,
            rows => rows.to_vec(),
        };
        let context = self.settings.options.flex_context.as_deref();
        Ok(convert::row_of(&rows, context).cloned().unwrap_or_default())
    }

    /// The rows of a flexfield. There is no way to get one of them by itself.
    pub(super) async fn flex_rows(&self, path: &str) -> Result<Vec<Segments>, CallError> {
        let path = query::path(path, &[("limit", &ROWS.to_string())]);
        let page: Page<Segments> = self.page("flexfields", path).await?;
        Ok(page.items)
    }
}

/// When a row was modified. Without an offset it may be the time of any zone: it is taken for the earliest.
fn moment(text: &str) -> Option<Timestamp> {
    let local = || {
        let utc = Offset::UTC
            .to_timestamp(text.replace(' ', "T").parse::<DateTime>().ok()?)
            .ok()?;
        utc.checked_sub(SignedDuration::from_hours(24)).ok()
    };
    text.parse().ok().or_else(local)
}

fn head(row: &PurchaseOrder, scan: &Scan) -> Option<(i64, DocumentHead)> {
    let id = query::id(row.id.as_deref()?).ok()?;
    let modified = row.modified.as_deref().and_then(moment);
    let head = DocumentHead {
        document: DocumentId::purchase_order(id.to_string()),
        modified: modified.unwrap_or(scan.since),
    };
    Some((id, head))
}
