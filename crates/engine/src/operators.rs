//! What each of an operator's commands asks of the aggregates. An operator always gets an answer,
//! and the same one again.

use directory::Picture;
use domain::Language;
use domain::flow::{self, Command, Held, OperatorRefusal, Promotion, ResendFacts, RoomInProfile};
use domain::identity::Identifier;
use domain::ids::{ProfileId, RequestId, RoomId};
use domain::input::{KnownClient, OperatorCommand, OperatorRequest, Timestamp};
use domain::profile::ClientProfile;
use eventstore::{ClientLookup, StreamAppend};
use serde_json::json;

use crate::decide::{Plan, Undecided};
use crate::gather::{self, About};
use crate::lane::Lane;
use crate::plans::{Seen, is_one_blocked};
use crate::targets::Target;
use crate::working_set::looked_at;

impl Lane {
    pub(crate) async fn on_command(
        &mut self,
        picture: &Picture,
        command: &OperatorCommand,
        found: &ClientLookup,
    ) -> Result<Plan, Undecided> {
        let target = self.target_of(picture, command).await?;
        if let Some(refused) = self.refuse_other_version(command, target.as_ref()).await? {
            return Ok(refused);
        }
        let plan = self.plan_command(picture, command, found, target.as_ref()).await?;
        Ok(Plan { target, ..plan })
    }

    async fn plan_command(
        &mut self,
        picture: &Picture,
        command: &OperatorCommand,
        found: &ClientLookup,
        target: Option<&Target>,
    ) -> Result<Plan, Undecided> {
        // The profile of the room that it names.
        let profile_id = target.and_then(Target::profile);
        match &command.request {
            OperatorRequest::RegisterClientProfile(client) => {
                self.register(picture, command, client, found).await
            }
            OperatorRequest::ArchiveClientProfile { profile_id } => {
                self.archive(command, *profile_id).await
            }
            OperatorRequest::BlockClient { profile_id } => {
                self.block(command, *profile_id, true).await
            }
            OperatorRequest::UnblockClient { profile_id } => {
                self.block(command, *profile_id, false).await
            }
            OperatorRequest::SetClientLanguage { profile_id, language } => {
                self.set_language(picture, command, *profile_id, language.as_ref()).await
            }
            OperatorRequest::PromoteProspect { request_id } => {
                self.promote(picture, command, *request_id, found).await
            }
            OperatorRequest::SetUserExtension { user_id, extension } => {
                self.set_extension(command, user_id, extension.as_ref()).await
            }
            OperatorRequest::SetNumberService { number, service } => {
                let (line, at) = (picture.line(number), self.engine.clock.now());
                let asked = &command.actor;
                let done = flow::on_set_number_service(asked, number, *service, line.as_ref(), at)
                    .map(|commands| (json!({ "status": "done", "number": number }), commands));
                Ok(answered(command, at, done))
            }
            OperatorRequest::AddNumber(new) => self.add_number(command, new).await,
            OperatorRequest::RemoveNumber { number } => self.remove_number(command, number).await,
            OperatorRequest::ResendInvitation { room_id } => {
                self.resend_invitation(picture, command, *room_id, profile_id).await
            }
            OperatorRequest::ReassignRoom { room_id, user_id } => {
                self.reassign_room(picture, command, (profile_id, *room_id), user_id).await
            }
            OperatorRequest::CloseRoom { room_id } => {
                self.close_room(picture, command, *room_id, profile_id).await
            }
            OperatorRequest::RetryParkedInput { parked_input_id } => {
                self.retry_parked_input(command, *parked_input_id).await
            }
            OperatorRequest::DropParkedInput { parked_input_id, reason } => {
                self.drop_parked_input(command, *parked_input_id, reason).await
            }
        }
    }

    async fn register(
        &mut self,
        picture: &Picture,
        command: &OperatorCommand,
        client: &KnownClient,
        found: &ClientLookup,
    ) -> Result<Plan, Undecided> {
        let KnownClient { identifiers, language, external_company, users, .. } = client;
        let unique_phone_number = picture.company_facts(None).unique_phone_number;
        let mut phone_holder = None;
        for identifier in identifiers {
            if let Identifier::Phone(phone) = identifier.expose()
                && unique_phone_number
                && phone_holder.is_none()
            {
                phone_holder = self.engine.store.phone_holder(&self.company, phone).await?;
            }
        }
        let at = self.engine.clock.now();
        let facts = flow::RegisterFacts {
            at,
            client_id: found.clients.first().copied(),
            phone_holder,
            unique_phone_number,
            unknown_users: users
                .iter()
                .filter(|user| picture.active_user(user).is_none())
                .cloned()
                .collect(),
            language_known: language.as_ref().is_none_or(|language| speaks(picture, language)),
            external_company_known: external_company
                .as_ref()
                .is_none_or(|id| picture.has_external_company(id)),
        };
        let planned = flow::on_register_client_profile(
            &self.company,
            command.operation_id,
            &command.actor,
            client,
            &facts,
        );
        if let Ok((profile_id, _)) = planned
            && !self.wary
        {
            self.working_set.profiles.expect_new(profile_id);
        }
        let done = planned.map(|(profile_id, commands)| {
            (json!({ "status": "done", "profile_id": profile_id }), commands)
        });
        Ok(answered(command, at, done))
    }

    async fn archive(
        &mut self,
        command: &OperatorCommand,
        profile_id: ProfileId,
    ) -> Result<Plan, Undecided> {
        let (known, looked_at) = self.has_profile(profile_id).await?;
        let at = self.engine.clock.now();
        let done = flow::on_archive_client_profile(&command.actor, profile_id, known, at)
            .map(|commands| (json!({ "status": "done", "profile_id": profile_id }), commands));
        Ok(Plan { looked_at, ..answered(command, at, done) })
    }

    async fn block(
        &mut self,
        command: &OperatorCommand,
        profile_id: ProfileId,
        blocked: bool,
    ) -> Result<Plan, Undecided> {
        let (known, looked_at) = self.has_profile(profile_id).await?;
        let at = self.engine.clock.now();
        let done = flow::on_block_client(&command.actor, profile_id, blocked, known, at)
            .map(|commands| (json!({ "status": "done", "profile_id": profile_id }), commands));
        Ok(Plan { looked_at, ..answered(command, at, done) })
    }

    async fn set_language(
        &mut self,
        picture: &Picture,
        command: &OperatorCommand,
        profile_id: ProfileId,
        language: Option<&Language>,
    ) -> Result<Plan, Undecided> {
        let (known, looked_at) = self.has_profile(profile_id).await?;
        let at = self.engine.clock.now();
        let speaks = language.is_none_or(|language| speaks(picture, language));
        let (asked, can) = (&command.actor, (known, speaks));
        let done = flow::on_set_client_language(asked, profile_id, language, can, at)
            .map(|commands| (json!({ "status": "done", "profile_id": profile_id }), commands));
        Ok(Plan { looked_at, ..answered(command, at, done) })
    }

    /// Whether the company has a profile, and what was looked at to tell.
    async fn has_profile(
        &mut self,
        profile_id: ProfileId,
    ) -> Result<(bool, Vec<StreamAppend>), Undecided> {
        let Lane { engine, working_set, company, .. } = self;
        let profile = working_set.profiles.get(&engine.store, &profile_id).await?;
        let known = profile.state.present().is_some_and(|profile| profile.company == *company);
        let mut seen = vec![];
        if known {
            looked_at::<ClientProfile>(&mut seen, &profile_id, profile.version);
        }
        Ok((known, seen))
    }

    /// The prospect's message is decided as if it came now.
    async fn promote(
        &mut self,
        picture: &Picture,
        command: &OperatorCommand,
        prospect: RequestId,
        found: &ClientLookup,
    ) -> Result<Plan, Undecided> {
        let Lane { engine, working_set, company, senders, .. } = self;
        let (store, at) = (&engine.store, engine.clock.now());
        let request = working_set.requests.get(store, &prospect).await?.state.present();
        let request = request.filter(|request| request.company == *company);
        let asked = match flow::prospect_of(prospect, request) {
            Ok(asked) => asked,
            Err(refusal) => return Ok(answered(command, at, Err(refusal))),
        };
        let message = &asked.message;
        let about = About { message, found, country: message.from.country() };
        let facts = gather::facts(store, company, picture, working_set, senders, &about, at);
        let facts = facts.await?;
        let Some(facts) = facts else {
            let refusal = OperatorRefusal::UnknownNumber(message.phone_number_id.clone());
            return Ok(answered(command, at, Err(refusal)));
        };
        let seen = Seen::of(&facts);
        let promotion = Promotion { prospect, by: command.actor.clone() };
        let operation = command.operation_id;
        let done = flow::on_promote_prospect(company, operation, promotion, &asked, facts);
        let made = done.as_ref().ok().map(|(request_id, _)| *request_id);
        let done = done.map(|(request_id, commands)| {
            (json!({ "status": "done", "request_id": request_id }), commands)
        });
        let plan = answered(command, at, done);
        let looked_at = seen.looked_at(working_set, &plan.commands);
        // Whoever asks for the request gets all that follows from it.
        let correlation_id = made.map_or(plan.correlation_id, |made| made.as_uuid());
        Ok(Plan { looked_at, correlation_id, ..plan })
    }

    async fn resend_invitation(
        &mut self,
        picture: &Picture,
        command: &OperatorCommand,
        room_id: RoomId,
        profile_id: Option<ProfileId>,
    ) -> Result<Plan, Undecided> {
        let Lane { engine, working_set, company, .. } = self;
        let (store, at) = (&engine.store, engine.clock.now());
        let mut seen = vec![];
        let (mut opener, mut user) = (None, None);
        if let Some(profile_id) = &profile_id {
            let profile = working_set.profiles.get(store, profile_id).await?;
            looked_at::<ClientProfile>(&mut seen, profile_id, profile.version);
            let room = profile.state.room(room_id);
            opener = room.map(|room| room.request_id);
            user = room.and_then(|room| picture.active_user(&room.user_id));
        }
        // Where the first one went to may be somebody else's number by now.
        let (mut moved, mut said, mut client_blocked) = (false, None, false);
        if let Some(opener) = &opener {
            let request = working_set.requests.get(store, opener).await?;
            let query = request.state.present().map(|request| gather::sender_of(&request.message));
            let found = store.lookup_client(company, &query.unwrap_or_default()).await?;
            (moved, said) = (found.moved, working_set.said_by(&found));
            let own = found.profiles.iter().filter(|(_, held)| *held != Held::ByVariant);
            let own: Vec<_> = own.map(|(profile_id, _)| *profile_id).collect();
            client_blocked = is_one_blocked(store, working_set, &own, &mut seen).await?;
        }
        let room = profile_id.zip(opener).and_then(|(profile_id, opener)| {
            let profile = working_set.profiles.here(&profile_id)?.state.present()?;
            let room = profile.rooms.get(&room_id)?;
            let request = working_set.requests.here(&opener)?.state.present()?;
            Some((RoomInProfile { profile, room_id, room }, request))
        });
        let user = user.as_ref();
        let facts = ResendFacts { at, room, moved, said, client_blocked, user };
        let done = flow::on_resend_invitation(&command.actor, room_id, &facts)
            .map(|commands| (json!({ "status": "done", "room_id": room_id }), commands));
        let plan = answered(command, at, done);
        // Whoever asks for the request gets the message with the others.
        let correlation_id = match (&opener, plan.commands.is_empty()) {
            (Some(opener), false) => opener.as_uuid(),
            _ => plan.correlation_id,
        };
        Ok(Plan { looked_at: seen, correlation_id, ..plan })
    }

    async fn close_room(
        &mut self,
        picture: &Picture,
        command: &OperatorCommand,
        room_id: RoomId,
        profile_id: Option<ProfileId>,
    ) -> Result<Plan, Undecided> {
        let Lane { engine, working_set, .. } = self;
        let (store, at) = (&engine.store, engine.clock.now());
        let mut seen = vec![];
        let mut room = None;
        if let Some(profile_id) = profile_id {
            let profile = working_set.profiles.get(store, &profile_id).await?;
            looked_at::<ClientProfile>(&mut seen, &profile_id, profile.version);
            room = profile.state.present().and_then(|profile| {
                let room = profile.rooms.get(&room_id)?;
                Some(flow::RoomInProfile { profile, room_id, room })
            });
        }
        let quarantine = picture.company_facts(None).timing.quarantine;
        let facts = flow::CloseFacts { at, room, quarantine };
        let done = flow::on_close_room(&command.actor, room_id, &facts)
            .map(|commands| (json!({ "status": "done", "room_id": room_id }), commands));
        Ok(Plan { looked_at: seen, ..answered(command, at, done) })
    }
}

/// Whether the company says things in a language.
fn speaks(picture: &Picture, language: &Language) -> bool {
    picture.languages().any(|known| known == language)
}

/// What an operator is told, and what is done.
pub(crate) type Planned = Result<(serde_json::Value, Vec<Command>), OperatorRefusal>;

/// A refusal is recorded too: who asks again gets it again.
pub(crate) fn answered(command: &OperatorCommand, at: Timestamp, planned: Planned) -> Plan {
    let (answer, commands) = planned.unwrap_or_else(|refusal| {
        let (code, detail) = (refusal.code(), refusal.to_string());
        (json!({ "status": "refused", "code": code, "detail": detail }), vec![])
    });
    Plan { answer: Some(answer), ..Plan::new(at, command.operation_id.as_uuid(), commands) }
}
