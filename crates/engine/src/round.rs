//! A lane's rounds: what is decided before the next commit.

use std::collections::VecDeque;
use std::panic::AssertUnwindSafe;

use domain::input::Input;
use eventstore::StoredAnswer;
use futures::FutureExt;

use crate::decide::{Decided, Undecided};
use crate::gather::{self, Gathered, client_of};
use crate::lane::{Lane, PAUSE};
use crate::settling::{Pending, Round, answer_of};
use crate::waiting::Waiting;
use crate::{Engine, Settlement};

impl Lane {
    /// Decides inputs until one needs what the ones before it are about to
    /// write: who a client is, or a new directory version. What was decided
    /// before, by this worker or another, is settled.
    pub(crate) async fn decide_some(&mut self, batch: &mut VecDeque<Waiting>) -> Round {
        if std::mem::take(&mut self.forget) {
            self.working_set.clear();
        }
        let loaded_anew = self.working_set.is_empty();
        let most = if self.alone > 0 { 1 } else { batch.len() };
        let mut gathered = match self.gather(&batch.make_contiguous()[..most]).await {
            Ok(gathered) => gathered,
            Err(why) => {
                self.set_apart(batch, &why);
                return Round::default();
            }
        };
        let early = self.early_statuses(&mut gathered, &batch.make_contiguous()[..most]).await;
        for waiting in early {
            match batch.iter_mut().find(|known| known.id == waiting.id) {
                Some(known) => known.input = waiting.input,
                None => batch.push_back(waiting),
            }
        }
        let Round { mut pending, mut met } = Round::default();
        for _ in 0..most {
            let Some(waiting) = batch.pop_front() else { break };
            if let Some(stored) = came_again(&waiting, &gathered) {
                metrics::counter!("onboarding_duplicates_total").increment(1);
                waiting.settle(Settlement::Done { answer: answer_of(stored) });
                self.alone = self.alone.saturating_sub(1);
                continue;
            }
            let query = client_of(&waiting.input, &self.working_set);
            let found = gathered.client(waiting.id);
            let concerns = |query| {
                let before = self.flights.iter().map(|flight| &flight.met);
                before.chain([&met]).any(|met| met.bears_on(query, &found))
            };
            let may_be_named = || {
                self.flights.iter().any(|flight| flight.names_messages)
                    || pending.iter().any(names_a_message)
            };
            let must_wait = query.as_ref().is_some_and(concerns)
                || (gathered.unmatched(&waiting).is_some() && may_be_named());
            if must_wait {
                batch.push_front(waiting);
                break;
            }
            let decided = self.decide(&waiting, &gathered).await;
            match decided {
                Ok(Decided::Append(item)) => {
                    if let Some(query) = query {
                        met.learn(query, &found, &item);
                    }
                    pending.push(Pending { waiting, item: Some(*item), picture: None });
                }
                // Settled with the ones before it: it may be so only because of them.
                Ok(Decided::Nothing) => {
                    pending.push(Pending { waiting, item: None, picture: None });
                }
                Ok(Decided::Directory(item, picture)) => {
                    let picture = Some(picture);
                    pending.push(Pending { waiting, item: Some(*item), picture });
                    break;
                }
                // Perhaps only because another writer changed what is cached, or
                // because of decisions that will not be committed.
                Err(Undecided::Rejected(_)) if !(loaded_anew && pending.is_empty()) => {
                    self.forget = true;
                    batch.push_front(waiting);
                    break;
                }
                Err(Undecided::Rejected(reason)) => self.park(waiting, "rejected", reason),
                Err(Undecided::Park(code, reason)) => self.park(waiting, code, reason),
                Err(Undecided::Later(problem)) => {
                    tracing::warn!(company = %self.company, problem, "an input could not be decided; trying again");
                    batch.push_front(waiting);
                    if pending.is_empty() {
                        tokio::time::sleep(PAUSE).await;
                    }
                    break;
                }
            }
            self.alone = self.alone.saturating_sub(1);
        }
        Round { pending, met }
    }

    /// What the inputs need to know; tried until the store answers.
    async fn gather(&mut self, inputs: &[Waiting]) -> Result<Gathered, OutOfReach> {
        loop {
            let Self { engine: Engine { store, .. }, company, working_set, .. } = self;
            let looking = async {
                match &self.picture {
                    Some(picture) => {
                        gather::gather(store, company, picture, working_set, inputs).await
                    }
                    None => Gathered::decided_only(store, company, inputs).await,
                }
            };
            match AssertUnwindSafe(looking).catch_unwind().await {
                Ok(Ok(gathered)) => return Ok(gathered),
                Ok(Err(error)) if error.is_transient() => {
                    tracing::warn!(company = %self.company, %error, "what inputs need cannot be looked up; trying again");
                    tokio::time::sleep(PAUSE).await;
                }
                Ok(Err(error)) => {
                    tracing::error!(company = %self.company, %error, "what inputs need cannot be read");
                    return Err(OutOfReach {
                        code: "unreadable-store",
                        reason: "what it needs cannot be read; the service's log tells what",
                    });
                }
                Err(_) => {
                    self.working_set.clear();
                    return Err(OutOfReach {
                        code: "panicked",
                        reason: "looking up what it needs panicked; the service's output tells where",
                    });
                }
            }
        }
    }

    /// One of the inputs needs what can't be had: each is tried alone, and the
    /// one at fault is parked.
    fn set_apart(&mut self, batch: &mut VecDeque<Waiting>, why: &OutOfReach) {
        if self.alone == 0 && batch.len() > 1 {
            self.alone = batch.len();
        } else if let Some(waiting) = batch.pop_front() {
            self.alone = self.alone.saturating_sub(1);
            self.park(waiting, why.code, why.reason.to_owned());
        }
    }
}

/// Why what inputs need can never be had, so that one of them is to be parked.
struct OutOfReach {
    code: &'static str,
    reason: &'static str,
}

/// The answer of an input that was decided before. A directory version that another worker took is
/// decided all the same: this lane has to take it too.
fn came_again<'a>(waiting: &Waiting, gathered: &'a Gathered) -> Option<&'a StoredAnswer> {
    match waiting.input {
        Input::DirectoryVersion(_) => None,
        _ => gathered.stored_answer(waiting.id),
    }
}

/// Something that may tell which message of ours has which id at WhatsApp.
pub(crate) fn names_a_message(pending: &Pending) -> bool {
    let of_a_send = matches!(pending.waiting.input, Input::Receipt(_) | Input::Status(_));
    of_a_send && pending.item.is_some()
}
