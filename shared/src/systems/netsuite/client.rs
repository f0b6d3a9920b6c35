//! The calls, and nothing that could be decided without them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use http::Method;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use secrecy::SecretString;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::account::Settings;
use super::convert::{self, Facts, Mismatch, Showing, Target, Transform, Update, Wanted};
use super::credentials::Credentials;
use super::desk::Desk;
use super::fulfilments::keep_waiting;
use super::invoices::ToldOn;
use super::options::Trigger;
use super::recent::{Items, JustRead, Reading};
use super::suiteql::{self, BATCH, LINE_OPTIONAL, Missing, ORDER_OPTIONAL, Optional, PAGE, Query};
use super::tba::Signer;
use super::token::{CertificateMint, RefreshMint, TOKEN_PATH};
use super::wire::{
    ClockRow, Customer, CustomerRow, HeadRow, ItemFulfillment, LineRow, MadeRow, OrderRow, Page, SalesOrder, ServerTime,
};
use super::{check, zone};
use crate::connection::{Connection, Selection, WriteBackPolicy, WriteBackTarget};
use crate::domain::{DeliveryStatus, DocumentId, DocumentKind, JobId, Order, Packing, Refusal, Shipment};
use crate::http::{self as web, Answer, Authorise, Bearer, Call, Endpoint, Lane, Lost, Slots};
use crate::ports::{
    CallError, DocumentHead, Draft, EffectError, Finding, Later, Mint, Obstacle, OrderSource, Permit, Scan, Together,
    TokenKey, Told, WriteBack, WriteBackRef, Written,
};
use crate::systems::Ports;
use crate::systems::writing::before_writing;

/// Oracle's limit for one request.
const LONGEST_REQUEST: Duration = Duration::from_secs(15 * 60);

/// How long everybody pauses after a 429; NetSuite gives no hint.
const PAUSE: Duration = Duration::from_secs(5);

/// How often fields that shipments share are written when somebody else writes over them.
const SHARED_WRITES: usize = 3;

/// How long a shipment waits whose invoice another one has taken at the same moment.
const SOON: Duration = Duration::from_secs(2);

/// How far back documents are looked at that could have been shipped by a poll: shipped ones never leave their status.
const LOOKED_BACK: SignedDuration = SignedDuration::from_hours(24 * 28);

const VALIDATE_NAMES: (&str, &str) = ("x-netsuite-propertynamevalidation", "Error");

/// One NetSuite account through one connection.
pub struct NetSuite {
    pub(super) endpoint: Endpoint,
    pub(super) auth: Arc<dyn Authorise>,
    mint: Option<Arc<dyn Mint>>,
    pub(super) settings: Settings,
    pub(super) select: Selection,
    pub(super) policy: WriteBackPolicy,
    packing: Packing,
    pub(super) desk: Desk,
    missing: Mutex<Missing>,
    measured: Mutex<Option<TimeZone>>,
    pub(super) just_read: JustRead,
}

/// How calls are authorised, and how a token for them is made, where it takes one.
type Access = (Arc<dyn Authorise>, Option<Arc<dyn Mint>>);

/// What a draft holds: the requests that a write-back sends.
#[derive(Debug, Serialize, Deserialize)]
struct Plan {
    /// Makes the fulfilment.
    transform: Option<Transform>,
    /// Writes the order's fields.
    update: Option<Update>,
    /// The fulfilment that exists already.
    made: Option<String>,
    /// Whose fields are written, where they are not those of the document itself.
    #[serde(default)]
    place: Option<WriteBackRef>,
}

impl Plan {
    fn into_draft(self, operation: &str) -> Result<Draft, Refusal> {
        let body = serde_json::to_value(self)
            .map_err(|_| Refusal::new("write-back-impossible", "the write-back cannot be written down"))?;
        Ok(Draft {
            operation: operation.to_owned(),
            body,
        })
    }
}

impl NetSuite {
    /// Opens a connection's account. What is wrong with the connection or its secret is said at once.
    pub fn new(connection: &Connection, secret: &SecretString, ports: Ports) -> Result<Self, Refusal> {
        let settings = Settings::of(connection).map_err(|mistakes| {
            let texts: Vec<String> = mistakes.iter().map(ToString::to_string).collect();
            Refusal::new("connection-malformed", texts.join("; "))
        })?;
        let credentials = Credentials::parse(secret)?;
        let endpoint = endpoint(&settings, &ports, Some(Slots::new(settings.options.concurrency)));
        let (auth, mint) = authorisation(connection, credentials, &settings, &ports)?;
        Ok(Self {
            endpoint,
            auth,
            mint,
            settings,
            select: connection.select.clone(),
            policy: connection.write_back.clone(),
            packing: connection.packing.clone(),
            desk: Desk::of(connection),
            missing: Mutex::default(),
            measured: Mutex::default(),
            just_read: JustRead::default(),
        })
    }

    /// How a token of this connection is made, for the refresher; token-based authentication has none.
    pub fn mint(&self) -> Option<Arc<dyn Mint>> {
        self.mint.clone()
    }

    /// The endpoint of token requests, for `connection authorize`.
    pub fn token_endpoint(connection: &Connection, ports: &Ports) -> Result<Endpoint, Refusal> {
        let settings = Settings::of(connection).map_err(|_| {
            Refusal::new(
                "connection-malformed",
                "the connection's NetSuite settings are not valid",
            )
        })?;
        Ok(endpoint(&settings, ports, None))
    }
}

/// The account's address; token requests (`slots` is `None`) have a way of their own, because they are made while a slot
/// is held.
fn endpoint(settings: &Settings, ports: &Ports, slots: Option<Slots>) -> Endpoint {
    let way = if slots.is_some() { "netsuite" } else { "netsuite-token" };
    Endpoint {
        client: ports.client.clone(),
        system: "netsuite",
        base: settings.base.clone(),
        vendor_ids: &["x-n-operationid"],
        clock: ports.clock.clone(),
        recorder: ports.recorder.clone(),
        timeout: ports.timeout,
        lane: Lane {
            limits: ports.limits.clone(),
            account: format!("{way}:{}", settings.account),
            slots,
            rate: None,
            counted_as: None,
            lease: ports.timeout * 4,
            pause: PAUSE,
            lockout: None,
            forbids: None,
        },
    }
}

fn authorisation(
    connection: &Connection,
    credentials: Credentials,
    settings: &Settings,
    ports: &Ports,
) -> Result<Access, Refusal> {
    let key = TokenKey {
        system: "netsuite".to_owned(),
        credential: connection.erp.secret.clone(),
        client: credentials.client(),
        merchant: None,
        connection: connection.id.clone(),
    };
    let tokens = endpoint(settings, ports, None);
    let mint: Arc<dyn Mint> = match credentials {
        Credentials::TokenBased(token) => {
            return Ok((
                Arc::new(Signer::new(&settings.account, token, ports.clock.clone())),
                None,
            ));
        }
        Credentials::Certificate(certificate) => {
            let audience = format!("https://{}{TOKEN_PATH}", settings.account.host());
            Arc::new(CertificateMint::new(tokens, certificate, audience)?)
        }
        Credentials::Delegated(_) => Arc::new(RefreshMint::new(
            tokens,
            connection.erp.secret.clone(),
            ports.secrets.clone(),
        )),
    };
    let bearer = Bearer::new(key, ports.tokens.clone(), mint.clone());
    Ok((Arc::new(bearer), Some(mint)))
}

fn unreadable(what: &str) -> CallError {
    CallError::Later(Later::new(Obstacle::Unreachable, format!("{what} cannot be read")))
}

// ---- calls -------------------------------------------------------------------------------------------------------

impl NetSuite {
    /// Sends, unless the account is full.
    async fn send(&self, call: &Call, permit: Option<Permit>) -> Result<Answer, Lost> {
        self.endpoint.send(call, self.auth.as_ref(), permit).await
    }

    /// From here on this is a scan, or a person's question, which has no queue to go back to. Work on a single order leaves
    /// one slot free for these.
    pub(super) fn scan(&self) {
        self.endpoint.lane.slots.iter().for_each(Slots::claim_last);
    }

    /// A call that changes nothing, or that changes nothing when it is repeated.
    pub(super) async fn ask(&self, call: &Call) -> Result<Answer, CallError> {
        web::read(self.send(call, None).await, convert::envelope)
    }

    pub(super) async fn get<T: DeserializeOwned>(&self, operation: &'static str, path: String) -> Result<T, CallError> {
        let answer = self.ask(&Call::new(operation, Method::GET, path)).await?;
        serde_json::from_slice(&answer.body).map_err(|_| unreadable(operation))
    }

    /// A record, or nothing where it does not exist.
    pub(super) async fn get_if_there<T: DeserializeOwned>(
        &self,
        operation: &'static str,
        path: String,
    ) -> Result<Option<T>, CallError> {
        match self.get(operation, path).await {
            Err(CallError::Refused(refusal)) if convert::does_not_exist(&refusal) => Ok(None),
            other => other.map(Some),
        }
    }

    pub(super) async fn query<T: DeserializeOwned>(&self, query: &Query, limit: u16) -> Result<Page<T>, CallError> {
        let path = format!("/services/rest/query/v1/suiteql?limit={limit}&offset=0");
        let call = Call::new("suiteql", Method::POST, path)
            .header("prefer", "transient")
            .json(&query.body());
        let answer = self.ask(&call).await?;
        serde_json::from_slice(&answer.body).map_err(|_| unreadable("suiteql"))
    }

    /// A query of which some columns may be unknown to the account: those are left out from then on.
    pub(super) async fn query_known<T: DeserializeOwned>(
        &self,
        optional: &'static [Optional],
        build: impl Fn(&Missing) -> Query + Send + Sync,
    ) -> Result<Page<T>, CallError> {
        self.page_known(optional, PAGE, build).await
    }

    /// The same with a page of so many rows.
    pub(super) async fn page_known<T: DeserializeOwned>(
        &self,
        optional: &'static [Optional],
        limit: u16,
        build: impl Fn(&Missing) -> Query + Send + Sync,
    ) -> Result<Page<T>, CallError> {
        loop {
            let missing = self.missing().clone();
            match self.query(&build(&missing), limit).await {
                Err(CallError::Refused(refusal)) => {
                    let unknown = convert::unknown_identifier(&refusal)
                        .and_then(|name| optional.iter().find(|one| one.identifiers.contains(&name.as_str())))
                        .filter(|one| !missing.contains(one.name));
                    let Some(unknown) = unknown else {
                        return Err(CallError::Refused(refusal));
                    };
                    tracing::warn!(account = %self.settings.account, column = unknown.name, "the account does not know this column");
                    self.missing().insert(unknown.name);
                }
                other => return other,
            }
        }
    }

    /// Whether the account does not know an optional column, as far as it was asked.
    pub(super) fn is_missing(&self, column: &str) -> bool {
        self.missing().contains(column)
    }

    /// Why the goods of such lines would be counted twice.
    pub(super) fn counted_twice(&self, lines: &[LineRow], with_costs: bool) -> Option<&'static str> {
        convert::counted_twice(lines, with_costs, &self.missing())
    }

    fn missing(&self) -> MutexGuard<'_, Missing> {
        self.missing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) async fn server_time(&self) -> Result<Timestamp, CallError> {
        let path = "/services/rest/system/v1/serverTime".to_owned();
        let answer: ServerTime = self.get("server-time", path).await?;
        answer.server_time.parse().map_err(|_| unreadable("server-time"))
    }

    /// The zone in which SuiteQL speaks: as configured, or measured once.
    pub(super) async fn zone(&self) -> Result<TimeZone, CallError> {
        let known = self.measured.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(zone) = self.settings.options.time_zone.clone().or(known) {
            return Ok(zone);
        }
        let zone = self.measure_zone().await?;
        *self.measured.lock().unwrap_or_else(PoisonError::into_inner) = Some(zone.clone());
        Ok(zone)
    }

    pub(super) async fn measure_zone(&self) -> Result<TimeZone, CallError> {
        let now = self.server_time().await?;
        let page: Page<ClockRow> = self.query(&suiteql::clock(), 1).await?;
        let clock = page.items.into_iter().next().and_then(|row| row.now);
        clock
            .and_then(|clock| zone::measured(&clock, now))
            .ok_or_else(|| unreadable("the database's clock"))
    }
}

// ---- reading -----------------------------------------------------------------------------------------------------

impl NetSuite {
    /// A document of the kind that this connection ships.
    fn document(&self, id: String) -> DocumentId {
        match self.settings.options.trigger {
            Trigger::FulfilmentShipped => DocumentId::fulfilment(id),
            Trigger::Ready | Trigger::OrderShipped => DocumentId::sales_order(id),
        }
    }

    async fn heads(&self, query: &Query, scan: &Scan, zone: &TimeZone) -> Result<Vec<DocumentHead>, CallError> {
        let page: Page<HeadRow> = self.query(query, scan.limit.clamp(1, PAGE)).await?;
        let head = |row: HeadRow| {
            Some(DocumentHead {
                document: self.document(row.id?),
                modified: row
                    .modified
                    .and_then(|text| zone::utc(zone, &text))
                    .unwrap_or(scan.since),
            })
        };
        Ok(page.items.into_iter().filter_map(head).collect())
    }

    async fn read_orders(&self, documents: &[DocumentId]) -> Result<Vec<Order>, CallError> {
        let ids: Vec<&str> = documents.iter().map(|document| document.id.as_str()).collect();
        let mut orders = Vec::with_capacity(ids.len());
        for batch in ids.chunks(BATCH) {
            orders.extend(self.read_batch(batch).await?);
        }
        if self.settings.options.trigger == Trigger::FulfilmentShipped {
            let why = "this connection ships the fulfilments that people make, not orders (erp.trigger)";
            orders.iter_mut().for_each(|order| keep_waiting(order, why));
        }
        Ok(orders)
    }

    async fn read_batch(&self, ids: &[&str]) -> Result<Vec<Order>, CallError> {
        let on_order = self.policy.to == WriteBackTarget::Order;
        let tracking = self.policy.fields.tracking.as_deref().filter(|_| on_order);
        let rows: Page<OrderRow> = self
            .query_known(&ORDER_OPTIONAL, |missing| suiteql::orders(ids, tracking, missing))
            .await?;
        let rows = rows.items;
        let (mut lines, selected, customers) = (
            self.lines(ids).await?,
            self.selected(ids).await?,
            self.customers(&rows).await?,
        );
        let shown = self.shown_on_invoices(ids).await?;
        let trigger = self.settings.options.trigger;
        let mut orders = Vec::with_capacity(rows.len());
        for row in &rows {
            let id = row.id.clone().unwrap_or_default();
            let record = if convert::needs_record(row, trigger) {
                self.record(&id).await?
            } else {
                None
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
            let order = match trigger {
                Trigger::OrderShipped => convert::fulfilled_order(&facts, &self.select),
                Trigger::Ready | Trigger::FulfilmentShipped => {
                    convert::order(&facts, &self.select, self.settings.options.ready)
                }
            };
            let Some(mut order) = order else {
                continue;
            };
            order.tracking_shown = order.tracking_shown.or_else(|| shown.get(&id).cloned());
            self.add_lines_addresses(&mut order, &facts).await?;
            if let Some(why) = self.counted_twice(&lines, false) {
                keep_waiting(&mut order, why);
            }
            orders.push(order);
        }
        Ok(orders)
    }

    /// Where each line goes, of an order that goes to several places.
    async fn add_lines_addresses(&self, order: &mut Order, facts: &Facts<'_>) -> Result<(), CallError> {
        let several = facts.row.ismultishipto.as_deref() == Some("T");
        if let Some(record) = facts.record.filter(|_| several) {
            let customer = self.address_book(record).await?;
            convert::add_lines_addresses(order, record, &customer);
        }
        Ok(())
    }

    async fn address_book(&self, record: &SalesOrder) -> Result<Customer, CallError> {
        match record
            .entity
            .as_deref()
            .filter(|id| id.bytes().all(|byte| byte.is_ascii_digit()))
        {
            Some(id) => {
                let path = format!("/services/rest/record/v1/customer/{id}?expandSubResources=true");
                Ok(self.get_if_there("customer", path).await?.unwrap_or_default())
            }
            None => Ok(Customer::default()),
        }
    }

    /// The lines of orders, by order; as many pages as it takes.
    pub(super) async fn lines(&self, ids: &[&str]) -> Result<BTreeMap<String, Vec<LineRow>>, CallError> {
        let mut by_order: BTreeMap<String, Vec<LineRow>> = BTreeMap::new();
        let mut after: Option<(String, String)> = None;
        loop {
            let page: Page<LineRow> = self
                .query_known(&LINE_OPTIONAL, |missing| suiteql::lines(ids, after.as_ref(), missing))
                .await?;
            let more = page.has_more || page.items.len() >= usize::from(PAGE);
            let last = page
                .items
                .last()
                .and_then(|row| Some((row.orderid.clone()?, row.lineid.clone()?)));
            for row in page.items {
                by_order
                    .entry(row.orderid.clone().unwrap_or_default())
                    .or_default()
                    .push(row);
            }
            match last {
                Some(last) if more && after.as_ref() != Some(&last) => after = Some(last),
                _ => return Ok(by_order),
            }
        }
    }

    /// The orders that the connection's own condition selects; `None` where there is no condition.
    pub(super) async fn selected(&self, ids: &[&str]) -> Result<Option<BTreeSet<String>>, CallError> {
        let Some(condition) = &self.select.condition else {
            return Ok(None);
        };
        let page: Page<HeadRow> = self.query(&suiteql::selected(ids, condition), PAGE).await?;
        Ok(Some(page.items.into_iter().filter_map(|row| row.id).collect()))
    }

    /// Customers of orders whose address has no telephone. Without the permission to see them the orders are still read;
    /// after a failure that may pass they are not, because an order would seem to change when the next reading has its
    /// telephone again.
    pub(super) async fn customers(&self, rows: &[OrderRow]) -> Result<BTreeMap<String, CustomerRow>, CallError> {
        let lacking = rows.iter().filter(|row| row.addrphone.is_none() || row.email.is_none());
        let ids: BTreeSet<&str> = lacking.filter_map(|row| row.entity.as_deref()).collect();
        if ids.is_empty() {
            return Ok(BTreeMap::new());
        }
        let ids: Vec<&str> = ids.into_iter().collect();
        let page: Result<Page<CustomerRow>, _> = self.query(&suiteql::customers(&ids), PAGE).await;
        match page {
            Ok(page) => Ok(page
                .items
                .into_iter()
                .filter_map(|row| Some((row.id.clone()?, row)))
                .collect()),
            Err(CallError::Refused(refusal)) => {
                tracing::warn!(account = %self.settings.account, error = %refusal, "customers cannot be read");
                Ok(BTreeMap::new())
            }
            Err(error) => Err(error),
        }
    }

    async fn record(&self, id: &str) -> Result<Option<SalesOrder>, CallError> {
        let path = convert::order_path(&DocumentId::sales_order(id)).map_err(CallError::Refused)?;
        self.get_if_there("sales-order", format!("{path}?expandSubResources=true"))
            .await
    }

    pub(super) async fn fulfilment(&self, external_id: &str) -> Result<Option<ItemFulfillment>, CallError> {
        let path = format!("/services/rest/record/v1/itemFulfillment/eid:{external_id}");
        self.get_if_there("item-fulfilment", path).await
    }

    /// Some fields of an order, as the record shows them.
    pub(super) async fn fields(&self, path: &str, names: &[String]) -> Result<Value, CallError> {
        self.get("order-fields", format!("{path}?fields={}", names.join(",")))
            .await
    }
}

// ---- writing -----------------------------------------------------------------------------------------------------

impl NetSuite {
    async fn fulfil(&self, transform: &Transform, read: Option<Items>, permit: Permit) -> Result<String, EffectError> {
        let body = self.agreed(transform, read).await?;
        let call = Call::new("transform", Method::POST, transform.path.clone())
            .header(VALIDATE_NAMES.0, VALIDATE_NAMES.1)
            .json(&body);
        match web::effect(self.send(&call, Some(permit)).await, convert::envelope) {
            Ok(answer) => made(&answer).ok_or_else(|| EffectError::Unknown("no Location after a transform".to_owned())),
            Err(EffectError::Rejected(refusal)) => self.rejected(transform, refusal).await,
            Err(other) => Err(other),
        }
    }

    /// The numbers in a draft must name the items in the record that SuiteQL said they name, when the order was read.
    async fn agreed(&self, transform: &Transform, read: Option<Items>) -> Result<Value, EffectError> {
        let just_read = read.is_some();
        let items = match read {
            Some(items) => items,
            None => self.items(&transform.order).await?,
        };
        let record = self.record(&transform.order).await.map_err(before_writing)?;
        let agreed = convert::agreed(transform, &record.unwrap_or_default(), &items);
        // Where they differ, either the numbers cannot be trusted or somebody has changed the lines since.
        let changed = match &agreed {
            Err(Mismatch::Lines(_)) if just_read => self.items(&transform.order).await? != items,
            _ => false,
        };
        agreed.map_err(|mismatch| match mismatch {
            Mismatch::Lines(refusal) if !changed => EffectError::Rejected(refusal),
            Mismatch::Lines(_) => changed_since("the lines were changed since the order was read".to_owned()),
            Mismatch::Changed(reason) => changed_since(reason),
        })
    }

    /// The item of each of an order's lines.
    async fn items(&self, order: &str) -> Result<Items, EffectError> {
        let lines = self.lines(&[order]).await.map_err(before_writing)?;
        Ok(lines.values().flat_map(|lines| convert::identity(lines)).collect())
    }

    /// A refused transform is done if its fulfilment is there: "already exists" is one such refusal, and "nothing is left
    /// to fulfil" is another.
    async fn rejected(&self, transform: &Transform, refusal: Refusal) -> Result<String, EffectError> {
        let seen = match self.fulfilment(&transform.external_id).await {
            Ok(Some(ItemFulfillment { id: Some(id), .. })) => return Ok(id),
            Ok(_) => "nothing is seen".to_owned(),
            Err(error) => error.to_string(),
        };
        if convert::already_exists(&refusal) {
            return Err(EffectError::Unknown(format!("it is said to exist already, but {seen}")));
        }
        Err(EffectError::Rejected(refusal))
    }

    /// Writes fields, and says what of it there was no place for, if anything.
    async fn write_fields(&self, update: &Update, permit: Permit) -> Result<Option<String>, EffectError> {
        if update.tracking.is_some() {
            return self.write_among(update, permit).await;
        }
        let there = match convert::kept_fields(update) {
            names if names.is_empty() => Value::Null,
            names => self.fields(&update.path, &names).await.map_err(before_writing)?,
        };
        self.patch_fields(update, &there, permit)
            .await
            .map(|patched| patched.lacking)
    }

    /// Writes fields that other shipments may write at the same time: they are looked at before and afterwards, because another one
    /// may have been written in between, over ours.
    async fn write_among(&self, update: &Update, permit: Permit) -> Result<Option<String>, EffectError> {
        let names = convert::kept_fields(update);
        let mut there = self.fields(&update.path, &names).await.map_err(before_writing)?;
        for _ in 0..SHARED_WRITES {
            match convert::showing(&there, update) {
                Showing::Whole => return Ok(None),
                Showing::NoRoom => return Ok(Some(NO_ROOM.to_owned())),
                Showing::ChosenOtherwise => return Err(EffectError::NotSent(overtaken())),
                Showing::Missing => {}
            }
            let patched = self.patch_fields(update, &there, permit).await?;
            let now = match self.fields(&update.path, &names).await {
                Ok(now) if !convert::is_settled(update, &there, &patched.body, &now) => now,
                // It was written; whether it still stands is seen when all sides are compared.
                Ok(_) | Err(_) => return Ok(patched.lacking),
            };
            there = now;
        }
        match convert::showing(&there, update) {
            Showing::Whole => Ok(None),
            _ => Err(EffectError::Unknown("others write to the same fields".to_owned())),
        }
    }

    /// Writes the fields beside what stands there. A link that NetSuite refuses is left out rather than the number.
    async fn patch_fields(&self, update: &Update, there: &Value, permit: Permit) -> Result<Patched, EffectError> {
        let body = convert::update_body(update, there);
        let cut = convert::showing(&body, update) != Showing::Whole;
        let lacking = (cut && update.tracking.is_some()).then(|| NO_ROOM.to_owned());
        match (
            self.patch_once(update, &body, permit).await,
            convert::without_link(update, &body),
        ) {
            (Ok(()), _) => Ok(Patched { body, lacking }),
            (Err(EffectError::Rejected(refusal)), Some(body)) => {
                self.patch_once(update, &body, permit).await?;
                let lacking = lacking.or_else(|| Some(format!("without the link to its labels: {refusal}")));
                Ok(Patched { body, lacking })
            }
            (Err(error), _) => Err(error),
        }
    }

    async fn patch_once(&self, update: &Update, body: &Value, permit: Permit) -> Result<(), EffectError> {
        let call = patch("write-fields", update.path.clone(), body);
        web::effect(self.send(&call, Some(permit)).await, convert::envelope).map(|_| ())
    }
}

fn changed_since(reason: String) -> EffectError {
    EffectError::NotSent(Later::new(Obstacle::Unreachable, reason))
}

/// Fields as they were written.
struct Patched {
    body: Value,
    /// What there was no place for.
    lacking: Option<String>,
}

/// What is said of numbers that did not fit.
const NO_ROOM: &str =
    "the field of tracking numbers is full and does not show all of this shipment's (erp.options.text_limit)";

/// Another shipment was written to the invoice that was chosen for ours: whose it is now is decided anew.
fn overtaken() -> Later {
    let reason = "another shipment was written to the same invoice at this moment: ours is chosen anew";
    Later {
        after: Some(SOON),
        ..Later::new(Obstacle::Queued, reason)
    }
}

impl NetSuite {
    /// The fields by which what we would write is recognised: what the field of numbers showed when the document was just read, else
    /// as the record shows them.
    async fn telling(&self, wanted: &Wanted, document: &DocumentId) -> Result<Value, CallError> {
        let numbers = wanted.update.tracking.as_ref().map(|(field, _)| field.clone());
        match numbers.zip(self.just_read.shown(&document.id)) {
            Some((field, shown)) => Ok(Value::Object(Map::from_iter([(field, shown.into())]))),
            None => self.fields(&wanted.update.path, &wanted.telling).await,
        }
    }

    /// The fields of the order that a fulfilment is of.
    async fn find_on_order_of(&self, write_back: &WriteBack<'_>) -> Result<Written, CallError> {
        let Some(order) = self.order_of(&write_back.order.document).await? else {
            return Ok(Written::Nothing);
        };
        let there = WriteBackRef {
            place: format!("fields of order {}", write_back.order.number),
            id: Some(order.id.clone()),
        };
        let (fields, options) = (&self.policy.fields, &self.settings.options);
        let wanted = convert::update_of((Target::Order, &order.id), write_back, fields, options);
        let Some(wanted) = wanted.map_err(CallError::Refused)? else {
            return Ok(Written::Whole(place(None, false)));
        };
        let record = self.telling(&wanted, &write_back.order.document).await?;
        let is_full = wanted.update.tracking.is_some() && convert::showing(&record, &wanted.update) == Showing::NoRoom;
        Ok(match convert::shows(&record, &wanted) {
            true => Written::Whole(there),
            false if is_full => Written::NoRoom(there),
            false => Written::Place { there, seen: None },
        })
    }

    /// The draft of what is written to another record than the document itself: the one that was found.
    fn draft_elsewhere(&self, write_back: &WriteBack<'_>, found: &Written) -> Result<Draft, Refusal> {
        let unknown = || Refusal::new("write-back-impossible", "what is to be written to is not known");
        let (there, seen) = match found {
            Written::Place { there, seen } => (there, seen.clone()),
            Written::Partly(there) | Written::Whole(there) => (there, None),
            Written::NoRoom(_) | Written::Nothing | Written::NotYet(_) => return Err(unknown()),
        };
        let target = match self.policy.to {
            WriteBackTarget::Order => Target::Order,
            WriteBackTarget::Invoice => Target::Invoice,
        };
        let id = there.id.as_deref().ok_or_else(unknown)?;
        let (fields, options) = (&self.policy.fields, &self.settings.options);
        let wanted = convert::update_of((target, id), write_back, fields, options)?;
        let plan = Plan {
            transform: None,
            update: wanted.map(|wanted| Update { seen, ..wanted.update }),
            made: None,
            place: Some(there.clone()),
        };
        plan.into_draft("netsuite.write-fields")
    }

    /// Tells every record that shows the parcels.
    async fn tell_records(
        &self,
        document: &DocumentId,
        parcels: &[String],
        body: Map<String, Value>,
        permit: Permit,
    ) -> Result<Told, EffectError> {
        let records = match self.told_on(document, parcels).await.map_err(before_writing)? {
            ToldOn::Records(records) => records,
            ToldOn::NotYet => return Ok(Told::NotYet),
            ToldOn::NoRoom => return Ok(Told::NoRoom),
            ToldOn::Gone => return Err(EffectError::Rejected(convert::gone())),
        };
        for path in records {
            self.tell_order(path, body.clone(), permit).await?;
        }
        Ok(Told::Shown)
    }

    /// Writes what the order does not say yet; a write would change its time for nothing otherwise.
    async fn tell_order(&self, path: String, body: Map<String, Value>, permit: Permit) -> Result<(), EffectError> {
        let names: Vec<String> = body.keys().cloned().collect();
        let record = self.fields(&path, &names).await.map_err(before_writing)?;
        if convert::already_told(&record, &body) {
            return Ok(());
        }
        let call = patch("tell", path, &Value::Object(body));
        web::effect(self.send(&call, Some(permit)).await, convert::envelope).map(|_| ())
    }
}

pub(super) fn patch(operation: &'static str, path: String, body: &Value) -> Call {
    Call::new(operation, Method::PATCH, path)
        .header(VALIDATE_NAMES.0, VALIDATE_NAMES.1)
        .json(body)
}

/// The id of what was made, the last part of `Location`.
fn made(answer: &Answer) -> Option<String> {
    let id = answer.header("location")?.trim_end_matches('/').rsplit('/').next()?;
    (!id.is_empty() && id.bytes().all(|byte| byte.is_ascii_digit())).then(|| id.to_owned())
}

fn place(id: Option<String>, fields: bool) -> WriteBackRef {
    let place = match (&id, fields) {
        (Some(id), true) => format!("item fulfilment {id} and fields of the order"),
        (Some(id), false) => format!("item fulfilment {id}"),
        (None, true) => "fields of the order".to_owned(),
        (None, false) => "nowhere: the connection writes nothing back".to_owned(),
    };
    WriteBackRef { place, id }
}

// ---- the port ----------------------------------------------------------------------------------------------------

#[async_trait]
impl OrderSource for NetSuite {
    async fn changed(&self, scan: &Scan) -> Result<Vec<DocumentHead>, CallError> {
        self.scan();
        let zone = self.zone().await?;
        let since = zone::local(&zone, scan.since);
        let after = scan.after.as_deref();
        let query = match self.settings.options.trigger {
            Trigger::FulfilmentShipped => suiteql::changed_fulfilments(&since, after),
            Trigger::Ready | Trigger::OrderShipped => suiteql::changed(&since, after, self.select.condition.as_deref()),
        };
        self.heads(&query, scan, &zone).await
    }

    async fn waiting(&self, scan: &Scan) -> Result<Vec<DocumentHead>, CallError> {
        let zone = self.zone().await?;
        let trigger = self.settings.options.trigger;
        let earliest = self.endpoint.clock.now() - LOOKED_BACK;
        let since = match trigger {
            Trigger::Ready => scan.since,
            Trigger::OrderShipped | Trigger::FulfilmentShipped => scan.since.max(earliest),
        };
        let (since, after) = (zone::local(&zone, since), scan.after.as_deref());
        let query = match trigger {
            Trigger::FulfilmentShipped => {
                suiteql::waiting_fulfilments(&since, after, &convert::shipping_statuses(&self.select))
            }
            Trigger::Ready | Trigger::OrderShipped => {
                let condition = self.select.condition.as_deref();
                suiteql::waiting(&since, after, condition, trigger.statuses())
            }
        };
        self.heads(&query, scan, &zone).await
    }

    async fn read(&self, documents: &[DocumentId]) -> Result<Vec<Order>, CallError> {
        let of_people = |document: &&DocumentId| document.kind == DocumentKind::Fulfilment;
        let (fulfilments, documents): (Vec<DocumentId>, Vec<DocumentId>) =
            documents.iter().cloned().partition(|document| of_people(&document));
        let mut orders = self.read_orders(&documents).await?;
        orders.extend(self.read_fulfilments(&fulfilments).await?);
        Ok(orders)
    }

    async fn numbered(&self, number: &str) -> Result<Vec<DocumentId>, CallError> {
        self.scan();
        let query = match self.settings.options.trigger {
            Trigger::FulfilmentShipped => suiteql::fulfilments_numbered(number),
            Trigger::Ready | Trigger::OrderShipped => suiteql::numbered(number),
        };
        let page: Page<HeadRow> = self.query(&query, PAGE).await?;
        let ids = page.items.into_iter().filter_map(|row| row.id);
        Ok(ids.map(|id| self.document(id)).collect())
    }

    async fn find(&self, write_back: &WriteBack<'_>) -> Result<Written, CallError> {
        if self.policy.to == WriteBackTarget::Invoice {
            return self.find_on_invoice(write_back).await;
        }
        if write_back.order.document.kind == DocumentKind::Fulfilment {
            return self.find_on_order_of(write_back).await;
        }
        let made = if self.policy.fulfilment {
            self.fulfilment(write_back.job.as_str())
                .await?
                .and_then(|found| found.id)
        } else {
            None
        };
        let wanted = convert::update(write_back, &self.policy.fields, &self.settings.options);
        let wanted = wanted.map_err(CallError::Refused)?;
        let fields = match &wanted {
            Some(wanted) => {
                let record = self.telling(wanted, &write_back.order.document).await?;
                convert::shows(&record, wanted)
            }
            None => false,
        };
        let whole = (made.is_some() || !self.policy.fulfilment) && (fields || wanted.is_none());
        Ok(match (whole, made.is_some() || fields) {
            (true, _) => Written::Whole(place(made, fields)),
            (false, true) => Written::Partly(place(made, fields)),
            (false, false) => Written::Nothing,
        })
    }

    async fn made(&self, jobs: &[JobId]) -> Result<Option<BTreeSet<JobId>>, CallError> {
        if !self.policy.fulfilment {
            return Ok(None);
        }
        let ids: Vec<&str> = jobs.iter().map(JobId::as_str).collect();
        let mut made = BTreeSet::new();
        for batch in ids.chunks(BATCH) {
            let page: Page<MadeRow> = self.query(&suiteql::fulfilments(batch), PAGE).await?;
            made.extend(page.items.into_iter().filter_map(|row| row.externalid?.parse().ok()));
        }
        Ok(Some(made))
    }

    fn draft(&self, write_back: &WriteBack<'_>, found: &Written) -> Result<Draft, Refusal> {
        let options = &self.settings.options;
        if self.policy.to == WriteBackTarget::Invoice || write_back.order.document.kind == DocumentKind::Fulfilment {
            return self.draft_elsewhere(write_back, found);
        }
        let (whole, made) = match found {
            Written::Whole(there) => (true, there.id.clone()),
            Written::Partly(there) | Written::Place { there, .. } => (false, there.id.clone()),
            Written::NoRoom(_) | Written::Nothing | Written::NotYet(_) => (false, None),
        };
        let transform = if self.policy.fulfilment && made.is_none() && !whole {
            Some(convert::transform(write_back, options, &self.packing)?)
        } else {
            None
        };
        let wanted = convert::update(write_back, &self.policy.fields, options)?.filter(|_| !whole);
        let operation = if transform.is_some() {
            "netsuite.transform"
        } else {
            "netsuite.write-fields"
        };
        let plan = Plan {
            transform,
            update: wanted.map(|wanted| wanted.update),
            made,
            place: None,
        };
        plan.into_draft(operation)
    }

    async fn write_back(&self, draft: &Draft, permit: Permit) -> Result<WriteBackRef, EffectError> {
        let foreign = |_| EffectError::Rejected(Refusal::new("foreign-draft", "this draft is not one of NetSuite"));
        let plan: Plan = serde_json::from_value(draft.body.clone()).map_err(foreign)?;
        let order = plan.transform.as_ref().map_or("", |transform| transform.order.as_str());
        let read = self.just_read.before_writing(order);
        let new = match &plan.transform {
            Some(transform) => Some(self.fulfil(transform, read, permit).await?),
            None => None,
        };
        let mut lacking = None;
        if let Some(update) = &plan.update {
            let written = self.write_fields(update, permit).await;
            // With a fulfilment made by this very call nothing can be "rejected" or "not sent" any more.
            lacking = written.map_err(|error| match &new {
                Some(id) => {
                    EffectError::Unknown(format!("item fulfilment {id} was made, its fields were not: {error}"))
                }
                None => error,
            })?;
        }
        let there = plan.place;
        let mut there = there.unwrap_or_else(|| place(new.or(plan.made), plan.update.is_some()));
        if let Some(lacking) = lacking {
            tracing::warn!(account = %self.settings.account, place = %there.place, lacking, "not everything could be written");
            there.place = format!("{}; {lacking}", there.place);
        }
        Ok(there)
    }

    async fn flag(&self, document: &DocumentId, problem: Option<&str>) -> Result<(), CallError> {
        let Some(field) = &self.policy.fields.problem else {
            return Ok(());
        };
        let (order, problem) = match self.order_of(document).await? {
            Some(order) => (Some(order), problem),
            None => (self.still_flagged(document, field).await?, None),
        };
        let Some(order) = order else {
            return Ok(());
        };
        let path = convert::record_path(Target::Order, &order.id).map_err(CallError::Refused)?;
        let record = self.fields(&path, std::slice::from_ref(field)).await?;
        let options = &self.settings.options;
        let body = match &order.fulfilment {
            None => convert::flag_body(field, problem, options),
            Some(number) => {
                let there = convert::field_value(&record, field);
                convert::flag_among(field, there.as_deref(), (document, number), problem, options)
            }
        };
        // A write would change the document's time for nothing.
        if convert::field_value(&record, field) == convert::field_value(&body, field) {
            return Ok(());
        }
        self.ask(&patch("flag", path, &body)).await.map(|_| ())
    }

    async fn tell(&self, document: &DocumentId, status: &DeliveryStatus, permit: Permit) -> Result<Told, EffectError> {
        self.tell_of(document, &[], status, permit).await
    }

    async fn together(&self, document: &DocumentId, parcel: &str) -> Result<Option<Together>, CallError> {
        self.shown_together(document, parcel).await
    }

    async fn tell_of(
        &self,
        document: &DocumentId,
        parcels: &[String],
        status: &DeliveryStatus,
        permit: Permit,
    ) -> Result<Told, EffectError> {
        let body = convert::delivery(status, &self.policy.fields, &self.settings.options);
        if body.is_empty() {
            return Ok(Told::NotWanted);
        }
        let told = self.tell_records(document, parcels, body, permit).await;
        told.map_err(|error| match error {
            EffectError::Rejected(refusal) => EffectError::Rejected(convert::told_nothing(document, &refusal)),
            other => other,
        })
    }

    async fn check(&self) -> Vec<Finding> {
        self.scan();
        check::check(self).await
    }

    fn lost_request_window(&self) -> Option<Duration> {
        Some(LONGEST_REQUEST)
    }

    async fn unmake(&self, job: &JobId, document: &DocumentId, shipment: &Shipment) -> Result<(), CallError> {
        self.unmake_fulfilment(job, document, shipment).await
    }

    async fn close(&self) {
        self.endpoint.lane.close().await;
    }
}
