//! Notices to those who subscribed: pointers to what is to be fetched, and what goes wrong on the way.
//!
//! Quirks: a notice of V2 is signed over the time and the body as it leaves; one of V1 is not signed at all. Only a
//! track event carries data. A label bought in ShipStation is told of as a label and as a fulfilment; an order shipped
//! with an external tracking number only as the latter. Voids are not told of. V1 tells of outbound labels only, and its
//! pointers leave the lines out. The vendor does not say whether and when it tries again.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use serde_json::{Value, json};

use super::answer::se;
use super::model::{Hook, Id, State};
use super::times::utc_second;
use super::v2::tracked;
use super::{PushOutcome, ShipStation};
use crate::carriers::pushes::{self, Fate, Mishaps};

/// What became of the notices.
pub type PushBooks = pushes::PushBooks<Told>;
/// One notice in the books.
pub type PushEntry = pushes::PushEntry<Told>;
/// Notices that wait for their time.
pub(super) type Outbox = pushes::Outbox<Waiting>;

/// How many notices are remembered, to be sent again.
const KEPT: usize = 1_000;

/// A notice that is to be sent now, once.
#[derive(Clone, Debug)]
pub struct Push {
    /// Where it is posted.
    pub url: String,
    /// Its headers: the signature of V2 and the subscription's own.
    pub headers: Vec<(String, String)>,
    /// Its body, JSON.
    pub body: String,
    /// What it tells.
    pub attempt_of: Told,
    waiting: Waiting,
}

/// What a notice tells.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Told {
    /// 1 or 2: by which API.
    pub api: u8,
    /// The event, as subscribed to.
    pub event: String,
    /// What it points to.
    pub resource_url: String,
}

/// A notice that waits for its time.
#[derive(Clone, Debug)]
pub(super) struct Waiting {
    hook: Id,
    told: Told,
    body: String,
    attempts: u32,
}

/// Something that can be subscribed to.
#[derive(Clone, Debug)]
pub(super) struct News {
    stores: BTreeSet<u64>,
    what: What,
}

#[derive(Clone, Debug)]
enum What {
    Orders { import: String },
    Labels { batch: Id, outbound: bool },
    Fulfilled { id: Id, part: Id, external: bool },
    Tracked { label: Id },
    Batch { id: Id },
}

impl News {
    /// Orders came in by one import.
    pub(super) fn orders(import: &str, stores: impl IntoIterator<Item = u64>) -> Self {
        let import = import.to_owned();
        Self::of(stores, What::Orders { import })
    }

    /// Labels were bought.
    pub(super) fn labels(batch: Id, stores: impl IntoIterator<Item = u64>, outbound: bool) -> Self {
        Self::of(stores, What::Labels { batch, outbound })
    }

    /// A part was shipped.
    pub(super) fn fulfilled(id: Id, part: Id, store: Option<u64>, external: bool) -> Self {
        Self::of(store, What::Fulfilled { id, part, external })
    }

    /// A parcel was scanned.
    pub(super) fn tracked(label: Id, store: Option<u64>) -> Self {
        Self::of(store, What::Tracked { label })
    }

    /// A batch is done.
    pub(super) fn batch(id: Id, stores: impl IntoIterator<Item = u64>) -> Self {
        Self::of(stores, What::Batch { id })
    }

    fn of(stores: impl IntoIterator<Item = u64>, what: What) -> Self {
        Self {
            stores: stores.into_iter().collect(),
            what,
        }
    }

    /// Where this event points to, below the base of its API; nothing if it does not tell this.
    fn pointer(&self, hook: &Hook) -> Option<String> {
        let event = hook.event.as_str();
        Some(match (&self.what, event) {
            (What::Orders { import }, "shipment_created_v2") => format!("/v2/shipments?import_batch_id={import}"),
            (What::Orders { import }, "ORDER_NOTIFY" | "ITEM_ORDER_NOTIFY") => format!("/orders?importBatch={import}"),
            (What::Labels { batch, .. }, "label_created_v2") => {
                let store = hook.store.map(|store| format!("&store_id={}", se(store)));
                format!("/v2/labels?batch_id={}{}", se(*batch), store.unwrap_or_default())
            }
            (What::Labels { batch, outbound: true }, "SHIP_NOTIFY") => {
                format!("/shipments?batchId={batch}&includeShipmentItems=False")
            }
            (What::Labels { batch, outbound: true }, "ITEM_SHIP_NOTIFY") => {
                format!("/shipments?batchId={batch}&includeShipmentItems=True")
            }
            (What::Fulfilled { id, part, .. }, "fulfillment_shipped_v2") => {
                format!("/v2/fulfillments?fulfillment_id={}&shipment_id={}", se(*id), se(*part))
            }
            (What::Fulfilled { id, external: true, .. }, "FULFILLMENT_SHIPPED") => {
                format!("/fulfillments?fulfillmentId={id}")
            }
            (What::Tracked { label }, "track_event_v2") => format!("/v2/labels/{}/track", se(*label)),
            (What::Batch { id }, "batch_processed_v2") => format!("/v2/batches/{}", se(*id)),
            _ => return None,
        })
    }
}

impl State {
    /// Tells everyone who subscribed.
    pub(super) fn tell(&mut self, news: &News, now: Timestamp) {
        let about = |hook: &&Hook| news.stores.is_empty() || news.stores.iter().any(|store| hook.is_about(*store));
        let hooks = self.hooks.iter().filter(about);
        let waiting: Vec<Waiting> = hooks.filter_map(|hook| self.notice(hook, news)).collect();
        let mishaps = self.options.mishaps();
        for one in waiting {
            self.outbox.put(one, now, &mishaps);
        }
    }

    fn notice(&self, hook: &Hook, news: &News) -> Option<Waiting> {
        let base = if hook.api == 2 { self.v2_base() } else { self.v1_base() };
        let resource_url = format!("{base}{}", news.pointer(hook)?);
        let mut body = json!({ "resource_url": resource_url, "resource_type": hook.event.to_uppercase() });
        if let (What::Tracked { label }, Value::Object(fields)) = (&news.what, &mut body) {
            fields.insert("data".to_owned(), tracked(self, self.labels.get(label)?));
        }
        Some(Waiting {
            hook: hook.id,
            told: Told {
                api: hook.api,
                event: hook.event.clone(),
                resource_url,
            },
            body: body.to_string(),
            attempts: 0,
        })
    }

    fn v2_base(&self) -> String {
        let base = self.options.v2_base.clone().or_else(|| self.home.clone());
        base.unwrap_or_else(|| "https://api.shipstation.com".to_owned())
    }

    fn v1_base(&self) -> String {
        let base = self.options.v1_base.clone().or_else(|| self.home.clone());
        base.unwrap_or_else(|| "https://ssapi6.shipstation.com".to_owned())
    }

    /// The notice with its address, signature and headers; nothing if nobody subscribes any more.
    fn addressed(&self, waiting: &Waiting, now: Timestamp) -> Option<Push> {
        let hook = self.hooks.iter().find(|hook| hook.id == waiting.hook)?;
        let mut headers = vec![("content-type".to_owned(), "application/json".to_owned())];
        if hook.api == 2 {
            let skew = SignedDuration::from_secs(self.options.timestamp_skew_s);
            let time = utc_second(now.checked_add(skew).unwrap_or(now));
            headers.extend(self.keys.signed(&time, &waiting.body));
        }
        headers.extend(hook.headers.iter().cloned());
        Some(Push {
            url: hook.url.clone(),
            headers,
            body: waiting.body.clone(),
            attempt_of: waiting.told.clone(),
            waiting: waiting.clone(),
        })
    }
}

impl ShipStation {
    /// Takes every notice that is due out of the outbox, in the order in which they are sent: doubled ones come twice,
    /// lost ones are only counted. Whoever takes them is to send them, and to tell by [`ShipStation::record_push`] how
    /// that ended.
    pub fn due_pushes(&self) -> Vec<Push> {
        let now = self.now();
        let mut state = self.state();
        let mut due = Vec::new();
        let taken: Vec<(Waiting, Fate)> = state.outbox.take_due(now).collect();
        for (waiting, fate) in taken {
            match state.addressed(&waiting, now).filter(|_| fate != Fate::Lost) {
                Some(push) if fate == Fate::SentTwice => due.extend([push.clone(), push]),
                Some(push) => due.push(push),
                None => note(&mut state, &waiting, PushOutcome::Lost, now),
            }
            if state.sent.len() == KEPT {
                state.sent.remove(0);
            }
            state.sent.push(waiting);
        }
        state.pushed.sent += u64::try_from(due.len()).unwrap_or_default();
        due
    }

    /// Notes in the books how a notice ended; one that had no success is sent again as often as the options say.
    pub fn record_push(&self, push: &Push, outcome: PushOutcome) {
        let now = self.now();
        let mut state = self.state();
        let succeeded = matches!(outcome, PushOutcome::Answered(200..=299));
        note(&mut state, &push.waiting, outcome, now);
        if !succeeded && push.waiting.attempts < state.options.push_retries {
            let mut again = push.waiting.clone();
            again.attempts += 1;
            let later = Mishaps {
                delay_s: state.options.push_retry_s,
                ..Mishaps::default()
            };
            state.outbox.put(again, now, &later);
        }
    }

    /// Sends the notices of the past (lost ones too) whose body contains this text so many times again; how many that
    /// are.
    pub fn again(&self, containing: &str, times: usize) -> usize {
        let now = self.now();
        let mut state = self.state();
        let matching: Vec<Waiting> = state
            .sent
            .iter()
            .filter(|waiting| waiting.body.contains(containing))
            .cloned()
            .collect();
        for waiting in &matching {
            for _ in 0..times {
                state.outbox.put(waiting.clone(), now, &Mishaps::default());
            }
        }
        matching.len() * times
    }
}

fn note(state: &mut State, waiting: &Waiting, outcome: PushOutcome, now: Timestamp) {
    let told = waiting.told.clone();
    state.pushed.note(&told.resource_url, &told, outcome, now);
}
