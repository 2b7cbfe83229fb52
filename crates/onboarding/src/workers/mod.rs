//! What runs in the background, one file each. All end soon after their token
//! is cancelled; none loses what it was at.

pub mod dry_run;
pub mod events_query;
pub mod evidence;
pub mod intake;
pub mod lag;
pub mod numbers;
pub mod operator_queries;
pub mod parked_inputs;
mod parking;
pub mod projector;
pub mod relay;
pub mod retries;
pub mod sender;
pub mod strays;

use std::time::Duration;

use api::Problem;
use serde::Serialize;
use serde_json::Value;
use tokio_util::sync::CancellationToken;

/// What is found, or why it is not, as an answer over NATS.
pub(crate) fn answer<T: Serialize>(
    found: Result<T, Problem>,
) -> Result<Value, messaging::query::Problem> {
    Ok(serde_json::to_value(found?).map_err(|_| Problem::internal())?)
}

/// Waits, or less if the work is over. `false` if it is.
pub(crate) async fn pause(cancel: &CancellationToken, duration: Duration) -> bool {
    cancel.run_until_cancelled(tokio::time::sleep(duration)).await.is_some()
}
