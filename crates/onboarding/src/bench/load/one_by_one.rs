//! What one message costs when it is alone: the next is sent when the one before is visible.

use std::time::{Duration, Instant};

use super::super::backlog::Load;
use super::super::company::Company;
use super::super::histogram::Latencies;
use super::super::postgres_counters::PostgresCounters;
use super::super::progress::Progress;
use super::super::report::Report;
use super::super::site::{Ground, Site};
use super::{BEFORE, DECIDING, saturate, start};

/// Events of an onboarding until its room is reserved.
const EVENTS: u64 = 6;

/// SQL transactions of messages one by one, beside those of a service with nothing to do.
pub(super) async fn measure(site: &Site, report: &mut Report, seconds: u64) -> anyhow::Result<()> {
    let company = Company::USUAL;
    let ground = site.fresh(&company).await?;
    let mut load = Load::of(&ground, company).await?;
    saturate(&ground, &mut load, BEFORE).await?;
    let before = load.sent;
    let Alone { transactions: busy, ran, latencies } =
        one_by_one(&ground, &mut load, seconds).await?;
    let many = (load.sent - before) as f64;
    let idle = idle(&ground, ran).await?;
    let rooms: i64 =
        sqlx::query_scalar("SELECT count(*) FROM rm_chat_rooms").fetch_one(&ground.pool).await?;
    anyhow::ensure!(rooms.unsigned_abs() == load.sent, "{rooms} rooms of {} messages", load.sent);
    report.add("one at a time: SQL transactions per onboarding", (busy - idle) / many);
    report.add("one at a time: the same with the idle service's", busy / many);
    report.add("idle service, its start and end: SQL transactions/s", idle / ran.as_secs_f64());
    report.add_latencies("one at a time, INBOX to visible", &latencies);
    Ok(())
}

/// What messages one by one took.
struct Alone {
    transactions: f64,
    /// How long the service ran.
    ran: Duration,
    /// From the publish to being visible.
    latencies: Latencies,
}

/// Nobody but the service asks Postgres meanwhile.
async fn one_by_one(ground: &Ground, load: &mut Load, seconds: u64) -> anyhow::Result<Alone> {
    let publisher = load.publisher();
    let mut end = ground.store.last_position().await?;
    let mut latencies = Latencies::new();
    let before = PostgresCounters::now(ground.config.database_url.expose()).await?;
    let progress = Progress::of_next_service()?;
    let begun = Instant::now();
    let service = start(ground, &DECIDING).await?;
    let mut until = None;
    while until.is_none_or(|until| Instant::now() < until) {
        let sent = Instant::now();
        publisher.publish(vec![load.next()?]).await?;
        end += EVENTS;
        let (visible, at) = progress.reach(end).await?;
        anyhow::ensure!(visible == end, "somebody else wrote: {visible} is visible, not {end}");
        // The first waits for INBOX to give the service its place: it costs, and is not timed.
        if until.is_some() {
            latencies.add(at - sent);
        }
        until.get_or_insert(at + Duration::from_secs(seconds));
    }
    service.stop().await;
    let ran = begun.elapsed();
    let transactions = PostgresCounters::now(ground.config.database_url.expose())
        .await?
        .transactions_since(&before);
    Ok(Alone { transactions, ran, latencies })
}

/// Transactions of a service that runs as long, with its start and its end.
async fn idle(ground: &Ground, long: Duration) -> anyhow::Result<f64> {
    let before = PostgresCounters::now(ground.config.database_url.expose()).await?;
    let service = start(ground, &DECIDING).await?;
    tokio::time::sleep(long).await;
    service.stop().await;
    Ok(PostgresCounters::now(ground.config.database_url.expose())
        .await?
        .transactions_since(&before))
}
