//! What went wrong, for a person: what was being done and what was in the way.

use std::error::Error;
use std::fmt;

/// A failure in plain words. Nobody decides by it: it ends the command.
#[derive(Debug)]
pub struct Failure(String);

/// The result of a step that can only fail.
pub type Outcome<T> = Result<T, Failure>;

impl Failure {
    /// A failure that is explained by `what` alone.
    pub fn new(what: impl Into<String>) -> Self {
        Self(what.into())
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl Error for Failure {}

/// Says what was being done when an error came.
pub trait While<T> {
    /// The failure reads "`doing`: the error: its causes".
    ///
    /// # Errors
    /// The error of `self`.
    fn doing(self, doing: impl fmt::Display) -> Outcome<T>;
}

impl<T, E: Error> While<T> for Result<T, E> {
    fn doing(self, doing: impl fmt::Display) -> Outcome<T> {
        self.map_err(|error| Failure(format!("{doing}: {}", with_causes(&error))))
    }
}

fn with_causes(error: &dyn Error) -> String {
    let mut words = error.to_string();
    let mut cause = error.source();
    while let Some(next) = cause {
        words.push_str(&format!(": {next}"));
        cause = next.source();
    }
    words
}
