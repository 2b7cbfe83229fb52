//! Decides one input: facts, then the flow, then the aggregates.

use std::collections::BTreeSet;

use directory::Picture;
use domain::flow::{self, Command};
use domain::identity::Identifier;
use domain::ids::{MessageId, PoolId, RequestId};
use domain::input::{
    InboundMessage, Input, MessageStatus, OperatorCommand, OperatorRequest, RoomDeadline,
    SendReceipt,
};
use eventstore::{AppendItem, StoreError};
use serde_json::json;
use uuid::Uuid;

use crate::gather;
use crate::lane::Lane;
use crate::working_set::Failure;
use crate::{Engine, Submission};

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

impl From<Failure> for Undecided {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Store(error) => error.into(),
            Failure::Rejected(rejection) => Self::Park("rejected", rejection.to_string()),
        }
    }
}

/// Commands, with what ties their events together.
struct Plan {
    commands: Vec<Command>,
    correlation_id: Uuid,
    answer: Option<serde_json::Value>,
    directory_version: Option<u64>,
}

impl Plan {
    const fn new(correlation_id: Uuid, commands: Vec<Command>) -> Self {
        Self { commands, correlation_id, answer: None, directory_version: None }
    }
}

impl Lane {
    /// Decides one input against the lane's working set.
    pub(crate) async fn decide(&mut self, submission: &Submission) -> Result<Decided, Undecided> {
        if let Input::DirectoryVersion(version) = submission.input.input {
            return self.take_directory(submission, version).await;
        }
        let Some(picture) = self.picture.clone() else {
            return Err(Undecided::Park(
                "unknown-company",
                "the directory has no such company; apply a file that has it, then retry".into(),
            ));
        };
        let plan = match &submission.input.input {
            Input::Message(message) => self.on_message(&picture, message).await?,
            Input::Status(status) => self.on_status(status).await?,
            Input::Receipt(receipt) => self.on_receipt(receipt).await?,
            Input::RoomDeadline(deadline) => self.on_deadline(deadline).await?,
            Input::Command(command) => Some(self.on_command(&picture, command).await?),
            Input::DirectoryVersion(_) => None,
        };
        let Some(plan) = plan else { return Ok(Decided::Nothing) };
        let item = self.carry_out(submission, plan).await?;
        Ok(item.map_or(Decided::Nothing, |item| Decided::Append(Box::new(item))))
    }

    async fn carry_out(
        &mut self,
        submission: &Submission,
        plan: Plan,
    ) -> Result<Option<AppendItem>, Failure> {
        let streams = self.working_set.execute(&self.engine.store, &plan.commands).await?;
        let says_nothing = streams.is_empty() && plan.answer.is_none();
        if says_nothing && plan.directory_version.is_none() {
            return Ok(None);
        }
        Ok(Some(AppendItem {
            company: self.company.clone(),
            input_id: submission.input.input.id(&self.company),
            at: self.engine.clock.now(),
            correlation_id: plan.correlation_id,
            traceparent: submission.traceparent.clone(),
            answer: plan.answer,
            directory_version: plan.directory_version,
            streams,
        }))
    }

    async fn on_message(
        &mut self,
        picture: &Picture,
        message: &InboundMessage,
    ) -> Result<Option<Plan>, Undecided> {
        if message.from.address().is_none() {
            let reason = "from: the message names nobody who could be answered".into();
            return Err(Undecided::Park("no-sender", reason));
        }
        let Engine { store, clock, .. } = &self.engine;
        let facts = gather::for_message(
            store,
            clock,
            picture,
            &mut self.working_set,
            &self.company,
            message,
        );
        let Some(facts) = facts.await? else {
            let reason = "phone_number_id: the number is not one of the company's".into();
            return Err(Undecided::Park("unknown-number", reason));
        };
        let commands = flow::on_message(&self.company, message, facts);
        let correlation = commands.iter().find_map(|command| match command {
            Command::Request(id, _) => Some(*id),
            Command::Profile(..) | Command::Pool(..) => None,
        });
        let own = || RequestId::of(&self.company, &message.phone_number_id, &message.id);
        Ok(Some(Plan::new(correlation.unwrap_or_else(own).as_uuid(), commands)))
    }

    async fn on_receipt(&mut self, receipt: &SendReceipt) -> Result<Option<Plan>, Undecided> {
        self.follow_up(receipt.request_id, |request, room| flow::on_receipt(request, room, receipt))
            .await
    }

    /// A status of a message that is not ours is nobody's fault: other services
    /// send from the same numbers.
    async fn on_status(&mut self, status: &MessageStatus) -> Result<Option<Plan>, Undecided> {
        let reference = match status.reference {
            Some(reference) => Some(reference),
            None => self.engine.store.find_message(&self.company, &status.wamid).await?,
        };
        let Some(reference) = reference else {
            metrics::counter!("onboarding_statuses_unmatched_total").increment(1);
            return Ok(None);
        };
        let message_id: MessageId = reference.message_id;
        let at = self.engine.clock.now();
        self.follow_up(reference.request_id, |request, room| {
            if request.message(message_id).is_none() {
                return vec![];
            }
            flow::on_status(request, room, message_id, status, at)
        })
        .await
    }

    async fn follow_up(
        &mut self,
        request_id: RequestId,
        next: impl FnOnce(&domain::request::Request, Option<flow::RoomInProfile<'_>>) -> Vec<Command>,
    ) -> Result<Option<Plan>, Undecided> {
        let store = &self.engine.store;
        let (state, _) = self.working_set.request(store, request_id).await?;
        let state = state.clone();
        let Some(request) = state.present().filter(|r| r.company == self.company) else {
            metrics::counter!("onboarding_statuses_unmatched_total").increment(1);
            return Ok(None);
        };
        let room = match &request.decided {
            Some((_, decision)) => gather::room_of(store, &mut self.working_set, decision).await?,
            None => None,
        };
        Ok(Some(Plan::new(request_id.as_uuid(), next(request, room))))
    }

    async fn on_deadline(&mut self, timer: &RoomDeadline) -> Result<Option<Plan>, Undecided> {
        let store = &self.engine.store;
        let (profile, _) = self.working_set.profile(store, timer.profile_id).await?;
        let profile = profile.clone();
        let Some((profile, room)) =
            profile.present().and_then(|p| Some((p, p.rooms.get(&timer.room_id)?)))
        else {
            return Ok(None);
        };
        let (request, _) = self.working_set.request(store, room.request_id).await?;
        let Some(request) = request.present() else { return Ok(None) };
        let room_id = timer.room_id;
        let found = flow::RoomInProfile { profile, room_id, room };
        let commands = flow::on_room_deadline(request, found, timer.deadline, timer.at);
        Ok(Some(Plan::new(room.request_id.as_uuid(), commands)))
    }

    /// An operator always gets an answer, and the same one again.
    async fn on_command(
        &mut self,
        picture: &Picture,
        command: &OperatorCommand,
    ) -> Result<Plan, Undecided> {
        let OperatorRequest::RegisterClientProfile { identifiers, external_company, users, .. } =
            &command.request;
        let identifiers: Vec<_> = identifiers.iter().map(|id| id.expose().clone()).collect();
        let store = &self.engine.store;
        let found = store.lookup_client(&self.company, &identifiers, &[]).await?;
        let mut phone_holder = None;
        for identifier in &identifiers {
            if let Identifier::Phone(phone) = identifier {
                phone_holder = store.phone_holder(&self.company, phone).await?;
            }
        }
        let facts = flow::RegisterFacts {
            at: self.engine.clock.now(),
            client_id: found.clients.first().copied(),
            phone_holder,
            unique_phone_number: picture.company_facts(None).unique_phone_number,
            unknown_users: users
                .iter()
                .filter(|user| picture.active_user(user).is_none())
                .cloned()
                .collect(),
            external_company_known: external_company
                .as_ref()
                .is_none_or(|id| picture.has_external_company(id)),
        };
        let operation = command.operation_id.as_uuid();
        Ok(match flow::on_register_client_profile(&self.company, command, &facts) {
            Ok((profile_id, commands)) => Plan {
                answer: Some(json!({ "status": "done", "profile_id": profile_id })),
                ..Plan::new(operation, commands)
            },
            Err(refusal) => Plan {
                answer: Some(json!({
                    "status": "refused",
                    "code": refusal.code(),
                    "detail": refusal.to_string(),
                })),
                ..Plan::new(operation, vec![])
            },
        })
    }

    async fn take_directory(
        &mut self,
        submission: &Submission,
        version: u64,
    ) -> Result<Decided, Undecided> {
        if self.picture.as_ref().is_some_and(|picture| picture.version() >= version) {
            return Ok(Decided::Nothing);
        }
        let read = self.engine.directory.picture(&self.company, version).await;
        let picture = match read {
            Ok(Some(picture)) => picture,
            Ok(None) => return Ok(Decided::Nothing),
            Err(error) => return Err(Undecided::Later(error.to_string())),
        };
        let pools = picture.pools();
        let before = self.picture.iter().flat_map(|old| old.pools().keys());
        let gone: BTreeSet<PoolId> = before.filter(|id| !pools.contains_key(id)).cloned().collect();
        let correlation = submission.input.input.id(&self.company).as_uuid();
        let plan = Plan {
            directory_version: Some(version),
            ..Plan::new(correlation, flow::on_directory_version(version, pools, &gone))
        };
        let item = self.carry_out(submission, plan).await?;
        Ok(item.map_or(Decided::Nothing, |item| Decided::Directory(Box::new(item), picture)))
    }
}
