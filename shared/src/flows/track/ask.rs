//! Asking the carrier for parcels: at first, as often as their cadence says, after a promise to push was made or
//! broken, and once more when they have arrived. Those that come together are asked for in as few calls as the carrier
//! allows; what it answers for each is that parcel's own matter.

use futures::future::join_all;
use jiff::{SignedDuration, Timestamp};

use super::hear::{ending, joined, learnable, report_unknown};
use super::{TRIES, Visit};
use crate::domain::{Cover, Ending, Milestone, TrackedParcel, TrackingEvent};
use crate::ports::{Asked, CallError, Later, News, Obstacle, StoreError};
use crate::telemetry;

/// How long a parcel may wait for the schedule, the queue and the worker before that counts as a gap.
const PATIENCE: SignedDuration = SignedDuration::from_mins(15);

/// What came of asking.
enum Answer {
    /// These are the news; none where the carrier does not know the parcel (yet).
    News(News),
    /// Ask again then.
    Again(Timestamp),
    /// The carrier does not tell of it.
    Nothing,
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
            // It grows old all the same.
            Answer::Nothing => self.learn(parcel, News::default()).await,
            Answer::Again(at) => {
                let again = |parcel: &TrackedParcel| {
                    Some(TrackedParcel {
                        next_poll: Some(at),
                        failures: parcel.failures.saturating_add(1),
                        queued_until: None,
                        ..parcel.clone()
                    })
                };
                self.track.change(&parcel.key, again).await
            }
        }
    }

    /// At the first visit: where the carrier pushes news that is asked for, and the first question comes with the promise.
    async fn enlist(&self, parcel: TrackedParcel) -> Result<Option<TrackedParcel>, StoreError> {
        if parcel.enlisted {
            return Ok(Some(parcel));
        }
        let now = self.track.clock.now();
        let pushes = self.systems.carrier.push().is_ok();
        if pushes {
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
        let enlisted = |parcel: &TrackedParcel| {
            Some(TrackedParcel {
                enlisted: true,
                next_poll: if pushes && parcel.pushed_until.is_none() {
                    Some(now + self.connection.tracking.every)
                } else {
                    parcel.next_poll
                },
                queued_until: None,
                ..parcel.clone()
            })
        };
        self.track.change(&parcel.key, enlisted).await
    }

    fn answer(&self, parcel: &TrackedParcel, told: Result<Option<News>, CallError>) -> Answer {
        let now = self.track.clock.now();
        match told {
            Ok(news) => {
                self.measure_gap(parcel, now);
                Answer::News(news.unwrap_or_default())
            }
            Err(CallError::Later(later)) => {
                tracing::info!(parcel = %parcel.key, error = %later, "the carrier cannot be asked now");
                Answer::Again(self.track.again(parcel, &later, parcel.failures))
            }
            Err(CallError::Refused(refusal)) => {
                tracing::warn!(parcel = %parcel.key, %refusal, "the carrier does not tell of the parcel");
                Answer::Nothing
            }
        }
    }

    /// The time in which news could have come that nobody would have heard: it should always be none.
    fn measure_gap(&self, parcel: &TrackedParcel, now: Timestamp) {
        let gap = parcel.gap((&self.connection.tracking, self.systems.carrier.pace()), PATIENCE, now);
        telemetry::count("TrackingGapSeconds", u64::try_from(gap.as_secs()).unwrap_or_default());
        if gap > SignedDuration::ZERO {
            tracing::warn!(parcel = %parcel.key, seconds = gap.as_secs(), "the parcel was not covered for a while");
        }
    }

    /// Stores what the carrier tells, and when to ask next.
    async fn learn(&self, parcel: TrackedParcel, news: News) -> Result<Option<TrackedParcel>, StoreError> {
        let key = parcel.key.clone();
        let events = self.possible(news);
        let mut standing = Some(parcel);
        for _ in 0..TRIES {
            let Some(parcel) = standing else { return Ok(None) };
            let known = self.track.parcels.events(&key).await?;
            let (all, new) = joined(known, &learnable(&parcel, &events));
            let next = TrackedParcel {
                version: parcel.version + 1,
                ..self.asked(&parcel, &all, &events)
            };
            if self.track.parcels.record(&next, &new).await? {
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
    fn asked(&self, parcel: &TrackedParcel, events: &[TrackingEvent], told: &[TrackingEvent]) -> TrackedParcel {
        let now = self.track.clock.now();
        let mut after = self.track.after(parcel, events, now);
        after.polled_at = Some(now);
        after.failures = 0;
        let cadence = &self.connection.tracking;
        let too_old = now.duration_since(parcel.since) >= cadence.give_up_after;
        let is_final = after.milestone().is_some_and(Milestone::is_final);
        let given_up = (too_old && !is_final).then_some(Ending::GivenUp);
        let ended = ending(&after, told, now).or(given_up);
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
        if after.tell_at.is_none() {
            after.queued_until = None;
        }
        after
    }

    fn say_farewell(&self, parcel: &TrackedParcel, ending: Ending) {
        match ending {
            Ending::Final => tracing::info!(job.id = %parcel.job, parcel = %parcel.key, "the parcel has arrived"),
            Ending::GivenUp => {
                telemetry::count("ParcelsGivenUp", 1);
                let days = self.connection.tracking.give_up_after.as_hours() / 24;
                tracing::error!(job.id = %parcel.job, parcel = %parcel.key, days, "the parcel has not arrived and is not followed any more");
            }
        }
    }

    /// How long until the ERP is to be told, where that is not now.
    fn untold_in(&self, parcel: &TrackedParcel) -> Option<SignedDuration> {
        let wait = parcel.tell_at?.duration_since(self.track.clock.now());
        (wait > SignedDuration::ZERO).then_some(wait)
    }
}

fn asked(parcel: &TrackedParcel) -> Asked<'_> {
    Asked {
        number: &parcel.key.number,
        shipped: parcel.since,
    }
}

/// An adapter that tells too little of what it was asked.
fn untold() -> Result<Option<News>, CallError> {
    let why = "nothing came back for the parcel";
    Err(CallError::Later(Later::new(Obstacle::Unreachable, why)))
}
