//! Reminders.

use domain::ids::{ClientId, CompanyId, MessageId, PhoneNumberId, RequestId, RoomId, UserId};
use domain::input::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sqlx::{PgPool, QueryBuilder};
use uuid::Uuid;

use super::QueryError;
use super::cursor::Cursor;
use super::page::{List, Page, Paging, Place, equals, is};

/// A client asked on the primary for a user whom it could reach in a room. One that is sent again,
/// as the template because free text came too late, is a second one of the same request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Reminder {
    /// The id of the event that records it.
    pub reminder_id: Uuid,
    /// The request that asked.
    pub request_id: RequestId,
    /// The room.
    pub room_id: RoomId,
    /// Its company.
    pub company: CompanyId,
    /// The user whose room it was then.
    pub user_id: UserId,
    /// Its client.
    pub client_id: ClientId,
    /// Its secondary number.
    pub number: PhoneNumberId,
    /// The message, unless it was suppressed.
    pub message_id: Option<MessageId>,
    /// Whether nothing was sent, because a reminder had been sent shortly before.
    pub suppressed: bool,
    /// When.
    pub at: Timestamp,
    /// Position of the event that records it.
    pub position: u64,
}

/// Which reminders. What is left out does not matter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ReminderFilter {
    /// Whose.
    pub company: CompanyId,
    /// Of this user.
    pub user: Option<UserId>,
    /// Of this client.
    pub client: Option<ClientId>,
    /// Into this room.
    pub room: Option<RoomId>,
    /// Suppressed ones only, or sent ones only.
    pub suppressed: Option<bool>,
    /// At this moment or later.
    pub from: Option<Timestamp>,
    /// Before this moment.
    pub to: Option<Timestamp>,
}

impl ReminderFilter {
    /// All reminders of a company.
    pub const fn of(company: CompanyId) -> Self {
        Self {
            company,
            user: None,
            client: None,
            room: None,
            suppressed: None,
            from: None,
            to: None,
        }
    }
}

const LIST: List = List { name: "reminders", time: "at", id: "reminder_id" };

impl Place for Reminder {
    fn place(&self) -> Cursor {
        Cursor { at: self.at, id: self.reminder_id }
    }
}

/// A page of a company's reminders, the latest first.
///
/// # Errors
/// See [`QueryError`].
pub async fn reminders(
    pool: &PgPool,
    filter: &ReminderFilter,
    paging: &Paging,
) -> Result<Page<Reminder>, QueryError> {
    let mut sql = QueryBuilder::new("SELECT to_jsonb(r) FROM rm_reminders r WHERE company = ");
    sql.push_bind(filter.company.as_str());
    equals(&mut sql, "user_id", filter.user.clone());
    is(&mut sql, "client_id", filter.client.map(|id| id.as_uuid()));
    is(&mut sql, "room_id", filter.room.map(|id| id.as_uuid()));
    if let Some(suppressed) = filter.suppressed {
        sql.push(" AND suppressed = ").push_bind(suppressed);
    }
    LIST.span(&mut sql, filter.from, filter.to);
    LIST.page(pool, sql, paging).await
}
