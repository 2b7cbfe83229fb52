//! What time brings: rooms past their deadline, and new versions of the directory.
//! Both lie in Postgres, so a restart forgets none.

use std::collections::HashMap;
use std::time::Duration;

use domain::ids::CompanyId;
use domain::input::{Input, LaneInput};
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use crate::{Engine, Submission};

/// How often Postgres is asked.
const EVERY: Duration = Duration::from_millis(500);
/// Most rooms taken at once.
const MOST: u32 = 200;

/// Runs until `cancel`.
pub(crate) async fn run(
    engine: Engine,
    submit: mpsc::Sender<Submission>,
    cancel: CancellationToken,
) {
    let mut taken = HashMap::new();
    let mut ticks = tokio::time::interval(EVERY);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    while cancel.run_until_cancelled(ticks.tick()).await.is_some() {
        for round in [
            new_directory_versions(&engine, &submit, &mut taken).await,
            due_rooms(&engine, &submit).await,
        ] {
            if let Err(problem) = round {
                tracing::warn!(problem, "timers could not be read; trying again");
            }
        }
    }
}

async fn new_directory_versions(
    engine: &Engine,
    submit: &mpsc::Sender<Submission>,
    taken: &mut HashMap<CompanyId, u64>,
) -> Result<(), String> {
    let latest = engine.directory.latest_versions().await.map_err(|e| e.to_string())?;
    for (company, version) in latest {
        if taken.get(&company).is_none_or(|known| *known < version) {
            let done = submit_one(submit, company.clone(), Input::DirectoryVersion(version)).await;
            if done {
                taken.insert(company, version);
            }
        }
    }
    Ok(())
}

async fn due_rooms(engine: &Engine, submit: &mpsc::Sender<Submission>) -> Result<(), String> {
    let now = engine.clock.now();
    let due = engine.store.due_rooms(now, MOST).await.map_err(|e| e.to_string())?;
    for (company, deadline) in due {
        submit_one(submit, company, Input::RoomDeadline(deadline)).await;
    }
    Ok(())
}

/// Submits and waits, so that the next look at Postgres sees what came of it.
async fn submit_one(submit: &mpsc::Sender<Submission>, company: CompanyId, input: Input) -> bool {
    let (settle, settled) = oneshot::channel();
    let input = LaneInput { company, input };
    let sent = submit.send(Submission { input, traceparent: None, settle }).await;
    sent.is_ok() && matches!(settled.await, Ok(crate::Settlement::Done { .. }))
}
