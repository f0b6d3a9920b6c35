//! Limits that all workers share: slots, pauses and the spending cap.

use std::collections::BTreeSet;
use std::time::Duration;

use futures::future::join_all;

use jiff::SignedDuration;
use rust_decimal::dec;
use waybill::domain::Money;
use waybill::ports::{Clock, Limits, Spending};

use crate::database::Store;
use crate::samples::{connection, start};

const ACCOUNT: &str = "netsuite:1234567_SB1";
const LEASE: Duration = Duration::from_secs(60);

#[tokio::test]
async fn no_more_slots_are_leased_than_the_account_has_and_all_of_them_are() {
    let store = Store::new().await;
    let mut slots = Vec::new();
    for _ in 0..5 {
        slots.push(store.dynamo.lease_slot(ACCOUNT, 5, LEASE).await.unwrap().unwrap());
    }
    assert_eq!(store.dynamo.lease_slot(ACCOUNT, 5, LEASE).await.unwrap(), None);
    let mut numbers: Vec<u16> = slots.iter().map(|slot| slot.number).collect();
    numbers.sort_unstable();
    assert_eq!(numbers, [0, 1, 2, 3, 4]);
    let freed = slots.pop().unwrap();
    store.dynamo.free_slot(freed.clone()).await.unwrap();
    let again = store.dynamo.lease_slot(ACCOUNT, 5, LEASE).await.unwrap().unwrap();
    assert_eq!(again.number, freed.number);
}

#[tokio::test]
async fn of_many_workers_at_once_no_more_get_in_than_the_account_allows() {
    let store = Store::new().await;
    let fleet: Vec<_> = (0..20).map(|_| store.another()).collect();
    let slots = join_all(fleet.iter().map(|process| process.lease_slot(ACCOUNT, 5, LEASE))).await;
    let held: BTreeSet<u16> = slots
        .into_iter()
        .filter_map(|slot| Some(slot.unwrap()?.number))
        .collect();
    assert_eq!(held.len(), 5);
}

#[tokio::test]
async fn a_slot_frees_itself_and_its_former_holder_cannot_free_it_again() {
    let store = Store::new().await;
    let dead = store.dynamo.lease_slot(ACCOUNT, 1, LEASE).await.unwrap().unwrap();
    store.clock.turn(SignedDuration::from_secs(59));
    assert_eq!(store.dynamo.lease_slot(ACCOUNT, 1, LEASE).await.unwrap(), None);
    store.clock.turn(SignedDuration::from_secs(1));
    assert!(store.dynamo.lease_slot(ACCOUNT, 1, LEASE).await.unwrap().is_some());
    store.dynamo.free_slot(dead).await.unwrap();
    assert_eq!(
        store.dynamo.lease_slot(ACCOUNT, 1, LEASE).await.unwrap(),
        None,
        "it belongs to somebody else now"
    );
}

#[tokio::test]
async fn a_pause_is_seen_by_everybody_and_never_shortened() {
    let store = Store::new().await;
    let elsewhere = store.another();
    assert_eq!(elsewhere.standing(ACCOUNT).await.unwrap().paused, None);
    let until = start() + SignedDuration::from_secs(30);
    store.dynamo.pause(ACCOUNT, until).await.unwrap();
    store
        .dynamo
        .pause(ACCOUNT, until - SignedDuration::from_secs(20))
        .await
        .unwrap();
    assert_eq!(store.dynamo.standing(ACCOUNT).await.unwrap().paused, Some(until));
    store.clock.turn(SignedDuration::from_secs(1));
    assert_eq!(
        elsewhere.standing(ACCOUNT).await.unwrap().paused,
        Some(until),
        "what was read is believed for a second only"
    );
    store.clock.turn(SignedDuration::from_secs(30));
    assert_eq!(elsewhere.standing(ACCOUNT).await.unwrap().paused, None);
}

#[tokio::test]
async fn the_cap_of_an_hour_is_never_passed_and_the_next_hour_begins_anew() {
    let store = Store::new().await;
    let connection = connection();
    let forty = Money::new(dec!(40.00), "USD");
    let now = store.clock.now();
    let reserve = async |amount: &Money, now| store.dynamo.reserve(&connection, amount, now).await.unwrap();
    assert!(reserve(&forty, now).await);
    assert!(reserve(&forty, now).await);
    assert!(!reserve(&forty, now).await, "120 of 100");
    assert!(reserve(&Money::new(dec!(20.00), "USD"), now).await, "exactly 100");
    assert!(!reserve(&Money::new(dec!(0.01), "USD"), now).await);
    assert!(!reserve(&Money::new(dec!(100.01), "USD"), now + SignedDuration::from_hours(1)).await);
    assert!(!reserve(&Money::new(dec!(1), "EUR"), now + SignedDuration::from_hours(1)).await);
    assert!(reserve(&forty, now + SignedDuration::from_hours(1)).await);
}
