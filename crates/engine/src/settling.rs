//! The end of a round: commit, then settle, and only then.

use directory::Picture;
use domain::input::Input;
use eventstore::{AppendItem, AppendVerdict, Positions, StoreError, StoredAnswer};

use crate::Settlement;
use crate::lane::Lane;
use crate::waiting::Waiting;

/// An input that was decided and waits for its commit.
pub(crate) struct Pending {
    pub(crate) waiting: Waiting,
    pub(crate) item: Option<AppendItem>,
    pub(crate) picture: Option<Picture>,
}

impl Lane {
    /// Commits and settles. Gives back what lost against another writer, in
    /// order. `None` if the engine is stopping and it is not known what became
    /// of them: they come again, and what was committed is recognised.
    pub(crate) async fn commit(&mut self, mut pending: Vec<Pending>) -> Option<Vec<Waiting>> {
        let items: Vec<_> = pending.iter_mut().map(|pending| pending.item.take()).collect();
        let has_item: Vec<_> = items.iter().map(Option::is_some).collect();
        let answers: Vec<_> =
            items.iter().map(|item| item.as_ref().and_then(|item| item.answer.clone())).collect();
        let items: Vec<_> = items.into_iter().flatten().collect();
        let verdicts = if items.is_empty() {
            vec![]
        } else {
            match self.committer.commit(items).await? {
                Ok(verdicts) => verdicts,
                Err(error) => return Some(self.isolate(pending, &error)),
            }
        };
        let mut verdicts = verdicts.into_iter();
        // From the first on that another writer decided or changed something for,
        // what followed was decided on what never came to be.
        let mut others_wrote = false;
        let mut lost = vec![];
        for ((Pending { waiting, picture, .. }, has_item), answer) in
            pending.into_iter().zip(has_item).zip(answers)
        {
            match has_item.then(|| verdicts.next()).flatten() {
                None if has_item || others_wrote => lost.push(waiting),
                None => waiting.settle(Settlement::Done { answer: None }),
                Some(AppendVerdict::Appended(positions)) => {
                    self.take_picture(picture);
                    let answer = answer.map(|answer| with_position(answer, positions));
                    waiting.settle(Settlement::Done { answer });
                }
                Some(AppendVerdict::Duplicate(stored)) => {
                    others_wrote = true;
                    self.take_picture(picture);
                    waiting.settle(Settlement::Done { answer: answer_of(&stored) });
                }
                Some(AppendVerdict::Lost(reason)) => {
                    others_wrote = true;
                    metrics::counter!("onboarding_conflicts_total").increment(1);
                    tracing::debug!(company = %self.company, %reason, "an input lost; deciding again");
                    lost.push(waiting);
                }
            }
        }
        self.wary = others_wrote;
        if others_wrote {
            self.working_set.clear();
            self.started = false;
        } else {
            self.working_set.committed(&self.engine.store);
        }
        Some(lost)
    }

    fn take_picture(&mut self, picture: Option<Picture>) {
        let Some(picture) = picture else { return };
        tracing::info!(company = %self.company, version = picture.version(), "a directory version counts from here on");
        self.picture = Some(picture);
    }

    /// The store refuses these together: each is tried alone, and the one that
    /// it refuses alone is parked.
    fn isolate(&mut self, pending: Vec<Pending>, error: &StoreError) -> Vec<Waiting> {
        self.working_set.clear();
        if pending.len() > 1 {
            self.alone = pending.len();
            return pending.into_iter().map(|pending| pending.waiting).collect();
        }
        for Pending { waiting, .. } in pending {
            if let Input::DirectoryVersion(version) = waiting.input {
                self.refused = Some(version);
            }
            self.park(waiting, "store-refused", error.to_string());
        }
        vec![]
    }

    pub(crate) fn park(&self, waiting: Waiting, code: &'static str, reason: String) {
        metrics::counter!("onboarding_parked_total", "code" => code).increment(1);
        tracing::warn!(
            company = %self.company,
            input = %waiting.id,
            code,
            reason,
            "an input is parked; look at it, mend the cause, and retry it"
        );
        waiting.settle(Settlement::Park { code, reason });
    }
}

/// What an operator is told, with the position of the last event it led to.
pub(crate) fn answer_of(stored: &StoredAnswer) -> Option<serde_json::Value> {
    Some(with_position(stored.answer.clone()?, stored.positions))
}

fn with_position(mut answer: serde_json::Value, positions: Positions) -> serde_json::Value {
    if let (Some(object), Some(last)) = (answer.as_object_mut(), positions.last) {
        object.insert("position".into(), last.into());
    }
    answer
}
