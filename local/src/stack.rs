//! A whole deployment: up, described in `stack.json`, down.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::deploy::{self, Outputs};
use crate::failure::{Failure, Outcome, While};
use crate::functions::{self, Package};
use crate::ministack::{self, Life, MiniStack, ProcessGroup};
use crate::place::Place;
use crate::prerequisites;
use crate::progress::Progress;
use crate::venv::Venv;

/// What `stack.json` says about a deployment.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Description {
    /// Where all AWS services answer.
    pub endpoint: String,
    /// The stack's name.
    pub stack: String,
    /// The stack's outputs.
    pub outputs: Outputs,
    /// Where each simulated outside system answers, by its name.
    pub simulators: BTreeMap<String, String>,
    /// The port at which the simulated ShipStation is to answer.
    #[serde(default)]
    pub desk: u16,
    /// The process ids that lead the deployment's process groups, by what they run.
    pub processes: BTreeMap<String, i32>,
}

impl Description {
    /// The deployment that `place` has, if there is one.
    ///
    /// # Errors
    /// The file is there and cannot be read.
    pub fn read(place: &Place) -> Outcome<Option<Self>> {
        let file = place.stack_file();
        match std::fs::read(&file) {
            Ok(bytes) => serde_json::from_slice(&bytes)
                .doing(format_args!("reading {}", file.display()))
                .map(Some),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error).doing(format_args!("reading {}", file.display())),
        }
    }

    pub(crate) fn write(&self, place: &Place) -> Outcome<()> {
        let json = serde_json::to_vec_pretty(self).doing("describing the stack")?;
        std::fs::write(place.stack_file(), json).doing("writing stack.json")
    }
}

/// What must be there before anything starts.
#[derive(Debug)]
pub struct Ready {
    venv: Venv,
    packages: Vec<Package>,
    waybill: PathBuf,
}

impl Ready {
    /// The operator's command.
    #[must_use]
    pub fn waybill(&self) -> &Path {
        &self.waybill
    }
}

/// Checks the machine, installs the emulator and builds the functions.
///
/// # Errors
/// Something is missing, cannot be installed or does not build.
pub async fn prepare(place: &Place, progress: &mut Progress) -> Outcome<Ready> {
    progress
        .phase("checking the machine", async |_| prerequisites::check())
        .await?;
    let venv = progress
        .phase("installing the AWS emulator", async |line| {
            Venv::ready(place, line).await
        })
        .await?;
    let built = progress
        .phase("building the functions", async |line| {
            functions::build(place, line).await
        })
        .await?;
    let packages = progress
        .phase("zipping the functions", async |_| {
            functions::zip(place, built.functions).await
        })
        .await?;
    Ok(Ready {
        venv,
        packages,
        waybill: built.waybill,
    })
}

/// A deployment that runs.
#[derive(Debug)]
pub struct Running {
    ministack: MiniStack,
    description: Description,
    place: Place,
}

impl Running {
    /// Starts the emulator and deploys the template, for a ShipStation that answers at the port `desk`.
    ///
    /// # Errors
    /// The emulator does not start or the stack cannot be created; then nothing is left running.
    pub async fn start(place: &Place, ready: &Ready, life: Life, desk: u16, progress: &mut Progress) -> Outcome<Self> {
        let start = async |_: &_| MiniStack::start(place, &ready.venv, life).await;
        let ministack = progress.phase("starting the AWS emulator", start).await?;
        let endpoint = ministack.endpoint();
        let deploy = async |line: &_| deploy::deploy(place, &ready.packages, endpoint, desk, line).await;
        let deployed = progress.phase("deploying infra/template.yaml", deploy).await;
        let described = deployed.and_then(|outputs| {
            let description = describe(&ministack, outputs, desk);
            description.write(place).map(|()| description)
        });
        match described {
            Ok(description) => Ok(Self {
                ministack,
                description,
                place: place.clone(),
            }),
            Err(failure) => {
                ministack.stop().await;
                Err(failure)
            }
        }
    }

    /// The processes of the emulator and its functions.
    #[must_use]
    pub fn group(&self) -> ProcessGroup {
        self.ministack.group()
    }

    /// What runs, and where.
    #[must_use]
    pub fn description(&self) -> &Description {
        &self.description
    }

    /// Stops everything.
    pub async fn stop(self) {
        self.ministack.stop().await;
        forget(&self.place);
    }
}

fn describe(ministack: &MiniStack, outputs: Outputs, desk: u16) -> Description {
    Description {
        endpoint: ministack.endpoint().to_owned(),
        stack: deploy::STACK.to_owned(),
        outputs,
        simulators: BTreeMap::new(),
        desk,
        processes: BTreeMap::from([("ministack".to_owned(), ministack.group().id())]),
    }
}

/// A port of this machine at which nobody listens.
///
/// # Errors
/// There is none.
pub fn free_port() -> Outcome<u16> {
    let listening = std::net::TcpListener::bind(("127.0.0.1", 0)).doing("looking for a free port")?;
    let address = listening.local_addr().doing("looking for a free port")?;
    Ok(address.port())
}

fn forget(place: &Place) {
    let _ = std::fs::remove_file(place.stack_file());
}

/// Starts a deployment that outlives this process.
///
/// # Errors
/// One already runs, or as for [`prepare`] and [`Running::start`].
pub async fn up(place: &Place, progress: &mut Progress) -> Outcome<Description> {
    if let Some(description) = Description::read(place)? {
        if ministack::is_healthy(&description.endpoint).await {
            return Err(Failure::new("a local stack already runs; `cargo local down` stops it"));
        }
        down(place).await?;
    }
    let ready = prepare(place, progress).await?;
    let running = Running::start(place, &ready, Life::UntilStopped, free_port()?, progress).await?;
    running.ministack.leave();
    Ok(running.description)
}

/// Stops the deployment that `place` has. Says whether there was one.
///
/// # Errors
/// Its description cannot be read.
pub async fn down(place: &Place) -> Outcome<bool> {
    let Some(description) = Description::read(place)? else {
        return Ok(false);
    };
    for group in description.processes.values().filter_map(|id| ProcessGroup::of(*id)) {
        if group.is_ministack() {
            group.end().await;
        }
    }
    forget(place);
    Ok(true)
}
