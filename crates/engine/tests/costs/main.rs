//! What an onboarding costs in things that can be counted, from the message in the lane to its
//! events in the log. A program of its own: it counts every allocation, and has a Postgres alone.
//!
//! The bounds are a tenth above what was counted, so that one more statement, row, index or copy
//! fails here and not in production. `onboarding bench --section costs` counts the whole service.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[allow(dead_code, reason = "shared with the other tests")]
#[path = "../it/harness.rs"]
mod harness;
#[allow(dead_code, reason = "shared with the other tests")]
#[path = "../it/inputs.rs"]
mod inputs;
#[allow(dead_code, reason = "shared with the other tests")]
#[path = "../it/proxy.rs"]
mod proxy;

use std::alloc::System;
use std::collections::BTreeMap;

use devservers::Options;
use sqlx::PgPool;
use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};

use crate::harness::World;
use crate::inputs::{client, company_id, file, message};
use crate::proxy::Proxy;

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const WARM: u32 = 128;
const MEASURED: u32 = 256;

/// A burst is decided in a few rounds: two where nothing else runs, more on a busy machine.
const MOST_APPENDS: u64 = 5;
/// Per append: which of its inputs are decided and who their clients are, and the append itself.
const ROUND_TRIPS: u64 = 2;
/// Counted: 9,550 to 9,600, 720 and 79,000 to 85,000.
const MOST_WAL_BYTES: f64 = 10_500.0;
const MOST_ALLOCATIONS: f64 = 800.0;
const MOST_BYTES_ALLOCATED: f64 = 92_000.0;

/// Rows of one onboarding: six events, and what later decisions look up. The client is known by a
/// phone and a bsuid.
const ROWS: [(&str, u64); 7] = [
    ("events", 6),
    ("inputs", 1),
    ("clients", 1),
    ("client_identifiers", 2),
    ("profiles", 1),
    ("profile_identifiers", 2),
    ("rooms", 1),
];

#[tokio::test(flavor = "multi_thread")]
async fn an_onboarding_costs_what_it_did() {
    let dir = tempfile::tempdir().unwrap();
    let options = Options { ignore_env: true, ..Options::new(dir.path().join("postgres")) };
    let server = devservers::postgres(&options, &|_| {}).await.unwrap();
    let url = harness::create(server.url(), "").await;
    harness::migrate(&url).await;
    let direct = World::at(&url).await;
    direct.apply(&file(&["acme"], 10)).await;
    direct.store.set_reviewed_version(&company_id("acme"), 1).await.unwrap();
    let proxy = Proxy::to(&url).await;
    let engine = World::at(&proxy.url(&url)).await.start();
    engine.decide_all((0..WARM).map(|n| message(client(n), "#michael"))).await;
    proxy.timers_have_looked().await;

    let messages: Vec<_> =
        (WARM..WARM + MEASURED).map(|n| message(client(n), "#michael")).collect();
    let (rows, wal) = (rows(&direct.pool).await, wal(&direct.pool).await);
    proxy.statements();
    let allocated = ALLOCATOR.stats();
    engine.decide_all(messages).await;
    let allocated = ALLOCATOR.stats() - allocated;
    let statements = proxy.statements();
    let wal = self::wal(&direct.pool).await - wal;
    let written = self::rows(&direct.pool).await;

    for (table, each) in ROWS {
        let more = written[table] - rows[table];
        assert_eq!(more, each * u64::from(MEASURED), "rows of {table}");
    }
    let appends = statements.iter().filter(|sql| sql.contains("append_events")).count() as u64;
    assert!(appends <= MOST_APPENDS, "{appends} appends: {statements:#?}");
    // The pool's snapshot is saved beside the rounds, now and then.
    let of_rounds = statements.iter().filter(|sql| !sql.contains("INTO snapshots")).count() as u64;
    assert_eq!(of_rounds, appends * ROUND_TRIPS, "{appends} appends: {statements:#?}");
    let each = |amount: u64| amount as f64 / f64::from(MEASURED);
    let counted = [
        ("WAL bytes", each(wal), MOST_WAL_BYTES),
        (
            "allocations",
            each((allocated.allocations + allocated.reallocations) as u64),
            MOST_ALLOCATIONS,
        ),
        ("bytes allocated", each(allocated.bytes_allocated as u64), MOST_BYTES_ALLOCATED),
    ];
    for (what, amount, most) in counted {
        println!("{what} per onboarding: {amount:.3}, at most {most}");
    }
    for (what, amount, most) in counted {
        assert!(amount <= most, "{what} per onboarding: {amount}, at most {most}");
        // A bound that is far above what it bounds would not notice anything.
        assert!(amount > 0.8 * most, "{what} per onboarding: {amount}; lower the bound {most}");
    }
    engine.stop().await;
    direct.checked().await;
}

async fn rows(pool: &PgPool) -> BTreeMap<&'static str, u64> {
    let mut rows = BTreeMap::new();
    for (table, _) in ROWS {
        let query = format!("SELECT count(*) FROM {table}");
        let count: i64 = sqlx::query_scalar(&query).fetch_one(pool).await.unwrap();
        rows.insert(table, count.unsigned_abs());
    }
    rows
}

async fn wal(pool: &PgPool) -> u64 {
    let position = "SELECT (pg_current_wal_insert_lsn() - '0/0')::bigint";
    sqlx::query_scalar::<_, i64>(position).fetch_one(pool).await.unwrap().unsigned_abs()
}
