//! A day in seconds: every flow and adapter, the real HTTP layer with its tokens and limits, the vendors in the same process,
//! one clock that runs as fast as the work. Everything that is left to chance comes from a seed, so a day can be had again:
//! `WAYBILL_DAY_SEED=7 cargo test -p tests --test day`.

mod day;
mod dice;
mod network;
mod report;
mod world;

use std::time::Instant;

use day::{Day, Settings};
use jiff::SignedDuration;
use report::Report;
use tests::world::Failure;
use world::Rules;

const WORKERS: usize = 8;

fn seed() -> u64 {
    let given = std::env::var("WAYBILL_DAY_SEED").ok();
    given.and_then(|text| text.parse().ok()).unwrap_or(1)
}

fn orders(usual: u64) -> u64 {
    let given = std::env::var("WAYBILL_DAY_ORDERS").ok();
    given.and_then(|text| text.parse().ok()).unwrap_or(usual)
}

async fn live(orders: u64, seed: u64, rules: Rules) -> Result<Report, Failure> {
    let settings = Settings {
        seed,
        orders,
        tenants: 7,
        workers: WORKERS,
        rules,
    };
    Day::new(settings).await?.live().await
}

/// P21: a day with six hours without the carrier, an ERP at its cap, tokens revoked every hour, messages that are lost, come
/// twice or in another order, and workers that die: every order ships once or is held with a reason, nobody starves beside a
/// flood, no more purchases are unknown than there are workers, and no person has to release an order afterwards.
///
/// P9: and no client asks for more than 250 tokens in any 24 hours.
#[tokio::test]
async fn a_day_in_seconds() -> Result<(), Failure> {
    let began = Instant::now();
    let report = live(orders(20_000), seed(), Rules::default()).await?;
    println!("{report}  took {:.1} s", began.elapsed().as_secs_f64());
    assert_eq!(report.held_for_nothing, 0, "a person would have to release them");
    assert!(report.unknown <= WORKERS, "{} unknown purchases", report.unknown);
    assert!(report.tokens_in_a_day <= 250);
    for tenant in 1..7 {
        let longest = report.longest_in_flood(tenant);
        assert!(
            longest <= SignedDuration::from_mins(90),
            "tenant {tenant} waited {longest:?}"
        );
    }
    Ok(())
}
