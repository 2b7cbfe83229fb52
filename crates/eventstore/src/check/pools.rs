//! Whether each number's load is the number of its open rooms.

use std::collections::BTreeMap;

use domain::pool::SecondaryNumberPool;
use sqlx::PgConnection;

use super::{CHECK, FindingKind, Findings};
use crate::StoreError;
use crate::error::During;

/// The pools of this batch, and how many open rooms all of them so far had.
#[derive(Default)]
pub(super) struct Pools {
    folded: BTreeMap<String, SecondaryNumberPool>,
    open_rooms: i64,
}

impl Pools {
    pub(super) fn add(&mut self, id: String, pool: SecondaryNumberPool) {
        self.folded.insert(id, pool);
    }

    pub(super) async fn compare(
        &mut self,
        db: &mut PgConnection,
        findings: &mut Findings,
    ) -> Result<(), StoreError> {
        if self.folded.is_empty() {
            return Ok(());
        }
        let folded = std::mem::take(&mut self.folded);
        let ids: Vec<&String> = folded.keys().collect();
        let rows: Vec<(String, String, i64)> = sqlx::query_as(
            "SELECT pool_id, number, count(*) FROM rooms \
             WHERE pool_id = ANY ($1) AND phase <> 'closed' GROUP BY pool_id, number",
        )
        .bind(ids)
        .fetch_all(db)
        .await
        .during(CHECK)?;
        let mut open: BTreeMap<(String, String), i64> = BTreeMap::new();
        for (pool, number, rooms) in rows {
            self.open_rooms += rooms;
            open.insert((pool, number), rooms);
        }
        for (id, pool) in &folded {
            for number in pool.numbers() {
                let key = (id.clone(), number.spec.number.to_string());
                let (load, rooms) = (i64::from(number.load), open.remove(&key).unwrap_or(0));
                findings.unless(load == rooms, FindingKind::PoolLoad, || {
                    format!("pool {id}, number {}: load {load}, open rooms {rooms}", key.1)
                });
            }
        }
        for ((id, number), rooms) in open {
            let what = format!("pool {id} has no number {number}, and it has {rooms} open rooms");
            findings.add(FindingKind::PoolLoad, what);
        }
        Ok(())
    }

    pub(super) async fn compare_rest(
        &self,
        db: &mut PgConnection,
        findings: &mut Findings,
    ) -> Result<(), StoreError> {
        let there: i64 = sqlx::query_scalar("SELECT count(*) FROM rooms WHERE phase <> 'closed'")
            .fetch_one(db)
            .await
            .during(CHECK)?;
        let seen = self.open_rooms;
        findings.unless(there == seen, FindingKind::PoolLoad, || {
            format!("{there} rooms are open, {seen} of them in pools in the log")
        });
        Ok(())
    }
}
