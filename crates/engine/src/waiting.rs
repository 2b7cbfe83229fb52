//! An input inside the engine, with everybody who waits for what becomes of it.

use std::collections::VecDeque;

use domain::ids::{CompanyId, InputId};
use domain::input::Input;
use tokio::sync::oneshot;

use crate::{Settlement, Submission};

/// An input that is being decided.
pub(crate) struct Waiting {
    pub(crate) id: InputId,
    pub(crate) input: Input,
    pub(crate) traceparent: Option<String>,
    /// The lane gave it to itself: nobody waits for it, and nothing is parked of it.
    pub(crate) own: bool,
    listeners: Vec<oneshot::Sender<Settlement>>,
}

impl Waiting {
    pub(crate) fn new(submission: Submission) -> Self {
        let Submission { input, traceparent, settle } = submission;
        let id = input.input.id(&input.company);
        let own = input.input.is_our_own();
        Self { id, input: input.input, traceparent, own, listeners: vec![settle] }
    }

    /// One that nobody waits for: the lane's own.
    pub(crate) fn own(company: &CompanyId, input: Input) -> Self {
        Self { id: input.id(company), input, traceparent: None, own: true, listeners: vec![] }
    }

    /// Tells everybody; who no longer listens submits again by itself.
    pub(crate) fn settle(self, settlement: Settlement) {
        for listener in self.listeners {
            let _ = listener.send(settlement.clone());
        }
    }
}

/// Inputs in the order of their arrival, each once: what comes twice is decided
/// once, and both hear of it.
pub(crate) fn without_twins(
    submissions: impl IntoIterator<Item = Submission>,
) -> VecDeque<Waiting> {
    let mut batch: VecDeque<Waiting> = VecDeque::new();
    for next in submissions.into_iter().map(Waiting::new) {
        match batch.iter_mut().find(|known| known.id == next.id) {
            Some(known) => {
                metrics::counter!("onboarding_duplicates_total").increment(1);
                known.listeners.extend(next.listeners);
            }
            None => batch.push_back(next),
        }
    }
    batch
}
