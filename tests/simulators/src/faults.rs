//! The fault plan: which exchanges go wrong, when, and how.
//!
//! A fault says what goes wrong on the wire or inside the vendor; the [`server`](crate::server) makes it happen on real
//! connections. The word *effect* below means what the operation does to the simulator's books.

use std::sync::{Arc, Mutex, PoisonError};

use serde::{Deserialize, Serialize};

/// One way in which exchanges go wrong.
///
/// As JSON: `{"operation":"ship","kind":"drop_after","when":{"nth":[1]}}`,
/// `{"operation":"*","kind":{"status":{"code":429,"retry_after":2}},"when":{"probability":0.1,"seed":7},"max":20}`.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Fault {
    /// The operation's name as the simulator counts it (`ship`, `token`, ...), or `*` for every operation.
    pub operation: String,
    /// What goes wrong.
    pub kind: FaultKind,
    /// Which of the matching requests it strikes; left out: all of them.
    #[serde(default)]
    pub when: When,
    /// Only requests whose body contains this text match (and count as occurrences); without a body, whose path does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body_contains: Option<String>,
    /// At most this many strikes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max: Option<u32>,
}

/// What goes wrong with an exchange.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FaultKind {
    /// The request waits this long before anything happens; the effect comes even when the caller has left.
    Delay {
        /// Milliseconds of real time.
        ms: u64,
    },
    /// The effect comes at once, the answer this much later.
    SlowAnswer {
        /// Milliseconds of real time.
        ms: u64,
    },
    /// This HTTP status in the vendor's error form, without an effect.
    Status {
        /// The HTTP status.
        code: u16,
        /// Seconds for a `Retry-After` header; left out: no header.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        retry_after: Option<u64>,
    },
    /// A gateway's 503 page in HTML, without an effect.
    Html503,
    /// A gateway's 401 page in HTML, without an effect.
    Html401,
    /// The answer comes compressed by gzip.
    Gzip {
        /// Whether `Content-Encoding` says so.
        #[serde(default)]
        told: bool,
    },
    /// A redirect to a login page, as single sign-on answers what it takes for a browser, without an effect.
    LoginRedirect,
    /// This HTTP status without a body, without an effect.
    Empty {
        /// The HTTP status.
        code: u16,
    },
    /// The vendor's error document inside HTTP 200; a 500 in the vendor's error form where the vendor has no such habit.
    #[serde(rename = "error_in_200")]
    ErrorIn200 {
        /// Whether the effect happens all the same.
        #[serde(default)]
        after_effect: bool,
    },
    /// The connection is closed without an answer and without an effect.
    DropBefore,
    /// The effect happens; the connection is closed without an answer.
    DropAfter,
    /// The effect happens; the answer is a 500 in the vendor's error form.
    Status500After,
    /// The effect happens; the answer is HTTP 200 with a body that is not what it says.
    Unreadable,
    /// Look-ups answer as if the last seconds had not happened.
    StaleLookup {
        /// How far back the look-up sees.
        seconds: u32,
    },
    /// Every token given out so far stops being accepted before the request is looked at.
    ExpireTokens,
}

/// Which of the matching requests a fault strikes. Several conditions together must all hold; none: every request.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default)]
pub struct When {
    /// These occurrences, counted from 1.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub nth: Vec<u32>,
    /// The first so many occurrences.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first: Option<u32>,
    /// Every so-manieth occurrence.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub every: Option<u32>,
    /// With this probability, 0 to 1, drawn from `seed`: the same seed strikes the same occurrences.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub probability: Option<f64>,
    /// The seed of `probability`.
    pub seed: u64,
}

impl Fault {
    /// A fault that strikes every request of `operation`.
    pub fn new(operation: impl Into<String>, kind: FaultKind) -> Self {
        Self {
            operation: operation.into(),
            kind,
            when: When::default(),
            body_contains: None,
            max: None,
        }
    }

    /// Strikes only as `when` says.
    #[must_use]
    pub fn when(mut self, when: When) -> Self {
        self.when = when;
        self
    }

    /// Strikes only requests whose body contains `text`.
    #[must_use]
    pub fn body_contains(mut self, text: impl Into<String>) -> Self {
        self.body_contains = Some(text.into());
        self
    }

    /// Strikes at most `count` times.
    #[must_use]
    pub fn at_most(mut self, count: u32) -> Self {
        self.max = Some(count);
        self
    }

    fn matches(&self, operation: &str, body: &str) -> bool {
        (self.operation == "*" || self.operation == operation)
            && self.body_contains.as_deref().is_none_or(|text| body.contains(text))
    }
}

impl When {
    /// Exactly these occurrences, counted from 1.
    pub fn nth(occurrences: impl IntoIterator<Item = u32>) -> Self {
        Self {
            nth: occurrences.into_iter().collect(),
            ..Self::default()
        }
    }

    /// The first `count` occurrences.
    pub fn first(count: u32) -> Self {
        Self {
            first: Some(count),
            ..Self::default()
        }
    }

    /// Every `count`th occurrence.
    pub fn every(count: u32) -> Self {
        Self {
            every: Some(count),
            ..Self::default()
        }
    }

    /// Each occurrence with this probability.
    pub fn chance(probability: f64, seed: u64) -> Self {
        Self {
            probability: Some(probability),
            seed,
            ..Self::default()
        }
    }

    fn strikes(&self, occurrence: u32) -> bool {
        (self.nth.is_empty() || self.nth.contains(&occurrence))
            && self.first.is_none_or(|count| occurrence <= count)
            && self
                .every
                .is_none_or(|count| count > 0 && occurrence.is_multiple_of(count))
            && self.probability.is_none_or(|limit| draw(self.seed, occurrence) < limit)
    }
}

/// A number from 0 up to 1 that depends only on its arguments (one step of the SplitMix64 sequence).
#[must_use]
pub fn draw(seed: u64, occurrence: u32) -> f64 {
    let mut mixed = seed.wrapping_add(u64::from(occurrence).wrapping_mul(0x9E37_79B9_7F4A_7C15));
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    let top = u32::try_from((mixed ^ (mixed >> 31)) >> 32).unwrap_or(u32::MAX);
    f64::from(top) / (f64::from(u32::MAX) + 1.0)
}

/// The faults in force, with their counts; clones share them.
#[derive(Clone, Debug, Default)]
pub struct FaultPlan {
    planned: Arc<Mutex<Vec<Planned>>>,
}

#[derive(Clone, Debug)]
struct Planned {
    fault: Fault,
    occurrences: u32,
    strikes: u32,
}

/// A fault in force and how often it has met a request and struck.
#[derive(Clone, Debug, Serialize)]
pub struct FaultReport {
    /// The fault.
    pub fault: Fault,
    /// Requests that matched it.
    pub occurrences: u32,
    /// Requests that it struck.
    pub strikes: u32,
}

impl FaultPlan {
    /// Puts these faults in force in place of all others; counts start at nought.
    pub fn replace(&self, faults: Vec<Fault>) {
        self.with(|planned| *planned = faults.into_iter().map(Planned::new).collect());
    }

    /// Puts one more fault in force.
    pub fn add(&self, fault: Fault) {
        self.with(|planned| planned.push(Planned::new(fault)));
    }

    /// Takes every fault out of force.
    pub fn clear(&self) {
        self.with(Vec::clear);
    }

    /// The faults in force and their counts.
    pub fn report(&self) -> Vec<FaultReport> {
        self.with(|planned| planned.iter().map(Planned::report).collect())
    }

    /// What strikes this request; counts it as an occurrence of each fault that matches.
    pub fn strike(&self, operation: &str, body: &str) -> Vec<FaultKind> {
        self.with(|planned| planned.iter_mut().filter_map(|one| one.meet(operation, body)).collect())
    }

    fn with<T>(&self, act: impl FnOnce(&mut Vec<Planned>) -> T) -> T {
        act(&mut self.planned.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Planned {
    fn new(fault: Fault) -> Self {
        Self {
            fault,
            occurrences: 0,
            strikes: 0,
        }
    }

    fn meet(&mut self, operation: &str, body: &str) -> Option<FaultKind> {
        if !self.fault.matches(operation, body) {
            return None;
        }
        self.occurrences += 1;
        let exhausted = self.fault.max.is_some_and(|max| self.strikes >= max);
        if exhausted || !self.fault.when.strikes(self.occurrences) {
            return None;
        }
        self.strikes += 1;
        Some(self.fault.kind.clone())
    }

    fn report(&self) -> FaultReport {
        FaultReport {
            fault: self.fault.clone(),
            occurrences: self.occurrences,
            strikes: self.strikes,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn struck(when: When, requests: u32) -> Vec<u32> {
        let plan = FaultPlan::default();
        plan.add(Fault::new("ship", FaultKind::DropAfter).when(when));
        (1..=requests)
            .filter(|_| plan.strike("ship", "") == [FaultKind::DropAfter])
            .collect()
    }

    #[test]
    fn a_fault_strikes_the_occurrences_it_names() {
        assert_eq!(struck(When::default(), 3), [1, 2, 3]);
        assert_eq!(struck(When::nth([2, 5]), 6), [2, 5]);
        assert_eq!(struck(When::first(2), 6), [1, 2]);
        assert_eq!(struck(When::every(3), 7), [3, 6]);
    }

    #[test]
    fn chance_is_the_same_for_the_same_seed_and_about_as_often_as_asked() {
        let once = struck(When::chance(0.25, 7), 1000);
        assert_eq!(once, struck(When::chance(0.25, 7), 1000));
        assert_ne!(once, struck(When::chance(0.25, 8), 1000));
        assert!((180..320).contains(&once.len()), "{} of 1000", once.len());
    }

    #[test]
    fn only_matching_requests_count_and_the_maximum_holds() {
        let plan = FaultPlan::default();
        plan.add(
            Fault::new("ship", FaultKind::DropBefore)
                .body_contains("SO-7")
                .at_most(1),
        );
        assert!(plan.strike("rate", "SO-7").is_empty());
        assert!(plan.strike("ship", "SO-8").is_empty());
        assert_eq!(plan.strike("ship", "for SO-7"), [FaultKind::DropBefore]);
        assert!(plan.strike("ship", "for SO-7").is_empty());
        let report = plan.report();
        assert_eq!((report[0].occurrences, report[0].strikes), (2, 1));
    }

    #[test]
    fn faults_read_from_json_as_documented() {
        let text = r#"[{"operation":"ship","kind":"drop_after","when":{"nth":[1]}},
            {"operation":"*","kind":{"status":{"code":429,"retry_after":2}},"when":{"probability":0.1,"seed":7},"max":20},
            {"operation":"item","kind":{"error_in_200":{}}}]"#;
        let faults: Vec<Fault> = serde_json::from_str(text).unwrap();
        assert_eq!(faults[0], Fault::new("ship", FaultKind::DropAfter).when(When::nth([1])));
        assert_eq!(
            faults[1].kind,
            FaultKind::Status {
                code: 429,
                retry_after: Some(2)
            }
        );
        assert_eq!(faults[1].max, Some(20));
        assert_eq!(faults[2].kind, FaultKind::ErrorIn200 { after_effect: false });
    }
}
