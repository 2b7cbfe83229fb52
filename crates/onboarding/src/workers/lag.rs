//! How far each stage is behind the log, in events and seconds, as metrics.

use std::time::Duration;

use engine::Clock;
use eventstore::EventStore;
use messaging::Client;
use messaging::evt::EvtWriter;
use sqlx::PgPool;
use tokio_util::sync::CancellationToken;

use super::pause;

/// How often the lag is measured.
const EVERY: Duration = Duration::from_secs(5);

/// One stage's place in the log.
#[derive(Clone, Debug, serde::Serialize)]
pub struct StageLag {
    /// `relay`, or the read model's name.
    pub stage: String,
    /// The last position that it has taken.
    pub position: u64,
    /// How many events it is behind.
    pub events: u64,
    /// How long ago the first of those was recorded.
    pub seconds: f64,
}

/// Measures every stage against the end of the log.
///
/// # Errors
/// Postgres or NATS does not answer.
pub async fn measure(
    store: &EventStore,
    pool: &PgPool,
    client: &Client,
    clock: &Clock,
) -> anyhow::Result<Vec<StageLag>> {
    let end = store.last_position().await?;
    let mut stages = vec![("relay".to_owned(), EvtWriter::new(client).last_position().await?)];
    for (view, position) in readmodel::queries::checkpoints(pool).await? {
        stages.push((view.to_string(), position));
    }
    let mut lags = Vec::with_capacity(stages.len());
    for (stage, position) in stages {
        let events = end.saturating_sub(position);
        let waiting = if events == 0 { vec![] } else { store.events_after(position, 1).await? };
        let since = waiting.first().map(|event| clock.now() - event.recorded_at);
        let seconds = since.map_or(0.0, |since| since.num_milliseconds().max(0) as f64 / 1_000.0);
        lags.push(StageLag { stage, position, events, seconds });
    }
    Ok(lags)
}

/// Measures until `cancel`.
pub async fn run(
    store: EventStore,
    pool: PgPool,
    client: Client,
    clock: Clock,
    cancel: CancellationToken,
) {
    while pause(&cancel, EVERY).await {
        match measure(&store, &pool, &client, &clock).await {
            Ok(lags) => {
                for lag in lags {
                    let stage = lag.stage;
                    metrics::gauge!("onboarding_lag_events", "stage" => stage.clone())
                        .set(lag.events as f64);
                    metrics::gauge!("onboarding_lag_seconds", "stage" => stage).set(lag.seconds);
                }
            }
            Err(error) => tracing::debug!(%error, "the lag can't be measured"),
        }
    }
}
