//! What carriers say of parcels on their way, and what becomes of it: a milestone that does not depend on the order in which
//! the news came.
//!
//! The fold is pure: events are sorted by UTC time, and what happened decides, never the moment at which we heard of it.

use jiff::civil::{Date, Time};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// An event that claims to lie so far in the future has a clock that is wrong.
const AHEAD: SignedDuration = SignedDuration::from_hours(48);

/// An event that is so old is not one of a parcel that we follow: carriers keep them for less.
const BEHIND: SignedDuration = SignedDuration::from_hours(400 * 24);

/// How far a parcel has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Milestone {
    /// The label exists, the carrier does not have the parcel yet.
    LabelCreated,
    /// The label is void and the parcel was never handed over.
    Voided,
    /// The carrier has it.
    PickedUp,
    /// It is on its way.
    InTransit,
    /// Something holds it up.
    Exception,
    /// It is on the vehicle that delivers it.
    OutForDelivery,
    /// It waits where its receiver fetches it.
    AvailableForPickup,
    /// It goes back.
    Returning,
    /// It is delivered.
    Delivered,
    /// It is back where it came from.
    Returned,
}

impl Milestone {
    /// Every milestone, in the order in which simultaneous events count.
    pub const ALL: [Self; 10] = [
        Self::LabelCreated,
        Self::Voided,
        Self::PickedUp,
        Self::InTransit,
        Self::Exception,
        Self::OutForDelivery,
        Self::AvailableForPickup,
        Self::Returning,
        Self::Delivered,
        Self::Returned,
    ];

    /// In words, as people read them in the ERP.
    pub fn words(self) -> &'static str {
        match self {
            Self::LabelCreated => "Label created",
            Self::Voided => "Voided",
            Self::PickedUp => "Picked up",
            Self::InTransit => "In transit",
            Self::Exception => "Exception",
            Self::OutForDelivery => "Out for delivery",
            Self::AvailableForPickup => "Available for pickup",
            Self::Returning => "Returning",
            Self::Delivered => "Delivered",
            Self::Returned => "Returned",
        }
    }

    /// Whether nothing more is expected of a parcel that came so far.
    pub fn is_final(self) -> bool {
        matches!(self, Self::Delivered | Self::Returned | Self::Voided)
    }

    /// Whether an event of this milestone moves a parcel that stands at `at`. What the carrier tells of the paper (label, void)
    /// never takes back what it has seen of the parcel, a late origin scan does not either, and what was delivered can only go
    /// back.
    fn moves(self, at: Self) -> bool {
        match self {
            Self::LabelCreated => false,
            Self::Voided => at == Self::LabelCreated,
            Self::PickedUp => matches!(at, Self::LabelCreated | Self::Voided),
            Self::Returning | Self::Returned => at != Self::Returned,
            Self::Delivered => !matches!(at, Self::Delivered | Self::Returned),
            // On its way back it is scanned as on its way there.
            _ => !matches!(at, Self::Returning | Self::Delivered | Self::Returned),
        }
    }
}

/// What an event says about how far the parcel has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Meaning {
    /// It came so far.
    Reached(Milestone),
    /// Something else is told: another day, a photograph.
    Told,
    /// The carrier's word is not one that we know; it moves nothing and is reported.
    Unknown,
}

/// The carrier's own words for what happened.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct CarrierCode {
    /// The kind of event (UPS: `type`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// The code within the kind (UPS: `code`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// The status, where it is told apart from the code (UPS: `statusCode`, `descriptionCode`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
}

impl std::fmt::Display for CarrierCode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let part = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
        write!(f, "{}/{}/{}", part(&self.kind), part(&self.code), part(&self.status))
    }
}

/// Where something happened, as far as it is told.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Spot {
    /// The city.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub city: Option<String>,
    /// The state or province.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// The country, as the carrier writes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub country: Option<String>,
}

impl Spot {
    /// In words; `None` where nothing is told.
    pub fn words(&self) -> Option<String> {
        let parts = [&self.city, &self.state, &self.country].into_iter().flatten();
        let parts: Vec<&str> = parts.map(String::as_str).filter(|part| !part.is_empty()).collect();
        (!parts.is_empty()).then(|| parts.join(", "))
    }
}

/// When a parcel is expected, at the place where it goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Estimate {
    /// The day.
    pub date: Date,
    /// The latest time of that day, where it is told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Time>,
}

/// One event in a parcel's life, as the carrier told it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct TrackingEvent {
    /// When it happened.
    pub at: Timestamp,
    /// What it says.
    pub meaning: Meaning,
    /// The carrier's own words.
    pub code: CarrierCode,
    /// The carrier's sentence, for people only: it is never matched.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Where.
    #[serde(default)]
    pub spot: Spot,
    /// Who signed or took it. Personal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signed_by: Option<String>,
    /// When the parcel is expected, as it was told with this event.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub estimate: Option<Estimate>,
}

impl TrackingEvent {
    /// By what the same event is known, however often and by whichever way it comes: its time, kind and code.
    pub fn key(&self) -> String {
        let part = |text: &Option<String>| text.clone().unwrap_or_default();
        let at = self.at.strftime("%Y-%m-%dT%H:%M:%SZ");
        format!("{at}#{}#{}", part(&self.code.kind), part(&self.code.code))
    }

    /// Whether its time can be: neither years ago nor yet to come.
    pub fn is_possible(&self, now: Timestamp) -> bool {
        let ahead = self.at.duration_since(now);
        ahead <= AHEAD && ahead >= -BEHIND
    }

    /// The same event without what is personal about it.
    #[must_use]
    pub fn without_person(&self) -> Self {
        Self {
            signed_by: None,
            description: None,
            ..self.clone()
        }
    }

    /// The same event with what another telling of it adds.
    #[must_use]
    pub fn joined(&self, other: &Self) -> Self {
        let meaning = match (self.meaning, other.meaning) {
            (Meaning::Reached(ours), Meaning::Reached(theirs)) => Meaning::Reached(ours.max(theirs)),
            (Meaning::Reached(_), _) => self.meaning,
            (_, Meaning::Reached(_)) => other.meaning,
            (Meaning::Told, _) | (_, Meaning::Told) => Meaning::Told,
            (Meaning::Unknown, Meaning::Unknown) => Meaning::Unknown,
        };
        // Of two tellings neither is the later one: which is kept must not depend on the order in which they came.
        let greater = |a: &Option<String>, b: &Option<String>| a.clone().max(b.clone());
        let own = |event: &Self| (event.code.kind.clone(), event.code.code.clone());
        let (kind, code) = own(self).max(own(other));
        Self {
            at: self.at.min(other.at),
            meaning,
            code: CarrierCode {
                kind,
                code,
                status: greater(&self.code.status, &other.code.status),
            },
            description: greater(&self.description, &other.description),
            spot: Spot {
                city: greater(&self.spot.city, &other.spot.city),
                state: greater(&self.spot.state, &other.spot.state),
                country: greater(&self.spot.country, &other.spot.country),
            },
            signed_by: greater(&self.signed_by, &other.signed_by),
            estimate: match (self.estimate, other.estimate) {
                (Some(ours), Some(theirs)) => Some(if (theirs.date, theirs.until) > (ours.date, ours.until) {
                    theirs
                } else {
                    ours
                }),
                (ours, theirs) => ours.or(theirs),
            },
        }
    }
}

/// How far a parcel has come, and what is told of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// How far.
    pub milestone: Milestone,
    /// Since when.
    pub at: Timestamp,
    /// Where that happened.
    #[serde(default)]
    pub spot: Spot,
    /// Who signed or took it. Personal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signed_by: Option<String>,
    /// When it is expected; `None` once it has arrived.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub estimate: Option<Estimate>,
}

/// How far a parcel has come by everything that was told of it, in whatever order it came; `None` while nothing that we
/// understand was told.
pub fn fold(events: &[TrackingEvent]) -> Option<Progress> {
    let mut sorted: Vec<&TrackingEvent> = events.iter().collect();
    // Of two that differ in nothing that counts the order must not depend on how they came either.
    sorted.sort_by_key(|event| (event.at, rank(event.meaning), *event));
    let mut progress: Option<Progress> = None;
    let mut estimate = None;
    for event in sorted {
        estimate = event.estimate.or(estimate);
        progress = step(progress, event);
    }
    progress.map(|progress| Progress {
        estimate: estimate.filter(|_| !progress.milestone.is_final()),
        ..progress
    })
}

fn rank(meaning: Meaning) -> Option<Milestone> {
    match meaning {
        Meaning::Reached(milestone) => Some(milestone),
        Meaning::Told | Meaning::Unknown => None,
    }
}

fn step(before: Option<Progress>, event: &TrackingEvent) -> Option<Progress> {
    let Meaning::Reached(milestone) = event.meaning else {
        return before.map(|progress| with_signature(progress, event));
    };
    match before {
        Some(progress) if !milestone.moves(progress.milestone) => Some(with_signature(progress, event)),
        _ => Some(Progress {
            milestone,
            at: event.at,
            spot: event.spot.clone(),
            signed_by: event.signed_by.clone(),
            estimate: None,
        }),
    }
}

/// A name may be told later than the delivery that it belongs to.
fn with_signature(progress: Progress, event: &TrackingEvent) -> Progress {
    let signed_by = match progress.milestone {
        Milestone::Delivered => progress.signed_by.clone().or_else(|| event.signed_by.clone()),
        _ => progress.signed_by.clone(),
    };
    Progress { signed_by, ..progress }
}

/// How a whole order fares on its way, over all of its parcels: what the ERP shows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeliveryStatus {
    /// How far the parcels have come that have come least far; where one is in trouble, that trouble.
    pub milestone: Milestone,
    /// In words: the milestone, or how many have reached it.
    pub text: String,
    /// Since when.
    pub at: Timestamp,
    /// Where that happened.
    pub place: Option<String>,
    /// Who signed, once all are delivered. Personal.
    pub signed_by: Option<String>,
    /// When the last of them is expected.
    pub estimate: Option<Estimate>,
}

impl DeliveryStatus {
    /// The status of some parcels; those of which nothing is known are counted as on paper only. `None` while nothing is known
    /// of any.
    pub fn of<'a>(parcels: impl IntoIterator<Item = Option<&'a Progress>>) -> Option<Self> {
        let parcels: Vec<Option<&Progress>> = parcels.into_iter().collect();
        let known: Vec<&Progress> = parcels.iter().flatten().copied().collect();
        // Parcels whose label is void do not travel: they count only where nothing else does.
        let travelling = |one: &&&Progress| one.milestone != Milestone::Voided;
        let alive: Vec<&Progress> = known.iter().filter(travelling).copied().collect();
        let unknown = parcels.len() - known.len();
        let counted = if alive.is_empty() && unknown == 0 { known } else { alive };
        let leading = *counted
            .iter()
            .min_by_key(|one| (order(one.milestone), std::cmp::Reverse(one.at)))?;
        let milestone = if unknown > 0 && order(leading.milestone) > order(Milestone::LabelCreated) {
            Milestone::LabelCreated
        } else {
            leading.milestone
        };
        let count = counted.len() + unknown;
        let signatures: std::collections::BTreeSet<&str> =
            counted.iter().filter_map(|one| one.signed_by.as_deref()).collect();
        let all_delivered = unknown == 0 && counted.iter().all(|one| one.milestone == Milestone::Delivered);
        let newest = counted.iter().max_by_key(|one| one.at)?;
        let shown = if all_delivered { newest } else { &leading };
        Some(Self {
            milestone,
            text: text(milestone, &counted, count),
            at: shown.at,
            place: shown.spot.words(),
            signed_by: (all_delivered && !signatures.is_empty())
                .then(|| signatures.into_iter().collect::<Vec<_>>().join(", ")),
            estimate: counted
                .iter()
                .filter_map(|one| one.estimate)
                .max_by_key(|one| (one.date, one.until)),
        })
    }

    /// The same of an order with a parcel that is not followed any more.
    #[must_use]
    pub fn given_up(self) -> Self {
        Self {
            text: format!("{} (not followed any more)", self.text),
            ..self
        }
    }
}

/// Where a milestone stands among the parcels of an order: trouble first, then what has come least far.
fn order(milestone: Milestone) -> u8 {
    match milestone {
        Milestone::Returned => 0,
        Milestone::Returning => 1,
        Milestone::Exception => 2,
        Milestone::Voided => 3,
        Milestone::LabelCreated => 4,
        Milestone::PickedUp => 5,
        Milestone::InTransit => 6,
        Milestone::OutForDelivery => 7,
        Milestone::AvailableForPickup => 8,
        Milestone::Delivered => 9,
    }
}

fn text(milestone: Milestone, counted: &[&Progress], count: usize) -> String {
    let of = |milestone| counted.iter().filter(|one| one.milestone == milestone).count();
    let (delivered, here) = (of(Milestone::Delivered), of(milestone));
    let words = milestone.words();
    if here == count {
        return words.to_owned();
    }
    if order(milestone) < order(Milestone::LabelCreated) {
        return format!("{words} ({here} of {count} parcels)");
    }
    if delivered > 0 {
        return format!("{words} ({delivered} of {count} parcels delivered)");
    }
    words.to_owned()
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::option;
    use proptest::prelude::*;
    use proptest::sample::select;

    use super::*;

    fn moment() -> impl Strategy<Value = Timestamp> {
        let nanosecond = prop_oneof![7 => Just(0), 1 => Just(1)];
        (0_i64..6, nanosecond)
            .prop_map(|(second, nanosecond)| Timestamp::new(1_772_460_000 + second, nanosecond).unwrap())
    }

    fn word() -> impl Strategy<Value = Option<String>> {
        option::of(select(vec!["", "A", "B", "#"]).prop_map(str::to_owned))
    }

    fn meaning() -> impl Strategy<Value = Meaning> {
        prop_oneof![
            8 => select(Milestone::ALL.to_vec()).prop_map(Meaning::Reached),
            1 => Just(Meaning::Told),
            1 => Just(Meaning::Unknown),
        ]
    }

    fn estimate() -> impl Strategy<Value = Option<Estimate>> {
        let until = option::of(Just(Time::constant(20, 0, 0, 0)));
        option::of((1_i8..4, until).prop_map(|(day, until)| Estimate {
            date: Date::constant(2026, 3, day),
            until,
        }))
    }

    /// Events that share moments, kinds and codes more often than not.
    fn event() -> impl Strategy<Value = TrackingEvent> {
        let code = (word(), word(), word()).prop_map(|(kind, code, status)| CarrierCode { kind, code, status });
        let spot = (word(), word()).prop_map(|(city, country)| Spot {
            city,
            state: None,
            country,
        });
        (moment(), meaning(), code, word(), spot, word(), estimate()).prop_map(
            |(at, meaning, code, description, spot, signed_by, estimate)| TrackingEvent {
                at,
                meaning,
                code,
                description,
                spot,
                signed_by,
                estimate,
            },
        )
    }

    /// Tellings of one event.
    fn tellings() -> impl Strategy<Value = Vec<TrackingEvent>> {
        (event(), vec(event(), 2)).prop_map(|(one, others)| {
            let same = others.into_iter().map(|other| TrackingEvent {
                at: one.at,
                code: CarrierCode {
                    status: other.code.status,
                    ..one.code.clone()
                },
                ..other
            });
            std::iter::once(one.clone()).chain(same).collect()
        })
    }

    fn shuffled() -> impl Strategy<Value = (Vec<TrackingEvent>, Vec<TrackingEvent>)> {
        vec(event(), 0..10).prop_flat_map(|events| (Just(events.clone()), Just(events).prop_shuffle()))
    }

    fn parcels() -> impl Strategy<Value = Vec<Option<Progress>>> {
        vec(vec(event(), 0..4).prop_map(|events| fold(&events)), 0..6)
    }

    proptest! {
        /// P16: however often and in whatever order the same news come, the parcel stands where they say.
        #[test]
        fn the_fold_depends_neither_on_the_order_nor_on_repetition((events, mixed) in shuffled(), repeated in 0_usize..10) {
            let folded = fold(&events);
            prop_assert_eq!(&fold(&mixed), &folded);
            let again: Vec<TrackingEvent> = mixed.iter().chain(events.iter().take(repeated)).cloned().collect();
            prop_assert_eq!(fold(&again), folded);
        }

        #[test]
        fn tellings_of_an_event_are_joined_in_any_order(tellings in tellings()) {
            let [one, two, three] = tellings.as_slice() else { unreachable!("three tellings") };
            prop_assert_eq!(one.joined(one), one.clone());
            prop_assert_eq!(one.joined(two), two.joined(one));
            prop_assert_eq!(one.joined(two).joined(three), one.joined(&two.joined(three)));
            prop_assert_eq!(one.joined(two).joined(two), one.joined(two));
            prop_assert_eq!(one.joined(two).key(), one.key());
        }

        /// Events that only share the second, or whose codes only look alike when they are written one after the other, are one.
        #[test]
        fn what_has_one_key_is_joined_in_any_order(events in vec(event(), 12)) {
            for one in &events {
                for other in events.iter().filter(|other| other.key() == one.key()) {
                    prop_assert_eq!(one.joined(other), other.joined(one));
                    prop_assert_eq!(one.joined(other).key(), one.key());
                }
            }
        }

        #[test]
        fn what_was_delivered_can_only_go_back(events in vec(event(), 1..10)) {
            let mut sorted: Vec<TrackingEvent> = events;
            sorted.sort_by_key(|event| (event.at, rank(event.meaning)));
            let stages: Vec<Option<Progress>> = (1..=sorted.len()).map(|count| fold(&sorted[..count])).collect();
            for pair in stages.windows(2) {
                let [Some(before), Some(after)] = pair else { continue };
                if before.milestone == Milestone::Delivered {
                    let back = [Milestone::Delivered, Milestone::Returning, Milestone::Returned];
                    prop_assert!(back.contains(&after.milestone), "{:?} became {:?}", before, after);
                }
            }
        }

        #[test]
        fn an_order_is_delivered_only_when_all_of_it_is(parcels in parcels()) {
            let status = DeliveryStatus::of(parcels.iter().map(Option::as_ref));
            let at = |milestone| move |one: &Option<Progress>| one.as_ref().is_some_and(|one| one.milestone == milestone);
            let (delivered, void) = (at(Milestone::Delivered), at(Milestone::Voided));
            let all = parcels.iter().any(delivered) && parcels.iter().all(|one| delivered(one) || void(one));
            prop_assert_eq!(status.is_some_and(|status| status.milestone == Milestone::Delivered), all);
        }
    }
}
