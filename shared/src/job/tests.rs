//! The ledger under every sequence of outcomes: what must hold whatever happens, in whatever order it is told.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use rust_decimal::dec;

use super::*;
use crate::domain::{
    Address, Consignment, ConsignmentLine, LabelFormat, LineId, Money, Offer, Refusal, ShippedParcel, Weight,
};

/// One thing that is told to the ledger: which outcome, of which attempt or shipment, and how much later.
type Told = (u8, u8, u16);

const OUTCOMES: u8 = 38;

fn morning() -> Timestamp {
    "2026-03-02T14:00:00Z".parse().unwrap()
}

fn reading(number: u32, now: Timestamp) -> Snapshot {
    let consignment = Consignment {
        document: DocumentId::sales_order("5012"),
        number: format!("SO{number}"),
        customer_reference: None,
        ship_method: None,
        ship_to: Address {
            name: "Buyer".to_owned(),
            attention: None,
            lines: vec!["1 Main St".to_owned()],
            city: "Alpharetta".to_owned(),
            state: Some("GA".to_owned()),
            postal_code: Some("30005".to_owned()),
            country: "US".to_owned(),
            phone: None,
            email: None,
            residential: None,
        },
        location: None,
        bill_to: None,
        supplier: None,
        lines: vec![ConsignmentLine {
            line: LineId::new("1"),
            sku: "PUMP".to_owned(),
            description: None,
            quantity: dec!(1),
            weight: Some(Weight::pounds(dec!(2))),
            unit_price: None,
            origin_country: None,
            tariff_code: None,
            dimensions: None,
            cost_centre: None,
            flaw: None,
        }],
    };
    Snapshot::new(number, now, consignment)
}

fn job() -> Job {
    let admission = Admission {
        connection: "acme".parse().unwrap(),
        tenant: "acme".parse().unwrap(),
        unit: 1,
        write: Nonce::new("first"),
    };
    Job::admit(admission, &reading(1, morning()), morning())
}

fn shipment(number: u8) -> Shipment {
    Shipment {
        id: CarrierShipmentId::new(format!("1Z{number}")),
        parcels: vec![ShippedParcel {
            tracking_number: format!("1Z{number}"),
        }],
        service: None,
        cost: None,
        remarks: Vec::new(),
    }
}

fn quote(now: Timestamp) -> Quote {
    let offer = Offer {
        service: "03".to_owned(),
        name: "Ground".to_owned(),
        cost: Money::new(dec!(8.64), "USD"),
        negotiated: true,
        arrives: None,
    };
    Quote {
        offer,
        taken_at: now,
        account: None,
    }
}

fn label() -> LabelRef {
    LabelRef {
        tracking_number: None,
        format: LabelFormat::Zpl,
        key: "label".to_owned(),
    }
}

fn reason(of: u8) -> HoldReason {
    use HoldReason::{BadAddress, Brake, ChangedAfterLabel, LabelLost, MissingData, WriteBackInDoubt};
    [
        BadAddress,
        MissingData,
        Brake,
        ChangedAfterLabel,
        LabelLost,
        WriteBackInDoubt,
    ][usize::from(of % 6)]
}

/// Every outcome there is, most of them about the attempt and the shipments that are there, some about others.
fn outcome(told: Told, job: &Job, now: Timestamp) -> Outcome {
    let (kind, of, _) = told;
    let attempt = match of % 4 {
        0 => job.attempts + 1,
        1 => job.attempts.saturating_sub(1),
        _ => job.attempts,
    };
    let refusal = || Refusal::new("120100", "no");
    let until = now + SignedDuration::from_mins(i64::from(of));
    let wait = || Wait::new(until, "busy");
    let some = || (0..of % 3).map(|more| shipment(of % 4 + more)).collect::<Vec<_>>();
    let number = of % 4;
    let newer = SnapshotRef::from(&reading(job.snapshot.number + u32::from(of % 2), now));
    match kind % OUTCOMES {
        0 | 1 => Outcome::Intended {
            owner: Nonce::new(format!("owner-{of}")),
            snapshot: newer,
            address: Step::NotNeeded("as it stands".to_owned()),
            quote: quote(now),
        },
        2 => Outcome::Expired,
        3 => Outcome::Unknown { attempt },
        4 => Outcome::NotSent { attempt, wait: wait() },
        5 => Outcome::Rejected {
            attempt,
            refusal: refusal(),
        },
        6 => Outcome::Bought {
            shipment: shipment(number),
            labels: (of % 2 == 0).then(|| vec![label()]),
        },
        7 => Outcome::Found { shipments: some() },
        8 | 9 => Outcome::Absent {
            control: of % 8 != 0,
            may_recreate: of % 16 != 1,
        },
        10 => Outcome::DuplicatesChecked {
            shipments: some(),
            control: of % 2 == 0,
        },
        11 => Outcome::Closed(Closing::Order(Gone::Cancelled)),
        12 => Outcome::Held {
            reason: reason(of),
            message: "why".to_owned(),
            snapshot: None,
            address: None,
        },
        13 => Outcome::StillHeld,
        14 => Outcome::Released { snapshot: newer },
        15 => Outcome::Waits(wait()),
        16 => Outcome::LabelsKept(vec![label()]),
        17 => Outcome::WriteBackIntended {
            owner: Nonce::new(format!("owner-{of}")),
        },
        18 => Outcome::WriteBackUnknown { until, look_at: until },
        19 => Outcome::WriteBackNotSent { wait: wait() },
        20 => Outcome::WriteBackRefused { refusal: refusal() },
        21 => Outcome::WrittenBack(WriteBackRef {
            place: "fields".to_owned(),
            id: None,
        }),
        22 => Outcome::Flagged {
            text: (of % 2 == 0).then(|| "why".to_owned()),
        },
        23 => Outcome::Voided(shipment(number).id),
        24 => Outcome::VoidDelayed(shipment(number).id, until),
        25 => Outcome::VoidRefused(shipment(number).id, refusal()),
        26 => Outcome::ReleasedByPerson {
            ends: job
                .hold
                .as_ref()
                .map_or(HoldReason::UnknownPurchase, |hold| hold.reason),
            snapshot: newer,
        },
        27 => Outcome::HeldByPerson {
            message: "ann".to_owned(),
        },
        28 => Outcome::VoidWished { by: "ann".to_owned() },
        29 => Outcome::NotCreated { attempt },
        // What a person wanted void is answered often enough that the end of it is met.
        30 => match job.purchase.done() {
            Some(bought) if of % 4 == 0 => Outcome::VoidRefused(bought.id.clone(), refusal()),
            Some(bought) => Outcome::Voided(bought.id.clone()),
            None => Outcome::NotShown,
        },
        31 => match of % 3 {
            0 => Outcome::NotWritten,
            1 => Outcome::StillShown { refusal: refusal() },
            _ => Outcome::NotShown,
        },
        32 => match of % 2 {
            0 => Outcome::LabelsIncomplete(wait()),
            _ => Outcome::LabelLinksRevoked,
        },
        33 => match of % 2 {
            0 => Outcome::Forgotten { by: "ann".to_owned() },
            _ => Outcome::Disturbed,
        },
        34 => match of % 2 {
            0 => Outcome::ClosedByPerson(Closing::Order(Gone::Cancelled)),
            _ => Outcome::ClosedByPerson(Closing::Order(Gone::Fulfilled)),
        },
        35 => Outcome::FlagDelayed { wait: wait() },
        36 => Outcome::FlagRefused { again_at: until },
        _ => Outcome::Requeued { due_at: until },
    }
}

/// The shipments that an outcome tells of.
fn told_of(outcome: &Outcome) -> Vec<CarrierShipmentId> {
    match outcome {
        Outcome::Bought { shipment, .. } => vec![shipment.id.clone()],
        Outcome::Found { shipments } | Outcome::DuplicatesChecked { shipments, .. } => {
            shipments.iter().map(|shipment| shipment.id.clone()).collect()
        }
        _ => Vec::new(),
    }
}

/// What may end a hold of this reason, as its documentation says.
fn may_end(reason: HoldReason, before: &Job, outcome: &Outcome) -> bool {
    use HoldReason::{
        Addition, BadAddress, Brake, ChangedAfterLabel, DuplicateCheckBlind, ExtraToVoid, LabelLost, MissingData,
        Person, Rejected, UnknownPurchase, Unmatched, VoidRefused, VoidStillShown, WriteBackInDoubt, WriteBackRefused,
    };
    let word = matches!(outcome, Outcome::ReleasedByPerson { .. } | Outcome::ClosedByPerson(_));
    let person = word || ends_by_void(before, outcome);
    let order = matches!(outcome, Outcome::Released { .. } | Outcome::Closed(_));
    let fact = !told_of(outcome).is_empty() || matches!(outcome, Outcome::NotSent { .. });
    person
        || match reason {
            BadAddress | MissingData | Brake => order,
            Rejected => order || fact,
            UnknownPurchase => fact || matches!(outcome, Outcome::NotCreated { .. }),
            DuplicateCheckBlind => fact,
            WriteBackRefused => matches!(outcome, Outcome::WrittenBack(_)),
            WriteBackInDoubt => matches!(outcome, Outcome::WrittenBack(_) | Outcome::NotWritten),
            VoidStillShown => matches!(outcome, Outcome::NotShown),
            Addition => matches!(outcome, Outcome::Closed(_)),
            ChangedAfterLabel | LabelLost | ExtraToVoid | VoidRefused | Unmatched | Person => false,
        }
}

/// Whether what a person wanted void is void now.
fn ends_by_void(before: &Job, outcome: &Outcome) -> bool {
    let bought = before.purchase.done().map(|shipment| &shipment.id);
    matches!(outcome, Outcome::Voided(id) if before.void_pending() && bought == Some(id))
}

fn known(job: &Job) -> Vec<CarrierShipmentId> {
    let bought = job.purchase.done().map(|shipment| shipment.id.clone());
    let extras = job.extras.iter().map(|extra| extra.shipment.clone());
    bought.into_iter().chain(extras).collect()
}

fn check(before: &Job, after: &Job, outcome: &Outcome, now: Timestamp, timing: &Timing) -> Result<(), TestCaseError> {
    let context = || format!("{} of {before:?}", outcome.name());
    prop_assert_eq!(after.due_at.is_none(), after.finished(), "{}", context());
    if !matches!(outcome, Outcome::Requeued { .. }) {
        prop_assert_eq!(
            after.put_off(timing),
            SignedDuration::ZERO,
            "its turn is as it was written: {}",
            context()
        );
    }
    match after.next(now, timing) {
        Next::Finished => prop_assert!(after.finished(), "{}", context()),
        Next::Wait(at) => prop_assert!(at > now, "{}", context()),
        _ => prop_assert!(!after.finished(), "{}", context()),
    }
    let ids = known(after);
    prop_assert_eq!(
        ids.iter().collect::<BTreeSet<_>>().len(),
        ids.len(),
        "a shipment stands twice: {}",
        context()
    );
    for id in known(before).iter().chain(&told_of(outcome)) {
        prop_assert!(ids.contains(id), "shipment {} is lost: {}", id, context());
    }
    if let (Some(first), Some(now)) = (before.purchase.done(), after.purchase.done()) {
        prop_assert_eq!(&first.id, &now.id, "the first shipment stays: {}", context());
    }
    if let Some(hold) = &before.hold {
        let replaced = after.hold.as_ref().map(|after| after.reason);
        let stays = replaced.is_some_and(|after| {
            !hold.reason.is_about_an_unknown_purchase()
                || after.is_about_an_unknown_purchase()
                || after == HoldReason::Rejected
        });
        prop_assert!(
            stays || may_end(hold.reason, before, outcome),
            "ends a hold: {}",
            context()
        );
        if ends_by_void(before, outcome) && hold.reason.is_about_an_unknown_purchase() {
            prop_assert_eq!(
                after.hold.as_ref().map(|hold| hold.reason),
                Some(hold.reason),
                "a doubt outlives a void: {}",
                context()
            );
        }
    }
    check_void(before, after, outcome, now, timing)?;
    if matches!(outcome, Outcome::Intended { .. }) {
        prop_assert!(before.hold.is_none() && !before.over());
        prop_assert_eq!(after.attempts, before.attempts + 1);
        let again = matches!(before.purchase, Step::Unknown { .. }) || before.bought_again;
        prop_assert_eq!(
            after.duplicate_check.is_some(),
            again || before.duplicate_check.is_some(),
            "{}",
            context()
        );
    }
    Ok(())
}

/// A wish to void changes nothing else before it is answered, and only an answered void ends the job.
fn check_void(
    before: &Job,
    after: &Job,
    outcome: &Outcome,
    now: Timestamp,
    timing: &Timing,
) -> Result<(), TestCaseError> {
    let context = || format!("{} of {before:?}", outcome.name());
    let by_void = matches!(after.closed, Some(Closing::Voided { .. }));
    if by_void && before.closed.is_none() {
        prop_assert!(ends_by_void(before, outcome), "ends without a void: {}", context());
        prop_assert!(after.write_back.done().is_none() && after.purchase.done().is_none());
    }
    if after.void_pending() {
        prop_assert!(
            after.closed.is_none() && after.purchase.done().is_some(),
            "{}",
            context()
        );
        let forward = [Next::Prepare, Next::FetchLabels, Next::Reread, Next::LookWhetherShown];
        prop_assert!(!forward.contains(&after.next(now, timing)), "{}", context());
    }
    if matches!(outcome, Outcome::VoidRefused(..)) {
        prop_assert_eq!(&after.write_back, &before.write_back, "{}", context());
        prop_assert_eq!(&after.purchase, &before.purchase, "{}", context());
        prop_assert_eq!(&after.closed, &before.closed, "{}", context());
    }
    Ok(())
}

/// An outcome of another attempt, or of a step that it cannot follow, must be refused.
fn must_be_refused(job: &Job, outcome: &Outcome, now: Timestamp, timing: &Timing) -> bool {
    let open = job.purchase.open_attempt().map(|attempt| attempt.number);
    match outcome {
        Outcome::Unknown { attempt } | Outcome::NotSent { attempt, .. } | Outcome::Rejected { attempt, .. } => {
            open != Some(*attempt)
        }
        Outcome::Intended { .. } => match &job.purchase {
            Step::Unknown { looks, .. } => looks.len() < timing.looks.len() || looks.iter().any(|look| !look.control),
            purchase => !matches!(purchase, Step::Todo),
        },
        Outcome::NotCreated { attempt } => {
            let live = matches!(&job.purchase, Step::Started(attempt) if attempt.until > now);
            open != Some(*attempt) || live || job.over()
        }
        Outcome::WriteBackIntended { .. } if job.void_pending() => true,
        Outcome::WriteBackIntended { .. } | Outcome::WrittenBack(_) => job.purchase.done().is_none(),
        Outcome::Forgotten { .. } => !job.finished(),
        Outcome::LabelLinksRevoked => job.labels.done().is_none(),
        _ => false,
    }
}

/// What is known of the latest purchase from outside the ledger: whether it may have happened, and the looks that missed it.
#[derive(Debug, Default)]
struct Licence {
    may_be_bought: bool,
    looks: Vec<bool>,
}

impl Licence {
    /// Whether a purchase may be intended: nothing that was tried before can have bought anything, as far as anybody can see.
    fn allows_a_purchase(&self, timing: &Timing) -> bool {
        let believed = self.looks.len() >= timing.looks.len() && self.looks.iter().all(|seen| *seen);
        !self.may_be_bought || believed
    }

    /// Takes note of what the ledger has taken.
    fn learn(&mut self, outcome: &Outcome, after: &Job, timing: &Timing) {
        match outcome {
            Outcome::Intended { .. } => {
                self.may_be_bought = true;
                self.looks.clear();
            }
            Outcome::Unknown { .. } | Outcome::Expired => self.looks.clear(),
            Outcome::Absent { control, .. } if self.looks.len() < timing.looks.len() => self.looks.push(*control),
            Outcome::NotSent { .. } | Outcome::Rejected { .. } | Outcome::NotCreated { .. } => {
                self.may_be_bought = false;
            }
            Outcome::ReleasedByPerson { .. } | Outcome::Voided(_) if matches!(after.purchase, Step::Todo) => {
                self.may_be_bought = false;
            }
            _ => {}
        }
    }
}

/// Whether an outcome must be recorded although somebody else wrote in between.
fn must_survive(job: &Job, outcome: &Outcome) -> bool {
    let open = job.purchase.open_attempt().map(|attempt| attempt.number);
    match outcome {
        Outcome::Bought { .. } | Outcome::Found { .. } | Outcome::Flagged { .. } => true,
        Outcome::Unknown { attempt } | Outcome::NotSent { attempt, .. } | Outcome::Rejected { attempt, .. } => {
            open == Some(*attempt)
        }
        _ => false,
    }
}

fn live_through(told: Vec<Told>) -> Result<(Job, Timestamp), TestCaseError> {
    let (mut job, mut now, timing) = (job(), morning(), Timing::default());
    let mut licence = Licence::default();
    for one in told {
        now += SignedDuration::from_mins(i64::from(one.2));
        let outcome = outcome(one, &job, now);
        let before = job.clone();
        prop_assert_eq!(
            outcome.survives_a_conflict(&before),
            must_survive(&before, &outcome),
            "{} after a conflict with {:?}",
            outcome.name(),
            before
        );
        match job.apply(outcome.clone(), now, &timing) {
            Ok(()) => {
                prop_assert!(
                    !must_be_refused(&before, &outcome, now, &timing),
                    "{} of {before:?}",
                    outcome.name()
                );
                if matches!(outcome, Outcome::Intended { .. }) {
                    prop_assert!(licence.allows_a_purchase(&timing), "buys twice: {before:?}");
                }
                check(&before, &job, &outcome, now, &timing)?;
                licence.learn(&outcome, &job, &timing);
            }
            Err(_) => prop_assert_eq!(&job, &before, "on an error nothing has changed"),
        }
    }
    Ok((job, now))
}

/// An answer to what comes next: bad in one of several ways, or as good as can be.
fn answer(next: &Next, job: &Job, now: Timestamp, how: u8) -> Outcome {
    let until = now + SignedDuration::from_mins(1);
    let wait = || Wait {
        until,
        reason: "busy".to_owned(),
        tries: 0,
        parked_since: None,
    };
    let refusal = || Refusal::new("120100", "no");
    match (next, how % 5) {
        (Next::Void(id), 0 | 1) => Outcome::VoidDelayed(id.clone(), until),
        (Next::Void(id), 2) => Outcome::VoidRefused(id.clone(), refusal()),
        (Next::Void(id), _) => Outcome::Voided(id.clone()),
        (Next::LookWhetherShown | Next::Reread, _) => Outcome::StillHeld,
        (Next::CheckForDuplicates | Next::Prepare | Next::FetchLabels | Next::LookForWriteBack, 0) => {
            Outcome::Waits(wait())
        }
        (Next::CheckForDuplicates, _) => Outcome::DuplicatesChecked {
            shipments: Vec::new(),
            control: how % 5 != 1,
        },
        (Next::Flag(_), 0 | 1) => Outcome::FlagDelayed { wait: wait() },
        (Next::Flag(_), 2) => Outcome::FlagRefused { again_at: until },
        (Next::Flag(text), _) => Outcome::Flagged { text: text.clone() },
        (Next::Prepare, 1) => Outcome::Held {
            reason: reason(how),
            message: "why".to_owned(),
            snapshot: None,
            address: None,
        },
        (Next::Prepare, 2) => Outcome::Closed(Closing::Order(Gone::Cancelled)),
        (Next::Prepare, _) => outcome((0, 2, 0), job, now),
        (Next::Expire, _) => Outcome::Expired,
        (Next::Look, _) if !matches!(job.purchase, Step::Unknown { .. }) => Outcome::StillHeld,
        (Next::Look, 0) => Outcome::Waits(wait()),
        (Next::Look, 1 | 2) => Outcome::Absent {
            control: how % 5 == 2,
            may_recreate: true,
        },
        (Next::Look, _) => Outcome::Found {
            shipments: vec![shipment(9)],
        },
        (Next::FetchLabels, 1 | 2) => Outcome::LabelsIncomplete(wait()),
        (Next::FetchLabels, _) => Outcome::LabelsKept(vec![label()]),
        (Next::LookForWriteBack, 1) => Outcome::WriteBackRefused { refusal: refusal() },
        (Next::LookForWriteBack, 2) if job.void_pending() => Outcome::NotWritten,
        (Next::LookForWriteBack, 2) => Outcome::WriteBackIntended {
            owner: Nonce::new("late"),
        },
        (Next::LookForWriteBack, _) => Outcome::WrittenBack(WriteBackRef {
            place: "fields".to_owned(),
            id: None,
        }),
        (Next::Finished | Next::Wait(_), _) => Outcome::StillHeld,
    }
}

/// Does what comes next with these answers, and with good ones after them, until the job is finished or held.
fn come_to_rest(mut job: Job, mut now: Timestamp, answers: &[u8]) -> Result<(), TestCaseError> {
    const GOOD: u8 = 4;
    let timing = Timing::default();
    let mut answers = answers.iter().copied();
    for _ in 0..400 {
        let next = job.next(now, &timing);
        if next == Next::Finished {
            return Ok(());
        }
        if let Next::Wait(at) = next {
            prop_assert!(job.due_at.is_some(), "nobody will come when it is time: {job:?}");
            now = at;
            continue;
        }
        let how = answers.next();
        let told = answer(&next, &job, now, how.unwrap_or(GOOD));
        if how.is_none() && job.hold.is_some() && told == Outcome::StillHeld {
            return Ok(());
        }
        let good = answer(&next, &job, now, GOOD);
        if job.apply(told, now, &timing).is_err() {
            prop_assert!(job.apply(good, now, &timing).is_ok(), "{next:?} leads nowhere: {job:?}");
        }
        now += SignedDuration::from_secs(1);
    }
    Err(TestCaseError::fail(format!("never comes to rest: {job:?}")))
}

fn stories() -> impl Strategy<Value = Vec<Told>> {
    prop::collection::vec((0..OUTCOMES, any::<u8>(), 0_u16..400), 1..60)
}

/// A story that breaks what must hold, with the answers that came after it.
type Broken = proptest::test_runner::TestError<(Vec<Told>, Vec<u8>)>;

fn whatever_happens(cases: u32) -> Result<(), Broken> {
    let config = ProptestConfig {
        cases,
        failure_persistence: None,
        max_shrink_iters: 0,
        ..ProptestConfig::default()
    };
    let answers = prop::collection::vec(any::<u8>(), 0..40);
    // Always the same stories: a rule is missed in them, or it is not.
    let rng = proptest::test_runner::TestRng::deterministic_rng(config.rng_algorithm);
    proptest::test_runner::TestRunner::new_with_rng(config, rng).run(&(stories(), answers), |(told, answers)| {
        let (job, now) = live_through(told)?;
        come_to_rest(job, now, &answers)
    })
}

/// P20: the properties are not idle: a rule that is taken away is missed. Those that take a longer story to miss are found by
/// the crash exploration.
#[test]
fn without_a_rule_the_properties_do_not_hold() {
    use crate::rules::{Rule, without};
    for rule in [
        Rule::LookUp,
        Rule::LateFacts,
        Rule::AttemptByAttempt,
        Rule::DuplicateCheck,
        Rule::DueWhenStarted,
    ] {
        assert!(
            without(rule, || whatever_happens(20_000)).is_err(),
            "{rule:?} is not missed"
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 10_000, failure_persistence: None, ..ProptestConfig::default() })]

    /// P20: no sequence of outcomes buys twice without licence, loses a shipment, forgets an unfinished job, ends a hold that only a fact or a person
    /// may end, or takes one attempt's outcome for another's.
    #[test]
    fn whatever_happens_the_rules_hold(told in stories(), answers in prop::collection::vec(any::<u8>(), 0..40)) {
        let (job, now) = live_through(told)?;
        come_to_rest(job, now, &answers)?;
    }
}

/// What people shipped at a desk; `None` where no order is known for it.
fn despatched(order: Option<u8>) -> Job {
    let admission = Admission {
        connection: "acme".parse().unwrap(),
        tenant: "acme".parse().unwrap(),
        unit: 1,
        write: Nonce::new("first"),
    };
    let mut snapshot = reading(1, morning());
    if order.is_none() {
        snapshot.consignment.document = DocumentId::despatch(&crate::domain::DespatchId::new("label:1"));
    }
    let at_desk = AtDesk {
        desk: "shipstation".to_owned(),
        order: DeskOrderRef {
            id: "1".to_owned(),
            number: "SO1".to_owned(),
            key: None,
            store: None,
        },
        followed: true,
    };
    let job = Job::despatched(admission, &snapshot, (shipment(1), at_desk), morning(), morning());
    match order {
        Some(_) => job,
        None => job.unmatched("no order fits".to_owned(), morning(), &Timing::default()),
    }
}

/// P52: what people shipped is only written back: no price, no purchase, no label.
#[test]
fn what_people_shipped_is_only_written_back() {
    let (mut job, now, timing) = (despatched(Some(1)), morning(), Timing::default());
    assert_eq!(job.next(now, &timing), Next::LookForWriteBack);
    let reference = WriteBackRef {
        place: "item fulfilment 1".to_owned(),
        id: Some("1".to_owned()),
    };
    job.apply(Outcome::WrittenBack(reference), now, &timing).unwrap();
    assert!(job.finished());
}

#[test]
fn what_fits_no_order_ends_by_an_order_by_a_void_or_by_a_person() {
    let (now, timing) = (morning() + SignedDuration::from_hours(1), Timing::default());
    let job = despatched(None);
    assert_eq!(job.next(morning(), &timing), Next::Wait(morning() + timing.held));
    assert_eq!(job.next(now, &timing), Next::Reread);
    let closings = [
        Closing::Matched {
            job: despatched(Some(1)).id,
        },
        Closing::LeftAside { by: "ann".to_owned() },
    ];
    for closing in closings {
        let mut closed = job.clone();
        closed.apply(Outcome::ClosedByPerson(closing), now, &timing).unwrap();
        assert!(closed.finished() && closed.due_at.is_none());
        assert!(
            closed
                .apply(Outcome::VoidWished { by: "ann".to_owned() }, now, &timing)
                .is_err()
        );
    }
    let mut released = job.clone();
    let word = Outcome::ReleasedByPerson {
        ends: HoldReason::Unmatched,
        snapshot: released.snapshot.clone(),
    };
    assert!(
        released.apply(word, now, &timing).is_err(),
        "nothing goes on without an order"
    );
    let mut void = job.clone();
    void.apply(Outcome::VoidWished { by: "desk".to_owned() }, now, &timing)
        .unwrap();
    let id = shipment(1).id;
    assert_eq!(void.next(now, &timing), Next::Void(id.clone()));
    void.apply(Outcome::Voided(id), now, &timing).unwrap();
    assert!(void.finished(), "{void:?}");
    // Looks become more seldom: each of them costs the desk and the ERP some calls, and there may be thousands of such jobs.
    let mut old = job;
    let (mut at, mut last) = (now, SignedDuration::ZERO);
    for _ in 0..60 {
        old.apply(Outcome::StillHeld, at, &timing).unwrap();
        let Next::Wait(next) = old.next(at, &timing) else {
            panic!("it is not waited for")
        };
        last = next.duration_since(at);
        at = next;
    }
    assert_eq!(last, SignedDuration::from_hours(24));
}

/// What the ERP does not let us take away is told in the hold, and ends like any that it still shows.
#[test]
fn why_the_erp_keeps_what_is_void_is_told() {
    let (mut job, now, timing) = (despatched(Some(1)), morning(), Timing::default());
    let reference = WriteBackRef {
        place: "item fulfilment 1".to_owned(),
        id: Some("1".to_owned()),
    };
    job.apply(Outcome::WrittenBack(reference), now, &timing).unwrap();
    job.apply(Outcome::VoidWished { by: "desk".to_owned() }, now, &timing)
        .unwrap();
    job.apply(Outcome::Voided(shipment(1).id), now, &timing).unwrap();
    let refusal = Refusal::new("INVOICED", "it is billed");
    job.apply(Outcome::StillShown { refusal }, now, &timing).unwrap();
    let hold = job.hold.clone().unwrap();
    assert_eq!(hold.reason, HoldReason::VoidStillShown);
    assert!(hold.message.contains("it is billed"), "{}", hold.message);
    assert_eq!(hold.again_at, now + timing.held);
    job.apply(Outcome::NotShown, now, &timing).unwrap();
    assert!(job.hold.is_none());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    /// P52: whatever is told of what fits no order, nothing is bought, written or flagged for it, and it is never forgotten.
    #[test]
    fn what_fits_no_order_is_never_shipped_by_us(told in stories()) {
        let (mut job, mut now, timing) = (despatched(None), morning(), Timing::default());
        for one in told {
            now += SignedDuration::from_mins(i64::from(one.2));
            let outcome = outcome(one, &job, now);
            let _ = job.apply(outcome, now, &timing);
            let forbidden = matches!(
                job.next(now, &timing),
                Next::Prepare | Next::Look | Next::FetchLabels | Next::LookForWriteBack | Next::Flag(_)
            );
            prop_assert!(!forbidden, "{job:?}");
            prop_assert!(job.hold.is_some() || job.over() || job.void_pending(), "{job:?}");
            prop_assert_eq!(job.due_at.is_none(), job.finished());
        }
    }
}

/// P20: the order in which two shipments of one job are told of does not matter: one stays, the other is to be voided.
#[test]
fn the_first_shipment_stays_whatever_the_order() {
    let timing = Timing::default();
    for [first, second] in [[1, 2], [2, 1]] {
        let mut job = job();
        for number in [first, second, first, second] {
            let outcome = Outcome::Found {
                shipments: vec![shipment(number)],
            };
            job.apply(outcome, morning(), &timing).unwrap();
        }
        assert_eq!(known(&job), [shipment(first).id, shipment(second).id]);
        assert_eq!(job.next(morning(), &timing), Next::Void(shipment(second).id));
    }
}

/// P20, P63: a look that shows some parcels of a shipment, under the number of one of them, takes nothing away from what was bought; one
/// that shows the whole of what a person named by a parcel counts.
#[test]
fn a_look_that_shows_a_part_takes_nothing_away() {
    let timing = Timing::default();
    let of = |id: &str, numbers: &[&str]| Shipment {
        id: CarrierShipmentId::new(id),
        parcels: numbers
            .iter()
            .map(|number| ShippedParcel {
                tracking_number: (*number).to_owned(),
            })
            .collect(),
        ..shipment(1)
    };
    let after = |first: Shipment, then: Shipment| {
        let mut job = job();
        for shipments in [vec![first], vec![then]] {
            job.apply(Outcome::Found { shipments }, morning(), &timing).unwrap();
        }
        assert!(job.extras.is_empty(), "{:?}", job.extras);
        job.purchase.done().cloned().unwrap()
    };
    let bought = of("7941", &["7941", "7942"]);
    assert_eq!(after(bought.clone(), of("7942", &["7942"])), bought);
    let whole = of("7941", &["7941", "7942"]);
    assert_eq!(after(of("7942", &["7942"]), whole.clone()), whole);
}

/// P20: a job that nobody can say anything about stays held as such: a person's other hold would hide it, and releasing
/// that one would leave a purchase that may neither be looked up nor made.
#[test]
fn an_unknown_purchase_is_not_hidden_by_another_hold() {
    let (mut job, timing) = (job(), Timing::default());
    let mut now = morning();
    let mut tell = |job: &mut Job, outcome: Outcome| {
        now += SignedDuration::from_mins(70);
        job.apply(outcome, now, &timing)
    };
    let intent = outcome((0, 2, 0), &job, morning());
    tell(&mut job, intent).unwrap();
    tell(&mut job, Outcome::Expired).unwrap();
    for _ in 0..4 {
        let blind = Outcome::Absent {
            control: false,
            may_recreate: true,
        };
        tell(&mut job, blind).unwrap();
    }
    assert_eq!(
        job.hold.as_ref().map(|hold| hold.reason),
        Some(HoldReason::UnknownPurchase)
    );
    let by_person = Outcome::HeldByPerson {
        message: "ann".to_owned(),
    };
    assert!(tell(&mut job, by_person).is_err());
    let cancelled = Outcome::Closed(Closing::Order(Gone::Cancelled));
    assert!(tell(&mut job, cancelled).is_err(), "no change of the order ends it");
    let snapshot = job.snapshot.clone();
    assert!(tell(&mut job, Outcome::Released { snapshot }).is_err());
}

/// A job that an earlier version closed at the person's word, while the carrier had yet to void the shipment, is still read,
/// and its shipment is still voided.
#[test]
fn a_job_that_was_voided_by_an_earlier_version_is_still_voided() {
    let mut old = serde_json::to_value(job()).unwrap();
    let fields = old.as_object_mut().unwrap();
    for since in ["label_tries", "void", "forgotten", "bought_again", "budgeted_at"] {
        fields.remove(since).unwrap();
    }
    old["closed"] = serde_json::json!({ "voided": { "by": "ann" } });
    old["extras"] = serde_json::json!([{ "shipment": "1Z1", "voiding": { "todo": { "at": morning() } } }]);
    let mut old: Job = serde_json::from_value(old).unwrap();
    let (timing, void) = (Timing::default(), shipment(1).id);
    assert_eq!(old.next(morning(), &timing), Next::Void(void.clone()));
    old.apply(Outcome::Voided(void), morning(), &timing).unwrap();
    assert_eq!(old.closed, Some(Closing::Voided { by: "ann".to_owned() }));
}

/// P20: under a refused write-back somebody may be writing again: a person's release does not take that for nothing.
#[test]
fn a_release_leaves_a_write_back_that_is_under_way() {
    let (mut job, timing, now) = (job(), Timing::default(), morning());
    let labels = Some(vec![label()]);
    let outcomes = [
        Outcome::Bought {
            shipment: shipment(1),
            labels,
        },
        Outcome::WriteBackIntended {
            owner: Nonce::new("first"),
        },
        Outcome::WriteBackRefused {
            refusal: Refusal::new("no", "no"),
        },
        Outcome::WriteBackIntended {
            owner: Nonce::new("second"),
        },
        Outcome::ReleasedByPerson {
            ends: HoldReason::WriteBackRefused,
            snapshot: job.snapshot.clone(),
        },
    ];
    for outcome in outcomes {
        job.apply(outcome, now, &timing).unwrap();
    }
    assert!(
        job.write_back.is_started_by(&Nonce::new("second")),
        "{:?}",
        job.write_back
    );
}

/// Only what the ERP refuses is given up, after eight times; what it has no time for is not. A flag that it refuses is not
/// taken for written, and another text is tried anew.
#[test]
fn a_flag_is_given_up_only_if_the_erp_refuses_it() {
    let (mut job, timing, now) = (job(), Timing::default(), morning());
    let held = |message: &str| Outcome::Held {
        reason: HoldReason::MissingData,
        message: message.to_owned(),
        snapshot: None,
        address: None,
    };
    job.apply(held("no weight"), now, &timing).unwrap();
    for _ in 0..100 {
        let wait = Wait::new(now, "busy");
        job.apply(Outcome::FlagDelayed { wait }, now, &timing).unwrap();
        assert!(job.flag_pending());
    }
    for _ in 0..8 {
        assert!(job.flag_pending());
        job.apply(Outcome::FlagRefused { again_at: now }, now, &timing).unwrap();
    }
    assert_eq!(job.flag, Flag::Refused(job.problem()));
    job.apply(Outcome::StillHeld, now, &timing).unwrap();
    assert!(!job.flag_pending(), "it is not asked for the same again");
    job.apply(held("no address"), now, &timing).unwrap();
    assert!(job.flag_pending());
}

/// P56: what waits for an invoice is unfinished, not held and due; a change of the document has it looked at at once, and a write
/// ends the wait.
#[test]
fn what_is_parked_waits_without_failing_until_it_is_written() {
    let (mut job, timing, now) = (job(), Timing::default(), morning());
    let bought = Outcome::Bought {
        shipment: shipment(1),
        labels: Some(vec![label()]),
    };
    job.apply(bought, now, &timing).unwrap();
    let later = now + SignedDuration::from_hours(1);
    let parked = Wait::parked(later, "shipped; waits for the invoice", now);
    job.apply(Outcome::Waits(parked), now, &timing).unwrap();
    assert_eq!(
        (job.parked_since(), job.due_at, job.problem()),
        (Some(now), Some(later), None)
    );
    assert!(!job.finished() && job.hold.is_none());
    job.apply(Outcome::OrderChanged, now, &timing).unwrap();
    assert_eq!(
        (job.parked_since(), job.next(now, &timing)),
        (Some(now), Next::LookForWriteBack)
    );
    let owner = Nonce::new("w");
    job.apply(Outcome::WriteBackIntended { owner }, now, &timing).unwrap();
    assert_eq!(job.parked_since(), None);
    assert!(job.apply(Outcome::OrderChanged, now, &timing).is_err());
}

/// A label set that stays incomplete does not wait for ever.
#[test]
fn labels_that_stay_incomplete_are_held_as_lost() {
    let (mut job, timing) = (job(), Timing::default());
    let bought = Outcome::Bought {
        shipment: shipment(1),
        labels: None,
    };
    job.apply(bought, morning(), &timing).unwrap();
    let mut tries = 0;
    while job.hold.is_none() {
        let wait = Wait {
            until: morning(),
            reason: "its labels are not all there".to_owned(),
            tries: 0,
            parked_since: None,
        };
        job.apply(Outcome::LabelsIncomplete(wait), morning(), &timing).unwrap();
        tries += 1;
    }
    assert_eq!(
        (tries, job.hold.as_ref().map(|hold| hold.reason)),
        (8, Some(HoldReason::LabelLost))
    );
    let released = Outcome::ReleasedByPerson {
        ends: HoldReason::LabelLost,
        snapshot: job.snapshot.clone(),
    };
    job.apply(released, morning(), &timing).unwrap();
    assert_eq!((&job.labels, job.label_tries, &job.hold), (&Step::Todo, 0, &None));
}

/// A closed job whose look for a late shipment was blind rests after one word of a person: nothing is bought for it, so that
/// there is nothing to look for again.
#[test]
fn one_release_ends_the_doubt_about_a_closed_job() {
    let (mut job, timing, now) = (job(), Timing::default(), morning());
    let intent = outcome((0, 2, 0), &job, now);
    let blind = Outcome::DuplicatesChecked {
        shipments: Vec::new(),
        control: false,
    };
    let released = Outcome::ReleasedByPerson {
        ends: HoldReason::DuplicateCheckBlind,
        snapshot: job.snapshot.clone(),
    };
    let cancelled = Outcome::Closed(Closing::Order(Gone::Cancelled));
    for outcome in [intent, Outcome::Expired, cancelled, blind, released] {
        job.apply(outcome, now, &timing).unwrap();
    }
    assert_eq!((&job.duplicate_check, &job.hold), (&None, &None));
    let cleared = Outcome::Flagged { text: None };
    job.apply(cleared, now, &timing).unwrap();
    assert!(job.finished(), "{job:?}");
    let late = Outcome::Found {
        shipments: vec![shipment(1)],
    };
    job.apply(late, now, &timing).unwrap();
    assert!(job.hold.is_some(), "what turns up after all still reopens it");
}

/// Looks at a job until a time, each of which changes nothing, and returns how many there were.
fn looks_until(job: &mut Job, end: Timestamp) -> usize {
    let (mut now, mut looks, timing) = (job.updated_at, 0, Timing::default());
    loop {
        let told = match job.next(now, &timing) {
            Next::Wait(at) if at > end => return looks,
            Next::Wait(at) => {
                now = at;
                continue;
            }
            Next::Flag(text) => Outcome::Flagged { text },
            _ => Outcome::StillHeld,
        };
        looks += usize::from(told == Outcome::StillHeld);
        job.apply(told, now, &timing).unwrap();
        assert!(job.due_at.is_some(), "it is not forgotten");
    }
}

/// A hold that no look changes is looked at ever more seldom, once a day at last; others, where a correction must be seen soon,
/// as often as ever.
#[test]
fn a_hold_that_only_a_person_ends_is_looked_at_ever_more_seldom() {
    let (timing, month) = (Timing::default(), morning() + SignedDuration::from_hours(30 * 24));
    let mut by_person = job();
    let message = "ann".to_owned();
    by_person
        .apply(Outcome::HeldByPerson { message }, morning(), &timing)
        .unwrap();
    let looks = looks_until(&mut by_person, month);
    assert!((30..=40).contains(&looks), "{looks} in thirty days");

    let mut by_order = job();
    let held = Outcome::Held {
        reason: HoldReason::BadAddress,
        message: "why".to_owned(),
        snapshot: None,
        address: None,
    };
    by_order.apply(held, morning(), &timing).unwrap();
    let looks = looks_until(&mut by_order, morning() + SignedDuration::from_hours(24));
    assert_eq!(looks, 24 * 4);
}

#[test]
fn what_people_wait_for_is_reached_once() {
    let mut told = job();
    let now = morning();
    let tell = |told: &mut Job, change: &dyn Fn(&mut Job)| {
        let before = told.clone();
        change(told);
        told.reached_since(&before)
    };
    assert_eq!(tell(&mut told, &|job| job.version += 1), []);
    let hold = |job: &mut Job| {
        job.hold = Some(Hold {
            reason: HoldReason::Person,
            message: "wait".to_owned(),
            since: now,
            again_at: now,
            under: None,
        });
    };
    assert_eq!(tell(&mut told, &hold), [Reached::Held]);
    assert_eq!(tell(&mut told, &hold), [], "it is held already");
    assert_eq!(tell(&mut told, &|job| job.hold = None), []);
    let shipped = |job: &mut Job| job.purchase = Step::Done(shipment(1));
    assert_eq!(tell(&mut told, &shipped), [Reached::Shipped]);
    let shown = |job: &mut Job| {
        job.write_back = Step::Done(WriteBackRef {
            place: "order 7".to_owned(),
            id: None,
        });
    };
    assert_eq!(tell(&mut told, &shown), [Reached::Shown]);
    let owed_anew = |job: &mut Job| {
        job.write_back = Step::Todo;
        job.put_right = 1;
    };
    assert_eq!(tell(&mut told, &owed_anew), []);
    assert_eq!(tell(&mut told, &shown), [], "the order has had its number before");
}
