//! Where a measurement takes place: durable private servers, a database and streams of its own.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::Context;
use devservers::{Options, Server};
use engine::Clock;
use eventstore::EventStore;
use sqlx::{Connection, PgConnection, PgPool};

use super::company::Company;
use super::nats_counters;
use crate::config::{App, Config};
use crate::demo::stage::{APP, APP_SECRET, create_database};

/// What a database server of this size is usually given; everything else is Postgres' default.
pub(super) const POSTGRES_SETTINGS: [&str; 5] = [
    "shared_buffers=1GB",
    "min_wal_size=2GB",
    "max_wal_size=8GB",
    "checkpoint_timeout=15min",
    "wal_buffers=64MB",
];
/// Files of 16 MB that Postgres has for its log before anything is measured.
const WAL_FILES: u32 = 96;

/// One Postgres for all measurements; `fsync` is on.
pub(super) struct Site {
    pub(super) postgres: Server,
    folder: PathBuf,
    grounds: AtomicU32,
}

impl Site {
    /// Starts Postgres below `folder`.
    pub(super) async fn start(folder: PathBuf) -> anyhow::Result<Self> {
        Self::with_environment(folder, vec![]).await
    }

    /// The same with more variables in Postgres' environment.
    pub(super) async fn with_environment(
        folder: PathBuf,
        environment: Vec<(String, OsString)>,
    ) -> anyhow::Result<Self> {
        let mut options = Options::new(&folder);
        options.ignore_env = true;
        options.environment = environment;
        options.postgres_settings = POSTGRES_SETTINGS.map(str::to_owned).to_vec();
        let postgres = devservers::postgres(&options, &|line| eprintln!("  {line}")).await?;
        used(postgres.url()).await.context("making the files of Postgres' log")?;
        Ok(Self { postgres, folder, grounds: AtomicU32::new(0) })
    }

    /// A database without any table, and a NATS of its own.
    pub(super) async fn bare(&self) -> anyhow::Result<Bare> {
        let number = self.grounds.fetch_add(1, Ordering::Relaxed);
        let database = create_database(self.postgres.url(), &format!("bench_{number}")).await?;
        let mut options = Options::new(self.folder.join(format!("ground-{number}")));
        options.ignore_env = true;
        options.nats_settings = vec![nats_counters::OBSERVER_SETTING.to_owned()];
        let nats = devservers::nats(&options, &|_| {}).await.context("NATS")?;
        Ok(Bare { database, nats })
    }

    /// An empty database with a company in its directory, and a NATS of its own.
    pub(super) async fn fresh(&self, company: &Company) -> anyhow::Result<Ground> {
        self.fresh_with(&company.directory()).await
    }

    /// The same with a directory file.
    pub(super) async fn fresh_with(&self, directory: &str) -> anyhow::Result<Ground> {
        let Bare { database, nats } = self.bare().await?;
        let mut config = Config {
            database_url: database.as_str().into(),
            nats_url: nats.url().into(),
            ..Config::default()
        };
        config.http.listen = ([127, 0, 0, 1], 0).into();
        // As if WhatsApp had raised what the numbers may send to the most that it allows.
        config.sender.messages_per_second = 1_000;
        config.apps.insert(
            APP.parse()?,
            App {
                secret: APP_SECRET.into(),
                verify_token: "bench".into(),
                access_token: "bench".into(),
                unique_clients_per_day: None,
            },
        );
        let pool = PgPool::connect(&database).await.context("connecting to Postgres")?;
        crate::MIGRATIONS.run(&pool).await.context("migrating")?;
        let clock = Clock::system();
        crate::commands::directory::apply_text(&pool, directory, "bench", clock.now()).await?;
        let store = EventStore::new(pool.clone());
        Ok(Ground { config, pool, store, clock, nats })
    }

    /// Removes a ground with its database.
    pub(super) async fn discard(&self, ground: Ground) -> anyhow::Result<()> {
        let options = ground.pool.connect_options();
        let database = options.get_database().context("a ground without a database")?;
        ground.pool.close().await;
        let mut connection = PgConnection::connect(self.postgres.url()).await?;
        let drop = format!("DROP DATABASE \"{database}\" WITH (FORCE)");
        sqlx::query(&drop).execute(&mut connection).await.context("dropping a database")?;
        Ok(())
    }

    /// Where the servers' files are.
    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Of Postgres and NATS.
    pub(super) async fn versions(&self, company: &Company) -> anyhow::Result<(String, String)> {
        let ground = self.fresh(company).await?;
        let postgres: String =
            sqlx::query_scalar("SHOW server_version").fetch_one(&ground.pool).await?;
        let client = crate::nats_client(&ground.config).await?;
        let nats = client.server_info().version;
        Ok((format!("Postgres {postgres}"), format!("nats-server {nats}")))
    }
}

/// Brings a new server into the state of one that has been used: it has files for its log that it
/// only overwrites. (A new one makes each file within a commit: it writes 16 MB of zeros and syncs
/// them, every 1,200 onboardings.)
async fn used(url: &str) -> anyhow::Result<()> {
    let mut connection = PgConnection::connect(url).await?;
    for _ in 0..WAL_FILES {
        // A file that holds nothing is not left.
        sqlx::query("SELECT pg_logical_emit_message(false, 'bench', 'a file')")
            .execute(&mut connection)
            .await?;
        sqlx::query("SELECT pg_switch_wal()").execute(&mut connection).await?;
    }
    sqlx::query("CHECKPOINT").execute(&mut connection).await?;
    Ok(())
}

/// A database and a NATS with nothing in them.
pub(super) struct Bare {
    /// Its URL.
    pub(super) database: String,
    pub(super) nats: Server,
}

/// A database and a NATS with a company, and no service yet.
pub(super) struct Ground {
    pub(super) config: Config,
    pub(super) pool: PgPool,
    pub(super) store: EventStore,
    pub(super) clock: Clock,
    pub(super) nats: Server,
}

impl Ground {
    /// How many rooms readers see.
    pub(super) async fn rooms(&self) -> anyhow::Result<u64> {
        let query = "SELECT count(*) FROM rm_chat_rooms";
        let rooms: i64 = sqlx::query_scalar(query).fetch_one(&self.pool).await?;
        Ok(rooms.unsigned_abs())
    }
}
