//! What a message would lead to if it came now: decided like an input of the lane, on what is
//! committed, and recorded nowhere.

use std::collections::BTreeSet;

use directory::DirectoryError;
use domain::flow::{self, Command, Rejection};
use domain::ids::CompanyId;
use domain::input::{InboundMessage, Input, Timestamp};
use eventstore::StoreError;

use crate::Engine;
use crate::gather::{self, About};
use crate::senders::Senders;
use crate::waiting::Waiting;
use crate::working_set::{Failure, WorkingSet};

/// Why it can't be said what a message would lead to.
#[derive(Debug, thiserror::Error)]
pub enum WhatIfError {
    /// The directory has no such company.
    #[error("the directory has no such company")]
    UnknownCompany,
    /// The number that is written to is not one of the company's.
    #[error("the number is not one of the company's")]
    UnknownNumber,
    /// The message names nobody who could be answered: it would be parked.
    #[error("the message names nobody who could be answered")]
    NoSender,
    /// The log can't be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The directory can't be read.
    #[error(transparent)]
    Directory(#[from] DirectoryError),
    /// An aggregate refuses what would be decided: the message would be parked.
    #[error(transparent)]
    Rejected(Rejection),
}

impl WhatIfError {
    /// Whether asking again may work later.
    pub fn retry_helps(&self) -> bool {
        match self {
            Self::Store(error) => error.is_transient(),
            Self::Directory(error) => !matches!(
                error,
                DirectoryError::Unreadable { .. } | DirectoryError::UnreadableId(_)
            ),
            Self::UnknownCompany | Self::UnknownNumber | Self::NoSender | Self::Rejected(_) => {
                false
            }
        }
    }
}

impl From<Failure> for WhatIfError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Store(error) => Self::Store(error),
            Failure::Rejected(rejection) => Self::Rejected(rejection),
        }
    }
}

impl Engine {
    /// The time of decisions.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// The commands that a message would lead to, the request's first: it holds the facts, the
    /// decision with every candidate, and the messages. A message into a room makes no request.
    ///
    /// The aggregates have agreed to them; the store, which is not asked, could still refuse an
    /// append. What other inputs are about to change is not seen, and where the flow draws by lot, the real
    /// message draws again.
    ///
    /// # Errors
    /// See [`WhatIfError`].
    pub async fn what_if(
        &self,
        company: &CompanyId,
        message: &InboundMessage,
    ) -> Result<Vec<Command>, WhatIfError> {
        if message.from.address().is_none() {
            return Err(WhatIfError::NoSender);
        }
        let in_lane = self.store.lane(company).await?;
        let version = match in_lane {
            Some(version) => Some(version),
            None => self.directory.latest(company).await?,
        };
        let Some(version) = version else { return Err(WhatIfError::UnknownCompany) };
        let picture = self.directory.picture(company, version).await?;
        let picture = picture.ok_or(WhatIfError::UnknownCompany)?;
        let mut known = WorkingSet::default();
        if in_lane.is_none() {
            // The lane begins with the directory's pools.
            let pools = flow::on_directory_version(version, picture.pools(), &BTreeSet::new());
            known.execute(&self.store, &pools).await?;
        }
        let waiting = Waiting::own(company, Input::Message(message.clone()));
        let inputs = std::slice::from_ref(&waiting);
        let gathered = gather::gather(&self.store, company, &picture, &mut known, inputs).await?;
        let (found, country) = (gathered.client(waiting.id), gathered.country(waiting.id));
        let about = About { message, found: &found, country };
        let at = self.clock.now();
        let senders = Senders::default(); // What is recorded is looked up.
        let facts =
            gather::facts(&self.store, company, &picture, &mut known, &senders, &about, at).await?;
        let facts = facts.ok_or(WhatIfError::UnknownNumber)?;
        let commands = flow::on_message(company, message, facts);
        // What the aggregates say to it; only memory changes.
        known.execute(&self.store, &commands).await?;
        Ok(commands)
    }
}
