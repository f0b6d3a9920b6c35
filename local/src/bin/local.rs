//! `cargo local`: keeps the whole deployment running on this machine, for a person or a test.

use std::io::{self, Write};
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use comfy_table::Table;
use comfy_table::presets::NOTHING;
use local::failure::{Outcome, While};
use local::ministack;
use local::place::{KEPT, Place};
use local::play::Play;
use local::progress::Progress;
use local::signals::Interrupts;
use local::stack::{self, Description};

/// The project's own SAM template on an AWS emulator, on this machine.
#[derive(Parser)]
#[command(name = "cargo local")]
struct Arguments {
    /// Which deployment: each name has one of its own, and they can run at once
    #[arg(long, global = true, default_value = KEPT)]
    name: String,
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
    /// Run simulated ERPs, UPS, FedEx and ShipStation against the stack, with orders to play with, until Ctrl-C
    Simulators {
        /// How many documents of all pairings together; twelve or more for each hold every kind
        #[arg(long, default_value_t = 60)]
        orders: usize,
        /// Which orders: the same seed makes the same ones
        #[arg(long, default_value_t = 7)]
        seed: u64,
    },
}

#[tokio::main]
async fn main() -> ExitCode {
    match run(&Arguments::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("error: {failure}");
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: &Arguments) -> Outcome<()> {
    let place = Place::named(&arguments.name);
    match arguments.command {
        Command::Up => up(&place).await,
        Command::Down => down(&place).await,
        Command::Status => status(&place).await,
        Command::Simulators { orders, seed } => simulators(&place, orders, seed).await,
    }
}

async fn up(place: &Place) -> Outcome<()> {
    let mut interrupts = Interrupts::listen("everything is stopped")?;
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

async fn simulators(place: &Place, orders: usize, seed: u64) -> Outcome<()> {
    let mut interrupts = Interrupts::listen("the simulators are stopped, the stack still runs")?;
    let play = Play::start(place, orders, seed, &mut interrupts).await?;
    print(&play.words())?;
    interrupts.any().await;
    play.stop().await?;
    print("The simulators are stopped and the connections are paused.\n")
}

fn words_of(description: &Description) -> String {
    let environment = local::aws::environment(&description.endpoint);
    let exports: String = environment
        .iter()
        .map(|(name, value)| format!("  export {name}={value}\n"))
        .collect();
    format!(
        "Stack {} at {}\n{}{}\nTo reach it from another program:\n{exports}  export WAYBILL_STACK={}\n",
        description.stack,
        description.endpoint,
        table(description.outputs.iter()),
        table(description.simulators.iter()),
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
