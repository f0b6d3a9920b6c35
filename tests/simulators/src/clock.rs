//! The clock of a simulator: real time until a test freezes, sets or advances it.

use std::sync::{Arc, Mutex, PoisonError};

use jiff::{SignedDuration, Timestamp};

/// A clock that all its clones share.
///
/// It starts as real time. [`Clock::advance`] and [`Clock::set`] move it without stopping it; [`Clock::freeze`] stops
/// it where it is, and it then moves only when told to.
#[derive(Clone, Debug, Default)]
pub struct Clock {
    reading: Arc<Mutex<Reading>>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Reading {
    offset: SignedDuration,
    frozen_at: Option<Timestamp>,
}

impl Clock {
    /// A clock that shows real time.
    pub fn real() -> Self {
        Self::default()
    }

    /// A clock that stands at `at` until it is advanced, set or thawed.
    pub fn frozen(at: Timestamp) -> Self {
        let reading = Reading {
            frozen_at: Some(at),
            ..Reading::default()
        };
        Self {
            reading: Arc::new(Mutex::new(reading)),
        }
    }

    /// What the clock shows.
    pub fn now(&self) -> Timestamp {
        self.with(|reading| reading.now())
    }

    /// Whether the clock stands still.
    pub fn is_frozen(&self) -> bool {
        self.with(|reading| reading.frozen_at.is_some())
    }

    /// Moves the clock on (a negative duration: back), running or frozen.
    pub fn advance(&self, by: SignedDuration) {
        self.with(|reading| match &mut reading.frozen_at {
            Some(at) => *at = shifted(*at, by),
            None => reading.offset = reading.offset.saturating_add(by),
        });
    }

    /// Puts the clock to `at`, running or frozen as it was.
    pub fn set(&self, at: Timestamp) {
        self.with(|reading| match &mut reading.frozen_at {
            Some(frozen) => *frozen = at,
            None => reading.offset = at.duration_since(Timestamp::now()),
        });
    }

    /// Stops the clock where it is.
    pub fn freeze(&self) {
        self.with(|reading| reading.frozen_at = Some(reading.now()));
    }

    /// Lets the clock run on from where it stands.
    pub fn thaw(&self) {
        self.with(|reading| {
            if let Some(at) = reading.frozen_at.take() {
                reading.offset = at.duration_since(Timestamp::now());
            }
        });
    }

    fn with<T>(&self, act: impl FnOnce(&mut Reading) -> T) -> T {
        act(&mut self.reading.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Reading {
    fn now(&self) -> Timestamp {
        self.frozen_at.unwrap_or_else(|| shifted(Timestamp::now(), self.offset))
    }
}

/// `at` moved by `by`, held at the ends of time instead of failing.
fn shifted(at: Timestamp, by: SignedDuration) -> Timestamp {
    let end = if by.is_negative() {
        Timestamp::MIN
    } else {
        Timestamp::MAX
    };
    at.checked_add(by).unwrap_or(end)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noon() -> Timestamp {
        "2026-07-21T12:00:00Z".parse().unwrap()
    }

    #[test]
    fn a_frozen_clock_moves_only_when_told() {
        let clock = Clock::frozen(noon());
        let shared = clock.clone();
        shared.advance(SignedDuration::from_secs(90));
        assert_eq!(clock.now(), "2026-07-21T12:01:30Z".parse().unwrap());
        shared.advance(SignedDuration::from_secs(-30));
        assert_eq!(clock.now(), "2026-07-21T12:01:00Z".parse().unwrap());
    }

    #[test]
    fn a_set_clock_runs_on() {
        let clock = Clock::real();
        clock.set(noon());
        let shown = clock.now();
        assert!(shown >= noon() && shown < noon() + SignedDuration::from_secs(60));
        assert!(!clock.is_frozen());
    }

    #[test]
    fn a_thawed_clock_goes_on_from_where_it_stood() {
        let clock = Clock::frozen(noon());
        clock.thaw();
        assert!(!clock.is_frozen());
        assert!(clock.now().duration_since(noon()) < SignedDuration::from_secs(60));
    }
}
