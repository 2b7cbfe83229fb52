//! Statuses that come before it is known whose message they are of: the webhook was faster than the
//! receipt of our own call, and it does not carry our reference. They are kept, and come again once an
//! input tells which message of ours has that id at WhatsApp.

use std::collections::HashMap;

use domain::ids::Wamid;
use domain::input::{Input, MessageReference, MessageStatus, SendResult};
use eventstore::StoreError;

use crate::gather::Gathered;
use crate::lane::{Lane, PAUSE};
use crate::waiting::Waiting;

impl Lane {
    /// Keeps what came early among these inputs, and gives what came early and is theirs. A lane that
    /// begins, or finds that another worker was at work, also looks for what was kept and not come back
    /// to. Tried until the store answers.
    pub(crate) async fn early_statuses(
        &mut self,
        gathered: &mut Gathered,
        inputs: &[Waiting],
    ) -> Vec<Waiting> {
        let mut found = gathered.take_early();
        let new = inputs.iter().filter(|one| gathered.stored_answer(one.id).is_none());
        let early: Vec<_> = new.filter_map(|one| gathered.unmatched(one)).collect();
        if !early.is_empty() {
            // Of those that came together with what names them.
            let of_these = early.iter().map(|status| (*status).clone());
            found.extend(of_named(of_these, &named(inputs)));
        }
        let missed = loop {
            match self.keep_and_look(&early).await {
                Ok(missed) => break missed,
                Err(error) if error.is_transient() => {
                    tracing::warn!(company = %self.company, %error, "statuses that came early cannot be kept or looked up; trying again");
                    tokio::time::sleep(PAUSE).await;
                }
                Err(error) => {
                    tracing::error!(company = %self.company, %error, "statuses that came early cannot be kept; they are left out");
                    break vec![];
                }
            }
        };
        let own = |status| Waiting::own(&self.company, Input::Status(status));
        found.into_iter().chain(missed).map(own).collect()
    }

    async fn keep_and_look(
        &mut self,
        early: &[&MessageStatus],
    ) -> Result<Vec<MessageStatus>, StoreError> {
        let (store, company) = (&self.engine.store, &self.company);
        if !early.is_empty() {
            store.keep_early_statuses(company, early).await?;
        }
        if self.early_known {
            return Ok(vec![]);
        }
        let missed = store.early_statuses_of_known(company).await?;
        self.early_known = true;
        Ok(missed)
    }
}

/// Which messages of ours have which ids at WhatsApp, as inputs tell. What came early tells nothing to
/// others of its kind, or they would fetch each other for ever.
pub(crate) fn named(inputs: &[Waiting]) -> HashMap<&Wamid, MessageReference> {
    inputs.iter().filter(|one| !one.own).filter_map(|one| names(&one.input)).collect()
}

/// Those statuses whose messages are named, with whose they are.
pub(crate) fn of_named(
    statuses: impl IntoIterator<Item = MessageStatus>,
    named: &HashMap<&Wamid, MessageReference>,
) -> impl Iterator<Item = MessageStatus> {
    statuses.into_iter().filter_map(|status| {
        let reference = *named.get(&status.wamid)?;
        Some(MessageStatus { reference: Some(reference), ..status })
    })
}

/// Which message of ours has which id at WhatsApp, if an input tells.
fn names(input: &Input) -> Option<(&Wamid, MessageReference)> {
    match input {
        Input::Receipt(receipt) => match &receipt.result {
            SendResult::Accepted { wamid } => {
                let (request_id, message_id) = (receipt.request_id, receipt.message_id);
                Some((wamid, MessageReference { request_id, message_id }))
            }
            SendResult::Attempted | SendResult::GivenUp { .. } => None,
        },
        Input::Status(status) => Some((&status.wamid, status.reference?)),
        Input::Message(_)
        | Input::Command(_)
        | Input::DirectoryVersion(_)
        | Input::RoomDeadline(_)
        | Input::RoomReview(_) => None,
    }
}
