//! What processes have used, as the kernel counts it. Linux only: elsewhere there are no figures.

use std::time::Duration;

use anyhow::Context;
use devservers::Server;

use super::site::{Ground, Site};

/// The kernel's unit of CPU time as programs see it, 10 ms, on every Linux.
const TICK: Duration = Duration::from_millis(10);

/// The CPU time of this process.
pub(super) fn own_cpu() -> anyhow::Result<Duration> {
    Ok(Stat::of(std::process::id())?.own)
}

/// The CPU time of a process and of all its children, also of those that have ended.
pub(super) fn cpu_with_children(pid: u32) -> anyhow::Result<Duration> {
    let parent = Stat::of(pid)?;
    let mut sum = parent.own + parent.ended_children;
    for entry in std::fs::read_dir("/proc")? {
        let name = entry?.file_name();
        let Some(child) = name.to_str().and_then(|name| name.parse().ok()) else { continue };
        // One that has ended meanwhile is among the parent's ended children at the next look.
        if let Ok(stat) = Stat::of(child)
            && stat.parent == pid
        {
            sum += stat.own;
        }
    }
    Ok(sum)
}

/// The CPU time that the service, Postgres and nats-server have used, each with its name. The load
/// and the looks of the measurement are in the service's.
pub(super) fn cpu_of_all(
    site: &Site,
    ground: &Ground,
) -> anyhow::Result<[(&'static str, Duration); 3]> {
    let pid = |server: &Server| server.pid().context("a server without a process");
    Ok([
        ("Postgres' CPU time, µs", cpu_with_children(pid(&site.postgres)?)?),
        ("the service's CPU time, µs", own_cpu()?),
        ("nats-server's CPU time, µs", cpu_with_children(pid(&ground.nats)?)?),
    ])
}

/// The resident memory of a process in MB (10⁶ bytes).
#[derive(Clone, Copy, Debug)]
pub(super) struct Resident {
    pub(super) now: f64,
    /// The most that it ever was.
    pub(super) most: f64,
}

/// What a process has in memory.
pub(super) fn resident(pid: u32) -> anyhow::Result<Resident> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))
        .with_context(|| format!("process {pid} can't be looked at"))?;
    let megabytes = |key: &str| -> Option<f64> {
        let line = status.lines().find_map(|line| line.strip_prefix(key))?;
        Some(line.trim().strip_suffix("kB")?.trim().parse::<f64>().ok()? * 1_024.0 / 1e6)
    };
    megabytes("VmRSS:")
        .zip(megabytes("VmHWM:"))
        .map(|(now, most)| Resident { now, most })
        .with_context(|| format!("the kernel does not tell the memory of process {pid}"))
}

/// What a process has read from disk, and not found in the page cache, in MB (10⁶ bytes).
pub(super) fn read_from_disk(pid: u32) -> anyhow::Result<f64> {
    let told = std::fs::read_to_string(format!("/proc/{pid}/io"))
        .with_context(|| format!("process {pid} can't be looked at"))?;
    let bytes = told.lines().find_map(|line| line.strip_prefix("read_bytes:"));
    let bytes: f64 = bytes.context("the kernel does not tell it")?.trim().parse()?;
    Ok(bytes / 1e6)
}

struct Stat {
    parent: u32,
    own: Duration,
    ended_children: Duration,
}

impl Stat {
    fn of(pid: u32) -> anyhow::Result<Self> {
        let told = std::fs::read_to_string(format!("/proc/{pid}/stat"))
            .with_context(|| format!("process {pid} can't be looked at"))?;
        Self::parse(&told).with_context(|| format!("the kernel tells {told:?} of process {pid}"))
    }

    /// See proc_pid_stat(5): the name in parentheses may hold anything, also parentheses.
    fn parse(told: &str) -> Option<Self> {
        let fields: Vec<&str> = told.rsplit_once(')')?.1.split_whitespace().collect();
        let ticks = |n: usize| Some(TICK * fields.get(n)?.parse().ok()?);
        Some(Self {
            parent: fields.get(1)?.parse().ok()?,
            own: ticks(11)? + ticks(12)?,
            ended_children: ticks(13)? + ticks(14)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_may_hold_parentheses() {
        let told = "7 (a) (b) S 3 0 0 0 0 0 0 0 0 0 11 12 13 14 20 0";
        let stat = Stat::parse(told).unwrap();
        assert_eq!(stat.parent, 3);
        assert_eq!(stat.own, Duration::from_millis(230));
        assert_eq!(stat.ended_children, Duration::from_millis(270));
    }
}
