//! How fast a backlog in INBOX becomes rooms that readers see: full rules, nothing switched off.

use domain::record::RecordedEvent;

use super::backlog::Load;
use super::company::Company;
use super::postgres_counters::PostgresCounters;
use super::process;
use super::progress::Progress;
use super::site::{Ground, Site};
use crate::cli::Role;
use crate::service::Service;

/// Onboardings before the measurement: files have their size, plans are made, caches are warm.
const WARM: u64 = 10_000;
/// Events of an onboarding until its room is visible as reserved.
const EVENTS: u64 = 6;

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
    let progress = Progress::of_next_service()?;
    let service = start(&ground).await?;
    progress.reach(EVENTS * WARM).await?;
    service.stop().await;
    sqlx::query("CHECKPOINT").execute(&ground.pool).await?;

    load.fill(many).await?;
    let warm = ground.store.last_position().await?;
    let before = PostgresCounters::now(ground.config.database_url.expose()).await?;
    let progress = Progress::of_next_service()?;
    let service = start(&ground).await?;
    // The clock starts with the first rooms: starting the service is another figure. From here to
    // the end nothing but the service asks Postgres.
    let (first, begun) = progress.reach(warm + 1).await?;
    let cpu_before = process::cpu_of_all(site, &ground)?;
    let (last, ended) = progress.reach(warm + EVENTS * many).await?;
    let cpu_after = process::cpu_of_all(site, &ground)?;
    service.stop().await;
    // Only now: a backend tells all that it did when it ends.
    let mut costs =
        PostgresCounters::now(ground.config.database_url.expose()).await?.since(&before, many);

    let seen = ground.rooms().await?;
    anyhow::ensure!(seen == WARM + many, "{seen} rooms are visible, and not {}", WARM + many);
    let timed = (last - first) as f64 / EVENTS as f64;
    let rate = timed / (ended - begun).as_secs_f64();
    for ((name, before), (_, after)) in cpu_before.into_iter().zip(cpu_after) {
        costs.push((name, (after - before).as_secs_f64() * 1e6 / timed));
    }
    let rows = rows(&ground, warm).await?;
    Ok(Drained { rate, costs, rows })
}

async fn start(ground: &Ground) -> anyhow::Result<Service> {
    let roles = [Role::Engine, Role::Relay, Role::Projector];
    Service::start(&ground.config, &roles, ground.clock.clone()).await
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
