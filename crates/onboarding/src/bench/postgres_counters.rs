//! What Postgres itself counts.

use std::time::Duration;

use sqlx::{Connection, PgConnection};

/// What one reading adds to the counters itself: its two questions. It has a connection of its own,
/// whose counts are complete when it is closed.
const READING: i64 = 2;

/// Postgres' own counters. A backend tells all that it did when it ends: they are complete only
/// while no service runs.
pub(super) struct PostgresCounters {
    transactions: i64,
    wal_bytes: i64,
    wal_syncs: i64,
    rows: i64,
}

impl PostgresCounters {
    /// Everything that was done in the database so far.
    pub(super) async fn now(database_url: &str) -> anyhow::Result<Self> {
        // For backends that have just ended.
        tokio::time::sleep(Duration::from_millis(500)).await;
        let mut connection = PgConnection::connect(database_url).await?;
        let (transactions, rows): (i64, i64) = sqlx::query_as(
            "SELECT xact_commit, tup_inserted + tup_updated FROM pg_stat_database \
             WHERE datname = current_database()",
        )
        .fetch_one(&mut connection)
        .await?;
        let (wal_bytes, wal_syncs): (i64, i64) =
            sqlx::query_as("SELECT wal_bytes::bigint, wal_sync FROM pg_stat_wal")
                .fetch_one(&mut connection)
                .await?;
        connection.close().await?;
        Ok(Self { transactions, wal_bytes, wal_syncs, rows })
    }

    /// SQL transactions since then, without those of the reading.
    pub(super) fn transactions_since(&self, before: &Self) -> f64 {
        (self.transactions - before.transactions - READING) as f64
    }

    /// Everything since then, per onboarding.
    pub(super) fn since(&self, before: &Self, many: u64) -> Vec<(&'static str, f64)> {
        let each = |now: i64, then: i64| (now - then) as f64 / many as f64;
        vec![
            ("SQL transactions per onboarding", self.transactions_since(before) / many as f64),
            ("rows written per onboarding", each(self.rows, before.rows)),
            ("WAL bytes per onboarding", each(self.wal_bytes, before.wal_bytes)),
            ("WAL fsyncs per onboarding", each(self.wal_syncs, before.wal_syncs)),
        ]
    }
}
