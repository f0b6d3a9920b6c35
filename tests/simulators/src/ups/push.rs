//! Track Alert's pushes: what is told of an event, to whom, when, and what goes wrong on the way.
//!
//! Quirks: one event for one push, without an id; text that there is nothing to say for is blank rather than missing; the offset
//! from GMT has a dot (`-04.00`); there are no second attempts, so what is lost or refused stays untold.

use data_encoding::BASE64;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::Serialize;
use serde_json::{Value, json};

use super::journey::{Event, EventKind, SIGNED_BY, UPDATED_DATE, Wording};
use super::model::{Package, Shipment, State};
use super::subscription::Subscription;
use super::{Options, Ups, V2Hook};
pub use crate::carriers::pushes::PushOutcome;
use crate::carriers::pushes::{self, Fate, Mishaps};

/// What became of the pushes.
pub type PushBooks = pushes::PushBooks<Told>;
/// One push in the books.
pub type PushEntry = pushes::PushEntry<Told>;
/// Pushes that wait for their time.
pub(super) type Outbox = pushes::Outbox<Waiting>;

/// A push that is to be sent now, once.
#[derive(Clone, Debug)]
pub struct Push {
    /// The tracking number.
    pub number: String,
    /// Where it is posted.
    pub url: String,
    /// Its headers, but for those that a token needs.
    pub headers: Vec<(String, String)>,
    /// Its body, JSON.
    pub body: String,
    /// The event that it tries to tell.
    pub attempt_of: Told,
    /// The registered webhook, whose token it needs if the webhook names where to get one; only of the second generation.
    pub oauth: Option<V2Hook>,
}

/// What a push tells.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Told {
    /// What happened.
    pub kind: EventKind,
    /// When.
    pub at: Timestamp,
    /// The type of the activity, as pushed.
    pub r#type: String,
    /// The code of the activity, as pushed.
    pub code: String,
}

/// A push that waits for its time.
#[derive(Clone, Debug)]
pub(super) struct Waiting {
    number: String,
    told: Told,
    body: String,
    /// Address and credential; without them it goes where the portal says.
    destination: Option<(String, String)>,
}

/// An event ready to be told to anybody.
struct News {
    at: Timestamp,
    ends: bool,
    messages: Vec<(Told, String)>,
}

impl Ups {
    /// Takes every push that is due out of the outbox, in the order in which they are sent: doubled ones come twice, lost ones
    /// are only counted. Whoever takes them is to send them; UPS does not try again.
    pub fn due_pushes(&self) -> Vec<Push> {
        let now = self.now();
        let mut state = self.state();
        state.progress(now);
        let mut pushes = Vec::new();
        for (waiting, fate) in state.outbox.take_due(now) {
            let addressed = waiting.addressed(&state.options);
            match addressed.filter(|_| fate != Fate::Lost) {
                Some(push) if fate == Fate::SentTwice => pushes.extend([push.clone(), push]),
                Some(push) => pushes.push(push),
                None => state
                    .pushed
                    .note(&waiting.number, &waiting.told, PushOutcome::Lost, now),
            }
        }
        state.pushed.sent += u64::try_from(pushes.len()).unwrap_or_default();
        pushes
    }

    /// Notes in the books how a push ended.
    pub fn record_push(&self, push: &Push, outcome: PushOutcome) {
        let now = self.now();
        self.state().pushed.note(&push.number, &push.attempt_of, outcome, now);
    }
}

impl State {
    /// Tells the latest event of a parcel to everyone whose subscription lives at its time; a delivery ends those.
    pub(super) fn announce(&mut self, number: &str) {
        let Some(news) = self.news_of(number) else { return };
        let live = self
            .subscriptions
            .of_mut(number)
            .filter(|subscription| subscription.is_live_at(news.at));
        for subscription in live {
            let wanted = news
                .messages
                .iter()
                .filter(|(told, _)| subscription.wants(&told.r#type));
            for (told, body) in wanted.filter(|_| self.options.push) {
                let waiting = Waiting::of(subscription, told, body);
                self.outbox.put(waiting, told.at, &self.options.mishaps());
            }
            if news.ends {
                subscription.ended_at = Some(news.at);
            }
        }
    }

    fn news_of(&self, number: &str) -> Option<News> {
        if !self.subscriptions.has(number) {
            return None;
        }
        let shipment = self.with_number(number)?;
        let package = shipment
            .packages
            .iter()
            .find(|package| package.tracking_number == number)?;
        let event = package.events.last()?;
        let moved = event.kind.delays().then_some(UPDATED_DATE);
        let words = std::iter::once(event.kind.wording()).chain(moved);
        Some(News {
            at: event.at,
            ends: event.kind == EventKind::Delivered,
            messages: words
                .map(|words| {
                    let body = message(shipment, package, event, &words, &self.options);
                    (told(event, &words), body.to_string())
                })
                .collect(),
        })
    }
}

fn told(event: &Event, words: &Wording) -> Told {
    Told {
        kind: event.kind,
        at: event.at,
        r#type: words.r#type.to_owned(),
        code: words.code.to_owned(),
    }
}

impl Waiting {
    fn of(subscription: &Subscription, told: &Told, body: &str) -> Self {
        Self {
            number: subscription.number.clone(),
            told: told.clone(),
            body: body.to_owned(),
            destination: subscription.url.clone().zip(subscription.credential.clone()),
        }
    }

    /// The push with its address; nothing if it has none.
    fn addressed(&self, options: &Options) -> Option<Push> {
        let mut headers = vec![
            header("Content-Type", "application/json"),
            header("User-Agent", "UPSPubSubTrackingService"),
        ];
        let (url, oauth) = match &self.destination {
            Some((url, credential)) => {
                headers.push(header("credential", credential));
                (url.clone(), None)
            }
            None => {
                let hook = options.v2_hook.clone()?;
                headers.extend(hook.x_api_key.iter().map(|key| header("x-api-key", key)));
                (hook.url.clone(), Some(hook))
            }
        };
        Some(Push {
            number: self.number.clone(),
            url,
            headers,
            body: self.body.clone(),
            attempt_of: self.told.clone(),
            oauth,
        })
    }
}

fn header(name: &str, value: &str) -> (String, String) {
    (name.to_owned(), value.to_owned())
}

fn message(shipment: &Shipment, package: &Package, event: &Event, words: &Wording, options: &Options) -> Value {
    let local = event.at.to_zoned(event.place.time_zone());
    let gmt = event.at.to_zoned(TimeZone::UTC);
    let delivered = event.kind == EventKind::Delivered;
    let on_delivery = |text: String| if delivered { text } else { String::new() };
    let (date, time) = (
        local.strftime("%Y%m%d").to_string(),
        local.strftime("%H%M%S").to_string(),
    );
    let rescheduled = shipment.rescheduled(package, event.at);
    let promised = rescheduled.unwrap_or_else(|| shipment.promised_at_first());
    json!({
        "trackingNumber": package.tracking_number,
        "localActivityDate": date,
        "localActivityTime": time,
        "activityLocation": location(event),
        "activityStatus": {
            "type": words.r#type,
            "code": words.code,
            "description": words.simplified,
            "descriptionCode": words.status_code,
        },
        "scheduledDeliveryDate": promised.strftime("%Y%m%d").to_string(),
        "actualDeliveryDate": on_delivery(date.clone()),
        "actualDeliveryTime": on_delivery(time.clone()),
        "gmtActivityDate": gmt.strftime("%Y%m%d").to_string(),
        "gmtActivityTime": gmt.strftime("%H%M%S").to_string(),
        "gmtOffset": local.strftime("%:z").to_string().replace(':', "."),
        "deliveryStartTime": "",
        "deliveryEndTime": "",
        "deliveryTimeDescription": if delivered { "" } else { "end of day" },
        "deliveryPhoto": on_delivery(photo(options.photo_bytes)),
        "alternateTrackingNumber": "",
        "receivedBy": on_delivery(SIGNED_BY.to_owned()),
    })
}

/// Where it happened; the postal code is told only of a delivery.
fn location(event: &Event) -> Value {
    let told = |text: &str| {
        if event.kind.is_about_billing() {
            String::new()
        } else {
            text.to_uppercase()
        }
    };
    let postal = event.place.postal.get(..5).unwrap_or(&event.place.postal);
    json!({
        "city": told(&event.place.city),
        "stateProvince": told(&event.place.state),
        "postalCode": if event.kind == EventKind::Delivered { postal } else { "" },
        "country": event.place.country,
    })
}

/// So many bytes that are no picture.
fn photo(bytes: u32) -> String {
    BASE64.encode(&vec![0x55; usize::try_from(bytes).unwrap_or_default()])
}

impl Options {
    fn mishaps(&self) -> Mishaps {
        Mishaps {
            lose_every: self.push_lose_every,
            twice_every: self.push_twice_every,
            delay_s: self.push_delay_s,
            late_every: self.push_late_every,
            late_s: self.push_late_s,
        }
    }
}
