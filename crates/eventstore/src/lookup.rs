//! What is known before a decision: which inputs were decided, and who is who, from what a message
//! tells to clients and profiles.

use std::collections::BTreeSet;

use domain::Personal;
use domain::consent::{Said, Wish};
use domain::flow::Held;
use domain::identity::{Identifier, PhoneNumber};
use domain::ids::{ClientId, CompanyId, InputId, ProfileId, Wamid};
use domain::input::{MessageStatus, Timestamp};
use sqlx::types::Json;
use uuid::Uuid;

use crate::early;
use crate::error::During;
use crate::row::unsigned;
use crate::{EventStore, InVain, Positions, StoreError, StoredAnswer};

const LOOKUP: &str = "look up inputs and clients";

/// What is known of some inputs, as of one moment.
#[derive(Default)]
pub struct LookedUp {
    /// Those that were decided, with their answers.
    pub decided: Vec<(InputId, StoredAnswer)>,
    /// One for each query.
    pub clients: Vec<ClientLookup>,
    /// Statuses that came before it was recorded whose messages they are of.
    pub early: Vec<MessageStatus>,
}

/// What is known of whoever has some identifiers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClientLookup {
    /// The clients that they lead to, with all that are known to be the same, first seen first.
    pub clients: Vec<ClientId>,
    /// Those of them that are the first one too, as these identifiers together show, and of which
    /// that is not recorded.
    pub same_as: Vec<ClientId>,
    /// Whether one of the identifiers was theirs then, and they have left it since.
    pub moved: bool,
    /// Those of the identifiers that another client had left by then: they lead to nobody.
    pub vacated: BTreeSet<Personal<Identifier>>,
    /// The profiles tied to them, the most closely tied first.
    pub profiles: Vec<(ProfileId, Held)>,
    /// What they said about templates, as far as it counts.
    pub said: Option<Said>,
    /// What they asked in vain lately, some of it more than an hour ago.
    pub asked_in_vain: Vec<InVain>,
}

/// By what a client is looked up.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClientQuery {
    /// What was received.
    pub identifiers: Vec<Identifier>,
    /// Other ways to write it; they lead to profiles only, and only as [`Held::ByVariant`].
    pub variants: Vec<Identifier>,
    /// When it was sent, for numbers pass from one client to another; `None`: now.
    pub at: Option<Timestamp>,
}

/// A row of [`QUERY`].
type Row = (
    i32,
    Uuid,
    i32,
    Option<i64>,
    Option<i64>,
    Option<Json<serde_json::Value>>,
    Option<bool>,
    Option<Timestamp>,
);

/// What a row is about, beside the ties of a profile.
const EARLY: i32 = -5;
const IN_VAIN: i32 = -4;
const VACATED: i32 = -3;
const MOVED: i32 = -2;
const DECIDED: i32 = -1;
/// A client by its bsuid; by a number, and it has no bsuid; by a number, and it has one, which was
/// not received.
const CLIENT: [i32; 3] = [0, 1, 2];
const EXACTLY: i32 = 3;
const BY_VARIANT: i32 = 4;

/// First the inputs that were decided (tie -1) and statuses that came early (-5), then for each query `n` the clients, by how they are
/// reached (tie 0 to 2) and by age, with what they said about templates (`last` is there if one is
/// linked to an older one), then the profiles by their closest tie (3 to 5); before them identifiers
/// that their client had left by then (-3) or has left since (-2), and what they asked in vain (-4).
///
/// The tables of the few that are linked or have left a number are looked at for each that is known,
/// and the functions that compare clients (`migrations/0068`) are called for those few alone.
///
/// `OFFSET 0` keeps each look-up what it is, one by its index for each row before it: joined as
/// sets, what a company has would be read whole as soon as statistics make it look small.
const QUERY: &str = "\
WITH received AS (
    SELECT i.n, i.kind, i.value, coalesce(($9::timestamptz[])[i.n + 1], 'infinity') AS at
    FROM unnest($2::int[], $3::text[], $4::text[]) AS i (n, kind, value)),
variant AS (
    SELECT i.n, i.kind, i.value, coalesce(($9::timestamptz[])[i.n + 1], 'infinity') AS at
    FROM unnest($5::int[], $6::text[], $7::text[]) AS i (n, kind, value)),
owned AS (
    SELECT r.n, r.kind, r.value, r.at, former.client_id AS former, owner.client_id AS owner,
        owner.has_left
    FROM received r
    LEFT JOIN LATERAL (
        SELECT l.client_id FROM left_identifiers l
        WHERE l.company = $1 AND l.kind = r.kind AND l.value = r.value AND l.since >= r.at
        ORDER BY l.since LIMIT 1) AS former ON true
    LEFT JOIN LATERAL (
        SELECT i.client_id, EXISTS (
            SELECT FROM left_identifiers l
            WHERE l.company = $1 AND l.kind = i.kind AND l.value = i.value AND l.since < r.at
                AND is_one_client($1, l.client_id, i.client_id)) AS has_left
        FROM client_identifiers i
        WHERE i.company = $1 AND i.kind = r.kind AND i.value = r.value OFFSET 0) AS owner ON true),
client AS (
    SELECT n, c.client_id, c.first_seen_position, one.linked, oldest.client_id AS oldest, owned.at,
        bool_or(owned.kind = 'bsuid') AS by_bsuid
    FROM owned
    CROSS JOIN LATERAL (
        SELECT coalesce(former, CASE WHEN NOT has_left THEN owner END) AS client_id OFFSET 0) AS its
    CROSS JOIN LATERAL (
        SELECT coalesce((
            SELECT l.linked_to FROM client_links l
            WHERE l.company = $1 AND l.client_id = its.client_id), its.client_id) AS client_id
        WHERE its.client_id IS NOT NULL OFFSET 0) AS oldest
    CROSS JOIN LATERAL (
        SELECT oldest.client_id, NULL::bigint AS linked
        UNION ALL
        SELECT l.client_id, l.position FROM client_links l
        WHERE l.company = $1 AND l.linked_to = oldest.client_id OFFSET 0) AS one
    CROSS JOIN LATERAL (
        SELECT c.client_id, c.first_seen_position FROM clients c
        WHERE c.company = $1 AND c.client_id = one.client_id OFFSET 0) AS c
    GROUP BY n, c.client_id, c.first_seen_position, one.linked, oldest.client_id, owned.at),
known AS (
    SELECT n, kind, value, at FROM received
    UNION
    SELECT n, i.kind, i.value, at FROM client
    CROSS JOIN LATERAL (
        SELECT i.kind, i.value FROM client_identifiers i
        WHERE i.company = $1 AND i.client_id = client.client_id
            AND NOT EXISTS (
                SELECT FROM left_identifiers l
                WHERE l.company = $1 AND l.kind = i.kind AND l.value = i.value
                    AND l.since < client.at AND is_one_client($1, l.client_id, i.client_id))
        OFFSET 0) AS i),
tied AS (
    SELECT n, p.profile_id, 3 AS tie FROM known
    CROSS JOIN LATERAL (
        SELECT p.profile_id FROM profile_identifiers p
        WHERE p.company = $1 AND p.kind = known.kind AND p.value = known.value
            AND NOT EXISTS (
                SELECT FROM left_identifiers l
                WHERE l.company = $1 AND l.kind = p.kind AND l.value = p.value
                    AND l.since < known.at AND is_profile_of($1, p.profile_id, l.client_id))
        OFFSET 0) AS p
    UNION ALL
    SELECT n, p.profile_id, 3 FROM client
    CROSS JOIN LATERAL (
        SELECT p.profile_id FROM profiles p
        WHERE p.company = $1 AND p.client_id = client.client_id OFFSET 0) AS p
    UNION ALL
    SELECT n, p.profile_id, 4 FROM variant
    CROSS JOIN LATERAL (
        SELECT p.profile_id FROM profile_identifiers p
        WHERE p.company = $1 AND p.kind = variant.kind AND p.value = variant.value
            AND NOT EXISTS (
                SELECT FROM left_identifiers l
                WHERE l.company = $1 AND l.kind = p.kind AND l.value = p.value
                    AND l.since < variant.at)
        OFFSET 0) AS p
    UNION ALL
    SELECT n, r.profile_id, 5 FROM client
    CROSS JOIN LATERAL (
        SELECT r.profile_id FROM rooms r
        WHERE r.company = $1 AND r.client_id = client.client_id OFFSET 0) AS r)
SELECT n, client_id AS id, CASE
        WHEN by_bsuid THEN 0
        WHEN EXISTS (
            SELECT FROM (
                SELECT client.oldest AS id
                UNION ALL
                SELECT l.client_id FROM client_links l
                WHERE l.company = $1 AND l.linked_to = client.oldest) AS one
            CROSS JOIN LATERAL (
                SELECT FROM client_identifiers i
                WHERE i.company = $1 AND i.client_id = one.id AND i.kind = 'bsuid'
                OFFSET 0) AS known) THEN 2
        ELSE 1 END AS tie, first_seen_position AS first, linked AS last,
    NULL::json AS answer, said.stopped, said.sent_at
FROM client LEFT JOIN LATERAL (
    SELECT s.stopped, s.sent_at FROM client_consents s
    WHERE s.company = $1 AND s.client_id = client.client_id OFFSET 0) AS said ON true
UNION ALL
SELECT n, profile_id, min(tie), NULL, NULL, NULL, NULL, NULL FROM tied GROUP BY n, profile_id
UNION ALL
SELECT n, coalesce(former, owner), CASE WHEN former IS NULL THEN -3 ELSE -2 END, NULL, NULL,
    json_build_object('kind', kind, 'value', value), NULL, NULL
FROM owned WHERE former IS NOT NULL OR has_left
UNION ALL
SELECT n, client_id, -4, NULL, NULL, asked.row, NULL, NULL FROM client CROSS JOIN LATERAL (
    SELECT json_build_object('request_id', a.request_id, 'at', a.at, 'replied', a.replied,
        'wrong_extension', a.wrong_extension) AS row
    FROM asked_in_vain a
    WHERE a.company = $1 AND a.client_id = client.client_id OFFSET 0) AS asked
UNION ALL
SELECT -1, '00000000-0000-0000-0000-000000000000', -5, NULL, NULL, early.body, NULL, NULL
FROM unnest($10::text[]) AS asked (wamid) CROSS JOIN LATERAL (
    SELECT e.body FROM early_statuses e
    WHERE e.company = $1 AND e.wamid = asked.wamid OFFSET 0) AS early
UNION ALL
SELECT -1, known.*, NULL, NULL FROM unnest($8::uuid[]) AS asked (id) CROSS JOIN LATERAL (
    SELECT input_id, -1, first_position, last_position, answer FROM inputs
    WHERE company = $1 AND input_id = asked.id OFFSET 0) AS known
ORDER BY n, tie, first, id";

impl EventStore {
    /// The clients and profiles that a query leads to: [`EventStore::look_up`] for one.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn lookup_client(
        &self,
        company: &CompanyId,
        query: &ClientQuery,
    ) -> Result<ClientLookup, StoreError> {
        let mut found = self.look_up(company, &[], std::slice::from_ref(query), &[]).await?;
        Ok(found.clients.pop().unwrap_or_default())
    }

    /// Those of the inputs that were decided, with their answers: [`EventStore::look_up`] without
    /// clients.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn decided(
        &self,
        company: &CompanyId,
        inputs: &[InputId],
    ) -> Result<Vec<(InputId, StoredAnswer)>, StoreError> {
        Ok(self.look_up(company, inputs, &[], &[]).await?.decided)
    }

    /// Which inputs were decided, to which clients and profiles each query leads, and which statuses
    /// came early of messages that WhatsApp knows by these ids, all in one round trip and as of the
    /// same moment.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn look_up(
        &self,
        company: &CompanyId,
        inputs: &[InputId],
        queries: &[ClientQuery],
        wamids: &[&Wamid],
    ) -> Result<LookedUp, StoreError> {
        let received = Columns::of(queries.iter().map(|query| &query.identifiers));
        let variants = Columns::of(queries.iter().map(|query| &query.variants));
        let inputs: Vec<Uuid> = inputs.iter().map(InputId::as_uuid).collect();
        let moments: Vec<Option<Timestamp>> = queries.iter().map(|query| query.at).collect();
        let rows: Vec<Row> = sqlx::query_as(QUERY)
            .bind(company.as_str())
            .bind(received.n)
            .bind(received.kinds)
            .bind(received.values)
            .bind(variants.n)
            .bind(variants.kinds)
            .bind(variants.values)
            .bind(inputs)
            .bind(moments)
            .bind(wamids.iter().map(|wamid| wamid.as_str()).collect::<Vec<_>>())
            .fetch_all(&self.pool)
            .await
            .during(LOOKUP)?;
        let clients = vec![ClientLookup::default(); queries.len()];
        let mut found = LookedUp { decided: vec![], clients, early: vec![] };
        let mut reached_by: Vec<Vec<Reached>> = queries.iter().map(|_| vec![]).collect();
        for (n, id, tie, first, last, answer, stopped, sent_at) in rows {
            if tie == DECIDED {
                let position = |at: Option<i64>| at.map(|at| unsigned(LOOKUP, at)).transpose();
                let positions = Positions { first: position(first)?, last: position(last)? };
                let answer = answer.map(|Json(answer)| answer);
                found.decided.push((InputId::from_uuid(id), StoredAnswer { answer, positions }));
                continue;
            }
            if tie == EARLY {
                found.early.extend(answer.and_then(|Json(body)| early::read(body)));
                continue;
            }
            let client = usize::try_from(n).ok().and_then(|n| found.clients.get_mut(n));
            let client = client.ok_or_else(|| StoreError::corrupt(LOOKUP, "an unasked answer"))?;
            let held = match tie {
                MOVED => {
                    client.moved = true;
                    continue;
                }
                VACATED => {
                    let identifier = answer.and_then(|Json(it)| serde_json::from_value(it).ok());
                    let unread = || StoreError::corrupt(LOOKUP, "an identifier is not valid");
                    client.vacated.insert(Personal::new(identifier.ok_or_else(unread)?));
                    continue;
                }
                IN_VAIN => {
                    let asked = answer.and_then(|Json(it)| serde_json::from_value(it).ok());
                    let unread =
                        || StoreError::corrupt(LOOKUP, "what was asked in vain is not valid");
                    client.asked_in_vain.push(asked.ok_or_else(unread)?);
                    continue;
                }
                tie if CLIENT.contains(&tie) => {
                    let said = stopped.zip(sent_at).map(said);
                    let reached = Reached { tie, first, id, is_linked: last.is_some(), said };
                    reached_by[usize::try_from(n).unwrap_or_default()].push(reached);
                    continue;
                }
                EXACTLY => Held::Exactly,
                BY_VARIANT => Held::ByVariant,
                _ => Held::RoomOnly,
            };
            client.profiles.push((ProfileId::from_uuid(id), held));
        }
        for (client, reached) in found.clients.iter_mut().zip(reached_by) {
            client.take_in(reached);
        }
        Ok(found)
    }

    /// The oldest profile that holds exactly this phone number.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn phone_holder(
        &self,
        company: &CompanyId,
        phone: &PhoneNumber,
    ) -> Result<Option<ProfileId>, StoreError> {
        let holder: Option<Uuid> = sqlx::query_scalar(
            "SELECT p.profile_id FROM profile_identifiers i JOIN profiles p USING (profile_id) \
             WHERE i.company = $1 AND i.kind = 'phone' AND i.value = $2 \
             AND NOT EXISTS (SELECT FROM left_identifiers l WHERE l.company = $1 \
                 AND l.kind = i.kind AND l.value = i.value \
                 AND is_one_client($1, l.client_id, p.client_id)) ORDER BY p.created_position LIMIT 1",
        )
        .bind(company.as_str())
        .bind(phone.to_string())
        .fetch_optional(&self.pool)
        .await
        .during(LOOKUP)?;
        Ok(holder.map(ProfileId::from_uuid))
    }
}

fn said((stopped, sent_at): (bool, Timestamp)) -> Said {
    Said { wish: if stopped { Wish::Stop } else { Wish::Start }, sent_at }
}

/// A client to which a query leads.
struct Reached {
    tie: i32,
    first: Option<i64>,
    id: Uuid,
    is_linked: bool,
    said: Option<Said>,
}

impl ClientLookup {
    /// Of the clients those who are meant. Who is known by another bsuid than the one that was
    /// received, which is somebody's, has only lost the number to that one: nothing shows that they
    /// are the same.
    fn take_in(&mut self, mut reached: Vec<Reached>) {
        if reached.iter().any(|it| it.tie == CLIENT[0]) {
            reached.retain(|it| it.tie != CLIENT[2]);
        }
        reached.sort_by_key(|it| it.first);
        for Reached { id, is_linked, said, .. } in reached {
            let id = ClientId::from_uuid(id);
            if !is_linked && !self.clients.is_empty() {
                self.same_as.push(id);
            }
            self.clients.push(id);
            self.said = Said::latest(self.said.into_iter().chain(said));
        }
    }
}

/// Identifiers of several queries, as columns.
#[derive(Default)]
struct Columns {
    n: Vec<i32>,
    kinds: Vec<&'static str>,
    values: Vec<String>,
}

impl Columns {
    fn of<'a>(queries: impl Iterator<Item = &'a Vec<Identifier>>) -> Self {
        let mut columns = Self::default();
        for (n, identifiers) in (0..).zip(queries) {
            for identifier in identifiers {
                columns.n.push(n);
                columns.kinds.push(identifier.kind());
                columns.values.push(identifier.value());
            }
        }
        columns
    }
}
