//! MiniStack, the AWS emulator: a Python process that runs the functions as processes of its own.
//!
//! It leads a process group, which its functions belong to, so that Ctrl-C in a terminal does not reach them and stopping
//! the group leaves nothing behind.

use std::fs::File;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group, test_kill_process_group};
use tokio::process::{Child, ChildStdin, Command};
use tokio::time::{Instant, sleep};

use crate::aws;
use crate::failure::{Failure, Outcome, While};
use crate::place::Place;
use crate::venv::Venv;

const HEALTHY_WITHIN: Duration = Duration::from_secs(30);
const STOPPED_WITHIN: Duration = Duration::from_secs(5);

/// How long the emulator lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Life {
    /// As long as this process, even if that is killed.
    ThisProcess,
    /// Until somebody stops it.
    UntilStopped,
}

/// A running emulator.
#[derive(Debug)]
pub struct MiniStack {
    process: Child,
    group: ProcessGroup,
    endpoint: String,
    /// Its end is what tells the emulator that this process is gone.
    _lifeline: Option<ChildStdin>,
    ends_when_dropped: bool,
}

/// A start that was interrupted leaves nothing running.
impl Drop for MiniStack {
    fn drop(&mut self) {
        if self.ends_when_dropped {
            self.group.ask_to_end();
        }
    }
}

impl MiniStack {
    /// Starts the emulator on a free port and waits until it answers.
    ///
    /// # Errors
    /// It ends or does not answer in time; the failure shows the end of its log.
    pub async fn start(place: &Place, venv: &Venv, life: Life) -> Outcome<Self> {
        let folder = place.own_folder();
        let temporary = folder.join("tmp");
        let _ = tokio::fs::remove_dir_all(&temporary).await;
        tokio::fs::create_dir_all(&temporary)
            .await
            .doing("creating the emulator's folder")?;
        let port = free_port()?;
        let endpoint = format!("http://127.0.0.1:{port}");
        let log = folder.join("ministack.log");
        let mut command = Command::new(venv.python());
        command
            .arg(place.own("ministack_start.py"))
            .current_dir(&folder)
            .process_group(0);
        environment(&mut command, port, &endpoint, &temporary);
        write_to(&mut command, &log)?;
        match life {
            Life::ThisProcess => command.arg("--stop-with-parent").stdin(Stdio::piped()),
            Life::UntilStopped => command.stdin(Stdio::null()),
        };
        let mut process = command.spawn().doing("starting MiniStack")?;
        let group = ProcessGroup::led_by(&process)?;
        let _lifeline = process.stdin.take();
        let mut started = Self {
            process,
            group,
            endpoint,
            _lifeline,
            ends_when_dropped: true,
        };
        match started.wait_until_healthy(&log).await {
            Ok(()) => Ok(started),
            Err(failure) => {
                started.stop().await;
                Err(failure)
            }
        }
    }

    /// Where all services of the emulator answer.
    #[must_use]
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// The processes of the emulator and its functions.
    #[must_use]
    pub fn group(&self) -> ProcessGroup {
        self.group
    }

    /// Stops the emulator and its functions.
    pub async fn stop(mut self) {
        self.group.ask_to_end();
        let _ = tokio::time::timeout(STOPPED_WITHIN, self.process.wait()).await;
        self.group.end().await;
        let _ = self.process.wait().await;
        self.ends_when_dropped = false;
    }

    /// Leaves the emulator running.
    pub fn leave(mut self) {
        self.ends_when_dropped = false;
    }

    async fn wait_until_healthy(&mut self, log: &Path) -> Outcome<()> {
        let start = Instant::now();
        while !is_healthy(&self.endpoint).await {
            let ended = self.process.try_wait().doing("watching MiniStack")?;
            if ended.is_some() || start.elapsed() > HEALTHY_WITHIN {
                return Err(Failure::new(format!(
                    "MiniStack does not answer; its log ends:\n{}",
                    end_of(log)
                )));
            }
            sleep(Duration::from_millis(50)).await;
        }
        Ok(())
    }
}

/// Whether an emulator answers at `endpoint`.
pub async fn is_healthy(endpoint: &str) -> bool {
    let client = reqwest::Client::builder()
        .no_proxy()
        .timeout(Duration::from_secs(2))
        .build();
    let Ok(client) = client else { return false };
    client
        .get(format!("{endpoint}/_ministack/health"))
        .send()
        .await
        .is_ok_and(|answer| answer.status().is_success())
}

fn free_port() -> Outcome<u16> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).doing("looking for a free port")?;
    Ok(listener.local_addr().doing("looking for a free port")?.port())
}

/// Its environment is all that the functions inherit, so it holds nothing of the person's own.
fn environment(command: &mut Command, port: u16, endpoint: &str, temporary: &Path) {
    let path = std::env::var_os("PATH").unwrap_or_default();
    command
        .env_clear()
        .env("PATH", path)
        .env("HOME", temporary)
        .env("TMPDIR", temporary);
    command.envs([
        ("LANG", "C.UTF-8"),
        ("PYTHONUNBUFFERED", "1"),
        ("AUTH", "true"),
        ("LAMBDA_EXECUTOR", "local"),
    ]);
    command
        .env("GATEWAY_PORT", port.to_string())
        .env("BIND_HOST", "127.0.0.1")
        // The HTTP API's own address is a name beneath this one, which curl, browsers and the simulators take for this machine.
        .env("MINISTACK_HOST", "localhost");
    command
        .env("MINISTACK_REGION", aws::REGION)
        .env("AWS_DEFAULT_REGION", aws::REGION);
    command
        .env("AWS_ENDPOINT_URL", endpoint)
        .env("LAMBDA_WARM_TTL_SECONDS", "3600");
    command
        .env("STATE_DIR", temporary.join("state"))
        .env("S3_DATA_DIR", temporary.join("s3"));
}

fn write_to(command: &mut Command, log: &Path) -> Outcome<()> {
    let file = File::create(log).doing("creating MiniStack's log")?;
    let copy = file.try_clone().doing("creating MiniStack's log")?;
    command.stdout(file).stderr(copy);
    Ok(())
}

fn end_of(log: &Path) -> String {
    let words = std::fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<&str> = words.lines().collect();
    lines
        .get(lines.len().saturating_sub(15)..)
        .unwrap_or_default()
        .join("\n")
}

/// A process that leads a group, and the group.
#[derive(Debug, Clone, Copy)]
pub struct ProcessGroup(Pid);

impl ProcessGroup {
    fn led_by(process: &Child) -> Outcome<Self> {
        let id = process.id().and_then(|id| i32::try_from(id).ok());
        id.and_then(Self::of)
            .ok_or_else(|| Failure::new("MiniStack ended at once"))
    }

    /// The group that process `id` leads.
    #[must_use]
    pub fn of(id: i32) -> Option<Self> {
        Pid::from_raw(id).map(Self)
    }

    /// The id of the process that leads the group.
    #[must_use]
    pub fn id(self) -> i32 {
        self.0.as_raw_nonzero().get()
    }

    /// Whether the leading process is a MiniStack that this crate started: an id may have been given to another process.
    #[must_use]
    pub fn is_ministack(self) -> bool {
        let arguments = PathBuf::from(format!("/proc/{}/cmdline", self.id()));
        std::fs::read_to_string(arguments).is_ok_and(|line| line.contains("ministack_start.py"))
    }

    fn ask_to_end(self) {
        let _ = kill_process_group(self.0, Signal::TERM);
    }

    /// Asks every process of the group to end, and ends the ones that do not in time.
    pub async fn end(self) {
        self.ask_to_end();
        let start = Instant::now();
        while test_kill_process_group(self.0).is_ok() && start.elapsed() < STOPPED_WITHIN {
            sleep(Duration::from_millis(50)).await;
        }
        let _ = kill_process_group(self.0, Signal::KILL);
    }
}
