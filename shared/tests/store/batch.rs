//! What the jobs of one batch share: slots that go from hand to hand, and reservations that are made together.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use futures::future::join_all;
use jiff::SignedDuration;
use rust_decimal::dec;
use waybill::aws::{JointSpending, SharedSlots};
use waybill::domain::Money;
use waybill::ports::{Clock, Limits, Slot, Spending, Turn};

use crate::database::Store;
use crate::samples::{connection, start};

const ACCOUNT: &str = "netsuite:1234567_SB1";
const LEASE: Duration = Duration::from_secs(60);

async fn slot(limits: &SharedSlots, cap: u16) -> Option<Slot> {
    match limits.lease_slot(ACCOUNT, cap, LEASE).await.unwrap() {
        Turn::Now(slot) => Some(slot),
        Turn::At(_) => None,
    }
}

fn process(store: &Store) -> SharedSlots {
    SharedSlots::new(store.another(), store.clock.clone())
}

/// Ten jobs need a slot for a while; what is written is two leases and their ends.
#[tokio::test]
async fn the_jobs_of_a_batch_hand_their_slots_on() {
    let store = Store::new().await;
    let batch = process(&store);
    let jobs = (0..10).map(|_| async {
        let held = slot(&batch, 5).await.unwrap();
        tokio::time::sleep(Duration::from_millis(20)).await;
        batch.free_slot(held).await.unwrap();
    });
    join_all(jobs).await;
    // A lease that meets a slot which is taken is tried once more.
    let leases = store.faults.writes.load(Ordering::Relaxed);
    assert!((2..=4).contains(&leases), "two slots were leased by {leases} writes");
    let others = process(&store);
    for _ in 0..2 {
        slot(&others, 2).await.expect("nothing is kept when the batch has done");
    }
}

/// However they share, no more slots are held than the account has.
#[tokio::test]
async fn a_slot_that_is_handed_on_is_still_one_of_the_accounts() {
    let store = Store::new().await;
    let (batch, others) = (process(&store), process(&store));
    let first = slot(&batch, 2).await.unwrap();
    let second = slot(&batch, 2).await.unwrap();
    let (third, ()) = tokio::join!(slot(&batch, 2), async {
        tokio::task::yield_now().await;
        batch.free_slot(first).await.unwrap();
    });
    let third = third.unwrap();
    assert_ne!(third.number, second.number);
    assert_eq!(slot(&others, 2).await, None, "both are still taken");
    batch.free_slot(third).await.unwrap();
    batch.free_slot(second).await.unwrap();
    assert!(slot(&others, 2).await.is_some());
}

/// Who takes a slot over counts on a whole lease, however long it was held before.
#[tokio::test]
async fn a_slot_that_was_held_for_long_is_renewed_when_it_is_handed_on() {
    let store = Store::new().await;
    let (batch, others) = (process(&store), process(&store));
    let first = slot(&batch, 2).await.unwrap();
    let second = slot(&batch, 2).await.unwrap();
    let (third, ()) = tokio::join!(slot(&batch, 2), async {
        tokio::task::yield_now().await;
        store.clock.turn(SignedDuration::from_secs(50));
        batch.free_slot(first).await.unwrap();
    });
    store.clock.turn(SignedDuration::from_secs(30));
    let taken = slot(&others, 2).await.expect("the second was never renewed");
    assert_eq!(taken.number, second.number);
    assert_ne!(taken.number, third.unwrap().number);
}

/// Where others have all slots, those who wait in a process are given turns, as if they had asked alone.
#[tokio::test]
async fn nobody_waits_in_a_process_that_has_no_slot() {
    let store = Store::new().await;
    let (batch, others) = (process(&store), process(&store));
    let _taken = slot(&others, 1).await.unwrap();
    let began = std::time::Instant::now();
    let turns = join_all((0..6).map(|_| batch.lease_slot(ACCOUNT, 1, LEASE))).await;
    assert!(turns.into_iter().all(|turn| matches!(turn, Ok(Turn::At(_)))));
    assert!(
        began.elapsed() < Duration::from_secs(10),
        "they did not wait for each other"
    );
}

/// A slot that others have taken over in the meantime is none any more, and counts for nobody here.
#[tokio::test]
async fn a_slot_that_was_lost_leaves_its_place() {
    let store = Store::new().await;
    let (batch, others) = (process(&store), process(&store));
    let first = slot(&batch, 2).await.unwrap();
    let second = slot(&batch, 2).await.unwrap();
    store.clock.turn(SignedDuration::from_secs(61));
    let theirs = [slot(&others, 2).await.unwrap(), slot(&others, 2).await.unwrap()];
    for lost in [first, second] {
        assert!(!batch.extend_slot(&lost, LEASE).await.unwrap());
    }
    for slot in theirs {
        others.free_slot(slot).await.unwrap();
    }
    let began = std::time::Instant::now();
    for _ in 0..2 {
        slot(&batch, 2).await.expect("its places are free");
    }
    assert!(began.elapsed() < Duration::from_secs(10), "nobody waited");
}

/// Together they reserve what fits under the cap and no more, by few writes.
#[tokio::test]
async fn a_batch_reserves_together_and_never_more_than_the_cap() {
    let store = Store::new().await;
    let spending = Arc::new(JointSpending::new(store.another()));
    let connection = connection();
    let now = store.clock.now();
    let reserve = async |amount: Money| spending.reserve(&connection, &amount, now).await.unwrap();
    let usd = |amount| Money::new(amount, "USD");
    let five = join_all((0..8).map(|_| reserve(usd(dec!(5))))).await;
    assert!(five.iter().all(|fits| *fits), "40 of 100");
    assert_eq!(
        store.faults.updates.load(Ordering::Relaxed),
        2,
        "the first, and then all others"
    );
    let seven = join_all((0..10).map(|_| reserve(usd(dec!(7))))).await;
    assert_eq!(
        seven.iter().filter(|fits| **fits).count(),
        8,
        "56 of the 60 that are left"
    );
    assert!(reserve(usd(dec!(4))).await, "exactly 100");
    assert!(!reserve(usd(dec!(0.01))).await);
    let mixed = join_all([reserve(Money::new(dec!(1), "EUR")), reserve(Money::new(dec!(1), "EUR"))]).await;
    assert_eq!(mixed, [false, false], "another currency than the cap's");
    assert_eq!(start(), now);
}
