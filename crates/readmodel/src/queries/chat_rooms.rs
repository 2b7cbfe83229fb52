//! Chat rooms.

use domain::ids::{
    ClientId, CompanyId, PhoneNumberId, PoolId, ProfileId, RequestId, RoomId, UserId,
};
use domain::input::Timestamp;
use domain::profile::{ActivationCause, CloseReason, RoomPhase};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sqlx::types::Json;
use sqlx::{PgPool, QueryBuilder};

use super::cursor::Cursor;
use super::page::{List, Page, Paging, Place, equals, is};
use super::{QueryError, failed};

/// A 1:1 room of one client with one user, on one secondary number.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ChatRoom {
    /// The room.
    pub room_id: RoomId,
    /// Its company.
    pub company: CompanyId,
    /// The profile of its client.
    pub profile_id: ProfileId,
    /// Its client.
    pub client_id: ClientId,
    /// Its user.
    pub user_id: UserId,
    /// The secondary number that carries it.
    pub number: PhoneNumberId,
    /// The number's pool.
    pub pool_id: PoolId,
    /// The request that opened it.
    pub request_id: RequestId,
    /// How far it is.
    pub phase: RoomPhase,
    /// When its number was taken.
    pub reserved_at: Timestamp,
    /// When WhatsApp took the invitation.
    pub invited_at: Option<Timestamp>,
    /// When it was open for both.
    pub activated_at: Option<Timestamp>,
    /// What made it so.
    pub activation_cause: Option<ActivationCause>,
    /// When it was over.
    pub closed_at: Option<Timestamp>,
    /// Why.
    pub close_reason: Option<CloseReason>,
    /// Until when its (client, number) pair rests.
    pub quarantine_until: Option<Timestamp>,
    /// When the client last wrote into it.
    pub client_wrote_at: Option<Timestamp>,
    /// When a reminder was last sent into it.
    pub last_reminded_at: Option<Timestamp>,
    /// How many further requests joined while it was under way.
    pub joined: u32,
    /// Rooms that were open when its client turned out to be theirs too, with the same user or on
    /// the same number.
    pub clashes_with: Vec<RoomId>,
    /// Position of the event that changed it last.
    pub position: u64,
}

/// Which rooms. What is left out does not matter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ChatRoomFilter {
    /// Whose.
    pub company: CompanyId,
    /// In this phase.
    pub phase: Option<RoomPhase>,
    /// Of this user.
    pub user: Option<UserId>,
    /// Of this client.
    pub client: Option<ClientId>,
    /// On this secondary number.
    pub number: Option<PhoneNumberId>,
    /// Only open ones that clash with another open one.
    #[serde(default)]
    pub clashing: bool,
    /// Reserved at this moment or later.
    pub from: Option<Timestamp>,
    /// Reserved before this moment.
    pub to: Option<Timestamp>,
}

impl ChatRoomFilter {
    /// All rooms of a company.
    pub const fn of(company: CompanyId) -> Self {
        Self {
            company,
            phase: None,
            user: None,
            client: None,
            number: None,
            clashing: false,
            from: None,
            to: None,
        }
    }
}

/// `rm_chat_rooms_clashing` holds the few rooms that ever clashed.
const CLASHING: &str = " AND clashes_with <> '{}' AND phase <> 'closed' AND EXISTS ( \
    SELECT FROM rm_chat_rooms other WHERE other.room_id = ANY (r.clashes_with) \
    AND other.phase <> 'closed' AND (other.user_id = r.user_id OR other.number = r.number))";

const LIST: List = List { name: "chat rooms", time: "reserved_at", id: "room_id" };

impl Place for ChatRoom {
    fn place(&self) -> Cursor {
        Cursor { at: self.reserved_at, id: self.room_id.as_uuid() }
    }
}

/// A page of a company's rooms, the one reserved last first.
///
/// # Errors
/// See [`QueryError`].
pub async fn chat_rooms(
    pool: &PgPool,
    filter: &ChatRoomFilter,
    paging: &Paging,
) -> Result<Page<ChatRoom>, QueryError> {
    let mut sql = QueryBuilder::new("SELECT to_jsonb(r) FROM rm_chat_rooms r WHERE company = ");
    sql.push_bind(filter.company.as_str());
    equals(&mut sql, "phase", filter.phase.map(RoomPhase::as_str));
    equals(&mut sql, "user_id", filter.user.clone());
    is(&mut sql, "client_id", filter.client.map(|id| id.as_uuid()));
    equals(&mut sql, "number", filter.number.clone());
    if filter.clashing {
        sql.push(CLASHING);
    }
    LIST.span(&mut sql, filter.from, filter.to);
    LIST.page(pool, sql, paging).await
}

/// One room of a company, or `None` if it has no such room.
///
/// # Errors
/// If the database fails.
pub async fn chat_room(
    pool: &PgPool,
    company: &CompanyId,
    room_id: RoomId,
) -> Result<Option<ChatRoom>, QueryError> {
    let row = sqlx::query_scalar(
        "SELECT to_jsonb(r) FROM rm_chat_rooms r WHERE company = $1 AND room_id = $2",
    )
    .bind(company.as_str())
    .bind(room_id.as_uuid())
    .fetch_optional(pool)
    .await
    .map_err(failed("a chat room"))?;
    Ok(row.map(|Json(room)| room))
}
