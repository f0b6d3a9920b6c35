//! What the kernel says of a process.

use std::fs;
use std::time::Duration;

use tests::world::Failure;

/// The CPU time of a process, in the kernel and outside it, of all threads that live.
pub(crate) fn cpu(id: u32) -> Result<Duration, Failure> {
    let mut sum = 0;
    for thread in fs::read_dir(format!("/proc/{id}/task"))? {
        let text = fs::read_to_string(thread?.path().join("schedstat"))?;
        let nanoseconds: u64 = text.split_whitespace().next().ok_or("no CPU time")?.parse()?;
        sum += nanoseconds;
    }
    Ok(Duration::from_nanos(sum))
}

/// The most memory that a process has had at once, in megabytes.
pub(crate) fn peak_memory(id: u32) -> Result<f64, Failure> {
    let status = fs::read_to_string(format!("/proc/{id}/status"))?;
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes: f64 = peak.ok_or("no peak")?.trim().trim_end_matches(" kB").parse()?;
    Ok(kilobytes / 1024.0)
}
