//! `onboarding rebuild <view>`.

use std::process::ExitCode;

use eventstore::EventStore;
use readmodel::View;
use sqlx::PgPool;

use super::{postgres, require_migrated};
use crate::config::Config;

/// Events read at once.
const BATCH: u32 = 1_000;

/// Builds a read model anew beside the one that readers see, then swaps them.
///
/// # Errors
/// There is no such view, or Postgres does not answer.
pub async fn run(config: &Config, view: &str) -> anyhow::Result<ExitCode> {
    let view: View = view.parse()?;
    let pool = postgres(config).await?;
    require_migrated(&pool).await?;
    let end = EventStore::new(pool.clone()).last_position().await?;
    let done = rebuilt(&pool, view, |position| {
        eprint!("\r{view}: {position} of {end} events");
    })
    .await?;
    eprintln!();
    println!("{view} is rebuilt from {done} events.");
    Ok(ExitCode::SUCCESS)
}

/// The same for callers within; gives the position that the view then stands at.
pub(crate) async fn rebuilt(
    pool: &PgPool,
    view: View,
    progress: impl FnMut(u64) + Send,
) -> Result<u64, readmodel::ReplayError> {
    let store = EventStore::new(pool.clone());
    let source = |after| {
        let store = store.clone();
        async move { store.events_after(after, BATCH).await }
    };
    readmodel::rebuild(pool, view, source, progress).await
}
