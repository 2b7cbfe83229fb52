//! Profiles, their identifiers and their rooms, as the folded profiles have them.

use std::collections::{BTreeMap, BTreeSet};

use domain::ids::{ProfileId, RoomId};
use domain::profile::{ClientProfile, Profile, Room};
use sqlx::PgConnection;
use uuid::Uuid;

use super::{CHECK, FindingKind, Findings};
use crate::StoreError;
use crate::error::During;
use crate::rooms::RoomRow;

/// The profiles of this batch, and how many rows all of them so far had.
#[derive(Default)]
pub(super) struct Profiles {
    folded: BTreeMap<Uuid, Box<Profile>>,
    seen: [usize; 3],
}

impl Profiles {
    pub(super) fn add(&mut self, id: ProfileId, profile: ClientProfile) {
        if let ClientProfile::Present(profile) = profile {
            self.folded.insert(id.as_uuid(), profile);
        }
    }

    pub(super) async fn compare(
        &mut self,
        db: &mut PgConnection,
        findings: &mut Findings,
    ) -> Result<(), StoreError> {
        if self.folded.is_empty() {
            return Ok(());
        }
        let folded = std::mem::take(&mut self.folded);
        let ids: Vec<Uuid> = folded.keys().copied().collect();
        self.compare_profiles(db, &ids, &folded, findings).await?;
        self.compare_rooms(db, &folded, findings).await
    }

    async fn compare_profiles(
        &mut self,
        db: &mut PgConnection,
        ids: &[Uuid],
        folded: &BTreeMap<Uuid, Box<Profile>>,
        findings: &mut Findings,
    ) -> Result<(), StoreError> {
        let profiles: Vec<(Uuid, String, Uuid)> = sqlx::query_as(
            "SELECT profile_id, company, client_id FROM profiles WHERE profile_id = ANY ($1)",
        )
        .bind(ids)
        .fetch_all(&mut *db)
        .await
        .during(CHECK)?;
        let (mut companies, mut kinds, mut values, mut holders) = (vec![], vec![], vec![], vec![]);
        for (id, profile) in folded {
            for identifier in &profile.identifiers {
                companies.push(profile.company.to_string());
                kinds.push(identifier.expose().kind());
                values.push(identifier.expose().value());
                holders.push(*id);
            }
        }
        let identifiers: Vec<(Uuid, String, String)> = sqlx::query_as(
            "SELECT held.* FROM unnest($1::text[], $2::text[], $3::text[], $4::uuid[]) \
             AS told (company, kind, value, id) CROSS JOIN LATERAL (\
             SELECT profile_id, kind, value FROM profile_identifiers p WHERE p.company = told.company \
             AND p.kind = told.kind AND p.value = told.value AND p.profile_id = told.id OFFSET 0) AS held",
        )
        .bind(companies)
        .bind(kinds)
        .bind(values)
        .bind(holders)
        .fetch_all(db)
        .await
        .during(CHECK)?;
        self.seen[0] += profiles.len();
        self.seen[1] += identifiers.len();

        let rows: BTreeMap<_, _> = profiles.into_iter().map(|(id, c, k)| (id, (c, k))).collect();
        let mut held: BTreeMap<Uuid, BTreeSet<(String, String)>> = BTreeMap::new();
        for (id, kind, value) in identifiers {
            held.entry(id).or_default().insert((kind, value));
        }
        for (id, profile) in folded {
            let there = (profile.company.to_string(), profile.client_id.as_uuid());
            let holds: BTreeSet<_> = profile
                .identifiers
                .iter()
                .map(|i| (i.expose().kind().to_owned(), i.expose().value()))
                .collect();
            let agree =
                rows.get(id) == Some(&there) && held.remove(id).unwrap_or_default() == holds;
            findings.unless(agree, FindingKind::Profiles, || format!("profile {id}"));
        }
        Ok(())
    }

    async fn compare_rooms(
        &mut self,
        db: &mut PgConnection,
        folded: &BTreeMap<Uuid, Box<Profile>>,
        findings: &mut Findings,
    ) -> Result<(), StoreError> {
        let rooms = folded.values().flat_map(|profile| profile.rooms.keys());
        let rooms: Vec<Uuid> = rooms.map(RoomId::as_uuid).collect();
        let rows: Vec<RoomRow> = sqlx::query_as("SELECT * FROM rooms WHERE room_id = ANY ($1)")
            .bind(rooms)
            .fetch_all(db)
            .await
            .during(CHECK)?;
        self.seen[2] += rows.len();
        let mut rows: BTreeMap<Uuid, RoomRow> =
            rows.into_iter().map(|row| (row.room_id, row)).collect();
        for (profile_id, profile) in folded {
            for (room_id, room) in &profile.rooms {
                let row = rows.remove(&room_id.as_uuid());
                let agree = row.is_some_and(|row| is_row_of(&row, *profile_id, profile, room));
                findings.unless(agree, FindingKind::Rooms, || format!("room {room_id}"));
            }
        }
        Ok(())
    }

    pub(super) async fn compare_rest(
        &self,
        db: &mut PgConnection,
        findings: &mut Findings,
    ) -> Result<(), StoreError> {
        let rows: (i64, i64, i64) = sqlx::query_as(
            "SELECT (SELECT count(*) FROM profiles), \
             (SELECT count(*) FROM profile_identifiers), (SELECT count(*) FROM rooms)",
        )
        .fetch_one(db)
        .await
        .during(CHECK)?;
        for (kind, table, there, seen) in [
            (FindingKind::Profiles, "profiles", rows.0, self.seen[0]),
            (FindingKind::Profiles, "profile_identifiers", rows.1, self.seen[1]),
            (FindingKind::Rooms, "rooms", rows.2, self.seen[2]),
        ] {
            findings.unless(there == seen as i64, kind, || {
                format!("{table} has {there} rows, {seen} of them of profiles in the log")
            });
        }
        Ok(())
    }
}

fn is_row_of(row: &RoomRow, profile_id: Uuid, profile: &Profile, room: &Room) -> bool {
    row.profile_id == profile_id
        && row.company == profile.company.as_str()
        && row.client_id == room.client_id.as_uuid()
        && row.user_id == room.user_id.as_str()
        && row.number == room.number.as_str()
        && row.pool_id == room.pool_id.to_string()
        && row.request_id == room.request_id.as_uuid()
        && row.phase == room.phase.as_str()
        && row.deadline == room.deadline
        && row.quarantine_until == room.quarantine_until
}
