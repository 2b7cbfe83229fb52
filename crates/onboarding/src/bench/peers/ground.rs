//! Where a peer works: a database with postgres-es' tables, pools in it, and EVT.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use anyhow::Context;
use cqrs_es::EventStore as _;
use cqrs_es::persist::EventStoreAggregateContext;
use directory::Picture;
use domain::company::NumberSpec;
use domain::ids::PoolId;
use domain::pool::SecondaryNumberPool;
use futures::future::try_join_all;
use messaging::{StreamSettings, Streams};
use sqlx::PgPool;
use sqlx::postgres::PgPoolOptions;
use tokio::time::Instant;

use super::snapshots::SnapshotStore;
use super::stock::{Parts, Stock, plain_store};
use super::{Peer, PoolsUsed, ROOMS, WARM, seed};
use crate::bench::company::Company;
use crate::bench::site::Bare;

/// Fresh pools that are there, for each second; a run ends early without more.
const FRESH_A_SECOND: u64 = 1_500;
/// How long connections may take to end.
const PATIENCE: Duration = Duration::from_secs(60);
/// Events of an onboarding.
const EVENTS: u64 = 6;
/// postgres-es' own table, and the view's table and indexes as the service has them.
const TABLES: [&str; 3] = [
    include_str!("schema.sql"),
    include_str!("../../../../../migrations/0031_rm_chat_rooms.sql"),
    include_str!("../../../../../migrations/0040_rm_chat_rooms_filters.sql"),
];

/// Where a peer works, and on what.
pub(super) struct Ground {
    pub(super) bare: Bare,
    /// A connection beside the service's own.
    pub(super) observer: PgPool,
    client: messaging::Client,
    company: Company,
    picture: Picture,
    seen: SecondaryNumberPool,
    /// One, or one a message.
    pools: Vec<PoolId>,
    /// Events that were there before.
    seeded: u64,
    /// The number of the next message.
    next: AtomicU64,
}

impl Ground {
    pub(super) async fn prepare(
        bare: Bare,
        company: Company,
        peer: Peer,
        seconds: u64,
    ) -> anyhow::Result<Arc<Self>> {
        let seeding = connect(&bare, 1).await?;
        for tables in TABLES {
            sqlx::raw_sql(tables).execute(&seeding).await?;
        }
        let client = messaging::connect(&messaging::ConnectSettings {
            url: bare.nats.url().to_owned(),
            name: "onboarding bench".into(),
            patience: Duration::from_secs(10),
            security: messaging::Security::default(),
        })
        .await?;
        Streams::new(&client, StreamSettings::default()).ensure_evt(1).await?;
        let directory = directory::parse_and_validate(&company.directory())
            .map_err(|faults| anyhow::anyhow!("the directory has {} faults", faults.len()))?;
        let tenant = directory.companies().first().context("no company")?;
        let picture = Picture::new(1, tenant.clone());
        let (id, specs) = picture.pools().first_key_value().context("no pool")?;
        let streams = streams(peer, seconds, id, specs)?;
        let seeded = seed::write(&seeding, &streams).await?;
        let seen = streams.first().context("no pool")?.state.clone();
        if peer.pools == PoolsUsed::OneWithSnapshots {
            let last = usize::try_from(seeded)?;
            SnapshotStore::new(seeding.clone()).save(&id.to_string(), &seen, last).await?;
        }
        let pools = streams.into_iter().map(|stream| stream.id).collect();
        sqlx::query("VACUUM ANALYZE").execute(&seeding).await?;
        sqlx::query("CHECKPOINT").execute(&seeding).await?;
        drop(seeding);
        let observer = connect(&bare, 1).await?;
        let next = AtomicU64::new(0);
        let ground = Self { bare, observer, client, company, picture, seen, pools, seeded, next };
        ground.verify(peer, 0).await?;
        ground.alone().await?;
        Ok(Arc::new(ground))
    }

    pub(super) async fn service(&self, peer: Peer) -> anyhow::Result<Arc<Stock>> {
        Ok(Arc::new(Stock::new(Parts {
            pool: connect(&self.bare, peer.writers).await?,
            jetstream: async_nats::jetstream::new(self.client.clone()),
            picture: self.picture.clone(),
            seen: self.seen.clone(),
            shared: peer.pools != PoolsUsed::Fresh,
            snapshots: peer.pools == PoolsUsed::OneWithSnapshots,
        })))
    }

    /// Onboards for a while, one message after the other in each writer; how many, and how long
    /// it took until the last one was through.
    pub(super) async fn onboard(
        self: &Arc<Self>,
        service: &Arc<Stock>,
        peer: Peer,
        long: Duration,
    ) -> anyhow::Result<(u64, Duration)> {
        let begun = Instant::now();
        let writers = (0..peer.writers).map(|_| {
            let (ground, service) = (self.clone(), service.clone());
            tokio::spawn(async move {
                let mut done = 0;
                while begun.elapsed() < long
                    && let Some((n, pool)) = ground.take(peer)
                {
                    let asked = ground.company.onboarding(n, SystemTime::now().into())?;
                    service.onboard(&asked, pool).await?;
                    done += 1;
                }
                anyhow::Ok(done)
            })
        });
        let done: anyhow::Result<Vec<u64>> = try_join_all(writers).await?.into_iter().collect();
        Ok((done?.iter().sum(), begun.elapsed()))
    }

    /// The next message's number and its pool; `None` if no fresh pool is left.
    fn take(&self, peer: Peer) -> Option<(u64, &PoolId)> {
        let n = self.next.fetch_add(1, Ordering::Relaxed);
        let at = if peer.pools == PoolsUsed::Fresh { usize::try_from(n).ok()? } else { 0 };
        Some((n, self.pools.get(at)?))
    }

    /// Waits until nobody else is connected: a backend tells all that it did when it ends, before
    /// it is no longer listed. (A pool must be dropped for it: sqlx' `close` may leave a connection
    /// open that was just being given back.)
    pub(super) async fn alone(&self) -> anyhow::Result<()> {
        let others = "SELECT count(*) FROM pg_stat_activity \
                      WHERE datname = current_database() AND pid <> pg_backend_pid()";
        let begun = Instant::now();
        while count(&self.observer, others).await? > 0 {
            anyhow::ensure!(begun.elapsed() < PATIENCE, "connections to Postgres stay open");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Ok(())
    }

    /// Looks whether so many onboardings are wherever they should be, and each once.
    pub(super) async fn verify(&self, peer: Peer, many: u64) -> anyhow::Result<()> {
        let Self { observer, seeded, .. } = self;
        let events = count(observer, "SELECT count(*) FROM events").await? - seeded;
        let evenly = "SELECT count(*) FROM (SELECT count(*) AS many FROM events \
                      WHERE metadata::text <> '{}' GROUP BY event_type) AS each WHERE many = $1";
        let kinds: i64 =
            sqlx::query_scalar(evenly).bind(many.cast_signed()).fetch_one(observer).await?;
        anyhow::ensure!(
            many == 0 || kinds.unsigned_abs() == EVENTS,
            "{peer}: {kinds} of the six events are complete"
        );
        let rooms = count(observer, "SELECT count(*) FROM rm_chat_rooms").await?;
        let evt = async_nats::jetstream::new(self.client.clone()).get_stream("EVT").await?;
        let published = evt.cached_info().state.messages;
        anyhow::ensure!(
            (events, rooms, published) == (EVENTS * many, many, EVENTS * many),
            "{peer}: {many} onboardings left {events} events, {rooms} rooms, {published} messages"
        );
        let first = self.pools.first().context("no pool")?.to_string();
        let pool = plain_store::<SecondaryNumberPool>(observer).load_aggregate(&first).await?;
        let loads = || pool.aggregate.numbers().map(|number| u64::from(number.load));
        match peer.pools {
            PoolsUsed::One | PoolsUsed::OneWithSnapshots => {
                let (has, should) = (loads().sum::<u64>(), ROOMS + many);
                anyhow::ensure!(has == should, "{peer}: the pool has {has} rooms, not {should}");
            }
            PoolsUsed::Fresh => {
                let used = "SELECT count(DISTINCT aggregate_id) FROM events \
                            WHERE event_type = 'number-reserved'";
                let used = count(observer, used).await?;
                anyhow::ensure!(used == many, "{peer}: {used} pools have a room, not {many}");
            }
        }
        if peer.pools == PoolsUsed::OneWithSnapshots {
            let store = SnapshotStore::new(observer.clone());
            let with: EventStoreAggregateContext<SecondaryNumberPool> =
                store.load_aggregate(&first).await?;
            anyhow::ensure!(
                (&with.aggregate, with.current_sequence)
                    == (&pool.aggregate, pool.current_sequence),
                "{peer}: with snapshots the pool is another one than without"
            );
        }
        Ok(())
    }
}

/// The pools that a peer finds: one that has rooms, or enough for its time.
fn streams(
    peer: Peer,
    seconds: u64,
    id: &PoolId,
    specs: &[NumberSpec],
) -> anyhow::Result<Vec<seed::Stream>> {
    if peer.pools != PoolsUsed::Fresh {
        return Ok(vec![seed::Stream::with_rooms(id.clone(), specs, ROOMS)?]);
    }
    let fresh = |n| {
        let key = format!("{}-{n}", id.key).parse()?;
        seed::Stream::with_rooms(PoolId { company: id.company.clone(), key }, specs, 0)
    };
    (0..FRESH_A_SECOND * (seconds + WARM.as_secs())).map(fresh).collect()
}

async fn connect(bare: &Bare, connections: u32) -> anyhow::Result<PgPool> {
    let options = PgPoolOptions::new().max_connections(connections).test_before_acquire(false);
    options.connect(&bare.database).await.context("connecting to Postgres")
}

async fn count(pool: &PgPool, query: &str) -> anyhow::Result<u64> {
    let many: i64 = sqlx::query_scalar(query).fetch_one(pool).await?;
    Ok(many.unsigned_abs())
}
