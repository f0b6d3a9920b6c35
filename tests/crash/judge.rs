//! What must hold in every state, and what must hold once the dust has settled.

use waybill::domain::UnitPhase;
use waybill::job::{Closing, Hold, HoldReason, Job, Step, Voiding};
use waybill::ports::AuditEntry;

use super::desk::lock;
use super::outside::{Books, OrderIs, PERSON, PLACE};
use super::world::{World, timing};

/// What is broken, if anything is.
pub fn broken(world: &World) -> Option<&'static str> {
    let books = lock(&world.stand.books);
    let tables = world.memory.tables();
    let job = &tables.jobs[&world.stand.job];
    let story = tables.audit.get(&job.id).map(Vec::as_slice).unwrap_or_default();
    let at_any_time = || {
        at_all(job, &books, world.idle())
            .or_else(|| unfounded(job, &books))
            .or_else(|| untold(job, story))
    };
    let at_rest = || {
        let units = tables.units.values().next().unwrap();
        let phase = units.units.first().map(|unit| unit.phase).unwrap();
        shipments_at_rest(job, &books)
            .or_else(|| end_at_rest(job, &books))
            .or_else(|| units_disagree(job, phase))
    };
    let quiet = quiet_with(job, &books, world.idle());
    books
        .broken
        .or_else(at_any_time)
        .or_else(|| quiet.then(at_rest).flatten())
}

/// Whether the world has come to rest.
pub fn quiet(world: &World) -> bool {
    world.job(|job| quiet_with(job, &lock(&world.stand.books), world.idle()))
}

fn quiet_with(job: &Job, books: &Books, idle: bool) -> bool {
    let voiding = |voiding: &Voiding| matches!(voiding, Voiding::Todo { .. });
    idle && books.messages == 0
        && books.running == 0
        && books.shipments.iter().all(|bought| bought.visible_in == 0)
        && !job.extras.iter().any(|extra| voiding(&extra.voiding))
        && job.duplicate_check.is_none()
        && !job.void_pending()
        && !still_asked(job)
        && (job.finished() || job.hold.is_some())
}

/// Whether a purchase is still looked for, whatever else the job is held for.
fn still_asked(job: &Job) -> bool {
    let unknown = reason(job).is_some_and(HoldReason::is_about_an_unknown_purchase);
    !unknown
        && !job.over()
        && match &job.purchase {
            Step::Started(_) => true,
            Step::Unknown { looks, .. } => looks.len() < timing().looks.len(),
            _ => false,
        }
}

fn reason(job: &Job) -> Option<HoldReason> {
    job.hold.as_ref().map(|hold: &Hold| hold.reason)
}

fn at_all(job: &Job, books: &Books, idle: bool) -> Option<&'static str> {
    if books.writes > 1 {
        return Some("two write-backs for one unit");
    }
    let forgotten = !job.finished() && job.due_at.is_none() && books.messages == 0 && idle;
    forgotten.then_some("nothing will ever touch the unit again")
}

/// A hold whose reason is not true.
fn unfounded(job: &Job, books: &Books) -> Option<&'static str> {
    match reason(job)? {
        HoldReason::UnknownPurchase | HoldReason::DuplicateCheckBlind if !books.doubt => {
            Some("held as unknown though nobody died and every answer arrived")
        }
        HoldReason::LabelLost if !books.doubt => Some("held over a label though nobody died and every answer arrived"),
        HoldReason::Rejected if !books.rejected => Some("held as rejected though nobody said no"),
        HoldReason::ChangedAfterLabel if books.order == OrderIs::Fine && books.acts == 0 => {
            Some("held as changed though nobody changed the order")
        }
        HoldReason::WriteBackRefused if !books.write_refused => Some("held as refused though the ERP took it"),
        HoldReason::ExtraToVoid if !books.void_refused => Some("held over a void that nobody refused"),
        HoldReason::VoidRefused if !books.void_refused => Some("held over a void that nobody refused"),
        HoldReason::VoidStillShown if books.writes == 0 => Some("held over a write-back that is not there"),
        HoldReason::Person if books.acts == 0 => Some("held by a person though nobody said so"),
        _ => None,
    }
}

/// The story tells of every shipment, every attempt with its exact request, every void and the write-back, in their order.
fn untold(job: &Job, story: &[AuditEntry]) -> Option<&'static str> {
    let tells = |words: &[&str]| {
        story
            .iter()
            .position(|entry| words.iter().all(|word| entry.text.contains(word)))
    };
    let intents = |operation: &str| {
        let of = move |entry: &&AuditEntry| entry.draft.as_ref().is_some_and(|draft| draft.operation == operation);
        story.iter().filter(of).count()
    };
    let first_intent = story.iter().position(|entry| entry.draft.is_some());
    if intents("ship") != job.attempts as usize {
        return Some("the story does not tell of every purchase attempt with its request");
    }
    let adopted = job.purchase.done().map(|shipment| &shipment.id);
    for id in adopted
        .into_iter()
        .chain(job.extras.iter().map(|extra| &extra.shipment))
    {
        match (tells(&[id.as_str()]), first_intent) {
            (None, _) => return Some("the story does not name a shipment of the job"),
            (Some(named), Some(intended)) if intended < named => {}
            _ => return Some("the story names a shipment before any intent to buy"),
        }
    }
    for extra in job.extras.iter().filter(|extra| extra.voiding == Voiding::Done) {
        if tells(&["voided", extra.shipment.as_str()]).is_none() {
            return Some("the story does not tell of a void");
        }
    }
    if job.write_back.done().is_some() && tells(&[PLACE]).is_none() {
        return Some("the story does not tell of the write-back");
    }
    let by_person = matches!(job.closed, Some(Closing::Voided { .. })) || reason(job) == Some(HoldReason::Person);
    let person_told = story.iter().any(|entry| entry.by == PERSON);
    (by_person && !person_told).then_some("the story does not say who it was")
}

fn shipments_at_rest(job: &Job, books: &Books) -> Option<&'static str> {
    let unknown = reason(job).is_some_and(HoldReason::is_about_an_unknown_purchase);
    let adopted = job.purchase.done().map(|shipment| shipment.id.as_str());
    let extra = |id: &str| job.extras.iter().find(|extra| extra.shipment.as_str() == id);
    let refused = |id: &str| extra(id).is_some_and(|extra| matches!(extra.voiding, Voiding::Refused(_)));
    let live: Vec<&str> = books
        .live()
        .map(|bought| bought.id.as_str())
        .filter(|id| !(books.void_refused && refused(id)))
        .collect();
    if live.len() > 1 && (!unknown || !job.bought_again) {
        return Some("two unvoided shipments at rest");
    }
    let mut known = books
        .shipments
        .iter()
        .filter(|bought| bought.known)
        .map(|bought| bought.id.as_str());
    if known.any(|id| Some(id) != adopted && extra(id).is_none()) {
        return Some("a tracking number that was known is not in the job");
    }
    let stands = live == adopted.into_iter().collect::<Vec<_>>();
    (!unknown && !stands && !live.is_empty()).then_some("a bought shipment is not in the job")
}

fn end_at_rest(job: &Job, books: &Books) -> Option<&'static str> {
    let held = job.hold.is_some();
    let adopted = job.purchase.done().is_some();
    let voided = matches!(job.closed, Some(Closing::Voided { .. }));
    if adopted && !held && (books.writes != 1 || job.write_back.done().is_none()) {
        return Some("shipped, but not written back");
    }
    if books.order == OrderIs::Fine && !held && !adopted && !voided {
        return Some("closed without a reason");
    }
    let reopened = job.hold.is_some() || adopted || voided;
    let unwanted = !reopened && books.live().next().is_some();
    unwanted.then_some("closed over a shipment that the carrier bills")
}

fn units_disagree(job: &Job, phase: UnitPhase) -> Option<&'static str> {
    let expected = match job {
        Job { closed: Some(_), .. } => UnitPhase::Closed,
        Job {
            write_back: Step::Done(_),
            ..
        } => UnitPhase::WrittenBack,
        _ => UnitPhase::Open,
    };
    (phase != expected).then_some("the document's units do not say what the job says")
}
