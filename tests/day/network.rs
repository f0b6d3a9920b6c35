//! The vendors in this process: each call takes some turns of the scheduler, so that calls of several workers are under way
//! at once, and some of everybody's time.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use async_trait::async_trait;
use bytes::Bytes;
use jiff::SignedDuration;
use simulators::clock::Clock as Hands;
use simulators::server::Local;
use waybill::http::{Fate, Vendor};

use crate::dice::Dice;

/// Every vendor by its host.
pub(crate) struct Network {
    /// The vendors.
    pub(crate) hosts: BTreeMap<String, Local>,
    /// Everybody's clock.
    pub(crate) clock: Hands,
    /// How long a call takes.
    pub(crate) call: SignedDuration,
    /// Chance.
    pub(crate) dice: Arc<Mutex<Dice>>,
}

impl Network {
    async fn travel(&self) {
        let turns = self.dice.lock().unwrap_or_else(PoisonError::into_inner).below(3);
        for _ in 0..turns {
            tokio::task::yield_now().await;
        }
    }
}

#[async_trait]
impl Vendor for Network {
    async fn ask(&self, request: http::Request<Bytes>) -> Fate {
        let host = request.uri().host().and_then(|host| self.hosts.get(host));
        let Some(host) = host else { return Fate::NoConnection };
        self.travel().await;
        let answer = host.exchange(request).await;
        self.clock.advance(self.call);
        self.travel().await;
        answer.map_or(Fate::Broken, Fate::Answered)
    }
}

/// A worker's run that ends in the middle, if it has that many turns to live.
pub(crate) struct Mortal<F> {
    run: Pin<Box<F>>,
    turns: Option<u64>,
}

impl<F> Mortal<F> {
    /// A run that dies after so many turns; `None` lives.
    pub(crate) fn new(run: F, turns: Option<u64>) -> Self {
        Self {
            run: Box::pin(run),
            turns,
        }
    }
}

impl<F: Future> Future for Mortal<F> {
    type Output = Option<F::Output>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        match &mut self.turns {
            Some(0) => return Poll::Ready(None),
            Some(turns) => *turns -= 1,
            None => {}
        }
        self.run.as_mut().poll(context).map(Some)
    }
}
