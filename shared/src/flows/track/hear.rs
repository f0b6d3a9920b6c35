//! What a webhook tells is joined with what is known of its parcel. Nothing in it can break anything: what is not understood is
//! counted, and a parcel that nobody follows yet keeps its news until somebody does.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::{LONGEST_DELAY, TRIES, Track, UNDER_WAY};
use crate::domain::{
    ConnectionId, DocumentId, Ending, Meaning, Milestone, ParcelKey, Progress, TrackedParcel, TrackingEvent, fold,
};
use crate::flows::poll::Followed;
use crate::ports::{Captured, Hook, Later, PushedNews, StoreError, TrackingMessage};
use crate::telemetry;

/// How soon the carrier is asked where a webhook only says that something happened.
const SOON: SignedDuration = SignedDuration::from_secs(30);

/// For how long a webhook that cannot be followed is opened again.
const WORTH_WHILE: SignedDuration = SignedDuration::from_hours(6);

/// How long what a webhook points to is followed: a worker's invocation has two minutes, for several webhooks side by side.
const FOLLOWED_FOR: SignedDuration = SignedDuration::from_secs(45);

/// How long a delivery is believed that the carrier does not show when it is asked.
const UNCONFIRMED: SignedDuration = SignedDuration::from_hours(24);

/// How long a parcel is followed whose label is void.
pub(super) const VOID_FOR: SignedDuration = SignedDuration::from_hours(7 * 24);

/// What came of one thing that a webhook tells.
enum Heard {
    /// It stands where it belongs.
    Kept,
    /// A parcel is to be told of, and the webhook minds it until it was.
    Minded,
    /// Nobody can make any use of it.
    Useless,
    /// Something stands in the way now.
    Later(Later),
}

impl Track {
    /// Deals with a captured webhook.
    pub(super) async fn open(&self, id: &str) -> Result<(), StoreError> {
        let Some(captured) = self.captures.captured(id).await? else {
            tracing::info!(capture = id, "the webhook was dealt with, or has expired");
            return self.captures.dealt_with(id).await;
        };
        let Some(hook) = self.hooks.hook(&captured.hook).await? else {
            tracing::warn!(capture = id, "the webhook's hook was removed");
            return self.captures.of_no_use(id).await;
        };
        let news = self.webhooks.read(&captured.system, &captured.body);
        // One webhook can mind one parcel.
        let minds = (news.len() == 1).then_some(id);
        let (mut later, mut minded, mut useless) = (None, false, false);
        for news in news {
            match self.news(&captured, &hook, news, minds).await? {
                Heard::Kept => {}
                Heard::Minded => minded = true,
                Heard::Useless => useless = true,
                Heard::Later(obstacle) => later = Some(obstacle),
            }
        }
        match later {
            Some(later) if self.is_worth_while(&captured) => self.come_again(&captured, &later).await,
            _ if minded => Ok(()),
            _ if useless => self.captures.of_no_use(id).await,
            _ => self.captures.dealt_with(id).await,
        }
    }

    /// After some hours the poll has found what the webhook tells of.
    fn is_worth_while(&self, captured: &Captured) -> bool {
        self.clock.now().duration_since(captured.at) < WORTH_WHILE
    }

    /// The webhook is opened again: at least as late as the other side says, and ever more seldom.
    async fn come_again(&self, captured: &Captured, later: &Later) -> Result<(), StoreError> {
        let now = self.clock.now();
        let hint = later.after.and_then(|after| SignedDuration::try_from(after).ok());
        let age = now.duration_since(captured.at);
        let wait = hint.unwrap_or_default().max(age / 2).max(SOON);
        tracing::info!(
            capture = captured.id,
            reason = later.reason,
            "what the webhook tells of cannot be fetched now"
        );
        self.captures.capture_again(&captured.id, now + wait).await?;
        let delay = Duration::try_from(wait.min(LONGEST_DELAY)).unwrap_or_default();
        let message = TrackingMessage::Hook(captured.id.clone());
        self.queue.send(&message, &captured.tenant, delay).await
    }

    /// Deals with one thing that a webhook tells, which can mind its parcel where it has a name here.
    async fn news(
        &self,
        captured: &Captured,
        hook: &Hook,
        news: PushedNews,
        minds: Option<&str>,
    ) -> Result<Heard, StoreError> {
        match news {
            PushedNews::Despatched(pointer) => self.despatched(hook, &pointer).await,
            PushedNews::Happened { number, event } if event.is_possible(captured.at) => {
                self.happened(hook, &number, &event, minds).await
            }
            PushedNews::Happened { number, event } => {
                let why = format!("its time {} cannot be", event.at);
                self.hinted(captured, hook, &number, &why).await
            }
            PushedNews::Hinted { number, why } => self.hinted(captured, hook, &number, &why).await,
            PushedNews::Changed(document) => self.changed(hook, &document).await,
            PushedNews::Nothing { why } => {
                telemetry::count("WebhooksNotUnderstood", 1);
                tracing::info!(
                    capture = captured.id,
                    reason = why,
                    "a webhook tells nothing that we know"
                );
                Ok(Heard::Useless)
            }
        }
    }

    async fn happened(
        &self,
        hook: &Hook,
        number: &str,
        event: &TrackingEvent,
        minds: Option<&str>,
    ) -> Result<Heard, StoreError> {
        let (keys, news) = (keys(&hook.connections, number), std::slice::from_ref(event));
        let mut followed = self.parcels.parcels(&keys).await?;
        let unknown = followed.is_empty();
        if unknown {
            telemetry::count("WebhooksOfUnknownParcels", 1);
            for key in &keys {
                self.keep_aside(key, news).await?;
            }
            // Whoever has begun to follow it meanwhile may not have seen what was kept.
            followed = self.parcels.parcels(&keys).await?;
        }
        let minds = minds.filter(|_| followed.len() == 1);
        let mut minded = false;
        for parcel in followed {
            minded |= self.hear(parcel, news, minds).await?;
        }
        Ok(match (minded, unknown) {
            (true, _) => Heard::Minded,
            (false, true) => Heard::Useless,
            (false, false) => Heard::Kept,
        })
    }

    /// Keeps news of a parcel that nobody follows, joined with what is kept of it already.
    async fn keep_aside(&self, key: &ParcelKey, news: &[TrackingEvent]) -> Result<(), StoreError> {
        let (_, new) = joined(self.parcels.events(key).await?, news);
        if new.is_empty() {
            return Ok(());
        }
        self.parcels.set_aside(key, &new).await
    }

    /// The carrier is asked soon for what a webhook does not say whole.
    async fn hinted(&self, captured: &Captured, hook: &Hook, number: &str, why: &str) -> Result<Heard, StoreError> {
        telemetry::count("WebhooksNotUnderstood", 1);
        tracing::info!(capture = captured.id, reason = why, "a webhook is only a hint");
        let at = self.clock.now() + SOON;
        for parcel in self.parcels.parcels(&keys(&hook.connections, number)).await? {
            self.ask_by(parcel, at).await?;
        }
        Ok(Heard::Useless)
    }

    /// Sees to it that the carrier is asked for a parcel at `at`.
    async fn ask_by(&self, parcel: TrackedParcel, at: Timestamp) -> Result<(), StoreError> {
        let asked = |parcel: &TrackedParcel| {
            let sooner = parcel.is_followed() && parcel.next_poll.is_none_or(|poll| poll > at);
            sooner.then(|| TrackedParcel {
                queued_until: Some(at + UNDER_WAY),
                ..parcel.clone().asked_at(at)
            })
        };
        if let Some(parcel) = self.change(parcel, asked).await?
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
        parcel: TrackedParcel,
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
        match self.change(parcel, changed).await? {
            Some(parcel) if parcel.is_to_be_asked(now) => self.call_for(&parcel, SignedDuration::ZERO).await,
            _ => {}
        }
        Ok(())
    }

    /// A document changed: it is read again and admitted as if it had been polled. What cannot be read now the poll finds.
    async fn changed(&self, hook: &Hook, document: &DocumentId) -> Result<Heard, StoreError> {
        for connection in &hook.connections {
            let report = self.poll.admit_document(connection, document).await?;
            if let Some(why) = report.stopped {
                tracing::info!(%connection, %document, reason = why, "the document was not read: the poll finds it");
            }
        }
        Ok(Heard::Kept)
    }

    /// People shipped something at a desk: it is fetched and admitted. What is not fetched the poll finds, also for a connection
    /// that is paused now.
    async fn despatched(&self, hook: &Hook, pointer: &str) -> Result<Heard, StoreError> {
        let mut heard = Heard::Kept;
        for connection in &hook.connections {
            let deadline = self.clock.now() + FOLLOWED_FOR;
            match self.poll.follow(connection, pointer, deadline).await? {
                Followed::Done(report) => {
                    let (seen, admitted, whole) = (report.seen, report.admitted, report.complete);
                    tracing::info!(%connection, seen, admitted, whole, "followed a webhook to what people shipped");
                }
                Followed::Nowhere(why) => {
                    telemetry::count("WebhooksToNowhere", 1);
                    tracing::info!(%connection, reason = why, "a webhook leads to nothing");
                }
                Followed::Later(later) => heard = Heard::Later(later),
            }
        }
        Ok(heard)
    }

    /// Joins events with what is known of a parcel; what changes is told to the ERP a moment later, and the webhook minds the parcel
    /// until it was: whether it does.
    async fn hear(
        &self,
        parcel: TrackedParcel,
        news: &[TrackingEvent],
        webhook: Option<&str>,
    ) -> Result<bool, StoreError> {
        let key = parcel.key.clone();
        let mut standing = Some(parcel);
        for _ in 0..TRIES {
            let Some(parcel) = standing else {
                return self.keep_aside(&key, news).await.map(|()| false);
            };
            let (all, new) = joined(self.known(&parcel).await?, &learnable(&parcel, news));
            let now = self.clock.now();
            let after = self.after(&parcel, &all, now + self.tell_after);
            let asked = match after.milestone() {
                // What arrived is asked for once more: the name of who signed, and events whose push was lost.
                Some(milestone) if milestone.is_final() => after.clone().asked_at(now + self.tell_after),
                _ => after.clone(),
            };
            if new.is_empty() && asked == parcel {
                return Ok(self.goes_on(&parcel, webhook).await);
            }
            let is_due = asked.tell_at != parcel.tell_at || asked.next_poll != parcel.next_poll;
            let asked = match webhook.filter(|_| is_due) {
                Some(webhook) => asked.minded_by(Some(webhook), parcel.due_at()),
                None => asked,
            };
            let next = TrackedParcel {
                version: parcel.version + 1,
                ..asked.with_events(all)
            };
            if self.record(&parcel, &next).await? {
                report_unknown(&key, &new);
                if is_due {
                    self.call_for(&next, self.tell_after).await;
                }
                return Ok(webhook.is_some_and(|webhook| next.is_minded_by(webhook)));
            }
            standing = self.parcel(&key).await?;
        }
        Err(StoreError(format!(
            "parcel {key} changes faster than it can be written"
        )))
    }

    /// A webhook that was opened before has its parcel looked at again if it minds that still: the message about it was lost.
    async fn goes_on(&self, parcel: &TrackedParcel, webhook: Option<&str>) -> bool {
        let minds = webhook.is_some_and(|webhook| parcel.is_minded_by(webhook));
        if minds && parcel.queued_until.is_none_or(|until| until <= self.clock.now()) {
            self.call_for(parcel, SignedDuration::ZERO).await;
        }
        minds
    }

    /// Everything that is known to have happened to a parcel.
    pub(super) async fn known(&self, parcel: &TrackedParcel) -> Result<Vec<TrackingEvent>, StoreError> {
        match parcel.gathered {
            true => Ok(parcel.events.clone()),
            false => self.parcels.events(&parcel.key).await,
        }
    }

    /// The parcel with its events folded; a change is to be told by `soon`.
    pub(super) fn after(&self, parcel: &TrackedParcel, events: &[TrackingEvent], soon: Timestamp) -> TrackedParcel {
        // Events expire; what they led to stays.
        let progress = fold(events).or_else(|| parcel.progress.clone());
        if progress == parcel.progress {
            return parcel.clone();
        }
        log(parcel, progress.as_ref());
        let now = self.clock.now();
        // Sooner than a second look at what was told before.
        let tell_at = parcel.tell_at.map_or(soon, |tell_at| tell_at.min(soon));
        let moved = TrackedParcel {
            progress,
            untold_since: Some(parcel.untold_since.unwrap_or(now)),
            tell_at: Some(tell_at),
            queued_until: Some(tell_at.max(now) + UNDER_WAY),
            ..parcel.clone()
        };
        resumed(moved, now)
    }
}

/// What moved after it was thought to be over: one that had been given up has arrived after all, and one that had arrived goes
/// on, so that it is followed again.
fn resumed(moved: TrackedParcel, now: Timestamp) -> TrackedParcel {
    let is_final = moved.milestone().is_some_and(Milestone::is_final);
    match moved.ended {
        Some((Ending::GivenUp, _)) if is_final => TrackedParcel {
            ended: Some((Ending::Final, now)),
            ..moved
        },
        Some((Ending::Final, _)) if !is_final => TrackedParcel {
            ended: None,
            enlisted: false,
            next_poll: Some(now),
            ..moved
        },
        _ => moved,
    }
}

fn log(parcel: &TrackedParcel, progress: Option<&Progress>) {
    let milestone = progress.map_or("nothing", |progress| progress.milestone.words());
    tracing::info!(job = %parcel.job, parcel = %parcel.key, milestone, "the parcel moved");
}

fn keys(connections: &[ConnectionId], number: &str) -> Vec<ParcelKey> {
    let key = |connection: &ConnectionId| ParcelKey {
        connection: connection.clone(),
        number: number.to_owned(),
    };
    connections.iter().map(key).collect()
}

/// Events as they may be kept of a parcel: without persons where those were erased.
pub(super) fn learnable(parcel: &TrackedParcel, news: &[TrackingEvent]) -> Vec<TrackingEvent> {
    let kept = |event: &TrackingEvent| {
        if parcel.forgotten {
            event.without_person()
        } else {
            event.clone()
        }
    };
    news.iter().map(kept).collect()
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

/// What ends a parcel: that the carrier itself says so when it is asked, or has had a day to say otherwise. One whose label is
/// void may be handed over all the same, for some days.
pub(super) fn ending(parcel: &TrackedParcel, told: &[TrackingEvent], now: Timestamp) -> Option<Ending> {
    let progress = parcel
        .progress
        .as_ref()
        .filter(|progress| progress.milestone.is_final())?;
    let confirmed = fold(told).is_some_and(|told| told.milestone.is_final());
    let since = now.duration_since(progress.at);
    let over = match progress.milestone {
        Milestone::Voided => since >= VOID_FOR,
        _ => confirmed || since >= UNCONFIRMED,
    };
    over.then_some(Ending::Final)
}
