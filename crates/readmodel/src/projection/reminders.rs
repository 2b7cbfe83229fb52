//! The view `reminders`.

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
}

/// Whose room it is: the event of a reminder does not tell.
#[derive(Serialize)]
struct Room {
    room_id: RoomId,
    user_id: UserId,
    client_id: ClientId,
    number: PhoneNumberId,
}

#[derive(Serialize)]
struct Reminder {
    reminder_id: Uuid,
    request_id: RequestId,
    room_id: RoomId,
    company: CompanyId,
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
                    message_id: *message_id,
                    suppressed: message_id.is_none(),
                    at: *at,
                    position: recorded.position,
                });
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
        rows::execute(connection, INSERT_REMINDERS, &self.reminders).await
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
        n.reminder_id, n.request_id, n.room_id, n.company, r.user_id, r.client_id, r.number,
        n.message_id, n.suppressed, n.at, n.position
    FROM json_populate_recordset(NULL::rm_reminders, $1::json) n
    JOIN rm_reminder_rooms r ON r.room_id = n.room_id";
