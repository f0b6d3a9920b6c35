//! `waybill cost`: what a thousand shipments cost at AWS, from operations that were counted and from published prices.
//!
//! The counts come from a run of the whole deployment on one machine (`cargo demo` writes them); waiting for vendors, which
//! costs a function as much as working, is not in them, because simulators answer at once: it is reckoned with
//! `--vendor-seconds`. Nothing here asks AWS.

mod counts;
mod reckon;

use std::path::PathBuf;

use clap::Args;

use crate::cost::counts::Counts;
use crate::cost::reckon::{Bill, Line, Prices, Use, reckon};
use crate::output::{Answer, Failure, table};

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  waybill cost
  waybill cost --shipments 1000000 --connections 40
  cargo demo && waybill cost --counts target/local/demo/counts.json --json")]
pub(crate) struct Asked {
    /// Counts of another run than the one that came with this version
    #[arg(long, value_name = "FILE")]
    counts: Option<PathBuf>,
    /// Prices of another region, as JSON; `waybill cost --json` shows the shape under `prices`
    #[arg(long, value_name = "FILE")]
    prices: Option<PathBuf>,
    /// Shipments in a month
    #[arg(long, default_value_t = 30_000, value_name = "N")]
    shipments: u64,
    /// Connections, each with a schedule and two credentials
    #[arg(long, default_value_t = 1, value_name = "N")]
    connections: u32,
    /// Minutes between two polls of a connection
    #[arg(long, default_value_t = 5, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    poll_minutes: u32,
    /// How long a vendor takes to answer a call
    #[arg(long, default_value_t = 0.6, value_name = "SECONDS")]
    vendor_seconds: f64,
    /// Messages that a worker finds waiting at once; up to ten, when much is to be done
    #[arg(long, default_value_t = 1, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10))]
    batch: u32,
}

pub(crate) async fn run(asked: Asked) -> Result<Answer, Failure> {
    let counts = match &asked.counts {
        Some(file) => Counts::parse(&read(file).await?, &file.display().to_string())?,
        None => Counts::of_this_version()?,
    };
    let prices = match &asked.prices {
        Some(file) => Prices::parse(&read(file).await?, &file.display().to_string())?,
        None => Prices::published()?,
    };
    let bill = reckon(
        &counts,
        prices,
        Use {
            shipments: asked.shipments,
            connections: asked.connections,
            poll_minutes: asked.poll_minutes,
            vendor_seconds: asked.vendor_seconds.max(0.0),
            batch: asked.batch,
        },
    );
    let text = in_words(&bill, &counts, asked.shipments);
    Answer::new(&bill, text)
}

async fn read(file: &PathBuf) -> Result<Vec<u8>, Failure> {
    let bytes = tokio::fs::read(file).await;
    bytes.map_err(|error| Failure::new(format!("{} cannot be read: {error}", file.display())))
}

fn in_words(bill: &Bill, counts: &Counts, shipments: u64) -> String {
    let header = ["what", "amount", "unit", "usd", "share"];
    let per_thousand = table(header, bill.per_thousand.iter().map(row(bill.usd_per_thousand)));
    let per_month = table(header, bill.per_month.iter().map(row(bill.usd_per_month)));
    format!(
        "1,000 shipments: ${:.4}; most of it is {}\n\n{per_thousand}\n\n\
         A month, whatever ships: ${:.2}\n\n{per_month}\n\n\
         {shipments} shipments a month: ${:.2}\n\
         Prices of {}. Counted: {}, {} shipments. Not counted: storage, data that leaves AWS, free tiers.",
        bill.usd_per_thousand,
        bill.dominated_by,
        bill.usd_per_month,
        bill.usd_in_all,
        bill.prices.region,
        counts.made_by,
        counts.shipped,
    )
}

fn row(sum: f64) -> impl Fn(&Line) -> [String; 5] {
    move |line| {
        let share = if sum > 0.0 { 100.0 * line.usd / sum } else { 0.0 };
        [
            line.what.clone(),
            format!("{:.1}", line.amount),
            line.unit.to_owned(),
            format!("{:.5}", line.usd),
            format!("{share:.0} %"),
        ]
    }
}
