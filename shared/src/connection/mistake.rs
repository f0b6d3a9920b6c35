//! What is wrong in a connection file, told so that a person can put it right.

use std::cell::RefCell;
use std::fmt;

use serde::Serialize;

/// One mistake with its place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Mistake {
    /// The key's path (`packing.maximum_weight`), or the line and column of a syntax error.
    pub path: String,
    /// What is wrong (`is "heavy"`, `is missing`).
    pub wrong: String,
    /// What is allowed.
    pub allowed: String,
}

impl Mistake {
    /// A mistake at `path`.
    pub fn new(path: impl Into<String>, wrong: impl Into<String>, allowed: impl Into<String>) -> Self {
        Self {
            path: path.into(),
            wrong: wrong.into(),
            allowed: allowed.into(),
        }
    }

    /// A key that must be there and is not.
    pub fn missing(path: impl Into<String>, allowed: impl Into<String>) -> Self {
        Self::new(path, "is missing", allowed)
    }

    /// The same mistake with the path that a person sees: options stand beside the other keys of their system.
    pub(super) fn seen_in_the_file(self) -> Self {
        Self {
            path: self.path.replacen(".options.", ".", 1),
            ..self
        }
    }
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}; allowed: {}", self.path, self.wrong, self.allowed)
    }
}

/// All mistakes for a person, one per line.
pub fn list(mistakes: &[Mistake]) -> String {
    let lines: Vec<String> = mistakes.iter().map(|mistake| format!("  {mistake}")).collect();
    lines.join("\n")
}

/// Collects mistakes while a file is read to its end.
#[derive(Debug, Default)]
pub(super) struct Mistakes(RefCell<Vec<Mistake>>);

impl Mistakes {
    /// Adds a mistake, unless its place has been told already.
    pub(super) fn add(&self, mistake: Mistake) {
        let mut all = self.0.borrow_mut();
        if all.iter().all(|told| told.path != mistake.path) {
            all.push(mistake);
        }
    }

    pub(super) fn into_vec(self) -> Vec<Mistake> {
        self.0.into_inner()
    }
}
