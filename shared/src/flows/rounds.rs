//! How a round goes on, whatever it tells a desk: it is begun once, taken up by whoever has its message, and put down with a word of
//! who goes on with it and when. What is told, and how, is a [`Telling`]'s own.

use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;

use super::outward::{Begun, Halt, delay, told_of, wait};
use crate::connection::Connection;
use crate::domain::{ConnectionId, Nonce, Round};
use crate::job::Timing;
use crate::ports::{Clock, Connections, Gate, Nonces, Opened, StockMessage, StockQueue, StoreError, Systems};
use crate::telemetry;

/// How often a run is begun when somebody else was faster.
const TRIES: usize = 3;

/// What every telling needs of the outside.
pub(super) struct Ports<'a> {
    pub(super) connections: &'a dyn Connections,
    pub(super) systems: &'a dyn Systems,
    pub(super) queue: &'a dyn StockQueue,
    pub(super) clock: &'a dyn Clock,
    pub(super) nonces: &'a dyn Nonces,
    pub(super) timing: &'a Timing,
}

/// Who is at a run, for which connection, and until when.
pub(super) struct Work<'a> {
    pub(super) connection: &'a Connection,
    pub(super) systems: &'a Opened,
    pub(super) owner: Nonce,
    /// When the invocation must have ended.
    pub(super) deadline: Timestamp,
}

/// What goes out to a desk in rounds.
#[async_trait]
pub(super) trait Telling: Sync {
    /// Where a telling stands.
    type Run: AsRef<Round> + AsMut<Round> + Send + Sync;
    /// What is told, in one word.
    const WHAT: &'static str;

    /// The outside.
    fn ports(&self) -> Ports<'_>;
    /// The message that has somebody go on.
    fn message(id: ConnectionId) -> StockMessage;
    /// In plain words why nothing of it is told for a connection.
    fn objection(connection: &Connection) -> Option<String>;
    /// The run, read consistently.
    async fn read(&self, id: &ConnectionId) -> Result<Self::Run, StoreError>;
    /// Stores it, unless somebody else did.
    async fn write(&self, id: &ConnectionId, run: &Self::Run) -> Result<bool, StoreError>;
    /// The run after one that is over.
    fn next(&self, connection: &Connection, run: &Self::Run, now: Timestamp, whole: bool) -> Self::Run;
    /// Tells as much as there is time for; what stands in the way is said with the run as it stands then.
    async fn tell(&self, work: Work<'_>, run: Self::Run) -> (Option<Halt>, Self::Run);
    /// Everything is told.
    fn complete(&self, connection: &Connection, run: &mut Self::Run, now: Timestamp);
    /// Says how a run fares, each time that somebody looks at it.
    fn measure(&self, _connection: &Connection, _run: &Self::Run, _now: Timestamp) {}
}

/// Begins a run and queues it, as somebody asked or the schedule did; where one is under way it goes on instead.
pub(super) async fn begin<T: Telling>(
    telling: &T,
    id: &ConnectionId,
    whole: bool,
    by: Option<&str>,
) -> Result<Begun, StoreError> {
    let gate = match gate::<T>(&telling.ports(), id).await? {
        Ok(gate) => gate,
        Err(why) => return Ok(Begun::not(why)),
    };
    for _ in 0..TRIES {
        let (run, now) = (telling.read(id).await?, telling.ports().clock.now());
        let begins = !run.as_ref().is_under_way();
        let next = if begins {
            let mut next = telling.next(&gate.connection, &run, now, whole);
            next.as_mut().by = by.map(str::to_owned);
            next
        } else {
            run
        };
        telling.measure(&gate.connection, &next, now);
        if begins && !telling.write(id, &next).await? {
            continue;
        }
        let round = next.as_ref();
        let queued = round.stands_still(now);
        if queued {
            call_for::<T>(&telling.ports(), &gate.connection, Duration::ZERO).await?;
        }
        let what = T::WHAT;
        tracing::info!(connection = %id, what, run = round.number, new = begins, queued, by, "a desk is to be told");
        return Ok(Begun {
            run: round.number,
            new: begins,
            queued,
            stopped: None,
        });
    }
    let what = T::WHAT;
    Err(StoreError(format!(
        "the {what} run of {id} changes faster than it can be begun"
    )))
}

/// Goes on with the run of a connection until everything is told, something stands in the way, or `deadline` is near.
pub(super) async fn go_on<T: Telling>(telling: &T, id: &ConnectionId, deadline: Timestamp) -> Result<(), StoreError> {
    let ports = telling.ports();
    let (mut run, now) = (telling.read(id).await?, ports.clock.now());
    if !run.as_ref().is_under_way() {
        return Ok(());
    }
    let (gate, held) = (gate::<T>(&ports, id).await?, run.as_ref().held_until(now));
    let gate = match gate {
        Ok(gate) => gate,
        // Whoever is at it comes to know it as well.
        Err(_) if held.is_some() => return Ok(()),
        Err(why) => {
            tracing::warn!(connection = %id, what = T::WHAT, reason = why, "a desk is not told");
            *run.as_mut() = run.as_ref().resting(why);
            return telling.write(id, &run).await.map(|_| ());
        }
    };
    if let Some(until) = held {
        return call_for::<T>(&ports, &gate.connection, wait(until.duration_since(now))).await;
    }
    let owner = ports.nonces.nonce();
    *run.as_mut() = run.as_ref().taken(&owner, now, ports.timing.lease);
    if !telling.write(id, &run).await? {
        return Ok(());
    }
    let (halt, run) = match ports.systems.open(&gate.connection).await {
        Ok(systems) => {
            let work = Work {
                connection: &gate.connection,
                systems: &systems,
                owner,
                deadline,
            };
            let told = telling.tell(work, run).await;
            systems.close().await;
            told
        }
        Err(error) => (Some(error.into()), run),
    };
    put_down(telling, &gate.connection, run, halt).await
}

/// Lets go of the run, and says who goes on with it and when.
async fn put_down<T: Telling>(
    telling: &T,
    connection: &Connection,
    mut run: T::Run,
    halt: Option<Halt>,
) -> Result<(), StoreError> {
    let ports = telling.ports();
    let (id, now, number) = (&connection.id, ports.clock.now(), run.as_ref().number);
    let delay = match halt {
        None => {
            telling.complete(connection, &mut run, now);
            *run.as_mut() = run.as_ref().over(now, None);
            None
        }
        Some(Halt::GivenUp(why)) => {
            telemetry::count("DeskRunsGivenUp", 1);
            tracing::error!(connection = %id, what = T::WHAT, run = number, reason = why, "the run is given up");
            *run.as_mut() = run.as_ref().over(now, Some(why));
            None
        }
        Some(Halt::Later(later)) => {
            let delay = delay(ports.timing, &later);
            tracing::info!(connection = %id, what = T::WHAT, run = number, reason = later.reason, "the run waits");
            *run.as_mut() = run.as_ref().waiting(now, Some(now + delay), Some(later.reason));
            Some(wait(delay))
        }
        Some(Halt::TimeUp) => {
            *run.as_mut() = run.as_ref().waiting(now, None, None);
            Some(Duration::ZERO)
        }
        Some(Halt::Lost) => {
            tracing::warn!(connection = %id, what = T::WHAT, "somebody else goes on with the run");
            return Ok(());
        }
        Some(Halt::Store(error)) => return Err(error),
    };
    telling.measure(connection, &run, now);
    if !telling.write(id, &run).await? {
        return Ok(());
    }
    match delay {
        Some(delay) => call_for::<T>(&ports, connection, delay).await,
        None => Ok(()),
    }
}

async fn call_for<T: Telling>(ports: &Ports<'_>, connection: &Connection, delay: Duration) -> Result<(), StoreError> {
    let message = T::message(connection.id.clone());
    ports.queue.send(&message, &connection.tenant, delay).await
}

/// The connection, or in plain words why nothing is told for it.
async fn gate<T: Telling>(ports: &Ports<'_>, id: &ConnectionId) -> Result<Result<Gate, String>, StoreError> {
    let gate = told_of(id, ports.connections.gate(id).await?);
    Ok(gate.and_then(|gate| match T::objection(&gate.connection) {
        Some(why) => Err(why),
        None => Ok(gate),
    }))
}

/// Whether there is time for one more call, as far as the invocation and the hold on the run last.
pub(super) fn in_time(ports: &Ports<'_>, round: &Round, deadline: Timestamp) -> Result<(), Halt> {
    let until = round.held.as_ref().map_or(deadline, |grip| grip.until);
    if ports.clock.now() + ports.timing.call < until.min(deadline) {
        Ok(())
    } else {
        Err(Halt::TimeUp)
    }
}
