//! Where workers wait for the explorer, each before its next call, and what they were answered.
//!
//! A worker under way cannot be copied, but it does nothing of its own accord: led through the answers that it had, it comes
//! to the same call again. So a desk can be copied with everybody at it.

use std::any::Any;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use jiff::Timestamp;
use waybill::domain::Nonce;
use waybill::memory::TurnedClock;
use waybill::ports::{Clock, Nonces};

use super::explore::digest;

/// A call that matters to others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Call {
    Load,
    Save,
    /// The second half of a save that was broken in two.
    Mark,
    Create,
    Find,
    Void,
    Read,
    WriteBack,
    Cursor,
    ToReread,
    Reread,
    Changed,
    Units,
    Admit,
    /// The second half of an admission that was broken in two.
    NewJobs,
    Advance,
}

/// How a call can fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Fault {
    /// It works, and the answer is lost.
    AnswerLost,
    /// It does not work, and nobody is told.
    RequestLost,
    /// The ERP is still working on it when the caller gives up.
    StillRunning,
    /// It is bought, answered, and found by a look only after so many ticks.
    SlowIndex(u8),
    /// It is bought, the answer is lost, and it is found only after so many ticks.
    LostAndSlow(u8),
    /// The other side says no.
    Rejected,
    /// 429.
    NotSent,
    /// A call that changes nothing does not work.
    Fails,
    /// A look misses what it could see a moment ago.
    Misses,
}

type Answer = Arc<dyn Any + Send + Sync>;

/// Where two workers wait.
pub struct Desk {
    waits: Mutex<Waits>,
    clock: TurnedClock,
}

/// Everybody at the desk.
#[derive(Clone, Default)]
pub struct Waits {
    current: Option<usize>,
    nonces: u64,
    at: [Place; 2],
}

#[derive(Clone, Default)]
struct Place {
    pending: Option<Call>,
    granted: Option<Option<Fault>>,
    heard: u64,
    began: Timestamp,
    answers: Vec<(Timestamp, Answer)>,
    drawn: Vec<u64>,
    led: Option<Led>,
}

/// How far a worker has been led back to where it was.
#[derive(Clone, Copy)]
struct Led {
    answers: usize,
    drawn: usize,
    now: Timestamp,
}

/// Locks what no panic can leave half done.
pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

struct Waiting<'a> {
    desk: &'a Desk,
    call: Call,
}

impl Future for Waiting<'_> {
    type Output = Option<Fault>;

    fn poll(self: Pin<&mut Self>, _context: &mut Context<'_>) -> Poll<Self::Output> {
        let mut waits = lock(&self.desk.waits);
        let Some(place) = waits.place() else {
            return Poll::Ready(None);
        };
        match place.granted.take() {
            Some(fault) => {
                place.pending = None;
                Poll::Ready(fault)
            }
            None => {
                place.pending = Some(self.call);
                Poll::Pending
            }
        }
    }
}

impl Waits {
    fn place(&mut self) -> Option<&mut Place> {
        self.current.map(|worker| &mut self.at[worker])
    }
}

impl Place {
    /// What it was answered when it was here before.
    fn again<T: Clone + 'static>(&mut self) -> Option<T> {
        let led = self.led.as_mut()?;
        let (at, answer) = self.answers.get(led.answers)?;
        led.answers += 1;
        led.now = *at;
        Some(answer.downcast_ref::<T>().unwrap().clone())
    }
}

impl Desk {
    /// An empty desk under a clock.
    pub fn new(clock: TurnedClock) -> Self {
        Self {
            waits: Mutex::default(),
            clock,
        }
    }

    /// Waits until the explorer lets the call go on, and answers it. Where no worker is under way, nothing waits.
    pub async fn ask<T>(&self, call: Call, answer: impl FnOnce(Option<Fault>) -> T) -> T
    where
        T: Clone + Send + Sync + 'static,
    {
        if let Some(again) = self.again() {
            return again;
        }
        let fault = Waiting { desk: self, call }.await;
        self.note(answer(fault))
    }

    /// Answers a call between which and the next nothing can matter, so that it does not wait.
    pub fn tell<T>(&self, answer: impl FnOnce() -> T) -> T
    where
        T: Clone + Send + Sync + 'static,
    {
        match self.again() {
            Some(again) => again,
            None => self.note(answer()),
        }
    }

    fn again<T: Clone + 'static>(&self) -> Option<T> {
        lock(&self.waits).place().and_then(Place::again)
    }

    fn note<T: Clone + Send + Sync + 'static>(&self, answer: T) -> T {
        let now = self.clock.now();
        if let Some(place) = lock(&self.waits).place() {
            place.answers.push((now, Arc::new(answer.clone())));
        }
        answer
    }

    /// Who is under way.
    pub fn worker(&self) -> Option<usize> {
        lock(&self.waits).current
    }

    /// What the worker learns from a call, as far as it may matter later.
    pub fn hear(&self, what: impl std::hash::Hash) {
        if let Some(place) = lock(&self.waits).place() {
            place.heard = digest(&(place.heard, what));
        }
    }

    /// What a worker learns without asking.
    pub fn learns(&self, worker: usize, what: impl std::hash::Hash) {
        let place = &mut lock(&self.waits).at[worker];
        place.heard = digest(&(place.heard, what));
    }

    /// What a worker has heard since it last forgot everything.
    pub fn heard(&self, worker: usize) -> u64 {
        lock(&self.waits).at[worker].heard
    }

    /// What was heard before does not matter any more.
    pub fn forget(&self, worker: usize) {
        lock(&self.waits).at[worker].heard = 0;
    }

    /// What a worker waits for.
    pub fn pending(&self, worker: usize) -> Option<Call> {
        lock(&self.waits).at[worker].pending
    }

    /// Lets a worker's pending call go on.
    pub fn grant(&self, worker: usize, fault: Option<Fault>) {
        let place = &mut lock(&self.waits).at[worker];
        place.heard = digest(&(place.heard, place.pending, fault));
        place.granted = Some(fault);
    }

    /// A worker begins.
    pub fn begin(&self, worker: usize) {
        lock(&self.waits).at[worker] = Place {
            began: self.clock.now(),
            ..Place::default()
        };
    }

    /// Lets a worker go as far as its next call; what it says at its end.
    pub fn go<T>(&self, worker: usize, running: &mut Pin<Box<dyn Future<Output = T>>>) -> Option<T> {
        lock(&self.waits).current = Some(worker);
        let done = running.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        lock(&self.waits).current = None;
        match done {
            Poll::Ready(result) => Some(result),
            Poll::Pending => None,
        }
    }

    /// Leads a worker that begins anew back to where it was.
    pub fn lead<T>(&self, worker: usize, running: &mut Pin<Box<dyn Future<Output = T>>>) {
        let pending = self.pending(worker);
        self.set_led(worker, true);
        let ended = self.go(worker, running);
        self.set_led(worker, false);
        assert!(
            ended.is_none() && self.pending(worker) == pending,
            "a worker went another way"
        );
    }

    fn set_led(&self, worker: usize, led: bool) {
        let place = &mut lock(&self.waits).at[worker];
        place.led = led.then_some(Led {
            answers: 0,
            drawn: 0,
            now: place.began,
        });
    }

    /// A worker is under way no more.
    pub fn leave(&self, worker: usize) {
        lock(&self.waits).at[worker] = Place::default();
    }

    /// The running worker that drew a nonce.
    pub fn drew(&self, nonce: &Nonce) -> Option<usize> {
        let number: u64 = nonce.as_str().strip_prefix("nonce-")?.parse().ok()?;
        let waits = lock(&self.waits);
        waits.at.iter().position(|place| place.drawn.contains(&number))
    }

    /// Everybody at the desk.
    pub fn copy(&self) -> Waits {
        lock(&self.waits).clone()
    }

    /// Takes the place of whoever was there.
    pub fn restore(&self, waits: &Waits) {
        *lock(&self.waits) = waits.clone();
    }
}

impl Nonces for Desk {
    fn nonce(&self) -> Nonce {
        let mut waits = lock(&self.waits);
        let drawn_before = waits.place().and_then(|place| {
            let led = place.led.as_mut()?;
            led.drawn += 1;
            place.drawn.get(led.drawn - 1).copied()
        });
        let number = drawn_before.unwrap_or_else(|| {
            waits.nonces += 1;
            let number = waits.nonces;
            if let Some(place) = waits.place() {
                place.drawn.push(number);
            }
            number
        });
        Nonce::new(format!("nonce-{number}"))
    }
}

impl Clock for Desk {
    fn now(&self) -> Timestamp {
        let led = lock(&self.waits).place().and_then(|place| place.led);
        led.map_or_else(|| self.clock.now(), |led| led.now)
    }
}

/// Runs what never waits.
pub fn at_once<T>(future: impl Future<Output = T>) -> T {
    let mut future = Box::pin(future);
    match future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("this waits although nobody explores"),
    }
}
