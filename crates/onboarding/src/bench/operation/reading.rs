//! The commands that read the whole log, or one onboarding of it.

use std::collections::BTreeSet;
use std::time::Instant;

use anyhow::Context;
use rand::Rng;
use readmodel::View;
use uuid::Uuid;

use super::program::command;
use crate::bench::Bench;
use crate::bench::grown::Store;
use crate::bench::histogram::Latencies;
use crate::commands::{check, rebuild, replay};

/// Onboardings that are replayed.
const REPLAYED: usize = 50;

pub(super) async fn run(bench: &mut Bench, store: &Store) -> anyhow::Result<()> {
    let end = store.ground.store.last_position().await?;
    bench.report.section(
        "Rebuild, check, replay",
        &format!(
            "Over a store of {} rooms, {end} events. A view is emptied and then rebuilt; `check` \
             after that has to find nothing. {REPLAYED} onboardings taken at random are replayed, \
             by the library and by the whole command.",
            store.rooms
        ),
    );
    for run in 1..=bench.options.runs {
        bench.report.run(run);
        for view in View::ALL {
            let rate = rebuilt(store, view, end).await?;
            bench.report.add(format!("rebuild of {view}, events/s"), rate);
        }
        let client = crate::nats_client(&store.ground.config).await?;
        let begun = Instant::now();
        let findings = check::findings(&store.ground.pool, &client, |_| {}).await?;
        let took = begun.elapsed().as_secs_f64();
        anyhow::ensure!(findings.is_empty(), "check finds {:?}", findings.first());
        bench.report.add("check, events/s", end as f64 / took);
    }
    for run in 1..=bench.options.runs {
        bench.report.run(run);
        replayed(bench, store, end).await?;
    }
    Ok(())
}

/// The tables of a view.
const fn tables(view: View) -> &'static [&'static str] {
    match view {
        View::ChatRooms => &["rm_chat_rooms"],
        View::Reminders => &["rm_reminders", "rm_reminder_rooms"],
        View::OnboardingRequests => &["rm_onboarding_requests"],
        View::OutboundMessages => &["rm_outbound_messages"],
    }
}

async fn rebuilt(store: &Store, view: View, end: u64) -> anyhow::Result<f64> {
    let before = rows(store, view).await?;
    let names = tables(view).join(", ");
    sqlx::query(&format!("TRUNCATE {names}")).execute(&store.ground.pool).await?;
    let begun = Instant::now();
    let done = rebuild::rebuilt(&store.ground.pool, view, |_| {}).await?;
    let took = begun.elapsed().as_secs_f64();
    anyhow::ensure!(done == end, "{view} was rebuilt from {done} of {end} events");
    let after = rows(store, view).await?;
    anyhow::ensure!(before == after, "{view} had {before:?} rows, and has {after:?}");
    Ok(end as f64 / took)
}

async fn rows(store: &Store, view: View) -> anyhow::Result<Vec<i64>> {
    let mut rows = vec![];
    for table in tables(view) {
        let count = format!("SELECT count(*) FROM {table}");
        rows.push(sqlx::query_scalar(&count).fetch_one(&store.ground.pool).await?);
    }
    Ok(rows)
}

async fn replayed(bench: &mut Bench, store: &Store, end: u64) -> anyhow::Result<()> {
    let mut requests = BTreeSet::new();
    while requests.len() < REPLAYED {
        let position = rand::rng().random_range(1..=end).cast_signed();
        let of: Option<Uuid> = sqlx::query_scalar(
            "SELECT correlation_id FROM events \
             WHERE position = $1 AND aggregate_type = 'onboarding-request'",
        )
        .bind(position)
        .fetch_optional(&store.ground.pool)
        .await?;
        requests.extend(of);
    }
    let program = std::env::current_exe()?;
    let (mut by_library, mut by_command) = (Latencies::new(), Latencies::new());
    for request in requests {
        let begun = Instant::now();
        let again =
            replay::again(&store.ground.pool, &store.ground.store, &request.to_string()).await?;
        by_library.add(begun.elapsed());
        anyhow::ensure!(!again.is_empty(), "{request} has no decision");
        anyhow::ensure!(again.iter().all(|one| one.same), "{request} was decided otherwise");

        let mut command = command(&program, &store.ground);
        command.arg("replay").arg(request.to_string());
        let begun = Instant::now();
        let status = command.status().await.context("running replay")?;
        by_command.add(begun.elapsed());
        anyhow::ensure!(status.success(), "replay {request} ended with {status}");
    }
    bench.report.add_latencies("replay of one onboarding by the library", &by_library);
    bench.report.add_latencies("the command `replay`", &by_command);
    Ok(())
}
