//! How far each stage is behind, in events (or inputs) and seconds, and how full
//! the streams are, as metrics.

use std::time::Duration;

use async_nats::jetstream;
use async_nats::jetstream::consumer::pull;
use engine::Clock;
use eventstore::EventStore;
use messaging::evt::EvtWriter;
use messaging::{Client, Streams};
use readmodel::Projector;
use sqlx::PgPool;
use tokio_util::sync::CancellationToken;

use super::pause;

/// How often the lag is measured.
const EVERY: Duration = Duration::from_secs(5);

/// What is looked at.
#[derive(Clone)]
pub struct Stages {
    /// The log.
    pub store: EventStore,
    /// The checkpoints.
    pub pool: PgPool,
    /// EVT and INBOX.
    pub client: Client,
    /// The streams' sizes.
    pub streams: Streams,
    /// Now.
    pub clock: Clock,
}

/// How far one stage is behind.
#[derive(Clone, Debug, serde::Serialize)]
pub struct StageLag {
    /// `engine`, `evidence`, `relay`, `send-queue`, or the read model's name.
    pub stage: String,
    /// How many events or inputs it has still to take.
    pub waiting: u64,
    /// How old the first of those is, in seconds.
    pub seconds: f64,
}

impl Stages {
    /// Measures every stage.
    ///
    /// # Errors
    /// Postgres or NATS does not answer.
    pub async fn measure(&self) -> anyhow::Result<Vec<StageLag>> {
        let mut lags = vec![];
        for consumer in ["engine", "evidence"] {
            lags.extend(self.of_inbox(consumer).await?);
        }
        let end = self.store.last_position().await?;
        let published = EvtWriter::new(&self.client).last_position().await?;
        let mut stages = vec![("relay".to_owned(), published)];
        for (view, position) in readmodel::queries::checkpoints(&self.pool).await? {
            stages.push((view.to_string(), position));
        }
        let queue = Projector::send_queue(self.pool.clone());
        stages.push((queue.name().to_owned(), queue.checkpoint().await?));
        for (stage, position) in stages {
            let waiting = end.saturating_sub(position);
            let first =
                if waiting == 0 { vec![] } else { self.store.events_after(position, 1).await? };
            let since = first.first().map(|event| self.clock.now() - event.recorded_at);
            let seconds =
                since.map_or(0.0, |since| since.num_milliseconds().max(0) as f64 / 1_000.0);
            lags.push(StageLag { stage, waiting, seconds });
        }
        Ok(lags)
    }

    /// One of INBOX's consumers; `None` if it was never opened.
    async fn of_inbox(&self, name: &str) -> anyhow::Result<Option<StageLag>> {
        let inbox = jetstream::new(self.client.clone()).get_stream("INBOX").await?;
        let Ok(mut consumer) = inbox.get_consumer::<pull::Config>(name).await else {
            return Ok(None);
        };
        let info = consumer.info().await?;
        let waiting = info.num_pending + info.num_ack_pending as u64;
        let first = info.ack_floor.stream_sequence + 1;
        let mut seconds = 0.0;
        if waiting > 0
            && let Ok(message) = inbox.get_raw_message(first).await
        {
            let taken = i128::from(self.clock.now().timestamp_millis());
            let age = taken - message.time.unix_timestamp_nanos() / 1_000_000;
            seconds = age.max(0) as f64 / 1_000.0;
        }
        Ok(Some(StageLag { stage: name.to_owned(), waiting, seconds }))
    }

    /// Measures until `cancel`.
    pub async fn run(self, cancel: CancellationToken) {
        while pause(&cancel, EVERY).await {
            match self.measure().await {
                Ok(lags) => {
                    lags.into_iter().for_each(show);
                    let now = self.clock.now().timestamp_millis() as f64 / 1_000.0;
                    metrics::gauge!("onboarding_lag_measured_timestamp_seconds").set(now);
                }
                // The gauges keep what they showed last.
                Err(error) => {
                    tracing::warn!(%error, "the lag can't be measured; it is tried again");
                }
            }
            match self.streams.usage().await {
                Ok(usages) => {
                    for usage in usages {
                        let bytes = usage.bytes as f64;
                        metrics::gauge!("onboarding_stream_bytes", "stream" => usage.stream)
                            .set(bytes);
                        if let Some(max) = usage.max_bytes.filter(|max| *max > 0) {
                            let full = bytes / max as f64;
                            metrics::gauge!("onboarding_stream_full_ratio", "stream" => usage.stream).set(full);
                        }
                    }
                }
                Err(error) => tracing::warn!(%error, "the streams' sizes can't be read"),
            }
        }
    }
}

fn show(lag: StageLag) {
    metrics::gauge!("onboarding_lag_events", "stage" => lag.stage.clone()).set(lag.waiting as f64);
    metrics::gauge!("onboarding_lag_seconds", "stage" => lag.stage).set(lag.seconds);
}
