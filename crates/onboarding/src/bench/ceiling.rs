//! What the same rows cost without any rule: no decision, no fact looked up, no duplicate looked for.
//!
//! The rows of measured onboardings are written again, to an empty database, in groups as large as
//! the engine's: into `events` with one statement a group, and on to EVT and the read models
//! through the service's own relay and projector.

use std::sync::Arc;
use std::time::{Duration, Instant};

use domain::record::RecordedEvent;
use domain::{AnyEvent, Told};
use engine::Recent;
use messaging::Streams;
use messaging::evt::EvtWriter;
use readmodel::Projector;
use sqlx::PgPool;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::company::Company;
use super::site::{Ground, Site};
use crate::commands::postgres_by_key;
use crate::workers::{projector, relay};

/// Onboardings in a group, and events of one.
const GROUP: usize = 512;
const EVENTS: usize = 6;

/// Onboardings a second, appended, chained onto EVT and projected.
pub(super) async fn pipeline(
    site: &Site,
    company: Company,
    rows: Vec<RecordedEvent>,
) -> anyhow::Result<f64> {
    let ground = site.fresh(&company).await?;
    let parts = Parts::start(&ground).await?;
    let (many, end) = (rows.len() / EVENTS, rows.len() as u64);
    // With their meaning at hand, as the engine has it.
    let told = renumbered(rows).into_iter().map(|recorded| {
        let meaning = Some(AnyEvent::read(&recorded)?);
        Ok(Told { recorded, meaning })
    });
    let told: Vec<Told> = told.collect::<anyhow::Result<_>>()?;
    let begun = Instant::now();
    for group in told.chunks(GROUP * EVENTS) {
        append(&parts.commits, group).await?;
        parts.committed.add(group.to_vec());
    }
    while parts.projector.checkpoint().await? < end {
        anyhow::ensure!(begun.elapsed() < Duration::from_secs(300), "the ceiling stands still");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let rate = many as f64 / begun.elapsed().as_secs_f64();
    parts.stop().await;
    Ok(rate)
}

/// Onboardings a second, appended only.
pub(super) async fn append_only(
    site: &Site,
    company: Company,
    rows: &[RecordedEvent],
) -> anyhow::Result<f64> {
    let ground = site.fresh(&company).await?;
    let commits = postgres_by_key(&ground.config, 1).await?;
    let rows = renumbered(rows.to_vec());
    let begun = Instant::now();
    for group in rows.chunks(GROUP * EVENTS) {
        append(&commits, group).await?;
    }
    Ok((rows.len() / EVENTS) as f64 / begun.elapsed().as_secs_f64())
}

/// Onboardings a second, published only.
pub(super) async fn publish_only(
    site: &Site,
    company: Company,
    rows: &[RecordedEvent],
) -> anyhow::Result<f64> {
    let ground = site.fresh(&company).await?;
    let client = crate::nats_client(&ground.config).await?;
    let settings = crate::commands::doctor::settings(&ground.config);
    Streams::new(&client, settings).ensure_evt(1).await?;
    let writer = EvtWriter::new(&client);
    let rows = renumbered(rows.to_vec());
    let begun = Instant::now();
    for group in rows.chunks(GROUP * EVENTS) {
        writer.publish(group).await?;
    }
    Ok((rows.len() / EVENTS) as f64 / begun.elapsed().as_secs_f64())
}

/// The same rows from position 1 on.
fn renumbered(mut rows: Vec<RecordedEvent>) -> Vec<RecordedEvent> {
    (1..).zip(&mut rows).for_each(|(position, row)| row.position = position);
    rows
}

/// Relay and projector without an engine.
struct Parts {
    commits: PgPool,
    committed: Arc<Recent>,
    projector: Projector,
    cancel: CancellationToken,
    tasks: TaskTracker,
}

impl Parts {
    async fn start(ground: &Ground) -> anyhow::Result<Self> {
        let commits = postgres_by_key(&ground.config, 1).await?;
        let client = crate::nats_client(&ground.config).await?;
        let settings = crate::commands::doctor::settings(&ground.config);
        let streams = Streams::new(&client, settings);
        streams.ensure_evt(1).await?;
        let (committed, published) = (Arc::<Recent>::default(), Arc::<Recent>::default());
        let (cancel, tasks) = (CancellationToken::new(), TaskTracker::new());
        committed.begin(0);
        let relay = relay::Relay {
            store: ground.store.clone(),
            pool: ground.pool.clone(),
            client: client.clone(),
            streams,
            committed: committed.clone(),
            published: published.clone(),
        };
        tasks.spawn(relay.run(cancel.clone()));
        let pool = postgres_by_key(&ground.config, 6).await?;
        let projector = Projector::of_all_views(pool);
        let following = projector::Following {
            store: ground.store.clone(),
            client,
            published,
            applied: Arc::default(),
        };
        tasks.spawn(following.run(projector.clone(), cancel.clone()));
        Ok(Self { commits, committed, projector, cancel, tasks })
    }

    async fn stop(self) {
        self.cancel.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }
}

/// The rows as they are, one statement a group, and the head of the log.
async fn append<E: AsRef<RecordedEvent>>(pool: &PgPool, rows: &[E]) -> anyhow::Result<()> {
    let rows: Vec<&RecordedEvent> = rows.iter().map(AsRef::as_ref).collect();
    let Some(last) = rows.last() else { return Ok(()) };
    let digest = [0_u8; 32];
    let digests = vec![digest.as_slice(); rows.len()];
    let column =
        |of: fn(&RecordedEvent) -> &str| rows.iter().map(|row| of(row)).collect::<Vec<_>>();
    let mut transaction = pool.begin().await?;
    sqlx::query(
        "INSERT INTO events (aggregate_type, aggregate_id, sequence, event_type, event_version, \
         payload, metadata, position, event_id, recorded_at, company, correlation_id, \
         causation_id, traceparent, digest) \
         SELECT kind, id, sequence, type, version, payload::json, '{}'::json, position, event_id, \
         at, company, correlation_id, causation_id, NULL, digest \
         FROM (SELECT unnest($1::text[]) AS kind, unnest($2::text[]) AS id, \
         unnest($3::bigint[]) AS sequence, unnest($4::text[]) AS type, \
         unnest($5::text[]) AS version, unnest($6::text[]) AS payload, \
         unnest($7::bigint[]) AS position, unnest($8::uuid[]) AS event_id, \
         unnest($9::timestamptz[]) AS at, unnest($10::text[]) AS company, \
         unnest($11::uuid[]) AS correlation_id, unnest($12::uuid[]) AS causation_id, \
         unnest($13::bytea[]) AS digest) AS e",
    )
    .bind(column(|row| &row.aggregate_type))
    .bind(column(|row| &row.aggregate_id))
    .bind(rows.iter().map(|row| row.sequence.cast_signed()).collect::<Vec<_>>())
    .bind(column(|row| &row.event_type))
    .bind(column(|row| &row.event_version))
    .bind(column(|row| &row.payload))
    .bind(rows.iter().map(|row| row.position.cast_signed()).collect::<Vec<_>>())
    .bind(rows.iter().map(|row| row.event_id).collect::<Vec<_>>())
    .bind(rows.iter().map(|row| row.recorded_at).collect::<Vec<_>>())
    .bind(column(|row| row.company.as_str()))
    .bind(rows.iter().map(|row| row.correlation_id).collect::<Vec<_>>())
    .bind(rows.iter().map(|row| row.causation_id.as_uuid()).collect::<Vec<_>>())
    .bind(digests)
    .execute(&mut *transaction)
    .await?;
    sqlx::query("UPDATE log_head SET position = $1, digest = $2")
        .bind(last.position.cast_signed())
        .bind(digest.as_slice())
        .execute(&mut *transaction)
        .await?;
    transaction.commit().await?;
    Ok(())
}
