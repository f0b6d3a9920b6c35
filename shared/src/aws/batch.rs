//! What the jobs of one batch share, because they run side by side in one process: a slot goes from hand to hand instead of through
//! the table, and what is reserved at the same time is reserved by one write.
//!
//! Nothing is kept back for later: a slot that nobody here waits for is freed at once, and an amount that nobody asked for is never
//! reserved. So other processes see no difference, but that less is written.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use tokio::sync::oneshot;

use crate::connection::Connection;
use crate::domain::{ConnectionId, Health, Money, Rate};
use crate::ports::{AccountStanding, Clock, Limits, Slot, Spending, StoreError, Turn};

/// How many slots of an account one process holds at once: more would serve its batch sooner, and everybody else later.
const AT_ONCE: usize = 2;

/// How long a job waits for a slot of this process before it asks for one of its own.
const PATIENCE: Duration = Duration::from_secs(20);

/// [`Limits`] whose slots go from hand to hand in this process.
pub struct SharedSlots {
    limits: Arc<dyn Limits>,
    clock: Arc<dyn Clock>,
    accounts: Mutex<HashMap<String, Account>>,
}

/// An account's slots in this process.
#[derive(Default)]
struct Account {
    /// How many jobs hold one, or ask for one.
    held: usize,
    /// Until when each was leased.
    until: HashMap<u16, Timestamp>,
    waiting: VecDeque<oneshot::Sender<Slot>>,
}

impl SharedSlots {
    /// Slots of these limits.
    pub fn new(limits: Arc<dyn Limits>, clock: Arc<dyn Clock>) -> Self {
        Self {
            limits,
            clock,
            accounts: Mutex::default(),
        }
    }

    fn accounts(&self) -> MutexGuard<'_, HashMap<String, Account>> {
        self.accounts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A place in the line, where enough slots are held here already.
    fn line_up(&self, account: &str) -> Option<oneshot::Receiver<Slot>> {
        let mut accounts = self.accounts();
        let account = accounts.entry(account.to_owned()).or_default();
        // A slot that was lost with whoever waited for it has ended by itself.
        let (now, known) = (self.clock.now(), account.until.len());
        account.until.retain(|_, until| *until > now);
        account.held = account.held.saturating_sub(known - account.until.len());
        if account.held < AT_ONCE {
            account.held += 1;
            return None;
        }
        let (sender, receiver) = oneshot::channel();
        account.waiting.push_back(sender);
        Some(receiver)
    }

    /// A slot of this process's own. Where none is free those who wait here need not wait for it, and ask themselves.
    async fn lease(&self, account: &str, cap: u16, lease: Duration) -> Result<Turn, StoreError> {
        let leased = self.limits.lease_slot(account, cap, lease).await;
        match &leased {
            Ok(Turn::Now(slot)) => self.note(slot, lease),
            Ok(Turn::At(_)) | Err(_) => self.give_up(account),
        }
        leased
    }

    fn note(&self, slot: &Slot, lease: Duration) {
        let until = SignedDuration::try_from(lease).ok();
        let until = until.and_then(|lease| self.clock.now().checked_add(lease).ok());
        let mut accounts = self.accounts();
        let account = accounts.entry(slot.account.clone()).or_default();
        account.until.insert(slot.number, until.unwrap_or(Timestamp::MAX));
    }

    fn give_up(&self, account: &str) {
        if let Some(account) = self.accounts().get_mut(account) {
            account.held = account.held.saturating_sub(1);
            if account.held == 0 {
                account.waiting.clear();
            }
        }
    }

    /// A slot that was handed on: whoever takes it counts on a whole lease.
    async fn renewed(&self, slot: &Slot, lease: Duration) -> Result<bool, StoreError> {
        let until = self
            .accounts()
            .get(&slot.account)
            .and_then(|account| account.until.get(&slot.number).copied());
        let whole = SignedDuration::try_from(lease).unwrap_or(SignedDuration::MAX);
        let left = until.map_or(SignedDuration::ZERO, |until| until.duration_since(self.clock.now()));
        if left > whole / 4 * 3 {
            return Ok(true);
        }
        self.extend_slot(slot, lease).await
    }

    /// Hands a slot to the first who still waits; gives it back if nobody does.
    fn hand_on(&self, mut slot: Slot) -> Option<Slot> {
        let mut accounts = self.accounts();
        let Some(account) = accounts.get_mut(&slot.account) else {
            return Some(slot);
        };
        while let Some(waiting) = account.waiting.pop_front() {
            match waiting.send(slot) {
                Ok(()) => return None,
                Err(back) => slot = back,
            }
        }
        account.held = account.held.saturating_sub(1);
        account.until.remove(&slot.number);
        Some(slot)
    }
}

#[async_trait]
impl Limits for SharedSlots {
    async fn lease_slot(&self, account: &str, cap: u16, lease: Duration) -> Result<Turn, StoreError> {
        let Some(mut handed) = self.line_up(account) else {
            return self.lease(account, cap, lease).await;
        };
        let in_time = tokio::time::timeout(PATIENCE, &mut handed)
            .await
            .ok()
            .and_then(Result::ok);
        // One that was handed on in the very moment must not be lost.
        handed.close();
        if let Some(slot) = in_time.or_else(|| handed.try_recv().ok()) {
            match self.renewed(&slot, lease).await {
                Ok(true) => return Ok(Turn::Now(slot)),
                Ok(false) => {}
                // It frees itself when its lease ends.
                Err(error) => {
                    self.give_up(account);
                    return Err(error);
                }
            }
        }
        if let Some(account) = self.accounts().get_mut(account) {
            account.held += 1;
        }
        self.lease(account, cap, lease).await
    }

    async fn extend_slot(&self, slot: &Slot, lease: Duration) -> Result<bool, StoreError> {
        let extended = self.limits.extend_slot(slot, lease).await?;
        match extended {
            true => self.note(slot, lease),
            // It is somebody else's now: whoever held it here asks for another one.
            false => self.give_up(&slot.account),
        }
        Ok(extended)
    }

    async fn free_slot(&self, slot: Slot) -> Result<(), StoreError> {
        match self.hand_on(slot) {
            Some(slot) => self.limits.free_slot(slot).await,
            None => Ok(()),
        }
    }

    async fn standing(&self, account: &str) -> Result<AccountStanding, StoreError> {
        self.limits.standing(account).await
    }

    async fn pause(&self, account: &str, until: Timestamp) -> Result<(), StoreError> {
        self.limits.pause(account, until).await
    }

    async fn write_health(&self, account: &str, version: u64, health: &Health) -> Result<bool, StoreError> {
        self.limits.write_health(account, version, health).await
    }

    async fn reserve_call(&self, account: &str, rate: &Rate) -> Result<Option<Timestamp>, StoreError> {
        self.limits.reserve_call(account, rate).await
    }
}

/// [`Spending`] that reserves together what is asked for at the same time.
pub struct JointSpending {
    spending: Arc<dyn Spending>,
    tills: Mutex<HashMap<Till, Arc<Asked>>>,
}

/// Under which cap, in which hour, and in which currency.
#[derive(PartialEq, Eq, Hash)]
struct Till {
    connection: ConnectionId,
    version: u64,
    hour: i64,
    currency: String,
}

type Answer = Result<bool, StoreError>;

/// Who asks at a till while somebody is being served.
#[derive(Default)]
struct Asked {
    waiting: Mutex<Vec<(Money, oneshot::Sender<Answer>)>>,
    served: tokio::sync::Mutex<()>,
}

impl JointSpending {
    /// Reservations of this cap.
    pub fn new(spending: Arc<dyn Spending>) -> Self {
        Self {
            spending,
            tills: Mutex::default(),
        }
    }

    fn till(&self, connection: &Connection, amount: &Money, now: Timestamp) -> Arc<Asked> {
        let hour = now.as_second().div_euclid(3600);
        let till = Till {
            connection: connection.id.clone(),
            version: connection.version,
            hour,
            currency: amount.currency.clone(),
        };
        let mut tills = self.tills.lock().unwrap_or_else(PoisonError::into_inner);
        tills.retain(|till, _| till.hour >= hour);
        tills.entry(till).or_default().clone()
    }

    /// Serves everybody who waits: all at once if their sum fits under the cap, else one after the other.
    async fn serve(&self, connection: &Connection, asked: &Asked, now: Timestamp) {
        let waiting = std::mem::take(&mut *asked.waiting.lock().unwrap_or_else(PoisonError::into_inner));
        if let [(first, _), others @ ..] = waiting.as_slice()
            && !others.is_empty()
        {
            let sum = others.iter().fold(first.amount, |sum, (amount, _)| sum + amount.amount);
            let sum = Money::new(sum, first.currency.as_str());
            match self.spending.reserve(connection, &sum, now).await {
                Ok(false) => {}
                answer => {
                    return waiting
                        .into_iter()
                        .for_each(|(_, waits)| drop(waits.send(answer.clone())));
                }
            }
        }
        for (amount, waits) in waiting {
            drop(waits.send(self.spending.reserve(connection, &amount, now).await));
        }
    }
}

#[async_trait]
impl Spending for JointSpending {
    async fn reserve(&self, connection: &Connection, amount: &Money, now: Timestamp) -> Answer {
        let till = self.till(connection, amount, now);
        let (waits, mut answer) = oneshot::channel();
        till.waiting
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push((amount.clone(), waits));
        let _served = till.served.lock().await;
        if let Ok(answer) = answer.try_recv() {
            return answer;
        }
        self.serve(connection, &till, now).await;
        match answer.try_recv() {
            Ok(answer) => answer,
            // Whoever served it broke off: what was asked for may be reserved, which only makes the cap be reached early.
            Err(_) => self.spending.reserve(connection, amount, now).await,
        }
    }
}
