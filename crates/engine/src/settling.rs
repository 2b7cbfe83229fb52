//! The end of a round: what was decided is on its way to the log, then it is settled, and only
//! then. While one round is on its way the next is decided, on what the first will have changed.

use directory::Picture;
use domain::ids::CompanyId;
use domain::input::{Input, MessageStatus};
use domain::outbound::{DeliveryStatus, ErrorClass, SendError};
use eventstore::{AppendItem, AppendVerdict, Positions, StoreError, StoredAnswer};
use tokio::sync::oneshot;

use crate::Settlement;
use crate::committer::Verdicts;
use crate::lane::Lane;
use crate::met::Met;
use crate::waiting::Waiting;
use crate::working_set::Snapshot;

/// An input that was decided and waits for its commit.
pub(crate) struct Pending {
    pub(crate) waiting: Waiting,
    pub(crate) item: Option<AppendItem>,
    pub(crate) picture: Option<Picture>,
}

/// What was decided in one go.
#[derive(Default)]
pub(crate) struct Round {
    pub(crate) pending: Vec<Pending>,
    /// Whom it concerns: who comes next may have to wait for it.
    pub(crate) met: Met,
}

/// A round on its way to the log.
pub(crate) struct Flight {
    inputs: Vec<Decided>,
    verdicts: Option<oneshot::Receiver<Verdicts>>,
    pub(crate) met: Met,
    /// It may tell which message of ours has which id at WhatsApp.
    pub(crate) names_messages: bool,
    snapshots: Vec<Snapshot>,
}

/// What became of a round.
#[derive(Default)]
pub(crate) struct Landed {
    /// What lost against another writer, in order, with all that was decided after it.
    pub(crate) lost: Vec<Waiting>,
    /// Whether anything of it is settled.
    pub(crate) settled_some: bool,
}

struct Decided {
    waiting: Waiting,
    has_item: bool,
    answer: Option<serde_json::Value>,
    picture: Option<Picture>,
}

impl Flight {
    /// Returns once it is known what became of it. Dropping the future loses nothing.
    pub(crate) async fn arrival(&mut self) -> Option<Verdicts> {
        match &mut self.verdicts {
            Some(verdicts) => verdicts.await.ok(),
            None => Some(Ok(vec![])),
        }
    }
}

impl Lane {
    /// Hands a round in. `None` if the engine is stopping.
    pub(crate) async fn take_off(&mut self, round: Round) -> Option<()> {
        let Round { pending, met } = round;
        let names_messages = pending.iter().any(crate::round::names_a_message);
        let mut items = vec![];
        let mut inputs = vec![];
        for Pending { waiting, item, picture } in pending {
            let has_item = item.is_some();
            let answer = item.as_ref().and_then(|item| item.answer.clone());
            items.extend(item);
            inputs.push(Decided { waiting, has_item, answer, picture });
        }
        let verdicts = if items.is_empty() {
            None
        } else {
            let lane = self.company.clone();
            Some(self.committer.hand_in(lane, self.attempt, items).await?)
        };
        let snapshots = self.working_set.due_snapshots();
        self.flights.push_back(Flight { inputs, verdicts, met, names_messages, snapshots });
        Some(())
    }

    /// Waits for the oldest round and settles it. `None` if the engine is stopping and it is not
    /// known what became of it: its inputs come again, and what was committed is recognised.
    pub(crate) async fn land(&mut self) -> Option<Landed> {
        let Some(mut flight) = self.flights.pop_front() else { return Some(Landed::default()) };
        let verdicts = flight.arrival().await?;
        self.settle(flight, verdicts).await
    }

    /// The same for a round whose verdicts are here.
    pub(crate) async fn settle(&mut self, flight: Flight, verdicts: Verdicts) -> Option<Landed> {
        let error = match verdicts {
            Ok(verdicts) => {
                let many = flight.inputs.len();
                let (lost, others_wrote) = self.settle_each(flight.inputs, verdicts, false);
                let settled_some = lost.len() < many;
                if !others_wrote {
                    self.keep(flight.snapshots);
                    return Some(Landed { lost, settled_some });
                }
                let lost = self.with_those_after(lost).await?;
                self.working_set.clear();
                self.wary = true;
                self.started = false;
                self.early_known = false;
                return Some(Landed { lost, settled_some });
            }
            Err(error) => error,
        };
        let refused: Vec<_> = flight.inputs.into_iter().map(|input| input.waiting).collect();
        let many = refused.len();
        let mut lost = self.with_those_after(refused).await?;
        let after = lost.split_off(many);
        let mut again = self.isolate(lost, &error);
        let settled_some = again.len() < many;
        again.extend(after);
        Some(Landed { lost: again, settled_some })
    }

    /// What was decided on something that never came to be is lost with it.
    async fn with_those_after(&mut self, mut lost: Vec<Waiting>) -> Option<Vec<Waiting>> {
        self.attempt += 1;
        while let Some(mut flight) = self.flights.pop_front() {
            match flight.arrival().await? {
                Ok(verdicts) => lost.extend(self.settle_each(flight.inputs, verdicts, true).0),
                Err(_) => lost.extend(flight.inputs.into_iter().map(|input| input.waiting)),
            }
        }
        Some(lost)
    }

    /// Gives back what lost, and whether another writer was at work: from the first on that it
    /// decided or changed something for, what followed was decided on what never came to be.
    fn settle_each(
        &mut self,
        inputs: Vec<Decided>,
        verdicts: Vec<AppendVerdict>,
        mut others_wrote: bool,
    ) -> (Vec<Waiting>, bool) {
        let mut verdicts = verdicts.into_iter();
        let mut lost = vec![];
        for Decided { waiting, has_item, answer, picture } in inputs {
            match has_item.then(|| verdicts.next()).flatten() {
                None if has_item || others_wrote => lost.push(waiting),
                None => waiting.settle(Settlement::Done { answer: None }),
                Some(AppendVerdict::Appended(positions)) => {
                    self.take_picture(picture);
                    if let Input::Status(status) = &waiting.input
                        && positions.last.is_some()
                    {
                        tell_of_failure(&self.company, status);
                    }
                    let answer = answer.map(|answer| with_position(answer, positions));
                    waiting.settle(Settlement::Done { answer });
                }
                Some(AppendVerdict::Duplicate(stored)) => {
                    metrics::counter!("onboarding_duplicates_total").increment(1);
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
        (lost, others_wrote)
    }

    /// After a commit of everything: what grew long gets a snapshot, and what nobody needs now is
    /// forgotten, unless a round that is on its way was decided on it.
    fn keep(&mut self, snapshots: Vec<Snapshot>) {
        self.wary = false;
        for snapshot in snapshots {
            snapshot.save(&self.engine.store);
        }
        if self.flights.is_empty() {
            self.working_set.forget_all_but_pools();
        }
    }

    fn take_picture(&mut self, picture: Option<Picture>) {
        let Some(picture) = picture else { return };
        tracing::info!(company = %self.company, version = picture.version(), "a directory version counts from here on");
        self.picture = Some(picture);
    }

    /// The store refuses these together: each is tried alone, and the one that
    /// it refuses alone is parked.
    fn isolate(&mut self, inputs: Vec<Waiting>, error: &StoreError) -> Vec<Waiting> {
        self.working_set.clear();
        if inputs.len() > 1 {
            self.alone = inputs.len();
            return inputs;
        }
        for waiting in inputs {
            if let Input::DirectoryVersion(version) = waiting.input {
                self.refused = Some(version);
            }
            self.park(waiting, "store-refused", error.to_string());
        }
        vec![]
    }

    pub(crate) fn park(&self, waiting: Waiting, code: &'static str, reason: String) {
        if waiting.own {
            metrics::counter!("onboarding_own_inputs_refused_total", "code" => code).increment(1);
            tracing::warn!(
                company = %self.company,
                input = %waiting.id,
                code,
                reason,
                "a directory version, a room or a status that came early can't be dealt with; it is tried again"
            );
        } else {
            tracing::warn!(
                company = %self.company,
                input = %waiting.id,
                code,
                reason,
                "an input is parked; look at it, mend the cause, and retry it"
            );
        }
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

/// A message that WhatsApp had taken did not arrive: an operator hears of it as of one that it refuses
/// at once.
fn tell_of_failure(company: &CompanyId, status: &MessageStatus) {
    if status.status != DeliveryStatus::Failed {
        return;
    }
    let unknown =
        SendError { code: 0, class: ErrorClass::Unknown, definite: true, title: String::new() };
    let SendError { code, class, title, .. } = status.error.as_ref().unwrap_or(&unknown);
    metrics::counter!("onboarding_messages_failed_total", "class" => class.as_str()).increment(1);
    let number = &status.phone_number_id;
    match class.remedy() {
        Some(remedy) => tracing::error!(
            %company, %number, code, title, remedy,
            "a message that WhatsApp had taken did not arrive, and people have to see to it"
        ),
        None => tracing::warn!(
            %company, %number, code, title,
            "a message that WhatsApp had taken did not arrive"
        ),
    }
}
