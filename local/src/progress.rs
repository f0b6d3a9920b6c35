//! Progress on stderr: a line per phase, with its seconds.

use std::fmt::Display;
use std::io::IsTerminal;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

use crate::failure::Outcome;

/// Tells a person which phase runs and how long the finished ones took.
#[derive(Debug, Default)]
pub struct Progress {
    phases: Vec<(String, Duration)>,
}

impl Progress {
    /// Runs one phase; `work` may say more through the [`Line`] it is given.
    ///
    /// # Errors
    /// Those of `work`.
    pub async fn phase<T>(&mut self, name: &str, work: impl AsyncFnOnce(&Line) -> Outcome<T>) -> Outcome<T> {
        let line = Line::start(name);
        let start = Instant::now();
        let outcome = work(&line).await;
        let took = start.elapsed();
        line.end(name, outcome.is_ok(), took);
        self.phases.push((name.to_owned(), took));
        outcome
    }

    /// The finished phases with the time that each took.
    #[must_use]
    pub fn phases(&self) -> &[(String, Duration)] {
        &self.phases
    }
}

/// The line of the phase that runs: a spinner on a terminal, plain lines elsewhere.
#[derive(Debug)]
pub struct Line(ProgressBar);

impl Line {
    fn start(name: &str) -> Self {
        if !std::io::stderr().is_terminal() {
            return Self(ProgressBar::hidden());
        }
        let style = ProgressStyle::with_template("  {spinner} {prefix} {elapsed} {wide_msg:.dim}");
        let bar = ProgressBar::new_spinner().with_prefix(name.to_owned());
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()));
        bar.enable_steady_tick(Duration::from_millis(100));
        Self(bar)
    }

    /// What the phase is at.
    pub fn at(&self, what: impl Display) {
        self.0.set_message(what.to_string());
    }

    fn end(&self, name: &str, well: bool, took: Duration) {
        self.0.finish_and_clear();
        let mark = if well { "ok" } else { "FAILED" };
        eprintln!("  {name:<46} {:>6.1} s  {mark}", took.as_secs_f64());
    }
}
