//! What is wrong in a connection file, told so that a person can put it right.

use std::cell::RefCell;
use std::fmt;

use serde::Serialize;

/// One mistake with its place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Mistake {
    /// The key's path (`packing.maximum_weight`), or the line and column of a syntax error.
    pub path: String,
    /// What is wrong, to be read after the path (`is "heavy"`, `is missing`).
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

    /// The same mistake seen from the table that holds `section`.
    pub(super) fn within(self, section: &str) -> Self {
        Self {
            path: format!("{section}.{}", self.path),
            ..self
        }
    }
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}; allowed: {}", self.path, self.wrong, self.allowed)
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
    pub(super) fn add(&self, mistake: Mistake) {
        self.0.borrow_mut().push(mistake);
    }

    pub(super) fn into_vec(self) -> Vec<Mistake> {
        self.0.into_inner()
    }
}
