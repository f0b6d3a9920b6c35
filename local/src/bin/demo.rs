//! `cargo demo`: the whole deployment on this machine, from the build to the end.

use std::process::ExitCode;

use local::failure::Outcome;
use local::ministack::Life;
use local::place::Place;
use local::progress::Progress;
use local::signals::Interrupts;
use local::stack::{Running, prepare};

#[tokio::main]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("error: {failure}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Outcome<()> {
    let mut interrupts = Interrupts::listen()?;
    let place = Place::named("demo");
    let mut progress = Progress::default();
    let ready = interrupts.unless(prepare(&place, &mut progress)).await?;
    let started = interrupts
        .unless(Running::start(&place, &ready, Life::ThisProcess, &mut progress))
        .await?;
    for (name, value) in &started.description().outputs {
        eprintln!("  {name:<22} {value}");
    }
    progress
        .phase("stopping", async |_| {
            started.stop().await;
            Ok(())
        })
        .await
}
