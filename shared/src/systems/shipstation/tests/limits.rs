//! Limits: kept across all workers, whichever family of headers comes.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::sync::{Arc, Mutex};

use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use super::here::{Asked, Said, World, empty, ok, status};
use super::{connection, fixture};
use crate::domain::Level;
use crate::domain::LevelKey;
use crate::ports::{CallError, Carrier, Clock, Obstacle, ShippingDesk};
use crate::systems::account_of;

const MINUTE: SignedDuration = SignedDuration::from_mins(1);

/// P49: two thousand calls of fifty workers: never more than two hundred within any sixty seconds, none is refused, and none is
/// lost.
#[tokio::test]
async fn a_burst_of_fifty_workers_never_passes_the_limit() {
    let calls: Arc<Mutex<Vec<Timestamp>>> = Arc::default();
    let (seen, at): (_, Arc<Mutex<Option<crate::memory::TurnedClock>>>) = (calls.clone(), Arc::default());
    let clock = at.clone();
    let world = World::new(move |_: &Asked| {
        let now = clock.lock().unwrap().as_ref().unwrap().now();
        seen.lock().unwrap().push(now);
        Said(204, Vec::new(), String::new())
    });
    *at.lock().unwrap() = Some(world.clock.clone());
    let workers: Vec<_> = (0..50).map(|_| world.v2()).collect();
    let mut due: BinaryHeap<Reverse<(Timestamp, usize)>> =
        (0..50).map(|worker| Reverse((world.clock.now(), worker))).collect();
    let mut left: Vec<VecDeque<u64>> = (0..50_u64)
        .map(|worker| (0..40).map(|item| worker * 100 + item).collect())
        .collect();
    while let Some(Reverse((when, worker))) = due.pop() {
        if when > world.clock.now() {
            world.clock.set(when);
        }
        let Some(item) = left[worker].front().copied() else {
            continue;
        };
        let level = Level {
            key: LevelKey { item, location: 1 },
            sku: format!("SKU-{item}"),
            quantity: 5.into(),
        };
        let now = world.clock.now();
        let again = match workers[worker].set_on_hand(&level, "se-1").await {
            Ok(()) => {
                left[worker].pop_front();
                now + SignedDuration::from_millis(120)
            }
            Err(CallError::Later(later)) => {
                assert_eq!(later.obstacle, Obstacle::Limited, "{later}");
                now + later
                    .after
                    .map_or(MINUTE, |wait| SignedDuration::try_from(wait).unwrap())
            }
            Err(error) => panic!("{error}"),
        };
        due.push(Reverse((again, worker)));
    }
    assert_eq!(left.iter().map(VecDeque::len).sum::<usize>(), 0, "nothing is lost");
    let calls = calls.lock().unwrap().clone();
    assert_eq!(calls.len(), 2_000);
    let most = calls.iter().enumerate().map(|(first, start)| {
        let within = calls[first..]
            .iter()
            .take_while(|at| at.duration_since(*start) < MINUTE);
        within.count()
    });
    let most = most.max().unwrap();
    assert!(most <= 200, "{most} calls within sixty seconds");
    assert!(most > 120, "only {most}: the limit is hardly used");
}

/// P49: a full run of stock never takes more than half of what the key has in any window: whoever reads what ships is not kept waiting.
#[tokio::test]
async fn stock_leaves_half_of_every_window_to_what_ships() {
    let world = World::new(|asked: &Asked| match asked.line.starts_with("POST") {
        true => Said(204, Vec::new(), String::new()),
        false => ok(&json!({"shipments": [], "page": 1, "pages": 0})),
    });
    let tellers: Vec<_> = (0..5).map(|_| world.v2()).collect();
    tellers.iter().for_each(ShippingDesk::give_way);
    let reader = world.v2();
    let level = Level {
        key: LevelKey { item: 1, location: 1 },
        sku: "FM-20".to_owned(),
        quantity: 5.into(),
    };
    let (mut told, mut waited) = (Vec::new(), 0);
    for second in 0..300 {
        for teller in &tellers {
            loop {
                match teller.set_on_hand(&level, "se-1").await {
                    Ok(()) => told.push(world.clock.now()),
                    Err(CallError::Later(later)) => {
                        assert_eq!(later.obstacle, Obstacle::Limited, "{later}");
                        waited += 1;
                        break;
                    }
                    Err(error) => panic!("{error}"),
                }
            }
        }
        let read = reader.numbered("SO-1").await;
        assert!(read.is_ok(), "what ships waits in second {second}: {read:?}");
        world.clock.turn(SignedDuration::from_secs(1));
    }
    assert!(waited > 1_000, "stock wanted more");
    let most = told.iter().enumerate().map(|(first, start)| {
        let within = told[first..].iter().take_while(|at| at.duration_since(*start) < MINUTE);
        within.count()
    });
    let most = most.max().unwrap();
    assert!((60..=100).contains(&most), "{most} levels within sixty seconds");
}

/// P49: V1 tells with every answer how many calls are left: near the end all workers pause until its count begins anew, before
/// anybody is refused.
#[tokio::test]
async fn a_count_that_runs_out_pauses_everybody() {
    let world = World::new(|asked: &Asked| {
        let left = if asked.has("SO-2") { "1" } else { "30" };
        let headers = vec![
            ("x-rate-limit-limit", "40".to_owned()),
            ("x-rate-limit-remaining", left.to_owned()),
            ("x-rate-limit-reset", "23".to_owned()),
        ];
        Said(200, headers, json!({"orders": [], "page": 1, "pages": 0}).to_string())
    });
    let (one, other) = (world.usual_v1(), world.usual_v1());
    assert!(one.numbered("SO-1").await.is_ok() && other.numbered("SO-1").await.is_ok());
    assert!(one.numbered("SO-2").await.is_ok(), "its own answer is whole");
    let Err(CallError::Later(later)) = other.numbered("SO-3").await else {
        panic!("everybody pauses")
    };
    assert_eq!(
        (later.obstacle, later.after.map(|wait| wait.as_secs())),
        (Obstacle::Limited, Some(23))
    );
    assert_eq!(world.lines().len(), 3, "nothing is sent meanwhile");
    world.clock.turn(SignedDuration::from_secs(24));
    assert!(other.numbered("SO-3").await.is_ok());
}

/// P49: of V1's forty calls a minute three quarters are used, in parts of ten seconds, and never one too many: who is told to wait comes
/// again when the hint says so.
#[tokio::test]
async fn three_quarters_of_v1s_calls_are_used() {
    let world = World::new(|_| ok(&json!({"orders": [], "page": 1, "pages": 0})));
    let desk = world.usual_v1();
    let (begin, mut calls) = (world.clock.now(), Vec::new());
    for number in 0..150 {
        let asked = loop {
            match desk.numbered(&format!("SO-{number}")).await {
                Ok(_) => break world.clock.now(),
                Err(CallError::Later(later)) => {
                    let wait = later.after.unwrap();
                    assert!(
                        wait.as_secs() <= 10,
                        "a part of the limit is ten seconds long, and not {wait:?}"
                    );
                    world.clock.turn(SignedDuration::try_from(wait).unwrap());
                }
                Err(error) => panic!("{error}"),
            }
        };
        calls.push(asked);
    }
    let within = |start: Timestamp| {
        let later = calls.iter().map(|at| at.duration_since(start).as_secs());
        later.filter(|seconds| (0..60).contains(seconds)).count()
    };
    let most = calls.iter().map(|start| within(*start)).max().unwrap();
    assert!(most <= 40, "{most} calls within sixty seconds");
    let minutes = world.clock.now().duration_since(begin).as_secs() / 60;
    assert!(minutes <= 5, "150 calls took {minutes} minutes");
}

/// P49: V2 says how long to wait; V1's refusal says when its count begins anew; one that says nothing is a minute.
#[tokio::test]
async fn a_refusal_pauses_everybody_for_as_long_as_it_says() {
    for (header, seconds) in [(Some("retry-after"), 9), (Some("x-rate-limit-reset"), 17), (None, 60)] {
        let world = World::new(move |_| {
            let headers = header.map(|name| (name, seconds.to_string()));
            Said(429, headers.into_iter().collect(), fixture("error/limit").to_string())
        });
        let refused = world.v2().numbered("SO-1").await;
        assert!(
            matches!(&refused, Err(CallError::Later(later)) if later.obstacle == Obstacle::Limited),
            "{refused:?}"
        );
        let until = |offset: i64| {
            world
                .clock
                .set(super::here::NOON.parse::<Timestamp>().unwrap() + SignedDuration::from_secs(offset))
        };
        until(seconds - 1);
        assert!(world.v2().numbered("SO-1").await.is_err());
        assert_eq!(world.lines().len(), 1, "{header:?}");
        until(seconds + 1);
        assert!(world.v2().numbered("SO-1").await.is_err());
        assert_eq!(world.lines().len(), 2, "{header:?}");
    }
}

/// Two customers who chose the same name for their accounts share nothing; one customer's connections do.
#[test]
fn an_account_is_its_customers_own() {
    let mut one = connection(&json!({})).carrier;
    let mut other = one.clone();
    other.secret = "waybill/dev/globex/shipstation".into();
    assert_ne!(account_of(&one), account_of(&other));
    other.secret = "waybill/dev/acme/shipstation-east".into();
    assert_eq!(account_of(&one), account_of(&other));
    one.account = "ACME".into();
    assert_eq!(account_of(&one), account_of(&other));
}

/// A key that is refused is told as such, and no second one is made of it.
#[tokio::test]
async fn a_refused_key_is_a_refused_credential() {
    let world = World::new(|_| status(401, &fixture("error/unauthorized")));
    let Err(CallError::Later(later)) = world.v2().numbered("SO-1").await else {
        panic!("a refused key may be mended")
    };
    assert_eq!((later.obstacle, world.lines().len()), (Obstacle::Unauthorised, 1));
    let well = World::new(|_| ok(&json!({"shipments": [], "page": 1, "pages": 0})));
    assert!(well.v2().ready().await.is_ok());
    assert!(World::new(|_| empty("shipments")).v2().numbered("SO-1").await.is_ok());
}
