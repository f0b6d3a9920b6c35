//! Chaos: function processes are killed while they work, as a failing machine would do it. A seed repeats which and when.

use std::path::Path;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use simulators::faults::draw;
use tokio::time::Instant;

use crate::ministack::ProcessGroup;

/// The name under which a function's binary runs.
const FUNCTION: &str = "bootstrap";

/// For how long functions are killed; afterwards the work must come to its end.
const STORM: Duration = Duration::from_secs(25);

/// The longest calm between two kills: several fall into the few seconds in which most orders ship.
const CALM: Duration = Duration::from_millis(600);

/// Kills functions of one deployment.
#[derive(Debug)]
pub struct Chaos {
    group: ProcessGroup,
    seed: u64,
    drawn: u32,
    began: Instant,
    next: Instant,
    /// How many were killed.
    pub killed: u32,
}

impl Chaos {
    /// A storm over the functions of this group, which begins now.
    #[must_use]
    pub fn over(group: ProcessGroup, seed: u64) -> Self {
        let now = Instant::now();
        Self {
            group,
            seed,
            drawn: 0,
            began: now,
            next: now,
            killed: 0,
        }
    }

    /// Whether the storm goes on.
    #[must_use]
    pub fn rages(&self) -> bool {
        self.began.elapsed() < STORM
    }

    /// Kills one function, if it is time for one. Which of them runs is the machine's business, so two runs of a seed differ.
    pub fn strike(&mut self) {
        let now = Instant::now();
        if !self.rages() || now < self.next {
            return;
        }
        self.next = now + CALM.mul_f64(self.draw());
        let functions = functions(self.group);
        let chosen = (self.draw() * functions.len() as f64) as usize;
        if let Some(function) = functions.get(chosen) {
            self.killed += u32::from(kill_process(*function, Signal::KILL).is_ok());
        }
    }

    fn draw(&mut self) -> f64 {
        self.drawn += 1;
        draw(self.seed, self.drawn)
    }
}

/// The functions that run in a group, in the order of their ids.
fn functions(group: ProcessGroup) -> Vec<Pid> {
    let mut ids: Vec<i32> = std::fs::read_dir("/proc")
        .into_iter()
        .flatten()
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<i32>().ok())
        .filter(|id| belongs(&Path::new("/proc").join(id.to_string()), group))
        .collect();
    ids.sort_unstable();
    ids.into_iter().filter_map(Pid::from_raw).collect()
}

/// Follows proc(5): `pid (name) state parent group ...`.
fn belongs(process: &Path, group: ProcessGroup) -> bool {
    let Ok(stat) = std::fs::read_to_string(process.join("stat")) else {
        return false;
    };
    let Some((name, rest)) = stat.split_once('(').and_then(|(_, rest)| rest.rsplit_once(')')) else {
        return false;
    };
    let of = rest
        .split_whitespace()
        .nth(2)
        .and_then(|group| group.parse::<i32>().ok());
    name == FUNCTION && of == Some(group.id())
}
