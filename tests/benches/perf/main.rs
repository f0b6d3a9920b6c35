//! What everything costs, each figure beside a yardstick that is measured in the same run: `cargo perf`.
//!
//! The functions are the binaries that ship, each in its own process, as Lambda runs it. Around them everything answers at once and
//! runs in this process: a runtime interface that hands out events, AWS as far as they use it, and the project's simulators of ERP and
//! carrier. So what is measured is our own code and the calls that it makes, and not what it waits for. Everything is plain HTTP on this
//! machine: what TLS takes comes to both sides.
//!
//! It is no test, and nothing fails for being slow; a run that does not ship what it was given does fail.

mod bare;
mod built;
mod cloud;
mod expression;
mod lambda;
mod outside;
mod process;
mod report;
mod script;
mod sections;
mod table;

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Instant;

use tests::world::Failure;

use built::{Built, FUNCTIONS, HELLO};
use report::{Row, Section};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// How the figures are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Told {
    Table,
    Markdown,
    Json,
}

/// What is asked of a run.
struct Asked {
    told: Told,
    /// The document whose measured part is replaced.
    into: Option<PathBuf>,
    profile: String,
    build: bool,
    /// How often each function is started.
    starts: usize,
    /// How often a number of orders is shipped, and polled.
    rounds: usize,
    /// How many orders are shipped at a time.
    orders: usize,
    /// Only these sections; all of them where none is named.
    only: Vec<String>,
}

/// What may be asked.
const USAGE: &str = "--json, --markdown, --into FILE, --profile NAME (release), --no-build, --starts N (20), --rounds N (5), --orders N (100), --only KEY";

impl Asked {
    fn of(arguments: impl Iterator<Item = String>) -> Result<Self, Failure> {
        let mut asked = Self {
            told: Told::Table,
            into: None,
            profile: "release".to_owned(),
            build: true,
            starts: 20,
            rounds: 5,
            orders: 100,
            only: Vec::new(),
        };
        let mut arguments = arguments;
        while let Some(argument) = arguments.next() {
            let mut value = || arguments.next().ok_or_else(|| format!("{argument} needs a value"));
            match argument.as_str() {
                "--json" => asked.told = Told::Json,
                "--markdown" => asked.told = Told::Markdown,
                "--into" => asked.into = Some(value()?.into()),
                "--no-build" => asked.build = false,
                "--profile" => asked.profile = value()?,
                "--starts" => asked.starts = value()?.parse()?,
                "--rounds" => asked.rounds = value()?.parse()?,
                "--orders" => asked.orders = value()?.parse()?,
                "--only" => asked.only.push(value()?),
                // `cargo perf -- --json` hands on the second pair of dashes too.
                "--bench" | "--" => {}
                other => return Err(format!("{other:?} is none of {USAGE}").into()),
            }
        }
        if asked.starts == 0 || asked.rounds == 0 || asked.orders == 0 {
            return Err("nothing can be measured in no run".into());
        }
        Ok(asked)
    }

    fn wants(&self, keys: &[&str]) -> bool {
        self.only.is_empty() || self.only.iter().any(|only| keys.contains(&only.as_str()))
    }
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let asked = Asked::of(std::env::args().skip(1))?;
    let built = match asked.build {
        true => Built::build(&asked.profile)?,
        false => Built::of(&asked.profile),
    };
    eprintln!("built in {:.0} s; measuring", built.seconds);
    let began = Instant::now();
    let mut sections = measure(&asked, &built).await?;
    sections.retain(|section| asked.wants(&[section.key]));
    eprintln!("measured in {:.0} s", began.elapsed().as_secs_f64());
    if let Some(into) = &asked.into {
        replace(into, &markdown(&asked, &sections))?;
    }
    let text = match asked.told {
        Told::Table => report::table(&sections),
        Told::Markdown => markdown(&asked, &sections),
        Told::Json => report::json(&sections).to_string(),
    };
    Ok(writeln!(io::stdout(), "{}", text.trim_end())?)
}

async fn measure(asked: &Asked, built: &Built) -> Result<Vec<Section>, Failure> {
    let mut sections = Vec::new();
    if asked.wants(&["cold_start"]) {
        eprintln!("starting each function {} times", asked.starts);
        sections.push(sections::cold_starts(asked, built).await?);
    }
    if asked.wants(&["cpu_per_order", "throughput", "operations", "memory_mb"]) {
        eprintln!(
            "shipping {} times {} orders, in batches of three sizes",
            asked.rounds, asked.orders
        );
        sections.extend(sections::orders(asked, built).await?);
    }
    if asked.wants(&["polling"]) {
        eprintln!("polling {} times among old orders", asked.rounds);
        sections.push(sections::polling(asked, built).await?);
    }
    if asked.wants(&["zip_mb"]) {
        sections.push(zips(built)?);
    }
    Ok(sections)
}

fn zips(built: &Built) -> Result<Section, Failure> {
    let hello = built.zipped(HELLO)?;
    let row = |name: &&str| Ok(Row::new(*name, built.zipped(name)?, hello));
    Ok(Section {
        key: "zip_mb",
        title: "Size of the zips",
        unit: "MB",
        yardstick: "a function that does nothing",
        aim: "under 4 MB",
        runs: 1,
        rows: FUNCTIONS.iter().map(row).collect::<Result<_, Failure>>()?,
    })
}

fn markdown(asked: &Asked, sections: &[Section]) -> String {
    format!("{}\n\n{}", machine(asked), report::markdown(sections).trim_end())
}

/// Between these lines stands what was measured last.
const BEGIN: &str = "<!-- measured: cargo perf -- --into docs/performance.md -->";
const END: &str = "<!-- end of what was measured -->";

fn replace(document: &Path, measured: &str) -> Result<(), Failure> {
    let document = built::project().join(document);
    let text = std::fs::read_to_string(&document)?;
    let parts = text
        .split_once(BEGIN)
        .and_then(|(before, rest)| Some((before, rest.split_once(END)?.1)));
    let (before, after) = parts.ok_or_else(|| format!("{} has no measured part", document.display()))?;
    Ok(std::fs::write(
        &document,
        format!("{before}{BEGIN}\n\n{measured}\n\n{END}{after}"),
    )?)
}

/// On what and how it was measured, in one line.
fn machine(asked: &Asked) -> String {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let cpuinfo = read("/proc/cpuinfo");
    let model = cpuinfo
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let (model, kernel) = (
        model.map_or("an unnamed processor", |(_, model)| model),
        read("/proc/sys/kernel/osrelease"),
    );
    let processors = cpuinfo.lines().filter(|line| line.starts_with("processor")).count();
    let load = read("/proc/loadavg");
    format!(
        "`cargo perf -- --markdown` in the profile `{}`, on {processors} x {model}, Linux {}; load before the end {}.",
        asked.profile,
        kernel.trim(),
        load.split(' ').next().unwrap_or("?"),
    )
}
