//! One company's inputs, in order.

use std::collections::{HashSet, VecDeque};
use std::time::Duration;

use directory::Picture;
use domain::identity::Identifier;
use domain::ids::CompanyId;
use domain::input::{Input, LaneInput};
use eventstore::{AppendItem, AppendVerdict, Positions, StoreError, StoredAnswer};
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use crate::committer::Committer;
use crate::decide::{Decided, Undecided};
use crate::working_set::WorkingSet;
use crate::{Engine, Settlement, Submission};

/// Most inputs decided before they are committed together.
const MOST: usize = 64;
/// How often an input may lose against other writers before it is put off.
const PATIENCE: u32 = 20;
/// Pause after the store or the directory did not answer.
const PAUSE: Duration = Duration::from_millis(500);

/// One company's lane.
pub(crate) struct Lane {
    pub(crate) engine: Engine,
    pub(crate) company: CompanyId,
    pub(crate) picture: Option<Picture>,
    pub(crate) working_set: WorkingSet,
    committer: Committer,
    started: bool,
    /// After the store refused several inputs together: one at a time, until
    /// the one that it refuses is found.
    alone: bool,
}

/// An input that was decided and waits for its commit.
struct Pending {
    submission: Submission,
    item: Option<AppendItem>,
    picture: Option<Picture>,
}

impl Lane {
    pub(crate) fn new(engine: Engine, company: CompanyId, committer: Committer) -> Self {
        let working_set = WorkingSet::default();
        Self {
            engine,
            company,
            picture: None,
            working_set,
            committer,
            started: false,
            alone: false,
        }
    }

    /// Takes what is there, decides it, commits it, settles it.
    pub(crate) async fn run(
        mut self,
        mut inputs: mpsc::Receiver<Submission>,
        cancel: CancellationToken,
    ) {
        while let Some(Some(first)) = cancel.run_until_cancelled(inputs.recv()).await {
            let mut batch = VecDeque::from([first]);
            while batch.len() < MOST
                && let Ok(next) = inputs.try_recv()
            {
                batch.push_back(next);
            }
            let done = cancel.run_until_cancelled(self.process(batch)).await;
            if done.is_none() {
                return;
            }
        }
    }

    async fn process(&mut self, mut batch: VecDeque<Submission>) {
        let mut losses = 0;
        while !batch.is_empty() {
            if let Err(problem) = self.start().await {
                tracing::warn!(company = %self.company, problem, "the lane cannot start; trying again");
                tokio::time::sleep(PAUSE).await;
                continue;
            }
            if let Err(problem) = self.settle_known(&mut batch).await {
                tracing::warn!(company = %self.company, problem, "inputs cannot be looked up; trying again");
                tokio::time::sleep(PAUSE).await;
                continue;
            }
            let pending = self.decide_some(&mut batch).await;
            let lost = self.commit(pending).await;
            if lost.is_empty() {
                losses = 0;
                continue;
            }
            losses += 1;
            metrics::counter!("onboarding_conflicts_total").increment(1);
            for submission in lost.into_iter().rev() {
                batch.push_front(submission);
            }
            if losses > PATIENCE
                && let Some(first) = batch.pop_front()
            {
                tracing::error!(
                    company = %self.company,
                    input = %first.input.input.id(&self.company),
                    "an input keeps losing against other writers; it is put off"
                );
                first.settle(Settlement::RetryAfter(Duration::from_secs(5)));
                losses = 0;
            }
        }
    }

    /// Before its first input the lane takes the directory version that it had,
    /// and the newest there is.
    async fn start(&mut self) -> Result<(), String> {
        if self.started {
            return Ok(());
        }
        let lane = self.engine.store.lane(&self.company).await.map_err(|e| e.to_string())?;
        if let Some(version) = lane {
            let picture = self.engine.directory.picture(&self.company, version).await;
            self.picture = picture.map_err(|e| e.to_string())?;
        }
        let newest =
            self.engine.directory.latest(&self.company).await.map_err(|e| e.to_string())?;
        self.started = true;
        if let Some(version) = newest.filter(|newest| lane.is_none_or(|had| had < *newest)) {
            let (settle, _) = oneshot::channel();
            let input = LaneInput {
                company: self.company.clone(),
                input: Input::DirectoryVersion(version),
            };
            let mut batch = VecDeque::from([Submission { input, traceparent: None, settle }]);
            let pending = self.decide_some(&mut batch).await;
            if !self.commit(pending).await.is_empty() || !batch.is_empty() {
                self.started = false;
                return Err(format!("directory version {version} could not be taken"));
            }
        }
        Ok(())
    }

    /// Settles what was decided before: it came twice.
    async fn settle_known(&mut self, batch: &mut VecDeque<Submission>) -> Result<(), String> {
        let ids: Vec<_> = batch.iter().map(|s| s.input.input.id(&self.company)).collect();
        let known = self.engine.store.decided(&self.company, &ids).await;
        let known = known.map_err(|e| e.to_string())?;
        if known.is_empty() {
            return Ok(());
        }
        for submission in std::mem::take(batch) {
            let id = submission.input.input.id(&self.company);
            match known.iter().find(|(decided, _)| *decided == id) {
                Some((_, stored)) => {
                    metrics::counter!("onboarding_duplicates_total").increment(1);
                    submission.settle(Settlement::Done { answer: answer_of(stored) });
                }
                None => batch.push_back(submission),
            }
        }
        Ok(())
    }

    /// Decides inputs until one needs what the ones before it are about to
    /// write: a client whom an earlier input of this round concerns, or a new
    /// directory version.
    async fn decide_some(&mut self, batch: &mut VecDeque<Submission>) -> Vec<Pending> {
        let mut pending: Vec<Pending> = vec![];
        let mut met: HashSet<Identifier> = HashSet::new();
        while let Some(submission) = batch.pop_front() {
            if self.alone && !pending.is_empty() {
                batch.push_front(submission);
                break;
            }
            let concerned = clients_of(&submission.input.input);
            if concerned.iter().any(|identifier| met.contains(identifier)) {
                batch.push_front(submission);
                break;
            }
            match self.decide(&submission).await {
                Ok(Decided::Append(item)) => {
                    met.extend(concerned);
                    pending.push(Pending { submission, item: Some(*item), picture: None });
                }
                // Settled with the ones before it: it may be so only because of them.
                Ok(Decided::Nothing) => {
                    pending.push(Pending { submission, item: None, picture: None });
                }
                Ok(Decided::Directory(item, picture)) => {
                    let picture = Some(picture);
                    pending.push(Pending { submission, item: Some(*item), picture });
                    break;
                }
                Err(Undecided::Park(code, reason)) => {
                    self.park(submission, code, reason);
                }
                Err(Undecided::Later(problem)) => {
                    tracing::warn!(company = %self.company, problem, "an input could not be decided; trying again");
                    batch.push_front(submission);
                    tokio::time::sleep(PAUSE).await;
                    break;
                }
            }
        }
        pending
    }

    /// Commits and settles. Gives back what lost against another writer, in order.
    async fn commit(&mut self, pending: Vec<Pending>) -> Vec<Submission> {
        let items: Vec<_> = pending.iter().filter_map(|p| p.item.clone()).collect();
        let verdicts = if items.is_empty() {
            vec![]
        } else {
            match self.committer.commit(items).await {
                // The engine is stopping. Unsettled inputs come again, and if
                // they were committed they are recognised.
                None => return vec![],
                Some(Ok(verdicts)) => verdicts,
                Some(Err(error)) => {
                    self.working_set.clear();
                    return self.isolate(pending, &error).await;
                }
            }
        };
        self.working_set.keep_pools();
        let mut verdicts = verdicts.into_iter();
        let mut lost = vec![];
        for Pending { submission, item, picture } in pending {
            let verdict = item.as_ref().and_then(|_| verdicts.next());
            let item_answer = item.and_then(|item| item.answer);
            if !lost.is_empty() {
                lost.push(submission);
                continue;
            }
            match verdict {
                None => submission.settle(Settlement::Done { answer: None }),
                Some(AppendVerdict::Appended(positions)) => {
                    if let Some(picture) = picture {
                        tracing::info!(company = %self.company, version = picture.version(), "a directory version counts from here on");
                        self.picture = Some(picture);
                    }
                    let answer = item_answer.map(|answer| with_position(answer, positions));
                    submission.settle(Settlement::Done { answer });
                }
                Some(AppendVerdict::Duplicate(stored)) => {
                    self.working_set.clear();
                    submission.settle(Settlement::Done { answer: answer_of(&stored) });
                }
                Some(AppendVerdict::Lost(reason)) => {
                    tracing::debug!(company = %self.company, ?reason, "an input lost; deciding again");
                    lost.push(submission);
                }
            }
        }
        if !lost.is_empty() {
            self.working_set.clear();
        }
        lost
    }

    /// The store refuses these together: each is tried alone, and the one that
    /// it refuses alone is parked.
    async fn isolate(&mut self, pending: Vec<Pending>, error: &StoreError) -> Vec<Submission> {
        if pending.len() > 1 {
            self.alone = true;
            return pending.into_iter().map(|p| p.submission).collect();
        }
        for Pending { submission, .. } in pending {
            self.park(submission, "store-refused", error.to_string());
        }
        self.alone = false;
        vec![]
    }

    fn park(&self, submission: Submission, code: &'static str, reason: String) {
        metrics::counter!("onboarding_parked_total", "code" => code).increment(1);
        tracing::warn!(
            company = %self.company,
            input = %submission.input.input.id(&self.company),
            code,
            reason,
            "an input is parked; look at it, mend the cause, and retry it"
        );
        submission.settle(Settlement::Park { code, reason });
    }
}

/// What an operator is told, with the position of the last event it led to.
fn answer_of(stored: &StoredAnswer) -> Option<serde_json::Value> {
    Some(with_position(stored.answer.clone()?, stored.positions))
}

fn with_position(mut answer: serde_json::Value, positions: Positions) -> serde_json::Value {
    if let (Some(object), Some(last)) = (answer.as_object_mut(), positions.last) {
        object.insert("position".into(), last.into());
    }
    answer
}

/// Who an input is about, as far as look-ups by identifier go.
fn clients_of(input: &Input) -> Vec<Identifier> {
    match input {
        Input::Message(message) => {
            let variants = message.from.lookup_variants();
            message.from.identifiers().into_iter().chain(variants).collect()
        }
        Input::Command(command) => {
            let domain::input::OperatorRequest::RegisterClientProfile { identifiers, .. } =
                &command.request;
            identifiers.iter().map(|id| id.expose().clone()).collect()
        }
        Input::Status(_)
        | Input::Receipt(_)
        | Input::DirectoryVersion(_)
        | Input::RoomDeadline(_) => vec![],
    }
}
