//! What each of an operator's commands asks of the aggregates. An operator always gets an answer,
//! and the same one again.

use directory::Picture;
use domain::flow::{self, Command, OperatorRefusal};
use domain::identity::Identifier;
use domain::ids::{ProfileId, RoomId};
use domain::input::{KnownClient, OperatorCommand, OperatorRequest, Timestamp};
use domain::profile::ClientProfile;
use eventstore::ClientLookup;
use serde_json::json;

use crate::decide::{Plan, Undecided};
use crate::lane::Lane;
use crate::working_set::looked_at;

impl Lane {
    pub(crate) async fn on_command(
        &mut self,
        picture: &Picture,
        command: &OperatorCommand,
        found: &ClientLookup,
    ) -> Result<Plan, Undecided> {
        match &command.request {
            OperatorRequest::RegisterClientProfile(client) => {
                self.register(picture, command, client, found).await
            }
            OperatorRequest::ArchiveClientProfile { profile_id } => {
                self.archive(command, *profile_id).await
            }
            OperatorRequest::SetNumberService { number, service } => {
                let (line, at) = (picture.line(number), self.engine.clock.now());
                let asked = &command.actor;
                let done = flow::on_set_number_service(asked, number, *service, line.as_ref(), at)
                    .map(|commands| (json!({ "status": "done", "number": number }), commands));
                Ok(answered(command, at, done))
            }
            OperatorRequest::CloseRoom { room_id } => {
                self.close_room(picture, command, *room_id).await
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
        let KnownClient { identifiers, external_company, users, .. } = client;
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
            external_company_known: external_company
                .as_ref()
                .is_none_or(|id| picture.has_external_company(id)),
        };
        let planned =
            flow::on_register_client_profile(&self.company, command.operation_id, client, &facts);
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
        let Lane { engine, working_set, company, .. } = self;
        let profile = working_set.profiles.get(&engine.store, &profile_id).await?;
        let known = profile.state.present().is_some_and(|profile| profile.company == *company);
        let mut seen = vec![];
        if known {
            looked_at::<ClientProfile>(&mut seen, &profile_id, profile.version);
        }
        let at = engine.clock.now();
        let done = flow::on_archive_client_profile(&command.actor, profile_id, known, at)
            .map(|commands| (json!({ "status": "done", "profile_id": profile_id }), commands));
        Ok(Plan { looked_at: seen, ..answered(command, at, done) })
    }

    async fn close_room(
        &mut self,
        picture: &Picture,
        command: &OperatorCommand,
        room_id: RoomId,
    ) -> Result<Plan, Undecided> {
        let Lane { engine, working_set, company, .. } = self;
        let (store, at) = (&engine.store, engine.clock.now());
        let mut seen = vec![];
        let mut room = None;
        if let Some(profile_id) = store.profile_of_room(company, room_id).await? {
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

/// What an operator is told, and what is done.
type Planned = Result<(serde_json::Value, Vec<Command>), OperatorRefusal>;

/// A refusal is recorded too: who asks again gets it again.
fn answered(command: &OperatorCommand, at: Timestamp, planned: Planned) -> Plan {
    let (answer, commands) = planned.unwrap_or_else(|refusal| {
        let (code, detail) = (refusal.code(), refusal.to_string());
        (json!({ "status": "refused", "code": code, "detail": detail }), vec![])
    });
    Plan { answer: Some(answer), ..Plan::new(at, command.operation_id.as_uuid(), commands) }
}
