//! Asking the carrier for parcels: at first, as often as their cadence says, after a promise to push was made or
//! broken, and once more when they have arrived. Those that come together are asked for in as few calls as the carrier
//! allows; what it answers for each is that parcel's own matter.
//!
//! When a parcel is given up:
//! - The carrier answers for it, and it has not arrived within the connection's `give_up_after`: at that answer.
//! - The carrier does not answer for it, which may be an outage ("later") or a refusal of us (a credential, an entitlement) as well
//!   as a number that the carrier will never tell of. So it is asked again, for as long as it takes. It is given up only once it is
//!   older than `give_up_after`, nothing was told of it for [`SILENCE`], and the carrier tells at that moment of another shipment of the
//!   same account. Without such a control it stays followed.
//! - A label that we voided, and of which the carrier never shows that it is void or that it moved, ends after some days without being
//!   missed.
//! - A refusal of us is counted (`TrackingRefused`), so that an alarm rings.

use futures::future::join_all;
use jiff::{SignedDuration, Timestamp};

use super::hear::{VOID_FOR, ending, joined, learnable, report_unknown};
use super::{TRIES, Visit, report_refused};
use crate::domain::{Cover, Ending, Milestone, TrackedParcel, TrackingEvent};
use crate::job::Closing;
use crate::ports::{Asked, CallError, Later, News, Obstacle, StoreError};
use crate::telemetry;

/// How long a carrier must have told nothing of a parcel before that parcel may be given up without an answer.
const SILENCE: SignedDuration = SignedDuration::from_hours(7 * 24);

/// How long a parcel may wait for the schedule, the queue and the worker before that counts as a gap.
const PATIENCE: SignedDuration = SignedDuration::from_mins(15);

/// What came of asking.
enum Answer {
    /// These are the news; none where the carrier does not know the parcel (yet).
    News(News),
    /// None came: ask again then.
    Silence(Timestamp),
}

impl Visit<'_> {
    /// Asks the carrier; answers each parcel as it stands afterwards.
    pub(super) async fn ask(&self, parcels: Vec<TrackedParcel>) -> Vec<Result<Option<TrackedParcel>, StoreError>> {
        let enlisted = join_all(parcels.into_iter().map(|parcel| self.enlist(parcel))).await;
        let now = self.track.clock.now();
        let (mut standing, mut to_ask) = (Vec::new(), Vec::new());
        for parcel in enlisted {
            match parcel {
                Ok(Some(parcel)) if parcel.is_to_be_asked(now) => to_ask.push(parcel),
                other => standing.push(other),
            }
        }
        for some in to_ask.chunks(self.systems.carrier.tracks_at_once().max(1)) {
            standing.extend(self.ask_together(some).await);
        }
        standing
    }

    /// Asks for parcels in one call.
    async fn ask_together(&self, parcels: &[TrackedParcel]) -> Vec<Result<Option<TrackedParcel>, StoreError>> {
        let asked: Vec<Asked<'_>> = parcels.iter().map(asked).collect();
        let told = self.systems.carrier.track_many(&asked).await;
        if told.iter().any(is_about_us) {
            report_refused();
        }
        let told = told.into_iter().map(Some).chain(std::iter::repeat_with(|| None));
        let kept = parcels.iter().zip(told).map(|(parcel, told)| {
            let answer = self.answer(parcel, told.unwrap_or_else(untold));
            self.keep(parcel.clone(), answer)
        });
        join_all(kept).await
    }

    /// Stores what came of asking for a parcel.
    async fn keep(&self, parcel: TrackedParcel, answer: Answer) -> Result<Option<TrackedParcel>, StoreError> {
        match answer {
            Answer::News(news) => self.learn(parcel, news).await,
            Answer::Silence(at) => {
                if self.is_over(&parcel) && self.tells_of_others(&parcel).await? {
                    return self.learn(parcel, News::default()).await;
                }
                let again = |parcel: &TrackedParcel| {
                    Some(TrackedParcel {
                        next_poll: Some(at),
                        failures: parcel.failures.saturating_add(1),
                        queued_until: parcel.queued_until.filter(|_| parcel.tell_at.is_some()),
                        ..parcel.clone().minded_while_untold()
                    })
                };
                self.track.change(parcel, again).await
            }
        }
    }

    /// Whether a parcel would be over without an answer, if the carrier answers for others.
    fn is_over(&self, parcel: &TrackedParcel) -> bool {
        let now = self.track.clock.now();
        let silent = now.duration_since(parcel.polled_at.unwrap_or(parcel.since));
        ending(parcel, &[], now).is_some() || (self.is_too_old(parcel, now) && silent >= SILENCE)
    }

    fn is_too_old(&self, parcel: &TrackedParcel, now: Timestamp) -> bool {
        now.duration_since(parcel.since) >= self.connection.tracking.give_up_after
    }

    /// Whether the carrier tells of another shipment of the account: then its silence is the parcel's own matter.
    async fn tells_of_others(&self, parcel: &TrackedParcel) -> Result<bool, StoreError> {
        let Some(job) = self.track.poll.jobs.load(&parcel.job).await? else {
            return Ok(false);
        };
        let Some(control) = self.track.controls.control(&job).await? else {
            tracing::warn!(parcel = %parcel.key, "nothing is told of the parcel, and no other shipment shows whether that is its own matter");
            return Ok(false);
        };
        let told = self.systems.carrier.track(control.shipment.as_str()).await;
        if matches!(told, Err(CallError::Refused(_))) {
            report_refused();
        }
        Ok(matches!(told, Ok(Some(_))))
    }

    /// At the first visit: where the carrier pushes news that is asked for, and the first question comes with the promise.
    async fn enlist(&self, parcel: TrackedParcel) -> Result<Option<TrackedParcel>, StoreError> {
        let now = self.track.clock.now();
        let pushes = self.systems.carrier.push().is_ok();
        if !parcel.enlisted && pushes {
            let cover = Cover {
                key: parcel.key.clone(),
                version: 1,
                until: None,
                renew_at: now,
                failures: 0,
                refused: None,
            };
            // One that is there already is as good.
            self.track.covers.write_cover(&cover).await?;
        }
        if parcel.enlisted || !pushes || parcel.pushed_until.is_some() {
            // Its answer is stored with that.
            return Ok(Some(TrackedParcel {
                enlisted: true,
                ..parcel
            }));
        }
        let later = now + self.connection.tracking.every;
        let waiting = |parcel: &TrackedParcel| {
            // Promised already, it has a message of its own under way.
            parcel.pushed_until.is_none().then(|| TrackedParcel {
                enlisted: true,
                next_poll: Some(later),
                queued_until: Some(later),
                ..parcel.clone().minded_by(None, parcel.due_at())
            })
        };
        self.track.change(parcel, waiting).await
    }

    fn answer(&self, parcel: &TrackedParcel, told: Result<Option<News>, CallError>) -> Answer {
        let now = self.track.clock.now();
        match told {
            Ok(news) => {
                self.measure_gap(parcel, now);
                Answer::News(news.unwrap_or_default())
            }
            Err(CallError::Later(later)) => {
                tracing::info!(parcel = %parcel.key, reason = %later, "the carrier cannot be asked now");
                Answer::Silence(self.track.again(parcel, &later, parcel.failures))
            }
            Err(CallError::Refused(refusal)) => {
                tracing::warn!(parcel = %parcel.key, error = %refusal, "the carrier does not tell of the parcel");
                let cadence = &self.connection.tracking;
                Answer::Silence(cadence.next(self.systems.carrier.pace(), parcel, now))
            }
        }
    }

    /// The time in which news could have come that nobody would have heard: it should always be none.
    fn measure_gap(&self, parcel: &TrackedParcel, now: Timestamp) {
        let gap = parcel.gap((&self.connection.tracking, self.systems.carrier.pace()), PATIENCE, now);
        if gap > SignedDuration::ZERO {
            telemetry::seconds(
                "TrackingGapSeconds",
                u64::try_from(gap.as_secs()).unwrap_or_default().max(1),
            );
            tracing::warn!(parcel = %parcel.key, seconds = gap.as_secs(), "the parcel was not covered for a while");
        }
    }

    /// Stores what the carrier tells, and when to ask next.
    async fn learn(&self, parcel: TrackedParcel, news: News) -> Result<Option<TrackedParcel>, StoreError> {
        let key = parcel.key.clone();
        let void = self.was_voided_by_us(&parcel).await?;
        let events = self.possible(news);
        let mut standing = Some(parcel);
        for _ in 0..TRIES {
            let Some(parcel) = standing else { return Ok(None) };
            let known = self.track.known(&parcel).await?;
            let (all, new) = joined(known, &learnable(&parcel, &events));
            let next = TrackedParcel {
                version: parcel.version + 1,
                ..self.asked(&parcel, &all, &events, void).with_events(all)
            };
            if self.track.record(&parcel, &next).await? {
                report_unknown(&key, &new);
                if let Some(delay) = self.untold_in(&next) {
                    self.track.call_for(&next, delay).await;
                }
                return Ok(Some(next));
            }
            standing = self.track.parcel(&key).await?;
        }
        Err(StoreError(format!(
            "parcel {key} changes faster than it can be written"
        )))
    }

    /// Whether we voided the parcel's shipment so long ago that nobody hands it over any more. Not every carrier shows a void label.
    async fn was_voided_by_us(&self, parcel: &TrackedParcel) -> Result<bool, StoreError> {
        let now = self.track.clock.now();
        if !has_not_moved(parcel) || now.duration_since(parcel.since) < VOID_FOR {
            return Ok(false);
        }
        let job = self.track.poll.jobs.load(&parcel.job).await?;
        let void = job.filter(|job| matches!(job.closed, Some(Closing::Voided { .. })));
        Ok(void.is_some_and(|job| now.duration_since(job.updated_at) >= VOID_FOR))
    }

    /// Events whose time can be, the newest with what is expected.
    fn possible(&self, news: News) -> Vec<TrackingEvent> {
        let now = self.track.clock.now();
        let count = news.events.len();
        let mut events: Vec<TrackingEvent> = news.events.into_iter().filter(|event| event.is_possible(now)).collect();
        let dropped = news.untimed + count - events.len();
        if dropped > 0 {
            telemetry::count("TrackingEventsWithoutTime", u64::try_from(dropped).unwrap_or_default());
        }
        if let Some(newest) = events.iter_mut().max_by_key(|event| event.at) {
            newest.estimate = news.estimate.or(newest.estimate);
        }
        events
    }

    /// The parcel after an answer of the carrier: asked for again when its cadence says, unless it has ended.
    fn asked(
        &self,
        parcel: &TrackedParcel,
        events: &[TrackingEvent],
        told: &[TrackingEvent],
        void: bool,
    ) -> TrackedParcel {
        let now = self.track.clock.now();
        // The carrier has told all that it knows: nothing else is waited for.
        let mut after = self.track.after(parcel, events, now);
        after.polled_at = Some(now);
        after.failures = 0;
        let cadence = &self.connection.tracking;
        let is_final = after.milestone().is_some_and(Milestone::is_final);
        let given_up = (self.is_too_old(parcel, now) && !is_final).then_some(Ending::GivenUp);
        let void = (void && has_not_moved(&after)).then_some(Ending::Final);
        let ended = ending(&after, told, now).or(void).or(given_up);
        match ended {
            Some(ending) => {
                after.next_poll = None;
                if after.ended.is_none() {
                    after.ended = Some((ending, now));
                    self.say_farewell(&after, ending);
                }
                if ending == Ending::GivenUp {
                    after.untold_since = Some(after.untold_since.unwrap_or(now));
                    after.tell_at = Some(after.tell_at.unwrap_or(now));
                }
            }
            None => after.next_poll = Some(cadence.next(self.systems.carrier.pace(), &after, now)),
        }
        match after.is_to_be_told(now) {
            // This visit tells it.
            true => after.minded_by(None, parcel.due_at()),
            false if after.tell_at.is_some() => after.minded_while_untold(),
            false => TrackedParcel {
                queued_until: None,
                minded: None,
                ..after
            },
        }
    }

    fn say_farewell(&self, parcel: &TrackedParcel, ending: Ending) {
        match ending {
            Ending::Final => tracing::info!(job = %parcel.job, parcel = %parcel.key, "the parcel's way has ended"),
            Ending::GivenUp => {
                telemetry::count("ParcelsGivenUp", 1);
                let days = self.connection.tracking.give_up_after.as_hours() / 24;
                tracing::error!(job = %parcel.job, parcel = %parcel.key, days, "the parcel has not arrived and is not followed any more");
            }
        }
    }

    /// How long until the ERP is to be told, where that is not now.
    fn untold_in(&self, parcel: &TrackedParcel) -> Option<SignedDuration> {
        let wait = parcel.tell_at?.duration_since(self.track.clock.now());
        (wait > SignedDuration::ZERO).then_some(wait)
    }
}

/// Whether the carrier has never had it, as far as it tells.
fn has_not_moved(parcel: &TrackedParcel) -> bool {
    parcel
        .milestone()
        .is_none_or(|milestone| milestone == Milestone::LabelCreated)
}

fn asked(parcel: &TrackedParcel) -> Asked<'_> {
    Asked {
        number: &parcel.key.number,
        shipped: parcel.since,
    }
}

/// Whether it is us to whom the carrier tells nothing, whatever the parcel.
fn is_about_us(told: &Result<Option<News>, CallError>) -> bool {
    matches!(told, Err(CallError::Later(later)) if later.obstacle == Obstacle::Unauthorised)
}

/// An adapter that tells too little of what it was asked.
fn untold() -> Result<Option<News>, CallError> {
    let why = "nothing came back for the parcel";
    Err(CallError::Later(Later::new(Obstacle::Unreachable, why)))
}
