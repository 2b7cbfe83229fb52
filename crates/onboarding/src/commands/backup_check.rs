//! `onboarding backup-check`: whether a backup of Postgres is good, told by a copy that was restored
//! from it.
//!
//! The log and the read models are checked as `check` does it. If the log is whole, the relay makes EVT
//! anew from it on a NATS server that nobody uses, as after a loss, and every event is compared with
//! the log, byte for byte. Nothing in the database is changed; EVT is removed again.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use clap::Args;
use domain::input::Timestamp;
use eventstore::EventStore;
use messaging::evt::EvtWriter;
use messaging::{Client, Streams};
use serde::Serialize;
use sqlx::{Connection, PgPool};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::check::{self, Finding};
use super::{doctor, nats, postgres, require_migrated};
use crate::config::{Config, Secret};
use crate::workers::relay::{self, Relay};

/// How often it is looked how far EVT is, and after what time without an event it is given up.
const LOOK_EVERY: Duration = Duration::from_millis(100);
const STANDSTILL: Duration = Duration::from_secs(30);

/// What `onboarding backup-check` works with. Nothing of the service's own configuration: so nobody
/// takes the database in use for the copy.
#[derive(Debug, Args)]
pub struct BackupCheckOptions {
    /// The database that was restored from the backup; never the one in use.
    #[arg(long, env = "RESTORED_DATABASE_URL", hide_env_values = true, value_name = "URL")]
    pub database: Secret,
    /// A NATS server with JetStream that nobody uses: EVT is made there, and removed again.
    #[arg(long, env = "EMPTY_NATS_URL", hide_env_values = true, value_name = "URL")]
    pub nats: Secret,
    /// For machines.
    #[arg(long)]
    pub json: bool,
}

/// What was found.
#[derive(Debug, Serialize)]
struct Report {
    good: bool,
    /// Position of the last event: what came after it is not in the backup.
    events: u64,
    /// When that was recorded.
    last_recorded_at: Option<Timestamp>,
    steps: Vec<Step>,
    findings: Vec<Finding>,
}

/// One thing that was tried.
#[derive(Debug, Serialize)]
struct Step {
    name: &'static str,
    good: bool,
    detail: String,
}

/// Exit status 0 only if the backup is good.
///
/// # Errors
/// Postgres or NATS does not answer, is in use, or the tables are not those of this program.
pub async fn run(options: BackupCheckOptions) -> anyhow::Result<ExitCode> {
    let BackupCheckOptions { database, nats: url, json } = options;
    not_shown(&database, "RESTORED_DATABASE_URL", |user| user.contains(':'))?;
    // Without a password, what stands before the host is a token.
    not_shown(&url, "EMPTY_NATS_URL", |_| true)?;
    let config = Config { database_url: database, nats_url: url, ..Config::default() };
    let pool = postgres(&config).await?;
    require_migrated(&pool).await?;
    let client = nats(&config, "backup-check").await?;
    let streams = Streams::new(&client, doctor::settings(&config));
    require_nobody(&pool, &streams).await?;
    let report = report(&pool, &client, &streams).await;
    streams.delete_evt().await.context("removing the EVT that was made")?;
    let report = report?;
    if json {
        println!("{}", serde_json::to_string_pretty(&report)?);
    } else {
        print(&report);
    }
    Ok(if report.good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Whoever lists processes sees what is on their command lines.
fn not_shown(url: &Secret, variable: &str, is_secret: impl Fn(&str) -> bool) -> anyhow::Result<()> {
    let user = |url: &str| Some(url.split_once("://")?.1.rsplit_once('@')?.0.to_owned());
    let has_secret = user(url.expose()).is_some_and(|user| is_secret(&user))
        || url.expose().contains("password=");
    let is_shown = || std::env::args().any(|argument| argument.contains(url.expose()));
    anyhow::ensure!(
        !(has_secret && is_shown()),
        "a password on a command line is shown to whoever lists processes: give this URL in the \
         environment, as {variable}"
    );
    Ok(())
}

fn print(report: &Report) {
    for Step { name, good, detail } in &report.steps {
        println!("{} {name:<16} {detail}", if *good { "ok " } else { "BAD" });
    }
    for finding in &report.findings {
        println!("{}: {}", finding.kind, finding.what);
    }
    println!("The backup is {}.", if report.good { "good" } else { "not good" });
}

/// Refuses a database that a service publishes from, and a NATS that holds streams of ours.
async fn require_nobody(pool: &PgPool, streams: &Streams) -> anyhow::Result<()> {
    let lock = relay::lock(pool).await.context("looking whether the database is in use")?;
    let lock = lock.context(
        "a running service publishes from this database: name a copy that was restored from the \
         backup",
    )?;
    lock.close().await.context("letting the database go")?;
    let held: Vec<_> = streams.usage().await?.into_iter().map(|usage| usage.stream).collect();
    anyhow::ensure!(
        held.is_empty(),
        "the NATS server is in use, it has {}: name one that nobody uses, e.g. a new \
         `nats-server -js`",
        held.join(", ")
    );
    Ok(())
}

async fn report(pool: &PgPool, client: &Client, streams: &Streams) -> anyhow::Result<Report> {
    let store = EventStore::new(pool.clone());
    let end = store.last_position().await?;
    let last = store.events_after(end.saturating_sub(1), 1).await?;
    let last_recorded_at = last.last().map(|event| event.recorded_at);
    let mut steps = vec![];

    eprintln!("the log");
    let mut findings = check::log(&store).await?;
    let until = last_recorded_at.map_or_else(|| "-".to_owned(), |at| at.to_rfc3339());
    let log_is_good = findings.is_empty() && end > 0;
    let detail = match (end, findings.len()) {
        (0, 0) => "it is empty: nothing was restored".to_owned(),
        (_, 0) => format!("{end} events, the last one recorded at {until}"),
        (_, wrong) => format!("{wrong} finding(s) in {end} events, the last recorded at {until}"),
    };
    steps.push(Step { name: "log", good: log_is_good, detail });

    eprintln!("the read models");
    let of_views = check::views(pool.clone(), store.clone()).await?;
    let detail = match of_views.len() {
        0 => "they are what the log says".to_owned(),
        wrong => format!("{wrong} finding(s)"),
    };
    steps.push(Step { name: "read models", good: of_views.is_empty(), detail });
    findings.extend(of_views);

    if log_is_good {
        eprintln!("EVT");
        let rebuilt = rebuild(pool, client, streams, end).await;
        let of_evt = match &rebuilt {
            Ok(()) => check::evt(&store, client).await?,
            Err(_) => vec![],
        };
        let (good, detail) = match (rebuilt, of_evt.len()) {
            (Ok(()), 0) => (true, format!("made anew, {end} events are the same byte for byte")),
            (Ok(()), wrong) => (false, format!("made anew, {wrong} finding(s)")),
            (Err(problem), _) => (false, problem),
        };
        steps.push(Step { name: "EVT", good, detail });
        findings.extend(of_evt);
    } else {
        let detail = "not made: the log is not whole".to_owned();
        steps.push(Step { name: "EVT", good: false, detail });
    }
    let good = steps.iter().all(|step| step.good);
    Ok(Report { good, events: end, last_recorded_at, steps, findings })
}

/// Has the relay fill EVT up to the log's end.
async fn rebuild(
    pool: &PgPool,
    client: &Client,
    streams: &Streams,
    end: u64,
) -> Result<(), String> {
    let relay = Relay {
        store: EventStore::new(pool.clone()),
        pool: pool.clone(),
        client: client.clone(),
        streams: streams.clone(),
        committed: Arc::default(),
        published: Arc::default(),
    };
    let cancel = CancellationToken::new();
    let running = tokio::spawn(relay.run(cancel.clone()));
    let writer = EvtWriter::new(client);
    let (mut seen, mut moved) = (0, Instant::now());
    let filled = loop {
        // There is no EVT at first.
        let at = writer.last_position().await.unwrap_or(0);
        if at >= end {
            break Ok(());
        }
        if at > seen {
            (seen, moved) = (at, Instant::now());
        } else if moved.elapsed() > STANDSTILL {
            break Err(format!("it stands still at position {at} of {end}"));
        }
        tokio::time::sleep(LOOK_EVERY).await;
    };
    cancel.cancel();
    let ended = running.await.map_err(|_| "the relay broke".to_owned());
    filled.and(ended)
}
