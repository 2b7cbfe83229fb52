//! Rooms and messages, found without knowing their profile or request.

use std::collections::HashMap;

use domain::ids::{
    ClientId, CompanyId, MessageId, PhoneNumberId, PoolId, ProfileId, RequestId, RoomId, UserId,
    Wamid,
};
use domain::input::{MessageReference, RoomDeadline, Timestamp};
use domain::profile::RoomPhase;
use sqlx::FromRow;
use uuid::Uuid;

use crate::error::During;
use crate::row::parse;
use crate::{EventStore, StoreError};

const ROOM: &str = "look up a room";
const DUE: &str = "look up rooms that are due";
const MESSAGE: &str = "look up a message";

/// A room as far as the store knows it; its profile has the rest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredRoom {
    /// The room.
    pub room_id: RoomId,
    /// Its profile.
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
}

#[derive(FromRow)]
pub(crate) struct RoomRow {
    pub(crate) room_id: Uuid,
    pub(crate) company: String,
    pub(crate) profile_id: Uuid,
    pub(crate) client_id: Uuid,
    pub(crate) user_id: String,
    pub(crate) number: String,
    pub(crate) pool_id: String,
    pub(crate) request_id: Uuid,
    pub(crate) phase: String,
    pub(crate) deadline: Option<Timestamp>,
    pub(crate) quarantine_until: Option<Timestamp>,
}

impl EventStore {
    /// A room of a company.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn room(
        &self,
        company: &CompanyId,
        room_id: RoomId,
    ) -> Result<Option<StoredRoom>, StoreError> {
        let row: Option<RoomRow> =
            sqlx::query_as("SELECT * FROM rooms WHERE company = $1 AND room_id = $2")
                .bind(company.as_str())
                .bind(room_id.as_uuid())
                .fetch_optional(&self.pool)
                .await
                .during(ROOM)?;
        row.map(StoredRoom::try_from).transpose()
    }

    /// The profile of a company's room.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn profile_of_room(
        &self,
        company: &CompanyId,
        room_id: RoomId,
    ) -> Result<Option<ProfileId>, StoreError> {
        Ok(self.room(company, room_id).await?.map(|room| room.profile_id))
    }

    /// The open room with a user of a client, or of one that is known to be the same, and its profile.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn open_room_with(
        &self,
        company: &CompanyId,
        client_id: ClientId,
        user_id: &UserId,
    ) -> Result<Option<(ProfileId, RoomId)>, StoreError> {
        let row: Option<(Uuid, Uuid)> = sqlx::query_as(
            "WITH oldest AS (SELECT linked_client($1, $2) AS client_id) \
             SELECT profile_id, room_id FROM rooms \
             WHERE company = $1 AND user_id = $3 AND phase IN ('reserved', 'invited', 'active') \
             AND client_id = ANY (ARRAY(SELECT client_id FROM oldest UNION ALL \
                 SELECT l.client_id FROM client_links l JOIN oldest ON l.linked_to = oldest.client_id \
                 WHERE l.company = $1)) \
             LIMIT 1",
        )
        .bind(company.as_str())
        .bind(client_id.as_uuid())
        .bind(user_id.as_str())
        .fetch_optional(&self.pool)
        .await
        .during(ROOM)?;
        Ok(row.map(|(profile, room)| (ProfileId::from_uuid(profile), RoomId::from_uuid(room))))
    }

    /// At most `limit` rooms whose phase has lasted too long, the longest overdue first.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn due_rooms(
        &self,
        now: Timestamp,
        limit: u32,
    ) -> Result<Vec<(CompanyId, RoomDeadline)>, StoreError> {
        let rows: Vec<(String, Uuid, Uuid, Timestamp)> = sqlx::query_as(
            "SELECT company, profile_id, room_id, deadline FROM rooms \
             WHERE deadline <= $1 ORDER BY deadline LIMIT $2",
        )
        .bind(now)
        .bind(i64::from(limit))
        .fetch_all(&self.pool)
        .await
        .during(DUE)?;
        rows.into_iter()
            .map(|(company, profile_id, room_id, deadline)| {
                let due = RoomDeadline {
                    profile_id: ProfileId::from_uuid(profile_id),
                    room_id: RoomId::from_uuid(room_id),
                    deadline,
                    at: now,
                };
                Ok((parse(DUE, "company", &company)?, due))
            })
            .collect()
    }

    /// Our message that WhatsApp gave this id.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn find_message(
        &self,
        company: &CompanyId,
        wamid: &Wamid,
    ) -> Result<Option<MessageReference>, StoreError> {
        Ok(self.find_messages(company, &[wamid]).await?.remove(wamid))
    }

    /// The requests of messages by WhatsApp's ids of them, where they are known.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn find_messages(
        &self,
        company: &CompanyId,
        wamids: &[&Wamid],
    ) -> Result<HashMap<Wamid, MessageReference>, StoreError> {
        let by_text: HashMap<&str, &Wamid> = wamids.iter().map(|it| (it.as_str(), *it)).collect();
        let rows: Vec<(String, Uuid, Uuid)> = sqlx::query_as(
            "SELECT m.* FROM unnest($2::text[]) AS asked (wamid) CROSS JOIN LATERAL ( \
                 SELECT wamid, request_id, message_id FROM message_references m \
                 WHERE m.company = $1 AND m.wamid = asked.wamid OFFSET 0) AS m",
        )
        .bind(company.as_str())
        .bind(by_text.keys().copied().collect::<Vec<_>>())
        .fetch_all(&self.pool)
        .await
        .during(MESSAGE)?;
        let found = rows.into_iter().filter_map(|(wamid, request_id, message_id)| {
            let wamid = (*by_text.get(wamid.as_str())?).clone();
            let request_id = RequestId::from_uuid(request_id);
            Some((
                wamid,
                MessageReference { request_id, message_id: MessageId::from_uuid(message_id) },
            ))
        });
        Ok(found.collect())
    }
}

impl TryFrom<RoomRow> for StoredRoom {
    type Error = StoreError;

    fn try_from(row: RoomRow) -> Result<Self, StoreError> {
        Ok(Self {
            room_id: RoomId::from_uuid(row.room_id),
            profile_id: ProfileId::from_uuid(row.profile_id),
            client_id: ClientId::from_uuid(row.client_id),
            user_id: parse(ROOM, "user_id", &row.user_id)?,
            number: parse(ROOM, "number", &row.number)?,
            pool_id: parse(ROOM, "pool_id", &row.pool_id)?,
            request_id: RequestId::from_uuid(row.request_id),
            phase: phase(&row.phase)?,
        })
    }
}

pub(crate) fn phase(text: &str) -> Result<RoomPhase, StoreError> {
    [RoomPhase::Reserved, RoomPhase::Invited, RoomPhase::Active, RoomPhase::Closed]
        .into_iter()
        .find(|phase| phase.as_str() == text)
        .ok_or_else(|| StoreError::corrupt(ROOM, "phase is not valid"))
}
