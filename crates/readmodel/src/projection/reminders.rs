//! The view `reminders`.

use std::collections::BTreeMap;

use domain::ids::{ClientId, CompanyId, MessageId, PhoneNumberId, RequestId, RoomId, UserId};
use domain::input::Timestamp;
use domain::profile::ProfileEvent;
use domain::record::RecordedEvent;
use domain::{AggregateType, AnyEvent, UnreadableEvent};
use serde::Serialize;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::rows;

#[derive(Default)]
pub(super) struct Changes {
    rooms: Vec<Room>,
    reminders: Vec<Reminder>,
    /// Rooms with another user than at the batch's begin, and by whom they are had now.
    reassigned: BTreeMap<RoomId, UserId>,
}

/// Whose room it is: the event of a reminder does not tell.
#[derive(Serialize)]
struct Room {
    room_id: RoomId,
    user_id: UserId,
    client_id: ClientId,
    number: PhoneNumberId,
}

/// A room that has another user.
#[derive(Serialize)]
struct Reassigned {
    room_id: RoomId,
    user_id: UserId,
}

#[derive(Serialize)]
struct Reminder {
    reminder_id: Uuid,
    request_id: RequestId,
    room_id: RoomId,
    company: CompanyId,
    /// Whose room it was then, if that is told by this batch.
    user_id: Option<UserId>,
    message_id: Option<MessageId>,
    suppressed: bool,
    at: Timestamp,
    position: u64,
}

impl super::Changes for Changes {
    const AGGREGATE: AggregateType = AggregateType::ClientProfile;

    fn add(&mut self, recorded: &RecordedEvent, event: &AnyEvent) -> Result<(), UnreadableEvent> {
        let AnyEvent::Profile(event) = event else { return Ok(()) };
        match event {
            ProfileEvent::RoomReserved { room_id, user_id, client_id, number, .. } => {
                self.rooms.push(Room {
                    room_id: *room_id,
                    user_id: user_id.clone(),
                    client_id: *client_id,
                    number: number.clone(),
                });
            }
            ProfileEvent::RoomReminded { room_id, request_id, message_id, at } => {
                self.reminders.push(Reminder {
                    reminder_id: recorded.event_id,
                    request_id: *request_id,
                    room_id: *room_id,
                    company: recorded.company.clone(),
                    user_id: self.reassigned.get(room_id).cloned(),
                    message_id: *message_id,
                    suppressed: message_id.is_none(),
                    at: *at,
                    position: recorded.position,
                });
            }
            ProfileEvent::RoomReassigned { room_id, to, .. } => {
                self.reassigned.insert(*room_id, to.clone());
            }
            ProfileEvent::ClientProfileCreated { .. }
            | ProfileEvent::IdentifiersAdded { .. }
            | ProfileEvent::ClientsLinked { .. }
            | ProfileEvent::ClientProfileArchived { .. }
            | ProfileEvent::ClientBlocked { .. }
            | ProfileEvent::ClientUnblocked { .. }
            | ProfileEvent::ClientLanguageSet { .. }
            | ProfileEvent::UserAssigned { .. }
            | ProfileEvent::RoomInvited { .. }
            | ProfileEvent::RoomActivated { .. }
            | ProfileEvent::RoomJoined { .. }
            | ProfileEvent::UserInfoRequested { .. }
            | ProfileEvent::ClientWrote { .. }
            | ProfileEvent::InvitationResent { .. }
            | ProfileEvent::RoomsClashed { .. }
            | ProfileEvent::RoomClosed { .. } => {}
        }
        Ok(())
    }

    async fn write(self, connection: &mut PgConnection) -> Result<(), sqlx::Error> {
        rows::execute(connection, INSERT_ROOMS, &self.rooms).await?;
        rows::execute(connection, INSERT_REMINDERS, &self.reminders).await?;
        let reassigned = self.reassigned.into_iter();
        let reassigned: Vec<_> =
            reassigned.map(|(room_id, user_id)| Reassigned { room_id, user_id }).collect();
        rows::execute(connection, UPDATE_ROOMS, &reassigned).await
    }
}

const INSERT_ROOMS: &str = "
    INSERT INTO rm_reminder_rooms (room_id, user_id, client_id, number)
    SELECT room_id, user_id, client_id, number
    FROM json_populate_recordset(NULL::rm_reminder_rooms, $1::json)";

const INSERT_REMINDERS: &str = "
    INSERT INTO rm_reminders (
        reminder_id, request_id, room_id, company, user_id, client_id, number, message_id,
        suppressed, at, position)
    SELECT
        n.reminder_id, n.request_id, n.room_id, n.company, coalesce(n.user_id, r.user_id),
        r.client_id, r.number, n.message_id, n.suppressed, n.at, n.position
    FROM json_populate_recordset(NULL::rm_reminders, $1::json) n
    JOIN rm_reminder_rooms r ON r.room_id = n.room_id";

/// After the reminders: those that came before the change are of the user before it.
const UPDATE_ROOMS: &str = "
    UPDATE rm_reminder_rooms r SET user_id = c.user_id
    FROM json_populate_recordset(NULL::rm_reminder_rooms, $1::json) c
    WHERE r.room_id = c.room_id";
