//! Removing from `INBOX` what everybody has settled.

use async_nats::Client;
use async_nats::jetstream::{self, consumer};
use futures::TryStreamExt;

use super::{ENGINE, EVIDENCE};
use crate::error::NatsError;
use crate::streams::INBOX;

/// Purges below what all consumers of `INBOX` have settled, and returns how many messages went.
/// While one of our two consumers does not exist yet, nothing goes.
///
/// # Errors
/// The server does not answer, or there is no stream `INBOX`.
pub async fn purge_settled(client: &Client) -> Result<u64, NatsError> {
    let failed = |e: Box<dyn std::error::Error + Send + Sync>| {
        NatsError::passing("purging INBOX of what is settled", e)
    };
    let js = jetstream::new(client.clone());
    let stream = js.get_stream(INBOX).await.map_err(|e| failed(e.into()))?;
    let consumers: Vec<consumer::Info> =
        stream.consumers().try_collect().await.map_err(|e| failed(e.into()))?;
    let exists = |name: &str| consumers.iter().any(|info| info.name == name);
    let floor = consumers
        .iter()
        .map(|info| info.ack_floor.stream_sequence)
        .min()
        .filter(|_| exists(ENGINE) && exists(EVIDENCE))
        .unwrap_or(0);
    if floor < stream.cached_info().state.first_sequence {
        return Ok(0);
    }
    // `sequence` is the first that stays.
    let purged = stream.purge().sequence(floor + 1).await;
    Ok(purged.map_err(|e| failed(e.into()))?.purged)
}
