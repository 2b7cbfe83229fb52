//! How far the read models are, without a question to Postgres: such questions would be counted
//! among the transactions that a measurement counts.

use std::time::{Duration, Instant};

use async_nats::jetstream::{self, consumer::pull};
use metrics_exporter_prometheus::PrometheusHandle;

use super::site::Ground;

/// How often it is looked: rendering the metrics for each look takes time from what is measured (every
/// 2 ms it was 2 % of the machine).
const LOOK_EVERY: Duration = Duration::from_millis(10);
/// How long the service may take to get somewhere.
const PATIENCE: Duration = Duration::from_secs(300);
/// The metric that the projector sets after each commit, and the view that is watched.
const METRIC: &str = "onboarding_projector_position";
const VIEW: &str = "chat-rooms";

/// The position up to which readers see the log, as the projector of this process tells it.
pub(super) struct Progress(PrometheusHandle);

impl Progress {
    /// Before a service starts: what an earlier one told is forgotten.
    pub(super) fn of_next_service() -> anyhow::Result<Self> {
        let metrics = crate::telemetry::metrics()?;
        metrics::gauge!("onboarding_projector_position", "view" => VIEW).set(0.0);
        Ok(Self(metrics))
    }

    /// Waits until the log is visible up to a position; how far it is then, and when.
    pub(super) async fn reach(&self, position: u64) -> anyhow::Result<(u64, Instant)> {
        let begun = Instant::now();
        loop {
            let visible = self.visible();
            if visible >= position {
                return Ok((visible, Instant::now()));
            }
            anyhow::ensure!(begun.elapsed() < PATIENCE, "{visible} of {position} are visible only");
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// Waits until the engine has settled all that INBOX holds, and all of that is visible; how far
    /// the log is then, and when that was seen.
    pub(super) async fn settled(&self, ground: &Ground) -> anyhow::Result<(u64, Instant)> {
        let begun = Instant::now();
        let client = crate::nats_client(&ground.config).await?;
        let inbox = jetstream::new(client).get_stream("INBOX").await?;
        loop {
            // Until the service is up there is no consumer.
            if let Ok(engine) = inbox.get_consumer::<pull::Config>("engine").await {
                let info = engine.cached_info();
                if info.num_pending == 0 && info.num_ack_pending == 0 {
                    break;
                }
            }
            anyhow::ensure!(begun.elapsed() < PATIENCE, "the engine does not settle INBOX");
            tokio::time::sleep(LOOK_EVERY).await;
        }
        let end = ground.store.last_position().await?;
        self.reach(end).await
    }

    /// How far it is; 0 before the first batch.
    pub(super) fn visible(&self) -> u64 {
        position_in(&self.0.render()).unwrap_or(0)
    }
}

fn position_in(metrics: &str) -> Option<u64> {
    let name = format!("{METRIC}{{view=\"{VIEW}\"}} ");
    metrics.lines().find_map(|line| line.strip_prefix(&name)?.trim().parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_view_of_rooms_is_found_among_all_metrics() {
        let metrics = "# TYPE onboarding_projector_position gauge\n\
                       onboarding_projector_position{view=\"reminders\"} 7\n\
                       onboarding_projector_position{view=\"chat-rooms\"} 12\n";
        assert_eq!(position_in(metrics), Some(12));
        assert_eq!(position_in("onboarding_relay_position 3\n"), None);
    }
}
