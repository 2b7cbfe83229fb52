//! An independent look at the whole log and at everything that was derived from it.
//!
//! Independent: digests are computed in Rust and not by the database, states by the aggregates'
//! `evolve` and not by `facts.rs`. It reads in batches, twice at once: in the order of positions
//! ([`chain`], [`bookings`], [`sends`], [`consents`], [`clients`], [`asked`]) and stream by stream ([`streams`]
//! and the rest). Both see the same snapshot of the database, so a running system may go on
//! meanwhile.

mod asked;
mod bookings;
mod chain;
mod clients;
mod consents;
mod messages;
mod pools;
mod profiles;
mod sends;
mod streams;

use domain::AnyEvent;
use sqlx::{Connection, Executor, PgConnection};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::error::During;
use crate::row::{COLUMNS, EventRow, LoggedEvent, signed, unsigned};
use crate::{EventStore, StoreError};

const CHECK: &str = "check the store";

/// Events in memory at a time.
const BATCH: i64 = 2_000;

/// More findings than this are counted and not told.
const MOST_FINDINGS: usize = 1_000;

/// Something that is not as it must be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What must be and is not.
    pub kind: FindingKind,
    /// Where: positions and ids, never personal data.
    pub what: String,
}

/// What must be and is not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FindingKind {
    /// Positions are 1, 2, 3, … without holes.
    Positions,
    /// Times never fall from one position to the next.
    Times,
    /// Each digest is that of its row and the digest before.
    Digest,
    /// The counter row tells the last event.
    Head,
    /// Every event can be read.
    Readable,
    /// Every event lies within the positions of a decided input.
    Inputs,
    /// A stream's sequences are 1, 2, 3, … without holes.
    Sequences,
    /// A request has at most one outcome.
    SecondOutcome,
    /// A request has an outcome, unless its room is under way.
    NoOutcome,
    /// At no time did a client have two open rooms with one user, or on one number.
    DoubleBooked,
    /// No room was opened for a client on a number where a room of it with another user rested.
    Quarantine,
    /// No message was tried after it had expired.
    LateSend,
    /// Every message that is not settled is in the send queue.
    LostMessage,
    /// No message waits there that is settled.
    SettledMessageWaits,
    /// No template was decided on, or tried, for a client that had stopped them.
    StoppedTemplate,
    /// Clients and their identifiers are those in the events.
    Clients,
    /// What counts of what clients said about templates is what the events say.
    Consents,
    /// What clients asked in vain within the hour before is in the events.
    AskedInVain,
    /// Profiles and their identifiers are those in the events.
    Profiles,
    /// Rooms are those in the events.
    Rooms,
    /// Messages' references are those in the events.
    Messages,
    /// A number's load is the number of its open rooms.
    PoolLoad,
    /// There are more findings than are told.
    More,
}

/// How far a check is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Events that were looked at; each is looked at twice.
    pub done: u64,
    /// Twice the events in the log.
    pub total: u64,
}

impl EventStore {
    /// Checks everything; no finding is good news. `progress` is called after every batch.
    ///
    /// # Errors
    /// If the database does not answer. What is wrong with the data is a finding, not an error.
    pub async fn check(
        &self,
        mut progress: impl FnMut(Progress) + Send,
    ) -> Result<Vec<Finding>, StoreError> {
        let mut transaction = self.pool.begin().await.during(CHECK)?;
        let begin = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY";
        transaction.execute(begin).await.during(CHECK)?;
        let (events, snapshot): (i64, String) =
            sqlx::query_as("SELECT (SELECT count(*) FROM events), pg_export_snapshot()")
                .fetch_one(&mut *transaction)
                .await
                .during(CHECK)?;
        let total = 2 * unsigned(CHECK, events)?;
        let (tell, mut told) = mpsc::unbounded_channel();
        // Dropped with this future: nothing goes on without it.
        let mut streams = JoinSet::new();
        streams.spawn(by_stream(self.beside(&snapshot).await?, tell.clone()));
        let positions = by_position(&mut transaction, tell);
        let progress = async {
            let mut done = 0;
            while let Some(more) = told.recv().await {
                done += more as u64;
                progress(Progress { done, total });
            }
            Ok(())
        };
        let (mut findings, ()) = tokio::try_join!(positions, progress)?;
        while let Some(ended) = streams.join_next().await {
            findings.absorb(ended.map_err(|_| StoreError::corrupt(CHECK, "a part of it died"))??);
        }
        transaction.rollback().await.during(CHECK)?;
        Ok(findings.told())
    }

    /// Another connection with the same snapshot, and none of the pool's: that may have only one.
    async fn beside(&self, snapshot: &str) -> Result<PgConnection, StoreError> {
        let options = self.pool.connect_options();
        let mut connection = PgConnection::connect_with(&options).await.during(CHECK)?;
        let begin = format!(
            "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY; SET TRANSACTION SNAPSHOT '{snapshot}'"
        );
        connection.execute(begin.as_str()).await.during(CHECK)?;
        Ok(connection)
    }
}

/// Told how many events more were looked at.
type Tell = mpsc::UnboundedSender<usize>;

async fn by_position(db: &mut PgConnection, tell: Tell) -> Result<Findings, StoreError> {
    let mut found = Findings::default();
    let findings = &mut found;
    let mut chain = chain::Chain::default();
    let mut bookings = bookings::Bookings::default();
    let mut sends = sends::Sends::default();
    let mut consents = consents::Consents::default();
    let mut clients = clients::Clients::default();
    let mut asked = asked::Asked::load(db).await?;
    let query =
        format!("SELECT {COLUMNS} FROM events e WHERE position > $1 ORDER BY position LIMIT $2");
    loop {
        let batch = batch(sqlx::query_as(&query).bind(signed(chain.position())), db).await?;
        let Some(last) = batch.last() else { break };
        let last = last.recorded.position;
        for logged in &batch {
            chain.next(logged, findings);
            match AnyEvent::read(&logged.recorded) {
                Ok(event) => {
                    bookings.next(&logged.recorded, &event, findings);
                    sends.next(&logged.recorded, &event, findings);
                    consents.next(&logged.recorded, &event, findings);
                    clients.next(&logged.recorded, &event);
                    asked.next(&logged.recorded, &event);
                }
                Err(why) => findings.add(
                    FindingKind::Readable,
                    format!("position {}: {why}", logged.recorded.position),
                ),
            }
        }
        clients.compare(db, findings).await?;
        debug_assert_eq!(chain.position(), last);
        let _ = tell.send(batch.len());
    }
    chain.compare_head(db, findings).await?;
    chain::compare_inputs(db, findings).await?;
    clients.compare_rest(db, findings).await?;
    consents.compare(db, findings).await?;
    asked.finish(findings);
    sends.compare(chain.position(), db, findings).await?;
    Ok(found)
}

async fn by_stream(mut db: PgConnection, tell: Tell) -> Result<Findings, StoreError> {
    let (mut found, db) = (Findings::default(), &mut db);
    let findings = &mut found;
    let mut streams = streams::Streams::default();
    // Most of a log's bytes are payloads that say nothing to a stream's state.
    let columns = COLUMNS.replace("e.payload::text", streams::PAYLOAD);
    let query = format!(
        "SELECT {columns} FROM events e WHERE (aggregate_type, aggregate_id, sequence) > ($1, $2, $3) \
         ORDER BY aggregate_type, aggregate_id, sequence LIMIT $4"
    );
    let mut after = (String::new(), String::new(), 0);
    loop {
        let page = sqlx::query_as(&query).bind(&after.0).bind(&after.1).bind(signed(after.2));
        let batch = batch(page, db).await?;
        let Some(last) = batch.last().map(|logged| &logged.recorded) else { break };
        after = (last.aggregate_type.clone(), last.aggregate_id.clone(), last.sequence);
        for logged in &batch {
            streams.next(&logged.recorded, findings);
        }
        streams.compare(db, findings).await?;
        let _ = tell.send(batch.len());
    }
    streams.finish(db, findings).await?;
    Ok(found)
}

type Page<'q> = sqlx::query::QueryAs<'q, sqlx::Postgres, EventRow, sqlx::postgres::PgArguments>;

async fn batch(page: Page<'_>, db: &mut PgConnection) -> Result<Vec<LoggedEvent>, StoreError> {
    let rows = page.bind(BATCH).fetch_all(db).await.during(CHECK)?;
    rows.into_iter().map(|row| row.logged(CHECK)).collect()
}

#[derive(Default)]
struct Findings {
    told: Vec<Finding>,
    more: usize,
}

impl Findings {
    fn add(&mut self, kind: FindingKind, what: String) {
        if self.told.len() < MOST_FINDINGS {
            self.told.push(Finding { kind, what });
        } else {
            self.more += 1;
        }
    }

    /// A finding if there is one.
    fn unless(&mut self, fine: bool, kind: FindingKind, what: impl FnOnce() -> String) {
        if !fine {
            self.add(kind, what());
        }
    }

    /// Those of another part.
    fn absorb(&mut self, other: Self) {
        self.more += other.more;
        other.told.into_iter().for_each(|finding| self.add(finding.kind, finding.what));
    }

    fn told(mut self) -> Vec<Finding> {
        if self.more > 0 {
            let what = format!("and {} more", self.more);
            self.told.push(Finding { kind: FindingKind::More, what });
        }
        self.told
    }
}
