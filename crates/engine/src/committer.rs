//! One committer a process: what waits while one append runs is the next.

use std::time::Duration;

use eventstore::{AppendItem, AppendVerdict, EventStore, StoreError};
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::Engine;

/// Most items in one append.
const MOST: usize = 512;
/// First and longest pause before an append is tried again.
const PAUSE: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(5));

/// Where lanes hand in what they decided.
#[derive(Clone)]
pub(crate) struct Committer {
    requests: mpsc::Sender<Request>,
}

struct Request {
    items: Vec<AppendItem>,
    reply: oneshot::Sender<Result<Vec<AppendVerdict>, StoreError>>,
}

impl Committer {
    pub(crate) fn start(engine: &Engine, cancel: CancellationToken, tracker: &TaskTracker) -> Self {
        let (requests, receiver) = mpsc::channel(64);
        tracker.spawn(run(engine.clone(), receiver, cancel));
        Self { requests }
    }

    /// Commits the items of one lane, in order. `None` if the engine is stopping:
    /// whether they were committed is then unknown, and found out next time.
    pub(crate) async fn commit(
        &self,
        items: Vec<AppendItem>,
    ) -> Option<Result<Vec<AppendVerdict>, StoreError>> {
        let (reply, answer) = oneshot::channel();
        self.requests.send(Request { items, reply }).await.ok()?;
        answer.await.ok()
    }
}

async fn run(engine: Engine, mut requests: mpsc::Receiver<Request>, cancel: CancellationToken) {
    while let Some(first) = requests.recv().await {
        let mut count = first.items.len();
        let mut batch = vec![first];
        while count < MOST
            && let Ok(next) = requests.try_recv()
        {
            count += next.items.len();
            batch.push(next);
        }
        metrics::histogram!("onboarding_commit_items").record(count as f64);
        if !commit(&engine.store, batch, &cancel).await {
            return;
        }
        engine.committed.notify_one();
    }
}

/// Commits a batch. If the store refuses it as a whole, each lane's part is
/// tried alone, so that one that can't be stored costs the others nothing.
async fn commit(store: &EventStore, batch: Vec<Request>, cancel: &CancellationToken) -> bool {
    let items: Vec<_> = batch.iter().flat_map(|request| request.items.iter().cloned()).collect();
    match append(store, &items, cancel).await {
        None => false,
        Some(Ok(verdicts)) => {
            let mut verdicts = verdicts.into_iter();
            for request in batch {
                let own = verdicts.by_ref().take(request.items.len()).collect();
                let _ = request.reply.send(Ok(own));
            }
            true
        }
        Some(Err(error)) if batch.len() == 1 => {
            for request in batch {
                tracing::error!(%error, items = request.items.len(), "the store refused an append");
                let _ = request.reply.send(Err(error));
                break;
            }
            true
        }
        Some(Err(_)) => {
            for request in batch {
                let Some(answer) = append(store, &request.items, cancel).await else {
                    return false;
                };
                let _ = request.reply.send(answer);
            }
            true
        }
    }
}

/// Appends until the store has answered: an append whose answer was lost comes
/// back as a duplicate. `None` if the engine is stopping.
async fn append(
    store: &EventStore,
    items: &[AppendItem],
    cancel: &CancellationToken,
) -> Option<Result<Vec<AppendVerdict>, StoreError>> {
    let (mut pause, longest) = PAUSE;
    loop {
        match store.append(items).await {
            Err(error) if error.is_transient() => {
                tracing::warn!(%error, ?pause, "Postgres does not take the append; trying again");
                metrics::counter!("onboarding_commit_retries_total").increment(1);
                cancel.run_until_cancelled(tokio::time::sleep(pause)).await?;
                pause = (pause * 2).min(longest);
            }
            answer => return Some(answer),
        }
    }
}
