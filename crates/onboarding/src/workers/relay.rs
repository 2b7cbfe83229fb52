//! From Postgres to EVT, in order: EVT's stream sequence is the event's position.
//!
//! The relay is EVT's only writer, and each message names the sequence it
//! expects before it. So a second relay, a lost tail and a lost stream all show
//! as a wrong sequence, and all heal the same way: read back EVT's last sequence
//! and go on from the next position.

use std::sync::Arc;
use std::time::Duration;

use domain::Told;
use engine::{Next, Recent};
use eventstore::EventStore;
use messaging::evt::{EvtReader, EvtWriter, ReaderError};
use messaging::{Client, Streams};
use sqlx::{Connection, Executor, PgConnection, PgPool};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

use super::pause;

/// Most events published in one go.
const BATCH: u32 = 1_000;
/// How long the relay waits for word of a commit before it looks by itself.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// Pause after an error.
const PAUSE: Duration = Duration::from_millis(500);
/// Whoever holds the lock and says nothing for so long has lost it.
const SILENCE: Duration = Duration::from_secs(15);
/// How often it says something while there is much to publish.
const LOOK_AROUND: Duration = Duration::from_secs(3);
/// The advisory lock that one relay holds: "relay" in ASCII.
const LOCK: i64 = 0x72_656c_6179;

/// What the relay works with.
pub struct Relay {
    /// The log.
    pub store: EventStore,
    /// For the lock.
    pub pool: PgPool,
    /// Where it publishes.
    pub client: Client,
    /// To create EVT if it is lost.
    pub streams: Streams,
    /// What this process commits.
    pub committed: Arc<Recent>,
    /// What EVT has acknowledged, for the projections of this process.
    pub published: Arc<Recent>,
}

impl Relay {
    /// Runs until `cancel`. Of several relays one is active; another takes over
    /// when Postgres finds that one's connection closed.
    pub async fn run(self, cancel: CancellationToken) {
        while !cancel.is_cancelled() {
            match lock(&self.pool).await {
                Ok(Some(mut connection)) => {
                    tracing::info!("this relay is active");
                    while !cancel.is_cancelled() && still_there(&mut connection).await {
                        let published = self.publish(&mut connection, &cancel).await;
                        self.published.end();
                        if let Err(problem) = published {
                            metrics::counter!("onboarding_relay_breaks_total").increment(1);
                            tracing::warn!(
                                problem,
                                "the relay reads back where EVT ends and goes on"
                            );
                            pause(&cancel, PAUSE).await;
                        }
                    }
                    let _ = connection.close().await;
                }
                Ok(None) => {
                    pause(&cancel, Duration::from_secs(1)).await;
                }
                Err(error) => {
                    tracing::warn!(%error, "the relay cannot reach Postgres; trying again");
                    pause(&cancel, PAUSE).await;
                }
            }
        }
    }

    /// Publishes from EVT's end on, until something breaks or the lock may be lost.
    async fn publish(
        &self,
        connection: &mut PgConnection,
        cancel: &CancellationToken,
    ) -> Result<(), String> {
        let differences = self.streams.ensure_evt(1).await.map_err(|e| e.to_string())?;
        for difference in differences {
            tracing::warn!(%difference, "EVT is not configured as it should be; see `onboarding doctor`");
        }
        let writer = EvtWriter::new(&self.client);
        let mut last = writer.last_position().await.map_err(|e| e.to_string())?;
        let log_end = self.store.last_position().await.map_err(|e| e.to_string())?;
        if last > log_end {
            return Err(format!(
                "EVT ends at {last}, but the log at {log_end}: EVT is not of this database; \
                 delete the stream EVT to have it built anew"
            ));
        }
        self.require_ours(last).await?;
        self.published.begin(last);
        let mut looked_around = Instant::now();
        while !cancel.is_cancelled() {
            if looked_around.elapsed() >= LOOK_AROUND {
                self.look_around(connection, &writer, last).await?;
                looked_around = Instant::now();
            }
            let Some(events) = self.next(last, cancel).await? else { continue };
            metrics::histogram!("onboarding_relay_batch_events").record(events.len() as f64);
            let span = tracing::info_span!("publish", after = last, events = events.len());
            let published = writer.publish(&events).instrument(span).await;
            last = published.map_err(|e| e.to_string())?;
            metrics::gauge!("onboarding_relay_position").set(last as f64);
            self.published.add(events);
        }
        Ok(())
    }

    /// What comes after a position: from memory if this process has just committed it, else from
    /// the table. `None` if there was nothing for a while.
    async fn next(
        &self,
        last: u64,
        cancel: &CancellationToken,
    ) -> Result<Option<Vec<Told>>, String> {
        let mut next = self.committed.after(last);
        if next == Next::NothingYet {
            let word = tokio::time::timeout(LOOK_EVERY, self.committed.changed());
            let _ = cancel.run_until_cancelled(word).await;
            next = self.committed.after(last);
        }
        if let Next::Events(events) = next {
            return Ok(Some(events));
        }
        // Another process may have committed it.
        let events = self.store.events_after(last, BATCH).await.map_err(|e| e.to_string())?;
        let events: Vec<_> = events.into_iter().map(Told::from).collect();
        if events.is_empty() && matches!(next, Next::Elsewhere | Next::Behind) {
            let word = tokio::time::timeout(LOOK_EVERY, self.committed.changed());
            let _ = cancel.run_until_cancelled(word).await;
        }
        Ok(Some(events).filter(|events| !events.is_empty()))
    }

    /// Without events a lost lock, stream or tail would not show by itself.
    async fn look_around(
        &self,
        connection: &mut PgConnection,
        writer: &EvtWriter,
        last: u64,
    ) -> Result<(), String> {
        if !still_there(connection).await {
            return Err("the lock's connection is gone".into());
        }
        let found = writer.last_position().await.map_err(|e| e.to_string())?;
        if found == last {
            Ok(())
        } else {
            Err(format!("EVT ends at {found}, not at {last} as it was left"))
        }
    }
}

impl Relay {
    /// EVT's last event must be the log's at that position: after Postgres was
    /// restored from an older copy they may differ, and EVT must not be gone on with.
    async fn require_ours(&self, last: u64) -> Result<(), String> {
        if last == 0 {
            return Ok(());
        }
        let mut reader = EvtReader::from(&self.client, last);
        let published = tokio::time::timeout(Duration::from_secs(10), reader.next()).await;
        let published = published.map_err(|_| "EVT's last event does not come".to_owned())?;
        let published = match published {
            Ok(event) => event,
            // Its tail was purged: there is nothing to compare.
            Err(ReaderError::Hole { .. }) => return Ok(()),
            Err(error) => return Err(error.to_string()),
        };
        let logged = self.store.events_after(last - 1, 1).await.map_err(|e| e.to_string())?;
        if logged.first().is_some_and(|event| event.event_id == published.event_id) {
            return Ok(());
        }
        Err(format!(
            "position {last} is another event in EVT than in the log: EVT is not of this \
             database; delete the stream EVT to have it built anew"
        ))
    }
}

/// The lock, on a connection of its own: with its end goes the lock. `None` if
/// another relay holds it.
///
/// A process that dies closes its connection. A machine that dies does not: Postgres has to ask it
/// whether it is still there, soon and not after the two hours that are usual, and must not wait for
/// long until it has taken in what was sent to it. A process that hangs answers that too, its kernel
/// does: whoever says nothing for [`SILENCE`] has lost the lock.
pub(crate) async fn lock(pool: &PgPool) -> sqlx::Result<Option<PgConnection>> {
    const SETTINGS: &str = "SET tcp_keepalives_idle = 3; SET tcp_keepalives_interval = 2; \
         SET tcp_keepalives_count = 2; SET tcp_user_timeout = 7000";
    let mut connection = PgConnection::connect_with(&pool.connect_options()).await?;
    connection.execute(SETTINGS).await?;
    let silence = format!("SET idle_session_timeout = {}", SILENCE.as_millis());
    connection.execute(silence.as_str()).await?;
    let taken = sqlx::query_scalar("SELECT pg_try_advisory_lock($1)").bind(LOCK);
    let taken: bool = taken.fetch_one(&mut connection).await?;
    Ok(taken.then_some(connection))
}

async fn still_there(connection: &mut PgConnection) -> bool {
    connection.ping().await.is_ok()
}
