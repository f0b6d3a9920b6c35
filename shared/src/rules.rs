//! The rules that a test can break on purpose, one at a time: a check that cannot fail is worth nothing.
//!
//! In a product every rule holds: [`holds`] is a constant there, and no environment reaches a switch, because there is none.
//! Under test `without` takes one rule away, for one thread. What a port promises is broken at the port, not here.

/// A rule of section 1 of the design.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Rule {
    /// A purchase whose answer was lost is looked up, never repeated blindly.
    LookUp,
    /// A fact about money is merged after a conflict.
    LateFacts,
    /// An absence counts only if the control was seen at the same look.
    ControlAtEachLook,
    /// Unknown, not sent and rejected apply only to the attempt that they name.
    AttemptByAttempt,
    /// Believing absences owes a look for duplicates.
    DuplicateCheck,
    /// `Started` is due when its lease ends.
    DueWhenStarted,
    /// A purchase rests on a fresh reading of the order.
    FreshSnapshot,
    /// A job is one unit's, not one order's.
    KeyByUnit,
    /// Our own echo is what we were writing, not merely something under the same owner.
    EchoByContent,
    /// A unit that was closed gives its quantity back.
    GiveBack,
    /// Every write tells what it changed of the job. Nothing that comes later follows from it, and it is the dearest part of a
    /// write that costs nothing else: an exploration of all the others does without.
    TellChanges,
}

/// Whether a rule is in force.
#[cfg(not(any(test, feature = "testing")))]
pub const fn holds(_rule: Rule) -> bool {
    true
}

#[cfg(any(test, feature = "testing"))]
pub use broken::{holds, without};

#[cfg(any(test, feature = "testing"))]
mod broken {
    use std::cell::Cell;

    use super::Rule;

    thread_local! {
        /// A bit for each rule that is taken away.
        static BROKEN: Cell<u32> = const { Cell::new(0) };
    }

    const fn bit(rule: Rule) -> u32 {
        1 << rule as u32
    }

    /// Whether a rule is in force on this thread.
    pub fn holds(rule: Rule) -> bool {
        BROKEN.get() & bit(rule) == 0
    }

    /// Does something on this thread without a rule, and without those that are away already.
    pub fn without<T>(rule: Rule, act: impl FnOnce() -> T) -> T {
        struct Mended(u32);
        impl Drop for Mended {
            fn drop(&mut self) {
                BROKEN.set(self.0);
            }
        }
        let _mended = Mended(BROKEN.get());
        BROKEN.set(BROKEN.get() | bit(rule));
        act()
    }
}
