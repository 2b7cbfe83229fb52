//! One committer a process: what waits while one append runs is the next.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use domain::Told;
use domain::ids::CompanyId;
use domain::record::RecordedEvent;
use eventstore::{AppendItem, AppendVerdict, Appended, Loss, Prepared, StoreError};
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::Engine;

/// Most items in one append, give or take what one lane hands in.
const MOST: usize = 1_024;
/// From this many items on a lane prepares them itself, and they are committed alone: together with
/// others they would have to be prepared again.
const MANY: usize = 256;
/// First and longest pause before an append is tried again.
const PAUSE: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(5));
/// How long an append that is under way may take after the engine was told to stop.
const GRACE: Duration = Duration::from_secs(5);

/// One for each item; or why the store refuses them together.
pub(crate) type Verdicts = Result<Vec<AppendVerdict>, Arc<StoreError>>;

/// Where lanes hand in what they decided.
#[derive(Clone)]
pub(crate) struct Committer {
    requests: mpsc::Sender<Request>,
}

/// What one lane decided in one round.
struct Request {
    lane: CompanyId,
    attempt: u64,
    items: Vec<AppendItem>,
    /// The items as the store takes them, if there are many.
    prepared: Option<Prepared>,
    reply: oneshot::Sender<Verdicts>,
}

impl Committer {
    pub(crate) fn start(engine: &Engine, cancel: CancellationToken, tracker: &TaskTracker) -> Self {
        let (requests, receiver) = mpsc::channel(64);
        tracker.spawn(run(engine.clone(), receiver, cancel));
        Self { requests }
    }

    /// Returns once nobody commits any more: it was told to stop, or broke.
    pub(crate) async fn gone(&self) {
        self.requests.closed().await;
    }

    /// Hands in the items of one lane, in order. Once one of them is not recorded, all that the
    /// lane hands in under the same `attempt` is lost unseen: it was decided on what never came to
    /// be. `None` if the engine is stopping; so is an answer that never comes: whether the items
    /// were committed is then unknown, and found out next time.
    pub(crate) async fn hand_in(
        &self,
        lane: CompanyId,
        attempt: u64,
        items: Vec<AppendItem>,
    ) -> Option<oneshot::Receiver<Verdicts>> {
        let (reply, answer) = oneshot::channel();
        // Now, while an earlier commit may be under way. If it fails, it will again in its turn.
        let prepared = (items.len() >= MANY).then(|| Prepared::of(&items).ok()).flatten();
        self.requests.send(Request { lane, attempt, items, prepared, reply }).await.ok()?;
        Some(answer)
    }
}

/// The attempts of lanes in which something was not recorded.
#[derive(Default)]
struct Behind(HashMap<CompanyId, u64>);

impl Behind {
    fn has(&self, request: &Request) -> bool {
        self.0.get(&request.lane) == Some(&request.attempt)
    }

    fn note(&mut self, lane: CompanyId, attempt: u64, verdicts: &Verdicts) {
        let recorded = |verdict: &AppendVerdict| matches!(verdict, AppendVerdict::Appended(_));
        if verdicts.as_ref().is_ok_and(|verdicts| verdicts.iter().all(recorded)) {
            self.0.remove(&lane);
        } else {
            self.0.insert(lane, attempt);
        }
    }
}

/// Runs until all lanes have ended, so that what they decided before a stop is
/// committed; or until Postgres fails during a stop.
async fn run(engine: Engine, mut requests: mpsc::Receiver<Request>, cancel: CancellationToken) {
    let mut behind = Behind::default();
    while let Some(first) = requests.recv().await {
        let mut count = first.items.len();
        let mut batch = vec![first];
        while count < MOST
            && batch[0].prepared.is_none()
            && let Ok(next) = requests.try_recv()
        {
            count += next.items.len();
            batch.push(next);
        }
        let mut fresh = Vec::with_capacity(batch.len());
        for request in batch {
            if behind.has(&request) {
                let lost = AppendVerdict::Lost(Loss::LaneBehind);
                answer(request.reply, Ok(vec![lost; request.items.len()]));
            } else {
                fresh.push(request);
            }
        }
        if fresh.is_empty() {
            continue;
        }
        metrics::histogram!("onboarding_commit_items").record(count as f64);
        let begun = Instant::now();
        if commit(&engine, fresh, &mut behind, &cancel).await.is_none() {
            return;
        }
        metrics::histogram!("onboarding_commit_seconds").record(begun.elapsed().as_secs_f64());
    }
}

/// Commits a batch. If the store refuses it as a whole, each lane's part is
/// tried alone, so that one that can't be stored costs the others nothing.
/// `None` if the engine is stopping.
async fn commit(
    engine: &Engine,
    mut batch: Vec<Request>,
    behind: &mut Behind,
    cancel: &CancellationToken,
) -> Option<()> {
    let sizes: Vec<_> = batch.iter().map(|request| request.items.len()).collect();
    let mut items = Vec::with_capacity(sizes.iter().sum());
    for request in &mut batch {
        items.append(&mut request.items);
    }
    let alone = batch.len() == 1;
    let prepared = batch.first_mut().filter(|_| alone).and_then(|only| only.prepared.take());
    let mut together = append(engine, &mut items, prepared, cancel).await?.map(Vec::into_iter);
    let mut items = items.as_mut_slice();
    for (Request { lane, attempt, reply, .. }, size) in batch.into_iter().zip(sizes) {
        let (own, others) = items.split_at_mut(size);
        items = others;
        let verdicts = match &mut together {
            Ok(verdicts) => Ok(verdicts.take(size).collect()),
            Err(_) if behind.0.get(&lane) == Some(&attempt) => {
                Ok(vec![AppendVerdict::Lost(Loss::LaneBehind); size])
            }
            Err(error) if alone => Err(error.clone()),
            Err(_) => append(engine, own, None, cancel).await?,
        };
        behind.note(lane, attempt, &verdicts);
        answer(reply, verdicts);
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

/// Appends until the store has answered: an append whose answer was lost comes back as a duplicate.
/// What is recorded now is kept for the relay, together with the items' events. `None` if the
/// engine is stopping.
async fn append(
    engine: &Engine,
    items: &mut [AppendItem],
    prepared: Option<Prepared>,
    cancel: &CancellationToken,
) -> Option<Verdicts> {
    let (mut pause, longest) = PAUSE;
    let mut prepared = match prepared.map_or_else(|| Prepared::of(items), Ok) {
        Ok(prepared) => prepared,
        Err(error) => return Some(Err(Arc::new(error))),
    };
    loop {
        let too_long = async {
            cancel.cancelled().await;
            tokio::time::sleep(GRACE).await;
        };
        let answer = tokio::select! {
            answer = engine.commits.append_prepared(items, &mut prepared) => answer,
            () = too_long => return None,
        };
        match answer {
            Ok(Appended { verdicts, events }) => {
                engine.committed.add(with_meaning(items, &verdicts, events));
                return Some(Ok(verdicts));
            }
            Err(error) if error.is_transient() => {
                tracing::warn!(%error, ?pause, "Postgres does not take the append; trying again");
                metrics::counter!("onboarding_commit_retries_total").increment(1);
                cancel.run_until_cancelled(tokio::time::sleep(pause)).await?;
                pause = (pause * 2).min(longest);
            }
            Err(error) => return Some(Err(Arc::new(error))),
        }
    }
}

/// What was recorded, with the events that were decided.
fn with_meaning(
    items: &mut [AppendItem],
    verdicts: &[AppendVerdict],
    recorded: Vec<RecordedEvent>,
) -> Vec<Told> {
    let mut decided = items
        .iter_mut()
        .zip(verdicts)
        .filter(|(_, verdict)| matches!(verdict, AppendVerdict::Appended(_)))
        .flat_map(|(item, _)| &mut item.streams)
        .flat_map(|stream| std::mem::take(&mut stream.events));
    let told = recorded.into_iter().map(|recorded| {
        let meaning = decided.next().filter(|(id, _)| *id == recorded.event_id);
        Told { recorded, meaning: meaning.map(|(_, event)| event) }
    });
    told.collect()
}
