//! How far the log is committed and visible, looked at from outside: on a connection of its own,
//! about once a millisecond.

use std::time::{Duration, Instant, SystemTime};

use sqlx::{Connection, PgConnection};
use tokio::task::JoinHandle;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use super::super::histogram::Latencies;
use super::super::site::Ground;

const EVERY: Duration = Duration::from_millis(1);

/// Somebody who looks.
pub(super) struct Watch {
    stop: CancellationToken,
    looking: JoinHandle<anyhow::Result<Seen>>,
}

/// What was seen.
pub(super) struct Seen {
    /// Whenever something had moved: when that was seen, the head of the log, and how far readers
    /// see it.
    looks: Vec<(SystemTime, u64, u64)>,
    /// From one look to the next: no stage is known more exactly.
    pub(super) gaps: Latencies,
}

impl Watch {
    pub(super) async fn start(ground: &Ground) -> anyhow::Result<Self> {
        let url = ground.config.database_url.expose();
        let mut connection = PgConnection::connect(url).await?;
        let stop = CancellationToken::new();
        let stopped = stop.clone();
        let looking = tokio::spawn(async move {
            let mut seen = Seen { looks: vec![], gaps: Latencies::new() };
            let mut ticks = tokio::time::interval(EVERY);
            ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            let mut before = Instant::now();
            while !stopped.is_cancelled() {
                ticks.tick().await;
                let (head, visible) = look(&mut connection).await?;
                let now = Instant::now();
                seen.gaps.add(now - before);
                before = now;
                if seen.looks.last().is_none_or(|last| (last.1, last.2) != (head, visible)) {
                    seen.looks.push((SystemTime::now(), head, visible));
                }
            }
            Ok(seen)
        });
        Ok(Self { stop, looking })
    }

    pub(super) async fn end(self) -> anyhow::Result<Seen> {
        self.stop.cancel();
        self.looking.await?
    }
}

impl Seen {
    /// When the log was first seen committed up to a position.
    pub(super) fn committed(&self, position: u64) -> Option<SystemTime> {
        self.first(|(_, head, _)| *head < position)
    }

    /// When the log was first seen visible up to a position.
    pub(super) fn visible(&self, position: u64) -> Option<SystemTime> {
        self.first(|(_, _, visible)| *visible < position)
    }

    fn first(&self, before: impl FnMut(&(SystemTime, u64, u64)) -> bool) -> Option<SystemTime> {
        self.looks.get(self.looks.partition_point(before)).map(|look| look.0)
    }
}

async fn look(connection: &mut PgConnection) -> anyhow::Result<(u64, u64)> {
    let (head, visible): (i64, i64) = sqlx::query_as(
        "SELECT (SELECT position FROM log_head), \
         coalesce((SELECT position FROM rm_checkpoints WHERE view = 'chat-rooms'), 0)",
    )
    .fetch_one(connection)
    .await?;
    Ok((head.unsigned_abs(), visible.unsigned_abs()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_counts_from_the_first_look_that_saw_it() {
        let at = |ms| SystemTime::UNIX_EPOCH + Duration::from_millis(ms);
        let looks = vec![(at(1), 6, 0), (at(2), 12, 6), (at(3), 12, 12)];
        let seen = Seen { looks, gaps: Latencies::new() };
        assert_eq!(seen.committed(6), Some(at(1)));
        assert_eq!(seen.committed(7), Some(at(2)));
        assert_eq!(seen.visible(7), Some(at(3)));
        assert_eq!(seen.visible(13), None);
    }
}
