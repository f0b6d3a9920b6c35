//! Ctrl-C and the request to end.

use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::failure::{Failure, Outcome, While};

/// Hears SIGINT and SIGTERM from the moment it exists.
#[derive(Debug)]
pub struct Interrupts {
    interrupt: Signal,
    terminate: Signal,
}

impl Interrupts {
    /// From now on the signals do not end the process.
    ///
    /// # Errors
    /// The handlers cannot be installed.
    pub fn listen() -> Outcome<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt()).doing("listening for Ctrl-C")?,
            terminate: signal(SignalKind::terminate()).doing("listening for SIGTERM")?,
        })
    }

    /// Waits for a signal.
    pub async fn any(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }

    /// Does `work` unless a signal comes first.
    ///
    /// # Errors
    /// Those of `work`, or that it was interrupted; `work` is dropped where it stands.
    pub async fn unless<T>(&mut self, work: impl Future<Output = Outcome<T>>) -> Outcome<T> {
        tokio::select! {
            outcome = work => outcome,
            _ = self.interrupt.recv() => Err(Failure::new("interrupted")),
            _ = self.terminate.recv() => Err(Failure::new("asked to end")),
        }
    }
}
