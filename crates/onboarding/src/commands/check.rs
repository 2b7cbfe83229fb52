//! `onboarding check`: an independent look at everything that is stored.

use std::process::ExitCode;
use std::time::Duration;

use eventstore::EventStore;
use messaging::evt::{EvtReader, EvtWriter};
use readmodel::View;
use serde::Serialize;
use sqlx::PgPool;
use tokio_util::task::AbortOnDropHandle;

use super::{nats, postgres, require_migrated};
use crate::config::Config;

/// Events read at once.
const BATCH: u32 = 1_000;

/// One thing that is wrong.
#[derive(Clone, Debug, Serialize)]
pub struct Finding {
    /// What kind of thing.
    pub kind: String,
    /// What exactly, without personal data.
    pub what: String,
}

/// Checks log, read models and EVT; exit status 0 only if nothing is wrong.
///
/// # Errors
/// Postgres or NATS does not answer.
pub async fn run(config: &Config, json: bool) -> anyhow::Result<ExitCode> {
    let pool = postgres(config).await?;
    require_migrated(&pool).await?;
    let client = nats(config, "check").await?;
    let findings = findings(&pool, &client, |line| eprintln!("{line}")).await?;
    if json {
        println!("{}", serde_json::to_string_pretty(&findings)?);
    } else {
        for finding in &findings {
            println!("{}: {}", finding.kind, finding.what);
        }
        match findings.len() {
            0 => println!("Nothing is wrong."),
            many => println!("{many} finding(s)."),
        }
    }
    Ok(if findings.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Everything that is wrong.
///
/// # Errors
/// Postgres or NATS does not answer.
pub async fn findings(
    pool: &PgPool,
    client: &messaging::Client,
    progress: impl Fn(&str),
) -> anyhow::Result<Vec<Finding>> {
    let store = EventStore::new(pool.clone());
    progress("the log, the read models and EVT, all at once");
    let log = {
        let store = store.clone();
        AbortOnDropHandle::new(tokio::spawn(async move { log(&store).await }))
    };
    let views = AbortOnDropHandle::new(tokio::spawn(views(pool.clone(), store.clone())));
    let evt = {
        let client = client.clone();
        AbortOnDropHandle::new(tokio::spawn(async move { evt(&store, &client).await }))
    };
    let (log, views, evt) = tokio::try_join!(log, views, evt)?;
    Ok(log?.into_iter().chain(views?).chain(evt?).collect())
}

/// The log is whole, and says nothing that can't be.
pub(super) async fn log(store: &EventStore) -> anyhow::Result<Vec<Finding>> {
    let of_log = |finding: eventstore::Finding| Finding {
        kind: kebab(&format!("{:?}", finding.kind)),
        what: finding.what,
    };
    Ok(store.check(|_| {}).await?.into_iter().map(of_log).collect())
}

/// Each read model is what the log says.
pub(super) async fn views(pool: PgPool, store: EventStore) -> anyhow::Result<Vec<Finding>> {
    let source = |after| {
        let store = store.clone();
        async move { store.events_after(after, BATCH).await }
    };
    let mut findings = vec![];
    for (view, verdict) in readmodel::verify(&pool, &View::ALL, source).await? {
        let mut wrong = |what| findings.push(Finding { kind: format!("view-{view}"), what });
        match verdict {
            Ok(differences) => differences
                .into_iter()
                .for_each(|d| wrong(format!("{} {}: {:?}", d.table, d.key, d.kind))),
            Err(of_the_log) => wrong(format!("cannot be told: {of_the_log}")),
        }
    }
    Ok(findings)
}

/// EVT holds the log's events at the same positions with the same bytes. It may
/// be behind, as the relay goes on while we look; it may not differ.
pub(super) async fn evt(
    store: &EventStore,
    client: &messaging::Client,
) -> anyhow::Result<Vec<Finding>> {
    let end = EvtWriter::new(client).last_position().await?;
    let wrong = |what: String| Finding { kind: "evt".into(), what };
    let mut findings = vec![];
    if end > store.last_position().await? {
        findings.push(wrong(format!("EVT goes on to {end}, beyond the end of the log")));
    }
    let mut reader = EvtReader::from(client, 1);
    let mut after = 0;
    while after < end {
        let limit = (end - after).min(BATCH.into()) as u32;
        let logged = store.events_after(after, limit).await?;
        let Some(last) = logged.last().map(|event| event.position) else { break };
        for event in logged {
            let position = event.position;
            let published = loop {
                let patience = Duration::from_secs(10);
                match tokio::time::timeout(patience, reader.next()).await {
                    Ok(Ok(published)) if published.position < position => findings
                        .push(wrong(format!("position {} is not in the log", published.position))),
                    Ok(Ok(published)) => break published,
                    Ok(Err(error)) => {
                        findings.push(wrong(format!("position {position}: {error}")));
                        return Ok(findings);
                    }
                    Err(_) => {
                        findings.push(wrong(format!("position {position} does not come")));
                        return Ok(findings);
                    }
                }
            };
            if published != event {
                findings.push(wrong(format!(
                    "position {position} differs: {} in the log, {} in EVT",
                    event.event_type, published.event_type
                )));
            }
        }
        after = last;
    }
    Ok(findings)
}

/// `DoubleBooked` as `double-booked`.
fn kebab(name: &str) -> String {
    let mut text = String::with_capacity(name.len() + 4);
    for c in name.chars() {
        if c.is_ascii_uppercase() && !text.is_empty() {
            text.push('-');
        }
        text.push(c.to_ascii_lowercase());
    }
    text
}
