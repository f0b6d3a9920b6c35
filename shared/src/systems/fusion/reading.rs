//! Reading orders and what they refer to.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{MutexGuard, PoisonError};

use jiff::civil::DateTime;
use jiff::tz::Offset;
use jiff::{SignedDuration, Timestamp};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::client::{Fusion, Seen, unreadable};
use super::convert::{self, Change, Facts, ItemKey, Known, Lookups, PlaceKey, key};
use super::options::Level;
use super::query;
use super::wire::{Distribution, Item, Line, Page, PurchaseOrder, Schedule, Segments, Supplier};
use crate::domain::{Address, DocumentId, DocumentKind, Order, Refusal, Standing};
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
    async fn children<T: DeserializeOwned>(&self, path: &str, expand: &str) -> Result<Vec<T>, CallError> {
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

    // ---- what orders refer to ------------------------------------------------------------------------------------

    pub(super) fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What the schedules refer to, closed ones included: what was shipped of them is compared with what they say later.
    async fn lookups(&self, facts: &Facts<'_>) -> Result<Lookups, CallError> {
        let options = &self.settings.options;
        let mut lookups = Lookups::default();
        if facts.standing(&self.select, options) == Standing::Cancelled {
            return Ok(lookups);
        }
        for line in &facts.order.lines.items {
            for schedule in &line.schedules.items {
                if let Some(key) = convert::place_key(schedule) {
                    lookups.places.insert(key.clone(), self.location(&key).await?);
                }
                if let Some(key) = convert::item_key(line, schedule, options) {
                    lookups.items.insert(key.clone(), self.item(&key).await?);
                }
            }
        }
        if let Some(code) = facts.order.bill_to.clone() {
            let key = PlaceKey {
                id: None,
                code: Some(code),
            };
            if let Known::There(address) = self.location(&key).await? {
                lookups.bill_to = Some(address);
            }
        }
        if self.from_supplier {
            let address = |supplier| convert::address_of_supplier(supplier, facts.order);
            lookups.supplier = facts.supplier.and_then(address);
        }
        Ok(lookups)
    }

    /// A location's address, by the connection's own table first.
    pub(super) async fn location(&self, key: &PlaceKey) -> Result<Known<Address>, CallError> {
        let options = &self.settings.options;
        if let Some(address) = key.code.as_ref().and_then(|code| options.location_map.get(code)) {
            return Ok(Known::There(address.clone()));
        }
        if !options.ask_locations {
            return Ok(Known::Missing);
        }
        if let Some(known) = self.seen().places.get(key).cloned() {
            return Ok(known);
        }
        let by_id = key.id.as_deref().and_then(|id| query::id(id).ok());
        let by_id = by_id.map(|id| format!("LocationId = {id}"));
        let by_code = key
            .code
            .as_deref()
            .and_then(|code| query::equals("LocationCode", code).ok());
        let mut found = Known::Missing;
        // Where the id is known the code is asked for only in a pod that does not let locations be found by their id.
        for filter in by_id.into_iter().chain(by_code) {
            found = self.ask_location(&filter, key).await?;
            if !matches!(found, Known::Refused(_)) {
                break;
            }
        }
        self.seen().places.insert(key.clone(), found.clone());
        Ok(found)
    }

    async fn ask_location(&self, filter: &str, key: &PlaceKey) -> Result<Known<Address>, CallError> {
        let asked = [("q", filter), ("limit", "5"), ("expand", "addresses")];
        let path = |parameters: &[(&str, &str)]| query::path(&self.hcm_resource("locationsV2"), parameters);
        let mut rows: Known<Vec<Value>> = known(self.page("location", path(&asked)).await)?;
        // Where addresses are no child, the location itself has them, and may not be asked for children.
        if matches!(rows, Known::Refused(_)) {
            rows = known(self.page("location", path(&[("q", filter), ("limit", "5")])).await)?;
        }
        Ok(match rows {
            Known::There(rows) => {
                let row = convert::location_of(&rows, key).and_then(convert::address_of_location);
                row.map_or(Known::Missing, Known::There)
            }
            Known::Missing => Known::Missing,
            Known::Refused(why) => Known::Refused(why),
        })
    }

    /// An item in an organization.
    pub(super) async fn item(&self, key: &ItemKey) -> Result<Known<Item>, CallError> {
        if let Some(known) = self.seen().items.get(key).cloned() {
            return Ok(known);
        }
        let (attribute, organization) = &key.organization;
        let of_organization = match *attribute {
            "OrganizationId" => query::id(organization).map(|id| format!("OrganizationId = {id}")),
            code => query::equals(code, organization),
        };
        let filter =
            query::equals("ItemNumber", &key.number).and_then(|item| Ok(format!("{item} and {}", of_organization?)));
        let known = match filter {
            Ok(filter) => self.ask_item(&filter).await?,
            Err(_) => Known::Missing,
        };
        self.seen().items.insert(key.clone(), known.clone());
        Ok(known)
    }

    /// Asks for a few attributes of the many; a pod that does not know all of them is asked for those that all know.
    async fn ask_item(&self, filter: &str) -> Result<Known<Item>, CallError> {
        let path = |fields: &str| {
            let parameters = [("q", filter), ("fields", fields), ("limit", "1")];
            query::path(&self.resource("itemsV2"), &parameters)
        };
        let mut page: Result<Page<Item>, CallError> = self.page("item", path(ITEM)).await;
        if matches!(page, Err(CallError::Refused(_))) {
            page = self.page("item", path(ITEM_EVERYWHERE)).await;
        }
        Ok(match known(page)? {
            Known::There(items) => items.into_iter().next().map_or(Known::Missing, Known::There),
            Known::Missing => Known::Missing,
            Known::Refused(why) => Known::Refused(why),
        })
    }

    /// The order's supplier, where goods leave it, or rules and accounts may name its number; or why it cannot be seen. Without
    /// the privilege to see suppliers the order is still read.
    async fn supplier(&self, order: &PurchaseOrder) -> Result<(Option<Supplier>, Option<String>), CallError> {
        let id = order.supplier_id.as_deref().and_then(|id| query::id(id).ok());
        let Some(id) = id.filter(|_| self.asks_suppliers()) else {
            return Ok((None, None));
        };
        let held = self.seen().suppliers.get(&id.to_string()).cloned();
        let known = match held {
            Some(known) => known,
            None => {
                let found = self.ask_supplier(id).await?;
                self.seen().suppliers.insert(id.to_string(), found.clone());
                found
            }
        };
        Ok(match known {
            Known::There(supplier) => (Some(supplier), None),
            Known::Missing => (None, Some("it is not to be seen".to_owned())),
            Known::Refused(why) => (None, Some(why)),
        })
    }

    /// Whether anything of the connection asks for suppliers.
    pub(super) fn asks_suppliers(&self) -> bool {
        let by_rule = self.select.rules.iter().any(|rule| !rule.supplier.is_empty());
        self.from_supplier || by_rule || !self.account_suppliers.is_empty()
    }

    async fn ask_supplier(&self, id: i64) -> Result<Known<Supplier>, CallError> {
        let filter = format!("SupplierId = {id}");
        let mut parameters = vec![("q", filter.as_str()), ("limit", "1")];
        if self.from_supplier {
            parameters.push(("expand", "addresses,sites"));
        }
        let path = query::path(&self.resource("suppliers"), &parameters);
        Ok(match known(self.page::<Supplier>("supplier", path).await)? {
            Known::There(rows) => match rows.into_iter().next() {
                Some(supplier) => Known::There(self.whole_supplier(supplier).await?),
                None => Known::Missing,
            },
            Known::Missing => Known::Missing,
            Known::Refused(why) => {
                tracing::warn!(account = self.account, why, "suppliers cannot be read");
                Known::Refused(why)
            }
        })
    }

    /// A supplier with all of its addresses and sites: of many only the first come along.
    async fn whole_supplier(&self, mut supplier: Supplier) -> Result<Supplier, CallError> {
        let Some(own) = key(&supplier.links, supplier.id.as_deref()) else {
            return Ok(supplier);
        };
        let path = format!("{}/{own}/child", self.resource("suppliers"));
        if supplier.addresses.has_more {
            supplier.addresses.items = self.children(&format!("{path}/addresses"), "").await?;
        }
        if supplier.sites.has_more {
            supplier.sites.items = self.children(&format!("{path}/sites"), "").await?;
        }
        Ok(supplier)
    }
}

const ITEM: &str = "ItemId,ItemNumber,UnitWeightQuantity,WeightUOMValue,WeightUOMCode,UnitLengthQuantity,\
                    UnitWidthQuantity,UnitHeightQuantity,DimensionUOMValue,PrimaryUOMValue";

const ITEM_EVERYWHERE: &str = "ItemId,ItemNumber,UnitWeightQuantity,WeightUOMValue";

/// What a look-up came to: a refusal is a finding, an obstacle is none.
fn known<T>(page: Result<Page<T>, CallError>) -> Result<Known<Vec<T>>, CallError> {
    match page {
        Ok(page) if page.items.is_empty() => Ok(Known::Missing),
        Ok(page) => Ok(Known::There(page.items)),
        Err(CallError::Refused(refusal)) => Ok(Known::Refused(code(&refusal))),
        Err(error) => Err(error),
    }
}

/// A refusal's code: its words may name what people did not mean to show.
fn code(refusal: &Refusal) -> String {
    refusal.code.clone()
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
