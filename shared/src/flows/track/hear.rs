//! What a webhook tells is joined with what is known of its parcel. Nothing in it can break anything: what is not understood is
//! counted, and a parcel that nobody follows yet keeps its news until somebody does.

use jiff::{SignedDuration, Timestamp};

use super::{TRIES, Track, UNDER_WAY};
use crate::domain::{
    ConnectionId, DocumentId, Ending, Meaning, Milestone, ParcelKey, Progress, TrackedParcel, TrackingEvent, fold,
};
use crate::ports::{Captured, Hook, PushedNews, StoreError};
use crate::telemetry;

/// How soon the carrier is asked where a webhook only says that something happened.
const SOON: SignedDuration = SignedDuration::from_secs(30);

impl Track {
    /// Deals with a captured webhook.
    pub(super) async fn open(&self, id: &str) -> Result<(), StoreError> {
        let Some(captured) = self.captures.captured(id).await? else {
            tracing::warn!(capture = id, "the webhook has expired");
            return Ok(());
        };
        let Some(hook) = self.hooks.hook(&captured.hook).await? else {
            tracing::warn!(capture = id, "the webhook's hook was removed");
            return self.captures.dealt_with(id).await;
        };
        let mut settled = true;
        for news in self.webhooks.read(&captured.system, &captured.body) {
            settled &= self.news(&captured, &hook, news).await?;
        }
        if settled {
            self.captures.dealt_with(id).await
        } else {
            // It stays due, and is opened again.
            Ok(())
        }
    }

    /// Whether the news are dealt with.
    async fn news(&self, captured: &Captured, hook: &Hook, news: PushedNews) -> Result<bool, StoreError> {
        match news {
            PushedNews::Happened { number, event } if event.is_possible(captured.at) => {
                self.happened(hook, &number, &event).await.map(|()| true)
            }
            PushedNews::Happened { number, event } => {
                let why = format!("its time {} cannot be", event.at);
                self.hinted(captured, hook, &number, &why).await.map(|()| true)
            }
            PushedNews::Hinted { number, why } => self.hinted(captured, hook, &number, &why).await.map(|()| true),
            PushedNews::Changed(document) => self.changed(hook, &document).await,
            PushedNews::Nothing { why } => {
                telemetry::count("WebhooksNotUnderstood", 1);
                tracing::info!(capture = captured.id, why, "a webhook tells nothing that we know");
                Ok(true)
            }
        }
    }

    async fn happened(&self, hook: &Hook, number: &str, event: &TrackingEvent) -> Result<(), StoreError> {
        let keys = keys(&hook.connections, number);
        let followed = self.parcels.parcels(&keys).await?;
        if followed.is_empty() {
            telemetry::count("WebhooksOfUnknownParcels", 1);
            for key in &keys {
                self.parcels.set_aside(key, std::slice::from_ref(event)).await?;
            }
        }
        for parcel in followed {
            self.hear(&parcel.key, std::slice::from_ref(event)).await?;
        }
        Ok(())
    }

    /// The carrier is asked soon for what a webhook does not say whole.
    async fn hinted(&self, captured: &Captured, hook: &Hook, number: &str, why: &str) -> Result<(), StoreError> {
        telemetry::count("WebhooksNotUnderstood", 1);
        tracing::info!(capture = captured.id, why, "a webhook is only a hint");
        let at = self.clock.now() + SOON;
        for parcel in self.parcels.parcels(&keys(&hook.connections, number)).await? {
            self.ask_by(&parcel.key, at).await?;
        }
        Ok(())
    }

    /// Sees to it that the carrier is asked for a parcel at `at`.
    pub(crate) async fn ask_by(&self, key: &ParcelKey, at: Timestamp) -> Result<(), StoreError> {
        let asked = |parcel: &TrackedParcel| {
            let sooner = parcel.is_followed() && parcel.next_poll.is_none_or(|poll| poll > at);
            sooner.then(|| TrackedParcel {
                queued_until: Some(at + UNDER_WAY),
                ..parcel.clone().asked_at(at)
            })
        };
        if let Some(parcel) = self.change(key, asked).await?
            && parcel.next_poll == Some(at)
        {
            let delay = at.duration_since(self.clock.now()).max(SignedDuration::ZERO);
            self.call_for(&parcel, delay).await;
        }
        Ok(())
    }

    /// Changes a parcel that is still followed, and has the carrier asked for it at once.
    pub(crate) async fn ask_now(
        &self,
        key: &ParcelKey,
        change: impl Fn(&TrackedParcel) -> TrackedParcel + Send + Sync,
    ) -> Result<(), StoreError> {
        let now = self.clock.now();
        let changed = |parcel: &TrackedParcel| {
            let followed = parcel.is_followed();
            followed.then(|| TrackedParcel {
                queued_until: Some(now + UNDER_WAY),
                ..change(parcel).asked_at(now)
            })
        };
        match self.change(key, changed).await? {
            Some(parcel) if parcel.is_to_be_asked(now) => self.call_for(&parcel, SignedDuration::ZERO).await,
            _ => {}
        }
        Ok(())
    }

    /// A document changed: it is read again and admitted as if it had been polled.
    async fn changed(&self, hook: &Hook, document: &DocumentId) -> Result<bool, StoreError> {
        let mut settled = true;
        for connection in &hook.connections {
            let report = self.poll.admit_document(connection, document).await?;
            if let Some(why) = report.stopped {
                tracing::info!(%connection, %document, why, "the document was not read: the poll finds it");
                settled &= report.seen == 0;
            }
        }
        Ok(settled)
    }

    /// Joins events with what is known of a parcel; what changes is told to the ERP a moment later.
    pub(super) async fn hear(&self, key: &ParcelKey, news: &[TrackingEvent]) -> Result<(), StoreError> {
        for _ in 0..TRIES {
            let Some(parcel) = self.parcel(key).await? else {
                return self.parcels.set_aside(key, news).await;
            };
            let known = self.parcels.events(key).await?;
            let (all, new) = joined(known, news);
            let now = self.clock.now();
            let after = self.after(&parcel, &all, now);
            let asked = match after.milestone() {
                // What arrived is asked for once more: the name of who signed, and events whose push was lost.
                Some(milestone) if milestone.is_final() => after.clone().asked_at(now + self.tell_after),
                _ => after.clone(),
            };
            if new.is_empty() && asked == parcel {
                return Ok(());
            }
            let next = TrackedParcel {
                version: parcel.version + 1,
                ..asked
            };
            if self.parcels.record(&next, &new).await? {
                report_unknown(key, &new);
                if next.tell_at != parcel.tell_at || next.next_poll != parcel.next_poll {
                    self.call_for(&next, self.tell_after).await;
                }
                return Ok(());
            }
        }
        Err(StoreError(format!(
            "parcel {key} changes faster than it can be written"
        )))
    }

    /// The parcel with its events folded; a change is to be told.
    pub(super) fn after(&self, parcel: &TrackedParcel, events: &[TrackingEvent], now: Timestamp) -> TrackedParcel {
        // Events expire; what they led to stays.
        let progress = fold(events).or_else(|| parcel.progress.clone());
        if progress == parcel.progress {
            return parcel.clone();
        }
        log(parcel, progress.as_ref());
        let tell_at = parcel.tell_at.unwrap_or(now + self.tell_after);
        TrackedParcel {
            progress,
            untold_since: Some(parcel.untold_since.unwrap_or(now)),
            tell_at: Some(tell_at),
            queued_until: Some(tell_at.max(now) + UNDER_WAY),
            ..parcel.clone()
        }
    }
}

fn log(parcel: &TrackedParcel, progress: Option<&Progress>) {
    let milestone = progress.map_or("nothing", |progress| progress.milestone.words());
    tracing::info!(job.id = %parcel.job, parcel = %parcel.key, milestone, "the parcel moved");
}

fn keys(connections: &[ConnectionId], number: &str) -> Vec<ParcelKey> {
    let key = |connection: &ConnectionId| ParcelKey {
        connection: connection.clone(),
        number: number.to_owned(),
    };
    connections.iter().map(key).collect()
}

/// All events that are known now, and those of them that are new or tell more than before.
pub(super) fn joined(known: Vec<TrackingEvent>, news: &[TrackingEvent]) -> (Vec<TrackingEvent>, Vec<TrackingEvent>) {
    let mut all: std::collections::BTreeMap<String, TrackingEvent> =
        known.iter().map(|event| (event.key(), event.clone())).collect();
    for event in news {
        let joined = match all.get(&event.key()) {
            Some(known) => known.joined(event),
            None => event.clone(),
        };
        all.insert(event.key(), joined);
    }
    let is_new = |event: &&TrackingEvent| !known.contains(event);
    let new = all.values().filter(is_new).cloned().collect();
    (all.into_values().collect(), new)
}

/// Words of the carrier that we do not know are kept with their event; somebody should hear of them.
pub(super) fn report_unknown(key: &ParcelKey, events: &[TrackingEvent]) {
    for event in events.iter().filter(|event| event.meaning == Meaning::Unknown) {
        telemetry::count("UnknownTrackingCodes", 1);
        tracing::warn!(parcel = %key, code = %event.code, "the carrier says something that we do not know");
    }
}

/// What ends a parcel that came so far and was asked for since.
pub(super) fn ending(milestone: Option<Milestone>) -> Option<Ending> {
    milestone
        .filter(|milestone| milestone.is_final())
        .map(|_| Ending::Final)
}
