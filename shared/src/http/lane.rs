//! An account's limits and its health, shared by all workers: leased concurrency slots, a published rate, a pause that
//! everybody keeps after a 429, and an outage that is noticed once. Nothing here waits: what cannot be now is `Later`, and
//! the message is delayed.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::sync::{Mutex, OwnedMutexGuard};

use super::{Answer, Lost, is_refused};
use crate::domain::{Asking, Entrance, Health, Lesson, Outage, Rate, Readiness, Trouble};
use crate::ports::{AccountStanding, CallError, Later, Limits, Obstacle, Slot, StoreError, Turn};
use crate::telemetry;

/// The shortest pause after a 429: others believe for a second what they have read, and must see it all the same.
const SHORTEST_PAUSE: SignedDuration = SignedDuration::from_secs(2);

/// How often a lesson is written when others learn at the same time.
const TRIES: usize = 8;

/// The way into one account.
#[derive(Clone)]
pub struct Lane {
    /// The shared state.
    pub limits: Arc<dyn Limits>,
    /// The account (`netsuite:1234567_SB1`).
    pub account: String,
    /// The slots of its concurrency; `None` where the vendor names no figure.
    pub slots: Option<Slots>,
    /// The published rate, where there is one.
    pub rate: Option<Rate>,
    /// Under which name the calls of that rate are counted, where several accounts share it; `None` is this account's own.
    pub counted_as: Option<String>,
    /// For how long a slot, and the right to probe, is leased: longer than any call with its renewals. A slot that is still
    /// held is leased again once a quarter of that is over.
    pub lease: Duration,
    /// For how long everybody pauses after a 429 that gives no hint.
    pub pause: Duration,
    /// How long everybody pauses after a refused credential, where more tries would lock the account out.
    pub lockout: Option<Duration>,
    /// Which answers beside a 401 refuse whoever asks, whatever is asked; `None` where none is known.
    pub forbids: Option<fn(&Answer) -> bool>,
}

/// How many calls may be under way at once, and the slot that one piece of work holds: from its first call until
/// [`Lane::close`], so that what has begun is not interrupted and a slot costs two writes however many calls there are. Its
/// calls follow each other.
#[derive(Clone)]
pub struct Slots {
    cap: u16,
    urgent: Arc<AtomicBool>,
    held: Arc<Mutex<Option<Held>>>,
}

struct Held {
    slot: Slot,
    until: Timestamp,
}

impl Slots {
    /// So many for everybody.
    pub fn new(cap: u16) -> Self {
        Self {
            cap,
            urgent: Arc::default(),
            held: Arc::default(),
        }
    }

    /// This work has no queue to go back to: from here on it may take the slot that others leave free.
    pub fn claim_last(&self) {
        self.urgent.store(true, Ordering::Relaxed);
    }

    /// Those that this work may take.
    fn open(&self) -> u16 {
        match self.urgent.load(Ordering::Relaxed) {
            true => self.cap,
            false => self.cap.saturating_sub(1).max(1),
        }
    }
}

/// What may be said as a connection's `rate_limit`.
pub const RATE_ALLOWED: &str = "a table of calls (2 to 100000) and seconds (1 to 86400)";

/// The rate that a connection's `rate_limit` names; `None` where it is none.
pub fn rate_of(option: &serde_json::Value) -> Option<Rate> {
    let table = option.as_object().filter(|table| table.len() == 2)?;
    let whole = |name: &str, most: i64| table.get(name)?.as_i64().filter(|value| (1..=most).contains(value));
    let (calls, seconds) = (whole("calls", 100_000)?, whole("seconds", 86_400)?);
    Rate::new(u32::try_from(calls).ok()?, SignedDuration::from_secs(seconds))
}

/// The leave to make one call.
pub(super) struct Pass {
    /// Keeps the work's other calls waiting: one slot is one call at a time.
    _slot: Option<OwnedMutexGuard<Option<Held>>>,
    asking: Asking,
    /// Whether it is the one call that an account which is out is asked.
    probe: bool,
    /// Whether a token that is refused may be replaced.
    pub(super) may_renew: bool,
    /// Whether all was well, as far as this process knew: then an answer teaches nothing.
    well: bool,
}

impl Lane {
    /// Enters, unless the account is paused, out or full.
    pub(super) async fn enter(&self, asking: Asking, now: Timestamp) -> Result<Pass, Later> {
        let standing = self.standing(now).await?;
        let probe = match standing.health.entrance(asking, now) {
            Entrance::Open => false,
            Entrance::Probe => true,
            Entrance::Closed(until) => return Err(self.out(&standing.health, until, now)),
        };
        let slot = match &self.slots {
            None => None,
            Some(slots) => Some(self.occupy(slots, now).await?),
        };
        if probe {
            self.take_probe(&standing, now).await?;
        }
        Ok(Pass {
            _slot: slot,
            asking,
            probe,
            may_renew: !probe || standing.health.probe_may_renew(),
            well: standing.health == Health::default(),
        })
    }

    /// The work is done: its slot is free for others. One that cannot be freed frees itself when its lease ends.
    pub async fn close(&self) {
        let Some(slots) = &self.slots else { return };
        let Some(held) = slots.held.lock().await.take() else {
            return;
        };
        if let Err(error) = self.limits.free_slot(held.slot).await {
            tracing::warn!(account = self.account, %error, "a slot could not be freed");
        }
    }

    /// Leaves, and tells everybody what was learnt.
    pub(super) async fn leave(&self, pass: Pass, lesson: &Lesson, now: Timestamp) {
        let nothing_new = pass.well && *lesson == Lesson::Answered;
        if nothing_new || *lesson == Lesson::Nothing {
            return;
        }
        if let Err(error) = self.learn(pass.asking, pass.probe, lesson, now).await {
            tracing::warn!(account = self.account, %error, "how the account fares could not be shared");
        }
    }

    /// Whether a purchase may be prepared now; nothing is sent.
    pub async fn ready(&self, now: Timestamp) -> Result<Readiness, CallError> {
        let standing = self.standing(now).await.map_err(CallError::Later)?;
        let readiness = standing.health.readiness(now);
        readiness.map_err(|until| CallError::Later(self.out(&standing.health, until, now)))
    }

    /// Takes one call of the published rate: the last thing before sending, because a call counts when it arrives.
    pub(super) async fn count(&self, now: Timestamp) -> Result<(), Later> {
        let Some(rate) = &self.rate else { return Ok(()) };
        let counted_as = self.counted_as.as_ref().unwrap_or(&self.account);
        match self.limits.reserve_call(counted_as, rate).await.map_err(our_store)? {
            None => Ok(()),
            Some(next) => Err(Later {
                reason: "the account's calls of the moment are used up".to_owned(),
                after: until(next, now),
                obstacle: Obstacle::Limited,
            }),
        }
    }

    /// Pauses everybody after a 429, and after a refusal that must not be repeated.
    pub(super) async fn heed(&self, answer: &Answer, now: Timestamp) {
        let pause = match answer.status {
            429 => answer.retry_after().unwrap_or(self.pause),
            401 | 300..=399 => match self.lockout {
                Some(lockout) => lockout,
                None => return,
            },
            _ => return,
        };
        let until = now
            + SignedDuration::try_from(pause)
                .unwrap_or(SHORTEST_PAUSE)
                .max(SHORTEST_PAUSE);
        self.pause_until(until).await;
    }

    /// Whether an answer refuses whoever asks, though it is no 401.
    pub fn is_forbidden(&self, answer: &Answer) -> bool {
        self.forbids.is_some_and(|forbids| forbids(answer))
    }

    /// Stops everybody for so long that somebody should hear of it.
    pub async fn stop_until(&self, until: Timestamp, reason: &str) {
        telemetry::count("AccountsPaused", 1);
        tracing::error!(account = self.account, reason, %until, "the account is paused");
        self.pause_until(until).await;
    }

    /// Has everybody wait.
    pub async fn pause_until(&self, until: Timestamp) {
        if let Err(error) = self.limits.pause(&self.account, until).await {
            tracing::warn!(account = self.account, %error, "a pause could not be shared");
        }
    }

    /// What a call taught about the account.
    pub(super) fn lesson(&self, result: &Result<Answer, Lost>) -> Lesson {
        match result {
            Ok(answer) if self.is_forbidden(answer) => {
                Lesson::Refused(format!("status {}, whatever is asked", answer.status))
            }
            other => lesson(other),
        }
    }

    /// How the account stands, unless it is paused.
    async fn standing(&self, now: Timestamp) -> Result<AccountStanding, Later> {
        let standing = self.limits.standing(&self.account).await.map_err(our_store)?;
        match standing.paused.filter(|paused| *paused > now) {
            None => Ok(standing),
            Some(paused) => Err(Later {
                reason: format!("the account is paused until {paused}: it asked for that, or refused the credential"),
                after: until(paused, now),
                obstacle: Obstacle::Limited,
            }),
        }
    }

    /// The work's slot: the one that it holds while enough of its lease is left for a call, else more of it, else another.
    async fn occupy(&self, slots: &Slots, now: Timestamp) -> Result<OwnedMutexGuard<Option<Held>>, Later> {
        let lease = SignedDuration::try_from(self.lease).unwrap_or(SignedDuration::MAX);
        let until = now.checked_add(lease).unwrap_or(Timestamp::MAX);
        let mut held = slots.held.clone().lock_owned().await;
        if held
            .as_ref()
            .is_some_and(|held| held.until.duration_since(now) > lease * 3 / 4)
        {
            return Ok(held);
        }
        let longer = match held.as_ref() {
            Some(held) => self.extend(&held.slot).await?,
            None => false,
        };
        let slot = match held.take() {
            Some(Held { slot, .. }) if longer => slot,
            _ => self.lease_slot(slots.open(), now).await?,
        };
        *held = Some(Held { slot, until });
        Ok(held)
    }

    async fn extend(&self, slot: &Slot) -> Result<bool, Later> {
        self.limits.extend_slot(slot, self.lease).await.map_err(our_store)
    }

    async fn lease_slot(&self, open: u16, now: Timestamp) -> Result<Slot, Later> {
        let turn = self.limits.lease_slot(&self.account, open, self.lease).await;
        match turn.map_err(our_store)? {
            Turn::Now(slot) => Ok(slot),
            Turn::At(turn) => Err(Later {
                reason: format!("all {open} slots of the account are taken: it has its turn"),
                after: until(turn, now),
                obstacle: Obstacle::Queued,
            }),
        }
    }

    /// Takes the right to probe; whoever comes too late waits like the others.
    async fn take_probe(&self, standing: &AccountStanding, now: Timestamp) -> Result<(), Later> {
        let lease = SignedDuration::try_from(self.lease).unwrap_or(SignedDuration::MAX);
        let until = now.checked_add(lease).unwrap_or(Timestamp::MAX);
        let probing = standing.health.probing(until);
        let taken = self
            .limits
            .write_health(&self.account, standing.version, &probing)
            .await;
        match taken.map_err(our_store)? {
            true => Ok(()),
            false => Err(self.out(&standing.health, until, now)),
        }
    }

    async fn learn(&self, asking: Asking, probe: bool, lesson: &Lesson, now: Timestamp) -> Result<(), StoreError> {
        for _ in 0..TRIES {
            let AccountStanding { version, health, .. } = self.limits.standing(&self.account).await?;
            let Some(after) = health.after(asking, probe, lesson, now, self.draw(now)) else {
                return Ok(());
            };
            if self.limits.write_health(&self.account, version, &after).await? {
                self.tell(&health, &after);
                return Ok(());
            }
        }
        tracing::warn!(account = self.account, "too many learn about the account at once");
        Ok(())
    }

    /// Says once what everybody should know.
    fn tell(&self, before: &Health, after: &Health) {
        match (&before.outage, &after.outage) {
            (
                None,
                Some(Outage {
                    trouble,
                    reason,
                    probe_at,
                    ..
                }),
            ) => {
                telemetry::count("AccountsPaused", 1);
                tracing::error!(account = self.account, ?trouble, reason, until = %probe_at, "the account is paused and probed");
            }
            (Some(outage), None) => {
                tracing::info!(account = self.account, since = %outage.since, "the account works again");
            }
            _ => {}
        }
    }

    fn out(&self, health: &Health, probe_at: Timestamp, now: Timestamp) -> Later {
        let (what, obstacle) = match health.outage.as_ref().map(|outage| outage.trouble) {
            Some(Trouble::Credential) => ("refuses our credential", Obstacle::Unauthorised),
            Some(Trouble::Effects) => ("loses or refuses what is asked for", Obstacle::Unreachable),
            Some(Trouble::Everything) | None => ("does not answer", Obstacle::Unreachable),
        };
        let why = health
            .outage
            .as_ref()
            .map(|outage| format!(" since {} ({})", outage.since, outage.reason));
        Later {
            reason: format!("the account {what}{}: it is paused and probed", why.unwrap_or_default()),
            after: until(probe_at, now),
            obstacle,
        }
    }

    /// A number from 0 to 1 that differs between accounts and moments.
    fn draw(&self, now: Timestamp) -> f64 {
        let mut hasher = DefaultHasher::new();
        (&self.account, now.as_millisecond()).hash(&mut hasher);
        let top = u32::try_from(hasher.finish() >> 32).unwrap_or(0);
        f64::from(top) / f64::from(u32::MAX)
    }
}

fn until(then: Timestamp, now: Timestamp) -> Option<Duration> {
    Duration::try_from(then.duration_since(now)).ok()
}

fn our_store(error: StoreError) -> Later {
    Later::our_store(&error)
}

/// What a call taught about the other side: what failed on ours teaches nothing. A page instead of the vendor's own form is a gateway's, whatever its status.
fn lesson(result: &Result<Answer, Lost>) -> Lesson {
    match result {
        Ok(answer) if is_refused(answer.status) => {
            Lesson::Refused(format!("status {} with a fresh token", answer.status))
        }
        Ok(answer) if answer.status == 429 => Lesson::Nothing,
        Ok(answer) if answer.status >= 500 => Lesson::Failed(format!("status {}", answer.status)),
        Ok(answer) if is_a_page(&answer.body) => Lesson::Failed(format!("a page with status {}", answer.status)),
        Ok(_) => Lesson::Answered,
        Err(Lost::Unknown(reason)) => Lesson::Failed(reason.clone()),
        Err(Lost::NotSent(later)) => match later.obstacle {
            Obstacle::Unreachable => Lesson::Failed(later.reason.clone()),
            Obstacle::Unauthorised => Lesson::Refused(later.reason.clone()),
            Obstacle::Limited | Obstacle::Queued | Obstacle::LeaseTooShort | Obstacle::OurStore => Lesson::Nothing,
        },
    }
}

fn is_a_page(body: &[u8]) -> bool {
    let start = body.trim_ascii_start();
    let begins = |with: &[u8]| {
        start
            .get(..with.len())
            .is_some_and(|head| head.eq_ignore_ascii_case(with))
    };
    begins(b"<!doctype html") || begins(b"<html")
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http::HeaderMap;

    use super::*;

    fn answer(status: u16, body: &'static str) -> Result<Answer, Lost> {
        Ok(Answer {
            status,
            headers: HeaderMap::new(),
            body: Bytes::from_static(body.as_bytes()),
        })
    }

    #[test]
    fn a_rate_is_read_from_a_connections_option() {
        let option = |text: &str| rate_of(&serde_json::from_str(text).unwrap());
        let rate = Rate::new(50, SignedDuration::from_secs(10));
        assert_eq!(option(r#"{"calls": 50, "seconds": 10}"#), rate);
        for bad in [
            r#"{"calls": 50}"#,
            r#"{"calls": 1, "seconds": 10}"#,
            r#"{"calls": 5, "seconds": 0}"#,
            "50",
        ] {
            assert_eq!(option(bad), None, "{bad}");
        }
    }

    fn not_sent(obstacle: Obstacle) -> Result<Answer, Lost> {
        Err(Lost::NotSent(Later::new(obstacle, "x")))
    }

    #[test]
    fn a_vendors_refusal_is_an_answer_and_a_gateways_page_is_none() {
        let teaches = |result: Result<Answer, Lost>| match lesson(&result) {
            Lesson::Answered => "answered",
            Lesson::Failed(_) => "failed",
            Lesson::Refused(_) => "refused",
            Lesson::Nothing => "nothing",
        };
        assert_eq!(teaches(answer(200, "{}")), "answered");
        assert_eq!(teaches(answer(400, "{\"response\":{}}")), "answered");
        assert_eq!(teaches(answer(404, "\n <!DOCTYPE HTML><body>gone</body>")), "failed");
        assert_eq!(teaches(answer(503, "{}")), "failed");
        assert_eq!(teaches(answer(401, "{}")), "refused");
        assert_eq!(teaches(answer(429, "{}")), "nothing");
        assert_eq!(teaches(Err(Lost::Unknown("broken".to_owned()))), "failed");
        assert_eq!(teaches(not_sent(Obstacle::Unreachable)), "failed");
        assert_eq!(teaches(not_sent(Obstacle::Unauthorised)), "refused");
        assert_eq!(teaches(not_sent(Obstacle::Limited)), "nothing");
        let throttled = our_store(StoreError("the table is throttled".to_owned()));
        assert_eq!(
            teaches(Err(Lost::NotSent(throttled))),
            "nothing",
            "our store is not the vendor"
        );
    }
}
