//! Pools before a measurement begins, written in bulk: the domain's own events, in postgres-es'
//! table.

use std::time::SystemTime;

use cqrs_es::DomainEvent;
use domain::AggregateType;
use domain::company::NumberSpec;
use domain::ids::{PoolId, RequestId, RoomId};
use domain::pool::{PoolCommand, PoolEvent, SecondaryNumberPool};
use sqlx::PgPool;

/// Rows of one statement.
const TOGETHER: usize = 5_000;

/// One pool's whole stream.
pub(super) struct Stream {
    pub(super) id: PoolId,
    /// What its events lead to.
    pub(super) state: SecondaryNumberPool,
    events: Vec<PoolEvent>,
}

impl Stream {
    /// A pool with these numbers and so many rooms, spread over them.
    pub(super) fn with_rooms(id: PoolId, specs: &[NumberSpec], rooms: u64) -> anyhow::Result<Self> {
        let mut stream = Self { id, state: SecondaryNumberPool::default(), events: vec![] };
        let (pool_id, company) = (stream.id.clone(), stream.id.company.clone());
        stream.tell(&PoolCommand::Synchronise {
            pool_id,
            specs: specs.to_vec(),
            directory_version: 1,
        })?;
        let seeded_at = SystemTime::now().into();
        for (n, spec) in (0..rooms).zip(specs.iter().cycle()) {
            let wamid = format!("wamid.SEED{n}").parse()?;
            let request = RequestId::of(&company, &spec.number, &wamid, seeded_at);
            let room_id = RoomId::opened_by(request);
            let number = spec.number.clone();
            stream.tell(&PoolCommand::ReserveNumber { number, room_id })?;
        }
        Ok(stream)
    }

    fn tell(&mut self, command: &PoolCommand) -> anyhow::Result<()> {
        for event in self.state.decide(command)? {
            self.state.evolve(&event);
            self.events.push(event);
        }
        Ok(())
    }
}

/// Writes streams; how many rows that made.
pub(super) async fn write(pool: &PgPool, streams: &[Stream]) -> anyhow::Result<u64> {
    let rows: Vec<(String, i64, &PoolEvent)> = streams
        .iter()
        .flat_map(|stream| {
            (1..).zip(&stream.events).map(|(at, event)| (stream.id.to_string(), at, event))
        })
        .collect();
    for some in rows.chunks(TOGETHER) {
        let payloads: Result<Vec<_>, _> =
            some.iter().map(|(_, _, event)| serde_json::to_value(event)).collect();
        sqlx::query(
            "INSERT INTO events (aggregate_type, aggregate_id, sequence, event_type, \
             event_version, payload, metadata) \
             SELECT $1, id, sequence, type, version, payload, '{}' \
             FROM unnest($2::text[], $3::bigint[], $4::text[], $5::text[], $6::json[]) \
             AS e (id, sequence, type, version, payload)",
        )
        .bind(AggregateType::SecondaryNumberPool.as_str())
        .bind(some.iter().map(|(id, _, _)| id.clone()).collect::<Vec<_>>())
        .bind(some.iter().map(|(_, sequence, _)| *sequence).collect::<Vec<_>>())
        .bind(some.iter().map(|(_, _, event)| DomainEvent::event_type(*event)).collect::<Vec<_>>())
        .bind(
            some.iter().map(|(_, _, event)| DomainEvent::event_version(*event)).collect::<Vec<_>>(),
        )
        .bind(payloads?)
        .execute(pool)
        .await?;
    }
    Ok(rows.len() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pool_is_seeded_with_so_many_rooms() {
        let spec = |number: &str| NumberSpec {
            number: number.parse().unwrap(),
            display: "+12015550101".parse().unwrap(),
            country: "US".parse().unwrap(),
            capacity: None,
        };
        let specs = [spec("70000001"), spec("70000002")];
        let stream = Stream::with_rooms("bench-0_main".parse().unwrap(), &specs, 5).unwrap();
        let loads: Vec<u32> = stream.state.numbers().map(|number| number.load).collect();
        assert_eq!(loads, [3, 2]);
        assert_eq!(stream.events.len(), 1 + 2 + 5);
    }
}
