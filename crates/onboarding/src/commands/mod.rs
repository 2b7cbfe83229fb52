//! The commands of the binary, one file each.

pub mod backup_check;
pub mod check;
pub mod contracts;
pub mod directory;
pub mod doctor;
pub mod migrate;
pub mod parked;
pub mod rebuild;
pub mod replay;
pub mod texts;
pub mod token;

use anyhow::Context;
use sqlx::postgres::PgPoolOptions;
use sqlx::{Executor, PgPool};

use crate::config::Config;

/// What `check` holds at once: the log's snapshot, a read model's, the events for it, those for EVT.
/// With fewer, one of its parts would wait for another, and a long log would outlast its patience.
const AT_LEAST: u32 = 4;

/// A commit is on the disk before it is answered, whatever a role or a database was set to: what was
/// answered 200 is settled after it. (Stronger settings, of replicas, stay.)
const DURABLE: &str = "SELECT set_config('synchronous_commit', 'on', false) \
     WHERE current_setting('synchronous_commit') = 'off'";

/// Connects to Postgres.
pub(crate) async fn postgres(config: &Config) -> anyhow::Result<PgPool> {
    PgPoolOptions::new()
        .max_connections(config.database_connections.max(AT_LEAST))
        .acquire_timeout(std::time::Duration::from_secs(10))
        .after_connect(|connection, _| {
            Box::pin(async move {
                connection.execute(DURABLE).await?;
                Ok(())
            })
        })
        .connect(config.database_url.expose())
        .await
        .context("Postgres (database_url, or DATABASE_URL) can't be reached")
}

/// Connects to Postgres for look-ups by key alone: what decisions ask, and what projectors change.
/// Every such statement has its index, so a plan that reads whole tables is never right, whatever
/// the statistics of a table say that was empty a minute ago.
///
/// Each worker has a few connections of its own: a pool hands them out in turn, and every backend of
/// Postgres that touches a page for the first time pays for it again.
pub(crate) async fn postgres_by_key(config: &Config, connections: u32) -> anyhow::Result<PgPool> {
    const SETTINGS: &str = "SET enable_seqscan = off; SET enable_hashjoin = off; \
         SET enable_mergejoin = off; SET plan_cache_mode = force_generic_plan; SET jit = off";
    PgPoolOptions::new()
        .max_connections(connections)
        .acquire_timeout(std::time::Duration::from_secs(10))
        .after_connect(|connection, _| {
            Box::pin(async move {
                connection.execute(DURABLE).await?;
                connection.execute(SETTINGS).await?;
                Ok(())
            })
        })
        .connect(config.database_url.expose())
        .await
        .context("Postgres (database_url, or DATABASE_URL) can't be reached")
}

/// Connects to NATS, and requires the version that the streams need.
pub(crate) async fn nats(config: &Config, name: &str) -> anyhow::Result<messaging::Client> {
    let client = messaging::connect(&messaging::ConnectSettings {
        url: config.nats_url.expose().to_owned(),
        name: format!("onboarding {name}"),
        patience: std::time::Duration::from_secs(10),
        security: config.nats.security(),
    })
    .await
    .context("NATS (nats_url, or NATS_URL, and nats) can't be reached")?;
    messaging::require_version(&client)?;
    Ok(client)
}

/// Refuses to work on a database whose tables are not those of this program.
pub(crate) async fn require_migrated(pool: &PgPool) -> anyhow::Result<()> {
    let found: sqlx::Result<Vec<i64>> =
        sqlx::query_scalar("SELECT version FROM _sqlx_migrations WHERE success")
            .fetch_all(pool)
            .await;
    anyhow::ensure!(
        !found.as_ref().is_err_and(is_for_want_of_a_privilege),
        "database_url: its role may not read the tables: apply deploy/postgres-roles.sql, as the role \
         that migrates, or name the role there that this process is meant to be"
    );
    // Without the table nothing has been migrated.
    let found = found.unwrap_or_default();
    let lacks = crate::MIGRATIONS.iter().map(|m| m.version).find(|it| !found.contains(it));
    if let Some(lacks) = lacks {
        let last = found.iter().max().copied().unwrap_or(0);
        anyhow::bail!(
            "the database is at migration {last}, this program needs {lacks}: run `onboarding migrate`"
        );
    }
    Ok(())
}

fn is_for_want_of_a_privilege(error: &sqlx::Error) -> bool {
    error.as_database_error().and_then(|error| error.code()).is_some_and(|code| code == "42501")
}

#[cfg(test)]
mod tests {
    use sqlx::{Connection, PgConnection};

    use super::*;
    use crate::demo::stage::create_database;

    #[tokio::test(flavor = "multi_thread")]
    async fn a_commit_is_on_the_disk_before_it_is_answered_whatever_a_database_is_set_to() {
        let server = devservers::shared_postgres().await.unwrap();
        let name = format!("durable_{}", std::process::id());
        let url = create_database(server.url(), &name).await.unwrap();
        let mut owner = PgConnection::connect(&url).await.unwrap();
        let set = format!("ALTER DATABASE {name} SET synchronous_commit = off");
        owner.execute(set.as_str()).await.unwrap();

        let config = Config { database_url: url.as_str().into(), ..Config::default() };
        for pool in [postgres(&config).await, postgres_by_key(&config, 1).await] {
            let found = sqlx::query_scalar("SHOW synchronous_commit");
            let found: String = found.fetch_one(&pool.unwrap()).await.unwrap();
            assert_eq!(found, "on");
        }
    }

    #[tokio::test]
    async fn a_server_that_is_none_is_named_by_its_place_in_nats_url() {
        let url = "nats://me:secret@127.0.0.1:1,,nats://127.0.0.1:2";
        let config = Config { nats_url: url.into(), ..Config::default() };
        let error = format!("{:#}", nats(&config, "test").await.err().unwrap());
        assert!(error.contains("nats_url") && error.contains("server 2 of 3"), "{error}");
        assert!(!error.contains("secret"), "{error}");
    }
}
