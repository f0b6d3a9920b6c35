//! `cargo local`: keeps the whole deployment running on this machine, for a person or a test.

use std::io::{self, Write};
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use comfy_table::Table;
use comfy_table::presets::NOTHING;
use local::failure::{Outcome, While};
use local::ministack;
use local::place::Place;
use local::progress::Progress;
use local::signals::Interrupts;
use local::stack::{self, Description};

/// The project's own SAM template on an AWS emulator, on this machine.
#[derive(Parser)]
#[command(name = "cargo local")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Build the functions, start the emulator and deploy the template
    Up,
    /// Stop the emulator and its functions; their state is lost
    Down,
    /// Say what runs, where, and how to reach it
    Status,
    /// Say where the simulated outside systems answer
    Simulators,
}

#[tokio::main]
async fn main() -> ExitCode {
    match run(Arguments::parse().command).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("error: {failure}");
            ExitCode::FAILURE
        }
    }
}

async fn run(command: Command) -> Outcome<()> {
    let place = Place::kept();
    match command {
        Command::Up => up(&place).await,
        Command::Down => down(&place).await,
        Command::Status => status(&place).await,
        Command::Simulators => simulators(&place),
    }
}

async fn up(place: &Place) -> Outcome<()> {
    let mut interrupts = Interrupts::listen()?;
    let mut progress = Progress::default();
    let description = interrupts.unless(stack::up(place, &mut progress)).await?;
    print(&words_of(&description))
}

async fn down(place: &Place) -> Outcome<()> {
    let there_was_one = stack::down(place).await?;
    print(if there_was_one {
        "The local stack is stopped.\n"
    } else {
        "No local stack runs.\n"
    })
}

async fn status(place: &Place) -> Outcome<()> {
    match Description::read(place)? {
        Some(description) if ministack::is_healthy(&description.endpoint).await => print(&words_of(&description)),
        Some(_) => print("The local stack has ended by itself; `cargo local up` starts another.\n"),
        None => print("No local stack runs; `cargo local up` starts one.\n"),
    }
}

fn simulators(place: &Place) -> Outcome<()> {
    let simulators = Description::read(place)?
        .map(|description| description.simulators)
        .unwrap_or_default();
    if simulators.is_empty() {
        return print("No simulated system runs.\n");
    }
    print(&table(simulators.iter()))
}

fn words_of(description: &Description) -> String {
    let environment = local::aws::environment(&description.endpoint);
    let exports: String = environment
        .iter()
        .map(|(name, value)| format!("  export {name}={value}\n"))
        .collect();
    format!(
        "Stack {} at {}\n{}\nTo reach it from another program:\n{exports}  export WAYBILL_STACK={}\n",
        description.stack,
        description.endpoint,
        table(description.outputs.iter()),
        description.stack,
    )
}

fn table<'a>(rows: impl Iterator<Item = (&'a String, &'a String)>) -> String {
    let mut table = Table::new();
    table.load_style(NOTHING);
    for (name, value) in rows {
        table.add_row([name, value]);
    }
    format!("{table}\n")
}

fn print(words: &str) -> Outcome<()> {
    io::stdout().write_all(words.as_bytes()).doing("writing to stdout")
}
