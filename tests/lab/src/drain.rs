//! Waiting until nothing is left to do, and telling what is.

use std::time::Duration;

use async_nats::jetstream::Context;
use async_nats::jetstream::consumer::pull;
use sqlx::PgPool;
use tokio::time::{Instant, sleep, timeout};

const TICK: Duration = Duration::from_millis(250);
/// One look may take so long, beside a server that has just come back.
const LOOK: Duration = Duration::from_secs(10);

/// Looks until nothing is left, twice in a row; what is left after `limit` otherwise. `outside` is
/// what only the lab knows of.
pub async fn wait(
    pool: &PgPool,
    streams: &Context,
    limit: Duration,
    outside: impl Fn() -> Vec<String>,
) -> Vec<String> {
    let deadline = Instant::now() + limit;
    let mut nothing = 0;
    loop {
        let mut left = outside();
        match timeout(LOOK, inside(pool, streams)).await {
            Ok(Ok(inside)) => left.extend(inside),
            Ok(Err(error)) => left.push(format!("the stores can't be asked: {error:#}")),
            Err(_) => left.push("the stores don't answer".to_owned()),
        }
        nothing = if left.is_empty() { nothing + 1 } else { 0 };
        if nothing == 2 || Instant::now() > deadline {
            return left;
        }
        sleep(TICK).await;
    }
}

const QUESTIONS: [(&str, &str); 5] = [
    ("messages are in the send queue", "SELECT count(*) FROM send_queue WHERE state <> 'done'"),
    ("rooms are under way", "SELECT count(*) FROM rooms WHERE phase IN ('reserved', 'invited')"),
    (
        "requests have no outcome in their read model",
        "SELECT count(*) FROM rm_onboarding_requests WHERE outcome IS NULL",
    ),
    (
        "messages have no last status in their read model",
        "SELECT count(*) FROM rm_outbound_messages WHERE delivered_at IS NULL AND failed_at IS NULL",
    ),
    (
        "read models or the send queue are behind the log",
        "SELECT count(*) FROM rm_checkpoints \
         WHERE position < (SELECT coalesce(max(position), 0) FROM events)",
    ),
];

async fn inside(pool: &PgPool, streams: &Context) -> anyhow::Result<Vec<String>> {
    let mut left = vec![];
    let mut tell = |what: &str, count: u64| {
        if count > 0 {
            left.push(format!("{count} {what}"));
        }
    };
    for (what, question) in QUESTIONS {
        let count: i64 = sqlx::query_scalar(question).fetch_one(pool).await?;
        tell(what, count.unsigned_abs());
    }
    let inbox = streams.get_stream("INBOX").await?;
    for name in ["engine", "evidence"] {
        match inbox.get_consumer::<pull::Config>(name).await {
            Ok(consumer) => {
                let info = consumer.cached_info();
                let waiting = info.num_pending + info.num_ack_pending as u64;
                tell(&format!("inputs wait for the consumer {name}"), waiting);
            }
            Err(error) => anyhow::bail!("the consumer {name}: {error}"),
        }
    }
    let end: Option<i64> =
        sqlx::query_scalar("SELECT max(position) FROM events").fetch_one(pool).await?;
    let published = streams.get_stream("EVT").await?.cached_info().state.last_sequence;
    tell("events are not on EVT", end.unwrap_or(0).unsigned_abs().saturating_sub(published));
    Ok(left)
}
