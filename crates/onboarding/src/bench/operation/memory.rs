//! Resident memory of the program with all roles.

use std::time::{Duration, Instant};

use super::program::Program;
use crate::bench::Bench;
use crate::bench::grown::{self, Store};
use crate::bench::process;

const IDLE: Duration = Duration::from_secs(10);
/// The largest backlog, and how long its work is watched.
const BACKLOG: u64 = 1_000_000;
const WATCHED: Duration = Duration::from_secs(30);
/// A load at which it is saturated, in onboardings of a run.
const LOAD: u64 = 5;
const LOOK: Duration = Duration::from_millis(50);
const PATIENCE: Duration = Duration::from_secs(600);

pub(super) async fn run(bench: &mut Bench, cloud: &str, mut store: Store) -> anyhow::Result<()> {
    bench.report.section(
        "Resident memory",
        "VmRSS, and for the most of it VmHWM, of this program with all roles; WhatsApp is a fake that accepts every message. \
         Saturated: while it onboards what waits in INBOX and sends the invitations. With a \
         backlog: from its start on, for as long as it works on it, at most 30 s.",
    );
    let program = std::env::current_exe()?;
    let load = LOAD * bench.options.onboardings;
    // First: afterwards it has invitations to send.
    for run in 1..=bench.options.runs {
        bench.report.run(run);
        let service = Program::serve(&program, &store.ground, cloud).await?;
        tokio::time::sleep(IDLE).await;
        bench.report.add("idle after 10 s, MB", process::resident(service.pid)?.now);
        service.stop().await?;
    }
    for run in 1..=bench.options.runs {
        bench.report.run(run);
        let service = Program::serve(&program, &store.ground, cloud).await?;
        let due = store.rooms + load;
        store.load.fill(load).await?;
        let seen = watch(&service, &store, due, PATIENCE).await?;
        anyhow::ensure!(seen.rooms == due, "only {} of {due} rooms came", seen.rooms);
        bench.report.add(format!("saturated with {load} onboardings, MB at most"), seen.most);
        store.rooms = due;
        service.stop().await?;
    }
    let backlog = BACKLOG.min(bench.options.grown);
    grown::require_space(bench.site.folder(), backlog)?;
    store.load.fill(backlog).await?;
    for run in 1..=bench.options.runs {
        bench.report.run(run);
        let before = store.rooms;
        let service = Program::serve(&program, &store.ground, cloud).await?;
        let seen = watch(&service, &store, u64::MAX, WATCHED).await?;
        bench.report.add(format!("with a backlog of {backlog}, MB at most"), seen.most);
        bench.report.add("rooms meanwhile", (seen.rooms - before) as f64);
        service.stop().await?;
        store.rooms = store.ground.rooms().await?;
    }
    Ok(())
}

struct Seen {
    most: f64,
    rooms: u64,
}

/// The most memory, until there are so many rooms or the time is over.
async fn watch(
    service: &Program,
    store: &Store,
    rooms: u64,
    patience: Duration,
) -> anyhow::Result<Seen> {
    let begun = Instant::now();
    let mut counted = Instant::now();
    let mut seen = Seen { most: 0.0, rooms: 0 };
    while begun.elapsed() < patience && seen.rooms < rooms {
        seen.most = process::resident(service.pid)?.most;
        tokio::time::sleep(LOOK).await;
        if counted.elapsed() > Duration::from_secs(1) {
            seen.rooms = store.ground.rooms().await?;
            counted = Instant::now();
        }
    }
    Ok(seen)
}
