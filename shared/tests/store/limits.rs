//! Limits that all workers share: slots, pauses and the spending cap.

use std::collections::BTreeSet;
use std::time::Duration;

use futures::future::join_all;

use jiff::SignedDuration;
use rust_decimal::dec;
use waybill::aws::Dynamo;
use waybill::domain::{Asking, Health, Lesson, Money, Rate};
use waybill::ports::{Clock, Limits, Slot, Spending, Turn};

use crate::database::Store;
use crate::samples::{connection, start};

const ACCOUNT: &str = "netsuite:1234567_SB1";
const LEASE: Duration = Duration::from_secs(60);

async fn slot(process: &Dynamo, cap: u16) -> Option<Slot> {
    match process.lease_slot(ACCOUNT, cap, LEASE).await.unwrap() {
        Turn::Now(slot) => Some(slot),
        Turn::At(_) => None,
    }
}

/// Who comes in vain is given a turn, each another one, as fast as slots were lately free.
#[tokio::test]
async fn turns_at_slots_follow_each_other() {
    let store = Store::new().await;
    let held = slot(&store.dynamo, 1).await.unwrap();
    let fleet: Vec<_> = (0..6).map(|_| store.another()).collect();
    let turns = join_all(fleet.iter().map(|process| process.lease_slot(ACCOUNT, 1, LEASE))).await;
    let after = |turn: Turn| match turn {
        Turn::At(turn) => turn.duration_since(store.clock.now()).as_millis(),
        Turn::Now(slot) => panic!("{slot:?} was taken"),
    };
    let mut after: Vec<i128> = turns.into_iter().map(|turn| after(turn.unwrap())).collect();
    after.sort_unstable();
    assert_eq!(after, [1000, 2000, 3000, 4000, 5000, 6000]);
    store.clock.turn(SignedDuration::from_secs(5));
    store.dynamo.free_slot(held).await.unwrap();
    let _other = slot(&store.dynamo, 1).await.unwrap();
    let turn = store.dynamo.lease_slot(ACCOUNT, 1, LEASE).await.unwrap();
    let next = store.clock.now() + SignedDuration::from_secs(1) + SignedDuration::from_secs(2);
    assert_eq!(turn, Turn::At(next), "after the last turn, by what it has measured");
}

#[tokio::test]
async fn no_more_slots_are_leased_than_the_account_has_and_all_of_them_are() {
    let store = Store::new().await;
    let mut slots = Vec::new();
    for _ in 0..5 {
        slots.push(slot(&store.dynamo, 5).await.unwrap());
    }
    assert_eq!(slot(&store.dynamo, 5).await, None);
    let mut numbers: Vec<u16> = slots.iter().map(|slot| slot.number).collect();
    numbers.sort_unstable();
    assert_eq!(numbers, [0, 1, 2, 3, 4]);
    let freed = slots.pop().unwrap();
    store.dynamo.free_slot(freed.clone()).await.unwrap();
    let again = slot(&store.dynamo, 5).await.unwrap();
    assert_eq!(again.number, freed.number);
}

#[tokio::test]
async fn of_many_workers_at_once_no_more_get_in_than_the_account_allows() {
    let store = Store::new().await;
    let fleet: Vec<_> = (0..20).map(|_| store.another()).collect();
    let slots = join_all(fleet.iter().map(|process| slot(process, 5))).await;
    let held: BTreeSet<u16> = slots.into_iter().filter_map(|slot| Some(slot?.number)).collect();
    assert_eq!(held.len(), 5);
}

#[tokio::test]
async fn a_slot_is_held_longer_by_its_holder_and_by_nobody_else() {
    let store = Store::new().await;
    let mine = slot(&store.dynamo, 1).await.unwrap();
    store.clock.turn(SignedDuration::from_secs(40));
    assert!(store.dynamo.extend_slot(&mine, LEASE).await.unwrap());
    store.clock.turn(SignedDuration::from_secs(40));
    assert_eq!(slot(&store.dynamo, 1).await, None);
    store.clock.turn(SignedDuration::from_secs(20));
    let theirs = slot(&store.dynamo, 1).await.unwrap();
    assert!(!store.dynamo.extend_slot(&mine, LEASE).await.unwrap());
    assert!(store.dynamo.extend_slot(&theirs, LEASE).await.unwrap());
}

#[tokio::test]
async fn a_slot_frees_itself_and_its_former_holder_cannot_free_it_again() {
    let store = Store::new().await;
    let dead = slot(&store.dynamo, 1).await.unwrap();
    store.clock.turn(SignedDuration::from_secs(59));
    assert_eq!(slot(&store.dynamo, 1).await, None);
    store.clock.turn(SignedDuration::from_secs(1));
    assert!(slot(&store.dynamo, 1).await.is_some());
    store.dynamo.free_slot(dead).await.unwrap();
    assert_eq!(slot(&store.dynamo, 1).await, None, "it belongs to somebody else now");
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
async fn a_pause_shorter_than_a_second_is_seen_by_whoever_knows_of_trouble() {
    let store = Store::new().await;
    let elsewhere = store.another();
    let until = |milliseconds| start() + SignedDuration::from_millis(milliseconds);
    store.dynamo.pause(ACCOUNT, until(500)).await.unwrap();
    assert!(elsewhere.standing(ACCOUNT).await.unwrap().paused.is_some());
    store.dynamo.pause(ACCOUNT, until(900)).await.unwrap();
    store.clock.turn(SignedDuration::from_millis(300));
    assert_eq!(elsewhere.standing(ACCOUNT).await.unwrap().paused, Some(until(900)));
}

/// P61: of many processes that reserve the calls of one window, in chunks and at once, all together get exactly what the
/// window holds; what one of them has not spent is gone with the window.
#[tokio::test]
async fn a_window_gives_out_exactly_what_it_holds() {
    let store = Store::new().await;
    let rate = Rate::new(1400, SignedDuration::from_secs(10)).unwrap();
    let room = usize::try_from(rate.window(start()).room).unwrap();
    let fleet: Vec<_> = (0..20).map(|_| store.another()).collect();
    let (fleet, rate) = (&fleet, &rate);
    let calls = |times: usize| {
        let one = move |process: &'_ std::sync::Arc<Dynamo>| {
            let process = process.clone();
            let rate = *rate;
            async move { process.reserve_call(ACCOUNT, &rate).await }
        };
        fleet
            .iter()
            .flat_map(|process| std::iter::repeat_n(process, times))
            .map(one)
            .collect::<Vec<_>>()
    };
    let first = join_all(calls(30)).await;
    let granted = first.iter().filter(|call| call.as_ref().unwrap().is_none()).count();
    assert!(granted <= room && granted + 20 * 11 > room, "{granted} of {room}");
    let ends = rate.window(start()).ends;
    assert!(
        first
            .iter()
            .all(|call| call.as_ref().unwrap().is_none_or(|next| next == ends))
    );

    store
        .clock
        .turn(ends.duration_since(start()) - SignedDuration::from_millis(1));
    let rest = join_all(calls(120)).await;
    let more = rest.iter().filter(|call| call.as_ref().unwrap().is_none()).count();
    assert_eq!(
        granted + more,
        room,
        "chunks that were reserved are spent by those who reserved them"
    );
    store.clock.turn(SignedDuration::from_millis(1));
    let next = join_all(calls(1)).await;
    assert_eq!(
        next.iter().filter(|call| call.as_ref().unwrap().is_none()).count(),
        116 / 11 + 6
    );
}

#[tokio::test]
async fn of_many_who_learn_about_an_account_each_is_counted_and_one_may_probe() {
    let store = Store::new().await;
    let fleet: Vec<_> = (0..10).map(|_| store.another()).collect();
    let failed = Lesson::Failed("status 503".to_owned());
    let learn = async |process: &Dynamo| {
        loop {
            let standing = process.standing(ACCOUNT).await.unwrap();
            let Some(after) = standing.health.after(Asking::Read, false, &failed, start(), 1.0) else {
                return;
            };
            if process.write_health(ACCOUNT, standing.version, &after).await.unwrap() {
                return;
            }
        }
    };
    join_all(fleet.iter().take(4).map(|process| learn(process))).await;
    assert_eq!(store.another().standing(ACCOUNT).await.unwrap().health.calls, 4);
    join_all(fleet.iter().map(|process| learn(process))).await;
    let out = store.another().standing(ACCOUNT).await.unwrap();
    assert_eq!(
        out.health.calls, 5,
        "what fails once the outage is known teaches nothing"
    );

    store.clock.turn(SignedDuration::from_secs(31));
    let probing = out.health.probing(store.clock.now() + SignedDuration::from_secs(60));
    let probes = join_all(
        fleet
            .iter()
            .map(|process| process.write_health(ACCOUNT, out.version, &probing)),
    )
    .await;
    assert_eq!(probes.into_iter().filter(|won| *won.as_ref().unwrap()).count(), 1);
}

#[tokio::test]
async fn a_pause_and_an_outage_do_not_hide_each_other() {
    let store = Store::new().await;
    let until = start() + SignedDuration::from_secs(30);
    store.dynamo.pause(ACCOUNT, until).await.unwrap();
    let health = Health {
        calls: 2,
        ..Health::default()
    };
    assert!(store.dynamo.write_health(ACCOUNT, 0, &health).await.unwrap());
    assert!(
        !store
            .another()
            .write_health(ACCOUNT, 0, &Health::default())
            .await
            .unwrap(),
        "somebody was faster"
    );
    let standing = store.another().standing(ACCOUNT).await.unwrap();
    assert_eq!(
        (standing.paused, standing.version, standing.health),
        (Some(until), 1, health)
    );
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
