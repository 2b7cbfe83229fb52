//! Open rooms of a company, to be looked at after a new version of the directory.

use domain::ids::{
    ClientId, CompanyId, ExternalCompanyId, PhoneNumberId, ProfileId, RoomId, UserId,
};
use domain::profile::{ClientProfile, RoomPhase};
use sqlx::FromRow;
use uuid::Uuid;

use crate::aggregates::StoredAggregate;
use crate::error::During;
use crate::rooms::phase;
use crate::row::parse;
use crate::{EventStore, StoreError};

const ROOMS: &str = "look at a company's open rooms";
const REVIEWED: &str = "read which version rooms were reviewed after";
const SET: &str = "record which version rooms were reviewed after";

/// An open room, with what it stands on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenRoom {
    /// The room.
    pub room_id: RoomId,
    /// Its profile.
    pub profile_id: ProfileId,
    /// Only users assigned to it may see the profile.
    pub external_company: Option<ExternalCompanyId>,
    /// Its client.
    pub client_id: ClientId,
    /// Its user.
    pub user_id: UserId,
    /// The secondary number that carries it.
    pub number: PhoneNumberId,
    /// How far it is.
    pub phase: RoomPhase,
}

/// The last open room that was read: no client has two with one user.
pub type RoomCursor = (ClientId, UserId);

impl OpenRoom {
    /// Where the next page begins.
    pub fn cursor(&self) -> RoomCursor {
        (self.client_id, self.user_id.clone())
    }
}

#[derive(FromRow)]
struct Row {
    room_id: Uuid,
    profile_id: Uuid,
    external_company: Option<String>,
    client_id: Uuid,
    user_id: String,
    number: String,
    phase: String,
}

impl EventStore {
    /// At most `limit` open rooms of a company, in the order of their cursors.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn open_rooms(
        &self,
        company: &CompanyId,
        after: Option<RoomCursor>,
        limit: u32,
    ) -> Result<Vec<OpenRoom>, StoreError> {
        let (client, user) = after.unzip();
        // The external company of a profile is set when it is created, by the first event.
        let rows: Vec<Row> = sqlx::query_as(
            "SELECT room_id, profile_id, external_company, client_id, user_id, number, phase \
             FROM rooms LEFT JOIN LATERAL ( \
                 SELECT payload->>'external_company' AS external_company FROM events \
                 WHERE aggregate_type = $1 AND aggregate_id = profile_id::text AND sequence = 1 \
                 OFFSET 0 \
             ) created ON true \
             WHERE company = $2 AND phase IN ('reserved', 'invited', 'active') \
                 AND (client_id, user_id) > ($3, $4) \
             ORDER BY client_id, user_id LIMIT $5",
        )
        .bind(ClientProfile::KIND.as_str())
        .bind(company.as_str())
        .bind(client.map_or_else(Uuid::nil, |client| client.as_uuid()))
        .bind(user.as_ref().map_or("", UserId::as_str))
        .bind(i64::from(limit))
        .fetch_all(&self.pool)
        .await
        .during(ROOMS)?;
        rows.into_iter().map(OpenRoom::try_from).collect()
    }

    /// The version of the directory after which all rooms of a company were last looked at.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn reviewed_version(&self, company: &CompanyId) -> Result<Option<u64>, StoreError> {
        let version: Option<i64> =
            sqlx::query_scalar("SELECT directory_version FROM room_reviews WHERE company = $1")
                .bind(company.as_str())
                .fetch_optional(&self.pool)
                .await
                .during(REVIEWED)?;
        Ok(version.and_then(|version| u64::try_from(version).ok()))
    }

    /// All rooms of a company were looked at after this version.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn set_reviewed_version(
        &self,
        company: &CompanyId,
        version: u64,
    ) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO room_reviews AS known VALUES ($1, $2) ON CONFLICT (company) DO UPDATE \
             SET directory_version = greatest(known.directory_version, excluded.directory_version)",
        )
        .bind(company.as_str())
        .bind(i64::try_from(version).unwrap_or(i64::MAX))
        .execute(&self.pool)
        .await
        .during(SET)?;
        Ok(())
    }
}

impl TryFrom<Row> for OpenRoom {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        let external = row.external_company.as_deref();
        Ok(Self {
            room_id: RoomId::from_uuid(row.room_id),
            profile_id: ProfileId::from_uuid(row.profile_id),
            external_company: external
                .map(|it| parse(ROOMS, "external_company", it))
                .transpose()?,
            client_id: ClientId::from_uuid(row.client_id),
            user_id: parse(ROOMS, "user_id", &row.user_id)?,
            number: parse(ROOMS, "number", &row.number)?,
            phase: phase(&row.phase)?,
        })
    }
}
