//! Decides one input: facts, then the flow, then the aggregates.

use std::collections::BTreeSet;
use std::panic::AssertUnwindSafe;

use directory::{DirectoryError, Picture};
use domain::flow::{self, Command};
use domain::ids::PoolId;
use domain::input::{Input, Timestamp};
use eventstore::{AppendItem, StoreError, StreamAppend};
use futures::FutureExt;
use tracing::Instrument;
use uuid::Uuid;

use crate::gather::{About, Gathered};
use crate::lane::Lane;
use crate::targets::Target;
use crate::waiting::Waiting;
use crate::working_set::Failure;

/// What was made of an input.
pub(crate) enum Decided {
    /// Something to append. `answer` is what an operator is told.
    Append(Box<AppendItem>),
    /// It is already so.
    Nothing,
    /// A new picture of the directory, with what it changes.
    Directory(Box<AppendItem>, Picture),
}

/// Why an input could not be decided.
pub(crate) enum Undecided {
    /// The store or the directory did not answer: the same input again, later.
    Later(String),
    /// An aggregate refused.
    Rejected(String),
    /// It will never be decided as it is.
    Park(&'static str, String),
}

impl From<StoreError> for Undecided {
    fn from(error: StoreError) -> Self {
        if error.is_transient() {
            Self::Later(error.to_string())
        } else {
            Self::Park("unreadable-store", error.to_string())
        }
    }
}

impl From<DirectoryError> for Undecided {
    fn from(error: DirectoryError) -> Self {
        match error {
            DirectoryError::Unreadable { .. } | DirectoryError::UnreadableId(_) => {
                Self::Park("unreadable-directory", error.to_string())
            }
            _ => Self::Later(error.to_string()),
        }
    }
}

impl From<Failure> for Undecided {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Store(error) => error.into(),
            Failure::Rejected(rejection) => Self::Rejected(rejection.to_string()),
        }
    }
}

/// Commands, with what ties their events together.
pub(crate) struct Plan {
    pub(crate) at: Timestamp,
    pub(crate) commands: Vec<Command>,
    pub(crate) correlation_id: Uuid,
    pub(crate) answer: Option<serde_json::Value>,
    /// The picture of the directory that counts from here on, if it is a new one.
    pub(crate) picture: Option<Picture>,
    /// What the plan was made from, beside what its commands change.
    pub(crate) looked_at: Vec<StreamAppend>,
    /// What an operator's command is about.
    pub(crate) target: Option<Target>,
}

impl Plan {
    pub(crate) const fn new(at: Timestamp, correlation_id: Uuid, commands: Vec<Command>) -> Self {
        let looked_at = vec![];
        let (answer, picture, target) = (None, None, None);
        Self { at, commands, correlation_id, answer, picture, looked_at, target }
    }
}

impl Lane {
    /// Decides one input against the lane's working set. A panic is the input's
    /// fault and costs the lane nothing else: the working set changes only once
    /// a decision is complete.
    pub(crate) async fn decide(
        &mut self,
        waiting: &Waiting,
        gathered: &Gathered,
    ) -> Result<Decided, Undecided> {
        let span = tracing::info_span!(
            "decide",
            company = %self.company,
            input = %waiting.id,
            trace = waiting.traceparent.as_deref().unwrap_or("-"),
        );
        let deciding = self.decide_it(waiting, gathered).instrument(span);
        let decided = AssertUnwindSafe(deciding).catch_unwind().await;
        decided.unwrap_or_else(|_| {
            let reason = "deciding it panicked; the service's output tells where".to_owned();
            Err(Undecided::Park("panicked", reason))
        })
    }

    async fn decide_it(
        &mut self,
        waiting: &Waiting,
        gathered: &Gathered,
    ) -> Result<Decided, Undecided> {
        if let Input::DirectoryVersion(version) = waiting.input {
            let plan = self.on_directory_version(waiting, version).await?;
            return self.planned(waiting, plan).await;
        }
        let Some(picture) = self.picture.clone() else {
            return Err(Undecided::Park(
                "unknown-company",
                "the directory has no such company; apply a file that has it, then retry".into(),
            ));
        };
        let plan = match &waiting.input {
            Input::Message(message) => {
                let (found, country) = (gathered.client(waiting.id), gathered.country(waiting.id));
                let about = About { message, found: &found, country };
                Some(self.on_message(&picture, &about).await?)
            }
            Input::Status(status) => {
                let reference = gathered.reference(waiting.id, status);
                self.on_status(&picture, status, reference).await?
            }
            Input::Receipt(receipt) => Some(self.on_receipt(&picture, receipt).await?),
            Input::RoomDeadline(deadline) => self.on_deadline(deadline).await?,
            Input::RoomReview(review) => self.on_review(&picture, review).await?,
            Input::Command(command) => {
                let found = gathered.client(waiting.id);
                Some(self.on_command(&picture, command, &found).await?)
            }
            Input::DirectoryVersion(_) => None,
        };
        self.planned(waiting, plan).await
    }

    async fn planned(
        &mut self,
        waiting: &Waiting,
        plan: Option<Plan>,
    ) -> Result<Decided, Undecided> {
        let Some(plan) = plan else { return Ok(Decided::Nothing) };
        let (commands, picture) = (plan.commands.len(), plan.picture.clone());
        let item = self.carry_out(waiting, plan).await?;
        let streams = item.iter().flat_map(|item| &item.streams);
        let events: usize = streams.map(|stream| stream.events.len()).sum();
        tracing::debug!(commands, events, "decided");
        Ok(match (item.map(Box::new), picture) {
            (Some(item), Some(picture)) => Decided::Directory(item, picture),
            (Some(item), None) => Decided::Append(item),
            (None, _) => Decided::Nothing,
        })
    }

    async fn carry_out(
        &mut self,
        waiting: &Waiting,
        plan: Plan,
    ) -> Result<Option<AppendItem>, Failure> {
        let mut streams = self.working_set.execute(&self.engine.store, &plan.commands).await?;
        let says_nothing =
            streams.iter().all(|stream| stream.events.is_empty()) && plan.answer.is_none();
        if says_nothing && plan.picture.is_none() {
            return Ok(None);
        }
        let answer = match (plan.answer, &plan.target) {
            (Some(answer), Some(target)) => Some(target.with_version(answer, &self.working_set)),
            (answer, _) => answer,
        };
        for seen in plan.looked_at {
            if !streams.iter().any(|own| own.kind == seen.kind && own.id == seen.id) {
                streams.push(seen);
            }
        }
        Ok(Some(AppendItem {
            company: self.company.clone(),
            input_id: waiting.id,
            at: plan.at,
            correlation_id: plan.correlation_id,
            traceparent: waiting.traceparent.clone(),
            answer,
            directory_version: plan.picture.as_ref().map(Picture::version),
            streams,
        }))
    }

    async fn on_directory_version(
        &mut self,
        waiting: &Waiting,
        version: u64,
    ) -> Result<Option<Plan>, Undecided> {
        let new = self.new_directory(version).await?;
        let at = self.engine.clock.now();
        Ok(new.map(|(commands, picture)| Plan {
            picture: Some(picture),
            ..Plan::new(at, waiting.id.as_uuid(), commands)
        }))
    }

    /// What a version changes, and the picture that counts from then on. `None` if what counts is no
    /// older.
    pub(crate) async fn new_directory(
        &mut self,
        version: u64,
    ) -> Result<Option<(Vec<Command>, Picture)>, Undecided> {
        if self.picture.as_ref().is_some_and(|picture| picture.version() >= version) {
            return Ok(None);
        }
        let picture = self.engine.directory.picture(&self.company, version).await?;
        let Some(picture) = picture else { return Ok(None) };
        let pools = picture.pools();
        let before = self.picture.iter().flat_map(|old| old.pools().keys());
        let gone: BTreeSet<PoolId> = before.filter(|id| !pools.contains_key(id)).cloned().collect();
        let all = pools.keys().chain(&gone).cloned();
        self.working_set.pools.fetch(&self.engine.store, all).await?;
        let commands = flow::on_directory_version(picture.version(), pools, &gone);
        Ok(Some((commands, picture)))
    }
}
