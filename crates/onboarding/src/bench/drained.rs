//! How fast a backlog in INBOX becomes rooms that readers see: full rules, nothing switched off.

use std::time::{Duration, Instant};

use domain::record::RecordedEvent;
use sqlx::PgPool;

use super::backlog::Load;
use super::company::Company;
use super::site::{Ground, Site};
use crate::cli::Role;
use crate::service::Service;

/// Onboardings before the measurement: files have their size, plans are made, caches are warm.
const WARM: u64 = 10_000;
/// Events of an onboarding until its room is visible as reserved.
const EVENTS: u64 = 6;
/// How long a run may take.
const PATIENCE: Duration = Duration::from_secs(300);

/// What one run gave.
pub(super) struct Drained {
    /// Onboardings a second, from INBOX to the read model.
    pub(super) rate: f64,
    /// What one of them cost.
    pub(super) costs: Vec<(&'static str, f64)>,
    /// The events of the measured onboardings, for the ceilings.
    pub(super) rows: Vec<RecordedEvent>,
}

/// Drains a backlog of so many onboardings.
pub(super) async fn run(site: &Site, company: Company, many: u64) -> anyhow::Result<Drained> {
    let ground = site.fresh(&company).await?;
    let mut load = Load::of(&ground, company).await?;
    load.fill(WARM).await?;
    let service = start(&ground).await?;
    while rooms(&ground.pool).await? < WARM {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    service.stop().await;
    sqlx::query("CHECKPOINT").execute(&ground.pool).await?;

    load.fill(many).await?;
    let before = Costs::now(&ground.pool).await?;
    let warm = ground.store.last_position().await?;
    let service = start(&ground).await?;
    // The clock starts with the first rooms: starting the service is another figure.
    let (first, begun) = visible(&ground.pool, warm + 1).await?;
    let (last, ended) = visible(&ground.pool, warm + EVENTS * many).await?;
    service.stop().await;

    let seen = rooms(&ground.pool).await?;
    anyhow::ensure!(seen == WARM + many, "{seen} rooms are visible, and not {}", WARM + many);
    let rate = (last - first) as f64 / EVENTS as f64 / (ended - begun).as_secs_f64();
    // Only now: a backend tells all that it did when it ends.
    let costs = Costs::now(&ground.pool).await?.since(&before, many);
    let rows = rows(&ground, warm).await?;
    Ok(Drained { rate, costs, rows })
}

async fn start(ground: &Ground) -> anyhow::Result<Service> {
    let roles = [Role::Engine, Role::Relay, Role::Projector];
    Service::start(&ground.config, &roles, ground.clock.clone()).await
}

/// Waits until the view of rooms has applied the log up to a position; where it is then, and when
/// that was seen.
async fn visible(pool: &PgPool, position: u64) -> anyhow::Result<(u64, Instant)> {
    let begun = Instant::now();
    loop {
        let query = "SELECT position FROM rm_checkpoints WHERE view = 'chat-rooms'";
        let at: i64 = sqlx::query_scalar(query).fetch_one(pool).await?;
        if at.unsigned_abs() >= position {
            return Ok((at.unsigned_abs(), Instant::now()));
        }
        anyhow::ensure!(begun.elapsed() < PATIENCE, "the view came to {at} of {position} only");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

async fn rooms(pool: &PgPool) -> anyhow::Result<u64> {
    let rooms: i64 =
        sqlx::query_scalar("SELECT count(*) FROM rm_chat_rooms").fetch_one(pool).await?;
    Ok(rooms.unsigned_abs())
}

/// The events after a position.
async fn rows(ground: &Ground, mut after: u64) -> anyhow::Result<Vec<RecordedEvent>> {
    let mut rows = vec![];
    loop {
        let some = ground.store.events_after(after, 5_000).await?;
        let Some(end) = some.last().map(|event| event.position) else { return Ok(rows) };
        after = end;
        rows.extend(some);
    }
}

/// Postgres' own counters.
struct Costs {
    transactions: i64,
    wal_bytes: i64,
    wal_syncs: i64,
    rows: i64,
}

impl Costs {
    async fn now(pool: &PgPool) -> anyhow::Result<Self> {
        // For those that have just ended.
        tokio::time::sleep(Duration::from_millis(500)).await;
        let (transactions, rows): (i64, i64) = sqlx::query_as(
            "SELECT xact_commit, tup_inserted + tup_updated FROM pg_stat_database \
             WHERE datname = current_database()",
        )
        .fetch_one(pool)
        .await?;
        let (wal_bytes, wal_syncs): (i64, i64) =
            sqlx::query_as("SELECT wal_bytes::bigint, wal_sync FROM pg_stat_wal")
                .fetch_one(pool)
                .await?;
        Ok(Self { transactions, wal_bytes, wal_syncs, rows })
    }

    /// The looks of this measurement itself, a hundred a second, are in it.
    fn since(&self, before: &Self, many: u64) -> Vec<(&'static str, f64)> {
        let each = |now: i64, then: i64| (now - then) as f64 / many as f64;
        vec![
            ("SQL transactions per onboarding", each(self.transactions, before.transactions)),
            ("rows written per onboarding", each(self.rows, before.rows)),
            ("WAL bytes per onboarding", each(self.wal_bytes, before.wal_bytes)),
            ("WAL fsyncs per onboarding", each(self.wal_syncs, before.wal_syncs)),
        ]
    }
}
