//! From EVT into one read model. What EVT lacks is read from Postgres.

use std::sync::Arc;
use std::time::Duration;

use eventstore::EventStore;
use messaging::Client;
use messaging::evt::{EvtReader, ReaderError};
use readmodel::{ProjectError, Projector};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

use super::pause;

/// Most events applied in one transaction.
const BATCH: usize = 500;
/// Pause after an error that passes, and after one that needs somebody.
const PAUSES: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(15));

/// Keeps one read model up to date until `cancel`; tells `applied` after each batch.
pub async fn run(
    projector: Projector,
    store: EventStore,
    client: Client,
    applied: Arc<Notify>,
    cancel: CancellationToken,
) {
    let view = projector.name();
    while !cancel.is_cancelled() {
        let followed = follow(&projector, &store, &client, &applied, &cancel).await;
        if let Err(stop) = followed {
            let (message, wait) = match stop {
                Stop::Passing(message) => (message, PAUSES.0),
                Stop::Lasting(message) => (message, PAUSES.1),
            };
            metrics::counter!("onboarding_projector_breaks_total", "view" => view).increment(1);
            tracing::warn!(
                view,
                problem = message,
                ?wait,
                "the read model stands still; trying again"
            );
            pause(&cancel, wait).await;
        }
    }
}

/// Why a projector stopped for now.
enum Stop {
    Passing(String),
    Lasting(String),
}

async fn follow(
    projector: &Projector,
    store: &EventStore,
    client: &Client,
    applied: &Notify,
    cancel: &CancellationToken,
) -> Result<(), Stop> {
    let view = projector.name();
    let checkpoint = projector.checkpoint().await.map_err(of_projector)?;
    let mut reader = EvtReader::from(client, checkpoint + 1);
    loop {
        let wait = Duration::from_secs(2);
        let batch = cancel.run_until_cancelled(reader.next_batch(BATCH, wait)).await;
        let events = match batch {
            None => return Ok(()),
            Some(Ok(events)) if events.is_empty() => {
                // Also heals a checkpoint that another copy moved on or a rebuild moved back.
                let checkpoint = projector.checkpoint().await.map_err(of_projector)?;
                if checkpoint + 1 != reader.position() {
                    reader.seek(checkpoint + 1);
                }
                continue;
            }
            Some(Ok(events)) => events,
            Some(Err(ReaderError::Hole { expected, found })) => {
                tracing::info!(view, expected, found, "EVT has a hole; it is filled from Postgres");
                fill(projector, store, expected - 1, found).await?;
                applied.notify_one();
                reader.seek(found);
                continue;
            }
            Some(Err(error)) if error.retry_helps() => {
                return Err(Stop::Passing(error.to_string()));
            }
            Some(Err(error)) => return Err(Stop::Lasting(error.to_string())),
        };
        let ends = events.first().zip(events.last());
        let (first, last) = ends.map_or((0, 0), |(first, last)| (first.position, last.position));
        let span = tracing::info_span!("project", view, first, last);
        match projector.apply(&events).instrument(span).await {
            Ok(done) => {
                metrics::gauge!("onboarding_projector_position", "view" => view)
                    .set(done.last as f64);
                applied.notify_one();
            }
            Err(ProjectError::Hole { expected, found, .. }) => {
                fill(projector, store, expected - 1, found).await?;
                reader.seek(found);
            }
            Err(error) => return Err(of_projector(error)),
        }
    }
}

/// Applies what lies between `after` and `until`, both exclusive, from Postgres.
async fn fill(
    projector: &Projector,
    store: &EventStore,
    mut after: u64,
    until: u64,
) -> Result<(), Stop> {
    while after + 1 < until {
        let limit = (until - after - 1).min(BATCH as u64) as u32;
        let events = store.events_after(after, limit).await;
        let events = events.map_err(|error| Stop::Passing(error.to_string()))?;
        let Some(last) = events.last().map(|event| event.position) else {
            let missing = after + 1;
            return Err(Stop::Lasting(format!(
                "Postgres has no event at position {missing} either"
            )));
        };
        projector.apply(&events).await.map_err(of_projector)?;
        after = last;
    }
    Ok(())
}

fn of_projector(error: ProjectError) -> Stop {
    if error.is_transient() {
        Stop::Passing(error.to_string())
    } else {
        Stop::Lasting(error.to_string())
    }
}
