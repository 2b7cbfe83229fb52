//! `onboarding doctor`: is everything as it should be, and what to do if not.

use std::process::ExitCode;

use engine::Clock;
use eventstore::EventStore;
use messaging::{StreamSettings, Streams};
use serde::Serialize;

use super::{nats, postgres, require_migrated};
use crate::config::Config;
use crate::workers::lag::Stages;

/// A stage further behind than this many seconds is unwell.
const LAG_SECONDS: f64 = 30.0;
/// A stream fuller than this part of its limit is unwell.
const FULL: f64 = 0.75;

/// One thing that was looked at.
#[derive(Clone, Debug, Serialize)]
struct Check {
    name: String,
    good: bool,
    /// What was found; if it is not good, what to do.
    detail: String,
}

/// Looks at everything that the service needs; exit status 0 only if all is well.
///
/// # Errors
/// None; what can't be looked at is reported.
pub async fn run(config: &Config, json: bool) -> anyhow::Result<ExitCode> {
    let checks = checks(config).await;
    if json {
        println!("{}", serde_json::to_string_pretty(&checks)?);
    } else {
        for check in &checks {
            println!(
                "{} {:<16} {}",
                if check.good { "ok " } else { "BAD" },
                check.name,
                check.detail
            );
        }
    }
    let good = checks.iter().all(|check| check.good);
    Ok(if good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn checks(config: &Config) -> Vec<Check> {
    let mut checks = vec![];
    let mut add = |name: &str, result: anyhow::Result<String>| {
        let good = result.is_ok();
        let detail = result.unwrap_or_else(|error| format!("{error:#}"));
        checks.push(Check { name: name.to_owned(), good, detail });
    };
    add("apps", apps(config));
    let pool = postgres(config).await;
    let client = nats(config, "doctor").await;
    match &pool {
        Ok(pool) => {
            let version =
                sqlx::query_scalar::<_, String>("SHOW server_version").fetch_one(pool).await;
            add("postgres", version.map(|v| format!("version {v}")).map_err(Into::into));
            add("migrations", require_migrated(pool).await.map(|()| "up to date".to_owned()));
            add("directory", companies(pool).await);
            add("parked inputs", parked(pool).await);
        }
        Err(error) => add("postgres", Err(anyhow::anyhow!("{error:#}"))),
    }
    match &client {
        Ok(client) => {
            add("nats", Ok(format!("version {}", client.server_info().version)));
            let streams = Streams::new(client, settings(config));
            add("streams", differences(&streams).await);
            add("stream usage", usage(&streams).await);
        }
        Err(error) => add("nats", Err(anyhow::anyhow!("{error:#}"))),
    }
    if let (Ok(pool), Ok(client)) = (&pool, &client) {
        let stages = Stages {
            store: EventStore::new(pool.clone()),
            pool: pool.clone(),
            client: client.clone(),
            streams: Streams::new(client, settings(config)),
            clock: Clock::system(),
        };
        match stages.measure().await {
            Ok(lags) => {
                for lag in lags {
                    let found = format!("{} waiting, {:.1} s behind", lag.waiting, lag.seconds);
                    let result = if lag.seconds < LAG_SECONDS {
                        Ok(found)
                    } else {
                        Err(anyhow::anyhow!("{found}: is its role running? see its log"))
                    };
                    add(&format!("lag {}", lag.stage), result);
                }
            }
            Err(error) => add("lag", Err(error)),
        }
    }
    checks
}

/// The streams' settings in this configuration.
pub(crate) const fn settings(config: &Config) -> StreamSettings {
    StreamSettings {
        replicas: config.streams.replicas,
        inbox_max_bytes: Some(config.streams.inbox_max_bytes),
    }
}

fn apps(config: &Config) -> anyhow::Result<String> {
    anyhow::ensure!(
        !config.apps.is_empty(),
        "no Meta app is configured: set apps.<app>.secret, .verify_token and .access_token"
    );
    for (id, app) in &config.apps {
        for (key, secret) in [
            ("secret", &app.secret),
            ("verify_token", &app.verify_token),
            ("access_token", &app.access_token),
        ] {
            anyhow::ensure!(!secret.expose().is_empty(), "apps.{id}.{key} is empty: set it");
        }
    }
    Ok(format!("{} configured", config.apps.len()))
}

async fn companies(pool: &sqlx::PgPool) -> anyhow::Result<String> {
    let companies = directory::DirectoryStore::new(pool.clone()).companies().await?;
    anyhow::ensure!(
        !companies.is_empty(),
        "the directory is empty: run `onboarding directory apply FILE`"
    );
    Ok(format!("{} company(ies)", companies.len()))
}

async fn parked(pool: &sqlx::PgPool) -> anyhow::Result<String> {
    let parked = EventStore::new(pool.clone()).parked(1).await?;
    anyhow::ensure!(
        parked.is_empty(),
        "there are parked inputs: `onboarding parked list` shows them"
    );
    Ok("none".into())
}

async fn differences(streams: &Streams) -> anyhow::Result<String> {
    let differences = streams.differences().await?;
    let lines: Vec<_> = differences.iter().map(ToString::to_string).collect();
    anyhow::ensure!(lines.is_empty(), "{}", lines.join("; "));
    Ok("as they should be".into())
}

async fn usage(streams: &Streams) -> anyhow::Result<String> {
    let mut found = vec![];
    for usage in streams.usage().await? {
        let full = usage.max_bytes.map_or(0.0, |max| usage.bytes as f64 / max.max(1) as f64);
        anyhow::ensure!(
            full < FULL,
            "{} is {:.0} % full: are its consumers running? else raise its max_bytes",
            usage.stream,
            full * 100.0
        );
        found.push(format!("{} {} message(s)", usage.stream, usage.messages));
    }
    Ok(found.join(", "))
}
