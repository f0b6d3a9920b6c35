//! A day in seconds: every flow and adapter, the real HTTP layer with its tokens and limits, the vendors in the same process,
//! one clock that runs as fast as the work. Everything that is left to chance comes from a seed, so a day can be had again:
//! `WAYBILL_DAY_SEED=7 cargo test --workspace --test day`; `WAYBILL_DAY_ORDERS` says how many orders. Two fleets live the day side by
//! side, each with half of the orders on a thread of its own, so that each of them can be had again.

mod day;
mod dice;
mod network;
mod queue;
mod report;
mod world;

use std::thread;
use std::time::Instant;

use day::{Day, Settings};
use jiff::SignedDuration;
use report::Report;
use tests::world::Failure;
use world::Rules;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const FLEETS: u64 = 2;
const WORKERS: usize = 8;
const TENANTS: usize = 7;
/// Orders of the usual day, of both fleets; `WAYBILL_DAY_ORDERS` says otherwise.
const ORDERS: u64 = 20_000;
/// A smaller day, for what is only compared.
const FEW: u64 = 1_500;

fn seed() -> u64 {
    let given = std::env::var("WAYBILL_DAY_SEED").ok();
    given.and_then(|text| text.parse().ok()).unwrap_or(1)
}

fn orders(usual: u64) -> u64 {
    let given = std::env::var("WAYBILL_DAY_ORDERS").ok();
    given.and_then(|text| text.parse().ok()).unwrap_or(usual)
}

async fn live(orders: u64, tenants: usize, seed: u64, rules: Rules) -> Result<Report, Failure> {
    live_with(WORKERS, orders, tenants, seed, rules).await
}

async fn live_with(workers: usize, orders: u64, tenants: usize, seed: u64, rules: Rules) -> Result<Report, Failure> {
    let settings = Settings {
        seed,
        orders,
        tenants,
        workers,
        rules,
    };
    Day::new(settings).await?.live().await
}

/// P21: a day with six hours without the carrier, an ERP at its cap, tokens revoked every hour, messages that are lost, come
/// twice or in another order, and workers that die: every order ships once or is held with a reason, nobody starves beside a
/// flood, no more purchases are unknown than there are workers, and no person has to release an order afterwards.
///
/// P9: and no client asks for more than 250 tokens in any 24 hours.
#[test]
fn a_day_in_seconds() -> Result<(), Failure> {
    let began = Instant::now();
    let (orders, seed) = (orders(ORDERS), seed());
    let fleets: Vec<Result<Report, Failure>> = thread::scope(|scope| {
        let fleets: Vec<_> = (0..FLEETS)
            .map(|fleet| scope.spawn(move || of_one_fleet(orders / FLEETS, seed + fleet)))
            .collect();
        fleets.into_iter().map(join).collect()
    });
    println!(
        "{orders} orders of {FLEETS} fleets took {:.1} s",
        began.elapsed().as_secs_f64()
    );
    let reports = fleets.into_iter().collect::<Result<Vec<_>, _>>()?;
    reports.iter().for_each(|report| println!("{report}"));
    reports.iter().for_each(look_at);
    Ok(())
}

fn of_one_fleet(orders: u64, seed: u64) -> Result<Report, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(live(orders, TENANTS, seed, Rules::default()))
}

fn join<T>(thread: thread::ScopedJoinHandle<'_, T>) -> T {
    thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

/// What must hold of every fleet's day.
fn look_at(report: &Report) {
    assert_eq!(report.held_for_nothing, 0, "a person would have to release them");
    assert!(report.unknown <= WORKERS, "{} unknown purchases", report.unknown);
    assert!(
        report.unknown_in_brownout <= TENANTS * 9,
        "{} purchases lost",
        report.unknown_in_brownout
    );
    assert!(report.tokens_in_a_day <= 250);
    for tenant in 1..TENANTS {
        let longest = report.longest_in_flood(tenant);
        assert!(
            longest <= SignedDuration::from_mins(90),
            "tenant {tenant} waited {longest:?}"
        );
    }
}

/// The same seed is the same day.
#[tokio::test]
async fn a_day_can_be_had_again() -> Result<(), Failure> {
    let once = live(300, 3, 7, Rules::default()).await?;
    let again = live(300, 3, 7, Rules::default()).await?;
    assert_eq!(once.to_string(), again.to_string());
    Ok(())
}

/// Broken on purpose: a fleet that shares no tokens asks for more than it may, and the day says so.
#[tokio::test]
async fn the_day_fails_without_shared_tokens() {
    let rules = Rules {
        tokens_are_shared: false,
        ..Rules::default()
    };
    let error = live(FEW, 3, 1, rules).await.unwrap_err().to_string();
    assert!(error.contains("tokens in 24 hours"), "{error}");
}

/// Broken on purpose: in a queue that is not fair the others wait behind one customer's flood.
#[tokio::test]
async fn the_day_shows_when_the_queue_is_not_fair() -> Result<(), Failure> {
    // Slow enough that one worker has an hour's work with the flood.
    let slow = Rules {
        call: SignedDuration::from_millis(300),
        ..Rules::default()
    };
    let unfair = Rules {
        queue_is_fair: false,
        ..slow
    };
    let longest = async |rules| -> Result<SignedDuration, Failure> {
        let report = live_with(1, FEW, 3, 1, rules).await?;
        Ok(report.longest_in_flood(1).max(report.longest_in_flood(2)))
    };
    let (fair, unfair) = (longest(slow).await?, longest(unfair).await?);
    assert!(unfair > fair * 2, "{fair:?} in a fair queue, {unfair:?} in another");
    Ok(())
}

/// Broken on purpose: where nobody notices an outage, the carrier is asked all the time.
#[tokio::test]
async fn the_day_shows_when_outages_are_not_noticed() -> Result<(), Failure> {
    let heedless = Rules {
        outages_are_noticed: false,
        ..Rules::default()
    };
    let calls = async |rules| -> Result<u64, Failure> { Ok(live(600, 2, 1, rules).await?.calls_in_the_outage()) };
    let (kept, broken) = (calls(Rules::default()).await?, calls(heedless).await?);
    assert!(
        broken > kept * 4,
        "{kept} and {broken} calls while the carrier was away"
    );
    Ok(())
}
