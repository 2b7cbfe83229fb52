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

/// What a lane knows of the statuses that are kept for it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Kept {
    /// It has not looked.
    #[default]
    Unknown,
    /// None: so nothing has to be asked.
    None,
    /// There are some.
    Some,
}

impl Lane {
    /// Keeps what came early among these inputs, and gives what came early before them and is theirs:
    /// to be decided after them. Tried until the store answers.
    pub(crate) async fn early_statuses(
        &mut self,
        gathered: &Gathered,
        inputs: &[Waiting],
    ) -> Vec<Waiting> {
        let found = loop {
            match self.look_for_early_statuses(gathered, inputs).await {
                Ok(found) => break found,
                Err(error) if error.is_transient() => {
                    tracing::warn!(company = %self.company, %error, "statuses that came early cannot be looked up; trying again");
                    tokio::time::sleep(PAUSE).await;
                }
                Err(error) => {
                    tracing::error!(company = %self.company, %error, "statuses that came early cannot be read; they are left out");
                    return vec![];
                }
            }
        };
        let own = |status| Waiting::own(&self.company, Input::Status(status));
        found.into_iter().map(own).collect()
    }

    async fn look_for_early_statuses(
        &mut self,
        gathered: &Gathered,
        inputs: &[Waiting],
    ) -> Result<Vec<MessageStatus>, StoreError> {
        let (store, company) = (&self.engine.store, &self.company);
        let mut found = vec![];
        if self.early == Kept::Unknown {
            // A worker before may have recorded whose they are, and not come back to them.
            found = store.early_statuses_of_known(company).await?;
            let any = store.has_early_statuses(company).await?;
            self.early = if any { Kept::Some } else { Kept::None };
        }
        let new = || inputs.iter().filter(|one| gathered.stored_answer(one.id).is_none());
        let early: Vec<_> = new().filter_map(|one| gathered.unmatched(one)).collect();
        if !early.is_empty() {
            store.keep_early_statuses(company, &early).await?;
            self.early = Kept::Some;
        }
        if self.early == Kept::Some {
            let named: HashMap<&Wamid, MessageReference> =
                new().filter_map(|one| names(&one.input)).collect();
            let wamids: Vec<_> = named.keys().copied().collect();
            if !wamids.is_empty() {
                for status in store.early_statuses(company, &wamids).await? {
                    let reference = named.get(&status.wamid).copied();
                    found.push(MessageStatus { reference, ..status });
                }
            }
        }
        Ok(found)
    }
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
