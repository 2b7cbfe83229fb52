//! From EVT into the read models. What EVT lacks is read from Postgres: holes, and whatever is not there
//! yet where nothing comes any more, as while the relay makes EVT anew. That takes minutes where the log
//! is long, and messages must not wait for it.
//!
//! The projections of a process follow EVT together: one reader, one transaction a batch. If one of
//! them cannot go on, or is far behind the others, each follows on its own for a while, so that it
//! holds up nobody.

use std::sync::Arc;
use std::time::Duration;

use domain::Told;
use engine::{Next, Recent};
use eventstore::EventStore;
use messaging::Client;
use messaging::evt::{EvtReader, ReaderError};
use readmodel::{ProjectError, Projector};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

use super::pause;

/// Most events applied in one transaction.
const BATCH: usize = 2_000;
/// Pause after an error that passes, and after one that needs somebody.
const PAUSES: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(15));
/// How far apart projections may be to go on together, in events.
const NEAR: u64 = 10_000;
/// How long they go on apart before they try together again.
const APART: Duration = Duration::from_secs(30);

/// Keeps projections up to date.
#[derive(Clone)]
pub struct Following {
    /// The log, for what EVT lacks.
    pub store: EventStore,
    /// Where EVT is.
    pub client: Client,
    /// What the relay of this process has published: that need not be read back from EVT.
    pub published: Arc<Recent>,
    /// Told after each batch.
    pub applied: Arc<Notify>,
}

impl Following {
    /// Keeps them up to date until `cancel`.
    pub async fn run(self, projector: Projector, cancel: CancellationToken) {
        let single = projector.apart();
        while !cancel.is_cancelled() {
            if single.len() > 1 && self.are_near(&projector).await {
                let published = Some(&*self.published);
                let Err(stop) = self.follow(&projector, published, &cancel).await else { continue };
                stop.tell(projector.name());
            }
            let enough = cancel.child_token();
            let apart = single.iter().map(|projector| self.keep(projector, &enough));
            let apart = futures::future::join_all(apart);
            if single.len() == 1 {
                apart.await;
                continue;
            }
            tokio::pin!(apart);
            if tokio::time::timeout(APART, &mut apart).await.is_err() {
                enough.cancel();
                apart.await;
            }
        }
    }

    async fn are_near(&self, projector: &Projector) -> bool {
        let Ok(checkpoints) = projector.checkpoints().await else { return false };
        let positions = || checkpoints.iter().map(|(_, position)| *position);
        positions().max().unwrap_or(0) - positions().min().unwrap_or(0) <= NEAR
    }

    /// Keeps one projection up to date, whatever happens.
    async fn keep(&self, projector: &Projector, cancel: &CancellationToken) {
        while !cancel.is_cancelled() {
            if let Err(stop) = self.follow(projector, None, cancel).await {
                let wait = stop.tell(projector.name());
                pause(cancel, wait).await;
            }
        }
    }

    /// Of what is in `published` only one may be fed.
    async fn follow(
        &self,
        projector: &Projector,
        published: Option<&Recent>,
        cancel: &CancellationToken,
    ) -> Result<(), Stop> {
        let Self { store, client, .. } = self;
        let view = projector.name();
        let checkpoint = projector.checkpoint().await.map_err(of_projector)?;
        let mut reader = EvtReader::from(client, checkpoint + 1);
        // Said once, however often it is so until EVT goes on.
        let mut said = false;
        while !cancel.is_cancelled() {
            let batch = next_batch(&mut reader, published);
            let batch = cancel.run_until_cancelled(batch).await;
            let events = match batch {
                None => return Ok(()),
                Some(Ok(events)) if !events.is_empty() => {
                    said = false;
                    events
                }
                Some(Ok(_) | Err(ReaderError::NoStream)) => {
                    // Also heals a checkpoint that another copy moved on or a rebuild moved back.
                    let checkpoint = projector.checkpoint().await.map_err(of_projector)?;
                    let head = store.last_position().await;
                    let head = head.map_err(|error| Stop::Passing(error.to_string()))?;
                    if head > checkpoint {
                        if !std::mem::replace(&mut said, true) {
                            tracing::info!(
                                view,
                                checkpoint,
                                head,
                                "EVT is behind; what it lacks is read from Postgres"
                            );
                        }
                        self.fill(projector, checkpoint, head + 1, cancel).await?;
                    }
                    let next = head.max(checkpoint) + 1;
                    if next != reader.position() {
                        reader.seek(next);
                    }
                    if matches!(batch, Some(Err(_))) && !pause(cancel, PAUSES.0).await {
                        return Ok(());
                    }
                    continue;
                }
                Some(Err(ReaderError::Hole { expected, found })) => {
                    tracing::info!(
                        view,
                        expected,
                        found,
                        "EVT has a hole; it is filled from Postgres"
                    );
                    self.fill(projector, expected - 1, found, cancel).await?;
                    reader.seek(found);
                    continue;
                }
                Some(Err(error)) if error.retry_helps() => {
                    return Err(Stop::Passing(error.to_string()));
                }
                Some(Err(error)) => return Err(Stop::Lasting(error.to_string())),
            };
            let ends = events.first().zip(events.last());
            let (first, last) =
                ends.map_or((0, 0), |(a, b)| (a.recorded.position, b.recorded.position));
            let span = tracing::info_span!("project", view, first, last);
            match projector.apply_told(&events).instrument(span).await {
                Ok(done) => self.tell_how_far(projector, done.last),
                Err(ProjectError::Hole { expected, found, .. }) => {
                    self.fill(projector, expected - 1, found, cancel).await?;
                    reader.seek(found);
                }
                Err(error) => return Err(of_projector(error)),
            }
        }
        Ok(())
    }

    /// Applies what lies between `after` and `until`, both exclusive, from Postgres, or what comes of it
    /// before `cancel`.
    async fn fill(
        &self,
        projector: &Projector,
        mut after: u64,
        until: u64,
        cancel: &CancellationToken,
    ) -> Result<(), Stop> {
        while after + 1 < until && !cancel.is_cancelled() {
            let limit = (until - after - 1).min(BATCH as u64) as u32;
            let events = self.store.events_after(after, limit).await;
            let events = events.map_err(|error| Stop::Passing(error.to_string()))?;
            let Some(last) = events.last().map(|event| event.position) else {
                let missing = after + 1;
                return Err(Stop::Lasting(format!(
                    "Postgres has no event at position {missing} either"
                )));
            };
            let done = projector.apply(&events).await.map_err(of_projector)?;
            self.tell_how_far(projector, done.last);
            after = last;
        }
        Ok(())
    }

    fn tell_how_far(&self, projector: &Projector, position: u64) {
        for view in projector.names() {
            metrics::gauge!("onboarding_projector_position", "view" => view).set(position as f64);
        }
        self.applied.notify_one();
    }
}

/// What comes next: from the relay of this process if it has it, else from EVT. Empty if nothing
/// came for a while.
async fn next_batch(
    reader: &mut EvtReader,
    published: Option<&Recent>,
) -> Result<Vec<Told>, ReaderError> {
    const WAIT: Duration = Duration::from_secs(2);
    let look = |reader: &EvtReader| {
        published.map_or(Next::Elsewhere, |recent| recent.after(reader.position() - 1))
    };
    let mut next = look(reader);
    // EVT has an event a moment before the relay knows of it: whoever went on reading there would
    // stay ahead of it for as long as there are events.
    if let (Next::NothingYet | Next::Behind, Some(recent)) = (&next, published) {
        let _ = tokio::time::timeout(WAIT, recent.changed()).await;
        next = look(reader);
    }
    match next {
        Next::Events(events) => {
            let last = events.last().map(|last| last.recorded.position);
            reader.seek(last.map_or(reader.position(), |last| last + 1));
            Ok(events)
        }
        Next::NothingYet | Next::Behind => Ok(vec![]),
        Next::Elsewhere => {
            let read = reader.next_batch(BATCH, WAIT).await?;
            Ok(read.into_iter().map(Told::from).collect())
        }
    }
}

/// Why projections stopped for now.
enum Stop {
    Passing(String),
    Lasting(String),
}

impl Stop {
    /// Tells an operator; gives how long to wait.
    fn tell(self, view: &'static str) -> Duration {
        let (problem, wait) = match self {
            Self::Passing(problem) => (problem, PAUSES.0),
            Self::Lasting(problem) => (problem, PAUSES.1),
        };
        metrics::counter!("onboarding_projector_breaks_total", "view" => view).increment(1);
        tracing::warn!(view, problem, ?wait, "the read model stands still; trying again");
        wait
    }
}

fn of_projector(error: ProjectError) -> Stop {
    if error.is_transient() {
        Stop::Passing(error.to_string())
    } else {
        Stop::Lasting(error.to_string())
    }
}
