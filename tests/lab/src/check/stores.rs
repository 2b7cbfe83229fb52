//! What the stores say, and what `onboarding check` says of them.

use std::path::Path;

use acceptance::process::Process;
use anyhow::Context;
use async_nats::jetstream;
use onboarding::config::Config;
use serde::Deserialize;
use sqlx::PgPool;

use super::{Finding, Place, Told};

/// Where to look.
pub struct Stores<'a> {
    /// The binary of this package, which has the command `check`.
    pub program: &'a Path,
    /// Leads to Postgres and NATS without detour.
    pub config: &'a Config,
    /// The database.
    pub pool: &'a PgPool,
}

/// A finding of `onboarding check`.
#[derive(Deserialize)]
struct Checks {
    kind: String,
    what: String,
}

/// Clients with two open rooms that exclude each other.
const DOUBLE_BOOKED: [(&str, &str); 2] = [
    (
        "(client, user)",
        "SELECT count(*) FROM (SELECT FROM rooms WHERE phase <> 'closed' \
         GROUP BY company, client_id, user_id HAVING count(*) > 1) twice",
    ),
    (
        "(client, number)",
        "SELECT count(*) FROM (SELECT FROM rooms WHERE phase <> 'closed' \
         GROUP BY company, client_id, number HAVING count(*) > 1) twice",
    ),
];

impl Stores<'_> {
    /// Every event's place, in the order of the log.
    pub(super) async fn places(&self) -> anyhow::Result<Vec<Place>> {
        let query = "SELECT position, aggregate_type || '/' || aggregate_id AS aggregate, sequence \
                     FROM events ORDER BY position";
        sqlx::query_as(query).fetch_all(self.pool).await.context("reading the log")
    }

    /// What is told of requests and their messages, in the order of the log.
    pub(super) async fn told(&self) -> anyhow::Result<Vec<Told>> {
        let query = "SELECT position, event_type, aggregate_id::uuid AS request, \
             coalesce(payload ->> 'message_id', payload #>> '{message,message_id}')::uuid AS message, \
             (payload ->> 'attempt')::bigint AS attempt, \
             (payload ->> 'at')::timestamptz AS at, \
             payload ->> 'outcome' AS outcome \
             FROM events WHERE aggregate_type = 'onboarding-request' AND event_type IN \
             ('onboarding-requested', 'message-requested', 'message-attempted', 'message-accepted', \
             'message-failed', 'outcome-recorded') ORDER BY position";
        sqlx::query_as(query).fetch_all(self.pool).await.context("reading the requests")
    }

    /// What is wrong with the stores themselves.
    pub(super) async fn check(&self) -> anyhow::Result<Vec<Finding>> {
        let mut findings = self.behind().await?;
        for (pair, query) in DOUBLE_BOOKED {
            let times = self.count(query).await?;
            if times > 0 {
                let what = format!("{times} pairs {pair} have two open rooms");
                findings.push(Finding::new("double-booked", what));
            }
        }
        let parked = self.count("SELECT count(*) FROM parked_inputs").await?;
        if parked > 0 {
            findings.push(Finding::new("parked", format!("{parked} inputs were not decided")));
        }
        findings.extend(self.onboarding_check().await?);
        Ok(findings)
    }

    /// EVT and the projections go on to the end of the log.
    async fn behind(&self) -> anyhow::Result<Vec<Finding>> {
        let end = self.count("SELECT coalesce(max(position), 0) FROM events").await?;
        let mut findings = vec![];
        let views: Vec<(String, i64)> =
            sqlx::query_as("SELECT view, position FROM rm_checkpoints WHERE position <> $1")
                .bind(end)
                .fetch_all(self.pool)
                .await?;
        for (view, position) in views {
            let what = format!("{view} is at position {position} of {end}");
            findings.push(Finding::new("not-at-the-end", what));
        }
        let streams = jetstream::new(onboarding::nats_client(self.config).await?);
        let state = streams.get_stream("EVT").await.context("EVT")?.cached_info().state.clone();
        let end = end.unsigned_abs();
        let all = state.messages == end && state.last_sequence == end;
        if !all {
            let (messages, last) = (state.messages, state.last_sequence);
            let what = format!("EVT has {messages} events up to {last}, the log has {end}");
            findings.push(Finding::new("evt-incomplete", what));
        }
        Ok(findings)
    }

    async fn onboarding_check(&self) -> anyhow::Result<Vec<Finding>> {
        let process = Process::new(self.program, self.config)?;
        let ran = tokio::task::spawn_blocking(move || process.run(&["check", "--json"])).await??;
        let checks: Vec<Checks> = serde_json::from_str(&ran.stdout)
            .with_context(|| format!("onboarding check, {}: {}", ran.status, ran.stderr))?;
        anyhow::ensure!(
            ran.status.success() == checks.is_empty(),
            "onboarding check ended with {} and {} findings",
            ran.status,
            checks.len()
        );
        let by_check = |Checks { kind, what }| Finding { by: "onboarding check", kind, what };
        Ok(checks.into_iter().map(by_check).collect())
    }

    async fn count(&self, query: &str) -> anyhow::Result<i64> {
        Ok(sqlx::query_scalar(query).fetch_one(self.pool).await?)
    }
}
