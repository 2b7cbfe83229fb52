//! What is counted rather than timed: it does not depend on the machine.

use sqlx::PgPool;
use tokio::time::Instant;

use super::nats_counters::{Observer, Traffic};
use super::proxy::{Asked, Counted, PREPARE, Proxy, since};
use super::site::Ground;
use crate::allocator::{Allocations, allocated};

/// The counters around a service, which goes to Postgres through the proxy.
pub(super) struct Counters {
    proxy: Proxy,
    nats: Observer,
    pool: PgPool,
}

/// All counters at one moment.
pub(super) struct Snapshot {
    at: Instant,
    asked: Counted,
    wal: i64,
    traffic: Traffic,
    /// Before the counters were asked, and after.
    allocated: (Option<Allocations>, Option<Allocations>),
}

/// What happened between two moments.
pub(super) struct Window {
    seconds: f64,
    asked: Counted,
    /// By name, always in the same order.
    amounts: Vec<(&'static str, f64)>,
}

impl Counters {
    pub(super) async fn of(ground: &Ground) -> anyhow::Result<Self> {
        let proxy = Proxy::to(ground.config.database_url.expose()).await?;
        let nats = Observer::of(ground.config.nats_url.expose()).await?;
        Ok(Self { proxy, nats, pool: ground.pool.clone() })
    }

    /// The same database, through the proxy.
    pub(super) fn way(&self, url: &str) -> String {
        self.proxy.url(url)
    }

    pub(super) async fn now(&self) -> anyhow::Result<Snapshot> {
        let (at, before, asked) = (Instant::now(), allocated(), self.proxy.counted());
        let wal = "SELECT (pg_current_wal_insert_lsn() - '0/0')::bigint";
        let wal = sqlx::query_scalar(wal).fetch_one(&self.pool).await?;
        let traffic = self.nats.traffic().await?;
        Ok(Snapshot { at, asked, wal, traffic, allocated: (before, allocated()) })
    }
}

impl Snapshot {
    pub(super) fn until(&self, end: &Self) -> Window {
        let mut amounts = vec![
            ("WAL bytes", (end.wal - self.wal) as f64),
            ("NATS messages", (end.traffic.messages() - self.traffic.messages()) as f64),
            ("NATS bytes", (end.traffic.bytes() - self.traffic.bytes()) as f64),
        ];
        if let (Some(before), Some(after)) = (self.allocated.1, end.allocated.0) {
            amounts.push(("allocations", (after.count - before.count) as f64));
            amounts.push(("bytes allocated", (after.bytes - before.bytes) as f64));
        }
        let asked = since(&end.asked, &self.asked);
        Window { seconds: (end.at - self.at).as_secs_f64(), asked, amounts }
    }
}

impl Window {
    /// All but SQL.
    pub(super) fn amounts(&self) -> &[(&'static str, f64)] {
        &self.amounts
    }

    /// How often a statement of this text was asked.
    pub(super) fn times(&self, text: &str) -> u64 {
        let of_text = self.asked.iter().filter(|(statement, _)| statement.contains(text));
        of_text.map(|(_, asked)| asked.round_trips - asked.pings).sum()
    }

    /// A second of it.
    pub(super) fn each_second(&self) -> Vec<(&'static str, f64)> {
        let all = sql(self.asked.values()).into_iter().chain(self.amounts.iter().copied());
        all.map(|(name, amount)| (name, amount / self.seconds)).collect()
    }

    /// What did not merely pass with time. Statements that are asked when nothing happens, and what
    /// a connection begins with, are left out; of everything else an idle time is taken off.
    pub(super) fn without(&self, idle: &Self) -> Vec<(&'static str, f64)> {
        let own = self.asked.iter().filter(|(statement, _)| {
            !idle.asked.contains_key(*statement)
                && ***statement != *PREPARE
                && !statement.starts_with("SET ")
        });
        let mut amounts = sql(own.map(|(_, asked)| asked));
        let share = self.seconds / idle.seconds;
        let pairs = self.amounts.iter().zip(&idle.amounts);
        amounts.extend(pairs.map(|((name, all), (_, idle))| (*name, all - idle * share)));
        amounts
    }
}

fn sql<'a>(asked: impl Iterator<Item = &'a Asked>) -> Vec<(&'static str, f64)> {
    let (mut round_trips, mut pings, mut transactions) = (0, 0, 0);
    for one in asked {
        round_trips += one.round_trips;
        pings += one.pings;
        transactions += one.transactions;
    }
    vec![
        ("SQL round trips", round_trips as f64),
        ("SQL round trips that are pings", pings as f64),
        ("SQL transactions", transactions as f64),
    ]
}
