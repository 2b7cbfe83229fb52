//! One committer a process: what waits while one append runs is the next.

use std::time::Duration;

use eventstore::{AppendItem, AppendVerdict, EventStore, StoreError};
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::Engine;

/// Most items in one append, give or take what one lane hands in.
const MOST: usize = 512;
/// First and longest pause before an append is tried again.
const PAUSE: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(5));
/// How long an append that is under way may take after the engine was told to stop.
const GRACE: Duration = Duration::from_secs(5);

type Verdicts = Result<Vec<AppendVerdict>, StoreError>;

/// Where lanes hand in what they decided.
#[derive(Clone)]
pub(crate) struct Committer {
    requests: mpsc::Sender<Request>,
}

struct Request {
    items: Vec<AppendItem>,
    reply: oneshot::Sender<Verdicts>,
}

impl Committer {
    pub(crate) fn start(engine: &Engine, cancel: CancellationToken, tracker: &TaskTracker) -> Self {
        let (requests, receiver) = mpsc::channel(64);
        tracker.spawn(run(engine.clone(), receiver, cancel));
        Self { requests }
    }

    /// Commits the items of one lane, in order. `None` if the engine is stopping:
    /// whether they were committed is then unknown, and found out next time.
    pub(crate) async fn commit(&self, items: Vec<AppendItem>) -> Option<Verdicts> {
        let (reply, answer) = oneshot::channel();
        self.requests.send(Request { items, reply }).await.ok()?;
        answer.await.ok()
    }
}

/// Runs until all lanes have ended, so that what they decided before a stop is
/// committed; or until Postgres fails during a stop.
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
        if commit(&engine.store, batch, &cancel).await.is_none() {
            return;
        }
        engine.committed.notify_one();
    }
}

/// Commits a batch. If the store refuses it as a whole, each lane's part is
/// tried alone, so that one that can't be stored costs the others nothing.
/// `None` if the engine is stopping.
async fn commit(
    store: &EventStore,
    mut batch: Vec<Request>,
    cancel: &CancellationToken,
) -> Option<()> {
    if let [only] = batch.as_mut_slice() {
        let verdicts = append(store, &only.items, cancel).await?;
        answer(batch.remove(0).reply, verdicts);
        return Some(());
    }
    let sizes: Vec<_> = batch.iter().map(|request| request.items.len()).collect();
    let mut items = Vec::with_capacity(sizes.iter().sum());
    for request in &mut batch {
        items.append(&mut request.items);
    }
    let mut together = append(store, &items, cancel).await?.map(Vec::into_iter);
    let mut items = items.as_slice();
    for (request, size) in batch.into_iter().zip(sizes) {
        let (own, others) = items.split_at(size);
        items = others;
        let verdicts = match &mut together {
            Ok(verdicts) => Ok(verdicts.take(size).collect()),
            Err(_) => append(store, own, cancel).await?,
        };
        answer(request.reply, verdicts);
    }
    Some(())
}

fn answer(reply: oneshot::Sender<Verdicts>, verdicts: Verdicts) {
    if let Err(error) = &verdicts {
        tracing::error!(%error, "the store refused an append");
    }
    // A lane that is gone learns by submitting its inputs again.
    let _ = reply.send(verdicts);
}

/// Appends until the store has answered: an append whose answer was lost comes
/// back as a duplicate. `None` if the engine is stopping.
async fn append(
    store: &EventStore,
    items: &[AppendItem],
    cancel: &CancellationToken,
) -> Option<Verdicts> {
    let (mut pause, longest) = PAUSE;
    loop {
        let too_long = async {
            cancel.cancelled().await;
            tokio::time::sleep(GRACE).await;
        };
        let answer = tokio::select! {
            answer = store.append(items) => answer,
            () = too_long => return None,
        };
        match answer {
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
