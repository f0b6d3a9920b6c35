//! Pushes of Advanced Integrated Visibility: what is told of an event, to whom, when, and what goes wrong on the way.
//!
//! Quirks: a webhook is registered in the portal, not by the API; one shipping account cannot be in two of them; the
//! signature in `fdx-signature` is the Base64 of an HMAC-SHA256 over the body as sent, with no time and no id of the
//! delivery. The body's form is not published: it is that of a Track answer, or of one result. FedEx's second attempts
//! are not published either, so there are none.

use aws_lc_rs::hmac;
use data_encoding::BASE64;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::json;

use super::answer::transaction_id;
use super::journey::wording;
use super::model::State;
use super::track_view::View;
use super::{EventKind, FedEx, PushOutcome, Webhook};
use crate::carriers::pushes::{self, Fate};

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
    /// Its headers, the signature among them.
    pub headers: Vec<(String, String)>,
    /// Its body, JSON.
    pub body: String,
    /// The event that it tries to tell.
    pub attempt_of: Told,
}

/// What a push tells.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Told {
    /// What happened.
    pub kind: EventKind,
    /// When.
    pub at: Timestamp,
    /// Its code, as pushed.
    pub code: String,
}

/// A push that waits for its time.
#[derive(Clone, Debug)]
pub(super) struct Waiting {
    number: String,
    account: String,
    told: Told,
    body: String,
}

impl FedEx {
    /// Takes every push that is due out of the outbox, in the order in which they are sent: doubled ones come twice,
    /// lost ones are only counted. Whoever takes them is to send them.
    pub fn due_pushes(&self) -> Vec<Push> {
        let now = self.now();
        let mut state = self.current();
        let mut due = Vec::new();
        for (waiting, fate) in state.outbox.take_due(now) {
            match state.addressed(&waiting).filter(|_| fate != Fate::Lost) {
                Some(push) if fate == Fate::SentTwice => due.extend([push.clone(), push]),
                Some(push) => due.push(push),
                None => state
                    .pushed
                    .note(&waiting.number, &waiting.told, PushOutcome::Lost, now),
            }
        }
        state.pushed.sent += u64::try_from(due.len()).unwrap_or_default();
        due
    }

    /// Notes in the books how a push ended.
    pub fn record_push(&self, push: &Push, outcome: PushOutcome) {
        let now = self.now();
        self.state().pushed.note(&push.number, &push.attempt_of, outcome, now);
    }

    /// Registers a webhook, as people do in the portal; one that tells of an account takes its place from none other.
    ///
    /// # Errors
    /// What the portal would object to.
    pub fn register_webhook(&self, webhook: Webhook) -> Result<(), &'static str> {
        let mut state = self.state();
        if let Some(fault) = webhook.fault() {
            return Err(fault);
        }
        let shared = |other: &Webhook| {
            let all = webhook.accounts.is_empty() || other.accounts.is_empty();
            all || webhook.accounts.iter().any(|account| other.tells_of(account))
        };
        let others = state.options.webhooks.iter().filter(|other| other.url != webhook.url);
        if others.into_iter().any(shared) {
            return Err("an account of it is told of elsewhere already");
        }
        state.options.webhooks.retain(|other| other.url != webhook.url);
        state.options.webhooks.push(webhook);
        Ok(())
    }
}

/// The signature of a body: Base64 of its HMAC-SHA256 by the security token.
pub fn signature(security_token: &str, body: &[u8]) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, security_token.as_bytes());
    BASE64.encode(hmac::sign(&key, body).as_ref())
}

impl State {
    /// Puts the latest event of a parcel into the outbox, if a webhook tells of its account.
    pub(super) fn announce(&mut self, serial: u64, number: &str) {
        let Some(waiting) = self.news_of(serial, number) else {
            return;
        };
        let (at, mishaps) = (waiting.told.at, self.options.mishaps());
        self.outbox.put(waiting, at, &mishaps);
    }

    fn news_of(&self, serial: u64, number: &str) -> Option<Waiting> {
        let shipment = self.shipment(serial)?;
        self.options
            .webhooks
            .iter()
            .find(|webhook| webhook.tells_of(&shipment.account))?;
        let mut packages = shipment.packages.iter();
        let package = packages.find(|package| package.tracking_number == number)?;
        let event = package.events.last()?;
        let view = View {
            options: &self.options,
            detailed: false,
            nested: false,
        };
        let result = view.result(shipment, package);
        let body = if self.options.push_bare {
            result
        } else {
            let complete = json!({ "trackingNumber": number, "trackResults": [result] });
            json!({ "transactionId": transaction_id(), "output": { "completeTrackResults": [complete] } })
        };
        Some(Waiting {
            number: number.to_owned(),
            account: shipment.account.clone(),
            told: Told {
                kind: event.kind,
                at: event.at,
                code: wording(event.kind).code.to_owned(),
            },
            body: body.to_string(),
        })
    }

    /// The push with its address and signature; nothing if no webhook tells of it any more.
    fn addressed(&self, waiting: &Waiting) -> Option<Push> {
        let mut webhooks = self.options.webhooks.iter();
        let webhook = webhooks.find(|webhook| webhook.tells_of(&waiting.account))?;
        let signature = signature(&webhook.security_token, waiting.body.as_bytes());
        Some(Push {
            number: waiting.number.clone(),
            url: webhook.url.clone(),
            headers: vec![
                ("Content-Type".to_owned(), "application/json".to_owned()),
                ("fdx-signature".to_owned(), signature),
            ],
            body: waiting.body.clone(),
            attempt_of: waiting.told.clone(),
        })
    }
}
