//! The view `chat-rooms`.

use std::collections::BTreeMap;

use domain::ids::{
    ClientId, CompanyId, PhoneNumberId, PoolId, ProfileId, RequestId, RoomId, UserId,
};
use domain::input::Timestamp;
use domain::profile::{ActivationCause, CloseReason, ProfileEvent, RoomPhase};
use domain::record::RecordedEvent;
use domain::{AggregateType, AnyEvent, UnreadableEvent};
use serde::Serialize;
use sqlx::PgConnection;

use crate::rows;

#[derive(Default)]
pub(super) struct Changes(BTreeMap<RoomId, Change>);

/// What changes in a row; what is `None` stays as it is.
#[derive(Serialize)]
struct Change {
    room_id: RoomId,
    #[serde(flatten)]
    reserved: Option<Reserved>,
    /// Its user from now on; of a new row [`Reserved`] has it.
    #[serde(rename = "user_id", skip_serializing_if = "Option::is_none")]
    reassigned: Option<UserId>,
    phase: Option<RoomPhase>,
    invited_at: Option<Timestamp>,
    activated_at: Option<Timestamp>,
    activation_cause: Option<ActivationCause>,
    closed_at: Option<Timestamp>,
    close_reason: Option<CloseReason>,
    quarantine_until: Option<Timestamp>,
    client_wrote_at: Option<Timestamp>,
    last_reminded_at: Option<Timestamp>,
    joined: u32,
    clashes_with: Vec<RoomId>,
    position: u64,
}

/// What a new row has from the start.
#[derive(Serialize)]
struct Reserved {
    company: CompanyId,
    profile_id: ProfileId,
    client_id: ClientId,
    user_id: UserId,
    number: PhoneNumberId,
    pool_id: PoolId,
    request_id: RequestId,
    reserved_at: Timestamp,
}

impl super::Changes for Changes {
    const AGGREGATE: AggregateType = AggregateType::ClientProfile;

    fn add(&mut self, recorded: &RecordedEvent, event: &AnyEvent) -> Result<(), UnreadableEvent> {
        let AnyEvent::Profile(event) = event else { return Ok(()) };
        match event {
            ProfileEvent::ClientProfileCreated { .. }
            | ProfileEvent::IdentifiersAdded { .. }
            | ProfileEvent::ClientsLinked { .. }
            | ProfileEvent::ClientProfileArchived { .. }
            | ProfileEvent::ClientBlocked { .. }
            | ProfileEvent::ClientUnblocked { .. }
            | ProfileEvent::ClientLanguageSet { .. }
            | ProfileEvent::UserAssigned { .. }
            | ProfileEvent::UserInfoRequested { .. }
            | ProfileEvent::InvitationResent { .. } => {}
            ProfileEvent::RoomReserved {
                room_id,
                client_id,
                user_id,
                number,
                pool_id,
                request_id,
                at,
                deadline: _,
            } => {
                let profile_id = super::aggregate_id(recorded)?;
                let company = recorded.company.clone();
                let room = self.of(*room_id, recorded);
                room.phase = Some(RoomPhase::Reserved);
                room.reserved = Some(Reserved {
                    company,
                    profile_id,
                    client_id: *client_id,
                    user_id: user_id.clone(),
                    number: number.clone(),
                    pool_id: pool_id.clone(),
                    request_id: *request_id,
                    reserved_at: *at,
                });
            }
            ProfileEvent::RoomInvited { room_id, at, deadline: _ } => {
                let room = self.of(*room_id, recorded);
                room.phase = Some(RoomPhase::Invited);
                room.invited_at = Some(*at);
            }
            ProfileEvent::RoomActivated { room_id, cause, at } => {
                let room = self.of(*room_id, recorded);
                room.phase = Some(RoomPhase::Active);
                room.activated_at = Some(*at);
                room.activation_cause = Some(*cause);
            }
            ProfileEvent::RoomJoined { room_id, .. } => self.of(*room_id, recorded).joined += 1,
            ProfileEvent::RoomReminded { room_id, message_id, at, request_id: _ } => {
                if message_id.is_some() {
                    self.of(*room_id, recorded).last_reminded_at = Some(*at);
                }
            }
            ProfileEvent::ClientWrote { room_id, sent_at, .. } => {
                let room = self.of(*room_id, recorded);
                room.client_wrote_at = room.client_wrote_at.max(Some(*sent_at));
            }
            ProfileEvent::RoomsClashed { room_id, with, at: _ } => {
                self.of(*room_id, recorded).clashes_with.push(*with);
                self.of(*with, recorded).clashes_with.push(*room_id);
            }
            ProfileEvent::RoomReassigned { room_id, to, from: _, at: _, by: _ } => {
                let room = self.of(*room_id, recorded);
                match &mut room.reserved {
                    Some(reserved) => reserved.user_id = to.clone(),
                    None => room.reassigned = Some(to.clone()),
                }
            }
            ProfileEvent::RoomClosed { room_id, reason, at, quarantine_until, by: _ } => {
                let room = self.of(*room_id, recorded);
                room.phase = Some(RoomPhase::Closed);
                room.closed_at = Some(*at);
                room.close_reason = Some(*reason);
                room.quarantine_until = *quarantine_until;
            }
        }
        Ok(())
    }

    async fn write(self, connection: &mut PgConnection) -> Result<(), sqlx::Error> {
        let (new, changed): (Vec<_>, Vec<_>) =
            self.0.into_values().partition(|change| change.reserved.is_some());
        rows::execute(connection, INSERT, &new).await?;
        rows::execute(connection, UPDATE, &changed).await
    }
}

impl Changes {
    fn of(&mut self, room_id: RoomId, recorded: &RecordedEvent) -> &mut Change {
        let change = self.0.entry(room_id).or_insert_with(|| Change {
            room_id,
            reserved: None,
            reassigned: None,
            phase: None,
            invited_at: None,
            activated_at: None,
            activation_cause: None,
            closed_at: None,
            close_reason: None,
            quarantine_until: None,
            client_wrote_at: None,
            last_reminded_at: None,
            joined: 0,
            clashes_with: vec![],
            position: 0,
        });
        change.position = recorded.position;
        change
    }
}

const INSERT: &str = "
    INSERT INTO rm_chat_rooms (
        room_id, company, profile_id, client_id, user_id, number, pool_id, request_id, phase,
        reserved_at, invited_at, activated_at, activation_cause, closed_at, close_reason,
        quarantine_until, client_wrote_at, last_reminded_at, joined, clashes_with, position)
    SELECT
        room_id, company, profile_id, client_id, user_id, number, pool_id, request_id, phase,
        reserved_at, invited_at, activated_at, activation_cause, closed_at, close_reason,
        quarantine_until, client_wrote_at, last_reminded_at, joined, clashes_with, position
    FROM json_populate_recordset(NULL::rm_chat_rooms, $1::json)";

const UPDATE: &str = "
    UPDATE rm_chat_rooms r SET
        user_id = coalesce(c.user_id, r.user_id),
        phase = coalesce(c.phase, r.phase),
        invited_at = coalesce(c.invited_at, r.invited_at),
        activated_at = coalesce(c.activated_at, r.activated_at),
        activation_cause = coalesce(c.activation_cause, r.activation_cause),
        closed_at = coalesce(c.closed_at, r.closed_at),
        close_reason = coalesce(c.close_reason, r.close_reason),
        quarantine_until = coalesce(c.quarantine_until, r.quarantine_until),
        client_wrote_at = greatest(c.client_wrote_at, r.client_wrote_at),
        last_reminded_at = coalesce(c.last_reminded_at, r.last_reminded_at),
        joined = r.joined + c.joined,
        clashes_with = r.clashes_with || c.clashes_with,
        position = c.position
    FROM json_populate_recordset(NULL::rm_chat_rooms, $1::json) c
    WHERE r.room_id = c.room_id";
