//! Why a piece of work stops before its end.

use crate::ports::{CallError, StoreError};

/// Why it stops.
#[derive(Debug)]
pub(crate) enum Halt {
    /// The ERP, the carrier or the desk does not answer, or refuses: whoever began the work decides what follows.
    Side(CallError),
    /// The store failed: nobody knows what stands, and the message comes again.
    Store(StoreError),
}

impl From<CallError> for Halt {
    fn from(error: CallError) -> Self {
        Self::Side(error)
    }
}

impl From<StoreError> for Halt {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl Halt {
    /// What came of a piece of work, with failures of the store apart: nobody decides about them.
    pub(crate) fn store_apart<T>(done: Result<T, Self>) -> Result<Result<T, CallError>, StoreError> {
        match done {
            Ok(done) => Ok(Ok(done)),
            Err(Self::Side(error)) => Ok(Err(error)),
            Err(Self::Store(error)) => Err(error),
        }
    }
}
