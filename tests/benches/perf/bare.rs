//! The yardstick of an order: a process that makes the calls that were taken down, again and again, and nothing else.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use tests::world::Failure;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

use super::lambda::credentials;
use super::process;
use super::script::{Replayed, Step};

/// The process.
pub(crate) struct Bare {
    child: Child,
    id: u32,
    orders: ChildStdin,
    done: Lines<BufReader<ChildStdout>>,
    script: PathBuf,
}

/// What a number of orders took.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Took {
    /// CPU time.
    pub(crate) cpu: Duration,
    /// Time.
    pub(crate) wall: Duration,
}

impl Bare {
    /// Starts the binary with the calls of one order.
    pub(crate) async fn start(binary: &Path, steps: &[Step]) -> Result<Self, Failure> {
        let replayed = Replayed::serve(steps).await?;
        let script = std::env::temp_dir().join(format!("waybill-perf-{}.json", std::process::id()));
        std::fs::write(&script, serde_json::to_vec(steps)?)?;
        let mut command = Command::new(binary);
        command
            .args([script.as_os_str()])
            .env_clear()
            .env("AWS_ENDPOINT_URL", &replayed.aws)
            .env("CARRIER_URL", &replayed.carrier)
            .env("ERP_URL", &replayed.erp)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true);
        credentials(&mut command);
        let mut child = command.spawn()?;
        let pipes = child.stdin.take().zip(child.stdout.take());
        let (orders, done) = pipes.ok_or("the bare loop has no pipes")?;
        Ok(Self {
            id: child.id().ok_or("the bare loop ended at once")?,
            child,
            orders,
            done: BufReader::new(done).lines(),
            script,
        })
    }

    /// Makes the calls of so many orders, so many of them at once.
    pub(crate) async fn ship(&mut self, orders: usize, at_once: usize) -> Result<Took, Failure> {
        let (cpu, began) = (process::cpu(self.id)?, Instant::now());
        self.orders
            .write_all(format!("{orders} {at_once}\n").as_bytes())
            .await?;
        self.orders.flush().await?;
        match self.done.next_line().await?.as_deref() {
            Some("done") => Ok(Took {
                wall: began.elapsed(),
                cpu: process::cpu(self.id)?.saturating_sub(cpu),
            }),
            other => Err(format!("the bare loop says {other:?}").into()),
        }
    }

    /// The most memory that it has had.
    pub(crate) fn peak_memory(&self) -> Result<f64, Failure> {
        process::peak_memory(self.id)
    }

    /// Ends it.
    pub(crate) async fn stop(mut self) -> Result<(), Failure> {
        self.child.kill().await?;
        Ok(std::fs::remove_file(self.script)?)
    }
}
