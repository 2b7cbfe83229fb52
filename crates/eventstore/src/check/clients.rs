//! Clients, their identifiers, and which of them are one: each there since the event that first
//! named it, or gave it to another client, and none that no event names.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use domain::identity::Identifier;
use domain::ids::ClientId;
use domain::input::Timestamp;
use domain::profile::ProfileEvent;
use domain::record::RecordedEvent;
use domain::request::RequestEvent;
use domain::{AnyEvent, Personal};
use sqlx::PgConnection;
use uuid::Uuid;

use super::{CHECK, FindingKind, Findings};
use crate::StoreError;
use crate::error::During;
use crate::row::signed;

/// What one batch of events names, and how many rows were confirmed by the event that made them.
#[derive(Default)]
pub(super) struct Clients {
    clients: Vec<(String, Uuid, i64)>,
    identifiers: Vec<Mention>,
    confirmed: [i64; 2],
    /// Which clients are one, as all events so far tell: few.
    linked: Linked,
    /// Numbers that clients have left, and since when: few.
    left: BTreeMap<(String, Identifier, Uuid), Timestamp>,
    /// Numbers that passed from one client to another: few.
    taken_over: BTreeSet<(String, Identifier)>,
    /// Mentions of identifiers that are not known since then: fine, if they have passed on since.
    suspects: Vec<(String, Identifier, i64)>,
}

/// Of each client that is one with others, all that are, by company and id.
#[derive(Default)]
struct Linked(BTreeMap<(String, Uuid), BTreeSet<Uuid>>);

impl Linked {
    fn are_one(&self, company: &str, one: Uuid, other: Uuid) -> bool {
        let all = self.0.get(&(company.to_owned(), one));
        all.is_some_and(|all| all.contains(&other))
    }

    fn learn(&mut self, company: &str, clients: impl Iterator<Item = Uuid>) {
        let key = |client| (company.to_owned(), client);
        let mut all = BTreeSet::new();
        for client in clients {
            all.insert(client);
            all.extend(self.0.get(&key(client)).into_iter().flatten());
        }
        for client in &all {
            self.0.insert(key(*client), all.clone());
        }
    }
}

/// An identifier in an event, and the client that it leads to if it led to none before
/// (`None`: the client of the profile that the event belongs to).
struct Mention {
    company: String,
    identifier: Identifier,
    position: i64,
    client_id: Option<Uuid>,
}

impl Clients {
    pub(super) fn next(&mut self, recorded: &RecordedEvent, event: &AnyEvent) {
        match event {
            AnyEvent::Request(RequestEvent::OnboardingRequested { client_id, message, .. }) => {
                self.client(recorded, *client_id);
                self.identified(recorded, Some(*client_id), message.identifiers());
            }
            AnyEvent::Profile(ProfileEvent::ClientProfileCreated {
                client_id,
                identifiers,
                ..
            }) => {
                self.client(recorded, *client_id);
                let identifiers = identifiers.iter().map(|i| i.expose().clone());
                self.identified(recorded, Some(*client_id), identifiers);
            }
            AnyEvent::Request(RequestEvent::ClientsLinked { client_id, same_as, .. })
            | AnyEvent::Profile(ProfileEvent::ClientsLinked { client_id, same_as, .. }) => {
                let clients = std::iter::once(client_id).chain(same_as).map(|id| id.as_uuid());
                self.linked.learn(recorded.company.as_str(), clients);
            }
            AnyEvent::Request(RequestEvent::IdentifiersLeft {
                client_id,
                identifiers,
                since,
                ..
            }) => {
                for identifier in identifiers {
                    let key = number(recorded, *client_id, identifier);
                    let known = self.left.entry(key).or_insert(*since);
                    *known = (*known).max(*since);
                }
            }
            AnyEvent::Request(RequestEvent::IdentifiersTakenOver {
                client_id,
                identifiers,
                ..
            }) => {
                for identifier in identifiers {
                    let (company, identifier, client) = number(recorded, *client_id, identifier);
                    // It, by whatever id it is known, has come back to what it had left.
                    self.left.retain(|(of, left, by), _| {
                        let is_its_own =
                            *by == client || self.linked.are_one(&company, *by, client);
                        !(*of == company && *left == identifier && is_its_own)
                    });
                    self.taken_over.insert((company, identifier));
                }
                let identifiers = identifiers.iter().map(|i| i.expose().clone());
                self.identified(recorded, Some(*client_id), identifiers);
            }
            AnyEvent::Profile(ProfileEvent::IdentifiersAdded { identifiers, .. }) => {
                let identifiers = identifiers.iter().map(|i| i.expose().clone());
                self.identified(recorded, None, identifiers);
            }
            AnyEvent::Profile(_) | AnyEvent::Request(_) | AnyEvent::Pool(_) => {}
        }
    }

    fn client(&mut self, recorded: &RecordedEvent, client_id: ClientId) {
        let company = recorded.company.to_string();
        self.clients.push((company, client_id.as_uuid(), signed(recorded.position)));
    }

    fn identified(
        &mut self,
        recorded: &RecordedEvent,
        client_id: Option<ClientId>,
        identifiers: impl IntoIterator<Item = Identifier>,
    ) {
        self.identifiers.extend(identifiers.into_iter().map(|identifier| Mention {
            company: recorded.company.to_string(),
            identifier,
            position: signed(recorded.position),
            client_id: client_id.map(|id| id.as_uuid()),
        }));
    }

    /// Looks up what the batch named.
    pub(super) async fn compare(
        &mut self,
        db: &mut PgConnection,
        findings: &mut Findings,
    ) -> Result<(), StoreError> {
        self.compare_clients(db, findings).await?;
        self.compare_identifiers(db).await
    }

    async fn compare_clients(
        &mut self,
        db: &mut PgConnection,
        findings: &mut Findings,
    ) -> Result<(), StoreError> {
        let mentions = std::mem::take(&mut self.clients);
        let companies: Vec<&str> = mentions.iter().map(|(company, ..)| company.as_str()).collect();
        let ids: Vec<Uuid> = mentions.iter().map(|(_, id, _)| *id).collect();
        // One by one: the key begins with the company, and the table is as long as the log.
        let rows: Vec<(String, Uuid, i64)> = sqlx::query_as(
            "SELECT found.* FROM unnest($1::text[], $2::uuid[]) AS told (company, client_id) \
             CROSS JOIN LATERAL (SELECT company, client_id, first_seen_position FROM clients c \
             WHERE c.company = told.company AND c.client_id = told.client_id OFFSET 0) AS found",
        )
        .bind(companies)
        .bind(ids)
        .fetch_all(db)
        .await
        .during(CHECK)?;
        let since: HashMap<(String, Uuid), i64> =
            rows.into_iter().map(|(company, id, position)| ((company, id), position)).collect();
        for (company, id, position) in mentions {
            match since.get(&(company, id)) {
                Some(first) if *first == position => self.confirmed[0] += 1,
                Some(first) if *first < position => {}
                _ => findings.add(
                    FindingKind::Clients,
                    format!("client {id} is not known since position {position}"),
                ),
            }
        }
        Ok(())
    }

    async fn compare_identifiers(&mut self, db: &mut PgConnection) -> Result<(), StoreError> {
        let mentions = std::mem::take(&mut self.identifiers);
        let companies: Vec<&str> = mentions.iter().map(|m| m.company.as_str()).collect();
        let kinds: Vec<&str> = mentions.iter().map(|m| m.identifier.kind()).collect();
        let values: Vec<String> = mentions.iter().map(|m| m.identifier.value()).collect();
        let positions: Vec<i64> = mentions.iter().map(|m| m.position).collect();
        let clients: Vec<Option<Uuid>> = mentions.iter().map(|m| m.client_id).collect();
        // One row per mention: since when its identifier is known, and whether for that client.
        let rows: Vec<(i64, i64, Option<i64>, bool)> = sqlx::query_as(
            "SELECT m.n, m.position, i.position, coalesce(m.client_id = i.client_id, true) \
             FROM unnest($1::text[], $2::text[], $3::text[], $4::bigint[], $5::uuid[]) \
             WITH ORDINALITY AS m (company, kind, value, position, client_id, n) \
             LEFT JOIN LATERAL (SELECT position, client_id FROM client_identifiers i \
             WHERE i.company = m.company AND i.kind = m.kind AND i.value = m.value OFFSET 0) AS i \
             ON true",
        )
        .bind(companies)
        .bind(kinds)
        .bind(values)
        .bind(positions)
        .bind(clients)
        .fetch_all(db)
        .await
        .during(CHECK)?;
        for (n, position, since, same_client) in rows {
            match since {
                Some(first) if first == position && same_client => self.confirmed[1] += 1,
                Some(first) if first < position => {}
                _ => {
                    let of_batch = usize::try_from(n - 1).ok().and_then(|n| mentions.get(n));
                    let Some(Mention { company, identifier, .. }) = of_batch else { continue };
                    self.suspects.push((company.clone(), identifier.clone(), position));
                }
            }
        }
        Ok(())
    }

    /// After the last batch: what the tables have beyond the events.
    pub(super) async fn compare_rest(
        &self,
        db: &mut PgConnection,
        findings: &mut Findings,
    ) -> Result<(), StoreError> {
        let rows: (i64, i64) = sqlx::query_as(
            "SELECT (SELECT count(*) FROM clients), (SELECT count(*) FROM client_identifiers)",
        )
        .fetch_one(&mut *db)
        .await
        .during(CHECK)?;
        for (table, there, confirmed) in [
            ("clients", rows.0, self.confirmed[0]),
            ("client_identifiers", rows.1, self.confirmed[1]),
        ] {
            findings.unless(there == confirmed, FindingKind::Clients, || {
                format!("{table} has {there} rows, the events make {confirmed}")
            });
        }
        for (company, identifier, position) in &self.suspects {
            let passed_on = self.taken_over.contains(&(company.clone(), identifier.clone()));
            findings.unless(passed_on, FindingKind::Clients, || {
                format!("an identifier in position {position} is not known since then")
            });
        }
        self.compare_left(db, findings).await?;
        self.compare_links(db, findings).await
    }

    /// Numbers that clients have left are those in the events.
    async fn compare_left(
        &self,
        db: &mut PgConnection,
        findings: &mut Findings,
    ) -> Result<(), StoreError> {
        let rows: Vec<(String, String, String, Uuid, Timestamp)> =
            sqlx::query_as("SELECT company, kind, value, client_id, since FROM left_identifiers")
                .fetch_all(db)
                .await
                .during(CHECK)?;
        let there: BTreeSet<_> = rows.into_iter().collect();
        let told = self.left.iter().map(|((company, identifier, client), since)| {
            let (kind, value) = (identifier.kind().to_owned(), identifier.value());
            (company.clone(), kind, value, *client, *since)
        });
        let told: BTreeSet<_> = told.collect();
        for (_, kind, _, client, since) in there.symmetric_difference(&told) {
            findings.add(
                FindingKind::Clients,
                format!(
                    "that client {client} has left a {kind} since {since} is in left_identifiers \
                     or in the events, and not in both"
                ),
            );
        }
        Ok(())
    }

    /// Each client that is one with others leads to the one of them that was seen first.
    async fn compare_links(
        &self,
        db: &mut PgConnection,
        findings: &mut Findings,
    ) -> Result<(), StoreError> {
        let rows: Vec<(String, Uuid, Uuid, bool)> = sqlx::query_as(
            "SELECT l.company, l.client_id, l.linked_to, \
                 coalesce(to_it.first_seen_position < it.first_seen_position, false) \
             FROM client_links l \
             LEFT JOIN clients it ON it.company = l.company AND it.client_id = l.client_id \
             LEFT JOIN clients to_it ON to_it.company = l.company AND to_it.client_id = l.linked_to",
        )
        .fetch_all(db)
        .await
        .during(CHECK)?;
        let mut told: BTreeMap<(String, Uuid), BTreeSet<Uuid>> = BTreeMap::new();
        for (company, client, to, is_older) in rows {
            findings.unless(is_older, FindingKind::Clients, || {
                format!("client {client} leads to {to}, which was not seen before it")
            });
            told.entry((company, to)).or_insert_with(|| [to].into()).insert(client);
        }
        let told: BTreeSet<_> =
            told.into_iter().map(|((company, _), all)| (company, all)).collect();
        let linked = self.linked.0.iter().map(|((company, _), all)| (company.clone(), all.clone()));
        let linked: BTreeSet<_> = linked.collect();
        for (_, clients) in told.symmetric_difference(&linked) {
            findings.add(
                FindingKind::Clients,
                format!(
                    "clients {clients:?} are one in client_links or in the events, and not in both"
                ),
            );
        }
        Ok(())
    }
}

/// A number of a client's, as a key.
fn number(
    recorded: &RecordedEvent,
    client_id: ClientId,
    identifier: &Personal<Identifier>,
) -> (String, Identifier, Uuid) {
    (recorded.company.to_string(), identifier.expose().clone(), client_id.as_uuid())
}
