//! A store that grows as one does in years: by onboardings that the service decides.

use std::time::{Duration, Instant};

use anyhow::Context;
use sqlx::PgPool;

use super::backlog::Load;
use super::company::Company;
use super::process;
use super::site::{Ground, Site};
use crate::cli::Role;
use crate::service::Service;

/// Events of a new client's onboarding until its room is visible as reserved.
pub(super) const EVENTS: u64 = 6;
/// The same of a client whose profile is there already.
pub(super) const EVENTS_OF_KNOWN: u64 = 5;
/// What an onboarding takes on disk: tables and indexes, EVT, INBOX until it is purged.
const BYTES: u64 = 14_000;
/// What servers take beside that: WAL above all.
const SERVERS: u64 = 10_000_000_000;
/// Messages put into INBOX at once while a store grows, and how many may wait there.
const PORTION: u64 = 20_000;
const WAITING: u64 = 60_000;
/// How long the views may stand still.
const PATIENCE: Duration = Duration::from_secs(120);

/// A store with its servers, and what clients write to it.
pub(super) struct Store {
    pub(super) ground: Ground,
    pub(super) load: Load,
    /// How many rooms it has.
    pub(super) rooms: u64,
    /// Where its log ends.
    end: u64,
}

/// What onboardings cost while they were drained.
pub(super) struct Take {
    /// Onboardings a second, from INBOX to the read model.
    pub(super) rate: f64,
    /// What one of them cost.
    pub(super) costs: Vec<(&'static str, f64)>,
}

/// Says plainly what is missing if a store of so many rooms has no space in `folder`.
pub(super) fn require_space(folder: &std::path::Path, rooms: u64) -> anyhow::Result<()> {
    let needed = rooms * BYTES + SERVERS;
    std::fs::create_dir_all(folder)?;
    let free = nix::sys::statvfs::statvfs(folder).context("asking for the free space")?;
    let free = free.blocks_available() as u64 * free.fragment_size() as u64;
    anyhow::ensure!(
        free >= needed,
        "a store of {rooms} rooms needs about {} GB in {}, and {} GB are free: free some, or take \
         fewer with --grown",
        needed / 1_000_000_000,
        folder.display(),
        free / 1_000_000_000
    );
    Ok(())
}

impl Store {
    /// With its pool and a single room.
    pub(super) async fn new(site: &Site, company: Company) -> anyhow::Result<Self> {
        let ground = site.fresh(&company).await?;
        let load = Load::of(&ground, company).await?;
        let mut store = Self { ground, load, rooms: 1, end: 0 };
        store.load.fill(1).await?;
        let service = store.start().await?;
        let begun = Instant::now();
        while store.ground.rooms().await? < 1 {
            anyhow::ensure!(begun.elapsed() < PATIENCE, "the first room does not come");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        service.stop().await;
        store.end = store.ground.store.last_position().await?;
        Ok(store)
    }

    /// Onboards until there are so many rooms.
    pub(super) async fn grow(&mut self, rooms: u64) -> anyhow::Result<()> {
        if self.rooms >= rooms {
            return Ok(());
        }
        let service = self.start().await?;
        let often = Duration::from_millis(50);
        let (mut sent, mut told) = (0, Instant::now());
        let (many, end) = (rooms - self.rooms, self.end);
        while sent < many {
            let portion = PORTION.min(many - sent);
            self.load.fill(portion).await?;
            sent += portion;
            visible(&self.ground.pool, end + EVENTS * sent.saturating_sub(WAITING), often).await?;
            if told.elapsed() > Duration::from_secs(30) {
                eprintln!("  {} of {rooms} rooms", self.rooms + sent);
                told = Instant::now();
            }
        }
        visible(&self.ground.pool, end + EVENTS * many, often).await?;
        service.stop().await;
        self.has_grown(many, EVENTS).await
    }

    /// Drains so many onboardings of new clients, and tells what they cost.
    pub(super) async fn take(&mut self, site: &Site, many: u64) -> anyhow::Result<Take> {
        self.load.fill(many).await?;
        self.drain(site, many, EVENTS).await
    }

    /// Drains what was put into INBOX: so many onboardings with so many events each.
    pub(super) async fn drain(
        &mut self,
        site: &Site,
        many: u64,
        events: u64,
    ) -> anyhow::Result<Take> {
        let pool = self.ground.pool.clone();
        let service = self.start().await?;
        // The clock starts with the first rooms: starting the service is another figure.
        let often = Duration::from_millis(10);
        let (first, begun) = visible(&pool, self.end + 1, often).await?;
        let before = Costs::now(&self.ground, site).await?;
        let (last, ended) = visible(&pool, self.end + events * many, often).await?;
        let costs = Costs::now(&self.ground, site).await?;
        service.stop().await;
        self.has_grown(many, events).await?;
        let measured = (last - first) as f64 / events as f64;
        let rate = measured / (ended - begun).as_secs_f64();
        Ok(Take { rate, costs: costs.since(&before, measured) })
    }

    /// Every room that should be there is visible, and the log has nothing else.
    async fn has_grown(&mut self, rooms: u64, events: u64) -> anyhow::Result<()> {
        self.rooms += rooms;
        self.end += events * rooms;
        let (seen, due) = (self.ground.rooms().await?, self.rooms);
        anyhow::ensure!(seen == due, "{seen} rooms are visible, and not {due}");
        let (end, due) = (self.ground.store.last_position().await?, self.end);
        anyhow::ensure!(end == due, "the log ends at {end}, and not at {due}");
        Ok(())
    }

    async fn start(&self) -> anyhow::Result<Service> {
        let roles = [Role::Engine, Role::Relay, Role::Projector];
        Service::start(&self.ground.config, &roles, self.ground.clock.clone()).await
    }
}

/// Waits until the view of rooms has applied the log up to a position; where it is then, and when
/// that was seen.
pub(super) async fn visible(
    pool: &PgPool,
    position: u64,
    often: Duration,
) -> anyhow::Result<(u64, Instant)> {
    let (mut last, mut moved) = (0, Instant::now());
    loop {
        let query = "SELECT position FROM rm_checkpoints WHERE view = 'chat-rooms'";
        let at: Option<i64> = sqlx::query_scalar(query).fetch_optional(pool).await?;
        let at = at.map_or(0, i64::unsigned_abs);
        if at >= position {
            return Ok((at, Instant::now()));
        }
        if at > last {
            (last, moved) = (at, Instant::now());
        }
        anyhow::ensure!(moved.elapsed() < PATIENCE, "the view came to {at} of {position} only");
        tokio::time::sleep(often).await;
    }
}

/// The kernel counts CPU time in steps of 10 ms: from here on it is right to 5 %.
const TELLING: Duration = Duration::from_millis(200);

/// What everybody has used so far.
struct Costs {
    wal_bytes: i64,
    cpu: [(&'static str, Duration); 3],
}

impl Costs {
    async fn now(ground: &Ground, site: &Site) -> anyhow::Result<Self> {
        let wal_bytes = sqlx::query_scalar("SELECT (pg_current_wal_insert_lsn() - '0/0')::bigint")
            .fetch_one(&ground.pool)
            .await?;
        Ok(Self { wal_bytes, cpu: process::cpu_of_all(site, ground)? })
    }

    /// The measurement's own looks, a hundred a second, are in it. CPU times that are too short for
    /// the kernel's clock are left out.
    fn since(&self, before: &Self, many: f64) -> Vec<(&'static str, f64)> {
        let used = self.cpu.into_iter().zip(before.cpu);
        let used = used.map(|((name, now), (_, then))| (name, now.saturating_sub(then)));
        let told = used.filter(|(_, used)| *used >= TELLING);
        let each = told.map(|(name, used)| (name, used.as_secs_f64() * 1e6 / many));
        let wal = ("WAL bytes", (self.wal_bytes - before.wal_bytes) as f64 / many);
        each.chain([wal]).collect()
    }
}
