//! The state as it matters for everything that can still happen: times relative to now, nonces by who holds them, and two
//! workers that have exchanged their parts are the same.
//!
//! How young a shipment is matters to a look that misses it, which is a call that goes wrong. Once no call may go wrong any
//! more, which the counts of faults and crashes only ever lead to and never away from, two states that differ in nothing but
//! that age have the same choices, and each choice leads to two such states again; no judge asks for it. They are the same.

use std::hash::{DefaultHasher, Hash, Hasher};

use jiff::{SignedDuration, Timestamp};
use waybill::domain::Nonce;
use waybill::job::{Attempt, Flag, Job, Look, Step, Voiding};
use waybill::ports::Clock;

use super::desk::lock;
use super::explore::digest;
use super::outside::{Stand, TICK};
use super::world::World;

/// Who is called what: `as_called[worker]`.
type Names = [usize; 2];

/// The key of a world.
pub fn key(world: &World) -> u64 {
    let version = world.memory.tables().jobs[&world.stand.job].version;
    let workers = [0, 1].map(|worker| worker_in_short(world, worker, version));
    let names = if workers[0] <= workers[1] { [0, 1] } else { [1, 0] };
    let now = world.stand.clock.now();
    let tables = world.memory.tables();
    let job = &tables.jobs[&world.stand.job];
    let mut hasher = DefaultHasher::new();
    in_short(job, now, &world.stand, names).hash(&mut hasher);
    job.due_at.map(|due| ahead(due, now)).hash(&mut hasher);
    let mut books = lock(&world.stand.books).clone();
    let calls_may_fail = world.may_go_wrong(&books);
    for bought in &mut books.shipments {
        // A look misses what is young only where a call may still go wrong, and that right never comes back.
        if !calls_may_fail {
            bought.settles_in = 0;
        }
        bought.known_by = bought.known_by.iter().map(|worker| names[*worker]).collect();
    }
    books.hash(&mut hasher);
    [workers[names[0]], workers[names[1]]].hash(&mut hasher);
    hasher.finish()
}

fn worker_in_short(world: &World, worker: usize, version: u64) -> u64 {
    let (desk, under) = (&world.stand.desk, &world.workers[worker]);
    let Some(pending) = desk.pending(worker) else { return 0 };
    let (loaded, known) = under.known.unzip();
    let fresh = loaded == Some(version);
    digest(&(
        pending,
        desk.heard(worker),
        known,
        fresh,
        world.since_heard(worker),
        under.stalled,
    ))
}

/// How far away a time is; everything that is past is past.
fn ahead(at: Timestamp, now: Timestamp) -> i64 {
    at.duration_since(now).as_secs().max(0)
}

/// How long ago something was, as far as something still follows from it.
fn ago(at: Timestamp, now: Timestamp, longest: SignedDuration) -> i64 {
    now.duration_since(at).min(longest).as_secs()
}

/// The job with its times relative to now, without what differs between equal states.
pub fn in_short(job: &Job, now: Timestamp, stand: &Stand, names: Names) -> u64 {
    let mut to = DefaultHasher::new();
    let who = |nonce: &Nonce| stand.desk.drew(nonce).map(|worker| names[worker]);
    who(&job.last_write).hash(&mut to);
    job.snapshot.hash.as_str().hash(&mut to);
    Job::is_stale(job.snapshot.read_at, now, &stand.timing).hash(&mut to);
    (job.snapshot.number, job.purchased_from, job.attempts).hash(&mut to);
    (kind(&job.address), kind(&job.quote), kind(&job.labels)).hash(&mut to);
    kind(&job.purchase).hash(&mut to);
    if let Some(attempt) = job.purchase.open_attempt() {
        attempted(attempt, now, who).hash(&mut to);
    }
    if let Step::Unknown { since, looks, .. } = &job.purchase {
        looked(*since, looks, now).hash(&mut to);
    }
    job.purchase.done().map(|shipment| &shipment.id).hash(&mut to);
    kind(&job.write_back).hash(&mut to);
    if let Some(attempt) = job.write_back.open_attempt() {
        attempted(attempt, now, who).hash(&mut to);
    }
    if let Step::Unknown { since, .. } = &job.write_back {
        ahead(*since, now).hash(&mut to);
    }
    for extra in &job.extras {
        let voiding = match &extra.voiding {
            Voiding::Todo { at } => (0, ahead(*at, now)),
            Voiding::Done => (1, 0),
            Voiding::Refused(_) => (2, 0),
        };
        (&extra.shipment, voiding).hash(&mut to);
    }
    if let Some(wish) = &job.void {
        let at = match &wish.voiding {
            Voiding::Todo { at } => ahead(*at, now),
            Voiding::Done | Voiding::Refused(_) => 0,
        };
        let left = (wish.shown.is_some(), wish.shipment.is_some());
        (std::mem::discriminant(&wish.voiding), at, left).hash(&mut to);
    }
    job.bought_again.hash(&mut to);
    job.duplicate_check
        .as_ref()
        .map(|check| ahead(check.at, now))
        .hash(&mut to);
    let hold = job.hold.as_ref();
    hold.map(|hold| (hold.reason, ahead(hold.again_at, now))).hash(&mut to);
    job.closed.as_ref().map(std::mem::discriminant).hash(&mut to);
    job.wait.as_ref().map(|wait| ahead(wait.until, now)).hash(&mut to);
    match &job.flag {
        Flag::Clear => 0.hash(&mut to),
        Flag::Wanted {
            text,
            at,
            tries,
            refusals,
        } => (text, ahead(*at, now), tries, refusals).hash(&mut to),
        Flag::Written(text) => text.hash(&mut to),
        Flag::Refused(text) => (1, text).hash(&mut to),
    }
    to.finish()
}

fn kind<T>(step: &Step<T>) -> std::mem::Discriminant<Step<T>> {
    std::mem::discriminant(step)
}

fn attempted(attempt: &Attempt, now: Timestamp, who: impl Fn(&Nonce) -> Option<usize>) -> (u32, i64, Option<usize>) {
    (attempt.number, ahead(attempt.until, now), who(&attempt.owner))
}

/// The next look follows from when it became unknown and from the last look.
fn looked(since: Timestamp, looks: &[Look], now: Timestamp) -> (i64, Option<i64>, Vec<bool>) {
    let last = looks.last().map(|look| ago(look.at, now, TICK));
    (
        ago(since, now, TICK * 4),
        last,
        looks.iter().map(|look| look.control).collect(),
    )
}
