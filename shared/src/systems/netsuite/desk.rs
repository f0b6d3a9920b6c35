//! NetSuite as whoever ships at a desk needs it: which order a desk's order means, what lies where, whose open orders changed, and a
//! fulfilment taken away again.
//!
//! Quirks that shape the code:
//! - Stock stands in `aggregateItemLocation`, a row for each item in each place. An item that nobody has counted there has no
//!   quantity; so has every item where the role may not see quantities, and the two must not be mistaken for each other.
//! - A change of a customer does not change its orders, and one of an account above does not change the customers below it.
//! - Kits have no stock of their own. Of assemblies the account counts what was built, which is told unless the connection says otherwise;
//!   how many more could be built is not among it.
//! - The key of an order that we made at a desk names the account beside the order, and is believed only together with the order's
//!   number: a desk may serve several accounts, and a copy of an account has the same internal ids.
//! - The same number may stand on orders of several subsidiaries: of several, those that the connection's own condition selects.

use std::collections::BTreeSet;

use async_trait::async_trait;
use http::Method;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value};

use super::account;
use super::check::{finding, permission};
use super::client::{NetSuite, patch};
use super::convert::{self, Entities, Target};
use super::options::Trigger;
use super::suiteql::desk::{self as queries, ACCOUNTS_ABOVE, ENTITY_OPTIONAL, HEAD_OPTIONAL};
use super::suiteql::{BATCH, PAGE};
use super::wire::{BilledRow, EntityRow, HeadRow, KindRow, LevelRow, MadeFulfilment, NamedRow, OpenRow, Page};
use super::zone;
use crate::connection::{
    Connection, CustomersPolicy, DeskPolicy, NamedBy, StockMeasure, StockPolicy, VoidedAtDesk, WriteBackTarget,
};
use crate::domain::{
    DeskOrder, DeskOrderRef, DocumentId, DocumentKind, JobId, Level, LevelKey, Order, Refusal, Shipment,
};
use crate::http::Call;
use crate::ports::{
    CallError, DeskSource, Finding, Later, MAKES_NOTHING, Meant, Obstacle, OpenOrders, OrderSource as _,
};

/// How far back orders are looked for that only look like what is meant.
const ALIKE_SINCE: SignedDuration = SignedDuration::from_hours(24 * 180);

/// How many of them are compared.
const ALIKE: u16 = 25;

/// The most digits of an internal id.
const LONGEST_ID: usize = 15;

/// How many open orders are looked at at once.
const OPEN: u16 = 100;

/// What a connection says of the desk at which people ship.
#[derive(Debug, Clone, Default)]
pub(super) struct Desk {
    policy: Option<DeskPolicy>,
    stock: Option<StockPolicy>,
    customers: Option<CustomersPolicy>,
}

impl Desk {
    pub(super) fn of(connection: &Connection) -> Self {
        Self {
            policy: connection.desk.clone(),
            stock: connection.stock.clone(),
            customers: connection.customers.clone(),
        }
    }

    fn named_by(&self) -> &[NamedBy] {
        self.policy.as_ref().map_or(&[], |policy| &policy.named_by)
    }

    /// What is told of stock, with the places in NetSuite's own ids.
    fn stock(&self) -> Result<(&StockPolicy, Vec<&str>), Refusal> {
        let malformed = |words: String| Refusal::new("connection-malformed", words);
        let Some(stock) = &self.stock else {
            return Err(malformed("this connection tells nothing of stock".to_owned()));
        };
        let places: Vec<&str> = stock.places.keys().map(|place| place.as_str()).collect();
        if places.is_empty() {
            return Err(malformed("stock.places names no location".to_owned()));
        }
        if let Some(wrong) = places.iter().find(|place| !is_id(place)) {
            let words =
                format!("stock.places: {wrong:?} is not the internal id of a location, which is a whole number");
            return Err(malformed(words));
        }
        if let Some(wrong) = stock.condition.as_deref().and_then(account::wrong_condition) {
            let words = format!("stock.condition: {wrong}; it is one SuiteQL condition on the item i");
            return Err(malformed(words));
        }
        Ok((stock, places))
    }

    fn measure(&self) -> StockMeasure {
        self.stock.as_ref().map(|stock| stock.measure).unwrap_or_default()
    }
}

/// Whether a text is an internal id, and not too long to be one.
fn is_id(text: &str) -> bool {
    !text.is_empty() && text.len() <= LONGEST_ID && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// What can be done about a refusal.
fn advised(error: CallError, advice: &str) -> CallError {
    match error {
        CallError::Refused(refusal) => {
            let words = format!("{}: {advice}", refusal.message);
            CallError::Refused(Refusal::new(refusal.code, words))
        }
        later @ CallError::Later(_) => later,
    }
}

const STOCK_ADVICE: &str = "give the integration's role Lists > Items (View) and Lists > Locations (View), and see whether \
                            stock.condition is a SuiteQL condition on the item i";

const CUSTOMER_ADVICE: &str = "give the integration's role Lists > Customers (View)";

// ---- which order is meant ----------------------------------------------------------------------------------------

impl NetSuite {
    async fn named(&self, by: NamedBy, order: &DeskOrderRef) -> Result<Vec<Meant>, CallError> {
        let number = order.number.trim();
        let (column, words) = match by {
            NamedBy::Number => ("tranid", "its number"),
            NamedBy::ExternalId => ("externalid", "its external id"),
            NamedBy::CustomerReference => ("otherrefnum", "the customer's own number"),
        };
        // A key names one order; a number, wherever it is written, may belong to orders of several stores.
        let key = order.key.as_deref().map(str::trim);
        if let Some(key) = key.filter(|key| by == NamedBy::ExternalId && !key.is_empty() && *key != number) {
            let page: Page<NamedRow> = self.query(&queries::orders_named(column, &[key]), PAGE).await?;
            let found = convert::surely_meant(page.items, words);
            if !found.is_empty() {
                return Ok(found);
            }
        }
        if number.is_empty() {
            return Ok(Vec::new());
        }
        let page: Page<NamedRow> = self.query(&queries::orders_named(column, &[number]), PAGE).await?;
        if by == NamedBy::Number && page.items.is_empty() {
            let page: Page<NamedRow> = self.query(&queries::orders_numbered(number), PAGE).await?;
            return Ok(convert::meant(page.items, words));
        }
        Ok(convert::meant(page.items, words))
    }

    /// Of several, those that the connection's own condition selects, if there are any.
    async fn narrowed(&self, found: Vec<Meant>) -> Result<Vec<Meant>, CallError> {
        if found.len() < 2 || self.select.condition.is_none() {
            return Ok(found);
        }
        let ids: Vec<&str> = found.iter().take(BATCH).map(|one| one.document.id.as_str()).collect();
        let selected = self.selected(&ids).await?.unwrap_or_default();
        let kept: Vec<Meant> = found
            .iter()
            .filter(|one| selected.contains(&one.document.id))
            .cloned()
            .collect();
        Ok(if kept.is_empty() { found } else { kept })
    }
}

// ---- stock -------------------------------------------------------------------------------------------------------

impl NetSuite {
    async fn level_page(&self, after: Option<(u64, u64)>, limit: u16) -> Result<(Vec<Level>, bool), CallError> {
        let (stock, places) = self.desk.stock().map_err(CallError::Refused)?;
        let query = queries::levels(&places, stock, after);
        let page: Result<Page<LevelRow>, CallError> = self.query(&query, limit).await;
        let page = page.map_err(|error| advised(error, STOCK_ADVICE))?;
        self.must_show_quantities(&page.items, stock.measure).await?;
        let levels: Result<Vec<Level>, Refusal> = page.items.iter().map(convert::level).collect();
        let more = page.has_more || page.items.len() >= usize::from(limit);
        Ok((levels.map_err(CallError::Refused)?, more))
    }

    /// Rows without any quantity are of items that nobody has counted, or of a role that may not see quantities. What is not shown
    /// must never be told as nothing.
    async fn must_show_quantities(&self, rows: &[LevelRow], measure: StockMeasure) -> Result<(), CallError> {
        if rows.is_empty() || rows.iter().any(|row| row.quantity.is_some()) {
            return Ok(());
        }
        let page: Page<HeadRow> = self.query(&queries::any_quantity(measure), 1).await?;
        if page.items.iter().any(|row| row.id.is_some()) {
            return Ok(());
        }
        let words = format!(
            "NetSuite shows items and no {} of any: {STOCK_ADVICE}",
            queries::measured(measure)
        );
        Err(CallError::Refused(Refusal::new("no-quantities-visible", words)))
    }
}

// ---- customers ---------------------------------------------------------------------------------------------------

impl NetSuite {
    async fn open_rows(&self, since: &str, after: Option<&str>, limit: u16) -> Result<(Vec<OpenRow>, bool), CallError> {
        let condition = self.select.condition.as_deref();
        let page: Result<Page<OpenRow>, CallError> = self
            .page_known(&HEAD_OPTIONAL, limit, |missing| {
                queries::open_orders(since, after, condition, self.makes_desk_orders(), missing)
            })
            .await;
        let page = page.map_err(|error| advised(error, CUSTOMER_ADVICE))?;
        let more = page.has_more || page.items.len() >= usize::from(limit);
        Ok((page.items, more))
    }

    /// Whether open orders are made at the desk: then those that end are taken away there.
    fn makes_desk_orders(&self) -> bool {
        self.desk
            .customers
            .as_ref()
            .is_some_and(|customers| customers.make_orders)
    }

    /// Customers and the accounts above them.
    async fn entities(&self, ids: BTreeSet<String>) -> Result<Entities, CallError> {
        let fields = self.desk.customers.as_ref().map(|customers| &customers.fields);
        let own = fields
            .map(convert::own_fields)
            .transpose()
            .map_err(CallError::Refused)?
            .unwrap_or_default();
        let (mut entities, mut wanted) = (Entities::new(), ids);
        for _ in 0..=ACCOUNTS_ABOVE {
            let ids: Vec<&str> = wanted.iter().map(String::as_str).collect();
            let mut found: Vec<EntityRow> = Vec::new();
            for batch in ids.chunks(BATCH) {
                let page: Result<Page<EntityRow>, CallError> = self
                    .query_known(&ENTITY_OPTIONAL, |missing| queries::entities(batch, &own, missing))
                    .await;
                found.extend(page.map_err(|error| customers_unreadable(error, &own))?.items);
            }
            let above: BTreeSet<String> = found.iter().filter_map(convert::parent).collect();
            entities.extend(found.into_iter().filter_map(convert::by_id));
            wanted = above.into_iter().filter(|id| !entities.contains_key(id)).collect();
            if wanted.is_empty() {
                break;
            }
        }
        Ok(entities)
    }

    /// The orders of these rows with their customers, in the order of the rows.
    async fn desk_orders(
        &self,
        rows: &[OpenRow],
        zone: &TimeZone,
        since: Timestamp,
    ) -> Result<Vec<DeskOrder>, CallError> {
        let ids = rows.iter().filter_map(|row| row.id.clone());
        let documents: Vec<DocumentId> = ids.map(DocumentId::sales_order).collect();
        let mut orders: Vec<Order> = self.read(&documents).await?;
        let customers: BTreeSet<String> = rows.iter().filter_map(|row| row.entity.clone()).collect();
        let entities = self.entities(customers.clone()).await?;
        if !customers.is_empty() && customers.iter().all(|id| !entities.contains_key(id)) {
            // They may all be projects, which are no customers; a role that sees no customer at all is another matter.
            self.any_customer().await?;
        }
        let none = std::collections::BTreeMap::new();
        let fields = self
            .desk
            .customers
            .as_ref()
            .map_or(&none, |customers| &customers.fields);
        let mut placed = Vec::with_capacity(rows.len());
        for row in rows {
            let id = row.id.as_deref().unwrap_or_default();
            let Some(at) = orders.iter().position(|order| order.document.id == id) else {
                continue;
            };
            let order = orders.swap_remove(at);
            let customer = convert::customer(row, &order, &entities, fields);
            let times = times(row, &entities, zone, since);
            match convert::desk_order(order, row, customer, times) {
                Some(order) => placed.push(order),
                None => tracing::info!(
                    document = id,
                    "an order is not told: it waits, has nothing to ship, ended after something of it had left, or goes to \
                     several places"
                ),
            }
        }
        Ok(placed)
    }
}

impl NetSuite {
    /// A customer that the role may see.
    async fn any_customer(&self) -> Result<String, CallError> {
        let page: Result<Page<HeadRow>, CallError> = self.query(&queries::any_customer(), 1).await;
        let page = page.map_err(|error| advised(error, CUSTOMER_ADVICE))?;
        page.items.into_iter().find_map(|row| row.id).ok_or_else(|| {
            let words = format!("no customer is visible: {CUSTOMER_ADVICE}");
            CallError::Refused(Refusal::new("no-customers-visible", words))
        })
    }
}

/// When it was ordered, and when it or its customer last changed.
fn times(row: &OpenRow, entities: &Entities, zone: &TimeZone, since: Timestamp) -> (Timestamp, Timestamp) {
    let utc = |text: &String| zone::utc(zone, text);
    let own = row.modified.as_ref().and_then(utc);
    let changes = convert::customer_changes(row.entity.as_deref(), entities);
    let modified = changes.iter().filter_map(utc).chain(own).max().unwrap_or(since);
    (row.ordered.as_ref().and_then(utc).unwrap_or(modified), modified)
}

fn customers_unreadable(error: CallError, own: &[&str]) -> CallError {
    let unknown = match &error {
        CallError::Refused(refusal) => convert::unknown_identifier(refusal),
        CallError::Later(_) => None,
    };
    match unknown.filter(|name| own.contains(&name.as_str())) {
        Some(field) => {
            let words = format!(
                "the account has no field {field} of customers: make it (Customization > Lists, Records & Fields > Entity Fields, \
                 shown to the role), or correct customers.fields"
            );
            CallError::Refused(Refusal::new("unknown-field", words))
        }
        None => advised(error, CUSTOMER_ADVICE),
    }
}

// ---- the port ----------------------------------------------------------------------------------------------------

#[async_trait]
impl DeskSource for NetSuite {
    async fn meant(&self, order: &DeskOrderRef) -> Result<Vec<Meant>, CallError> {
        let account = &self.settings.account;
        let own = order.key.as_deref().and_then(|key| convert::own_id(key, account));
        if let Some(id) = own.filter(|id| is_id(id)) {
            let page: Page<NamedRow> = self.query(&queries::order_of_id(id), 1).await?;
            let mut found = convert::surely_meant(page.items, "the key that it was given");
            found.retain(|one| convert::has_number(order, &one.number));
            if !found.is_empty() {
                return Ok(found);
            }
        }
        for by in self.desk.named_by() {
            let found = self.named(*by, order).await?;
            if !found.is_empty() {
                return self.narrowed(found).await;
            }
        }
        Ok(Vec::new())
    }

    async fn alike(&self, order: &DeskOrderRef) -> Result<Vec<Meant>, CallError> {
        let number = order.number.trim();
        if number.is_empty() {
            return Ok(Vec::new());
        }
        let zone = self.zone().await?;
        let since = zone::local(&zone, self.endpoint.clock.now() - ALIKE_SINCE);
        let query = queries::orders_alike(convert::digits(number), number, &since);
        let page: Page<NamedRow> = self.query(&query, ALIKE).await?;
        Ok(convert::closest(page.items, order))
    }

    async fn levels(&self, after: Option<&LevelKey>, limit: u16) -> Result<Vec<Level>, CallError> {
        self.scan();
        let limit = usize::from(limit.max(1));
        let mut levels: Vec<Level> = Vec::new();
        let mut after = after.map(|key| (key.item, key.location));
        while levels.len() < limit {
            let wanted = u16::try_from(limit - levels.len()).unwrap_or(PAGE).min(PAGE);
            let (page, more) = self.level_page(after, wanted).await?;
            let last = page.last().map(|level| (level.key.item, level.key.location));
            levels.extend(page);
            if !more || last.is_none() || last == after {
                break;
            }
            after = last;
        }
        Ok(levels)
    }

    async fn open_orders(&self, since: Timestamp, after: Option<&str>, limit: u16) -> Result<OpenOrders, CallError> {
        self.scan();
        let zone = self.zone().await?;
        let local = zone::local(&zone, since);
        let (rows, more) = self.open_rows(&local, after, limit.clamp(1, OPEN)).await?;
        let last = rows.last().and_then(|row| row.id.clone());
        Ok(OpenOrders {
            orders: self.desk_orders(&rows, &zone, since).await?,
            next: last.filter(|last| more && after != Some(last.as_str())),
        })
    }

    async fn open_orders_of(&self, ids: &[String]) -> Result<Vec<DeskOrder>, CallError> {
        let ids: Vec<&str> = ids.iter().map(String::as_str).filter(|id| is_id(id)).collect();
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let zone = self.zone().await?;
        let condition = self.select.condition.as_deref();
        let page: Result<Page<OpenRow>, CallError> = self
            .page_known(&HEAD_OPTIONAL, OPEN, |missing| {
                queries::open_orders_of(&ids, condition, self.makes_desk_orders(), missing)
            })
            .await;
        let rows = page.map_err(|error| advised(error, CUSTOMER_ADVICE))?.items;
        self.desk_orders(&rows, &zone, Timestamp::UNIX_EPOCH).await
    }
}

// ---- taking away what was made -----------------------------------------------------------------------------------

impl NetSuite {
    /// Deletes the fulfilment that was made for a job, unless its goods are billed, and takes the shipment's numbers off the order. In
    /// this order: a deletion that NetSuite refuses leaves both as they were; whoever dies between the two, or finds the fulfilment
    /// gone by other hands, still knows the numbers by the shipment.
    pub(super) async fn unmake_fulfilment(
        &self,
        job: &JobId,
        document: &DocumentId,
        shipment: &Shipment,
    ) -> Result<(), CallError> {
        if !self.policy.fulfilment || self.policy.to != WriteBackTarget::Order {
            let words = "a write-back of this connection makes nothing that could be taken away";
            return Err(CallError::Refused(Refusal::new(MAKES_NOTHING, words)));
        }
        let path = format!("/services/rest/record/v1/itemFulfillment/eid:{job}?expandSubResources=true");
        let made: Option<MadeFulfilment> = self.get_if_there("item-fulfilment", path).await?;
        if let Some(made) = &made {
            self.delete_made(made, job).await?;
        }
        if document.kind != DocumentKind::SalesOrder {
            return Ok(());
        }
        let shipped = shipment.tracking_numbers().map(str::to_owned);
        let shown = made.iter().flat_map(convert::tracking_numbers);
        let numbers: Vec<String> = shipped.chain(shown).collect();
        match self.take_off(&document.id, &numbers).await {
            Err(CallError::Refused(refusal)) => {
                let words = format!(
                    "the item fulfilment is deleted, but NetSuite does not let its numbers be taken off the order ({refusal}): take \
                     them off there"
                );
                Err(CallError::Refused(Refusal::new("not-taken-off", words)))
            }
            done => done,
        }
    }

    /// Deletes a fulfilment that is the job's own, if nobody has built upon it.
    async fn delete_made(&self, made: &MadeFulfilment, job: &JobId) -> Result<(), CallError> {
        let Some(id) = made.id.clone().filter(|id| is_id(id)) else {
            let words = "the item fulfilment's own id cannot be read";
            return Err(CallError::Later(Later::new(Obstacle::Unreachable, words)));
        };
        let number = made.tran_id.clone().unwrap_or_else(|| id.clone());
        if made
            .external_id
            .as_deref()
            .is_some_and(|external| external != job.as_str())
        {
            let words = format!("item fulfilment {number} is not the one that was made for {job}");
            return Err(CallError::Refused(Refusal::new("not-ours", words)));
        }
        let order = self.order_of_made(made, &id).await?;
        self.must_not_be_billed(made, &number, order.as_deref()).await?;
        self.delete_fulfilment(&id, &number).await
    }

    async fn order_of_made(&self, made: &MadeFulfilment, id: &str) -> Result<Option<String>, CallError> {
        match made.created_from.clone().filter(|order| is_id(order)) {
            Some(order) => Ok(Some(order)),
            None => Ok(self.order_of(&DocumentId::fulfilment(id)).await?.map(|order| order.id)),
        }
    }

    /// An account that does not say what was billed refuses the deletion itself.
    async fn must_not_be_billed(
        &self,
        made: &MadeFulfilment,
        number: &str,
        order: Option<&str>,
    ) -> Result<(), CallError> {
        let Some(order) = order else { return Ok(()) };
        let page: Result<Page<BilledRow>, CallError> = self.query(&queries::shipped_and_billed(order), PAGE).await;
        let rows = match page {
            Ok(page) => page.items,
            Err(CallError::Refused(refusal)) if convert::unknown_identifier(&refusal).is_some() => Vec::new(),
            Err(error) => return Err(error),
        };
        if convert::is_billed(made, &rows) {
            let words = format!(
                "an invoice bills goods of item fulfilment {number}: take the invoice back in NetSuite first, or leave the fulfilment \
                 as it is"
            );
            return Err(CallError::Refused(Refusal::new("invoiced", words)));
        }
        Ok(())
    }

    async fn delete_fulfilment(&self, id: &str, number: &str) -> Result<(), CallError> {
        let path = format!("/services/rest/record/v1/itemFulfillment/{id}");
        match self.ask(&Call::new("delete-fulfilment", Method::DELETE, path)).await {
            Ok(_) => Ok(()),
            Err(CallError::Refused(refusal)) if convert::does_not_exist(&refusal) => Ok(()),
            Err(CallError::Refused(refusal)) => {
                let words = format!(
                    "NetSuite does not delete item fulfilment {number} ({refusal}): see whether its period is closed, something was \
                     made from it, or the role lacks Transactions > Item Fulfillment (Full)"
                );
                Err(CallError::Refused(Refusal::new("not-deleted", words)))
            }
            Err(later) => Err(later),
        }
    }

    /// The order's fields do not name these parcels any more; where no other is named, they say nothing of a shipment.
    async fn take_off(&self, order: &str, numbers: &[String]) -> Result<(), CallError> {
        let fields = &self.policy.fields;
        let Some(tracking) = fields.tracking.as_ref().filter(|_| !numbers.is_empty()) else {
            return Ok(());
        };
        let path = convert::record_path(Target::Order, order).map_err(CallError::Refused)?;
        let record = match self.fields(&path, std::slice::from_ref(tracking)).await {
            Err(CallError::Refused(refusal)) if convert::does_not_exist(&refusal) => return Ok(()),
            other => other?,
        };
        let Some(kept) = convert::without(convert::field_value(&record, tracking), numbers) else {
            return Ok(());
        };
        let mut body = Map::new();
        if kept.is_none() {
            let rest = [&fields.cost, &fields.service, &fields.status].into_iter().flatten();
            body.extend(rest.map(|field| (field.clone(), Value::Null)));
        }
        body.insert(tracking.clone(), kept.map_or(Value::Null, Value::String));
        let call = patch("take-off", path, &Value::Object(body));
        self.ask(&call).await.map(|_| ())
    }
}

// ---- connection check --------------------------------------------------------------------------------------------

impl NetSuite {
    /// What `connection check` tries for a desk; nothing where there is none.
    pub(super) async fn check_desk(&self) -> Vec<Finding> {
        let mut findings = Vec::new();
        if let Some(policy) = &self.desk.policy {
            findings.push(self.check_names(policy).await);
            findings.extend(self.check_policy(policy));
        }
        if self.desk.stock.is_some() {
            findings.extend(self.check_stock().await);
        }
        if self.desk.customers.is_some() {
            findings.push(self.check_customers().await);
        }
        findings
    }

    /// Looks for an order that nobody has entered, by every name that the connection allows.
    async fn check_names(&self, policy: &DeskPolicy) -> Finding {
        let what = "finding the order that a shipment is of";
        let nobody = "waybill-connection-check".to_owned();
        let order = DeskOrderRef {
            id: nobody.clone(),
            number: nobody.clone(),
            key: Some(nobody),
            store: None,
        };
        for by in &policy.named_by {
            if let Err(error) = self.named(*by, &order).await {
                let needed = "Transactions > Sales Order and Transactions > Find Transaction";
                return finding(what, Err(permission(&error, needed)));
            }
        }
        finding(what, Ok(format!("by {} kinds of names", policy.named_by.len())))
    }

    fn check_policy(&self, policy: &DeskPolicy) -> Option<Finding> {
        let makes = self.policy.fulfilment && self.settings.options.trigger == Trigger::Ready;
        let wrong = match (policy.voided, makes) {
            (VoidedAtDesk::Undo, false) => {
                "desk.voided = \"undo\" takes away the fulfilment that write-back makes, and this connection makes none: set \
                 write_back.fulfilment = true, or desk.voided = \"flag\""
            }
            _ => return None,
        };
        Some(finding("what a void does", Err(wrong.to_owned())))
    }

    async fn check_stock(&self) -> Vec<Finding> {
        let places = match self.desk.stock() {
            Ok((_, places)) => places,
            Err(refusal) => return vec![finding("stock", Err(refusal.message))],
        };
        vec![
            self.check_places(&places).await,
            self.check_levels().await,
            self.check_untold().await,
        ]
    }

    async fn check_places(&self, places: &[&str]) -> Finding {
        let what = "the locations of stock.places";
        let mut there: BTreeSet<String> = BTreeSet::new();
        for batch in places.chunks(BATCH) {
            let page: Result<Page<HeadRow>, CallError> = self.query(&queries::locations(batch), PAGE).await;
            match page {
                Ok(page) => there.extend(page.items.into_iter().filter_map(|row| row.id)),
                Err(error) => return finding(what, Err(permission(&error, "Lists > Locations (View)"))),
            }
        }
        let lost: Vec<&str> = places
            .iter()
            .filter(|place| !there.contains(**place))
            .copied()
            .collect();
        finding(
            what,
            match lost.as_slice() {
                [] => Ok(format!("{} in use", places.len())),
                lost => Err(format!(
                    "NetSuite shows no location in use with the internal id {}: correct stock.places, or give the integration's role \
                     Lists > Locations (View)",
                    lost.join(", ")
                )),
            },
        )
    }

    async fn check_levels(&self) -> Finding {
        let measure = queries::measured(self.desk.measure());
        let result = match self.levels(None, 1).await {
            Ok(levels) if levels.is_empty() => Err(format!(
                "no stock is visible in the places of stock.places: {STOCK_ADVICE}"
            )),
            Ok(_) => Ok(format!("readable ({measure})")),
            Err(error) => Err(error.to_string()),
        };
        finding("stock by SuiteQL", result)
    }

    /// What is not told of stock, said plainly.
    async fn check_untold(&self) -> Finding {
        let what = "items whose stock is not told";
        let stock = self.desk.stock.as_ref();
        let assemblies = stock.is_some_and(|stock| stock.assemblies);
        let condition = stock.and_then(|stock| stock.condition.as_deref());
        let query = queries::untold_items(assemblies, condition);
        let page: Result<Page<KindRow>, CallError> = self.query(&query, PAGE).await;
        let result = match page {
            Ok(page) => Ok(untold(&page.items, assemblies)),
            Err(error) => Err(permission(&error, "Lists > Items (View)")),
        };
        finding(what, result)
    }

    async fn check_customers(&self) -> Finding {
        let what = "customers with the accounts above them";
        finding(what, self.one_customer().await.map_err(|error| error.to_string()))
    }

    async fn one_customer(&self) -> Result<String, CallError> {
        let id = self.any_customer().await?;
        self.entities(BTreeSet::from([id])).await.map(|_| "readable".to_owned())
    }
}

fn untold(rows: &[KindRow], assemblies: bool) -> String {
    let kind = |row: &KindRow| Some(format!("{} of the kind {}", row.items.clone()?, row.itemtype.clone()?));
    let kinds: Vec<String> = rows.iter().filter_map(kind).collect();
    match kinds.as_slice() {
        [] if assemblies => "none: assemblies are told, and there are no kits".to_owned(),
        [] => "none: there are no assemblies and no kits".to_owned(),
        kinds if assemblies => format!(
            "{}: a kit has no stock of its own, so a desk must count what is packed; assemblies are told",
            kinds.join(", ")
        ),
        kinds => format!(
            "{}: a kit has no stock of its own, and assemblies are told with stock.assemblies = true; else a desk must count them itself",
            kinds.join(", ")
        ),
    }
}

#[cfg(test)]
mod tests;
