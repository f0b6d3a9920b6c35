//! Who follows which number by Track Alert, and since when.
//!
//! A subscription has no id and cannot be ended by its owner: it ends with its time or with the delivery. Asking again while it
//! lives extends it; asking after its end begins a new one, which tells nothing of the time between.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use super::Options;

/// Which generation of Track Alert a subscription was made by.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Generation {
    /// The request names where events go.
    V1,
    /// Events go where the portal says.
    V2,
}

/// What a subscription was asked to tell.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// Every event.
    Standard,
    /// The events that were asked for.
    Enhanced,
}

/// A number that a client follows.
#[derive(Clone, Debug, Serialize)]
pub struct Subscription {
    /// The client id.
    pub client: String,
    /// The tracking number.
    pub number: String,
    /// The generation it was last asked for by.
    pub version: Generation,
    /// The level it was last asked for at.
    pub level: Level,
    /// The types of events that it is limited to; empty: all of them.
    pub preferences: Vec<String>,
    /// Where events go; only of the first generation.
    pub url: Option<String>,
    /// What the client wants to hear from UPS; only of the first generation, and not told in the books.
    #[serde(skip)]
    pub credential: Option<String>,
    /// Since when it has lived without a gap.
    pub began_at: Timestamp,
    /// When it was last asked for.
    pub latest_at: Timestamp,
    /// When it ends by itself.
    pub expires_at: Timestamp,
    /// When the parcel was delivered, which ended it.
    pub ended_at: Option<Timestamp>,
    /// Every time that it was asked for.
    pub log: Vec<Timestamp>,
}

/// What a client asks for, the same for every number in its request.
#[derive(Clone, Debug)]
pub(super) struct Terms {
    pub(super) client: String,
    pub(super) version: Generation,
    pub(super) level: Level,
    pub(super) preferences: Vec<String>,
    /// Address and credential.
    pub(super) destination: Option<(String, String)>,
}

/// All subscriptions, by number and client.
#[derive(Clone, Debug, Default)]
pub(super) struct Subscriptions(BTreeMap<(String, String), Subscription>);

impl Subscription {
    /// Whether an event at this time is told.
    pub fn is_live_at(&self, at: Timestamp) -> bool {
        self.began_at <= at && at < self.expires_at && self.ended_at.is_none_or(|end| at <= end)
    }

    /// Whether an event of this type is told; a void is manifest information too.
    pub(super) fn wants(&self, r#type: &str) -> bool {
        let asked = if r#type == "MV" { "M" } else { r#type };
        self.preferences.is_empty() || self.preferences.iter().any(|wanted| wanted == asked)
    }

    fn begin(number: &str, terms: &Terms, now: Timestamp, life: SignedDuration) -> Self {
        Self {
            client: terms.client.clone(),
            number: number.to_owned(),
            version: terms.version,
            level: terms.level,
            preferences: Vec::new(),
            url: None,
            credential: None,
            began_at: now,
            latest_at: now,
            expires_at: end_of(now, life),
            ended_at: None,
            log: Vec::new(),
        }
    }

    fn ask_again(&mut self, terms: &Terms, now: Timestamp, life: SignedDuration) {
        if !self.is_live_at(now) {
            self.began_at = now;
            self.ended_at = None;
        }
        let (url, credential) = terms.destination.clone().unzip();
        self.version = terms.version;
        self.level = terms.level;
        self.preferences.clone_from(&terms.preferences);
        self.url = url;
        self.credential = credential;
        self.latest_at = now;
        self.expires_at = end_of(now, life);
        self.log.push(now);
    }
}

impl Subscriptions {
    /// A client follows a number from now on, or goes on following it.
    pub(super) fn subscribe(&mut self, number: &str, terms: &Terms, now: Timestamp, life: SignedDuration) {
        self.0
            .entry((number.to_owned(), terms.client.clone()))
            .or_insert_with(|| Subscription::begin(number, terms, now, life))
            .ask_again(terms, now, life);
    }

    /// The subscriptions to a number, whether they live or not.
    pub(super) fn of_mut(&mut self, number: &str) -> impl Iterator<Item = &mut Subscription> {
        let first = (number.to_owned(), String::new());
        let from_there = self.0.range_mut(first..).map(|(_, subscription)| subscription);
        from_there.take_while(move |subscription| subscription.number == number)
    }

    /// Whether anybody has ever subscribed to a number.
    pub(super) fn has(&self, number: &str) -> bool {
        let first = (number.to_owned(), String::new());
        let next = self.0.range(first..).next();
        next.is_some_and(|((of, _), _)| of == number)
    }

    /// All of them, by number.
    pub(super) fn all(&self) -> Vec<Subscription> {
        self.0.values().cloned().collect()
    }
}

/// How long a subscription lives.
pub(super) fn life(options: &Options) -> SignedDuration {
    match options.subscription_life_s {
        Some(seconds) => SignedDuration::from_secs(i64::from(seconds)),
        None => SignedDuration::from_hours(24 * i64::from(options.subscription_days)),
    }
}

fn end_of(now: Timestamp, life: SignedDuration) -> Timestamp {
    now.saturating_add(life).unwrap_or(Timestamp::MAX)
}
